"""A figure: what is measured against what, how often, and the bar it is held to."""

from __future__ import annotations

import json
import os
import statistics
import time
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Literal

ROUNDS = 5
"""Rounds of a comparison; in each, ours and the reference run one after the other."""


@dataclass(frozen=True, slots=True)
class Figure:
    """One line of the report.

    ``value`` and ``reference`` are medians in ``unit``; ``ratio`` is the median of the rounds' own ratios, with the
    ``least`` and the ``most`` of them. ``bar`` says what ``ratio`` (or, without a reference, ``value``) is held to.
    """

    name: str
    value: float
    unit: str
    bar: str
    held: bool
    reference: float | None = None
    ratio: float | None = None
    least: float | None = None
    most: float | None = None
    rounds: int = 1
    note: str = ""

    def line(self) -> str:
        """The figure as one line of JSON."""
        return json.dumps({name: _short(value) for name, value in asdict(self).items() if value not in (None, "")})


def _short(value: object) -> object:
    return float(f"{value:.4g}") if isinstance(value, float) else value


Side = Literal["most", "least"]


def _held(value: float, side: Side, bar: float | None) -> bool:
    if bar is None:  # it is only told
        return True
    return value <= bar if side == "most" else value >= bar


def _words(side: Side, bar: float | None) -> str:
    return "" if bar is None else f"{'<=' if side == 'most' else '>='} {bar:g}"


def counted(name: str, value: float, unit: str, *, side: Side, bar: float, note: str = "") -> Figure:
    """A figure that stands for itself: an exact count, or CPU time."""
    return Figure(name, value, unit, _words(side, bar), _held(value, side, bar), note=note)


def of_rounds(
    name: str, values: Sequence[float], unit: str, *, side: Side, bar: float | None, note: str = ""
) -> Figure:  # fmt: skip
    """A figure that is a ratio in itself, from several rounds: their median, with the least and the most; without a
    ``bar`` it is only told."""
    value = statistics.median(values)
    return Figure(
        name, value, unit, _words(side, bar), _held(value, side, bar), least=min(values), most=max(values),
        rounds=len(values), note=note,
    )  # fmt: skip


def compared(
    name: str,
    ours: Callable[[], float],
    reference: Callable[[], float],
    unit: str,
    *,
    side: Side,
    bar: float | None,
    rounds: int = ROUNDS,
    faster_is_more: bool = False,
    note: str = "",
) -> Figure:
    """A figure against a reference, measured by turns.

    Both return an amount in ``unit``. The ratio is ours by the reference's; with ``faster_is_more``, where the unit is
    a time, it is the reference's by ours, so that twice as fast is 2.
    """
    pairs: list[tuple[float, float]] = []
    for number in range(rounds):
        # Whoever goes first finds colder caches: they take turns in that, too.
        if number % 2:
            second = reference()
            first = ours()
        else:
            first = ours()
            second = reference()
        pairs.append((first, second))
    return of_pairs(name, pairs, unit, side=side, bar=bar, faster_is_more=faster_is_more, note=note)


def of_pairs(
    name: str,
    pairs: Sequence[tuple[float, float]],
    unit: str,
    *,
    side: Side,
    bar: float | None,
    faster_is_more: bool = False,
    note: str = "",
) -> Figure:
    """A figure of what was measured in pairs, ours and the reference; as :func:`compared` otherwise."""
    ratios = [second / first if faster_is_more else first / second for first, second in pairs]
    ratio = statistics.median(ratios)
    return Figure(
        name=name,
        value=statistics.median(first for first, _ in pairs),
        unit=unit,
        bar=_words(side, bar),
        held=_held(ratio, side, bar),
        reference=statistics.median(second for _, second in pairs),
        ratio=ratio,
        least=min(ratios),
        most=max(ratios),
        rounds=len(pairs),
        note=note,
    )


# ----------------------------------------------------------------------------------------------- what a process used

TICKS = os.sysconf("SC_CLK_TCK")


def cpu_seconds(pid: int) -> float:
    """CPU time of a living process, in seconds, its threads included."""
    fields = Path(f"/proc/{pid}/stat").read_text("utf-8").rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / TICKS


def memory(pid: int, which: str = "VmRSS") -> float:
    """Resident memory of a living process in MB; ``VmHWM`` is its peak."""
    for line in Path(f"/proc/{pid}/status").read_text("utf-8").splitlines():
        if line.startswith(which + ":"):
            return int(line.split()[1]) / 1000
    raise ValueError(f"process {pid} has no {which}")


def descriptors(pid: int) -> int:
    """How many descriptors a process has open."""
    return len(list(Path(f"/proc/{pid}/fd").iterdir()))


def threads(pid: int) -> int:
    """How many threads a process has."""
    return len(list(Path(f"/proc/{pid}/task").iterdir()))


def seconds(act: Callable[[], object]) -> float:
    """How long an act takes on the wall."""
    started = time.perf_counter()
    act()
    return time.perf_counter() - started
