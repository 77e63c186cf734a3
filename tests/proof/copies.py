"""Copies of a world's journal: taken while it works or rests, put back later, or gone on with elsewhere."""

from __future__ import annotations

import shutil
import signal
import time
from dataclasses import dataclass
from pathlib import Path

from artui.config import paths
from artui.engine import backups
from artui.engine.anchor import Displaced, open_journal
from artui.journal import jobs, requests, rescue
from artui.model.states import FINAL
from tests.proof.evidence import snapshot
from tests.proof.invariants import PART
from tests.proof.world import World

WAYS = ("sqlite", "backup", "cp", "home")
"""How a copy is made: by SQLite, by ``artui backup``, file by file; or of the whole home, anchor and all."""

LAST_ACTS = 0.15
"""Seconds in which the service carries out what it has in hand when its client dies."""


@dataclass(frozen=True)
class Copy:
    """A copy of a journal: how it was made, where it lies, from when it is, and whether an engine had worked before."""

    how: str
    path: Path
    at: float
    was_used: bool


def take(world: World, how: str) -> Copy:
    """Copy the journal as it is now; its files one by one only where nobody writes them."""
    world.count_pending()
    was_used = world.studio.journal.read(requests.engine).generation > 0
    journal, place = world.studio.journal, world.studio.folder / f"copy-{time.monotonic_ns()}"
    if how in ("cp", "home"):
        world.end(signal.SIGTERM)
        at = time.time()
        journal.close()  # a file of SQLite's must not be opened otherwise by who has it open: that ends its locks
        _copy_files(journal.path, place)
        if how == "home" and paths().anchor.exists():
            shutil.copy(paths().anchor, place.with_suffix(".anchor"))
        world.studio.journal = open_journal(paths())
        return Copy(how, place, at, was_used)
    at = time.time()
    if how == "backup":
        backups.make(paths(), journal, place.with_suffix(".zip"))
    else:
        journal.back_up(place)
    return Copy(how, place, at, was_used)


def _copy_files(journal: Path, target: Path) -> None:
    for part in rescue.PARTS:
        source = journal.with_name(journal.name + part)
        if source.exists():
            shutil.copy(source, target.with_name(target.name + part))


def may_go_unnoticed(world: World, copy: Copy, *, elsewhere: bool) -> bool:
    """Whether nothing shows that this copy is one: put back with its anchor where a service has no list, or from before
    the journal was at home anywhere."""
    if elsewhere:
        return not copy.was_used
    since = [one for one in world.simulator.history if one["time"] >= copy.at]
    bought_beside = any("/retoucher/start" in one["path"] or "/run_workflow=" in one["path"] for one in since)
    return copy.how == "home" and (bought_beside or not world.labels_show)


def put_back(world: World, copy: Copy, *, elsewhere: bool) -> bool:
    """Have the copy take the journal's place, here or in another home, and go on as artui says; False where nothing
    could show that it is a copy, and it is left."""
    world.end(signal.SIGTERM)
    time.sleep(LAST_ACTS)
    if may_go_unnoticed(world, copy, elsewhere=elsewhere):
        return False
    world.count_pending()
    world.simulator.faults.clear()
    world.studio.journal.close()
    home = paths()
    if elsewhere:
        world.move(world.studio.folder / f"home-{copy.path.name}")
    else:
        for file in home.state.glob("journal.db*"):
            file.unlink()
    if elsewhere or copy.how == "home":
        paths().anchor.unlink(missing_ok=True)
        if copy.path.with_suffix(".anchor").exists():
            shutil.copy(copy.path.with_suffix(".anchor"), paths().anchor)
    if copy.how == "backup":
        world.type("restore", str(copy.path.with_suffix(".zip")), "--yes")  # where it cannot ask, `recover` goes on
    _copy_files(copy.path, paths().journal)
    world.gaps.append((copy.at, time.time()))
    lies_there = snapshot(world.studio.out)
    try:
        world.studio.journal = open_journal(paths())
    except Displaced:
        world.recover()
    else:
        world.is_clone = copy.how == "home"
    world.studio._before |= {path: digest for path, digest in lies_there.items() if not _goes_on(world, path)}
    return True


def _goes_on(world: World, path: Path) -> bool:
    """Whether a file is a part that a job of the copy goes on with: any other was a job's that only the lost journal
    knew, and may be another journal's for all that the copy can tell."""
    part = PART.fullmatch(path.name)
    job = world.studio.journal.read(jobs.get, int(part[1])) if part else None
    return job is not None and not job.found and job.status not in FINAL
