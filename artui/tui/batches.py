"""The batches over the whole screen: one line each, a bar of how its photos stand, its money, and how long it takes."""

from __future__ import annotations

import time
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from typing import ClassVar

from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.widgets import Static

from artui.core.finding import Fields, SortKey
from artui.core.pace import time_left
from artui.journal import Connection, window
from artui.journal.window import Filter, Overview
from artui.model.holds import Group
from artui.model.job import Batch
from artui.tui import deciding
from artui.tui.coalesced_refresh import CoalescedRefresh
from artui.tui.columns import Column, Slot, fitted, heads, layout
from artui.tui.filter_line import FilterLine
from artui.tui.line_list import LineList
from artui.tui.list_screen import ListScreen
from artui.tui.look import Width, shares
from artui.tui.narrowing import Narrowed, Narrowing
from artui.tui.shell import Keys, Line
from artui.tui.view import Look
from artui.tui.words import about, amount, clock, plural, spent, standing

MOST_BATCHES = 200
"""The newest batches are listed; an older one is found by ``batch:name`` in the filter."""

COLUMNS = (
    Column("Batch"),
    Column("Begun", 8, right=True),
    Column("", 22, gap=2),
    Column("Saved", 14, right=True),
    Column("Active", 8, right=True, wanted_from=Width.WIDE),
    Column("Queued", 8, right=True, wanted_from=Width.WIDE),
    Column("Ended", 8, right=True, wanted_from=112),
    Column("Needs", 7, right=True),
    Column("Left", 8, right=True),
    Column("Charged", 9, right=True, wanted_from=90),
    Column("Quoted", 9, right=True, wanted_from=126),
)


@dataclass(frozen=True, slots=True)
class BatchLine:
    """A batch, its figures, and in how many seconds what moves of it may be saved; None where nothing tells."""

    batch: Batch
    figures: Overview
    left: float | None = None

    def count(self, *groups: Group) -> int:
        """How many of its photos are in these piles."""
        return sum(self.figures.counts[one] for one in groups)

    @property
    def charged(self) -> int:
        """What it was charged so far."""
        return sum(one.charged for one in self.figures.totals.values())

    @property
    def quoted(self) -> int:
        """What it was said to cost."""
        return sum(one.quoted for one in self.figures.totals.values())


def read(db: Connection, batches: Iterable[Batch], now: float) -> list[BatchLine]:
    """These batches as they stand now; in the view's thread."""
    return [
        BatchLine(batch, window.overview(db, Filter(batch=batch.id)), time_left(db, batch.id, now)) for batch in batches
    ]


FIELDS: Fields[BatchLine] = Fields(
    lambda one: (one.batch.name, one.batch.account),
    named={"account": lambda one: one.batch.account, "status": lambda one: standing(one.figures.counts)},
    numbers={
        "saved": lambda one: one.count(Group.SAVED),
        "needs": lambda one: one.count(Group.NEEDS),
        "charged": lambda one: one.charged,
    },
    orders=(
        SortKey("name", "from Z", lambda one: one.batch.name.casefold()),
        SortKey("who must act", "from the end", lambda one: (-one.count(Group.NEEDS), -one.count(Group.ACTIVE))),
        SortKey("time left", "longest first", lambda one: float("inf") if one.left is None else one.left),
        SortKey("charged", "lowest first", lambda one: -one.charged),
    ),
)


class BatchList(LineList[str, BatchLine]):
    """One line for each batch."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("enter", "open", "its jobs", tooltip="Show the jobs of this batch"),
    ]
    COMPONENT_CLASSES: ClassVar[set[str]] = {
        "lines--saved", "lines--active", "lines--needs", "lines--ended",
    }  # fmt: skip
    DEFAULT_CSS = """
    BatchList > .lines--saved { color: $success; }
    BatchList > .lines--active { color: $primary; }
    BatchList > .lines--needs { color: $error; }
    BatchList > .lines--ended { color: $quiet; }
    """
    known: dict[str, BatchLine]

    @property
    def slots(self) -> list[Slot]:
        """The columns at this width."""
        return layout(COLUMNS, self.size.width, 1, 1)

    def say(self, item: str) -> BatchLine | None:
        """A batch as it stands."""
        return self.known.get(item)

    def pieces(self, item: str, row: BatchLine | None) -> Iterable[tuple[str, str]]:
        """Name, bar, numbers."""
        del item
        if row is None:
            return
        needs = row.count(Group.NEEDS)
        said = {
            "Batch": row.batch.name,
            "Begun": clock(row.batch.created_at, time.time()),
            "Saved": f"{amount(row.count(Group.SAVED))} of {amount(row.figures.jobs)}",
            "Active": amount(row.count(Group.ACTIVE, Group.QA) or None),
            "Queued": amount(row.count(Group.QUEUED) or None),
            "Ended": amount(row.count(Group.ENDED) or None),
            "Needs": amount(needs or None),
            "Left": "-" if row.left is None else f"~{about(row.left)}",
            "Charged": amount(row.charged),
            "Quoted": amount(row.quoted),
        }
        yield " ", ""
        for slot in self.slots:
            if slot.title:
                kind = "needs" if slot.title == "Needs" and needs else "" if slot.index == 0 else "quiet"
                yield fitted(said[slot.title], slot, self.glyphs.ellipsis), kind
            else:
                yield from self._bar(row, slot)

    def _bar(self, row: BatchLine, slot: Slot) -> Iterable[tuple[str, str]]:
        """How the photos of a batch stand: saved, active, queued, needing somebody, ended."""
        glyphs = self.glyphs
        parts = (
            (glyphs.full, "saved", row.count(Group.SAVED)),
            (glyphs.moving, "active", row.count(Group.ACTIVE, Group.QA)),
            (glyphs.empty, "quiet", row.count(Group.QUEUED)),
            (glyphs.needs, "needs", row.count(Group.NEEDS)),
            (glyphs.failed, "ended", row.count(Group.ENDED)),
        )
        yield " " * slot.column.gap, ""
        for cells, (sign, kind, _) in zip(shares([number for *_, number in parts], slot.room), parts, strict=True):
            yield sign * cells, kind
        empty = not row.figures.jobs
        yield " " * (slot.cells - slot.column.gap - (0 if empty else slot.room)), ""


class BatchesScreen(ListScreen[Filter]):
    """The batches, the newest first; gives the filter that shows the chosen one."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("b", "review", "review", tooltip="Look through the saved results of this batch"),
        Binding("plus", "allow", "more...", tooltip="Let this batch spend more than its cap"),
        *Narrowed.NARROW,
        Binding("escape,q", "back", "back", tooltip="Back"),
    ]
    CSS = "BatchesScreen #legend { color: $quiet; }"
    changes = frozenset({"allow"})

    def __init__(self, batches: Sequence[Batch]) -> None:
        super().__init__()
        self.batches = list(batches)[:MOST_BATCHES]
        self.narrowing: Narrowing[BatchLine] = Narrowing(FIELDS)
        self._known: dict[str, BatchLine] = {}
        self._moving: set[str] = set()
        self._reading = CoalescedRefresh(self, self._read)

    def compose(self) -> ComposeResult:
        """The title, the list, the batch under the cursor in words, what the bars mean, the keys."""
        yield Line(id="title")
        yield FilterLine(instead="#title", of="#batches")
        yield Line(id="heads")
        yield Static("", id="none", markup=False)
        listed = BatchList(self.host.glyphs, id="batches")
        listed.known = self._known
        yield listed
        yield Line(id="here")
        yield Line(id="legend")
        yield Keys()

    def on_mount(self) -> None:
        """Read them, and follow those that move."""
        self.host.looked.subscribe(self, self._looked)
        self.set_focus(self._list)
        self._reading.ask()

    @property
    def _list(self) -> BatchList:
        return self.query_one(BatchList)

    @property
    def line(self) -> BatchLine | None:
        """The batch under the cursor."""
        return self._known.get(self._list.current or "")

    def _looked(self, look: Look) -> None:
        if look.wrote:
            self._reading.ask()

    async def _read(self) -> None:
        """Read those that move, or moved at the last reading; the first time all."""
        moving = set(self.host.look.unfinished)
        due = [one for one in self.batches if one.id in moving | self._moving or one.id not in self._known]
        found = await self.host.view.ask(read, due, time.time())
        if self.host.look.engine is None:  # nothing moves
            found = [replace(one, left=None) for one in found]
        self._moving = moving
        self._known.update((one.batch.id, one) for one in found)
        if self.is_whole:
            self.renarrow()

    def renarrow(self) -> None:
        """Show what fits now, in the order that is wanted now."""
        everything = [self._known[one.id] for one in self.batches if one.id in self._known]
        shown = [one.batch.id for one in self.narrowing.of(everything)]
        if shown != list(self._list.items):
            self._list.put(shown)
        self._list.restate()
        number = len(everything)
        self.say_shown(plural(number, "batch", "batches"), len(shown), number, "No batch yet: 2 picks photos.")
        self.draw()

    def draw(self) -> None:
        """Draw the lines around the list."""
        glyphs, cells = self.host.glyphs, self.app.size.width
        self.query_one("#heads", Line).say(heads(layout(COLUMNS, cells, 1, 1)))
        one = self.line
        said = ""
        if one is not None:
            left = "" if one.left is None else f", about {about(one.left)} left"
            said = f"{standing(one.figures.counts)}{left}. {spent(one.figures.totals.values())}."
        self.query_one("#here", Line).say(f" {glyphs.plain(said)}")
        signs = (
            (glyphs.full, "saved"),
            (glyphs.moving, "active"),
            (glyphs.empty, "queued"),
            (glyphs.needs, "need you"),
        )
        legend = "  ".join(f"{sign} {word}" for sign, word in (*signs, (glyphs.failed, "ended")))
        self.query_one("#legend", Line).say(f" {legend}")
        self.refresh_bindings()
        self.query_one(Keys).draw()

    def on_line_list_opened(self) -> None:
        """Show its jobs."""
        if (one := self.line) is not None:
            self.dismiss(Filter(batch=one.batch.id))

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:
        """A cap that is not there cannot be raised."""
        if self.is_mounted and action in ("review", "allow"):
            one = self.line
            if one is None or (action == "allow" and one.batch.cap is None):
                return False
        return super().check_action(action, parameters)

    async def action_review(self) -> None:
        """Look through the saved results of the batch under the cursor."""
        from artui.tui.reviewing import open_review

        if (one := self.line) is not None:
            order = await self.host.view.ask(window.order, Filter(batch=one.batch.id))
            await open_review(self.host, order, one.batch.name)

    def action_allow(self) -> None:
        """Ask how much more the batch under the cursor may spend."""
        if (one := self.line) is not None:
            self.host.soon(deciding.allow(self.host, one.batch))
