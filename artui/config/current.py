"""The configuration of a program that runs for days: read again whenever one of its files has changed; and the last one
that could be read, for as long as a fault stands in a file."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping
from contextlib import suppress
from pathlib import Path

from artui.config.folders import ConfigError, Paths, make_private_folder, write_private
from artui.config.merged import Config, load
from artui.config.private import read_private


def usable(paths: Paths, environ: Mapping[str, str] = os.environ) -> Config:
    """The configuration; where a file of it has a fault the last one that an engine could read, with that ``fault``.

    Raises ConfigError where there is none.
    """
    try:
        return load(paths, environ)
    except ConfigError as problem:
        if not paths.last_good.is_dir():
            raise
        try:
            found = load(paths._replace(config=paths.last_good), environ)
        except ConfigError:
            raise problem from None
        return found._replace(paths=paths, fault=str(problem))


class CurrentConfig:
    """The configuration as it is at this moment."""

    def __init__(self, paths: Paths, load_config: Callable[[], Config]) -> None:
        self._paths = paths
        self._load_config = load_config
        self._stamps = self._seen = self._stamped()
        try:
            self._loaded()
        except ConfigError:
            self.config = usable(paths)

    def look(self) -> None:
        """Read it again where it has changed; where it cannot be read the last one that could stays."""
        stamps = self._stamped()
        if stamps == self._stamps:
            return
        self._stamps = stamps  # of before it is read: what changes meanwhile is read again
        try:
            self._loaded()
        except ConfigError as problem:
            self.config = self.config._replace(fault=str(problem))

    def has_other(self, account: str, config: Config) -> bool:
        """Whether an account is set otherwise now than in ``config``, or no longer set at all; what all accounts share
        and their work goes by counts too."""
        self.look()
        return self.config.work_of(account) != config.work_of(account)

    def outdated(self, account: str, config: Config) -> str:
        """Why nothing is to be paid for an account as it was set in ``config``; empty where it is."""
        if self.has_other(account, config):
            return f"{account} is set otherwise now"
        fault = self.config.fault
        return fault and f"nothing is sent until the settings can be read again: {fault}"

    def is_news(self) -> bool:
        """Whether a file has changed since this was asked last."""
        seen, self._seen = self._seen, self._stamped()
        return seen != self._seen

    def _loaded(self) -> None:
        """Read it, and keep a copy of its files. Raises ConfigError."""
        self.config = self._load_config()
        if self._stamped() == self._stamps:  # else the copy might be of something else than was read
            with suppress(OSError, ConfigError):  # on a full disk the copy of before stays
                make_private_folder(self._paths.last_good)
                for file in (self._paths.config_file, self._paths.settings_file):
                    try:
                        content = read_private(file, through_link=True)
                    except FileNotFoundError:
                        content = b""  # says the same as no file, which the copy of before does not
                    copy = self._paths.last_good / file.name
                    if not copy.exists() or copy.read_bytes() != content:
                        write_private(copy, content)

    def _stamped(self) -> tuple[tuple[int, int, int] | None, ...]:
        return tuple(_stamp(file) for file in (self._paths.config_file, self._paths.settings_file))


def _stamp(file: Path) -> tuple[int, int, int] | None:
    """What tells one version of a file from another; None where there is none."""
    try:
        found = file.stat()
    except OSError:
        return None
    return found.st_ino, found.st_size, found.st_mtime_ns
