"""The pane beside a list: what it shows of a job and of a file, how it opens and moves; no key waits for it."""

from __future__ import annotations

import json
import os
import threading
from pathlib import Path

import pytest
from PIL import Image

from artui.config import paths
from artui.core.results import Change, changes
from artui.files.traits import Looks
from artui.journal import accounts
from artui.tui import pictures
from artui.tui.drawing import choose_drawing, chosen
from artui.tui.pane_shape import LEAST, PaneShape, last_panes, remember_panes
from artui.tui.photo_pane import PhotoPane
from artui.tui.phrases import BRIEF_CELLS
from artui.tui.picture_view import PictureView
from tests.tui.desk import FAILED, QUEUED, SAVED, SENT, UPLOADING, Desk, at_desk, fill

pytestmark = [pytest.mark.anyio, pytest.mark.usefixtures("configured")]

NARROW, WIDE, FULL = (80, 24), (120, 36), (160, 45)


@pytest.fixture
def photo(tmp_path: Path) -> Path:
    path = tmp_path / "photo.jpg"
    Image.new("RGB", (800, 600), "red").save(path)
    return path


@pytest.fixture
def cut(photo: Path) -> Path:
    """A photo whose end is missing, beside a whole one."""
    path = photo.with_name("broken.jpg")
    path.write_bytes(photo.read_bytes()[:700])
    return path


def saved(photo: Path, tmp_path: Path) -> list[int]:
    """A job that failed and stands on top, and one that is saved."""
    after = tmp_path / "after.png"
    Image.new("RGBA", (300, 200)).save(after)
    results = json.dumps([{"locator": "it", "path": str(after)}])
    source = os.fsencode(photo)
    return fill({**FAILED, "source": source}, {**SAVED, "source": source, "results": results})


def pane(desk: Desk) -> PhotoPane:
    return desk.console.screen.query_one(PhotoPane)


@pytest.mark.parametrize(("width", "cells"), [(60, 0), (99, 0), (100, 36), (120, 43), (140, 50), (200, 71)])
def test_a_pane_is_open_where_there_is_room(width: int, cells: int) -> None:
    assert PaneShape().cells(width) == cells


def test_a_pane_that_has_no_room_takes_none() -> None:
    assert not any(PaneShape(narrow=True, moved=40).cells(width) for width in range(60))


@pytest.mark.parametrize("width", range(60, 241, 12))
@pytest.mark.parametrize("way", [1, -1])
def test_a_border_stays_inside(width: int, way: int) -> None:
    shape = PaneShape(narrow=True)
    for _ in range(100):
        shape.move(4 * way, width)
    assert LEAST <= shape.cells(width) <= width - 28
    at_its_end = shape.cells(width)
    shape.move(-4 * way, width)
    assert abs(shape.cells(width) - at_its_end) == min(4, abs(shape.cells(width) - at_its_end) or 4) or width < 66


def test_a_shape_is_remembered() -> None:
    assert last_panes(paths()) == PaneShape()
    remember_panes(paths(), PaneShape(False, True, -8))
    assert last_panes(paths()) == PaneShape(False, True, -8)
    (paths().state / "console-panes.json").write_text('{"wide": 1}')
    assert last_panes(paths()) == PaneShape()


def test_every_reason_has_few_words_where_its_own_are_many() -> None:
    assert all(len(words) <= 14 for words in BRIEF_CELLS.values())


def test_what_a_result_has_lost() -> None:
    before = Looks("Adobe RGB (1998)", 16, has_copyright=True)
    assert changes(before, Looks("sRGB", 8)) == [Change.PROFILE, Change.DEPTH, Change.COPYRIGHT]
    assert changes(before, before) == []
    assert changes(Looks("", 8), Looks("sRGB", 8)) == []


async def test_before_and_after_follow_the_cursor(photo: Path, tmp_path: Path) -> None:
    saved(photo, tmp_path)
    async with at_desk(WIDE) as desk:
        await desk.sees("photo", "800 x 600", "failed at the service")
        assert "Workflow" not in desk.lines()[3]
        await desk.press("down")
        await desk.sees("before", "after", "800 x 600", "300 x 200", "no profile, alpha", "quoted 10, charged 10")
        await desk.press("up")
        await desk.until(lambda: "300 x 200" not in "\n".join(desk.lines()))


async def test_a_narrow_screen_opens_it_on_demand(photo: Path, tmp_path: Path) -> None:
    saved(photo, tmp_path)
    async with at_desk(NARROW) as desk:
        assert not desk.console.screen.query(PhotoPane)
        await desk.press("down", "p")
        await desk.sees("after", "300 x 200")
        assert "before" not in "\n".join(desk.lines())
        assert "failed " in "\n".join(desk.lines())
        await desk.press("p")
        await desk.sees("failed at the service")
        assert not pane(desk).display


async def test_the_border_moves_and_stays_for_the_next_console(photo: Path, tmp_path: Path) -> None:
    saved(photo, tmp_path)
    async with at_desk(WIDE) as desk:
        await desk.sees("photo")
        assert pane(desk).outer_size.width == 43
        await desk.press("less_than_sign", "less_than_sign", "greater_than_sign")
        await desk.until(lambda: pane(desk).outer_size.width == 47)
    async with at_desk(WIDE) as desk:
        await desk.sees("photo")
        assert pane(desk).outer_size.width == 47


async def test_the_table_says_less_beside_a_narrow_pane() -> None:
    fill(UPLOADING, SENT, FAILED, QUEUED, QUEUED, SAVED)
    async with at_desk(NARROW) as desk:
        await desk.press("p")
        await desk.sees("Stage", "1st of 2")
        stages = [line[32:46].strip() for line in desk.lines()[4:10]]
        assert stages == ["failed", "about to ~", "processing", "1st of 2", "queued", "saved"]


async def test_a_wide_screen_tells_the_facts_and_the_steps_of_the_workflow(photo: Path, tmp_path: Path) -> None:
    saved(photo, tmp_path)
    flow = {
        "id": "w", "version": "v", "name": "W", "price": 10, "author": "", "changed_at": "",
        "components": [{"type": "background_removal", "label": "Remove background", "settings": {}}],
    }  # fmt: skip
    async with at_desk(FULL) as desk:
        job = desk.job(desk.table.order[0])
        flow |= {"id": job.workflow, "version": job.version}
        desk.write(accounts.keep_workflows, "studio", {job.workflow: json.dumps(flow)})
        sent = "SELECT id, 1, 'sent', 'submitted', 'waiting', '' FROM jobs"
        desk.write(lambda db: db.execute(f"INSERT INTO events (job, at, what, stage, status, message) {sent}"))
        await desk.press("down", "up")
        await desk.sees("execution", "at the service", "remove background")


async def test_no_key_waits_for_a_picture(photo: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A picture that takes its time is decoded beside the loop, and of those passed by only the last is read."""
    fill(*[{**SAVED, "source": os.fsencode(photo.with_name(f"{number:02}.jpg"))} for number in range(30)])
    go_on, read = threading.Event(), []

    def slow(path: Path, frame: pictures.Frame) -> pictures.Picture:
        read.append(path.name)
        assert go_on.wait(20)
        return pictures.read_picture(photo, frame)

    monkeypatch.setattr("artui.tui.picture_view.read_kept", slow)
    async with at_desk(WIDE) as desk:
        await desk.until(lambda: read)
        await desk.press(*["down"] * 20)
        assert desk.table.cursor == 20
        go_on.set()
        await desk.until(lambda: read[-1] == "20.jpg")
        assert len(read) < 8
        await desk.sees("800 x 600")


async def test_a_picture_is_read_once_while_its_file_is_the_same(photo: Path) -> None:
    pictures._kept.cache_clear()
    first = pictures.read_kept(photo, pictures.Frame((20, 20)))
    assert pictures.read_kept(photo, pictures.Frame((20, 20))) is first
    Image.new("RGB", (80, 60), "blue").save(photo)
    assert pictures.read_kept(photo, pictures.Frame((20, 20))).whole == (80, 60)
    with pytest.raises(pictures.Unshowable):
        pictures.read_kept(photo.with_name("none.jpg"), pictures.Frame((20, 20)))


async def test_over_ssh_pictures_follow_only_where_the_setting_is_made(photo: Path, tmp_path: Path) -> None:
    far = {"SSH_CONNECTION": "1 2 3 4"}
    try:
        choose_drawing("blocks", is_set=True, environ=far)
        assert chosen.follows
        choose_drawing("off", is_set=True, environ={})
        assert not chosen.follows
        choose_drawing("blocks", is_set=False, environ=far)
        assert not chosen.follows
        saved(photo, tmp_path)
        async with at_desk(WIDE) as desk:
            await desk.sees("quoted 10, charged not yet")
            assert all(view.picture is None for view in desk.console.screen.query(PictureView))
    finally:
        choose_drawing("blocks", environ={})


async def test_submit_shows_the_file_under_the_cursor(
    cut: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert cut.name == "broken.jpg"
    monkeypatch.chdir(tmp_path)
    fill(QUEUED)
    async with at_desk(WIDE) as desk:
        await desk.press("2")
        await desk.sees("photo.jpg", "broken.jpg")
        await desk.press("end")
        await desk.sees("2 of 2", "800 x 600", "ready")
        await desk.press("up")
        await desk.sees("1 of 2", "cannot be read as a picture", "! broken.jpg")
