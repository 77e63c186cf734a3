"""The line in which a filter is typed: in sight only while it has the focus, in the place of another line."""

from __future__ import annotations

from typing import ClassVar, cast

from textual.binding import Binding, BindingType
from textual.css.query import DOMQuery
from textual.widget import Widget
from textual.widgets import Input


class FilterLine(Input):
    """Stands where the line ``instead`` stands otherwise, and gives the focus back to the list ``of``, of several the
    one in sight; both selectors of what stands beside it.

    The filter stays when it is left.
    """

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("escape", "leave_input", "keeps the filter, again: clears it"),
        Binding("down", "leave_input", show=False),
    ]
    DEFAULT_CSS = """
    FilterLine { display: none; }
    """

    def __init__(self, *, instead: str, of: str) -> None:
        super().__init__()
        self.cursor_blink = False
        self.can_focus = False  # but while something is typed
        self._instead = instead
        self._of = of

    def begin(self, hint: str, typed: str) -> None:
        """Type here, at once: the next key belongs to it already. ``hint`` names the words there are, ``typed`` is what
        was typed before."""
        self.placeholder, self.value = hint, typed
        self._stand_in(True)
        self.screen.set_focus(self)

    def on_blur(self) -> None:
        """Something else has the focus."""
        self._stand_in(False)

    def action_leave_input(self) -> None:
        """Back to the list."""
        lists = list(self._beside(self._of))
        found = next((one for one in lists if one.display), lists[0])
        self.screen.set_focus(found if found.focusable else None)  # Review has no list, only its keys

    async def action_submit(self) -> None:
        """Back to the list."""
        self.action_leave_input()

    def _stand_in(self, on: bool) -> None:
        self.display = self.can_focus = on
        self._beside(self._instead).first().display = not on

    def _beside(self, selector: str) -> DOMQuery[Widget]:
        # Not of the whole screen: the pages have names of their parts in common.
        return cast("Widget", self.parent).query(selector)
