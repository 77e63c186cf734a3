"""How the watched folders stand, for ``artui status`` and the service: each in a line, and all in one."""

from __future__ import annotations

import datetime as dt
import time
from collections.abc import Container, Sequence
from typing import TYPE_CHECKING, NamedTuple

from artui.config.system import iso
from artui.core.quote import cap_document
from artui.journal import Connection, accounts, caps, rules
from artui.journal.caps import Cap
from artui.journal.rules import JobCounts, RuleRow, RuleSpent, RuleState
from artui.model.holds import CapKind
from artui.sanitize import sanitize

if TYPE_CHECKING:
    from artui.cli.documents import RuleDocument, WhyDocument
    from artui.watch.why import Why

NAME_CELLS = 16
"""Cells a rule's name may take in its line."""


NOT_WATCHED = "not watched"
"""How a rule stands where no engine works through rules."""


class RuleLine(NamedTuple):
    """How one rule stands: in a ``word``, its jobs by status, and what it spent; ``caps`` with what was allowed
    beyond them, ``after`` the name of the rule whose results it takes, ``opens`` when its hours begin, in epoch seconds
    and in words of the ``zone``, None where it sends now."""

    row: RuleRow
    word: str
    counted: JobCounts
    spent: RuleSpent
    caps: Sequence[Cap]
    after: str = ""
    opens: float | None = None
    zone: dt.tzinfo = dt.UTC

    @property
    def cap(self) -> int | None:
        """Today's cap, with what was allowed beyond it."""
        return next((one.limit for one in self.caps if one.kind is CapKind.RULE_DAY), None)

    @property
    def today(self) -> int:
        """What today's cap sees as spent."""
        return self.spent.today

    @property
    def name(self) -> str:
        """What to call it where there is little room: a rule without a name of its own by its folder's last part."""
        return self.row.folder.name if self.row.name == str(self.row.folder) else self.row.name

    @property
    def is_well(self) -> bool:
        """Whether nothing about it needs a look."""
        return self.word == RuleState.WATCHING and not self.counted.held

    def line(self) -> str:
        """The rule in one line."""
        parts = [self.word, *([f"after {sanitize(self.after, NAME_CELLS)}"] if self.after else [])]
        if self.opens is not None:
            from artui.core.health_phrases import opening  # only where any are set

            parts.append(f"sends from {opening(self.opens, self.zone)} on")
        if self.counted.held:
            parts.append(f"{self.counted.held:,} held")
        if self.counted.on_the_way:
            parts.append(f"{self.counted.on_the_way:,} under way")
        parts.append(f"today {self.today:,}" + ("" if self.cap is None else f" of {self.cap:,}"))
        for one in self.caps:
            if one.kind is not CapKind.RULE_DAY:
                span = "month" if one.kind is CapKind.RULE_MONTH else "in all"
                parts.append(f"{span} {one.spent:,} of {one.limit:,}")
        return f"{sanitize(self.name, NAME_CELLS)}: {', '.join(parts)}"

    def document(self) -> RuleDocument:
        """The rule as JSON has it."""
        return {
            "id": self.row.id,
            "name": self.row.name,
            "folder": str(self.row.folder),
            "account": self.row.account,
            "state": self.word,
            "message": self.row.message,
            "since": self.row.since,
            "since_iso": iso(self.row.since),
            "jobs": {
                "on_the_way": self.counted.on_the_way,
                "held": self.counted.held,
                "done": self.counted.done,
                "skipped": self.counted.skipped,
                "failed": self.counted.failed,
                "cancelled": self.counted.cancelled,
            },
            "today": self.today,
            "cap": self.cap,
            "caps": [cap_document(one) for one in self.caps],
            "after_rule": self.after or None,
            "hours_begin": self.opens,
            "hours_begin_iso": iso(self.opens),
            "not_taken": {reason: one.count for reason, one in self.row.not_taken.items()},
        }


def standings(db: Connection, zone: dt.tzinfo, written: Container[str], *, watched: bool) -> list[RuleLine]:
    """How the rules stand that are ``written`` down, by name, or at work; those that need a look come first.

    ``watched``: an engine works through rules now.
    """
    today = accounts.day_of(time.time(), zone)
    found, every = [], rules.every(db)
    names = {row.id: row.name for row in every}
    for row in every:
        if row.state is RuleState.ENDED and row.name not in written:
            continue
        day = accounts.day(db, row.account, today)
        spent = rules.spent(db, row.id, row.account, day)
        at_work = watched and row.state is not RuleState.ENDED
        word = "paused" if row.paused else row.state.value if at_work else NOT_WATCHED
        found.append(
            RuleLine(
                row,
                word,
                rules.counts(db, row.id),
                spent,
                caps.of_rule(row, spent, day),
                names.get(row.follows, ""),
                rules.opens(db, row.id, zone),
                zone,
            )
        )
    return sorted(found, key=lambda one: one.is_well)


def together(found: Sequence[RuleLine]) -> str:
    """All rules in one line: how many are watched, what waits, what was spent today."""
    if not found:
        return "the folders are about to be looked at"
    folders = "1 folder" if len(found) == 1 else f"{len(found):,} folders"
    others: dict[str, int] = {}
    for one in found:
        if one.word != RuleState.WATCHING:
            others[one.word] = others.get(one.word, 0) + 1
    but = ", ".join(f"{number:,} {word}" for word, number in others.items())
    sums = {
        "under way": sum(one.counted.on_the_way for one in found),
        "held": sum(one.counted.held for one in found),
        "saved in all": sum(one.counted.done + one.counted.skipped for one in found),
        "failed in all": sum(one.counted.failed for one in found),
    }
    told = [f"{number:,} {word}" for word, number in sums.items() if number]
    spent = f"{sum(one.today for one in found):,} spent today"
    return ", ".join([folders + (f" ({but})" if but else ""), *told, spent])


def why_document(one: Why) -> WhyDocument:
    """What becomes of a file, as JSON has it."""
    return {
        "file": str(one.file),
        "verdict": one.verdict,
        "reason": one.reason,
        "message": one.message,
        "rule": one.rule.name if one.rule else None,
        "output": str(one.outputs[0]) if one.outputs else None,
        "outputs": [str(output) for output in one.outputs],
        "price": one.price,
        "then": [{"rule": name, "price": price} for name, price in one.then],
        "job": one.job.id if one.job else None,
    }
