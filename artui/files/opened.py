"""Whether somebody has a file open, as far as the system tells."""

from __future__ import annotations

import fcntl
import signal
from contextlib import suppress
from pathlib import Path

from artui.files.regular import open_regular

_PROCESSES = Path("/proc")


def is_open(path: Path, *, is_remote: bool = False) -> bool:
    """Tell whether a program has a file open: any for writing, or one of this user for whatever.

    False where that cannot be told: on a file system of another machine (``is_remote``) or a system without Linux's
    ways, for programs of other users where the file is not ours. Raises no error of the file.
    """
    with suppress(OSError):
        return (not is_remote and _is_written(path)) or any(
            process.name.isdecimal() and _has_open(process / "fd", path) for process in _PROCESSES.iterdir()
        )
    return False


def _is_written(path: Path) -> bool:
    """Whether any program may write into the file now: then the kernel grants no lease for reading it."""
    told_by = getattr(fcntl, "F_SETSIG", None)
    if told_by is None or not hasattr(fcntl, "F_SETLEASE"):
        return False
    with open_regular(path) as file:
        try:
            # Told by a signal that is ignored: the usual one for an opening is deadly.
            fcntl.fcntl(file, told_by, signal.SIGURG)
            fcntl.fcntl(file, fcntl.F_SETLEASE, fcntl.F_RDLCK)
        except BlockingIOError:
            return True
        except OSError:
            return False  # not our file, or a file system without leases
        # At once: while it is held, a writer's open would wait for us.
        fcntl.fcntl(file, fcntl.F_SETLEASE, fcntl.F_UNLCK)
    return False


def _has_open(descriptors: Path, path: Path) -> bool:
    """Whether one of a process's descriptors leads to a file; only what has its name is looked at, for another's disk
    may hang. False for a process that is not ours to look at, or has ended."""
    with suppress(OSError):
        for descriptor in descriptors.iterdir():
            with suppress(OSError):
                if descriptor.readlink().name == path.name and descriptor.samefile(path):
                    return True
    return False
