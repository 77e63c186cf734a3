"""One look at a watched folder: which files are new, and which of them have settled.

A look lists names and asks for sizes and times, and remembers what it saw; no file is opened. It blocks: for a thread.
"""

from __future__ import annotations

import errno
import os
import stat
import time
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import NamedTuple

from artui.files import Stamp
from artui.journal.seen import NEWEST
from artui.pace import Clock
from artui.watch.marker import Offline
from artui.watch.rules import OURS, Rule, ignored

GROWING = "still growing"
"""Why a file is passed over that may not be whole yet."""

_VANISHED = (errno.ENOENT, errno.ENOTDIR, errno.ESTALE)


class Candidate(NamedTuple):
    """A new file. ``name`` is its path in the folder; ``quiet``: for so many seconds it surely has not changed."""

    name: str
    stamp: Stamp
    quiet: float


@dataclass(slots=True)
class Passed:
    """Files passed over for one reason: how many, and some of their names."""

    count: int = 0
    names: list[str] = field(default_factory=list)

    def add(self, name: str) -> None:
        """Count one more."""
        self.count += 1
        if self.count > NEWEST:
            del self.names[0]
        self.names.append(name)


@dataclass(slots=True)
class Glance:
    """What one look showed. ``settled`` are the new files that may be whole; ``growing`` is when (monotonic) the first
    of the others may have settled, None where there is none; ``new`` counts both."""

    settled: list[Candidate] = field(default_factory=list)
    passed: dict[str, Passed] = field(default_factory=dict)
    growing: float | None = None
    new: int = 0

    def pass_over(self, reason: str, name: str) -> None:
        """Count a file that is not taken."""
        self.passed.setdefault(reason, Passed()).add(name)

    def look_again(self, when: float) -> None:
        """Note when (monotonic) one of the files that are not taken may have settled."""
        self.growing = when if self.growing is None else min(self.growing, when)


@dataclass(slots=True)
class _Settling:
    """A new file on its way to being taken: since when (monotonic) it has not changed, and when to open it next."""

    stamp: Stamp
    since: float
    next: float


class _Now(NamedTuple):
    """When a look began: by the monotonic clock, and by the system's or the one that never jumps, whichever is earlier:
    a file has surely not been written to for as long as that says."""

    steady: float
    wall: float


class Scanner:
    """Looks at one rule's folder, again and again.

    ``known`` are name, size and time of the files that were dealt with before. Those alone tell one content from
    another across mounts; the inode counts beside them only within one mount.
    """

    def __init__(self, rule: Rule, clock: Clock, known: Iterable[tuple[str, int, int]]) -> None:
        self.rule = rule
        self._clock = clock
        self._known: dict[str, tuple[int, int, int]] = {name: (size, mtime, 0) for name, size, mtime in known}
        self._settling: dict[str, _Settling] = {}
        self._root: tuple[int, int] | None = None

    def knows(self, name: str, stamp: Stamp) -> None:
        """A file has been dealt with, as it was."""
        self._settling.pop(name, None)
        self._known[name] = (stamp.size, stamp.mtime_ns, stamp.inode)

    def forget(self, name: str) -> None:
        """Take a file for new when it is seen next."""
        self._known.pop(name, None)

    def not_whole(self, candidate: Candidate) -> float:
        """A settled file is not whole: it is opened again when it changes, or patience with it ends; returns when."""
        now = time.monotonic()
        again = now - candidate.quiet + self.rule.patience
        again = again if again > now else now + self.rule.patience
        settling = self._settling.get(candidate.name)
        if settling is not None and settling.stamp == candidate.stamp:
            settling.next = again
        return again

    def everything_new(self) -> list[Candidate]:
        """The new files of the last look, settled or not."""
        return [Candidate(name, settling.stamp, 0.0) for name, settling in self._settling.items()]

    def look(self, root: tuple[int, int]) -> Glance:
        """Look at the whole folder. ``root`` is its device and inode: another one is another mount.

        Raises :class:`artui.watch.marker.Offline` where the folder goes away meanwhile.
        """
        if root != self._root:
            self._root = root
            self._known = {name: (size, mtime, 0) for name, (size, mtime, _) in self._known.items()}
        glance, before, now = Glance(), self._settling, _Now(time.monotonic(), min(time.time(), self._clock.now()))
        self._settling = {}
        for name, entry in self._entries(glance):
            try:
                status = entry.stat(follow_symlinks=False)
            except OSError:
                continue  # it has gone again
            if not stat.S_ISREG(status.st_mode):
                glance.pass_over("not a regular file", name)
                continue
            known = self._known.get(name)
            if known is not None and known[:2] == (status.st_size, status.st_mtime_ns):
                if known[2] == status.st_ino:
                    continue
                if known[2] == 0:
                    self._known[name] = (*known[:2], status.st_ino)
                    continue
            self._judge(glance, name, Stamp.of(status), before.get(name), now)
        return glance

    def _judge(self, glance: Glance, name: str, stamp: Stamp, settling: _Settling | None, now: _Now) -> None:
        """Note a new file, and whether it is time to open it."""
        if settling is None or settling.stamp != stamp:
            age = max(0.0, now.wall - stamp.mtime_ns / 1e9) if settling is None else 0.0
            since = now.steady - age
            settling = _Settling(stamp, since, since + self.rule.quiet)
        self._settling[name] = settling
        glance.new += 1
        if now.steady >= settling.next:
            glance.settled.append(Candidate(name, stamp, now.steady - settling.since))
            return
        glance.pass_over(GROWING, name)
        glance.look_again(settling.next)

    def _entries(self, glance: Glance) -> Iterator[tuple[str, os.DirEntry[str]]]:
        """The files of the folder that have a wanted name, each with its path in the folder."""
        rule, ahead = self.rule, [""]
        has_patterns = bool(rule.include or rule.exclude)
        while ahead:
            below = ahead.pop()
            for entry in _list(rule.folder, below, glance):
                word = entry.name
                name = below + word
                is_folder = entry.is_dir(follow_symlinks=False)
                if why := ignored(word, rule.ignoring, is_folder=is_folder):
                    if why != OURS:
                        glance.pass_over(why, name)
                elif is_folder:
                    if rule.recursive:
                        ahead.append(f"{name}/")
                elif has_patterns and not rule.wants(word, name):
                    glance.pass_over("pattern", name)
                else:
                    yield name, entry


def _list(folder: Path, below: str, glance: Glance) -> Iterator[os.DirEntry[str]]:
    """The entries of the folder, or of one below it; one that cannot be read is told of and passed over."""
    try:
        with os.scandir(folder / below if below else folder) as entries:
            yield from entries
    except OSError as error:
        if not below:
            raise Offline(f"{folder} cannot be read ({error.strerror})") from error
        if error.errno not in _VANISHED:
            glance.pass_over("not readable by this user", below)
