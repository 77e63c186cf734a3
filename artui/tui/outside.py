"""Telling a person who looks elsewhere: a bell, or a notice of the desktop by way of the terminal."""

from __future__ import annotations

import os
from collections.abc import Mapping

from artui.sanitize import sanitize

BELL = "\a"
CELLS = 160
"""The most of a text that is sent; GNU screen passes on no more than 255 bytes or so."""


def notice(text: str, how: str, environ: Mapping[str, str] = os.environ) -> str:
    """What is written to the terminal so that it tells a person this text; ``how`` is the setting ``notice``.

    Nothing of the text can be taken for an order to the terminal. A multiplexer is asked to pass the notice on, and
    rings as well: it may be set not to.
    """
    if how != "desktop":
        return BELL if how == "bell" else ""
    said = sanitize(text, CELLS).replace(";", ",")  # which parts the fields
    knows_777 = "VTE_VERSION" in environ or environ.get("TERM", "").startswith("rxvt")
    order = f"\x1b]777;notify;artui;{said}{BELL}" if knows_777 else f"\x1b]9;artui: {said}{BELL}"
    if environ.get("TMUX"):
        doubled = order.replace("\x1b", "\x1b\x1b")
        return f"\x1bPtmux;{doubled}\x1b\\{BELL}"
    if environ.get("STY"):
        return f"\x1bP{order}\x1b\\{BELL}"
    return order
