"""A round of looks at executions, each a request of its own: a few at a time, none hidden by another one's failure."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable, Iterable, Mapping
from typing import Final

from artui.providers.base import (
    Blocked,
    ExecutionRef,
    ExecutionStatus,
    Puzzles,
    Puzzling,
    Rejected,
    Transient,
    excerpt,
    last_heard,
    listening,
)

log = logging.getLogger(__name__)

AT_ONCE: Final = 4
"""Executions asked for at the same time."""

MOST_FAILURES: Final = 8
"""Failures after which the rest of a round of looks is left for the next one."""


async def poll_each(
    sent: Iterable[ExecutionRef],
    look: Callable[[ExecutionRef], Awaitable[ExecutionStatus]],
    earlier: Mapping[str, ExecutionStatus] | None = None,
    failed: Iterable[Transient | Rejected] = (),
    *,
    puzzles: Puzzles,
) -> dict[str, ExecutionStatus]:
    """Look at executions, after those seen ``earlier`` in this round, and return all that were seen.

    Ends early where the service has had enough, what ``failed`` earlier counted in. Raises the first failure where
    nothing was seen, once all looks under way are over; a :class:`Blocked` first, which is one execution's own where
    others were seen. An answer that cannot be understood is none of these, for it hinders no other look: ``puzzles``
    has it by execution until one can be, and so it has what the service answered in place of one.
    """
    seen, failures = dict(earlier or {}), list(failed)
    slots = asyncio.Semaphore(AT_ONCE)

    async def look_at(one: ExecutionRef) -> None:
        async with slots:
            # Looked at within the slot: what failed while this one waited counts.
            is_busy = any(isinstance(failure, Transient) and failure.retry_after is not None for failure in failures)
            if not is_busy and len(failures) < MOST_FAILURES:
                with listening():
                    failures.extend(await _failed(one, look, seen, puzzles))

    asked = list(sent)
    for one, outcome in zip(asked, await asyncio.gather(*map(look_at, asked), return_exceptions=True), strict=True):
        if isinstance(outcome, Blocked) and seen:
            puzzles.failed[one.execution] = str(outcome), False
        elif outcome is not None:
            raise outcome
    if failures and not seen:
        raise failures[0]
    return seen


async def _failed(
    one: ExecutionRef,
    look: Callable[[ExecutionRef], Awaitable[ExecutionStatus]],
    seen: dict[str, ExecutionStatus],
    puzzles: Puzzles,
) -> list[Transient | Rejected]:
    """Look at one execution; returns the failure where the service does not say how it stands now."""
    puzzles.failed.pop(one.execution, None)
    try:
        seen[one.execution] = await look(one)
    except Puzzling as puzzle:
        puzzles[one.execution] = str(puzzle)
    except (Transient, Rejected) as failure:
        if isinstance(failure, Rejected) or failure.reached:
            puzzles.failed[one.execution] = str(failure), isinstance(failure, Rejected)
        return [failure]
    except Blocked:
        raise
    except Exception as defect:
        if puzzles.get(one.execution) != type(defect).__name__:  # told once, however often it is looked at
            log.exception("artui itself failed on this answer: %s", excerpt(last_heard()))
        puzzles[one.execution] = type(defect).__name__
    else:
        puzzles.pop(one.execution, None)
    return []
