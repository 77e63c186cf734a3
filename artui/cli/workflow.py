"""Which workflow a person means, and what has changed of one."""

from __future__ import annotations

import difflib
from collections.abc import Iterator, Sequence
from dataclasses import asdict
from typing import TYPE_CHECKING, Any

from artui.cli.exits import CommandError, Exit
from artui.cli.terminal import columns, money
from artui.config.system import iso

if TYPE_CHECKING:
    from datetime import tzinfo

    from artui.core.plan import NotOneWorkflow
    from artui.core.workflow_changes import WorkflowChanges
    from artui.providers.base import LeftOut, Workflow


FEW = 6
"""So many workflows are named where none of them was meant."""


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
        if not hint and len(names) <= FEW:
            advice = f"; there are: {', '.join(map(repr, names.values()))}."
        if all(one.key or one.parameters for one in problem.known):
            advice += " More are set up in config.toml: `artui config init` begins one that shows how."
        words = f"There is no workflow {wanted!r}{advice}"
    else:
        words = "This organization has no saved workflow: make one in the web app of the service."
    return CommandError(Exit.USAGE, words)


def day(workflow: Workflow) -> str:
    """The day a workflow was last changed; a dash where the service does not say."""
    return workflow.changed_at[:10] or "-"


def changes_lines(one: WorkflowChanges, zone: tzinfo) -> Iterator[str]:
    """What has changed of a workflow since it was used last, line by line."""
    from artui.core.health_phrases import moment
    from artui.core.workflow_changes import Aspect

    now, last = one.now, one.last
    yield f"{now.name} ({now.id}), used last {moment(last.at, zone)}:"
    for change in one.changes:
        match change.what:
            case Aspect.NAME:
                yield f"  name: was {change.before}"
            case Aspect.PRICE:
                yield f"  price: {money(change.before)}, now {money(change.after)}"
            case Aspect.STEP:
                yield f"  - {change.before}" if change.after is None else f"  + {change.after}"
            case Aspect.SETTING:
                before, after = ("-" if value is None else value for value in (change.before, change.after))
                yield f"    {change.step}, {change.setting}: {before}, now {after}"
    if not one.knows_steps:
        yield f"  the steps of that version ({last.version}) were not kept here; now {now.version}"
    elif not one.changes:
        yield f"  saved anew at the service, with the same steps: version {last.version}, now {now.version}"


def changes_document(one: WorkflowChanges) -> dict[str, Any]:
    """The same as JSON."""
    now, last = one.now, one.last
    return {
        "id": now.id, "name": now.name, "version": now.version, "price": now.price,
        "used_at": last.at, "used_at_iso": iso(last.at), "used_version": last.version,
        "knows_steps": one.knows_steps,
        "changes": [asdict(change) for change in one.changes],
    }  # fmt: skip
