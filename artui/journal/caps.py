"""The caps that bound what is spent: which ones photos have, what counts in each, and what room that leaves.

The engine checks by them before each paid call, and whatever tells a person of caps asks here too.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, NamedTuple

from artui.journal import accounts, purchases, rules
from artui.journal.rules import RuleRow, RuleSpent
from artui.journal.store import Connection
from artui.model.holds import CapKind

if TYPE_CHECKING:
    from artui.config import Caps
    from artui.model.job import Batch


WARN, ALARM = 70, 90
LEVELS = (WARN, ALARM, 100)
"""Per cent of a cap that are told, each once in its period."""


@dataclass(frozen=True, slots=True)
class Portion:
    """Photos that all caps count together, how many they are: those of one run (see :func:`artui.core.plan.run_of`),
    batch and rule (by its id), of which the latter two may be none. ``weight``: what each counts in the caps, None
    where that is asked elsewhere."""

    run: str
    count: int = 1
    batch: Batch | None = None
    rule: str = ""
    weight: int | None = None


def percent_used(spent: int, limit: int) -> int:
    """How much of a limit is used, in whole percent, never more than is true; 100 where it is 0."""
    return 100 * spent // limit if limit else 100


class Cap(NamedTuple):
    """A cap and what counts in it, in the account's unit; ``reserved`` of ``spent`` is not charged yet, None where that
    is not known. ``owner``: the account, or the id of run, batch or rule; ``name`` says it to a person."""

    kind: CapKind
    owner: str
    name: str
    limit: int
    spent: int
    reserved: int | None = None

    @property
    def room(self) -> int:
        """What may still be spent; below 0 where more was charged than was expected."""
        return self.limit - self.spent

    @property
    def percent(self) -> int:
        """How much of it is used, in whole percent, never more than is true; 100 where it is 0."""
        return percent_used(self.spent, self.limit)

    @property
    def level(self) -> int:
        """The highest of ``LEVELS`` that is reached; 0 below, and where the cap is 0: that lets nothing through."""
        return max((one for one in LEVELS if self.limit and self.percent >= one), default=0)

    def period(self, day: str) -> str:
        """The day (``YYYY-MM-DD``) or month it counts in on a day; empty where it never turns."""
        if self.kind in (CapKind.DAY, CapKind.RULE_DAY):
            return day
        return day[:7] if self.kind in (CapKind.MONTH, CapKind.RULE_MONTH) else ""

    @property
    def told(self) -> str:
        """How far it is used, for a person."""
        if self.reserved is None:
            return f"{self.spent:,} of {self.limit:,} are spent or reserved"
        return f"{self.spent:,} of {self.limit:,} (spent {self.spent - self.reserved:,}, sent {self.reserved:,})"


def of(db: Connection, account: str, portion: Portion, own: Caps, today: str, *, heard: bool = True) -> list[Cap]:
    """Every cap of these photos; ``own`` are their account's, ``today`` and ``heard`` as for :func:`accounts.day`.

    A rule's are as it was loaded last; what a person allows today counts on top of each.
    """
    day, batch = accounts.day(db, account, today, heard=heard), portion.batch
    sums = purchases.spent(
        db, account, day=day, month=day[:7], run=portion.run, batch=batch.id if batch is not None else None
    )
    found = [
        (CapKind.RUN, portion.run, "the cap of this run", own.run, sums.run, None),
        (CapKind.DAY, account, f"today's cap of {account}", own.day, sums.day, sums.open),
        (CapKind.MONTH, account, f"this month's cap of {account}", own.month, sums.month, sums.open),
    ]
    if batch is not None:
        found.append((CapKind.BATCH, batch.id, "the cap of this batch", batch.cap, sums.batch, None))
    caps = [
        Cap(kind, owner, name, limit, spent, reserved)
        for kind, owner, name, limit, spent, reserved in found
        if limit is not None
    ]
    rule = rules.get(db, portion.rule) if portion.rule else None
    return caps + (of_rule(rule, rules.spent(db, rule.id, account, day), day) if rule else [])


def of_rule(row: RuleRow, sums: RuleSpent, day: str) -> list[Cap]:
    """The caps of a rule that has spent so much on the account's current day."""
    more = row.allowed_on(day)
    return [
        Cap(kind, row.id, f"{name} the rule {row.name}", limit + more, spent, sums.open)
        for kind, name, limit, spent in (
            (CapKind.RULE, "the cap of", row.run, sums.run),
            (CapKind.RULE_DAY, "today's cap for", row.day, sums.today),
            (CapKind.RULE_MONTH, "this month's cap for", row.month, sums.this_month),
        )
        if limit is not None
    ]
