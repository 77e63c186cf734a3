"""The sampling gate: the first results side by side, one after the other, and a yes, a no or neither."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

import pytest
from PIL import Image

from artui.config import paths
from artui.engine.anchor import open_journal
from artui.journal import jobs, requests
from artui.model.states import Stage, Status
from artui.tui import sampling
from artui.tui.dialogs import Question
from artui.tui.reviewing import ReviewScreen
from tests.tui.desk import QUEUED, SAVED, SENT, Desk, at_desk, fill

pytestmark = [pytest.mark.anyio, pytest.mark.usefixtures("configured")]

WAITING = {"status": "held", "reason": "sample", "message": "waits for a yes to the first 2 results of its batch"}


@pytest.fixture
def batch(tmp_path: Path) -> list[int]:
    """Two that went ahead, the second still under way, and three that wait."""
    before, after = tmp_path / "before.jpg", tmp_path / "after.png"
    Image.new("RGB", (800, 600), "red").save(before)
    Image.new("RGB", (400, 300), "blue").save(after)
    come = {"source": os.fsencode(before), "results": json.dumps([{"locator": "it", "path": str(after)}])}
    return fill({**SAVED, **come}, {**SENT, "source": os.fsencode(before)}, *[WAITING] * 3)


async def open_sample(desk: Desk, *keys: str) -> ReviewScreen:
    await desk.press(*keys)
    await desk.until(lambda: isinstance(desk.console.screen, ReviewScreen))
    screen = desk.console.screen
    assert isinstance(screen, ReviewScreen)
    return screen


def asked(desk: Desk) -> list[tuple[str, dict[str, Any]]]:
    return [(one.what, dict(one.arguments)) for one in desk.console.journal.read(requests.pending)]


async def test_the_first_results_are_looked_at_in_review(batch: list[int]) -> None:
    async with at_desk() as desk:
        assert desk.console.journal.read(sampling.waiting_samples)[0].rest.price == 30
        await desk.sees("waits for your yes", "Not sent before your yes: b shows the first results")
        await open_sample(desk, "b")
        await desk.sees("Send the other 3 photos of aw26? At most 30 cr.", "before.jpg", "after   400 x 300")
        await desk.press("x", "1")
        await desk.sees("Of the first 2: 1 rejected, 1 on the way (mask or edges).")
        assert asked(desk) == []


@pytest.mark.parametrize(("key", "yes"), [("y", True), ("x", False)])
async def test_one_key_answers(batch: list[int], key: str, yes: bool) -> None:
    async with at_desk() as desk:
        await open_sample(desk, "enter", "enter")
        await desk.press("enter")
        await desk.sees("Send the other 3 photos of aw26? At most 30 cr.", "Of the first 2: 1 saved, 1 on the way.")
        await desk.sees("n  later", "y  send them", "x  cancel the 3, nothing is paid")
        await desk.press(key)
        await desk.until(lambda: not isinstance(desk.console.screen, (Question, ReviewScreen)))
        assert asked(desk) == [("approve", {"batch": "id-aw26", "yes": yes, "until": 5})]


@pytest.mark.parametrize("key", ["n", "escape", "enter"])
async def test_later_goes_back_to_the_pictures(batch: list[int], key: str) -> None:
    async with at_desk() as desk:
        await open_sample(desk, "enter", "enter")
        await desk.press("n", "enter")
        await desk.sees("n  later")
        await desk.press(key)
        await desk.until(lambda: isinstance(desk.console.screen, ReviewScreen))
        await desk.press("escape")
        await desk.until(lambda: not isinstance(desk.console.screen, ReviewScreen))
        assert asked(desk) == []


async def test_it_is_reached_from_submit_and_from_what_went_ahead(batch: list[int]) -> None:
    async with at_desk() as desk:
        await open_sample(desk, "2", "y")
        await desk.press("escape", "1", "end")
        await desk.sees("The rest of this batch waits for your yes: b shows what has come")
        await open_sample(desk, "b")


async def test_what_comes_meanwhile_is_shown_and_an_answer_given_elsewhere_closes_it(
    batch: list[int], tmp_path: Path
) -> None:
    async with at_desk() as desk:
        await open_sample(desk, "b")
        await desk.sees("1 of 2 have come", "[.]")
        sent = desk.job(batch[1])
        result = desk.job(batch[0]).results
        for stage, status in ((Stage.PROCESSED, Status.RUNNING), (Stage.SAVED, Status.DONE)):
            sent = desk.write(jobs.move, sent, stage, status, "saved", results=result)
        await desk.sees("1 of 2", "[.].")
        for number in batch[2:]:
            desk.write(jobs.move, desk.job(number), Stage.NEW, Status.READY, "approved")
        await desk.pilot.pause()
        desk.write(jobs.note, desk.job(batch[0]), "noted", "")
        await desk.until(lambda: not isinstance(desk.console.screen, ReviewScreen))
        assert asked(desk) == []


async def test_only_reading_looks_but_does_not_answer(batch: list[int]) -> None:
    async with at_desk(readonly=True) as desk:
        await open_sample(desk, "b")
        await desk.press("space", "enter")
        await desk.pilot.pause()
        assert isinstance(desk.console.screen, ReviewScreen)
        assert asked(desk) == []


def test_a_sample_is_counted_without_reading_its_jobs(batch: list[int]) -> None:
    fill(QUEUED, batch="other")
    with open_journal(paths()) as journal:
        [sample] = journal.read(sampling.waiting_samples)
    assert (sample.batch.id, sample.rest.photos, sample.rest.price, sample.come) == ("id-aw26", 3, 30, 1)
    assert sampling.line([sample]) == "aw26: the first 2 are on their way, 3 wait: y"
