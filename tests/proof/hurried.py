"""The real engine in a hurry, in a process of its own: its waits are short, and its wall clock is as wrong as a file
says. A zygote forks it."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

from artui import providers, timing
from artui.config import paths
from artui.engine import account_worker, anchor, charges, client, commands, deliveries, failures, process, reconcile
from artui.engine import supervisor as engines
from artui.engine.lock import AnotherEngine
from artui.engine.log import log_to_file
from tests.proof.moments import Moments

TIMES = 50.0
"""How many times shorter the waits after a failure are."""

LOOKS = 2
"""Looks at what no job follows, after which what it costs counts as known."""

REFUSED = 17
"""What a process ends with that found another engine."""


def hurry(put: Callable[[Any, str, Any], object] = setattr) -> None:
    """Have the engines of this process wait for hundredths of a second where a service would be given seconds."""
    backoff, delay, gap = timing.backoff, timing.retry_delay, timing.look_gap
    put(timing, "backoff", lambda failed: backoff(failed) / TIMES)
    put(reconcile, "look_gap", lambda *given: gap(*given) / TIMES)
    put(failures, "retry_delay", lambda attempts, chance: delay(attempts, chance) / TIMES)
    put(deliveries, "REST", 0.02)
    put(engines, "TICK", 0.02)
    put(engines, "GRACE", 0.1)
    put(commands, "ASK_EVERY", 0.02)
    put(account_worker, "TENDING", 0.02)
    put(charges, "LOOKS", LOOKS)
    put(engines, "LOOKS", LOOKS)
    for kind in map(providers.load, providers.names()):
        hurried = replace(kind.capabilities.limits, least_gap=0.02)
        put(kind, "capabilities", replace(kind.capabilities, limits=hurried))


def engine(clock: str) -> int:
    """Be the engine in the background until told to stop."""
    make_haste(clock)
    return process.main()


def successor(clock: str) -> int:
    """Have the engine that runs hand over, and go on in its place."""
    make_haste(clock)
    where = paths()
    log_to_file(where.log)
    try:
        with anchor.open_journal(where) as journal:
            lock = client.take_over(where, journal, lambda said: None)
    except AnotherEngine:
        return REFUSED
    process.run_engine(where, "background", lambda made: made.run(), lock)
    return 0


def make_haste(clock: str) -> None:
    """Have this process not wait for long, and tell the time by a file."""
    real, file = time.time, Path(clock)
    time.time = lambda: real() + float(file.read_text())
    hurry()


def held(clock: str, at: int, told: str) -> int:
    """Be the engine, and stay at a moment of a photo's journey until told to stop and for a while longer.

    The file ``told`` is there once that moment has come; at the end it has a line for each that came.
    """
    stopping = asyncio.Event()

    async def stay() -> None:
        Path(told).touch()  # noqa: ASYNC240 — it stays here anyway
        await stopping.wait()
        await asyncio.sleep(2 * engines.GRACE)

    def stop(self: engines.Supervisor) -> None:
        stopping.set()
        real(self)

    real = engines.Supervisor.stop
    engines.Supervisor.stop = stop  # type: ignore[method-assign]
    (moments := Moments(at, stay)).watch()
    code = engine(clock)
    Path(told).write_text("\n".join(moments.passed))
    return code
