"""How the panes beside the lists stand: open or closed, and how wide; kept from one console to the next."""

from __future__ import annotations

import json
from contextlib import suppress
from dataclasses import asdict, dataclass

from artui.config import Paths, write_private
from artui.config.private import read_private
from artui.tui.look import Width

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
        """The cells of a pane with its border on a screen so wide; 0 where it is closed, or has no room."""
        if width < Width.NARROW or not (self.wide if width >= Width.WIDE else self.narrow):
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
