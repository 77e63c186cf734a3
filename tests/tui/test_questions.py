"""When a key or a click answers a question, and which of them ever pays."""

from __future__ import annotations

import time

import pytest
from textual import events
from textual.widgets import OptionList

from artui.tui.above import UNREAD
from artui.tui.dialogs import Choice, No, Question
from tests.tui.desk import FAILED, QUEUED, Desk, at_desk, fill

pytestmark = [pytest.mark.anyio, pytest.mark.usefixtures("configured")]


def key(name: str, at: float) -> events.Key:
    """A key as it was made at some moment, whenever the console comes to it."""
    event = events.Key(name, name if len(name) == 1 else None)
    event.time = at
    return event


async def click(desk: Desk, place: int, *, at: float = 0.0) -> None:
    """Click on an answer, by its place, as a terminal tells it."""
    region = desk.console.screen.query_one(OptionList).region
    x, y = region.x + 2, region.y + place
    for kind in (events.MouseDown, events.MouseUp):
        event = kind(None, x, y, 0, 0, 1, shift=False, meta=False, ctrl=False, screen_x=x, screen_y=y)
        event.time = at or event.time
        desk.console.post_message(event)
    await desk.pilot.pause()


def is_asked(desk: Desk) -> bool:
    return isinstance(desk.console.screen, Question)


@pytest.mark.parametrize("keys", [("s", "l"), ("y",), ("N", "y", "y"), ("N", "N"), ("N", "n"), ("n",), ()])
def test_a_question_has_one_no_and_no_key_twice(keys: tuple[str, ...]) -> None:
    with pytest.raises(ValueError, match="one n is wanted"):
        Question("What?", (), [No("no") if one == "N" else Choice(one, "words", one) for one in keys])


async def test_an_answer_in_the_same_breath_does_not_count_and_says_so() -> None:
    (number,) = fill(FAILED)
    async with at_desk() as desk:
        await desk.burst("r", "y", "enter", "y")
        await desk.sees("Nothing is done: y came before this could be read.")
        assert desk.requests() == []
        await desk.press("y")
        await desk.until(desk.requests)
        assert desk.requests() == [("retry", number)]


async def test_going_back_counts_at_once() -> None:
    fill(FAILED)
    async with at_desk() as desk:
        for back in ("n", "escape", "ctrl+c"):
            await desk.burst("r", back)
            await desk.until(lambda: not is_asked(desk))
        assert desk.requests() == []


async def test_a_key_made_before_it_could_be_read_does_not_count_however_late_it_is_come_to() -> None:
    fill(FAILED)
    async with at_desk() as desk:
        await desk.press("r")
        opened = time.monotonic()
        await desk.read()
        desk.console.post_message(key("y", opened))
        await desk.sees("Nothing is done")
        assert desk.requests() == []


async def test_a_key_that_is_held_never_begins_to_count() -> None:
    fill(FAILED)
    async with at_desk() as desk:
        await desk.press("r")
        held_until = time.monotonic() + 4 * UNREAD
        while time.monotonic() < held_until:
            await desk.burst("y")
        assert is_asked(desk)
        assert desk.requests() == []


async def test_what_is_not_in_sight_yet_takes_nothing() -> None:
    async with at_desk() as desk:
        asked = Question("Pay?", (), (No("no"), Choice("y", "pay", True)))
        pushed = desk.console.push_screen(asked)
        assert desk.console.screen is asked
        assert not asked.takes(key("y", time.monotonic() + 100))
        await pushed
        await desk.read()
        assert asked.takes(key("y", time.monotonic()))


async def test_two_quick_keys_ask_once_and_what_was_covered_is_read_anew() -> None:
    fill(FAILED)
    async with at_desk() as desk:
        await desk.press("enter")
        await desk.sees("What happened")
        await desk.burst("r", "r", "r")
        await desk.until(lambda: is_asked(desk))
        assert len(desk.console.screen_stack) == 3
        below = desk.console.screen
        await desk.console.push_screen(Question("Another?", (), (No("no"), Choice("y", "yes", True))))
        await desk.press("y")
        await desk.until(lambda: desk.console.screen is below)
        await desk.burst("y")
        await desk.sees("Nothing is done")
        assert desk.requests() == []


async def test_enter_and_a_click_never_pay_nor_take_away() -> None:
    async with at_desk() as desk:
        asked = Question("Pay?", (), (No("no"), Choice("y", "pay", 1), Choice("l", "look", 2, by_enter=True)))
        answers: list[int | None] = []
        await desk.console.push_screen(asked, answers.append)
        await desk.press("down", "enter", "enter")
        await desk.sees("Press y for that: enter never spends, and takes nothing away.")
        await desk.until(lambda: time.monotonic() - asked._quiet_since > desk.console.CLICK_CHAIN_TIME_THRESHOLD)
        await click(desk, 1)
        assert is_asked(desk)
        assert answers == []
        await click(desk, 2)
        await desk.until(lambda: answers == [2])


async def test_the_second_half_of_a_double_click_answers_nothing() -> None:
    fill(QUEUED)
    async with at_desk() as desk:
        await desk.press("x")
        await desk.sees("y  cancel it")
        opened = desk.console.screen._quiet_since  # type: ignore[attr-defined]
        await click(desk, 1, at=opened + UNREAD + 0.1)
        assert is_asked(desk)
        assert desk.requests() == []
        await click(desk, 1, at=opened + UNREAD + 0.2 + desk.console.CLICK_CHAIN_TIME_THRESHOLD)
        await desk.until(desk.requests)
