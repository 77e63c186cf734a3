"""Signing in with a code that is confirmed on another device (RFC 8628), and staying signed in (RFC 6749).

A login host words every refusal as an ``error`` string, and only that string counts: which status comes with it differs
from host to host.
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Final
from urllib.parse import urlsplit

from pydantic import BaseModel, Field

from artui.credentials import Refreshed, Secret, SignedOut
from artui.providers.base import DevicePrompt, Rejected, Transient
from artui.providers.base.misfits import value
from artui.providers.http.client import Client
from artui.providers.http.messages import TEXT, Answer, Body, HttpRequest, form_body, json_body

GRANT: Final = "urn:ietf:params:oauth:grant-type:device_code"
SLOWER: Final = 5.0
"""Seconds between two questions that ``slow_down`` adds for good."""

_REFUSALS: Final = frozenset(
    {
        "invalid_request", "invalid_client", "invalid_grant", "unauthorized_client", "unsupported_grant_type",
        "invalid_scope", "access_denied", "expired_token", "login_required", "consent_required", "interaction_required",
    }
)  # fmt: skip
"""The words that refuse for good (RFC 6749, 5.2; RFC 8628, 3.5; OpenID Connect). Any other, as the name of a status in
a gateway's JSON, is trouble in passing: taken for a refusal it would sign everybody out."""
_ENDS: Final = {
    "expired_token": ("expired", "the code was not confirmed in time: start again"),
    "invalid_grant": ("expired", "the code is no longer valid: start again"),
    "access_denied": ("denied", "the sign-in was refused where the code was entered"),
}


class _Code(BaseModel):
    device_code: str = Field(repr=False, min_length=1)
    user_code: str = Field(min_length=1, max_length=64)
    verification_uri: str
    verification_uri_complete: str = ""
    expires_in: float = Field(ge=0, le=1e9)
    interval: float = Field(default=5.0, gt=0, le=300)


class _Tokens(BaseModel):
    access_token: str = Field(repr=False, pattern=r"^[!-~]+$")
    refresh_token: str | None = Field(default=None, repr=False, pattern=r"^[!-~]+$")
    expires_in: float = Field(ge=0, le=1e9)


@dataclass(frozen=True, slots=True)
class LoginHost:
    """The host that signs people in. ``sleep`` waits that many seconds."""

    client: Client
    url: str
    client_id: str
    audience: str
    scope: str = "offline_access"
    sleep: Callable[[float], Awaitable[None]] = asyncio.sleep

    async def login(self, prompt: Callable[[DevicePrompt], None]) -> Secret:
        """Ask for a code, show it with ``prompt``, and wait until it is confirmed; returns the refresh token.

        Raises :class:`Rejected` ``expired`` or ``denied``, and :class:`Transient` where no code could be had.
        """
        form = form_body({"client_id": self.client_id, "scope": self.scope, "audience": self.audience})
        answer = await self._post("asking for a sign-in code", "/oauth/device/code", form)
        if answer.status >= 300:
            raise answer.refusal()
        code = answer.read_as(_Code)
        for field in ("verification_uri", "verification_uri_complete"):
            url = getattr(code, field)
            if url and not self._is_address(url):
                raise answer.unreadable(f"`{field}` {value(url)} is no address that a person may be sent to")
        prompt(
            DevicePrompt(
                user_code=code.user_code,
                url=code.verification_uri,
                url_with_code=code.verification_uri_complete or code.verification_uri,
                expires_in=code.expires_in,
            )
        )
        tokens = await self._confirmed(code)
        if tokens.refresh_token is None:
            raise Rejected("the login host gave no lasting sign-in: it cannot be used here", reason="no refresh token")
        return Secret(tokens.refresh_token)

    def _is_address(self, url: str) -> bool:
        """Whether a person may be sent there: they will be asked for a password."""
        try:
            there, here = urlsplit(url), urlsplit(self.url)
        except ValueError:
            return False
        return url.isprintable() and (there.scheme == "https" or there.netloc == here.netloc)

    async def _confirmed(self, code: _Code) -> _Tokens:
        """Ask for the tokens, at the pace the host wants, until it gives or refuses them."""
        form = form_body({"grant_type": GRANT, "device_code": code.device_code, "client_id": self.client_id})
        interval, waited = code.interval, 0.0
        while waited <= code.expires_in:
            await self.sleep(interval)
            waited += interval
            try:
                answer = await self._post("waiting for the code", "/oauth/token", form)
            except Transient:
                continue  # a bad line is no reason to make a person start again
            if answer.status < 300:
                return answer.read_as(_Tokens)
            error = _error(answer)
            if error == "slow_down":
                interval += SLOWER
            elif error in _ENDS:
                reason, sentence = _ENDS[error]
                raise Rejected(f"{answer.about}: {sentence}", reason=reason, status=answer.status)
            elif error in _REFUSALS:
                raise answer.refusal(error)
        raise Rejected(_ENDS["expired_token"][1], reason="expired")

    async def refresh(self, refresh_token: Secret) -> Refreshed:
        """A new access token; with it a new refresh token where the host changes them.

        Raises :class:`SignedOut` where the host no longer accepts the refresh token, else :class:`Transient`.
        """
        form = form_body(
            {"grant_type": "refresh_token", "refresh_token": refresh_token.reveal(), "client_id": self.client_id}
        )
        answer = await self._post("renewing the sign-in", "/oauth/token", form)
        if answer.status >= 300:
            if _error(answer) not in _REFUSALS:
                answer.raise_unless_final()
                raise answer.unreadable()
            raise SignedOut(f"{answer.about}: {answer.sentence}: sign in again")
        tokens = answer.read_as(_Tokens)
        successor = None if tokens.refresh_token is None else Secret(tokens.refresh_token)
        return Refreshed(Secret(tokens.access_token), tokens.expires_in, successor)

    async def revoke(self, refresh_token: Secret) -> None:
        """End a sign-in at the host; one that has ended already is no error."""
        body = json_body(json.dumps({"client_id": self.client_id, "token": refresh_token.reveal()}))
        answer = await self._post("signing out", "/oauth/revoke", body)
        if answer.status >= 300:
            answer.raise_unless_final()
            raise answer.refusal()

    async def _post(self, doing: str, path: str, body: Body) -> Answer:
        request = HttpRequest("POST", f"{self.url}{path}", doing, body=body)
        return await self.client.send(request, most=TEXT, any_status=True)


def _error(answer: Answer) -> str:
    """The ``error`` string of a refusal; empty where it has none."""
    error = (answer.json_object() or {}).get("error")
    return error if isinstance(error, str) else ""
