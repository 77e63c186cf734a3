"""Review: results looked through one after the other, a decision each, and the one question at the end."""

from __future__ import annotations

import csv
import json
import os
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest
from PIL import Image

from artui.config import load, paths
from artui.core import review
from artui.credentials import Vault
from artui.files.regular import digest_of
from artui.journal import jobs, reviews
from artui.model.job import Job
from artui.model.states import Review
from artui.providers import open_provider
from artui.providers.base import Transient
from artui.providers.services.autoretouch.provider import AutoRetouch
from artui.sim.server import Simulator
from artui.tui.drawing import choose_drawing
from artui.tui.reviewing import ReviewScreen
from artui.tui.reviewing.questions import Reasons
from tests.studio import configure
from tests.tui.desk import QUEUED, SAVED, Desk, at_desk, fill

pytestmark = pytest.mark.anyio

COLOURS = ("red", "lime", "blue")


def pair(folder: Path, name: str, colour: str = "blue", **columns: Any) -> dict[str, Any]:
    """A saved job with its photo and its result."""
    photo, result = folder / "in" / name, folder / "out" / f"{Path(name).stem}.png"
    for path in (photo, result):
        path.parent.mkdir(exist_ok=True)
    Image.new("RGB", (800, 600), "gray").save(photo, "JPEG", comment=name.encode())
    Image.new("RGBA", (400, 300), colour).save(result)
    stored = {"locator": "it", "path": str(result), "digest": digest_of(result), "media_type": "image/png"}
    return {
        **SAVED, "source": os.fsencode(photo), "folder": os.fsencode(result.parent), "stem": os.fsencode(result.stem),
        "labels": json.dumps({"sku": photo.stem.rpartition("_")[0]}), "results": json.dumps([stored]), **columns,
    }  # fmt: skip


def ten(folder: Path, **columns: Any) -> list[int]:
    """Ten saved results of three SKUs, numbered as they are looked through."""
    names = [f"AW26-47{10 + number // 4}_{number % 4 + 1:02}.jpg" for number in range(10)]
    return fill(*(pair(folder, name, COLOURS[place % 3], **columns) for place, name in enumerate(names)))


async def open_review(desk: Desk, *keys: str) -> ReviewScreen:
    await desk.press(*keys)
    await desk.until(lambda: isinstance(desk.console.screen, ReviewScreen))
    screen = desk.console.screen
    assert isinstance(screen, ReviewScreen)
    return screen


def stands(desk: Desk, *numbers: int) -> list[str]:
    return [desk.job(number).review for number in numbers]


def front(desk: Desk) -> Any:
    picture = desk.console.screen.query_one("#after").picture  # type: ignore[attr-defined]
    return picture and picture.drawn.getpixel((2, 2))


@pytest.mark.usefixtures("configured")
class TestDeciding:
    @pytest.mark.parametrize("size", [(80, 24), (120, 36), (200, 50)])
    async def test_the_screen_at_three_sizes(self, tmp_path: Path, size: tuple[int, int]) -> None:
        ten(tmp_path)
        async with at_desk(size) as desk:
            await open_review(desk, "b")
            await desk.sees("1 of 10 | kept 0 | rejected 0 | to see 10", "sku AW26-4710, photo 1 of 4")
            await desk.sees(
                "after   400 x 300", "4710 [.]...  4711 ....  4712 ..", "this photo: not decided", "esc leave"
            )
            assert ("before   800 x 600" in "\n".join(desk.lines())) is (size[0] >= 100)
            await desk.press("x")
            await desk.sees("Why is AW26-4710_01.jpg", "1  mask or edges", "0  other: type it", "n  it is not rejected")
            assert {len(line) for line in desk.lines()} == {size[0]}
            await desk.press("2")
            await desk.sees("2 of 10", "rejected 1", "4710 x[.]..", "AW26-4710_01.png is in ")
            await desk.press("p")
            await desk.until(lambda: ("before   800 x 600" in "\n".join(desk.lines())) is (size[0] < 100))

    async def test_words_narrow_what_is_looked_through_and_a_decision_stays_in_sight(self, tmp_path: Path) -> None:
        numbers = ten(tmp_path)
        async with at_desk() as desk:
            screen = await open_review(desk, "b")
            await desk.sees("1 of 10")
            await desk.press("slash", *"sku:4711 status:see", "enter")
            await desk.sees("1 of 4 |", "4 of 10 match 'sku:4711 status:see'", "AW26-4711_01.jpg")
            await desk.press("space", "space", "u")
            await desk.until(lambda: stands(desk, *numbers[4:6]) == ["kept", ""])
            await desk.sees("2 of 4 | kept 1", "AW26-4711_02.jpg")
            await desk.press("comma", "comma")
            await desk.until(lambda: screen.entries[0].photo.name == "AW26-4711_04.jpg")
            await desk.press("slash", *"ghots", "enter")
            await desk.sees("None of 10 match 'ghots'. esc clears the filter.")
            await desk.press("escape")
            await desk.sees(" of 10 | kept 1")
            await desk.press("escape")
            await desk.until(lambda: len(desk.console.screen_stack) == 1)

    async def test_each_decision_is_saved_at_once_and_taken_back(self, tmp_path: Path) -> None:
        numbers = ten(tmp_path)
        async with at_desk() as desk:
            await open_review(desk, "j", "b")  # from the row under the cursor
            await desk.sees("2 of 10")
            await desk.press("space")
            await desk.until(lambda: stands(desk, *numbers[:3]) == ["", "kept", ""])
            await desk.press("x", "enter")  # as the last time: the first, where there was none
            await desk.until(lambda: stands(desk, *numbers[:4]) == ["", "kept", "rejected", ""])
            assert desk.job(numbers[2]).review_reason == "mask or edges"
            assert (tmp_path / "out/rejected/AW26-4710_03.png").is_file()
            await desk.press("x", "0", "t", "w", "o", "enter")
            await desk.until(lambda: desk.job(numbers[3]).review_reason == "two")
            await desk.press("u")
            await desk.sees("4 of 10", "this photo: not decided", "nobody has decided about AW26-4710_04.jpg")
            assert (tmp_path / "out/AW26-4710_04.png").is_file()
            await desk.press("left", "left", "u")  # after walking it is the photo in front
            await desk.until(lambda: stands(desk, *numbers[1:4]) == ["", "rejected", ""])
            await desk.press("x", "escape", "x", "n", "escape")
            await desk.sees("[1 Jobs]")
            assert stands(desk, *numbers) == ["", "", "rejected", *[""] * 7]

    async def test_a_key_pressed_twice_or_in_a_burst_rejects_nothing(self, tmp_path: Path) -> None:
        numbers = ten(tmp_path)
        async with at_desk() as desk:
            await open_review(desk, "b")
            await desk.burst("x", "x", "enter", "space")
            await desk.until(lambda: isinstance(desk.console.screen, Reasons))
            await desk.press("escape")
            assert set(stands(desk, *numbers)) == {""}
            await desk.burst(*["space"] * 14)  # the last ones find a question that they do not answer
            await desk.sees("10 of 10 kept, none rejected. esc leaves.")
            assert set(stands(desk, *numbers)) == {"kept"}
            assert desk.requests() == []

    async def test_what_somebody_else_has_decided_meanwhile_stands(
        self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        numbers = ten(tmp_path)
        async with at_desk() as desk:
            await open_review(desk, "b")
            await desk.sees("1 of 10")
            screen = desk.console.screen
            assert isinstance(screen, ReviewScreen)
            monkeypatch.setattr(desk.console.view, "_look_again", lambda: None)  # it has not seen it yet
            other = desk.job(numbers[0])
            review.decide(desk.console.journal, [other], Review.REJECTED, who="mara", reason="colour")
            await desk.press("space")
            await desk.sees("somebody else has decided", "4710 x[.]..")
            assert stands(desk, numbers[0]) == ["rejected"]
            await desk.press("left")
            await desk.sees("rejected by mara", ": colour")

    async def test_news_keep_the_photo_in_front(self, tmp_path: Path) -> None:
        numbers = ten(tmp_path)
        async with at_desk() as desk:
            await open_review(desk, "end", "b")
            await desk.sees("10 of 10", "4712 .[.]")
            review.decide(desk.console.journal, [desk.job(numbers[8])], Review.KEPT, who="mara")
            await desk.sees("kept 1", "4712 +[.]")
            desk.write(lambda db: db.execute("UPDATE jobs SET results = '[]' WHERE id = ?", (numbers[0],)))
            desk.write(jobs.note, desk.job(numbers[0]), "noted", "")
            await desk.sees("9 of 9", "AW26-4712_02.jpg")

    async def test_the_piece_stays_while_going_on(self, tmp_path: Path) -> None:
        ten(tmp_path)
        async with at_desk((120, 36)) as desk:
            screen = await open_review(desk, "b")
            await desk.press("z", "right", "down")
            await desk.sees("1:1, ", "the arrows move the piece", "800 x 600", "from 400, 300")
            middle = screen.middle
            assert middle != (0.5, 0.5)
            await desk.press("space")
            await desk.sees("2 of 10", "from 400, 300")
            assert screen.crop
            assert screen.middle == middle

    async def test_pictures_and_their_ground_are_of_the_photo_in_front(self, tmp_path: Path) -> None:
        ten(tmp_path)
        async with at_desk() as desk:
            await open_review(desk, "b")
            await desk.until(lambda: front(desk) == (255, 0, 0))
            await desk.press("right")
            await desk.until(lambda: front(desk) == (0, 255, 0))
            await desk.press("b")
            await desk.sees("before   800 x 600")

    async def test_what_is_gone_and_pictures_that_are_off_are_said(self, tmp_path: Path) -> None:
        ten(tmp_path)
        (tmp_path / "out/AW26-4710_01.png").unlink()
        async with at_desk() as desk:
            await open_review(desk, "b")
            await desk.sees("This file is no longer there.")
            await desk.press("x", "1")
            await desk.sees("AW26-4710_01.png is no longer there: nothing was moved.")
        choose_drawing("off")
        try:
            async with at_desk() as desk:
                await open_review(desk, "b")
                await desk.sees("Pictures are switched off")
                await desk.press("space")
                await desk.sees("2 of 10")
        finally:
            choose_drawing("blocks")

    async def test_names_that_mean_harm_are_shown_as_they_are(self, tmp_path: Path) -> None:
        fill(pair(tmp_path, "[bold]\x1b[31m\u202e_01.jpg"), pair(tmp_path, "[/]\u0301_02.jpg"))
        async with at_desk() as desk:
            await open_review(desk, "b")
            await desk.sees("2 | kept 0")
            await desk.press("x", "1")
            await desk.sees("rejected 1")
            text = "\n".join(desk.lines())
            assert "\x1b" not in text
            assert "\u202e" not in text

    async def test_only_reading_looks_and_decides_nothing(self, tmp_path: Path) -> None:
        numbers = ten(tmp_path)
        async with at_desk(readonly=True) as desk:
            screen = await open_review(desk, "b")
            await desk.press("space", "x", "u", "enter", "right")
            await desk.sees("2 of 10")
            assert desk.console.screen is screen
            assert set(stands(desk, *numbers)) == {""}

    async def test_copies_are_looked_at_once_and_nothing_saved_is_said(self, tmp_path: Path) -> None:
        first = fill(pair(tmp_path, "a_01.jpg"))[0]
        copy = pair(tmp_path, "b_01.jpg") | {"status": "skipped", "twin_of": first, "purchase": 0, "charged": None}
        second = fill(copy, QUEUED, batch="other")[0]
        async with at_desk() as desk:
            await open_review(desk, "b")
            await desk.sees("1 of 1 |")
            await desk.press("x", "3")
            await desk.until(lambda: stands(desk, first, second) == ["rejected", "rejected"])
            await desk.press("n", "escape", "B")
            await desk.sees("2 batches")
            desk.write(lambda db: db.execute("UPDATE jobs SET status = 'cancelled' WHERE id = ?", (second,)))
            await open_review(desk, "b")
            await desk.sees("Nothing to look at yet: none of other is saved. 2 photos are not there yet.")
            await desk.press("space", "x", "enter", "escape", "escape")
            await desk.sees("[1 Jobs]")

    async def test_a_list_for_a_retoucher_is_one_that_reject_reads(self, tmp_path: Path) -> None:
        numbers = ten(tmp_path)
        async with at_desk() as desk:
            await open_review(desk, "b")
            await desk.press("x", "2", "enter")
            await desk.sees("1 of 10 looked at: 0 kept, 1 rejected (1 colour). What becomes of", "n  it stays rejected")
            await desk.sees("l  a list for a retoucher (free)")
            await desk.press("l")
            await desk.sees("The list for the retoucher is")
        [place] = (tmp_path / "out/rejected").glob("retouch *.csv")
        [row] = csv.DictReader(place.read_text().splitlines())
        assert (row["job"], row["reason"]) == (str(numbers[0]), "colour")
        assert row["file"] == str(tmp_path / "out/rejected/AW26-4710_01.png")
        assert [one.job for one in review.read_decisions(place.read_bytes(), tmp_path)] == numbers[:1]

    async def test_the_pane_and_the_keys_of_a_saved_job(self, tmp_path: Path) -> None:
        numbers = ten(tmp_path)
        fill(QUEUED, QUEUED, batch="more")
        async with at_desk((120, 36)) as desk:
            place = desk.table.order.index(numbers[0])
            desk.table.move_to(place)
            await desk.sees("1 of 4 of its sku", "review: not looked at yet", "b review  r fetch again")
            review.decide(desk.console.journal, [desk.job(numbers[0])], Review.REJECTED, who="mara", reason="colour")
            await desk.sees("review: rejected by mara", ": colour")
            await desk.press("enter")
            await desk.sees("b review", "r fetch again")
            await desk.press("escape")
            queued = next(number for number in desk.table.order if desk.job(number).status == "ready")
            desk.table.move_to(desk.table.order.index(queued))
            await desk.press("f")
            await desk.until(lambda: desk.job(queued).ahead)
            await desk.press("f")
            await desk.until(lambda: not desk.job(queued).ahead)


class TestThumbs:
    """What the service is told is liked: by the way of ``artui keep`` and ``reject``, where the account wants that."""

    async def test_they_follow_the_decisions(
        self, configured: None, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        file = paths().config_file
        file.write_text(file.read_text().replace("[accounts.studio]", "[accounts.studio]\nratings = true"))
        told: list[bool] = []

        async def rate(self: AutoRetouch, execution: str, *, good: bool) -> None:
            del self, execution
            if len(told) == 2:
                raise Transient("the service does not answer")
            told.append(good)

        monkeypatch.setattr(AutoRetouch, "rate", rate)
        numbers = ten(tmp_path)
        async with at_desk((120, 36)) as desk:
            await open_review(desk, "b")
            await desk.press("space", "x", "1")
            await desk.until(lambda: told == [True, False])
            await desk.press("space")
            await desk.sees("The service of studio was not told")
            assert stands(desk, *numbers[:3]) == ["kept", "rejected", "kept"]


@asynccontextmanager
async def signed_in(stand_in: Simulator, monkeypatch: pytest.MonkeyPatch, folder: Path) -> AsyncIterator[Desk]:
    """Ten saved results of a workflow that the stand-in has, of an account that is signed in there."""
    stand_in.faults.clear()
    config = configure(stand_in, monkeypatch)
    account = config.accounts["studio"]
    async with open_provider(load(paths()), account, Vault(paths())) as provider:
        identity = await provider.identify()
        flow = next(one for one in await provider.workflows() if one.name == "Ghost Mannequin")
    ten(
        folder, workflow=flow.id, workflow_name=flow.name, version=flow.version, payer=identity.payer, quoted=flow.price
    )
    async with at_desk() as desk:
        yield desk


def ordered_again(desk: Desk) -> list[Job]:
    return desk.console.journal.read(jobs.select, "redo_of IS NOT NULL ORDER BY id")


class TestOrderingAgain:
    async def test_reject_two_of_ten_looking_at_all_and_order_them_again_in_15_keys(
        self, stand_in: Simulator, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
    ) -> None:
        async with signed_in(stand_in, monkeypatch, tmp_path) as desk:
            pressed = 0

            async def press(*keys: str) -> None:
                nonlocal pressed
                pressed += len(keys)
                await desk.press(*keys)

            await press("b")
            await desk.until(lambda: isinstance(desk.console.screen, ReviewScreen))
            await press(*["space"] * 4, "x", "1", *["space"] * 3, "x", "2", "space")
            await desk.sees(
                "10 looked at: 8 kept, 2 rejected (1 mask or edges, 1 colour). What", "Ghost Mannequin again"
            )
            await desk.sees("y  Ghost Mannequin again: at most 114 cr")
            assert ordered_again(desk) == []
            await press("y")
            await desk.until(lambda: len(ordered_again(desk)) == 2)
            await desk.sees("2 photos queued again.", "[1 Jobs]")
            assert pressed <= 15
            assert [job.quoted for job in ordered_again(desk)] == [57, 57]
            # They are not offered once more.
            await open_review(desk, "b")
            await desk.press("enter")
            await desk.sees("All of them were ordered again before")

    async def test_nothing_is_sent_at_another_price_than_was_agreed_to(
        self, stand_in: Simulator, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
    ) -> None:
        async with signed_in(stand_in, monkeypatch, tmp_path) as desk:
            desk.write(lambda db: db.execute("UPDATE jobs SET quoted = 40"))
            await open_review(desk, "b")
            await desk.press("x", "1", "enter")
            await desk.sees("again: at most 40 cr")
            await desk.press("y")
            await desk.sees("The price is 57 cr now. Nothing was sent")
            assert ordered_again(desk) == []
            await desk.press("enter")
            await desk.sees("again: at most 57 cr")
            await desk.press("y")
            await desk.until(lambda: len(ordered_again(desk)) == 1)


def test_the_order_is_by_sku_then_file_and_those_without_one_last(configured: None, tmp_path: Path) -> None:
    from artui.engine.anchor import open_journal

    names = ["b_02.jpg", "a_09.jpg", "b_01.jpg"]
    numbers = fill(*(pair(tmp_path, name) for name in names), pair(tmp_path, "0.jpg", labels="{}"))
    with open_journal(paths()) as journal:
        found = journal.read(review.to_look_at, numbers)
        [last] = journal.read(jobs.select, "id = ?", (numbers[0],))
        assert journal.read(reviews.of_sku, last) == (2, 2)
    assert [one.photo.name for one in found] == ["a_09.jpg", "b_01.jpg", "b_02.jpg", "0.jpg"]
