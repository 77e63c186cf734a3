"""Executions that ``artui recover`` found at a service and whose photos are not known here.

Each is a job without a file (``found``), bought and counted as such. When its photo turns up, known by its digest or
by the service's own reference of it, the photo's job takes the purchase over: its result is fetched, nothing is paid.

Every function runs inside one transaction of :class:`artui.journal.store.Journal`.
"""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

from artui.journal import accounts, jobs, prices, purchases, uploads
from artui.journal.store import Connection, first, rows
from artui.model.job import Job, NewJob
from artui.model.states import Kind, PurchaseState, Reason, Stage, Status

NOT_HERE = "bought through this journal or a copy of it; its photo is not known here"


def add(db: Connection, new: NewJob, *, key: str, execution: str, reference: str, day: str) -> Job:
    """Add a found execution as a job that is looked at like any other at the service; ``day`` is when it was bought.

    ``key`` is an earlier purchase's where the journal knows that one, else the key the service has.
    """
    [number] = jobs.add(db, None, [new])
    job = _must_get(db, number)
    # A purchase is known once: one that counts under another job here must not count twice in a cap.
    known = rows(db, "UPDATE purchases SET job = ?, number = 1 WHERE key = ? RETURNING key", (job.id, key))
    if not known:
        purchases.intend(
            db, replace(job, reference=reference), key=key, number=1, kind=Kind.CREATE, draft="",
            reserved=prices.weight(new.quoted), mark=accounts.mark(db, job.payer, job.workflow),
            day=day, month=day[:7],
        )  # fmt: skip
    purchases.record_execution(db, key, execution)
    return jobs.move(
        db, job, Stage.SUBMITTED, Status.WAITING, "found", reason=Reason.AT_SERVICE, message=NOT_HERE, due=0.0,
        # Where a reference is the digest of the content, the photo is known by it before any upload.
        execution=execution, purchase=1, reference=reference, digest=reference.casefold(), found=True,
    )  # fmt: skip


def check_in(db: Connection, /, job: Job, **seen: Any) -> Job:
    """As :func:`artui.journal.jobs.check_in`; a photo whose execution was found takes that over, and one that was
    ordered elsewhere meanwhile is held."""
    return _ask(db, claim(db, jobs.check_in(db, job, **seen)))  # claimed first: what is proved bought needs no question


def uploaded(
    db: Connection, job: Job, reference: str, what: str = "uploaded", *, to_remove: bool = False
) -> Job:  # fmt: skip
    """Move a job to UPLOADED; a photo whose execution was found under this reference takes that over. ``to_remove``:
    artui has just stored it, and removes it afterwards."""
    moved = jobs.move(db, job, Stage.UPLOADED, Status.RUNNING, what, reference=reference)
    if to_remove:
        uploads.stored(db, moved)
    return _ask(db, claim(db, moved))


def note_elsewhere(db: Connection, payer: str, workflow: str, reference: str, execution: str) -> None:
    """Remember an execution that shows no key and may be of this journal's lost time, by the photo it was made from."""
    if reference:
        db.execute(
            "INSERT OR IGNORE INTO elsewhere (payer, workflow, reference, execution) VALUES (?, ?, ?, ?)",
            (payer, workflow, reference.casefold(), execution),
        )


def _ask(db: Connection, job: Job) -> Job:
    """Hold a job whose photo was ordered elsewhere, before anything is paid: only a person can tell by whom."""
    if not job.buys or job.agreed or job.execution or job.status is not Status.RUNNING:
        return job
    execution = elsewhere(db, job)
    if not execution:
        return job
    message = f"the service has execution {execution} for it, without a key of artui: it may have been paid before"
    return jobs.move(db, job, job.stage, Status.HELD, "held", reason=Reason.RECOVERED, message=message)


def elsewhere(db: Connection, job: Job) -> str:
    """The execution without a key of ours that was made from a job's photo; empty where there is none."""
    found = first(
        db,
        "SELECT execution FROM elsewhere WHERE payer = ? AND workflow = ? AND reference IN (?, ?)",
        (job.payer, job.workflow, job.digest.casefold(), job.reference.casefold()),
    )
    return str(found[0]) if found else ""


def claim(db: Connection, job: Job) -> Job:
    """Have a job that buys its photo take over the execution that was found for it; returns the job as it then is."""
    theirs = of_photo(db, job) if job.buys else None
    if theirs is None:
        return job
    last = purchases.current(db, job)
    # Its own order may have been carried out besides: it stays counted, and one alone may be in the air.
    if last is not None and last.state is PurchaseState.INTENDED:
        purchases.presume_spent(db, last.key)
    number = len(purchases.of_job(db, job.id)) + 1
    purchases.hand_over(db, theirs.id, job, number)
    _let_go(db, theirs, job)
    is_done = theirs.stage is not Stage.SUBMITTED
    return jobs.move(
        db, job, theirs.stage, Status.READY if is_done else Status.WAITING, "found",
        reason="" if is_done else Reason.AT_SERVICE, due=None if is_done else 0.0,
        message="bought before, as the service shows: its result is fetched, nothing more is paid",
        execution=theirs.execution, purchase=number, word=theirs.word, results=theirs.results, charged=theirs.charged,
        expires_at=theirs.expires_at, reference=theirs.reference, attempts=0,
    )  # fmt: skip


def of_photo(db: Connection, job: Job) -> Job | None:
    """The first found execution of a job's photo, on its terms; under a rule on whatever terms.

    A photo that was ordered anew on purpose since is bought anew.
    """
    names = {job.digest.casefold(), job.reference.casefold()} - {""}
    marks = ", ".join("?" * len(names))
    known = jobs.select(
        db,
        f"found = 1 AND payer = ? AND workflow = ? AND digest IN ({marks}) AND status <> 'failed' ORDER BY id",
        (job.payer, job.workflow, *names),
    )
    fits = (one for one in known if (job.rule or one.version in ("", job.version)))  # '': the list does not say
    return next((one for one in fits if not (job.copy and job.created_at > one.created_at)), None)


def _let_go(db: Connection, theirs: Job, job: Job) -> None:
    """End a found job whose photo has a job of its own now: what it cost counts there."""
    message = f"its photo is {job.source.name}: job {job.id} has its result"
    gone: dict[str, Any] = {
        "found": False, "purchase": 0, "execution": "", "charged": None, "results": (),
        "twin_of": job.id,
    }  # fmt: skip
    if theirs.status is Status.CANCELLED:  # no move leads out of that without a person
        jobs.change(db, theirs, "claimed", message, **gone)
    else:
        jobs.move(db, theirs, theirs.stage, Status.SKIPPED, "claimed", message=message, **gone)


def all_found(db: Connection) -> list[Job]:
    """The found jobs whose results can be fetched, or may be one day."""
    return jobs.select(db, "found = 1 AND status NOT IN ('failed', 'cancelled') ORDER BY id")


def give_place(db: Connection, job: Job, folder: Path, stem: str, stem_key: str, wanted: str = "") -> Job:
    """Have the result of a found job fetched into a folder, under this name (``wanted``: the one that is taken there):
    it becomes a job like any other."""
    place = {"folder": folder, "stem": stem, "stem_key": stem_key, "wanted": wanted}
    jobs.change(db, job, "to be fetched", str(folder), **place, found=False)
    job = _must_get(db, job.id)
    jobs.buy(db, job)  # where another job buys the photo by now, this one is fetched all the same
    job = _must_get(db, job.id)
    if job.status is Status.HELD:
        return jobs.move(db, job, job.stage, Status.READY, "fetched")
    return job


def known_inputs(db: Connection, payer: str) -> set[str]:
    """The photos this journal knows of a payer: their digests and the service's references of them."""
    found = rows(db, "SELECT digest, reference FROM jobs WHERE payer = ? AND found = 0", (payer,))
    return {name.casefold() for pair in found for name in pair if name}


def _must_get(db: Connection, number: int) -> Job:
    job = jobs.get(db, number)
    assert job is not None  # noqa: S101 — it was written in this very transaction
    return job
