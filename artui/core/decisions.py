"""What a person decides about jobs: retry, cancel, resolve, accept a price, pause, resume.

Each decision arrives as a request that names what its author saw; it is checked and carried out in one transaction, and
one that no longer fits is refused with a sentence.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from artui.core import actions
from artui.core.actions import Action, Effect
from artui.journal import Connection, Stale, accounts, holds, jobs, prices, purchases, requests, seen
from artui.journal.requests import Request
from artui.model.commands import Command
from artui.model.job import Job, Result
from artui.model.states import FINAL, REPEATS, Reason, Stage, Status

_ANEW: Mapping[str, Any] = {"attempts": 0, "cancel": False, "keep": True}
"""A job that is tried again is wanted again, whatever was wished before."""


class DecisionRefused(Exception):
    """The decision does not fit what the job is now; the text says why and what fits."""


@dataclass(frozen=True, slots=True)
class ServiceFacts:
    """What a decision must know of the job's service: whether it can run an execution again, and when what is
    in the air is looked up."""

    can_retry: bool
    settle_due: float


Decide = Callable[[Connection, Job, Mapping[str, Any], ServiceFacts], str]
"""A decision about a job as it stands, by the request's arguments: changes the job and returns what is said of that.
Raises :class:`DecisionRefused` where it does not fit."""


def carry_out(
    db: Connection, request: Request, decide: Decide, *, can_retry: bool = True, settle_due: float = 0.0
) -> Job | None:
    """Carry a request about one job out by ``decide`` and mark it done, or refuse it; returns the job as it then is.

    ``can_retry``: the job's service can run an execution again. ``settle_due``: when what is in the air is looked up.
    """
    try:
        with db:  # a savepoint: what a refused decision has written goes with it
            message = _decided(db, request, decide, ServiceFacts(can_retry, settle_due))
    except DecisionRefused as refusal:
        requests.finish(db, request, str(refusal), refused=True)
        return None
    requests.finish(db, request, message)
    return jobs.get(db, request.job or 0)


def _decided(db: Connection, request: Request, decide: Decide, service: ServiceFacts) -> str:
    job = jobs.get(db, request.job or 0)
    if job is None:
        raise DecisionRefused(f"there is no job {request.job}")
    is_as_seen = (job.purchase, job.status) == (request.purchase, request.status)
    if not is_as_seen and request.command is Command.CANCEL and job.purchase == request.purchase:
        # It meets what its author wished to cancel as long as nothing was sent since, whatever else has moved.
        is_as_seen = actions.cancel(db, job).effect in {Effect.CANCEL, Effect.CANCEL_UNLESS_SENT}
    if not is_as_seen:
        # What a retry was to end is over: the job was held, and has gone on from there by itself.
        goes_on = (Status.READY, Status.RUNNING, Status.WAITING, Status.DONE)
        if request.command is Command.RETRY and request.status == Status.HELD and job.status in goes_on:
            return f"{job.source.name} {'is done' if job.status is Status.DONE else 'goes on by itself'} already"
        raise DecisionRefused(f"job {job.id} has moved on meanwhile: it is {job.status} now")
    return decide(db, job, request.arguments, service)


def _fitting(action: Action) -> Effect:
    """What an act does that fits; Refused with the reason where it does not."""
    if action.refused or action.effect is None:
        raise DecisionRefused(action.why)
    return action.effect


def retry(db: Connection, job: Job, arguments: Mapping[str, Any], service: ServiceFacts) -> str:
    """Try again what failed or is held: free where nothing was paid, else a purchase like any other."""
    name = job.source.name
    effect = _fitting(actions.retry(db, job, can_retry=service.can_retry, agreed=arguments))
    purchases.allow_once_more(db, job, REPEATS)  # a person's yes is one more sending under the key, none without end
    match effect:
        case Effect.SEND:
            return _send(db, job, arguments)
        case Effect.SEND_AGAIN:
            if arguments.get("agreed") is not True:
                raise DecisionRefused(
                    f"job {job.id} may have been paid before: `artui retry {job.id}` shows what that may cost"
                )
            _on(
                db, job, service, "send again", "sent by a person's decision; it may have been paid before", agreed=True
            )
            return f"{name} is sent; it may have been paid before"
        case Effect.RERUN:
            jobs.buy(db, job)  # it may have given its photo up; that another job buys it was ruled out above
            _ask_again(db, job, arguments)
            return f"the service is asked again about {name}"
        case Effect.CONTINUE:
            _ask_again(db, job, arguments)
            return f"the service is asked to go on with {name}"
        case Effect.LOOK:
            jobs.move(db, job, job.stage, Status.WAITING, "retry", reason=Reason.AT_SERVICE, due=job.due or 0.0)
            return f"{name} is looked at again"
        case Effect.TAKE_PARTIAL:
            jobs.move(
                db, job, job.stage, Status.WAITING, "retry", reason=Reason.AT_SERVICE, due=0.0, partial=True,
                message="what there is of its results is taken, as a person wishes",
            )  # fmt: skip
            return f"{name} is looked at again, and what there is then is saved"
        case Effect.FETCH if job.status in FINAL:
            jobs.buy(db, job)
            jobs.move(db, job, job.stage, Status.READY, "retry", message="fetched after all", **_ANEW)
            return f"{name}'s result is fetched after all, nothing more is paid"
    _on(db, job, service, "retry", "asked for by a person")
    if job.reason == Reason.CAP:
        return f"{name} is tried again, and waits on while its cap has no room"
    return f"{name} goes on"


def fetch(
    db: Connection, job: Job, arguments: Mapping[str, Any], service: ServiceFacts, *, results: tuple[Result, ...] = ()
) -> str:  # fmt: skip
    """Have a saved result fetched again, from ``results`` as the service has them now; nothing is bought by it. A copy
    gets the one of the job that was paid for."""
    del arguments, service
    _fitting(actions.fetch(db, job))
    message = "its result is fetched again, nothing is paid"
    if job.twin_of is not None:
        jobs.move(db, job, Stage.CHECKED, Status.READY, "fetch again", new_try=True, message=message, **_ANEW)
    else:
        jobs.move(
            db, job, Stage.PROCESSED, Status.READY, "fetch again", new_try=True, message=message, results=results,
            **_ANEW,
        )  # fmt: skip
    return f"{job.source.name}: {message}"


def _on(db: Connection, /, job: Job, service: ServiceFacts, what: str, message: str, **changes: Any) -> None:
    """Let a job go on from where it stands; a paid call in the air is looked up before anything is sent."""
    if job.stage is Stage.SUBMITTING and purchases.is_pending(db, job):
        jobs.move(
            db, job, job.stage, Status.WAITING, what, reason=Reason.LOOKING, due=service.settle_due, message=message,
            **changes,
        )  # fmt: skip
    else:
        jobs.move(db, job, job.stage, Status.READY, what, message=message, attempts=0, **changes)


def _ask_again(db: Connection, job: Job, arguments: Mapping[str, Any]) -> None:
    """Have the service asked to run the job's execution again."""
    now = {name: arguments[name] for name in ("quoted",) if name in arguments}
    moved = jobs.move(
        db, job, Stage.SUBMITTING, Status.READY, "retry", new_try=True, message="asked for by a person", **_ANEW, **now
    )
    prices.accept(db, moved)


def _send(db: Connection, job: Job, arguments: Mapping[str, Any]) -> str:
    """Send from the start what surely cost nothing; at a new price only what was agreed to."""
    if job.reason != Reason.PRICE:
        _from_the_start(db, job, arguments)
        return f"{job.source.name} is checked and sent again"
    if "version" not in arguments:
        raise DecisionRefused(f"{job.message}; retry it with the new price")
    if jobs.surely_unpaid(db, job.id):
        _from_the_start(db, job, arguments)
    else:  # it may have been paid before, and stays that photo's buyer
        now = {name: arguments[name] for name in ("quoted", "version") if name in arguments}
        jobs.move(db, job, job.stage, Status.READY, "retry", message="asked for by a person", **_ANEW, **now)
    if (agreed := jobs.get(db, job.id)) is not None:
        prices.accept(db, agreed)
    return f"{job.source.name} is sent at the new price"


def _from_the_start(db: Connection, job: Job, arguments: Mapping[str, Any]) -> None:
    """Begin anew with the file as it is now; nothing of the earlier try was paid."""
    jobs.pass_on(db, job, "begins anew")  # its file may be another photo by now
    # A request comes from another process: nothing else of it may reach the row.
    allowed = {"size", "mtime_ns", "inode", "device", "quoted", "version"}
    changes = {name: value for name, value in arguments.items() if name in allowed}
    # Where it lies no more, its rule may have moved it.
    place = job.source if "size" in changes else seen.place_now(db, job)
    jobs.move(
        db, job, Stage.NEW, Status.READY, "retry", new_try=True, message="asked for by a person", source=place,
        digest="", picture="", buys=False, twin_of=None, reference="", execution="", word="", agreed=False,
        **{**_ANEW, **changes},
    )  # fmt: skip


def cancel(db: Connection, job: Job, arguments: Mapping[str, Any], service: ServiceFacts) -> str:
    """Before the intent a cancel is the end, unpaid; after it a wish: the job is followed, and its result saved, or
    with ``keep`` false left at the service."""
    del service
    keep, name = bool(arguments.get("keep", True)), job.source.name
    effect = _fitting(actions.cancel(db, job, keep=keep))
    if job.found or effect in (Effect.CANCEL, Effect.CANCEL_SPENT):
        left = "left at the service: it counts as spent, and its photo as bought"
        message = left if job.found else jobs.cancelled_as(db, job)
        jobs.move(db, job, job.stage, Status.CANCELLED, "cancelled", message=message)
        return f"{name} is {message}"
    if effect is Effect.CANCEL_UNLESS_SENT:
        message = "cancelled unless it is being sent right now"
        jobs.change(db, job, "cancel wish", message, cancel=True)
        return f"{name} is {message}"
    message = _followed(db, job, effect, keep=keep)
    job = jobs.change(db, job, "cancel wish", message, cancel=True, keep=keep)
    if effect is Effect.TAKE_BACK and job.status is not Status.RUNNING:  # else its step does so, at the intent
        jobs.move(
            db, job, Stage.SUBMITTED, Status.WAITING, "retry taken back", reason=Reason.AT_SERVICE, due=0.0,
            message=message, new_try=True,
        )  # fmt: skip
    # It may wait for a folder or a digest that nobody needs any more.
    elif not keep and job.stage is Stage.PROCESSED and job.status in (Status.WAITING, Status.HELD):
        jobs.move(db, job, job.stage, Status.READY, "goes on")
    return f"{name} is {message}"


def _followed(db: Connection, job: Job, effect: Effect, *, keep: bool) -> str:
    """What becomes of a job that is cancelled too late."""
    last = purchases.current(db, job)
    cost = job.charged if job.charged is not None else last.reserved if last else 0
    result = "its result is saved when it comes" if keep else f"its result is not saved, {cost} credits stay spent"
    if effect is Effect.CANCEL_UNCLEAR:
        return f"not sent again, but may have been sent: artui finds out; if so, {result}"
    if effect is Effect.TAKE_BACK:
        return f"not sent again, the retry is taken back; of what was sent before, {result}"
    return f"already sent, the service cannot stop it: {result}"


def _in_doubt(db: Connection, job: Job, how: Command) -> str:
    """The key of the purchase a person decides about."""
    _fitting(actions.resolve(db, job, how))
    purchase = purchases.current(db, job)
    if purchase is None:
        raise Stale(f"job {job.id} has no purchase")
    return purchase.key


def adopt(db: Connection, job: Job, arguments: Mapping[str, Any], service: ServiceFacts) -> str:
    """Take over an execution that a person found; the engine has compared it with the photo before."""
    del service
    key, execution = _in_doubt(db, job, Command.ADOPT), str(arguments["execution"])
    is_its_own = execution == job.execution  # a lost retry, mostly taken under the id it had
    if not is_its_own and purchases.bought_executions(db, job.payer, [execution]):
        raise DecisionRefused(f"execution {execution} belongs to another job already")
    # A person has looked: it outweighs what an answer named.
    purchases.record_execution(db, key, execution, instead=True)
    jobs.move(
        db, job, Stage.SUBMITTED, Status.WAITING, "adopted", reason=Reason.AT_SERVICE, due=0.0, execution=execution,
        word="", new_try=job.stage.rank > Stage.SUBMITTED.rank,
    )  # fmt: skip
    return f"{job.source.name} is followed as execution {execution}"


def again(db: Connection, job: Job, arguments: Mapping[str, Any], service: ServiceFacts) -> str:
    """Send the photo again, knowing that the first time may have been charged."""
    del arguments, service
    purchases.presume_spent(db, _in_doubt(db, job, Command.AGAIN))
    message = "sent again by a person's decision; the first time may have been charged too"
    jobs.move(db, job, Stage.UPLOADED, Status.READY, "send again", new_try=True, message=message, agreed=True, **_ANEW)
    return f"{job.source.name} is sent again"


def give_up(db: Connection, job: Job, arguments: Mapping[str, Any], service: ServiceFacts) -> str:
    """Let the purchase count as spent and the job as failed; or leave a result that came damaged."""
    del arguments, service
    if _fitting(actions.resolve(db, job, Command.GIVE_UP)) is Effect.FORGO:
        message = "its damaged result is not saved, by a person's decision"
        jobs.move(db, job, job.stage, Status.READY, "given up", message=message, keep=False)
        return f"{job.source.name}: {message}"
    purchases.presume_spent(db, _in_doubt(db, job, Command.GIVE_UP))
    spent = "one photo" if job.quoted is None else f"{job.quoted:,} credits"
    message = f"given up by a person; counted as spent ({spent})"
    jobs.move(db, job, job.stage, Status.FAILED, "given up", reason=Reason.GIVEN_UP, message=message)
    return f"{job.source.name} is given up and counted as spent"


def take(db: Connection, job: Job, arguments: Mapping[str, Any], service: ServiceFacts) -> str:
    """Take a result as it comes, whatever the service says of it."""
    del arguments, service
    _fitting(actions.resolve(db, job, Command.TAKE))
    message = "its result is taken as it is, by a person's decision"
    jobs.move(db, job, job.stage, Status.READY, "taken as it is", message=message, attempts=0, as_is=True)
    return f"{job.source.name}: {message}"


def take_all(db: Connection, job: Job, arguments: Mapping[str, Any], service: ServiceFacts) -> str:
    """Take the results of an account as they are from now on, whatever digest its service states."""
    del arguments, service
    _fitting(actions.resolve(db, job, Command.TAKE_ALL))
    accounts.set_digests(db, job.account, accounts.Digests.IGNORED)
    message = "results of this account are taken as they are, by a person's decision"
    damaged = holds.held_for(db, job.account, Reason.DAMAGED)
    # What is broken by its own content is not meant.
    going_on = [one for one in damaged if any(result.digest for result in one.results)]
    for one in going_on:
        jobs.move(db, one, one.stage, Status.READY, "goes on", message=message, attempts=0)
    return f"{job.account}: {message}; {len(going_on):,} of them are fetched again"


def approve(db: Connection, request: Request) -> None:
    """A yes to a batch's sample: the rest of it goes on, as far as its author saw it (up to the job ``until``); what
    joined later waits for a yes of its own. A no (``yes`` false): the rest is cancelled."""
    until = request.arguments.get("until")
    waiting = jobs.behind_sample(db, str(request.arguments["batch"]))
    # Numbers rise: what joined since was on no screen.
    waiting = [job for job in waiting if until is None or job.id <= until]
    if not waiting:
        requests.finish(db, request, "nothing of this batch waits for a yes", refused=True)
        return
    for job in waiting:
        if request.arguments.get("yes", True):
            jobs.move(db, job, job.stage, Status.READY, "approved", message="the sample was approved")
        else:
            jobs.move(db, job, job.stage, Status.CANCELLED, "cancelled", message="the sample was refused, nothing paid")
    one = len(waiting) == 1
    verdict = f"{'goes' if one else 'go'} on"
    if not request.arguments.get("yes", True):
        verdict = f"{'is' if one else 'are'} cancelled, nothing more is paid"
    requests.finish(db, request, f"{len(waiting)} photo{'' if one else 's'} {verdict}")
