"""``artui audit``: whether the books agree with what the services themselves have."""

from __future__ import annotations

import datetime as dt
import time
from dataclasses import asdict
from typing import TYPE_CHECKING, Any

import click

from artui.cli.exits import Exit
from artui.cli.options import ACCOUNT, AS_JSON, SINCE, in_zone
from artui.cli.session import Session
from artui.cli.terminal import money, put, put_json, put_table

if TYPE_CHECKING:
    from artui.config import AccountConfig
    from artui.core.audit import Audit
    from artui.providers.base import ExecutionStatus, Provider, Workflow


@click.command("audit")
@ACCOUNT
@SINCE
@AS_JSON
@click.pass_obj
def audit_command(session: Session, account: str | None, since: dt.datetime | None, *, as_json: bool) -> Exit:
    """Compare what the services list with the journal: every execution of artui's, and what it was charged. Costs
    nothing; ends with 1 where there is a difference."""
    after = in_zone(since, session.config.timezone) if since else None
    chosen = [session.account(account)] if account else list(session.config.accounts.values())
    audits = {one.name: _audit(session, one, after) for one in chosen or [session.account(None)]}
    if as_json:
        put_json({"accounts": [_document(name, audit) for name, audit in audits.items()]})
    else:
        for name, audit in audits.items():
            _put(name, audit)
    return Exit.FAILED if any(audit and audit.differences for audit in audits.values()) else Exit.OK


def _audit(session: Session, account: AccountConfig, since: dt.datetime | None) -> Audit | None:
    """The audit of one account; None where its service has no list."""
    from artui.core import audit
    from artui.journal import books
    from artui.providers import capabilities

    if not capabilities(account.provider).limits.can_find:
        return None

    async def question(provider: Provider[Any]) -> tuple[str, list[tuple[Workflow, ExecutionStatus]]]:
        payer = (await provider.who_pays()).payer
        return payer, await audit.listed(provider, journal.read(books.bought, payer), since)

    with session.journal() as journal:
        payer, found = session.ask(account, question)
        return journal.read(audit.compared, payer, found, since.timestamp() if since else 0.0, time.time())


def _document(name: str, audit: Audit | None) -> dict[str, Any]:
    if audit is None:
        return {"account": name, "has_list": False}
    differences = [
        {**asdict(one), "mismatch": one.mismatch.name.casefold(), "amount": one.amount} for one in audit.differences
    ]
    return {"account": name, "has_list": True, **asdict(audit), "differences": differences}


def _put(name: str, audit: Audit | None) -> None:
    if audit is None:
        put(f"{name}: its service has no list to compare with; `artui costs -a {name}` shows what the journal has.")
        return
    put(
        f"{name}: {audit.executions:,} executions of artui's, charged {money(audit.there)} by the service,"
        f" {money(audit.here)} by the journal."
    )
    if audit.others:
        put(f"{name}: {audit.others:,} more were not ordered by artui, for {money(audit.others_charged)}.")
    if audit.differences:
        rows = [
            (str(one.job or "-"), one.execution, money(one.amount, ""), one.mismatch.value) for one in audit.differences
        ]
        put_table([("job", "execution", "difference", "what"), *rows], right=[0, 2])
