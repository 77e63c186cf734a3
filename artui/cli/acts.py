"""What a decision does and costs, in the words of the command line."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from artui.cli.terminal import money

if TYPE_CHECKING:
    from artui.core.actions import Action


@dataclass(frozen=True, slots=True)
class Act:
    """One decision to be left, and what it does in words; ``refused`` says why it does not fit, where it does not."""

    action: Action
    said: str
    refused: str = ""

    @property
    def told(self) -> str:
        """What it does and costs, or why it does not fit, in a line."""
        said, job = self.refused or f"{self.said}{_at_most(self.action)}", self.action.job
        return f"job {job.id}, {said}" if job and not self.refused else said

    def document(self) -> dict[str, Any]:
        """The request as JSON has it."""
        action = self.action
        return {"job": action.job.id if action.job else None, "request": action.command, **action.arguments}

    def proposal(self) -> dict[str, Any]:
        """What it would do and cost, as JSON has it."""
        told = {"most": self.action.price, "refused": bool(self.refused), "message": self.refused or self.said}
        return self.document() | told


def act_of(action: Action) -> Act:
    """An act on a job in words."""
    job = action.job
    if action.effect is None or job is None:
        return Act(action, "", f"{action.why[:1].upper()}{action.why[1:]}")
    about = "what is not known" if action.amount is None else money(action.amount)
    said = SAYS[action.effect].format(about=about, **action.arguments)
    if action.effect == "send" and action.price != job.quoted:
        said = f"{said}, which costs {_price(action.price)}, not {_price(job.quoted)}"
    return Act(action, f"{job.source.name}: {said}")


def _price(price: int | None) -> str:
    return "what is not known" if price is None else money(price)


SAYS: Mapping[str, str] = {
    "fetch": "its result is fetched after all (free)",
    "look": "looked at again at the service (free)",
    "take what is there": "looked at again, and what there is of its results then is saved (free)",
    "go on": "goes on where it stopped, at the price agreed to when it was queued ({about})",
    "send": "checked and sent again",
    "send again": "sent; it may have been paid before, and is then paid twice",
    "continue": "the service is asked to go on with it",
    "run again": "the service is asked again",
    "cancel": "cancelled, nothing is paid (free)",
    "cancel, spent": "cancelled, not sent again; what was sent before counts as spent ({about})",
    "cancel unless sent": "cancelled unless it is being sent right now, which costs {about}",
    "cancel, unclear": "not sent again, but may have been sent: artui finds out, and what came of it is followed"
    " (spent until then: {about})",
    "take back": "the retry that is not sent yet is taken back; what was sent before is followed (spent: {about})",
    "keep result": "already sent, the service cannot stop it: its result is saved when it comes (spent: {about})",
    "leave result": "already sent, the service cannot stop it: its result is not saved (spent: {about})",
    "follow": "followed as execution {execution} (free)",
    "count as spent": "given up; it counts as spent ({about})",
    "forgo": "its result is not saved; what it cost stays spent ({about})",
    "take": "its result is fetched and saved as it comes, whole or not (free)",
    "take all": "this and all later results of its account are saved whatever digest the service states, if they are"
    " whole (free)",
}
"""What each effect is in words; ``about`` is the money it is about."""


def at_most(price: int | None) -> str:
    """What it costs together, as it is agreed to."""
    return "at prices that are not known" if price is None else f"for at most {money(price)}"


def _at_most(action: Action) -> str:
    if not action.asks:
        return ""
    return " (the price is not known)" if action.price is None else f" (at most {money(action.price)})"
