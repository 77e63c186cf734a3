"""AutoRetouch's login host: the device flow, refreshing and revoking, and the page a person confirms on."""

from __future__ import annotations

import base64
import hashlib
import hmac
import http.client
import json
import math
import random
import time
from dataclasses import dataclass
from html import escape
from typing import Any

from starlette.requests import Request
from starlette.responses import HTMLResponse, JSONResponse, Response
from starlette.routing import Route, request_response
from starlette.types import Scope

from artui.sim.autoretouch.studio import USER, Options
from artui.sim.faults import Faults, Guarded

CLIENT_ID = "V8EkfbxtBi93cAySTVWAecEum4d6pt4J"
DEVICE_GRANT = "urn:ietf:params:oauth:grant-type:device_code"


@dataclass(slots=True)
class Device:
    """A device login under way; ``state`` is pending, confirmed, denied or over."""

    user_code: str
    began: float
    polled: float = -math.inf
    state: str = "pending"


class Login:
    """The login host: the device flow, refreshing and revoking, and the page a person confirms on."""

    def __init__(self, source: random.Random, options: Options, organization: str, interval: float) -> None:
        self._random = source
        self._options = options
        self._organization = organization
        self._interval = float(interval)
        self._secret = source.randbytes(32)
        self._devices: dict[str, Device] = {}
        self._refresh_tokens: set[str] = set()
        self._issued: dict[str, float] = {}  # access token to when

    def routes(self, faults: Faults) -> list[Route]:
        """The login host's paths, with their fault switches."""
        table = {"device": "/oauth/device/code", "token": "/oauth/token", "revoke": "/oauth/revoke"}
        calls = {"device": self.device, "token": self.token, "revoke": self.revoke}
        routes = [Route("/activate", self.activate, methods=["GET", "POST"])]
        for name, path in table.items():
            guarded = Guarded(f"autoretouch.{name}", request_response(calls[name]), faults, _login_refusal)
            routes.append(Route(path, guarded, methods=["POST"]))
        return routes

    def is_valid(self, access_token: str) -> bool:
        """Whether this token was issued here and is not older than the lifetime of now."""
        return time.time() < self._issued.get(access_token, -math.inf) + self._options.token_lifetime

    def new_refresh_token(self) -> str:
        """Issue a refresh token that lives until it is revoked, or rotated away."""
        token = "v1." + self._random.randbytes(24).hex()
        self._refresh_tokens.add(token)
        return token

    async def device(self, request: Request) -> Response:
        """Begin a device login."""
        form = await request.form()
        if form.get("client_id") != CLIENT_ID:
            return _login_error(401, "invalid_client", "unknown client")
        code = "".join(self._random.choices("BCDFGHJKLMNPQRSTVWXZ", k=8))
        user_code = f"{code[:4]}-{code[4:]}"
        device_code = self._random.randbytes(18).hex()
        self._devices[device_code] = Device(user_code, time.time())
        page = str(request.url).partition("/oauth/")[0] + "/activate"
        return JSONResponse(
            {
                "device_code": device_code,
                "user_code": user_code,
                "verification_uri": page,
                "verification_uri_complete": f"{page}?user_code={user_code}",
                "expires_in": int(self._options.device_lifetime),
                "interval": int(self._interval) if self._interval.is_integer() else self._interval,
            }
        )

    async def token(self, request: Request) -> Response:
        """Exchange a confirmed device code or a refresh token for an access token."""
        form = await request.form()
        if form.get("client_id") != CLIENT_ID:
            return _login_error(401, "invalid_client", "unknown client")
        if form.get("grant_type") == DEVICE_GRANT:
            return self._token_for_device(str(form.get("device_code")))
        if form.get("grant_type") != "refresh_token":
            return _login_error(403, "unsupported_grant_type", "unsupported grant type")
        old = str(form.get("refresh_token"))
        # What the history keeps of a refresh: which token it was, unreadable, and whether another one came for it.
        which = hashlib.sha256(old.encode()).hexdigest()[:8]
        told = {"grant_type": "refresh_token", "refresh_token": "***", "refreshed": which}
        request.state.form = told | {"rotated": self._options.rotate_refresh_tokens and old in self._refresh_tokens}
        if old not in self._refresh_tokens:
            return _login_error(403, "invalid_grant", "unknown or invalid refresh token")
        if not self._options.rotate_refresh_tokens:
            return JSONResponse(self._new_access())
        self._refresh_tokens.discard(old)
        return JSONResponse(self._new_access() | {"refresh_token": self.new_refresh_token()})

    async def revoke(self, request: Request) -> Response:
        """End a refresh token, from JSON or a form; an unknown one is no error."""
        is_json = "json" in request.headers.get("content-type", "")
        try:
            body = await request.json() if is_json else await request.form()
            self._refresh_tokens.discard(str(body["token"]))
        except (ValueError, LookupError, TypeError):
            return _login_error(400, "invalid_request", "token is required")
        return Response(status_code=200)

    async def activate(self, request: Request) -> Response:
        """The page of a person: a form, or the decision made with it or in the address."""
        given = {**request.query_params, **(await request.form() if request.method == "POST" else {})}
        user_code = str(given.get("user_code", "")).strip().upper()
        devices = [one for one in self._devices.values() if one.user_code == user_code and one.state == "pending"]
        if not ("confirm" in given or "deny" in given):
            return HTMLResponse(_ACTIVATE.format(escape(user_code, quote=True)))
        if not devices:
            return HTMLResponse(_SAID.format("This code is unknown or no longer valid."), 404)
        devices[0].state = "denied" if "deny" in given else "confirmed"
        return HTMLResponse(_SAID.format(f"The device is {devices[0].state}. You can close this page."))

    def _token_for_device(self, device_code: str) -> Response:
        device, now = self._devices.get(device_code), time.time()
        if device is None or device.state == "over":
            return _login_error(403, "invalid_grant", "unknown, expired or used device code")
        if now > device.began + self._options.device_lifetime:
            device.state = "over"
            return _login_error(403, "expired_token", "the device code has expired")
        is_early, device.polled = now < device.polled + self._interval, now
        if device.state == "denied":
            device.state = "over"
            return _login_error(403, "access_denied", "the user refused the device")
        if is_early:
            return _login_error(429, "slow_down", "polled faster than the interval")
        if device.state == "pending":
            return _login_error(403, "authorization_pending", "the user has not confirmed yet")
        device.state = "over"
        return JSONResponse(self._new_access() | {"refresh_token": self.new_refresh_token()})

    def _new_access(self) -> dict[str, Any]:
        now, lifetime = time.time(), int(self._options.token_lifetime)
        claims = {
            "https://autoretouch.com/selectedOrganization": self._organization,
            "sub": USER,
            "azp": CLIENT_ID,
            "scope": "offline_access",
            "iat": int(now),
            "exp": int(now) + lifetime,
            "jti": self._random.randbytes(8).hex(),
        }
        parts = [_base64url(json.dumps(part).encode()) for part in ({"alg": "HS256", "typ": "JWT"}, claims)]
        signature = hmac.digest(self._secret, ".".join(parts).encode(), "sha256")
        token = ".".join([*parts, _base64url(signature)])
        self._issued[token] = now
        return {
            "access_token": token,
            "scope": "offline_access",
            "expires_in": lifetime,
            "token_type": "Bearer",
        }


_SAID = "<!doctype html><title>Device</title><p>{}</p>"
_ACTIVATE = """<!doctype html><title>Device confirmation</title>
<form method="post"><p><label>Code <input name="user_code" value="{}"></label></p>
<p><button name="confirm" value="1">Confirm</button> <button name="deny" value="1">Cancel</button></p></form>
"""


def _base64url(data: bytes) -> str:
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()


def _login_error(status: int, error: str, description: str) -> Response:
    return JSONResponse({"error": error, "error_description": description}, status)


def _login_refusal(_: Scope, status: int) -> Response:
    error = "invalid_grant" if status in {400, 401, 403} else "server_error"
    return _login_error(status, error, http.client.responses.get(status, ""))
