"""A studio whose engine meets trouble, whoever takes the action that a state names, and what must hold in the end."""

from __future__ import annotations

import os
import random
import signal
import time
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, TypeVar

import pytest

from artui import files
from artui.model.job import Job
from artui.model.states import FINAL, Reason, Status
from artui.sim.server import Simulator, running
from tests.proof.line import Cut, Line, line_to
from tests.proof.troubled import Trouble
from tests.proof.zygote import Child, Zygote
from tests.studio import ACCOUNT as AUTORETOUCH
from tests.studio import PATIENCE, Studio, open_studio
from tests.test_engine_filestack import ACCOUNT as FILESTACK
from tests.test_engine_retouch4me import ACCOUNT as RETOUCH4ME

T = TypeVar("T")

SERVICES = {
    "autoretouch": (AUTORETOUCH, "Background Removal"),
    "retouch4me": (RETOUCH4ME, "Layered"),
    "filestack": (FILESTACK, "Preview"),
}
"""The account of each service, and the workflow that has most steps."""

SEED = int(os.environ.get("ARTUI_PROOF_SEED", "20261122"))
"""What chooses the points of the small form, and how each connection ends."""


@dataclass
class Ward:
    """A studio whose engine meets trouble, and whoever takes the action that its state names."""

    studio: Studio
    service: str
    line: Line
    zygote: Zygote
    child: Child | None = None
    runs: int = 0

    @property
    def log(self) -> Path:
        return self.studio.config.paths.log

    @property
    def told(self) -> Path:
        """Where the engine tells of its operations."""
        return self.studio.folder.with_name("told")

    @property
    def mended(self) -> Path:
        """The file that ends a trouble which stays."""
        return self.studio.folder.with_name("mended")

    @property
    def stderr(self) -> Path:
        return self.studio.folder.with_name("stderr")

    async def add(self) -> int:
        """Queue a photo of its own, for a folder of its own: all that is made for a run is made anew."""
        self.runs += 1
        workflow = SERVICES[self.service][1]
        recipe = self.studio.workflows[workflow].parameters if self.service == "retouch4me" else ""
        more = {"parameters": recipe} if recipe else {}
        (number,) = await self.studio.add(
            self.studio.photos(1), workflow=workflow, provider=self.service, folder=self.studio.out / f"{self.runs}",
            **more,
        )  # fmt: skip
        return number

    def start(self, trouble: Trouble | None = None) -> None:
        """Start an engine, which meets trouble where any is given."""
        places = map(str, (self.studio.folder, self.told, self.mended, self.stderr))
        self.child = self.zygote.spawn("tests.proof.troubled:engine", *places, asdict(trouble or Trouble()))

    async def stop(self) -> None:
        """End the engine in order."""
        assert self.child
        self.child.send(signal.SIGTERM)
        await self.studio.until(lambda: self.child.poll() is not None)
        self.look_for_tracebacks()

    def look_for_tracebacks(self) -> None:
        """See that nothing went wrong which no state names."""
        for file in (self.log, self.stderr):
            text = file.read_text("utf-8") if file.exists() else ""
            assert "Traceback" not in text, text[-4000:]
            assert " ERROR asyncio" not in text, text[-4000:]

    def clear_traces(self) -> None:
        """Remove what the last run left beside the studio, and what only a first run would make."""
        for file in (self.log, self.stderr, self.told, self.mended, self.studio.config.paths.ballast):
            file.unlink(missing_ok=True)

    def operations(self) -> dict[str, list[str]]:
        """The operations of the last run by their kind, each with its path."""
        found: dict[str, list[str]] = {}
        for line in self.told.read_text().splitlines():
            operation, path = line.split("\t")
            found.setdefault(operation, []).append(path)
        return found

    def waits_for_disk(self) -> bool:
        """Whether the engine says that it waits for a journal that cannot be written, and nothing mends that."""
        return not self.mended.exists() and self.log.exists() and "cannot be written now" in self.log.read_text()

    async def rest(self, number: int) -> Job:
        """Wait until the job is final or held, or its engine has ended or waits for its disk."""

        def rests() -> bool:
            job = self.studio.job(number)
            assert self.child
            is_down = job.status in FINAL or job.status is Status.HELD
            return is_down or self.child.poll() is not None or self.waits_for_disk()

        await self.studio.until(rests)
        return self.studio.job(number)

    async def act(self, job: Job) -> None:
        """Do what a person would on reading the job's state."""
        if job.reason == Reason.IN_DOUBT:
            charges = self.charges(job)
            if charges:
                await self.studio.ask("adopt", job.id, execution=charges[-1]["execution"])
            else:
                await self.studio.ask("again", job.id)
        elif job.reason == Reason.LOGIN:
            await self.studio.ask("refresh", account="studio")
            await self.studio.until(lambda: self.studio.job(job.id).status is not Status.HELD)
        else:
            assert job.status in (Status.FAILED, Status.HELD), job
            assert job.reason, job
            assert job.message, job
            await self.studio.ask("retry", job.id)

    def charges(self, job: Job) -> list[dict[str, Any]]:
        """What was taken for a job's photo."""
        return [charge for charge in self.studio.simulator.ledger if charge["digest"] == job.digest]

    async def bring_home(self, number: int) -> Job:
        """See a job to its result, by what its states name."""
        acted, patience = 0, time.monotonic() + PATIENCE
        while (job := await self.rest(number)).status is not Status.DONE:
            assert self.child
            assert time.monotonic() < patience, f"it does not come home: {self.studio.places()}"
            if self.child.poll() is not None:
                self.look_for_tracebacks()
                assert self.child.poll() in (0, 2), "an engine that cannot go on says why and ends"
                self.start()
                await self.studio.until(lambda: self.child.poll() is None)
            elif job.status is Status.HELD and job.due is not None:
                await self.studio.until(lambda: self.studio.job(number).status is not Status.HELD)
            else:
                acted += 1
                assert acted <= 2, f"the action its state names does not help: {self.studio.places()}"
                await self.act(job)
        return job

    def check(self, number: int) -> None:
        """The photo is done and paid once, and all that must hold does."""
        job = self.studio.job(number)
        assert job.status is Status.DONE, self.studio.places()
        assert len(self.charges(job)) == 1, self.charges(job)
        files.probe_folder(job.folder)  # as the next engine does: removes what could not be removed
        self.studio.check()

    async def run(self, point: Cut | Trouble | None = None) -> None:
        """Send one photo through an engine that meets trouble, to its end."""
        self.clear_traces()
        number = await self.add()
        self.line.arm(point if isinstance(point, Cut) else None)
        self.start(point if isinstance(point, Trouble) else None)
        await self.rest(number)
        self.mended.touch()
        await self.bring_home(number)
        await self.stop()
        self.check(number)


@asynccontextmanager
async def ward_at(service: str, monkeypatch: pytest.MonkeyPatch, folder: Path, zygote: Zygote) -> AsyncIterator[Ward]:
    """A ward with books of its own, at the end of a line that can be cut."""
    account, _ = SERVICES[service]
    place = folder / "studio"
    place.mkdir(parents=True)
    monkeypatch.setenv("ARTUI_HOME", str(place / "home"))
    with running(Simulator(speed=100)) as simulator:
        async with line_to(simulator.url) as line:
            simulator.url = line.url
            async with open_studio(simulator, monkeypatch, place, service=service, account=account) as studio:
                ward = Ward(studio, service, line, zygote)
                try:
                    yield ward
                finally:
                    if ward.child:
                        ward.child.send(signal.SIGKILL)
                        await studio.until(lambda: ward.child.poll() is not None)


Wards = Callable[[str], AbstractAsyncContextManager[Ward]]
"""Opens a ward at a service."""


def some(points: Sequence[T], number: int, salt: str, long: bool) -> list[T]:
    """The points that are swept: all in the long form, else as many as there is time for, chosen by the seed."""
    if long or len(points) <= number:
        return list(points)
    chosen = random.Random(f"{SEED} {salt}").sample(range(len(points)), number)
    return [points[index] for index in sorted(chosen)]
