"""What a person can have done about jobs: each act names one job as it was seen, and what it may cost.

A question fixes its jobs when it is asked. What joins later is not touched; what moved meanwhile is refused by the
engine, which compares each request with the job as it is then.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from typing import Any

from artui.job import Job
from artui.shown import shown
from artui.states import Reason, Stage, Status
from artui.tui.words import is_left, plural


@dataclass(frozen=True, slots=True)
class Act:
    """Something to be asked of the engine: what, and the job it is about as the person saw it.

    ``says`` is what it does, in words; ``price`` what it may charge at most, None where that is not known.
    """

    what: str
    job: Job | None = None
    says: str = ""
    price: int | None = 0
    arguments: Mapping[str, Any] = field(default_factory=dict)

    @property
    def free(self) -> bool:
        """Whether it surely costs nothing."""
        return self.price == 0


@dataclass(frozen=True, slots=True)
class Plan:
    """What is proposed for a fixed set of jobs; ``skipped`` counts those it does not fit, by reason."""

    acts: tuple[Act, ...]
    skipped: Mapping[str, int]

    @property
    def jobs(self) -> tuple[Job, ...]:
        """The jobs it is about."""
        return tuple(act.job for act in self.acts if act.job)

    @property
    def most(self) -> int | None:
        """What all of it may cost at most; None where some price is not known."""
        prices = [act.price for act in self.acts]
        return None if None in prices else sum(price or 0 for price in prices)

    def lines(self) -> list[str]:
        """The plan in words: what is done to how many, and what is left alone."""
        kinds = Counter(act.says for act in self.acts)
        done = [says if len(self.acts) == 1 else f"{number:,} x {says}" for says, number in kinds.most_common()]
        return [*done, *(f"left alone: {number:,}, {why}" for why, number in self.skipped.items())]


def _plan(acts: Iterable[Act | str]) -> Plan:
    fits: list[Act] = []
    skipped: Counter[str] = Counter()
    for act in acts:
        if isinstance(act, Act):
            fits.append(act)
        else:
            skipped[act] += 1
    return Plan(tuple(fits), skipped)


def retry(jobs: Sequence[Job], known: Mapping[int, Mapping[str, Any]]) -> Plan:
    """Try these again; ``known`` are the terms of each job, by its number, as they were last seen at the service."""
    return _plan(_retrial(job, known.get(job.id, {})) for job in jobs)


def _retrial(job: Job, now: Mapping[str, Any]) -> Act | str:
    if job.status is Status.HELD:
        return _held(job, now)
    if job.status not in (Status.FAILED, Status.CANCELLED):
        return "nothing to retry"
    if job.reason == "given up":
        return "given up, may have been paid"
    if is_left(job):
        return Act("retry", job, "fetch the result after all (free)")
    if job.execution:
        price = job.quoted
        return Act("retry", job, f"ask the service again (may charge up to {_price(price)})", price)
    price = now.get("quoted", job.quoted)
    before = "" if price == job.quoted else f", not {_price(job.quoted)}"
    return Act("retry", job, f"send again ({_price(price)}{before})", price, {**_stamp(job), **now})


def _held(job: Job, now: Mapping[str, Any]) -> Act | str:
    if job.reason == Reason.IN_DOUBT:
        return "in doubt: each needs its own decision (enter)"
    if job.reason == Reason.TWIN:
        return "same photo as another job, which needs a decision"
    if job.reason == Reason.PRICE:
        return _at_new_terms(job, now)
    if job.reason == Reason.PAYMENT:
        return Act("retry", job, f"ask the service to go on (may charge up to {_price(job.quoted)})", job.quoted)
    if job.stage.rank >= Stage.PROCESSED.rank:
        return Act("retry", job, "continue download (free)")
    if job.stage is Stage.SUBMITTED:
        return Act("retry", job, "look again (free)")
    return Act("retry", job, f"go on; the price was agreed when it was queued ({_price(job.quoted)})", 0)


def _at_new_terms(job: Job, now: Mapping[str, Any]) -> Act | str:
    if not now:
        return "the new price is not known here: W sends it anew"
    price, name = now["quoted"], shown(job.workflow_name, 40)
    if price == job.quoted:
        says = f"{name} was changed at the service, it costs {_price(price)} as before"
    else:
        says = f"{name} now costs {_price(price)}, not {_price(job.quoted)}"
    return Act("retry", job, says, price, {**_stamp(job), **now})


def _stamp(job: Job) -> Mapping[str, Any]:
    """The file as it is now, which may have been repaired since; nothing where it is gone."""
    from artui import files

    try:
        return asdict(files.stamp(job.source))
    except files.PhotoProblem:
        return {}


def cancel(jobs: Sequence[Job], *, keep: bool = True) -> Plan:
    """Cancel these: unpaid where nothing was sent yet, else with ``keep`` saved all the same, or left where it is."""
    return _plan(_cancelled(job, keep=keep) for job in jobs)


def _cancelled(job: Job, *, keep: bool) -> Act | str:
    if job.status.final:
        return "finished already"
    if job.reason == Reason.IN_DOUBT:
        return "in doubt: each needs its own decision (enter)"
    if not is_sent(job):
        return Act("cancel", job, "cancel, nothing is paid")
    if not keep and job.stage is Stage.SAVED:
        return "being put in place already"
    return Act("cancel", job, "already sent, the service cannot stop it", arguments={"keep": keep})


def is_sent(job: Job) -> bool:
    """Whether a cancel comes too late to cost nothing."""
    return job.stage.rank >= Stage.SUBMITTING.rank


def _price(quoted: int | None) -> str:
    return "price not known" if quoted is None else f"{quoted:,}"


def heading(verb: str, plan: Plan) -> str:
    """The question's title: what, how many, and what it may cost at most."""
    only = plan.acts[0].job if len(plan.acts) == 1 else None
    number = shown(only.source.name, 50) if only else plural(len(plan.acts), "photo")
    if plan.most == 0:
        return f"{verb} {number}? Free."
    most = "The price is not known." if plan.most is None else f"At most {plan.most:,} cr."
    return f"{verb} {number}? {most}"
