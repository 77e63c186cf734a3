"""A sign of life for a service that calls when none comes: an address is asked for while nothing is wrong."""

from __future__ import annotations

import asyncio
import logging
import time
from dataclasses import dataclass

from artui.core.health import conditions
from artui.engine.notices import Notices
from artui.providers.base import ProviderError
from artui.providers.http import Client, HttpRequest

log = logging.getLogger(__name__)

LOOK = 1.0
"""Seconds between two looks at whether it is time."""


@dataclass
class Heartbeat:
    """Asks for the address in the settings; ``notices`` knows the journal, the settings and the engine."""

    notices: Notices
    sent_at: float = float("-inf")

    async def run(self) -> None:
        """Give signs until cancelled; nothing it meets ends the engine."""
        while True:
            await asyncio.sleep(LOOK)
            try:
                await self.beat()
            except Exception:
                log.exception("artui itself failed at its sign of life")

    async def beat(self) -> None:
        """Give a sign where it is time and nothing is wrong."""
        config = self.notices.config()
        if not config.heartbeat.url or time.monotonic() - self.sent_at < config.heartbeat.every:
            return
        self.sent_at = time.monotonic()  # before it is sent: an address that fails is not asked each second
        found = await self.notices.journal.read_async(conditions, config, self.notices.engine)
        if any(one.is_grave for one in found):
            return
        client = Client("heartbeat", proxy=config.proxy, ca_file=str(config.ca_file) if config.ca_file else None)
        try:
            await client.send(HttpRequest("GET", config.heartbeat.url, "giving a sign of life"), any_status=True)
        except ProviderError as failure:
            log.info("%s", failure)
        finally:
            await client.close()
