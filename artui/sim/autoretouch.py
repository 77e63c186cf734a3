"""AutoRetouch's stand-in: its login host, organizations, workflows, images, executions and batches.

An execution's state follows from the clock whenever somebody asks; nothing runs in between, except that
one with webhooks is waited for. The caller's own submit key is the label ``artui_job``.
"""

from __future__ import annotations

import asyncio
import base64
import contextlib
import hmac
import json
import math
import random
import re
import time
import urllib.request
import uuid
from collections.abc import Awaitable, Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field, fields
from datetime import UTC, datetime
from html import escape
from http import HTTPStatus
from pathlib import PurePath
from typing import Any, TypeVar

from starlette.applications import Starlette
from starlette.datastructures import UploadFile
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import HTMLResponse, JSONResponse, PlainTextResponse, Response
from starlette.routing import Mount, Route, request_response
from starlette.types import Scope

from artui.sim import Books, Charge, imaging
from artui.sim.faults import Faults, Guarded

CLIENT_ID = "V8EkfbxtBi93cAySTVWAecEum4d6pt4J"
DEVICE_GRANT = "urn:ietf:params:oauth:grant-type:device_code"
KEY_LABEL = "artui_job"

_CATALOGUE = [  # name, credits, seconds of work, recipe
    ("Background Removal", 10, 5, "cut out"),
    ("Background Removal", 14, 6, "on white"),
    ("Ghost Mannequin", 57, 17, "mannequin"),
    ("Shadow + Reflection", 25, 9, "shadow"),
    ("Portrait Skin", 38, 12, "skin"),
    ("Marketplace Square", 18, 6, "square"),
    ("Print Master", 30, 8, "print"),
    ("Export only", 10, 4, "export"),
    ("Human check", 45, 8, "mirror"),
    ("Always fails", 12, 4, "export"),
    ("Fails once", 16, 4, "contrast"),
]
_FAILURES = {"Always fails": math.inf, "Fails once": 1}
_CHECKED = {"Human check"}
_QUEUED = 0.5  # seconds in CREATED, before the speed
_PAGE = 50  # entries on a page, by default and at most
_ENDED = {"COMPLETED", "FAILED", "PAYMENT_REQUIRED"}
_BATCH = ("autoretouch_batch_id", "autoretouch_batch_name", "autoretouch_batch_createdAt")
_ADDRESS = {"firstName": "Robin", "lastName": "Sample", "email": "robin@example.com"}
_USER = "auth0|5f1d7a9c0b2e4f0067a1b2c3"

_T = TypeVar("_T")
_Handler = Callable[[Request], Awaitable[Response]]


@dataclass(slots=True)
class Options:
    """What can be switched while the stand-in runs; durations in seconds, ``qa`` before the speed."""

    rotate_refresh_tokens: bool = False
    token_lifetime: float = 86_400.0
    device_lifetime: float = 900.0
    unknown_status: str = ""
    result_gone: bool = False
    labels: str = "keep"
    charge: str = "start"
    qa: float = 45.0


_CHOICES = {"labels": {"keep", "drop"}, "charge": {"start", "end"}}


@dataclass(slots=True)
class Workflow:
    """A recipe on offer; ``prices`` maps each version to its credits, the current version last."""

    id: str
    name: str
    components: list[dict[str, Any]]
    seconds: float
    prices: dict[str, int]
    changed: float

    @property
    def version(self) -> str:
        """The current version."""
        return next(reversed(self.prices))


@dataclass(slots=True)
class Organization:
    """Who pays, and whose images these are."""

    id: str
    name: str
    version: str
    images: set[str] = field(default_factory=set)


@dataclass(slots=True)
class Execution:
    """One image on its way through one workflow; ``started`` is when its current attempt was asked for."""

    id: str
    workflow: Workflow
    version: str
    organization: Organization
    image_name: str
    digest: str
    labels: dict[str, str]
    key: str | None
    webhooks: list[str]
    seconds: float
    created: float
    started: float = 0.0
    attempts: int = 0
    is_funded: bool = False
    charged: int = 0
    feedback: object = None

    @property
    def price(self) -> int:
        """Credits, as of the version it was created with."""
        return self.workflow.prices[self.version]

    @property
    def fails(self) -> bool:
        """Whether the current attempt ends in FAILED."""
        return self.attempts <= _FAILURES.get(self.workflow.name, 0)


@dataclass(frozen=True, slots=True)
class Picture:
    """A finished result, kept in the books' folder under its digest."""

    digest: str
    content_type: str
    suffix: str


class AutoRetouch:
    """The service; see ``artui.sim.Service`` for what the server asks of it."""

    name = "autoretouch"

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
    ) -> None:
        self.options = Options()
        self._books = books
        self._faults = faults
        self._speed = speed
        self._random = random.Random(seed)  # noqa: S311 - repeatable on purpose
        self._workers = ThreadPoolExecutor(2, "artui-sim")
        self._organizations = [
            Organization(self._new_id(), name, self._new_id()) for name in ("Acme Footwear", "Studio North")
        ]
        for organization in self._organizations:
            books.balances[self.name, organization.id] = credits
        offered = _CATALOGUE + [(f"Extra {n:03}", 11, 4, "export") for n in range(1, extra_workflows + 1)]
        self._workflows = {one.id: one for one in (self._new_workflow(*entry) for entry in offered)}
        self._executions: dict[str, Execution] = {}
        self._due: list[Execution] = []  # not charged yet, where charges are taken at the end
        self._pictures: dict[tuple[str, str], Picture] = {}
        self._notices: set[asyncio.Task[None]] = set()
        self._login = Login(self._random, self.options, self._organizations[0].id, device_interval)

    # What the server asks for.

    @property
    def mounts(self) -> Sequence[Mount]:
        """The API host and the login host."""
        api = Starlette(routes=self._routes(), exception_handlers={HTTPException: _refused})
        login = Starlette(routes=self._login.routes(self._faults))
        return [Mount("/autoretouch-auth", login), Mount("/autoretouch", api)]

    def announce(self, url: str) -> Mapping[str, str]:
        """Return the two addresses, a refresh token that works and the organization selected for it."""
        return {
            "api_url": f"{url}/autoretouch",
            "auth_url": f"{url}/autoretouch-auth",
            "refresh_token": self._login.new_refresh_token(),
            "organization": self._organizations[0].id,
        }

    def switch(self, options: Mapping[str, Any]) -> list[str]:
        """Take over any of ``Options``, and ``price``: workflow id to new credits, as a new version."""
        known = {option.name: type(getattr(self.options, option.name)) for option in fields(Options)}
        taken = [name for name in options if name in known or name == "price"]
        for name in taken:
            value = options[name]
            if name == "price":
                self._change_prices(value)
                continue
            if known[name] is float and type(value) is int:
                value = float(value)
            if type(value) is not known[name] or value not in _CHOICES.get(name, {value}):
                raise ValueError(f"not a value for {name}: {value!r}")
            setattr(self.options, name, value)
        return taken

    def settle(self) -> None:
        """Charge what has completed, where charges are taken at the end."""
        for execution in [due for due in self._due if self._status(due) == "COMPLETED"]:
            self._due.remove(execution)
            self._charge(execution)

    # Organizations and workflows.

    async def organizations(self, request: Request) -> Response:
        """The organizations the user belongs to."""
        return _page(request, [_organization_document(one) for one in self._organizations])

    async def organization(self, request: Request) -> Response:
        """One organization with its members."""
        return JSONResponse(_organization_document(self._find_organization(request.path_params["id"])))

    async def balance(self, request: Request) -> Response:
        """The credits left: a bare integer."""
        self.settle()
        return JSONResponse(self._books.balances[self.name, self._owner(request).id])

    async def workflows(self, request: Request) -> Response:
        """All workflows, without their settings, which only the single view has."""
        return _page(request, [_workflow_document(one, settings=False) for one in self._workflows.values()])

    async def workflow(self, request: Request) -> Response:
        """One workflow with its components' settings."""
        workflow = self._find_workflow(request.path_params["id"])
        return JSONResponse(_workflow_document(workflow, settings=True))

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
                content = await self._in_thread(_fetch, url)
            except (OSError, ValueError) as error:
                raise HTTPException(422, f"cannot fetch {name}") from error
            digests[name] = await self._keep(content, owner)
        return JSONResponse({"urls": digests}, 201)

    async def download(self, request: Request) -> Response:
        """An image by its hash, whether it was sent or made here."""
        digest = request.path_params["digest"]
        made = {picture.digest for picture in self._pictures.values()}
        if digest in self._owner(request).images or (digest in made and not self.options.result_gone):
            return await self._in_thread(self._image_response, digest)
        raise HTTPException(404)

    async def result(self, request: Request) -> Response:
        """Wait for an execution's end and answer with its result."""
        execution = self._find_execution(request)
        if await self._end(execution) != "COMPLETED" or self.options.result_gone:
            raise HTTPException(404)
        picture = await self._picture(execution)
        return await self._in_thread(self._image_response, picture.digest)

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
            labels = _labels_in_query(request)
            image_name, digest = await self._take_file(request, owner)
        else:
            body = await _json(request)
            labels = _strings(body.get("labels") or {}, "labels")
            webhooks = list(_strings(dict(enumerate(body.get("webhooks") or [])), "webhooks").values())
            image = body.get("image")
            if not isinstance(image, dict) or not image.get("name") or not image.get("contentHash"):
                raise HTTPException(400, "image needs name and contentHash")
            image_name, digest = str(image["name"]), str(image["contentHash"])
            if digest not in owner.images:
                raise HTTPException(404, "no such image")
        execution = Execution(
            id=self._new_id(),
            workflow=workflow,
            version=version,
            organization=owner,
            image_name=image_name,
            digest=digest,
            labels=labels if self.options.labels == "keep" else {},
            key=labels.get(KEY_LABEL),
            webhooks=webhooks,
            seconds=workflow.seconds * self._random.uniform(0.8, 1.2),
            created=time.time(),
        )
        self._executions[execution.id] = execution
        self._begin(execution)
        return PlainTextResponse(execution.id, 201)

    async def details(self, request: Request) -> Response:
        """One execution as it stands now."""
        return JSONResponse(await self._execution_document(self._find_execution(request)))

    async def listing(self, request: Request) -> Response:
        """The executions of an organization, of one workflow if it is given; newest first."""
        owner, workflow = self._owner(request), request.query_params.get("workflow")
        chosen = [one for one in self._visible(request, owner) if workflow in {None, one.workflow.id}]
        offset, limit = _window(request)
        entries = [await self._execution_document(one) for one in chosen[offset : offset + limit]]
        return JSONResponse({"entries": entries, "total": len(chosen)})

    async def stream(self, request: Request) -> Response:
        """One event with the status of now, then the end of the stream."""
        status = json.dumps({"status": self._status(self._find_execution(request))})
        return Response(f"event: status\ndata: {status}\n\n", media_type="text/event-stream")

    async def retry(self, request: Request) -> Response:
        """Run a failed or unpaid execution again under its own id."""
        execution = self._find_execution(request)
        if self._status(execution) not in {"FAILED", "PAYMENT_REQUIRED"}:
            raise HTTPException(400, "only a failed or unpaid execution can be retried")
        self._begin(execution)
        return Response(status_code=200)

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
            batch |= {"name": name, "author": _USER, "createdAt": created}
            batch |= {"workflowId": execution.workflow.id, "workflowName": execution.workflow.name}
            batch["executions"] += 1
            batch["price"] += execution.charged
        return _page(request, [*batches.values()])

    # An execution's life.

    def _begin(self, execution: Execution) -> None:
        """Start an attempt: it takes its credits now, unless it is going to fail."""
        execution.started = time.time()
        execution.is_funded = self._books.balances[self.name, execution.organization.id] >= execution.price
        execution.attempts += execution.is_funded
        if execution.is_funded and not execution.fails:
            if self.options.charge == "start":
                self._charge(execution)
            else:
                self._due.append(execution)
        if execution.webhooks:
            notice = asyncio.create_task(self._notify(execution))
            self._notices.add(notice)
            notice.add_done_callback(self._notices.discard)

    def _charge(self, execution: Execution) -> None:
        execution.charged += execution.price
        owner = execution.organization.id
        charge = Charge(
            provider=self.name,
            execution=execution.id,
            workflow=execution.workflow.id,
            key=execution.key,
            digest=execution.digest,
            credits=execution.price,
            at=time.time(),
        )
        self._books.charge(owner, charge)

    def _status(self, execution: Execution) -> str:
        elapsed = (time.time() - execution.started) * self._speed - _QUEUED
        if elapsed < 0:
            return "CREATED"
        if not execution.is_funded:
            return "PAYMENT_REQUIRED"
        if elapsed < execution.seconds:
            return self.options.unknown_status or "ACTIVE"
        if execution.fails:
            return "FAILED"
        return "COMPLETED" if elapsed >= self._duration(execution) else "IN_QA"

    def _duration(self, execution: Execution) -> float:
        """Seconds from ACTIVE to the end, before the speed."""
        checked = execution.workflow.name in _CHECKED and not execution.fails
        return execution.seconds + (self.options.qa if checked else 0)

    async def _end(self, execution: Execution) -> str:
        """Wait until nothing more happens by itself; return that status."""
        while (status := self._status(execution)) not in _ENDED:  # noqa: ASYNC110 - time decides, no event
            await asyncio.sleep(0.05)
        return status

    async def _notify(self, execution: Execution) -> None:
        """Tell the webhooks of a completion; no name of another event is known."""
        if await self._end(execution) != "COMPLETED":
            return
        event = {
            "event": "WORKFLOW_EXECUTION_COMPLETED",
            "content": await self._execution_document(execution),
        }
        for url in execution.webhooks:
            with contextlib.suppress(OSError, ValueError):
                await self._in_thread(_fetch, url, json.dumps(event).encode())

    async def _execution_document(self, execution: Execution) -> dict[str, Any]:
        self.settle()
        status = self._status(execution)
        active = execution.started + _QUEUED / self._speed
        finished = active + self._duration(execution) / self._speed
        document = {
            "id": execution.id,
            "workflow": execution.workflow.id,
            "workflowVersion": execution.version,
            "workflowName": execution.workflow.name,
            "organizationId": execution.organization.id,
            "status": status,
            "userId": _USER,
            "createdAt": _stamp(execution.created),
            "startedAt": None if status in {"CREATED", "PAYMENT_REQUIRED"} else _stamp(active),
            "finishedAt": _stamp(finished) if status in {"COMPLETED", "FAILED"} else None,
            "inputFileName": execution.image_name,
            "inputContentHash": execution.digest,
            "intermediateResult": None,
            "labels": execution.labels,
            "chargedCredits": execution.charged,
            "feedback": execution.feedback,
            "fastlane": None,
            "webhooks": execution.webhooks,
        }
        picture = await self._picture(execution) if status == "COMPLETED" else None
        return document | _result_fields(execution, picture)

    async def _picture(self, execution: Execution) -> Picture:
        """Return the result, made when it is first asked for."""
        made_from = execution.digest, execution.workflow.id
        if made_from not in self._pictures:
            self._pictures[made_from] = await self._in_thread(self._render, execution)
        return self._pictures[made_from]

    def _render(self, execution: Execution) -> Picture:
        source = self._books.read(execution.digest)
        content, target = imaging.render(source, execution.workflow.components)
        return Picture(self._books.keep(content), imaging.FORMATS[target], imaging.SUFFIXES[target])

    # The parts the calls share.

    def _routes(self) -> list[Route]:
        """Each path with and without the version, with and without a slash at its end."""
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
        return routes

    def _signed_in(self, handler: _Handler) -> _Handler:
        async def check(request: Request) -> Response:
            scheme, _, token = request.headers.get("authorization", "").partition(" ")
            if scheme.lower() != "bearer" or not self._login.is_valid(token):
                raise HTTPException(401, "the access token is missing or invalid")
            return await handler(request)

        return check

    def _owner(self, request: Request) -> Organization:
        wanted = request.query_params.get("organization")
        return self._find_organization(wanted) if wanted else self._organizations[0]

    def _find_organization(self, organization_id: str) -> Organization:
        for organization in self._organizations:
            if organization.id == organization_id:
                return organization
        raise HTTPException(404)

    def _find_workflow(self, workflow_id: str) -> Workflow:
        if not workflow_id:
            raise HTTPException(400, "workflow is required")
        if workflow_id not in self._workflows:
            raise HTTPException(404)
        return self._workflows[workflow_id]

    def _find_execution(self, request: Request) -> Execution:
        execution = self._executions.get(request.path_params["id"])
        wanted = request.query_params.get("organization")
        if execution is None or wanted not in {None, "", execution.organization.id}:
            raise HTTPException(404)
        return execution

    def _visible(self, request: Request, owner: Organization) -> Sequence[Execution]:
        """Return the owner's executions, newest first, less those a fault hides."""
        until = getattr(request.state, "hidden_after", math.inf)
        newest_first = reversed(self._executions.values())
        return [one for one in newest_first if one.organization is owner and one.created <= until]

    async def _take_file(self, request: Request, owner: Organization) -> tuple[str, str]:
        """Read a form, keep its file, and return the file's name and digest."""
        async with request.form() as form:
            request.state.form = {name: _without_bytes(value) for name, value in form.multi_items()}
            part = form.get("file")
            if not isinstance(part, UploadFile):
                raise HTTPException(400, "the form has no file")
            return part.filename or "", await self._keep(await part.read(), owner)

    async def _keep(self, content: bytes, owner: Organization) -> str:
        try:
            await self._in_thread(imaging.check, content)
        except imaging.NotAPicture as error:
            raise HTTPException(422, str(error)) from error
        digest = await self._in_thread(self._books.keep, content)
        owner.images.add(digest)
        return digest

    def _image_response(self, digest: str) -> Response:
        content = self._books.read(digest)
        return Response(content, media_type=imaging.content_type(content))

    async def _in_thread(self, function: Callable[..., _T], *arguments: object) -> _T:
        return await asyncio.get_running_loop().run_in_executor(self._workers, function, *arguments)

    def _change_prices(self, prices: Mapping[str, int]) -> None:
        for workflow_id, price in prices.items():
            if workflow_id not in self._workflows or type(price) is not int:
                raise ValueError(f"not a price for a workflow: {workflow_id}: {price!r}")
            self._workflows[workflow_id].prices[self._new_id()] = price
            self._workflows[workflow_id].changed = time.time()

    def _new_workflow(self, name: str, price: int, seconds: float, recipe: str) -> Workflow:
        components = [{"type": "input", "label": "Input", "settings": {}}, *imaging.RECIPES[recipe]]
        changed = time.time() - self._random.uniform(1, 90) * 86_400
        return Workflow(self._new_id(), name, components, seconds, {self._new_id(): price}, changed)

    def _new_id(self) -> str:
        return str(uuid.UUID(int=self._random.getrandbits(128), version=4))


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
        self._interval = interval
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
                "interval": int(self._interval) or self._interval,
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
        if old not in self._refresh_tokens:
            return _login_error(403, "invalid_grant", "unknown or invalid refresh token")
        if not self._options.rotate_refresh_tokens:
            return JSONResponse(self._new_access())
        self._refresh_tokens.discard(old)
        return JSONResponse(self._new_access() | {"refresh_token": self.new_refresh_token()})

    async def revoke(self, request: Request) -> Response:
        """End a refresh token, from JSON or a form; an unknown one is no error."""
        is_json = "json" in request.headers.get("content-type", "")
        body = await _json(request) if is_json else await request.form()
        self._refresh_tokens.discard(str(body.get("token")))
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
            "sub": _USER,
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
    return _login_error(status, error, HTTPStatus(status).phrase)


async def _health(_: Request) -> Response:
    return Response(status_code=200)


def _refusal(scope: Scope, status: int, message: str = "") -> Response:
    """Return the API host's error answer."""
    body = {
        "timestamp": datetime.now(UTC).isoformat(timespec="milliseconds"),
        "status": status,
        "error": HTTPStatus(status).phrase,
        "message": message,
        "path": scope["path"].removeprefix(scope["root_path"]),
    }
    return JSONResponse(body, status)


def _refused(request: Request, error: Exception) -> Response:
    assert isinstance(error, HTTPException)  # noqa: S101 - what it is registered for
    message = "" if error.detail == HTTPStatus(error.status_code).phrase else error.detail
    return _refusal(request.scope, error.status_code, message)


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


def _labels_in_query(request: Request) -> dict[str, str]:
    pairs = ((re.fullmatch(r"labels?\[(.+)\]", key), value) for key, value in request.query_params.multi_items())
    return {match[1]: value for match, value in pairs if match}


def _without_bytes(value: UploadFile | str) -> object:
    if isinstance(value, str):
        return value
    return {"filename": value.filename, "content_type": value.content_type, "size": value.size}


def _fetch(url: str, body: bytes | None = None) -> bytes:
    if not url.startswith(("http://", "https://")):
        raise ValueError(f"not a web address: {url}")
    request = urllib.request.Request(url, body, {"Content-Type": "application/json"} if body else {})  # noqa: S310
    with urllib.request.urlopen(request, timeout=10) as answer:  # noqa: S310 - the scheme is checked above
        content: bytes = answer.read()
        return content


def _stamp(at: float, digits: str = "milliseconds") -> str:
    return datetime.fromtimestamp(at, UTC).isoformat(timespec=digits).replace("+00:00", "Z")


def _organization_document(organization: Organization) -> dict[str, Any]:
    member = {
        "id": _USER,
        "givenName": _ADDRESS["firstName"],
        "familyName": _ADDRESS["lastName"],
        "email": _ADDRESS["email"],
        "picture": "",
        "roles": ["admin", "operator"],
    }
    return {
        "id": organization.id,
        "name": organization.name,
        "version": organization.version,
        "members": [member],
    }


def _workflow_document(workflow: Workflow, *, settings: bool) -> dict[str, Any]:
    return {
        "id": workflow.id,
        "version": workflow.version,
        "name": workflow.name,
        "date": _stamp(workflow.changed, "microseconds"),
        "author": {"id": _USER} | _ADDRESS,
        "workflowComponents": [
            component if settings else component | {"settings": {}} for component in workflow.components
        ],
        "executionPrice": workflow.prices[workflow.version],
    }


def _result_fields(execution: Execution, picture: Picture | None) -> dict[str, Any]:
    name = picture and PurePath(execution.image_name).stem + picture.suffix
    digest = picture and picture.digest
    return {
        "resultContentHash": digest,
        "resultPreviewContentHash": digest,
        "resultContentType": picture and picture.content_type,
        "resultFileName": name,
        "resultPath": picture and f"/image/{digest}/{name}",
    }
