"""Killed at every point of a rule with several workflows, and of a chain, a rule that takes the results of another:
each rule buys each content once for each of its workflows.

Small form: a few points a day. ``--long``: every one.
"""

from __future__ import annotations

import asyncio
import signal
from collections import Counter
from collections.abc import Sequence
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


class Watched(Scene):
    """Rules, and the services that work and die in them."""

    bought: int
    """What there is to buy."""
    results: int
    """How many results come of it."""
    ends: Counter[Status]
    """How its jobs end."""

    def rules(self) -> Sequence[str]:
        """The rules as they are written."""
        raise NotImplementedError

    def begin(self) -> None:
        """Write the rules, and let a photo land, and the same once more under another name."""
        own = paths().config_file
        own.write_text("".join((own.read_text(), *self.rules())))
        for folder in (self.studio.inbox, self.middle, self.studio.out):
            folder.mkdir(exist_ok=True)
        for name in ("a.jpg", "copy.jpg"):
            land(self.studio.folder, self.studio.inbox / name, 1)

    @property
    def middle(self) -> Path:
        return self.studio.folder / "mid"

    def engine(self, point: int = NEVER) -> Child:
        return self.zygote.spawn("tests.proof.doomed:watcher", point, str(self.told))

    async def _until_rest(self, child: Child) -> None:
        """Wait until it is dead, or both photos have gone through everything."""

        def rests() -> bool:
            row, found = self.studio.journal.read(requests.engine), self.studio.jobs()
            if (row.pid, row.state) != (child.pid, "running"):
                return False
            return Counter(job.status for job in found) == self.ends and self.is_tidy()

        await self.studio.until(lambda: child.poll() is not None or rests())

    def is_tidy(self) -> bool:
        """Whether photos lie where they are to be in the end."""
        return True

    async def to_the_end(self) -> None:
        child = self.engine()
        await self._until_rest(child)
        assert child.poll() is None, self._log()
        child.send(signal.SIGTERM)
        assert await asyncio.to_thread(child.wait) == 0, self._log()

    def check(self) -> None:
        """Each recipe was paid once, the copy was not, and all came home."""
        self.studio.check()
        ledger = self.studio.simulator.ledger
        assert len({(one["workflow"], one["digest"]) for one in ledger}) == len(ledger) == self.bought, ledger
        assert len(list(self.studio.out.iterdir())) == self.results


class Chained(Watched):
    """Two rules, of which one takes the results of the other."""

    bought, results, ends = 2, 2, Counter({Status.DONE: 2, Status.SKIPPED: 2})

    def rules(self) -> Sequence[str]:
        first = written("cutout", self.studio.inbox, self.middle, "Export only", "caps = { day = 100000 }")
        return first, written("ghost", self.middle, self.studio.out, "Ghost Mannequin", 'after_rule = "cutout"')


class Several(Watched):
    """A rule with two workflows, which moves what is done out of its folder."""

    bought, results, ends = 2, 4, Counter({Status.DONE: 2, Status.SKIPPED: 2})
    more = 'after = "move"\ncaps = { day = 100000 }\nworkflows = ["Export only", "Ghost Mannequin"]'

    def rules(self) -> Sequence[str]:
        return (written("both", self.studio.inbox, self.studio.out, "", self.more).replace('workflow = ""\n', ""),)

    def is_tidy(self) -> bool:
        return not [*self.studio.inbox.glob("*.jpg")]

    def check(self) -> None:
        super().check()
        assert len([*(self.studio.inbox / "done").iterdir()]) == 2, "each photo is done once, with the last of its two"


class SeveralChained(Several):
    """The same, and a rule that takes the results of both."""

    bought, results, ends = 4, 4, Counter({Status.DONE: 4, Status.SKIPPED: 4})

    def rules(self) -> Sequence[str]:
        first = written("both", self.studio.inbox, self.middle, "", self.more).replace('workflow = ""\n', "")
        return first, written("last", self.middle, self.studio.out, "Print Master", 'after_rule = "both"')


@pytest.mark.timeout(3600)
@pytest.mark.parametrize("kind", [Chained, Several, SeveralChained])
async def test_killed_at_each_point_each_rule_buys_each_content_once(
    kind: type[Watched], zygote: Zygote, tmp_path: Path, *, long: bool
) -> None:
    step = 1 if long else FEW
    for point in count(1 + DAY % step, step):
        async with scene("autoretouch", zygote, tmp_path / str(point)) as plain:
            here = kind(plain.studio, plain.service, zygote)
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
