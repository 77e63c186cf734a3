"""Finds the services: each is a folder of ``services``, over what ``base`` and ``http`` share."""

from __future__ import annotations

from difflib import get_close_matches
from functools import lru_cache, partial
from importlib import import_module
from typing import TYPE_CHECKING, Any

from artui.config import AccountConfig, ConfigError, provider_names
from artui.model.capabilities import Accepts, Capabilities, Limits

if TYPE_CHECKING:
    from artui.config import Config
    from artui.credentials import Vault
    from artui.providers.base import Provider, Settings
    from artui.providers.base.own import OwnWorkflows


DEFAULT = "autoretouch"
"""The service of an account for which none is named."""


def names() -> list[str]:
    """The names of all providers, sorted; nothing is imported."""
    return list(provider_names())


@lru_cache(maxsize=64)
def capabilities(name: str) -> Capabilities:
    """What is known of a service without asking it; of one that is not there, that nothing can be asked of it.

    Loads neither its provider nor an HTTP client.
    """
    if name not in names():
        return Capabilities(name, Limits(Accepts(frozenset()), in_flight=1, can_find=False, can_retry=False))
    found: Capabilities = import_module(f"{__name__}.services.{name}.capabilities").CAPABILITIES
    return found


def load(name: str) -> type[Provider[Any]]:
    """The provider class of the service ``name``; KeyError where there is none."""
    if name not in names():
        raise KeyError(name)
    module = import_module(f"{__name__}.services.{name}.provider")
    found: type[Provider[Any]] = module.PROVIDER
    return found


def settings(kind: type[Provider[Any]], account: AccountConfig) -> Settings:
    """The account's settings as its provider understands them; ConfigError naming the key that does not fit."""
    from pydantic import ValidationError

    try:
        return kind.Settings.model_validate(dict(account.settings))
    except ValidationError as problem:
        first = problem.errors()[0]
        key = ".".join(str(part) for part in first["loc"])
        table = f"[accounts.{account.name}]"
        if first["type"] == "extra_forbidden":
            near = get_close_matches(key, kind.Settings.model_fields, 1)
            hint = f"; did you mean {near[0]!r}?" if near else f" of {kind.capabilities.title}"
            raise ConfigError(f"{table} has an unknown key {key!r}{hint}") from None
        why = first["msg"].removeprefix("Value error, ")
        raise ConfigError(f"{table}: {key} cannot be used: {why}") from None


def own_workflows(name: str) -> OwnWorkflows:
    """What workflows of an account's own are made of at the service ``name``; KeyError where it has no such."""
    if not capabilities(name).own_workflows:
        raise KeyError(name)
    found: OwnWorkflows = import_module(f"{__name__}.services.{name}.own").OWN
    return found


def open_provider(config: Config, account: AccountConfig, vault: Vault) -> Provider[Any]:
    """The provider of an account; ConfigError where its settings cannot be used."""
    from artui.config.bandwidth import read as read_bandwidth
    from artui.providers.base import ProviderDeps, Rejected

    kind = load(account.provider)
    ca_file = None if config.ca_file is None else str(config.ca_file)
    try:
        rate = partial(read_bandwidth(account.bandwidth).rate, config.timezone) if account.bandwidth else None
        return kind(settings(kind, account), ProviderDeps(account.login, vault, config.proxy, ca_file, rate))
    except Rejected as problem:
        raise ConfigError(str(problem)) from None
