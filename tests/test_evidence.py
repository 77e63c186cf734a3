"""A service that errs: another's id, label or photo, a result cut under its digest, a disk without room. Told by the
books of the stand-in and by the disk."""

from __future__ import annotations

import errno
import threading
from collections.abc import AsyncIterator, Callable
from pathlib import Path
from typing import Any

import pytest

from artui import files
from artui.engine import failures
from artui.files import Accepts
from artui.journal import accounts, history, jobs, purchases
from artui.model.states import PurchaseState, Reason, Stage, Status
from artui.providers.base import ExecutionStatus, Output, State
from artui.sim import imaging
from artui.sim.server import Simulator
from artui.steps import evidence, fetching, looking, output
from artui.steps.evidence import Ownership
from tests.fakes import PICTURE, Bench, Service, bench, limits
from tests.proof.evidence import digest_of
from tests.studio import Studio

SAVED = {".jpg", ".png", ".webp", ".tif"}


@pytest.fixture(autouse=True)
def haste(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(fetching, "REST", 0.05)
    monkeypatch.setattr(output, "OUTPUT_AGAIN", 0.3)
    monkeypatch.setattr(fetching, "OUTPUT_AGAIN", 0.3)
    monkeypatch.setattr("artui.engine.failures.OUTPUT_AGAIN", 0.3)


@pytest.fixture
def make(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[..., Any]:
    return lambda **given: bench(tmp_path, monkeypatch, **given)


def on_disk(studio: Studio) -> dict[str, str]:
    """Which photo each saved result was made from, by its stamp."""
    saved = [path for path in studio.out.glob("*") if path.suffix in SAVED] if studio.out.is_dir() else []
    return {path.stem: imaging.input_digest(path.read_bytes()) or "no stamp" for path in saved}


def places(studio: Studio) -> list[tuple[Status, str]]:
    return [(job.status, job.reason) for job in studio.jobs()]


def in_the_right_place(studio: Studio) -> None:
    """Every result on disk was made from the photo whose name it has, every charge is known, and no photo is lost."""
    for job in studio.jobs():
        made_from = on_disk(studio).get(job.stem)
        assert made_from in (None, job.digest), f"{job.source.name} has another photo's result"
        assert (made_from is not None) is (job.status is Status.DONE), studio.places()
        assert job.source.is_file()
    studio.check()


# ------------------------------------------------------------------------------------------------ whose execution it is


async def test_a_create_that_names_anothers_execution_ends_with_each_photo_its_own(studio: Studio) -> None:
    studio.fault("create", "old", times=2)
    await studio.add(studio.photos(3))
    await studio.start()
    await studio.at_rest()
    await studio.until(lambda: all(job.status is Status.DONE for job in studio.jobs()))
    assert len(studio.simulator.ledger) == 3, "nothing is bought a second time"
    in_the_right_place(studio)
    held = [event for event in studio.journal.read(history.since, 0) if event.what == "in doubt"]
    assert held, "what an answer does not prove is held first"


async def test_executions_that_were_swapped_are_each_found_by_their_label(studio: Studio) -> None:
    studio.fault("create", "swap", times=2)
    await studio.add(studio.photos(2))
    await studio.start()
    await studio.until(lambda: all(job.status is Status.DONE for job in studio.jobs()))
    assert len(studio.simulator.ledger) == 2
    in_the_right_place(studio)


async def test_half_an_id_is_never_shown_and_the_execution_is_found_by_its_label(
    studio: Studio, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(looking, "GRACE", 0.0)
    studio.fault("create", "cut")
    await studio.add(studio.photos(1))
    await studio.start()
    await studio.until(lambda: all(job.status is Status.DONE for job in studio.jobs()))
    assert len(studio.simulator.ledger) == 1
    in_the_right_place(studio)


async def test_what_is_gone_after_it_was_shown_stays_gone(studio: Studio, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(looking, "GRACE", 0.0)
    studio.simulator.switch({"qa": 10_000.0})  # it stays there until it is seen
    [number] = await studio.journal.write_async(
        jobs.add, None, [studio.new_job(*studio.photos(1), workflow="Human check")]
    )
    await studio.start()
    await studio.until(lambda: studio.job(number).word == "IN_QA")
    studio.fault("details", "status:404", times=-1)
    await studio.until(lambda: studio.job(number).reason == Reason.GONE)
    assert len(studio.simulator.ledger) == 1


@pytest.mark.parametrize("fault", ["mislabel", "misinput"])
async def test_what_shows_anothers_label_or_photo_is_held_and_nothing_of_it_is_saved(
    studio: Studio, fault: str
) -> None:
    await studio.add(studio.photos(1))
    await studio.start()
    await studio.at_rest()  # the account has shown once that it names photos as artui does
    studio.fault("details", fault, times=-1)
    studio.fault("list", fault, times=-1)
    [number] = await studio.add(studio.photos(1))
    await studio.until(lambda: studio.job(number).status is Status.HELD)
    await studio.at_rest()
    job = studio.job(number)
    assert (job.stage, job.reason) == (Stage.SUBMITTED, Reason.IN_DOUBT), studio.places()
    assert len(studio.simulator.ledger) == 2
    [purchase] = studio.journal.read(purchases.of_job, number)
    assert purchase.state is PurchaseState.INTENDED, "it counts as spent"
    in_the_right_place(studio)
    execution = studio.simulator.ledger[-1]["execution"]
    refused = await studio.ask("adopt", number, execution=execution)
    assert refused.refused, "a person's word does not outweigh what the service shows"
    studio.mend()
    await studio.ask("adopt", number, execution=execution)
    await studio.until(lambda: studio.job(number).status is Status.DONE)
    assert len(studio.simulator.ledger) == 2
    in_the_right_place(studio)


async def test_another_photo_counts_for_nothing_until_the_account_has_named_one_as_artui_did(studio: Studio) -> None:
    studio.fault("details", "misinput", times=-1)
    studio.fault("list", "misinput", times=-1)
    await studio.add(studio.photos(2))
    await studio.start()
    await studio.at_rest()
    assert [job.status for job in studio.jobs()] == [Status.DONE] * 2, studio.places()
    assert not studio.journal.read(accounts.shows_photos, "studio")


async def test_a_doubt_about_whose_it_is_can_be_sent_again_or_given_up(studio: Studio) -> None:
    studio.fault("details", "mislabel", times=-1)  # the list shows the right ones, and is believed twice
    first, second = await studio.add(studio.photos(2))
    await studio.start()
    await studio.until(lambda: all(job.reason == Reason.IN_DOUBT and job.due is None for job in studio.jobs()))
    studio.mend()
    assert (await studio.ask("retry", first)).refused
    assert (await studio.ask("cancel", first)).refused
    await studio.ask("give up", first)
    await studio.ask("again", second)
    await studio.until(lambda: studio.job(second).status is Status.DONE)
    assert (studio.job(first).status, studio.job(first).reason) == (Status.FAILED, "given up")
    assert len(studio.simulator.ledger) == 3
    in_the_right_place(studio)


async def test_where_nothing_is_shown_both_jobs_of_one_execution_are_held(make: Any, monkeypatch: Any) -> None:
    service = Service(
        limits(can_find=False, can_retry=False, names_photo=False), state=State.RUNNING, charged=AlwaysTheSame()
    )
    async with make(north=service) as opened:
        first, second = await put(opened, 2)
        studio = opened.studio
        await studio.until(lambda: all(job.status is Status.HELD for job in studio.jobs()))
        assert {job.reason for job in studio.jobs()} == {Reason.IN_DOUBT}, studio.places()
        service.state = State.DONE
        assert not studio.out.is_dir() or not list(studio.out.glob("*.jpg"))
        await studio.ask("adopt", second, execution="run-0")
        await studio.until(lambda: studio.job(second).status is Status.DONE)
        taken = await studio.ask("adopt", first, execution="run-0")
        assert taken.refused
        assert studio.job(first).status is Status.HELD
        assert len(service.sent) == 2


class AlwaysTheSame(dict[str, str]):
    """Has every paid call answered with one execution."""

    def setdefault(self, key: str, default: str = "") -> str:
        return super().setdefault(key, "run-0")


async def put(opened: Bench, number: int) -> list[int]:
    """Queue so many photos and start."""
    made = [opened.job(photo) for photo in opened.studio.photos(number)]
    numbers: list[int] = await opened.studio.journal.write_async(jobs.add, None, made)
    await opened.studio.start()
    return numbers


async def test_evidence_is_weighed_as_the_rules_say(studio: Studio) -> None:
    [number] = await studio.add(studio.photos(1))
    await studio.start()
    await studio.at_rest()
    job, journal = studio.job(number), studio.journal
    [purchase] = journal.read(purchases.of_job, number)
    takes, scales = Accepts(frozenset()), Accepts(frozenset(), scaled_above=8)

    def weighed(accepts: Accepts | None = takes, **shown: Any) -> Ownership:
        seen = ExecutionStatus("e", State.DONE, "COMPLETED", **shown)
        return journal.read(evidence.weigh, job, seen, accepts).verdict

    other = "f" * 64
    assert weighed(key=purchase.key, reference=other, workflow="another", version="another") is Ownership.PROVEN
    assert weighed(key=f'"{purchase.key.upper()}"') is Ownership.PROVEN
    assert weighed(key="0123456789.somebody", reference=job.reference) is Ownership.DISPROVED
    assert weighed(reference=f'"{job.reference.upper()}"', workflow=job.workflow) is Ownership.AGREES
    assert weighed(reference=job.reference, workflow="another") is Ownership.DISPROVED
    assert weighed(reference=job.reference, version="another") is Ownership.DISPROVED
    assert weighed(reference=other) is Ownership.DISPROVED
    assert weighed(scales, reference=other) is Ownership.SILENT, "it may have been scaled"
    assert weighed(None, reference=other) is Ownership.SILENT
    assert weighed(version="another", reference=other, accepts=scales) is Ownership.DISPROVED
    assert weighed() is Ownership.SILENT


# -------------------------------------------------------------------------------------------------- whole and as stated


async def test_a_result_cut_under_its_digest_is_never_saved_by_itself(studio: Studio) -> None:
    await studio.add(studio.photos(1))
    await studio.start()
    await studio.at_rest()  # a digest was right once
    studio.fault("download", "cut", times=-1)
    kept, taken, left = await studio.add(studio.photos(3))
    await studio.until(lambda: all(studio.job(one).reason == Reason.DAMAGED for one in (kept, taken, left)))
    assert len(on_disk(studio)) == 1
    assert (await studio.ask("take all", kept)).refused, "its digests were right before"
    in_the_right_place(studio)
    await studio.ask("retry", kept)
    await studio.until(lambda: studio.job(kept).reason == Reason.DAMAGED)
    await studio.ask("take", taken)
    await studio.until(lambda: studio.job(taken).status is Status.DONE)
    await studio.ask("give up", left)
    await studio.until(lambda: studio.job(left).status is Status.CANCELLED)
    studio.mend()
    await studio.ask("retry", kept)
    await studio.until(lambda: studio.job(kept).status is Status.DONE)
    assert len(studio.simulator.ledger) == 4, "none of it costs anything"
    cut = Path(studio.job(taken).results[0].path or "")
    assert digest_of(cut) == studio.job(taken).results[0].digest
    assert studio.job(left).charged == studio.simulator.ledger[-1]["credits"]
    assert on_disk(studio)[studio.job(kept).stem] == studio.job(kept).digest


async def test_a_cut_picture_without_a_digest_is_never_saved(make: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("artui.timing.backoff", lambda failures: 0.05)
    service = Service(files={"picture": PICTURE[:-2]})
    async with make(north=service) as opened:
        [number] = await put(opened, 1)
        studio = opened.studio
        await studio.until(lambda: studio.job(number).reason == Reason.DAMAGED)
        assert not list(studio.out.iterdir())
        service.files["picture"] = PICTURE
        await studio.ask("retry", number)
        await studio.until(lambda: studio.job(number).status is Status.DONE)


@pytest.fixture
async def stating(make: Any) -> AsyncIterator[Bench]:
    """An account whose service states a digest that its bytes do not have."""
    async with make(north=Service(outputs=[Output("picture", digest="0" * 64)])) as opened:
        yield opened


async def test_an_account_that_never_stated_a_true_digest_is_asked_about_once(stating: Bench) -> None:
    studio, service = stating.studio, stating.services["north"]
    first, second = await put(stating, 2)
    await studio.until(lambda: all(job.reason == Reason.DAMAGED for job in studio.jobs()))
    assert len(service.downloads) == 6, "three times each"
    assert not list(studio.out.iterdir())
    answered = await studio.ask("take all", first)
    assert not answered.refused, answered.message
    await studio.until(lambda: all(job.status is Status.DONE for job in studio.jobs()))
    [third] = await studio.journal.write_async(jobs.add, None, [stating.job(studio.photos(1)[0])])
    await studio.until(lambda: studio.job(third).status is Status.DONE)
    assert len(service.downloads) == 9, "it is not asked about again"
    await studio.stop()
    await studio.start()
    assert studio.journal.read(accounts.digests, "north") is accounts.Digests.IGNORED
    service.files["picture"] = PICTURE[:-2]
    [cut] = await studio.journal.write_async(jobs.add, None, [stating.job(studio.photos(1)[0])])
    await studio.until(lambda: studio.job(cut).attempts > 0)
    assert studio.job(cut).status is not Status.DONE, "as they are, but whole"
    assert second


async def test_what_comes_otherwise_each_time_is_no_case_for_taking_all(stating: Bench) -> None:
    studio, service = stating.studio, stating.services["north"]
    changing = iter(range(100))

    class Changing(dict[str, bytes]):
        def __getitem__(self, name: str) -> bytes:
            return PICTURE[:-2] + b"%d" % next(changing) + b"\xff\xd9"

    service.files = Changing()
    [number] = await put(stating, 1)
    await studio.until(lambda: studio.job(number).reason == Reason.DAMAGED)
    assert (await studio.ask("take all", number)).refused
    assert not list(studio.out.iterdir())


# ----------------------------------------------------------------------------------------------------- room for results


async def test_nothing_is_bought_for_a_folder_in_which_a_result_found_no_room(
    studio: Studio, monkeypatch: pytest.MonkeyPatch
) -> None:
    real, full = files.Part.finish, True

    def finish(part: files.Part, expected: int | None = None) -> files.Written:
        if full and part.path.parent == studio.out and part.size > 10_000:  # a quota: a small file still fits
            raise files.OutputProblem(studio.out, OSError(errno.EDQUOT, "quota"))
        return real(part, expected)

    monkeypatch.setattr(files.Part, "finish", finish)
    await studio.add(studio.photos(2))
    await studio.start()
    await studio.until(lambda: [job.reason for job in studio.jobs()] == [Reason.DISK_FULL] * 2)
    later = await studio.add(studio.photos(8))
    await studio.until(lambda: all(studio.job(one).reason == Reason.DISK_FULL for one in later))
    assert len(studio.simulator.ledger) == 2, "nothing more is bought"
    full = False
    await studio.until(lambda: all(job.status is Status.DONE for job in studio.jobs()))
    assert len(studio.simulator.ledger) == 10
    in_the_right_place(studio)


async def test_what_found_no_room_counts_while_it_is_tried_again(
    studio: Studio, monkeypatch: pytest.MonkeyPatch
) -> None:
    full, tried, go_on = True, threading.Event(), threading.Event()
    real = files.Part.finish

    def finish(part: files.Part, expected: int | None = None) -> files.Written:
        if full and part.path.parent == studio.out and part.size > 10_000:
            if tried.is_set():
                go_on.wait(5)  # not for good: a test that fails must end
            raise files.OutputProblem(studio.out, OSError(errno.EDQUOT, "quota"))
        return real(part, expected)

    monkeypatch.setattr(files.Part, "finish", finish)
    monkeypatch.setattr(failures, "OUTPUT_AGAIN", 0.2)
    [first] = await studio.add(studio.photos(1))
    await studio.start()
    await studio.until(lambda: studio.job(first).reason == Reason.DISK_FULL)
    tried.set()
    await studio.until(lambda: studio.job(first).status is Status.RUNNING)
    [later] = await studio.add(studio.photos(1))
    await studio.until(lambda: studio.job(later).reason == Reason.DISK_FULL)
    assert len(studio.simulator.ledger) == 1
    full = False
    go_on.set()
    await studio.until(lambda: all(job.status is Status.DONE for job in studio.jobs()))


async def test_nothing_is_bought_that_has_no_room_beside_what_is_to_come(
    studio: Studio, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(files, "free_bytes", lambda folder: 90_000 if folder == studio.out else 10**12)
    await studio.add(studio.photos(6))
    studio.fault("download", "status:503", times=-1)  # what is bought is not saved meanwhile
    await studio.start()
    await studio.until(lambda: sum(job.reason == Reason.DISK_FULL for job in studio.jobs()) >= 4)
    await studio.until(lambda: studio.simulator.ledger)
    assert len(studio.simulator.ledger) <= 2, "two results of 20 kB may need 80 kB"
    studio.mend()
    await studio.until(lambda: all(job.status is Status.DONE for job in studio.jobs()))
    assert len(studio.simulator.ledger) == 6


async def test_a_folder_that_can_no_longer_be_written_stops_what_is_not_bought(
    studio: Studio, monkeypatch: pytest.MonkeyPatch
) -> None:
    real, broken = files.probe_folder, False

    def probe(folder: Path, permissions: files.Permissions, *, tidy: bool = True) -> None:
        if broken:
            raise files.OutputProblem(folder, OSError(errno.EROFS, "read-only"))
        real(folder, permissions, tidy=tidy)

    monkeypatch.setattr(files, "probe_folder", probe)
    await studio.add(studio.photos(1))
    await studio.start()
    await studio.at_rest()
    broken = True
    assert studio.engine is not None
    lane, *_ = studio.engine._workers["studio"]
    output.forget(lane.context, studio.out)
    late = await studio.add(studio.photos(3))
    await studio.until(lambda: all(studio.job(one).reason == Reason.OUTPUT for one in late))
    assert len(studio.simulator.ledger) == 1
    assert output.FOLDER_AGE <= 5, "a probe counts for some seconds only"


def test_the_stand_in_goes_wrong_only_where_it_is_told_to(simulator: Simulator) -> None:
    for word in ("cut", "old", "swap", "mislabel", "misinput"):
        simulator.faults.add([{"route": "autoretouch.details", "do": word, "times": 0}])
    assert simulator.faults.left() == []
