"""The engine with services of another kind: sent again by key, not to be searched, addresses, layers, quota, expiry."""

from __future__ import annotations

import asyncio
import hashlib
import io
import json
import time
import zipfile
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from artui import files, timing
from artui.engine import reconcile, supervisor
from artui.journal import accounts, history, jobs, published, purchases, requests
from artui.model.job import Job
from artui.model.states import REPEATS, PurchaseState, Reason, Stage, Status
from artui.providers.base import Blocked, Cause, Limits, Output, Puzzling, Rejected, State, Transient
from artui.steps import fetching, looking, output
from tests.fakes import PICTURE, Bench, Fake, Service, bench, limits

AGAIN = limits(idempotent_submit=True, replay_within=20 * 3600.0, can_find=False)
BLIND = limits(can_find=False, fresh_upload=True)


@pytest.fixture
def make(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[..., Any]:
    return lambda **given: bench(tmp_path, monkeypatch, **given)


async def put(bench: Bench, number: int = 1, **given: Any) -> list[int]:
    """Queue so many photos and start the engine."""
    made = [bench.job(photo, **given) for photo in bench.studio.photos(number)]
    numbers: list[int] = await bench.studio.journal.write_async(jobs.add, None, made)
    await bench.studio.start()
    return numbers


async def done(bench: Bench) -> None:
    """Wait until every job is done."""
    await bench.studio.until(lambda: all(job.status is Status.DONE for job in bench.studio.jobs()))


def bought(bench: Bench, number: int) -> Any:
    [purchase] = bench.studio.journal.read(purchases.of_job, number)
    return purchase


# ------------------------------------------------------------------------------------------------ sent again by key


async def test_a_lost_paid_call_is_sent_again_under_its_own_key_until_it_is_answered(make: Any) -> None:
    calls: list[Any] = ["lost", "never", "lost", Transient("refused", reached=False), "never", "lost"]
    async with make(north=Service(AGAIN, calls=calls)) as bench:
        numbers = await put(bench, 3)
        finished = await bench.studio.at_rest()
        service = bench.services["north"]
        assert [job.status for job in finished] == [Status.DONE] * 3, bench.studio.places()
        assert len(service.charged) == 3
        assert len(set(service.sent)) == 3, "sent again as it was stored"
        assert all(bought(bench, number).state is PurchaseState.KNOWN for number in numbers)
        intents = [event for event in bench.studio.journal.read(history.since, 0) if event.what == "intent"]
        assert len(intents) - 3 <= 1, "only what surely was not sent has a second intent"


@pytest.mark.parametrize(
    ("answer", "word"),
    [
        (Rejected("no such plugin", reason="invalid"), "refuses"),
        ("changed", "has changed"),
        ("gone", "no longer there"),
        ("old", "more than 0 h ago"),
        ("put back", "clock was put back"),
        ("cancelled", "was cancelled"),
    ],
)
async def test_what_cannot_be_sent_again_asks_a_person_and_stays_counted(
    make: Any, monkeypatch: pytest.MonkeyPatch, answer: Any, word: str
) -> None:
    within = limits(idempotent_submit=True, replay_within=0.0) if answer == "old" else AGAIN
    refusals = [answer] if isinstance(answer, Exception) else []
    async with make(settle=0.5, north=Service(within, calls=["lost", *refusals])) as bench:
        [number] = await put(bench)
        await bench.studio.until(lambda: bench.studio.job(number).reason == Reason.LOOKING)
        if answer == "changed":
            bench.studio.job(number).source.write_bytes(b"another")
        elif answer == "gone":
            bench.studio.job(number).source.unlink()
        elif answer == "cancelled":
            await bench.studio.ask("cancel", number)
        elif answer == "put back":
            real = time.time
            monkeypatch.setattr(reconcile.time, "time", lambda: real() - 3600)
        await bench.studio.at_rest()
        job = bench.studio.job(number)
        assert (job.status, job.reason) == (Status.HELD, Reason.IN_DOUBT), bench.studio.places()
        assert word in job.message
        assert len(bench.services["north"].sent) == 1 + len(refusals)
        assert bought(bench, number).state is PurchaseState.INTENDED, "a refusal proves nothing about the first time"
        today = bought(bench, number).day
        assert bench.studio.journal.read(purchases.spent, "north", day=today, month=today[:7]).day == 1


async def test_a_quota_met_while_sending_again_holds_the_account_and_the_doubt_goes_on_after_it(make: Any) -> None:
    blocked = Blocked("no retouches left today", cause=Cause.QUOTA)
    async with make(north=Service(AGAIN, calls=["lost", blocked])) as bench:
        [number] = await put(bench)
        await bench.studio.until(lambda: bench.studio.job(number).reason == Reason.QUOTA)
        assert bought(bench, number).state is PurchaseState.INTENDED
        await bench.studio.ask("resume", account="north")
        await bench.studio.at_rest()
        assert bench.studio.job(number).status is Status.DONE
        assert len(bench.services["north"].charged) == 1
        assert len(bench.services["north"].sent) == 3


async def test_a_doubt_outlives_its_engine_and_a_displaced_one_sends_nothing_again(make: Any) -> None:
    async with make(settle=0.3, north=Service(AGAIN, calls=["lost"])) as bench:
        [number] = await put(bench)
        studio, service = bench.studio, bench.services["north"]
        await studio.until(lambda: studio.job(number).reason == Reason.LOOKING)
        generation = studio.journal.read(requests.engine).generation
        await studio.journal.write_async(lambda db: db.execute("UPDATE engine SET generation = generation + 1"))
        unclear = lambda: [event.what for event in studio.journal.read(history.of_job, number)].count("unclear")  # noqa: E731
        await studio.until(lambda: unclear() > 1)
        assert len(service.sent) == 1
        await studio.journal.write_async(lambda db: db.execute("UPDATE engine SET generation = ?", (generation,)))
        await studio.stop()
        await studio.start()
        await studio.at_rest()
        assert studio.job(number).status is Status.DONE
        assert len(service.charged) == 1


# ------------------------------------------------------------------------- a service without a list and without keys


async def test_a_service_that_cannot_be_searched_asks_a_person_and_never_gets_the_same_upload_twice(make: Any) -> None:
    async with make(north=Service(BLIND, calls=["never", Blocked("no credits", cause=Cause.CREDIT)])) as bench:
        [number] = await put(bench)
        studio, service = bench.studio, bench.services["north"]
        await studio.until(lambda: studio.job(number).status is Status.HELD)
        assert studio.job(number).reason == Reason.IN_DOUBT
        assert "cannot be searched" in studio.job(number).message
        assert len(service.sent) == len(service.uploads) == 1
        await studio.ask("again", number)
        await studio.until(lambda: studio.job(number).status is Status.DONE)
        assert [json.loads(draft)["reference"] for draft, _ in service.sent] == ["upload 1", "upload 2", "upload 3"]
        assert len(service.uploads) == 3, "what the service has seen is not run on again"
        [again] = await studio.journal.write_async(
            jobs.add, None, [bench.job(studio.job(number).source, copy=1, stem="b")]
        )
        await studio.at_rest()
        assert studio.job(again).reference == "upload 4"


async def test_where_nobody_but_a_person_can_tell_they_are_asked_at_once(make: Any) -> None:
    async with make(settle=600.0, north=Service(BLIND, calls=["lost"])) as bench:
        [number] = await put(bench)
        studio = bench.studio
        await studio.until(lambda: studio.job(number).status is Status.HELD, patience=15)
        assert studio.job(number).reason == Reason.IN_DOUBT
        assert studio.job(number).message == "the line broke; this service cannot be searched for it"
        await studio.stop()
        under_way = "UPDATE jobs SET status = 'running', reason = '', message = '' WHERE id = ?"
        await studio.journal.write_async(
            lambda db: db.execute(under_way, (number,))
        )  # as when the engine is killed there
        await studio.start()
        await studio.until(lambda: studio.job(number).status is Status.HELD, patience=15)
        assert studio.job(number).reason == Reason.IN_DOUBT
        told = [event.message for event in studio.journal.read(history.of_job, number)]
        assert not any("looked up" in message or "sent again" in message for message in told), told
        assert len(bench.services["north"].sent) == 1


async def test_what_a_service_cannot_run_again_is_bought_anew_or_not_at_all(make: Any) -> None:
    async with make(north=Service(limits(can_retry=False), state=State.FAILED)) as bench:
        [number] = await put(bench)
        await bench.studio.at_rest()
        refused = await bench.studio.ask("retry", number)
        assert refused.refused
        assert "redo" in refused.message
        assert bench.studio.job(number).status is Status.FAILED
        assert len(bench.services["north"].sent) == 1


async def test_an_address_is_fetched_by_the_service_and_bought_once(make: Any) -> None:
    async with make(north=Service(limits(takes_addresses=True))) as bench:
        address = "https://shop.example/boots/1.jpg?v=2"
        plain = bench.job(bench.studio.photos(1)[0])
        nowhere = {"source": Path("shop.example/1.jpg"), "size": 0, "mtime_ns": 0, "inode": 0, "device": 0}
        made = [
            replace(plain, address=place, stem=f"s{number}", stem_key=f"s{number}", **nowhere)
            for number, place in enumerate([address, address, address + "&x"])
        ]
        await bench.studio.journal.write_async(jobs.add, None, made)
        await bench.studio.start()
        finished = await bench.studio.at_rest()
        assert [job.status for job in finished] == [Status.DONE, Status.SKIPPED, Status.DONE], bench.studio.places()
        assert sorted(bench.services["north"].uploads) == [address, address + "&x"]
        assert len(list(bench.studio.out.iterdir())) == 3


# -------------------------------------------------------------------------------------------------------- results


async def test_every_result_gets_a_name_of_its_own_and_an_ending_by_what_it_is(make: Any) -> None:
    outputs = [
        Output("picture", "../a:b"), Output("picture", "../a?b"), Output("picture", "../a?b"), Output("picture", "A-B"),
        Output("tags", "tags", "application/json"), Output("pdf", "print", "application/pdf"),
        Output("film", "film", "video/mp4; codecs=x"), Output("odd", "odd", "application/x-sh"),
    ]  # fmt: skip
    content = {"tags": b' {"a": 1}', "pdf": b"%PDF-1.7 x", "film": b"\0\0\0 ftypisom film", "odd": b"#!/bin/sh"}
    service = Service(outputs=outputs)
    service.files |= content
    async with make(north=service) as bench:
        [number] = await put(bench)
        await bench.studio.at_rest()
        job = bench.studio.job(number)
        assert job.status is Status.DONE, bench.studio.places()
        saved = {path.name.partition(".")[2]: path.read_bytes() for path in bench.studio.out.iterdir()}
        assert {name: content for name, content in saved.items() if not name.endswith(".jpg")} == {
            "tags.json": content["tags"], "print.pdf": content["pdf"], "film.mp4": content["film"],
            "odd.bin": content["odd"],
        }  # fmt: skip
        assert len(saved) == 8
        assert len({name.casefold() for name in saved}) == 8


async def test_where_one_name_is_taken_all_results_get_another_together(
    make: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    publish = files.publish

    def overtaken(part: Path, target: Path) -> None:
        if target.name == "IMG_0000.tags.json":
            target.write_text("a stranger's")
        publish(part, target)

    monkeypatch.setattr(files, "publish", overtaken)
    outputs = [Output("picture", "a"), Output("tags", "tags", "application/json")]
    service = Service(outputs=outputs)
    service.files["tags"] = b'{"a": 1}'
    async with make(north=service) as bench:
        await put(bench)
        await bench.studio.at_rest()
        assert sorted(path.name for path in bench.studio.out.iterdir()) == [
            "IMG_0000-2.a.jpg", "IMG_0000-2.tags.json", "IMG_0000.tags.json",
        ], bench.studio.places()  # fmt: skip
        assert len(service.downloads) == 2


@pytest.mark.parametrize(
    ("stated", "content", "reason"),
    [
        ("application/json", b'{"a": ', Reason.DAMAGED),
        ("application/zip", b"PK\x03\x04 cut", Reason.DAMAGED),
        ("video/mp4", b" <!DOCTYPE html><p>sorry", Reason.TRY_AGAIN),
        ("image/jpeg", b"who knows", Reason.TRY_AGAIN),
        ("", b'{"error": "sorry"}', Reason.TRY_AGAIN),
    ],
)
async def test_what_is_no_whole_result_is_never_saved(
    make: Any, monkeypatch: pytest.MonkeyPatch, stated: str, content: bytes, reason: Reason
) -> None:
    monkeypatch.setattr(timing, "backoff", lambda failures: 0.2)
    service = Service(outputs=[Output("bad", media_type=stated)])
    service.files["bad"] = content
    async with make(north=service) as bench:
        [number] = await put(bench)
        await bench.studio.until(lambda: bench.studio.job(number).reason == reason and len(service.downloads) >= 3)
        assert list(bench.studio.out.iterdir()) == []
        service.files["bad"] = service.files["picture"]
        service.outputs = [Output("picture")]
        if reason is Reason.DAMAGED:
            return
        await bench.studio.at_rest()
        assert bench.studio.job(number).status is Status.DONE


async def test_a_done_without_results_is_looked_at_again_and_then_asks_a_person(make: Any) -> None:
    async with make(north=Service(outputs=[])) as bench:
        [number] = await put(bench)
        await bench.studio.at_rest()
        assert bench.studio.job(number).reason == Reason.DAMAGED
        bench.services["north"].outputs = [Output("picture")]
        await bench.studio.ask("retry", number)
        await bench.studio.at_rest()
        assert bench.studio.job(number).status is Status.DONE


def zipped(**entries: bytes) -> bytes:
    archive = io.BytesIO()
    with zipfile.ZipFile(archive, "w", zipfile.ZIP_DEFLATED) as file:
        for name, content in entries.items():
            file.writestr(name, content)
    return archive.getvalue()


async def test_layers_are_laid_beside_their_archive_and_never_cost_it(make: Any) -> None:
    layer = b"\x89PNG\r\n\x1a\n layer"
    good = zipped(
        **{"index=1&blendmode=softLight&name=Dodge Burn.png": layer, "index=0&blendmode=normal&name=Heal.png": layer}
    )
    bomb = zipped(**{"index=0&blendmode=normal&name=Heal.png": bytes(100_000_000)})
    service = Service(outputs=[Output("good", "good", unpack=True), Output("bomb", "bomb", unpack=True)])
    service.files |= {"good": good, "bomb": bomb}
    async with make(north=service) as bench:
        photo, twin = bench.studio.photos(2)
        twin.write_bytes(photo.read_bytes())
        made = [bench.job(path, stem=stem) for path, stem in ((photo, "a"), (twin, "b"))]
        await bench.studio.journal.write_async(jobs.add, None, made)
        await bench.studio.start()
        finished = await bench.studio.at_rest()
        assert sorted(job.status for job in finished) == [Status.DONE, Status.SKIPPED], bench.studio.places()
        assert "layers not unpacked: " in finished[0].message
        names = sorted(path.name for path in bench.studio.out.iterdir())
        assert names == sorted(f"{stem}.{rest}" for stem in "ab" for rest in ("good.zip", "good.layers", "bomb.zip"))
        laid = sorted(path.name for path in (bench.studio.out / "b.good.layers").iterdir())
        assert laid == ["00 Heal.png", "01 Dodge Burn.png", "manifest.json"]
        known = bench.studio.journal.read(published.job_of, hashlib.sha256(layer).hexdigest())
        assert known in {1, 2}, "a layer is known for what artui saved"


# ------------------------------------------------------------------------------------------- quota, deadline, expiry


async def test_a_quota_holds_until_the_services_next_day_through_a_restart(make: Any) -> None:
    evening = time.time() - 3 * 86_400
    service = Service(calls=[Blocked("no more today", cause=Cause.QUOTA)], clock=evening, left=7)
    async with make(north=service) as bench:
        [number] = await put(bench)
        studio = bench.studio
        await studio.until(lambda: studio.job(number).reason == Reason.QUOTA)
        until = studio.journal.read(accounts.state, "north").held_until
        assert until == timing.next_day(evening, studio.config.timezone)
        await studio.until(lambda: studio.journal.read(accounts.state, "north").balance == 7)
        await studio.stop()
        service.clock = until - 1
        await studio.start()
        await asyncio.sleep(0.5)
        assert studio.job(number).reason == Reason.QUOTA
        assert len(service.sent) == 1
        service.clock = until
        await done(bench)


async def test_a_quota_ends_when_the_balance_rises_and_what_was_held_for_another_reason_goes_on_too(make: Any) -> None:
    service = Service(calls=[Blocked("no more today", cause=Cause.QUOTA)], clock=1_800_000_000.0, left=7)
    async with make(north=service) as bench:
        [number] = await put(bench)
        studio = bench.studio
        await studio.until(lambda: studio.journal.read(accounts.state, "north").balance == 7)
        await studio.until(lambda: studio.job(number).reason == Reason.QUOTA)
        await studio.ask("pause", account="north")
        assert studio.job(number).reason == Reason.QUOTA
        await studio.ask("resume", account="north")
        await studio.until(lambda: studio.job(number).status is Status.DONE)
        service.calls.append(Blocked("no more today", cause=Cause.QUOTA))
        [second] = await studio.journal.write_async(jobs.add, None, [bench.job(studio.photos(1)[0])])
        await studio.until(lambda: studio.job(second).reason == Reason.QUOTA)
        service.left = 8
        await studio.until(lambda: studio.job(second).status is Status.DONE)


async def test_a_services_deadline_makes_overdue(make: Any) -> None:
    async with make(north=Service(state=State.RUNNING, deadline=0.2)) as bench:
        [number] = await put(bench)
        await bench.studio.until(lambda: bench.studio.job(number).reason == Reason.OVERDUE)
        bench.services["north"].state = State.DONE
        await done(bench)


async def test_what_expires_first_is_fetched_first(make: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    hours = {"run-0": None, "run-1": 9 * 3600.0, "run-2": 7 * 3600.0, "run-3": 8 * 3600.0}
    service = Service(expires_in=lambda execution: hours[execution])
    async with make(north=service) as bench:
        bench.studio.out.write_text("in the way")  # nothing can be fetched yet
        monkeypatch.setattr(output, "check_output", _passes)
        monkeypatch.setattr("artui.steps.paying.check_output", _passes)
        monkeypatch.setattr("artui.engine.failures.OUTPUT_AGAIN", 0.3)
        await put(bench, 4)
        await bench.studio.until(lambda: all(job.reason == Reason.OUTPUT for job in bench.studio.jobs()))
        assert not service.downloads
        await bench.studio.stop()
        bench.studio.out.unlink()
        bench.studio.config.paths.config_file.write_text(
            '[accounts.north]\nprovider = "autoretouch"\npace.downloads = 1\n'
        )
        bench.studio.out.mkdir()
        await bench.studio.start()
        await done(bench)
        runs = {job.execution: job.expires_at or 1e12 for job in bench.studio.jobs()}
        assert service.downloads == sorted(runs, key=lambda run: runs[run])


async def _passes(desk: Any, job: Job) -> None:
    """Every folder counts as writable."""


async def test_a_result_about_to_expire_is_kept_beside_the_journal_until_its_folder_can_be_written(
    make: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    service = Service(expires_in=lambda execution: 5 * 3600.0)
    monkeypatch.setattr("artui.steps.paying.check_output", _passes)
    monkeypatch.setattr(fetching, "OUTPUT_AGAIN", 0.2)
    async with make(north=service) as bench:
        studio = bench.studio
        studio.out.write_text("in the way")
        [number] = await put(bench)
        await studio.until(lambda: studio.job(number).reason == Reason.OUTPUT)
        [kept] = studio.config.paths.spool.iterdir()
        assert kept.stat().st_mode & 0o777 == 0o600
        assert studio.journal.read(requests.has_work), "what is bought and not saved keeps an engine awake"
        service.state, service.files = State.GONE, {}  # the service has thrown it away
        await studio.stop()
        studio.out.unlink()
        studio.out.mkdir()
        await studio.start()
        await done(bench)
        assert len(service.downloads) == 1
        assert [path.read_bytes() for path in studio.out.iterdir()] == [PICTURE]
        assert list(studio.config.paths.spool.iterdir()) == []


async def test_one_hanging_service_slows_no_other(make: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(supervisor, "GRACE", 0.2)
    async with make(north=Service(hangs=True), south=Service(AGAIN)) as bench:
        studio = bench.studio
        photos = studio.photos(20)
        made = [bench.job(photo, "north" if place % 2 else "south") for place, photo in enumerate(photos)]
        await studio.journal.write_async(jobs.add, None, made)
        await studio.start()
        asked = await studio.journal.write_async(requests.enqueue, "refresh", None, account="north")
        await studio.until(lambda: sum(job.status is Status.DONE for job in studio.jobs()) == 10, 5)
        paused = await studio.journal.write_async(requests.enqueue, "pause", None, account="south")
        await studio.until(lambda: studio.journal.read(requests.outcome, paused), 5)
        assert studio.journal.read(requests.outcome, asked) is None
        assert {job.account for job in studio.jobs() if job.status is Status.DONE} == {"south"}
        assert all(job.stage is not Stage.SUBMITTED for job in studio.jobs())


async def test_a_replay_that_finds_no_route_costs_none_of_those_there_are(make: Any) -> None:
    calls = ["never", *["no route"] * 4, "never", "never", "ok"]
    async with make(north=Service(AGAIN, calls=calls)) as bench:
        [number] = await put(bench)
        studio, service = bench.studio, bench.services["north"]
        await studio.until(lambda: studio.job(number).status is Status.HELD)
        assert studio.job(number).reason == Reason.IN_DOUBT
        assert len(service.sent) == 1 + REPEATS
        assert service.calls == ["ok"]


async def test_a_refusal_and_a_lost_answer_count_together(make: Any) -> None:
    turned_away = Transient("too many requests", reached=False, retry_after=0.1)
    async with make(north=Service(AGAIN, calls=[turned_away, "never", "never", "ok"])) as bench:
        [number] = await put(bench)
        studio, service = bench.studio, bench.services["north"]
        await studio.until(lambda: studio.job(number).status is Status.HELD)
        assert studio.job(number).reason == Reason.IN_DOUBT
        assert len(service.sent) == 1 + REPEATS


async def test_no_route_at_all_is_waited_for_without_end(make: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(timing, "backoff", lambda failures: 0.2)
    monkeypatch.setattr("artui.engine.failures.retry_delay", lambda attempts, chance: 0.05)
    async with make(north=Service(BLIND, calls=["no route"] * 6)) as bench:
        [number] = await put(bench)
        studio, service = bench.studio, bench.services["north"]
        await studio.until(lambda: studio.job(number).status is Status.DONE)
        assert len(service.sent) == len(service.uploads) == 1, "an upload that surely was not used is used"


@pytest.mark.parametrize("kind", [AGAIN, BLIND, limits()])
async def test_a_photo_that_is_turned_away_each_time_waits_for_a_person(
    make: Any, monkeypatch: pytest.MonkeyPatch, kind: Limits
) -> None:
    monkeypatch.setattr("artui.engine.failures.retry_delay", lambda attempts, chance: 0.05)
    turned_away = [Transient("too many requests", reached=False) for _ in range(20)]
    async with make(north=Service(kind, calls=[*turned_away])) as bench:
        studio, service = bench.studio, bench.services["north"]
        (photo,) = studio.photos(1)
        both = [bench.job(photo), bench.job(photo, stem="twin")]
        await studio.journal.write_async(jobs.add, None, both)
        await studio.start()
        await studio.until(lambda: {job.status for job in studio.jobs()} == {Status.HELD})
        assert {job.reason for job in studio.jobs()} == {Reason.REJECTED, Reason.TWIN}
        assert len(service.sent) == 1 + REPEATS, "nor is it bought by way of its twin"
        assert len({json.loads(draft)["key"] for draft, _ in service.sent}) == 1


async def test_what_was_just_ordered_may_be_unknown_for_a_while(make: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    async with make(north=Service(BLIND, state=State.GONE)) as bench:
        [number] = await put(bench)
        studio = bench.studio
        await studio.until(lambda: bench.services["north"].looks > 3)
        assert (studio.job(number).status, studio.job(number).reason) == (Status.WAITING, Reason.AT_SERVICE)
        monkeypatch.setattr(looking, "GRACE", 0.0)
        await studio.until(lambda: studio.job(number).reason == Reason.GONE)
        bench.services["north"].state = State.DONE
        await done(bench)


async def test_a_price_that_cannot_be_read_is_asked_again_then_held_with_the_field(
    make: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def workflow(self: Fake, workflow_id: str) -> Any:
        raise Puzzling('Fake: reading a workflow: not what the service documents: `executionPrice` "dear"')

    monkeypatch.setattr("artui.engine.failures.retry_delay", lambda attempts, chance: 0.01)
    async with make(north=Service()) as bench:
        monkeypatch.setattr(Fake, "workflow", workflow)
        [number] = await put(bench)
        studio = bench.studio
        await studio.until(lambda: studio.job(number).status is Status.HELD)
        assert studio.job(number).reason == Reason.PRICE
        assert '`executionPrice` "dear"' in studio.job(number).message
        assert bench.services["north"].sent == []
