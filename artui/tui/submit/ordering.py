"""The order: what the picked photos are sent to, where results go, what it costs at most, in a few lines."""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from datetime import date
from itertools import pairwise
from statistics import median
from typing import TYPE_CHECKING

from textual.content import Content

from artui.config import AccountConfig
from artui.core import plan
from artui.core.plan import Planner, SourceFile, Target, run_of
from artui.core.quote import Quote
from artui.files.metadata import Keeping
from artui.journal import Connection, Journal, history
from artui.journal.caps import Portion
from artui.model.capabilities import Limits
from artui.model.states import Twins
from artui.providers import DEFAULT, capabilities
from artui.sanitize import sanitize, width
from artui.tui import catalogue
from artui.tui.look import Glyphs
from artui.tui.submit.batches import LABEL, Batching
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


def target_of(typed: str) -> Target:
    """The target a person means: a folder, or one with a template for what comes below it."""
    typed = typed.removesuffix("{ext}")
    above, _, last = typed.rpartition("/")
    if "{" in last:
        return Target.of(above or os.curdir, last)
    return Target.of(typed, DEFAULT_TEMPLATE)


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
    """What is ordered. ``choice`` is the workflow, ``standing`` what the service said of the account; ``gap`` is the
    usual time between two photos that come back, in seconds; each None where it is not known (yet)."""

    target: Target
    account: AccountConfig | None = None
    limits: Limits | None = None
    choice: catalogue.CatalogEntry | None = None
    standing: AccountSnapshot | None = None
    gap: float | None = None
    batching: Batching = field(default_factory=Batching)

    def offer(self) -> plan.Offer | None:
        """What a plan needs to know; None as long as something is missing."""
        if not (self.account and self.limits and self.choice and self.standing):
            return None
        return plan.Offer(
            self.account.name, self.account.provider, self.standing.identity, self.choice.workflow, self.limits,
            self.standing.balance,
        )  # fmt: skip

    def planner(self, journal: Journal, today: date) -> Planner | None:
        """Who can say what the journal means for a photo; None as long as something is missing."""
        offer = self.offer()
        return Planner(journal, offer, self.keeping_target, "", today, self.twins) if offer else None

    @property
    def twins(self) -> Twins:
        """What becomes of photos that were bought before."""
        return Twins(self.account.twins) if self.account else Twins.ONCE

    @property
    def keeping_target(self) -> Target:
        """The target, with what of the photos' metadata the account's results get."""
        return replace(self.target, metadata=Keeping(self.account.metadata)) if self.account else self.target

    def most(self, number: int) -> int | None:
        """What so many photos cost at most; None where the price is not known."""
        price = self.choice.workflow.price if self.choice else None
        return None if price is None else price * number

    def money(self, cost: int) -> str:
        """An amount, and about what it is before tax."""
        euro = self.limits.euro_per_credit if self.limits else None
        return f"{cost:,} cr" + (f" (~{cost * euro:,.2f} EUR)" if euro else "")

    # ------------------------------------------------------------------------------------------------- the lines

    def workflow_line(self, glyphs: Glyphs) -> str:
        """The workflow with its price and what we know of it."""
        if self.account is None:
            return NO_ACCOUNT
        if self.choice is None:
            return "none yet: w chooses one and shows its price"
        flow, past = self.choice.workflow, self.choice.past
        says = ["price not known" if flow.price is None else f"{flow.price:,} cr each"]
        if past.usual is not None:
            says.append(f"usually {about(past.usual)}")
        if past.saved:
            says.append(f"{past.saved:,} saved")
        if self.choice.is_changed:
            says.append(f"changed since {catalogue.day_of(past.last_used)}")
        return f"{sanitize(titled(self.choice), 40, glyphs.ellipsis)}  {', '.join(says)}"

    def output_line(self, cells: int, glyphs: Glyphs) -> str:
        """Where results go."""
        return sanitize(f"{home(self.target.folder)}/{self.target.template}{{ext}}", cells, glyphs.ellipsis)

    def batch_line(self, found: Sequence[SourceFile], cells: int, glyphs: Glyphs) -> str:
        """How batches are made, and the label."""
        label = f"{LABEL}={sanitize(self.batching.label, 20)}"
        left = sanitize(self.batching.line(found, glyphs.dot), max(10, cells - width(label) - 2), glyphs.ellipsis)
        return left + " " * max(2, cells - width(left) - width(label)) + label

    def portions(self, total: Sum) -> list[Portion]:
        """The photos to send as the caps see them."""
        if self.choice is None:
            return []
        return [Portion(run_of(top, self.choice.workflow), number) for top, number in total.tops.items()]

    def sum_line(self, total: Sum, cost: Quote | None) -> Content:
        """What it costs at most, what is left then, and what the caps say; ``cost`` may still be of other photos."""
        if total.archives:
            return Content("price of a ZIP not known")
        most = self.most(total.to_send)
        if most is None:
            return Content("")
        money = f"{'AT MOST ' if total.open else ''}{self.money(most)}"
        says: list[str | tuple[str, str]] = [(money, "bold")]
        if cost is None or (cost.count, cost.most) != (total.to_send, most):
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
        usual = self.choice.past.usual if self.choice else None
        if usual is None or not number:
            return ""
        return f"{plural(number, 'photo')} take about {about(usual + number * (self.gap or 0.0))}."


def titled(choice: catalogue.CatalogEntry) -> str:
    """A workflow's name and the day it was last changed."""
    day = catalogue.day(choice.workflow)
    return choice.workflow.name if day == "-" else f"{choice.workflow.name} ({day})"


def gap_between(db: Connection, workflow: str) -> float | None:
    """The usual time between two results of a workflow that came home, None where too few did."""
    ends = sorted(history.last_ends(db, workflow))
    gaps = [later - earlier for earlier, later in pairwise(ends)]
    return median(gaps) if len(gaps) >= 5 else None


def marked_line(total: Sum) -> str:
    """The marked files as an equation."""
    parts = [f"{total.to_send:,} to send"]
    for number, words in (
        (total.done, "done before"), (total.twins, "same photo"), (total.refused, "refused"),
    ):  # fmt: skip
        if number:
            parts.append(f"{number:,} {words}")
    return f"{total.marked:,} marked = {' + '.join(parts)}"


def checked_line(total: Sum) -> str:
    """How far checking is."""
    return f"checked {amount(total.checked)} of {amount(total.marked)}"
