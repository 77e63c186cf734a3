"""What artui has stored at a service and removes there once its job's result is saved.

Every function runs inside one transaction of :class:`artui.journal.store.Journal`.
"""

from __future__ import annotations

from artui.journal import jobs
from artui.journal.store import Connection, first, rows, value
from artui.model.job import Job

_THIS = "payer = ? AND reference = ? AND job = ?"


def stored(db: Connection, job: Job) -> None:
    """Remember that artui has just stored a job's photo at its reference."""
    db.execute(
        "INSERT INTO uploads (payer, reference, job) VALUES (?, ?, ?)"
        " ON CONFLICT DO UPDATE SET shared = 1, due = 0 WHERE job <> excluded.job",
        (job.payer, job.reference, job.id),
    )


def release(db: Connection, job: Job) -> None:
    """Have the upload of a job removed whose result is saved: only its own, and never what is a result."""
    db.execute(f"UPDATE uploads SET due = 1 WHERE {_THIS} AND shared = 0", (job.payer, job.reference, job.id))


def due(db: Connection, payer: str, most: int) -> list[Job]:
    """The jobs of a payer whose upload is to be removed, those tried least first."""
    sql = "SELECT job FROM uploads WHERE payer = ? AND due = 1 ORDER BY tries, job LIMIT ?"
    return [job for (number,) in rows(db, sql, (payer, most)) if (job := jobs.get(db, number)) is not None]


def accounts_due(db: Connection) -> list[str]:
    """The accounts whose jobs have an upload to be removed."""
    found = rows(db, "SELECT DISTINCT account FROM uploads JOIN jobs ON jobs.id = uploads.job WHERE uploads.due = 1")
    return [account for (account,) in found]


def is_in_use(db: Connection, job: Job) -> bool:
    """Whether another job stands on the same reference, or any has it among its results."""
    found = first(
        db,
        "SELECT 1 FROM jobs WHERE payer = ?1 AND (instr(results, ?2) OR (reference = ?2 AND id <> ?3))",
        (job.payer, job.reference, job.id),
    )
    return found is not None


def removed(db: Connection, job: Job) -> None:
    """Note that a job's upload is gone."""
    db.execute(f"DELETE FROM uploads WHERE {_THIS}", (job.payer, job.reference, job.id))
    jobs.note(db, job, "upload removed", "")


def left(db: Connection, job: Job, why: str) -> None:
    """Note that a job's upload stays where it is, and why."""
    db.execute(f"UPDATE uploads SET due = 0 WHERE {_THIS}", (job.payer, job.reference, job.id))
    jobs.note(db, job, "upload left", why)


def tried(db: Connection, job: Job) -> int:
    """Count a try that brought no answer; returns how many there were."""
    sql = f"UPDATE uploads SET tries = tries + 1 WHERE {_THIS} RETURNING tries"
    return int(value(db, sql, (job.payer, job.reference, job.id)) or 0)
