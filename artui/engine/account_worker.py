"""One account's work: takes a slot, then a job; asks about what runs at the service; what a failure means."""

from __future__ import annotations

import asyncio
import logging
import random
from collections.abc import Awaitable, Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass, field, replace
from functools import partial

from artui import budget
from artui.engine import reconcile
from artui.engine.account_hold import AccountHold
from artui.engine.balance import BalanceMonitor
from artui.engine.charges import Charges
from artui.engine.failures import PUT_BACK, TO_SAVE, Disposition, FailureContext, classify
from artui.engine.outage import Outage
from artui.engine.poller import Poller
from artui.engine.removals import Removals
from artui.engine.service_calls import ServiceCalls
from artui.journal import (
    Connection,
    Stale,
    Unwritable,
    accounts,
    claims,
    holds,
    jobs,
    purchases,
    rules,
    troubles,
    twins,
)
from artui.model.holds import ACCOUNT_WIDE, HOLDS, EndsBy
from artui.model.job import Job, Payer
from artui.model.states import BEFORE_PAYING, Kind, Reason, Stage, Status
from artui.providers.base import (
    Call,
    ExecutionRef,
    ExecutionStatus,
    ProviderError,
    Puzzling,
    State,
    Transient,
    listening,
)
from artui.providers.defects import REST
from artui.steps import Hold, NotYet, Pipeline, StepContext
from artui.timing import AdaptiveLimiter, GrowingLimiter

log = logging.getLogger(__name__)

IDLE_TICK = 5.0
"""Seconds after which a loop looks round even when nothing woke it."""

LEAST_REST = 0.01
"""Seconds between two turns of a loop, whatever rings: what comes in together is taken together."""

TENDING = 0.2
"""Seconds between two rounds of looking after an account or what is in doubt there, however often its jobs move."""

TENDING_PAYER = 1.0
"""Seconds between two looks at who pays now, for what waits for that."""

_BY_ANSWER = frozenset({EndsBy.SIGN_IN, EndsBy.BALANCE, EndsBy.NEXT_DAY})
ASKED_FIRST = frozenset(reason for reason in ACCOUNT_WIDE if HOLDS[reason].ends_by in _BY_ANSWER)
"""Holds that are ended by what the service says now."""

LOOKING, LOOKING_UP = "at looking at what runs", "at looking lost purchases up"

UPLOADS, DOWNLOADS = 2, 4
"""Slots that an account begins with; how many are of use it finds out."""

AHEAD = 8
"""Photos that are checked before they go up, or ordered after it, while others hold all slots: so that the line waits
neither for a check nor for an answer."""


@dataclass
class AccountWorker:
    """The loops of one account. Once ``stopping`` is set nothing is taken any more."""

    pipeline: Pipeline
    stopping: asyncio.Event
    context: StepContext = field(init=False)
    uploads: GrowingLimiter = field(init=False)
    orders: AdaptiveLimiter = field(init=False)
    downloads: GrowingLimiter = field(init=False)
    calls: AdaptiveLimiter = field(init=False)

    def __post_init__(self) -> None:
        self.context = self.pipeline.context
        pace = self.context.account.pace
        self.uploads, self.orders, self.downloads, self.calls = (
            GrowingLimiter(UPLOADS, AHEAD, ceiling=pace.uploads),
            AdaptiveLimiter(pace.uploads),
            GrowingLimiter(DOWNLOADS, ceiling=pace.downloads),
            AdaptiveLimiter(pace.calls),
        )
        self.in_flight = pace.in_flight or self.context.provider.limits.in_flight
        self.name = self.context.account.name
        self.account_hold = AccountHold(self.context)
        self.outage = Outage(self.context)
        self.service_calls = ServiceCalls(self.context, self.account_hold, self.outage)
        self.poller = Poller(self.context, self._noted)
        self.balance = BalanceMonitor(self.context, self.account_hold, self.service_calls, self.poller)
        self.charges = Charges(self.context, self.service_calls)
        self.removals = Removals(self.context, self.service_calls)
        self._sorted_at = -TENDING_PAYER
        self._clocks_differ = False
        self._tasks: set[asyncio.Task[None]] = set()
        self._bells: list[asyncio.Event] = []
        self._in_line: list[asyncio.Event] = []

    @property
    def held(self) -> str:
        """The reason that holds the whole account, empty where nothing does."""
        return self.account_hold.reason

    @property
    def _now(self) -> float:
        return self.context.clock.now()

    async def start(self) -> None:
        """Put right what an engine that is gone left behind, and look afresh at what holds the account."""
        # Before anything is claimed: what is still RUNNING now was an engine's that is gone.
        await self.context.journal.write_async(holds.recover, self.name, self.context.settle_due, self.context.lost)
        await self.context.journal.write_async(rules.look_at_hours, "account", self.name)
        await self.account_hold.start()

    async def run(self) -> None:
        """Work until ``stopping`` is set and what was taken has reached its next commit."""
        await self._begin_to_look()  # before the loops: nothing of another payer's is asked about or sent
        async with asyncio.TaskGroup() as loops:
            loops.create_task(self._repeat(self._look_turn, self.poller.bell))
            for turn, rest in (
                (self._send_turn, LEAST_REST),
                (self._save_turn, LEAST_REST),
                (self._doubt_turn, TENDING),
                (self._tend_turn, TENDING),
            ):
                self._bells.append(bell := asyncio.Event())
                loops.create_task(self._repeat(turn, bell, rest))
        # A step that ends may leave a paid call, and the other way round.
        while self._tasks or self.pipeline.paying.under_way:
            await asyncio.gather(*self._tasks, return_exceptions=True)
            await asyncio.gather(*self.pipeline.paying.under_way, return_exceptions=True)
        await self.balance.close()
        await self.pipeline.close()  # last: until then a step may join what it breaks off

    async def _begin_to_look(self) -> None:
        """Leave alone what is another payer's, then take up what an earlier engine left at the service."""
        while not self.stopping.is_set():
            try:
                await self.sort_strangers()
                await self.poller.start()
            except Unwritable as problem:
                log.warning("%s Waiting for it.", problem)
                await asyncio.sleep(1)
            except Exception as defect:  # noqa: BLE001 — the engine goes on with the other accounts
                self.context.defects.tell("at taking up its work", defect)
                await self._rest(REST)
            else:
                return

    async def stop_transfers(self) -> None:
        """Break off what costs nothing to do again; a paid call under way is awaited all the same."""
        for task in self._tasks:
            task.cancel()
        self.service_calls.break_off()

    def wake(self) -> None:
        """Let every loop that the journal feeds look whether there is something to do."""
        for bell in (*self._bells, *self._in_line):
            bell.set()

    def notice_stop(self) -> None:
        """Let every loop notice that the engine stops."""
        self.wake()
        self.poller.bell.set()

    def forget(self, job: Job) -> None:
        """Stop looking at a job that a person moved away from the service, and see what it needs now."""
        self.poller.forget(job)
        self.wake()

    def follow(self, job: Job) -> None:
        """Look at a job at the service now, and from now on."""
        self.poller.follow(job)

    async def called(self, call: Call) -> None:
        """Look soon at the execution that a webhook's call names, where it names one of this account."""
        try:
            if name := await self.context.provider.called(call):
                # A key may be told before the answer with the execution is here.
                self.poller.called(self.context.journal.read(purchases.job_of_key, name) or name)
        except Exception as defect:  # noqa: BLE001 — anybody may have sent it
            self.context.defects.tell("at a webhook's call", defect)

    async def _repeat(
        self, turn: Callable[[], Awaitable[float | None]], bell: asyncio.Event, rest: float = LEAST_REST
    ) -> None:
        """Take turns until the engine stops. A turn says until when to rest; a bell wakes it earlier, after ``rest``
        seconds at the least.

        A journal that cannot be written now (a full disk) is waited for. A turn that artui itself fails in ends nothing
        either: the next one comes after a rest that no bell breaks.
        """
        while not self.stopping.is_set():
            try:
                with listening():
                    until = await turn()
            except Unwritable as problem:
                log.warning("%s Waiting for it.", problem)
                until = self._now + 1
            except Exception as defect:  # noqa: BLE001 — the other turns go on
                self.context.defects.tell(f"in its {turn.__name__.strip('_').replace('_', ' ')}", defect)
                await self._rest(REST)
                continue
            await self._rung(bell, until)
            await asyncio.sleep(rest)

    async def _rest(self, seconds: float) -> None:
        """Do nothing for so long, or until the engine stops."""
        with suppress(TimeoutError):
            async with asyncio.timeout(seconds):
                await self.stopping.wait()

    async def _rung(self, bell: asyncio.Event, until: float | None) -> None:
        """Wait until a bell rings or a time has come, ``IDLE_TICK`` at the most."""
        seconds = IDLE_TICK if until is None else min(IDLE_TICK, max(0.0, until - self._now))
        with suppress(TimeoutError):
            async with asyncio.timeout(seconds):
                await bell.wait()
        bell.clear()

    # -------------------------------------------------------------------------------------------------- taking jobs

    async def _send_turn(self) -> float | None:
        # What is being sent takes a place at the service before its answer says so.
        places = self.in_flight - len(self.poller) - self.uploads.running
        free = 0 if self.held else min(self.uploads.free(self._now), places)
        return await self._take(BEFORE_PAYING, self.uploads, self._send, free)

    async def _save_turn(self) -> float | None:
        return await self._take(TO_SAVE, self.downloads, self._save, self.downloads.free(self._now))

    async def _take(
        self, stages: Sequence[Stage], gate: AdaptiveLimiter, step: Callable[[Job], Awaitable[Job]], slots: int
    ) -> float | None:
        """Fill free slots with the next jobs; returns when the next one is due."""
        if slots <= 0:
            return gate.not_before or None  # no free slot: whoever gives one back rings

        def write(db: Connection) -> tuple[list[Job], float | None]:
            return claims.claim(db, self.name, stages, self._now, slots), claims.next_due(db, self.name, stages)

        gate.start(slots)  # nobody else gives them away meanwhile
        try:
            taken, due = await self.context.journal.write_async(write)
        finally:
            gate.end(slots)
        self._begin(taken, gate, step)
        return max(due or 0.0, gate.not_before) or None

    def _begin(self, taken: Sequence[Job], gate: AdaptiveLimiter, step: Callable[[Job], Awaitable[Job]]) -> None:
        for job in taken:
            gate.start()
            task = asyncio.create_task(self._carry(job, gate, step))
            self._tasks.add(task)
            task.add_done_callback(self._tasks.discard)

    async def _send(self, job: Job) -> Job:
        """Check a photo, bring it to the service in a slot, and order what is to be done with it: while that is
        answered the next one has the slot."""
        self.balance.ask_ahead()
        is_one = self.context.provider.limits.photo_in_order
        if job.stage is Stage.NEW:
            job = await self.pipeline.check(job)
        if job.status is Status.RUNNING and not is_one:
            job = await self._in_slot(self.uploads, job, self.pipeline.bring)
        if job.status is not Status.RUNNING:
            return job
        await self.balance.check()
        gate, step = (self.uploads, self.pipeline.prepare) if is_one else (self.orders, self.pipeline.order)
        return await self._in_slot(gate, job, step)

    async def _replay(self, job: Job) -> Job:
        return await self._in_slot(self.uploads, job, self.pipeline.replay)

    async def _in_slot(self, gate: AdaptiveLimiter, job: Job, step: Callable[[Job], Awaitable[Job]]) -> Job:
        """Take a step once there is a slot for it; NotYet where none comes because the account is held or all ends."""
        self._in_line.append(bell := asyncio.Event())  # its own: who wakes clears it
        try:
            while not gate.enter(self._now):
                await self._rung(bell, gate.not_before or None)
                if self.held or self.stopping.is_set():
                    raise NotYet("nothing is sent now")
        finally:
            self._in_line.remove(bell)
        try:
            return await self._observed(gate, job, step)
        finally:
            gate.leave()
            for bell in self._in_line:
                bell.set()

    async def _save(self, job: Job) -> Job:
        return await self._observed(self.downloads, job, self.pipeline.save)

    async def _observed(self, gate: AdaptiveLimiter, job: Job, step: Callable[[Job], Awaitable[Job]]) -> Job:
        """Take a step from whose end its gate learns how many may run: from a photo that fails alone, nothing."""
        started = self._now
        try:
            job = await step(job)
        except Transient as failure:
            if isinstance(failure, Puzzling) and gate is self.downloads:  # that result's own trouble: it was answered
                await self.outage.answered()
            elif failure.retry_after or not self._alone(job, failure):  # who names a time speaks of all requests
                gate.failed(self._now, started, failure.retry_after)
                await self.outage.failed(failure)
            raise
        gate.succeeded()
        if job.twin_of is None:  # a copy of another's result asks nobody, and takes nothing of the line
            gate.passed(max(job.size, 1), self._now)  # what is at an address has no size here: then photos are counted
            await self.outage.answered()
        return job

    async def _carry(self, job: Job, gate: AdaptiveLimiter, step: Callable[[Job], Awaitable[Job]]) -> None:
        """Take one job as far as it goes; whatever happens it is put down in a place the journal names."""
        try:
            with listening() as heard:
                carried = await step(job)
            if carried.stage is Stage.SUBMITTED and carried.status is Status.WAITING:
                self.poller.expect(carried)
        except asyncio.CancelledError:
            await asyncio.shield(self._put_back(job))  # a second cancel must not leave the job RUNNING
        except Exception as failure:  # noqa: BLE001 — every failure has a place, an unexpected one too
            await self._failed(job, failure, str(heard))
        finally:
            gate.end()
            self.wake()  # a slot is free

    # ------------------------------------------------------------------------------------------ what a failure means

    async def _failed(self, job: Job, failure: Exception, heard: str) -> None:
        fresh = self.context.journal.read(jobs.get, job.id)
        # A person, or a fact that came in, has moved it: that stands.
        if fresh is None or fresh.status is not Status.RUNNING or isinstance(failure, Stale):
            return
        chance = random.random()  # noqa: S311 — no secret
        moment = FailureContext(
            self._now, self.context.provider.settings.settle, chance, self._alone(fresh, failure),
            self.held == Reason.LOGIN,
        )  # fmt: skip
        verdict = classify(fresh, failure, moment)
        if verdict.unexpected:
            self.context.defects.tell(f"on job {job.id}", failure, heard)
        await self.context.write_until_durable(partial(self._put_down, fresh, verdict))
        if verdict.holds:
            await self.hold(verdict.holds, verdict.message)

    def _alone(self, job: Job, failure: Exception) -> int:
        """How often a photo has failed where others get past, this failure included."""
        # What never left speaks of the line, and a first failure of nothing.
        may_matter = isinstance(failure, Transient) and failure.reached and job.attempts > 0
        return self.context.journal.read(troubles.failures_alone, job) if may_matter else 0

    def _put_down(self, job: Job, verdict: Disposition, db: Connection) -> None:
        """One whose paid call is in the air goes nowhere but to the look-up. A pause of its rule that has ended since
        the step met it holds nothing: whoever resumed the rule found no hold to end."""
        changes = {"attempts": job.attempts + 1} if verdict.failed_try else {}
        put = verdict
        # Read within the write: its answer may have come in since the failure.
        if job.stage is Stage.SUBMITTING and purchases.is_pending(db, job):
            due = self.context.settle_due
            put = replace(verdict, status=Status.WAITING, what="unclear", reason=Reason.LOOKING, scope="", due=due)
        elif verdict.reason == Reason.PAUSED and not rules.is_paused(db, job.rule):
            put = PUT_BACK
        jobs.move_if_current(
            db, job, job.stage, put.status, put.what, reason=put.reason, hold_scope=put.scope, message=put.message,
            due=put.due, **changes,
        )  # fmt: skip

    async def _put_back(self, job: Job) -> None:
        """Let a job that was taken stand ready again; it has failed at nothing.

        A paid call under way is not broken off: it puts the job down itself. A move that was being written when the
        step was broken off is written before this.
        """
        if under_way := set(self.pipeline.paying.under_way):
            await asyncio.wait(under_way)  # all of them: which is this job's, nobody noted

        def write(db: Connection) -> None:
            fresh = jobs.get(db, job.id)
            if fresh is not None and fresh.status is Status.RUNNING:
                self._put_down(fresh, PUT_BACK, db)

        await self.context.write_until_durable(write)

    async def hold(self, reason: Reason, message: str) -> None:
        """Hold the whole account; told once."""
        await self.account_hold.begin(reason, message)

    async def release(self) -> None:
        """End the account's hold and let its jobs go on; where it is about money or a sign-in, the service is asked
        first how that stands now, so that nothing is held again for what it was before."""
        if self.held in ASKED_FIRST or self.context.journal.read(holds.count_held, self.name, Reason.CREDITS):
            await self.balance.read_in_time()  # somebody waits for the answer to the request
        await self.account_hold.end()
        self.wake()

    # ------------------------------------------------------------------------------------------- asking the service

    async def _look_turn(self) -> float | None:
        if self.calls.free(self._now) and (due := self.poller.due()):
            sent = [ExecutionRef(job.execution, job.workflow) for job in due]
            seen = await self.service_calls.call(self.context.provider.poll(sent), self.calls, LOOKING)
            # Without a sign-in some services show nothing: then only a person makes these jobs go on.
            signed_out = self.account_hold.message if seen is None and self.held == Reason.LOGIN else ""
            await self.poller.note(due, seen or {}, signed_out=signed_out)
        until = self.poller.next_round()
        return None if until is None else max(until, self.calls.not_before)

    async def _noted(self, job: Job, progress: ExecutionStatus) -> Job:
        """Write down what a look showed. What is done is saved at once where a slot is free: it need not be taken."""
        if progress.state is not State.DONE or self.stopping.is_set() or self.downloads.free(self._now) <= 0:
            return await self.pipeline.note(job, progress)
        self.downloads.start()  # held while it is written, so that no other save takes the slot
        try:
            noted = await self.pipeline.note(job, progress, taken=True)
        finally:
            self.downloads.end()
        if noted.status is Status.RUNNING:
            self._begin([noted], self.downloads, self._save)
        return noted

    async def _doubt_turn(self) -> float | None:
        """Settle paid calls in doubt: send again what a service carries out once per key, look the others up."""
        found, until = await self.context.journal.read_async(self._in_doubt)
        if not found:
            return until
        now = await self.sort_strangers()
        if now is None:
            return self._now + TENDING_PAYER
        # Again: sorting has held some meanwhile.
        found = await self.context.journal.read_async(self._of_payer, found, now)
        replays = self.context.provider.limits.idempotent_submit
        # A retry has no key that would count once.
        again = [one for one in found if replays and one.purchase.kind is Kind.CREATE]
        asked = [one for one in found if not (replays and one.purchase.kind is Kind.CREATE)]
        await self._send_again(again, now)
        # A reading without a sign-in would only be refused.
        if asked and self.calls.free(self._now) and self.held != Reason.LOGIN:
            reading = await self.service_calls.call(
                reconcile.read(self.context.provider, asked), self.calls, LOOKING_UP, rest=1.0
            )
            for job in await reconcile.settle(self.pipeline, asked, reading) if reading else ():
                if job.stage is Stage.SUBMITTED:
                    self.poller.follow(job)
            self.wake()
        until = await self.context.journal.read_async(reconcile.next_due, self.name)
        # Else something due could not be asked about: again when its gate opens, not at once.
        if until is None or until > self._now:
            return until
        return max(self.calls.not_before, self.uploads.not_before) or None

    def _in_doubt(self, db: Connection) -> tuple[list[reconcile.InDoubt], float | None]:
        """What is in doubt and due, and when the next of it is."""
        return reconcile.due(db, self.name, self._now), reconcile.next_due(db, self.name)

    def _of_payer(self, db: Connection, found: list[reconcile.InDoubt], now: Payer) -> list[reconcile.InDoubt]:
        """Those of ``found`` that are in doubt at whoever would pay now: nobody else may be asked about them."""
        return [one for one in found if not holds.stranger(db, one.job, now)]

    async def _send_again(self, again: Sequence[reconcile.InDoubt], now: Payer) -> None:
        """Send purchases in doubt again, as many as there are slots; none while the account is held."""
        # Places: what it is about may have one already.
        slots = self.uploads.free(self._now) if self.held in ("", Reason.PLACES) else 0
        if slots <= 0 or not again:
            return
        limits, clocks = self.context.provider.limits, (self._now, self.context.service_time())
        taken = await self.context.journal.write_async(
            reconcile.take_to_replay, again[:slots], limits.replay_within, clocks, now
        )
        self._begin(taken, self.uploads, self._replay)

    # ------------------------------------------------------------------------------------------------------- tending

    async def _tend_turn(self) -> float | None:
        """Keep the balance fresh while there is something to buy, and end what holds by itself."""
        self._compare_clocks()
        await self.account_hold.renew()
        if await self.account_hold.mind_places(self.poller.kept(), self.in_flight):
            self.wake()
        if self._now - self._sorted_at >= TENDING_PAYER:
            await self.sort_strangers()
        await self.context.journal.write_async(holds.release_due, self.name, self._now)
        if self.context.journal.read(holds.count_held, self.name, Reason.CAP):
            await self.context.journal.write_async(budget.release_capped, self.name, self.context.terms())
        if self.context.journal.read(twins.blocked, self.name):
            await self.context.journal.write_async(budget.let_twins_buy, self.name, self.context.terms())
        await self.charges.read()
        await self.removals.go_on()
        due = self.balance.due(sending=self.uploads.running > 0)
        if due is not None and due <= self._now:
            await self._read_balance()
            due = self.balance.due(sending=self.uploads.running > 0)
        return due

    def _compare_clocks(self) -> None:
        """Tell, once until they agree again, that the service's clock and this machine's are far apart."""
        apart = self.context.clocks_apart()
        if (apart > budget.APART) != self._clocks_differ:
            self._clocks_differ = not self._clocks_differ
            if self._clocks_differ:
                log.warning(
                    "%s: the service's clock and this machine's are %.0f h apart: for caps the day is that of the one"
                    " which is behind. Is this machine's clock right?", self.name, apart / 3600,
                )  # fmt: skip
            else:
                log.info("%s: the service's clock and this machine's agree again", self.name)

    async def sort_strangers(self) -> Payer | None:
        """Hold what was made for another payer than would pay now, and let go on what fits again; returns who pays,
        None where that cannot be told now, and nothing is changed."""
        self._sorted_at = self._now  # before it is asked, so that a service that hangs is not asked again at each turn
        try:
            now = await self.service_calls.until_stopped(self.context.who_pays())
        except (ProviderError, Hold, NotYet) as problem:
            log.debug("%s: who pays cannot be told: %s", self.name, problem)
            return None
        found = await self.context.journal.write_async(holds.sort_strangers, self.name, now, self.context.settle_due)
        for job in found.held:
            self.poller.forget(job)
        for job in found.released:
            if job.stage is Stage.SUBMITTED:
                self.poller.follow(job)
        if found.held or found.released:
            log.info("%s: %d jobs are another payer's, %d go on", self.name, len(found.held), len(found.released))
            self.wake()
        return now

    async def refresh(self) -> None:
        """Look at the balance and the workflows now."""
        await self._read_balance()
        found = await self.service_calls.call(self.context.provider.workflows(), self.calls, "at reading the workflows")
        if found is not None:
            definitions = {workflow.id: workflow.document() for workflow in found}
            await self.context.journal.write_async(accounts.keep_workflows, self.name, definitions)

    async def _read_balance(self) -> None:
        if await self.balance.read():
            self.wake()
