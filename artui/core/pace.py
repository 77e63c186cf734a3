"""How fast photos come back, and how long what is under way may still take, as far as anything tells."""

from __future__ import annotations

from itertools import pairwise
from statistics import median

from artui.journal import Connection, accounts, history

LEAST_ENDS = 6
"""A pace is told by so many results at least."""
STALLED = 5
"""A batch that has brought nothing for so many times its pace tells nothing any more."""


def usual_gap(db: Connection, *workflows: str) -> float | None:
    """The usual time between two results of these that came home, in seconds; None where too few did."""
    ends = sorted(end for workflow in workflows for end in history.last_ends(db, workflow=workflow))
    return median(later - earlier for earlier, later in pairwise(ends)) if len(ends) >= LEAST_ENDS else None


def time_left(db: Connection, batch: str, now: float) -> float | None:
    """Seconds until all of a batch that moves by itself may be saved; None where nothing tells, or none of it moves.

    Its own pace counts once it has one, before that the pace of its workflow as it was last. ``now``: epoch seconds.
    """
    moving = history.moving(db, batch)
    if not any(one.active for one in moving):
        return None
    number = sum(one.active + one.queued for one in moving)
    usual = max((known[0] for one in moving if (known := accounts.usual(db, one.payer, one.workflow))), default=None)
    ends = sorted(history.last_ends(db, batch=batch))
    if len(ends) >= LEAST_ENDS:
        gap = (ends[-1] - ends[0]) / (len(ends) - 1)
        return number * gap if now - ends[-1] <= STALLED * gap + (usual or 0.0) else None
    gaps = [usual_gap(db, one.workflow) for one in moving]
    if usual is None or None in gaps:
        return None
    return usual + number * max(gap for gap in gaps if gap is not None)
