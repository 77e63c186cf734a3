"""How many, when, how long: pure arithmetic, with hypothesis where a bound must hold always."""

from __future__ import annotations

import statistics
from heapq import heappop, heappush
from random import Random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from artui.timing import (
    FEW,
    LONGEST_GAP,
    LONGEST_WAIT,
    SETTLED,
    SOONEST,
    AdaptiveLimiter,
    GrowingLimiter,
    PollSchedule,
    backoff,
    first_look,
    next_look,
    next_round,
    qa_look,
    retry_delay,
)

chances = st.floats(0, 1)


def test_a_gate_halves_once_for_calls_that_failed_together_and_grows_by_one() -> None:
    gate = AdaptiveLimiter(8)
    gate.start(8)
    for _ in range(8):
        gate.failed(now=10.0, started=5.0)
        gate.end()
    assert gate.allowed == 4
    gate.succeeded()
    assert gate.allowed == 5
    for _ in range(20):
        gate.succeeded()
    assert gate.allowed == 8


def test_at_one_and_still_failing_it_probes_ever_more_rarely() -> None:
    gate = AdaptiveLimiter(1)
    now, waits = 0.0, []
    for _ in range(12):
        assert gate.free(now) == 1
        gate.failed(now, started=now)
        waits.append(gate.not_before - now)
        assert gate.free(gate.not_before - 0.01) == 0
        now = gate.not_before
    assert waits == [1, 2, 4, 8, 16, 32, 64, 128, 256, 300, 300, 300]
    gate.succeeded()
    assert gate.free(now) == 1


def test_more_may_run_up_to_the_call_than_make_it() -> None:
    gate = AdaptiveLimiter(2, ahead=1)
    gate.start(gate.free(0.0))
    assert gate.running == 3
    assert [gate.enter(0.0) for _ in range(3)] == [True, True, False]
    gate.failed(now=0.0, started=0.0)
    gate.failed(now=0.0, started=0.0)
    gate.leave()
    assert not gate.enter(0.0), "half of the slots are gone"
    gate.leave()
    assert [gate.enter(gate.not_before - 0.1), gate.enter(gate.not_before)] == [False, True]


def test_a_gate_honours_what_the_service_asked_for() -> None:
    gate = AdaptiveLimiter(6)
    gate.failed(now=0.0, started=0.0, retry_after=7.0)
    assert gate.free(6.9) == 0
    assert gate.free(7.1) == 3


@given(st.integers(0, 10_000), chances)
def test_waits_are_bounded_whatever_happened_before(failures: int, chance: float) -> None:
    assert 1 <= backoff(failures) <= LONGEST_WAIT
    assert 0 < retry_delay(failures, chance) <= LONGEST_WAIT


def test_the_first_look_comes_when_it_is_usually_done() -> None:
    assert first_look(100.0, 160.0, 1.0) == PollSchedule(160.0, 6.0)
    assert first_look(100.0, 105.0, 0.25) == PollSchedule(105.0, 0.125), "a quick job is put off by less of its time"
    assert first_look(100.0, 100.0, 2.0) == PollSchedule(100.0 + SOONEST, 0.5)


def test_looks_that_are_due_soon_are_taken_together_and_none_is_put_off_beyond_its_latest() -> None:
    assert next_round([]) is None
    assert next_round([PollSchedule(10.0, 6.0)]) == 10.0
    assert next_round([PollSchedule(10.0, 6.0), PollSchedule(12.0, 6.0), PollSchedule(16.5, 6.0)]) == 12.0
    assert next_round([PollSchedule(10.0, 6.0), PollSchedule(12.0, 1.0), PollSchedule(14.0, 6.0)]) == 12.0


def lateness(number: int, usual: float, seed: int = 0) -> tuple[float, float, float]:
    """So many photos, twelve a second, through jobs that take about ``usual`` seconds: how late their results are seen,
    by that, the median one and the last; and how many rounds of looks a photo took."""
    chance = Random(seed)
    sent = [photo / 12 for photo in range(number)]
    done = [at + max(0.1, chance.gauss(usual, usual / 5)) for at in sent]
    looks: dict[int, PollSchedule] = {}
    seen: dict[int, float] = {}
    rounds = begun = 0
    while len(seen) < number:
        now = next_round(looks.values())
        if begun < number and (now is None or sent[begun] <= now):
            looks[begun] = first_look(sent[begun], sent[begun] + usual, 0.25)
            begun += 1
            continue
        assert now is not None
        rounds += 1
        for photo in [one for one, its in looks.items() if its.due <= now]:
            if done[photo] <= now:
                seen[photo] = now
                del looks[photo]
            else:
                looks[photo] = next_look(looks[photo], now, 0.25, chance.random(), few=len(looks) <= FEW)
    late = [(seen[photo] - done[photo]) / usual for photo in seen]
    return statistics.median(late), (max(seen.values()) - max(done)) / usual, rounds / number


@pytest.mark.parametrize("usual", [5.0, 8.0, 30.0])
def test_of_jobs_that_differ_the_last_of_a_batch_is_seen_soonest_by_few_looks(usual: float) -> None:
    median, last, rounds = lateness(250, usual)
    assert median < 0.15
    assert last < 0.075
    assert rounds < 0.6
    alone = [lateness(1, usual, seed) for seed in range(50)]
    assert statistics.mean(late for _, late, _ in alone) < 0.15
    assert statistics.mean(looks for _, _, looks in alone) <= 3.5


def test_one_that_runs_for_ever_is_not_looked_at_more_often_for_being_alone() -> None:
    looks = PollSchedule(0.0, LONGEST_GAP)
    assert next_look(looks, 0.0, 0.25, 0.5, few=True).due == LONGEST_GAP


@given(st.lists(chances, min_size=40, max_size=40), st.floats(0.1, 3600), st.floats(0.5, 5))
def test_looks_never_come_faster_than_allowed_nor_rarer_than_the_longest_gap(
    spread: list[float], usual: float, least: float
) -> None:
    looks, now = first_look(0.0, usual, least), 0.0
    for chance in spread:
        now = looks.due
        looks = next_look(looks, now, least, chance)
        assert least - 1e-6 <= looks.due - now <= LONGEST_GAP * 1.2 + 1e-6


def test_a_job_that_a_person_checks_is_asked_about_from_one_minute_to_ten() -> None:
    looks, gaps = PollSchedule(0.0, 1.0), []
    for _ in range(12):
        looks = qa_look(looks, looks.due, 60.0)
        gaps.append(looks.gap)
    assert gaps[0] == 60.0
    assert gaps == sorted(gaps)
    assert gaps[-1] == 600.0


class Line:
    """A line of ``rate`` bytes a second that all uploads share, each of which waits ``beyond`` seconds for answers."""

    def __init__(self, gate: GrowingLimiter, rate: float, beyond: float, size: int = 1_000_000) -> None:
        self.gate, self.rate, self.beyond, self.size = gate, rate, beyond, size
        self.now, self.free_at, self.sent = 1_000.0, 0.0, 0
        self.ends: list[float] = []

    def run(self, seconds: float, photos: int = 1_000_000) -> float:
        """Send for so long, or so many; the share of what the line carries that it carried."""
        until, before = self.now + seconds, self.sent
        began = self.now
        while self.now < until and (photos or self.ends):
            while photos and self.gate.free(self.now):
                self.gate.start()
                self.free_at = max(self.free_at, self.now) + self.size / self.rate
                heappush(self.ends, self.free_at + self.beyond)
                photos -= 1
            self.now = heappop(self.ends)
            self.sent += self.size
            self.gate.succeeded()
            self.gate.passed(self.size, self.now)
            self.gate.end()
        return (self.sent - before) / self.rate / (self.now - began)


def test_slots_are_found_that_fill_the_line_and_few_more() -> None:
    for megabit, needed in ((20, 1), (100, 4), (500, 14)):
        gate = GrowingLimiter(6, ceiling=32)
        line = Line(gate, megabit * 125_000, beyond=0.2)
        line.run(10)
        assert needed <= gate.most <= max(8, 2.5 * needed), (megabit, gate.most)
        assert line.run(60) > 0.97, megabit
        assert gate.most <= max(8, 2.5 * needed), (megabit, gate.most)


def test_small_photos_far_away_take_all_slots_within_seconds() -> None:
    gate = GrowingLimiter(6, ceiling=32)
    Line(gate, 12_500_000, beyond=0.8, size=300_000).run(5)
    assert gate.most == 32


def test_where_a_bandwidth_is_set_or_photos_are_large_it_stays_at_what_it_began_with() -> None:
    gate = GrowingLimiter(6, ceiling=32)
    Line(gate, 250_000, beyond=0.2, size=6_000_000).run(3_600)
    assert gate.most <= 7


def test_what_is_set_is_the_most_whatever_comes_through() -> None:
    for ceiling in (1, 4, 9):
        gate = GrowingLimiter(6, ceiling=ceiling)
        Line(gate, 62_500_000, beyond=0.5).run(30)
        assert gate.most == ceiling


@pytest.mark.parametrize(("ceiling", "rate"), [(13, 3_000_000), (14, 3_500_000), (25, 12_500_000), (28, 12_500_000)])
def test_what_is_set_is_the_most_where_a_line_carries_less_just_then(ceiling: int, rate: float) -> None:
    gate = GrowingLimiter(6, ceiling=ceiling)
    line = Line(gate, rate, beyond=0.8, size=300_000)
    while gate.most < ceiling:
        line.run(0.1)
    line.rate /= 10  # others use it now
    for _ in range(30):
        line.run(1)
        assert gate.allowed <= gate.most <= ceiling


def test_a_few_photos_at_a_time_teach_nothing() -> None:
    gate = GrowingLimiter(6, ceiling=32)
    line = Line(gate, 62_500_000, beyond=0.5)
    for _ in range(50):
        line.run(60, photos=5)
        line.now += 10
    assert gate.most == 6


def test_a_service_that_has_enough_takes_it_back_and_it_is_not_tried_again_at_once() -> None:
    gate = GrowingLimiter(6, ceiling=32)
    line = Line(gate, 62_500_000, beyond=0.5)
    line.run(5)
    assert gate.most == 32
    gate.failed(line.now, line.now, retry_after=2.0)
    assert gate.free(line.now + 1.9) == 0
    line.now = line.free_at = gate.not_before
    line.run(SETTLED - 3)
    assert gate.most == 16
    line.run(10)
    assert gate.most == 32, "it is tried again after a while"


@given(st.lists(st.tuples(st.sampled_from(["ok", "slow", "failed"]), st.floats(0, 30)), max_size=60))
def test_it_stays_between_one_and_the_ceiling_whatever_happens(said: list[tuple[str, float]]) -> None:
    gate, now = GrowingLimiter(6, ahead=2, ceiling=12), 1_000.0
    for word, seconds in said:
        number = gate.free(now)
        gate.start(number)
        now += seconds
        for _ in range(number):
            if word == "failed":
                gate.failed(now, now - seconds)
            else:
                gate.succeeded()
                gate.passed(1_000 if word == "slow" else 1_000_000, now)
            gate.end()
        assert 1 <= gate.allowed <= gate.most <= 12
        assert gate.running == 0
