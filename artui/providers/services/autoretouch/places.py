"""Where executions stand in a list that shows the newest first, as far as that can be told without reading it."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from typing import Final

MARGIN: Final = 5
"""Entries by which a place is guessed too new: orders placed side by side may be listed the other way round."""


class Places:
    """The executions of one workflow, numbered as they were ordered; one that is above another has a higher number."""

    def __init__(self) -> None:
        self._newest = 0
        self._numbers: dict[str, int] = {}

    def add(self, execution: str) -> None:
        """Note an execution that was ordered just now: it stands above all others."""
        self._newest += 1
        self._numbers[execution] = self._newest

    def forget(self, execution: str) -> None:
        """Drop an execution that nobody looks for any more."""
        self._numbers.pop(execution, None)

    def learn(self, offset: int, listed: Sequence[str], sought: Collection[str]) -> None:
        """Take from a page, which begins at ``offset``, how many others have ordered, and where the sought ones are."""
        for place, execution in enumerate(listed, offset):
            if execution in self._numbers:
                # Whatever stands above a known one was ordered after it, by whomever.
                self._newest = self._numbers[execution] + place
                break
        for place, execution in enumerate(listed, offset):
            if execution in sought:
                self._numbers[execution] = self._newest - place

    def first(self, sought: Collection[str]) -> int:
        """The offset at which the newest of these probably is, or a little before it; 0 where none is known."""
        newest = max((self._numbers[one] for one in sought if one in self._numbers), default=self._newest)
        return max(0, self._newest - newest - MARGIN)
