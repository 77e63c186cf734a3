"""What the console costs: with few jobs and with very many, while jobs move and while nothing does; and to start."""

from __future__ import annotations

import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from functools import partial

from artui.journal import Connection
from tests.bench.figure import Figure, compared, counted, cpu_seconds, memory, seconds
from tests.bench.home import Home, bytecode, home, make_photos, sink
from tests.bench.screen import Screen, screen
from tests.bench.uploads import MEGABYTE, photos

ARTUI = (sys.executable, "-m", "artui")
TRIVIAL = (sys.executable, "-m", "tests.bench.trivial")
PAINTED = "IMG_"
NOWHERE = "http://127.0.0.1:9"
"""Where nothing listens: a console that is only looked at asks no service."""

KEYS = 40
DOWN, UP = b"\x1b[B", b"\x1b[A"


def _fill(ours: Home, number: int) -> None:
    """So many finished jobs; they share the one photo there is."""
    [photo] = make_photos(ours.folder / "in", 1, 20_000)
    ours.add([photo])
    ours.journal.write(_multiply, number)


def _multiply(db: Connection, number: int) -> None:
    own = {
        "source": "CAST('/photos/IMG_' || printf('%07d', n) || '.jpg' AS BLOB)", "stem_key": "'many' || n",
        "stage": "'saved'", "status": "'done'", "finished_at": "created_at",
    }  # fmt: skip
    columns = [name for _, name, *_ in db.execute("PRAGMA table_info(jobs)") if name != "id"]
    db.execute(
        f"INSERT INTO jobs ({', '.join(columns)}) SELECT {', '.join(own.get(name, name) for name in columns)}"
        " FROM (WITH RECURSIVE numbers (n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM numbers LIMIT ?) SELECT n"
        " FROM numbers), jobs WHERE id = 1",
        (number - 1,),
    )


@contextmanager
def _console(ours: Home) -> Iterator[Screen]:
    """The console over a home, painted."""
    with screen([*ARTUI, "--ascii"], ours.environment) as shown:
        shown.until(PAINTED)
        shown.settle()
        yield shown


# ----------------------------------------------------------------------------------------------------- many jobs


def many_jobs(number: int, base: int, *, rounds: int) -> Iterator[Figure]:
    """The console over very many jobs by that over few: to open, to answer a key, and in memory."""
    with home(NOWHERE) as many, home(NOWHERE) as few:
        _fill(many, number)
        _fill(few, base)
        note = f"{number:,} jobs by {base:,}"
        plain = partial(compared, side="most", rounds=rounds, note=note)
        yield plain("console-open", partial(_open, many), partial(_open, few), "s", bar=2)
        yield plain("console-key", partial(_key, many), partial(_key, few), "CPU ms", bar=2)
        yield plain("console-memory", partial(_memory, many), partial(_memory, few), "MB", bar=1.5)


def _open(ours: Home) -> float:
    with screen([*ARTUI, "--ascii"], ours.environment) as shown:
        return shown.until(PAINTED)


def _key(ours: Home) -> float:
    """CPU ms from a key to the picture drawn anew, over keys of all kinds: a line down, and to either end."""
    keys = [DOWN, DOWN, b"G", UP, b"g"]
    with _console(ours) as shown:
        for key in keys:
            shown.press(key)
        before = cpu_seconds(shown.pid)
        for number in range(KEYS):
            shown.press(keys[number % len(keys)])
        return (cpu_seconds(shown.pid) - before) / KEYS * 1000


def _memory(ours: Home) -> float:
    with _console(ours) as shown:
        shown.press(b"G")
        return memory(shown.pid)


# ------------------------------------------------------------------------------------------------- while it stands


def progressing(watched: float) -> Iterator[Figure]:
    """Bytes to the terminal and CPU while eight uploads move."""
    rate = 8 * MEGABYTE
    size = int(rate / 8 * (watched + 20))
    with photos(8, size) as files, sink(rate=float(rate), lasting=600.0) as url, home(url, uploads=8) as ours:
        ours.start()
        ours.add(files)
        ours.until_events("taken", 8)
        with _console(ours) as shown:
            shown.listen(3.0)
            before, began = cpu_seconds(shown.pid), time.monotonic()
            sent = shown.listen(watched)
            share = (cpu_seconds(shown.pid) - before) / (time.monotonic() - began) * 100
    note = f"{watched:g} s, eight uploads at 1 MB/s each"
    yield counted("console-bytes", sent / watched / 1000, "kB/s", side="most", bar=10, note=note)
    yield counted("console-cpu", share, "% of a processor", side="most", bar=5, note=note)


def idle(watched: float) -> Iterator[Figure]:
    """Bytes to the terminal where nothing moves, and CPU in points over a trivial app's in the same time."""
    with home(NOWHERE) as ours, screen(TRIVIAL, ours.environment) as trivial:
        _fill(ours, 1_000)
        trivial.until(PAINTED)
        with _console(ours) as shown:
            shown.listen(3.0)
            trivial.settle()
            before, began = [cpu_seconds(one.pid) for one in (shown, trivial)], time.monotonic()
            sent = shown.listen(watched)
            took = time.monotonic() - began
            ours_share, theirs = (
                (cpu_seconds(one.pid) - used) / took * 100 for one, used in zip((shown, trivial), before, strict=True)
            )
    note = f"{watched:g} s; console {ours_share:.2f} %, trivial app {theirs:.2f} %"
    yield counted("idle-bytes", sent, "bytes", side="most", bar=0, note=note)
    yield counted("idle-cpu", ours_share - theirs, "points over a trivial app", side="most", bar=0.3, note=note)


# ------------------------------------------------------------------------------------------------------- to start


def starting(*, rounds: int) -> Iterator[Figure]:
    """First paint by that of a trivial app, and ``artui status`` by ``python -c pass``, bytecode being there."""
    with home(NOWHERE) as ours, bytecode() as cache:
        _fill(ours, 1_000)
        environment = {**ours.environment, **cache}

        def paint(command: Sequence[str]) -> float:
            with screen(command, environment) as shown:
                return shown.until(PAINTED)

        def run(command: Sequence[str]) -> float:
            return seconds(lambda: subprocess.run(command, env=environment, check=True, stdout=subprocess.DEVNULL))

        for name, act, command, reference, bar in (
            ("first-paint", paint, [*ARTUI, "--ascii"], TRIVIAL, 1.8),
            ("status", run, [*ARTUI, "status"], [sys.executable, "-c", "pass"], 7.0),
            ("help", run, [*ARTUI, "--help"], [sys.executable, "-c", "pass"], 7.0),
            ("list", run, [*ARTUI, "jobs"], [sys.executable, "-c", "pass"], 7.0),
        ):
            act(command), act(reference)  # the first time writes the bytecode
            yield compared(
                name, partial(act, command), partial(act, reference), "s", side="most", bar=bar, rounds=rounds
            )
