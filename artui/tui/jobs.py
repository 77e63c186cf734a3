"""The Jobs screen: chips with counts, the table, the money, and what a person may have done about jobs.

It is the first picture, so that what only an answer to a key needs is imported there.
"""

from __future__ import annotations

import time
from array import array
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, ClassVar

from textual import events
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Horizontal, Vertical
from textual.widgets import Static

from artui.core.finding import filter_from
from artui.journal import crowds, window
from artui.journal.crowds import Crowds
from artui.journal.window import Filter, Overview, SortOrder
from artui.model.holds import Group
from artui.model.job import Batch, Job
from artui.sanitize import beginning, sanitize
from artui.tui.coalesced_refresh import CoalescedRefresh
from artui.tui.columns import heads
from artui.tui.filter_line import FilterLine
from artui.tui.job_table import JobTable, columns
from artui.tui.jobs_page import (
    CHIPS,
    NO_PHOTOS,
    JobsWanted,
    Wish,
    chips_line,
    here_line,
    may_fit,
    read_page,
    sum_line,
    todo_line,
)
from artui.tui.narrowing import Narrowed
from artui.tui.panes import PanedPage
from artui.tui.shell import Line
from artui.tui.view import Look

if TYPE_CHECKING:
    from artui.core.actions import Action
    from artui.tui.photo_pane import PhotoPane, Shown

REORDER_SHARE = 0.05
"""The most of its time the view spends on sorting anew by itself; a key sorts at once."""


class Jobs(Narrowed, PanedPage):
    """All jobs of this journal."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("b", "review", "review", tooltip="Look through the saved results of this list from here on"),
        Binding("r", "retry", "retry", tooltip="Retry these: shows first what it does and may cost"),
        Binding("r", "fetch", "fetch again", tooltip="Fetch the saved result again where it is no longer there (free)"),
        Binding("x", "cancel", "cancel", tooltip="Cancel these: what is not sent yet is never paid"),
        Binding("W", "another", show=False, tooltip="Send these photos, or their results, to another workflow"),
        Binding("space", "mark", "mark", tooltip="Mark this job, or take the mark away"),
        Binding("n", "next", "next to do", tooltip="The next job that needs you"),
        *Narrowed.NARROW,
        Binding("a", "mark_all", show=False, tooltip="Mark all that are shown, or none"),
        Binding("V", "range", show=False, tooltip="Begin a range here; again: mark it"),
        Binding("v", "marked_only", show=False, tooltip="Show the marked only, or all again"),
        Binding("left", "chip(-1)", show=False, tooltip="The chip to the left"),
        Binding("right", "chip(1)", show=False, tooltip="The chip to the right"),
        Binding("0", "all", show=False, tooltip="All jobs again, whatever was filtered"),
        Binding("B", "batches", show=False, tooltip="The batches, with their counts and money; show one"),
        Binding("d", "aside", show=False, tooltip="Put aside what needs you, until it moves; again: take it back"),
        Binding("f", "first", show=False, tooltip="Send this before the others that wait; again: in its own turn"),
        Binding("R", "balance", show=False, tooltip="Look at the balance of this account now"),
        Binding("plus", "allow", show=False, tooltip="Let the batch of this job spend more than its cap"),
        Binding("o", "open", show=False, tooltip="Open the result; over SSH its path, and a line that fetches it"),
        Binding("y", "copy", show=False, tooltip="Copy path and execution"),
        *PanedPage.PANE,
    ]
    DEFAULT_CSS = """
    Jobs > #middle { height: 1fr; }
    Jobs #list { width: 1fr; }
    Jobs #chips, Jobs #here { color: $quiet; }
    Jobs #heads { color: $quiet; text-style: bold; }
    Jobs #empty { padding: 1 1; }
    """
    changes = frozenset({"retry", "fetch", "first", "cancel", "another", "balance", "aside", "allow"})

    def __init__(self, *, id: str | None = None) -> None:  # noqa: A002 — as Textual
        super().__init__(id=id)
        self.wanted = Filter()
        self.narrowing: JobsWanted = JobsWanted(SortOrder.FILE)
        self.overview = Overview(dict.fromkeys(Group, 0), {})
        self.batches: dict[str, Batch] = {}
        self._crowds: Crowds = {}
        self._samples: frozenset[str] = frozenset()
        self._about = ""
        """What the jobs are, where none but some are shown."""
        self._pinned: array[int] = array("q")
        self._reading = CoalescedRefresh(self, self._read)
        self._reorder = self._repin = False
        self._sorted_at = self._sorting_took = 0.0
        self._standing: object = None
        """What the keys that are offered depend on."""
        self._chip_spans: list[tuple[int, int, Group | None]] = []
        self._pane: PhotoPane | None = None

    def compose(self) -> ComposeResult:
        """Chips, table, sums and messages; the pane joins the table once it is open."""
        yield Line(id="chips")
        yield FilterLine(instead="#chips", of="#table")
        with Horizontal(id="middle"), Vertical(id="list"):
            yield Line(id="heads")
            yield Static("", id="empty", markup=False)
            yield JobTable(self.host.glyphs, id="table")
        for name in ("sum", "here", "message"):
            yield Line(id=name)

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:
        """Only what can be done: where nothing is marked, about the job under the cursor."""
        job = self.table.job if self.is_mounted and not self.table.marked else None
        return may_fit(action, job) and super().check_action(action, parameters)

    @property
    def table(self) -> JobTable:
        """The table."""
        return self.query_one(JobTable)

    def enter(self) -> None:
        """Sort anew, and give the table the focus."""
        self.focus_on(self.table)
        self.read(reorder=True, repin=True)

    def back(self) -> bool:
        """Take the last filter away."""
        if self.wanted.only is not None:
            self.wanted = self.wanted._replace(only=None)
        elif self.wanted != Filter(self.wanted.group):
            self.query_one(FilterLine).value = self.narrowing.typed = ""
            self.wanted = Filter(self.wanted.group)
        elif self.wanted.group is not None:
            self.wanted = Filter()
        else:
            return False
        self.read(reorder=True, repin=True)
        return True

    # ----------------------------------------------------------------------------------------------------- reading

    def read(self, *, reorder: bool = False, repin: bool = False) -> None:
        """Read what is shown anew, in the view's thread; with ``reorder`` which jobs and in which order."""
        self._reorder |= reorder
        self._repin |= repin
        self._reading.ask()

    async def _read(self) -> None:
        by = self.narrowing
        wish = Wish(
            self.wanted, by.by, by.turned, tuple(self.table.near()), self._pinned, self._reorder, self._repin,
            first=2 * max(24, self.size.height),
        )  # fmt: skip
        self._reorder = self._repin = False
        page = await self.host.view.ask(read_page, wish)
        if self.is_whole:
            self.overview, self.batches, self._pinned = page.overview, page.batches, page.pinned
            self._crowds, self._samples = page.crowds, page.samples
            if page.order is not None:
                self._sorted_at, self._sorting_took = time.monotonic(), page.seconds
                self.table.put(page.order)
                self._show_emptiness()
            self.table.put_rows(page.jobs, page.around.with_moving(self.host.look.moving))
            self.draw()

    def looked(self, look: Look) -> None:
        """Something is new: read it, or only take in how far the transfers are."""
        if look.changed is None or look.changed:
            arrived = look.changed is None or any(event.what == "added" for event in look.events)
            # Jobs may join or leave what is filtered, which is sorted by itself only so often.
            filtered = self.wanted.group is not None or not self.wanted.counted
            rest = max(0.25, self._sorting_took / REORDER_SHARE)
            self.read(reorder=arrived or (filtered and time.monotonic() - self._sorted_at >= rest))
            if self._pane is not None and (look.changed is None or self.table.current in look.changed):
                self._pane.follow()
        else:
            self.table.put_around(self.table.around.with_moving(look.moving))
            self._draw_job()

    # ----------------------------------------------------------------------------------------------------- drawing

    def draw(self) -> None:
        """Draw all lines around the table."""
        cells = self.app.size.width
        self.reshape()
        filtered = self._filter_word()
        content, self._chip_spans = chips_line(self.overview, self.wanted.group, filtered, cells)
        self.query_one("#chips", Line).say(content)
        self.query_one("#sum", Line).say(sum_line(self.overview.totals, len(self.table.marked), cells))
        self._draw_job()

    def _filter_word(self) -> str:
        words = [self.narrowing.sorted_by] if self.narrowing.sorted_by else []
        if self.wanted.only is not None:
            words.append(sanitize(self._about, 40))
        if self.wanted.batch:
            batch = self.batches.get(self.wanted.batch)
            words.append(f"batch: {sanitize(batch.name if batch else self.wanted.batch, 24)}")
        typed = [word for word in self.narrowing.typed.split() if not word.startswith("batch:")]
        return self.host.glyphs.plain("  ".join([*words, *(sanitize(word, 24) for word in typed)]))

    def _draw_job(self) -> None:
        """The two lines about the job under the cursor, and its details where there is room."""
        job, cells = self.table.job, self.app.size.width
        now = time.time()
        here = message = ""
        standing = (bool(self.table.marked), job and (job.status, job.reason, job.found))
        if standing != self._standing:
            self._standing = standing
            self.refresh_bindings()
        if job is not None:
            here = here_line(job, cells, self.host.glyphs)
            message = todo_line(job, self._crowds.get(crowds.of(job)), job.batch in self._samples, now)
        newest = self.host.news.newest
        if self.host.news.greeting:
            message = self.host.news.greeting
        elif not message and newest is not None:
            message = newest.line(now)
        self.query_one("#here", Line).say(f" {here}")
        self.query_one("#message", Line).say(
            f" {beginning(self.host.glyphs.plain(message), cells - 2, self.host.glyphs.ellipsis)}"
        )

    def reshape(self) -> None:
        """Give the table the room that the pane leaves."""
        cells = self.pane_cells
        self.table.put_beside(pane=cells > 0)
        # Not by the table's own width, which is another one only after the pane has joined it.
        self.query_one("#heads", Line).say(heads(columns(self.app.size.width - cells, beside_pane=cells > 0)))
        if cells and self._pane is None and self.table.order:
            from artui.tui.photo_pane import PhotoPane

            self._pane = PhotoPane(self._beside, plain=bool(self.host.glyphs.brackets[0]))
            self.query_one("#middle").mount(self._pane)
        if self._pane is not None:
            self._pane.open(cells)

    async def _beside(self) -> Shown:
        """What the pane shows of the job under the cursor."""
        from artui.tui.beside import shown_of

        return await shown_of(self.host, self.table.current, self._pane.size.width if self._pane else 0)

    def _show_emptiness(self) -> None:
        empty = self.query_one("#empty", Static)
        empty.display = not self.table.order
        if self.overview.jobs or self.wanted != Filter(self.wanted.group):
            everything = sum(self.host.look.counts.values())
            word = self._filter_word() or str(self.wanted.group or "")
            empty.update(f"None of {everything:,} match '{word}'. esc clears the filter.")
        else:
            empty.update(NO_PHOTOS)

    # ---------------------------------------------------------------------------------------------------- handlers

    def on_resize(self) -> None:
        """Other widths."""
        self.call_after_refresh(self.draw)

    def touched(self) -> None:
        """What happened meanwhile has been read once a key is pressed."""
        if self.host.news.greeting:
            self.host.news.greeting = ""
            self._draw_job()

    def on_line_list_wanted(self) -> None:
        """The table needs rows that are not here."""
        self.read()

    def on_line_list_moved(self) -> None:
        """The cursor is on another job."""
        self._draw_job()
        if self._pane is not None:
            self._pane.follow()

    def on_job_table_marked(self) -> None:
        """Other jobs are marked."""
        self.draw()

    def on_line_list_opened(self) -> None:
        """Show all about the job under the cursor."""
        from artui.tui.job_details import DetailsScreen

        if self.table.current is not None:
            self.app.push_screen(DetailsScreen(self.table.current))

    def on_click(self, event: events.Click) -> None:
        """A click on a chip."""
        if event.widget is self.query_one("#chips"):
            for start, end, group in self._chip_spans:
                if start <= event.x < end:
                    self._choose(group)

    def renarrow(self) -> None:
        """Other words are typed, or another order is wanted."""
        typed = filter_from(self.narrowing.typed, self.wanted.group, self.batches.values())
        self.wanted = typed._replace(only=self.wanted.only)
        self.read(reorder=True, repin=True)

    def action_sort(self) -> None:
        """Sort by the next column; a batch that is shown alone, which nobody typed, stays so."""
        self.narrowing.turn()
        self.read(reorder=True, repin=True)

    # ------------------------------------------------------------------------------------- actions: what is shown

    def action_chip(self, by: int) -> None:
        """Another chip."""
        groups = [chip[0] for chip in CHIPS]
        self._choose(groups[(groups.index(self.wanted.group) + by) % len(groups)])

    def _choose(self, group: Group | None) -> None:
        self.wanted = self.wanted._replace(group=group)
        self.read(reorder=True, repin=True)

    def action_all(self) -> None:
        """Take every filter away."""
        while self.back():
            pass

    def action_marked_only(self) -> None:
        """Show the marked only, or all again."""
        if self.wanted.only is None and self.table.marked:
            self.show_only(self.table.marked, "marked only")
        else:
            self.wanted = self.wanted._replace(only=None)
            self.read(reorder=True)

    def show_only(self, numbers: Iterable[int], about: str) -> None:
        """Show none but these jobs; ``about`` says which they are."""
        self.wanted, self._about = self.wanted._replace(only=frozenset(numbers)), about
        self.read(reorder=True, repin=True)

    def action_mark(self) -> None:
        """Mark the job under the cursor and go on to the next."""
        if self.table.current is not None:
            self.table.mark([self.table.current])
            self.table.action_move(1)

    def action_mark_all(self) -> None:
        """Mark all that are shown, or none of them where all are."""
        everything = set(self.table.order)
        self.table.mark(everything, on=not everything <= self.table.marked)

    def action_range(self) -> None:
        """Begin a range, or mark it."""
        if (chosen := self.table.range()) is not None:
            self.table.mark(chosen, on=True)
        elif self.table.current is not None:
            self.notify("A range begins here; V at its other end marks it.", markup=False)

    async def action_next(self) -> None:
        """The cursor on the next job that needs a person, in all jobs if need be."""
        needing = set(await self.host.view.ask(window.needing, Filter()))
        order, begin = self.table.order, self.table.cursor + 1
        places = [*range(begin, len(order)), *range(min(begin, len(order)))] if needing else []
        place = next((place for place in places if order[place] in needing), None)
        if place is not None:
            self.table.move_to(place)
        elif needing:
            self.action_all()
            self.notify("Every filter is taken away: those that need you are on top.", markup=False)
        else:
            self.notify("Nothing needs you.", markup=False)

    def action_batches(self) -> None:
        """The batches; show one."""
        from artui.tui.batches import BatchesScreen

        def show(wanted: Filter | None) -> None:
            if wanted is not None:
                self.query_one(FilterLine).value = self.narrowing.typed = ""
                self.wanted = wanted
                self.read(reorder=True, repin=True)

        self.app.push_screen(BatchesScreen(list(self.batches.values())), show)

    async def action_review(self) -> None:
        """Look through the saved results of what is shown, from the cursor on; where the rest of the job's batch waits
        for a yes, through its sample."""
        from artui.tui.reviewing import open_review, review_sample

        job = self.table.job
        if job is not None and job.batch in self._samples and await review_sample(self.host, job.batch):
            return
        order, place = self.table.order, self.table.cursor
        batch = self.batches.get(self.wanted.batch or "")
        about = batch.name if batch else self._filter_word() or str(self.wanted.group or "all jobs")
        await open_review(self.host, order, about, place)

    def action_copy(self) -> None:
        """Send path and execution to the clipboard."""
        from artui.tui import desktop

        if (job := self.table.job) is not None:
            desktop.copy(self.app, desktop.whereabouts(job))

    def action_open(self) -> None:
        """Open the results of the job under the cursor."""
        from artui.tui import desktop

        if (job := self.table.job) is not None:
            desktop.show(self.app, [Path(result.path) for result in job.results if result.path])

    # --------------------------------------------------------------------------------- actions: what is to be done

    async def _chosen(self) -> list[Job]:
        """The marked jobs, or else the one under the cursor, as they are now."""
        numbers: Sequence[int] = sorted(self.table.marked) or ([self.table.current] if self.table.current else [])
        return list((await self.host.view.ask(window.some, numbers)).values())

    def _unmark(self, agreed: Sequence[Action]) -> None:
        self.table.mark([act.job.id for act in agreed if act.job], on=False)

    async def action_retry(self) -> None:
        """Ask whether these are to be tried again."""
        from artui.tui import deciding

        await deciding.retry(self.host, await self._chosen(), self._unmark)

    async def action_fetch(self) -> None:
        """Ask whether these are to be fetched again."""
        await self.action_retry()

    async def action_first(self) -> None:
        """Put these before all that wait for their turn, or back where all of them are."""
        from artui.tui import deciding

        await deciding.put_first(self.host, await self._chosen())

    async def action_cancel(self) -> None:
        """Ask whether these are to be cancelled."""
        from artui.tui import deciding

        await deciding.cancel(self.host, await self._chosen(), self._unmark)

    async def action_another(self) -> None:
        """Send these photos, or what they became, to another workflow."""
        from artui.tui import another

        await another.another_workflow(self.host, await self._chosen())

    async def action_balance(self) -> None:
        """Look at the balance of this job's account now."""
        from artui.tui import deciding

        account = self.table.job.account if self.table.job else self.host.account
        if account:
            await deciding.look_at_balance(self.host, account)

    def action_allow(self) -> None:
        """Ask how much more the batch of this job may spend."""
        from artui.tui import deciding

        job = self.table.job
        if job is not None:
            self.host.soon(deciding.allow(self.host, self.batches.get(job.batch or "")))

    async def action_aside(self) -> None:
        """Put what needs a person aside until it moves, or take it back."""
        from artui.tui import deciding

        self.table.mark(await deciding.put_aside(self.host, await self._chosen()), on=False)
        self.read(reorder=self.wanted.group is not None)
