"""What is held for one reason, counted: how many jobs share it, and what they need."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

from artui.journal.groups import CAPPED_FOR_GOOD
from artui.journal.prices import QUOTED_SQL
from artui.journal.store import Connection, rows, value
from artui.model.holds import TOLD_ONCE, CapKind
from artui.model.states import Reason

if TYPE_CHECKING:
    from artui.model.job import Job


@dataclass(frozen=True, slots=True)
class HoldCount:
    """The jobs of an account that are held for one reason: so many in all, ``sent`` of them are at the service;
    ``needs`` is what they were quoted together, in the account's unit."""

    jobs: int
    needs: int = 0
    sent: int = 0


Crowds = Mapping[tuple[str, str], HoldCount]
"""Who shares a hold, by :func:`of`."""


def of(job: Job) -> tuple[str, str]:
    """With whom a held job shares its hold: those of its account and reason, or of its batch where that has a cap."""
    if job.reason == Reason.CAP and job.hold_scope == CapKind.BATCH:
        return job.account, f"{CapKind.BATCH} {job.batch}"
    return job.account, job.reason


def crowds(db: Connection) -> Crowds:
    """The crowds behind shared holds."""
    found = rows(
        db,
        "SELECT account, reason, SUM(jobs), SUM(quoted) FROM tally WHERE status = 'held' AND jobs > 0"
        " GROUP BY account, reason",
    )
    shared = {
        (account, reason): HoldCount(number, quoted, _sent(db, account) if reason == Reason.LOGIN else 0)
        for account, reason, number, quoted in found
        if reason in TOLD_ONCE
    }
    # The kept figures do not know which cap it is: what a batch's own holds is no crowd of the account's.
    for account, batch, number, quoted in rows(
        db,
        f"SELECT account, batch, COUNT(*), SUM({QUOTED_SQL}) FROM jobs WHERE {CAPPED_FOR_GOOD}"
        " AND hold_scope = ? GROUP BY 1, 2",
        (CapKind.BATCH,),
    ):
        whole = shared[account, Reason.CAP]
        shared[account, Reason.CAP] = HoldCount(whole.jobs - number, whole.needs - quoted)
        shared[account, f"{CapKind.BATCH} {batch}"] = HoldCount(number, quoted)
    return shared


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
