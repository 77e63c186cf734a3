"""Holds in the journal: jobs that wait for a person, a cap or an account, what lets them go on, and recovery.

Every function runs inside one transaction of :class:`artui.journal.store.Journal`.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from artui.journal import accounts, customers, jobs, purchases, suspended
from artui.journal.store import Connection, first, value
from artui.model.holds import ACCOUNT_WIDE, PauseOf
from artui.model.job import Job, Payer
from artui.model.states import BEFORE_PAYING, FINAL, Reason, Stage, Status


def count_held(db: Connection, account: str, reason: Reason) -> int:
    """How many jobs of an account are held for this reason."""
    sql = "SELECT COALESCE(SUM(jobs), 0) FROM tally WHERE status = 'held' AND jobs > 0 AND account = ? AND reason = ?"
    return int(value(db, sql, (account, reason)))


def going_on(db: Connection, account: str, reason: Reason, stages: Sequence[Stage], most: int = -1) -> list[Job]:
    """The jobs of an account in these stages that stand ready or wait to go on, which a hold for this reason stops: a
    doubt is cleared all the same where only places are lacking, for what it is about may have one."""
    marks = ", ".join("?" * len(stages))
    looking = Reason.AT_SERVICE if reason is Reason.PLACES else Reason.LOOKING  # named twice then: the same as left out
    return jobs.select(
        db,
        f"account = ? AND stage IN ({marks}) AND (status = 'ready' OR (status = 'waiting' AND reason IN (?, ?, ?)))"
        " LIMIT ?",
        (account, *stages, Reason.TRY_AGAIN, Reason.AT_SERVICE, looking, most),
    )


def hold_account(db: Connection, account: str, reason: Reason, message: str, stages: Sequence[Stage]) -> int:
    """Hold all jobs of an account that stand ready or wait to go on in these stages; returns how many."""
    waiting = going_on(db, account, reason, stages)
    scope = PauseOf.ACCOUNT if reason is Reason.PAUSED else ""
    for job in waiting:
        jobs.move(db, job, job.stage, Status.HELD, "held", reason=reason, hold_scope=scope, message=message)
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


def recovered(db: Connection, account: str) -> list[Job]:
    """The unpaid jobs of an account that are held because their photos may have been paid before."""
    marks = ", ".join("?" * len(BEFORE_PAYING))
    return jobs.select(
        db,
        f"account = ? AND status = 'held' AND reason = ? AND found = 0 AND stage IN ({marks}) ORDER BY id",
        (account, Reason.RECOVERED, *BEFORE_PAYING),
    )


def release_recovered(db: Connection, account: str) -> int:
    """Let an account send what may have been paid before, as a person wants it; returns how many jobs go on."""
    suspended.lift(db, suspended.payers_of(db, account))
    held = recovered(db, account)
    for job in held:
        jobs.move(db, job, job.stage, Status.READY, "goes on", message="sent by a person's decision", agreed=True)
    return len(held)


def held_for(db: Connection, account: str, reason: Reason) -> list[Job]:
    """The jobs of an account that are held for this reason, the oldest first."""
    return jobs.select(db, "account = ? AND status = 'held' AND reason = ? ORDER BY id", (account, reason))


def parked(db: Connection, account: str) -> list[Job]:
    """What the service of an account parked for want of credits and is still wanted, the oldest first."""
    return [job for job in held_for(db, account, Reason.PAYMENT) if not (job.cancel or job.found)]


def unpaid(db: Connection, payer: str) -> list[Job]:
    """The jobs of a payer that are not known to be paid, the oldest first; twins apart."""
    marks = ", ".join("?" * len(FINAL))
    return jobs.select(
        db,
        f"payer = ? AND status NOT IN ({marks}) AND stage IN ('new', 'checked', 'uploaded', 'submitting')"
        " AND twin_of IS NULL ORDER BY id",
        (payer, *FINAL),
    )


def release_due(db: Connection, account: str, now: float, most: int = 20) -> int:
    """Let held jobs go on that were to be looked at again by now, a few at a time; returns how many.

    A few, because most will meet the same full disk again; first those whose result expires first. Those at the service
    are looked at anyway and keep their hold until something changes there, as do those in doubt.
    """
    held = jobs.select(
        db,
        "account = ? AND status = 'held' AND due <= ? AND stage <> 'submitted' AND reason <> ?"
        " ORDER BY expires_at IS NULL, expires_at, due, id LIMIT ?",
        (account, now, Reason.IN_DOUBT, most),
    )
    for job in held:
        _let_go_on(db, job)
    return len(held)


@dataclass(frozen=True, slots=True)
class Sorted:
    """What became of an account's jobs after a look at who pays: those held now, and those that go on."""

    held: tuple[Job, ...] = ()
    released: tuple[Job, ...] = ()


def sort_strangers(db: Connection, account: str, now: Payer, settle_due: float) -> Sorted:
    """Hold the jobs of an account that were made for another payer than would pay ``now``, as far as that matters
    where they stand; let those go on that fit again."""
    where = f"account = :account AND twin_of IS NULL AND {_IS_STRANGER}"  # a copy of another's result costs nobody
    values = _values(db, now) | {"account": account, "reason": Reason.ACCOUNT}
    # Not what is RUNNING: its step asks who pays, once more at the first byte.
    strange = jobs.select(db, f"{where} AND status IN ('ready', 'waiting')", values)
    held = [
        jobs.move(db, job, job.stage, Status.HELD, "held", reason=Reason.ACCOUNT, message=_told(job, now))
        for job in strange
    ]
    fitting = jobs.select(
        db, f"account = :account AND status = 'held' AND reason = :reason AND NOT ({_IS_STRANGER})", values
    )
    return Sorted(tuple(held), tuple(_let_go_on(db, job, settle_due) for job in fitting))


def stranger(db: Connection, job: Job, now: Payer) -> str:
    """Why a job, as it stands, is none of whoever would pay ``now``; empty where it is."""
    found = first(db, f"SELECT 1 FROM jobs WHERE id = :id AND {_IS_STRANGER}", _values(db, now) | {"id": job.id})
    return _told(job, now) if found else ""


_IS_STRANGER = """CASE
    WHEN stage = 'saved' THEN 0
    WHEN stage IN ('submitted', 'processed') THEN endpoint <> :endpoint OR NOT :by_key AND organization <> :organization
    WHEN execution <> '' OR EXISTS (SELECT 1 FROM purchases WHERE job = jobs.id AND state = 'intended')
        THEN payer <> :payer OR endpoint <> :endpoint
    ELSE payer <> :payer END"""
"""The condition for a job that must not go on for whoever pays now: what is bought needs the host that has it, and the
organization unless anybody may ask; what may be at the service already must not go to another host; the rest needs
its payer."""


def _values(db: Connection, now: Payer) -> dict[str, Any]:
    return {
        "payer": customers.current(db, now.name), "endpoint": now.endpoint, "organization": now.organization,
        "by_key": now.by_key,
    }  # fmt: skip


def _told(job: Job, now: Payer) -> str:
    """For a person: whom a job was made for, and whom its account is set to."""
    word, names = "organization", (job.organization, now.organization)
    if now.by_key:
        word, names = "key", (job.organization[:6], now.organization[:6])
    made_for, set_to = ([f"the {word} {names[i]}"] if names[0] != names[1] else [] for i in (0, 1))
    if job.endpoint != now.endpoint:
        made_for.append(f"{job.endpoint}")
        set_to.append(f"{now.endpoint}")
    return (
        f"made for {' at '.join(made_for) or 'another payer'}, and {job.account} is set to"
        f" {' at '.join(set_to) or 'this one'} now: nothing is sent for it until the account is set back"
    )


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
        "account = ? AND status = 'held' AND reason = ? AND run = ? AND batch IS ? ORDER BY ahead DESC, id LIMIT ?",
        (like.account, Reason.CAP, like.run, like.batch, most),
    )
    for job in held:
        _let_go_on(db, job)
    return len(held)


def _let_go_on(db: Connection, job: Job, settle_due: float = 0.0) -> Job:
    """Let a held job go on from where it stands. It is due at once: by the wall clock, which jumps, it might not be.

    Only a paid call in doubt is left its settling time: how much of it was over, nobody wrote down.
    """
    if job.stage is Stage.SUBMITTED:
        return jobs.move(db, job, job.stage, Status.WAITING, "goes on", reason=Reason.AT_SERVICE, due=0.0)
    if job.stage is Stage.SUBMITTING and purchases.is_pending(db, job):
        return jobs.move(db, job, job.stage, Status.WAITING, "goes on", reason=Reason.LOOKING, due=settle_due)
    return jobs.move(db, job, job.stage, Status.READY, "goes on")


def recover(db: Connection, account: str, settle_due: float, lost: str = "looked at first") -> int:
    """Put right what an engine that is gone left of an account; returns how many jobs it had under way.

    A paid call that may have been under way is looked up first, not before ``settle_due``; ``lost`` says what becomes
    of it. What is held until a time is looked at at once.
    """
    left = jobs.select(db, "account = ? AND status = 'running'", (account,))
    for job in left:
        if job.stage is Stage.SUBMITTING and purchases.is_pending(db, job):
            jobs.move(
                db, job, job.stage, Status.WAITING, "interrupted", reason=Reason.LOOKING, due=settle_due,
                message=f"interrupted in the paid call: {lost}",
            )  # fmt: skip
        else:
            # No paid request of it is in the air: done again, it costs nothing.
            jobs.move(db, job, job.stage, Status.READY, "interrupted")
    db.execute(
        # The settling time counts from now: when that engine's connection ended, nobody wrote down.
        "UPDATE jobs SET due = ? WHERE account = ? AND status = 'waiting' AND reason = ?",
        (settle_due, account, Reason.LOOKING),
    )
    release_due(db, account, math.inf, most=-1)  # the disk or folder may be well again since
    return len(left)
