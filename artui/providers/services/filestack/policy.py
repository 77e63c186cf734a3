"""Filestack's security: policies made and signed here with the app secret, which never leaves this process."""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
from collections import deque
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final
from urllib.parse import quote

from artui.credentials import Secret

CALLS: Final = ("pick", "read", "stat", "store", "convert", "runWorkflow")
"""What a policy allows: to upload, run, look and fetch, and nothing that changes or removes a file."""

LASTS: Final = 3600
"""Seconds a policy is good for beyond what it is needed for."""

LEAST: Final = 600
"""Seconds a policy must still be good for when a request begins; with fewer left a new one is signed."""


@dataclass(frozen=True, slots=True)
class Signed:
    """A policy as it is sent, and its signature; good until ``expiry``, in epoch seconds."""

    policy: Secret
    signature: Secret
    expiry: int

    @property
    def in_path(self) -> Secret:
        """The two as a task of a processing address."""
        return Secret(f"security=p:{self.policy.reveal()},s:{self.signature.reveal()}")

    @property
    def in_query(self) -> Secret:
        """The two as parameters of an address."""
        return Secret(f"policy={quote(self.policy.reveal(), safe='')}&signature={self.signature.reveal()}")

    def fields(self) -> dict[str, str]:
        """The two as fields of a JSON body."""
        return {"policy": self.policy.reveal(), "signature": self.signature.reveal()}


def sign(secret: Secret, policy: Mapping[str, object]) -> Signed:
    """Sign a policy, which must have an ``expiry``: the signature covers the encoded text, its padding included."""
    text = json.dumps(policy, separators=(",", ":"))
    encoded = base64.urlsafe_b64encode(text.encode())  # with its padding: the service refuses a policy without
    signature = hmac.new(secret.reveal().encode(), encoded, hashlib.sha256).hexdigest()
    return Signed(Secret(encoded.decode()), Secret(signature), int(str(policy["expiry"])))


class Signer:
    """Signs for one app, and keeps what it signed for as long as that is good and the secret the same."""

    def __init__(self) -> None:
        self._kept: tuple[Secret, Signed] | None = None
        self._made: deque[Signed] = deque(maxlen=100)  # kept alive so that `scrub` knows what a service may repeat

    def signed(self, secret: Secret, now: float) -> Signed:
        """A policy for ordinary requests; ``now`` in epoch seconds."""
        if self._kept is None or self._kept[0] != secret or self._kept[1].expiry - now < LEAST:
            self._kept = secret, self.fresh(secret, now, 0)
        return self._kept[1]

    def fresh(self, secret: Secret, now: float, needed_for: float) -> Signed:
        """A new policy, good for ``needed_for`` seconds and an hour."""
        made = sign(secret, {"call": CALLS, "expiry": int(now + needed_for) + LASTS})
        self._made.append(made)
        return made

    def to_remove(self, secret: Secret, now: float, handle: str) -> Signed:
        """A policy to delete one file, good for a few minutes."""
        made = sign(secret, {"call": ["remove"], "handle": handle, "expiry": int(now) + LEAST})
        self._made.append(made)
        return made
