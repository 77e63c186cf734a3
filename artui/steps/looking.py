"""What one look at an execution leads to, if what it shows is the job's."""

from __future__ import annotations

import time
from dataclasses import replace
from itertools import count

from artui.journal import Connection, Journal, accounts, found, jobs, prices, purchases, result_files
from artui.model.job import Job, Result
from artui.model.states import Kind, Reason, Stage, Status
from artui.providers.base import ExecutionStatus, State
from artui.providers.base.wire import moment
from artui.steps import evidence
from artui.steps.context import StepContext
from artui.steps.evidence import Ownership

PATIENCE = 7
"""Settling times for which what is missing of a finished execution is only looked for again: ten minutes at the usual
90 seconds."""

GRACE = 120.0
"""Seconds for which a service may not know yet what it has just taken: it is looked at again."""

_ENDED = (State.DONE, State.INCOMPLETE, State.FAILED)


async def note(context: StepContext, job: Job, progress: ExecutionStatus, *, taken: bool = False) -> Job:
    """Write down what one look at an execution showed; ``taken``: a job that is done is RUNNING from then on."""
    progress = _own(job, progress, context.journal)

    def write(db: Connection) -> Job:
        # In the write's own transaction: what it is weighed against may change while that waits.
        shown = evidence.weigh(db, job, progress, context.provider.limits.accepts)
        why = shown.why if shown.verdict is Ownership.DISPROVED else _unknown_there(db, context, job, progress)
        if why:
            return evidence.take_back(db, job, why, context.find_due())
        evidence.learn(db, job, progress, shown)
        accounts.set_mark(db, job.payer, job.workflow, [progress.created_at], context.service_time())
        spent = job.charged
        if progress.charged is not None:
            prices.note(db, job, progress.charged)
        if progress.state in _ENDED and progress.charged is not None:  # before its end a charge may still grow
            spent = purchases.record_charge(db, job, progress.charged)
        now = context.clock.now()
        if progress.state is State.INCOMPLETE and not (job.partial and progress.outputs):
            return _with_gaps(db, job, progress, spent, now, PATIENCE * context.provider.settings.settle)
        if progress.state in (State.DONE, State.INCOMPLETE):
            return _finished(db, job, progress, spent, now, taken=taken)
        return _PLACES[progress.state](db, job, progress, spent, now)

    if _is_news(job, progress, context.clock.now()):
        return await context.journal.write_async(write)
    if progress.charged is not None and context.journal.read(prices.is_above, job, progress.charged):
        await context.journal.write_async(
            prices.note, job, progress.charged
        )  # what is not sent yet need not wait for its end
    return job


def _own(job: Job, progress: ExecutionStatus, journal: Journal) -> ExecutionStatus:
    """The same with what can be this job's result: what another execution has given, or what was uploaded, is a gap
    of what was ordered, as no result is."""
    if progress.state is State.DONE and not progress.outputs:
        return replace(progress, state=State.INCOMPLETE, message="the service gives no result")
    files = _files(progress)
    foreign = journal.read(result_files.foreign, job, files) if files else {}
    if not foreign:
        return progress
    rest = tuple(output for output in progress.outputs if output.file not in foreign)
    named = f"the service names {', '.join(dict.fromkeys(foreign.values()))} as its result"
    message = f"{progress.message}; {named}" if progress.message else f"finished with gaps: {named}"
    return replace(progress, state=State.INCOMPLETE, outputs=rest, message=message)


def _files(progress: ExecutionStatus) -> list[str]:
    return [output.file for output in progress.outputs if output.file]


def _unknown_there(db: Connection, context: StepContext, job: Job, progress: ExecutionStatus) -> str:
    """Why an execution is none, where a create named it and no look has ever shown it, for its id may have come damaged
    and its label finds it; empty where it is one, or where nothing can be looked up."""
    if progress.state is not State.GONE or job.word or not (job.execution and context.provider.limits.can_find):
        return ""
    purchase = purchases.current(db, job)
    if purchase is None or purchase.kind is not Kind.CREATE:
        return ""
    return f"the service named execution {job.execution} for it, and knows none of that id"


def _finished(
    db: Connection, job: Job, progress: ExecutionStatus, spent: int | None, now: float, *, taken: bool
) -> Job:
    if not result_files.claim(db, job, _files(progress)):
        return job  # a look at another execution has taken one of them this moment: the next look sees that
    seconds = _seconds(job, progress)
    if seconds is not None:
        accounts.add_duration(db, job.payer, job.workflow, seconds)
    if job.found:  # nobody knows where its result belongs
        return jobs.move(
            db, job, Stage.PROCESSED, Status.HELD, "processed", reason=Reason.RECOVERED, message=found.NOT_HERE,
            word=progress.word, results=results_of(progress), charged=spent,
            expires_at=None if progress.expires_in is None else now + progress.expires_in,
        )  # fmt: skip
    # No hold leads to RUNNING: it is claimed first.
    status = Status.RUNNING if taken and job.status is Status.WAITING else Status.READY
    return jobs.move(
        db, job, Stage.PROCESSED, status, "processed", word=progress.word, results=results_of(progress),
        charged=spent, expires_at=None if progress.expires_in is None else now + progress.expires_in,
        message="; ".join(filter(None, (progress.message, progress.remark, progress.aside))),
    )  # fmt: skip


def _with_gaps(
    db: Connection, job: Job, progress: ExecutionStatus, spent: int | None, now: float, patience: float
) -> Job:  # fmt: skip
    """Look again for some minutes at what the service calls finished, and is not all there; then ask a person. A
    waiting job is due when the minutes are over."""
    word, expires_at = progress.word, None if progress.expires_in is None else now + progress.expires_in
    if job.status is Status.WAITING and not _waits_for_rest(job, progress):
        return jobs.move(
            db, job, Stage.SUBMITTED, Status.WAITING, "not all there", reason=Reason.AT_SERVICE,
            message=f"{progress.message}: looked at again", due=now + patience,
            word=word, charged=spent, expires_at=expires_at,
        )  # fmt: skip
    waited = f"{patience / 60:.0f} minutes after the service called execution {job.execution} finished"
    return jobs.move(
        db, job, Stage.SUBMITTED, Status.HELD, "not all there", reason=Reason.DAMAGED,
        message=f"{progress.message}, {waited}", word=word, charged=spent, expires_at=expires_at,
    )  # fmt: skip


def _waits_for_rest(job: Job, progress: ExecutionStatus) -> bool:
    """Whether a job was seen finished with gaps before, and waits for what is missing."""
    # One that waits under the word of a finished execution was seen with gaps: whole, it would have gone on.
    return job.word == progress.word and bool(job.due)


def _failed(db: Connection, job: Job, progress: ExecutionStatus, spent: int | None, now: float) -> Job:
    del now
    message = f'"{progress.message}"' if progress.message else "it gives no reason"
    message += f"; {progress.remark}" if progress.remark else ""
    if not (jobs.get(db, job.id) or job).keep:  # nobody waits for it: a look may have begun before that was said
        message = f"not wanted any more; the service failed on it ({message}), charged {spent}"
        return jobs.move(
            db, job, Stage.SUBMITTED, Status.CANCELLED, "cancelled", message=message, word=progress.word, charged=spent
        )
    return jobs.move(
        db, job, Stage.SUBMITTED, Status.FAILED, "failed", reason=Reason.FAILED, message=message, word=progress.word,
        charged=spent,
    )  # fmt: skip


def _parked(db: Connection, job: Job, progress: ExecutionStatus, spent: int | None, now: float) -> Job:
    message = "the service waits for credits before it goes on"
    return jobs.move(
        db, job, Stage.SUBMITTED, Status.HELD, "payment required", reason=Reason.PAYMENT, message=message,
        word=progress.word, due=now, charged=spent,
    )  # fmt: skip


def _gone(db: Connection, job: Job, progress: ExecutionStatus, spent: int | None, now: float) -> Job:
    message = f"the service no longer knows execution {job.execution}"
    return jobs.move(
        db, job, Stage.SUBMITTED, Status.HELD, "gone", reason=Reason.GONE, message=message, word=progress.word,
        due=now, charged=spent,
    )  # fmt: skip


def _going_on(db: Connection, job: Job, progress: ExecutionStatus, spent: int | None, now: float) -> Job:
    reason = Reason.IN_QA if progress.state is State.IN_QA else Reason.AT_SERVICE
    message = "; ".join(filter(None, (progress.word, progress.aside)))
    return jobs.move(
        db, job, Stage.SUBMITTED, Status.WAITING, "at the service", reason=reason, message=message,
        word=progress.word, due=now, charged=spent,
    )  # fmt: skip


_PLACES = {
    State.FAILED: _failed,
    State.UNPAID: _parked,
    State.GONE: _gone,
    State.RUNNING: _going_on,
    State.IN_QA: _going_on,
}


_STANDING = {
    State.UNPAID: (Status.HELD, Reason.PAYMENT),
    State.GONE: (Status.HELD, Reason.GONE),
    State.RUNNING: (Status.WAITING, Reason.AT_SERVICE),
    State.IN_QA: (Status.WAITING, Reason.IN_QA),
}


def _is_news(job: Job, progress: ExecutionStatus, now: float) -> bool:
    if progress.state is State.GONE and time.time() - job.stage_at < GRACE:
        return False
    if progress.state is State.INCOMPLETE:
        if job.status is Status.HELD:
            return job.reason != Reason.DAMAGED or job.word != progress.word
        is_taken = job.partial and bool(progress.outputs)
        return is_taken or not _waits_for_rest(job, progress) or now >= (job.due or 0.0)
    if progress.state not in _STANDING or job.word != progress.word:
        return True
    overdue = job.reason == Reason.OVERDUE and progress.state is State.RUNNING  # still running is what made it overdue
    if overdue or (job.status, job.reason) != _STANDING[progress.state]:
        return not overdue
    # What it shows beside its state is written down when it first does so, however often it changes afterwards.
    return bool(progress.aside) and job.status is Status.WAITING and job.message == progress.word


def results_of(progress: ExecutionStatus) -> tuple[Result, ...]:
    """The results of a finished execution, still at the service; no two of them have the same task."""
    results: dict[str, Result] = {}
    for output in progress.outputs:
        numbered = (output.task if number == 1 else f"{output.task}-{number}" for number in count(1))
        # Part files and final names are told apart by the task alone.
        task = next(task for task in numbered if task not in results)
        results[task] = Result(
            output.locator, task, output.media_type, output.digest, output.size, unpack=output.unpack
        )
    return tuple(results.values())


def _seconds(job: Job, progress: ExecutionStatus) -> float | None:
    """How long an execution took by the service's own times, at most as long as it was waited for here; None where it
    does not say."""
    began, ended = moment(progress.created_at), moment(progress.finished_at)
    if began is None or ended is None:
        return None
    # A year 9999 must not become a usual time.
    return max(0.0, min((ended - began).total_seconds(), time.time() - job.stage_at))
