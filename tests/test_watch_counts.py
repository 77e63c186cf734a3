"""Watched folders by the thousand, for days, and killed over and over; with ``--long`` in full count."""

from __future__ import annotations

import asyncio
import hashlib
import logging
import os
import random
import signal
import time
from collections.abc import Iterator

import pytest
from PIL import Image

from artui.model.states import Status
from artui.sim.server import Simulator, running
from tests.studio import Studio
from tests.watch_post import Process, counted, post_at, watching

pytestmark = pytest.mark.timeout(1800)

log = logging.getLogger(__name__)
"""The figures, which ``-o log_cli=true --log-cli-level=INFO`` shows."""

SMALL = 8_000
"""Bytes of a photo where many are made."""


@pytest.fixture
def simulator() -> Iterator[Simulator]:
    with running(Simulator(speed=1000, credits=10**9)) as simulator:
        yield simulator


def done(studio: Studio) -> int:
    """How many photos have left the folder with their result."""
    return counted(studio, "status = 'done'") and counted(studio, "state = 'moved'", "seen")


async def test_killed_at_random_while_photos_trickle_in_each_is_paid_once_and_moved(studio: Studio, long: bool) -> None:
    number, kills = (300, 30) if long else (40, 5)
    chance = random.Random(7)
    post = post_at(studio)

    async def trickle() -> None:
        for seed in range(number):
            post.drop(f"IMG_{seed:04}.jpg", seed)
            await asyncio.sleep(0.25 if long else 0.15)

    trickling = asyncio.create_task(trickle())
    for _ in range(kills):
        process, before = Process(studio), counted(studio)
        await studio.until(lambda before=before: counted(studio) > before or trickling.done())
        await asyncio.sleep(chance.random())
        await process.end(signal.SIGKILL)
    await trickling
    process = Process(studio)
    place = studio.inbox / "done"
    await studio.until(lambda: place.is_dir() and len(list(place.iterdir())) == number, 120)
    await process.end(signal.SIGKILL)
    assert [job.status for job in studio.jobs()] == [Status.DONE] * number, studio.places()
    assert len(studio.simulator.ledger) == number
    assert sorted(path.stem for path in studio.out.iterdir()) == [f"IMG_{seed:04}" for seed in range(number)]
    assert {path.name for path in studio.inbox.iterdir()} == {".artui-folder", ".artui-folder.lock", "done"}
    studio.check()


@pytest.mark.usefixtures("procfs")
async def test_many_that_land_at_once_under_a_cap_are_all_bought_in_flat_memory(studio: Studio, long: bool) -> None:
    """The first tenth shows what the process holds at work; ten times as many photos may not hold much more."""
    number = 10_000 if long else 200
    post = post_at(studio)
    process = Process(studio, caps={"day": 10 * number})
    post.drop_many(number // 10, size=SMALL)
    await studio.until(lambda: done(studio) == number // 10, 120)
    early, most = process.memory, 0
    post.drop_many(number - number // 10, first=number // 10, size=SMALL)

    def all_done() -> bool:
        nonlocal most
        most = max(most, process.memory)
        return done(studio) == number

    began = time.monotonic()
    await studio.until(all_done, 1200)
    seconds = time.monotonic() - began
    log.info("%d photos: %d MB, then %d MB at most, %.0f s", number, early >> 20, most >> 20, seconds)
    await process.end()
    assert len(studio.simulator.ledger) == counted(studio) == number
    assert most <= 1.3 * early + number * 1_000, "memory grows by what is remembered of a file, and no more"
    studio.check()


async def test_what_comes_while_it_is_stopped_is_found_by_one_scan(studio: Studio, long: bool) -> None:
    number, scans = 40_000 if long else 300, studio.folder / "scans"
    process = Process(studio, {"engine": False, "scans": str(scans)})
    await studio.until(lambda: (studio.inbox / ".artui-folder").exists() and scans.exists())
    process.send(signal.SIGSTOP)
    post_at(studio).drop_many(number, size=SMALL)
    process.send(signal.SIGCONT)
    began = time.monotonic()
    await studio.until(lambda: counted(studio) == number, 300)
    log.info("%d photos were jobs %.1f s after SIGCONT", number, time.monotonic() - began)
    await process.end()
    assert max(map(int, scans.read_text().split())) == number, "one look saw them all"
    assert counted(studio, "1", "seen") == number


async def test_a_large_tiff_that_is_copied_slowly_is_one_job_of_the_whole_file(studio: Studio, long: bool) -> None:
    side, quiet, pause = (4500, 2.0, 4.0) if long else (300, 0.1, 0.5)
    made = studio.folder / "made.tif"
    Image.effect_noise((side, side), 80).convert("RGB").save(made)
    content = made.read_bytes()
    async with watching(studio, quiet=quiet):
        with (studio.inbox / "large.tif").open("wb", buffering=0) as slow:
            for begin in range(0, len(content), len(content) // 20 + 1):
                slow.write(content[begin : begin + len(content) // 20 + 1])
                await asyncio.sleep(pause if 10 * begin // len(content) == 5 else pause / 20)
        await studio.until(studio.jobs)
        [job] = await studio.at_rest(120)
        assert (job.status, job.size) == (Status.DONE, len(content))
        assert job.digest == hashlib.sha256(content).hexdigest()
    assert len(studio.simulator.ledger) == 1
    studio.check()


@pytest.mark.usefixtures("procfs")
async def test_two_days_at_work_leave_memory_and_descriptors_as_they_were(studio: Studio, long: bool) -> None:
    """An hour lasts so many seconds: photos come all the time, and the folder is looked at as often as in two days."""
    hours, hour = (48, 1.0) if long else (4, 0.8)
    scans = studio.folder / "scans"
    how = {"scan_every": hour / 120, "scans": str(scans)}
    post, process, dropped = post_at(studio), Process(studio, how), 0

    async def an_hour() -> tuple[int, int]:
        nonlocal dropped
        for _ in range(10):
            post.drop(f"IMG_{dropped:06}.jpg", dropped, SMALL)
            dropped += 1
            await asyncio.sleep(hour / 10)
        await studio.until(lambda: done(studio) == dropped)
        return process.memory, process.descriptors

    memory, descriptors = await an_hour()
    for _ in range(hours - 1):
        last = await an_hour()
    # Each thread of the pool opens the journal when it first reads, its log besides: which have by now is chance.
    readers = 2 * min(32, (os.cpu_count() or 1) + 4)
    await studio.until(lambda: process.descriptors <= descriptors + readers)
    looks = len(scans.read_text().split())
    log.info("%d hours, %d looks, %d photos", hours, looks, dropped)
    log.info("%d MB, then %d MB; %d descriptors, then %d", memory >> 20, last[0] >> 20, descriptors, last[1])
    await process.end()
    assert last[0] <= 1.3 * memory
    assert len(studio.simulator.ledger) == dropped
    studio.check()
