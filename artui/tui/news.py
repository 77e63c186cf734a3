"""What the console tells without being asked: the messages so far, and which of them deserve a toast."""

from __future__ import annotations

import datetime as dt
import time
from collections import deque
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from artui.journal import crowds, offers, window
from artui.journal.caps import LEVELS
from artui.journal.crowds import Crowds
from artui.journal.groups import group
from artui.model.holds import Group
from artui.model.job import Event, Job
from artui.model.states import Status
from artui.sanitize import beginning, sanitize
from artui.tui.advice import sentence
from artui.tui.view import Look, View
from artui.tui.words import clock, plural, spent, standing

MOST = 500
"""Messages that are kept."""

_TROUBLE = (Status.FAILED, Status.HELD)


@dataclass(frozen=True, slots=True)
class Message:
    """One message: when, what, and the job it is about (0 = none)."""

    at: float
    text: str
    job: int = 0

    def line(self, now: float) -> str:
        """As one line, with its time."""
        return f"{clock(self.at, now)} {self.text}"


@dataclass(frozen=True, slots=True)
class Toast:
    """A message that deserves a toast. ``is_call``: a person who looks elsewhere should hear it: they are needed,
    or what they wait for is there."""

    text: str
    is_trouble: bool
    is_call: bool = False


class News:
    """The messages of this session, the newest last."""

    def __init__(self) -> None:
        self.greeting = ""
        """What happened since the console was last left; gone with the first key."""
        self.messages: deque[Message] = deque(maxlen=MOST)
        self._kinds: set[str] = set()
        self._levels: set[tuple[str, str, int, int, dt.date]] = set()
        self._shared: dict[str, Message] = {}
        self._unfinished: Mapping[str, int] = {}

    @property
    def newest(self) -> Message | None:
        """The last message, None before the first."""
        return self.messages[-1] if self.messages else None

    def tell(self, at: float, text: str) -> None:
        """Remember a message that is about no single job."""
        self.messages.append(Message(at, text))

    def engine_ended(self, look: Look) -> str:
        """Remember that no engine runs any more, whether it ended in order and what that means; returns that sentence,
        empty where it ended in order with nothing under way."""
        active = look.counts.get(Group.ACTIVE, 0) + look.counts.get(Group.QUEUED, 0)
        killed = look.row is not None and look.row.state != "ended"
        if not (killed or active):
            return ""
        how = "it was killed" if killed else "it ended in order"
        text = (
            f"No engine is running since {clock(time.time(), time.time())} ({how}); E starts one. Nothing is lost: what"
            " became of each paid request is settled before anything is sent again."
        )
        self.tell(time.time(), text)
        return text

    async def take_in(self, look: Look, view: View) -> list[Toast]:
        """Remember what a look has shown; returns what deserves a toast: each new kind of trouble, and each batch that
        is finished."""
        toasts: list[Toast] = []
        if look.events:
            known = await view.ask(window.some, [event.job for event in look.events])
            shared = await view.ask(crowds.crowds)
            toasts += self._hear(look.events, known, shared)
        ended = [batch for batch in self._unfinished if batch not in look.unfinished]
        self._unfinished = look.unfinished
        for batch in ended:
            if finished := await view.ask(window.finished_batch, batch):
                name, figures = finished
                text = f"{sanitize(name, 40)} is done: {standing(figures.counts)}. {spent(figures.totals.values())}."
                self.tell(time.time(), text)
                toasts.append(Toast(text, is_trouble=bool(figures.counts[Group.NEEDS]), is_call=True))
        return toasts

    async def of_silence(self, before: Look, look: Look, view: View) -> list[Toast]:
        """Remember that a service has ceased to answer, or answers again, and what that means; returns the toasts."""
        was, now, toasts = {one.account: one.away_since for one in before.quotes}, time.time(), []
        for one in look.quotes:
            since, name = was.get(one.account), sanitize(one.account, 30)
            if one.account not in was or (since is None) == (one.away_since is None):
                continue
            text = f"{name} answers again; it did not since {clock(since or now, now)}."
            if one.away_since is not None:
                sent, unsent = await view.ask(offers.unfinished, one.account)
                text = (
                    f"{name} does not answer since {clock(one.away_since, now)}. {plural(sent, 'photo')}"
                    f" {'is' if sent == 1 else 'are'} safe there, {unsent:,} {'waits' if unsent == 1 else 'wait'} here,"
                    " nothing is lost. artui asks again by itself."
                )
            self.tell(now, text)
            toasts.append(Toast(text, is_trouble=one.away_since is not None))
        return toasts

    def of_caps(self, before: Look, look: Look, day: dt.date) -> list[Toast]:
        """Remember which caps of accounts have come to 70, 90 or 100 per cent, each once a day; returns the toasts."""
        known, toasts = {one.account for one in before.quotes}, []
        for one in look.quotes:
            for bound in one.bounds:
                key = (one.account, bound.cap.kind, bound.cap.limit, bound.cap.level, day)
                if not bound.cap.level or key in self._levels:
                    continue
                self._levels |= {(*key[:3], level, day) for level in LEVELS if level <= bound.cap.level}
                if one.account in known:  # else it was so when the console was opened
                    text = f"{bound.cap.level} % of {bound.cap.name} are reached: {bound.cap.told}."
                    self.tell(time.time(), text)
                    toasts.append(Toast(text, is_trouble=bound.cap.level > LEVELS[0]))
        return toasts

    def _hear(self, events: Iterable[Event], known: Mapping[int, Job], shared: Crowds) -> Sequence[Toast]:
        """Remember what a person wants to hear of; returns the kinds of trouble that are new.

        ``known`` holds the jobs as they are now: an event they have left behind is no news any more. What jobs
        share (``shared``) is one message, which says how many they are by now.
        """
        toasts = []
        for event in events:
            job = known.get(event.job)
            if job is None or event.status is not job.status:
                continue
            if event.status is Status.DONE:
                self.messages.append(Message(event.at, f"Saved {beginning(event.message, 120)}", job.id))
            elif event.status in _TROUBLE:
                crowd = shared.get(crowds.of(job))
                text = sentence(job, crowd)
                kind = " ".join([job.status, *crowds.of(job)])
                before = self._shared.get(kind)
                if before is not None and crowd is not None and before in self.messages:
                    self.messages.remove(before)
                self._shared[kind] = Message(event.at, text, job.id)
                self.messages.append(self._shared[kind])
                if kind not in self._kinds:
                    self._kinds.add(kind)
                    # A toast hides what is below it, and the whole text stands in the message line.
                    first, _, more = text.partition(". ")
                    calls = group(job.status, job.reason, job.hold_scope) is Group.NEEDS
                    toasts.append(Toast(f"{first}." if more else text, is_trouble=True, is_call=calls))
        return toasts

    def forget_kinds(self) -> None:
        """Let every kind of trouble count as new again: a person has dealt with what there was."""
        self._kinds.clear()
