"""Disks that go and come back under a running watcher: nothing is taken from, nor written to, a bare mount point."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from artui.journal.rules import RuleState
from artui.model.states import Reason, Status
from artui.model.watching import RuleCause
from artui.sim.photos import noise_jpeg
from artui.steps.fetching import Fetching
from tests.mounts import disk
from tests.studio import Studio
from tests.watch_post import post_at, watching


@pytest.fixture(autouse=True)
def often(monkeypatch: pytest.MonkeyPatch) -> None:
    """A watcher that looks, and an engine that tries again, every moment."""
    monkeypatch.setattr("artui.watch.folder.SCAN_EVERY", 0.1)
    monkeypatch.setattr("artui.steps.output.FOLDER_AGE", 0.0)
    monkeypatch.setattr("artui.engine.failures.OUTPUT_AGAIN", 0.1)


def names(folder: Path) -> list[str]:
    """All there is but the marks of watched folders."""
    return sorted(path.name for path in folder.rglob("*") if not path.name.startswith(".artui-folder"))


def land(place: Path, seed: int) -> None:
    """Let a whole photo land at its place at one stroke, on whatever disk that is."""
    made = place.with_name(f".artui-folder-{seed}")
    noise_jpeg(made, 20_000, seed)
    made.rename(place)


async def test_a_watched_disk_goes_and_comes_back(studio: Studio) -> None:
    with disk(studio.inbox) as share:
        share.mount()
        async with watching(studio, workflow="Export only") as post:
            share.unmount()
            await post.state(RuleState.OFFLINE)
            land(studio.inbox / "hidden.jpg", 0)
            told = len(post.told(RuleState.OFFLINE))
            assert post.row.cause is RuleCause.NO_MARKER
            await post.watcher.scan_once()
            assert [path.name for path in studio.inbox.iterdir()] == ["hidden.jpg"]
            share.mount()
            land(studio.inbox / "a.jpg", 1)
            [job] = await post.all_done(1)
            assert (job.source.name, told) == ("a.jpg", 1)
            await post.state(RuleState.WATCHING)
    studio.check()


async def test_a_disk_that_is_not_there_at_first_is_taken_up_by_itself(studio: Studio) -> None:
    with disk(studio.folder / "share") as share:
        (share.store / "in").mkdir()
        post = post_at(studio, folder=str(share.place / "in"), output=str(share.place / "out"), workflow="Export only")
        await studio.start()
        post.start()
        try:
            await post.state(RuleState.OFFLINE)
            assert (post.row.cause, names(share.place)) == (RuleCause.MISSING, [])
            share.mount()
            land(share.place / "in" / "a.jpg", 1)
            await post.all_done(1)
            assert len(names(share.place / "out")) == 1
        finally:
            await post.stop()


async def test_results_wait_for_their_disk_and_nothing_is_taken_meanwhile(
    studio: Studio, monkeypatch: pytest.MonkeyPatch
) -> None:
    bring, gone = Fetching._bring, False

    async def late(self: Fetching, *given: Any) -> Any:
        nonlocal gone
        if not gone:  # after it was looked whether the disk is there
            gone = True
            share.unmount()
        return await bring(self, *given)

    monkeypatch.setattr(Fetching, "_bring", late)
    with disk(studio.out) as share:
        share.mount()
        async with watching(studio, workflow="Export only", output=str(studio.out)) as post:
            await post.until(lambda: post.row.output_mount == studio.out)
            land(studio.inbox / "a.jpg", 1)
            await post.until(lambda: gone)
            land(studio.inbox / "b.jpg", 2)
            await post.state(RuleState.OFFLINE)
            assert post.row.cause is RuleCause.OUTPUT_UNMOUNTED
            await post.until(lambda: studio.job(1).reason == Reason.OUTPUT)
            assert (len(studio.jobs()), names(studio.out)) == (1, [])
            share.mount()
            found = await post.all_done(2)
            assert {job.status for job in found} == {Status.DONE}
            assert len(names(studio.out)) == 2
            studio.check()
            share.unmount()
            assert names(studio.out) == []
            await post.state(RuleState.OFFLINE)
            await studio.ask("resume rule", rule=post.rule.id)
            land(studio.inbox / "c.jpg", 3)
            await post.all_done(3)
            assert names(studio.out) == ["c.png"], "a person says that it is to lie here"


async def test_a_yes_to_the_output_is_none_to_a_bare_folder(studio: Studio) -> None:
    with disk(studio.folder / "share") as share:
        for name in ("in", "out"):
            (share.store / name).mkdir()
        share.mount()
        places: dict[str, Any] = {
            "folder": str(share.place / "in"),
            "output": str(share.place / "out"),
            "existing": "process",
        }
        async with watching(studio, workflow="Export only", **places) as post:
            await post.until(lambda: post.row.output_mount == share.place)
            share.unmount()
            await post.state(RuleState.OFFLINE)
            (share.place / "in").mkdir()
            await post.until(lambda: post.row.cause is RuleCause.OUTPUT_UNMOUNTED)
            land(share.place / "in" / "a.jpg", 1)
            await studio.ask("resume rule", rule=post.rule.id)
            await post.until(lambda: post.row.cause is RuleCause.NO_MARKER)
            await post.watcher.scan_once()
            assert (post.row.agreed, studio.jobs()) == (False, [])
