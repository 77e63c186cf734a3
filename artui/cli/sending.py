"""From an order to jobs: shown with its price, agreed to, added, and followed where that is wanted."""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import chain, islice
from typing import TYPE_CHECKING, Any

from artui.cli.exits import CommandError, Exit, Onward
from artui.cli.session import Session
from artui.cli.streams import go_on
from artui.cli.terminal import agrees, can_ask, put, put_json, say
from artui.config import AccountConfig
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
    is_last: bool = True
    """Whether the command has nothing else to do, so that it may wait as `artui wait` does."""

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
        telling = Telling(order, cost, account, "" if opens is None else moment(opens, config.timezone))
        if not (self.flags.as_json and self.flags.dry_run):
            for line in telling.lines():
                (put if self.flags.dry_run else say)(line)
        if self.flags.dry_run and self.flags.as_json:
            put_json(plan_document(order, account, self.batches.main, self.batches.of, cost, opens))
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
            return self._follow(order, frozenset(numbers), document, since, queued if numbers else "")
        if self.flags.as_json:
            put_json(document)
        elif numbers:
            say(queued)
        return _ending(order)

    def _follow(
        self, order: Order, numbers: frozenset[int], document: Mapping[str, Any], since: int, done: str
    ) -> Exit:  # fmt: skip
        """Wait for them. Raises Onward, since to wait takes a third of the memory that was needed to send."""
        from artui.cli.following import Following, printer, wait_for
        from artui.core.follow import JsonLines
        from artui.core.plan import Verdict

        known = frozenset(one.job for _, one in order.having(Verdict.KNOWN) if one.job is not None)
        printed = printer(as_json=self.flags.as_json)
        if isinstance(printed, JsonLines):
            printed.document("queued", document)
        these = known | (numbers if self.batches.named else frozenset())
        following = Following(self.batches.main.id, tuple(sorted(these)), since, _ending(order), done)
        if self.is_last:
            raise Onward(following.arguments(with_qa=self.flags.wait_qa, as_json=self.flags.as_json))
        return wait_for(self.session, self.journal, following, printed, with_qa=self.flags.wait_qa)


def _ending(order: Order) -> Exit:
    """How a command ends as far as the order tells: a file that was refused is a failure."""
    return Exit.FAILED if order.refused else Exit.OK
