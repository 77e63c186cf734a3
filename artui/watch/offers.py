"""What a rule's photos are sent to: asked of the service when the rule is loaded, and pinned in the journal."""

from __future__ import annotations

import asyncio
import json
import logging
import os
from collections.abc import Awaitable, Callable, Mapping, Sequence
from contextlib import suppress
from typing import Any, Protocol

from artui import providers
from artui.config import Config, ConfigError
from artui.config.known import nearest
from artui.core.plan import NotOneWorkflow, Offer, UnknownWorkflows, exports, fetch_offers
from artui.credentials import CredentialProblem
from artui.journal import Journal, rules
from artui.model.job import Batch
from artui.providers.base import Limits, Provider, ProviderError
from artui.watch.rules import Rule, load_rules

log = logging.getLogger(__name__)

FIRST_REST, LONGEST_REST = 5.0, 300.0
"""Seconds between two questions to a service that cannot be asked what a workflow costs."""

PATIENCE = 10.0
"""Seconds after which a rule begins without the service's answer."""


class Offers(Protocol):
    """Knows the services for the watcher."""

    async def ask(self, rule: Rule) -> tuple[Offer, ...]:
        """Who pays for a rule's photos, and its workflows with version and price as they are now.

        Raises ProviderError where the service cannot be asked, ConfigError where the rule must be changed.
        """

    def limits(self, rule: Rule) -> Limits:
        """What the rule's service takes, without asking it."""

    def labels(self, rule: Rule, batch: Batch) -> Mapping[str, str]:
        """The labels by which the service shows a batch, without asking it."""

    async def close(self) -> None:
        """Close every connection."""


class ServiceOffers:
    """Asks the services of a configuration. ``open_provider`` makes the provider of an account's name."""

    def __init__(self, config: Config, open_provider: Callable[[str], Provider[Any]]) -> None:
        self._config = config
        self._open = open_provider
        self._opened: dict[str, Provider[Any]] = {}

    async def ask(self, rule: Rule) -> tuple[Offer, ...]:
        """Who pays, and the workflows now. Before anything is paid: whether the rules that take their results can."""
        try:
            found = await fetch_offers(self._provider(rule), rule.account, rule.workflows, beginning=False)
        except UnknownWorkflows as unknown:
            why = "; ".join(_why(problem, rule) for problem in unknown.problems)
            raise ConfigError(f"{rule.source}: {why}") from None
        offers = tuple(found.values())
        if twice := [word for word, offer in found.items() if sum(offer is one for one in offers) > 1]:
            raise ConfigError(f"{rule.source}: workflows: {' and '.join(twice)} are one workflow: name it once")
        if any("after_rule" in written for written in self._config.watch):
            for other in load_rules(self._config):
                if other.after_rule == rule.name:
                    self._refuse_misfit(rule, offers, other)
        return offers

    def _refuse_misfit(self, rule: Rule, offers: Sequence[Offer], other: Rule) -> None:
        """Raise ConfigError where a rule that takes the results of another cannot take what that one's workflows make.
        Of results in a folder for each workflow it need not see all."""
        takes = self.limits(other).accepts.media_types
        misfits = [(made, offer) for offer in offers if (made := exports(offer.workflow)) and made not in takes]
        is_apart = "{workflow}" in os.path.dirname(rule.target.template)  # noqa: PTH120 — a template
        if not misfits or (is_apart and len(misfits) < len(offers)):
            return
        made, offer = misfits[0]
        raise ConfigError(
            f"{other.source}: results of the rule {rule.name} are {made} ({offer.workflow.name}), which the service of"
            f" {other.account} does not take: nothing is sent through {rule.name}. Change its workflow, or take"
            " after_rule away"
        )

    def limits(self, rule: Rule) -> Limits:
        """What the service takes."""
        return providers.capabilities(self._config.accounts[rule.account].provider).limits

    def labels(self, rule: Rule, batch: Batch) -> Mapping[str, str]:
        """The service's labels of a batch."""
        return self._provider(rule).batch_labels(batch.id, batch.name, batch.created_at)

    async def close(self) -> None:
        """Close what was opened."""
        while self._opened:
            await self._opened.popitem()[1].close()

    def _provider(self, rule: Rule) -> Provider[Any]:
        if rule.account not in self._opened:
            self._opened[rule.account] = self._open(rule.account)
        return self._opened[rule.account]


def _why(problem: NotOneWorkflow, rule: Rule) -> str:
    """Why one of a rule's workflows cannot be told."""
    if problem.why or problem.found:
        return str(problem)
    hint = nearest(problem.wanted, [one.name for one in problem.known]) or "; `artui workflows` lists them"
    return f"account {rule.account} has no workflow {problem.wanted}{hint}"


# ---------------------------------------------------------------------------------------------------------- pinning


class PinnedOffer:
    """What one rule's photos are sent to: asked when the rule is loaded, and the same until it is loaded again.

    ``offers`` are its workflows, none while nothing can be sent: until the service has answered, or where one became
    dearer than it was when the rule was loaded last (``dearer``, until `accept`). ``problem`` says so. ``told`` is
    awaited when anything changed, with a sentence where something new was pinned.
    """

    def __init__(self, rule: Rule, journal: Journal, offers: Offers, told: Callable[[str], Awaitable[None]]) -> None:
        self.offers: tuple[Offer, ...] = ()
        self.dearer: tuple[Offer, ...] = ()
        self.problem = ""
        self._rule = rule
        self._journal = journal
        self._offers = offers
        self._told = told
        self._asking: asyncio.Task[None] | None = None
        self._answered = asyncio.Event()

    async def begin(self) -> None:
        """Begin to ask, and wait for an answer or a failure, but not for long."""
        self._asking = asyncio.create_task(self._ask())
        with suppress(TimeoutError):
            async with asyncio.timeout(PATIENCE):
                await self._answered.wait()

    async def close(self) -> None:
        """Ask no more."""
        if self._asking is not None:
            self._asking.cancel()
            await asyncio.gather(self._asking, return_exceptions=True)

    async def accept(self) -> None:
        """A yes to the higher price."""
        if self.dearer:
            await self._pin(self.dearer)

    async def _ask(self) -> None:
        """Ask until the service says what the workflow costs; until then what was pinned last serves."""
        row = await self._journal.read_async(rules.row, self._rule.id)
        last = pinned(self._rule, row.offer, self._offers.limits(self._rule))
        rest = FIRST_REST
        while True:
            try:
                offers = await self._offers.ask(self._rule)
                break
            except (ProviderError, ConfigError, CredentialProblem) as problem:
                self.problem = str(problem)
            except Exception as defect:  # the rule must say that it waits, and go on asking
                log.exception("the rule %s could not ask", self._rule.name)
                self.problem = f"{type(defect).__name__}: {defect}"
            self.offers = last  # the price that was agreed to: the engine asks again before it pays
            self._answered.set()
            await self._told("")
            await asyncio.sleep(rest)
            rest = min(2 * rest, LONGEST_REST)
        if why := dearer(offers, last):
            self.dearer, self.offers, self.problem = offers, (), why
            await self._told("")
        else:
            await self._pin(offers)
        self._answered.set()

    async def _pin(self, offers: tuple[Offer, ...]) -> None:
        self.offers, self.dearer, self.problem = offers, (), ""
        text = pin(self._rule, offers)
        costs = [
            f"{flow.name} {'at an unknown price' if flow.price is None else f'at {flow.price} each'}"
            for flow in (offer.workflow for offer in offers)
        ]
        before = f"results of {self._rule.after_rule}: " if self._rule.after_rule else ""
        said = f"{before}{', '.join(costs)}, paid by {offers[0].identity.organization.name}"
        is_news = await self._journal.write_async(rules.set_offer, self._rule.id, text)
        await self._told(said if is_news else "")


def dearer(offers: Sequence[Offer], last: Sequence[Offer]) -> str:
    """Why offers need a yes: what a workflow costs now, and what before; empty where they need none."""
    for offer, before in zip(offers, last, strict=False):  # in the rule's order; one made anew has another id
        price, was = offer.workflow.price, before.workflow.price
        if price is not None and was is not None and price > was:
            return f"{offer.workflow.name} now costs {price}, not {was}: nothing is sent at the new price"
    return ""


def pin(rule: Rule, offers: Sequence[Offer]) -> str:
    """Offers as the journal keeps them for a rule."""
    documents = [offer.document() for offer in offers]
    definitions = [document.pop("definition") for document in documents]
    kept = {"account": rule.account, "workflows": rule.workflows, **documents[0], "definitions": definitions}
    return json.dumps(kept)


def pinned(rule: Rule, text: str, limits: Limits) -> tuple[Offer, ...]:
    """The offers that were pinned for a rule; none where nothing was, or the rule names another account or other
    workflows."""
    kept = rules.pinned(text)
    # Of another workflow, no price was agreed to.
    if (kept.get("account"), kept.get("workflows")) != (rule.account, [*rule.workflows]):
        return ()
    documents = ({**kept, "definition": definition} for definition in kept["definitions"])
    return tuple(Offer.from_document(rule.account, document, limits) for document in documents)
