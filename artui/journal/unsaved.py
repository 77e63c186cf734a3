"""What is bought and lies in no folder yet: how much is to come to a folder, and what finds no room there.

Every function runs inside one transaction of :class:`artui.journal.store.Journal`.
"""

from __future__ import annotations

import json
import os
from collections.abc import Collection
from dataclasses import dataclass
from pathlib import Path

from artui.journal.store import Connection, rows
from artui.model.states import Reason


@dataclass(frozen=True, slots=True)
class Unsaved:
    """What is to come to a folder: ``size``, the bytes of the photos whose results are; ``unwritable``, how many of
    them found no room when they were tried last."""

    size: int
    unwritable: int


def in_folder(db: Connection, folder: Path, roomless: Collection[int] = ()) -> Unsaved:
    """What is bought for a folder, or being bought, and not in its place. ``roomless``: the jobs that found no room
    when they were tried last, also while they are tried again."""
    [(size, unwritable)] = rows(
        db,
        # One that is held says by its reason why; one that is tried again does not.
        "SELECT COALESCE(SUM(size), 0), COALESCE(SUM(stage IN ('processed', 'saved') AND iif(status = 'held',"
        " reason = ?2, id IN (SELECT value FROM json_each(?3)))), 0)"
        " FROM jobs INDEXED BY jobs_unsaved WHERE folder = ?1 AND status IN ('ready', 'running', 'waiting', 'held')"
        " AND stage IN ('submitting', 'submitted', 'processed', 'saved')",
        (os.fsencode(folder), Reason.DISK_FULL, json.dumps(list(roomless))),
    )
    return Unsaved(size, unwritable)
