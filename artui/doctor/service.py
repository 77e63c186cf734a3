"""One account at its service: the sign-in, and every route that can be read without paying."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import aclosing
from typing import Any, Final

from artui.config import AccountConfig, Config, ConfigError
from artui.credentials import CredentialProblem, Vault
from artui.doctor.finding import Area, Finding, Level
from artui.model.capabilities import SignInMethod
from artui.providers import open_provider
from artui.providers.base import Blocked, Cause, Provider, ProviderError, Rejected, Transient, Workflow

PATIENCE: Final = 30.0
"""Seconds one route may take."""

CLOCK_WARNS: Final = 60.0
"""Seconds this machine's clock may differ from the service's without a word."""

CLOCK_FAILS: Final = 300.0
"""Seconds from which on that is a fault: signatures and certificates have an end."""


async def examine_account(config: Config, account: AccountConfig, vault: Vault) -> AsyncIterator[Finding]:
    """Look at the sign-in of an account and ask its service every question that is free."""
    examination = _Examination(account)
    if not await examination.look_at_sign_in(vault):
        for finding in examination.drain():
            yield finding
        return
    try:
        provider = open_provider(config, account, vault)
    except ConfigError as problem:
        yield Finding(account.name, "settings", Level.FAULT, str(problem), "correct it in config.toml", Area.SERVICE)
        return
    async with provider:
        provider.on_short = examination.note
        for question in (
            examination.identify, examination.organizations, examination.workflows, examination.workflow,
            examination.balance, examination.executions, examination.limits,
        ):  # fmt: skip
            await examination.put(question, provider)
            for finding in examination.drain():
                yield finding
            if examination.is_over:
                break
        examination.compare_clocks(provider.service_time)
        for finding in examination.drain():
            yield finding


CHECK: Final = "check network, proxy and the account's address"
"""What to do where no answer, or nobody's, comes back."""


class _Examination:
    """The questions to one account, in their order, and what came of them so far."""

    def __init__(self, account: AccountConfig) -> None:
        self.account = account
        self.findings: list[Finding] = []
        self.is_over = False
        """Whether no further question can be answered."""
        self._check = ""
        self._kept = ""
        self._told: set[str] = set()
        self._workflows: list[Workflow] = []

    def drain(self) -> list[Finding]:
        """What was found since the last time."""
        found, self.findings = self.findings, []
        return found

    def note(self, said: str) -> None:
        """Take down what a provider says of a list that is shorter here than at the service."""
        self._add(Level.WARNING, said, "such entries can be used in the service's web app only")

    def _add(self, level: Level, said: str, do: str = "", area: Area = Area.SERVICE) -> None:
        """Take down a finding; what stood in the way of an earlier question too is told once."""
        if level is not Level.OK:
            if any(earlier in said for earlier in self._told):
                return
            self._told.add(said)
        self.findings.append(Finding(self.account.name, self._check, level, said, do, area))

    async def put(self, question: Callable[[Provider[Any]], Awaitable[None]], provider: Provider[Any]) -> None:
        """Put one question; whatever goes wrong with it is a finding."""
        self._check = question.__name__.replace("identify", "sign-in")
        again = f"`artui login {self.account.name}`"
        try:
            async with asyncio.timeout(PATIENCE):
                await question(provider)
        except Blocked as blocked:
            self.is_over = blocked.cause is Cause.LOGIN
            if self.is_over:
                self._add(Level.FAULT, str(blocked), again, Area.LOGIN)
            else:
                self._add(Level.WARNING, str(blocked), "top the account up, or wait for the next day")
        except Rejected as refusal:
            if refusal.reason == "organization":
                self.is_over = True  # who is asked about is nobody here
                self._add(Level.FAULT, str(refusal), f"{again[:-1]} --organization …` with one of them")
            elif refusal.reason != "unsupported":
                self._add(Level.FAULT, str(refusal), "check the account's settings and the person's role")
        except CredentialProblem as problem:
            self.is_over = True
            self._add(Level.FAULT, str(problem), again, Area.LOGIN)
        except Transient as failure:
            self.is_over = not failure.reached
            do = CHECK if self.is_over else f"ask again in some minutes; if it stays so, {CHECK}"
            self._add(Level.FAULT, str(failure), do, Area.NETWORK)
        except TimeoutError:
            self._add(Level.FAULT, f"no answer within {PATIENCE:.0f} s", CHECK, Area.NETWORK)
        except ProviderError as failure:
            self._add(Level.FAULT, str(failure), "report it with engine.log")

    async def look_at_sign_in(self, vault: Vault) -> bool:
        """Whether there is a token to ask with; where there is none, that is the finding."""
        self._check = "sign-in"
        again = f"`artui login {self.account.name}`"
        try:
            stored = await asyncio.to_thread(vault.find, self.account.login)
        except CredentialProblem as problem:
            self._add(Level.FAULT, str(problem), again, Area.LOGIN)
            return False
        if stored is None:
            complaint = vault.keyring_complaint
            said = f"the sign-in cannot be read: {complaint}" if complaint else "not signed in"
            self._add(Level.FAULT, said, again, Area.LOGIN)
            return False
        self._kept = f"key from the {stored.place}" + (f" ({stored.detail})" if stored.detail else "")
        return True

    async def identify(self, provider: Provider[Any]) -> None:
        """Who pays, by the token as it is kept."""
        identity = await provider.identify()
        is_renewed = provider.capabilities.sign_in is SignInMethod.CODE
        lasts = "renewed by itself" if is_renewed else "good until it is withdrawn"
        said = f"{self._kept}, {lasts}; {identity.organization.name} pays at {identity.endpoint}"
        if not provider.not_checked:
            self._add(Level.OK, said)
        elif provider.service_time is None:
            raise Transient(provider.not_checked, reached=False)
        else:
            do = f"the first photo shows whether it is good; where the service did not answer, {CHECK}"
            self._add(Level.WARNING, f"{said}. {provider.not_checked}", do)

    async def organizations(self, provider: Provider[Any]) -> None:
        """Who else could pay, and what the person may do there."""
        found = await provider.organizations()
        if not found:
            return
        names = ", ".join(one.name + (f" ({one.role})" if one.role else "") for one in found)
        wanted = self.account.settings.get("organization")
        if wanted and wanted not in [word for one in found for word in (one.id, one.name)]:
            do = f"`artui login {self.account.name} --organization …` with one of them"
            self._add(Level.FAULT, f"{wanted} is none of this sign-in's organizations: {names}", do)
        else:
            self._add(Level.OK, names)

    async def workflows(self, provider: Provider[Any]) -> None:
        """What can be bought."""
        self._workflows = await provider.workflows()
        unpriced = [one.name for one in self._workflows if one.price is None]
        number = f"{len(self._workflows):,} workflow{'' if len(self._workflows) == 1 else 's'}"
        if not self._workflows:
            self._add(Level.WARNING, "no workflow", "save one in the service's web app, or set it up in config.toml")
        elif unpriced and provider.limits.euro_per_credit is not None:
            do = "photos are sent through it once its price can be read"
            self._add(Level.WARNING, f"{number}; no price of {', '.join(unpriced[:3])}", do)
        else:
            self._add(Level.OK, number)

    async def workflow(self, provider: Provider[Any]) -> None:
        """One workflow whole: the account's own, else the first."""
        wanted = self.account.workflow
        chosen = [one for one in self._workflows if wanted in (None, one.id, one.name)]
        if wanted and self._workflows and not chosen:
            self._add(Level.FAULT, f"the account's workflow {wanted!r} is none of them", "correct it in config.toml")
        for one in chosen[:1]:
            whole = await provider.workflow(one.id)
            steps = ", ".join(component.label or component.type for component in whole.components) or "no steps told"
            price = "price unknown" if whole.price is None else f"{whole.price:,} credits a photo"
            self._add(Level.OK, f"{whole.name}: {price}; {steps}")

    async def balance(self, provider: Provider[Any]) -> None:
        """What is left."""
        balance = await provider.told_balance()
        left = balance.left
        if left is None and balance.unknown:
            self._add(Level.WARNING, f"unknown: {balance.unknown}", "caps bound what is spent all the same")
        elif left is None:
            self._add(Level.OK, "the service counts none")
        elif left <= 0:
            self._add(Level.WARNING, f"{left:,} credits", "top up before photos are sent")
        else:
            self._add(Level.OK, f"{left:,} credits")

    async def executions(self, provider: Provider[Any]) -> None:
        """The newest page of what was bought, by which a lost purchase is looked up."""
        if not provider.limits.can_find or not self._workflows:
            return
        async with aclosing(provider.listed(self._workflows[0].id)) as pages:  # type: ignore[type-var]
            page = await anext(pages, ())
        self._add(Level.OK, f"the list can be read: {len(page)} of {self._workflows[0].name} on its first page")

    async def limits(self, provider: Provider[Any]) -> None:
        """What photos the service takes, as artui checks them."""
        accepts = provider.limits.accepts
        kinds = ", ".join(sorted(kind.rpartition("/")[2] for kind in accepts.media_types))
        kinds += ", and a ZIP of those by hand" if accepts.archives else ""
        bounds = [
            f"{accepts.max_bytes / 1e6:,.0f} MB" if accepts.max_bytes else "",
            f"{accepts.max_pixels / 1e6:,.0f} megapixels" if accepts.max_pixels else "",
        ]
        self._add(Level.OK, f"takes {kinds}" + "".join(f", at most {bound}" for bound in bounds if bound))

    def compare_clocks(self, theirs: float | None) -> None:
        """How far this machine's clock is from the service's ``Date``."""
        self._check = "clock"
        if theirs is None:
            return
        ahead = time.time() - theirs
        said = f"this machine's clock is {abs(ahead):,.0f} s {'ahead of' if ahead > 0 else 'behind'} the service's"
        if abs(ahead) < CLOCK_WARNS:
            self._add(Level.OK, "within a minute of the service's")
        else:
            level = Level.FAULT if abs(ahead) >= CLOCK_FAILS else Level.WARNING
            self._add(level, said, "set it (`timedatectl set-ntp true`): signatures and certificates depend on it")
