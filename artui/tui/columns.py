"""Columns of lists and tables: how wide each is at a width of the whole, their headings, and texts that fill them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from artui.sanitize import beginning, sanitize, width

LEAST = 8
"""The cells that a column which takes what the others leave never has less of."""


@dataclass(frozen=True, slots=True)
class Column:
    """One column of a list.

    ``cells`` is its width, 0 where it takes what the others leave; one of them is free, so that neighbours stay apart.
    ``right``: its texts end evenly. ``wanted_from``: the width of the whole list from which it is there. ``gap``: cells
    that stay blank before it, of its own. ``says``: its texts are sentences, which are cut at their end.
    """

    title: str
    cells: int = 0
    right: bool = False
    wanted_from: int = 0
    gap: int = 0
    says: bool = False


@dataclass(frozen=True, slots=True)
class Slot:
    """A column in its place: the cell it begins at, how many it has, and its index among all columns of the list."""

    column: Column
    index: int
    start: int
    cells: int

    @property
    def title(self) -> str:
        """Its heading."""
        return self.column.title

    @property
    def end(self) -> int:
        """The cell after its last."""
        return self.start + self.cells

    @property
    def room(self) -> int:
        """The cells that a text has."""
        return max(1, self.cells - self.column.gap - 1)


def layout(columns: Sequence[Column], cells: int, start: int = 0, margin: int = 0) -> list[Slot]:
    """The columns that are there in a list so wide, which begin at cell ``start`` and fill it to its ``margin``."""
    cells = max(0, cells)  # what stands beside the list may leave it less than nothing: columns for any width stay
    left = cells - margin - start - sum(column.cells for column in columns if cells >= column.wanted_from)
    slots = []
    for index, column in enumerate(columns):
        if cells >= column.wanted_from:
            slots.append(Slot(column, index, start, column.cells or max(LEAST, left)))
            start = slots[-1].end
    return slots


def fitted(text: str, slot: Slot, ellipsis: str = "…") -> str:
    """Text that takes a column's cells exactly; a name that is too wide loses its middle, a sentence its end."""
    text = (beginning if slot.column.says else sanitize)(text, slot.room, ellipsis)
    before, blank = " " * slot.column.gap, " " * (slot.cells - slot.column.gap - width(text))
    return before + (blank + text if slot.column.right else text + blank)


def line(slots: Sequence[Slot], texts: Sequence[str], ellipsis: str = "…") -> str:
    """Texts, one for each column of the list whether it is there or not, in those that are."""
    return "".join(fitted(texts[slot.index], slot, ellipsis) for slot in slots)


def heads(slots: Sequence[Slot]) -> str:
    """The headings of these columns, each over its own."""
    return (" " * slots[0].start + "".join(fitted(slot.title, slot) for slot in slots)).rstrip()
