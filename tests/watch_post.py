"""A watched folder for tests: put up beside an engine in this process, or in a process of its own."""

from __future__ import annotations

import asyncio
import datetime as dt
import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from artui.config import Origin, Source
from artui.credentials import Vault
from artui.journal import rules, seen
from artui.journal.rules import RuleState
from artui.providers import open_provider
from artui.sim.photos import noise_jpeg
from artui.watch import service
from artui.watch.folder import WatchEvent, What
from artui.watch.offers import ServiceOffers
from artui.watch.rules import Rule, make_rule
from artui.watch.watcher import Watcher
from tests.studio import Studio

QUIET = 0.1
PATIENCE = 30 * QUIET


def land(aside: Path, place: Path, seed: int = 0, size: int = 20_000) -> Path:
    """Let a whole photo that was made aside land at its place at one stroke, as a rename does."""
    hidden = aside / f"made-{seed}-{time.monotonic_ns()}.jpg"
    noise_jpeg(hidden, size, seed)
    os.utime(hidden, (time.time() - 60,) * 2)
    place.parent.mkdir(parents=True, exist_ok=True)
    return hidden.rename(place)


def written(name: str, folder: Path, output: Path, workflow: str = "Export only", more: str = "") -> str:
    """A rule as it stands in config.toml."""
    return f"""
[[watch]]
name = "{name}"
folder = {json.dumps(str(folder))}
output = {json.dumps(str(output))}
workflow = "{workflow}"
existing = "process"
quiet = {QUIET}
patience = {PATIENCE}
{more}
"""


@dataclass
class Post:
    """A watched folder under observation."""

    studio: Studio
    rule: Rule
    watcher: Watcher
    events: list[WatchEvent]
    stopping: asyncio.Event = field(default_factory=asyncio.Event)
    _running: asyncio.Task[None] | None = None

    def start(self) -> None:
        self._running = asyncio.create_task(self.watcher.run(self.stopping))

    async def stop(self) -> None:
        self.stopping.set()
        if self._running:
            await self._running

    def drop(self, name: str | bytes, seed: int = 0, size: int = 20_000) -> Path:
        """Put a whole photo into the folder."""
        return land(self.studio.folder, self.rule.folder / os.fsdecode(name), seed, size)

    def drop_many(self, number: int, first: int = 0, size: int = 20_000) -> None:
        for seed in range(first, first + number):
            self.drop(f"IMG_{seed:04}.jpg", seed, size)

    @property
    def row(self) -> rules.RuleRow:
        return self.studio.journal.read(rules.row, self.rule.id)

    def told(self, what: What | RuleState) -> list[WatchEvent]:
        return [event for event in self.events if event.what is what]

    def known(self, name: str) -> seen.SeenFile | None:
        return self.studio.journal.read(seen.get, self.rule.id, name)

    async def until(self, holds: Callable[[], Any]) -> Any:
        def also() -> Any:
            if self._running and self._running.done():
                self._running.result()
            return holds()

        try:
            return await self.studio.until(also, 20)
        except AssertionError as vain:
            raise AssertionError(f"{vain}\n{self.row}\n{self.events}") from None

    async def state(self, state: RuleState) -> None:
        def reached() -> bool:
            row = self.studio.journal.read(rules.get, self.rule.id)
            return row is not None and row.state is state

        await self.until(reached)

    async def all_done(self, number: int) -> list[Any]:
        await self.until(lambda: len(self.studio.jobs()) >= number)
        found = await self.studio.at_rest()
        assert len(found) == number, self.studio.places()
        return found


def offers_of(studio: Studio) -> ServiceOffers:
    config, vault = studio.config, Vault(studio.config.paths)
    return ServiceOffers(config, lambda name: open_provider(config, config.accounts[name], vault))


def plain_rule(studio: Studio) -> dict[str, Any]:
    """What a rule of these tests says where a test does not say otherwise."""
    return {
        "folder": str(studio.inbox), "output": str(studio.out), "account": "studio", "existing": "process",
        "workflow": studio.workflows["Background Removal"].id, "quiet": QUIET, "patience": PATIENCE,
    }  # fmt: skip


def rule_for(studio: Studio, **given: Any) -> Rule:
    usual = plain_rule(studio)
    if "workflows" in given:
        del usual["workflow"]
    return make_rule(studio.config, {**usual, **given}, Source(Origin.FLAG))


def post_at(studio: Studio, **given: Any) -> Post:
    rule, events = rule_for(studio, **given), []
    watcher = Watcher(studio.journal, [rule], offers_of(studio), dt.UTC, events.append)
    return Post(studio, rule, watcher, events)


@asynccontextmanager
async def watching(studio: Studio, *, engine: bool = True, **given: Any) -> AsyncIterator[Post]:
    post = post_at(studio, **given)
    if engine and studio.engine is None:
        await studio.start()
        assert studio.engine is not None
    if studio.engine is not None:
        studio.engine.handlers.update(service.handlers(post.watcher, lambda: None))
    post.start()
    try:
        await post.state(RuleState.WATCHING)
        yield post
    finally:
        await post.stop()


def counted(studio: Studio, where: str = "1", table: str = "jobs") -> int:
    """How many jobs there are of a kind, or what else is asked; quick where they are many."""
    asked = f"SELECT COUNT(*) FROM {table} WHERE {where}"
    return int(studio.journal.read(lambda db: db.execute(asked).fetchone()[0]))


class Process:
    """An engine that watches the inbox, in a process of its own; what ``how`` may say stands in ``watch_process``."""

    def __init__(self, studio: Studio, how: Mapping[str, Any] | None = None, **given: Any) -> None:
        rule = {**plain_rule(studio), "after": "move", "caps": {"day": 10**7}, **given}
        command = [sys.executable, "-m", "tests.watch_process", json.dumps(rule), json.dumps(dict(how or {}))]
        self._child = subprocess.Popen(command)
        self.studio = studio

    @property
    def memory(self) -> int:
        """What it holds in memory, in bytes."""
        return int(Path(f"/proc/{self._child.pid}/statm").read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE")

    @property
    def descriptors(self) -> int:
        """How many descriptors it has open that are no connection."""
        links = []
        for descriptor in Path(f"/proc/{self._child.pid}/fd").iterdir():
            with suppress(FileNotFoundError):
                links.append(str(descriptor.readlink()))
        return sum(not link.startswith("socket:") for link in links)

    def send(self, number: int) -> None:
        assert self._child.poll() is None, "it has ended by itself"
        self._child.send_signal(number)

    async def end(self, number: int = signal.SIGKILL) -> None:
        self.send(number)
        await self.studio.until(lambda: self._child.poll() is not None)
