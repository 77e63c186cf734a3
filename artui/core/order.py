"""Which of the jobs that wait for their turn come first, by a person's wish. It costs nothing, and moves no job."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from artui.core.actions import Refusal, explained
from artui.journal import Connection, jobs, order
from artui.model.job import Job
from artui.model.states import BEFORE_PAYING, Reason, Status


@dataclass(frozen=True, slots=True)
class Placed:
    """What became of the wish to put a job first, as the job then is; ``buyer``: the job with the same photo that was
    put first with it, for it waits for that one's result. ``refused``: why it does not fit."""

    job: Job
    buyer: Job | None = None
    refused: Refusal | None = None

    @property
    def why(self) -> str:
        """Why it does not fit; empty where it does."""
        return explained(self.refused, self.job)


def put_first(db: Connection, found: Iterable[Job], *, undo: bool = False) -> list[Placed]:
    """Put these before all that wait for their turn, in this order, or with ``undo`` back to their own; what is past
    that stays as it is."""
    placed: list[Placed] = []
    meant: dict[int, Job] = {}
    for seen in found:
        job = jobs.get(db, seen.id) or seen
        buyer = jobs.get(db, job.twin_of) if job.twin_of and job.reason == Reason.TWIN else None
        if not waits_for_its_turn(job):
            placed.append(Placed(job, refused=Refusal.PAST_QUEUE))
            continue
        if buyer is not None and waits_for_its_turn(buyer):
            meant.setdefault(buyer.id, buyer)
        meant.setdefault(job.id, job)
        placed.append(Placed(job, buyer))
    (order.put_back if undo else order.put_first)(db, list(meant.values()))
    return [Placed(jobs.get(db, one.job.id) or one.job, one.buyer, one.refused) for one in placed]


def waits_for_its_turn(job: Job) -> bool:
    """Whether a job is not sent yet, nor on its way there, so that another place in the line changes something."""
    waits = job.status in (Status.READY, Status.WAITING, Status.HELD) and job.reason != Reason.LOOKING
    return waits and job.stage in BEFORE_PAYING and not job.execution and not job.found
