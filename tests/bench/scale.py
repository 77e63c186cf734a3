"""Several engines at one service, simulated: how many photos an hour, and where the next machine stops to help.

Each photo is a process that takes what it needs in turn: a processor, a line, a slot, a place at the service. Whoever
waits, waits in order. The same model is run for what two real engines are measured at here (``checked``).
"""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Generator, Iterator, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field, replace
from heapq import heappop, heappush
from itertools import count
from pathlib import Path

from tests.bench.figure import Figure, cpu_seconds, of_rounds
from tests.bench.home import home, sink
from tests.bench.uploads import MEGABYTE, photos

Steps = Generator["float | Slots", None, None]
"""A process: it yields the seconds it takes for something, or the slots of which it waits for one."""


class World:
    """Processes and the time of day, in seconds."""

    def __init__(self) -> None:
        self.now = 0.0
        self._due: list[tuple[float, int, Steps]] = []
        self._numbers = count()

    def start(self, steps: Steps, after: float = 0.0) -> None:
        """Have a process go on, now or later."""
        heappush(self._due, (self.now + after, next(self._numbers), steps))

    def run(self) -> float:
        """Run until nothing is left to do; returns when that is."""
        while self._due:
            self.now, _, steps = heappop(self._due)
            wanted = next(steps, None)
            if isinstance(wanted, Slots):
                wanted.wait(steps)
            elif wanted is not None:
                self.start(steps, wanted)
        return self.now


@dataclass
class Slots:
    """Places of which each is taken by one at a time."""

    world: World
    free: float
    _waiting: deque[Steps] = field(default_factory=deque)

    def wait(self, steps: Steps) -> None:
        """Have a process go on once a place is its own."""
        self._waiting.append(steps)
        self._give()

    def leave(self) -> None:
        """Give a place back."""
        self.free += 1
        self._give()

    def _give(self) -> None:
        while self.free >= 1 and self._waiting:
            self.free -= 1
            self.world.start(self._waiting.popleft())


@dataclass
class Line:
    """What passes one thing after the other, at ``rate`` a second: bytes, calls, or seconds of a processor."""

    world: World
    rate: float
    _free_at: float = 0.0

    def takes(self, amount: float) -> float:
        """Seconds until so much has passed, behind all that came before."""
        self._free_at = max(self._free_at, self.world.now) + amount / self.rate
        return self._free_at - self.world.now


@dataclass(frozen=True)
class Case:
    """Engines that each send as many photos to one service.

    ``size``: bytes of a photo and of its result. ``cpu``: seconds of one processor an engine takes for a photo.
    ``line``: bytes a second each way, of each engine or, where ``shares_line``, of all together. The service answers
    after ``latency`` seconds, carries out ``in_flight`` jobs at a time in ``lasting`` seconds each, and takes ``calls``
    and ``bytes`` a second. ``held``: seconds that its order takes beyond all that. ``looks``: seconds
    between two looks.
    """

    engines: int = 1
    photos: int = 500
    size: int = MEGABYTE
    uploads: int = 2
    downloads: int = 4
    cpu: float = 0.007
    line: float = 12.5e6
    shares_line: bool = False
    latency: float = 0.04
    held: float = 0.013
    lasting: float = 20.0
    in_flight: float = 1_000
    calls: float = 1e9
    bytes: float = 1e12
    looks: float = 1.0

    def seconds(self) -> float:
        """Until the last result is on disk."""
        world = World()
        calls, taken, jobs = Line(world, self.calls), Line(world, self.bytes), Slots(world, self.in_flight)
        shared = Line(world, self.line), Line(world, self.line)

        def one_engine() -> None:
            cpu, slots, fetching = Line(world, 1.0), Slots(world, self.uploads), Slots(world, self.downloads)
            up, down = shared if self.shares_line else (Line(world, self.line), Line(world, self.line))

            def photo() -> Steps:
                yield slots
                yield cpu.takes(self.cpu / 2)
                yield max(up.takes(self.size), taken.takes(self.size))
                yield calls.takes(1) + self.latency
                slots.leave()
                yield calls.takes(1) + self.latency + self.held
                yield jobs
                yield self.lasting
                jobs.leave()
                yield self.looks - world.now % self.looks
                yield fetching
                yield calls.takes(1) + self.latency
                yield down.takes(self.size)
                yield cpu.takes(self.cpu / 2)
                fetching.leave()

            for _ in range(self.photos):
                world.start(photo())

        for _ in range(self.engines):
            one_engine()
        return world.run()

    @property
    def an_hour(self) -> float:
        """Photos an hour, all engines together, by what as many again take: the last job's time is nobody's speed."""
        return self.engines * self.photos / (replace(self, photos=2 * self.photos).seconds() - self.seconds()) * 3600


# ------------------------------------------------------------------------------------------------- where it stops

MBIT = 125_000.0
CASES = {
    "studio": Case(size=6 * MEGABYTE, line=100 * MBIT, shares_line=True),
    "sites": Case(size=6 * MEGABYTE, line=100 * MBIT),
    "small": Case(
        size=MEGABYTE // 10, line=1000 * MBIT, shares_line=True, uploads=32, downloads=32, lasting=1.0, photos=4_000
    ),
    "in-flight": Case(size=MEGABYTE, line=1000 * MBIT, shares_line=True, uploads=32, downloads=32, in_flight=100),
    "calls": Case(size=MEGABYTE, line=1000 * MBIT, shares_line=True, uploads=32, downloads=32, calls=50),
}
"""What bounds them: the line of a studio; a line for each site; processors; jobs at a time; calls a second."""

ENGINES = (1, 2, 4, 8)


def scale(rounds: int) -> Iterator[Figure]:
    """What several engines bring by what one brings, simulated; and the model by real engines here."""
    yield from checked(rounds)
    for name, case in CASES.items():
        found = [replace(case, engines=number).an_hour for number in ENGINES]
        note = "photos an hour: " + ", ".join(
            f"{number} engine{'s' * (number > 1)} {hourly:,.0f}" for number, hourly in zip(ENGINES, found, strict=True)
        )
        yield of_rounds(f"scale-{name}", [found[1] / found[0]], "times two engines", side="least", bar=None, note=note)


# ------------------------------------------------------------------------------------------------- against real ones

CHECK = Case(
    photos=60, size=100_000, uploads=4, downloads=4, latency=0.2, line=1e9, lasting=1.0, bytes=1_100_000.0
)  # fmt: skip
"""Slow on purpose, so that what is measured are waits and not this machine: alone an engine is bound by its slots, two
by what the service takes."""

SLACK = 0.25


def checked(rounds: int) -> Iterator[Figure]:
    """The model's time by the real one, for one engine and for two."""
    with photos(2 * CHECK.photos, CHECK.size) as files:
        for engines in (1, 2):
            found = [_measured(engines, files) for _ in range(rounds)]
            ratios = [replace(CHECK, engines=engines, cpu=cpu).seconds() / took for took, cpu in found]
            held = all(1 - SLACK <= ratio <= 1 + SLACK for ratio in ratios)
            middle = sorted(ratios)[len(ratios) // 2]
            yield Figure(
                f"scale-model-{engines}", middle, "of the real time", f"{1 - SLACK} to {1 + SLACK}", held,
                least=min(ratios), most=max(ratios), rounds=rounds,
                note=f"real: {', '.join(f'{took:.1f}' for took, _ in found)} s",
            )  # fmt: skip


def _measured(engines: int, files: Sequence[Path]) -> tuple[float, float]:
    """Seconds from the first job to the last result, and CPU seconds for a photo."""
    with (
        sink(rate=CHECK.bytes, latency=CHECK.latency, lasting=CHECK.lasting, result=CHECK.size) as url,
        ExitStack() as stack,
    ):
        homes = [
            stack.enter_context(home(url, uploads=CHECK.uploads, downloads=CHECK.downloads)) for _ in range(engines)
        ]
        for one in homes:
            one.learn_usual(CHECK.lasting)
        running = [one.start() for one in homes]
        before, began = sum(map(cpu_seconds, running)), time.monotonic()
        for number, one in enumerate(homes):
            one.add(files[number * CHECK.photos : (number + 1) * CHECK.photos])
        for one in homes:
            one.until_events("saved", CHECK.photos)
        took = time.monotonic() - began
        return took, (sum(map(cpu_seconds, running)) - before) / engines / CHECK.photos
