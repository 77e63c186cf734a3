"""Before and after, side by side: a photo and its result, or the first results of a batch, over the whole screen.

Terminals that can show real pictures do so where the settings say ``images = "auto"`` (``drawing``).
"""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, ClassVar, cast

from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Horizontal, Vertical
from textual.widget import Widget
from textual.widgets import Static

from artui.model.job import Job
from artui.sanitize import sanitize
from artui.tui import thumbs
from artui.tui.above import Above, Answer
from artui.tui.drawing import chosen
from artui.tui.pictures import Blocks, Frame, Picture, Unshowable, corner, read_picture
from artui.tui.shell import Keys, Line
from artui.tui.words import size

CAPTIONS = 2
"""The lines of a pane that are no picture."""


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
        yield Keys()

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
        return self.crop if action == "move" else super().check_action(action, parameters)

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

    changes = frozenset({"rate"})

    def __init__(self, job: Job) -> None:
        super().__init__(Pair.of(job))
        self._job = job

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:
        """A thumb is for a result of an account that wants ratings told."""
        wanted = action != "rate" or thumbs.are_wanted(self.host, self._job)
        return wanted and super().check_action(action, parameters)

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
