"""What has changed of a workflow since it was used here last: name, price, steps and their settings."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from difflib import SequenceMatcher
from enum import StrEnum
from typing import TYPE_CHECKING, Any

from artui.journal import Connection, accounts
from artui.journal.offers import LastUse

if TYPE_CHECKING:
    from artui.providers.base import Component, Workflow


class Aspect(StrEnum):
    """What of a workflow is another."""

    NAME = "name"
    PRICE = "price"
    STEP = "step"
    SETTING = "setting"


@dataclass(frozen=True, slots=True)
class WorkflowChange:
    """One thing that is another than before: None before is new, None after is gone. ``step`` and ``setting`` say
    where, empty where it is about all of it."""

    what: Aspect
    before: Any
    after: Any
    step: str = ""
    setting: str = ""


@dataclass(frozen=True, slots=True)
class WorkflowChanges:
    """A workflow as it is ``now``, and how it differs from when it was used ``last``. ``knows_steps``: the steps of
    that version are known here, so that a change of them is among the changes."""

    now: Workflow
    last: LastUse
    changes: tuple[WorkflowChange, ...]
    knows_steps: bool


def is_changed(now: Workflow, last: LastUse | None) -> bool:
    """Whether a workflow is another than when it was used last; False where it never was."""
    if last is None:
        return False
    return now.version != last.version or (None not in (now.price, last.quoted) and now.price != last.quoted)


def since_last_use(db: Connection, account: str, now: Workflow, last: LastUse) -> WorkflowChanges:
    """How a workflow differs from when it was used last, as far as the journal knows."""
    from artui.providers.base import Workflow

    text = accounts.older_workflow(db, account, now.id, last.version)
    before = Workflow.from_document(text) if text else now if now.version == last.version else None
    found = [WorkflowChange(Aspect.NAME, last.name, now.name)] if last.name != now.name else []
    if None not in (now.price, last.quoted) and now.price != last.quoted:
        found.append(WorkflowChange(Aspect.PRICE, last.quoted, now.price))
    if before is not None:
        found += _steps(before.components, now.components)
    return WorkflowChanges(now, last, tuple(found), before is not None)


def _steps(before: Sequence[Component], after: Sequence[Component]) -> Iterator[WorkflowChange]:
    """The steps that are gone or new, and the settings that differ of those that stay; where the settings of one side
    are not here, the steps alone."""
    old_titles, new_titles = ([step.label or step.type for step in side] for side in (before, after))
    compares_settings = all(any(step.settings for step in side) for side in (before, after))
    for tag, start, end, at, to in SequenceMatcher(None, old_titles, new_titles, autojunk=False).get_opcodes():
        if tag != "equal":
            yield from (WorkflowChange(Aspect.STEP, title, None, title) for title in old_titles[start:end])
            yield from (WorkflowChange(Aspect.STEP, None, title, title) for title in new_titles[at:to])
        elif compares_settings:
            for old, new, title in zip(before[start:end], after[at:to], new_titles[at:to], strict=True):
                for key in sorted({*old.settings, *new.settings}):
                    if (was := old.settings.get(key)) != (is_now := new.settings.get(key)):
                        yield WorkflowChange(Aspect.SETTING, was, is_now, title, key)
