"""The day of a cap: no single wrong clock turns it, nothing turns it back, and clocks far apart are told."""

from __future__ import annotations

import asyncio
import logging
import time
from datetime import UTC, datetime
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest

from artui import budget
from artui.config import Caps, paths
from artui.engine.anchor import open_journal
from artui.journal import Connection, Journal, accounts, books
from artui.model.states import Reason, Status
from artui.sim.server import Simulator
from tests.desk import Desk
from tests.studio import open_studio

DAY = 86_400.0
NOON = datetime(2026, 5, 10, 12, tzinfo=UTC).timestamp()


@pytest.fixture
def journal(tmp_path: Path) -> Journal:
    return Journal(tmp_path / "journal.db")


def turned(journal: Journal, machine: float, service: float | None) -> str:
    now = budget.terms(Caps(), UTC, machine, service)
    return journal.write(accounts.turn_day, "studio", now.today, latest=now.latest, heard=now.heard)


def test_the_day_is_that_of_the_clock_which_is_behind_and_never_turns_back(journal: Journal) -> None:
    assert turned(journal, NOON, NOON) == "2026-05-10"
    assert turned(journal, NOON, NOON + 40 * DAY) == "2026-05-10"
    assert turned(journal, NOON + 40 * DAY, NOON) == "2026-05-10"
    assert turned(journal, NOON + DAY, NOON + DAY) == "2026-05-11"
    assert turned(journal, NOON, NOON) == "2026-05-11"
    assert turned(journal, NOON - 400 * DAY, NOON + DAY) == "2026-05-11"


def test_the_day_does_not_turn_before_the_service_was_heard(journal: Journal) -> None:
    assert turned(journal, NOON, None) == "2026-05-10"
    assert turned(journal, NOON, NOON) == "2026-05-10"
    assert turned(journal, NOON + DAY, None) == "2026-05-10"
    assert journal.read(accounts.day, "studio", "2026-05-11", heard=False) == "2026-05-10"
    assert turned(journal, NOON + DAY, NOON + DAY) == "2026-05-11"


def test_a_day_that_an_earlier_version_took_from_a_wrong_clock_is_set_back_once(journal: Journal) -> None:
    def as_before(db: Connection) -> None:
        db.execute("INSERT INTO accounts (name, day, day_sure) VALUES ('studio', '2027-06-01', 0)")

    journal.write(as_before)
    assert turned(journal, NOON + DAY, None) == "2027-06-01"
    assert turned(journal, NOON, NOON) == "2026-05-10"
    journal.write(lambda db: db.execute("UPDATE accounts SET day = '2027-06-01'"))
    assert turned(journal, NOON, NOON) == "2027-06-01"


async def test_a_date_far_ahead_renews_no_cap_and_freezes_none(
    simulator: Simulator, monkeypatch: pytest.MonkeyPatch, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    async with open_studio(simulator, monkeypatch, tmp_path, more="[accounts.studio.caps]\nday = 30") as studio:
        await studio.add(studio.photos(6))
        await studio.start()
        await studio.at_rest()
        assert sum(charge["credits"] for charge in simulator.ledger) == 30
        with caplog.at_level(logging.WARNING):
            simulator.switch({"clock": 40 * DAY, "clock_for": 2})
            await studio.ask("refresh", account="studio")
            await studio.until(lambda: "h apart" in caplog.text)
            await asyncio.sleep(1)
        assert sum(charge["credits"] for charge in simulator.ledger) == 30
        assert all(job.reason == Reason.CAP for job in studio.jobs() if job.status is Status.HELD)
        # The next day comes for both, and the cap is renewed.
        await studio.stop()
        simulator.switch({"clock": DAY})
        plain = time.time
        monkeypatch.setattr(time, "time", lambda: plain() + DAY)
        await studio.start()
        await studio.until(lambda: all(job.status is Status.DONE for job in studio.jobs()))
        assert sum(charge["credits"] for charge in simulator.ledger) == 60
        await studio.stop()


@pytest.mark.parametrize("clock", [40 * DAY, -40 * DAY, 400 * 365 * DAY, -60 * 365 * DAY])
async def test_a_wrong_date_hinders_no_photo(
    simulator: Simulator, monkeypatch: pytest.MonkeyPatch, tmp_path: Path, clock: float
) -> None:
    async with open_studio(simulator, monkeypatch, tmp_path, more="[accounts.studio.caps]\nday = 30") as studio:
        simulator.switch({"clock": clock})
        await studio.add(studio.photos(4))
        await studio.start()
        await studio.at_rest()
        await studio.stop()
        assert sum(charge["credits"] for charge in simulator.ledger) == 30
        studio.check(clocks_agree=False)


def test_times_and_days_are_told_in_the_zone_of_the_settings(desk: Desk) -> None:
    desk.photo()
    desk.photo("a copy.jpg")
    desk.send()
    bought, copy = sorted(desk.jobs(), key=lambda job: job["twin_of"] is not None)
    made = datetime.fromtimestamp(bought["created_at"], UTC)
    for zone in ("Pacific/Kiritimati", "Pacific/Pago_Pago"):  # 25 hours apart
        desk.monkeypatch.setenv("ARTUI_TIMEZONE", zone)
        local = made.astimezone(ZoneInfo(zone))
        assert f"{local:%Y-%m-%d %H:%M}" in desk("job", str(bought["id"])).out
        assert f"{local:%Y-%m-%d %H:%M}" in desk("why", bought["source"]).out
        assert f"{local:%Y-%m-%d}" in desk("executions", "-w", "Export only", "--limit", "9").out
        with open_journal(paths()) as journal:
            ordered = journal.read(books.costs, books.Grouping.DAY, ZoneInfo(zone), jobs=[copy["id"]])
        assert [line.group for line in ordered] == [f"{local:%Y-%m-%d}"]
    desk("stop")
    desk("backup", desk.folder / "backup.zip")
    now = datetime.now(ZoneInfo(zone))
    assert f"A backup of {now:%Y-%m-%d}" in desk("restore", desk.folder / "backup.zip", "--dry-run").out
