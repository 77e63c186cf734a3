"""Batches in the journal: finding one again by its id or name, and what of it went ahead of its sample's yes."""

from __future__ import annotations

from artui.journal import jobs
from artui.journal.store import Connection, first, rows
from artui.model.job import Batch, Job
from artui.model.states import Reason, Status


def find(db: Connection, word: str) -> list[Batch]:
    """The batches with this id or name, or else those whose id begins so; newest first."""
    for condition in ("id = ?1 OR name = ?1", "substr(id, 1, length(?1)) = ?1"):
        found = rows(
            db,
            f"SELECT id, name, account, created_at, cap, sample FROM batches WHERE {condition}"
            " ORDER BY created_at DESC",
            (word,),
        )
        if found:
            return [Batch(*columns) for columns in found]
    return []


def ahead_of_sample(db: Connection, batch: str) -> list[Job]:
    """The jobs of a batch that do not wait for a yes to its first results, the oldest first."""
    return jobs.select(
        db, "batch = ? AND NOT (status = ? AND reason = ?) ORDER BY id", (batch, Status.HELD, Reason.SAMPLE)
    )


def get(db: Connection, batch: str) -> Batch | None:
    """The batch of this id; None where there is none."""
    found = first(db, "SELECT id, name, account, created_at, cap, sample FROM batches WHERE id = ?", (batch,))
    return Batch(*found) if found else None
