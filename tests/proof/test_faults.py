"""Whatever single thing goes wrong, a run ends in a named state without a traceback, and the photo is paid once.

The n-th call to a service is cut off, in either direction; the n-th file operation fails, once or until somebody mends
it; so does the n-th commit. n is counted by a run in which nothing goes wrong, so that a new step is swept by itself.
"""

from __future__ import annotations

import random
import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import AbstractAsyncContextManager
from functools import partial

import httpx
import pytest

from tests.proof.line import Cut
from tests.proof.troubled import Trouble
from tests.proof.ward import SEED, SERVICES, Ward, Wards, some

ERRORS = {
    "open": ("EIO", "ENOSPC", "EACCES"),
    "write": ("EIO", "ENOSPC"),
    "fsync": ("EIO", "ENOSPC"),
    "link": ("EIO", "ENOSPC", "EACCES"),
    "unlink": ("EIO", "EACCES"),
    "rename": ("EIO", "ENOSPC", "EACCES"),
    "mkdir": ("EIO", "ENOSPC", "EACCES"),
}
"""What each operation on a file is made to fail with."""

COMMIT_ERRORS = {"commit": ("EIO", "ENOSPC"), "commit sync": ("EIO",)}
"""As SQLite hears of them: SQLITE_FULL for ENOSPC, SQLITE_IOERR for the others."""

PAID = re.compile(r"POST .*/execution/create$|POST .*/retoucher/start$|GET .*/run_workflow=")
"""The call of each service that costs something."""

MOST_FAILURES = 6
"""Points that fail until a sweep is given up; each is told."""


async def sweep(open_ward: Callable[[], AbstractAsyncContextManager[Ward]], points: Iterable[Cut | Trouble]) -> None:
    """Send a photo through each point, all in one studio; after a point that fails, in a new one."""
    left, failures = list(points), list[Exception]()
    while left and len(failures) < MOST_FAILURES:
        async with open_ward() as ward:
            await ward.run()  # makes what every later run finds
            while left:
                point = left.pop(0)
                try:
                    await ward.run(point)
                except (AssertionError, httpx.HTTPError) as failure:
                    failure.add_note(f"{ward.service}, {point} (ARTUI_PROOF_SEED={SEED})")
                    failures.append(failure)
                    break
    if failures:
        raise ExceptionGroup(f"{len(failures)} points do not hold, {len(left)} were not tried", failures)


@pytest.mark.parametrize("service", SERVICES)
@pytest.mark.timeout(1200)
async def test_each_call_that_breaks_off_is_made_good(service: str, ward: Wards, long: bool) -> None:
    async with ward(service) as dry:
        await dry.run()
        calls = list(dry.line.calls)
    chance = random.Random(f"{SEED} {service}")
    cuts = [
        Cut(call, of_answer, share, softly=chance.random() < 0.5)
        for call in range(1, len(calls) + 1) for of_answer in (False, True) for share in (0.0, 0.5, 0.999)
    ]  # fmt: skip
    said = "\n".join(calls)
    print(f"seed {SEED}, {service}: {len(calls)} calls, {len(cuts)} points:\n{said}")  # noqa: T201 — for a report
    paid = next(number for number, call in enumerate(calls, 1) if PAID.search(call))
    matters = [cut for cut in cuts if (cut.of_answer and cut.share == 0.5) or (cut.call == paid and cut.share < 0.9)]
    await sweep(partial(ward, service), cuts if long else matters)


@pytest.mark.parametrize("service", ["autoretouch", "retouch4me"])
@pytest.mark.parametrize("errors", [ERRORS, COMMIT_ERRORS], ids=["files", "commits"])
@pytest.mark.timeout(3600)
async def test_each_file_operation_and_commit_that_fails_is_made_good(
    service: str, errors: Mapping[str, Sequence[str]], ward: Wards, long: bool
) -> None:
    async with ward(service) as dry:
        await dry.run()
        await dry.run()  # the first one also makes what the later ones find
        passed = dry.operations()
    troubles = [
        Trouble(operation, number, path, error, stays)
        for operation, paths in passed.items() if operation in errors
        for number, path in enumerate(paths, 1) for error in errors[operation] for stays in (False, True)
    ]  # fmt: skip
    counted = ", ".join(f"{len(paths)} times {operation}" for operation, paths in passed.items())
    print(f"seed {SEED}, {service}: {counted}, {len(troubles)} points")  # noqa: T201 — for a report
    await sweep(partial(ward, service), some(troubles, 5, f"{service} {[*errors]}", long))
