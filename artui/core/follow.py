"""The headless face: follows what happens to jobs and tells it, in lines for a person or JSON lines for a program."""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from math import inf
from typing import TYPE_CHECKING, Any, Protocol

from artui.config.system import iso
from artui.journal import history, jobs
from artui.model import SCHEMA
from artui.model.lines import waits_first
from artui.model.states import BOUGHT_BEFORE, Status, worded

if TYPE_CHECKING:
    from artui.journal import Journal
    from artui.journal.following import Scope
    from artui.journal.reviews import Decision
    from artui.model.documents import DecisionDocument, EventDocument, JobDocument
    from artui.model.job import Event, Job

LOOK_EVERY = 0.1
"""Seconds between two looks at what was written."""

ALIVE_EVERY = 1.0
"""Seconds between two looks at the engine."""

NEWS = frozenset(
    {"sent", "saved", "delivered", "failed", "refused", "cancelled", "given up", "unexpected error", "in doubt", "held",
     "payment required", "gone", "overdue", "result damaged", "trouble", "twin held", "unclear", "proved absent",
     "not fetched", BOUGHT_BEFORE}
)  # fmt: skip
"""The events a person wants to hear of; all others are steps on the way."""

_SAID: Mapping[str, str] = {
    "saved": "saved as {}",
    "failed": "the service failed on it: {}",
    "in doubt": "may have been paid: {}",
    "gone": "{}; it may have been paid",
}
"""How the bare fact of an event is put into a sentence, where it is not one already."""

SIGNS: Mapping[Status, str] = {
    Status.DONE: "+",
    Status.SKIPPED: "-",
    Status.FAILED: "x",
    Status.HELD: "!",
    Status.CANCELLED: "-",
}
"""One sign for how a job stands, the same everywhere."""


class Printer(Protocol):
    """Tells what happens."""

    def event(self, event: Event, job: Job) -> None:
        """One thing that happened to one job."""

    def note(self, text: str) -> None:
        """A sentence that is about no single job."""

    def pause(self) -> None:
        """All that has happened so far was told."""


@dataclass
class Lines:
    """One line per event that a person wants to hear of, or for ``every_step``."""

    say: Callable[[str], object]
    every_step: bool = False

    def event(self, event: Event, job: Job) -> None:
        """One line: time, sign, file, what happened."""
        if event.what in NEWS or self.every_step:
            self.say(f"{_clock(event.at)} {SIGNS.get(event.status, '>')} {told(event, job)}")

    def note(self, text: str) -> None:
        """The sentence."""
        self.say(text)

    def pause(self) -> None:
        """Nothing was put off."""


def _clock(at: float) -> str:
    return time.strftime("%H:%M:%S", time.localtime(at))


def told(event: Event, job: Job) -> str:
    """What happened to which photo, as a sentence; not printable yet."""
    said = _SAID.get(event.what, "{}").format(event.message or event.what)
    return said if said.startswith(job.source.name) else f"{job.source.name}: {said}"


GROUPED_EVERY = 5.0
"""Seconds between two lines about many photos."""


@dataclass
class Grouped:
    """For many photos: now and then how all of them stand (``standing``), after what went wrong, each kind once."""

    say: Callable[[str], object]
    standing: Callable[[], str]
    every: float = GROUPED_EVERY
    _wrong: dict[tuple[str, str], tuple[int, str]] = field(default_factory=dict)
    _since: float | None = None

    def event(self, event: Event, job: Job) -> None:
        """Count it; of each kind that needs a look the first is remembered."""
        if event.what not in NEWS:
            return
        self._since = self._since or time.monotonic()
        if event.status in (Status.FAILED, Status.HELD):
            kind = SIGNS[event.status], worded(job.reason) or event.what
            number, first = self._wrong.get(kind, (0, told(event, job)))
            self._wrong[kind] = number + 1, first

    def note(self, text: str) -> None:
        """The sentence, after what was put off for it."""
        self._tell_wrong()
        self.say(text)

    def pause(self) -> None:
        """Tell what has gathered, if that began some time ago."""
        if self._since is not None and time.monotonic() - self._since >= self.every:
            self._since = None
            self._tell_wrong()
            self.say(f"{_clock(time.time())}   {self.standing()}")

    def _tell_wrong(self) -> None:
        for (sign, reason), (number, first) in self._wrong.items():
            text = first if number == 1 else f"{number:,} photos: {reason}, first {first}"
            self.say(f"{_clock(time.time())} {sign} {text}")
        self._wrong.clear()


@dataclass
class JsonLines:
    """Every event as one JSON document on a line of its own."""

    write: Callable[[str], object]

    def event(self, event: Event, job: Job) -> None:
        """One line with the event and how the job stands."""
        self.document("event", {**event_document(event), "source": str(job.source)})

    def note(self, text: str) -> None:
        """One line with the sentence."""
        self.document("note", {"message": text})

    def pause(self) -> None:
        """Nothing was put off."""

    def document(self, kind: str, content: Mapping[str, Any]) -> None:
        """Write one line; ``type`` tells the kinds of lines apart."""
        self.write(json.dumps({"type": kind, "schema": SCHEMA, **content}, default=str))


def event_document(event: Event) -> EventDocument:
    """An event as JSON has it."""
    return {
        "seq": event.seq,
        "job": event.job,
        "at": event.at,
        "at_iso": iso(event.at),
        "what": event.what,
        "stage": event.stage,
        "status": event.status,
        "message": event.message,
    }


def decision_document(made: Decision) -> DecisionDocument:
    """A decision about a result as JSON has it."""
    return {
        "job": made.job,
        "at": made.at,
        "at_iso": iso(made.at),
        "who": made.who,
        "decision": made.decision,
        "reason": made.reason,
    }


def job_document(job: Job) -> JobDocument:
    """A job as JSON has it; ``outputs`` are the results on disk."""
    return {
        "id": job.id,
        "source": str(job.source),
        "account": job.account,
        "workflow": job.workflow,
        "workflow_name": job.workflow_name,
        "version": job.version,
        "batch": job.batch,
        "stage": job.stage,
        "status": job.status,
        "reason": job.reason,
        "reason_words": worded(job.reason),
        "message": job.message,
        "quoted": job.quoted,
        "charged": job.charged,
        "execution": job.execution,
        "twin_of": job.twin_of,
        "first": waits_first(job),
        "review": job.review,
        "review_reason": job.review_reason,
        "outputs": [result.path for result in job.results if result.path and job.status.final],
        "created_at": job.created_at,
        "created_at_iso": iso(job.created_at),
        "finished_at": job.finished_at,
        "finished_at_iso": iso(job.finished_at),
    }


# ------------------------------------------------------------------------------------------------------- following


@dataclass
class Follower:
    """Tells what happens to some jobs from event number ``seq`` on."""

    journal: Journal
    scope: Scope
    printer: Printer
    seq: int

    def tell(self) -> None:
        """Tell what has happened since the last time."""
        while events := self.journal.read(history.since, self.seq):  # in pages: after a night there may be many
            for event in events:
                job = self.journal.read(jobs.get, event.job)
                if job is not None and self.scope.holds(job):
                    self.printer.event(event, job)
            self.seq = events[-1].seq
        self.printer.pause()

    def until_still(
        self, keep_alive: Callable[[], None], *, with_qa: bool = False, patience: float = inf
    ) -> bool:  # fmt: skip
        """Tell what happens until none of the jobs moves by itself any more; False where ``patience`` (seconds) ended.

        ``keep_alive`` is called about once a second: it sees to it that there is an engine, or raises.
        """
        seen, looked_at, deadline = -1, 0.0, time.monotonic() + patience
        while True:
            changes = self.journal.changes()
            if changes != seen or time.monotonic() - looked_at >= ALIVE_EVERY:
                seen = changes
                still = not self.journal.read(self.scope.moving, with_qa=with_qa)
                self.tell()  # after the count, so that what made it nought is told too
                if still:
                    return True
            if time.monotonic() >= deadline:
                return False
            if time.monotonic() - looked_at >= ALIVE_EVERY:
                looked_at = time.monotonic()
                keep_alive()
            time.sleep(LOOK_EVERY)
