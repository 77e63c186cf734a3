"""What runs at the service for one account: when to look at each execution again, and what a look leads to."""

from __future__ import annotations

import asyncio
import random
import time
from collections import Counter
from collections.abc import Awaitable, Callable, Iterable, Mapping, Sequence

from artui.engine.scouts import Scouts
from artui.journal import Stale, Unwritable, accounts, claims, jobs
from artui.model.job import Job
from artui.model.states import FINAL, TROUBLES, Reason, Stage, Status
from artui.providers.base import ExecutionStatus, State
from artui.providers.defects import not_understood
from artui.steps import StepContext
from artui.timing import FEW, PollSchedule, next_look, next_round, qa_look

AT_ONCE = 500
"""The most executions one round of looks asks about."""

PUZZLED = 3
"""Looks in a row that cannot be understood after which a person is told."""

_AT_WORK = (Stage.SUBMITTED, Status.WAITING)

ENDED = (State.DONE, State.INCOMPLETE, State.FAILED, State.UNPAID)

CALLED_AT_ONCE, CALLED_EVERY = 20, 1.0
"""The most executions that are looked at because a webhook's call named them, and the seconds between two such rounds:
however many calls come, they cause no more."""

MOST_CALLED = 10_000
"""Names from calls that are kept until their round, and so many until what they name is sent: a call may come before
the answer to the order."""

SAFETY_NET = 60.0
"""Seconds by which other looks are put off while calls tell what has ended."""

CALLS_LAST = 300.0
"""Seconds for which it counts that a call told of an end; less where an end shows that no call told of."""

SLOW_AFTER = 300.0
"""Seconds after which an execution that takes far longer than usual is taken for one that keeps its place."""

OVERDUE_AFTER = 3600.0
OVERDUE_TIMES = 20
"""An execution is overdue after an hour or twenty times its usual time, whichever is longer, where the service has no
deadline of its own."""


class Poller:
    """The schedule of looks, in memory: after a restart everything is looked at soon.

    ``bell`` rings when something was added that cannot wait for the next round; ``note`` writes down what one look
    showed.
    """

    def __init__(self, context: StepContext, note: Callable[[Job, ExecutionStatus], Awaitable[Job]]) -> None:
        self.context = context
        self._note = note
        self.bell = asyncio.Event()
        self._looks: dict[int, tuple[Job, PollSchedule]] = {}
        self._round: float | None = None
        self._puzzled: Counter[int] = Counter()
        self._failed: Counter[int] = Counter()
        self._rounds = 0
        self._failed_in: dict[int, int] = {}
        self._named: set[str | int] = set()
        self._early: dict[str | int, None] = {}
        self._named_after = self._calls_until = 0.0
        self._told: set[int] = set()
        self._relied_on: set[int] = set()
        self._scouts = Scouts(context)

    def __len__(self) -> int:
        return len(self._looks)

    def kept(self) -> int:
        """How many places at the service are kept by executions that wait for a person, or for a change there, and
        beside such by those that nobody checks and that take far longer than usual. Those without credits go on by
        themselves after a top-up."""
        followed = [job for job, _ in self._looks.values()]
        held = sum(job.status is Status.HELD and job.reason != Reason.PAYMENT for job in followed)
        working = [job for job in followed if job.place == _AT_WORK and job.reason == Reason.AT_SERVICE]
        return held + sum(self._takes_long(job, SLOW_AFTER) for job in working) if held else 0

    def _takes_long(self, job: Job, least: float) -> bool:
        """Whether an execution is at the service for ``least`` seconds, and far longer than is usual."""
        since = time.time() - job.stage_at
        if since < least:
            return False
        usual = self.context.journal.read(accounts.usual, job.payer, job.workflow)
        return since >= OVERDUE_TIMES * (usual[0] if usual else 0.0)

    async def start(self) -> None:
        """Take up what an earlier engine left at the service."""
        context, now = self.context, self.context.clock.now()
        for job in await context.journal.read_async(claims.at_service, context.account.name):
            # A look that was far off stays bounded, so that a clock that jumped puts nothing off for long.
            due = min(job.due or now, now + context.provider.settings.first_look)
            self._looks[job.id] = (job, PollSchedule(due, context.provider.limits.least_gap))

    def expect(self, job: Job) -> None:
        """Look at a job that was just sent, when it is likely to be done."""
        self._relied_on.add(job.id)
        self._schedule(job, self._scouts.first_look(job, few=len(self._looks) < FEW))
        # Its end was called out before the answer to its order was here.
        if not {job.id, job.execution}.isdisjoint(self._early):
            self.called(job.id)

    def follow(self, job: Job) -> None:
        """Look at a job at the service now, and from now on. One without an execution, still in doubt when it was read,
        changes nothing: a person may have named its execution since, and that is followed."""
        if not job.execution:
            return
        self._relied_on.discard(job.id)
        self._schedule(job, PollSchedule(self.context.clock.now(), self.context.provider.limits.least_gap))

    def forget(self, job: Job) -> None:
        """Stop looking at a job."""
        self._looks.pop(job.id, None)
        self._told.discard(job.id)
        self._relied_on.discard(job.id)
        self._relieve(job)

    def _relieve(self, job: Job) -> None:
        """Let a job be nobody's scout any more."""
        for other, looks in list(self._scouts.relieve(job, (one for one, _ in self._looks.values()))):
            self._schedule(other, looks)

    def called(self, name: str | int) -> None:
        """Look soon at what a webhook's call names: an execution, or the number of its job. Where that is not followed
        it is once it is sent."""
        if not self._named:  # one ring for a burst of calls
            self.bell.set()
        if len(self._named) < MOST_CALLED:
            self._named.add(name)

    def _take_named(self, now: float) -> None:
        """Have a few of the executions that calls named be looked at now, where it is time for a round of them."""
        if not self._named or now < self._named_after:
            return
        # By what is followed: a name that nobody knows costs nothing, however many are sent.
        named = [(job, looks) for job, looks in self._looks.values() if self._is_named(job)]
        for job, looks in named[:CALLED_AT_ONCE]:
            for name in (job.id, job.execution):
                self._named.discard(name)
                self._early.pop(name, None)
            self._told.add(job.id)
            self._looks[job.id] = (job, looks.hurried(now))
        if len(named) <= CALLED_AT_ONCE:  # what is left names nothing that is followed yet
            self._early |= dict.fromkeys(self._named)
            self._named.clear()
            while len(self._early) > MOST_CALLED:
                del self._early[next(iter(self._early))]
        if named:
            self._named_after = now + max(CALLED_EVERY, self.context.provider.limits.least_gap)

    def _stands(self, job: Job) -> bool:
        """Whether a job is followed as it was when it was found due."""
        # The very object: a job taken up anew is another one.
        return job.id in self._looks and self._looks[job.id][0] is job

    def _schedule(self, job: Job, looks: PollSchedule) -> None:
        if not job.execution:
            self.forget(job)  # it is in doubt: nobody knows what to look at
            return
        self._looks[job.id] = (job, looks)
        if self._round is None or looks.latest < self._round:
            self.bell.set()

    def next_round(self) -> float | None:
        """When the next looks are taken; None where nothing is at the service."""
        self._round = next_round([looks for _, looks in self._standing()])
        if self._named and self._round is not None:
            return min(self._round, self._named_after)
        return self._round

    def _standing(self) -> Iterable[tuple[Job, PollSchedule]]:
        """All looks as they stand: while calls tell what has ended, what they are relied on for is looked at later."""
        if self.context.clock.now() >= self._calls_until:
            return self._looks.values()
        relied_on = self._relied_on - self._told
        return [
            (job, looks.put_off(SAFETY_NET) if job.id in relied_on and not self._is_named(job) else looks)
            for job, looks in self._looks.values()
        ]

    def _is_named(self, job: Job) -> bool:
        return job.execution in self._named or job.id in self._named

    def due(self) -> list[Job]:
        """The jobs to look at now; none before their common time has come."""
        now = self.context.clock.now()
        self._take_named(now)
        until = self.next_round()
        if until is None or until > now:
            return []
        # All that are due, not only what the round was for: one request may tell of many.
        return [job for job, looks in self._standing() if looks.due <= now][:AT_ONCE]

    async def note(
        self, looked_at: Sequence[Job], seen: Mapping[str, ExecutionStatus], *, signed_out: str = ""
    ) -> None:
        """Write down one round of looks; what was not seen is looked at again, and held meanwhile where that is for
        want of a sign-in (``signed_out`` says how). None of them hinders another, and none tells anything of a job that
        was taken up anew meanwhile, perhaps as another execution."""
        self._rounds += bool(seen)  # a round that showed nothing is the service's trouble, no photo's
        # Together, so that they share a commit.
        noted = (self._noted(job, seen.get(job.execution), signed_out) for job in looked_at if self._stands(job))
        for outcome in await asyncio.gather(*noted, return_exceptions=True):
            if outcome is not None:
                raise outcome

    async def _noted(self, job: Job, progress: ExecutionStatus | None, signed_out: str) -> None:
        """Write down one look and settle when the next one is, or that none is needed."""
        looked_at = job
        try:
            if progress is not None:
                for counted in (self._puzzled, self._failed, self._failed_in):
                    counted.pop(job.id, None)
                self._learn_of_calls(job, progress)
                job = await self._note(job, progress)
                job = await self._overdue(job)
            else:
                job = await self._unseen(job, signed_out)
        except Stale:
            fresh = self.context.journal.read(jobs.get, job.id)  # it was moved by somebody else: that is followed
            job = fresh or job
        except Unwritable:
            raise
        except Exception as defect:  # noqa: BLE001 — it is this job's alone
            self.context.defects.tell(f"on what was seen of job {job.id}", defect, repr(progress))
            job = await self._not_understood(job, type(defect).__name__)
        if not self._stands(looked_at):
            return  # a person's decision came in between
        if job.stage is not Stage.SUBMITTED or job.status in FINAL or not job.execution:
            self.forget(job)
        else:
            _, looks = self._looks[job.id]  # a call may have hurried it meanwhile
            self._looks[job.id] = (job, self._following(job, progress, looks))

    def _learn_of_calls(self, job: Job, progress: ExecutionStatus) -> None:
        """Whether calls tell what has ended: they do once one was right, and no longer once one did not come."""
        now, was_told = self.context.clock.now(), job.id in self._told
        if progress.state in ENDED and job.status is Status.WAITING:
            if was_told:
                self._calls_until = now + CALLS_LAST
            elif progress.state is State.DONE and job.id in self._relied_on:
                self._calls_until = 0.0
        if not was_told and progress.state in (State.RUNNING, State.IN_QA):
            self._relied_on.add(job.id)
        else:
            self._relied_on.discard(job.id)
        self._told.discard(job.id)

    async def _unseen(self, job: Job, signed_out: str) -> Job:
        """Hold a job that cannot be looked at without a sign-in, that is not understood a few times in a row, or that
        the service will not show, again and again: for good, or while it shows others."""
        if signed_out and job.place == _AT_WORK:
            return await self.context.journal.write_async(
                jobs.move, job, job.stage, Status.HELD, "held", reason=Reason.LOGIN, message=signed_out
            )
        puzzles = self.context.provider.puzzles
        if puzzle := puzzles.get(job.execution):
            self._puzzled[job.id] += 1
            return job if self._puzzled[job.id] < PUZZLED else await self._not_understood(job, puzzle)
        if (failed := puzzles.failed.pop(job.execution, None)) is None:
            return job
        said, is_final = failed
        # Once a round: while nothing is shown at all it counts no further.
        if is_final or self._failed_in.get(job.id) != self._rounds:
            self._failed[job.id] += 1
        self._failed_in[job.id] = self._rounds
        fresh = self.context.journal.read(jobs.get, job.id) or job
        if self._failed[job.id] <= TROUBLES or fresh.place != _AT_WORK:
            return fresh
        message = f"{said} (asked {self._failed[job.id]} times); it is looked at on, and not ordered again"
        return await self.context.journal.write_async(
            jobs.move_if_current, fresh, Stage.SUBMITTED, Status.HELD, "trouble",
            reason=Reason.TROUBLE, message=message,
            due=self.context.clock.now(),
        )  # fmt: skip

    async def _not_understood(self, job: Job, why: str) -> Job:
        """Hold a job at the service, which is looked at on, slowly, until a look can be understood."""
        fresh = self.context.journal.read(jobs.get, job.id) or job
        if fresh.stage is not Stage.SUBMITTED or fresh.status is not Status.WAITING:
            return fresh  # held already, or put down elsewhere
        message = f"{not_understood(job.source.name, why)}; it is looked at on, and not ordered again"
        return await self.context.journal.write_async(
            jobs.move_if_current, fresh, Stage.SUBMITTED, Status.HELD, "not understood",
            reason=Reason.ERROR, message=message,
            due=self.context.clock.now(),
        )  # fmt: skip

    def _following(self, job: Job, progress: ExecutionStatus | None, looks: PollSchedule) -> PollSchedule:
        now = self.context.clock.now()
        needs_person = job.status is Status.HELD and job.reason != Reason.LOGIN  # a new sign-in ends that at any moment
        if needs_person or (progress is not None and progress.state is State.IN_QA):
            self._relieve(job)  # how long a person takes says nothing of the others
            return qa_look(looks, now, self.context.provider.settings.qa_look)
        spread = random.random()  # noqa: S311 — no secret
        return self._scouts.next_look(job) or next_look(
            looks, now, self.context.provider.limits.least_gap, spread, few=len(self._looks) <= FEW
        )

    async def _overdue(self, job: Job) -> Job:
        # A check by people (QA) takes as long as it takes.
        if job.stage is not Stage.SUBMITTED or job.reason != Reason.AT_SERVICE:
            return job
        bound, since = self.context.provider.deadline(job.workflow), time.time() - job.stage_at
        is_over = self._takes_long(job, OVERDUE_AFTER) if bound is None else since >= bound
        if not is_over:
            return job
        message = f"at the service for {since / 60:.0f} minutes without an end; still looked at, not ordered again"
        return await self.context.journal.write_async(
            jobs.move, job, job.stage, Status.HELD, "overdue", reason=Reason.OVERDUE, message=message,
            due=self.context.clock.now(),
        )  # fmt: skip
