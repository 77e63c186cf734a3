"""What a person decides about jobs: retry, cancel, resolve, accept a price, pause, resume.

Each decision arrives as a request that names what its author saw; it is checked and carried out in one transaction, and
one that no longer fits is refused with a sentence.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from typing import Any

from artui.job import Job, Purchase
from artui.journal import Connection, accounts, jobs, purchases, requests
from artui.journal.requests import Request
from artui.states import FINAL, PurchaseState, Reason, Stage, Status

_ANEW: Mapping[str, Any] = {"attempts": 0, "cancel": False, "keep": True}
"""A job that is tried again is wanted again, whatever was wished before."""


class Refused(Exception):
    """The decision does not fit what the job is now; the text says why and what fits."""


def terms(db: Connection, job: Job) -> dict[str, Any]:
    """Price and version of the job's workflow as they were last seen at the service, for a retry that begins anew:
    ``quoted`` and ``version``. Empty where nothing newer than the job is known, or where a recipe of ours has become
    another one."""
    # What a changed price was found by is newer than what the job was queued with, whenever it was fetched.
    since = 0.0 if job.reason == Reason.PRICE else job.created_at
    known = accounts.cached_workflow(db, job.account, job.workflow, since=since)
    if known is None:
        return {}
    now = json.loads(known)
    if job.parameters and now["version"] != job.version:
        return {}
    return {"quoted": now["price"], "version": now["version"]}


def carry_out(db: Connection, request: Request) -> Job | None:
    """Carry a request about one job out and mark it done, or refuse it; returns the job as it then is."""
    try:
        message = _decide(db, request)
    except Refused as refusal:
        requests.finish(db, request, str(refusal), refused=True)
        return None
    requests.finish(db, request, message)
    return jobs.get(db, request.job or 0)


def _decide(db: Connection, request: Request) -> str:
    job = jobs.get(db, request.job or 0)
    if job is None:
        raise Refused(f"there is no job {request.job}")
    if (job.purchase, job.status) != (request.purchase, request.status):
        raise Refused(f"job {job.id} has moved on meanwhile: it is {job.status} now")
    return DECISIONS[request.what](db, job, request.arguments)


def _retry(db: Connection, job: Job, arguments: Mapping[str, Any]) -> str:
    """Try again what failed or is held: free where nothing was paid, else a purchase like any other."""
    if why := why_no_retry(db, job):
        raise Refused(why)
    if job.status is Status.HELD:
        return _retry_held(db, job, arguments)
    if job.stage is Stage.PROCESSED:
        jobs.buy(db, job)
        jobs.move(db, job, Stage.PROCESSED, Status.READY, "retry", message="fetched after all", **_ANEW)
        return f"{job.source.name}'s result is fetched after all, nothing more is paid"
    if job.execution and jobs.buy(db, job):
        jobs.move(
            db, job, Stage.SUBMITTING, Status.READY, "retry", new_try=True, message="asked for by a person", **_ANEW
        )
        return f"the service is asked again about {job.source.name}"
    if not jobs.surely_unpaid(db, job.id):
        raise Refused(_given_up(job))  # followed once, and another job buys its photo by now
    _from_the_start(db, job, arguments)
    return f"{job.source.name} is checked and sent again"


def why_no_retry(db: Connection, job: Job) -> str:
    """Why not trying a job again is what helps, but a decision, a purchase anew, or nothing; empty where it is."""
    if job.status is Status.HELD and job.reason == Reason.IN_DOUBT:
        return f"job {job.id} is in doubt: `artui resolve {job.id}` with --adopt ID, --again or --give-up"
    if job.status is Status.HELD and job.reason == Reason.TWIN:
        return (
            f"job {job.id} has the same photo as job {job.twin_of}: decide about that one;"
            f" `artui redo {job.id}` buys it anew"
        )
    if job.status not in (Status.HELD, Status.FAILED, Status.CANCELLED):
        return f"job {job.id} is {job.status}: nothing to retry (a finished photo is sent again by `artui redo`)"
    is_followed = job.status is Status.HELD or job.stage is Stage.PROCESSED or bool(job.execution)
    return "" if is_followed or jobs.surely_unpaid(db, job.id) else _given_up(job)


def _given_up(job: Job) -> str:
    return f"job {job.id} was given up and may have been paid: `artui redo {job.id}` buys it anew"


def _retry_held(db: Connection, job: Job, arguments: Mapping[str, Any]) -> str:
    if job.reason == Reason.PRICE:
        if "version" not in arguments:
            raise Refused(f"{job.message}; retry it with the new price")
        if not jobs.surely_unpaid(db, job.id):
            return _at_new_terms(db, job, arguments)
        _from_the_start(db, job, arguments)
        return f"{job.source.name} is sent at the new price"
    if job.reason == Reason.PAYMENT:
        jobs.move(
            db, job, Stage.SUBMITTING, Status.READY, "retry", new_try=True, message="asked for by a person", **_ANEW
        )
        return f"the service is asked to go on with {job.source.name}"
    if job.stage is Stage.SUBMITTED:
        jobs.move(db, job, job.stage, Status.WAITING, "retry", reason=Reason.AT_SERVICE, due=job.due or 0.0)
        return f"{job.source.name} is looked at again"
    jobs.move(db, job, job.stage, Status.READY, "retry", message="asked for by a person", attempts=0)
    return f"{job.source.name} goes on"


def _at_new_terms(db: Connection, job: Job, arguments: Mapping[str, Any]) -> str:
    """Go on at another price or version with a photo that may have been paid before: it stays that photo's buyer."""
    terms = {name: arguments[name] for name in ("quoted", "version") if name in arguments}
    version = str(terms.get("version", job.version))
    other = jobs.buyer(db, job.payer, job.workflow, version, job.digest, parameters=job.parameters, copy=job.copy)
    if other is not None and other.id != job.id:
        raise Refused(f"job {other.id} buys the same photo at the new price: `artui cancel {job.id}` leaves this one")
    jobs.move(db, job, job.stage, Status.READY, "retry", message="asked for by a person", **_ANEW, **terms)
    return f"{job.source.name} is sent at the new price"


def _from_the_start(db: Connection, job: Job, arguments: Mapping[str, Any]) -> None:
    """Begin anew with the file as it is now; nothing of the earlier try was paid."""
    jobs.pass_on(db, job, "begins anew")  # its file may be another photo by now
    allowed = {"size", "mtime_ns", "inode", "device", "quoted", "version"}
    changes = {name: value for name, value in arguments.items() if name in allowed}
    jobs.move(
        db, job, Stage.NEW, Status.READY, "retry", new_try=True, message="asked for by a person",
        digest="", buys=False, twin_of=None, reference="", **_ANEW, **changes,
    )  # fmt: skip


def _cancel(db: Connection, job: Job, arguments: Mapping[str, Any]) -> str:
    """Before the intent a cancel is the end, unpaid; after it a wish: the job is followed, and its result saved, or
    with ``keep`` false left at the service."""
    if job.status in FINAL:
        raise Refused(f"job {job.id} is {job.status} already")
    purchase = purchases.current(db, job)
    sent = purchase is not None and purchase.state is not PurchaseState.REFUSED
    if purchase is not None and sent and job.stage.rank >= Stage.SUBMITTING.rank:
        return _wish(db, job, purchase, keep=arguments.get("keep", True))
    if job.status is Status.RUNNING:
        jobs.change(db, job, "cancel wish", "cancelled unless it is being sent right now", cancel=True)
        return f"{job.source.name} is cancelled unless it is being sent right now"
    unpaid = jobs.surely_unpaid(db, job.id)
    message = "cancelled, nothing paid" if unpaid else "cancelled, not sent again; what was sent before counts as spent"
    jobs.move(db, job, job.stage, Status.CANCELLED, "cancelled", message=message)
    return f"{job.source.name} is {message}"


def _wish(db: Connection, job: Job, purchase: Purchase, *, keep: bool) -> str:
    """Remember what is to become of a result that cannot be stopped any more."""
    name = job.source.name
    if not keep and job.stage is Stage.SAVED:
        raise Refused(f"the result of {name} is being put in place already: delete the file if it is not wanted")
    cost = purchase.reserved if job.charged is None else job.charged
    what = "its result is saved when it comes" if keep else f"its result is not saved, {cost} credits stay spent"
    message = f"already sent, the service cannot stop it: {what}"
    job = jobs.change(db, job, "cancel wish", message, cancel=True, keep=keep)
    if job.status is not Status.RUNNING and job.stage is Stage.SUBMITTING and job.execution:
        # A retry that is not sent yet is taken back; the execution is followed as it stands.
        jobs.move(
            db, job, Stage.SUBMITTED, Status.WAITING, "retry taken back", reason=Reason.AT_SERVICE, due=0.0,
            message=message, new_try=True,
        )  # fmt: skip
    elif not keep and job.stage is Stage.PROCESSED and job.status in (Status.WAITING, Status.HELD):
        jobs.move(db, job, job.stage, Status.READY, "goes on")
    return f"{name} is {message}"


def _in_doubt(db: Connection, job: Job) -> str:
    """The key of the purchase a person decides about."""
    purchase = purchases.current(db, job)
    if job.reason != Reason.IN_DOUBT or purchase is None or purchase.state is not PurchaseState.INTENDED:
        raise Refused(f"job {job.id} is not in doubt: there is nothing to resolve")
    return purchase.key


def _adopt(db: Connection, job: Job, arguments: Mapping[str, Any]) -> str:
    """Take over an execution that a person found; the engine has compared it with the photo before."""
    key, execution = _in_doubt(db, job), str(arguments["execution"])
    if purchases.bought_executions(db, job.payer, [execution]):
        raise Refused(f"execution {execution} belongs to another job already")
    purchases.record_execution(db, key, execution)
    jobs.move(
        db, job, Stage.SUBMITTED, Status.WAITING, "adopted", reason=Reason.AT_SERVICE, due=0.0, execution=execution
    )
    return f"{job.source.name} is followed as execution {execution}"


def _again(db: Connection, job: Job, arguments: Mapping[str, Any]) -> str:
    """Send the photo again, knowing that the first time may have been charged."""
    del arguments
    purchases.presume_spent(db, _in_doubt(db, job))
    message = "sent again by a person's decision; the first time may have been charged too"
    jobs.move(db, job, Stage.UPLOADED, Status.READY, "send again", new_try=True, message=message, **_ANEW)
    return f"{job.source.name} is sent again"


def _give_up(db: Connection, job: Job, arguments: Mapping[str, Any]) -> str:
    """Let the purchase count as spent and the job as failed."""
    del arguments
    purchases.presume_spent(db, _in_doubt(db, job))
    spent = "one photo" if job.quoted is None else f"{job.quoted:,} credits"
    message = f"given up by a person; counted as spent ({spent})"
    jobs.move(db, job, Stage.SUBMITTING, Status.FAILED, "given up", reason="given up", message=message)
    return f"{job.source.name} is given up and counted as spent"


def approve(db: Connection, request: Request) -> None:
    """A yes to a batch's sample: the rest of it goes on. A no (``arguments["yes"]`` false): the rest is cancelled."""
    waiting = jobs.behind_sample(db, str(request.arguments["batch"]))
    if not waiting:
        requests.finish(db, request, "nothing of this batch waits for a yes", refused=True)
        return
    for job in waiting:
        if request.arguments.get("yes", True):
            jobs.move(db, job, job.stage, Status.READY, "approved", message="the sample was approved")
        else:
            jobs.move(db, job, job.stage, Status.CANCELLED, "cancelled", message="the sample was refused, nothing paid")
    verdict = "go on" if request.arguments.get("yes", True) else "are cancelled, nothing more is paid"
    requests.finish(db, request, f"{len(waiting)} photos {verdict}")


DECISIONS: Mapping[str, Callable[[Connection, Job, Mapping[str, Any]], str]] = {
    "retry": _retry,
    "cancel": _cancel,
    "adopt": _adopt,
    "again": _again,
    "give up": _give_up,
}
"""The requests that are about one job."""
