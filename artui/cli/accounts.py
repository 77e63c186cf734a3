"""``artui accounts``, ``balance`` and ``workflows``: what is set up, what is left, what can be bought."""

from __future__ import annotations

from dataclasses import asdict
from typing import TYPE_CHECKING, Any

import click

from artui.cli.exits import CommandError, Exit
from artui.cli.options import ACCOUNT, AS_JSON
from artui.cli.session import Session
from artui.cli.terminal import money, put, put_json, put_table, say
from artui.config import AccountConfig
from artui.config.system import iso

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
        payer = f", organization {document['organization']}" if document["organization"] else ""
        called = session.config.accounts[document["name"]].called
        put(f"{called}{chosen}: {document['provider']}{payer}")
        place, detail = document["token"]["place"], document["token"]["detail"]
        none = detail or f"none: `artui login {document['name']}` signs in"
        put(f"  key: {f'{place} ({detail})' if place else none}")
        if signed := document["signed_in"]:
            from artui.core.health_phrases import moment

            when = f", {moment(signed['at'], session.config.timezone)}" if signed["at"] else ""
            put(f"  signed in: {signed['who'] or 'the service does not say who'}{when}; {signed['lasts']}")
        caps = [f"{amount:,} a {name}" for name, amount in document["caps"].items() if amount is not None]
        put(f"  caps: {', '.join(caps) or 'none'}")
        if document["held"]:
            put(f"  held: {document['held']}: {document['message']}")
    return Exit.OK


def _document(session: Session, journal: Journal, account: AccountConfig) -> dict[str, Any]:
    from artui.credentials import CredentialProblem, KeyStore
    from artui.journal import accounts
    from artui.providers import capabilities

    state = journal.read(accounts.state, account.name)
    try:
        stored = session.vault.find(account.login)
        place, detail = None, session.vault.keyring_complaint
        if stored is not None:
            place, detail = stored.place.value, stored.detail
    except CredentialProblem as problem:
        place, detail = None, str(problem)
    signed_in = None
    if place in (KeyStore.FILE, KeyStore.KEYRING):  # else another key is used than the one that was signed in with
        signed = session.vault.signed_in(account.login)
        signed_in = {
            "who": signed.who if signed else "",
            "at": signed.at if signed else None,
            "at_iso": iso(signed.at if signed else None),
            "expires": None,
            "lasts": capabilities(account.provider).sign_in_lasts,
        }
    return {
        "name": account.name,
        "production": account.production,
        "default": account.name == session.config.default_account,
        "provider": account.provider,
        "organization": account.settings.get("organization"),
        "login": account.login,
        "workflow": account.workflow,
        "output": account.output,
        "token": {"place": place, "detail": detail},
        "signed_in": signed_in,
        "caps": account.caps._asdict(),
        "held": state.held,
        "message": state.message,
    }


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
@click.option("--changes", is_flag=True, help="What has changed since it was used here last: of WORKFLOW, or of each.")
@AS_JSON
@click.pass_obj
def workflows_command(
    session: Session, workflow: str | None, account: str | None, *, offline: bool, changes: bool, as_json: bool
) -> Exit:
    """List the saved workflows with their prices, or show one with its steps and their settings."""
    chosen = session.account(account)
    left_out: list[LeftOut] = []
    with session.journal() as journal:
        if offline:
            from artui.core.health_phrases import moment
            from artui.journal import accounts
            from artui.providers.base import Workflow

            texts, fetched_at = journal.read(accounts.cached_workflows, chosen.name)
            if fetched_at is None:
                raise CommandError(
                    Exit.USAGE, f"Nothing is known of {chosen.name}'s workflows yet: leave --offline away once."
                )
            say(f"As of {moment(fetched_at, session.config.timezone)}.")
            found = [Workflow.from_document(text) for text in texts]
        else:
            found, left_out = _fetched(session, journal, chosen, workflow)
        if changes:
            return _changes(session, journal, chosen, found, workflow, as_json=as_json)
    if workflow is None:
        return _list(found, left_out, as_json=as_json)
    from artui.cli.workflow import choose, day

    one = choose(found, workflow)
    if as_json:
        put_json(asdict(one))
        return Exit.OK
    changed = f", changed {day(one)}" if one.changed_at else ""
    author = f" by {one.author}" if changed and one.author else ""
    put(f"{one.name}: {money(one.price)} a photo{changed}{author}")
    put(f"id {one.id}, version {one.version}")
    for component in one.components:
        put(f"  {component.label or component.type} ({component.type})")
        for name, value in component.settings.items():
            put(f"    {name}: {value}")
    return Exit.OK


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
        rows = []
        for one in newest_first:
            steps = " > ".join(step.label or step.type for step in one.components)
            rows.append((one.id, day(one), money(one.price, ""), one.name, steps))
        put_table([("id", "changed", "price", "name", "steps"), *rows], right=[2])
    return Exit.OK


def _changes(
    session: Session, journal: Journal, account: AccountConfig, found: Sequence[Workflow], wanted: str | None, *,
    as_json: bool,
) -> Exit:  # fmt: skip
    """Show what has changed of one workflow since it was used last, or of each that has."""
    from artui.cli.workflow import changes_document, changes_lines, choose
    from artui.core.workflow_changes import is_changed, since_last_use
    from artui.journal import offers

    used = {name: past.last for name, past in journal.read(offers.past, account.name).items()}
    asked = found if wanted is None else [choose(found, wanted)]
    changed = [
        journal.read(since_last_use, account.name, one, last)
        for one in asked
        if (last := used.get(one.id)) and is_changed(one, last)
    ]
    if as_json:
        put_json([changes_document(one) for one in changed])
        return Exit.OK
    for one in changed:
        for line in changes_lines(one, session.config.timezone):
            put(line)
    if changed:
        return Exit.OK
    if wanted is None:
        put("No workflow has changed since it was used here last.")
    elif asked[0].id in used:
        put(f"{asked[0].name} has not changed since it was used here last.")
    else:
        put(f"{asked[0].name} has never been used here.")
    return Exit.OK
