"""Filestack's stand-in: the processing host, the File API, the upload host and its storage, as one service.

``darkroom`` holds what they are about: files, workflows, jobs. ``processing`` and ``storing`` are the hosts' faces,
``address`` and ``security`` read what was asked and whether it may be.
"""

from __future__ import annotations

import random
import secrets
import time
from collections.abc import Awaitable, Callable, Mapping, Sequence
from typing import Any

from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import JSONResponse, PlainTextResponse, Response
from starlette.routing import Mount, Route, request_response
from starlette.types import ASGIApp, Receive, Scope, Send

from artui.sim import Books
from artui.sim.faults import Faults, Guarded
from artui.sim.filestack import address
from artui.sim.filestack.darkroom import PROVIDER, Darkroom
from artui.sim.filestack.host import too_many
from artui.sim.filestack.processing import Processing
from artui.sim.filestack.security import Forbidden
from artui.sim.filestack.storing import STORAGE, UPLOAD, FileApi, LargeUploads
from artui.sim.filestack.uploads import Misused
from artui.sim.webhooks import Courier

CDN, API = "/filestack/cdn", "/filestack/api"

_Handler = Callable[[Request], Awaitable[Response]]
_Form = Callable[[int, str], Response]
"""Makes an error answer as one of the hosts words it."""


class Filestack:
    """The service; see ``artui.sim.Service`` for what the server asks of it."""

    name = PROVIDER

    def __init__(
        self, books: Books, faults: Faults, *, speed: float, seed: int, credits: int, courier: Courier  # noqa: A002
    ) -> None:  # fmt: skip
        source = random.Random(f"filestack {seed}")  # noqa: S311 - repeatable on purpose
        self._secret = f"SIM{source.getrandbits(96):024X}"
        self._room = Darkroom(books, source, speed=speed, key=f"A{source.getrandbits(80):020x}z", courier=courier)
        self._faults = faults
        books.balances[PROVIDER, self._room.key] = credits

    # What the server asks for.

    @property
    def mounts(self) -> Sequence[Mount]:
        """The four hosts."""
        files = FileApi(self._room, self._secret)
        api = [
            ("store", "POST", "/store/{provider}", files.store),
            ("overwrite", "POST", "/file/{handle}", files.overwrite),
            ("delete", "DELETE", "/file/{handle}", files.delete),
            ("metadata", "GET", "/file/{handle}/metadata", files.metadata),
            ("download", "GET", "/file/{handle}", files.file),
        ]
        large = LargeUploads(self._room, self._secret)
        upload = [
            ("start", "POST", "/multipart/start", large.start),
            ("part", "POST", "/multipart/upload", large.part),
            ("commit", "POST", "/multipart/commit", large.commit),
            ("complete", "POST", "/multipart/complete", large.complete),
        ]
        storage = [("put", "PUT", "/{upload}/{part:int}/{offset:int}", large.put)]
        hosts = ((API, api, _in_words), (UPLOAD, upload, _in_envelope), (STORAGE, storage, _in_xml))
        mounts = [Mount(CDN, app=self._processing())]
        for host, table, form in hosts:
            guarded = ((path, method, self._guarded(call, handler, form)) for call, method, path, handler in table)
            routes = [Route(path, app, methods=[method]) for path, method, app in guarded]
            mounts.append(Mount(host, routes=routes))
        return mounts

    def announce(self, url: str) -> Mapping[str, object]:
        """The addresses, key and secret of the app, its workflows by title, and the webhook's secret."""
        return {
            "cdn_url": f"{url}{CDN}",
            "api_url": f"{url}{API}",
            "upload_url": f"{url}{UPLOAD}",
            "api_key": self._room.key,
            "secret": self._secret,
            "workflows": {title: workflow for workflow, title in self._room.workflows.items()},
            "webhook_secret": self._room.webhook_secret,
        }

    def switch(self, options: Mapping[str, Any]) -> list[str]:
        """Take over the options it knows, and return their names."""
        return self._room.switch(options)

    def settle(self) -> None:
        """Nothing to do: a run is charged when it starts."""

    # How a request finds its call.

    def _processing(self) -> ASGIApp:
        """The processing host, where the tasks of the address say which call it is."""
        host = Processing(self._room, self._secret)
        calls: dict[str, _Handler] = {
            "run": host.run, "status": host.status, "download": host.download, "metadata": host.metadata,
            "describe": host.describe, "restore": host.restore, "process": host.process,
        }  # fmt: skip
        guarded = {call: self._guarded(call, handler, _in_json) for call, handler in calls.items()}

        async def choose(scope: Scope, receive: Receive, send: Send) -> None:
            path = scope["raw_path"].decode("latin-1").removeprefix(CDN)
            asked = address.read(path)
            scope.setdefault("state", {})["asked"] = asked
            await guarded["process" if path == "/process" else asked.call](scope, receive, send)

        return choose

    def _guarded(self, call: str, handler: _Handler, form: _Form) -> ASGIApp:
        """A call behind its fault switch, its errors in its host's own form."""

        async def answer(request: Request) -> Response:
            self._room.cdn = f"{request.url.scheme}://{request.headers['host']}{CDN}"
            try:
                free_at = self._room.free_at
                return too_many(free_at) if free_at is not None else await handler(request)
            except HTTPException as error:
                return form(error.status_code, error.detail)
            except Forbidden as reason:
                return form(403, str(reason))
            except Misused as reason:
                return form(403 if "Signature" in str(reason) else 400, str(reason))

        return Guarded(
            f"{self.name}.{call}", request_response(answer), self._faults,
            lambda _, status: form(status, f"status {status}, as was asked for"),
        )  # fmt: skip


# --------------------------------------------------------------------------------------------- the forms of an error


def _in_json(status: int, reason: str) -> Response:
    if "proper credentials" in reason:
        return PlainTextResponse(reason, status)
    return JSONResponse({"error": reason}, status)


def _in_words(status: int, reason: str) -> Response:
    return PlainTextResponse(f"[uuid={secrets.token_hex(8)}] Error: {reason}", status)


def _in_envelope(status: int, reason: str) -> Response:
    return JSONResponse({"error": reason, "c": secrets.token_hex(8), "i": "sim", "t": int(time.time())}, status)


def _in_xml(status: int, reason: str) -> Response:
    return Response(f"<Error><Code>{reason}</Code></Error>", status, media_type="application/xml")
