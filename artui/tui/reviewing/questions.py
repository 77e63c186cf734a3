"""What Review asks: why a result is rejected, and at the end what becomes of the rejected."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from enum import Enum
from typing import ClassVar

from textual.widgets import OptionList

from artui.config import AccountConfig
from artui.core.plan import SameAgain
from artui.journal.reviews import Entry
from artui.model.states import Review
from artui.sanitize import sanitize
from artui.tui.dialogs import Choice, No, Question
from artui.tui.reviewing.lines import reasons_of
from artui.tui.words import plural

OTHER = "0"
"""The key for a reason in one's own words."""

REASON_CELLS = 34
"""Cells of the reasons with their border, beside the picture they are about."""


class Reasons(Question[str]):
    """Asks why a result is rejected, beside its picture; gives the reason, empty for one's own words. The cursor begins
    on the ``last`` one. A digit counts at once: it can mean nothing else, and is taken back for nothing."""

    CSS = f"""
    Reasons.dialog {{ align: right middle; background: transparent; }}
    Reasons.dialog > .box {{ width: {REASON_CELLS}; }}
    Reasons.dialog OptionList {{ max-height: 12; }}
    """
    ways_back: ClassVar[frozenset[str]] = Question.ways_back | frozenset("0123456789")

    def __init__(self, name: str, reasons: Sequence[str], last: str) -> None:
        given = [
            Choice(str(digit), sanitize(text, REASON_CELLS - 9), text, by_enter=True)
            for digit, text in enumerate(reasons, 1)
        ]
        choices: list[Choice[str] | No] = [
            *given,
            Choice(OTHER, "other: type it", "", by_enter=True),
            No("it is not rejected"),
        ]
        super().__init__(f"Why is {sanitize(name, REASON_CELLS - 6)} rejected?", [], choices)
        self._begin = list(reasons).index(last) if last in reasons else 0

    def on_mount(self) -> None:
        """The cursor on what was the reason the last time."""
        super().on_mount()
        self.query_one(OptionList).highlighted = self._begin
        self.hint("enter: as the last time" if self._begin else "")


class AfterReview(Enum):
    """What becomes of what was rejected."""

    ANOTHER = "another workflow"
    AGAIN = "the same again"
    LIST = "a list"


def cost(again: Sequence[SameAgain]) -> str:
    """What buying anew costs at most, each account by itself."""
    said = []
    for one in again:
        price = "a price that is not known" if one.most is None else f"at most {one.most:,} cr"
        said.append(price if len(again) == 1 else f"{price} at {sanitize(one.account, 20)}")
    return " + ".join(said)


def after_review(
    entries: Sequence[Entry], again: Sequence[SameAgain], accounts: Mapping[str, AccountConfig]
) -> Question[AfterReview]:
    """The one question at the end; there are rejected ones."""
    rejected = [one for one in entries if one.review == Review.REJECTED]
    kept = sum(one.review == Review.KEPT for one in entries)
    seen = len(rejected) + kept
    looked = f"{seen:,} looked at" if seen == len(entries) else f"{seen:,} of {len(entries):,} looked at"
    number = len(rejected)
    title = f"{looked}: {kept:,} kept, {number:,} rejected ({reasons_of(entries)}). What becomes of the {number:,}?"
    orders = sum(len(one.jobs) for one in again)
    names = list(dict.fromkeys(job.workflow_name for one in again for job in one.jobs))
    what = sanitize(names[0], 30) if len(names) == 1 else f"{len(names)} workflows"
    lines = []
    if orders:
        photos = "" if orders == number else f"{plural(orders, 'photo')}, "
        lines.append("The same photo through the same workflow often comes back the same.")
        payers = [accounts[one.account] for one in again if one.account in accounts]
        lines += [f"{payer.called} pays." for payer in payers if payer.production]
        same = [Choice("y", f"{what} again: {photos}{cost(again)}", AfterReview.AGAIN)]
    else:
        lines.append("All of them were ordered again before, or were not paid for.")
        same = []
    return Question(
        title,
        lines,
        (
            No("it stays rejected" if number == 1 else "they stay rejected"),
            Choice("w", "another workflow, price first", AfterReview.ANOTHER, by_enter=True),
            *same,
            Choice("l", "a list for a retoucher (free)", AfterReview.LIST, by_enter=True),
        ),
    )
