"""Why a file was, or was not, taken: its rule, what stands in its way, what its result would be called."""

from __future__ import annotations

import datetime as dt
import math
import os
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from enum import StrEnum
from pathlib import Path

from artui import files
from artui.core.plan import Offer
from artui.journal import Connection, Journal, history, jobs, rules, seen
from artui.journal.prices import together
from artui.journal.rules import RuleState
from artui.model.job import Job
from artui.model.states import FINAL, Seen, Twins
from artui.model.watching import Skip
from artui.timing import Clock
from artui.watch import marker
from artui.watch.offers import Offers, dearer, pinned
from artui.watch.rules import Existing, Rule, followers, ignored
from artui.watch.scanning import Candidate, Scanner, Signs
from artui.watch.taking import UNFINISHED, Ingester

_WAITING: Mapping[str, str] = {
    Skip.NOT_WHOLE: "it is open in a program: it is looked at again",
    Skip.IN_CLOUD: "its bytes are in iCloud, not on this Mac: it is taken once the Finder has downloaded it",
}


class FileVerdict(StrEnum):
    """What becomes of a file: it would be taken, it waits, it is not taken, it was taken, or no rule is about it."""

    TAKE = "take"
    WAITS = "waits"
    NOT_TAKEN = "not taken"
    TAKEN = "taken"
    NO_RULE = "no rule"


@dataclass(frozen=True, slots=True)
class Why:
    """The answer for one file.

    ``reason`` is a short stable code, ``message`` a sentence. ``outputs`` are its results' paths without their suffix,
    one for each workflow, ``price`` in the account's unit, 0 where nothing would be paid; ``job`` the one that has to
    do with it; ``then`` the rules that take its results, by name, and what each of them pays for that at most.
    """

    file: Path
    verdict: FileVerdict
    reason: str
    message: str
    rule: Rule | None = None
    outputs: tuple[Path, ...] = ()
    price: int | None = None
    job: Job | None = None
    then: tuple[tuple[str, int | None], ...] = ()

    @property
    def has_result(self) -> bool:
        """Whether it would be taken and get a result, be it a copy: the rules that take that may have to buy it."""
        return self.verdict is FileVerdict.TAKE and bool(self.outputs)


def why(file: Path, all_rules: Sequence[Rule], journal: Journal, offers: Offers, zone: dt.tzinfo) -> Why:
    """Which rule a file falls to, and what becomes of it. Nothing is written, and no service is asked; it blocks."""
    path = Path(os.path.abspath(file))  # noqa: PTH100 — a link stays the name the person knows
    for one in all_rules:
        aside = journal.read(seen.put_aside_at, one.id, path)
        if aside is not None and os.path.lexists(path):
            back = " Once it has changed and is whole, it is taken back by itself." * (aside.reason in UNFINISHED)
            message = f"{aside.message} It was moved here from {one.folder / aside.name}.{back}"
            return Why(path, FileVerdict.NOT_TAKEN, aside.reason, message, one)
    rule = next((rule for rule in all_rules if rule.covers(path.parent)), None)
    if rule is None:
        made = journal.read(history.by_source, path)
        folders = ", ".join(str(one.folder) for one in all_rules) or "none"
        message = f"no rule watches {path.parent}; watched are: {folders}"
        return Why(path, FileVerdict.NO_RULE, "no rule", message, job=made[0] if made else None)
    answer = _Asked(rule, journal, offers, zone).about(path)
    if not answer.has_result:
        return answer
    then = []
    for one, number in followers(rule, all_rules, len(answer.outputs)):
        row = journal.read(rules.get, one.id)
        price = price_of(pinned(one, row.offer if row else "", offers.limits(one)))  # as it was loaded last
        then.append((one.name, None if price is None else number * price))
    return replace(answer, then=tuple(then))


def price_of(offers: Sequence[Offer]) -> int | None:
    """What a photo costs through all of a rule's workflows; None where that is not known."""
    return together(offer.workflow.price for offer in offers) if offers else None


def dry_run(
    rule: Rule, asked_now: Sequence[Offer], journal: Journal, offers: Offers, zone: dt.tzinfo
) -> Iterator[Why]:  # fmt: skip
    """What a scan would take now, file by file, and which files wait; nothing is written. It blocks.

    ``asked_now`` is what the service says of the rule's workflows. Raises :class:`artui.watch.marker.Offline` for a
    folder that is not there.
    """
    asked = _Asked(rule, journal, offers, zone, asked_now)
    scanner = Scanner(rule, Clock(), journal.read(seen.known, rule.id, archives=rule.archives))
    scanner.look(marker.identity(rule.folder))
    for candidate in sorted(scanner.everything_new(), key=lambda one: os.fsencode(one.name)):
        yield asked.about(rule.folder / candidate.name)


class _Asked:
    """Answers for the files of one rule; ``asked`` is the service's word of now, where it was asked."""

    def __init__(
        self, rule: Rule, journal: Journal, offers: Offers, zone: dt.tzinfo, asked: Sequence[Offer] = ()
    ) -> None:
        self.rule = rule
        self.journal = journal
        self.row = journal.read(rules.get, rule.id)
        last = pinned(rule, self.row.offer if self.row else "", offers.limits(rule))
        self.offers = asked or last
        self.dearer = dearer(asked, last)
        self.taker = Ingester(journal, rule, offers, zone)
        self.taker.meant(self.offers)

    def about(self, path: Path) -> Why:
        """The answer for one file of the rule's folder."""
        name = str((self.rule.place_of(path.parent) or Path()) / path.name)
        return self._passed_over(path, name) or self._known(path, name) or self._held(path) or self._new(path, name)

    def _say(self, path: Path, verdict: FileVerdict, reason: str, message: str, job: Job | None = None) -> Why:
        return Why(path, verdict, reason, message, self.rule, job=job)

    def _passed_over(self, path: Path, name: str) -> Why | None:
        *folders, last = Path(name).parts
        for part in (*folders, last):
            if reason := ignored(part, self.rule.ignoring, is_folder=part is not last):
                message = f"{part} is left alone by its name ({reason}): `artui config show ignore` lists such names"
                return self._say(path, FileVerdict.NOT_TAKEN, reason, message)
        if not self.rule.wants(path.name, name):
            message = f"the patterns of the rule {self.rule.name} leave it out"
            return self._say(path, FileVerdict.NOT_TAKEN, Skip.PATTERN, message)
        return None

    def _known(self, path: Path, name: str) -> Why | None:
        """What was done with this very file, as it still is."""
        known = self.journal.read(seen.get, self.rule.id, name)
        try:
            stamp = files.stamp(path)
        except files.Gone:
            stamp = None
        except files.PhotoProblem as problem:
            return self._say(path, FileVerdict.NOT_TAKEN, problem.reason, str(problem))
        same = known is not None and stamp is not None and (known.size, known.mtime_ns) == (stamp.size, stamp.mtime_ns)
        if known is None or not (same or stamp is None) or (known.state is Seen.MOVED and stamp is not None):
            return None if stamp else self._say(path, FileVerdict.NOT_TAKEN, files.PhotoFault.GONE, "it is not there")
        if known.job is None:
            message = known.message or "it lay here before the rule began"
            return self._say(path, FileVerdict.NOT_TAKEN, known.reason, message)
        made = self.journal.read(seen.made_with, known.job)
        # Of several workflows the one that is not through yet is what is asked about.
        job = next((job for job in made if job.status not in FINAL), made[0] if made else None)
        numbers = " and ".join(str(job.id) for job in made) or str(known.job)
        moved = f"; the file is now {known.target}" if known.state is Seen.MOVED else ""
        back = f"; {known.message}" if known.message else ""
        message = f"taken as job{'s' * (len(made) > 1)} {numbers}{moved}{back}"
        return self._say(path, FileVerdict.TAKEN, job.status if job else "", message, job)

    def _held(self, path: Path) -> Why | None:
        """The answer where the rule takes nothing now."""
        row = self.row
        if row is not None and row.paused:
            return self._say(path, FileVerdict.WAITS, "paused", f"the rule {self.rule.name} is paused")
        if row is not None and row.state not in (RuleState.WATCHING, RuleState.ENDED, RuleState.NEW):
            return self._say(path, FileVerdict.WAITS, row.state, row.message)
        return self._say(path, FileVerdict.WAITS, RuleState.HELD, self.dearer) if self.dearer else None

    def _new(self, path: Path, name: str) -> Why:
        stamp, signs = files.stamp(path), Signs.of(path.lstat())
        if self.rule.existing is Existing.IGNORE and (self.row is None or not self.row.begun):
            message = "it lies here before the rule begins, and the rule ignores such files"
            return self._say(path, FileVerdict.NOT_TAKEN, Skip.BEFORE_THE_RULE, message)
        opened = self.taker.open(Candidate(name, stamp, signs, math.inf))
        if not isinstance(opened, files.Photo):
            if opened.refused:
                _, refused = opened.refused[0]
                return self._say(path, FileVerdict.NOT_TAKEN, refused.reason, refused.message)
            if not opened.waiting:
                return self._say(path, FileVerdict.WAITS, Skip.GROWING, "it is being written")
            [(_, reason)] = opened.waiting
            return self._say(path, FileVerdict.WAITS, reason, _WAITING.get(reason, "it cannot be read"))
        return self._forecast(path, opened)

    def _forecast(self, path: Path, photo: files.Photo) -> Why:
        """What taking it would mean: the results' names, and the price unless its content was bought before."""
        if not self.offers:
            message = "it would be taken; what that costs is not known before the rule was watched once"
            return self._say(path, FileVerdict.TAKE, "new", message)
        photo = files.sha256(photo)
        planner = self.taker.planner(self.offers)
        order = planner.renamed(self.taker.order(planner, [photo]))
        judged = [
            (plan.offer.workflow, one, self.journal.read(_bought, self.rule, plan.offer, photo))
            for plan, one in order.photos
        ]
        to_pay = [flow for flow, _, job in judged if job is None]
        wants_copies = self.rule.twins is not Twins.REFUSE
        outputs = tuple(
            one.folder / one.stem for _, one, job in judged if wants_copies or job is None or job.rule != self.rule.id
        )
        first = next((job for _, _, job in judged if job), None)
        if to_pay or first is None:
            message, reason = f"it would be sent through {' and '.join(flow.name for flow in to_pay)}", "new"
        elif first.digest == photo.digest:
            reason = "same content"
            message = f"its content was bought with job {first.id} ({first.source.name}): not paid again"
        else:
            reason = Skip.ONLY_METADATA
            message = f"it is the {jobs.same_as(first, photo.digest).removeprefix('same ')}: not paid again"
        if not outputs:
            message = f"{message}, and its rule wants no copies"
        price = together(flow.price for flow in to_pay)
        return Why(path, FileVerdict.TAKE, reason, message, self.rule, outputs, price, first)


def _bought(db: Connection, rule: Rule, offer: Offer, photo: files.Photo) -> Job | None:
    workflow = offer.workflow
    on_terms = jobs.buyer(
        db, offer.identity.payer, workflow.id, workflow.version, photo.digest, photo.picture,
        parameters=workflow.parameters,
    )  # fmt: skip
    return on_terms or jobs.buyer_of_rule(db, rule.id, workflow.id, photo.digest, photo.picture)
