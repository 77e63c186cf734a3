"""Leaving the console while jobs are under way: what may become of them, and what each answer asks of the engine."""

from __future__ import annotations

import time
from enum import Enum, auto
from typing import TYPE_CHECKING

from artui.core.actions import Action
from artui.core.options import of_account
from artui.journal import window
from artui.model.commands import Command
from artui.model.holds import Group
from artui.providers import capabilities
from artui.tui.dialogs import Choice, No, Question
from artui.tui.words import about

if TYPE_CHECKING:
    from artui.tui.host import Host


class Leaving(Enum):
    """How to leave."""

    END = auto()
    """With the demo."""
    KEEP = auto()
    """The engine goes on with everything."""
    FINISH = auto()
    """It goes on with what is sent."""
    STOP = auto()
    """It stops now."""


async def leaving_question(host: Host) -> Question[Leaving] | None:
    """What to ask before leaving; None where nothing would change by it."""
    counts, engine = host.look.counts, host.look.engine
    active, queued = counts.get(Group.ACTIVE, 0), counts.get(Group.QUEUED, 0)
    if not active + queued or (engine is not None and engine.row.mode != "background"):
        return None
    if host.demo:
        lines = [
            f"{active:,} under way, {queued:,} queued: they end with the demo. Results saved by now stay.",
            "Outside the demo the work goes on in the background if you like.",
        ]
        return Question("Leave the demo?", lines, (No("stay"), Choice("y", "end the demo", Leaving.END)))
    lines = [f"{active:,} under way, {queued:,} queued." + ("" if engine else " No engine is running.")]
    sent = await host.view.ask(window.oldest_sent)
    keeps = {provider: capabilities(provider).limits.keeps_results for provider in sent}
    ends = [at + lasts for provider, at in sent.items() if (lasts := keeps[provider]) is not None]
    if ends:
        expiry = about(max(0.0, min(ends) - time.time()))
        lines.append(f"The soonest result expires at the service in {expiry}.")
    return Question(
        "Leave the console?",
        lines,
        (
            # Where no engine runs, working on in the background starts one, which sends what is queued.
            Choice("b", "keep working in the background", Leaving.KEEP, by_enter=engine is not None),
            No("stay"),
            Choice("f", "finish what is sent, hold the rest (P lets it go on)", Leaving.FINISH, by_enter=True),
            Choice("x", "stop now; results are fetched next time", Leaving.STOP, by_enter=True),
        ),
    )


def asked(host: Host, answer: Leaving) -> list[Action]:
    """What an answer asks of the engine."""
    match answer:
        case Leaving.FINISH:
            return [of_account(Command.PAUSE, name) for name in host.config.accounts]
        case Leaving.STOP if host.look.engine is not None:
            return [Action(Command.STOP, arguments={"pid": host.look.engine.row.pid})]
        case _:
            return []
