"""The one refresh: access tokens from a refresh token, one exchange at a time in all processes of this user."""

from __future__ import annotations

import asyncio
import os
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

from artui.config import try_lock
from artui.config.system import boot_time
from artui.credentials.secret import Secret
from artui.credentials.vault import Stored, Vault, refused
from artui.single_flight import SingleFlight

_PATIENCE = 60.0  # seconds for another process's exchange, whose own time-outs are shorter


@dataclass(frozen=True, slots=True)
class Refreshed:
    """What a service gives for a refresh token: an access token, its lifetime in seconds, and perhaps a new refresh
    token that replaces the one it was given for."""

    access: Secret
    lifetime: float
    refresh: Secret | None = None


class SignedOut(Exception):
    """There is no token, or the service no longer accepts it: only a new sign-in helps."""


class AccessTokens:
    """The access tokens of one account in one process and event loop.

    ``exchange`` makes the one request. It raises SignedOut where the service refuses the refresh token; every other
    error of it passes through and is forgotten. ``ahead`` is how long before its end, in seconds, a token is replaced.
    """

    def __init__(
        self,
        vault: Vault,
        account: str,
        exchange: Callable[[Secret], Awaitable[Refreshed]],
        *,
        ahead: float = 120,
        monotonic: Callable[[], float] = boot_time,
    ) -> None:
        self._vault = vault
        self._account = account
        self._exchange = exchange
        self._ahead = ahead
        self._now = monotonic
        self._access: Secret | None = None
        self._of: Secret | None = None
        self._lifetime = 0.0
        self._ends = 0.0
        self._flights: SingleFlight[Secret] = SingleFlight()
        self._unsaved: tuple[Stored, Refreshed, float] | None = None
        self._refused: tuple[Secret, str] | None = None

    async def get(self, needed_for: float = 0) -> Secret:
        """An access token good for ``needed_for`` more seconds, as far as the service's lifetimes allow.

        Raises SignedOut, CredentialProblem, TimeoutError where another process keeps the token to itself, and what
        the exchange raises.
        """
        margin = min(max(self._ahead, needed_for), self._lifetime / 2)  # else short-lived tokens were never good enough
        if self._access is not None and self._ends - self._now() > margin:
            return self._access
        return await self._flights.join(self._account, self._refresh)

    @property
    def last(self) -> Secret | None:
        """The last access token where it has not run out, however little it is good for; None where there is none."""
        return self._access if self._ends > self._now() else None

    async def rejected(self, access: Secret) -> Secret:
        """The access token after one that the service refused, however many report it. Raises what `get` does."""
        if self._access == access:  # a late report must not take away its successor
            self._access = None
        return await self.get()

    async def is_another(self) -> bool:
        """Whether the refresh token kept now is another one than the access token came from, which is then given up.

        Raises SignedOut and CredentialProblem.
        """
        stored = await asyncio.to_thread(self._find)
        if self._of is None or stored.secret == self._of:
            return False
        self._access = None
        return True

    async def settle(self) -> None:
        """Wait for a refresh under way: to leave in its midst may lose a token that the service has renewed."""
        await self._flights.settle()

    async def _refresh(self) -> Secret:
        stored = await asyncio.to_thread(self._find)
        async with _held(await asyncio.to_thread(self._vault.lock_file, stored)):
            while self._unsaved is None:
                stored = await asyncio.to_thread(self._find)  # again: whoever had the lock may have renewed it
                if self._refused and self._refused[0] == stored.secret:  # what was refused once is refused again
                    raise SignedOut(self._refused[1])
                # Before the service gives another in its stead: one that cannot be kept would be lost.
                await asyncio.to_thread(self._vault.check_room)
                began = self._now()  # before it is asked: the lifetime counts from some moment after
                try:
                    self._unsaved = (stored, await self._exchange(stored.secret), began)
                except SignedOut as refusal:
                    self._refused = (stored.secret, str(refusal))
            used, fresh, began = self._unsaved
            # A renewed refresh token is durable before the access token is let out. What fails here is tried again.
            if fresh.refresh and fresh.refresh != used.secret:
                loop = asyncio.get_running_loop()
                saving = loop.run_in_executor(None, self._vault.renew, self._account, used, fresh.refresh)
                await asyncio.wait([saving])  # which a cancelled wait does not cancel
                saving.result()
            self._unsaved = None
            self._access, self._lifetime, self._ends = fresh.access, fresh.lifetime, began + fresh.lifetime
            self._of = fresh.refresh or used.secret
            return fresh.access

    def _find(self) -> Stored:
        stored = self._vault.find(self._account)
        if stored is None:
            raise SignedOut(self._vault.signed_out(self._account))
        return stored


@asynccontextmanager
async def _held(file: Path) -> AsyncIterator[None]:
    """Hold a lock between processes. Asking again, not waiting in a thread: a cancelled wait leaves no lock behind."""
    deadline = boot_time() + _PATIENCE
    while (descriptor := _try(file)) is None:
        if boot_time() > deadline:
            raise TimeoutError(f"another artui has kept {file} for {_PATIENCE:g} s: wake or end that one")
        await asyncio.sleep(0.05)
    try:
        yield
    finally:
        os.close(descriptor)


def _try(file: Path) -> int | None:
    with refused(f"{file} cannot be locked", "make its folder yours, and room there"):
        return try_lock(file)
