"""What a person decides in the console: the questions, word for word, and the requests that the answers leave."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

import pytest

from artui.config import paths
from artui.engine.anchor import open_journal
from artui.journal import accounts, jobs, requests
from artui.model.holds import CapKind
from artui.model.states import Stage, Status
from artui.tui.dialogs import Question
from artui.tui.submit import Submit
from tests.tui.desk import CANCELLED, CUT, FAILED, QUEUED, SAVED, SENT, Desk, at_desk, fill

pytestmark = [pytest.mark.anyio, pytest.mark.usefixtures("configured")]

LEFT = {"stage": "processed", "status": "cancelled", "charged": 10}


def priced(workflow: str = "wf", name: str = "Ghost Mannequin", **columns: Any) -> dict[str, Any]:
    """Held because its price has changed."""
    held = {"stage": "uploaded", "status": "held", "reason": "price changed", "message": f"{name} now costs more"}
    return {**held, "workflow": workflow, "workflow_name": name, **columns}


def now_costs(price: int, workflow: str = "wf", version: str = "v2") -> None:
    with open_journal(paths()) as journal:
        journal.write(
            accounts.keep_workflow, "studio", workflow, json.dumps({"price": price, "version": version, "name": "any"})
        )


def asked(desk: Desk) -> list[tuple[str, int | None, dict[str, Any]]]:
    """What was asked of the engine, with its arguments."""
    waiting = desk.console.journal.read(requests.pending)
    return [(request.what, request.job, dict(request.arguments)) for request in waiting]


async def question(desk: Desk) -> Question:
    await desk.until(lambda: isinstance(desk.console.screen, Question))
    screen = desk.console.screen
    assert isinstance(screen, Question)
    return screen


# ---------------------------------------------------------------------------------------------- cancel after sending


@pytest.mark.parametrize(("key", "left"), [("enter", []), ("escape", []), ("n", []), ("d", [False])])
async def test_what_is_sent_is_kept_unless_a_person_says_otherwise(key: str, left: list[bool]) -> None:
    numbers = fill(SENT, SENT, SAVED)
    async with at_desk() as desk:
        await desk.press("a", "x")
        await desk.sees("2 photos are already sent, the service cannot stop it.", "left alone: 1, finished already")
        await desk.sees("n  leave them: their results are saved", "d  do not save the 2 (20 cr stay spent)")
        await desk.press(key)
        await desk.until(lambda: len(desk.console.screen_stack) == 1)
        assert asked(desk) == [("cancel", number, {"keep": keep}) for keep in left for number in numbers[:2]]


async def test_of_a_mixture_the_unsent_are_cancelled_and_the_sent_kept_or_not() -> None:
    unsent, sent = fill(QUEUED, SENT)
    async with at_desk() as desk:
        await desk.press("a", "x")
        await desk.sees("Cancel 2 photos? Free.", "n  leave them", "y  cancel the 1, save the 1")
        await desk.press("d")
        await desk.until(desk.requests)
        assert asked(desk) == [("cancel", unsent, {}), ("cancel", sent, {"keep": False})]


async def test_a_wish_not_to_save_can_be_taken_back_and_is_shown() -> None:
    (number,) = fill({**SENT, "cancel": 1, "keep": 0})
    async with at_desk() as desk:
        await desk.press("enter")
        await desk.sees("Nothing: it is followed to its end", "keeps it after all.")
        await desk.press("x", "y")
        await desk.until(desk.requests)
        assert asked(desk) == [("cancel", number, {"keep": True})]


async def test_a_result_that_was_left_is_fetched_free() -> None:
    (number,) = fill(LEFT)
    async with at_desk() as desk:
        await desk.sees("cancelled, not saved", " 10 ")
        await desk.press("r")
        await desk.sees("Retry IMG_0000.jpg? Free.", "fetch the result (free)")
        await desk.press("y")
        await desk.until(desk.requests)
        assert desk.requests() == [("retry", number)]


# -------------------------------------------------------------------------------------------------------- new prices


async def test_a_new_price_is_accepted_for_many_at_once_at_its_sum() -> None:
    now_costs(12)
    numbers = fill(*[priced()] * 3)
    async with at_desk() as desk:
        await desk.press("a", "r")
        await desk.sees("Ghost Mannequin now costs 12, not 10.", "3 photos wait, not sent at the new price.")
        await desk.sees("n  keep waiting", "y  accept 36 cr", "x  cancel the 3: nothing is paid")
        await desk.press("down", "enter")
        await desk.sees("Press y for that: enter never spends")
        await desk.press("y")
        await desk.until(desk.requests)
        assert asked(desk) == [("retry", number, {"quoted": 12, "version": "v2"}) for number in numbers]


async def test_several_workflows_have_their_own_lines_and_a_no_cancels() -> None:
    now_costs(12)
    now_costs(4, "export")
    now_costs(10, "same")
    numbers = fill(priced(), priced(), priced("export", "Export only"), priced("same", "Square"))
    async with at_desk() as desk:
        await desk.press("a", "r")
        await desk.sees("3 workflows cost something else now.", "2 x Ghost Mannequin now costs 12, not 10")
        await desk.sees("1 x Export only now costs 4, not 10", "1 x Square was changed at the service", "accept 38 cr")
        await desk.press("x")
        await desk.until(desk.requests)
        assert asked(desk) == [("cancel", number, {}) for number in numbers]


async def test_the_details_ask_the_same_about_one() -> None:
    now_costs(12)
    (number,) = fill(priced())
    async with at_desk() as desk:
        await desk.press("enter", "enter")
        await desk.sees("Ghost Mannequin now costs 12, not 10.", "IMG_0000.jpg waits", "accept 12 cr", "cancel it")
        await desk.press("y")
        await desk.until(desk.requests)
        assert asked(desk) == [("retry", number, {"quoted": 12, "version": "v2"})]


async def test_what_is_sent_again_is_asked_about_at_todays_price() -> None:
    numbers = fill(CUT, FAILED)
    now_costs(12)
    async with at_desk() as desk:
        await desk.press("a", "r")
        await desk.sees("Retry 2 photos? At most 22 cr.", "send again (12, not 10)", "may charge up to 10")
        await desk.press("y")
        await desk.until(desk.requests)
        assert asked(desk) == [("retry", numbers[0], {"quoted": 12, "version": "v2"}), ("retry", numbers[1], {})]


# ----------------------------------------------------------------------------------------------- what many wait for


CREDITS = "studio has 4 credits left after what is under way, the next photo costs 10"
CAP = "today's cap of studio is reached: 500 of 500 (spent 480, sent 20); the next photo costs 10"
KEY = "the service no longer accepts our key"
TOLD = {
    "credits": f"{CREDITS}. 3 photos wait, none of them sent. They need 30 cr. Top up in the web app; artui goes on by"
    " itself within minutes (R looks now), or by P where the balance is not told.",
    "login": f"studio is signed out: {KEY}. 1 sent photo is safe there, 3 wait here. Press 5, then s to sign in (over"
    " SSH too).",
    "cap": f"{CAP}. 3 photos wait, none of them sent, and need 30 cr. It goes on by itself at 00:00.",
}


@pytest.mark.parametrize(("reason", "message"), [("credits", CREDITS), ("login", KEY), ("cap", CAP)])
async def test_what_many_wait_for_is_one_message_with_its_figures(reason: str, message: str) -> None:
    told = TOLD[reason]
    *numbers, sent = fill(QUEUED, QUEUED, QUEUED, SENT)
    async with at_desk() as desk:
        for number in [*numbers, sent] if reason == "login" else numbers:
            job = desk.job(number)
            scope = CapKind.DAY if reason == "cap" else ""
            desk.write(jobs.move, job, job.stage, Status.HELD, "held", reason=reason, hold_scope=scope, message=message)
        await desk.until(lambda: [one.text for one in desk.console.news.messages] == [told])
        assert len(desk.console._notifications) == 1
        await desk.press("home", "enter")
        await desk.until(lambda: " ".join(told.split()[:6]) in " ".join(" ".join(desk.lines()).split()))
        await desk.press("escape", "R")
        await desk.until(desk.requests)
        assert asked(desk) == [("refresh", None, {"account": "studio"})]


async def test_a_batch_at_its_own_cap_needs_a_person_who_lets_it_spend_more() -> None:
    message = "the cap of this batch is reached: 20 of 20 are spent or reserved; the next photo costs 10"
    held = {"stage": "uploaded", "status": "held", "reason": "cap", "message": message}
    fill({**held, "hold_scope": "day"}, {**held, "hold_scope": "day"}, batch="another")
    numbers = fill(SAVED, SAVED, {**held, "hold_scope": "batch"}, {**held, "hold_scope": "batch"}, QUEUED)
    async with at_desk((120, 30)) as desk:
        desk.write(lambda db: db.execute("UPDATE batches SET cap = 20 WHERE id = 'id-aw26'"))
        desk.place.read(reorder=True)
        await desk.sees("Needs you 2", "Queued 3", "This batch has reached its cap. 2 photos wait, none of them sent")
        await desk.press("n", "plus")
        await desk.sees("How many credits more may aw26 spend?", "It has spent 20 of 20 cr.", "2 photos wait for")
        await desk.press("enter")
        await desk.sees("Allow aw26 20 cr more?", "40 cr in all")
        await desk.press("y")
        await desk.until(desk.requests)
        assert asked(desk) == [("allow", None, {"batch": "id-aw26", "cap": 40})]
        assert desk.job(numbers[2]).status is Status.HELD, "the engine lets it go on"


async def test_the_line_about_a_job_is_plain_where_the_terminal_is() -> None:
    fill({**QUEUED, "workflow_name": "A workflow with a name that is far too long to be shown"})
    async with at_desk() as desk:
        await desk.sees("A workflow with a~long to be shown -> /out/")
        assert not any("…" in line for line in desk.lines())


# -------------------------------------------------------------------------------------------------- another workflow


@pytest.fixture
def done(tmp_path: Path) -> tuple[Path, Path]:
    """A photo and what became of it."""
    source, result = tmp_path / "boots" / "a.jpg", tmp_path / "out" / "a.png"
    for path in (source, result):
        path.parent.mkdir()
        path.write_bytes(b"no picture")
    return source, result


@pytest.mark.parametrize("results", [False, True])
async def test_photos_or_results_begin_an_order_and_nothing_is_sent(done: tuple[Path, Path], results: bool) -> None:
    source, result = done
    found = json.dumps([{"locator": "it", "path": str(result)}])
    fill({**SAVED, "source": os.fsencode(source), "results": found}, FAILED)
    async with at_desk() as desk:
        await desk.press("1", "a", "W")
        await desk.sees("What goes to another workflow?", "p  the 2 photos as they were sent", "r  the 1 result")
        await desk.press(*("r" if results else ["down", "enter"]))
        await desk.until(lambda: isinstance(desk.console.place, Submit))
        place = desk.console.place
        assert isinstance(place, Submit)
        await desk.until(lambda: list(place.chooser.marks) == [result if results else source])
        await desk.sees("[2 Submit]", "marked only")
        assert asked(desk) == []
        assert len(desk.console.journal.read(jobs.select, "1")) == 2


async def test_a_failed_photo_goes_straight_from_its_details_and_other_marks_go(done: tuple[Path, Path]) -> None:
    source, _ = done
    (number,) = fill({**FAILED, "source": os.fsencode(source)})
    async with at_desk() as desk:
        await desk.press("2")
        place = desk.console.place
        assert isinstance(place, Submit)
        await desk.until(lambda: place.chooser.folder)
        place.chooser.put_marks([source.with_name("other.jpg")], on=True)
        await desk.press("1", "enter")
        await desk.sees("W another", "workflow", "esc back")
        await desk.press("W")
        await desk.until(lambda: list(place.chooser.marks) == [source])
        assert len(desk.console.screen_stack) <= 2
        assert desk.job(number).stage is Stage.SUBMITTED


async def test_only_reading_leaves_no_request() -> None:
    fill(SENT, CANCELLED)
    async with at_desk(readonly=True) as desk:
        await desk.press("x", "r", "W", "R")
        await desk.pilot.pause()
        assert len(desk.console.screen_stack) == 1
        assert asked(desk) == []
