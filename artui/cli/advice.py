"""What a person can do about a job now, in one sentence."""

from __future__ import annotations

import time
from collections.abc import Mapping

from artui.model.capabilities import Clears
from artui.model.job import Job
from artui.model.states import BATCH_CAP, ONLY_METADATA, Reason, Stage, Status
from artui.providers import capabilities

_HELD: Mapping[str, str] = {
    Reason.IN_DOUBT: "{where}, then `artui resolve {id}` with --adopt ID, --again or --give-up",
    Reason.CAP: "it goes on by itself when the cap has room; raise the cap in config.toml to have it sooner",
    Reason.SAMPLE: "look at the first results, then `artui approve {batch}`",
    Reason.CREDITS: "top up at the service; it goes on by itself within minutes, or by `artui resume -a {account}`"
    " where the service does not tell its balance",
    Reason.PAYMENT: "top up at the service; it goes on by itself where the service tells its balance, and"
    " `artui retry {id}` asks at once",
    Reason.LOGIN: "`artui login {account}` signs in again; then it goes on by itself",
    Reason.QUOTA: "the service allows no more now; it goes on by itself when it does",
    Reason.PLACES: "look at those that are held at the service (`artui jobs --status held`); it goes on by itself once"
    " one of them has moved on",
    Reason.PRICE: "`artui retry {id}` shows the new price and asks, `artui cancel {id}` leaves it",
    Reason.PAUSED: "`artui resume -a {account}` goes on",
    Reason.OVERDUE: "nothing, it is still looked at; the service's web app shows execution {execution}",
    Reason.GONE: "look for execution {execution} in the service's web app; `artui redo {id}` buys it anew",
    Reason.OUTPUT: "make {folder} a folder that can be written; it goes on by itself",
    Reason.METADATA: "install exiftool: it goes on by itself; `artui cancel {id}` leaves it",
    Reason.DISK_FULL: "make room on the disk; it goes on by itself",
    Reason.ACCOUNT: "set {account} back as it was (config.toml, or `artui login {account}`): it goes on by itself;"
    " `artui cancel {id}` leaves it",
    Reason.REJECTED: "{where}; then `artui retry {id}` shows what sending it may cost and asks, `artui cancel {id}`"
    " leaves it",
    Reason.DAMAGED: "`artui retry {id}` fetches the result again, free; `artui resolve {id}` with --take saves it as it"
    " comes, with --give-up leaves it, with --take-all saves all of its account where no digest was ever right",
    Reason.TROUBLE: "`artui retry {id}` tries it once more, nothing is paid twice; if it never gets past where others"
    " do, ask the service, or `artui cancel {id}` leaves it",
    Reason.ERROR: "`artui retry {id}` tries again; the engine's log says what happened",
    Reason.RECOVERED: "look for it in the web app; then `artui retry {id}` shows what sending it may cost and asks,"
    " `artui cancel {id}` leaves it",
    Reason.TWIN: "decide about job {twin_of} first: `artui job {twin_of}`; `artui cancel {id}` leaves it",
}

_NOT_ALL_THERE = (
    "nothing, it is still looked at; `artui retry {id}` takes what there is of its results (free), the service's web"
    " app shows execution {execution}"
)
_WHERE: Mapping[Clears, str] = {
    Clears.BY_LOOKING: "look for it in the web app",
    Clears.BY_SENDING: "see at the service whether a credit was taken for it, for it has no list of jobs",
    Clears.BY_ASKING: "look for it in the log of jobs in the portal",
}
"""Where a person sees what became of a paid request."""

_LOOKING: Mapping[Clears, str] = {
    Clears.BY_LOOKING: "nothing, artui looks it up at the service before anything is sent again",
    Clears.BY_SENDING: "nothing, it cannot be looked up: the same request is sent again under its key, which the"
    " service promises to carry out once, at most twice; then you are asked",
    Clears.BY_ASKING: "nothing yet, it cannot be looked up: you are asked in a moment; nothing is sent again before",
}
"""What is done about a lost answer."""

_CAP_OF_BATCH = (
    "nothing raises the cap of a batch: `artui cancel --batch {batch}` leaves the rest, then `artui submit` sends it"
    " with a higher --cap"
)
_CAP_OF_RULE = "it goes on by itself when the cap has room; `artui allow RULE N` gives its rule N more until midnight"

_OTHERS: Mapping[Status, str] = {
    Status.READY: "nothing, its turn comes",
    Status.RUNNING: "nothing, it is worked on",
    Status.WAITING: "nothing, it goes on by itself",
    Status.DONE: "nothing, it is saved; `artui redo {id}` buys it anew",
    Status.SKIPPED: "nothing, it has the result of job {twin_of}",
    Status.CANCELLED: "nothing, it was not paid; `artui retry {id}` sends it after all",
}

_NOT_COPIED = "nothing, its picture was bought with job {twin_of}; `artui redo {id}` buys it anew"

_FAILED: Mapping[str, str] = {
    Reason.FAILED: "`artui retry {id}` asks the service again, and shows first what that may cost",
    Reason.REJECTED: "`artui retry {id}` sends it again, and shows first what that may cost",
}


def _with_next(job: Job, text: str) -> str:
    """The advice with when something that goes on by itself is tried next."""
    if job.due is None or job.stage is Stage.SUBMITTED or job.status not in (Status.WAITING, Status.HELD):
        return text
    return f"{text}; next at {time.strftime('%H:%M:%S', time.localtime(job.due))}"


def _was_sent_before(job: Job) -> bool:
    """Whether it ended with a purchase that nobody follows any more and that may have been charged."""
    is_followed = job.reason == Reason.FAILED or job.stage is Stage.PROCESSED
    return job.may_have_cost and not is_followed


def _is_not_all_there(job: Job) -> bool:
    """Whether the service calls it finished, and what was ordered is not there."""
    return job.reason == Reason.DAMAGED and job.stage is Stage.SUBMITTED


def _whose_cap(job: Job) -> str:
    """The advice for a cap that no setting raises; empty for one of an account."""
    if job.message.startswith(BATCH_CAP):
        return _CAP_OF_BATCH
    return _CAP_OF_RULE if "the rule" in job.message else ""


def advice(job: Job) -> str:
    """What to do about a job now."""
    if job.status is Status.HELD and job.reason == Reason.CAP and (cap := _whose_cap(job)):
        text = cap
    elif job.found and not job.status.final:
        text = (
            "nothing, it was found at the service: it is fetched when its photo turns up, or by `artui recover --fetch`"
        )
    elif job.status is Status.HELD:
        text = _NOT_ALL_THERE if _is_not_all_there(job) else _HELD.get(job.reason, "`artui retry {id}` goes on")
    elif job.status in (Status.FAILED, Status.CANCELLED) and _was_sent_before(job):
        text = "nothing, what was sent before counts as spent; `artui redo {id}` buys it anew"
    elif job.status is Status.FAILED and job.execution and not capabilities(job.provider).limits.can_retry:
        text = "the service cannot run it again: `artui redo {id}` buys it anew, and shows first what that costs"
    elif job.status is Status.FAILED:
        text = _FAILED.get(job.reason, "copy the file here again, then `artui retry {id}`; nothing was paid")
    elif job.status is Status.CANCELLED and job.stage is Stage.PROCESSED:
        text = "nothing, its result was not wanted; `artui retry {id}` fetches it free while the service has it"
    elif job.reason == Reason.IN_QA:
        text = "nothing, a person at the service checks it"
    elif job.reason == Reason.LOOKING:
        text = _LOOKING[capabilities(job.provider).limits.clears_doubt]
    else:
        text = _NOT_COPIED if job.reason == ONLY_METADATA and not job.results else _OTHERS[job.status]
    return _with_next(job, text).format(
        id=job.id, batch=job.batch, account=job.account, execution=job.execution, folder=job.folder,
        twin_of=job.twin_of, where=_WHERE[capabilities(job.provider).limits.clears_doubt],
    )  # fmt: skip
