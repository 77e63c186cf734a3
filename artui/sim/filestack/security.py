"""Filestack's security: whether a policy is well made, signed with the app's secret, still good, and allows a call."""

from __future__ import annotations

import base64
import binascii
import hashlib
import hmac
import json
import time
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from typing import Any

_CALLS = frozenset({"pick", "read", "stat", "write", "writeUrl", "store", "convert", "remove", "runWorkflow"})


class Forbidden(Exception):
    """A call without a valid policy that allows it; the text is the service's reason."""


@dataclass(frozen=True, slots=True)
class Credentials:
    """A policy as it was sent, and its signature; empty where there was none."""

    policy: str = ""
    signature: str = ""

    @classmethod
    def among(cls, fields: Mapping[str, Any]) -> Credentials:
        """The two out of a query, a JSON body, or the parameters of a ``security`` task, under either spelling."""
        policy, signature = fields.get("policy", fields.get("p")), fields.get("signature", fields.get("s"))
        return cls(str(policy or ""), str(signature or ""))

    def __bool__(self) -> bool:
        return bool(self.policy or self.signature)


def check(given: Credentials, secret: str, calls: Collection[str], handle: str | None = None) -> None:
    """Raise :class:`Forbidden` unless the policy allows every one of these calls, on this file where one is named."""
    if not given:
        raise Forbidden("proper credentials were not provided")
    try:
        # Padding is part of the text: without it the policy is refused, though it could be read.
        policy = json.loads(base64.b64decode(given.policy.encode("ascii"), altchars=b"-_", validate=True))
    except (ValueError, binascii.Error):
        raise Forbidden("policy was not properly url-safe base64 encoded") from None
    if not isinstance(policy, dict):
        raise Forbidden("the policy is no object")
    expected = hmac.new(secret.encode(), given.policy.encode(), hashlib.sha256).hexdigest()
    if not hmac.compare_digest(expected, given.signature.encode("ascii", "replace").decode()):
        raise Forbidden("the signature does not match the policy")
    expiry = policy.get("expiry")
    if type(expiry) is not int or expiry <= time.time():
        raise Forbidden("the signature has expired")
    allowed = policy.get("call", _CALLS)
    allowed = {allowed} if isinstance(allowed, str) else set(allowed)
    if missing := set(calls) - allowed:
        raise Forbidden(f"the policy does not allow {', '.join(sorted(missing))}")
    if policy.get("handle") not in {None, handle}:
        raise Forbidden("the policy is for another file")
