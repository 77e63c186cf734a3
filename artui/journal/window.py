"""What a long table of jobs is drawn from: the order of their numbers, a few rows by number, and the figures over it.

Nothing here reads every job. The order of all jobs comes from an index that holds nothing else, a window's rows are
read by number, and the figures are kept by triggers (``tally``), so that a hundred thousand jobs open like a thousand.
"""

from __future__ import annotations

import json
from array import array
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from enum import StrEnum

from artui.job import Batch, Job, Reason, Status
from artui.journal import accounts, jobs
from artui.journal.store import Connection, first, rows, value


class Group(StrEnum):
    """What a person sorts jobs by: who has to do something about them. Each job is in exactly one."""

    NEEDS = "needs you"
    ACTIVE = "active"
    QUEUED = "queued"
    QA = "in QA"
    DONE = "done"


PATIENT = frozenset({Reason.CAP, Reason.PAUSED, Reason.QUOTA, Reason.TWIN})
"""Holds that end without a person doing anything about that job."""


def group(status: Status, reason: str, *, aside: bool = False) -> Group:
    """The group of a job. ``aside``: a person has seen that it needs something and put it aside."""
    if status in (Status.DONE, Status.SKIPPED, Status.CANCELLED) or reason == "given up":
        return Group.DONE
    if status is Status.FAILED or (status is Status.HELD and reason not in PATIENT):
        return Group.DONE if aside else Group.NEEDS
    if status is Status.WAITING and reason == Reason.IN_QA:
        return Group.QA
    waits = status in (Status.READY, Status.HELD) or reason == Reason.TWIN
    return Group.QUEUED if waits else Group.ACTIVE


def _quoted(words: Iterable[str]) -> str:
    return ", ".join(f"'{word}'" for word in sorted(words))


_NEEDS = f"(status = 'failed' AND reason <> 'given up' OR status = 'held' AND reason NOT IN ({_quoted(PATIENT)}))"
_CONDITIONS = {
    Group.NEEDS: f"{_NEEDS} AND jobs.id NOT IN (SELECT job FROM aside)",
    Group.ACTIVE: "(status = 'running' OR status = 'waiting' AND reason NOT IN ('in QA', 'same photo as another job'))",
    Group.QUEUED: "(status = 'ready' OR status = 'waiting' AND reason = 'same photo as another job'"
    f" OR status = 'held' AND reason IN ({_quoted(PATIENT)}))",
    Group.QA: "status = 'waiting' AND reason = 'in QA'",
    Group.DONE: "(status IN ('done', 'skipped', 'cancelled') OR status = 'failed' AND reason = 'given up'"
    f" OR {_NEEDS} AND jobs.id IN (SELECT job FROM aside))",
}
"""As :func:`group` sorts, in SQL; a test holds the two together."""


@dataclass(frozen=True, slots=True)
class Filter:
    """Which jobs are wanted. ``words`` must all be found in what a job says of itself (path, workflow, message, labels
    and the like), those of ``without`` must not."""

    group: Group | None = None
    batch: str | None = None
    account: str | None = None
    status: Status | None = None
    words: tuple[str, ...] = ()
    without: tuple[str, ...] = ()

    @property
    def counted(self) -> bool:
        """Whether the kept figures know it, so that no job need be read."""
        return not (self.status or self.words or self.without)

    def condition(self) -> tuple[str, tuple[str, ...]]:
        """As SQL over ``jobs``, with its values."""
        parts: list[str] = ["1"]
        values: list[str] = []
        if self.group:
            parts.append(_CONDITIONS[self.group])
        for column, wanted in (("batch", self.batch), ("account", self.account), ("status", self.status)):
            if wanted is not None:
                parts.append(f"jobs.{column} = ?")
                values.append(wanted)
        parts += [f"instr({_TEXT}, ?)"] * len(self.words) + [f"NOT instr({_TEXT}, ?)"] * len(self.without)
        values += [word.lower() for word in (*self.words, *self.without)]
        return " AND ".join(parts), tuple(values)


_TEXT = (
    "lower(CAST(source AS TEXT) || ' ' || workflow_name || ' ' || jobs.account || ' ' || status || ' ' || reason"
    " || ' ' || message || ' ' || word || ' ' || execution || ' ' || labels)"
)


class Order(StrEnum):
    """How the table can be sorted."""

    FILE = "batch, then file"
    NEWEST = "newest first"
    STAGE = "who must act"
    COST = "highest cost first"


_BY_GROUP = " ".join(f"WHEN {_CONDITIONS[one]} THEN {place}" for place, one in enumerate(Group))
_ORDER_BY = {
    Order.NEWEST: "id DESC",
    Order.STAGE: f"CASE {_BY_GROUP} END, COALESCE(finished_at, stage_at) DESC, id",
    Order.COST: "COALESCE(charged, quoted, 0) DESC, id",
}


def order(db: Connection, wanted: Filter, by: Order = Order.FILE, *, pinned: Sequence[int] = ()) -> array[int]:
    """The numbers of the wanted jobs in order, eight bytes each; ``pinned`` come first where they are wanted."""
    condition, values = wanted.condition()
    if by is not Order.FILE:
        found = _numbers(db, f"SELECT id FROM jobs WHERE {condition} ORDER BY {_ORDER_BY[by]}", values)
    elif wanted.group in _STATUSES:
        found = _numbers(db, _FEW_BY_FILE.format(statuses=_STATUSES[wanted.group], condition=condition), values)
    else:
        found = _by_file(db, condition, values, wanted.batch)
    if not pinned:
        return found
    top = set(pinned)
    still = {number for number in found if number in top}
    above = array("q", (number for number in pinned if number in still))
    above.extend(number for number in found if number not in top)
    return above


_STATUSES = {
    Group.NEEDS: "'failed', 'held'",
    Group.ACTIVE: "'running', 'waiting'",
    Group.QUEUED: "'ready', 'waiting', 'held'",
    Group.QA: "'waiting'",
}
"""What few jobs are in beside the many that are done: found by status, then sorted."""
_FEW_BY_FILE = """
SELECT jobs.id FROM jobs LEFT JOIN batches ON batches.id = jobs.batch
WHERE status IN ({statuses}) AND {condition}
ORDER BY jobs.batch IS NOT NULL, batches.created_at DESC, jobs.batch, source, jobs.id
"""


def _numbers(db: Connection, sql: str, values: Sequence[str | None]) -> array[int]:
    return array("q", (number for (number,) in db.execute(sql, values)))


def _by_file(db: Connection, condition: str, values: Sequence[str], batch: str | None) -> array[int]:
    """Jobs of no batch, then batch by batch, the newest first; inside by path. Each comes straight from an index."""
    batches: list[str | None] = [batch]
    if batch is None:
        newest_first = rows(db, "SELECT id FROM batches ORDER BY created_at DESC, id")
        batches = [None, *(found for (found,) in newest_first)]
    sql = f"SELECT id FROM jobs INDEXED BY jobs_order WHERE batch IS ? AND {condition} ORDER BY source, id"
    found = array("q")
    for one in batches:
        found.extend(_numbers(db, sql, (one, *values)))
    return found


def needing(db: Connection, wanted: Filter) -> array[int]:
    """The wanted jobs that need a person, in order: what is shown on top."""
    return order(db, replace(wanted, group=Group.NEEDS), Order.FILE)


def some(db: Connection, numbers: Sequence[int]) -> dict[int, Job]:
    """Jobs by their numbers."""
    wanted = json.dumps(list(numbers))
    return {job.id: job for job in jobs.select(db, "id IN (SELECT value FROM json_each(?))", (wanted,))}


def asides(db: Connection) -> frozenset[int]:
    """The jobs a person has put aside."""
    return frozenset(number for (number,) in rows(db, "SELECT job FROM aside"))


def put_aside(db: Connection, numbers: Iterable[int], *, back: bool = False) -> None:
    """Put jobs aside, or take them back: they no longer count as needing a person until they move again."""
    sql = "DELETE FROM aside WHERE job = ?" if back else "INSERT OR IGNORE INTO aside (job) VALUES (?)"
    db.executemany(sql, [(number,) for number in numbers])


# ------------------------------------------------------------------------------------------------------- figures


@dataclass(frozen=True, slots=True)
class Tally:
    """The jobs of one account and batch ('' = none) that stand alike, and their money in the account's unit."""

    account: str
    batch: str
    status: Status
    reason: str
    jobs: int
    quoted: int
    charged: int
    to_come: int


def tally(db: Connection, *, account: str | None = None, batch: str | None = None) -> list[Tally]:
    """The figures over all jobs, or those of an account or batch; as quick for many jobs as for few."""
    found = rows(
        db,
        "SELECT account, batch, status, reason, jobs, quoted, charged, to_come FROM tally"
        " WHERE jobs > 0 AND (?1 IS NULL OR account = ?1) AND (?2 IS NULL OR batch = ?2)",
        (account, batch),
    )
    return [Tally(account, batch, Status(status), *rest) for account, batch, status, *rest in found]


@dataclass(frozen=True, slots=True)
class Totals:
    """Money over the wanted jobs: ``sent`` = not yet confirmed, ``to_come`` = not sent yet, in the account's unit."""

    jobs: int = 0
    quoted: int = 0
    charged: int = 0
    sent: int = 0
    to_come: int = 0

    @property
    def unspent(self) -> int:
        """What was quoted and never had to be paid; below nought where more was paid than quoted."""
        return self.quoted - self.charged - self.sent - self.to_come


@dataclass(frozen=True, slots=True)
class Overview:
    """The figures over a filter: jobs by group, and their money."""

    counts: dict[Group, int]
    totals: Totals

    @property
    def jobs(self) -> int:
        """All of them."""
        return sum(self.counts.values())

    def count(self, wanted: Group | None) -> int:
        """Those of a group, or with None all of them."""
        return self.jobs if wanted is None else self.counts[wanted]


def overview(db: Connection, wanted: Filter) -> Overview:
    """The figures over the wanted jobs, whatever their group is."""
    wanted = replace(wanted, group=None)
    if not wanted.counted:
        return _overview_by_reading(db, wanted)
    counts = dict.fromkeys(Group, 0)
    lines = tally(db, account=wanted.account, batch=wanted.batch)
    for line in lines:
        counts[group(line.status, line.reason)] += line.jobs
    aside = _aside(db, wanted)
    counts[Group.NEEDS] -= aside
    counts[Group.DONE] += aside
    charged = sum(line.charged for line in lines)
    return Overview(
        counts,
        Totals(
            sum(line.jobs for line in lines),
            sum(line.quoted for line in lines),
            charged,
            _bought(db, wanted) - charged,
            sum(line.to_come for line in lines),
        ),
    )


def _aside(db: Connection, wanted: Filter) -> int:
    condition, values = wanted.condition()
    sql = f"SELECT COUNT(*) FROM aside CROSS JOIN jobs ON jobs.id = aside.job WHERE {_NEEDS} AND {condition}"
    return int(value(db, sql, values))


def _bought(db: Connection, wanted: Filter) -> int:
    """All that purchases have cost or still reserve, by account or batch; what was given up is not in it."""
    scope, period = ("run", None) if wanted.batch is None else ("batch", wanted.batch)
    bought = value(
        db,
        "SELECT COALESCE(SUM(amount), 0) FROM spending"
        " WHERE scope = ?1 AND (?2 IS NULL OR period = ?2) AND (?3 IS NULL OR account = ?3)",
        (scope, period, wanted.account),
    )
    given_up = value(
        db,
        "SELECT COALESCE(SUM(reserved), 0) FROM purchases WHERE state = 'presumed spent' AND charged IS NULL"
        " AND (?1 IS NULL OR batch = ?1) AND (?2 IS NULL OR account = ?2)",
        (wanted.batch, wanted.account),
    )
    return int(bought - given_up)


_MONEY = """
SELECT {key}COUNT(*), COALESCE(SUM(quoted), 0), COALESCE(SUM(charged), 0),
    COALESCE(SUM((SELECT SUM(reserved) FROM purchases
        WHERE purchases.job = jobs.id AND purchases.charged IS NULL
            AND purchases.state IN ('intended', 'known'))), 0),
    COALESCE(SUM(CASE WHEN buys AND stage IN ('new', 'checked', 'uploaded')
        AND status IN ('ready', 'running', 'waiting', 'held') THEN quoted ELSE 0 END), 0)
FROM jobs{join} WHERE {condition}
"""


def _overview_by_reading(db: Connection, wanted: Filter) -> Overview:
    condition, values = wanted.condition()
    counts = dict.fromkeys(Group, 0)
    sql = f"SELECT CASE {_BY_GROUP} END AS place, COUNT(*) FROM jobs WHERE {condition} GROUP BY place"
    for place, number in rows(db, sql, values):
        counts[list(Group)[place]] = number
    return Overview(counts, Totals(*rows(db, _MONEY.format(key="", join="", condition=condition), values)[0]))


_FOLDER = "rtrim(CAST(source AS TEXT), replace(CAST(source AS TEXT), '/', ''))"
_GROUPINGS = {
    "By folder": (_FOLDER, ""),
    "By workflow": ("workflow_name", ""),
    "By day": ("date(created_at, 'unixepoch', 'localtime')", ""),
    "By label": ("label.key || ' = ' || label.value", ", json_each(jobs.labels) AS label"),
}
MOST_GROUPS = 40


def sums_by(db: Connection, wanted: Filter) -> dict[str, list[tuple[str, Totals]]]:
    """The money of the wanted jobs in several groupings, the largest groups of each. Reads every wanted job."""
    condition, values = wanted.condition()
    found = {}
    for title, (key, join) in _GROUPINGS.items():
        sql = _MONEY.format(key=f"{key} AS place, ", join=join, condition=condition)
        sql += f" GROUP BY place ORDER BY COUNT(*) DESC, place LIMIT {MOST_GROUPS}"
        found[title] = [(str(place), Totals(*money)) for place, *money in rows(db, sql, values)]
    return found


# --------------------------------------------------------------------------------------------------------- beside


def usual_times(db: Connection, some_jobs: Iterable[Job]) -> dict[tuple[str, str], float]:
    """How long the workflows of these jobs usually take, in seconds, by (payer, workflow)."""
    found = {}
    for key in {(job.payer, job.workflow) for job in some_jobs}:
        if known := accounts.usual(db, *key):
            found[key] = known[0]
    return found


def next_in_line(db: Connection) -> int:
    """The job that is taken next; 0 where none waits for its turn."""
    found = first(db, "SELECT id FROM jobs WHERE status = 'ready' ORDER BY id LIMIT 1")
    return int(found[0]) if found else 0


def batches(db: Connection) -> list[Batch]:
    """All batches, the newest first."""
    found = rows(db, "SELECT id, name, account, created_at, cap, sample FROM batches ORDER BY created_at DESC, id")
    return [Batch(*columns) for columns in found]


def unfinished(db: Connection) -> dict[str, int]:
    """How many jobs of each batch are not finished; batches that are done with are not named."""
    open_jobs: dict[str, int] = {}
    for line in tally(db):
        if line.batch and not line.status.final:
            open_jobs[line.batch] = open_jobs.get(line.batch, 0) + line.jobs
    return open_jobs


def finished_batch(db: Connection, batch: str) -> tuple[str, int, int] | None:
    """Name, jobs done and jobs that need a person, of a batch; None where there is no such batch."""
    found = first(db, "SELECT name FROM batches WHERE id = ?", (batch,))
    counts = overview(db, Filter(batch=batch)).counts
    return (found[0], counts[Group.DONE], counts[Group.NEEDS]) if found else None


def oldest_sent(db: Connection) -> dict[str, float]:
    """Since when the oldest result lies at each provider that is bought and not saved, in epoch seconds."""
    found = rows(
        db,
        "SELECT provider, MIN(stage_at) FROM jobs WHERE status IN ('ready', 'running', 'waiting', 'held')"
        " AND stage IN ('submitted', 'processed') GROUP BY provider",
    )
    return dict(found)


def overviews(db: Connection, batches: Iterable[str]) -> dict[str, Overview]:
    """The figures of each of these batches."""
    return {batch: overview(db, Filter(batch=batch)) for batch in batches}


def happened(db: Connection, seq: int) -> dict[str, int]:
    """How many jobs were saved and failed after event number ``seq``; empty where nothing was written since."""
    found = rows(
        db,
        "SELECT status, COUNT(DISTINCT job) FROM events WHERE seq > ? AND status IN ('done', 'failed') GROUP BY status",
        (seq,),
    )
    names = {"done": "saved", "failed": "failed"}
    return {names[status]: number for status, number in found}


def held(db: Connection) -> dict[str, int]:
    """How many jobs are held, by the reason."""
    counted: dict[str, int] = {}
    for line in tally(db):
        if line.status is Status.HELD:
            counted[line.reason] = counted.get(line.reason, 0) + line.jobs
    return counted
