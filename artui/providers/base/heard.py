"""What a service answered last, for whoever must tell of an answer that artui could not understand."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass

EXCERPT = 2_048
"""Characters of an answer that a log keeps."""


@dataclass(slots=True)
class Heard:
    """The beginning of the last answer that came while somebody listened."""

    about: str = ""
    said: bytes = b""

    def __str__(self) -> str:
        return f"{self.about}: {self.said.decode('utf-8', 'replace')}" if self.about else ""


_listening: ContextVar[Heard | None] = ContextVar("heard", default=None)


@contextmanager
def listening() -> Iterator[Heard]:
    """Keep the last answer that comes within, also in the tasks that are begun within."""
    heard = Heard()
    token = _listening.set(heard)
    try:
        yield heard
    finally:
        _listening.reset(token)


def hear(about: str, body: bytes) -> None:
    """Note an answer."""
    heard = _listening.get()
    if heard is not None:
        heard.about, heard.said = about, body[: 4 * EXCERPT]  # a secret must not be cut before it is found


def last_heard() -> str:
    """The beginning of the last answer, with what was asked; empty where nobody listens or nothing came."""
    return str(_listening.get() or "")
