"""The sign-in, step by step: where the key is kept, a key by code or paste, who pays, the accounts saved. And its end.

A new key is held in memory until all is answered: whoever goes back has changed nothing, and a key that came from a
code is then revoked.
"""

from __future__ import annotations

import asyncio
import os
import time
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from functools import partial
from typing import TYPE_CHECKING, Any

from artui import providers
from artui.config import AccountConfig, Config, load, save_setting, variable
from artui.core import sign_in
from artui.core.actions import Action
from artui.core.options import decide, of_account
from artui.core.sign_in import Customer, PayerChoice
from artui.credentials import CredentialProblem, KeyStore, Secret, Stored, Vault
from artui.journal import Connection, accounts, offers, payers
from artui.model.capabilities import SignInMethod
from artui.model.commands import Command
from artui.model.states import Reason
from artui.sanitize import beginning, sanitize
from artui.tui.dialogs import Ask, Choice, No, Question
from artui.tui.look import ASCII
from artui.tui.service import ServiceError, at_service, told
from artui.tui.sign_in_dialogs import CodeScreen, KeyScreen, PayersScreen
from artui.tui.words import plural

if TYPE_CHECKING:
    from artui.providers.base import Organization, Provider
    from artui.tui.host import Host

PATIENCE = 15.0
"""Seconds a running engine gets to end before another one, which has the key, is started."""

_KEPT: Sequence[Choice[KeyStore] | No] = (
    Choice("k", "in the keyring of this desktop", KeyStore.KEYRING, by_enter=True),
    Choice("m", "only until artui ends: in its memory, and its engine's", KeyStore.MEMORY, by_enter=True),
    Choice("f", "in a file readable by you only", KeyStore.FILE, by_enter=True),
    No("nowhere: not signed in"),
)

_lent: dict[str, Secret] = {}
"""The keys that this process lends, in a variable each, to the engines it starts; by the name they are kept under."""


@dataclass
class SignIn:
    """One sign-in for an account, which need not be set up yet. ``pasted``: a key is pasted, not got by a code."""

    host: Host
    account: AccountConfig
    pasted: bool
    vault: Vault = field(init=False)

    def __post_init__(self) -> None:
        self.vault = Vault(self.host.paths)

    async def run(self) -> bool:
        """Walk through all steps; False where the person went back. Raises :class:`ServiceError`."""
        login = self.account.login
        if not is_lent(login):
            with told():
                outside = await asyncio.to_thread(sign_in.set_from_outside, self.vault, login)
            if outside:  # a sign-in would have no effect
                where = f"set from outside ({sanitize(outside, 60)})"
                raise ServiceError(f"The key of {self.account.name} is {where}: change it there.")
        if not await self._complete() or (place := await self._place()) is None:
            return False
        warn = partial(self.host.notify, severity="warning", markup=False)
        async with at_service(self.host.config, self.account, self.vault, warn) as provider:
            self.pasted = self.pasted or provider.capabilities.sign_in is not SignInMethod.CODE
            key = await self._key(provider)
            if key is None:
                return False
            agreed = False
            try:
                found = await sign_in.try_key(provider, self.vault, self.account.login, key)
                if provider.not_checked:
                    warn(provider.not_checked)
                customer = await sign_in.customer(provider, self.host.config, self.account, self.host.journal)
                agreed = await self._settle(await self._who_pays(found), customer, place)
            finally:
                if not agreed and not self.pasted:
                    with suppress(Exception):
                        await provider.revoke(key)
        return agreed

    async def _complete(self) -> bool:
        """Ask for the settings without which the service cannot be reached; False where the person went back."""
        for key, description in (
            await asyncio.to_thread(sign_in.asked_for, self.account.provider, self.account)
        ).items():
            title = f"{providers.capabilities(self.account.provider).title}: {key}"
            value = await self.host.ask(Ask(title, [description]))
            if not value:
                return False
            self.account = self.account._replace(settings={**self.account.settings, key: value})
        return True

    async def _key(self, provider: Provider[Any]) -> Secret | None:
        if self.pasted:
            wanted = f"Paste the {provider.capabilities.key_name} of {provider.title}"
            return await self.host.ask(KeyScreen(wanted))
        draws = self.host.glyphs is not ASCII
        screen = CodeScreen(f"Sign in to {provider.title}", provider.login, may_draw=draws)
        try:
            return await self.host.ask(screen)
        finally:
            await screen.ended()

    # ---------------------------------------------------------------------------------------------------- who pays

    async def _who_pays(self, found: Sequence[Organization]) -> list[PayerChoice] | None:
        """Those who are to pay, where there is a choice; empty where the service knows no organizations."""
        known = await sign_in.paying(self.host.config, self.account, self.vault, found)
        if len(known) <= 1:
            return known
        sharing = [one.settings.get("organization") for one in _sharing(self.host, self.account)]
        paying = [payer.organization.id for payer in known if payer.organization.id in sharing]
        sign = self.host.glyphs.marked
        return await self.host.ask(PayersScreen(known, paying, sign=sign))

    async def _settle(self, chosen: list[PayerChoice] | None, customer: Customer | None, place: KeyStore) -> bool:
        """Keep the key and save the accounts; False where the person went back."""
        if chosen is None:
            return False
        organizations = [payer.organization for payer in chosen]
        made = sign_in.accounts_for(self.host.config, self.account, organizations)
        stored = await self._keep(made[0].login, place)
        if stored is None:
            return False
        self.host.config, self.host.account = await asyncio.to_thread(self._save, made)
        learned = [
            (account.name, payer.organization, payer.balance, payer.unknown)
            for account, payer in zip(made, chosen, strict=False)
        ]
        await self.host.journal.write_async(offers.note_payers, learned)
        if customer is not None:
            await self._tell_apart(customer)
        if stored.place is KeyStore.MEMORY:
            await lend(self.host, made[0].login, stored.secret)
        await self.host.decide(await self._wake(made))
        paying = [
            f"{sanitize(payer.organization.name, 30)} pays as {account.name}"
            for account, payer in zip(made, chosen, strict=False)
        ]
        where = {KeyStore.KEYRING: "in the keyring", KeyStore.MEMORY: "in memory until artui ends"}
        kept = where.get(stored.place, f"in {sanitize(stored.detail, 60)}")
        tell(self.host, f"Signed in: {', '.join(paying) or made[0].name}. The key is kept {kept}.")
        return True

    async def _tell_apart(self, customer: Customer) -> None:
        """Ask whether the account's earlier keys are of the same customer, and write down what is said."""
        choices = (
            No("I cannot tell: what was bought is not sent again unasked"),
            Choice("s", "the same customer: what was bought stays bought", payers.same_customer),
            Choice("o", "another customer: each key buys for itself", payers.other_customer),
        )
        for one in customer.earlier:
            known, question = customer.question(self.account.name, one)
            if note := await self.host.ask(Question(question, [known], choices)):
                await self.host.journal.write_async(note, one.payer, customer.payer)

    async def _wake(self, made: Sequence[AccountConfig]) -> list[Action]:
        """What lets all accounts of this sign-in go on: a look at the balance ends what waited for the key."""
        names = list(dict.fromkeys([*(one.name for one in made), *(one.name for one in _sharing(self.host, made[0]))]))

        def take(db: Connection) -> set[str]:
            paused = {name for name in names if offers.paused_by_sign_out(db, name)}
            for name in paused:
                offers.note_sign_out(db, name, paused=False)
            return paused

        paused = await self.host.journal.write_async(take)
        return [of_account(Command.RESUME if name in paused else Command.REFRESH, name) for name in names]

    def _save(self, made: Sequence[AccountConfig]) -> tuple[Config, str]:
        """Save the accounts; returns the settings as they are now, and the account in use. Where there are several,
        that one stays the one meant without a name. Blocks."""
        host = self.host
        with told():
            for account in made:
                sign_in.save(host.paths, host.config, account)
            config = load(host.paths)
            in_use = host.account if host.account and host.account in host.config.accounts else made[0].name
            if config.default_account is None:
                save_setting(host.paths, "account", in_use)
                config = load(host.paths)
        return config, in_use

    # ------------------------------------------------------------------------------------------- where it is kept

    async def _place(self, failed: Mapping[KeyStore, str] | None = None) -> KeyStore | None:
        """Ask where the key is to be kept until a place takes one, before anybody signs in for nothing; None where the
        person went back. ``failed`` are the places that took none, and why."""
        refused = dict(failed or {})
        while True:
            choices = [choice for choice in _KEPT if choice.gives not in refused]
            lines = ["Nowhere else, and it is never shown.", *(f"Not there: {why}." for why in refused.values())]
            place = await self.host.ask(Question("Where should the key be kept?", lines, choices))
            if place is None:
                return None
            try:
                await asyncio.to_thread(self.vault.check, self.account.login, place)
            except CredentialProblem as problem:
                refused[place] = beginning(str(problem), 200)
                continue
            return place

    async def _keep(self, login: str, place: KeyStore) -> Stored | None:
        """Keep the key; where its place takes none any more, ask for another one. None where the person went back."""
        refused: dict[KeyStore, str] = {}
        while True:
            try:
                stored = await asyncio.to_thread(sign_in.keep, self.vault, self.account.login, login, place)
            except CredentialProblem as problem:
                refused[place] = beginning(str(problem), 200)
                other = await self._place(refused)
                if other is None:
                    return None
                place = other
                continue
            if place is not KeyStore.MEMORY:
                _take_back(login)
            return stored


async def choose_service(host: Host) -> tuple[str, bool] | None:
    """Ask at which service a new account is to be, and how it signs in; None where the person went back.

    Returns the provider's name and whether its key is pasted.
    """
    kinds = {name: providers.capabilities(name) for name in providers.names()}
    ways = [
        (name, pasted)
        for name, kind in kinds.items()
        for pasted in ((False, True) if kind.sign_in is SignInMethod.CODE else (True,))
    ]
    choices: list[Choice[tuple[str, bool]] | No] = [
        Choice(
            str(number),
            f"{kinds[name].title}: " + (f"paste the {kinds[name].key_name}" if pasted else "with a code"),
            (name, pasted),
            by_enter=True,
        )
        for number, (name, pasted) in enumerate(ways, 1)
    ]
    lines = ["Nothing is sent or charged by signing in."]
    return await host.ask(Question("Which service?", lines, [*choices, No("none")]))


def tell(host: Host, text: str) -> None:
    """Say what was done, now and among the messages."""
    host.news.tell(time.time(), text)
    host.notify(text, markup=False)


async def lend(host: Host, login: str, key: Secret) -> None:
    """Let the engines that this process starts have a key that is kept nowhere; one that runs is started anew.

    Only its environment reaches another process of this user without touching a disk.
    """
    os.environ[variable(login, "token")] = key.reveal()
    _lent[login] = key
    engine = host.look.engine
    if engine is None or engine.row.mode != "background":
        return
    await host.journal.write_async(decide, [Action(Command.STOP, arguments={"pid": engine.row.pid})])
    deadline = time.monotonic() + PATIENCE
    while host.look.engine is not None and time.monotonic() < deadline:  # noqa: ASYNC110 — a look shows it
        await asyncio.sleep(0.1)
    await host.start_engine()


def is_lent(login: str) -> bool:
    """Whether the key in a sign-in's variable is one that was put there here, until artui ends."""
    return login in _lent and _lent[login].reveal() == os.environ.get(variable(login, "token"))


def _take_back(login: str) -> None:
    if is_lent(login):
        del os.environ[variable(login, "token")]
    _lent.pop(login, None)


async def sign_out(host: Host, account: AccountConfig) -> bool:
    """Ask, then end a sign-in at the service and forget its key; False where it stays. Raises :class:`ServiceError`."""
    vault = Vault(host.paths)
    with told():
        stored = await asyncio.to_thread(vault.find, account.login)
    if stored is None:
        raise ServiceError(f"{account.name} is not signed in.")
    if not await host.ask(await _sign_out_question(host, account, stored)):
        return False
    try:
        async with at_service(host.config, account, vault) as provider:
            await provider.revoke(stored.secret)
    except ServiceError as trouble:
        lines = [f"The service could not be told: {trouble}", "It goes on accepting this key until somebody tells it."]
        # A letter of its own: y has just opened this question.
        choices = (No("keep the key, try again later"), Choice("f", "forget it here only", True))
        if await host.ask(Question("Not signed out at the service", lines, choices)) is not True:
            return False
    _take_back(account.login)
    with told():
        await asyncio.to_thread(vault.forget, account.login)
        left = await asyncio.to_thread(vault.find, account.login)
    if host.look.engine is not None:  # it must not send with what it still has of the key
        await host.journal.write_async(_pause, [one.name for one in _sharing(host, account)])
    outside = f" A key is still set from outside: {sanitize(left.detail, 60)}. Take it away there." if left else ""
    tell(host, f"{account.name} is signed out.{outside}")
    return True


async def _sign_out_question(host: Host, account: AccountConfig, stored: Stored) -> Question[bool]:
    sharing = _sharing(host, account)
    waiting = await host.view.ask(lambda db: [offers.unfinished(db, one.name) for one in sharing])
    sent, unsent = sum(sent for sent, _ in waiting), sum(unsent for _, unsent in waiting)
    lines = [f"The service no longer accepts its key, and it is forgotten here ({stored.place})."]
    if len(sharing) > 1:
        lines.append(f"It is the key of {', '.join(one.name for one in sharing)}: all of them are signed out.")
    if sent + unsent:
        safe = f"{plural(sent, 'sent photo is', 'sent photos are')} safe there and fetched after the next sign-in"
        lines.append(f"{safe}; {plural(unsent, 'waits', 'wait')} here, nothing more is sent.")
    choices = (No("stay signed in"), Choice("y", "sign out", True))
    return Question(f"Sign {account.name} out?", lines, choices)


def _pause(db: Connection, names: Sequence[str]) -> None:
    going = [name for name in names if accounts.state(db, name).held != Reason.PAUSED]
    for name in going:
        offers.note_sign_out(db, name, paused=True)
    decide(db, [of_account(Command.PAUSE, name) for name in going])


def _sharing(host: Host, account: AccountConfig) -> list[AccountConfig]:
    return [one for one in host.config.accounts.values() if one.login == account.login]
