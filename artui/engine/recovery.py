"""What ``artui recover`` does: a journal that is missing, a copy or damaged becomes one that may go on.

Photos may have been paid of which it knows nothing. Where a service has a list, all of it is read: what was ordered
through this journal or its copies is taken in, and the photos of it cost nothing again. Where there is none, nothing is
sent until a person says so. Nothing is sent here.
"""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import tzinfo
from pathlib import Path
from typing import Any

from artui import files
from artui.config import Paths, sync_folder
from artui.engine import anchor
from artui.engine.anchor import Anchor, Damage, Displaced, read_anchor, write_anchor
from artui.journal import (
    Connection,
    Journal,
    accounts,
    found,
    holds,
    jobs,
    origins,
    purchases,
    requests,
    rescue,
    suspended,
)
from artui.journal.rescue import Salvaged
from artui.journal.suspended import SuspensionCause
from artui.model.job import Job, NewJob
from artui.model.states import FINAL, PurchaseState, Reason, Stage, Status
from artui.providers.base import ExecutionRef, ExecutionStatus, Provider, State
from artui.providers.base.wire import moment
from artui.steps import evidence
from artui.steps.evidence import Ownership


@dataclass(frozen=True, slots=True)
class RecoveryFinding:
    """What is the matter, in a word and in a sentence."""

    trouble: Damage
    sentence: str


def examine(paths: Paths) -> RecoveryFinding:
    """Find out what is the matter with the journal; changes nothing. Raises JournalProblem for a newer schema."""
    remembered, trouble = _remembered(paths)
    if not paths.journal.exists():
        if remembered is None and trouble is Damage.NONE:
            return RecoveryFinding(Damage.NONE, "There is no journal yet, and there never was one.")
        return RecoveryFinding(Damage.MISSING, anchor.sentence(Damage.MISSING, paths))
    if complaints := rescue.complaints(paths.journal):
        return RecoveryFinding(Damage.DAMAGED, f"The journal {paths.journal} is damaged: {complaints[0]}.")
    with Journal(paths.journal) as journal:
        home = journal.read(requests.home)
        if trouble is Damage.NONE:
            trouble = anchor.compare(remembered, home, paths)
        causes = {one.cause for one in journal.read(suspended.everyone)}
    if trouble is Damage.NONE and SuspensionCause.TWIN in causes:
        trouble = Damage.TWIN
    elif trouble is Damage.NONE and SuspensionCause.UNREAD in causes:
        trouble = Damage.UNREAD
    return RecoveryFinding(trouble, anchor.sentence(trouble, paths, home))


def _remembered(paths: Paths) -> tuple[Anchor | None, Damage]:
    """What is remembered outside, and whether that can be read."""
    try:
        return read_anchor(paths), Damage.NONE
    except Displaced:
        return None, Damage.ANCHOR


def repair(paths: Paths, trouble: Damage) -> tuple[Path | None, list[Salvaged]]:
    """Make a sound journal, keeping a copy of what there was; returns the copy and what was carried over.

    The anchor is left as it is, so that no engine starts before :func:`accept`.
    """
    if trouble is Damage.MISSING:
        return None, []
    aside = rescue.copy_aside(paths.journal)
    if trouble is not Damage.DAMAGED:
        return aside, []
    fresh = paths.journal.with_name(f"{paths.journal.name}.rebuilt")
    salvaged = rescue.rebuild(paths.journal, fresh)
    put_in_place(paths, fresh)
    return aside, salvaged


def put_in_place(paths: Paths, fresh: Path) -> None:
    """Make a file, one on its own, the journal."""
    for part in rescue.PARTS[1:]:  # first: a log of the old file would be played into the new one
        paths.journal.with_name(paths.journal.name + part).unlink(missing_ok=True)
    fresh.replace(paths.journal)
    sync_folder(paths.state)


def is_whole(paths: Paths, journal: Journal, salvaged: Sequence[Salvaged]) -> bool:
    """Whether a rebuilt journal lacks nothing: every row could be read, and it has all that the anchor remembers."""
    remembered, trouble = _remembered(paths)
    home = journal.read(requests.home)
    knows_all = remembered is not None and home.uuid == remembered.uuid and home.intents >= (remembered.intents or 0)
    return bool(salvaged) and all(table.is_whole for table in salvaged) and knows_all and trouble is Damage.NONE


def accept(paths: Paths, journal: Journal) -> None:
    """Remember the journal as the right one, at home here, from now on: an engine may start. Its keys begin anew, so
    that those of a copy that lives on are told from its own."""
    remembered, _ = _remembered(paths)
    journal.write(_accept, remembered or Anchor("", 0))
    write_anchor(paths, journal)


def _accept(db: Connection, remembered: Anchor) -> None:
    requests.raise_to(db, remembered.generation, remembered.intents or 0)
    origins.add(db)


# ------------------------------------------------------------------------------------------------ asking the services


@dataclass(frozen=True, slots=True)
class ServiceListing:
    """Who pays for an account, and all executions its service lists, by workflow; None where it has no list.

    ``since``: what was made before then, in epoch seconds, the journal knows; None where it knows nothing.
    """

    payer: str
    endpoint: str
    organization: str
    executions: dict[str, list[ExecutionStatus]] | None
    since: float | None = None


Tell = Callable[[str], object]


MARGIN = 3600.0
"""Seconds before the journal's last intent that it may not know all of: two clocks may differ."""

PROBED = 200
"""Executions looked at one by one where a list shows no label, and nothing tells how far back it matters."""


async def read_lists(provider: Provider[Any], known: Iterable[str], last: float | None, tell: Tell) -> ServiceListing:
    """Read every list of a service to its end: of the workflows it has, and of those ``known`` here.

    ``last``: when the journal last intended a paid call, in epoch seconds. Raises what asking the service raises.
    """
    since = None if last is None else last - MARGIN
    identity = await provider.identify()
    organization = identity.organization.id
    if not provider.limits.can_find:
        return ServiceListing(identity.payer, identity.endpoint, organization, None)
    names = {workflow.id: workflow.name for workflow in await provider.workflows()}
    lists: dict[str, list[ExecutionStatus]] = {}
    for workflow in dict.fromkeys([*names, *(one.id for one in provider.left_out if one.id), *known]):
        entries = lists[workflow] = []
        name = names.get(workflow, workflow)
        async for page in provider.listed(workflow):
            before = len(entries)
            entries += page
            if len(entries) // 1000 > before // 1000:
                tell(f"  {name}: {len(entries):,} executions read so far")
        # Nothing of ours, or a list that leaves labels out: only each execution tells.
        if entries and not any(entry.key for entry in entries):
            tell(f"  {name}: its list shows no labels, so that executions are looked at one by one")
            lists[workflow] = await _looked_at(provider, workflow, entries, since)
    total = sum(map(len, lists.values()))
    tell(f"  {provider.title}: {total:,} executions of {len(lists):,} workflows read")
    return ServiceListing(identity.payer, identity.endpoint, organization, lists, since)


def _may_be_new(entry: ExecutionStatus, since: float | None) -> bool:
    """Whether an execution may have been made since the journal last knew of all."""
    made = moment(entry.created_at)
    return since is None or made is None or made.timestamp() >= since


async def _looked_at(
    provider: Provider[Any], workflow: str, entries: Sequence[ExecutionStatus], since: float | None
) -> list[ExecutionStatus]:
    """What a list says that shows no label, with what each execution shows by itself: the list may leave labels out."""
    seen: dict[str, ExecutionStatus] = {}
    for entry in entries:
        if len(seen) == PROBED and since is None and not any(one.key for one in seen.values()):
            break
        if _may_be_new(entry, since):
            seen |= await provider.poll([ExecutionRef(entry.execution, workflow)])
    return [seen.get(entry.execution, entry) for entry in entries]


@dataclass(slots=True)
class RecoveryResult:
    """What became of the photos that may have been paid.

    ``adopted``: jobs whose execution was found. ``found``: jobs for executions whose photo is not known here. ``held``:
    jobs a person must decide about. ``suspended``: accounts for which nothing is sent before a person says so.
    """

    adopted: list[Job] = field(default_factory=list)
    found: list[Job] = field(default_factory=list)
    held: list[Job] = field(default_factory=list)
    suspended: list[str] = field(default_factory=list)


def settle(
    paths: Paths, journal: Journal, listings: Mapping[str, ServiceListing | None], providers: Mapping[str, str],
    zone: tzinfo,
    *, lacks: bool = True, anew: bool = True,
) -> RecoveryResult:  # fmt: skip
    """Take in what the services list; where there is no list, have nothing sent, unless the journal ``lacks`` nothing.
    ``anew``: it lacks more than it did when services were asked last, so that nobody's word from then counts.

    ``listings`` are by account, None where its service was not asked; ``providers`` the name of each account's service.
    """
    outcome = RecoveryResult()
    remembered, _ = _remembered(paths)
    if remembered is not None:
        journal.write(_take_up, remembered)
    read: set[str] = set()
    for account, listing in listings.items():
        if listing is not None and listing.executions is not None and listing.payer not in read:
            read.add(listing.payer)
            journal.write(_TakeIn(account, providers[account], listing, zone, outcome).all_of_it)
    if lacks:
        journal.write(_suspend, listings, read, outcome, anew=anew)
    return outcome


def _take_up(db: Connection, remembered: Anchor) -> None:
    """Be the journal that is remembered where this one was begun in its stead; know its keys in any case."""
    if requests.engine(db).generation == 0:
        requests.take_name(db, remembered.uuid)
    if remembered.origin:
        origins.add(db, remembered.origin)


@dataclass(slots=True)
class _TakeIn:
    """What one payer's lists say that the journal does not know, taken in within one transaction."""

    account: str
    provider: str
    listing: ServiceListing
    zone: tzinfo
    outcome: RecoveryResult
    now: float = field(default_factory=time.time)
    asked: dict[str, str] = field(default_factory=dict)
    """Executions of photos known here that were not ordered through artui, by photo."""

    def all_of_it(self, db: Connection) -> None:
        payer = self.listing.payer
        ours, inputs = origins.families(db), found.known_inputs(db, payer)
        for workflow, entries in (self.listing.executions or {}).items():
            bought = purchases.bought_executions(db, payer, [entry.execution for entry in entries])
            # The earliest is the order, later ones its doubles.
            for entry in sorted(entries, key=lambda one: one.created_at):
                if entry.execution in bought:
                    self._renew(db, entry)
                else:
                    self._take(db, workflow, entry, ours, inputs)
            # Known from now on: no later answer may pass one off as new.
            purchases.note_executions(db, payer, [entry.execution for entry in entries])
            accounts.set_mark(db, payer, workflow, [entry.created_at for entry in entries], self.now)
        suspended.lift(db, [payer])
        self._go_on(db)

    def _take(self, db: Connection, workflow: str, entry: ExecutionStatus, ours: set[str], inputs: set[str]) -> None:
        photo = entry.reference.casefold()
        origin = origins.of_key(entry.key or "")[: origins.FAMILY]
        if entry.key and purchases.is_known(db, entry.key):
            self._carried_out(db, workflow, entry, entry.key)
        # A key from before there were origins is told from a colleague's by its photo alone.
        elif entry.key and (origin in ours or (not origin and photo in inputs)):
            self.outcome.found.append(self._add(db, workflow, entry, entry.key))
        elif not entry.key and _may_be_new(entry, self.listing.since):
            found.note_elsewhere(db, self.listing.payer, workflow, entry.reference, entry.execution)
            self.asked.setdefault(photo, entry.execution)

    def _carried_out(self, db: Connection, workflow: str, entry: ExecutionStatus, key: str) -> None:
        """A purchase that counts here as refused, in doubt or given up, or a second execution under its key."""
        purchase = purchases.by_key(db, key)
        job = jobs.get(db, purchase.job)
        if purchase.state is PurchaseState.KNOWN or job is None:
            purchases.record_execution(db, key, entry.execution)
        elif not job.buys or job.status in FINAL or (job.stage.rank > Stage.SUBMITTING.rank and job.execution):
            self.outcome.found.append(self._add(db, workflow, entry, key))
        else:
            purchases.record_execution(db, key, entry.execution, instead=True)
            adopted = jobs.move(
                db, job, Stage.SUBMITTED, Status.WAITING, "recovered", reason=Reason.AT_SERVICE, due=0.0,
                message="found at the service: it was sent after this copy of the journal was made",
                execution=entry.execution, purchase=purchase.number, new_try=job.stage.rank > Stage.SUBMITTED.rank,
            )  # fmt: skip
            self.outcome.adopted.append(adopted)

    def _renew(self, db: Connection, entry: ExecutionStatus) -> None:
        """An execution that counts here as failed was run again since: it is followed on."""
        job = jobs.get(db, purchases.job_of(db, self.listing.payer, entry.execution) or 0)
        if job is None or job.status is not Status.FAILED or entry.state is State.FAILED:
            return
        if evidence.weigh(db, job, entry).verdict is Ownership.DISPROVED or not jobs.buy(db, job):
            return
        self.outcome.adopted.append(
            jobs.move(
                db,
                job,
                Stage.SUBMITTED,
                Status.WAITING,
                "recovered",
                reason=Reason.AT_SERVICE,
                due=0.0,
                new_try=True,
                message="the service has run it again since this copy of the journal was made",
            )
        )

    def _add(self, db: Connection, workflow: str, entry: ExecutionStatus, key: str) -> Job:
        name = files.tame(entry.name) or entry.execution
        cached = json.loads(accounts.cached_workflow(db, self.account, workflow) or "{}")
        new = NewJob(
            account=self.account, provider=self.provider, endpoint=self.listing.endpoint,
            organization=self.listing.organization, payer=self.listing.payer, workflow=workflow,
            workflow_name=cached.get("name", workflow), version=entry.version,
            quoted=entry.charged or cached.get("price"),  # it may not have been charged yet
            source=Path(name), size=0,
            mtime_ns=0, inode=0, device=0, folder=Path(), stem=name,
            stem_key=f"found {self.listing.payer} {entry.execution}", run="found",
        )  # fmt: skip
        made = moment(entry.created_at)
        today = accounts.day_of(self.now, self.zone)
        # A date that lies ahead is a wrong clock's.
        day = min(today, accounts.day_of(made.timestamp(), self.zone)) if made else today
        return found.add(db, new, key=key, execution=entry.execution, reference=entry.reference, day=day)

    def _go_on(self, db: Connection) -> None:
        """Let this payer's unpaid jobs go on, but for those whose photo the service has from elsewhere."""
        for job in holds.unpaid(db, self.listing.payer):
            other = self.asked.get(job.reference.casefold()) or self.asked.get(job.digest.casefold())
            claimed = found.claim(db, job) if job.digest else job
            if claimed.execution:
                self.outcome.adopted.append(claimed)
            elif other:
                why = f"the service has execution {other} for it, which was not ordered through this journal"
                self.outcome.held.append(_hold(db, job, why))
            elif job.status is Status.HELD and job.reason == Reason.RECOVERED:
                jobs.move(db, job, job.stage, Status.READY, "goes on")


def _suspend(
    db: Connection,
    listings: Mapping[str, ServiceListing | None],
    read: Collection[str],
    outcome: RecoveryResult,
    *,
    anew: bool,
) -> None:
    """Have nothing sent for those whose bought photos nobody could look up, known here or not."""
    left_out = {name for name, one in listings.items() if one is None or one.payer not in read}
    others = suspended.others_than(db, read)
    could_be_read = any((one := listings[name]) is None or one.executions is not None for name in left_out)
    is_unread = could_be_read or any(account not in left_out for account, _ in others)
    message = "it may have been paid before: this journal was a copy, and nobody could look up what was bought"
    suspended.suspend_all_but(
        db, read, SuspensionCause.UNREAD if is_unread else SuspensionCause.UNLISTED, message, anew=anew
    )
    payers = {(name, one.payer if (one := listings[name]) else "") for name in left_out} | {*others}
    asked = [(account, payer) for account, payer in payers if not suspended.is_cleared(db, account, payer)]
    outcome.suspended += sorted({account for account, _ in asked})
    for _, payer in asked:
        outcome.held += [_hold(db, job, message) for job in holds.unpaid(db, payer)]


def _hold(db: Connection, job: Job, why: str) -> Job:
    """Hold a job that may have been paid: in doubt where a paid request of it is known, else for a person to look."""
    last = purchases.current(db, job)
    is_doubt = job.stage is Stage.SUBMITTING and last is not None and last.state is PurchaseState.INTENDED
    reason = Reason.IN_DOUBT if is_doubt else Reason.RECOVERED
    return jobs.move(db, job, job.stage, Status.HELD, "held", reason=reason, message=why)


# ----------------------------------------------------------------------------------------- results without their photo


def fetch_into(journal: Journal, folder: Path) -> list[Job]:
    """Have the results of all found executions fetched into a folder; returns their jobs. An engine does it."""
    return journal.write(_fetch_into, folder)


def _fetch_into(db: Connection, folder: Path) -> list[Job]:
    placed = []
    for job in found.all_found(db):
        wanted = job.source.stem or job.execution
        stem = files.free_stem(folder, wanted, lambda key: jobs.stem_taken(db, key))
        known = "" if stem == wanted else wanted
        placed.append(found.give_place(db, job, folder, stem, files.stem_key(folder, stem), known))
    return placed
