"""A disk that loses power: what was not synced is forgotten, torn into sectors, or there without what came before it.

:class:`Disk` knows what the journal's files hold for certain, and makes what may be left of them; :class:`Names` does
so for files and folders beside it. :func:`engine` is the real engine on such a disk.
"""

from __future__ import annotations

import os
import random
import shutil
import signal
import threading
import traceback
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from itertools import count
from pathlib import Path
from typing import Any

import apsw

from artui.engine import process
from artui.journal import Connection, Journal
from tests.proof.troubled import hurry, name_of, trouble_files

BROKEN = 99
"""What an engine ends with where the disk under it could not be made to lose anything."""

SECTORS = (512, 4096)
"""Bytes a disk writes whole or not at all."""


@dataclass
class _File:
    """One file: its bytes at the last sync, and what was done to it since; a write, or the size it was cut to."""

    synced: bytes = b""
    since: list[tuple[int, bytes] | int] = field(default_factory=list)
    is_named: bool = False
    """Whether the name itself has outlived a sync."""

    def left(self, chance: random.Random) -> bytes | None:
        """What a power cut may leave of it; None for nothing at all."""
        if not self.is_named and chance.random() < 0.5:
            return None
        keeps = chance.choice((0.0, 0.5, 0.9, 1.0))
        sector = chance.choice(SECTORS)
        content = bytearray(self.synced)
        for done in self.since:
            if isinstance(done, int):
                if chance.random() < keeps:
                    del content[done:]
                continue
            offset, data = done
            for start, end in _sectors(offset, len(data), sector):
                if chance.random() < keeps:
                    content.extend(bytes(max(0, end - len(content))))
                    content[start:end] = data[start - offset : end - offset]
        return bytes(content)


def _sectors(offset: int, length: int, sector: int) -> Iterator[tuple[int, int]]:
    start = offset
    while start < offset + length:
        end = min(offset + length, (start // sector + 1) * sector)
        yield start, end
        start = end


class Disk:
    """What SQLite has done to its files. ``happened`` is called after each step that a power cut could follow.

    ``lies``: the disk calls everything synced and syncs nothing.
    """

    def __init__(self, happened: Callable[[str], object], *, lies: bool = False) -> None:
        self._files: dict[str, _File] = {}
        self._turn = threading.RLock()
        self._happened = happened
        self._lies = lies

    def left(self, chance: random.Random) -> dict[str, bytes]:
        """What the files may hold after a power cut now."""
        with self._turn:
            found = {Path(name).name: file.left(chance) for name, file in self._files.items()}
        return {name: content for name, content in found.items() if content is not None}

    def opened(self, name: str) -> None:
        """Get to know a file; what it holds already is durable."""
        with self._turn:
            if name not in self._files:
                there = Path(name)
                content = there.read_bytes() if there.exists() else b""
                self._files[name] = _File(content, is_named=bool(content))

    def did(self, name: str, done: tuple[int, bytes] | int) -> None:
        """A file was written to, or cut to a size."""
        with self._turn:
            self._files[name].since.append(done)
        self._happened("write")

    def synced(self, name: str) -> None:
        """A file was synced, with its name."""
        with self._turn:
            file = self._files[name]
            if not self._lies:
                content = bytearray(file.synced)
                for done in file.since:
                    if isinstance(done, int):
                        del content[done:]
                    else:
                        content.extend(bytes(max(0, done[0] + len(done[1]) - len(content))))
                        content[done[0] : done[0] + len(done[1])] = done[1]
                file.synced, file.is_named = bytes(content), True
                file.since.clear()
        self._happened("sync")

    def deleted(self, name: str) -> None:
        """A file was deleted."""
        with self._turn:
            self._files.pop(name, None)
        self._happened("delete")


@contextmanager
def checkpointed(pages: int) -> Iterator[None]:
    """Have each new connection bring the log into the journal's file after so many pages, not only after thousand."""

    def hook(db: Connection) -> None:
        db.wal_autocheckpoint(pages)

    apsw.connection_hooks.append(hook)
    try:
        yield
    finally:
        apsw.connection_hooks.remove(hook)


class _OnDisk(apsw.VFSFile):
    """A file of SQLite's, whose doings the disk hears of; what SQLite keeps for itself goes by."""

    def __init__(self, disk: Disk, name: str, given: Any, flags: list[int]) -> None:
        self._disk = disk if name.endswith((".db", ".db-wal", ".db-journal")) else None
        self._name = name
        if self._disk:
            self._disk.opened(name)
        super().__init__("unix", given, flags)

    def xWrite(self, data: bytes, offset: int) -> None:  # noqa: N802
        super().xWrite(data, offset)
        if self._disk:
            self._disk.did(self._name, (offset, bytes(data)))

    def xTruncate(self, size: int) -> None:  # noqa: N802
        super().xTruncate(size)
        if self._disk:
            self._disk.did(self._name, size)

    def xSync(self, flags: int) -> None:  # noqa: N802
        if self._disk:
            self._disk.synced(self._name)  # what the real disk does is of no account, and takes long
        else:
            super().xSync(flags)


class _Powered(apsw.VFS):
    def __init__(self, disk: Disk) -> None:
        super().__init__("powered", "unix", makedefault=True)
        self._disk = disk

    def xOpen(self, name: Any, flags: list[int]) -> apsw.VFSFile:  # noqa: N802
        return _OnDisk(self._disk, name_of(name), name, flags)

    def xDelete(self, name: str, sync: bool) -> None:  # noqa: N802
        super().xDelete(name, sync)
        self._disk.deleted(name)


@contextmanager
def powered(disk: Disk) -> Iterator[None]:
    """Have SQLite keep every file of this process on that disk."""
    vfs = _Powered(disk)
    try:
        yield
    finally:
        vfs.unregister()


# ------------------------------------------------------------------------------------------ names, and other files


class Names:
    """What was done to files and folders below ``root`` and is not durable: names since the sync of their folder, bytes
    since the sync of their file."""

    def __init__(self, root: str, happened: Callable[[str], object]) -> None:
        self._root = root
        self._happened = happened
        self._names: list[tuple[str, str, str, bytes | None]] = []
        self._bytes: set[int] = set()
        self._fresh: set[str] = set()
        self._ended = False

    def meet(self, operation: str, path: str, *more: Any) -> None:
        """Note an operation that is about to be done."""
        if self._ended or not path.startswith(self._root) or "/home/state/" in path:
            return
        if operation == "fsync":
            status = os.stat(path)  # noqa: PTH116
            self._bytes.discard(status.st_ino)
            self._fresh.discard(path)
            self._names = [done for done in self._names if os.path.dirname(done[2]) != path]  # noqa: PTH120
        elif operation == "write":
            self._bytes.add(os.stat(path).st_ino)  # noqa: PTH116
        elif operation in ("link", "rename"):
            target = os.fsdecode(more[0])
            there = Path(target)
            if path in self._fresh:
                self._fresh.add(target)
            before = there.read_bytes() if operation == "rename" and there.is_file() else None
            self._names.append((operation, path, target, before))
        elif operation == "mkdir" and not Path(path).exists():
            self._names.append((operation, "", path, None))
        elif operation == "open" and more and _creates(path, more[0]):
            self._names.append((operation, "", path, None))
            self._fresh.add(path)
        else:
            return
        self._happened(operation)

    def end(self) -> None:
        """Note nothing more: what follows is not the engine's doing."""
        self._ended = True

    def lose(self, chance: random.Random) -> None:
        """Leave on disk what a power cut may leave: an end of what was done to names, and some of the bytes."""
        kept = chance.choice((0, chance.randint(0, len(self._names)), len(self._names)))
        for folder, _, files in os.walk(self._root):
            for name in files:
                place = Path(folder, name)
                with suppress(FileNotFoundError):  # other threads of the engine go on until it is dead
                    if place.lstat().st_ino in self._bytes or str(place) in self._fresh:
                        os.truncate(place, chance.randint(0, place.stat().st_size))
        for operation, source, target, before in reversed(self._names[kept:]):
            with suppress(FileNotFoundError, NotADirectoryError):
                if operation == "mkdir":
                    shutil.rmtree(target)
                elif operation == "rename":
                    Path(target).replace(source)
                    if before is not None:
                        Path(target).write_bytes(before)
                else:
                    Path(target).unlink()


def _creates(path: str, flags: object) -> bool:
    return isinstance(flags, int) and bool(flags & os.O_CREAT) and not Path(path).exists()


# ------------------------------------------------------------------------------------------------------ the engine


def engine(root: str, told: str, left: str, cut: str, seed: str, pages: int, lies: bool) -> int:
    """Be the engine until the power goes: at the step with the number ``cut``, or at the first one so called.

    Each step is told in a line of the file ``told``: its kind, and how far events are acknowledged with the last of
    them. What is left of the journal lies in the folder ``left`` then; the rest below ``root`` is as it was left.
    """
    hurry()
    lines = os.open(told, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC, 0o600)
    turn, steps, chance = threading.RLock(), count(1), random.Random(seed)

    def happened(what: str) -> None:
        with turn:  # the writer of the journal and the event loop both come by; nobody goes on after a cut
            os.write(lines, f"{what}\n".encode())
            if cut in (str(next(steps)), what.split("\t")[0]):
                go()

    def go() -> None:
        names.end()
        try:
            Path(left).mkdir()
            for name, content in disk.left(chance).items():
                Path(left, name).write_bytes(content)
            names.lose(chance)
        except BaseException:  # noqa: BLE001 — whatever it was, told and ended below
            traceback.print_exc()
            os._exit(BROKEN)  # a fault of this file: the engine must not go on as though it were its own
        os.kill(os.getpid(), signal.SIGKILL)

    disk, names = Disk(happened, lies=lies), Names(f"{root}/", happened)
    begin = Journal.__init__

    def begin_and_tell(self: Journal, path: Path) -> None:
        begin(self, path)
        self.on_commit(lambda: happened("{1}\t{0}".format(*self.read(_last_event))))

    Journal.__init__ = begin_and_tell  # type: ignore[method-assign]
    trouble_files(names.meet)
    with powered(disk), checkpointed(pages):
        return process.main()


def _last_event(db: Connection) -> tuple[int, str]:
    found = db.execute("SELECT seq, what FROM events ORDER BY seq DESC LIMIT 1").fetchone()
    return found or (0, "nothing")


def steps_told(told: Path) -> tuple[list[str], int]:
    """The names of the steps an engine told of, and the last event whose writer had its answer."""
    steps = [line.split("\t") for line in told.read_text().splitlines()]
    return [step[0] for step in steps], max((int(step[1]) for step in steps if len(step) > 1), default=0)
