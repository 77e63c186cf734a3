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
    assert "studio\n  ok       sign-in        key from the environment (ARTUI_STUDIO_TOKEN)" in said.out


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
    [fault] = [one for one in findings(said).values() if one["level"] == Level.FAULT]
    assert "Acme Footwear" in fault["said"]
    assert fault["do"] == "`artui login studio --organization …` with one of them"


ROUTES = ("organizations", "workflows", "workflow", "balance", "list")


@pytest.mark.parametrize("do", ["html", "status:500", "truncate"])
def test_each_route_that_answers_oddly_is_told_in_one_line_and_hides_no_other(desk: Desk, do: str) -> None:
    for route in ROUTES:
        desk.simulator.faults.add([{"route": f"autoretouch.{route}", "do": do, "times": -1}])
        found = findings(desk("doctor", "--json")).values()
        desk.simulator.faults.clear()
        [odd] = [one for one in found if one["level"] != Level.OK]
        assert odd["do"], route
        assert len(found) >= 6, route


def test_what_stands_in_the_way_of_every_question_is_told_once(desk: Desk) -> None:
    desk.simulator.faults.add([{"route": "autoretouch.*", "do": "html", "times": -1}])
    said = desk("doctor", "--json")
    assert said.code == Exit.NETWORK
    [odd] = [one for one in findings(said).values() if one["level"] != Level.OK]
    assert "is a web page" in odd["said"]
    assert "check network, proxy" in odd["do"]


@pytest.mark.parametrize(
    ("service", "settings"),
    [("retouch4me", ""), ("filestack", 'api_key = "Akey"\ncdn_url = "{0}"\nupload_url = "{0}"')],
)
def test_every_service_tells_once_that_nothing_is_reached_and_trial_queues_nothing(
    desk: Desk, closed_port: int, service: str, settings: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    address = f"http://127.0.0.1:{closed_port}"
    more = settings.format(address) or f'balance_url = "{address}"'
    paths().config_file.write_text(f'[accounts.other]\nprovider = "{service}"\napi_url = "{address}"\n{more}\n')
    monkeypatch.setenv("ARTUI_OTHER_TOKEN", "canary-4711")
    said = desk("doctor", "--json")
    assert said.code == Exit.NETWORK
    [fault] = findings(said, "other").values()
    assert (fault["level"], fault["area"]) == (Level.FAULT, "network")
    assert "check network" in fault["do"]
    said = desk("trial", "other", desk.photo(), "-w", "portrait-normal", "-o", desk.out, "--yes")
    assert said.code == Exit.NETWORK
    assert "no connection" in said.err
    assert not paths().journal.exists()


def test_retouch4me_that_does_not_tell_the_balance_is_a_warning_with_the_reason(desk: Desk) -> None:
    given = desk.simulator.announcement()["retouch4me"]
    paths().config_file.write_text(
        f'[accounts.studio]\nprovider = "retouch4me"\napi_url = "{given["api_url"]}"\n'
        f'balance_url = "{given["balance_url"]}"\n'
    )
    desk.monkeypatch.setenv("ARTUI_STUDIO_TOKEN", given["token"])
    desk.simulator.faults.add([{"route": "retouch4me.*", "do": "html", "times": -1}])
    said = desk("doctor", "--json")
    found = findings(said)
    assert said.code == Exit.OK
    assert (found["sign-in"]["level"], found["balance"]["level"]) == (Level.WARNING, Level.WARNING)
    assert "a web page comes in its place" in found["balance"]["said"]


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
