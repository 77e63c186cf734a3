"""What is wrong now, decided once: ``status``, ``status --check``, the console, notices and metrics render it.

It reads the journal, the settings and the disks, asks no service, and loads nothing that a quick command must not.
"""

from __future__ import annotations

import os
import time
from collections.abc import Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from enum import StrEnum
from pathlib import Path
from queue import Empty, SimpleQueue
from threading import Thread
from typing import TYPE_CHECKING, Any, NamedTuple

from artui.config.system import iso
from artui.core.quote import quote
from artui.journal import Connection, accounts, caps, deliveries, purchases, requests, rules, window
from artui.journal.rules import RuleRow, RuleState
from artui.model.holds import Group
from artui.model.states import Reason
from artui.model.watching import RuleCause, Skip

if TYPE_CHECKING:
    import datetime as dt

    from artui.config import AccountConfig, Config

AWAY_FOR = 600.0
"""Seconds a service may be away before that counts as wrong, where nobody says otherwise."""

FULL = 0.9
"""The share of a disk, or of a cap, from which on it counts as wrong."""

LOOKED_AT_WITHIN = 60.0
"""Seconds within which a rule that is watched was looked at for the first time."""

LEFT_FOR = 86_400.0
"""Seconds for which the files are told that a watching which has ended could not take."""

ANSWERS_WITHIN = 1.0
"""Seconds a disk gets to say how full it is: a share whose server is gone would hold up whoever asks."""

PACE_OF = 7
"""Days whose spending tells how long the credits last."""


class Code(StrEnum):
    """What is wrong, as JSON and notices name it; the last three are over, and only told."""

    CONFIG = "config"
    ENGINE_SILENT = "engine-silent"
    ENGINE_ABSENT = "engine-absent"
    WATCH_ENDED = "watch-ended"
    NOT_WATCHED = "not-watched"
    OFFLINE = "offline"
    FOREIGN = "foreign"
    RULE_HELD = "rule-held"
    RULE_WAITS = "rule-waits"
    PAUSED = "paused"
    UNREADABLE = "unreadable"
    INOTIFY = "inotify"
    LEFT = "left"
    NEEDS_YOU = "needs-you"
    NOT_DELIVERED = "not-delivered"
    SIGN_IN = "sign-in"
    ACCOUNT_HELD = "account-held"
    SERVICE_AWAY = "service-away"
    DISK = "disk"
    CAP = "cap"
    CREDITS_LOW = "credits-low"
    WATCH_KILLED = "watch-killed"
    BATCH_DONE = "batch-done"
    SUMMARY = "summary"


class Topic(StrEnum):
    """What a person wants to be told of."""

    NEEDS_YOU = "needs you"
    TROUBLE = "trouble"
    MONEY = "money"
    DONE = "done"
    DAILY = "daily"


TOPICS: Mapping[Code, Topic] = {
    Code.NEEDS_YOU: Topic.NEEDS_YOU,
    Code.NOT_DELIVERED: Topic.NEEDS_YOU,
    Code.SIGN_IN: Topic.NEEDS_YOU,
    Code.RULE_HELD: Topic.NEEDS_YOU,
    Code.ACCOUNT_HELD: Topic.NEEDS_YOU,
    Code.CAP: Topic.MONEY,
    Code.CREDITS_LOW: Topic.MONEY,
    Code.BATCH_DONE: Topic.DONE,
    Code.SUMMARY: Topic.DAILY,
}
"""The kind of each code; what is not named here is trouble."""

OF_RULES = frozenset({
    Code.OFFLINE, Code.FOREIGN, Code.RULE_HELD, Code.RULE_WAITS, Code.UNREADABLE, Code.INOTIFY,
})  # fmt: skip
"""What only who watches can see: while nobody does, it has not ended."""


@dataclass(frozen=True, slots=True)
class Condition:
    """One thing that is wrong.

    ``subject``: the account, rule or path it is about. ``since`` in epoch seconds, where that is known. ``count``: how
    many jobs or files. ``facts``: what a sentence needs beside, each plain. ``is_grave``: whether a check fails by it;
    what is not is only told.
    """

    code: Code
    subject: str = ""
    since: float | None = None
    count: int = 0
    facts: Mapping[str, Any] = field(default_factory=dict)
    is_grave: bool = True

    @property
    def key(self) -> tuple[str, str]:
        """What tells it from any other, as long as it lasts."""
        return self.code, f"{self.subject} {self.facts.get('cap', self.facts.get('what', ''))}".rstrip()

    @property
    def topic(self) -> Topic:
        """What a person wants to be told of that this is."""
        return TOPICS.get(self.code, Topic.TROUBLE)

    def document(self) -> dict[str, object]:
        """The condition as JSON has it."""
        times = {"since": self.since, "since_iso": iso(self.since)}
        return {"code": self.code, "subject": self.subject, **times, "count": self.count, **self.facts}


class Engine(NamedTuple):
    """The process that moves jobs, as far as this needs it: ``is_watching``: it works through the rules."""

    is_watching: bool = False
    silent_since: float | None = None


def conditions(
    db: Connection, config: Config, engine: Engine | None, *, away_for: float = AWAY_FOR
) -> tuple[Condition, ...]:
    """What is wrong now, the gravest first; ``engine`` is None where none runs.

    A service counts as away, and a rule as waiting for one, once that lasts longer than ``away_for`` seconds.
    """
    now = time.time()
    found: list[Condition] = []
    if config.fault:
        found.append(Condition(Code.CONFIG, facts={"message": config.fault}))
    if engine is None and requests.has_work(db):
        found.append(Condition(Code.ENGINE_ABSENT))
    elif engine is not None and engine.silent_since is not None:
        found.append(Condition(Code.ENGINE_SILENT, since=engine.silent_since))
    found += _of_rules(db, config, engine, now, away_for)
    for account in config.accounts.values():
        found += _of_account(db, account, config.timezone, now, away_for)
    found += (Condition(Code.NOT_DELIVERED, *one) for one in deliveries.failed(db))
    found += _of_disks(config)
    return tuple(sorted(found, key=lambda one: not one.is_grave))


def summary(db: Connection, config: Config, since: float, *, wrong: int) -> Condition:
    """What has come about since, in epoch seconds, and what was spent today; ``wrong`` is how many things are."""
    spent = {
        one.name: quote(db, one.name, one.caps, None, (), config.timezone).today for one in config.accounts.values()
    }
    ended = {"saved": 0, "failed": 0} | window.happened_since(db, since)
    return Condition(Code.SUMMARY, facts={**ended, "wrong": wrong, "today": spent}, is_grave=False)


def names_written(config: Config) -> list[str]:
    """The names of the rules that are written down, as the journal has them, without loading the rules."""
    return [str(rule.get("name", os.path.abspath(str(rule.get("folder", ""))))) for rule in config.watch]  # noqa: PTH100


def _of_rules(
    db: Connection, config: Config, engine: Engine | None, now: float, away_for: float
) -> Iterator[Condition]:
    written = names_written(config)
    if engine is None or not engine.is_watching:
        last = requests.engine(db)
        since = last.heartbeat if last.mode == requests.WATCH else None
        if written:
            yield Condition(Code.NOT_WATCHED if since is None else Code.WATCH_ENDED, since=since, count=len(written))
        # Of the rules themselves only what the last watching could not take, as after `artui watch --once`: none is
        # looked at, so that what else stands there is old.
        for row in rules.every(db):
            left = row.left if row.state is RuleState.ENDED and now - row.since < LEFT_FOR else {}
            for reason, one in left.items():
                facts = {"names": ", ".join(one.newest), "what": reason}
                yield Condition(Code.LEFT, row.name, row.since, one.count, facts, is_grave=False)
        return
    known = {row.name: row for row in rules.every(db) if row.state != RuleState.ENDED}
    for name in written:
        if name not in known:
            yield Condition(Code.NOT_WATCHED, name, count=1)
    for row in known.values():
        yield from _of_rule(db, row, config.timezone, now, away_for)


_OF_STATE: Mapping[RuleState, Code] = {
    RuleState.OFFLINE: Code.OFFLINE,
    RuleState.FOREIGN: Code.FOREIGN,
    RuleState.HELD: Code.RULE_HELD,
}


def _of_rule(db: Connection, row: RuleRow, zone: dt.tzinfo, now: float, away_for: float) -> Iterator[Condition]:
    if row.paused:
        yield Condition(Code.PAUSED, row.name, facts={"what": "rule"})
    elif code := _OF_STATE.get(row.state):
        yield Condition(code, row.name, row.since, facts={"message": row.message, "cause": str(row.cause or "")})
    elif row.state is RuleState.NEW and now - row.since > LOOKED_AT_WITHIN:
        yield Condition(Code.NOT_WATCHED, row.name, row.since, 1)
    elif row.state is RuleState.WAITS and now - row.since > away_for:
        yield Condition(Code.RULE_WAITS, row.name, row.since, facts={"message": row.message})
    if row.state is RuleState.WATCHING and row.cause is RuleCause.DEAF:
        yield Condition(Code.INOTIFY, row.name, row.since, facts={"message": row.message}, is_grave=False)
    if unreadable := row.not_taken.get(Skip.UNREADABLE):
        facts = {"names": ", ".join(unreadable.newest)}
        yield Condition(Code.UNREADABLE, row.name, count=unreadable.count, facts=facts)
    day = accounts.day(db, row.account, accounts.day_of(now, zone))
    for cap in caps.of_rule(row, rules.spent(db, row.id, row.account, day), day):
        yield from _of_cap(row.name, cap, day)


def _of_cap(subject: str, cap: caps.Cap, day: str) -> Iterator[Condition]:
    if level := cap.level:
        facts: dict[str, Any] = {"cap": cap.kind, "level": level, "spent": cap.spent, "limit": cap.limit}
        facts["period"] = cap.period(day)
        yield Condition(Code.CAP, subject, count=level, facts=facts, is_grave=level >= 100 * FULL)


def _of_account(
    db: Connection, account: AccountConfig, zone: dt.tzinfo, now: float, away_for: float
) -> Iterator[Condition]:
    state, name = accounts.state(db, account.name), account.name
    if state.away_since is not None and now - state.away_since > away_for:
        yield Condition(Code.SERVICE_AWAY, name, state.away_since, facts={"message": state.away_why})
    if state.held:
        code = {Reason.LOGIN: Code.SIGN_IN, Reason.PAUSED: Code.PAUSED}.get(Reason(state.held), Code.ACCOUNT_HELD)
        yield Condition(code, name, facts={"what": "account", "reason": state.held, "message": state.message})
    needing = window.overview(db, window.Filter(account=name)).count(Group.NEEDS)
    if needing:
        yield Condition(Code.NEEDS_YOU, name, count=needing)
    cost = quote(db, name, account.caps, None, (), zone)
    day = accounts.day(db, name, accounts.day_of(now, zone))
    for bound in cost.bounds:
        yield from _of_cap(name, bound.cap, day)
    if account.low is not None and cost.balance is not None and cost.balance < account.low:
        facts: dict[str, Any] = {"left": cost.balance, "low": account.low}
        if spent := purchases.spent_a_day(db, name, PACE_OF):
            facts["days"] = max(0, int(cost.balance / spent))
        yield Condition(Code.CREDITS_LOW, name, facts=facts, is_grave=False)


_under_way: set[Path] = set()
"""The places that are asked just now; one that hangs stays here, and is not asked a second time."""


def _asked(place: Path) -> tuple[Path, int, os.statvfs_result] | None:
    """The nearest folder that there is, its device, and the room on it; None where the disk does not answer, as a share
    whose server is gone. Raises OSError."""
    if place in _under_way:
        return None
    answers: SimpleQueue[tuple[Path, int, os.statvfs_result] | OSError] = SimpleQueue()

    def ask() -> None:
        try:
            there = next(one for one in (place, *place.parents) if one.exists())
            answers.put((there, there.stat().st_dev, os.statvfs(there)))
        except OSError as problem:
            answers.put(problem)
        finally:
            _under_way.discard(place)

    _under_way.add(place)
    # A daemon: one that hangs in the kernel must not keep the command from ending.
    Thread(target=ask, name=f"room at {place}", daemon=True).start()
    try:
        answer = answers.get(timeout=ANSWERS_WITHIN)
    except Empty:
        return None
    if isinstance(answer, OSError):
        raise answer
    return answer


def _of_disks(config: Config) -> Iterator[Condition]:
    """The disks of the journal, of the watched folders and of their results; each once."""
    places = [config.paths.state]
    for rule in config.watch:
        folders = (str(rule.get(word, "")) for word in ("folder", "output"))
        places += [Path(os.path.abspath(folder.partition("{")[0])) for folder in folders if folder]  # noqa: PTH100
    seen = set()
    for place in places:
        with suppress(OSError):
            if (answer := _asked(place)) is None:
                continue
            there, device, disk = answer
            used = disk.f_blocks - disk.f_bfree
            size = used + disk.f_bavail  # as df counts: what is kept for root is nobody's
            if device in seen or not size:  # by device: several folders may lie on one disk
                continue
            seen.add(device)
            if used > FULL * size:
                facts: dict[str, Any] = {"free": disk.f_bavail * disk.f_frsize, "used": 100 * used // size}
                yield Condition(Code.DISK, str(there), facts=facts)
