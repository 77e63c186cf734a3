"""The pane beside the rules: what came of the rule under the cursor today, and the photo under its own cursor."""

from __future__ import annotations

import datetime as dt
import time
from array import array
from collections.abc import Callable

from textual.app import ComposeResult
from textual.containers import Vertical
from textual.widgets import Static

from artui.journal import Connection, window
from artui.journal.window import Filter, SortOrder
from artui.model.job import Job
from artui.sanitize import sanitize
from artui.tui.beside import shown_of
from artui.tui.coalesced_refresh import CoalescedRefresh
from artui.tui.host import Hosted
from artui.tui.job_table import JobTable
from artui.tui.photo_pane import PhotoPane, Shown
from artui.tui.shell import Line
from artui.tui.view import Look
from artui.tui.watches.standing import RuleStatus
from artui.tui.words import RowContext, home, plural


class TodayPane(Hosted, Vertical):
    """Follows the rule that ``find`` gives; it reads only while it stands there."""

    DEFAULT_CSS = """
    TodayPane { border-left: solid $border; display: none; }
    TodayPane #today { text-style: bold; }
    TodayPane #nothing { padding: 0 1; height: 1fr; color: $quiet; }
    TodayPane JobTable { height: 2fr; }
    TodayPane PhotoPane { height: 3fr; border-left: none; border-top: solid $border; }
    """

    def __init__(self, find: Callable[[], RuleStatus | None]) -> None:
        super().__init__(id="today-pane")
        self._find = find
        self._reading = CoalescedRefresh(self, self._read)
        self._cells = 0

    @property
    def table(self) -> JobTable:
        """The photos of today."""
        return self.query_one(JobTable)

    def compose(self) -> ComposeResult:
        """The rule, its photos, the one under the cursor."""
        yield Line(id="today")
        yield Static("", id="nothing", markup=False)
        yield JobTable(self.host.glyphs, id="photos")
        yield PhotoPane(self._beside, plain=bool(self.host.glyphs.brackets[0]))

    def on_mount(self) -> None:
        """Follow what is new."""
        self.table.put_beside(pane=True)
        self.host.looked.subscribe(self, self._looked)
        self.follow()

    def open(self, cells: int) -> None:
        """Stand there with so many cells, border included; with 0 not at all."""
        if cells != self._cells:
            self._cells = cells
            self.display, self.styles.width = cells > 0, max(1, cells)
            if self.is_mounted:
                self.query_one(PhotoPane).open(max(0, cells - 1))
                self.follow()

    def follow(self) -> None:
        """Another rule is under the cursor, or something is new about it."""
        if self.display and self.is_mounted:
            self._reading.ask()

    def _looked(self, look: Look) -> None:
        if look.wrote:
            self.follow()
        elif self.display:
            self.table.put_around(self.table.around.with_moving(look.moving))

    async def _read(self) -> None:
        one = self._find()
        rule = one.row.id if one and one.row else ""
        near, most = tuple(self.table.near()), 2 * max(24, self.size.height)
        now = dt.datetime.fromtimestamp(time.time(), self.host.config.timezone)
        wanted = Filter(rule=rule, since=dt.datetime.combine(now.date(), dt.time.min, now.tzinfo).timestamp())

        def ask(db: Connection) -> tuple[array[int], dict[int, Job], RowContext]:
            order = window.order(db, wanted, SortOrder.NEWEST) if rule else array("q")
            found = window.some(db, [*near, *order[:most]])
            return order, found, RowContext(usual=window.usual_times(db, found.values()), aside=window.asides(db))

        order, jobs, around = await self.host.view.ask(ask)
        if not self.is_whole:
            return
        if order != self.table.order:
            self.table.put(order)
        self.table.put_rows(jobs, around.with_moving(self.host.look.moving))
        self.query_one(PhotoPane).open(max(0, self._cells - 1))
        self.query_one(PhotoPane).follow()
        name = sanitize(home(one.entry.name or one.entry.folder) if one else "", max(8, self._cells - 24))
        self.query_one("#today", Line).say(f" {name}: {plural(len(order), 'photo')} today")
        nothing = self.query_one("#nothing", Static)
        nothing.display, self.table.display = not order, bool(order)
        self.query_one(PhotoPane).display = bool(order)
        nothing.update("Nothing came today." if one else "")

    async def _beside(self) -> Shown:
        """What is shown of the photo under the cursor."""
        return await shown_of(self.host, self.table.current, self.query_one(PhotoPane).size.width)

    def on_line_list_wanted(self) -> None:
        """The table needs rows that are not here."""
        self.follow()

    def on_line_list_moved(self) -> None:
        """The cursor is on another photo."""
        self.query_one(PhotoPane).follow()

    def on_line_list_opened(self) -> None:
        """Show all about the photo under the cursor."""
        from artui.tui.job_details import DetailsScreen

        if self.table.current is not None:
            self.app.push_screen(DetailsScreen(self.table.current))
