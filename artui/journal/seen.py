"""What each watched folder's rule has seen: one row a file, by its path in the folder, written with the job it became.

Every function runs inside one transaction of :class:`artui.journal.store.Journal`.
"""

from __future__ import annotations

import os
import time
from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

from artui.journal import jobs, published
from artui.journal.rules import SkipCount
from artui.journal.store import Connection, first, rows, storable
from artui.model.job import Batch, Job, NewJob
from artui.model.states import FINAL, Seen

NEWEST = 3
"""How many names stand for a group."""


@dataclass(frozen=True, slots=True)
class SeenFile:
    """One file a rule has seen. ``name`` is its path in the folder; ``target`` where it is being moved to, or was;
    ``job`` the first of those that were made of it, one for each workflow."""

    name: str
    size: int
    mtime_ns: int
    state: Seen
    job: int | None = None
    reason: str = ""
    message: str = ""
    target: Path | None = None
    at: float = 0.0


class KnownFile(NamedTuple):
    """What tells whether a file is still as it was dealt with; ``at`` in epoch seconds."""

    name: str
    size: int
    mtime_ns: int
    state: Seen
    at: float


_COLUMNS = "name, size, mtime_ns, state, job, reason, message, target, at"


def _file(columns: Sequence[object]) -> SeenFile:
    name, size, mtime_ns, state, job, reason, message, target, at = columns
    place = None if target is None else Path(os.fsdecode(target))  # type: ignore[arg-type]
    return SeenFile(os.fsdecode(name), size, mtime_ns, Seen(state), job, reason, message, place, at)  # type: ignore[arg-type]


def known(db: Connection, rule: str, *, archives: bool = False) -> list[KnownFile]:
    """All files that are dealt with as long as they stay the same. Archives that were left alone are new where the rule
    takes such by now."""
    found = rows(
        db,
        "SELECT name, size, mtime_ns, state, at FROM seen WHERE rule = ? AND state <> 'moved'"
        " AND NOT (? AND state = 'refused' AND reason = 'archive')",
        (rule, archives),
    )
    return [KnownFile(os.fsdecode(name), size, mtime_ns, Seen(state), at) for name, size, mtime_ns, state, at in found]


def get(db: Connection, rule: str, name: str) -> SeenFile | None:
    """What is known of one file; None where it was never seen."""
    found = first(db, f"SELECT {_COLUMNS} FROM seen WHERE rule = ? AND name = ?", (rule, os.fsencode(name)))
    return _file(found) if found else None


def take(
    db: Connection, rule: str, batch: Batch, taken: Sequence[tuple[SeenFile, Sequence[NewJob]]], sample: int | None
) -> int:  # fmt: skip
    """Add jobs with the files they are made of, in one transaction; returns how many files.

    All files beyond the rule's ``sample`` wait for a yes. Raises :class:`artui.journal.jobs.StemTaken`.
    """
    free = len(taken) if sample is None else _left_of_sample(db, rule, sample, len(taken))
    numbers = iter(jobs.add(db, batch, [new for _, made in taken for new in made]))
    of_files = [[next(numbers) for _ in made] for _, made in taken]
    for made, (file, _) in zip(of_files, taken, strict=True):
        note(db, rule, file, job=made[0])
    if sample is not None:
        jobs.hold_behind_sample(db, [number for made in of_files[free:] for number in made], sample, "rule")
    return len(of_files)


def _left_of_sample(db: Connection, rule: str, sample: int, wanted: int) -> int:
    """How many files may go. Once more than the sample went on, somebody has said yes; a no cancels and asks anew."""
    went = rows(
        db,
        "SELECT DISTINCT source FROM jobs WHERE rule = ? AND rule <> '' AND status <> 'cancelled'"
        " AND NOT (status = 'held' AND reason = 'sample') LIMIT ?",
        (rule, sample + 1),
    )
    return wanted if len(went) > sample else sample - len(went)


def note(db: Connection, rule: str, file: SeenFile, job: int | None = None) -> None:
    """Note a file; what was known under its name gives way, but for how a photo came to be taken."""
    name = os.fsencode(file.name)
    db.execute(
        # A photo that was taken back from failed/ goes on saying so once it is a job.
        f"INSERT OR REPLACE INTO seen (rule, {_COLUMNS}) VALUES (?, ?, ?, ?, ?, ?, ?, COALESCE(NULLIF(?, ''),"
        " (SELECT message FROM seen WHERE rule = ? AND name = ? AND reason = ?), ''), NULL, ?)",
        (
            rule, name, file.size, file.mtime_ns, file.state, job, file.reason, storable(file.message),
            rule, name, TAKEN_BACK, time.time(),
        ),
    )  # fmt: skip


def note_all(db: Connection, rule: str, files: Iterable[SeenFile]) -> None:
    """Note files that become no jobs."""
    for file in files:
        note(db, rule, file)


def restamp(db: Connection, rule: str, name: str, size: int, mtime_ns: int, job: int) -> None:
    """Note that a file has another time and the content of this job, as before or again; one that was left in its place
    is tidied anew."""
    db.execute(
        "UPDATE seen SET size = ?, mtime_ns = ?, reason = '', message = iif(job IS NULL, '', message), job = ?,"
        " state = CASE WHEN state IN ('kept', 'refused') THEN 'taken' ELSE state END WHERE rule = ? AND name = ?",
        (size, mtime_ns, job, rule, os.fsencode(name)),
    )
    if not db.changes():  # it has this name for the first time
        note(db, rule, SeenFile(name, size, mtime_ns, Seen.TAKEN), job=job)


def forget(db: Connection, rule: str, name: str) -> None:
    """Let the next scan take a file for new."""
    db.execute("DELETE FROM seen WHERE rule = ? AND name = ?", (rule, os.fsencode(name)))


def forget_existing(db: Connection, rule: str) -> int:
    """Let the next scan take for new what lay in the folder before the rule; returns how many files that are."""
    db.execute("DELETE FROM seen WHERE rule = ? AND state = ?", (rule, Seen.EXISTING))
    return db.changes()


TAKEN_BACK = "taken back"
"""Why a file is new again that lay in failed/."""


def put_aside(db: Connection, rule: str, reasons: Collection[str], most: int) -> list[tuple[SeenFile, Path]]:
    """Files that were moved out of the folder without a job for some reasons, newest first, and where each lies."""
    found = rows(
        db,
        f"SELECT {_COLUMNS} FROM seen WHERE rule = ? AND job IS NULL AND state = 'moved' AND target IS NOT NULL"
        f" AND reason IN ({', '.join('?' * len(reasons))}) ORDER BY at DESC LIMIT ?",
        (rule, *reasons, most),
    )
    return [(file, file.target) for file in map(_file, found) if file.target is not None]


def put_aside_at(db: Connection, rule: str, place: Path) -> SeenFile | None:
    """The file that was moved out of a rule's folder to this place without a job; None where none was."""
    found = first(
        db,
        f"SELECT {_COLUMNS} FROM seen WHERE rule = ? AND job IS NULL AND state = 'moved' AND target = ?",
        (rule, os.fsencode(place)),
    )
    return _file(found) if found else None


def take_back(db: Connection, rule: str, name: str) -> None:
    """Note that a file lies in the folder again: it is seen as new, and what became of it before stays known."""
    db.execute(
        # No file has this size: it differs.
        "UPDATE seen SET state = 'refused', size = -1, reason = ?, message = ?, target = NULL, at = ?"
        " WHERE rule = ? AND name = ? AND state = 'moved'",
        (TAKEN_BACK, "it was taken back from failed/, for it had become whole", time.time(), rule, os.fsencode(name)),
    )


def to_tidy(db: Connection, rule: str, most: int = 200) -> list[tuple[SeenFile, list[Job]]]:
    """Files that are to leave the folder, or whose jobs have all ended since; each with its jobs."""
    ended = ", ".join(f"'{status}'" for status in sorted(FINAL))
    columns = ", ".join(f"seen.{column.strip()}" for column in _COLUMNS.split(","))
    found = rows(
        db,
        f"SELECT {columns} FROM seen LEFT JOIN jobs ON jobs.id = seen.job WHERE seen.rule = ?"
        f" AND seen.state IN ('taken', 'leaving') AND (seen.job IS NULL OR jobs.status IN ({ended})"
        "  AND NOT EXISTS (SELECT 1 FROM jobs AS other WHERE other.source = jobs.source AND other.rule = jobs.rule"
        f"   AND other.id > jobs.id AND other.digest IN ('', jobs.digest) AND other.status NOT IN ({ended}))) LIMIT ?",
        (rule, most),
    )
    return [(file, made_with(db, file.job)) for file in map(_file, found)]


def made_with(db: Connection, number: int | None) -> list[Job]:
    """The jobs that were made of a file as it is, for one workflow each, by the number of the first of them; of several
    for a workflow the last."""
    first_one = None if number is None else jobs.get(db, number)
    if first_one is None:
        return []
    of_rule, place = first_one.rule, os.fsencode(first_one.source)
    made = jobs.select(db, "rule = ? AND source = ? AND id >= ? ORDER BY id", (of_rule, place, first_one.id))
    # One that was never read may have been meant for other content: it counts where no other does.
    unread = {job.workflow: job for job in made if not job.digest}
    return [*(unread | {job.workflow: job for job in made if job.digest == first_one.digest}).values()]


def set_states(db: Connection, rule: str, states: Iterable[tuple[str, Seen, Path | None]]) -> None:
    """Note what becomes of files; the path is where each is moved to, written before it is moved."""
    for name, state, target in states:
        db.execute(
            "UPDATE seen SET state = ?, target = ? WHERE rule = ? AND name = ?",
            (state, target and os.fsencode(target), rule, os.fsencode(name)),
        )


def taken(db: Connection, rule: str, most: int = 200) -> list[Job]:
    """The newest jobs of a rule, newest first."""
    return jobs.select(db, "rule = ? AND rule <> '' ORDER BY id DESC LIMIT ?", (rule, most))


def not_taken(db: Connection, rule: str) -> dict[str, SkipCount]:
    """The files that became no jobs for good, by reason: how many, and the newest names. What only waits stands in
    :attr:`artui.journal.rules.RuleRow.not_taken`."""
    groups = rows(db, "SELECT reason, COUNT(*) FROM seen WHERE rule = ? AND job IS NULL GROUP BY reason", (rule,))
    return {reason: SkipCount(number, _newest(db, rule, reason)) for reason, number in groups}


def _newest(db: Connection, rule: str, reason: str) -> tuple[str, ...]:
    found = rows(
        db,
        "SELECT name FROM seen WHERE rule = ? AND job IS NULL AND reason = ? ORDER BY at DESC LIMIT ?",
        (rule, reason, NEWEST),
    )
    return tuple(os.fsdecode(name) for (name,) in found)


def made_of(db: Connection, place: Path) -> list[Job]:
    """The jobs of a photo that was moved out of its folder to this place, newest first."""
    found = rows(
        db, "SELECT job FROM seen WHERE target = ? AND job IS NOT NULL ORDER BY job DESC", (os.fsencode(place),)
    )
    return [job for (number,) in found for job in reversed(made_with(db, number))]


def made_of_result(db: Connection, rule: str, digest: str, place: Path) -> list[Job]:
    """The jobs that a rule made of a result of this content while it lay under the name it was saved with, where that
    lies at ``place`` now; newest first."""
    made_by = published.job_of(db, digest)
    same = [] if made_by is None else jobs.select(db, "id = ?1 OR twin_of = ?1", (made_by,))
    owners = [job for job in same if any(result.path == os.fspath(place) for result in job.results)]
    made: dict[int, Job] = {}
    for owner in owners:
        begin = os.fsencode(owner.folder / f"{owner.stem}.")
        # What begins so, by the index of sources: "/" is the byte behind ".".
        named = "source >= ? AND source < ? AND +rule = ? AND rule <> '' AND digest = ?"
        found = jobs.select(db, named, (begin, begin[:-1] + b"/", rule, digest))
        made |= {one.id: one for one in found if one.source.parent == owner.folder and one.source != place}
    return [made[number] for number in sorted(made, reverse=True)]


def place_now(db: Connection, job: Job) -> Path:
    """Where a job's photo lies: where it was found, or where its folder's rule moved it when it was done."""
    if not job.rule:
        return job.source
    found = rows(
        db,
        # By the index of jobs, not by all files of the rule: hence the plus.
        "SELECT job, target FROM seen WHERE +rule = ? AND job IN (SELECT id FROM jobs WHERE source = ? AND id <= ?)"
        " AND state = 'moved' AND target IS NOT NULL ORDER BY job DESC",
        (job.rule, os.fsencode(job.source), job.id),
    )
    lies = (target for number, target in found if any(one.id == job.id for one in made_with(db, number)))
    return next((Path(os.fsdecode(target)) for target in lies), job.source)
