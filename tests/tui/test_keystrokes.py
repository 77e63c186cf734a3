"""How many keys a newcomer's first session takes, each counted; what is typed into a line counts as one.

Rejecting two of ten and ordering them again is counted in test_reviewing.
"""

from __future__ import annotations

import tomllib
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from textual.widgets import Input

from artui.config import load, paths
from artui.sim.server import Simulator
from artui.tui.submit import Submit
from artui.tui.watches import deciding
from artui.tui.workflows import Workflows
from tests.studio import configure
from tests.tui.desk import Desk, at_desk
from tests.tui.test_accounts import confirm, given, set_up
from tests.tui.test_submit import all_jobs, photo
from tests.tui.test_watches import on_watch

pytestmark = pytest.mark.anyio
__all__ = ["given"]  # a fixture


@dataclass
class Hand:
    """Someone at a desk whose keys are counted."""

    desk: Desk
    keys: int = 0

    async def press(self, *keys: str) -> None:
        """Press these, reading each dialog first."""
        for key in keys:
            self.keys += 1
            await self.desk.press(key)

    async def type(self, text: str) -> None:
        """Type this into the line that waits for it."""
        await self.desk.until(lambda: isinstance(self.desk.console.focused, Input))
        self.keys += 1
        field = self.desk.console.focused
        assert isinstance(field, Input)
        field.value = text
        await self.desk.pilot.pause()


async def test_sign_in_in_3(given: dict[str, Any]) -> None:
    set_up(given)
    async with at_desk() as desk:
        hand = Hand(desk)
        await desk.sees("[5 Accounts]", "signed out")
        await hand.press("s")
        await desk.sees("Where should the key be kept?")
        await hand.press("f")
        await confirm(desk)
        await desk.sees("Which organization pays?")
        await hand.press("enter")
        await desk.sees("ready", "5,000 cr")
        assert hand.keys <= 3


@asynccontextmanager
async def at_the_stand_in(
    stand_in: Simulator, monkeypatch: pytest.MonkeyPatch, more: str = ""
) -> AsyncIterator[tuple[Desk, Hand]]:
    stand_in.faults.clear()
    configure(stand_in, monkeypatch, more=more)
    async with at_desk((100, 36)) as desk:
        yield desk, Hand(desk)


async def test_find_a_workflow_by_step_and_price_and_make_it_the_default_in_6(
    stand_in: Simulator, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with at_the_stand_in(stand_in, monkeypatch) as (desk, hand):
        await hand.press("3")
        await desk.until(lambda: isinstance(desk.console.place, Workflows) and len(desk.console.place.shown_offers) > 9)
        await hand.press("slash")
        await hand.type("mannequin price<60")
        await hand.press("enter")
        place = desk.console.place
        assert isinstance(place, Workflows)
        await desk.until(lambda: [one.workflow.name for one in place.shown_offers][:1] == ["Ghost Mannequin"])
        await hand.press("D")
        await desk.sees("Make Ghost Mannequin the default of studio?")
        await hand.press("y")
        await desk.until(lambda: load(paths()).accounts["studio"].workflow)
        assert hand.keys <= 6


async def test_twelve_photos_of_two_folders_without_some_by_pattern_are_sent_in_14(
    stand_in: Simulator, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    top = tmp_path / "shoot"
    top.mkdir()
    for number in range(6):
        photo(top / "boots" / f"boot_{number}.jpg", number)
        photo(top / "shirts" / f"shirt_{number}.jpg", 20 + number)
    for number in range(2):
        photo(top / "boots" / f"boot_{number}_draft.jpg", 40 + number)
        photo(top / "shirts" / f"shirt_{number}_draft.jpg", 50 + number)
    photo(top / "other" / "other.jpg", 60)
    monkeypatch.chdir(top)
    async with at_the_stand_in(stand_in, monkeypatch, f'output = "{tmp_path / "out"}"') as (desk, hand):
        await hand.press("2")
        await desk.sees("boots/", "shirts/", "other/")
        place = desk.console.place
        assert isinstance(place, Submit)
        await hand.press("space", "down", "space")
        await desk.sees("[x]  boots/", "[x]  shirts/", "[ ]  other/")
        await hand.press("minus")
        await hand.type("*_draft*")
        await hand.press("enter")
        await desk.sees("12 marked")
        await hand.press("w")
        await desk.sees("Which workflow?", "Export only")
        await hand.type("export only")
        await hand.press("enter")
        await desk.until(lambda: place.planner is not None)
        await desk.sees("12 to send")
        await hand.press("s")
        await desk.sees("Send 12 photos to Export only")
        await hand.press("y")
        await desk.until(lambda: len(all_jobs(desk)) == 12)
        assert not [job for job in all_jobs(desk) if "draft" in job.source.name]
        assert hand.keys <= 14


async def test_a_rule_with_a_cap_watches_in_20(
    stand_in: Simulator, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    began: list[str] = []
    monkeypatch.setattr(deciding, "start_watching", lambda *_: began.append("watching"))
    inbox = tmp_path / "inbox"
    inbox.mkdir()
    async with at_the_stand_in(stand_in, monkeypatch) as (desk, hand):
        hand.keys += 1  # the digit of the page
        await on_watch(desk)
        await hand.press("a")
        await desk.sees("Which folder is to be watched?")
        await hand.type(str(inbox))
        await hand.press("enter")
        await desk.sees("Which workflow?", "Export only")
        await hand.type("export only")
        await hand.press("enter")
        await desk.sees("Watch a folder", "WITHOUT a daily cap")
        await hand.press("c")
        await hand.type("500")
        await hand.press("enter")
        await desk.sees("at most 500 cr a day")
        await hand.press("s")
        await desk.until(lambda: paths().settings_file.exists())
        await desk.sees("not watched")
        await hand.press("w")
        await desk.sees("Start watching now? At most 500 cr a day")
        await hand.press("y")
        await desk.until(lambda: began)
        assert hand.keys <= 20
    (rule,) = tomllib.loads(paths().settings_file.read_text())["watch"]
    assert rule["caps"] == {"day": 500}
