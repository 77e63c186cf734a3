"""Whether a service has trouble with one photo, or with all: what others got past where this one fails.

Every function runs inside one transaction of :class:`artui.journal.store.Journal`.
"""

from __future__ import annotations

from collections.abc import Mapping

from artui.job import Job
from artui.journal.store import Connection, rows, value
from artui.states import Stage

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


def failures_alone(db: Connection, job: Job) -> int:
    """How often a job has failed in passing where it stands since another job of its account got past there, the
    failure that is judged now included; 0 where none did since its first, or where others fail there by now, too."""
    passed = _PASSED.get(job.stage)
    if passed is None or job.twin_of is not None:
        passed = "fetched"
    failed = [
        seq
        for (seq,) in rows(
            db,
            "SELECT seq FROM events WHERE job = ? AND what = 'try again' AND stage = ? ORDER BY seq DESC LIMIT ?",
            (job.id, job.stage, job.attempts),
        )
    ]
    if not failed:
        return 0
    [(first, last)] = rows(
        db,
        "SELECT MIN(seq), MAX(seq) FROM events JOIN jobs ON jobs.id = events.job WHERE seq > ? AND what = ?"
        " AND jobs.account = ? AND jobs.id <> ? AND jobs.twin_of IS NULL",
        (failed[-1], passed, job.account, job.id),
    )
    if first is None or (last < failed[0] and _others_fail(db, job, passed, last)):
        return 0
    return 1 + len([seq for seq in failed if seq > first])


def _others_fail(db: Connection, job: Job, passed: str, since: int) -> bool:
    """Whether at least two others have yet to get past, and none of them failed there before ``since``, when the last
    one did: the service may have failed for all by then."""
    stages = _ON_THE_WAY[passed]
    marks = ", ".join("?" * len(stages))
    fresh = value(
        db,
        "SELECT COUNT(*) FROM (SELECT 1 FROM jobs WHERE status IN ('ready', 'running', 'waiting', 'held')"
        f" AND status <> 'held' AND account = ? AND stage IN ({marks}) AND id <> ? AND twin_of IS NULL AND NOT EXISTS"
        " (SELECT 1 FROM events WHERE job = jobs.id AND what = 'try again' AND seq < ?) LIMIT 2)",
        (job.account, *stages, job.id, since),
    )
    return bool(fresh == 2)
