"""The batches with their counts and money: the table folded to one line for each."""

from __future__ import annotations

import time
from collections.abc import Iterable
from typing import ClassVar

from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Vertical
from textual.content import Content
from textual.screen import ModalScreen
from textual.widgets import OptionList, Static
from textual.widgets.option_list import Option

from artui.job import Batch
from artui.journal.groups import Group
from artui.journal.window import Overview
from artui.shown import shown, width
from artui.tui.rows import Options
from artui.tui.words import clock, plural

MOST_BATCHES = 200
"""The newest batches are listed; an older one is found by ``batch:name`` in the filter."""


class BatchesScreen(ModalScreen[str]):
    """The batches with their counts and money; gives the id of the chosen one, '' for all."""

    BINDINGS: ClassVar[list[BindingType]] = [Binding("escape,q", "back", "back", tooltip="Back")]

    def __init__(self, batches: Iterable[Batch], lines: dict[str, Overview]) -> None:
        super().__init__(classes="dialog")
        self.batches = list(batches)
        self.overviews = lines

    def compose(self) -> ComposeResult:
        """A list of them."""
        with Vertical(classes="box wide"):
            yield Static(Content("Batches: enter shows one").stylize("bold"), classes="heading", markup=False)
            yield Options(Option("All batches"), *(Option(self._line(batch)) for batch in self.batches))

    def _line(self, batch: Batch) -> Content:
        name = shown(batch.name, 18)
        found = self.overviews[batch.id]
        needs = found.counts[Group.NEEDS]
        moving = found.jobs - needs - found.counts[Group.DONE]
        text = f"{name}{' ' * (19 - width(name))}{clock(batch.created_at, time.time()):>6} {found.jobs:>7,}"
        text += f" {moving:>6,} moving {sum(one.charged for one in found.totals.values()):>8,} cr"
        return Content.assemble(text, (f" {plural(needs, 'needs', 'need')} you" if needs else "", "$error"))

    def on_option_list_option_selected(self, event: OptionList.OptionSelected) -> None:
        """Show that batch."""
        self.dismiss(self.batches[event.option_index - 1].id if event.option_index else "")

    def action_back(self) -> None:
        """Change nothing."""
        self.dismiss(None)
