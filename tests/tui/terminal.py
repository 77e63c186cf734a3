"""A terminal for tests: a program in a pseudo-terminal of its own, what it has sent, and what a person would see."""

from __future__ import annotations

import fcntl
import os
import pty
import re
import select
import signal
import struct
import sys
import termios
import time
import unicodedata
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

import pyte
from wcwidth import wcwidth

from artui.tui.above import UNREAD
from tests.waiting import PATIENCE, until

ARTUI = (sys.executable, "-m", "artui")

_GRAPHICS = re.compile(rb"\x1b[_P][^\x1b]*\x1b\\")
_BEGUN = re.compile(rb"\x1b(?:[_P][^\x1b]*\x1b?)?\Z")


class _Screen(pyte.Screen):
    """pyte stops drawing a text at a mark that takes no cell and combines with nothing; terminals draw what follows."""

    def draw(self, data: str) -> None:
        super().draw("".join(char for char in data if wcwidth(char) or unicodedata.combining(char)))


class Terminal:
    """One program and its terminal."""

    def __init__(self, pid: int, descriptor: int, size: tuple[int, int]) -> None:
        self.pid = pid
        self.sent = bytearray()
        self.ended: int | None = None
        self._descriptor = descriptor
        self._screen = _Screen(*size)
        self._stream = pyte.ByteStream(self._screen)
        self._left = b""

    @property
    def lines(self) -> list[str]:
        """What the screen shows now."""
        self.read()
        return list(self._screen.display)

    @property
    def text(self) -> str:
        return "\n".join(self.lines)

    def read(self, seconds: float = 0.0) -> None:
        """Take in what the program has sent, waiting at most so long for the first of it."""
        while self._descriptor >= 0 and select.select([self._descriptor], [], [], seconds)[0]:
            try:
                piece = os.read(self._descriptor, 65_536)
            except OSError:
                piece = b""
            if not piece:
                return
            self.sent += piece
            # pyte knows no graphics: their strings would be texts to it.
            drawn = _GRAPHICS.sub(b"", self._left + piece)
            begun = _BEGUN.search(drawn)
            self._left = begun[0] if begun else b""
            self._stream.feed(drawn[: len(drawn) - len(self._left)])
            seconds = 0.0

    @property
    def is_alive(self) -> bool:
        """Whether the program still runs."""
        if self.ended is None:
            pid, status = os.waitpid(self.pid, os.WNOHANG)
            self.ended = os.waitstatus_to_exitcode(status) if pid else None
        return self.ended is None

    def cell(self, line: int, column: int) -> str:
        """What stands in one cell; nothing in the second cell of a wide character."""
        return str(self._screen.buffer[line][column].data)

    def settle(self, seconds: float = 0.15) -> None:
        """Read until the program has said nothing for a moment."""
        before = -1
        while before != len(self.sent):
            before = len(self.sent)
            self.read(seconds)

    def press(self, keys: str | bytes) -> None:
        """Type. Escape is sent as Kitty's protocol has it: a bare one that another key follows too soon is alt and that
        key; where this is what is meant, it goes as bytes."""
        keys = "\x1b[27u" if keys == "\x1b" else keys
        os.write(self._descriptor, keys.encode() if isinstance(keys, str) else keys)

    def resize(self, columns: int, lines: int) -> None:
        """Change the terminal's size as dragging its corner does."""
        self.read()
        self._screen.resize(lines, columns)
        fcntl.ioctl(self._descriptor, termios.TIOCSWINSZ, struct.pack("HHHH", lines, columns, 0, 0))

    def until(self, holds: Callable[[], Any], patience: float = PATIENCE) -> Any:
        """Wait until something is so; fails with what the screen shows."""
        return until(holds, patience, told=lambda: f"the screen shows\n{self.text}", rest=lambda: self.read(0.05))

    def sees(self, *texts: str, patience: float = PATIENCE) -> None:
        """Wait until all of this is on the screen."""
        self.until(lambda: all(text in self.text for text in texts), patience)

    def reads(self, *texts: str) -> None:
        """Wait until all of this is on the screen, and for as long as a dialog must stand before it takes an answer."""
        self.sees(*texts)
        begun = time.monotonic()
        while time.monotonic() - begun < 1.5 * UNREAD:
            self.read(0.05)

    def wait(self, patience: float = PATIENCE) -> int:
        """Wait for the program's end; returns its exit code, negative for a signal."""

        def over() -> bool:
            with suppress(ChildProcessError):
                pid, status = os.waitpid(self.pid, os.WNOHANG)
                if pid:
                    self.ended = os.waitstatus_to_exitcode(status)
            return self.ended is not None

        self.until(over, patience)
        assert self.ended is not None
        return self.ended

    def hang_up(self) -> None:
        """Close the terminal, as closing its window does."""
        os.close(self._descriptor)
        self._descriptor = -1

    def kill(self, number: signal.Signals = signal.SIGKILL) -> None:
        """Send the program a signal."""
        os.kill(self.pid, number)


@contextmanager
def terminal(
    *arguments: str,
    size: tuple[int, int] = (80, 24),
    environ: Mapping[str, str] | None = None,
    folder: Path | None = None,
    program: Sequence[str] = ARTUI,
) -> Iterator[Terminal]:
    """``artui``, or another program, with these arguments in a terminal; whatever is left when the block ends is
    killed."""
    surroundings = {**os.environ, "TERM": "xterm-256color", "COLORTERM": "", "LANG": "C.UTF-8", **(environ or {})}
    for name in ("COLUMNS", "LINES"):
        surroundings.pop(name, None)  # they would outrank the terminal's own size
    pid, descriptor = pty.fork()
    if pid == 0:
        fcntl.ioctl(0, termios.TIOCSWINSZ, struct.pack("HHHH", size[1], size[0], 0, 0))
        os.chdir(folder or Path.cwd())
        os.execvpe(program[0], [*program, *arguments], surroundings)
    shown = Terminal(pid, descriptor, size)
    try:
        yield shown
    finally:
        if shown.ended is None:
            with suppress(ProcessLookupError, ChildProcessError):
                os.kill(pid, signal.SIGKILL)
                os.waitpid(pid, 0)
        if shown._descriptor >= 0:
            os.close(descriptor)
