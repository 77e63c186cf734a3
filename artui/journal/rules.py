"""Watched folders in the journal: the state of each rule, by its id; the rules themselves stand in the TOML files.

What the engine must know of a rule (its caps, what becomes of twins) is copied here when the rule is loaded, so that it
holds for the rule's photos in every engine. Every function runs inside one transaction of
:class:`artui.journal.store.Journal`.
"""

from __future__ import annotations

import datetime as dt
import json
import os
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, NamedTuple

from artui.journal import accounts, prices, purchases, requests
from artui.journal.requests import Request
from artui.journal.store import Connection, Stale, first, rows, storable, value
from artui.model.commands import Command
from artui.model.states import BEFORE_PAYING, Reason, Status
from artui.model.watching import RuleCause, Skip

if TYPE_CHECKING:
    from artui.model.job import Job

KEPT_HAPPENINGS = 1000
"""How many lines of a rule's log are kept."""


class RuleState(StrEnum):
    """What a rule is doing.

    ``new``: not looked at yet. ``offline``: the folder is not there, or not the one that was watched. ``foreign``:
    another artui or rule has marked the folder. ``waits``: the service could not be asked yet what the workflow costs.
    ``held``: a person must say yes (``message`` says to what). A pause is kept beside these.
    """

    NEW = "new"
    WATCHING = "watching"
    OFFLINE = "offline"
    FOREIGN = "foreign"
    WAITS = "waits"
    HELD = "held"
    ENDED = "ended"


HOLDS = (RuleState.HELD, RuleState.OFFLINE, RuleState.FOREIGN)
"""What a person's yes ends."""


class RuleRow(NamedTuple):
    """A rule as the journal knows it; times are epoch seconds, money in the account's unit.

    ``since``: when it came into ``state``; ``cause``: why it takes nothing, where that is known. ``marked``: the folder
    in which its marker was left, None where it could not be. ``begun``: its first scan is complete, what came later is
    new. ``agreed``: a person said yes to what holds it. ``offer``: payer and workflows as they were pinned, JSON.
    ``allowed``: credits allowed beyond the caps on ``allowed_day``. ``not_taken``: of the last scan, by reason, how
    many files and some names. ``output_mount``: where the disk is mounted that its results go to, None until that was
    looked at. ``follows``: the id of the rule whose results it takes.
    """

    id: str
    name: str
    folder: Path
    account: str
    run: int | None
    day: int | None
    month: int | None
    twins: str
    state: RuleState
    cause: RuleCause | None
    message: str
    since: float
    paused: bool
    agreed: bool
    marked: Path | None
    begun: bool
    offer: str
    allowed: int
    allowed_day: str
    not_taken: Mapping[str, SkipCount] = MappingProxyType({})
    output_mount: Path | None = None
    follows: str = ""

    @property
    def left(self) -> dict[str, SkipCount]:
        """The files that are no whole photos yet, or cannot be read, by the reason: they stay where they are."""
        return {one: self.not_taken[one] for one in (Skip.NOT_WHOLE, Skip.UNREADABLE) if one in self.not_taken}

    @property
    def workflows(self) -> list[tuple[str, int | None]]:
        """Name and price of each workflow as they were pinned."""
        return [(one["name"], one["price"]) for one in pinned(self.offer).get("definitions", [])]

    @property
    def price(self) -> int | None:
        """What one photo costs through all of them; None where that is not known."""
        return prices.together(price for _, price in self.workflows) if self.offer else None

    def allowed_on(self, day: str) -> int:
        """The credits allowed beyond the caps on a day."""
        return self.allowed if self.allowed_day == day else 0


def pinned(offer: str) -> dict[str, Any]:
    """What was pinned for a rule, as its ``offer`` has it; before a rule could have several workflows it was one."""
    kept: dict[str, Any] = json.loads(offer or "{}")
    if "definition" in kept:
        kept |= {"workflows": [kept.pop("workflow")], "definitions": [kept.pop("definition")]}
    return kept


@dataclass(frozen=True, slots=True)
class SkipCount:
    """Files that were not taken for one reason: how many, and the newest names."""

    count: int
    newest: tuple[str, ...]


class Happening(NamedTuple):
    """One line of a rule's log. ``what`` is a short stable word, ``message`` a sentence."""

    seq: int
    rule: str
    at: float
    what: str
    message: str


_COLUMNS = (
    "id", "name", "folder", "account", "run", "day", "month", "twins", "state", "cause", "message", "since", "paused",
    "agreed", "marked", "begun", "offer", "allowed", "allowed_day", "not_taken",
    "output_mount", "follows",
)  # fmt: skip


def _row(columns: Sequence[Any]) -> RuleRow:
    values = dict(zip(_COLUMNS, columns, strict=True))
    marked, mount = values["marked"], values["output_mount"]
    return RuleRow(
        **{
            **values,
            "folder": Path(os.fsdecode(values["folder"])),
            "state": RuleState(values["state"]),
            "cause": RuleCause(values["cause"]) if values["cause"] else None,
            "paused": bool(values["paused"]),
            "agreed": bool(values["agreed"]),
            "begun": bool(values["begun"]),
            "marked": None if marked is None else Path(os.fsdecode(marked)),
            "output_mount": None if mount is None else Path(os.fsdecode(mount)),
            "not_taken": {
                reason: SkipCount(count, tuple(newest))
                for reason, (count, newest) in json.loads(values["not_taken"]).items()
            },
        }
    )


def get(db: Connection, rule: str) -> RuleRow | None:
    """The state of one rule; None where it was never loaded."""
    found = first(db, f"SELECT {', '.join(_COLUMNS)} FROM rules WHERE id = ?", (rule,))
    return _row(found) if found else None


def permissions(db: Connection, rule: str) -> tuple[str, str] | None:
    """Mode and group that results of a rule get, empty where it says none; None for a rule that was never loaded."""
    found = first(db, "SELECT file_mode, file_group FROM rules WHERE id = ?", (rule,))
    return None if found is None else (found[0], found[1])


def output_mount(db: Connection, rule: str) -> Path | None:
    """Where the disk is mounted that a rule's results go to; None where nobody has looked."""
    found = first(db, "SELECT output_mount FROM rules WHERE id = ? AND output_mount IS NOT NULL", (rule,))
    return None if found is None else Path(os.fsdecode(found[0]))


def set_output_mount(db: Connection, rule: str, mount: Path) -> None:
    """Remember where the disk is mounted that a rule's results go to."""
    db.execute("UPDATE rules SET output_mount = ? WHERE id = ?", (os.fsencode(mount), rule))


def is_paused(db: Connection, rule: str) -> bool:
    """Whether a person has paused a rule; a rule that was never loaded is not, nor is the empty one of other photos."""
    return first(db, "SELECT 1 FROM rules WHERE id = ? AND paused", (rule,)) is not None


def row(db: Connection, rule: str) -> RuleRow:
    """The state of a rule that was loaded; :class:`artui.journal.Stale` where it was not."""
    found = get(db, rule)
    if found is None:
        raise Stale(f"the rule {rule} was never loaded")
    return found


def every(db: Connection) -> list[RuleRow]:
    """All rules ever loaded, by name."""
    return [_row(found) for found in rows(db, f"SELECT {', '.join(_COLUMNS)} FROM rules ORDER BY name")]


def load(
    db: Connection, rule: str, *, name: str, folder: Path, account: str, run: int | None, day: int | None,
    month: int | None, twins: str, file_mode: str = "", file_group: str = "", after_saved: Sequence[str] = (),
    deliver: str = "saved", hours: str = "", follows: str = "",
) -> RuleRow:  # fmt: skip
    """Note a rule as it is defined now; what is known of it stays."""
    given = {
        "name": storable(name), "folder": os.fsencode(folder), "account": account, "run": run, "day": day,
        "month": month, "twins": twins, "file_mode": file_mode, "file_group": storable(file_group),
        "after_saved": json.dumps(after_saved), "deliver": deliver, "hours": hours, "follows": follows,
    }  # fmt: skip
    db.execute(
        f"INSERT INTO rules (id, {', '.join(given)}, since) VALUES (?, {', '.join('?' * len(given))}, ?)"
        f" ON CONFLICT (id) DO UPDATE SET {', '.join(f'{column} = excluded.{column}' for column in given)}",
        (rule, *given.values(), time.time()),
    )
    look_at_hours(db, "rule", rule)
    return _row(rows(db, f"SELECT {', '.join(_COLUMNS)} FROM rules WHERE id = ?", (rule,))[0])


def look_at_hours(db: Connection, column: str, value: str) -> None:
    """Look now at what waits for the hours of a rule or an account: they may be set otherwise."""
    db.execute(
        f"UPDATE jobs SET due = 0 WHERE status = 'waiting' AND reason = ? AND {column} = ?", (Reason.HOURS, value)
    )


def hours(db: Connection, rule: str) -> str | None:
    """The hours in which a rule's photos are sent, empty where it says none; None for one that was never loaded."""
    found = first(db, "SELECT hours FROM rules WHERE id = ?", (rule,))
    return None if found is None else found[0]


def opens(db: Connection, rule: str, zone: dt.tzinfo) -> float | None:
    """When the hours of a rule begin next in a zone, in epoch seconds; None where it has none, or within them."""
    if not (written := hours(db, rule)):
        return None
    from artui.config.hours import opening  # only where any are set

    return opening(written, time.time(), zone)


def set_state(db: Connection, rule: str, state: RuleState, message: str = "", cause: RuleCause | None = None) -> bool:
    """Say what a rule is doing, and why where it takes nothing; returns whether that is news, which is logged."""
    changed = first(
        db,
        "UPDATE rules SET since = iif(state = ?2, since, ?4), state = ?2, message = ?3, cause = ?5 WHERE id = ?1"
        " AND (state <> ?2 OR message <> ?3 OR cause <> ?5) RETURNING 1",
        (rule, state, storable(message), time.time(), cause or ""),
    )
    if changed:
        log(db, rule, state, message)
    return changed is not None


def end_others(db: Connection, wanted: Sequence[str]) -> None:
    """Say that all other rules are not watched: an engine that was killed could not."""
    for one in every(db):
        if one.id not in wanted and one.state is not RuleState.ENDED:
            set_state(db, one.id, RuleState.ENDED, "no engine watches it")


def set_marked(db: Connection, rule: str, folder: Path | None) -> None:
    """Remember the folder that holds the rule's marker; None where it cannot hold one."""
    db.execute("UPDATE rules SET marked = ? WHERE id = ?", (folder and os.fsencode(folder), rule))


def set_offer(db: Connection, rule: str, offer: str) -> bool:
    """Pin payer, workflow, version and price; returns whether that is news."""
    db.execute("UPDATE rules SET offer = ? WHERE id = ? AND offer <> ?", (offer, rule, offer))
    return db.changes() > 0


def scanned(db: Connection, rule: str, not_taken: Mapping[str, SkipCount]) -> None:
    """Note that everything a complete scan found was dealt with, but for these: what comes later is new, and a yes
    that was given is used up."""
    set_not_taken(db, rule, not_taken)
    db.execute("UPDATE rules SET begun = 1, agreed = 0 WHERE id = ?", (rule,))


def forget_yes(db: Connection, rule: str) -> None:
    """Take a person's yes back: what it was given to is not what holds the rule now."""
    db.execute("UPDATE rules SET agreed = 0 WHERE id = ?", (rule,))


def set_not_taken(db: Connection, rule: str, not_taken: Mapping[str, SkipCount]) -> None:
    """Note what a scan did not take."""
    text = {reason: [one.count, [storable(name) for name in one.newest]] for reason, one in not_taken.items()}
    db.execute("UPDATE rules SET not_taken = ? WHERE id = ?", (json.dumps(text), rule))


def log(db: Connection, rule: str, what: str, message: str) -> None:
    """Add a line to a rule's log, and drop those that are too old."""
    db.execute(
        "INSERT INTO happenings (rule, at, what, message) VALUES (?, ?, ?, ?)",
        (rule, time.time(), what, storable(message)),
    )
    seq = db.last_insert_rowid()
    if seq % 100 == 0:  # now and then is enough: nobody minds some lines more
        db.execute(
            "DELETE FROM happenings WHERE rule = ?1 AND seq <= (SELECT seq FROM happenings WHERE rule = ?1"
            " ORDER BY seq DESC LIMIT 1 OFFSET ?2)",
            (rule, KEPT_HAPPENINGS),
        )


def happenings(db: Connection, rule: str, most: int = 200) -> list[Happening]:
    """The newest lines of a rule's log, newest first."""
    found = rows(
        db, "SELECT seq, rule, at, what, message FROM happenings WHERE rule = ? ORDER BY seq DESC LIMIT ?", (rule, most)
    )
    return [Happening(*one) for one in found]


# ------------------------------------------------------------------------------------------------- counts and costs


class JobCounts(NamedTuple):
    """The jobs of a rule by how they stand. ``on_the_way``: queued, at the service, or on their way back."""

    on_the_way: int = 0
    held: int = 0
    done: int = 0
    skipped: int = 0
    failed: int = 0
    cancelled: int = 0


def counts(db: Connection, rule: str) -> JobCounts:
    """How many jobs of a rule stand how."""
    found: dict[str, int] = dict(
        rows(
            db,
            "SELECT iif(status IN ('ready', 'running', 'waiting'), 'on_the_way', status), COUNT(*) FROM jobs"
            " WHERE rule = ? AND rule <> '' GROUP BY 1",
            (rule,),
        )
    )
    return JobCounts(**found)


class RuleSpent(NamedTuple):
    """What a rule has spent: ``open`` is reserved and not yet charged, ``day`` and ``month`` are charged in them (both
    without what is open), ``run`` is everything."""

    open: int
    day: int
    month: int
    run: int

    @property
    def today(self) -> int:
        """What today's cap sees as spent: charged today, and all that is not charged yet."""
        return self.day + self.open

    @property
    def this_month(self) -> int:
        """What this month's cap sees as spent."""
        return self.month + self.open


def spent(db: Connection, rule: str, account: str, day: str) -> RuleSpent:
    """The sums of a rule on a day (``YYYY-MM-DD``) and in its month.

    What was found at the service and is nobody's counts in each rule of the account until its photo turns up: it may
    have been this rule's.
    """
    periods = {"rule open": rule, "rule day": f"{rule} {day}", "rule month": f"{rule} {day[:7]}", "rule": rule}
    sums = purchases.amounts(db, account, periods)
    found = purchases.of_nobody(db, account)
    in_the_open = sum(amount for is_open, _, amount in found if is_open)
    settled = [(made, amount) for is_open, made, amount in found if not is_open]
    return RuleSpent(
        open=sums["rule open"] + in_the_open,
        day=sums["rule day"] + sum(amount for made, amount in settled if made == day),
        month=sums["rule month"] + sum(amount for made, amount in settled if made[:7] == day[:7]),
        run=sums["rule"] + in_the_open + sum(amount for _, amount in settled),
    )


def waiting(db: Connection, rule: str, reason: Reason) -> list[Job]:
    """The photos of a rule that are held, unpaid, for this reason."""
    from artui.journal import jobs

    marks = ", ".join("?" * len(BEFORE_PAYING))
    return jobs.select(
        db,
        f"rule = ? AND rule <> '' AND status = 'held' AND reason = ? AND stage IN ({marks}) ORDER BY id",
        (rule, reason, *BEFORE_PAYING),
    )


# --------------------------------------------------------------------------------------------- what a person decides


Decide = Callable[[Connection, RuleRow, Request, str], str]
"""A decision about a rule on a day: changes it and returns what is said of that."""


def carry_out(db: Connection, request: Request, decide: Decide, day: str) -> None:
    """Carry out :func:`pause`, :func:`resume` or :func:`allow` and mark the request done, or refuse it.

    The arguments are ``rule`` (its id) and, for ``allow``, ``amount`` in the account's unit; ``day`` is today.
    """
    row = get(db, str(request.arguments.get("rule", "")))
    if row is None:
        requests.finish(db, request, "no rule of this name was ever watched", refused=True)
        return
    if request.command is Command.RESUME_RULE and (why := nothing_to_resume(row)):
        requests.finish(db, request, why, refused=True)
        return
    message = decide(db, row, request, accounts.day(db, row.account, day))
    log(db, row.id, request.what, message)
    requests.finish(db, request, message)


def nothing_to_resume(row: RuleRow) -> str:
    """Why a yes to a rule would change nothing now: nobody watches its folder, and so nothing asks for one; empty where
    it would."""
    if row.paused or row.state is not RuleState.ENDED:
        return ""
    return (
        f"no `artui watch` runs, so the rule {row.name} waits for no yes now: start `artui watch`; while it runs,"
        f" `artui resume --rule {row.name}` says yes to what it finds in its way"
    )


def pause(db: Connection, row: RuleRow, request: Request, day: str) -> str:
    """Take and send nothing new of a rule until it is resumed."""
    del request, day
    db.execute("UPDATE rules SET paused = 1 WHERE id = ?", (row.id,))
    return f"the rule {row.name} is paused: nothing new is taken or sent; what is bought is fetched"


def resume(db: Connection, row: RuleRow, request: Request, day: str) -> str:
    """End a pause, or say yes to what holds the rule. What waits behind a sample goes on by a yes of its own only."""
    from artui.journal import jobs

    del request, day
    agreed = not row.paused and row.state in HOLDS  # the end of a pause is no yes to what else may hold it
    db.execute("UPDATE rules SET paused = 0, agreed = ? WHERE id = ?", (agreed, row.id))
    for job in waiting(db, row.id, Reason.PAUSED):
        jobs.move(db, job, job.stage, Status.READY, "goes on", message="resumed by a person")
    asked = len(waiting(db, row.id, Reason.SAMPLE))
    behind = f"; {asked} behind its sample wait for a yes of their own" if asked else ""
    when = " as soon as `artui watch` runs" if row.state is RuleState.ENDED else ""
    return f"the rule {row.name} goes on{when}{behind}"


def allow(db: Connection, row: RuleRow, request: Request, day: str) -> str:
    """Let a rule spend ``amount`` more than its caps until the day is over."""
    amount = max(0, int(request.arguments.get("amount", 0)))
    db.execute(
        "UPDATE rules SET allowed = ?, allowed_day = ? WHERE id = ?", (row.allowed_on(day) + amount, day, row.id)
    )
    total = value(db, "SELECT allowed FROM rules WHERE id = ?", (row.id,))
    return f"the rule {row.name} may spend {amount} more until midnight ({total} beyond its caps in all today)"
