"""What artui itself fails on is one job's hold, logged once with what was said; nothing else ends or waits for it."""

from __future__ import annotations

import asyncio
import json
import logging
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from artui.engine import account_worker, reconcile
from artui.engine.account_worker import AccountWorker
from artui.files import Accepts
from artui.journal import jobs, purchases
from artui.model.states import Reason, Status
from artui.providers import defects
from artui.providers.base import ExecutionRef, ExecutionStatus, Look, PurchaseQuery
from tests.fakes import JPEG, Bench, Fake, Service, bench, limits


@pytest.fixture
def make(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[..., Any]:
    return lambda **given: bench(tmp_path, monkeypatch, **given)


async def put(bench: Bench, number: int = 1, **given: Any) -> list[int]:
    """Queue so many photos and start the engine."""
    made = [bench.job(photo, **given) for photo in bench.studio.photos(number)]
    numbers: list[int] = await bench.studio.journal.write_async(jobs.add, None, made)
    await bench.studio.start()
    return numbers


def told(caplog: pytest.LogCaptureFixture) -> list[logging.LogRecord]:
    return [record for record in caplog.records if record.name == defects.__name__]


@pytest.mark.parametrize("charged", [10**30, 2**63, "dear"])
async def test_a_value_that_the_journal_cannot_take_holds_its_job_alone(
    make: Any, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture, charged: Any
) -> None:
    is_odd = True

    async def poll(self: Fake, sent: Sequence[ExecutionRef]) -> dict[str, ExecutionStatus]:
        seen = await plain(self, sent)
        if is_odd and self.deps.account == "north" and "run-0" in seen:
            seen["run-0"] = replace(seen["run-0"], charged=charged, word="odd \ud800")
        return seen

    plain = Fake.poll
    monkeypatch.setattr(Fake, "poll", poll)
    async with make(north=Service(), south=Service()) as bench:
        studio = bench.studio
        [elsewhere] = await studio.journal.write_async(jobs.add, None, [bench.job(studio.photos(1)[0], "south")])
        numbers = await put(bench, 3)
        await studio.until(lambda: sum(job.status is Status.DONE for job in studio.jobs()) == 3)
        assert studio.job(elsewhere).status is Status.DONE
        [held] = [job for job in map(studio.job, numbers) if job.status is not Status.DONE]
        await studio.until(lambda: studio.job(held.id).status is Status.HELD)
        held = studio.job(held.id)
        assert held.reason == Reason.ERROR
        assert "artui could not understand" in held.message
        await asyncio.sleep(0.5)  # looked at again meanwhile
        [record] = told(caplog)
        assert "odd" in record.getMessage()
        is_odd = False
        await studio.until(lambda: studio.job(held.id).status is Status.DONE)
        assert len(bench.services["north"].sent) == 3


async def test_an_answer_that_cannot_be_understood_a_few_times_in_a_row_is_told_and_looked_at_on(
    make: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    odd = True

    async def poll(self: Fake, sent: Sequence[ExecutionRef]) -> dict[str, ExecutionStatus]:
        seen = await plain(self, sent)
        if odd:
            self.puzzles.update(dict.fromkeys(seen, "the answer is not what the service documents"))
            return {}
        return seen

    plain = Fake.poll
    monkeypatch.setattr(Fake, "poll", poll)
    async with make(north=Service()) as bench:
        [number] = await put(bench)
        job = await bench.studio.until(lambda: (job := bench.studio.job(number)).status is Status.HELD and job)
        assert job.reason == Reason.ERROR
        assert "the answer is not what the service documents" in job.message
        odd = False
        await bench.studio.until(lambda: bench.studio.job(number).status is Status.DONE)
        assert len(bench.services["north"].sent) == 1


async def test_a_defect_at_saving_what_is_bought_holds_it_and_it_is_tried_again(
    make: Any, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr("artui.engine.failures.LOOK_AGAIN", 0.3)
    failing = 2

    async def download(self: Fake, *given: Any) -> None:
        nonlocal failing
        failing -= 1
        if failing >= 0:
            raise ZeroDivisionError("a defect")
        await plain(self, *given)

    plain = Fake.download
    monkeypatch.setattr(Fake, "download", download)
    async with make(north=Service()) as bench:
        [number] = await put(bench)
        job = await bench.studio.until(lambda: (job := bench.studio.job(number)).status is Status.HELD and job)
        assert (job.reason, job.due is not None) == (Reason.ERROR, True)
        await bench.studio.until(lambda: bench.studio.job(number).status is Status.DONE)
        assert len(bench.services["north"].sent) == 1
    assert len(told(caplog)) == 1


async def test_a_defect_in_looking_one_order_up_leaves_the_others_their_look_up(
    make: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(reconcile, "LOOK_AGAIN", 0.3)
    is_odd = True

    async def find(self: Fake, sought: Sequence[PurchaseQuery]) -> dict[str, Look]:
        if is_odd and any(one.key == odd for one in sought):
            raise TypeError("can't compare offset-naive and offset-aware datetimes")
        return {one.key: reconcile.Found((seen(one.key),)) for one in sought}

    def seen(key: str) -> ExecutionStatus:
        return ExecutionStatus(service.charged[key], service.state, "done", key=key)

    odd = ""
    service = Service(limits=limits(accepts=Accepts(JPEG), can_find=True), calls=["lost", "lost", "lost"], left=None)
    plain_sent = Fake.submit

    async def submit(self: Fake, draft: str, *given: Any) -> str:
        nonlocal odd
        odd = odd or json.loads(draft)["key"]
        return await plain_sent(self, draft, *given)

    monkeypatch.setattr(Fake, "submit", submit)
    monkeypatch.setattr(Fake, "find", find)
    async with make(north=service) as bench:
        numbers = await put(bench, 3)
        studio = bench.studio
        await studio.until(lambda: sum(job.status is Status.DONE for job in studio.jobs()) == 2)
        job = await studio.until(lambda: next((one for one in studio.jobs() if one.reason == Reason.ERROR), None))
        assert "it may have been paid" in job.message
        assert studio.journal.read(purchases.is_pending, job)
        is_odd = False
        await studio.until(lambda: all(studio.job(one).status is Status.DONE for one in numbers))
        assert len(service.sent) == 3


async def test_a_defect_in_what_concerns_a_whole_account_is_told_once_and_ends_nothing(
    make: Any, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr("artui.engine.service_calls.REST", 0.1)
    asked = 0

    async def balance(self: Fake) -> int | None:
        nonlocal asked
        asked += 1
        raise ZeroDivisionError("a defect")

    async def workflows(self: Fake) -> Any:
        raise RecursionError("too deep")

    monkeypatch.setattr(Fake, "balance", balance)
    monkeypatch.setattr(Fake, "workflows", workflows)
    async with make(north=Service()) as bench:
        [number] = await put(bench)
        await bench.studio.until(lambda: bench.studio.job(number).status is Status.DONE)
        await bench.studio.until(lambda: asked >= 2)
        outcome = await bench.studio.ask("refresh", account="north")
        assert outcome.message
        assert len([one for one in told(caplog) if "balance" in one.getMessage()]) == 1


@pytest.mark.parametrize(
    ("owner", "method"),
    [
        (AccountWorker, "_tend_turn"),
        (AccountWorker, "_save_turn"),
        (AccountWorker, "_look_turn"),
        (AccountWorker, "_doubt_turn"),
    ],
)
async def test_a_turn_that_breaks_is_taken_again_after_a_rest(
    make: Any, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture, owner: type, method: str
) -> None:
    monkeypatch.setattr(account_worker, "REST", 0.2)
    left, plain = 2, getattr(owner, method)

    async def turn(self: Any) -> Any:
        nonlocal left
        left -= 1
        if left >= 0:
            raise TypeError("a defect")
        return await plain(self)

    turn.__name__ = method
    monkeypatch.setattr(owner, method, turn)
    async with make(north=Service()) as bench:
        [number] = await put(bench)
        await bench.studio.until(lambda: bench.studio.job(number).status is Status.DONE and left < 0)
    assert len(told(caplog)) == 1


async def test_a_request_that_breaks_is_refused_and_ends_nothing(make: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    async def refresh(self: AccountWorker) -> None:
        raise KeyError("a defect")

    monkeypatch.setattr(AccountWorker, "refresh", refresh)
    async with make(north=Service()) as bench:
        [number] = await put(bench)
        outcome = await bench.studio.ask("refresh", account="north")
        assert outcome.refused
        assert "artui itself failed" in outcome.message
        await bench.studio.until(lambda: bench.studio.job(number).status is Status.DONE)


def test_what_is_logged_of_an_answer_is_short(caplog: pytest.LogCaptureFixture) -> None:
    met = defects.Defects("north")
    for _ in range(3):
        met.tell("at reading", ValueError("x"), "y" * 100_000)
    [record] = told(caplog)
    assert len(record.getMessage()) < 2_048 + 300
