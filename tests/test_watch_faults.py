"""Watched folders when something goes wrong around them: what is paid, what is held, and that it goes on by itself."""

from __future__ import annotations

import asyncio
import logging
import os
import random
import signal
import subprocess
import sys
import time
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager, contextmanager
from pathlib import Path
from typing import Any

import pytest

from artui import timing
from artui.config import paths
from artui.engine import failures
from artui.journal import holds, purchases, rules
from artui.model.states import Reason, Seen, Stage, Status
from artui.sim.server import Simulator
from artui.steps import fetching, output
from artui.watch import folder
from artui.watch.folder import What
from artui.watch.rules import rule_id
from tests.studio import Studio, open_studio
from tests.tui.desk import at_desk
from tests.watch_post import Process, counted, post_at, watching, written

SMALL = 8_000  # bytes of a photo where many are made


def saved(studio: Studio) -> int:
    return counted(studio, "status = 'done'")


# --------------------------------------------------------------------------------------------------------- full disks


@contextmanager
def disk(place: Path, megabytes: int) -> Iterator[Callable[[bool], None]]:
    """A small disk of its own at a place; what it gives fills it to the last byte, and empties it again."""
    place.mkdir(parents=True, exist_ok=True)
    mount = ["mount", "-t", "tmpfs", "-o", f"size={megabytes}m,mode=700", "none", str(place)]
    if (
        sys.platform != "linux"
        or os.geteuid() != 0
        or subprocess.run(mount, capture_output=True, check=False).returncode
    ):
        pytest.skip("a disk can be made full only where one may be mounted")

    def fill(full: bool) -> None:
        filler = place / "filler"
        if not full:
            filler.unlink()
            return
        size = os.statvfs(place)
        filler.write_bytes(bytes(size.f_bavail * size.f_frsize))

    try:
        yield fill
    finally:
        subprocess.run(["umount", "--lazy", str(place)], check=True)


@pytest.fixture
def impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    """What waits half a minute for a disk waits a moment."""
    for room in (failures, output, fetching):
        monkeypatch.setattr(room, "OUTPUT_AGAIN", 0.3)
    monkeypatch.setattr(folder, "STUMBLED", 0.3)
    monkeypatch.setattr(folder, "TIDY_AGAIN", 0.3)


@pytest.mark.usefixtures("impatient")
async def test_a_full_disk_for_results_keeps_what_is_bought_and_goes_on_by_itself(studio: Studio) -> None:
    with disk(studio.out, 1) as fill:
        async with watching(studio, after="move") as post:
            post.drop("before.jpg", 1)
            await post.until(lambda: post.told(What.MOVED))
            fill(True)
            post.drop_many(4, first=10)
            await post.until(lambda: counted(studio, f"reason = '{Reason.DISK_FULL}'") == 4)
            assert not post.known("IMG_0010.jpg").target, "what has no result stays where it is"
            fill(False)
            await post.until(lambda: len(list((studio.inbox / "done").iterdir())) == 5)
        studio.check()
    assert len(studio.simulator.ledger) == 5


@pytest.mark.usefixtures("impatient")
async def test_a_full_disk_for_the_journal_buys_nothing_and_goes_on_by_itself(
    simulator: Simulator, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    with disk(paths().state.parent, 96) as fill:
        async with open_studio(simulator, monkeypatch, tmp_path) as studio:
            studio.inbox.mkdir()
            async with watching(studio, after="move") as post:
                post.drop("before.jpg", 1)
                await post.until(lambda: post.told(What.MOVED))
                fill(True)
                post.drop_many(4, first=10)
                await post.until(
                    lambda: post.told(What.PROBLEM) or counted(studio, f"reason = '{Reason.DISK_FULL}'") == 4
                )
                asked = studio.requests_to("/create")
                fill(False)
                await post.until(lambda: len(list((studio.inbox / "done").iterdir())) == 5)
                assert asked == 1
                studio.check()
    assert len(simulator.ledger) == 5


# ------------------------------------------------------------------------------------------------------------- clocks


async def test_a_clock_that_jumps_neither_repeats_nor_delays(studio: Studio) -> None:
    """It jumps under a running engine, stays wrong over a restart, and is put right under the next one."""
    hour, year = 3600.0, 365 * 86400.0
    clock, post = studio.folder / "clock", post_at(studio)

    async def photos_come(seconds: float, fault: str = "") -> None:
        part = clock.with_suffix(".part")
        part.write_text(str(seconds))
        part.rename(clock)
        if fault:
            studio.fault("create", fault)
        there = len(studio.simulator.ledger)
        post.drop_many(2, there)
        await studio.until(lambda: saved(studio) == there + 2)

    clock.write_text("0")
    service = Process(studio, {"clock": str(clock)})
    await photos_come(0)
    await photos_come(hour, "drop_after")
    await photos_come(-hour, "drop_before")
    await photos_come(year, "drop_after")
    for wrong in (year, -year):
        clock.write_text(str(wrong))
        await service.end()
        service = Process(studio, {"clock": str(clock)})
        await photos_come(wrong)
        await photos_come(0, "drop_before")
    await service.end()
    assert len(studio.simulator.ledger) == 16
    studio.check(clocks_agree=False)


async def test_a_hold_that_ends_after_the_clock_jumped_lets_a_doubt_settle_by_the_engines_clock(
    studio: Studio, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It is looked up one settling time later, and neither at once nor when the wall says so."""
    [one] = await studio.add(studio.photos(1))
    clock = timing.Clock()

    def lost(db: Any) -> None:
        place = (Stage.SUBMITTING, Status.HELD, Reason.LOGIN, one)
        db.execute("UPDATE jobs SET stage = ?, status = ?, reason = ?, purchase = 1 WHERE id = ?", place)

    await studio.journal.write_async(lost)
    real = time.time
    monkeypatch.setattr(time, "time", lambda: real() + 365 * 86400)
    monkeypatch.setattr(purchases, "is_pending", lambda *_: True)
    due = clock.now() + 90
    await studio.journal.write_async(holds.release_account, "studio", due)
    assert studio.job(one).due == due


# --------------------------------------------------------------------------------------- money, sign-in, the service


async def test_credits_that_are_gone_over_night_are_waited_for(studio: Studio) -> None:
    studio.credits(set=25)
    async with watching(studio) as post:
        post.drop_many(3)
        await post.until(lambda: saved(studio) == 2 and counted(studio, "status = 'held'") == 1)
        post.drop_many(3, first=10)
        await post.until(lambda: counted(studio, f"reason IN ('{Reason.CREDITS}', '{Reason.PAYMENT}')") == 4)
        bought, asked = len(studio.simulator.ledger), studio.requests_to("/create")
        await asyncio.sleep(0.5)
        assert (len(studio.simulator.ledger), studio.requests_to("/create")) == (bought, asked), "nothing is tried"
        studio.credits(add=500)
        await post.until(lambda: saved(studio) == 6)
    assert len(studio.simulator.ledger) == 6
    studio.check()


async def test_a_service_that_is_down_for_hours_is_asked_one_thing_at_a_time(
    studio: Studio, monkeypatch: pytest.MonkeyPatch, long: bool
) -> None:
    """One hour lasts so many seconds: photos go on landing, and the service is asked twelve times an hour and way."""
    hour, hours = (6.0, 8) if long else (1.0, 2)
    backoff = timing.backoff
    monkeypatch.setattr(timing, "backoff", lambda failures: backoff(failures) * hour / 3600)
    monkeypatch.setattr(timing, "retry_delay", lambda attempts, chance: backoff(attempts) * chance * hour / 3600)
    monkeypatch.setattr(failures, "retry_delay", timing.retry_delay)
    async with watching(studio) as post:
        post.drop("before.jpg", 999)
        await post.until(lambda: saved(studio) == 1)
        studio.fault("*", "drop_before", times=-1)
        post.drop_many(10)
        await post.until(lambda: len(studio.jobs()) == 11)
        await asyncio.sleep(hour)
        for _ in range(hours):
            before = len(studio.simulator.history)
            post.drop(f"{before}-{time.monotonic_ns()}.jpg", random.randrange(1 << 30))
            await asyncio.sleep(hour)
            asked = studio.simulator.history[before:]
            uploads = sum(request["path"].endswith("/upload") for request in asked)
            assert uploads <= 24, "twelve probes, one at a time, each tried twice"
            assert len(asked) <= 60
        studio.mend()
        await post.until(lambda: saved(studio) == 11 + hours)
    assert len(studio.simulator.ledger) == 11 + hours
    studio.check()


async def test_a_revoked_sign_in_is_told_once_and_does_not_hammer(
    studio: Studio, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    studio.simulator.switch({"token_lifetime": 1})
    async with watching(studio) as post:
        post.drop("before.jpg", 999)
        await post.until(lambda: saved(studio) == 1)
        with caplog.at_level(logging.WARNING):
            given = studio.revoke()
            studio.simulator.switch({"token_lifetime": 0})  # else the last token goes on fetching what is bought
            post.drop_many(6)
            await post.until(lambda: counted(studio, f"reason = '{Reason.LOGIN}'") == 6)
            before = len(studio.simulator.history)
            post.drop_many(3, first=10)
            await post.until(lambda: counted(studio, f"reason = '{Reason.LOGIN}'") == 9)
            await asyncio.sleep(1)
        assert len(studio.simulator.history) - before <= 6, "it asks as often as it looks at the balance"
        assert sum("is held (login)" in record.message for record in caplog.records) == 1
        studio.simulator.switch({"token_lifetime": 1})
        monkeypatch.setenv("ARTUI_STUDIO_TOKEN", given["refresh_token"])
        await post.until(lambda: saved(studio) == 10)
    assert len(studio.simulator.ledger) == 10
    studio.check()


# ------------------------------------------------------------------------------------------------- files that go away


@pytest.mark.parametrize(
    ("route", "path"), [("upload", "/upload"), ("create", "/create"), ("list", "/execution"), ("download", "/image/")]
)
async def test_a_file_that_vanishes_on_its_way_is_paid_once(studio: Studio, route: str, path: str) -> None:
    async with watching(studio, after="move") as post:
        studio.fault(route, "delay:0.5")
        photo = post.drop("a.jpg", 1)
        await post.until(lambda: any(path in request["path"] for request in studio.simulator.history))
        photo.unlink()
        await post.until(lambda: post.known("a.jpg") is None or post.known("a.jpg").state is not Seen.TAKEN)
        await studio.at_rest()
        assert len(studio.simulator.ledger) == saved(studio) == len(list(studio.out.glob("*.png"))) <= 1
        post.drop("a.jpg", 1)
        await post.until((studio.inbox / "done/a.jpg").exists)
    assert len(studio.simulator.ledger) == 1
    studio.check()


# ---------------------------------------------------------------------------------------------- the console beside it


@asynccontextmanager
async def service(studio: Studio) -> AsyncIterator[Path]:
    """`artui watch` at work on two rules; gives the folder of the second."""
    others = studio.folder / "others"
    others.mkdir()
    with paths().config_file.open("a") as file:
        file.write(written("boots", studio.inbox, studio.out))
        file.write(written("shoes", others, studio.out, "Always fails"))
    child = _artui_watch(studio.folder / "said")
    try:
        yield others
    finally:
        child.send_signal(signal.SIGTERM)
        await studio.until(lambda: child.poll() is not None)


def _artui_watch(said: Path) -> subprocess.Popen[bytes]:
    with said.open("wb") as out:
        return subprocess.Popen([sys.executable, "-m", "artui", "watch"], stdout=out, stderr=out)


async def test_the_console_beside_a_running_watcher_shows_its_jobs_and_acts_on_them(studio: Studio) -> None:
    post = post_at(studio)
    async with service(studio) as others:
        post.drop("left.jpg", 1)
        await studio.until(lambda: saved(studio) == 1)
        async with at_desk(size=(120, 30)) as desk:
            post.drop("right.jpg", 2)
            await desk.sees("right.jpg")
            await desk.until(lambda: saved(studio) == 2)
            post.drop("never.jpg", 3).rename(others / "never.jpg")
            await desk.until(lambda: counted(studio, "status = 'failed'") == 1)

            await desk.press("4")
            await desk.sees("+ ", "boots: ", "watched")
            await desk.press("P")
            await desk.sees("paused")
            post.drop("waits.jpg", 4)
            await studio.until(lambda: "the rule waits" in studio.journal.read(rules.row, rule_id("boots")).not_taken)
            assert counted(studio) == 3
            await desk.press("P")
            await desk.sees("Let boots go on?")
            await desk.press("y")
            await desk.until(lambda: saved(studio) == 3)

            await desk.press("1", "n")
            await desk.until(lambda: desk.table.job and desk.table.job.source.name == "never.jpg")
            await desk.press("r")
            await desk.sees("Retry never.jpg?")
            await desk.press("y")
            await desk.until(lambda: studio.requests_to("/retry") == 1)
    assert len(studio.simulator.ledger) == 3
