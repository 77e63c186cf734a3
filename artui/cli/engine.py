"""``artui status`` and ``stop``: the one process that moves jobs, how the jobs stand, and the end of it."""

from __future__ import annotations

import datetime as dt
import time
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Any

import click

from artui.cli.exits import Exit
from artui.cli.options import AS_JSON, DURATION
from artui.cli.session import Session
from artui.cli.streams import go_on
from artui.cli.terminal import counted, money, put, put_json, say
from artui.config.system import iso
from artui.sanitize import sanitize

if TYPE_CHECKING:
    from artui.cli.documents import AccountStanding, EngineDocument
    from artui.config import AccountConfig
    from artui.core.health import Condition
    from artui.engine.client import EngineStatus
    from artui.journal import Connection, Journal


@click.command("status")
@click.option("--check", is_flag=True, help="Say only what is wrong; exit 1 where anything is.")
@click.option(
    "--for", "away_for", type=DURATION, default="10m", show_default=True, metavar="TIME",
    help="How long a service may not answer before that is wrong: 90s, 10m, 2h.",
)  # fmt: skip
@AS_JSON
@click.pass_obj
def status_command(session: Session, *, check: bool, away_for: float, as_json: bool) -> Exit:
    """Show whether an engine runs, how the jobs stand, and what waits for you."""
    from artui.cli.rules import standings
    from artui.core.health import conditions, names_written
    from artui.engine.client import find_engine

    with session.journal() as journal:
        alive = find_engine(session.paths, journal)
        engine = None if alive is None else alive.health
        found = journal.read(conditions, session.config, engine, away_for=away_for)
        if check:
            return _check(found, session.config.timezone, as_json=as_json)
        document = _status(session, journal, alive)
        is_watching = engine is not None and engine.is_watching
        written = names_written(session.config)
        watched = journal.read(standings, session.config.timezone, written, watched=is_watching)
    if as_json:
        put_json(
            {
                **document,
                "rules": [one.document() for one in watched],
                "conditions": [one.document() for one in found],
            }
        )
    else:
        zone = session.config.timezone
        for line in _status_lines(document, [one.line() for one in watched], _told(found, zone), zone):
            put(line)
    return Exit.LOCKED if alive is not None and alive.stale else Exit.OK


def _check(found: Sequence[Condition], zone: dt.tzinfo, *, as_json: bool) -> Exit:
    """Say what is wrong, a line for each; what is only worth telling is no failure."""
    from artui.core.health_phrases import sentence

    grave = [one for one in found if one.is_grave]
    if as_json:
        put_json({"ok": not grave, "reasons": [one.document() | {"message": sentence(one, zone)} for one in grave]})
    else:
        for one in grave:
            put(f"{one.code}: {sanitize(sentence(one, zone))}")
    return Exit.FAILED if grave else Exit.OK


def _told(found: Sequence[Condition], zone: dt.tzinfo) -> list[str]:
    """What is wrong in a sentence each, but for what other lines of the status say."""
    from artui.core.health import Code

    elsewhere = (Code.CONFIG, Code.ENGINE_ABSENT, Code.ENGINE_SILENT, Code.NEEDS_YOU)
    telling = [one for one in found if one.code not in elsewhere]
    if not telling:
        return []
    from artui.core.health_phrases import sentence  # only where something is wrong: a status is to come at once

    return [sentence(one, zone) for one in telling]


def _status(session: Session, journal: Journal, alive: EngineStatus | None) -> dict[str, Any]:
    from artui.journal import history, window

    counts = journal.read(history.counts)
    money_of = journal.read(window.overview, window.Filter()).totals
    default_first = sorted(session.config.accounts.values(), key=lambda one: one.name != session.config.default_account)
    engine: EngineDocument | None = None
    transfers: list[str] = []
    if alive:
        from artui.journal import progress

        row, transfers = alive.row, [one.way for one in progress.read(session.paths.transfers).values()]
        engine = {
            "generation": row.generation, "pid": row.pid, "host": row.host, "mode": row.mode,
            "started_at": row.started_at, "started_at_iso": iso(row.started_at),
            "heartbeat": row.heartbeat, "heartbeat_iso": iso(row.heartbeat),
            "state": row.state, "version": row.version, "stale": alive.stale,
        }  # fmt: skip
    return {
        "engine": engine,
        "jobs": [{"status": one.status, "reason": one.reason, "number": one.number} for one in counts],
        "money": {
            name: {**totals._asdict(), "unspent": totals.unspent, "lost": journal.read(window.lost, name)}
            for name, totals in money_of.items()
        },
        "accounts": [journal.read(_account, one, session.config.timezone) for one in default_first],
        "transfers": {way: transfers.count(way) for way in ("up", "down")},
    }


def _account(db: Connection, account: AccountConfig, zone: dt.tzinfo) -> AccountStanding:
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
        "balance_at_iso": iso(state.balance_at),
        "balance_reason": state.balance_unknown,
        "away_since": state.away_since,
        "away_since_iso": iso(state.away_since),
        "rests_until": cost.rests_until,
        "rests_until_iso": iso(cost.rests_until),
        "left": cost.balance,
        "today": cost.today,
        "caps": cost.cap_documents(),
        "hours_begin": (begin := account.opens(time.time(), zone)),
        "hours_begin_iso": iso(begin),
    }


def _status_lines(
    status: dict[str, Any], rules: Sequence[str] = (), wrong: Sequence[str] = (), zone: dt.tzinfo = dt.UTC
) -> Iterator[str]:
    """The status for a person, at most 60 cells wide, ``wrong`` what is wrong."""
    for line in _sentences(status, rules, wrong, zone):
        told = sanitize(line)
        if len(told) <= _WIDTH:
            yield told
            continue
        from textwrap import wrap  # only for what is long: it takes longer to load than all of this

        yield from wrap(told, _WIDTH, subsequent_indent="  ")


_WIDTH, _MOST_HELD, _MOST_FOUND, _MOST_RULES = 60, 2, 4, 3


def _sentences(status: dict[str, Any], rules: Sequence[str], wrong: Sequence[str], zone: dt.tzinfo) -> Iterator[str]:
    from artui.cli.tally import totals
    from artui.journal.history import Count
    from artui.model.states import Status, worded

    yield _engine_line(status["engine"])
    yield from (f"! {line}" for line in wrong[:_MOST_FOUND])
    if len(wrong) > _MOST_FOUND:
        yield f"! and {len(wrong) - _MOST_FOUND:,} more: `artui status --check` says all"
    for line in rules[:_MOST_RULES]:
        yield sanitize(line, _WIDTH)
    if len(rules) > _MOST_RULES:
        yield f"and {len(rules) - _MOST_RULES:,} more watched folders"
    counts = [Count(Status(one["status"]), one["reason"], one["number"]) for one in status["jobs"]]
    if not counts:
        yield "No jobs yet. `artui submit` sends photos."
        return
    yield f"{counted(sum(count.number for count in counts), 'job')}: {totals(counts)}"
    yield from _money_lines(status["money"])
    held = sorted((one for one in counts if one.status is Status.HELD), key=lambda one: -one.number)
    for one in held[:_MOST_HELD]:
        yield f"! {one.number:,} held: {worded(one.reason)}"
    if held:
        yield "`artui jobs --status held` lists what is held."
    yield from _account_lines(status, zone)
    moving = status["transfers"]
    if any(moving.values()):
        yield f"now: {moving['up']} up, {moving['down']} down"


def _account_lines(status: dict[str, Any], zone: dt.tzinfo) -> Iterator[str]:
    """Each account that has something to tell, how far its caps are used, and when its hours begin."""
    for place, account in enumerate(status["accounts"]):
        stopped = account["held"] or account["away_since"] or account["rests_until"]
        if not place or account["name"] in status["money"] or stopped:
            state = f"held: {account['held']}" if account["held"] else "ready"
            if account["rests_until"] is not None:
                from artui.core.health_phrases import moment

                state = f"asks to wait until {moment(account['rests_until'], zone)}"
            if account["away_since"] is not None:
                state = "does not answer"
            unknown = account["balance_reason"]
            left = f"balance unknown: {sanitize(unknown, 60)}" if unknown else f"{money(account['left'])} left"
            yield f"{sanitize(account['name'], 14)}: {state}, {left}"
        used = [f"{cap['kind']} {cap['spent']:,} of {cap['limit']:,}" for cap in account["caps"]]
        if used:
            yield f"  {', '.join(used)}"
        if account["hours_begin"] is not None:
            from artui.core.health_phrases import opening

            yield f"  outside its hours: sends from {opening(account['hours_begin'], zone)} on"


def _money_lines(money: dict[str, dict[str, int]]) -> Iterator[str]:
    """What was spent; each account by itself where there are several, for no sum goes over several units."""
    if len(money) == 1:
        [sums] = money.values()
        parts = {name: sums[name.replace(" ", "_")] for name in ("charged", "sent", "to come", "unspent")}
        said = " + ".join(f"{name} {amount:,}" for name, amount in parts.items() if amount)
        lost = f"; counted as spent, found nowhere: {sums['lost']:,}" if sums["lost"] else ""
        yield f"quoted {sums['quoted']:,} = {said or 'nothing yet'}{lost}"
        return
    for name, sums in money.items():
        told = f"{sums['charged']:,} charged, {sums['sent']:,} sent, {sums['to_come']:,} to come"
        yield f"{sanitize(name, 14)}: {told}"


def _engine_line(row: dict[str, Any] | None) -> str:
    if row is None:
        return "No engine runs; submit, wait or retry starts one."
    if row["stale"]:
        silent = time.time() - row["heartbeat"]
        return f"The engine (process {row['pid']}) has been silent for {silent:,.0f} s: suspended, or it cannot write."
    since = time.strftime("%d %b %H:%M", time.localtime(row["started_at"]))
    state = row["mode"] if row["state"] == "running" else row["state"]
    return f"Engine: process {row['pid']}, {state}, since {since}"


@click.command("stop")
@AS_JSON
@click.pass_obj
def stop_command(session: Session, *, as_json: bool) -> Exit:
    """End the engine in order: what runs reaches its next safe point, nothing new is begun."""
    from artui.engine.client import end_by_signal, stop_engine
    from artui.engine.lock import AnotherEngine, lock_is_held

    pid = None
    if lock_is_held(session.paths):
        try:
            with session.journal() as journal:
                ended = stop_engine(session.paths, journal)
                pid = ended.pid if ended else None
        except AnotherEngine:
            raise
        except Exception:  # noqa: BLE001 — whatever is the matter with journal, disk or folders, a signal needs none
            pid = end_by_signal(session.paths)
    said = "No engine is running." if pid is None else f"The engine (process {pid}) has ended."
    go_on(said)
    if as_json:
        put_json({"ended": pid})
    else:
        say(said)
    return Exit.OK
