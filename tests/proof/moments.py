"""The moments of a photo's journey, by number, and something to be done at one of them.

They are found by counting, so that a new step is met by itself: while each request gets its connection, before its
first byte leaves, as its answer begins, and before each write of a step.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from typing import Any

import aiohttp

from artui.engine.account_worker import AccountWorker
from artui.journal import Journal
from artui.providers.http.transport import SendGuard, Transport
from artui.steps.paying import Paying

Put = Callable[[Any, str, Any], object]

PAID = "paid_call"
"""The task of a paid call, as `artui.steps.paying` names it."""

IN_A_STEP = (AccountWorker._carry.__name__, PAID, Paying._settle_replay.__name__)
"""The tasks in which a photo is worked on."""

NEVER = 10**9
"""The number of a moment that does not come."""


def chosen(passed: Sequence[str], every: int) -> list[int]:
    """The numbers of all moments in the midst of a paid call, and of each so many'th of the others."""
    for inside in (IN_A_STEP[0], PAID):
        assert any(what.endswith(inside) for what in passed), f"no moment in {inside} was met"
    return [number for number, what in enumerate(passed, 1) if number % every == 0 or what.endswith(PAID)]


class Moments:
    """Counts moments; at number ``at`` it does ``act`` in their midst. ``passed`` are those that were."""

    def __init__(self, at: int, act: Callable[[], Awaitable[object]]) -> None:
        self.passed: list[str] = []
        self._at = at
        self._act = act

    @property
    def met(self) -> bool:
        """Whether the moment came."""
        return len(self.passed) >= self._at

    def watch(self, put: Put = setattr) -> None:
        """Meet every moment of this process from now on."""
        self._before(put, aiohttp.TCPConnector, "connect")
        self._before(put, SendGuard, "leave")
        self._after(put, Transport, "handle_async_request")
        self._before(put, Journal, Journal.write_async.__name__, where=_in_a_step)

    def _before(self, put: Put, owner: Any, name: str, where: Callable[[], bool] = lambda: True) -> None:
        real = getattr(owner, name)

        async def met(*given: Any, **named: Any) -> Any:
            if where():
                await self._pass(f"{name} in {_task()}")
            return await real(*given, **named)

        put(owner, name, met)

    def _after(self, put: Put, owner: Any, name: str) -> None:
        real = getattr(owner, name)

        async def met(*given: Any, **named: Any) -> Any:
            answer = await real(*given, **named)
            await self._pass(f"{name} in {_task()}")
            return answer

        put(owner, name, met)

    async def _pass(self, what: str) -> None:
        if self.met:
            return
        self.passed.append(what)
        if self.met:
            await self._act()


def _task() -> str:
    """What the running task was made of."""
    task = asyncio.current_task()
    return getattr(task.get_coro() if task else None, "__name__", "")


def _in_a_step() -> bool:
    """Whether a photo is being worked on here, rather than all of them looked after."""
    return _task() in IN_A_STEP
