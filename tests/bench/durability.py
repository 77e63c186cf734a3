"""What it takes to be safe: moves that share one fsync, commits a photo needs, and how late the loop is beside it."""

from __future__ import annotations

import statistics
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from artui.journal.store import value
from tests.bench.engine import Probed, command
from tests.bench.figure import Figure, counted, of_pairs
from tests.bench.home import Home, home, sink
from tests.bench.uploads import photos

ALONE = 5
"""Photos sent one after the other, each alone."""


def _moves(ours: Home) -> int:
    """The moves of all jobs, their being added not counted: another process wrote that."""
    return int(ours.journal.read(lambda db: value(db, "SELECT COUNT(*) FROM events WHERE what <> 'added'")))


def moves_per_fsync(number: int) -> Iterator[Figure]:
    """Moves of jobs by the commits that made them durable, each of which is one fsync of the journal."""
    with photos(number, 20_000) as files, sink() as url, home(url, uploads=32, downloads=32) as ours:
        probe = ours.probed()
        ours.learn_usual(0.5)
        before = probe.ask()["commits"]
        ours.add(files)
        ours.until_events("saved", number)
        commits, moves = probe.ask()["commits"] - before, _moves(ours)
    yield counted(
        "moves-per-fsync", moves / commits, "moves per fsync", side="least", bar=5,
        note=f"{number} photos: {moves} moves in {commits} commits",
    )  # fmt: skip


def commits_per_photo() -> Iterator[Figure]:
    """Commits from a photo that was added to its result on disk, where no other photo shares them: the median."""
    with photos(ALONE, 20_000) as files, sink() as url, home(url) as ours:
        ours.learn_usual(0.5)
        probe, used = ours.probed(), []
        for index, photo in enumerate(files, 1):
            before = probe.ask()["commits"]
            ours.add([photo])
            ours.until_events("saved", index)
            used.append(probe.ask()["commits"] - before)
    yield counted("commits", statistics.median(used), "commits per photo", side="most", bar=8, note=f"alone: {used}")


def loop_lag(number: int, rounds: int) -> Iterator[Figure]:
    """The 99th percentile of the loop's lag under full load, by that of a bare loop in a process beside it."""
    pairs = []
    for _ in range(rounds):
        with (
            photos(number, 100_000) as files,
            sink() as url,
            home(url) as ours,
            _bare_loop(ours.folder / "bare.json") as bare,
        ):
            ours.learn_usual(0.5)
            probe = ours.probed()
            ours.add(files)
            ours.until_events("taken", 1)
            probe.ask(), bare.ask()
            ours.until_events("saved", number)
            pairs.append((probe.ask()["p99"] * 1000, bare.ask()["p99"] * 1000))
    yield of_pairs("loop-lag", pairs, "ms (p99)", side="most", bar=5)


@contextmanager
def _bare_loop(report: Path) -> Iterator[Probed]:
    """A loop with nothing but the probe, in a process of its own."""
    with subprocess.Popen(command(report, "--bare")) as child:
        try:
            deadline = time.monotonic() + 10
            while not report.exists() and time.monotonic() < deadline:
                time.sleep(0.01)
            yield Probed(child.pid, report)
        finally:
            child.kill()
