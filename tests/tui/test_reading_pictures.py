"""What is read of a picture, and what is said where it cannot be."""

from __future__ import annotations

import os
import sys
from pathlib import Path
from typing import Any

import pytest
from PIL import Image

from artui.tui import pictures
from artui.tui.drawing import choose_drawing, chosen
from artui.tui.pictures import Frame, Unshowable, read_picture

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


def is_red(colour: Any) -> bool:
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
