"""Whether a service has trouble with one photo, or with all: what others got past where this one fails.

Every function runs inside one transaction of :class:`artui.journal.store.Journal`.
"""

from __future__ import annotations

from collections.abc import Mapping

from artui.journal.store import Connection, first, rows, value
from artui.model.job import Job
from artui.model.states import Stage

_PASSED: Mapping[Stage, str] = {
    Stage.CHECKED: "uploaded",
    Stage.UPLOADED: "sent",
    Stage.SUBMITTING: "sent",
    Stage.PROCESSED: "fetched",
    Stage.SAVED: "fetched",
}
"""The event by which a job shows that the service let it past a stage."""

_ON_THE_WAY: Mapping[str, tuple[Stage, ...]] = {
    "uploaded": (Stage.NEW, Stage.CHECKED),
    "sent": (Stage.NEW, Stage.CHECKED, Stage.UPLOADED, Stage.SUBMITTING),
    "fetched": (Stage.PROCESSED, Stage.SAVED),
}
"""Where the jobs are that have yet to get past it."""


ALIVE_AFTER = 0.2
"""Seconds after a failure from which on what others get done shows that the service did not fail for all then: before
that it may have been under way."""


def failures_alone(db: Connection, job: Job) -> int:
    """How often a job has failed in passing where it stands although the service lets others past there, the failure
    that is judged now included; 0 where nothing tells that it does."""
    passed = _PASSED.get(job.stage)
    if passed is None or job.twin_of is not None:  # a twin's copy is fetched, wherever its own stage is
        passed = "fetched"
    failed = rows(
        db,
        "SELECT seq, at FROM events WHERE job = ? AND what = 'try again' AND stage = ? ORDER BY seq DESC LIMIT ?",
        (job.id, job.stage, job.attempts),  # a person's retry begins them anew
    )
    if not failed:
        return 0
    first_failure, first_at = failed[-1]
    began = value(
        db,
        "SELECT MAX(seq) FROM events WHERE job = ? AND what IN ('taken', 'processed') AND seq < ?",
        (job.id, first_failure),
    )
    passed_first, last = _passed(db, job, passed, first_failure)
    if passed_first is None:  # others may have got past while its first try was under way
        passed_first, last = _passed(db, job, passed, began or first_failure)
        if passed_first is None or not _is_alive(db, job, first_at):
            return 0
    if last < failed[0][0] and _others_wait(db, job, passed, last):
        return 0
    return 1 + len([seq for seq, _ in failed if seq > passed_first])


def _passed(db: Connection, job: Job, passed: str, since: int) -> tuple[int | None, int]:
    """The first and the last event after ``since`` by which another job of the account got past."""
    [(earliest, last)] = rows(
        db,
        "SELECT MIN(seq), MAX(seq) FROM events JOIN jobs ON jobs.id = events.job WHERE seq > ? AND what = ?"
        " AND jobs.account = ? AND jobs.id <> ? AND jobs.twin_of IS NULL",
        (since, passed, job.account, job.id),
    )
    return earliest, last or 0


def _is_alive(db: Connection, job: Job, since: float) -> bool:
    """Whether the service has got anything done for another job of the account well after ``since``."""
    done = first(
        db,
        "SELECT 1 FROM events JOIN jobs ON jobs.id = events.job WHERE at > ? AND jobs.account = ? AND jobs.id <> ?"
        " AND jobs.twin_of IS NULL AND what IN ('uploaded', 'sent', 'processed', 'fetched')",
        (since + ALIVE_AFTER, job.account, job.id),
    )
    return done is not None


def _others_wait(db: Connection, job: Job, passed: str, since: int) -> bool:
    """Whether at least two others have yet to be tried that were not under way at ``since``, when the last one got
    past: the service may fail for all by now."""
    stages = _ON_THE_WAY[passed]
    marks = ", ".join("?" * len(stages))
    fresh = rows(
        db,
        # As the index has it.
        "SELECT 1 FROM jobs WHERE status IN ('ready', 'running', 'waiting', 'held') AND status <> 'held'"
        f" AND account = ? AND stage IN ({marks}) AND id <> ? AND twin_of IS NULL"
        " AND NOT EXISTS (SELECT 1 FROM events WHERE job = jobs.id AND what IN ('taken', 'try again')"
        f"  AND stage IN ({marks}) AND seq < ?) LIMIT 2",
        (job.account, *stages, job.id, *stages, since),
    )
    return len(fresh) == 2
