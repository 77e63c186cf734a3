"""The list of a folder: marks, names, sizes, pixels, and a verdict on each file as far as it is known.

Drawn line by line (Textual's Line API), so that ten thousand files cost no more than those in sight.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar

from rich.segment import Segment
from rich.style import Style
from textual import events
from textual.binding import Binding, BindingType
from textual.geometry import Size
from textual.message import Message
from textual.scroll_view import ScrollView
from textual.strip import Strip

from artui.plan import Refused, Verdict
from artui.shown import shown
from artui.tui.job_table import Column, file_fitted, fitted
from artui.tui.look import UNICODE, Glyphs, Width
from artui.tui.submit.checks import WRITTEN
from artui.tui.submit.marks import NOTHING, Holds, Item, Kind, Marks, Seen
from artui.tui.words import clock, plural, size

MARK, SIZE, PIXELS, VERDICT = 5, 9, 14, 22
WIDER_VERDICT = 40
"""Cells of a verdict where there is room."""


def columns(cells: int) -> list[Column]:
    """The columns of a list so wide; the name gets what the others leave."""
    verdict = VERDICT if cells < Width.WIDE else WIDER_VERDICT
    fixed = [("Verdict", verdict, False)]
    if cells >= Width.NORMAL:
        fixed = [("Size", SIZE, True), ("Pixels", PIXELS, True), *fixed]
    name = cells - MARK - 1 - sum(room for _, room, _ in fixed)
    made, start = [Column("Name", MARK, name)], MARK + name
    for title, room, right in fixed:
        start += title == "Verdict"
        made.append(Column(title, start, room, right))
        start += room
    return made


def heads(cells: int) -> str:
    """The columns' titles."""
    line = ""
    for column in columns(cells):
        line = line.ljust(column.start) + (column.title.rjust(column.cells) if column.right else column.title)
    return line


@dataclass(frozen=True, slots=True)
class Row:
    """A line of the list in words; ``kind`` names its colour."""

    mark: str
    name: str
    size: str
    pixels: str
    verdict: str
    kind: str


_REFUSED: Mapping[str, str] = {
    "empty": "empty, refused",
    "truncated": "cut off, refused",
    "damaged": "damaged, refused",
    "not-a-photo": "not a photo",
    "unsupported": "type not taken",
    "too-large": "too many bytes",
    "not-regular": "no regular file",
    "unreadable": "cannot be read",
    "name-too-long": "path too long",
    "changed": "still being written",
    "gone": "gone",
    WRITTEN: "still being written",
}


def refusal(refused: Refused, max_side: int | None) -> str:
    """Why a file is not sent, in a few words."""
    if refused.reason == "too-many-pixels":
        return "too many pixels" if max_side is None else f"over {max_side:,} px"
    return _REFUSED.get(refused.reason) or shown(refused.reason, 20)


@dataclass(frozen=True, slots=True)
class Facts:
    """All a line is said from."""

    marks: Marks
    seen: Mapping[Path, Seen]
    folders: Mapping[Path, Holds]
    max_side: int | None = None
    scaled_above: int | None = None
    judging: bool = False
    now: float = 0.0


def say(item: Item, facts: Facts) -> Row:
    """A line of the list in words; the name is not printable yet."""
    if item.kind is Kind.UP:
        return Row("", f".. ({item.path.name or '/'})", "", "", "", "quiet")
    if item.kind is Kind.FOLDER:
        return _folder(item, facts)
    known = facts.seen.get(item.path, NOTHING)
    marked = item.path in facts.marks
    if known.refused is not None:
        kind = "quiet" if known.refused.reason == "not-a-photo" else "refused"
        return Row("[-]", item.path.name, size(item.size), "?", refusal(known.refused, facts.max_side), kind)
    photo = known.photo
    pixels = f"{photo.width} x {photo.height}" if photo and photo.width else ""
    words, kind = _verdict(known, facts, marked=marked)
    return Row("[x]" if marked else "[ ]", item.path.name, size(item.size), pixels, words, kind)


def _folder(item: Item, facts: Facts) -> Row:
    marked, found = facts.marks.below(item.path), facts.folders.get(item.path)
    if found is None:
        verdict, whole = f"{marked:,} marked" if marked else "", False
    elif not found.photos:
        others = f", {found.others:,} not photos" if found.others else ""
        verdict, whole = f"0 of 0{others}" if others else "empty", False
    else:
        number = f"{found.photos:,}" if found.is_all else f"{found.photos:,}+"
        verdict = f"{marked:,} of {number} marked" if marked else plural(found.photos, "photo")
        verdict = verdict if found.is_all or marked else f"{number} photos"
        whole = marked >= found.photos and found.is_all
    mark = "[x]" if whole and marked else "[~]" if marked else "[ ]"
    return Row(mark, f"{item.path.name}/", "", "", verdict, "quiet")


def _verdict(known: Seen, facts: Facts, *, marked: bool) -> tuple[str, str]:
    photo, planned = known.photo, known.planned
    if planned is not None and planned.verdict is Verdict.KNOWN:
        day = planned.done_at and clock(planned.done_at, facts.now)
        return (f"done {day}, not paid" if day else "queued before"), "done"
    if planned is not None and planned.verdict is Verdict.TWIN:
        return f"as job {planned.job}, not paid", "done"
    if photo is None or (marked and facts.judging and planned is None):
        return "checking", "quiet"
    if facts.scaled_above is not None and max(photo.width, photo.height) > facts.scaled_above:
        return "will be scaled down", "scaled"
    return "ready", "ready"


class Picker(ScrollView, can_focus=True):
    """The files and folders of one folder, with a cursor. Marks and what is known belong to whoever uses it."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("enter,right", "open", show=False, tooltip="Open this folder, or tell all about this file"),
        Binding("left,backspace", "up", show=False, tooltip="The folder above"),
        Binding("down,j", "move(1)", show=False, tooltip="One line down"),
        Binding("up,k", "move(-1)", show=False, tooltip="One line up"),
        Binding("pagedown", "page(1)", show=False, tooltip="One page down"),
        Binding("pageup", "page(-1)", show=False, tooltip="One page up"),
        Binding("home,g", "edge(0)", show=False, tooltip="The first line"),
        Binding("end,G", "edge(-1)", show=False, tooltip="The last line"),
    ]
    COMPONENT_CLASSES: ClassVar[set[str]] = {
        "list--cursor", "list--quiet", "list--ready", "list--scaled", "list--done", "list--refused", "list--mark",
    }  # fmt: skip
    DEFAULT_CSS = """
    Picker { height: 1fr; scrollbar-size: 0 0; overflow-x: hidden; }
    Picker > .list--cursor { background: $cursor; text-style: bold; }
    Picker > .list--quiet { color: $quiet; }
    Picker > .list--ready { color: $foreground; }
    Picker > .list--scaled { color: $accent; }
    Picker > .list--done { color: $success; }
    Picker > .list--refused { color: $warning; }
    Picker > .list--mark { color: $primary; }
    """

    class Moved(Message):
        """The cursor is on another line, or other lines are in sight."""

    class Opened(Message):
        """``enter`` on the line under the cursor."""

    class Up(Message):
        """The folder above is wanted."""

    def __init__(self, facts: Facts, glyphs: Glyphs = UNICODE, *, id: str | None = None) -> None:  # noqa: A002
        super().__init__(id=id)
        self.glyphs = glyphs
        self.facts = facts
        self.items: Sequence[Item] = ()
        self.with_folders = False
        """Whether a file is named with its folder."""
        self._cursor = 0
        self._anchor: Path | None = None
        self._rows: dict[Path, Row] = {}
        self._styles_now: dict[tuple[str, bool], Style] = {}

    # ---------------------------------------------------------------------------------------------- what it shows

    def put_items(self, items: Sequence[Item], at: Path | None = None) -> None:
        """Show these lines; the cursor goes to ``at``, or stays on its path."""
        wanted = at or (self.current.path if self.current else None)
        self.items = items
        places = (place for place, item in enumerate(items) if item.path == wanted and item.kind is not Kind.UP)
        self._cursor = next(places, min(1, max(0, len(items) - 1)) if items and items[0].kind is Kind.UP else 0)
        self.virtual_size = Size(self.size.width, len(items))
        self._keep_in_sight()
        self._rows.clear()
        self.refresh()
        self.post_message(self.Moved())

    def restate(self, facts: Facts) -> None:
        """Say every line in sight anew, and repaint those that differ."""
        self.facts = facts
        top = self.scroll_offset.y
        for line, item in enumerate(self.sight):
            before, row = self._rows.get(item.path), say(item, facts)
            if row != before:
                self._rows[item.path] = row
                self.refresh_line(top + line)

    @property
    def sight(self) -> Sequence[Item]:
        """The lines in sight."""
        top = self.scroll_offset.y
        return self.items[top : top + max(1, self.size.height)]

    @property
    def current(self) -> Item | None:
        """The line under the cursor."""
        return self.items[self._cursor] if self._cursor < len(self.items) else None

    def range(self) -> Sequence[Item] | None:
        """Begin a range at the cursor (None), or end it: its lines."""
        places = [place for place, item in enumerate(self.items) if item.path == self._anchor]
        if not places or self.current is None:
            self._anchor = self.current.path if self.current else None
            return None
        low, high = sorted((places[-1], self._cursor))
        self._anchor = None
        return self.items[low : high + 1]

    # --------------------------------------------------------------------------------------------------- painting

    def render_line(self, y: int) -> Strip:
        """One line of the window."""
        place, cells = self.scroll_offset.y + y, self.size.width
        if place >= len(self.items):
            return Strip.blank(cells, self._style("", at_cursor=False))
        item, at_cursor = self.items[place], place == self._cursor
        row = self._rows.setdefault(item.path, say(item, self.facts))
        plain, kind = (self._style(name, at_cursor=at_cursor) for name in ("", row.kind))
        marked = self._style("mark" if row.mark in ("[x]", "[~]") else "quiet", at_cursor=at_cursor)
        pieces = [Segment(row.mark.ljust(MARK), marked)]
        for column in columns(cells):
            if column.title == "Name":
                pieces.append(Segment(self._named(item, row, column), plain))
            else:
                text = {"Size": row.size, "Pixels": row.pixels, "Verdict": row.verdict}[column.title]
                style = kind if column.title == "Verdict" else self._style("quiet", at_cursor=at_cursor)
                gap = " " if column.title == "Verdict" else ""
                pieces.append(Segment(gap + fitted(text, column, self.glyphs.ellipsis), style))
        return Strip(pieces).adjust_cell_length(cells, plain)

    def _named(self, item: Item, row: Row, column: Column) -> str:
        folder = item.path.parent.name if self.with_folders and item.kind is Kind.FILE else ""
        return file_fitted(folder, row.name, column, self.glyphs.ellipsis)

    def _style(self, kind: str, *, at_cursor: bool) -> Style:
        key = (kind, at_cursor)
        if key not in self._styles_now:
            style = self.get_component_rich_style(f"list--{kind}") if kind else self.rich_style
            if at_cursor:
                ground = self.get_component_rich_style("list--cursor")
                style += Style(bgcolor=ground.bgcolor, bold=True)
            self._styles_now[key] = style
        return self._styles_now[key]

    # -------------------------------------------------------------------------------------------------- handlers

    def notify_style_update(self) -> None:
        """Another theme: forget the styles worked out for the last one."""
        self._styles_now.clear()
        super().notify_style_update()

    def watch_scroll_y(self, old_value: float, new_value: float) -> None:
        """Other lines come into sight."""
        super().watch_scroll_y(old_value, new_value)
        self.post_message(self.Moved())

    def on_resize(self, event: events.Resize) -> None:
        """Another number of lines, other columns."""
        self.virtual_size = Size(event.size.width, len(self.items))
        self._keep_in_sight()
        self.refresh()
        self.post_message(self.Moved())

    def on_click(self, event: events.Click) -> None:
        """A click moves the cursor; a double click opens."""
        place = self.scroll_offset.y + event.y
        if place < len(self.items):
            self.move_to(place)
            if event.chain > 1:
                self.post_message(self.Opened())

    # --------------------------------------------------------------------------------------------------- the cursor

    def move_to(self, place: int) -> None:
        """Put the cursor on a line."""
        place = max(0, min(place, len(self.items) - 1))
        if place != self._cursor and self.items:
            before, self._cursor = self._cursor, place
            for changed in (before, place):
                self.refresh_line(changed)
            self._keep_in_sight()
            self.post_message(self.Moved())

    def _keep_in_sight(self) -> None:
        height, top = max(1, self.size.height), self.scroll_offset.y
        if self._cursor < top:
            self.scroll_to(y=self._cursor, animate=False)
        elif self._cursor >= top + height:
            self.scroll_to(y=self._cursor - height + 1, animate=False)

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

    def action_up(self) -> None:
        """Ask for the folder above."""
        self.post_message(self.Up())
