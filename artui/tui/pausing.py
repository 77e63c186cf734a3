"""Pausing: an account or everything, or letting it go on."""

from __future__ import annotations

from typing import TYPE_CHECKING

from artui.model.states import Reason
from artui.sanitize import sanitize
from artui.tui.acts import Act
from artui.tui.dialogs import Choice, Question

if TYPE_CHECKING:
    from artui.tui.app import Console


def ask_to_pause(console: Console) -> None:
    """Ask what is to be paused or to go on, and leave that to the engine."""
    names = list(console.config.accounts)
    choices = [Choice("n", "leave it as it is")]
    if console.account:
        account = sanitize(console.account, 30)
        choices.append(Choice("a", f"pause {account}", by_enter=True))
    if len(names) > 1:
        choices.append(Choice("e", "pause everything", by_enter=True))
    untold = any(one.held == Reason.CREDITS and one.unknown for one in console.look.quotes)
    if untold or any(one.held == Reason.PAUSED for one in console.look.quotes):
        topped_up = ", and with what waited for credits: its balance is not told" if untold else ""
        choices.append(Choice("g", f"go on with all that is paused{topped_up}"))

    async def answered(answer: str | None) -> None:
        what = {"a": "pause", "e": "pause", "g": "resume"}.get(answer or "")
        if what:
            wanted = [console.account] if answer == "a" else names
            await console.leave_requests([Act(what, arguments={"account": name}) for name in wanted])

    console.push_screen(Question("Pause? Nothing new is sent; what is sent is fetched.", [], choices), answered)
