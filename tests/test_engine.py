"""The engine on the stand-in: the whole journey, and what becomes of it when things go wrong."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest

from artui.job import Status
from artui.sim.server import Simulator, running
from tests.studio import Studio, open_studio


@pytest.fixture
def simulator() -> Iterator[Simulator]:
    with running(Simulator(speed=100)) as simulator:
        yield simulator


@pytest.fixture
async def studio(simulator: Simulator, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> AsyncIterator[Studio]:
    async with open_studio(simulator, monkeypatch, tmp_path) as studio:
        yield studio


async def test_ten_photos_come_back_paid_once(studio: Studio) -> None:
    await studio.add(studio.photos(10))
    await studio.start()
    finished = await studio.at_rest()
    assert [job.status for job in finished] == [Status.DONE] * 10
    assert len(studio.simulator.ledger) == 10
    assert len(list(studio.out.iterdir())) == 10
    studio.check()
