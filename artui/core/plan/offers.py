"""What a service offers for a workflow now: who pays, its price and version, and what is left."""

from __future__ import annotations

import asyncio
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import asdict
from typing import TYPE_CHECKING, Any

from artui.core.plan.collecting import PlanProblem
from artui.core.plan.target import Offer, match_workflow, unreadable
from artui.model.offers import Balance, Identity, LeftOut, Workflow

if TYPE_CHECKING:
    from artui.model.capabilities import Limits
    from artui.providers.base import Provider


class NotOneWorkflow(PlanProblem):
    """A word means no workflow of an account or several, which are ``found`` among those ``known``; ``why`` where the
    one that is meant cannot be ordered."""

    def __init__(self, wanted: str, found: Sequence[Workflow], known: Sequence[Workflow], why: str = "") -> None:
        ids = ", ".join(one.id for one in found)
        several = f"{len(found)} workflows are called {wanted}: say the id of one ({ids})" if found else ""
        super().__init__(why or several or f"there is no workflow {wanted}")
        self.wanted, self.found, self.known, self.why = wanted, found, known, why


class UnknownWorkflows(PlanProblem):
    """Of the words of an order some mean no workflow, or several: the ``problems``, one for each."""

    def __init__(self, problems: Sequence[NotOneWorkflow]) -> None:
        super().__init__("\n".join(map(str, problems)))
        self.problems = problems


def choose(
    workflows: Sequence[Workflow], wanted: str, left_out: Sequence[LeftOut] = (), *, beginning: bool = False
) -> Workflow:
    """The workflow of this id or name (see :func:`match_workflow`). Raises :class:`NotOneWorkflow`."""
    if why := unreadable(workflows, wanted, left_out):
        raise NotOneWorkflow(wanted, (), workflows, why)
    found = match_workflow(workflows, wanted, beginning=beginning)
    if len(found) != 1:
        raise NotOneWorkflow(wanted, found, workflows)
    return found[0]


async def fetch_offer(provider: Provider[Any], account: str, workflow: str) -> Offer:
    """Ask the service who pays, what is left, and what the workflow of this id costs now. Raises ProviderError."""
    # A person waits for all of it.
    identity, whole, balance = await asyncio.gather(
        provider.identify(), provider.workflow(workflow), provider.told_balance()
    )
    return Offer(account, provider.name, identity, whole, provider.limits, balance)


async def fetch_offers(
    provider: Provider[Any], account: str, wanted: Collection[str], *, beginning: bool = True
) -> dict[str, Offer]:
    """As :func:`fetch_offer` for several words, each an id, a name or, with ``beginning``, that of one; words for one
    workflow share its offer.

    Raises :class:`UnknownWorkflows`, before any is asked about, and ProviderError.
    """
    # The balance beside the rest: a person waits for all of it.
    balance, (identity, chosen, whole) = await asyncio.gather(
        provider.told_balance(), _chosen(provider, wanted, beginning=beginning)
    )
    offers = {
        one: Offer(account, provider.name, identity, workflow, provider.limits, balance)
        for one, workflow in whole.items()
    }
    return {word: offers[one] for word, one in chosen.items()}


async def _chosen(
    provider: Provider[Any], wanted: Collection[str], *, beginning: bool
) -> tuple[Identity, dict[str, str], dict[str, Workflow]]:
    """Who pays, the id of the workflow that each word means, and those workflows whole by their ids."""
    identity, known = await provider.identify(), await provider.workflows()
    chosen: dict[str, str] = {}
    problems = []
    for word in wanted:
        try:
            chosen[word] = choose(known, word, provider.left_out, beginning=beginning).id
        except NotOneWorkflow as problem:
            problems.append(problem)
    if problems:
        raise UnknownWorkflows(problems)
    ids = list(dict.fromkeys(chosen.values()))
    return identity, chosen, dict(zip(ids, await asyncio.gather(*map(provider.workflow, ids)), strict=True))


async def fetch_order(
    provider: Provider[Any], account: str, wanted: Collection[str], batches: Iterable[tuple[str, str, float]]
) -> tuple[dict[str, Offer], dict[str, dict[str, str]]]:
    """What an order needs to know of the service: :func:`fetch_offers`, and the labels of its batches by their ids."""
    labels = {one[0]: dict(provider.batch_labels(*one)) for one in batches}
    return await fetch_offers(provider, account, wanted), labels


def documents(offers: Mapping[str, Offer]) -> dict[str, Any]:
    """What :func:`fetch_offers` gave, for JSON."""
    return {
        word: {**offer.document(), "balance": offer.balance and asdict(offer.balance)} for word, offer in offers.items()
    }


def of_documents(kept: Mapping[str, Any], account: str, limits: Limits) -> dict[str, Offer]:
    """The offers of :func:`documents`."""
    return {
        word: Offer.from_document(account, one, limits, one["balance"] and Balance(**one["balance"]))
        for word, one in kept.items()
    }
