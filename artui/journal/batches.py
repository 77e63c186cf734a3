"""Batches in the journal: finding one again by its id or name, and what of it went ahead of its sample's yes."""

from __future__ import annotations

from artui.journal import jobs, requests
from artui.journal.requests import Request
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


def newest(db: Connection, most: int) -> list[Batch]:
    """The newest so many batches, the newest first."""
    found = rows(
        db, "SELECT id, name, account, created_at, cap, sample FROM batches ORDER BY created_at DESC LIMIT ?", (most,)
    )
    return [Batch(*columns) for columns in found]


def ahead_of_sample(db: Connection, batch: str) -> list[Job]:
    """The jobs of a batch that do not wait for a yes to its first results, the oldest first."""
    return jobs.select(
        db, "batch = ? AND NOT (status = ? AND reason = ?) ORDER BY id", (batch, Status.HELD, Reason.SAMPLE)
    )


def allow(db: Connection, request: Request) -> str:
    """Carry out that a batch may spend ``cap`` in all, in its account's unit, and mark the request done; returns its
    account. A request that names none, or would take room away, is refused, and the account is empty."""
    batch = get(db, str(request.arguments.get("batch", "")))
    cap = int(request.arguments.get("cap", 0))
    if batch is None or batch.cap is None or cap <= batch.cap:
        why = "there is no such batch" if batch is None else f"the batch {batch.name} may spend that much already"
        requests.finish(db, request, why, refused=True)
        return ""
    db.execute("UPDATE batches SET cap = ? WHERE id = ?", (cap, batch.id))
    requests.finish(db, request, f"the batch {batch.name} may spend {cap:,} in all, {cap - batch.cap:,} more")
    return batch.account


def get(db: Connection, batch: str) -> Batch | None:
    """The batch of this id; None where there is none."""
    found = first(db, "SELECT id, name, account, created_at, cap, sample FROM batches WHERE id = ?", (batch,))
    return Batch(*found) if found else None
