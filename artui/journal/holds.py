"""Holds in the journal: jobs that wait for a person, a cap or an account, what lets them go on, and recovery.

Every function runs inside one transaction of :class:`artui.journal.store.Journal`.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

from artui.job import Job
from artui.journal import accounts, jobs, purchases
from artui.journal.store import Connection, value
from artui.states import ACCOUNT_WIDE, Reason, Stage, Status

LONGEST_WAIT = 900.0
"""Seconds no job is ever put off for longer (the longest ``Retry-After`` that is honoured)."""


def count_held(db: Connection, account: str, reason: Reason) -> int:
    """How many jobs of an account are held for this reason."""
    sql = "SELECT COALESCE(SUM(jobs), 0) FROM tally WHERE status = 'held' AND jobs > 0 AND account = ? AND reason = ?"
    return int(value(db, sql, (account, reason)))


def hold_account(db: Connection, account: str, reason: Reason, message: str, stages: Sequence[Stage]) -> int:
    """Hold all jobs of an account that stand ready or wait to go on in these stages; returns how many."""
    marks = ", ".join("?" * len(stages))
    waiting = jobs.select(
        db,
        f"account = ? AND stage IN ({marks}) AND (status = 'ready' OR (status = 'waiting' AND reason IN (?, ?, ?)))",
        (account, *stages, Reason.TRY_AGAIN, Reason.AT_SERVICE, Reason.LOOKING),
    )
    for job in waiting:
        jobs.move(db, job, job.stage, Status.HELD, "held", reason=reason, message=message)
    return len(waiting)


def of_account(db: Connection, account: str) -> list[Job]:
    """The jobs that a hold of their whole account stops."""
    marks = ", ".join("?" * len(ACCOUNT_WIDE))
    return jobs.select(
        db, f"account = ? AND status = 'held' AND reason IN ({marks})", (account, *sorted(ACCOUNT_WIDE))
    )  # fmt: skip


def release_account(db: Connection, account: str, settle_due: float) -> int:
    """End whatever holds an account and let its jobs go on; returns how many. A hold may have followed on another.

    A paid call in doubt is looked up as if it had ended just now, not before ``settle_due``.
    """
    accounts.set_hold(db, account, "", "")
    held = of_account(db, account)
    for job in held:
        _let_go_on(db, job, settle_due)
    return len(held)


def release_due(db: Connection, account: str, now: float, most: int = 20) -> int:
    """Let held jobs go on that were to be looked at again by now, a few at a time; returns how many.

    A few, because most will meet the same full disk again; first those whose result expires first. Those at the service
    are looked at anyway and keep their hold until something changes there.
    """
    held = jobs.select(
        db,
        "account = ? AND status = 'held' AND due <= ? AND stage <> 'submitted'"
        " ORDER BY expires_at IS NULL, expires_at, due, id LIMIT ?",
        (account, now, most),
    )
    for job in held:
        _let_go_on(db, job)
    return len(held)


def hold_strangers(db: Connection, account: str, endpoint: str, organization: str, settle_due: float) -> int:
    """Hold the jobs that were made for another address or organization than the account has now; let those go on that
    fit again. ``organization`` is empty where the account leaves it open. Returns how many are held now."""
    fits = "endpoint = ? AND (organization = ? OR ? = '')"
    values = (account, endpoint, organization, organization)
    for job in jobs.select(db, f"account = ? AND {fits} AND status = 'held' AND reason = '{Reason.ACCOUNT}'", values):
        _let_go_on(db, job, settle_due)
    strangers = jobs.select(db, f"account = ? AND NOT ({fits}) AND status IN ('ready', 'waiting')", values)
    for job in strangers:
        message = f"made for {job.organization} at {job.endpoint}, which {account} is not set to any more"
        jobs.move(db, job, job.stage, Status.HELD, "held", reason=Reason.ACCOUNT, message=message)
    return len(strangers)


def first_capped(db: Connection, account: str) -> list[Job]:
    """The oldest job held by a cap for each run and batch that has one."""
    return jobs.select(
        db,
        "id IN (SELECT MIN(id) FROM jobs WHERE account = ? AND status = 'held' AND reason = ? GROUP BY run, batch)",
        (account, Reason.CAP),
    )


def release_capped(db: Connection, like: Job, most: int) -> int:
    """Let up to so many jobs of the same run and batch go on that a cap held; returns how many."""
    held = jobs.select(
        db,
        "account = ? AND status = 'held' AND reason = ? AND run = ? AND batch IS ? ORDER BY id LIMIT ?",
        (like.account, Reason.CAP, like.run, like.batch, most),
    )
    for job in held:
        _let_go_on(db, job)
    return len(held)


def _let_go_on(db: Connection, job: Job, settle_due: float = 0.0) -> None:
    """Let a held job go on from where it stands. It is due at once: by the wall clock, which jumps, it might not be.

    Only a paid call in doubt is left its settling time: how much of it was over, nobody wrote down.
    """
    if job.stage is Stage.SUBMITTED:
        jobs.move(db, job, job.stage, Status.WAITING, "goes on", reason=Reason.AT_SERVICE, due=0.0)
    elif job.stage is Stage.SUBMITTING and purchases.in_the_air(db, job):
        jobs.move(db, job, job.stage, Status.WAITING, "goes on", reason=Reason.LOOKING, due=settle_due)
    else:
        jobs.move(db, job, job.stage, Status.READY, "goes on")


def recover(db: Connection, account: str, now: float, settle_due: float) -> int:
    """Put right what an engine that is gone left of an account; returns how many jobs it had under way.

    A paid call that may have been under way is looked up first, not before ``settle_due``; what is held until a time
    is looked at at once.
    """
    left = jobs.select(db, "account = ? AND status = 'running'", (account,))
    for job in left:
        if job.stage is Stage.SUBMITTING and purchases.in_the_air(db, job):
            jobs.move(
                db, job, job.stage, Status.WAITING, "interrupted", reason=Reason.LOOKING, due=settle_due,
                message="interrupted in the paid call: looked up before anything is sent again",
            )  # fmt: skip
        else:
            jobs.move(db, job, job.stage, Status.READY, "interrupted")
    db.execute(
        "UPDATE jobs SET due = ? WHERE account = ? AND status = 'waiting' AND reason = ?",
        (settle_due, account, Reason.LOOKING),
    )
    # A time that lies further off than any wait was written by a clock that has jumped since.
    db.execute(
        "UPDATE jobs SET due = ? WHERE account = ? AND status = 'waiting' AND due > ? AND reason = ?",
        (now + LONGEST_WAIT, account, now + LONGEST_WAIT, Reason.TRY_AGAIN),
    )
    release_due(db, account, math.inf, most=-1)
    return len(left)
