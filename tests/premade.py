"""What every test would else make anew at ten times the price: an empty journal, and a process that is the engine."""

from __future__ import annotations

import os
import struct
import tempfile
import threading
import time
from collections.abc import Sequence
from contextlib import suppress
from functools import cache
from hashlib import sha256
from pathlib import Path
from uuid import uuid4

from artui.engine import client
from artui.journal import store
from artui.journal.schema import MIGRATIONS
from tests.proof.zygote import Child, Zygote

PYTHONPATH = os.environ.get("PYTHONPATH")
_prepare = store.prepare
_spawn = client._spawn


def prepare(path: Path) -> store.Connection:
    """As the journal's own; a new file is a copy of one that went through all steps, as a journal of its own."""
    if path.parent.is_dir() and not path.exists() and vars(store)["MIGRATIONS"] is MIGRATIONS:
        content, uuid, origin, since, webhook = empty_journal()
        own = str(uuid4())
        for old, new in (
            (uuid.encode(), own.encode()),
            (origin.encode(), (sha256(own.encode()).hexdigest()[:8] + os.urandom(4).hex()).encode()),
            (webhook.encode(), os.urandom(16).hex().encode()),
            (struct.pack(">d", since), struct.pack(">d", time.time())),
        ):
            assert old in content
            content = content.replace(old, new)
        with suppress(OSError):  # then the journal's own says why
            _put(path, content)
    return _prepare(path)


def _put(path: Path, content: bytes) -> None:
    """Write a file whole, unless another process has made one by now."""
    part = path.with_name(f".{path.name}.premade-{os.getpid()}-{threading.get_ident()}")
    try:
        with os.fdopen(os.open(part, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as stream:
            stream.write(content)
        os.link(part, path)
    finally:
        part.unlink(missing_ok=True)


@cache
def empty_journal() -> tuple[bytes, str, str, float, str]:
    """A journal nothing was written to, and what in it tells it from any other."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "journal.db"
        db = _prepare(path)
        uuid = store.journal_uuid(db)
        [(origin, since)] = store.rows(db, "SELECT origin, since FROM origins")
        webhook = store.value(db, "SELECT webhook FROM engine")
        since += 0.5 if since.is_integer() else 0.0  # else SQLite writes it as an integer, which is not found
        db.execute("UPDATE origins SET since = ?", (since,))
        db.close()
        return path.read_bytes(), uuid, origin, since, webhook


class Engines:
    """Engines that are forked from one clean process, which has imported all that one needs."""

    def __init__(self) -> None:
        self._zygote: Zygote | None = None
        self._lock = threading.Lock()

    def spawn(self, module: Sequence[str] = client.ENGINE, *, stderr: int | None = None) -> object:
        """Start an engine as commands do, or whatever else a module is."""
        if tuple(module) != client.ENGINE or os.environ.get("PYTHONPATH") != PYTHONPATH:
            return _spawn(module, stderr=stderr)  # a test that has something loaded into it wants a new one
        with self._lock:
            if self._zygote is None:
                self._zygote = Zygote().__enter__()
            return _Engine(self._zygote.spawn("tests.premade:be_engine"), self._lock)

    def close(self) -> None:
        """End those that still run."""
        if self._zygote is not None:
            self._zygote.__exit__()


class _Engine:
    """A forked engine, as far as who started it wants to know of it: from any thread."""

    def __init__(self, child: Child, lock: threading.Lock) -> None:
        self.pid, self._child, self._lock = child.pid, child, lock

    def poll(self) -> int | None:
        """Its exit code once it has ended."""
        with self._lock:
            return self._child.poll()


def be_engine() -> int:
    """Be what ``python -m artui.engine.process`` is, in a process that was forked."""
    os.setsid()
    os.chdir("/")
    os.dup2(0, 2)
    time.tzset()
    from artui.engine.process import main

    return main()
