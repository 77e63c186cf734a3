"""Prices, caps and reservations: whether a paid call may be made, decided in the transaction that writes its intent."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import tzinfo

from artui.config import Caps
from artui.journal import (
    Connection,
    accounts,
    batches,
    caps,
    customers,
    holds,
    jobs,
    payers,
    prices,
    purchases,
    rules,
    suspended,
    twins,
)
from artui.journal.caps import Cap, Portion
from artui.journal.prices import weight
from artui.model.holds import CapKind, PauseOf
from artui.model.job import Job, Payer, Purchase
from artui.model.states import Kind, Reason, Stage, Status


class MayNotSpend(Exception):
    """The paid call may not be made now. ``reason`` says which hold it is, ``scope`` which cap or what is paused; the
    text is for a person."""

    def __init__(self, reason: Reason, message: str, scope: CapKind | PauseOf | None = None) -> None:
        super().__init__(message)
        self.reason = reason
        self.scope = scope


class BoughtBefore(MayNotSpend):
    """The photo may have been bought already under another key of the same customer; only a person knows."""


class AccountHeld(Exception):
    """The account is held as a whole: its jobs stand ready behind that hold, which may end at any moment."""


class CancelledFirst(Exception):
    """A person cancelled the job before its intent was written; the text says what that came to."""


@dataclass(frozen=True, slots=True)
class Terms:
    """What bounds a paid call: the account's caps, and the day it is in the operator's zone.

    ``today`` is by the service's clock or by this machine's, whichever is behind, ``latest`` by the other one; a day
    turns only once the service was ``heard`` since the engine started.
    """

    caps: Caps
    today: str
    latest: str = ""
    heard: bool = True


APART = 26 * 3600.0
"""Seconds by which two clocks may differ, all zones of the world and some mistakes included."""


def terms(own: Caps, zone: tzinfo, machine: float, service: float | None) -> Terms:
    """What bounds a paid call by these clocks, in epoch seconds; ``service`` is None before its first answer."""
    today, latest = sorted(accounts.day_of(clock, zone) for clock in (machine, machine if service is None else service))
    return Terms(own, today, latest, service is not None)


def intend(
    db: Connection, job: Job, kind: Kind, key: str, draft: str, terms: Terms, now: Payer
) -> tuple[Job, Purchase]:
    """Reserve the price, write the intent and move the job to SUBMITTING, all or nothing.

    ``key`` is the current purchase's where that was surely not carried out, else a new one; ``now`` is who would pay.
    Raises what :func:`check_payer` and :func:`check` do, :class:`CancelledFirst`, and :class:`artui.journal.Stale`
    where the job moved meanwhile.
    """
    fresh = jobs.get(db, job.id)
    if fresh is not None and fresh.cancel:
        raise CancelledFirst(jobs.cancelled_as(db, fresh))
    check_payer(db, job, now)
    # What goes out names the payer as it is now: for the journal that may be one with an earlier key, or another host.
    job = replace(job, payer=customers.current(db, now.name), endpoint=now.endpoint, organization=now.organization)
    day = _turn(db, job.account, terms)
    check(db, job, Terms(terms.caps, day))  # the day is turned already: by it, whatever the clocks say
    earlier = purchases.of_job(db, job.id)
    is_again = any((purchase.number, purchase.key) == (job.purchase, key) for purchase in earlier)
    number = job.purchase if is_again else len(earlier) + 1  # no gaps, whatever was taken over from other jobs
    purchase = purchases.intend(
        db, job, key=key, number=number, kind=kind, draft=draft, reserved=weight(job.quoted),
        # The month of that very day, so that at midnight the two caps never disagree.
        mark=accounts.mark(db, job.payer, job.workflow), day=day, month=day[:7],
    )  # fmt: skip
    stage = Stage.SUBMITTING
    charged = job.charged if kind is Kind.RETRY else None  # an earlier try's charge stays what the job has cost so far
    moved = jobs.move(
        db, job, stage, Status.RUNNING, "intent", purchase=number, charged=charged, new_try=kind is Kind.RETRY,
        endpoint=now.endpoint, organization=now.organization,
    )  # fmt: skip
    return moved, purchase


def _turn(db: Connection, account: str, terms: Terms) -> str:
    return accounts.turn_day(db, account, terms.today, latest=terms.latest, heard=terms.heard)


def check_payer(db: Connection, job: Job, now: Payer) -> None:
    """Let a job pass that was made for whoever would pay ``now``, and whose photo was not bought under another key.

    Raises :class:`MayNotSpend` ``account changed``, and :class:`BoughtBefore` unless a person agreed to send it.
    """
    job = jobs.get(db, job.id) or job
    if why := holds.stranger(db, job, now):
        raise MayNotSpend(Reason.ACCOUNT, why)
    if not now.by_key or job.agreed or job.execution:  # an execution is at the service under this payer already
        return
    if before := payers.bought_under_another(db, job):
        raise BoughtBefore(
            Reason.RECOVERED,
            f"bought before under another key of {job.account} (job {before.id}, {before.source.name}), and nobody has"
            f" said whether both are of the same customer: `artui login {job.account} --same-customer`, or"
            " --other-customer, says so",
        )


def check(db: Connection, job: Job, terms: Terms) -> None:
    """Let a job pass whose price fits every cap and the balance now, in the account's unit.

    Raises :class:`AccountHeld`, and :class:`MayNotSpend` where it does not fit, its rule is paused, or its workflow was
    charged more than its price.
    """
    state = accounts.state(db, job.account)
    if state.held:  # first: behind that hold the job stands ready, with no hold of its own to end
        raise AccountHeld(state.message)
    if not job.agreed and (why := suspended.of_job(db, job)):
        raise MayNotSpend(Reason.RECOVERED, why)
    rule = rules.get(db, job.rule) if job.rule else None
    if rule is not None and rule.paused:
        how = f"4, then P; or `artui resume --rule {rule.name}`"
        raise MayNotSpend(Reason.PAUSED, f"the rule {rule.name} is paused by a person ({how})", PauseOf.RULE)
    if why := prices.too_low(db, job):
        raise MayNotSpend(Reason.PRICE, why)
    price = weight(job.quoted)
    for cap in _caps(db, job, terms):
        if cap.room < price:
            raise MayNotSpend(Reason.CAP, f"{cap.name} is reached: {cap.told}; the next photo costs {price}", cap.kind)
    left = purchases.left(db, state)
    if left is not None and left < price:
        raise MayNotSpend(
            Reason.CREDITS,
            f"{job.account} has {left} credits left after what is under way, the next photo costs {price}",
        )


def _caps(db: Connection, job: Job, terms: Terms) -> list[Cap]:
    portion = Portion(job.run, 1, batches.get(db, job.batch) if job.batch else None, job.rule)
    return caps.of(db, job.account, portion, terms.caps, terms.today, heard=terms.heard)


def release_capped(db: Connection, account: str, terms: Terms) -> int:
    """Let as many jobs go on as the caps have room for by now (a new day, a failure that cost nothing)."""
    day = _turn(db, account, terms)
    released = 0
    for job in holds.first_capped(db, account):
        bounds = _caps(db, job, Terms(terms.caps, day))
        # -1: no cap is left, so all of them.
        room = min((cap.room // max(1, weight(job.quoted)) for cap in bounds), default=-1)
        if room > 0 or not bounds:
            released += holds.release_capped(db, job, room)
    return released


def let_twins_buy(db: Connection, account: str, terms: Terms) -> int:
    """Have twins of an account buy their photo themselves where the job that was to buy it is held unpaid and nothing
    holds them; returns how many."""
    # No day turns for what only looks.
    now, given_way = Terms(terms.caps, accounts.day(db, account, terms.today)), set[int]()
    for twin, buyer in twins.blocked(db, account):
        if buyer.id in given_way:  # its other twins wait for the new buyer by now
            continue
        try:
            check(db, twin, now)
        except (MayNotSpend, AccountHeld):
            continue
        if twins.let_buy(db, twin, buyer):
            given_way.add(buyer.id)
    return len(given_way)
