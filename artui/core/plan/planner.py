"""What becomes of each photo, what it costs, under which name its result is saved; and the jobs of a plan."""

from __future__ import annotations

import datetime as dt
import os
from collections import Counter
from collections.abc import Callable, Container, Mapping, Sequence
from dataclasses import dataclass, field, fields, replace
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING

from artui import files
from artui.core.plan.collecting import PlanProblem, RefusedFile, SourceFile
from artui.core.plan.remarks import Remark, Worth
from artui.core.plan.target import Offer, Target, among_photos
from artui.files import Photo, values
from artui.files.metadata import Keeping
from artui.journal import Connection, Journal, before, customers, history, jobs, published, twins
from artui.journal.before import Before, How
from artui.journal.store import storable
from artui.model.job import Batch, Job, NewJob
from artui.model.states import FINAL, Reason, Stage, Status, Twins
from artui.model.watching import Skip
from artui.providers import capabilities
from artui.sanitize import sanitize

if TYPE_CHECKING:
    from artui.providers.base import Workflow


class Verdict(StrEnum):
    """What would happen to a photo."""

    SEND = "send"
    TWIN = "same photo"
    KNOWN = "known"
    METADATA = "only metadata changed"
    BOUGHT = "bought before"


_NOT_QUEUED = (Verdict.KNOWN, Verdict.METADATA)


@dataclass(frozen=True, slots=True)
class Planned:
    """One photo of a plan.

    ``twin_of`` is the file with the same content, ``job`` the number of the job that has to do with it, ``note`` says
    so for a person, ``done_at`` when that one ended. ``before``: in which way it may have been paid before.
    ``wanted``: the stem it would have had, where that name is taken. ``may_cost``: an earlier sending of the same photo
    may be charged beside this one.
    """

    photo: Photo
    found: SourceFile
    verdict: Verdict
    folder: Path
    stem: str
    wanted: str = ""
    twin_of: Path | None = None
    job: int | None = None
    note: str = ""
    done_at: float | None = None
    may_cost: bool = False
    copy: int = 0
    before: How | None = None

    @property
    def is_renamed(self) -> bool:
        """Whether the name it would have had is taken."""
        return bool(self.wanted)


@dataclass(frozen=True, slots=True)
class Plan:
    """What would be sent, and what it would cost at most."""

    offer: Offer
    target: Target
    photos: tuple[Planned, ...]
    refused: tuple[RefusedFile, ...] = ()
    passed_over: int = 0
    ignored: Mapping[str, int] = field(default_factory=dict)

    def having(self, verdict: Verdict) -> list[Planned]:
        """The photos with this verdict."""
        return [planned for planned in self.photos if planned.verdict is verdict]

    @property
    def queued(self) -> list[Planned]:
        """The photos that become jobs: those sent and those that get a copy of another's result."""
        return [planned for planned in self.photos if planned.verdict not in _NOT_QUEUED]

    @property
    def archives(self) -> int:
        """How many archives are sent, each as one photo, at a price that nobody knows."""
        return sum(planned.photo.is_archive for planned in self.having(Verdict.SEND))

    @property
    def most(self) -> int | None:
        """What it costs at most, in the account's unit; None where the price is not known."""
        price = self.offer.workflow.price
        return None if price is None or self.archives else price * len(self.having(Verdict.SEND))

    @property
    def before(self) -> dict[How, int]:
        """How many photos may have been paid before, by the way in which."""
        return dict(Counter(planned.before for planned in self.photos if planned.before))

    @property
    def worth(self) -> Worth:
        """What decides what is worth telling of a photo."""
        return Worth.of(self.offer.limits.accepts, self.offer.workflow, self.target.metadata)

    @property
    def remarks(self) -> Sequence[Remark]:
        """What is worth telling of the photos that are to be sent."""
        return self.worth.remarks(planned.photo for planned in self.having(Verdict.SEND))


@dataclass
class Planner:
    """Makes plans against what the journal knows.

    ``batch`` and ``today`` fill templates; ``batch`` is a name, or gives one for each file. ``twins``: what becomes of
    photos that were bought before. ``outputs``: where results go by what a list says of their photos, if not to the
    ``target``; ``called``: what templates know the workflow by, if not by its name;
    ``rule`` is that of the one that sends them.
    """

    journal: Journal
    offer: Offer
    target: Target
    batch: str | Callable[[SourceFile], str]
    today: dt.date
    twins: Twins = Twins.ONCE
    outputs: Mapping[str, Target] = field(default_factory=dict)
    called: str = ""
    rule: str = ""
    _first: dict[str, Planned] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.offer = self.offer.as_expected(self.journal)

    @property
    def worth(self) -> Worth:
        """What decides what is worth telling of a photo."""
        return Worth.of(self.offer.limits.accepts, self.offer.workflow, self.target.metadata)

    def plan(
        self, photos: Sequence[tuple[SourceFile, Photo]], refused: Sequence[RefusedFile] = (), passed_over: int = 0,
        *, again: bool = False, by_hand: Container[Path] = (),
    ) -> Plan:  # fmt: skip
        """Plan for these photos; ``again`` buys them anew whatever was bought before. Of those that are not sent
        because only their metadata has changed, the ones ``by_hand`` are bought anew."""
        self._first = {}
        judged, not_sent = [], list(refused)
        for found, photo in photos:
            planned = self._judged(found, photo, again=again)
            if planned.verdict is Verdict.METADATA and found.path in by_hand:
                anew = self._anew(planned.found, planned.photo)
                self._remember(anew)
                told = f"bought before (job {planned.job}), only its metadata changed: bought anew by your word"
                planned = replace(anew, note="; ".join(filter(None, (told, anew.note))))
            if result := self._refused_result(planned):
                not_sent.append(result)
            else:
                judged.append(planned)
        plan = self.renamed(Plan(self.offer, self.target, tuple(judged), tuple(not_sent), passed_over))
        # Once more, for templates are filled only now: results may land in a folder whose photos are sent.
        sent = dict.fromkeys(planned.found.path.parent for planned in plan.photos if not planned.found.is_named)
        outputs = dict.fromkeys(planned.folder for planned in plan.queued if not planned.found.is_named)
        if shared := files.first_shared(outputs, sent):
            raise among_photos(shared, shared)
        return plan

    def _refused_result(self, planned: Planned) -> RefusedFile | None:
        """The refusal of what artui itself has saved: it is sent only where a person names the very file."""
        if planned.verdict in _NOT_QUEUED or planned.found.is_named or not planned.photo.digest:
            return None
        made_by = self.journal.read(published.job_of, planned.photo.digest)
        if made_by is None:
            return None
        path = planned.found.path
        return RefusedFile(path, Skip.RESULT, f"{sanitize(path.name)} {published.sentence(made_by)}")

    def stems(self) -> files.Stems:
        """The result names that are free now."""
        return files.Stems(lambda key: self.journal.read(jobs.stem_reserved, key))

    def renamed(self, plan: Plan, stems: files.Stems | None = None) -> Plan:
        """The plan with result names that are free now, or that are among ``stems``. Raises :class:`PlanProblem` for a
        template that fails."""
        stems = self.stems() if stems is None else stems
        photos, number = [], 0
        for planned in plan.photos:
            if planned.verdict in _NOT_QUEUED:
                photos.append(planned)
                continue
            number += 1
            folder, wanted = self._rendered(planned, number)
            stem = stems.reserve(folder, wanted)
            photos.append(replace(planned, folder=folder, stem=stem, wanted="" if stem == wanted else wanted))
        return replace(plan, photos=tuple(photos))

    def _rendered(self, planned: Planned, number: int) -> tuple[Path, str]:
        found = planned.found
        batch = self.batch if isinstance(self.batch, str) else self.batch(found)
        target = self.target_of(found)
        try:
            below, stem = files.render_stem(
                target.template, stem=found.name or found.path.stem, relative=found.relative, batch=batch,
                workflow=self.called or self.offer.workflow.name, date=self.today, n=number,
                value=values.of(found.path), labels={**self.offer.labels, **found.labels},
                account=self.offer.account, rule=self.rule, digest=planned.photo.digest,
            )  # fmt: skip
        except ValueError as problem:
            raise PlanProblem(str(problem)) from None
        return target.folder / below, stem

    def target_of(self, found: SourceFile) -> Target:
        """Where the result of a photo goes."""
        return self.outputs.get(found.output, self.target)

    def judged(self, found: SourceFile, photo: Photo) -> Planned:
        """What the journal means for one photo, whatever else is sent with it; one without a digest is to be sent."""
        offer = self.offer
        send = Planned(photo, found, Verdict.SEND, self.target_of(found).folder, found.path.stem)
        if known := self._known(found, photo):
            note = "done before" if known.status in FINAL else "queued already"
            note = f"{note} (job {known.id}), not paid again"
            return replace(send, verdict=Verdict.KNOWN, job=known.id, note=note, done_at=known.finished_at)
        # A rating or caption written into a photo that was delivered is no order for another copy.
        if self.twins is not Twins.DELIVER and (edited := self._known(found, photo, edited=True)):
            return self._edited(send, edited)
        bought = photo.digest and self.journal.read(
            jobs.buyer, offer.identity.payer, offer.workflow.id, offer.workflow.version, photo.digest, photo.picture,
            parameters=offer.workflow.parameters,
        )  # fmt: skip
        gives_way = self.journal.read(twins.gives_way, bought) if bought else False
        if bought and gives_way:
            note = f"same photo as job {bought.id}, which is held ({bought.reason}) and not paid: this one may be sent"
            return replace(send, job=bought.id, note=note)
        if bought and self.twins is Twins.REFUSE:
            if bought.digest != photo.digest:
                return self._edited(send, bought)
            note = f"{jobs.same_as(bought, bought.digest)}, no copies are wanted: not paid"
            return replace(send, verdict=Verdict.KNOWN, job=bought.id, note=note, done_at=bought.finished_at)
        if bought:
            note = _of_bought(bought, photo.digest)
            return replace(send, verdict=Verdict.TWIN, twin_of=bought.source, job=bought.id, note=note)
        return self._with_past(send) if photo.digest else send  # what lies at an address is known by that alone

    def _edited(self, planned: Planned, bought: Job) -> Planned:
        """A photo whose picture was bought before and that is not sent."""
        note = jobs.metadata_changed(bought, planned.found.path)
        return replace(planned, verdict=Verdict.METADATA, job=bought.id, note=note, done_at=bought.finished_at)

    def _with_past(self, planned: Planned) -> Planned:
        """A photo that would be sent, with what became of it before under another key or payer, or at the service."""
        new = new_job(self.offer, planned, Batch("", "", self.offer.account, 0.0))
        given = {one.name: getattr(new, one.name) for one in fields(NewJob)}

        def ask(db: Connection) -> Before | None:
            # As the engine will: the key may have been joined to a later one.
            payer = customers.current(db, new.payer)
            job = Job(**{**given, "payer": payer}, digest=planned.photo.digest, picture=planned.photo.picture)
            return before.of_photo(db, job, by_key=capabilities(new.provider).known_by_key)

        past = self.journal.read(ask)
        if past is None:
            return planned
        return replace(
            planned,
            verdict=Verdict.BOUGHT if past.how is How.FOUND else planned.verdict,
            before=past.how,
            job=past.job,
            note=past.message,
            may_cost=past.how is How.OTHER_PAYER,
        )

    def _judged(self, found: SourceFile, photo: Photo, *, again: bool) -> Planned:
        """What the journal, and the photos before it, mean for this one."""
        planned = self._anew(found, photo) if again else self.judged(found, photo)
        if planned.verdict is not Verdict.SEND or not photo.digest:
            return planned
        earlier = None if again else self._first_of(photo)  # `again` buys each file, two of one content too
        if earlier is None:
            self._remember(planned)
            return planned
        name, is_same = earlier.found.path.name, earlier.photo.digest == photo.digest
        note = f"same photo as {name}" if is_same else f"same picture as {name}, only its metadata differs"
        verdict = Verdict.TWIN
        if self.twins is Twins.REFUSE:
            note, verdict = f"{note}, no copies are wanted", Verdict.KNOWN if is_same else Verdict.METADATA
        return replace(planned, verdict=verdict, twin_of=earlier.found.path, note=f"{note}, not paid")

    def _first_of(self, photo: Photo) -> Planned | None:
        """The first of this plan's photos that is the same, or the same picture."""
        return self._first.get(photo.digest) or (self._first.get(photo.picture) if photo.picture else None)

    def _remember(self, planned: Planned) -> None:
        for content in (planned.photo.digest, planned.photo.picture):
            if content:
                self._first[content] = planned

    def _anew(self, found: SourceFile, photo: Photo) -> Planned:
        """The photo as one more copy than was ever bought of it."""
        payer, workflow, earlier = self.offer.identity.payer, self.offer.workflow.id, self._first_of(photo)
        bought = self.journal.read(jobs.highest_copy, payer, workflow, photo.digest, photo.picture)
        copy = bought + 1 if earlier is None else earlier.copy + 1
        # What a person should know before buying it anew while it is not known what became of it before: of each such
        # job a sentence, and whether something may be charged beside this.
        told, may_cost = [], False
        for job in self.journal.read(jobs.not_over, payer, photo.digest, photo.picture) if photo.digest else ():
            may_cost = may_cost or job.may_have_cost or job.stage is Stage.SUBMITTING
            of_other = f" ({sanitize(job.workflow_name)})" if job.workflow != workflow else ""
            told.append(f"job {job.id}{of_other} {_of_open(job)}")
        return Planned(
            photo, found, Verdict.SEND, self.target_of(found).folder, found.path.stem, note="; ".join(told),
            may_cost=may_cost, copy=copy,
        )  # fmt: skip

    def _known(self, found: SourceFile, photo: Photo, *, edited: bool = False) -> Job | None:
        """The job that has delivered, or will deliver, this very file to this very folder; or with ``edited`` the one
        that has delivered its picture, before its metadata changed."""
        is_of = has_picture_of if edited else _is_of
        workflow, payer = self.offer.workflow, self.offer.identity.payer
        for job in self.journal.read(history.by_source, found.path):
            same = (job.payer, job.workflow, job.version) == (payer, workflow.id, workflow.version)
            lands_here = job.folder.is_relative_to(self.target_of(found).folder)
            # A result that somebody has taken away is wanted again: as a copy, which costs nothing. And a photo of a
            # watched folder that is held unpaid there may be sent by a person all the same.
            is_it = same and is_of(job, photo) and lands_here and delivers(job)
            if is_it and not (job.rule and self.journal.read(twins.gives_way, job)):
                return job
        return None


def _is_of(job: Job, photo: Photo) -> bool:
    """Whether a job was made for this content, as far as its digest, or before it has one its stamp, tells."""
    if job.digest:
        return job.digest == photo.digest
    return photo.stamp.is_content_of(files.Stamp(job.size, job.mtime_ns, job.inode, job.device))


def has_picture_of(job: Job, photo: Photo) -> bool:
    """Whether a job has delivered what its photo's picture, which is this one's, was bought for."""
    return bool(photo.picture) and job.picture == photo.picture and job.status in FINAL


def delivers(job: Job) -> bool:
    """Whether a job's results lie where it put them, or it is still to bring them."""
    if job.status in (Status.DONE, Status.SKIPPED):
        return bool(job.results) and all(result.path and os.path.lexists(result.path) for result in job.results)
    return job.status not in FINAL


def _of_open(job: Job) -> str:
    """How a job stands that has the photo and is not over, as far as it means money."""
    if job.status in FINAL:
        return "with the same photo was given up: it may have been charged, and this is charged too"
    if job.stage is Stage.SUBMITTING and job.reason in (Reason.IN_DOUBT, Reason.LOOKING):
        return "with the same photo is in doubt: it may have been charged, and this is charged too"
    if job.execution:
        return "with the same photo is at the service: it is charged, and this is charged too"
    if job.may_have_cost or job.status is Status.RUNNING:
        return "with the same photo may have been sent: it may be charged, and this is charged too"
    return "with the same photo is still to be sent: it is charged then, and this is charged too"


def _of_bought(job: Job, digest: str) -> str:
    name = jobs.same_as(job, digest)
    if job.status is Status.DONE:
        return f"{name}, done before: not paid"
    if job.status in FINAL:
        return f"{name}, which may have been paid and brought nothing: `artui redo {job.id}` buys it anew, for both"
    return f"{name}: not paid"


# ------------------------------------------------------------------------------------------------------------ jobs


def run_of(top: Path, workflow: Workflow) -> str:
    """What the cap of a run is counted by: one folder with one workflow, however often it is sent."""
    return storable(f"{top}|{workflow.id}")


def new_jobs(plan: Plan, batch: Batch) -> list[NewJob]:
    """The jobs of a plan, ready to be added."""
    return [new_job(plan.offer, planned, batch, metadata=plan.target.metadata) for planned in plan.queued]


def new_job(
    offer: Offer, planned: Planned, batch: Batch, labels: Mapping[str, str] | None = None, *,
    metadata: Keeping = Keeping.NONE,
) -> NewJob:  # fmt: skip
    """One job of a plan; ``labels`` are its own, beside the offer's."""
    workflow, stamp = offer.workflow, planned.photo.stamp
    return NewJob(
        account=offer.account,
        provider=offer.provider,
        endpoint=offer.identity.endpoint,
        organization=offer.identity.organization.id,
        payer=offer.identity.payer,
        workflow=workflow.id,
        workflow_name=workflow.name,
        version=workflow.version,
        quoted=None if planned.photo.is_archive else workflow.price,  # nobody states what an archive costs
        source=planned.found.path,
        address=planned.found.address,
        size=stamp.size,
        mtime_ns=stamp.mtime_ns,
        inode=stamp.inode,
        device=stamp.device,
        folder=planned.folder,
        stem=planned.stem,
        stem_key=files.stem_key(planned.folder, planned.stem),
        wanted=planned.wanted,
        redo_of=planned.found.redo_of,
        run=run_of(planned.found.top, workflow),
        parameters=workflow.parameters,
        batch=batch.id,
        labels={**offer.labels, **planned.found.labels, **(labels or {})},
        copy=planned.copy,
        metadata=metadata,
        known_copy=planned.verdict is Verdict.TWIN,
    )
