"""What pages, dialogs and helpers know of the console they are shown in.

``tui.app`` is that console; nothing but the command line imports it.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Coroutine, Sequence
from typing import TYPE_CHECKING, Any, ClassVar, Literal, Protocol, TypeVar, cast

from textual.app import ScreenStackError
from textual.css.query import NoMatches
from textual.dom import DOMNode, NoScreen

if TYPE_CHECKING:
    from textual.geometry import Size
    from textual.screen import Screen, ScreenResultCallbackType
    from textual.signal import Signal
    from textual.widget import Widget
    from textual.worker import Worker

    from artui.config import Config, Paths
    from artui.core.actions import Action
    from artui.journal import Journal
    from artui.tui.look import Glyphs
    from artui.tui.news import News
    from artui.tui.pane_shape import PaneShape
    from artui.tui.view import Look, View

Answer = TypeVar("Answer")


class Host(Protocol):
    """The console over one journal."""

    paths: Paths
    config: Config
    """The settings as they were read last; what is set here holds everywhere in the console."""
    account: str | None
    """The account in use, None where there is none."""
    glyphs: Glyphs
    readonly: bool
    """Whether nothing may be changed here."""
    demo: bool
    """Whether engine and service end with this console."""
    journal: Journal
    view: View
    """Who reads the journal for the screens."""
    look: Look
    """What was seen last."""
    looked: Signal[Look]
    """Published after each look that has shown something new."""
    news: News
    panes: PaneShape
    """How the panes beside the lists stand."""

    @property
    def size(self) -> Size:
        """The cells of the terminal."""

    def notify(
        self, message: str, *, severity: Literal["information", "warning", "error"] = ..., markup: bool = ...
    ) -> None:
        """Show a toast."""

    def push_screen(
        self, screen: Screen[Answer], callback: ScreenResultCallbackType[Answer] | None = None
    ) -> Awaitable[object]:
        """Show a screen above the others; what it gives is passed on to ``callback``."""

    async def ask(self, dialog: Screen[Answer]) -> Answer | None:
        """Show a dialog and wait for what it gives; only in a worker, beside what happens on the screen."""

    async def open_page(self, key: str, *, alone: bool = False) -> Widget:
        """Show the page behind a digit, with ``alone`` nothing above it; returns that page."""

    async def decide(self, agreed: Sequence[Action]) -> list[int]:
        """Leave requests for what a person has agreed to, and see to it that an engine runs; returns their numbers."""

    async def start_engine(self) -> None:
        """Have an engine run, in the background where none does."""

    def soon(self, work: Coroutine[Any, Any, Any]) -> None:
        """Run something beside what happens on the screen, whatever becomes of that screen."""


class Hosted(DOMNode):
    """A screen or page of the console: it knows its host, and in a console that only reads has no keys that change
    anything."""

    changes: ClassVar[frozenset[str]] = frozenset()
    """The actions that change anything: ``--readonly`` takes their keys away."""

    @property
    def host(self) -> Host:
        """The console it is shown in."""
        return cast("Host", self.app)

    @property
    def is_whole(self) -> bool:
        """Whether its parts are there: it may be left while something is read for it, and they go one by one."""
        return self.app.is_running and self.is_attached and not self._pruning and bool(self.children)

    def call_after_refresh(self, callback: Callable[..., Any], *args: Any, **kwargs: Any) -> bool:
        """As Textual does, but not where the parts it is about have gone meanwhile."""
        return super().call_after_refresh(lambda: callback(*args, **kwargs) if self.is_whole else None)

    def run_worker(self, work: Any, *args: Any, **kwargs: Any) -> Worker[Any]:
        """As Textual does; what the work draws on parts that have gone meanwhile is no defect."""

        async def run() -> Any:
            try:
                return await (work() if callable(work) else work)
            except (NoMatches, NoScreen, ScreenStackError):
                if self.is_whole:
                    raise

        return super().run_worker(run, *args, **kwargs)

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:
        """Take the keys that change anything away from a console that only reads."""
        del parameters
        return not (action in self.changes and self.host.readonly)
