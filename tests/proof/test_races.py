"""Several who act at once on one journal, one account, one connection: nobody pays twice, nobody is left waiting."""

from __future__ import annotations

import asyncio
import os
import random
import signal
import time
from collections.abc import Awaitable, Iterator
from contextlib import contextmanager, suppress
from itertools import count
from pathlib import Path
from typing import Any

import pytest

from artui.journal import history, requests
from artui.model.states import Status
from artui.providers.base import ProviderError
from artui.providers.http import Answer, Body, Client, HttpRequest
from artui.sim.server import running
from tests.peer import Link, Memory, Peer, answering, serving
from tests.proof.hurried import hurry
from tests.proof.moments import NEVER, Moments, Put, chosen
from tests.proof.world import SETTLE, SIZE, Stage, World
from tests.proof.zygote import Zygote
from tests.studio import Studio, open_studio
from tests.watch_post import land, written

RECIPE = "Background Removal"


@contextmanager
def world(zygote: Zygote, folder: Path) -> Iterator[World]:
    folder.mkdir(exist_ok=True)
    with running(Stage()) as stage:
        opened = World(stage, zygote, folder)
        try:
            yield opened
        finally:
            opened.close()


# ---------------------------------------------------------------------------------------- many on one journal


def test_two_consoles_a_watcher_and_two_scripts_share_one_journal(zygote: Zygote, tmp_path: Path, long: bool) -> None:
    """Photos come in three ways, with the same contents and names, while two people decide about all of them."""
    for chance in range(20 if long else 1):
        with world(zygote, tmp_path / str(chance)) as here:
            _crowd(here, chance)
            here.come_to_rest()
            here.check_end()


def _crowd(here: World, chance: int) -> None:
    studio = here.studio
    folders = [studio.folder / name for name in ("watched", "left", "right")]
    for number, folder in enumerate(folders):
        for index in range(6):  # two of three contents lie in each pair of folders, under names all have
            land(studio.folder, folder / f"IMG_{index}.jpg", index + 2 * number, SIZE)
    recipe = studio.workflows[RECIPE].id
    with studio.config.paths.config_file.open("a") as file:
        file.write(written("boots", folders[0], studio.out, recipe))
    here.start("acting:typing", ["watch"])
    here.until(lambda: studio.journal.read(requests.engine).state == "running")
    submit = ["submit", "--yes", "-w", recipe, "-o", str(studio.out)]
    scripts = [
        here.beside("acting:typing", *([*submit, str(folder)] for folder in order))
        for order in (folders[1:], folders[:0:-1])
    ]
    consoles = [here.beside("acting:console", 2 * chance + number, 20) for number in (0, 1)]
    assert {one.wait() for one in consoles} == {0}
    assert {one.wait() for one in scripts} <= {0, 1}, "a script may find that a photo of its failed or was cancelled"


# ------------------------------------------------------------------------------------------------ one sign-in


def test_a_sign_in_that_is_renewed_by_four_processes_is_used_once_each_time(zygote: Zygote, tmp_path: Path) -> None:
    with world(zygote, tmp_path / "world") as here:
        here.simulator.switch({"rotate_refresh_tokens": True, "token_lifetime": 1.0})
        for number in range(6):
            here.add(here.write(str(number), number), RECIPE)
        here.start()
        others = [here.beside("acting:asking", 6) for _ in range(3)]
        assert [one.wait() for one in others] == [0, 0, 0]
        refreshes = [one for one in here.simulator.history if one["path"].endswith("/oauth/token")]
        assert {one["answer"] for one in refreshes} == {200}
        assert len(refreshes) >= 3 * 6
        here.come_to_rest()
        here.check_end()


# -------------------------------------------------------------------------------------- a person's cancel, anywhere


async def test_a_cancel_at_any_moment_ends_unpaid_or_with_what_was_paid(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, long: bool
) -> None:
    hurry(monkeypatch.setattr)
    with running(Stage()) as stage:

        async def cancelled(at: int, keep: bool) -> list[str]:
            (place := tmp_path / f"{at} {keep}").mkdir()
            with monkeypatch.context() as patch:
                patch.setenv("ARTUI_HOME", str(place / "home"))
                async with open_studio(stage.put_on(), patch, place, settle=SETTLE) as studio:
                    return await _cancelled(studio, at, keep, patch.setattr)

        for at in chosen(await cancelled(NEVER, keep=True), every=1 if long else 7):
            for keep in (True, False) if long else (at % 2 == 0,):
                await cancelled(at, keep)


async def _cancelled(studio: Studio, at: int, keep: bool, put: Put) -> list[str]:
    """Cancel a photo at a moment of its journey, and see what becomes of it."""
    taken = False

    async def cancel() -> None:
        nonlocal taken
        stale = True
        while stale and not studio.job(number).status.final:
            outcome = await studio.ask("cancel", number, keep=keep)
            taken, stale = not outcome.refused, "moved on" in outcome.message

    moments = Moments(at, cancel)
    moments.watch(put)
    [number] = await studio.add(studio.photos(1, SIZE))
    await studio.start()
    [job] = await studio.at_rest()
    await studio.stop()
    studio.check()
    paid = bool(studio.simulator.ledger)
    told = f"at {at}, {moments.passed[-1]}: {job.stage}/{job.status} {job.message}"
    assert at == NEVER or moments.met, "a photo's journey has become shorter than it was a moment ago"
    assert paid or (taken and job.status is Status.CANCELLED), told
    assert not paid or job.status is (Status.CANCELLED if taken and not keep else Status.DONE), told
    steps = [event.what for event in studio.journal.read(history.of_job, number)]
    wished = steps.index("cancel wish") if "cancel wish" in steps else len(steps)
    assert "intent" not in steps[wished:], f"{told}: it was cancelled, then paid"
    return moments.passed


# --------------------------------------------------------------------------------------------- a hand-over, anywhere


def test_an_engine_that_ends_at_any_moment_has_its_photo_paid_once(zygote: Zygote, tmp_path: Path, long: bool) -> None:
    """It hands over to another one, or ends before another begins; with ``--long`` at each moment both."""
    for at in chosen(_handed_over(zygote, tmp_path / "all", NEVER, "engine"), every=1 if long else 9):
        for successor in ("engine", "successor") if long else (("engine", "successor")[at % 2],):
            _handed_over(zygote, tmp_path / f"{at} {successor}", at, successor)


def _handed_over(zygote: Zygote, folder: Path, at: int, successor: str) -> list[str]:
    """Have an engine end at a moment of its photo's journey; returns the moments that were."""
    with world(zygote, folder) as here:
        told = here.studio.folder / "told"
        here.add(here.write("a", at), RECIPE)
        here.start("hurried:held", at, str(told))
        here.until(lambda: told.exists() or here.studio.jobs()[0].status is Status.DONE)
        if successor == "engine":
            here.end(signal.SIGTERM)
        here.start(f"hurried:{successor}")
        here.until(lambda: here.engines[0].poll() is not None)
        here.until(lambda: here.studio.jobs()[0].status is Status.DONE)
        assert len(here.simulator.ledger) == here.studio.requests_to("/create") == 1
        here.end(signal.SIGTERM)
        here.check_end()
        return told.read_text().splitlines()


# ------------------------------------------------------------------------------------------- a call that is cancelled

KINDS = ("send", "upload", "pay", "fetch")


async def _let() -> None:
    pass


def _call(client: Client, kind: str, url: str) -> Awaitable[Answer]:
    def blocks() -> Iterator[bytes]:
        for _ in range(10):
            yield b"x" * 5_000

    body = Body("text/plain", 50_000, blocks)  # type: ignore[arg-type]
    match kind:
        case "send":
            return client.send(HttpRequest("GET", url, "asking"))
        case "upload":
            return client.send(HttpRequest("POST", url, "sending", body=body))
        case "pay":
            return client.pay(HttpRequest("POST", url, "paying"), _let)
    return client.fetch(HttpRequest("GET", url, "fetching"), Memory())


def _descriptors() -> int:
    return len(os.listdir("/dev/fd"))  # noqa: PTH208


async def _until_there_are(descriptors: int) -> None:
    deadline = time.monotonic() + 10
    while _descriptors() > descriptors:
        assert time.monotonic() < deadline, f"{_descriptors() - descriptors} descriptors are left open"
        await asyncio.sleep(0.01)


async def _wavering(chance: random.Random, link: Link) -> None:
    while True:
        await link.whole()
        await asyncio.sleep(chance.uniform(0, 0.003))
        await link.say(200, b"x" * 2_000)


async def test_thousands_of_random_cancels_leave_every_call_and_descriptor_as_they_were(long: bool) -> None:
    chance = random.Random(20261122)
    async with serving(lambda link: _wavering(chance, link)) as peer:
        before = _descriptors()
        client = Client("Studio", read=5)

        async def begin_and_cancel() -> None:
            task = asyncio.ensure_future(_call(client, chance.choice(KINDS), peer.url))
            await asyncio.sleep(chance.uniform(0, 0.005))
            task.cancel()
            with suppress(asyncio.CancelledError, ProviderError):
                await task

        for _ in range(10_000 // 50 if long else 6):
            await asyncio.gather(*(begin_and_cancel() for _ in range(50)))
        for number in range(100):
            assert (await _call(client, KINDS[number % 4], peer.url)).status == 200
        await client.close()
        await _until_there_are(before)


@pytest.mark.parametrize("kind", KINDS)
async def test_a_call_cancelled_at_any_turn_of_the_loop_leaves_nothing_behind(kind: str) -> None:
    async with serving(answering(200, b"x" * 2_000)) as peer:
        before = _descriptors()
        client = Client("Studio", read=5)
        for turns in count():
            if await _over_by(turns, _call(client, kind, peer.url)):
                break
            sent = _asked(peer)
            await asyncio.sleep(0)
            assert _asked(peer) <= sent + 1
        assert turns > 5
        assert _asked(peer) <= turns + 1, "no call was made twice"
        assert (await _call(client, kind, peer.url)).status == 200
        await client.close()
        await _until_there_are(before)


def _asked(peer: Peer) -> int:
    return len(peer.requests)


async def _over_by(turns: int, call: Awaitable[Answer]) -> bool:
    """Whether a call is over after so many turns of the loop; where it is not, it is cancelled then."""
    task: Any = asyncio.ensure_future(call)
    for _ in range(turns):
        await asyncio.sleep(0)
    if task.done():
        return bool(task.result())
    task.cancel()
    with suppress(asyncio.CancelledError, ProviderError):
        await task
    return False
