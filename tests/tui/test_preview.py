"""Before and after: what is read of a picture, how it is drawn, and what is said where it cannot be."""

from __future__ import annotations

import json
import os
import sys
from pathlib import Path
from typing import Any

import pytest
from PIL import Image

from artui.config import paths
from artui.journal import history
from artui.providers.base import Transient
from artui.providers.services.autoretouch.provider import AutoRetouch
from artui.tui import pictures
from artui.tui.drawing import choose_drawing, chosen
from artui.tui.pictures import Frame, Unshowable, read_picture
from artui.tui.preview import PreviewScreen
from tests.tui.desk import QUEUED, SAVED, Desk, at_desk, fill

pytestmark = pytest.mark.anyio

DOTS = (40, 36)


@pytest.fixture
def photo(tmp_path: Path) -> Path:
    """A picture whose left half is red and whose right half is blue."""
    picture = Image.new("RGB", (800, 600), "red")
    picture.paste("blue", (400, 0, 800, 600))
    path = tmp_path / "photo.jpg"
    picture.save(path)
    return path


def is_red(colour: tuple[int, int, int]) -> bool:
    return colour[0] > 200 > 60 > colour[2]


def test_a_picture_fits_into_its_frame(photo: Path) -> None:
    read = read_picture(photo, Frame(DOTS))
    assert read.whole == (800, 600)
    assert read.drawn.size == (40, 30)
    assert is_red(read.drawn.getpixel((5, 15)))
    assert not is_red(read.drawn.getpixel((35, 15)))


def test_a_crop_is_one_pixel_to_a_dot_and_stays_inside(photo: Path) -> None:
    assert read_picture(photo, Frame(DOTS, crop=True, middle=(0.0, 0.0))).drawn.size == DOTS
    assert is_red(read_picture(photo, Frame(DOTS, crop=True, middle=(0.1, 0.5))).drawn.getpixel((39, 0)))
    assert pictures.corner((800, 600), Frame(DOTS, crop=True, middle=(1.0, 1.0))) == (760, 564)
    assert pictures.corner((30, 20), Frame(DOTS, crop=True)) == (0, 0)


def test_a_turned_photo_is_turned_back(tmp_path: Path, photo: Path) -> None:
    turned = tmp_path / "turned.jpg"
    exif = Image.Exif()
    exif[0x0112] = 6  # to be turned right by a quarter
    Image.open(photo).save(turned, exif=exif)
    read = read_picture(turned, Frame(DOTS))
    assert read.whole == (600, 800)
    assert is_red(read.drawn.getpixel((10, 2)))


@pytest.mark.parametrize("mode", ["1", "L", "LA", "P", "RGB", "RGBA", "CMYK", "I;16", "I", "F"])
@pytest.mark.parametrize("crop", [False, True])
def test_every_kind_of_pixels_is_drawn(mode: str, crop: bool, tmp_path: Path) -> None:
    path = tmp_path / "picture.tif"
    Image.new(mode, (90, 70)).save(path)
    assert read_picture(path, Frame(DOTS, crop=crop)).drawn.mode == "RGB"


def test_what_is_transparent_shows_chequers(tmp_path: Path) -> None:
    path = tmp_path / "cut out.png"
    Image.new("RGBA", (64, 64), (255, 0, 0, 0)).save(path)
    drawn = read_picture(path, Frame((64, 64))).drawn
    assert {colour for _, colour in drawn.getcolors() or []} == {(level,) * 3 for level in pictures.CHECK}


def test_a_picture_that_needs_too_much_memory_is_refused_and_a_jpeg_read_smaller(
    photo: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(pictures, "MOST_PIXELS", 100_000)
    large = tmp_path / "large.png"
    Image.open(photo).save(large)
    assert read_picture(photo, Frame(DOTS)).drawn.size == (40, 30)
    with pytest.raises(Unshowable, match="800 x 600 pixels"):
        read_picture(large, Frame(DOTS))
    with pytest.raises(Unshowable, match="a piece 1:1 needs the whole picture"):
        read_picture(photo, Frame(DOTS, crop=True))


def test_what_is_no_picture_is_said_in_a_sentence(tmp_path: Path, photo: Path) -> None:
    broken = tmp_path / "broken.jpg"
    broken.write_bytes(photo.read_bytes()[:700])
    fifo = tmp_path / "fifo.jpg"
    os.mkfifo(fifo)
    for path, sentence in ((broken, "cannot be read"), (fifo, "cannot be read"), (tmp_path / "none", "no longer")):
        with pytest.raises(Unshowable, match=sentence):
            read_picture(path, Frame(DOTS))


def test_without_pillow_it_says_what_to_install(photo: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "PIL", None)
    with pytest.raises(Unshowable, match=r"pip install 'artui\[preview\]'"):
        read_picture(photo, Frame(DOTS))


def test_a_terminal_that_cannot_be_asked_means_half_blocks(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "textual_image", None)
    choose_drawing("auto")
    assert chosen.widget is None


def saved(photo: Path, after: Path) -> int:
    """A job that is done; returns its number."""
    result = {"locator": "it", "path": str(after)}
    state = {**SAVED, "source": os.fsencode(photo), "results": json.dumps([result])}
    return fill(state)[0]


async def open_preview(desk: Desk) -> PreviewScreen:
    await desk.press("enter", "b")
    await desk.until(lambda: isinstance(desk.console.screen, PreviewScreen))
    screen = desk.console.screen
    assert isinstance(screen, PreviewScreen)
    return screen


@pytest.mark.usefixtures("configured")
class TestScreen:
    async def test_side_by_side_swapped_and_cropped(self, photo: Path, tmp_path: Path) -> None:
        after = tmp_path / "after [b].png"
        Image.new("RGBA", (300, 200)).save(after)
        saved(photo, after)
        async with at_desk() as desk:
            await open_preview(desk)
            await desk.sees(
                "Before  photo.jpg", "After  after [b].png", "800 x 600", "300 x 200", "38 x 40 dots for each"
            )
            assert desk.lines()[0].index("Before") < desk.lines()[0].index("After")
            await desk.press("b")
            await desk.until(lambda: desk.lines()[0].index("After") < desk.lines()[0].index("Before"))
            await desk.press("z")
            await desk.sees("1:1, 38 x 40 pixels of each", "800 x 600", "from 381, 280")
            await desk.press("right", "down")
            await desk.sees("from 400, 300")
            await desk.press("z", "escape", "escape")
            await desk.sees("[1 Jobs]")

    async def test_enter_opens_it_on_what_is_done(self, photo: Path) -> None:
        saved(photo, photo)
        async with at_desk() as desk:
            await desk.press("enter")
            await desk.sees("What happened")
            await desk.press("enter")
            await desk.sees("Before  photo.jpg", "After  photo.jpg")

    async def test_what_is_missing_is_said(self) -> None:
        fill(QUEUED)
        async with at_desk() as desk:
            await open_preview(desk)
            await desk.sees("This file is no longer there.", "There is no result on this machine")

    async def test_pictures_can_be_switched_off(self, photo: Path) -> None:
        choose_drawing("off")
        saved(photo, photo)
        try:
            async with at_desk() as desk:
                await open_preview(desk)
                await desk.sees("Pictures are switched off")
        finally:
            choose_drawing("blocks")


class TestThumbs:
    """What the service is told is liked: by ``artui rate``'s own way, where the account wants that."""

    @pytest.fixture
    def told(self, configured: Any, monkeypatch: pytest.MonkeyPatch) -> list[tuple[str, bool]]:
        """What an account with ``ratings = true`` has told its service."""
        del configured
        file = paths().config_file
        file.write_text(file.read_text().replace("[accounts.studio]", "[accounts.studio]\nratings = true"))
        told: list[tuple[str, bool]] = []

        async def rate(self: AutoRetouch, execution: str, *, good: bool) -> None:
            del self
            if execution == "refused":
                raise Transient("the service does not answer")
            told.append((execution, good))

        monkeypatch.setattr(AutoRetouch, "rate", rate)
        return told

    async def test_up_is_told_at_once_and_down_after_a_yes(self, photo: Path, told: list[tuple[str, bool]]) -> None:
        number = saved(photo, photo)
        async with at_desk() as desk:
            await open_preview(desk)
            await desk.sees("space thumb up", "x thumb down...")
            await desk.press("space")
            await desk.sees("Sent: thumb up for photo.jpg.")
            assert told == [(f"4f49c2b1-{number}", True)]
            await desk.press("x")
            await desk.sees("is not liked?")
            await desk.press("n", "x", "y")
            await desk.until(lambda: told[1:] == [(f"4f49c2b1-{number}", False)])
            await desk.until(
                lambda: (
                    [e.message for e in desk.console.journal.read(history.of_job, number) if e.what == "rated"]
                    == ["up", "down"]
                )
            )

    async def test_what_goes_wrong_is_said(self, photo: Path, told: list[tuple[str, bool]]) -> None:
        number = saved(photo, photo)
        async with at_desk() as desk:
            desk.write(lambda db: db.execute("UPDATE jobs SET execution = 'refused' WHERE id = ?", (number,)))
            await open_preview(desk)
            await desk.press("space")
            await desk.sees("Not sent: the service does not answer")
        assert not told

    @pytest.mark.parametrize("given", [{"readonly": True}, {}])
    async def test_nothing_is_told_where_nothing_is_to_change_or_nobody_wants_it(
        self, photo: Path, told: list[tuple[str, bool]], given: dict[str, bool]
    ) -> None:
        if not given:
            file = paths().config_file
            file.write_text(file.read_text().replace("ratings = true", "ratings = false"))
        saved(photo, photo)
        async with at_desk(**given) as desk:
            screen = await open_preview(desk)
            await desk.sees("z 1:1")
            await desk.press("space", "x")
            assert desk.console.screen is screen
            assert "thumb" not in "\n".join(desk.lines())
        assert not told
