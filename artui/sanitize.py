"""Anything a person will see: made printable, measured and cut in terminal cells.

A file name, a workflow's title or a service's error may hold escape codes that move the cursor, write to the
clipboard or turn the line around. What leaves here holds none; it is plain text, never markup.
"""

from __future__ import annotations

import os
import unicodedata
from bisect import bisect_right
from itertools import accumulate
from pathlib import Path

_UNSAFE = {"Cc", "Cf", "Cs", "Co", "Cn", "Zl", "Zp"}
_ON_ANOTHER = {"Mn", "Mc", "Me"}
_NAMED = {"\n": r"\n", "\r": r"\r", "\t": r"\t"}
_BLANK_LETTERS = (
    "\u034f\u115f\u1160\u17b4\u17b5\u2800\u3164\uffa0"  # letters and marks that nobody can see
    "\ufe0e\ufe0f"  # they choose between two looks of a sign, of which one is twice as wide
)


def sanitize(text: str | bytes | Path, cells: int | None = None, ellipsis: str = "…") -> str:
    r"""Make text printable, and at most `cells` wide when that is given.

    Controls, bidi and zero-width characters, line separators, undecodable bytes and unassigned characters become
    visible escapes: `\n`, `\x1b`, `\u202e`, `\xff`. What is too wide loses its middle to the `ellipsis`.
    """
    if not isinstance(text, str):
        text = os.fsdecode(text)
    plain = text.isascii() and text.isprintable()
    if plain and (cells is None or len(text) <= cells):
        return text
    pieces = list(text) if plain else _pieces(text)
    if cells is None or sum(map(width, pieces)) <= cells:
        return "".join(pieces)
    room = cells - width(ellipsis)
    if room < 0:
        return ""
    head, tail = [], []
    left, right = 0, len(pieces)
    used_left = used_right = 0
    while left < right:
        if used_left <= used_right and used_left + used_right + width(pieces[left]) <= room:
            used_left += width(pieces[left])
            head.append(pieces[left])
            left += 1
        elif used_left + used_right + width(pieces[right - 1]) <= room:
            right -= 1
            used_right += width(pieces[right])
            tail.append(pieces[right])
        else:
            break
    return "".join(head) + ellipsis + "".join(reversed(tail))


def as_cell(text: str) -> str:
    """Make text printable, with a quote before what a spreadsheet would compute as a formula."""
    shown = sanitize(text)
    return f"'{shown}" if shown.startswith(("=", "+", "-", "@")) else shown


def beginning(text: str | bytes | Path, cells: int, ellipsis: str = "…") -> str:
    """Make a sentence printable, and cut it at its end where it takes more than so many cells: without its middle it
    might say the opposite."""
    whole = sanitize(text)
    if width(whole) <= cells:
        return whole
    fits = bisect_right(list(accumulate(map(width, whole))), cells - width(ellipsis) - 1)
    return f"{whole[:fits].rsplit(' ', 1)[0].rstrip()} {ellipsis}" if cells > width(ellipsis) else ""


def width(text: str) -> int:
    """How many terminal cells printable text takes: East Asian wide characters two, combining marks none."""
    if text.isascii():
        return len(text)
    return sum(map(_cells, text))


def _cells(character: str) -> int:
    if unicodedata.category(character) in _ON_ANOTHER or "\u1160" <= character <= "\u11ff":
        return 0  # the latter: vowels and endings that join a Korean syllable
    return 2 if unicodedata.east_asian_width(character) in "WF" else 1


def _pieces(text: str) -> list[str]:
    """What must not be torn apart: an escape, or a character with the marks that stand on it."""
    pieces: list[str] = []
    takes_marks = False  # at the start and after an escape a mark would join its neighbour on the screen
    for character in text:
        is_mark = _cells(character) == 0
        if unicodedata.category(character) in _UNSAFE or character in _BLANK_LETTERS or (is_mark and not takes_marks):
            code = ord(character)
            code -= 0xDC00 if 0xDC80 <= code <= 0xDCFF else 0  # a byte that is no UTF-8, as the system hands it over
            number = f"x{code:02x}" if code < 0x100 else f"u{code:04x}" if code < 0x10000 else f"U{code:08x}"
            pieces.append(_NAMED.get(character, f"\\{number}"))
            takes_marks = False
        elif is_mark:
            pieces[-1] += character
        else:
            pieces.append(character)
            takes_marks = True
    return pieces
