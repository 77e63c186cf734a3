"""The settings that could be read last hold while a fault stands in a file, and nothing is sent meanwhile."""

from __future__ import annotations

from pathlib import Path

import pytest
from click.testing import CliRunner

from artui import files
from artui.cli import run
from artui.cli.engine import status_command, stop_command
from artui.cli.session import Session
from artui.config import ConfigError, CurrentConfig, Paths, load, paths, usable
from artui.providers import capabilities

GOOD = '[accounts.studio]\nprovider = "autoretouch"\n'
TYPO = GOOD + "timezon = 3\n[accounts\n"


@pytest.fixture
def where(home: Path) -> Paths:
    found = paths({"ARTUI_HOME": str(home)})
    found.create()
    found.config_file.write_text(GOOD)
    return found


def engine_settings(where: Paths) -> CurrentConfig:
    return CurrentConfig(where, lambda: load(where, {}))


def test_a_fault_while_an_engine_runs_leaves_the_last_good_settings_and_is_named(where: Paths) -> None:
    settings = engine_settings(where)
    before = settings.config
    where.config_file.write_text(TYPO)
    settings.look()
    assert settings.config.accounts == before.accounts
    assert "line" in settings.config.fault
    assert "nothing is sent" in settings.outdated("studio", before)
    found = usable(where, {})
    assert (found.accounts, found.paths) == (settings.config.accounts, where)
    assert found.fault == settings.config.fault


def test_an_engine_that_starts_with_a_fault_follows_what_is_bought_and_pays_nothing(where: Paths) -> None:
    engine_settings(where)
    where.config_file.write_text(TYPO)
    settings = engine_settings(where)
    assert "nothing is sent" in settings.outdated("studio", settings.config)
    where.config_file.write_text(GOOD + "# mended\n")
    assert not settings.outdated("studio", settings.config)
    assert not settings.config.fault


def test_without_settings_that_were_ever_read_a_fault_stays_an_error(where: Paths) -> None:
    where.config_file.write_text(TYPO)
    with pytest.raises(ConfigError):
        usable(where, {})
    with pytest.raises(ConfigError):
        engine_settings(where)


def test_status_tells_the_fault_first_and_in_its_check(where: Paths) -> None:
    engine_settings(where)
    where.config_file.write_text(TYPO)
    session = Session(where, needs_sound=False)
    plain = CliRunner().invoke(status_command, [], obj=session, standalone_mode=False)
    assert "config.toml" in plain.stderr
    assert "No engine runs" in plain.stdout
    check = CliRunner().invoke(
        status_command, ["--check", "--json"], obj=Session(where, needs_sound=False), standalone_mode=False
    )
    assert '"config"' in check.stdout


def test_stop_ends_an_engine_whose_journal_cannot_be_read(where: Paths, monkeypatch: pytest.MonkeyPatch) -> None:
    ended: list[Paths] = []
    monkeypatch.setattr("artui.engine.lock.lock_is_held", lambda _: True)
    monkeypatch.setattr("artui.engine.client.end_by_signal", lambda given: ended.append(given) or 7)
    monkeypatch.setattr(Session, "journal", lambda _: (_ for _ in ()).throw(OSError("the disk is gone")))
    said = CliRunner().invoke(stop_command, [], obj=Session(where), standalone_mode=False)
    assert (said.exception, ended) == (None, [where])
    assert "process 7" in said.output


def test_a_dry_run_of_no_folder_and_an_owner_of_what_cannot_be_read(
    where: Paths, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert run(["watch", str(tmp_path / "nosuch"), "-a", "studio", "-w", "w", "-o", str(tmp_path), "--dry-run"]) == 2
    file = tmp_path / "a.jpg"
    file.write_bytes(b"x")
    file.chmod(0o640)

    def refuse(*_: object) -> None:
        raise PermissionError(13, "Permission denied", str(file))

    monkeypatch.setattr("artui.files.photo._look", refuse)
    with pytest.raises(files.BadPhoto, match="mode 0640"):
        files.inspect(file, capabilities("autoretouch").limits.accepts)


@pytest.mark.parametrize("words", [("jobs",), ("retry", "--failed"), ("pause", "--rule", "x"), ("metrics",)])
def test_whatever_looks_on_names_the_fault_first(
    words: tuple[str, ...], where: Paths, capsys: pytest.CaptureFixture[str]
) -> None:
    engine_settings(where)
    where.config_file.write_text(TYPO)
    code = run(words)
    told = capsys.readouterr()
    assert "config.toml" in told.err.splitlines()[0]
    if words == ("metrics",):
        assert (code, 'code="config"' in told.out) == (0, True)
