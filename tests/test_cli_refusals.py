"""What a command refuses: every bad input has its exit code and a sentence, and nothing is sent for it."""

from __future__ import annotations

import io
import json
import os
import socket
import sqlite3
from collections.abc import Callable
from pathlib import Path

import apsw
import pytest
from PIL import Image

from artui import cli
from artui.cli.exits import Exit
from artui.config import paths
from artui.engine.lock import EngineLock
from artui.files import decoding
from tests.damaged import holey_photo, whole_photo
from tests.desk import Desk, Said


def plan(desk: Desk, *more: str | Path) -> Said:
    """What submitting the inbox would do."""
    return desk("submit", desk.inbox, "-w", "Export only", "-o", desk.out, "--dry-run", "--json", *more)


# ------------------------------------------------------------------------------------------------------------ files


def empty(path: Path) -> None:
    path.write_bytes(b"")


def cut_jpeg(path: Path) -> None:
    path.write_bytes(path.read_bytes()[:9000])


def cut_png(path: Path) -> None:
    Image.new("RGB", (300, 300), "navy").save(path, "PNG")
    path.write_bytes(path.read_bytes()[:-20])


def text(path: Path) -> None:
    path.write_text("<html>no photo</html>")


def gif(path: Path) -> None:
    Image.new("P", (30, 30)).save(path, "GIF")


def too_wide(path: Path) -> None:
    Image.new("1", (12_000, 4)).save(path, "PNG")


def link(path: Path) -> None:
    path.unlink()
    path.symlink_to("/etc/hostname")


def pipe(path: Path) -> None:
    path.unlink()
    os.mkfifo(path)


@pytest.mark.parametrize(
    ("spoil", "reason", "said"),
    [
        (empty, "empty", "is empty"),
        (cut_jpeg, "truncated", "is cut off"),
        (cut_png, "truncated", "is cut off"),
        (text, "not-a-photo", "is not a photo"),
        (gif, "unsupported", "the service takes"),
        (too_wide, "too-many-pixels", "12000 x 4 pixels"),
        (link, "not-regular", "is not a regular file"),
        (pipe, "not-regular", "is not a regular file"),
    ],
)
def test_a_bad_file_is_named_and_the_good_ones_go_on(
    desk: Desk, spoil: Callable[[Path], None], reason: str, said: str
) -> None:
    desk.photo("good.jpg", 1)
    bad = desk.photo("bad.jpg", 2)
    spoil(bad)
    planned = plan(desk)
    assert planned.code == Exit.FAILED
    assert [Path(file["source"]).name for file in planned.json["files"]] == ["good.jpg"]
    assert [(one["source"], one["reason"]) for one in planned.json["refused"]] == [(str(bad), reason)]
    alone = desk("submit", bad, "-w", "Export only", "-o", desk.out, "--yes")
    assert alone.code == Exit.USAGE
    assert said in alone.err
    assert "There is no photo to send." in alone.err
    assert desk.jobs() == []


def test_a_suspect_photo_is_sent_only_where_a_person_says_so(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    last = "failed" if decoding.can_decode_all() else "done"  # in the engine, where a decoder has the last word
    monkeypatch.setattr(decoding, "can_decode", lambda _: False)
    bad = holey_photo(desk.inbox / "boot.jpg")
    planned = plan(desk)
    assert [(one["source"], one["reason"]) for one in planned.json["refused"]] == [(str(bad), "suspect")]
    assert "--suspect" in planned.json["refused"][0]["message"]
    for way in (desk.inbox, bad):  # a name in a list is no word for it
        said = desk("submit", way, "-w", "Export only", "-o", desk.out, "--yes")
        assert said.code == Exit.USAGE
        assert "is suspect: zeros stand in the middle" in said.err
    assert desk.jobs() == []
    assert [bool(file["suspect"]) for file in plan(desk, "--suspect").json["files"]] == [True]
    sent = desk("submit", bad, "-w", "Export only", "-o", desk.out, "--yes", "--suspect")
    assert "may not be whole (zeros stand in the middle of its picture data), sent all the same" in sent.err
    desk.until(lambda: [job["status"] for job in desk.jobs()] == [last])


def test_strict_refuses_what_only_a_decoder_sees_and_says_what_it_needs(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    data, other = whole_photo(), whole_photo(2)
    desk.inbox.mkdir(exist_ok=True)
    (desk.inbox / "joined.jpg").write_bytes(data[: len(data) // 2] + other[len(other) // 2 :])
    assert [file["verdict"] for file in plan(desk).json["files"]] == ["send"]
    if decoding.can_decode_all():
        assert [one["reason"] for one in plan(desk, "--strict").json["refused"]] == ["damaged"]
    monkeypatch.setattr(decoding, "can_decode", lambda _: False)
    said = plan(desk, "--strict")
    assert said.code == Exit.USAGE
    assert "artui[strict]" in said.err


@pytest.mark.skipif(os.geteuid() == 0, reason="root reads everything")
def test_a_file_that_may_not_be_read_is_named(desk: Desk) -> None:
    desk.photo().chmod(0)
    assert plan(desk).json["refused"][0]["reason"] == "unreadable"


def test_a_wrong_suffix_is_no_matter(desk: Desk) -> None:
    Image.new("RGB", (30, 30), "navy").save(desk.photo("a.jpg"), "PNG")
    assert [file["verdict"] for file in plan(desk).json["files"]] == ["send"]


def test_paths_that_lead_nowhere_and_folders_without_photos(desk: Desk) -> None:
    for path in (desk.inbox / "nope.jpg", desk.inbox / ("x" * 300)):
        said = desk("submit", path, "-w", "Export only", "--yes")
        assert said.code == Exit.USAGE
        assert "is not there" in said.err
    desk.inbox.mkdir()
    assert "There is no photo to send." in plan(desk).err
    (desk.inbox / "notes.txt").write_text("none")
    (desk.inbox / ".hidden.jpg").write_text("none")
    said = plan(desk)
    assert (said.code, said.json["passed_over"], said.json["refused"]) == (Exit.USAGE, 1, [])
    assert desk("submit").code == Exit.USAGE


def test_two_photos_with_one_result_name_get_two(desk: Desk) -> None:
    desk.photo("a.jpg", 1)
    desk.photo("a.jpeg", 2)
    desk.out.mkdir()
    (desk.out / "b.png").write_text("here before")
    desk.photo("b.jpg", 3)
    said = plan(desk)
    assert [Path(file["output"]).name for file in said.json["files"]] == ["a", "a-2", "b-2"]
    assert [file["renamed"] for file in said.json["files"]] == [False, True, True]
    assert "b.jpg: saved as b-2" in desk("submit", desk.inbox, "-w", "Export only", "-o", desk.out, "--dry-run").out


def test_output_folders_that_cannot_be_used(desk: Desk) -> None:
    desk.photo()
    in_the_way = desk.folder / "file"
    in_the_way.write_text("no folder")
    said = desk("submit", desk.inbox, "-w", "Export only", "-o", in_the_way, "--yes")
    assert said.code == Exit.USAGE
    assert "a file or link stands where a folder should be" in said.err
    assert desk.jobs() == []
    for output, more in ((desk.inbox, ()), (desk.inbox / "out", ("-r",))):
        said = desk("submit", desk.inbox, "-w", "Export only", "-o", output, "--yes", *more)
        assert said.code == Exit.USAGE
        assert "would be sent again" in said.err
    assert desk("submit", desk.inbox, "-w", "Export only", "-o", "out/{nope}", "--dry-run").code == Exit.USAGE


@pytest.mark.skipif(os.geteuid() == 0, reason="root writes everywhere")
def test_a_read_only_output_folder_is_refused_before_anything_is_sent(desk: Desk) -> None:
    desk.photo()
    desk.out.mkdir(mode=0o500)
    said = desk("submit", desk.inbox, "-w", "Export only", "-o", desk.out, "--yes")
    assert (said.code, desk.jobs()) == (Exit.USAGE, [])
    assert "may not write there" in said.err


NAMES = [
    b"caf\xe9.jpg",
    b"two\nlines.jpg",
    b"\x1b]0;title\x07\x1b[31mred.jpg",
    b"n" * 251 + b".jpg",
    b"-rf.jpg",
    b"[b] %s {x}.jpg",
]


@pytest.mark.usefixtures("byte_names")
def test_hostile_names_come_back_whole_and_never_reach_the_terminal_raw(desk: Desk) -> None:
    for seed, name in enumerate(NAMES):
        desk.photo(name, seed)
    said = desk.send()
    assert said.code == Exit.OK, said.err
    names = {os.fsencode(Path(job["source"]).name) for job in desk.jobs()}
    assert names == set(NAMES)
    assert all(Path(output).is_file() for job in desk.jobs() for output in job["outputs"])
    for text in (said.err, desk("jobs").out, desk("job", "1").out, desk("why", desk.inbox / os.fsdecode(NAMES[0])).out):
        assert text.replace("\n", "").isprintable()
    assert {os.fsencode(path.stem) for path in desk.out.iterdir()} >= {b"caf\xe9", b"two\nlines"}
    failed = desk.photo(b"fails \xff.jpg", 99)
    assert desk("submit", failed, "-w", "Always fails", "-o", desk.out, "--yes", "--wait").code == Exit.FAILED


# ------------------------------------------------------------------------------------------- accounts and services


def test_tokens_that_are_missing_wrong_or_revoked(desk: Desk) -> None:
    desk.photo()
    good = os.environ["ARTUI_STUDIO_TOKEN"]
    desk.monkeypatch.delenv("ARTUI_STUDIO_TOKEN")
    said = plan(desk)
    assert said.code == Exit.LOGIN
    assert "artui login studio" in said.err
    desk.monkeypatch.setenv("ARTUI_STUDIO_TOKEN", "certainly-not-a-token")
    said = plan(desk)
    assert said.code == Exit.LOGIN
    assert "certainly-not-a-token" not in said.err
    desk.monkeypatch.setenv("ARTUI_STUDIO_TOKEN", good)
    assert plan(desk).code == Exit.OK
    said = desk("logout", "studio")
    assert said.code == Exit.OK
    assert "ARTUI_STUDIO_TOKEN" in said.err
    assert plan(desk).code == Exit.LOGIN


def test_a_token_revoked_later_holds_the_jobs(desk: Desk) -> None:
    desk.photo()
    desk("pause")
    desk("submit", desk.inbox, "-w", "Export only", "-o", desk.out, "--yes")
    desk("stop")
    desk("logout", "studio")
    desk("resume")
    said = desk("wait")
    assert said.code == Exit.LOGIN
    assert [job["reason"] for job in desk.jobs()] == ["login"]
    assert "artui login studio" in desk("job", "1").out


def test_a_wrong_organization_or_account(desk: Desk) -> None:
    desk.photo()
    assert "there are: studio" in desk("balance", "-a", "outlet").err
    assert "did you mean studio?" in desk("balance", "-a", "studyo").err
    config = paths().config_file
    lines = [line for line in config.read_text().splitlines() if "organization" not in line]
    config.write_text("\n".join([*lines, 'organization = "00000000-0000-0000-0000-000000000000"']))
    said = plan(desk)
    assert said.code == Exit.USAGE
    assert "Acme Footwear" in said.err
    config.unlink()
    said = plan(desk)
    assert said.code == Exit.USAGE
    assert "artui login" in said.err


def test_a_workflow_that_is_unknown_or_not_the_only_one(desk: Desk) -> None:
    desk.photo()
    unknown = desk("submit", desk.inbox, "-w", "Gost Manequin", "--dry-run")
    assert unknown.code == Exit.USAGE
    assert "'Ghost Mannequin'" in unknown.err
    several = desk("submit", desk.inbox, "-w", "background removal", "--dry-run")
    assert several.code == Exit.USAGE
    both = [one for one in desk("workflows", "--json").json if one["name"] == "Background Removal"]
    for one in both:
        assert one["id"] in several.err
        assert one["changed_at"][:10] in several.err
        assert f"{one['price']} credits" in several.err
    by_id = desk("submit", desk.inbox, "-w", both[0]["id"], "-o", desk.out, "--dry-run", "--json")
    assert by_id.json["price"] == both[0]["price"]
    assert "Which workflow?" in desk("submit", desk.inbox, "--dry-run").err


def test_a_service_that_is_down_is_a_matter_of_trying_again(desk: Desk) -> None:
    with socket.socket() as nobody:
        nobody.bind(("127.0.0.1", 0))
        address = f"http://127.0.0.1:{nobody.getsockname()[1]}"
        for name in ("API_URL", "AUTH_URL"):
            desk.monkeypatch.setenv(f"ARTUI_STUDIO_{name}", address)
        desk.photo()
        said = plan(desk)
    assert said.code == Exit.NETWORK
    assert "try again" in said.err


# --------------------------------------------------------------------------------------- settings, journal, engine


def test_settings_that_are_wrong_name_file_line_and_the_nearest_key(desk: Desk) -> None:
    config = paths().config_file
    whole = config.read_text()
    config.write_text(f'timezon = "UTC"\n{whole}')
    said = desk("accounts")
    assert said.code == Exit.USAGE
    assert f"{config} line 1" in said.err
    assert "did you mean timezone?" in said.err
    config.write_text(whole.replace("settle", "setle"))
    said = desk("config", "check")
    assert said.code == Exit.USAGE
    assert "did you mean 'settle'?" in said.err
    config.write_text("not toml at all")
    assert desk("status").code == Exit.USAGE
    config.write_text(f'{whole}\ntoken = "secret-token"')
    said = desk("accounts")
    assert said.code == Exit.USAGE
    assert "secret-token" not in said.err


def test_a_journal_of_a_newer_program_or_no_journal_at_all(desk: Desk) -> None:
    desk("jobs")
    with sqlite3.connect(paths().journal) as db:
        db.execute("PRAGMA user_version = 99")
    db.close()
    said = desk("jobs")
    assert said.code == Exit.USAGE
    assert "newer artui" in said.err
    paths().journal.write_bytes(b"this is no database, but long enough to look at" * 100)
    said = desk("jobs")
    assert said.code == Exit.USAGE
    assert "artui recover" in said.err
    assert said.err.count("\n") <= 2


def test_a_second_engine_is_refused_by_name(desk: Desk) -> None:
    lock = EngineLock(paths())
    try:
        said = desk("recover")
        assert said.code == Exit.LOCKED
        assert f"process {os.getpid()}" in said.err
    finally:
        lock.release()


def test_a_defect_shows_a_sentence_and_no_traceback(desk: Desk) -> None:
    desk.monkeypatch.setattr("artui.cli.session.Session.account", lambda *_: 1 / 0)
    said = desk("balance")
    assert said.code == Exit.FAILED
    assert "ZeroDivisionError" in said.err
    assert "Traceback" not in said.err


@pytest.mark.usefixtures("byte_names")
def test_what_is_printed_as_json_survives_names_that_are_no_text(desk: Desk) -> None:
    desk.photo(b"caf\xe9.jpg")
    source = json.loads(plan(desk).out)["files"][0]["source"]
    assert os.fsencode(source).endswith(b"/caf\xe9.jpg")


@pytest.mark.parametrize(
    ("failure", "says"),
    [
        (apsw.CorruptError("database disk image is malformed"), "artui recover"),
        (apsw.NotADBError("file is not a database"), "artui recover"),
        (apsw.ConstraintError("CHECK constraint failed"), "artui itself failed"),
        (apsw.SQLError("integer overflow"), "artui itself failed"),
        (apsw.MismatchError("datatype mismatch"), "artui itself failed"),
        (OverflowError("int too big to convert"), "artui itself failed"),
    ],
)
def test_only_a_journal_that_cannot_be_used_is_to_be_recovered(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], failure: Exception, says: str
) -> None:
    def fail(*_: object) -> int:
        raise failure

    monkeypatch.setattr(cli, "_main", fail)
    cli.run([])
    said = capsys.readouterr().err
    assert says in said
    assert ("artui recover" in said) == (says == "artui recover")


# ------------------------------------------------------------------------------------------------ for a program


def test_where_json_is_asked_for_a_failure_is_a_document_too(desk: Desk) -> None:
    for words, code, message, hint in (
        (("jobs", "--json", "--xyzzy"), 2, "No such option '--xyzzy'", "`artui jobs --help` shows how"),
        (("wait", "--batch", "x", "--json"), 2, "There is no batch 'x'.", ""),
        (("submit", "--json", "/nowhere.jpg", "-w", "Export only"), 2, "/nowhere.jpg is not there: check the path", ""),
    ):
        said = desk(*words)
        assert (said.code, said.json) == (
            code,
            {"schema": 1, "error": {"code": code, "message": message, "hint": hint}},
        )
        assert message in said.err
    assert desk("jobs", "--nope").out == ""


def test_every_command_that_does_something_can_say_so_in_json(desk: Desk, tmp_path: Path) -> None:
    token = os.environ["ARTUI_STUDIO_TOKEN"]
    desk.monkeypatch.delenv("ARTUI_STUDIO_TOKEN")
    desk.monkeypatch.setattr("sys.stdin", io.StringIO(f"{token}\n"))
    signed = desk("login", "studio", "--with-token", "--store", "file", "--json").json
    organization = desk.simulator.announcement()["autoretouch"]["organization"]
    assert (signed["account"], signed["organization"]["id"]) == ("studio", organization)
    assert signed["kept"].startswith("file")
    assert desk("config", "check", "--json").json == {"schema": 1, "accounts": ["studio"], "rules": [], "warnings": []}
    assert desk("config", "path", "--json").json["config"] == str(paths().config_file)
    desk.photo()
    desk.send()
    assert isinstance(desk("stop", "--json").json["ended"], int)
    assert desk("stop", "--json").json["ended"] is None
    backup = Path(desk("backup", tmp_path / "b.zip", "--json").json["backup"])
    assert backup.is_file()
    assert desk("recover", "--json").json["trouble"] == "none"
    desk.photo("second.jpg", 2)
    desk.send()
    desk("stop")
    restored = desk("restore", backup, "--yes", "--json")
    assert (restored.code, restored.json["trouble"], restored.json["found"]) == (0, "older", [2])
    assert desk("logout", "studio", "--json").json["was_signed_in"]
    assert not desk("logout", "studio", "--json").json["was_signed_in"]
    assert "[Service]" in desk("systemd-unit", "--json").json["unit"]


def test_what_is_not_done_for_want_of_a_yes_is_a_document_too(desk: Desk) -> None:
    desk.photo()
    said = desk("submit", desk.inbox, "-w", "Export only", "-o", desk.out, "--json")
    assert (said.code, said.json["error"]["code"]) == (2, 2)
    assert said.json["error"]["message"].startswith("Nothing was sent: without a terminal to ask on")
    assert desk("job", str(2**63), "--json").json["error"]["message"].startswith("There is no job")
