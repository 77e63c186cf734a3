"""The pane beside a list: whether it is open, how wide it is, and the keys that open it and move its border."""

from __future__ import annotations

import json
from contextlib import suppress
from dataclasses import asdict, dataclass
from typing import ClassVar

from textual.binding import Binding, BindingType

from artui.config import Paths, write_private
from artui.config.private import read_private
from artui.tui.look import Width
from artui.tui.page import Page

STEP = 4
"""Cells by which a key moves the border."""
LEAST, LEAST_OF_LIST = 26, 28
"""Cells that a pane and its list have at least."""


@dataclass
class PaneShape:
    """How the panes of all pages stand: open on wide screens, open on narrow ones, and by how many cells the person has
    moved the border to the left."""

    wide: bool = True
    narrow: bool = False
    moved: int = 0

    def cells(self, width: int) -> int:
        """The cells of a pane with its border on a screen so wide; 0 where it is closed."""
        if not (self.wide if width >= Width.WIDE else self.narrow):
            return 0
        return self._within(width, self._usual(width) + self.moved)

    def toggle(self, width: int) -> None:
        """Open it, or close it, on screens of this kind."""
        if width >= Width.WIDE:
            self.wide = not self.wide
        else:
            self.narrow = not self.narrow

    def move(self, cells: int, width: int) -> None:
        """Move the border by so many cells to the left, as far as that goes."""
        self.moved = self._within(width, self._usual(width) + self.moved + cells) - self._usual(width)

    @staticmethod
    def _usual(width: int) -> int:
        return 36 + (width - Width.WIDE) * 7 // 20 if width >= Width.WIDE else 33

    @staticmethod
    def _within(width: int, cells: int) -> int:
        return max(LEAST, min(cells, width - (Width.NARROW if width >= Width.WIDE else LEAST_OF_LIST)))


def remember_panes(paths: Paths, shape: PaneShape) -> None:
    """Keep how the panes stand for the next console. A full disk costs only that."""
    with suppress(OSError):
        write_private(paths.state / "console-panes.json", json.dumps(asdict(shape)).encode())


def last_panes(paths: Paths) -> PaneShape:
    """How the panes stood when a console was left last."""
    try:
        kept = json.loads(read_private(paths.state / "console-panes.json"))
        return PaneShape(bool(kept["wide"]), bool(kept["narrow"]), int(kept["moved"]))
    except (OSError, ValueError, TypeError, KeyError):
        return PaneShape()


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
