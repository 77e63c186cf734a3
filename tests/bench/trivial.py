"""A trivial Textual app: what a first paint and an idle screen cost at least."""

from __future__ import annotations

from textual.app import App, ComposeResult
from textual.widgets import Static


class Trivial(App[None]):
    """One line of text."""

    def compose(self) -> ComposeResult:
        """The line."""
        yield Static("IMG_painted")


if __name__ == "__main__":
    Trivial().run()
