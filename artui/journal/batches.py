"""Batches in the journal: finding one again by its id or name."""

from __future__ import annotations

from artui.journal.store import Connection, rows
from artui.model.job import Batch


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
