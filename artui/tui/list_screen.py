"""A list over the whole screen that is narrowed and sorted, with a line about what is under its cursor."""

from __future__ import annotations

from typing import TypeVar

from textual.widgets import Static

from artui.tui.above import Above
from artui.tui.narrowing import Narrowed
from artui.tui.shell import Line

Answer = TypeVar("Answer")


class ListScreen(Narrowed, Above[Answer]):
    """Such a screen: lines ``title``, ``heads`` and ``here`` around the list, ``none`` in the place of an empty one."""

    DEFAULT_CSS = """
    ListScreen #title { text-style: bold; }
    ListScreen #heads { color: $quiet; text-style: bold; }
    ListScreen #none { padding: 1 1; height: auto; }
    ListScreen #here { color: $quiet; }
    """

    def say_shown(self, whole: str, shown: int, number: int, nothing: str) -> None:
        """Say how many of the ``whole`` list are shown, and ``nothing`` where there are none."""
        none = self.query_one("#none", Static)
        none.display = not shown
        none.update(self.narrowing.none(number) if number else nothing)
        words = filter(None, [whole, self.narrowing.said(shown, number)])
        self.query_one("#title", Line).say(f" {f' {self.host.glyphs.dot} '.join(words)}")

    def on_resize(self) -> None:
        """Other widths."""
        self.call_after_refresh(self.draw)

    def on_line_list_moved(self) -> None:
        """The cursor is on another line."""
        self.draw()

    def action_back(self) -> None:
        """Take the filter away, then leave."""
        if not self.widen():
            self.dismiss(None)
