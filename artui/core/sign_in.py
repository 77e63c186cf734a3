"""Signing in: a new key is tried before it is kept, then moved where it lasts, and its accounts are saved.

One sign-in may be for several organizations: each is an account of its own, and all share the key (``login``).
"""

from __future__ import annotations

import asyncio
import re
import time
import unicodedata
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from artui.config import AccountConfig, Config, Paths, dotted, save_setting
from artui.credentials import CredentialProblem, KeyStore, Secret, Stored, Vault, WhoSignedIn
from artui.journal import Connection, Journal, customers, payers
from artui.journal.payers import Earlier

if TYPE_CHECKING:
    from artui.providers.base import Organization, Provider

MOST_PAYERS = 20
"""Organizations whose role and balance are asked for; the others are offered by name."""


@dataclass(frozen=True, slots=True)
class PayerChoice:
    """An organization that may pay, with the credits it has left; None where that is not known, and ``unknown`` why."""

    organization: Organization
    balance: int | None = None
    unknown: str = ""


async def may_pay(provider: Provider[Any]) -> list[Organization]:
    """Who may pay with the key there is, empty where the service knows no organizations. Raises what a provider
    raises."""
    organizations = await provider.organizations()
    if not organizations:
        await provider.identify()
    return organizations


async def try_key(provider: Provider[Any], vault: Vault, login: str, key: Secret) -> list[Organization]:
    """Hold a new key in memory only, and use it as :func:`may_pay`."""
    await asyncio.to_thread(vault.keep, login, key, KeyStore.MEMORY)
    organizations = await may_pay(provider)
    signed = WhoSignedIn(provider.signed_in_as, time.time())
    held = await asyncio.to_thread(vault.find, login)  # the service may have renewed it when it was used
    await asyncio.to_thread(vault.keep, login, held.secret if held else key, KeyStore.MEMORY, signed)
    return organizations


@dataclass(frozen=True, slots=True)
class Customer:
    """The payer behind a new key, where nothing but the key tells it, and those the account had before: a person must
    say whether they are the same one. ``apart`` and ``joined`` are those of whom a person has said that already."""

    payer: str
    earlier: tuple[Earlier, ...]
    apart: tuple[Earlier, ...] = ()
    joined: tuple[str, ...] = ()

    @staticmethod
    def question(account: str, one: Earlier) -> tuple[str, str]:
        """What to ask about an earlier payer: what is known of it, and the question."""
        mark = brief(one.payer)
        photos = "1 photo" if one.photos == 1 else f"{one.photos} photos"
        known = f"{account} had another key before ({mark}), under which {photos} may have been paid."
        return known, "Is the new key of the same customer, so that what was bought stays bought?"


def brief(payer: str) -> str:
    """How a payer that only a key tells is called: by the beginning of the key's mark."""
    return payer.rpartition(" ")[2][:6]


async def customer(
    provider: Provider[Any], config: Config, account: AccountConfig, journal: Journal | None
) -> Customer | None:
    """Who is behind the key of an account; None where the service tells its payers apart itself."""
    if journal is None or not provider.capabilities.known_by_key:
        return None
    payer = (await provider.who_pays()).payer
    names = {account.name, *(one.name for one in config.accounts.values() if one.login == account.login)}

    def ask(db: Connection) -> Customer:
        earlier, apart = (payers.earlier(db, sorted(names), payer, told_apart=apart) for apart in (False, True))
        return Customer(payer, tuple(earlier), tuple(apart), tuple(customers.joined(db, payer)))

    return await journal.read_async(ask)


def asked_for(provider: str, account: AccountConfig) -> dict[str, str]:
    """The settings without which this service cannot be reached and which ``account`` lacks: name to description."""
    from artui.providers import load

    fields = load(provider).Settings.model_fields
    return {
        name: field.description or name
        for name, field in fields.items()
        if field.is_required() and name not in account.settings
    }


async def paying(
    config: Config, account: AccountConfig, vault: Vault, organizations: Sequence[Organization]
) -> list[PayerChoice]:
    """The same organizations with role and balance, as far as the service tells them."""
    from artui.providers import open_provider
    from artui.providers.base import ProviderError

    async def ask(organization: Organization) -> PayerChoice:
        paying = account._replace(settings={**account.settings, "organization": organization.id})
        try:
            async with open_provider(config, paying, vault) as provider:
                identity = await provider.identify()
                balance = await provider.told_balance()
                return PayerChoice(identity.organization, balance.left, balance.unknown)
        except ProviderError:  # an organization that does not answer can still be chosen
            return PayerChoice(organization)

    first = await asyncio.gather(*map(ask, organizations[:MOST_PAYERS]))
    return [*first, *map(PayerChoice, organizations[MOST_PAYERS:])]


def set_from_outside(vault: Vault, login: str) -> str:
    """The variable or file that sets the key of an account, which no sign-in can replace; empty where none does."""
    stored = vault.find(login)
    return stored.detail if stored and stored.place in (KeyStore.ENVIRONMENT, KeyStore.SYSTEMD) else ""


def keep(vault: Vault, tried: str, login: str, place: KeyStore) -> Stored:
    """Move the key that was tried under the name ``tried`` to where it lasts, under the name ``login``.

    Raises CredentialProblem, with the key still held in memory, where that place does not take it.
    """
    held = vault.find(tried)
    if held is None:
        raise CredentialProblem(f"The key of {tried} is gone again; sign in once more.")
    return vault.keep(login, held.secret, place, vault.signed_in(tried))


def accounts_for(config: Config, signed: AccountConfig, chosen: Sequence[Organization]) -> list[AccountConfig]:
    """The accounts that pay for these organizations with one sign-in: those there are, and new ones for the rest.

    ``signed`` is the account the sign-in was made for; one that is not set up yet only lends its settings.
    """
    is_set_up = signed.name in config.accounts
    sharing = [one for one in config.accounts.values() if (one.login, one.provider) == (signed.login, signed.provider)]
    undecided = signed if is_set_up and not signed.settings.get("organization") else None
    found: list[AccountConfig] = []
    for organization in chosen:
        settings = {**signed.settings, "organization": organization.id}
        account = next((one for one in sharing if one.settings.get("organization") == organization.id), None)
        if account is None and undecided is not None:
            account, undecided = undecided._replace(settings=settings), None
        if account is None:
            name = name_for(organization.name or signed.name, {*config.accounts, *(one.name for one in found)})
            login = signed.login if is_set_up else found[0].login if found else name
            account = AccountConfig(name, signed.provider, login, settings=settings)
        found.append(account)
    return found or [signed]


def name_for(title: str, taken: Collection[str]) -> str:
    """A name for a new account, made from a title, that none has yet."""
    plain = unicodedata.normalize("NFKD", title.casefold()).encode("ascii", "ignore").decode()
    stem = re.sub(r"[^a-z0-9]+", "-", plain).strip("-")[:28].rstrip("-") or "studio"
    name, number = stem, 1
    while name in taken:
        number += 1
        name = f"{stem}-{number}"
    return name


def save(paths: Paths, config: Config, account: AccountConfig) -> None:
    """Remember an account in settings.toml, as far as it is not set already. Raises ConfigError."""
    known = config.accounts.get(account.name)
    current = _told(known) if known else {}
    for word, value in _told(account).items():
        if current.get(word) != value:
            save_setting(paths, dotted(("accounts", account.name, word)), value)


def _told(account: AccountConfig) -> dict[str, object]:
    """What a sign-in says of an account; the provider first, without which an account is none."""
    login = {"login": account.login} if account.login != account.name else {}
    return {"provider": account.provider, **login, **account.settings}
