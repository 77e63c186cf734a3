"""Finds the services: each is a folder of ``services``, over what ``base`` and ``http`` share."""

from __future__ import annotations

from difflib import get_close_matches
from enum import StrEnum
from importlib import import_module
from typing import TYPE_CHECKING, Any

from artui.config import AccountConfig, ConfigError, provider_names

if TYPE_CHECKING:
    from artui.config import Config
    from artui.credentials import Vault
    from artui.providers.base import Provider, Settings


def names() -> list[str]:
    """The names of all providers, sorted; nothing is imported."""
    return list(provider_names())


_RUN_ONCE = frozenset({"retouch4me", "filestack"})


def can_run_again(name: str) -> bool:
    """Whether a service can be asked to run an execution again, as its ``Limits`` say; nothing is imported."""
    return name not in _RUN_ONCE


_BY_KEY = frozenset({"retouch4me"})


def known_by_key(name: str) -> bool:
    """Whether nothing but its key tells a customer of a service, as its provider says; nothing is imported."""
    return name in _BY_KEY


_RATED = frozenset({"autoretouch"})


def takes_ratings(name: str) -> bool:
    """Whether a service wants to know what is liked, as its provider says; nothing is imported."""
    return name in _RATED


class Clears(StrEnum):
    """How it is found out what became of a paid request whose answer got lost."""

    BY_LOOKING = "looked up in the service's list"
    BY_SENDING = "sent again under its key"
    BY_ASKING = "asked of a person"


_CLEARS = {"retouch4me": Clears.BY_SENDING, "filestack": Clears.BY_ASKING}


def clears_doubt(name: str) -> Clears:
    """How a service lets a doubt be cleared, as its ``Limits`` say; nothing is imported."""
    return _CLEARS.get(name, Clears.BY_LOOKING)


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
            hint = f"; did you mean {near[0]!r}?" if near else f" of {kind.title}"
            raise ConfigError(f"{table} has an unknown key {key!r}{hint}") from None
        why = first["msg"].removeprefix("Value error, ")
        raise ConfigError(f"{table}: {key} cannot be used: {why}") from None


def open_provider(config: Config, account: AccountConfig, vault: Vault) -> Provider[Any]:
    """The provider of an account; ConfigError where its settings cannot be used."""
    from artui.providers.base import ProviderDeps, Rejected

    kind = load(account.provider)
    ca_file = None if config.ca_file is None else str(config.ca_file)
    try:
        return kind(settings(kind, account), ProviderDeps(account.login, vault, config.proxy, ca_file))
    except Rejected as problem:
        raise ConfigError(str(problem)) from None
