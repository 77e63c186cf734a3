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
from artui.core.plan import Offer, Plan
from artui.journal import Connection, Journal, history, jobs, rules, seen
from artui.journal.rules import RuleState
from artui.model.job import Job
from artui.model.states import Seen, Twins
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

    ``reason`` is a short stable code, ``message`` a sentence. ``output`` is the result's path without its suffix,
    ``price`` in the account's unit, 0 where nothing would be paid; ``job`` the one that has to do with it; ``then`` the
    rules that take its result, by name, and what each of them pays for that.
    """

    file: Path
    verdict: FileVerdict
    reason: str
    message: str
    rule: Rule | None = None
    output: Path | None = None
    price: int | None = None
    job: Job | None = None
    then: tuple[tuple[str, int | None], ...] = ()

    @property
    def has_result(self) -> bool:
        """Whether it would be taken and get a result, be it a copy: the rules that take that may have to buy it."""
        return self.verdict is FileVerdict.TAKE and self.output is not None


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
    return replace(answer, then=tuple(_price(one, journal, offers) for one in followers(rule, all_rules)))


def _price(rule: Rule, journal: Journal, offers: Offers) -> tuple[str, int | None]:
    """A rule's name, and what a photo cost when it was loaded last."""
    row = journal.read(rules.get, rule.id)
    offer = pinned(rule, row.offer if row else "", offers.limits(rule))
    return rule.name, offer.workflow.price if offer else None


def dry_run(rule: Rule, offer: Offer, journal: Journal, offers: Offers, zone: dt.tzinfo) -> Iterator[Why]:
    """What a scan would take now, file by file, and which files wait; nothing is written. It blocks.

    ``offer`` is what the service says of the rule's workflow now. Raises :class:`artui.watch.marker.Offline` for a
    folder that is not there.
    """
    asked = _Asked(rule, journal, offers, zone, offer)
    scanner = Scanner(rule, Clock(), journal.read(seen.known, rule.id, archives=rule.archives))
    scanner.look(marker.identity(rule.folder))
    for candidate in sorted(scanner.everything_new(), key=lambda one: os.fsencode(one.name)):
        yield asked.about(rule.folder / candidate.name)


class _Asked:
    """Answers for the files of one rule; ``offer`` is the service's word of now, where it was asked."""

    def __init__(
        self, rule: Rule, journal: Journal, offers: Offers, zone: dt.tzinfo, offer: Offer | None = None
    ) -> None:
        self.rule = rule
        self.journal = journal
        self.row = journal.read(rules.get, rule.id)
        last = pinned(rule, self.row.offer if self.row else "", offers.limits(rule))
        self.offer = offer or last
        self.dearer = dearer(offer, last) if offer else ""
        self.taker = Ingester(journal, rule, offers, zone)

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
        job = self.journal.read(jobs.get, known.job)
        moved = f"; the file is now {known.target}" if known.state is Seen.MOVED else ""
        back = f"; {known.message}" if known.message else ""
        message = f"taken as job {known.job}{moved}{back}"
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
        """What taking it would mean: the result's name, and the price unless its content was bought before."""
        if self.offer is None:
            message = "it would be taken; what that costs is not known before the rule was watched once"
            return self._say(path, FileVerdict.TAKE, "new", message)
        photo = files.sha256(photo)
        bought = self.journal.read(_bought, self.rule, self.offer, photo)
        planner = self.taker.planner(self.offer)
        named = planner.renamed(Plan(self.offer, self.rule.target, (self.taker.plan(photo),)))
        output: Path | None = named.photos[0].folder / named.photos[0].stem
        price = 0 if bought else planner.offer.workflow.price
        message = f"it would be sent through {self.offer.workflow.name}"
        if bought:
            message = f"its content was bought with job {bought.id} ({bought.source.name}): not paid again"
        if bought and bought.digest != photo.digest:
            message = f"it is the {jobs.same_as(bought, photo.digest).removeprefix('same ')}: not paid again"
        if bought and bought.rule == self.rule.id and self.rule.twins is Twins.REFUSE:
            message, output = f"{message}, and its rule wants no copies", None
        reason = "new" if not bought else "same content" if bought.digest == photo.digest else Skip.ONLY_METADATA
        return Why(path, FileVerdict.TAKE, reason, message, self.rule, output, price, bought)


def _bought(db: Connection, rule: Rule, offer: Offer, photo: files.Photo) -> Job | None:
    workflow = offer.workflow
    on_terms = jobs.buyer(
        db, offer.identity.payer, workflow.id, workflow.version, photo.digest, photo.picture,
        parameters=workflow.parameters,
    )  # fmt: skip
    return on_terms or jobs.buyer_of_rule(db, rule.id, photo.digest, photo.picture)
