"""Names: none leaves its folder, none is taken twice, and those of people survive."""

from __future__ import annotations

import datetime as dt
import os
import time
import unicodedata
from pathlib import Path
from typing import Any

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from artui.files import (
    Stems,
    ascii_name,
    extension,
    free_stem,
    names,
    readable_name,
    render_stem,
    result_names,
    safe_join,
    stem_key,
)
from artui.files.names import result_name

HOSTILE = ["", ".", "..", "/etc/passwd", "../x", "a/../../x", "a//b", "a/./b", "a/", "\0", "a\0b", "x" * 256]
A_NAME = st.text(st.characters(codec=None), max_size=60) | st.binary(max_size=60).map(os.fsdecode)


def free(_: str) -> bool:
    return False


# Joining


@pytest.mark.parametrize("name", HOSTILE)
def test_a_name_that_leaves_its_folder_is_refused(tmp_path: Path, name: str) -> None:
    with pytest.raises(ValueError, match="choose a"):
        safe_join(tmp_path, name)


def test_plain_names_are_joined(tmp_path: Path) -> None:
    for name in ("a.png", "a/b/c.png", "..a", "...", "-rf", "a\nb", os.fsdecode(b"\xff.png"), "x" * 255):
        assert safe_join(tmp_path, name) == tmp_path / name
    assert safe_join(tmp_path, Path("a/b")) == tmp_path / "a" / "b"


def test_a_path_longer_than_the_system_takes_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="too long"):
        safe_join(tmp_path, "/".join(["folder"] * 700))


def test_a_link_does_not_lead_out_of_the_folder(tmp_path: Path) -> None:
    root, elsewhere = tmp_path / "out", tmp_path / "elsewhere"
    root.mkdir()
    elsewhere.mkdir()
    (root / "link").symlink_to(elsewhere)
    (root / "inner").symlink_to(root)
    with pytest.raises(ValueError, match="name the real folder"):
        safe_join(root, "link/a.png")
    assert safe_join(root, "inner/a.png") == root / "inner" / "a.png"
    (tmp_path / "alias").symlink_to(root)
    assert safe_join(tmp_path / "alias", "a.png")


@given(A_NAME | st.lists(st.sampled_from(["..", ".", "a", "", "b.c", "\0"])).map("/".join))
def test_whatever_is_joined_lies_inside(name: str) -> None:
    root = Path("/nonexistent/root")
    try:
        path = safe_join(root, name)
    except ValueError:
        return
    assert Path(os.path.normpath(path)).is_relative_to(root)
    assert path != root


# Names for the service


@pytest.mark.parametrize(
    ("name", "plain"),
    [
        ("shirt 7.JPG", "shirt-7.jpg"),
        ("Größe café.png", "Groe-cafe.jpg"),
        ("日本語.jpg", "photo.jpg"),
        ("../../etc/passwd", "passwd.jpg"),
        ("-rf.jpg", "rf.jpg"),
        (os.fsdecode(b"a\xff\x80b.jpg"), "ab.jpg"),
        ("a.b..c.jpg", "a.b.c.jpg"),
        ("", "photo.jpg"),
        ("new\nline\x1b[0m.jpg", "new-line-0m.jpg"),
    ],
)
def test_the_service_gets_a_plain_name(name: str, plain: str) -> None:
    assert ascii_name(name, "image/jpeg") == plain


@pytest.mark.parametrize(
    ("name", "readable"),
    [
        ("靴 春.jpg", "靴 春.jpg"),
        ("shirt 7.JPG", "shirt 7.JPG"),
        ("Größe café.jpeg", "Größe café.jpeg"),
        ("cafe\u0301.jpg", "cafe\u0301.jpg"),
        ("👩\u200d👧 a.jpg", "👩\u200d👧 a.jpg"),
        ("photo.png", "photo.jpg"),
        ("photo.v2", "photo.v2.jpg"),
        ("photo", "photo.jpg"),
        (".jpg", "jpg.jpg"),
        ("", "photo.jpg"),
        (os.fsdecode(b"a\xff\x80b.jpg"), "a--b.jpg"),
        ("a\ud83db.jpg", "a-b.jpg"),
        ("a\u202egpj.exe\u2066.jpg", "a-gpj.exe-.jpg"),
        ("new\nline\x1b[0m\x7f\u2028.jpg", "new-line-[0m--.jpg"),
        ('a "b" \\ & <c>.jpg', 'a "b" \\ & <c>.jpg'),
    ],
)
def test_people_see_the_name_of_a_photo_as_it_is(name: str, readable: str) -> None:
    assert readable_name(name, "image/jpeg") == readable


@given(A_NAME, st.sampled_from(["image/jpeg", "image/png", "image/webp", "image/tiff"]))
def test_every_readable_name_can_be_stored_and_has_its_suffix(name: str, media_type: str) -> None:
    readable = readable_name(name, media_type)
    readable.encode()
    assert readable.lower().endswith(
        (
            extension(media_type),
            *{"image/jpeg": (".jpeg", ".jpe", ".jfif"), "image/tiff": (".tiff",)}.get(media_type, ()),
        )
    )
    assert not any(unicodedata.category(one) in ("Cc", "Cs") for one in readable)


@given(A_NAME, st.sampled_from(["image/jpeg", "image/png", "image/webp", "image/tiff"]))
def test_every_plain_name_is_short_safe_ascii_with_the_right_suffix(name: str, media_type: str) -> None:
    plain = ascii_name(name, media_type)
    assert len(plain) <= 100
    assert plain.isascii()
    assert plain.endswith(extension(media_type))
    assert not set(plain) - set("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789._-")
    assert plain[0].isalnum()
    assert ".." not in plain


@pytest.mark.parametrize(
    ("media_type", "suffix"),
    [
        ("image/jpeg", ".jpg"),
        ("IMAGE/PNG", ".png"),
        ("image/webp; q=1", ".webp"),
        ("image/tiff", ".tif"),
        ("application/zip", ".zip"),
        ("application/json", ".json"),
        ("image/gif", ".gif"),
        ("no/../such", ".bin"),
        ("", ".bin"),
    ],
)
def test_each_type_has_its_suffix(media_type: str, suffix: str) -> None:
    assert extension(media_type) == suffix


# Templates

VALUES: dict[str, Any] = {
    "stem": "IMG_1",
    "relative": "aw26/boots",
    "batch": "Tuesday",
    "workflow": "Background Removal",
    "date": dt.date(2026, 11, 22),
    "n": 7,
}


@pytest.mark.parametrize(
    ("template", "folder", "stem"),
    [
        ("{stem}", ".", "IMG_1"),
        ("{relative}/{stem}", "aw26/boots", "IMG_1"),
        ("{date}/{workflow}/{stem}-{n:04}", "2026-11-22/Background Removal", "IMG_1-0007"),
        ("{batch}_{n}", ".", "Tuesday_7"),
        ("{n:3}", ".", "  7"),
        ("a//{stem}", "a", "IMG_1"),
        ("{{{stem}}}", ".", "{IMG_1}"),
    ],
)
def test_a_template_gives_folder_and_stem(template: str, folder: str, stem: str) -> None:
    assert render_stem(template, **VALUES) == (Path(folder), stem)


def test_a_photo_without_a_folder_of_its_own_lies_in_the_output_folder() -> None:
    for relative in ("", ".", Path()):
        assert render_stem("{relative}/{stem}", **VALUES | {"relative": relative}) == (Path(), "IMG_1")
        assert render_stem("x/{relative}/{stem}", **VALUES | {"relative": relative}) == (Path("x"), "IMG_1")


def test_an_unknown_placeholder_is_named_with_the_nearest() -> None:
    with pytest.raises(ValueError, match=r"'\{stam\}' has an unknown \{stam\}; the nearest is \{stem\}"):
        render_stem("{stam}", **VALUES)


@pytest.mark.parametrize(
    "template",
    [
        "",
        "/",
        "a/",
        "/{stem}",
        "../{stem}",
        "a/../{stem}",
        ".",
        "{stem}/.",
        "{stem",
        "}",
        "{}",
        "{0}",
        "{stem.x}",
        "{stem!r}",
        "{stem:>9}",
        "{n:99}",
        "{n:x}",
    ],
)
def test_a_template_that_cannot_be_used_is_refused(template: str) -> None:
    with pytest.raises(ValueError, match="output template"):
        render_stem(template, **VALUES)


def test_what_a_service_says_is_tamed_and_what_a_person_says_is_kept() -> None:
    hostile = '../ev/il\x1b[0m\n\u202e:*?"<>|\\\0. '
    folder, stem = render_stem("{workflow}/{batch}/{stem}", **VALUES | {"workflow": hostile, "batch": hostile})
    assert folder.parts == ("-ev-il-[0m-----------",) * 2
    assert stem == "IMG_1"
    mine = os.fsdecode(b"\xff new\nline [x]")
    assert render_stem("{relative}/{stem}", **VALUES | {"stem": mine, "relative": mine}) == (Path(mine), mine)


@pytest.mark.parametrize(("stem", "safe"), [(".", "_"), ("..", "__"), ("a/b", "a-b"), ("a\0b", "a-b"), (".a", ".a")])
def test_a_stem_is_always_one_component(stem: str, safe: str) -> None:
    assert render_stem("{stem}", **VALUES | {"stem": stem}) == (Path(), safe)
    assert render_stem("x/{stem}/y", **VALUES | {"stem": stem}) == (Path("x", safe), "y")


@given(
    template=st.lists(st.sampled_from(["{stem}", "{relative}", "{batch}", "{workflow}", "/", ".", "a"])).map("".join),
    stem=A_NAME,
    relative=A_NAME,
    batch=A_NAME,
)
@example(template="{stem}", stem="..", relative="", batch="")
@example(template="{relative}/{stem}", stem="a", relative="../../b", batch="")
def test_no_value_leads_out_of_the_output_folder(template: str, stem: str, relative: str, batch: str) -> None:
    values = VALUES | {"stem": stem, "relative": relative, "batch": batch, "workflow": batch}
    try:
        folder, name = render_stem(template, **values)
    except ValueError:
        return
    assert not folder.is_absolute()
    assert not {".", "..", ""} & {*folder.parts, name}
    assert "/" not in name
    assert "\0" not in f"{folder}{name}"
    assert len(folder.parts) <= template.count("/") + template.count("{relative}") * relative.count("/")


# Reservations


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("shirt", "SHIRT"),
        (unicodedata.normalize("NFC", "café"), unicodedata.normalize("NFD", "CAFÉ")),
        ("straße", "STRASSE"),
        ("ﬁle", "file"),
        ("Å", "Å"),
    ],
)
def test_spellings_that_some_file_system_takes_for_one_are_one(tmp_path: Path, one: str, other: str) -> None:
    assert stem_key(tmp_path, one) == stem_key(tmp_path, other)
    assert stem_key(Path("/" + one), "x") == stem_key(Path("/" + other), "x")
    stems = Stems(free)
    assert [stems.reserve(tmp_path, one), stems.reserve(tmp_path, other)] == [one, f"{other}-2"]


def test_a_numbered_name_gives_way_as_well(tmp_path: Path) -> None:
    stems = Stems(free)
    asked = ["a", "a", "a-2", "A-3", "a"]
    assert [stems.reserve(tmp_path, stem) for stem in asked] == ["a", "a-2", "a-2-2", "A-3", "a-4"]


def test_other_folders_and_other_stems_are_others() -> None:
    keys = {stem_key(Path(folder), stem) for folder in ("/a", "/b") for stem in ("x", "y", "x-2", "x.y")}
    assert len(keys) == 8


@given(A_NAME)
@example(os.fsdecode(b"\xff\xfe"))
@example("\u0345\u0301")
def test_a_key_can_be_stored_and_does_not_depend_on_the_form(name: str) -> None:
    key = stem_key(Path("/out"), name)
    assert key.encode("utf-8").decode() == key
    for form in ("NFC", "NFD"):
        assert stem_key(Path("/out"), unicodedata.normalize(form, name)) == key


@pytest.mark.parametrize(
    ("on_disk", "given_out"),
    [
        ([], "shirt"),
        (["shirt.png"], "shirt-2"),
        (["SHIRT.tiff"], "shirt-2"),
        (["shirt.mask.png"], "shirt-2"),
        (["shirt.png", "shirt-2.jpg", "shirt-3.x.json"], "shirt-4"),
        (["shirt-2.png"], "shirt"),
        (["shirts.png", "my shirt.png", "shirt"], "shirt"),
        ([".artui-1-abc.part", ".shirt.png"], "shirt"),
    ],
)
def test_a_stem_on_disk_is_left_to_what_lies_there(tmp_path: Path, on_disk: list[str], given_out: str) -> None:
    for name in on_disk:
        (tmp_path / name).touch()
    assert free_stem(tmp_path, "shirt", free) == given_out


def test_a_dot_in_a_stem_is_part_of_it(tmp_path: Path) -> None:
    (tmp_path / "shirt.front.png").touch()
    assert free_stem(tmp_path, "shirt.front", free) == "shirt.front-2"
    assert free_stem(tmp_path, "shirt.back", free) == "shirt.back"


def test_what_other_jobs_reserved_is_asked_for(tmp_path: Path) -> None:
    reserved = {stem_key(tmp_path, "Shirt"), stem_key(tmp_path, "shirt-2")}
    assert free_stem(tmp_path, "shirt", reserved.__contains__) == "shirt-3"


def test_a_folder_that_is_missing_or_closed_is_planned_as_empty(tmp_path: Path) -> None:
    assert free_stem(tmp_path / "missing", "shirt", free) == "shirt"
    (tmp_path / "file").touch()
    assert free_stem(tmp_path / "file", "shirt", free) == "shirt"


@pytest.mark.parametrize("stem", ["x" * 251, "é" * 125, "日" * 83, os.fsdecode(b"\xff" * 251)])
def test_a_long_stem_is_cut_so_that_every_ending_fits(tmp_path: Path, stem: str) -> None:
    stems = Stems(free)
    given_out = [stems.reserve(tmp_path, stem) for _ in range(12)]
    assert len(set(given_out)) == 12
    for one in given_out:
        assert stem.startswith(one.removesuffix(f"-{given_out.index(one) + 1}"))
        for name in (result_name(one, "image/webp"), result_name(one, "image/webp", "a task with a long name" * 20)):
            (tmp_path / name).touch()


def test_ten_thousand_photos_of_one_name_are_planned_at_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for number in range(50):
        (tmp_path / f"other {number}.jpg").touch()
    scans, asked = [], 0
    real = os.scandir

    def counted(path: Path) -> Any:
        scans.append(path)
        return real(path)

    def taken(_: str) -> bool:
        nonlocal asked
        asked += 1
        return False

    monkeypatch.setattr(names.os, "scandir", counted)
    stems = Stems(taken)
    started = time.perf_counter()
    given_out = {stems.reserve(tmp_path, "IMG") for _ in range(10_000)}
    assert given_out == {"IMG", *(f"IMG-{number}" for number in range(2, 10_001))}
    assert scans == [tmp_path]
    assert asked == 10_000
    assert time.perf_counter() - started < 5


@pytest.mark.parametrize(
    ("task", "name"),
    [
        ("", "shirt.png"),
        ("mask", "shirt.mask.png"),
        ("../../x", "shirt.-..-x.png"),
        ("a/b\x1b\0", "shirt.a-b--.png"),
        ("...", "shirt.result.png"),
    ],
)
def test_a_result_is_named_by_us(task: str, name: str) -> None:
    assert result_name("shirt", "image/png", task) == name


@given(A_NAME)
def test_every_result_name_is_one_component(task: str) -> None:
    name = result_name("x" * 223, "image/webp", task)
    assert "/" not in name
    assert "\0" not in name
    assert len(os.fsencode(name)) <= 255


def test_results_that_would_have_one_name_are_told_apart() -> None:
    tasks = ["a:b", "a?b", "A-B", "", "...", "result", "x" * 300, "x" * 299]
    for stem in ("shirt", "y" * 229):
        made = result_names(stem, [("image/png", task) for task in tasks])
        assert len({name.casefold() for name in made}) == len(tasks)
        assert all(len(os.fsencode(name)) <= 255 and "/" not in name for name in made)
    assert result_names("shirt", [("image/png", "a:b"), ("image/png", "a?b")]) == ["shirt.a-b.png", "shirt.a-b-2.png"]
    assert result_names("shirt", [("application/x-sh", "run")]) == ["shirt.run.bin"]
