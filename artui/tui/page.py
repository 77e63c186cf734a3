"""What every screen of the console is: a place behind a digit, with its keys, its help and its way back."""

from __future__ import annotations

from collections.abc import Callable, Coroutine
from typing import Any

from textual.containers import Vertical
from textual.widget import Widget

from artui.tui.host import Hosted
from artui.tui.view import Look


class Page(Hosted, Vertical):
    """One screen of the console.

    Its keys are Textual bindings: the description is what the footer says (``show``), the tooltip is the sentence of
    the key help and of the command palette. An action named in ``changes`` spends or alters something: ``--readonly``
    takes its key away.
    """

    @property
    def is_front(self) -> bool:
        """Whether it is the place in front."""
        return self.display

    def on_mount(self) -> None:
        """Follow what is new, and begin."""
        self.host.looked.subscribe(self, self.looked)
        self.enter()

    def looked(self, look: Look) -> object:
        """Something is new."""

    def enter(self) -> None:
        """The place has come to the front: give the focus to what the person works with."""

    def focus_on(self, widget: Widget) -> None:
        """Give the focus at once; Textual's own way gives it later, to keys that were typed on."""
        self.screen.set_focus(widget)

    def touched(self) -> None:
        """A key was pressed here."""

    def back(self) -> bool:
        """Undo one step inside (an input, a filter); False where nothing is left to undo."""
        return False

    def run_latest(self, work: Callable[[], Coroutine[Any, Any, None]], group: str) -> None:
        """Run work beside the screen, in the place of what this group still does.

        It takes the function: work that is replaced before its turn has then never begun.
        """
        self.run_worker(work, exclusive=True, group=group)
