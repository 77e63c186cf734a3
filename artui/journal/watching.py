"""What a screen shows of a watched folder's rule: its figures, its jobs, and the files that were not taken, by reason.

Every function only reads, inside one transaction of :class:`artui.journal.store.Journal`.
"""

from __future__ import annotations

import os
from array import array
from collections.abc import Iterator
from dataclasses import dataclass

from artui.journal import jobs, rules, seen
from artui.journal.crowds import HoldCount
from artui.journal.rules import RuleRow
from artui.journal.seen import NEWEST
from artui.journal.store import Connection, first, rows, value
from artui.model.job import Job
from artui.model.states import Status
from artui.model.watching import Skip

_BAD = (Status.SKIPPED, Status.FAILED)
"""How jobs end that brought no new result of their own."""


@dataclass(frozen=True, slots=True)
class Today:
    """What a rule did since midnight: files it took, how many of these are done or failed by now, files it refused;
    ``rejected`` are those of the done whose result a person has rejected."""

    taken: int = 0
    done: int = 0
    failed: int = 0
    refused: int = 0
    rejected: int = 0

    @property
    def bad(self) -> int:
        """The files that have no result to be used."""
        return self.failed + self.refused + self.rejected


def today(db: Connection, rule: str, midnight: float) -> Today:
    """The figures of a rule since ``midnight``, in epoch seconds."""
    # Numbers rise with time: from the newest job back, no more are looked at than came today.
    newest_before = first(db, "SELECT id FROM jobs WHERE created_at < ? ORDER BY id DESC LIMIT 1", (midnight,))
    ended = list(
        rows(
            db,
            "SELECT status, review = 'rejected', COUNT(*) FROM jobs WHERE rule = ? AND rule <> '' AND id > ?"
            " GROUP BY 1, 2",
            (rule, newest_before[0] if newest_before else 0),
        )
    )
    found = {status: sum(number for one, _, number in ended if one == status) for status, _, _ in ended}
    rejected = sum(number for _, is_rejected, number in ended if is_rejected)
    refused = value(
        db,
        "SELECT COUNT(*) FROM seen WHERE rule = ? AND job IS NULL AND reason <> ? AND at >= ?",
        (rule, Skip.BEFORE_THE_RULE, midnight),
    )
    done = found.get(Status.DONE, 0) + found.get(Status.SKIPPED, 0)
    return Today(sum(found.values()), done, found.get(Status.FAILED, 0), int(refused), rejected)


def held(db: Connection, rule: str) -> dict[str, HoldCount]:
    """The jobs of a rule that are held, counted by reason."""
    found = rows(
        db,
        "SELECT reason, COUNT(*), SUM(COALESCE(quoted, 0)) FROM jobs WHERE rule = ? AND rule <> '' AND status = 'held'"
        " GROUP BY reason",
        (rule,),
    )
    return {reason: HoldCount(number, needs) for reason, number, needs in found}


def order(db: Connection, rule: str) -> array[int]:
    """The numbers of all jobs of a rule, newest first, eight bytes each."""
    found = rows(db, "SELECT id FROM jobs WHERE rule = ? AND rule <> '' ORDER BY id DESC", (rule,))
    return array("q", (number for (number,) in found))


# --------------------------------------------------------------------------------------------------- files not taken


@dataclass(frozen=True, slots=True)
class FileGroup:
    """Files that brought no new result, for one reason: how many, the newest names, and what is said of the newest.

    ``status``: how their jobs ended; empty where they became none. ``passing``: they are only passed over for now, and
    the journal knows no more of them than this.
    """

    reason: str
    count: int
    newest: tuple[str, ...]
    message: str = ""
    status: str = ""
    passing: bool = False


@dataclass(frozen=True, slots=True)
class NotTaken:
    """One file of a group; ``job`` is the one that has to do with it."""

    name: str
    message: str
    at: float
    job: int | None = None


def groups(db: Connection, row: RuleRow) -> list[FileGroup]:
    """The files of a rule that brought no new result, by reason: those that only wait come first."""
    return [*_passing(row), *_refused(db, row), *_ended(db, row)]


def _passing(row: RuleRow) -> Iterator[FileGroup]:
    for reason, one in row.not_taken.items():
        yield FileGroup(reason, one.count, tuple(reversed(one.newest)), passing=True)


def _refused(db: Connection, row: RuleRow) -> Iterator[FileGroup]:
    for reason, one in seen.not_taken(db, row.id).items():
        newest = files(db, row, FileGroup(reason, one.count, ()), 1)
        yield FileGroup(reason, one.count, one.newest, newest[0].message if newest else "")


def _ended(db: Connection, row: RuleRow) -> Iterator[FileGroup]:
    kinds = rows(
        db,
        "SELECT status, reason, COUNT(*) FROM jobs WHERE rule = ? AND rule <> '' AND status IN (?, ?)"
        " GROUP BY status, reason",
        (row.id, *_BAD),
    )
    for status, reason, number in kinds:
        newest = _jobs(db, row, status, reason, NEWEST)
        names = tuple(job.source.name for job in newest)
        yield FileGroup(reason, number, names, newest[0].message if newest else "", status)


def files(db: Connection, row: RuleRow, group: FileGroup, most: int) -> list[NotTaken]:
    """The newest files of a group, newest first."""
    if group.passing:
        return [NotTaken(name, "", 0.0) for name in group.newest]
    if group.status:
        found = _jobs(db, row, group.status, group.reason, most)
        return [NotTaken(job.source.name, job.message, job.finished_at or job.stage_at, job.id) for job in found]
    refused = rows(
        db,
        "SELECT name, message, at FROM seen WHERE rule = ? AND job IS NULL AND reason = ? ORDER BY at DESC LIMIT ?",
        (row.id, group.reason, most),
    )
    return [NotTaken(os.fsdecode(name), message, at) for name, message, at in refused]


def rejected(db: Connection, rule: str, most: int) -> list[NotTaken]:
    """The photos of a rule whose result a person has rejected, the latest decision first."""
    found = rows(
        db,
        "SELECT jobs.id, reviews.at, reviews.who, reviews.reason, MAX(reviews.seq) FROM jobs"
        " JOIN reviews ON reviews.job = jobs.id"
        " WHERE jobs.rule = ? AND jobs.rule <> '' AND jobs.review = 'rejected'"
        " GROUP BY jobs.id ORDER BY 5 DESC LIMIT ?",
        (rule, most),
    )
    made = [(jobs.get(db, number), at, who, reason) for number, at, who, reason, _ in found]
    return [NotTaken(job.source.name, f"by {who}: {reason}", at, job.id) for job, at, who, reason in made if job]


def _jobs(db: Connection, row: RuleRow, status: str, reason: str, most: int) -> list[Job]:
    condition = "rule = ? AND rule <> '' AND status = ? AND reason = ? ORDER BY id DESC LIMIT ?"
    return jobs.select(db, condition, (row.id, status, reason, most))


# ------------------------------------------------------------------------------------------------------- all of it


@dataclass(frozen=True, slots=True)
class Figures:
    """How a rule stands: all its jobs by status, the held ones by reason, what it did today and what it spent."""

    row: RuleRow
    counted: rules.JobCounts
    held: dict[str, HoldCount]
    today: Today
    spent: rules.RuleSpent


def figures(db: Connection, row: RuleRow, day: str, midnight: float) -> Figures:
    """The figures of a rule on a day (``YYYY-MM-DD``), which began at ``midnight`` in epoch seconds."""
    return Figures(
        row,
        rules.counts(db, row.id),
        held(db, row.id),
        today(db, row.id, midnight),
        rules.spent(db, row.id, row.account, day),
    )
