"""Pictures of every screen in its main states; ``pytest tests/tui/test_pictures.py --snapshot-update`` takes them anew.

Whatever differs from day to day or machine to machine is fixed: the clock, the zone, the folders, the engine.
"""

from __future__ import annotations

import json
import os
import time
from collections.abc import Awaitable, Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from artui.config import load, paths
from artui.engine.anchor import open_journal
from artui.journal import Connection, accounts, jobs, offers, rules, seen
from artui.journal.rules import RuleState, SkipCount
from artui.journal.seen import SeenFile
from artui.model.job import Batch
from artui.model.states import Seen
from artui.sim.photos import noise_jpeg
from artui.tui.app import Console
from artui.tui.photo_pane import PhotoPane
from artui.watch.rules import rule_id
from tests.samples import new_job
from tests.tui.conftest import CONFIG
from tests.tui.desk import CUT, DOUBT, FAILED, QA, QUEUED, SAVED, SENT, UPLOADING, Desk, fill, place

NOW = 1_794_492_540.0
"""Thursday, 12 November 2026, 14:09 UTC."""

NORMAL, WIDE = (80, 24), (120, 36)
DARK, LIGHT = "15;0", "0;15"

Steps = Callable[[Desk], Awaitable[None]]
Prepare = Callable[[Path], None]


# ------------------------------------------------------------------------------------------------- what is shown


def studio(folder: Path, *, more: str = "") -> None:
    """An account that was at work, with a balance."""
    where = paths()
    where.create()
    where.config_file.write_text('account = "studio"\n' + CONFIG + more)
    with open_journal(where) as journal:
        journal.write(accounts.set_balance, "studio", 2781, NOW)


def at_work(folder: Path) -> None:
    """Jobs in every state, and an engine that moves some of them."""
    studio(folder)
    since = {"stage_at": NOW - 31}
    states = (
        DOUBT | {"stage_at": NOW - 7440}, CUT, FAILED, UPLOADING | since, UPLOADING | since, SENT | since,
        SENT | {"stage_at": NOW - 108}, SENT | since, QA | {"stage_at": NOW - 7800}, QA | {"stage_at": NOW - 7680},
        SAVED, SAVED, SAVED, QUEUED, QUEUED, QUEUED,
    )  # fmt: skip
    numbers = fill(*states)
    fill(SAVED, SAVED, QUEUED, batch="shirts", names="shirts/AW26_BLK_4711_Größe_front_wide_{:04}.jpg")
    with open_journal(paths()) as journal:
        journal.write(results, [number for number, state in zip(numbers, states, strict=True) if state == SAVED])
        journal.write(lambda db: db.execute("UPDATE jobs SET folder = ?, stem = ?", (b"/srv/out", b"IMG_0000")))
    moving = {numbers[3]: ["up", 5_700_000, 8_100_000], numbers[4]: ["up", 1_800_000, 8_100_000]}
    paths().transfers.write_text(json.dumps(moving | {numbers[7]: ["down", 2_300_000, 4_800_000]}))


def results(db: Connection, numbers: list[int]) -> None:
    for number in numbers:
        result = [{"locator": "r", "path": f"/out/boots/IMG_{number:04}.png", "size": 4_800_000}]
        db.execute("UPDATE jobs SET results = ? WHERE id = ?", (json.dumps(result), number))


def photos(folder: Path) -> None:
    """A folder as a photographer has it: good photos, others, a folder below."""
    studio(folder)
    boots = folder / "photos" / "aw26" / "boots"
    for number, name in enumerate(("IMG_0231.jpg", "IMG_0232.jpg", "IMG_0233.jpg", "details/heel.jpg", "cut.jpg")):
        path = boots / name
        path.parent.mkdir(parents=True, exist_ok=True)
        noise_jpeg(path, 200_000 + number, number)
        os.utime(path, (NOW - 900, NOW - 900))
    (boots / "cut.jpg").write_bytes((boots / "cut.jpg").read_bytes()[:100_000])
    (boots / "notes.txt").write_text("notes")
    for name in ("cut.jpg", "notes.txt", "details"):
        os.utime(boots / name, (NOW - 900, NOW - 900))
    os.chdir(boots)


def no_photos(folder: Path) -> None:
    studio(folder)
    (folder / "Pictures").mkdir()
    os.chdir(folder / "Pictures")


def workflow(name: str, price: int, day: int, author: str = "Robin Sample") -> dict[str, Any]:
    """A workflow as the journal keeps it."""
    steps = [
        {"type": "background_removal", "label": "Background Removal", "settings": {"edge": True}},
        {"type": "export", "label": "Export", "settings": {"targetFormat": "PNG", "targetMode": "RGBA"}},
    ]
    return {
        "id": f"w-{day}", "version": f"v-{day}", "name": name, "price": price, "components": steps,
        "changed_at": f"2026-10-{day:02}T10:00:00Z", "author": author,
    }  # fmt: skip


def some_workflows(folder: Path) -> None:
    """Workflows as an earlier look at the service left them; one was used."""
    at_work(folder)
    with open_journal(paths()) as journal:
        journal.write(accounts.keep_workflows, "studio", {one["id"]: json.dumps(one) for one in FLOWS})
        journal.write(lambda db: db.execute("UPDATE jobs SET workflow = 'w-3' WHERE purchase > 0"))


FLOWS = (
    workflow("Background Removal", 10, 3),
    workflow("Ghost Mannequin", 57, 21),
    workflow("Ghost Mannequin", 61, 28, "Kim Example"),
    workflow("Marketplace Square", 18, 11),
)


def two_accounts(folder: Path) -> None:
    """One that is ready, and one of another organization that waits for credits."""
    studio(folder, more='[accounts.north]\nprovider = "autoretouch"\nlogin = "studio"\norganization = "org-2"\n')
    os.environ["ARTUI_STUDIO_TOKEN"] = "v1.key"

    def write(db: Connection) -> None:
        offers.name_organization(db, "org-2", "Studio North")
        accounts.set_balance(db, "north", 4, NOW - 600)
        accounts.set_hold(db, "north", "credits", "Studio North has 4 credits; the next photo costs 10.")

    with open_journal(paths()) as journal:
        journal.write(write)


RULES = """
[[watch]]
name = "boots"
folder = "/srv/in/boots"
output = "/srv/out/boots"
account = "studio"
workflow = "Ghost Mannequin"
existing = "ignore"
caps = { day = 500 }

[[watch]]
name = "shirts"
folder = "/srv/in/shirts"
output = "/srv/out/shirts"
account = "studio"
workflow = "Background Removal"
existing = "process"
recursive = true
"""


def two_rules(folder: Path) -> None:
    """A rule that has worked today, with files it did not take, and one whose folder has gone."""
    studio(folder, more=RULES)
    cut = "the end of the JPEG is missing. Nothing was sent or paid; copy it here again."

    def write(db: Connection) -> None:
        boots, shirts = rule_id("boots"), rule_id("shirts")
        rules.load(db, boots, name="boots", folder=Path("/srv/in/boots"), account="studio", run=None, day=500,
                   month=None, twins="deliver")  # fmt: skip
        rules.set_state(db, boots, RuleState.WATCHING, "")
        batch = Batch("b-boots", "boots", "studio", NOW)
        files = [SeenFile(f"IMG_{number:04}.jpg", 1000, 1, Seen.TAKEN) for number in range(231, 238)]
        taken = [(f, [new_job(source=Path("/srv/in/boots", f.name), batch=batch.id, rule=boots)]) for f in files]
        seen.take(db, boots, batch, taken, None)
        numbers = sorted(job.id for job in jobs.select(db, "rule = ?", (boots,)))
        states: tuple[dict[str, Any], ...] = (SAVED, SAVED, SAVED, SENT, SENT, FAILED, QUEUED)
        for number, state in zip(numbers, states, strict=True):
            place(db, number, **state)
        for name in ("IMG_0241.jpg", "IMG_0244.jpg"):
            seen.note(db, boots, SeenFile(name, 9, 1, Seen.REFUSED, reason="truncated", message=f"{name}: {cut}"))
        rules.scanned(db, boots, {"still growing": SkipCount(2, ("IMG_0250.tif", "IMG_0251.tif"))})
        rules.load(db, shirts, name="shirts", folder=Path("/srv/in/shirts"), account="studio", run=None, day=None,
                   month=None, twins="deliver")  # fmt: skip
        rules.set_state(db, shirts, RuleState.OFFLINE, "/srv/in/shirts is not there; is its disk mounted?")

    with open_journal(paths()) as journal:
        journal.write(write)


# ----------------------------------------------------------------------------------------------------- the steps


def press(*keys: str, sees: tuple[str, ...]) -> Steps:
    """Press keys one after the other, and wait until the screen shows something."""

    async def steps(desk: Desk) -> None:
        await desk.press(*keys)
        await desk.sees(*sees)

    return steps


async def jobs_are_there(desk: Desk) -> None:
    """Wait until every job stands and every transfer moves."""
    desk.pretend_engine()
    desk.write(lambda db: db.execute("UPDATE engine SET state = 'running'"))
    await desk.sees("[All 19]", "engine here", "IMG_0000.jpg", "47%")


def at_job(number: int, *keys: str, sees: tuple[str, ...]) -> Steps:
    """The cursor on one of the jobs, then keys."""

    async def steps(desk: Desk) -> None:
        await jobs_are_there(desk)
        desk.table.move_to(desk.table.items.index(number))
        await press(*keys, sees=sees)(desk)

    return steps


def watching(*keys: str, sees: tuple[str, ...] = ()) -> Steps:
    """The Watch screen while `artui watch` works, then keys."""

    async def steps(desk: Desk) -> None:
        desk.pretend_engine("watch")
        desk.write(lambda db: db.execute("UPDATE engine SET state = 'running'"))
        await press("4", sees=("boots", "shirts", "offline"))(desk)
        await press(*keys, sees=sees)(desk)

    return steps


def working(*keys: str, sees: tuple[str, ...] = ()) -> Steps:
    """The jobs at work, then keys."""

    async def steps(desk: Desk) -> None:
        await jobs_are_there(desk)
        await press(*keys, sees=sees)(desk)

    return steps


@dataclass(frozen=True)
class Picture:
    """One picture: what the journal holds, what is pressed, and how large and in which colours it is taken."""

    prepare: Prepare
    steps: Steps
    size: tuple[int, int] = NORMAL
    colours: str = DARK
    given: dict[str, Any] = field(default_factory=dict)


PICTURES = {
    "jobs-empty": Picture(studio, press(sees=("No photos yet",))),
    "jobs": Picture(at_work, working()),
    "jobs-wide": Picture(at_work, working(), WIDE),
    "jobs-ascii": Picture(at_work, working(), given={"ascii": True}),
    "jobs-light": Picture(at_work, working(), colours=LIGHT),
    "jobs-light-wide": Picture(at_work, working("a"), WIDE, LIGHT),
    "jobs-none-match": Picture(at_work, working("slash", *"hat", sees=("None of 19 match",))),
    "jobs-readonly": Picture(at_work, working(), given={"readonly": True}),
    "details-in-doubt": Picture(at_work, at_job(1, "enter", sees=("paid call 1", "What happened"))),
    "details-wide": Picture(at_work, at_job(11, "enter", sees=("paid call 1", "What happened")), WIDE),
    "decide": Picture(at_work, at_job(1, "enter", "enter", sees=("give up",))),
    "retry": Picture(at_work, at_job(3, "r", sees=("Retry",))),
    "leave": Picture(at_work, working("q", sees=("Leave the console?", "keep working in the background"))),
    "leave-demo": Picture(at_work, working("q", sees=("end the demo",)), given={"demo": True}),
    "keys": Picture(at_work, working("question_mark", sees=("The border of the pane further left",)), WIDE),
    "palette": Picture(at_work, working("colon", sees=("Accounts",))),
    "submit-empty": Picture(no_photos, press("2", sees=("No photos in ~/Pictures",))),
    "submit": Picture(photos, press("2", "a", sees=("IMG_0231.jpg", "cut off", "marked"))),
    "submit-wide": Picture(photos, press("2", sees=("IMG_0231.jpg", "cut off", "1 photo")), WIDE),
    "workflows-signed-out": Picture(studio, press("3", sees=("Nothing is known",))),
    "workflows": Picture(some_workflows, press("3", sees=("Kim Example",))),
    "workflows-wide": Picture(some_workflows, press("3", sees=("Kim Example",)), WIDE),
    "watch-empty": Picture(studio, press("4", sees=("No folder is watched",))),
    "watch": Picture(two_rules, watching()),
    "watch-wide": Picture(two_rules, watching(), WIDE),
    "watch-rule": Picture(two_rules, watching("enter", "right", sees=("IMG_0241.jpg", "IMG_0250.tif"))),
    "accounts-welcome": Picture(lambda _: None, press(sees=("Welcome",))),
    "accounts": Picture(two_accounts, press("5", sees=("Studio North", "needs credits"))),
    "accounts-wide": Picture(two_accounts, press("5", sees=("held: Studio North has 4",)), WIDE),
}  # fmt: skip


@pytest.fixture
def fixed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """A clock that stands, one zone, one terminal, and folders that look alike wherever this runs."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "anna").mkdir()
    with monkeypatch.context() as patch:
        for name in ("NO_COLOR", "SSH_CONNECTION", "SSH_TTY"):
            patch.delenv(name, raising=False)
        settings = {"TZ": "UTC", "HOME": str(tmp_path / "anna"), "TERM": "xterm-256color", "COLORTERM": "truecolor"}
        for name, value in settings.items():
            patch.setenv(name, value)
        patch.setenv("ARTUI_STUDIO_TOKEN", "")
        time.tzset()
        patch.setattr(time, "time", lambda: NOW)
        yield
    time.tzset()


@pytest.mark.usefixtures("fixed")
@pytest.mark.parametrize("name", PICTURES)
def test_a_screen_looks_as_it_did(
    name: str, tmp_path: Path, snap_compare: Callable[..., bool], monkeypatch: pytest.MonkeyPatch
) -> None:
    picture = PICTURES[name]
    monkeypatch.setenv("COLORFGBG", picture.colours)
    picture.prepare(tmp_path / "anna")
    told_of = paths()._replace(config=Path("/home/anna/.config/artui"))
    console = Console(told_of, load(paths()), **picture.given)

    async def steps(pilot: Any) -> None:
        desk = Desk(console, pilot)
        await picture.steps(desk)
        for pane in console.place.query(PhotoPane):
            await desk.until(lambda pane=pane: pane.shown.name and pane.is_still)
        await pilot.pause()

    assert snap_compare(console, terminal_size=picture.size, run_before=steps)
