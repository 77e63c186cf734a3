"""An address as a QR code, drawn with half blocks: two modules a cell, dark on light whatever the theme."""

from __future__ import annotations

from textual.content import Content

MARGIN = 2
"""Modules of light ground around the code."""

_HALVES = {(0, 0): " ", (1, 0): "▀", (0, 1): "▄", (1, 1): "█"}


def qr_code(text: str) -> Content:
    """The code for a text; each line is as wide as the code."""
    import segno

    rows = [list(row) for row in segno.make_qr(text, error="l").matrix_iter(border=MARGIN)]
    if len(rows) % 2:
        rows.append([0] * len(rows[0]))
    pairs = zip(rows[::2], rows[1::2], strict=True)
    lines = ["".join(_HALVES[bool(high), bool(low)] for high, low in zip(*pair, strict=True)) for pair in pairs]
    return Content("\n".join(lines)).stylize("#000000 on #ffffff")
