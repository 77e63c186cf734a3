"""What is held for one reason, counted: how many jobs share it, and what they need."""

from __future__ import annotations

from dataclasses import dataclass

from artui.journal.store import Connection, rows, value
from artui.model.holds import TOLD_ONCE
from artui.model.states import Reason


@dataclass(frozen=True, slots=True)
class HoldCount:
    """The jobs of an account that are held for one reason: so many in all, ``sent`` of them are at the service;
    ``needs`` is what they were quoted together, in the account's unit."""

    jobs: int
    needs: int = 0
    sent: int = 0


def crowds(db: Connection) -> dict[tuple[str, str], HoldCount]:
    """The crowds behind shared holds, by account and reason."""
    found = rows(
        db,
        "SELECT account, reason, SUM(jobs), SUM(quoted) FROM tally WHERE status = 'held' AND jobs > 0"
        " GROUP BY account, reason",
    )
    return {
        (account, reason): HoldCount(number, quoted, _sent(db, account) if reason == Reason.LOGIN else 0)
        for account, reason, number, quoted in found
        if reason in TOLD_ONCE
    }


def _sent(db: Connection, account: str) -> int:
    sql = (
        "SELECT COUNT(*) FROM jobs WHERE account = ? AND stage IN ('submitted', 'processed', 'saved')"
        " AND status = 'held' AND reason = ?"
    )
    return int(value(db, sql, (account, Reason.LOGIN)))


def behind_samples(db: Connection) -> dict[str, HoldCount]:
    """The jobs that wait for a yes to the first results of their batch, by batch."""
    found = rows(
        db,
        "SELECT batch, SUM(jobs), SUM(quoted) FROM tally WHERE status = 'held' AND reason = ? AND jobs > 0"
        " GROUP BY batch",
        (Reason.SAMPLE,),
    )
    return {batch: HoldCount(number, quoted) for batch, number, quoted in found}
