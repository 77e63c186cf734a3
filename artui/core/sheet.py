"""What a sheet tells: photos before and after, how each stands, what was decided, what each cost, and the sums."""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import tzinfo
from itertools import chain, pairwise
from pathlib import Path

from artui.files import thumbnails
from artui.journal import Connection, books, reviews, seen, window
from artui.journal.books import CostLine, Grouping
from artui.journal.groups import group
from artui.journal.reviews import Decision
from artui.journal.window import Filter
from artui.model.holds import Group
from artui.model.job import Job
from artui.model.states import Status

MOST_BYTES = 25_000_000
"""What one page may weigh: mailboxes take so much, and a browser opens it at once."""

MOST_EDGE = 1_600
LEAST_EDGE = 160
GOOD_EDGE = 600
"""Pixels of the longer side: the most that is made and the least, and below which a photo can hardly be judged."""

_EDGES = (MOST_EDGE, 1_000, 700, 480, 320, 220, LEAST_EDGE)
_SAMPLE = 24
"""How many photos are weighed before all are made."""


@dataclass(frozen=True, slots=True)
class SheetEntry:
    """A photo of a sheet: its job, where it lies now (None: it has no file here), the first of its results and how many
    more there are, and what was decided."""

    job: Job
    before: Path | None
    after: Path | None
    others: int
    review: Decision | None

    @property
    def group(self) -> Group:
        """Who has to do something about it."""
        return group(self.job.status, self.job.reason, self.job.hold_scope, review=self.job.review)


@dataclass(frozen=True, slots=True)
class Sheet:
    """Photos in the order of the console, and what was paid for them, a line for each service."""

    entries: Sequence[SheetEntry]
    sums: Sequence[CostLine]


def read_sheet(db: Connection, wanted: Filter, zone: tzinfo) -> Sheet:
    """The wanted jobs as a sheet tells them; ``zone`` as in :func:`artui.journal.books.costs`."""
    numbers = window.order(db, wanted).tolist()
    found = window.some(db, numbers)
    sums = books.costs(db, Grouping.SERVICE, zone, jobs=numbers)
    entries = []
    for job in (found[number] for number in numbers):
        has_result = job.status in (Status.DONE, Status.SKIPPED)
        saved = [Path(result.path) for result in job.results if result.path and has_result]
        before = None if job.address or job.found else seen.place_now(db, job)
        decided = reviews.of_job(db, job.id)[-1] if job.review else None
        entries.append(SheetEntry(job, before, saved[0] if saved else None, max(0, len(saved) - 1), decided))
    return Sheet(entries, sums)


# ------------------------------------------------------------------------------------------------------ how large


def pictures(entries: Iterable[SheetEntry]) -> Iterator[Path | None]:
    """The files that are shown: of each photo the one before and the one after, None where there is none."""
    return chain.from_iterable((entry.before, entry.after) for entry in entries)


def fitting_edge(entries: Sequence[SheetEntry], room: float) -> int:
    """The longer side of thumbnails, in pixels, at which all of them take at most about so many bytes. Blocks."""
    sample = entries[:: max(1, len(entries) // _SAMPLE)]
    shown = [path for path in pictures(sample) if path]
    share = len(sample) / max(1, len(entries))
    expected = [weight / share for weight in thumbnails.weights(shown, _EDGES)]
    for (large, heavy), (small, light) in pairwise(zip(_EDGES, expected, strict=True)):
        if heavy <= room:
            return large
        if light <= room:  # in between, weight grows with a power of the edge
            power = math.log(heavy / light) / math.log(large / small)
            return int(small * (room / light) ** (1 / power))
    return LEAST_EDGE
