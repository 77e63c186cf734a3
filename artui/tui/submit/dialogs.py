"""What is typed in dialogs: paths with their completion."""

from __future__ import annotations

import asyncio
import os
from pathlib import Path

from textual.suggester import Suggester

from artui.config.ignoring import USUAL


class Folders(Suggester):
    """Completes a path by the first folder that begins so."""

    def __init__(self) -> None:
        super().__init__(use_cache=False, case_sensitive=True)

    async def get_suggestion(self, value: str) -> str | None:
        """The path with its last part completed; None where there is no such folder."""
        return await asyncio.to_thread(completed, value)


def completed(typed: str) -> str | None:
    """A typed path with its last part completed by the first folder of that beginning. Blocks."""
    above, slash, begun = typed.rpartition("/")
    if not slash and not typed.startswith("~"):
        return None
    try:
        with os.scandir(Path(f"{above}/").expanduser()) as entries:
            names = [
                entry.name
                for entry in entries
                if entry.name.startswith(begun)
                and Path(entry.path).is_dir()  # of a link that leads nowhere this says no, and raises nothing
                and (begun or not USUAL.why(entry.name, is_folder=True))
            ]
    except (OSError, RuntimeError, ValueError):
        return None
    printable = [name for name in names if name.isprintable()]
    return f"{above}/{min(printable)}/" if printable else None


def absolute(typed: str) -> str:
    """A typed path from the root on. Links and templates in it stay as they were typed."""
    return os.path.abspath(os.path.expanduser(typed))  # noqa: PTH100, PTH111
