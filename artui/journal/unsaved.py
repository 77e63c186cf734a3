"""What is bought and lies in no folder yet: how much is to come to a folder, and what finds no room there.

Every function runs inside one transaction of :class:`artui.journal.store.Journal`.
"""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path

from artui.journal.store import Connection, rows
from artui.model.states import Reason


@dataclass(frozen=True, slots=True)
class Unsaved:
    """What is to come to a folder: ``size``, the bytes of the photos whose results are; ``unwritable``, how many of
    these found no room."""

    size: int
    unwritable: int


def in_folder(db: Connection, folder: Path) -> Unsaved:
    """What is bought for a folder, or being bought, and not in its place."""
    [(size, unwritable)] = rows(
        db,
        "SELECT COALESCE(SUM(size), 0), COALESCE(SUM(status = 'held' AND stage IN ('processed', 'saved')"
        " AND reason = ?2), 0) FROM jobs INDEXED BY jobs_unsaved WHERE folder = ?1"
        " AND status IN ('ready', 'running', 'waiting', 'held')"
        " AND stage IN ('submitting', 'submitted', 'processed', 'saved')",
        (os.fsencode(folder), Reason.DISK_FULL),
    )
    return Unsaved(size, unwritable)
