"""Some jobs that somebody follows: which they are, how they stand, and whether they still move by themselves."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass

from artui.journal import jobs
from artui.journal.history import Count
from artui.journal.store import Connection, rows, value
from artui.model.job import Job
from artui.model.states import Reason, Status

_PAGE = 1000


@dataclass(frozen=True, slots=True)
class Scope:
    """The jobs of one batch and those with these numbers; or those of some rules (their ids) that have not ended before
    ``since``, in epoch seconds; all jobs where nothing is given."""

    batch: str | None = None
    numbers: frozenset[int] = frozenset()
    rules: frozenset[str] = frozenset()
    since: float = 0.0

    @property
    def _condition(self) -> tuple[str, tuple[str, ...]]:
        if self.rules:
            recent = "(jobs.finished_at IS NULL OR jobs.finished_at >= CAST(? AS REAL))"
            ids = json.dumps(sorted(self.rules))
            return f"jobs.rule IN (SELECT value FROM json_each(?)) AND {recent}", (ids, repr(self.since))
        if self.batch is None and not self.numbers:
            return "1", ()
        numbers = json.dumps(sorted(self.numbers))
        return "(jobs.batch = ? OR jobs.id IN (SELECT value FROM json_each(?)))", (self.batch or "", numbers)

    def jobs(self, db: Connection, *, status: Status | None = None) -> Iterator[Job]:
        """They, or those with this status: in order of their numbers, page by page."""
        condition, values = self._condition
        if status:
            condition, values = f"{condition} AND status = ?", (*values, status)
        after = 0
        while page := jobs.select(db, f"{condition} AND id > ? ORDER BY id LIMIT {_PAGE}", (*values, after)):
            yield from page
            after = page[-1].id

    def holds(self, job: Job) -> bool:
        """Whether this job is one of them."""
        if self.rules:
            return job.rule in self.rules and (job.finished_at is None or job.finished_at >= self.since)
        everything = self.batch is None and not self.numbers
        return everything or job.id in self.numbers or (self.batch is not None and job.batch == self.batch)

    def counts(self, db: Connection) -> list[Count]:
        """How many of them stand in which place for which reason; a twin whose buyer is held as that one does."""
        condition, values = self._condition
        stuck = "jobs.status = 'waiting' AND jobs.reason = ? AND buyer.status = 'held'"
        found = rows(
            db,
            f"SELECT iif({stuck}, 'held', jobs.status), iif({stuck}, buyer.reason, jobs.reason), COUNT(*)"
            f" FROM jobs LEFT JOIN jobs AS buyer ON buyer.id = jobs.twin_of WHERE {condition} GROUP BY 1, 2",
            (Reason.TWIN, Reason.TWIN, *values),
        )
        return [Count(Status(status), reason, number) for status, reason, number in found]

    def moving(self, db: Connection, *, with_qa: bool = False) -> int:
        """How many of them still move by themselves; those that a person at the service checks only on request.

        A twin moves as the job does whose result it waits for.
        """
        condition, values = self._condition
        still = [Reason.IN_QA] if not with_qa else []
        return int(
            value(
                db,
                "SELECT COUNT(*) FROM jobs LEFT JOIN jobs AS buyer ON buyer.id = jobs.twin_of"
                f" WHERE jobs.status IN ('ready', 'running', 'waiting') AND {condition}"
                " AND jobs.reason NOT IN (SELECT value FROM json_each(?))"
                " AND NOT (jobs.status = 'waiting' AND jobs.reason = ?"
                "   AND (buyer.status = 'held' OR buyer.reason IN (SELECT value FROM json_each(?))))",
                (*values, json.dumps(still), Reason.TWIN, json.dumps(still)),
            )
        )
