"""Pictures by Kitty's and Sixel graphics: what goes out is whole and in order, and gone when one leaves."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from artui.config import paths
from tests.tui.terminal import Terminal, terminal
from tests.tui.test_reviewing import ten

pytest.importorskip("textual_image")

# What a terminal is sent: texts, and sequences that are each whole.
SENT = re.compile(
    rb"(?P<kitty>\x1b_G(?P<keys>[^;\x1b]*)(?:;(?P<payload>[A-Za-z0-9+/=]*))?\x1b\\)"
    rb"|(?P<sixel>\x1bP[0-9;]*q[^\x1b]*\x1b\\)"
    rb"|\x1b\][^\x07\x1b]*(?:\x07|\x1b\\)|\x1b\[[0-9;?<=>]*[ -/]*[@-~]|\x1b[ -/]*[0-~]|[^\x1b]+",
    re.DOTALL,
)
ASKS = {b"\x1b[c": {"kitty": b"\x1b[?62;22c", "sixel": b"\x1b[?62;4;22c"}, b"a=q": {"kitty": b"\x1b_Gi=1;OK\x1b\\"}}


def answering(screen: Terminal, graphics: str) -> None:
    """Answer what a terminal with such graphics is asked, until the console is there."""
    answered: set[bytes] = set()

    def goes_on() -> bool:
        for asked, answers in ASKS.items():
            if asked in screen.sent and asked not in answered and graphics in answers:
                answered.add(asked)
                screen.press(answers[graphics])
        return "[1 Jobs]" in screen.text

    screen.until(goes_on)


def pieces(sent: bytes) -> Iterator[re.Match[bytes]]:
    """All that was sent, piece by piece; each sequence must be whole."""
    at = 0
    while at < len(sent):
        found = SENT.match(sent, at)
        assert found, f"no whole sequence: {sent[at - 40 : at + 60]!r}"
        yield found
        at = found.end()


def drawn(sent: Iterable[re.Match[bytes]], graphics: str) -> list[re.Match[bytes]]:
    """The pieces of pictures among what was sent."""
    return [one for one in sent if one[graphics] and b"a=q" not in one[0]]


@contextmanager
def reviewing(graphics: str, size: tuple[int, int]) -> Iterator[Terminal]:
    """Review, in a terminal with such graphics. The terminal has a tenth of a second to answer what it is asked: on a
    busy machine it gets more than one chance."""
    for _ in range(10):
        with terminal(
            size=size, environ={"SSH_CONNECTION": "10.0.0.1 5 10.0.0.2 22", "SSH_TTY": "/dev/pts/9"}
        ) as screen:
            answering(screen, graphics)
            screen.press("b")
            screen.sees("1 of 10", "after   400 x 300")
            screen.settle()
            if drawn(SENT.finditer(screen.sent), graphics):
                yield screen
                return
    raise AssertionError("no picture was ever drawn with these graphics")


@pytest.mark.usefixtures("configured")
@pytest.mark.parametrize("graphics", ["kitty", "sixel"])
@pytest.mark.parametrize("size", [(80, 24), (120, 36), (200, 50)])
def test_pictures_are_sent_whole_and_are_gone_on_leaving(graphics: str, size: tuple[int, int], tmp_path: Path) -> None:
    ten(tmp_path)
    config = paths().config_file
    config.write_text(f'images = "auto"\n{config.read_text()}')
    with reviewing(graphics, size) as screen:
        screen.press("   z")
        screen.sees("1:1")
        screen.press("z")
        screen.press("x")
        screen.reads("mask or edges")
        screen.press("1")
        screen.sees("rejected 1")
        screen.resize(size[0] + 10, size[1])
        screen.settle()
        screen.press("\x1b")
        screen.sees("[1 Jobs]")
        screen.settle()
        screen.press("q")
        ended = screen.wait()
    assert ended == 0, screen.sent[-500:]
    shown = drawn(pieces(bytes(screen.sent)), graphics)
    if graphics == "kitty":
        there: set[bytes] = set()
        for one in shown:
            keys = dict(pair.split(b"=") for pair in one["keys"].split(b","))
            if keys.get(b"a") == b"d":
                assert keys.get(b"d") == b"I"
                there.discard(keys[b"i"])
            else:
                there.add(keys[b"i"])
        assert not there
