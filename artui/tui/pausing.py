"""Pausing: an account or everything, or letting it go on."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from artui.core import options
from artui.core.actions import Action
from artui.model.commands import Command
from artui.model.states import Reason
from artui.sanitize import sanitize
from artui.tui.dialogs import Choice, No, Question
from artui.tui.words import plural

if TYPE_CHECKING:
    from artui.tui.host import Host


async def ask_to_pause(host: Host) -> None:
    """Ask what is to be paused or to go on, and leave that to the engine."""
    names = list(host.config.accounts)
    going = await host.view.ask(lambda db: [options.resumption(db, name) for name in names])
    choices: list[Choice[list[Action]] | No] = [No("leave it as it is")]
    if host.account:
        choices.append(Choice("a", f"pause {sanitize(host.account, 30)}", _pauses([host.account]), by_enter=True))
    if len(names) > 1:
        choices.append(Choice("e", "pause everything", _pauses(names), by_enter=True))
    lines: list[str] = []
    untold = any(one.held == Reason.CREDITS and one.unknown for one in host.look.quotes)
    if untold or any(one.held == Reason.PAUSED for one in host.look.quotes):
        topped_up = ", and with what waited for credits: its balance is not told" if untold else ""
        choices.append(Choice("g", f"go on with all that is paused{topped_up}", going))
        for one in going:
            if one.photos:
                cost = "at prices that are not known" if one.amount is None else f"for at most {one.amount:,} cr"
                photos = plural(one.photos, "photo goes on", "photos go on")
                lines.append(f"{sanitize(one.arguments['account'], 30)}: {photos}, {cost}, as agreed when queued.")

    async def answered(agreed: list[Action] | None) -> None:
        if agreed:
            await host.decide(agreed)

    host.push_screen(Question("Pause? Nothing new is sent; what is sent is fetched.", lines, choices), answered)


def _pauses(names: Sequence[str]) -> list[Action]:
    return [options.of_account(Command.PAUSE, name) for name in names]
