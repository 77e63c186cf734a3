"""One picture with its caption and its measures, or in a sentence why it cannot be shown; and what a pair tells."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, cast

from textual.app import ComposeResult
from textual.containers import Vertical
from textual.content import Content
from textual.widget import Widget
from textual.widgets import Static

from artui.core.results import Change, changes
from artui.model.job import Job
from artui.sanitize import beginning, sanitize
from artui.tui.drawing import chosen
from artui.tui.pictures import Blocks, Frame, Picture, Unshowable, corner, read_kept, read_picture
from artui.tui.shell import Line
from artui.tui.words import size

MOST_CELLS = 290
"""A picture is no wider: Kitty's placeholders count no further than 297."""


@dataclass(frozen=True, slots=True)
class Pair:
    """What is compared: a job's photo and the first of its results that is on this machine, with how many ``others``
    there are."""

    before: Path
    after: Path | None
    others: int = 0

    @classmethod
    def of(cls, job: Job) -> Pair:
        """The pair of a job."""
        saved = [Path(result.path) for result in job.results if result.path]
        return cls(job.source, saved[0] if saved else None, max(0, len(saved) - 1))


def told_changes(before: Picture | None, after: Picture | None) -> list[str]:
    """What a result is otherwise than its photo, each in a few printable words."""
    if before is None or after is None or before.looks is None or after.looks is None:
        return []
    photo, result = before.looks, after.looks
    said = {
        Change.PROFILE: f"was {sanitize(photo.profile, 24)}, the result is {sanitize(result.profile, 24)}",
        Change.DEPTH: f"was {photo.bits} bits a channel, the result has {result.bits}",
        Change.COPYRIGHT: "copyright is not kept",
    }
    return [said[change] for change in changes(photo, result)]


class PictureView(Vertical):
    """A picture that reads anew when its frame or its room changes. ``small``: its measures take two lines below it,
    and what it showed stays until the next has been read."""

    DEFAULT_CSS = """
    PictureView { width: 1fr; padding: 0 1; }
    PictureView .caption { text-style: bold; }
    PictureView .facts { color: $quiet; }
    PictureView .why { height: auto; padding: 1 0; display: none; }
    PictureView.-unshowable .why { display: block; }
    PictureView.-unshowable .drawing { display: none; }
    PictureView.-small { padding: 0 1 0 0; }
    PictureView.-small .caption { color: $quiet; text-style: none; }
    """

    def __init__(self, caption: str, path: Path | None, *, plain: bool, id: str, small: bool = False) -> None:  # noqa: A002 — as Textual
        super().__init__(id=id, classes="-small" if small else None)
        self.caption = caption
        self.path = path
        self.small = small
        self.frame = Frame((0, 0))
        self.picture: Picture | None = None
        self._asked = 0
        # Kept, never looked up: a reading may end when the screen has begun to close and its widgets are gone.
        self._drawing: Widget = chosen.widget() if chosen.widget else Blocks(plain=plain)
        self._drawing.add_class("drawing")
        self._heading = Line(classes="caption")
        self._why = Static("", classes="why", markup=False)
        self._facts = [Line(classes="facts") for _ in range(2 * small)]

    def compose(self) -> ComposeResult:
        """Caption, drawing, measures."""
        yield self._heading
        yield self._drawing
        yield self._why
        yield from self._facts

    def on_mount(self) -> None:
        """Say what it is."""
        self.put(self.caption, self.path)

    def put(self, caption: str, path: Path | None) -> None:
        """Stand for another picture, which the next :meth:`show` reads."""
        if not self.small and path != self.path:
            self.picture = None
            self._draw()
            self.remove_class("-unshowable")
        self.caption, self.path = caption, path
        if self.small or self.picture is None:
            self._heading.say(caption)

    @property
    def is_unshowable(self) -> bool:
        """Whether it says why there is no picture."""
        return self.has_class("-unshowable")

    @property
    def captions(self) -> int:
        """The lines that are no picture."""
        return 1 + len(self._facts)

    @property
    def dots(self) -> tuple[int, int]:
        """The dots there is room for, across and down; for real pictures as many as the cells have pixels."""
        return chosen.dots(min(self.size.width, MOST_CELLS), max(0, self.size.height - self.captions))

    async def show(self, frame: Frame) -> None:
        """Read and draw what this frame shows; of several calls the last one counts."""
        self._asked += 1
        asked, self.frame = self._asked, frame
        problem, picture = "", None
        if chosen.off:
            problem = 'Pictures are switched off by images = "off" or --low-bandwidth.'
        elif self.path is None:
            problem = "There is no result on this machine yet."
        elif min(frame.dots) > 0:
            try:
                picture = await asyncio.to_thread(read_picture if frame.crop else read_kept, self.path, frame)
            except Unshowable as unshowable:
                problem = str(unshowable)
        if asked != self._asked or not self.is_attached:
            return
        self.picture = picture
        self.set_class(bool(problem), "-unshowable")
        self._why.update(problem)
        self._draw()
        said = list(self._measures(picture)) if picture else []
        for line, text in zip(self._facts, [*said, "", ""], strict=False):
            line.say(text)
        if not self.small:
            told = beginning(", ".join(said), max(0, self.size.width - len(self.caption) - 3))
            self._heading.say(Content.assemble(self.caption, (f"   {told}" if told else "", "not bold")))

    def _draw(self) -> None:
        if isinstance(self._drawing, Blocks):
            self._drawing.put(self.picture.drawn if self.picture else None)
        elif self.picture or not self.small:
            cast("Any", self._drawing).image = self.picture.drawn if self.picture else None

    def _measures(self, picture: Picture) -> Iterator[str]:
        wide, high = picture.whole
        where = ""
        if self.frame.crop:
            left, top = corner(picture.whole, self.frame)
            where = f", from {left:,}, {top:,}"
        yield f"{wide:,} x {high:,}{'  ' if self.small else ', '}{size(picture.weight)}{where}"
        if looks := picture.looks:
            alpha = ", alpha" * looks.has_alpha
            deep = f", {looks.bits} bits" if looks.bits > 8 else ""
            yield beginning(f"{looks.profile or 'no profile'}{alpha}{deep}", self.size.width)
