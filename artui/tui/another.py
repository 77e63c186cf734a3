"""Photos of jobs, or what they became, as a new order: Submit opens with them marked."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Protocol, cast

from artui.model.job import Job
from artui.tui.dialogs import Choice, No, Question
from artui.tui.pages import SUBMIT
from artui.tui.words import plural

if TYPE_CHECKING:
    from artui.tui.host import Host


class TakesFiles(Protocol):
    """Begins an order with files chosen elsewhere."""

    def take_files(self, paths: Sequence[Path], /) -> None:
        """Mark them, and them alone."""


async def another_workflow(host: Host, jobs: Sequence[Job]) -> None:
    """Begin an order for the photos of these jobs, or for what they became, with another workflow."""
    sources = list(dict.fromkeys(job.source for job in jobs))
    saved = (result.path for job in jobs if job.status.final for result in job.results)
    results = list(dict.fromkeys(Path(path) for path in saved if path))
    if not jobs:
        host.notify("No job is chosen.", markup=False)
        return

    async def chosen(paths: Sequence[Path] | None) -> None:
        if paths:
            await _begin_order(host, paths)

    if not results:
        await _begin_order(host, sources)
        return
    were = "it was" if len(sources) == 1 else "they were"
    choices = (
        No("nothing"),
        Choice("p", f"the {plural(len(sources), 'photo')} as {were} sent", sources, by_enter=True),
        Choice("r", f"the {plural(len(results), 'result')}", results, by_enter=True),
    )
    lines = ["Submit opens with them marked; it shows the price, and asks before anything is sent."]
    host.push_screen(Question("What goes to another workflow?", lines, choices), chosen)


async def _begin_order(host: Host, paths: Sequence[Path]) -> None:
    there = await asyncio.to_thread(lambda: [path for path in paths if path.is_file()])
    if len(there) < len(paths):
        host.notify(f"{plural(len(paths) - len(there), 'file')} no longer there.", severity="warning", markup=False)
    if there:
        cast("TakesFiles", await host.open_page(SUBMIT.key, alone=True)).take_files(there)
