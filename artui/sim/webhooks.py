"""The webhooks that the imitated services call, and what can go wrong on the way to them."""

from __future__ import annotations

import asyncio
import json
import random
import urllib.request
from collections.abc import Coroutine, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, fields
from typing import Any

FORGED = "00000000-0000-4000-8000-000000000000"
"""An execution that nobody has."""


@dataclass(slots=True)
class Options:
    """What can be switched while the stand-in runs, each as ``webhooks.NAME``: how many of a hundred calls are lost,
    come twice, or come with a forged one before them; and up to how many seconds late each comes, so that they come out
    of order."""

    lost: int = 0
    doubled: int = 0
    forged: int = 0
    late: float = 0.0


class Courier:
    """Carries calls to their addresses, beside the event loop."""

    def __init__(self, seed: int = 0) -> None:
        self.options = Options()
        self._random = random.Random(seed)  # noqa: S311 - repeatable on purpose
        self._workers = ThreadPoolExecutor(4, "artui-sim-webhooks")
        self._under_way: set[asyncio.Task[object]] = set()

    def switch(self, options: Mapping[str, Any]) -> list[str]:
        """Take over any of ``Options`` by its long name; return the names taken."""
        known = {f"webhooks.{option.name}": option.name for option in fields(Options)}
        taken = [name for name in options if name in known]
        for name in taken:
            if type(options[name]) not in (int, float) or options[name] < 0:
                raise ValueError(f"not a value for {name}: {options[name]!r}")
            setattr(self.options, known[name], options[name])
        return taken

    async def carry(self, url: str, body: bytes, headers: Mapping[str, str] | None = None) -> bool:
        """Make one call, with whatever goes wrong; returns whether it was answered as taken."""
        headers = {"Content-Type": "application/json", **(headers or {})}
        await asyncio.sleep(self._random.uniform(0, self.options.late))
        if self._happens(self.options.forged):
            # In the same form it says what is not so: of an execution that nobody has, with a result elsewhere.
            said = json.loads(body)
            inner = next((said[name] for name in ("content", "text") if name in said), said)
            inner |= {"id": FORGED, "jobid": FORGED, "status": "FAILED", "state": "failed"}
            inner["resultPath"] = "/image/0/forged.jpg"
            await self._post(url, json.dumps(said).encode(), headers)
        if self._happens(self.options.lost):
            return False
        if self._happens(self.options.doubled):
            self.beside(self._post(url, body, headers))
        return await self._post(url, body, headers)

    def beside(self, calling: Coroutine[Any, Any, object]) -> None:
        """Have calls made beside everything else."""
        task = asyncio.create_task(calling)
        self._under_way.add(task)
        task.add_done_callback(self._under_way.discard)

    def _happens(self, percent: float) -> bool:
        return self._random.uniform(0, 100) < percent

    async def _post(self, url: str, body: bytes, headers: Mapping[str, str]) -> bool:
        return await asyncio.get_running_loop().run_in_executor(self._workers, _post, url, body, headers)


def _post(url: str, body: bytes, headers: Mapping[str, str]) -> bool:
    if not url.startswith(("http://", "https://")):
        return False
    request = urllib.request.Request(url, body, dict(headers))  # noqa: S310 - the scheme is checked above
    try:
        with urllib.request.urlopen(request, timeout=10) as answer:  # noqa: S310 - as above
            return answer.status in {200, 201, 204}
    except (OSError, ValueError):
        return False
