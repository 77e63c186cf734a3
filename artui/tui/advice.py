"""What happened to a job, what is safe, and what to do now: one sentence for a person at the console."""

from __future__ import annotations

import time
from collections.abc import Mapping

from artui.journal.crowds import SHARED, HoldCount
from artui.model.capabilities import Clears
from artui.model.job import Job
from artui.model.states import BATCH_CAP, ONLY_METADATA, TODAYS_CAP, Reason, Stage, Status
from artui.providers import capabilities
from artui.sanitize import sanitize
from artui.tui.words import is_left, plural

_HELD: Mapping[str, str] = {
    Reason.IN_DOUBT: "{name} may have been paid ({price}): {said}. {Where}; then enter: give its id"
    " · send again ({price} more at worst) · give up.",
    Reason.CAP: "{said}. {wait}, and {need}. {goes_on}",
    Reason.SAMPLE: "Not sent before your yes: y shows the first results side by side, and asks.",
    Reason.CREDITS: "{said}. {wait}. {Need}. Top up in the web app; artui goes on by itself within minutes (b looks"
    " now), or by P where the balance is not told.",
    Reason.PAYMENT: "The service stopped {name} for want of credits. Top up in the web app; artui goes on by itself"
    " where the balance is told (r asks at once).",
    Reason.LOGIN: "{account} is signed out: {said}. {sent}{here} Press 5, then s to sign in (over SSH too).",
    Reason.QUOTA: "{said}. {wait}; it goes on by itself (b looks now).",
    Reason.PLACES: "{said}. {wait}; it goes on by itself once one of those has moved on.",
    Reason.PRICE: "{said}. {name} waits, not sent at the new price. r shows the price and asks · x cancels.",
    Reason.PAUSED: "{said}. {wait}. P goes on.",
    Reason.OVERDUE: "{name} takes far longer than usual at the service. It is still looked at; nothing to do here.",
    Reason.GONE: "The service no longer knows {name} (execution {execution}). Look for it in the web app.",
    Reason.OUTPUT: "{name} waits: {said}. Make {folder} a folder that can be written; it goes on by itself.",
    Reason.METADATA: "{name} waits: {said}. It goes on by itself once exiftool is there.",
    Reason.DISK_FULL: "{name} waits: {said}. Make room; it is fetched by itself, nothing new is sent.",
    Reason.ACCOUNT: "{name} waits: {said}. Set the account back as it was and it goes on, or x cancels.",
    Reason.DAMAGED: "The result of {name} came damaged: {said}. r fetches it again (free); enter: take it as it is ·"
    " give up.",
    Reason.TROUBLE: "The service has trouble with {name}: {said}. r tries it once more · x cancels. If it never gets"
    " past where others do, ask the service.",
    Reason.ERROR: "{name} met an unexpected error: {said}. r tries again; the engine's log says more.",
    Reason.RECOVERED: "{name} may have been paid before: {said}. Look in the web app; then r sends it ({price} more at"
    " worst) · x cancels.",
    Reason.REJECTED: "{name} waits: {said}. {Where}; then r sends it ({price} more at worst) · x cancels.",
    Reason.TWIN: "{name} is the same photo as job {twin}, which needs a decision first.",
}
_NOT_ALL_THERE = (
    "{name}: {said}. It is still looked at. r takes what there is (free); the web app shows execution {execution}."
)
_WHERE: Mapping[Clears, str] = {
    Clears.BY_LOOKING: "Look for it in the web app",
    Clears.BY_SENDING: "See at the service whether a credit was taken for it",
    Clears.BY_ASKING: "Look for it in the portal's log of jobs",
}
_LOOKING: Mapping[Clears, str] = {
    Clears.BY_LOOKING: "Nothing: artui finds out before anything is paid again.",
    Clears.BY_SENDING: "Nothing: the same request is sent again under its key, which the service promises to carry out"
    " once, at most twice; then you are asked.",
    Clears.BY_ASKING: "Nothing yet: the service cannot be searched, so you are asked in a moment.",
}
_FAILED: Mapping[str, str] = {
    Reason.FAILED: "The service failed on {name}: {said}{charged}. r asks it again (up to {price}) · W another"
    " workflow · d put aside.",
    "runs once": "The service failed on {name}: {said}{charged}. It cannot run it again: W sends it anew · d put"
    " aside.",
    Reason.REJECTED: "The service refused {name}: {said}. {Paid}. r sends it again ({price}) · d put aside.",
    "given up": "{name} was given up and counts as spent ({price}).",
}
_PLAIN = "{name}: {said}. Not sent, {paid}. Copy it here again, then r · d put aside."
_SPENT = "what was sent before counts as spent"


def sentence(job: Job, crowd: HoldCount | None = None) -> str:
    """What a person should know and do about a job that failed or is held; printable.

    A hold that many share is told once for all of them: ``crowd`` says how many there are.
    """
    if job.found and not job.status.final:
        text = "{name} was found at the service without its photo: it is fetched when the photo turns up. x leaves it."
    elif job.status is Status.HELD and job.reason == Reason.DAMAGED and job.stage is Stage.SUBMITTED:
        text = _NOT_ALL_THERE
    elif job.status is Status.HELD:
        text = _HELD.get(job.reason, "{name} waits: {said}. r goes on.")
    elif job.reason == Reason.FAILED and not capabilities(job.provider).limits.can_retry:
        text = _FAILED["runs once"]
    else:
        text = _FAILED.get(job.reason, _PLAIN)
    return text.format(
        Where=_WHERE[capabilities(job.provider).limits.clears_doubt],
        name=sanitize(job.source.name, 60),
        said=sanitize((job.message or job.reason).rstrip("."), 200),
        price=price(job.quoted),
        charged=f" (charged {job.charged:,})" if job.charged else "",
        paid=_SPENT if job.may_have_cost else "nothing paid",
        Paid=_SPENT.capitalize() if job.may_have_cost else "Not paid",
        account=sanitize(job.account, 30),
        execution=sanitize(job.execution, 40) or "not known",
        folder=sanitize(job.folder, 60),
        twin=job.twin_of,
        goes_on=_goes_on(job.message),
        **(_crowded(crowd or HoldCount(1, job.quoted or 0)) if job.reason in SHARED else {}),
    )


def _goes_on(cap: str) -> str:
    """When what waits for a cap goes on, by the words in which the cap is told."""
    if cap.startswith(BATCH_CAP):
        return "Nothing raises the cap of a batch: x cancels, then submit the rest with a higher one."
    when = "at 00:00" if cap.startswith(TODAYS_CAP) else "when it has room"
    return f"It goes on by itself {when}."


def _crowded(crowd: HoldCount) -> dict[str, str]:
    """What is said of all that wait for one reason."""
    waiting = crowd.jobs - crowd.sent
    one = waiting == 1
    photos = plural(waiting, "photo")
    need = f"need{'s' if one else ''} {crowd.needs:,} cr" if crowd.needs else "what it costs is not known"
    return {
        "wait": f"{photos} {'waits, not sent' if one else 'wait, none of them sent'}",
        "need": need,
        "Need": f"{'It' if one else 'They'} {need}" if crowd.needs else "What it costs is not known",
        "sent": f"{plural(crowd.sent, 'sent photo')} {'is' if crowd.sent == 1 else 'are'} safe there"
        f"{', ' if waiting else '.'}" if crowd.sent else "",
        "here": f"{photos if not crowd.sent else f'{waiting:,}'} {'waits' if one else 'wait'} here." if waiting else "",
    }  # fmt: skip


def price(quoted: int | None) -> str:
    """A price in words; what is not known is said to be so."""
    return "price not known" if quoted is None else f"{quoted:,} cr"


def what_now(job: Job, crowd: HoldCount | None = None) -> str:
    """What to do now about any job, and when it is tried next by itself; printable."""
    text = _what_now(job, crowd)
    if job.due is None or job.stage is Stage.SUBMITTED or job.status not in (Status.WAITING, Status.HELD):
        return text
    return f"{text} Next at {time.strftime('%H:%M:%S', time.localtime(job.due))}."


def _what_now(job: Job, crowd: HoldCount | None) -> str:
    if job.status in (Status.HELD, Status.FAILED):
        return sentence(job, crowd)
    if is_left(job):
        paid = "" if job.charged is None else f" (charged {job.charged:,})"
        return f"Nothing: its result was not wanted{paid}. r fetches it, free, while the service has it."
    if job.status is Status.CANCELLED and job.may_have_cost:
        return f"Nothing: it is not sent again; {_SPENT} ({price(job.quoted)})."
    if not (job.keep or job.status.final):
        return "Nothing: it is followed to its end, and its result is not saved, as wished. x keeps it after all."
    if job.status is Status.SKIPPED and job.reason == ONLY_METADATA and not job.results:
        return f"Nothing: its picture was bought with job {job.twin_of}. `artui redo {job.id}` buys it anew."
    if job.reason == Reason.IN_QA:
        return "Nothing: a person at the service checks it. That can take hours."
    if job.reason == Reason.LOOKING:
        return _LOOKING[capabilities(job.provider).limits.clears_doubt]
    return _OTHERS[job.status].format(twin=job.twin_of)


_OTHERS: Mapping[Status, str] = {
    Status.READY: "Nothing: its turn comes.",
    Status.RUNNING: "Nothing: it is worked on.",
    Status.WAITING: "Nothing: it goes on by itself.",
    Status.DONE: "Nothing: it is saved.",
    Status.SKIPPED: "Nothing: it has the result of job {twin}, and was not paid.",
    Status.CANCELLED: "Nothing: it was not paid. r sends it after all.",
}
