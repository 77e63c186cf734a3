"""Jobs in the journal: adding them, moving them under guard, and twins.

Every function runs inside one transaction of :class:`artui.journal.store.Journal`.
"""

from __future__ import annotations

import json
import os
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import fields
from functools import lru_cache
from pathlib import Path
from types import MappingProxyType
from typing import Any, NamedTuple

import apsw

from artui.journal import customers, published
from artui.journal.store import Connection, Stale, Values, first, rows, storable, value
from artui.model.holds import HOLDS
from artui.model.job import Batch, Job, NewJob, Result
from artui.model.states import FINAL, Reason, Stage, Status, legal
from artui.model.watching import Skip


class StemTaken(Exception):
    """Another job has reserved one of the result names meanwhile: choose anew."""


_COLUMNS = tuple(field.name for field in fields(Job))
_RESULT = tuple(field.name for field in fields(Result))
_ALL = ", ".join(_COLUMNS)
_SELECT = f"SELECT {_ALL} FROM jobs"
_SAME_PHOTO = (
    "id IN (SELECT id FROM jobs WHERE payer = ?1 AND digest = ?2"
    " UNION SELECT id FROM jobs WHERE payer = ?1 AND picture = ?3 AND picture <> '')"
)
"""The condition for a payer's jobs of these very bytes, or of this picture: two steps in two indexes."""
_SAVED = "(status IN ('done', 'skipped') AND stage = 'saved')"
REMEMBERED = 1_024
"""Stored values whose meaning is remembered: a job's row is read a dozen times on its way, with the same paths."""

_TO_SQL: dict[str, Callable[[Any], Any]] = {
    "source": os.fsencode,
    "folder": os.fsencode,
    "stem": os.fsencode,
    "wanted": os.fsencode,
    "labels": lambda labels: json.dumps(dict(labels), sort_keys=True),
    "results": lambda results: json.dumps([_stored(result) for result in results]),
    "buys": int,
    "cancel": int,
    "keep": int,
    "agreed": int,
    "found": int,
    "partial": int,
    "as_is": int,
}


@lru_cache(REMEMBERED)
def _path(stored: bytes) -> Path:
    return Path(os.fsdecode(stored))


@lru_cache(REMEMBERED)
def _labels(stored: str) -> Mapping[str, str]:
    return MappingProxyType(json.loads(stored))


@lru_cache(REMEMBERED)
def _results(stored: str) -> tuple[Result, ...]:
    return tuple(Result(**result) for result in json.loads(stored))


_FROM_SQL: dict[str, Callable[[Any], Any]] = {
    "source": _path,
    "folder": _path,
    "stem": os.fsdecode,
    "wanted": os.fsdecode,
    "labels": _labels,
    "results": _results,
    "buys": bool,
    "known_copy": bool,
    "cancel": bool,
    "keep": bool,
    "agreed": bool,
    "found": bool,
    "partial": bool,
    "as_is": bool,
    "stage": {str(stage): stage for stage in Stage}.__getitem__,
    "status": {str(status): status for status in Status}.__getitem__,
}
_TRANSLATED = tuple((_COLUMNS.index(name), meaning) for name, meaning in _FROM_SQL.items())


def _stored(result: Result) -> dict[str, Any]:
    return {name: getattr(result, name) for name in _RESULT}


def _sql(name: str, value: Any) -> Any:
    if name in _TO_SQL:
        return _TO_SQL[name](value)
    return storable(value) if isinstance(value, str) else value


def _job(columns: Sequence[Any]) -> Job:
    values = list(columns)
    for place, meaning in _TRANSLATED:
        values[place] = meaning(values[place])
    return Job(*values)


def select(db: Connection, where: str, values: Values = ()) -> list[Job]:
    """Jobs by a condition written in this program (never with a person's text in it)."""
    return [_job(found) for found in rows(db, f"{_SELECT} WHERE {where}", values)]


def get(db: Connection, job_id: int) -> Job | None:
    """One job by its number."""
    found = select(db, "id = ?", (job_id,))
    return found[0] if found else None


# --------------------------------------------------------------------------------------------------------- adding


def add(db: Connection, batch: Batch | None, jobs: Sequence[NewJob]) -> list[int]:
    """Add jobs, and the batch they belong to, in one transaction; returns their numbers.

    Raises :class:`StemTaken` where a reserved result name is taken.
    """
    now = time.time()
    if batch:
        db.execute(
            # A rule's batch grows all day.
            "INSERT OR IGNORE INTO batches (id, name, account, created_at, cap, sample) VALUES (?, ?, ?, ?, ?, ?)",
            (batch.id, batch.name, batch.account, batch.created_at, batch.cap, batch.sample),
        )
    try:
        numbers = [_insert(db, new, now) for new in jobs]
    except apsw.ConstraintError as taken:
        if "jobs.stem_key" not in str(taken):  # SQLite names the column nowhere else
            raise
        raise StemTaken("a result name was taken meanwhile") from taken
    if batch and batch.sample is not None:
        photos = [(new.source, new.address) for new in jobs]
        ahead = set(list(dict.fromkeys(photos))[: batch.sample])
        behind = [number for number, photo in zip(numbers, photos, strict=True) if photo not in ahead]
        hold_behind_sample(db, behind, batch.sample, "batch")
    return numbers


def hold_behind_sample(db: Connection, numbers: Sequence[int], sample: int, whose: str) -> None:
    """Hold jobs that were just added until a person has seen the first ``sample`` photos of their batch or rule."""
    first = "first photo" if sample == 1 else f"first {sample} photos"
    message = f"waits for a yes to the {first} of its {whose}"
    for number in numbers:
        job = get(db, number)
        if job is not None:
            move(db, job, job.stage, Status.HELD, "held", reason=Reason.SAMPLE, message=message)


def behind_sample(db: Connection, batch: str) -> list[Job]:
    """The jobs of a batch that wait for a yes to its sample."""
    return select(db, "batch = ? AND status = 'held' AND reason = ? ORDER BY id", (batch, Reason.SAMPLE))


class BehindSample(NamedTuple):
    """Jobs of a batch that wait for a yes to its sample: how many, what they cost at most (None where the price of one
    is not known), and the newest of them, 0 where there is none."""

    number: int
    cost: int | None
    until: int


def sum_behind_sample(db: Connection, batch: str) -> BehindSample:
    """All of a batch that wait for a yes to its sample, added up."""
    sql = (
        "SELECT COUNT(*), iif(COUNT(*) = COUNT(quoted), COALESCE(SUM(quoted), 0), NULL), COALESCE(MAX(id), 0)"
        " FROM jobs WHERE batch = ? AND status = 'held' AND reason = ?"
    )
    return BehindSample(*rows(db, sql, (batch, Reason.SAMPLE))[0])


def _insert(db: Connection, new: NewJob, now: float) -> int:
    given = {field.name: getattr(new, field.name) for field in fields(NewJob)}
    # Its key may have been joined to a later one since it was planned.
    given["payer"] = customers.current(db, new.payer)
    job = Job(**given, created_at=now, stage_at=now)
    names = [name for name in _COLUMNS if name != "id"]
    # Whoever chose the name has seen that nothing lies there. No name of a file has two slashes.
    db.execute(f"UPDATE jobs SET stem_key = stem_key || '//' || id WHERE stem_key = ? AND {_SAVED}", (job.stem_key,))
    db.execute(
        f"INSERT INTO jobs ({', '.join(names)}) VALUES ({', '.join('?' * len(names))})",
        [_sql(name, getattr(job, name)) for name in names],
    )
    job_id = db.last_insert_rowid()
    _tell(db, job_id, "added", job, "")  # the row's number is in no Job yet
    return job_id


def reference_of(db: Connection, payer: str, digest: str) -> str:
    """The service's reference of a photo that some job of this payer has uploaded; empty where there is none."""
    found = first(db, "SELECT reference FROM jobs WHERE payer = ? AND digest = ? AND reference <> ''", (payer, digest))
    return found[0] if found else ""


def of_other_photo(db: Connection, job: Job, reference: str) -> int | None:
    """The number of a job of the same payer with other content that has this reference of the service's; None where
    none has."""
    found = first(
        db,
        # What was found at the service has this for its digest, once it is fetched too: its photo was never read.
        "SELECT id FROM jobs WHERE payer = ? AND reference = ? AND reference <> '' AND digest NOT IN ('', ?)"
        " AND run <> 'found' LIMIT 1",
        (job.payer, reference, job.digest),
    )
    return None if found is None else int(found[0])


def stem_taken(db: Connection, stem_key: str) -> bool:
    """Whether a job has reserved this result name."""
    return first(db, "SELECT 1 FROM jobs WHERE stem_key = ?", (stem_key,)) is not None


def stem_reserved(db: Connection, stem_key: str) -> bool:
    """Whether a result name is reserved for what is still to come. A job that is saved needs its name no more once
    nothing lies there, which whoever asks sees on the disk."""
    return first(db, f"SELECT 1 FROM jobs WHERE stem_key = ? AND NOT {_SAVED}", (stem_key,)) is not None


def buyer(
    db: Connection, payer: str, workflow: str, version: str, digest: str, picture: str = "", *, parameters: str = "",
    copy: int = 0,
) -> Job | None:  # fmt: skip
    """The one job that buys (or bought) this photo on these terms; None where it would be bought anew.

    A recipe of ours (``parameters``) is the same under whatever name it stands.
    """
    recipe = version if parameters else f"{workflow}@{version}"
    return _buyer(db, "payer = ? AND recipe = ?", (payer, recipe), digest, picture, copy)


def buyer_of_rule(
    db: Connection, rule: str, workflow: str, digest: str, picture: str = "", copy: int = 0
) -> Job | None:  # fmt: skip
    """The one job that buys (or bought) this photo for a workflow of a rule, in whatever version, whoever pays; None
    where there is none."""
    return _buyer(db, "rule = ? AND rule <> '' AND workflow = ?", (rule, workflow), digest, picture, copy)


def _buyer(
    db: Connection, where: str, values: tuple[str, ...], digest: str, picture: str, copy: int
) -> Job | None:  # fmt: skip
    """The buyer of these very bytes, else of this picture; where that has ended without a result, one that bought the
    photo anew since, on a person's word, and has it."""
    found = select(db, f"{where} AND digest = ? AND copy = ? AND buys = 1 ORDER BY id", (*values, digest, copy))
    if not found and picture:
        same = "picture = ? AND picture <> '' AND copy = ? AND buys = 1"
        found = select(db, f"{where} AND {same} ORDER BY id", (*values, picture, copy))
    if found and found[0].status in FINAL and found[0].status is not Status.DONE:
        anew = f"{where} AND digest = ? AND copy > ? AND buys = 1 AND status = 'done' ORDER BY id DESC LIMIT 1"
        return next(iter(select(db, anew, (*values, found[0].digest, copy))), found[0])
    return found[0] if found else None


def not_over(db: Connection, payer: str, digest: str, picture: str = "") -> list[Job]:
    """The jobs of a payer that have this photo, are no twins, and are not over; or that ended while nobody knew whether
    they had been paid."""
    return select(
        db,
        f"{_SAME_PHOTO} AND twin_of IS NULL AND (status IN ('ready', 'running', 'waiting', 'held')"
        " OR status IN ('failed', 'cancelled') AND EXISTS (SELECT 1 FROM purchases WHERE job = jobs.id"
        "  AND state IN ('intended', 'presumed spent'))) ORDER BY id",
        (payer, digest, picture),
    )


def highest_copy(db: Connection, payer: str, workflow: str, digest: str, picture: str = "") -> int:
    """How often this photo was bought anew on purpose, whatever version it was for; -1 where it never was a job."""
    highest = value(
        db,
        f"SELECT MAX(copy) FROM jobs WHERE {_SAME_PHOTO} AND workflow = ?4",
        (payer, digest, picture, workflow),
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
    hold_scope: str = "",
    message: str = "",
    due: float | None = None,
    new_try: bool = False,
    **changes: Any,
) -> Job:
    """Move a job on, guarded by the stage, status, purchase and execution in ``job``, and write its event.

    ``what`` names the event; ``changes`` are further columns. ``reason``, ``hold_scope``, ``message`` and ``due``
    belong to the new place: what is not given is cleared. Raises :class:`Stale` where the job is elsewhere by now,
    ValueError for a move that is not legal.
    """
    if not legal(job.place, (stage, status), new_try=new_try):
        raise ValueError(f"job {job.id} cannot go from {job.stage}/{job.status} to {stage}/{status}")
    if status is Status.HELD and reason not in HOLDS:
        raise ValueError(f"job {job.id} cannot be held for {reason!r}: that is no hold")
    now = time.time()
    columns = {
        "stage": stage,
        "status": status,
        "reason": reason,
        "hold_scope": hold_scope,
        "message": message,
        "due": due,
        "finished_at": now if status in FINAL else None,
        **changes,
    }
    if stage is not job.stage or new_try:
        columns.setdefault("stage_at", now)
    assignments = ", ".join(f"{name} = ?" for name in columns)
    found = rows(
        db,
        # The execution, too: a look that began before a person named another one must not move the job.
        f"UPDATE jobs SET {assignments} WHERE id = ? AND stage = ? AND status = ? AND purchase = ? AND execution = ?"
        f" RETURNING {_ALL}",
        [
            *(_sql(name, value) for name, value in columns.items()),
            job.id,
            job.stage,
            job.status,
            job.purchase,
            job.execution,
        ],
    )
    if not found:
        raise Stale(f"job {job.id} is no longer {job.stage}/{job.status}")
    moved = _job(found[0])
    _tell(db, job.id, what, moved, message)
    # In the same transaction: no twin waits for a job that is over.
    if moved.buys and (status in FINAL or status is Status.HELD):
        _settle_twins(db, moved)
        return get(db, job.id) or moved  # passing on may have taken `buys` from it
    return moved


def move_if_current(db: Connection, /, job: Job, stage: Stage, status: Status, what: str, **given: Any) -> Job:
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
    """Move a job to CHECKED with what was found on disk; a twin of a living or done job waits for its result, and what
    is a result itself is not sent by a rule.

    ``found``: ``digest``, ``picture``, ``media_type``, ``width``, ``height`` and the like.
    """
    # A person may send a result once more, on purpose; so may a rule that follows the one that made it.
    made_by = published.job_of(db, found["digest"]) if job.rule else None
    if made_by is not None and not published.is_let_in(db, job.rule, made_by):
        message = f"{job.source.name} {published.sentence(made_by)}"
        return move(
            db, job, Stage.CHECKED, Status.SKIPPED, "a result", reason=Skip.RESULT, message=message,
            twin_of=made_by, buys=False, **found,
        )  # fmt: skip
    bought = other_buyer(db, job, digest=found["digest"], picture=found.get("picture", ""))
    if bought is None:
        return move(db, job, Stage.CHECKED, Status.RUNNING, "checked", buys=True, **found)
    return _join(db, job, bought, buys=False, **found)


def other_buyer(
    db: Connection, job: Job, *, digest: str = "", picture: str = "", version: str = ""
) -> Job | None:  # fmt: skip
    """The other job that buys this job's photo, or only its picture: on the same terms, or, for the same rule, through
    the same workflow on whatever terms.

    What is not given is the job's own.
    """
    digest, picture, version = digest or job.digest, picture or job.picture, version or job.version
    on_terms = buyer(db, job.payer, job.workflow, version, digest, picture, parameters=job.parameters, copy=job.copy)
    # First: a rule buys a photo once for each workflow, on whatever terms.
    for_rule = buyer_of_rule(db, job.rule, job.workflow, digest, picture, job.copy)
    return next((one for one in (for_rule, on_terms) if one is not None and one.id != job.id), None)


def _join(db: Connection, /, job: Job, bought: Job, **found: Any) -> Job:
    """Make a job the twin of the one that buys its photo: its result is waited for, or refused by the job's rule."""
    digest = found.get("digest", job.digest)
    message = f"{same_as(bought, digest)}: waits for its result, not paid"
    is_its_own = bought.source == job.source and bought.status is not Status.DONE  # it may yet fail, for it has changed
    if bought.rule == job.rule and not is_its_own and _refuses_twins(db, job.rule):
        status, reason = Status.SKIPPED, str(Reason.TWIN)
        message = f"same photo as {bought.source.name} (job {bought.id}): its rule wants no copies, not paid"
        if digest != bought.digest:
            reason = Skip.ONLY_METADATA
            message = f"{metadata_changed(bought, job.source)}, for its rule wants no copies"
    elif bought.status is Status.DONE:
        status, reason = Status.READY, ""
    # Paid perhaps, and no result: whether to buy it again is a person's question.
    elif bought.status in (*FINAL, Status.HELD) and not _surely_unpaid(db, bought):
        status, reason = Status.HELD, Reason.TWIN
    else:
        status, reason = Status.WAITING, Reason.TWIN
    return move(db, job, Stage.CHECKED, status, "twin", reason=reason, message=message, twin_of=bought.id, **found)


def same_as(bought: Job, digest: str) -> str:
    """How a photo of this digest is the same as one that a job buys."""
    name = f"job {bought.id} ({bought.source.name})"
    return f"same photo as {name}" if digest == bought.digest else f"same picture as {name}, only its metadata differs"


def metadata_changed(bought: Job, source: Path) -> str:
    """What is said of a photo that is not sent because only its metadata has changed since it was bought."""
    name = "" if bought.source == source else f", {bought.source.name}"
    return f"bought before (job {bought.id}{name}), only its metadata changed: not sent"


def _refuses_twins(db: Connection, rule: str) -> bool:
    return first(db, "SELECT 1 FROM rules WHERE id = ? AND twins = 'refuse'", (rule,)) is not None


def _settle_twins(db: Connection, buyer: Job) -> None:
    """What the end (or hold) of a buyer means for the jobs with the same photo."""
    if buyer.status is Status.DONE:
        for twin in _twins(db, buyer):
            move(db, twin, twin.stage, Status.READY, "twin ready", message=f"job {buyer.id} is done")
        if buyer.copy:  # bought anew: those that are held behind the one that brought nothing have their result, too
            stuck = f"{_SAME_PHOTO} AND status = 'held' AND reason = ? ORDER BY id"
            for twin in select(db, stuck, (buyer.payer, buyer.digest, buyer.picture, Reason.TWIN)):
                if (bought := other_buyer(db, twin)) is not None and bought.id == buyer.id:
                    _join(db, twin, bought)
    elif buyer.status in FINAL and _surely_unpaid(db, buyer):
        pass_on(db, buyer, "ended unpaid")
    elif _surely_unpaid(db, buyer):
        return  # held before paying: it goes on, or ends unpaid
    else:
        for twin in _twins(db, buyer):
            if twin.status is Status.WAITING:
                message = (
                    f"job {buyer.id} with the same photo may have been paid and is not done: decide about it first"
                )
                move(db, twin, twin.stage, Status.HELD, "twin held", reason=Reason.TWIN, message=message)


def _surely_unpaid(db: Connection, buyer: Job) -> bool:
    """Whether a buyer cost nothing, as far as this journal can know: one that may have been paid through a copy may,
    and of one that the service keeps turning away nobody is sure."""
    is_turned_away = buyer.status is Status.HELD and buyer.reason == Reason.REJECTED
    return not is_turned_away and buyer.reason != Reason.RECOVERED and surely_unpaid(db, buyer.id)


def _twins(db: Connection, buyer: Job) -> list[Job]:
    return select(db, "twin_of = ? AND status IN ('waiting', 'held') ORDER BY id", (buyer.id,))


def pass_on(db: Connection, buyer: Job, why: str) -> None:
    """Let a job that surely cost nothing buy its photo no more: the oldest of its twins is sent instead."""
    db.execute("UPDATE jobs SET buys = 0 WHERE id = ?", (buyer.id,))  # first: the index allows one buyer
    for twin in _twins(db, buyer):
        if other := other_buyer(db, twin):  # a rule, or the picture, may have a buyer where these bytes have none
            _join(db, twin, other)
            continue
        message = f"job {buyer.id} {why}: this one is sent instead"
        move(db, twin, twin.stage, Status.READY, "sent instead", message=message, twin_of=None, buys=True)


def buy(db: Connection, job: Job) -> bool:
    """Make a job the one that pays for its photo again; False where another one has become that meanwhile."""
    if other_buyer(db, job):
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


def cancelled_as(db: Connection, job: Job) -> str:
    """How the end of a job is told that is cancelled and not sent any more."""
    if not surely_unpaid(db, job.id):
        return "cancelled, not sent again; what was sent before counts as spent"
    if job.reason == Reason.RECOVERED:
        return "cancelled, nothing paid now; whether it was paid before is not known"
    return "cancelled, nothing paid"
