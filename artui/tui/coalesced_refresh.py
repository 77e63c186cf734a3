"""Keeping what a screen has read up with the news: one reading at a time, and once more for what came meanwhile."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Any

from textual.dom import DOMNode
from textual.worker import Worker


class CoalescedRefresh:
    """A reading that is asked for with every piece of news, run beside the screen by the widget it belongs to.

    A reading under way is let run to its end, and done once more where it was asked for again meanwhile: however often
    that is, each one ends and the last one knows all. What a newer wish makes pointless, which is better given up, is
    for :meth:`artui.tui.page.Page.run_latest`.
    """

    def __init__(self, owner: DOMNode, read: Callable[[], Awaitable[Any]]) -> None:
        self._owner = owner
        self._read = read
        self._wanted = False
        self._worker: Worker[None] | None = None

    def ask(self) -> None:
        """Have it read soon."""
        self._wanted = True
        if self._worker is None or self._worker.is_finished:
            self._worker = self._owner.run_worker(self._run)

    @property
    def is_under_way(self) -> bool:
        """Whether anything that was asked for is still to be read."""
        return self._worker is not None and not self._worker.is_finished

    async def is_done(self) -> None:
        """Wait until all that was asked for has been read."""
        if self._worker is not None:
            await self._worker.wait()

    async def _run(self) -> None:
        while self._wanted:
            self._wanted = False
            await self._read()
