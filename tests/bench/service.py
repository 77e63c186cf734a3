"""How artui treats a service: share of the ideal at a distance, requests, promptness, CPU."""

from __future__ import annotations

import statistics
import time
from collections.abc import Iterator, Sequence
from functools import partial
from pathlib import Path

from artui.journal.store import rows
from tests.bench.figure import Figure, compared, counted, cpu_seconds, of_rounds
from tests.bench.home import Home, home, seen, sink, stand_in
from tests.bench.uploads import MEGABYTE, photos, run_curl

LATENCY = 0.2
LOOKS = ("list", "details")


def _finished(ours: Home, files: list[Path]) -> None:
    ours.add(files)
    ours.until_events("saved", len(files))


def _by_engine(files: list[Path], url: str, lasting: float) -> float:
    """Seconds from the first result the engine sees to the last one under its name. All were ordered before, by an
    engine that was killed then, so that this one only fetches.
    """
    with home(url, settings="first_look = 0.2", downloads=8) as ours:
        ours.learn_usual(lasting)
        ours.start()
        ours.add(files)
        ours.until_events("sent", len(files))
        ours.stop()
        if ours.events("processed"):
            raise RuntimeError("a job was done before the last one was sent: jobs must last longer")
        time.sleep(lasting)
        ours.start()
        ours.until_events("saved", len(files))
        return ours.span("processed", "saved")


def _by_curl(files: list[Path], url: str) -> float:
    """Seconds that curl takes to fetch as many results into files."""
    folder = files[0].parent
    lines: list[str] = []
    for number, _ in enumerate(files):
        lines += [f'url = "{url}/v1/image/{number}/result.jpg"', f'output = "{folder}/fetched-{number}"']
    return run_curl(lines, 8)


def downloads(number: int, *, rounds: int) -> Iterator[Figure]:
    """Fetching with hash, fsync and publishing, by curl to files."""
    lasting = 2.0 + number / 50
    with photos(number, 20_000) as files, sink(result=MEGABYTE, lasting=lasting) as url:
        ours, curl = partial(_by_engine, files, url, lasting), partial(_by_curl, files, url)
        yield compared(
            "download", ours, curl, "s", side="least", bar=None, rounds=rounds, faster_is_more=True,
            note=f"{number} x 1 MB, 8 slots, open",
        )  # fmt: skip


def latency(number: int) -> Iterator[Figure]:
    """At 200 ms a call: the time that eight slots would take for as many calls as were counted, by the time taken."""
    slots = 8
    with photos(number, 20_000) as files, sink(latency=LATENCY, lasting=600.0) as url, home(url, uploads=slots) as ours:
        ours.start()
        before = _calls(url)
        ours.add(files)
        ours.until_events("sent", number)
        calls = _calls(url) - before
        share = calls * LATENCY / slots / ours.span("taken", "sent")
    yield counted("latency", share, "of the ideal", side="least", bar=0.95, note=f"{calls} calls for {number} photos")


def _calls(url: str) -> int:
    found: dict[str, int] = seen(url)["calls"]
    return found.get("upload", 0) + found.get("create", 0)


def cpu_per_photo(number: int) -> Iterator[Figure]:
    """CPU time of the engine from a small photo on disk to its result on disk, per photo: the stand-in answers."""
    with photos(number + 1, 20_000) as (first, *files), stand_in() as where, home(where) as ours:
        ours.learn_usual(0.1)
        pid = ours.start()
        _finished(ours, [first])  # what an engine reads and opens once is not the photos' cost
        before = cpu_seconds(pid)
        ours.add(files)
        ours.until_events("saved", number + 1)
        each = (cpu_seconds(pid) - before) / number * 1000
    yield counted("cpu", each, "CPU ms per photo", side="most", bar=5, note=f"{number} photos of 20 kB")


def requests_alone(lasting: float) -> Iterator[Figure]:
    """Requests for one job that takes ``lasting`` seconds at the service, of a workflow whose usual time is known."""
    with photos(1, 20_000) as files, sink(lasting=lasting) as url, home(url) as ours:
        ours.learn_usual(lasting)
        ours.start()
        _finished(ours, files)
        calls = seen(url)["calls"]
    number = sum(count for name, count in calls.items() if name not in ("token", "control"))
    yield counted("requests", number, "requests", side="most", bar=8, note=f"a job of {lasting:g} s: {calls}")


def requests_among(number: int, lasting: float) -> Iterator[Figure]:
    """Requests for looks per cycle, where a cycle is the time a job takes, with many at the service at once."""
    with photos(number, 20_000) as files, sink(lasting=lasting) as url, home(url) as ours:
        ours.learn_usual(lasting)
        ours.start()
        _finished(ours, files)
        calls = seen(url)["calls"]
        cycles = max(1.0, ours.span("sent", "processed") / lasting)
    looks = sum(calls.get(name, 0) for name in LOOKS)
    yield counted(
        "requests-many", looks / cycles, "looks per cycle", side="most", bar=25, note=f"{number} jobs: {calls}"
    )


def promptness(number: int, lasting: float) -> Iterator[Figure]:
    """How long a result lies ready at the service before it is on disk, by the time its job took: the median."""
    with photos(number, 20_000) as files, sink(lasting=lasting) as url, home(url) as ours:
        ours.learn_usual(lasting)
        ours.start()
        _finished(ours, files)
        done_at: dict[str, float] = seen(url)["done_at"]
        saved = ours.journal.read(
            lambda db: list(rows(db, "SELECT execution, finished_at FROM jobs WHERE status = 'done'"))
        )
    waited = [(at - done_at[execution]) / lasting for execution, at in saved]
    yield counted("promptness", statistics.median(waited), "of the job's time", side="most", bar=0.15)


UNKNOWN = (1.0, 5.0, 20.0, 60.0)
"""Seconds that jobs take of a workflow artui has never seen, and of one it knows."""


def _late(ours: Home, url: str, lasting: float) -> list[float]:
    """How long each result lay ready before it was on disk, by the time its job took; the first ordered first."""
    done_at: dict[str, float] = seen(url)["done_at"]
    saved = ours.journal.read(
        lambda db: list(rows(db, "SELECT execution, finished_at FROM jobs WHERE status = 'done' ORDER BY execution"))
    )
    return [(at - done_at[execution]) / lasting for execution, at in saved]


def lateness(times: Sequence[float], number: int, rounds: int) -> Iterator[Figure]:
    """How late results come by the time their jobs take: the first one of a workflow nobody knows, all of one that is
    known, and the requests a job takes there."""
    for lasting in times:
        first: list[float] = []
        known: list[float] = []
        asked: list[float] = []
        for _ in range(rounds):
            with photos(number, 20_000) as files, sink(lasting=lasting) as url, home(url) as ours:
                ours.start()
                _finished(ours, files)
                first.append(_late(ours, url, lasting)[0])
            with photos(number, 20_000) as files, sink(lasting=lasting) as url, home(url) as ours:
                ours.learn_usual(lasting)
                ours.start()
                _finished(ours, files)
                known.append(statistics.median(_late(ours, url, lasting)))
                calls = seen(url)["calls"]
                asked.append(sum(n for name, n in calls.items() if name not in ("token", "control")) / number)
        note = f"{number} photos, jobs of {lasting:g} s, {rounds} rounds"
        for name, found, unit, bar in (
            ("late-unknown", first, "of the job's time, first photo", 0.25),
            ("late-known", known, "of the job's time, median", 0.05),
            ("late-requests", asked, "requests a job", 8.0),
        ):
            yield of_rounds(f"{name}-{lasting:g}", found, unit, side="most", bar=bar, note=note)
