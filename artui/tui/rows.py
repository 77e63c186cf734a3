"""A short list with a cursor, which stays on its row."""

from __future__ import annotations

from collections.abc import Iterable
from typing import ClassVar, Generic, TypeVar

from textual.binding import Binding, BindingType
from textual.content import Content
from textual.widgets import OptionList
from textual.widgets.option_list import Option

SIGN = 2
"""Cells before the columns of a list whose rows begin with a sign."""


Meaning = TypeVar("Meaning")


class OptionOf(Option, Generic[Meaning]):
    """An option and what it ``means``: its place tells nothing once the list has changed, and a click comes late."""

    def __init__(self, words: Content, means: Meaning) -> None:
        super().__init__(words)
        self.means = means


class Options(OptionList):
    """A list to choose from. A page key that comes before it has its room does nothing; Textual's own list breaks."""

    def action_page_up(self) -> None:
        """Move a page up."""
        if self.scrollable_content_region:
            super().action_page_up()  # type: ignore[no-untyped-call]

    def action_page_down(self) -> None:
        """Move a page down."""
        if self.scrollable_content_region:
            super().action_page_down()  # type: ignore[no-untyped-call]


class Rows(Options):
    """Rows with an id each; the cursor stays on its row whatever comes and goes around it."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("j", "cursor_down", show=False),
        Binding("k", "cursor_up", show=False),
        Binding("g", "first", show=False),
        Binding("G", "last", show=False),
    ]
    DEFAULT_CSS = """
    Rows { height: 1fr; border: none; padding: 0; background: $background; scrollbar-size: 0 0; text-wrap: nowrap; }
    Rows:focus { border: none; background-tint: initial; }
    Rows > .option-list--option { padding: 0; }
    Rows > .option-list--option-highlighted { background: $background; color: $foreground; text-style: underline; }
    Rows:focus > .option-list--option-highlighted { background: $cursor; color: $cursor-text; text-style: bold; }
    """

    def put(self, rows: Iterable[tuple[str, Content]]) -> None:
        """Show these rows instead."""
        rows = list(rows)
        ids = [row_id for row_id, _ in rows]
        held, place = self.current, self.highlighted or 0
        self.clear_options()
        self.add_options([Option(content, id=row_id) for row_id, content in rows])
        if ids:
            self.highlighted = ids.index(held) if held in ids else min(place, len(ids) - 1)

    @property
    def current(self) -> str:
        """The id of the row under the cursor, empty where there is none."""
        option = self.highlighted_option
        return (option.id or "") if option else ""
