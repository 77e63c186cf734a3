"""What a list shows of a job, apart from its whole record in ``job``: loading that takes longer than such a list."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from artui.model.states import BEFORE_PAYING, Stage, Status

if TYPE_CHECKING:
    from artui.model.job import Job


class JobLine(NamedTuple):
    """A job as a list has it: fields of :class:`artui.model.job.Job`, ``name`` that of its photo."""

    id: int
    name: str
    workflow_name: str
    stage: Stage
    status: Status
    reason: str
    quoted: int | None
    charged: int | None
    twin_of: int | None
    purchase: int
    ahead: int
    finished_at: float | None
    review: str
    review_reason: str


def waits_first(job: Job | JobLine) -> bool:
    """Whether a person has put it before the others that wait to be sent, and it does."""
    return job.ahead > 0 and not job.status.final and job.stage in BEFORE_PAYING


def cost(job: Job | JobLine) -> str:
    """What a job cost; in brackets what is spent unless the service says otherwise; plain what it will cost."""
    if job.charged is not None:
        return f"{job.charged:,}"
    if job.twin_of is not None or job.quoted is None or (job.status.final and not job.purchase):
        return "-"
    return f"({job.quoted:,})" if job.purchase else f"{job.quoted:,}"
