"""What a failed step means for its job and its account. Pure: time and chance are given."""

from __future__ import annotations

from dataclasses import dataclass

from artui import files
from artui.budget import AccountHeld, BoughtBefore, CancelledFirst, MayNotSpend
from artui.journal import Unwritable
from artui.model.job import Job
from artui.model.states import BOUGHT_BEFORE, TROUBLES, Reason, Stage, Status
from artui.providers.base import Blocked, Cause, NoRoom, NotPermitted, Puzzling, Rejected, Transient
from artui.providers.defects import LOOK_AGAIN, not_understood
from artui.steps import Hold, NotYet, OutsideHours
from artui.steps.looking import PATIENCE
from artui.steps.output import OUTPUT_AGAIN
from artui.timing import retry_delay

HOLD_OF = {Cause.LOGIN: Reason.LOGIN, Cause.CREDIT: Reason.CREDITS, Cause.QUOTA: Reason.QUOTA}
"""The hold each cause puts on its account."""

BLOCKED_AGAIN = 30.0
"""Seconds after which a result is asked for again that the service did not give without a sign-in."""

BAD_RESULTS = 3
"""Damaged downloads of one result after which a person is asked, or answers in its place that lead nowhere."""

TO_SAVE = (Stage.PROCESSED, Stage.SAVED)
"""The stages of what is bought and not yet in its place."""


@dataclass(frozen=True, slots=True)
class FailureContext:
    """When a step failed: ``now`` by the clock, the account's settling time, and a random number in 0 … 1.

    ``alone``: how often this photo has failed there, this time included, since others of its account got past.
    ``signed_out``: the account was held for want of a sign-in before.
    """

    now: float
    settle: float
    chance: float
    alone: int = 0
    signed_out: bool = False


@dataclass(frozen=True, slots=True)
class Disposition:
    """Where a job is put down.

    ``scope``: which cap holds it, or what is paused. ``holds`` is set where the failure belongs to the whole account:
    the job then stands ready behind that hold. ``failed_try`` counts as an attempt; ``unexpected`` is a defect of this
    program, for the log.
    """

    status: Status
    what: str
    reason: str = ""
    message: str = ""
    due: float | None = None
    scope: str = ""
    failed_try: bool = False
    holds: Reason | None = None
    unexpected: bool = False


PUT_BACK = Disposition(Status.READY, "put back")
"""Of a job that has failed at nothing, and that nothing holds."""


def classify(job: Job, failure: Exception, moment: FailureContext) -> Disposition:
    """What becomes of ``job``, as it stands now, after ``failure``."""
    said = str(failure)
    match failure:
        case Transient():
            return _in_passing(job, failure, moment)
        case Unwritable():
            return Disposition(Status.WAITING, "put off", Reason.TRY_AGAIN, said, due=moment.now + 1)
        case NoRoom():  # before NotPermitted, which it is, too
            return Disposition(Status.HELD, "held", Reason.DISK_FULL, said, due=moment.now + OUTPUT_AGAIN)
        case NotYet() | NotPermitted():
            return _put_off(job, failure, moment)
        case Blocked():
            return _blocked(job, failure, moment)
        case AccountHeld() | MayNotSpend():
            return _not_spent(failure)
        case Hold():
            due = None if failure.due is None else moment.now + failure.due
            return Disposition(Status.HELD, "held", failure.reason, said, due=due)
        case Rejected():
            return _rejected(job, failure, moment)
        case CancelledFirst():
            return Disposition(Status.CANCELLED, "cancelled", message=said)
        case _:
            return _on_disk(job, failure, moment)


def _put_off(job: Job, failure: NotYet | NotPermitted, moment: FailureContext) -> Disposition:
    """It has failed at nothing, and goes on soon; less and less often where that may take long."""
    if isinstance(failure, OutsideHours):
        due = max(failure.opens, moment.now + 1.0)  # clocks may differ by a little
        return Disposition(Status.WAITING, "outside its hours", Reason.HOURS, str(failure), due=due)
    may_last = isinstance(failure, NotYet) and failure.last
    wait = retry_delay(job.attempts, moment.chance) if may_last else 1.0
    return Disposition(
        Status.WAITING, "put off", Reason.TRY_AGAIN, str(failure), due=moment.now + wait, failed_try=may_last
    )


def _in_passing(job: Job, failure: Transient, moment: FailureContext) -> Disposition:
    """It is tried again, unless the service has trouble with this very photo: then a person is asked. What is bought is
    still asked for, slowly."""
    # An answer in a result's place says the same each time, whatever other photos do.
    leads_nowhere = isinstance(failure, Puzzling) and job.stage in TO_SAVE and job.attempts + 1 >= BAD_RESULTS
    if moment.alone < TROUBLES and not leads_nowhere:
        return _try_again(job, str(failure), moment, failure.retry_after)
    message = f"{failure} (tried {job.attempts + 1} times{', while others got past' if not leads_nowhere else ''})"
    due = moment.now + LOOK_AGAIN if job.stage in TO_SAVE else None
    return Disposition(Status.HELD, "trouble", Reason.TROUBLE, message, due=due, failed_try=True)


def _blocked(job: Job, failure: Blocked, moment: FailureContext) -> Disposition:
    """What was to be paid stands ready behind its account's hold; what is bought is asked for all the same."""
    hold = HOLD_OF[failure.cause]
    if job.stage in TO_SAVE:
        if hold is Reason.LOGIN and not moment.signed_out and job.attempts + 1 >= BAD_RESULTS:
            # Each time the account went on meanwhile, so that its sign-in is good: it is this result that is kept back.
            message = f"{failure} (tried {job.attempts + 1} times, while the sign-in is good for all else)"
            return Disposition(
                Status.HELD, "trouble", Reason.TROUBLE, message, due=moment.now + LOOK_AGAIN, failed_try=True
            )
        due, counts = moment.now + BLOCKED_AGAIN, not moment.signed_out
        return Disposition(Status.HELD, "held", hold, str(failure), due=due, holds=hold, failed_try=counts)
    return Disposition(Status.READY, "put back", message=str(failure), holds=hold)


def _not_spent(failure: AccountHeld | MayNotSpend) -> Disposition:
    """Behind a hold of its account the job stands ready, for that may end at any moment; any other hold is its own."""
    match failure:
        case AccountHeld():
            return Disposition(Status.READY, "put back", message=str(failure))
        case BoughtBefore():  # before MayNotSpend, which it is, too
            return Disposition(Status.HELD, BOUGHT_BEFORE, failure.reason, str(failure))
        case MayNotSpend(reason=Reason.CREDITS):
            return Disposition(Status.READY, "put back", message=str(failure), holds=Reason.CREDITS)
    return Disposition(Status.HELD, "held", failure.reason, str(failure), scope=failure.scope or "")


def _on_disk(job: Job, failure: Exception, moment: FailureContext) -> Disposition:
    said = str(failure)
    match failure:
        case files.BadPhoto(reason=files.PhotoFault.IN_CLOUD):  # whole once somebody has had it downloaded
            return _try_again(job, said, moment)
        case files.PhotoProblem():
            return Disposition(Status.FAILED, "refused", failure.reason, said)
        case files.OutputProblem():
            reason = Reason.DISK_FULL if failure.reason == "full" else Reason.OUTPUT
            return Disposition(Status.HELD, "held", reason, said, due=moment.now + OUTPUT_AGAIN)
        case files.BadResult() if job.attempts + 1 >= BAD_RESULTS:  # this try is not counted yet
            return Disposition(Status.HELD, "result damaged", Reason.DAMAGED, said)
        case files.BadResult() | OSError():
            return _try_again(job, said, moment)
    message = f"artui itself failed on {job.source.name} ({type(failure).__name__}); see the log, then retry"
    due = None
    if job.stage in TO_SAVE:
        message = f"{not_understood(job.source.name, type(failure).__name__)}; it is bought, and looked at again slowly"
        due = moment.now + LOOK_AGAIN
    return Disposition(Status.HELD, "unexpected error", Reason.ERROR, message, due=due, unexpected=True)


def _rejected(job: Job, failure: Rejected, moment: FailureContext) -> Disposition:
    """Before paying the service's no is the end; a result it does not have now may come, but is never bought again."""
    if job.stage not in TO_SAVE:
        return Disposition(Status.FAILED, "refused", Reason.REJECTED, str(failure))
    # A result may be stored a while after "finished", and be asked for late.
    if moment.now - job.stage_at < PATIENCE * moment.settle or job.attempts + 1 < BAD_RESULTS:
        return _try_again(job, str(failure), moment)
    message = f"{failure}. It was charged {job.charged}; artui does not order it again by itself."
    return Disposition(Status.HELD, "gone", Reason.GONE, message)


def _try_again(job: Job, said: str, moment: FailureContext, retry_after: float | None = None) -> Disposition:
    wait = max(retry_after or 0.0, retry_delay(job.attempts, moment.chance))
    return Disposition(Status.WAITING, "try again", Reason.TRY_AGAIN, said, due=moment.now + wait, failed_try=True)
