"""What acts on jobs do, in the words of the console."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping

from artui.core.actions import Action, Effect, Refusal
from artui.core.options import ActionSet
from artui.model.job import Job
from artui.model.states import Reason
from artui.sanitize import sanitize
from artui.tui.words import plural

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
    Refusal.NOTHING_HELD: "nothing waits for a yes",
}
"""Why each refusal leaves a job alone."""


def says(action: Action) -> str:
    """What an act on a job does, in words."""
    job = action.job
    if action.effect is None or job is None:
        return ""
    if action.effect is Effect.SEND:
        return _at_new_terms(action, job) if job.reason == Reason.PRICE else _sent_again(action, job)
    return SAYS[action.effect].format(price=_price(action.price), amount=_price(action.amount))


def _sent_again(action: Action, job: Job) -> str:
    before = "" if action.price == job.quoted else f", not {_price(job.quoted)}"
    return f"send again ({_price(action.price)}{before})"


def _at_new_terms(action: Action, job: Job) -> str:
    name, now, before = sanitize(job.workflow_name, 40), action.price, job.quoted
    if now == before:
        return f"{name} was changed at the service, it costs {_price(now)} as before"
    return f"{name} now costs {_price(now)}, not {_price(before)}"


def _price(quoted: int | None) -> str:
    return "price not known" if quoted is None else f"{quoted:,}"


def lines(found: ActionSet) -> list[str]:
    """Acts in words: what is done to how many, and what is left alone."""
    kinds = Counter(says(action) for action in found.actions)
    done = [said if len(found.actions) == 1 else f"{number:,} x {said}" for said, number in kinds.most_common()]
    return [*done, *left_alone(found)]


def left_alone(found: ActionSet) -> list[str]:
    """What does not fit, and why."""
    return [f"left alone: {number:,}, {SKIPPED[why]}" for why, number in found.refused.items()]


def heading(verb: str, found: ActionSet) -> str:
    """The question's title: what, how many, and what it may cost at most."""
    only = found.actions[0].job if len(found.actions) == 1 else None
    number = sanitize(only.source.name, 50) if only else plural(len(found.actions), "photo")
    if found.price == 0:
        return f"{verb} {number}? Free."
    most = "The price is not known." if found.price is None else f"At most {found.price:,} cr."
    return f"{verb} {number}? {most}"
