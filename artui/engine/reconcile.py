"""Purchases whose fate is unknown: how each is settled, by what its service offers.

A service that carries a key out once gets the same request again. One with a list is searched: a resend needs a proof
of absence, two complete readings, a settling time apart, at an account that is known to give our labels back. Whatever
is less than that waits, or asks a person.
"""

from __future__ import annotations

import json
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from artui.journal import Connection, Stale, Unwritable, accounts, claims, history, holds, jobs, purchases
from artui.model.job import Job, Payer, Purchase
from artui.model.states import REPEATS, Kind, PurchaseState, Reason, Stage, Status
from artui.providers.base import (
    Absent,
    ExecutionRef,
    ExecutionStatus,
    Found,
    Incomplete,
    Look,
    Provider,
    ProviderError,
    PurchaseQuery,
    State,
)
from artui.providers.base.wire import moment
from artui.providers.defects import LOOK_AGAIN, not_understood
from artui.steps import Pipeline
from artui.timing import look_gap

LOOKS_NEEDED = 2
"""Complete readings, a settling time apart, that prove an absence: an order may be listed late."""

RESENDS = 2
"""How often a photo is sent again by itself after a proven absence."""

SKEW = 300.0
"""Seconds two clocks may differ without one of them counting as wrong."""

FINDING_TRIES = 3
"""Readings in which what is held in doubt is looked for: its answer named another's execution."""

MOST_WITHDRAWALS = 2
"""How often a list is believed of an execution that a look then shows as another's."""

UNPROVEN_TRIES = 3
"""Readings after which a person is asked where no label of ours is known to come back."""

MOST_READINGS, MOST_PAGES = 6, 300
"""Readings that the service answered, and pages of its list, after which a person is asked; at the longest gaps that
takes about an hour."""

MOST_SILENCES = 480
"""Readings that the service did not answer after which a person is asked: half a day."""


@dataclass(frozen=True, slots=True)
class InDoubt:
    """A job in doubt with all purchases made for it; the last one is the one in doubt."""

    job: Job
    purchases: tuple[Purchase, ...]

    @property
    def purchase(self) -> Purchase:
        """The purchase in doubt."""
        return self.purchases[-1]

    @property
    def sought(self) -> PurchaseQuery:
        """What the provider needs to look for it."""
        last = self.purchase
        keys = frozenset(purchase.key for purchase in self.purchases)
        return PurchaseQuery(last.key, keys, last.workflow, last.version, last.reference, last.mark)

    @property
    def resends(self) -> int:
        """How often the photo has been sent again after a proven absence."""
        return sum(purchase.state is PurchaseState.PRESUMED_SPENT for purchase in self.purchases)


def due(db: Connection, account: str, now: float) -> list[InDoubt]:
    """The jobs of an account whose lost paid call is to be looked up now, with their purchases."""
    return [InDoubt(job, tuple(purchases.of_job(db, job.id))) for job in claims.to_look_up(db, account, now)]


def next_due(db: Connection, account: str) -> float | None:
    """When the next look-up of this account is due; None where nothing is in doubt."""
    found = (
        claims.earliest_due(db, account, Reason.LOOKING),
        # An answer that named another's execution: looked for, though a person is asked.
        claims.earliest_due(db, account, Reason.IN_DOUBT, "held"),
    )
    return min((one for one in found if one is not None), default=None)


def take_to_replay(
    db: Connection, found: Sequence[InDoubt], within: float, clocks: Sequence[float], now: Payer
) -> list[Job]:
    """Take jobs to send their purchase again under its key; where that might buy what must not be, ask a person. None
    is taken whose purchase was made for another payer than would pay ``now``: those are held as such.

    A key counts for ``within`` seconds after it was first sent, by the wall clock and by all ``clocks``. A wall clock
    that was put back proves nothing.
    """
    taken = []
    for doubt in found:
        if holds.stranger(db, doubt.job, now):
            continue
        if why := _not_again(db, doubt, within, clocks, now):
            _ask(db, doubt.job, f"its answer was lost, and {why}")
        else:
            taken.append(jobs.move_if_current(db, doubt.job, Stage.SUBMITTING, Status.RUNNING, "sent again"))
    return [job for job in taken if job.status is Status.RUNNING]


def _not_again(db: Connection, doubt: InDoubt, within: float, clocks: Sequence[float], now: Payer) -> str:
    if doubt.purchase.organization != now.organization:
        return "it was sent with an earlier key of the same customer: with this one it might be charged anew"
    wall, first_sent = time.time(), doubt.purchase.intended_at
    if doubt.purchase.repeats >= REPEATS:
        return f"sending it {doubt.purchase.repeats + 1} times brought no answer that says what became of it"
    if doubt.job.cancel:
        return "it was cancelled: it is not sent again, which might buy it only now"
    if wall < max(history.newest(db), first_sent) - SKEW:  # events carry the clock of their time
        return "the clock was put back: the same key might be charged anew"
    if max(wall, *clocks) - first_sent > within:
        return f"it was sent more than {within / 3600:.0f} h ago: the same key might be charged anew"
    return ""


@dataclass(frozen=True, slots=True)
class Lookup:
    """What the service showed of purchases in doubt: by key what its list says, by execution how a lost retry stands.

    ``looks`` is None where there is no list.
    """

    looks: Mapping[str, Look] | None
    seen: Mapping[str, ExecutionStatus]
    broken: Mapping[str, Exception] = field(default_factory=dict)
    """By key, what artui itself failed on at looking it up."""


async def read(provider: Provider[Any], found: Sequence[InDoubt]) -> Lookup:
    """Ask the service about these: one reading of its list for all, and one look at each lost retry, which may also
    have gone on under another id.

    Where that breaks artui itself, each is asked about alone, so that one hinders no other.
    """
    try:
        retried = [one for one in found if one.purchase.kind is Kind.RETRY and one.job.status is not Status.HELD]
        retries = [ExecutionRef(one.job.execution, one.job.workflow) for one in retried]
        looks = await provider.find([one.sought for one in found]) if provider.limits.can_find else None
        return Lookup(looks, await provider.poll(retries) if retries else {})
    except (ProviderError, Unwritable):
        raise
    except Exception as defect:  # noqa: BLE001 — it is kept, and told of the purchase it belongs to
        if len(found) == 1:
            return Lookup({}, {}, {found[0].purchase.key: defect})
    readings = [await read(provider, [one]) for one in found]
    looks = {key: look for reading in readings for key, look in (reading.looks or {}).items()}
    seen = {execution: look for reading in readings for execution, look in reading.seen.items()}
    broken = {key: defect for reading in readings for key, defect in reading.broken.items()}
    return Lookup(looks if provider.limits.can_find else None, seen, broken)


async def settle(pipeline: Pipeline, found: Sequence[InDoubt], reading: Lookup) -> list[Job]:
    """Draw the conclusions of one reading; returns the jobs as they then are."""
    settled = []
    for one in found:
        try:
            settled.append(await _settle_one(pipeline, one, reading))
        except Stale:
            pass  # a fact came in, or a person decided, meanwhile
        except Unwritable:
            raise
        except Exception as defect:  # noqa: BLE001 — it is this job's alone
            pipeline.context.defects.tell(f"on the doubt about job {one.job.id}", defect)
            settled.append(await _broken(pipeline, one.job, defect))
    return settled


async def _settle_one(pipeline: Pipeline, one: InDoubt, reading: Lookup) -> Job:
    if defect := reading.broken.get(one.purchase.key):
        raise defect
    if one.job.status is Status.HELD:
        return await _find(pipeline, one, (reading.looks or {}).get(one.purchase.key))
    if one.purchase.kind is Kind.RETRY:
        look = (reading.looks or {}).get(one.purchase.key)
        return await conclude_retry(pipeline, one, reading.seen.get(one.job.execution), look)
    if reading.looks is not None:
        look = reading.looks.get(one.purchase.key) or Incomplete("the service was not asked about this one")
        return await conclude(pipeline, one, look)
    return await pipeline.context.journal.write_async(
        _ask, one.job, "its answer was lost, and this service cannot be searched"
    )


async def _broken(pipeline: Pipeline, job: Job, defect: Exception) -> Job:
    """Hold a job that may have been paid and whose look-up artui itself fails in; it is looked up again, slowly."""
    if job.status is Status.HELD:
        return await _find_later(pipeline, job)
    why = not_understood(job.source.name, type(defect).__name__)
    return await pipeline.context.journal.write_async(
        jobs.move_if_current, job, Stage.SUBMITTING, Status.HELD, "unexpected error", reason=Reason.ERROR,
        due=pipeline.context.clock.now() + LOOK_AGAIN,
        message=f"{why}; it may have been paid, and is looked up again slowly",
    )  # fmt: skip


async def _find(pipeline: Pipeline, doubt: InDoubt, look: Look | None) -> Job:
    """Take over what the service's list shows of a job that a person is asked about; nothing else comes of a look."""

    def trusted(db: Connection, execution: str) -> bool:
        return purchases.withdrawals(db, doubt.job.id, execution) < MOST_WITHDRAWALS

    if isinstance(look, Found) and pipeline.context.journal.read(trusted, look.executions[0].execution):
        return await _adopt(pipeline, doubt, look)
    return await _find_later(pipeline, doubt.job)


async def _find_later(pipeline: Pipeline, job: Job) -> Job:
    """Look for it again, a few times; the question to the person stays."""
    attempts = job.attempts + 1
    settle, now = pipeline.context.provider.settings.settle, pipeline.context.clock.now()
    due = now + settle * (attempts + 1) if attempts < FINDING_TRIES else None
    return await pipeline.context.journal.write_async(
        jobs.move, job, job.stage, Status.HELD, "looked for", reason=Reason.IN_DOUBT, due=due,
        message=job.message, attempts=attempts,
    )  # fmt: skip


async def conclude(pipeline: Pipeline, doubt: InDoubt, look: Look) -> Job:
    """Draw the conclusion of one reading for one job in doubt; returns the job as it then is."""
    if isinstance(look, Found):
        return await _adopt(pipeline, doubt, look)
    is_last = isinstance(look, Absent) and doubt.purchase.looks + 1 >= LOOKS_NEEDED
    if is_last and (more := await _counted(pipeline, doubt)):
        look = Incomplete(more, answered=1)  # the batch's count is a second witness: no absence against it
    settle, now = pipeline.context.provider.settings.settle, pipeline.context.clock.now()
    if isinstance(look, Absent):
        return await pipeline.context.journal.write_async(_absent, doubt, look, now, settle)
    return await pipeline.context.journal.write_async(_look_again, doubt, look.message, now, settle, look.answered)


async def _counted(pipeline: Pipeline, doubt: InDoubt) -> str:
    """What speaks against an absence: that the service counts more executions in the job's batch than the journal knows
    of. Empty where nothing does; a count that cannot be read says nothing.

    What is known is read first: an order that goes through meanwhile makes the count the higher one, never the lower.
    """
    job, batch = doubt.job, doubt.job.batch
    if not batch:
        return ""
    known = pipeline.context.journal.read(purchases.executions_in_batch, job.payer, batch)
    try:
        counted = await pipeline.context.provider.count_in_batch(batch)
    except ProviderError:
        return ""
    if counted is None or counted <= known:
        return ""
    return f"not in the service's list, but it counts {counted:,} in its batch, of which {known:,} are known here"


async def conclude_retry(
    pipeline: Pipeline, doubt: InDoubt, seen: ExecutionStatus | None, look: Look | None = None
) -> Job:
    """Draw the conclusion of one look at an execution whose *retry* may have got lost.

    An execution that has moved since took it, or another one that has our label and was unknown; one that twice stands
    where it stood, by its times, did not, and is followed on. Where it shows no times a person is asked.
    """
    if doubt.purchase.state is PurchaseState.KNOWN:  # its answer came in after the job was put down
        execution = doubt.purchase.execution
        return await pipeline.paying.accept(doubt.job, doubt.purchase.key, execution, "the retry had been taken")
    if isinstance(look, Found):
        listed = [one.execution for one in look.executions]
        known = pipeline.context.journal.read(purchases.known_executions, doubt.job.payer, listed)
        # One that is known was answered for before: only a new id can be this retry's.
        if anew := [execution for execution in listed if execution not in known]:
            message = "the retry had been taken, under another id"
            return await pipeline.paying.accept(doubt.job, doubt.purchase.key, anew[0], message)
    settle, now = pipeline.context.provider.settings.settle, pipeline.context.clock.now()
    if seen is None:
        message = "the service did not answer about this execution"
        return await pipeline.context.journal.write_async(_look_again, doubt, message, now, settle)
    taken = was_taken(json.loads(doubt.purchase.draft), seen)
    if taken:
        return await pipeline.paying.accept(
            doubt.job, doubt.purchase.key, doubt.job.execution, "the retry had been taken"
        )
    return await pipeline.context.journal.write_async(_retry_absent, doubt, now, settle, is_sure=taken is False)


def was_taken(before: Mapping[str, Any], seen: ExecutionStatus) -> bool | None:
    """Whether an execution shows that it was run again since it looked as ``before``, the snapshot in a retry's draft;
    None where nothing tells."""
    if seen.state is State.GONE:
        return None
    if seen.word.casefold() != str(before["word"]).casefold():  # a service may change the case of its words
        return True
    if seen.charged is not None and before.get("charged") is not None and seen.charged != before["charged"]:
        return True
    times = [
        (before.get(name, ""), now)
        for name, now in (("started", seen.started_at), ("finished", seen.finished_at))
        if name in before and now  # a time that is not shown now says nothing
    ]
    if any(then != now and (moment(then) or then) != moment(now) for then, now in times):
        return True
    return False if times else None


def _retry_absent(db: Connection, doubt: InDoubt, now: float, settle: float, *, is_sure: bool) -> Job:
    _expect(db, doubt.purchase)
    if purchases.looked(db, doubt.purchase.key) < LOOKS_NEEDED:  # a retry may be shown as late as an order is listed
        return jobs.move_if_current(
            db, doubt.job, Stage.SUBMITTING, Status.WAITING, "not taken yet", reason=Reason.LOOKING, due=now + settle
        )
    if not is_sure:
        execution = doubt.job.execution
        return _ask(
            db,
            doubt.job,
            f"it was asked to go on with {execution}, the answer was lost, and nothing it shows tells whether it was"
            f" taken and charged: if it was, adopt {execution}",
        )
    purchases.record_refusal(db, doubt.purchase.key)
    message = "the retry was not taken; the execution is followed as it is"
    return jobs.move_if_current(
        db, doubt.job, Stage.SUBMITTED, Status.WAITING, "retry lost", reason=Reason.AT_SERVICE, message=message,
        # The word is cleared, so that the next look is news whatever it shows.
        due=now, word="",
    )  # fmt: skip


async def _adopt(pipeline: Pipeline, doubt: InDoubt, found: Found) -> Job:
    """Take over the earliest execution; every further one is recorded and shown as charged too."""
    first, *others = found.executions
    # An earlier sending may be the one that was carried out.
    key = first.key if first.key in doubt.sought.keys else doubt.purchase.key
    message = "found at the service: it had been carried out"
    if others:
        ids = ", ".join(other.execution for other in others)
        message = f"the service runs this photo {len(others) + 1} times and may charge each: also {ids}"

    def record_all(db: Connection) -> None:
        for other in others:
            purchases.record_execution(db, other.key or doubt.purchase.key, other.execution)
        # The last sending is on no list, which is no proof: it stays counted.
        if key != doubt.purchase.key and not any(other.key == doubt.purchase.key for other in others):
            purchases.presume_spent(db, doubt.purchase.key)

    job = await pipeline.paying.accept(doubt.job, key or doubt.purchase.key, first.execution, message, is_proven=True)
    await pipeline.context.write_until_durable(record_all)
    return job


def _absent(db: Connection, doubt: InDoubt, absent: Absent, now: float, settle: float) -> Job:
    """Count a complete reading without the purchase; after the second one the photo may be sent again."""
    job, purchase = doubt.job, doubt.purchase
    _expect(db, purchase)
    if purchases.any_of_ours(db, job.payer, absent.labels.values()):
        accounts.prove_labels(db, job.payer)
    # Made from this photo since, and shown without a label: perhaps this very order.
    strangers = set(absent.lookalikes) - purchases.bought_executions(db, job.payer, absent.lookalikes)
    purchases.note_lookalikes(db, purchase.key, strangers)
    if strangers:
        return _ask(db, job, f"the service has {', '.join(sorted(strangers))} for this photo, without our label")
    if not accounts.labels_proven(db, job.payer):
        return _unproven(db, doubt, now, settle, "no other job has shown that its list can be trusted")
    if wrong := purchases.mislabelled(db, job.payer, absent.labels):
        return _unproven(db, doubt, now, settle, f"that list does not show our label at {wrong[0]}, which is ours")
    looks = purchases.looked(db, purchase.key)
    patience = settle * (1 + doubt.resends)  # what was lost before may be slow, not gone
    if looks < LOOKS_NEEDED:
        return jobs.move_if_current(
            db, job, Stage.SUBMITTING, Status.WAITING, "not found yet", reason=Reason.LOOKING, due=now + patience,
            message="not at the service yet: looked up once more before it is sent again",
        )  # fmt: skip
    if doubt.resends >= RESENDS:
        return _ask(db, job, f"sent {RESENDS + 1} times, found at the service by none of the looks")
    purchases.presume_spent(db, purchase.key)
    return jobs.move_if_current(
        db, job, Stage.UPLOADED, Status.READY, "proved absent", new_try=True,
        message=f"looked up {looks} times and not there: sent again under a new key",
    )  # fmt: skip


def _unproven(db: Connection, doubt: InDoubt, now: float, settle: float, why: str) -> Job:
    """An absence proves nothing while no label of ours is known to come back in this payer's list, nor where the list
    shows another in its place."""
    job = doubt.job
    if purchases.read_in_vain(db, doubt.purchase.key, 1).readings >= UNPROVEN_TRIES:
        return _ask(db, job, f"not in the service's list, and {why}")
    return jobs.move_if_current(
        db, job, Stage.SUBMITTING, Status.WAITING, "not found yet", reason=Reason.LOOKING, due=now + settle,
        message="not at the service yet, which proves nothing so far",
    )  # fmt: skip


def _look_again(db: Connection, doubt: InDoubt, message: str, now: float, settle: float, answered: int = 0) -> Job:
    """Count a reading that settled nothing, ``answered`` pages of it, and wait ever longer for the next; after so many
    a person is asked."""
    job = doubt.job
    _expect(db, doubt.purchase)
    vain = purchases.read_in_vain(db, doubt.purchase.key, answered)
    if vain.readings >= MOST_READINGS or vain.pages >= MOST_PAGES or vain.silences >= MOST_SILENCES:
        times = vain.readings + vain.silences
        return _ask(db, job, f"looked up {times} times, which settled nothing; the last time: {message}")
    return jobs.move_if_current(
        db, job, Stage.SUBMITTING, Status.WAITING, "look-up unfinished", reason=Reason.LOOKING, message=message,
        due=now + look_gap(settle, vain.readings - 1 if answered else 0),
    )  # fmt: skip


def _ask(db: Connection, job: Job, why: str) -> Job:
    return jobs.move_if_current(db, job, Stage.SUBMITTING, Status.HELD, "in doubt", reason=Reason.IN_DOUBT, message=why)


def _expect(db: Connection, purchase: Purchase) -> None:
    """A fact may have come in while the list was read: then there is no doubt left to settle."""
    if purchases.by_key(db, purchase.key).state is not PurchaseState.INTENDED:
        raise Stale(f"purchase {purchase.key} is settled")
