"""Workflows of an account's own, which stand in its settings and not at the service: what there is to set, for a form.

A service that has such workflows says in ``own.py`` of its folder what they are made of. Whether one fits, its settings
alone decide, as for one that was written by hand.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, ClassVar

from artui.model.offers import Workflow

Values = Mapping[str, object]
"""What is set, by its key."""


@dataclass(frozen=True, slots=True)
class Knob:
    """One thing to set: one of ``choices``, a number from ``low`` to ``most`` in steps of ``step``, or a text where it
    has neither. ``letter`` is the key of its line; ``words`` puts a value into words; ``unset``: what holds where it is
    not set."""

    key: str
    title: str
    letter: str = ""
    choices: tuple[object, ...] = ()
    low: float = 0.0
    most: float = 0.0
    step: float = 0.0
    is_needed: bool = False
    words: Callable[[object], str] = str
    unset: str = "-"
    help: str = ""

    @property
    def is_number(self) -> bool:
        """Whether it is set by a number."""
        return self.step > 0

    def turned(self, value: object, way: int) -> object:
        """The value one step further on, or back with ``way`` -1; None where it is not set any more."""
        if self.choices:
            known = self.choices if self.is_needed else (None, *self.choices)
            place = known.index(value) if value in known else 0
            return known[(place + way) % len(known)]
        if not self.is_number:
            return value
        if value is None:
            return self._number(self.low + self.step) if way > 0 else None
        at = float(str(value)) + way * self.step
        if at < self.low - self.step / 2 and not self.is_needed:
            return None
        return self._number(max(self.low, min(at, self.most)))

    def typed(self, text: str) -> object:
        """What a typed text means, None for an empty one. Raises ValueError where a number is wanted and it is none."""
        text = text.strip()
        if not text:
            return None
        if not self.is_number:
            return text
        is_share = text.endswith("%")
        number = float(text.rstrip("% ").replace(",", "."))
        return self._number(number / 100 if is_share else number)

    def _number(self, number: float) -> object:
        number = round(float(number), 6)
        return int(number) if number.is_integer() else number


class OwnWorkflows(ABC):
    """What workflows of an account's own are made of at one service."""

    values: ClassVar[tuple[Knob, ...]]
    """What is set of a workflow as a whole."""
    steps: ClassVar[Mapping[str, tuple[Knob, ...]]] = {}
    """What can be done to a photo, by its name, and what is set of it; empty where the service alone knows."""
    presets: ClassVar[Mapping[str, Mapping[str, Any]]] = {}
    """Tables to begin with, by a word for each."""
    note: ClassVar[str] = ""
    """What a person should know about all of them, in half a line."""

    @abstractmethod
    def table(self, values: Values, steps: Mapping[str, Values]) -> dict[str, Any]:
        """A workflow as the settings have it, with these ``steps`` switched on."""

    @abstractmethod
    def parts(self, table: Mapping[str, Any]) -> tuple[dict[str, object], dict[str, dict[str, object]]]:
        """What is set in a workflow of the settings: its values, and those of its steps."""

    @abstractmethod
    def workflow(self, settings: Any, key: str) -> Workflow:
        """The workflow that checked settings of an account have under ``key``."""
