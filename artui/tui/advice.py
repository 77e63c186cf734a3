"""What happened to a job, what is safe, and what to do now: one sentence for a person at the console."""

from __future__ import annotations

import time

from artui.journal.crowds import HoldCount
from artui.model.holds import TOLD_ONCE, CapKind
from artui.model.job import Job
from artui.model.states import Reason, Stage, Status
from artui.model.watching import Skip
from artui.providers import capabilities
from artui.sanitize import beginning, sanitize
from artui.tui.phrases import (
    BATCH_CAP,
    BROKEN,
    CAPS,
    FAILED,
    HELD,
    LOOKING,
    NOT_ALL_THERE,
    OTHERS,
    RUNS_ONCE,
    SPENT,
    WHERE,
)
from artui.tui.words import plural


def sentence(job: Job, crowd: HoldCount | None = None) -> str:
    """What a person should know and do about a job that failed or is held; printable.

    A hold that many share is told once for all of them: ``crowd`` says how many there are.
    """
    if job.found and not job.status.final:
        text = "{name} was found at the service without its photo: it is fetched when the photo turns up. x leaves it."
    elif job.status is Status.HELD and job.reason == Reason.DAMAGED and job.stage is Stage.SUBMITTED:
        text = NOT_ALL_THERE
    elif job.status is Status.HELD and job.reason == Reason.CAP and job.hold_scope == CapKind.BATCH:
        text = BATCH_CAP
    elif job.status is Status.HELD:
        text = HELD[Reason(job.reason)]
    elif job.reason == Reason.FAILED and not capabilities(job.provider).limits.can_retry:
        text = RUNS_ONCE
    elif job.reason in FAILED:
        text = FAILED[Reason(job.reason)]
    else:
        text = BROKEN
    return text.format(
        Where=WHERE[capabilities(job.provider).limits.clears_doubt],
        name=sanitize(job.source.name, 60),
        said=beginning((job.message or job.reason).rstrip("."), 200),
        price=price(job.quoted),
        charged=f" (charged {job.charged:,})" if job.charged else "",
        paid=SPENT if job.may_have_cost else "nothing paid",
        Paid=SPENT.capitalize() if job.may_have_cost else "Not paid",
        account=sanitize(job.account, 30),
        execution=sanitize(job.execution, 40) or "not known",
        folder=sanitize(job.folder, 60),
        twin=job.twin_of,
        goes_on=CAPS[CapKind(job.hold_scope or CapKind.RUN)] if job.reason == Reason.CAP else "",
        **(_crowded(crowd or HoldCount(1, job.quoted or 0)) if job.reason in TOLD_ONCE else {}),
    )


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
    if job.next_try is None:
        return text
    return f"{text} Next at {time.strftime('%H:%M:%S', time.localtime(job.next_try))}."


def _what_now(job: Job, crowd: HoldCount | None) -> str:
    if job.status in (Status.HELD, Status.FAILED):
        return sentence(job, crowd)
    if job.is_left:
        paid = "" if job.charged is None else f" (charged {job.charged:,})"
        return f"Nothing: its result was not wanted{paid}. r fetches it, free, while the service has it."
    if job.status is Status.CANCELLED and job.may_have_cost:
        return f"Nothing: it is not sent again; {SPENT} ({price(job.quoted)})."
    if not (job.keep or job.status.final):
        return "Nothing: it is followed to its end, and its result is not saved, as wished. x keeps it after all."
    if job.status is Status.SKIPPED and job.reason == Skip.ONLY_METADATA and not job.results:
        return f"Nothing: its picture was bought with job {job.twin_of}. `artui redo {job.id}` buys it anew."
    if job.reason == Reason.IN_QA:
        return "Nothing: a person at the service checks it. That can take hours."
    if job.reason == Reason.LOOKING:
        return LOOKING[capabilities(job.provider).limits.clears_doubt]
    return OTHERS[job.status].format(twin=job.twin_of)
