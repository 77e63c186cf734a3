"""The Accounts screen: who pays, what is left, where each key is kept, what holds an account; signing in and out."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Mapping, Sequence
from dataclasses import dataclass
from typing import ClassVar

from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.content import Content
from textual.widgets import OptionList, Static

from artui.config import AccountConfig, ConfigError, load, save_setting
from artui.core.finding import Fields, SortKey
from artui.core.options import of_account
from artui.core.quote import Quote
from artui.core.sign_in import name_for
from artui.credentials import CredentialProblem, KeyStore, Vault
from artui.journal import Connection, accounts, offers
from artui.journal.accounts import AccountState
from artui.model.capabilities import SignInMethod
from artui.model.commands import Command
from artui.model.states import Reason
from artui.providers import DEFAULT, capabilities
from artui.sanitize import beginning, sanitize
from artui.tui.columns import Column, Slot, heads, layout, line
from artui.tui.filter_line import FilterLine
from artui.tui.look import Width
from artui.tui.narrowing import Narrowed, Narrowing
from artui.tui.page import Page as Screen
from artui.tui.phrases import ACCOUNT_CELLS
from artui.tui.rows import SIGN, Rows
from artui.tui.service import ServiceError
from artui.tui.shell import Line
from artui.tui.view import Look
from artui.tui.words import amount, clock, home, plural

_WAY = "a code (any phone or browser)" if capabilities(DEFAULT).sign_in is SignInMethod.CODE else "a key to paste"
WELCOME = (
    "Welcome. artui sends photos to paid services and shows every price first.\n\n"
    f"  s  sign in to {capabilities(DEFAULT).title} with {_WAY}\n"
    "  a  another service, or a key to paste\n\n"
    "`artui demo` in a shell shows it all without an account."
)
WELCOME_READONLY = "No account is set up, and this console only reads. `artui login` signs in."

COLUMNS = (
    Column("Account"),
    Column("Service", 13, wanted_from=Width.WIDE),
    Column("Organization", 18),
    Column("Balance", 11, right=True),
    Column("Key", 12, gap=2, wanted_from=Width.NORMAL),
    Column("State", 16, gap=2, says=True),
)


@dataclass(frozen=True, slots=True)
class Kept:
    """Where the key of a sign-in lies; both empty where there is none, only ``detail`` where it cannot be used; and
    ``who`` signed in, empty where nobody knows."""

    place: str = ""
    detail: str = ""
    who: str = ""


@dataclass(frozen=True, slots=True)
class Known:
    """What the journal knows of an account."""

    state: AccountState
    organization: str


class AccountRows(Rows):
    """The list of accounts."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("enter", "select", "use", tooltip="Work with this account from now on"),
    ]

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:
        """A console that only reads leaves the choice as it is."""
        del parameters
        place = self.parent
        return not (action == "select" and isinstance(place, Accounts) and place.host.readonly)


class Accounts(Narrowed, Screen):
    """The accounts that are set up, and the way to more."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("s", "sign_in", "sign in", tooltip="Sign in with a code that any phone or browser confirms"),
        Binding("t", "paste", "paste a key", tooltip="Sign in with a key that is pasted"),
        Binding("R", "balance", "balance", tooltip="Look at the balance now; what waits for credits goes on"),
        Binding("x", "sign_out", "sign out", tooltip="End this sign-in at the service and forget its key"),
        Binding("a", "another", "another", tooltip="Sign in another account, at any service"),
        *Narrowed.NARROW,
    ]
    DEFAULT_CSS = """
    Accounts #state { color: $quiet; }
    Accounts #heads { color: $quiet; text-style: bold; }
    Accounts #welcome { padding: 1 1; height: auto; }
    Accounts #about { height: auto; max-height: 50%; padding: 0 1; border-top: solid $border; }
    Accounts #trouble { color: $error; height: auto; padding: 0 1; }
    """
    changes = frozenset({"sign_in", "paste", "balance", "sign_out", "another"})

    def __init__(self, *, id: str | None = None) -> None:  # noqa: A002 — as Textual
        super().__init__(id=id)
        self.kept: dict[str, Kept] = {}
        self.known: dict[str, Known] = {}
        self.narrowing: Narrowing[AccountConfig] = Narrowing(
            Fields(
                lambda one: (one.name, f"{one.provider} {self._organization(one)} {one.workflow or ''}"),
                named={"status": self._state, "service": lambda one: one.provider, "organization": self._organization},
                numbers={"balance": self._balance},
                orders=(
                    SortKey("name", "from Z", lambda one: one.name),
                    SortKey("service", "from Z", lambda one: one.provider),
                    SortKey("balance", "most first", lambda one: self._balance(one) or 0),
                    SortKey("state", "from Z", self._state),
                ),
            )
        )

    def compose(self) -> ComposeResult:
        """The list, all about the account under the cursor, and what went wrong last."""
        yield Line(id="state")
        yield FilterLine(instead="#state", of="#accounts")
        yield Line(id="heads")
        yield Static("", id="welcome", markup=False)
        yield AccountRows(id="accounts")
        yield Static("", id="about", markup=False)
        yield Static("", id="trouble", markup=False)

    def enter(self) -> None:
        """Read anew what is known, where the keys are kept included."""
        self.focus_on(self.query_one(Rows))
        self.run_latest(self._enter, "enter")

    async def _enter(self) -> None:
        await self._read()
        logins = {one.login for one in self.host.config.accounts.values()}
        self.kept = await asyncio.to_thread(_where_kept, Vault(self.host.paths), logins)
        if self.is_whole:
            self.draw()

    @property
    def account(self) -> AccountConfig | None:
        """The account under the cursor."""
        return self.host.config.accounts.get(self.query_one("#accounts", Rows).current)

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:
        """What is done to an account needs one; signing out needs a sign-in."""
        if action in ("balance", "sign_out", "paste") and self.is_mounted:
            account = self.account
            if account is None or (action == "sign_out" and not self.kept.get(account.login, Kept()).place):
                return False
        return super().check_action(action, parameters)

    # ----------------------------------------------------------------------------------------------------- reading

    async def _read(self) -> None:
        """Read what the journal knows, in the view's thread."""
        configured = list(self.host.config.accounts.values())

        def ask(db: Connection) -> dict[str, Known]:
            return {one.name: Known(accounts.state(db, one.name), _organization(db, one)) for one in configured}

        self.known = await self.host.view.ask(ask)
        if self.is_whole:
            self.draw()

    def looked(self, look: Look) -> None:
        """Balances and holds change with the journal."""
        if look.wrote and self.is_front:
            self.run_latest(self._read, "read")

    # ----------------------------------------------------------------------------------------------------- drawing

    def draw(self) -> None:
        """Draw everything anew."""
        configured, rows = self.host.config.accounts, self.query_one("#accounts", Rows)
        shown = self.narrowing.of(list(configured.values()))
        slots = layout(COLUMNS, self.app.size.width, SIGN, 1)
        words = [plural(len(configured), "account"), self.narrowing.said(len(shown), len(configured))]
        said = f" {self.host.glyphs.dot} ".join(filter(None, words))
        self.query_one("#state", Line).say(f" {said}" if configured else "")
        self.query_one("#heads", Line).say(heads(slots) if configured else "")
        rows.put((account.name, self._row(account, slots)) for account in shown)
        self.query_one("#about").display = bool(configured)
        welcome = self.query_one("#welcome", Static)
        nothing = WELCOME_READONLY if self.host.readonly else WELCOME
        welcome.update(self.narrowing.none(len(configured)) if configured else nothing)
        welcome.display = not shown
        self._draw_account()

    def _organization(self, account: AccountConfig) -> str:
        known = self.known.get(account.name)
        return known.organization if known else ""

    def _quote(self, account: AccountConfig) -> Quote | None:
        return next((one for one in self.host.look.quotes if one.account == account.name), None)

    def _balance(self, account: AccountConfig) -> int | None:
        cost = self._quote(account)
        return cost.balance if cost else None

    def _row(self, account: AccountConfig, slots: Sequence[Slot]) -> Content:
        kept, cost = self.kept.get(account.login), self._quote(account)
        no_balance = "unknown" if cost and cost.unknown else "-"
        texts = (
            account.called,
            account.provider,
            self._organization(account),
            f"{amount(cost.balance)} cr" if cost and cost.balance is not None else no_balance,
            "" if kept is None else _PLACE_WORDS.get(kept.place, "none"),
            self._state(account),
        )
        glyphs = self.host.glyphs
        said = line(slots, texts, glyphs.ellipsis)
        sign = glyphs.marked if account.name == self.host.account else " "
        return Content.assemble((f"{sign} ", "$accent"), said)

    def _state(self, account: AccountConfig) -> str:
        known, kept = self.known.get(account.name), self.kept.get(account.login)
        if kept is not None and not kept.place:
            return "key unusable" if kept.detail else "signed out"
        held = known.state.held if known else ""
        return ACCOUNT_CELLS[Reason(held)] if held else "ready"

    def _draw_account(self) -> None:
        """All about the account under the cursor."""
        account = self.account
        self.query_one("#about", Static).update("\n".join(self._about(account)) if account else "")
        self.refresh_bindings()

    def _about(self, account: AccountConfig) -> list[str]:
        known, kept = self.known.get(account.name), self.kept.get(account.login)
        payer = f", {known.organization} pays" if known and known.organization else ""
        lines = [f"{account.called} at {account.provider}{payer}"]
        if kept is not None:
            others = [
                one.name
                for one in self.host.config.accounts.values()
                if one.login == account.login and one.name != account.name
            ]
            key = f"{kept.place} ({kept.detail})" if kept.place else kept.detail or "none; s signs in"
            lines.append(f"key: {key}" + (f"; shared with {', '.join(others)}" if others else ""))
            lines += [f"signed in: {kept.who}"] if kept.who else []
        if known and known.state.balance is not None and known.state.balance_at is not None:
            lines.append(f"balance {amount(known.state.balance)} cr at {clock(known.state.balance_at, time.time())}")
        if known and known.state.balance_unknown:
            lines.append(sanitize(f"balance unknown: {known.state.balance_unknown}; caps hold all the same", 300))
        caps = [f"{most:,} a {span}" for span, most in account.caps._asdict().items() if most is not None]
        lines.append(f"caps: {', '.join(caps) or 'none'}")
        standing = self._quote(account)
        lines += [f"{bound.span}: {bound.cap.told}" for bound in (standing.bounds if standing else ())]
        for title, value in (("workflow", account.workflow), ("results go to", account.output)):
            if value:
                lines.append(f"{title}: {sanitize(home(value), 66)}")
        if kept is not None and not kept.place:
            lines.append("signed out: nothing is sent; what waits goes on after the next sign-in")
        elif known and known.state.held == Reason.PAUSED:
            lines.append("paused: nothing new is sent; P lets it go on")
        if known and known.state.held not in ("", Reason.PAUSED, Reason.LOGIN):
            lines.append(beginning(f"held: {known.state.message or known.state.held}", 300))
        return lines

    # ---------------------------------------------------------------------------------------------------- handlers

    def on_resize(self) -> None:
        """Other widths."""
        self.call_after_refresh(self.draw)

    def on_option_list_option_highlighted(self) -> None:
        """The cursor is on another account."""
        self._draw_account()

    async def on_option_list_option_selected(self, event: OptionList.OptionSelected) -> None:
        """``enter``, or a click on the account under the cursor."""
        event.stop()
        await self.use()

    # ----------------------------------------------------------------------------------------------------- actions

    async def use(self) -> None:
        """Work with this account from now on."""
        account, host = self.account, self.host
        if account is None:
            return
        host.account = account.name
        try:
            await asyncio.to_thread(save_setting, host.paths, "account", account.name)
            host.config = await asyncio.to_thread(load, host.paths)
        except ConfigError as problem:
            self._say(beginning(f"Used until artui ends: {problem}", 300))
        self.draw()

    def action_balance(self) -> None:
        """Ask the engine to look at the balance now."""
        if (account := self.account) is not None:
            self.host.soon(self.host.decide([of_account(Command.REFRESH, account.name)]))
            self.notify(f"Looking at the balance of {account.name}.", markup=False)

    def action_sign_in(self) -> None:
        """Sign in with a code."""
        self._sign_in(self.account or self._new(DEFAULT), pasted=False)

    def action_paste(self) -> None:
        """Sign in with a key that is pasted."""
        if (account := self.account) is not None:
            self._sign_in(account, pasted=True)

    def action_another(self) -> None:
        """Sign in another account, with a sign-in of its own, at a service that is asked for."""
        self._do(self._another())

    async def _another(self) -> bool:
        from artui.tui.signing import SignIn, choose_service

        chosen = await choose_service(self.host)
        if chosen is None:
            return False
        provider, pasted = chosen
        return await SignIn(self.host, self._new(provider), pasted).run()

    def _new(self, provider: str) -> AccountConfig:
        """An account that is not set up yet, with the settings of the one under the cursor where that is alike."""
        like = self.account
        alike = like.settings if like and like.provider == provider else {}
        settings = {key: value for key, value in alike.items() if key != "organization"}
        name = name_for(capabilities(provider).account_name or provider, self.host.config.accounts)
        return AccountConfig(name, provider, name, settings=settings)

    def _sign_in(self, account: AccountConfig, *, pasted: bool) -> None:
        from artui.tui.signing import SignIn

        self._do(SignIn(self.host, account, pasted).run())

    def action_sign_out(self) -> None:
        """End this sign-in, after a question."""
        from artui.tui.signing import sign_out

        if (account := self.account) is not None:
            self._do(sign_out(self.host, account))

    def _do(self, work: Awaitable[bool]) -> None:
        """Walk through a sign-in or sign-out beside the screen, one at a time, and say what went wrong."""

        async def walk() -> None:
            self._say("")
            try:
                await work
            except ServiceError as trouble:
                self._say(str(trouble))
            await self._enter()

        self.run_worker(walk(), exclusive=True, group="signing")

    def _say(self, text: str) -> None:
        self.query_one("#trouble", Static).update(text)


_PLACE_WORDS: Mapping[str, str] = {
    KeyStore.KEYRING: "keyring",
    KeyStore.FILE: "file",
    KeyStore.MEMORY: "memory",
    KeyStore.ENVIRONMENT: "variable",
    KeyStore.SYSTEMD: "systemd",
}


def _where_kept(vault: Vault, logins: set[str]) -> dict[str, Kept]:
    """Where the key of each sign-in lies. A keyring may take its time: this runs in a thread."""
    from artui.tui.signing import is_lent

    found = {}
    for login in logins:
        try:
            stored = vault.find(login)
            if is_lent(login):
                found[login] = Kept(KeyStore.MEMORY, "until artui ends")
                continue
            unheard = Kept(detail=sanitize(vault.keyring_complaint, 300))
            signed = vault.signed_in(login) if stored and stored.place in (KeyStore.FILE, KeyStore.KEYRING) else None
            who = sanitize(signed.who, 80) if signed else ""
            found[login] = Kept(stored.place, sanitize(stored.detail, 200), who) if stored else unheard
        except CredentialProblem as problem:
            found[login] = Kept(detail=beginning(str(problem), 300))
    return found


def _organization(db: Connection, account: AccountConfig) -> str:
    """The organization as people call it, or by its id where its name is not known here."""
    known = str(account.settings.get("organization", ""))
    return sanitize(offers.organization_name(db, known) or known, 60) if known else ""
