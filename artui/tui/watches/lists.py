"""The lists of a rule beside its jobs: files it has not taken, by reason or one by one, and its log, in columns."""

from __future__ import annotations

import time
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any, ClassVar

from textual.binding import Binding, BindingType

from artui.core.finding import Fields, SortKey
from artui.journal.rules import Happening, RuleRow, RuleState
from artui.journal.watching import FileGroup, NotTaken
from artui.model.states import Status
from artui.model.watching import Skip
from artui.sanitize import beginning, sanitize
from artui.tui.columns import Column, Slot, fitted, layout
from artui.tui.line_list import LineList
from artui.tui.watches import reasons
from artui.tui.words import clock

GROUPS = (Column("Why", 30), Column("Files", 8, right=True), Column("The newest", gap=2))
FILES = (Column("When", 8), Column("File", 26), Column("What is said", gap=2))
LOG = (Column("When", 8), Column("What happened"))


def fields(columns: Sequence[Column]) -> Fields[ListLine]:
    """By what lines in these columns are found and sorted."""
    orders = (
        SortKey(column.title.lower(), "from the end", partial(_by, place)) for place, column in enumerate(columns)
    )
    return Fields(lambda line: (*line.texts, line.says), orders=tuple(orders))


def _by(place: int, line: ListLine) -> Any:
    return line.by[place]


@dataclass(frozen=True, slots=True)
class ListLine:
    """One line of a list: its texts, what it is about (an identity for the cursor), all of it in words, and the job it
    leads to; ``by`` is what each column is sorted by."""

    key: object
    texts: tuple[str, ...]
    by: tuple[Any, ...]
    says: str = ""
    job: int | None = None
    kind: str = ""


class ToldList(LineList[ListLine, ListLine]):
    """Lines in columns, of which the last one takes what the others leave."""

    BINDINGS: ClassVar[list[BindingType]] = [Binding("enter", "open", "open", tooltip="All about this line")]
    COMPONENT_CLASSES: ClassVar[set[str]] = {"lines--bad"}
    DEFAULT_CSS = """
    ToldList > .lines--bad { color: $error; }
    """
    columns: Sequence[Column] = ()

    @property
    def slots(self) -> list[Slot]:
        """The columns at this width."""
        return layout(self.columns, self.size.width, 1, 1)

    def say(self, item: ListLine) -> ListLine:
        """A line is its words already."""
        return item

    def pieces(self, item: ListLine, row: ListLine | None) -> Iterable[tuple[str, str]]:
        """Each text in its column, the first one plain."""
        del row
        yield " ", ""
        *most, (slot, last) = zip(self.slots, item.texts, strict=True)
        for before, text in most:
            yield fitted(text, before, self.glyphs.ellipsis), "" if before.index else item.kind
        # The last one is a sentence or a list: what begins it says most.
        gap = slot.column.gap
        yield " " * gap + beginning(last, slot.cells - gap), "quiet" if len(most) > 1 else ""

    def place_of(self, item: ListLine) -> int | None:
        """The line about the same thing, whatever it says now."""
        return next((place for place, one in enumerate(self.items) if one.key == item.key), None)


def group_lines(row: RuleRow | None, groups: Sequence[FileGroup]) -> list[ListLine]:
    """Why files were not taken, a line for each reason; where the folder is not there, the first line says so."""
    lines = []
    if row is not None and row.state is RuleState.OFFLINE:
        why = reasons.offline(f"{beginning(row.message, 200)}.")
        texts = (why.word, "-", beginning(row.message, 200))
        lines.append(ListLine("offline", texts, (why.word, 0, ""), why.advice, kind="bad"))
    for one in groups:
        why = reasons.why(one)
        names = ", ".join(sanitize(name, 40) for name in one.newest)
        # What is said of the newest one stands for all: a photo's own name is in it where there is only this one.
        says = " ".join(part for part in (beginning(one.message, 200), why.advice) if part)
        harmless = (
            one.passing or one.reason in (Skip.BEFORE_THE_RULE, Skip.ONLY_METADATA) or one.status == Status.SKIPPED
        )
        kind = "" if harmless else "bad"
        by = (why.word, one.count, names)
        lines.append(ListLine(key_of(one), (why.word, f"{one.count:,}", names), by, says, kind=kind))
    return lines


def key_of(group: FileGroup) -> object:
    """What the line of a group is about."""
    return group.reason, group.status, group.passing


def file_lines(files: Sequence[NotTaken]) -> list[ListLine]:
    """The files of one reason."""
    now = time.time()
    return [
        ListLine(
            (one.name, one.job),
            (clock(one.at, now) if one.at else "-", sanitize(one.name), _said(one)),
            (one.at, one.name, _said(one)),
            f"{sanitize(one.name)}: {_said(one) or 'passed over by the last look'}",
            one.job,
        )
        for one in files
    ]


def _said(one: NotTaken) -> str:
    """What is said of a file, without its name before it; printable."""
    return sanitize(one.message.removeprefix(Path(one.name).name).lstrip(": "), 400)


def log_lines(log: Sequence[Happening]) -> list[ListLine]:
    """What happened with the rule."""
    now, lines = time.time(), []
    for one in log:
        text = sanitize(one.message or one.what)
        says = f"{time.ctime(one.at)}  {sanitize(one.what)}: {text}"
        lines.append(ListLine(one.seq, (clock(one.at, now), text), (one.at, text), says))
    return lines
