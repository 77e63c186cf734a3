"""A whole studio for tests: the stand-in, an account that is signed in, a journal, and an engine in this process."""

from __future__ import annotations

import asyncio
import os
import ssl
import time
from collections.abc import AsyncIterator, Callable, Iterable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import httpx

from artui import files
from artui.config import Config, load, paths, write_private
from artui.credentials import Vault
from artui.engine.anchor import open_journal
from artui.engine.client import ensure_running
from artui.engine.lock import EngineLock, lock_is_held
from artui.engine.supervisor import Supervisor
from artui.journal import Journal, jobs, requests
from artui.model.job import Batch, Job, NewJob
from artui.model.states import Status
from artui.providers import open_provider
from artui.providers.base import Identity, Workflow
from artui.sim.photos import noise_jpeg
from artui.sim.server import Simulator
from tests.proof import invariants
from tests.proof.evidence import Evidence, digest_of, snapshot

ACCOUNT = """
[accounts.studio]
provider = "autoretouch"
api_url = "{api_url}"
auth_url = "{auth_url}"
organization = "{organization}"
settle = {settle}
first_look = 0.1
qa_look = 0.2
{more}
"""

PATIENCE = 40.0

NOBODY = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
"""Whom a client trusts that speaks no TLS: reading the usual authorities takes 20 ms."""
ASKING = httpx.Client(verify=NOBODY, trust_env=False, limits=httpx.Limits(max_keepalive_connections=0))
"""Asks stand-ins."""


KEYS = {"autoretouch": "refresh_token", "retouch4me": "token", "filestack": "secret"}
"""What the stand-in calls the secret of each service."""


def configure(
    simulator: Simulator, monkeypatch: Any, *, settle: float = 0.3, more: str = "", service: str = "autoretouch",
    account: str = ACCOUNT,
) -> Config:  # fmt: skip
    """Write a config.toml for the stand-in and put its token into the environment.

    ``account`` is the text of the account ``studio``, filled with what the stand-in says of ``service``.
    """
    given = simulator.announcement()[service]
    where = paths()
    where.create()
    write_private(where.config_file, account.format(**given, settle=settle, more=more).encode())
    monkeypatch.setenv("ARTUI_STUDIO_TOKEN", given[KEYS[service]])
    return load()


@dataclass
class Studio:
    """What a test holds in its hands; ``inbox`` and ``out`` are folders of its own."""

    simulator: Simulator
    config: Config
    journal: Journal
    folder: Path
    identity: Identity
    workflows: dict[str, Workflow]
    engine: Supervisor | None = None
    _running: asyncio.Task[None] | None = None
    _lock: EngineLock | None = None
    _names: set[str] = field(default_factory=set)
    _sources: dict[Path, str] = field(default_factory=dict)
    _before: dict[Path, str] = field(default_factory=dict)

    @property
    def inbox(self) -> Path:
        return self.folder / "in"

    @property
    def out(self) -> Path:
        return self.folder / "out"

    def photos(self, number: int, size: int = 20_000) -> list[Path]:
        """Make so many different photos."""
        self.inbox.mkdir(parents=True, exist_ok=True)
        made = []
        for index in range(number):
            path = self.inbox / f"IMG_{len(self._names) + index:04}.jpg"
            noise_jpeg(path, size, seed=len(self._names) + index)
            made.append(path)
        self._names |= {path.name for path in made}
        return made

    def new_job(self, photo: Path, workflow: str = "Background Removal", **given: Any) -> NewJob:
        """A job for one photo as ``submit`` would make it."""
        recipe = self.workflows[workflow]
        stamp = files.stamp(photo)
        stem = given.pop("stem", photo.stem)
        folder = given.pop("folder", self.out)
        plain: dict[str, Any] = {
            "account": "studio", "provider": "autoretouch", "endpoint": self.identity.endpoint,
            "organization": self.identity.organization.id, "payer": self.identity.payer, "workflow": recipe.id,
            "workflow_name": recipe.name, "version": recipe.version, "quoted": recipe.price, "source": photo,
            "size": stamp.size, "mtime_ns": stamp.mtime_ns, "inode": stamp.inode, "device": stamp.device,
            "folder": folder, "stem": stem, "stem_key": files.stem_key(folder, stem),
            "run": f"{photo.parent}|{recipe.id}",
        }  # fmt: skip
        return NewJob(**{**plain, **given})

    async def add(self, photos: Iterable[Path], *, batch: Batch | None = None, **given: Any) -> list[int]:
        """Queue photos; returns the jobs' numbers."""
        if batch:
            given["batch"] = batch.id
        photos = list(photos)
        self._sources |= {photo: digest_of(photo) for photo in photos if photo.is_file()}
        self._before |= snapshot(given.get("folder", self.out))
        return await self.journal.write_async(jobs.add, batch, [self.new_job(photo, **given) for photo in photos])

    async def start(self) -> None:
        """Start an engine on the journal, as the background process does."""
        self._lock = EngineLock(self.config.paths)
        generation = await self.journal.write_async(requests.engine_starts, os.getpid(), "test", "background", "test")
        self.engine = Supervisor(self.config.paths, self.journal, generation, self._lock.still_ours, load)
        self._running = asyncio.create_task(self.engine.run())

    async def stop(self) -> None:
        """End the engine in order."""
        if self.engine and self._running and self._lock:
            self.engine.stop()
            await self._running
            self._lock.release()
            self.engine = self._running = self._lock = None

    async def spawn(self) -> int:
        """Have an engine run in a process of its own; returns its pid."""
        alive = await asyncio.to_thread(ensure_running, self.config.paths, self.journal)
        assert alive.row.pid
        return alive.row.pid

    async def end_process(self) -> None:
        """End that process in order and wait until its lock is free."""
        if lock_is_held(self.config.paths):
            await self.journal.write_async(requests.enqueue, "stop")
            await self.until(lambda: not lock_is_held(self.config.paths))

    async def until(self, holds: Callable[[], Any], patience: float = PATIENCE) -> Any:
        """Wait until a condition holds; fails with what the jobs are then."""
        deadline = time.monotonic() + patience
        while not (found := holds()):
            if self._running and self._running.done():
                self._running.result()
            if time.monotonic() > deadline:
                raise AssertionError(f"waited {patience:g} s in vain: {self.places()}")
            await asyncio.sleep(0.02)
        return found

    async def at_rest(self, patience: float = PATIENCE) -> list[Job]:
        """Wait until nothing moves by itself any more; returns all jobs."""
        moving = {Status.READY, Status.RUNNING, Status.WAITING}
        await self.until(lambda: not any(job.status in moving for job in self.jobs()), patience)
        return self.jobs()

    async def ask(self, what: str, job: int | None = None, **arguments: Any) -> requests.Reply:
        """Leave a request and wait for its outcome."""
        seen = self.journal.read(jobs.get, job) if job else None
        number = await self.journal.write_async(requests.enqueue, what, seen, **arguments)
        outcome: requests.Reply = await self.until(lambda: self.journal.read(requests.outcome, number))
        return outcome

    def jobs(self) -> list[Job]:
        return self.journal.read(jobs.select, "1 ORDER BY id")

    def job(self, number: int) -> Job:
        found = self.journal.read(jobs.get, number)
        assert found is not None
        return found

    def places(self) -> list[tuple[Any, ...]]:
        return [(job.id, str(job.stage), str(job.status), job.reason, job.message) for job in self.jobs()][:20]

    def fault(self, route: str, do: str, *, after: int = 0, times: int = 1) -> None:
        """Break a route of the stand-in."""
        fault = {"route": f"autoretouch.{route}", "do": do, "after": after, "times": times}
        ASKING.post(f"{self.simulator.url}/_sim/faults", json=[fault]).raise_for_status()

    def credits(self, **change: int) -> None:
        """``set`` or ``add`` credits at the stand-in."""
        answer = ASKING.post(f"{self.simulator.url}/_sim/credits", json={"provider": "autoretouch", **change})
        answer.raise_for_status()

    def revoke(self) -> dict[str, Any]:
        """Revoke the account's sign-in at the service; returns what a new one needs."""
        given: dict[str, Any] = self.simulator.announcement()["autoretouch"]
        body = {"client_id": "any", "token": os.environ["ARTUI_STUDIO_TOKEN"]}
        ASKING.post(f"{given['auth_url']}/oauth/revoke", json=body).raise_for_status()
        return given

    def mend(self) -> None:
        """Take all faults away."""
        ASKING.delete(f"{self.simulator.url}/_sim/faults").raise_for_status()

    def requests_to(self, route_end: str) -> int:
        """How many requests the stand-in saw whose path ends so."""
        return sum(request["path"].endswith(route_end) for request in self.simulator.history)

    def check(self, *, clocks_agree: bool = True) -> None:
        """What must hold after every run: nothing paid twice, nothing paid and lost, and every other invariant.

        ``clocks_agree``: whether the engine had the stand-in's clock.
        """
        invariants.check(self.evidence(clocks_agree=clocks_agree))

    def evidence(self, *, clocks_agree: bool = True) -> Evidence:
        """What can be known of the run so far."""
        accounts = self.config.accounts
        return Evidence(
            charges=self.simulator.ledger,
            requests=self.simulator.history,
            journal=self.journal,
            caps={name: account.caps for name, account in accounts.items()},
            settle={name: float(account.settings.get("settle", 0.0)) for name, account in accounts.items()},
            sources=self._sources,
            before=self._before,
            spool=self.config.paths.spool,
            engine_lives=self.engine is not None or lock_is_held(self.config.paths),
            clocks_agree=clocks_agree,
            log=log.read_text("utf-8", "replace") if (log := self.config.paths.log).is_file() else "",
        )


@asynccontextmanager
async def open_studio(simulator: Simulator, monkeypatch: Any, folder: Path, **account: Any) -> AsyncIterator[Studio]:
    """A studio at a running stand-in (``account`` as for :func:`configure`); its engine, where one runs, is ended."""
    config = configure(simulator, monkeypatch, **account)
    async with open_provider(config, config.accounts["studio"], Vault(config.paths)) as provider:
        identity = await provider.identify()
        # Two recipes share a name: the cheaper one is meant.
        dearest_first = sorted(await provider.workflows(), key=lambda workflow: -(workflow.price or 0))
        workflows = {workflow.name: workflow for workflow in dearest_first}
    with open_journal(config.paths) as journal:
        studio = Studio(simulator, config, journal, folder, identity, workflows)
        try:
            yield studio
        finally:
            await studio.stop()
            await studio.end_process()
