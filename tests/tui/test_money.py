"""The Money page: the sums of the books in bars, the meters of caps, how long credits last."""

from __future__ import annotations

import datetime as dt
import time
from typing import Any

import pytest

from artui.config import Caps, load, paths
from artui.core.money import DAYS, Money, money
from artui.engine.anchor import open_journal
from artui.journal import accounts, books
from artui.journal.books import CostLine, Costs, Grouping
from artui.journal.caps import Cap
from artui.model.holds import CapKind
from artui.sanitize import width
from artui.tui.look import ASCII, UNICODE
from artui.tui.money import Bars, columns, forecast, meter
from tests.tui.desk import FAILED, QUEUED, SAVED, SENT, at_desk, fill

pytestmark = [pytest.mark.anyio, pytest.mark.usefixtures("configured")]


def read(by: Grouping) -> Money:
    zone = load(paths()).timezone
    with open_journal(paths()) as journal:
        return journal.read(money, "studio", Caps(day=3000), by, zone, dt.datetime.now(zone).date())


@pytest.mark.parametrize("by", [Grouping.DAY, Grouping.WORKFLOW, Grouping.FOLDER, Grouping.BATCH])
def test_the_sums_are_those_of_the_books(by: Grouping) -> None:
    fill(SAVED, SAVED, SENT, FAILED, QUEUED)
    with open_journal(paths()) as journal:
        known = sum((line.costs for line in journal.read(books.costs, by, dt.UTC)), Costs())
    found = read(by)
    assert found.total == known
    assert found.total.charged == 20
    assert len(found.lines) == (DAYS if by is Grouping.DAY else 1)
    assert [(cap.kind, cap.limit) for cap in found.caps] == [(CapKind.DAY, 3000)]


def test_how_long_the_credits_last() -> None:
    lines = (CostLine("a", "s", Costs(charged=130, open=10)),)
    assert Money(Grouping.DAY, lines, balance=100).lasts == 10
    assert Money(Grouping.DAY, lines, balance=-5).lasts == 0
    assert Money(Grouping.DAY, lines).lasts is None
    assert Money(Grouping.DAY, balance=100).lasts is None


@pytest.mark.parametrize(
    ("lasts", "said"),
    [
        (0.4, "less than a day"), (1, "about 1 day"), (365, "about 365 days"), (366, "over a year"),
        (10_356, "over a year"),
    ],
)  # fmt: skip
def test_no_forecast_goes_beyond_a_year(lasts: float, said: str) -> None:
    assert forecast(5000, lasts) == f"5,000 credits last {said} at the pace of these two weeks."


@pytest.mark.parametrize(
    ("spent", "used", "says"),
    [(0, 0, ""), (649, 64, ""), (700, 70, "past 70"), (900, 90, "past 90"), (2000, 200, "90")],
)
def test_a_meter_warns_in_time_and_never_breaks_its_line(spent: int, used: int, says: str) -> None:
    cap = Cap(CapKind.DAY, "studio", "today's cap of studio", 1000, spent)
    assert cap.percent == used
    for glyphs in (ASCII, UNICODE):
        line = meter(cap, 80, glyphs).plain
        assert says in line
        assert max(width(line) - 80, width(meter(cap, 60, glyphs).plain) - 60) <= 0
        if spent < 700:
            assert line.count("|") == 2


@pytest.mark.parametrize("cells", range(60, 200, 7))
@pytest.mark.parametrize("by", [Grouping.DAY, Grouping.FOLDER])
def test_columns_fill_a_line_but_for_its_last_cell(cells: int, by: Grouping) -> None:
    assert columns(cells, by)[-1].end == cells - 1


async def test_the_page_shows_each_list(monkeypatch: pytest.MonkeyPatch) -> None:
    fill(SAVED, SAVED, SENT)
    copied: list[Any] = []
    monkeypatch.setattr("artui.tui.money.desktop.copy", lambda app, text: copied.append(text))
    async with at_desk() as desk:
        desk.write(accounts.set_balance, "studio", 70, time.time())
        await desk.press("dollar_sign")
        await desk.sees(
            "[$ Money]", "[Days]", "charged 20, quoted 30, 3 photos", "not charged yet: 10", "credits last about"
        )
        bars = desk.console.screen.query_one(Bars)
        assert bars.cursor == DAYS - 1
        line = next(line for line in desk.lines() if "#" in line and "[" not in line)
        assert abs(line.count("#") - 2 * line.count("+")) <= 2
        await desk.press("right")
        await desk.sees("[Workflows]", "Background Removal")
        await desk.press("left", "left")
        await desk.sees("[Batches]", "aw26 ")
        await desk.press("y")
        assert copied[0].splitlines()[1] == "aw26\t20\t30\t3\t0"


async def test_where_nothing_was_spent_it_says_so() -> None:
    fill(QUEUED)
    async with at_desk() as desk:
        await desk.press("dollar_sign")
        await desk.sees("Nothing was spent in these 14 days.")


async def test_enter_shows_the_jobs_behind_a_bar_and_words_narrow_the_bars() -> None:
    bought = [*fill(SAVED, FAILED, SENT), *fill(SAVED, batch="ss27", names="shoes/IMG_{:04}.jpg")]
    fill(QUEUED, batch="later")
    async with at_desk() as desk:
        await desk.press("dollar_sign")
        await desk.sees("[Days]", "4 photos")
        await desk.press("enter")
        await desk.until(lambda: sorted(desk.table.order) == bought)
        await desk.sees("[All 4]", "4 jobs: quoted 40", "Days: ")
        await desk.press("escape")
        await desk.until(lambda: len(desk.table.order) == 5)
        await desk.press("dollar_sign", "left", "slash", *"ss27", "enter")
        await desk.sees("[Batches]", "1 of 2 match 'ss27'")
        await desk.press("enter")
        await desk.until(lambda: list(desk.table.order) == bought[3:])
        await desk.press("dollar_sign", "slash", *"x", "enter")
        await desk.sees("None of 2 match 'x'. esc clears the filter.")
        await desk.press("escape", "comma", "comma")
        await desk.sees("by name, from the end")


async def test_a_filter_that_was_left_on_jobs_hides_nothing_behind_a_bar() -> None:
    bought = fill(SAVED, FAILED, SENT)
    async with at_desk() as desk:
        await desk.press("slash", *"0001", "enter")
        await desk.until(lambda: len(desk.table.order) == 1)
        await desk.press("dollar_sign")
        await desk.sees("[Days]", "3 photos")
        await desk.press("enter")
        await desk.until(lambda: sorted(desk.table.order) == bought)


async def test_a_wide_page_has_a_bar_for_what_was_quoted() -> None:
    fill(SAVED, {**SAVED, "charged": 20, "quoted": 10})
    async with at_desk((120, 36)) as desk:
        await desk.press("dollar_sign")
        await desk.sees("Charged, sent +", "[Days]")
        (line,) = [line for line in desk.lines() if "30!" in line and "####" in line]
        charged, quoted = (len(part) for part in line.split("30!")[0].split() if set(part) == {"#"})
        assert abs(3 * quoted - 2 * charged) <= 3
