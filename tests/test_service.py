"""The watching engine as a service: its signs of life, and that nothing beside the engine fails unnoticed."""

from __future__ import annotations

import asyncio
import os
import threading
import time
from collections.abc import AsyncIterator, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from artui.config import load, paths
from artui.engine.anchor import open_journal
from artui.engine.lock import EngineLock
from artui.engine.supervisor import Supervisor
from artui.journal import Journal, requests
from artui.watch import service
from artui.watch.service import Service
from artui.watch.systemd import Manager
from tests.waiting import eventually


class Quiet:
    """Tells nobody."""

    def __getattr__(self, name: str) -> Any:
        return lambda *_: None


@dataclass
class Guard:
    """A service manager that counts signs of life."""

    patience: float | None = 0.05
    signs: int = 0
    told: list[str] = field(default_factory=list)

    def alive(self) -> None:
        self.signs += 1

    def __getattr__(self, name: str) -> Any:
        return lambda *_: self.told.append(name)


@dataclass
class FakeWatcher:
    """Runs until the engine stops, or fails."""

    turned_at: float = field(default_factory=time.monotonic)
    failure: Exception | None = None

    async def run(self, stopping: asyncio.Event) -> None:
        if self.failure:
            raise self.failure
        await stopping.wait()

    def look_now(self, wanted: str) -> str:
        return ""


@pytest.fixture
def journal() -> Iterator[Journal]:
    with open_journal(paths()) as journal:
        yield journal


@pytest.fixture
async def engine(journal: Journal) -> AsyncIterator[Supervisor]:
    lock = EngineLock(paths())
    generation = await journal.write_async(requests.engine_starts, os.getpid(), "test", "watch", "test")
    yield Supervisor(paths(), journal, generation, lock.still_ours, lambda: load(paths()))
    lock.release()


def serving(watcher: FakeWatcher, guard: Guard) -> Service:
    return Service(lambda _: watcher, list, lambda _: "all is well", Quiet(), guard)  # type: ignore[arg-type]


async def test_it_gives_signs_of_life_while_the_watcher_turns(engine: Supervisor) -> None:
    watcher, guard = FakeWatcher(), Guard()
    running = asyncio.create_task(serving(watcher, guard).run(engine))
    await eventually(lambda: guard.signs > 2)
    watcher.turned_at = time.monotonic() - service.TURNED_WITHIN - 1
    seen = guard.signs
    await asyncio.sleep(0.2)
    assert guard.signs <= seen + 1, "a watcher that hangs is for the service manager to end"
    engine.stop()
    await running
    assert guard.told[-1] == "stopping"
    assert "ready" in guard.told


async def test_a_journal_that_does_not_answer_is_no_life(engine: Supervisor) -> None:
    guard = Guard()
    running = asyncio.create_task(serving(FakeWatcher(), guard).run(engine))
    await eventually(lambda: guard.signs > 2)
    gate = threading.Event()
    stuck = asyncio.create_task(engine.journal.write_async(lambda _: gate.wait(20)))
    await asyncio.sleep(0.05)
    seen = guard.signs
    await asyncio.sleep(0.2)
    assert guard.signs <= seen + 1
    gate.set()
    await stuck
    await eventually(lambda: guard.signs > seen + 1)
    engine.stop()
    await running


async def test_a_watcher_that_fails_ends_the_engine_in_order_and_is_heard_of(engine: Supervisor) -> None:
    watcher = FakeWatcher(failure=RuntimeError("defect"))
    with pytest.raises(RuntimeError, match="defect"):
        await serving(watcher, Guard()).run(engine)
    assert engine.journal.read(requests.engine).state == "ended"


def test_a_manager_that_is_gone_holds_nothing_up(tmp_path: Path) -> None:
    Manager(str(tmp_path / "nobody")).ready()
    Manager("@artui nobody").alive()
    assert Manager.of({}).patience is None
    assert Manager.of({"WATCHDOG_USEC": "2000000", "WATCHDOG_PID": str(os.getpid())}).patience == 2
    assert Manager.of({"WATCHDOG_USEC": "2000000", "WATCHDOG_PID": "1"}).patience is None
