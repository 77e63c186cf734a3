"""What a person or a face of the program wants to read: counts, events since, one job's history, sums."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from artui.journal.store import Connection, rows, value
from artui.model.states import Stage, Status

if TYPE_CHECKING:
    from artui.model.job import Event, Job


def last_seq(db: Connection) -> int:
    """The number of the newest event, 0 where there is none."""
    return int(value(db, "SELECT MAX(seq) FROM events") or 0)


def since(db: Connection, seq: int, most: int = 1000) -> list[Event]:
    """Events after ``seq``, oldest first."""
    return _events(db, "seq > ? ORDER BY seq LIMIT ?", (seq, most))


class Ages(NamedTuple):
    """When the oldest unfinished job was added and the newest result saved, in epoch seconds, None where there is none;
    and the bytes of all results saved."""

    oldest: float | None
    saved_at: float | None
    saved_bytes: int


def ages(db: Connection) -> Ages:
    """How old the work is."""
    [(oldest,)] = rows(db, "SELECT MIN(created_at) FROM jobs WHERE finished_at IS NULL")
    [(saved_at,)] = rows(db, "SELECT MAX(finished_at) FROM jobs WHERE status = 'done'")
    [(saved_bytes,)] = rows(db, "SELECT COALESCE(SUM(size), 0) FROM published WHERE size > 0")
    return Ages(oldest, saved_at, saved_bytes)


def failed_tries(db: Connection) -> dict[str, int]:
    """How often a step of a job failed in passing, in all, by account."""
    return dict(
        rows(
            db,
            "SELECT account, COUNT(*) FROM events JOIN jobs ON jobs.id = events.job WHERE what = 'try again'"
            " GROUP BY account",
        )
    )


def newest(db: Connection) -> float:
    """When the newest of the last thousand events was written, by the clock of that time; 0 where there is none."""
    # The greatest of many: after a jump back of the clock the last ones alone would say too little.
    return float(value(db, "SELECT MAX(at) FROM (SELECT at FROM events ORDER BY seq DESC LIMIT 1000)") or 0)


def of_job(db: Connection, job_id: int) -> list[Event]:
    """The whole history of one job."""
    return _events(db, "job = ? ORDER BY seq", (job_id,))


def _events(db: Connection, where: str, values: tuple[int, ...]) -> list[Event]:
    from artui.model.job import Event

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


class Count(NamedTuple):
    """How many jobs stand in one place for one reason."""

    status: Status
    reason: str
    number: int


def counts(db: Connection, batch: str | None = None) -> list[Count]:
    """Jobs by status and reason, of one batch or of all."""
    where, values = ("WHERE batch = ?", (batch,)) if batch else ("", ())
    found = rows(db, f"SELECT status, reason, COUNT(*) FROM jobs {where} GROUP BY status, reason", values)
    return [Count(Status(status), reason, number) for status, reason, number in found]


def unfinished(db: Connection, *, with_qa: bool = False) -> int:
    """How many jobs still move by themselves: READY, RUNNING or WAITING, those in QA only on request."""
    where = "" if with_qa else "AND reason <> 'in QA'"
    return int(value(db, f"SELECT COUNT(*) FROM jobs WHERE status IN ('ready', 'running', 'waiting') {where}"))


def by_source(db: Connection, source: Path) -> list[Job]:
    """All jobs ever made from this path, newest first."""
    from artui.journal import jobs

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
    from artui.journal import jobs

    return jobs.select(db, f"{where} ORDER BY id LIMIT ?", (after, *chosen.values(), most))


def last_ends(db: Connection, *, workflow: str | None = None, batch: str | None = None, most: int = 100) -> list[float]:
    """When the last photos were saved, of one workflow or batch or of all, in no order."""
    found = rows(
        db,
        "SELECT finished_at FROM jobs WHERE status = ?1 AND (?2 IS NULL OR workflow = ?2)"
        f" AND {'1' if batch is None else 'batch = ?3'} ORDER BY id DESC LIMIT ?4",
        (Status.DONE, workflow, batch, most),
    )
    return [at for (at,) in found if at is not None]


class MovingJobs(NamedTuple):
    """How many jobs of one workflow and payer move by themselves: under way, and queued."""

    workflow: str
    payer: str
    active: int
    queued: int


def moving(db: Connection, batch: str) -> list[MovingJobs]:
    """The jobs of a batch that move by themselves; what is held or in QA does not."""
    found = rows(
        db,
        "SELECT workflow, payer, SUM(status <> 'ready'), SUM(status = 'ready') FROM jobs"
        " WHERE batch = ? AND status IN ('ready', 'running', 'waiting')"
        " AND reason NOT IN ('in QA', 'outside its hours') GROUP BY 1, 2",
        (batch,),
    )
    return [MovingJobs(*one) for one in found]


def recent_folders(db: Connection, most: int = 20) -> list[Path]:
    """The folders whose photos were sent last, the latest first."""
    sent = rows(db, "SELECT source FROM jobs ORDER BY id DESC LIMIT 1000")
    return list(dict.fromkeys(Path(os.fsdecode(source)).parent for (source,) in sent))[:most]
