"""The engine as a process: the lock, being it, ending it, and hand-over.

Commands that only look come through here too: what an engine needs to run is imported there.
"""

from __future__ import annotations

import os
import signal
import sys
import time
from collections.abc import Awaitable, Callable
from contextlib import suppress
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import artui
from artui.config import ConfigError, Paths, load, try_lock
from artui.config.private import NotPrivate, concerns, read_private
from artui.engine.anchor import open_journal
from artui.journal import Connection, Journal, JournalProblem, requests
from artui.journal.requests import EngineRow

if TYPE_CHECKING:
    from artui.engine.supervisor import Engine

START_PATIENCE = 20.0
"""Seconds an engine may take to come up, or, once it has the lock, to say in the journal who it is."""

STOP_PATIENCE = 150.0
"""Seconds an engine may take to end: a paid call under way is awaited up to its read time-out."""

LOOKING_TAKES = 0.3
"""Seconds the lock may be held by somebody who only looks."""

STALE_AFTER = 30.0
"""Seconds without a heartbeat after which an engine counts as stopped (suspended, or its disk is stuck)."""

WATCH = "watch"
"""The mode of the engine that watches folders, in the foreground; the other is ``background``."""


class AnotherEngine(Exception):
    """An engine holds the lock already; the text names it."""


# ------------------------------------------------------------------------------------------------- the lock


def _try_lock(paths: Paths) -> int | None:
    try:
        return try_lock(paths.lock)
    except NotPrivate as refusal:
        raise JournalProblem(str(refusal)) from None
    except OSError as problem:
        raise _not_lockable(paths, problem) from problem


def _not_lockable(paths: Paths, problem: OSError) -> JournalProblem:
    return JournalProblem(
        f"{paths.lock} cannot be written ({problem.strerror}), and without it two engines could run. Free some space or"
        " mend that folder, then start again."
    )


class EngineLock:
    """The kernel's lock that makes one engine of this process; it is let go when the process ends, however it ends.

    Raises :class:`AnotherEngine`, JournalProblem, ConfigError.
    """

    def __init__(self, paths: Paths) -> None:
        paths.create()
        descriptor = _try_lock(paths)
        patience = time.monotonic() + LOOKING_TAKES
        while descriptor is None and time.monotonic() < patience:
            time.sleep(0.02)  # somebody may only be looking whether it is held
            descriptor = _try_lock(paths)
        if descriptor is None:
            raise AnotherEngine(_name_holder(paths))
        self._descriptor = descriptor
        self._path = paths.lock
        try:
            os.ftruncate(descriptor, 0)
            os.pwrite(descriptor, f"{os.getpid()} {os.uname().nodename}\n".encode(), 0)
        except OSError as problem:
            self.release()
            raise _not_lockable(paths, problem) from problem

    def still_ours(self) -> bool:
        """Whether the file we hold is still the one others would lock."""
        try:
            here, there = os.fstat(self._descriptor), self._path.stat()
        except OSError:
            return False
        return (here.st_dev, here.st_ino) == (there.st_dev, there.st_ino)

    def release(self) -> None:
        """Let the lock go."""
        os.close(self._descriptor)


def holder(paths: Paths) -> tuple[int | None, str]:
    """The process and host that wrote themselves into the lock file last."""
    try:
        pid, host = read_private(paths.lock).decode().split()
        return int(pid), host
    except (OSError, ValueError):
        return None, "this machine"


def _name_holder(paths: Paths) -> str:
    pid, host = holder(paths)
    return f"an engine is running already (process {pid or '?'} on {host}); `artui stop` ends it in order"


def lock_is_held(paths: Paths) -> bool:
    """Whether any process is the engine now."""
    if not os.path.lexists(paths.lock):
        return False
    descriptor = _try_lock(paths)
    if descriptor is None:
        return True
    os.close(descriptor)
    return False


@dataclass(frozen=True, slots=True)
class Alive:
    """The engine as others see it. ``stale``: it holds the lock but has given no sign of life for a while."""

    row: EngineRow
    stale: bool


def look(paths: Paths, journal: Journal) -> Alive | None:
    """The engine that is running, None where there is none."""
    if not lock_is_held(paths):
        return None
    pid, host = holder(paths)
    row = journal.read(requests.engine)
    if row.pid != pid:
        # It has the lock and has not reached the journal yet: the row is still its predecessor's.
        return Alive(replace(row, pid=pid, host=host, state="starting", heartbeat=None), stale=False)
    return Alive(row, row.heartbeat is not None and time.time() - row.heartbeat > STALE_AFTER)


# ------------------------------------------------------------------------------------------ ending another engine


def end_engine(paths: Paths, journal: Journal) -> EngineRow | None:
    """Have the running engine end in order and wait until it has; returns what it was, None where none ran.

    Raises :class:`AnotherEngine` where it does not end: it is suspended, or a paid call of it is still under way.
    """
    alive = look(paths, journal)
    if alive is None:
        return None
    if alive.stale:
        raise AnotherEngine(
            f"The engine (process {alive.row.pid}) gives no sign of life; `kill -CONT {alive.row.pid}` wakes it."
        )
    number = journal.write(lambda db: requests.leave(db, "stop", pid=alive.row.pid))
    deadline = time.monotonic() + STOP_PATIENCE
    while (now := look(paths, journal)) is not None and now.row.pid == alive.row.pid:
        if time.monotonic() > deadline:
            raise AnotherEngine(f"The engine (process {alive.row.pid}) still ends; a paid call is under way.")
        time.sleep(0.1)
    journal.write(_withdraw, number)
    return alive.row


def end_by_signal(paths: Paths) -> int | None:
    """Have the running engine end in order without the journal, and wait until it has; returns its process, None where
    none ran. Raises :class:`AnotherEngine` where it does not end."""
    pid, _ = holder(paths)
    if pid is None or not lock_is_held(paths):
        return None
    with suppress(ProcessLookupError):
        os.kill(pid, signal.SIGTERM)
    deadline = time.monotonic() + STOP_PATIENCE
    while lock_is_held(paths):
        if time.monotonic() > deadline:
            raise AnotherEngine(f"The engine (process {pid}) still ends; a paid call is under way.")
        time.sleep(0.1)
    return pid


def _withdraw(db: Connection, number: int) -> None:
    """Take a request back that no engine has answered: the next one must not end by it."""
    for request in requests.waiting(db):
        if request.id == number:
            requests.finish(db, request, "the engine had ended by then")


def take_over(paths: Paths, journal: Journal, tell: Callable[[str], object]) -> EngineLock:
    """Take the lock; an engine in the background ends in order first, and its jobs go on here.

    Raises :class:`AnotherEngine` where folders are watched already, or where that engine does not end.
    """
    patience = time.monotonic() + START_PATIENCE
    while True:
        with suppress(AnotherEngine):
            return EngineLock(paths)
        alive = look(paths, journal)
        if alive is None or (alive.row.state == "starting" and time.monotonic() < patience):
            continue  # it has ended by now, or says in a moment who it is
        if alive.row.mode == WATCH:
            raise AnotherEngine(
                f"`artui watch` runs already (process {alive.row.pid} on {alive.row.host}). `artui status` shows it."
            )
        tell(f"The engine in the background (process {alive.row.pid}) hands over.")
        end_engine(paths, journal)


# ---------------------------------------------------------------------------------------------- being the engine


Run = Callable[["Engine"], Awaitable[None]]
"""Has the engine work, with or without something beside it, until it has ended."""


def run_engine(paths: Paths, mode: str, run: Run, lock: EngineLock | None = None) -> None:
    """Be the engine for as long as ``run`` has it work; the ``lock`` is taken where it is not given.

    Raises :class:`AnotherEngine`, JournalProblem, ConfigError, and what ``run`` raises.
    """
    import asyncio

    lock = lock or EngineLock(paths)
    try:
        with open_journal(paths) as journal:
            host = os.uname().nodename
            generation = journal.write(requests.engine_starts, os.getpid(), host, mode, artui.__version__)
            asyncio.run(_serve(paths, journal, generation, lock, run))
    finally:
        lock.release()


async def _serve(paths: Paths, journal: Journal, generation: int, lock: EngineLock, run: Run) -> None:
    from artui.engine.supervisor import Engine

    engine = Engine(paths, journal, generation, lock.still_ours, lambda: load(paths))
    restore = _on_signals(engine.stop)
    try:
        await run(engine)
    finally:
        restore()


def _on_signals(stop: Callable[[], None]) -> Callable[[], None]:
    """The first TERM or INT stops in order, the second leaves at once; returns what undoes this."""
    import asyncio

    loop = asyncio.get_running_loop()
    told = False

    def heard() -> None:
        nonlocal told
        if told:
            os._exit(128 + signal.SIGTERM)  # the journal is right at every instant; nothing is waited for
        told = True
        stop()

    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, heard)

    def restore() -> None:
        for number in (signal.SIGTERM, signal.SIGINT):
            loop.remove_signal_handler(number)

    return restore


def main() -> int:
    """The entry of the background process: ``python -m artui.engine.process``."""
    import logging
    import resource

    from artui.config import paths as find_paths
    from artui.engine.log import log_to_file

    paths = find_paths()
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    signal.signal(signal.SIGHUP, signal.SIG_IGN)
    log = logging.getLogger(__name__)
    try:
        paths.create()
        log_to_file(paths.log)
        config = load(paths)
        for concern in concerns():
            log.warning("%s", concern)
        log.info("engine %d starts", os.getpid())
        run_engine(paths, "background", lambda engine: engine.run(config.idle_minutes * 60))
        log.info("engine %d ends", os.getpid())
    except AnotherEngine as other:
        log.info("%s", other)
    except (JournalProblem, ConfigError, NotPrivate) as problem:
        log.error("%s", problem)  # noqa: TRY400 — the sentence is all there is to say
        return 2
    except BaseException:
        log.exception("engine %d fails", os.getpid())
        raise
    return 0


if __name__ == "__main__":
    sys.exit(main())
