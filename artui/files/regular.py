"""Opening a regular file, and nothing else: never through a link, never waiting for a FIFO or waking a device."""

from __future__ import annotations

import errno
import hashlib
import io
import os
import stat
from pathlib import Path

# O_NONBLOCK: to open a FIFO would wait for its writer; O_NOCTTY: a terminal would become ours.
_FLAGS = os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_NOCTTY | os.O_CLOEXEC


class Irregular(OSError):
    """A folder, link, FIFO, socket or device stands where a regular file should be."""


def status_of(path: Path) -> os.stat_result | None:
    """What lies at a path, a link itself and not where it leads; None where there is nothing, or it cannot be told."""
    try:
        return path.lstat()
    except (OSError, ValueError):  # ValueError: a name with a NUL in it
        return None


def digest_of(path: Path) -> str:
    """The hex SHA-256 of a file. Blocks; raises as :func:`open_regular`."""
    with open_regular(path) as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def holds(path: Path, digest: str | None) -> bool:
    """Whether a file has exactly the bytes of this digest; False also where it cannot be read. Blocks."""
    try:
        return digest_of(path) == digest
    except OSError:
        return False


def open_regular(path: Path) -> io.FileIO:
    """Open a file to read it, unbuffered. Raises Irregular, or whatever else OSError the system gives."""
    try:
        descriptor = os.open(path, _FLAGS)
    except OSError as error:
        if error.errno in (errno.ELOOP, errno.ENXIO):  # a link, a socket
            raise Irregular(error.errno, "not a regular file", os.fspath(path)) from error
        raise
    # Of what was opened, not of the name: that may lead elsewhere by now.
    if not stat.S_ISREG(os.fstat(descriptor).st_mode):
        os.close(descriptor)
        raise Irregular(errno.ELOOP, "not a regular file", os.fspath(path))
    return io.FileIO(descriptor, "r")
