"""A desk for tests: an account at a stand-in, photos, and commands as a person types them, run in this process."""

from __future__ import annotations

import json
import os
import signal
import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from artui.cli import run
from artui.config import paths
from artui.engine.lock import lock_is_held
from artui.sim.photos import noise_jpeg
from artui.sim.server import Simulator
from tests.documents import check
from tests.studio import ASKING, configure
from tests.waiting import until


@dataclass(frozen=True)
class Said:
    """What a command printed, and how it ended."""

    code: int
    out: str
    err: str

    @property
    def json(self) -> Any:
        """The one JSON document on stdout."""
        return json.loads(self.out)

    @property
    def lines(self) -> list[dict[str, Any]]:
        """The JSON lines on stdout."""
        return [json.loads(line) for line in self.out.splitlines()]


@dataclass
class Desk:
    """Runs commands against a stand-in; ``inbox`` and ``out`` are folders of this test."""

    simulator: Simulator
    folder: Path
    capsys: pytest.CaptureFixture[str]
    monkeypatch: pytest.MonkeyPatch

    def __call__(self, *arguments: str | Path) -> Said:
        """Run ``artui`` with these arguments."""
        self.capsys.readouterr()
        code = run([os.fspath(argument) for argument in arguments])
        printed = self.capsys.readouterr()
        if "--json" in arguments:
            check([os.fspath(argument) for argument in arguments], printed.out)
        return Said(code, printed.out, printed.err)

    @property
    def inbox(self) -> Path:
        return self.folder / "in"

    @property
    def out(self) -> Path:
        return self.folder / "out"

    def photo(self, name: str | bytes = "boot.jpg", seed: int = 0) -> Path:
        """A whole photo in the inbox; another seed is another content."""
        path = self.inbox / os.fsdecode(name)
        path.parent.mkdir(parents=True, exist_ok=True)
        noise_jpeg(path, 20_000, seed)
        return path

    def send(self, *more: str | Path, workflow: str = "Export only") -> Said:
        """Submit the inbox and wait."""
        return self("submit", self.inbox, "-w", workflow, "-o", self.out, "--yes", "--wait", *more)

    def configure(self, *, settle: float = 0.3, more: str = "") -> None:
        """Set the account up anew, with more lines in its table."""
        configure(self.simulator, self.monkeypatch, settle=settle, more=more)

    def control(self, path: str, **values: Any) -> None:
        """Turn a switch of the stand-in."""
        ASKING.post(f"{self.simulator.url}/_sim/{path}", json=values).raise_for_status()

    def workflow(self, name: str) -> dict[str, Any]:
        """A workflow as the command lists it."""
        return next(one for one in self("workflows", "--json").json if one["name"] == name)

    def jobs(self) -> list[dict[str, Any]]:
        """All jobs as the command lists them."""
        found: list[dict[str, Any]] = self("jobs", "--json").json
        return found

    def until(self, condition: Callable[[], Any]) -> Any:
        """Wait until something is so; fails with what the jobs are then."""
        return until(condition, told=self.jobs)

    def close(self) -> None:
        """End the engine that a command may have started."""
        where = paths()
        while lock_is_held(where):
            # Between taking the lock and writing its number into it the engine's file is empty.
            with suppress(ValueError, IndexError, ProcessLookupError):
                os.kill(int(where.lock.read_text().split()[0]), signal.SIGTERM)
            time.sleep(0.05)


def desks(
    simulator: Simulator, tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> Iterator[Desk]:
    """What a fixture ``desk`` gives."""
    simulator.faults.clear()
    desk = Desk(simulator, tmp_path, capsys, monkeypatch)
    desk.configure()
    desk.control("credits", provider="autoretouch", set=5000)
    yield desk
    desk.close()
