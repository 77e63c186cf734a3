"""A workflow that nobody knows the time of: one photo is looked at often, and what it shows serves all others."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import pytest

from artui.engine.scouts import Scouts


class Bench:
    """Scouts at a clock of their own; ``usual`` is what is known of how long the workflow takes."""

    def __init__(self) -> None:
        self.at = 0.0
        self.usual: float | None = None
        provider = SimpleNamespace(
            limits=SimpleNamespace(least_gap=0.25), settings=SimpleNamespace(first_look=10.0)
        )  # fmt: skip
        journal = SimpleNamespace(read=lambda *_: None if self.usual is None else (self.usual, 1))
        desk: Any = SimpleNamespace(clock=SimpleNamespace(now=lambda: self.at), provider=provider, journal=journal)
        self.scouts = Scouts(desk)
        self.jobs = [self.job(number) for number in range(4)]

    def job(self, number: int) -> Any:
        return SimpleNamespace(id=number, payer="p", workflow="w", stage_at=0.0, due=10.0)

    def relieved(self, number: int) -> dict[int, float]:
        left = [one for one in self.jobs if one.id != number]
        return {job.id: looks.due for job, looks in self.scouts.relieve(self.jobs[number], left)}


@pytest.mark.parametrize("lasting", [1.0, 5.0, 20.0, 60.0])
def test_a_scout_shows_its_end_soon_and_is_not_asked_often(lasting: float) -> None:
    bench = Bench()
    looks = bench.scouts.first_look(bench.jobs[0])
    number = 1
    while looks.due < lasting:
        bench.at, number = looks.due, number + 1
        looks = bench.scouts.next_look(bench.jobs[0]) or pytest.fail("it is the scout")
    assert looks.due - lasting <= 0.22 * lasting + 1e-9
    assert number <= 25


def test_what_the_scout_shows_serves_all_others() -> None:
    bench = Bench()
    dues = [bench.scouts.first_look(job).due for job in bench.jobs]
    assert dues == [0.5, 10.0, 10.0, 10.0], "one is looked at early, not all"
    assert bench.scouts.next_look(bench.jobs[1]) is None, "it was looked at just now: not again so soon"
    bench.at, bench.usual = 3.0, 2.5
    assert bench.relieved(1) == {}, "it was no scout"
    assert bench.relieved(0) == {2: 3.1, 3: 3.1}, "they are due, and looked at together"
    assert bench.scouts.first_look(bench.job(9)).due == 10.0, "it is known from now on: as the journal has it"


def test_where_a_scout_shows_nothing_the_next_one_goes() -> None:
    bench = Bench()
    for job in bench.jobs:
        bench.scouts.first_look(job)
    bench.at = 2.0
    assert bench.relieved(0) == {1: 2.5}
    assert bench.scouts.next_look(bench.jobs[1]), "it is the scout now"


def test_a_clock_that_was_ahead_puts_no_look_off() -> None:
    bench = Bench()
    for job in bench.jobs:
        job.stage_at = 1e9  # as the wall's clock had it then
        bench.scouts.first_look(job)
    bench.at, bench.usual = 3.0, 2.5
    assert bench.relieved(0) == dict.fromkeys([1, 2, 3], 5.5)
