"""One account's questions to its service: few at once, broken off where the engine ends, and what no answer means."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable
from typing import Any, TypeVar

from artui.engine.account_hold import AccountHold
from artui.engine.failures import HOLD_OF
from artui.engine.outage import Outage
from artui.journal import Unwritable
from artui.providers.base import Blocked, Rejected, Transient
from artui.providers.defects import REST
from artui.steps import StepContext
from artui.timing import AdaptiveLimiter

log = logging.getLogger(__name__)
T = TypeVar("T")


class ServiceCalls:
    """What an account is asked about beside its photos' own steps."""

    def __init__(self, context: StepContext, account_hold: AccountHold, outage: Outage) -> None:
        self.context = context
        self._account_hold = account_hold
        self._outage = outage
        self._under_way: set[asyncio.Future[Any]] = set()

    async def call(
        self, question: Awaitable[T], gate: AdaptiveLimiter, doing: str, *, rest: float | None = None
    ) -> T | None:
        """One question, ``doing`` something; None where the service could not be asked, or not be understood.

        Then ``gate`` leaves it in peace for as long as it wants, ``rest`` seconds at least, or the account is held.
        """
        clock, name = self.context.clock, self.context.account.name
        started = clock.now()
        gate.start()
        try:
            with self._outage.waiting():
                answer = await self.until_stopped(question)
            gate.succeeded()
            await self._outage.answered()
        except (Transient, Rejected) as failure:
            # A refusal is an answer.
            await (self._outage.failed(failure) if isinstance(failure, Transient) else self._outage.answered())
            log.log(logging.WARNING if isinstance(failure, Rejected) else logging.INFO, "%s: %s", name, failure)
            gate.failed(clock.now(), started, getattr(failure, "retry_after", None) or rest)
            return None
        except Blocked as blocked:
            await self._outage.answered()
            await self._account_hold.begin(HOLD_OF[blocked.cause], str(blocked))
            return None
        except Unwritable:
            raise
        except Exception as defect:  # noqa: BLE001 — what one answer breaks ends nothing
            self.context.defects.tell(f"{doing}", defect)
            gate.failed(clock.now(), started, REST)
            return None
        finally:
            gate.end()
        return answer

    async def until_stopped(self, question: Awaitable[T]) -> T:
        """Await what costs nothing to break off; raises Transient where the engine's end does that."""
        service_calls = asyncio.ensure_future(question)
        self._under_way.add(service_calls)
        service_calls.add_done_callback(self._under_way.discard)
        try:
            return await service_calls
        except asyncio.CancelledError:
            # It is we who are cancelled, not only the question.
            if (here := asyncio.current_task()) and here.cancelling():
                raise
            raise Transient("the engine ends") from None

    def break_off(self) -> None:
        """Break off every question under way: the engine ends."""
        for question in self._under_way:
            question.cancel()
