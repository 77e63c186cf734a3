"""``python -m tests.bench [--long] [--only NAME] [--compare REV]``: each figure as one line of JSON."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path

from tests.bench import (
    archived,
    checking,
    comparing,
    console,
    durability,
    growth,
    lines,
    scale,
    service,
    uploads,
    watching,
)
from tests.bench.figure import Figure
from tests.bench.uploads import GIGABIT

MEGABYTE = 1_000_000

LONG, SHORT = (100, 1_000, 10_000, 100_000), (500, 2_000)
"""Jobs in the journal at which the engine's growth is read."""

Measuring = Callable[[], Iterator[Figure]]


def figures(*, long: bool, plot: Path | None = None) -> dict[str, Measuring]:
    """All figures by name. The short form sends fewer photos; ratios are meant to be the same."""
    few, rounds, watched, lasting = (1, 5, 60.0, 60.0) if long else (5, 3, 10.0, 12.0)
    curl = partial(uploads.against_curl, rounds=rounds)
    return {
        "upload": partial(curl, "upload", 500 // few, MEGABYTE, slots=8, rate=GIGABIT, bar=0.95),
        "upload-open": partial(curl, "upload-open", 500 // few, MEGABYTE, slots=8, rate=0.0, bar=None),
        "upload-stock": partial(uploads.against_stock, 500 // few, rounds=rounds),
        "upload-small": partial(curl, "upload-small", 2_000 // few, MEGABYTE // 10, slots=8, rate=GIGABIT, bar=None),
        "upload-large": partial(curl, "upload-large", 20 // few, 100 * MEGABYTE, slots=4, rate=GIGABIT, bar=0.95),
        "upload-memory": partial(uploads.memory_of_large, 20 // few),
        "upload-cpu": partial(uploads.cpu_against_bare_loop, 200 // few),
        "slots": partial(uploads.many_slots, 500 // few, rounds=rounds),
        "download": partial(service.downloads, 500 // few, rounds=rounds),
        "latency": partial(service.latency, 400 // few),
        "cpu": partial(service.cpu_per_photo, 1_000 // few),
        "requests": partial(service.requests_alone, lasting),
        "requests-many": partial(service.requests_among, 1_000 // few, lasting),
        "promptness": partial(service.promptness, 200 // few, lasting),
        "late": partial(service.lateness, service.UNKNOWN if long else service.UNKNOWN[:2], 10, rounds if long else 2),
        "check": partial(checking.checks, 20 // (1 if long else 4), rounds),
        "moves-per-fsync": partial(durability.moves_per_fsync, 1_000 // few),
        "commits": durability.commits_per_photo,
        "loop-lag": partial(durability.loop_lag, 1_000 // few, rounds),
        "console": partial(console.many_jobs, 100_000 // few, 1_000, rounds=rounds),
        "progressing": partial(console.progressing, watched / 2),
        "idle": partial(console.idle, watched),
        "starting": partial(console.starting, rounds=2 * rounds + 1),
        "jobs": partial(growth.growth, LONG if long else SHORT, LONG[1] if long else SHORT[0], plot),
        "scan": partial(watching.scan, 100_000 // few, rounds=rounds),
        "enqueue": partial(watching.enqueue, 100_000 // few),
        "arrival": partial(watching.arrival, 15 if long else 5),
        "first-byte": partial(watching.first_byte, 15 if long else 5),
        "idle-watcher": partial(watching.idle_watcher, watched),
        "line": partial(lines.over_lines, lines.cases(long=long), rounds if long else 1),
        "alone": partial(lines.alone, 7 if long else 3),
        "waiting": lines.waiting,
        "scale": partial(scale.scale, rounds if long else 2),
        "archived": partial(archived.against_archived, 200 // few, 0.0, rounds=rounds),
    }


def main() -> int:
    """Measure; 1 where a bar is not held."""
    parser = argparse.ArgumentParser(prog="python -m tests.bench", description=__doc__)
    parser.add_argument("--long", action="store_true", help="the full counts, for the figures that are quoted")
    names = list(figures(long=False))
    parser.add_argument("--only", action="append", metavar="NAME", choices=names, help="one of them; may be repeated")
    parser.add_argument("--list", action="store_true", help="the names of all figures")
    parser.add_argument("--plot", type=Path, metavar="FILE", help="where `jobs` draws how cost grows, as an SVG")
    parser.add_argument("--compare", metavar="REV", help="each figure by that of another revision, in turns")
    parser.add_argument("--rounds", type=int, default=3, help="turns of a comparison")
    given = parser.parse_args()
    known = figures(long=given.long, plot=given.plot)
    if given.list:
        print("\n".join(known))  # noqa: T201
        return 0
    held = True
    chosen = given.only or list(known)
    found = (figure for name in chosen for figure in known[name]())
    if given.compare:
        found = (one for one in comparing.against(given.compare, chosen, long=given.long, rounds=given.rounds))
    for figure in found:
        print(figure.line(), flush=True)  # noqa: T201
        held &= figure.held
    return 0 if held else 1


if __name__ == "__main__":
    sys.exit(main())
