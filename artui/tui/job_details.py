"""All about one job: what it is, what happened to it, the service's own words, and what to do now."""

from __future__ import annotations

import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, ClassVar, cast

from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import VerticalScroll
from textual.content import Content
from textual.widgets import Static

from artui.journal import Connection, crowds, history, jobs, purchases
from artui.journal.crowds import HoldCount
from artui.model.holds import Group
from artui.model.job import Event, Job, Purchase
from artui.model.states import PurchaseState
from artui.sanitize import sanitize, width
from artui.tui import deciding, desktop
from artui.tui.above import Above
from artui.tui.advice import what_now
from artui.tui.coalesced_refresh import CoalescedRefresh
from artui.tui.shell import Keys, Line
from artui.tui.view import Look
from artui.tui.words import RowContext, amount, home, lasting, say, size

if TYPE_CHECKING:
    from artui.tui.host import Host

MOST_EVENTS = 200
"""The newest events that are shown; a job seldom has more than twenty."""


@dataclass(frozen=True, slots=True)
class Story:
    """Everything the journal knows of one job."""

    job: Job
    events: tuple[Event, ...]
    purchases: tuple[Purchase, ...]
    crowd: HoldCount | None


def read_story(db: Connection, number: int) -> Story | None:
    """Read it, in the view's thread."""
    job = jobs.get(db, number)
    if job is None:
        return None
    crowd = crowds.crowds(db).get((job.account, job.reason))
    return Story(job, tuple(history.of_job(db, number)), tuple(purchases.of_job(db, number)), crowd)


NAMES = 13
"""Cells of the column that names the facts."""

COLOURS = {Group.NEEDS: "$error", Group.DONE: "$success", Group.QA: "$accent"}


def told(story: Story, host: Host, cells: int) -> Content:
    """The whole story as text, ``cells`` wide."""
    now = time.time()
    job = story.job
    row = say(job, RowContext(moving=host.look.moving), host.glyphs, now)
    parts: list[str | tuple[str, str]] = [(f"{sanitize(job.source.name)}\n", "bold")]
    parts.append((f"{row.sign} {row.stage}\n", f"bold {COLOURS.get(row.group, '$primary')}"))
    parts += [
        "\n",
        (f"{host.glyphs.plain(what_now(job, story.crowd))}\n", "bold" if row.group == "needs you" else ""),
        "\n",
    ]
    for name, value in _facts(job, story.purchases):
        parts += [(f"{name:<{NAMES}}", "$quiet"), f"{_hanging(value, cells)}\n"]
    parts += ["\n", ("What happened\n", "bold underline")]
    parts += list(_timeline(story.events, now))
    return Content.assemble(*parts)


def _facts(job: Job, bought: Sequence[Purchase]) -> Iterator[tuple[str, str]]:
    yield "file", sanitize(home(job.source))
    pixels = f", {job.width:,} x {job.height:,}" if job.width else ""
    yield "size", f"{size(job.size)}{pixels}{', ' + sanitize(job.media_type) if job.media_type else ''}"
    yield "workflow", f"{sanitize(job.workflow_name)} (version {sanitize(job.version, 16)})"
    yield "account", f"{sanitize(job.account)}, {sanitize(job.organization, 24)}"
    charged = amount(job.charged) if job.charged is not None else "not yet"
    yield "cost", f"quoted {amount(job.quoted)}, charged {charged}"
    for purchase in bought:
        yield f"paid call {purchase.number}", _purchase(purchase)
    if job.execution:
        yield "execution", sanitize(job.execution)
    if job.word:
        yield "it says", sanitize(job.word)
    if job.message:
        yield "message", sanitize(job.message)
    if job.twin_of is not None:
        yield "same as", f"job {job.twin_of}"
    for result in job.results:
        kind = f" ({size(result.size)})" if result.size else ""
        yield "result", f"{sanitize(home(result.path))}{kind}" if result.path else "at the service"
    for label, value in job.labels.items():
        yield "label", f"{sanitize(label)} = {sanitize(value)}"


def _hanging(text: str, cells: int) -> str:
    """Text in lines that stay right of the column of names."""
    room, lines, line = max(16, cells - NAMES), [], ""
    for letter in text:
        if width(line) + width(letter) > room:
            head, blank, tail = line.rpartition(" ")
            lines.append(head if blank else line)
            line = tail if blank else ""
        line += letter
    return f"\n{' ' * NAMES}".join([*lines, line])


def _purchase(purchase: Purchase) -> str:
    at = time.strftime("%d %b %H:%M:%S", time.localtime(purchase.intended_at))
    said = {
        PurchaseState.INTENDED: "fate unknown",
        PurchaseState.REFUSED: "surely not carried out, free",
        PurchaseState.KNOWN: "accepted",
        PurchaseState.PRESUMED_SPENT: "given up, counted as spent",
    }[purchase.state]
    cost = f"charged {purchase.charged:,}" if purchase.charged is not None else f"{purchase.reserved:,} reserved"
    if purchase.state is PurchaseState.REFUSED:
        cost = "nothing reserved"
    return f"{at}, {said}, {cost}"


def _timeline(events: Sequence[Event], now: float) -> Iterator[str | tuple[str, str]]:
    if len(events) > MOST_EVENTS:
        yield f"({len(events) - MOST_EVENTS:,} older ones are left out)\n"
    before = None
    for event in events[-MOST_EVENTS:]:
        at = time.strftime("%d %b %H:%M:%S" if now - event.at > 80_000 else "%H:%M:%S", time.localtime(event.at))
        since = f"+{lasting(event.at - before)}" if before is not None and event.at - before >= 1 else ""
        before = event.at
        yield (f"{at} {since:>7} ", "$quiet")
        yield f"{sanitize(event.what)}{': ' + sanitize(event.message) if event.message else ''}\n"


class Details(VerticalScroll):
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

    @property
    def host(self) -> Host:
        """The console it is shown in."""
        return cast("Host", self.app)

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


class DetailsScreen(Above[None]):
    """One job over the whole screen, with what can be done about it."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("enter", "decide", "decide", tooltip="Decide what only you can: in doubt, a new price, a sample"),
        Binding("b", "compare", "before/after", tooltip="Before and after side by side"),
        Binding("r", "retry", "retry", tooltip="Retry this: shows first what it does and may cost"),
        Binding("x", "cancel", "cancel", tooltip="Cancel this: what is not sent yet is never paid"),
        Binding("W", "another", show=False, tooltip="Send this photo, or its result, to another workflow"),
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
    changes = frozenset({"decide", "retry", "cancel", "another", "aside"})

    def __init__(self, number: int) -> None:
        super().__init__()
        self.number = number

    def compose(self) -> ComposeResult:
        """Its number, its story, the keys."""
        yield Line(id="title")
        yield Details(id="story")
        yield Keys(id="keys")

    async def on_mount(self) -> None:
        """Tell the story. A key that is quicker waits for it."""
        self.query_one(Line).say(f" job {self.number}")
        self.query_one(Details).show(self.number)
        self.bindings_updated_signal.subscribe(self, lambda _: self.query_one(Keys).draw())
        await self.query_one(Details).is_told()

    def on_resize(self) -> None:
        """Other widths."""
        self.query_one(Keys).draw()

    @property
    def _job(self) -> Job | None:
        story = self.query_one(Details).story
        return story.job if story else None

    def action_decide(self) -> None:
        """Decide what only a person can; where nothing is to be decided any more, look at the result."""
        if self._job and not deciding.decide(self.host, self._job):
            if self._job.results:
                self.action_compare()
            else:
                self.notify("Nothing to decide here.", markup=False)

    def action_compare(self) -> None:
        """Show before and after side by side."""
        from artui.tui.preview import PreviewScreen

        if self._job:
            self.app.push_screen(PreviewScreen(self._job))

    async def action_retry(self) -> None:
        """Ask whether it is to be tried again."""
        if self._job:
            await deciding.retry(self.host, [self._job])

    async def action_cancel(self) -> None:
        """Ask whether it is to be cancelled."""
        if self._job:
            await deciding.cancel(self.host, [self._job])

    async def action_another(self) -> None:
        """Send this photo, or what it became, to another workflow."""
        if self._job:
            await deciding.another_workflow(self.host, [self._job])

    async def action_aside(self) -> None:
        """Put it aside, or take it back."""
        if self._job:
            await deciding.put_aside(self.host, [self._job])

    def action_copy(self) -> None:
        """Copy path and execution."""
        if self._job:
            desktop.copy(self.app, deciding.whereabouts(self._job))

    def action_open(self) -> None:
        """Open what was saved, as a double click does."""
        results = self._job.results if self._job else ()
        if said := desktop.open_files([Path(result.path) for result in results if result.path]):
            self.notify(said, markup=False)

    def action_scroll(self, lines: int) -> None:
        """Scroll by so many lines."""
        self.query_one(Details).scroll_relative(y=lines, animate=False)

    def action_back(self) -> None:
        """Back to the table."""
        self.dismiss(None)
