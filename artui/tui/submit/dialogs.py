"""What is typed and chosen in dialogs: paths with their completion, numbers, and a list that words narrow."""

from __future__ import annotations

import asyncio
import os
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import ClassVar

from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Vertical
from textual.content import Content
from textual.suggester import Suggester
from textual.widgets import Input, OptionList, Static
from textual.widgets.option_list import Option

from artui.config.ignoring import USUAL
from artui.tui.above import Answer, Dialog
from artui.tui.rows import Options


class Folders(Suggester):
    """Completes a path by the first folder that begins so."""

    def __init__(self) -> None:
        super().__init__(use_cache=False, case_sensitive=True)

    async def get_suggestion(self, value: str) -> str | None:
        """The path with its last part completed; None where there is no such folder."""
        return await asyncio.to_thread(completed, value)


def completed(typed: str) -> str | None:
    """A typed path with its last part completed by the first folder of that beginning. Blocks."""
    above, slash, begun = typed.rpartition("/")
    if not slash and not typed.startswith("~"):
        return None
    try:
        with os.scandir(Path(f"{above}/").expanduser()) as entries:
            names = [
                entry.name
                for entry in entries
                if entry.name.startswith(begun)
                and entry.is_dir()
                and (begun or not USUAL.why(entry.name, is_folder=True))
            ]
    except (OSError, RuntimeError, ValueError):
        return None
    printable = [name for name in names if name.isprintable()]
    return f"{above}/{min(printable)}/" if printable else None


def absolute(typed: str) -> str:
    """A typed path from the root on. Links and templates in it stay as they were typed."""
    return os.path.abspath(os.path.expanduser(typed))  # noqa: PTH100, PTH111


def whole_number(typed: str, most: int) -> int | None:
    """A typed whole number; None where it is none, or above ``most``."""
    if not (typed.isascii() and typed.isdigit() and len(typed) <= len(str(most))):
        return None
    found = int(typed)
    return found if found <= most else None


class ChoiceDialog(Dialog[Answer]):
    """A list to choose from, narrowed by typing; gives what was chosen, None where the person went back."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("escape", "back", "back", tooltip="Back, nothing changes"),
        Binding("down", "move(1)", show=False, priority=True),
        Binding("up", "move(-1)", show=False, priority=True),
    ]

    def __init__(
        self, title: str, rows: Sequence[tuple[Answer, Content]], matches: Callable[[Answer, str], bool]
    ) -> None:
        """``rows`` is what can be chosen, each with its words; ``matches`` tells whether one fits what is typed."""
        super().__init__(classes="dialog")
        self.heading = title
        self.rows = rows
        self.matches = matches
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
            yield Static(Content("up and down move, enter takes it, esc goes back").stylize("$quiet"), markup=False)

    def on_mount(self) -> None:
        """Show all rows."""
        self._narrow("")
        self.query_one(Input).focus()

    def _narrow(self, words: str) -> None:
        listed = self.query_one(OptionList)
        fits = [(one, said) for one, said in self.rows if self.matches(one, words)]
        self._shown = [one for one, _ in fits]
        listed.clear_options()
        listed.add_options(Option(said) for _, said in fits)
        listed.highlighted = 0 if self._shown else None

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

    def action_move(self, by: int) -> None:
        """The cursor on another row."""
        listed = self.query_one(OptionList)
        (listed.action_cursor_down if by > 0 else listed.action_cursor_up)()

    def action_back(self) -> None:
        """Choose nothing."""
        self.dismiss(None)
