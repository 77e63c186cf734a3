"""Killed at every point, started again, run to the end: each photo is paid once and comes home, all invariants hold.

A point is named by its number; what it was stands in the failure. Small form: every second point at AutoRetouch, every
third elsewhere (which ones goes by the day), some pairs of points, some random kills. ``--long``: every point
everywhere, and a thousand random kills. One photo through several workflows has a sweep of its own: it is paid once for
each.
"""

from __future__ import annotations

import asyncio
import json
import os
import random
import signal
from collections.abc import AsyncIterator, Iterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from itertools import count
from pathlib import Path
from typing import Any

import pytest

from artui.journal import accounts, deliveries, requests
from artui.model.job import Job
from artui.model.states import Reason, Status
from artui.sim.server import Simulator, running
from tests.exiftools import fake, give_xmp
from tests.proof.day import DAY
from tests.proof.doomed import NEVER
from tests.proof.invariants import broken, no_strays
from tests.proof.zygote import Child, Zygote
from tests.studio import Studio, open_studio

SETTLE = 0.05
STRANDS = 6
"""Into how many tests the sweep of one service is cut, so that they can run side by side."""

COMMON = """
settle = {settle}
first_look = 0.02
pace.uploads = 1
"""

ACCOUNTS = {
    "autoretouch": f"""
[accounts.studio]
provider = "autoretouch"
api_url = "{{api_url}}"
auth_url = "{{auth_url}}"
organization = "{{organization}}"
{COMMON}
""",
    "retouch4me": f"""
[accounts.studio]
provider = "retouch4me"
api_url = "{{api_url}}"
balance_url = "{{balance_url}}"
{COMMON}
[accounts.studio.workflows.layered]
title = "Recipe"
layers = "unpack"
tasks = [{{{{ plugin = "Heal", alpha1 = 1, layer = 1 }}}}, {{{{ plugin = "Dodge Burn", alpha1 = 1, layer = 1 }}}}]
""",
    "filestack": f"""
[accounts.studio]
provider = "filestack"
api_key = "{{api_key}}"
cdn_url = "{{cdn_url}}"
api_url = "{{api_url}}"
upload_url = "{{upload_url}}"
{COMMON}
[accounts.studio.workflows.recipe]
id = "{{workflows[Preview]}}"
title = "Recipe"
""",
}
RECIPES = {"autoretouch": "Background Removal", "retouch4me": "Recipe", "filestack": "Recipe"}
SEVERAL = ("Background Removal", "Export only", "Ghost Mannequin")


@dataclass
class Scene:
    """A studio at one service, and the engines that work and die in it."""

    studio: Studio
    service: str
    zygote: Zygote
    metadata: str = "none"
    delivered: Path | None = None
    """Where each result's path is written by the command that is run once it is saved."""

    async def add(self, number: int) -> None:
        """Order so many new photos."""
        photos = self.studio.photos(number)
        for photo in photos if self.metadata != "none" else ():
            give_xmp(photo)
        await self.order(photos)

    async def order(self, photos: Sequence[Path], **given: Any) -> None:
        recipe = self.studio.workflows[RECIPES[self.service]]
        more = {"provider": self.service, "parameters": recipe.parameters, "metadata": self.metadata}
        await self.studio.add(photos, workflow=recipe.name, **more, **given)

    async def add_several(self) -> None:
        """Order a new photo through several workflows."""
        [photo] = self.studio.photos(1)
        for name in SEVERAL:
            await self.studio.add([photo], workflow=name, stem=f"{photo.stem}-{name}")

    @property
    def told(self) -> Path:
        return self.studio.folder / "points"

    def engine(self, point: int = NEVER) -> Child:
        return self.zygote.spawn("tests.proof.doomed:engine", point, str(self.told))

    async def killed_at(self, point: int) -> str:
        """Have an engine work until it dies at its point; what that was, empty where it lived to the end."""
        child = self.engine(point)
        await self._until_rest(child)
        child.send(signal.SIGTERM)
        code = await asyncio.to_thread(child.wait)
        assert code in (0, -signal.SIGKILL), self._log()
        self.check_midway()
        return self.told.read_text().splitlines()[-1] if code else ""

    async def killed_after(self, seconds: float) -> None:
        """Have an engine work for so long, and kill it in the middle of whatever it does."""
        child = self.engine()
        await asyncio.sleep(seconds)
        child.send(signal.SIGKILL)
        assert child.wait() == -signal.SIGKILL, self._log()
        self.check_midway()

    async def to_the_end(self) -> None:
        """Have an engine finish what is left, and decide as a person would where it asks."""
        child = self.engine()
        await self._until_rest(child)
        for job in self.studio.jobs():
            if job.reason == Reason.IN_DOUBT:
                await self._resolve(job)
        await self._until_rest(child)
        child.send(signal.SIGTERM)
        assert await asyncio.to_thread(child.wait) == 0, self._log()

    async def _resolve(self, job: Job) -> None:
        ours = [
            charge["execution"]
            for charge in self.studio.simulator.ledger
            if charge["digest"] == job.digest and charge.get("workflow", job.workflow) == job.workflow
        ]
        if ours:
            await self.studio.ask("adopt", job.id, execution=ours[0])
        else:
            await self.studio.ask("again", job.id)

    async def _until_rest(self, child: Child) -> None:
        """Wait until the engine is dead, or has put right what the last one left and nothing moves by itself."""
        moving = {Status.READY, Status.RUNNING, Status.WAITING}

        def rests() -> bool:
            row = self.studio.journal.read(requests.engine)
            works = (row.pid, row.state) == (child.pid, "running")
            still = not any(job.status in moving for job in self.studio.jobs())
            return works and still and not self.studio.journal.read(deliveries.are_due)

        await self.studio.until(lambda: child.poll() is not None or rests())

    def _log(self) -> str:
        return self.studio.config.paths.log.read_text()[-2000:]

    def check_midway(self) -> None:
        """At the instant of a kill all invariants hold, but that files of the dead engine lie about."""
        torn = broken(self.studio.evidence())
        torn.pop(no_strays.__name__, None)
        assert not torn, torn

    def check(self) -> None:
        """Each photo was paid once and came home, nothing is left over, and all invariants hold."""
        self.studio.check()
        jobs = self.studio.jobs()
        assert {job.status for job in jobs} == {Status.DONE}, self.studio.places()
        assert len(self.studio.simulator.ledger) == len(jobs)
        names = [path.name for path in self.studio.out.iterdir() if path.is_file()]
        assert len(names) == len(jobs), names
        if self.delivered:
            told = self.delivered.read_text().splitlines()
            assert {*told} == {one.path for job in jobs for one in job.results}, told
        if self.metadata != "none":
            pictures = [one for job in jobs for one in job.results if one.media_type in ("image/jpeg", "image/png")]
            assert pictures
            assert all(one.served not in (None, one.digest) for one in pictures), jobs


@asynccontextmanager
async def scene(
    service: str, zygote: Zygote, folder: Path, *, proven: bool = True, metadata: str = "none", delivers: bool = False
) -> AsyncIterator[Scene]:
    """A studio of its own at a stand-in of its own. ``proven``: our labels are known to come back there; ``delivers``:
    a command is run with what is saved."""
    with pytest.MonkeyPatch.context() as environment, running(Simulator(speed=1000)) as simulator:
        environment.setenv("ARTUI_HOME", str(folder / "home"))
        account, delivered = ACCOUNTS[service], folder / "delivered" if delivers else None
        if delivered:
            command = json.dumps(["/bin/sh", "-c", "echo $1 >> $0", str(delivered), "{{result}}"])
            account = account.replace("pace.uploads", f"after_saved = {command}\npace.uploads", 1)
        given = {"service": service, "account": account, "settle": SETTLE}
        async with open_studio(simulator, environment, folder, **given) as studio:
            if proven:
                await studio.journal.write_async(accounts.prove_labels, studio.identity.payer)
            yield Scene(studio, service, zygote, metadata, delivered)


async def crash(
    service: str, zygote: Zygote, folder: Path, points: Sequence[int], *, several: bool = False, **given: Any
) -> bool:  # fmt: skip
    """One run that is killed at these points, one engine after the other; whether the first was reached."""
    async with scene(service, zygote, folder, **given) as here:
        await (here.add_several() if several else here.add(1))
        died: list[str] = []
        try:
            for point in points:
                died.append(await here.killed_at(point))
            await here.to_the_end()
            here.check()
        except AssertionError as failure:
            raise AssertionError(f"{service}, killed at {points} ({died}): {failure}") from failure
        return bool(died[0])


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    """One test for each strand of a sweep and each seed, so that a failure names it and they run side by side."""
    long = metafunc.config.getoption("--long")
    numbers = {"strand": STRANDS, "pair": 100 if long else 4, "seed": 70 if long else 1}
    for name, number in numbers.items():
        if name in metafunc.fixturenames:
            metafunc.parametrize(name, range(number))


@pytest.mark.timeout(1200)
@pytest.mark.parametrize("service", ACCOUNTS)
async def test_killed_at_each_point_it_pays_once_and_loses_nothing(
    service: str, strand: int, zygote: Zygote, tmp_path: Path, *, long: bool
) -> None:
    step = 1 if long else 2 if service == "autoretouch" else 3
    first = 1 + DAY % step
    for point in count(first + step * strand, step * STRANDS):
        if not await crash(service, zygote, tmp_path / str(point), [point]):
            break
    assert point > 40, "its points were not found"


async def test_killed_at_each_point_each_workflow_of_a_photo_is_paid_once(
    strand: int, zygote: Zygote, tmp_path: Path, *, long: bool
) -> None:
    """Small form: one strand a day, and every sixth of its points."""
    if not long and strand != DAY % STRANDS:
        pytest.skip("one strand a day")
    for point in count(1 + strand, STRANDS if long else 6 * STRANDS):
        if not await crash("autoretouch", zygote, tmp_path / str(point), [point], several=True):
            break
    assert point > 80, "its points were not found"


@pytest.fixture
def exiftool(tmp_path: Path) -> Iterator[Path]:
    """A zygote's children find the stand-in for exiftool on their PATH; its log."""
    with pytest.MonkeyPatch.context() as environment:
        log = fake(tmp_path / "bin")
        environment.setenv("PATH", f"{log.parent}{os.pathsep}{os.environ['PATH']}")
        yield log


async def test_killed_at_each_point_the_result_has_its_metadata_once(
    strand: int, exiftool: Path, tmp_path: Path, *, long: bool
) -> None:
    if not long and strand != DAY % STRANDS:
        pytest.skip("one strand a day, and of that the last of its points, where a result is saved")
    with Zygote() as zygote:
        for point in count(1 + strand if long else 40 + strand, STRANDS):
            if not await crash("autoretouch", zygote, tmp_path / str(point), [point], metadata="keep"):
                break
    assert point > 50, "its points were not found"
    assert "-tagsFromFile" in await asyncio.to_thread(exiftool.read_text)


async def test_killed_at_each_point_after_it_is_saved_a_result_is_delivered(
    zygote: Zygote, tmp_path: Path, *, long: bool
) -> None:
    for point in count(1 if long else 64 + DAY % 5, 1 if long else 5):
        if not await crash("autoretouch", zygote, tmp_path / str(point), [point], delivers=True):
            break
    assert point > 72, "its points were not found"


@pytest.mark.parametrize("service", ACCOUNTS)
async def test_killed_again_while_it_recovers_it_pays_once_and_loses_nothing(
    service: str, pair: int, zygote: Zygote, tmp_path: Path
) -> None:
    chance = random.Random(pair)
    await crash(service, zygote, tmp_path, [chance.randint(8, 50), chance.randint(1, 30)])


@pytest.mark.parametrize("service", ACCOUNTS)
async def test_killed_at_random_moments_it_pays_once_and_loses_nothing(
    service: str, seed: int, zygote: Zygote, tmp_path: Path
) -> None:
    chance = random.Random(seed)
    async with scene(service, zygote, tmp_path, proven=seed % 2 == 0) as here:
        await here.add(4)
        for _ in range(5):
            await here.killed_after(chance.uniform(0.03, 0.5))
        await here.to_the_end()
        here.check()
