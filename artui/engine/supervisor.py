"""The engine: one worker per account, the requests people leave, and an orderly end. It alone moves jobs."""

from __future__ import annotations

import asyncio
import datetime as dt
import logging
import math
import os
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, suppress
from typing import TypeVar

from artui import files
from artui.config import AccountConfig, Config, ConfigError, CurrentConfig, Paths
from artui.config.private import NotPrivate, open_private
from artui.config.system import is_mac, reserve
from artui.core import review
from artui.core.health import Engine
from artui.credentials import Vault
from artui.engine.account_worker import AccountWorker
from artui.engine.anchor import AnchorFile
from artui.engine.awake import Awake
from artui.engine.charges import LOOKS
from artui.engine.commands import HANDLERS, Handler
from artui.engine.deliveries import Deliveries
from artui.engine.heartbeat import Heartbeat
from artui.engine.notices import Notices
from artui.journal import (
    Connection,
    Journal,
    JournalProblem,
    Unwritable,
    claims,
    holds,
    purchases,
    requests,
    uploads,
)
from artui.journal.progress import ProgressBoard
from artui.journal.requests import Request
from artui.model.commands import Command
from artui.model.states import Reason, Stage
from artui.providers import open_provider
from artui.providers.base import (
    Call,
    NoRoom,
    NotPermitted,
)
from artui.steps import Pipeline, StepContext
from artui.timing import Clock

log = logging.getLogger(__name__)
T = TypeVar("T")

TICK, PEEKS = 0.25, 3
"""Seconds between two rounds of looking, and how often meanwhile it is asked whether another process has written
anything, which ends that wait: somebody waits for the answer, and the question costs next to nothing."""

HEARTBEAT = 5.0
"""Seconds between two signs of life in the engine's row."""

GRACE = 5.0
"""Seconds running transfers get to end by themselves when the engine stops."""

BALLAST = 16 * 1024 * 1024
"""Bytes kept in reserve beside the journal, given up when the disk is full so that facts can still be written."""


class Supervisor:
    """Moves the jobs of one journal for as long as this process holds its lock.

    ``still_ours`` says whether the lock is; ``load_config`` gives the configuration afresh. ``handlers`` carry out what
    is left for it; who shares this process with it adds its own.
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
        self.handlers: dict[Command, Handler] = {**HANDLERS}
        self._still_ours = still_ours
        self._settings = CurrentConfig(paths, load_config)
        self.deliveries = Deliveries(journal, lambda: self._settings.config, self.clock, self.write_until_durable)
        self._awake = Awake()
        self._transfers = ProgressBoard(paths.transfers)
        self._hashing = ThreadPoolExecutor(2, "hash")
        self._workers: dict[str, tuple[AccountWorker, asyncio.Task[None], Config]] = {}
        self._opening = asyncio.Lock()
        self._aside: dict[int, asyncio.Task[None]] = {}
        self._unusable: dict[str, str] = {}
        self._seen = -1
        self._published_at = -math.inf
        self._idle_since: float | None = None

    def stop(self) -> None:
        """Claim nothing more and end in order."""
        self.stopping.set()
        for worker, *_ in self._workers.values():
            worker.stopping.set()

    async def called(self, call: Call) -> None:
        """Look soon at what a webhook's call names, and do nothing else for it."""
        for worker, *_ in [*self._workers.values()]:  # a copy: workers come and go while one is awaited
            await worker.called(call)

    async def run(self, idle_seconds: float | None = None) -> None:
        """Work until :meth:`stop`, or until there was nothing to do for ``idle_seconds``. Raises JournalProblem."""
        self._anchor = AnchorFile(self.paths, self.journal)  # first: an engine that cannot write the anchor ends here
        self._keep_ballast()
        await self._get_ready()
        with self._waiting_for_disk():
            await asyncio.to_thread(review.finish_moves, self.journal)  # of a decision whose process was killed
        loop = asyncio.get_running_loop()

        def wake() -> None:
            with suppress(RuntimeError):  # the loop has closed: nobody is left to wake
                loop.call_soon_threadsafe(self.wake)

        self.journal.on_commit(wake)
        is_watching = self.journal.read(requests.engine).mode == requests.WATCH
        told = Notices(self.journal, lambda: self._settings.config, Engine(is_watching=is_watching))
        beside = [asyncio.create_task(one.run()) for one in (told, Heartbeat(told), self.deliveries)]
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
            # On an error too, so that no worker takes anything while all is closed.
            self.stop()
            for task in beside:
                task.cancel()
            await asyncio.gather(*beside, return_exceptions=True)
            await self._close()  # before the anchor is let go: a paid call under way still writes it
            self._awake.end()
            self._anchor.close()

    async def _get_ready(self) -> None:
        """Put right what the last engine left, then say so; one that is told to stop meanwhile does that, too."""
        ready = False
        while not ready:
            with self._waiting_for_disk():
                await self.journal.write_async(requests.bring_forward, self.clock.now())
                await self._open_workers()
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
            # What was seen may not have been dealt with: the next round looks whatever has changed.
            self._seen = -1
            log.warning("%s Waiting for it.", problem)

    async def _pause(self) -> None:
        for _ in range(PEEKS):
            with suppress(TimeoutError):
                async with asyncio.timeout(TICK / PEEKS):
                    await self.stopping.wait()
            # What could not be written has its time.
            if self.stopping.is_set() or -1 < self._seen != self.journal.changes():
                return

    def wake(self) -> None:
        """Have every account look for work, and what is saved be delivered."""
        for worker, *_ in self._workers.values():
            worker.wake()
        self.deliveries.wake()

    def _fail_with_tasks(self) -> None:
        """A worker that ended by itself is a defect, as is a request that broke: no healthy-looking engine with one."""
        workers = [task for worker, task, _ in self._workers.values() if not worker.stopping.is_set()]
        for task in (*workers, *self._aside.values()):
            if task.done() and not self.stopping.is_set():
                task.result()
        self._aside = {number: task for number, task in self._aside.items() if not task.done()}

    async def _look_round(self) -> None:
        """See what other processes wrote: new jobs, requests."""
        if (now := time.monotonic()) - self._published_at >= TICK:  # what is written here ends each pause early
            self._published_at = now
            self._transfers.publish()
        await self._renew_workers()
        seen = self.journal.changes()
        if seen == self._seen:
            return
        self._seen = seen
        await self._open_workers()
        for request in self.journal.read(requests.pending):
            if request.id in self._aside:  # it is being answered
                continue
            handler = self._handler(request)
            if handler is None or not self.journal.read(handler.asks_service, request):
                await self._answer(request)
            else:
                self._aside[request.id] = asyncio.create_task(self._answer_aside(request), name=request.what)
        self.wake()

    def _handler(self, request: Request) -> Handler | None:
        command = request.command
        return None if command is None or command not in self.handlers else self.handlers[command]

    async def _beat(self) -> None:
        alive = True
        with self._waiting_for_disk():
            # A full disk is no sign of another engine: `alive` stays.
            alive = await self.journal.write_async(requests.beat, self.generation)
        if not alive or not self._still_ours():
            log.error("another engine has taken this journal over; this one ends")
            self.stop()
        if is_mac():
            is_busy = await self.journal.read_async(requests.is_under_way)
            await asyncio.to_thread(self._awake.mind, is_busy=is_busy)  # it asks a program where the power comes from

    async def _idle_for(self, seconds: float) -> bool:
        """Whether nothing was to be done for so long; then the engine's row says so in the same transaction."""
        if await self.journal.read_async(requests.has_work):
            self._idle_since = None
            return False
        now = time.monotonic()
        self._idle_since = self._idle_since or now
        if now - self._idle_since < seconds:
            return False
        # Looked at above without a lock; here, in one transaction, it counts.
        return await self.journal.write_async(requests.engine_ends, self.generation, only_if_idle=True)

    # --------------------------------------------------------------------------------------------------- workers

    async def _renew_workers(self) -> None:
        """End each worker whose account is set otherwise by now, and open it anew once it has ended."""
        for name, (worker, task, config) in list(self._workers.items()):
            if not worker.stopping.is_set() and self._settings.has_other(name, config):
                log.info("%s is set otherwise now: its work begins anew", name)
                worker.stopping.set()
                worker.notice_stop()
                await worker.stop_transfers()
            # One that is still at a paid call keeps its place: two would share an account.
            if task.done() and not self.stopping.is_set():
                task.result()
                await worker.context.provider.close()
                del self._workers[name]
                self._seen = -1
        if self._settings.is_news():
            self._seen = -1

    async def _open_workers(self) -> None:
        """A worker for each account that has open jobs, executions of unknown cost, or uploads to remove."""
        unread = self.journal.read(purchases.accounts_to_read, LOOKS)
        removals = self._settings.config.accounts.keys() & self.journal.read(uploads.accounts_due)
        for name in {*self.journal.read(claims.accounts_with_open_jobs), *unread, *removals}:
            await self.open_worker(name)

    async def open_worker(self, name: str) -> AccountWorker | None:
        """The worker of an account, opened where there is none yet; None where the account cannot be used."""
        async with self._opening:
            return self._workers[name][0] if name in self._workers else await self._new_worker(name)

    async def _new_worker(self, name: str) -> AccountWorker | None:
        try:
            account, config = self._account(name), self._settings.config
            provider = open_provider(config, account, self.vault)
        except ConfigError as problem:
            await self._hold_unusable(name, str(problem))
            return None
        context = StepContext(
            self.journal, provider, account, config.timezone, self.clock, self._hashing,
            self._transfers, self._assert_leader, self.write_until_durable, lambda: files.free_bytes(self.paths.state),
            lambda: self._settings.outdated(name, config), self.paths.spool,
        )  # fmt: skip
        worker = AccountWorker(Pipeline(context), asyncio.Event())
        try:
            await worker.start()
        except Unwritable:
            await provider.close()
            raise
        self._workers[name] = (worker, asyncio.create_task(worker.run(), name=f"worker {name}"), config)
        if self.stopping.is_set():
            worker.stopping.set()  # stop() came while this one was being opened
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
        await self.journal.write_async(holds.recover, name, self.clock.now())
        await self.journal.write_async(holds.hold_account, name, Reason.ACCOUNT, message, tuple(Stage))

    async def _close(self) -> None:
        """Let running steps reach their next commit; break off free transfers after the grace."""
        with self._waiting_for_disk():
            # First: who adds work from now on starts another engine.
            await self.journal.write_async(requests.engine_ending, self.generation)
        delivered = asyncio.create_task(self.deliveries.close())
        for task in self._aside.values():
            task.cancel()
        await asyncio.gather(*self._aside.values(), return_exceptions=True)
        tasks = [task for _, task, _ in self._workers.values()]
        for worker, *_ in self._workers.values():
            worker.notice_stop()
        if tasks:
            await asyncio.wait(tasks, timeout=GRACE)
            for worker, *_ in self._workers.values():
                await worker.stop_transfers()
            await asyncio.wait(tasks)  # a paid call under way ends by its own time-out
        await delivered
        for worker, *_ in self._workers.values():
            await worker.context.provider.close()
        self._hashing.shutdown(wait=False, cancel_futures=True)
        self._transfers.publish()
        # Last: nothing of this engine writes after it. Where it cannot be written the lock tells that nobody runs.
        with suppress(TimeoutError):
            async with asyncio.timeout(GRACE):
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
                # Given up for good: the next engine lays it aside again.
                self.paths.ballast.unlink(missing_ok=True)
                await asyncio.sleep(0.5)

    def _keep_ballast(self) -> None:
        try:
            descriptor = open_private(self.paths.ballast, os.O_WRONLY | os.O_CREAT)
            try:
                reserve(descriptor, BALLAST)  # real blocks: a hole would free nothing
            finally:
                os.close(descriptor)
        except NotPrivate as refusal:
            log.warning("%s", refusal)
        except OSError as problem:
            self.paths.ballast.unlink(missing_ok=True)
            log.warning("no room for the reserve of %d MB beside the journal (%s)", BALLAST >> 20, problem)

    # ------------------------------------------------------------------------------------------------- requests

    @property
    def zone(self) -> dt.tzinfo:
        """The operator's zone, in which a day turns."""
        return self._settings.config.timezone

    @property
    def accounts(self) -> list[str]:
        """The accounts that have anything to do."""
        return [*self._workers]

    async def answered(self, command: Command) -> None:
        """Wait for what asks a service for this command now."""
        if tasks := [task for task in self._aside.values() if task.get_name() == command]:
            await asyncio.wait(tasks)

    async def _answer_aside(self, request: Request) -> None:
        """Answer a request beside all others, however long its service takes."""
        with self._waiting_for_disk():
            await self._answer(request)

    async def _answer(self, request: Request) -> None:
        """Carry one request out; the answer is durable with its effect. One that artui itself fails in is refused."""
        try:
            if handler := self._handler(request):
                await handler.run(self, request)
            else:
                why = f"this engine does not know how to {request.what!r}"
                await self.journal.write_async(requests.finish, request, why, refused=True)
        except JournalProblem:
            raise
        except Exception as defect:
            log.exception("artui itself failed to carry out the request to %s", request.what)
            why = f"artui itself failed ({type(defect).__name__}); the engine's log says more"
            await self.journal.write_async(requests.finish, request, why, refused=True)
