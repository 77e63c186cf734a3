"""artui against the service's own client, which its maker has archived: a folder of photos, from command to result.

The client needs a Python of its own: ``python3.9 -m venv PLACE && PLACE/bin/pip install autoretouch``, and PLACE named
in the environment as ``ARCHIVED_CLIENT``.
"""

from __future__ import annotations

import os
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from pathlib import Path

from tests.bench.figure import Figure, compared, memory
from tests.bench.home import bytecode, home, sink
from tests.bench.sink import ORGANIZATION, WORKFLOW
from tests.bench.uploads import GIGABIT, MEGABYTE, photos

PLACE = "ARCHIVED_CLIENT"

THEIRS = """
import sys
from autoretouch.api_client.client import ApiConfig, AutoRetouchAPIClient

url, organization, workflow, source, target = sys.argv[1:]
config = ApiConfig(url, url + "/v1", "bench", "offline_access", url, url)
client = AutoRetouchAPIClient(
    organization, workflow, config, credentials_path=None, refresh_token="bench", save_credentials=False
)
client.login().process_folder(source, target)
"""


def against_archived(number: int, lasting: float, *, rounds: int) -> Iterator[Figure]:
    """Wall time and peak memory of both, from the start of the command to the last result on disk."""
    place = os.environ.get(PLACE, "")
    if not place:
        yield Figure("archived", 0, "", "", held=True, note=f"left out: {PLACE} names no environment with the client")
        return
    peaks: dict[str, list[float]] = {"ours": [], "theirs": []}

    def noted(whose: str, measured: tuple[float, float]) -> float:
        took, peak = measured
        peaks[whose].append(peak)
        return took

    with (
        photos(number, MEGABYTE) as files,
        sink(result=MEGABYTE, rate=GIGABIT, lasting=lasting) as url,
        bytecode() as cache,
    ):
        yield compared(
            "archived-wall", lambda: noted("ours", _ours(files, url, lasting, cache)),
            lambda: noted("theirs", _theirs(Path(place), files, url)), "s", side="least", bar=1, rounds=rounds,
            faster_is_more=True, note=f"{number} x 1 MB, 1 Gbit/s, a job takes {lasting:g} s",
        )  # fmt: skip
    ours, theirs = iter(peaks["ours"]), iter(peaks["theirs"])
    yield compared(
        "archived-memory", lambda: next(ours), lambda: next(theirs), "MB", side="most", bar=1, rounds=rounds,
        note="the engine and the command together",
    )  # fmt: skip


def measured(
    command: Sequence[str], environment: Mapping[str, str], patience: float = float("inf")
) -> tuple[float, float]:  # fmt: skip
    """Seconds and peak memory in MB of a command. One that takes longer than ``patience`` is ended: TimeoutError."""
    began, peak = time.perf_counter(), 0.0
    nowhere = subprocess.DEVNULL
    with subprocess.Popen(command, env=dict(environment), stdout=nowhere, stderr=nowhere) as child:
        while child.poll() is None:
            with suppress(ValueError):  # it has just ended: it has no memory any more
                peak = max(peak, memory(child.pid, "VmHWM"))
            if time.perf_counter() - began > patience:
                child.kill()
                raise TimeoutError
            time.sleep(0.02)
    if child.returncode:
        raise subprocess.CalledProcessError(child.returncode, command)
    return time.perf_counter() - began, peak


def _ours(files: list[Path], url: str, lasting: float, cache: Mapping[str, str]) -> tuple[float, float]:
    with home(url) as ours:
        ours.learn_usual(lasting)
        out = ours.folder / "out"
        submit = ["submit", str(files[0].parent), "-w", WORKFLOW, "-o", str(out), "--yes", "--wait"]
        took, peak = measured([sys.executable, "-m", "artui", *submit], {**ours.environment, **cache})
        assert len(list(out.glob("*.jpg"))) == len(files)
        engine = int(ours.paths.lock.read_text().split()[0])
        peak += memory(engine, "VmHWM")
        os.kill(engine, 9)
        return took, peak


def _theirs(place: Path, files: list[Path], url: str) -> tuple[float, float]:
    with home(url) as ours:
        out = ours.folder / "out"
        command = [str(place / "bin/python"), "-c", THEIRS, url, ORGANIZATION, WORKFLOW, str(files[0].parent), str(out)]
        environment = {name: text for name, text in ours.environment.items() if name != "PYTHONPATH"}
        took, peak = measured(command, environment)
        assert len(list(out.glob("*.jpg"))) == len(files)
        return took, peak
