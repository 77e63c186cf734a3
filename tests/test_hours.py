"""Hours in which something new is sent: how they are read, when they begin, and that bought work is fetched always."""

from __future__ import annotations

import datetime as dt
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest

from artui.cli.rules import standings
from artui.config import Config, ConfigError, Origin, Source, load, paths, write_private
from artui.config.hours import DAYS, Hours, read
from artui.journal import Journal, rules
from artui.model.states import Reason, Stage, Status
from artui.sim.server import Simulator
from artui.watch.rules import make_rule
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


async def test_another_time_zone_counts_at_once(
    simulator: Simulator, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    begin, end = (dt.datetime.now(dt.UTC) + dt.timedelta(hours=hours) for hours in (5, 7))
    more = f'hours = "{begin:%H:%M}-{end:%H:%M}"'
    async with open_studio(simulator, monkeypatch, tmp_path, more=more) as studio:
        in_zone("UTC")
        [waits] = await studio.add(studio.photos(1))
        await studio.start()
        await studio.until(lambda: studio.job(waits).reason == Reason.HOURS)
        in_zone("Etc/GMT-6")
        await studio.until(lambda: studio.job(waits).status is Status.DONE)
        in_zone("UTC")
        [waits] = await studio.add(studio.photos(1))
        await studio.until(lambda: studio.job(waits).reason == Reason.HOURS)
        assert len(simulator.ledger) == 1
        studio.check()


def in_zone(zone: str) -> None:
    """Set the time zone in the settings, before all tables."""
    file = paths().config_file
    written = [line for line in file.read_text().splitlines() if not line.startswith("timezone")]
    write_private(file, "\n".join([f'timezone = "{zone}"', *written]).encode())


def configured(more: str) -> Config:
    where = paths()
    where.create()
    accounts = "".join(f'[accounts.{name}]\nprovider = "autoretouch"\n{said}\n' for name, said in ACCOUNTS.items())
    write_private(where.config_file, f"{accounts}{more}".encode())
    return load()


ACCOUNTS = {"studio": "", "night": 'hours = "22:00-06:00"'}


def test_hours_of_a_service_hold_for_its_accounts_that_say_none() -> None:
    found = configured(
        '[services.autoretouch]\nhours = "mon-fri 07:00-19:00"\n[services.filestack]\nhours = "08:00-09:00"\n'
    )
    assert [found.accounts[name].hours for name in ACCOUNTS] == ["mon-fri 07:00-19:00", "22:00-06:00"]
    assert found.sources["accounts.studio.hours"].key == ("services", "autoretouch", "hours")
    rule = {"folder": "/in", "output": "/out", "workflow": "w", "account": "studio", "existing": "ignore"}
    assert make_rule(found, rule, Source(Origin.FLAG)).hours == "mon-fri 07:00-19:00"


@pytest.mark.parametrize(
    ("more", "said"),
    [
        ('[services.autoretusch]\nhours = "07:00-19:00"', "services.autoretusch must be one of"),
        ('[services.autoretouch]\nhours = "7-19"', "services.autoretouch.hours must be hours like"),
        ("[services.autoretouch]\nstrict = true", "services.autoretouch.strict is no setting of"),
    ],
)
def test_what_a_service_cannot_say_is_refused_with_its_line(more: str, said: str) -> None:
    with pytest.raises(ConfigError, match=said):
        configured(more)


def test_status_says_when_the_hours_of_a_rule_begin(tmp_path: Path) -> None:
    now = dt.datetime.now(BERLIN)
    tomorrow = DAYS[(now.weekday() + 1) % 7]
    with Journal(tmp_path / "journal.db") as journal:
        for name, hours in (("boots", f"{tomorrow} 07:00-08:00"), ("shoes", "")):
            journal.write(
                rules.load, name, name=name, folder=tmp_path / name, account="studio", run=None, day=None, month=None,
                twins="once", hours=hours,
            )  # fmt: skip
        found = {one.name: one for one in journal.read(standings, BERLIN, ("boots", "shoes"), watched=False)}
    assert f"sends from {tomorrow} 07:00 on" in found["boots"].line()
    assert found["boots"].document()["hours_begin"] is not None
    assert "sends from" not in found["shoes"].line()
    assert found["shoes"].document()["hours_begin"] is None
