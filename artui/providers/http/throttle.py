"""The bandwidth that all uploads and downloads of one account share."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Final

SLICE: Final = 64 * 1024
"""Bytes a transfer gets at its turn: whoever waits gets as many, whatever the size of its file."""
_AHEAD: Final = 0.1
"""Seconds of the rate that may be caught up on, for no timer is exact."""
_READ_EVERY: Final = 1.0
"""Seconds for which a rate holds once it was asked."""


class Throttle:
    """A token bucket. ``rate`` says how many bytes a second may move now, None where there is no bound."""

    def __init__(self, rate: Callable[[], float | None]) -> None:
        self._ask = rate
        self._rate: float | None = None
        self._asked = -_READ_EVERY
        self._free = 0.0

    def turn(self, count: int) -> float:
        """Take ``count`` bytes, at most a slice; the seconds until they may move, in the order in which they ask."""
        now = time.monotonic()
        if now - self._asked >= _READ_EVERY:
            self._rate, self._asked = self._ask(), now
        if self._rate is None:
            return 0.0
        self._free = max(self._free, now - _AHEAD) + count / self._rate
        return max(0.0, self._free - now)
