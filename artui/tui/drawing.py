"""What this terminal draws pictures with: decided once, before the console takes it, because it asks the terminal."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any


@dataclass(slots=True)
class Drawing:
    """The widget that shows a real picture, None for half blocks; ``off``: no pictures at all."""

    widget: Any = None
    off: bool = False


chosen = Drawing()
"""How pictures are drawn in this console."""


def choose_drawing(images: str) -> None:
    """Decide how pictures are drawn, by the setting ``images``.

    ``auto`` asks the terminal for Kitty or Sixel graphics; whatever goes wrong there means half blocks.
    """
    chosen.widget, chosen.off = None, images == "off"
    if images != "auto":
        return
    try:
        from textual_image import renderable, widget
    except Exception:  # noqa: BLE001 — the import asks the terminal, which may answer anything or nothing
        return
    if renderable.Image in (renderable.TGPImage, renderable.SixelImage):
        chosen.widget = widget.Image
