"""Retouch4me's stand-in: the media processing server and the older balance page, for the server to mount.

This file is its face, ``laboratory`` what it is about. What the real service leaves unsaid is decided as
docs/providers/retouch4me.md says; a test that passes here proves nothing about it there. The history shows, as the form
of a start, its fields, and the headers that matter beside them.
"""

from __future__ import annotations

import random
from collections.abc import Mapping, Sequence
from typing import Any

from starlette.applications import Starlette
from starlette.datastructures import FormData, UploadFile
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import HTMLResponse, JSONResponse, Response
from starlette.routing import Mount, Route, request_response

from artui.sim import Books, imaging
from artui.sim.faults import Faults, Guarded
from artui.sim.retouch4me.laboratory import MODE, PROVIDER, Job, Laboratory, Photo, Refused
from artui.sim.webhooks import Courier

_HEADER = "x-retouch-token"
_MOST_BYTES = 100_000_000
_LIMITS = {
    "image": {"formats": ["png", "jpg", "jpeg"], "maxFileSizeInMB": 100, "maxMegapixels": 250},
    "archive": {"formats": ["zip"]},
}


class Retouch4me:
    """The service; see ``artui.sim.Service`` for what the server asks of it."""

    name = PROVIDER

    def __init__(
        self,
        books: Books,
        faults: Faults,
        *,
        speed: float,
        seed: int,
        credits: int,  # noqa: A002 - the service's own word
        courier: Courier,
    ) -> None:
        source = random.Random(seed)  # noqa: S311 - repeatable on purpose
        self._books = books
        self._faults = faults
        self._laboratory = Laboratory(books, source, speed=speed, credits=credits, courier=courier)

    # What the server asks for.

    @property
    def mounts(self) -> Sequence[Mount]:
        """The server itself, and the page of another host that knows the balance."""
        table = [
            ("start", "POST", "/retoucher/start", self.start),
            ("status", "GET", "/retoucher/status/{id}", self.status),
            ("result", "GET", "/retoucher/getFile/{id}", self.result),
            ("limits", "GET", "/info/limits", self.limits),
            ("balance", "POST", "/balance", self.balance),
        ]
        routes = [self._route(name, method, f"/api/v1{path}", handler) for name, method, path, handler in table]
        older = [self._route("older_balance", "POST", "/api/retouch/v1/balance", self.older_balance)]
        return [
            Mount("/retouch4me-balance", Starlette(routes=older, exception_handlers={HTTPException: _failed})),
            Mount("/retouch4me", Starlette(routes=routes, exception_handlers={HTTPException: _failed})),
        ]

    def _route(self, name: str, method: str, path: str, handler: Any) -> Route:
        guarded = Guarded(
            f"{self.name}.{name}", request_response(handler), self._faults,
            lambda _, status: JSONResponse({"status": status, "message": f"refused with {status}"}, status),
        )  # fmt: skip
        return Route(path, guarded, methods=[method])

    def announce(self, url: str) -> Mapping[str, str]:
        """Return both addresses and the tokens that are good here: one, a later one of its customer, a stranger's."""
        balance_url = f"{url}/retouch4me-balance/api/retouch/v1/balance"
        room = self._laboratory
        tokens = {"token": room.token, "renewed_token": room.renewed, "strangers_token": room.stranger}
        return {"api_url": f"{url}/retouch4me", "balance_url": balance_url, **tokens}

    def switch(self, options: Mapping[str, Any]) -> list[str]:
        """Take over the options it knows, and return their names."""
        return self._laboratory.switch(options)

    def settle(self) -> None:
        """Give back what failed, where that is the rule."""
        self._laboratory.settle()

    # The calls.

    async def start(self, request: Request) -> Response:
        """Take a photo and a list of tasks, and charge it."""
        try:
            async with request.form() as form:
                request.state.form = _told(request, form)
                return await self._started(request, form)
        except HTTPException as error:
            return self._refused(Refused(error.status_code, error.detail))
        except Refused as refusal:
            return self._refused(refusal)

    async def _started(self, request: Request, form: FormData) -> Response:
        file = form.get("file")
        if not isinstance(file, UploadFile):
            raise Refused(400, "No file uploaded")
        in_header, in_form = request.headers.get(_HEADER), form.get("token")
        if not (in_header or in_form):
            raise Refused(401 if self._laboratory.options.strict_token else 460, "Token issue")
        if in_header and in_form and in_header != in_form:
            raise Refused(460, "Token issue")
        photo = await self._laboratory.in_thread(self._keep, file.filename or "", await file.read())
        token, key = str(in_header or in_form), request.headers.get("idempotency-key")
        said = self._laboratory.start(photo, str(form.get("payload", "")), token, key, str(form.get("hook", "")))
        answer, first = self._laboratory.options.answer, next(iter(self._laboratory.jobs))
        if answer == "page":
            return HTMLResponse("<html><h1>413 Request Entity Too Large</h1><hr>nginx</html>", 413)
        other = {"message": "Forbidden resource", "error": "Forbidden", "statusCode": 403}
        forms: dict[str, tuple[Any, int]] = {
            "documented": (said, 200),
            "number": ({**said, "id": int(said["id"])} if said["id"].isdecimal() else said, 200),
            "earlier": ({**said, "id": first}, 200),
            "error": ({"status": "error"}, 200),
            "created": (said, 201),
            "conflict": ({"status": 409, "message": "in progress"}, 409),
            "shape 400": ({"errors": [{"field": "file", "code": "invalid"}]}, 400),
            "shape 403": (other, 403),
        }
        return JSONResponse(*forms[answer])

    def _keep(self, name: str, content: bytes) -> Photo:
        try:
            if content.startswith(b"PK") and self._laboratory.options.archives:
                imaging.unpacked(content)
                return Photo(name, self._books.keep(content), imaging.ARCHIVE)
            imaging.check(content)
            media_type = imaging.content_type(content)
        except imaging.NotAPicture as error:
            raise Refused(400, str(error)) from error
        if media_type not in ("image/jpeg", "image/png") or len(content) > _MOST_BYTES:
            raise Refused(400, f"{media_type} of {len(content):,} bytes is not taken")
        return Photo(name, self._books.keep(content), media_type)

    def _refused(self, refusal: Refused) -> Response:
        status = 200 if self._laboratory.options.code_in_body else refusal.code
        return JSONResponse({"status": refusal.code, "message": str(refusal)}, status)

    async def status(self, request: Request) -> Response:
        """A job as it stands now."""
        return JSONResponse(self._laboratory.document(self._find(request)))

    async def result(self, request: Request) -> Response:
        """What was made: a picture, or an archive that calls itself by the photo's name."""
        job = self._find(request)
        content = await self._laboratory.result(job)
        if content is None:
            raise HTTPException(404)
        is_archive = job.is_layered or job.photo.media_type == imaging.ARCHIVE
        kind = "binary/octet-stream" if is_archive else job.photo.media_type
        name = f'attachment; filename="{job.photo.name}"'
        wanted = self._laboratory.options.content_type or kind
        return Response(content, headers={"Content-Type": wanted, "Content-Disposition": name})

    async def limits(self, _: Request) -> Response:
        """What a photo may be; as a rule not there, as at the real service."""
        if not self._laboratory.options.tells_limits:
            raise HTTPException(404)
        return JSONResponse(_LIMITS)

    async def balance(self, request: Request) -> Response:
        """The credits left, by the newer way."""
        token = request.headers.get(_HEADER, "")
        self._check_token(token, 401)
        return self._remaining(token)

    async def older_balance(self, request: Request) -> Response:
        """The credits left, by the older way."""
        async with request.form() as form:
            request.state.form = {name: "***" if "token" in name else value for name, value in form.multi_items()}
            token = str(form.get("retouchtoken", ""))
            self._check_token(token, 460)
        return self._remaining(token)

    def _remaining(self, token: str) -> Response:
        return JSONResponse({"status": 200, "remaining": {MODE: self._laboratory.credits(token)}})

    def _find(self, request: Request) -> Job:
        if self._laboratory.options.strict_token:
            self._check_token(request.headers.get(_HEADER, ""), 401)
        job = self._laboratory.jobs.get(request.path_params["id"])
        if job is None:
            raise HTTPException(404)
        return job

    def _check_token(self, token: str, code: int) -> None:
        if token not in self._laboratory.customers:
            raise HTTPException(code, "the token is invalid")


def _failed(_: Request, error: Exception) -> Response:
    assert isinstance(error, HTTPException)  # noqa: S101 - what it is registered for
    return JSONResponse({"status": error.status_code, "message": error.detail}, error.status_code)


def _told(request: Request, form: FormData) -> dict[str, Any]:
    """What the history keeps of a start: no bytes and no secrets, but where each of them stood."""
    told: dict[str, Any] = {}
    for name, value in form.multi_items():
        if isinstance(value, UploadFile):
            told[name] = {"filename": value.filename, "content_type": value.content_type, "size": value.size}
        else:
            told[name] = "***" if name == "token" else value
    headers = {"Idempotency-Key": request.headers.get("idempotency-key")}
    return told | headers | ({"X-Retouch-Token": "***"} if _HEADER in request.headers else {})
