"""Killed at every point of a chain, a rule that takes the results of another: each rule buys each content once.

Small form: a few points a day. ``--long``: every one.
"""

from __future__ import annotations

import asyncio
import signal
from itertools import count
from pathlib import Path

import pytest

from artui.config import paths
from artui.journal import requests
from artui.model.states import Status
from tests.proof.day import DAY
from tests.proof.doomed import NEVER
from tests.proof.test_crash_sweep import Scene, scene
from tests.proof.zygote import Child, Zygote
from tests.watch_post import land, written

FEW = 75
"""Of how many points one is swept in the small form."""


class Chained(Scene):
    """Two rules, of which one takes the results of the other, and the services that work and die in them."""

    def begin(self) -> None:
        """Write the rules, and let a photo land, and the same once more under another name."""
        middle, own = self.studio.folder / "mid", paths().config_file
        first = written("cutout", self.studio.inbox, middle, "Export only", "caps = { day = 100000 }")
        second = written("ghost", middle, self.studio.out, "Ghost Mannequin", 'after_rule = "cutout"')
        own.write_text(own.read_text() + first + second)
        for folder in (self.studio.inbox, middle, self.studio.out):
            folder.mkdir(exist_ok=True)
        for name in ("a.jpg", "copy.jpg"):
            land(self.studio.folder, self.studio.inbox / name, 1)

    def engine(self, point: int = NEVER) -> Child:
        return self.zygote.spawn("tests.proof.doomed:watcher", point, str(self.told))

    async def _until_rest(self, child: Child) -> None:
        """Wait until it is dead, or both have gone through both rules."""
        ended = {Status.DONE, Status.SKIPPED}

        def rests() -> bool:
            row, found = self.studio.journal.read(requests.engine), self.studio.jobs()
            if (row.pid, row.state) != (child.pid, "running"):
                return False
            return len(found) == 4 and {job.status for job in found} <= ended

        await self.studio.until(lambda: child.poll() is not None or rests())

    async def to_the_end(self) -> None:
        child = self.engine()
        await self._until_rest(child)
        assert child.poll() is None, self._log()
        child.send(signal.SIGTERM)
        assert await asyncio.to_thread(child.wait) == 0, self._log()

    def check(self) -> None:
        """Each recipe was paid once, the copy was not, and all came home."""
        self.studio.check()
        found = self.studio.jobs()
        assert sorted(str(job.status) for job in found) == ["done", "done", "skipped", "skipped"], self.studio.places()
        ledger = self.studio.simulator.ledger
        assert len({(one["workflow"], one["digest"]) for one in ledger}) == len(ledger) == 2, ledger
        assert len(list(self.studio.out.iterdir())) == 2


@pytest.mark.timeout(3600)
async def test_killed_at_each_point_each_rule_buys_each_content_once(
    zygote: Zygote, tmp_path: Path, *, long: bool
) -> None:
    step = 1 if long else FEW
    for point in count(1 + DAY % step, step):
        async with scene("autoretouch", zygote, tmp_path / str(point)) as plain:
            here = Chained(plain.studio, plain.service, zygote)
            here.begin()
            died = ""
            try:
                died = await here.killed_at(point)
                await here.to_the_end()
                here.check()
            except AssertionError as failure:
                raise AssertionError(f"killed at {point} ({died}): {failure}") from failure
        if not died:
            break
    assert point > 60, "its points were not found"
