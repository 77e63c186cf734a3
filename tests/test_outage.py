"""A service that does not answer: when that begins, when it is over, and that each is told once."""

from __future__ import annotations

import asyncio
import datetime as dt
import logging
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import pytest

from artui.config import Caps
from artui.core import quote as quotes
from artui.engine import outage as outages
from artui.engine.outage import AWAY_AFTER, TOGETHER, Outage
from artui.journal import Journal, accounts
from artui.providers.base import Transient
from tests.waiting import eventually

REFUSED = Transient("connection refused", reached=False)


@dataclass
class Line:
    """The line to a service, and a clock that is turned by hand."""

    journal: Journal
    clock: pytest.MonkeyPatch
    now: float = 1_000_000.0

    def outage(self) -> Outage:
        account = SimpleNamespace(name="studio")
        return Outage(cast("Any", SimpleNamespace(journal=self.journal, account=account)))

    def later(self, seconds: float) -> None:
        self.now += seconds
        self.clock.setattr(time, "time", lambda: self.now)

    @property
    def rests_until(self) -> float | None:
        return self.journal.read(accounts.state, "studio").rests_until

    @property
    def away_since(self) -> float | None:
        return self.journal.read(accounts.state, "studio").away_since


@pytest.fixture
def line(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Line]:
    with Journal(tmp_path / "journal.db") as journal:
        found = Line(journal, monkeypatch)
        found.later(0)
        yield found


async def test_a_service_that_asks_to_be_left_alone_is_no_outage_and_its_hour_is_kept(line: Line) -> None:
    outage, until = line.outage(), line.now + 600
    await outage.failed(Transient("not now (status 429)", retry_after=1.0))
    assert line.rests_until is None, "over before anybody could read it"
    await outage.failed(Transient("not now (status 429)", retry_after=600.0))
    assert line.rests_until == until
    assert line.away_since is None
    line.later(60)
    await outage.failed(Transient("not now (status 429)", retry_after=30.0))
    assert line.rests_until == until, "the later of both"
    assert quote(line.journal).rests_until == until
    line.later(600)
    assert quote(line.journal).rests_until is None


def quote(journal: Journal) -> quotes.Quote:
    return journal.read(quotes.quote, "studio", Caps(), None, (), dt.UTC)


async def test_a_minute_of_failures_is_an_outage_until_the_first_answer(
    line: Line, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.WARNING)
    outage, began = line.outage(), line.now
    for _ in range(5):
        await outage.failed(REFUSED)
        line.later(AWAY_AFTER / 3)
    assert line.away_since == began
    assert line.journal.read(accounts.state, "studio").away_why == "connection refused"
    await outage.answered()
    await outage.answered()
    assert line.away_since is None
    said = [record.getMessage() for record in caplog.records]
    assert len(said) == 2, "its beginning and its end, each once"
    assert said[0].startswith("studio does not answer since")
    assert said[1].startswith("studio answers again")


async def test_a_failure_among_answers_is_none(line: Line) -> None:
    outage = line.outage()
    for _ in range(10):
        await outage.failed(REFUSED)
        line.later(AWAY_AFTER)
        await outage.answered()
    assert line.away_since is None


async def test_failures_hours_apart_are_none(line: Line) -> None:
    outage = line.outage()
    for _ in range(5):
        await outage.failed(REFUSED)
        line.later(TOGETHER + 1)
    assert line.away_since is None


async def test_a_service_that_says_how_long_to_wait_answers(line: Line) -> None:
    outage = line.outage()
    for _ in range(5):
        await outage.failed(Transient("too many requests", retry_after=60))
        line.later(AWAY_AFTER)
    assert line.away_since is None


async def test_an_outage_goes_on_through_a_restart_and_ends_there(line: Line) -> None:
    outage, began = line.outage(), line.now
    await outage.failed(REFUSED)
    line.later(AWAY_AFTER)
    await outage.failed(REFUSED)
    line.later(10 * TOGETHER)
    again = line.outage()
    await again.failed(REFUSED)
    assert line.away_since == began
    await again.answered()
    assert line.away_since is None


async def test_a_silence_is_shown_within_seconds_and_told_of_after_a_minute(
    line: Line, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(outages, "SILENT_AFTER", 0.05)
    outage, began = line.outage(), line.now
    with outage.waiting():  # a call that hangs
        await eventually(lambda: line.away_since == began)
    await outage.answered()
    assert line.away_since is None
    line.later(1)
    await outage.failed(REFUSED)  # one that is refused at once, and nothing is asked for a while
    await eventually(lambda: line.away_since == began + 1)
    await outage.answered()
    with outage.waiting():
        pass
    await outage.failed(REFUSED)
    await outage.answered()
    await asyncio.sleep(0.1)
    assert line.away_since is None
    assert not caplog.records
