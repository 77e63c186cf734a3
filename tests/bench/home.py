"""A home of its own for each measurement: a bare service, an account, photos, an engine in its process."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
import time
import urllib.request
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import httpx

from artui import files
from artui.config import Paths, paths
from artui.engine.anchor import open_journal
from artui.journal import Connection, Journal, accounts, history, jobs, requests
from artui.journal.store import value
from artui.model.job import NewJob
from artui.sim.autoretouch.login import CLIENT_ID
from artui.sim.photos import noise_jpeg
from tests.bench.engine import Probed, command
from tests.bench.sink import ORGANIZATION, VERSION, WORKFLOW

PATIENCE = 600.0
ENGINE = (sys.executable, "-m", "artui.engine.process")

CONFIG = """
account = "bench"
idle_minutes = 600
[accounts.bench]
provider = "autoretouch"
organization = "{where.organization}"
workflow = "{where.workflow}"
api_url = "{where.url}"
auth_url = "{where.auth_url}"
settle = 5
{settings}
[accounts.bench.pace]
{pace}
{rules}
"""


@dataclass(frozen=True)
class Where:
    """A service to measure against, and the workflow photos are sent through; as it stands, the bare one's."""

    url: str
    auth_url: str
    organization: str = ORGANIZATION
    workflow: str = WORKFLOW
    version: str = VERSION
    price: int = 10
    token: str = "bench"

    @property
    def payer(self) -> str:
        """Who pays, as the journal names it."""
        return f"autoretouch {self.url.replace('127.0.0.1', 'localhost')} {self.organization}"


@contextmanager
def sink(*, certificate: Path | None = None, **given: float) -> Iterator[str]:
    """A bare service in its own process, over TLS with a ``certificate``; gives its address."""
    command = [sys.executable, "-m", "tests.bench.sink"]
    for name, amount in given.items():
        command += [f"--{name}", f"{amount:g}" if isinstance(amount, float) else str(amount)]
    if certificate:
        command += ["--certificate", str(certificate)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as child:
        assert child.stdout
        try:
            yield child.stdout.readline().strip()
        finally:
            child.kill()


@contextmanager
def stand_in(workflow: str = "Background Removal") -> Iterator[Where]:
    """The stand-in in its own process, a thousand times as fast, and one of its workflows."""
    with tempfile.TemporaryDirectory(prefix="artui-bench-") as folder:
        environment = {**os.environ, "ARTUI_HOME": folder}
        command = [sys.executable, "-m", "artui", "sim", "--speed", "1000", "--credits", "100000000"]
        with subprocess.Popen(command, stdout=subprocess.PIPE, text=True, env=environment) as child:
            assert child.stdout
            try:
                yield _found(json.loads(child.stdout.readline())["autoretouch"], workflow)
            finally:
                child.kill()


def _found(said: Mapping[str, str], name: str) -> Where:
    """What the stand-in says of itself and of the cheapest workflow of that name."""
    where = Where(said["api_url"], said["auth_url"], said["organization"], token=said["refresh_token"])
    form = {"grant_type": "refresh_token", "client_id": CLIENT_ID, "refresh_token": where.token}
    token = httpx.post(f"{where.auth_url}/oauth/token", data=form).raise_for_status().json()["access_token"]
    headers, query = (
        {"Authorization": f"Bearer {token}"},
        {"organization": where.organization, "limit": 50, "offset": 0},
    )
    answer = httpx.get(f"{where.url}/v1/workflow", params=query, headers=headers).raise_for_status()
    found = [one for one in answer.json()["entries"] if one["name"] == name]
    chosen = min(found, key=lambda one: one["executionPrice"])
    return replace(where, workflow=chosen["id"], version=chosen["version"], price=chosen["executionPrice"])


def seen(url: str) -> dict[str, Any]:
    """What the bare service counted so far."""
    with urllib.request.urlopen(f"{url}/_bench") as answer:
        found: dict[str, Any] = json.load(answer)
    return found


def make_photos(folder: Path, number: int, size: int) -> list[Path]:
    """So many different photos of about ``size`` bytes."""
    folder.mkdir(parents=True, exist_ok=True)
    made = [folder / f"IMG_{index:05}.jpg" for index in range(number)]
    if not made[0].exists():
        noise_jpeg(made[0], size, seed=0)
    content = bytearray(made[0].read_bytes())
    place = content.rindex(b"\xff\xdb") + 5 + 64 - 8
    for index, path in enumerate(made[1:], 1):
        # A few other bytes in the last quantization table make another picture; rendering each would take longer than
        # sending it.
        content[place : place + 8] = f"{index:08}".encode()
        path.write_bytes(content)
    return made


@dataclass
class Home:
    """An account at a bare service, a journal, and the engine once it was started."""

    paths: Paths
    where: Where
    folder: Path
    environment: Mapping[str, str]
    journal: Journal
    engine: subprocess.Popen[bytes] | None = None

    def start(self, engine: Sequence[str] = ENGINE) -> int:
        """Start an engine and wait until it is ready; returns its pid."""
        self.engine = subprocess.Popen(engine, env=dict(self.environment), cwd=self.folder, stdout=subprocess.DEVNULL)
        self.until(lambda db: requests.engine(db).state == "running")
        return self.engine.pid

    def probed(self, *options: str) -> Probed:
        """Start an engine with a probe in it."""
        report = self.folder / "report.json"
        return Probed(self.start(command(report, *options)), report)

    def stop(self) -> None:
        """End the engine at once; the journal is right at every instant."""
        if self.engine is not None:
            self.engine.kill()
            self.engine.wait()
            self.engine = None

    def add(self, photos: Sequence[Path], *, most: int = 1_000) -> list[int]:
        """Queue photos, so many in a transaction; returns the jobs' numbers."""
        numbers: list[int] = []
        for begin in range(0, len(photos), most):
            numbers += self.journal.write(jobs.add, None, [self._job(photo) for photo in photos[begin : begin + most]])
        return numbers

    def _job(self, photo: Path) -> NewJob:
        stamp, out, where = files.stamp(photo), self.folder / "out", self.where
        return NewJob(
            account="bench", provider="autoretouch", endpoint=where.url, organization=where.organization,
            payer=where.payer, workflow=where.workflow, workflow_name="Bench", version=where.version,
            quoted=where.price, source=photo, size=stamp.size, mtime_ns=stamp.mtime_ns, inode=stamp.inode,
            device=stamp.device, folder=out, stem=photo.stem, stem_key=files.stem_key(out, photo.stem), run="bench",
        )  # fmt: skip

    def until(self, holds: Any, patience: float = PATIENCE) -> None:
        """Wait until a reading of the journal holds."""
        deadline = time.monotonic() + patience
        while True:
            began = time.monotonic()
            if self.journal.read(holds):
                return
            took = time.monotonic() - began
            if self.engine is not None and self.engine.poll() is not None:
                raise RuntimeError(f"the engine ended: {self.paths.log.read_text('utf-8')[-2000:]}")
            if time.monotonic() > deadline:
                raise TimeoutError(f"waited {patience:g} s in vain: {self.journal.read(history.counts)}")
            time.sleep(max(0.02, 20 * took))  # who waits must not take the processor from who works

    def until_events(self, what: str, number: int, patience: float = PATIENCE) -> None:
        """Wait until so many events of a kind are written."""
        self.until(lambda db: _events(db, what) >= number, patience)

    def events(self, what: str) -> int:
        """How many events of a kind are written."""
        return self.journal.read(_events, what)

    def span(self, first: str, last: str) -> float:
        """Seconds between the first event of one kind and the last of another."""
        return float(
            self.journal.read(
                lambda db: value(
                    db,
                    "SELECT (SELECT MAX(at) FROM events WHERE what = ?) - (SELECT MIN(at) FROM events WHERE what = ?)",
                    (last, first),
                )
            )
        )

    def learn_usual(self, seconds: float) -> None:
        """Let the workflow's usual time be known."""

        def write(db: Connection) -> None:
            for _ in range(5):
                accounts.add_duration(db, self.where.payer, self.where.workflow, seconds)

        self.journal.write(write)


def _events(db: Connection, what: str) -> int:
    return int(value(db, "SELECT COUNT(*) FROM events WHERE what = ?", (what,)))


@contextmanager
def bytecode() -> Iterator[Mapping[str, str]]:
    """What has a program's environment keep bytecode, as an installed one has it."""
    with tempfile.TemporaryDirectory(prefix="artui-bench-") as cache:
        yield {"PYTHONDONTWRITEBYTECODE": "", "PYTHONPYCACHEPREFIX": cache}


@contextmanager
def home(service: str | Where, *, settings: str = "", rules: str = "", **pace: int) -> Iterator[Home]:
    """A home with an account at a service, a bare one where it is only an address; ``pace`` are the account's slots."""
    where = Where(service, service) if isinstance(service, str) else service
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="artui-bench-")))
        environment = {
            **{name: text for name, text in os.environ.items() if not name.startswith("ARTUI_")},
            "ARTUI_HOME": str(folder / "home"), "ARTUI_BENCH_TOKEN": where.token, "PYTHONPATH": str(Path.cwd()),
        }  # fmt: skip
        places = paths(environment)
        places.create()
        lines = "\n".join(f"{name} = {number}" for name, number in pace.items())
        places.config_file.write_text(CONFIG.format(where=where, settings=settings, pace=lines, rules=rules))
        journal = stack.enter_context(open_journal(places))
        made = Home(places, where, folder, environment, journal)
        stack.callback(made.stop)
        yield made
