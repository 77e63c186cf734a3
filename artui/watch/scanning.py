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

from artui.config.system import is_in_cloud, privacy
from artui.files import Stamp
from artui.journal.seen import NEWEST, KnownFile
from artui.model.states import Seen
from artui.model.watching import RuleCause, Skip
from artui.timing import Clock
from artui.watch.marker import Offline
from artui.watch.rules import Rule, ignored

_VANISHED = (errno.ENOENT, errno.ENOTDIR, errno.ESTALE)


class Signs(NamedTuple):
    """All of a file by which it can be seen that somebody works on it; times in nanoseconds.

    A writer may keep size and time as they will be in the end, and fill in between: `ctime_ns` and ``blocks`` show it.
    """

    size: int
    mtime_ns: int
    ctime_ns: int
    blocks: int

    @classmethod
    def of(cls, status: os.stat_result) -> Signs:
        """Take them from what `stat` said."""
        return cls(status.st_size, status.st_mtime_ns, status.st_ctime_ns, status.st_blocks)


class Candidate(NamedTuple):
    """A new file. ``name`` is its path in the folder; ``watched``: for so many seconds it was seen not to change."""

    name: str
    stamp: Stamp
    signs: Signs
    watched: float


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
    """A new file on its way to being taken: since when (monotonic) it is seen as it is, when to open it next, and why
    it is not taken before."""

    stamp: Stamp
    signs: Signs
    first: float
    next: float
    why: str = Skip.GROWING


@dataclass(slots=True)
class _Dealt:
    """A file that was dealt with: how it was, and how long it stays so. ``at``: when it was noted, in epoch seconds."""

    size: int
    mtime_ns: int
    state: Seen
    at: float = 0.0
    inode: int = 0
    signs: Signs | None = None

    def is_still(self, status: os.stat_result) -> bool:
        """Whether nothing is to be done about the file as it is now.

        What lay there before the rule is left alone while size and time stay, for nothing knows its content. A refused
        file is looked at again after any change, which costs nothing. One that was taken is known by its digest, to be
        asked where another inode comes with another time of change within a mount.
        """
        if (self.size, self.mtime_ns) != (status.st_size, status.st_mtime_ns):
            return False
        if self.state is Seen.EXISTING:
            return True
        if self.state in (Seen.REFUSED, Seen.LEAVING):
            if self.signs is None and status.st_ctime > self.at:  # changed while nobody watched
                return False
            self.signs = self.signs or Signs.of(status)
            return self.signs == Signs.of(status)
        self.inode = self.inode or status.st_ino  # learned at the first look of a mount
        return self.inode == status.st_ino or self.signs == Signs.of(status)


class _Now(NamedTuple):
    """When a look began: by the monotonic clock, and by the system's or the one that never jumps, whichever is earlier:
    a file has surely not been written to for as long as that says."""

    steady: float
    wall: float


class Scanner:
    """Looks at one rule's folder, again and again.

    ``known`` are the files that were dealt with before. Size and time alone tell one content from another across
    mounts; the inode counts beside them only within one mount.
    """

    def __init__(self, rule: Rule, clock: Clock, known: Iterable[KnownFile]) -> None:
        self.rule = rule
        self._clock = clock
        self._known = {file.name: _Dealt(file.size, file.mtime_ns, file.state, file.at) for file in known}
        self._settling: dict[str, _Settling] = {}
        self._root: tuple[int, int] | None = None

    def knows(self, candidate: Candidate, state: Seen) -> None:
        """A file has been dealt with, as it was."""
        name, stamp, signs, _ = candidate
        self._settling.pop(name, None)
        self._known[name] = _Dealt(stamp.size, stamp.mtime_ns, state, time.time(), stamp.inode, signs)

    def forget(self, name: str) -> None:
        """Take a file for new when it is seen next."""
        self._known.pop(name, None)

    def not_whole(self, candidate: Candidate, why: str) -> float:
        """A settled file is not whole, or cannot be read: it is opened again when it changes, or patience with it ends;
        returns when."""
        now = time.monotonic()
        first = now - candidate.watched
        ends = sorted((first + self.rule.refused_after, first + self.rule.patience))
        again = next((end for end in ends if end > now), now + self.rule.refused_after)
        settling = self._settling.get(candidate.name)
        if settling is not None and settling.signs == candidate.signs:
            settling.next, settling.why = again, why
        return again

    def everything_new(self) -> list[Candidate]:
        """The new files of the last look, settled or not."""
        return [Candidate(name, settling.stamp, settling.signs, 0.0) for name, settling in self._settling.items()]

    def look(self, root: tuple[int, int]) -> Glance:
        """Look at the whole folder. ``root`` is its device and inode: another one is another mount.

        Raises :class:`artui.watch.marker.Offline` where the folder goes away meanwhile.
        """
        if root != self._root:
            self._root = root
            for dealt in self._known.values():
                dealt.inode = 0  # another mount deals them anew
        # What is not met in this look is forgotten with the old table.
        glance, before, now = Glance(), self._settling, _Now(time.monotonic(), min(time.time(), self._clock.now()))
        self._settling = {}
        for name, entry in self._entries(glance):
            try:
                status = entry.stat(follow_symlinks=False)
            except OSError:
                continue  # it has gone again
            if not stat.S_ISREG(status.st_mode):
                glance.pass_over(Skip.NOT_REGULAR, name)
                continue
            known = self._known.get(name)
            if known is None or not known.is_still(status):
                self._judge(glance, name, status, before.get(name), now)
        return glance

    def _judge(
        self, glance: Glance, name: str, status: os.stat_result, settling: _Settling | None, now: _Now
    ) -> None:  # fmt: skip
        """Note a new file, and whether it is time to open it. The time it shows only ever speaks for it: a whole photo
        that is old is taken at first sight, and patience with any other begins there."""
        stamp, signs = Stamp.of(status), Signs.of(status)
        if settling is None or settling.signs != signs:
            # A time that lies ahead counts as now.
            age = max(0.0, now.wall - stamp.mtime_ns / 1e9) if settling is None else 0.0
            settling = _Settling(stamp, signs, now.steady, now.steady - age + self.rule.quiet)
        self._settling[name] = settling
        if is_in_cloud(status):  # before it counts as new: opening it would fetch it
            glance.pass_over(Skip.IN_CLOUD, name)
            return
        glance.new += 1
        if now.steady >= settling.next:
            glance.settled.append(Candidate(name, stamp, signs, now.steady - settling.first))
            return
        glance.pass_over(settling.why, name)
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
                    if why != Skip.OURS:
                        glance.pass_over(why, name)
                elif is_folder:
                    if rule.recursive:
                        ahead.append(f"{name}/")
                elif has_patterns and not rule.wants(word, name):
                    glance.pass_over(Skip.PATTERN, name)
                else:
                    yield name, entry


def _list(folder: Path, below: str, glance: Glance) -> Iterator[os.DirEntry[str]]:
    """The entries of the folder, or of one below it; one that cannot be read is told of and passed over."""
    try:
        with os.scandir(folder / below if below else folder) as entries:
            yield from entries
    except OSError as error:
        if not below:
            sentence = f"{folder} cannot be read ({privacy(error) or error.strerror})"
            raise Offline(RuleCause.UNREADABLE, sentence) from error
        if error.errno not in _VANISHED:
            glance.pass_over(Skip.UNREADABLE, below)
