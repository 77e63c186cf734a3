"""Hours in which something new is sent: how they are read, when they begin, and that bought work is fetched always."""

from __future__ import annotations

import datetime as dt
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest

from artui.config import ConfigError, load, paths, write_private
from artui.config.hours import Hours, read
from artui.journal import rules
from artui.model.states import Reason, Stage, Status
from artui.sim.server import Simulator
from tests.studio import open_studio

BERLIN = ZoneInfo("Europe/Berlin")


@pytest.mark.parametrize(
    ("written", "now", "opens"),
    [
        ("mon-fri 07:00-19:00", "2026-11-30 07:00", None),
        ("mon-fri 07:00-19:00", "2026-11-30 06:59", "2026-11-30 07:00"),
        ("mon-fri 07:00-19:00", "2026-12-04 19:00", "2026-12-07 07:00"),
        ("mon-fri 07:00-19:00, sat 09:00-13:00", "2026-12-04 20:00", "2026-12-05 09:00"),
        ("sun 10:00-11:00", "2026-11-29 11:00", "2026-12-06 10:00"),
        ("fri-mon 07:00-08:00", "2026-11-30 09:00", "2026-12-04 07:00"),
        ("22:00-06:00", "2026-11-30 05:59", None),
        ("22:00-06:00", "2026-11-30 06:00", "2026-11-30 22:00"),
        ("fri 22:00-06:00", "2026-12-05 03:00", None),
        ("fri 22:00-06:00", "2026-12-04 03:00", "2026-12-04 22:00"),
        ("00:00-24:00", "2026-11-30 23:59", None),
        # Clocks go on at 02:00 on 29 March 2026 and back at 03:00 on 25 October 2026.
        ("02:30-04:00", "2026-03-29 00:30", "2026-03-29 03:30"),
        ("07:00-19:00", "2026-03-28 20:00", "2026-03-29 07:00"),
        ("22:00-06:00", "2026-10-25 05:30", None),
        ("07:00-19:00", "2026-10-24 20:00", "2026-10-25 07:00"),
    ],
)
def test_when_hours_begin(written: str, now: str, opens: str | None) -> None:
    found = read(written).opens(_at(now), BERLIN)
    assert found == (None if opens is None else _at(opens))


def _at(text: str) -> float:
    return dt.datetime.fromisoformat(text).replace(tzinfo=BERLIN).timestamp()


def test_the_hour_that_comes_twice_is_within_both_times() -> None:
    twice = read("02:00-03:00")
    for fold in (0, 1):
        at = dt.datetime(2026, 10, 25, 2, 30, tzinfo=BERLIN, fold=fold).timestamp()
        assert twice.opens(at, BERLIN) is None


@pytest.mark.parametrize(
    "written", ["", "mon", "7-19", "mon-fry 07:00-19:00", "07:00-07:00", "07:60-08:00", "24:00-25:00"]
)
def test_hours_that_are_none_are_refused_with_their_line(written: str) -> None:
    where = paths()
    where.create()
    text = f'[accounts.studio]\nprovider = "autoretouch"\nhours = "{written}"\n'
    write_private(where.config_file, text.encode())
    with pytest.raises(ConfigError, match=r"line 3: accounts\.studio\.hours"):
        load()


async def test_outside_of_its_hours_nothing_is_sent_and_what_is_bought_is_fetched(
    simulator: Simulator, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    is_open = [True]
    opens = Hours.opens
    monkeypatch.setattr(
        Hours, "opens", lambda self, now, zone: None if is_open[0] else opens(read("00:00-00:01"), now + 120, zone)
    )
    async with open_studio(simulator, monkeypatch, tmp_path, more='hours = "00:00-24:00"') as studio:
        [bought] = await studio.add(studio.photos(1))
        await studio.start()
        await studio.until(lambda: studio.job(bought).stage is Stage.SUBMITTED)
        is_open[0] = False
        [waits] = await studio.add(studio.photos(1))
        await studio.until(lambda: studio.job(waits).reason == Reason.HOURS)
        await studio.until(lambda: studio.job(bought).status is Status.DONE)
        job = studio.job(waits)
        assert (job.stage, job.status) == (Stage.CHECKED, Status.WAITING)
        assert "outside its hours (00:00-24:00): sent from" in job.message
        assert studio.requests_to("/upload") == 1
        is_open[0] = True
        await studio.journal.write_async(rules.look_at_hours, "account", "studio")
        await studio.at_rest()
        assert studio.job(waits).status is Status.DONE
        assert len(simulator.ledger) == 2
        studio.check()
