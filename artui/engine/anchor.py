"""The anchor: what is remembered of the journal outside its folder, so that a copy of it is told from the journal.

It names the journal, the engine's generation and how many paid calls were ever intended. A journal that is behind its
anchor does not know what was paid since; one that is at home in another folder or on another machine may have a twin
that goes on paying. With either only ``artui recover`` goes on.
"""

from __future__ import annotations

import json
import os
import time
import zlib
from enum import StrEnum
from typing import NamedTuple

from artui.config import Paths, write_private
from artui.config.private import NotPrivate, open_private, read_private
from artui.config.system import machine_id
from artui.journal import Journal, JournalProblem, requests
from artui.journal.requests import Home

LENGTH = 256
"""Bytes of an anchor: always as many, so that it can be overwritten in place."""

TORN_READS = 20
"""How often an anchor that does not add up is read again: somebody may be writing it."""


class Damage(StrEnum):
    """What is the matter with the journal."""

    NONE = "none"
    MISSING = "missing"
    OLDER = "older"
    OTHER = "another journal"
    UNKNOWN = "not remembered"
    ELSEWHERE = "elsewhere"
    ANCHOR = "anchor unreadable"
    TWIN = "twin"
    UNREAD = "not all services asked"
    DAMAGED = "damaged"


class Displaced(JournalProblem):
    """The journal is missing, or may be a copy: only ``artui recover`` may go on."""


class Anchor(NamedTuple):
    """What is remembered. ``intents`` is None in the form of before, which counts by its generation alone; ``origin``
    is what the journal's newest keys begin with."""

    uuid: str
    generation: int
    intents: int | None = None
    origin: str = ""

    def record(self) -> bytes:
        """The anchor as it stands on disk: JSON of a fixed length with a check sum."""
        return json.dumps({**self._asdict(), "check": self._check()}).ljust(LENGTH - 1).encode() + b"\n"

    @classmethod
    def parse(cls, record: bytes) -> Anchor:
        """Read a record, or the shorter JSON of before. Raises ValueError."""
        match json.loads(record):
            case {
                "uuid": str(uuid), "generation": int(generation), "intents": int(intents), "origin": str(origin),
                "check": int(check),
            }:  # fmt: skip
                anchor = cls(uuid, generation, intents, origin)
                if check == anchor._check():
                    return anchor
            # Exactly these two: with more it is no record of before.
            case {"uuid": str(uuid), "generation": int(generation), **more} if not more:
                return cls(uuid, generation)
        raise ValueError("it does not add up")

    def _check(self) -> int:
        return zlib.crc32(f"{self.uuid} {self.generation} {self.intents} {self.origin}".encode())


def read_anchor(paths: Paths) -> Anchor | None:
    """What is remembered of the journal; None where there was none yet. Raises :class:`Displaced`."""
    for read in range(TORN_READS):
        try:
            return Anchor.parse(read_private(paths.anchor))
        except FileNotFoundError:
            return None
        except NotPrivate as refusal:
            raise JournalProblem(str(refusal)) from None
        except OSError as problem:
            raise Displaced(_unreadable(paths, str(problem.strerror))) from problem
        except ValueError as problem:
            if read == TORN_READS - 1:
                raise Displaced(_unreadable(paths, str(problem))) from problem
            time.sleep(0.001)
    return None


def _unreadable(paths: Paths, why: str) -> str:
    return f"{paths.anchor}, which remembers the journal, cannot be read ({why}). Run `artui recover`."


class AnchorFile:
    """The anchor as the engine keeps it: made durable when it starts, then overwritten in place as intents are written.

    In place, because a rename and a sync for each paid call would take longer than all else it needs: an anchor that
    lags behind after a power cut only misses a copy that lacks those last intents. Raises JournalProblem.
    """

    def __init__(self, paths: Paths, journal: Journal) -> None:
        self.path = paths.anchor
        self._written = write_anchor(paths, journal)
        try:
            self._descriptor = open_private(self.path, os.O_WRONLY)
        except OSError as problem:
            raise _unwritable(paths, problem) from problem

    def advance(self, intents: int) -> None:
        """Remember that so many paid calls were intended by now; never fewer than before. Raises OSError."""
        if intents <= (self._written.intents or 0):  # another call under way has written it already
            return
        anchor = Anchor(self._written.uuid, self._written.generation, intents, self._written.origin)
        record = anchor.record()
        if os.pwrite(self._descriptor, record, 0) != len(record):
            raise OSError(f"{self.path} could not be written whole")
        self._written = anchor  # only once it is written: else a failure would count as done

    def close(self) -> None:
        """Write no more."""
        os.close(self._descriptor)


def write_anchor(paths: Paths, journal: Journal) -> Anchor:
    """Remember the journal as it is, and where it is at home; returns what was written. Raises JournalProblem."""
    journal.write(requests.settle_in, machine_id(), _folder(paths))
    home = journal.read(requests.home)
    anchor = Anchor(home.uuid, home.generation, home.intents, home.origin)
    try:
        write_private(paths.anchor, anchor.record())
    except OSError as problem:
        raise _unwritable(paths, problem) from problem
    return anchor


def _unwritable(paths: Paths, problem: OSError) -> JournalProblem:
    return JournalProblem(
        f"{paths.anchor} cannot be written ({problem.strerror}), so an old copy of the journal would not be noticed"
        " later. Free some space or mend that folder, then start again."
    )


# ---------------------------------------------------------------------------------------------- the right journal


def open_journal(paths: Paths) -> Journal:
    """The journal, checked against its anchor: one that vanished or may be a copy is never silently gone on with.

    Raises :class:`Displaced` and JournalProblem.
    """
    paths.create()
    anchor = read_anchor(paths)  # before the journal: it is written after it
    if anchor is not None and not paths.journal.exists():
        raise Displaced(f"{sentence(Damage.MISSING, paths)} Put it back, or run `artui recover`{_ADVICE}")
    journal = Journal(paths.journal)
    home = journal.read(requests.home)
    trouble = compare(anchor, home, paths)
    if trouble is not Damage.NONE:
        journal.close()
        raise Displaced(f"{sentence(trouble, paths, home)} {_WAYS[trouble]}, or run `artui recover`{_ADVICE}")
    return journal


_ADVICE = ": it looks for what was paid where a service has a list, and asks you about the rest."
_WAYS = {
    Damage.OLDER: "Put the newest one back",
    Damage.OTHER: "Put that one back",
    Damage.UNKNOWN: "Where the journal was only moved, move the data folder with it",
    Damage.ELSEWHERE: "Go on there",
}


def compare(anchor: Anchor | None, home: Home, paths: Paths) -> Damage:
    """What the anchor, the folder and the machine say of a journal; NONE where it is the right one."""
    if anchor is None and home.intents > 0:  # one that never paid may be new
        return Damage.UNKNOWN
    if anchor is not None and home.uuid != anchor.uuid:
        return Damage.OTHER
    if anchor is not None and (home.generation < anchor.generation or home.intents < (anchor.intents or 0)):
        return Damage.OLDER
    machine = machine_id()
    # A system without an id tells nothing; neither does a journal in which no engine has run yet.
    if (machine and home.machine and home.machine != machine) or (home.folder and home.folder != _folder(paths)):
        return Damage.ELSEWHERE
    return Damage.NONE


def sentence(trouble: Damage, paths: Paths, home: Home | None = None) -> str:
    """What is the matter, for a person."""
    journal = paths.journal
    match trouble:
        case Damage.MISSING:
            return f"The journal {journal} is missing, but there was one: what it knew of paid photos is gone."
        case Damage.OLDER:
            return f"The journal {journal} is an older copy: it does not know what was paid since."
        case Damage.OTHER:
            return f"The journal {journal} is not the one that was used here last: it does not know what that one paid."
        case Damage.UNKNOWN:
            return f"The journal {journal} has paid for photos, and nothing here remembers it: it may be a copy."
        case Damage.ELSEWHERE:
            return f"The journal {journal} is a copy of the one {_where(home)}, which may go on paying meanwhile."
        case Damage.ANCHOR:
            return f"{paths.anchor}, which remembers the journal, cannot be read: it may be an older copy."
        case Damage.TWIN:
            return "A copy of this journal has paid for photos that this one does not know of."
        case Damage.UNREAD:
            return "Photos may have been paid that this journal does not know of: not every service has been asked."
    return "The journal is right."


def _where(home: Home | None) -> str:
    if home is None:
        return "of another place"
    machine = machine_id()
    if machine and home.machine and home.machine != machine:
        return "of another machine"
    return f"in {os.fsdecode(home.folder)}"


def _folder(paths: Paths) -> bytes:
    return os.fsencode(os.path.realpath(paths.state))  # one spelling: a link to it is no other home
