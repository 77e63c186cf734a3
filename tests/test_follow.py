"""Telling of many photos at once on a terminal, of each one elsewhere, and of every event to a program."""

from __future__ import annotations

import itertools
import json
import time
from pathlib import Path
from typing import Any

import pytest

from artui.cli import following
from artui.cli.exits import Onward
from artui.cli.following import Following, wait_for
from artui.config import paths
from artui.core.follow import Grouped, JsonLines, Lines
from artui.engine.anchor import open_journal
from artui.journal import Journal, history, jobs
from artui.model.job import Event, Job
from artui.model.states import Stage, Status
from tests.samples import new_job

ALL = Following(None, (), 0)
"""All jobs, from the first event on."""


@pytest.fixture
def journal() -> Any:
    paths().create()
    with open_journal(paths()) as journal:
        yield journal


def happens(number: int, what: str, status: Status, message: str = "") -> tuple[Event, Job]:
    event = Event(number, number, time.time(), what, Stage.SUBMITTED, status, message)
    plain = new_job(source=Path(f"/photos/IMG_{number:04}.jpg"))
    job = Job(**{name: getattr(plain, name) for name in plain.__slots__}, id=number, reason="failed at the service")
    return event, job


def test_what_went_alike_is_one_line_and_how_all_stand_another() -> None:
    said: list[str] = []
    told = Grouped(said.append, lambda: "412 saved, 3 failed", every=0.0)
    for number in range(40):
        told.event(*happens(number, "saved", Status.DONE, "a.png"))
    for number in range(40, 43):
        told.event(*happens(number, "failed", Status.FAILED, '"Processing error"'))
    told.event(*happens(50, "uploaded", Status.RUNNING))
    told.pause()
    failures, standing = [line.split(" ", 1)[1] for line in said]
    assert failures == (
        'x 3 photos: failed at the service, first IMG_0040.jpg: the service failed on it: "Processing error"'
    )
    assert standing.strip() == "412 saved, 3 failed"
    told.pause()
    assert len(said) == 2, "nothing new, nothing said"


def test_what_is_put_off_is_told_before_the_last_sentence_and_not_too_soon() -> None:
    said: list[str] = []
    told = Grouped(said.append, lambda: "all", every=60.0)
    told.event(*happens(1, "failed", Status.FAILED, "no reason"))
    told.pause()
    assert said == []
    told.note("1 failed")
    assert [line.split(" ", 1)[-1] for line in said] == [
        "x IMG_0001.jpg: the service failed on it: no reason",
        "failed",
    ]


@pytest.mark.parametrize(
    ("number", "on_terminal", "grouped"), [(201, True, True), (200, True, False), (201, False, False)]
)
def test_many_photos_are_told_of_together_on_a_terminal_only(
    journal: Journal, monkeypatch: pytest.MonkeyPatch, number: int, on_terminal: bool, grouped: bool
) -> None:
    monkeypatch.setattr(following.sys.stderr, "isatty", lambda: on_terminal)
    said: list[str] = []
    _all_cancelled(journal, number)
    wait_for(None, journal, ALL, Lines(said.append), with_qa=False)  # type: ignore[arg-type]
    assert (len(said) == 1) is grouped
    assert said[-1] == f"{number:,} cancelled"


def test_a_program_gets_every_event(journal: Journal, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(following.sys.stderr, "isatty", lambda: True)
    written: list[str] = []
    _all_cancelled(journal, 201)
    wait_for(None, journal, ALL, JsonLines(written.append), with_qa=False)  # type: ignore[arg-type]
    kinds = [json.loads(line)["type"] for line in written]
    assert kinds == ["event"] * journal.read(history.last_seq) + ["end"]


def _all_cancelled(journal: Journal, number: int) -> None:
    def write(db: Any) -> None:
        for added in jobs.add(db, None, itertools.islice(iter(new_job, None), number)):
            job = jobs.get(db, added)
            assert job
            jobs.move(db, job, job.stage, Status.CANCELLED, "cancelled", message="nothing paid")

    journal.write(write)


@pytest.mark.parametrize("number", [1, 201])
def test_a_command_that_waits_for_long_becomes_the_one_that_only_waits_and_tells_nothing_twice(
    journal: Journal, monkeypatch: pytest.MonkeyPatch, number: int
) -> None:
    monkeypatch.setattr(following, "engine_keeper", lambda *_: lambda: None)
    monkeypatch.setattr(following, "SOON", 0.0)
    monkeypatch.setattr(following.sys.stderr, "isatty", lambda: True)
    said: list[str] = []
    journal.write(jobs.add, None, [new_job(stem=f"photo{each}") for each in range(number)])
    told = journal.read(history.last_seq)
    with pytest.raises(Onward) as raised:
        wait_for(None, journal, ALL, Lines(said.append), with_qa=True, may_become=True)  # type: ignore[arg-type]
    onward = raised.value.arguments
    assert onward[:2] == ["wait", "--wait-qa"]
    # What many are told of together was not told yet.
    assert Following.of(onward[-1]) == ALL._replace(since=told if number == 1 else 0)
