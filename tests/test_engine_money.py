"""What a paid call relies on, and what a person is told of their money: the price and the balance."""

from __future__ import annotations

import asyncio
import time
from pathlib import Path

import pytest

from artui import files, timing
from artui.engine.account_worker import AccountWorker
from artui.journal import Journal, accounts, topups
from artui.model.job import Job
from artui.model.states import Reason, Stage, Status
from artui.steps import prices
from tests.studio import Studio

DEARER = 12


def worker_of(studio: Studio) -> AccountWorker:
    assert studio.engine is not None
    return studio.engine._workers["studio"][0]


def raise_price(studio: Studio) -> None:
    studio.simulator.switch({"price": {studio.workflows["Background Removal"].id: DEARER}})


async def send_one(studio: Studio, **given: object) -> Job:
    [number] = await studio.add(studio.photos(1), **given)
    await studio.at_rest()
    return studio.job(number)


# ------------------------------------------------------------------------------------------------------- the price


async def test_photos_that_go_up_together_ask_the_price_once(studio: Studio) -> None:
    await studio.add(studio.photos(6))
    studio.fault("workflow", "delay:0.3", times=-1)
    await studio.start()
    await studio.at_rest()
    assert len(studio.simulator.ledger) == 6
    assert studio.requests_to(f"/workflow/{studio.jobs()[0].workflow}") == 1


async def test_a_folder_that_is_slow_to_answer_lets_no_price_grow_old(
    studio: Studio, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(prices, "PRICE_AGE", 0.5)
    probe = files.probe_folder

    def slow(folder: Path, permissions: files.Permissions, *, tidy: bool) -> None:
        raise_price(studio)
        time.sleep(1.0)
        probe(folder, permissions, tidy=tidy)

    monkeypatch.setattr(files, "probe_folder", slow)
    await studio.start()
    job = await send_one(studio)
    assert (job.status, job.reason) == (Status.HELD, Reason.PRICE)
    assert not studio.simulator.ledger


async def test_a_price_that_was_old_when_it_came_pays_for_nothing(
    studio: Studio, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(prices, "PRICE_AGE", 0.2)
    studio.fault("workflow", "delay:0.6")
    [number] = await studio.add(studio.photos(1))
    await studio.start()
    await studio.until(lambda: "old before" in studio.job(number).message)
    assert not studio.simulator.ledger
    await studio.at_rest()
    assert studio.job(number).status is Status.DONE


async def test_a_price_from_before_the_lid_was_shut_is_asked_again(
    studio: Studio, monkeypatch: pytest.MonkeyPatch
) -> None:
    await studio.start()
    assert (await send_one(studio)).status is Status.DONE
    awake = timing.boot_time
    monkeypatch.setattr(prices, "boot_time", lambda: awake() + 8 * 3600)
    raise_price(studio)
    job = await send_one(studio)
    assert (job.status, job.reason) == (Status.HELD, Reason.PRICE)


async def test_a_photo_queued_at_the_new_price_is_not_held_for_the_remembered_one(
    studio: Studio, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(prices, "NEWS_AGE", 0.0)
    await studio.start()
    await send_one(studio)
    raise_price(studio)
    now = await worker_of(studio).context.provider.workflow(studio.workflows["Background Removal"].id)
    assert now.price == DEARER
    job = await send_one(studio, quoted=now.price, version=now.version)
    assert job.status is Status.DONE, job.message
    assert job.charged == DEARER


# ----------------------------------------------------------------------------------------------------- the balance


async def test_the_balance_is_read_until_it_shows_what_was_charged(studio: Studio) -> None:
    studio.simulator.switch({"charge": "end"})
    studio.credits(set=500)
    numbers = await studio.add(studio.photos(3))
    await studio.start()
    await studio.until(lambda: all(studio.job(number).status is Status.DONE for number in numbers))
    charged = sum(studio.job(number).charged or 0 for number in numbers)
    assert charged
    await studio.until(lambda: studio.journal.read(accounts.state, "studio").balance == 500 - charged)
    await studio.until(lambda: worker_of(studio).balance.due(sending=False) is None)


async def test_the_balance_shows_what_was_charged_under_an_engine_that_sent_nothing(studio: Studio) -> None:
    studio.simulator.switch({"charge": "end"})
    studio.credits(set=500)
    for route in ("list", "details"):
        studio.fault(route, "status:503", times=-1)
    [number] = await studio.add(studio.photos(1))
    await studio.start()
    await studio.until(lambda: studio.job(number).stage is Stage.SUBMITTED)
    await studio.stop()
    studio.mend()
    await studio.start()
    await studio.until(lambda: studio.job(number).status is Status.DONE)
    left = 500 - (studio.job(number).charged or 0)
    await studio.until(lambda: studio.journal.read(accounts.state, "studio").balance == left)


async def test_a_balance_that_cannot_be_read_is_asked_for_ever_more_seldom(studio: Studio) -> None:
    studio.fault("balance", "status:503", times=-1)
    await studio.start()
    await send_one(studio)
    worker = worker_of(studio)
    due = worker.balance.due(sending=False)
    for _ in range(6):
        await worker.balance.read()
    later = worker.balance.due(sending=False)
    assert due is not None
    assert later is not None
    assert later - worker.context.clock.now() > 30, "1, 2, 4 ... seconds, up to five minutes"
    studio.mend()
    await worker.balance.read()
    await studio.until(lambda: worker.balance.due(sending=False) is None)


async def test_what_waits_for_credits_goes_on_by_no_balance_that_is_not_told(studio: Studio) -> None:
    studio.credits(set=3)
    [number] = await studio.add(studio.photos(1))
    await studio.start()
    await studio.until(lambda: studio.job(number).reason == Reason.CREDITS)
    studio.fault("balance", "status:403", times=-1)
    worker = worker_of(studio)
    for _ in range(2):
        await worker.balance.read()
        assert worker.account_hold.reason == Reason.CREDITS
    known = studio.journal.read(accounts.state, "studio")
    assert (known.balance, known.balance_unknown) == (None, "the service refuses to tell it (403)")
    studio.credits(add=100)
    await studio.ask("resume", account="studio")
    await studio.until(lambda: studio.job(number).status is Status.DONE)


def test_a_balance_told_at_last_is_no_top_up(tmp_path: Path) -> None:
    with Journal(tmp_path / "state" / "journal.db") as journal:

        def reading(balance: int | None, unknown: str = "") -> list[int]:
            journal.write(topups.note_balance, "studio", balance, 1.0, 0, unknown)
            return [rise for (rise,) in journal.read(lambda db: list(db.execute("SELECT rise FROM topups")))]

        assert reading(None, "refused") == []
        assert reading(500) == [], "nobody knows what was there before"
        assert reading(None, "refused") == []
        assert reading(700) == [200]


@pytest.mark.parametrize("left", [4, 25])
async def test_no_order_leaves_before_it_is_known_what_credits_are_left(studio: Studio, left: int) -> None:
    studio.credits(set=left)
    studio.fault("balance", "delay:1")
    await studio.add(studio.photos(6))
    await studio.start()
    await studio.at_rest()
    assert [job.status for job in studio.jobs()].count(Status.DONE) == left // 10
    assert studio.requests_to("/create") == left // 10
    assert {job.reason for job in studio.jobs() if job.status is Status.HELD} == {Reason.CREDITS}
    await studio.stop()
    # Nor by what an earlier engine, or this one a while ago, has read.
    studio.credits(set=15)
    studio.fault("balance", "delay:1")
    await studio.start()
    await studio.until(lambda: studio.requests_to("/create") == left // 10 + 1)
    await studio.at_rest()
    assert studio.requests_to("/create") == left // 10 + 1
    studio.check()


async def test_a_balance_that_is_not_told_holds_no_order_up_for_long(
    studio: Studio, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("artui.engine.balance.PATIENCE", 0.2)
    studio.fault("balance", "delay:30")
    await studio.add(studio.photos(2))
    await studio.start()
    await studio.until(lambda: [job.status for job in studio.jobs()] == [Status.DONE] * 2)
    studio.check()


async def test_whoever_waits_for_a_balance_when_its_account_is_set_anew_is_not_cancelled(studio: Studio) -> None:
    await studio.start()
    await send_one(studio)
    worker, asked = worker_of(studio), studio.requests_to("/balance")
    studio.fault("balance", "delay:30")
    waiting = asyncio.create_task(worker.balance.read())
    await studio.until(lambda: studio.requests_to("/balance") > asked)
    await worker.balance.close()
    assert await waiting is False
