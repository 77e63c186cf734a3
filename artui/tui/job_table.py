"""The table of jobs: it knows the order of all of them by number, and the rows of those near the window.

Drawn line by line (Textual's Line API). A row is repainted only when it says something else, and then only the cells
that differ; a clock runs only while a row in sight shows passing time.
"""

from __future__ import annotations

import time
from array import array
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import ClassVar

from rich.segment import Segment
from rich.style import Style
from textual import events
from textual.binding import Binding, BindingType
from textual.geometry import Region, Size
from textual.message import Message
from textual.scroll_view import ScrollView
from textual.strip import Strip
from textual.timer import Timer

from artui.job import Job
from artui.shown import shown, width
from artui.tui.look import UNICODE, Glyphs, Width
from artui.tui.words import Row, Surroundings, rate, say

STAGE, TIME, COST, WORKFLOW, RATE, ACCOUNT = 28, 7, 7, 20, 9, 12
FROM_WORKFLOW, FROM_RATE, FROM_ACCOUNT = 100, 112, 124
"""The table's width from which each of these columns is there: the file never has fewer than 30 cells from 80 on."""


@dataclass(frozen=True, slots=True)
class Column:
    """One column: its title, where it begins, how many cells it has, and whether it ends evenly."""

    title: str
    start: int
    cells: int
    right: bool = False

    @property
    def end(self) -> int:
        """The cell after its last."""
        return self.start + self.cells


def columns(cells: int) -> list[Column]:
    """The columns of a table so wide; the file gets what the others leave."""
    fixed = [("Stage", STAGE, False), ("In it", TIME, True), ("Cost", COST, True)]
    if cells < Width.NORMAL:
        del fixed[1]
    if cells >= FROM_RATE:
        fixed.insert(1, ("Rate", RATE, True))
    if cells >= FROM_WORKFLOW:
        fixed.insert(0, ("Workflow", WORKFLOW, False))
    if cells >= FROM_ACCOUNT:
        fixed.append(("Account", ACCOUNT, True))
    start = 3
    file = cells - start - 2 - sum(room for _, room, _ in fixed)
    made = [Column("File", start, file)]
    start += file + 2
    for title, room, right in fixed:
        made.append(Column(title, start, room, right))
        start += room
    return made


def fitted(text: str, column: Column, ellipsis: str) -> str:
    """Text that takes a column's cells exactly; what is too wide loses its middle."""
    cells = column.cells if column.right else column.cells - 1
    text = shown(text, max(1, cells), ellipsis)
    gap = " " * (column.cells - width(text))
    return gap + text if column.right else text + gap


def file_fitted(folder: str, name: str, column: Column, ellipsis: str) -> str:
    """A file in its cells: the folder is shortened first, then the name, each in its middle."""
    whole = shown(f"{folder}/{name}") if folder else shown(name)
    if width(whole) > column.cells and folder:
        short = shown(folder, max(8, column.cells - width(shown(name)) - 1), ellipsis)
        whole = f"{short}/{shown(name, max(1, column.cells - width(short) - 1), ellipsis)}"
    whole = whole if width(whole) <= column.cells else shown(whole, column.cells, ellipsis)
    return whole + " " * (column.cells - width(whole))


class JobTable(ScrollView, can_focus=True):
    """A table over any number of jobs, with a cursor that stays on its job and marks that survive every filter."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("enter", "open", "details", tooltip="All about this job, and what can be done"),
        Binding("down,j", "move(1)", show=False, tooltip="One job down"),
        Binding("up,k", "move(-1)", show=False, tooltip="One job up"),
        Binding("pagedown", "page(1)", show=False, tooltip="One page down"),
        Binding("pageup", "page(-1)", show=False, tooltip="One page up"),
        Binding("home,g", "edge(0)", show=False, tooltip="The first job"),
        Binding("end,G", "edge(-1)", show=False, tooltip="The last job"),
    ]
    COMPONENT_CLASSES: ClassVar[set[str]] = {
        "table--cursor", "table--needs-you", "table--active", "table--queued", "table--in-qa", "table--done",
        "table--quiet",
    }  # fmt: skip
    DEFAULT_CSS = """
    JobTable {
        height: 1fr;
        scrollbar-size: 0 0;
        overflow-x: hidden;
    }
    JobTable > .table--cursor { background: $cursor; text-style: bold; }
    JobTable > .table--needs-you { color: $error; }
    JobTable > .table--active { color: $primary; }
    JobTable > .table--queued { color: $quiet; }
    JobTable > .table--in-qa { color: $accent; }
    JobTable > .table--done { color: $success; }
    JobTable > .table--quiet { color: $quiet; }
    """

    class Wanted(Message):
        """Rows come into sight that are not here yet."""

    class Moved(Message):
        """The cursor is on another job."""

    class Opened(Message):
        """``enter`` on a job."""

    class Marked(Message):
        """Other jobs are marked."""

    def __init__(self, glyphs: Glyphs = UNICODE, *, id: str | None = None) -> None:  # noqa: A002 — as Textual
        super().__init__(id=id)
        self.glyphs = glyphs
        self.order: array[int] = array("q")
        self.marked: set[int] = set()
        self.around = Surroundings()
        self._jobs: Mapping[int, Job] = {}
        self._rows: dict[int, Row] = {}
        self._cursor = 0
        self._anchor: int | None = None
        self._clock: Timer | None = None
        self._styles_now: dict[tuple[str, bool], Style] = {}

    # ---------------------------------------------------------------------------------------------- what it shows

    def put_order(self, order: array[int]) -> None:
        """Show these jobs in this order; the cursor stays on its job, or else where it was."""
        held = self.current
        self.order = order
        if held is not None:
            try:
                self._cursor = order.index(held)
            except ValueError:
                self._cursor = min(self._cursor, max(0, len(order) - 1))
        self.virtual_size = Size(self.size.width, len(order))
        self._keep_in_sight()
        self.refresh()

    def put_rows(self, jobs: Mapping[int, Job], around: Surroundings) -> None:
        """Take in the rows near the window, as they are now; what says something else is repainted."""
        self._jobs = jobs
        self.around = around
        self.restate()

    def restate(self, around: Surroundings | None = None) -> None:
        """Say every row in sight anew, and repaint what differs."""
        if around is not None:
            self.around = around
        now = time.time()
        for line, number in enumerate(self._in_sight()):
            before, row = self._rows.get(number), self._say(number, now)
            if row != before:
                self._repaint(line, before, row)
        in_sight = set(self._in_sight())
        self._rows = {number: row for number, row in self._rows.items() if number in in_sight}
        self._wind_clock()

    def near(self) -> list[int]:
        """The jobs in sight and a page to either side."""
        page, top = max(1, self.size.height), self.scroll_offset.y
        return list(self.order[max(0, top - page) : top + 2 * page])

    @property
    def current(self) -> int | None:
        """The number of the job under the cursor, None where the table is empty."""
        return self.order[self._cursor] if self._cursor < len(self.order) else None

    @property
    def job(self) -> Job | None:
        """The job under the cursor, None where its row is not here yet."""
        return self._jobs.get(self.current or 0)

    @property
    def cursor(self) -> int:
        """The place of the cursor, from 0."""
        return self._cursor

    # ------------------------------------------------------------------------------------------------ the cursor

    def move_to(self, place: int) -> None:
        """Put the cursor on the job at this place."""
        place = max(0, min(place, len(self.order) - 1))
        if place == self._cursor or not self.order:
            return
        before, self._cursor = self._cursor, place
        for changed in (before, place):
            self.refresh_line(changed)
        self._keep_in_sight()
        self._ask_for_rows()
        self.post_message(self.Moved())

    def mark(self, numbers: Iterable[int], *, on: bool | None = None) -> None:
        """Mark jobs, take marks away, or with None turn each around."""
        for number in numbers:
            wanted = number not in self.marked if on is None else on
            (self.marked.add if wanted else self.marked.discard)(number)
        self.refresh()
        self.post_message(self.Marked())

    def begin_range(self) -> bool:
        """Begin a range at the cursor, or mark the one begun there; returns whether one has begun."""
        if self._anchor is None:
            self._anchor = self.current
            return self._anchor is not None
        first = self.order.index(self._anchor) if self._anchor in self.order else self._cursor
        low, high = sorted((first, self._cursor))
        self._anchor = None
        self.mark(self.order[low : high + 1], on=True)
        return False

    def _keep_in_sight(self) -> None:
        height, top = max(1, self.size.height), self.scroll_offset.y
        if self._cursor < top:
            self.scroll_to(y=self._cursor, animate=False)
        elif self._cursor >= top + height:
            self.scroll_to(y=self._cursor - height + 1, animate=False)

    def _ask_for_rows(self) -> None:
        if any(number not in self._jobs for number in self._in_sight()):
            self.post_message(self.Wanted())

    def _in_sight(self) -> array[int]:
        top = self.scroll_offset.y
        return self.order[top : top + self.size.height]

    # --------------------------------------------------------------------------------------------------- painting

    def render_line(self, y: int) -> Strip:
        """One line of the window."""
        place, cells = self.scroll_offset.y + y, self.size.width
        if place >= len(self.order):
            return Strip.blank(cells, self._style("", at_cursor=False))
        number = self.order[place]
        row = self._rows.get(number) or self._say(number, time.time())
        at_cursor = place == self._cursor
        plain = self._style("", at_cursor=at_cursor)
        mark = self.glyphs.marked if number in self.marked else " "
        if row is None:
            return Strip([Segment(mark.ljust(cells), plain)], cells)
        kind = self._style(row.group.value.replace(" ", "-").lower(), at_cursor=at_cursor)
        quiet = self._style("quiet", at_cursor=at_cursor)
        pieces = [Segment(mark, plain), Segment(f"{row.sign} ", kind)]
        for column, text in self._cells(number, row):
            style = kind if column.title == "Stage" else plain if column.title in ("File", "Cost") else quiet
            pieces.append(Segment(text, style))
        return Strip(pieces).adjust_cell_length(cells, plain)

    def _cells(self, number: int, row: Row) -> Iterable[tuple[Column, str]]:
        job, ellipsis = self._jobs[number], self.glyphs.ellipsis
        moving = self.around.moving.get(number)
        said = {
            "Stage": row.stage, "In it": row.time, "Cost": row.cost, "Workflow": job.workflow_name,
            "Account": job.account, "Rate": rate(moving.rate) if moving and moving.rate else "",
        }  # fmt: skip
        for column in columns(self.size.width):
            if column.title == "File":
                name = file_fitted(job.source.parent.name, job.source.name, column, ellipsis)
                yield column, name + "  "
            else:
                yield column, fitted(said[column.title], column, ellipsis)

    def _say(self, number: int, now: float) -> Row | None:
        job = self._jobs.get(number)
        if job is None:
            return None
        row = self._rows[number] = say(job, self.around, self.glyphs, now)
        return row

    def _repaint(self, line: int, before: Row | None, row: Row | None) -> None:
        """Repaint a line of the window from the first cell that differs."""
        cells, start = self.size.width, 0
        same = before is not None and row is not None and (before.sign, before.group) == (row.sign, row.group)
        if same and before and row and before.file == row.file:
            shown_columns = {column.title: column for column in columns(cells)}
            start = shown_columns["Stage"].start
            if before.stage == row.stage and before.cost == row.cost and "In it" in shown_columns:
                start, cells = shown_columns["In it"].start, shown_columns["In it"].end
        self.refresh(Region(start, line, cells - start, 1))

    def _style(self, kind: str, *, at_cursor: bool) -> Style:
        key = (kind, at_cursor)
        if key not in self._styles_now:
            style = self.get_component_rich_style(f"table--{kind}") if kind else self.rich_style
            if at_cursor:
                ground = self.get_component_rich_style("table--cursor")
                style += Style(bgcolor=ground.bgcolor, bold=True)
            self._styles_now[key] = style
        return self._styles_now[key]

    # -------------------------------------------------------------------------------------------------- handlers

    def notify_style_update(self) -> None:
        """Another theme: forget the styles worked out for the last one."""
        self._styles_now.clear()
        super().notify_style_update()

    def watch_scroll_y(self, old_value: float, new_value: float) -> None:
        """Other rows come into sight."""
        super().watch_scroll_y(old_value, new_value)
        self._ask_for_rows()
        self._wind_clock()

    def on_resize(self, event: events.Resize) -> None:
        """Another number of rows, other columns."""
        self.virtual_size = Size(event.size.width, len(self.order))
        self._keep_in_sight()
        self._ask_for_rows()
        self.refresh()

    def on_click(self, event: events.Click) -> None:
        """A click moves the cursor; on the cursor's own row it opens the job."""
        place = self.scroll_offset.y + event.y
        if place >= len(self.order):
            return
        if place == self._cursor and event.chain > 1:
            self.action_open()
        self.move_to(place)

    def _wind_clock(self) -> None:
        """Wake up when a row in sight says something else by itself; never for rows that stand still."""
        if self._clock:
            self._clock.stop()
            self._clock = None
        rows = (self._rows.get(number) for number in self._in_sight())
        pulses = [row.pulse for row in rows if row and row.pulse is not None]
        if pulses and self.is_mounted:
            self._clock = self.set_timer(min(pulses), self.restate)

    # --------------------------------------------------------------------------------------------------- actions

    def action_move(self, by: int) -> None:
        """The cursor so many jobs further down."""
        self.move_to(self._cursor + by)

    def action_page(self, by: int) -> None:
        """The cursor so many pages further down."""
        self.move_to(self._cursor + by * max(1, self.size.height - 1))

    def action_edge(self, end: int) -> None:
        """The cursor on the first or the last job."""
        self.move_to(len(self.order) - 1 if end else 0)

    def action_open(self) -> None:
        """Ask for the details of the job under the cursor."""
        if self.current is not None:
            self.post_message(self.Opened())
