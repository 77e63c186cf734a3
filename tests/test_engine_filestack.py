"""Filestack from end to end: a lost answer is never paid twice by itself, every result lands on disk."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from artui.job import Job
from artui.journal import accounts, requests
from artui.sim import imaging
from artui.sim.server import Simulator
from artui.states import Reason, Status
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

[accounts.studio.workflows.preview]
id = "{workflows[Preview]}"
title = "Preview"

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
    await studio.journal.do(lambda db: requests.leave(db, "refresh", account="studio"))
    await studio.until(lambda: all(job.status is Status.DONE for job in studio.jobs()))
    assert len(simulator.ledger) == 2
