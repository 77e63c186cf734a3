"""What providers over HTTP share: one client for all an account asks, and the service's clock as it tells it."""

from __future__ import annotations

from artui.providers.base import Provider, ProviderDeps
from artui.providers.base.provider import SettingsT
from artui.providers.http.client import Client
from artui.providers.http.throttle import Throttle


class HttpProvider(Provider[SettingsT]):
    """One account at one service that is asked over HTTP."""

    def __init__(self, settings: SettingsT, deps: ProviderDeps) -> None:
        super().__init__(settings, deps)
        self._http = Client(
            self.title,
            proxy=deps.proxy,
            ca_file=deps.ca_file,
            wait_headers=self.capabilities.wait_headers,
            throttle=deps.rate and Throttle(deps.rate),
        )

    async def close(self) -> None:
        """Close every connection."""
        await self._http.close()

    @property
    def service_time(self) -> float | None:
        """The service's clock now, in epoch seconds; None before its first answer."""
        return self._http.service_time
