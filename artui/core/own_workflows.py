"""Workflows that stand in an account's settings: checked as those that are written by hand, saved in settings.toml."""

from __future__ import annotations

import re
from collections.abc import Collection, Mapping
from typing import TYPE_CHECKING, Any

from artui import providers
from artui.config import AccountConfig, Config, ConfigError, Origin, Paths, dotted, load, save_setting

if TYPE_CHECKING:
    from artui.providers.base import Workflow


def tables(account: AccountConfig) -> Mapping[str, Mapping[str, Any]]:
    """The workflows of the account's settings, by their keys."""
    found = account.settings.get("workflows")
    return found if isinstance(found, Mapping) else {}


def check(account: AccountConfig, key: str, table: Mapping[str, Any]) -> Workflow:
    """The workflow that a table would be under ``key``, beside the account's others. Raises ConfigError with what is
    wrong."""
    settings = {**account.settings, "workflows": {**tables(account), key: dict(table)}}
    checked = providers.settings(providers.load(account.provider), account._replace(settings=settings))
    return providers.own_workflows(account.provider).workflow(checked, key)


def written_in(config: Config, account: str, key: str) -> str:
    """Where a workflow of the settings is written, for a person; empty where settings.toml has all of it."""
    place = dotted(("accounts", account, "workflows", key))
    found = [source for name, source in config.sources.items() if name == place or name.startswith(f"{place}.")]
    return next((str(source) for source in found if source.origin is not Origin.SETTINGS), "")


def key_for(title: str, taken: Collection[str]) -> str:
    """A key for a new workflow of this title: small letters, digits and hyphens, and none of those taken."""
    plain = re.sub(r"[^a-z0-9]+", "-", title.casefold()).strip("-")[:40] or "own"
    number, key = 1, plain
    while key in taken:
        number += 1
        key = f"{plain}-{number}"
    return key


def save(paths: Paths, account: str, key: str, table: Mapping[str, Any] | None) -> Config:
    """Save a workflow under ``key`` in settings.toml, or with None take it away; returns the settings as they are then.

    Raises ConfigError, with nothing written, where it does not fit what the settings say by now.
    """
    config = load(paths)
    found = config.accounts.get(account)
    if found is None:
        raise ConfigError(f"{account} is no account of the settings any more; nothing was saved")
    if table is not None:
        check(found, key, table)
    save_setting(paths, f"accounts.{account}.workflows.{key}", None if table is None else dict(table))
    return load(paths)
