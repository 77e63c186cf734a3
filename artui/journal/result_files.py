"""Which execution each file at a service is a result of: none is one of two, nor an upload.

Every function runs inside one transaction of :class:`artui.journal.store.Journal`.
"""

from __future__ import annotations

from collections.abc import Collection

from artui.journal.store import Connection, first
from artui.model.job import Job


def execution_of(db: Connection, payer: str, file: str) -> str:
    """The execution that has given a file as a result; empty where none has."""
    found = first(db, "SELECT execution FROM result_files WHERE payer = ? AND file = ?", (payer, file))
    return str(found[0]) if found else ""


def foreign(db: Connection, job: Job, files: Collection[str]) -> dict[str, str]:
    """Those of these files that cannot be results of a job's execution, and what each is instead."""
    found = {}
    for file in files:
        given_by = execution_of(db, job.payer, file)
        if given_by == job.execution:
            continue
        # An upload may be named as a result by the very job that was to change it.
        uploaded = first(db, "SELECT id FROM jobs WHERE payer = ? AND reference = ? LIMIT 1", (job.payer, file))
        if given_by:
            found[file] = f"the result of execution {given_by}"
        elif uploaded:
            found[file] = f"the photo of job {uploaded[0]}"
    return found


def claim(db: Connection, job: Job, files: Collection[str]) -> bool:
    """Note these files as results of a job's execution; False, and nothing is noted, where any cannot be one."""
    if foreign(db, job, files):
        return False
    for file in files:
        db.execute("INSERT OR IGNORE INTO result_files VALUES (?, ?, ?)", (job.payer, file, job.execution))
    return True
