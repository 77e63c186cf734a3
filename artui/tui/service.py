"""Asking a service from the console: opened without holding up the screen, and what goes wrong as one sentence."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager, contextmanager
from typing import TYPE_CHECKING, Any

from artui.config import AccountConfig, Config, ConfigError
from artui.credentials import CredentialProblem, SignedOut, Vault, scrub
from artui.sanitize import beginning, sanitize

if TYPE_CHECKING:
    from artui.providers.base import Provider


class ServiceError(Exception):
    """What was asked could not be done; the text is a printable sentence for a person."""


@contextmanager
def told() -> Iterator[None]:
    """Turn what can go wrong at a service, with a key or with a setting into a :class:`ServiceError`."""
    from artui.providers.base import ProviderError

    try:
        yield
    except (ProviderError, SignedOut, CredentialProblem, ConfigError, TimeoutError) as problem:
        raise ServiceError(sanitize(scrub(str(problem)), 300)) from None


@asynccontextmanager
async def at_service(
    config: Config, account: AccountConfig, vault: Vault, on_short: Callable[[str], object] | None = None
) -> AsyncIterator[Provider[Any]]:
    """The provider of an account for a few questions; raises :class:`ServiceError` for whatever goes wrong inside.

    ``on_short`` is told in a printable sentence of every list that is shorter here than at the service.
    """
    await asyncio.to_thread(_load, account.provider)
    from artui.engine.log import log_misfits_beside
    from artui.providers import open_provider

    log_misfits_beside(config.paths.log)

    with told():
        async with open_provider(config, account, vault) as provider:
            if on_short is not None:
                provider.on_short = lambda sentence: on_short(beginning(scrub(sentence), 300))
            yield provider


def _load(provider: str) -> None:
    """Load what talks to the network, which takes long the first time, and so happens in a thread."""
    import artui.engine.supervisor  # noqa: F401
    from artui import providers

    providers.load(provider)
