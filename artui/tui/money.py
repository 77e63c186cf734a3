"""The Money page: what was spent of late, in bars by day, workflow, rule, folder, label or batch; what caps leave."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable
from typing import ClassVar

from textual import events
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.content import Content
from textual.widgets import Static

from artui.core.money import DAYS, Money, money
from artui.journal.books import CostLine, Grouping
from artui.journal.caps import ALARM, WARN, Cap
from artui.model.holds import CapKind
from artui.sanitize import sanitize, width
from artui.tui import desktop
from artui.tui.coalesced_refresh import CoalescedRefresh
from artui.tui.columns import Column, Slot, fitted, heads, layout
from artui.tui.line_list import LineList
from artui.tui.look import UNICODE, Glyphs, bar
from artui.tui.meters import meter_bar
from artui.tui.page import Page
from artui.tui.shell import Line
from artui.tui.view import Look
from artui.tui.words import amount, plural

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
NUMBERS = (
    Column("Charged", 10, right=True),
    Column("Quoted", 9, right=True),
    Column("Photos", 8, right=True),
    Column("Free", 6, right=True, wanted_from=70),
)


def columns(cells: int, by: Grouping) -> list[Slot]:
    """The columns of a list so wide."""
    name = 12 if by is Grouping.DAY else max(16, cells // 3)
    return layout((Column("Day" if by is Grouping.DAY else "", name), Column("Charged, sent +"), *NUMBERS), cells, 1, 1)


class Bars(LineList[int, CostLine]):
    """One line for each group: its name, a bar, the numbers."""

    COMPONENT_CLASSES: ClassVar[set[str]] = {"lines--charged", "lines--over"}
    DEFAULT_CSS = """
    Bars > .lines--charged { color: $primary; }
    Bars > .lines--over { color: $warning; }
    """

    def __init__(self, glyphs: Glyphs = UNICODE, *, id: str | None = None) -> None:  # noqa: A002 — as Textual
        super().__init__(glyphs, id=id)
        self.money = Money(Grouping.DAY)

    def put_money(self, found: Money) -> None:
        """Show these sums; the cursor stays on its line, or for days is on the last one."""
        other = found.by is not self.money.by or len(found.lines) != len(self.money.lines)
        self.money = found
        if other:
            self.put(range(len(found.lines)), len(found.lines) - 1 if found.by is Grouping.DAY else 0)
        self.restate()

    def say(self, item: int) -> CostLine | None:
        """The sums of a group."""
        return self.money.lines[item] if item < len(self.money.lines) else None

    def pieces(self, item: int, row: CostLine | None) -> Iterable[tuple[str, str]]:
        """Name, bar, numbers."""
        del item
        if row is None:
            return
        one, most = row.costs, max((line.costs.charged + line.costs.open for line in self.money.lines), default=0)
        over = one.difference > 0
        said = {
            "Charged": f"{amount(one.charged)}{'!' if over else ''}" if one.photos or one.copies else "-",
            "Quoted": amount(one.quoted) if one.photos else "-",
            "Photos": amount(one.photos) if one.photos else "-",
            "Free": amount(one.copies) if one.copies else "-",
        }
        yield " ", ""
        for slot in columns(self.size.width, self.money.by):
            if slot.index == 1:
                room = slot.room
                charged = bar(self.glyphs, one.charged, most, room + 2 * bool(self.glyphs.brackets[0]))
                charged = charged.strip("[]").rstrip(self.glyphs.empty)
                sent = room * one.open // most if most else 0
                yield charged, "charged"
                yield "+" * min(sent, room - width(charged)), "quiet"
                yield " " * (slot.cells - width(charged) - min(sent, room - width(charged))), ""
            elif slot.index == 0:
                yield fitted(title(row, self.money.by), slot, self.glyphs.ellipsis), ""
            else:
                yield fitted(said[slot.title], slot), "over" if over and slot.title == "Charged" else ""


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


class MoneyPage(Page):
    """What the account in use has spent."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("left", "list(-1)", show=False, tooltip="The list to the left"),
        Binding("right", "list(1)", show=False, tooltip="The list to the right"),
        Binding("y", "copy", "copy table", tooltip="Copy this table, its fields apart by tabs"),
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
        self._reading = CoalescedRefresh(self, self._read)
        self._spans: list[tuple[int, int, str]] = []

    def compose(self) -> ComposeResult:
        """The lists, their bars, the sum, the caps."""
        yield Line(id="lists")
        yield Line(id="heads")
        yield Static("Nothing was spent in these 14 days.", id="none", markup=False)
        yield Bars(self.host.glyphs, id="bars")
        yield Line(id="total")
        yield Static("", id="meters", markup=False)
        yield Line(id="lasts")

    def on_mount(self) -> None:
        """Follow what is new."""
        self.host.looked.subscribe(self, self._looked)
        self.enter()

    def enter(self) -> None:
        """Read anew, and give the list the focus."""
        self.focus_on(self.query_one(Bars))
        self._reading.ask()

    def _looked(self, look: Look) -> None:
        if look.wrote and self.display:
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
        if self.app.is_running:  # else the widgets are going already
            self.draw()

    def draw(self) -> None:
        """Draw bars, sum and caps."""
        cells, found, glyphs = self.app.size.width, self.money, self.host.glyphs
        parts: list[str | tuple[str, str]] = []
        at, self._spans = 0, []
        for name in LISTS:
            text = f"[{name}]" if name == self.list else f" {name} "
            parts.append((text, "bold $primary") if name == self.list else text)
            self._spans.append((at, at + len(text), name))
            at += len(text)
        right = sanitize(f"{self.host.account or 'no account'}, last {DAYS} days", max(0, cells - at - 2))
        self.query_one("#lists", Line).say(Content.assemble(*parts, " " * max(1, cells - at - width(right) - 1), right))
        self.query_one("#heads", Line).say(heads(columns(cells, found.by)))
        total = found.total
        self.query_one("#none").display = not (total.photos or total.copies)
        self.query_one(Bars).display = bool(total.photos or total.copies)
        self.query_one(Bars).put_money(found)
        above = total.difference
        said = f" {DAYS} days: charged {total.charged:,}, quoted {total.quoted:,}, {plural(total.photos, 'photo')}."
        sent = f" Sent and not charged yet: {total.open:,}." if total.open else ""
        over = Content.assemble((f" ! {above:,} above the quote.", "$warning")) if above > 0 else Content("")
        self.query_one("#total", Line).say(Content(said + sent) + over)
        meters = [meter(cap, cells, glyphs) for cap in found.caps[: max(2, self.app.size.height // 4)]]
        self.query_one("#meters", Static).update(Content("\n").join(meters))
        self.query_one("#lasts", Line).say(f" {_lasts(found)}")

    def on_resize(self) -> None:
        """Other widths."""
        self.call_after_refresh(self.draw)

    def on_click(self, event: events.Click) -> None:
        """A click on a list."""
        if event.widget is self.query_one("#lists"):
            for start, end, name in self._spans:
                if start <= event.x < end:
                    self._show(name)

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


def _lasts(found: Money) -> str:
    """How long the balance lasts, in a sentence; empty where nothing tells."""
    if found.balance is None or found.lasts is None:
        return ""
    days = round(found.lasts)
    lasts = "less than a day" if days < 1 else f"about {plural(days, 'day')}"
    return f"{found.balance:,} credits last {lasts} at the pace of these two weeks."
