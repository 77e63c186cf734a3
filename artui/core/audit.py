"""The journal's books compared with what a service itself lists: every execution, and what it was charged."""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any

from artui.core.executions import newest
from artui.journal import Connection, books, customers
from artui.journal.books import Bought
from artui.providers.base import ExecutionStatus, Provider, Workflow

MOST = 1_000_000
"""Executions that are read of one account; a service that lists more is not read to its end."""

SETTLES = 300.0
"""Seconds by which two clocks may differ, and after which what was bought is expected in the list."""


class Mismatch(StrEnum):
    """In what the journal and a service differ."""

    STRANGE = "bought under a key of artui's that this journal does not know"
    CHARGED = "charged otherwise than the journal has it"
    UNBOOKED = "charged, which the journal does not know yet"
    GONE = "not in the service's list"


@dataclass(frozen=True, slots=True)
class Difference:
    """One difference. ``amount``: what the service took beyond what the journal has; None where that is unknown."""

    mismatch: Mismatch
    execution: str
    job: int | None
    there: int | None
    here: int | None

    @property
    def amount(self) -> int | None:
        """In credits; below zero where the journal has more."""
        return None if self.there is None else self.there - (self.here or 0)


@dataclass(frozen=True, slots=True)
class Audit:
    """What came of comparing: how many executions of artui's are at the service, what it charged for them, the same by
    the journal, and what others ordered there, which is nobody's difference."""

    executions: int = 0
    there: int = 0
    here: int = 0
    others: int = 0
    others_charged: int = 0
    differences: tuple[Difference, ...] = field(default=())


async def listed(
    provider: Provider[Any], known: Sequence[Bought], since: dt.datetime | None
) -> list[tuple[Workflow, ExecutionStatus]]:
    """All that the service lists since then, of its workflows and of those that were ever bought from.

    Raises ``Rejected`` where the service has no list.
    """
    saved = {one.id: one for one in await provider.workflows()}
    gone = {one.workflow for one in known} - set(saved)
    workflows = [*saved.values(), *(Workflow(one, "", one, None) for one in sorted(gone))]
    return await newest(provider, workflows, since, MOST)


def compared(
    db: Connection, payer: str, found: Sequence[tuple[Workflow, ExecutionStatus]], since: float, now: float
) -> Audit:
    """Compare what a service lists with what the journal has of a payer; both times in epoch seconds."""
    known = {one.execution: one for one in books.bought(db, customers.current(db, payer))}
    there = {progress.execution: progress for _, progress in found}
    ours = {execution: progress for execution, progress in there.items() if execution in known or progress.key}
    others = [progress for execution, progress in there.items() if execution not in ours]
    differences = [one for progress in ours.values() if (one := _compared(progress, known))]
    differences += [
        Difference(Mismatch.GONE, one.execution, one.job, None, one.charged)
        for one in known.values()
        if since + SETTLES <= one.at < now - SETTLES and one.execution not in there
    ]
    return Audit(
        len(ours), _sum(progress.charged for progress in ours.values()),
        _sum(known[execution].charged for execution in ours if execution in known),
        len(others), _sum(progress.charged for progress in others), tuple(differences),
    )  # fmt: skip


def _compared(progress: ExecutionStatus, known: Mapping[str, Bought]) -> Difference | None:
    here = known.get(progress.execution)
    if here is None:
        return Difference(Mismatch.STRANGE, progress.execution, None, progress.charged, None)
    if progress.charged is None or progress.charged == here.charged:
        return None
    if here.charged is None and not here.is_over:
        return None  # its engine will take the charge down yet
    mismatch = Mismatch.UNBOOKED if here.charged is None else Mismatch.CHARGED
    return Difference(mismatch, progress.execution, here.job, progress.charged, here.charged)


def _sum(amounts: Any) -> int:
    return sum(amount or 0 for amount in amounts)
