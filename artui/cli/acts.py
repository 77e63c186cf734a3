"""What a decision does and costs, in the words of the command line: acts of ``actions`` and others, to be left."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any

from artui.cli.terminal import money
from artui.model.job import Job

if TYPE_CHECKING:
    from artui.core.actions import Action
    from artui.journal import Connection


@dataclass(frozen=True, slots=True)
class Act:
    """One decision to be left: what, about which job (None: about an account), and what it may cost, in ``price``.

    ``asks`` tells whether it spends what nobody has agreed to yet; ``refused`` says why it does not fit, where it does
    not.
    """

    what: str
    job: Job | None
    said: str
    price: int | None = 0
    asks: bool = False
    arguments: Mapping[str, Any] = field(default_factory=dict)
    refused: str = ""

    @property
    def told(self) -> str:
        """What it does and costs, or why it does not fit, in a line."""
        said = self.refused or f"{self.said}{_at_most(self)}"
        return f"job {self.job.id}, {said}" if self.job and not self.refused else said

    def leave(self, db: Connection) -> int:
        """Leave the request; returns its number."""
        from artui.journal import requests

        return requests.enqueue(db, self.what, self.job, **self.arguments)

    def document(self) -> dict[str, Any]:
        """The request as JSON has it."""
        return {"job": self.job.id if self.job else None, "request": self.what, **self.arguments}


def stamped(action: Action) -> Action:
    """With the file as it is now, for a job that begins anew and whose file was repaired since."""
    from artui.core.actions import Effect

    if action.effect is not Effect.SEND:
        return action
    return replace(action, arguments={**_stamp(action.job), **action.arguments})


def _stamp(job: Job) -> dict[str, int]:
    """The file as it is now; nothing where it is gone."""
    from dataclasses import asdict

    from artui.files import PhotoProblem, stamp

    try:
        return asdict(stamp(job.source))
    except PhotoProblem:
        return {}


def act_of(action: Action) -> Act:
    """An act in words."""
    job = action.job
    if action.effect is None:
        refused = f"{action.why[:1].upper()}{action.why[1:]}"
        return Act(action.command, job, "", arguments=action.arguments, refused=refused)
    about = "what is not known" if action.amount is None else money(action.amount)
    said = SAYS[action.effect].format(about=about, **action.arguments)
    if action.effect == "send" and action.price != job.quoted:
        said = f"{said}, which costs {_price(action.price)}, not {_price(job.quoted)}"
    return Act(action.command, job, f"{job.source.name}: {said}", action.price, action.asks, action.arguments)


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


def proposed(act: Act) -> dict[str, Any]:
    """What an act would do and cost, as JSON has it."""
    return act.document() | {"most": act.price, "refused": bool(act.refused), "message": act.refused or act.said}


def _at_most(act: Act) -> str:
    if not act.asks:
        return ""
    return " (the price is not known)" if act.price is None else f" (at most {money(act.price)})"


def total(waiting: Sequence[Job]) -> int | None:
    """What these cost together at most; None where some price is not known."""
    known = [job.quoted for job in waiting if job.quoted is not None]
    return sum(known) if len(known) == len(waiting) else None
