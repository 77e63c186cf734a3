"""The one long-lived ``exiftool``: asked by lines on its input, answering in bytes, ended when it hangs."""

from __future__ import annotations

import atexit
import os
import secrets
import selectors
import shutil
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Sequence
from contextlib import suppress
from pathlib import Path

MOST_SECONDS = 30.0
"""Without a byte of an answer; a whole one may take twenty times as long, where a disk is slow."""

LEASH = Path(__file__).with_name("leash.py")
_MOST_SAID = 64 * 1024


class NotWritten(Exception):
    """Metadata could not be written; the text says why, in half a sentence."""


class _Gone(NotWritten):
    """The process ended without a byte of an answer."""


class Writer:
    """The process, started when it is first needed, and anew after it was ended."""

    def __init__(self, program: str, most_seconds: float = MOST_SECONDS) -> None:
        self.most_seconds = most_seconds
        self._program = program
        self._lock = threading.Lock()
        self._process: subprocess.Popen[bytes] | None = None
        atexit.register(self.end)

    def ask(self, arguments: Sequence[str], take: Callable[[bytes], object], *, most: int) -> str:
        """Carry out one command; its output, ``most`` bytes of it, goes to ``take``; returns what it says beside that.

        One at a time. Raises NotWritten, OSError, and what ``take`` raises; the process is ended then.
        """
        with self._lock:
            is_new = self._process is None
            try:
                return self._asked(arguments, take, most)
            except _Gone:  # nothing was taken yet: asked again, it gives the whole
                self.end()
                if is_new:
                    raise
            except BaseException:
                self.end()
                raise
            try:
                return self._asked(arguments, take, most)  # it had ended since it was asked last
            except BaseException:
                self.end()
                raise

    def _asked(self, arguments: Sequence[str], take: Callable[[bytes], object], most: int) -> str:
        process = self._process or self._started()
        # Another each time: no file can hold the sign that ends its own answer.
        mark = str(10**15 + secrets.randbelow(10**15))
        lines = [*arguments, "-echo4", f"{{done{mark}}}", f"-execute{mark}"]
        assert process.stdin is not None  # noqa: S101
        left = memoryview("".join(f"{line}\n" for line in lines).encode())
        try:
            while left:
                left = left[process.stdin.write(left) :]
        except OSError as error:
            raise _Gone("exiftool has ended") from error
        return self._answer(process, mark, take, most)

    def _answer(self, process: subprocess.Popen[bytes], mark: str, take: Callable[[bytes], object], most: int) -> str:
        out, err = process.stdout, process.stderr
        end, done = f"{{ready{mark}}}".encode(), f"{{done{mark}}}".encode()
        held, said, taken, is_ended = b"", b"", 0, False
        last = time.monotonic() + 20 * self.most_seconds
        deadline = time.monotonic() + self.most_seconds
        with selectors.DefaultSelector() as waiting:
            for stream in (out, err):
                waiting.register(stream, selectors.EVENT_READ)  # type: ignore[arg-type]
            while not (is_ended and done in said):
                ready = waiting.select(max(0.0, deadline - time.monotonic()))
                if not ready:
                    raise NotWritten(f"exiftool gave no answer within {self.most_seconds:g} s")
                for key, _ in ready:
                    data = os.read(key.fd, 65536)
                    if not data and is_ended:
                        return _told(said.partition(done)[0])
                    if not data:
                        raise (NotWritten if held or taken else _Gone)(f"exiftool has ended ({_told(said)})")
                    if key.fileobj is err:
                        said = (said + data)[-_MOST_SAID:]
                        continue
                    held += data
                    is_ended = held.rstrip(b"\r\n").endswith(end)
                    # The end of what came may be the beginning of the sign: held back until more tells.
                    given = held.rstrip(b"\r\n")[: -len(end)] if is_ended else held[: -len(end) - 2]
                    held = b"" if is_ended else held[-len(end) - 2 :]
                    taken += len(given)
                    if taken > most:
                        raise NotWritten("exiftool made far more of it than there is to write")
                    if given:
                        take(given)
                # Each byte gives it more time, but not without end.
                deadline = min(last, time.monotonic() + self.most_seconds)
        return _told(said.partition(done)[0])

    def _started(self) -> subprocess.Popen[bytes]:
        program = shutil.which(self._program)
        if program is None:
            raise NotWritten("exiftool is not there any more")
        self._process = subprocess.Popen(  # noqa: S603 — found on the PATH, as wished
            [sys.executable, "-IS", str(LEASH), program, "-config", "", "-stay_open", "True", "-@", "-"],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            start_new_session=True,  # killed as a group: exiftool is the child of the leash
            bufsize=0,
        )
        return self._process

    def end(self) -> None:
        """End the process, whatever it is at."""
        process, self._process = self._process, None
        if process is None:
            return
        with suppress(OSError):
            os.killpg(process.pid, signal.SIGKILL)  # it has nothing to put right: it never writes a file
        for stream in (process.stdin, process.stdout, process.stderr):
            if stream is not None:
                stream.close()
        process.wait()


def _told(said: bytes) -> str:
    """What a program says, in one printable line."""
    text = " ".join(said.decode("utf-8", "replace").split())
    return "".join(character for character in text if character.isprintable())[:200] or "it does not say why"
