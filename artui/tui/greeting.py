"""What happened since the console was last left: one line at opening, and the file that remembers when that was."""

from __future__ import annotations

import json
import time
from contextlib import suppress
from pathlib import Path

from artui.config import Paths, write_private
from artui.config.private import read_private
from artui.journal import Connection, Journal, history, window
from artui.model.states import Reason
from artui.tui.phrases import SINCE
from artui.tui.words import clock


def _file(paths: Paths) -> Path:
    return paths.state / "console-left.json"


def remember(paths: Paths, journal: Journal) -> None:
    """Remember that all until now has been seen. A full disk costs only the line at the next opening."""
    left = {"seq": journal.read(history.last_seq), "at": time.time()}
    with suppress(OSError):
        write_private(_file(paths), json.dumps(left).encode())


def last_left(paths: Paths) -> tuple[int, float] | None:
    """Up to which event everything has been seen, and when; None where no console was left yet."""
    try:
        left = json.loads(read_private(_file(paths)))
        return int(left["seq"]), float(left["at"])
    except (OSError, ValueError, TypeError, KeyError):
        return None


def greeting(db: Connection, left: tuple[int, float]) -> str:
    """The line; empty where nothing has happened since."""
    seq, at = left
    done = window.happened(db, seq)
    if not done and history.last_seq(db) == seq:
        return ""
    parts = [f"{number:,} {what}" for what, number in done.items()]
    parts += [f"{number:,} {SINCE[Reason(why)]}" for why, number in window.held(db).items()]
    if not parts:
        return ""
    return f"Since {clock(at, time.time())}: {' · '.join(parts)}. n shows what needs you."
