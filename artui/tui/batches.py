"""The batches with their counts and money: the table folded to one line for each."""

from __future__ import annotations

import time
from collections.abc import Iterable
from typing import ClassVar

from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Vertical
from textual.content import Content
from textual.widgets import OptionList, Static
from textual.widgets.option_list import Option

from artui.journal import window
from artui.journal.window import Filter, Overview
from artui.model.holds import Group
from artui.model.job import Batch
from artui.tui.above import Dialog
from artui.tui.columns import Column, heads, layout, line
from artui.tui.rows import Options
from artui.tui.words import amount, clock, plural

MOST_BATCHES = 200
"""The newest batches are listed; an older one is found by ``batch:name`` in the filter."""
COLUMNS = (
    Column("Batch"),
    Column("Begun", 7, right=True),
    Column("Saved", 6, right=True),
    Column("Moving", 7, right=True),
    Column("Ended", 6, right=True),
    Column("Charged", 9, right=True),
)
SLOTS = layout(COLUMNS, 60)
"""As they stand in the dialog, where room is left for how many need somebody."""


class BatchesScreen(Dialog[Filter]):
    """The batches with their counts and money; gives the filter that shows the chosen one, or all."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("b", "review", "review", tooltip="Look through the saved results of this batch"),
        Binding("escape,q", "back", "back", tooltip="Back"),
    ]

    def __init__(self, batches: Iterable[Batch], lines: dict[str, Overview]) -> None:
        super().__init__(classes="dialog")
        self.batches = list(batches)
        self.overviews = lines

    def compose(self) -> ComposeResult:
        """A list of them."""
        with Vertical(classes="box wide"):
            yield Static(
                Content("Batches: enter shows one, b reviews it").stylize("bold"), classes="heading", markup=False
            )
            yield Static(Content(heads(SLOTS)).stylize("$quiet"), markup=False)
            yield Options(Option("All batches"), *(Option(self._line(batch)) for batch in self.batches))

    def _line(self, batch: Batch) -> Content:
        found = self.overviews[batch.id]
        needs = found.counts[Group.NEEDS]
        saved, ended = found.counts[Group.SAVED], found.counts[Group.ENDED]
        numbers = (saved, found.jobs - needs - saved - ended, ended)
        charged = sum(one.charged for one in found.totals.values())
        calls = f" {plural(needs, 'needs', 'need')} you" if needs else ""
        texts = (batch.name, clock(batch.created_at, time.time()), *map(amount, (*numbers, charged)))
        return Content.assemble(line(SLOTS, texts, self.host.glyphs.ellipsis), (calls, "$error"))

    def on_option_list_option_selected(self, event: OptionList.OptionSelected) -> None:
        """Show that batch, or all."""
        place = event.option_index
        self.dismiss(Filter(batch=self.batches[place - 1].id) if place else Filter())

    def action_review(self) -> None:
        """Look through the saved results of the batch under the cursor."""
        place = self.query_one(OptionList).highlighted
        if place:
            self.host.soon(self._review(self.batches[place - 1]))
            self.dismiss(None)

    async def _review(self, batch: Batch) -> None:
        from artui.tui.reviewing import open_review

        order = await self.host.view.ask(window.order, Filter(batch=batch.id))
        await open_review(self.host, order, batch.name)

    def action_back(self) -> None:
        """Change nothing."""
        self.dismiss(None)
