"""AutoRetouch's inner life: who pays, what is on offer, and each execution on its way.

An execution's state follows from the clock whenever somebody asks; nothing runs in between, except that
one with webhooks is waited for.
"""

from __future__ import annotations

import asyncio
import json
import math
import random
import threading
import time
import uuid
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field, fields, replace
from datetime import UTC, datetime
from pathlib import PurePath
from typing import Any, TypeVar

from artui.sim import Books, Charge, imaging
from artui.sim.autoretouch.others import Others
from artui.sim.webhooks import Courier

PROVIDER = "autoretouch"
KEY_LABEL = "artui_job"
USER = "auth0|5f1d7a9c0b2e4f0067a1b2c3"
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
_ENDED = {"COMPLETED", "FAILED", "PAYMENT_REQUIRED"}
_ADDRESS = {"firstName": "Robin", "lastName": "Sample", "email": "robin@example.com"}

_T = TypeVar("_T")


@dataclass(slots=True)
class Options:
    """What can be switched while the stand-in runs; durations in seconds, ``qa`` before the speed.

    ``labels``: kept, dropped, or shown in the details alone. ``ahead``: seconds by which the creation times of what is
    ordered lie in the future. ``others``: how many executions of others each list holds, and ``others_come`` how many
    more of them at each reading; their newest says the ``odd`` things as well.
    """

    rotate_refresh_tokens: bool = False
    token_lifetime: float = 86_400.0
    device_lifetime: float = 900.0
    unknown_status: str = ""
    result_gone: bool = False
    labels: str = "keep"
    charge: str = "start"
    qa: float = 45.0
    ahead: float = 0.0
    others: int = 0
    others_come: int = 0
    odd: dict[str, Any] = field(default_factory=dict)
    retry_shown_after: float = 0.0
    """Seconds for which a retry, taken and charged, is not shown: the execution stands as it stood."""
    retry_fails: bool = False
    """Whether what is retried fails once more."""
    failures_cost: bool = False
    """Whether what fails is charged as well."""
    retry_new_id: bool = False
    """Whether a retry runs under an id of its own, which it answers with."""
    overcharge: int = 0
    """Credits taken for each attempt on top of its price."""
    asides: bool = False
    """Whether executions are in the fast lane, and show a first result while they are checked."""


_CHOICES = {"labels": {"keep", "drop", "details"}, "charge": {"start", "end"}}


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
    ahead: float = 0.0
    is_doomed: bool = False
    stood: dict[str, Any] | None = None
    stands_until: float = 0.0

    @property
    def price(self) -> int:
        """Credits, as of the version it was created with."""
        return self.workflow.prices[self.version]

    @property
    def fails(self) -> bool:
        """Whether the current attempt ends in FAILED."""
        return self.is_doomed or self.attempts <= _FAILURES.get(self.workflow.name, 0)


@dataclass(frozen=True, slots=True)
class Picture:
    """A finished result, kept in the books' folder under its digest."""

    digest: str
    content_type: str
    suffix: str


class Studio:
    """The organizations, workflows and executions, and the pictures made for them."""

    def __init__(
        self,
        books: Books,
        source: random.Random,
        *,
        speed: float,
        credits: int,  # noqa: A002 - the service's own word
        extra_workflows: int,
        courier: Courier,
    ) -> None:
        self.options = Options()
        self._courier = courier
        self._books = books
        self._random = source
        self._speed = speed
        self._workers = ThreadPoolExecutor(2, "artui-sim")
        names = ("Acme Footwear", "Studio North")
        self.organizations = [Organization(self._new_id(), name, self._new_id()) for name in names]
        for organization in self.organizations:
            books.balances[PROVIDER, organization.id] = credits
        offered = _CATALOGUE + [(f"Extra {n:03}", 11, 4, "export") for n in range(1, extra_workflows + 1)]
        self.workflows: dict[str, Workflow] = {}
        for name, price, seconds, recipe in offered:
            components = [{"type": "input", "label": "Input", "settings": {}}, *imaging.RECIPES[recipe]]
            changed = time.time() - source.uniform(1, 90) * 86_400
            workflow = Workflow(self._new_id(), name, components, seconds, {self._new_id(): price}, changed)
            self.workflows[workflow.id] = workflow
        self.executions: dict[str, Execution] = {}
        self._others = Others()
        self._due: list[Execution] = []  # not charged yet, where charges are taken at the end
        self._settling = threading.Lock()
        self._pictures: dict[tuple[str, str], Picture] = {}

    def switch(self, options: Mapping[str, Any]) -> list[str]:
        """Take over any of ``Options``; ``price``: workflow id to new credits, as a new version; ``raise``: the same
        within the version, for what is under way as well."""
        known = {option.name: type(getattr(self.options, option.name)) for option in fields(Options)}
        taken = [name for name in options if name in known or name in {"price", "raise"}]
        for name in taken:
            value = options[name]
            if name in {"price", "raise"}:
                for workflow_id, price in value.items():
                    if workflow_id not in self.workflows or type(price) is not int:
                        raise ValueError(f"not a price for a workflow: {workflow_id}: {price!r}")
                    workflow = self.workflows[workflow_id]
                    workflow.prices[self._new_id() if name == "price" else workflow.version] = price
                    self.workflows[workflow_id].changed = time.time()
                continue
            if known[name] is float and type(value) is int:
                value = float(value)
            if type(value) is not known[name] or (name in _CHOICES and value not in _CHOICES[name]):
                raise ValueError(f"not a value for {name}: {value!r}")
            setattr(self.options, name, value)
        return taken

    def balance(self, owner: Organization) -> int:
        """Return the credits left."""
        self.settle()
        return self._books.balances[PROVIDER, owner.id]

    async def keep(self, content: bytes, owner: Organization) -> str:
        """Take an image in and return its digest; ``imaging.NotAPicture`` if it is none."""
        await self.in_thread(imaging.check, content)
        digest = await self.in_thread(self._books.keep, content)
        owner.images.add(digest)
        return digest

    async def image(self, digest: str, owner: Organization) -> bytes | None:
        """Return an image the owner sent, or any that was made here; None if there is none."""
        made = {picture.digest for picture in self._pictures.values()}
        if digest not in owner.images and (digest not in made or self.options.result_gone):
            return None
        return await self.in_thread(self._books.read, digest)

    def add(
        self,
        workflow: Workflow,
        version: str,
        owner: Organization,
        image: tuple[str, str],
        labels: dict[str, str],
        webhooks: list[str],
    ) -> Execution:
        """Make an execution for ``image``, a name and a digest, and begin it."""
        execution = Execution(
            id=self._new_id(),
            workflow=workflow,
            version=version,
            organization=owner,
            image_name=image[0],
            digest=image[1],
            labels={} if self.options.labels == "drop" else labels,
            key=labels.get(KEY_LABEL),
            webhooks=webhooks,
            seconds=workflow.seconds * self._random.uniform(0.8, 1.2),
            created=time.time(),
            ahead=self.options.ahead,
        )
        self.executions[execution.id] = execution
        self.begin(execution)
        return execution

    def begin(self, execution: Execution) -> None:
        """Start an attempt: it takes its credits now, unless it is going to fail."""
        execution.started = time.time()
        execution.is_funded = self.balance(execution.organization) >= execution.price
        execution.attempts += execution.is_funded
        if execution.is_funded and (self.options.failures_cost or not execution.fails):
            if self.options.charge == "start":
                self._charge(execution)
            else:
                self._due.append(execution)
        if execution.webhooks:
            self._courier.beside(self._notify(execution))

    async def retry(self, execution: Execution) -> Execution:
        """Run a failed or unpaid execution again; returns it, or the one that runs in its place."""
        if self.options.retry_new_id:
            execution = replace(
                execution, id=self._new_id(), created=time.time(), attempts=execution.attempts, charged=0
            )
            self.executions[execution.id] = execution
        elif self.options.retry_shown_after:
            stood = execution.stood if time.time() < execution.stands_until else None
            execution.stood = stood or await self.document(execution)
            execution.stands_until = time.time() + self.options.retry_shown_after
        execution.is_doomed = self.options.retry_fails
        self.begin(execution)
        return execution

    def settle(self) -> None:
        """Charge what has completed, where charges are taken at the end; any thread may call this."""
        with self._settling:
            for execution in [due for due in self._due if self.status(due) == "COMPLETED"]:
                self._due.remove(execution)
                self._charge(execution)

    def status(self, execution: Execution) -> str:
        """Return what it is doing now."""
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

    async def end(self, execution: Execution) -> str:
        """Wait until nothing more happens by itself; return that status."""
        while (status := self.status(execution)) not in _ENDED:  # noqa: ASYNC110 - time decides, no event
            await asyncio.sleep(0.05)
        return status

    async def document(self, execution: Execution) -> dict[str, Any]:
        """Return what the service tells of an execution, its result included once there is one."""
        self.settle()
        if self.options.retry_shown_after and execution.stood and time.time() < execution.stands_until:
            return execution.stood
        status = self.status(execution)
        active = execution.started + _QUEUED / self._speed
        finished = active + self._duration(execution) / self._speed
        first = None
        if self.options.asides and status == "IN_QA":
            shown = _result_fields(execution, await self.picture(execution))
            first = {"path": shown["resultPath"], "contentHash": shown["resultContentHash"]}
        document = {
            "id": execution.id,
            "workflow": execution.workflow.id,
            "workflowVersion": execution.version,
            "workflowName": execution.workflow.name,
            "organizationId": execution.organization.id,
            "status": status,
            "userId": USER,
            "createdAt": _stamp(execution.created + execution.ahead),
            "startedAt": None if status in {"CREATED", "PAYMENT_REQUIRED"} else _stamp(active),
            "finishedAt": _stamp(finished) if status in {"COMPLETED", "FAILED"} else None,
            "inputFileName": execution.image_name,
            "inputContentHash": execution.digest,
            "intermediateResult": first,
            "labels": execution.labels,
            "chargedCredits": execution.charged,
            "feedback": execution.feedback,
            "fastlane": True if self.options.asides else None,
            "webhooks": execution.webhooks,
        }
        picture = await self.picture(execution) if status == "COMPLETED" else None
        return document | _result_fields(execution, picture)

    def listed(self, chosen: Sequence[Execution], workflow: str) -> list[tuple[float, Execution | int]]:
        """What a list of these shows, the newest first: each with its time; of others only their place among them."""
        if not (self.options.others or self.options.others_come):
            return [(one.created, one) for one in chosen]
        self._others.come(workflow, self.options.others_come)
        theirs: list[tuple[float, Execution | int]] = [
            (made, place) for place, made in enumerate(self._others.times(workflow, self.options.others))
        ]
        return sorted([*((one.created, one) for one in chosen), *theirs], key=lambda one: one[0], reverse=True)

    async def entry(self, made: float, shown: Execution | int, workflow: str) -> dict[str, Any]:
        """What the list says of one of its entries."""
        if isinstance(shown, int):
            return self._others.document(workflow, shown, made, self.options.odd)
        document = await self.document(shown)
        return document | ({"labels": {}} if self.options.labels == "details" else {})

    async def picture(self, execution: Execution) -> Picture:
        """Return the result, made when it is first asked for."""
        made_from = execution.digest, execution.workflow.id
        if made_from not in self._pictures:
            self._pictures[made_from] = await self.in_thread(self._render, execution)
        return self._pictures[made_from]

    async def in_thread(self, function: Callable[..., _T], *arguments: object) -> _T:
        """Run what takes long beside the event loop, two at a time."""
        return await asyncio.get_running_loop().run_in_executor(self._workers, function, *arguments)

    def _duration(self, execution: Execution) -> float:
        """Seconds from ACTIVE to the end, before the speed."""
        checked = execution.workflow.name in _CHECKED and not execution.fails
        return execution.seconds + (self.options.qa if checked else 0)

    def _charge(self, execution: Execution) -> None:
        cost = execution.price + self.options.overcharge
        execution.charged += cost
        owner = execution.organization.id
        charge = Charge(
            provider=PROVIDER,
            execution=execution.id,
            workflow=execution.workflow.id,
            key=execution.key,
            digest=execution.digest,
            credits=cost,
            at=time.time(),
        )
        self._books.charge(owner, charge)

    async def _notify(self, execution: Execution) -> None:
        """Tell the webhooks of a completion; no name of another event is known."""
        if await self.end(execution) != "COMPLETED":
            return
        event = {"event": "WORKFLOW_EXECUTION_COMPLETED", "content": await self.document(execution)}
        for url in execution.webhooks:
            await self._courier.carry(url, json.dumps(event).encode())

    def _render(self, execution: Execution) -> Picture:
        source = self._books.read(execution.digest)
        content, target = imaging.render(source, execution.workflow.components)
        return Picture(self._books.keep(content), imaging.FORMATS[target], imaging.SUFFIXES[target])

    def _new_id(self) -> str:
        return str(uuid.UUID(int=self._random.getrandbits(128), version=4))


def _stamp(at: float, digits: str = "milliseconds") -> str:
    return datetime.fromtimestamp(at, UTC).isoformat(timespec=digits).replace("+00:00", "Z")


def organization_document(organization: Organization) -> dict[str, Any]:
    """Return what the service tells of an organization."""
    member = {
        "id": USER,
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


def workflow_document(workflow: Workflow, *, settings: bool) -> dict[str, Any]:
    """Return what the service tells of a workflow, with its components' settings or without."""
    return {
        "id": workflow.id,
        "version": workflow.version,
        "name": workflow.name,
        "date": _stamp(workflow.changed, "microseconds"),
        "author": {"id": USER} | _ADDRESS,
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
