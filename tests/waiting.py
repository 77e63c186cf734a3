"""Waiting for what a test expects: until something is so, with a deadline, never for a time."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable
from typing import Any

PATIENCE = 30.0
"""Seconds until waiting is in vain."""
REST = 0.01
"""Seconds between two looks."""


def until(
    holds: Callable[[], Any],
    patience: float = PATIENCE,
    *,
    told: Callable[[], object] = lambda: "",
    rest: Callable[[], object] = lambda: time.sleep(REST),
) -> Any:
    """Wait until something is so, and return it; fails with what ``told`` tells then. ``rest`` is between two looks."""
    deadline = time.monotonic() + patience
    while not (found := holds()):
        if time.monotonic() > deadline:
            raise _vain(patience, told)
        rest()
    return found


async def eventually(
    holds: Callable[[], Any], patience: float = PATIENCE, *, told: Callable[[], object] = lambda: ""
) -> Any:
    """As :func:`until`, while the loop goes on."""
    deadline = time.monotonic() + patience
    while not (found := holds()):
        if time.monotonic() > deadline:
            raise _vain(patience, told)
        await asyncio.sleep(REST)
    return found


def _vain(patience: float, told: Callable[[], object]) -> AssertionError:
    return AssertionError(f"waited {patience:g} s in vain: {told()}")
