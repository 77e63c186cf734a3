"""The real engine on a machine in trouble: its n-th file operation of a kind fails, or its n-th commit.

What fails is found by counting, so that a new step is swept by itself. The product knows nothing of this.
"""

from __future__ import annotations

import errno
import io
import os
import threading
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import apsw

from artui.engine import account_worker, failures, process
from artui.steps import fetching, output
from tests.proof import hurried


@dataclass(frozen=True)
class Trouble:
    """The ``at``-th ``operation`` fails with ``error``; none does where ``at`` is 0.

    ``stays``: so do all that follow, until somebody mends it. ``path`` is where it was when it was counted.
    """

    operation: str = ""
    at: int = 0
    path: str = ""
    error: str = "EIO"
    stays: bool = False

    def __str__(self) -> str:
        return f"{self.operation} {self.at}{' and all after it' if self.stays else ''} ({self.path}): {self.error}"


def engine(root: str, told: str, mended: str, stderr: str, trouble: dict[str, Any]) -> int:
    """Be the engine, and meet the trouble, among all operations on what lies below ``root``.

    Each is told in a line of the file ``told``. A trouble that stays ends when there is a file ``mended``.
    """
    os.dup2(os.open(stderr, os.O_WRONLY | os.O_CREAT | os.O_APPEND | os.O_CLOEXEC, 0o600), 2)
    hurry()
    meet = _met(Trouble(**trouble), f"{root}/", told, mended)
    trouble_files(meet)
    trouble_commits(meet)
    return process.main()


def hurry() -> None:
    """Wait less long than in life for what is to come by itself; how often something is tried stays as it is."""
    hurried.hurry()
    for module in (failures, fetching, output):
        module.OUTPUT_AGAIN = 0.3  # type: ignore[attr-defined]
    account_worker.IDLE_TICK = 0.1


Meet = Callable[..., None]
"""Called before each operation with its kind, its path and what else it is given; raises OSError if it is to fail."""


def _met(trouble: Trouble, root: str, told: str, mended: str) -> Meet:
    turn, passed = threading.Lock(), Counter[str]()
    lines = os.open(told, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC, 0o600)

    def meet(operation: str, path: str, *_: object) -> None:
        if not path.startswith(root) or path.startswith(f"{root}home/state/transfers."):
            return  # the figures on a screen come and go with the time that passes
        with turn:  # the writer of the journal and the event loop both come by
            passed[operation] += 1
            number = passed[operation]
            os.write(lines, f"{operation}\t{path.removeprefix(root)}\n".encode())
        if operation != trouble.operation or not trouble.at:
            return
        if number == trouble.at or (trouble.stays and number > trouble.at and not os.path.exists(mended)):  # noqa: PTH110
            code = getattr(errno, trouble.error)
            raise OSError(code, os.strerror(code), path)

    return meet


def trouble_files(meet: Meet) -> None:
    """Have every operation on a file pass by."""

    def by_path(function: Callable[..., Any], operation: str) -> Callable[..., Any]:
        def passing(path: Any, *rest: Any, **more: Any) -> Any:
            if isinstance(path, str | bytes | os.PathLike):
                meet(operation, os.fsdecode(path), *rest)
            return function(path, *rest, **more)

        return passing

    names = {"open": "open", "link": "link", "unlink": "unlink", "remove": "unlink", "rename": "rename",
             "replace": "rename", "mkdir": "mkdir"}  # fmt: skip
    for name, operation in names.items():
        setattr(os, name, by_path(getattr(os, name), operation))
    io.open = by_path(io.open, "open")  # what pathlib opens
    sync = os.fsync

    def fsync(descriptor: int) -> None:
        meet("fsync", path_of(descriptor))
        sync(descriptor)

    class Written(io.FileIO):
        def write(self, data: Any) -> int:
            meet("write", path_of(self.fileno()))
            return super().write(data) or 0

    os.fsync = fsync
    io.FileIO = Written  # type: ignore[misc]


def path_of(descriptor: int) -> str:
    """Where a descriptor leads."""
    return os.readlink(f"/proc/self/fd/{descriptor}")  # noqa: PTH115


def trouble_commits(meet: Meet) -> None:
    """Have every commit pass by, as the file system sees it: its first write to a file, and the sync that ends it."""

    class Journal(apsw.VFSFile):
        def __init__(self, name: Any, flags: list[int]) -> None:
            super().__init__("unix", name, flags)
            self._name = name_of(name)
            self._begins = True

        def xWrite(self, data: bytes, offset: int) -> None:  # noqa: N802
            if self._begins:
                with _as_sqlite_says(apsw.SQLITE_IOERR_WRITE):
                    meet("commit", self._name)
            self._begins = False
            super().xWrite(data, offset)

        def xSync(self, flags: int) -> None:  # noqa: N802
            self._begins = True
            with _as_sqlite_says(apsw.SQLITE_IOERR_FSYNC):
                meet("commit sync", self._name)
            super().xSync(flags)

    class Troubled(apsw.VFS):
        def __init__(self) -> None:
            super().__init__("troubled", "unix", makedefault=True)

        def xOpen(self, name: Any, flags: list[int]) -> apsw.VFSFile:  # noqa: N802
            return Journal(name, flags)

    _kept.append(Troubled())


_kept: list[apsw.VFS] = []
"""SQLite uses a VFS for as long as the process lives."""


def name_of(name: Any) -> str:
    """The file that SQLite means."""
    return name.filename() if isinstance(name, apsw.URIFilename) else os.fspath(name or "")


class _as_sqlite_says:  # noqa: N801
    """What the system refuses, as SQLite hears of it."""

    def __init__(self, otherwise: int) -> None:
        self._otherwise = otherwise

    def __enter__(self) -> None:
        pass

    def __exit__(self, _kind: object, error: BaseException | None, _where: object) -> None:
        if isinstance(error, OSError):
            if error.errno == errno.ENOSPC:
                raise apsw.FullError(os.strerror(errno.ENOSPC)) from error
            problem = apsw.IOError(error.strerror)
            problem.extendedresult = self._otherwise
            raise problem from error
