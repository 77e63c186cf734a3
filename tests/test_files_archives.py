"""Archives of photos that are sent as one: what is looked at before, and that nothing in one is believed."""

from __future__ import annotations

import dataclasses
import datetime as dt
import io
import math
import tempfile
import zipfile
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from PIL import Image

from artui.config import Caps
from artui.core.plan import SourceFile, Target, Verdict
from artui.core.plan.collecting import check
from artui.files import Accepts, BadPhoto, Photo, PhotoFault, inspect, read_through, stamp, whole, zips
from artui.files.walks import Broken
from artui.journal import Journal, rules, seen
from artui.model.states import Seen
from artui.tui.submit.marks import FileCheck as Known
from artui.tui.submit.marks import Item, LineKind, Marks, add_up
from artui.tui.submit.picker import Facts, say
from artui.watch.rules import After, Existing, Rule
from artui.watch.scanning import Candidate, Signs
from artui.watch.taking import Ingester, Taken
from tests.damaged import holey_photo

TAKES = Accepts(frozenset({"image/jpeg", "image/png"}), max_bytes=200_000, max_pixels=1_000_000, archives=True)


def picture(kind: str = "JPEG", side: int = 40) -> bytes:
    out = io.BytesIO()
    Image.effect_noise((side, side), 60).save(out, kind)
    return out.getvalue()


def packed(path: Path, entries: dict[str, bytes], method: int = zipfile.ZIP_DEFLATED) -> Path:
    with zipfile.ZipFile(path, "w", method) as archive:
        for name, content in entries.items():
            archive.writestr(zipfile.ZipInfo(name), content, method)
    return path


def patched(place: bytes, offset: int, value: bytes) -> Callable[[bytes], bytes]:
    """What writes a value behind each header of a kind."""

    def patch(data: bytes) -> bytes:
        made, at = bytearray(data), data.find(place)
        while at >= 0:
            made[at + offset : at + offset + len(value)] = value
            at = data.find(place, at + 4)
        return bytes(made)

    return patch


CENTRAL, LOCAL = b"PK\x01\x02", b"PK\x03\x04"


@pytest.mark.parametrize("method", [zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED])
def test_an_archive_of_photos_is_one_photo(tmp_path: Path, method: int) -> None:
    path = packed(
        tmp_path / "shoot.zip", {"a.jpg": picture(), "b b.PNG": picture("PNG"), "\u00e4.jpg": picture()}, method
    )
    photo = inspect(path, TAKES, hashed=True)
    assert (photo.is_archive, photo.width, photo.suspect, len(photo.digest)) == (True, 0, "", 64)
    assert read_through(inspect(path, TAKES), TAKES) == photo


def test_where_none_are_taken_it_is_left_alone(tmp_path: Path) -> None:
    path = packed(tmp_path / "shoot.zip", {"a.jpg": picture()})
    with pytest.raises(BadPhoto, match=r"is a ZIP archive; JPEG, PNG are taken here\. Unpack it") as refused:
        inspect(path, dataclasses.replace(TAKES, archives=False))
    assert refused.value.reason == PhotoFault.ARCHIVE


@pytest.mark.parametrize(
    ("entries", "why"),
    [
        ({}, "nothing is in it"),
        ({"x/a.jpg": picture()}, "is a path"),
        ({"../a.jpg": picture()}, "is a path"),
        ({"/etc/a.jpg": picture()}, "is a path"),
        ({"x\\a.jpg": picture()}, "is a path"),
        ({"c:a.jpg": picture()}, "is a path"),
        ({"..": picture()}, "is a path"),
        ({"a\n.jpg": picture()}, r"'a\\n.jpg' in it is a path"),
        ({"photos/": b""}, "is a path"),
        ({"a.jpg": picture(), "A.JPG": picture()}, "two photos in it are called A.JPG"),
        ({"big.jpg": bytes(200_001)}, "big.jpg in it has 0.2 MB; the service takes 0.2 MB at most"),
        ({f"{number}.jpg": b"" for number in range(501)}, "501 entries are in it"),
    ],
)
def test_what_its_table_of_contents_shows_is_told_before_anything_is_unpacked(
    tmp_path: Path, entries: dict[str, bytes], why: str
) -> None:
    path = packed(tmp_path / "shoot.zip", entries)
    with pytest.raises(BadPhoto, match=why) as refused:
        inspect(path, TAKES)
    assert refused.value.reason is PhotoFault.BAD_ARCHIVE


def test_one_that_would_unpack_to_far_more_is_refused(tmp_path: Path) -> None:
    path = packed(tmp_path / "bomb.zip", {f"{number}.jpg": bytes(1 << 20) for number in range(70)})
    with pytest.raises(BadPhoto, match="unpack to far more than photos"):
        inspect(path, dataclasses.replace(TAKES, max_bytes=None))


@pytest.mark.parametrize(
    ("entries", "why"),
    [
        ({"a.jpg": picture(), "b.jpg": picture()[:700]}, "in it b.jpg is cut off"),
        ({"a.jpg": b"words"}, "in it a.jpg is not a photo"),
        ({"a.jpg": picture("TIFF")}, "in it a.jpg is a TIFF picture"),
        ({"a.jpg": b""}, "in it a.jpg is empty"),
        ({"a.png": picture("PNG", 1200)}, "in it a.png is 1200 x 1200 pixels"),
        ({"a.zip": b"PK\x05\x06" + bytes(18)}, "in it a.zip is a ZIP archive"),
    ],
)
def test_what_is_in_it_must_be_photos_that_the_service_takes(
    tmp_path: Path, entries: dict[str, bytes], why: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    (there := tmp_path / "temporary").mkdir()
    monkeypatch.setattr(tempfile, "tempdir", str(there))
    accepts = dataclasses.replace(TAKES, max_bytes=10_000_000)
    path = packed(tmp_path / "shoot.zip", entries)
    assert inspect(path, accepts).is_archive
    with pytest.raises(BadPhoto, match=why) as refused:
        inspect(path, accepts, hashed=True)
    assert (refused.value.reason, refused.value.path) == (PhotoFault.BAD_ARCHIVE, path)
    assert not list(there.iterdir())


@pytest.mark.parametrize(
    ("patch", "why"),
    [
        (patched(CENTRAL, 8, b"\x01"), "a.jpg in it is encrypted"),
        (patched(CENTRAL, 10, b"\x0c"), "packed in a way artui does not unpack"),
        (patched(CENTRAL, 16, b"\0\0\0\0"), "is damaged: a.jpg in it is damaged"),
        (patched(CENTRAL, 24, (90).to_bytes(4, "little")), "is damaged: a.jpg in it is damaged"),
        (patched(LOCAL, 0, b"XX"), "whatever its name says"),
        (patched(LOCAL, 60, b"XXXXXXXXXX"), "is damaged: a.jpg in it is damaged"),
        (lambda data: data[:-30], "is cut off: the end of the ZIP is missing"),
    ],
)
def test_one_that_lies_about_itself_is_refused(tmp_path: Path, patch: Callable[[bytes], bytes], why: str) -> None:
    path = packed(tmp_path / "shoot.zip", {"a.jpg": picture()})
    path.write_bytes(patch(path.read_bytes()))
    with pytest.raises(BadPhoto, match=why):
        inspect(path, TAKES, hashed=True)


def test_a_suspect_photo_makes_its_archive_suspect(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("artui.files.decoding.can_decode", lambda _: False)
    content = holey_photo(tmp_path / "boot.jpg").read_bytes()
    path = packed(tmp_path / "shoot.zip", {"boot.jpg": content}, zipfile.ZIP_STORED)
    photo = inspect(path, dataclasses.replace(TAKES, max_bytes=None, max_pixels=None), hashed=True)
    assert photo.suspect.startswith("boot.jpg in it: ")


def test_no_room_for_temporary_files_is_told_as_that(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path / "none"))
    with pytest.raises(BadPhoto, match="cannot be unpacked to be checked") as refused:
        inspect(packed(tmp_path / "shoot.zip", {"a.jpg": picture()}), TAKES, hashed=True)
    assert refused.value.reason == "unreadable"


# --------------------------------------------------------------------------------------------------------- results


def missing(data: bytes) -> str:
    try:
        whole.check(io.BytesIO(data), len(data), zips.MEDIA_TYPE)
    except Broken as broken:
        return str(broken)
    return ""


@pytest.mark.parametrize("method", [zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED])
def test_a_result_is_whole_when_every_check_sum_is_right(tmp_path: Path, method: int) -> None:
    entries = {"index=0&blendmode=normal&name=Heal.png": picture("PNG", 300), "result.json": b"{}", "empty": b""}
    data = packed(tmp_path / "result.zip", entries, method).read_bytes()
    assert not missing(data)
    begin = data.index(b"result.json") - 200
    for place in range(begin, begin - 2000, -400):
        broken = bytearray(data)
        broken[place] ^= 0x40
        assert "in it is damaged" in missing(bytes(broken))


def test_an_entry_of_the_large_kind_is_checked_too() -> None:
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w") as archive, archive.open("a.png", "w", force_zip64=True) as entry:
        entry.write(b"picture" * 100)
    plain = out.getvalue()
    at, end = plain.index(CENTRAL), plain.index(b"PK\x05\x06")
    further = b"\x01\0\x10\0" + (700).to_bytes(8, "little") * 2
    entry_ = bytearray(plain[at:end])
    entry_[20:28] = b"\xff" * 8
    entry_[30:32] = len(further).to_bytes(2, "little")
    tail = bytearray(plain[end:])
    tail[12:16] = (len(entry_) + len(further)).to_bytes(4, "little")
    large = plain[:at] + bytes(entry_) + further + bytes(tail)
    assert zipfile.ZipFile(io.BytesIO(large)).read("a.png") == b"picture" * 100
    assert not missing(large)
    assert "damaged" in missing(large.replace(b"picture", b"pictuRe", 1))


def test_a_result_that_unpacks_without_end_is_bounded(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(zips, "MOST_UNPACKED", 1000)
    data = packed(tmp_path / "bomb.zip", {"a": bytes(900), "b": bytes(900)}).read_bytes()
    assert "far more than any result" in missing(data)
    lies = patched(CENTRAL, 24, (10).to_bytes(4, "little"))(data)
    assert "a in it is damaged" in missing(lies)


def test_an_entry_that_is_more_than_it_states_is_not_unpacked_further(tmp_path: Path) -> None:
    data = packed(tmp_path / "bomb.zip", {"a": bytes(20_000_000)}).read_bytes()
    file = io.BytesIO(patched(CENTRAL, 24, (10).to_bytes(4, "little"))(data))
    [entry] = zips.entries(file, zips.directory(file, len(data)))
    given: list[bytes] = []
    with pytest.raises(Broken):
        given.extend(zips.unpacked(file, entry))
    assert sum(map(len, given)) <= 10


# ------------------------------------------------------------------------------------- by hand, and under a rule


def test_one_is_sent_where_a_person_names_it_and_passed_over_in_a_folder(tmp_path: Path) -> None:
    path = packed(tmp_path / "shoot.zip", {"a.jpg": picture()})
    named, found = SourceFile(path, tmp_path, is_named=True), SourceFile(path, tmp_path)
    taken, refused, passed_over = check([named], TAKES, lambda *_: None)
    assert ([photo.is_archive for _, photo in taken], refused, passed_over) == ([True], [], 0)
    assert check([found], TAKES, lambda *_: None) == ([], [], 1)


@pytest.mark.parametrize(("in_rule", "at_service"), [(False, True), (True, True), (True, False)])
def test_a_rule_leaves_one_where_it_is_unless_it_says_otherwise(
    tmp_path: Path, in_rule: bool, at_service: bool
) -> None:
    path = packed(tmp_path / "in.zip", {"a.jpg": picture()})
    rule = Rule(
        "r", "r", tmp_path, "studio", ("wf",), Target(tmp_path / "out", "{stem}"), Existing.PROCESS, after=After.MOVE,
        caps=Caps(), archives=in_rule,
    )  # fmt: skip
    limits = SimpleNamespace(accepts=dataclasses.replace(TAKES, archives=at_service))
    offers: Any = SimpleNamespace(limits=lambda _: limits)
    with Journal(tmp_path / "state" / "journal.db") as journal:
        opened = Ingester(journal, rule, offers, dt.UTC).open(
            Candidate(path.name, stamp(path), Signs.of(path.lstat()), math.inf)
        )
        if in_rule and at_service:
            assert isinstance(opened, Photo)
            return
        assert isinstance(opened, Taken)
        [(_, refused)] = opened.refused
        assert (refused.state, refused.reason) == (Seen.REFUSED, PhotoFault.ARCHIVE), "it stays in the folder"
        assert ("archives = true in the rule" in refused.message) is at_service
        journal.write(
            rules.load, "r", name="r", folder=tmp_path, account="studio", twins="deliver", run=None, day=None,
            month=None,
        )  # fmt: skip
        journal.write(seen.note_all, "r", [refused])
        assert [file.name for file in journal.read(seen.known, "r")] == ["in.zip"]
        assert journal.read(seen.known, "r", archives=True) == [], "a rule that takes them by now takes this one"


def test_on_the_screen_one_counts_where_it_was_marked_by_itself(tmp_path: Path) -> None:
    path = packed(tmp_path / "shoot.zip", {"a.jpg": picture()})
    photo = inspect(path, TAKES, hashed=True)
    marks, known, planner = Marks(), {path: Known(photo=photo)}, None
    marks.put([path], tmp_path)
    item = Item(path, LineKind.FILE, photo.stamp.size)
    assert (add_up(marks, known, planner).refused, say(item, Facts(marks, known, {})).verdict) == (
        1,
        "ZIP, only by itself",
    )
    marks.take([path])
    marks.put([path], tmp_path, alone=True)
    assert say(item, Facts(marks, known, {})).verdict == "ZIP, price not known"
    judged: Any = SimpleNamespace(verdict=Verdict.SEND, before=None, photo=photo)
    total = add_up(marks, {path: Known(photo=photo, judged=(judged,))}, planner)
    assert (total.refused, total.to_send, total.archives) == (0, 1, 1)
