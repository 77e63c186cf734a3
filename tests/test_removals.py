"""Uploads of ours at Filestack, deleted once their result is saved: never too early, never what is not ours."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from artui import files
from artui.engine import removals
from artui.journal import Journal, history, jobs, uploads
from artui.model.job import Job
from artui.model.states import Stage, Status
from artui.providers.base import Counted, ExecutionRef, Output
from artui.providers.services.filestack.provider import Filestack
from artui.sim.server import Simulator
from tests.samples import new_job
from tests.studio import Studio, open_studio
from tests.test_engine_filestack import ACCOUNT

WANTED = ACCOUNT.replace("settle = 0.2", "settle = 0.2\ndelete_uploads = true")


@pytest.fixture
async def studio(simulator: Simulator, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> AsyncIterator[Studio]:
    async with open_studio(simulator, monkeypatch, tmp_path, service="filestack", account=WANTED) as opened:
        yield opened


def deleted(studio: Studio) -> list[str]:
    """The handles that were asked to be deleted."""
    return [one["path"].rsplit("/", 1)[1] for one in studio.simulator.history if one["method"] == "DELETE"]


def told(studio: Studio, number: int) -> list[str]:
    return [event.what for event in studio.journal.read(history.of_job, number)]


async def test_only_the_upload_of_what_is_saved_is_deleted(studio: Studio, simulator: Simulator) -> None:
    simulator.faults.add([{"route": "filestack.run", "do": "drop_after", "times": 1}])
    await studio.add(studio.photos(1), workflow="Preview", provider="filestack")
    await studio.start()
    await studio.at_rest()
    numbers = await studio.add(studio.photos(2), workflow="Archive", provider="filestack")
    await studio.at_rest()
    await studio.until(lambda: all("upload removed" in told(studio, number) for number in numbers))
    done = [job for job in studio.jobs() if job.status is Status.DONE]
    assert sorted(deleted(studio)) == sorted(job.reference for job in done), "not that of a job in doubt"
    stored = [result for job in done for result in job.results]
    assert stored
    assert not any(handle in result.locator for handle in deleted(studio) for result in stored)
    order = [one["path"] for one in simulator.history]
    for job in done:
        asked = next(place for place, path in enumerate(order) if path.endswith(f"/file/{job.reference}"))
        assert asked > max(place for place, path in enumerate(order) if job.execution in path), "after the run"
    assert len(simulator.ledger) == 3
    studio.check()


async def test_an_upload_that_the_words_of_a_result_name_is_left_where_it_is(
    studio: Studio, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def download(self: Filestack, output: Output, execution: str, part: files.Part, counted: Counted) -> None:
        if output.media_type != "application/json":
            return await plain(self, output, execution, part, counted)
        seen = await self.poll([ExecutionRef(execution, "")])
        part.write(f'{{"store": "{self.settings.cdn_url}/{seen[execution].reference}"}}'.encode())
        return None

    plain = Filestack.download
    [plain_number] = await studio.add(studio.photos(1), workflow="Shop set", provider="filestack")
    await studio.start()
    await studio.until(lambda: "upload removed" in told(studio, plain_number))
    monkeypatch.setattr(Filestack, "download", download)
    [number] = await studio.add(studio.photos(1), workflow="Shop set", provider="filestack")
    await studio.until(lambda: "upload left" in told(studio, number))
    assert studio.job(number).status is Status.DONE
    assert deleted(studio) == [studio.job(plain_number).reference]


async def test_what_a_person_named_by_an_address_is_never_deleted(studio: Studio) -> None:
    named, sent = studio.photos(2)
    [number] = await studio.add([named], workflow="Preview", provider="filestack", address="src://studio/a/b.jpg")
    await studio.add([sent], workflow="Preview", provider="filestack")
    await studio.start()
    await studio.at_rest()
    await studio.until(lambda: deleted(studio))
    assert studio.job(number).status is Status.DONE
    assert not {"upload removed", "upload left"} & {*told(studio, number)}
    assert len(deleted(studio)) == 1


@pytest.mark.parametrize("answer", ["status:403", "drop_after"])
async def test_what_cannot_be_deleted_is_a_note_and_holds_nothing(
    studio: Studio, simulator: Simulator, monkeypatch: pytest.MonkeyPatch, answer: str
) -> None:
    monkeypatch.setattr(removals, "REST", 0.1)
    simulator.faults.add([{"route": "filestack.delete", "do": answer, "times": 1}])
    numbers = await studio.add(studio.photos(2), workflow="Preview", provider="filestack")
    await studio.start()
    await studio.until(lambda: all({"upload removed", "upload left"} & {*told(studio, one)} for one in numbers))
    left = [number for number in numbers if "upload left" in told(studio, number)]
    assert len(left) == (1 if answer == "status:403" else 0), "404 after a lost answer is gone"
    assert [job.status for job in studio.jobs()] == [Status.DONE] * 2
    assert len(simulator.ledger) == 2
    studio.check()


async def test_a_deletion_that_an_end_cut_short_is_made_up_for_by_the_next_engine(
    studio: Studio, simulator: Simulator, monkeypatch: pytest.MonkeyPatch
) -> None:
    simulator.faults.add([{"route": "filestack.delete", "do": "status:503", "times": -1}])
    [number] = await studio.add(studio.photos(1), workflow="Preview", provider="filestack")
    await studio.start()
    await studio.until(lambda: deleted(studio))
    await studio.stop()
    simulator.faults.clear()
    await studio.start()
    await studio.until(lambda: "upload removed" in told(studio, number))
    assert len(simulator.ledger) == 1


@pytest.fixture
def journal(tmp_path: Path) -> Iterator[Journal]:
    with Journal(tmp_path / "journal.db") as opened:
        yield opened


def job_at(journal: Journal, reference: str, **given: str) -> Job:
    """A job of the payer whose photo lies at a reference."""
    [number] = journal.write(jobs.add, None, [new_job(stem_key=f"{reference} {given} {journal.changes()}")])
    job = journal.read(jobs.get, number)
    assert job is not None
    return journal.write(jobs.change, job, "there", reference=reference, **given)


def test_a_place_that_two_jobs_were_given_is_nobodys_to_remove(journal: Journal) -> None:
    first, second, own = job_at(journal, "handle1"), job_at(journal, "handle1"), job_at(journal, "handle2")
    for job in (first, second, own):
        journal.write(uploads.stored, job)
    for job in (second, first, own):
        journal.write(uploads.release, job)
    assert [job.id for job in journal.read(uploads.due, own.payer, 10)] == [own.id]
    assert journal.read(uploads.due, "another payer", 10) == []
    journal.write(uploads.stored, replace(second, reference="handle2"))  # the service gives it out once more
    assert journal.read(uploads.due, own.payer, 10) == []


def test_what_was_not_stored_here_is_never_removed(journal: Journal) -> None:
    job = job_at(journal, "handle1")
    journal.write(uploads.release, job)
    assert journal.read(uploads.due, job.payer, 10) == []


def test_what_is_a_result_or_stands_in_another_job_is_in_use(journal: Journal) -> None:
    job = job_at(journal, "handle1")
    assert not journal.read(uploads.is_in_use, job)
    journal.write(
        lambda db: db.execute("UPDATE jobs SET results = ?", ('[{"locator": "{\\"handle\\": \\"handle1\\"}"}]',))
    )
    assert journal.read(uploads.is_in_use, job)
    journal.write(lambda db: db.execute("UPDATE jobs SET results = '[]'"))
    job_at(journal, "handle1")
    assert journal.read(uploads.is_in_use, job)


def test_tries_are_counted_and_put_a_job_behind_the_others(journal: Journal) -> None:
    both = [job_at(journal, "handle1"), job_at(journal, "handle2")]
    for job in both:
        journal.write(uploads.stored, job)
        journal.write(uploads.release, job)
    assert [journal.write(uploads.tried, both[0]) for _ in range(2)] == [1, 2]
    assert [job.id for job in journal.read(uploads.due, both[0].payer, 10)] == [both[1].id, both[0].id]
    journal.write(uploads.left, both[0], "not allowed")
    journal.write(uploads.removed, both[1])
    assert journal.read(uploads.due, both[0].payer, 10) == []
    assert [job.stage for job in both] == [Stage.NEW] * 2
