"""What the journal knows of accounts beside their jobs: holds, balance, cached workflows, usual times, marks."""

from __future__ import annotations

import json
import time
from collections.abc import Collection, Iterable
from datetime import UTC, datetime, tzinfo
from enum import StrEnum
from typing import NamedTuple

from artui.journal import prices
from artui.journal.store import Connection, first, note, rows, set_note, storable

_WEIGHT = 0.2
"""How much the newest duration counts in the running mean."""


class AccountState(NamedTuple):
    """The changing part of an account. ``held`` is the reason that holds all its jobs, empty where nothing does;
    ``held_until`` when that ends by the service's clock, in epoch seconds, None where no time ends it;
    ``balance_unknown`` why the service did not tell the balance when it was asked last; ``away_since`` since when it
    does not answer at all, in epoch seconds, None while it does, and ``away_why`` in words; ``rests_until`` until when
    it has asked to be left alone, by this machine's clock, which may be over."""

    name: str
    held: str = ""
    message: str = ""
    balance: int | None = None
    balance_at: float | None = None
    held_until: float | None = None
    balance_unknown: str = ""
    away_since: float | None = None
    away_why: str = ""
    rests_until: float | None = None


def state(db: Connection, account: str) -> AccountState:
    """The state of one account; a fresh one where the journal has none."""
    found = first(
        db,
        "SELECT name, held, message, balance, balance_at, held_until, balance_unknown, away_since, away_why,"
        " rests_until FROM accounts WHERE name = ?",
        (account,),
    )
    return AccountState(*found) if found else AccountState(account)


def _ensure(db: Connection, account: str) -> None:
    db.execute("INSERT OR IGNORE INTO accounts (name) VALUES (?)", (account,))


def in_use(db: Connection, among: Collection[str]) -> str | None:
    """The account that a person sent photos with last, or else the first that was ever at work; of these alone, None
    where none of them was."""
    found = rows(db, "SELECT account FROM jobs WHERE rule = '' ORDER BY id DESC LIMIT 1")
    known = rows(db, "SELECT name FROM accounts ORDER BY rowid")
    return next((name for (name,) in (*found, *known) if name in among), None)


def with_jobs(db: Connection) -> list[str]:
    """The names of all accounts that ever had a job."""
    return [account for (account,) in rows(db, "SELECT DISTINCT account FROM jobs ORDER BY account")]


def set_hold(db: Connection, account: str, reason: str, message: str, until: float | None = None) -> bool:
    """Remember why the account is held ('' = it is not), and until when; returns whether that is news."""
    _ensure(db, account)
    db.execute(
        # Told once: the first sentence stays.
        "UPDATE accounts SET held = ?, message = ?, held_until = ? WHERE name = ? AND held <> ?",
        (reason, storable(message), until, account, reason),
    )
    return db.changes() > 0


def set_balance(db: Connection, account: str, balance: int | None, read_at: float, unknown: str = "") -> None:
    """Remember the credits left, or why they are ``unknown``; ``read_at`` is when the question was asked."""
    _ensure(db, account)
    db.execute(
        "UPDATE accounts SET balance = ?, balance_at = ?, balance_unknown = ? WHERE name = ?",
        (balance, read_at, storable(unknown), account),
    )


def set_away(db: Connection, account: str, since: float | None, why: str = "") -> None:
    """Remember since when the service does not answer, in epoch seconds, and why; None: it does."""
    _ensure(db, account)
    db.execute("UPDATE accounts SET away_since = ?, away_why = ? WHERE name = ?", (since, storable(why), account))


def set_rest(db: Connection, account: str, until: float) -> None:
    """Remember until when the service has asked to be left alone, in epoch seconds."""
    _ensure(db, account)
    db.execute("UPDATE accounts SET rests_until = ? WHERE name = ?", (until, account))


def prove_labels(db: Connection, payer: str) -> None:
    """Remember that a payer's list has shown a label of ours: that one is not in it is then a proof."""
    db.execute("INSERT OR IGNORE INTO labels_proven (payer) VALUES (?)", (payer,))


def labels_proven(db: Connection, payer: str) -> bool:
    """Whether a payer's list has ever shown a label of ours."""
    return first(db, "SELECT 1 FROM labels_proven WHERE payer = ?", (payer,)) is not None


def prove_photos(db: Connection, account: str) -> None:
    """Remember that this account names photos as artui does: another name is then another photo."""
    db.execute(
        "INSERT INTO accounts (name, shows_photos) VALUES (?, 1)"
        " ON CONFLICT DO UPDATE SET shows_photos = 1 WHERE NOT shows_photos",
        (account,),
    )


def shows_photos(db: Connection, account: str) -> bool:
    """Whether this account has ever named a photo as artui does."""
    return first(db, "SELECT 1 FROM accounts WHERE name = ? AND shows_photos", (account,)) is not None


class Digests(StrEnum):
    """What is known of the digests an account states for its results: whether one was ever right, or whether a person
    was asked about them, or has said that results are taken as they are."""

    UNKNOWN = ""
    ASKED = "asked"
    MATCHED = "matched"
    IGNORED = "ignored"


def digests(db: Connection, account: str) -> Digests:
    """What is known of the digests an account states."""
    found = first(db, "SELECT digests FROM accounts WHERE name = ?", (account,))
    return Digests(found[0]) if found else Digests.UNKNOWN


def set_digests(db: Connection, account: str, known: Digests) -> None:
    """Remember what is known of the digests an account states."""
    db.execute(
        "INSERT INTO accounts (name, digests) VALUES (?, ?) ON CONFLICT DO UPDATE SET digests = excluded.digests",
        (account, known),
    )


def day_of(at: float, zone: tzinfo) -> str:
    """The date (``YYYY-MM-DD``) in a zone; ``at`` in epoch seconds."""
    return datetime.fromtimestamp(at, UTC).astimezone(zone).date().isoformat()


def turn_day(db: Connection, account: str, day: str, *, latest: str = "", heard: bool = True) -> str:
    """The account's current day (``YYYY-MM-DD``), which never goes backwards, and turns only once its service was
    ``heard``.

    One that an earlier version of this program took from a service with a wrong clock, and that is later than
    ``latest``, is set back once, with what was bought in it.
    """
    # Turned by what spends; who only reads asks `day`.
    known, is_sure = first(db, "SELECT day, day_sure FROM accounts WHERE name = ?", (account,)) or ("", True)
    if not heard:  # our clock alone might renew a cap
        return str(known) or day
    if not is_sure:
        db.execute("UPDATE accounts SET day_sure = 1 WHERE name = ?", (account,))
        if known > max(day, latest):
            _set_back(db, account, day)
            return day
    if known >= day:
        return str(known)
    db.execute(
        "INSERT INTO accounts (name, day) VALUES (?, ?) ON CONFLICT DO UPDATE SET day = excluded.day", (account, day)
    )
    return day


def _set_back(db: Connection, account: str, day: str) -> None:
    db.execute("UPDATE accounts SET day = ? WHERE name = ?", (day, account))
    made = "MIN(date(intended_at, 'unixepoch', 'localtime'), :day)"  # the machine's zone is the only one SQLite knows
    db.execute(
        f"UPDATE purchases SET day = {made}, month = substr({made}, 1, 7) WHERE account = :account AND day > :day",
        {"account": account, "day": day},
    )


def day(db: Connection, account: str, today: str, *, heard: bool = True) -> str:
    """The account's current day as :func:`turn_day` would say it, without turning it: our clock may be wrong."""
    known = first(db, "SELECT day FROM accounts WHERE name = ? AND day <> ''", (account,))
    if known is None:
        return today
    return max(str(known[0]), today) if heard else str(known[0])


def mark(db: Connection, payer: str, workflow: str) -> str:
    """The newest creation time, by the service's clock, of an execution we know; empty where there is none."""
    found = first(db, "SELECT created_at FROM marks WHERE payer = ? AND workflow = ?", (payer, workflow))
    return found[0] if found else ""


def set_mark(db: Connection, payer: str, workflow: str, created: Iterable[str], now: float) -> None:
    """Remember the creation time of the newest of the executions seen at the service, if that is news.

    Nothing was created after ``now``, the service's clock in epoch seconds, nor after ours, whatever it says: a mark
    that lies ahead would hide what is ordered next.
    """
    times = [at for text in created if (at := _epoch(text)) is not None]
    if not times:
        return
    latest = min(now, time.time())
    db.execute(
        "INSERT INTO marks VALUES (?1, ?2, ?3) ON CONFLICT DO UPDATE SET created_at ="
        # A mark that lies ahead is of a clock that was wrong.
        " CASE WHEN created_at > ?4 THEN ?3 ELSE MAX(created_at, ?3) END",
        (payer, workflow, _stamp(min(max(times), latest)), _stamp(latest)),
    )


def _epoch(created_at: str) -> float | None:
    """A time of a service in epoch seconds, without a zone in UTC; None where it is none."""
    try:
        found = datetime.fromisoformat(created_at)
        return (found if found.tzinfo else found.replace(tzinfo=UTC)).timestamp()
    except (ValueError, OverflowError):
        return None


def _stamp(at: float) -> str:
    """A moment in the one form in which marks are stored: as text, they compare as the moments do."""
    return datetime.fromtimestamp(at, UTC).isoformat(timespec="milliseconds")


def usual(db: Connection, payer: str, workflow: str) -> tuple[float, int] | None:
    """How long an execution of this workflow usually takes, in seconds, and from how many; None where unknown."""
    found = first(db, "SELECT usual, count FROM durations WHERE payer = ? AND workflow = ?", (payer, workflow))
    return (found[0], found[1]) if found else None


def add_duration(db: Connection, payer: str, workflow: str, seconds: float) -> None:
    """Learn from one finished execution how long this workflow takes."""
    db.execute(
        "INSERT INTO durations VALUES (?, ?, ?, 1) ON CONFLICT DO UPDATE SET count = count + 1,"
        # A plain mean of the first five, then of what is new.
        " usual = usual + MAX(?, 1.0 / (count + 1)) * (excluded.usual - usual)",
        (payer, workflow, seconds, _WEIGHT),
    )


def ordered_workflows(db: Connection, account: str) -> list[str]:
    """The workflows an account has jobs of."""
    return [workflow for (workflow,) in rows(db, "SELECT DISTINCT workflow FROM jobs WHERE account = ?", (account,))]


def keep_workflows(db: Connection, account: str, definitions: dict[str, str]) -> None:
    """Replace the cached workflows of an account; ``definitions`` maps ids to JSON text. Earlier versions stay known.

    A list from the service leaves the settings out: those that an earlier look at the same version brought are kept.
    """
    now = time.time()
    known = dict(rows(db, "SELECT id, definition FROM workflows WHERE account = ?", (account,)))
    for one, definition in definitions.items():
        _keep_older(db, account, one, known.get(one), definition)
    db.execute("DELETE FROM workflows WHERE account = ?", (account,))
    db.executemany(
        "INSERT INTO workflows VALUES (?, ?, ?, ?)",
        [(account, one, _with_settings(definition, known.get(one)), now) for one, definition in definitions.items()],
    )


def _with_settings(definition: str, known: str | None) -> str:
    """A definition as it is now, with the steps of the ``known`` one where only those have their settings."""
    if known is None or known == definition:
        return definition
    now, before = json.loads(definition), json.loads(known)
    if now["version"] != before["version"] or any(step["settings"] for step in now["components"]):
        return definition
    return json.dumps(now | {"components": before["components"]})


def keep_workflow(db: Connection, account: str, workflow: str, definition: str) -> None:
    """Renew one cached workflow of an account; the version it replaces stays known."""
    before = first(db, "SELECT definition FROM workflows WHERE account = ? AND id = ?", (account, workflow))
    _keep_older(db, account, workflow, before[0] if before else None, definition)
    db.execute("INSERT OR REPLACE INTO workflows VALUES (?, ?, ?, ?)", (account, workflow, definition, time.time()))


def _keep_older(db: Connection, account: str, workflow: str, known: str | None, definition: str) -> None:
    if known is None or known == definition:
        return
    before = _version(known)
    if before and before != _version(definition):
        set_note(db, f"older {account} {workflow} {before}", known)


def _version(definition: str) -> str:
    """The version that a definition names; empty where it names none, for no note is worth a failure."""
    found = json.loads(definition)
    return str(found.get("version", "")) if isinstance(found, dict) else ""


def older_workflow(db: Connection, account: str, workflow: str, version: str) -> str:
    """The definition of a version that is no longer the current one, JSON text; empty where it was not kept."""
    return note(db, f"older {account} {workflow} {version}")


def cached_workflow(db: Connection, account: str, workflow: str, *, since: float = 0.0) -> str | None:
    """The cached definition of one workflow, JSON; None where there is none that was fetched ``since`` then."""
    found = first(
        db,
        "SELECT definition FROM workflows WHERE account = ? AND id = ? AND fetched_at >= ?",
        (account, workflow, since),
    )
    return prices.in_document(db, account, workflow, found[0]) if found else None


def cached_workflows(db: Connection, account: str) -> tuple[list[str], float | None]:
    """The cached definitions of an account, JSON texts, and when they were fetched."""
    found = rows(db, "SELECT id, definition, fetched_at FROM workflows WHERE account = ?", (account,))
    texts = [prices.in_document(db, account, workflow, definition) for workflow, definition, _ in found]
    return texts, found[0][2] if found else None
