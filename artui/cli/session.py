"""What the commands stand on: the configuration, the journal, an account, its service, and a running engine."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Coroutine, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any, TypeVar

from artui.cli.exits import CommandError, Exit
from artui.cli.terminal import say
from artui.config import AccountConfig, Config, ConfigError, Paths, load, paths, usable
from artui.config.known import nearest
from artui.config.system import use_zone

if TYPE_CHECKING:
    from artui.credentials import Vault
    from artui.journal import Journal
    from artui.providers.base import Provider
    from artui.watch.offers import ServiceOffers

Answer = TypeVar("Answer")


@dataclass
class Session:
    """One run of the program. ``needs_sound``: what it does needs settings without a fault; else the last ones that an
    engine could read will do."""

    paths: Paths
    needs_sound: bool = True

    @classmethod
    def here(cls, *, needs_sound: bool = True) -> Session:
        """The session of this user and environment."""
        return cls(paths(), needs_sound)

    @cached_property
    def config(self) -> Config:
        """All that is set; ConfigError for the first fault, unless the last settings that could be read will do."""
        config = load(self.paths) if self.needs_sound else usable(self.paths)
        if config.fault:
            say(f"{_ended(config.fault)} Until that is mended the settings of before hold, and nothing is sent.")
        use_zone(config.timezone)
        return config

    def name_fault(self) -> None:
        """Say what is wrong with the settings, where the last that could be read will do."""
        with suppress(ConfigError):  # without any that could be read, whoever needs them says so
            _ = self.config

    @cached_property
    def vault(self) -> Vault:
        """The tokens of this user."""
        from artui.credentials import Vault

        return Vault(self.paths)

    @contextmanager
    def journal(self) -> Iterator[Journal]:
        """The journal, checked and open; JournalProblem where it cannot be used."""
        from artui.engine.anchor import open_journal

        with open_journal(self.paths) as journal:
            yield journal

    def account(self, name: str | None) -> AccountConfig:
        """The account of this name, or the one meant where none is named."""
        accounts = self.config.accounts
        name = name or self.config.default_account
        if not accounts:
            raise CommandError(
                Exit.USAGE, "No account is set up yet: run `artui login`, or try `artui demo` without one."
            )
        if name is None:
            raise CommandError(Exit.USAGE, f"Which account? Say -a with one of: {', '.join(accounts)}.")
        if name not in accounts:
            hint = nearest(name, accounts) or f"; there are: {', '.join(accounts)}"
            raise CommandError(Exit.USAGE, f"There is no account {name!r}{hint}.")
        return accounts[name]

    def offers(self, config: Config) -> ServiceOffers:
        """What knows the services of watched folders, as a configuration has them."""
        from artui.providers import open_provider
        from artui.watch.offers import ServiceOffers

        return ServiceOffers(config, lambda name: open_provider(config, config.accounts[name], self.vault))

    def ask(self, account: AccountConfig, question: Callable[[Provider[Any]], Awaitable[Answer]]) -> Answer:
        """Put a question to an account's service; what goes wrong there becomes a :class:`CommandError`."""
        from artui.engine.log import log_misfits_beside
        from artui.providers import open_provider

        log_misfits_beside(self.paths.log)

        async def put() -> Answer:
            async with open_provider(self.config, account, self.vault) as provider:
                provider.on_short = say
                return await question(provider)

        return run(put())


def run(answering: Coroutine[Any, Any, Answer]) -> Answer:
    """Run what talks to a service and sort what can go wrong into exit codes."""
    import asyncio

    from artui.credentials import CredentialProblem, SignedOut
    from artui.providers.base import Blocked, Cause, Insecure, ProviderError, Rejected, Transient

    try:
        return asyncio.run(answering)
    except Blocked as blocked:
        raise CommandError(Exit.LOGIN if blocked.cause is Cause.LOGIN else Exit.CREDIT, str(blocked)) from blocked
    except SignedOut as signed_out:
        raise CommandError(Exit.LOGIN, str(signed_out)) from signed_out
    except Insecure as failure:
        raise CommandError(Exit.NETWORK, f"{_ended(str(failure))} Nothing was sent.") from failure
    except Transient as failure:
        raise CommandError(Exit.NETWORK, f"{_ended(str(failure))} Nothing was sent; try again.") from failure
    except (Rejected, CredentialProblem) as refusal:
        raise CommandError(Exit.USAGE, str(refusal)) from refusal
    except ProviderError as failure:
        raise CommandError(Exit.PERSON, str(failure)) from failure


def _ended(said: str) -> str:
    """What went wrong, as a sentence with its end."""
    return said if said.endswith(("?", "!", ".")) else f"{said}."
