"""Who has to do something about a job: the groups a person sorts jobs by, in Python and as a column of the journal."""

from __future__ import annotations

from artui.model.holds import HOLDS, Group
from artui.model.states import Reason, Status

_QUEUED = frozenset(reason for reason, hold in HOLDS.items() if hold.group is Group.QUEUED)


def group(status: Status, reason: str, *, aside: bool = False) -> Group:
    """The group of a job. ``aside``: a person has seen that it needs something and put it aside."""
    if status in (Status.DONE, Status.SKIPPED, Status.CANCELLED) or reason == Reason.GIVEN_UP:
        return Group.DONE
    if status is Status.FAILED or (status is Status.HELD and reason not in _QUEUED):
        return Group.DONE if aside else Group.NEEDS
    if status is Status.WAITING and reason == Reason.IN_QA:
        return Group.QA
    waits = status in (Status.READY, Status.HELD) or reason == Reason.TWIN
    return Group.QUEUED if waits else Group.ACTIVE


_NAMES = ", ".join(f"'{reason}'" for reason in sorted(_QUEUED))
PILE = f"""CASE
    WHEN status IN ('done', 'skipped', 'cancelled') OR reason = '{Reason.GIVEN_UP}' THEN '{Group.DONE}'
    WHEN status = 'failed' OR status = 'held' AND reason NOT IN ({_NAMES}) THEN '{Group.NEEDS}'
    WHEN status = 'waiting' AND reason = '{Reason.IN_QA}' THEN '{Group.QA}'
    WHEN status IN ('ready', 'held') OR reason = '{Reason.TWIN}' THEN '{Group.QUEUED}'
    ELSE '{Group.ACTIVE}' END"""
"""The same in SQL, before anything is put aside, as the column ``jobs.pile`` has it. That is fixed in the file: whoever
changes the group of a hold writes a step that drops the index and the column, and makes both again."""
