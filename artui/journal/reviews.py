"""What people have decided about saved results: each decision a row that is never changed, the last one in the job too.

Every function runs inside one transaction of :class:`artui.journal.store.Journal`; times are epoch seconds.
"""

from __future__ import annotations

import json
import os
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

from artui.journal import deliveries, jobs
from artui.journal.store import Connection, Stale, first, rows, storable
from artui.model.job import Job, Result
from artui.model.states import Review


@dataclass(frozen=True, slots=True)
class Decision:
    """One decision about a job's result: by whom, when, what, and why it was rejected."""

    job: int
    at: float
    who: str
    decision: Review
    reason: str


class Move(NamedTuple):
    """A file of a result on its way to another name; ``digest`` tells that it is this one."""

    source: str
    target: str
    digest: str


_COLUMNS = "job, at, who, decision, reason"


def add(
    db: Connection, job: Job, decision: Review, who: str, reason: str = "", *, results: tuple[Result, ...],
    moves: Sequence[Move] = (),
) -> Job:  # fmt: skip
    """Write a decision down: as a row, in the job as it stands now, and in its history; with it where the job's files
    will lie, before the first of them is moved. Raises :class:`Stale` where the job is not as it was seen."""
    now = jobs.get(db, job.id)
    if now is None or (now.place, now.results, now.review) != (job.place, job.results, job.review):
        raise Stale(f"job {job.id} has moved on")
    made = Decision(job.id, time.time(), storable(who), decision, storable(reason))
    db.execute(
        f"INSERT INTO reviews ({_COLUMNS}) VALUES (?, ?, ?, ?, ?)",
        (made.job, made.at, made.who, made.decision, made.reason),
    )
    standing = "" if decision is Review.TAKEN_BACK else decision
    told = f"by {made.who}{f': {made.reason}' if made.reason else ''}"
    if moves:
        begin_move(db, job.id, moves)
    reviewed = jobs.change(db, job, str(decision), told, review=standing, review_reason=made.reason, results=results)
    deliveries.reviewed(db, job.id)
    return reviewed


def of_job(db: Connection, job: int) -> list[Decision]:
    """Every decision about a job's result, oldest first."""
    return _decisions(db, "job = ? ORDER BY seq", (job,))


def rejected(db: Connection, since: float = 0.0) -> list[tuple[Job, Decision]]:
    """The jobs whose result is rejected as things stand, by a decision at or after ``since``; the latest last."""
    last = "seq IN (SELECT MAX(seq) FROM reviews GROUP BY job) AND decision = 'rejected' AND at >= ? ORDER BY seq"
    found = [(jobs.get(db, one.job), one) for one in _decisions(db, last, (since,))]
    return [(job, one) for job, one in found if job is not None and job.review == Review.REJECTED]


def to_redo(db: Connection) -> list[Job]:
    """The rejected jobs that were paid for and whose photo was not ordered again since; an order that ended unpaid is
    none. What came of such an order is not offered once more."""
    return jobs.select(
        db,
        "review = 'rejected' AND status = 'done' AND redo_of IS NULL"
        " AND NOT EXISTS (SELECT 1 FROM jobs AS later WHERE later.redo_of = jobs.id"
        " AND NOT (later.status IN ('failed', 'cancelled') AND NOT EXISTS (SELECT 1 FROM purchases"
        "  WHERE purchases.job = later.id AND state <> 'refused' AND COALESCE(purchases.charged, 1) > 0)))"
        " ORDER BY id",
    )


def last_reason(db: Connection) -> str:
    """Why a result was rejected last; empty where none was, or nothing was said."""
    found = first(db, "SELECT reason FROM reviews WHERE decision = 'rejected' ORDER BY seq DESC LIMIT 1")
    return str(found[0]) if found else ""


def _decisions(db: Connection, where: str, values: Sequence[object]) -> list[Decision]:
    found = rows(db, f"SELECT {_COLUMNS} FROM reviews WHERE {where}", tuple(values))
    return [Decision(job, at, who, Review(decision), reason) for job, at, who, decision, reason in found]


class Entry(NamedTuple):
    """A saved result in a list that is looked through: its job, the one that was ``bought``, its photo and SKU, and how
    it stands: ``review`` and ``reason`` are empty where nobody has decided."""

    job: int
    bought: int
    photo: Path
    sku: str
    review: str
    reason: str


def saved(db: Connection, numbers: Sequence[int]) -> list[Entry]:
    """Those of these jobs whose result is saved, however many they are, the oldest first."""
    found = rows(
        db,
        "SELECT id, COALESCE(twin_of, id), source, COALESCE(labels ->> '$.sku', ''), review, review_reason FROM jobs"
        " WHERE id IN (SELECT value FROM json_each(?)) AND stage = 'saved' AND status IN ('done', 'skipped')"
        " AND EXISTS (SELECT 1 FROM json_each(results) WHERE value ->> '$.path' IS NOT NULL) ORDER BY id",
        (json.dumps(list(numbers)),),
    )
    return [
        Entry(number, bought, Path(os.fsdecode(photo)), str(sku), review, reason)
        for number, bought, photo, sku, review, reason in found
    ]


def of_sku(db: Connection, job: Job) -> tuple[int, int]:
    """Which photo of its SKU a job is in its batch, by file, and of how many; noughts where it has no SKU."""
    sku = job.labels.get("sku")
    if not sku:
        return 0, 0
    found = first(
        db,
        "SELECT SUM((source, id) <= (?1, ?2)), COUNT(*) FROM jobs WHERE batch IS ?3 AND labels ->> '$.sku' = ?4",
        (os.fsencode(job.source), job.id, job.batch, sku),
    )
    return (int(found[0] or 0), int(found[1])) if found else (0, 0)


# ------------------------------------------------------------------------------------------------- which jobs are meant


def copies(db: Connection, job: Job) -> list[Job]:
    """The saved jobs that have one result: the one that was bought, and every copy of it; this job alone where it has
    none. The one that was bought comes first."""
    bought = job.twin_of or job.id
    found = jobs.select(db, "id = ?1 OR twin_of = ?1 ORDER BY id", (bought,))
    return sorted((one for one in found if one.is_saved), key=lambda one: one.id != bought)


def named(db: Connection, stem_keys: Sequence[str]) -> list[Job]:
    """The jobs whose results have, or had, one of these reserved names."""
    found: list[Job] = []
    for key in stem_keys:
        # One that had it has its own number behind two slashes by now.
        found += jobs.select(db, "stem_key = ?1 OR stem_key > ?1 || '//' AND stem_key < ?1 || '/0'", (key,))
    return found


# ------------------------------------------------------------------------------------------------------ moving files


def begin_move(db: Connection, job: int, moves: Sequence[Move]) -> None:
    """Write down which files of a job are about to be moved, and where to."""
    files = json.dumps([list(move) for move in moves])
    db.execute("INSERT OR REPLACE INTO moving (job, files) VALUES (?, ?)", (job, files))


def end_move(db: Connection, job: Job, results: tuple[Result, ...], message: str) -> Job:
    """Write down where a job's files lie now, unless its results are others by now than ``job`` has."""
    db.execute("DELETE FROM moving WHERE job = ?", (job.id,))
    now = jobs.get(db, job.id)
    if now is None or now.results != job.results or not now.is_saved:
        return now or job
    return jobs.change(db, job, "moved", message, results=results)


def moving(db: Connection) -> list[tuple[Job, list[Move]]]:
    """The jobs whose files are being moved, or were when a process ended."""
    found = rows(db, "SELECT job, files FROM moving ORDER BY job")
    pairs = [(jobs.get(db, number), [Move(*move) for move in json.loads(moves)]) for number, moves in found]
    return [(job, moves) for job, moves in pairs if job is not None]
