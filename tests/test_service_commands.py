"""`artui service`: what is done is shown first, nothing is done without a yes, and each step is told when it fails."""

from __future__ import annotations

import json
import os
import plistlib
import subprocess
import sys
from pathlib import Path

import pytest

from artui.cli import run, service
from artui.cli.exits import CommandError, Exit
from artui.cli.service import Launchd, Step, Systemd
from artui.cli.unit import hands_over, unit_file
from artui.config import paths
from artui.credentials import KeyStore, Secret, Vault
from artui.watch.systemd import FAILED_UNIT
from tests.documents import check

CONFIG = """
[accounts.studio]
provider = "autoretouch"
[[watch]]
account = "studio"
folder = "{0}"
output = "{0}/../out"
workflow = "Export only"
existing = "ignore"
"""


@pytest.fixture
def calls(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """A machine with systemd whose commands are only noted, one rule, and its sign-in in a file."""
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "xdg"))
    monkeypatch.setattr(sys, "argv", [str(Path(sys.executable).parent / "artui")])
    monkeypatch.setattr(service, "this_manager", Systemd)
    monkeypatch.setattr(service, "LINGERING", tmp_path)
    (tmp_path / "in").mkdir()
    paths().create()
    paths().config_file.write_text(CONFIG.format(tmp_path / "in"))
    Vault(paths()).keep("studio", Secret("a-token-of-the-file"), KeyStore.FILE)
    done: list[str] = []
    carry_out = Step.carry_out

    def note(step: Step) -> None:
        done.append(step.said)
        if step.file is not None:
            carry_out(step)

    monkeypatch.setattr(Step, "carry_out", note)
    return done


def test_a_service_is_installed_after_a_yes_and_removed_again(
    calls: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    place, beside = unit_file(of_system=False), unit_file(of_system=False, name=FAILED_UNIT)
    assert run(["service", "install", "--dry-run"]) == Exit.OK
    assert str(place) in capsys.readouterr().out
    assert run(["service", "install", "--dry-run", "--json"]) == Exit.OK
    check(["service", "install", "--dry-run", "--json"], told := capsys.readouterr().out)
    assert str(place) in [one["file"] for one in json.loads(told)["steps"]]
    assert run(["service", "install"]) == Exit.USAGE, "nobody can be asked here"
    assert not calls
    assert run(["service", "install", "--yes"]) == Exit.OK
    assert "ExecStart=" in place.read_text()
    assert f"OnFailure={beside.name}" in place.read_text()
    assert "notify ended" in beside.read_text()
    assert f"PartOf={place.name}" in beside.read_text()
    assert "SuccessExitStatus" not in beside.read_text(), "a stop would go on with its last command, which starts"
    assert [line for line in calls if "restart" in line]
    assert calls[0].startswith("run     loginctl enable-linger")
    assert run(["service", "remove", "--yes"]) == Exit.OK
    assert not place.exists()
    assert not beside.exists()


def test_a_service_that_could_not_start_is_not_installed(calls: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    Vault(paths()).forget("studio")
    assert run(["service", "install", "--yes"]) == Exit.USAGE
    assert "artui login studio --store file" in capsys.readouterr().err
    assert not calls


def test_a_unit_is_renewed_in_place_with_what_it_hears(calls: list[str]) -> None:
    assert run(["systemd-unit", "--renew"]) == Exit.USAGE, "none is installed"
    assert run(["service", "install", "--yes", "--webhook", "127.0.0.1:8787"]) == Exit.OK
    place = unit_file(of_system=False)
    whole = place.read_text()
    place.write_text(whole + "LoadCredential=studio.token:%h/x\n")
    assert hands_over("studio") == place
    assert hands_over("stud") is None
    assert run(["systemd-unit", "--renew"]) == Exit.OK
    assert place.read_text() == whole
    assert hands_over("studio") is None


def test_a_step_that_fails_says_so_and_what_may_fail_does_not() -> None:
    with pytest.raises(CommandError, match="failed: no"):
        Step(command=("sh", "-c", "echo no >&2; exit 1")).carry_out()
    with pytest.raises(CommandError, match=r"failed: 1\. Ask somebody"):
        Step(command=("false",), advice=". Ask somebody").carry_out()
    Step(command=("false",), may_fail=True).carry_out()
    with pytest.raises(CommandError):
        Step(command=("/not/there",)).carry_out()


def test_a_mac_gets_an_agent(calls: list[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setattr(service, "this_manager", Launchd)
    assert run(["service", "install", "--webhook", "127.0.0.1:8787", "--yes"]) == Exit.OK
    place = tmp_path / "Library/LaunchAgents/artui.watch.plist"
    agent = plistlib.loads(place.read_bytes())
    assert agent["ProgramArguments"][-3:] == ["watch", "--webhook", "127.0.0.1:8787"]
    assert ("ARTUI_HOME", os.environ["ARTUI_HOME"]) in agent["EnvironmentVariables"].items()
    assert [said.split()[:3] for said in calls][1:] == [
        ["run", "launchctl", "bootout"], ["run", "launchctl", "enable"], ["run", "launchctl", "bootstrap"],
    ]  # fmt: skip
    assert run(["service", "remove", "--yes"]) == Exit.OK
    assert not place.exists()


def test_how_an_agent_stands_is_what_launchd_says(
    calls: list[str], capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(service, "this_manager", Launchd)
    said = "gui/501/artui.watch = {\n\tstate = running\n\tpid = 4711\n\truns = 3\n}\n"
    answer = subprocess.CompletedProcess([], 0, said, "")
    monkeypatch.setattr(subprocess, "run", lambda *_, **__: answer)
    assert run(["service", "status"]) == Exit.OK
    assert "process 4711, restarted 2 times" in capsys.readouterr().out
    answer.stdout = ""
    assert run(["service", "status"]) == Exit.FAILED
