"""Mode and group of results: theirs before they have a name, given to nobody else, and never in the way of saving."""

from __future__ import annotations

import grp
import hashlib
import io
import logging
import os
import stat
import zipfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from artui.config import load, paths, system, write_private
from artui.files import Part, Permissions, copy_to_part, part_path, permissions, probe_folder, publishing, unpack_layers
from artui.model.states import Status
from artui.watch.rules import load_rules
from tests.desk import Desk
from tests.studio import Studio
from tests.watch_post import watching, written

NOBODYS = "artui-has-no-such-group"


def mode(place: Path) -> int:
    return stat.S_IMODE(place.stat().st_mode)


@pytest.fixture(params=[0o000, 0o077], ids=["open umask", "closed umask"])
def umask(request: pytest.FixtureRequest) -> Iterator[None]:
    before = os.umask(request.param)
    yield
    os.umask(before)


@pytest.fixture
def other() -> str:
    """A group that a file can be given to here, and does not get by itself."""
    for one in grp.getgrall():
        if one.gr_gid != os.getegid() and (os.geteuid() == 0 or one.gr_gid in os.getgroups()):
            return one.gr_name
    pytest.skip("needs a user who is in two groups")


@pytest.fixture
def at_naming(monkeypatch: pytest.MonkeyPatch) -> list[tuple[int, int]]:
    """Mode and group of each folder at the moment it gets its name."""
    seen = []
    rename = system.rename_exclusive

    def spied(source: Path, target: Path) -> None:
        seen.append((mode(source), source.stat().st_gid))
        rename(source, target)

    monkeypatch.setattr(publishing, "rename_exclusive", spied)
    return seen


def part(folder: Path, permissions: Permissions) -> Path:
    with Part(part_path(folder, 1), permissions) as growing:
        growing.write(b"x")
        growing.flush()
        assert mode(growing.path) == 0o600, "nobody reads what is not whole"
        growing.finish()
    return growing.path


@pytest.mark.usefixtures("umask")
@pytest.mark.parametrize("wanted", [0o400, 0o666])
def test_a_file_has_its_mode_before_its_name_whatever_the_umask(wanted: int, tmp_path: Path) -> None:
    made = part(tmp_path, Permissions(wanted))
    assert mode(made) == wanted
    copy_to_part(made, copied := part_path(tmp_path, 2), hashlib.sha256(b"x").hexdigest(), Permissions(0o644))
    assert mode(copied) == 0o644


def test_a_file_is_given_to_the_group(tmp_path: Path, other: str) -> None:
    wanted = Permissions(0o640, other)
    made = part(tmp_path, wanted)
    assert (mode(made), made.stat().st_gid) == (0o640, grp.getgrnam(other).gr_gid)
    assert wanted.lacking(made) == ""
    assert "does not take the mode 0644" in Permissions(0o644, other).lacking(made)


@pytest.mark.parametrize(("wanted", "left"), [(0o660, 0o600), (0o664, 0o644)])
def test_what_was_meant_for_a_group_is_given_to_no_other(wanted: int, left: int, tmp_path: Path) -> None:
    made = part(tmp_path, Permissions(wanted, NOBODYS))
    assert mode(made) == left
    assert Permissions(wanted, NOBODYS).lacking(made) == f"there is no group {NOBODYS} here"


def test_a_system_that_refuses_is_told_and_stops_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: object) -> None:
        raise PermissionError

    monkeypatch.setattr(os, "fchmod", refuse)
    monkeypatch.setattr(os, "fchown", refuse)
    group = grp.getgrgid(os.getegid()).gr_name
    made = part(tmp_path, Permissions(0o664, group))
    assert Permissions(0o664, group).lacking(made) == "its disk does not take the mode 0664, it has 0600"
    monkeypatch.setattr(os, "getgroups", list)
    monkeypatch.setattr(os, "getegid", lambda: -1)
    monkeypatch.setattr(os, "geteuid", lambda: 1)
    monkeypatch.setattr(grp, "getgrnam", lambda _: grp.struct_group(("studio", "", 12345, [])))
    assert Permissions(None, "studio").lacking(made) == "artui is not in the group studio"
    (tmp_path / "gid_map").write_text("      1000       1000          1\n")
    monkeypatch.setattr(permissions, "_MAP", tmp_path / "gid_map")
    assert "PrivateUsers=yes" in Permissions(None, "studio").lacking(made)


@pytest.mark.usefixtures("umask")
def test_new_folders_are_entered_by_who_may_read(tmp_path: Path, other: str, at_naming: list[tuple[int, int]]) -> None:
    group = grp.getgrnam(other).gr_gid
    probe_folder(tmp_path / "out" / "day", Permissions(0o640, other))
    assert at_naming == [(0o750, group)] * 2
    assert [place.name for place in tmp_path.rglob("*")] == ["out", "day"]
    probe_folder(tmp_path / "out" / "day", Permissions(0o664))
    assert mode(tmp_path / "out" / "day") == 0o750, "a folder that is there stays as it is"


def test_a_new_folder_keeps_what_a_share_hands_down(tmp_path: Path, other: str) -> None:
    os.chown(tmp_path, -1, grp.getgrnam(other).gr_gid)
    tmp_path.chmod(0o2770)
    probe_folder(tmp_path / "out", Permissions(0o660))
    assert (mode(tmp_path / "out"), (tmp_path / "out").group()) == (0o2770, other)


def test_layers_get_what_their_archive_has(tmp_path: Path) -> None:
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w") as archive:
        archive.writestr("Heal.png", b"\x89PNG\r\n\x1a\n")
    (tmp_path / "a.zip").write_bytes(packed.getvalue())
    folder = unpack_layers(
        tmp_path / "a.zip", hashlib.sha256(packed.getvalue()).hexdigest(), permissions=Permissions(0o640)
    )
    assert mode(folder) == 0o750
    assert {mode(file) for file in folder.iterdir()} == {0o640}


# ------------------------------------------------------------------------------------------------- in a journey


async def test_results_get_what_their_rule_says_and_its_new_word_counts(studio: Studio) -> None:
    async with watching(studio, template="{date}/{stem}", mode="0640", workflow="Export only") as post:
        post.drop("a.jpg")
        [job] = await post.all_done(1)
        assert {mode(Path(job.results[0].path)), mode(job.folder)} == {0o640, 0o750}
    async with watching(studio, mode="0604", workflow="Export only") as post:
        post.drop("b.jpg", 1)
        _, job = await post.all_done(2)
        assert mode(Path(job.results[0].path)) == 0o604
    studio.check()


async def test_a_group_that_cannot_be_had_is_told_once_and_delays_nothing(
    studio: Studio, caplog: pytest.LogCaptureFixture
) -> None:
    with caplog.at_level(logging.WARNING, "artui.steps.saving"):
        async with watching(studio, mode="0660", group=NOBODYS, workflow="Export only") as post:
            post.drop_many(3)
            for job in await post.all_done(3):
                assert job.status is Status.DONE
                assert f"there is no group {NOBODYS} here" in job.message
                assert mode(Path(job.results[0].path)) == 0o600
    assert len([line for line in caplog.messages if NOBODYS in line]) == 1
    studio.check()


def test_an_account_says_it_where_a_rule_does_not(tmp_path: Path) -> None:
    where = paths()
    where.create()
    account = '[accounts.studio]\nprovider = "autoretouch"\nmode = "664"\ngroup = "studio"\n'
    write_private(
        where.config_file,
        (
            account
            + written("a", tmp_path / "a", tmp_path / "out")
            + written("b", tmp_path / "b", tmp_path / "out", more='mode = "0600"')
        ).encode(),
    )
    assert [(rule.mode, rule.group) for rule in load_rules(load(where))] == [("664", "studio"), ("0600", "studio")]


def test_a_group_that_is_not_there_is_named_with_its_line_and_stops_nothing_else(desk: Desk) -> None:
    desk.configure(more=f'group = "{NOBODYS}"')
    said = desk("config", "check")
    assert said.code == 2
    assert f"accounts.studio.group cannot be given: there is no group {NOBODYS} here" in said.err
    assert "config.toml line " in said.err
    assert NOBODYS in desk("doctor").out
    assert desk("status").code == 0
