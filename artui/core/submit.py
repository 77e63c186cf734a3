"""From a plan to jobs in the journal: under the names it has, or under others where those were taken meanwhile."""

from __future__ import annotations

from collections.abc import Callable
from typing import Protocol, TypeVar

from artui.core.plan import PlanProblem
from artui.journal import Connection, Journal, jobs

T = TypeVar("T")
P = TypeVar("P")

ANEW = 3
"""How often names are chosen anew when others take them at the same moment."""


class NamesTaken(PlanProblem):
    """Others take the same result names all the time; nothing was added."""

    def __init__(self) -> None:
        super().__init__("Others take the same result names all the time. Nothing was sent; try again.")


class Renaming(Protocol[P]):
    """Chooses the names of a plan's results anew."""

    def renamed(self, plan: P, /) -> P:
        """The plan with result names that are free now."""


def submit(journal: Journal, planner: Renaming[P], plan: P, add: Callable[[Connection, P], T]) -> tuple[P, T]:
    """Have ``add`` write the jobs of a plan, all in one transaction; returns the plan as it was added, and its answer.

    Where another program takes one of its result names at this moment, it is added under others. Raises
    :class:`NamesTaken`. It blocks: for a thread.
    """
    for _ in range(ANEW):
        try:
            return plan, journal.write(add, plan)
        except jobs.StemTaken:
            plan = planner.renamed(plan)  # only its names: what is sent and what it costs stays as it was agreed to
    raise NamesTaken
