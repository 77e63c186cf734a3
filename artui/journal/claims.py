"""Which jobs of an account are taken next, and when the next of them is due.

Every function runs inside one transaction of :class:`artui.journal.store.Journal`; times are epoch seconds.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import cache

from artui.journal import jobs
from artui.journal.groups import OPEN
from artui.journal.store import Connection, rows, value
from artui.model.job import Job
from artui.model.states import BEFORE_PAYING, Reason, Stage, Status


def claim(db: Connection, account: str, stages: Sequence[Stage], now: float, most: int) -> list[Job]:
    """Take the next jobs of an account in these stages and mark them RUNNING: what a person has put first, then the
    oldest; or what is bought and expires first at the service. What has failed comes after what was not tried yet, so
    that a few which always fail keep nothing else from its turn where only one is let through.

    A WAITING job counts once its time has come. Jobs in doubt are not taken: they are looked up together.
    """
    values = {"account": account, "now": now, "most": most}
    taken = [number for (number,) in rows(db, _next(tuple(stages)), values)]
    marks = ", ".join("?" * len(taken))
    # They come in any order.
    found = {job.id: job for job in jobs.select(db, f"id IN ({marks})", taken)} if taken else {}
    return [jobs.move(db, found[number], found[number].stage, Status.RUNNING, "taken") for number in taken]


@cache
def _next(stages: tuple[Stage, ...]) -> str:
    """The statement that names the jobs of these stages that may be taken first.

    What is not bought never expires: of thousands of photos that wait to be sent the index gives the first of each.
    """
    first_of_each = []
    ready, due = "status = 'ready'", "status = 'waiting' AND due <= :now"
    if stages[0] in BEFORE_PAYING:
        first = "ahead DESC, tried, id"
        ways = [(may_go, "due, id") for may_go in (ready, due, f"{ready} AND attempts = 0")]
        ways += [(f"{may_go} AND ahead > 0", "ahead DESC, id") for may_go in (ready, due)]
    else:
        first = "tried, expires_at IS NULL, expires_at, ahead DESC, id"
        ways = [(may_go, first) for may_go in (ready, due)]
    for stage in stages:
        first_of_each += [
            "SELECT * FROM (SELECT attempts > 0 AS tried, expires_at, ahead, id FROM jobs"
            # A lost order is never sent again by being taken.
            f" WHERE {OPEN} AND account = :account AND stage = '{stage}' AND reason <> '{Reason.LOOKING}'"
            f" AND {may_go} ORDER BY {order} LIMIT :most)"
            for may_go, order in ways
        ]
    union = " UNION ".join(first_of_each)  # each once, whichever way it was found
    return f"SELECT id FROM ({union}) ORDER BY {first} LIMIT :most"


def next_due(db: Connection, account: str, stages: Sequence[Stage]) -> float | None:
    """When the earliest waiting job of these stages may be taken; None where none waits."""
    marks = ", ".join("?" * len(stages))
    earliest: float | None = value(
        db,
        f"SELECT MIN(due) FROM jobs WHERE {OPEN} AND account = ? AND stage IN ({marks}) AND status = 'waiting'"
        " AND due IS NOT NULL AND reason <> ?",
        (account, *stages, Reason.LOOKING),
    )
    return earliest


def accounts_with_open_jobs(db: Connection) -> list[str]:
    """The accounts that have jobs which are not final, each found by one step in the index however many jobs it has."""
    first = f"SELECT MIN(account) FROM jobs INDEXED BY jobs_open WHERE {OPEN}"
    found = rows(
        db,
        f"WITH RECURSIVE open (account) AS ({first} UNION ALL SELECT ({first} AND account > open.account) FROM open"
        " WHERE open.account IS NOT NULL) SELECT account FROM open WHERE account IS NOT NULL",
    )
    return [account for (account,) in found]


def to_look_up(db: Connection, account: str, now: float) -> list[Job]:
    """The jobs of an account whose lost paid call is to be looked up by now: those that wait for it, and those that
    were answered with an execution which is not theirs."""
    return jobs.select(
        db,
        "account = ? AND due <= ? AND (stage = ? AND status = 'waiting' AND reason = ?"
        " OR status = 'held' AND reason = ?)",
        (account, now, Stage.SUBMITTING, Reason.LOOKING, Reason.IN_DOUBT),
    )


def at_service(db: Connection, account: str) -> list[Job]:
    """The jobs of an account that run at its service, as far as the account is still set to that."""
    return jobs.select(
        db,
        "account = ? AND stage = 'submitted' AND status IN ('waiting', 'held') AND reason <> ? AND execution <> ''",
        (account, Reason.ACCOUNT),  # another payer's: asked by this one, the service would not know it
    )


def earliest_due(db: Connection, account: str, reason: Reason, status: str = "waiting") -> float | None:
    """When the earliest job that waits (or is held) for this reason is due; None where none is."""
    earliest: float | None = value(
        db,
        "SELECT MIN(due) FROM jobs WHERE account = ? AND status = ? AND reason = ?",
        (account, status, reason),
    )
    return earliest
