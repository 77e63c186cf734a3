"""How fast photos go up: the whole engine against curl, against a bare loop, and what it costs in CPU and memory."""

from __future__ import annotations

import asyncio
import resource
import shutil
import statistics
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path

from artui.journal.store import rows
from tests.bench.engine import command
from tests.bench.figure import Figure, compared, counted, cpu_seconds, memory, seconds
from tests.bench.home import ENGINE, Home, home, make_photos, sink

GIGABIT = 125_000_000.0
MEGABYTE = 1_000_000


@contextmanager
def photos(number: int, size: int) -> Iterator[list[Path]]:
    """A folder with so many photos, in the cache of the system."""
    with tempfile.TemporaryDirectory(prefix="artui-bench-") as folder:
        yield make_photos(Path(folder), number, size)


def by_curl(files: list[Path], url: str, slots: int) -> float:
    """Seconds that curl takes to send files in parallel, each as a form."""
    lines = []
    for file in files:
        lines += [f'url = "{url}/upload"', f'form = "file=@{file};type=image/jpeg"', 'output = "/dev/null"', "next"]
    return run_curl(lines[:-1], slots)


def run_curl(lines: list[str], slots: int) -> float:
    """Seconds that curl takes for the transfers these lines of a config file describe."""
    curl = shutil.which("curl")
    if curl is None:
        raise RuntimeError("curl is the reference of this figure: install it")
    with tempfile.NamedTemporaryFile("w", suffix=".curl") as config:
        config.write("\n".join(["parallel", f"parallel-max = {slots}", "silent", *lines]))
        config.flush()
        command = [curl, "--config", config.name]
        return seconds(lambda: subprocess.run(command, check=True, stderr=subprocess.DEVNULL))


def by_engine(files: list[Path], url: str, slots: int, *options: str) -> float:
    """Seconds the engine takes from the first photo it takes to the last one accepted: checked, hashed, written to the
    journal, uploaded and ordered. ``options`` are those of an engine with a probe.
    """
    with home(url, uploads=slots) as ours:
        ours.start(command(ours.folder / "report", *options) if options else ENGINE)
        ours.add(files)
        ours.until_events("sent", len(files))
        return ours.span("taken", "sent")


def against_curl(
    name: str, number: int, size: int, *, slots: int, rate: float, bar: float | None, rounds: int
) -> Iterator[Figure]:
    """The engine's speed by curl's."""
    with photos(number, size) as files, sink(rate=rate, lasting=600.0) as url:
        yield compared(
            name, partial(by_engine, files, url, slots), partial(by_curl, files, url, slots), "s", side="least",
            bar=bar, rounds=rounds, faster_is_more=True,
            note=f"{number} x {size:,} bytes, {slots} slots, {'1 Gbit/s' if rate else 'open'}",
        )  # fmt: skip


def against_stock(number: int, *, rounds: int) -> Iterator[Figure]:
    """The engine's speed by that of the same engine over httpx's own transport."""
    with photos(number, MEGABYTE) as files, sink(lasting=600.0) as url:
        ours, stock = partial(by_engine, files, url, 8), partial(by_engine, files, url, 8, "--stock")
        yield compared(
            "upload-stock", ours, stock, "s", side="least", bar=1.5, rounds=rounds, faster_is_more=True,
            note=f"{number} x 1 MB, 8 slots, open",
        )  # fmt: skip


def many_slots(number: int, *, rounds: int) -> Iterator[Figure]:
    """The speed of 32 slots by that of 8, and how far the slowest photos lie behind the middle one."""
    spreads: list[float] = []

    def wide(files: list[Path], url: str) -> float:
        with home(url, uploads=32) as ours:
            ours.start()
            ours.add(files)
            ours.until_events("sent", len(files))
            spreads.append(_spread(ours))
            return ours.span("taken", "sent")

    with photos(number, MEGABYTE) as files, sink(rate=GIGABIT, lasting=600.0) as url:
        yield compared(
            "slots", partial(wide, files, url), partial(by_engine, files, url, 8), "s", side="least", bar=0.85,
            rounds=rounds, faster_is_more=True, note=f"{number} x 1 MB, 32 slots by 8, 1 Gbit/s",
        )  # fmt: skip
    yield counted("slots-spread", statistics.median(spreads), "p99 by p50", side="most", bar=5, note="with 32 slots")


def _spread(ours: Home) -> float:
    """The 99th percentile of the photos' times from being taken to being sent, by the median."""
    found = ours.journal.read(
        lambda db: rows(
            db,
            "SELECT MAX(at) - MIN(at) FROM events WHERE what IN ('taken', 'sent') GROUP BY job HAVING COUNT(*) > 1",
        )
    )
    times = sorted(taken for (taken,) in found)
    return float(times[int(len(times) * 0.99)] / statistics.median(times))


def _peak(number: int, size: int) -> float:
    """The most memory in MB of an engine that sends so many photos."""
    with photos(number, size) as files, sink(rate=GIGABIT, lasting=600.0) as url, home(url, uploads=4) as ours:
        pid = ours.start()
        ours.add(files)
        ours.until_events("sent", len(files))
        return memory(pid, "VmHWM")


def memory_of_large(number: int) -> Iterator[Figure]:
    """The peak of memory for photos of 100 MB by that for photos of 1 MB."""
    large, small = partial(_peak, number, 100 * MEGABYTE), partial(_peak, number, MEGABYTE)
    yield compared("upload-memory", large, small, "MB", side="most", bar=1.15, rounds=1)


def _cpu_of_engine(first: Path, files: list[Path], url: str) -> float:
    with home(url) as ours:
        pid = ours.start()
        ours.add([first])  # what an engine reads and opens once is not the photos' cost
        ours.until_events("sent", 1)
        before = cpu_seconds(pid)
        ours.add(files)
        ours.until_events("sent", len(files) + 1)
        return cpu_seconds(pid) - before


def _cpu_of_bare_loop(files: list[Path], url: str) -> float:
    """CPU seconds of a process that hashes each file once and sends it over the same transport, six at a time."""
    names = "\n".join(map(str, files))
    command = [sys.executable, "-m", "tests.bench.uploads", url]
    ended = subprocess.run(command, input=names, capture_output=True, text=True, check=True)
    return float(ended.stdout)


def cpu_against_bare_loop(number: int) -> Iterator[Figure]:
    """The engine's CPU time by that of a bare loop over the same transport that hashes each photo once."""
    with photos(number + 1, MEGABYTE) as (first, *files), sink(lasting=600.0) as url:
        ours, bare = partial(_cpu_of_engine, first, files, url), partial(_cpu_of_bare_loop, files, url)
        yield compared("upload-cpu", ours, bare, "CPU s", side="most", bar=1.5, note=f"{number} x 1 MB")


async def _send_all(url: str, files: list[Path]) -> None:
    import hashlib

    from artui.providers.http import Client, FilePart, HttpRequest, multipart_body

    client, slots = Client("bench"), asyncio.Semaphore(6)

    def content(file: Path) -> Iterator[bytes]:
        with file.open("rb") as stream:
            while block := stream.read(1 << 18):
                yield block

    def digest(file: Path) -> str:
        with file.open("rb") as stream:
            return hashlib.file_digest(stream, "sha256").hexdigest()

    async def send(file: Path) -> None:
        async with slots:
            size = (await asyncio.to_thread(file.stat)).st_size
            await asyncio.to_thread(digest, file)
            part = FilePart("file", file.name, "image/jpeg", size, list(content(file)))
            await client.send(HttpRequest("POST", f"{url}/upload", "sending", body=multipart_body({}, part)))

    await asyncio.gather(*map(send, files))
    await client.close()


if __name__ == "__main__":
    _files = [Path(line) for line in sys.stdin.read().splitlines()]
    _used = resource.getrusage(resource.RUSAGE_SELF)
    asyncio.run(_send_all(sys.argv[1], _files))
    _then = resource.getrusage(resource.RUSAGE_SELF)
    print(_then.ru_utime - _used.ru_utime + _then.ru_stime - _used.ru_stime)  # noqa: T201
