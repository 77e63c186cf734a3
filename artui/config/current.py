"""The configuration of a program that runs for days: read again whenever one of its files has changed."""

from __future__ import annotations

from collections.abc import Callable

from artui.config.folders import ConfigError, Paths
from artui.config.merged import AccountConfig, Config


class CurrentConfig:
    """The configuration as it is at this moment."""

    def __init__(self, paths: Paths, load_config: Callable[[], Config]) -> None:
        self._files = (paths.config_file, paths.settings_file)
        self._load_config = load_config
        self._stamps = self._seen = self._stamped()
        self._problem = ""
        self.config = load_config()

    def look(self) -> None:
        """Read it again where it has changed; where it cannot be read the last one that could stays."""
        stamps = self._stamped()
        if stamps == self._stamps:
            return
        try:
            self.config, self._problem = self._load_config(), ""
        except ConfigError as problem:
            self._problem = str(problem)
        self._stamps = stamps

    def has_other(self, account: AccountConfig) -> bool:
        """Whether an account is set otherwise now than when ``account`` was read, or no longer set at all."""
        self.look()
        return self.config.accounts.get(account.name) != account

    def outdated(self, account: AccountConfig) -> str:
        """Why nothing is to be paid for an account as it was set when ``account`` was read; empty where it is."""
        if self.has_other(account):
            return f"{account.name} is set otherwise now"
        return self._problem and f"nothing is sent until the settings can be read again: {self._problem}"

    def is_news(self) -> bool:
        """Whether a file has changed since this was asked last."""
        seen, self._seen = self._seen, self._stamped()
        return seen != self._seen

    def _stamped(self) -> tuple[tuple[int, int, int] | None, ...]:
        """What tells one version of each file from another; None where there is none."""
        stamps: list[tuple[int, int, int] | None] = []
        for file in self._files:
            try:
                found = file.stat()
            except OSError:
                stamps.append(None)
            else:
                stamps.append((found.st_ino, found.st_size, found.st_mtime_ns))
        return tuple(stamps)
