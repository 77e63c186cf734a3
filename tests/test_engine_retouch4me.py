"""Retouch4me from end to end: paid once whatever breaks, layers laid out, the day's quota waited for."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from artui.job import Purchase
from artui.journal import accounts, requests
from artui.lane import Lane
from artui.providers.base import Permit
from artui.sim import imaging
from artui.sim.server import Simulator
from artui.states import Reason, Status
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
    await studio.journal.do(lambda db: requests.leave(db, "refresh", account="studio"))
    await studio.until(lambda: all(job.status is Status.DONE for job in studio.jobs()))
    check_results(studio, 2)


async def test_a_key_that_changes_between_the_intent_and_the_first_byte_sends_nothing(
    studio: Studio, simulator: Simulator, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What goes out is what was compared: the permit is told the payer of the very token in the request."""
    given = simulator.announcement()["retouch4me"]
    made = Paying._permit

    def permit(self: Paying, purchase: Purchase, decided: float) -> Permit:
        monkeypatch.setenv("ARTUI_STUDIO_TOKEN", given["strangers_token"])
        return made(self, purchase, decided)

    monkeypatch.setattr(Paying, "_permit", permit)
    await add(studio, studio.photos(1))
    await studio.start()
    await studio.until(lambda: studio.job(1).reason == Reason.ACCOUNT)
    assert studio.job(1).purchase == 1
    assert starts(studio) == []
    assert simulator.ledger == []
    monkeypatch.setattr(Paying, "_permit", made)
    monkeypatch.setenv("ARTUI_STUDIO_TOKEN", given["token"])
    await studio.until(lambda: studio.job(1).status is Status.DONE)
    check_results(studio, 1)


async def test_a_key_that_changes_while_the_engine_waits_is_noticed_before_the_intent(
    studio: Studio, simulator: Simulator, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Without the look that holds strangers once a second: each paid call looks for itself."""
    given = simulator.announcement()["retouch4me"]

    async def nobody(lane: Lane) -> None:
        del lane

    monkeypatch.setattr(Lane, "_sort_strangers", nobody)
    monkeypatch.setenv("ARTUI_STUDIO_TOKEN", given["strangers_token"])
    await add(studio, studio.photos(2))
    await studio.start()
    jobs = await studio.at_rest()
    assert {job.reason for job in jobs} == {Reason.ACCOUNT}
    assert not any(job.purchase for job in jobs)
    assert simulator.ledger == []
