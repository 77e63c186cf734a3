"""``artui submit`` and ``artui redo``: what would be sent and what it costs, a yes, then jobs in the journal."""

from __future__ import annotations

import datetime as dt
import sys
import time
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, BinaryIO
from uuid import uuid4

import click

from artui.cli.exits import CommandError, Exit, first
from artui.cli.options import AS_JSON, DRY_RUN, METADATA, STRICT, SUSPECT, TWINS, WAIT, WAIT_QA, YES, options
from artui.cli.session import Session
from artui.cli.streams import go_on
from artui.cli.terminal import agrees, can_ask, counter, put_json, say
from artui.config import AccountConfig
from artui.model.job import Batch
from artui.model.states import Twins
from artui.sanitize import sanitize

if TYPE_CHECKING:
    from artui.core.plan import Offer, Plan, Planner, RefusedFile, SourceFile
    from artui.files import Photo
    from artui.journal import Journal
    from artui.model.job import Job
    from artui.providers.base import Provider

DEFAULT_OUTPUT = "retouched"
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
    help="A list of photos, - for stdin: a name a line, or a table with file, name, sku, label:NAME.",
)
@click.option(
    "-0", "--null", "nul", is_flag=True, help="The names of that list end in NUL, as `find -print0` has them."
)
@click.option(
    "--base",
    type=click.Path(path_type=Path, file_okay=False, exists=True),
    help="The folder that relative names of the list are below; without it the list's own.",
)
@click.option("--url", "urls", multiple=True, help="A photo the service fetches itself, where it can; may be repeated.")
@click.option("--alias", "aliases", multiple=True, metavar="NAME/PATH", help="A photo in a storage the service knows.")
@click.option("-a", "--account", help="The account that pays; without it the one set as `account`.")
@click.option("-w", "--workflow", help="Workflow by id or name; without it the account's `workflow`.")
@click.option("-o", "--output", help="Folder for results; may hold {date}, {workflow} and so on.")
@click.option("--template", default="{stem}", show_default=True, help="Name of each result in that folder.")
@click.option("-r", "--recursive", is_flag=True, help="Also take the photos of sub-folders.")
@click.option("--batch", "name", help="Name of the batch, shown at the service too.")
@click.option("--label", "labels", multiple=True, metavar="K=V", help="A label for every photo; may be repeated.")
@click.option("--cap", type=click.IntRange(min=0), help="The most this batch may spend.")
@click.option("--sample", type=click.IntRange(min=1), help="Send so many first; the rest waits for `artui approve`.")
@options((TWINS, *SPENDING))
@click.pass_obj
def submit_command(
    session: Session, /, paths: tuple[Path, ...], listed: BinaryIO | None, base: Path | None, urls: tuple[str, ...],
    aliases: tuple[str, ...],
    account: str | None, workflow: str | None, output: str | None, template: str, recursive: bool, name: str | None,
    labels: tuple[str, ...], cap: int | None, sample: int | None, twins: str | None, *, nul: bool, **flags: Any,
) -> Exit:  # fmt: skip
    """Send photos, or folders of them, through a workflow."""
    from artui.core.plan import PlanProblem, Target, at_address, collect, named_after
    from artui.watch.outputs import refuse_watched

    addresses = dict.fromkeys([*urls, *(f"src://{alias}" for alias in aliases)])
    if not (paths or addresses or listed):
        raise CommandError(Exit.USAGE, "Which photos? Name files or folders, --files-from a list, --url, or --alias.")
    chosen, spending = session.account(account), Spending(**flags)
    spending.refuse_strict(chosen)
    own_labels = _labels(labels, chosen)
    target = Target.of(output or chosen.output or DEFAULT_OUTPUT, template, spending.keeping(chosen.metadata))
    try:
        target.refuse_loop(paths, recursive=recursive)
        left = Counter[str]()
        found = collect(paths, recursive=recursive, ignoring=session.config.ignoring, left=left)
        if listed:
            told = {one.path: one for one in _listed(listed, base, chosen, nul=nul)}
            found = [*told.values(), *(one for one in found if one.path not in told)]
        elsewhere = [at_address(address) for address in addresses]
        batch = _new_batch(name or named_after([*found, *(one for one, _ in elsewhere)]), chosen, cap, sample)
        offer = _offer(session, chosen, workflow, batch, own_labels)
        with session.journal() as journal:
            refuse_watched(target.folder, session.config, journal)
            planner = _planner(session, journal, offer, target, batch, twins or chosen.twins)
            plan = replace(planner.plan(*_checked(found, offer, chosen, spending, elsewhere)), ignored=left)
            return _Sending(session, journal, planner, batch, spending).carry_out(plan)
    except PlanProblem as problem:
        raise CommandError(Exit.USAGE, str(problem)) from None


@click.command("redo")
@click.argument("what", metavar="[FILE|JOB]", required=False)
@click.option("--rejected", is_flag=True, help="All whose result was rejected, and that were not ordered again since.")
@click.option("-w", "--workflow", help="Another workflow, by id or name; without it the one of the last time.")
@click.option("-o", "--output", help="Another folder for the result.")
@options(SPENDING)
@click.pass_obj
def redo_command(
    session: Session, /, what: str | None, workflow: str | None, output: str | None, *, rejected: bool, **flags: Any
) -> Exit:  # fmt: skip
    """Buy a photo anew that was bought before."""
    from artui.core import review
    from artui.core.plan import PlanProblem, redo_orders

    if rejected == bool(what):
        raise CommandError(Exit.USAGE, "Say which: a FILE or the number of a JOB, or --rejected.")
    spending = Spending(**flags)
    with session.journal() as journal:
        made = review.to_redo(journal) if what is None else [_made_before(journal, what)]
        if not made:
            say("No result is rejected whose photo was not ordered again.")
            return Exit.OK
        ends: list[Exit] = []
        try:
            orders = redo_orders(journal, made, workflow=workflow, output=output, metadata=spending.metadata)
            for order in orders:
                chosen = session.account(order.account)
                spending.refuse_strict(chosen)
                spending.keeping(order.target.metadata)
                number = len(order.found) + len(order.elsewhere)
                name = made[0].source.name if what is not None else f"{number:,} rejected"
                batch = _new_batch(f"redo {name}", chosen)
                offer = _offer(session, chosen, order.workflow, batch, {})
                planner = _planner(session, journal, offer, order.target, batch, chosen.twins)
                plan = planner.plan(*_checked(order.found, offer, chosen, spending, order.elsewhere), again=True)
                if plan.photos or len(orders) == 1:
                    ends.append(_Sending(session, journal, planner, batch, spending).carry_out(plan))
                else:  # its photos are gone: the others are ordered all the same
                    for one in plan.refused:
                        say(one.message)
                    ends.append(Exit.FAILED)
        except PlanProblem as problem:
            raise CommandError(Exit.USAGE, str(problem)) from None
        return first(ends)


# ------------------------------------------------------------------------------------------------ making the plan


def _listed(listed: BinaryIO, base: Path | None, account: AccountConfig, *, nul: bool) -> list[SourceFile]:
    """The photos of a list, with labels that may be given."""
    from artui.core.plan import PlanProblem, read_list
    from artui.core.plan.lists import MOST_BYTES

    beside = Path(listed.name).parent if listed is not sys.stdin.buffer else Path()
    try:
        found = read_list(listed.read(MOST_BYTES + 1), (base or beside).absolute(), nul=nul)
    except PlanProblem as problem:
        raise PlanProblem(f"{listed.name}: {problem}. Nothing was sent.") from None
    for label in dict.fromkeys(label for one in found for label in one.labels):
        _refuse_taken(label, account, "label:")
    return found


def _labels(given: Sequence[str], account: AccountConfig) -> dict[str, str]:
    """The labels that were given, but those that artui or the account's service reads itself."""
    labels = {}
    for text in given:
        key, equals, value = text.partition("=")
        if not (key and equals):
            raise CommandError(Exit.USAGE, f"--label {text!r} must have the form KEY=VALUE.")
        _refuse_taken(key, account, "--label ")
        labels[sanitize(key)] = sanitize(value)
    return labels


def _refuse_taken(label: str, account: AccountConfig, where: str) -> None:
    from artui.providers import capabilities

    beginnings = tuple(filter(None, ("artui_", capabilities(account.provider).own_labels)))
    if label.startswith(beginnings):
        raise CommandError(Exit.USAGE, f"{where}{label!r}: names that begin with {' or '.join(beginnings)} are taken.")


def _new_batch(name: str, account: AccountConfig, cap: int | None = None, sample: int | None = None) -> Batch:
    return Batch(str(uuid4()), sanitize(name, 100), account.name, time.time(), cap, sample)


def _offer(
    session: Session, account: AccountConfig, workflow: str | None, batch: Batch, labels: Mapping[str, str]
) -> Offer:
    """Ask the service who pays, what the workflow costs now and what is left."""
    from artui.cli.workflow import told
    from artui.core.plan import NotOneWorkflow, fetch_offer

    wanted = workflow or account.workflow
    if not wanted:
        raise CommandError(Exit.USAGE, "Which workflow? Say -w with an id or name; `artui workflows` lists them.")

    async def question(provider: Provider[Any]) -> Offer:
        offer = await fetch_offer(provider, account.name, wanted, beginning=True)
        return replace(offer, labels={**labels, **provider.batch_labels(batch.id, batch.name, batch.created_at)})

    try:
        return session.ask(account, question)
    except NotOneWorkflow as problem:
        raise told(problem) from None


def _planner(
    session: Session, journal: Journal, offer: Offer, target: Any, batch: Batch, twins: str
) -> Planner:  # fmt: skip
    from artui.core.plan import Planner

    today = dt.datetime.now(session.config.timezone).date()
    return Planner(journal, offer, target, batch.name, today, Twins(twins))


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
    with counter("Checking") as counted:
        photos, refused, passed_over = check(found, accepts, counted, suspect=spending.suspect)
    return [*photos, *elsewhere], refused, passed_over


def _made_before(journal: Journal, what: str) -> Job:
    """The newest job made from this file, or the one of this number."""
    from artui.cli.naming import job_or_file, made_of

    named = job_or_file(journal, what)
    made = made_of(journal, named) if isinstance(named, Path) else [named]
    if not made:
        raise CommandError(Exit.USAGE, f"{what} was never sent: `artui submit` sends it.")
    return made[0]


# --------------------------------------------------------------------------------------------------- carrying it out


@dataclass
class _Sending:
    """From a plan to jobs: shown, agreed to, added, and followed where that is wanted."""

    session: Session
    journal: Journal
    planner: Planner
    batch: Batch
    flags: Spending

    def carry_out(self, plan: Plan) -> Exit:
        """Show the plan, ask, send; returns how the command ends."""
        from artui.cli.planned import Telling, plan_document
        from artui.core.quote import portions, quote
        from artui.files import OutputProblem, Permissions, probe_folder
        from artui.journal import history

        config = self.session.config
        offer, account = plan.offer, config.accounts[plan.offer.account]
        cost = self.journal.read(
            quote, offer.account, account.caps, offer.workflow.price,
            portions(plan.photos, offer.workflow, lambda _: self.batch), config.timezone, told=offer.balance,
        )  # fmt: skip
        telling = Telling(plan, cost)
        if not (self.flags.as_json and self.flags.dry_run):
            for line in telling.lines():
                say(line)
        if self.flags.dry_run and self.flags.as_json:
            put_json(plan_document(plan, self.batch, cost))
        self._tell_sample(len(plan.queued))
        if not plan.photos:
            raise CommandError(Exit.USAGE, "There is no photo to send.")
        if self.flags.dry_run:
            return _ending(plan)
        if plan.queued and not self._may_send(telling.question()):
            return Exit.USAGE
        try:
            probe_folder(plan.target.folder, Permissions.of(account.mode, account.group))
        except OutputProblem as problem:
            raise CommandError(Exit.USAGE, f"Nothing was sent: {problem}") from None
        since = self.journal.read(history.last_seq)
        plan, numbers = self._add(plan)
        return self._added(plan, numbers, since)

    def _tell_sample(self, number: int) -> None:
        sample = self.batch.sample
        if sample is not None and sample < number and not (self.flags.as_json and self.flags.dry_run):
            say(f"A sample of {sample:,} is sent; {number - sample:,} wait, unsent, for `artui approve`.")

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

    def _add(self, plan: Plan) -> tuple[Plan, list[int]]:
        """Add the jobs; where another program takes one of their names at this moment, under other names."""
        from artui.core.plan import new_jobs
        from artui.core.submit import NamesTaken, submit
        from artui.journal import Connection, jobs

        def add(db: Connection, named: Plan) -> list[int]:
            return jobs.add(db, self.batch, new_jobs(named, self.batch))

        if not plan.queued:
            return plan, []
        try:
            return submit(self.journal, self.planner, plan, add)
        except NamesTaken as taken:
            raise CommandError(Exit.LOCKED, str(taken)) from None

    def _added(self, plan: Plan, numbers: list[int], since: int) -> Exit:
        from artui.cli.planned import queued_document
        from artui.engine.client import ensure_running
        from artui.journal import requests

        document = queued_document(plan, self.batch, numbers)
        span = f"job {numbers[0]}" if len(numbers) == 1 else f"jobs {numbers[0]} to {numbers[-1]}" if numbers else ""
        queued = f"Queued as {span}. `artui wait` follows them, `artui jobs` lists them."
        if numbers:
            go_on(queued)
        if self.journal.read(requests.has_work):
            ensure_running(self.session.paths, self.journal)
        if self.flags.wait:
            return self._follow(plan, document, since)
        if self.flags.as_json:
            put_json(document)
        elif numbers:
            say(queued)
        return _ending(plan)

    def _follow(self, plan: Plan, document: Mapping[str, Any], since: int) -> Exit:
        from artui.cli.following import printer, wait_for
        from artui.core.follow import JsonLines
        from artui.core.plan import Verdict
        from artui.journal.following import Scope

        known = frozenset(planned.job for planned in plan.having(Verdict.KNOWN) if planned.job is not None)
        printed = printer(as_json=self.flags.as_json)
        if isinstance(printed, JsonLines):
            printed.document("queued", document)
        scope = Scope(self.batch.id, known)
        return wait_for(
            self.session, self.journal, scope, since, printed, with_qa=self.flags.wait_qa, besides=_ending(plan)
        )


def _ending(plan: Plan) -> Exit:
    """How a command ends as far as the plan tells: a file that was refused is a failure."""
    return Exit.FAILED if plan.refused else Exit.OK
