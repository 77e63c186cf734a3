"""The journal's file: opening it safely, one writer thread with group commit, and readers beside it.

Everything else in this folder is plain functions on a connection; this module decides when they run and when what
they wrote is durable. A command that only reads comes through here: what a loop or a write needs is imported there.
"""

from __future__ import annotations

import os
import queue
import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Concatenate, ParamSpec, Self, TypeVar

import apsw

from artui.config.private import NotPrivate, check_private, open_private
from artui.config.system import network_file_system
from artui.journal.schema import MIGRATIONS

if TYPE_CHECKING:
    import asyncio
    from concurrent.futures import Future

Connection = apsw.Connection
UnusableFile = (
    apsw.CorruptError, apsw.NotADBError, apsw.IOError, apsw.CantOpenError, apsw.BusyError, apsw.LockedError,
    apsw.FullError, apsw.ReadOnlyError, apsw.PermissionsError, apsw.FormatError, apsw.NoMemError, apsw.ProtocolError,
)  # fmt: skip
"""What SQLite raises where it cannot read or write the file, beside what this room makes of it."""

P = ParamSpec("P")
T = TypeVar("T")
Values = Sequence[Any] | Mapping[str, Any]
"""What a statement is given, by place or by name."""

PARTS = ("", "-wal", "-shm")
"""What follows the journal's name in the names of its file and of those that SQLite keeps beside it."""

LOCK_PATIENCE_MS = 10_000
"""Milliseconds a statement waits for another connection's lock before it fails."""

STATEMENTS = 500
"""Prepared statements kept for each connection, more than there are: one made anew costs more than the move itself."""

GROUP = 256
"""The most moves that share one commit."""


def first(db: Connection, sql: str, values: Values = ()) -> tuple[Any, ...] | None:
    """The first row a statement gives, None where it gives none."""
    found: tuple[Any, ...] | None = db.execute(sql, values).fetchone()
    return found


def rows(db: Connection, sql: str, values: Values = ()) -> list[tuple[Any, ...]]:
    """All rows a statement gives."""
    found: list[tuple[Any, ...]] = db.execute(sql, values).fetchall()
    return found


def value(db: Connection, sql: str, values: Values = ()) -> Any:
    """The single value of a statement that always gives one row; :class:`Stale` where it gives none."""
    found = first(db, sql, values)
    if found is None:
        raise Stale(sql)
    return found[0]


def note(db: Connection, key: str) -> str:
    """A note for people, on which nothing depends; empty where there is none."""
    return str(value(db, "SELECT COALESCE((SELECT value FROM meta WHERE key = ?), '')", (key,)))


def set_note(db: Connection, key: str, text: str) -> None:
    """Write a note for people, in the place of an earlier one."""
    db.execute("INSERT INTO meta VALUES (?, ?) ON CONFLICT DO UPDATE SET value = excluded.value", (key, text))


def journal_uuid(db: Connection) -> str:
    """What tells this journal from any other."""
    return str(value(db, "SELECT value FROM meta WHERE key = 'uuid'"))


def storable(text: str) -> str:
    """Text as SQLite can hold it: bytes of a name that are no UTF-8 become visible escapes."""
    if text.isascii():
        return text
    try:
        return text.encode("utf-8", "surrogateescape").decode("utf-8", "backslashreplace")
    except UnicodeEncodeError:  # half of a character that no name of a file gives
        return text.encode("utf-8", "backslashreplace").decode()


class JournalProblem(Exception):
    """The journal cannot be used; the text says why and what to do now."""


class Unwritable(JournalProblem):
    """A write could not be made durable now (full or failing disk, another writer); it may work later."""


class Stale(Exception):
    """A guarded move found the job elsewhere: somebody else moved it first."""


def check_file_system(folder: Path) -> None:
    """Refuse a folder on a network file system, where two machines could both believe to hold the lock."""
    if kind := network_file_system(folder):
        raise JournalProblem(
            f"{folder} is on {kind}, where the journal could be damaged. Set ARTUI_HOME or XDG_STATE_HOME"
            " to a folder on a disk of this machine."
        )


def connect(path: Path, *, create: bool = True) -> Connection:
    """A connection with the journal's settings; the file is 0600 from its first byte.

    Raises NotPrivate where it, or what SQLite keeps beside it, is not ours alone.
    """
    if create:
        # Only a file that is not there yet: to close a descriptor of one that is in use would drop every lock this
        # process holds on it, and the next program that leaves would take SQLite's log away under it.
        with suppress(FileExistsError):
            os.close(open_private(path, os.O_RDWR | os.O_CREAT | os.O_EXCL))
    for part in PARTS:
        check_private(path.with_name(path.name + part))
    db = apsw.Connection(os.fspath(path), flags=apsw.SQLITE_OPEN_READWRITE, statementcachesize=STATEMENTS)
    db.set_busy_timeout(LOCK_PATIENCE_MS)
    db.execute("PRAGMA foreign_keys = ON")
    _be_durable(db)
    # Without this SQLite prepares a statement anew whenever a bound value might speak for another index.
    db.config(apsw.SQLITE_DBCONFIG_ENABLE_QPSG, 1)
    # Every list of more than two values is a small table of its own to SQLite; on disk each costs many page faults.
    db.execute("PRAGMA temp_store = MEMORY")
    return db


def _be_durable(db: Connection) -> None:
    """Have each commit on the medium when it returns; on macOS, which alone knows the second, not without it."""
    db.execute("PRAGMA synchronous = FULL")
    db.execute("PRAGMA fullfsync = ON")


def prepare(path: Path) -> None:
    """Bring the journal at ``path`` into being and up to date; :class:`JournalProblem` where it cannot be used."""
    try:
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        check_file_system(path.parent)
        db = connect(path)
        try:
            db.execute("PRAGMA journal_mode = WAL")  # it stays in the file: no later connection need ask for it
            _migrate(db, path)
        finally:
            db.close()
    except (apsw.NotADBError, apsw.CorruptError) as problem:
        raise JournalProblem(
            f"The journal {path} is damaged ({problem}). Nothing was changed. Run `artui recover`: it keeps a copy,"
            " rebuilds what can be read and asks the services about the rest."
        ) from problem
    except NotPrivate as refusal:
        raise JournalProblem(str(refusal)) from refusal
    except (apsw.CantOpenError, apsw.ReadOnlyError, apsw.IOError, apsw.FullError, OSError) as problem:
        raise JournalProblem(f"The journal {path} cannot be opened for writing ({problem}).") from problem
    except apsw.BusyError as problem:
        raise JournalProblem(f"The journal {path} is locked by another program. Try again.") from problem


def _migrate(db: Connection, path: Path) -> None:
    version = db.pragma("user_version")
    if version > len(MIGRATIONS):
        raise JournalProblem(
            f"The journal {path} was written by a newer artui (schema {version}, this one knows {len(MIGRATIONS)})."
            " Install the newer version again."
        )
    if version == len(MIGRATIONS):
        return
    if version:  # a file that is new has nothing to keep
        back_up(db, path.with_name(f"{path.name}.schema-{version}"))
    db.execute("BEGIN IMMEDIATE")
    try:
        # Another process may have done it while this one waited for the lock.
        for step in MIGRATIONS[db.pragma("user_version") :]:
            step(db)
        db.pragma("user_version", len(MIGRATIONS))
        db.execute("COMMIT")
    except BaseException:  # a key pressed at this moment must leave the file as it was, too
        db.execute("ROLLBACK")
        raise


def back_up(db: Connection, target: Path) -> None:
    """Copy the whole journal with SQLite's own backup, which is right even while others write."""
    # Made here, so that it is private before SQLite writes a byte.
    os.close(open_private(target, os.O_RDWR | os.O_CREAT))
    copy = apsw.Connection(os.fspath(target))
    _be_durable(copy)
    with copy.backup("main", db, "main") as backup:
        backup.step()
    copy.close()


@dataclass(slots=True, eq=False)
class _Work:
    """A write that waits for its commit; ``done`` belongs to ``loop``, or to a thread where that is None."""

    run: Callable[[Connection], Any]
    done: asyncio.Future[Any] | Future[Any]
    loop: asyncio.AbstractEventLoop | None
    answer: Any = None
    problem: BaseException | None = None

    def tell(self) -> None:
        """Give the outcome to whoever still waits for it."""
        if self.done.cancelled():
            return  # whoever stops waiting does not stop the write
        if self.problem is None:
            self.done.set_result(self.answer)
        else:
            self.done.set_exception(self.problem)


class Journal:
    """The journal, open in this process.

    Writes are functions on a connection, run one after another by a single thread; each has a savepoint of its own
    and those that wait share one commit. A result is given out only when it is durable.
    """

    def __init__(self, path: Path) -> None:
        """Open the journal at ``path``, making or migrating it where needed; :class:`JournalProblem` otherwise."""
        prepare(path)
        self.path = path
        self.commits = 0
        self.writes = 0
        self._listeners: list[Callable[[], object]] = []
        self._work: queue.SimpleQueue[_Work | None] = queue.SimpleQueue()
        self._local = threading.local()
        self._readers: list[Connection] = []
        self._changes_reader: Connection | None = None
        self._changes_lock = threading.Lock()
        self._closed = False
        self._writer: threading.Thread | None = None
        self._writer_lock = threading.Lock()

    def close(self) -> None:
        """Finish what was asked and close the file."""
        with self._writer_lock:
            if self._closed:
                return
            self._closed = True
            self._work.put(None)  # with the mark: what came after the end would wait for ever
        if self._writer is not None:
            self._writer.join()
        for reader in self._readers:
            reader.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def back_up(self, target: Path) -> None:
        """Copy the journal as it is now to a file of its own, 0600, that is on disk when this returns.

        Raises OSError, JournalProblem.
        """
        try:
            self.read(back_up, target)
        except apsw.Error as problem:
            raise JournalProblem(f"The journal {self.path} cannot be copied to {target} ({problem}).") from problem

    def on_commit(self, listener: Callable[[], object]) -> None:
        """Call ``listener`` after each commit that changed anything, in the writer's thread."""
        self._listeners.append(listener)

    def write(self, act: Callable[Concatenate[Connection, P], T], *args: P.args, **kwargs: P.kwargs) -> T:
        """Run ``act(connection, …)`` in a transaction; returns when its effect is durable, or raises what it raised.

        Not for the event loop: see :meth:`write_async`.
        """
        from concurrent.futures import Future

        done: Future[T] = Future()
        self._submit(_Work(lambda db: act(db, *args, **kwargs), done, None))
        return done.result()

    async def write_async(self, act: Callable[Concatenate[Connection, P], T], *args: P.args, **kwargs: P.kwargs) -> T:
        """As :meth:`write`, for the event loop. Cancelling stops the waiting, not the write."""
        from asyncio import get_running_loop

        loop = get_running_loop()
        done: asyncio.Future[T] = loop.create_future()
        self._submit(_Work(lambda db: act(db, *args, **kwargs), done, loop))
        return await done

    def read(self, ask: Callable[Concatenate[Connection, P], T], *args: P.args, **kwargs: P.kwargs) -> T:
        """Run ``ask(connection, …)`` on this thread's own reading connection.

        Reading waits for nobody, so the event loop, too, asks here what an index answers with a few rows: going to a
        thread and back takes longer. What grows with the journal is for :meth:`read_async`.
        """
        db = getattr(self._local, "reader", None)
        if db is None:
            db = self._local.reader = self._new_reader()
        return ask(db, *args, **kwargs)

    def _new_reader(self) -> Connection:
        try:
            db = connect(self.path, create=False)
            db.execute("PRAGMA query_only = ON")
        except apsw.CantOpenError as problem:
            raise Unwritable(f"The journal {self.path} cannot be opened once more now ({problem}).") from problem
        self._readers.append(db)
        return db

    async def read_async(self, ask: Callable[Concatenate[Connection, P], T], *args: P.args, **kwargs: P.kwargs) -> T:
        """As :meth:`read`, in a thread, for the event loop."""
        from asyncio import to_thread

        return await to_thread(lambda: self.read(ask, *args, **kwargs))

    def changes(self) -> int:
        """A number that changes whenever somebody has written to the journal; the same in every thread."""
        with self._changes_lock:
            # Each connection counts for itself, so that all threads must ask the same one.
            if self._changes_reader is None:
                self._changes_reader = self._new_reader()
            return int(self._changes_reader.pragma("data_version"))

    def _submit(self, work: _Work) -> None:
        with self._writer_lock:
            if self._closed:
                raise JournalProblem(f"The journal {self.path} is closed.")
            if self._writer is None:
                self._begin_to_write()
            self._work.put(work)

    def _begin_to_write(self) -> None:
        """Start the writer with the first write: a command that only reads needs neither its thread nor its file.

        Its connection is opened here: who writes first hears of a disk that refuses it, and the next one tries again.
        """
        try:
            db = connect(self.path)
        except (apsw.Error, OSError) as problem:
            raise Unwritable(f"The journal {self.path} cannot be written now ({problem}).") from problem
        # A daemon: a program that dies without closing waits for nothing, and loses no acknowledged write.
        self._writer = threading.Thread(target=self._write_all, args=(db,), name="journal", daemon=True)
        self._writer.start()

    def _write_all(self, db: Connection) -> None:
        try:
            while first := self._work.get():
                self._commit(db, first)
        finally:
            db.close()

    def _group(self, first: _Work) -> Iterator[_Work]:
        """What shares a commit: ``first``, and what waits by the time the one before it has run."""
        yield first
        for _ in range(1, GROUP):
            if self._work.empty():
                return
            following = self._work.get()
            if following is None:  # the journal closes: after this group
                self._work.put(None)
                return
            yield following

    def _commit(self, db: Connection, first: _Work) -> None:
        group: list[_Work] = []
        is_news = False
        try:
            db.execute("BEGIN IMMEDIATE")
            before = db.total_changes()
            for work in self._group(first):
                group.append(work)  # before it runs: whatever breaks there, it is among those told
                self._run_one(db, work)
            is_news = db.total_changes() != before
            db.execute("COMMIT")
        except Exception as problem:  # noqa: BLE001 — whatever it was, everybody who waits must hear of it
            if db.in_transaction:
                db.execute("ROLLBACK")
            if isinstance(problem, apsw.Error):
                problem = Unwritable(f"The journal {self.path} cannot be written now ({problem}).")
            # Where not even BEGIN worked, all who wait hear it now, not each after a time-out of its own.
            group, is_news = group or [*self._group(first)], False
            for work in group:
                work.problem = problem
        else:
            self.commits += 1
            self.writes += len(group)
        _tell_all(group)  # only now: what a caller hears of is on disk
        # A write that found nothing to do wakes nobody: those it woke would look, find nothing, and wake it again.
        for listener in self._listeners if is_news else ():
            listener()

    @staticmethod
    def _run_one(db: Connection, work: _Work) -> None:
        """One write in a savepoint of its own, so that a refused one never takes its neighbours along."""
        db.execute("SAVEPOINT one")
        try:
            work.answer = work.run(db)
        except (apsw.FullError, apsw.IOError, apsw.CorruptError):
            raise  # the file itself is in trouble: nothing of this group may be called durable
        except Exception as raised:  # noqa: BLE001 — it belongs to whoever asked for this write
            db.execute("ROLLBACK TO one")
            work.problem = raised
        db.execute("RELEASE one")  # after a rollback as well, which leaves the savepoint open


def _tell_all(group: Sequence[_Work]) -> None:
    """Tell everybody what came of a group: each loop is woken once, however many wait there."""
    loops: dict[asyncio.AbstractEventLoop, list[_Work]] = {}
    for work in group:
        if work.loop is None:
            work.tell()
        else:
            loops.setdefault(work.loop, []).append(work)
    for loop, works in loops.items():
        with suppress(RuntimeError):  # a loop that is closed has nobody who waits
            loop.call_soon_threadsafe(_tell_each, works)


def _tell_each(works: Sequence[_Work]) -> None:
    for work in works:
        work.tell()
