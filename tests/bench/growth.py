"""How cost grows with the number of jobs: one engine and its journal, from 100 jobs to 100,000, and the plot of it."""

from __future__ import annotations

import math
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from tests.bench.figure import Figure, cpu_seconds, descriptors, memory, threads
from tests.bench.home import home, sink
from tests.bench.uploads import photos

SETTLED = 32.0
"""Seconds after the last result in which connections come to rest: aiohttp ends idle ones within 30."""

SMALLEST = 8_000
"""Bytes of a photo, and of a result: what is measured is the jobs."""

PATIENCE = 3 * 3600.0


@dataclass(frozen=True, slots=True)
class Point:
    """An engine after so many jobs in its journal: CPU in ms per photo since the point before, memory in MB."""

    jobs: int
    cpu: float
    memory: float
    descriptors: int
    threads: int


def _points(steps: Sequence[int]) -> Iterator[Point]:
    """Send photos through one engine; a point at each step."""
    with photos(steps[-1], SMALLEST) as files, sink(result=SMALLEST) as url, home(url, uploads=8, downloads=8) as ours:
        ours.learn_usual(0.1)
        pid, done = ours.start(), 0
        used = cpu_seconds(pid)
        for step in steps:
            ours.add(files[done:step])
            ours.until_events("saved", step, PATIENCE)
            now = cpu_seconds(pid)
            time.sleep(SETTLED)
            yield Point(step, (now - used) / (step - done) * 1000, memory(pid), descriptors(pid), threads(pid))
            done, used = step, cpu_seconds(pid)


def growth(steps: Sequence[int], base: int, plot: Path | None) -> Iterator[Figure]:
    """Memory, descriptors and threads at the last step against those at the step ``base``; all steps as a plot."""
    points: list[Point] = []
    for point in _points(steps):
        points.append(point)
        if plot is not None:
            plot.write_text(drawn(points), "utf-8")  # as far as it has come: the last step takes long
    first, last = next(point for point in points if point.jobs == base), points[-1]
    grown = last.memory / first.memory
    note = "; ".join(f"{point.jobs:,} jobs: {point.cpu:.1f} ms, {point.memory:.0f} MB" for point in points)
    yield Figure("jobs-memory", last.memory, "MB", "<= 1.3", grown <= 1.3, first.memory, grown, note=note)
    for name in ("descriptors", "threads"):
        ours, theirs = getattr(last, name), getattr(first, name)
        yield Figure(f"jobs-{name}", ours, name, "no more", ours <= theirs, theirs, ours / theirs)


# ---------------------------------------------------------------------------------------------------------- the plot

WIDTH, HEIGHT, LEFT, TOP, INSET = 640, 180, 50, 34, 28
INK, GRID, LINE = "#444", "#ddd", "#2a6fbb"


def drawn(points: Sequence[Point]) -> str:
    """The points as an SVG: CPU per photo above, memory below, over the number of jobs on a logarithmic scale."""
    height = 2 * (HEIGHT + TOP) + 40
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {height}"',
        ' font-family="sans-serif" font-size="12">',
        f'<rect width="{WIDTH}" height="{height}" fill="white"/>',
        *_panel([(point.jobs, point.cpu) for point in points], "CPU of the engine, ms per photo", TOP),
        *_panel([(point.jobs, point.memory) for point in points], "memory of the engine, MB", 2 * TOP + HEIGHT),
        f'<text x="{WIDTH / 2}" y="{height - 8}" text-anchor="middle" fill="{INK}">jobs in the journal</text>',
        "</svg>",
    ]
    return "\n".join(parts) + "\n"


def _panel(values: Sequence[tuple[int, float]], title: str, top: int) -> Iterator[str]:
    most = _round_up(max(value for _, value in values))
    first, last = math.log10(values[0][0]), math.log10(values[-1][0])
    right, bottom = WIDTH - 20, top + HEIGHT - 20

    def place(jobs: int, value: float) -> tuple[float, float]:
        share = (math.log10(jobs) - first) / max(1e-9, last - first)
        return LEFT + INSET + share * (right - LEFT - 2 * INSET), bottom - value / most * (bottom - top)

    yield f'<text x="{LEFT}" y="{top - 12}" fill="{INK}" font-weight="bold">{title}</text>'
    for part in range(5):
        value = most * part / 4
        _, y = place(values[0][0], value)
        yield f'<line x1="{LEFT}" y1="{y:.1f}" x2="{right}" y2="{y:.1f}" stroke="{GRID}"/>'
        yield f'<text x="{LEFT - 8}" y="{y + 4:.1f}" text-anchor="end" fill="{INK}">{value:g}</text>'
    for jobs, value in values:
        x, y = place(jobs, value)
        yield f'<circle cx="{x:.1f}" cy="{y:.1f}" r="4" fill="{LINE}"/>'
        yield f'<text x="{x:.1f}" y="{y - 9:.1f}" text-anchor="middle" fill="{INK}">{value:.3g}</text>'
        yield f'<text x="{x:.1f}" y="{bottom + 16}" text-anchor="middle" fill="{INK}">{jobs:,}</text>'
    line = " ".join(f"{x:.1f},{y:.1f}" for x, y in (place(*value) for value in values))
    yield f'<polyline points="{line}" fill="none" stroke="{LINE}" stroke-width="2"/>'


def _round_up(value: float) -> float:
    """The next number of 1, 2, 4 or 8 times a power of ten, so that its quarters are round, too."""
    power = 10.0 ** math.floor(math.log10(value))
    return next(times * power for times in (1, 2, 4, 8, 10, 20) if times * power >= value * 1.05)
