"""The table of jobs: it knows the order of all of them by number, and the rows of those near the window.

A clock runs only while a row in sight shows passing time.
"""

from __future__ import annotations

import time
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from typing import ClassVar

from textual.binding import Binding, BindingType
from textual.message import Message
from textual.timer import Timer

from artui.model.job import Job
from artui.tui.columns import Column, Slot, fitted, layout
from artui.tui.line_list import LineList, file_fitted
from artui.tui.look import UNICODE, Glyphs, Width
from artui.tui.words import Row, RowContext, rate, say, short

COST = Column("Cost", 8, right=True)
COLUMNS = (
    Column("File"),
    Column("Workflow", 20, wanted_from=100),
    Column("Stage", 30, says=True),
    Column("Rate", 9, right=True, wanted_from=112),
    Column("In it", 7, right=True, wanted_from=Width.NORMAL),
    COST,
    Column("Account", 12, right=True, wanted_from=124),
)
"""The file never has fewer than 30 cells in a table of 80 or more."""
NARROW_COLUMNS = tuple(replace(one, cells=28) if one.says else one for one in COLUMNS)
PANED_COLUMNS = tuple(replace(one, wanted_from=0) for one in COLUMNS if one.title in ("File", "Stage", "In it", "Cost"))
"""Beside a pane, which tells the rest."""
BRIEF_COLUMNS = tuple(replace(one, cells=14) if one.says else one for one in PANED_COLUMNS if one.title != "In it")
TINY_COLUMNS = tuple(one for one in BRIEF_COLUMNS if one.title != "Cost")
TINY_BELOW = 48
"""Cells of a table that is a pane itself."""
BRIEF_BELOW = 70
"""Cells of a table beside a pane in which the stages say less."""

MARKS = 3
"""Cells before the columns: a mark and the sign."""


def columns(cells: int, *, beside_pane: bool = False) -> list[Slot]:
    """The columns of a table so wide; one cell at its right stays free."""
    if beside_pane:
        there = PANED_COLUMNS if cells >= BRIEF_BELOW else BRIEF_COLUMNS if cells >= TINY_BELOW else TINY_COLUMNS
    else:
        there = COLUMNS if cells >= Width.NORMAL else NARROW_COLUMNS
    return layout(there, cells, MARKS, 1)


class JobTable(LineList[int, Row]):
    """A table over any number of jobs, with a cursor that stays on its job and marks that survive every filter."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("enter", "open", "details", tooltip="All about this job, and what can be done"),
    ]
    COMPONENT_CLASSES: ClassVar[set[str]] = {
        "lines--needs-you", "lines--active", "lines--queued", "lines--in-qa", "lines--saved", "lines--ended",
    }  # fmt: skip
    DEFAULT_CSS = """
    JobTable > .lines--needs-you { color: $error; }
    JobTable > .lines--active { color: $primary; }
    JobTable > .lines--queued { color: $quiet; }
    JobTable > .lines--in-qa { color: $accent; }
    JobTable > .lines--saved { color: $success; }
    JobTable > .lines--ended { color: $quiet; }
    """

    class Marked(Message):
        """Other jobs are marked."""

    def __init__(self, glyphs: Glyphs = UNICODE, *, id: str | None = None) -> None:  # noqa: A002 — as Textual
        super().__init__(glyphs, id=id)
        self.marked: set[int] = set()
        self.around = RowContext()
        self.beside_pane = False
        self._jobs: Mapping[int, Job] = {}
        self._clock: Timer | None = None

    # ---------------------------------------------------------------------------------------------- what it shows

    def put_rows(self, jobs: Mapping[int, Job], around: RowContext) -> None:
        """Take in the rows near the window, as they are now; what says something else is repainted."""
        self._jobs = jobs
        self.put_around(around)

    def put_around(self, around: RowContext) -> None:
        """Take in what the rows depend on beside their jobs."""
        self.around = around
        self.restate()

    def restate(self) -> None:
        """Say every row in sight anew, and wake up again when one says something else by itself."""
        super().restate()
        self._wind_clock()

    @property
    def order(self) -> Sequence[int]:
        """The numbers of all jobs shown, in order."""
        return self.items

    def near(self) -> Sequence[int]:
        """The jobs in sight and a page to either side."""
        page, top = max(1, self.size.height), self.scroll_offset.y
        return self.items[max(0, top - page) : top + 2 * page]

    @property
    def job(self) -> Job | None:
        """The job under the cursor, None where its row is not here yet."""
        return self._jobs.get(self.current or 0)

    def mark(self, numbers: Iterable[int], *, on: bool | None = None) -> None:
        """Mark jobs, take marks away, or with None turn each around."""
        for number in numbers:
            wanted = number not in self.marked if on is None else on
            (self.marked.add if wanted else self.marked.discard)(number)
        self.refresh()
        self.post_message(self.Marked())

    def look_around(self) -> None:
        """Ask for the rows in sight that are not here, and wind the clock for those that are."""
        if any(number not in self._jobs for number in self.sight):
            self.post_message(self.Wanted())
        self._wind_clock()

    # --------------------------------------------------------------------------------------------------- painting

    def say(self, item: int) -> Row | None:
        """A job in words."""
        job = self._jobs.get(item)
        return say(job, self.around, self.glyphs, time.time()) if job else None

    def pieces(self, item: int, row: Row | None) -> Iterable[tuple[str, str]]:
        """Mark and sign, then the columns."""
        yield self.glyphs.marked if item in self.marked else " ", ""
        if row is None:
            return
        kind = row.group.value.replace(" ", "-").lower()
        yield f"{row.sign} ", kind
        job, moving, ellipsis = self._jobs[item], self.around.moving.get(item), self.glyphs.ellipsis
        said = {
            "Stage": row.brief if self.is_brief else row.stage,
            "In it": row.time,
            "Cost": short(row.cost, COST.cells - 1),
            "Account": job.account,
            "Workflow": job.workflow_name,
            "Rate": rate(moving.rate) if moving and moving.rate else "",
        }
        kinds = {"Cost": "", "Stage": kind}
        for slot in self.slots():
            if slot.title == "File":
                yield file_fitted(job.source.parent.name, job.source.name, slot.cells - 2, ellipsis) + "  ", ""
            else:
                yield fitted(said[slot.title], slot, ellipsis), kinds.get(slot.title, "quiet")

    @property
    def is_brief(self) -> bool:
        """Whether the stages say less, for want of room."""
        return self.beside_pane and self.size.width < BRIEF_BELOW

    def slots(self) -> list[Slot]:
        """Its columns."""
        return columns(self.size.width, beside_pane=self.beside_pane)

    def put_beside(self, *, pane: bool) -> None:
        """Stand beside a pane, or alone."""
        if pane is not self.beside_pane:
            self.beside_pane = pane
            self.refresh()

    def cells_that_differ(self, before: Row | None, row: Row | None) -> tuple[int, int]:
        """All cells, those from the stage on where only it has changed, or those of the time."""
        start, end = super().cells_that_differ(before, row)
        if not (before and row) or (before.sign, before.group, before.file) != (row.sign, row.group, row.file):
            return start, end
        there = {slot.title: slot for slot in self.slots()}
        if (before.stage, before.cost) == (row.stage, row.cost) and "In it" in there:
            return there["In it"].start, there["In it"].end
        return there["Stage"].start, end

    def _wind_clock(self) -> None:
        """Wake up when a row in sight says something else by itself; never for rows that stand still."""
        if self._clock:
            self._clock.stop()
            self._clock = None
        rows = (self._rows.get(number) for number in self.sight)
        pulses = [row.pulse for row in rows if row and row.pulse is not None]
        if pulses and self.is_mounted:
            self._clock = self.set_timer(min(pulses), self.restate)
