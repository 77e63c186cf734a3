"""What was paid, as a bookkeeper asks for it: sums by day, workflow, folder or label, with what came of each.

All amounts are credits of the one service each line is of. A purchase belongs to the day that its account's cap counted
it in; a copy, which costs nothing, to the day it was ordered on.
"""

from __future__ import annotations

import json
import os
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field, fields, replace
from datetime import tzinfo
from enum import StrEnum

from artui.journal.accounts import day_of
from artui.journal.prices import WEIGHT_SQL
from artui.journal.store import Connection, rows


class Grouping(StrEnum):
    """By what costs are summed up."""

    DAY = "day"
    WEEK = "week"
    MONTH = "month"
    WORKFLOW = "workflow"
    ACCOUNT = "account"
    SERVICE = "service"
    RULE = "rule"
    FOLDER = "folder"
    BATCH = "batch"
    LABEL = "label"


_FOLDER = "rtrim(CAST(source AS TEXT), replace(CAST(source AS TEXT), '/', ''))"
"""The folder of a job's photo, with its last slash."""
_KEYS = {
    Grouping.DAY: "day",
    Grouping.WEEK: "strftime('%G-W%V', day)",
    Grouping.MONTH: "substr(day, 1, 7)",
    Grouping.WORKFLOW: "jobs.workflow_name || char(0) || jobs.workflow",
    Grouping.ACCOUNT: "entries.account",
    Grouping.SERVICE: "jobs.provider",
    Grouping.RULE: "COALESCE((SELECT name FROM rules WHERE id = jobs.rule), jobs.rule)",
    # SQLite has no dirname: all that is no slash is cut off at the end. A name need not be text.
    Grouping.FOLDER: f"CAST(rtrim({_FOLDER}, '/') AS BLOB)",
    Grouping.BATCH: "COALESCE((SELECT name FROM batches WHERE id = jobs.batch), '')",
    Grouping.LABEL: "COALESCE((SELECT value FROM json_each(jobs.labels) WHERE key = :label), '')",
}


@dataclass(frozen=True, slots=True)
class Costs:
    """What a group of photos cost, in credits of one service.

    ``photos`` were sent by a paid call, ``copies`` were had for nothing and would have cost ``saved``. ``quoted`` is
    what the paid calls were said to cost, ``charged`` what the service took for them so far, ``open`` the quotes of
    those whose charge is not known yet, ``lost`` of those that count as spent though no execution was ever found.
    ``waived`` is what was quoted for calls that the service charged nothing for. ``no_result`` and
    ``no_result_charged``: photos that were charged and ended without a result, and what they cost; ``free_results``:
    results that were paid for here and charged nothing.
    """

    photos: int = 0
    quoted: int = 0
    charged: int = 0
    open: int = 0
    lost: int = 0
    waived: int = 0
    no_result: int = 0
    no_result_charged: int = 0
    free_results: int = 0
    copies: int = 0
    saved: int = 0

    @property
    def difference(self) -> int:
        """By how much the charges known so far differ from their quotes."""
        return self.charged - (self.quoted - self.open - self.lost)

    def __add__(self, other: Costs) -> Costs:
        return Costs(*(getattr(self, one.name) + getattr(other, one.name) for one in fields(Costs)))


@dataclass(frozen=True, slots=True)
class CostLine:
    """One line of the books: a group, the service it was paid to, and the sums."""

    group: str
    service: str
    costs: Costs
    place: str | bytes = field(default="", compare=False)
    """The value that it is grouped by."""


# A job with two purchases, of which the first came to nothing, is one photo: its place is that of its last purchase.
# A found execution that its photo's own job took over is no copy of that.
_ENTRIES = """
WITH entries AS (
    SELECT job, account, day, reserved, charged, state,
        number = MAX(number) OVER (PARTITION BY job) AS is_last,
        SUM(charged) OVER (PARTITION BY job) AS job_charged, 0 AS is_copy
    FROM purchases WHERE state <> 'refused'
    UNION ALL
    SELECT id, account, day_of(created_at), 0, 0, '', 0, 0, 1 FROM jobs
    WHERE status IN ('done', 'skipped') AND twin_of IS NOT NULL
        AND NOT EXISTS (SELECT 1 FROM purchases WHERE purchases.job = jobs.id AND state <> 'refused')
        AND NOT EXISTS (SELECT 1 FROM events WHERE events.job = jobs.id AND what = 'claimed')
)
"""
_WITHIN = "day >= :since AND day <= :until AND (:account = '' OR entries.account = :account)"
_COSTS = f"""{_ENTRIES}
SELECT {{key}} AS place, jobs.provider,
    SUM(is_last),
    SUM(reserved),
    COALESCE(SUM(entries.charged), 0),
    SUM(iif(entries.charged IS NULL AND state IN ('intended', 'known'), reserved, 0)),
    SUM(iif(entries.charged IS NULL AND state = 'presumed spent', reserved, 0)),
    SUM(iif(entries.charged = 0 AND NOT is_copy, reserved, 0)),
    SUM(is_last AND COALESCE(job_charged, 0) > 0 AND status IN ('failed', 'cancelled')),
    SUM(iif(is_last AND status IN ('failed', 'cancelled'), COALESCE(job_charged, 0), 0)),
    SUM(is_last AND job_charged IS 0 AND status = 'done'),
    SUM(is_copy),
    SUM(iif(is_copy, {{weight}}, 0))
FROM entries JOIN jobs ON jobs.id = entries.job
WHERE {_WITHIN}
    AND (:jobs IS NULL OR jobs.id IN (SELECT value FROM json_each(:jobs)))
GROUP BY place, jobs.provider ORDER BY place, jobs.provider
"""


def costs(
    db: Connection, by: Grouping, zone: tzinfo, *, label: str = "", since: str = "", until: str = "", account: str = "",
    jobs: Sequence[int] | None = None,
) -> list[CostLine]:  # fmt: skip
    """What was paid, by group and service, from one day to another (``YYYY-MM-DD``, both included; empty: no bound).

    ``label``: which label :attr:`Grouping.LABEL` goes by. ``zone``: whose days the copies are counted in.
    ``jobs``: only what was paid for these. What has no rule, batch or label is a group without a name.
    """
    _know_days(db, zone)
    sql = _COSTS.format(key=_KEYS[by], weight=WEIGHT_SQL)
    bounds = {
        "since": since, "until": until or _LAST, "account": account, "label": label,
        "jobs": None if jobs is None else json.dumps(list(jobs)),
    }  # fmt: skip
    lines = [CostLine(_called(place), service, Costs(*sums), place) for place, service, *sums in rows(db, sql, bounds)]
    return _told_apart(lines) if by is Grouping.WORKFLOW else lines


def behind(
    db: Connection, by: Grouping, line: CostLine, zone: tzinfo, *, label: str = "", since: str = "", until: str = "",
    account: str = "",
) -> list[int]:  # fmt: skip
    """The numbers of the jobs that a line of :func:`costs` is made of, asked in the same way."""
    _know_days(db, zone)
    sql = (
        f"{_ENTRIES} SELECT DISTINCT jobs.id FROM entries JOIN jobs ON jobs.id = entries.job"
        f" WHERE {_WITHIN} AND jobs.provider = :service AND {_KEYS[by]} IS :place ORDER BY jobs.id"
    )
    asked = {
        "since": since, "until": until or _LAST, "account": account, "label": label, "service": line.service,
        "place": line.place,
    }  # fmt: skip
    return [number for (number,) in rows(db, sql, asked)]


_LAST = "9999-12-31"
"""Days compare as text: this one is behind them all."""


def _know_days(db: Connection, zone: tzinfo) -> None:
    # SQLite itself knows no zone but the machine's.
    db.create_scalar_function("day_of", lambda *at: day_of(float(at[0] or 0), zone), 1, deterministic=True)


def _called(place: object) -> str:
    """What a group is called, by the value it is grouped by; bytes are a file system's name."""
    return os.fsdecode(place) if isinstance(place, bytes) else str(place)


def _told_apart(lines: list[CostLine]) -> list[CostLine]:
    """Workflows by their names, and with their ids where several have one name."""
    names = Counter(line.group.partition("\0")[0] for line in lines)
    parts = [line.group.partition("\0") for line in lines]
    return [
        replace(line, group=name if names[name] == 1 else f"{name} ({number})")
        for line, (name, _, number) in zip(lines, parts, strict=True)
    ]


@dataclass(frozen=True, slots=True)
class Bought:
    """An execution that was bought: for which job and workflow, when (epoch seconds), and what it was charged by now.

    ``charged`` is None while that of any of its purchases is not known; ``is_over``: the job has ended.
    """

    execution: str
    job: int
    workflow: str
    at: float
    charged: int | None
    is_over: bool


def bought(db: Connection, payer: str) -> list[Bought]:
    """The executions of a payer that this journal knows, the first bought first; a retry belongs to its execution."""
    found = rows(
        db,
        "SELECT bought.execution, job, bought.workflow, MIN(intended_at),"
        " iif(COUNT(*) = COUNT(bought.charged), SUM(bought.charged), NULL), finished_at IS NOT NULL"
        " FROM purchases AS bought JOIN jobs ON jobs.id = job"
        " WHERE bought.payer = ? AND bought.execution <> '' AND state <> 'refused'"
        " GROUP BY bought.execution ORDER BY MIN(intended_at)",
        (payer,),
    )
    return [
        Bought(execution, job, workflow, at, charged, bool(is_over))
        for execution, job, workflow, at, charged, is_over in found
    ]
