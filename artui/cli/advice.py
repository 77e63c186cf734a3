"""What a person can do about a job now, in one sentence."""

from __future__ import annotations

import time

from artui.cli.phrases import (
    BROKEN,
    CAPS,
    FAILED,
    HELD,
    LOOKING,
    NOT_ALL_THERE,
    NOT_COPIED,
    OTHERS,
    PAUSES,
    PUT_AWAY,
    WHERE,
)
from artui.model.holds import CapKind, PauseOf
from artui.model.job import Job
from artui.model.states import Reason, Review, Stage, Status
from artui.model.watching import Skip
from artui.providers import capabilities


def _of_held(job: Job) -> str:
    if job.reason == Reason.CAP and job.hold_scope:
        return CAPS[CapKind(job.hold_scope)]
    if job.reason == Reason.PAUSED and job.hold_scope:
        return PAUSES[PauseOf(job.hold_scope)]
    if job.reason == Reason.DAMAGED and job.stage is Stage.SUBMITTED:
        return NOT_ALL_THERE  # the service calls it finished, and what was ordered is not there
    return HELD[Reason(job.reason)]


def advice(job: Job) -> str:
    """What to do about a job now."""
    is_followed = job.reason == Reason.FAILED or job.stage is Stage.PROCESSED
    if job.found and not job.status.final:
        text = (
            "nothing, it was found at the service: it is fetched when its photo turns up, or by `artui recover --fetch`"
        )
    elif job.status is Status.HELD:
        text = _of_held(job)
    elif job.status in (Status.FAILED, Status.CANCELLED) and job.may_have_cost and not is_followed:
        text = "nothing, what was sent before counts as spent; `artui redo {id}` buys it anew"
    elif job.status is Status.FAILED and job.execution and not capabilities(job.provider).limits.can_retry:
        text = "the service cannot run it again: `artui redo {id}` buys it anew, and shows first what that costs"
    elif job.status is Status.FAILED:
        text = FAILED[Reason(job.reason)] if job.reason in FAILED else BROKEN
    elif job.is_left:
        text = "nothing, its result was not wanted; `artui retry {id}` fetches it free while the service has it"
    elif job.reason == Reason.IN_QA:
        text = "nothing, a person at the service checks it"
    elif job.reason == Reason.LOOKING:
        text = LOOKING[capabilities(job.provider).limits.clears_doubt]
    elif job.is_saved and job.review == Review.REJECTED:
        text = PUT_AWAY
    else:
        text = NOT_COPIED if job.reason == Skip.ONLY_METADATA and not job.results else OTHERS[job.status]
    at = "" if job.next_try is None else f"; next at {time.strftime('%H:%M:%S', time.localtime(job.next_try))}"
    return (text + at).format(
        id=job.id, batch=job.batch, account=job.account, execution=job.execution, folder=job.folder,
        twin_of=job.twin_of, where=WHERE[capabilities(job.provider).limits.clears_doubt],
    )  # fmt: skip
