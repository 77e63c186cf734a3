"""Whether an account's service answers at all: since when it does not is kept in the journal and told once."""

from __future__ import annotations

import logging
import time

from artui.journal import Unwritable, accounts
from artui.providers.base import Transient
from artui.steps import StepContext

log = logging.getLogger(__name__)

AWAY_AFTER = 60.0
"""Seconds of failures without one answer after which the service counts as away: a single one happens on every line."""

TOGETHER = 900.0
"""Seconds within which a failure belongs to the one before: what lies further apart shows no lasting silence."""


class Outage:
    """What the calls of one account show of its service."""

    def __init__(self, context: StepContext) -> None:
        self.context = context
        self._name = context.account.name
        state = context.journal.read(accounts.state, self._name)
        self._since = self._told_since = state.away_since
        self._last = time.time()

    async def failed(self, failure: Transient) -> None:
        """Note a call that failed in passing. A service that says how long to wait has answered."""
        if failure.retry_after is not None:
            return await self.answered()
        now = time.time()
        # Below 0: the wall clock was put back.
        if self._since is None or (self._told_since is None and not 0 <= now - self._last <= TOGETHER):
            self._since = now
        self._last = now
        if self._told_since is None and now - self._since >= AWAY_AFTER:
            await self._write(self._since, str(failure))
            log.warning("%s does not answer since %s: %s", self._name, _clock(self._since), failure)
        return None

    async def answered(self) -> None:
        """Note a call that was answered, whatever the answer was."""
        self._since = None
        if self._told_since is not None:
            since = self._told_since
            await self._write(None, "")
            log.warning("%s answers again; it did not since %s", self._name, _clock(since))

    async def _write(self, since: float | None, why: str) -> None:
        self._told_since = since  # before the write: on a full disk it is told once, not with each call
        try:
            await self.context.journal.write_async(accounts.set_away, self._name, since, why)
        except Unwritable as problem:  # on a full disk the calls themselves matter more
            log.debug("%s", problem)


def _clock(at: float) -> str:
    return time.strftime("%d %b %H:%M", time.localtime(at))
