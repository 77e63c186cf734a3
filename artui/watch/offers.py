"""What a rule's photos are sent to: asked of the service when the rule is loaded, and pinned in the journal."""

from __future__ import annotations

import asyncio
import json
import logging
from collections.abc import Awaitable, Callable, Mapping
from contextlib import suppress
from typing import Any, Protocol

from artui import providers
from artui.config import Config, ConfigError
from artui.config.known import nearest
from artui.core.plan import NotOneWorkflow, Offer, exports, fetch_offer
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

    async def ask(self, rule: Rule) -> Offer:
        """Who pays for a rule's photos, and its workflow with version and price as they are now.

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

    async def ask(self, rule: Rule) -> Offer:
        """Who pays, and the workflow now. Before anything is paid: whether the rules that take its results can."""
        try:
            offer = await fetch_offer(self._provider(rule), rule.account, rule.workflow)
        except NotOneWorkflow as problem:
            raise ConfigError(f"{rule.source}: {_why(problem, rule)}") from None
        made = exports(offer.workflow)
        for other in self._followers(rule):
            if made and made not in self.limits(other).accepts.media_types:
                raise ConfigError(
                    f"{other.source}: results of the rule {rule.name} are {made} ({offer.workflow.name}), which the"
                    f" service of {other.account} does not take: nothing is sent through {rule.name}. Change its"
                    " workflow, or take after_rule away"
                )
        return offer

    def _followers(self, rule: Rule) -> list[Rule]:
        """The rules that take the results of one."""
        if not any("after_rule" in written for written in self._config.watch):
            return []
        return [one for one in load_rules(self._config) if one.after_rule == rule.name]

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
    """Why a rule's workflow cannot be told."""
    if problem.why or problem.found:
        return str(problem)
    hint = nearest(rule.workflow, [one.name for one in problem.known]) or "; `artui workflows` lists them"
    return f"account {rule.account} has no workflow {rule.workflow}{hint}"


# ---------------------------------------------------------------------------------------------------------- pinning


class PinnedOffer:
    """What one rule's photos are sent to: asked when the rule is loaded, and the same until it is loaded again.

    ``offer`` is None while nothing can be sent: until the service has answered, or where the workflow became dearer
    than it was when the rule was loaded last (``dearer``, until `accept`). ``problem`` says so. ``told`` is awaited
    when anything changed, with a sentence where something new was pinned.
    """

    def __init__(self, rule: Rule, journal: Journal, offers: Offers, told: Callable[[str], Awaitable[None]]) -> None:
        self.offer: Offer | None = None
        self.dearer: Offer | None = None
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
        if self.dearer is not None:
            await self._pin(self.dearer)

    async def _ask(self) -> None:
        """Ask until the service says what the workflow costs; until then what was pinned last serves."""
        row = await self._journal.read_async(rules.row, self._rule.id)
        last = pinned(self._rule, row.offer, self._offers.limits(self._rule))
        rest = FIRST_REST
        while True:
            try:
                offer = await self._offers.ask(self._rule)
                break
            except (ProviderError, ConfigError, CredentialProblem) as problem:
                self.problem = str(problem)
            except Exception as defect:  # the rule must say that it waits, and go on asking
                log.exception("the rule %s could not ask", self._rule.name)
                self.problem = f"{type(defect).__name__}: {defect}"
            self.offer = last  # the price that was agreed to: the engine asks again before it pays
            self._answered.set()
            await self._told("")
            await asyncio.sleep(rest)
            rest = min(2 * rest, LONGEST_REST)
        if why := dearer(offer, last):
            self.dearer, self.offer, self.problem = offer, None, why
            await self._told("")
        else:
            await self._pin(offer)
        self._answered.set()

    async def _pin(self, offer: Offer) -> None:
        self.offer, self.dearer, self.problem = offer, None, ""
        text = pin(self._rule, offer)
        price = offer.workflow.price
        cost = "at an unknown price" if price is None else f"at {price} each"
        before = f"results of {self._rule.after_rule}: " if self._rule.after_rule else ""
        said = f"{before}{offer.workflow.name} {cost}, paid by {offer.identity.organization.name}"
        is_news = await self._journal.write_async(rules.set_offer, self._rule.id, text)
        await self._told(said if is_news else "")


def dearer(offer: Offer, last: Offer | None) -> str:
    """Why an offer needs a yes: what its workflow costs now, and what before; empty where it needs none."""
    price, before = offer.workflow.price, last.workflow.price if last else None
    if price is None or before is None or price <= before:
        return ""
    return f"{offer.workflow.name} now costs {price}, not {before}: nothing is sent at the new price"


def pin(rule: Rule, offer: Offer) -> str:
    """An offer as the journal keeps it for a rule."""
    return json.dumps({"account": rule.account, "workflow": rule.workflow, **offer.document()})


def pinned(rule: Rule, text: str, limits: Limits) -> Offer | None:
    """The offer that was pinned for a rule; None where there is none, or the rule names another account or workflow."""
    if not text:
        return None
    kept = json.loads(text)
    # Of another workflow, no price was agreed to.
    if (kept["account"], kept["workflow"]) != (rule.account, rule.workflow):
        return None
    return Offer.from_document(rule.account, kept, limits)
