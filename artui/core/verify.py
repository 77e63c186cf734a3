"""Whether the results on disk are still what was saved: read again and compared with the journal. Changes nothing."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path

from artui.files.regular import digest_of
from artui.journal.published import SavedResult


class Presence(StrEnum):
    """How a result is found."""

    WHOLE = "whole"
    MOVED = "moved"
    CHANGED = "changed"
    MISSING = "missing"
    UNREADABLE = "unreadable"


LOST = frozenset({Presence.CHANGED, Presence.MISSING, Presence.UNREADABLE})
"""Findings by which the bytes that were paid for are not, or perhaps not, here any more."""


@dataclass(frozen=True, slots=True)
class Verified:
    """A result and how it is found; ``now``: where its bytes lie, of one that was moved, else why it is unreadable."""

    result: SavedResult
    finding: Presence
    now: str = ""


def verify(
    results: Sequence[SavedResult], folders: Iterable[Path], told: Callable[[int, int], None]
) -> list[Verified]:  # fmt: skip
    """Read every result and say how it is found; ``told`` hears how many of how many were read. Blocks.

    What is missing or changed is looked for, by its bytes, in these folders and in those it was saved to, with all
    below them; nothing follows a link.
    """
    verified = []
    for number, result in enumerate(results, 1):
        try:
            found = Presence.WHOLE if digest_of(result.path) == result.digest else Presence.CHANGED
            verified.append(Verified(result, found))
        except (FileNotFoundError, NotADirectoryError):
            verified.append(Verified(result, Presence.MISSING))
        except OSError as problem:
            verified.append(Verified(result, Presence.UNREADABLE, problem.strerror or str(problem)))
        told(number, len(results))
    lost = [one for one in verified if one.finding in (Presence.MISSING, Presence.CHANGED)]
    places = {*folders, *(one.result.path.parent for one in lost)}
    elsewhere = _found({one.result.digest: one.result.size for one in lost}, places)
    return [
        Verified(one.result, Presence.MOVED, elsewhere[one.result.digest])
        if one in lost and one.result.digest in elsewhere
        else one
        for one in verified
    ]


def moved_into(results: Sequence[SavedResult], folders: Sequence[Path]) -> list[Verified]:
    """Those of the results, saved elsewhere and no longer there, that lie in these folders or below. Blocks."""
    gone = [one for one in results if not os.path.lexists(one.path)]
    here = _found({one.digest: one.size for one in gone}, folders)
    return [Verified(one, Presence.MOVED, here[one.digest]) for one in gone if one.digest in here]


def _found(wanted: dict[str, int], places: Iterable[Path]) -> dict[str, str]:
    """Where files with these digests, each of so many bytes, lie below some folders. What cannot be read is passed."""
    found: dict[str, str] = {}
    sizes = set(wanted.values())
    for path in _files(places) if wanted else ():
        try:
            # One whose size was not kept may be any file; else only those of its size are worth reading.
            if -1 in sizes or path.stat(follow_symlinks=False).st_size in sizes:
                digest = digest_of(path)
                if digest in wanted:
                    found.setdefault(digest, str(path))
        except OSError:
            continue
    return found


def _files(places: Iterable[Path]) -> Iterator[Path]:
    """Every file below some folders, once, however they lie in each other."""
    seen: set[Path] = set()
    for place in sorted(places):
        for folder, folders, names in os.walk(place):
            if Path(folder) in seen:
                folders.clear()
                continue
            seen.add(Path(folder))
            yield from (Path(folder, name) for name in sorted(names))
