"""Who has to do something about a job: the groups a person sorts jobs by, in Python and as a column of the journal."""

from __future__ import annotations

from artui.model.holds import HOLDS, LASTING, Group
from artui.model.states import Reason, Review, Status

_QUEUED = frozenset(reason for reason, hold in HOLDS.items() if hold.group is Group.QUEUED)

OPEN = "status IN ('ready', 'running', 'waiting', 'held')"
"""The condition of the index over what is not over, as the index has it: without it a statement cannot use that."""


def group(status: Status, reason: str, scope: str = "", *, aside: bool = False, review: str = "") -> Group:
    """The group of a job; ``scope`` is which cap holds it. ``aside``: a person has seen that it needs something and put
    it aside. ``review``: what a person has decided about its result."""
    if status in (Status.DONE, Status.SKIPPED):
        return Group.ENDED if review == Review.REJECTED else Group.SAVED
    if status is Status.CANCELLED or reason == Reason.GIVEN_UP:
        return Group.ENDED
    lasting = reason == Reason.CAP and scope in LASTING
    if status is Status.FAILED or (status is Status.HELD and (reason not in _QUEUED or lasting)):
        return Group.ENDED if aside else Group.NEEDS
    if status is Status.WAITING and reason == Reason.IN_QA:
        return Group.QA
    waits = status in (Status.READY, Status.HELD) or reason in (Reason.TWIN, Reason.HOURS)
    return Group.QUEUED if waits else Group.ACTIVE


_NAMES = ", ".join(f"'{reason}'" for reason in sorted(_QUEUED))
_SCOPES = ", ".join(f"'{kind}'" for kind in LASTING)
CAPPED_FOR_GOOD = f"status = 'held' AND reason = '{Reason.CAP}' AND hold_scope IN ({_SCOPES})"
"""The jobs that a cap holds in which only a person makes room, in SQL; the index ``jobs_capped`` has them."""
PILE = f"""CASE
    WHEN status IN ('done', 'skipped') THEN iif(review = '{Review.REJECTED}', '{Group.ENDED}', '{Group.SAVED}')
    WHEN status = 'cancelled' OR reason = '{Reason.GIVEN_UP}' THEN '{Group.ENDED}'
    WHEN status = 'failed' OR status = 'held' AND reason NOT IN ({_NAMES}) THEN '{Group.NEEDS}'
    WHEN {CAPPED_FOR_GOOD} THEN '{Group.NEEDS}'
    WHEN status = 'waiting' AND reason = '{Reason.IN_QA}' THEN '{Group.QA}'
    WHEN status IN ('ready', 'held') OR reason IN ('{Reason.TWIN}', '{Reason.HOURS}') THEN '{Group.QUEUED}'
    ELSE '{Group.ACTIVE}' END"""
"""The same in SQL, before anything is put aside, as the column ``jobs.pile`` has it. That is fixed in the file: whoever
changes the group of a hold writes a step that drops the index and the column, and makes both again."""
