"""A page whose list may have a pane at its right, and the keys that open it and move its border."""

from __future__ import annotations

from typing import ClassVar

from textual.binding import Binding, BindingType

from artui.tui.page import Page

STEP = 4
"""Cells by which a key moves the border."""


class PanedPage(Page):
    """A page whose list may have a pane at its right; it ends its keys with those of ``PANE``."""

    PANE: ClassVar[list[BindingType]] = [
        Binding("p", "pane", "pane", tooltip="Open or close the pane at the right"),
        Binding("less_than_sign", "border(1)", show=False, tooltip="The border of the pane further left"),
        Binding("greater_than_sign", "border(-1)", show=False, tooltip="The border of the pane further right"),
    ]

    @property
    def pane_cells(self) -> int:
        """The cells of the pane with its border; 0 where it is closed."""
        return self.host.panes.cells(self.app.size.width)

    def reshape(self) -> None:
        """Lay list and pane out anew: the pane was opened, closed or moved."""

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:
        """A border that is not there cannot be moved."""
        return (action != "border" or self.pane_cells > 0) and super().check_action(action, parameters)

    def action_pane(self) -> None:
        """Open or close the pane."""
        self.host.panes.toggle(self.app.size.width)
        self.reshape()
        self.refresh_bindings()

    def action_border(self, way: int) -> None:
        """Move the border of the pane."""
        self.host.panes.move(way * STEP, self.app.size.width)
        self.reshape()
