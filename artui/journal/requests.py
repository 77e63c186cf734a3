"""What any process asks of the engine, and the engine's own row: who it is, whether it lives."""

from __future__ import annotations

import json
import time
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, NamedTuple

from artui.journal import deliveries, origins
from artui.journal.store import Connection, journal_uuid, rows, storable, value
from artui.model.commands import Command
from artui.model.holds import HOLDS, Stays
from artui.model.states import Reason

if TYPE_CHECKING:
    from artui.model.job import Job


class Request(NamedTuple):
    """Something to be done by the engine. ``what`` is the command's word; ``job``, ``purchase`` and ``status`` say what
    its author saw."""

    id: int
    what: str
    arguments: Mapping[str, Any]
    job: int | None
    purchase: int | None
    status: str | None

    @property
    def command(self) -> Command | None:
        """Which command it is; None for one that this program does not know."""
        return next((one for one in Command if one == self.what), None)


class Reply(NamedTuple):
    """What became of a request; ``refused`` where it no longer fitted what its author saw."""

    refused: bool
    message: str


def enqueue(db: Connection, command: Command, job: Job | None = None, **arguments: Any) -> int:
    """Leave a request for the engine; returns its number."""
    seen = (job.id, job.purchase, job.status) if job else (None, None, None)
    db.execute(
        "INSERT INTO requests (what, arguments, job, purchase, status, made_at) VALUES (?, ?, ?, ?, ?, ?)",
        (command, json.dumps(arguments), *seen, time.time()),
    )
    return db.last_insert_rowid()


def pending(db: Connection) -> list[Request]:
    """All requests not yet carried out, oldest first."""
    found = rows(
        db, "SELECT id, what, arguments, job, purchase, status FROM requests WHERE done_at IS NULL ORDER BY id"
    )
    return [Request(id_, what, json.loads(arguments), *seen) for id_, what, arguments, *seen in found]


def finish(db: Connection, request: Request, message: str, *, refused: bool = False) -> None:
    """Mark a request as done (or refused) in the transaction that carries its effect."""
    db.execute(
        # The first answer stays.
        "UPDATE requests SET done_at = ?, refused = ?, outcome = ? WHERE id = ? AND done_at IS NULL",
        (time.time(), int(refused), storable(message), request.id),
    )


def outcome(db: Connection, request_id: int) -> Reply | None:
    """What became of a request; None while it waits."""
    row = db.execute("SELECT refused, outcome FROM requests WHERE id = ? AND done_at IS NOT NULL", (request_id,))
    found = row.fetchone()
    return Reply(bool(found[0]), found[1]) if found else None


def forget(db: Connection, request_id: int) -> None:
    """Keep nothing of what a request and its answer said, whether it was answered or not: that was for one process."""
    db.execute(
        # The row stays, for its number may still be known to an engine.
        "UPDATE requests SET arguments = '{}', outcome = 'for who asked alone', done_at = IFNULL(done_at, ?),"
        " refused = IFNULL(refused, 1) WHERE id = ?",
        (time.time(), request_id),
    )


# --------------------------------------------------------------------------------------------------- the engine row


WATCH = "watch"
"""The mode of the engine that watches folders, in the foreground; the other is ``background``."""


class EngineRow(NamedTuple):
    """The engine as the journal knows it. ``state``: ``starting``, ``running``, ``ending`` or ``ended``."""

    generation: int
    pid: int | None
    host: str
    mode: str
    started_at: float | None
    heartbeat: float | None
    state: str
    version: str


def engine(db: Connection) -> EngineRow:
    """The engine's row."""
    found = rows(db, "SELECT generation, pid, host, mode, started_at, heartbeat, state, version FROM engine")
    return EngineRow(*found[0])


class Home(NamedTuple):
    """What tells a journal from a copy of it. ``intents``: how many paid calls were ever intended; ``origin``: what its
    newest keys begin with; ``machine`` and ``folder``, where it is at home, are empty until an engine has run."""

    uuid: str
    generation: int
    intents: int
    origin: str
    machine: str
    folder: bytes


def home(db: Connection) -> Home:
    """Which journal this is, how far it has come, and where it is at home."""
    generation, intents, machine, folder = rows(db, "SELECT generation, intents, machine, folder FROM engine")[0]
    return Home(journal_uuid(db), generation, intents, origins.current(db), machine, folder)


def settle_in(db: Connection, machine: str, folder: bytes) -> None:
    """Say on which machine and in which folder the journal is at home from now on."""
    db.execute(
        "UPDATE engine SET machine = ?1, folder = ?2 WHERE machine <> ?1 OR folder <> ?2",
        (machine, folder),
    )


def count_intent(db: Connection) -> None:
    """Count one more paid call that was intended, a key's second intent too: the count never falls."""
    db.execute("UPDATE engine SET intents = intents + 1")


def webhook_part(db: Connection) -> str:
    """The part of this journal's webhook address that nobody can guess; it never changes."""
    return str(value(db, "SELECT webhook FROM engine"))


def intents(db: Connection) -> int:
    """How many paid calls were ever intended."""
    return int(value(db, "SELECT intents FROM engine"))


def take_name(db: Connection, uuid: str) -> None:
    """Be the journal of this UUID: watched folders know it by that."""
    db.execute("UPDATE meta SET value = ? WHERE key = 'uuid'", (uuid,))


def raise_to(db: Connection, generation: int, intents: int) -> None:
    """Count at least so many generations of engines and intents; no engine runs."""
    db.execute(
        "UPDATE engine SET generation = MAX(generation, ?), intents = MAX(intents, ?), state = 'ended', pid = NULL",
        (generation, intents),
    )


LONGEST_WAIT, LONGEST_RETRY = 26 * 3600.0, 900.0
"""Seconds ahead in which everything is due that waits by itself: the longest is until the next day's caps, and where
something is tried again the longest ``Retry-After`` that is honoured."""


def engine_starts(db: Connection, pid: int, host: str, mode: str, version: str) -> int:
    """Take the engine's row over; returns the new generation.

    A request to stop that was meant for another process is refused: that one is gone. One that names this process was
    left by somebody who saw it hold the lock, and it ends by it.
    """
    now, last = time.time(), engine(db)
    # It never said that it ended.
    is_killed = mode == last.mode == WATCH and last.state in ("running", "ending")
    if is_killed:
        from artui.journal import notices  # only where there is something to tell

        if not notices.is_known(db, "watch-ended"):
            notice = notices.Notice(last.heartbeat or now, "trouble", "watch-killed", last.host, False, 1, {})
            notices.add(db, notice)
    db.execute(
        "UPDATE requests SET done_at = ?, refused = 1, outcome = 'the engine this was meant for is gone'"
        " WHERE what = ? AND done_at IS NULL AND json_extract(arguments, '$.pid') IS NOT ?",
        (now, Command.STOP, pid),
    )
    return int(
        value(
            db,
            "UPDATE engine SET generation = generation + 1, pid = ?, host = ?, mode = ?, started_at = ?, heartbeat = ?,"
            " state = 'starting', version = ? RETURNING generation",
            (pid, host, mode, now, now, version),
        )
    )


def bring_forward(db: Connection, now: float) -> None:
    """Make due what lies further off than any wait, for a clock put it down that was ahead: it would wait until that
    time comes. ``now``: what the clock that the engine goes by says."""
    known = {"now": now, "far": now + LONGEST_WAIT, "retry": now + LONGEST_RETRY, "again": Reason.TRY_AGAIN}
    for waiting in (
        "jobs SET due = :now WHERE status = 'waiting' AND reason = :again AND due > :retry",
        "jobs SET due = :now WHERE status IN ('ready', 'running', 'waiting', 'held') AND due > :far",
        "deliveries SET due = :now WHERE state = 'pending' AND due > :far",
        "notified SET next_at = :now WHERE next_at > :far",
    ):
        db.execute(f"UPDATE {waiting}", known)


def engine_ready(db: Connection, generation: int) -> None:
    """Say that the engine has put right what the last one left and works."""
    db.execute("UPDATE engine SET state = 'running' WHERE generation = ?", (generation,))


def engine_ending(db: Connection, generation: int) -> None:
    """Say that the engine takes nothing more: whoever adds work now needs another one."""
    db.execute("UPDATE engine SET state = 'ending' WHERE generation = ?", (generation,))


def beat(db: Connection, generation: int) -> bool:
    """Say that the engine lives; False where another generation has taken over."""
    db.execute("UPDATE engine SET heartbeat = ? WHERE generation = ?", (time.time(), generation))
    return db.changes() > 0


def engine_ends(db: Connection, generation: int, *, only_if_idle: bool = False) -> bool:
    """Mark the engine as ended; with ``only_if_idle`` only where nothing is left to do, in this one transaction.

    Whoever adds work reads this row in the same transaction and starts an engine where it says ``ended``.
    """
    if only_if_idle and has_work(db):  # asked here, where no job can come in between
        return False
    db.execute("UPDATE engine SET state = 'ended' WHERE generation = ?", (generation,))
    return True


def _staying(stays: Stays) -> str:
    return ", ".join(f"'{reason}'" for reason, hold in HOLDS.items() if hold.stays is stays)


def is_under_way(db: Connection) -> bool:
    """Whether photos move, or will before long without anybody: none that waits for a person, a day or a top-up."""
    moves = "status IN ('ready', 'running', 'waiting') AND reason <> ?"
    return bool(value(db, f"SELECT EXISTS (SELECT 1 FROM jobs WHERE {moves})", (Reason.HOURS,)))


def has_work(db: Connection) -> bool:
    """Whether an engine has anything to do now or later by itself: open requests, jobs under way, holds that end by
    themselves, results to be delivered, anything bought and not yet saved that looking after can still bring home."""
    return bool(
        value(
            db,
            "SELECT EXISTS (SELECT 1 FROM requests WHERE done_at IS NULL)"
            f" OR {deliveries.ARE_DUE}"
            " OR EXISTS (SELECT 1 FROM jobs WHERE status IN ('ready', 'running')"
            "   OR (status = 'waiting' AND due IS NOT NULL)"
            f"   OR (status = 'held' AND (due IS NOT NULL OR reason IN ({_staying(Stays.ALWAYS)})"
            "     OR (stage IN ('submitted', 'processed', 'saved')"
            f"       AND reason IN ({_staying(Stays.BOUGHT)})))))",
        )
    )
