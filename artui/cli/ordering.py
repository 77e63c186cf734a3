"""What a ``submit`` or ``redo`` orders: photos with their labels, batches, workflows at today's terms, and folders."""

from __future__ import annotations

import datetime as dt
import json
import os
import sys
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, BinaryIO
from uuid import uuid4

from artui.cli.exits import CommandError, Exit
from artui.cli.options import AS_JSON, DRY_RUN, METADATA, STRICT, SUSPECT, WAIT, WAIT_QA, YES, label_given
from artui.cli.session import Session
from artui.cli.terminal import counter
from artui.config import AccountConfig
from artui.model.commands import Command
from artui.model.job import Batch
from artui.model.states import Twins
from artui.sanitize import sanitize

if TYPE_CHECKING:
    from artui.core.plan import Offer, OrderPlanner, RefusedFile, SourceFile, Target
    from artui.files import Photo
    from artui.journal import Journal
    from artui.model.job import Job


SPENDING = (STRICT, SUSPECT, METADATA, DRY_RUN, YES, WAIT, WAIT_QA, AS_JSON)
"""The options of a command that sends photos."""


@dataclass(frozen=True, slots=True)
class Spending:
    """How a command that sends photos is to go about it: what ``SPENDING`` says."""

    dry_run: bool
    yes: bool
    wait: bool
    wait_qa: bool
    as_json: bool
    strict: bool
    suspect: bool
    metadata: str | None

    def refuse_strict(self, account: AccountConfig) -> None:
        """Raise CommandError where photos are to be decoded, and nothing is there that could."""
        from artui.files import INSTALL, can_decode_all

        if (self.strict or account.strict) and not can_decode_all():
            raise CommandError(Exit.USAGE, f"Decoding photos first needs more libraries: {INSTALL}")

    def start_ahead(self, session: Session) -> None:
        """Have an engine come up while the service is asked, where nobody is asked first."""
        from artui.engine.client import start_ahead

        if self.yes and not self.dry_run:
            start_ahead(session.paths)

    def keeping(self, otherwise: str) -> str:
        """What of the photos' metadata results get. Raises CommandError where nothing is there that could write it."""
        from artui.files import exiftool
        from artui.files.metadata import Keeping

        wanted = self.metadata or otherwise
        if wanted != Keeping.NONE and (why := exiftool.fault()):
            raise CommandError(Exit.USAGE, f"Nothing was sent: {why}; or choose --metadata none.")
        return wanted


@contextmanager
def naming_list(listed: BinaryIO | None) -> Iterator[None]:
    """Have a fault in a list say in which one."""
    from artui.core.plan import PlanProblem

    try:
        yield
    except PlanProblem as problem:
        if listed is None:
            raise
        raise PlanProblem(f"{listed.name}: {problem}. Nothing was sent.") from None


def listed_photos(listed: BinaryIO, base: Path | None, account: AccountConfig, *, nul: bool) -> list[SourceFile]:
    """The photos of a list, with labels that may be given."""
    from artui.core.plan import read_list
    from artui.core.plan.lists import MOST_BYTES

    beside = Path(listed.name).parent if listed is not sys.stdin.buffer else Path()
    with naming_list(listed):
        found = read_list(listed.read(MOST_BYTES + 1), (base or beside).absolute(), nul=nul)
    for label in dict.fromkeys(label for one in found for label in one.labels):
        _refuse_taken(label, account, "label:")
    return found


def given_labels(given: Sequence[str], account: AccountConfig) -> dict[str, str]:
    """The labels that were given, but those that artui or the account's service reads itself."""
    labels = {}
    for key, value in map(label_given, given):
        _refuse_taken(key, account, "--label ")
        labels[sanitize(key)] = sanitize(value)
    return labels


def after_saved_of(said: str | None) -> str:
    """A command as a job keeps it, empty where nothing was said."""
    import shlex

    from artui.config.known import delivery

    if said is None:
        return ""
    try:
        return json.dumps(delivery(shlex.split(said)))
    except ValueError as fault:
        raise CommandError(Exit.USAGE, f"--after-saved {fault}.") from None


def _refuse_taken(label: str, account: AccountConfig, where: str) -> None:
    from artui.providers import capabilities

    beginnings = capabilities(account.provider).taken_labels
    if label.startswith(beginnings):
        raise CommandError(Exit.USAGE, f"{where}{label!r}: names that begin with {' or '.join(beginnings)} are taken.")


def new_batch(name: str, account: AccountConfig, cap: int | None = None, sample: int | None = None) -> Batch:
    """A batch of its own, with a name that can be printed."""
    return Batch(str(uuid4()), sanitize(name, 100), account.name, time.time(), cap, sample)


@dataclass
class OrderLabels:
    """Gives photos their labels: templates are filled for each, ``fixed`` are the same for all; the ``pattern`` takes
    the SKU out of names, those of ``unmatched`` do not fit it. What a list says of a photo comes first."""

    given: Mapping[str, str]
    pattern: str | None
    today: dt.date
    unmatched: list[Path] = field(default_factory=list)

    def __post_init__(self) -> None:
        from artui.config.sku_patterns import compiled
        from artui.core.plan import fill_label

        self.fixed = {key: text for key, text in self.given.items() if not set(text) & set("{}")}
        self._templates = {key: text for key, text in self.given.items() if key not in self.fixed}
        for key, template in self._templates.items():
            try:
                fill_label(template, Path("a/b.jpg"), "a", self.today)
            except ValueError as fault:
                raise CommandError(Exit.USAGE, f"--label {key}={fault}.") from None
        try:
            if self.pattern:
                compiled(self.pattern)
        except ValueError as fault:
            raise CommandError(Exit.USAGE, f"--sku-pattern {self.pattern!r} {fault}.") from None

    def labelled(self, one: SourceFile) -> SourceFile:
        """The photo with its labels."""
        from artui.config.sku_patterns import sku_of
        from artui.core.plan import fill_label
        from artui.files import values

        value = values.of(one.path)
        labels = {
            key: sanitize(fill_label(template, one.relative / one.path.name, one.top.name, self.today, value))
            for key, template in self._templates.items()
        }
        if self.pattern and "sku" not in one.labels:
            if sku := sku_of(self.pattern, one.path.name):
                labels["sku"] = sanitize(sku)
            else:
                self.unmatched.append(one.path)
        return replace(one, labels={**labels, **one.labels}) if labels else one


class OrderBatches:
    """The batches of an order: one, and those that a list names."""

    def __init__(self, main: Batch, found: Sequence[SourceFile] = ()) -> None:
        names = dict.fromkeys(sanitize(one.batch, 100) for one in found if one.batch)
        if names and (main.cap is not None or main.sample is not None):
            told = "--cap" if main.cap is not None else "--sample"
            raise CommandError(Exit.USAGE, f"{told} is about one batch, and the list names batches of its own.")
        self.main = main
        self.named = {name: main._replace(id=str(uuid4()), name=name) for name in names}
        self.labels: Mapping[str, Mapping[str, str]] = {}

    def of(self, found: SourceFile) -> Batch:
        """The batch of a photo."""
        return self.named[sanitize(found.batch, 100)] if found.batch else self.main

    @property
    def told(self) -> list[tuple[str, str, float]]:
        """By what a service makes labels for them."""
        return [(one.id, one.name, one.created_at) for one in (self.main, *self.named.values())]


@dataclass(frozen=True)
class OrderOffers:
    """What an order's words for workflows mean, and the ``usual`` ones of those photos that name none."""

    by_word: Mapping[str, Offer]
    usual: Sequence[str]

    @property
    def distinct(self) -> list[Offer]:
        """Each workflow once, in the order they were named."""
        return list({offer.workflow.id: offer for offer in self.by_word.values()}.values())

    @property
    def first(self) -> Offer:
        """One of them, for what is the same for all."""
        return self.distinct[0]

    def of(self, found: SourceFile) -> list[Offer]:
        """The workflows of a photo."""
        words = [found.workflow] if found.workflow else self.usual
        return list({self.by_word[word].workflow.id: self.by_word[word] for word in words}.values())

    def template(self, output: str) -> str:
        """How results are named where nothing else is said."""
        return "{stem}" if len(self.distinct) == 1 or "{workflow}" in output else "{stem}-{workflow}"


def ask_offers(
    session: Session, journal: Journal, account: AccountConfig, workflows: Sequence[str], found: Sequence[SourceFile],
    labels: Mapping[str, str], batches: OrderBatches,
) -> OrderOffers:  # fmt: skip
    """Ask the service who pays, what the workflows cost now and what is left: by an engine that runs, for it has loaded
    all that this takes, or else from here."""
    from artui.cli.workflow import told
    from artui.core.plan import UnknownWorkflows, fetch_order, offers_of_documents
    from artui.engine.client import ask
    from artui.providers import capabilities

    usual = list(dict.fromkeys(workflows)) or ([account.workflow] if account.workflow else [])
    if not usual and (not found or any(not one.workflow for one in found)):
        raise CommandError(Exit.USAGE, "Which workflow? Say -w with an id or name; `artui workflows` lists them.")
    words = dict.fromkeys(one.workflow for one in found if one.workflow)
    if not found or any(not one.workflow for one in found):
        words = dict.fromkeys([*usual, *words])

    limits = capabilities(account.provider).limits
    answer = ask(
        session.paths, journal, Command.OFFER, account=account.name, workflows=[*words], batches=batches.told
    )  # fmt: skip
    try:
        if answer:
            said = json.loads(answer)
            batches.labels, offers = said["labels"], offers_of_documents(said["offers"], account.name, limits)
        else:
            offers, batches.labels = session.ask(
                account, lambda provider: fetch_order(provider, account.name, words, batches.told)
            )
    except UnknownWorkflows as problem:
        places = {one.workflow: one.place for one in reversed(found) if one.workflow}
        said = [
            (f"{place}: " if (place := places.get(one.wanted)) and one.wanted not in usual else "") + str(told(one))
            for one in problem.problems
        ]
        raise CommandError(Exit.USAGE, "\n".join(said)) from None
    return OrderOffers({word: replace(offer, labels=labels) for word, offer in offers.items()}, usual)


def refuse_alike(offers: OrderOffers, rows: Sequence[SourceFile]) -> None:
    """Raise PlanProblem where a list has a photo twice for one workflow, whatever it calls it."""
    from artui.core.plan import refuse_lines

    seen = set[tuple[Path, str]]()
    again = []
    for one in rows:
        its = {(one.path, offer.workflow.id) for offer in offers.of(one)}
        if its & seen:
            again.append(one)
        seen |= its
    refuse_lines(again, "stands in the list before, for the same workflow")


def outputs_of(into: str, template: str, metadata: str, rows: Sequence[SourceFile]) -> dict[str, Target]:
    """Where results go: by default, and by what a list says of its photos, which is below that unless it is absolute.

    Raises PlanProblem for a folder that leaves it, or that cannot be filled.
    """
    from artui.core.plan import PlanProblem, Target, refuse_lines
    from artui.files import render_stem

    outputs = {"": Target.of(into, template, metadata)}
    for one in rows:
        if one.output in outputs:
            continue
        if ".." in Path(one.output).parts:
            refuse_lines([one], f"goes to {sanitize(one.output)!r}, which leads out of the output folder")
        target = outputs[one.output] = Target.of(str(Path(into, Path(one.output).expanduser())), template, metadata)
        try:
            render_stem(target.template, stem="a", relative="", batch="b", workflow="c", date=dt.date.min, n=1)
        except ValueError as problem:
            raise PlanProblem(f"{one.place}: {problem}") from None
    return outputs


def refuse_watched_outputs(outputs: Mapping[str, Target], session: Session, journal: Journal) -> None:
    """Raise PlanProblem where results would lie in a folder that is watched."""
    from artui.watch.outputs import refuse_watched

    for folder in dict.fromkeys(target.folder for target in outputs.values()):
        refuse_watched(folder, session.config, journal)


def order_planner(
    session: Session, journal: Journal, offers: OrderOffers, outputs: Mapping[str, Target], batches: OrderBatches,
    twins: str,
) -> OrderPlanner:  # fmt: skip
    """What plans the order: each photo for its workflows, into its folder."""
    from artui.core.plan import OrderPlanner, Planner

    today = dt.datetime.now(session.config.timezone).date()
    planners = [
        Planner(journal, offer, outputs[""], lambda found: batches.of(found).name, today, Twins(twins), outputs)
        for offer in offers.distinct
    ]
    return OrderPlanner(planners, offers.of)


def checked_photos(
    found: Sequence[SourceFile],
    offer: Offer,
    account: AccountConfig,
    spending: Spending,
    elsewhere: Sequence[tuple[SourceFile, Photo]] = (),
) -> tuple[list[tuple[SourceFile, Photo]], list[RefusedFile], int]:
    """The files after a look at each, and what lies elsewhere as it is."""
    from artui.core.plan import check_order

    with counter("Checking") as counted:
        strict = spending.strict or account.strict
        return check_order(found, elsewhere, offer, counted, strict=strict, suspect=spending.suspect)


def made_before(journal: Journal, what: str, workflows: Sequence[str]) -> tuple[Job, set[str]]:
    """The newest job made from this file, or the one of this number; and which workflows its photo has been through.
    Raises CommandError where a file was sent through several at once and no ``workflows`` are wanted."""
    from artui.cli.naming import job_or_file, made_of

    named = job_or_file(journal, what)
    made = made_of(journal, named) if isinstance(named, Path) else [named]
    if not made:
        there = isinstance(named, Path) and os.path.lexists(named)
        advice = "`artui submit` sends it" if there else "and there is no such file: check the path"
        raise CommandError(Exit.USAGE, f"{what} was never sent{':' if there else ','} {advice}.")
    at_once = {job.workflow: job for job in reversed(made) if job.batch == made[0].batch}
    if len(at_once) > 1 and not workflows:
        said = " and ".join(f"{sanitize(job.workflow_name)} (job {job.id})" for job in at_once.values())
        raise CommandError(Exit.USAGE, f"{what} went through {said}: say -w, or the number of one of these jobs.")
    every = made if isinstance(named, Path) else made_of(journal, made[0].source)
    return made[0], {job.workflow for job in every}
