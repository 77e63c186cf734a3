"""A round of looks at executions, each a request of its own: a few at a time, none hidden by another one's failure."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Iterable, Mapping
from typing import Final

from artui.providers.base import Progress, Rejected, Sent, Transient

AT_ONCE: Final = 4
"""Executions asked for at the same time."""

MOST_FAILURES: Final = 8
"""Failures after which the rest of a round of looks is left for the next one."""


async def look_at_each(
    sent: Iterable[Sent],
    look: Callable[[Sent], Awaitable[Progress]],
    earlier: Mapping[str, Progress] | None = None,
    failed: Iterable[Transient | Rejected] = (),
) -> dict[str, Progress]:
    """Look at executions, after those seen ``earlier`` in this round, and return all that were seen.

    Ends early where the service has had enough, what ``failed`` earlier counted in. Raises the first failure where
    nothing was seen, and what is neither :class:`Transient` nor :class:`Rejected`, once all looks under way are over.
    """
    seen, failures = dict(earlier or {}), list(failed)
    slots = asyncio.Semaphore(AT_ONCE)

    async def look_at(one: Sent) -> None:
        async with slots:
            if _is_worth_asking(failures):
                try:
                    seen[one.execution] = await look(one)
                except (Transient, Rejected) as failure:
                    failures.append(failure)

    for outcome in await asyncio.gather(*map(look_at, sent), return_exceptions=True):
        if outcome is not None:
            raise outcome
    if failures and not seen:
        raise failures[0]
    return seen


def _is_worth_asking(failures: list[Transient | Rejected]) -> bool:
    """Whether a service that failed so often may be asked more in this round."""
    is_busy = any(isinstance(failure, Transient) and failure.retry_after is not None for failure in failures)
    return not is_busy and len(failures) < MOST_FAILURES
