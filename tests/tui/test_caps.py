"""Caps in the console's words: the sum under an order, the header, and what holds the photos of a rule."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC
from pathlib import Path
from typing import Any

import pytest

from artui.config import Caps
from artui.core.plan import Target
from artui.core.quote import Quote, quote
from artui.journal import Journal, rules
from artui.journal.caps import Portion
from artui.providers.base import Workflow
from artui.tui import catalogue
from artui.tui.shell import _money
from artui.tui.submit.marks import Sum
from artui.tui.submit.ordering import OrderForm
from artui.tui.watches import standing

RULE = "rule-1"


def asked(folder: Path, portions: Sequence[Portion], own: Caps, **of_rule: int) -> Quote:
    with Journal(folder / "journal" / "journal.db") as journal:
        limits: dict[str, Any] = dict.fromkeys(("run", "day", "month")) | of_rule
        journal.write(rules.load, RULE, name="boots", folder=folder, account="studio", twins="copy", **limits)
        return journal.read(quote, "studio", own, 10, portions, UTC)


@pytest.mark.parametrize(
    ("own", "said"),
    [
        (Caps(day=100), "today 30/100 cap ok"),
        (Caps(day=100, month=10), "this month 10/10 room for 1"),
        (Caps(day=100, run=20), "this folder 20/20 room for 2"),
        (Caps(day=9), "today 0/9 room for 0"),
    ],
)
def test_the_sum_tells_the_cap_with_the_least_room(own: Caps, said: str, tmp_path: Path) -> None:
    choice = catalogue.CatalogEntry(Workflow("wf", "v1", "Cut", 10))
    order = OrderForm(Target(tmp_path, "{stem}"), choices=(choice,))
    total = Sum(marked=3, to_send=3, sends={("wf", tmp_path): 3})
    cost = asked(tmp_path, order.portions(total), own)
    assert order.sum_line(total, cost).plain == f"30 cr | {said}"
    other = replace(total, to_send=2, open=1, sends={("wf", tmp_path): 2})
    assert order.sum_line(other, cost).plain == "AT MOST 20 cr", "what is known of other photos is not told"


def test_the_header_tells_the_month_where_it_leaves_less_room(tmp_path: Path) -> None:
    assert _money([asked(tmp_path, [], Caps(day=20, month=30))], narrow=False).endswith("| today 0/20")
    assert _money([asked(tmp_path, [], Caps(day=20, month=10))], narrow=False).endswith("| today 0/20 | month 0/10")
    assert _money([asked(tmp_path, [], Caps(month=10))], narrow=True).endswith("| month 0/10")
    assert _money([asked(tmp_path, [], Caps())], narrow=True).endswith("| 0")


@pytest.mark.parametrize(
    ("own", "of_rule", "name", "until"),
    [
        (Caps(), {"day": 5}, "Today's cap for the rule boots", " until 00:00. + allows more today only."),
        (Caps(), {"day": 50, "month": 5}, "This month's cap for the rule boots",
         " until the month is over. + allows more today only."),
        (Caps(), {"day": 50, "run": 5}, "The cap of the rule boots", ". + allows more today only."),
        (Caps(day=5), {"day": 50}, "Today's cap of studio", " until 00:00."),
        (Caps(month=5), {"day": 50}, "This month's cap of studio", " until the month is over."),
    ],
)  # fmt: skip
def test_what_holds_the_photos_of_a_rule_is_the_cap_that_has_no_room(
    own: Caps, of_rule: dict[str, int], name: str, until: str, tmp_path: Path
) -> None:
    cost = asked(tmp_path, [Portion(RULE, 2, None, RULE)], own, **of_rule)
    said = f"{name} leaves no room: 0 of 5 (spent 0, sent 0). 2 photos wait{until}"
    assert standing.capped(cost, 2) == said
    assert standing.capped(asked(tmp_path, [], Caps()), 2) == ""
