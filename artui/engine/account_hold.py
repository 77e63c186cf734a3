"""What holds an account as a whole: begun and ended for all its jobs together, kept in the journal, told once."""

from __future__ import annotations

import logging

from artui.budget import APART
from artui.journal import accounts, holds
from artui.model.states import BEFORE_PAYING, Reason
from artui.steps import StepContext
from artui.timing import next_day

log = logging.getLogger(__name__)


class AccountHold:
    """The hold of one account. ``reason`` is empty where nothing holds it."""

    def __init__(self, context: StepContext) -> None:
        self.context = context
        self.name = context.account.name
        self.reason = self.message = ""
        self._until: float | None = None

    async def start(self) -> None:
        """Take up what an earlier engine left, and look afresh at it: only a person's pause and a day that is not over
        go on."""
        state = self.context.journal.read(accounts.state, self.name)
        self.reason, self.message, self._until = state.held, state.message, state.held_until
        # What else held it may be mended since: the first call tells.
        if self.reason and self.reason != Reason.PAUSED and not self._waits_for_day():
            await self.end()

    async def begin(self, reason: Reason, message: str) -> None:
        """Hold the whole account; told once. A person's pause is for a person to end: nothing takes its place."""
        if self.reason == Reason.PAUSED and reason is not Reason.PAUSED:
            return
        until = next_day(self.context.day_time(), self.context.zone) if reason is Reason.QUOTA else None
        # Before the write: nothing more is taken from this moment on.
        self.reason, self.message, self._until = reason, message, until
        if await self.context.journal.write_async(accounts.set_hold, self.name, reason, message, until):
            log.warning("%s is held (%s): %s", self.name, reason, message)
        await self._hold_all()

    async def mind_places(self, kept: int, places: int) -> bool:
        """Hold what is to be sent while executions that need a person keep every place at the service; returns whether
        that is over now."""
        if kept < places:
            is_over = self.reason == Reason.PLACES
            if is_over:
                await self.end()
            return is_over
        if not self.reason and self.context.journal.read(holds.going_on, self.name, Reason.PLACES, BEFORE_PAYING, 1):
            message = (
                f"all {places:,} places at the service are taken by executions that need you, or do not end:"
                f" `artui jobs --status held` lists them; in_flight under [accounts.{self.name}.pace] gives more"
            )
            await self.begin(Reason.PLACES, message)
        return False

    async def renew(self) -> None:
        """Hold what joined since the hold began, or end it where its time is over."""
        if self.reason == Reason.QUOTA and not self._waits_for_day():
            await self.end()
        await self._hold_all()

    async def end(self) -> None:
        """End the hold and let the account's jobs go on."""
        # Cleared first: `_hold_all` under way must not hold what is let go.
        reason, self.reason, self._until = self.reason, "", None
        await self.context.journal.write_async(holds.release_account, self.name, self.context.settle_due)
        if reason:
            log.info("%s goes on (was held: %s)", self.name, reason)

    def _waits_for_day(self) -> bool:
        """Whether the account is held for the rest of the day; one that ends later is a wrong clock's."""
        until = self._until
        # By the clock that is behind, like the caps: what a wrong clock let go on would only be refused again.
        return self.reason == Reason.QUOTA and until is not None and 0 < until - self.context.day_time() <= APART

    async def _hold_all(self) -> None:
        """Hold what leads up to a paid call. What is bought is looked after and fetched as far as the service lets it,
        without a sign-in too."""
        if not self.reason:
            return  # it ended while its beginning was written down
        await self.context.journal.write_async(
            holds.hold_account, self.name, Reason(self.reason), self.message, BEFORE_PAYING
        )
