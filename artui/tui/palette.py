"""Every action by name, and all keys as a text: both drawn from the bindings that work right now."""

from __future__ import annotations

import textwrap
from dataclasses import dataclass
from typing import Any

from textual.app import App
from textual.content import Content
from textual.screen import Screen

from artui.config.known import NOTICES
from artui.tui.choosing import ChoiceDialog
from artui.tui.columns import LEAST
from artui.tui.shell import key_name

NOT_BY_NAME = frozenset({"palette", "back", "interrupt", "suspend_process", "move", "page", "edge", "scroll"})
MOVING = frozenset({"move", "page", "edge", "scroll"})


KEYS = 12
"""Cells of the column of keys."""
MOST_CELLS, AROUND = 72, 6
"""The cells of a line of the help in a wide terminal; what stands around the text: border, padding, scrollbar."""


@dataclass(frozen=True, slots=True)
class PaletteAction:
    """Something a key does: the keys, the sentence about it, and where it belongs."""

    keys: tuple[str, ...]
    says: str
    name: str
    node: Any
    everywhere: bool

    @property
    def verb(self) -> str:
        """The action without what it is about."""
        return self.name.rpartition(".")[2].split("(")[0]


def actions(screen: Screen[Any]) -> list[PaletteAction]:
    """What the keys do that work now, each once, those of this place first."""
    found: dict[tuple[int, str], PaletteAction] = {}
    for active in screen.active_bindings.values():
        binding = active.binding
        if not binding.tooltip or not active.enabled:
            continue
        key = (id(active.node), binding.action)
        known = found.get(key)
        keys = (*known.keys, key_name(active)) if known else (key_name(active),)
        everywhere = active.node is screen.app or active.node is screen
        found[key] = PaletteAction(keys, binding.tooltip, binding.action, active.node, everywhere)
    return sorted(found.values(), key=lambda action: (action.everywhere, action.verb in MOVING))


def key_help(screen: Screen[Any]) -> Content:
    """All keys that work here, one a line."""
    lines, here, cells = [], None, min(MOST_CELLS, screen.app.size.width - AROUND)
    for action in actions(screen):
        if action.everywhere is not here:
            here = action.everywhere
            lines.append(Content.assemble(("Everywhere" if here else "Here", "bold underline")))
        keys = " ".join(action.keys)
        for line in textwrap.wrap(action.says, max(LEAST, cells - KEYS - 2)):
            lines.append(Content.assemble((f"{keys:>{KEYS}}", "bold $primary"), "  ", line))
            keys = ""
    return Content("\n").join(lines)


def offer(app: App[Any]) -> None:
    """Offer every action by name, each with its key, and do the one that is chosen."""
    offered = [action for action in actions(app.screen) if action.verb not in NOT_BY_NAME]
    offered.append(PaletteAction(("",), "Colours: dark, light, high contrast, the terminal's own", "theme", app, True))
    offered.append(PaletteAction(("",), f"Notice outside: {', '.join(NOTICES)}", "notice", app, True))
    rows = [(one, Content.assemble((f"{one.keys[0]:>{KEYS}}", "bold $primary"), "  ", one.says)) for one in offered]

    async def chosen(action: PaletteAction | None) -> None:
        if action is not None:
            await app.run_action(action.name, default_namespace=action.node)

    app.push_screen(ChoiceDialog("Every action by name", rows, lambda one: (one.says,)), chosen)
