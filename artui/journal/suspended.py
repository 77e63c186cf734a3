"""Payers for whom nothing is sent before a person or ``artui recover`` says so: photos may have been paid that this
journal does not know of.

Where it cannot be told who pays, an account is suspended by its name.
"""

from __future__ import annotations

import time
from collections.abc import Iterable
from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING

from artui.journal.store import Connection, first, rows, storable

if TYPE_CHECKING:
    from artui.job import Job


class Cause(StrEnum):
    """Why a payer is suspended: its service has no list of what was bought, was not asked, or shows a copy at work."""

    UNLISTED = "unlisted"
    UNREAD = "not asked"
    TWIN = "twin"


@dataclass(frozen=True, slots=True)
class Suspension:
    """One payer, or ``account NAME``, and why nothing is sent for it."""

    payer: str
    cause: Cause
    message: str


def by_account(account: str) -> str:
    """What stands for the payer of an account where that cannot be told."""
    return f"account {account}"


def suspend(db: Connection, payers: Iterable[str], cause: Cause, message: str) -> None:
    """Suspend payers, whatever was said of one before."""
    now = time.time()
    db.executemany(
        "INSERT OR REPLACE INTO suspended (payer, cause, message, since) VALUES (?, ?, ?, ?)",
        [(payer, cause, storable(message), now) for payer in payers],
    )


def lift(db: Connection, payers: Iterable[str]) -> None:
    """Let payers pay again."""
    db.executemany("DELETE FROM suspended WHERE payer = ?", [(payer,) for payer in payers])


def of_job(db: Connection, job: Job) -> str:
    """Why the job's payer is suspended; empty where it is not."""
    found = first(db, "SELECT message FROM suspended WHERE payer IN (?, ?)", (job.payer, by_account(job.account)))
    return str(found[0]) if found else ""


def everyone(db: Connection) -> list[Suspension]:
    """All who are suspended."""
    found = rows(db, "SELECT payer, cause, message FROM suspended ORDER BY payer")
    return [Suspension(payer, Cause(cause), message) for payer, cause, message in found]


def payers_of(db: Connection, account: str) -> list[str]:
    """By what an account may be suspended: its name, and every payer it has jobs of."""
    found = rows(db, "SELECT DISTINCT payer FROM jobs WHERE account = ?", (account,))
    return [by_account(account), *(payer for (payer,) in found)]
