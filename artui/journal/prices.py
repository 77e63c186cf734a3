"""What a workflow costs beyond what its service says: charges above the quote, and the prices a person has accepted.

Every function runs inside one transaction of :class:`artui.journal.store.Journal`; money is in the account's unit.
"""

from __future__ import annotations

import json
import time
from collections.abc import Iterable
from typing import TYPE_CHECKING

from artui.journal.store import Connection, first, rows

if TYPE_CHECKING:
    from artui.model.job import Job

WEIGHT_SQL = "COALESCE(quoted, 1)"
"""What a job counts, in SQL; :func:`weight` in Python."""

QUOTED_SQL = "iif(buys = 0 AND (known_copy OR twin_of IS NOT NULL), 0, COALESCE(quoted, 1))"
"""What of a job may be paid, in SQL: a copy of what is bought costs nothing, unless it comes to buy its photo itself.
The sums that triggers keep count the same."""


def weight(quoted: int | None) -> int:
    """What a job counts in a cap or a sum: its price, or one job where there is no price."""
    return 1 if quoted is None else quoted


def together(prices: Iterable[int | None]) -> int | None:
    """What all of these come to; None where some price is not known."""
    known = 0
    for price in prices:
        if price is None:
            return None
        known += price
    return known


_PRICE = "SELECT charged, accepted FROM dearer WHERE payer = ? AND workflow = ? AND version = ?"


def is_above(db: Connection, job: Job, charged: int) -> bool:
    """Whether a charge for the execution of a job is above all that was quoted for it, and the highest so far."""
    quoted = 0 if job.quoted is None or job.found else _quoted(db, job)[0]
    # What had no price, or was free, is charged above no quote.
    return 0 < quoted < charged and _each(db, job, charged) > highest(db, job.payer, job.workflow, job.version)


def note(db: Connection, job: Job, charged: int) -> None:
    """Remember what a photo was charged, where that is above its quote: nothing is sent for less from now on."""
    if not is_above(db, job, charged):
        return
    db.execute(
        "INSERT INTO dearer (payer, workflow, version, charged, job, at) VALUES (?, ?, ?, ?, ?, ?)"
        " ON CONFLICT DO UPDATE SET charged = excluded.charged, job = excluded.job, at = excluded.at",
        (job.payer, job.workflow, job.version, _each(db, job, charged), job.id, time.time()),
    )


def _quoted(db: Connection, job: Job) -> tuple[int, int]:
    """What was reserved for the execution of a job, and by how many purchases."""
    own = "SELECT COALESCE(SUM(reserved), 0), COUNT(*) FROM purchases WHERE job = ? AND execution = ?"
    ((reserved, made),) = rows(db, own, (job.id, job.execution))
    return reserved, made


def _each(db: Connection, job: Job, charged: int) -> int:
    """What each of the purchases of an execution cost, rounded up."""
    return -(-charged // max(1, _quoted(db, job)[1]))


def highest(db: Connection, payer: str, workflow: str, version: str) -> int:
    """What a version of a workflow was charged at most above its quote; 0 where it never was."""
    found = first(db, _PRICE, (payer, workflow, version))
    return int(found[0]) if found else 0


def too_low(db: Connection, job: Job) -> str:
    """Why the price a job was queued for is not to be relied on, for a person; empty where it is."""
    now = highest(db, job.payer, job.workflow, job.version)
    if job.quoted is None or now <= job.quoted:
        return ""
    return f"{job.workflow_name} was charged {now}, not {job.quoted} as quoted; not sent"


def accept(db: Connection, job: Job) -> None:
    """Take the price a person has agreed to for a job as what its version of the workflow costs from now on."""
    db.execute(
        "UPDATE dearer SET accepted = MAX(accepted, ?1) WHERE payer = ?2 AND workflow = ?3 AND version = ?4"
        " AND charged <= ?1",  # a higher charge that came in since was not agreed to
        (job.quoted, job.payer, job.workflow, job.version),
    )


def expected(db: Connection, payer: str, workflow: str, version: str, price: int | None) -> int | None:
    """What a photo is expected to cost: the service's ``price``, or more where a person has accepted that."""
    found = first(db, _PRICE, (payer, workflow, version))
    return price if price is None or found is None else max(price, found[1])


def in_document(db: Connection, account: str, workflow: str, definition: str) -> str:
    """A workflow's cached definition, JSON, at the price that is expected of it."""
    accepted = dict(
        rows(
            db,
            "SELECT dearer.version, MAX(dearer.accepted) FROM dearer JOIN jobs ON jobs.id = dearer.job"
            " WHERE jobs.account = ? AND dearer.workflow = ? AND dearer.accepted > 0 GROUP BY 1",
            (account, workflow),
        )
    )
    if not accepted:
        return definition
    known = json.loads(definition)
    price = accepted.get(known["version"], 0)
    is_dearer = known["price"] is not None and price > known["price"]
    return json.dumps(known | {"price": price}) if is_dearer else definition
