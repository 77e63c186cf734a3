"""The two ways out of the program, and what becomes of a command when one of them takes nothing: it is full, closed, or
its reader has gone.

Until something is done, such a command ends at once. From :func:`go_on` on it does its work to the end: a reader that
has gone changes nothing then, anything else makes a 1 of a 0.
"""

from __future__ import annotations

import errno
import fcntl
import os
import select
import signal
import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field

from artui.cli.exits import Exit

NAMES = ("stdout", "stderr")

ENDING = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
"""The signals that end a command as ctrl-c does."""


class Untold(Exception):
    """A stream takes nothing, and nothing was done yet; ``reader_left``: nobody wants the rest of the data."""

    def __init__(self, name: str, problem: OSError) -> None:
        super().__init__(name)
        self.reader_left = name == "stdout" and isinstance(problem, BrokenPipeError)


@dataclass
class _Run:
    """One run of a command: what it has ``done``, in a sentence, whether it said so, whether it gave any data, what was
    ``said`` last, and the streams it lost. ``volume``: below 0 only what went wrong is said, above it every step;
    ``fields``: those of a document that are wanted, empty for all."""

    goes_on: bool = False
    has_data: bool = False
    said: str = ""
    done: str = ""
    told: bool = False
    lost: dict[str, OSError] = field(default_factory=dict)
    volume: int = 0
    fields: list[str] = field(default_factory=list)


_run = _Run()


@contextmanager
def one_run() -> Iterator[None]:
    """A run of its own for what is written in the block; a command that another one runs has one too."""
    global _run
    outer, _run = _run, _Run()
    try:
        yield
    finally:
        outer.lost |= _run.lost
        _run = outer


def go_on(done: str = "", *, has_data: bool = False) -> None:
    """From here on the command goes on, heard or not; ``done`` is the sentence for what was done by now, ``has_data``
    whether that has written to stdout, in a process that was another command before."""
    _run.goes_on = True
    _run.has_data |= has_data
    if done:
        _run.done, _run.told = done, False


def write(name: str, text: str, *, flush: bool = True) -> None:
    """Write to a stream, now or when it pleases. Raises Untold where it takes nothing and nothing was done yet."""
    stream = getattr(sys, name)
    if name == "stdout":
        _run.has_data |= bool(text)
    elif said := text.strip():
        _run.said = said
    try:
        stream.write(text)
        if flush:
            stream.flush()
        _run.told |= name == "stderr" and text.strip() == _run.done
    except OSError as problem:
        _lose(name, problem)


def set_fields(fields: list[str]) -> None:
    """Which fields of its documents this run of a command prints; empty: all."""
    _run.fields = fields


def fields() -> list[str]:
    """Which fields of its documents this run of a command prints; empty: all."""
    return _run.fields


def set_volume(volume: int) -> None:
    """How much this run of a command says to a person."""
    _run.volume = volume


def volume() -> int:
    """How much this run of a command says to a person: below 0 only what went wrong, above it every step."""
    return _run.volume


def keep_to_itself(line: str) -> None:
    """Remember a line that is said only if the command fails with it."""
    _run.said = line.strip() or _run.said


def are_whole() -> bool:
    """Whether all that was said has been taken by now."""
    _flush()
    return not _run.lost


def has_data() -> bool:
    """Whether this run of a command has written to stdout by now."""
    return _run.has_data


def said_last() -> str:
    """The last line that this run of a command has said to a person; empty where there was none."""
    return _run.said


def blame(failure: Exception) -> Exception:
    """Raises Untold where a failure came from stdout, to which a library had written by itself; else gives it back."""
    if isinstance(failure, BrokenPipeError):
        if _has_no_reader("stdout"):
            _lose("stdout", failure)
    elif isinstance(failure, OSError):
        if failure.errno == errno.EBADF and _is_closed("stdout"):
            _lose("stdout", failure)  # a text longer than the buffer is not kept
        write("stdout", "")  # what could not be written is still to be written
    return failure


def ending(code: Exit, sentence: str) -> tuple[Exit, list[str]]:
    """How the command ends that would end with ``code`` and say ``sentence``, and what there is to say."""
    _flush()
    for name in NAMES:
        if _run.done and name not in _run.lost and _is_closed(name):
            _run.lost[name] = OSError(errno.EBADF, "")
    _run.goes_on, went_on = True, _run.goes_on
    if _run.done and code is Exit.USAGE:  # which says that nothing was done
        code, sentence = Exit.FAILED, sentence if _run.told else f"{_run.done} {sentence}"
    failed = {name: problem for name, problem in _run.lost.items() if not isinstance(problem, BrokenPipeError)}
    if not failed:
        return code, sentence.splitlines()
    if code is Exit.OK:
        code = Exit.FAILED if went_on else Exit.USAGE
    reason = "; ".join(
        f"{name} cannot be written ({'it is closed' if problem.errno == errno.EBADF else problem.strerror or problem})"
        for name, problem in failed.items()
    )
    done = "" if _run.told or not _run.done else f"{_run.done} But "
    return code, [*sentence.splitlines(), f"{done}{reason}.{'' if went_on else ' Nothing was done.'}"]


def open_missing() -> None:
    """Take the places of streams that were closed before the program began, so that no file of artui's gets their
    numbers. What is written there fails as it would have."""
    for number, name in enumerate(("stdin", *NAMES)):
        if getattr(sys, name) is None:
            nothing = os.open(os.devnull, os.O_RDONLY)  # which takes no writing
            os.dup2(nothing, number)
            if nothing != number:
                os.close(nothing)
            setattr(sys, name, open(number, "r" if name == "stdin" else "w", closefd=False))  # noqa: SIM115


def _lose(name: str, problem: OSError) -> None:
    """Let everything still to be written go nowhere: the interpreter must not fail on it once more when it ends."""
    stream = getattr(sys, name)
    with suppress(OSError, ValueError):
        nowhere = os.open(os.devnull, os.O_WRONLY)
        os.dup2(nowhere, stream.fileno())
        os.close(nowhere)
        stream.flush()
    _run.lost.setdefault(name, problem)
    if not _run.goes_on:
        raise Untold(name, problem) from problem


def _flush() -> None:
    """Write what is still to be written; a stream that takes it not is lost."""
    for name in NAMES:
        with suppress(Untold):
            try:
                getattr(sys, name).flush()
            except OSError as problem:
                _lose(name, problem)


def _has_no_reader(name: str) -> bool:
    """Whether a stream is a pipe whose reader has gone; a second write need not fail as the first one did."""
    with suppress(OSError, ValueError):
        poll = select.poll()
        poll.register(getattr(sys, name).fileno(), select.POLLOUT)
        return any(found & select.POLLERR for _, found in poll.poll(0))
    return False


def _is_closed(name: str) -> bool:
    """Whether nothing can be written to a stream whatever it is."""
    with suppress(OSError, ValueError):
        return fcntl.fcntl(getattr(sys, name).fileno(), fcntl.F_GETFL) & os.O_ACCMODE == os.O_RDONLY
    return False
