"""Keys that pay, pressed as nobody means them: twice, held, in bursts, with enter. The stand-in's books tell.

Each question that leads to a charge is opened and pressed at in these ways, in a real terminal with a real engine: four
of them in all ways and the others in three; ``--long``: each in all. Then it is read and answered, and what was asked
for is charged, once.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from artui.config import paths
from artui.engine.anchor import open_journal
from artui.journal import Connection
from artui.tui.above import UNREAD
from tests.desk import Desk
from tests.test_cli_watch import Watch, drop, write_rule
from tests.tui.terminal import Terminal, terminal
from tests.waiting import PATIENCE

ENTER, ESCAPE, DOWN = "\r", "\x1b", "\x1b[B"
REPEAT = 0.03
"""Seconds between two keys of one that is held."""
TIMES = 30


@dataclass(frozen=True)
class Paying:
    """A question that pays: how it comes about, the keys before the one that opens it, what it says, the key of its
    paying answer, and the credits that are then charged. ``below``: how far down that
    answer is. ``watched``: more lines of the rule by which the photos come. ``has_frames``: the screen it is asked on
    draws frames as dialogs do."""

    prepare: Callable[[Desk], object]
    way: tuple[tuple[str, str], ...]
    opens: str
    asks: str
    pays: str
    charged: int
    below: int = 1
    watched: str | None = None
    has_frames: bool = False


def failed(desk: Desk) -> None:
    desk.photo()
    desk.send(workflow="Fails once")


def gone(desk: Desk) -> None:
    photo = desk.photo()
    desk("pause")
    desk.send()
    kept = photo.rename(desk.folder / "kept.jpg")
    desk("resume")
    desk("wait")
    assert [job["status"] for job in desk.jobs()] == ["failed"]
    kept.rename(photo)


def in_doubt(desk: Desk) -> None:
    desk.photo()
    desk.simulator.faults.add([{"route": "autoretouch.create", "do": "drop_before", "times": 1}])
    desk.send()
    assert desk.jobs()[0]["reason"] == "in doubt"


def sampled(desk: Desk) -> None:
    photos(desk, 3)
    desk.send("--sample", "1", "--batch", "aw26")


def dearer(desk: Desk) -> None:
    photos(desk, 2)
    recipe = desk.workflow("Export only")
    desk("pause")
    desk.send()
    desk.simulator.switch({"price": {recipe["id"]: recipe["price"] + 2}})
    desk("resume")
    desk("wait")
    assert {job["reason"] for job in desk.jobs()} == {"price changed"}


def paused(desk: Desk) -> None:
    photos(desk, 2)
    desk("pause")
    desk.send()


def photos(desk: Desk, number: int) -> None:
    for seed in range(number):
        desk.photo(f"boot {seed}.jpg", seed)


def to_submit(desk: Desk) -> None:
    photos(desk, 2)
    desk.monkeypatch.chdir(desk.inbox)
    desk.configure(more=f'workflow = "Export only"\noutput = "{desk.out}"\n')


def landed(desk: Desk) -> None:
    for seed in range(3):
        drop(desk, f"boot {seed}.jpg", seed)


WATCH = (("4", "enter open"),)
QUESTIONS = {
    "retry": Paying(failed, (), "r", "Retry boot.jpg? At most 16 cr.", "y", 16),
    "send again": Paying(gone, (), "r", "Retry boot.jpg? At most 10 cr.", "y", 10),
    "retry in the details": Paying(failed, ((ENTER, "What happened"),), "r", "Retry boot.jpg? At most 16 cr.", "y", 16),
    "in doubt": Paying(in_doubt, ((ENTER, "What happened"),), ENTER, "boot.jpg: paid or not?", "a", 10, below=2),
    "sample": Paying(sampled, (("b", "enter finish..."),), ENTER, "Of the first 1: 1 saved.", "y", 20, has_frames=True),
    "price": Paying(dearer, (("a", "2 marked"),), "r", "Export only now costs 12, not 10.", "y", 24),
    "resume": Paying(paused, (), "P", "go on with all that is paused", "g", 20, below=2),
    "submit": Paying(
        to_submit, (("2", "boot 1.jpg"), ("a", "balance after")), "s", "Send 2 photos to Export only", "y", 20
    ),
    "rule's sample": Paying(landed, WATCH, ENTER, "Send the other 2 photos of boots?", "y", 20, watched="sample = 1"),
    "rule's cap": Paying(
        landed, WATCH, "+" + ENTER, "Allow boots 20 cr more until midnight?", "y", 20, watched="[watch.caps]\nday = 10"
    ),
}


@pytest.fixture
def watch(tmp_path: Path) -> Iterator[list[Watch]]:
    started: list[Watch] = []
    yield started
    for one in started:
        one.process.kill()
        one.process.wait(PATIENCE)


@pytest.mark.parametrize("name", QUESTIONS)
def test_a_key_that_pays_pays_once_it_is_meant(
    desk: Desk, name: str, watch: list[Watch], tmp_path: Path, *, long: bool
) -> None:
    paying = QUESTIONS[name]
    if paying.watched:
        write_rule(desk, paying.watched)
        paying.prepare(desk)
        watch.append(Watch(tmp_path))
        desk.until(lambda: sorted(job["status"] for job in desk.jobs()) == ["done", "held", "held"])
    else:
        paying.prepare(desk)
    before = spent(desk)
    try:
        with terminal("--ascii", folder=desk.inbox) as shown:
            shown.sees("[1 Jobs]", "[All ")
            for key, seen in paying.way:
                shown.press(key)
                shown.sees(seen)
            for careless in CARELESS if long or name in IN_EVERY_WAY else (held, burst, entered):
                was = written()
                careless(shown, paying)
                calm(shown, paying)
                assert written() == was, careless
                assert spent(desk) == before, careless
            open_it(shown, paying)
            shown.press(paying.pays)
            desk.until(lambda: spent(desk) == before + paying.charged)
            desk.until(lambda: {job["status"] for job in desk.jobs()} == {"done"})
            assert spent(desk) == before + paying.charged
    finally:
        desk.simulator.switch({"price": {desk.workflow("Export only")["id"]: 10}})


def spent(desk: Desk) -> int:
    return sum(charge["credits"] for charge in desk.simulator.ledger)


def written() -> Any:
    """What was asked of an engine and what is to be sent, ever."""

    def counts(db: Connection) -> Any:
        return db.execute(
            "SELECT (SELECT count(*) FROM requests WHERE what != 'refresh'), (SELECT count(*) FROM jobs)"
        ).fetchone()

    with open_journal(paths()) as journal:
        return tuple(journal.read(counts))


def open_it(shown: Terminal, paying: Paying) -> None:
    """Open the question and read it."""
    *before, last = paying.opens
    for key in before:
        shown.press(key)
        shown.reads("+----")
    shown.press(last)
    shown.reads(paying.asks, "n  ")


def calm(shown: Terminal, paying: Paying) -> None:
    """Go back from whatever was opened."""
    home = paying.way[-1][1] if paying.way else "[1 Jobs]"
    shown.settle()
    shown.until(lambda: "Asking the service" not in shown.text)
    shown.settle()
    while (
        paying.asks in shown.text or "goes back" in shown.text
        if paying.has_frames
        else "+----" in shown.text or home not in shown.text
    ):
        shown.press(ESCAPE)
        shown.settle(0.4)  # long enough that what is typed next does not make another key of it


def still_asks(shown: Terminal, paying: Paying) -> None:
    """The key that opened the question has not answered it."""
    if len(paying.opens) == 1:
        shown.sees(paying.asks)


def twice(shown: Terminal, paying: Paying) -> None:
    shown.press(paying.opens * 2)
    still_asks(shown, paying)


def twice_slowly(shown: Terminal, paying: Paying) -> None:
    open_it(shown, paying)
    shown.press(paying.opens)


def held(shown: Terminal, paying: Paying) -> None:
    repeat(shown, paying.opens)
    still_asks(shown, paying)


def burst(shown: Terminal, paying: Paying) -> None:
    shown.press(f"{paying.opens}{paying.pays}{ENTER}{paying.pays}{DOWN}{ENTER}{paying.pays}")


def typed_ahead(shown: Terminal, paying: Paying) -> None:
    """The question, and in the same breath the answer, which is held until long after it could be read."""
    shown.press(paying.opens)
    repeat(shown, paying.pays)


def entered(shown: Terminal, paying: Paying) -> None:
    open_it(shown, paying)
    shown.press(DOWN * paying.below)
    repeat(shown, ENTER)
    shown.sees(f"Press {paying.pays} for that: enter never spends")


CARELESS = (twice, twice_slowly, held, burst, typed_ahead, entered)
IN_EVERY_WAY = ("retry", "in doubt", "submit", "rule's cap")
"""A list's own key, the details' choice, an order, and the one that two keys open; ``--long``: all of them."""


def repeat(shown: Terminal, keys: str, times: int = TIMES) -> None:
    """Hold a key. Where this process itself stood still for so long that it was let go, that says nothing."""
    for _ in range(times):
        begun = time.monotonic()
        shown.press(keys)
        while time.monotonic() - begun < REPEAT:
            shown.read(REPEAT / 3)
        if time.monotonic() - begun > UNREAD / 2:
            pytest.skip("this machine is too busy to hold a key")
