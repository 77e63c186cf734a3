"""A photo on which the service fails while others get past is set aside; an outage sets nothing aside."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from artui import files, timing
from artui.cli.advice import advice
from artui.cli.exits import Exit, of_hold
from artui.config import paths
from artui.engine.account_worker import DOWNLOADS
from artui.engine.anchor import open_journal
from artui.engine.failures import FailureContext, classify
from artui.journal import Connection, Journal, history, jobs, troubles
from artui.journal.groups import group
from artui.model.holds import Group
from artui.model.job import Job
from artui.model.states import TROUBLES, Reason, Stage, Status
from artui.providers.base import (
    Counted,
    ExecutionRef,
    ExecutionStatus,
    Output,
    Puzzling,
    Rejected,
    State,
    Transient,
    Uploaded,
)
from artui.tui.advice import what_now
from tests.fakes import Bench, Fake, Service, bench
from tests.samples import new_job

NOW = FailureContext(now=1000.0, settle=90.0, chance=1.0)


@pytest.fixture
def journal(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Journal]:
    monkeypatch.setenv("ARTUI_HOME", str(tmp_path))
    paths().create()
    with open_journal(paths()) as opened:
        yield opened


class Day:
    """What happens to a few photos at one route, one after the other."""

    def __init__(self, db: Connection, number: int, stage: Stage = Stage.CHECKED, **given: Any) -> None:
        self.db, self.stage = db, stage
        self.numbers = jobs.add(db, None, [new_job(**given) for _ in range(number)])
        for number in self.numbers:
            db.execute("UPDATE jobs SET stage = ?, status = 'running' WHERE id = ?", (stage, number))

    def job(self, place: int) -> Job:
        found = jobs.get(self.db, self.numbers[place])
        assert found
        return found

    def fails(self, *places: int) -> None:
        for place in places:
            job = self.job(place)
            job = jobs.move(
                self.db, job, job.stage, Status.WAITING, "try again", reason=Reason.TRY_AGAIN, due=1.0,
                attempts=job.attempts + 1,
            )  # fmt: skip
            jobs.move(self.db, job, job.stage, Status.RUNNING, "taken")

    def passes(self, *places: int, what: str = "uploaded") -> None:
        for place in places:
            after = Stage.UPLOADED if self.stage is Stage.CHECKED else Stage.SAVED
            jobs.move(self.db, self.job(place), after, Status.RUNNING, what)

    def alone(self, place: int) -> int:
        """How often it fails alone, if it fails now."""
        return troubles.failures_alone(self.db, self.job(place))


def on_a(day: Callable[[Connection], None], journal: Journal) -> None:
    journal.write(day)


def test_only_what_fails_after_others_got_past_counts(journal: Journal) -> None:
    def day(db: Connection) -> None:
        photos = Day(db, 4)
        assert photos.alone(0) == 0
        photos.fails(0, 0, 0)
        assert photos.alone(0) == 0, "nobody got past so far"
        photos.passes(1)
        assert photos.alone(0) == 1, "the failure that is judged now"
        photos.fails(0)
        photos.passes(2, 3)
        photos.fails(0)
        assert photos.alone(0) == 3
        jobs.change(db, photos.job(0), "retry", attempts=0)
        assert photos.alone(0) == 0, "a person has begun anew"

    on_a(day, journal)


def test_an_outage_of_any_length_sets_nothing_aside(journal: Journal) -> None:
    def day(db: Connection) -> None:
        photos = Day(db, 6)
        photos.passes(0)
        for _ in range(20):
            photos.fails(*range(1, 6))
        assert [photos.alone(place) for place in range(1, 6)] == [0] * 5
        photos.passes(1)  # it is over
        assert [photos.alone(place) for place in range(2, 6)] == [1] * 4

    on_a(day, journal)


def test_an_outage_in_whose_first_moment_one_got_past_sets_nothing_aside(journal: Journal) -> None:
    def day(db: Connection) -> None:
        photos = Day(db, 5)
        photos.fails(0)
        photos.passes(1)
        for _ in range(20):
            photos.fails(0, 2)
        assert photos.alone(0) == 0, "two others have yet to show whether the service lets anything past"
        photos.passes(3, 4)
        assert photos.alone(0) > TROUBLES

    on_a(day, journal)


def test_several_on_which_the_service_fails_do_not_hide_each_other(journal: Journal) -> None:
    def day(db: Connection) -> None:
        photos = Day(db, 5)
        photos.fails(0, 1, 2)
        photos.passes(3, 4)
        photos.fails(0, 1, 2)
        assert [photos.alone(place) for place in range(3)] == [2] * 3

    on_a(day, journal)


@pytest.mark.parametrize("goes_on", [True, False])
def test_others_that_got_past_during_its_first_try_count_while_the_service_gets_anything_done(
    journal: Journal, goes_on: bool
) -> None:
    def day(db: Connection) -> None:
        photos = Day(db, 5)
        for number in photos.numbers:  # all at once
            db.execute("UPDATE jobs SET status = 'ready' WHERE id = ?", (number,))
        for place in range(5):
            jobs.move(db, photos.job(place), Stage.CHECKED, Status.RUNNING, "taken")
        photos.passes(3, 4)
        for _ in range(3):
            photos.fails(0, 1, 2)
        db.execute("UPDATE events SET at = at - 60")
        assert [photos.alone(place) for place in range(3)] == [0] * 3, "it may have been the end of all"
        if goes_on:
            jobs.move(db, photos.job(3), Stage.SUBMITTED, Status.WAITING, "sent", reason=Reason.AT_SERVICE)
        assert [photos.alone(place) for place in range(3)] == [4 if goes_on else 0] * 3

    on_a(day, journal)


@pytest.mark.parametrize("what", ["there already", "sent", "fetched"])
def test_what_shows_nothing_of_the_route_does_not_count(journal: Journal, what: str) -> None:
    def day(db: Connection) -> None:
        photos = Day(db, 2)
        elsewhere = Day(db, 1, account="another")
        photos.fails(0)
        photos.passes(1, what=what)
        elsewhere.passes(0)
        photos.fails(0)
        assert photos.alone(0) == 0

    on_a(day, journal)


def test_a_result_is_judged_by_other_results_and_a_copy_from_disk_is_none(journal: Journal) -> None:
    def day(db: Connection) -> None:
        results = Day(db, 3, Stage.PROCESSED)
        results.fails(0)
        db.execute("UPDATE jobs SET twin_of = ? WHERE id = ?", (results.numbers[2], results.numbers[1]))
        results.passes(1, what="fetched")
        assert results.alone(0) == 0
        results.passes(2, what="fetched")
        assert results.alone(0) == 1

    on_a(day, journal)


# ------------------------------------------------------------------------------------------------- what is made of it


def a_job(stage: Stage, **given: Any) -> Job:
    new = new_job()
    plain = {name: getattr(new, name) for name in new.__dataclass_fields__}
    return replace(Job(**plain), stage=stage, status=Status.RUNNING, stage_at=900.0, **given)


@pytest.mark.parametrize(
    ("stage", "failure", "attempts", "alone", "reason", "due"),
    [
        (Stage.CHECKED, Transient("500"), 99, TROUBLES - 1, Reason.TRY_AGAIN, True),
        (Stage.CHECKED, Transient("500"), 9, TROUBLES, Reason.TROUBLE, False),
        (Stage.CHECKED, Puzzling("odd"), 99, 0, Reason.TRY_AGAIN, True),
        (Stage.PROCESSED, Transient("500"), 99, 0, Reason.TRY_AGAIN, True),
        (Stage.PROCESSED, Transient("500"), 9, TROUBLES, Reason.TROUBLE, True),
        (Stage.PROCESSED, Puzzling("it points nowhere"), 1, 0, Reason.TRY_AGAIN, True),
        (Stage.PROCESSED, Puzzling("it points nowhere"), 2, 0, Reason.TROUBLE, True),
        (Stage.SAVED, Puzzling("it points nowhere"), 2, 0, Reason.TROUBLE, True),
    ],
)
def test_when_a_photo_is_set_aside(
    stage: Stage, failure: Exception, attempts: int, alone: int, reason: Reason, due: bool
) -> None:
    verdict = classify(a_job(stage, attempts=attempts), failure, replace(NOW, alone=alone))
    assert (verdict.reason, verdict.due is not None) == (reason, due), "what is bought is still asked for"
    assert (verdict.status is Status.HELD) == (reason is Reason.TROUBLE)
    assert str(failure) in verdict.message


def test_a_photo_set_aside_is_for_a_person_and_says_what_to_do() -> None:
    held = replace(a_job(Stage.PROCESSED), status=Status.HELD, reason=Reason.TROUBLE, message="why", due=1.0, id=7)
    assert group(held.status, held.reason) is Group.NEEDS
    assert of_hold(held.reason) is Exit.PERSON
    assert "artui retry 7" in advice(held)
    assert "r tries it once more" in what_now(held)
    for said in (advice(held), what_now(held), advice(replace(held, status=Status.WAITING, reason=Reason.TRY_AGAIN))):
        assert "ext at " in said, "when it is tried next by itself"


# --------------------------------------------------------------------------------------------------- in the engine


@pytest.fixture
def make(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[..., Any]:
    monkeypatch.setattr(timing, "backoff", lambda failures: 0.05)
    return lambda **given: bench(tmp_path, monkeypatch, **given)


async def put(bench: Bench, number: int) -> list[int]:
    made = [bench.job(photo) for photo in bench.studio.photos(number)]
    numbers: list[int] = await bench.studio.journal.write_async(jobs.add, None, made)
    await bench.studio.start()
    return numbers


async def test_a_photo_that_never_gets_up_is_set_aside_and_goes_on_by_a_persons_word(
    make: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    poisoned: Callable[[str], bool] = lambda name: name == "IMG_0000.jpg"  # noqa: E731

    async def upload(self: Fake, photo: files.Photo, name: str, counted: Counted, tag: str = "") -> Uploaded:
        if poisoned(name):
            raise Transient("not now (status 500): no such camera")
        await studio.until(has_failed)  # all done before its first failure would say nothing of the time after
        return await plain(self, photo, name, counted)

    plain = Fake.upload
    monkeypatch.setattr(Fake, "upload", upload)
    has_failed = lambda: any(event.what == "try again" for event in studio.journal.read(history.since, 0))  # noqa: E731
    async with make(north=Service()) as bench:
        studio, service = bench.studio, bench.services["north"]
        numbers = await put(bench, 4)
        await studio.until(lambda: studio.job(numbers[0]).reason == Reason.TROUBLE)
        await studio.until(lambda: [studio.job(one).status for one in numbers[1:]] == [Status.DONE] * 3)
        held = studio.job(numbers[0])
        assert (held.stage, held.status, held.due, held.purchase) == (Stage.CHECKED, Status.HELD, None, 0)
        assert "no such camera" in held.message
        poisoned = lambda name: False  # noqa: E731
        await studio.ask("retry", numbers[0])
        await studio.until(lambda: studio.job(numbers[0]).status is Status.DONE)
        assert len(service.sent) == 4


async def test_while_all_fail_nothing_is_set_aside_however_often(make: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    is_down = True

    async def upload(self: Fake, photo: files.Photo, name: str, counted: Counted, tag: str = "") -> Uploaded:
        if is_down:
            raise Transient("not now (status 503)")
        return await plain(self, photo, name, counted)

    plain = Fake.upload
    monkeypatch.setattr(Fake, "upload", upload)
    async with make(north=Service()) as bench:
        studio = bench.studio
        numbers = await put(bench, 3)
        await studio.until(lambda: min(studio.job(one).attempts for one in numbers) > 2 * TROUBLES)
        told = {event.what for event in studio.journal.read(history.since, 0)}
        assert "trouble" not in told
        is_down = False
        await studio.until(lambda: [studio.job(one).status for one in numbers] == [Status.DONE] * 3)
        assert "trouble" not in {event.what for event in studio.journal.read(history.since, 0)}


@pytest.mark.parametrize("is_final", [True, False])
async def test_an_execution_the_service_never_shows_is_told_and_looked_at_on(
    make: Any, monkeypatch: pytest.MonkeyPatch, is_final: bool
) -> None:
    is_odd = True

    async def poll(self: Fake, sent: Sequence[ExecutionRef]) -> dict[str, ExecutionStatus]:
        seen = await plain(self, sent)
        if is_odd and seen.pop("run-0", None):
            self.puzzles.failed["run-0"] = "not now (status 500)", is_final
        if not is_odd:
            return seen
        return {one: replace(progress, state=State.RUNNING, outputs=()) for one, progress in seen.items()}

    plain = Fake.poll
    monkeypatch.setattr(Fake, "poll", poll)
    async with make(north=Service()) as bench:
        studio = bench.studio
        numbers = await put(bench, 1 if is_final else 3)
        held = await studio.until(lambda: next((one for one in studio.jobs() if one.status is Status.HELD), None))
        assert (held.reason, held.stage, held.execution) == (Reason.TROUBLE, Stage.SUBMITTED, "run-0")
        assert "status 500" in held.message
        is_odd = False
        await studio.until(lambda: [studio.job(one).status for one in numbers] == [Status.DONE] * len(numbers))
        assert len(bench.services["north"].sent) == len(numbers)


async def test_a_result_that_points_nowhere_is_told_after_three_times_and_asked_for_on(
    make: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("artui.engine.failures.LOOK_AGAIN", 0.2)
    tries = 0

    async def download(self: Fake, output: Output, execution: str, part: files.Part, counted: Counted) -> None:
        nonlocal tries
        tries += 1
        if tries <= 4:
            raise Puzzling("the service points to http://10.0.0.1, which is no public address over https")
        await plain(self, output, execution, part, counted)

    plain = Fake.download
    monkeypatch.setattr(Fake, "download", download)
    async with make(north=Service()) as bench:
        studio = bench.studio
        [number] = await put(bench, 1)
        held = await studio.until(lambda: (job := studio.job(number)).status is Status.HELD and job)
        assert (held.reason, tries) == (Reason.TROUBLE, 3)
        assert "10.0.0.1" in held.message
        await studio.until(lambda: studio.job(number).status is Status.DONE)
        assert len(bench.services["north"].sent) == 1


async def test_answers_that_are_no_result_neither_count_as_silence_nor_slow_other_results(
    make: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def download(self: Fake, output: Output, execution: str, part: files.Part, counted: Counted) -> None:
        if execution in ("run-0", "run-1", "run-2", "run-3"):
            raise Puzzling("the file is empty")
        await plain(self, output, execution, part, counted)

    plain = Fake.download
    monkeypatch.setattr(Fake, "download", download)
    async with make(north=Service()) as bench:
        studio = bench.studio
        numbers = await put(bench, 8)
        await studio.until(lambda: [studio.job(one).status for one in numbers].count(Status.DONE) == 4)
        await studio.until(lambda: [studio.job(one).reason for one in numbers].count(Reason.TROUBLE) == 4)
        assert studio.engine
        gate = studio.engine._workers["north"][0].downloads
        assert (gate.allowed, gate.learned_at) == (DOWNLOADS, 0.0)


@pytest.mark.parametrize(
    ("content", "stated", "is_saved"),
    [
        (None, "", True),
        (b"\xff\xd8\xff\xe0\0\x14cut", "", False),
        (b"GIF89a" + b"x" * 40, "image/gif", False),
        (b"\0\0\0\x20ftypisom" + b"x" * 40, "video/mp4", False),
    ],
)
async def test_a_result_without_a_told_end_is_saved_where_its_content_proves_it_whole(
    make: Any, monkeypatch: pytest.MonkeyPatch, content: bytes | None, stated: str, is_saved: bool
) -> None:
    async def download(self: Fake, output: Output, execution: str, part: files.Part, counted: Counted) -> None:
        part.is_ended = False
        await plain(self, output, execution, part, counted)

    plain = Fake.download
    monkeypatch.setattr(Fake, "download", download)
    service = Service(outputs=[Output("picture", media_type=stated)])
    if content:
        service.files["picture"] = content
    async with make(north=service) as bench:
        [number] = await put(bench, 1)
        job = await bench.studio.until(
            lambda: (job := bench.studio.job(number)).status in (Status.DONE, Status.HELD) and job
        )
        assert (job.status, job.reason) == ((Status.DONE, "") if is_saved else (Status.HELD, Reason.DAMAGED))
        assert bool(list(bench.studio.out.iterdir())) is is_saved
        if not is_saved:  # a person may take it all the same
            await bench.studio.ask("take", number)
            await bench.studio.until(lambda: bench.studio.job(number).status is Status.DONE)


async def test_an_upload_that_is_refused_fails_its_photo_once(make: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    uploads = 0

    async def upload(self: Fake, photo: files.Photo, name: str, counted: Counted, tag: str = "") -> Uploaded:
        nonlocal uploads
        uploads += 1
        raise Rejected("uploading: at most 7 MB", reason="too large", status=413)

    monkeypatch.setattr(Fake, "upload", upload)
    async with make(north=Service()) as bench:
        [number] = await put(bench, 1)
        job = await bench.studio.until(lambda: (job := bench.studio.job(number)).status is Status.FAILED and job)
        assert ("at most 7 MB" in job.message, job.purchase, uploads) == (True, 0, 1)
