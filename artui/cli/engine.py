"""``artui status`` and ``stop``: the one process that moves jobs, how the jobs stand, and the end of it."""

from __future__ import annotations

import datetime as dt
import textwrap
import time
from collections.abc import Iterator, Sequence
from dataclasses import asdict
from typing import TYPE_CHECKING, Any

import click

from artui.cli.exits import Exit
from artui.cli.options import AS_JSON
from artui.cli.session import Session
from artui.cli.streams import go_on
from artui.cli.terminal import money, put, put_json, say
from artui.sanitize import sanitize

if TYPE_CHECKING:
    from artui.config import AccountConfig
    from artui.engine.client import EngineStatus
    from artui.journal import Connection, Journal


@click.command("status")
@AS_JSON
@click.pass_obj
def status_command(session: Session, *, as_json: bool) -> Exit:
    """Show whether an engine runs, how the jobs stand, and what waits for you."""
    from artui.cli.rules import names_written, standings
    from artui.engine.client import WATCH, find_engine

    with session.journal() as journal:
        alive = find_engine(session.paths, journal)
        document = _status(session, journal, alive)
        at_work = alive is not None and alive.row.mode == WATCH
        written = names_written(session.config)
        watched = journal.read(standings, session.config.timezone, written, watched=at_work)
    if as_json:
        put_json({**document, "rules": [one.document() for one in watched]})
    else:
        for line in _status_lines(document, [one.line() for one in watched]):
            put(line)
    return Exit.LOCKED if alive is not None and alive.stale else Exit.OK


def _status(session: Session, journal: Journal, alive: EngineStatus | None) -> dict[str, Any]:
    from artui.journal import history, progress, window

    counts = journal.read(history.counts)
    money_of = journal.read(window.overview, window.Filter()).totals
    running = progress.read(session.paths.transfers) if alive else {}
    return {
        "engine": alive and {**asdict(alive.row), "stale": alive.stale},
        "jobs": [{"status": one.status, "reason": one.reason, "number": one.number} for one in counts],
        "money": {
            name: {**asdict(totals), "unspent": totals.unspent, "lost": journal.read(window.lost, name)}
            for name, totals in money_of.items()
        },
        "accounts": [journal.read(_account, one, session.config.timezone) for one in session.config.accounts.values()],
        "transfers": {way: sum(one.way == way for one in running.values()) for way in ("up", "down")},
    }


def _account(db: Connection, account: AccountConfig, zone: dt.tzinfo) -> dict[str, Any]:
    """How an account stands; ``left`` is its last balance less what was bought since."""
    from artui.core.quote import quote
    from artui.journal import accounts

    state, cost = accounts.state(db, account.name), quote(db, account.name, account.caps, None, (), zone)
    return {
        "name": account.name,
        "held": state.held,
        "message": state.message,
        "balance": state.balance,
        "balance_at": state.balance_at,
        "balance_reason": state.balance_unknown,
        "left": cost.balance,
        "today": cost.today,
        "caps": cost.cap_documents(),
    }


def _status_lines(status: dict[str, Any], rules: Sequence[str] = ()) -> Iterator[str]:
    """The status for a person: at most 60 cells wide and 18 lines high."""
    for line in _sentences(status, rules):
        yield from textwrap.wrap(sanitize(line), _WIDTH, subsequent_indent="  ")


_WIDTH, _MOST_HELD, _MOST_ACCOUNTS, _MOST_RULES = 60, 2, 2, 3


def _sentences(status: dict[str, Any], rules: Sequence[str]) -> Iterator[str]:
    from artui.cli.tally import totals
    from artui.journal.history import Count
    from artui.model.states import Status, worded

    yield _engine_line(status["engine"])
    for line in rules[:_MOST_RULES]:
        yield sanitize(line, _WIDTH)
    if len(rules) > _MOST_RULES:
        yield f"and {len(rules) - _MOST_RULES:,} more watched folders"
    counts = [Count(Status(one["status"]), one["reason"], one["number"]) for one in status["jobs"]]
    if not counts:
        yield "No jobs yet. `artui submit` sends photos."
        return
    yield f"{sum(count.number for count in counts):,} jobs: {totals(counts)}"
    yield from _money_lines(status["money"])
    held = sorted((one for one in counts if one.status is Status.HELD), key=lambda one: -one.number)
    for one in held[:_MOST_HELD]:
        yield f"! {one.number:,} held: {worded(one.reason)}"
    if held:
        yield "`artui jobs --status held` lists what is held."
    for account in status["accounts"][:_MOST_ACCOUNTS]:
        state = f"held: {account['held']}" if account["held"] else "ready"
        unknown = account["balance_reason"]
        left = f"balance unknown: {sanitize(unknown, 60)}" if unknown else f"{money(account['left'])} left"
        yield f"{sanitize(account['name'], 14)}: {state}, {left}"
    moving = status["transfers"]
    if any(moving.values()):
        yield f"now: {moving['up']} up, {moving['down']} down"


def _money_lines(money: dict[str, dict[str, int]]) -> Iterator[str]:
    """What was spent; each account by itself where there are several, for no sum goes over several units."""
    if len(money) == 1:
        yield from map(_money_line, money.values())
        return
    for name, sums in list(money.items())[:_MOST_ACCOUNTS]:
        yield f"{sanitize(name, 14)}: {sums['charged']:,} charged, {sums['sent'] + sums['to_come']:,} moving"


def _money_line(sums: dict[str, int]) -> str:
    parts = {name: sums[name.replace(" ", "_")] for name in ("charged", "sent", "to come", "unspent")}
    said = " + ".join(f"{name} {amount:,}" for name, amount in parts.items() if amount)
    lost = f"; counted as spent, found nowhere: {sums['lost']:,}" if sums["lost"] else ""
    return f"quoted {sums['quoted']:,} = {said or 'nothing yet'}{lost}"


def _engine_line(row: dict[str, Any] | None) -> str:
    if row is None:
        return "No engine runs; submit, wait or retry starts one."
    if row["stale"]:
        silent = time.time() - row["heartbeat"]
        return f"The engine (process {row['pid']}) has been silent for {silent:,.0f} s: suspended?"
    since = time.strftime("%d %b %H:%M", time.localtime(row["started_at"]))
    state = row["mode"] if row["state"] == "running" else row["state"]
    return f"Engine: process {row['pid']}, {state}, since {since}"


@click.command("stop")
@click.pass_obj
def stop_command(session: Session) -> Exit:
    """End the engine in order: what runs reaches its next safe point, nothing new is begun."""
    from artui.engine.anchor import Displaced
    from artui.engine.client import end_by_signal, stop_engine
    from artui.engine.lock import lock_is_held

    pid = None
    if lock_is_held(session.paths):
        try:
            with session.journal() as journal:
                ended = stop_engine(session.paths, journal)
                pid = ended.pid if ended else None
        except Displaced:  # another journal was put there under it, which it does not read
            pid = end_by_signal(session.paths)
    said = "No engine is running." if pid is None else f"The engine (process {pid}) has ended."
    go_on(said)
    say(said)
    return Exit.OK
