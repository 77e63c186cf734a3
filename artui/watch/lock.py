"""The lock on a watched folder: one watcher at a time, also where a copied home or container has the same journal.

It lies in the folder, in a file beside the marker that is never removed, and is held for as long as the rule is
watched. The system gives it up when the process ends, however it ends.
"""

from __future__ import annotations

import errno
import fcntl
import logging
import os
import stat
import threading
from contextlib import suppress
from pathlib import Path

from artui.model.watching import RuleCause
from artui.watch.marker import NAME, Offline

log = logging.getLogger(__name__)

LOCK = f"{NAME}.lock"

_FLAGS = os.O_NOFOLLOW | os.O_NONBLOCK | os.O_NOCTTY | os.O_CLOEXEC
_WAYS = ((LOCK, os.O_RDWR | os.O_CREAT), (LOCK, os.O_RDONLY), (NAME, os.O_RDONLY))
"""The files that are locked, and how they are opened, the first that can be: in a folder that cannot be written, the
marker alone may be there."""

_HELD = {errno.EWOULDBLOCK, errno.EAGAIN, errno.EACCES}
_UNWRITABLE = {errno.EROFS, errno.EACCES, errno.EPERM, errno.ENOSPC, errno.EDQUOT}


class Busy(Offline):
    """Another watcher has the folder now. The text names it."""


class FolderLock:
    """The lock on the folder of one rule. ``take`` blocks, for a thread; ``close`` may come from any other."""

    def __init__(self) -> None:
        self._held: int | None = None
        self._closed = False
        self._swapping = threading.Lock()
        self._told = False

    def take(self, folder: Path) -> None:
        """Take the lock of a folder, or see that it is still held there: the disk may be another one by now.

        Raises :class:`Busy` where another watcher has it, Offline where its file cannot be used. Where the file system
        knows no locks it goes on without, and the log says so once.
        """
        descriptor = _open(folder)
        if descriptor is None:
            self.release()
            return
        with self._swapping:
            is_held = self._held is not None and os.path.sameopenfile(self._held, descriptor)
        if is_held:  # the same file: the disk is still the one that was locked
            # `flock` belongs to the file as it was opened: closing another descriptor lets nothing go.
            os.close(descriptor)
            return
        self.release()
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError as error:
            status = os.fstat(descriptor)
            os.close(descriptor)
            if error.errno in _HELD:
                process = _holder(status)
                sentence = (
                    f"{folder} is being watched by another artui{f' (process {process})' if process else ''} that has"
                    " the same journal, as a copy of this home would: it goes on here once that one ends"
                )
                raise Busy(RuleCause.BUSY, sentence) from error
            if not self._told:
                self._told = True
                log.warning(
                    "%s cannot be locked (%s): watch it by one artui only; a second with the same journal is not"
                    " noticed", folder, error.strerror,
                )  # fmt: skip
            return
        self._swap(descriptor)

    def release(self) -> None:
        """Give it up, until it is taken again."""
        self._swap(None)

    def close(self) -> None:
        """Give it up for good; one that is being taken at this moment too."""
        self._closed = True
        self.release()

    def _swap(self, descriptor: int | None) -> None:
        with self._swapping:
            # `close` may come while a disk that hung answers at last.
            before, self._held = self._held, None if self._closed else descriptor
        for unwanted in (before, descriptor if self._closed else None):
            if unwanted is not None:
                with suppress(OSError):  # of a disk that has gone
                    os.close(unwanted)


def _open(folder: Path) -> int | None:
    """Open the file that is locked; None where there is none and none can be made."""
    for name, way in _WAYS:
        try:
            descriptor = os.open(folder / name, way | _FLAGS, 0o600)
        except OSError as error:
            if error.errno in _UNWRITABLE or (error.errno == errno.ENOENT and not way & os.O_CREAT):
                if error.errno == errno.EACCES and os.path.lexists(folder / name):
                    sentence = f"{folder / name} cannot be opened: another user may be watching the folder"
                    raise Busy(RuleCause.BUSY, sentence) from error
                continue
            sentence = f"{folder / name} cannot be opened ({error.strerror})"
            raise Offline(RuleCause.LOCK_UNUSABLE, sentence) from error
        if stat.S_ISREG(os.fstat(descriptor).st_mode):
            return descriptor
        os.close(descriptor)
        raise Offline(RuleCause.LOCK_UNUSABLE, f"{folder / name} is no regular file: remove it")
    return None


def _holder(status: os.stat_result) -> int | None:
    """The process that holds the lock on a file, where the system tells (Linux)."""
    place = f":{status.st_ino}"
    try:
        lines = Path("/proc/locks").read_text("ascii", "replace").splitlines()
    except OSError:
        return None
    for line in lines:
        words = line.split()
        if len(words) > 5 and words[1] == "FLOCK" and words[5].endswith(place) and words[4].isdecimal():
            return int(words[4]) or None
    return None
