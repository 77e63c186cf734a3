"""What a person or a face of the program wants to read: counts, events since, one job's history, sums."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from artui.job import Event, Job, PurchaseState, Stage, Status
from artui.journal import jobs
from artui.journal.store import Connection, rows, value


def last_seq(db: Connection) -> int:
    """The number of the newest event, 0 where there is none."""
    return int(value(db, "SELECT MAX(seq) FROM events") or 0)


def since(db: Connection, seq: int, most: int = 1000) -> list[Event]:
    """Events after ``seq``, oldest first."""
    return _events(db, "seq > ? ORDER BY seq LIMIT ?", (seq, most))


def of_job(db: Connection, job_id: int) -> list[Event]:
    """The whole history of one job."""
    return _events(db, "job = ? ORDER BY seq", (job_id,))


def _events(db: Connection, where: str, values: tuple[int, ...]) -> list[Event]:
    found = rows(db, f"SELECT seq, job, at, what, stage, status, message FROM events WHERE {where}", values)
    return [
        Event(seq, job, at, what, Stage(stage), Status(status), message)
        for seq, job, at, what, stage, status, message in found
    ]


def facts(db: Connection, job_id: int) -> list[tuple[str, str, str, float]]:
    """What the service said about a job's purchases: (key, what, execution, when)."""
    found = rows(
        db,
        "SELECT facts.key, what, facts.execution, at FROM facts JOIN purchases USING (key) WHERE job = ? ORDER BY seq",
        (job_id,),
    )
    return [(key, what, execution, at) for key, what, execution, at in found]


@dataclass(frozen=True, slots=True)
class Count:
    """How many jobs stand in one place for one reason."""

    status: Status
    reason: str
    number: int


def counts(db: Connection, batch: str | None = None) -> list[Count]:
    """Jobs by status and reason, of one batch or of all."""
    where, values = ("WHERE batch = ?", (batch,)) if batch else ("", ())
    found = rows(db, f"SELECT status, reason, COUNT(*) FROM jobs {where} GROUP BY status, reason", values)
    return [Count(Status(status), reason, number) for status, reason, number in found]


@dataclass(frozen=True, slots=True)
class Sums:
    """Money over a set of jobs, in the account's unit: ``quoted`` for all, ``charged`` so far, ``open`` = sent and not
    yet confirmed (doubt included), ``lost`` = counted as spent though no execution was found, ``to_come`` = not sent
    yet."""

    jobs: int
    quoted: int
    charged: int
    open: int
    lost: int
    to_come: int


def sums(db: Connection, batch: str | None = None) -> Sums:
    """The money of one batch or of all jobs."""
    where, values = ("WHERE jobs.batch = ?", (batch,)) if batch else ("", ())
    totals = rows(
        db,
        "SELECT COUNT(*), COALESCE(SUM(quoted), 0), COALESCE(SUM(charged), 0),"
        " COALESCE(SUM(CASE WHEN buys AND stage IN ('new', 'checked', 'uploaded')"
        "   AND status IN ('ready', 'running', 'waiting', 'held') THEN quoted ELSE 0 END), 0)"
        f" FROM jobs {where}",
        values,
    )
    number, quoted, charged, to_come = totals[0]
    reserved = dict(
        rows(
            db,
            "SELECT state, COALESCE(SUM(reserved), 0) FROM purchases JOIN jobs ON jobs.id = purchases.job"
            f" {where + ' AND' if where else 'WHERE'} purchases.charged IS NULL GROUP BY state",
            values,
        )
    )
    still_open = reserved.get(PurchaseState.INTENDED, 0) + reserved.get(PurchaseState.KNOWN, 0)
    return Sums(number, quoted, charged, still_open, reserved.get(PurchaseState.PRESUMED_SPENT, 0), to_come)


def unfinished(db: Connection, *, with_qa: bool = False) -> int:
    """How many jobs still move by themselves: READY, RUNNING or WAITING, those in QA only on request."""
    where = "" if with_qa else "AND reason <> 'in QA'"
    return int(value(db, f"SELECT COUNT(*) FROM jobs WHERE status IN ('ready', 'running', 'waiting') {where}"))


def by_source(db: Connection, source: Path) -> list[Job]:
    """All jobs ever made from this path, newest first."""
    return jobs.select(db, "source = ? ORDER BY id DESC", (os.fsencode(source),))


def page(
    db: Connection,
    *,
    status: Status | None = None,
    batch: str | None = None,
    after: int = 0,
    most: int = 1000,
) -> list[Job]:
    """Jobs in order of their numbers, after number ``after``."""
    filters: Mapping[str, object] = {"status = ?": status, "batch = ?": batch}
    chosen = {condition: value for condition, value in filters.items() if value is not None}
    where = " AND ".join(["id > ?", *chosen])
    return jobs.select(db, f"{where} ORDER BY id LIMIT ?", (after, *chosen.values(), most))
