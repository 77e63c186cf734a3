"""One picture with its caption and its measures, or in a sentence why it cannot be shown."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from pathlib import Path
from typing import Any, cast

from textual.app import ComposeResult
from textual.containers import Vertical
from textual.widget import Widget
from textual.widgets import Static

from artui.sanitize import beginning, sanitize
from artui.tui.drawing import chosen
from artui.tui.pictures import Blocks, Frame, Picture, Unshowable, corner, read_kept, read_picture
from artui.tui.shell import Line
from artui.tui.words import size


class PictureView(Vertical):
    """A picture that reads anew when its frame or its room changes. ``small``: the file is named elsewhere, and the
    measures take two lines."""

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
        self._why = Static("", classes="why", markup=False)
        self._facts = [Line(classes="facts") for _ in range(2 if small else 1)]

    def compose(self) -> ComposeResult:
        """Caption, drawing, measures."""
        yield Line(classes="caption")
        yield self._drawing
        yield self._why
        yield from self._facts

    def on_mount(self) -> None:
        """Say what it is."""
        self.put(self.caption, self.path)

    def put(self, caption: str, path: Path | None) -> None:
        """Stand for another picture, which the next :meth:`show` reads."""
        self.caption, self.path = caption, path
        named = "" if self.small or path is None else f"  {sanitize(path.name, 60)}"
        self.query_one(".caption", Line).say(f"{caption}{named}")

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
        """The dots there is room for, across and down; for real pictures as many as a cell usually has pixels."""
        wide, high = self.size.width, max(0, self.size.height - self.captions)
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
                picture = await asyncio.to_thread(read_kept if self.small else read_picture, self.path, frame)
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
        said = list(self._measures(picture)) if picture else []
        lines = [*said, "", ""] if self.small else [", ".join(said)]
        for line, text in zip(self._facts, lines, strict=False):
            line.say(text)

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
