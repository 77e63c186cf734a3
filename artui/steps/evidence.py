"""Whether an execution is a job's own, by what the service shows of it; and what becomes of a job whose is not.

A label with a key of the job proves it and one with any other key disproves it, whatever else the service shows. Where
no label is shown, photo, workflow and version must agree as far as they are.

Every function runs inside one transaction of :class:`artui.journal.store.Journal`.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from enum import StrEnum
from urllib.parse import unquote

from artui.files import Accepts
from artui.journal import Connection, accounts, jobs, purchases
from artui.model.job import Job
from artui.model.states import FINAL, Reason, Stage, Status
from artui.providers.base import ExecutionStatus


class Ownership(StrEnum):
    """What is known of an execution."""

    PROVEN = "proven"
    AGREES = "agrees"
    SILENT = "silent"
    DISPROVED = "disproved"


@dataclass(frozen=True, slots=True)
class Evidence:
    """What a service shows of an execution, weighed for one job; ``why`` says what disproves it. ``shows_photo``: it
    named the photo as artui did."""

    verdict: Ownership
    why: str = ""
    shows_photo: bool = False


def weigh(
    db: Connection, job: Job, seen: ExecutionStatus, accepts: Accepts | None = None, *, by_a_person: bool = False
) -> Evidence:
    """Weigh whether an execution is this job's.

    Another photo counts for nothing where the service may scale this one (``accepts``, None where that is not known),
    nor while the account has never named a photo as artui did, unless a person named the execution.
    """
    made = purchases.of_job(db, job.id)
    photos = _words([job.reference, job.digest, *(one.reference for one in made)])
    photo = _plain(seen.reference)
    # Some name it by an address that ends in it.
    shows_photo = bool(photo) and bool({photo, photo.rpartition("/")[2]} & photos)
    if key := _plain(seen.key or ""):
        # Any key of the job, not only the last: an execution that came to light late is the photo's all the same.
        if key in _words(one.key for one in made):
            return Evidence(Ownership.PROVEN, shows_photo=shows_photo)
        return _disproved(seen, _owner(db, seen.key or ""))
    recipes = (
        ("workflow", seen.workflow, [job.workflow, *(one.workflow for one in made)]),
        ("version", seen.version, [job.version, *(one.version for one in made)]),
    )
    for what, theirs, ours in recipes:
        # What either side leaves out proves nothing.
        if _plain(theirs) and _words(ours) and _plain(theirs) not in _words(ours):
            return _disproved(seen, f"made with another {what} than was ordered")
    if shows_photo:
        return Evidence(Ownership.AGREES, shows_photo=True)
    # A service may name photos in a way of its own; that it ever used ours shows that a difference means something.
    counts = by_a_person or accounts.shows_photos(db, job.account)
    if photo and photos and counts and not _may_be_scaled(job, accepts):
        return _disproved(seen, "made from another photo")
    return Evidence(Ownership.SILENT)


def _disproved(seen: ExecutionStatus, what: str) -> Evidence:
    return Evidence(Ownership.DISPROVED, f"the service shows execution {seen.execution} as {what}")


def _owner(db: Connection, key: str) -> str:
    number = purchases.job_of_key(db, key)
    return "somebody else's, by its label" if number is None else f"that of job {number}, by its label"


def _may_be_scaled(job: Job, accepts: Accepts | None) -> bool:
    if accepts is None:
        return True
    bound = accepts.scaled_above
    # Whether a service names the scaled photo or the one it got is documented nowhere.
    return bound is not None and (not job.width or max(job.width, job.height) > bound)


def _words(texts: Iterable[str]) -> set[str]:
    return {_plain(text) for text in texts} - {""}


def _plain(text: str) -> str:
    """A word as it counts: services quote and change case as they like."""
    return unquote(text.strip().strip("\"'")).casefold()


def learn(db: Connection, job: Job, seen: ExecutionStatus, evidence: Evidence) -> None:
    """Remember what a look proved: of this execution, and of what its account can be relied on to show."""
    if evidence.verdict in (Ownership.PROVEN, Ownership.AGREES):
        purchases.prove(db, job.payer, seen.execution)
    if evidence.shows_photo:
        accounts.prove_photos(db, job.account)


def contested(db: Connection, job: Job, execution: str) -> purchases.Claim | None:
    """Who else has the execution that a paid call of this job was answered with; None where it is nobody else's."""
    claim = purchases.claim_on(db, job.payer, execution)
    return claim if claim is not None and claim.job != job.id else None


def take_back(db: Connection, job: Job, why: str, due: float | None = None) -> Job:
    """Hold a job in doubt whose execution is not its own as far as anybody knows: what was believed of it is taken
    back, nothing of it is saved, and what it may have cost stays counted. From ``due`` on it is looked up once more.

    What is final, or being put in its place, stays. Raises :class:`artui.journal.Stale` where the job moved meanwhile.
    """
    if job.status in FINAL or job.stage is Stage.SAVED:  # SAVED: its files may stand under their names already
        return job
    held = jobs.move(
        # From here on attempts count the readings in which it is looked for.
        db, job, job.stage, Status.HELD, "in doubt", reason=Reason.IN_DOUBT, message=why, due=due, attempts=0,
        execution="", word="", results=(), charged=None, expires_at=None,
    )  # fmt: skip
    purchases.withdraw(db, held, job.execution)  # the execution that it had: the move has cleared that of `held`
    return held
