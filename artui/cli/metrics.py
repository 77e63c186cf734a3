"""``artui metrics``: how all stands as OpenMetrics text, for a node exporter's folder or any other collector."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

import click

from artui.cli.exits import CommandError, Exit
from artui.cli.session import Session
from artui.cli.terminal import put

if TYPE_CHECKING:
    from prometheus_client import CollectorRegistry

    from artui.engine.client import EngineStatus
    from artui.journal import Connection


@click.command("metrics")
@click.pass_obj
def metrics_command(session: Session) -> Exit:
    """Print jobs, money, caps, balances and what is wrong as OpenMetrics text."""
    try:
        from prometheus_client import CollectorRegistry
        from prometheus_client.openmetrics.exposition import generate_latest
    except ImportError:
        raise CommandError(Exit.USAGE, "metrics needs prometheus-client: pip install 'artui[metrics]'.") from None
    from artui.engine.client import find_engine

    registry = CollectorRegistry()
    with session.journal() as journal:
        alive = find_engine(session.paths, journal)
        journal.read(_collect, registry, session, alive)
    text: bytes = generate_latest(registry)  # type: ignore[no-untyped-call]
    for line in text.decode().splitlines():
        put(line)
    return Exit.OK


def _collect(db: Connection, registry: CollectorRegistry, session: Session, alive: EngineStatus | None) -> None:
    from prometheus_client import Gauge

    from artui.core.health import Code, conditions
    from artui.core.quote import quote
    from artui.journal import history, window

    def gauge(name: str, what: str, *labels: str) -> Gauge:
        return Gauge(f"artui_{name}", what, labels, registry=registry)

    jobs = gauge("jobs", "Jobs by account, status and reason.", "account", "status", "reason")
    for line in window.tally(db):
        jobs.labels(line.account, line.status, line.reason).inc(line.jobs)
    charged = gauge("charged_credits", "What was charged in all, in the account's unit.", "account")
    sent = gauge("sent_credits", "What is sent and not charged yet, in the account's unit.", "account")
    for name, sums in window.overview(db, window.Filter()).totals.items():
        charged.labels(name).set(sums.charged)
        sent.labels(name).set(sums.sent)
    balance = gauge("balance_credits", "What is left, where the service tells it.", "account")
    today = gauge("spent_today_credits", "What today's cap counts as spent.", "account")
    limit = gauge("cap_credits", "The caps that are set.", "account", "cap")
    used = gauge("cap_spent_credits", "What counts in each cap.", "account", "cap")
    for account in session.config.accounts.values():
        cost = quote(db, account.name, account.caps, None, (), session.config.timezone)
        today.labels(account.name).set(cost.today)
        if cost.balance is not None:
            balance.labels(account.name).set(cost.balance)
        for bound in cost.bounds:
            limit.labels(account.name, bound.cap.kind).set(bound.cap.limit)
            used.labels(account.name, bound.cap.kind).set(bound.cap.spent)
    failed = gauge("failed_tries", "How often a step failed in passing, at the service or on the way.", "account")
    for name, number in history.failed_tries(db).items():
        failed.labels(name).set(number)
    ages = history.ages(db)
    gauge("oldest_waiting_seconds", "Age of the oldest job that is not at its end.").set(
        0 if ages.oldest is None else max(0.0, time.time() - ages.oldest)
    )
    gauge("last_saved_timestamp_seconds", "When a result was saved last; 0 where none was.").set(ages.saved_at or 0)
    gauge("saved_bytes", "Bytes of all results saved.").set(ages.saved_bytes)
    beat = alive.row.heartbeat if alive else None
    gauge("engine_up", "Whether an engine runs and gives signs of life.").set(alive is not None and not alive.stale)
    gauge("engine_heartbeat_timestamp_seconds", "When the engine gave its last sign of life.").set(beat or 0)
    wrong = gauge("condition", "What is wrong now, as `artui status --check` has it.", "code", "subject")
    found = conditions(db, session.config, None if alive is None else alive.health)
    for one in found:
        wrong.labels(one.code, one.key[1]).set(one.count or 1)
    away = gauge("service_away", "Whether an account's service does not answer.", "account")
    for name in session.config.accounts:
        away.labels(name).set(any(one.code is Code.SERVICE_AWAY and one.subject == name for one in found))
    gauge("grave_conditions", "How many things are wrong.").set(sum(one.is_grave for one in found))
