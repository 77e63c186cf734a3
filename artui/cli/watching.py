"""What a watching engine says: lines on stderr for a person or for journald, JSON lines for a program, its own log.

Nothing that is said may hold up or end the engine: a terminal can be stopped by a key or gone with its connection.
"""

from __future__ import annotations

import json
import logging
import os
import queue
import sys
import threading
import time
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from enum import IntEnum
from typing import TYPE_CHECKING, Any

from artui.cli import streams
from artui.config.system import iso
from artui.core.follow import NEWS, SIGNS, event_document, told
from artui.credentials import scrub
from artui.journal.rules import RuleState
from artui.model import SCHEMA
from artui.model.job import Event, Job
from artui.model.states import Status, worded
from artui.sanitize import sanitize
from artui.watch.folder import WatchEvent, What

if TYPE_CHECKING:
    from artui.cli.documents import WatchLine, WatchNote

log = logging.getLogger("artui.watch")

MOST_WAITING = 10_000
"""Lines that may wait for a reader who does not read; what comes then is in the log only."""

ONE_BY_ONE = 3
"""Photos that meet the same trouble at one time are named up to this number, and counted beyond it."""

PARTING = 2.0
"""Seconds the last lines get to leave."""


class VoiceLevel(IntEnum):
    """How much a line matters, as journald counts."""

    ERROR = 3
    WARNING = 4
    INFO = 6


_LOGGED = {VoiceLevel.ERROR: logging.ERROR, VoiceLevel.WARNING: logging.WARNING, VoiceLevel.INFO: logging.INFO}


class Outlet:
    """Writes lines to a descriptor, in a thread of its own."""

    def __init__(self, descriptor: int) -> None:
        self._descriptor = descriptor
        self._waiting: queue.Queue[str | None] = queue.Queue(MOST_WAITING)
        self._thread = threading.Thread(target=self._write_all, name=f"lines to {descriptor}", daemon=True)
        self._thread.start()

    def put(self, line: str) -> None:
        """Have a line written when it can be; never waits."""
        with suppress(queue.Full):  # then nobody reads, and the log has it
            self._waiting.put_nowait(f"{line}\n")

    def close(self) -> None:
        """Let what waits be written, if somebody takes it now."""
        try:
            self._waiting.put(None, timeout=PARTING)
        except queue.Full:
            return
        self._thread.join(PARTING)

    def _write_all(self) -> None:
        there = True
        while (line := self._waiting.get()) is not None:
            # Past Python's own streams: their locks would hold up the end of the process while a terminal is stopped.
            rest = line.encode("utf-8", "backslashreplace")
            try:
                while there and rest:
                    rest = rest[os.write(self._descriptor, rest) :]
            except OSError as problem:
                there = False  # the terminal or the reader is gone; the work goes on
                log.warning("nobody takes the lines any more (%s); they are in this log", problem.strerror)


@dataclass
class Voice:
    """Says lines where they belong. ``in_journal``: stderr leads to journald, which stamps the time itself;
    ``is_quiet``: of what a person reads only what is wrong."""

    outlet: Outlet
    as_json: bool = False
    in_journal: bool = False
    is_quiet: bool = False

    def close(self) -> None:
        """Let the last lines leave, if somebody takes them now."""
        self.outlet.close()

    @classmethod
    def here(cls, *, as_json: bool) -> Voice:
        """The voice of this process: JSON lines on stdout, or lines on stderr."""
        stream = sys.stdout if as_json else sys.stderr
        stream.flush()
        in_journal = not as_json and leads_to_journald(stream.fileno())
        return cls(Outlet(stream.fileno()), as_json, in_journal, streams.volume() < 0)

    def say(self, text: str, level: VoiceLevel = VoiceLevel.INFO) -> None:
        """One sentence, for whoever listens."""
        self.line(text, level)
        now = time.time()
        note: WatchNote = {"at": now, "at_iso": iso(now), "level": level.name.lower(), "message": text}
        self.document("note", note)

    def line(self, text: str, level: VoiceLevel = VoiceLevel.INFO, at: float | None = None) -> None:
        """One line for a person and the log, about something that happened ``at`` a time, else now."""
        log.log(_LOGGED[level], "%s", sanitize(text))
        self.put(text, level, at)

    def put(self, text: str, level: VoiceLevel, at: float | None = None) -> None:
        """One line for a person that stands in the log already."""
        if self.is_quiet and level is VoiceLevel.INFO:
            return
        if self.in_journal:
            self.outlet.put(f"<{level.value}>{sanitize(text)}")
        elif not self.as_json:
            self.outlet.put(f"{time.strftime('%Y-%m-%d %H:%M:%S', time.localtime(at))} {sanitize(text)}")

    def document(self, kind: str, content: Mapping[str, Any]) -> None:
        """One JSON line; silent where lines are for a person."""
        if self.as_json:
            self.outlet.put(json.dumps({"type": kind, "schema": SCHEMA, **content}, default=str))


class _Forward(logging.Handler):
    """Passes on what other rooms log that somebody should read, as a disk that is full."""

    def __init__(self, voice: Voice) -> None:
        super().__init__(logging.WARNING)
        self._voice = voice

    def emit(self, record: logging.LogRecord) -> None:
        if record.name != log.name:
            level = VoiceLevel.ERROR if record.levelno >= logging.ERROR else VoiceLevel.WARNING
            self._voice.put(scrub(record.getMessage()), level, record.created)


def forward_warnings(voice: Voice) -> None:
    """From now on, say what this process logs as a warning or worse too."""
    logging.getLogger().addHandler(_Forward(voice))


def leads_to_journald(descriptor: int, environ: Mapping[str, str] = os.environ) -> bool:
    """Whether what is written to a descriptor goes to journald. Source: systemd.exec(5), ``JOURNAL_STREAM``."""
    there = os.fstat(descriptor)
    return environ.get("JOURNAL_STREAM") == f"{there.st_dev}:{there.st_ino}"


_SERIOUS = frozenset(
    {
        RuleState.OFFLINE, RuleState.FOREIGN, RuleState.HELD, What.REFUSED, What.LEFT, What.PROBLEM, What.UNREADABLE,
    }
)  # fmt: skip
"""What a watcher tells of that somebody should read."""


@dataclass
class WatchPrinter:
    """Tells what happens to jobs and folders: how each photo ended in a line of its own, trouble that many share at one
    time in one line for all, so that who reads it in the morning finds both. Thread-safe."""

    voice: Voice
    _troubled: dict[tuple[str, str], list[tuple[str, float]]] = field(default_factory=dict)
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def event(self, event: Event, job: Job) -> None:
        """One thing that happened to one job."""
        self.voice.document("event", {**event_document(event), "source": str(job.source), "rule": job.rule})
        if event.what not in NEWS or event.what == "sent":
            return
        text = f"{SIGNS.get(event.status, '>')} {told(event, job)}"
        if event.status in (Status.FAILED, Status.HELD):
            self._gather(SIGNS[event.status], worded(job.reason) or event.what, text, event.at)
            return
        cost = f" ({job.charged:,} credits)" if event.status is Status.DONE and job.charged is not None else ""
        self.voice.line(f"{text}{cost}", at=event.at)

    def watched(self, event: WatchEvent) -> None:
        """One thing a watcher did or found."""
        document: WatchLine = {
            "at": event.at, "at_iso": iso(event.at), "rule": event.rule.id, "name": event.rule.name,
            "what": event.what, "message": event.message, "files": list(event.names),
        }  # fmt: skip
        self.voice.document("watch", document)
        if event.what in (What.MOVED, RuleState.ENDED):
            return  # said already: how the photo's job ended, and that all of artui does
        text = f"{event.rule.name}: {event.sentence or event.what}"
        if event.what in (What.REFUSED, What.LEFT):
            self._gather(f"! {event.rule.name}:", event.message, f"! {text}", event.at)
        else:
            self.voice.line(text, VoiceLevel.WARNING if event.what in _SERIOUS else VoiceLevel.INFO, event.at)

    def note(self, text: str) -> None:
        """A sentence that is about no single job."""
        self.voice.say(text)

    def warn(self, text: str) -> None:
        """A sentence that somebody should read."""
        self.voice.say(text, VoiceLevel.WARNING)

    def pause(self) -> None:
        """Tell what was gathered."""
        with self._lock:
            gathered, self._troubled = self._troubled, {}
        for (whose, reason), met in gathered.items():
            for text, at in met if len(met) <= ONE_BY_ONE else ():
                self.voice.line(text, VoiceLevel.WARNING, at)
            if len(met) > ONE_BY_ONE:
                text, at = met[0]
                self.voice.line(f"{whose} {len(met):,} photos: {reason}; the first {text[2:]}", VoiceLevel.WARNING, at)

    def _gather(self, whose: str, reason: str, text: str, at: float) -> None:
        with self._lock:
            self._troubled.setdefault((whose, reason), []).append((text, at))
