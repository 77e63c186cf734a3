"""Killed at every point on its way from a top-up to the result: the service is asked once to go on, and paid once.

Small form: every fourth point (which fourth goes by the day). ``--long``: every point.
"""

from __future__ import annotations

import asyncio
import signal
from collections.abc import Mapping
from itertools import count
from pathlib import Path
from typing import Any

import pytest

from artui.journal import accounts
from artui.model.job import Job
from artui.model.states import FINAL, Reason, Status
from tests.proof.day import DAY
from tests.proof.doomed import NEVER
from tests.proof.test_crash_sweep import Scene, scene
from tests.proof.zygote import Child, Zygote

SERVICES: Mapping[str, dict[str, Any]] = {
    "plain": {},
    "shows it late": {"retry_shown_after": 1e9},
    "fails again": {"retry_fails": True, "failures_cost": True},
    "another id": {"retry_new_id": True},
}


async def begin(here: Scene, point: int) -> Child:
    """An engine that works until it dies at its point or nothing more happens by itself."""
    child = here.engine(point)

    def rests() -> bool:
        [job] = here.studio.jobs()
        parked_again = job.reason == Reason.PAYMENT and job.purchase == 2
        return job.status in FINAL or job.reason == Reason.IN_DOUBT or parked_again

    await here.studio.until(lambda: child.poll() is not None or rests())
    return child


async def end(child: Child) -> bool:
    """End an engine; whether it had died by itself."""
    died = child.poll() is not None
    if not died:
        child.send(signal.SIGTERM)
    await asyncio.to_thread(child.wait)
    return died


async def park(here: Scene) -> None:
    """Have the one photo parked for want of credits, which the engine has read, and no engine at work."""
    studio = here.studio
    studio.fault("balance", "status:503", times=-1)
    studio.credits(set=0)
    await here.add(1)
    child = here.engine(NEVER)
    await studio.until(lambda: studio.job(1).reason == Reason.PAYMENT)
    studio.mend()
    await studio.until(lambda: studio.journal.read(accounts.state, "studio").balance == 0)
    await end(child)


async def decide(here: Scene, job: Job) -> None:
    """Decide about a lost retry as a person would who looks at the web app."""
    charged = [charge["execution"] for charge in here.studio.simulator.ledger]
    if charged:
        await here.studio.ask("adopt", job.id, execution=charged[0])
    else:
        await here.studio.ask("again", job.id)


def taken_up(here: Scene) -> int:
    """How often the service took a request to go on, whether or not its answer came."""
    asked = [one for one in here.studio.simulator.history if one["path"].endswith("/retry")]
    return sum((one["answer"] or 200) < 300 for one in asked)


async def crash(how: str, zygote: Zygote, folder: Path, point: int) -> bool:
    """One run that is killed at this point; whether it was reached."""
    async with scene("autoretouch", zygote, folder) as here:
        studio = here.studio
        await park(here)
        studio.simulator.switch(SERVICES[how])
        studio.credits(set=100)
        died = await end(await begin(here, point))
        here.check_midway()
        child = await begin(here, NEVER)
        sent_again = False
        if studio.job(1).reason == Reason.IN_DOUBT:
            assert taken_up(here) <= 1
            sent_again = not studio.simulator.ledger
            await decide(here, studio.job(1))
        if how == "shows it late" and not sent_again:
            studio.credits(add=500)  # for something else
            await studio.ask("refresh", account="studio")
            await end(child)
            await end(await begin(here, NEVER))
            assert taken_up(here) == 1
            studio.simulator.switch({"retry_shown_after": 0.0})
            child = here.engine(NEVER)
        studio.simulator.switch({"retry_shown_after": 0.0})
        over = Status.FAILED if how == "fails again" else Status.DONE
        await studio.until(lambda: studio.job(1).status is over)
        await studio.until(lambda: ("studio", "open", "") not in held(here))
        await end(child)
        assert taken_up(here) == 1
        assert len(studio.simulator.ledger) == 1
        sums = held(here)
        spent = 20 if sent_again else 10  # what a person gave up on counts as spent
        assert {amount for (_, scope, _), amount in sums.items() if scope in ("day", "month", "run")} == {spent}
        studio.check()
        return died


def held(here: Scene) -> dict[tuple[str, str, str], int]:
    """The sums that are not empty."""
    return {place: amount for place, amount in here.studio.evidence().spending.items() if amount}


@pytest.mark.timeout(1200)
@pytest.mark.parametrize("strand", range(2))
@pytest.mark.parametrize("how", SERVICES)
async def test_killed_at_each_point_it_asks_once_and_counts_once(
    how: str, strand: int, zygote: Zygote, tmp_path: Path, *, long: bool
) -> None:
    if how == "another id" and not long:
        pytest.skip("runs with --long: what it waits for takes twenty seconds a point")
    step = 1 if long else 12
    first = 1 + DAY % step
    for point in count(first + step * strand, 2 * step):
        try:
            if not await crash(how, zygote, tmp_path / str(point), point):
                break
        except AssertionError as failure:
            raise AssertionError(f"{how}, killed at {point}: {failure}") from failure
    assert point > 15, "its points were not found"
