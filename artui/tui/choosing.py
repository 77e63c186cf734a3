"""A list to choose from, narrowed by what is typed."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import ClassVar

from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Vertical
from textual.content import Content
from textual.widgets import Input, OptionList, Static
from textual.widgets.option_list import Option

from artui.core.finding import best_first
from artui.sanitize import sanitize
from artui.tui.above import Answer, Dialog
from artui.tui.rows import Options


class ChoiceDialog(Dialog[Answer]):
    """A list to choose from, narrowed by typing; gives what was chosen, None where the person went back."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("escape", "back", "back", tooltip="Back, nothing changes"),
        Binding("down", "move('cursor_down')", show=False, priority=True),
        Binding("up", "move('cursor_up')", show=False, priority=True),
        Binding("pagedown", "move('page_down')", show=False, priority=True),
        Binding("pageup", "move('page_up')", show=False, priority=True),
    ]

    def __init__(
        self, title: str, rows: Sequence[tuple[Answer, Content]], found_by: Callable[[Answer], tuple[str, ...]]
    ) -> None:
        """``rows`` is what can be chosen, each with its words; ``found_by`` tells the name of one, and what else it is
        found by."""
        super().__init__(classes="dialog")
        self.heading = title
        self.rows = rows
        self.found_by = found_by
        self._shown: list[Answer] = []

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
            yield Static(Content("up and down move, enter takes it, esc goes back").stylize("$quiet"), markup=False)

    def on_mount(self) -> None:
        """Show all rows."""
        self._narrow("")
        self.query_one(Input).focus()

    def _narrow(self, words: str) -> None:
        listed = self.query_one(OptionList)
        fits = [self.rows[place] for place in best_first(words, [self.found_by(one) for one, _ in self.rows])]
        self._shown = [one for one, _ in fits]
        listed.clear_options()
        listed.add_options(Option(said) for _, said in fits)
        listed.highlighted = 0 if self._shown else None
        none = f"None of {len(self.rows):,} match '{sanitize(words, 30)}'."
        self.query_one("#hint", Static).update("" if self._shown else none)

    def on_input_changed(self, event: Input.Changed) -> None:
        """Other words."""
        self._narrow(event.value)

    def on_input_submitted(self) -> None:
        """Take the row under the cursor."""
        highlighted = self.query_one(OptionList).highlighted
        if highlighted is not None:
            self.dismiss(self._shown[highlighted])

    def on_option_list_option_selected(self, event: OptionList.OptionSelected) -> None:
        """A row was clicked."""
        self.dismiss(self._shown[event.option_index])

    def action_move(self, how: str) -> None:
        """The cursor on another row."""
        getattr(self.query_one(OptionList), f"action_{how}")()

    def action_back(self) -> None:
        """Choose nothing."""
        self.dismiss(None)
