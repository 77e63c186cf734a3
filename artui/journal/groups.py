"""Who has to do something about a job: the groups a person sorts jobs by, in Python and as a column of the journal."""

from __future__ import annotations

from enum import StrEnum

from artui.model.states import Reason, Status


class Group(StrEnum):
    """Each job is in exactly one."""

    NEEDS = "needs you"
    ACTIVE = "active"
    QUEUED = "queued"
    QA = "in QA"
    DONE = "done"


PATIENT = frozenset({Reason.CAP, Reason.PAUSED, Reason.QUOTA, Reason.TWIN})
"""Holds that end without a person doing anything about that job."""


def group(status: Status, reason: str, *, aside: bool = False) -> Group:
    """The group of a job. ``aside``: a person has seen that it needs something and put it aside."""
    if status in (Status.DONE, Status.SKIPPED, Status.CANCELLED) or reason == "given up":
        return Group.DONE
    if status is Status.FAILED or (status is Status.HELD and reason not in PATIENT):
        return Group.DONE if aside else Group.NEEDS
    if status is Status.WAITING and reason == Reason.IN_QA:
        return Group.QA
    waits = status in (Status.READY, Status.HELD) or reason == Reason.TWIN
    return Group.QUEUED if waits else Group.ACTIVE


_PATIENT = ", ".join(f"'{reason}'" for reason in sorted(PATIENT))
PILE = f"""CASE
    WHEN status IN ('done', 'skipped', 'cancelled') OR reason = 'given up' THEN '{Group.DONE}'
    WHEN status = 'failed' OR status = 'held' AND reason NOT IN ({_PATIENT}) THEN '{Group.NEEDS}'
    WHEN status = 'waiting' AND reason = '{Reason.IN_QA}' THEN '{Group.QA}'
    WHEN status IN ('ready', 'held') OR reason = '{Reason.TWIN}' THEN '{Group.QUEUED}'
    ELSE '{Group.ACTIVE}' END"""
"""The same in SQL, before anything is put aside; a test holds the two together."""
