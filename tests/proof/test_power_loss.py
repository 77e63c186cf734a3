"""The power goes at any moment: nothing is lost that anybody was told, and each photo is done and paid once.

SQLite writes to a disk that forgets, tears and reorders what was not synced; so do the files beside the journal. Where
the same test does not fail on a disk that lies, or without the journal's syncs, it proves nothing: that is tested, too.
"""

from __future__ import annotations

import asyncio
import json
import random
import shutil
import signal
import time
from collections.abc import Iterable
from itertools import count
from pathlib import Path

import apsw
import pytest

from artui.engine.anchor import open_journal
from artui.journal import Connection, Journal, JournalProblem, accounts, jobs, store
from tests.proof.power import Disk, checkpointed, powered, steps_told
from tests.proof.ward import SEED, SERVICES, Ward, Wards
from tests.proof.zygote import Child
from tests.samples import new_job

ROUNDS = 25
"""How often a few moves at once are written in one run of the journal alone; in each the power goes about twice."""

PAGES = (1, 5, 20)
"""After how many pages of its log a journal under test is checkpointed: the more often, the more can go wrong."""

LOST = "an acknowledged move is lost"
DAMAGE = f"{LOST}|the journal is damaged"


# ------------------------------------------------------------------------------------------------ the journal alone


def check_left(folder: Path, left: dict[str, bytes], added: int, kept: str) -> None:
    """Open what a power cut left, as the next engine does, and see that all is there which was acknowledged."""
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir()
    for name, content in left.items():
        (folder / name).write_bytes(content)
    db = apsw.Connection(str(folder / "journal.db"), vfs="unix")
    db.config(apsw.SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, 1)  # nobody needs it any more, and its syncs take long
    try:
        assert db.pragma("integrity_check") == "ok", "the journal is damaged"
        if not added and not db.pragma("user_version"):
            return  # it was not even begun
        photos, highest = db.execute("SELECT COUNT(*), COALESCE(MAX(id), 0) FROM jobs").fetchone()
        assert photos == highest >= added, f"{LOST}: there are {photos} of {added} photos"
        events, newest = db.execute("SELECT COUNT(*), COALESCE(MAX(seq), 0) FROM events").fetchone()
        assert events == newest == photos, "the events have a gap"
        definition = accounts.cached_workflow(db, "studio", "wf")
        assert (definition or "") >= kept, f"{LOST}: a workflow's definition"
    except apsw.Error as error:
        raise AssertionError(f"the journal is damaged: {error}") from error
    finally:
        db.close()


async def cut_often(folder: Path, seed: int, *, lies: bool = False) -> int:
    """Write to a journal, cut the power at moments of chance and see what is left; returns how many moments."""
    await asyncio.to_thread(folder.mkdir)
    chance, steps = random.Random(f"{seed}"), count()
    told: list[tuple[int, str]] = [(0, "")]
    cuts: list[tuple[dict[str, bytes], tuple[int, str]]] = []

    def happened(_what: str) -> None:
        moment = random.Random(f"{seed} {next(steps)}")
        if moment.random() < 0.03:
            so_far = told[-1]  # before what is left: more may be acknowledged meanwhile
            cuts.append((disk.left(moment), so_far))

    disk = Disk(happened, lies=lies)
    with powered(disk), checkpointed(chance.choice(PAGES)), Journal(folder / "journal.db") as journal:
        for number in range(ROUNDS):
            photos = chance.choice((1, 1, 2, 8))
            text = json.dumps(f"{number:04}" + "x" * chance.choice((10, 3000, 20_000)))
            works = [journal.write_async(jobs.add, None, [new_job()]) for _ in range(photos)]
            await asyncio.gather(*works, journal.write_async(accounts.keep_workflow, "studio", "wf", text))
            told.append((told[-1][0] + photos, text))
            happened("acknowledged")
    for left, (added, kept) in cuts:
        check_left(folder / "left", left, added, kept)
    return len(cuts)


async def cut_with_many_seeds(folder: Path, seeds: Iterable[int], *, lies: bool = False) -> int:
    cuts = 0
    for seed in seeds:
        try:
            cuts += await cut_often(folder / f"{seed}", seed, lies=lies)
        except AssertionError as failure:
            failure.add_note(f"with seed {seed}")
            raise
        shutil.rmtree(folder / f"{seed}")
    return cuts


@pytest.mark.timeout(1800)
async def test_what_was_acknowledged_outlives_a_power_cut(tmp_path: Path, long: bool) -> None:
    cuts = await cut_with_many_seeds(tmp_path, range(SEED, SEED + (400 if long else 20)))
    print(f"the power went {cuts} times")  # noqa: T201 — for a report


async def test_a_disk_that_lies_is_noticed_by_the_same_test(tmp_path: Path) -> None:
    with pytest.raises(AssertionError, match=DAMAGE):
        await cut_with_many_seeds(tmp_path, range(SEED, SEED + 20), lies=True)


@pytest.mark.parametrize("word", ["OFF", "NORMAL"])
async def test_a_journal_that_syncs_less_is_noticed_by_the_same_test(
    word: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    connect = store.connect

    def lax(path: Path, *, create: bool = True) -> Connection:
        db = connect(path, create=create)
        db.execute(f"PRAGMA synchronous = {word}")
        return db

    monkeypatch.setattr(store, "connect", lax)
    with pytest.raises(AssertionError, match=DAMAGE):
        await cut_with_many_seeds(tmp_path, range(SEED, SEED + 20))


# ---------------------------------------------------------------------------------------------- the whole engine


class Cellar:
    """A ward whose power goes."""

    def __init__(self, ward: Ward, pages: int, *, lies: bool = False) -> None:
        self.ward = ward
        self.how = (pages, lies)
        self.told, self.left = (ward.studio.folder.with_name(name) for name in ("steps", "left"))

    def start(self, cut: str, seed: str) -> None:
        places = map(str, (self.ward.studio.folder, self.told, self.left))
        self.ward.child = self.ward.zygote.spawn("tests.proof.power:engine", *places, cut, seed, *self.how)

    async def steps(self) -> list[str]:
        """What happens while one photo goes from end to end."""
        number = await self.ward.add()
        self.start("never", "")
        await self.ward.rest(number)
        await self.ward.stop()
        return steps_told(self.told)[0]

    async def run(self, cut: str, seed: str) -> None:
        """Cut the power while a photo is on its way, see what is left, and bring the photo home."""
        ward, journal = self.ward, self.ward.studio.config.paths.journal
        ward.clear_traces()
        number = await ward.add()
        ward.studio.journal.close()
        self.start(cut, seed)
        assert ward.child
        if await ended(ward.child):
            for file in journal.parent.glob("journal.db*"):
                file.unlink()
            for file in self.left.iterdir():
                file.rename(journal.parent / file.name)
            self.left.rmdir()
        ward.studio.journal = open_journal(ward.studio.config.paths)
        told = steps_told(self.told)[1]
        newest = ward.studio.journal.read(lambda db: db.execute("SELECT MAX(seq) FROM events").fetchone()[0])
        assert newest >= told, f"{LOST}: event {newest} of {told}"
        ward.start()
        await ward.bring_home(number)
        await ward.stop()
        ward.check(number)


async def ended(child: Child) -> bool:
    """Wait until an engine has ended, soon by itself; returns whether the power went before it was told to."""
    told_at, given_up = time.monotonic() + 3, time.monotonic() + 20
    while (code := child.poll()) is None:
        assert time.monotonic() < given_up, "it does not end"
        if time.monotonic() > told_at:
            child.send(signal.SIGTERM)  # the step it was to end at comes on its way out, or not this time
            told_at = given_up
        await asyncio.sleep(0.01)
    assert code in (0, -signal.SIGKILL), f"it ended with {code}"
    return code == -signal.SIGKILL


async def cut_engines(service: str, wards: Wards, seeds: Iterable[int], pages: int, *, lies: bool = False) -> None:
    """Have the power go in the middle of one photo after another: half of the times at a step of its own."""
    async with wards(service) as ward:
        cellar = Cellar(ward, pages, lies=lies)
        await cellar.steps()  # the first one also makes what the later ones find
        steps = await cellar.steps()
        names = sorted(set(steps))
        for seed in seeds:
            chance = random.Random(f"{seed}")
            cut = chance.choice(names) if chance.random() < 0.5 else str(chance.randint(1, len(steps)))
            try:
                await cellar.run(cut, f"{seed}")
            except (AssertionError, JournalProblem) as failure:
                failure.add_note(f"{service}, {pages} pages, the power went at {cut} with seed {seed}")
                raise


@pytest.mark.timeout(3600)
@pytest.mark.parametrize("service", SERVICES)
async def test_each_photo_is_paid_and_saved_once_though_the_power_goes(service: str, ward: Wards, long: bool) -> None:
    every, pages = (100, PAGES) if long else (8, PAGES[1:2])
    for number, each in enumerate(pages):
        first = SEED + number * every
        await cut_engines(service, ward, range(first, first + every), each)


async def test_a_disk_that_lies_is_noticed_with_the_whole_engine(ward: Wards) -> None:
    with pytest.raises((AssertionError, JournalProblem), match=f"{DAMAGE}|damaged|older copy"):
        await cut_engines("autoretouch", ward, range(SEED, SEED + 20), PAGES[0], lies=True)
