"""What is run with a job's results once they are saved: a step of its own, after the job is over, that changes nothing
of the job but its history.

Every function runs inside one transaction of :class:`artui.journal.store.Journal`; times are epoch seconds.
"""

from __future__ import annotations

import json
import time
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, NamedTuple

from artui.journal.store import Connection, first, rows, storable, value
from artui.model.states import Delivery, Review, Stage, Status

if TYPE_CHECKING:
    from artui.model.job import Job

KEPT = "kept"
"""When a result is delivered that a person is to keep first."""

ARE_DUE = "EXISTS (SELECT 1 FROM deliveries WHERE state = 'running' OR state = 'pending' AND due IS NOT NULL)"
"""The condition that something is delivered now or later by itself."""


class DeliveryRow(NamedTuple):
    """What is run with the results of a job. ``command``: as it was set, with its placeholders. ``wanted``: ``saved``
    or ``kept``. ``delivered``: how many results were handed over. ``due``: None where nothing is done by itself.
    ``output``: the end of what the command said last, or why it could not be run."""

    job: int
    command: tuple[str, ...]
    wanted: str
    state: Delivery
    delivered: int
    attempts: int
    due: float | None
    output: str
    changed_at: float

    @property
    def was_handed_over(self) -> bool:
        """Whether somebody may have results of it already."""
        return self.state in (Delivery.RUNNING, Delivery.DONE) or self.delivered > 0

    @property
    def waits_for_review(self) -> bool:
        """Whether it waits until a person keeps the results."""
        return self.state is Delivery.PENDING and self.due is None


_COLUMNS = "job, command, wanted, state, delivered, attempts, due, output, changed_at"


def _row(columns: Sequence[Any]) -> DeliveryRow:
    job, command, wanted, state, *rest = columns
    return DeliveryRow(job, tuple(json.loads(command)), wanted, Delivery(state), *rest)


def of_job(db: Connection, job: int) -> DeliveryRow | None:
    """What is run with the results of a job; None where nothing is."""
    found = first(db, f"SELECT {_COLUMNS} FROM deliveries WHERE job = ?", (job,))
    return _row(found) if found else None


def states(db: Connection) -> dict[int, Delivery]:
    """How far each delivery has come, by its job."""
    return {job: Delivery(state) for job, state in rows(db, "SELECT job, state FROM deliveries")}


def failed(db: Connection) -> list[tuple[str, float, int]]:
    """The accounts whose deliveries have failed: since when, and how many."""
    found = rows(
        db,
        "SELECT jobs.account, MIN(changed_at), COUNT(*) FROM deliveries JOIN jobs ON jobs.id = job"
        " WHERE deliveries.state = 'failed' GROUP BY 1 ORDER BY 1",
    )
    return [(account, since, number) for account, since, number in found]


# --------------------------------------------------------------------------------------------------- whether, and what


def verdict(db: Connection, job: int) -> bool | None:
    """Whether a person has kept the results of a job or rejected them; None while nobody has said so."""
    said = value(db, "SELECT review FROM jobs WHERE id = ?", (job,))
    return said == Review.KEPT if said else None


def may_be_delivered(db: Connection, job: int, wanted: str) -> bool | None:
    """Whether a job's results may be handed over: never where they are rejected, and where they are to be kept first
    only then; None while that is waited for."""
    said = verdict(db, job)
    return True if said is None and wanted != KEPT else said


def set_for(db: Connection, job: Job, command: Sequence[str], wanted: str) -> tuple[tuple[str, ...], str]:
    """The command that is run with a job's results, empty where none is, and when: as was said for it alone, else as
    its rule says, else as given, which is the account's."""
    found = first(db, "SELECT after_saved, deliver FROM rules WHERE id = ?", (job.rule,)) if job.rule else None
    if found:
        command, wanted = json.loads(found[0]), found[1]
    if job.after_saved:
        command = json.loads(job.after_saved)
    return tuple(command), job.deliver or wanted


# --------------------------------------------------------------------------------------------------------- the step


def expect(db: Connection, job: Job, command: Sequence[str], wanted: str) -> None:
    """Note that a job's results are to be delivered; in the transaction that ends the job, so that none is forgotten.

    What a person cancelled too late is saved and not delivered by itself, nor is a result that was fetched again.
    """
    if command and not job.cancel and of_job(db, job.id) is None:
        _set(db, job.id, command, wanted)


def again(db: Connection, job: Job, command: Sequence[str], wanted: str) -> str:
    """Have a job's results delivered (once more), as a person wishes; returns why that cannot be, else nothing."""
    if job.status not in (Status.DONE, Status.SKIPPED) or job.stage is not Stage.SAVED:
        return f"job {job.id} has no saved result to deliver: it is {job.status}"
    if not command:
        return f"nothing is set to be run after job {job.id}: write after_saved for its rule or account"
    if may_be_delivered(db, job.id, wanted) is False:
        return f"the result of job {job.id} was rejected, and is not delivered"
    if may_be_delivered(db, job.id, wanted) is None:
        return f"the result of job {job.id} is delivered once a person keeps it: `artui keep {job.id}`"
    before = of_job(db, job.id)
    if before is not None and before.state is Delivery.RUNNING:
        return f"the result of job {job.id} is being delivered now"
    _set(db, job.id, command, wanted)
    return ""


def _set(db: Connection, job: int, command: Sequence[str], wanted: str) -> None:
    now = time.time()
    due = now if may_be_delivered(db, job, wanted) else None
    db.execute(
        "INSERT INTO deliveries (job, command, wanted, state, due, changed_at) VALUES (?1, ?2, ?3, 'pending', ?4, ?5)"
        " ON CONFLICT (job) DO UPDATE SET command = ?2, wanted = ?3, state = 'pending', delivered = 0, attempts = 0,"
        " due = ?4, output = '', changed_at = ?5",
        (job, json.dumps(command), wanted, due, now),
    )


def reviewed(db: Connection, job: int) -> None:
    """See whether a job's results are delivered now, in the transaction in which a person keeps or rejects them."""
    row = of_job(db, job)
    if row is None:
        return
    match may_be_delivered(db, job, row.wanted):
        case True if row.waits_for_review:
            _put(db, row, Delivery.PENDING, due=0.0, output="")  # at once, whatever the clock says here
        case False if row.state in (Delivery.PENDING, Delivery.FAILED):
            _put(db, row, Delivery.PENDING, due=None, output="rejected: not delivered")
        case None if row.state is Delivery.PENDING:  # what was said is taken back
            _put(db, row, Delivery.PENDING, due=None, output="")
        case _:
            pass


def claim(db: Connection, now: float, most: int) -> list[DeliveryRow]:
    """Take the next deliveries that are due and mark them RUNNING, the longest due first."""
    sql = f"SELECT {_COLUMNS} FROM deliveries WHERE state = 'pending' AND due <= ? ORDER BY due LIMIT ?"
    taken = []
    for found in rows(db, sql, (now, most)):
        row = _row(found)
        if may_be_delivered(db, row.job, row.wanted):
            _put(db, row, Delivery.RUNNING, due=None, output=row.output)
            taken.append(row)
        else:
            _put(db, row, Delivery.PENDING, due=None, output=row.output)
    return taken


def handed_over(db: Connection, row: DeliveryRow, delivered: int) -> None:
    """Note that so many results of a job were handed over, and are not again by a later try."""
    db.execute("UPDATE deliveries SET delivered = ? WHERE job = ?", (delivered, row.job))


def ended(db: Connection, row: DeliveryRow, said: str) -> None:
    """Note that all results of a job are delivered; ``said`` is the end of what the command said."""
    _put(db, row, Delivery.DONE, due=None, output=said)
    _tell(db, row, "delivery done", said or "its command ended well")


def failed_try(db: Connection, row: DeliveryRow, why: str, due: float | None) -> None:
    """Note that a try was in vain; it is tried again when it is ``due``, or not by itself where that is None."""
    state = Delivery.FAILED if due is None else Delivery.PENDING
    _put(db, row, state, due=due, output=why, attempts=row.attempts + 1)
    if due is None:
        _tell(db, row, "delivery failed", why)


def put_back(db: Connection, row: DeliveryRow | None = None) -> None:
    """Have what was running begin anew: one that was broken off, or all that an engine left which is gone."""
    where, values = ("", ()) if row is None else (" AND job = ?", (row.job,))
    db.execute(
        f"UPDATE deliveries SET state = 'pending', due = ?, changed_at = ? WHERE state = 'running'{where}",
        (time.time(), time.time(), *values),
    )


def are_due(db: Connection) -> bool:
    """Whether anything is delivered now or later by itself."""
    return bool(value(db, f"SELECT {ARE_DUE}"))


def next_due(db: Connection) -> float | None:
    """When the next delivery is due; None where none is."""
    earliest: float | None = value(db, "SELECT MIN(due) FROM deliveries WHERE state = 'pending' AND due IS NOT NULL")
    return earliest


def _put(
    db: Connection, row: DeliveryRow, state: Delivery, *, due: float | None, output: str, attempts: int | None = None
) -> None:
    db.execute(
        "UPDATE deliveries SET state = ?, due = ?, output = ?, attempts = ?, changed_at = ? WHERE job = ?",
        (state, due, storable(output), row.attempts if attempts is None else attempts, time.time(), row.job),
    )


def _tell(db: Connection, row: DeliveryRow, what: str, message: str) -> None:
    from artui.journal import jobs

    if job := jobs.get(db, row.job):
        jobs.note(db, job, what, message)
