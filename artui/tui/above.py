"""What lies above a screen, and from when on its keys count.

A key typed before a question could be read answers nothing, whether it was pressed twice, held, typed ahead, or came
in a burst over a slow line. That is decided here once for all dialogs, before a key or a click reaches any of them.
"""

from __future__ import annotations

import asyncio
import math
import time
from contextlib import suppress
from typing import ClassVar, TypeVar

from textual import events
from textual.await_complete import AwaitComplete
from textual.screen import ModalScreen, Screen
from textual.widgets import Input, Static

from artui.tui.host import Hosted

Answer = TypeVar("Answer")

UNREAD = 0.3
"""Seconds from the first picture of a dialog, or from a key that came too soon, in which it takes no answer."""

PATIENCE = 2.0
"""Seconds in which the parts of a screen must be there; a key is not kept longer for it."""


class Above(Hosted, Screen[Answer]):
    """A screen above another. It is left once: where keys come faster than it closes, Textual would close what is below
    it, or the whole console. And it is left from the top, for Textual takes away what lies there, whoever is meant."""

    _result: tuple[Answer | None] | None = None
    """What it is left with, once that is known."""
    goes_elsewhere: ClassVar[bool] = True
    """Whether a digit leads from it to another place."""

    async def there(self) -> None:
        """Wait until it has all it consists of: a key that is typed on waits for what it is typed at."""
        with suppress(TimeoutError):
            await asyncio.wait_for(self._mounted_event.wait(), PATIENCE)

    def dismiss(self, result: Answer | None = None) -> AwaitComplete:
        """Leave it with this result, unless it is left already; what only shows a text above it is closed. A question
        above it is answered first, and what it consists of is there first."""
        if self._result is None:
            self._result = (result,)
        if not self.is_mounted:
            return AwaitComplete.nothing()  # type: ignore[no-untyped-call, no-any-return]
        if self.is_active:
            return super().dismiss(self._result[0])
        over = self.app.screen
        if self in self.app.screen_stack and isinstance(over, Dialog) and not over.unread:
            return over.dismiss()
        return AwaitComplete.nothing()  # type: ignore[no-untyped-call, no-any-return]

    async def on_event(self, event: events.Event) -> None:
        """Where the console is left before it could be built there is nothing to set up."""
        if not isinstance(event, events.Mount) or self.children:
            await super().on_event(event)

    def _on_mount(self, event: events.Mount) -> None:
        """What was left before it was there is left now."""
        del event
        if self._result is not None:
            self.call_later(self.dismiss)

    def on_screen_resume(self) -> None:
        """What lay above it is gone."""
        if self._result is not None:
            self.dismiss()


class Dialog(Above[Answer], ModalScreen[Answer]):
    """A box above a screen that stays in sight. Until it could be read it takes no key but the way back and what is
    typed into a line, and no click."""

    unread: ClassVar[float] = UNREAD
    """Seconds in which it takes no answer; 0 for what asks nothing."""
    ways_back: ClassVar[frozenset[str]] = frozenset({"escape", "ctrl+c", "ctrl+z"})
    """The keys that change nothing, which count at once."""

    _quiet_since = math.inf
    """When it was painted, or the last key came too soon; monotonic, and infinite while it is not in sight."""

    def on_screen_resume(self) -> None:
        """It is in front, now or again: its time begins once it is painted."""
        self._quiet_since = math.inf
        self.call_after_refresh(self._painted)

    def _painted(self) -> None:
        self._quiet_since = time.monotonic()

    @property
    def is_read(self) -> bool:
        """Whether a key that is pressed now counts."""
        return time.monotonic() - self._quiet_since >= self.unread

    def takes(self, event: events.InputEvent) -> bool:
        """Whether this event is for the dialog: it does no harm, or was made once the dialog could be read."""
        if not self.unread:
            return True
        if isinstance(event, events.Key):
            typed = isinstance(self.focused, Input) and event.key != "enter"
            if typed or event.key in self.ways_back:
                return True
            rest = self.unread
        elif isinstance(event, (events.MouseDown, events.MouseUp)):
            # The second half of a double click must not fall on what its first half has opened.
            rest = self.app.CLICK_CHAIN_TIME_THRESHOLD
        else:
            return True
        # By when it was made: a busy console may come to it late.
        if event.time - self._quiet_since >= rest:
            return True
        if self._quiet_since < event.time:
            self._quiet_since = event.time  # a key that is held goes on being too soon
        if isinstance(event, events.Key):
            self.too_soon(event)
        return False

    def hint(self, text: str) -> None:
        """Say something in its line ``hint``, where it has one."""
        for line in self.query("#hint").results(Static):
            line.update(text)

    def too_soon(self, key: events.Key) -> None:
        """A key came before it could count."""
