"""The frame around every place: the header with the money, the tabs, and the footer with the keys that matter here."""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, cast

from textual import events
from textual.binding import ActiveBinding
from textual.content import Content
from textual.message import Message
from textual.widgets import Input, Static

from artui.core.quote import OWN, Quote
from artui.engine.client import EngineStatus
from artui.journal.requests import EngineRow
from artui.model.holds import Group
from artui.sanitize import sanitize, width
from artui.tui.drawing import chosen
from artui.tui.look import Width, room, sparkline
from artui.tui.view import Look
from artui.tui.words import amount, clock, plural, rate

if TYPE_CHECKING:
    from artui.tui.host import Host


class Line(Static):
    """One line of text that is repainted only when it says something else."""

    DEFAULT_CSS = """
    Line { height: 1; width: 1fr; text-wrap: nowrap; text-overflow: clip; }
    """

    def __init__(self, *, id: str | None = None, classes: str | None = None) -> None:  # noqa: A002 — as Textual
        super().__init__("", id=id, classes=classes, markup=False)
        self._said = Content("")

    def say(self, content: Content | str) -> None:
        """Show this text; control characters must be gone by now (:func:`artui.sanitize.sanitize`)."""
        content = Content(content) if isinstance(content, str) else content
        if not content.is_same(self._said):
            self._said = content
            self.update(content, layout=False)

    @property
    def said(self) -> str:
        """The text it shows."""
        return self._said.plain


def engine_word(engine: EngineStatus | None, row: EngineRow | None) -> str:
    """The engine in two or three words."""
    if engine is None:
        never = row is None or row.generation == 0
        return "engine: none yet" if never else "no engine"
    if engine.stale:
        return "engine silent"
    if engine.row.state == "starting":
        return "engine starts"
    return "engine here" if engine.row.mode == "background" else f"engine: {sanitize(engine.row.mode, 8)}"


class Header(Line):
    """Account, balance, spent today of the cap, how many need you, the engine, the rates. It has a colour of its own
    while the account in use is the production account."""

    DEFAULT_CSS = "Header.-production { color: $error; text-style: bold; }"

    class Called(Message):
        """What calls a person was clicked; ``key`` does what it asks for."""

        def __init__(self, key: str) -> None:
            super().__init__()
            self.key = key

    def __init__(self) -> None:
        super().__init__(id="header")
        self._spans: list[tuple[int, int, str]] = []

    def draw(self, look: Look, account: str | None, *, production: bool = False) -> None:
        """Show what the latest look has shown."""
        self.set_class(production, "-production")
        needs = look.counts.get(Group.NEEDS, 0)
        narrow, cells = room(self.app.size) <= Width.NARROW, self.app.size.width
        left = _money([one for one in look.quotes if one.account == account], narrow=narrow)
        left = f"PRODUCTION {left}" if production else left
        call = f"{needs:,} need you" if needs != 1 else "1 needs you"
        rates = [f"{way} {rate(look.rate(way))}" for way in ("up", "down") if look.rate(way) >= 1000]
        ran = look.row is not None and look.row.generation > 0
        missing = ran and look.engine is None and any(look.counts.get(group, 0) for group in ENGINE_WANTED)
        engine = "NO ENGINE" if missing else engine_word(look.engine, look.row)
        said = [*([(call, "n")] if needs else []), (engine, "E" if missing else ""), *((one, "") for one in rates)]
        while len(said) > 1 + bool(needs) and (narrow or width(left) + _joined(said) + 4 > cells):
            said.pop()
        at = cells - 1 - _joined(said)
        pace = self._pace(look, at - width(left) - 5)
        gap = " " * max(2, at - 1 - width(left) - width(pace))
        parts: list[str | tuple[str, str]] = [" ", (left, "bold"), (pace, "$quiet"), gap]
        at, self._spans = max(at, width(left) + 3), []
        for place, (text, key) in enumerate(said):
            parts += [*([" | "] if place else []), (text, "reverse bold") if key else text]
            at += 3 * bool(place)
            self._spans.append((at, at + width(text), key))
            at += width(text)
        self.say(Content.assemble(*parts, " "))

    def _pace(self, look: Look, cells: int) -> str:
        """How many photos were saved in the last minute and in those before, where there is room on a wide screen; not
        where a slow line has no pictures beside its lists either."""
        if not look.pace or self.app.size.width < Width.WIDE or not chosen.follows:
            return ""
        glyphs = cast("Host", self.app).glyphs
        said = f"   {plural(look.pace[-1], 'photo')} a min "
        return next((one for one in (said + sparkline(glyphs, look.pace), said) if width(one) <= cells), "")

    def on_click(self, event: events.Click) -> None:
        """A click on what calls a person."""
        for start, end, key in self._spans:
            if key and start <= event.x < end:
                self.post_message(self.Called(key))


ENGINE_WANTED = (Group.ACTIVE, Group.QUEUED, Group.QA)
"""While any job is in one of these, an engine is wanted."""


def _joined(said: Sequence[tuple[str, str]]) -> int:
    return sum(width(text) for text, _ in said) + 3 * (len(said) - 1)


def _money(quotes: Sequence[Quote], *, narrow: bool) -> str:
    if not quotes:
        return "artui" if narrow else "artui, no account yet"
    cost = quotes[0]
    word = "balance unknown" if cost.unknown and not narrow else "balance ?"
    balance = f"{amount(cost.balance)} cr" if cost.balance is not None else word
    day, month = (one and one.cap for one in map(cost.of_kind, OWN))
    spent = f"today {cost.today:,}" + (f"/{day.limit:,}" if day else "")
    if month and (day is None or month.room < day.room):
        month_spent = f"month {month.spent:,}/{month.limit:,}"
        spent = month_spent if narrow else f"{spent} | {month_spent}"
    if narrow:
        return f"{balance} | {spent.removeprefix('today ')}"
    if cost.is_away:
        standing = " (no answer)"
    elif cost.rests_until is not None:
        standing = f" (waits to {clock(cost.rests_until, time.time())})"
    else:
        standing = f" ({sanitize(cost.held, 12)})" if cost.held else ""
    return f"{sanitize(cost.account, 20)}{standing} {balance} | {spent}"


@dataclass(frozen=True, slots=True)
class Tab:
    """One place in the tabs: its key and its title."""

    key: str
    title: str


class Tabs(Line):
    """The places and their keys; the one in front stands in brackets."""

    class Chosen(Message):
        """A tab was clicked; ``key`` is its digit."""

        def __init__(self, key: str) -> None:
            super().__init__()
            self.key = key

    def __init__(self, tabs: Sequence[Tab]) -> None:
        super().__init__(id="tabs")
        self.tabs = tabs
        self._spans: list[tuple[int, int, str]] = []

    def draw(self, front: str) -> None:
        """Show which place is in front."""
        narrow, cells = room(self.app.size) <= Width.NARROW, self.app.size.width
        parts: list[str | tuple[str, str]] = []
        self._spans, at = [], 0
        for tab in self.tabs:
            label = f"{tab.key}{tab.title[0]}" if narrow else f"{tab.key} {tab.title}"
            ahead = tab.key == front
            text = f"[{label}]" if ahead else f" {label} "
            parts.append((text, "bold $primary") if ahead else text)
            self._spans.append((at, at + len(text), tab.key))
            at += len(text)
        self.say(Content.assemble(*parts, " " * max(1, cells - at - 7), "? keys "))

    def on_click(self, event: events.Click) -> None:
        """A click on a tab."""
        for start, end, key in self._spans:
            if start <= event.x < end:
                self.post_message(self.Chosen(key))


KEY_NAMES = {
    "question_mark": "?", "slash": "/", "colon": ":", "plus": "+", "dollar_sign": "$", "comma": ",", "minus": "-",
    "full_stop": ".", "less_than_sign": "<", "greater_than_sign": ">",
    "left": "left", "right": "right", "escape": "esc",
}  # fmt: skip


def key_name(active: ActiveBinding) -> str:
    """A key as a person presses it."""
    return active.binding.key_display or KEY_NAMES.get(active.binding.key, active.binding.key)


class Keys(Line):
    """The footer: the keys that matter here, as many as fit, the way out always."""

    class Pressed(Message):
        """A key of the footer was clicked."""

        def __init__(self, active: ActiveBinding) -> None:
            super().__init__()
            self.active = active

    def __init__(self) -> None:
        super().__init__(id="keys")
        self._spans: list[tuple[int, int, ActiveBinding]] = []

    def on_mount(self) -> None:
        """Follow the keys of its screen."""
        self.screen.bindings_updated_signal.subscribe(self, lambda _: self.draw())

    def draw(self) -> None:
        """Show the keys of what has the focus, each once; while something is typed only what ends the typing."""
        cells = self.app.size.width
        most = 4 if room(self.app.size) <= Width.NARROW else 20
        found: dict[tuple[int, str], ActiveBinding] = {}
        for one in self.screen.active_bindings.values():
            typing = isinstance(self.screen.focused, Input) and one.node is not self.screen.focused
            if one.binding.show and one.enabled and not typing:
                found.setdefault((id(one.node), one.binding.action), one)
        shown_keys = list(found.values())
        ways_out = [one for one in shown_keys if one.binding.action in ("leave", "app.leave")]
        keys = [one for one in shown_keys if one not in ways_out]
        while keys and (
            len(keys) + len(ways_out) > most
            or sum(len(key_name(one)) + len(one.binding.description) + 3 for one in [*keys, *ways_out]) > cells
        ):
            keys.pop()
        parts: list[str | tuple[str, str]] = [" "]
        at, self._spans = 1, []
        for one in [*keys, *ways_out]:
            parts += [(key_name(one), "bold $primary"), f" {one.binding.description}  "]
            end = at + len(key_name(one)) + 1 + len(one.binding.description)
            self._spans.append((at, end, one))
            at = end + 2
        self.say(Content.assemble(*parts))

    def on_click(self, event: events.Click) -> None:
        """A click on a key."""
        for start, end, active in self._spans:
            if start <= event.x < end:
                self.post_message(self.Pressed(active))
