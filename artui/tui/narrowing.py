"""A list that is narrowed by words and sorted by its columns: what every page and screen with such a list shares."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Sequence
from typing import ClassVar, Generic, TypeVar

from textual.binding import Binding, BindingType
from textual.widgets import Input

from artui.core.finding import Fields
from artui.sanitize import sanitize
from artui.tui.filter_line import FilterLine
from artui.tui.host import Hosted

T = TypeVar("T")


class Wanted:
    """What is typed to narrow a list, and by what it is sorted. ``hint`` names its words; ``orders`` are those beside
    the list's own: what each is called, and what is added where it goes the other way round."""

    def __init__(self, hint: str, orders: Sequence[tuple[str, str]]) -> None:
        self.hint = hint
        self.orders = orders
        self.typed = ""
        self.place = -1
        """Of its order among all; -1 for the list's own."""
        self.turned = False

    def turn(self) -> None:
        """Sort by the same the other way round, then by the next; after the last as the list is by itself."""
        self.turned = self.place >= 0 and not self.turned
        if not self.turned:
            self.place = self.place + 1 if self.place + 1 < len(self.orders) else -1

    @property
    def sorted_by(self) -> str:
        """By what it is sorted; empty where it is as the list is by itself."""
        if self.place < 0:
            return ""
        name, turned = self.orders[self.place]
        return f"by {name}{f', {turned}' if self.turned else ''}"

    def uses(self, word: str, order: str) -> bool:
        """Whether what is shown depends on a word with a colon, or on the order of this name."""
        is_sorted = self.place >= 0 and self.orders[self.place][0] == order
        return is_sorted or f"{word}:" in self.typed.casefold()

    def said(self, shown: int, number: int) -> str:
        """What differs from the whole list in its own order, in a few words; empty where nothing does."""
        typed = self.typed.strip()
        words = [f"{shown:,} of {number:,} match '{sanitize(typed, 24)}'"] if typed else []
        return ", ".join([*words, *filter(None, [self.sorted_by])])

    def none(self, number: int) -> str:
        """What stands in the place of a list of which nothing is shown."""
        return f"None of {number:,} match '{sanitize(self.typed.strip(), 30)}'. esc clears the filter."


class Narrowing(Wanted, Generic[T]):
    """The same over things that are here, each with these fields."""

    def __init__(self, fields: Fields[T]) -> None:
        super().__init__(fields.hint, [(order.name, order.turned) for order in fields.orders])
        self.fields = fields

    def of(self, things: Sequence[T]) -> list[T]:
        """The things that are shown, in their order."""
        return self.sorted(self.fields.narrowed(self.typed, things))

    def sorted(self, things: Sequence[T]) -> list[T]:
        """These things in the order that is wanted."""
        if self.place < 0:
            return list(things)
        return sorted(things, key=self.fields.orders[self.place].key, reverse=self.turned)


class Narrowed(Hosted):
    """A place with such a list; it ends its keys with those of ``NARROW``, and has one :class:`FilterLine`."""

    NARROW: ClassVar[list[BindingType]] = [
        Binding("slash", "filter", "filter", tooltip="Filter by words; the line names those of this list"),
        Binding("comma", "sort", show=False, tooltip="Sort by the next column; again: the other way round"),
    ]

    narrowing: Wanted
    """What is typed and chosen for the list in front."""

    @abstractmethod
    def draw(self) -> None:
        """Draw it as it stands."""

    def renarrow(self) -> None:
        """Show what fits now, in the order that is wanted now."""
        self.draw()

    def back(self) -> bool:
        """Take the filter away; False where there is none."""
        return self.widen()

    def widen(self) -> bool:
        """Take the filter away; False where there is none."""
        if not self.narrowing.typed:
            return False
        self.query_one(FilterLine).value = self.narrowing.typed = ""
        self.renarrow()
        return True

    def on_input_changed(self, event: Input.Changed) -> None:
        """Another filter is typed."""
        if event.value != self.narrowing.typed:
            self.narrowing.typed = event.value
            self.renarrow()

    def action_filter(self) -> None:
        """Type a filter."""
        self.query_one(FilterLine).begin(self.narrowing.hint, self.narrowing.typed)

    def action_sort(self) -> None:
        """Sort by the same the other way round, then by the next."""
        self.narrowing.turn()
        self.renarrow()
