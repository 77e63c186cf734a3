"""Retries at the service: at most one by itself, counted once, and what it costs is on the books whatever gets lost."""

from __future__ import annotations

from pathlib import Path

import pytest

from artui.journal import accounts, jobs, purchases
from artui.model.states import PurchaseState, Reason, Stage, Status
from artui.sim.autoretouch import AutoRetouch
from artui.sim.autoretouch.studio import Studio as Service
from artui.sim.server import Simulator
from tests.studio import Studio, open_studio


async def parked(studio: Studio, number: int = 1) -> list[int]:
    """Photos that the service has parked for want of credits; the engine has read that nothing is left."""
    studio.fault("balance", "status:503", times=-1)  # else they would be held before they are sent
    studio.credits(set=0)
    numbers = await studio.add(studio.photos(number))
    await studio.start()
    await studio.until(lambda: all(studio.job(one).reason == Reason.PAYMENT for one in numbers))
    studio.mend()
    await studio.until(lambda: studio.journal.read(accounts.state, "studio").balance == 0)
    return numbers


async def restart(studio: Studio) -> None:
    await studio.stop()
    await studio.start()


async def some_readings(studio: Studio, number: int = 4) -> None:
    """Wait until the balance was read so many times more."""
    before = studio.requests_to("/balance")
    await studio.until(lambda: studio.requests_to("/balance") >= before + number)


def service(studio: Studio) -> Service:
    """The stand-in's own studio."""
    [found] = [one for one in studio.simulator._services if isinstance(one, AutoRetouch)]
    return found._studio


def sums(studio: Studio) -> dict[str, int]:
    """The sums of the account that caps are held against, whatever period."""
    found: dict[str, int] = {}
    for (_, scope, _), amount in studio.evidence().spending.items():
        found[scope] = found.get(scope, 0) + amount
    return found


def taken(studio: Studio) -> int:
    return sum(charge["credits"] for charge in studio.simulator.ledger)


async def test_what_goes_on_after_a_top_up_counts_once_for_good(studio: Studio) -> None:
    [number] = await parked(studio)
    studio.credits(set=100)
    await studio.until(lambda: studio.job(number).status is Status.DONE)
    assert (studio.job(number).charged, taken(studio)) == (10, 10)
    assert sums(studio) == {"open": 0, "day": 10, "month": 10, "run": 10}
    studio.check()


async def test_while_a_retry_runs_both_reservations_count(studio: Studio) -> None:
    [number] = await parked(studio)
    studio.simulator.switch({"retry_shown_after": 1.5})
    studio.credits(set=100)
    await studio.until(lambda: studio.requests_to("/retry") == 1)
    await studio.until(lambda: studio.job(number).stage is Stage.SUBMITTED)
    assert sums(studio)["open"] == 20
    await studio.until(lambda: studio.job(number).status is Status.DONE)
    assert sums(studio)["open"] == 0
    studio.check()


async def test_a_retry_that_is_charged_and_not_shown_is_not_asked_for_again(studio: Studio) -> None:
    [number] = await parked(studio)
    studio.simulator.switch({"retry_shown_after": 1e9})
    studio.credits(set=100)
    await studio.until(lambda: studio.requests_to("/retry") == 1)
    await some_readings(studio)
    await restart(studio)
    studio.credits(add=500)  # a top-up for something else: what was taken may have cost already
    await some_readings(studio)
    await restart(studio)
    await some_readings(studio)
    assert studio.requests_to("/retry") == 1
    assert taken(studio) == 10
    job = studio.job(number)
    assert (job.status, job.reason) == (Status.HELD, Reason.PAYMENT)
    assert not (await studio.ask("retry", number)).refused, "the next one is a person's"
    await studio.until(lambda: studio.requests_to("/retry") == 2)


async def test_a_retry_that_was_refused_waits_for_another_top_up(studio: Studio) -> None:
    [number] = await parked(studio)
    studio.fault("retry", "status:404", times=1)
    studio.credits(set=100)
    await studio.until(lambda: studio.requests_to("/retry") == 1)
    await some_readings(studio)
    await restart(studio)
    await some_readings(studio)
    studio.credits(add=9)  # less than its price
    await some_readings(studio)
    assert studio.requests_to("/retry") == 1
    studio.credits(add=10)
    await studio.until(lambda: studio.job(number).status is Status.DONE)
    assert (studio.requests_to("/retry"), taken(studio)) == (2, 10)
    assert sums(studio)["day"] == 10
    studio.check()


async def test_nothing_is_resumed_without_a_top_up(studio: Studio) -> None:
    studio.credits(set=100)
    await studio.start()
    await studio.ask("refresh", account="studio")
    await studio.until(lambda: studio.journal.read(accounts.state, "studio").balance == 100)
    studio.fault("balance", "status:503", times=-1)
    studio.credits(set=0)
    [number] = await studio.add(studio.photos(1))
    await studio.until(lambda: studio.job(number).reason == Reason.PAYMENT)
    studio.credits(set=100)  # as it was when it was last read: nobody has paid anything in
    studio.mend()
    await some_readings(studio)
    assert studio.requests_to("/retry") == 0


@pytest.mark.parametrize("charged", [False, True])
async def test_a_lost_retry_that_was_taken_and_failed_again_counts_as_taken(studio: Studio, charged: bool) -> None:
    [number] = await studio.add(studio.photos(1), workflow="Fails once")
    await studio.start()
    await studio.at_rest()
    assert studio.job(number).status is Status.FAILED
    studio.simulator.switch({"retry_fails": True, "failures_cost": charged})
    studio.fault("retry", "drop_after")
    await studio.ask("retry", number)
    await studio.until(lambda: studio.requests_to("/retry") == 1)
    await studio.at_rest()
    made = studio.journal.read(purchases.of_job, number)
    assert [one.state for one in made] == [PurchaseState.KNOWN, PurchaseState.KNOWN]
    assert studio.job(number).status is Status.FAILED
    assert studio.job(number).charged == taken(studio) == 16 * charged
    assert sums(studio)["day"] == taken(studio)
    studio.check()


async def test_a_lost_retry_that_never_came_is_proven_by_the_times(studio: Studio) -> None:
    [number] = await studio.add(studio.photos(1), workflow="Fails once")
    await studio.start()
    await studio.at_rest()
    studio.fault("retry", "drop_before")
    await studio.ask("retry", number)
    await studio.until(lambda: studio.requests_to("/retry") == 1)
    await studio.at_rest()
    assert [one.state for one in studio.journal.read(purchases.of_job, number)][1] is PurchaseState.REFUSED
    studio.check()


@pytest.mark.parametrize("how", ["drop_before", "drop_after"])
async def test_a_lost_retry_of_what_shows_no_times_is_a_persons(studio: Studio, how: str) -> None:
    [number] = await parked(studio)
    studio.simulator.switch({"retry_shown_after": 1e9})
    studio.fault("retry", how)
    studio.credits(set=100)
    await studio.until(lambda: studio.job(number).reason == Reason.IN_DOUBT)
    await restart(studio)
    studio.credits(add=500)
    for _ in range(2):
        await studio.ask("refresh", account="studio")
    assert (studio.requests_to("/retry"), taken(studio)) == (1, 10 * (how == "drop_after"))
    execution = studio.job(number).execution
    if how == "drop_after":
        assert not (await studio.ask("adopt", number, execution=execution)).refused
    else:
        assert not (await studio.ask("again", number)).refused
        await studio.until(lambda: studio.requests_to("/retry") == 2)
    studio.simulator.switch({"retry_shown_after": 0.0})
    await studio.until(lambda: studio.job(number).status is Status.DONE)
    assert taken(studio) == 10


async def test_a_retry_that_went_on_by_itself_is_not_asked_for(studio: Studio) -> None:
    [number] = await parked(studio)
    await studio.stop()
    job = studio.job(number)
    await studio.journal.write_async(jobs.move, job, Stage.SUBMITTING, Status.READY, "retried", new_try=True)
    studio.credits(set=100)
    inside = service(studio)
    inside.begin(inside.executions[job.execution])  # somebody pressed it in the web app meanwhile
    await studio.start()
    await studio.until(lambda: studio.job(number).status is Status.DONE)
    assert (studio.requests_to("/retry"), taken(studio)) == (0, 10)
    studio.check()


async def test_a_retry_under_another_id_closes_both_executions(studio: Studio) -> None:
    [number] = await studio.add(studio.photos(1), workflow="Fails once")
    await studio.start()
    await studio.at_rest()
    old = studio.job(number).execution
    studio.simulator.switch({"retry_new_id": True})
    await studio.ask("retry", number)
    await studio.until(lambda: studio.job(number).status is Status.DONE)
    assert studio.job(number).execution != old
    assert sums(studio) == {"open": 0, "day": 16, "month": 16, "run": 16}
    studio.check()


async def test_a_parked_execution_that_went_on_under_another_id_is_read_once_more(studio: Studio) -> None:
    [number] = await parked(studio)
    studio.simulator.switch({"retry_new_id": True})
    studio.credits(set=100)
    await studio.until(lambda: studio.job(number).status is Status.DONE)
    await studio.until(lambda: sums(studio)["open"] == 0)
    assert sums(studio) == {"open": 0, "day": 10, "month": 10, "run": 10}
    assert studio.job(number).charged == 10
    studio.check()


async def test_what_was_found_at_the_service_is_never_resumed_by_itself(studio: Studio) -> None:
    [number] = await parked(studio)
    await studio.stop()
    await studio.journal.write_async(jobs.change, studio.job(number), "found", found=True)
    studio.credits(set=100)
    await studio.start()
    await some_readings(studio)
    assert studio.requests_to("/retry") == 0


async def test_a_retry_that_no_cap_has_room_for_leaves_the_execution_followed(
    simulator: Simulator, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    async with open_studio(simulator, monkeypatch, tmp_path, more="caps.day = 15") as studio:
        [number] = await parked(studio)
        studio.credits(set=100)
        await some_readings(studio)
        job = studio.job(number)
        assert (job.stage, job.reason) == (Stage.SUBMITTED, Reason.PAYMENT)
        assert studio.requests_to("/retry") == 0


async def test_a_lost_retry_under_another_id_is_found_by_its_label(studio: Studio) -> None:
    [number] = await parked(studio)
    studio.simulator.switch({"retry_new_id": True})
    studio.fault("retry", "drop_after")
    studio.credits(set=100)
    await studio.until(lambda: studio.job(number).status is Status.DONE)
    await studio.until(lambda: sums(studio)["open"] == 0)
    assert (studio.requests_to("/retry"), taken(studio)) == (1, 10)
    assert sums(studio) == {"open": 0, "day": 10, "month": 10, "run": 10}
    studio.check()
