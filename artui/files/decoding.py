"""Decoding a picture to see whether it is whole: in one process of its own, bounded in memory and time.

The libraries come with the extra ``strict``. simplejpeg takes the decoder's warnings for errors; other ways to the same
decoder fill what is missing with grey and say nothing.
"""

from __future__ import annotations

import atexit
import json
import socket
import sys
import threading
from functools import cache
from importlib.util import find_spec
from io import FileIO
from typing import TYPE_CHECKING

from artui.files.decoder import BROKEN, UNDECODED, UNKNOWN
from artui.files.walks import Broken, Doubt

if TYPE_CHECKING:
    import subprocess

INSTALL = 'pip install "artui[strict]"'
MOST_SECONDS = 60.0

_NEEDED = {
    "image/jpeg": ("simplejpeg", "PIL"), "image/png": ("PIL",), "image/tiff": ("PIL",), "image/webp": ("PIL",),
}  # fmt: skip
_CANNOT_CLEAR = "image/webp"  # it has no check sum, and makes a picture of most damage


def concerns(media_type: str) -> bool:
    """Whether a decoder would find damage in pictures of this type."""
    return media_type in _NEEDED


@cache
def can_decode(media_type: str) -> bool:
    """Whether the libraries for this type are installed."""
    return media_type in _NEEDED and all(find_spec(name) is not None for name in _NEEDED[media_type])


def can_decode_all() -> bool:
    """Whether all the libraries are installed."""
    return all(map(can_decode, _NEEDED))


def decode(file: FileIO, media_type: str, doubt: Doubt | None, *, strict: bool = False) -> Doubt | None:
    """Decode an open file, one at a time; what is still to doubt then: ``doubt`` itself where the decoder does not
    know its kind, or cannot tell; with ``strict`` that nothing could be decoded, too. Blocks. Raises Broken for what it
    refuses.
    """
    try:
        verdict, said = _THE_ONE.ask(file, media_type)
    except (OSError, ValueError):
        return Doubt("the decoder came to no end with it")
    if verdict == BROKEN:
        raise Broken("damaged", f"it cannot be decoded ({said.strip().rstrip('.')})")
    if verdict == UNDECODED and strict:
        return doubt or Doubt("its kind, or its size, is beyond the decoder here")
    return doubt if verdict in (UNKNOWN, UNDECODED) or media_type == _CANNOT_CLEAR else None


class _Decoder:
    """The process, started when it is first needed, and anew after it was ended."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._line: socket.socket | None = None
        self._process: subprocess.Popen[bytes] | None = None

    def ask(self, file: FileIO, media_type: str) -> tuple[str, str]:
        """Send a file, wait for the verdict. Raises OSError or ValueError where none comes."""
        with self._lock:  # one line: two callers would take each other's verdicts
            try:
                line = self._line or self._started()
                socket.send_fds(line, [media_type.encode()], [file.fileno()])
                verdict, said = json.loads(self._answer(line))
            except BaseException:
                self.end()
                raise
            return str(verdict), str(said)

    @staticmethod
    def _answer(line: socket.socket) -> bytes:
        answer = b""
        while not answer.endswith(b"\n"):
            if not (more := line.recv(4096)):
                raise ConnectionResetError
            answer += more
        return answer

    def _started(self) -> socket.socket:
        import subprocess

        ours, theirs = socket.socketpair()
        with theirs:
            self._line = ours
            # An OSError for whoever asked: the process is ended, and the next starts anew.
            ours.settimeout(MOST_SECONDS)
            self._process = subprocess.Popen(  # noqa: S603 — ourselves
                [sys.executable, "-m", "artui.files.decoder", str(theirs.fileno())],
                pass_fds=[theirs.fileno()], stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL,
                stderr=subprocess.DEVNULL, start_new_session=True,
            )  # fmt: skip
        return ours

    def end(self) -> None:
        """End the process, whatever it is at."""
        if self._line is not None:
            self._line.close()
        if self._process is not None:
            self._process.kill()
            self._process.wait()
        self._line = self._process = None


_THE_ONE = _Decoder()
atexit.register(_THE_ONE.end)
