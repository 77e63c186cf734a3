"""One account's work: takes a slot, then a job; when to look at what runs at the service; what a failure means."""

from __future__ import annotations

import asyncio
import logging
import random
import time
from collections.abc import Awaitable, Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass, field

from artui import budget, doubt
from artui.failures import HOLD_OF, TO_SAVE, Moment, Verdict, judge
from artui.job import BEFORE_PAYING, FINAL, Job, Kind, Reason, Stage, Status
from artui.journal import Connection, Stale, Unwritable, accounts, holds, jobs, purchases
from artui.pace import Gate, Looks, first_look, next_look, qa_look
from artui.providers.base import Blocked, Progress, Rejected, Sent, State, Transient
from artui.steps import Desk, Journey

log = logging.getLogger(__name__)

IDLE_TICK = 5.0
"""Seconds after which a loop looks round even when nothing woke it."""

LEAST_REST = 0.01
"""Seconds between two turns of a loop, whatever rings: what comes in together is taken together."""

TENDING = 0.2
"""Seconds between two rounds of looking after an account, however often its jobs move."""

AT_ONCE = 500
"""The most executions one round of looks asks about."""

OVERDUE_AFTER = 3600.0
OVERDUE_TIMES = 20
"""An execution is overdue after an hour or twenty times its usual time, whichever is longer."""


@dataclass
class Lane:
    """The loops of one account. ``stopping`` is set once for all lanes: nothing is taken any more."""

    journey: Journey
    stopping: asyncio.Event
    desk: Desk = field(init=False)
    uploads: Gate = field(init=False)
    downloads: Gate = field(init=False)
    calls: Gate = field(init=False)

    def __post_init__(self) -> None:
        self.desk = self.journey.desk
        pace = self.desk.account.pace
        self.uploads, self.downloads, self.calls = Gate(pace.uploads), Gate(pace.downloads), Gate(pace.calls)
        self.in_flight = pace.in_flight or self.desk.provider.limits.in_flight
        self.name = self.desk.account.name
        self.held = self._held_message = ""
        self._looks: dict[int, tuple[Job, Looks]] = {}
        self._tasks: set[asyncio.Task[None]] = set()
        self._bells: list[asyncio.Event] = []
        self._look_bell = asyncio.Event()
        self._balance_asked = 0.0
        self._trial: int | None = None
        self._trial_balance = 0

    @property
    def _now(self) -> float:
        return self.desk.clock.now()

    async def start(self) -> None:
        """Put right what an engine that is gone left behind, and look afresh at what holds the account."""
        settle_due = self._now + self.desk.provider.settings.settle
        await self.desk.journal.do(holds.recover, self.name, self._now, settle_due)
        state = await self.desk.journal.ask(accounts.state, self.name)
        self.held, self._held_message = state.held, state.message
        if self.held != Reason.PAUSED:
            await self.release()
        provider = self.desk.provider
        organization = getattr(provider.settings, "organization", "")
        await self.desk.journal.do(holds.hold_strangers, self.name, provider.endpoint, organization)
        at_service = await self.desk.journal.ask(
            jobs.select,
            "account = ? AND stage = 'submitted' AND status IN ('waiting', 'held') AND reason <> ?",
            (self.name, Reason.ACCOUNT),
        )
        for job in at_service:
            # A look that was far off stays bounded, so that a clock that jumped puts nothing off for long.
            due = min(job.due or self._now, self._now + self.desk.provider.settings.first_look)
            self._looks[job.id] = (job, Looks(due, self.desk.provider.limits.least_gap))

    async def run(self) -> None:
        """Work until ``stopping`` is set and what was taken has reached its next commit."""
        async with asyncio.TaskGroup() as loops:
            loops.create_task(self._repeat(self._look_turn, self._look_bell))
            for turn in (self._send_turn, self._save_turn, self._doubt_turn, self._tend_turn):
                self._bells.append(bell := asyncio.Event())
                loops.create_task(self._repeat(turn, bell))
        while self._tasks or self.journey.paying.under_way:
            await asyncio.gather(*self._tasks, return_exceptions=True)
            await asyncio.gather(*self.journey.paying.under_way, return_exceptions=True)

    async def stop_transfers(self) -> None:
        """Break off what costs nothing to do again; a paid call under way is awaited all the same."""
        for task in list(self._tasks):
            task.cancel()

    def wake(self) -> None:
        """Let every loop that the journal feeds look whether there is something to do."""
        for bell in self._bells:
            bell.set()

    def notice_stop(self) -> None:
        """Let every loop notice that the engine stops."""
        self.wake()
        self._look_bell.set()

    def forget(self, job: Job) -> None:
        """Stop looking at a job that a person moved away from the service, and see what it needs now."""
        self._looks.pop(job.id, None)
        self.wake()

    def follow(self, job: Job) -> None:
        """Look at a job at the service now, and from now on."""
        self._look_at_it(job, Looks(self._now, self.desk.provider.limits.least_gap))

    def _look_at_it(self, job: Job, looks: Looks) -> None:
        self._looks[job.id] = (job, looks)
        self._look_bell.set()

    async def _repeat(self, turn: Callable[[], Awaitable[float | None]], bell: asyncio.Event) -> None:
        """Take turns until the engine stops. A turn says until when to rest; a bell wakes it earlier.

        A journal that cannot be written now (a full disk) is waited for.
        """
        while not self.stopping.is_set():
            try:
                until = await turn()
            except Unwritable as problem:
                log.warning("%s Waiting for it.", problem)
                until = self._now + 1
            seconds = IDLE_TICK if until is None else min(IDLE_TICK, max(0.0, until - self._now))
            with suppress(TimeoutError):
                async with asyncio.timeout(seconds):
                    await bell.wait()
            bell.clear()
            await asyncio.sleep(LEAST_REST)

    # -------------------------------------------------------------------------------------------------- taking jobs

    def _free_to_send(self) -> int:
        if self.held:
            return 0
        return min(self.uploads.free(self._now), self.in_flight - len(self._looks) - self.uploads.running)

    def _free_to_save(self) -> int:
        return 0 if self.held == Reason.LOGIN else self.downloads.free(self._now)

    async def _send_turn(self) -> float | None:
        return await self._take(BEFORE_PAYING, self.uploads, self.journey.prepare, self._free_to_send())

    async def _save_turn(self) -> float | None:
        return await self._take(TO_SAVE, self.downloads, self.journey.save, self._free_to_save())

    async def _take(
        self, stages: Sequence[Stage], gate: Gate, step: Callable[[Job], Awaitable[Job]], slots: int
    ) -> float | None:
        """Fill free slots with the next jobs; returns when the next one is due."""
        if slots <= 0:
            return gate.not_before or None
        for job in await self.desk.journal.do(jobs.claim, self.name, stages, self._now, slots):
            gate.start()
            task = asyncio.create_task(self._carry(job, gate, step))
            self._tasks.add(task)
            task.add_done_callback(self._tasks.discard)
        due = await self.desk.journal.ask(jobs.next_due, self.name, stages)
        return max(due or 0.0, gate.not_before) or None

    async def _carry(self, job: Job, gate: Gate, step: Callable[[Job], Awaitable[Job]]) -> None:
        """Take one job as far as it goes; whatever happens it is put down in a place the journal names."""
        started = self._now
        try:
            carried = await step(job)
            gate.succeeded()
            if carried.stage is Stage.SUBMITTED and carried.status is Status.WAITING:
                await self._expect(carried)
        except asyncio.CancelledError:
            await asyncio.shield(self._put_back(job))
        except Exception as failure:  # noqa: BLE001 — every failure has a place, an unexpected one too
            await self._failed(job, failure, gate, started)
        finally:
            gate.end()
            self.wake()

    async def _expect(self, job: Job) -> None:
        usual = await self.desk.journal.ask(accounts.usual, job.payer, job.workflow)
        settings, limits = self.desk.provider.settings, self.desk.provider.limits
        looks = first_look(self._now, usual[0] if usual else None, settings.first_look, limits.least_gap)
        self._look_at_it(job, looks)

    # ------------------------------------------------------------------------------------------ what a failure means

    async def _failed(self, job: Job, failure: Exception, gate: Gate, started: float) -> None:
        fresh = await self.desk.journal.ask(jobs.get, job.id)
        if fresh is None or fresh.status is not Status.RUNNING or isinstance(failure, Stale):
            return
        if isinstance(failure, Transient):
            gate.failed(self._now, started, failure.retry_after)
        moment = Moment(self._now, self.desk.provider.settings.settle, random.random())  # noqa: S311 — jitter
        verdict = judge(fresh, failure, moment)
        if verdict.unexpected:
            log.error("job %d failed unexpectedly", job.id, exc_info=failure)
        await self._put(fresh, verdict)
        if verdict.holds:
            await self.hold(verdict.holds, verdict.message)

    async def _put(self, job: Job, verdict: Verdict) -> None:
        """Put a running job down where it stands, durably, however long that takes.

        One whose paid call is in the air goes nowhere but to the look-up.
        """
        changes = {"attempts": job.attempts + 1} if verdict.failed_try else {}
        settled = self._now + self.desk.provider.settings.settle

        def write(db: Connection) -> None:
            status, what, reason, due = verdict.status, verdict.what, verdict.reason, verdict.due
            if job.stage is Stage.SUBMITTING and purchases.in_the_air(db, job):
                status, what, reason, due = Status.WAITING, "unclear", Reason.LOOKING, settled
            jobs.follow(db, job, job.stage, status, what, reason=reason, message=verdict.message, due=due, **changes)

        await self.desk.keep(write)

    async def _put_back(self, job: Job) -> None:
        """Let a job that was taken stand ready again; it has failed at nothing.

        A paid call under way is not broken off: it puts the job down itself.
        """
        if under_way := set(self.journey.paying.under_way):
            await asyncio.wait(under_way)
        fresh = await self.desk.journal.ask(jobs.get, job.id)
        if fresh is not None and fresh.status is Status.RUNNING:
            await self._put(fresh, Verdict(Status.READY, "put back"))

    async def hold(self, reason: Reason, message: str) -> None:
        """Hold the whole account; told once."""
        self.held, self._held_message = reason, message
        if await self.desk.journal.do(accounts.set_hold, self.name, reason, message):
            log.warning("%s is held (%s): %s", self.name, reason, message)
        await self._hold_all()

    async def _hold_all(self) -> None:
        """Hold what stands ready, what joined since the hold began included. Without a sign-in nothing can go on."""
        reason = Reason(self.held)
        stages = tuple(Stage) if reason is Reason.LOGIN else BEFORE_PAYING
        await self.desk.journal.do(holds.hold_account, self.name, reason, self._held_message, stages)

    async def release(self) -> None:
        """End the account's hold and let its jobs go on."""
        reason, self.held = self.held, ""
        await self.desk.journal.do(accounts.set_hold, self.name, "", "")
        if reason:
            log.info("%s goes on (was held: %s)", self.name, reason)
            await self.desk.journal.do(holds.release_account, self.name, Reason(reason))
        self.wake()

    # --------------------------------------------------------------------------------------------------- looking

    async def _look_turn(self) -> float | None:
        now = self._now
        due = [job for job, looks in self._looks.values() if looks.due <= now][:AT_ONCE]
        if due and self.calls.free(now) and self.held != Reason.LOGIN:
            await self._look_at(due)
        earliest = min((looks.due for _, looks in self._looks.values()), default=None)
        return None if earliest is None else max(earliest, self.calls.not_before)

    async def _look_at(self, due: list[Job]) -> None:
        started = self._now
        self.calls.start()
        try:
            seen = await self.desk.provider.poll([Sent(job.execution, job.workflow) for job in due])
            self.calls.succeeded()
        except Transient as failure:
            self.calls.failed(self._now, started, failure.retry_after)
            seen = {}
        except Blocked as blocked:
            await self.hold(HOLD_OF[blocked.cause], str(blocked))
            seen = {}
        except Rejected as refusal:
            log.warning("looking at executions of %s was refused: %s", self.name, refusal)
            seen = {}
        finally:
            self.calls.end()
        await asyncio.gather(*(self._noted(job, seen.get(job.execution)) for job in due))

    async def _noted(self, job: Job, progress: Progress | None) -> None:
        """Write down one look and settle when the next one is, or that none is needed."""
        _, looks = self._looks[job.id]
        if progress is not None:
            try:
                job = await self.journey.note(job, progress)
                job = await self._overdue(job)
            except Stale:
                fresh = await self.desk.journal.ask(jobs.get, job.id)
                job = fresh or job
        if job.stage is not Stage.SUBMITTED or job.status in FINAL:
            self._looks.pop(job.id, None)
            return
        slow = job.status is Status.HELD or (progress is not None and progress.state is State.IN_QA)
        if slow:
            following = qa_look(looks, self._now, self.desk.provider.settings.qa_look)
        else:
            least = self.desk.provider.limits.least_gap
            following = next_look(looks, self._now, least, random.random())  # noqa: S311
        self._looks[job.id] = (job, following)

    async def _overdue(self, job: Job) -> Job:
        if job.stage is not Stage.SUBMITTED or job.reason != Reason.AT_SERVICE:
            return job
        usual = await self.desk.journal.ask(accounts.usual, job.payer, job.workflow)
        bound = max(OVERDUE_AFTER, OVERDUE_TIMES * (usual[0] if usual else 0.0))
        if time.time() - job.stage_at < bound:
            return job
        message = f"at the service for {bound / 60:.0f} minutes without an end; still looked at, not ordered again"
        return await self.desk.journal.do(
            jobs.move, job, job.stage, Status.HELD, "overdue", reason=Reason.OVERDUE, message=message, due=self._now
        )

    # ---------------------------------------------------------------------------------------------- settling doubts

    async def _doubt_turn(self) -> float | None:
        now = self._now
        found = await self.desk.journal.ask(doubt.due, self.name, now)
        if found and self.calls.free(now) and self.held != Reason.LOGIN:
            await self._settle_these(found)
        until = await self.desk.journal.ask(doubt.next_due, self.name)
        return None if until is None else max(until, self.calls.not_before)

    async def _settle_these(self, found: list[doubt.InDoubt]) -> None:
        creates = [one for one in found if one.purchase.kind is Kind.CREATE]
        retries = [one for one in found if one.purchase.kind is Kind.RETRY]
        started = self._now
        self.calls.start()
        try:
            looks = await self.desk.provider.find([one.sought for one in creates]) if creates else {}
            sent = [Sent(one.job.execution, one.job.workflow) for one in retries]
            seen = await self.desk.provider.poll(sent) if sent else {}
            self.calls.succeeded()
        except (Transient, Rejected) as failure:
            self.calls.failed(self._now, started, getattr(failure, "retry_after", None) or 1.0)
            return
        except Blocked as blocked:
            await self.hold(HOLD_OF[blocked.cause], str(blocked))
            return
        finally:
            self.calls.end()
        for one in creates:
            await self._settled(doubt.conclude(self.journey, one, looks[one.purchase.key]))
        for one in retries:
            await self._settled(doubt.conclude_retry(self.journey, one, seen.get(one.job.execution)))
        self.wake()

    async def _settled(self, conclusion: Awaitable[Job]) -> None:
        try:
            job = await conclusion
        except Stale:
            return
        if job.stage is Stage.SUBMITTED:
            self.follow(job)

    # ------------------------------------------------------------------------------------------------------- tending

    async def _tend_turn(self) -> float | None:
        """Keep the balance fresh while there is something to buy, and end what holds by itself."""
        now = self._now
        if self.held:
            await self._hold_all()
        await self.desk.journal.do(holds.release_due, self.name, now)
        if await self.desk.journal.ask(holds.count_held, self.name, Reason.CAP):
            await self.desk.journal.do(budget.release_capped, self.name, self.desk.terms())
        every = min(60.0, max(1.0, self.desk.provider.settings.settle))
        unpaid = await self.desk.journal.ask(holds.count_held, self.name, Reason.PAYMENT) > 0
        spending = bool(self.held) or self.uploads.running > 0 or unpaid
        if spending and now - self._balance_asked >= every and self.held != Reason.PAUSED:
            self._balance_asked = now
            await self._refresh_balance()
        await asyncio.sleep(TENDING)
        return self._balance_asked + every if spending else None

    async def refresh(self) -> None:
        """Look at the balance and the workflows now."""
        await self._refresh_balance()
        try:
            found = await self.desk.provider.workflows()
        except (Transient, Rejected, Blocked) as failure:
            log.warning("the workflows of %s could not be fetched: %s", self.name, failure)
            return
        definitions = {workflow.id: workflow.document() for workflow in found}
        await self.desk.journal.do(accounts.keep_workflows, self.name, definitions)

    async def _refresh_balance(self) -> None:
        read_at = time.time()
        try:
            balance = await self.desk.provider.balance()
        except Blocked as blocked:
            await self.hold(HOLD_OF[blocked.cause], str(blocked))
            return
        except (Transient, Rejected):
            return
        await self.desk.journal.do(accounts.set_balance, self.name, balance, read_at)
        if self.held in (Reason.LOGIN, Reason.QUOTA) or (
            self.held == Reason.CREDITS and await self.desk.journal.ask(purchases.affordable, self.name)
        ):
            await self.release()
        if balance is not None:
            await self._resume_unpaid(balance)

    async def _resume_unpaid(self, balance: int) -> None:
        """After a top-up, ask the service to go on with what waits for credits there: one first, then the rest.

        Some minutes are left to it to go on by itself, and a trial that ends where it began is not repeated before
        the balance changes.
        """
        patience = 2 * self.desk.provider.settings.settle
        parked = await self.desk.journal.ask(
            jobs.select, "account = ? AND status = 'held' AND reason = ? ORDER BY id", (self.name, Reason.PAYMENT)
        )
        ripe = [job for job in parked if time.time() - job.stage_at > patience and (job.quoted or 1) <= balance]
        if not ripe:
            return
        if self._trial is not None:
            trial = await self.desk.journal.ask(jobs.get, self._trial)
            if trial is None or (trial.stage is Stage.SUBMITTING and trial.status not in FINAL):
                return
            went_on = trial.reason != Reason.PAYMENT
            if not went_on and balance == self._trial_balance:
                return
            chosen = ripe if went_on else ripe[:1]
        else:
            chosen = ripe[:1]
        self._trial, self._trial_balance = chosen[0].id, balance
        for job in chosen:
            message = "there are credits again: the service is asked to go on"
            self._looks.pop(job.id, None)
            await self.desk.journal.do(
                jobs.follow, job, Stage.SUBMITTING, Status.READY, "retried", message=message, new_try=True
            )
        self.wake()
