"""How the console looks: its themes, two glyph sets, and what fits at which width."""

from __future__ import annotations

import locale
import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import IntEnum

from textual.geometry import Size
from textual.theme import Theme

# Each colour is chosen with its neighbour among the sixteen of a plain terminal in mind: the ground becomes black or
# white, the cursor row grey, and every text colour a bright or a dark one that stands out from both.
DARK = Theme(
    name="artui-dark",
    dark=True,
    background="#101418",
    surface="#1b2129",
    panel="#263040",
    foreground="#d9dee6",
    primary="#7cbeff",
    secondary="#aab4c2",
    accent="#56c8d8",
    success="#5fd38d",
    warning="#f0b429",
    error="#ff938e",
    variables={
        "cursor": "#214576",
        "cursor-text": "#ffffff",
        "quiet": "#aab4c2",
        "text-muted": "#aab4c2",
        "border": "#4a5568",
        "scrollbar": "#4a5568",
        "scrollbar-background": "#1b2129",
        "block-cursor-background": "#214576",
        "block-cursor-foreground": "#ffffff",
        "block-cursor-text-style": "bold",
        "input-cursor-text-style": "reverse",
    },
)
LIGHT = Theme(
    name="artui-light",
    dark=False,
    background="#fbfbf8",
    surface="#f0f1ee",
    panel="#e3e6ea",
    foreground="#1c2229",
    primary="#0f50a8",
    secondary="#4f5862",
    accent="#00638a",
    success="#06691b",
    warning="#7f5206",
    error="#b31515",
    variables={
        "cursor": "#badae8",
        "cursor-text": "#101418",
        "quiet": "#4f5862",
        "text-muted": "#4f5862",
        "border": "#9aa4b2",
        "scrollbar": "#9aa4b2",
        "scrollbar-background": "#f0f1ee",
        "block-cursor-background": "#badae8",
        "block-cursor-foreground": "#101418",
        "block-cursor-text-style": "bold",
        "input-cursor-text-style": "reverse",
    },
)
HIGH_CONTRAST = Theme(
    name="artui-high-contrast",
    dark=True,
    background="#000000",
    surface="#000000",
    panel="#1c1c1c",
    foreground="#ffffff",
    primary="#9fd4ff",
    secondary="#e6e6e6",
    accent="#7cf5ff",
    success="#7dff9f",
    warning="#ffe066",
    error="#ffb3ad",
    variables={
        "cursor": "#0039a6",
        "cursor-text": "#ffffff",
        "quiet": "#e6e6e6",
        "text-muted": "#e6e6e6",
        "border": "#ffffff",
        "scrollbar": "#ffffff",
        "scrollbar-background": "#000000",
        "block-cursor-background": "#0039a6",
        "block-cursor-foreground": "#ffffff",
        "block-cursor-text-style": "bold",
        "input-cursor-text-style": "reverse",
    },
)
# The sixteen colours are the person's own: what is quiet stays in the colour of text, for none of the others is sure to
# be read on an unknown ground.
TERMINAL = Theme(
    name="artui-terminal",
    ansi=True,
    background="ansi_default",
    surface="ansi_default",
    panel="ansi_default",
    boost="ansi_default",
    foreground="ansi_default",
    primary="ansi_blue",
    secondary="ansi_default",
    accent="ansi_cyan",
    success="ansi_green",
    warning="ansi_yellow",
    error="ansi_red",
    variables={
        "ansi-background": "ansi_black",
        "ansi-foreground": "ansi_white",
        "cursor": "ansi_magenta",
        "cursor-text": "ansi_bright_white",
        "quiet": "ansi_default",
        "text-muted": "ansi_default",
        "border": "ansi_bright_black",
        "scrollbar": "ansi_bright_black",
        "scrollbar-background": "ansi_default",
        "block-cursor-background": "ansi_magenta",
        "block-cursor-foreground": "ansi_bright_white",
        "block-cursor-text-style": "bold",
        "input-cursor-text-style": "reverse",
    },
)
THEMES = {"dark": DARK, "light": LIGHT, "high-contrast": HIGH_CONTRAST, "terminal": TERMINAL}
"""By the words of the setting, in the order in which the palette goes through them."""


def wanted_theme(setting: str, environ: Mapping[str, str]) -> str:
    """The theme that is set; ``auto`` is the light one where this terminal says that its ground is light."""
    if setting != "auto":
        return THEMES[setting].name
    ground = environ.get("COLORFGBG", "").rpartition(";")[2]
    return LIGHT.name if ground in ("7", "15") else DARK.name


@dataclass(frozen=True, slots=True)
class Glyphs:
    """One set of signs; each takes one cell."""

    needs: str
    failed: str
    up: str
    working: str
    down: str
    queued: str
    qa: str
    done: str
    unpaid: str
    marked: str
    full: str
    empty: str
    rule: str
    dot: str
    arrow: str
    ellipsis: str
    brackets: tuple[str, str]
    parts: str = ""
    """The signs of a cell that is filled in part, the least first."""
    heights: str = ".:-=*#"
    """The signs of a chart one cell high, the least first."""
    moving: str = "~"
    """What stands for what is under way in a bar of several parts."""

    def plain(self, text: str) -> str:
        """A sentence with the signs that this set has."""
        return text.replace("·", self.dot).replace("→", self.arrow).replace("…", self.ellipsis)


UNICODE = Glyphs(
    needs="!", failed="✗", up="↑", working="◐", down="↓", queued="·", qa="Q", done="✓", unpaid="-", marked="●",
    full="█", empty="░", rule="─", dot="·", arrow="→", ellipsis="…", brackets=("", ""), parts="▏▎▍▌▋▊▉",
    heights="▁▂▃▄▅▆▇█", moving="▒",
)  # fmt: skip
ASCII = Glyphs(
    needs="!", failed="x", up=">", working="~", down="<", queued=".", qa="Q", done="+", unpaid="-", marked="*",
    full="#", empty=".", rule="-", dot="|", arrow="->", ellipsis="~", brackets=("[", "]"),
)  # fmt: skip


def glyphs(wanted: str, environ: Mapping[str, str] = os.environ) -> Glyphs:
    """The set for ``unicode``, ``ascii``, or ``auto``: what this terminal can surely show."""
    if wanted == "auto":
        encoding = locale.getpreferredencoding(False).lower().replace("-", "")
        plain = environ.get("TERM", "") in ("", "dumb", "linux", "vt100", "vt220") or encoding != "utf8"
        wanted = "ascii" if plain else "unicode"
    return ASCII if wanted == "ascii" else UNICODE


def bar(glyphs: Glyphs, done: int, total: int, cells: int) -> str:
    """A bar of so many cells, brackets included where the set has them."""
    before, after = glyphs.brackets
    room = cells - len(before) - len(after)
    parts = len(glyphs.parts) + 1
    filled, part = divmod(min(room * parts, max(0, room * parts * done // total)) if total > 0 else 0, parts)
    begun = glyphs.parts[part - 1] if part else ""
    return before + glyphs.full * filled + begun + glyphs.empty * (room - filled - len(begun)) + after


def sparkline(glyphs: Glyphs, numbers: Sequence[int]) -> str:
    """A chart one cell high with a sign for each number, as high as it is beside the greatest; nought is the least."""
    most, last = max(numbers, default=0), len(glyphs.heights) - 1
    return "".join(glyphs.heights[-(-last * number // most) if most else 0] for number in numbers)


def shares(numbers: Sequence[int], cells: int) -> list[int]:
    """So many cells divided as these numbers are; what is there at all has a cell, as far as they go."""
    total = sum(numbers)
    found = [max(1, cells * number // total) if number else 0 for number in numbers]
    while sum(found) > cells and any(found):
        found[found.index(max(found))] -= 1
    if total and sum(found) < cells:
        found[found.index(max(found))] += cells - sum(found)
    return found


class Width(IntEnum):
    """How much room there is; each step shows all that the one before it does, and more."""

    TOO_SMALL = 0
    NARROW = 60
    NORMAL = 80
    WIDE = 100
    FULL = 140


LEAST_HEIGHT = 18


def room(size: Size) -> Width:
    """What fits into a terminal of this size."""
    if size.height < LEAST_HEIGHT:
        return Width.TOO_SMALL
    return max(width for width in Width if size.width >= width)
