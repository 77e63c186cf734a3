"""What the console tells without being asked: the messages so far, and which of them deserve a toast."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from artui.journal import crowds
from artui.journal.crowds import Crowds
from artui.model.job import Event, Job
from artui.model.states import Status
from artui.sanitize import beginning
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
        self.greeting = ""
        """What happened since the console was last left; gone with the first key."""
        self.messages: deque[Message] = deque(maxlen=MOST)
        self._kinds: set[str] = set()
        self._shared: dict[str, Message] = {}

    @property
    def newest(self) -> Message | None:
        """The last message, None before the first."""
        return self.messages[-1] if self.messages else None

    def tell(self, at: float, text: str) -> None:
        """Remember a message that is about no single job."""
        self.messages.append(Message(at, text))

    def hear(self, events: Iterable[Event], known: Mapping[int, Job], shared: Crowds) -> Sequence[str]:
        """Remember what a person wants to hear of; returns the kinds of trouble that are new, as sentences.

        ``known`` holds the jobs as they are now: an event they have left behind is no news any more. What they share
        (``shared``) is one message, which says how many they are by now.
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
                    toasts.append(_brief(text))
        return toasts

    def forget_kinds(self) -> None:
        """Let every kind of trouble count as new again: a person has dealt with what there was."""
        self._kinds.clear()


def _brief(text: str) -> str:
    """The first sentence: a toast hides what is below it, and the whole text stands in the message line."""
    first, _, more = text.partition(". ")
    return f"{first}." if more else text
