"""Which payer is which customer, by a person's word: one customer may have had several keys.

Every function runs inside one transaction of :class:`artui.journal.store.Journal`.
"""

from __future__ import annotations

import json

from artui.journal.store import Connection, rows, value


def current(db: Connection, payer: str) -> str:
    """The name under which the journal keeps a payer: its own, or the one of the same customer's later key."""
    # One step is enough: whoever joins two keys leaves no chain.
    return str(value(db, "SELECT COALESCE((SELECT value FROM meta WHERE key = ?), ?)", (f"now {payer}", payer)))


def joined(db: Connection, payer: str) -> list[str]:
    """The earlier payers of whom a person has said that they are the same customer as ``payer``."""
    payer = current(db, payer)
    return [key.removeprefix("now ") for (key,) in rows(
        db, "SELECT key FROM meta WHERE key GLOB 'now *' AND value = ? ORDER BY rowid", (payer,)
    )]  # fmt: skip


def others(db: Connection, payer: str) -> set[str]:
    """The payers a person has said to be other customers than this one."""
    return set(
        json.loads(value(db, "SELECT COALESCE((SELECT value FROM meta WHERE key = ?), '[]')", (f"not {payer}",)))
    )


def tell_apart(db: Connection, one: str, other: str) -> None:
    """Write down that these are two customers."""
    for payer, stranger in ((one, other), (other, one)):
        note(db, f"not {payer}", json.dumps(sorted({*others(db, payer), stranger})))


def note(db: Connection, key: str, text: str) -> None:
    """Write down what was said: ``not PAYER`` has the other customers, ``now PAYER`` the same customer's later key."""
    db.execute("INSERT INTO meta VALUES (?, ?) ON CONFLICT DO UPDATE SET value = excluded.value", (key, text))
