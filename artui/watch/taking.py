"""From settled files to jobs: opened, planned, and added to the journal together with the note that they were seen."""

from __future__ import annotations

import datetime as dt
import os
import time
import uuid
from collections.abc import Collection, Container, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

from artui import files
from artui.core.plan import (
    Offer,
    Order,
    OrderPlanner,
    Plan,
    Planned,
    Planner,
    Remark,
    SourceFile,
    Verdict,
    delivers,
    has_picture_of,
    new_job,
    promises_photo,
)
from artui.core.submit import submit
from artui.files import Photo, PhotoFault, PhotoProblem, values
from artui.journal import Connection, Journal, batches, history, jobs, published, seen
from artui.journal.seen import SeenFile
from artui.model.job import Batch, Job, NewJob
from artui.model.states import Seen, Twins
from artui.model.watching import Skip
from artui.sanitize import sanitize
from artui.watch.offers import Offers
from artui.watch.rules import After, Rule
from artui.watch.scanning import Candidate

CHUNK = 200
"""How many files become jobs in one transaction."""

PLANNED = 10 * CHUNK
"""How many files get their results' names together; for each such group the output folder is listed once."""

DECODED = 16
"""As many where each is decoded first, so that the first need not wait for the last."""

UNFINISHED = frozenset(
    {PhotoFault.EMPTY, PhotoFault.TRUNCATED, PhotoFault.DAMAGED, PhotoFault.SUSPECT, PhotoFault.NOT_A_PHOTO}
)
"""Why a file is no photo that may yet become one, while somebody writes it: from its first byte on, or in between."""


_WAITS = {PhotoFault.UNREADABLE: Skip.UNREADABLE, PhotoFault.IN_CLOUD: Skip.IN_CLOUD}
"""Why a file that may be a good photo is looked at again, however long that lasts."""


@dataclass(frozen=True, slots=True)
class Taken:
    """What became of some settled files. ``waiting`` are not whole yet, or could not be read, with the reason;
    ``remarks`` are what is worth telling of those that were added."""

    added: tuple[Candidate, ...] = ()
    same: tuple[Candidate, ...] = ()
    refused: tuple[tuple[Candidate, SeenFile], ...] = ()
    waiting: tuple[tuple[Candidate, str], ...] = ()
    remarks: tuple[Remark, ...] = ()

    def __add__(self, other: Taken) -> Taken:
        return Taken(
            self.added + other.added,
            self.same + other.same,
            self.refused + other.refused,
            self.waiting + other.waiting,
            self.remarks + other.remarks,
        )


@dataclass
class Ingester:
    """Takes the files of one rule. It blocks: for a thread. Without patience (``is_patient``) a file that may still
    become whole is neither waited for nor refused."""

    journal: Journal
    rule: Rule
    offers: Offers
    zone: dt.tzinfo
    is_patient: bool = True
    is_remote: bool = False
    workflows: Collection[str] = ()
    """The ids of its workflows, where it has several: a file that has the results of some is taken for the others."""
    _batches: dict[str, tuple[Batch, Mapping[str, str]]] = field(default_factory=dict)

    def take(self, candidates: list[Candidate], offers: Sequence[Offer]) -> Iterator[Taken]:
        """Take files, so many at a time; each group is durable when it is given out."""
        offers = [offer.as_expected(self.journal) for offer in offers]
        self.meant(offers)
        many = DECODED if self.rule.strict else PLANNED
        for begin in range(0, len(candidates), many):
            yield self._take(candidates[begin : begin + many], offers)

    def meant(self, offers: Sequence[Offer]) -> None:
        """Know which workflows the rule's words mean."""
        self.workflows = [offer.workflow.id for offer in offers] if self.rule.has_several else ()

    def _take(self, candidates: list[Candidate], offers: Sequence[Offer]) -> Taken:
        photos, outcome = [], Taken()
        for candidate in candidates:
            opened = self.open(candidate)
            if isinstance(opened, Photo):
                photos.append((candidate, opened))
            else:
                outcome += opened
        planner = self.planner(offers)
        order = planner.renamed(self.order(planner, [photo for _, photo in photos]))
        covered = {folder: self.rule.covers(folder) for folder in {planned.folder for _, planned in order.photos}}
        # The photos one of whose results would be seen again, with the folder it would lie in.
        loops = {planned.found.path: planned.folder for _, planned in order.photos if covered[planned.folder]}
        fit = {photo.path: candidate for candidate, photo in photos if photo.path not in loops}
        refused = tuple(
            (candidate, self._refusal(candidate, Skip.LOOP, f"{loops[photo.path]} lies in the watched folder"))
            for candidate, photo in photos
            if photo.path in loops
        )
        order = _only(order, fit)
        self._add(order, fit, planner)
        outcome += Taken(tuple(fit.values()), refused=refused, remarks=tuple(order.remarks))
        if outcome.refused:
            self.journal.write(seen.note_all, self.rule.id, [file for _, file in outcome.refused])
        return outcome

    def open(self, candidate: Candidate) -> Photo | Taken:
        """Whether a settled file is a photo to take; else what it is."""
        path = self.rule.folder / candidate.name
        try:
            takes = self.offers.limits(self.rule).accepts
            accepts = replace(takes, archives=takes.archives and self.rule.archives, strict=self.rule.strict)
            is_named_by_digest = "{hash8}" in self.rule.target.template
            photo = files.inspect(path, accepts, hashed=self.rule.strict or is_named_by_digest)
            if not photo.stamp.is_content_of(candidate.stamp):  # written to since it was seen: the next scan judges it
                return Taken()
            if photo.suspect:
                raise files.suspicion(photo)
            if not photo.digest and self.journal.read(published.has_size, photo.stamp.size):
                photo = files.sha256(photo)  # a result may have this size: what it holds tells
            same = self._unless_same(candidate, photo)
            return self._unless_result(candidate, same) if isinstance(same, Photo) else same
        except files.BadPhoto as problem:
            if (waits := _WAITS.get(problem.reason)) is not None:
                return Taken(waiting=((candidate, waits),))
            is_hinted = problem.reason is PhotoFault.ARCHIVE and takes.archives
            how = " archives = true in the rule has it sent as it is." * is_hinted
            refusal = self._refusal(candidate, problem.reason, f"{problem}{how}")
            if self._may_become_whole(candidate, refusal):
                return Taken(waiting=((candidate, Skip.NOT_WHOLE),))
            return Taken(refused=((candidate, refusal),))
        except PhotoProblem:
            return Taken()  # gone, or written to again: the next scan sees what it is then

    def _may_become_whole(self, candidate: Candidate, refusal: SeenFile) -> bool:
        """Whether a refusal has to wait: a file is never moved under its writer, who may take long."""
        leaves, promises = refusal.state is Seen.LEAVING, promises_photo(Path(candidate.name))
        is_unfinished = refusal.reason in UNFINISHED and (promises or refusal.reason != PhotoFault.NOT_A_PHOTO)
        if self.is_patient:
            patience = self.rule.patience if leaves and is_unfinished else self.rule.refused_after
            waits = candidate.watched < patience
        else:
            waits = is_unfinished
        # Asked last, for it looks through all processes.
        return waits or (leaves and files.is_open(self.rule.folder / candidate.name, is_remote=self.is_remote))

    def _unless_same(self, candidate: Candidate, photo: Photo) -> Photo | Taken:
        """A file that only got another time or other metadata has the results it had: nothing is to be done, where
        those are still there."""
        if not (made := self._made(candidate.name, photo)):
            return photo
        photo, stamp = photo if photo.digest else files.sha256(photo), candidate.stamp
        same = [job for job in made if job.digest == photo.digest]
        if same and not self._lacking(same):
            first = min({job.workflow: job.id for job in reversed(same)}.values())
            self.journal.write(seen.restamp, self.rule.id, candidate.name, stamp.size, stamp.mtime_ns, first)
            return Taken(same=(candidate,))
        if not (edited := self._edited(made, photo)) or self._lacking([*same, *edited]):
            return photo
        said = jobs.metadata_changed(edited[0], photo.path)
        return Taken(refused=((candidate, self._refusal(candidate, Skip.ONLY_METADATA, said)),))

    def _made(self, name: str, photo: Photo) -> list[Job]:
        """The jobs that the rule made of this very file, newest first; where the results of one are gone, the photo is
        wanted again."""
        before = self.journal.read(seen.get, self.rule.id, name)
        if before is None:
            if not self.rule.after_rule or not photo.digest:
                return []
            # Of a result, while that lay under the name it was saved with: a rejection taken back may have given it
            # another.
            made = self.journal.read(seen.made_of_result, self.rule.id, photo.digest, photo.path)
            return [job for job in made if delivers(job)]
        if before.state is Seen.MOVED:  # what was moved away and is there again is a photo of its own
            return []
        made = [job for job in self.journal.read(history.by_source, photo.path) if job.rule == self.rule.id]
        return [job for job in made if job.digest and delivers(job)]

    def _edited(self, made: Sequence[Job], photo: Photo) -> list[Job]:
        """Those of the jobs that have done what this photo is, but for its metadata."""
        return [] if self.rule.twins is Twins.DELIVER else [job for job in made if has_picture_of(job, photo)]

    def _lacking(self, made: Sequence[Job]) -> set[str]:
        """Of several workflows those that none of these jobs is for."""
        return {*self.workflows} - {job.workflow for job in made}

    def _unless_result(self, candidate: Candidate, photo: Photo) -> Photo | Taken:
        """What artui itself has saved is no photo to send."""
        made_by = self.journal.read(published.job_of, photo.digest) if photo.digest else None
        if made_by is None or self.journal.read(published.is_let_in, self.rule.id, made_by):
            return photo
        said = f"{sanitize(photo.path.name)} {published.sentence(made_by)}"
        return Taken(refused=((candidate, self._refusal(candidate, Skip.RESULT, said)),))

    def _refusal(self, candidate: Candidate, reason: str, message: str) -> SeenFile:
        """A file that is not taken. A bad photo leaves the folder where photos do; what never was one stays, and so
        do an archive, a result, for it may lie where it was saved, and a photo that has its own."""
        is_photo = reason != PhotoFault.NOT_A_PHOTO or promises_photo(Path(candidate.name))
        stay = (PhotoFault.ARCHIVE, Skip.RESULT, Skip.ONLY_METADATA)
        leaves = self.rule.after is After.MOVE and is_photo and reason not in stay
        state = Seen.LEAVING if leaves else Seen.REFUSED
        stamp = candidate.stamp
        return SeenFile(candidate.name, stamp.size, stamp.mtime_ns, state, reason=reason, message=message)

    # ------------------------------------------------------------------------------------------------- planning

    def planner(self, offers: Sequence[Offer]) -> OrderPlanner:
        """Chooses names under the rule's target."""
        target, today = self.rule.target, self._today()
        return OrderPlanner(
            [Planner(self.journal, one, target, self._batch_name, today, rule=self.rule.name) for one in offers],
            lambda _: offers,
        )

    def order(self, planner: OrderPlanner, photos: Sequence[Photo]) -> Order:
        """Photos that are to be sent, each through the workflows it lacks, before they have names."""
        planned = [(self.plan(photo), self._has(photo)) for photo in photos]
        plans = (
            Plan(one.offer, one.target, tuple(plan for plan, has in planned if one.offer.workflow.id not in has))
            for one in planner.planners
        )
        return Order(tuple(plans), {photo.path: place for place, photo in enumerate(photos)}, {})

    def _has(self, photo: Photo) -> set[str]:
        """The workflows of several whose result this very file has."""
        if not self.workflows:
            return set()
        made = self._made(os.fspath(photo.path.relative_to(self.rule.folder)), photo)
        same = [job for job in made if job.digest == photo.digest]
        return {job.workflow for job in (*same, *self._edited(made, photo))}

    def plan(self, photo: Photo) -> Planned:
        """A photo that is to be sent, before it has a name."""
        name = os.fspath(photo.path.relative_to(self.rule.folder))
        sku = self.rule.sku_of(name, self._today(), values.of(photo.path))
        found = SourceFile(photo.path, self.rule.folder, labels={"sku": sanitize(sku)})
        return Planned(photo, found, Verdict.SEND, self.rule.target.folder, photo.path.stem)

    def _today(self) -> dt.date:
        return dt.datetime.fromtimestamp(time.time(), self.zone).date()

    def _batch_name(self, found: SourceFile) -> str:
        inner = "" if found.relative == Path() else f"/{found.relative}"
        return sanitize(f"{self.rule.folder.name}{inner} {self._today()}", 100)

    # --------------------------------------------------------------------------------------------------- adding

    def _add(self, order: Order, candidates: Mapping[Path, Candidate], planner: OrderPlanner) -> None:
        """Add jobs folder by folder, each a batch of the day, some files at a time, each with all its workflows."""
        by_folder: dict[Path, dict[Path, None]] = {}
        for _, planned in order.photos:
            by_folder.setdefault(planned.found.relative, {})[planned.found.path] = None
        for paths in map(list, by_folder.values()):
            for begin in range(0, len(paths), CHUNK):
                self._add_some(_only(order, {*paths[begin : begin + CHUNK]}), candidates, planner)

    def _add_some(self, order: Order, candidates: Mapping[Path, Candidate], planner: OrderPlanner) -> None:
        """Add the jobs of some files of one folder; under other names where theirs are taken meanwhile."""
        batch, labels = self._batch(order.photos[0][1].found)

        def add(db: Connection, order: Order) -> int:
            made: dict[Path, list[NewJob]] = {}
            for plan, planned in order.photos:
                new = new_job(plan.offer, planned, batch, labels, metadata=self.rule.target.metadata)
                # Whatever folder: the rule's cap for a run is for all of it.
                new = replace(new, run=self.rule.id, rule=self.rule.id)
                made.setdefault(planned.found.path, []).append(new)
            # With the note that they were seen: a kill takes none twice, and loses none.
            taken = [
                (SeenFile(one.name, one.stamp.size, one.stamp.mtime_ns, Seen.TAKEN), new)
                for one, new in ((candidates[path], new) for path, new in made.items())
            ]
            return seen.take(db, self.rule.id, batch, taken, self.rule.sample)

        submit(self.journal, planner, order, add)

    def _batch(self, found: SourceFile) -> tuple[Batch, Mapping[str, str]]:
        """The batch of a photo's folder on this day, with the service's labels for it; the same one all day."""
        inner = os.fsencode(found.relative).hex()
        # Made from what it is: a restart finds the same batch.
        number = str(uuid.uuid5(uuid.UUID(self.rule.id), f"{inner} {self._today()}"))
        if number not in self._batches:
            begun = self.journal.read(batches.find, number)
            fresh = Batch(number, self._batch_name(found), self.rule.account, time.time())
            batch = begun[0] if begun else fresh
            self._batches[number] = (batch, self.offers.labels(self.rule, batch))
        return self._batches[number]


def _only(order: Order, paths: Container[Path]) -> Order:
    """What an order has of these photos."""
    plans = (replace(plan, photos=tuple(one for one in plan.photos if one.found.path in paths)) for plan in order.plans)
    return replace(order, plans=tuple(plans))
