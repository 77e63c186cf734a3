"""What the keys of this journal begin with: it tells them from the keys of other journals at the same service.

A journal that was a copy gets a new one with ``artui recover``; the old ones stay known, for its keys bear them too.
"""

from __future__ import annotations

import time
from secrets import token_hex

from artui.journal.store import Connection, rows, value

_AFTER = "."
"""What stands between a key's origin and the rest of it; no key from before there were origins has one."""


def current(db: Connection) -> str:
    """What each key that is made now begins with."""
    return str(value(db, "SELECT origin FROM origins ORDER BY seq DESC LIMIT 1"))


def since(db: Connection) -> float:
    """When that origin was made, in epoch seconds."""
    return float(value(db, "SELECT since FROM origins ORDER BY seq DESC LIMIT 1"))


def known(db: Connection) -> set[str]:
    """All origins this journal's keys ever had."""
    return {origin for (origin,) in rows(db, "SELECT origin FROM origins")}


def add(db: Connection, origin: str = "") -> None:
    """Count an origin as this journal's, where none is given a new one; it is the current one from now on."""
    db.execute(
        "INSERT OR IGNORE INTO origins (origin, since) VALUES (?, ?)",
        (origin or token_hex(5), time.time()),
    )


def begin(db: Connection, rest: str) -> str:
    """A key of this journal with so far unused ``rest``."""
    return f"{current(db)}{_AFTER}{rest}"


def of_key(key: str) -> str:
    """The origin of the journal that made a key; empty for one from before there were any."""
    origin, dot, _ = key.partition(_AFTER)
    return origin if dot else ""
