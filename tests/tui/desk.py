"""A desk for tests: a journal of its own with made-up jobs, and a console over it that keys are pressed in."""

from __future__ import annotations

import io
import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import rich.console
from textual import events
from textual.pilot import Pilot

from artui.config import load, paths
from artui.engine.anchor import open_journal
from artui.engine.client import EngineStatus
from artui.journal import Connection, jobs, purchases, requests
from artui.journal.requests import EngineRow
from artui.model.job import Batch, Job
from artui.model.states import Kind
from artui.tui.above import Dialog
from artui.tui.app import Console
from artui.tui.job_table import JobTable
from artui.tui.jobs import Jobs
from tests.samples import new_job
from tests.waiting import PATIENCE, eventually

FAILED = {"stage": "submitted", "status": "failed", "reason": "failed at the service", "message": "Processing error"}
CUT = {"stage": "new", "status": "failed", "reason": "cut off", "message": "the end of the JPEG is missing"}
DOUBT = {"stage": "submitting", "status": "held", "reason": "in doubt", "message": "the line broke after sending"}
SENT = {"stage": "submitted", "status": "waiting", "reason": "at the service", "due": 1e12}
QA = {"stage": "submitted", "status": "waiting", "reason": "in QA", "due": 1e12}
UPLOADING = {"stage": "checked", "status": "running"}
SAVED = {"stage": "saved", "status": "done", "charged": 10}
CANCELLED = {"stage": "new", "status": "cancelled"}
QUEUED: dict[str, Any] = {}


def place(db: Connection, number: int, **columns: Any) -> None:
    """Put a job somewhere without the moves that lead there; what was sent gets a purchase."""
    if columns.get("status") in ("failed", "done", "cancelled", "skipped"):
        columns.setdefault("finished_at", time.time())
    bought = columns.get("stage") in ("submitting", "submitted", "processed", "saved") and "purchase" not in columns
    if bought:
        columns |= {"purchase": 1, "buys": 1, "digest": f"{number:064x}"}
        columns.setdefault("execution", "" if columns["stage"] == "submitting" else f"4f49c2b1-{number}")
    if columns:
        names = ", ".join(f"{name} = ?" for name in columns)
        db.execute(f"UPDATE jobs SET {names} WHERE id = ?", (*columns.values(), number))
    if bought:
        job = jobs.get(db, number)
        assert job
        key = f"key-{number}"
        purchases.intend(
            db, job, key=key, number=1, kind=Kind.CREATE, draft="", reserved=10, mark="", day=_day(), month=_day()[:7]
        )
        if columns["execution"]:
            purchases.record_execution(db, key, columns["execution"])
        if columns.get("charged") is not None:
            purchases.record_charge(db, jobs.get(db, number), columns["charged"])
        db.execute("UPDATE engine SET intents = 0")  # there is no anchor, for no engine sent anything


def _day() -> str:
    return time.strftime("%Y-%m-%d", time.localtime(time.time()))


def fill(*states: dict[str, Any], batch: str = "aw26", names: str = "boots/IMG_{:04}.jpg") -> list[int]:
    """Jobs in these states, in one batch; returns their numbers, which are in the order of their names."""
    with open_journal(paths()) as journal:
        made = Batch(f"id-{batch}", batch, "studio", time.time())
        plain = [new_job(source=Path("/photos", names.format(i)), batch=made.id) for i in range(len(states))]

        def write(db: Connection) -> list[int]:
            numbers = jobs.add(db, made, plain)
            for number, state in zip(numbers, states, strict=True):
                place(db, number, **state)
            return numbers

        return journal.write(write)


@dataclass
class Desk:
    """A console at work, and what a test does with it."""

    console: Console
    pilot: Pilot[None]

    @property
    def table(self) -> JobTable:
        return self.place.table

    @property
    def place(self) -> Jobs:
        place = self.console.place
        assert isinstance(place, Jobs)
        return place

    async def press(self, *keys: str) -> None:
        """Press these keys, reading each dialog first."""
        for key in keys:
            await self.read()
            await self.pilot.press(key)

    async def read(self) -> None:
        """Wait until a dialog in front, if there is one, takes keys."""
        await self.until(lambda: not isinstance(self.console.screen, Dialog) or self.console.screen.is_read)

    async def burst(self, *keys: str) -> None:
        """Press these keys as they come in one piece, nothing done or read between them."""
        for key in keys:
            self.console.post_message(events.Key(key, key if len(key) == 1 else None))
        await self.pilot.pause()

    async def until(self, holds: Callable[[], Any], patience: float = PATIENCE) -> Any:
        """Wait until a condition holds; fails with what the screen shows then."""
        return await eventually(holds, patience, told=lambda: "the screen shows\n" + "\n".join(self.lines()))

    async def sees(self, *texts: str) -> None:
        """Wait until all of this is on the screen."""
        await self.until(lambda: all(text in "\n".join(self.lines()) for text in texts))

    def lines(self) -> list[str]:
        """What the terminal shows, line by line."""
        return lines(self.console)

    def write(self, act: Callable[..., Any], *args: Any, **kwargs: Any) -> Any:
        """Write to the journal as another process would."""
        return self.console.journal.write(act, *args, **kwargs)

    def job(self, number: int) -> Job:
        found = self.console.journal.read(jobs.get, number)
        assert found is not None
        return found

    def pretend_engine(self, mode: str = "background") -> None:
        """Let the console believe that an engine runs, or with ``watch`` that `artui watch` does."""
        row = EngineRow(1, 1, "here", mode, time.time(), None, "running", "test")
        self.console.view._engine = lambda *_, **__: EngineStatus(row, stale=False)  # type: ignore[method-assign]

    def requests(self) -> list[tuple[str, int | None]]:
        """What was asked of the engine and is not answered yet."""
        return [(request.what, request.job) for request in self.console.journal.read(requests.pending)]


@asynccontextmanager
async def at_desk(size: tuple[int, int] = (80, 24), **given: Any) -> AsyncIterator[Desk]:
    """A console that has read its journal; it starts no engine."""
    where = paths()
    console = Console(where, load(where), ascii=True, **given)

    async def no_engine() -> None:
        console.engines_wanted = getattr(console, "engines_wanted", 0) + 1  # type: ignore[attr-defined]

    console.start_engine = no_engine  # type: ignore[method-assign]
    async with console.run_test(size=size) as pilot:
        desk = Desk(console, pilot)
        await desk.until(lambda: console.look.row is not None)
        if console.journal.read(lambda db: db.execute("SELECT 1 FROM jobs").fetchone()):
            await desk.until(lambda: desk.table.job is not None)
        await pilot.pause()
        yield desk


def lines(console: Console) -> list[str]:
    """What the terminal of a console shows, line by line."""
    cells, height = console.size
    out = rich.console.Console(width=cells, height=height, file=io.StringIO(), force_terminal=True, record=True)
    out.print(console.screen._compositor.render_update(full=True, screen_stack=console._background_screens))
    return out.export_text().splitlines()
