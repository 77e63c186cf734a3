"""The pane beside a list of photos: the one under the cursor, before and after where it has both, and what is known.

It follows the cursor once that rests. Pictures are decoded beside the loop, one photo at a time; no key waits for one.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from pathlib import Path

from textual.app import ComposeResult
from textual.containers import Horizontal, Vertical
from textual.content import Content
from textual.timer import Timer
from textual.widgets import Static

from artui.sanitize import sanitize, width
from artui.tui.coalesced_refresh import CoalescedRefresh
from artui.tui.drawing import chosen
from artui.tui.host import Hosted
from artui.tui.picture_view import PictureView, told_changes
from artui.tui.pictures import Frame
from artui.tui.shell import Line

REST = 0.04
"""Seconds that the cursor rests before the pane follows it."""
BOTH_FROM = 34
"""Cells of a pane in which before and after stand side by side; in a narrower one stands what there is to judge."""
TOLD = 7
"""Lines that the words below the pictures have at least."""

UNSHOWABLE = 6
"""Lines for a caption, and for why there is no picture."""


@dataclass(frozen=True, slots=True)
class Shown:
    """What a pane shows: the name of a photo, a note at its right, the files, and the words below them."""

    name: str = ""
    note: str = ""
    before: Path | None = None
    after: Path | None = None
    told: Content = Content("")  # noqa: RUF009 — it cannot be changed


NOTHING = Shown()


class PhotoPane(Hosted, Vertical):
    """Shows the photo that ``find`` gives for where the cursor rests; ``plain``: without half blocks."""

    DEFAULT_CSS = """
    PhotoPane { border-left: solid $border; padding: 0 1; display: none; }
    PhotoPane #name { text-style: bold; }
    PhotoPane #pair { height: 0; }
    PhotoPane #told { height: 1fr; }
    """

    def __init__(self, find: Callable[[], Awaitable[Shown]], *, plain: bool) -> None:
        super().__init__(id="pane")
        self.shown = NOTHING
        self._find = find
        self._plain = plain
        self._finding = CoalescedRefresh(self, self._show)
        self._cells = 0
        self._rest: Timer | None = None
        self._said: Content | None = None

    def compose(self) -> ComposeResult:
        """The name, the pictures, the words."""
        yield Line(id="name")
        with Horizontal(id="pair"):
            yield PictureView("before", None, plain=self._plain, id="before", small=True)
            yield PictureView("after", None, plain=self._plain, id="after", small=True)
        yield Static("", id="told", markup=False)

    @property
    def views(self) -> tuple[PictureView, PictureView]:
        """The two pictures."""
        return self.query_one("#before", PictureView), self.query_one("#after", PictureView)

    def open(self, cells: int) -> None:
        """Stand there with so many cells, border included; with 0 not at all."""
        if cells != self._cells:
            self._cells = cells
            self.display, self.styles.width = cells > 0, max(1, cells)
            self.follow()

    def follow(self) -> None:
        """The cursor has moved, or its photo has: show that once it rests."""
        if self._rest:
            self._rest.stop()
        self._rest = self.set_timer(REST, self._rested) if self.display else None

    def _rested(self) -> None:
        self._rest = None
        self._finding.ask()

    def on_resize(self) -> None:
        """Another size: other pictures."""
        self.follow()

    @property
    def is_still(self) -> bool:
        """Whether all that was asked for is shown."""
        return self._rest is None and not self._finding.is_under_way

    async def _show(self) -> None:
        shown = await self._find() if self.is_whole and self.size else None
        if shown is None or not self.is_whole:
            return
        same, self.shown = self.shown, shown
        cells, note = self.size.width, sanitize(self.shown.note)
        most, ellipsis = max(8, cells - width(note) - 2 * bool(note)), "~" if self._plain else "…"
        name = sanitize(self.shown.name, most, ellipsis)
        self.query_one("#name", Line).say(name + " " * (cells - width(name) - width(note)) + note)
        before, after = self.views
        if (shown.before, shown.after) != (same.before, same.after):
            before.picture = after.picture = None
        before.put("before" if shown.after else "photo", shown.before)
        after.put("after", shown.after)
        self._tell()
        room = self._arrange()
        if not room:
            return
        for view in (before, after):
            if view.display:
                await view.show(Frame(room))
        if self.is_whole:
            if all(view.is_unshowable for view in (before, after) if view.display):
                self.query_one("#pair").styles.height = UNSHOWABLE
            self._tell()

    def _arrange(self) -> tuple[int, int] | None:
        """Give the pictures their room; returns the dots each has, None where none is shown."""
        shown, cells, pair = self.shown, self.size.width, self.query_one("#pair")
        before, after = self.views
        after.display = shown.after is not None
        before.display = shown.before is not None and (shown.after is None or cells >= BOTH_FROM)
        number = before.display + after.display
        if not chosen.follows or not number:
            pair.styles.height = 0
            return None
        wide = cells // number - 1
        high = max(4, min((wide + 1) // 2, self.size.height * 11 // 20, self.size.height - before.captions - TOLD - 1))
        pair.styles.height = high + before.captions
        return chosen.dots(wide, high)

    def _tell(self) -> None:
        said = told_changes(*(view.picture for view in self.views))
        told = Content("\n").join([self.shown.told, *(Content.assemble(("! ", "$warning"), one) for one in said)])
        if self._said is None or not told.is_same(self._said):
            self._said = told
            self.query_one("#told", Static).update(told, layout=False)
