"""Which photos come first by a person's wish: the engine takes them so, and nothing else changes."""

from __future__ import annotations

import time
from collections.abc import Iterator

import pytest

from artui.config import paths
from artui.core.actions import Refusal
from artui.core.order import put_first
from artui.engine.anchor import open_journal
from artui.engine.failures import TO_SAVE
from artui.journal import Journal, claims, jobs, window
from artui.model.job import Job
from artui.model.states import BEFORE_PAYING, Stage
from tests.desk import Desk
from tests.samples import new_job


@pytest.fixture
def journal() -> Iterator[Journal]:
    paths().create()
    with open_journal(paths()) as opened:
        yield opened


def queued(journal: Journal, number: int) -> list[Job]:
    numbers = journal.write(jobs.add, None, [new_job() for _ in range(number)])
    return [job for one in numbers if (job := journal.read(jobs.get, one))]


def claimed(journal: Journal, most: int) -> list[int]:
    return [job.id for job in journal.write(claims.claim, "studio", BEFORE_PAYING, time.time(), most)]


def test_what_is_put_first_is_taken_first_and_the_last_wish_is_the_foremost(journal: Journal) -> None:
    made = queued(journal, 6)
    journal.write(put_first, [made[4]])
    journal.write(put_first, [made[3], made[2]])
    assert journal.read(window.next_in_line) == made[3].id
    assert claimed(journal, 4) == [made[index].id for index in (3, 2, 4, 0)]
    assert claimed(journal, 9) == [made[1].id, made[5].id], "each once"


@pytest.mark.parametrize("stages", [BEFORE_PAYING, TO_SAVE])
def test_what_always_fails_keeps_nothing_else_from_its_turn(journal: Journal, stages: tuple[Stage, ...]) -> None:
    *failing, fresh = queued(journal, 3)
    place = "UPDATE jobs SET stage = ?, status = 'waiting', reason = 'try again', due = 1, expires_at = id + 9e9"
    journal.write(lambda db: db.execute(place, (stages[0],)))
    journal.write(lambda db: db.execute("UPDATE jobs SET attempts = 3 WHERE id < ?", (fresh.id,)))
    journal.write(lambda db: db.execute("UPDATE jobs SET status = 'ready', reason = '' WHERE id = ?", (fresh.id,)))
    taken = journal.write(claims.claim, "studio", stages, time.time(), 1)
    assert [job.id for job in taken] == [fresh.id]
    assert len(journal.write(claims.claim, "studio", stages, time.time(), 9)) == len(failing)


def test_what_was_put_first_goes_back_to_its_turn(journal: Journal) -> None:
    made = queued(journal, 3)
    journal.write(put_first, [made[2]])
    [back] = journal.write(put_first, [made[2]], undo=True)
    assert back.job.ahead == 0
    assert claimed(journal, 3) == [job.id for job in made]


def test_what_is_past_the_queue_stays_as_it_is(journal: Journal) -> None:
    [job, twin, waits] = queued(journal, 3)
    [running] = [journal.read(jobs.get, number) for number in claimed(journal, 1)]
    assert running
    [placed] = journal.write(put_first, [running])
    assert (placed.refused, placed.job) == (Refusal.PAST_QUEUE, running)
    journal.write(
        lambda db: db.execute(
            "UPDATE jobs SET stage = 'checked', status = 'waiting', reason = 'same photo as another job', twin_of = ?"
            " WHERE id = ?",
            (waits.id, twin.id),
        )
    )
    [placed] = journal.write(put_first, [twin])
    assert placed.buyer
    assert (placed.buyer.id, placed.refused) == (waits.id, None), "what it waits for comes first with it"
    assert job.stage is Stage.NEW
    assert claimed(journal, 1) == [waits.id]


def test_jobs_are_put_first_by_command_and_listed_so(desk: Desk) -> None:
    desk("pause")
    for seed in range(3):
        desk.photo(f"boot {seed}.jpg", seed)
    desk("submit", desk.inbox, "-w", "Export only", "-o", desk.out, "--yes")
    assert desk("first", "3").out == "boot 2.jpg: comes first\n"
    assert [job["first"] for job in desk.jobs()] == [False, False, True]
    assert desk("jobs").out.splitlines()[1].split()[0] == "3"
    desk("resume")
    desk("wait")
    assert desk("first", "3").out == "Job 3 is done and waits for no turn any more: nothing has changed.\n"
    assert not any(job["first"] for job in desk.jobs())
