"""The balance of an account: when it is read, and what it sets going: a hold ends, parked jobs go on."""

from __future__ import annotations

import asyncio
import logging
import time
from contextlib import suppress

from artui import budget
from artui.engine.account_hold import AccountHold
from artui.engine.poller import Poller
from artui.engine.service_calls import ServiceCalls
from artui.journal import Connection, accounts, history, holds, jobs, prices, purchases, topups
from artui.model.holds import HOLDS, EndsBy
from artui.model.job import Job
from artui.model.states import FINAL, Reason, Stage, Status
from artui.single_flight import SingleFlight
from artui.steps import StepContext
from artui.timing import AdaptiveLimiter

log = logging.getLogger(__name__)

PATIENCE = 10.0
"""Seconds an order, or the end of a hold, waits for the balance: one that is not told stops nothing."""


class BalanceMonitor:
    """The balance of one account, in its unit: read while something is sent, and whenever what was spent has changed.

    The trial is the first of the jobs that the service was last asked to go on with, and the balance at that time.
    """

    def __init__(
        self, context: StepContext, account_hold: AccountHold, service_calls: ServiceCalls, poller: Poller
    ) -> None:
        self.context = context
        self.name = context.account.name
        self._gate = AdaptiveLimiter(1)
        self._asked_at = 0.0
        self._readings: SingleFlight[bool] = SingleFlight()
        self._question: asyncio.Future[tuple[int | None, str]] | None = None
        self._spent_when_read: dict[str, int] | None = None
        self._account_hold = account_hold
        self._service_calls = service_calls
        self._poller = poller
        self._trial: int | None = None
        self._trial_balance = 0

    def due(self, *, sending: bool) -> float | None:
        """When it is to be read again, by the clock; None where it would say nothing new, or a person wants a pause."""
        if self._account_hold.reason == Reason.PAUSED:
            return None
        unpaid = self.context.journal.read(holds.count_held, self.name, Reason.PAYMENT)
        if not (self._account_hold.reason or sending or unpaid or self._spent() != self._spent_when_read):
            return None
        return self._old_from

    @property
    def _old_from(self) -> float:
        """When the last reading counts no more, and may be followed by another."""
        settle: float = self.context.provider.settings.settle
        # A stand-in settles at once: one question a second is enough.
        return max(self._gate.not_before, self._asked_at + min(60.0, max(1.0, settle)))

    def ask_ahead(self) -> None:
        """Have the balance read that an order needs soon, where the last reading counts no more; :meth:`check` waits
        for it."""
        if self.context.clock.now() >= self._old_from:
            self._readings.begin("", self._read)

    async def check(self) -> None:
        """Let an order go on once it is known what credits are left, or the service has been asked in vain."""
        self.ask_ahead()
        if self._readings.is_under_way(""):
            await self.read_in_time()

    async def read_in_time(self) -> None:
        """Read the balance as :meth:`read`, and wait for it only so long."""
        with suppress(TimeoutError):
            async with asyncio.timeout(PATIENCE):
                await self.read()

    def _spent(self) -> dict[str, int]:
        return self.context.journal.read(purchases.amounts, self.name, {"open": "", "day": self.context.terms().today})

    async def read(self) -> bool:
        """Ask the service now, write down what it says, and draw the conclusions; returns whether jobs may go on."""
        return await self._readings.join("", self._read)

    async def close(self) -> None:
        """Break off what is being asked: whoever waits for it hears that it was asked in vain, and is not cancelled."""
        if self._question is not None:
            self._question.cancel()
        await self._readings.settle()

    async def _read(self) -> bool:
        # All of it before the question: what is spent while the answer travels may not be in it.
        self._asked_at, spent, read_at = self.context.clock.now(), self._spent(), time.time()
        event = self.context.journal.read(history.last_seq)
        self._question = asyncio.ensure_future(self._said())
        answer = await self._service_calls.call(self._question, self._gate, "at reading the balance")
        if answer is None:
            return False
        balance, unknown = answer
        self._spent_when_read = spent
        before = self.context.journal.read(accounts.state, self.name)
        await self.context.journal.write_async(topups.note_balance, self.name, balance, read_at, event, unknown)
        if unknown and unknown != before.balance_unknown:
            log.warning("%s: balance unknown: %s; photos are sent all the same, within the caps", self.name, unknown)
        # `before` was read before the new balance was written.
        is_over = await self._ends_hold(before.balance, balance, unknown)
        if is_over:
            await self._account_hold.end()
        chosen = [] if balance is None else await self._to_resume(balance)
        asked = [job for job in chosen if await self._resume(job)]
        if asked:
            self._trial, self._trial_balance = asked[0].id, balance or 0
        return is_over or bool(asked)

    async def _said(self) -> tuple[int | None, str]:
        """What the service answers: the balance, or None and why it does not tell; no reason: it counts nothing."""
        return await self.context.provider.balance(), self.context.provider.balance_unknown

    async def _ends_hold(self, before: int | None, balance: int | None, unknown: str) -> bool:
        """Whether what holds the account is over: that it answers at all shows that its sign-in is good, and only a
        balance that is told shows that there are credits again."""
        match HOLDS[Reason(self._account_hold.reason)].ends_by if self._account_hold.reason else EndsBy.NEVER:
            case EndsBy.SIGN_IN:
                return True
            case EndsBy.NEXT_DAY:
                # More was bought: the limit may be another now.
                return before is not None and balance is not None and balance > before
            case EndsBy.BALANCE:
                return not unknown and await self.context.journal.read_async(purchases.affordable, self.name)
        return False

    async def _to_resume(self, balance: int) -> list[Job]:
        """The jobs to go on with after a top-up, of those the service parked: one first, then the rest.

        Some minutes are left to it to go on by itself. Each is asked for once per top-up, and a trial that ends where
        it began is followed by another one only when the balance has changed.
        """
        patience = 2 * self.context.provider.settings.settle
        # What the service parked for want of credits and artui may ask it to go on with, the oldest first.
        parked = await self.context.journal.read_async(
            lambda db: [job for job in holds.parked(db, self.name) if topups.allows_retry(db, job)]
        )
        ripe = [job for job in parked if time.time() - job.stage_at > patience and prices.weight(job.quoted) <= balance]
        if not ripe:
            return []
        trial = None if self._trial is None else self.context.journal.read(jobs.get, self._trial)
        if trial is None:  # one alone tells whether the service takes a retry at all
            return ripe[:1]
        # The answer to a retry clears the word: not looked at since.
        is_unseen = trial.stage is Stage.SUBMITTING or (trial.stage is Stage.SUBMITTED and not trial.word)
        if is_unseen and trial.status not in FINAL:
            return []
        if trial.reason != Reason.PAYMENT:
            return ripe
        return [] if balance == self._trial_balance else ripe[:1]

    async def _resume(self, job: Job) -> bool:
        """Have the service asked to go on with a job, which is looked at no more until it has been; False where that
        does not fit now, and it is left where it is: it may still go on by itself."""
        terms = self.context.terms()

        def write(db: Connection) -> bool:
            fresh = jobs.get(db, job.id)
            # Once more, within the write: another top-up's retry, or a person, may have come first.
            if fresh is None or fresh.place != job.place or fresh.cancel or not topups.allows_retry(db, fresh):
                return False
            try:
                budget.check(db, fresh, terms)
            except (budget.MayNotSpend, budget.AccountHeld):
                return False
            jobs.move(
                db, fresh, Stage.SUBMITTING, Status.READY, "retried", new_try=True,
                message="there are credits again: the service is asked to go on",
            )  # fmt: skip
            return True

        asked: bool = await self.context.journal.write_async(write)
        if asked:
            self._poller.forget(job)
        return asked
