"""Watched folders: a scan and the taking of very many files, a file's way into the journal, and what idling costs."""

from __future__ import annotations

import asyncio
import datetime as dt
import os
import sys
import tempfile
import threading
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from functools import partial
from pathlib import Path

import apsw
from watchfiles import awatch

from artui import providers
from artui.config import Origin, Source, load
from artui.core.plan import Offer
from artui.journal import Journal, rules
from artui.journal.store import connect, rows, value
from artui.model.job import Batch
from artui.providers.base import Identity, Limits, Organization, Workflow
from artui.timing import Clock
from artui.watch import marker
from artui.watch.rules import Rule, make_rule
from artui.watch.scanning import Candidate, Scanner
from artui.watch.taking import Ingester
from tests.bench.figure import Figure, compared, counted, cpu_seconds, of_rounds, seconds
from tests.bench.home import Home, home, make_photos, seen, sink

NOWHERE = "http://127.0.0.1:9"
SMALLEST = 8_000
WATCH = (sys.executable, "-m", "artui", "watch", "--json")
RULE = """
[[watch]]
name = "{name}"
folder = "{folder}"
output = "{output}"
existing = "process"
quiet = 0.1
"""


class _Offers:
    """What the service takes, without asking it."""

    async def ask(self, rule: Rule) -> Offer:
        """Nobody asks here."""
        raise NotImplementedError(rule)

    def limits(self, rule: Rule) -> Limits:
        """AutoRetouch's."""
        del rule
        return providers.capabilities("autoretouch").limits

    def labels(self, rule: Rule, batch: Batch) -> Mapping[str, str]:
        """Those of its batches."""
        del rule
        return {"autoretouch_batch_id": batch.id, "autoretouch_batch_name": batch.name}

    async def close(self) -> None:
        """Nothing is open."""


def _aged(files: list[Path]) -> None:
    """Let files have lain there for a minute, so that they count as settled."""
    for file in files:
        os.utime(file, (time.time() - 60,) * 2)


def _rule(ours: Home, folder: Path) -> Rule:
    written = {
        "folder": str(folder), "output": str(ours.folder / "out"), "account": "bench", "workflow": "Bench",
        "existing": "process",
    }  # fmt: skip
    return make_rule(load(ours.paths), written, Source(Origin.FLAG))


@contextmanager
def _full(number: int) -> Iterator[tuple[Home, Rule, list[Path]]]:
    """A watched folder with so many files, that nothing is known of yet."""
    with home(NOWHERE) as ours:
        files = make_photos(ours.folder / "in", number, SMALLEST)
        _aged(files)
        yield ours, _rule(ours, ours.folder / "in"), files


# ------------------------------------------------------------------------------------------------- very many files


def scan(number: int, *, rounds: int) -> Iterator[Figure]:
    """One scan by a bare ``scandir`` and ``lstat``: where all files are known, and where all are new."""
    with _full(number) as (_, rule, files):
        known = [(file.name, found.st_size, found.st_mtime_ns) for file in files for found in [file.lstat()]]
        root = marker.identity(rule.folder)
        knowing = Scanner(rule, Clock(), known)
        bare, note = partial(seconds, partial(_bare_scan, rule.folder)), f"{number:,} files"
        plain = partial(compared, unit="s", side="most", bar=3, rounds=rounds, note=note)
        yield plain("scan", partial(seconds, partial(knowing.look, root)), bare)
        yield plain("scan-new", lambda: seconds(partial(Scanner(rule, Clock(), ()).look, root)), bare)


def _bare_scan(folder: Path) -> int:
    with os.scandir(folder) as entries:
        return sum(os.lstat(entry.path).st_size for entry in entries)


def enqueue(number: int) -> Iterator[Figure]:
    """From settled files to jobs, by a bare ``executemany`` of the same rows into the same tables."""
    with _full(number) as (ours, rule, _):
        scanner = Scanner(rule, Clock(), ())
        settled = scanner.look(marker.identity(rule.folder)).settled
        _load(ours.journal, rule)
        yield compared(
            "enqueue", partial(seconds, partial(_take, ours, rule, settled)), partial(_insert_bare, ours, rule), "s",
            side="most", bar=10, rounds=1, note=f"{number:,} files",
        )  # fmt: skip


def _load(journal: Journal, rule: Rule) -> None:
    """Let a journal know the rule."""
    journal.write(
        rules.load, rule.id, name=rule.name, folder=rule.folder, account=rule.account, run=None, day=None, month=None,
        twins=str(rule.twins),
    )  # fmt: skip


def _take(ours: Home, rule: Rule, settled: list[Candidate]) -> None:
    where = ours.where
    identity = Identity(where.payer, where.url, Organization(where.organization, "Bench"))
    offer = Offer(
        "bench", "autoretouch", identity, Workflow(where.workflow, where.version, "Bench", 10), _Offers().limits(rule)
    )
    added = sum(len(taken.added) for taken in Ingester(ours.journal, rule, _Offers(), dt.UTC).take(settled, offer))
    assert added == len(settled)


def _insert_bare(ours: Home, rule: Rule) -> float:
    """Seconds to insert the rows that the taking left, into a fresh journal in one transaction."""
    tables = ("batches", "jobs", "events", "seen")
    found = {table: ours.journal.read(lambda db, table=table: rows(db, _select(db, table))) for table in tables}
    with Journal(ours.folder / "bare.db") as bare:
        _load(bare, rule)
        db = connect(bare.path, create=False)
        with db:
            began = time.perf_counter()
            for table in tables:
                names = _columns(db, table)
                marks = ", ".join("?" * len(names))
                db.executemany(f"INSERT INTO {table} ({', '.join(names)}) VALUES ({marks})", found[table])
        took = time.perf_counter() - began
        db.close()
    return took


def _columns(db: apsw.Connection, table: str) -> list[str]:
    return [name for _, name, *_ in db.execute(f"PRAGMA table_info({table})")]


def _select(db: apsw.Connection, table: str) -> str:
    return f"SELECT {', '.join(_columns(db, table))} FROM {table}"


# ------------------------------------------------------------------------------------------------ while it watches


def arrival(number: int) -> Iterator[Figure]:
    """From a rename into the folder to a job in the journal, by a bare ``awatch`` and one commit."""
    with tempfile.TemporaryDirectory(prefix="artui-bench-") as place, sink(lasting=600.0) as url:
        folder = Path(place) / "in"
        folder.mkdir()
        rule = RULE.format(name="in", folder=folder, output=Path(place) / "out")
        with home(url, rules=rule) as ours, _bare_watcher(Path(place)) as bare:
            ours.start([*WATCH])
            waiting = make_photos(Path(place) / "made", 2 * number, 20_000)
            _aged(waiting)
            time.sleep(1.0)  # both listen
            ahead = iter(waiting)
            yield compared(
                "arrival", lambda: _arrives(ours, next(ahead), folder), lambda: bare.arrives(next(ahead)), "s",
                side="most", bar=3, rounds=number,
            )  # fmt: skip


def first_byte(number: int) -> Iterator[Figure]:
    """From a rename into the folder to the first byte of its photo at the service: its quiet time has passed."""
    with tempfile.TemporaryDirectory(prefix="artui-bench-") as place, sink(lasting=600.0) as url:
        folder = Path(place) / "in"
        folder.mkdir()
        with home(url, rules=RULE.format(name="in", folder=folder, output=Path(place) / "out")) as ours:
            ours.start([*WATCH])
            waiting = make_photos(Path(place) / "made", number + 1, 20_000)
            _aged(waiting)
            time.sleep(1.0)  # it listens
            taken = []
            for photo in waiting:
                began = time.time()
                photo.rename(folder / photo.name)
                while len(begun := seen(url)["begun_at"]) == len(taken):
                    time.sleep(0.05)
                taken.append(begun[-1] - began)
                time.sleep(0.5)  # the next one arrives in a folder that has come to rest
    yield of_rounds("first-byte", taken[1:], "s", side="most", bar=0.3)  # the first one has the service asked


def _arrives(ours: Home, photo: Path, folder: Path) -> float:
    before = ours.journal.read(_jobs)
    began = time.perf_counter()
    photo.rename(folder / photo.name)
    while ours.journal.read(_jobs) == before:
        time.sleep(0.002)
    took = time.perf_counter() - began
    time.sleep(0.5)  # the next one arrives in a folder that has come to rest
    return took


def _jobs(db: apsw.Connection) -> int:
    return int(value(db, "SELECT COUNT(*) FROM jobs"))


class _BareWatcher:
    """``awatch`` on a folder, and one commit for what it tells."""

    def __init__(self, place: Path) -> None:
        self._folder = place / "bare"
        self._folder.mkdir()
        self._heard = threading.Event()
        self._stop = threading.Event()
        self._journal = Journal(place / "bare.db")
        self._thread = threading.Thread(target=lambda: asyncio.run(self._listen()), daemon=True)
        self._thread.start()

    async def _listen(self) -> None:
        async for _ in awatch(self._folder, stop_event=self._stop, recursive=False):
            await self._journal.write_async(
                lambda db: db.execute("UPDATE engine SET version = version || 'x'").fetchall()
            )
            self._heard.set()

    def arrives(self, photo: Path) -> float:
        """Seconds from a rename to the commit."""
        self._heard.clear()
        began = time.perf_counter()
        photo.rename(self._folder / photo.name)
        self._heard.wait()
        took = time.perf_counter() - began
        time.sleep(0.5)
        return took

    def close(self) -> None:
        """Listen no more."""
        self._stop.set()
        self._thread.join()
        self._journal.close()


@contextmanager
def _bare_watcher(place: Path) -> Iterator[_BareWatcher]:
    made = _BareWatcher(place)
    try:
        yield made
    finally:
        made.close()


def idle_watcher(watched: float) -> Iterator[Figure]:
    """CPU of an engine that watches ten folders in which nothing happens."""
    with tempfile.TemporaryDirectory(prefix="artui-bench-") as place, sink() as url:
        folders = [Path(place) / f"in-{number}" for number in range(10)]
        for folder in folders:
            folder.mkdir()
        written = [RULE.format(name=one.name, folder=one, output=Path(place) / f"out-{one.name}") for one in folders]
        with home(url, rules="\n".join(written)) as ours:
            pid = ours.start([*WATCH])
            time.sleep(3.0)
            before, began = cpu_seconds(pid), time.monotonic()
            time.sleep(watched)
            share = (cpu_seconds(pid) - before) / (time.monotonic() - began) * 100
    yield counted("idle-watcher", share, "% of a processor", side="most", bar=1, note=f"10 rules, {watched:g} s")
