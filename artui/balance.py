"""The balance of an account: when it is read, and what it sets going: a hold ends, parked jobs go on."""

from __future__ import annotations

import time

from artui.asking import Asking
from artui.holding import Holding
from artui.job import Job
from artui.journal import accounts, holds, jobs, purchases
from artui.lookout import Lookout
from artui.pace import Gate
from artui.states import FINAL, Reason, Stage, Status
from artui.steps import Desk


class Balance:
    """The balance of one account, in its unit: read while something is sent, and whenever what was spent has changed.

    The trial is the first of the jobs that the service was last asked to go on with, and the balance at that time.
    """

    def __init__(self, desk: Desk, holding: Holding, asking: Asking, lookout: Lookout) -> None:
        self.desk = desk
        self.name = desk.account.name
        self._gate = Gate(1)
        self._asked_at = 0.0
        self._spent_when_read: dict[str, int] | None = None
        self._holding = holding
        self._asking = asking
        self._lookout = lookout
        self._trial: int | None = None
        self._trial_balance = 0

    def due(self, *, sending: bool) -> float | None:
        """When it is to be read again, by the clock; None where it would say nothing new, or a person wants a pause."""
        if self._holding.reason == Reason.PAUSED:
            return None
        unpaid = self.desk.journal.read(holds.count_held, self.name, Reason.PAYMENT)
        if not (self._holding.reason or sending or unpaid or self._is_outdated()):
            return None
        settle: float = self.desk.provider.settings.settle
        return max(self._gate.not_before, self._asked_at + min(60.0, max(1.0, settle)))

    def _is_outdated(self) -> bool:
        """Whether it was not read yet, or something was bought or charged since."""
        return self._spent() != self._spent_when_read

    def _spent(self) -> dict[str, int]:
        return self.desk.journal.read(purchases.amounts, self.name, {"open": "", "day": self.desk.terms().today})

    async def read(self) -> bool:
        """Ask the service now, write down what it says, and draw the conclusions; returns whether jobs may go on."""
        self._asked_at, spent, read_at = self.desk.clock.now(), self._spent(), time.time()
        answer = await self._asking.ask(self._said(), self._gate, "at reading the balance")
        if answer is None:
            return False
        (balance,) = answer
        self._spent_when_read = spent
        before = self.desk.journal.read(accounts.state, self.name).balance
        await self.desk.journal.do(accounts.set_balance, self.name, balance, read_at)
        is_over = await self._ends_hold(before, balance)
        if is_over:
            await self._holding.end()
        chosen = [] if balance is None else await self._to_resume(balance)
        for job in chosen:
            await self._resume(job)
        return is_over or bool(chosen)

    async def _said(self) -> tuple[int | None]:
        """What the service answers: None within it is an account where nothing is counted."""
        return (await self.desk.provider.balance(),)

    async def _ends_hold(self, before: int | None, balance: int | None) -> bool:
        """Whether what holds the account is over: that it answers at all shows that its sign-in is good."""
        match self._holding.reason:
            case Reason.LOGIN:
                return True
            case Reason.QUOTA:
                return before is not None and balance is not None and balance > before
            case Reason.CREDITS:
                return await self.desk.journal.ask(purchases.affordable, self.name)
        return False

    async def _to_resume(self, balance: int) -> list[Job]:
        """The jobs to go on with after a top-up, of those the service parked: one first, then the rest.

        Some minutes are left to it to go on by itself, and a trial that ends where it began is not repeated before
        the balance changes.
        """
        patience = 2 * self.desk.provider.settings.settle
        parked = await self.desk.journal.ask(
            jobs.select, "account = ? AND status = 'held' AND reason = ? ORDER BY id", (self.name, Reason.PAYMENT)
        )
        ripe = [
            job
            for job in parked
            if not job.cancel and time.time() - job.stage_at > patience and (job.quoted or 1) <= balance
        ]
        if not ripe:
            return []
        chosen = ripe[:1]
        if self._trial is not None:
            trial = self.desk.journal.read(jobs.get, self._trial)
            if trial is None or (trial.stage is Stage.SUBMITTING and trial.status not in FINAL):
                return []
            went_on = trial.reason != Reason.PAYMENT
            if not went_on and balance == self._trial_balance:
                return []
            chosen = ripe if went_on else chosen
        self._trial, self._trial_balance = chosen[0].id, balance
        return chosen

    async def _resume(self, job: Job) -> None:
        """Have the service asked to go on with a job, which is looked at no more until it has been."""
        self._lookout.forget(job)
        await self.desk.journal.do(
            jobs.follow, job, Stage.SUBMITTING, Status.READY, "retried", new_try=True,
            message="there are credits again: the service is asked to go on",
        )  # fmt: skip
