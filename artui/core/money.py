"""What an account has spent of late, a sum for each group, with its caps and how long its credits last."""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence
from dataclasses import dataclass
from functools import reduce
from operator import add
from typing import TYPE_CHECKING

from artui.core.quote import OWN, quote
from artui.journal import Connection, accounts, books, caps, rules
from artui.journal.books import CostLine, Costs, Grouping
from artui.journal.caps import Cap

if TYPE_CHECKING:
    from artui.config import Caps

DAYS = 14
"""So many days are summed up, today's included."""
SKU = "sku"
"""The label that sums by labels go by."""


@dataclass(frozen=True, slots=True)
class Money:
    """The ``lines`` of one grouping over the last days, dearest first but for days; ``caps`` of the account and of its
    rules that have any; ``balance`` in credits, None where it is not known. ``since``, ``until``: the first day and the
    last (``YYYY-MM-DD``)."""

    by: Grouping
    lines: tuple[CostLine, ...] = ()
    caps: tuple[Cap, ...] = ()
    balance: int | None = None
    since: str = ""
    until: str = ""

    @property
    def total(self) -> Costs:
        """All lines together."""
        return reduce(add, (line.costs for line in self.lines), Costs())

    @property
    def lasts(self) -> float | None:
        """For how many days the balance lasts at the pace of these days; None where nothing tells."""
        spent = self.total.charged + self.total.open
        return None if self.balance is None or not spent else max(0.0, self.balance * DAYS / spent)


def jobs_behind(db: Connection, account: str, found: Money, line: CostLine, zone: dt.tzinfo) -> list[int]:
    """The jobs that one line of these sums is made of."""
    return books.behind(db, found.by, line, zone, label=SKU, since=found.since, until=found.until, account=account)


def money(db: Connection, account: str, own: Caps, by: Grouping, zone: dt.tzinfo, today: dt.date) -> Money:
    """What an account with its ``own`` caps has spent until ``today``, which is in the operator's ``zone``."""
    days = [(today - dt.timedelta(days=back)).isoformat() for back in reversed(range(DAYS))]
    found = books.costs(db, by, zone, label=SKU, since=days[0], until=days[-1], account=account)
    if by is Grouping.DAY:
        known = {line.group: line for line in found}
        lines: Sequence[CostLine] = [known.get(day) or CostLine(day, "", Costs(), day) for day in days]
    else:
        lines = sorted(found, key=lambda line: (-line.costs.charged - line.costs.open, line.group))
    standing = quote(db, account, own, None, (), zone)
    bounds = [bound.cap for kind in OWN if (bound := standing.of_kind(kind))]
    day = accounts.day(db, account, days[-1])
    for row in rules.every(db):
        if row.account == account:
            bounds += caps.of_rule(row, rules.spent(db, row.id, account, day), day)
    return Money(by, tuple(lines), tuple(bounds), standing.balance, days[0], days[-1])
