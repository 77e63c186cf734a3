"""Which workflow a person means."""

from __future__ import annotations

import difflib
from collections.abc import Sequence
from typing import TYPE_CHECKING

from artui.cli.exits import CommandError, Exit
from artui.cli.terminal import columns, money

if TYPE_CHECKING:
    from artui.core.plan import NotOneWorkflow
    from artui.providers.base import LeftOut, Workflow


def choose(workflows: Sequence[Workflow], wanted: str, left_out: Sequence[LeftOut] = ()) -> Workflow:
    """The workflow of this id or name, whatever its case, or the only one that begins so.

    Raises CommandError where none or several are meant, or one of those ``left_out``.
    """
    from artui.core import plan

    try:
        return plan.choose(workflows, wanted, left_out, beginning=True)
    except plan.NotOneWorkflow as problem:
        raise told(problem) from None


def told(problem: NotOneWorkflow) -> CommandError:
    """That a word means no workflow, or several, with what to say instead."""
    if problem.why:
        return CommandError(Exit.USAGE, f"{problem.why} Nothing was sent.")
    wanted = problem.wanted
    if problem.found:
        newest_first = sorted(problem.found, key=lambda one: one.changed_at, reverse=True)
        rows = [[one.id, day(one), money(one.price), one.name, one.author] for one in newest_first]
        listed = "\n".join(f"  {line}" for line in columns(rows, right=[2]))
        so_called = all(one.name.casefold() == wanted.casefold() for one in problem.found)
        how = "are called" if so_called else "begin with"
        words = f"{len(problem.found)} workflows {how} {wanted!r}. Say -w with the id of one:\n{listed}"
    elif problem.known:
        names = {one.name.casefold(): one.name for one in problem.known}
        near = difflib.get_close_matches(wanted.casefold(), names, n=3, cutoff=0.4)
        hint = " or ".join(f"{names[name]!r}" for name in near)
        advice = f"; did you mean {hint}?" if hint else "; `artui workflows` lists them."
        words = f"There is no workflow {wanted!r}{advice}"
    else:
        words = "This organization has no saved workflow: make one in the web app of the service."
    return CommandError(Exit.USAGE, words)


def day(workflow: Workflow) -> str:
    """The day a workflow was last changed; a dash where the service does not say."""
    return workflow.changed_at[:10] or "-"
