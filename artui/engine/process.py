"""The engine as a process: being it until it is told to end."""

from __future__ import annotations

import gc
import os
import signal
import sys
from collections.abc import Awaitable, Callable
from typing import TYPE_CHECKING

import artui
from artui.config import ConfigError, Paths, load, usable
from artui.config.private import NotPrivate, concerns
from artui.config.system import outlive_signals, raise_open_files
from artui.engine.anchor import open_journal
from artui.engine.lock import AnotherEngine, EngineLock
from artui.journal import Journal, JournalProblem, requests

if TYPE_CHECKING:
    from artui.engine.supervisor import Supervisor

LOADING = 50_000
"""New objects between two looks for garbage while the engine is loaded: nearly all of them stay."""

Run = Callable[["Supervisor"], Awaitable[None]]
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
    usual = gc.get_threshold()
    gc.set_threshold(LOADING)
    from artui.engine.supervisor import Supervisor

    gc.freeze()  # what is loaded stays
    gc.set_threshold(*usual)
    engine = Supervisor(paths, journal, generation, lock.still_ours, lambda: load(paths))
    restore = _on_signals(engine.stop, journal)
    try:
        await run(engine)
    finally:
        restore()


def _on_signals(stop: Callable[[], None], journal: Journal) -> Callable[[], None]:
    """The first TERM or INT stops in order, the second leaves at once; USR1 has the log say how all stands, USR2 has it
    say more or less from now on. Returns what undoes this."""
    import asyncio

    from artui.engine.log import log_standing, switch_detail

    loop = asyncio.get_running_loop()
    told = False

    def heard() -> None:
        nonlocal told
        if told:
            os._exit(128 + signal.SIGTERM)  # the journal is right at every instant; nothing is waited for
        told = True
        stop()

    heard_as = {
        signal.SIGTERM: heard,
        signal.SIGINT: heard,
        signal.SIGUSR1: lambda: log_standing(journal),
        signal.SIGUSR2: switch_detail,
    }
    for number, handler in heard_as.items():
        loop.add_signal_handler(number, handler)

    def restore() -> None:
        for number in heard_as:
            loop.remove_signal_handler(number)
        outlive_signals()

    return restore


def main() -> int:
    """The entry of the background process: ``python -m artui.engine.process``."""
    import logging
    import resource

    from artui.config import paths as find_paths
    from artui.engine.log import log_to_file

    paths = find_paths()
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))  # its memory holds keys
    raise_open_files()
    outlive_signals()
    signal.signal(signal.SIGHUP, signal.SIG_IGN)  # a terminal that closes is none of its business
    log = logging.getLogger(__name__)
    try:
        paths.create()
        # At first in its usual form, so that settings which cannot be read are told somewhere.
        log_to_file(paths.log)
        config = usable(paths)
        log_to_file(paths.log, as_json=config.log == "json")
        if config.fault:
            log.error("nothing is sent until the settings can be read again: %s", config.fault)
        for concern in concerns():
            log.warning("%s", concern)
        log.info("engine %d starts", os.getpid())
        run_engine(paths, "background", lambda engine: engine.run(config.idle_minutes * 60))
        log.info("engine %d ends", os.getpid())
    except AnotherEngine as other:  # two were started at once: either will do
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
