"""The Watch screen: how each rule stands, its files and why some were not taken, and what a person can do about it."""

from __future__ import annotations

import asyncio
import json
import os
import re
import time
import tomllib
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest
from rich.color import Color, ColorSystem
from textual.widgets import Input

from artui.config import paths
from artui.credentials import KeyStore, Secret, Vault
from artui.engine.anchor import open_journal
from artui.engine.client import start_watching
from artui.journal import Connection, JournalProblem, accounts, jobs, requests, reviews, rules, seen
from artui.journal.rules import RuleState, SkipCount
from artui.journal.seen import SeenFile
from artui.model.job import Batch
from artui.model.states import Review, Seen
from artui.model.watching import RuleCause
from artui.providers.base import Workflow
from artui.tui.job_details import DetailsScreen
from artui.tui.look import DARK
from artui.tui.watches import Watches, deciding
from artui.tui.watches.rule_screen import RuleScreen
from artui.tui.watches.today_pane import TodayPane
from artui.watch.rules import rule_id
from tests.samples import new_job
from tests.tui.desk import CUT, FAILED, QUEUED, SAVED, SENT, Desk, at_desk, place

pytestmark = [pytest.mark.anyio, pytest.mark.usefixtures("configured")]

RULES = """
[[watch]]
folder = "/srv/in"
output = "/srv/out"
account = "studio"
workflow = "Ghost Mannequin"
existing = "ignore"
caps = { day = 500 }

# The second one.
[[watch]]
folder = "/srv/seven"
caps = { run = 7 }
account = "studio"
workflow = "w"
output = "/srv/seven-out"
existing = "process"
name = "sevens"
"""
CAPPED: dict[str, Any] = {"stage": "uploaded", "status": "held", "reason": "cap", "message": "no room this day"}
TWIN = {"stage": "checked", "status": "skipped", "reason": "", "message": "same photo as job 1 (IMG_0.jpg)"}
IN = rule_id("/srv/in")


def write_rules(text: str = RULES, *, settings: bool = False) -> None:
    file = paths().settings_file if settings else paths().config_file
    with file.open("a") as config:
        config.write(text)


def settle(
    db: Connection, *states: Mapping[str, Any], state: RuleState = RuleState.WATCHING, message: str = "",
    cause: RuleCause | None = None,
) -> None:  # fmt: skip
    """The rule of /srv/in as a watcher would leave it, with jobs in these states."""
    rules.load(db, IN, name="/srv/in", folder=Path("/srv/in"), account="studio", run=None, day=500, month=None,
               twins="deliver")  # fmt: skip
    rules.set_state(db, IN, state, message, cause)
    batch = Batch("b-in", "in", "studio", time.time())
    files = [SeenFile(f"IMG_{number}.jpg", 1000, 1, Seen.TAKEN) for number in range(len(states))]
    taken = [(file, [new_job(source=Path("/srv/in", file.name), batch="b-in", rule=IN)]) for file in files]
    seen.take(db, IN, batch, taken, None)
    for number, columns in zip(jobs_of(db), states, strict=True):
        place(db, number, **columns)


def jobs_of(db: Connection) -> list[int]:
    return sorted(job.id for job in jobs.select(db, "rule = ?", (IN,)))


def refuse(db: Connection) -> None:
    """Files that were not taken: two cut off alike, one here before; two that grow, and one that a pattern left out."""
    said = "the end of the JPEG is missing. Nothing was sent or paid; copy it here again."
    for number in (1, 2):
        file = SeenFile(f"cut{number}.jpg", 9, 1, Seen.REFUSED, reason="truncated", message=f"cut{number}.jpg: {said}")
        seen.note(db, IN, file)
    seen.note(db, IN, SeenFile("old.jpg", 9, 1, Seen.EXISTING, reason="here before the rule"))
    rules.scanned(
        db, IN, {"still growing": SkipCount(2, ("a.tif", "b.tif")), "pattern": SkipCount(41, ("x_draft.jpg",))}
    )


def journal(act: Any, *args: Any, **kwargs: Any) -> Any:
    with open_journal(paths()) as open_one:
        return open_one.write(act, *args, **kwargs)


async def on_watch(desk: Desk) -> Watches:
    await desk.press("4")
    watches = await desk.until(lambda: isinstance(desk.console.place, Watches) and desk.console.place)
    await desk.until(lambda: watches.written is not None and len(watches.standings) >= len(watches.entries))
    return watches


def asked(desk: Desk) -> list[tuple[str, Mapping[str, Any]]]:
    return [(one.what, one.arguments) for one in desk.console.journal.read(requests.pending)]


def row_of(desk: Desk, text: str) -> str:
    return next(line for line in desk.lines() if text in line)


# ------------------------------------------------------------------------------------------------------------ rules


@pytest.mark.parametrize("size", [(60, 18), (80, 24)])
async def test_without_a_rule_it_says_what_to_do(size: tuple[int, int]) -> None:
    async with at_desk(size=size) as desk:
        await on_watch(desk)
        said = (
            "No folder is watched. a adds one: folder, workflow, output, daily cap."
            " On a server, `artui service install`"
        )
        await desk.until(lambda: f"{said} keeps it running after you log out." in _joined(desk))
        assert re.search(r"\ba add\b", desk.lines()[-1])
        assert not re.search("enter|edit|pause", desk.lines()[-1])


async def test_a_rule_that_nobody_watches_says_so_and_how_to() -> None:
    write_rules()
    async with at_desk() as desk:
        await on_watch(desk)
        await desk.sees("/srv/in -> /srv/out/{stem}", "account studio", "Ghost Mannequin", "cap 500 a day")
        assert re.search(r"! /srv/in +not watched +- +- +- \[\.+\|\.\|\] +-/500", row_of(desk, "! /srv/in"))
        await desk.sees("Not watched by any engine: `artui watch`, or its service, watches.")
        await desk.press("w")
        await desk.sees("Start watching now?", "`artui watch --dry-run` lists")
        await desk.until(lambda: "1 rule without a daily cap, at most 500 cr a day by the others." in _joined(desk))


async def test_figures_of_today_and_what_the_cap_holds() -> None:
    write_rules()
    before = {**CUT, "created_at": time.time() - 172_800}
    journal(settle, before, SAVED, SAVED, SENT, CAPPED, CAPPED, QUEUED, FAILED, TWIN)
    journal(refuse)
    journal(lambda db: db.execute("UPDATE rules SET allowed = 100, allowed_day = ?", (time.strftime("%Y-%m-%d"),)))
    async with at_desk(size=(100, 24)) as desk:
        desk.pretend_engine("watch")
        await on_watch(desk)
        await desk.sees("waits: cap reached", " 4     3   3 ")
        await desk.press("p")
        await desk.sees("waits: cap reached", "8 taken, 3 done, 1 failed, 2 refused")
        await desk.until(lambda: "(100 more allowed today)" in _joined(desk))
        # 2 growing + 2 held wait; of those not taken the ones refused and the one that failed.
        assert re.search(r"waits: cap reached +4 +8 +3 +3 \[\.+\|\.\|\] +40/600", row_of(desk, "! /srv/in"))
        await desk.sees("20 cr charged + 20 sent of 600", "2 wait: cap reached, 2 still growing")
        await desk.until(lambda: "40 of 600 (spent 20, sent 20). 2 photos wait until 00:00. +" in _joined(desk))


CAUSES = {**dict.fromkeys(RuleState), RuleState.OFFLINE: RuleCause.MISSING}


@pytest.mark.parametrize(
    ("state", "message", "word", "said"),
    [
        (RuleState.WATCHING, "", "watched", "now: "),
        (RuleState.OFFLINE, "/srv/in is not there (not mounted, renamed or deleted)", "offline since ",
         "(not mounted, renamed or deleted). Nothing counts as deleted, nothing is sent. artui looks every 30 s."),
        (RuleState.FOREIGN, "/srv/in is watched by another artui of this machine (rule x)", "another's folder",
         "/srv/in is watched by another artui of this machine (rule x). Nothing is taken. enter on the rule asks"),
        (RuleState.HELD, "Ghost now costs 12, not 10: nothing is sent at the new price", "held: needs your yes",
         "Ghost now costs 12, not 10: nothing is sent at the new price. Nothing new is taken. enter on the"),
        (RuleState.WAITS, "the service is asked what it costs", "waits for the price", "it goes on by itself"),
        (RuleState.ENDED, "", "not watched", "does not watch this folder yet: R has it read the rules again"),
    ],
)  # fmt: skip
async def test_each_state_in_words(state: RuleState, message: str, word: str, said: str) -> None:
    write_rules()
    journal(settle, QUEUED, state=state, message=message, cause=CAUSES[state])
    async with at_desk() as desk:
        desk.pretend_engine("watch")
        await on_watch(desk)
        await desk.sees(word)
        await desk.until(lambda: said in _joined(desk))


async def test_what_settles_is_counted_and_a_pause_is_said() -> None:
    write_rules()
    journal(settle)
    journal(refuse)
    async with at_desk() as desk:
        desk.pretend_engine("watch")
        await on_watch(desk)
        await desk.sees("settling 2")
        desk.write(lambda db: db.execute("UPDATE rules SET paused = 1"))
        await desk.until(lambda: "Paused by a person: nothing new is taken or sent; what is bought" in _joined(desk))
        assert re.match(r"- /srv/in +paused", row_of(desk, "/srv/in "))


async def test_a_bad_rule_is_a_line_with_its_place_and_the_others_are_shown() -> None:
    write_rules()
    write_rules(
        '[[watch]]\nfolder = "/srv/three"\noutput = "/o"\nworkflow = "w"\naccount = "studoi"\nexisting="ignore"\n'
    )
    async with at_desk() as desk:
        await on_watch(desk)
        await desk.sees("! /srv/three", "cannot be used")
        await desk.press("G")
        line = paths().config_file.read_text().splitlines().index('account = "studoi"') + 1
        await desk.until(lambda: f"line {line}: account studoi is not set up" in _joined(desk))
        await desk.press("P")
        assert asked(desk) == []


async def test_rules_that_cannot_stand_together_and_a_broken_file_are_told() -> None:
    write_rules()
    write_rules(RULES.split("# The")[0])
    write_rules(RULES.split("# The")[0].replace("/srv/in", "/srv").replace("/srv/out", "/o") + "recursive = true\n")
    async with at_desk(size=(100, 24)) as desk:
        await on_watch(desk)
        await desk.until(lambda: "/srv is watched by the rule of" in _joined(desk))
        await desk.press("down", "down")  # the journal could not tell it from the first
        await desk.until(lambda: "has a rule called /srv/in too: give each its own name" in _joined(desk))
        write_rules("[[watch]]\nfolder = 7\n")
        await desk.press("1", "4")
        await desk.until(lambda: 'watch.4.folder must be text, like "this"' in _joined(desk))
        assert "! /srv/in" in "\n".join(desk.lines())  # the rules as they could be read last


async def told(desk: Desk, text: str) -> None:
    await desk.until(lambda: any(text in one.message for one in desk.console._notifications))


def _joined(desk: Desk) -> str:
    return re.sub(r"\s+", " ", " ".join(line.strip(" |!-") for line in desk.lines()))


@pytest.mark.parametrize("size", [(60, 18), (80, 24), (140, 40)])
async def test_every_rule_takes_one_line_at_every_width(size: tuple[int, int]) -> None:
    write_rules('[[watch]]\nfolder = "/a/' + "very/" * 30 + 'long"\noutput = "/b/' + "ä\\u202e" * 40 + '"\n')
    write_rules('[[watch]]\nfolder = "/second"\n')
    async with at_desk(size=size) as desk:
        await on_watch(desk)
        await desk.sees("/second", "cannot be used")
        long, second = (next(at for at, one in enumerate(desk.lines()) if one.startswith(f"! {name}"))
                        for name in ("/a", "/second"))  # fmt: skip
        assert second - long == 1
        assert len({desk.lines()[at].index("cannot be used") for at in (long, second)}) == 1


def grounds(desk: Desk) -> list[str]:
    """The texts that stand on the ground of the cursor, as sixteen colours show them."""

    def plain(color: Color) -> int | None:
        return color.downgrade(ColorSystem.STANDARD).number

    ground = plain(Color.parse(DARK.variables["cursor"]))
    found = []
    for strip in desk.console.screen._compositor.render_strips():
        there = [one.text for one in strip if one.style and one.style.bgcolor and plain(one.style.bgcolor) == ground]
        found.append("".join(there))
    return [text for text in found if text.strip()]


async def test_the_pane_shows_the_photos_of_the_rule_under_the_cursor() -> None:
    write_rules()
    before = {**SAVED, "created_at": time.time() - 172_800}
    journal(settle, before, SAVED, SENT, FAILED)
    async with at_desk((120, 36)) as desk:
        place = await on_watch(desk)
        today = desk.console.journal.read(jobs_of)[:0:-1]
        await desk.sees("3 photos today", "in/IMG_3.jpg", "failed", " Saved ")
        pane = place.query_one(TodayPane)
        assert list(pane.table.order) == today
        await desk.sees("IMG_3.jpg", "failed at the service")
        assert [line for line in grounds(desk) if line.startswith("! /srv/in")] == grounds(desk)
        await desk.press("tab")
        await desk.until(lambda: desk.console.focused is pane.table)
        await desk.until(lambda: grounds(desk) and all("IMG_3" in line for line in grounds(desk)))
        await desk.press("down", "enter")
        await desk.sees("What happened")
        await desk.press("escape", "tab", "down")
        await desk.sees("sevens: 0 photos today", "Nothing came today.")
        await desk.press("p")
        await desk.until(lambda: not pane.display)
        assert "photos today" not in "\n".join(desk.lines())


async def test_rules_are_narrowed_and_sorted() -> None:
    write_rules()
    async with at_desk() as desk:
        place = await on_watch(desk)
        names = [one.entry.id for one in place.standings]
        assert len(names) > 1
        first = place.standings[0].entry
        await desk.press("slash", *str(first.folder).rpartition("/")[2], "enter")
        await desk.sees(f"1 of {len(names)} match")
        await desk.press("escape", "comma", "comma")
        await desk.sees("by folder, from Z")
        await desk.press("slash", *"status:offline", "enter")
        await desk.sees(f"None of {len(names)} match 'status:offline'. esc clears the filter.")


async def test_a_rule_of_config_toml_names_its_file_and_line() -> None:
    write_rules()
    async with at_desk() as desk:
        await on_watch(desk)
        await desk.press("G", "e")
        line = paths().config_file.read_text().splitlines().index('folder = "/srv/seven"')
        await desk.sees(f"line {line}", "[[watch]]", 'name = "sevens"', "artui never writes to config.toml")
        assert "/srv/in" not in "\n".join(desk.lines()[8:])


async def test_a_rule_given_to_the_watcher_alone_is_shown_while_it_works() -> None:
    journal(settle, QUEUED)
    async with at_desk() as desk:
        await on_watch(desk)
        await desk.sees("No folder is watched")
        desk.pretend_engine("watch")
        await desk.sees("+ /srv/in", "watched", "0/500")
        await desk.press("e")
        await desk.sees("the command line of `artui watch`", "it ends with that")
        await desk.press("escape", "x")
        await desk.press("P")
        await desk.until(lambda: asked(desk) == [("pause rule", {"rule": IN})])


# ------------------------------------------------------------------------------------------------------- one rule


async def test_taken_not_taken_and_log() -> None:
    write_rules()
    journal(settle, SAVED, SENT, FAILED, TWIN, TWIN)
    journal(refuse)
    journal(rules.log, IN, "taken", "5 taken: IMG_0.jpg …")
    async with at_desk() as desk:
        desk.pretend_engine("watch")
        await on_watch(desk)
        await desk.press("enter")
        await desk.until(lambda: isinstance(desk.console.screen, RuleScreen))
        await desk.sees("[Taken 5]", "Not taken 49", "+ in/IMG_0.jpg", "saved", "x in/IMG_2.jpg")
        newest = [line[3:14] for line in desk.lines() if "in/IMG_" in line]
        assert newest == sorted(newest, reverse=True)
        await desk.press("enter")
        await desk.until(lambda: isinstance(desk.console.screen, DetailsScreen))
        await desk.sees("/srv/in/IMG_4.jpg")
        await desk.press("escape", "right")
        await desk.sees("[Not taken 49]", "still growing", "same content, copied")
        assert re.search(r"cut off +2 +cut\d.jpg, cut\d.jpg", row_of(desk, "cut off"))
        assert re.search(r"pattern +41 +x_draft.jpg", row_of(desk, "pattern"))
        assert re.search(r"here before the rule +1 +old.jpg", row_of(desk, "here before"))
        assert re.search(r"same content, copied +2 +IMG_4.jpg, IMG_3.jpg", row_of(desk, "same content"))
        await desk.press("right")
        await desk.sees("[Rejected 0]", "None. What a person rejects")
        await desk.press("right")
        await desk.sees("[Log]", "5 taken: IMG_0.jpg")
        await desk.press("q")
        await desk.sees("[4 Watch]")


def reject(db: Connection) -> None:
    job = jobs.get(db, jobs_of(db)[0])
    assert job
    reviews.add(db, job, Review.REJECTED, "mara", "mask or edges", results=job.results)


async def test_what_is_rejected_is_counted_and_taken_back() -> None:
    write_rules()
    result = {"locator": "u", "path": "/srv/out/IMG_0.png", "digest": "d", "size": 1}
    journal(settle, {**SAVED, "results": json.dumps([result])}, SAVED, FAILED)
    journal(reject)
    async with at_desk() as desk:
        desk.pretend_engine("watch")
        await on_watch(desk)
        await desk.sees("bad 2: 1 failed, 1 rejected. enter shows them")
        await desk.until(lambda: re.search(r"\+ /srv/in +watched +0 +1 +2 \[", "\n".join(desk.lines())))
        await desk.press("enter", "u")  # nothing can be taken back among what was taken
        await desk.press("left", "left")
        await desk.sees("[Rejected 1]", "by mara: mask or edges", "u take back")
        await desk.press("u")
        await told(desk, "Taken back: IMG_0.jpg is not rejected.")
        await desk.sees("[Rejected 0]")
        assert desk.job(jobs_of_desk(desk)[0]).review == ""


def jobs_of_desk(desk: Desk) -> list[int]:
    return desk.console.journal.read(jobs_of)


# ---------------------------------------------------------------------------------------------- starting and ending


async def test_watching_is_started_after_a_yes_and_ended_so(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    write_rules(RULES.split("# The")[0].replace("/srv/in", str(tmp_path)).replace('"ignore"', '"process"'))
    for number in range(3):
        (tmp_path / f"{number}.jpg").write_bytes(b"x")
    did: list[str] = []
    monkeypatch.setattr(deciding, "start_watching", lambda *_: did.append("start"))
    monkeypatch.setattr(deciding, "stop_watching", lambda *_: did.append("stop"))
    async with at_desk() as desk:
        await on_watch(desk)
        await desk.press("w")
        await desk.sees("Start watching now? At most 500 cr a day by its cap.", "3 photos lie there already")
        await desk.press("w", "enter")  # the key that opened it answers nothing, and enter does not spend
        assert did == []
        await desk.press("w", "y")
        await told(desk, "1 folder watched from now on.")
        desk.pretend_engine("watch")
        await desk.until(lambda: desk.console.look.engine)
        await desk.press("w")
        await desk.sees("Stop watching?", "process 1 on here", "What is under way goes on")
        await desk.press("y")
        await told(desk, "No folder is watched any more.")
    assert did == ["start", "stop"]


@pytest.fixture
def systemd(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A machine whose service manager only notes what it is told, a rule, and its sign-in in a file; the notes."""
    Vault(paths()).keep("studio", Secret("a-token"), KeyStore.FILE)
    write_rules(RULES.partition("# The second")[0].replace("/srv/", f"{tmp_path}/"))
    notes, bin_ = tmp_path / "notes", tmp_path / "bin"
    bin_.mkdir()
    for name in ("systemctl", "loginctl"):
        (bin_ / name).write_text(f'#!/bin/sh\necho {name} "$@" >> {notes}\n')
        (bin_ / name).chmod(0o755)
    monkeypatch.setenv("PATH", f"{bin_}:{os.environ['PATH']}")
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "xdg"))
    return notes


async def test_a_service_is_installed_after_all_it_will_do_was_agreed_to(systemd: Path, tmp_path: Path) -> None:
    async with at_desk(size=(100, 40)) as desk:
        await on_watch(desk)
        await desk.press("w")
        await desk.sees("Start watching now?", "i  at every login too (`artui service install`) ...")
        await desk.press("i")
        await desk.sees(
            "Install the service and start it? At most 500 cr a day", "artui-watch.service", "daemon-reload"
        )
        await desk.press("i", "enter")
        await desk.press("w", "i")
        await desk.sees("Install the service")
        assert not told_to(systemd)
        await desk.press("y")
        await told(desk, "The service is installed and started")
    assert "systemctl --user restart artui-watch" in told_to(systemd)
    assert "ExecStart=" in told_to(tmp_path / "xdg/systemd/user/artui-watch.service")


async def test_where_no_service_can_be_installed_it_says_why(systemd: Path) -> None:
    Vault(paths()).forget("studio")
    async with at_desk(size=(100, 40)) as desk:
        await on_watch(desk)
        await desk.press("w")
        await desk.press("i")
        await told(desk, "artui login studio --store file")
    assert not told_to(systemd)


def told_to(notes: Path) -> str:
    return notes.read_text() if notes.exists() else ""


async def test_why_watching_does_not_begin_is_said() -> None:
    async with at_desk() as desk:
        write_rules("[[watch]]\nfolder = 7\n")
        with pytest.raises(JournalProblem, match=r"Watching did not begin\. .*must be text"):
            await asyncio.to_thread(start_watching, paths(), desk.console.journal)


async def test_a_group_shows_its_files_and_a_job_among_them() -> None:
    write_rules()
    journal(settle, SAVED, TWIN)
    journal(refuse)
    async with at_desk() as desk:
        desk.pretend_engine("watch")
        await on_watch(desk)
        await desk.press("enter", "right")
        await desk.sees("cut off")
        await desk.until(lambda: _to(desk, "cut off"))
        await desk.sees("Put a good copy into the folder")
        await desk.press("enter")
        await desk.sees("cut1.jpg", "cut2.jpg", "esc shows all reasons")
        await desk.press("enter")
        await desk.until(lambda: "the end of the JPEG is missing. Nothing was sent or paid" in _joined(desk))
        await desk.press("escape", "escape")
        await desk.sees("same content, copied")
        await desk.until(lambda: _to(desk, "same content"))
        await desk.press("enter")
        await desk.sees("same photo as job 1")
        await desk.press("enter")
        await desk.until(lambda: isinstance(desk.console.screen, DetailsScreen))
        await desk.sees("a copy, not paid")


def _to(desk: Desk, word: str) -> bool:
    """The cursor of the list of groups on this one."""
    screen = desk.console.screen
    assert isinstance(screen, RuleScreen)
    listed = screen._list
    place = next((at for at, one in enumerate(listed.items) if one.texts[0].startswith(word)), None)  # type: ignore[attr-defined]
    if place is None:
        return False
    listed.move_to(place)
    return True


async def test_a_folder_that_is_offline_heads_what_is_not_taken() -> None:
    write_rules()
    journal(settle, state=RuleState.OFFLINE, message="/srv/in is not there (not mounted, renamed or deleted)")
    async with at_desk() as desk:
        desk.pretend_engine("watch")
        await on_watch(desk)
        await desk.press("enter", "right")
        await desk.sees("folder offline", "/srv/in is not there")
        await desk.until(lambda: "Nothing counts as deleted." in _joined(desk))


# ------------------------------------------------------------------------------------------------------- decisions


async def test_pause_and_going_on_after_a_question_with_its_price() -> None:
    write_rules()
    journal(settle, {**CAPPED, "reason": "paused"})
    async with at_desk() as desk:
        desk.pretend_engine("watch")
        await on_watch(desk)
        await desk.press("P")
        await desk.until(lambda: asked(desk) == [("pause rule", {"rule": IN})])
        desk.write(lambda db: db.execute("UPDATE rules SET paused = 1"))
        await desk.until(lambda: re.search(r"^- /srv/in +paused", "\n".join(desk.lines()), re.MULTILINE))
        await desk.press("P")
        await desk.sees("Let in go on?", "1 photo waits, taken already: at most 10 cr.", "a cap of 500 cr today")
        await desk.press("down", "enter")
        await desk.sees("enter never spends")
        await desk.press("y")
        await desk.until(lambda: asked(desk)[1:] == [("resume rule", {"rule": IN})])


async def test_more_is_allowed_only_with_its_price_and_a_key_of_its_own() -> None:
    write_rules()
    journal(settle, CAPPED, CAPPED)
    async with at_desk() as desk:
        desk.pretend_engine("watch")
        await on_watch(desk)
        await desk.press("plus")
        await desk.sees("How many credits more for in, until midnight?", "2 photos wait for room: 20 cr.")
        await desk.press("ctrl+u", *"10O", "enter")
        await told(desk, "is no number of credits")
        await desk.press("plus")
        await desk.sees("until midnight?")
        await desk.press("enter")  # what those that wait need
        await desk.sees("Allow in 20 cr more until midnight?", "at most 20 cr")
        await desk.press("down", "enter")
        assert asked(desk) == []
        await desk.press("y")
        await desk.until(lambda: asked(desk) == [("allow", {"rule": IN, "amount": 20})])


@pytest.mark.parametrize(
    ("state", "message", "question"),
    [
        (RuleState.HELD, "more than 500 new files at once", "in waits for your yes."),
        (RuleState.FOREIGN, "/srv/in belongs to another rule", "Is this the folder of in?"),
        (RuleState.OFFLINE, "/srv/in is there without its .artui-folder: not mounted", "Is this the folder of in?"),
    ],
)
async def test_a_yes_to_what_holds_a_rule(state: RuleState, message: str, question: str) -> None:
    write_rules()
    journal(settle, state=state, message=message, cause=RuleCause.NO_MARKER if state is RuleState.OFFLINE else None)
    async with at_desk() as desk:
        desk.pretend_engine("watch")
        await on_watch(desk)
        await desk.until(lambda: desk.console.place.current.asks)  # type: ignore[attr-defined]
        await desk.press("enter")
        await desk.sees(question, message[:30], "n  keep waiting")
        await desk.press("l")
        await desk.until(lambda: isinstance(desk.console.screen, RuleScreen))
        await desk.press("escape", "enter")
        await desk.sees(question)
        await desk.press("y")
        await desk.until(lambda: asked(desk) == [("resume rule", {"rule": IN})])


async def test_looking_now_is_for_an_engine_that_watches() -> None:
    write_rules()
    journal(settle)
    async with at_desk() as desk:
        await on_watch(desk)
        await desk.press("R")
        await told(desk, "No engine watches folders")
        desk.pretend_engine("watch")
        await desk.sees("watched")
        await desk.until(lambda: desk.console.place.standings[0].is_watched)  # type: ignore[attr-defined]
        await desk.press("R")
        await desk.until(lambda: asked(desk) == [("look now", {"rule": IN})])
        await desk.press("down", "R")  # a rule the watcher does not know yet
        await desk.until(lambda: asked(desk)[1:] == [("read rules", {})])


async def test_a_console_that_only_reads_changes_nothing() -> None:
    write_rules(settings=True)
    journal(settle, CAPPED, state=RuleState.HELD, message="more than 500")
    async with at_desk(readonly=True) as desk:
        desk.pretend_engine("watch")
        await on_watch(desk)
        await desk.press("a", "e", "P", "plus", "R", "y", "x")
        await desk.press("enter", "P", "plus", "R", "y")
        await desk.until(lambda: isinstance(desk.console.screen, RuleScreen))
        assert asked(desk) == []


# ---------------------------------------------------------------------------------------------- adding and changing


def know_workflows(db: Connection) -> None:
    offered = [Workflow(id="w-1", name="Background Removal", version="v", price=10)]
    offered += [Workflow(id=f"w-{n}", name="Ghost Mannequin", version="v", price=12) for n in (2, 3)]
    accounts.keep_workflows(db, "studio", {one.id: one.document() for one in offered})


def saved() -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = tomllib.loads(paths().settings_file.read_text()).get("watch", [])
    return found


@pytest.fixture
def inbox(tmp_path: Path) -> Path:
    folder = tmp_path / "inbox"
    folder.mkdir()
    for number in range(3):
        (folder / f"{number}.jpg").write_bytes(b"x")
    (folder / "notes.txt").write_bytes(b"x")
    return folder


async def fill_in(desk: Desk, inbox: Path) -> None:
    await desk.press("a")
    await desk.sees("Which folder is to be watched?")
    desk.console.screen.query_one(Input).value = str(inbox)[:-2]
    await desk.press("end")
    await desk.until(lambda: desk.console.screen.query_one(Input)._suggestion)
    await desk.press("tab")
    typed = desk.console.screen.query_one(Input)
    await desk.until(lambda: typed.value == f"{inbox}/")
    await desk.press("enter")
    await desk.sees("Which workflow?", "Background Removal", "10 cr")
    await desk.press(*"backgr")
    await desk.until(lambda: "Ghost Mannequin" not in _joined(desk))
    await desk.press("enter")
    await desk.sees("Watch a folder", "left alone: 3 photos")


async def test_a_folder_is_added_with_what_it_costs(inbox: Path) -> None:
    journal(know_workflows)
    async with at_desk() as desk:
        desk.pretend_engine("watch")
        await on_watch(desk)
        await fill_in(desk, inbox)
        await desk.sees("left alone: 3 photos", "WITHOUT a daily cap; studio pays")
        await desk.press("x")
        await desk.sees("sent: 3 photos, at most 30 cr")
        await desk.press("c")
        await desk.sees("The most it may spend a day")
        await desk.press(*"500", "enter")
        await desk.sees("at 10 cr each, at most 500 cr a day")
        await desk.press("m")
        await desk.sees("move to done/")
        await desk.press("l")
        await desk.sees("How many photos go ahead")
        await desk.press("5", "enter")
        await desk.sees("the first 5, then your yes", "move to done/")
        await desk.press("end", "enter")
        await desk.sees("Press s: enter never spends.")
        assert not paths().settings_file.exists()
        await desk.press("s")
        await told(desk, "Saved in settings.toml. `artui watch` reads it now.")
        await desk.until(lambda: ("read rules", {}) in asked(desk))
    assert saved() == [
        {
            "folder": str(inbox), "output": f"{inbox}-out", "account": "studio", "workflow": "Background Removal",
            "existing": "process", "after": "move", "sample": 5, "caps": {"day": 500},
        }
    ]  # fmt: skip


async def test_a_rule_gets_several_workflows_and_one_again(inbox: Path) -> None:
    journal(know_workflows)
    async with at_desk() as desk:
        await on_watch(desk)
        await fill_in(desk, inbox)
        await desk.press("w")
        await desk.sees("Which workflow?", "tab marks it, for several")
        await desk.press(*"backgr", "tab", *["backspace"] * 6, *"w-3", "tab", "enter")
        await desk.sees("Ghost Mannequin (-), Background Removal", "22 cr each")
        await desk.press("s")
        await desk.until(lambda: paths().settings_file.exists() and saved())
        [rule] = saved()
        assert ("workflow" in rule, rule["workflows"]) == (False, ["w-3", "Background Removal"])
        await desk.sees("not watched")
        await desk.press("e", "w")
        await desk.sees("Which workflow?")
        await desk.press(*"w-2", "enter")
        await desk.sees("12 cr each")
        await desk.press("s")
        await desk.until(lambda: "workflow" in saved()[0])
    assert (saved()[0]["workflow"], "workflows" in saved()[0]) == ("w-2", False)


async def test_a_rule_that_cannot_stand_is_not_saved(inbox: Path) -> None:
    journal(know_workflows)
    write_rules(
        f'[[watch]]\nfolder = "{inbox}"\noutput = "/o"\naccount = "studio"\nworkflow = "w"\nexisting = "ignore"\n'
    )
    async with at_desk() as desk:
        await on_watch(desk)
        await fill_in(desk, inbox)
        await desk.press("o")
        await desk.sees("Where do results go?")
        desk.console.screen.query_one(Input).value = str(inbox)
        await desk.press("enter")
        await desk.press("s")
        await desk.until(lambda: "lies in the watched folder" in _joined(desk))
        await desk.press("escape")
    assert not paths().settings_file.exists()


async def test_a_saved_rule_is_changed_in_its_place_and_taken_away() -> None:
    write_rules("timezone = 'UTC'\n" + RULES, settings=True)
    journal(settle, QUEUED)
    journal(know_workflows)
    async with at_desk() as desk:
        await on_watch(desk)
        await desk.press("e")
        await desk.sees("Rule for /srv/in", "500 cr")
        assert "Folder  " not in _joined(desk)
        await desk.press("w")
        await desk.sees("Which workflow?")
        await desk.press(*"ghost")
        await desk.until(lambda: "Background Removal" not in _joined(desk))
        await desk.press("enter")
        await desk.sees("12 cr each")
        await desk.press("c")
        await desk.sees("The most it may spend a day")
        await desk.press("ctrl+u", "enter")
        await desk.sees("WITHOUT a daily cap")
        await desk.press("r", "s")
        await told(desk, "Saved in settings.toml. No engine watches folders yet: w starts it.")
        assert asked(desk) == []
        first, second = saved()
        assert first["workflow"] in ("w-2", "w-3")  # two share the name: only the id says which
        assert first["recursive"] is True
        assert "caps" not in first
        assert second["name"] == "sevens"
        await desk.press("x")
        await desk.sees("Watch /srv/in no more?", "1 photo it has taken goes on")
        await desk.press("y")
        await desk.until(lambda: [one["folder"] for one in saved()] == ["/srv/seven"])
        await desk.until(lambda: len(desk.console.place.standings) == 1)  # type: ignore[attr-defined]
        assert tomllib.loads(paths().settings_file.read_text())["timezone"] == "UTC"


async def test_a_rule_changed_by_another_hand_is_not_overwritten() -> None:
    write_rules(settings=True)
    async with at_desk() as desk:
        await on_watch(desk)
        await desk.press("e")
        await desk.sees("Rule for /srv/in")
        text = paths().settings_file.read_text().replace("day = 500", "day = 50")
        paths().settings_file.write_text(text)
        await desk.press("m", "s")
        await told(desk, "was changed meanwhile")
    assert paths().settings_file.read_text() == text
