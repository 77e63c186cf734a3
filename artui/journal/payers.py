"""What was bought under a key that is no longer used, and what follows from a person's word on whose it was.

Where nothing but its key tells a customer, a renewed key looks like another customer. Whether it is one, only a person
can say; until then what was bought under the earlier key may not be bought again unasked.

Every function runs inside one transaction of :class:`artui.journal.store.Journal`.
"""

from __future__ import annotations

import json
import os
from collections.abc import Collection
from dataclasses import dataclass

from artui.journal import customers, jobs
from artui.journal.schema.payers import join
from artui.journal.store import Connection, rows, value
from artui.model.job import Job
from artui.model.states import BOUGHT_BEFORE, FINAL, Reason, Status


def every(db: Connection) -> list[str]:
    """All payers of the journal's jobs, each found by one step in the index however many jobs it has."""
    found = rows(
        db,
        "WITH RECURSIVE one (payer) AS (SELECT MIN(payer) FROM jobs UNION ALL"
        " SELECT (SELECT MIN(payer) FROM jobs WHERE payer > one.payer) FROM one WHERE one.payer IS NOT NULL)"
        " SELECT payer FROM one WHERE payer IS NOT NULL",
    )
    return [payer for (payer,) in found]


def bought_under_another(db: Connection, job: Job) -> Job | None:
    """The job of the same account that may have bought this photo on these terms under another key, whose customer
    may be the same; None where there is none."""
    others = [one for one in every(db) if _may_be_same(db, one, job.payer)] if job.digest else []
    found = _buyers(db, others, job)
    return next((one for one in found if not jobs.surely_unpaid(db, one.id)), None)


def at_another(db: Connection, job: Job) -> Job | None:
    """The job of the same account that has this photo on these terms at another payer, of whom nobody has said that it
    is another customer, and that is not over or may have been paid; None where there is none."""
    apart = customers.others(db, job.payer)
    others = [one for one in every(db) if one != job.payer and one not in apart]
    marks = ", ".join("?" * len(others))
    found = _buyers(db, others, job)
    recipe = _recipe(job)
    unseen = jobs.select(  # not looked at yet, so that only its place tells which photo it is
        db,
        f"payer IN ({marks}) AND source = ? AND digest = '' AND recipe = ? AND account = ? ORDER BY id",
        (*others, os.fsencode(job.source), recipe, job.account),
    )
    is_over = (one for one in (*found, *unseen) if one.status not in FINAL or not jobs.surely_unpaid(db, one.id))
    return next(is_over, None)


def _buyers(db: Connection, others: Collection[str], job: Job) -> list[Job]:
    """The jobs of the same account that buy this photo, or its picture, on these terms at other payers."""
    marks = ", ".join("?" * len(others))
    ways = {"digest = ?": job.digest, "picture = ? AND picture <> ''": job.picture}
    found = [
        one
        for same, content in ways.items()
        for one in jobs.select(
            db,
            f"payer IN ({marks}) AND recipe = ? AND {same} AND account = ? AND buys = 1",
            (*others, _recipe(job), content, job.account),
        )
    ]
    return sorted({one.id: one for one in found}.values(), key=lambda one: one.id)


def _recipe(job: Job) -> str:
    return job.version if job.parameters else f"{job.workflow}@{job.version}"


def _may_be_same(db: Connection, one: str, other: str) -> bool:
    """Whether two payers at one service may be one customer for all a person has said."""
    return _is_at_its_service(one, other) and one not in customers.others(db, other)


def _is_at_its_service(one: str, other: str) -> bool:
    """Whether these are two payers at one service."""
    return one != other and one.rpartition(" ")[0] == other.rpartition(" ")[0]


@dataclass(frozen=True, slots=True)
class Earlier:
    """A key that an account had before: its payer, and how many photos may have been paid under it."""

    payer: str
    photos: int


def earlier(db: Connection, accounts: Collection[str], payer: str, *, told_apart: bool = False) -> list[Earlier]:
    """The payers these accounts had before at the same service, of whom nobody has said whether they are the same
    customer as ``payer``, or with ``told_apart`` that they are not; the one that bought last comes first."""
    payer, marks = customers.current(db, payer), ", ".join("?" * len(accounts))
    found = []
    for one in every(db):
        if not _is_at_its_service(one, payer) or (one in customers.others(db, payer)) is not told_apart:
            continue
        photos, last = rows(
            db,
            f"SELECT COUNT(DISTINCT job), MAX(intended_at) FROM purchases WHERE payer = ? AND account IN ({marks})"
            " AND NOT (state = 'refused' OR (state = 'known' AND charged IS NOT NULL AND charged = 0))",
            (one, *accounts),
        )[0]
        waiting = value(
            db,
            f"SELECT COUNT(*) FROM jobs WHERE payer = ? AND account IN ({marks})"
            " AND status IN ('ready', 'running', 'waiting', 'held')",
            (one, *accounts),
        )
        if photos or waiting:
            found.append((last or 0.0, Earlier(one, photos)))
    return [one for _, one in sorted(found, key=lambda pair: -pair[0])]


def same_customer(db: Connection, old: str, new: str) -> None:
    """A person's word that both are one customer, whatever was said before: everything of ``old`` is ``new``'s, and
    what waited for that goes on.

    What was sent under the old key stays marked with it (``purchases.organization``): no other key may repeat it.
    """
    new = customers.current(db, new)
    if old == new:
        return
    # Who was told apart from either is apart from both.
    others = (customers.others(db, old) | customers.others(db, new)) - {old, new}
    join(db, old, new)
    customers.note(db, f"not {new}", json.dumps(sorted(others)))
    for other in others:
        customers.tell_apart(db, other, new)
    db.execute("UPDATE OR IGNORE suspended SET payer = ? WHERE payer = ?", (new, old))
    # Names are looked up in one step: whoever led to the old one leads to the new one.
    db.execute("UPDATE meta SET value = ? WHERE key GLOB 'now *' AND value = ?", (new, old))
    customers.note(db, f"now {old}", new)
    db.execute("DELETE FROM meta WHERE key = ?", (f"now {new}",))
    for rule, text in rows(db, "SELECT id, offer FROM rules WHERE offer <> ''"):
        offer = json.loads(text)
        if offer["identity"]["payer"] == old:
            offer["identity"]["payer"] = new
            db.execute("UPDATE rules SET offer = ? WHERE id = ?", (json.dumps(offer), rule))
    _let_go_on(db, new)


def other_customer(db: Connection, old: str, new: str) -> None:
    """A person's word that they are two customers: each buys for itself."""
    new = customers.current(db, new)
    customers.tell_apart(db, old, new)
    for payer in (old, new):
        _let_go_on(db, payer)


def _let_go_on(db: Connection, payer: str) -> None:
    """Let the jobs of a payer go on that were held for what was bought under another key, where none is in question
    any more."""
    held = jobs.select(
        db,
        "payer = ? AND status = 'held' AND reason = ?"
        " AND (SELECT what FROM events WHERE job = jobs.id ORDER BY seq DESC LIMIT 1) = ?",
        (payer, Reason.RECOVERED, BOUGHT_BEFORE),
    )
    for job in held:
        if bought_under_another(db, job) is None:
            jobs.move(db, job, job.stage, Status.READY, "goes on", message="a person has said who the customer is")
