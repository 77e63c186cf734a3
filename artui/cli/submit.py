"""``artui submit`` and ``artui redo``: what would be sent and what it costs, a yes, then jobs in the journal."""

from __future__ import annotations

import datetime as dt
import os
import sys
import time
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from itertools import chain, islice
from pathlib import Path
from typing import TYPE_CHECKING, Any, BinaryIO
from uuid import uuid4

import click

from artui.cli.exits import CommandError, Exit, first
from artui.cli.options import AS_JSON, DRY_RUN, METADATA, STRICT, SUSPECT, TWINS, WAIT, WAIT_QA, YES, options
from artui.cli.session import Session
from artui.cli.streams import go_on
from artui.cli.terminal import agrees, can_ask, counter, put, put_json, say
from artui.config import AccountConfig
from artui.model.job import Batch
from artui.model.states import Twins
from artui.sanitize import sanitize

if TYPE_CHECKING:
    from artui.core.plan import Offer, Order, OrderPlanner, Plan, Planned, RefusedFile, SourceFile, Target
    from artui.files import Photo
    from artui.journal import Journal
    from artui.model.job import Job
    from artui.providers.base import Provider

DEFAULT_OUTPUT = "retouched"
PROBED = 20
"""The most output folders that are looked at before anything is sent."""

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


@click.command("submit")
@click.argument("paths", nargs=-1, type=click.Path(path_type=Path))
@click.option(
    "--files-from",
    "listed",
    type=click.File("rb"),
    metavar="FILE",
    help="A list of photos, - for stdin: a name a line, or a table with file, name, sku, workflow, batch, output,"
    " label:NAME.",
)
@click.option(
    "-0", "--null", "nul", is_flag=True, help="The names of that list end in NUL, as `find -print0` has them."
)
@click.option(
    "--base",
    type=click.Path(path_type=Path, file_okay=False, exists=True),
    metavar="FOLDER",
    help="The folder that relative names of the list are below; without it the list's own.",
)
@click.option("--url", "urls", multiple=True, help="A photo the service fetches itself, where it can; may be repeated.")
@click.option("--alias", "aliases", multiple=True, metavar="NAME/PATH", help="A photo in a storage the service knows.")
@click.option("-a", "--account", help="The account that pays; without it the one set as `account`.")
@click.option(
    "-w",
    "--workflow",
    "workflows",
    multiple=True,
    help="Workflow by id or name; without it the account's `workflow`. Several: each photo through each.",
)
@click.option(
    "-o",
    "--output",
    metavar="FOLDER",
    help="Folder for results (`artui help templates`); without it the account's, else ./retouched.",
)
@click.option(
    "--template",
    help="Name of each result in that folder; without it {stem}, for several workflows {stem}-{workflow}.",
)
@click.option("-r", "--recursive", is_flag=True, help="Also take the photos of sub-folders.")
@click.option("--batch", "name", help="Name of the batch, shown at the service too.")
@click.option(
    "--label",
    "labels",
    multiple=True,
    metavar="NAME=VALUE",
    help="A label for every photo, which may hold {folder}, {stem} and so on; may be repeated.",
)
@click.option(
    "--sku-pattern",
    metavar="REGEX",
    help="Take the label sku out of names, as in '(?P<sku>[A-Z0-9]+)_.*'; without it the account's `sku_pattern`.",
)
@click.option(
    "--after-saved",
    metavar="COMMAND",
    help="What is run with each photo's results, split as a shell does and run without one; '' for nothing.",
)
@click.option(
    "--deliver",
    type=click.Choice(["saved", "kept"]),
    help="When that is run; without it as the account says, else saved.",
)
@click.option("--cap", type=click.IntRange(min=0), help="The most this batch may spend.")
@click.option("--sample", type=click.IntRange(min=1), help="Send so many first; the rest waits for `artui approve`.")
@options((TWINS, *SPENDING))
@click.pass_obj
def submit_command(
    session: Session, /, paths: tuple[Path, ...], listed: BinaryIO | None, base: Path | None, urls: tuple[str, ...],
    aliases: tuple[str, ...], account: str | None, workflows: tuple[str, ...], output: str | None,
    template: str | None, recursive: bool, name: str | None,
    labels: tuple[str, ...], sku_pattern: str | None, after_saved: str | None, deliver: str | None,
    cap: int | None, sample: int | None, twins: str | None, *,
    nul: bool, **flags: Any,
) -> Exit:  # fmt: skip
    """Send photos, or folders of them, through one or several workflows."""
    from artui.core.plan import PlanProblem, Target, at_address, collect, named_after

    addresses = dict.fromkeys([*urls, *(f"src://{alias}" for alias in aliases)])
    if not (paths or addresses or listed):
        raise CommandError(Exit.USAGE, "Which photos? Name files or folders, --files-from a list, --url, or --alias.")
    chosen, spending = session.account(account), Spending(**flags)
    spending.refuse_strict(chosen)
    own_labels, delivery = _labels(labels, chosen), (_after_saved(after_saved), deliver or "")
    metadata = spending.keeping(chosen.metadata)
    into = output or chosen.output or DEFAULT_OUTPUT
    try:
        Target.of(into, "{stem}").refuse_loop(paths, recursive=recursive)
        left = Counter[str]()
        found = collect(paths, recursive=recursive, ignoring=session.config.ignoring, left=left)
        rows = _listed(listed, base, chosen, nul=nul) if listed else []
        named = {one.path for one in rows}
        found = [*rows, *(one for one in found if one.path not in named)]
        elsewhere = [at_address(address) for address in addresses]
        today = dt.datetime.now(session.config.timezone).date()
        # What is named by hand comes before what the account is set to.
        pattern = sku_pattern or (None if "sku" in own_labels else chosen.sku_pattern)
        labelling = _Labelling(own_labels, pattern, today)
        found = [labelling.labelled(one) for one in found]
        elsewhere = [(labelling.labelled(one), photo) for one, photo in elsewhere]
        every = [*found, *(one for one, _ in elsewhere)]
        batches = _Batches(_new_batch(name or named_after(every), chosen, cap, sample), every)
        spending.start_ahead(session)
        offers = _offers(session, chosen, workflows, every, labelling.fixed, batches)
        with naming_list(listed):
            _refuse_alike(offers, rows)
            outputs = _outputs(into, template or offers.template(into), metadata, rows)
        with session.journal() as journal:
            for target in outputs.values():
                target.refuse_loop(paths, recursive=recursive)
            _refuse_watched(outputs, session, journal)
            planner = _planner(session, journal, offers, outputs, batches, twins or chosen.twins)
            order = planner.plan(*_checked(found, offers.first, chosen, spending, elsewhere))
            order = replace(order, ignored=left, unmatched=labelling.unmatched if pattern else None)
            has_subfolders = not recursive and any(_has_subfolders(path) for path in paths)
            return _Sending(session, journal, planner, batches, spending, delivery, has_subfolders).carry_out(order)
    except PlanProblem as problem:
        raise CommandError(Exit.USAGE, str(problem)) from None


def _has_subfolders(path: Path) -> bool:
    if not path.is_dir():
        return False
    with os.scandir(path) as entries:
        return any(entry.is_dir(follow_symlinks=False) for entry in entries)


@click.command("redo")
@click.argument("what", metavar="[FILE|JOB]", required=False)
@click.option("--rejected", is_flag=True, help="All whose result was rejected, and that were not ordered again since.")
@click.option(
    "-w",
    "--workflow",
    "workflows",
    multiple=True,
    help="Another workflow, by id or name; without it the one of the last time. May be repeated.",
)
@click.option(
    "-o", "--output", metavar="FOLDER", help="Another folder for the result; without it the one of the last time."
)
@options(SPENDING)
@click.pass_obj
def redo_command(
    session: Session, /, what: str | None, workflows: tuple[str, ...], output: str | None, *, rejected: bool,
    **flags: Any,
) -> Exit:  # fmt: skip
    """Buy a photo anew that was bought before."""
    from artui.core import review
    from artui.core.plan import PlanProblem, redo_orders

    if rejected == bool(what):
        raise CommandError(Exit.USAGE, "Say which: a FILE or the number of a JOB, or --rejected.")
    spending = Spending(**flags)
    with session.journal() as journal:
        if what is None:
            made, made_for = review.to_redo(journal), set[str]()
        else:
            last, made_for = _made_before(journal, what)
            made = [last]
        if not made:
            say("No result is rejected whose photo was not ordered again.")
            if spending.as_json:
                put_json([])
            return Exit.OK
        ends: list[Exit] = []
        try:
            orders = redo_orders(
                journal, made, workflows=workflows, output=output, metadata=spending.metadata,
                is_one_of_several=len(made_for) > 1,
            )  # fmt: skip
            for redo in orders:
                chosen = session.account(redo.account)
                spending.refuse_strict(chosen)
                spending.keeping(redo.target.metadata)
                every = [*redo.found, *(one for one, _ in redo.elsewhere)]
                name = made[0].source.name if what is not None else f"{len(every):,} rejected"
                batches = _Batches(_new_batch(f"redo {name}", chosen))
                spending.start_ahead(session)
                offers = _offers(session, chosen, redo.workflows, every, {}, batches)
                planner = _planner(session, journal, offers, {"": redo.target}, batches, chosen.twins)
                order = planner.plan(*_checked(redo.found, offers.first, chosen, spending, redo.elsewhere), again=True)
                if order.photos or len(orders) == 1:
                    sending = _Sending(
                        session, journal, planner, batches, spending, redo.delivery, is_rework=what is None
                    )
                    ends.append(sending.carry_out(order))
                else:  # its photos are gone: the others are ordered all the same
                    for refused in order.refused:
                        say(refused.message)
                    ends.append(Exit.FAILED)
        except PlanProblem as problem:
            raise CommandError(Exit.USAGE, str(problem)) from None
        return first(ends)


# ------------------------------------------------------------------------------------------------ making the plan


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


def _listed(listed: BinaryIO, base: Path | None, account: AccountConfig, *, nul: bool) -> list[SourceFile]:
    """The photos of a list, with labels that may be given."""
    from artui.core.plan import read_list
    from artui.core.plan.lists import MOST_BYTES

    beside = Path(listed.name).parent if listed is not sys.stdin.buffer else Path()
    with naming_list(listed):
        found = read_list(listed.read(MOST_BYTES + 1), (base or beside).absolute(), nul=nul)
    for label in dict.fromkeys(label for one in found for label in one.labels):
        _refuse_taken(label, account, "label:")
    return found


def _labels(given: Sequence[str], account: AccountConfig) -> dict[str, str]:
    """The labels that were given, but those that artui or the account's service reads itself."""
    labels = {}
    for text in given:
        key, equals, value = text.partition("=")
        if not (key and equals):
            raise CommandError(Exit.USAGE, f"--label {text!r} must have the form NAME=VALUE.")
        _refuse_taken(key, account, "--label ")
        labels[sanitize(key)] = sanitize(value)
    return labels


def _after_saved(said: str | None) -> str:
    """A command as a job keeps it, empty where nothing was said."""
    import json
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

    beginnings = tuple(filter(None, ("artui_", capabilities(account.provider).own_labels)))
    if label.startswith(beginnings):
        raise CommandError(Exit.USAGE, f"{where}{label!r}: names that begin with {' or '.join(beginnings)} are taken.")


def _new_batch(name: str, account: AccountConfig, cap: int | None = None, sample: int | None = None) -> Batch:
    return Batch(str(uuid4()), sanitize(name, 100), account.name, time.time(), cap, sample)


@dataclass
class _Labelling:
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


class _Batches:
    """The batches of an order: one, and those that a list names."""

    def __init__(self, main: Batch, found: Sequence[SourceFile] = ()) -> None:
        names = dict.fromkeys(sanitize(one.batch, 100) for one in found if one.batch)
        if names and (main.cap is not None or main.sample is not None):
            told = "--cap" if main.cap is not None else "--sample"
            raise CommandError(Exit.USAGE, f"{told} is about one batch, and the list names batches of its own.")
        self.main = main
        self.named = {name: replace(main, id=str(uuid4()), name=name) for name in names}
        self.labels: Mapping[str, Mapping[str, str]] = {}

    def of(self, found: SourceFile) -> Batch:
        """The batch of a photo."""
        return self.named[sanitize(found.batch, 100)] if found.batch else self.main

    def named_labels(self, provider: Provider[Any]) -> None:
        """Note by which labels the service shows them."""
        self.labels = {
            one.id: provider.batch_labels(one.id, one.name, one.created_at) for one in (self.main, *self.named.values())
        }


@dataclass(frozen=True)
class _Offers:
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


def _offers(
    session: Session, account: AccountConfig, workflows: Sequence[str], found: Sequence[SourceFile],
    labels: Mapping[str, str], batches: _Batches,
) -> _Offers:  # fmt: skip
    """Ask the service who pays, what the workflows cost now and what is left."""
    from artui.cli.workflow import told
    from artui.core.plan import UnknownWorkflows, fetch_offers

    usual = list(dict.fromkeys(workflows)) or ([account.workflow] if account.workflow else [])
    if not usual and (not found or any(not one.workflow for one in found)):
        raise CommandError(Exit.USAGE, "Which workflow? Say -w with an id or name; `artui workflows` lists them.")
    words = dict.fromkeys(one.workflow for one in found if one.workflow)
    if not found or any(not one.workflow for one in found):
        words = dict.fromkeys([*usual, *words])

    async def question(provider: Provider[Any]) -> Mapping[str, Offer]:
        batches.named_labels(provider)
        return await fetch_offers(provider, account.name, words)

    try:
        offers = session.ask(account, question)
    except UnknownWorkflows as problem:
        places = {one.workflow: one.place for one in reversed(found) if one.workflow}
        said = [
            (f"{place}: " if (place := places.get(one.wanted)) and one.wanted not in usual else "") + str(told(one))
            for one in problem.problems
        ]
        raise CommandError(Exit.USAGE, "\n".join(said)) from None
    return _Offers({word: replace(offer, labels=labels) for word, offer in offers.items()}, usual)


def _refuse_alike(offers: _Offers, rows: Sequence[SourceFile]) -> None:
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


def _outputs(into: str, template: str, metadata: str, rows: Sequence[SourceFile]) -> dict[str, Target]:
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


def _refuse_watched(outputs: Mapping[str, Target], session: Session, journal: Journal) -> None:
    from artui.watch.outputs import refuse_watched

    for folder in dict.fromkeys(target.folder for target in outputs.values()):
        refuse_watched(folder, session.config, journal)


def _planner(
    session: Session, journal: Journal, offers: _Offers, outputs: Mapping[str, Target], batches: _Batches, twins: str
) -> OrderPlanner:  # fmt: skip
    from artui.core.plan import OrderPlanner, Planner

    today = dt.datetime.now(session.config.timezone).date()
    planners = [
        Planner(journal, offer, outputs[""], lambda found: batches.of(found).name, today, Twins(twins), outputs)
        for offer in offers.distinct
    ]
    return OrderPlanner(planners, offers.of)


def _checked(
    found: Sequence[SourceFile],
    offer: Offer,
    account: AccountConfig,
    spending: Spending,
    elsewhere: Sequence[tuple[SourceFile, Photo]] = (),
) -> tuple[list[tuple[SourceFile, Photo]], list[RefusedFile], int]:
    """The files after a look at each, and what lies elsewhere as it is."""
    from artui.core.plan import PlanProblem, check

    if elsewhere and not offer.limits.takes_addresses:
        raise PlanProblem(f"The service of {offer.account} takes files only, and fetches nothing from an address.")
    accepts = replace(offer.limits.accepts, strict=spending.strict or account.strict)
    # Each file once, for however many workflows it stands in a list.
    files = {one.path: one for one in reversed(found)}
    each = [one for one in found if files[one.path] is one]
    with counter("Checking") as counted:
        photos, refused, passed_over = check(each, accepts, counted, suspect=spending.suspect)
    seen = {one.path: photo for one, photo in photos}
    return [*((one, seen[one.path]) for one in found if one.path in seen), *elsewhere], refused, passed_over


def _made_before(journal: Journal, what: str) -> tuple[Job, set[str]]:
    """The newest job made from this file, or the one of this number; and which workflows its photo has been through."""
    from artui.cli.naming import job_or_file, made_of

    named = job_or_file(journal, what)
    made = made_of(journal, named) if isinstance(named, Path) else [named]
    if not made:
        there = isinstance(named, Path) and os.path.lexists(named)
        advice = "`artui submit` sends it" if there else "and there is no such file: check the path"
        raise CommandError(Exit.USAGE, f"{what} was never sent{':' if there else ','} {advice}.")
    every = made if isinstance(named, Path) else made_of(journal, made[0].source)
    return made[0], {job.workflow for job in every}


# --------------------------------------------------------------------------------------------------- carrying it out


@dataclass
class _Sending:
    """From an order to jobs: shown, agreed to, added, and followed where that is wanted."""

    session: Session
    journal: Journal
    planner: OrderPlanner
    batches: _Batches
    flags: Spending
    delivery: tuple[str, str]
    has_subfolders: bool = False
    is_rework: bool = False
    """Whether it orders what was rejected, each once whoever asks."""

    def carry_out(self, order: Order) -> Exit:
        """Show the order, ask, send; returns how the command ends."""
        from artui.cli.planned import Telling, plan_document
        from artui.core.health_phrases import moment
        from artui.core.quote import order_portions, quote
        from artui.journal import history

        config = self.session.config
        offer = order.plans[0].offer
        account = config.accounts[offer.account]
        prices = {plan.offer.workflow.price for plan in order.plans}
        cost = self.journal.read(
            quote, offer.account, account.caps, prices.pop() if len(prices) == 1 else None,
            order_portions(order, lambda one: self.batches.of(one.found)), config.timezone, told=offer.balance,
        )  # fmt: skip
        opens = account.opens(time.time(), config.timezone)
        telling = Telling(order, cost, "" if opens is None else moment(opens, config.timezone))
        if not (self.flags.as_json and self.flags.dry_run):
            for line in telling.lines():
                (put if self.flags.dry_run else say)(line)
        if self.flags.dry_run and self.flags.as_json:
            put_json(plan_document(order, self.batches.main, self.batches.of, cost, opens))
        self._tell_sample(len(order.queued))
        if not order.photos:
            hint = " Its sub-folders are sent with -r." if self.has_subfolders else ""
            raise CommandError(Exit.USAGE, f"There is no photo to send.{hint}")
        if self.flags.dry_run:
            return _ending(order)
        if order.queued and not self._may_send(telling.question()):
            return Exit.USAGE
        self._probe(order, account)
        since = self.journal.read(history.last_seq)
        return self._added(*self._add(order), since)

    def _tell_sample(self, number: int) -> None:
        sample = self.batches.main.sample
        if sample is not None and sample < number and not (self.flags.as_json and self.flags.dry_run):
            tell = put if self.flags.dry_run else say
            tell(f"A sample of {sample:,} is sent; {number - sample:,} wait, unsent, for `artui approve`.")

    def _may_send(self, question: str) -> bool:
        if self.flags.yes:
            return True
        if not can_ask():
            say("Nothing was sent: without a terminal to ask on, --yes says that it may cost this.")
            return False
        if agrees(question):
            return True
        say("Nothing was sent.")
        return False

    def _probe(self, order: Order, account: AccountConfig) -> None:
        """See whether results can be saved; where a list names many folders the engine sees to the rest."""
        from artui.files import OutputProblem, Permissions, probe_folder

        planner = self.planner.planners[0]
        folders = dict.fromkeys(planner.target_of(one.found).folder for _, one in order.photos)
        try:
            for folder in islice(folders, PROBED):
                probe_folder(folder, Permissions.of(account.mode, account.group))
        except OutputProblem as problem:
            raise CommandError(Exit.USAGE, f"Nothing was sent: {problem}") from None

    def _add(self, order: Order) -> tuple[Order, list[tuple[int, Batch, Plan, Planned]]]:
        """Add the jobs, all at once; where another program takes one of their names at this moment, under other
        names."""
        from artui.core.plan import OrderedMeanwhile, refuse_ordered
        from artui.core.plan.order import add
        from artui.core.submit import NamesTaken, submit
        from artui.journal import Connection

        def added(db: Connection, named: Order) -> dict[str, list[int]]:
            made = named.new_jobs(self.batches.of, self.batches.labels, self.delivery)
            if self.is_rework:
                refuse_ordered(db, chain.from_iterable(new for _, new in made.values()))
            return add(db, made)

        if not order.queued:
            return order, []
        try:
            order, numbers = submit(self.journal, self.planner, order, added)
        except (NamesTaken, OrderedMeanwhile) as late:
            raise CommandError(Exit.LOCKED, str(late)) from None
        each = {batch: iter(its) for batch, its in numbers.items()}
        batched = [(self.batches.of(planned.found), plan, planned) for plan, planned in order.queued]
        return order, [(next(each[batch.id]), batch, plan, planned) for batch, plan, planned in batched]

    def _added(self, order: Order, added: Sequence[tuple[int, Batch, Plan, Planned]], since: int) -> Exit:
        from artui.cli.planned import queued_document
        from artui.engine.client import ensure_running
        from artui.journal import requests

        document = queued_document(order, self.batches.main, added)
        numbers = [number for number, *_ in added]
        span = f"job {numbers[0]}" if len(numbers) == 1 else f"jobs {min(numbers)} to {max(numbers)}" if numbers else ""
        queued = f"Queued as {span}. `artui wait` follows them, `artui jobs` lists them."
        if numbers:
            go_on(queued)
        if self.journal.read(requests.has_work):
            ensure_running(self.session.paths, self.journal)
        if self.flags.wait:
            return self._follow(order, frozenset(numbers), document, since)
        if self.flags.as_json:
            put_json(document)
        elif numbers:
            say(queued)
        return _ending(order)

    def _follow(self, order: Order, numbers: frozenset[int], document: Mapping[str, Any], since: int) -> Exit:
        from artui.cli.following import printer, wait_for
        from artui.core.follow import JsonLines
        from artui.core.plan import Verdict
        from artui.journal.following import Scope

        known = frozenset(one.job for _, one in order.having(Verdict.KNOWN) if one.job is not None)
        printed = printer(as_json=self.flags.as_json)
        if isinstance(printed, JsonLines):
            printed.document("queued", document)
        scope = Scope(self.batches.main.id, known | (numbers if self.batches.named else frozenset()))
        return wait_for(
            self.session, self.journal, scope, since, printed, with_qa=self.flags.wait_qa, besides=_ending(order)
        )


def _ending(order: Order) -> Exit:
    """How a command ends as far as the order tells: a file that was refused is a failure."""
    return Exit.FAILED if order.refused else Exit.OK
