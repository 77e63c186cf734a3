"""The line in which a filter is typed: in sight only while it has the focus, in the place of another line."""

from __future__ import annotations

from typing import ClassVar

from textual.binding import Binding, BindingType
from textual.widgets import Input


class FilterLine(Input):
    """Stands where the line ``instead`` stands otherwise, and gives the focus back to the list ``of``; both selectors.

    The filter stays when it is left.
    """

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("escape", "leave_input", "keeps the filter, again: clears it"),
        Binding("down", "leave_input", show=False),
    ]
    DEFAULT_CSS = """
    FilterLine { display: none; }
    """

    def __init__(self, placeholder: str, *, instead: str, of: str) -> None:
        super().__init__(placeholder=placeholder)
        self.cursor_blink = False
        self._instead = instead
        self._of = of

    def begin(self) -> None:
        """Type here, at once: the next key belongs to it already."""
        self._stand_in(True)
        self.screen.set_focus(self)

    def on_blur(self) -> None:
        """Something else has the focus."""
        self._stand_in(False)

    def action_leave_input(self) -> None:
        """Back to the list."""
        self.screen.set_focus(self.screen.query_one(self._of))

    async def action_submit(self) -> None:
        """Back to the list."""
        self.action_leave_input()

    def _stand_in(self, on: bool) -> None:
        self.display = on
        self.screen.query_one(self._instead).display = not on
