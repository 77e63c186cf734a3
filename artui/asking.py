"""One account's questions to its service: few at once, broken off where the engine ends, and what no answer means."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable
from typing import Any, TypeVar

from artui.failures import HOLD_OF
from artui.holding import Holding
from artui.pace import Gate
from artui.providers.base import Blocked, Rejected, Transient
from artui.steps import Desk

log = logging.getLogger(__name__)
T = TypeVar("T")


class Asking:
    """What an account is asked about beside its photos' own steps. ``gate``: how many questions may run at once."""

    def __init__(self, desk: Desk, holding: Holding) -> None:
        self.desk = desk
        self.gate = Gate(desk.account.pace.calls)
        self._holding = holding
        self._under_way: set[asyncio.Future[Any]] = set()

    async def ask(self, question: Awaitable[T], rest: float | None = None) -> T | None:
        """One question about what was sent; None where the service could not be asked, which is then left in peace for
        ``rest`` seconds at least."""
        clock, name = self.desk.clock, self.desk.account.name
        started = clock.now()
        self.gate.start()
        try:
            answer = await self.until_stopped(question)
            self.gate.succeeded()
        except (Transient, Rejected) as failure:
            log.log(logging.WARNING if isinstance(failure, Rejected) else logging.INFO, "%s: %s", name, failure)
            self.gate.failed(clock.now(), started, getattr(failure, "retry_after", None) or rest)
            return None
        except Blocked as blocked:
            await self.blocked(blocked)
            return None
        finally:
            self.gate.end()
        return answer

    async def blocked(self, blocked: Blocked) -> None:
        """Hold the whole account for what the service said."""
        await self._holding.begin(HOLD_OF[blocked.cause], str(blocked))

    async def until_stopped(self, question: Awaitable[T]) -> T:
        """Await what costs nothing to break off; raises Transient where the engine's end does that."""
        asking = asyncio.ensure_future(question)
        self._under_way.add(asking)
        asking.add_done_callback(self._under_way.discard)
        try:
            return await asking
        except asyncio.CancelledError:
            if (here := asyncio.current_task()) and here.cancelling():
                raise
            raise Transient("the engine ends") from None

    def break_off(self) -> None:
        """Break off every question under way: the engine ends."""
        for question in self._under_way:
            question.cancel()
