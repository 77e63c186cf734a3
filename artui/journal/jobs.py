"""Jobs in the journal: adding them, moving them under guard, taking the next one, and twins.

Every function runs inside one transaction of :class:`artui.journal.store.Journal`.
"""

from __future__ import annotations

import json
import os
import time
from collections.abc import Callable, Iterable, Sequence
from dataclasses import asdict, fields, replace
from pathlib import Path
from typing import Any

import apsw

from artui.job import FINAL, Batch, Job, NewJob, Reason, Result, Stage, Status, legal
from artui.journal.store import Connection, Stale, first, rows, storable, value


class StemTaken(Exception):
    """Another job has reserved one of the result names meanwhile: choose anew."""


_COLUMNS = tuple(field.name for field in fields(Job))
_SELECT = f"SELECT {', '.join(_COLUMNS)} FROM jobs"

_TO_SQL: dict[str, Callable[[Any], Any]] = {
    "source": os.fsencode,
    "folder": os.fsencode,
    "stem": os.fsencode,
    "labels": lambda labels: json.dumps(dict(labels), sort_keys=True),
    "results": lambda results: json.dumps([asdict(result) for result in results]),
    "buys": int,
    "cancel": int,
    "keep": int,
}
_FROM_SQL: dict[str, Callable[[Any], Any]] = {
    "source": lambda value: Path(os.fsdecode(value)),
    "folder": lambda value: Path(os.fsdecode(value)),
    "stem": os.fsdecode,
    "labels": json.loads,
    "results": lambda value: tuple(Result(**result) for result in json.loads(value)),
    "buys": bool,
    "cancel": bool,
    "keep": bool,
    "stage": Stage,
    "status": Status,
}


def _sql(name: str, value: Any) -> Any:
    if name in _TO_SQL:
        return _TO_SQL[name](value)
    return storable(value) if isinstance(value, str) else value


def _job(columns: Sequence[Any]) -> Job:
    return Job(
        **{
            name: _FROM_SQL[name](value) if name in _FROM_SQL else value
            for name, value in zip(_COLUMNS, columns, strict=True)
        }
    )


def select(db: Connection, where: str, values: Sequence[Any] = ()) -> list[Job]:
    """Jobs by a condition written in this program (never with a person's text in it)."""
    return [_job(found) for found in rows(db, f"{_SELECT} WHERE {where}", values)]


def get(db: Connection, job_id: int) -> Job | None:
    """One job by its number."""
    found = select(db, "id = ?", (job_id,))
    return found[0] if found else None


# --------------------------------------------------------------------------------------------------------- adding


def add(db: Connection, batch: Batch | None, jobs: Iterable[NewJob]) -> list[int]:
    """Add jobs, and the batch they belong to, in one transaction; returns their numbers.

    Raises :class:`StemTaken` where a reserved result name is taken.
    """
    now = time.time()
    if batch:
        db.execute(
            "INSERT OR IGNORE INTO batches (id, name, account, created_at, cap, sample) VALUES (?, ?, ?, ?, ?, ?)",
            (batch.id, batch.name, batch.account, batch.created_at, batch.cap, batch.sample),
        )
    try:
        numbers = [_insert(db, new, now) for new in jobs]
    except apsw.ConstraintError as taken:
        if "jobs.stem_key" not in str(taken):
            raise
        raise StemTaken("a result name was taken meanwhile") from taken
    if batch and batch.sample is not None:
        _hold_behind_sample(db, numbers[batch.sample :], batch.sample)
    return numbers


def _hold_behind_sample(db: Connection, numbers: Sequence[int], sample: int) -> None:
    """Hold all but the sample of a batch until a person has seen its results."""
    message = f"waits for a yes to the first {sample} results of its batch"
    for number in numbers:
        job = get(db, number)
        if job is not None:
            move(db, job, job.stage, Status.HELD, "held", reason=Reason.SAMPLE, message=message)


def behind_sample(db: Connection, batch: str) -> list[Job]:
    """The jobs of a batch that wait for a yes to its sample."""
    return select(db, "batch = ? AND status = 'held' AND reason = ? ORDER BY id", (batch, Reason.SAMPLE))


def _insert(db: Connection, new: NewJob, now: float) -> int:
    job = Job(**{field.name: getattr(new, field.name) for field in fields(NewJob)}, created_at=now, stage_at=now)
    names = [name for name in _COLUMNS if name != "id"]
    db.execute(
        f"INSERT INTO jobs ({', '.join(names)}) VALUES ({', '.join('?' * len(names))})",
        [_sql(name, getattr(job, name)) for name in names],
    )
    job_id = db.last_insert_rowid()
    _tell(db, job_id, "added", job, "")
    return job_id


def batch_cap(db: Connection, batch: str) -> int | None:
    """The cap of a batch in the account's unit, None where it has none."""
    found = first(db, "SELECT cap FROM batches WHERE id = ?", (batch,))
    return found[0] if found else None


def reference_of(db: Connection, payer: str, digest: str) -> str:
    """The service's reference of a photo that some job of this payer has uploaded; empty where there is none."""
    found = first(db, "SELECT reference FROM jobs WHERE payer = ? AND digest = ? AND reference <> ''", (payer, digest))
    return found[0] if found else ""


def stem_taken(db: Connection, stem_key: str) -> bool:
    """Whether a job has reserved this result name."""
    return first(db, "SELECT 1 FROM jobs WHERE stem_key = ?", (stem_key,)) is not None


def buyer(
    db: Connection, payer: str, workflow: str, version: str, digest: str, *, parameters: str = "", copy: int = 0
) -> Job | None:
    """The one job that buys (or bought) this photo on these terms; None where it would be bought anew."""
    found = select(
        db,
        "payer = ? AND workflow = ? AND version = ? AND parameters = ? AND digest = ? AND copy = ? AND buys = 1",
        (payer, workflow, version, parameters, digest, copy),
    )
    return found[0] if found else None


def highest_copy(db: Connection, payer: str, workflow: str, digest: str) -> int:
    """How often this photo was bought anew on purpose, whatever version it was for; -1 where it never was a job."""
    highest = value(
        db, "SELECT MAX(copy) FROM jobs WHERE payer = ? AND digest = ? AND workflow = ?", (payer, digest, workflow)
    )
    return -1 if highest is None else int(highest)


# --------------------------------------------------------------------------------------------------------- moving


def move(
    db: Connection,
    /,
    job: Job,
    stage: Stage,
    status: Status,
    what: str,
    *,
    reason: str = "",
    message: str = "",
    due: float | None = None,
    new_try: bool = False,
    **changes: Any,
) -> Job:
    """Move a job on, guarded by the stage, status and purchase in ``job``, and write its event.

    ``what`` names the event; ``changes`` are further columns. ``reason``, ``message`` and ``due`` belong to the new
    place: what is not given is cleared. Raises :class:`Stale` where the job is elsewhere by now, ValueError for a move
    that is not legal.
    """
    if not legal(job.place, (stage, status), new_try=new_try):
        raise ValueError(f"job {job.id} cannot go from {job.stage}/{job.status} to {stage}/{status}")
    now = time.time()
    columns = {
        "stage": stage,
        "status": status,
        "reason": reason,
        "message": message,
        "due": due,
        "finished_at": now if status in FINAL else None,
        **changes,
    }
    if stage is not job.stage or new_try:
        columns.setdefault("stage_at", now)
    assignments = ", ".join(f"{name} = ?" for name in columns)
    db.execute(
        f"UPDATE jobs SET {assignments} WHERE id = ? AND stage = ? AND status = ? AND purchase = ?",
        [
            *(_sql(name, value) for name, value in columns.items()),
            job.id,
            job.stage,
            job.status,
            job.purchase,
        ],
    )
    if not db.changes():
        raise Stale(f"job {job.id} is no longer {job.stage}/{job.status}")
    moved = replace(job, **columns)
    _tell(db, job.id, what, moved, message)
    if moved.buys and (status in FINAL or status is Status.HELD):
        _settle_twins(db, moved)
    return get(db, job.id) or moved


def follow(db: Connection, /, job: Job, stage: Stage, status: Status, what: str, **given: Any) -> Job:
    """As :func:`move`, for what must not fail: where the job is elsewhere by now it stays there."""
    try:
        return move(db, job, stage, status, what, **given)
    except Stale:
        return get(db, job.id) or job


def _tell(db: Connection, job_id: int, what: str, job: Job, message: str) -> None:
    db.execute(
        "INSERT INTO events (job, at, what, stage, status, message) VALUES (?, ?, ?, ?, ?, ?)",
        (job_id, time.time(), what, job.stage, job.status, storable(message)),
    )


def note(db: Connection, job: Job, what: str, message: str) -> None:
    """Write an event that moves nothing."""
    _tell(db, job.id, what, job, message)


def change(db: Connection, /, job: Job, what: str, message: str = "", **changes: Any) -> Job:
    """Change columns that are no move (the service's word, a wish to cancel), and write the event."""
    assignments = ", ".join(f"{name} = ?" for name in changes)
    values = [_sql(name, value) for name, value in changes.items()]
    db.execute(f"UPDATE jobs SET {assignments} WHERE id = ?", [*values, job.id])
    changed = get(db, job.id)
    if changed is None:
        raise Stale(f"job {job.id} is gone")
    _tell(db, job.id, what, changed, message)
    return changed


# ---------------------------------------------------------------------------------------------------------- twins


def check_in(db: Connection, /, job: Job, **found: Any) -> Job:
    """Move a job to CHECKED with what was found on disk; a twin of a living or done job waits for its result.

    ``found``: ``digest``, ``media_type``, ``width``, ``height`` and the like.
    """
    bought = buyer(db, job.payer, job.workflow, job.version, found["digest"], parameters=job.parameters, copy=job.copy)
    if bought is None or bought.id == job.id:
        return move(db, job, Stage.CHECKED, Status.RUNNING, "checked", buys=True, **found)
    message = f"same photo as job {bought.id} ({bought.source.name}): waits for its result, not paid"
    if bought.status is Status.DONE:
        status, reason = Status.READY, ""
    elif bought.status in (*FINAL, Status.HELD) and not surely_unpaid(db, bought.id):
        status, reason = Status.HELD, Reason.TWIN
    else:
        status, reason = Status.WAITING, Reason.TWIN
    return move(
        db,
        job,
        Stage.CHECKED,
        status,
        "twin",
        reason=reason,
        message=message,
        twin_of=bought.id,
        buys=False,
        **found,
    )


def _settle_twins(db: Connection, buyer: Job) -> None:
    """What the end (or hold) of a buyer means for the jobs with the same photo."""
    twins = select(db, "twin_of = ? AND status IN ('waiting', 'held') ORDER BY id", (buyer.id,))
    if buyer.status is Status.DONE:
        for twin in twins:
            move(db, twin, twin.stage, Status.READY, "twin ready", message=f"job {buyer.id} is done")
    elif buyer.status in FINAL and surely_unpaid(db, buyer.id):
        db.execute("UPDATE jobs SET buys = 0 WHERE id = ?", (buyer.id,))
        for place, twin in enumerate(twins):
            if place == 0:
                message = f"job {buyer.id} ended unpaid: this one is sent instead"
                move(
                    db,
                    twin,
                    twin.stage,
                    Status.READY,
                    "sent instead",
                    message=message,
                    twin_of=None,
                    buys=True,
                )
            else:
                move(
                    db, twin, twin.stage, Status.WAITING, "twin", reason=Reason.TWIN, twin_of=twins[0].id,
                    message=f"same photo as job {twins[0].id}: waits for its result, not paid",
                )  # fmt: skip
    elif surely_unpaid(db, buyer.id):
        return  # held before paying: it goes on, or ends unpaid
    else:
        for twin in twins:
            if twin.status is Status.WAITING:
                message = (
                    f"job {buyer.id} with the same photo may have been paid and is not done: decide about it first"
                )
                move(db, twin, twin.stage, Status.HELD, "twin held", reason=Reason.TWIN, message=message)


def buy(db: Connection, job: Job) -> bool:
    """Make a job the one that pays for its photo again; False where another one has become that meanwhile."""
    other = buyer(db, job.payer, job.workflow, job.version, job.digest, parameters=job.parameters, copy=job.copy)
    if other is not None and other.id != job.id:
        return False
    db.execute("UPDATE jobs SET buys = 1 WHERE id = ?", (job.id,))
    return True


def surely_unpaid(db: Connection, job_id: int) -> bool:
    """Whether nothing this job sent can have cost anything."""
    paid = first(
        db,
        "SELECT 1 FROM purchases WHERE job = ?"
        " AND NOT (state = 'refused' OR (state = 'known' AND charged IS NOT NULL AND charged = 0))",
        (job_id,),
    )
    return paid is None


# --------------------------------------------------------------------------------------------------------- taking


def claim(db: Connection, account: str, stages: Sequence[Stage], now: float, most: int) -> list[Job]:
    """Take the next jobs of an account in these stages and mark them RUNNING; oldest first.

    A WAITING job counts once its time has come. Jobs in doubt are not taken: they are looked up together.
    """
    marks = ", ".join("?" * len(stages))
    found = select(
        db,
        f"account = ? AND stage IN ({marks}) AND (status = 'ready' OR (status = 'waiting' AND due <= ?))"
        " AND reason <> ? ORDER BY id LIMIT ?",
        (account, *stages, now, Reason.LOOKING, most),
    )
    return [move(db, job, job.stage, Status.RUNNING, "taken") for job in found]


def next_due(db: Connection, account: str, stages: Sequence[Stage]) -> float | None:
    """When the earliest waiting job of these stages may be taken; None where none waits."""
    marks = ", ".join("?" * len(stages))
    earliest: float | None = value(
        db,
        f"SELECT MIN(due) FROM jobs WHERE account = ? AND stage IN ({marks}) AND status = 'waiting'"
        " AND due IS NOT NULL AND reason <> ?",
        (account, *stages, Reason.LOOKING),
    )
    return earliest


def accounts_with_open_jobs(db: Connection) -> list[str]:
    """The accounts that have jobs which are not final."""
    found = rows(
        db, "SELECT DISTINCT account FROM jobs WHERE status IN ('ready', 'running', 'waiting', 'held') ORDER BY account"
    )
    return [account for (account,) in found]


def earliest_due(db: Connection, account: str, reason: Reason) -> float | None:
    """When the earliest job that waits for this reason is due; None where none does."""
    earliest: float | None = value(
        db,
        "SELECT MIN(due) FROM jobs WHERE account = ? AND status = 'waiting' AND reason = ?",
        (account, reason),
    )
    return earliest
