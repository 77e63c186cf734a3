"""What people are to be told: what has begun or ended, in its order, and how far each target was told of each topic.

Every function runs inside one transaction of :class:`artui.journal.store.Journal`. Times are epoch seconds; ``facts``
are JSON.
"""

from __future__ import annotations

import json
import time
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any, NamedTuple

from artui.journal.store import Connection, first, rows, storable, value

KEPT_FOR = 7 * 86_400.0
"""Seconds for which a notice is kept: who could not be told of it by then is not any more."""


CAPS_KEPT_FOR = 40 * 86_400.0
"""Seconds for which it is kept what was told of a cap: longer than the longest period."""


@dataclass(frozen=True, slots=True)
class Notice:
    """Something that has begun, has grown, or is ``over``."""

    at: float
    topic: str
    code: str
    subject: str
    over: bool
    count: int
    facts: Mapping[str, Any]
    seq: int = 0


class Pending(NamedTuple):
    """What a target is to be told now of one topic: the newest of ``number`` notices, the last of them ``last``;
    ``tries``: how often that has failed."""

    newest: tuple[Notice, ...]
    number: int
    last: int
    tries: int


def known(db: Connection) -> dict[tuple[str, str], Notice]:
    """What was wrong when it was noted last, by code and subject."""
    return {
        (code, subject): Notice(since, "", code, subject, over=False, count=count, facts=json.loads(facts))
        for code, subject, since, count, facts in rows(db, "SELECT code, subject, since, count, facts FROM conditions")
    }


def is_known(db: Connection, code: str) -> bool:
    """Whether something of this code was wrong when it was noted last."""
    return first(db, "SELECT 1 FROM conditions WHERE code = ?", (code,)) is not None


def note(
    db: Connection, begun: Iterable[Notice], ended: Iterable[tuple[str, str]], told: Iterable[Notice] = ()
) -> None:
    """Take down what has begun or changed, forget what has ended, and write what of it is to be told."""
    for one in begun:
        db.execute(
            "INSERT OR REPLACE INTO conditions VALUES (?, ?, ?, ?, ?)",
            (one.code, storable(one.subject), one.at, one.count, json.dumps(one.facts)),
        )
    for key in ended:
        db.execute("DELETE FROM conditions WHERE code = ? AND subject = ?", key)
    for one in told:
        add(db, one)


def add(db: Connection, notice: Notice) -> None:
    """Write one notice, and forget those that are too old."""
    db.execute(
        "INSERT INTO notices (at, kind, code, subject, over, count, facts) VALUES (?, ?, ?, ?, ?, ?, ?)",
        (
            notice.at, notice.topic, notice.code, storable(notice.subject), notice.over, notice.count,
            json.dumps(notice.facts),
        ),
    )  # fmt: skip
    db.execute("DELETE FROM notices WHERE at < ?", (time.time() - KEPT_FOR,))


def pending(db: Connection, target: str, topic: str, now: float, most: int = 20) -> Pending | None:
    """What a target is to be told of a topic now; None where that is nothing, or it is too early.

    A target that is new hears of what comes from now on.
    """
    cursor = first(db, "SELECT told, tries, next_at FROM notified WHERE target = ? AND kind = ?", (target, topic))
    if cursor is None or cursor[2] > now:
        return None
    told, tries, _ = cursor
    [(number, last)] = rows(db, "SELECT COUNT(*), MAX(seq) FROM notices WHERE kind = ? AND seq > ?", (topic, told))
    if not number:
        return None
    found = rows(
        db,
        "SELECT at, kind, code, subject, over, count, facts, seq FROM notices WHERE kind = ? AND seq > ?"
        " ORDER BY seq DESC LIMIT ?",
        (topic, told, most),
    )
    newest = tuple(
        Notice(at, kind, code, subject, bool(over), count, json.loads(facts), seq)
        for at, kind, code, subject, over, count, facts, seq in reversed(found)
    )
    return Pending(newest, number, last, tries)


def cap_level(db: Connection, notice: Notice) -> int:
    """The highest share in per cent that was told of a cap in its period; 0 where none was."""
    found = first(
        db,
        'SELECT level FROM cap_levels WHERE subject = ? AND cap = ? AND period = ? AND "limit" = ?',
        _cap_of(notice),
    )
    return found[0] if found else 0


def note_cap(db: Connection, notice: Notice) -> None:
    """Remember which share of a cap was told of, and forget those of periods long gone."""
    db.execute(
        "INSERT OR REPLACE INTO cap_levels VALUES (?, ?, ?, ?, ?, ?)", (*_cap_of(notice), notice.count, notice.at)
    )
    db.execute("DELETE FROM cap_levels WHERE period <> '' AND at < ?", (time.time() - CAPS_KEPT_FOR,))


def _cap_of(notice: Notice) -> tuple[str, str, str, int]:
    facts = notice.facts
    return storable(notice.subject), facts["cap"], facts["period"], facts["limit"]


def was_told(db: Connection, code: str, subject: str) -> bool:
    """Whether there is a notice of this."""
    return first(db, "SELECT 1 FROM notices WHERE code = ? AND subject = ?", (code, subject)) is not None


def strangers(db: Connection, wanted: Iterable[tuple[str, str]]) -> list[tuple[str, str]]:
    """Which of these, each a target and a topic, were never told of anything."""
    met = set(rows(db, "SELECT target, kind FROM notified"))
    return [one for one in wanted if one not in met]


def meet(db: Connection, target: str, topic: str) -> None:
    """Begin to tell a target of a topic, from now on; nothing where it is told already."""
    db.execute(
        "INSERT OR IGNORE INTO notified (target, kind, told)"
        # By the sequence: the newest notice may have been deleted for its age.
        " VALUES (?, ?, (SELECT COALESCE(MAX(seq), 0) FROM sqlite_sequence WHERE name = 'notices'))",
        (target, topic),
    )


def told(db: Connection, target: str, topic: str, last: int, next_at: float) -> None:
    """Remember that a target was told up to this notice, and may hear of the topic again from ``next_at`` on."""
    db.execute(
        "UPDATE notified SET told = ?, tries = 0, next_at = ? WHERE target = ? AND kind = ?",
        (last, next_at, target, topic),
    )


def not_told(db: Connection, target: str, topic: str, next_at: float) -> None:
    """Remember that telling has failed once more, and when it is tried again."""
    db.execute(
        "UPDATE notified SET tries = tries + 1, next_at = ? WHERE target = ? AND kind = ?", (next_at, target, topic)
    )


def summary_due(db: Connection, target: str) -> float:
    """When a target hears the summary of a day next; 0 where that was never settled."""
    return float(
        value(db, "SELECT COALESCE(MAX(next_at), 0) FROM notified WHERE target = ? AND kind = ?", (target, _DUE))
    )


def set_summary_due(db: Connection, target: str, at: float) -> None:
    """Settle when a target hears the summary of a day next."""
    db.execute("INSERT OR REPLACE INTO notified (target, kind, told, next_at) VALUES (?, ?, 0, ?)", (target, _DUE, at))


_DUE = "daily due"
