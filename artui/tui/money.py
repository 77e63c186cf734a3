"""The Money page: what was spent of late, in bars by day, workflow, rule, folder, label or batch; what caps leave."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable
from dataclasses import replace
from typing import TYPE_CHECKING, ClassVar, cast

from textual import events
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.content import Content
from textual.widgets import Static

from artui.core.finding import Fields, SortKey
from artui.core.money import DAYS, Money, jobs_behind, money
from artui.journal.books import CostLine, Grouping
from artui.journal.caps import ALARM, WARN, Cap
from artui.model.holds import CapKind
from artui.sanitize import sanitize, width
from artui.tui import desktop
from artui.tui.coalesced_refresh import CoalescedRefresh
from artui.tui.columns import Column, Slot, fitted, heads, layout
from artui.tui.filter_line import FilterLine
from artui.tui.line_list import LineList
from artui.tui.look import UNICODE, Glyphs, Width, bar
from artui.tui.meters import meter_bar
from artui.tui.narrowing import Narrowed, Narrowing
from artui.tui.page import Page
from artui.tui.pages import JOBS
from artui.tui.shell import Line
from artui.tui.view import Look
from artui.tui.words import amount, plural

if TYPE_CHECKING:
    from artui.tui.jobs import Jobs

LISTS = {
    "Days": Grouping.DAY,
    "Workflows": Grouping.WORKFLOW,
    "Rules": Grouping.RULE,
    "Folders": Grouping.FOLDER,
    "Labels": Grouping.LABEL,
    "Batches": Grouping.BATCH,
}
METER, METER_NUMBERS = 35, 36
"""Cells of a cap's meter where there is room for it, and of the numbers behind it."""
YEAR = 365
"""Days; the pace of two weeks tells nothing beyond."""
NUMBERS = (
    Column("Charged", 10, right=True),
    Column("Quoted", 9, right=True),
    Column("Photos", 8, right=True),
    Column("Free", 6, right=True, wanted_from=70),
)


def columns(cells: int, by: Grouping) -> list[Slot]:
    """The columns of a list so wide; from 100 cells what was quoted has a bar beside what was charged."""
    is_day, name = by is Grouping.DAY, 12 if by is Grouping.DAY else max(16, cells // (3 if cells < Width.WIDE else 4))
    left = cells - 2 - name - sum(one.cells for one in NUMBERS)
    bars = (Column("Charged, sent +"), Column("Quoted", left // 2, wanted_from=Width.WIDE))
    return layout((Column("Day" if is_day else "", name), *bars, *NUMBERS), cells, 1, 1)


FIELDS: Fields[CostLine] = Fields(
    lambda line: (line.group, line.service),
    numbers={
        "charged": lambda line: line.costs.charged,
        "quoted": lambda line: line.costs.quoted,
        "photos": lambda line: line.costs.photos,
        "free": lambda line: line.costs.copies,
    },
    orders=(
        SortKey("name", "from the end", lambda line: line.group.casefold()),
        SortKey("charged", "lowest first", lambda line: -line.costs.charged),
        SortKey("above the quote", "lowest first", lambda line: -line.costs.difference),
        SortKey("photos", "fewest first", lambda line: -line.costs.photos),
    ),
)


Group = tuple[str | bytes, str]
"""What a line is about: the value that it is grouped by, and the service."""


class Bars(LineList[Group, CostLine]):
    """One line for each group: its name, a bar, the numbers."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("enter", "open", "its jobs", tooltip="The jobs behind this bar"),
    ]
    COMPONENT_CLASSES: ClassVar[set[str]] = {"lines--charged", "lines--over"}
    DEFAULT_CSS = """
    Bars > .lines--charged { color: $primary; }
    Bars > .lines--over { color: $warning; }
    """

    def __init__(self, glyphs: Glyphs = UNICODE, *, id: str | None = None) -> None:  # noqa: A002 — as Textual
        super().__init__(glyphs, id=id)
        self.money = Money(Grouping.DAY)
        self._lines: dict[Group, CostLine] = {}

    def put_money(self, found: Money) -> None:
        """Show these sums; the cursor stays on its line, or for days is on the last one."""
        other = found.by is not self.money.by or not self.items
        self.money = found
        self._lines = {(line.place, line.service): line for line in found.lines}
        if list(self._lines) != list(self.items):
            last = len(found.lines) - 1 if found.by is Grouping.DAY else 0
            self.put(list(self._lines), last if other else None)
        self.restate()

    @property
    def row(self) -> CostLine | None:
        """The sums under the cursor."""
        return self.say(self.current) if self.current else None

    def say(self, item: Group) -> CostLine | None:
        """The sums of a group."""
        return self._lines.get(item)

    def pieces(self, item: Group, row: CostLine | None) -> Iterable[tuple[str, str]]:
        """Name, bar, numbers."""
        del item
        if row is None:
            return
        one, lines = row.costs, self.money.lines
        most = max((max(line.costs.charged + line.costs.open, line.costs.quoted) for line in lines), default=0)
        over = one.difference > 0
        said = {
            "Charged": f"{amount(one.charged)}{'!' if over else ''}" if one.photos or one.copies else "-",
            "Quoted": amount(one.quoted) if one.photos else "-",
            "Photos": amount(one.photos) if one.photos else "-",
            "Free": amount(one.copies) if one.copies else "-",
        }
        yield " ", ""
        for slot in columns(self.size.width, self.money.by):
            if slot.index == 2:
                yield self._bar(one.quoted, most, slot.room).ljust(slot.cells), "quiet"
            elif slot.index == 1:
                room = slot.room
                charged = self._bar(one.charged, most, room)
                sent = room * one.open // most if most else 0
                yield charged, "charged"
                yield "+" * min(sent, room - width(charged)), "quiet"
                yield " " * (slot.cells - width(charged) - min(sent, room - width(charged))), ""
            elif slot.index == 0:
                yield fitted(title(row, self.money.by), slot, self.glyphs.ellipsis), ""
            else:
                yield fitted(said[slot.title], slot), "over" if over and slot.title == "Charged" else ""

    def _bar(self, number: int, most: int, room: int) -> str:
        """A bar that is as long as its number, out of so many cells."""
        drawn = bar(self.glyphs, number, most, room + 2 * bool(self.glyphs.brackets[0]))
        return drawn.strip("".join(self.glyphs.brackets)).rstrip(self.glyphs.empty)


def title(line: CostLine, by: Grouping) -> str:
    """What a group is called."""
    if by is Grouping.DAY:
        return f"{dt.date.fromisoformat(line.group):%a %d %b}"
    return sanitize(line.group) or "(none)"


def meter(cap: Cap, cells: int, glyphs: Glyphs) -> Content:
    """A cap in one line: how much of it is used, with marks where a person should look."""
    used, long = cap.percent, max(10, min(METER, cells - METER_NUMBERS - 10))
    drawn = meter_bar(cap.spent, cap.limit, long, glyphs)
    past = f"past {ALARM if used >= ALARM else WARN}" if used >= WARN else ""
    name = {CapKind.DAY: "today", CapKind.MONTH: "month"}.get(cap.kind, cap.name.rpartition(" ")[2])
    said = max(6, min(20, cells - long - METER_NUMBERS - 3))
    name = sanitize(name, said, glyphs.ellipsis)
    numbers = f" {cap.spent:>8,} of {cap.limit:>8,} {used:>3} %  {past}"
    return Content.assemble(f" {name}{' ' * (said - width(name))} ", drawn, numbers)


def forecast(balance: int, lasts: float) -> str:
    """For how many days a balance lasts, as a sentence."""
    days = round(lasts)
    span = "less than a day" if days < 1 else f"about {plural(days, 'day')}" if days <= YEAR else "over a year"
    return f"{balance:,} credits last {span} at the pace of these two weeks."


class MoneyPage(Narrowed, Page):
    """What the account in use has spent."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("left", "list(-1)", show=False, tooltip="The list to the left"),
        Binding("right", "list(1)", show=False, tooltip="The list to the right"),
        Binding("y", "copy", "copy table", tooltip="Copy this table, its fields apart by tabs"),
        *Narrowed.NARROW,
    ]
    DEFAULT_CSS = """
    MoneyPage #lists { color: $quiet; }
    MoneyPage #heads { color: $quiet; text-style: bold; }
    MoneyPage #none { padding: 1 1; display: none; }
    MoneyPage #meters { height: auto; }
    MoneyPage #lasts { color: $quiet; }
    """

    def __init__(self, *, id: str | None = None) -> None:  # noqa: A002 — as Textual
        super().__init__(id=id)
        self.list = "Days"
        self.money = Money(Grouping.DAY)
        self.narrowing: Narrowing[CostLine] = Narrowing(FIELDS)
        self._reading = CoalescedRefresh(self, self._read)
        self._spans: list[tuple[int, int, str]] = []

    def compose(self) -> ComposeResult:
        """The lists, their bars, the sum, the caps."""
        yield Line(id="lists")
        yield FilterLine(instead="#lists", of="#bars")
        yield Line(id="heads")
        yield Static("", id="none", markup=False)
        yield Bars(self.host.glyphs, id="bars")
        yield Line(id="total")
        yield Static("", id="meters", markup=False)
        yield Line(id="lasts")

    def enter(self) -> None:
        """Read anew, and give the list the focus."""
        self.focus_on(self.query_one(Bars))
        self._reading.ask()

    def looked(self, look: Look) -> None:
        """Sums change with the journal."""
        if look.wrote and self.is_front:
            self._reading.ask()

    async def _read(self) -> None:
        account = self.host.config.accounts.get(self.host.account or "")
        if account is None:
            self.money = Money(LISTS[self.list])
        else:
            zone = self.host.config.timezone
            today = dt.datetime.now(zone).date()
            by = LISTS[self.list]
            self.money = await self.host.view.ask(money, account.name, account.caps, by, zone, today)
        if self.is_whole:
            self.draw()

    def draw(self) -> None:
        """Draw bars, sum and caps."""
        cells, found, glyphs = self.app.size.width, self.money, self.host.glyphs
        spent = [line for line in found.lines if line.costs.photos or line.costs.copies]
        shown = replace(found, lines=tuple(self.narrowing.of(found.lines)))
        parts: list[str | tuple[str, str]] = []
        at, self._spans = 0, []
        for name in LISTS:
            text = f"[{name}]" if name == self.list else f" {name} "
            parts.append((text, "bold $primary") if name == self.list else text)
            self._spans.append((at, at + len(text), name))
            at += len(text)
        narrowed = self.narrowing.said(len(shown.lines), len(found.lines))
        right = sanitize(narrowed or f"{self.host.account or 'no account'}, last {DAYS} days", max(0, cells - at - 2))
        self.query_one("#lists", Line).say(Content.assemble(*parts, " " * max(1, cells - at - width(right) - 1), right))
        self.query_one("#heads", Line).say(heads(columns(cells, found.by)))
        total = found.total
        none = self.query_one("#none", Static)
        none.update(self.narrowing.none(len(found.lines)) if spent else f"Nothing was spent in these {DAYS} days.")
        none.display = not (spent and shown.lines)
        self.query_one(Bars).display = bool(spent)
        self.query_one(Bars).put_money(shown)
        above = total.difference
        said = f" {DAYS} days: charged {total.charged:,}, quoted {total.quoted:,}, {plural(total.photos, 'photo')}."
        sent = f" Sent and not charged yet: {total.open:,}." if total.open else ""
        over = Content.assemble((f" ! {above:,} above the quote.", "$warning")) if above > 0 else Content("")
        self.query_one("#total", Line).say(Content(said + sent) + over)
        meters = [meter(cap, cells, glyphs) for cap in found.caps[: max(2, self.app.size.height // 4)]]
        self.query_one("#meters", Static).update(Content("\n").join(meters))
        lasts = ""
        if found.balance is not None and found.lasts is not None:
            lasts = forecast(found.balance, found.lasts)
        self.query_one("#lasts", Line).say(f" {lasts}")

    def on_resize(self) -> None:
        """Other widths."""
        self.call_after_refresh(self.draw)

    def on_click(self, event: events.Click) -> None:
        """A click on a list."""
        if event.widget is self.query_one("#lists"):
            for start, end, name in self._spans:
                if start <= event.x < end:
                    self._show(name)

    async def on_line_list_opened(self) -> None:
        """Show the jobs behind the bar under the cursor."""
        row, found, account = self.query_one(Bars).row, self.money, self.host.account
        if row is None or account is None:
            return
        numbers = await self.host.view.ask(jobs_behind, account, found, row, self.host.config.timezone)
        if not numbers:
            self.notify(f"Nothing was spent on {title(row, found.by)}.", markup=False)
            return
        jobs = cast("Jobs", await self.host.open_page(JOBS.key))
        jobs.action_all()
        jobs.show_only(numbers, f"{self.list}: {title(row, found.by)}")

    def _show(self, name: str) -> None:
        self.list = name
        self._reading.ask()

    def action_list(self, by: int) -> None:
        """Another list."""
        names = list(LISTS)
        self._show(names[(names.index(self.list) + by) % len(names)])

    def action_copy(self) -> None:
        """Copy the table."""
        rows: list[tuple[str, ...]] = [("", "charged", "quoted", "photos", "free")]
        rows += [
            (line.group, *map(str, (line.costs.charged, line.costs.quoted, line.costs.photos, line.costs.copies)))
            for line in self.money.lines
        ]
        desktop.copy(self.app, "\n".join("\t".join(map(sanitize, row)) for row in rows))
