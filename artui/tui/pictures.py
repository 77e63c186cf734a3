"""Pictures: read with bounded memory, as a whole or a piece of one, and drawn in half blocks."""

from __future__ import annotations

import io
import os
from collections.abc import Iterator
from dataclasses import dataclass, replace
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

from rich.color import Color
from rich.segment import Segment
from rich.style import Style
from textual.geometry import Size
from textual.strip import Strip
from textual.widget import Widget

from artui.files import whole
from artui.files.regular import open_regular
from artui.files.traits import Looks, looks_of
from artui.sanitize import sanitize

if TYPE_CHECKING:
    from PIL.Image import Image

MOST_PIXELS = 50_000_000
"""The largest picture that is held in memory as a whole, about 200 MB. A JPEG is read at an eighth if need be."""

BLOCK = 1 << 15
"""Bytes of a file that are read at a time."""
KEPT = 48
"""So many pictures stay in memory, each no larger than it is drawn."""

CHECK = (204, 236)
"""The two greys of the chequers that stand for transparency."""


class Unshowable(Exception):
    """A picture cannot be shown; the text says why and what helps."""


@dataclass(frozen=True, slots=True)
class Frame:
    """How much of a picture is wanted: the dots there are, and for a crop its middle, as shares of the picture."""

    dots: tuple[int, int]
    crop: bool = False
    middle: tuple[float, float] = (0.5, 0.5)


@dataclass(frozen=True, slots=True)
class Picture:
    """A picture as it is drawn, no larger than its frame: opaque RGB; with the pixels and the bytes of the whole, and
    how that looks by its header, None where it does not say."""

    drawn: Image
    whole: tuple[int, int]
    weight: int = 0
    looks: Looks | None = None


def read_picture(path: Path, frame: Frame) -> Picture:
    """Read as much of a picture as its frame shows. Blocks; raises Unshowable."""
    try:
        from PIL import Image
    except ImportError:
        raise Unshowable("Pictures need Pillow: pip install 'artui[preview]' brings it.") from None
    Image.MAX_IMAGE_PIXELS = None  # the limit here is stricter, and counts what a smaller reading takes
    try:
        with open_regular(path) as raw, io.BufferedReader(raw, BLOCK) as stream:
            weight = os.fstat(raw.fileno()).st_size
            looks = looks_of(stream, weight, whole.sniff(stream.read(whole.HEAD)) or "")
            stream.seek(0)
            with Image.open(stream) as opened:
                return replace(_read(opened, frame), weight=weight, looks=looks)
    except FileNotFoundError:
        raise Unshowable("This file is no longer there.") from None
    except Unshowable:
        raise
    except Exception as broken:
        raise Unshowable(f"This file cannot be read as a picture ({sanitize(str(broken), 120)}).") from broken


def read_kept(path: Path, frame: Frame) -> Picture:
    """As :func:`read_picture`; one of those that were looked at last is not read again while its file is the same."""
    try:
        status = path.stat()
    except OSError:
        return read_picture(path, frame)
    return _kept(path, status.st_mtime_ns, status.st_size, frame)


@lru_cache(KEPT)
def _kept(path: Path, mtime_ns: int, weight: int, frame: Frame) -> Picture:
    del mtime_ns, weight  # by these another file of the same name is told
    return read_picture(path, frame)


def _read(opened: Image, frame: Frame) -> Picture:
    from PIL import ImageOps

    size, enough = opened.size, (2 * max(frame.dots), 2 * max(frame.dots))
    if not frame.crop:
        opened.draft("RGB", enough)
    if opened.width * opened.height > MOST_PIXELS:
        what = "a piece 1:1 needs" if frame.crop else "this kind of file needs"
        pixels = f"{size[0]:,} x {size[1]:,} pixels"
        raise Unshowable(f"{pixels}: {what} the whole picture in memory, and the limit is 50 million.")
    if not frame.crop:
        opened.thumbnail(enough)
    turned = ImageOps.exif_transpose(opened)
    if turned.size != opened.size:
        size = size[::-1]
    if frame.crop:  # the piece that fills the frame one pixel to a dot
        left, top = corner(turned.size, frame)
        right, bottom = min(turned.width, left + frame.dots[0]), min(turned.height, top + frame.dots[1])
        turned = turned.crop((left, top, right, bottom))
    drawn = _opaque(turned)
    drawn.thumbnail(frame.dots)
    return Picture(drawn, size)


def corner(whole: tuple[int, int], frame: Frame) -> tuple[int, int]:
    """Where a 1:1 piece begins in its picture, in pixels from the left and the top."""
    first, second = (
        max(0, min(total - dots, round(total * share - dots / 2)))
        for total, dots, share in zip(whole, frame.dots, frame.middle, strict=True)
    )
    return first, second


def _opaque(picture: Image) -> Image:
    """The picture in RGB; what shines through it are chequers."""
    from PIL import Image

    if picture.mode.startswith("I;16") or picture.mode == "I":
        picture = picture.point(lambda level: level / 256).convert("L")
    if not (picture.has_transparency_data):
        return picture.convert("RGB")
    layer = picture.convert("RGBA")
    wide, high = layer.size
    cell = max(1, min(wide, high) // 16)
    tile = Image.new("L", (2, 2), CHECK[0])
    tile.putpixel((0, 0), CHECK[1])
    tile.putpixel((1, 1), CHECK[1])
    ground = Image.new("L", (wide // cell + 2, high // cell + 2))
    for left in range(0, ground.width, 2):
        for top in range(0, ground.height, 2):
            ground.paste(tile, (left, top))
    ground = ground.resize((ground.width * cell, ground.height * cell), Image.Resampling.NEAREST)
    opaque = ground.crop((0, 0, wide, high)).convert("RGB")
    opaque.paste(layer, mask=layer)
    return opaque


# --------------------------------------------------------------------------------------------- how they are drawn


class Blocks(Widget):
    """A picture in half blocks, two dots to a cell; with plain signs in coloured blanks, one dot to a cell."""

    DEFAULT_CSS = """
    Blocks { height: 1fr; width: 1fr; }
    """

    def __init__(self, *, plain: bool) -> None:
        super().__init__()
        self.plain = plain
        self._picture: Image | None = None
        self._lines: list[Strip] = []

    def put(self, picture: Image | None) -> None:
        """Draw this picture in the middle, or nothing."""
        self._picture = picture
        self.on_resize()

    def on_resize(self) -> None:
        """Another middle."""
        self._lines = list(_strips(self._picture, self.size, plain=self.plain)) if self._picture else []
        self.refresh()

    def render_line(self, y: int) -> Strip:
        """One line of it."""
        line = self._lines[y] if y < len(self._lines) else Strip.blank(self.size.width)
        return line.apply_style(self.rich_style)


def _strips(picture: Image, room: Size, *, plain: bool) -> Iterator[Strip]:
    pixels = picture.load()
    left = (room.width - picture.width) // 2
    above = (room.height - (picture.height + 1) // 2) // 2
    for _ in range(above):
        yield Strip.blank(room.width)
    for top in range(0, picture.height, 2):
        segments = [Segment(" " * left)]
        for across in range(picture.width):
            upper = cast("Any", pixels)[across, top]
            lower = cast("Any", pixels)[across, top + 1] if top + 1 < picture.height else None
            if plain:
                both = [sum(pair) // 2 for pair in zip(upper, lower or upper, strict=True)]
                segments.append(Segment(" ", Style(bgcolor=Color.from_rgb(*both))))
            else:
                ground = Color.from_rgb(*lower) if lower else None
                segments.append(Segment("▀", Style(color=Color.from_rgb(*upper), bgcolor=ground)))
        yield Strip(segments).adjust_cell_length(room.width)
