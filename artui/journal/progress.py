"""Bytes of the transfers under way: counted in memory, shown to other processes by one small file."""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

from artui.config.private import open_private, read_private


@dataclass(slots=True)
class Transfer:
    """One transfer: ``way`` is ``up`` or ``down``, ``total`` None where the service did not say."""

    way: str
    moved: int
    total: int | None


class ProgressBoard:
    """The running transfers of this process."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self._running: dict[int, Transfer] = {}
        self._written = ""

    @contextmanager
    def track(self, job: int, way: str, total: int | None) -> Iterator[Callable[[int], None]]:
        """Count one transfer; the yielded function is told the bytes moved so far."""
        transfer = self._running[job] = Transfer(way, 0, total)

        def counted(moved: int) -> None:
            transfer.moved = moved

        try:
            yield counted
        finally:
            self._running.pop(job, None)

    def publish(self) -> None:
        """Rewrite the file where anything changed. A full disk costs only the display."""
        text = json.dumps({job: [t.way, t.moved, t.total] for job, t in self._running.items()})
        if text == self._written:
            return
        part = self.path.with_suffix(".part")
        with suppress(OSError):
            part.unlink(missing_ok=True)  # what a killed process left, or whatever else stands there
            descriptor = open_private(part, os.O_WRONLY | os.O_CREAT | os.O_EXCL)
            with os.fdopen(descriptor, "w", encoding="utf-8") as file:
                file.write(text)
            part.replace(self.path)
            self._written = text  # only once it is there: a full disk is tried again with the next change


def read(path: Path) -> dict[int, Transfer]:
    """What another process wrote; empty where there is nothing readable."""
    try:
        return {int(job): Transfer(*values) for job, values in json.loads(read_private(path)).items()}
    except (OSError, ValueError, TypeError, AttributeError):
        return {}
