"""The engine: one lane per account, the requests people leave, and an orderly end. It alone moves jobs."""

from __future__ import annotations

import asyncio
import logging
import os
import time
from collections.abc import Awaitable, Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, suppress
from typing import TypeVar

from artui import budget, files, providers
from artui.config import AccountConfig, Config, ConfigError, CurrentConfig, Paths
from artui.config.private import NotPrivate, open_private
from artui.core import decisions
from artui.credentials import Vault
from artui.engine.account_worker import AccountWorker
from artui.engine.anchor import AnchorFile
from artui.engine.charges import LOOKS
from artui.journal import (
    Connection,
    Journal,
    JournalProblem,
    Unwritable,
    claims,
    holds,
    jobs,
    purchases,
    requests,
    rules,
    uploads,
)
from artui.journal.progress import ProgressBoard
from artui.journal.requests import Request
from artui.model.job import Job
from artui.model.states import FINAL, Reason, Stage, Status
from artui.providers import open_provider
from artui.providers.base import (
    Blocked,
    Call,
    ExecutionRef,
    NoRoom,
    NotPermitted,
    Rejected,
    State,
    Transient,
)
from artui.steps import Pipeline, StepContext, evidence
from artui.steps.evidence import Ownership
from artui.timing import Clock

log = logging.getLogger(__name__)
T = TypeVar("T")

TICK = 0.25
"""Seconds between two looks at what other processes wrote."""

ASKING = frozenset({"refresh", "adopt", "resume"})
"""Requests whose answer takes asking a service: one that hangs must not keep the others waiting."""

PATIENCE = 10.0
"""Seconds in which it must be told who pays, where somebody waits for that."""

HEARTBEAT = 5.0
GRACE = 5.0
"""Seconds running transfers get to end by themselves when the engine stops."""

BALLAST = 16 * 1024 * 1024
"""Bytes kept in reserve beside the journal, given up when the disk is full so that facts can still be written."""


class Supervisor:
    """Moves the jobs of one journal for as long as this process holds its lock.

    ``still_ours`` says whether the lock is; ``load_config`` gives the configuration afresh. ``answers`` are the
    requests that others in this process carry out, by their words.
    """

    def __init__(
        self, paths: Paths, journal: Journal, generation: int, still_ours: Callable[[], bool],
        load_config: Callable[[], Config],
    ) -> None:  # fmt: skip
        self.paths = paths
        self.journal = journal
        self.generation = generation
        self.clock = Clock()
        self.vault = Vault(paths)
        self.stopping = asyncio.Event()
        self.answers: dict[str, Callable[[Request], Awaitable[str]]] = {}
        self._still_ours = still_ours
        self._settings = CurrentConfig(paths, load_config)
        self._transfers = ProgressBoard(paths.transfers)
        self._hashing = ThreadPoolExecutor(2, "hash")
        self._workers: dict[str, tuple[AccountWorker, asyncio.Task[None]]] = {}
        self._opening = asyncio.Lock()
        self._service_calls: dict[int, asyncio.Task[None]] = {}
        self._unusable: dict[str, str] = {}
        self._seen = -1
        self._idle_since: float | None = None

    def stop(self) -> None:
        """Claim nothing more and end in order."""
        self.stopping.set()
        for worker, _ in self._workers.values():
            worker.stopping.set()

    async def called(self, call: Call) -> None:
        """Look soon at what a webhook's call names, and do nothing else for it."""
        for worker, _ in [*self._workers.values()]:
            await worker.called(call)

    async def run(self, idle_seconds: float | None = None) -> None:
        """Work until :meth:`stop`, or until there was nothing to do for ``idle_seconds``. Raises JournalProblem."""
        self._anchor = AnchorFile(self.paths, self.journal)
        self._keep_ballast()
        await self._get_ready()
        loop = asyncio.get_running_loop()

        def wake() -> None:
            with suppress(RuntimeError):  # the loop has closed: nobody is left to wake
                loop.call_soon_threadsafe(self._wake)

        self.journal.on_commit(wake)
        beat_at = 0.0
        try:
            while not self.stopping.is_set():
                if time.monotonic() - beat_at >= HEARTBEAT:
                    beat_at = time.monotonic()
                    await self._beat()
                with self._waiting_for_disk():
                    await self._look_round()
                    if idle_seconds is not None and await self._idle_for(idle_seconds):
                        break
                self._fail_with_tasks()
                await self._pause()
        finally:
            self.stop()
            await self._close()
            self._anchor.close()

    async def _get_ready(self) -> None:
        """Put right what the last engine left, then say so; one that is told to stop meanwhile does that, too."""
        ready = False
        while not ready:
            with self._waiting_for_disk():
                await self._open_lanes()
                await self.journal.write_async(requests.engine_ready, self.generation)
                ready = True
            if self.stopping.is_set():
                break
            if not ready:
                await self._pause()

    @contextmanager
    def _waiting_for_disk(self) -> Iterator[None]:
        """A journal that cannot be written now puts off what was to be done, and ends nothing."""
        try:
            yield
        except Unwritable as problem:
            self._seen = -1
            log.warning("%s Waiting for it.", problem)

    async def _pause(self) -> None:
        try:
            async with asyncio.timeout(TICK):
                await self.stopping.wait()
        except TimeoutError:
            pass

    def _wake(self) -> None:
        for worker, _ in self._workers.values():
            worker.wake()

    def _fail_with_tasks(self) -> None:
        """A lane that ended by itself is a defect, as is a request that broke: no healthy-looking engine with one."""
        workers = [task for worker, task in self._workers.values() if not worker.stopping.is_set()]
        for task in (*workers, *self._service_calls.values()):
            if task.done() and not self.stopping.is_set():
                task.result()
        self._service_calls = {number: task for number, task in self._service_calls.items() if not task.done()}

    async def _look_round(self) -> None:
        """See what other processes wrote: new jobs, requests."""
        self._transfers.publish()
        await self._renew_lanes()
        seen = self.journal.changes()
        if seen == self._seen:
            return
        self._seen = seen
        await self._open_lanes()
        for request in self.journal.read(requests.pending):
            if request.what not in ASKING and not self._asks_who_pays(request):
                await self._answer(request)
            elif request.id not in self._service_calls:
                self._service_calls[request.id] = asyncio.create_task(self._answer_aside(request), name=request.what)
        self._wake()

    async def _beat(self) -> None:
        alive = True
        with self._waiting_for_disk():
            alive = await self.journal.write_async(requests.beat, self.generation)
        if not alive or not self._still_ours():
            log.error("another engine has taken this journal over; this one ends")
            self.stop()

    async def _idle_for(self, seconds: float) -> bool:
        """Whether nothing was to be done for so long; then the engine's row says so in the same transaction."""
        if await self.journal.read_async(requests.has_work):
            self._idle_since = None
            return False
        now = time.monotonic()
        self._idle_since = self._idle_since or now
        if now - self._idle_since < seconds:
            return False
        return await self.journal.write_async(requests.engine_ends, self.generation, only_if_idle=True)

    # ---------------------------------------------------------------------------------------------------- lanes

    async def _renew_lanes(self) -> None:
        """End each lane whose account is set otherwise by now, and open it anew once it has ended."""
        for name, (worker, task) in list(self._workers.items()):
            if not worker.stopping.is_set() and self._settings.has_other(worker.context.account):
                log.info("%s is set otherwise now: its work begins anew", name)
                worker.stopping.set()
                worker.notice_stop()
                await worker.stop_transfers()
            if task.done() and not self.stopping.is_set():
                task.result()
                await worker.context.provider.close()
                del self._workers[name]
                self._seen = -1
        if self._settings.is_news():
            self._seen = -1

    async def _open_lanes(self) -> None:
        """A lane for every account that has open jobs, executions whose cost is not known yet, or uploads to remove."""
        unread = self.journal.read(purchases.accounts_to_read, LOOKS)
        removals = self._settings.config.accounts.keys() & self.journal.read(uploads.accounts_due)
        for name in {*self.journal.read(claims.accounts_with_open_jobs), *unread, *removals}:
            await self._open_lane(name)

    async def _open_lane(self, name: str) -> AccountWorker | None:
        """The lane of an account, opened where there is none yet; None where the account cannot be used."""
        async with self._opening:
            return self._workers[name][0] if name in self._workers else await self._new_lane(name)

    async def _new_lane(self, name: str) -> AccountWorker | None:
        try:
            account = self._account(name)
            provider = open_provider(self._settings.config, account, self.vault)
        except ConfigError as problem:
            await self._hold_unusable(name, str(problem))
            return None
        context = StepContext(
            self.journal, provider, account, self._settings.config.timezone, self.clock, self._hashing,
            self._transfers, self._assert_leader, self.write_until_durable, lambda: files.free_bytes(self.paths.state),
            lambda: self._settings.outdated(account), self.paths.spool,
        )  # fmt: skip
        worker = AccountWorker(Pipeline(context), asyncio.Event())
        try:
            await worker.start()
        except Unwritable:
            await provider.close()
            raise
        self._workers[name] = (worker, asyncio.create_task(worker.run(), name=f"lane {name}"))
        if self.stopping.is_set():
            worker.stopping.set()
        return worker

    def _account(self, name: str) -> AccountConfig:
        self._settings.look()
        account = self._settings.config.accounts.get(name)
        if account is None:
            raise ConfigError(f"the account {name!r} is not in the configuration any more")
        return account

    async def _hold_unusable(self, name: str, message: str) -> None:
        if self._unusable.get(name) != message:
            self._unusable[name] = message
            log.error("%s", message)
        await self.journal.write_async(holds.recover, name, self.clock.now(), self.clock.now())
        await self.journal.write_async(holds.hold_account, name, Reason.ACCOUNT, message, tuple(Stage))

    async def _close(self) -> None:
        """Let running steps reach their next commit; break off free transfers after the grace."""
        with self._waiting_for_disk():
            await self.journal.write_async(requests.engine_ending, self.generation)
        for service_calls in self._service_calls.values():
            service_calls.cancel()
        await asyncio.gather(*self._service_calls.values(), return_exceptions=True)
        tasks = [task for _, task in self._workers.values()]
        for worker, _ in self._workers.values():
            worker.notice_stop()
        if tasks:
            await asyncio.wait(tasks, timeout=GRACE)
            for worker, _ in self._workers.values():
                await worker.stop_transfers()
            await asyncio.wait(tasks)
        for worker, _ in self._workers.values():
            await worker.context.provider.close()
        self._hashing.shutdown(wait=False, cancel_futures=True)
        self._transfers.publish()
        await self.write_until_durable(lambda db: requests.engine_ends(db, self.generation))

    # --------------------------------------------------------------------------------------------- what must not fail

    async def _assert_leader(self) -> None:
        """Refuse a paid call's first byte where the lock or the generation is no longer this engine's, or where it
        cannot be remembered outside the journal that its intent was written."""
        row = self.journal.read(requests.engine)
        if row.generation != self.generation or not self._still_ours():
            raise NotPermitted("another engine has taken this journal over")
        try:
            self._anchor.advance(self.journal.read(requests.intents))
        except OSError as problem:
            raise NoRoom(
                f"{self._anchor.path} cannot be written ({problem}): nothing is sent until it can"
            ) from problem

    async def write_until_durable(self, act: Callable[[Connection], T]) -> T:
        """Repeat a write until it is durable; on a full disk the ballast makes room for it."""
        while True:
            try:
                return await self.journal.write_async(act)
            except Unwritable as problem:
                log.warning("%s Trying again.", problem)
                self.paths.ballast.unlink(missing_ok=True)
                await asyncio.sleep(0.5)

    def _keep_ballast(self) -> None:
        try:
            descriptor = open_private(self.paths.ballast, os.O_WRONLY | os.O_CREAT)
            try:
                os.posix_fallocate(descriptor, 0, BALLAST)
            finally:
                os.close(descriptor)
        except NotPrivate as refusal:
            log.warning("%s", refusal)
        except OSError as problem:
            self.paths.ballast.unlink(missing_ok=True)
            log.warning("no room for the reserve of %d MB beside the journal (%s)", BALLAST >> 20, problem)

    # ------------------------------------------------------------------------------------------------- requests

    async def _answer_aside(self, request: Request) -> None:
        """Answer a request beside all others, however long its service takes."""
        with self._waiting_for_disk():
            await self._answer(request)

    async def _answer(self, request: Request) -> None:
        """Carry one request out; the answer is durable with its effect. One that artui itself fails in is refused."""
        try:
            await self._carry_out(request)
        except JournalProblem:
            raise
        except Exception as defect:
            log.exception("artui itself failed to carry out the request to %s", request.what)
            why = f"artui itself failed ({type(defect).__name__}); the engine's log says more"
            await self.journal.write_async(requests.finish, request, why, refused=True)

    async def _carry_out(self, request: Request) -> None:
        if request.what in decisions.DECISIONS:
            await self._decide(request)
            return
        if request.what == "approve":
            await self.journal.write_async(decisions.approve, request)
            return
        if request.what in rules.DECISIONS:
            await self._about_rule(request)
            return
        if request.what in self.answers:
            message = await self.answers[request.what](request)
            await self.journal.write_async(requests.finish, request, message)
            return
        account = request.arguments.get("account")
        if account and request.arguments.get("recovered"):
            await self.journal.write_async(holds.release_recovered, account)
        names = [account] if account else [*self._workers]
        answers = {"stop": self._stop, "pause": self._pause_accounts, "resume": self._resume, "refresh": self._refresh}
        answer = answers.get(request.what)
        message = await answer(names) if answer else f"this engine does not know how to {request.what!r}"
        await self.journal.write_async(requests.finish, request, message, refused=answer is None)

    async def _about_rule(self, request: Request) -> None:
        """Carry out what a person decides about a rule; what it lets go on does so in the same transaction."""
        row = self.journal.read(rules.get, str(request.arguments.get("rule", "")))
        worker = await self._open_lane(row.account) if row and request.what == "allow" else None
        today = worker.context.terms().today if worker else budget.day_of(time.time(), self._settings.config.timezone)

        def write(db: Connection) -> None:
            rules.carry_out(db, request, today)
            if worker:
                budget.release_capped(db, worker.name, worker.context.terms())

        await self.journal.write_async(write)
        self._wake()

    async def _decide(self, request: Request) -> None:
        if request.what == "adopt" and (problem := await self._unfit(request)):
            await self.journal.write_async(requests.finish, request, problem, refused=True)
            return
        seen = self.journal.read(jobs.get, request.job or 0)
        worker = await self._open_lane(seen.account) if seen else None
        if seen and self._asks_who_pays(request) and (why := await self._still_strange(seen, worker)):
            await self.journal.write_async(requests.finish, request, why, refused=True)
            return
        if worker:
            can_retry, due = worker.context.provider.limits.can_retry, worker.context.settle_due
        else:
            can_retry = seen is not None and providers.capabilities(seen.provider).limits.can_retry
            due = self.clock.now()
        job = await self.journal.write_async(decisions.carry_out, request, can_retry=can_retry, settle_due=due)
        if job is None or worker is None:
            return
        if job.stage is Stage.SUBMITTED and job.status not in FINAL:
            worker.follow(job)
        else:
            worker.forget(job)

    def _asks_who_pays(self, request: Request) -> bool:
        """Whether it wants a job to go on that is held because its account was another one's."""
        job = self.journal.read(jobs.get, request.job or 0) if request.what == "retry" else None
        return job is not None and job.status is Status.HELD and job.reason == Reason.ACCOUNT

    async def _still_strange(self, job: Job, worker: AccountWorker | None) -> str:
        """Why a job that is held for its account stays so after a look at who would pay now; empty where it goes on."""
        deadline = time.monotonic() + PATIENCE
        while worker is None or await worker.sort_strangers() is None:
            if worker is None or time.monotonic() > deadline:
                return f"job {job.id} stays held: who would pay for it cannot be told now ({job.message})"
            await asyncio.sleep(TICK)  # its account was just set otherwise: another lane takes its place
            worker = await self._open_lane(job.account)
        now = self.journal.read(jobs.get, job.id) or job
        if now.status is not Status.HELD or now.reason != Reason.ACCOUNT:
            return ""
        return f"job {job.id} stays held: {now.message}; or `artui cancel {job.id}`"

    async def _unfit(self, request: Request) -> str:
        """Why an execution a person names is not taken for this job's; empty where it is."""
        job = self.journal.read(jobs.get, request.job or 0)
        worker = self._workers.get(job.account) if job else None
        if job is None or worker is None:
            return f"there is no open job {request.job}"
        limits, execution = worker[0].context.provider.limits, str(request.arguments.get("execution", ""))
        try:
            seen = (await worker[0].context.provider.poll([ExecutionRef(execution, job.workflow)])).get(execution)
        except (Transient, Rejected, Blocked) as failure:
            return f"the service cannot be asked about execution {execution} now: {failure}"
        if seen is None or seen.state is State.GONE:
            return f"the service does not know execution {execution}"
        shown = self.journal.read(evidence.weigh, job, seen, limits.accepts, by_a_person=True)
        if shown.verdict is Ownership.SILENT and limits.names_photo and not seen.reference:
            return f"the service does not say what execution {execution} was made from: nobody can tell whose it is"
        return shown.why

    async def _stop(self, names: list[str]) -> str:
        del names
        self.stop()
        return "the engine ends"

    async def _pause_accounts(self, names: list[str]) -> str:
        if resuming := [task for task in self._service_calls.values() if task.get_name() == "resume"]:
            await asyncio.wait(resuming)  # these were asked for before
        for name in names:
            await self._each(name, lambda worker: worker.hold(Reason.PAUSED, f"{worker.name} is paused by a person"))
        return f"paused: {', '.join(names) or 'no account has anything to do'}"

    async def _resume(self, names: list[str]) -> str:
        for name in names:
            await self._each(name, lambda worker: worker.release())
        return f"resumed: {', '.join(names) or 'no account has anything to do'}"

    async def _refresh(self, names: list[str]) -> str:
        for name in names:
            await self._each(name, lambda worker: worker.refresh())
        return f"looked at the balance of {', '.join(names)}"

    async def _each(self, name: str, act: Callable[[AccountWorker], Awaitable[None]]) -> None:
        worker = await self._open_lane(name)
        if worker is not None:
            await act(worker)
