"""``artui trial``: one paid photo after a yes, and what it shows of the service; a second time it costs nothing."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import asdict
from pathlib import Path
from typing import Any

import pytest
from PIL import Image

from artui.cli.exits import Exit
from artui.config import paths
from artui.doctor import trial
from artui.doctor.finding import Level
from artui.engine.anchor import open_journal
from artui.journal import accounts
from artui.model.job import Job, Result
from tests.desk import Desk, Said
from tests.samples import new_job


@pytest.fixture
def photo(desk: Desk) -> Path:
    """A photo with a word in its EXIF."""
    desk.inbox.mkdir(parents=True, exist_ok=True)
    exif = Image.Exif()
    exif[0x010E] = "shoe"
    Image.effect_noise((300, 200), 80).convert("RGB").save(desk.inbox / "shoe.jpg", exif=exif)
    return desk.inbox / "shoe.jpg"


@pytest.fixture
def switches(desk: Desk) -> Iterator[dict[str, Any]]:
    """Switches of the stand-in that a test turns, put back afterwards."""
    before: dict[str, Any] = {}
    yield before
    desk.control("options", **before)


def tried(desk: Desk, photo: Path, *more: str) -> Said:
    return desk("trial", "studio", photo, "-w", "Export only", "-o", desk.out, "--json", *more)


def found_all(said: Said) -> list[dict[str, Any]]:
    [document] = [line for line in said.lines if line["type"] == "findings"]
    found: list[dict[str, Any]] = document["findings"]
    return found


def findings(said: Said) -> dict[str, dict[str, Any]]:
    return {one["check"].partition(" ")[0]: one for one in found_all(said)}


def test_of_the_host_that_results_come_from_nothing_else_is_told() -> None:
    results = (Result("x", host="files.example.com"), Result("y"))
    [told] = [trial._host(Job(**asdict(new_job()), results=results))]
    assert told.said == "the service points to files.example.com for results: a firewall must let artui get there"


def test_one_photo_is_bought_once_and_tells_of_the_service(desk: Desk, photo: Path) -> None:
    before = len(desk.simulator.ledger)
    assert tried(desk, photo).code == Exit.USAGE
    assert len(desk.simulator.ledger) == before
    said = tried(desk, photo, "--yes")
    found = findings(said)
    assert said.code == Exit.OK
    assert {word: one["level"] for word, one in found.items()} == {
        "time": "ok", "label": "ok", "digest": "ok", "list": "ok", "charge": "ok", "host": "ok", "usual": "ok",
        "result": "warning",
    }  # fmt: skip
    assert "EXIF lost" in found["result"]["said"]
    assert found["charge"]["said"] == "charged 10, quoted 10"
    with open_journal(paths()) as journal:
        [job] = desk("jobs", "--json").json
        payer = journal.read(lambda db: next(db.execute("SELECT payer FROM jobs"))[0])
        assert journal.read(accounts.labels_proven, payer)
    assert job["status"] == "done"
    report, plain = desk.folder / "report.json", desk.folder / "report.txt"
    assert findings(tried(desk, photo, "--yes", "--report", report)) == found
    written = json.loads(report.read_text())
    assert [one["check"] for one in written["findings"]] == [one["check"] for one in found_all(said)]
    assert (written["service"], written["workflow"]) == ("autoretouch", "Export only")
    assert tried(desk, photo, "--yes", "--report", plain).code == Exit.OK
    assert "charge         charged 10, quoted 10" in plain.read_text()
    token = desk.simulator.announcement()["autoretouch"]["refresh_token"]
    assert token not in report.read_text() + plain.read_text()
    for taken in (report, desk.folder / "none" / "report.txt"):
        assert tried(desk, photo, "--yes", "--report", taken).code == Exit.USAGE
    assert json.loads(report.read_text()) == written
    assert len(desk.simulator.ledger) == before + 1


def test_a_list_without_labels_proves_none(desk: Desk, photo: Path, switches: dict[str, Any]) -> None:
    switches["labels"] = "keep"
    desk.control("options", labels="details")
    found = findings(tried(desk, photo, "--yes"))
    assert (found["label"]["level"], found["list"]["level"]) == (Level.OK, Level.WARNING)


def test_a_charge_above_the_price_is_told(desk: Desk, photo: Path, switches: dict[str, Any]) -> None:
    switches["overcharge"] = 0
    desk.control("options", overcharge=47)
    assert findings(tried(desk, photo, "--yes"))["charge"]["level"] == Level.WARNING
