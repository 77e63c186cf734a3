"""``artui accounts``, ``balance`` and ``workflows``: what is set up, what is left, what can be bought."""

from __future__ import annotations

import time
from dataclasses import asdict
from typing import TYPE_CHECKING, Any

import click

from artui.cli.exits import CommandError, Exit
from artui.cli.options import ACCOUNT, AS_JSON
from artui.cli.session import Session
from artui.cli.terminal import money, put, put_json, put_table, say
from artui.config import AccountConfig

if TYPE_CHECKING:
    from collections.abc import Sequence

    from artui.journal import Journal
    from artui.providers.base import LeftOut, Provider, Workflow


@click.command("accounts")
@AS_JSON
@click.pass_obj
def accounts_command(session: Session, *, as_json: bool) -> Exit:
    """Show the accounts: who pays, where each key is kept, caps, and what holds them."""
    with session.journal() as journal:
        documents = [_document(session, journal, account) for account in session.config.accounts.values()]
    if as_json:
        put_json(documents)
        return Exit.OK
    if not documents:
        put("No account yet. `artui login` signs in with a code; `artui demo` shows it all without one.")
    for document in documents:
        chosen = " (the default)" if document["default"] else ""
        payer = document["organization"] or "the only one"
        put(f"{document['name']}{chosen}: {document['provider']}, organization {payer}")
        put(f"  key: {_kept(document)}")
        caps = [f"{amount:,} a {name}" for name, amount in document["caps"].items() if amount is not None]
        put(f"  caps: {', '.join(caps) or 'none'}")
        if document["held"]:
            put(f"  held: {document['held']}: {document['message']}")
    return Exit.OK


def _document(session: Session, journal: Journal, account: AccountConfig) -> dict[str, Any]:
    from artui.credentials import CredentialProblem
    from artui.journal import accounts

    state = journal.read(accounts.state, account.name)
    try:
        stored = session.vault.find(account.login)
        place, detail = None, session.vault.keyring_complaint
        if stored is not None:
            place, detail = stored.place.value, stored.detail
    except CredentialProblem as problem:
        place, detail = None, str(problem)
    return {
        "name": account.name,
        "default": account.name == session.config.default_account,
        "provider": account.provider,
        "organization": account.settings.get("organization"),
        "login": account.login,
        "workflow": account.workflow,
        "output": account.output,
        "token": {"place": place, "detail": detail},
        "caps": asdict(account.caps),
        "held": state.held,
        "message": state.message,
    }


def _kept(document: dict[str, Any]) -> str:
    token = document["token"]
    if token["place"] is None:
        return token["detail"] or f"none: `artui login {document['name']}` signs in"
    return f"{token['place']} ({token['detail']})"


@click.command("balance")
@ACCOUNT
@AS_JSON
@click.pass_obj
def balance_command(session: Session, account: str | None, *, as_json: bool) -> Exit:
    """Ask the service how many credits are left."""
    chosen = session.account(account)

    async def question(provider: Provider[Any]) -> tuple[str, int | None, str]:
        identity = await provider.identify()
        return identity.organization.name, await provider.balance(), provider.balance_unknown

    organization, balance, why = session.ask(chosen, question)
    if as_json:
        put_json({"account": chosen.name, "organization": organization, "balance": balance, "balance_reason": why})
    elif balance is None:
        put(f"{chosen.name} ({organization}): balance unknown: {why or 'the service does not tell'}")
    else:
        put(f"{chosen.name} ({organization}): {money(balance)}")
    return Exit.OK


@click.command("workflows")
@click.argument("workflow", required=False)
@ACCOUNT
@click.option("--offline", is_flag=True, help="What was fetched last, without asking the service.")
@AS_JSON
@click.pass_obj
def workflows_command(
    session: Session, workflow: str | None, account: str | None, *, offline: bool, as_json: bool
) -> Exit:
    """List the saved workflows with their prices, or show one with its steps and their settings."""
    chosen = session.account(account)
    left_out: list[LeftOut] = []
    with session.journal() as journal:
        if offline:
            from artui.journal import accounts
            from artui.providers.base import Workflow

            texts, fetched_at = journal.read(accounts.cached_workflows, chosen.name)
            if fetched_at is None:
                raise CommandError(
                    Exit.USAGE, f"Nothing is known of {chosen.name}'s workflows yet: leave --offline away once."
                )
            say(f"As of {time.strftime('%d %b %Y %H:%M', time.localtime(fetched_at))}.")
            found = [Workflow.from_document(text) for text in texts]
        else:
            found, left_out = _fetched(session, journal, chosen, workflow)
    if workflow is None:
        return _list(found, left_out, as_json=as_json)
    from artui.cli.workflow import choose

    return _show(choose(found, workflow), as_json=as_json)


def _fetched(
    session: Session, journal: Journal, account: AccountConfig, wanted: str | None
) -> tuple[list[Workflow], list[LeftOut]]:
    """All workflows as the service has them now, the wanted one with its settings, and those that cannot be read; the
    former are remembered for later."""
    from artui.cli.workflow import choose
    from artui.journal import accounts

    async def question(provider: Provider[Any]) -> tuple[list[Workflow], list[LeftOut]]:
        found = await provider.workflows()
        if wanted is None:
            return found, provider.left_out
        whole = await provider.workflow(choose(found, wanted, provider.left_out).id)
        return [whole if one.id == whole.id else one for one in found], provider.left_out

    found, left_out = session.ask(account, question)
    journal.write(accounts.keep_workflows, account.name, {one.id: one.document() for one in found})
    return found, left_out


def _list(found: Sequence[Workflow], left_out: Sequence[LeftOut], *, as_json: bool) -> Exit:
    from artui.cli.workflow import day
    from artui.providers.base import Workflow

    newest_first = sorted(found, key=lambda one: (one.changed_at, one.name), reverse=True)
    if as_json:
        unread = [asdict(Workflow(one.id, "", one.name, None)) | {"unread": one.why} for one in left_out]
        put_json([*(asdict(one) for one in newest_first), *unread])
    elif not (found or left_out):
        put("This organization has no saved workflow: make one in the web app of the service.")
    else:
        rows = [(one.id, day(one), money(one.price, ""), one.name, _steps(one)) for one in newest_first]
        put_table([("id", "changed", "price", "name", "steps"), *rows], right=[2])
    return Exit.OK


def _steps(workflow: Workflow) -> str:
    return " > ".join(component.label or component.type for component in workflow.components)


def _show(workflow: Workflow, *, as_json: bool) -> Exit:
    from artui.cli.workflow import day

    if as_json:
        put_json(asdict(workflow))
        return Exit.OK
    changed = f", changed {day(workflow)}" if workflow.changed_at else ""
    author = f" by {workflow.author}" if changed and workflow.author else ""
    put(f"{workflow.name}: {money(workflow.price)} a photo{changed}{author}")
    put(f"id {workflow.id}, version {workflow.version}")
    for component in workflow.components:
        put(f"  {component.label or component.type} ({component.type})")
        for name, value in component.settings.items():
            put(f"    {name}: {value}")
    return Exit.OK
