"""How a command ends: the exit codes, and which one a failure or a set of jobs means."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING

from artui.model.holds import HOLDS
from artui.model.holds import Exit as Exit  # what every command here ends with
from artui.model.states import Reason, Status

if TYPE_CHECKING:
    from artui.journal.history import Count


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


class CommandError(Exception):
    """A command cannot do what it was asked; the text is a sentence for a person, ``code`` the exit code."""

    def __init__(self, code: Exit, sentence: str) -> None:
        super().__init__(sentence)
        self.code = code


class LoggedDefect(Exception):
    """The ``defect`` has ended this process, and the file ``log`` keeps its traceback."""

    def __init__(self, defect: Exception, log: Path) -> None:
        super().__init__(log)
        self.defect = defect
        self.log = log


class Onward(Exception):
    """What is left of a command is another one, which needs less memory: ``arguments`` are its own."""

    def __init__(self, arguments: list[str]) -> None:
        super().__init__(arguments)
        self.arguments = arguments


def first(codes: Iterable[Exit]) -> Exit:
    """The one code that stands for several; OK where there is none."""
    return min(codes, key=_FIRST.index, default=Exit.OK)


def of_hold(reason: str) -> Exit:
    """The code of a job or account that is held for this reason."""
    return HOLDS[Reason(reason)].exit


def of_jobs(counts: Iterable[Count]) -> Exit:
    """The code that says how some jobs stand."""
    return first(
        of_hold(count.reason) if count.status is Status.HELD else Exit.FAILED
        for count in counts
        if count.status in (Status.HELD, Status.FAILED)
    )
