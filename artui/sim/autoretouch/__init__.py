"""AutoRetouch's stand-in: the API host and the login host, as one service for the server to mount.

This file is the API host's face; ``studio`` holds what it is about, ``login`` the other host. The caller's
own submit key is the label ``artui_job``.
"""

from __future__ import annotations

import hashlib
import http.client
import json
import math
import random
import re
from collections.abc import Awaitable, Callable, Mapping, Sequence
from datetime import UTC, datetime
from typing import Any

from starlette.applications import Starlette
from starlette.datastructures import UploadFile
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import JSONResponse, PlainTextResponse, Response
from starlette.routing import Mount, Route, request_response
from starlette.types import Scope

from artui.sim import Books, imaging
from artui.sim.autoretouch.login import Login
from artui.sim.autoretouch.studio import (
    KEY_LABEL,
    PROVIDER,
    USER,
    Execution,
    Organization,
    Studio,
    Workflow,
    organization_document,
    workflow_document,
)
from artui.sim.faults import Faults, Guarded
from artui.sim.fetching import fetch
from artui.sim.webhooks import Courier

_PAGE = 50  # entries on a page, by default and at most
_BATCH = ("autoretouch_batch_id", "autoretouch_batch_name", "autoretouch_batch_createdAt")

_Handler = Callable[[Request], Awaitable[Response]]


class AutoRetouch:
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
        device_interval: float,
        extra_workflows: int,
        courier: Courier,
    ) -> None:
        source = random.Random(seed)  # noqa: S311 - repeatable on purpose
        self._faults = faults
        self._studio = Studio(
            books, source, speed=speed, credits=credits, extra_workflows=extra_workflows, courier=courier
        )
        selected = self._studio.organizations[0].id
        self._login = Login(source, self._studio.options, selected, device_interval)

    # What the server asks for.

    @property
    def mounts(self) -> Sequence[Mount]:
        """The API host and the login host; each path of the first with and without the version, and the slash at its
        end."""
        one = "/workflow/execution/{id}"
        table = [
            ("organizations", "GET", "/organization", self.organizations),
            ("balance", "GET", "/organization/balance", self.balance),
            ("balance", "GET", "/company/balance", self.balance),
            ("organizations", "GET", "/organization/{id}", self.organization),
            ("workflows", "GET", "/workflow", self.workflows),
            ("list", "GET", "/workflow/execution", self.listing),
            ("create", "POST", "/workflow/execution/create", self.create),
            ("details", "GET", one, self.details),
            ("details", "GET", one + "/status", self.stream),
            ("download", "GET", one + "/result/default", self.result),
            ("retry", "POST", one + "/retry", self.retry),
            ("feedback", "POST", one + "/feedback", self.feedback),
            ("workflow", "GET", "/workflow/{id}", self.workflow),
            ("head", "HEAD", "/upload", self.head),
            ("upload", "POST", "/upload", self.upload),
            ("download", "GET", "/image/{digest}/{name}", self.download),
            ("batches", "GET", "/batch", self.batches),
        ]
        routes = [Route(path, _health) for path in ("/health", "/health/")]
        for name, method, path, handler in table:
            guarded = Guarded(f"{self.name}.{name}", request_response(self._signed_in(handler)), self._faults, _refusal)
            routes += [
                Route(prefix + path + slash, guarded, methods=[method]) for prefix in ("", "/v1") for slash in ("", "/")
            ]
        api = Starlette(routes=routes, exception_handlers={HTTPException: _refused})
        login = Starlette(routes=self._login.routes(self._faults))
        return [Mount("/autoretouch-auth", login), Mount("/autoretouch", api)]

    def announce(self, url: str) -> Mapping[str, str]:
        """Return the two addresses, a refresh token that works and the organization selected for it."""
        return {
            "api_url": f"{url}/autoretouch",
            "auth_url": f"{url}/autoretouch-auth",
            "refresh_token": self._login.new_refresh_token(),
            "organization": self._studio.organizations[0].id,
        }

    def switch(self, options: Mapping[str, Any]) -> list[str]:
        """Take over the options it knows, and return their names."""
        return self._studio.switch(options)

    def settle(self) -> None:
        """Charge what has completed, where charges are taken at the end."""
        self._studio.settle()

    # Organizations and workflows.

    async def organizations(self, request: Request) -> Response:
        """The organizations the user belongs to."""
        return _page(request, [organization_document(one) for one in self._studio.organizations])

    async def organization(self, request: Request) -> Response:
        """One organization with its members."""
        return JSONResponse(organization_document(self._find_organization(request.path_params["id"])))

    async def balance(self, request: Request) -> Response:
        """The credits left: a bare integer."""
        return JSONResponse(self._studio.balance(self._owner(request)))

    async def workflows(self, request: Request) -> Response:
        """All workflows, without their settings, which only the single view has."""
        return _page(request, [workflow_document(one, settings=False) for one in self._studio.workflows.values()])

    async def workflow(self, request: Request) -> Response:
        """One workflow with its components' settings."""
        workflow = self._find_workflow(request.path_params["id"])
        return JSONResponse(workflow_document(workflow, settings=True))

    # Images.

    async def head(self, request: Request) -> Response:
        """Whether the organization has this content."""
        known = request.query_params.get("contentHash") in self._owner(request).images
        return Response(status_code=200 if known else 404)

    async def upload(self, request: Request) -> Response:
        """Take one image from a form, or several from public addresses."""
        owner = self._owner(request)
        if _is_form(request):
            _, digest = await self._take_file(request, owner)
            return PlainTextResponse(digest, 201)
        digests = {}
        for name, url in _strings((await _json(request)).get("urls"), "urls").items():
            try:
                content = await self._studio.in_thread(fetch, url)
            except (OSError, ValueError) as error:
                raise HTTPException(422, f"cannot fetch {name}") from error
            digests[name] = await self._keep(content, owner)
        return JSONResponse({"urls": digests}, 201)

    async def download(self, request: Request) -> Response:
        """An image by its hash, whether it was sent or made here."""
        content = await self._studio.image(request.path_params["digest"], self._owner(request))
        return _image(content)

    async def result(self, request: Request) -> Response:
        """Wait for an execution's end and answer with its result."""
        execution = self._find_execution(request)
        if await self._studio.end(execution) != "COMPLETED":
            raise HTTPException(404)
        picture = await self._studio.picture(execution)
        return _image(await self._studio.image(picture.digest, execution.organization))

    # Executions.

    async def create(self, request: Request) -> Response:
        """Start an execution, from a form with the image in it or from an uploaded image, and charge it."""
        owner = self._owner(request)
        workflow = self._find_workflow(request.query_params.get("workflow", ""))
        version = request.query_params.get("version") or workflow.version
        if version not in workflow.prices:
            raise HTTPException(404, "no such version of the workflow")
        webhooks: list[str] = []
        if _is_form(request):
            pairs = (
                (re.fullmatch(r"labels?\[(.+)\]", key), value) for key, value in request.query_params.multi_items()
            )
            labels = {match[1]: value for match, value in pairs if match}
            image = await self._take_file(request, owner)
        else:
            body = await _json(request)
            labels = _strings(body.get("labels") or {}, "labels")
            webhooks, named = body.get("webhooks") or [], body.get("image")
            if not isinstance(webhooks, list) or not all(type(url) is str for url in webhooks):
                raise HTTPException(400, "webhooks must be addresses")
            if not isinstance(named, dict) or not named.get("name") or not named.get("contentHash"):
                raise HTTPException(400, "image needs name and contentHash")
            image = str(named["name"]), str(named["contentHash"])
        if image[1] not in owner.images:
            raise HTTPException(404, "no such image")
        execution = self._studio.add(workflow, version, owner, image, labels, webhooks)
        return PlainTextResponse(execution.id, 201)

    async def details(self, request: Request) -> Response:
        """One execution as it stands now."""
        execution = self._find_execution(request)
        return JSONResponse(self._misled(request, execution, await self._studio.document(execution)))

    async def listing(self, request: Request) -> Response:
        """The executions of an organization, of one workflow if it is given; newest first."""
        owner, workflow = self._owner(request), request.query_params.get("workflow")
        chosen = [one for one in self._visible(request, owner) if workflow in {None, one.workflow.id}]
        offset, limit = _window(request)
        listed = self._studio.listed(chosen, workflow or "")
        window = listed[offset : offset + limit]
        entries = []
        for made, shown in window:
            document = await self._studio.entry(made, shown, workflow or "")
            entries.append(document if isinstance(shown, int) else self._misled(request, shown, document))
        return JSONResponse({"entries": entries, "total": len(listed)})

    async def stream(self, request: Request) -> Response:
        """One event with the status of now, then the end of the stream."""
        status = json.dumps({"status": self._studio.status(self._find_execution(request))})
        return Response(f"event: status\ndata: {status}\n\n", media_type="text/event-stream")

    async def retry(self, request: Request) -> Response:
        """Run a failed or unpaid execution again, mostly under its own id."""
        execution = self._find_execution(request)
        if (await self._studio.document(execution))["status"] not in {"FAILED", "PAYMENT_REQUIRED"}:
            raise HTTPException(400, "only a failed or unpaid execution can be retried")
        runs = await self._studio.retry(execution)
        return Response(status_code=200) if runs is execution else PlainTextResponse(runs.id, 200)

    async def feedback(self, request: Request) -> Response:
        """Keep an opinion on a result."""
        execution, body = self._find_execution(request), await _json(request)
        if type(body.get("thumbsUp")) is not bool or not isinstance(body.get("expectedImages"), list):
            raise HTTPException(400, "feedback needs thumbsUp and expectedImages")
        execution.feedback = body
        return Response(status_code=200)

    async def batches(self, request: Request) -> Response:
        """The executions with equal batch labels, counted; newest batch first."""
        wanted = request.query_params.get("batchId")
        batches: dict[str, dict[str, Any]] = {}
        for execution in self._visible(request, self._owner(request)):
            batch_id, name, created = (execution.labels.get(label) for label in _BATCH)
            if not (batch_id and name and created) or wanted not in {None, batch_id}:
                continue
            batch = batches.setdefault(batch_id, {"id": batch_id, "executions": 0, "price": 0})
            batch |= {"name": name, "author": USER, "createdAt": created}
            batch |= {"workflowId": execution.workflow.id, "workflowName": execution.workflow.name}
            batch["executions"] += 1
            batch["price"] += execution.charged
        return _page(request, [*batches.values()])

    # The parts the calls share.

    def _signed_in(self, handler: _Handler) -> _Handler:
        async def check(request: Request) -> Response:
            scheme, _, token = request.headers.get("authorization", "").partition(" ")
            if scheme.lower() != "bearer" or not self._login.is_valid(token):
                raise HTTPException(401, "the access token is missing or invalid")
            return await handler(request)

        return check

    def _owner(self, request: Request) -> Organization:
        wanted = request.query_params.get("organization")
        return self._find_organization(wanted) if wanted else self._studio.organizations[0]

    def _find_organization(self, organization_id: str) -> Organization:
        for organization in self._studio.organizations:
            if organization.id == organization_id:
                return organization
        raise HTTPException(404)

    def _find_workflow(self, workflow_id: str) -> Workflow:
        if not workflow_id:
            raise HTTPException(400, "workflow is required")
        if workflow_id not in self._studio.workflows:
            raise HTTPException(404)
        return self._studio.workflows[workflow_id]

    def _find_execution(self, request: Request) -> Execution:
        execution = self._studio.executions.get(request.path_params["id"])
        wanted = request.query_params.get("organization")
        if execution is None or wanted not in {None, "", execution.organization.id}:
            raise HTTPException(404)
        return execution

    def _visible(self, request: Request, owner: Organization) -> Sequence[Execution]:
        """Return the owner's executions, newest first, less those a fault hides."""
        until = getattr(request.state, "hidden_after", math.inf)
        newest_first = reversed(self._studio.executions.values())
        return [one for one in newest_first if one.organization is owner and one.created <= until]

    def _misled(self, request: Request, execution: Execution, document: dict[str, Any]) -> dict[str, Any]:
        """What is told of an execution, or of another one in its place where a fault misleads."""
        misleads = getattr(request.state, "misleads", "")
        if misleads == "mislabel":
            oldest = next(iter(self._studio.executions.values()))
            document["labels"] = {KEY_LABEL: "somebody.else"} if oldest is execution else oldest.labels
        elif misleads == "misinput":
            document |= {"labels": {}, "inputContentHash": hashlib.sha256(execution.id.encode()).hexdigest()}
        return document

    async def _take_file(self, request: Request, owner: Organization) -> tuple[str, str]:
        """Read a form, keep its file, and return the file's name and digest."""
        async with request.form() as form:
            request.state.form = {
                name: value
                if isinstance(value, str)
                else {"filename": value.filename, "content_type": value.content_type, "size": value.size}
                for name, value in form.multi_items()
            }
            part = form.get("file")
            if not isinstance(part, UploadFile):
                raise HTTPException(400, "the form has no file")
            return part.filename or "", await self._keep(await part.read(), owner)

    async def _keep(self, content: bytes, owner: Organization) -> str:
        try:
            return await self._studio.keep(content, owner)
        except imaging.NotAPicture as error:
            raise HTTPException(422, str(error)) from error


async def _health(_: Request) -> Response:
    return Response(status_code=200)


def _refusal(scope: Scope, status: int, message: str = "") -> Response:
    """Return the API host's error answer."""
    body = {
        "timestamp": datetime.now(UTC).isoformat(timespec="milliseconds"),
        "status": status,
        "error": http.client.responses.get(status, ""),
        "message": message,
        "path": scope["path"].removeprefix(scope["root_path"]),
    }
    return JSONResponse(body, status)


def _refused(request: Request, error: Exception) -> Response:
    assert isinstance(error, HTTPException)  # noqa: S101 - what it is registered for
    message = "" if error.detail == http.client.responses.get(error.status_code) else error.detail
    return _refusal(request.scope, error.status_code, message)


def _image(content: bytes | None) -> Response:
    if content is None:
        raise HTTPException(404)
    return Response(content, media_type=imaging.content_type(content))


def _page(request: Request, entries: Sequence[object]) -> Response:
    offset, limit = _window(request)
    return JSONResponse({"entries": entries[offset : offset + limit], "total": len(entries)})


def _window(request: Request) -> tuple[int, int]:
    """Return offset and limit; more than a page is cut to a page."""
    try:
        offset = int(request.query_params.get("offset", 0))
        limit = int(request.query_params.get("limit", _PAGE))
    except ValueError as error:
        raise HTTPException(400, "limit and offset are numbers") from error
    if offset < 0 or limit < 1:
        raise HTTPException(400, "limit starts at 1 and offset at 0")
    return offset, min(limit, _PAGE)


def _is_form(request: Request) -> bool:
    return request.headers.get("content-type", "").startswith("multipart/form-data")


async def _json(request: Request) -> dict[str, Any]:
    try:
        body = await request.json()
    except ValueError as error:
        raise HTTPException(400, "the body is not JSON") from error
    if not isinstance(body, dict):
        raise HTTPException(400, "the body is not a JSON object")
    return body


def _strings(value: object, name: str) -> dict[Any, str]:
    if not isinstance(value, dict) or not all(type(item) is str for item in value.values()):
        raise HTTPException(400, f"{name} must be strings")
    return value
