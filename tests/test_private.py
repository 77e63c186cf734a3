"""artui's own files: what somebody else could have made or changed is refused with a sentence, and never followed."""

from __future__ import annotations

import json
import os
import signal
import stat
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from artui.config import ConfigError, load, make_private_folder, paths, private, save_setting
from artui.config.private import NotPrivate, open_private, read_private
from artui.credentials import CredentialProblem, KeyStore, Secret, Vault
from artui.engine.anchor import open_journal
from artui.engine.lock import EngineLock, holder, lock_is_held
from artui.engine.log import log_to_file
from artui.engine.supervisor import Supervisor
from artui.journal import JournalProblem, progress, store
from artui.journal.progress import ProgressBoard

ROOT_ONLY = pytest.mark.skipif(os.geteuid() != 0, reason="only root can give files away")
KEPT = b"a photo that must stay as it is"
STRANGER = 4711


@pytest.fixture(autouse=True)
def made(home: Path) -> None:
    paths().create()


@pytest.fixture
def kept(tmp_path: Path) -> Iterator[Path]:
    """A file elsewhere, which is unchanged at the end."""
    file = tmp_path / "photo.jpg"
    file.write_bytes(KEPT)
    yield file
    assert file.read_bytes() == KEPT


@contextmanager
def in_time() -> Iterator[None]:
    """What waits for a FIFO is ended, with a failure."""

    def late(*_: object) -> None:
        raise AssertionError("it waits")

    before = signal.signal(signal.SIGALRM, late)
    signal.alarm(20)
    try:
        yield
    finally:
        signal.alarm(0)
        signal.signal(signal.SIGALRM, before)


def artui(*arguments: str, **surroundings: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "artui", *arguments],
        capture_output=True, text=True, check=False, timeout=60, env={**os.environ, **surroundings},
    )  # fmt: skip


# ------------------------------------------------------------------------------------------- what stands in the way


def a_link(file: Path, kept: Path) -> str:
    file.symlink_to(kept)
    return "is a link and is not used: remove it"


def a_link_to_nothing(file: Path, kept: Path) -> str:
    file.symlink_to(kept.with_name("made by artui"))
    return "is a link and is not used: remove it"


def a_hard_link(file: Path, kept: Path) -> str:
    file.hardlink_to(kept)
    return "has a second name elsewhere"


def a_pipe(file: Path, kept: Path) -> str:
    os.mkfifo(file, 0o600)
    return "is no regular file and is not used: remove it"


def one_all_can_write(file: Path, kept: Path) -> str:
    file.touch()
    file.chmod(0o602)
    return f"can be written by everybody and is not used: run chmod o-w {file}"


def a_strangers(file: Path, kept: Path) -> str:
    if os.geteuid() != 0:
        pytest.skip("only root can give files away")
    file.touch()
    os.chown(file, STRANGER, STRANGER)
    return "belongs to another user (4711) and is not used: where it is yours, run chown 0 "


WAYS = [a_link, a_link_to_nothing, a_hard_link, a_pipe, one_all_can_write, a_strangers]
Way = Callable[[Path, Path], str]


def lock(_: Any) -> None:
    EngineLock(paths())


def look_at_lock(_: Any) -> None:
    lock_is_held(paths())


def log(_: Any) -> None:
    log_to_file(paths().log)


def journal(_: Any) -> None:
    open_journal(paths()).close()


def keep_ballast(caplog: pytest.LogCaptureFixture) -> None:
    Supervisor._keep_ballast(SimpleNamespace(paths=paths()))  # type: ignore[arg-type]
    raise NotPrivate(0, caplog.messages[-1], "")


def token_lock(_: Any) -> None:
    Vault(paths()).keep("studio", Secret("t"), KeyStore.FILE)


def back_up(_: Any) -> None:
    db = store.connect(paths().state / "another.db")
    store.back_up(db, paths().state / "journal.db.schema-1")


ACTS: dict[str, tuple[Callable[[Any], None], ...]] = {
    "engine.lock": (lock, look_at_lock),
    "engine.log": (log,),
    "journal.db": (journal,),
    "journal.db-wal": (journal,),
    "ballast": (keep_ballast,),
    "credentials/write.lock": (token_lock,),
    "journal.db.schema-1": (back_up,),
}
"""What artui writes in place, and what does it."""


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize(("name", "act"), [(name, act) for name, acts in ACTS.items() for act in acts])
def test_what_is_written_in_place_is_nobody_elses(
    name: str, act: Callable[[Any], None], way: Way, kept: Path, caplog: pytest.LogCaptureFixture
) -> None:
    file = paths().state / name
    make_private_folder(file.parent)
    said = way(file, kept)
    with in_time(), pytest.raises((NotPrivate, JournalProblem, CredentialProblem)) as caught:
        act(caplog)
    assert str(caught.value).strip().startswith(f"{file} {said}")
    assert not kept.with_name("made by artui").exists()


@pytest.mark.parametrize("way", WAYS)
def test_the_bytes_of_transfers_are_shown_without_touching_what_is_not_theirs(way: Way, kept: Path) -> None:
    way(paths().transfers.with_suffix(".part"), kept)
    moving = ProgressBoard(paths().transfers)
    with in_time(), moving.track(1, "up", 5):
        moving.publish()
    assert progress.read(paths().transfers)[1].way == "up"


@pytest.mark.parametrize("way", [a_link, a_pipe])
def test_what_is_only_read_for_show_is_left_out(way: Way, kept: Path) -> None:
    where = paths()
    for file in (where.transfers, where.lock, where.state / "console-left.json"):
        way(file, kept)
    with in_time():
        from artui.tui.opening import last_left

        assert progress.read(where.transfers) == {}
        assert holder(where) == (None, "this machine")
        assert last_left(where) is None


@pytest.mark.parametrize("way", [a_link, a_pipe, a_strangers])
def test_an_engine_whose_log_is_not_its_own_does_not_start_and_the_person_hears_why(way: Way, kept: Path) -> None:
    paths().config_file.write_text(
        '[accounts.studio]\nprovider = "autoretouch"\norganization = "o"\n'
        'api_url = "http://127.0.0.1:9"\nauth_url = "http://127.0.0.1:9"\n'
    )
    said = way(paths().log, kept)
    ended = artui("resume")
    assert f"{paths().log} {said}" in ended.stderr
    assert ended.returncode not in (0, 3)
    assert not lock_is_held(paths())


def test_a_log_that_becomes_a_link_later_is_not_followed(kept: Path) -> None:
    code = (
        "import logging, sys, artui.config as c, artui.engine.log as l; log = c.paths().log; l.log_to_file(log);"
        "log.symlink_to(sys.argv[1]); logging.info('lost')"
    )
    subprocess.run([sys.executable, "-c", code, str(kept)], check=True, timeout=60)
    assert paths().log.is_symlink()


# ------------------------------------------------------------------------------------------------------- settings


@pytest.fixture(params=["config.toml", "settings.toml"])
def settings(request: pytest.FixtureRequest) -> Path:
    return paths().config / request.param


@pytest.mark.parametrize("way", [a_pipe, one_all_can_write, a_strangers])
def test_settings_others_could_have_written_are_not_believed(settings: Path, way: Way, kept: Path) -> None:
    said = way(settings, kept)
    with in_time(), pytest.raises(ConfigError) as caught:
        load()
    assert str(caught.value).startswith(f"{settings} {said}")
    ended = artui("config", "show", "--json")
    assert (ended.returncode, json.loads(ended.stdout)["error"]["code"]) == (2, 2)
    assert str(settings) in ended.stderr


@pytest.mark.parametrize("way", [a_pipe, one_all_can_write, a_strangers])
def test_settings_kept_elsewhere_are_judged_there(settings: Path, way: Way, kept: Path, tmp_path: Path) -> None:
    real = tmp_path / "dotfiles"
    settings.symlink_to(real)
    real.write_text("idle_minutes = 9\n")
    assert load().idle_minutes == 9
    real.unlink()
    said = way(real, kept).replace(str(real), str(settings))
    with in_time(), pytest.raises(ConfigError) as caught:
        load()
    assert str(caught.value).startswith(f"{settings} {said}")


def test_settings_kept_in_a_folder_of_everybody_are_not_believed(settings: Path, tmp_path: Path) -> None:
    open_to_all = tmp_path / "open"
    (open_to_all / "inner").mkdir(parents=True)
    open_to_all.chmod(0o777)
    settings.symlink_to(open_to_all / "inner" / "real")
    (open_to_all / "inner" / "real").write_text("")
    with pytest.raises(ConfigError, match=f"lies in {open_to_all}, which everybody can write, and is not used"):
        load()
    open_to_all.chmod(0o1777)
    load()


def test_a_linked_settings_file_that_is_not_believed_is_not_written_either(tmp_path: Path) -> None:
    real = tmp_path / "dotfiles"
    paths().settings_file.symlink_to(real)
    real.write_text("")
    real.chmod(0o666)
    with pytest.raises(ConfigError, match="can be written by everybody"):
        save_setting(paths(), "idle_minutes", 3)
    assert real.read_text() == ""


# --------------------------------------------------------------------------------------------------------- folders


@pytest.mark.parametrize("name", ["", "config", "state", "cache", "data"])
def test_folders_others_can_change_are_not_used(home: Path, name: str) -> None:
    folder = home / name
    for bits, said in ((0o707, f"run chmod o-w {folder}, or set ARTUI_HOME"), (0o1777, "set ARTUI_HOME to a folder")):
        folder.chmod(bits)
        for act in (load, paths().create):
            with pytest.raises(ConfigError, match=f"{folder} can be written by everybody and is not used: {said}"):
                act()
    for command in (("status", "--json"), ("jobs", "--json"), ("config", "show", "--json")):
        ended = artui(*command)
        assert (ended.returncode, json.loads(ended.stdout)["error"]["code"]) == (2, 2)
    folder.chmod(0o755)
    load()


@ROOT_ONLY
@pytest.mark.parametrize("name", ["", "config", "state", "cache", "data"])
def test_folders_of_somebody_else_are_not_used_but_under_sudo(
    home: Path, name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    os.chown(home / name, STRANGER, STRANGER)
    with pytest.raises(ConfigError, match=r"belongs to another user \(4711\) .* or set ARTUI_HOME"):
        load()
    monkeypatch.setenv("SUDO_UID", str(STRANGER + 1))
    with pytest.raises(ConfigError, match="belongs to another user"):
        load()
    monkeypatch.setenv("SUDO_UID", str(STRANGER))
    load()


@ROOT_ONLY
def test_only_root_may_do_what_sudo_allows(monkeypatch: pytest.MonkeyPatch) -> None:
    os.chown(paths().config, STRANGER, STRANGER)
    monkeypatch.setenv("SUDO_UID", str(STRANGER))
    monkeypatch.setattr(os, "geteuid", lambda: 1000)
    with pytest.raises(ConfigError, match="belongs to another user"):
        load()


def test_a_home_whose_parent_everybody_can_write_is_not_used(home: Path) -> None:
    home.parent.chmod(0o777)
    with pytest.raises(ConfigError, match=f"lies in {home.parent}, which everybody can write"):
        load()
    home.parent.chmod(0o1777)
    load()


def test_a_linked_home_is_judged_where_it_is(home: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "link").symlink_to(home)
    monkeypatch.setenv("ARTUI_HOME", str(tmp_path / "link"))
    load()
    home.chmod(0o777)
    with pytest.raises(ConfigError, match="can be written by everybody"):
        load()


# ---------------------------------------------------------------------------------------------------------- groups


def of_group(file: Path, number: int) -> Path:
    os.chown(file, -1, number)
    file.chmod(file.stat().st_mode | stat.S_IWGRP)
    return file


@ROOT_ONLY
def test_what_a_foreign_group_can_write_is_not_used() -> None:
    for place in (paths().config_file, paths().state):
        if not place.exists():
            place.touch()
        of_group(place, STRANGER)
        with pytest.raises(
            ConfigError, match=f"{place} can be written by the group 4711 and is not used: run chmod g-w"
        ):
            load()
        place.chmod(0o700)


@pytest.fixture
def own_group(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(private, "_group", lambda _: ("me", True))


@pytest.mark.usefixtures("own_group")
def test_what_the_own_group_can_write_is_told_once() -> None:
    paths().config_file.touch()
    places = [paths().config, paths().config_file]
    for place in places:
        place.chmod(place.stat().st_mode | stat.S_IWGRP)
    load()
    told = " ".join(map(str, places))
    assert private.concerns() == [f"Your group me can write what only you should: run chmod g-w {told}"]
    load()
    assert private.concerns() == []


@pytest.mark.usefixtures("own_group")
def test_what_holds_secrets_is_nobodys_but_the_owners() -> None:
    vault = Vault(paths())
    vault.keep("studio", Secret("t"), KeyStore.FILE)
    paths().credentials.chmod(0o770)
    with pytest.raises(CredentialProblem, match=r"credentials is open to others and is not used: run chmod go-w"):
        vault.keep("studio", Secret("t"), KeyStore.FILE)
    paths().credentials.chmod(0o700)
    (paths().credentials / "studio.json").chmod(0o620)
    with pytest.raises(CredentialProblem, match="is open to others and is not used: run chmod 600"):
        vault.find("studio")


@ROOT_ONLY
def test_a_warning_leaves_json_alone() -> None:
    of_group(paths().config, 0)
    ended = artui("status", "--json")
    assert ended.returncode == 0
    assert json.loads(ended.stdout)["engine"] is None
    assert ended.stderr == f"Your group root can write what only you should: run chmod g-w {paths().config}\n"


@ROOT_ONLY
def test_whose_group_it_is(monkeypatch: pytest.MonkeyPatch) -> None:
    import grp
    import pwd

    def user(name: str, uid: int, gid: int) -> SimpleNamespace:
        return SimpleNamespace(pw_name=name, pw_uid=uid, pw_gid=gid)

    monkeypatch.setattr(os, "geteuid", lambda: 1000)
    users = [user("ann", 1000, 1000), user("bob", 1001, 100), user("carl", 1002, 100)]
    monkeypatch.setattr(pwd, "getpwall", lambda: users)
    for number, name, members, ours in (
        (1000, "ann", [], True),
        (1000, "ann", ["ann"], True),
        (1000, "ann", ["bob"], False),
        (1000, "staff", [], False),
        (100, "users", [], False),
        (50, "ann", [], False),
    ):
        found = SimpleNamespace(gr_name=name, gr_mem=members)
        monkeypatch.setattr(grp, "getgrgid", lambda _, found=found: found)
        assert private._group(number) == (name, ours), (number, members)


# ------------------------------------------------------------------------------------------------------- opening


def test_a_file_is_private_from_birth_and_read_whole(tmp_path: Path) -> None:
    before = os.umask(0)
    try:
        descriptor = open_private(tmp_path / "file", os.O_WRONLY | os.O_CREAT)
    finally:
        os.umask(before)
    assert stat.S_IMODE(os.fstat(descriptor).st_mode) == 0o600
    assert os.get_inheritable(descriptor) is False
    os.write(descriptor, b"x" * 300_000)
    os.close(descriptor)
    assert len(read_private(tmp_path / "file")) == 300_000


def test_a_refusal_leaves_no_descriptor(tmp_path: Path) -> None:
    one_all_can_write(tmp_path / "file", tmp_path)
    before = len(list(Path("/dev/fd").iterdir()))
    for _ in range(20):
        with pytest.raises(NotPrivate):
            open_private(tmp_path / "file")
    assert len(list(Path("/dev/fd").iterdir())) == before
