"""From settled files to jobs: opened, planned, and added to the journal together with the note that they were seen."""

from __future__ import annotations

import datetime as dt
import os
import time
import uuid
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path

from artui import files
from artui.core.plan import (
    Offer,
    Plan,
    Planned,
    Planner,
    Remark,
    SourceFile,
    Verdict,
    Worth,
    delivers,
    new_job,
    promises_photo,
)
from artui.core.submit import submit
from artui.files import Photo, PhotoFault, PhotoProblem, values
from artui.journal import Connection, Journal, batches, history, jobs, published, seen
from artui.journal.seen import SeenFile
from artui.model.job import Batch, NewJob
from artui.model.states import FINAL, Seen, Twins
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
    _batches: dict[str, tuple[Batch, Mapping[str, str]]] = field(default_factory=dict)

    def take(self, candidates: list[Candidate], offer: Offer) -> Iterator[Taken]:
        """Take files, so many at a time; each group is durable when it is given out."""
        offer = offer.as_expected(self.journal)
        many = DECODED if self.rule.strict else PLANNED
        for begin in range(0, len(candidates), many):
            yield self._take(candidates[begin : begin + many], offer)

    def _take(self, candidates: list[Candidate], offer: Offer) -> Taken:
        photos, outcome = [], Taken()
        for candidate in candidates:
            opened = self.open(candidate)
            if isinstance(opened, Photo):
                photos.append((candidate, opened))
            else:
                outcome += opened
        fit, refused = self._planned(photos, offer)
        self._add(fit, offer)
        worth = Worth.of(offer.limits.accepts, offer.workflow, self.rule.target.metadata)
        remarks = tuple(worth.remarks(planned.photo for _, planned in fit))
        outcome += Taken(tuple(candidate for candidate, _ in fit), refused=tuple(refused), remarks=remarks)
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
        """A file that only got another time or other metadata has the result it had: nothing is to be done, where that
        is still there."""
        before = self.journal.read(seen.get, self.rule.id, candidate.name)
        if before is None or before.state is Seen.MOVED:  # what was moved away and is there again is a photo of its own
            return photo
        made = [job for job in self.journal.read(history.by_source, photo.path) if job.rule == self.rule.id]
        # Where the result is gone, the photo is wanted again.
        made = [job for job in made if job.digest and delivers(job)]
        if not made:
            return photo
        photo, stamp = files.sha256(photo), candidate.stamp
        same = next((job for job in made if job.digest == photo.digest), None)
        if same is not None:
            self.journal.write(seen.restamp, self.rule.id, candidate.name, stamp.size, stamp.mtime_ns, same.id)
            return Taken(same=(candidate,))
        edited = next(
            (job for job in made if job.status in FINAL and photo.picture and job.picture == photo.picture), None
        )
        if edited is None or self.rule.twins is Twins.DELIVER:
            return photo
        said = jobs.metadata_changed(edited, photo.path)
        return Taken(refused=((candidate, self._refusal(candidate, Skip.ONLY_METADATA, said)),))

    def _unless_result(self, candidate: Candidate, photo: Photo) -> Photo | Taken:
        """What artui itself has saved is no photo to send; it is read to compare only where a result has its size."""
        if not self.journal.read(published.has_size, photo.stamp.size):
            return photo
        photo = files.sha256(photo)
        made_by = self.journal.read(published.job_of, photo.digest)
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

    def _planned(
        self, photos: list[tuple[Candidate, Photo]], offer: Offer
    ) -> tuple[list[tuple[Candidate, Planned]], list[tuple[Candidate, SeenFile]]]:
        """Names and folders for the results; a photo whose result would be seen again is refused."""
        plan = self.planner(offer).renamed(
            Plan(offer, self.rule.target, tuple(self.plan(photo) for _, photo in photos))
        )
        fit, refused = [], []
        loops = {folder: self.rule.covers(folder) for folder in {planned.folder for planned in plan.photos}}
        for (candidate, _), planned in zip(photos, plan.photos, strict=True):
            if loops[planned.folder]:
                file = self._refusal(candidate, Skip.LOOP, f"{planned.folder} lies in the watched folder")
                refused.append((candidate, file))
            else:
                fit.append((candidate, planned))
        return fit, refused

    def planner(self, offer: Offer) -> Planner:
        """Chooses names under the rule's target."""
        return Planner(self.journal, offer, self.rule.target, self._batch_name, self._today(), rule=self.rule.name)

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

    def _add(self, fit: list[tuple[Candidate, Planned]], offer: Offer) -> None:
        """Add jobs folder by folder, each a batch of the day, some at a time."""
        by_folder: dict[Path, list[tuple[Candidate, Planned]]] = {}
        for candidate, planned in fit:
            by_folder.setdefault(planned.found.relative, []).append((candidate, planned))
        for relative, group in by_folder.items():
            for begin in range(0, len(group), CHUNK):
                self._add_some(relative, group[begin : begin + CHUNK], offer)

    def _add_some(self, relative: Path, group: list[tuple[Candidate, Planned]], offer: Offer) -> None:
        """Add some jobs of one folder; under other names where theirs are taken meanwhile."""
        batch, labels = self._batch(relative, group[0][1].found)
        candidates = [candidate for candidate, _ in group]

        def add(db: Connection, plan: Plan) -> int:
            taken = [
                (
                    SeenFile(candidate.name, candidate.stamp.size, candidate.stamp.mtime_ns, Seen.TAKEN),
                    self._job(offer, planned, batch, labels),
                )
                for candidate, planned in zip(candidates, plan.photos, strict=True)
            ]
            # With the note that they were seen: a kill takes none twice, and loses none.
            return seen.take(db, self.rule.id, batch, taken, self.rule.sample)

        plan = Plan(offer, self.rule.target, tuple(planned for _, planned in group))
        submit(self.journal, self.planner(offer), plan, add)

    def _job(self, offer: Offer, planned: Planned, batch: Batch, labels: Mapping[str, str]) -> NewJob:
        new = new_job(offer, planned, batch, labels, metadata=self.rule.target.metadata)
        # Whatever folder: the rule's cap for a run is for all of it.
        return replace(new, run=self.rule.id, rule=self.rule.id)

    def _batch(self, relative: Path, found: SourceFile) -> tuple[Batch, Mapping[str, str]]:
        """The batch of a folder on this day, with the service's labels for it; the same one all day."""
        inner = os.fsencode(relative).hex()
        # Made from what it is: a restart finds the same batch.
        number = str(uuid.uuid5(uuid.UUID(self.rule.id), f"{inner} {self._today()}"))
        if number not in self._batches:
            begun = self.journal.read(batches.find, number)
            fresh = Batch(number, self._batch_name(found), self.rule.account, time.time())
            batch = begun[0] if begun else fresh
            self._batches[number] = (batch, self.offers.labels(self.rule, batch))
        return self._batches[number]
