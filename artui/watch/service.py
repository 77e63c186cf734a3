"""The watching engine as a service: engine and watcher in one process, what it tells, its signs of life, and HUP."""

from __future__ import annotations

import asyncio
import os
import signal
import time
from collections.abc import Callable, Coroutine, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Protocol

from artui.config import ConfigError
from artui.core.follow import Follower, Printer
from artui.engine.lock import AnotherEngine
from artui.journal import Connection, Unwritable, history, requests
from artui.journal.following import Scope
from artui.journal.requests import Request
from artui.model.commands import Command
from artui.watch.systemd import Manager

if TYPE_CHECKING:
    import datetime as dt

    from artui.engine.commands import Commanded, Handler
    from artui.engine.supervisor import Supervisor
    from artui.watch.offers import Offers
    from artui.watch.rules import Rule
    from artui.watch.watcher import Watcher
    from artui.watch.webhook import Listener

TELL_EVERY = 0.5
"""Seconds between two looks at what there is to tell."""

STATUS_EVERY = 5.0
"""Seconds between two lines for the service manager."""

ALIVE_EVERY = 10.0
"""Seconds between two signs of life; more often where the service manager has less patience."""

TURNED_WITHIN = 30.0
"""Seconds within which the journal's writer and the watcher must have turned for the service to count as alive."""


HANG_UP_TAKES = 0.3
"""Seconds after a HUP by which a terminal that hangs up has gone."""


class Teller(Printer, Protocol):
    """Tells a person or a program what happens to jobs and to the service; nothing it does waits for a reader."""

    def warn(self, text: str) -> None:
        """A sentence that somebody should read."""


@dataclass
class Service:
    """Has an engine and a watcher beside it work until one is told to stop.

    ``make_watcher`` puts the watcher beside the engine; ``read_rules`` reads the rules anew, with what knows their
    services. ``standing`` says in one line how all stands: for the service manager, and every ``summary_every`` seconds
    (None: never) for the reader. ``had_terminal``: there was one before a hang-up could come. ``listener`` hears the
    webhooks of the services.
    """

    make_watcher: Callable[[Supervisor], Watcher]
    read_rules: Callable[[], tuple[Sequence[Rule], Offers, dt.tzinfo]]
    standing: Callable[[Connection], str]
    teller: Teller
    manager: Manager
    had_terminal: bool = False
    summary_every: float | None = None
    listener: Listener | None = None
    _hup: asyncio.Event = field(default_factory=asyncio.Event)

    async def run(self, engine: Supervisor) -> None:
        """Work; what fails beside the engine ends it in order, and is raised then.

        Raises :class:`AnotherEngine` where another one has taken the journal over.
        """
        asyncio.get_running_loop().add_signal_handler(signal.SIGHUP, self._hup.set)
        signal.pthread_sigmask(signal.SIG_UNBLOCK, {signal.SIGHUP})  # what came before it could be heard counts now
        # Before the work begins: nothing that happens is missed, nothing old told.
        follower = Follower(engine.journal, Scope(), self.teller, await engine.journal.read_async(history.last_seq))
        watcher = self.make_watcher(engine)
        engine.handlers.update(handlers(watcher, self._hup.set))
        work = asyncio.create_task(self._beside(engine, watcher), name="watcher")
        loops: list[Coroutine[Any, Any, None]] = [
            self._tell(engine, follower), self._give_signs(engine, watcher), self._hear(watcher),
            self._part(engine, work),
        ]  # fmt: skip
        if self.listener is not None:
            part = await engine.journal.read_async(requests.webhook_part)
            loops.append(self.listener.run(part, engine.called, engine.stopping))
        beside = [asyncio.create_task(loop) for loop in loops]
        for task in beside:
            # One that broke must not leave a service that looks healthy.
            task.add_done_callback(lambda _: engine.stop())
        try:
            await engine.run()
            await asyncio.wait([work])
        finally:
            for task in beside:
                task.cancel()
            ended = await asyncio.gather(*beside, return_exceptions=True)
        await asyncio.to_thread(follower.tell)  # what came of the orderly end
        for failure in ended:
            if isinstance(failure, Exception):
                raise failure
        work.result()
        if (await engine.journal.read_async(requests.engine)).generation != engine.generation:
            raise AnotherEngine("Another engine has taken the journal over; this one has ended.")

    async def _beside(self, engine: Supervisor, watcher: Watcher) -> None:
        try:
            await self.watch(engine, watcher)
        finally:
            self.manager.stopping()
            engine.stop()

    async def _part(self, engine: Supervisor, work: asyncio.Task[None]) -> None:
        """Say that the end was asked for: what is awaited then can take a while."""
        await engine.stopping.wait()
        if not work.done():
            self.teller.note("Ending in order: what is being paid is awaited. A second TERM or ctrl-c leaves at once.")

    async def watch(self, engine: Supervisor, watcher: Watcher) -> None:
        """The watcher's part, until the engine stops."""
        await watcher.run(engine.stopping)

    async def _tell(self, engine: Supervisor, follower: Follower) -> None:
        """Tell what happens, and from time to time how all stands."""
        while (await engine.journal.read_async(requests.engine)).state == "starting":  # noqa: ASYNC110 — the row says it
            await asyncio.sleep(0.05)
        self.manager.ready()
        said, status_at, summary_at = "", 0.0, time.monotonic()
        while True:
            await asyncio.to_thread(follower.tell)
            now = time.monotonic()
            if now - status_at >= STATUS_EVERY:
                status_at, standing = now, await engine.journal.read_async(self.standing)
                if standing != said:
                    said = standing
                    self.manager.status(standing)
            if self.summary_every is not None and now - summary_at >= self.summary_every:
                summary_at = now
                self.teller.note(await engine.journal.read_async(self.standing))
            await asyncio.sleep(TELL_EVERY)

    async def _give_signs(self, engine: Supervisor, watcher: Watcher) -> None:
        """Tell the service manager that this process lives, for as long as its loop, writer and scans turn."""
        patience = self.manager.patience
        every = ALIVE_EVERY if patience is None else min(ALIVE_EVERY, patience / 3)
        while True:
            with suppress(Unwritable):  # on a full disk the writer turns too
                # Through the writer: a sign of life is to say that it turns.
                await engine.journal.write_async(lambda _: None)
            if engine.stopping.is_set() or time.monotonic() - watcher.turned_at <= TURNED_WITHIN:
                self.manager.alive()
            await asyncio.sleep(every)

    async def _hear(self, watcher: Watcher) -> None:
        """Read the rules again at every HUP that is no hang-up."""
        while True:
            await self._hup.wait()
            await asyncio.sleep(HANG_UP_TAKES)  # a shell passes its hang-up on before the terminal has gone
            self._hup.clear()  # several HUPs in that time are one
            if self.had_terminal and not has_terminal():
                self.had_terminal = False
                self.teller.note("The terminal is gone. The folders are watched on; the log tells what happens.")
                continue
            await self.reread(watcher)

    async def reread(self, watcher: Watcher) -> None:
        """Read the rules again, and go on by them where they can stand together."""
        self.manager.reloading()
        try:
            rules, offers, zone = await asyncio.to_thread(self.read_rules)
            await watcher.reload(rules, offers, zone)
        except ConfigError as problem:
            self.teller.warn(f"The rules stay as they were: {problem}")
        else:
            self.teller.note(f"The rules were read again: {len(rules):,} of them.")
        self.manager.ready()


def handlers(watcher: Watcher, reread: Callable[[], None]) -> dict[Command, Handler]:
    """What an engine with a watcher beside it carries out beyond any other; ``reread`` has the rules read again."""
    from artui.engine.commands import Handler

    async def look_now(engine: Commanded, request: Request) -> None:
        message = watcher.look_now(request.arguments.get("rule", ""))
        await engine.journal.write_async(requests.finish, request, message)

    async def read_rules(engine: Commanded, request: Request) -> None:
        reread()
        await engine.journal.write_async(requests.finish, request, "the rules are read again")

    return {Command.LOOK_NOW: Handler(look_now), Command.READ_RULES: Handler(read_rules)}


def has_terminal() -> bool:
    """Whether this process has a controlling terminal; after a hang-up it has none any more."""
    try:
        os.close(os.open("/dev/tty", os.O_RDWR | os.O_NOCTTY | os.O_CLOEXEC))
    except OSError:
        return False
    return True
