"""The local stand-in for the paid services, for the demo and the tests; here is what its services share.

Nothing in this package talks to a real service, and no other room needs it: artui reaches the stand-in
over HTTP, as it reaches the real thing.
"""

from __future__ import annotations

import hashlib
import shutil
import tempfile
import threading
import weakref
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Protocol

from starlette.routing import Mount


@dataclass(frozen=True, slots=True)
class Charge:
    """Credits taken once for one execution; ``key`` is the caller's own submit key, if it sent one.

    ``digest`` is the SHA-256 of the input's bytes in hex, ``at`` is in seconds since 1970. ``owner``: who paid, an
    organization, an app's key, or the digest of a token as far as clients tell customers apart by it.
    """

    provider: str
    execution: str
    workflow: str
    key: str | None
    digest: str
    credits: int
    at: float
    owner: str = ""


class Books:
    """What the stand-in remembers: every charge, every request, the credits left, the files it was sent.

    ``folder`` is temporary and goes with the books.
    """

    def __init__(self) -> None:
        self.ledger: list[Charge] = []
        self.history: list[dict[str, Any]] = []
        self.balances: dict[tuple[str, str], int] = {}
        self.folder = Path(tempfile.mkdtemp(prefix="artui-sim-"))
        weakref.finalize(self, shutil.rmtree, self.folder, ignore_errors=True)

    def keep(self, content: bytes) -> str:
        """Store bytes under their SHA-256 in hex, and return that; any thread may call this."""
        digest = hashlib.sha256(content).hexdigest()
        if not (self.folder / digest).exists():
            half_done = self.folder / f"{digest}.{threading.get_ident()}"
            half_done.write_bytes(content)
            half_done.replace(self.folder / digest)
        return digest

    def read(self, digest: str) -> bytes:
        """Return stored bytes."""
        return (self.folder / digest).read_bytes()

    def charge(self, owner: str, charge: Charge) -> None:
        """Take the credits from ``owner``, an account or organization at the charge's provider."""
        self.balances[charge.provider, owner] -= charge.credits
        self.ledger.append(charge if charge.owner else replace(charge, owner=owner))

    def change_credits(self, provider: str, *, owner: str | None, set_to: int | None, add: int = 0) -> None:
        """Change what ``owner``, or everyone at ``provider``, has left; an unknown name is a ``ValueError``."""
        keys = [key for key in self.balances if key[0] == provider and owner in {None, key[1]}]
        if not keys:
            raise ValueError(f"no account {owner or ''} at {provider}")
        for key in keys:
            self.balances[key] = (self.balances[key] if set_to is None else set_to) + add


class Service(Protocol):
    """One imitated service, as the server mounts it."""

    name: str

    @property
    def mounts(self) -> Sequence[Mount]:
        """The applications it serves, each below a path of its own."""

    def announce(self, url: str) -> Mapping[str, object]:
        """What a client needs to reach it, when the server listens at ``url``."""

    def switch(self, options: Mapping[str, Any]) -> list[str]:
        """Take over the options it knows and return their names; a bad value is a ``ValueError``."""

    def settle(self) -> None:
        """Bring the books up to date: whatever has come due by now is charged."""
