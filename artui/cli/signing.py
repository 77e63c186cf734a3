"""``artui login`` and ``logout``: a key for an account, where it is kept, and its end."""

from __future__ import annotations

import getpass
import sys
from collections.abc import Sequence
from contextlib import suppress
from typing import TYPE_CHECKING, Any

import click

from artui.cli.exits import CommandError, Exit
from artui.cli.options import AS_JSON
from artui.cli.session import Session, run
from artui.cli.streams import go_on
from artui.cli.terminal import agrees, ask, can_ask, put_json, say
from artui.config import AccountConfig, Config, ConfigError, provider_names, variable
from artui.model.commands import Command

if TYPE_CHECKING:
    from artui.core.sign_in import Customer
    from artui.credentials import KeyStore, Secret, Stored
    from artui.providers.base import DevicePrompt, Organization, Provider

STORES = ("keyring", "file")


@click.command("login")
@click.argument("name", required=False)
@click.option("--provider", type=click.Choice(provider_names()), help="The service, for a new account.")
@click.option("--with-token", is_flag=True, help="Read a key (a token) from stdin instead of showing a code.")
@click.option("--store", type=click.Choice(STORES), help="Where to keep the key; without it the keyring, or it asks.")
@click.option("--organization", help="Who pays, by id or name, where there are several.")
@click.option(
    "--same-customer/--other-customer",
    "same",
    default=None,
    help="Whether the key is of the same customer as the account's earlier one: what that bought stays bought.",
)
@click.option("--webhook-secret", is_flag=True, help="Keep the secret of the account's webhook instead of a key.")
@click.option("--set", "given", multiple=True, metavar="NAME=VALUE", help="A setting of the account, as api_key=…")
@AS_JSON
@click.pass_obj
def login_command(
    session: Session, name: str | None, provider: str | None, *, with_token: bool, store: str | None,
    organization: str | None, same: bool | None, webhook_secret: bool, given: tuple[str, ...],
    as_json: bool,
) -> Exit:  # fmt: skip
    """Sign an account in: shows a code to confirm on any device, or takes a key, and keeps it."""
    if webhook_secret:
        if provider or organization or given or same is not None:
            raise CommandError(
                Exit.USAGE, "--webhook-secret is for an account that is set up: it goes with --store alone."
            )
        return _keep_webhook_secret(session, session.account(name), store)
    account = _with_settings(_account(session.config, name, provider), given)
    wanted = organization or account.settings.get("organization")
    kept = None if with_token or (same is None and not organization) else session.vault.find(account.login)
    signed = _by_kept(session, account, kept, organization) if kept else None
    if signed is not None and kept is not None:
        where = str(kept.place)
        found, customer = signed
        chosen = _choose(found, wanted)
    else:
        place = _place(session, account, store)
        had_one = session.vault.find(account.login) is not None
        token = _token(account, from_stdin=with_token)
        found, customer = run(_sign_in(session, account, token))
        try:
            chosen = _choose(found, wanted)
        except CommandError as trouble:
            if had_one and account.settings.get("organization"):
                raise  # the key that is there pays for that one
            where = _keep(session, account, place, store)
            again = f"`artui login {account.name} --organization ID` goes on with it, and no code or key is needed"
            raise CommandError(trouble.code, f"{trouble} The sign-in is kept in the {where}: {again}.") from None
        where = _keep(session, account, place, store)
    said = _told_apart(account, customer, same) if customer else {}
    go_on(f"The key of {account.name} is kept in the {where}.")
    _save(session, account, chosen)
    if customer and said:
        _join(session, customer, said)
    _wake(session, account)
    if as_json:
        organization_document = {"id": chosen.id, "name": chosen.name} if chosen else None
        put_json(
            {
                "account": account.name, "provider": account.provider,
                "organization": organization_document, "kept": where,
            }
        )  # fmt: skip
    payer = f"{chosen.name} ({chosen.id}) pays" if chosen else "signed in"
    say(f"{account.name}: {payer}. The key is kept in the {where}.")
    from artui.cli.unit import hands_over

    if unit := hands_over(account.login):
        say(
            f"The service is handed another key by {unit} (LoadCredential), which goes before this one: with"
            " `--store file`, `artui systemd-unit --renew` has it use the kept one; else write the key to the file"
            " that is named there. Then restart it."
        )
    if same is not None and not said:
        _tell_unanswered(account, customer, same=same)
    return Exit.OK


def _keep_webhook_secret(session: Session, account: AccountConfig, store: str | None) -> Exit:
    """Keep the secret by which calls of an account's webhook are believed, where its key could be kept too."""
    from artui.credentials import KeyStore, Secret, of_webhook
    from artui.providers import capabilities

    kind = capabilities(account.provider)
    if not kind.signs_webhooks:
        raise CommandError(
            Exit.USAGE, f"{kind.title} signs no webhooks: there is no secret to keep for {account.name}."
        )
    kept = account._replace(login=of_webhook(account.login))
    if can_ask():
        secret = Secret(getpass.getpass(f"Paste the secret of {kind.title}'s webhook (it is not shown): ").strip())
    else:
        secret = Secret(sys.stdin.readline().strip())
    if not secret:
        raise CommandError(Exit.USAGE, "No secret was given.")
    place = _place(session, kept, store)
    session.vault.keep(kept.login, secret, KeyStore.MEMORY)
    where = _keep(session, kept, place, store)
    said = f"{account.name}: the secret of its webhook is kept in the {where}. The first call shows whether it fits."
    go_on(said)
    say(said)
    return Exit.OK


def _by_kept(
    session: Session, account: AccountConfig, kept: Stored, organization: str | None
) -> tuple[list[Organization], Customer | None] | None:
    """What the sign-in that is kept gives; None where it is over, or not one for the organization that is named."""
    try:
        found, customer = run(_sign_in(session, account, kept))
    except CommandError as trouble:
        if organization is None or trouble.code is not Exit.LOGIN:
            raise
        return None
    is_for_it = organization is None or any(organization in (one.id, one.name) for one in found)
    return (found, customer) if is_for_it else None


def _account(config: Config, name: str | None, provider: str | None) -> AccountConfig:
    """The account to sign in, as it is set up or as it will be."""
    from artui.providers import DEFAULT, capabilities

    name = name or config.default_account or provider or capabilities(DEFAULT).account_name or DEFAULT
    known = config.accounts.get(name)
    if known is None:
        return AccountConfig(name, provider or DEFAULT, name)
    if provider and provider != known.provider:
        raise CommandError(Exit.USAGE, f"{name} is an account at {known.provider}; choose another name for {provider}.")
    return known


def _with_settings(account: AccountConfig, given: Sequence[str]) -> AccountConfig:
    """The account with the settings that were given, and those its service cannot do without."""
    from artui.core.sign_in import asked_for

    settings = dict(account.settings)
    for text in given:
        key, equals, value = text.partition("=")
        if not (key and equals and value):
            raise CommandError(Exit.USAGE, f"--set {text!r} must have the form NAME=VALUE.")
        settings[key] = value
    account = account._replace(settings=settings)
    for key, description in asked_for(account.provider, account).items():
        value = ask(f"{description}:") if can_ask() else ""
        if not value:
            raise CommandError(Exit.USAGE, f"{account.name} needs a setting: --set {key}=… ({description}).")
        settings[key] = value
    return account


def _token(account: AccountConfig, *, from_stdin: bool) -> Secret | None:
    """The key that is given; None where the service shows a code instead."""
    from artui.credentials import Secret
    from artui.model.capabilities import SignInMethod
    from artui.providers import capabilities

    kind = capabilities(account.provider)
    if not from_stdin and kind.sign_in is SignInMethod.CODE:
        return None
    if from_stdin and not can_ask():
        token = Secret(sys.stdin.readline().strip())
    elif can_ask():
        token = Secret(getpass.getpass(f"Paste the {kind.key_name} of {kind.title} (it is not shown): ").strip())
    else:
        raise CommandError(Exit.USAGE, f"{kind.title} has no sign-in by code: --with-token reads the {kind.key_name}.")
    if not token:
        raise CommandError(Exit.USAGE, f"No {kind.key_name} was given.")
    return token


async def _sign_in(
    session: Session, account: AccountConfig, key: Secret | Stored | None
) -> tuple[list[Organization], Customer | None]:
    """Try a key: one that is given or asked for now, which is held in memory, or one that is kept, which stays where
    it is and is renewed there; returns who may pay with it, or which customer it is of."""
    from artui.core import sign_in
    from artui.credentials import Secret
    from artui.engine.log import log_misfits_beside
    from artui.journal import JournalProblem
    from artui.providers import open_provider
    from artui.providers.base import Rejected

    log_misfits_beside(session.paths.log)
    async with open_provider(session.config, account, session.vault) as provider:
        provider.on_short = say
        try:
            key = key or await provider.login(_show_code)
        except Rejected as refusal:  # it was denied, or ran out
            raise CommandError(Exit.LOGIN, f"{refusal}.") from refusal
        if isinstance(key, Secret):
            found = await sign_in.try_key(provider, session.vault, account.login, key)
        else:
            found = await sign_in.may_pay(provider)
        if provider.not_checked:
            say(provider.not_checked)
        if not session.paths.journal.exists():
            return found, None
        with suppress(JournalProblem), session.journal() as journal:  # it says so itself where it is needed
            return found, await sign_in.customer(provider, session.config, account, journal)
        return found, None


def _told_apart(account: AccountConfig, customer: Customer, same: bool | None) -> dict[str, bool]:
    """For each payer the account had before whether it is the same customer, as far as it was said.

    Where none is in question any more, a yes corrects an earlier no.
    """
    if same and not customer.earlier:
        return dict.fromkeys((one.payer for one in customer.apart), True)
    said: dict[str, bool] = {}
    for one in customer.earlier:
        known, question = customer.question(account.name, one)
        answer = same
        if answer is None:
            say(known)
            answer = {"y": True, "yes": True, "n": False, "no": False}.get(
                ask(f"{question} [y/n]").lower() if can_ask() else ""
            )
        if answer is not None:
            said[one.payer] = answer
    if len(said) < len(customer.earlier):
        way = f"`artui login {account.name} --same-customer`, or --other-customer, says whose it is"
        say(f"What was bought with the earlier key is not sent again unasked: {way}.")
    return said


def _join(session: Session, customer: Customer, said: dict[str, bool]) -> None:
    """Write down which earlier payers are the customer of the new key, and which are others."""
    from artui.core.sign_in import brief
    from artui.journal import payers

    with session.journal() as journal:
        for earlier, is_same in said.items():
            journal.write(payers.same_customer if is_same else payers.other_customer, earlier, customer.payer)
            kept = "what was bought with the earlier key stays bought" if is_same else "each key buys for itself"
            say(f"Noted of the key {brief(earlier)}: {kept}.")


def _tell_unanswered(account: AccountConfig, customer: Customer | None, *, same: bool) -> None:
    """Say why an answer about earlier keys has changed nothing; CommandError where it is another one than before."""
    from artui.core.sign_in import brief

    option = "--same-customer" if same else "--other-customer"
    if customer is not None and customer.joined and not same:
        marks = ", ".join(map(brief, customer.joined))
        raise CommandError(
            Exit.FAILED,
            f"{option} changes nothing: the earlier key ({marks}) was said to be of the same customer, what it bought"
            " counts as bought with this one since, and that cannot be taken apart again.",
        )
    if customer is not None and (customer.joined or customer.apart):
        say(f"{option} was noted before: nothing has changed.")
    else:
        say(f"{option} has nothing to answer: no earlier key of {account.name} is known to have bought anything.")


def _show_code(prompt: DevicePrompt) -> None:
    say(f"Open {prompt.url} on any device and enter the code {prompt.user_code}")
    if prompt.url_with_code != prompt.url:
        say(f"or open {prompt.url_with_code}")
    say(f"The code is good for {prompt.expires_in / 60:.0f} minutes. Waiting; ctrl-c gives up.")


def _choose(found: list[Organization], wanted: object) -> Organization | None:
    """Who pays: the one wanted, the only one, or the one a person picks; CommandError that lists them where none is."""
    chosen = next((one for one in found if wanted in (one.id, one.name)), None)
    if wanted and chosen is None:
        listed = "; ".join(f"{one.name} ({one.id})" for one in found) or "none"
        raise CommandError(Exit.USAGE, f"{wanted} is none of this sign-in's organizations: {listed}.")
    if chosen is not None or len(found) <= 1:
        return chosen or (found[0] if found else None)
    for number, one in enumerate(found, 1):
        say(f"  {number}  {one.name} ({one.id})")
    while can_ask() and (answer := ask("Which one pays?")):
        if answer.isdecimal() and 1 <= int(answer) <= len(found):
            return found[int(answer) - 1]
        say(f"That is none of them: say a number from 1 to {len(found)}.")
    raise CommandError(Exit.USAGE, "Several organizations may pay: say --organization with the id or name of one.")


_IN_A_FILE = "Keep it in a file that only you can read?"


def _place(session: Session, account: AccountConfig, store: str | None) -> KeyStore:
    """Where the key will be kept, tried before anybody signs in for nothing; a file only after a yes."""
    from artui.credentials import CredentialProblem, KeyStore

    if store != "file":
        try:
            session.vault.check(account.login, KeyStore.KEYRING)
        except CredentialProblem as problem:
            if store == "keyring":
                raise
            say(str(problem))
            if not (can_ask() and agrees(_IN_A_FILE)):
                raise CommandError(
                    Exit.USAGE, f"Nobody was signed in, for no key could be kept: {_ways(account)}."
                ) from None
        else:
            return KeyStore.KEYRING
    session.vault.check(account.login, KeyStore.FILE)
    return KeyStore.FILE


def _ways(account: AccountConfig) -> str:
    return f"--store file keeps it in a file that only you can read, or set {variable(account.login, 'token')}"


def _keep(session: Session, account: AccountConfig, place: KeyStore, store: str | None) -> str:
    """Move the key out of memory to where it outlives this process."""
    from artui.core import sign_in
    from artui.credentials import CredentialProblem, KeyStore

    try:
        stored = sign_in.keep(session.vault, account.login, account.login, place)
    except CredentialProblem as problem:
        if place is KeyStore.FILE or store:
            raise
        say(str(problem))  # it was open a moment ago
        if not (can_ask() and agrees(_IN_A_FILE)):
            raise CommandError(Exit.USAGE, f"The key was not kept: {_ways(account)}.") from None
        stored = sign_in.keep(session.vault, account.login, account.login, KeyStore.FILE)
    return f"file {stored.detail}" if stored.place is KeyStore.FILE else stored.place.value


def _save(session: Session, account: AccountConfig, organization: Organization | None) -> None:
    """Remember the account in settings.toml, as far as config.toml and the environment do not say it already."""
    from artui.core import sign_in

    if organization is not None:
        account = account._replace(settings={**account.settings, "organization": organization.id})
    try:
        sign_in.save(session.paths, session.config, account)
    except ConfigError as problem:
        raise CommandError(Exit.USAGE, f"Signed in, but not saved: {problem}") from None


def _wake(session: Session, account: AccountConfig) -> None:
    """Let a running engine that waits for this sign-in go on."""
    from artui.core.options import decide, of_account
    from artui.engine.client import find_engine
    from artui.journal import JournalProblem

    if session.paths.journal.exists():
        with suppress(JournalProblem), session.journal() as journal:  # who signs in may be about to recover it
            if find_engine(session.paths, journal) is not None:
                journal.write(decide, [of_account(Command.REFRESH, account.name)])


@click.command("logout")
@click.argument("name")
@click.option("--local", is_flag=True, help="Only forget the key here; the service goes on accepting it.")
@AS_JSON
@click.pass_obj
def logout_command(session: Session, name: str, *, local: bool, as_json: bool) -> Exit:
    """Sign an account out: the service no longer accepts its key, and it is forgotten here."""
    account = session.account(name)
    stored = session.vault.find(account.login)
    if stored is None:
        if session.vault.keyring_complaint:
            raise CommandError(Exit.LOGIN, f"{session.vault.signed_out(account.login)}.")
        if as_json:
            put_json({"account": account.name, "was_signed_in": False, "forgotten": []})
        say(f"{account.name} is not signed in.")
        return Exit.OK
    if not local:
        token = stored.secret

        async def revoke(provider: Provider[Any]) -> None:
            await provider.revoke(token)

        session.ask(account, revoke)
        go_on(f"{account.name} is signed out at the service.")
    places = session.vault.forget(account.login)
    gone = f"forgotten ({', '.join(places)})" if places else "not kept by artui"
    said = f"{account.name} is signed out{'' if local else ' at the service'}; its key is {gone}."
    go_on(said)
    if as_json:
        put_json({"account": account.name, "was_signed_in": True, "forgotten": list(places)})
    say(said)
    if left := session.vault.find(account.login):
        say(f"A key is still set from outside: {left.detail}. Take it away there.")
    return Exit.OK
