"""A long list drawn line by line (Textual's Line API): its cursor, ranges, scrolling, and what is repainted.

However many items there are, only those in sight are put into words and painted. A line is repainted only when it says
something else, and then only the cells that differ.
"""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Hashable, Iterable, Sequence
from typing import ClassVar, Generic, TypeVar

from rich.segment import Segment
from rich.style import Style
from textual import events
from textual.binding import Binding, BindingType
from textual.geometry import Region, Size
from textual.message import Message
from textual.scroll_view import ScrollView
from textual.strip import Strip

from artui.sanitize import sanitize, width
from artui.tui.look import UNICODE, Glyphs

I = TypeVar("I", bound=Hashable)  # noqa: E741 — an item
R = TypeVar("R")


def file_fitted(folder: str, name: str, cells: int, ellipsis: str) -> str:
    """A file in so many cells: the folder is shortened first, then the name, each in its middle."""
    whole = sanitize(f"{folder}/{name}") if folder else sanitize(name)
    if width(whole) > cells and folder:
        short = sanitize(folder, max(8, cells - width(sanitize(name)) - 1), ellipsis)
        whole = f"{short}/{sanitize(name, max(1, cells - width(short) - 1), ellipsis)}"
    whole = whole if width(whole) <= cells else sanitize(whole, cells, ellipsis)
    return whole + " " * (cells - width(whole))


class LineList(ScrollView, Generic[I, R], can_focus=True):
    """A cursor over items of type ``I``, each said as a row of type ``R``.

    A list says what its items are: :meth:`say` puts one into words, :meth:`pieces` paints those. Colours are component
    classes ``lines--KIND``.
    """

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("down,j", "move(1)", show=False, tooltip="One line down"),
        Binding("up,k", "move(-1)", show=False, tooltip="One line up"),
        Binding("pagedown", "page(1)", show=False, tooltip="One page down"),
        Binding("pageup", "page(-1)", show=False, tooltip="One page up"),
        Binding("home,g", "edge(0)", show=False, tooltip="The first line"),
        Binding("end,G", "edge(-1)", show=False, tooltip="The last line"),
    ]
    COMPONENT_CLASSES: ClassVar[set[str]] = {"lines--cursor", "lines--away", "lines--quiet"}
    DEFAULT_CSS = """
    LineList { height: 1fr; scrollbar-size: 0 0; overflow-x: hidden; }
    LineList > .lines--cursor { background: $cursor; color: $cursor-text; text-style: bold; }
    LineList > .lines--away { text-style: underline; }
    LineList > .lines--quiet { color: $quiet; }
    """

    class Moved(Message):
        """The cursor is on another item."""

    class Opened(Message):
        """``enter`` or a double click on an item."""

    class Wanted(Message):
        """Items are in sight of which more should be known."""

    def __init__(self, glyphs: Glyphs = UNICODE, *, id: str | None = None) -> None:  # noqa: A002 — as Textual
        super().__init__(id=id)
        self.glyphs = glyphs
        self.items: Sequence[I] = ()
        self._rows: dict[I, R] = {}
        self._cursor = 0
        self._anchor: I | None = None
        self._styles_now: dict[str, Style] = {}

    # ---------------------------------------------------------------------------------------- what each list says

    @abstractmethod
    def say(self, item: I) -> R | None:
        """An item in words; None where nothing is known of it yet."""

    @abstractmethod
    def pieces(self, item: I, row: R | None) -> Iterable[tuple[str, str]]:
        """A line from left to right: printable text and the kind that names its colour, '' for the plain one."""

    def cells_that_differ(self, before: R | None, row: R | None) -> tuple[int, int]:
        """From which cell to which a line is painted anew."""
        del before, row
        return 0, self.size.width

    def place_of(self, item: I) -> int | None:
        """Where an item is, counted from 0; None where it is no more."""
        try:
            return self.items.index(item)
        except ValueError:
            return None

    def look_around(self) -> None:
        """Other items are in sight."""
        self.post_message(self.Wanted())

    # ---------------------------------------------------------------------------------------------- what it shows

    def put(self, items: Sequence[I], place: int | None = None) -> None:
        """Show these items; the cursor goes to ``place``, or stays on its item, or else where it was."""
        held = self.current
        self.items = items
        if place is None and held is not None:
            place = self.place_of(held)
        self._cursor = max(0, min(self._cursor if place is None else place, len(items) - 1))
        self.virtual_size = Size(self.size.width, len(items))
        self._keep_in_sight()
        self.refresh()
        self.look_around()
        if self.current != held:
            self.post_message(self.Moved())

    def restate(self) -> None:
        """Say every line in sight anew, and repaint what differs."""
        rows = {}
        for y, item in enumerate(self.sight):
            before, row = self._rows.get(item), self.say(item)
            if row is not None:
                rows[item] = row
            if row != before:
                start, end = self.cells_that_differ(before, row)
                self.refresh(Region(start, y, end - start, 1))
        self._rows = rows

    @property
    def sight(self) -> Sequence[I]:
        """The items in sight."""
        top = self.scroll_offset.y
        return self.items[top : top + max(1, self.size.height)]

    @property
    def current(self) -> I | None:
        """The item under the cursor, None where there is none."""
        return self.items[self._cursor] if self._cursor < len(self.items) else None

    @property
    def cursor(self) -> int:
        """The place of the cursor, from 0."""
        return self._cursor

    # ------------------------------------------------------------------------------------------------ the cursor

    def move_to(self, place: int) -> None:
        """Put the cursor on the item at this place."""
        place = max(0, min(place, len(self.items) - 1))
        if place == self._cursor or not self.items:
            return
        before, self._cursor = self._cursor, place
        for changed in (before, place):
            self.refresh_line(changed)
        self._keep_in_sight()
        self.post_message(self.Moved())

    def range(self) -> Sequence[I] | None:
        """Begin a range at the cursor (None), or end it: its items."""
        begun = None if self._anchor is None else self.place_of(self._anchor)
        if begun is None or self.current is None:
            self._anchor = self.current
            return None
        self._anchor = None
        low, high = sorted((begun, self._cursor))
        return self.items[low : high + 1]

    def _keep_in_sight(self) -> None:
        height, top = max(1, self.size.height), self.scroll_offset.y
        if self._cursor < top:
            self.scroll_to(y=self._cursor, animate=False)
        elif self._cursor >= top + height:
            self.scroll_to(y=self._cursor - height + 1, animate=False)

    # --------------------------------------------------------------------------------------------------- painting

    def render_line(self, y: int) -> Strip:
        """One line of the window."""
        place, cells = self.scroll_offset.y + y, self.size.width
        if place >= len(self.items):
            return Strip.blank(cells, self.rich_style)
        item = self.items[place]
        row = self._rows.get(item)
        if row is None and (row := self.say(item)) is not None:
            self._rows[item] = row
        # One colour under the cursor: on its ground no other one can be read in every theme and every terminal. Only
        # where keys go it has a ground of its own.
        at_cursor = place == self._cursor and self.has_focus
        plain = self._style("cursor" if at_cursor else "away" if place == self._cursor else "")
        resting = place == self._cursor
        segments = [Segment(text, plain if resting else self._style(kind)) for text, kind in self.pieces(item, row)]
        return Strip(segments).adjust_cell_length(cells, plain)

    def _style(self, kind: str) -> Style:
        if kind not in self._styles_now:
            self._styles_now[kind] = self.get_component_rich_style(f"lines--{kind}") if kind else self.rich_style
        return self._styles_now[kind]

    # -------------------------------------------------------------------------------------------------- handlers

    def notify_style_update(self) -> None:
        """Another theme: forget the styles worked out for the last one."""
        self._styles_now.clear()
        super().notify_style_update()

    def watch_scroll_y(self, old_value: float, new_value: float) -> None:
        """Other items come into sight."""
        super().watch_scroll_y(old_value, new_value)
        self.look_around()

    def on_resize(self, event: events.Resize) -> None:
        """Another number of lines, other columns."""
        self.virtual_size = Size(event.size.width, len(self.items))
        self._keep_in_sight()
        self.look_around()
        self.refresh()

    def on_focus(self) -> None:
        """Keys go here now."""
        self.refresh_line(self._cursor)

    def on_blur(self) -> None:
        """Keys go elsewhere now."""
        self.refresh_line(self._cursor)

    def on_click(self, event: events.Click) -> None:
        """A click moves the cursor; a double click opens."""
        place = self.scroll_offset.y + event.y
        if place < len(self.items):
            self.move_to(place)
            if event.chain > 1:
                self.action_open()

    # --------------------------------------------------------------------------------------------------- actions

    def action_move(self, by: int) -> None:
        """The cursor so many lines further down."""
        self.move_to(self._cursor + by)

    def action_page(self, by: int) -> None:
        """The cursor so many pages further down."""
        self.move_to(self._cursor + by * max(1, self.size.height - 1))

    def action_edge(self, end: int) -> None:
        """The cursor on the first or the last line."""
        self.move_to(len(self.items) - 1 if end else 0)

    def action_open(self) -> None:
        """Open what is under the cursor."""
        if self.current is not None:
            self.post_message(self.Opened())
