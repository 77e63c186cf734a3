"""What was bought of a workflow, as the service lists it: a line for each execution, with the job that bought it."""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence
from typing import ClassVar

from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.content import Content
from textual.widgets import Static

from artui.core import executions
from artui.core.executions import PastExecution
from artui.sanitize import sanitize
from artui.tui.columns import Column, heads
from artui.tui.dialogs import TextDialog
from artui.tui.filter_line import FilterLine
from artui.tui.job_details import DetailsScreen
from artui.tui.list_screen import ListScreen
from artui.tui.narrowing import Narrowed, Narrowing
from artui.tui.shell import Keys, Line
from artui.tui.watches.lists import ListLine, ToldList, fields
from artui.tui.words import amount, plural

COLUMNS = (
    Column("Begun", 17),
    Column("State", 14),
    Column("Charged", 8, right=True),
    Column("Bought by", 16, gap=2),
    Column("Photo", gap=1),
)


def line(one: PastExecution, zone: dt.tzinfo) -> ListLine:
    """An execution in its columns."""
    done = one.progress
    texts = (
        executions.began(done, zone)[:16], sanitize(done.state), amount(done.charged), sanitize(one.whose, 14),
        sanitize(done.name),
    )  # fmt: skip
    by = (done.created_at, texts[1], done.charged or 0, texts[3], texts[4])
    says = f"execution {sanitize(done.execution)}: {texts[1]}, {sanitize(done.word)}, bought by {texts[3]}"
    return ListLine(done.execution, texts, by, says, one.job)


class RunsScreen(ListScreen[None]):
    """The newest executions of a workflow."""

    BINDINGS: ClassVar[list[BindingType]] = [
        *Narrowed.NARROW,
        Binding("escape,q", "back", "back", tooltip="Back to the workflows"),
    ]

    def __init__(self, workflow: str, runs: Sequence[PastExecution], zone: dt.tzinfo) -> None:
        super().__init__()
        self.workflow = workflow
        self.lines = [line(one, zone) for one in runs]
        self.narrowing: Narrowing[ListLine] = Narrowing(fields(COLUMNS))

    def compose(self) -> ComposeResult:
        """The workflow, the list, all about the line under the cursor, the keys."""
        yield Line(id="title")
        yield FilterLine(instead="#title", of="#runs")
        yield Line(id="heads")
        yield Static("", id="none", markup=False)
        listed = ToldList(self.host.glyphs, id="runs")
        listed.columns = COLUMNS
        yield listed
        yield Line(id="here")
        yield Keys()

    def on_mount(self) -> None:
        """Show them all."""
        self.set_focus(self.query_one(ToldList))
        self.renarrow()

    def renarrow(self) -> None:
        """Show what fits now, in the order that is wanted now."""
        listed, number = self.query_one(ToldList), len(self.lines)
        listed.put(self.narrowing.of(self.lines))
        whole = f"{sanitize(self.workflow, 40)} {self.host.glyphs.dot} {plural(number, 'run')} at the service"
        self.say_shown(whole, len(listed.items), number, "The service has no execution of it.")
        self.draw()

    def draw(self) -> None:
        """Draw the lines around the list."""
        listed = self.query_one(ToldList)
        self.query_one("#heads", Line).say(heads(listed.slots) if listed.items else "")
        self.query_one("#here", Line).say(f" {listed.current.says if listed.current else ''}")
        self.query_one(Keys).draw()

    def on_line_list_opened(self) -> None:
        """Show the job that bought it, or all that is known."""
        one = self.query_one(ToldList).current
        if one is not None and one.job is not None:
            self.app.push_screen(DetailsScreen(one.job))
        elif one is not None:
            self.app.push_screen(TextDialog("An execution at the service", Content(one.says)))
