"""Folders of photos over lines that people have: artui against what the line itself allows, and against others.

The ideal is what line and service need at least: the bytes up at the line's rate, one job, the last result down, and
four round trips. Where no engine runs yet, starting one is allowed ``STARTING`` more.
"""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from artui.journal import Connection
from artui.journal.store import value
from tests.bench.archived import PLACE, THEIRS, measured
from tests.bench.figure import Figure, cpu_seconds, memory, of_pairs, of_rounds
from tests.bench.home import Home, bytecode, home, sink
from tests.bench.line import line
from tests.bench.sink import ORGANIZATION, WORKFLOW
from tests.bench.uploads import MEGABYTE, photos
from tests.certificates import CERTIFICATE

ONE_WAY = 0.02
"""Seconds that a byte is on its way: 40 ms there and back."""

STARTING = 0.9

PATIENCE = 1.5
"""How many times ours another client may take: what takes longer is ended there, and its ratio is at least this."""


@dataclass(frozen=True)
class Case:
    """A line of ``mbit`` a second, photos and results of ``size`` bytes, jobs of ``lasting`` seconds, and so many
    photos that their bytes alone take about ``span`` seconds."""

    mbit: int
    size: int
    lasting: float
    span: float

    @property
    def rate(self) -> float:
        """Bytes a second."""
        return self.mbit * 125_000.0

    @property
    def number(self) -> int:
        """How many photos."""
        return max(2, round(self.span * self.rate / self.size))

    @property
    def ideal(self) -> float:
        """Seconds that line and service need for all of them."""
        return (self.number + 1) * self.size / self.rate + self.lasting + 8 * ONE_WAY

    @property
    def name(self) -> str:
        """What it is called among the figures."""
        return f"{self.mbit}mbit-{self.size / MEGABYTE:g}mb-{self.lasting:g}s"


CASES = [(mbit, *job) for mbit in (20, 100, 500) for job in ((0.3, 2.0), (1.0, 8.0), (6.0, 30.0))]


def cases(*, long: bool) -> list[Case]:
    """Those of the table; the short form has one at each of the slower rates, with fewer photos."""
    if long:
        # The ideal is 20 to 40 s.
        return [Case(mbit, int(size * MEGABYTE), lasting, max(8.0, 20.0 - lasting)) for mbit, size, lasting in CASES]
    return [Case(20, 300_000, 2.0, 5.0), Case(100, MEGABYTE, 4.0, 5.0)]


@contextmanager
def _service(case: Case) -> Iterator[tuple[list[Path], str, Mapping[str, str]]]:
    """The photos of a case, the service's address at this end of the line, and what trusts it."""
    with (
        tempfile.TemporaryDirectory(prefix="artui-bench-") as folder,
        photos(case.number, case.size) as files,
        bytecode() as cache,
    ):
        certificate = Path(folder) / "service.pem"
        certificate.write_text(CERTIFICATE)
        with (
            sink(certificate=certificate, result=case.size, lasting=case.lasting) as url,
            line(url, case.rate, ONE_WAY) as near,
        ):
            trusting = dict.fromkeys(("SSL_CERT_FILE", "REQUESTS_CA_BUNDLE"), str(certificate))
            yield files, near, {**cache, **trusting}


def over_lines(chosen: list[Case], rounds: int) -> Iterator[Figure]:
    """The ideal by artui's time, and how much faster it is than each of the others: all of them once in each round."""
    for case in chosen:
        taken: list[float] = []
        theirs: dict[str, list[tuple[float, float]]] = {}
        with _service(case) as (files, url, trusting):
            for _ in range(rounds):
                taken.append(_by_artui(case, files, url, trusting))
                for name, command in _others(files, url):
                    found = _by_other(command, files, url, trusting, PATIENCE * taken[-1])
                    theirs.setdefault(name, []).append((taken[-1], found))
        note = f"{case.number} photos, ideal {case.ideal:.1f} s"
        yield of_rounds(
            f"line-{case.name}", [(case.ideal + STARTING) / took for took in taken], "of the ideal", side="least",
            bar=0.95 if case.mbit < 500 else None, note=note,
        )  # fmt: skip
        for name, pairs in theirs.items():
            yield of_pairs(
                f"line-{case.name}-{name}", pairs, "s", side="least", bar=1.3 if case.lasting >= 8 else 1.0,
                faster_is_more=True, note=f"{note}; {PATIENCE:g} is at least that",
            )  # fmt: skip


def _by_artui(case: Case, files: list[Path], url: str, trusting: Mapping[str, str]) -> float:
    """Seconds from the command to the last result, engine and all."""
    with home(url) as ours:
        ours.learn_usual(case.lasting)
        took, _ = _submitted(ours, files[0].parent, len(files), trusting)
        return took


def _submitted(ours: Home, folder: Path, number: int, trusting: Mapping[str, str]) -> tuple[float, float]:
    """Seconds and peak memory of the command alone, which waits for its results; an engine it started is killed."""
    out = ours.folder / "out"
    command = [sys.executable, "-m", "artui", "submit", str(folder), "-w", WORKFLOW, "-o", str(out), "--yes", "--wait"]
    try:
        took = measured(command, {**ours.environment, **trusting})
        assert len(list(out.glob("*.jpg"))) == number
        return took
    finally:
        if ours.engine is None:
            os.kill(int(ours.paths.lock.read_text().split()[0]), 9)


def _others(files: list[Path], url: str) -> Iterator[tuple[str, list[str]]]:
    """The other clients that are there, and how each is started but for where its results go."""
    bare = [str(Path(__file__).with_name("bare.py"))]
    yield "httpx", [sys.executable, *bare, "httpx", url, str(files[0].parent)]
    if place := os.environ.get(PLACE):
        python = str(Path(place) / "bin/python")
        yield "requests", [python, *bare, "requests", url, str(files[0].parent)]
        yield "archived", [python, "-c", THEIRS, url, ORGANIZATION, WORKFLOW, str(files[0].parent)]


def _by_other(
    command: list[str], files: list[Path], url: str, trusting: Mapping[str, str], patience: float
) -> float:  # fmt: skip
    with home(url) as ours:
        out = ours.folder / "out"
        environment = {name: text for name, text in ours.environment.items() if name != "PYTHONPATH"}
        try:
            took, _ = measured([*command, str(out)], {**environment, **trusting}, patience)
        except TimeoutError:
            return patience
        assert len(list(out.glob("*.jpg"))) == len(files)
        return took


# ----------------------------------------------------------------------------------------------------- one photo alone

LONE = 0.1
"""Seconds that the job of a lone photo takes."""


def alone(rounds: int) -> Iterator[Figure]:
    """One photo, from the command to its end, beyond its job: through an engine that runs, and where none does; and
    what the command takes in memory while it waits."""
    running: list[float] = []
    queued: list[float] = []
    starting: list[float] = []
    cpu: list[float] = []
    with bytecode() as cache, sink(lasting=LONE) as url, photos(rounds + 2, 20_000) as files:
        with home(url) as ours:
            ours.learn_usual(LONE)
            pid = ours.start()
            for number, photo in enumerate(files[:-1]):
                before = cpu_seconds(pid)
                took = _alone(ours, photo, cache)
                if number:  # the first one loads what the others find
                    running.append(took - LONE)
                    queued.append(ours.journal.read(_from_added_to_saved) - LONE)
                    cpu.append((cpu_seconds(pid) - before) * 1000)
        for number in range(rounds + 1):
            with home(url) as ours:
                ours.learn_usual(LONE)
                took = _alone(ours, files[-1], cache)
                if number:
                    starting.append(took - LONE)
                os.kill(int(ours.paths.lock.read_text().split()[0]), 9)
    yield of_rounds("alone", running, "s beyond the job", side="most", bar=0.5, note="an engine runs")
    yield of_rounds("alone-queued", queued, "s beyond the job", side="most", bar=None, note="from queued to saved")
    yield of_rounds("alone-starting", starting, "s beyond the job", side="most", bar=0.9, note="no engine runs")
    yield of_rounds("alone-cpu", cpu, "CPU ms of the engine", side="most", bar=None)


def _from_added_to_saved(db: Connection) -> float:
    asked = "SELECT MAX(at) - MIN(at) FROM events WHERE job = (SELECT MAX(id) FROM jobs) AND what IN ('added', 'saved')"
    return float(value(db, asked))


def _alone(ours: Home, photo: Path, cache: Mapping[str, str]) -> float:
    command = [sys.executable, "-m", "artui", "submit", str(photo), "-w", WORKFLOW, "-o", str(ours.folder / "out")]
    began = time.perf_counter()
    subprocess.run(
        [*command, "--yes", "--wait"], env={**ours.environment, **cache}, check=True, stderr=subprocess.DEVNULL
    )  # fmt: skip
    return time.perf_counter() - began


def waiting() -> Iterator[Figure]:
    """Memory of the commands that look on: ``submit --wait`` while it waits, and ``wait``."""
    with bytecode() as cache, sink(lasting=600.0) as url, photos(2, 20_000) as files, home(url) as ours:
        ours.start()
        environment = {**ours.environment, **cache}
        base = [sys.executable, "-m", "artui"]
        submit = [*base, "submit", str(files[0]), "-w", WORKFLOW, "-o", str(ours.folder / "out"), "--yes", "--wait"]
        for name, command in (("submit-wait", submit), ("wait", [*base, "wait"])):
            with subprocess.Popen(command, env=environment, stderr=subprocess.DEVNULL) as child:
                ours.until_events("sent", 1)
                time.sleep(2.0)
                found = memory(child.pid)
                child.kill()
            yield of_rounds(f"memory-{name}", [found], "MB", side="most", bar=25)
