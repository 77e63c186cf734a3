"""Before and after, side by side: pictures read with bounded memory in a thread, and drawn in half blocks.

Terminals that can show real pictures do so where the settings say ``images = "auto"`` (``drawing``).
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar, cast

from rich.color import Color
from rich.segment import Segment
from rich.style import Style
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Horizontal, Vertical
from textual.geometry import Size
from textual.strip import Strip
from textual.widget import Widget
from textual.widgets import Static

from artui.files.regular import open_regular
from artui.model.job import Job
from artui.sanitize import sanitize
from artui.tui import thumbs
from artui.tui.above import Above, Answer
from artui.tui.drawing import chosen
from artui.tui.shell import Keys, Line
from artui.tui.words import size

if TYPE_CHECKING:
    from PIL.Image import Image


MOST_PIXELS = 50_000_000
"""The largest picture that is held in memory as a whole, about 200 MB. A JPEG is read at an eighth if need be."""

CAPTIONS = 2
"""The lines of a pane that are no picture."""

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
    """A picture as it is drawn, no larger than its frame: opaque RGB, with the size of the whole."""

    drawn: Image
    whole: tuple[int, int]


def read_picture(path: Path, frame: Frame) -> Picture:
    """Read as much of a picture as its frame shows. Blocks; raises Unshowable."""
    try:
        from PIL import Image
    except ImportError:
        raise Unshowable("Pictures need Pillow: pip install 'artui[preview]' brings it.") from None
    Image.MAX_IMAGE_PIXELS = None  # the limit here is stricter, and counts what a smaller reading takes
    try:
        with open_regular(path) as stream, Image.open(stream) as opened:
            return _read(opened, frame)
    except FileNotFoundError:
        raise Unshowable("This file is no longer there.") from None
    except Unshowable:
        raise
    except Exception as broken:
        raise Unshowable(f"This file cannot be read as a picture ({sanitize(str(broken), 120)}).") from broken


def _read(opened: Image, frame: Frame) -> Picture:
    from PIL import ImageOps

    whole, enough = opened.size, (2 * max(frame.dots), 2 * max(frame.dots))
    if not frame.crop:
        opened.draft("RGB", enough)
    if opened.width * opened.height > MOST_PIXELS:
        what = "a piece 1:1 needs" if frame.crop else "this kind of file needs"
        pixels = f"{whole[0]:,} x {whole[1]:,} pixels"
        raise Unshowable(f"{pixels}: {what} the whole picture in memory, and the limit is 50 million.")
    if not frame.crop:
        opened.thumbnail(enough)
    turned = ImageOps.exif_transpose(opened)
    if turned.size != opened.size:
        whole = whole[::-1]
    drawn = _opaque(_cropped(turned, frame) if frame.crop else turned)
    drawn.thumbnail(frame.dots)
    return Picture(drawn, whole)


def _cropped(picture: Image, frame: Frame) -> Image:
    """The piece of a picture that fills the frame one pixel to a dot."""
    left, top = corner(picture.size, frame)
    right, bottom = min(picture.width, left + frame.dots[0]), min(picture.height, top + frame.dots[1])
    return picture.crop((left, top, right, bottom))


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
        self._lines: list[Strip] = []

    def put(self, picture: Image | None) -> None:
        """Draw this picture in the middle, or nothing."""
        self._lines = list(_strips(picture, self.size, plain=self.plain)) if picture else []
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
            segments.append(_plain_cell(upper, lower) if plain else _cell(upper, lower))
        yield Strip(segments).adjust_cell_length(room.width)


def _cell(upper: tuple[int, int, int], lower: tuple[int, int, int] | None) -> Segment:
    ground = Color.from_rgb(*lower) if lower else None
    return Segment("▀", Style(color=Color.from_rgb(*upper), bgcolor=ground))


def _plain_cell(upper: tuple[int, int, int], lower: tuple[int, int, int] | None) -> Segment:
    both = [sum(pair) // 2 for pair in zip(upper, lower or upper, strict=True)]
    return Segment(" ", Style(bgcolor=Color.from_rgb(*both)))


class Pane(Vertical):
    """One picture with its caption; it reads anew when its frame or its room changes."""

    DEFAULT_CSS = """
    Pane { width: 1fr; padding: 0 1; }
    Pane .caption { text-style: bold; }
    Pane .facts { color: $quiet; }
    Pane .why { height: auto; padding: 1 0; display: none; }
    Pane.-unshowable .why { display: block; }
    Pane.-unshowable .drawing { display: none; }
    """

    def __init__(self, caption: str, path: Path | None, *, plain: bool, id: str) -> None:  # noqa: A002 — as Textual
        super().__init__(id=id)
        self.caption = caption
        self.path = path
        self.frame = Frame((0, 0))
        self.picture: Picture | None = None
        self._asked = 0
        # Kept, never looked up: a reading may end when the screen has begun to close and its widgets are gone.
        self._drawing: Widget = chosen.widget() if chosen.widget else Blocks(plain=plain)
        self._drawing.add_class("drawing")
        self._why = Static("", classes="why", markup=False)
        self._facts = Line(classes="facts")

    def compose(self) -> ComposeResult:
        """Caption, drawing, facts."""
        yield Line(classes="caption")
        yield self._drawing
        yield self._why
        yield self._facts

    def on_mount(self) -> None:
        """Say what it is."""
        self.put(self.caption, self.path)

    def put(self, caption: str, path: Path | None) -> None:
        """Stand for another picture, which the next :meth:`show` reads."""
        self.caption, self.path = caption, path
        self.query_one(".caption", Line).say(f"{caption}  {sanitize(path.name, 60) if path else ''}")

    @property
    def dots(self) -> tuple[int, int]:
        """The dots there is room for, across and down; for real pictures as many as a cell usually has pixels."""
        wide, high = self.size.width, max(0, self.size.height - CAPTIONS)
        return (wide * 8, high * 16) if chosen.widget else (wide, 2 * high)

    async def show(self, frame: Frame) -> None:
        """Read and draw what this frame shows; of several calls the last one counts."""
        self._asked += 1
        asked, self.frame = self._asked, frame
        problem, picture = "", None
        if chosen.off:
            problem = 'Pictures are switched off: images = "off" is set.'
        elif self.path is None:
            problem = "There is no result on this machine yet."
        elif min(frame.dots) > 0:
            try:
                picture = await asyncio.to_thread(read_picture, self.path, frame)
            except Unshowable as unshowable:
                problem = str(unshowable)
        if asked != self._asked or not self.is_attached:
            return
        self.picture = picture
        self.set_class(bool(problem), "-unshowable")
        self._why.update(problem)
        if isinstance(self._drawing, Blocks):
            self._drawing.put(picture.drawn if picture else None)
        elif picture:
            cast("Any", self._drawing).image = picture.drawn
        self._facts.say(self._measures())

    def _measures(self) -> str:
        if self.picture is None or self.path is None:
            return ""
        wide, high = self.picture.whole
        try:
            weight = f", {size(self.path.stat().st_size)}"
        except OSError:
            weight = ""
        where = ""
        if self.frame.crop:
            left, top = corner(self.picture.whole, self.frame)
            where = f", from {left:,}, {top:,}"
        return f"{wide:,} x {high:,}{weight}{where}"


@dataclass(frozen=True, slots=True)
class Pair:
    """What is compared: a job's photo and the first of its results that is on this machine."""

    before: Path
    after: Path | None
    others: int = field(default=0)

    @classmethod
    def of(cls, job: Job) -> Pair:
        """The pair of a job."""
        saved = [Path(result.path) for result in job.results if result.path]
        return cls(job.source, saved[0] if saved else None, max(0, len(saved) - 1))

    @property
    def after_caption(self) -> str:
        """What stands over the result."""
        return f"After (and {self.others} more)" if self.others else "After"


class PairScreen(Above[Answer]):
    """A pair over the whole screen, each picture in half of it."""

    PICTURE: ClassVar[list[BindingType]] = [
        Binding("b", "swap", "swap", tooltip="Swap before and after"),
        Binding("z", "crop", "1:1", tooltip="A piece of both, one pixel to a dot; again: the whole"),
        Binding("left", "move(-1, 0)", show=False, tooltip="The piece further left"),
        Binding("right", "move(1, 0)", show=False, tooltip="The piece further right"),
        Binding("up", "move(0, -1)", show=False, tooltip="The piece further up"),
        Binding("down", "move(0, 1)", show=False, tooltip="The piece further down"),
    ]
    """The keys for the pictures."""
    BINDINGS = PICTURE
    CSS = """
    PairScreen #pair { height: 1fr; }
    PairScreen #limits { color: $quiet; }
    """

    def __init__(self, pair: Pair) -> None:
        super().__init__()
        self.pair = pair
        self.remark = ""
        """What stands in the place of the limits, until the pictures are drawn otherwise."""
        self.crop = False
        self.middle = (0.5, 0.5)

    def compose(self) -> ComposeResult:
        """The two panes, what their limits are, the keys."""
        plain = bool(self.host.glyphs.brackets[0])
        with Horizontal(id="pair"):
            yield Pane("Before", self.pair.before, plain=plain, id="before")
            yield Pane(self.pair.after_caption, self.pair.after, plain=plain, id="after")
        yield Line(id="limits")
        yield Keys(id="keys")

    def turn_to(self, pair: Pair) -> None:
        """Compare another pair."""
        self.pair = pair
        self.query_one("#before", Pane).put("Before", pair.before)
        self.query_one("#after", Pane).put(pair.after_caption, pair.after)
        self.read()

    def on_mount(self) -> None:
        """Draw the keys whenever they are others."""
        self.bindings_updated_signal.subscribe(self, lambda _: self.query_one(Keys).draw())

    def on_resize(self) -> None:
        """Other widths."""
        self.call_after_refresh(self.read)

    def read(self) -> None:
        """Read and draw both anew."""
        for pane in self.query(Pane):
            self.run_worker(pane.show(Frame(pane.dots, self.crop, self.middle)))
        self.say_limits()
        self.query_one(Keys).draw()

    def say_limits(self) -> None:
        """Say how much of the pictures this terminal shows, or the remark instead."""
        wide, high = self.query(Pane).first().dots
        if self.remark:
            text = self.remark
        elif self.crop:
            text = f"1:1, {wide:,} x {high:,} pixels of each: the arrows move the piece, z shows the whole."
        elif chosen.widget:
            text = "Drawn by this terminal. z shows a piece 1:1."
        else:
            text = f"{wide} x {high} dots for each: shape and colour, not sharpness. z shows a piece 1:1."
        self.query_one("#limits", Line).say(f" {sanitize(text, self.app.size.width - 2, '..')}")

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:
        """The arrows move a piece where there is one."""
        del parameters
        return action != "move" or self.crop

    def action_swap(self) -> None:
        """Let the two change places."""
        self.query_one("#pair").move_child(0, after=1)

    def action_crop(self) -> None:
        """A piece of each, or the whole again."""
        self.crop, self.remark = not self.crop, ""
        self.refresh_bindings()
        self.read()

    def action_move(self, across: int, down: int) -> None:
        """Move the piece by half its size in the larger of the two."""
        wholes = [pane.picture.whole for pane in self.query(Pane) if pane.picture]
        if wholes:
            dots, whole = self.query(Pane).first().dots, max(wholes)
            first, second = (
                max(0.0, min(1.0, at + step * room / 2 / total))
                for at, step, room, total in zip(self.middle, (across, down), dots, whole, strict=True)
            )
            self.middle = (first, second)
            self.read()

    def action_back(self) -> None:
        """Back to where it was opened."""
        self.dismiss(None)


class PreviewScreen(PairScreen[None]):
    """A job's photo and its result, and whether the service is to be told that it is liked."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("space", "rate(True)", "thumb up", tooltip="Tell the service that this result is liked (free)"),
        Binding(
            "x", "rate(False)", "thumb down...", tooltip="Tell the service that it is not liked: asks first (free)"
        ),
        Binding("escape,q,enter", "back", "back", tooltip="Back to the job"),
    ]

    def __init__(self, job: Job) -> None:
        super().__init__(Pair.of(job))
        self._job = job

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:
        """A thumb is for a result of an account that wants ratings told."""
        if action == "rate":
            return not self.host.readonly and thumbs.are_wanted(self.host, self._job)
        return super().check_action(action, parameters)

    def action_rate(self, good: bool) -> None:
        """Tell the service whether the result is liked; before a thumb down it asks."""

        def answered(yes: bool | None) -> None:
            if yes:
                self.run_worker(self._rate(good=good))

        if good:
            answered(True)
        else:
            self.app.push_screen(thumbs.question(self._job), answered)

    async def _rate(self, *, good: bool) -> None:
        self.remark = await thumbs.tell(self.host, self._job, good=good)
        self.say_limits()
