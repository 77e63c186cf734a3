"""The jobs that somebody wants to see: by account, workflow, label and so on, in an order, the first so many."""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Iterator, Mapping
from typing import TYPE_CHECKING, NamedTuple, TypeVar

from artui.journal.store import Connection, Values, rows
from artui.model.lines import JobLine
from artui.model.states import Stage, Status

if TYPE_CHECKING:
    from artui.model.job import Job

Listed = TypeVar("Listed", bound="Job | JobLine")

_PAGE = 1000

ORDERS: Mapping[str, tuple[str, ...]] = {
    "id": ("id",),
    "source": ("source", "id"),
    "workflow": ("workflow_name", "id"),
    "status": ("status", "reason", "id"),
    "finished": ("finished_at IS NULL", "finished_at", "id"),
    "cost": ("COALESCE(charged, quoted, 0)", "id"),
}
"""The orders there are, and the columns of each."""


class JobFilter(NamedTuple):
    """Which jobs are wanted; what is empty excludes none. ``workflow`` is an id or a name whatever its case, ``labels``
    are pairs all of which a job has, ``since`` epoch seconds at which it was queued at the earliest."""

    batch: str = ""
    account: str = ""
    workflow: str = ""
    labels: tuple[tuple[str, str], ...] = ()
    statuses: tuple[str, ...] = ()
    reasons: tuple[str, ...] = ()
    since: float = 0.0

    def jobs(
        self, db: Connection, order: str = "id", *, downwards: bool = False, newest: int = -1, limit: int = -1
    ) -> Iterator[Job]:  # fmt: skip
        """They, or the ``newest`` of them, in an order of ``ORDERS``, the first ``limit``; page by page, as they stood
        when it began."""
        from artui.journal.jobs import select  # loads what a list of lines needs not

        return self._found(db, select, order, downwards, newest, limit)

    def lines(
        self, db: Connection, order: str = "id", *, downwards: bool = False, newest: int = -1, limit: int = -1
    ) -> Iterator[JobLine]:  # fmt: skip
        """As :meth:`jobs`, of each only what a list shows."""
        return self._found(db, _lines, order, downwards, newest, limit)

    def _found(
        self, db: Connection, select: Callable[[Connection, str, Values], list[Listed]], order: str, downwards: bool,
        newest: int, limit: int,
    ) -> Iterator[Listed]:  # fmt: skip
        columns = [f"{column} DESC" if downwards else column for column in ORDERS[order]]
        condition, values = self._condition()
        ids = rows(
            db,
            f"SELECT id FROM jobs WHERE id IN (SELECT id FROM jobs WHERE {condition} ORDER BY id DESC LIMIT ?)"
            f" ORDER BY {', '.join(columns)} LIMIT ?",
            (*values, newest, limit),
        )
        for begin in range(0, len(ids), _PAGE):
            page = [number for (number,) in ids[begin : begin + _PAGE]]
            found = {one.id: one for one in select(db, "id IN (SELECT value FROM json_each(?))", (json.dumps(page),))}
            yield from (found[number] for number in page if number in found)

    def _condition(self) -> tuple[str, list[str | float]]:
        parts, values = ["1"], list[str | float]()
        for column, wanted in (("batch", self.batch), ("account", self.account)):
            if wanted:
                parts.append(f"{column} = ?")
                values.append(wanted)
        if self.workflow:
            parts.append("(workflow = ? OR LOWER(workflow_name) = LOWER(?))")
            values += [self.workflow, self.workflow]
        for label in self.labels:
            parts.append("EXISTS (SELECT 1 FROM json_each(labels) WHERE key = ? AND value = ?)")
            values += label
        for column, several in (("status", self.statuses), ("reason", self.reasons)):
            if several:
                parts.append(f"{column} IN (SELECT value FROM json_each(?))")
                values.append(json.dumps(several))
        if self.since:
            parts.append("created_at >= ?")
            values.append(self.since)
        return " AND ".join(parts), values


_STAGES = {str(stage): stage for stage in Stage}
_STATUSES = {str(status): status for status in Status}


def _lines(db: Connection, where: str, values: Values) -> list[JobLine]:
    sql = f"SELECT id, source, {', '.join(JobLine._fields[2:])} FROM jobs WHERE {where}"
    return [
        JobLine(number, os.fsdecode(source).rpartition("/")[2], workflow, _STAGES[stage], _STATUSES[status], *rest)
        for number, source, workflow, stage, status, *rest in rows(db, sql, values)
    ]
