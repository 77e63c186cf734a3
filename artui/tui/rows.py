"""A short list with a cursor: lines that fill the width, under headings that stand over their columns."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import ClassVar

from textual.binding import Binding, BindingType
from textual.content import Content
from textual.widgets import OptionList
from textual.widgets.option_list import Option

from artui.sanitize import beginning, sanitize, width


@dataclass(frozen=True, slots=True)
class Cell:
    """A column: its heading, its width in cells, whether it ends evenly, and from which table width on it is there."""

    title: str
    cells: int
    right: bool = False
    wanted_from: int = 0
    says: bool = False
    """Whether its texts are sentences, which are cut at their end."""


def line(columns: Sequence[Cell], texts: Sequence[str], cells: int, ellipsis: str = "…") -> str:
    """Texts in their columns; the first column gets what the others leave."""
    taken = [(column, text) for column, text in zip(columns[1:], texts[1:], strict=True) if cells >= column.wanted_from]
    room = cells - sum(column.cells for column, _ in taken)
    said = _filled(texts[0], room - 1, ellipsis) + " "
    for column, text in taken:
        short = (beginning if column.says else sanitize)(text, column.cells - 1, ellipsis)
        gap = " " * (column.cells - width(short))
        said += gap + short if column.right else short + gap
    return said


def heads(columns: Sequence[Cell], cells: int) -> str:
    """The headings of these columns."""
    return line(columns, [column.title for column in columns], cells)


def _filled(text: str, cells: int, ellipsis: str) -> str:
    text = sanitize(text, cells, ellipsis)
    return text + " " * (cells - width(text))


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
    Rows > .option-list--option-highlighted { background: $cursor; text-style: bold; }
    Rows:focus > .option-list--option-highlighted { background: $cursor; color: $foreground; text-style: bold; }
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
