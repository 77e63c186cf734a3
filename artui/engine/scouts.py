"""Of each workflow that nobody knows the time of, one job that is looked at often: what it shows serves all others."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from artui.journal import accounts
from artui.model.job import Job
from artui.steps import StepContext
from artui.timing import PollSchedule, first_look, scout_look

EARLIER = 0.05
"""When a scout is first looked at, as a part of ``first_look``: that is when the others are, if it shows nothing."""


class Scouts:
    """Who is the scout of which workflow, and when to look at whom first."""

    def __init__(self, context: StepContext) -> None:
        self._context = context
        self._scouts: dict[tuple[str, str], int] = {}
        self._others: set[int] = set()
        self._known: set[tuple[str, str]] = set()

    @property
    def _now(self) -> float:
        return self._context.clock.now()

    @property
    def _least(self) -> float:
        return float(self._context.provider.limits.least_gap)

    def first_look(self, job: Job, *, few: bool = False) -> PollSchedule:
        """The first look at a job that was just sent; ``few``: with few others."""
        kind = _kind(job)
        if kind not in self._known and self._usual(job) is None:
            if kind not in self._scouts:
                return self._send(job)
            self._others.add(job.id)
        else:
            self._known.add(kind)  # for good: it need not be read for each photo
        return first_look(self._now, job.due or self._now, self._least, few=few)

    def next_look(self, job: Job) -> PollSchedule | None:
        """The following look at a scout; None for any other job, which has a schedule of its own from here on."""
        if self._scouts.get(_kind(job)) == job.id:
            return scout_look(self._now, job.stage_at, self._least)
        self._others.discard(job.id)
        return None

    def relieve(self, job: Job, followed: Iterable[Job]) -> Iterator[tuple[Job, PollSchedule]]:
        """When to look at others, now that ``job`` is not waited for any more: by what it has shown as a scout; where
        that is nothing the next one goes."""
        kind = _kind(job)
        self._others.discard(job.id)
        if self._scouts.get(kind) != job.id:
            return
        del self._scouts[kind]
        others = [one for one in followed if one.id in self._others and _kind(one) == kind]
        usual, now = self._usual(job), self._now
        if usual is None:
            others = others[:1]
        for one in others:
            self._others.discard(one.id)
            # Sent before now, whatever the wall's clock said then: it may have been a year ahead.
            sent = min(one.stage_at, now)
            yield one, self._send(one) if usual is None else first_look(now, sent + usual, self._least)

    def _usual(self, job: Job) -> float | None:
        found = self._context.journal.read(accounts.usual, job.payer, job.workflow)
        return found[0] if found else None

    def _send(self, job: Job) -> PollSchedule:
        self._scouts[_kind(job)] = job.id
        settings, after = self._context.provider.settings, scout_look(self._now, job.stage_at, 0.0)
        return PollSchedule(max(self._now + max(EARLIER * settings.first_look, self._least / 2), after.due), 0.0)


def _kind(job: Job) -> tuple[str, str]:
    """What jobs share that usually take equally long."""
    return job.payer, job.workflow
