"""Top-ups in the journal: readings of a balance that rose, and which of them lets artui itself ask a service to go on.

What came first is told by the numbers of events, never by a clock. Every function runs inside one transaction of
:class:`artui.journal.store.Journal`; money is in the account's unit.
"""

from __future__ import annotations

import time

from artui.journal import accounts, prices, purchases
from artui.journal.store import Connection, first, value
from artui.model.job import Job
from artui.model.states import Kind, PurchaseState


def note_balance(
    db: Connection, account: str, balance: int | None, read_at: float, event: int, unknown: str = ""
) -> None:
    """Remember a reading of the balance by the engine, and by how much it rose since its last one; ``event`` is the
    newest one from before the service was asked, ``unknown`` why it did not tell.

    The first reading ever rises from nothing; the first that was told after some that were not rises by nothing, for
    nobody knows what was there before.
    """
    was_unknown = accounts.state(db, account).balance_unknown
    accounts.set_balance(db, account, balance, read_at, unknown)
    before = value(db, "SELECT engine_balance FROM accounts WHERE name = ?", (account,))
    if balance is None:
        return
    db.execute("UPDATE accounts SET engine_balance = ? WHERE name = ?", (balance, account))
    rise = 0 if before is None and was_unknown else balance - (before or 0)
    if rise > 0:
        db.execute(
            "INSERT INTO topups (account, rise, event, at) VALUES (?, ?, ?, ?)", (account, rise, event, time.time())
        )


def allows_retry(db: Connection, job: Job) -> bool:
    """Whether artui may by itself ask the service once to go on with a parked job: it never did for this top-up, and no
    retry of the job may have been taken. What was taken may cost however the service shows it: the next is a person's.
    """
    if any(one.kind is Kind.RETRY and one.state is not PurchaseState.REFUSED for one in purchases.of_job(db, job.id)):
        return False
    last = value(
        db,
        # What `recover` found has neither event: its newest one stands in.
        "SELECT COALESCE((SELECT MAX(seq) FROM events WHERE job = ?1 AND what IN ('intent', 'retried')),"
        " (SELECT MAX(seq) FROM events WHERE job = ?1))",
        (job.id,),
    )
    found = first(
        db,
        # Read after the job's last try began.
        "SELECT 1 FROM topups WHERE account = ? AND event >= ? AND rise >= ?",
        (job.account, last, prices.weight(job.quoted)),
    )
    return found is not None
