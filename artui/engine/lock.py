"""The lock that makes one engine of a process, and who holds it."""

from __future__ import annotations

import os
import time

from artui.config import Paths, try_lock
from artui.config.private import NotPrivate, read_private
from artui.journal import JournalProblem

LOOKING_TAKES = 0.3
"""Seconds the lock may be held by somebody who only looks."""


class AnotherEngine(Exception):
    """An engine holds the lock already; the text names it."""


def _try_lock(paths: Paths) -> int | None:
    try:
        return try_lock(paths.lock)
    except NotPrivate as refusal:
        raise JournalProblem(str(refusal)) from None
    except OSError as problem:
        raise _not_lockable(paths, problem) from problem


def _not_lockable(paths: Paths, problem: OSError) -> JournalProblem:
    return JournalProblem(
        f"{paths.lock} cannot be written ({problem.strerror}), and without it two engines could run. Free some space or"
        " mend that folder, then start again."
    )


class EngineLock:
    """The kernel's lock that makes one engine of this process; it is let go when the process ends, however it ends.

    Raises :class:`AnotherEngine`, JournalProblem, ConfigError.
    """

    def __init__(self, paths: Paths) -> None:
        paths.create()
        descriptor = _try_lock(paths)
        patience = time.monotonic() + LOOKING_TAKES
        while descriptor is None and time.monotonic() < patience:
            time.sleep(0.02)  # somebody may only be looking whether it is held
            descriptor = _try_lock(paths)
        if descriptor is None:
            pid, host = holder(paths)
            who = f"process {pid or '?'} on {host}"
            raise AnotherEngine(f"an engine is running already ({who}); `artui stop` ends it in order")
        self._descriptor = descriptor
        self._path = paths.lock
        try:
            # The file itself stays for ever: were it unlinked, two engines could hold a lock on one name.
            os.ftruncate(descriptor, 0)
            os.pwrite(descriptor, f"{os.getpid()} {os.uname().nodename}\n".encode(), 0)
        except OSError as problem:
            self.release()
            raise _not_lockable(paths, problem) from problem

    def still_ours(self) -> bool:
        """Whether the file we hold is still the one others would lock."""
        try:
            here, there = os.fstat(self._descriptor), self._path.stat()
        except OSError:
            return False
        return (here.st_dev, here.st_ino) == (there.st_dev, there.st_ino)

    def release(self) -> None:
        """Let the lock go."""
        os.close(self._descriptor)


def holder(paths: Paths) -> tuple[int | None, str]:
    """The process and host that wrote themselves into the lock file last."""
    try:
        pid, host = read_private(paths.lock).decode().split()
        return int(pid), host
    except (OSError, ValueError):
        return None, "this machine"


def lock_is_held(paths: Paths) -> bool:
    """Whether any process is the engine now."""
    if not os.path.lexists(paths.lock):
        return False
    descriptor = _try_lock(paths)
    if descriptor is None:
        return True
    os.close(descriptor)
    return False
