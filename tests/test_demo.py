"""``artui demo``: the whole journey without an account or a terminal, and nothing left running."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from artui.cli import stage
from artui.sim.photos import noise_jpeg
from tests.documents import check
from tests.waiting import until

DEMO = [sys.executable, "-m", "artui", "demo"]


@pytest.fixture(autouse=True)
def temporary(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder for temporary files, so that what is left behind can be seen; and a foreign setting to be ignored."""
    folder = tmp_path / "tmp"
    folder.mkdir()
    monkeypatch.setenv("TMPDIR", str(folder))
    monkeypatch.setenv("ARTUI_ACCOUNT", "another")
    monkeypatch.setenv("https_proxy", "http://127.0.0.1:9")
    return folder


def test_every_good_sample_comes_back_and_the_money_agrees(temporary: Path) -> None:
    done = subprocess.run(DEMO, capture_output=True, text=True, check=False, timeout=90)
    assert done.returncode == 0, done.stderr
    table = done.stdout.splitlines()
    assert table[0].split() == ["file", "workflow", "stage", "cost", "result"]
    assert sum(" saved " in row for row in table) == 8
    assert any(row.startswith("10517 shirt navy cut off.jpg") and row.endswith("truncated") for row in table)
    assert "quoted 175, charged 175 credits" in table
    assert "balance before 5,000, after 4,825 credits" in table
    results = Path(table[-1].removeprefix("results are in "))
    assert len(list(results.iterdir())) == 8
    assert "\x1b" not in done.stdout + done.stderr
    assert "\r" not in done.stdout + done.stderr
    assert left_in(temporary) == {"results"}


def test_a_folder_of_ones_own_a_place_for_results_and_json(tmp_path: Path, temporary: Path) -> None:
    inbox = tmp_path / "mine"
    inbox.mkdir()
    noise_jpeg(inbox / "a b.jpg", 20_000, 1)
    done = subprocess.run(
        [*DEMO, str(inbox), "-o", str(tmp_path / "out"), "--json"],
        capture_output=True, text=True, check=False, timeout=90,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    check(["demo"], done.stdout)
    told = json.loads(done.stdout)
    assert (told["ok"], told["charged"]) == (True, told["balance_before"] - told["balance_after"])
    assert [path.name for path in (tmp_path / "out").iterdir()] == ["a b.png"]
    assert [path.name for path in inbox.iterdir()] == ["a b.jpg"]
    assert list(temporary.iterdir()) == []


@pytest.mark.parametrize(("number", "code"), [(signal.SIGINT, 130), (signal.SIGKILL, -signal.SIGKILL)])
@pytest.mark.usefixtures("procfs")
def test_however_it_ends_it_leaves_no_process_behind(temporary: Path, number: signal.Signals, code: int) -> None:
    with subprocess.Popen(DEMO, stderr=subprocess.PIPE, text=True) as child:
        assert child.stderr
        for line in child.stderr:
            if ": sent" in line:
                break
        assert len(running_under(temporary)) == 2
        child.send_signal(number)
        assert "Fatal" not in child.stderr.read()
        assert child.wait(30) == code
    until(lambda: not running_under(temporary), told=lambda: running_under(temporary))
    assert number is signal.SIGKILL or left_in(temporary) <= {"results"}


def test_photos_arrive_in_the_watched_folder_by_themselves(tmp_path: Path) -> None:
    for folder in (stage.COMING, stage.INBOX):
        (tmp_path / folder).mkdir()
    for number in range(3):
        noise_jpeg(tmp_path / stage.COMING / f"{number}.jpg", 2_000, number)
    with stage.arriving(tmp_path, 0.01, 0.01):
        until(lambda: len(list((tmp_path / stage.INBOX).iterdir())) == 3)
    assert not list((tmp_path / stage.COMING).iterdir())
    with stage.arriving(tmp_path, 3600):
        pass  # it ends with the demo, whatever is still to come


def left_in(temporary: Path) -> set[str]:
    return {path.name for top in temporary.iterdir() for path in top.iterdir()}


def running_under(temporary: Path) -> list[str]:
    """The command lines of the processes whose home is in this folder."""
    found = []
    for process in Path("/proc").iterdir():
        try:
            environment = (process / "environ").read_bytes()
        except (OSError, NotADirectoryError):
            continue
        if f"ARTUI_HOME={temporary}".encode() in environment and process.name != str(os.getpid()):
            found.append((process / "cmdline").read_text().replace("\0", " "))
    return found
