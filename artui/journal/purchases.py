"""Purchases in the journal: the intent before a paid call, the facts after it, and what each weighs in a cap.

What the service said is a fact, not a move: it is accepted whatever became of the job meanwhile, from whichever engine.
"""

from __future__ import annotations

import time
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any
from uuid import uuid4

from artui.job import Job, Kind, Purchase, PurchaseState
from artui.journal import accounts
from artui.journal.store import Connection, Stale, first, rows, value

_COLUMNS = (
    "key", "job", "number", "kind", "account", "payer", "endpoint", "organization", "workflow", "version", "reference",
    "draft", "mark", "reserved", "charged", "state", "execution", "looks", "day", "month", "intended_at",
)  # fmt: skip
_SELECT = f"SELECT {', '.join(_COLUMNS)} FROM purchases"


def _purchase(columns: Sequence[Any]) -> Purchase:
    values = dict(zip(_COLUMNS, columns, strict=True))
    return Purchase(**{**values, "kind": Kind(values["kind"]), "state": PurchaseState(values["state"])})


def of_job(db: Connection, job_id: int) -> list[Purchase]:
    """All purchases of a job, first to last."""
    return [_purchase(found) for found in rows(db, f"{_SELECT} WHERE job = ? ORDER BY number", (job_id,))]


def current(db: Connection, job: Job) -> Purchase | None:
    """The purchase under way, or the last one."""
    found = first(db, f"{_SELECT} WHERE job = ? AND number = ?", (job.id, job.purchase))
    return _purchase(found) if found else None


def by_key(db: Connection, key: str) -> Purchase:
    """One purchase by its key; :class:`artui.journal.Stale` where there is none."""
    found = first(db, f"{_SELECT} WHERE key = ?", (key,))
    if found is None:
        raise Stale(f"there is no purchase {key}")
    return _purchase(found)


def in_the_air(db: Connection, job: Job) -> bool:
    """Whether the current purchase of a job was intended and nothing is known of it yet."""
    purchase = current(db, job)
    return purchase is not None and purchase.state is PurchaseState.INTENDED


def any_of_ours(db: Connection, payer: str, keys: Iterable[str]) -> bool:
    """Whether any of these keys belongs to a purchase of this payer."""
    wanted = list(keys)
    marks = ", ".join("?" * len(wanted))
    return first(db, f"SELECT 1 FROM purchases WHERE payer = ? AND key IN ({marks})", (payer, *wanted)) is not None


def new_key() -> str:
    """A key no purchase ever had."""
    return str(uuid4())


# ---------------------------------------------------------------------------------------------- intent and facts


def intend(
    db: Connection, job: Job, *, key: str, number: int, kind: Kind, draft: str, reserved: int, mark: str,
    day: str, month: str,
) -> Purchase:  # fmt: skip
    """Write the intent of one paid call, with its reservation.

    A purchase that surely was not carried out is intended again under its own key; otherwise ``key`` is new. Raises
    ValueError where an earlier purchase of the job is still in the air, or was carried out and this would order anew.
    """
    living = {PurchaseState.INTENDED} if kind is Kind.RETRY else {PurchaseState.INTENDED, PurchaseState.KNOWN}
    if any(earlier.state in living for earlier in of_job(db, job.id)):
        raise ValueError(f"job {job.id} has a purchase already")
    again = first(
        db,
        "UPDATE purchases SET state = 'intended', draft = ?, reference = ?, reserved = ?, version = ?, day = ?,"
        " month = ?, looks = 0, intended_at = ? WHERE job = ? AND number = ? AND key = ? AND state = 'refused'"
        " RETURNING 1",
        (draft, job.reference, reserved, job.version, day, month, time.time(), job.id, number, key),
    )
    if not again:
        db.execute(
            "INSERT INTO purchases (key, job, number, kind, account, payer, endpoint, organization, workflow, version,"
            " reference, draft, mark, reserved, charged, state, execution, looks, day, month, run, rule, batch,"
            " intended_at)"
            " VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, NULL, 'intended', '', 0, ?, ?, ?, ?, ?, ?)",
            (
                key, job.id, number, kind, job.account, job.payer, job.endpoint, job.organization, job.workflow,
                job.version, job.reference, draft, mark, reserved, day, month, job.run, job.rule, job.batch,
                time.time(),
            ),
        )  # fmt: skip
    return by_key(db, key)


def record_execution(db: Connection, key: str, execution: str) -> None:
    """The fact that the service runs ``execution`` for this purchase. Insert-only, guarded by the key alone."""
    _fact(db, key, "execution", execution)
    db.execute(
        "INSERT OR IGNORE INTO executions (payer, execution, key) SELECT payer, ?, key FROM purchases WHERE key = ?",
        (execution, key),
    )
    db.execute(
        "UPDATE purchases SET state = 'known', known_at = ?,"
        " execution = CASE WHEN execution = '' THEN ? ELSE execution END WHERE key = ?",
        (time.time(), execution, key),
    )


def record_refusal(db: Connection, key: str) -> None:
    """The fact that this purchase surely was not carried out; its reservation ends."""
    _fact(db, key, "refused", "")
    db.execute("UPDATE purchases SET state = 'refused' WHERE key = ? AND state = 'intended'", (key,))


def presume_spent(db: Connection, key: str) -> None:
    """Give a purchase in doubt up: it stays in every index and cap."""
    _fact(db, key, "presumed spent", "")
    db.execute("UPDATE purchases SET state = 'presumed spent' WHERE key = ? AND state = 'intended'", (key,))


def _fact(db: Connection, key: str, what: str, execution: str) -> None:
    db.execute(
        "INSERT INTO facts (key, what, execution, at) VALUES (?, ?, ?, ?)",
        (key, what, execution, time.time()),
    )


def record_charge(db: Connection, job: Job, total: int) -> int:
    """What the service says it charged for the job's execution in all; returns what the job cost altogether.

    A retried execution carries the sum over its tries: the last purchase gets what the earlier ones did not.
    """
    purchases = of_job(db, job.id)
    own = [purchase for purchase in purchases if purchase.execution == job.execution]
    if own:
        earlier = sum(purchase.charged or 0 for purchase in own[:-1])
        db.execute("UPDATE purchases SET charged = ? WHERE key = ?", (max(0, total - earlier), own[-1].key))
    return sum(purchase.charged or 0 for purchase in of_job(db, job.id))


def looked(db: Connection, key: str) -> int:
    """Count one complete look that showed nothing; returns how many there were."""
    return int(value(db, "UPDATE purchases SET looks = looks + 1 WHERE key = ? RETURNING looks", (key,)))


def known_executions(db: Connection, payer: str, executions: Sequence[str]) -> set[str]:
    """Which of these executions the journal already knows."""
    marks = ", ".join("?" * len(executions))
    found = rows(
        db, f"SELECT execution FROM executions WHERE payer = ? AND execution IN ({marks})", (payer, *executions)
    )
    return {execution for (execution,) in found}


# ------------------------------------------------------------------------------------------------------- spending


@dataclass(frozen=True, slots=True)
class Spent:
    """What an account has spent or reserved, in its unit, in each of the sums a cap may bound."""

    open: int = 0
    day: int = 0
    month: int = 0
    run: int = 0
    batch: int = 0


def spent(db: Connection, account: str, *, day: str, month: str, run: str = "", batch: str | None = None) -> Spent:
    """The sums for these periods; open reservations count in the day and the month whenever they were made."""

    def amount(scope: str, period: str) -> int:
        row = db.execute(
            "SELECT amount FROM spending WHERE account = ? AND scope = ? AND period = ?",
            (account, scope, period),
        ).fetchone()
        return int(row[0]) if row else 0

    reserved = amount("open", "")
    return Spent(
        open=reserved,
        day=amount("day", day) + reserved,
        month=amount("month", month) + reserved,
        run=amount("run", run),
        batch=amount("batch", batch) if batch else 0,
    )


def not_in_balance(db: Connection, account: str, balance_at: float) -> int:
    """What was bought or reserved after the balance was last read, or lies in doubt: the balance does not show it."""
    amount = value(
        db,
        "SELECT COALESCE(SUM(COALESCE(charged, reserved)), 0) FROM purchases"
        " WHERE account = ? AND state <> 'refused' AND (intended_at >= ? OR (state = 'intended' AND charged IS NULL))",
        (account, balance_at),
    )
    return int(amount)


def affordable(db: Connection, account: str) -> bool:
    """Whether the balance, less what it does not show yet, pays the cheapest job that is held for credits."""
    state = accounts.state(db, account)
    cheapest = value(
        db,
        "SELECT MIN(COALESCE(quoted, 1)) FROM jobs WHERE account = ? AND status = 'held' AND reason = 'credits'",
        (account,),
    )
    if state.balance is None or state.balance_at is None or cheapest is None:
        return True
    return bool(state.balance - not_in_balance(db, account, state.balance_at) >= cheapest)
