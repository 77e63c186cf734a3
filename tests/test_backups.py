"""``artui backup`` and ``artui restore``: right while everything runs, never a secret, and nothing is bought again."""

from __future__ import annotations

import os
import shutil
import stat
import zipfile
from pathlib import Path

import pytest

from artui.cli.exits import Exit
from artui.config import paths
from artui.engine.backups import ABOUT, JOURNAL
from artui.sim.server import Simulator
from tests.desk import Desk


@pytest.fixture
def stand_in(simulator: Simulator) -> Simulator:
    """A stand-in for each test: no journal but its own has ordered there."""
    return simulator


def test_what_was_bought_after_a_backup_is_not_bought_again_once_it_is_put_back(desk: Desk) -> None:
    desk.photo("first.jpg", 0)
    desk.send()
    backup = desk.folder / "backup.zip"
    assert desk("backup", backup).out == f"{backup}\n"
    assert stat.S_IMODE(backup.stat().st_mode) == 0o600
    for seed in range(1, 4):
        desk.photo(f"later {seed}.jpg", seed)
    desk.send()
    assert desk("restore", backup, "--yes").code == Exit.LOCKED
    desk("stop")
    before = desk.jobs()
    assert desk("restore", backup, "--dry-run").code == Exit.OK
    assert desk("restore", backup, "--dry-run", "--json").json["jobs"] == 1
    assert desk("restore", backup).code == Exit.USAGE
    assert desk.jobs() == before
    said = desk("restore", backup, "--yes")
    assert said.code == Exit.OK, said.err
    assert "3 were bought whose photos are not known here" in said.err
    assert desk.jobs()[0]["source"].endswith("first.jpg")
    assert desk.send().code == Exit.OK
    assert len(desk.simulator.ledger) == 4


def test_a_backup_put_back_where_nothing_was_bought_since_goes_on_as_it_is(desk: Desk) -> None:
    desk.photo()
    desk.send()
    desk("stop")
    folder = desk.folder / "backups"
    folder.mkdir()
    desk("backup", folder)
    [backup] = folder.iterdir()
    paths().journal.unlink()
    said = desk("restore", backup, "--yes")
    assert said.code == Exit.OK
    assert "Nothing was bought since" in said.err
    assert desk.send().code == Exit.OK
    assert len(desk.simulator.ledger) == 1


def test_a_backup_moves_to_another_home_with_its_settings(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    desk.photo()
    desk.send()
    desk("stop")
    backup = desk.folder / "backup.zip"
    desk("backup", backup)
    monkeypatch.setenv("ARTUI_HOME", str(desk.folder / "elsewhere"))
    assert desk("restore", backup, "--yes").code == Exit.OK
    assert "[accounts.studio]" in paths().config_file.read_text()
    assert desk.send().code == Exit.OK
    assert len(desk.simulator.ledger) == 1


def test_no_secret_is_in_a_backup(desk: Desk) -> None:
    desk.photo()
    desk.send()
    config = paths().config_file
    config.write_text('proxy = "http://mara:hush@127.0.0.1:3128"\n' + config.read_text())
    secrets = [path.read_bytes() for path in paths().credentials.rglob("*") if path.is_file()]
    secrets.append(os.environ["ARTUI_STUDIO_TOKEN"].encode())
    desk("backup", desk.folder / "backup.zip")
    with zipfile.ZipFile(desk.folder / "backup.zip") as archive:
        assert set(archive.namelist()) == {"about.json", "config.toml", "journal.db"}
        content = b"".join(map(archive.read, archive.namelist()))
    assert b"hush" not in content
    assert b'proxy = "http://127.0.0.1:3128"' in content
    assert not any(secret in content for secret in secrets if secret)


@pytest.mark.parametrize("spoil", [
    lambda file: file.write_bytes(b""),
    lambda file: file.write_bytes(b"no archive at all" * 1000),
    lambda file: file.write_bytes(file.read_bytes()[: file.stat().st_size // 2]),
    lambda file: file.write_bytes(file.read_bytes().replace(b"journal.db", b"another.db")),
    lambda file: file.unlink(),
    lambda file: file.write_bytes(file.read_bytes()[:300] + b"\x55" * 2000 + file.read_bytes()[2300:]),
    lambda file: garble(file, ABOUT, data=b"\xff" * 8),
    lambda file: garble(file, JOURNAL, data=b"\xff" * 8),
    lambda file: garble(file, JOURNAL, flags=1),
    lambda file: garble(file, ABOUT, method=14),
])  # fmt: skip
def test_what_is_no_whole_backup_changes_nothing(desk: Desk, spoil: object) -> None:
    desk.photo()
    desk.send()
    desk("stop")
    backup = desk.folder / "backup.zip"
    desk("backup", backup)
    spoil(backup)  # type: ignore[operator]
    before = desk.jobs()
    said = desk("restore", backup, "--yes")
    assert said.code == Exit.USAGE
    assert "Nothing was changed" in said.err
    assert desk.jobs() == before
    assert not list(paths().state.glob("*.restored*"))


def garble(file: Path, name: str, *, data: bytes = b"", flags: int = 0, method: int = 8) -> None:
    """Spoil one file in a backup: the beginning of its packed bytes, or what its table of contents says of it."""
    with zipfile.ZipFile(file) as archive:
        entry, table = archive.getinfo(name), archive.start_dir
    content = bytearray(file.read_bytes())
    place = entry.header_offset + 30 + len(name)
    content[place : place + len(data)] = data
    listed = content.index(name.encode(), table) - 46
    content[listed + 8 : listed + 12] = flags.to_bytes(2, "little") + method.to_bytes(2, "little")
    file.write_bytes(content)


def test_a_backup_that_cannot_be_written_leaves_the_one_before(desk: Desk) -> None:
    desk("jobs")
    assert desk("backup", desk.folder / "no such folder" / "backup.zip").code == Exit.USAGE
    kept = desk.folder / "backup.zip"
    kept.write_text("the one before")
    shutil.copytree(paths().state, desk.folder / "state")
    content = paths().journal.read_bytes()
    paths().journal.write_bytes(content[:5000] + b"\x55" * 5000 + content[10000:])
    assert desk("backup", kept).code != Exit.OK
    assert kept.read_text() == "the one before"
    assert [path.name for path in desk.folder.glob(".*")] == []
