"""What a person can have done about jobs: each act names one job as it was seen, and what it may cost.

A question fixes its jobs when it is asked. What joins later is not touched; what moved meanwhile is refused by the
engine, which compares each request with the job as it is then.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from typing import Any

from artui.core import actions
from artui.core.actions import Action, Effect, Refusal
from artui.journal import Connection
from artui.model.job import Job
from artui.model.states import Reason
from artui.providers import capabilities
from artui.sanitize import sanitize
from artui.tui.words import plural


@dataclass(frozen=True, slots=True)
class Act:
    """Something to be asked of the engine: what, and the job it is about as the person saw it.

    ``says`` is what it does, in words; ``price`` what it may charge at most, None where that is not known; ``asks``
    whether it may cost what nobody has agreed to yet.
    """

    what: str
    job: Job | None = None
    says: str = ""
    price: int | None = 0
    arguments: Mapping[str, Any] = field(default_factory=dict)
    asks: bool = False
    effect: Effect | None = None


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

    @property
    def spends(self) -> bool:
        """Whether some of it may cost what nobody has agreed to yet."""
        return any(act.asks for act in self.acts)

    def lines(self) -> list[str]:
        """The plan in words: what is done to how many, and what is left alone."""
        kinds = Counter(act.says for act in self.acts)
        done = [says if len(self.acts) == 1 else f"{number:,} x {says}" for says, number in kinds.most_common()]
        return [*done, *(f"left alone: {number:,}, {why}" for why, number in self.skipped.items())]


def plan(actions: Sequence[Action]) -> Plan:
    """What fits of these in words, with the file as it is now for a photo that begins anew; and what is left alone."""
    fits: list[Act] = []
    skipped: Counter[str] = Counter()
    for action in actions:
        if action.refused:
            skipped[SKIPPED[action.refused]] += 1
        else:
            fits.append(_act(action))
    return Plan(tuple(fits), skipped)


def retrials(db: Connection, jobs: Sequence[Job]) -> list[Action]:
    """Try these again."""
    return [actions.retry(db, job, can_retry=capabilities(job.provider).limits.can_retry) for job in jobs]


def cancellations(db: Connection, jobs: Sequence[Job], *, keep: bool = True) -> list[Action]:
    """Cancel these; what cannot be stopped any more is saved, or without ``keep`` left where it is."""
    return [actions.cancel(db, job, keep=keep) for job in jobs]


def of_result(db: Connection, job: Job) -> dict[str, Action]:
    """What can be done about a result that came damaged, by the act's word; what does not fit is left out."""
    ways = [actions.resolve(db, job, how) for how in ("take", "take all", "give up")]
    found = [actions.retry(db, job, can_retry=capabilities(job.provider).limits.can_retry), *ways]
    return {one.command: one for one in found if not one.refused}


def _act(action: Action) -> Act:
    job, effect, arguments = action.job, action.effect, dict(action.arguments)
    if effect is None or effect is Effect.SEND:
        arguments = {**_stamp(job), **arguments}
        says = _at_new_terms(action) if job.reason == Reason.PRICE else _sent_again(action)
    else:
        says = SAYS[effect].format(price=_price(action.price), amount=_price(action.amount))
    return Act(action.command, job, says, action.price, arguments, action.asks, effect)


SAYS: Mapping[Effect, str] = {
    Effect.FETCH: "fetch the result after all (free)",
    Effect.LOOK: "look again (free)",
    Effect.TAKE_PARTIAL: "look again, and take what there is then (free)",
    Effect.GO_ON: "go on; the price was agreed when it was queued ({amount})",
    Effect.SEND_AGAIN: "send it ({price}); it may have been paid before, and is then paid twice",
    Effect.CONTINUE: "ask the service to go on (may charge up to {price})",
    Effect.RERUN: "ask the service again (may charge up to {price})",
    Effect.CANCEL: "cancel, nothing is paid",
    Effect.CANCEL_SPENT: "cancel, not sent again; what was sent before counts as spent",
    Effect.CANCEL_UNLESS_SENT: "cancel unless it is being sent right now",
    Effect.CANCEL_UNCLEAR: "not sent again, but it may have been sent: artui finds out",
    Effect.TAKE_BACK: "the retry is taken back; what was sent before is followed",
    Effect.KEEP_RESULT: "already sent, the service cannot stop it",
    Effect.LEAVE_RESULT: "already sent, the service cannot stop it: not saved",
    Effect.FOLLOW: "follow it (free)",
    Effect.SPEND: "give up: it counts as spent ({amount})",
    Effect.FORGO: "give up: its result is not saved, what it cost stays spent ({amount})",
    Effect.TAKE: "save its result as it comes, whole or not (free)",
    Effect.TAKE_ALL: "save the results of its account whatever digest the service states (free)",
}
"""What each effect is in words; sending from the start has words of its own."""

SKIPPED: Mapping[Refusal, str] = {
    Refusal.FINISHED: "finished already",
    Refusal.UNDER_WAY: "nothing to retry",
    Refusal.IN_DOUBT: "in doubt: each needs its own decision (enter)",
    Refusal.NOT_IN_DOUBT: "not in doubt",
    Refusal.NOT_DAMAGED: "no damaged result",
    Refusal.DIGESTS_HOLD: "other results of its account came as stated",
    Refusal.TWIN: "same photo as another job, which needs a decision",
    Refusal.MAY_BE_PAID: "given up, may have been paid",
    Refusal.NO_RERUN: "the service cannot run it again: W sends it anew",
    Refusal.PRICE_UNKNOWN: "the new price is not known here: W sends it anew",
    Refusal.BOUGHT_ELSEWHERE: "another job buys the same photo at the new price",
    Refusal.NEEDS_APPROVAL: "waits for your yes to the first results (y)",
    Refusal.WITHOUT_PHOTO: "found at the service: fetched when its photo turns up",
    Refusal.IN_PLACE: "being put in place already",
}
"""Why each refusal leaves a job alone."""


def _sent_again(action: Action) -> str:
    before = "" if action.price == action.job.quoted else f", not {_price(action.job.quoted)}"
    return f"send again ({_price(action.price)}{before})"


def _at_new_terms(action: Action) -> str:
    name, now, before = sanitize(action.job.workflow_name, 40), action.price, action.job.quoted
    if now == before:
        return f"{name} was changed at the service, it costs {_price(now)} as before"
    return f"{name} now costs {_price(now)}, not {_price(before)}"


def _stamp(job: Job) -> Mapping[str, Any]:
    """The file as it is now, which may have been repaired since; nothing where it is gone."""
    from artui import files

    try:
        return asdict(files.stamp(job.source))
    except files.PhotoProblem:
        return {}


def _price(quoted: int | None) -> str:
    return "price not known" if quoted is None else f"{quoted:,}"


def heading(verb: str, plan: Plan) -> str:
    """The question's title: what, how many, and what it may cost at most."""
    only = plan.acts[0].job if len(plan.acts) == 1 else None
    number = sanitize(only.source.name, 50) if only else plural(len(plan.acts), "photo")
    if plan.most == 0:
        return f"{verb} {number}? Free."
    most = "The price is not known." if plan.most is None else f"At most {plan.most:,} cr."
    return f"{verb} {number}? {most}"
