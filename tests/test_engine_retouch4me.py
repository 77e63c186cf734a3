"""Retouch4me from end to end: paid once whatever breaks, layers laid out, the day's quota waited for."""

from __future__ import annotations

import json
import zipfile
from collections.abc import AsyncIterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from artui.cli.exits import Exit, of_jobs
from artui.engine import account_worker
from artui.engine import poller as looking
from artui.engine.account_worker import UPLOADS, AccountWorker
from artui.journal import accounts, purchases, requests
from artui.journal.following import Scope
from artui.model.job import Purchase
from artui.model.states import REPEATS, Reason, Stage, Status
from artui.providers.base import Permit
from artui.providers.services.retouch4me.provider import Retouch4me
from artui.sim import imaging
from artui.sim.photos import noise_jpeg
from artui.sim.retouch4me.laboratory import Laboratory
from artui.sim.server import Simulator
from artui.steps.paying import Paying
from tests.studio import Studio, open_studio

ACCOUNT = """
[accounts.studio]
provider = "retouch4me"
api_url = "{api_url}"
balance_url = "{balance_url}"
settle = 0.2
first_look = 0.1
pace.in_flight = 20

[accounts.studio.workflows.natural]
title = "Natural"
[[accounts.studio.workflows.natural.tasks]]
plugin = "Heal"
alpha1 = 0.7

[accounts.studio.workflows.layered]
title = "Layered"
layers = "unpack"
[[accounts.studio.workflows.layered.tasks]]
plugin = "Heal"
alpha1 = 1
layer = 1
[[accounts.studio.workflows.layered.tasks]]
plugin = "Dodge Burn"
alpha1 = 1
layer = 1
"""


@pytest.fixture
async def studio(simulator: Simulator, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> AsyncIterator[Studio]:
    async with open_studio(simulator, monkeypatch, tmp_path, service="retouch4me", account=ACCOUNT) as opened:
        yield opened


async def add(studio: Studio, photos: list[Path], workflow: str = "Natural") -> list[int]:
    recipe = studio.workflows[workflow].parameters
    return await studio.add(photos, workflow=workflow, provider="retouch4me", parameters=recipe)


def switch(studio: Studio, **options: Any) -> None:
    studio.simulator.switch({f"retouch4me.{name}": value for name, value in options.items()})


def starts(studio: Studio) -> list[dict[str, Any]]:
    return [entry for entry in studio.simulator.history if entry["path"].endswith("/retoucher/start")]


def check_results(studio: Studio, number: int) -> None:
    """Every photo is paid once, and has the result that was made of it."""
    studio.check()
    done = [job for job in studio.jobs() if job.status is Status.DONE]
    assert len(done) == len(studio.simulator.ledger) == number
    for job in done:
        (result,) = job.results
        assert imaging.input_digest(Path(result.path or "").read_bytes()) == job.digest


async def test_twenty_photos_with_ten_answers_lost_are_paid_and_saved_once_each(
    studio: Studio, simulator: Simulator
) -> None:
    simulator.faults.add([{"route": "retouch4me.start", "do": "drop_after", "after": 3, "times": 10}])
    await add(studio, studio.photos(20))
    await studio.start()
    jobs = await studio.at_rest()
    assert {job.status for job in jobs} == {Status.DONE}, studio.places()
    check_results(studio, 20)
    assert len(starts(studio)) == 30
    sent = [entry["form"] for entry in starts(studio)]
    by_key = {form["Idempotency-Key"]: form for form in sent}
    assert len(by_key) == 20
    assert all(form == by_key[form["Idempotency-Key"]] for form in sent)


async def test_an_order_has_a_slot_of_the_line_for_it_carries_the_photo(studio: Studio, simulator: Simulator) -> None:
    simulator.faults.add([{"route": "retouch4me.start", "do": "delay:1", "times": -1}])
    await add(studio, studio.photos(UPLOADS + 2))
    await studio.start()
    await studio.at_rest()
    times = [one["time"] for one in starts(studio)]
    assert len(times) == len(simulator.ledger) == UPLOADS + 2
    assert times[UPLOADS] - times[0] >= 0.9


async def test_a_result_smaller_than_its_photo_is_kept_and_told(studio: Studio) -> None:
    switch(studio, shrinks=True)
    await add(studio, studio.photos(1))
    await add(studio, studio.photos(1), "Layered")
    await studio.start()
    small, layered = await studio.at_rest()
    check_results(studio, 2)
    assert small.message == "IMG_0000.jpg, which has fewer pixels than the photo: 48 x 36 instead of 96 x 72"
    assert "fewer pixels" not in layered.message
    switch(studio, shrinks=False)
    (photo,) = studio.photos(1)
    await add(studio, [photo])
    await studio.at_rest()
    assert studio.jobs()[-1].message == "IMG_0002.jpg"


async def test_layers_are_kept_whole_and_laid_out_beside(studio: Studio) -> None:
    await add(studio, studio.photos(1), "Layered")
    await studio.start()
    (job,) = await studio.at_rest()
    assert job.status is Status.DONE, studio.places()
    check_results(studio, 1)
    assert sorted(path.name for path in studio.out.rglob("*.png")) == ["00 Heal.png", "01 Dodge Burn.png"]
    assert [path.suffix for path in studio.out.glob("*.zip")] == [".zip"]


async def test_the_days_quota_holds_the_account_and_what_was_bought_is_saved(studio: Studio) -> None:
    switch(studio, quota=2)
    await add(studio, studio.photos(4))
    await studio.start()
    jobs = await studio.at_rest()
    assert sorted(str(job.status) for job in jobs) == ["done", "done", "held", "held"], studio.places()
    assert {job.reason for job in jobs if job.status is Status.HELD} == {Reason.QUOTA}
    check_results(studio, 2)
    state = studio.journal.read(accounts.state, "studio")
    assert state.held == Reason.QUOTA
    switch(studio, quota=100)
    await studio.ask("resume", account="studio")
    await studio.at_rest()
    check_results(studio, 4)


async def test_a_recipe_changed_meanwhile_counts_for_later_jobs_only(studio: Studio) -> None:
    await add(studio, studio.photos(1))
    text = studio.config.paths.config_file.read_text()
    studio.config.paths.config_file.write_text(text.replace("alpha1 = 0.7", "alpha1 = 0.2"))
    await studio.start()
    (job,) = await studio.at_rest()
    assert job.status is Status.DONE, studio.places()
    (start,) = starts(studio)
    assert json.loads(start["form"]["payload"])["tasks"][0]["Alpha1"] == 0.7


async def test_a_token_that_is_no_longer_good_holds_the_account_and_pays_nothing(
    studio: Studio, simulator: Simulator
) -> None:
    simulator.faults.add([{"route": "retouch4me.*", "do": "status:401", "times": -1}])
    await add(studio, studio.photos(2))
    await studio.start()
    await studio.until(lambda: studio.journal.read(accounts.state, "studio").held == Reason.LOGIN)
    await studio.at_rest()
    assert simulator.ledger == []
    simulator.faults.clear()
    await studio.journal.write_async(lambda db: requests.enqueue(db, "refresh", account="studio"))
    await studio.until(lambda: all(job.status is Status.DONE for job in studio.jobs()))
    check_results(studio, 2)


async def test_a_key_that_changes_between_the_intent_and_the_first_byte_sends_nothing(
    studio: Studio, simulator: Simulator, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What goes out is what was compared: the permit is told the payer of the very token in the request."""
    given = simulator.announcement()["retouch4me"]
    made = Paying._may_send

    def permit(self: Paying, purchase: Purchase, decided: float) -> Permit:
        monkeypatch.setenv("ARTUI_STUDIO_TOKEN", given["strangers_token"])
        return made(self, purchase, decided)

    monkeypatch.setattr(Paying, "_may_send", permit)
    await add(studio, studio.photos(1))
    await studio.start()
    await studio.until(lambda: studio.job(1).reason == Reason.ACCOUNT)
    assert studio.job(1).purchase == 1
    assert starts(studio) == []
    assert simulator.ledger == []
    monkeypatch.setattr(Paying, "_may_send", made)
    monkeypatch.setenv("ARTUI_STUDIO_TOKEN", given["token"])
    await studio.until(lambda: studio.job(1).status is Status.DONE)
    check_results(studio, 1)


async def test_a_key_that_changes_while_the_engine_waits_is_noticed_before_the_intent(
    studio: Studio, simulator: Simulator, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Without the look that holds strangers once a second: each paid call looks for itself."""
    given = simulator.announcement()["retouch4me"]

    async def nobody(lane: AccountWorker) -> None:
        del lane

    monkeypatch.setattr(AccountWorker, "sort_strangers", nobody)
    monkeypatch.setenv("ARTUI_STUDIO_TOKEN", given["strangers_token"])
    await add(studio, studio.photos(2))
    await studio.start()
    jobs = await studio.at_rest()
    assert {job.reason for job in jobs} == {Reason.ACCOUNT}
    assert not any(job.purchase for job in jobs)
    assert simulator.ledger == []


# ------------------------------------------------------------------------------ answers nobody understands, or too late


@pytest.mark.parametrize("keeps_keys", [True, False])
@pytest.mark.parametrize(
    ("answer", "shown"),
    [
        ("error", 'status 200): {"status":"error"}'), ("created", "status 201"), ("conflict", "in progress"),
        ("page", "413 Request Entity Too Large"), ("shape 400", "invalid"), ("shape 403", "Forbidden resource"),
    ],
)  # fmt: skip
async def test_an_answer_that_nobody_understands_is_for_a_person_at_once(
    studio: Studio, answer: str, shown: str, keeps_keys: bool
) -> None:
    switch(studio, answer=answer, keeps_keys=keeps_keys)
    await add(studio, studio.photos(1))
    await studio.start()
    (job,) = await studio.at_rest()
    assert (job.status, job.reason) == (Status.HELD, Reason.IN_DOUBT), studio.places()
    assert shown in job.message
    assert len(starts(studio)) == len(studio.simulator.ledger) == 1
    studio.check()


async def test_an_id_may_be_a_number(studio: Studio) -> None:
    switch(studio, answer="number")
    await add(studio, studio.photos(2))
    await studio.start()
    await studio.at_rest()
    check_results(studio, 2)


@pytest.mark.parametrize("do", ["act:503", "act:429:1", "drop_after"])
async def test_what_is_charged_and_never_answered_is_sent_thrice_at_the_most(
    studio: Studio, simulator: Simulator, do: str
) -> None:
    switch(studio, keeps_keys=False)
    simulator.faults.add([{"route": "retouch4me.start", "do": do, "times": -1}])
    await add(studio, studio.photos(1))
    await studio.start()
    (job,) = await studio.at_rest()
    assert (job.status, job.reason) == (Status.HELD, Reason.IN_DOUBT), studio.places()
    assert "sent 3 times" in job.message
    assert len(starts(studio)) == len(simulator.ledger) == 1 + REPEATS
    gaps = [later["time"] - earlier["time"] for earlier, later in zip(starts(studio), starts(studio)[1:], strict=False)]
    assert min(gaps) >= (1 if do == "act:429:1" else 0.2)


async def test_how_often_it_was_sent_again_is_known_after_a_restart(studio: Studio, simulator: Simulator) -> None:
    switch(studio, keeps_keys=False)
    simulator.faults.add([{"route": "retouch4me.start", "do": "drop_after", "times": -1}])
    [number] = await add(studio, studio.photos(1))
    for sendings in (1, 2):
        await studio.start()
        await studio.until(lambda sendings=sendings: len(starts(studio)) >= sendings)
        await studio.stop()
    await studio.start()
    await studio.until(lambda: studio.job(number).reason == Reason.IN_DOUBT)
    assert len(starts(studio)) == len(simulator.ledger) == 1 + REPEATS


async def test_a_service_that_charges_and_says_no_is_not_believed_without_end(
    studio: Studio, simulator: Simulator
) -> None:
    """The balance answers, so that each hold for a sign-in ends by itself."""
    switch(studio, keeps_keys=False)
    simulator.faults.add([{"route": "retouch4me.start", "do": "act:401", "times": -1}])
    [number] = await add(studio, studio.photos(1))
    await studio.start()
    await studio.until(lambda: studio.job(number).reason == Reason.REJECTED)
    assert len(simulator.ledger) == 1 + REPEATS
    assert "without your yes" in studio.job(number).message
    seen = studio.job(number)
    answer = await studio.ask("retry", number)
    assert answer.refused, "only with a yes to paying it twice"
    assert studio.job(number) == seen
    await studio.ask("retry", number, agreed=True)
    await studio.until(lambda: len(simulator.ledger) == 2 + REPEATS)
    await studio.until(lambda: studio.job(number).reason == Reason.REJECTED)
    assert len(simulator.ledger) == 2 + REPEATS, "one yes is one sending"


async def test_places_that_a_person_must_free_are_told_and_hold_the_rest_until_they_are(
    simulator: Simulator, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr(looking, "PUZZLED", 1)
    monkeypatch.setattr(account_worker, "IDLE_TICK", 0.2)
    quick = replace(Retouch4me.capabilities.limits, least_gap=0.1)
    monkeypatch.setattr(Retouch4me, "capabilities", replace(Retouch4me.capabilities, limits=quick))
    document = Laboratory.document
    monkeypatch.setattr(Laboratory, "document", lambda *_: {"status": 200, "state": None})
    two_places = ACCOUNT.replace("in_flight = 20", "in_flight = 2").replace("first_look", "qa_look = 0.2\nfirst_look")
    async with open_studio(simulator, monkeypatch, tmp_path, service="retouch4me", account=two_places) as studio:
        await add(studio, studio.photos(4))
        await studio.start()
        found = await studio.at_rest()
        assert [job.reason for job in found] == [Reason.ERROR] * 2 + [Reason.PLACES] * 2, studio.places()
        assert "all 2 places at the service are taken by executions that need you" in found[-1].message
        assert studio.journal.read(accounts.state, "studio").held == Reason.PLACES
        assert len(simulator.ledger) == 2
        assert of_jobs(studio.journal.read(Scope().counts)) == Exit.PERSON
        assert not studio.journal.read(Scope().moving), "`watch --once` ends"
        [late] = await add(studio, studio.photos(1))
        await studio.until(lambda: studio.job(late).reason == Reason.PLACES)
        monkeypatch.setattr(Laboratory, "document", document)
        await studio.until(lambda: all(job.status is Status.DONE for job in studio.jobs()))
        check_results(studio, 5)


async def test_places_that_are_kept_by_what_does_not_end_are_told_where_others_need_a_person(
    simulator: Simulator, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr(looking, "PUZZLED", 1)
    monkeypatch.setattr(looking, "SLOW_AFTER", 0.5)
    monkeypatch.setattr(account_worker, "IDLE_TICK", 0.2)
    document, states = Laboratory.document, [{"status": 200, "state": "zzz"}, {"status": 200}]
    monkeypatch.setattr(Laboratory, "document", lambda _, job: states[job.id == first.execution])
    two_places = ACCOUNT.replace("in_flight = 20", "in_flight = 2").replace("first_look", "qa_look = 0.2\nfirst_look")
    async with open_studio(simulator, monkeypatch, tmp_path, service="retouch4me", account=two_places) as studio:
        await add(studio, studio.photos(4))
        first = studio.job(1)
        await studio.start()
        await studio.until(lambda: bool(studio.job(1).execution and studio.job(2).execution))
        first = studio.job(1)
        await studio.until(lambda: [job.reason for job in studio.jobs()][2:] == [Reason.PLACES] * 2)
        assert [job.reason for job in studio.jobs()][:2] == [Reason.ERROR, Reason.AT_SERVICE], studio.places()
        assert "executions that need you, or do not end" in studio.job(4).message
        monkeypatch.setattr(Laboratory, "document", document)
        await studio.until(lambda: all(job.status is Status.DONE for job in studio.jobs()))
        check_results(studio, 4)


# ---------------------------------------------------------------------------------------------------------- archives


@pytest.mark.parametrize("workflow", ["Natural", "Layered"])
async def test_an_archive_is_one_order_whose_result_is_kept_whole(studio: Studio, workflow: str) -> None:
    shoot = studio.folder / "shoot.zip"
    with zipfile.ZipFile(shoot, "w") as archive:
        for photo in studio.photos(3):
            archive.write(photo, photo.name)
    recipe = studio.workflows[workflow].parameters
    await studio.add([shoot], workflow=workflow, provider="retouch4me", parameters=recipe, quoted=None)
    await studio.start()
    [job] = await studio.at_rest()
    assert (job.status, job.quoted, job.message) == (Status.DONE, None, "shoot.zip"), studio.places()
    [sent] = starts(studio)
    assert sent["form"]["file"]["content_type"] == "application/zip"
    assert sent["form"]["file"]["filename"] == "shoot.zip"
    check_results(studio, 1)
    assert [path.name for path in studio.out.iterdir()] == ["shoot.zip"]


# ----------------------------------------------------------------------------------------------- a key serves one photo


@pytest.mark.parametrize("is_replaced", [True, False])
async def test_a_refused_key_serves_the_same_photo_only(
    studio: Studio, simulator: Simulator, is_replaced: bool
) -> None:
    simulator.faults.add([{"route": "retouch4me.start", "do": "status:400", "times": 1}])
    (photo,) = studio.photos(1)
    [number] = await add(studio, [photo])
    await studio.start()
    (job,) = await studio.at_rest()
    assert (job.status, job.reason) == (Status.FAILED, Reason.REJECTED)
    if is_replaced:
        noise_jpeg(photo, 21_000, seed=77)
    now = photo.stat()
    stamp = {"size": now.st_size, "mtime_ns": now.st_mtime_ns, "inode": now.st_ino, "device": now.st_dev}
    await studio.ask("retry", number, **stamp)
    await studio.at_rest()
    check_results(studio, 1)
    made = studio.journal.read(purchases.of_job, number)
    assert starts(studio)[-1]["form"]["Idempotency-Key"] == made[-1].key
    assert [str(one.state) for one in made] == (["refused", "known"] if is_replaced else ["known"])


# ------------------------------------------------------------------------------------------------- what is bought comes


async def test_one_result_that_is_refused_as_without_a_sign_in_does_not_end_the_others(
    studio: Studio, simulator: Simulator
) -> None:
    [refused] = await add(studio, studio.photos(1))
    simulator.faults.add([{"route": "retouch4me.result", "do": "status:401", "times": -1}])
    await studio.start()
    await studio.until(lambda: studio.job(refused).reason == Reason.TROUBLE)
    assert "while the sign-in is good" in studio.job(refused).message
    simulator.faults.clear()
    await add(studio, studio.photos(3))
    await studio.until(lambda: [job.status for job in studio.jobs()[1:]] == [Status.DONE] * 3)
    await studio.ask("retry", refused)
    await studio.until(lambda: studio.job(refused).status is Status.DONE)
    check_results(studio, 4)


@pytest.mark.parametrize("strict", [False, True])
async def test_what_is_bought_is_fetched_while_the_account_is_signed_out(
    studio: Studio, simulator: Simulator, monkeypatch: pytest.MonkeyPatch, strict: bool
) -> None:
    """With no token at all where the id is enough; else with the one there is, though starts are refused for it."""
    switch(studio, stores=100.0, strict_token=strict)
    bought = await add(studio, studio.photos(3))
    await studio.start()
    await studio.until(lambda: all(studio.job(number).stage is Stage.SUBMITTED for number in bought))
    if strict:
        lost = ("start", "balance", "older_balance")
        simulator.faults.add([{"route": f"retouch4me.{route}", "do": "status:401", "times": -1} for route in lost])
    else:
        monkeypatch.delenv("ARTUI_STUDIO_TOKEN")
    [late] = await add(studio, studio.photos(1))
    await studio.until(lambda: studio.journal.read(accounts.state, "studio").held == Reason.LOGIN)
    switch(studio, stores=0.0)
    await studio.until(lambda: all(studio.job(number).status is Status.DONE for number in bought))
    assert studio.journal.read(accounts.state, "studio").held == Reason.LOGIN
    assert not studio.job(late).execution
    check_results(studio, 3)
