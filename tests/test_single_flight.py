"""One call for all who need its result at once."""

from __future__ import annotations

import asyncio

import pytest

from artui.single_flight import SingleFlight


class Call:
    """A call that ends when it is told to, and counts how often it was made."""

    def __init__(self) -> None:
        self.made = 0
        self.may_end = asyncio.Event()
        self.fails = False

    async def __call__(self) -> int:
        self.made += 1
        number = self.made
        await self.may_end.wait()
        if self.fails:
            raise LookupError("no such price")
        return number


async def test_those_who_come_meanwhile_join_one_call_and_later_ones_make_another() -> None:
    flights, call = SingleFlight[int](), Call()
    together = [asyncio.create_task(flights.join("a", call)) for _ in range(5)]
    other = asyncio.create_task(flights.join("b", call))
    await asyncio.sleep(0)
    call.may_end.set()
    assert await asyncio.gather(*together) == [1] * 5
    assert await other == 2
    assert await flights.join("a", call) == 3


async def test_who_stops_waiting_does_not_end_it_for_the_others() -> None:
    flights, call = SingleFlight[int](), Call()
    first, second = (asyncio.create_task(flights.join("a", call)) for _ in range(2))
    await asyncio.sleep(0)
    first.cancel()
    with pytest.raises(asyncio.CancelledError):
        await first
    call.may_end.set()
    assert await second == 1


async def test_a_failure_reaches_all_who_wait_and_nobody_later() -> None:
    flights, call = SingleFlight[int](), Call()
    call.fails = True
    flights.begin("a", call)  # nobody waits for this one: its failure is not an error of the loop
    waiting = [asyncio.create_task(flights.join("a", call)) for _ in range(2)]
    await asyncio.sleep(0)
    call.may_end.set()
    for one in waiting:
        with pytest.raises(LookupError):
            await one
    call.fails = False
    assert await flights.join("a", call) == 2


async def test_closing_breaks_off_what_is_under_way() -> None:
    flights, call = SingleFlight[int](), Call()
    flight = flights.begin("a", call)
    await asyncio.sleep(0)
    await flights.close()
    assert flight.cancelled()
    await flights.settle()
