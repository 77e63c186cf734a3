"""The tables of the journal, and how an older file becomes a current one.

Each step is frozen: its SQL stands in ``step_N.sql`` as text of its own, built from nothing that may change later, and
so does what SQL cannot do (``payers``).
"""

from __future__ import annotations

import os
import time
from collections.abc import Callable
from pathlib import Path
from uuid import uuid4

import apsw


def _run(db: apsw.Connection, step: str) -> None:
    db.execute(Path(__file__).with_name(step).read_text("utf-8"))


def _create_tables(db: apsw.Connection) -> None:
    """The first shape of the journal."""
    _run(db, "step_1.sql")
    db.execute("INSERT INTO meta VALUES ('uuid', ?)", (str(uuid4()),))


def _tell_copies_apart(db: apsw.Connection) -> None:
    """What shows that a journal is a copy, and what ``artui recover`` finds at the services; each payer once."""
    from hashlib import sha256

    from artui.journal.schema.payers import spell_payers_alike

    _run(db, "step_2.sql")
    spell_payers_alike(db)
    [(uuid,)] = db.execute("SELECT value FROM meta WHERE key = 'uuid'")
    origin = sha256(uuid.encode()).hexdigest()[:8] + os.urandom(4).hex()
    db.execute("INSERT INTO origins (origin, since) VALUES (?, ?)", (origin, time.time()))


def _tell_people(db: apsw.Connection) -> None:
    """What is wrong, and who was told of it."""
    _run(db, "step_3.sql")


MIGRATIONS: tuple[Callable[[apsw.Connection], None], ...] = (_create_tables, _tell_copies_apart, _tell_people)
"""Each step once, in this order; the number of steps taken is the file's ``user_version``."""
