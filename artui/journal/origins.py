"""What the keys of this journal begin with: it tells them from the keys of other journals at the same service.

An origin is the journal's family, which all copies of it share, and a part of its own. A journal that was a copy gets a
new one with ``artui recover``, of the same family: so the copies know of each other whichever goes on.
"""

from __future__ import annotations

import os
import time

from artui.journal.store import Connection, journal_uuid, rows, value

FAMILY = 8
"""Characters of an origin that say whose copies have made it."""

_AFTER = "."
"""What stands between a key's origin and the rest of it; no key from before there were origins has one."""


def make(uuid: str) -> str:
    """A new origin for the journal of this UUID."""
    from hashlib import sha256  # loads OpenSSL, which what only reads a journal needs not

    return sha256(uuid.encode()).hexdigest()[:FAMILY] + os.urandom(4).hex()


def current(db: Connection) -> str:
    """What each key that is made now begins with."""
    return str(value(db, "SELECT origin FROM origins ORDER BY seq DESC LIMIT 1"))


def since(db: Connection) -> float:
    """When that origin was made, in epoch seconds."""
    return float(value(db, "SELECT since FROM origins ORDER BY seq DESC LIMIT 1"))


def add(db: Connection, origin: str = "") -> None:
    """Count an origin as this journal's, where none is given a new one; it is the current one from now on."""
    db.execute(
        "INSERT OR IGNORE INTO origins (origin, since) VALUES (?, ?)",
        (origin or make(journal_uuid(db)), time.time()),
    )


def begin(db: Connection, rest: str) -> str:
    """A key of this journal with so far unused ``rest``."""
    return f"{current(db)}{_AFTER}{rest}"


def families(db: Connection) -> set[str]:
    """The families of this journal: its own, and that of one whose place it took."""
    return {origin[:FAMILY] for (origin,) in rows(db, "SELECT origin FROM origins")}


def of_key(key: str) -> str:
    """The origin of the journal that made a key; empty for one from before there were any."""
    origin, dot, _ = key.partition(_AFTER)
    return origin if dot else ""
