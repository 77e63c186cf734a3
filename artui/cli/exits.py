"""How a command ends: the exit codes, and which one a failure or a set of jobs means."""

from __future__ import annotations

from collections.abc import Iterable
from enum import IntEnum
from typing import TYPE_CHECKING

from artui.model.states import Reason, Status

if TYPE_CHECKING:
    from artui.journal.history import Count


class Exit(IntEnum):
    """The exit codes. Where several apply, the first of ``_FIRST`` does."""

    OK = 0
    FAILED = 1
    USAGE = 2
    NETWORK = 3
    LOGIN = 4
    CREDIT = 5
    LOCKED = 6
    PERSON = 7
    CAP = 8
    INTERRUPTED = 130


_FIRST = (
    Exit.INTERRUPTED,
    Exit.USAGE,
    Exit.LOCKED,
    Exit.LOGIN,
    Exit.CREDIT,
    Exit.CAP,
    Exit.PERSON,
    Exit.NETWORK,
    Exit.FAILED,
    Exit.OK,
)

_OF_HOLD = {
    Reason.LOGIN: Exit.LOGIN,
    Reason.CREDITS: Exit.CREDIT,
    Reason.QUOTA: Exit.CREDIT,
    Reason.PAYMENT: Exit.CREDIT,
    Reason.CAP: Exit.CAP,
}


class CommandError(Exception):
    """A command cannot do what it was asked; the text is a sentence for a person, ``code`` the exit code."""

    def __init__(self, code: Exit, sentence: str) -> None:
        super().__init__(sentence)
        self.code = code


def first(codes: Iterable[Exit]) -> Exit:
    """The one code that stands for several; OK where there is none."""
    return min(codes, key=_FIRST.index, default=Exit.OK)


def of_hold(reason: str) -> Exit:
    """The code of a job or account that is held for this reason."""
    return _OF_HOLD.get(Reason(reason), Exit.PERSON) if reason in list(Reason) else Exit.PERSON


def of_jobs(counts: Iterable[Count]) -> Exit:
    """The code that says how some jobs stand."""
    return first(
        of_hold(count.reason) if count.status is Status.HELD else Exit.FAILED
        for count in counts
        if count.status in (Status.HELD, Status.FAILED)
    )
