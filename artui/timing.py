"""How many at once, when to look again, how long to wait after a failure. Pure: time and chance are given."""

from __future__ import annotations

import time
from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime, timedelta, tzinfo

from artui.config.system import boot_time

LONGEST_WAIT = 300.0
"""Seconds between two probes of a service that stays down."""

LEAST_REPLAY, LONGEST_REPLAY = 0.2, 900.0
"""Seconds, at the least and at the most, between two sendings of a paid call in doubt."""

JITTER = 0.2
"""By which part a gap between two looks is made shorter or longer, so that many do not fall together."""


class Clock:
    """The wall clock read once, then carried on by the time since boot: no jump of the system's time moves a due time,
    and time asleep counts.

    Times are epoch seconds, comparable with those in the journal.
    """

    def __init__(self) -> None:
        self._offset = time.time() - boot_time()

    def now(self) -> float:
        """Epoch seconds, never going backwards within this process."""
        return self._offset + boot_time()


def next_day(now: float, zone: tzinfo) -> float:
    """When the next day begins in a zone; both in epoch seconds."""
    today = datetime.fromtimestamp(now, zone).date()
    return datetime.combine(today + timedelta(days=1), datetime.min.time(), zone).timestamp()


@dataclass(slots=True)
class AdaptiveLimiter:
    """How many calls of one kind may run now.

    Halves on a transient failure, gains one per success up to ``most``. At one and still failing it lets a single
    probe through after 1, 2, 4 … 300 seconds, or after what the service asked for.

    With ``ahead`` so many more may be ``running`` up to the call itself, and :meth:`enter` where one of ``allowed`` is
    free; ``inside`` counts those.
    """

    most: int
    ahead: int = 0
    allowed: int = 0
    running: int = 0
    inside: int = 0
    failures: int = 0
    not_before: float = 0.0
    learned_at: float = 0.0

    def __post_init__(self) -> None:
        self.allowed = self.most

    def free(self, now: float) -> int:
        """How many more may start now."""
        if now < self.not_before:
            return 0
        return max(0, self.allowed + self.ahead - self.running)

    def start(self, number: int = 1) -> None:
        """Take slots."""
        self.running += number

    def end(self, number: int = 1) -> None:
        """Give slots back."""
        self.running -= number

    def enter(self, now: float) -> bool:
        """Whether one that runs may make its call now; it is inside then, until it leaves."""
        is_free = now >= self.not_before and self.inside < self.allowed
        self.inside += is_free
        return is_free

    def leave(self) -> None:
        """Make room inside for the next."""
        self.inside -= 1

    def succeeded(self) -> None:
        """One call worked."""
        self.failures = 0
        self.not_before = 0.0
        self.allowed = min(self.most, self.allowed + 1)

    def passed(self, amount: int, now: float) -> None:
        """So many bytes have come through with one call that worked: nothing follows for what does not grow."""

    def failed(self, now: float, started: float, retry_after: float | None = None) -> None:
        """One call failed in passing. Those that were under way together count once: ``started`` tells."""
        if retry_after is not None:
            self.not_before = max(self.not_before, now + retry_after)
        if started < self.learned_at:
            return
        self.learned_at = now
        if self.allowed > 1:
            self.allowed = max(1, self.allowed // 2)
            return
        self.not_before = max(self.not_before, now + backoff(self.failures))
        self.failures += 1


SETTLED = 20.0
"""Seconds for which a :class:`GrowingLimiter` is content with what it has found."""

GAIN = 1.05
"""By which factor more must come through where twice as many are let in, for that to be worth it."""


@dataclass
class GrowingLimiter(AdaptiveLimiter):
    """One that finds out how many are of use: ``most`` doubles, up to ``ceiling``, for as long as more comes through by
    it, as TCP finds what a line carries. A failure takes it back to what is allowed then, or to where it began."""

    ceiling: int = 1
    _fallback: int = 0
    _rate: float = 0.0
    _amount: int = 0
    _ends: int = 0
    _since: float = 0.0
    _is_full: bool = False
    _again: float = 0.0

    def __post_init__(self) -> None:
        self.most = self._first = min(self.most, self.ceiling)
        super().__post_init__()

    def free(self, now: float) -> int:
        """How many more may start now."""
        found = super().free(now)
        self._is_full = self._is_full or not found
        return found

    def end(self, number: int = 1) -> None:
        """Give slots back; after a time without any work a round begins anew."""
        super().end(number)
        if not self.running:
            self._begin(0.0)

    def passed(self, amount: int, now: float) -> None:
        """So many bytes have come through with one call that worked.

        A round is as many calls as may run; one without a slot free tells what that number brings.
        """
        self._amount += amount
        self._ends += 1
        if not self._since or self.allowed < self.most:
            self._begin(now)
        elif self._ends >= self.most and now > self._since:
            if self._is_full:
                self._judge(self._amount / (now - self._since), now)
            self._begin(now)

    def failed(self, now: float, started: float, retry_after: float | None = None) -> None:
        """As :meth:`AdaptiveLimiter.failed`; and no more is tried for a while."""
        super().failed(now, started, retry_after)
        self.most = max(self.allowed, self._first)
        self._fallback, self._again = 0, now + SETTLED

    def _judge(self, rate: float, now: float) -> None:
        """Let more in, or as many as before, by the bytes a second that a round has brought."""
        paid = rate >= GAIN * self._rate
        if self._fallback and not paid:
            self.most = self.allowed = self._fallback
            self._fallback, self._again = 0, now + SETTLED
        elif now >= self._again and self.most < self.ceiling:
            # A number that was never settled on may be too small by what a round cannot tell.
            slack = self.most // 4 if self._fallback or not self._again else 0
            self._fallback = min(self.ceiling, self.most + slack)
            self.most = self.allowed = min(self.ceiling, 2 * self.most)
        else:
            self._fallback = 0
        self._rate = rate

    def _begin(self, now: float) -> None:
        self._amount, self._ends, self._since, self._is_full = 0, 0, now, False


def backoff(failures: int) -> float:
    """Seconds to wait after so many failures before: 1, 2, 4 … up to five minutes."""
    return float(min(LONGEST_WAIT, 2 ** min(failures, 16)))  # 16: more would change nothing but the time it takes


def replay_gap(settle: float, sent: int) -> float:
    """Seconds until a paid call in doubt is sent again that was sent ``sent`` times again already."""
    return min(LONGEST_REPLAY, max(LEAST_REPLAY, settle) * 2.0 ** min(sent, 16))


def look_gap(settle: float, looked: int) -> float:
    """Seconds until a paid call in doubt is looked up again, after ``looked`` earlier look-ups that settled nothing."""
    return min(LONGEST_WAIT, max(1.0, settle) * 2.0 ** min(looked, 16))


def retry_delay(attempts: int, chance: float) -> float:
    """Seconds until one job is tried again: :func:`backoff` with full jitter. ``chance`` lies in 0 … 1."""
    return max(0.2, backoff(attempts) * chance)  # chance may be 0: still not at once


@dataclass(slots=True)
class PollSchedule:
    """When to look at one execution again: not before ``due``, and for the sake of looking at others with it at most
    ``gap`` later."""

    due: float
    gap: float

    @property
    def latest(self) -> float:
        """Until when this look may be put off."""
        return self.due + self.gap

    def put_off(self, seconds: float) -> PollSchedule:
        """The same so much later."""
        return PollSchedule(self.due + seconds, self.gap)

    def hurried(self, now: float) -> PollSchedule:
        """One that is due now and waits for no other; those after it are as far apart as they would have been."""
        return PollSchedule(now - self.gap, self.gap)  # so that its latest is now


QA_GROWTH = 10
"""How many times the first gap the gaps grow to while a person checks a result."""

LONGEST_GAP = 15.0
"""Seconds between two looks at one execution that works, before they are spread."""

GROWTH = 1.3
"""By how much each gap is longer than the one before."""


SOONEST = 0.1
"""Seconds until the first look at the least, however quick a workflow usually is."""


FEW = 10
"""Executions at the service up to which each is looked at more often: somebody waits for the first and the last of a
batch."""

CLOSER = 3
"""By how much."""

SHORT = 20.0
"""Seconds under which somebody waits for a job rather than comes back to it."""


def first_look(now: float, due: float, least: float, *, few: bool = False) -> PollSchedule:
    """The first look at a new execution: when it is usually done. An earlier one mostly shows that it still runs.

    One of ``few`` waits a third as long for others: until the first result is there the line down stands still.
    """
    wait = max(due - now, SOONEST)  # ``least`` lies between two looks, and this is the first
    # The shorter the job the less of its time a look may be put off by for the sake of others.
    gap = min(LONGEST_GAP, max(least / 4, wait / 10 * min(1.0, wait / SHORT)))
    return PollSchedule(now + wait, gap / (CLOSER if few else 1))


SCOUTED = 0.22
"""By which part of the time since it was sent an execution of an unknown workflow may be seen too late."""


def scout_look(now: float, sent: float, least: float) -> PollSchedule:
    """The following look at an execution that is to show how long its workflow takes; it waits for no other."""
    return PollSchedule(now + min(LONGEST_GAP, max(least, SCOUTED * (now - sent))), 0.0)


def next_look(looks: PollSchedule, now: float, least: float, chance: float, *, few: bool = False) -> PollSchedule:
    """The following look: gaps grow by 1.3 up to 15 s, each spread by ±20 %; of ``few`` they are a third until then."""
    spread = 1 - JITTER + 2 * JITTER * chance
    gap = looks.gap * spread / (CLOSER if few and looks.gap < LONGEST_GAP else 1)
    return PollSchedule(now + max(least, gap), min(LONGEST_GAP, max(least, looks.gap * GROWTH)))


def qa_look(looks: PollSchedule, now: float, first: float) -> PollSchedule:
    """The following look at an execution that a person checks: after ``first`` seconds, up to ten times that."""
    gap = min(QA_GROWTH * first, max(first, looks.gap * GROWTH))
    return PollSchedule(now + gap, gap)


def next_round(looks: Collection[PollSchedule]) -> float | None:
    """When to look next: no look is put off beyond its latest, and those that are due by then are taken together."""
    latest = min((one.latest for one in looks), default=None)
    return None if latest is None else max(one.due for one in looks if one.due <= latest)
