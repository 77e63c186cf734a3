"""What is charged above the quote: nothing more is sent for less than it costs, unless a person agrees to that."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from artui.journal import accounts
from artui.model.job import Job
from artui.model.states import Reason, Status
from artui.sim.server import Simulator
from tests.studio import Studio, open_studio

TWO_AT_ONCE = "pace.uploads = 1\npace.in_flight = 2"


@pytest.fixture
async def slow(simulator: Simulator, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> AsyncIterator[Studio]:
    """A studio that has no more than two photos at the service."""
    async with open_studio(simulator, monkeypatch, tmp_path, more=TWO_AT_ONCE) as opened:
        yield opened


async def dear(studio: Studio, **switches: Any) -> list[Job]:
    """Six photos quoted at 10, one after the other, which are charged 57."""
    studio.simulator.switch({"overcharge": 47, **switches})
    await studio.add(studio.photos(6))
    await studio.start()
    return await studio.at_rest()


async def test_a_charge_above_the_quote_holds_what_is_not_sent(slow: Studio) -> None:
    finished = await dear(slow)
    done = [job for job in finished if job.status is Status.DONE]
    held = [job for job in finished if job.reason == Reason.PRICE]
    assert len(done) + len(held) == 6
    assert 1 <= len(done) <= 2, "one at a time: no more than were under way"
    assert "was charged 57, not 10" in held[0].message
    assert sum(job.charged or 0 for job in finished) == sum(charge["credits"] for charge in slow.simulator.ledger)
    first, *rest = held
    assert not (await slow.ask("retry", first.id, quoted=57, version=first.version)).refused
    await slow.until(lambda: slow.job(first.id).status is Status.DONE)
    made = [one for one in slow.evidence().made_for[first.id] if one.charged is not None]
    assert [(one.reserved, one.charged) for one in made] == [(57, 57)]
    known = slow.journal.read(accounts.cached_workflow, "studio", first.workflow)
    assert known
    assert '"price": 57' in known, "it is shown at what it costs"
    [again] = await slow.add(slow.photos(1), quoted=57)
    await slow.until(lambda: slow.job(again).status is Status.DONE)
    assert all(slow.job(job.id).reason == Reason.PRICE for job in rest), "nobody has agreed for these"
    slow.check()


async def test_a_charge_that_shows_early_holds_the_rest_early(slow: Studio) -> None:
    slow.simulator.switch({"qa": 9000.0, "overcharge": 47})
    [first] = await slow.add(slow.photos(1), workflow="Human check")
    await slow.start()
    await slow.until(lambda: slow.job(first).reason == Reason.IN_QA)
    rest = await slow.add(slow.photos(3), workflow="Human check")
    await slow.until(lambda: all(slow.job(number).reason == Reason.PRICE for number in rest))
    assert slow.job(first).reason == Reason.IN_QA, "its end is far off"
    assert len(slow.simulator.ledger) == 1


async def test_a_retry_is_not_measured_by_one_quote(studio: Studio) -> None:
    studio.simulator.switch({"failures_cost": True})
    [number] = await studio.add(studio.photos(1), workflow="Fails once")
    await studio.start()
    await studio.at_rest()
    await studio.ask("retry", number)
    await studio.until(lambda: studio.job(number).status is Status.DONE)
    assert studio.job(number).charged == 32
    [other] = await studio.add(studio.photos(1), workflow="Fails once")
    await studio.until(lambda: studio.job(other).status is Status.FAILED)
    studio.check()


async def test_a_price_raised_in_flight_passes_a_cap_by_no_more_than_is_under_way(
    simulator: Simulator, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    async with open_studio(simulator, monkeypatch, tmp_path, more=f"{TWO_AT_ONCE}\ncaps.day = 60") as studio:
        recipe = studio.workflows["Background Removal"]
        studio.simulator.switch({"charge": "end"})
        await studio.add(studio.photos(12))
        await studio.start()
        await studio.until(lambda: len(studio.simulator.ledger) >= 1)
        studio.simulator.switch({"raise": {recipe.id: 15}})
        await studio.at_rest()
        taken = sum(charge["credits"] for charge in studio.simulator.ledger)
        assert taken <= 60 + 5 * 2, "two at once, each five dearer"
        assert {job.reason for job in studio.jobs() if job.status is Status.HELD} == {Reason.PRICE}
        studio.check()
