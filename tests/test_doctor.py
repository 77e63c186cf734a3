"""``artui doctor``: each fault is told in a line with what to do, no check ends another, and no secret is shown."""

from __future__ import annotations

import socket
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from artui.cli.exits import Exit
from artui.config import paths
from artui.doctor import machine
from artui.doctor.finding import Level
from artui.doctor.service import CLOCK_FAILS
from tests.desk import Desk, Said


def findings(said: Said, subject: str = "studio") -> dict[str, dict[str, Any]]:
    """What was found of one subject, by check."""
    return {one["check"]: one for one in said.json["findings"] if one["subject"] == subject}


@pytest.fixture
def closed_port() -> Iterator[int]:
    """A port of this machine that nothing listens on."""
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        yield taken.getsockname()[1]


def rewrite(old: str, new: str) -> None:
    """Change the settings."""
    file = paths().config_file
    assert old in file.read_text()
    file.write_text(file.read_text().replace(old, new))


def test_all_is_well_and_no_secret_is_shown(desk: Desk) -> None:
    said = desk("doctor", "--json")
    found = findings(said)
    assert said.code == Exit.OK
    assert {one["level"] for one in found.values()} == {Level.OK}
    assert list(found) == [
        "sign-in", "organizations", "workflows", "workflow", "balance", "executions", "limits", "clock",
    ]  # fmt: skip
    token = desk.simulator.announcement()["autoretouch"]["refresh_token"]
    assert token not in said.out + said.err
    assert token[:12] not in said.out + said.err
    assert desk.simulator.ledger == []
    assert not paths().journal.exists()


def test_a_person_reads_one_line_for_each_finding(desk: Desk) -> None:
    said = desk("doctor", "studio")
    assert said.code == Exit.OK
    assert "studio\n  ok       sign-in        token from the environment (ARTUI_STUDIO_TOKEN)" in said.out


def test_a_wrong_token_ends_the_questions_and_the_command_with_4(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ARTUI_STUDIO_TOKEN", "canary-4711")
    said = desk("doctor", "--json")
    assert said.code == Exit.LOGIN
    assert list(findings(said)) == ["sign-in", "clock"]
    assert findings(said)["sign-in"]["do"] == "`artui login studio`"
    assert "canary" not in said.out + said.err


def test_no_token_is_told_without_a_request(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("ARTUI_STUDIO_TOKEN")
    said = desk("doctor", "--json")
    assert said.code == Exit.LOGIN
    assert list(findings(said)) == ["sign-in"]


def test_no_network_is_told_once_and_ends_with_3(desk: Desk, closed_port: int) -> None:
    rewrite(desk.simulator.url, f"http://127.0.0.1:{closed_port}")
    said = desk("doctor", "--json")
    assert said.code == Exit.NETWORK
    assert [one["level"] for one in findings(said).values()] == [Level.FAULT]


def test_a_wrong_organization_is_told_with_those_there_are(desk: Desk) -> None:
    organization = desk.simulator.announcement()["autoretouch"]["organization"]
    rewrite(organization, "Acme Fotwear")
    said = desk("doctor", "--json")
    assert said.code == Exit.FAILED
    faults = [one for one in findings(said).values() if one["level"] == Level.FAULT]
    assert any("Acme Footwear" in one["said"] for one in faults)


@pytest.mark.parametrize(("ahead", "level"), [(-600, Level.FAULT), (90, Level.WARNING), (5, Level.OK)])
def test_a_clock_that_is_off_is_told(desk: Desk, ahead: float, level: Level) -> None:
    desk.control("options", clock=ahead)
    said = desk("doctor", "--json")
    assert findings(said)["clock"]["level"] == level
    assert said.code == (Exit.FAILED if abs(ahead) > CLOCK_FAILS else Exit.OK)


def test_settings_that_cannot_be_read_are_a_finding(desk: Desk) -> None:
    rewrite("[accounts.studio]", "[accounts.studio]\nworkflow = 3\n")
    said = desk("doctor", "--json")
    assert said.code == Exit.FAILED
    assert "workflow must be text" in findings(said, "settings")["config"]["said"]
    assert findings(said, "this machine")["versions"]["level"] == Level.OK


def test_a_watched_folder_that_is_not_there_is_told_and_a_full_disk_too(
    desk: Desk, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    rule = f"""
[[watch]]
folder = "{tmp_path}/gone"
output = "{tmp_path}/out"
account = "studio"
workflow = "Export only"
existing = "process"
"""
    with paths().config_file.open("a") as config:
        config.write(rule)
    monkeypatch.setattr(machine.files, "free_bytes", lambda _: 5_000_000)
    said = desk("doctor", "--json")
    found = findings(said, f"rule {tmp_path}/gone")
    assert said.code == Exit.FAILED
    assert found["folder"]["level"] == Level.FAULT
    assert "is not there" in found["folder"]["said"]
    assert found["output"]["level"] == Level.WARNING
    assert "only 5 MB free" in found["output"]["said"]


def test_small_limits_of_the_kernel_are_told_with_the_command(tmp_path: Path) -> None:
    (tmp_path / "max_user_watches").write_text("8192\n")
    (tmp_path / "max_user_instances").write_text("128\n")
    watches, instances = machine.inotify(tmp_path)
    assert (watches.level, instances.level) == (Level.WARNING, Level.OK)
    assert "sysctl fs.inotify.max_user_watches=" in watches.do
