"""The console's frame: header, tabs, footer, help, palette, widths, the way out."""

from __future__ import annotations

import asyncio
import time
from dataclasses import replace
from functools import partial, partialmethod
from pathlib import Path

import pytest
import rich.color
from textual.color import Color
from textual.content import Content
from textual.theme import Theme
from textual.widgets._toast import Toast
from textual.worker import WorkerFailed

from artui.config import load, paths
from artui.engine.anchor import open_journal
from artui.journal import Connection, accounts, jobs, requests
from artui.model.states import Stage, Status
from artui.tui import news
from artui.tui.app import Console
from artui.tui.choosing import ChoiceDialog
from artui.tui.dialogs import Choice, No, Question, TextDialog
from artui.tui.drawing import Drawing
from artui.tui.job_details import DetailsScreen
from artui.tui.line_list import LineList
from artui.tui.look import ASCII, DARK, HIGH_CONTRAST, LIGHT, TERMINAL, UNICODE, bar, shares
from artui.tui.outside import notice
from artui.tui.page import Page
from artui.tui.pages import PLACES
from artui.tui.reviewing import ReviewScreen
from artui.tui.rows import Rows
from artui.tui.shell import Header
from artui.tui.watches import Watches
from tests.tui.desk import CUT, DOUBT, FAILED, QUEUED, SAVED, SENT, at_desk, fill

pytestmark = [pytest.mark.anyio, pytest.mark.usefixtures("configured")]


async def test_an_empty_journal_says_what_to_do() -> None:
    async with at_desk() as desk:
        await desk.sees("No photos yet. 2 picks photos", "engine: none yet", "studio", "[1 Jobs]", "q leave")


async def test_a_production_account_is_marked_in_the_header() -> None:
    async with at_desk() as desk:
        await desk.sees("studio balance")
        assert not desk.console.query_one(Header).has_class("-production")
    written = paths().config_file
    written.write_text(written.read_text().replace("[accounts.studio]", "[accounts.studio]\nproduction = true", 1))
    async with at_desk((60, 24)) as desk:
        await desk.sees("PRODUCTION")
        assert desk.console.query_one(Header).has_class("-production")


async def test_a_dialog_is_left_once_however_fast_the_keys_come() -> None:
    async with at_desk() as desk:
        answers: list[str | None] = []
        for title in ("below", "above"):
            await desk.console.push_screen(Question(title, (), (No("stay"),)), answers.append)
        above = desk.console.screen
        for _ in range(4):
            above.dismiss("s")
        await desk.until(lambda: answers)
        await desk.sees("below")
        assert answers == ["s"]
        await desk.press("escape")
        await desk.until(lambda: len(desk.console.screen_stack) == 1)


async def test_what_is_drawn_on_parts_that_have_gone_ends_nothing_and_a_defect_does() -> None:
    left = asyncio.Event()

    async def draw(place: Page) -> None:
        await left.wait()
        place.query_one("#gone")

    async with at_desk() as desk:
        await desk.press("2")
        await desk.sees("[2 Submit]")
        place = desk.console.place
        place.run_worker(partial(draw, place))
        await desk.press("1")
        await place.remove()
        left.set()
        await desk.press("3")
        await desk.sees("[3 Workflows]")
    with pytest.raises(WorkerFailed, match="NoMatches"):  # noqa: PT012 — the console raises it as it ends
        async with at_desk() as desk:
            place = desk.console.place
            await place.run_worker(partial(draw, place)).wait()


async def test_a_digit_leads_from_a_screen_above_to_its_place_and_a_review_keeps_it() -> None:
    fill(SAVED)
    async with at_desk() as desk:
        await desk.sees("[1 Jobs]", "saved")
        await desk.press("enter")
        await desk.until(lambda: isinstance(desk.console.screen, DetailsScreen))
        await desk.press("4")
        await desk.sees("[4 Watch]")
        assert len(desk.console.screen_stack) == 1
        await desk.press("1")
        await desk.sees("[1 Jobs]", "enter details")
        await desk.press("b")
        await desk.until(lambda: isinstance(desk.console.screen, ReviewScreen))
        await desk.press("4")
        assert isinstance(desk.console.screen, ReviewScreen)
        await desk.press("escape")
        await desk.sees("[1 Jobs]", "enter details")


async def test_a_dialog_that_is_left_from_below_gives_its_result_once_it_can() -> None:
    async with at_desk() as desk:
        answers: list[str | None] = []
        below: Question[str] = Question("below", (), (No("stay"),))
        await desk.console.push_screen(below, answers.append)
        await desk.console.push_screen(TextDialog("a text", Content("to be read")))
        below.dismiss("code")
        await desk.until(lambda: answers == ["code"])
        assert len(desk.console.screen_stack) == 1

        below = Question("below", (), (No("stay"),))
        for screen in (below, Question[str]("above", (), (No("stay"),))):
            await desk.console.push_screen(screen, answers.append)
        below.dismiss("code again")
        await desk.sees("above")
        await desk.press("n")
        await desk.until(lambda: len(desk.console.screen_stack) == 1)
        assert answers == ["code", None, "code again"]


async def test_a_dialog_that_is_left_before_it_is_there_is_left_once_it_is() -> None:
    async with at_desk() as desk:
        given: list[object] = []
        dialog = Question("Really?", [], (No("no"), Choice("y", "yes", True)))
        pushed = desk.console.push_screen(dialog, given.append)
        dialog.dismiss(None)  # none of its parts is there yet
        assert given == []
        await pushed
        await desk.until(lambda: given == [None])
        assert len(desk.console.screen_stack) == 1


async def test_the_header_shows_money_and_what_needs_a_person() -> None:
    fill(FAILED, CUT, DOUBT, SAVED, QUEUED)
    async with at_desk() as desk:
        desk.write(accounts.set_balance, "studio", 2781, 0.0)
        await desk.sees("studio 2,751 cr | today 30/3,000", "3 need you")
        header = desk.lines()[0]
        assert len(header) == 80
        assert header.endswith("3 need you | engine: none yet ")


async def test_the_header_charts_the_photos_of_each_minute_while_working(monkeypatch: pytest.MonkeyPatch) -> None:
    now = time.time()
    numbers = fill(SENT, *[SAVED] * 7)
    ages = (5, 9, 70, 70, 70, 370, 5000)
    async with at_desk((120, 36)) as desk:

        def finished(db: Connection) -> None:
            for number, age in zip(numbers[1:], ages, strict=True):
                db.execute("UPDATE jobs SET finished_at = ? WHERE id = ?", (now - age, number))

        desk.write(finished)
        desk.console.view._saved = None
        desk.write(lambda db: db.execute("UPDATE jobs SET ahead = ahead"))
        await desk.sees("2 photos a min .....-....#*  ", "engine: none yet")
        with monkeypatch.context() as slow_line:
            slow_line.setattr("artui.tui.shell.chosen", Drawing(follows=False))
            desk.console._draw_header()
            await desk.until(lambda: "a min" not in desk.lines()[0])
        desk.write(jobs.move, desk.job(numbers[0]), Stage.SUBMITTED, Status.CANCELLED, "cancelled")
        await desk.until(lambda: desk.console.look.pace == ())
        assert "a min" not in desk.lines()[0]


@pytest.mark.parametrize("cells", [1, 5, 19, 40])
@pytest.mark.parametrize("numbers", [(0, 0), (1, 0, 0), (1, 1000, 1), (7, 3, 2, 5, 1), (1,) * 9])
def test_shares_fill_their_cells_and_none_is_lost(numbers: tuple[int, ...], cells: int) -> None:
    found = shares(numbers, cells)
    assert sum(found) == (cells if sum(numbers) else 0)
    if cells >= len(numbers):
        assert all(bool(number) == bool(share) for number, share in zip(numbers, found, strict=True))


async def test_going_on_says_first_what_that_pays_for() -> None:
    paused = {"stage": "uploaded", "status": "held", "reason": "paused"}
    fill(paused, paused, SAVED)
    async with at_desk() as desk:
        desk.write(accounts.set_hold, "studio", "paused", "by a person")
        await desk.sees("(paused)")
        await desk.press("P")
        await desk.sees("studio: 2 photos go on, for at most 20 cr, as agreed when queued.", "go on with all that is")
        await desk.press("g")
        await desk.until(desk.requests)
        assert desk.requests() == [("resume", None)]


@pytest.mark.parametrize("size", [(60, 18), (79, 24), (80, 24), (100, 30), (139, 30), (160, 45)])
async def test_every_width_is_filled_and_never_overflown(size: tuple[int, int]) -> None:
    fill(FAILED, CUT, DOUBT, SAVED, QUEUED, SENT)
    async with at_desk(size) as desk:
        await desk.sees("IMG_0000.jpg", "failed at the service", "leave")
        lines = desk.lines()
        assert len(lines) == size[1]
        assert {len(line) for line in lines} == {size[0]}


async def test_nothing_is_asked_or_answered_in_a_terminal_that_shows_nothing() -> None:
    fill(QUEUED)
    async with at_desk((80, 24)) as desk:
        await desk.sees("IMG_0000.jpg")
        await desk.pilot.resize_terminal(20, 5)
        await desk.sees("artui needs")
        await desk.press("x", "P", "2", "question_mark")
        await desk.pilot.resize_terminal(80, 24)
        await desk.sees("[1 Jobs]")
        assert len(desk.console.screen_stack) == 1
        await desk.press("x")
        await desk.until(lambda: len(desk.console.screen_stack) == 2)
        await desk.pilot.resize_terminal(20, 5)
        await desk.press("y")
        await desk.pilot.resize_terminal(80, 24)
        assert desk.job(1).status is Status.READY, "nothing was answered"
        await desk.press("escape")
        await desk.until(lambda: len(desk.console.screen_stack) == 1)


async def test_a_terminal_that_is_too_small_gets_one_sentence() -> None:
    async with at_desk((59, 17)) as desk:
        await desk.sees("artui needs 60 x 18 cells; this terminal has 59 x 17.")
        await desk.pilot.resize_terminal(80, 24)
        await desk.sees("No photos yet")


async def test_no_screen_fails_for_want_of_room() -> None:
    fill(FAILED, SAVED, QUEUED, SENT)
    async with at_desk((80, 24)) as desk:
        for opening in ("1p", "1B", "2p", "3p", "4p", "5"):
            await desk.burst(*opening)
            for size in ((20, 5), (1, 1), (80, 24)):
                await desk.pilot.resize_terminal(*size)
            await desk.burst("escape")
        await desk.burst("dollar_sign", "question_mark")
        for size in ((20, 5), (1, 1), (80, 24)):
            await desk.pilot.resize_terminal(*size)
        await desk.sees("Keys", "Filter", "esc goes back")


async def test_a_resize_storm_ends_in_a_right_picture() -> None:
    fill(*[SAVED] * 50)
    async with at_desk() as desk:
        for cells, height in [(60, 18), (160, 45), (40, 10), (80, 24), (139, 20)] * 3:
            await desk.pilot.resize_terminal(cells, height)
        await desk.sees("IMG_0000.jpg", "50 jobs: quoted 500 = charged 500")


async def test_all_keys_and_the_palette_come_from_the_same_bindings() -> None:
    fill(FAILED)
    async with at_desk((80, 45)) as desk:
        await desk.press("question_mark")
        await desk.sees("Retry these: shows first what it does", "Every action by name", "The next job that needs you")
        assert isinstance(desk.console.screen, TextDialog)
        await desk.press("escape", "colon")
        await desk.until(lambda: isinstance(desk.console.screen, ChoiceDialog))
        await desk.press(*"put aside")
        await desk.sees("Put aside what needs you")
        await desk.sees("d  Put aside what needs you")
        await desk.press("enter")
        await desk.sees("(aside)")


async def test_the_help_wraps_under_its_sentences() -> None:
    fill(FAILED)
    async with at_desk((60, 24)) as desk:
        await desk.press("question_mark", "pagedown")
        await desk.sees("Put aside what needs you")
        lines = desk.lines()
        first = next(place for place, line in enumerate(lines) if "Put aside what needs you" in line)
        assert "up and down scroll, esc goes back" in "\n".join(lines)
        assert lines[first + 1].index("moves; again") == lines[first].index("Put aside")


def luminance(color: str) -> float:
    """Relative luminance as WCAG 2 has it."""
    parts = [
        part / 12.92 if part <= 0.03928 else ((part + 0.055) / 1.055) ** 2.4 for part in Color.parse(color).normalized
    ]
    return 0.2126 * parts[0] + 0.7152 * parts[1] + 0.0722 * parts[2]


@pytest.mark.parametrize("theme", [DARK, LIGHT, HIGH_CONTRAST], ids=lambda theme: theme.name)
def test_every_text_can_be_read_on_every_ground(theme: Theme) -> None:
    grounds = [str(theme.background), str(theme.surface), str(theme.panel), theme.variables["cursor"]]
    texts = [str(getattr(theme, name)) for name in ("foreground", "primary", "accent", "success", "warning", "error")]
    for text in [*texts, theme.variables["quiet"], theme.variables["cursor-text"]]:
        for ground in grounds:
            dark, light = sorted((luminance(text), luminance(ground)))
            assert (light + 0.05) / (dark + 0.05) >= 4.5, (text, ground)


@pytest.mark.parametrize("theme", [DARK, LIGHT, HIGH_CONTRAST], ids=lambda theme: theme.name)
def test_sixteen_colours_keep_ground_cursor_and_text_apart(theme: Theme) -> None:
    def plain(color: object) -> int | None:
        return rich.color.Color.parse(str(color)).downgrade(rich.color.ColorSystem.STANDARD).number

    ground, cursor = plain(theme.background), plain(theme.variables["cursor"])
    assert len({ground, cursor, plain(theme.variables["cursor-text"])}) == 3
    for text in ("foreground", "primary", "accent", "success", "warning", "error"):
        assert plain(getattr(theme, text)) not in (ground, cursor)


async def test_the_colours_of_the_terminal_are_left_to_it() -> None:
    fill(*[CUT, QUEUED, SAVED])
    async with at_desk((120, 36)) as desk:
        desk.console.theme = TERMINAL.name
        await desk.press("question_mark")
        await desk.sees("Keys")
        await desk.press("escape", "2", "3", "4", "5", "1", "r")
        await desk.sees("Retry")
        for line in desk.table.screen._compositor.render_strips():
            for segment in line:
                grounds = (segment.style.color, segment.style.bgcolor) if segment.style else ()
                assert all(one is None or one.type is not rich.color.ColorType.TRUECOLOR for one in grounds), segment


@pytest.mark.parametrize("done", range(0, 101, 5))
def test_a_bar_takes_its_cells_and_has_eighths_where_the_signs_have(done: int) -> None:
    assert len(bar(UNICODE, done, 100, 12)) == len(bar(ASCII, done, 100, 12)) == 12
    assert bar(UNICODE, 50, 100, 5) == "██▌░░"
    assert bar(ASCII, 50, 100, 7) == "[##...]"


@pytest.mark.parametrize("size", [(80, 24), (120, 36)])
async def test_a_toast_covers_no_row_and_is_one(monkeypatch: pytest.MonkeyPatch, size: tuple[int, int]) -> None:
    monkeypatch.setattr(Console, "run_test", partialmethod(Console.run_test, notifications=True))
    fill(*[QUEUED] * 60)
    long = "[b]Print Master[/b] now costs 34, not 30; not sent. " * 9
    async with at_desk(size) as desk:
        rows = desk.lines()[3:-4]
        desk.console.notify("the first one")
        desk.console.notify(long)
        await desk.until(lambda: len(desk.console.screen.query(Toast)) == 1)
        await desk.sees("[b]Print Master[/b]", "60 jobs: quoted 600 = charged 0 + sent 0 + to come 600 + unspent 0")
        lines = desk.lines()
        assert [line[:60] for line in lines[3:-4]] == [line[:60] for line in rows]
        assert lines[-1].lstrip().startswith("enter details"), "the keys can be read"
        assert lines[-2].rstrip()[-1] in "~.", "it is cut at its end"
        await desk.press("M")
        await desk.sees("Messages", "not sent. [b]Print")


@pytest.mark.parametrize("size", [(60, 18), (80, 24), (140, 36)])
async def test_a_toast_covers_no_row_of_any_place(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, size: tuple[int, int]
) -> None:
    monkeypatch.setattr(Console, "run_test", partialmethod(Console.run_test, notifications=True))
    fill(*[SAVED] * 60)
    written = paths().config_file
    rule = {"folder": str(tmp_path), "account": "studio", "workflow": "Ghost Shoes", "output": str(tmp_path / "out")}
    table = "\n".join(f'{key} = "{value}"' for key, value in rule.items())
    written.write_text(f"{written.read_text()}\n[[watch]]\n{table}\n")
    async with at_desk(size) as desk:
        for entry in PLACES:
            await desk.press(entry.key)
            await desk.until(lambda where=entry.id: desk.console.place.id == where and desk.console.place.is_mounted)
            if isinstance(rules := desk.console.place, Watches):
                await desk.until(lambda rules=rules: rules.standings)
            desk.console.notify("Print Master now costs 34, not 30; not sent. " * 9)
            await desk.until(lambda: any(toast.region.height == 2 for toast in desk.console.screen.query(Toast)))
            top = desk.console.screen.query_one(Toast).region.y
            lists = [one for kind in (Rows, LineList) for one in desk.console.place.query(kind)]
            assert lists
            assert all(one.region.bottom <= top for one in lists if one.display), entry.title
            desk.console.clear_notifications()


async def test_news_that_come_while_the_console_is_left_find_nothing_to_show_them(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    async with at_desk() as desk:

        async def take_in(*_: object) -> list[news.Toast]:
            leaving.setattr(desk.console, "_screen_stacks", {desk.console.current_mode: []})
            return [news.Toast("Print Master now costs 34", is_trouble=True)]

        with monkeypatch.context() as leaving:
            leaving.setattr(desk.console.news, "take_in", take_in)
            await desk.console.on_console_looked(Console.Looked(replace(desk.console.look, wrote=True)))


async def test_a_person_elsewhere_is_told_when_they_are_needed_and_when_a_batch_ends(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.delenv("TMUX", raising=False)
    monkeypatch.delenv("STY", raising=False)
    first, second = fill(SENT, SENT, batch="boots\x1b]52;c;aGk=\x07; rm")
    async with at_desk() as desk:
        written: list[str] = []
        monkeypatch.setattr(desk.console._driver, "write", written.append)

        def told() -> list[str]:
            return [text for text in written if text.startswith(("\x1b]9", "\a"))]

        for word in ("bell", "desktop"):
            await desk.press("colon", *"notice outside", "enter")
            await desk.until(lambda word=word: desk.console.config.notice == word)
        assert 'notice = "desktop"' in paths().settings_file.read_text()
        row = desk.job(first)
        desk.write(
            jobs.move, row, Stage.SUBMITTED, Status.FAILED, "failed at the service", reason="failed at the service"
        )
        await desk.until(told)
        assert told()[0].startswith("\x1b]9;artui: The service failed on IMG_0000.jpg")
        written.clear()
        desk.write(jobs.move, desk.job(second), Stage.SUBMITTED, Status.CANCELLED, "cancelled")
        await desk.until(told)
        assert " is done: 1 ended, 1 needs you." in told()[0]
        assert told()[0].count("\x1b") == 1
        assert told()[0].count("\a") == 1
        assert "; rm" not in told()[0]


@pytest.mark.parametrize(
    ("environ", "begins", "ends"),
    [
        ({}, "\x1b]9;artui: ", "\a"),
        ({"VTE_VERSION": "7600"}, "\x1b]777;notify;artui;", "\a"),
        ({"TERM": "rxvt-unicode"}, "\x1b]777;notify;artui;", "\a"),
        ({"TMUX": "/tmp/x"}, "\x1bPtmux;\x1b\x1b]9;artui: ", "\a\x1b\\\a"),
        ({"STY": "1.pts"}, "\x1bP\x1b]9;artui: ", "\a\x1b\\\a"),
    ],
)
def test_a_notice_holds_no_order_but_its_own(environ: dict[str, str], begins: str, ends: str) -> None:
    for hostile in ("a\x1b\\b\x07c\x9cd;4;1", "\u202egpj\r\n\t", "x" * 900, "\udcff"):
        order = notice(hostile, "desktop", environ)
        assert order.startswith(begins)
        assert order.endswith(ends)
        body = order[len(begins) : -len(ends)]
        assert body.isprintable()
        assert ";" not in body
        assert len(order.encode()) < 255
    assert notice("a", "bell", environ) == "\a"
    assert notice("a", "off", environ) == ""


async def test_leaving_with_nothing_under_way_asks_nothing() -> None:
    fill(SAVED, FAILED)
    async with at_desk() as desk:
        await desk.press("q")
        await desk.until(lambda: not desk.console.is_running)


@pytest.mark.parametrize(
    ("key", "left", "stays"),
    [("n", [], True), ("escape", [], True), ("b", [], False), ("f", [("pause", None)], False), ("x", [], False)],
)
async def test_leaving_with_jobs_under_way_asks(key: str, left: list[tuple[str, None]], stays: bool) -> None:
    fill(SENT, QUEUED, QUEUED)
    asked: list[tuple[str, int | None]] = []
    async with at_desk() as desk:
        await desk.press("q")
        await desk.sees("Leave the console?", "1 under way, 2 queued.", "stay")
        await desk.press(key)
        if stays:
            await desk.until(lambda: len(desk.console.screen_stack) == 1)
            assert desk.console.is_running
        asked = desk.requests() if stays else asked
    with_journal = Console(desk.console.paths, desk.console.config)
    try:
        assert [(one.what, one.job) for one in with_journal.journal.read(requests.pending)] == left
    finally:
        with_journal.journal.close()


async def test_ctrl_c_goes_back_and_then_leaves_and_ctrl_q_does_nothing() -> None:
    fill(SAVED)
    async with at_desk() as desk:
        await desk.press("ctrl+q", "question_mark")
        await desk.until(lambda: isinstance(desk.console.screen, TextDialog))
        await desk.press("ctrl+c")
        await desk.until(lambda: len(desk.console.screen_stack) == 1)
        await desk.press("ctrl+c")
        await desk.until(lambda: not desk.console.is_running)


async def test_a_question_never_spends_on_enter() -> None:
    fill(FAILED)
    async with at_desk() as desk:
        await desk.press("r")
        await desk.until(lambda: isinstance(desk.console.screen, Question))
        await desk.press("down", "enter")
        await desk.sees("Press y for that: enter never spends, and takes nothing away.")
        await desk.press("up", "enter")
        await desk.until(lambda: len(desk.console.screen_stack) == 1)
        assert desk.requests() == []


async def test_readonly_takes_every_key_away_that_changes_anything() -> None:
    fill(FAILED, QUEUED)
    async with at_desk(readonly=True) as desk:
        footer = desk.lines()[-1]
        assert "retry" not in footer
        assert "cancel" not in footer
        assert "details" in footer
        await desk.press("r", "x", "d", "E", "P")
        assert len(desk.console.screen_stack) == 1
        await desk.press("enter")
        await desk.sees("What happened")
        await desk.press("r", "x", "d")
        assert len(desk.console.screen_stack) == 2
        assert desk.requests() == []


async def test_an_engine_that_vanishes_is_told_of() -> None:
    fill(QUEUED)
    async with at_desk((100, 30)) as desk:
        desk.pretend_engine()
        await desk.sees("engine here")
        desk.console.view._engine = lambda *_, **__: None  # type: ignore[method-assign]
        await desk.sees("No engine is running since")
        newest = desk.console.news.newest
        assert newest is not None
        assert "E starts one" in newest.text


async def test_at_opening_one_line_says_what_happened_meanwhile() -> None:
    numbers = fill(QUEUED, QUEUED, DOUBT)
    async with at_desk():
        pass
    async with at_desk() as desk:
        assert not desk.console.news.greeting
        job = desk.job(numbers[0])
    with open_journal(desk.console.paths) as journal:
        job = journal.write(jobs.move, job, Stage.NEW, Status.RUNNING, "taken")
        journal.write(jobs.move, job, Stage.SAVED, Status.DONE, "saved")
    async with at_desk() as desk:
        await desk.sees("1 saved | 1 in doubt. n shows what needs you.")
        await desk.press("down")
        await desk.until(lambda: "1 saved" not in desk.lines()[-2])


async def test_a_page_key_before_a_list_has_its_room_does_nothing() -> None:
    async with at_desk() as desk:
        rows = Rows()
        rows.display = False
        await desk.console.place.mount(rows)
        rows.put([("a", Content("a")), ("b", Content("b"))])
        rows.action_page_down()
        rows.action_page_up()
        assert rows.current == "a"


async def test_footer_keys_and_what_needs_a_person_take_clicks() -> None:
    fill(SAVED, QUEUED, FAILED)
    async with at_desk() as desk:
        footer = desk.lines()[-1]
        await desk.pilot.click("#keys", offset=(footer.index("filter"), 0))
        await desk.sees("esc keeps the filter")
        await desk.press("escape", "down", "4")
        await desk.sees("[4 Watch]")
        await desk.pilot.click("#header", offset=(desk.lines()[0].index("1 needs you") + 2, 0))
        await desk.sees("[1 Jobs]")
        await desk.until(lambda: desk.table.job and desk.table.job.status is Status.FAILED)


async def test_the_keys_are_read_to_their_end_by_one_key() -> None:
    fill(FAILED)
    async with at_desk() as desk:
        await desk.press("question_mark", "end")
        await desk.sees("Leave the console; jobs under way go on")
        await desk.press("home")
        await desk.until(lambda: "Leave the console; jobs" not in "\n".join(desk.lines()))


async def test_an_engine_that_is_missing_is_told_as_loudly_as_what_needs_a_person() -> None:
    fill(QUEUED)
    with open_journal(paths()) as journal:
        journal.write(lambda db: db.execute("UPDATE engine SET generation = 1, state = 'running'"))
    async with at_desk() as desk:
        await desk.sees("NO ENGINE ")
        await desk.pilot.click("#header", offset=(desk.lines()[0].index("NO ENGINE") + 2, 0))
        await desk.until(lambda: getattr(desk.console, "engines_wanted", 0))


async def test_the_theme_is_that_of_the_setting_and_the_palette_changes_it_for_good() -> None:
    where = paths()
    async with at_desk() as desk:
        assert desk.console.theme == DARK.name
        await desk.press("colon", *"high contrast")
        await desk.sees("Colours: dark, light")
        await desk.press("enter")
        await desk.until(lambda: desk.console.theme == LIGHT.name)
        await desk.until(lambda: load(where).theme == "light")
    async with at_desk() as desk:
        assert desk.console.theme == LIGHT.name
