"""Names that are left alone: one list for commands, screens and rules, told by why, and a person's word above it."""

from __future__ import annotations

import json
from collections import Counter
from pathlib import Path

import pytest

from artui.config import paths
from artui.config.ignoring import LISTED, USUAL
from artui.core.plan import collect
from artui.timing import Clock
from artui.watch import marker
from artui.watch.scanning import Scanner
from tests.desk import Desk
from tests.studio import Studio
from tests.watch_post import rule_for

FILES = [
    "boot.jpg_original", "boot.JPG_Original", "a.TMP", "a.PART", "a.jpg.filepart", "a.temp", "a.jpg.crdownload",
    "a.download", "a.jpg.!ut", "a.jpg~", "boot.jpg.~lock", ".boot.jpg.Xa81Qz", "Thumbs.db", "THUMBS.DB", ".DS_Store",
]  # fmt: skip
FOLDERS = [
    "#recycle", "@Recycle", ".Trash-1000", ".Trashes", "$RECYCLE.BIN", "@Recently-Snapshot", "#snapshot", ".snapshots",
    "@eaDir", ".stversions", ".dtrash", "CaptureOne", "Catalog Previews.lrdata", "#Recycle", "lost+found",
]  # fmt: skip


@pytest.mark.parametrize("name", FILES)
def test_a_file_nobody_means_is_left_alone(name: str) -> None:
    assert USUAL.why(name, is_folder=False)


@pytest.mark.parametrize("name", FOLDERS)
def test_a_folder_nobody_means_is_left_alone(name: str) -> None:
    assert USUAL.why(name, is_folder=True)


@pytest.mark.parametrize("name", ["boot.jpg", "boot_original.jpg", "original.jpg", "temp.jpg", "part.png", "a~b.jpg"])
def test_a_photo_s_name_is_none_of_them(name: str) -> None:
    assert not USUAL.why(name, is_folder=False)


def test_a_setting_adds_to_the_list_or_empties_it() -> None:
    more = USUAL.with_more(["*_Draft.*", "raw/"])
    assert more.why("a_draft.jpg", is_folder=False) == LISTED
    assert more.why("RAW", is_folder=True) == LISTED
    assert not more.why("raw", is_folder=False)
    assert more.why("a.tmp", is_folder=False) == "temporary"
    assert not USUAL.with_more([]).why("a.tmp", is_folder=False)
    assert USUAL.with_more([]).with_more(["*.x"]).patterns == [("*.x", LISTED)]


def test_what_is_left_alone_is_counted_and_a_name_given_by_hand_wins(tmp_path: Path) -> None:
    for name in ("a.jpg", "b.jpg_original", "#recycle/c.jpg", "sub/d.JPG.TMP", "sub/e.jpg"):
        place = tmp_path / name
        place.parent.mkdir(exist_ok=True)
        place.write_bytes(b"x")
    left = Counter[str]()
    found = collect([tmp_path], recursive=True, left=left)
    assert [str(one.path.relative_to(tmp_path)) for one in found] == ["a.jpg", "sub/e.jpg"]
    assert left == {"deleted or an older version": 2, "temporary": 1}
    for given in (tmp_path / "b.jpg_original", tmp_path / "#recycle"):
        assert len(collect([given])) == 1


def test_a_plan_counts_what_it_leaves_alone_and_the_list_can_be_seen(desk: Desk) -> None:
    desk.photo("a.jpg", 1)
    desk.photo("b.jpg_original", 2)
    desk.photo("c_draft.jpg", 3)
    config = paths().config_file
    config.write_text('ignore = ["*_draft.*"]\n' + config.read_text())
    command = ("submit", desk.inbox, "-w", "Export only", "-o", desk.out, "--dry-run")
    assert desk(*command, "--json").json["ignored"] == {"deleted or an older version": 1, LISTED: 1}
    assert "Left alone by name: 1 deleted or an older version, 1 your ignore list" in desk(*command).out
    listed = json.loads(desk("config", "show", "ignore", "--json").out)
    assert {"schema": 1, "pattern": "*_draft.*", "reason": LISTED} in listed
    assert {"schema": 1, "pattern": "#recycle/", "reason": "deleted or an older version"} in listed
    named = desk("submit", desk.inbox / "b.jpg_original", "-w", "Export only", "-o", desk.out, "--dry-run", "--json")
    assert [file["verdict"] for file in named.json["files"]] == ["send"]


async def test_a_rule_leaves_them_alone_and_says_why(studio: Studio) -> None:
    studio.photos(1)
    for name in ("b.TMP", "@eaDir/c.jpg", "d.bak", "done/e.jpg", ".artui-folder"):
        place = studio.inbox / name
        place.parent.mkdir(exist_ok=True)
        place.write_bytes(b"x")
    rule = rule_for(studio, recursive=True, ignore=["*.bak"])
    scanner = Scanner(rule, Clock(), [])
    glance = scanner.look(marker.identity(rule.folder))
    assert [one.name for one in scanner.everything_new()] == ["IMG_0000.jpg"]
    passed = {why: one.names for why, one in glance.passed.items() if why != "still growing"}
    assert passed == {"temporary": ["b.TMP"], "a system's own": ["@eaDir"], LISTED: ["d.bak"]}
    emptied = Scanner(rule_for(studio, recursive=True, ignore=[]), Clock(), [])
    emptied.look(marker.identity(rule.folder))
    assert {one.name for one in emptied.everything_new()} == {"IMG_0000.jpg", "b.TMP", "@eaDir/c.jpg", "d.bak"}
