"""What a person can do about a job now: what each act does, what it may cost and risk, and why one does not fit.

The command line and the console only put this into words, and ``decisions`` carries out what it allows, nothing else.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any

from artui.journal import Connection, accounts, jobs, prices, purchases, rules
from artui.model.commands import Command
from artui.model.holds import HOLDS, Retry
from artui.model.job import Job
from artui.model.states import FINAL, PurchaseState, Reason, Review, Stage, Status


class Effect(StrEnum):
    """What an act does."""

    FETCH = "fetch"
    LOOK = "look"
    TAKE_PARTIAL = "take what is there"
    GO_ON = "go on"
    SEND = "send"
    SEND_AGAIN = "send again"
    CONTINUE = "continue"
    RERUN = "run again"
    CANCEL = "cancel"
    CANCEL_SPENT = "cancel, spent"
    CANCEL_UNLESS_SENT = "cancel unless sent"
    CANCEL_UNCLEAR = "cancel, unclear"
    TAKE_BACK = "take back"
    KEEP_RESULT = "keep result"
    LEAVE_RESULT = "leave result"
    FOLLOW = "follow"
    SPEND = "count as spent"
    FORGO = "forgo"
    TAKE = "take"
    TAKE_ALL = "take all"


LATE = frozenset({Effect.KEEP_RESULT, Effect.LEAVE_RESULT, Effect.CANCEL_UNCLEAR, Effect.TAKE_BACK})
"""Effects of a cancel that comes too late to end the job."""


class Risk(StrEnum):
    """What an act may do beside its price: pay for the same photo a second time."""

    NONE = ""
    PAYS_TWICE = "pays twice"


class Refusal(StrEnum):
    """Why an act does not fit."""

    FINISHED = "finished"
    UNDER_WAY = "under way"
    IN_DOUBT = "in doubt"
    NOT_IN_DOUBT = "not in doubt"
    NOT_DAMAGED = "not damaged"
    DIGESTS_HOLD = "digests hold"
    TWIN = "twin"
    MAY_BE_PAID = "may be paid"
    NO_RERUN = "cannot run again"
    PRICE_UNKNOWN = "price unknown"
    BOUGHT_ELSEWHERE = "another job buys it"
    NEEDS_APPROVAL = "needs approval"
    PAUSED = "paused"
    WITHOUT_PHOTO = "without a photo"
    IN_PLACE = "being put in place"
    NOTHING_HELD = "nothing held"
    NOT_SAVED = "not saved"
    NEVER_BOUGHT = "never bought"
    ON_DISK = "on disk"
    PUT_AWAY = "rejected"
    DECIDED = "decided so"
    UNDECIDED = "nothing decided"
    DECIDED_MEANWHILE = "decided meanwhile"
    PAST_QUEUE = "past the queue"


WHY: Mapping[Refusal, str] = {
    Refusal.FINISHED: "job {id} is {status} already",
    Refusal.UNDER_WAY: "job {id} is {status}: nothing to retry (a finished photo is sent again by `artui redo`)",
    Refusal.IN_DOUBT: "job {id} is in doubt, it may have been paid: `artui resolve {id}` with --adopt ID, --again or"
    " --give-up",
    Refusal.NOT_IN_DOUBT: "job {id} is not in doubt: there is nothing to resolve",
    Refusal.NOT_DAMAGED: "job {id} has no damaged result: there is nothing to take as it is",
    Refusal.DIGESTS_HOLD: "not every result of {account} came otherwise than its service says:"
    " `artui resolve {id} --take` takes this one",
    Refusal.TWIN: "job {id} has the same photo as job {twin_of}: decide about that one; where that has ended,"
    " `artui redo {twin_of}` buys it anew for both",
    Refusal.MAY_BE_PAID: "job {id} was given up and may have been paid: `artui redo {id}` buys it anew",
    Refusal.NO_RERUN: "the service cannot run job {id} again: `artui redo {id}` buys it anew",
    Refusal.PRICE_UNKNOWN: "the new price of job {id} is not known here: `artui submit` sends it anew",
    Refusal.BOUGHT_ELSEWHERE: "another job buys the photo of job {id} at the new price: `artui cancel {id}` leaves"
    " this one",
    Refusal.NEEDS_APPROVAL: "job {id} waits for a yes to the first results: `artui approve {batch}` shows them, and"
    " asks",
    Refusal.PAUSED: "job {id} waits for a pause to end, which no retry does: `artui resume -a {account}`, or"
    " `artui resume --rule` with its rule",
    Refusal.WITHOUT_PHOTO: "job {id} stands for what was found at the service without its photo: its result is fetched"
    " when its photo turns up, or by `artui recover --fetch FOLDER`",
    Refusal.IN_PLACE: "the result of job {id} is being put in place already: delete the file if it is not wanted",
    Refusal.NOTHING_HELD: "nothing waits for a yes",
    Refusal.NOT_SAVED: "job {id} is {status}: it has no saved result (what is bought and not saved yet is fetched by"
    " itself, or by `artui retry {id}`)",
    Refusal.NEVER_BOUGHT: "job {id} was never bought: there is no result to fetch",
    Refusal.ON_DISK: "the result of job {id} lies where it was saved: there is nothing to fetch",
    Refusal.PUT_AWAY: "the result of job {id} was rejected: `artui reject --undo {id}` takes that back first",
    Refusal.DECIDED: "it was decided so about the result of job {id} before",
    Refusal.UNDECIDED: "nobody has decided about the result of job {id}: there is nothing to take back",
    Refusal.DECIDED_MEANWHILE: "somebody else has decided about the result of job {id} meanwhile: nothing has changed",
    Refusal.PAST_QUEUE: "job {id} is {status} and waits for no turn any more: nothing has changed",
}


@dataclass(frozen=True, slots=True)
class Action:
    """An act on a job as it stands, or on what ``arguments`` name, with which the request is left. ``price``: what it
    may newly cost, None where that is not known; ``amount``: what it is about without costing anew (agreed to when the
    job was queued, or spent whatever is done), both in the account's unit. ``photos``: how many it is about where it
    is not about one job."""

    command: Command
    job: Job | None = None
    effect: Effect | None = None
    price: int | None = 0
    risk: Risk = Risk.NONE
    amount: int | None = 0
    refused: Refusal | None = None
    arguments: Mapping[str, Any] = field(default_factory=dict)
    photos: int = 0

    @property
    def asks(self) -> bool:
        """Whether it may cost what nobody has agreed to yet."""
        return self.price != 0 or self.risk is not Risk.NONE

    @property
    def why(self) -> str:
        """Why it does not fit, and what does; empty where it fits."""
        return explained(self.refused, self.job)


def explained(refused: Refusal | None, job: Job | None) -> str:
    """Why something does not fit a job, and what does; empty where it fits."""
    facts = {name: getattr(job, name, None) for name in ("id", "status", "twin_of", "batch", "account")}
    return WHY[refused].format(**facts) if refused else ""


def job_options(db: Connection, job: Job, *, can_retry: bool) -> list[Action]:
    """Every act on a job, those that do not fit too. ``can_retry``: its service can run an execution again."""
    return [retry(db, job, can_retry=can_retry), cancel(db, job), *(resolve(db, job, how) for how in RESOLVE)]


def terms(db: Connection, job: Job) -> dict[str, Any]:
    """Price and version of the job's workflow as they were last seen at the service, for a retry that begins anew:
    ``quoted`` and ``version``. Empty where nothing newer than the job is known, or where a recipe of ours has become
    another one."""
    # What a changed price was found by is newer than what the job was queued with, whenever it was fetched.
    since = 0.0 if job.reason == Reason.PRICE else job.created_at
    known = accounts.cached_workflow(db, job.account, job.workflow, since=since)
    charged = prices.highest(db, job.payer, job.workflow, job.version)
    if known is None:
        return {"quoted": charged, "version": job.version} if charged and job.reason == Reason.PRICE else {}
    now = json.loads(known)
    if job.parameters and now["version"] != job.version:
        return {}
    price = None if job.is_archive else now["price"]
    # Nobody is asked for less than that version was charged before.
    if price is not None:
        price = max(price, prices.highest(db, job.payer, job.workflow, now["version"]))
    return {"quoted": price, "version": now["version"]}


# ----------------------------------------------------------------------------------------------------------- retry


def retry(db: Connection, job: Job, *, can_retry: bool, agreed: Mapping[str, Any] | None = None) -> Action:
    """Try a job again that has failed, was cancelled or is held. ``agreed``: the terms a person has agreed to, where
    they have, as in the arguments of a request."""
    if refused := _never_retried(job):
        return Action(Command.RETRY, job, refused=refused)
    if job.status is Status.HELD:
        return _go_on(db, job, can_retry=can_retry, agreed=agreed or {})
    if job.stage.rank >= Stage.PROCESSED.rank:  # the result is bought: to fetch it costs nothing
        return Action(Command.RETRY, job, Effect.FETCH)
    if job.execution and jobs.other_buyer(db, job) is None:
        if not can_retry:
            return Action(Command.RETRY, job, refused=Refusal.NO_RERUN)
        return _asked_again(db, job, Effect.RERUN)
    # Given up in doubt: sent again it might be paid twice, which is `redo`'s to say.
    if not jobs.surely_unpaid(db, job.id):
        return Action(Command.RETRY, job, refused=Refusal.MAY_BE_PAID)
    now = terms(db, job)
    return Action(Command.RETRY, job, Effect.SEND, now.get("quoted", job.quoted), arguments=now)


def _never_retried(job: Job) -> Refusal | None:
    if job.found:
        return Refusal.WITHOUT_PHOTO
    return None if job.status in (Status.HELD, Status.FAILED, Status.CANCELLED) else Refusal.UNDER_WAY


def _asked_again(db: Connection, job: Job, effect: Effect) -> Action:
    """Have the service asked to run the job's execution again, at its price, or at what it was charged above that."""
    charged = prices.highest(db, job.payer, job.workflow, job.version)
    if job.quoted is None or charged <= job.quoted:
        return Action(Command.RETRY, job, effect, job.quoted)
    return Action(Command.RETRY, job, effect, charged, arguments={"quoted": charged})


def fetch(db: Connection, job: Job) -> Action:
    """Fetch the saved result of a job again, which costs nothing: of a copy, the one of the job that was paid for.
    Whether its files are there is not asked here."""
    if job.found:
        return Action(Command.FETCH, job, refused=Refusal.WITHOUT_PHOTO)
    if not (job.is_saved and (job.execution or job.twin_of)):
        was_sent = job.may_have_cost or job.twin_of or purchases.current(db, job)
        return Action(Command.FETCH, job, refused=Refusal.NOT_SAVED if was_sent else Refusal.NEVER_BOUGHT)
    if job.review == Review.REJECTED:
        return Action(Command.FETCH, job, refused=Refusal.PUT_AWAY)
    return Action(Command.FETCH, job, Effect.FETCH)


_NOT_TRIED: Mapping[Reason, Refusal] = {
    Reason.IN_DOUBT: Refusal.IN_DOUBT,
    Reason.TWIN: Refusal.TWIN,
    Reason.SAMPLE: Refusal.NEEDS_APPROVAL,
}
"""Holds that no retry ends."""


def _go_on(db: Connection, job: Job, *, can_retry: bool, agreed: Mapping[str, Any]) -> Action:
    kind = HOLDS[Reason(job.reason)].retry
    if kind is Retry.REFUSED:
        return Action(Command.RETRY, job, refused=_NOT_TRIED[Reason(job.reason)])
    if kind is Retry.RISKY:
        return Action(Command.RETRY, job, Effect.SEND_AGAIN, job.quoted, Risk.PAYS_TWICE, arguments={"agreed": True})
    if job.reason == Reason.PRICE:
        return _at_new_terms(db, job, agreed)
    if job.reason == Reason.PAYMENT:
        if not can_retry:
            return Action(Command.RETRY, job, refused=Refusal.NO_RERUN)
        return _asked_again(db, job, Effect.CONTINUE)
    if job.stage is Stage.SUBMITTED:
        return Action(Command.RETRY, job, Effect.TAKE_PARTIAL if job.reason == Reason.DAMAGED else Effect.LOOK)
    if job.stage.rank > Stage.SUBMITTED.rank:
        return Action(Command.RETRY, job, Effect.FETCH)
    if job.reason == Reason.PAUSED and (
        accounts.state(db, job.account).held == Reason.PAUSED or rules.is_paused(db, job.rule)
    ):
        return Action(Command.RETRY, job, refused=Refusal.PAUSED)
    return Action(Command.RETRY, job, Effect.GO_ON, amount=job.quoted)


def _at_new_terms(db: Connection, job: Job, agreed: Mapping[str, Any]) -> Action:
    now = agreed if "version" in agreed else terms(db, job)  # what a person read counts, not what the cache says by now
    if not now:
        return Action(Command.RETRY, job, refused=Refusal.PRICE_UNKNOWN)
    if not jobs.surely_unpaid(db, job.id) and jobs.other_buyer(db, job, version=now["version"]) is not None:
        return Action(Command.RETRY, job, refused=Refusal.BOUGHT_ELSEWHERE)
    return Action(Command.RETRY, job, Effect.SEND, now.get("quoted"), arguments=now)


# ---------------------------------------------------------------------------------------------------------- cancel


def cancel(db: Connection, job: Job, *, keep: bool = True) -> Action:
    """Cancel a job: for nothing before it is sent; after that its result is kept, or with ``keep`` false left."""
    if refused := _never_cancelled(job):
        return Action(Command.CANCEL, job, refused=refused)
    if not keep and job.stage is Stage.SAVED:
        return Action(Command.CANCEL, job, refused=Refusal.IN_PLACE)
    effect = Effect.LEAVE_RESULT if job.found else _cancelled(db, job, keep=keep)
    spent = job.quoted if job.charged is None else job.charged
    amount = 0 if effect is Effect.CANCEL else spent
    return Action(Command.CANCEL, job, effect, amount=amount, arguments={"keep": keep} if effect in LATE else {})


def _never_cancelled(job: Job) -> Refusal | None:
    if job.status in FINAL:
        return Refusal.FINISHED
    return Refusal.IN_DOUBT if is_in_doubt(job) else None


def out_of_place(job: Job) -> frozenset[Command]:
    """What surely does not fit a job as it stands, told without the journal: nobody is offered a key for it."""
    # A saved result that is no longer there is fetched again.
    untried = None if job.is_saved else _never_retried(job)
    never = {Command.CANCEL: _never_cancelled(job), Command.RETRY: untried}
    return frozenset(command for command, refused in never.items() if refused)


def _cancelled(db: Connection, job: Job, *, keep: bool) -> Effect:
    """What a cancel does: whether something was sent is told by the last purchase, not by the stage alone."""
    last = purchases.current(db, job)
    is_sent = bool(job.execution) or (last is not None and last.state is not PurchaseState.REFUSED)
    if is_sent and job.stage.rank >= Stage.SUBMITTING.rank:
        # In the air: whether it was carried out nobody knows yet.
        if last is not None and last.state is PurchaseState.INTENDED:
            return Effect.CANCEL_UNCLEAR
        # A retry without an intent yet: whatever is under way for it ends there.
        if job.stage is Stage.SUBMITTING and job.execution:
            return Effect.TAKE_BACK
        return Effect.KEEP_RESULT if keep else Effect.LEAVE_RESULT
    if job.status is Status.RUNNING:
        return Effect.CANCEL_UNLESS_SENT
    return Effect.CANCEL if jobs.surely_unpaid(db, job.id) else Effect.CANCEL_SPENT


# --------------------------------------------------------------------------------------------------------- resolve

RESOLVE = (Command.ADOPT, Command.AGAIN, Command.GIVE_UP, Command.TAKE, Command.TAKE_ALL)
"""The ways out of a doubt, and out of a result that came damaged."""


def is_in_doubt(job: Job) -> bool:
    """Whether only a person can tell what became of its paid call."""
    return job.status is Status.HELD and job.reason == Reason.IN_DOUBT


def is_damaged(job: Job) -> bool:
    """Whether only a person can tell whether its result is to be taken as it comes."""
    has_come = job.stage.rank >= Stage.PROCESSED.rank  # else it is only not whole yet at the service
    return has_come and job.status is Status.HELD and job.reason == Reason.DAMAGED


def resolve(db: Connection, /, job: Job, how: Command, **arguments: Any) -> Action:
    """Decide about a job in doubt: ``adopt`` an execution, send it ``again``, or ``give up``; about one whose result
    came damaged: ``take`` it as it is, ``take all`` of its account so, or ``give up``."""
    if how in (Command.TAKE, Command.TAKE_ALL):
        if not is_damaged(job) or not (job.results or job.twin_of):
            return Action(how, job, refused=Refusal.NOT_DAMAGED)
        if how is Command.TAKE:
            return Action(how, job, Effect.TAKE)
        if accounts.digests(db, job.account) is not accounts.Digests.ASKED or not any(
            one.digest for one in job.results
        ):
            return Action(how, job, refused=Refusal.DIGESTS_HOLD)
        return Action(how, job, Effect.TAKE_ALL)
    if how is Command.GIVE_UP and is_damaged(job):
        return Action(how, job, Effect.FORGO, amount=job.quoted if job.charged is None else job.charged)
    if not (is_in_doubt(job) and purchases.is_pending(db, job)):
        return Action(how, job, refused=Refusal.NOT_IN_DOUBT)
    if how is Command.AGAIN:
        return Action(how, job, Effect.SEND_AGAIN, job.quoted, Risk.PAYS_TWICE, arguments=arguments)
    if how is Command.GIVE_UP:
        return Action(how, job, Effect.SPEND, amount=job.quoted, arguments=arguments)
    return Action(how, job, Effect.FOLLOW, arguments=arguments)
