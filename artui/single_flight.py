"""One call for all who need its result at once: whoever comes while it is under way joins it."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine
from functools import partial
from typing import Any, Generic, TypeVar

T = TypeVar("T")


class SingleFlight(Generic[T]):
    """Calls under way, one for each key. They outlive whoever waits for them; each failure reaches all who do."""

    def __init__(self) -> None:
        self._under_way: dict[str, asyncio.Task[T]] = {}

    def begin(self, key: str, call: Callable[[], Coroutine[Any, Any, T]]) -> asyncio.Task[T]:
        """The call of this key that is under way, begun where there is none."""
        flight = self._under_way.get(key)
        if flight is None:
            flight = self._under_way[key] = asyncio.create_task(call())
            flight.add_done_callback(partial(self._landed, key))
        return flight

    def is_under_way(self, key: str) -> bool:
        """Whether a call of this key is under way."""
        return key in self._under_way

    async def join(self, key: str, call: Callable[[], Coroutine[Any, Any, T]]) -> T:
        """What the call of this key gives. Those who wait may be cancelled without an end to it."""
        flight = self.begin(key, call)
        await asyncio.wait([flight])  # to await the flight itself would cancel it with who waits
        return flight.result()

    async def settle(self) -> None:
        """Wait for what is under way."""
        if self._under_way:
            await asyncio.wait(self._under_way.values())

    async def close(self) -> None:
        """Break off what is under way."""
        for flight in self._under_way.values():
            flight.cancel()
        await self.settle()

    def _landed(self, key: str, flight: asyncio.Task[T]) -> None:
        del self._under_way[key]
        if not flight.cancelled():
            flight.exception()  # seen, even where nobody waits any more
