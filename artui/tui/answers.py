"""What the terminal answers to a question about itself: which ground it has (OSC 11). It is asked once, while the
console starts; whatever comes, and however late, is never taken for typed keys."""

from __future__ import annotations

import re
import time
from collections.abc import Iterable, Mapping

from textual._xterm_parser import XTermParser
from textual.drivers import linux_driver
from textual.message import Message

QUESTION = "\x1b]11;?\x1b\\"

COUNTS_FOR = 1.0
"""Seconds after which an answer changes nothing any more: a person is reading by then."""

AWAITED_FOR = 10.0
"""Seconds for which the beginning of an answer may be all that has come."""

HELD_FOR = 0.2
"""Seconds for which what may be the beginning of an answer is kept from being taken for keys."""

# OSC answers, those in device control and application strings, and what a terminal says it can do.
_ANSWER = re.compile(r"\x1b\](\d+);([^\x07\x1b]*)(?:\x07|\x1b\\)|\x1b[P_][^\x1b]*\x1b\\|\x1b\[\?[\d;]*c")
_BEGUN = re.compile(r"\x1b(?:\](?:\d+(?:;[^\x07\x1b]*)?\x1b?)?|[P_][^\x1b]*\x1b?|\[\?[\d;]*)\Z")
_COLOUR = re.compile(r"rgba?:([0-9a-fA-F]{1,4})/([0-9a-fA-F]{1,4})/([0-9a-fA-F]{1,4})(?:/[0-9a-fA-F]{1,4})?")


class GroundTold(Message):
    """The terminal has said whether its ground is light; ``after`` so many seconds."""

    def __init__(self, *, is_light: bool, after: float) -> None:
        super().__init__()
        self.is_light = is_light
        self.after = after


def may_be_asked(environ: Mapping[str, str]) -> bool:
    """Whether this terminal takes such a question without showing it."""
    return environ.get("TERM", "") not in ("", "dumb", "linux", "vt100", "vt220")


def is_light(colour: str) -> bool | None:
    """Whether a colour, as terminals tell them, is a light one; None for what is no colour."""
    found = _COLOUR.fullmatch(colour)
    if found is None:
        return None
    red, green, blue = (int(part, 16) / (16 ** len(part) - 1) for part in found.groups())
    return bool(0.2126 * red + 0.7152 * green + 0.0722 * blue > 0.5)


class Keyboard(XTermParser):
    """What the terminal sends, without its answers."""

    asked_at = float("-inf")
    """When the ground was asked for; monotonic."""

    def __init__(self, debug: bool = False) -> None:
        super().__init__(debug)
        self._held, self._held_at = "", 0.0

    def feed(self, data: str) -> Iterable[Message]:
        """Take in what has come."""
        if not data:  # it has ended
            yield from super().feed(data)
            return
        data, self._held = self._held + data, ""
        begun = _BEGUN.search(data)
        if begun is None and data.endswith("\x1b") and time.monotonic() - self.asked_at < AWAITED_FOR:
            self._held = "\x1b"
        elif begun is not None:
            self._held = begun[0]
        if self._held:
            data, self._held_at = data[: -len(self._held)], time.monotonic()
        at = 0
        for answer in _ANSWER.finditer(data):
            yield from self._typed(data[at : answer.start()])
            at = answer.end()
            if answer[1] == "11" and (light := is_light(answer[2])) is not None:
                yield GroundTold(is_light=light, after=time.monotonic() - self.asked_at)
        yield from self._typed(data[at:])

    def tick(self) -> Iterable[Message]:
        """Let go what was no beginning of an answer."""
        if self._held and time.monotonic() - self._held_at > HELD_FOR:
            held, self._held = self._held, ""
            yield from self._typed(held)
        yield from super().tick()

    def _typed(self, text: str) -> Iterable[Message]:
        return super().feed(text) if text else ()


class ConsoleDriver(linux_driver.LinuxDriver):
    """The terminal of a console; where that is to tell its ground, it is asked as soon as it listens."""

    def start_application_mode(self) -> None:
        """Take the terminal."""
        super().start_application_mode()  # type: ignore[no-untyped-call]
        if getattr(self._app, "asks_ground", False) and Keyboard.asked_at < 0:
            Keyboard.asked_at = time.monotonic()
            self.write(QUESTION)
            self.flush()

    def run_input_thread(self) -> None:
        """Read what is typed."""
        # Textual names no other way to what reads its keys.
        vars(linux_driver)["XTermParser"] = Keyboard
        super().run_input_thread()
