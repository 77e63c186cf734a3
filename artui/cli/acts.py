"""What a decision does and costs, in the words of the command line."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from artui.cli.phrases import SAYS
from artui.cli.terminal import money
from artui.core.actions import Effect

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
        if self.refused:
            return self.refused
        job, price, said = self.action.job, self.action.price, self.said
        if self.action.asks:
            said += " (the price is not known)" if price is None else f" (at most {money(price)})"
        return f"job {job.id}, {said}" if job else said

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
    if action.effect is Effect.SEND and action.price != job.quoted:
        said = f"{said}, which costs {_price(action.price)}, not {_price(job.quoted)}"
    return Act(action, f"{job.source.name}: {said}")


def _price(price: int | None) -> str:
    return "what is not known" if price is None else money(price)


def at_most(price: int | None) -> str:
    """What it costs together, as it is agreed to."""
    return "at prices that are not known" if price is None else f"for at most {money(price)}"
