"""A damaged journal: whether it is one, copies of it, and a new file with every row that can still be read."""

from __future__ import annotations

import os
import shutil
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import apsw

from artui.config.private import open_private
from artui.config.system import sync
from artui.journal.store import PARTS as PARTS  # for whoever mends a journal, too
from artui.journal.store import Connection, connect, prepare, rows

_SUMS = frozenset({"spending", "tally"})
"""Tables that are not carried over: they add themselves up again as jobs and purchases come in."""

_BORN_WITH = frozenset({"meta", "engine", "origins"})
"""Tables in which a new file has a row of its own, which the old one replaces."""


_MOST_COMPLAINTS = 5


@dataclass(frozen=True, slots=True)
class Salvaged:
    """What became of one table: the rows carried over, and whether all of it could be read."""

    table: str
    kept: int
    is_whole: bool


def complaints(path: Path) -> list[str]:
    """What is wrong with the file itself; empty for a sound one. Changes nothing but the recovery SQLite owes it."""
    try:
        db = connect(path, create=False)
        try:
            found = [text for (text,) in rows(db, f"PRAGMA integrity_check({_MOST_COMPLAINTS})")]
        finally:
            db.close()
    except apsw.Error as problem:
        return [str(problem)]
    lines = [line for text in found for line in text.splitlines()]
    return [line for line in lines if line != "ok" and not line.startswith("***")]


def copy_aside(path: Path) -> Path:
    """Copy the journal, with what SQLite keeps beside it, to a name of its own; returns that once it is on disk."""
    stamp = time.strftime("%Y%m%d-%H%M%S")
    names = (f"{path.name}.{stamp}{number}" for number in ("", *(f"-{count}" for count in range(2, 1000))))
    aside = next(place for name in names if not os.path.lexists(place := path.with_name(name)))
    for part in PARTS:
        source = path.with_name(path.name + part)
        if source.exists():
            _copy(source, aside.with_name(aside.name + part))
    return aside


def _copy(source: Path, target: Path) -> None:
    flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL
    with os.fdopen(open_private(source), "rb") as original, os.fdopen(open_private(target, flags), "wb") as copy:
        shutil.copyfileobj(original, copy)
        copy.flush()
        sync(copy.fileno())


def rebuild(damaged: Path, fresh: Path) -> list[Salvaged]:
    """Make ``fresh``, one file on its own, with every row of the damaged journal that can be read.

    It counts as an older copy, with which no engine starts, until somebody accepts it.
    """
    for part in PARTS:
        fresh.with_name(fresh.name + part).unlink(missing_ok=True)
    prepare(fresh).close()
    new = connect(fresh, create=False)
    try:
        salvaged = _salvage(damaged, new)
        new.execute(
            # Behind its anchor: no engine starts.
            "UPDATE engine SET generation = generation - 1, state = 'ended', pid = NULL,"
            " intents = MAX(intents, (SELECT COUNT(*) FROM purchases))"
        )
        new.execute("PRAGMA journal_mode = DELETE")  # what lies beside it comes into the one file that is renamed
    finally:
        new.close()
    return salvaged


def _salvage(path: Path, new: Connection) -> list[Salvaged]:
    new.execute("PRAGMA foreign_keys = OFF")  # a row may have lost the one it belongs to
    tables = [name for (name,) in rows(new, "SELECT name FROM sqlite_schema WHERE type = 'table'")]
    tables = [name for name in tables if name not in _SUMS and not name.startswith("sqlite_")]
    try:
        old = connect(path, create=False)
        columns = {table: _shared_columns(old, new, table) for table in tables}
    except apsw.Error:
        return [Salvaged(table, 0, is_whole=False) for table in tables]
    salvaged = []
    try:
        with new:
            salvaged = [_carry_over(old, new, table, columns[table]) for table in tables]
    finally:
        old.close()
    return salvaged


def _shared_columns(old: Connection, new: Connection, table: str) -> list[str]:
    there = {name for (name,) in rows(old, "SELECT name FROM pragma_table_info(?)", (table,))}
    return [name for (name,) in rows(new, "SELECT name FROM pragma_table_info(?)", (table,)) if name in there]


def _carry_over(old: Connection, new: Connection, table: str, columns: list[str]) -> Salvaged:
    """Copy a table from its beginning to the first unreadable row, then from its end back to that."""
    if not columns:
        return Salvaged(table, 0, is_whole=False)
    way = "REPLACE" if table in _BORN_WITH else "IGNORE"  # of two equal rows the one read first stays
    marks = ", ".join("?" * len(columns))
    names = ", ".join(f'"{column}"' for column in columns)  # one may be called like a word of SQL
    insert = f"INSERT OR {way} INTO {table} ({names}) VALUES ({marks})"
    place = _place(new, table)
    kept, is_whole, last = 0, True, None
    for order in ("ASC", "DESC"):
        by = ", ".join(f"{column} {order}" for column in place)
        readable = _Rows(old, f"SELECT {', '.join(place)}, {names} FROM {table} NOT INDEXED ORDER BY {by}")
        for row in readable:
            here, values = row[: len(place)], row[len(place) :]
            if order == "DESC" and last is not None and here <= last:  # met what came from the other side
                break
            kept += _insert(new, insert, values)
            last = here if order == "ASC" else last
        if readable.is_whole:
            break
        is_whole = False
    return Salvaged(table, kept, is_whole)


def _place(new: Connection, table: str) -> list[str]:
    """The columns a table is stored in the order of: its row number, or the key of one that has none."""
    [(has_no_rows,)] = rows(new, "SELECT wr FROM pragma_table_list(?) WHERE schema = 'main'", (table,))
    key = rows(new, "SELECT name FROM pragma_table_info(?) WHERE pk > 0 ORDER BY pk", (table,))
    return [name for (name,) in key] if has_no_rows else ["rowid"]


def _insert(new: Connection, sql: str, values: Sequence[Any]) -> int:
    try:
        new.execute(sql, values)
    except apsw.ConstraintError:
        return 0  # the damage made a row that cannot be
    return new.changes()


class _Rows:
    """Rows as far as they can be read; ``is_whole`` tells afterwards whether that was to the end."""

    def __init__(self, db: Connection, sql: str) -> None:
        self._db = db
        self._sql = sql
        self.is_whole = True

    def __iter__(self) -> Iterator[tuple[Any, ...]]:
        try:
            yield from self._db.execute(self._sql)
        except apsw.Error:
            self.is_whole = False
