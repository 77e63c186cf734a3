"""The systemd unit: it names this very artui, opens what the rules need and no more, and systemd accepts it."""

from __future__ import annotations

import json
import os
import pwd
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from artui.cli import run
from artui.cli.exits import CommandError, Exit
from artui.cli.unit import quoted
from artui.config import paths
from artui.credentials import KeyStore, Secret, Vault

ACCOUNTS = """
[accounts.studio]
provider = "autoretouch"
[accounts.outlet]
provider = "autoretouch"
"""
RULE = """
[[watch]]
account = "{account}"
folder = "{folder}"
output = {output}
workflow = "Export only"
existing = "ignore"
"""


Make = Callable[..., tuple[int, str, str]]


@pytest.fixture
def folders(tmp_path: Path) -> tuple[Path, Path]:
    """A watched folder and one for results, with names that a unit must write with care."""
    inbox, output = tmp_path / "my 100% $in", tmp_path / """it's a "b" \\out"""
    inbox.mkdir()
    return inbox, output


@pytest.fixture
def make(
    folders: tuple[Path, Path], tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> Make:
    """Runs ``artui systemd-unit`` as the program beside this interpreter, with two rules and one token in a file."""
    monkeypatch.setattr(sys, "argv", [str(Path(sys.executable).parent / "artui")])
    monkeypatch.setenv("ARTUI_OUTLET_TOKEN", "a-token-of-the-environment")
    where = paths()
    where.create()
    rules = (("studio", folders[0], f"{folders[1]}/{{date}}"), ("outlet", tmp_path / "b", tmp_path / "results"))
    text = ACCOUNTS + "".join(
        RULE.format(account=account, folder=folder, output=json.dumps(str(output))) for account, folder, output in rules
    )
    where.config_file.write_text(text)
    Vault(where).keep("studio", Secret("a-token-of-the-file"), KeyStore.FILE)

    def run_it(*options: str) -> tuple[int, str, str]:
        capsys.readouterr()
        code = run(["systemd-unit", *options])
        printed = capsys.readouterr()
        return code, printed.out, printed.err

    return run_it


def settings(unit: str, key: str) -> list[str]:
    return [line.removeprefix(f"{key}=") for line in unit.splitlines() if line.startswith(f"{key}=")]


def test_a_unit_protects_the_system_and_pins_no_mount(make: Make, folders: tuple[Path, Path], tmp_path: Path) -> None:
    code, unit, said = make()
    assert code == Exit.OK
    assert settings(unit, "ExecStart") == [f"{Path(sys.executable).parent}/artui watch"]
    assert settings(unit, "ProtectSystem") == ["full"]
    assert settings(unit, "PrivateUsers") == ["yes"], "else a user's manager protects nothing"
    for pinning in ("RequiresMountsFor", "ReadWritePaths", "BindPaths", "ProtectHome", "UMask"):
        assert settings(unit, pinning) == [], "a share may come, go and be written for others, and only its rule minds"
    assert settings(unit, "Type") == ["notify"]
    assert settings(unit, "Environment") == [f"ARTUI_HOME={os.environ['ARTUI_HOME']}"]
    assert "PrivateTmp" not in unit, "the folders of this test lie in /tmp, which a private one would hide"
    assert f"{tmp_path}/b is not there" in said
    assert str(folders[0]) not in said


def test_a_unit_leaves_out_what_forbids_the_groups_and_modes_of_results(make: Make) -> None:
    forbidding = ("PrivateUsers", "RestrictSUIDSGID")
    assert [settings(make()[1], key) for key in forbidding] == [["yes"], ["yes"]]
    with paths().config_file.open("a") as config:
        config.write('mode = "0664"\n')
    assert [settings(make()[1], key) for key in forbidding] == [["yes"], []]
    with paths().config_file.open("a") as config:
        config.write('group = "studio"\n')
    _, unit, _ = make()
    assert [settings(unit, key) for key in forbidding] == [[], []]
    assert "given to studio" in unit


def test_a_token_is_handed_over_where_a_service_would_not_find_it(make: Make) -> None:
    _, unit, _ = make()
    assert settings(unit, "LoadCredential") == ["outlet.token:%h/.config/artui/outlet.token"]
    assert "# LoadCredential=studio.token:" in unit
    assert "a-token" not in unit


def test_a_unit_of_the_system_names_its_user_and_gives_up_more(make: Make, monkeypatch: pytest.MonkeyPatch) -> None:
    me = pwd.getpwuid(os.geteuid()).pw_name
    code, unit, _ = make("--system", "--user", me)
    assert code == Exit.OK
    assert settings(unit, "User") == [me]
    assert settings(unit, "CapabilityBoundingSet") == [""]
    assert settings(unit, "WantedBy") == ["multi-user.target"]
    assert settings(unit, "After") == ["network-online.target remote-fs.target"]
    assert settings(unit, "PrivateUsers") == []
    assert f"#   install   artui systemd-unit --system --user {me} | sudo tee /etc/systemd/system/" in unit
    assert "enable-linger" not in unit
    assert "enable-linger" in make()[1]
    assert make("--user", me)[0] == Exit.USAGE
    assert make("--system", "--user", "nobody-of-this-name")[0] == Exit.USAGE


@pytest.mark.skipif(shutil.which("systemd-analyze") is None, reason="no systemd here")
@pytest.mark.parametrize("options", [(), ("--system", "--user", pwd.getpwuid(os.geteuid()).pw_name)])
def test_systemd_accepts_it(make: Make, options: tuple[str, ...], tmp_path: Path) -> None:
    files = [tmp_path / "artui-watch.service", tmp_path / "artui-failed.service"]
    for file, more in zip(files, ([], ["--failed"]), strict=True):
        file.write_text(make(*options, *more)[1])
    whose = ["--user"] if not options else []
    runtime = {**os.environ, "XDG_RUNTIME_DIR": str(tmp_path)}
    verify = ["systemd-analyze", *whose, "verify", *map(str, files)]
    seen = subprocess.run(verify, capture_output=True, text=True, check=False, env=runtime)
    assert (seen.returncode, seen.stderr) == (0, "")


@pytest.mark.skipif(shutil.which("systemd-analyze") is None, reason="no systemd here")
def test_systemd_finds_little_exposed_in_a_unit_of_the_system(make: Make, tmp_path: Path) -> None:
    file = tmp_path / "artui-watch.service"
    file.write_text(make("--system", "--user", pwd.getpwuid(os.geteuid()).pw_name)[1])
    judge = ["systemd-analyze", "security", "--offline=yes", "--threshold=25", "--no-pager", str(file)]
    seen = subprocess.run(judge, capture_output=True, text=True, check=False)
    if "offline" in seen.stderr:
        pytest.skip("this systemd judges no file")
    assert seen.returncode == 0, f"more than 2.5 of 10 is exposed: {seen.stdout}{seen.stderr}"


def test_a_unit_hears_webhooks_where_it_is_told_to_and_is_handed_their_secret(make: Make, tmp_path: Path) -> None:
    (tmp_path / "c").mkdir()
    with paths().config_file.open("a") as config:
        config.write('\n[accounts.shop]\nprovider = "filestack"\napi_key = "A"\n')
        config.write(RULE.format(account="shop", folder=tmp_path / "c", output=json.dumps(str(tmp_path / "r"))))
    Vault(paths()).keep("shop", Secret("a-token-of-the-file"), KeyStore.FILE)
    code, unit, _ = make("--webhook", "127.0.0.1:8787")
    assert code == Exit.OK
    assert settings(unit, "ExecStart") == [f"{Path(sys.executable).parent}/artui watch --webhook 127.0.0.1:8787"]
    assert "artui systemd-unit --webhook 127.0.0.1:8787 > " in unit
    assert "shop.webhook.token:%h/.config/artui/shop.webhook.token" in settings(unit, "LoadCredential")
    assert "`artui login shop --webhook-secret --store file`" in unit
    assert "--webhook" not in make()[1]
    assert make("--webhook", "8787")[0] == Exit.USAGE


def test_what_cannot_stand_in_a_unit_is_refused() -> None:
    for name in ("a\nb", "caf\udce9", "\x1b"):
        with pytest.raises(CommandError, match="rename"):
            quoted(name)
