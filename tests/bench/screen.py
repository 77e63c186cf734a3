"""A program on a pseudo-terminal; its bytes are counted and searched, never drawn: that would disturb the figures."""

from __future__ import annotations

import fcntl
import os
import pty
import select
import signal
import struct
import termios
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field

QUIET = 0.05
"""Seconds without a byte after which a picture counts as drawn."""

PATIENCE = 60.0
SIZE = (120, 40)


@dataclass
class Screen:
    """One program and what it has sent to its terminal."""

    pid: int
    descriptor: int
    began: float = field(default_factory=time.perf_counter)
    sent: bytearray = field(default_factory=bytearray)

    def read(self, wait: float) -> bool:
        """Take in what the program sends within so many seconds; whether it sent anything."""
        if not select.select([self.descriptor], [], [], wait)[0]:
            return False
        try:
            piece = os.read(self.descriptor, 1 << 16)
        except OSError as ended:
            raise RuntimeError(f"the program ended: {bytes(self.sent[-2000:])!r}") from ended
        self.sent += piece
        return True

    def until(self, text: str) -> float:
        """Wait until it has sent a text; returns seconds since it was started."""
        wanted, deadline = text.encode(), time.monotonic() + PATIENCE
        while wanted not in self.sent:
            self.read(0.2)
            if time.monotonic() > deadline:
                raise TimeoutError(f"{text} was never drawn: {bytes(self.sent[-2000:])!r}")
        return time.perf_counter() - self.began

    def settle(self, quiet: float = QUIET) -> None:
        """Read until it has been quiet for a moment."""
        while self.read(quiet):
            pass

    def listen(self, seconds: float) -> int:
        """Read for so long; returns how many bytes came."""
        before, end = len(self.sent), time.monotonic() + seconds
        while (left := end - time.monotonic()) > 0:
            self.read(left)
        return len(self.sent) - before

    def press(self, keys: bytes) -> float:
        """Type, and wait until the picture is drawn anew; returns the seconds to its first byte."""
        began = time.perf_counter()
        os.write(self.descriptor, keys)
        self.read(PATIENCE)
        took = time.perf_counter() - began
        self.settle()
        return took


@contextmanager
def screen(command: Sequence[str], environment: Mapping[str, str]) -> Iterator[Screen]:
    """A command on a terminal; it is killed when the block ends."""
    surroundings = {**environment, "TERM": "xterm-256color", "LANG": "C.UTF-8"}
    for name in ("COLUMNS", "LINES", "COLORTERM"):
        surroundings.pop(name, None)
    pid, descriptor = pty.fork()
    if pid == 0:
        fcntl.ioctl(0, termios.TIOCSWINSZ, struct.pack("HHHH", SIZE[1], SIZE[0], 0, 0))
        os.execve(command[0], command, surroundings)
    try:
        yield Screen(pid, descriptor)
    finally:
        os.kill(pid, signal.SIGKILL)
        os.waitpid(pid, 0)
        os.close(descriptor)
