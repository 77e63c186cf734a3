"""What the console tells without being asked: the messages so far, and which of them deserve a toast."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from artui.job import Event, Job, Status
from artui.shown import shown
from artui.tui.advice import sentence
from artui.tui.words import clock

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


class News:
    """The messages of this session, the newest last."""

    def __init__(self) -> None:
        self.messages: deque[Message] = deque(maxlen=MOST)
        self._kinds: set[str] = set()

    @property
    def newest(self) -> Message | None:
        """The last message, None before the first."""
        return self.messages[-1] if self.messages else None

    def tell(self, at: float, text: str) -> None:
        """Remember a message that is about no single job."""
        self.messages.append(Message(at, text))

    def hear(self, events: Iterable[Event], known: dict[int, Job]) -> Sequence[str]:
        """Remember what a person wants to hear of; returns the kinds of trouble that are new, as sentences.

        ``known`` holds the jobs as they are now: an event they have left behind is no news any more.
        """
        toasts = []
        for event in events:
            job = known.get(event.job)
            if job is None or event.status is not job.status:
                continue
            if event.status is Status.DONE:
                self.messages.append(Message(event.at, f"Saved {shown(event.message, 120)}", job.id))
            elif event.status in _TROUBLE:
                text = sentence(job)
                self.messages.append(Message(event.at, text, job.id))
                kind = f"{job.account} {job.status} {job.reason}"
                if kind not in self._kinds:
                    self._kinds.add(kind)
                    toasts.append(text)
        return toasts

    def forget_kinds(self) -> None:
        """Let every kind of trouble count as new again: a person has dealt with what there was."""
        self._kinds.clear()
