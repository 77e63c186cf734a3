"""What ``artui recover`` does: a journal that is missing, an older copy or damaged becomes one that may go on.

Photos may have been paid of which it knows nothing. Each job that may be such a one is looked for at its service first;
where that cannot be asked, it is held for a person. Nothing is sent here.
"""

from __future__ import annotations

import time
from collections.abc import Awaitable, Callable, Iterable, Sequence
from dataclasses import dataclass, field
from datetime import tzinfo
from enum import StrEnum
from pathlib import Path
from typing import Any

from artui import budget, files
from artui.background import Displaced, read_anchor, write_anchor
from artui.config import Paths, sync_folder
from artui.job import Job
from artui.journal import Connection, Journal, accounts, jobs, purchases, requests, rescue
from artui.journal.rescue import Salvaged
from artui.journal.store import journal_uuid
from artui.providers.base import Absent, Found, Incomplete, Look, Progress, Provider, Sought
from artui.states import FINAL, Kind, PurchaseState, Reason, Stage, Status


class Trouble(StrEnum):
    """What is the matter with the journal."""

    NONE = "none"
    MISSING = "missing"
    OLDER = "older"
    DAMAGED = "damaged"


@dataclass(frozen=True, slots=True)
class Finding:
    """What is the matter, in a word and in a sentence."""

    trouble: Trouble
    sentence: str


def examine(paths: Paths) -> Finding:
    """Find out what is the matter with the journal; changes nothing. Raises JournalProblem for a newer schema."""
    generation, uuid = _remembered(paths)
    if not paths.journal.exists():
        if generation is None:
            return Finding(Trouble.NONE, "There is no journal yet, and there never was one.")
        return Finding(Trouble.MISSING, f"The journal {paths.journal} is missing, but there was one.")
    if found := rescue.complaints(paths.journal):
        return Finding(Trouble.DAMAGED, f"The journal {paths.journal} is damaged: {found[0]}.")
    with Journal(paths.journal) as journal:
        row, own = journal.read(requests.engine), journal.read(journal_uuid)
    if generation is not None and own != uuid:
        return Finding(Trouble.OLDER, f"The journal {paths.journal} is not the one that was used here last.")
    if generation is not None and row.generation < generation:
        return Finding(Trouble.OLDER, f"The journal {paths.journal} is an older copy of the one that was used last.")
    return Finding(Trouble.NONE, "The journal is right.")


def _remembered(paths: Paths) -> tuple[int | None, str]:
    """The generation and the journal remembered outside; what cannot be read counts as another journal's."""
    try:
        anchor = read_anchor(paths)
    except Displaced:
        return 0, ""
    return (None, "") if anchor is None else (anchor.generation, anchor.uuid)


def repair(paths: Paths, trouble: Trouble) -> tuple[Path | None, list[Salvaged]]:
    """Make a sound journal, keeping a copy of what there was; returns the copy and what was carried over.

    The anchor is left as it is, so that no engine starts before :func:`accept`.
    """
    if trouble is Trouble.MISSING:
        return None, []
    aside = rescue.copy_aside(paths.journal)
    if trouble is not Trouble.DAMAGED:
        return aside, []
    fresh = paths.journal.with_name(f"{paths.journal.name}.rebuilt")
    salvaged = rescue.rebuild(paths.journal, fresh)
    for part in rescue.PARTS[1:]:
        paths.journal.with_name(paths.journal.name + part).unlink(missing_ok=True)
    fresh.replace(paths.journal)
    sync_folder(paths.state)
    return aside, salvaged


def accept(paths: Paths, journal: Journal) -> None:
    """Remember the journal as the right one from now on: an engine may start."""
    generation, _ = _remembered(paths)
    newest = journal.write(_raise_generation, generation or 0)
    write_anchor(paths, journal, newest)


def _raise_generation(db: Connection, least: int) -> int:
    db.execute("UPDATE engine SET generation = MAX(generation, ?), state = 'ended', pid = NULL", (least,))
    return requests.engine(db).generation


# ------------------------------------------------------------------------------------------------ asking the services


@dataclass(slots=True)
class Outcome:
    """What became of the jobs that may have been paid: found at the service, surely not sent, held for a person.

    ``strangers`` are executions with artui's label that belong to no job of this journal.
    """

    adopted: list[Job] = field(default_factory=list)
    not_sent: list[Job] = field(default_factory=list)
    held: list[Job] = field(default_factory=list)
    strangers: list[Progress] = field(default_factory=list)


Ask = Callable[[str, Callable[[Provider[Any]], Awaitable[list[Progress] | Incomplete]]], list[Progress] | Incomplete]
"""Puts a question to the service of an account by its name; Incomplete where that cannot be asked."""


def suspects(db: Connection) -> list[Job]:
    """The jobs that may have been paid since the journal last knew of them."""
    marks = ", ".join("?" * len(FINAL))
    return jobs.select(
        db,
        f"status NOT IN ({marks}) AND stage IN ('new', 'checked', 'uploaded', 'submitting') ORDER BY id",
        tuple(FINAL),
    )


def settle(journal: Journal, ask: Ask, zone: tzinfo) -> Outcome:
    """Look for every suspect at its service: what is there is followed, what is not goes on, the rest is held."""
    outcome = Outcome()
    recipes: dict[tuple[str, str, str], list[Job]] = {}
    for job in journal.read(suspects):
        recipes.setdefault((job.account, job.payer, job.workflow), []).append(job)
    for (account, payer, workflow), group in recipes.items():
        known = journal.read(_known_keys, payer)
        mark = journal.read(accounts.mark, payer, workflow)
        question = _question(workflow, group[0].version, mark, known)
        found = ask(account, question)
        if isinstance(found, Incomplete):
            outcome.held += [journal.write(_hold, job, found.message) for job in group]
        else:
            _match(journal, outcome, group, found, zone)
    return outcome


def _known_keys(db: Connection, payer: str) -> frozenset[str]:
    return frozenset(key for (key,) in db.execute("SELECT key FROM purchases WHERE payer = ?", (payer,)))


def _question(
    workflow: str, version: str, mark: str, known: frozenset[str]
) -> Callable[[Provider[Any]], Awaitable[list[Progress] | Incomplete]]:
    """Ask for the executions since ``mark`` that carry a key of artui's which the journal does not know."""

    async def ask(provider: Provider[Any]) -> list[Progress] | Incomplete:
        first = await _one_look(provider, Sought("any", frozenset(), workflow, version, "", mark))
        if isinstance(first, Incomplete):
            return first
        unknown: frozenset[str] = first.labels_seen - known if isinstance(first, Absent) else frozenset()
        if not unknown:
            return []
        second = await _one_look(provider, Sought("any", unknown, workflow, version, "", mark))
        if not isinstance(second, Found):
            return Incomplete("the list changes while it is read")
        return [progress for progress in second.executions if progress.created_at > mark]

    return ask


async def _one_look(provider: Provider[Any], sought: Sought) -> Look:
    return (await provider.find([sought]))[sought.key]


def _match(journal: Journal, outcome: Outcome, group: Sequence[Job], found: Iterable[Progress], zone: tzinfo) -> None:
    """Give each execution to the job with the same photo; what is left over belongs to no job."""
    by_photo: dict[str, list[Progress]] = {}
    for progress in found:
        by_photo.setdefault(progress.reference.casefold(), []).append(progress)
    for job in group:
        photo = _photo(job)
        name = (job.reference or (photo.digest if photo else job.digest)).casefold()
        bought = by_photo.get(name) if name else None
        if bought and journal.read(_may_buy, job, photo):
            outcome.adopted.append(journal.write(_adopt, job, photo, bought.pop(0), zone))
        else:
            outcome.not_sent.append(job)
    outcome.strangers += [progress for rest in by_photo.values() for progress in rest]


def _photo(job: Job) -> files.Photo | None:
    """The job's photo, for one whose content is not known yet; None where the file is not the same any more."""
    if job.digest:
        return None
    stamp = files.Stamp(job.size, job.mtime_ns, job.inode, job.device)
    try:
        return files.sha256(files.Photo(job.source, stamp, "", 0, 0))
    except files.PhotoProblem:
        return None


def _may_buy(db: Connection, job: Job, photo: files.Photo | None) -> bool:
    digest = photo.digest if photo else job.digest
    bought = jobs.buyer(db, job.payer, job.workflow, job.version, digest, parameters=job.parameters, copy=job.copy)
    return bought is None or bought.id == job.id


def _adopt(db: Connection, job: Job, photo: files.Photo | None, progress: Progress, zone: tzinfo) -> Job:
    """Write the purchase that the journal had lost, and follow its execution."""
    last = purchases.current(db, job)
    if last is not None and last.state is PurchaseState.INTENDED:
        purchases.presume_spent(db, last.key)
    key, number = progress.key or purchases.new_key(), len(purchases.of_job(db, job.id)) + 1
    day = accounts.turn_day(db, job.account, budget.day_of(time.time(), zone))
    purchases.intend(
        db, job, key=key, number=number, kind=Kind.CREATE, draft="", reserved=budget.weight(job.quoted),
        mark=accounts.mark(db, job.payer, job.workflow), day=day, month=day[:7],
    )  # fmt: skip
    purchases.record_execution(db, key, progress.execution)
    digest = photo.digest if photo else job.digest
    return jobs.move(
        db, job, Stage.SUBMITTED, Status.WAITING, "recovered", reason=Reason.AT_SERVICE, due=time.time(),
        message="found at the service: it was sent after this copy of the journal was made",
        execution=progress.execution, purchase=number, digest=digest, reference=progress.reference, buys=True,
    )  # fmt: skip


def _hold(db: Connection, job: Job, why: str) -> Job:
    """Hold a job that may have been paid: in doubt where a paid request of it is known, else for a person to look."""
    last = purchases.current(db, job)
    if job.stage is Stage.SUBMITTING and last is not None and last.state is PurchaseState.INTENDED:
        reason, way = Reason.IN_DOUBT, f"`artui resolve {job.id}` with --adopt ID, --again or --give-up"
    else:
        reason, way = Reason.RECOVERED, f"`artui retry {job.id}` to send it, or `artui cancel {job.id}`"
    message = f"{job.source.name} may have been sent after this copy of the journal was made ({why}). Look, then {way}."
    return jobs.move(db, job, job.stage, Status.HELD, "held", reason=reason, message=message)
