"""What this terminal draws pictures with: decided once, before the console takes it, because it asks the terminal."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any


@dataclass(slots=True)
class Drawing:
    """The widget that shows a real picture, None for half blocks; ``cell``: the pixels of a cell, across and down, for
    such; ``off``: no pictures at all; ``follows``: pictures stand beside a list too and follow its cursor."""

    widget: Any = None
    cell: tuple[int, int] = (8, 16)
    off: bool = False
    follows: bool = True

    def dots(self, wide: int, high: int) -> tuple[int, int]:
        """The dots of so many cells, across and down: the pixels of a real picture, else two halves of each cell."""
        across, down = self.cell if self.widget else (1, 2)
        return wide * across, high * down


chosen = Drawing()
"""How pictures are drawn in this console."""


def choose_drawing(images: str, *, is_set: bool = True, environ: Mapping[str, str] = os.environ) -> None:
    """Decide how pictures are drawn, by the setting ``images``; ``is_set``: a person has set it.

    ``auto`` asks the terminal for Kitty or Sixel graphics; whatever goes wrong there means half blocks. Over SSH
    pictures follow the cursor only where the setting is made: the line may be slow.
    """
    chosen.widget, chosen.off = None, images == "off"
    chosen.follows = not chosen.off and (is_set or not {"SSH_CONNECTION", "SSH_TTY"} & environ.keys())
    if images != "auto":
        return
    try:
        from textual_image import renderable, widget
        from textual_image._terminal import get_cell_size
    except Exception:  # noqa: BLE001 — the import asks the terminal, which may answer anything or nothing
        return
    if renderable.Image is renderable.SixelImage:
        chosen.widget = widget.Image
    elif renderable.Image is renderable.TGPImage:
        from artui.tui.kitty import kitty_image

        chosen.widget = kitty_image()
    size = get_cell_size()
    chosen.cell = (size.width, size.height)
