"""What a long table of jobs is drawn from: the order of their numbers, a few rows by number, and the figures over it.

Nothing here reads every job. The order of all jobs comes from an index that holds nothing else, a window's rows are
read by number, and the figures are kept by triggers (``tally``), so that a hundred thousand jobs open like a thousand.
"""

from __future__ import annotations

import json
from array import array
from collections.abc import Iterable, Sequence
from enum import StrEnum
from itertools import chain, filterfalse
from typing import TYPE_CHECKING, NamedTuple

from artui.journal import accounts
from artui.journal.groups import CAPPED_FOR_GOOD, group
from artui.journal.prices import QUOTED_SQL
from artui.journal.store import Connection, first, rows, value
from artui.model.holds import Group
from artui.model.states import Status

if TYPE_CHECKING:
    from artui.model.job import Batch, Job

_ASIDE = "jobs.id IN (SELECT job FROM aside)"
_CONDITIONS = {
    **{one: f"pile = '{one}'" for one in Group},
    Group.NEEDS: f"pile = '{Group.NEEDS}' AND NOT {_ASIDE}",
    Group.ENDED: f"(pile = '{Group.ENDED}' OR pile = '{Group.NEEDS}' AND {_ASIDE})",
}


_TRAITS = {"rejected": "review = 'rejected'", "kept": "review = 'kept'", "aside": _ASIDE, "copy": "twin_of IS NOT NULL"}
"""What ``is:`` may ask of a job."""


class Filter(NamedTuple):
    """Which jobs are wanted. ``words`` must all be found in what a job says of itself (path, workflow, message, labels
    and the like), those of ``without`` must not. ``sku``, ``workflow`` and ``rule_name``: a part of the label and of
    the names; ``rule``: its id. ``status``: how a pile or a status begins; ``traits``: what a job ``is``; ``prices``
    compare its cost, by one of SQL's signs and a limit. ``since``: those made at or after it, in epoch seconds.
    ``only``: none but these."""

    group: Group | None = None
    batch: str | None = None
    account: str | None = None
    words: tuple[str, ...] = ()
    without: tuple[str, ...] = ()
    sku: str = ""
    workflow: str = ""
    status: str = ""
    rule: str = ""
    rule_name: str = ""
    traits: frozenset[str] = frozenset()
    prices: tuple[tuple[str, int], ...] = ()
    since: float = 0.0
    only: frozenset[int] | None = None

    @property
    def counted(self) -> bool:
        """Whether the kept figures know it, so that no job need be read."""
        return self == Filter(self.group, self.batch, self.account)

    def condition(self) -> tuple[str, tuple[str, ...]]:
        """As SQL over ``jobs``, with its values."""
        parts = [_CONDITIONS[self.group] if self.group else "1", _standing(self.status.lower()) if self.status else "1"]
        parts += [_any(sql for name, sql in _TRAITS.items() if name.startswith(trait)) for trait in self.traits]
        asked = [
            ("instr(lower(COALESCE(labels ->> '$.sku', '')), ?) > 0", self.sku.lower()),
            ("instr(lower(workflow_name), ?) > 0", self.workflow.lower()),
            ("jobs.rule = ? AND jobs.rule <> ''", self.rule),
            ("jobs.rule IN (SELECT id FROM rules WHERE instr(lower(name), ?) > 0)", self.rule_name.lower()),
            ("jobs.batch = ?", self.batch or ""),
            ("jobs.account = ?", self.account or ""),
            ("jobs.created_at >= CAST(? AS REAL)", repr(self.since) if self.since else ""),
            ("jobs.id IN (SELECT value FROM json_each(?))", "" if self.only is None else json.dumps(list(self.only))),
            *((f"COALESCE(charged, quoted) {sign} CAST(? AS INTEGER)", str(limit)) for sign, limit in self.prices),
            *((f"instr({_TEXT}, ?)", word.lower()) for word in self.words),
            *((f"NOT instr({_TEXT}, ?)", word.lower()) for word in self.without),
        ]
        asked = [(sql, wanted) for sql, wanted in asked if wanted]
        return " AND ".join([*parts, *(sql for sql, _ in asked)]), tuple(wanted for _, wanted in asked)


def _standing(begun: str) -> str:
    piles = [_CONDITIONS[one] for one in Group if one.lower().startswith(begun)]
    return _any([*piles, *(f"status = '{one}'" for one in Status if one.startswith(begun))])


def _any(conditions: Iterable[str]) -> str:
    return f"({' OR '.join(conditions) or '0'})"


_TEXT = (
    "lower(CAST(source AS TEXT) || ' ' || workflow_name || ' ' || jobs.account || ' ' || status || ' ' || reason"
    " || ' ' || message || ' ' || word || ' ' || execution || ' ' || labels)"
)


class SortOrder(StrEnum):
    """How the table can be sorted."""

    FILE = "batch and file"
    NEWEST = "age"
    STAGE = "who must act"
    COST = "cost"


_PLACES = {one: str(place) for place, one in enumerate(Group)}
_PLACES |= {Group.NEEDS: f"iif({_ASIDE}, {_PLACES[Group.ENDED]}, {_PLACES[Group.NEEDS]})"}
_PLACE = "CASE pile " + " ".join(f"WHEN '{one}' THEN {place}" for one, place in _PLACES.items()) + " END"
"""The place of a job's group among all groups."""
_ORDER_BY = {
    SortOrder.NEWEST: "id DESC",
    SortOrder.STAGE: f"{_PLACE}, COALESCE(finished_at, stage_at) DESC, id",
    SortOrder.COST: "COALESCE(charged, quoted, 0) DESC, id",
}


def order(
    db: Connection, wanted: Filter, by: SortOrder = SortOrder.FILE, *, turned: bool = False, pinned: Sequence[int] = ()
) -> array[int]:
    """The numbers of the wanted jobs in order, or ``turned`` around, eight bytes each; ``pinned`` come first where they
    are wanted."""
    if wanted.only is not None:  # taken out of the order, for a list of many would be read again for each batch
        everything = order(db, wanted._replace(only=None), by, turned=turned, pinned=pinned)
        return array("q", filter(wanted.only.__contains__, everything))
    if by is SortOrder.FILE:
        found = _by_file(db, wanted)
    else:
        condition, values = wanted.condition()
        found = _numbers(db, f"SELECT id FROM jobs WHERE {condition} ORDER BY {_ORDER_BY[by]}", values)
    if turned:
        found.reverse()
    if not pinned:
        return found
    top = set(pinned)
    still = set(filter(top.__contains__, found))
    return array("q", chain(filter(still.__contains__, pinned), filterfalse(top.__contains__, found)))


def _numbers(db: Connection, sql: str, values: Sequence[str | None]) -> array[int]:
    return array("q", chain.from_iterable(db.execute(sql, values)))


def _by_file(db: Connection, wanted: Filter) -> array[int]:
    """Jobs of no batch, then batch by batch, the newest first; inside by path. Each comes straight from an index."""
    batches: list[str | None] = [wanted.batch]
    if wanted.batch is None:
        newest_first = rows(db, "SELECT id FROM batches ORDER BY created_at DESC, id")
        batches = [None, *(found for (found,) in newest_first)]
    condition, values = wanted._replace(group=None).condition()
    parts = [_PART.format(index=index, pile=pile, condition=condition) for index, pile in _PARTS[wanted.group]]
    sql = f"SELECT id FROM ({' UNION ALL '.join(parts)} ORDER BY source, id)"
    return array("q", chain.from_iterable(_numbers(db, sql, (one, *values) * len(parts)) for one in batches))


_PART = "SELECT id, source FROM jobs INDEXED BY {index} WHERE {pile} AND batch IS ? AND {condition}"
_PARTS: dict[Group | None, tuple[tuple[str, str], ...]] = {
    None: (("jobs_order", "1"),),
    **{one: (("jobs_pile", _CONDITIONS[one]),) for one in Group},
    Group.ENDED: (("jobs_pile", f"pile = '{Group.ENDED}'"), ("jobs_pile", f"pile = '{Group.NEEDS}' AND {_ASIDE}")),
}
"""For each group the indexes its jobs come from in order, and what is taken of them; several are merged."""


def needing(db: Connection, wanted: Filter) -> array[int]:
    """The wanted jobs that need a person, in order: what is shown on top."""
    return order(db, wanted._replace(group=Group.NEEDS), SortOrder.FILE)


def some(db: Connection, numbers: Sequence[int]) -> dict[int, Job]:
    """Jobs by their numbers."""
    wanted = json.dumps(list(numbers))
    from artui.journal import jobs

    return {job.id: job for job in jobs.select(db, "id IN (SELECT value FROM json_each(?))", (wanted,))}


def asides(db: Connection) -> frozenset[int]:
    """The jobs a person has put aside."""
    return frozenset(number for (number,) in rows(db, "SELECT job FROM aside"))


def put_aside(db: Connection, numbers: Iterable[int], *, back: bool = False) -> None:
    """Put jobs aside, or take them back: they no longer count as needing a person until they move again."""
    sql = "DELETE FROM aside WHERE job = ?" if back else "INSERT OR IGNORE INTO aside (job) VALUES (?)"
    db.executemany(sql, [(number,) for number in numbers])


# ------------------------------------------------------------------------------------------------------- figures


class Tally(NamedTuple):
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


class Totals(NamedTuple):
    """Money of some jobs of one account, in its unit: ``sent`` = not yet confirmed, ``to_come`` = not sent yet.

    A job without a price counts as one, as it does in a cap.
    """

    jobs: int = 0
    quoted: int = 0
    charged: int = 0
    sent: int = 0
    to_come: int = 0

    @property
    def unspent(self) -> int:
        """What was quoted and never had to be paid; below nought where more was paid than quoted."""
        return self.quoted - self.charged - self.sent - self.to_come


class Overview(NamedTuple):
    """The figures over a filter: jobs by group, and their money by account, for no sum goes over several units."""

    counts: dict[Group, int]
    totals: dict[str, Totals]

    @property
    def jobs(self) -> int:
        """All of them."""
        return sum(self.counts.values())

    def count(self, wanted: Group | None) -> int:
        """Those of a group, or with None all of them."""
        return self.jobs if wanted is None else self.counts[wanted]


def overview(db: Connection, wanted: Filter) -> Overview:
    """The figures over the wanted jobs, whatever their group is."""
    wanted = wanted._replace(group=None)
    if not wanted.counted:
        return _overview_by_reading(db, wanted)
    counts = dict.fromkeys(Group, 0)
    lines = tally(db, account=wanted.account, batch=wanted.batch)
    for line in lines:
        counts[group(line.status, line.reason)] += line.jobs
    # The kept figures do not know which cap holds a job, what was put aside, nor what was rejected.
    for number, without, within in (
        (_capped_for_good(db, wanted), Group.QUEUED, Group.NEEDS),
        (_aside(db, wanted), Group.NEEDS, Group.ENDED),
        (_rejected(db, wanted), Group.SAVED, Group.ENDED),
    ):
        counts[without] -= number
        counts[within] += number
    by_account: dict[str, list[Tally]] = {}
    for line in lines:
        by_account.setdefault(line.account, []).append(line)
    return Overview(counts, {name: _totals(db, wanted._replace(account=name), own) for name, own in by_account.items()})


def _totals(db: Connection, wanted: Filter, lines: Sequence[Tally]) -> Totals:
    charged = sum(line.charged for line in lines)
    return Totals(
        sum(line.jobs for line in lines),
        sum(line.quoted for line in lines),
        charged,
        _bought(db, wanted) - charged,
        sum(line.to_come for line in lines),
    )


def _capped_for_good(db: Connection, wanted: Filter) -> int:
    condition, values = wanted.condition()
    return int(value(db, f"SELECT COUNT(*) FROM jobs WHERE {CAPPED_FOR_GOOD} AND {condition}", values))


def _aside(db: Connection, wanted: Filter) -> int:
    condition, values = wanted.condition()
    sql = f"SELECT COUNT(*) FROM aside CROSS JOIN jobs ON jobs.id = aside.job WHERE pile = ? AND {condition}"
    return int(value(db, sql, (Group.NEEDS, *values)))


def _rejected(db: Connection, wanted: Filter) -> int:
    condition, values = wanted.condition()
    rejected = "review = 'rejected' AND status IN ('done', 'skipped')"
    return int(value(db, f"SELECT COUNT(*) FROM jobs WHERE {rejected} AND {condition}", values))


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


def lost(db: Connection, account: str) -> int:
    """What an account counts as spent though no execution was ever found for it."""
    return int(
        value(
            db,
            "SELECT COALESCE(SUM(reserved), 0) FROM purchases WHERE account = ? AND state = 'presumed spent'"
            " AND charged IS NULL",
            (account,),
        )
    )


_MONEY = f"""
SELECT account, COUNT(*), COALESCE(SUM({QUOTED_SQL}), 0), COALESCE(SUM(charged), 0),
    COALESCE(SUM((SELECT SUM(reserved) FROM purchases
        WHERE purchases.job = jobs.id AND purchases.charged IS NULL
            AND purchases.state IN ('intended', 'known'))), 0),
    COALESCE(SUM(CASE WHEN (buys OR stage = 'new') AND stage IN ('new', 'checked', 'uploaded')
        AND status IN ('ready', 'running', 'waiting', 'held') THEN {QUOTED_SQL} ELSE 0 END), 0)
FROM jobs WHERE {{condition}} GROUP BY account
"""


def _overview_by_reading(db: Connection, wanted: Filter) -> Overview:
    condition, values = wanted.condition()
    counts = dict.fromkeys(Group, 0)
    sql = f"SELECT {_PLACE} AS place, COUNT(*) FROM jobs WHERE {condition} GROUP BY place"
    for place, number in rows(db, sql, values):
        counts[list(Group)[place]] = number
    by_account = rows(db, _MONEY.format(condition=condition), values)
    return Overview(counts, {account: Totals(*money) for account, *money in by_account})


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
    found = first(
        db,
        "SELECT id FROM jobs INDEXED BY jobs_first WHERE ahead > 0 AND status = 'ready' ORDER BY ahead DESC, id"
        " LIMIT 1",
    ) or first(db, "SELECT id FROM jobs WHERE status = 'ready' ORDER BY id LIMIT 1")
    return int(found[0]) if found else 0


def batches(db: Connection) -> list[Batch]:
    """All batches, the newest first."""
    found = rows(db, "SELECT id, name, account, created_at, cap, sample FROM batches ORDER BY created_at DESC, id")
    from artui.model.job import Batch

    return [Batch(*columns) for columns in found]


def batches_since(db: Connection, at: float) -> list[str]:
    """The batches that were made since, in epoch seconds, by their ids."""
    return [batch for (batch,) in rows(db, "SELECT id FROM batches WHERE created_at >= ?", (at,))]


def unfinished(db: Connection) -> dict[str, int]:
    """How many jobs of each batch are not finished; batches that are done with are not named."""
    open_jobs: dict[str, int] = {}
    for line in tally(db):
        if line.batch and not line.status.final:
            open_jobs[line.batch] = open_jobs.get(line.batch, 0) + line.jobs
    return open_jobs


def finished_batch(db: Connection, batch: str) -> tuple[str, Overview] | None:
    """Name and figures of a batch; None where there is no such batch."""
    found = first(db, "SELECT name FROM batches WHERE id = ?", (batch,))
    return (found[0], overview(db, Filter(batch=batch))) if found else None


def oldest_sent(db: Connection) -> dict[str, float]:
    """Since when the oldest result lies at each provider that is bought and not saved, in epoch seconds."""
    found = rows(
        db,
        "SELECT provider, MIN(stage_at) FROM jobs WHERE status IN ('ready', 'running', 'waiting', 'held')"
        " AND stage IN ('submitted', 'processed') GROUP BY provider",
    )
    return dict(found)


def happened(db: Connection, seq: int) -> dict[str, int]:
    """How many jobs were saved and failed after event number ``seq``; empty where nothing was written since."""
    return _ended(db, "seq > ?", seq)


def happened_since(db: Connection, at: float) -> dict[str, int]:
    """As :func:`happened`, since a time in epoch seconds."""
    return _ended(db, "at > ?", at)


def _ended(db: Connection, after: str, value: float) -> dict[str, int]:
    found = rows(
        db,
        f"SELECT status, COUNT(DISTINCT job) FROM events WHERE {after} AND status IN ('done', 'failed')"
        " GROUP BY status",
        (value,),
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
