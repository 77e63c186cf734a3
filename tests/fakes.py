"""A service in memory, for what no stand-in shows: each paid call goes as a test says, and what was asked is kept."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, cast

import pytest

from artui import files
from artui.config import Config, load, paths
from artui.engine import supervisor
from artui.engine.anchor import open_journal
from artui.model.capabilities import Capabilities
from artui.model.job import NewJob
from artui.providers.base import (
    Counted,
    ExecutionRef,
    ExecutionStatus,
    Identity,
    Limits,
    Organization,
    Output,
    PaidRequest,
    Permit,
    Provider,
    ProviderDeps,
    Settings,
    State,
    Transient,
    Unknown,
    Uploaded,
    Workflow,
)
from tests.studio import Studio

PICTURE = b"\xff\xd8\xff\xe0\0\x14a retouched picture" + b"\xff\xda\0\2scan\xff\xd9"
"""A whole JPEG, by its structure."""
JPEG = frozenset({"image/jpeg"})
RECIPE = Workflow("recipe", "v1", "Recipe", 1)


@dataclass
class Service:
    """What an account is served by; each paid call takes the next word of ``calls``, the rest go well.

    ``ok``; ``lost``: carried out, but its answer is lost; ``never``: not carried out, and nobody can tell; an exception
    is raised; a number is waited. ``results`` gives each execution's outputs, ``files`` the bytes by locator.
    """

    limits: Limits = field(default_factory=lambda: Limits(files.Accepts(JPEG), in_flight=10, least_gap=0.05))
    calls: list[str | Exception | float] = field(default_factory=list)
    sent: list[tuple[str, str]] = field(default_factory=list)
    """Every paid request that left: its draft, and the digest of its photo."""
    charged: dict[str, str] = field(default_factory=dict)
    uploads: list[str] = field(default_factory=list)
    downloads: list[str] = field(default_factory=list)
    outputs: Sequence[Output] = (Output("picture"),)
    files: dict[str, bytes] = field(default_factory=lambda: {"picture": PICTURE})
    state: State = State.DONE
    expires_in: Callable[[str], float | None] = lambda execution: None
    deadline: float | None = None
    looks: int = 0
    left: int | None = None
    clock: float | None = None
    hangs: bool = False


class Fake(Provider[Settings]):
    """One account at a :class:`Service`."""

    name = "autoretouch"
    capabilities = Capabilities("Fake", Limits(files.Accepts(JPEG), in_flight=10))
    Settings = Settings

    def __init__(self, service: Service, settings: Settings, deps: ProviderDeps) -> None:
        super().__init__(settings, deps)
        self.service = service
        self.limits = service.limits

    async def close(self) -> None:
        pass

    async def _answering(self) -> None:
        if self.service.hangs:
            await asyncio.sleep(3600)

    @property
    def endpoint(self) -> str:
        return "memory:"

    @property
    def service_time(self) -> float | None:
        return self.service.clock

    async def identify(self) -> Identity:
        return await self.who_pays()

    async def who_pays(self) -> Identity:
        return Identity(f"fake {self.deps.account}", self.endpoint, Organization("org", "Org"))

    async def workflows(self) -> list[Workflow]:
        await self._answering()
        return [RECIPE]

    async def workflow(self, workflow_id: str) -> Workflow:
        await self._answering()
        return RECIPE

    async def balance(self) -> int | None:
        await self._answering()
        return self.service.left

    async def upload(self, photo: files.Photo, name: str, counted: Counted, tag: str = "") -> Uploaded:
        await self._answering()
        self.service.uploads.append(name)
        return Uploaded(f"upload {len(self.service.uploads)}")

    async def fetch_address(self, address: str) -> Uploaded:
        self.service.uploads.append(address)
        return Uploaded(f"upload {len(self.service.uploads)}")

    def deadline(self, workflow: str) -> float | None:
        return self.service.deadline

    def draft(self, order: PaidRequest) -> str:
        return json.dumps({"key": order.key, "reference": order.uploaded.reference, "recipe": order.parameters})

    async def submit(self, draft: str, photo: files.Photo, permit: Permit, counted: Counted) -> str:
        word = self.service.calls.pop(0) if self.service.calls else "ok"
        if isinstance(word, float):
            await asyncio.sleep(word)
        if word == "no route":
            raise Transient("no connection", reached=False)
        await permit((await self.who_pays()).payer)
        if photo.stamp.size:
            b"".join(files.Sending(photo))
        self.service.sent.append((draft, photo.digest))
        if isinstance(word, Exception):
            raise word
        if word == "never":
            raise Unknown("the line broke")
        execution = self.service.charged.setdefault(json.loads(draft)["key"], f"run-{len(self.service.charged)}")
        if word == "lost":
            raise Unknown("the line broke")
        return execution

    async def poll(self, sent: Sequence[ExecutionRef]) -> dict[str, ExecutionStatus]:
        await self._answering()
        service = self.service
        service.looks += 1
        return {
            one.execution: ExecutionStatus(
                one.execution, service.state, str(service.state), charged=1, outputs=tuple(service.outputs),
                expires_in=service.expires_in(one.execution),
            )
            for one in sent
        }  # fmt: skip

    async def download(self, output: Output, execution: str, part: files.Part, counted: Counted) -> None:
        self.service.downloads.append(execution)
        part.write(self.service.files[output.locator])


@dataclass
class Bench:
    """A studio whose accounts are served from memory, by name."""

    studio: Studio
    services: dict[str, Service]

    def job(self, photo: Path, account: str = "north", **given: Any) -> NewJob:
        """A job for a photo, as ``submit`` would make it."""
        plain = {"account": account, "endpoint": "memory:", "organization": "org", "payer": f"fake {account}"}
        return self.studio.new_job(photo, "Recipe", **{**plain, **given})


@asynccontextmanager
async def bench(
    folder: Path, monkeypatch: pytest.MonkeyPatch, settle: float = 0.1, **services: Service
) -> AsyncIterator[Bench]:
    """A journal and an engine to be started, with an account for each service."""
    where = paths()
    where.create()
    where.config_file.write_text("".join(f'[accounts.{name}]\nprovider = "autoretouch"\n' for name in services))
    settings = Settings(settle=settle, first_look=0.05, qa_look=0.1)

    def opened(config: Config, account: Any, vault: Any) -> Fake:
        return Fake(services[account.name], settings, ProviderDeps(account.name, vault))

    monkeypatch.setattr(supervisor, "open_provider", opened)
    config = load()
    with open_journal(config.paths) as journal:
        identity = Identity("fake", "memory:", Organization("org", "Org"))
        studio = Studio(cast(Any, None), config, journal, folder, identity, {"Recipe": RECIPE})
        try:
            yield Bench(studio, services)
        finally:
            await studio.stop()


def limits(**given: Any) -> Limits:
    """The limits of a fake service, with what a test is about."""
    return replace(Service().limits, **given)
