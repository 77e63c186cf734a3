"""Which twin buys a photo while the job that was to buy it is held, unpaid, for a reason of its own.

Every function runs inside one transaction of :class:`artui.journal.store.Journal`.
"""

from __future__ import annotations

from collections.abc import Sequence

from artui.journal import jobs
from artui.journal.store import Connection, first, rows
from artui.model.holds import HOLDS, GivesWay
from artui.model.job import Job
from artui.model.states import Reason, Stage, Status


def gives_way(db: Connection, buyer: Job) -> bool:
    """Whether a job that is to buy a photo is held for a reason of its own, and surely has cost nothing."""
    is_held = buyer.status is Status.HELD and HOLDS[Reason(buyer.reason)].gives_way is not GivesWay.NEVER
    unsent = buyer.stage in (Stage.CHECKED, Stage.UPLOADED, Stage.SUBMITTING) and not buyer.execution
    return bool(is_held and unsent and buyer.buys and not buyer.cancel and jobs.surely_unpaid(db, buyer.id))


def blocked(db: Connection, account: str) -> list[tuple[Job, Job]]:
    """The twins of an account that wait for a job which would give way to them, each with that job; the oldest first.

    Whether what bounds a twin lets it go on is not asked here.
    """
    waits = "SELECT 1 FROM tally WHERE account = ? AND status = 'waiting' AND reason = ? AND jobs > 0"
    if first(db, waits, (account, Reason.TWIN)) is None:
        return []
    found = rows(
        db,
        "SELECT twin.id, buyer.id FROM jobs AS twin JOIN jobs AS buyer ON buyer.id = twin.twin_of"
        " WHERE twin.account = ? AND twin.stage = 'checked' AND twin.status = 'waiting' AND twin.reason = ?"
        # The open statuses again, as the partial index has them: without that SQLite does not use it.
        " AND twin.status IN ('ready', 'running', 'waiting', 'held') AND twin.cancel = 0 AND buyer.status = 'held'"
        " ORDER BY twin.id",
        (account, Reason.TWIN),
    )
    pairs = [(_must_get(db, twin), _must_get(db, buyer)) for twin, buyer in found]
    return [(twin, buyer) for twin, buyer in pairs if gives_way(db, buyer) and _fits(db, twin, buyer)]


def _fits(db: Connection, twin: Job, buyer: Job) -> bool:
    """Whether a twin may do better than its buyer, and buys the very same."""
    if (twin.payer, _recipe(twin), twin.copy) != (buyer.payer, _recipe(buyer), buyer.copy):
        return False
    if twin.digest != buyer.digest and not (twin.picture and twin.picture == buyer.picture):
        return False
    if twin.rule and twin.rule == buyer.rule:  # bounded by the very same sums and pause
        return False
    gives_way = HOLDS[Reason(buyer.reason)].gives_way
    if gives_way is GivesWay.PRICE:
        # Queued later, at the new price.
        return twin.quoted is not None and buyer.quoted is not None and twin.quoted > buyer.quoted
    if gives_way is GivesWay.SUMS:
        return True
    if buyer.reason in (Reason.OUTPUT, Reason.DISK_FULL) and twin.folder == buyer.folder:
        return False
    if buyer.reason == Reason.ACCOUNT and twin.account == buyer.account:
        return False
    # Else two that both fail would hand it to and fro.
    return first(db, "SELECT 1 FROM events WHERE job = ? AND what = 'gave way'", (twin.id,)) is None


def _recipe(job: Job) -> Sequence[str]:
    return (job.version,) if job.parameters else (job.workflow, job.version)


def let_buy(db: Connection, twin: Job, buyer: Job) -> bool:
    """Have a twin buy the photo in its buyer's place, which becomes its twin, as do all other twins of that one; False
    where another job buys it already."""
    db.execute("UPDATE jobs SET buys = 0 WHERE id = ?", (buyer.id,))  # else it would be found as the other buyer
    if jobs.other_buyer(db, twin) is not None:
        db.execute("UPDATE jobs SET buys = 1 WHERE id = ?", (buyer.id,))
        return False
    message = f"{jobs.same_as(twin, buyer.digest)}, which is sent instead: waits for its result, not paid"
    jobs.move(
        db, buyer, Stage.CHECKED, Status.WAITING, "gave way", reason=Reason.TWIN, message=message, twin_of=twin.id,
        buys=False, new_try=True, reference="", attempts=0,
    )  # fmt: skip
    for other in jobs.select(db, "twin_of = ? AND status IN ('waiting', 'held') AND id <> ?", (buyer.id, twin.id)):
        jobs.move(
            db, other, other.stage, Status.WAITING, "twin", reason=Reason.TWIN, twin_of=twin.id,
            message=f"{jobs.same_as(twin, other.digest)}: waits for its result, not paid",
        )  # fmt: skip
    why = f"job {buyer.id} is held ({buyer.reason}): this one is sent instead"
    jobs.move(db, twin, twin.stage, Status.READY, "sent instead", message=why, twin_of=None, buys=True)
    return True


def _must_get(db: Connection, number: int) -> Job:
    job = jobs.get(db, number)
    assert job is not None  # noqa: S101 — it was read in this very transaction
    return job
