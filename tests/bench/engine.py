"""The engine in its process with a probe beside it: how late its loop is, and how often its journal commits.

``python -m tests.bench.engine REPORT [--stock] [--bare]``: SIGUSR1 has the probe write what it saw since the last
report. ``--stock`` puts httpx's own transport under the client; ``--bare`` runs the probe on a loop with nothing else.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import os
import signal
import ssl
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import httpx

from artui.engine import process, supervisor
from artui.providers.http import client

BEAT = 0.01
"""Seconds the probe sleeps; whatever it sleeps longer is the loop's lag."""


@dataclass
class Probe:
    """Sleeps and wakes on a loop, and counts what is durable."""

    report: Path
    lags: list[float] = field(default_factory=list)
    commits: int = 0

    async def run(self) -> None:
        """Beat until cancelled; a signal has it report."""
        asyncio.get_running_loop().add_signal_handler(signal.SIGUSR1, self._write)
        self._write()  # whoever started it knows by this that it listens
        while True:
            began = time.perf_counter()
            await asyncio.sleep(BEAT)
            self.lags.append(time.perf_counter() - began - BEAT)

    def count(self) -> None:
        """A commit that changed something, and so was synced once."""
        self.commits += 1

    def _write(self) -> None:
        lags, self.lags = sorted(self.lags), []
        p99 = lags[int(len(lags) * 0.99)] if lags else 0.0
        part = self.report.with_suffix(".part")
        part.write_text(json.dumps({"p99": p99, "commits": self.commits}))
        part.replace(self.report)


@dataclass(frozen=True)
class Probed:
    """A process with a probe, seen from outside."""

    pid: int
    path: Path

    def ask(self) -> dict[str, Any]:
        """What the probe saw since it was last asked."""
        self.path.unlink(missing_ok=True)
        os.kill(self.pid, signal.SIGUSR1)
        deadline = time.monotonic() + 10
        while not self.path.exists():
            if time.monotonic() > deadline:
                raise TimeoutError("the probe does not answer")
            time.sleep(0.01)
        found: dict[str, Any] = json.loads(self.path.read_text())
        return found


def command(report: Path, *options: str) -> Sequence[str]:
    """The command of a process with a probe."""
    return [sys.executable, "-m", "tests.bench.engine", str(report), *options]


def _with_probe(run: Callable[..., Any], report: Path) -> Callable[..., Any]:
    async def probed(self: supervisor.Supervisor, *given: Any) -> None:
        probe = Probe(report)
        self.journal.on_commit(probe.count)
        beating = asyncio.create_task(probe.run())
        try:
            await run(self, *given)
        finally:
            beating.cancel()

    return probed


class StockTransport(httpx.AsyncHTTPTransport):
    """httpx's own transport in the place of artui's."""

    def __init__(self, context: ssl.SSLContext, proxy: str | None, *, once: bool = False) -> None:
        del proxy
        super().__init__(verify=context, limits=httpx.Limits(max_keepalive_connections=0 if once else None))

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        """Send one request, and tell its departure."""
        request.headers["Host"] = request.url.netloc.decode("ascii")
        await request.extensions["departure"].leave()
        return await super().handle_async_request(request)


@contextmanager
def swapped(place: Any, name: str, value: Any) -> Iterator[None]:
    """Another value under a name, for a while."""
    before = getattr(place, name)
    setattr(place, name, value)
    try:
        yield
    finally:
        setattr(place, name, before)


def main() -> int:
    """Be the engine, or a bare loop, with the probe."""
    parser = argparse.ArgumentParser(prog="python -m tests.bench.engine", description=__doc__)
    parser.add_argument("report", type=Path)
    parser.add_argument("--stock", action="store_true")
    parser.add_argument("--bare", action="store_true")
    given = parser.parse_args()
    if given.bare:
        asyncio.run(Probe(given.report).run())
    transport = StockTransport if given.stock else client.Transport
    run = _with_probe(supervisor.Supervisor.run, given.report)
    with swapped(client, "Transport", transport), swapped(supervisor.Supervisor, "run", run):
        return process.main()


if __name__ == "__main__":
    sys.exit(main())
