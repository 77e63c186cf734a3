"""A person's first session in the demo, who reads nothing but the screen; and where the console opens, and ends."""

from __future__ import annotations

import re
import time
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import urlencode
from urllib.request import urlopen

import pytest

from artui.config import paths
from artui.credentials import KeyStore, Secret, Vault
from artui.engine.anchor import open_journal
from artui.journal import accounts, offers
from artui.model.states import Reason
from artui.tui import job_details, story
from tests.test_demo import running_under
from tests.tui.desk import QUEUED, SAVED, at_desk, fill
from tests.tui.terminal import Terminal, terminal
from tests.waiting import until

ANSWER_WITHIN = 40.0
"""Seconds in which twelve photos are sent and fetched, on a machine with other things to do."""


class TestFirstSession:
    @pytest.fixture
    def screen(self, tmp_path: Path) -> Iterator[Terminal]:
        with terminal("demo", "--sign-in", environ={"TMPDIR": str(tmp_path)}) as screen:
            yield screen

    def test_from_the_sign_in_to_results_on_disk(self, screen: Terminal, tmp_path: Path) -> None:
        screen.sees("[5 Accounts]", "signed out", "s sign in")
        self.sign_in(screen)
        self.submit(screen)
        self.look_at_results(screen)
        screen.press("q")
        assert screen.wait() == 0
        screen.sees("The demo has ended", "Results are in")
        (results,) = tmp_path.glob("artui-demo-*/results")
        assert str(results) in screen.text.replace("\n", "")
        found = [path for path in results.rglob("*") if path.is_file()]
        assert len(found) == 13  # two of them of the same photo, which was paid for once
        assert all(path.stat().st_size for path in found)
        until(lambda: not running_under(tmp_path), told=lambda: running_under(tmp_path))

    def sign_in(self, screen: Terminal) -> None:
        screen.press("s")
        screen.reads("Where should the key be kept?", " f  in a file")
        screen.press("f")
        screen.reads("enter the code", "y  copy address")
        screen.press("y")
        screen.sees("in another terminal", "curl -d confirm=1")
        address = re.search(r"'(http://127\.0\.0\.1:\d+/\S+\?user_code=\S+)'", screen.text)
        assert address
        urlopen(address[1], urlencode({"confirm": "1"}).encode(), timeout=10).close()
        screen.press("\x1b")
        screen.reads("Which organization pays?", "Acme Footwear", "5,000 cr", "enter goes on")
        screen.press("\r")
        screen.sees("demo 5,000 cr", "Acme Footwear", "ready", "file")

    def submit(self, screen: Terminal) -> None:
        screen.press("2")
        screen.sees("[2 Submit]", "10486 boot black.tif", "w chooses one and shows its price", "a all shown")
        screen.press("a")
        screen.sees("marked 1", "in 1 folder")
        screen.press("w")
        screen.reads("Which workflow?", "enter takes it")
        screen.press("only")
        screen.until(lambda: "Marketplace" not in screen.text)
        screen.press("\r")
        screen.sees("Export only", "marked = 12 to send + 1 same photo", "120 cr", "s send")
        screen.press("s")
        screen.reads("Send 12 photos to Export only", "At most 120 cr", "Acme Footwear", "n  not now", "y  send")
        screen.press("y")
        screen.until(lambda: "Send 12 photos" not in screen.text)

    def look_at_results(self, screen: Terminal) -> None:
        screen.press("1")
        screen.sees("[All 13]", "engine here")
        screen.sees("Saved 13", "charged 120", "saved", "a copy, not paid", patience=ANSWER_WITHIN)
        screen.sees("demo 4,880 cr | today 120/3,000")
        screen.press("jj\r")  # of the first two, one photo twice, either may have been bought
        screen.sees("Nothing: it is saved.", "charged 10", "/results/", "b review")
        screen.press("b")
        screen.sees("Review: ", "1 of 1 | kept 0", "after ", "this photo: not decided", "esc leave")
        screen.press("\x1b")
        screen.sees("Nothing: it is saved.")
        screen.press("\x1b")
        screen.sees("[All 13]")


def change(act: object, *given: object, **named: object) -> None:
    with open_journal(paths()) as journal:
        journal.write(act, *given, **named)  # type: ignore[arg-type]


@pytest.mark.anyio
@pytest.mark.usefixtures("configured")
class TestOpeningAndLeaving:
    async def test_an_account_that_was_at_work_opens_on_jobs(self) -> None:
        async with at_desk() as desk:
            await desk.sees("[1 Jobs]")

    async def test_a_new_account_opens_on_jobs_only_with_a_key(self) -> None:
        change(lambda db: db.execute("DELETE FROM accounts"))
        async with at_desk() as desk:
            await desk.sees("[5 Accounts]", "signed out")
        Vault(paths()).keep("studio", Secret("v1.key"), KeyStore.FILE)
        async with at_desk() as desk:
            await desk.sees("[1 Jobs]")

    async def test_whom_the_service_refuses_opens_on_accounts(self) -> None:
        change(accounts.set_hold, "studio", Reason.LOGIN, "the key is no longer accepted")
        async with at_desk() as desk:
            await desk.sees("[5 Accounts]")

    async def test_who_signed_out_opens_on_accounts(self) -> None:
        change(offers.note_sign_out, "studio", paused=True)
        async with at_desk() as desk:
            await desk.sees("[5 Accounts]")

    async def test_leaving_the_demo_says_that_all_of_it_ends(self) -> None:
        fill(QUEUED, SAVED)
        async with at_desk(demo=True) as desk:
            await desk.press("q")
            await desk.sees("Leave the demo?", "1 queued: they end with the demo", "n  stay", "y  end the demo")
            assert "background" not in "\n".join(desk.lines()).replace("goes on in the background", "")
            await desk.press("enter")
            await desk.sees("[1 Jobs]", "IMG_0000.jpg")
            await desk.press("q", "y")
            await desk.until(lambda: not desk.console.is_running)
            assert not getattr(desk.console, "engines_wanted", 0)
            assert desk.requests() == []

    async def test_keys_that_are_quicker_than_the_story_wait_for_it(self, monkeypatch: pytest.MonkeyPatch) -> None:
        fill({**SAVED, "results": '[{"locator": "it", "path": "/out/a.png"}]'})
        read = story.read_story

        def slowly(*given: object) -> object:
            time.sleep(0.3)
            return read(*given)  # type: ignore[arg-type]

        monkeypatch.setattr(job_details, "read_story", slowly)
        async with at_desk() as desk:
            desk.console.simulate_key("enter")
            await desk.until(lambda: len(desk.console.screen_stack) == 2)
            desk.console.simulate_key("b")
            await desk.sees("Review: ", "1 of 1")
