"""A copy of the journal from after any commit, put back or gone on with elsewhere: no photo is paid a second time.

One run makes a copy after each of its commits; then each copy takes the journal's place, and everything is submitted
again. What was bought comes home without another charge where the service has a list; elsewhere it waits for a person.
Small form: some commits, another choice each day. ``--long``: all of them.
"""

from __future__ import annotations

import asyncio
import shutil
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import pytest

from artui.cli import run
from artui.cli.exits import Exit
from artui.config import Paths, load, paths
from artui.engine import backups
from artui.engine.anchor import Displaced, open_journal
from artui.journal import Journal, accounts, rescue
from artui.model.job import Job
from artui.model.states import FINAL, Reason, Status
from artui.sim.server import Simulator, running
from tests.proof.day import DAY
from tests.proof.invariants import broken, intended_first, only_intents_pay
from tests.proof.test_crash_sweep import ACCOUNTS, RECIPES, SETTLE
from tests.studio import Studio, open_studio

PHOTOS = 3


def by_cp(journal: Journal, target: Path) -> None:
    """The journal's files as they lie there."""
    for part in rescue.PARTS:
        source = journal.path.with_name(journal.path.name + part)
        if source.exists():
            shutil.copy(source, target.with_name(target.name + part))


def by_sqlite(journal: Journal, target: Path) -> None:
    """SQLite's own backup."""
    journal.back_up(target)


def by_artui(journal: Journal, target: Path) -> None:
    """``artui backup``."""
    backups.make(paths(), journal, target.with_suffix(".zip"))


def of_the_home(journal: Journal, target: Path) -> None:
    """The whole home, with its anchor."""
    by_cp(journal, target)
    if paths().anchor.exists():
        shutil.copy(paths().anchor, target.with_suffix(".anchor"))


COPIES: dict[str, Callable[[Journal, Path], None]] = {
    "cp": by_cp, "sqlite": by_sqlite, "backup": by_artui, "home elsewhere": of_the_home, "clone": of_the_home,
}  # fmt: skip


@dataclass
class Scene:
    """A studio in which photos were bought, with a copy of its journal from after each commit."""

    studio: Studio
    service: str
    how: str
    folder: Path
    home: Paths
    copies: int = 0

    def charges(self) -> Counter[str]:
        return Counter(charge["digest"] for charge in self.studio.simulator.ledger if charge["credits"] > 0)

    async def buy(self) -> None:
        """Buy photos one after the other, one of them twice over, and copy the journal after each commit."""
        self.studio.journal.on_commit(self._copy)
        await self.add()
        await self.studio.start()
        await self.studio.at_rest()
        await self.studio.stop()
        self.studio.journal.close()
        shutil.copytree(self.studio.out, self.folder / "out")

    def _copy(self) -> None:
        COPIES[self.how](self.studio.journal, self.folder / f"{self.copies}.db")
        self.copies += 1

    async def add(self) -> None:
        recipe = RECIPES[self.service]
        given = {"provider": self.service, "parameters": self.studio.workflows[recipe].parameters}
        photos = self.studio.photos(PHOTOS) if not self.studio.inbox.exists() else sorted(self.studio.inbox.iterdir())
        await self.studio.add(photos, workflow=recipe, **given)

    async def put_back(self, number: int, environment: pytest.MonkeyPatch) -> None:
        """Have a copy take the journal's place, and submit everything again; see that nothing is bought again."""
        before = self.charges()
        shutil.rmtree(self.studio.out)
        shutil.copytree(self.folder / "out", self.studio.out)
        if not await asyncio.to_thread(self._lay, number, environment):
            return
        said = await self._open()
        await self.add_again()
        jobs = await self._to_rest()
        if self.service == "autoretouch" and any(job.reason == Reason.RECOVERED for job in jobs if not job.found):
            assert self.charges() == before, (said, self.studio.places())
            self.studio.journal.close()
            assert await asyncio.to_thread(run, ["recover", "--yes"]) == Exit.OK
            self.studio.journal = open_journal(paths())
            jobs = await self._to_rest()
        held = {str(job.reason) for job in jobs if job.status is Status.HELD}
        assert self.charges() == before, (said, self.studio.places())
        assert not any(job.status is Status.FAILED for job in jobs), self.studio.places()
        if self.service == "autoretouch":
            assert all(job.status in FINAL for job in jobs if not job.found), self.studio.places()
            saved = [path for path in self.studio.out.iterdir() if path.is_file()]
            assert len(saved) >= len(before), [path.name for path in saved]
            torn = broken(self.studio.evidence())
            for one in (intended_first, only_intents_pay):  # the events of what is not in the copy are gone
                torn.pop(one.__name__, None)
            assert not torn, torn
        else:
            assert held <= {str(Reason.RECOVERED), str(Reason.IN_DOUBT), str(Reason.TWIN)}, self.studio.places()
        self.studio.journal.close()

    async def _to_rest(self) -> list[Job]:
        await self.studio.start()
        jobs = await self.studio.at_rest()
        await self.studio.stop()
        return jobs

    def _lay(self, number: int, environment: pytest.MonkeyPatch) -> bool:
        """Lay the copy where a journal lies; False where there was no engine yet, which is nothing to go on with."""
        copy = self.folder / f"{number}.db"
        for place in self.home.state.glob("journal.db*"):
            place.unlink()
        if self.how == "home elsewhere":
            elsewhere = self.folder / f"home{number}"
            environment.setenv("ARTUI_HOME", str(elsewhere))
            paths().create()
            shutil.copy(self.home.config_file, paths().config_file)
        if copy.with_suffix(".anchor").exists():
            shutil.copy(copy.with_suffix(".anchor"), paths().anchor)
        elif self.how in ("home elsewhere", "clone"):
            return False
        if self.how == "backup":
            return run(["restore", str(copy.with_suffix(".zip")), "--yes"]) in (Exit.OK, Exit.PERSON)
        for part in rescue.PARTS:
            source = copy.with_name(copy.name + part)
            if source.exists():
                shutil.copy(source, paths().journal.with_name(paths().journal.name + part))
        return True

    async def _open(self) -> str:
        """Open the journal, recovered first where it is refused."""
        said = "taken as it is"
        self.studio.config = load()
        try:
            self.studio.journal = open_journal(paths())
        except Displaced as refusal:
            said = str(refusal)
            assert await asyncio.to_thread(run, ["recover", "--yes"]) in (Exit.OK, Exit.PERSON)
            self.studio.journal = open_journal(paths())
        return said

    async def add_again(self) -> None:
        recipe = RECIPES[self.service]
        given = {"provider": self.service, "parameters": self.studio.workflows[recipe].parameters}
        for photo in sorted(self.studio.inbox.iterdir()):
            await self.studio.add([photo], workflow=recipe, stem=f"again {photo.stem}", **given)


@pytest.mark.parametrize("how", COPIES)
@pytest.mark.parametrize("service", ACCOUNTS)
async def test_put_back_after_any_commit_nothing_is_bought_again(
    service: str, how: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, *, long: bool
) -> None:
    if how == "clone" and service != "autoretouch":
        pytest.skip("a clone of a machine shows in a list alone")
    copies = tmp_path / "copies"
    copies.mkdir()
    monkeypatch.setenv("ARTUI_HOME", str(tmp_path / "home"))
    with running(Simulator(speed=1000)) as simulator:
        given = {"service": service, "account": ACCOUNTS[service], "settle": SETTLE}
        async with open_studio(simulator, monkeypatch, tmp_path, **given) as studio:
            if service == "autoretouch":
                await studio.journal.write_async(accounts.prove_labels, studio.identity.payer)
            scene = Scene(studio, service, how, copies, paths())
            await scene.buy()
            assert scene.copies > 15, "its commits were not found"
            anchored = paths().anchor.read_bytes()
            step = 1 if long else max(1, scene.copies // 3)
            first = 0 if long else DAY % step
            for number in range(first, scene.copies, step):
                with pytest.MonkeyPatch.context() as environment:
                    paths().anchor.write_bytes(anchored)
                    try:
                        await scene.put_back(number, environment)
                    except AssertionError as failure:
                        raise AssertionError(f"{service}, {how}, after commit {number}: {failure}") from failure
