"""How much of a cap is used, as a bar with marks where a person should look."""

from __future__ import annotations

from artui.journal.caps import ALARM, WARN, percent_used
from artui.tui.look import Glyphs, bar


def meter_bar(spent: int, limit: int, cells: int, glyphs: Glyphs) -> tuple[str, str]:
    """A bar of so many cells with its marks at 70 and 90 %, and the style that says how near the cap is."""
    drawn = list(bar(glyphs, min(spent, limit), limit, cells))
    first = len(glyphs.brackets[0])
    for mark in (WARN, ALARM):
        place = first + (cells - 2 * first) * mark // 100
        if drawn[place] == glyphs.empty:
            drawn[place] = "|"
    used = percent_used(spent, limit)
    return "".join(drawn), "$error" if used >= ALARM else "$warning" if used >= WARN else "$primary"
