"""Payers for whom nothing is sent before a person or ``artui recover`` says so: photos may have been paid that this
journal does not know of.

After a recovery that is everyone whose purchases nobody could look up (:data:`ALL`), but for those who are cleared:
what the journal had lost may have been bought by a payer it never heard of. Where it cannot be told who pays, an
account is named.
"""

from __future__ import annotations

import time
from collections.abc import Iterable
from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING

from artui.journal.store import Connection, first, rows, storable

if TYPE_CHECKING:
    from artui.model.job import Job


class SuspensionCause(StrEnum):
    """Why a payer is suspended: its service has no list of what was bought, was not asked, or shows a copy at work."""

    UNLISTED = "unlisted"
    UNREAD = "not asked"
    TWIN = "twin"


@dataclass(frozen=True, slots=True)
class Suspension:
    """One payer, ``account NAME`` or :data:`ALL`, and why nothing is sent for it."""

    payer: str
    cause: SuspensionCause
    message: str


ALL = "*"
"""Every payer that is not cleared."""


def by_account(account: str) -> str:
    """What stands for the payer of an account where that cannot be told."""
    return f"account {account}"


def suspend(db: Connection, payers: Iterable[str], cause: SuspensionCause, message: str) -> None:
    """Suspend payers, whatever was said of one before."""
    now = time.time()
    db.executemany(
        "INSERT OR REPLACE INTO suspended (payer, cause, message, since) VALUES (?, ?, ?, ?)",
        [(payer, cause, storable(message), now) for payer in payers],
    )


def suspend_all_but(db: Connection, payers: Iterable[str], cause: SuspensionCause, message: str, *, anew: bool) -> None:
    """Suspend everyone but these, whose purchases are all known; ``anew``: nobody else is cleared any more."""
    db.execute("DELETE FROM suspended")
    if anew:
        db.execute("DELETE FROM cleared")
    lift(db, payers)
    suspend(db, [ALL], cause, message)


def lift(db: Connection, payers: Iterable[str]) -> None:
    """Let payers pay again."""
    for payer in payers:
        db.execute("DELETE FROM suspended WHERE payer = ?", (payer,))
        db.execute("INSERT OR IGNORE INTO cleared (payer) VALUES (?)", (payer,))  # it outweighs `*`


def of_job(db: Connection, job: Job) -> str:
    """Why the job's payer is suspended; empty where it is not."""
    names = (job.payer, by_account(job.account))
    found = first(db, "SELECT message FROM suspended WHERE payer IN (?, ?)", names)
    if found is None and not is_cleared(db, job.account, job.payer):
        found = first(db, "SELECT message FROM suspended WHERE payer = ?", (ALL,))
    return str(found[0]) if found else ""


def is_cleared(db: Connection, account: str, payer: str) -> bool:
    """Whether all that a payer bought is known, or a person has let its account go on."""
    return first(db, "SELECT 1 FROM cleared WHERE payer IN (?, ?)", (payer, by_account(account))) is not None


def everyone(db: Connection) -> list[Suspension]:
    """All who are suspended."""
    found = rows(db, "SELECT payer, cause, message FROM suspended ORDER BY payer")
    return [Suspension(payer, SuspensionCause(cause), message) for payer, cause, message in found]


def payers_of(db: Connection, account: str) -> list[str]:
    """By what an account may be suspended: its name, and every payer it has jobs of."""
    found = rows(db, "SELECT DISTINCT payer FROM jobs WHERE account = ?", (account,))
    return [by_account(account), *(payer for (payer,) in found)]


def others_than(db: Connection, payers: Iterable[str]) -> list[tuple[str, str]]:
    """The accounts and payers that ever had a job, but for these payers."""
    found = rows(db, "SELECT DISTINCT account, payer FROM jobs ORDER BY account")
    left = {*payers}
    return [(account, payer) for account, payer in found if payer not in left]
