"""What the terminal answers about itself: it chooses the theme, once, and is never taken for what somebody types."""

from __future__ import annotations

import time

import pytest
from textual import events
from textual.message import Message

from artui.config import paths
from artui.tui import answers
from artui.tui.answers import GroundTold, Keyboard, is_light
from artui.tui.look import DARK, LIGHT
from tests.tui.desk import at_desk
from tests.tui.terminal import Terminal, terminal

WHITE, BLACK = "\x1b]11;rgb:ffff/ffff/f0f0", "\x1b]11;rgb:1010/1414/1818"
ENDS = ("\x07", "\x1b\\")


def told(messages: list[Message]) -> list[str | bool]:
    """The keys, and what was said of the ground."""
    return [
        one.is_light if isinstance(one, GroundTold) else one.key
        for one in messages
        if isinstance(one, (GroundTold, events.Key))
    ]


def heard(*pieces: str) -> list[str | bool]:
    keyboard = Keyboard()
    return told([message for piece in pieces for message in keyboard.feed(piece)])


@pytest.mark.parametrize("end", ENDS)
def test_an_answer_is_no_key_wherever_it_is_cut(end: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Keyboard, "asked_at", time.monotonic())
    whole = f"{WHITE}{end}"
    assert heard(f"a{whole}b") == ["a", True, "b"]
    assert heard(f"{BLACK}{end}") == [False]
    for at in range(1, len(whole)):
        assert heard("a" + whole[:at], whole[at:] + "b") == ["a", True, "b"], at
    assert heard(*whole, "x") == [True, "x"]


def test_other_answers_are_no_keys_either() -> None:
    assert heard("\x1b_Gi=31;OK\x1b\\", "\x1b[?62;4c", "\x1bP>|WezTerm\x1b\\", "\x1b]10;rgb:0/0/0\x07", "q") == ["q"]


def test_what_people_type_arrives(monkeypatch: pytest.MonkeyPatch) -> None:
    for asked in (float("-inf"), time.monotonic()):
        monkeypatch.setattr(Keyboard, "asked_at", asked)
        for typed, key in (("\x1b", "escape"), ("\x1b]", "right_square_bracket"), ("\x1bP", "alt+shift+p")):
            keyboard = Keyboard()
            found = list(keyboard.feed(typed))
            deadline = time.monotonic() + 5
            while not found and time.monotonic() < deadline:
                time.sleep(0.01)
                found = list(keyboard.tick())
            assert told(found) == [key]
    assert heard("\x1b[A", "\x1b[27u", "\x1b[<0;3;4M", "j") == ["up", "escape", "j"]


@pytest.mark.parametrize(
    ("colour", "light"),
    [
        ("rgb:f/f/f", True),
        ("rgb:00/2b/36", False),
        ("rgba:ffff/ffff/ffff/ffff", True),
        ("rgb:gg/0/0", None),
        ("", None),
    ],
)
def test_a_colour_is_light_or_dark_in_every_spelling(colour: str, light: bool | None) -> None:
    assert is_light(colour) is light


@pytest.mark.usefixtures("configured")
class TestAsked:
    def answered(self, screen: Terminal, text: str) -> None:
        screen.until(lambda: answers.QUESTION.encode() in screen.sent)
        screen.press(text)

    def ground(self, screen: Terminal) -> str:
        """The colour behind the header, as the terminal has it."""
        screen.read()
        return str(screen._screen.buffer[3][40].bg)

    def test_the_answer_chooses_the_theme_and_types_nothing(self) -> None:
        with terminal(environ={"COLORTERM": "truecolor"}) as screen:
            self.answered(screen, f"{WHITE}\x1b\\")
            screen.sees("[1 Jobs]")
            screen.until(lambda: self.ground(screen) == LIGHT.background.lstrip("#"))
            screen.press("q")
            assert screen.wait() == 0
            assert screen.sent.count(answers.QUESTION.encode()) == 1

    def test_a_late_answer_changes_and_types_nothing(self) -> None:
        with terminal(environ={"COLORTERM": "truecolor"}) as screen:
            screen.sees("[1 Jobs]")
            begun = time.monotonic()
            while time.monotonic() - begun < 1.2 * answers.COUNTS_FOR:
                screen.read(0.05)
            screen.press("/")
            screen.sees("esc keeps")
            screen.press(f"bo{WHITE}\x07ot")
            screen.sees("boot")
            assert "rgb" not in screen.text
            assert self.ground(screen) == DARK.background.lstrip("#")

    def test_who_has_set_a_theme_is_not_asked_about(self) -> None:
        with paths().config_file.open("r+") as config:
            text = config.read()
            config.seek(0)
            config.write(f'theme = "dark"\n{text}')
        with terminal() as screen:
            screen.sees("[1 Jobs]")
            assert answers.QUESTION.encode() not in screen.sent


@pytest.mark.anyio
@pytest.mark.usefixtures("configured")
async def test_a_choice_of_the_palette_goes_before_the_answer() -> None:
    async with at_desk() as desk:
        desk.console.post_message(GroundTold(is_light=True, after=0.1))
        await desk.until(lambda: desk.console.theme == LIGHT.name)
        await desk.console.run_action("theme")
        chosen = desk.console.theme
        desk.console.post_message(GroundTold(is_light=False, after=0.2))
        await desk.pilot.pause()
        assert desk.console.theme == chosen != DARK.name
