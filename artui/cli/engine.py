"""``artui status`` and ``stop``: the one process that moves jobs, how the jobs stand, and the end of it."""

from __future__ import annotations

import textwrap
import time
from collections.abc import Iterator
from dataclasses import asdict
from typing import TYPE_CHECKING, Any

import click

from artui.cli.exits import Exit, Trouble
from artui.cli.options import AS_JSON
from artui.cli.session import Session
from artui.cli.terminal import money, put, put_json, say
from artui.shown import shown

if TYPE_CHECKING:
    from artui.background import Alive
    from artui.journal import Connection, Journal

STOP_PATIENCE = 150.0
"""Seconds an engine may take to end: a paid call under way is awaited up to its read time-out."""


@click.command("status")
@AS_JSON
@click.pass_obj
def status_command(session: Session, *, as_json: bool) -> Exit:
    """Show whether an engine runs, how the jobs stand, and what waits for you."""
    from artui.background import look

    with session.journal() as journal:
        alive = look(session.paths, journal)
        document = _status(session, journal, alive)
    if as_json:
        put_json(document)
    else:
        for line in _status_lines(document):
            put(line)
    return Exit.LOCKED if alive is not None and alive.stale else Exit.OK


def _status(session: Session, journal: Journal, alive: Alive | None) -> dict[str, Any]:
    from artui import transfers
    from artui.journal import history

    counts = journal.read(history.counts)
    running = transfers.read(session.paths.transfers) if alive else {}
    return {
        "engine": alive and {**asdict(alive.row), "stale": alive.stale},
        "jobs": [{"status": one.status, "reason": one.reason, "number": one.number} for one in counts],
        "money": asdict(journal.read(history.sums)),
        "accounts": [journal.read(_account, name) for name in session.config.accounts],
        "transfers": {way: sum(one.way == way for one in running.values()) for way in ("up", "down")},
    }


def _account(db: Connection, name: str) -> dict[str, Any]:
    """How an account stands; ``left`` is its last balance less what was bought since."""
    from artui.journal import accounts, purchases

    state = accounts.state(db, name)
    left = None
    if state.balance is not None and state.balance_at is not None:
        left = state.balance - purchases.not_in_balance(db, name, state.balance_at)
    return {
        "name": name,
        "held": state.held,
        "message": state.message,
        "balance": state.balance,
        "balance_at": state.balance_at,
        "left": left,
    }


def _status_lines(status: dict[str, Any]) -> Iterator[str]:
    """The status for a person: at most 60 cells wide and 18 lines high."""
    for line in _sentences(status):
        yield from textwrap.wrap(shown(line), _WIDTH, subsequent_indent="  ")


_WIDTH, _MOST_HELD, _MOST_ACCOUNTS = 60, 4, 3


def _sentences(status: dict[str, Any]) -> Iterator[str]:
    from artui.cli.following import totals
    from artui.job import Status
    from artui.journal.history import Count

    yield _engine_line(status["engine"])
    counts = [Count(Status(one["status"]), one["reason"], one["number"]) for one in status["jobs"]]
    if not counts:
        yield "No jobs yet. `artui submit` sends photos."
        return
    yield f"{sum(count.number for count in counts):,} jobs: {totals(counts)}"
    yield _money_line(status["money"])
    held = sorted((one for one in counts if one.status is Status.HELD), key=lambda one: -one.number)
    for one in held[:_MOST_HELD]:
        yield f"! {one.number:,} held: {one.reason}"
    if held:
        yield "`artui jobs --status held` lists what is held."
    for account in status["accounts"][:_MOST_ACCOUNTS]:
        state = f"held: {account['held']}" if account["held"] else "ready"
        yield f"{shown(account['name'], 14)}: {state}, {money(account['left'])} left"
    moving = status["transfers"]
    if any(moving.values()):
        yield f"now: {moving['up']} up, {moving['down']} down"


def _money_line(sums: dict[str, int]) -> str:
    parts = {"charged": sums["charged"], "sent": sums["open"], "to come": sums["to_come"]}
    parts["unspent"] = sums["quoted"] - sum(parts.values())
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
    from artui.background import lock_is_held, look
    from artui.journal import requests

    if not lock_is_held(session.paths):
        say("No engine is running.")
        return Exit.OK
    with session.journal() as journal:
        alive = look(session.paths, journal)
        if alive is None:
            say("No engine is running.")
            return Exit.OK
        if alive.stale:
            raise Trouble(
                Exit.LOCKED,
                f"{_engine_line({**asdict(alive.row), 'stale': True})} `kill -CONT {alive.row.pid}` wakes it.",
            )
        number = journal.write(lambda db: requests.leave(db, "stop"))
        deadline = time.monotonic() + STOP_PATIENCE
        while lock_is_held(session.paths):
            if time.monotonic() > deadline:
                raise Trouble(
                    Exit.LOCKED, f"The engine (process {alive.row.pid}) still ends; a paid call is under way."
                )
            time.sleep(0.1)
        journal.write(_withdraw, number)
    say(f"The engine (process {alive.row.pid}) has ended.")
    return Exit.OK


def _withdraw(db: Connection, number: int) -> None:
    """Take a request back that no engine has answered: the next one must not end by it."""
    from artui.journal import requests

    for request in requests.waiting(db):
        if request.id == number:
            requests.finish(db, request, "the engine had ended by then")
