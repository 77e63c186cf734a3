"""All about one job, beside the table or over the whole screen, with what can be done about it."""

from __future__ import annotations

from pathlib import Path
from typing import ClassVar

from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import VerticalScroll
from textual.content import Content
from textual.widgets import Static

from artui.model.job import Job
from artui.tui import another, deciding, desktop
from artui.tui.above import Above
from artui.tui.coalesced_refresh import CoalescedRefresh
from artui.tui.host import Hosted
from artui.tui.jobs_page import may_fit
from artui.tui.shell import Keys, Line
from artui.tui.story import Story, read_story, told
from artui.tui.view import Look


class Details(Hosted, VerticalScroll):
    """The story of one job, kept up to date while it is looked at."""

    DEFAULT_CSS = """
    Details { scrollbar-size: 0 0; }
    """

    def __init__(self, *, id: str | None = None) -> None:  # noqa: A002 — as Textual
        super().__init__(id=id, can_focus=False)
        self.story: Story | None = None
        self._number: int | None = None
        self._reading = CoalescedRefresh(self, self._read)
        self._said = Content("")

    def compose(self) -> ComposeResult:
        """The text."""
        yield Static("", markup=False)

    def on_mount(self) -> None:
        """Follow the job."""
        self.host.looked.subscribe(self, self._looked)

    def on_resize(self) -> None:
        """Other widths."""
        self._tell()

    def show(self, number: int | None) -> None:
        """Tell this job's story."""
        if number != self._number:
            self._number = number
            self.scroll_home(animate=False)
            self._reading.ask()
        else:
            self._tell()

    def _looked(self, look: Look) -> None:
        if self.display and self._number is not None and (look.changed is None or self._number in look.changed):
            self._reading.ask()
        elif self._number in look.moving:
            self._tell()

    async def _read(self) -> None:
        wanted = self._number
        self.story = await self.host.view.ask(read_story, wanted) if wanted is not None else None
        if wanted == self._number:  # else the cursor has gone on meanwhile
            self._tell()

    async def is_told(self) -> None:
        """Wait until the story has been read."""
        await self._reading.is_done()

    def _tell(self) -> None:
        content = told(self.story, self.host, self.size.width - 2) if self.story else Content("")
        if not content.is_same(self._said):
            self._said = content
            self.query_one(Static).update(content)
            self.screen.refresh_bindings()


class DetailsScreen(Above[None]):
    """One job over the whole screen, with what can be done about it."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("enter", "decide", "decide", tooltip="Decide what only you can: in doubt, a new price, a sample"),
        Binding("b", "review", "review", tooltip="Before and after; keep the result, or reject it"),
        Binding("r", "retry", "retry", tooltip="Retry this: shows first what it does and may cost"),
        Binding("r", "fetch", "fetch again", tooltip="Fetch the saved result again where it is no longer there (free)"),
        Binding("x", "cancel", "cancel", tooltip="Cancel this: what is not sent yet is never paid"),
        Binding("W", "another", show=False, tooltip="Send this photo, or its result, to another workflow"),
        Binding("f", "first", show=False, tooltip="Send this before the others that wait; again: in its own turn"),
        Binding("d", "aside", "aside", tooltip="Put it aside until it moves, or take it back"),
        Binding("y", "copy", "copy", tooltip="Copy path and execution of this job"),
        Binding("o", "open", show=False, tooltip="Open the results with this desktop's program for pictures"),
        Binding("down,j", "scroll(1)", show=False, tooltip="Further down"),
        Binding("up,k", "scroll(-1)", show=False, tooltip="Further up"),
        Binding("pagedown,space", "scroll(10)", show=False, tooltip="A page down"),
        Binding("pageup", "scroll(-10)", show=False, tooltip="A page up"),
        Binding("escape,q", "back", "back", tooltip="Back to the table"),
    ]
    CSS = """
    DetailsScreen Details { height: 1fr; padding: 0 1; }
    DetailsScreen #title { color: $quiet; }
    """
    changes = frozenset({"decide", "retry", "fetch", "first", "cancel", "another", "aside"})

    def __init__(self, number: int) -> None:
        super().__init__()
        self.number = number

    def compose(self) -> ComposeResult:
        """Its number, its story, the keys."""
        yield Line(id="title")
        yield Details(id="story")
        yield Keys()

    async def on_mount(self) -> None:
        """Tell the story. A key that is quicker waits for it."""
        self.query_one(Line).say(f" job {self.number}")
        self.query_one(Details).show(self.number)
        await self.query_one(Details).is_told()

    def on_resize(self) -> None:
        """Other widths."""
        self.query_one(Keys).draw()

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:
        """Take away those that cannot act on this job as it stands."""
        job = self._job if self.is_mounted else None
        if action == "review" and job is not None and not job.is_saved:
            return False
        return may_fit(action, job) and super().check_action(action, parameters)

    @property
    def _job(self) -> Job | None:
        # It may be left, and its parts go one by one.
        told = (one.story for one in self.query(Details))
        return next((story.job for story in told if story), None)

    def action_decide(self) -> None:
        """Decide what only a person can; where nothing is to be decided any more, look at the result."""
        if self._job and not deciding.decide(self.host, self._job):
            if self._job.is_saved:
                self.action_review()
            else:
                self.notify("Nothing to decide here.", markup=False)

    def action_review(self) -> None:
        """Look at the result, and decide about it."""
        from artui.tui.reviewing import ReviewScreen

        if self._job:
            self.app.push_screen(ReviewScreen([self._job.id], self._job.source.name))

    async def action_retry(self) -> None:
        """Ask whether it is to be tried again."""
        if self._job:
            await deciding.retry(self.host, [self._job])

    async def action_fetch(self) -> None:
        """Ask whether its result is to be fetched again."""
        await self.action_retry()

    async def action_first(self) -> None:
        """Put it before all that wait for their turn, or back."""
        if self._job:
            await deciding.put_first(self.host, [self._job])

    async def action_cancel(self) -> None:
        """Ask whether it is to be cancelled."""
        if self._job:
            await deciding.cancel(self.host, [self._job])

    async def action_another(self) -> None:
        """Send this photo, or what it became, to another workflow."""
        if self._job:
            await another.another_workflow(self.host, [self._job])

    async def action_aside(self) -> None:
        """Put it aside, or take it back."""
        if self._job:
            await deciding.put_aside(self.host, [self._job])

    def action_copy(self) -> None:
        """Copy path and execution."""
        if self._job:
            desktop.copy(self.app, desktop.whereabouts(self._job))

    def action_open(self) -> None:
        """Open what was saved, as a double click does."""
        results = self._job.results if self._job else ()
        desktop.show(self.app, [Path(result.path) for result in results if result.path])

    def action_scroll(self, lines: int) -> None:
        """Scroll by so many lines."""
        self.query_one(Details).scroll_relative(y=lines, animate=False)

    def action_back(self) -> None:
        """Back to the table."""
        self.dismiss(None)
