"""What a person has put first among the jobs that wait for their turn.

Every function runs inside one transaction of :class:`artui.journal.store.Journal`.
"""

from __future__ import annotations

from collections.abc import Sequence

from artui.journal import jobs
from artui.journal.groups import OPEN
from artui.journal.store import Connection, value
from artui.model.job import Job


def put_first(db: Connection, found: Sequence[Job]) -> None:
    """Put these before all others, in this order; nothing else of them changes."""
    highest = int(value(db, f"SELECT COALESCE(MAX(ahead), 0) FROM jobs WHERE ahead > 0 AND {OPEN}") or 0)
    for number, job in enumerate(reversed(found), 1):
        jobs.change(db, job, "put first", "before all others, by a person's wish", ahead=highest + number)


def put_back(db: Connection, found: Sequence[Job]) -> None:
    """Give these their own turn again."""
    for job in found:
        jobs.change(db, job, "put back in line", "its own turn, by a person's wish", ahead=0)
