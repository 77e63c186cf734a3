"""Whether one folder lies in another, by whatever way either is named."""

from __future__ import annotations

import unicodedata
from pathlib import Path

import pytest

from artui import files
from tests.mounts import bound, ignoring_case, overlaid

HERE = Path()


def test_links_and_dots_lead_to_the_same_folder(tmp_path: Path) -> None:
    shoot = tmp_path / "shoot"
    (shoot / "sub").mkdir(parents=True)
    (tmp_path / "link").symlink_to(shoot)
    (tmp_path / "deep").symlink_to(shoot / "sub")
    for way in (shoot, tmp_path / "link", shoot / "sub" / "..", tmp_path / "link" / "sub" / ".." / "." / ""):
        assert files.inside(way, shoot) == HERE
        assert files.inside(shoot, way) == HERE
    assert files.inside(tmp_path / "deep" / "new", shoot) == Path("sub/new")
    assert files.inside(tmp_path / "shoot-2", shoot) is None
    assert files.inside(tmp_path, shoot) is None
    (tmp_path / "dangling").symlink_to(tmp_path / "later")
    assert files.inside(tmp_path / "dangling" / "x", tmp_path / "later") == Path("x")


@pytest.mark.parametrize(
    ("one", "other"),
    [("Shoot", "shoot"), ("M\u00fcller", "Mu\u0308ller"), ("STRASSE", "straße"), ("M\u00dcLLER", "mu\u0308ller")],
)
def test_what_is_not_there_yet_is_compared_by_name_whatever_its_spelling(tmp_path: Path, one: str, other: str) -> None:
    assert files.inside(tmp_path / one, tmp_path / other) == HERE
    assert files.inside(tmp_path / one / "out", tmp_path / other) == Path("out")
    assert files.inside(tmp_path / one, tmp_path / other / "in") is None
    assert files.inside(tmp_path / "x" / one, tmp_path / other) is None


def test_folders_that_the_disk_tells_apart_are_two(tmp_path: Path) -> None:
    if (tmp_path / "PROBE").mkdir() or (tmp_path / "probe").exists():
        pytest.skip("this disk ignores case")
    for one, other in (("Shoot", "shoot"), ("M\u00fcller", unicodedata.normalize("NFD", "M\u00fcller"))):
        (tmp_path / one).mkdir()
        (tmp_path / other).mkdir()
        assert files.inside(tmp_path / one, tmp_path / other) is None
        assert files.inside(tmp_path / one / "out", tmp_path / other) is None


def test_a_folder_seen_at_another_place_is_the_same(tmp_path: Path) -> None:
    shoot = tmp_path / "shoot"
    with bound(shoot, tmp_path / "a b\\c") as place:
        assert files.inside(place, shoot) == HERE
        assert files.inside(shoot, place) == HERE
        assert files.inside(place / "new" / "er", shoot) == Path("new/er")
        with bound(place, tmp_path / "again") as again:
            assert files.inside(again, shoot) == HERE


def test_nesting_is_seen_through_mounts(tmp_path: Path) -> None:
    """Of a folder further down, and of one that is mounted inside the other."""
    shoot, outside = tmp_path / "shoot", tmp_path / "outside"
    with bound(shoot / "sub" / "deep", tmp_path / "elsewhere") as place:
        assert files.inside(place, shoot) == Path("sub/deep")
        assert files.inside(place / "x", shoot / "sub") == Path("deep/x")
        assert files.inside(place, shoot / "other") is None
        assert files.inside(shoot, place) is None
        with bound(shoot, tmp_path / "third") as third:
            assert files.inside(place, third) == Path("sub/deep")
            assert files.inside(third / "sub", shoot) == Path("sub")
    with bound(outside, shoot / "hole") as hole:
        assert files.inside(outside, shoot) == Path("hole")
        assert files.inside(outside / "x" / "y", shoot) == Path("hole/x/y")
        assert files.inside(outside, hole) == HERE
        assert files.inside(tmp_path / "outside-2", shoot) is None
    assert files.inside(outside, shoot) is None
    # What is hidden under another mount is not where its name says.
    with bound(shoot / "sub", tmp_path / "sub") as place, bound(outside, shoot):
        assert files.inside(place, shoot) is None


def test_a_disk_that_ignores_case_has_one_folder_for_all_spellings(tmp_path: Path) -> None:
    with ignoring_case(tmp_path / "disk") as disk:
        (disk / "Shoot" / "Sub").mkdir(parents=True)
        if not (disk / "shoot").exists():
            pytest.skip("this disk tells case apart")
        assert files.inside(disk / "shoot", disk / "Shoot") == HERE
        assert files.inside(disk / "SHOOT" / "sub" / "new", disk / "Shoot") == Path("sub/new")
        assert files.inside(disk / "other", disk / "Shoot") is None
        assert files.first_shared([disk / "x", disk / "SHOOT"], [disk / "shoot"]) == disk / "SHOOT"
        (disk / "Other").mkdir()
        assert files.inside(disk / "other", disk / "Shoot") is None


def test_the_first_folder_that_is_among_others_is_found(tmp_path: Path) -> None:
    for name in ("a", "b", "c"):
        (tmp_path / name).mkdir()
    (tmp_path / "link").symlink_to("b")
    others = [tmp_path / "a", tmp_path / "b"]
    assert files.first_shared([tmp_path / "c", tmp_path / "link"], others) == tmp_path / "link"
    assert files.first_shared([tmp_path / "c", tmp_path / "a" / "new"], others) is None
    assert files.first_shared([tmp_path / "New"], [tmp_path / "new"]) == tmp_path / "New"


def test_without_a_list_of_mounts_the_rest_still_holds(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("artui.files.folders._MOUNTS", tmp_path / "none")
    (tmp_path / "in").mkdir()
    (tmp_path / "link").symlink_to("in")
    assert files.inside(tmp_path / "link" / "x", tmp_path / "in") == Path("x")
    with bound(tmp_path / "in", tmp_path / "place") as place:
        assert files.inside(place, tmp_path / "in") == HERE


def test_a_layered_file_system_is_another_folder_as_far_as_the_disk_says(tmp_path: Path) -> None:
    """What cannot be told here is caught by the marks in the folders, and by the contents of results."""
    with overlaid(tmp_path / "lower", tmp_path / "upper", tmp_path / "merged") as merged:
        assert files.inside(merged, tmp_path / "upper") is None
        (merged / "a").write_text("a")
        assert (tmp_path / "upper" / "a").exists()
