"""The order under the list: seven lines with its workflow, output, batches, sum, and what is going on."""

from __future__ import annotations

from collections.abc import Sequence

from textual.app import ComposeResult
from textual.containers import Vertical
from textual.content import Content

from artui.core.plan import SourceFile
from artui.core.quote import Quote
from artui.sanitize import beginning, width
from artui.tui.look import Glyphs
from artui.tui.shell import Line
from artui.tui.submit.marks import Sum
from artui.tui.submit.ordering import OrderForm, checked_line, marked_line

MARGIN = 14
"""Cells before what a line says: its key and its name."""


def ends(left: str, right: str, cells: int) -> str:
    """Two texts at the two ends of a line; the right one gives way where they do not fit."""
    gap = cells - width(left) - width(right) - 2
    return f" {left}{' ' * gap}{right} " if gap >= 2 else f" {left}"


class OrderPane(Vertical):
    """The order in words."""

    DEFAULT_CSS = """
    OrderPane { height: 7; color: $quiet; }
    OrderPane #marked, OrderPane #sum { color: $foreground; }
    """

    def compose(self) -> ComposeResult:
        """Its lines."""
        for name in ("rule", "workflow", "output", "batch", "marked", "sum", "state"):
            yield Line(id=name)

    def draw(
        self, order: OrderForm, total: Sum, found: Sequence[SourceFile], cost: Quote | None, glyphs: Glyphs
    ) -> None:
        """Show this order."""
        cells = self.app.size.width
        self._say("rule", f"{glyphs.rule} Order {glyphs.rule * (cells - 8)}")
        self._say_key("workflow", "w", "Workflow", order.workflow_line(glyphs))
        self._say_key("output", "o", "Output", order.output_line(cells - MARGIN, glyphs))
        self._say_key("batch", "b", "Batch", order.batch_line(found, cells - MARGIN, glyphs))
        marked = ends(marked_line(total), checked_line(total), cells) if total.marked else " Nothing is marked yet."
        self._say("marked", marked)
        self._say("sum", Content.assemble(" ", order.sum_line(total, cost)) if total.marked else "")

    def say_state(self, state: str, glyphs: Glyphs) -> None:
        """Say what is going on."""
        self._say("state", f" {beginning(glyphs.plain(state), self.app.size.width - 2, glyphs.ellipsis)}")

    def _say(self, name: str, text: Content | str) -> None:
        self.query_one(f"#{name}", Line).say(text)

    def _say_key(self, name: str, key: str, word: str, text: str) -> None:
        self._say(name, Content.assemble(" ", (key, "bold $primary"), f" {word:<9} ", (text, "$foreground")))
