"""One rule over the whole screen: the photos it has taken, the files it has not and why, and its log."""

from __future__ import annotations

import time
from array import array
from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar, cast

from textual import events
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.content import Content
from textual.widgets import ContentSwitcher, Static

from artui.core.finding import filter_from
from artui.journal import Connection, rules, watching, window
from artui.journal.rules import Happening
from artui.journal.watching import FileGroup, NotTaken
from artui.journal.window import SortOrder
from artui.model.job import Job
from artui.sanitize import beginning, sanitize, width
from artui.tui.coalesced_refresh import CoalescedRefresh
from artui.tui.columns import Column, heads
from artui.tui.dialogs import TextDialog
from artui.tui.filter_line import FilterLine
from artui.tui.job_details import DetailsScreen
from artui.tui.job_table import JobTable, columns
from artui.tui.jobs_page import JobsWanted
from artui.tui.line_list import LineList
from artui.tui.list_screen import ListScreen
from artui.tui.narrowing import Narrowed, Narrowing, Wanted
from artui.tui.shell import Keys, Line
from artui.tui.view import Look
from artui.tui.watches import deciding, reasons, standing
from artui.tui.watches.lists import (
    FILES,
    GROUPS,
    LOG,
    ListLine,
    ToldList,
    fields,
    file_lines,
    group_lines,
    key_of,
    log_lines,
)
from artui.tui.watches.standing import RuleStatus
from artui.tui.words import RowContext

MOST_FILES, MOST_LINES = 1000, 1000
"""The newest files of a group and lines of a log that are shown."""

OF_GROUP = "files"
"""The files of one group, in the place of all groups."""
CHIPS = ("taken", "not-taken", "rejected", "log")


@dataclass(frozen=True, slots=True)
class RuleRead:
    """What one reading gives; ``order`` holds the jobs of the rule that are shown, ``jobs`` those near the window."""

    standing: RuleStatus
    order: array[int]
    jobs: dict[int, Job]
    around: RowContext
    groups: list[FileGroup]
    files: list[NotTaken]
    rejected: list[NotTaken]
    log: list[Happening]

    @property
    def taken(self) -> int:
        """How many jobs the rule has in all."""
        figures = self.standing.figures
        return sum(figures.counted) if figures else 0


class RuleScreen(ListScreen[None]):
    """Taken, not taken, rejected, log of one rule."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("escape,q", "back", "back", tooltip="Back to the rules"),
        Binding("left", "chip(-1)", show=False, tooltip="The list before: taken, not taken, rejected, log"),
        Binding("right", "chip(1)", show=False, tooltip="The next list: taken, not taken, rejected, log"),
        Binding("b", "review", "review", tooltip="Look through the saved results of this rule"),
        Binding("P", "pause", "pause", tooltip="Pause this rule, or let it go on"),
        Binding("plus", "allow", "allow", tooltip="Allow this rule more credits, until midnight"),
        Binding("u", "undo", "take back", tooltip="This result is not rejected after all; its file goes back"),
        Binding("R", "look", "look", tooltip="Look at the folder now"),
        *Narrowed.NARROW,
    ]
    CSS = """
    RuleScreen #state { color: $quiet; }
    RuleScreen ContentSwitcher { height: 1fr; }
    RuleScreen #here { color: $foreground; height: 2; padding: 0 1; }
    """
    changes = frozenset({"pause", "allow", "look", "undo"})

    def __init__(self, one: RuleStatus) -> None:
        super().__init__()
        self.standing = one
        self.group: FileGroup | None = None
        """The group whose files are shown instead of all groups."""
        self._taken = JobsWanted(SortOrder.NEWEST)
        self._told = {
            name: Narrowing(fields(columns))
            for name, columns in (("not-taken", GROUPS), (OF_GROUP, FILES), ("rejected", FILES), ("log", LOG))
        }
        self.narrowing: Wanted = self._taken
        self._numbers: dict[str, int] = {}
        """How many lines each list has, whatever is typed."""
        self._page: RuleRead | None = None
        self._reading = CoalescedRefresh(self, self._read)
        self._spans: list[tuple[int, int, str]] = []

    def compose(self) -> ComposeResult:
        """The rule, the chips, the lists, a sentence about the line under the cursor, the keys."""
        for name in ("title", "state", "chips"):
            yield Line(id=name)
        yield FilterLine(instead="#state", of="#lists > *")
        yield Line(id="heads")
        yield Static("", id="none", markup=False)
        with ContentSwitcher(initial="taken", id="lists"):
            yield JobTable(self.host.glyphs, id="taken")
            yield ToldList(self.host.glyphs, id="not-taken")
            yield ToldList(self.host.glyphs, id="rejected")
            yield ToldList(self.host.glyphs, id="log")
        yield Static("", id="here", markup=False)
        yield Keys()

    def on_mount(self) -> None:
        """Follow what is new, and begin."""
        self.host.looked.subscribe(self, self._looked)
        self._choose("taken")

    # ----------------------------------------------------------------------------------------------------- reading

    @property
    def chosen(self) -> str:
        """The list that is shown."""
        return self.query_one("#lists", ContentSwitcher).current or "taken"

    @property
    def _list(self) -> LineList[int, object] | ToldList:
        return cast("LineList[int, object] | ToldList", self.query_one(f"#{self.chosen}"))

    def _looked(self, look: Look) -> None:
        if look.wrote or look.moving:
            self.read()

    def read(self) -> None:
        """Read what is shown anew, in the view's thread."""
        self._reading.ask()

    async def _read(self) -> None:
        if not self.is_whole:
            return
        near, entry, group = tuple(self.query_one(JobTable).near()), self.standing.entry, self.group
        lines, settings = 2 * max(24, self.size.height), self.host.config
        taken = self._taken
        wanted = filter_from(taken.typed, None, ())._replace(rule=entry.id)
        is_watching = standing.is_watching(self.host.look.engine)

        def ask(db: Connection) -> RuleRead:
            one = standing.read(db, [entry], settings, watching=is_watching)[0]
            order = window.order(db, wanted, taken.by, turned=taken.turned)
            found = window.some(db, [*near, *order[:lines]])
            around = RowContext(usual=window.usual_times(db, found.values()), aside=window.asides(db))
            row = one.row
            groups = watching.groups(db, row) if row else []
            files = watching.files(db, row, group, MOST_FILES) if row and group else []
            bad, log = watching.rejected(db, entry.id, MOST_FILES), rules.happenings(db, entry.id, MOST_LINES)
            return RuleRead(one, order, found, around, groups, files, bad, log)

        page = await self.host.view.ask(ask)
        if self.is_whole:
            self._show(page)

    def _show(self, page: RuleRead) -> None:
        self._page, self.standing = page, page.standing
        table = self.query_one(JobTable)
        if page.order != table.order:
            table.put(page.order)
        table.put_rows(page.jobs, page.around.with_moving(self.host.look.moving))
        if self.group:
            self._put(OF_GROUP, FILES, file_lines(page.files))
        else:
            self._put("not-taken", GROUPS, group_lines(page.standing.row, page.groups))
        self._put("rejected", FILES, file_lines(page.rejected))
        self._put("log", LOG, log_lines(page.log))
        self.draw()

    def _put(self, name: str, columns: Sequence[Column], lines: Sequence[ListLine]) -> None:
        listed = self.query_one("#not-taken" if name == OF_GROUP else f"#{name}", ToldList)
        listed.columns = columns
        self._numbers[name] = len(lines)
        shown = self._told[name].of(lines)
        if shown != list(listed.items):
            listed.put(shown)

    def renarrow(self) -> None:
        """Other words are typed, or another order is wanted: only what was taken is sought in the journal."""
        if self.chosen == "taken" or self._page is None:
            self.read()
        else:
            self._show(self._page)

    # ----------------------------------------------------------------------------------------------------- drawing

    def draw(self) -> None:
        """Draw all lines around the lists."""
        one, glyphs, cells, now = self.standing, self.host.glyphs, self.app.size.width, time.time()
        self.query_one("#title", Line).say(f" {sanitize(standing.way(one.entry, glyphs), cells - 2, glyphs.ellipsis)}")
        parts = [standing.state(one, now), standing.did(one.figures) if one.figures else "", standing.cost(one)]
        number = self._page.taken if self._page and self.chosen == "taken" else self._numbers.get(self._front, 0)
        if narrowed := self.narrowing.said(len(self._list.items), number):
            parts = [parts[0], narrowed, ""]
        state = " · ".join(part for part in parts if part)
        if width(state) > cells - 2:
            state = f"{parts[0]} · {parts[2]}"
        self.query_one("#state", Line).say(f" {glyphs.plain(beginning(state, cells - 2, glyphs.ellipsis))}")
        self._draw_chips()
        listed = self._list
        if isinstance(listed, JobTable):
            slots, here = columns(cells), standing.sentence(one, now)
        else:
            told = cast("ToldList", listed)
            slots, here = told.slots, told.current.says if told.current else ""
        self.query_one("#heads", Line).say(heads(slots) if listed.items else "")
        empty = self.query_one("#none", Static)
        nothing = self.narrowing.none(number) if number else _NONE[self.chosen]
        empty.update("" if self._page is None else nothing)
        empty.display = not listed.items
        self.query_one("#here", Static).update(glyphs.plain(here))
        self.refresh_bindings()
        self.query_one(Keys).draw()

    def _draw_chips(self) -> None:
        page = self._page
        numbers = (page.taken, sum(one.count for one in page.groups), len(page.rejected)) if page else ()
        counts = [f" {number:,}" for number in numbers] or ["", "", ""]
        words = (f"Taken{counts[0]}", f"Not taken{counts[1]}", f"Rejected{counts[2]}", "Log")
        parts: list[str | tuple[str, str]] = []
        self._spans, at = [], 0
        for name, word in zip(CHIPS, words, strict=True):
            ahead = name == self.chosen
            text = f"[{word}]" if ahead else f" {word} "
            parts.append((text, "bold $primary") if ahead else text)
            self._spans.append((at, at + len(text), name))
            at += len(text)
        if self.group is not None and self.chosen == "not-taken":
            parts.append(f"  {reasons.why(self.group).word}: esc shows all reasons")
        else:
            parts.append(("  left and right change", "$quiet"))
        self.query_one("#chips", Line).say(Content.assemble(*parts))

    # ---------------------------------------------------------------------------------------------------- handlers

    def on_line_list_wanted(self) -> None:
        """The table needs rows that are not here."""
        self.read()

    def on_line_list_opened(self) -> None:
        """Show the job, the files of the group, or the whole line."""
        listed = self._list
        if isinstance(listed, JobTable):
            self.app.push_screen(DetailsScreen(listed.current or 0))
            return
        line = cast("ToldList", listed).current
        groups = self._page.groups if self._page else []
        group = next((one for one in groups if line and key_of(one) == line.key), None)
        if line is not None and line.job is not None:
            self.app.push_screen(DetailsScreen(line.job))
        elif self.chosen == "not-taken" and self.group is None and group is not None:
            self._open_group(group)
        elif line is not None:
            self.app.push_screen(TextDialog(sanitize(line.texts[0], 60), Content(line.says)))

    def on_click(self, event: events.Click) -> None:
        """A click on a chip."""
        if event.widget is self.query_one("#chips"):
            for start, end, name in self._spans:
                if start <= event.x < end:
                    self._choose(name)

    # ----------------------------------------------------------------------------------------------------- actions

    def _choose(self, name: str) -> None:
        self.query_one("#lists", ContentSwitcher).current = name
        self.set_focus(self._list)
        self._change()

    @property
    def _front(self) -> str:
        """The list that is shown, the files of a group apart from the groups."""
        return OF_GROUP if self.chosen == "not-taken" and self.group is not None else self.chosen

    def _change(self) -> None:
        """Another list is in front."""
        self.narrowing = self._taken if self.chosen == "taken" else self._told[self._front]
        self.draw()
        self.read()

    def _open_group(self, group: FileGroup | None) -> None:
        self.group = group
        self.query_one("#not-taken", ToldList).put([])
        self._change()

    def action_chip(self, by: int) -> None:
        """Another list."""
        self._choose(CHIPS[(CHIPS.index(self.chosen) + by) % len(CHIPS)])

    def action_pause(self) -> None:
        """Pause this rule, or let it go on."""
        self.host.soon(deciding.pause(self.host, self.standing))

    def action_allow(self) -> None:
        """More credits until midnight."""
        self.run_worker(deciding.allow(self.host, self.standing), exclusive=True, group="act")

    async def action_review(self) -> None:
        """Look through the saved results of this rule."""
        await deciding.review_results(self.host, self.standing)

    def action_look(self) -> None:
        """Look now."""
        self.run_worker(deciding.look_now(self.host, self.standing), exclusive=True, group="act")

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:
        """Only what is rejected can be taken back."""
        if action == "undo" and (not self.is_mounted or self.chosen != "rejected" or not self._list.items):
            return False
        return super().check_action(action, parameters)

    def action_undo(self) -> None:
        """Take the rejection under the cursor back."""
        line = cast("ToldList", self._list).current
        if line is not None and line.job is not None:
            self.run_worker(deciding.take_back(self.host, line.job), exclusive=True, group="act")

    def action_back(self) -> None:
        """Take the filter away; then from the files of a group to all groups; from there to the rules."""
        if self.widen():
            return
        if self.group is not None and self.chosen == "not-taken":
            self._open_group(None)
        else:
            self.dismiss(None)


_NONE = {
    "taken": "No photo was taken yet. What lands in the folder is taken once it is whole.",
    "not-taken": "Everything that lay in the folder at the last look was taken.",
    "rejected": "None. What a person rejects in Review, or moves to rejected/, is listed here.",
    "log": "Nothing has happened yet.",
}
