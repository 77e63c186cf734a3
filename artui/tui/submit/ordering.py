"""The order: what the picked photos are sent to, where results go, what it costs at most, in a few lines."""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass, field, replace
from datetime import date
from pathlib import Path
from typing import TYPE_CHECKING

from textual.content import Content

from artui.config import AccountConfig
from artui.config.known import placeholders
from artui.config.sku_patterns import sku_of
from artui.core import plan
from artui.core.plan import OrderPlanner, Planner, SourceFile, Target, run_of
from artui.core.quote import Quote
from artui.files.metadata import Keeping
from artui.files.values import NOTHING
from artui.journal import Journal
from artui.journal.caps import Portion
from artui.journal.prices import together, weight
from artui.model.capabilities import Limits
from artui.model.states import Twins
from artui.providers import DEFAULT, capabilities
from artui.sanitize import sanitize, width
from artui.tui import catalogue
from artui.tui.look import Glyphs
from artui.tui.submit.batches import LABEL, Batching, label_of
from artui.tui.submit.marks import Sum
from artui.tui.words import about, amount, home, plural

if TYPE_CHECKING:
    from artui.providers.base import Balance, Identity

DEFAULT_OUTPUT = "retouched"
DEFAULT_TEMPLATE = "{relative}/{stem}"
NO_ACCOUNT = "You can look and check files now; sending needs an account: 5."


def limits_of(account: AccountConfig | None) -> Limits:
    """What the account's service takes; without an account what an account is made for if nothing else is said."""
    return capabilities(account.provider if account else DEFAULT).limits


ALIKE = frozenset({"relative", "date", "batch", "workflow", "account", "rule"})
"""What the photos of one folder have in common: what stands for these alone names a folder, and no photo."""


def folder_target(output: str) -> Target:
    """The target of a folder for results, which may hold ``{…}``; below it results keep the folders of their photos."""
    return Target.of(output, "{stem}" if "{relative}" in output else DEFAULT_TEMPLATE)


def target_of(typed: str) -> Target:
    """The target a person means: a folder, or one with a template for what comes below it."""
    typed = typed.removesuffix("{ext}")
    above, _, last = typed.rpartition("/")
    with suppress(ValueError):
        if {name for name, _ in placeholders(last)} - ALIKE:
            return Target.of(above or os.curdir, last)
    return folder_target(typed)


def apart(target: Target, found: Sequence[SourceFile]) -> Target:
    """The target, or a folder beside it where these photos lie in its own: results are never put among them."""
    tops = {file.top for file in found}
    folder, number = target.folder, 2
    while folder in tops:
        folder, number = target.folder.with_name(f"{target.folder.name}-{number}"), number + 1
    return replace(target, folder=folder)


@dataclass(frozen=True, slots=True)
class AccountSnapshot:
    """What the service says of an account: who pays, and what is left."""

    identity: Identity
    balance: Balance


@dataclass
class OrderForm:
    """What is ordered. ``choices`` are the workflows, each photo goes through all; ``standing`` what the service said
    of the account, ``gap`` the usual time between two photos that come back, in seconds; None where that is not known
    (yet)."""

    target: Target
    account: AccountConfig | None = None
    limits: Limits | None = None
    choices: tuple[catalogue.CatalogEntry, ...] = ()
    standing: AccountSnapshot | None = None
    gap: float | None = None
    batching: Batching = field(default_factory=Batching)

    def offers(self) -> list[plan.Offer]:
        """What a plan needs to know of each workflow; none as long as something is missing."""
        if not (self.account and self.limits and self.standing):
            return []
        return [
            plan.Offer(
                self.account.name, self.account.provider, self.standing.identity, one.workflow, self.limits,
                self.standing.balance,
            ) for one in self.choices
        ]  # fmt: skip

    def planner(
        self, journal: Journal, today: date, batch: str | Callable[[SourceFile], str] = ""
    ) -> OrderPlanner | None:  # fmt: skip
        """Who can say what the journal means for a photo; None as long as something is missing."""
        offers = self.offers()
        if not offers:
            return None
        target = self.named_target
        planners = [Planner(journal, offer, target, batch, today, self.twins) for offer in offers]
        return OrderPlanner(planners, lambda _: offers)

    @property
    def workflows(self) -> list[str]:
        """The ids of the workflows."""
        return [one.workflow.id for one in self.choices]

    @property
    def each(self) -> int | None:
        """What a photo costs through all workflows; None where that is not known."""
        return together(one.workflow.price for one in self.choices) if self.choices else None

    @property
    def twins(self) -> Twins:
        """What becomes of photos that were bought before."""
        return Twins(self.account.twins) if self.account else Twins.ONCE

    @property
    def named_target(self) -> Target:
        """The target, with what of the photos' metadata the account's results get; the results of several workflows are
        called after them, where the person has not said how."""
        target = self.target
        if len(self.choices) > 1 and target.template == DEFAULT_TEMPLATE:
            target = replace(target, template=f"{DEFAULT_TEMPLATE}-{{workflow}}")
        return replace(target, metadata=Keeping(self.account.metadata)) if self.account else target

    def most(self, total: Sum) -> int | None:
        """What these photos cost at most; None where some price is not known."""
        prices = {one.workflow.id: one.workflow.price for one in self.choices}
        costs = [(prices.get(workflow), number) for (workflow, _), number in total.sends.items()]
        return together(None if price is None else price * number for price, number in costs)

    def money(self, cost: int) -> str:
        """An amount, and about what it is before tax."""
        euro = self.limits.euro_per_credit if self.limits else None
        return f"{cost:,} cr" + (f" (~{cost * euro:,.2f} EUR)" if euro else "")

    def sku_in(self, name: str) -> str:
        """The SKU that the account's pattern takes out of a file's name; empty where there is none."""
        pattern = self.account.sku_pattern if self.account else None
        return sanitize(sku_of(pattern, name)) if pattern else ""

    def sku_of(self, path: Path) -> str:
        """The SKU a photo is labelled with, as far as its name and its folder tell."""
        with suppress(ValueError):
            return self.sku_in(path.name) or label_of(self.batching.label, SourceFile(path, path.parent), NOTHING)
        return ""

    # ------------------------------------------------------------------------------------------------- the lines

    def workflow_line(self, glyphs: Glyphs) -> str:
        """The workflow with its price and what we know of it."""
        if self.account is None:
            return NO_ACCOUNT
        if not self.choices:
            return "none yet: w chooses one and shows its price"
        if len(self.choices) > 1:
            each = "price not known" if self.each is None else f"{self.each:,} cr each"
            return f"{sanitize(titled(self.choices), 60, glyphs.ellipsis)}  {each}"
        flow, past = self.choices[0].workflow, self.choices[0].past
        says = ["price not known" if flow.price is None else f"{flow.price:,} cr each"]
        if past.usual is not None:
            says.append(f"usually {about(past.usual)}")
        if past.saved:
            says.append(f"{past.saved:,} saved")
        if self.choices[0].is_changed:
            says.append(f"changed since {catalogue.day_of(past.last_used)}")
        return f"{sanitize(titled(self.choices), 40, glyphs.ellipsis)}  {', '.join(says)}"

    def output_line(self, cells: int, glyphs: Glyphs) -> str:
        """Where results go."""
        target = self.named_target
        return sanitize(f"{home(target.folder)}/{target.template}{{ext}}", cells, glyphs.ellipsis)

    def batch_line(self, found: Sequence[SourceFile], cells: int, glyphs: Glyphs) -> str:
        """How batches are made, and the label."""
        label = f"{LABEL}={sanitize(self.batching.label, 20)}"
        left = sanitize(self.batching.line(found, glyphs.dot), max(10, cells - width(label) - 2), glyphs.ellipsis)
        return left + " " * max(2, cells - width(left) - width(label)) + label

    def portions(self, total: Sum) -> list[Portion]:
        """The photos to send as the caps see them."""
        flows = {one.workflow.id: one.workflow for one in self.choices}
        return [
            Portion(run_of(top, flows[workflow]), number, weight=weight(flows[workflow].price))
            for (workflow, top), number in total.sends.items()
            if workflow in flows
        ]

    def sum_line(self, total: Sum, cost: Quote | None) -> Content:
        """What it costs at most, what is left then, and what the caps say; ``cost`` may still be of other photos."""
        if total.archives:
            return Content("price of a ZIP not known")
        most = self.most(total)
        if most is None or not self.choices:
            return Content("")
        money = f"{'AT MOST ' if total.open else ''}{self.money(most)}"
        says: list[str | tuple[str, str]] = [(money, "bold")]
        if cost is None or (cost.count, cost.cost) != (total.sendings, most):
            return Content.assemble(*says)
        if cost.balance_after is not None:
            says += [" | ", (f"balance after {cost.balance_after:,}", "$error" if cost.balance_after < 0 else "")]
        elif cost.unknown:
            says += [" | ", "balance unknown"]
        if cost.bounds:
            one = min(cost.bounds, key=lambda one: (not one.is_short, one.room))
            fits = (f"room for {one.room:,}", "$warning") if one.is_short else ("cap ok", "")
            says += [" | ", f"{sanitize(one.span, 30)} {one.after:,}/{one.cap.limit:,} ", fits]
        return Content.assemble(*(piece for piece in says if piece != ("", "")))

    def lasts(self, number: int) -> str:
        """How long so many photos take, as far as earlier ones tell."""
        usual = max((one.past.usual for one in self.choices if one.past.usual is not None), default=None)
        if usual is None or not number:
            return ""
        return f"{plural(number, 'photo')} take about {about(usual + number * (self.gap or 0.0))}."


def titled(choices: Sequence[catalogue.CatalogEntry]) -> str:
    """A workflow's name and the day it was last changed; of several the names."""
    if len(choices) > 1:
        return " + ".join(one.workflow.name for one in choices)
    day = catalogue.day(choices[0].workflow)
    return choices[0].workflow.name if day == "-" else f"{choices[0].workflow.name} ({day})"


def marked_line(total: Sum) -> str:
    """The marked files as an equation: what is known of them, and how many are still to be checked."""
    results = f" ({plural(total.sendings, 'result')})" if not total.open and total.sendings > total.to_send else ""
    parts = [f"{total.to_send - total.open:,} to send{results}"] if total.checked else []
    for number, words in (
        (total.done, "done before"), (total.twins, "same photo"), (total.refused, "refused"),
        (total.open, "not checked yet"),
    ):  # fmt: skip
        if number:
            parts.append(f"{number:,} {words}")
    return f"{total.marked:,} marked = {' + '.join(parts)}"


def checked_line(total: Sum) -> str:
    """How far checking is."""
    return f"checked {amount(total.checked)} of {amount(total.marked)}"
