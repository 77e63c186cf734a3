"""The Jobs screen: chips, filters, marks, questions and the requests they leave, details, live changes."""

from __future__ import annotations

import getpass
import json
import shlex
from pathlib import Path

import pytest

from artui.config import paths
from artui.engine.anchor import open_journal
from artui.journal import jobs, purchases, requests, window
from artui.journal.groups import group
from artui.journal.window import Filter
from artui.model.holds import Group
from artui.model.states import Stage, Status
from artui.tui.dialogs import Question
from artui.tui.job_details import DetailsScreen
from tests.tui.desk import CANCELLED, CUT, DOUBT, FAILED, QA, QUEUED, SAVED, SENT, UPLOADING, at_desk, fill

pytestmark = [pytest.mark.anyio, pytest.mark.usefixtures("configured")]

ALL = (FAILED, CUT, DOUBT, SENT, UPLOADING, QA, QUEUED, QUEUED, SAVED, SAVED, CANCELLED)


async def test_chips_count_every_job_once_and_filter() -> None:
    fill(*ALL)
    async with at_desk() as desk:
        assert desk.lines()[2].startswith("[All 11] Needs you 3  Active 2  Queued 2  In QA 1  Saved 2  Ended 1")
        await desk.press("right", "right")
        await desk.until(lambda: len(desk.table.order) == 2)
        await desk.sees("[Active 2]", "processing")
        await desk.press("0")
        await desk.until(lambda: len(desk.table.order) == 11)


async def test_what_needs_a_person_is_on_top_of_all() -> None:
    numbers = fill(SAVED, SAVED, QUEUED, DOUBT, FAILED)
    async with at_desk() as desk:
        assert list(desk.table.order) == [numbers[3], numbers[4], numbers[0], numbers[1], numbers[2]]


async def test_the_sum_line_adds_up() -> None:
    fill(*ALL)
    async with at_desk() as desk:
        await desk.sees("11 jobs: quoted 110 = charged 20 + sent 40 + to come 20 + unspent 30")


async def test_the_line_below_begins_like_the_execution() -> None:
    fill({**SENT, "execution": "4f49c2b1-cb17-4a5a-bb82-860deabca8d0"})
    async with at_desk() as desk:
        await desk.sees("execution 4f49c2b1 ")


@pytest.mark.parametrize("size", [(80, 24), (140, 40)])
async def test_batches_are_told_in_columns_with_bars(size: tuple[int, int]) -> None:
    fill(FAILED, *[SAVED] * 9, *[SENT] * 5, *[QUEUED] * 5, batch="autumn 02:44:39")
    fill(SAVED, batch="spring", names="shoes/IMG_{:04}.jpg")
    async with at_desk(size) as desk:
        await desk.press("B")
        await desk.sees("9 of 20", "1 of 1", "2 batches", "1 saved. 10 cr.")
        await desk.press("down")
        await desk.sees("5 active, 5 queued, 9 saved, 1 needs you. 150 cr.")
        lines = desk.lines()
        assert {len(line) for line in lines} == {size[0]}
        line = next(line for line in lines if "autumn" in line)
        bar = "".join(letter for letter in line if letter in "#~.!x")
        assert bar.strip("#~.!") == ""
        assert 8 <= bar.count("#") <= 10
        assert bar.count("!") == 1
        assert all(line.endswith(" ") for line in lines[1:-3])
        await desk.press("slash", *"spring", "enter")
        await desk.sees("1 of 2 match 'spring'")
        await desk.press("escape", "comma", "comma")
        await desk.sees("by name, from Z")
        await desk.press("enter")
        await desk.until(lambda: len(desk.table.order) == 1)
        await desk.sees("batch: spring")


async def test_words_filter_and_escape_goes_back_step_by_step() -> None:
    fill(*ALL)
    async with at_desk() as desk:
        await desk.press("slash", *"0003")
        await desk.until(lambda: len(desk.table.order) == 1)
        await desk.press("escape")
        await desk.sees("[All 1]", "0003", "q leave")
        await desk.press("escape")
        await desk.until(lambda: len(desk.table.order) == 11)


async def test_sku_and_workflow_narrow_the_list() -> None:
    numbers = fill(QUEUED, QUEUED, SAVED)
    async with at_desk() as desk:
        desk.write(
            lambda db: db.execute("""UPDATE jobs SET labels = '{"sku": "AW26-4711"}' WHERE id = ?""", numbers[:1])
        )
        await desk.press("slash", *"sku:4711")
        await desk.until(lambda: list(desk.table.order) == numbers[:1])
        await desk.press("escape", "escape", "slash", *"workflow:mannequin")
        await desk.sees("None of 3 match")


async def test_piles_traits_and_costs_narrow_the_list_and_its_sum() -> None:
    numbers = fill({**SAVED, "review": "rejected"}, SAVED, {**QUEUED, "quoted": 70}, FAILED)
    async with at_desk() as desk:
        for typed, found in (
            ("status:saved", numbers[1:2]), ("status:queued", numbers[2:3]), ("status:failed", numbers[3:]),
            ("status:nothing", []), ("is:rejected", numbers[:1]), ("price>60", numbers[2:3]), ("is:nothing", []),
        ):  # fmt: skip
            await desk.press("slash", *typed, "enter")
            await desk.until(lambda found=found: list(desk.table.order) == found)
            await desk.sees(f"{len(found)} job{'s' * (len(found) != 1)}: quoted")
            await desk.press("escape")
            await desk.until(lambda: len(desk.table.order) == 4)


async def test_an_order_is_turned_around_before_the_next_one() -> None:
    numbers = fill(*[SAVED] * 3)
    async with at_desk((120, 36)) as desk:
        await desk.press("comma")
        await desk.until(lambda: list(desk.table.order) == numbers[::-1])
        await desk.sees("by age")
        await desk.press("comma")
        await desk.until(lambda: list(desk.table.order) == numbers)
        await desk.sees("by age, oldest first")


async def test_a_filter_without_matches_says_so() -> None:
    fill(*ALL)
    async with at_desk() as desk:
        await desk.press("slash", *"shoe", "enter")
        await desk.sees("None of 11 match 'shoe'. esc clears the filter.")
        await desk.press("escape")
        await desk.sees("IMG_0000.jpg")


async def test_marks_survive_filters() -> None:
    numbers = fill(*ALL)
    async with at_desk() as desk:
        await desk.press("space", "space")
        marked = set(desk.table.marked)
        assert len(marked) == 2
        await desk.press("left", "0", "v")
        await desk.until(lambda: set(desk.table.order) == marked)
        await desk.press("escape")
        await desk.until(lambda: len(desk.table.order) == len(numbers))
        assert desk.table.marked == marked


async def test_a_range_is_marked_from_end_to_end() -> None:
    fill(*[SAVED] * 9)
    async with at_desk() as desk:
        await desk.press("down", "V", "down", "down", "down", "V")
        assert desk.table.marked == set(desk.table.order[1:5])


async def test_retry_of_the_marked_names_count_and_price_and_leaves_requests() -> None:
    first, second, *_ = fill(FAILED, FAILED, SAVED)
    async with at_desk() as desk:
        await desk.press("a", "r")
        await desk.sees("Retry 2 photos? At most 20 cr.", "2 x ask the service again (may charge up to 10)")
        await desk.sees("left alone: 1, nothing to retry", "n  leave them", "y  retry the 2")
        await desk.press("y")
        await desk.until(desk.requests)
        assert desk.requests() == [("retry", first), ("retry", second)]
        assert desk.console.engines_wanted == 1  # type: ignore[attr-defined]


async def test_cancel_of_a_queued_photo_is_free() -> None:
    (number,) = fill(QUEUED)
    async with at_desk() as desk:
        await desk.press("x")
        await desk.sees("Cancel IMG_0000.jpg? Free.", "cancel, nothing is paid", "n  leave it", "y  cancel it")
        await desk.press("y")
        await desk.until(desk.requests)
        assert desk.requests() == [("cancel", number)]


async def test_what_is_put_aside_needs_nobody_until_it_moves() -> None:
    (number,) = fill(FAILED)
    async with at_desk() as desk:
        await desk.sees("1 needs you")
        await desk.press("d")
        await desk.sees("(aside)", "Needs you 0")
        job = desk.job(number)
        desk.write(jobs.move, job, Stage.SUBMITTED, Status.WAITING, "retry", reason="at the service", due=1e12)
        moved = desk.job(number)
        desk.write(jobs.move, moved, Stage.SUBMITTED, Status.FAILED, "failed", reason="failed at the service")
        await desk.sees("Needs you 1")


async def test_n_goes_round_what_needs_a_person() -> None:
    numbers = fill(SAVED, FAILED, SAVED, DOUBT)
    async with at_desk() as desk:
        await desk.press("end", "n")
        await desk.until(lambda: desk.table.current == numbers[1])
        await desk.press("n")
        await desk.until(lambda: desk.table.current == numbers[3])
        await desk.press("n")
        await desk.until(lambda: desk.table.current == numbers[1])


@pytest.mark.parametrize(
    ("keys", "asked"),
    [(("g",), "give up"), (("a",), "again"), (("o", *"ex-7", "enter"), "adopt"), (("n",), None), (("enter",), None)],
)
async def test_in_doubt_is_decided_in_the_details(keys: tuple[str, ...], asked: str | None) -> None:
    (number,) = fill(DOUBT)
    async with at_desk() as desk:
        await desk.press("enter")
        await desk.sees("may have been paid (10 cr): the line broke after sending", "fate unknown")
        await desk.press("enter")
        await desk.sees("paid or not?", "send again (10 cr more at worst)")
        await desk.press(*keys)
        if asked:
            await desk.until(desk.requests)
            assert desk.requests() == [(asked, number)]
        else:
            await desk.until(lambda: isinstance(desk.console.screen, DetailsScreen))
            assert desk.requests() == []


@pytest.mark.parametrize("key", ["i", "enter"])
async def test_in_doubt_what_artui_has_found_itself_is_the_first_answer(key: str) -> None:
    (number,) = fill(DOUBT)
    with open_journal(paths()) as journal:
        journal.write(purchases.note_lookalikes, f"key-{number}", ["adc0da7a-1", "bb"])
    async with at_desk() as desk:
        await desk.press("enter", "enter")
        await desk.sees("i  it is adc0da7a: take it (free)", "n  leave it in doubt", "o  another id")
        await desk.press(key)
        await desk.until(desk.requests)
        [request] = desk.console.journal.read(requests.pending)
        assert (request.what, request.arguments) == ("adopt", {"execution": "adc0da7a-1"})


async def test_a_result_is_opened_or_over_ssh_fetched(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    result = tmp_path / "it's.png"
    result.touch()
    fill({**SAVED, "results": json.dumps([{"locator": "u", "path": str(result), "digest": "d", "size": 1}])}, QUEUED)
    for name in ("DISPLAY", "WAYLAND_DISPLAY"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("SSH_CONNECTION", "10.0.0.7 50000 10.0.0.9 2222")
    async with at_desk((120, 30)) as desk:
        await desk.press("o")
        said = shlex.join(["scp", "-P", "2222", f"{getpass.getuser()}@10.0.0.9:{result}", "."])
        await desk.until(lambda: said in "".join(line.strip() for line in desk.lines()))
        await desk.press("escape", "down", "o")
        await desk.until(lambda: any("no result on this disk" in one.message for one in desk.console._notifications))


async def test_an_account_that_is_added_does_not_change_who_pays() -> None:
    fill(SAVED)
    where = paths()
    text = where.config_file.read_text()
    where.config_file.write_text('[accounts.another]\nprovider = "autoretouch"\n' + text)
    async with at_desk() as desk:
        assert list(desk.console.config.accounts) == ["another", "studio"]
        assert desk.console.account == "studio"
        await desk.sees("studio balance ?")


async def test_details_follow_the_job() -> None:
    (number,) = fill(QUEUED)
    async with at_desk() as desk:
        await desk.press("enter")
        await desk.sees("queued", "added")
        desk.write(jobs.move, desk.job(number), Stage.CHECKED, Status.READY, "checked")
        await desk.sees("checked")
        await desk.press("q")
        await desk.until(lambda: len(desk.console.screen_stack) == 1)


async def test_new_jobs_and_moves_of_another_process_appear() -> None:
    (number,) = fill(QUEUED)
    async with at_desk() as desk:
        desk.write(jobs.move, desk.job(number), Stage.SAVED, Status.CANCELLED, "cancelled")
        await desk.sees("cancelled, not paid", "Ended 1")
        fill(QUEUED, names="boots/NEW_{:04}.jpg", batch="later")
        await desk.sees("NEW_0000.jpg", "[All 2]")


async def test_progress_is_a_bar_with_a_share() -> None:
    (number,) = fill(UPLOADING)
    async with at_desk() as desk:
        moving = {number: ["up", 710, 1000]}
        desk.console.paths.transfers.write_text(json.dumps(moving))
        desk.pretend_engine()
        await desk.sees("> boots/IMG_0000.jpg", "upload [#######...] 71%")


async def test_a_question_names_a_fixed_set() -> None:
    numbers = fill(FAILED, FAILED)
    async with at_desk() as desk:
        await desk.press("a", "r")
        await desk.until(lambda: isinstance(desk.console.screen, Question))
        fill(FAILED, names="boots/LATER_{}.jpg", batch="later")
        await desk.until(lambda: len(desk.table.order) == 3)
        await desk.press("y")
        await desk.until(desk.requests)
        assert [job for _, job in desk.requests()] == numbers


async def test_trouble_is_told_once_for_each_kind() -> None:
    numbers = fill(QUEUED, QUEUED, QUEUED)
    async with at_desk() as desk:
        for number in numbers:
            job = desk.job(number)
            desk.write(jobs.move, job, job.stage, Status.HELD, "held", reason="credits", message="4 credits left")
        await desk.until(
            lambda: "3 photos wait" in desk.console.news.messages[-1].text if desk.console.news.messages else ""
        )
        assert len(desk.console.news.messages) == len(desk.console._notifications) == 1
        await desk.press("M")
        await desk.sees("Messages", "4 credits left")


def test_groups_in_python_and_in_sql_agree() -> None:
    fill(*ALL, *({"status": "held", "reason": reason} for reason in ("cap", "credits", "paused", "price changed")))
    with open_journal(paths()) as journal:
        for wanted in Group:
            for number in journal.read(window.order, Filter(wanted)):
                job = journal.read(jobs.get, number)
                assert job is not None
                assert group(job.status, job.reason) is wanted
        by_sql = journal.read(window.overview, Filter(words=("boots",)))
        assert journal.read(window.overview, Filter()) == by_sql


async def test_keys_are_offered_where_they_act() -> None:
    fill(SAVED, FAILED, QUEUED)
    async with at_desk() as desk:
        await desk.press("g")
        await desk.until(lambda: desk.table.job and desk.table.job.status is Status.FAILED)
        await desk.sees("r retry")
        assert "x cancel" not in desk.lines()[-1]
        await desk.press("down")
        await desk.until(lambda: "r retry" not in desk.lines()[-1])
        assert "x cancel" not in desk.lines()[-1], "it is saved"
        await desk.press("down")
        await desk.sees("x cancel")
        assert "r retry" not in desk.lines()[-1]
        await desk.press("a")
        await desk.sees("r retry", "x cancel")
        await desk.press("a", "up", "enter")
        await desk.sees("What happened", "y copy")
        await desk.until(lambda: "x cancel" not in desk.lines()[-1])


async def test_a_batch_that_is_shown_alone_stays_so_while_its_list_is_sorted() -> None:
    fill(SAVED, batch="aw26")
    shown = fill(SAVED, FAILED, batch="ss27", names="shoes/IMG_{:04}.jpg")
    async with at_desk() as desk:
        await desk.press("B")
        await desk.sees("ss27", "aw26")
        await desk.press("slash", *"ss27", "enter", "enter")
        await desk.until(lambda: sorted(desk.table.order) == shown)
        await desk.press("comma")
        await desk.sees("[All 2]", "by age  batch: ss27")
        assert sorted(desk.table.order) == shown
