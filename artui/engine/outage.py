"""Whether an account's service answers at all: since when it does not is kept in the journal and told once; and until
when it has asked to be left alone."""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress

from artui.journal import Unwritable, accounts
from artui.providers.base import Transient
from artui.steps import StepContext

log = logging.getLogger(__name__)

AWAY_AFTER = 60.0
"""Seconds of failures without one answer after which the service counts as away: a single one happens on every line."""

SILENT_AFTER = 4.0
"""Seconds after the first call that failed, or that waits for its answer, after which the journal says so: whoever
looks on sees it. It is told of only after :data:`AWAY_AFTER`."""

TOGETHER = 900.0
"""Seconds within which a failure belongs to the one before: what lies further apart shows no lasting silence."""


class Outage:
    """What the calls of one account show of its service."""

    def __init__(self, context: StepContext) -> None:
        self.context = context
        self._name = context.account.name
        state = context.journal.read(accounts.state, self._name)
        self._since = self._told_since = self._shown_since = state.away_since
        self._last = time.time()
        self._last_answer = 0.0
        self._rests_until = state.rests_until or 0.0
        self._look: asyncio.TimerHandle | None = None
        self._showing: asyncio.Task[None] | None = None

    @contextmanager
    def waiting(self) -> Iterator[None]:
        """A question is under way: if it hangs, that is silence too."""
        began = time.time()
        late = asyncio.get_running_loop().call_later(SILENT_AFTER, self._silent, began, "no answer so far")
        try:
            yield
        finally:
            late.cancel()

    def _silent(self, since: float, why: str) -> None:
        """Show in the journal that the service is silent, unless it has answered meanwhile."""
        if self._shown_since is None and self._last_answer < since:
            self._showing = asyncio.ensure_future(self._show(self._since or since, why))

    async def failed(self, failure: Transient) -> None:
        """Note a call that failed in passing. A service that says how long to wait has answered."""
        now = time.time()
        if failure.retry_after is not None:
            until = now + failure.retry_after
            if until - max(now, self._rests_until) >= SILENT_AFTER:  # else over before anybody could read it
                self._rests_until = until
                with suppress(Unwritable):  # as in `_show`
                    await self.context.journal.write_async(accounts.set_rest, self._name, until)
            return await self.answered()
        # Below 0: the wall clock was put back.
        if self._since is None or (self._told_since is None and not 0 <= now - self._last <= TOGETHER):
            self._since = now
        self._last = now
        if self._shown_since is None and self._look is None:
            loop = asyncio.get_running_loop()
            self._look = loop.call_later(SILENT_AFTER, self._silent, self._since, str(failure))
        if self._told_since is None and now - self._since >= AWAY_AFTER:
            self._told_since = self._since
            await self._show(self._since, str(failure))
            log.warning("%s does not answer since %s: %s", self._name, _clock(self._since), failure)
        return None

    async def answered(self) -> None:
        """Note a call that was answered, whatever the answer was."""
        self._since, self._last_answer = None, time.time()
        if self._look is not None:
            self._look.cancel()
            self._look = None
        since, self._told_since = self._told_since, None
        if self._shown_since is not None:
            await self._show(None, "")
        if since is not None:
            log.warning("%s answers again; it did not since %s", self._name, _clock(since))

    async def _show(self, since: float | None, why: str) -> None:
        self._shown_since = since  # before the write: on a full disk it is tried once, not with each call
        try:
            await self.context.journal.write_async(accounts.set_away, self._name, since, why)
        except Unwritable as problem:  # on a full disk the calls themselves matter more
            log.debug("%s", problem)


def _clock(at: float) -> str:
    return time.strftime("%d %b %H:%M", time.localtime(at))
