"""Keys that come in one piece, as over a slow line or from a paste: anything, anywhere, in a real terminal.

The console goes on, whatever is typed, and no key answers what was not there when it was pressed; meanwhile the
terminal takes other sizes, too small ones too, and the list grows. A few hundred keys are typed, ``--long``: twenty
thousand.
"""

from __future__ import annotations

import random
from collections.abc import Callable, Iterator
from functools import partial
from itertools import cycle
from pathlib import Path

import pytest

from artui.config import load, paths
from artui.core import own_workflows
from artui.credentials import KeyStore, Secret, Vault
from tests.desk import Desk
from tests.test_cli_watch import write_rule
from tests.tui.desk import CANCELLED, CUT, QUEUED, fill
from tests.tui.terminal import Terminal, terminal
from tests.tui.test_paying_keys import written

ESCAPE = "\x1b[27u"
"""Escape as terminals say it that tell all keys apart: it makes no other key of what follows it."""
ARROWS = ("\x1b[A", "\x1b[B", "\x1b[C", "\x1b[D")
PAGES = ("\x1b[5~", "\x1b[6~", "\x1b[H", "\x1b[F")
PALETTE = "\x10"
LETTERS = tuple("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789/:?+-$,.<>~")
OTHERS = ("\r", " ", "\t", "\x7f", "\x1b[Z", "\x03", PALETTE, ESCAPE, *ARROWS, *PAGES)
IN_A_BURST = 40
DEBUG = {"ARTUI_DEBUG": "1"}
"""So that a failure shows where it is."""
SEED = 19

OPENINGS = (
    "1",
    "2",
    "3",
    "4",
    "5",
    "$",
    "1Gb",
    "4w",
    "1\r",
    "1B",
    "4\r",
    "1p",
    "3p",
    "$\r",
    "2w",
    "1?",
    "1/is:saved\rb",
)
"""What a burst begins with: a page; Review, a rule, batches, job, panes, pickers and questions, all unread."""
FORM = ("3a", "3a2t", "3Ge", "3jx")
"""The same for workflows of our own: the form of a new one, of one that is changed, and taking one away."""


USUAL = (80, 24)
SIZES = ((20, 5), (10, 3), (120, 36), (20, 5), (60, 18), (1, 1), (200, 50))
"""Sizes that the terminal has during a burst: most have no room for a screen, some for a pane."""
AS_IT_IS = 3
"""Of so many bursts all but one are typed at a terminal and a list that stay as they are; ``--long``: none."""

LEAVES = ("q", "\x03")
"""The keys that leave a console where nothing is under way, without a question."""


def click(column: int, line: int) -> str:
    """A click of the left button in this cell, counted from 0."""
    return f"\x1b[<0;{column + 1};{line + 1}M\x1b[<0;{column + 1};{line + 1}m"


def bursts(keys: int, source: random.Random, openings: tuple[str, ...] = OPENINGS) -> Iterator[list[str]]:
    """So many keys in bursts, each begun in one of the ways."""
    for number in range(keys // IN_A_BURST):
        burst = list(openings[number % len(openings)])
        while len(burst) < IN_A_BURST:
            kind = source.random()
            if kind < 0.65:
                burst.append(source.choice(LETTERS))
            elif kind < 0.95:
                burst.append(source.choice(OTHERS))
            else:
                burst.append(click(source.randrange(USUAL[0]), source.randrange(USUAL[1])))
        yield burst


def at_work(desk: Desk) -> None:
    """Something in every place: jobs that need a person, wait and are saved, a rule, photos to submit."""
    for seed, workflow in enumerate(("Export only", "Fails once", "Human check")):
        desk.photo(f"{workflow}/boot.jpg", seed)
        desk("submit", desk.inbox / workflow, "-w", workflow, "-o", desk.out, "--yes")
    desk.until(lambda: sorted(job["status"] for job in desk.jobs()) == ["done", "failed", "waiting"])
    write_rule(desk)
    desk("pause")
    desk.photo("queued/boot.jpg", 9)
    desk("submit", desk.inbox / "queued", "-w", "Export only", "-o", desk.out, "--yes")
    for seed in range(3, 6):
        desk.photo(f"boot {seed}.jpg", seed)


def type_while(shown: Terminal, burst: list[str], size: tuple[int, int], change: Callable[[], object]) -> None:
    """Type a burst, its second half at another size and after this change."""
    half = len(burst) // 2
    shown.press("".join(burst[:half]))
    change()
    shown.resize(*size)
    shown.press("".join(burst[half:]))
    shown.settle(0.05)
    shown.resize(*USUAL)


def calm(shown: Terminal, burst: list[str]) -> None:
    """Go back to the list of jobs."""
    shown.settle(0.05)

    def back() -> bool:
        shown.press(ESCAPE * 3 + "1")
        shown.settle(0.05)
        assert shown.is_alive, f"it ended ({shown.ended}) after {burst}\n{shown.text}\n{shown.sent[-5000:]!r}"
        return "[1 Jobs]" in shown.lines[1] and "+-" not in shown.text

    shown.until(back)


@pytest.mark.timeout(3600)
def test_keys_in_bursts_neither_end_the_console_nor_answer_a_question(desk: Desk, *, long: bool) -> None:
    desk.control("options", qa=600)
    at_work(desk)
    was, settings = written(), paths().config_file.read_text()
    charged = len(desk.simulator.ledger)
    source = random.Random(SEED)
    with terminal("--ascii", folder=desk.inbox, environ=DEBUG) as shown:
        shown.sees("[1 Jobs]", "boot.jpg")
        sizes = cycle(SIZES)
        for number, burst in enumerate([[PALETTE, PAGES[1]], *bursts(20_000 if long else 40 * len(OPENINGS), source)]):
            if long or number % AS_IT_IS == 0:
                grow = partial(fill, CUT, CANCELLED, QUEUED, batch=f"grown {number}", names=f"{number}/IMG_{{}}.jpg")
                type_while(shown, burst, next(sizes), grow)
                was = (was[0], was[1] + 3)
            else:
                shown.press("".join(burst))
            calm(shown, burst)
            assert written() == was, burst
        assert paths().config_file.read_text() == settings
        assert len(desk.simulator.ledger) == charged


@pytest.mark.timeout(3600)
def test_keys_in_bursts_save_no_workflow_of_our_own_and_take_none_away(tmp_path: Path, *, long: bool) -> None:
    where = paths()
    where.create()
    where.config_file.write_text('[accounts.portraits]\nprovider = "retouch4me"\n')
    Vault(where).keep("portraits", Secret("a-token"), KeyStore.FILE)
    own_workflows.save(where, "portraits", "ours", {"title": "Ours", "tasks": [{"plugin": "Heal", "alpha1": 0.9}]})
    before = own_workflows.tables(load(where).accounts["portraits"])
    with terminal("--ascii", folder=tmp_path, environ=DEBUG) as shown:
        shown.sees("[1 Jobs]")
        for number, burst in enumerate(bursts(4_000 if long else 80, random.Random(SEED), FORM)):
            type_while(shown, [key for key in burst if key not in LEAVES], SIZES[number % len(SIZES)], lambda: None)
            calm(shown, burst)
            assert own_workflows.tables(load(where).accounts["portraits"]) == before, burst
