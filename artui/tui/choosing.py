"""A list to choose from, narrowed by what is typed."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Callable, Sequence
from typing import ClassVar, Generic, TypeVar, cast

from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Vertical
from textual.content import Content
from textual.widgets import Input, OptionList, Static

from artui.core.finding import best_first
from artui.sanitize import sanitize
from artui.tui.above import Answer, Dialog
from artui.tui.rows import OptionOf, Options

Row = TypeVar("Row")


class ListDialog(Dialog[Answer], Generic[Row, Answer]):
    """A list narrowed by typing."""

    ways: ClassVar[str]
    """What its keys do."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("escape", "back", "back", tooltip="Back, nothing changes"),
        Binding("down", "move('cursor_down')", show=False, priority=True),
        Binding("up", "move('cursor_up')", show=False, priority=True),
        Binding("pagedown", "move('page_down')", show=False, priority=True),
        Binding("pageup", "move('page_up')", show=False, priority=True),
    ]

    def __init__(
        self, title: str, rows: Sequence[tuple[Row, Content]], found_by: Callable[[Row], tuple[str, ...]]
    ) -> None:
        """``rows`` is what can be chosen, each with its words; ``found_by`` tells the name of one, and what else it is
        found by."""
        super().__init__(classes="dialog")
        self.heading = title
        self.rows = rows
        self.found_by = found_by
        self.shown: list[Row] = []

    def compose(self) -> ComposeResult:
        """The title, the words, the list."""
        with Vertical(classes="box wide"):
            yield Static(Content(self.heading).stylize("bold"), classes="heading", markup=False)
            typed = Input(placeholder="words narrow the list", compact=True)
            typed.cursor_blink = False
            yield typed
            listed = Options()
            listed.can_focus = False
            yield listed
            yield Static("", id="hint", markup=False)
            yield Static(Content(self.ways).stylize("$quiet"), markup=False)

    def on_mount(self) -> None:
        """Show all rows."""
        self._narrow("")
        self.query_one(Input).focus()

    def _narrow(self, words: str) -> None:
        listed = self.query_one(OptionList)
        fits = [self.rows[place] for place in best_first(words, [self.found_by(one) for one, _ in self.rows])]
        self.shown = [one for one, _ in fits]
        listed.clear_options()
        listed.add_options(OptionOf(self.said(one, said), one) for one, said in fits)
        listed.highlighted = 0 if self.shown else None
        none = f"None of {len(self.rows):,} match '{sanitize(words, 30)}'."
        self.query_one("#hint", Static).update("" if self.shown else none)

    def said(self, row: Row, words: Content) -> Content:
        """A row as it is shown."""
        del row
        return words

    @abstractmethod
    def take(self, row: Row) -> None:
        """Take a row."""

    def on_input_changed(self, event: Input.Changed) -> None:
        """Other words."""
        self._narrow(event.value)

    def on_input_submitted(self) -> None:
        """Take the row under the cursor."""
        highlighted = self.query_one(OptionList).highlighted
        if highlighted is not None:
            self.take(self.shown[highlighted])

    def on_option_list_option_selected(self, event: OptionList.OptionSelected) -> None:
        """A row was clicked."""
        self.take(cast("OptionOf[Row]", event.option).means)

    def action_move(self, how: str) -> None:
        """The cursor on another row."""
        getattr(self.query_one(OptionList), f"action_{how}")()

    def action_back(self) -> None:
        """Choose nothing."""
        self.dismiss(None)


class ChoiceDialog(ListDialog[Answer, Answer]):
    """A list to choose from; gives what was chosen, None where the person went back."""

    ways = "up and down move, enter takes it, esc goes back"

    def take(self, row: Answer) -> None:
        """Give it away."""
        self.dismiss(row)


class SeveralDialog(ListDialog[Row, "tuple[Row, ...]"]):
    """A list to choose one or several from; gives those that were marked, in the order of the list, else the one under
    the cursor; None where the person went back."""

    ways = "up and down move, enter takes it, esc goes back; tab marks it, for several"
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("tab", "mark", "mark", priority=True, tooltip="Mark it, or take its mark away"),
    ]

    def __init__(
        self, title: str, rows: Sequence[tuple[Row, Content]], found_by: Callable[[Row], tuple[str, ...]]
    ) -> None:
        super().__init__(title, rows, found_by)
        self.marked: list[Row] = []

    def said(self, row: Row, words: Content) -> Content:
        """With its mark."""
        return Content.assemble((f"{self.host.glyphs.marked if row in self.marked else ' '} ", "bold"), words)

    def take(self, row: Row) -> None:
        """Give the marked ones away, or this one."""
        self.dismiss(tuple(one for one, _ in self.rows if one in self.marked) or (row,))

    def action_mark(self) -> None:
        """Mark the row under the cursor, and go on to the next."""
        listed = self.query_one(OptionList)
        place = listed.highlighted
        if place is None:
            return
        row = self.shown[place]
        if row in self.marked:
            self.marked.remove(row)
        else:
            self.marked.append(row)
        words = next(words for one, words in self.rows if one is row)
        listed.replace_option_prompt_at_index(place, self.said(row, words))
        listed.highlighted = min(place + 1, len(self.shown) - 1)
