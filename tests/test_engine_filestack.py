"""Filestack from end to end: a lost answer is never paid twice by itself, every result lands on disk."""

from __future__ import annotations

import datetime as dt
import json
from collections.abc import AsyncIterator, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from artui.cli.planned import Telling
from artui.config import AccountConfig, Caps
from artui.core.plan import Offer, OrderPlanner, Planner, SourceFile, Target
from artui.core.quote import quote
from artui.files import Accepts, inspect
from artui.journal import accounts, history, requests
from artui.journal import jobs as job_queries
from artui.model.job import Job
from artui.model.states import REPEATS, Reason, Stage, Status
from artui.providers.base import ExecutionRef, ExecutionStatus, Limits, Uploaded
from artui.providers.services.filestack.provider import Filestack
from artui.providers.services.filestack.results import Wanted, outputs_of
from artui.sim import imaging
from artui.sim.server import Simulator
from artui.steps import looking
from tests.studio import Studio, open_studio

ACCOUNT = """
[accounts.studio]
provider = "filestack"
api_key = "{api_key}"
cdn_url = "{cdn_url}"
api_url = "{api_url}"
upload_url = "{upload_url}"
settle = 0.2
first_look = 0.1
qa_look = 0.2

[accounts.studio.workflows.preview]
id = "{workflows[Preview]}"
title = "Preview"

[accounts.studio.workflows.archive]
id = "{workflows[Archive]}"
title = "Archive"
tasks = ["store", "resize"]
all_results = true

[accounts.studio.workflows.shop]
id = "{workflows[Shop set]}"
title = "Shop set"
price = 3
"""


@pytest.fixture
async def studio(simulator: Simulator, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> AsyncIterator[Studio]:
    async with open_studio(simulator, monkeypatch, tmp_path, service="filestack", account=ACCOUNT) as opened:
        yield opened


def results(studio: Studio) -> list[str]:
    return sorted(path.name for path in studio.out.iterdir())


def made_from(job: Job) -> str | None:
    """The digest of the photo that a job's one result was made from."""
    (result,) = job.results
    return imaging.input_digest(Path(result.path or "").read_bytes())


def runs(studio: Studio) -> list[str]:
    return [entry["path"] for entry in studio.simulator.history if "/run_workflow=" in entry["path"]]


async def test_three_of_twenty_lost_answers_wait_for_a_person_and_are_not_sent_again(
    studio: Studio, simulator: Simulator
) -> None:
    simulator.faults.add([{"route": "filestack.run", "do": "drop_after", "after": 5, "times": 3}])
    await studio.add(studio.photos(20), workflow="Preview", provider="filestack")
    await studio.start()
    await studio.at_rest()
    doubtful = [job for job in studio.jobs() if job.status is Status.HELD]
    assert [job.reason for job in doubtful] == [Reason.IN_DOUBT] * 3, studio.places()
    assert len(results(studio)) == 17
    assert len(runs(studio)) == len(set(runs(studio))) == len(simulator.ledger) == 20

    adopted, again, given_up = doubtful
    ours = next(charge["execution"] for charge in simulator.ledger if charge["digest"] == adopted.digest)
    await studio.ask("adopt", adopted.id, execution=ours)
    await studio.ask("again", again.id)
    await studio.ask("give up", given_up.id)
    await studio.at_rest()
    done = [job for job in studio.jobs() if job.status is Status.DONE]
    assert len(done) == 19, studio.places()
    assert studio.job(adopted.id).execution == ours
    assert all(made_from(job) == job.digest for job in done)
    paid = {charge["execution"] for charge in simulator.ledger}
    assert len(simulator.ledger) == len(runs(studio)) == len(set(runs(studio))) == 21, "once more for *again* alone"
    assert {job.execution for job in done} <= paid


async def test_copies_of_what_brought_nothing_have_the_result_once_it_is_bought_anew(
    studio: Studio, simulator: Simulator
) -> None:
    simulator.faults.add([{"route": "filestack.run", "do": "drop_after", "times": 1}])
    (photo,) = studio.photos(1)
    twin, late = (photo.with_name(name) for name in ("twin.jpg", "late.jpg"))
    for copy in (twin, late):
        copy.write_bytes(photo.read_bytes())
    [lost] = await studio.add([photo], workflow="Preview", provider="filestack")
    await studio.start()
    await studio.at_rest()
    await studio.ask("give up", lost)
    [waiting] = await studio.add([twin], workflow="Preview", provider="filestack")
    await studio.until(lambda: studio.job(waiting).place == (Stage.CHECKED, Status.HELD))
    assert studio.job(waiting).reason == Reason.TWIN
    [anew] = await studio.add([photo], workflow="Preview", provider="filestack", copy=1, stem="anew")
    await studio.until(lambda: studio.job(waiting).status is Status.SKIPPED)
    [after] = await studio.add([late], workflow="Preview", provider="filestack")
    await studio.until(lambda: studio.job(after).status is Status.SKIPPED)
    assert {studio.job(one).twin_of for one in (waiting, after)} == {anew}
    assert len(simulator.ledger) == 2, "the lost one, and the one a person wanted"
    assert len(results(studio)) == 3


async def test_an_upload_that_is_named_as_another_photos_is_not_ordered(
    studio: Studio, simulator: Simulator, monkeypatch: pytest.MonkeyPatch
) -> None:
    named: list[Uploaded] = []
    upload = Filestack.upload

    async def misnamed(self: Filestack, *given: Any, **more: Any) -> Uploaded:
        named.append(await upload(self, *given, **more))
        return named[0] if len(named) == 2 else named[-1]

    monkeypatch.setattr(Filestack, "upload", misnamed)
    await studio.add(studio.photos(1), workflow="Preview", provider="filestack")
    await studio.start()
    await studio.at_rest()
    await studio.add(studio.photos(1), workflow="Preview", provider="filestack")
    jobs = await studio.at_rest()
    assert [job.status for job in jobs] == [Status.DONE] * 2, studio.places()
    assert [made_from(job) for job in jobs] == [job.digest for job in jobs]
    assert len(simulator.ledger) == 2
    said = [event.message for event in studio.journal.read(history.of_job, jobs[1].id)]
    assert any("names the upload of another photo, job 1's" in text for text in said)
    studio.check()

    def found_and_fetched(db: Any) -> int | None:
        """Job 1 as `artui recover --fetch` leaves what it has found: with the service's word in the digest's place."""
        db.execute("UPDATE jobs SET run = 'found', digest = lower(reference) WHERE id = 1")
        return job_queries.of_other_photo(db, jobs[1], jobs[0].reference)

    assert await studio.journal.write_async(found_and_fetched) is None


@pytest.mark.parametrize("lie", ["another's result", "another's upload", "its own upload"])
async def test_what_is_another_executions_result_or_an_upload_is_saved_as_nobodys(
    studio: Studio, monkeypatch: pytest.MonkeyPatch, lie: str
) -> None:
    poll = Filestack.poll
    seen: list[ExecutionStatus] = []

    async def mixed_up(self: Filestack, sent: Sequence[ExecutionRef]) -> dict[str, ExecutionStatus]:
        found = await poll(self, sent)
        for execution, look in found.items():
            if look.outputs and not seen:
                seen.append(look)
            elif look.outputs and execution != seen[0].execution:
                upload = seen[0].reference if lie == "another's upload" else studio.jobs()[1].reference
                told = outputs_of({"store": {"url": f"https://cdn.filestackcontent.com/{upload}"}}, Wanted())
                found[execution] = replace(look, outputs=seen[0].outputs if "result" in lie else told.outputs)
        return found

    monkeypatch.setattr(Filestack, "poll", mixed_up)
    monkeypatch.setattr(looking, "PATIENCE", 1)
    await studio.add(studio.photos(1), workflow="Preview", provider="filestack")
    await studio.start()
    await studio.at_rest()
    await studio.add(studio.photos(1), workflow="Preview", provider="filestack")
    first, second = await studio.at_rest()
    assert (first.status, made_from(first)) == (Status.DONE, first.digest), studio.places()
    assert (second.status, second.reason) == (Status.HELD, Reason.DAMAGED), studio.places()
    said = {
        "another's result": f"the result of execution {first.execution}",
        "another's upload": f"the photo of job {first.id}",
        "its own upload": f"the photo of job {second.id}",
    }[lie]
    assert f"the service names {said} as its result" in second.message
    assert len(results(studio)) == 1
    monkeypatch.setattr(Filestack, "poll", poll)
    await studio.ask("retry", second.id)
    (_, second) = await studio.at_rest()
    assert (second.status, made_from(second)) == (Status.DONE, second.digest), studio.places()
    assert len(studio.simulator.ledger) == 2
    studio.check()


async def test_an_upload_that_is_named_as_another_photos_result_is_not_ordered(
    studio: Studio, monkeypatch: pytest.MonkeyPatch
) -> None:
    upload = Filestack.upload
    answered = 0

    async def misnamed(self: Filestack, *given: Any, **more: Any) -> Uploaded:
        nonlocal answered
        answered += 1
        made = json.loads(studio.jobs()[0].results[0].locator)["handle"] if answered == 2 else ""
        return Uploaded(made) if made else await upload(self, *given, **more)

    monkeypatch.setattr(Filestack, "upload", misnamed)
    await studio.add(studio.photos(1), workflow="Archive", provider="filestack")
    await studio.start()
    await studio.at_rest()
    await studio.add(studio.photos(1), workflow="Preview", provider="filestack")
    jobs = await studio.at_rest()
    assert [job.status for job in jobs] == [Status.DONE] * 2, studio.places()
    assert len(studio.simulator.ledger) == 2
    said = [event.message for event in studio.journal.read(history.of_job, jobs[1].id)]
    assert any("names the result of execution" in text for text in said), said
    studio.check()


async def test_what_lies_in_the_apps_storage_is_run_there_and_a_lost_answer_is_for_a_person(
    studio: Studio, simulator: Simulator
) -> None:
    simulator.faults.add([{"route": "filestack.run", "do": "drop_after", "times": 1}])
    (photo,) = studio.photos(1)
    await studio.add([photo], workflow="Preview", provider="filestack", address="src://studio/a/b.jpg")
    await studio.start()
    (lost,) = await studio.at_rest()
    assert (lost.status, lost.reason, lost.reference) == (Status.HELD, Reason.IN_DOUBT, "src://studio/a/b.jpg")
    assert len(simulator.ledger) == len(runs(studio)) == 1
    await studio.ask("again", lost.id)
    (job,) = await studio.at_rest()
    assert job.status is Status.DONE, studio.places()
    assert [path.rpartition("/run_workflow=")[2].partition("/")[2] for path in runs(studio)] == [lost.reference] * 2
    assert [charge["execution"] for charge in simulator.ledger][1:] == [job.execution]


async def test_a_price_set_otherwise_meanwhile_is_no_charge_for_what_was_ordered_before(
    studio: Studio, monkeypatch: pytest.MonkeyPatch
) -> None:
    def dearer(self: Filestack, workflow: str) -> Any:
        found = named(self, workflow)
        return found and found.model_copy(update={"price": 9 if runs(studio) else found.price})

    named = Filestack._named
    monkeypatch.setattr(Filestack, "_named", dearer)
    await studio.add(studio.photos(1), workflow="Shop set", provider="filestack")
    await studio.start()
    (job,) = await studio.at_rest()
    assert (job.status, job.quoted, job.charged) == (Status.DONE, 3, 3), studio.places()


async def test_every_result_of_a_job_lands_on_disk_under_its_task(studio: Studio) -> None:
    await studio.add(studio.photos(1), workflow="Shop set", provider="filestack")
    await studio.start()
    (job,) = await studio.at_rest()
    assert (job.status, job.charged) == (Status.DONE, 3), studio.places()
    names = ["cutout.png", "on_white.jpg", "sfw.json", "tags_1571950225779.json"]
    assert results(studio) == [f"IMG_0000.{name}" for name in names]
    assert job.expires_at is not None


async def test_a_wrong_secret_holds_the_account_and_pays_nothing(
    studio: Studio, simulator: Simulator, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("ARTUI_STUDIO_TOKEN", "not-the-secret-at-all")
    await studio.add(studio.photos(2), workflow="Preview", provider="filestack")
    await studio.start()
    await studio.until(lambda: studio.journal.read(accounts.state, "studio").held == Reason.LOGIN)
    await studio.at_rest()
    assert simulator.ledger == []
    monkeypatch.setenv("ARTUI_STUDIO_TOKEN", simulator.announcement()["filestack"]["secret"])
    await studio.journal.write_async(lambda db: requests.enqueue(db, "refresh", account="studio"))
    await studio.until(lambda: all(job.status is Status.DONE for job in studio.jobs()))
    assert len(simulator.ledger) == 2


def switch(studio: Studio, **options: Any) -> None:
    studio.simulator.switch({f"filestack.{name}": value for name, value in options.items()})


# ----------------------------------------------------------------------------------------------- done needs its result


async def test_results_that_are_listed_late_are_waited_for(studio: Studio) -> None:
    switch(studio, results="null")
    photos = studio.photos(2)
    numbers = await studio.add(photos[:1], workflow="Preview", provider="filestack")
    numbers += await studio.add(photos[1:], workflow="Archive", provider="filestack")
    await studio.start()
    await studio.until(lambda: all(studio.job(number).word == "Finished" for number in numbers))
    switch(studio, results="all")
    jobs = await studio.at_rest()
    assert {job.status for job in jobs} == {Status.DONE}, studio.places()
    assert not [name for name in results(studio) if name.endswith(".json")]
    studio.check()


async def test_finished_without_a_result_is_held_and_saved_when_the_result_comes(studio: Studio) -> None:
    switch(studio, results="null")
    (photo,) = studio.photos(1)
    [number] = await studio.add([photo], workflow="Preview", provider="filestack")
    await studio.start()
    await studio.until(lambda: studio.job(number).status is Status.HELD)
    job = studio.job(number)
    assert (job.stage, job.reason) == (Stage.SUBMITTED, Reason.DAMAGED)
    assert job.execution in job.message
    assert photo.is_file()
    assert results(studio) == []
    await studio.ask("retry", number)
    await studio.until(lambda: studio.job(number).status is Status.HELD)
    assert results(studio) == [], "the status document alone is no result, whoever asks for it"
    switch(studio, results="all")
    await studio.until(lambda: studio.job(number).status is Status.DONE)
    assert [name.rpartition(".")[2] for name in results(studio)] == ["webp"]
    assert len(studio.simulator.ledger) == 1
    studio.check()


async def test_a_task_that_was_ordered_and_never_comes_is_for_a_person_who_may_take_the_rest(studio: Studio) -> None:
    switch(studio, leaves_out="store")
    [number] = await studio.add(studio.photos(1), workflow="Archive", provider="filestack")
    await studio.start()
    await studio.until(lambda: studio.job(number).status is Status.HELD)
    assert studio.job(number).reason == Reason.DAMAGED
    assert "no result of store" in studio.job(number).message
    assert results(studio) == []
    await studio.ask("retry", number)
    await studio.until(lambda: studio.job(number).status is Status.DONE)
    assert results(studio) == ["IMG_0000.resize.webp", "IMG_0000.status.json"]
    assert len(studio.simulator.ledger) == 1
    studio.check()


# ------------------------------------------------------------------------------------------- what is said, and believed


async def test_an_error_without_a_word_in_it_is_none(studio: Studio) -> None:
    switch(studio, answer="null error")
    await studio.add(studio.photos(1), workflow="Preview", provider="filestack")
    await studio.start()
    (job,) = await studio.at_rest()
    assert (job.status, job.reason) == (Status.HELD, Reason.IN_DOUBT), studio.places()
    assert '{"error":null}' in job.message
    assert len(runs(studio)) == len(studio.simulator.ledger) == 1
    studio.check()


async def test_a_rate_limit_after_the_run_is_not_believed_without_end(studio: Studio) -> None:
    switch(studio, answer="turned away")
    [number] = await studio.add(studio.photos(1), workflow="Preview", provider="filestack")
    await studio.start()
    await studio.until(lambda: studio.job(number).status is Status.HELD)
    assert studio.job(number).reason == Reason.REJECTED, studio.places()
    assert len(studio.simulator.ledger) == 1 + REPEATS
    assert len({path.rpartition("/")[2] for path in runs(studio)}) == 1 + REPEATS, "each run has a handle of its own"
    await studio.stop()
    await studio.start()
    switch(studio, answer="own")
    await studio.ask("retry", number, agreed=True)
    await studio.until(lambda: studio.job(number).status is Status.DONE)
    assert len(studio.simulator.ledger) == 2 + REPEATS


async def test_a_rate_limit_before_the_run_costs_nothing_but_time(studio: Studio) -> None:
    switch(studio, busy=0.5)
    await studio.add(studio.photos(2), workflow="Preview", provider="filestack")
    await studio.start()
    assert {job.status for job in await studio.at_rest()} == {Status.DONE}, studio.places()
    assert len(studio.simulator.ledger) == 2
    studio.check()


@pytest.mark.parametrize("status", [400, 404, 410, 422])
async def test_a_wrong_id_leaves_the_doubt_as_it_was(
    studio: Studio, simulator: Simulator, status: int, *, long: bool
) -> None:
    if not long and status in (410, 422):
        pytest.skip("runs with --long: 404 and 400 are one of each kind")
    switch(studio, unknown_job=status)
    simulator.faults.add([{"route": "filestack.run", "do": "drop_after", "times": 2}])
    first, second = await studio.add(studio.photos(2), workflow="Preview", provider="filestack")
    await studio.start()
    await studio.at_rest()
    before = studio.job(first)
    assert before.reason == Reason.IN_DOUBT
    of_photo = {charge["digest"]: charge["execution"] for charge in simulator.ledger}
    ours, theirs = of_photo[before.digest], of_photo[studio.job(second).digest]
    for sources in ("list", "text", "address", "none"):
        switch(studio, sources=sources)
        for wrong in ("no-such-job", theirs):
            refusal = await studio.ask("adopt", first, execution=wrong)
            assert refusal.refused, (sources, wrong)
            assert studio.job(first) == before
    assert (await studio.ask("adopt", first, execution=ours)).refused, "whose job it is, is not said"
    switch(studio, sources="address")
    assert not (await studio.ask("adopt", first, execution=ours)).refused
    await studio.until(lambda: studio.job(first).status is Status.DONE)
    assert made_from(studio.job(first)) == before.digest
    refusal = await studio.ask("adopt", second, execution=ours)
    assert refusal.refused
    assert len(simulator.ledger) == 2


@pytest.mark.parametrize("sources", ["text", "address", "none"])
async def test_what_a_job_was_made_from_may_be_told_in_any_form(studio: Studio, sources: str) -> None:
    switch(studio, sources=sources)
    await studio.add(studio.photos(2), workflow="Preview", provider="filestack")
    await studio.start()
    jobs = await studio.at_rest()
    assert {job.status for job in jobs} == {Status.DONE}, studio.places()
    assert all(made_from(job) == job.digest for job in jobs)
    studio.check()


async def test_what_is_bought_is_fetched_while_runs_are_refused_for_the_key(
    studio: Studio, simulator: Simulator
) -> None:
    switch(studio, unknown_status="Started", results_after=0.0)
    bought = await studio.add(studio.photos(2), workflow="Preview", provider="filestack")
    simulator.faults.add([{"route": "filestack.status", "do": "status:503", "times": 1}])
    switch(studio, results_after=1.0)
    await studio.start()
    await studio.until(lambda: all(studio.job(number).stage is Stage.SUBMITTED for number in bought))
    refused = ("run", "start")
    simulator.faults.add([{"route": f"filestack.{route}", "do": "status:401", "times": -1} for route in refused])
    [late] = await studio.add(studio.photos(1), workflow="Preview", provider="filestack")
    await studio.until(lambda: studio.journal.read(accounts.state, "studio").held == Reason.LOGIN)
    await studio.until(lambda: all(studio.job(number).status is Status.DONE for number in bought))
    await studio.until(lambda: studio.journal.read(accounts.state, "studio").held == Reason.LOGIN)
    assert not studio.job(late).execution
    assert len(simulator.ledger) == 2
    studio.check()


@pytest.mark.parametrize("how", ["in doubt", "in flight", "given up", "done"])
async def test_to_buy_anew_what_is_not_over_says_that_the_first_may_be_charged_too(
    studio: Studio, simulator: Simulator, how: str
) -> None:
    if how != "done":
        do = "drop_after" if how != "in flight" else "delay:0"
        simulator.faults.add([{"route": "filestack.run", "do": do, "times": 1}])
    if how == "in flight":
        switch(studio, results="null")
    (photo,) = studio.photos(1)
    [number] = await studio.add([photo], workflow="Preview", provider="filestack")
    await studio.start()
    await (studio.until(lambda: studio.job(number).execution) if how == "in flight" else studio.at_rest())
    if how == "given up":
        await studio.ask("give up", number)
    offer = Offer(
        "studio", "filestack", studio.identity, studio.workflows["Preview"],
        Limits(Accepts(frozenset({"image/jpeg"})), 1), None, {},
    )  # fmt: skip
    planner = Planner(studio.journal, offer, Target.of(str(studio.out), "{stem}"), "redo", dt.date(2031, 1, 2))
    seen = inspect(photo, offer.limits.accepts, hashed=True)
    order = OrderPlanner([planner], lambda _: [offer]).plan(
        [(SourceFile(photo, photo.parent, is_named=True), seen)], again=True
    )
    cost = studio.journal.read(quote, "studio", Caps(), None, (), dt.UTC)
    telling = Telling(order, cost, AccountConfig("studio", "filestack", "studio"))
    [(_, planned)] = order.photos
    assert planned.may_cost is (how != "done")
    assert ("charged too" in planned.note) is (how != "done")
    assert ("may be charged too" in telling.question()) is (how != "done")
