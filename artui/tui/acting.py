"""What acts on jobs do, in the words of the console."""

from __future__ import annotations

from collections import Counter

from artui.core.actions import Action, Effect
from artui.core.options import ActionSet
from artui.model.states import Reason
from artui.sanitize import sanitize
from artui.tui.phrases import SAYS, SKIPPED
from artui.tui.words import plural


def says(action: Action) -> str:
    """What an act on a job does, in words."""
    job = action.job
    if action.effect is None or job is None:
        return ""
    if action.effect is not Effect.SEND:
        return SAYS[action.effect].format(price=_price(action.price), amount=_price(action.amount))
    now, before = action.price, job.quoted
    if job.reason != Reason.PRICE:
        return f"send again ({_price(now)}{'' if now == before else f', not {_price(before)}'})"
    name = sanitize(job.workflow_name, 40)
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
