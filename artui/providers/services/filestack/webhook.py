"""Whether a webhook's call is Filestack's: its signature, by the secret that the portal showed once."""

from __future__ import annotations

import asyncio
import hashlib
import hmac
import logging
import time
from typing import Final

from artui.credentials import CredentialProblem, Secret, of_webhook
from artui.providers.base import Call, ProviderDeps

log = logging.getLogger(__name__)

READ_EVERY: Final = 10.0
"""Seconds for which the secret counts as read, whatever calls come."""


class Signatures:
    """The signatures of the webhook of one app. Its secret is kept as that of ``ACCOUNT.webhook``."""

    def __init__(self, deps: ProviderDeps) -> None:
        self._deps = deps
        self._secret: Secret | None = None
        self._read_at = -READ_EVERY
        self._told = ""

    async def fits(self, call: Call) -> bool:
        """Whether a call is signed with the webhook's secret; how old it is does not matter, for it is a hint alone."""
        signature = call.headers.get("fs-signature", "")
        if not signature:
            return False
        if time.monotonic() - self._read_at >= READ_EVERY:
            self._read_at = time.monotonic()
            try:
                stored = await asyncio.to_thread(self._deps.vault.find, of_webhook(self._deps.account))
            except (CredentialProblem, OSError) as problem:
                self._tell(f"cannot be checked: {problem}")
            else:
                self._secret = stored.secret if stored else None
        secret = self._secret
        if secret is None:
            keeps = f"`artui login {self._deps.account} --webhook-secret` keeps it"
            self._tell(f"is not believed without the webhook's secret: {keeps}")
            return False
        # The bytes as they came: written anew, JSON may differ.
        message = call.headers.get("fs-timestamp", "").encode("latin-1") + b"." + call.body
        expected = hmac.new(secret.reveal().encode(), message, hashlib.sha256).hexdigest()
        # In constant time, and as bytes: text must be ASCII for it.
        if not hmac.compare_digest(expected.encode(), signature.lower().encode("latin-1")):
            self._tell("has a signature that the webhook's secret does not make: is it the right one?")
            return False
        return True

    def _tell(self, what: str) -> None:
        """Log what is wrong, once until it is something else: whoever floods writes no log."""
        if what != self._told:
            self._told = what
            log.warning("%s: a call of a webhook %s", self._deps.account, what)
