"""From an order to jobs: shown with its price, agreed to, added, and followed where that is wanted."""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import chain, islice
from typing import TYPE_CHECKING, Any

from artui.cli.exits import CommandError, Exit, first
from artui.cli.session import Session
from artui.cli.streams import go_on
from artui.cli.terminal import agrees, can_ask, put, put_json, say
from artui.model.job import Batch

if TYPE_CHECKING:
    from artui.cli.ordering import OrderBatches, Spending
    from artui.core.plan import Order, OrderPlanner, Plan, Planned
    from artui.journal import Journal

PROBED = 20
"""The most output folders that are looked at before anything is sent."""


@dataclass
class OrderSending:
    """From an order to jobs: shown, agreed to, added, and followed where that is wanted."""

    session: Session
    journal: Journal
    planner: OrderPlanner
    batches: OrderBatches
    flags: Spending
    delivery: tuple[str, str]
    has_subfolders: bool = False
    is_rework: bool = False
    """Whether it orders what was rejected, each once whoever asks."""

    def show(self, order: Order) -> tuple[str, Any]:
        """Show the order and what it costs; returns the question about it, and its plan as JSON has it."""
        from artui.cli.planned import Telling, plan_document
        from artui.core.health_phrases import opening
        from artui.core.quote import order_portions, quote

        config = self.session.config
        offer = order.plans[0].offer
        account = config.accounts[offer.account]
        prices = {plan.offer.workflow.price for plan in order.plans}
        cost = self.journal.read(
            quote, offer.account, account.caps, prices.pop() if len(prices) == 1 else None,
            order_portions(order, lambda one: self.batches.of(one.found)), config.timezone, told=offer.balance,
        )  # fmt: skip
        opens = account.opens(time.time(), config.timezone)
        telling = Telling(order, cost, account, "" if opens is None else opening(opens, config.timezone))
        if not (self.flags.as_json and self.flags.dry_run):
            tell, sample = put if self.flags.dry_run else say, self.batches.main.sample
            for line in telling.lines():
                tell(line)
            number = len({(one.found.path, one.found.address) for _, one in order.queued})
            if sample is not None and sample < number:
                tell(f"A sample of {sample:,} is sent; {number - sample:,} wait, unsent, for `artui approve`.")
        return telling.question(), plan_document(order, account, self.batches.main, self.batches.of, cost, opens)

    def refuse_empty(self, order: Order) -> None:
        """Raises CommandError where there is nothing to send."""
        if not order.photos:
            hint = " Its sub-folders are sent with -r." if self.has_subfolders else ""
            raise CommandError(Exit.USAGE, f"There is no photo to send.{hint}")

    def may_send(self, question: str) -> bool:
        """Whether a person, or an option, says yes to it."""
        if self.flags.yes:
            return True
        if not can_ask():
            say("Nothing was sent: without a terminal to ask on, --yes says that it may cost this.")
            return False
        if agrees(question):
            return True
        say("Nothing was sent.")
        return False

    def probe(self, order: Order) -> None:
        """See whether results can be saved; where a list names many folders the engine sees to the rest."""
        from artui.files import OutputProblem, Permissions, probe_folder

        account = self.session.config.accounts[order.plans[0].offer.account]
        planner = self.planner.planners[0]
        folders = dict.fromkeys(planner.target_of(one.found).folder for _, one in order.photos)
        try:
            for folder in islice(folders, PROBED):
                probe_folder(folder, Permissions.of(account.mode, account.group))
        except OutputProblem as problem:
            raise CommandError(Exit.USAGE, f"Nothing was sent: {problem}") from None

    def add(self, order: Order) -> Added:
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
            return Added(self, order, [])
        try:
            order, numbers = submit(self.journal, self.planner, order, added)
        except (NamesTaken, OrderedMeanwhile) as late:
            raise CommandError(Exit.USAGE, str(late)) from None
        each = {batch: iter(its) for batch, its in numbers.items()}
        batched = [(self.batches.of(planned.found), plan, planned) for plan, planned in order.queued]
        return Added(self, order, [(next(each[batch.id]), batch, plan, planned) for batch, plan, planned in batched])


@dataclass(frozen=True)
class Added:
    """An order that was added, and its jobs by their numbers."""

    sending: OrderSending
    order: Order
    jobs: Sequence[tuple[int, Batch, Plan, Planned]]

    @property
    def numbers(self) -> list[int]:
        """The numbers of its jobs."""
        return [number for number, *_ in self.jobs]

    def document(self) -> Mapping[str, Any]:
        """It as JSON has it."""
        from artui.cli.planned import queued_document

        return queued_document(self.order, self.sending.batches.main, self.jobs)


def carry_out(
    orders: Sequence[tuple[OrderSending, Order]], *, as_list: bool = False, besides: Sequence[Exit] = ()
) -> Exit:  # fmt: skip
    """Show orders, ask about each, add those that are agreed to, and follow them; returns how the command ends, of
    which ``besides`` is known.

    All that can be looked at is looked at before the first is added; where a later one fails all the same, what was
    added is said. ``as_list``: JSON is a list, of however many. Raises Onward where they are to be waited for and that
    takes long.
    """
    from artui.journal import history

    if not orders:
        return first(besides)
    journal, flags = orders[0][0].journal, orders[0][0].flags
    shown = [sending.show(order) for sending, order in orders]
    if flags.dry_run and flags.as_json:
        _put([document for _, document in shown], as_list=as_list)
    for sending, order in orders:
        sending.refuse_empty(order)
    # A file that was refused is a failure.
    ends = [*besides, *(Exit.FAILED if order.refused else Exit.OK for _, order in orders)]
    if flags.dry_run:
        return first(ends)
    agreed = [
        one for one, (question, _) in zip(orders, shown, strict=True) if not one[1].queued or one[0].may_send(question)
    ]
    ends += [Exit.USAGE] * (len(orders) - len(agreed))
    for sending, order in agreed:
        sending.probe(order)
    since = journal.read(history.last_seq)
    added = _add_all(agreed)
    if flags.wait and added:
        return _follow(added, since, first(ends))
    if flags.as_json:
        _put([one.document() for one in added], as_list=as_list)
    elif numbers := _numbers(added):
        say(_queued_as(numbers))
    return first(ends)


def _put(documents: Sequence[Any], *, as_list: bool) -> None:
    if as_list or documents:
        put_json(documents if as_list else documents[0])


def _add_all(agreed: Sequence[tuple[OrderSending, Order]]) -> list[Added]:
    """Add orders, and have an engine for them. Raises CommandError where one fails, with what was added before."""
    from artui.engine.client import ensure_running
    from artui.journal import requests

    if not agreed:
        return []
    added, late = list[Added](), None
    for sending, order in agreed:
        try:
            added.append(sending.add(order))
        except CommandError as problem:
            late = problem
            break
    numbers = _numbers(added)
    if numbers:
        go_on(_queued_as(numbers))
    one = agreed[0][0]
    if one.journal.read(requests.has_work):
        ensure_running(one.session.paths, one.journal)
    if late is not None:
        raise CommandError(late.code, f"{late}{f' Before that: {_queued_as(numbers)}' if numbers else ''}") from None
    return added


def _numbers(added: Sequence[Added]) -> list[int]:
    return [number for one in added for number in one.numbers]


def _queued_as(numbers: Sequence[int]) -> str:
    span = f"job {numbers[0]}" if len(numbers) == 1 else f"jobs {min(numbers)} to {max(numbers)}"
    return f"Queued as {span}. `artui wait` follows them, `artui jobs` lists them."


def _follow(added: Sequence[Added], since: int, besides: Exit) -> Exit:
    from artui.cli.following import Following, printer, wait_for
    from artui.core.follow import JsonLines
    from artui.core.plan import Verdict

    sending = added[0].sending
    known = {one.job for each in added for _, one in each.order.having(Verdict.KNOWN) if one.job is not None}
    printed = printer(as_json=sending.flags.as_json)
    if isinstance(printed, JsonLines):
        for each in added:
            printed.document("queued", each.document())
    numbers = _numbers(added)
    further = _numbers(added if sending.batches.named else added[1:])
    done = _queued_as(numbers) if numbers else ""
    following = Following(sending.batches.main.id, tuple(sorted(known.union(further))), since, besides, done)
    return wait_for(
        sending.session, sending.journal, following, printed, with_qa=sending.flags.wait_qa, may_become=True
    )
