"""The Watch screen: the rules with their folders, how each stands, what it did and spent today, and what can be done.

``written`` reads and saves rules, ``standing`` puts into words how one stands, ``reasons`` why files were not taken;
``form`` is a rule to fill in, ``rule_screen`` one rule with its ``lists`` of files, ``deciding`` the questions.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, ClassVar

from textual import work
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Horizontal, Vertical
from textual.content import Content
from textual.widgets import OptionList, Static

from artui.config import ConfigError
from artui.core.finding import Fields, SortKey
from artui.journal import Connection
from artui.sanitize import beginning, sanitize
from artui.tui.coalesced_refresh import CoalescedRefresh
from artui.tui.columns import Column, Slot, heads, layout, line
from artui.tui.dialogs import Ask
from artui.tui.filter_line import FilterLine
from artui.tui.look import Width
from artui.tui.meters import meter_bar
from artui.tui.narrowing import Narrowed, Narrowing
from artui.tui.panes import PanedPage
from artui.tui.rows import SIGN, Rows
from artui.tui.shell import Line
from artui.tui.submit.dialogs import Folders
from artui.tui.view import Look
from artui.tui.watches import deciding, form, standing, written
from artui.tui.watches.form import Form
from artui.tui.watches.rule_screen import RuleScreen
from artui.tui.watches.standing import RuleStatus
from artui.tui.watches.written import RuleEntry, RuleFile
from artui.tui.words import amount, clock, home, plural

if TYPE_CHECKING:
    from artui.tui.watches.today_pane import TodayPane

NO_RULES = (
    "No folder is watched. a adds one: folder, workflow, output, daily cap.\n"
    "On a server, `artui service install` keeps it running after you log out."
)
NO_RULES_READONLY = "No folder is watched, and this console only reads. A rule is a [[watch]] table in {file}."
NO_ACCOUNT = "Watching sends and pays, so it needs an account first: 5."

REST = 10
"""Reading the figures is followed by so many times its own duration of rest."""

LEAST_REST = 0.25

METER = 11
"""Cells of a cap's meter."""

MARGIN = 1
"""Cells after the columns."""

FROM_NORMAL, FROM_WIDE, FROM_FULL = Width.NORMAL - MARGIN, Width.WIDE - MARGIN, Width.FULL - MARGIN
"""The widths of the columns from which there is room for more of them."""

COLUMNS = (
    Column("Folder"),
    Column("Output", 30, wanted_from=FROM_FULL + 20),
    Column("Account", 12, wanted_from=FROM_FULL),
    Column("Workflow", 20, wanted_from=FROM_WIDE),
    Column("State", 21, says=True),
    Column("Waits", 6, right=True, wanted_from=FROM_NORMAL),
    Column("Taken", 7, right=True, wanted_from=FROM_WIDE),
    Column("Saved", 6, right=True, wanted_from=FROM_NORMAL),
    Column("Bad", 4, right=True, wanted_from=FROM_NORMAL),
    Column("", 13, gap=1, wanted_from=64),
    Column("Cap today", 12, right=True),
)
BESIDE_PANE = tuple(
    replace(one, wanted_from=min(one.wanted_from, 58) if one.title in ("Waits", "Saved", "Bad") else one.wanted_from)
    if one.title
    else replace(one, wanted_from=FROM_FULL)
    for one in COLUMNS
)
"""Beside a pane the numbers come before the meter, whose share they tell too."""

FIELDS: Fields[RuleStatus] = Fields(
    lambda one: (one.entry.name, f"{one.entry.folder} {one.entry.output} {one.workflow} {one.entry.account}"),
    named={
        "status": lambda one: standing.state(one, time.time()),
        "workflow": lambda one: one.workflow or one.entry.workflow,
        "account": lambda one: one.entry.account,
    },
    numbers={
        "waits": lambda one: one.waits,
        "saved": lambda one: one.saved,
        "bad": lambda one: one.bad,
        "spent": lambda one: one.spent,
    },
    orders=(
        SortKey("folder", "from Z", lambda one: str(one.entry.folder).casefold()),
        SortKey("state", "what is well first", lambda one: (not standing.needs_a_look(one), standing.state(one, 0.0))),
        SortKey("what waits", "least first", lambda one: -one.waits),
        SortKey("saved today", "least first", lambda one: -one.saved),
        SortKey("bad today", "least first", lambda one: -one.bad),
        SortKey("spent today", "least first", lambda one: -one.spent),
    ),
)


class RuleRows(Rows):
    """The list of rules."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("enter", "select", "open", tooltip="Its lists: taken, not taken, log; first its yes, if it waits"),
    ]

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:
        """Nothing is opened where there is no rule."""
        del parameters
        return action != "select" or bool(self.current)


class Watches(Narrowed, PanedPage):
    """The watched folders."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("a", "add", "add", tooltip="Watch another folder: folder, workflow, output, daily cap"),
        Binding("e", "edit", "edit", tooltip="Change this rule, or show the file and line where it is written"),
        Binding("P", "pause", "pause", tooltip="Pause this rule, or let it go on"),
        Binding("plus", "allow", "allow", tooltip="Allow this rule more credits, until midnight"),
        Binding("R", "look", "look", tooltip="Look at the folder now; has rules read again that are new"),
        Binding("b", "review", "review", tooltip="Look through the saved results of this rule"),
        Binding("w", "watch", "watch", tooltip="Start watching in the background, or stop it"),
        Binding("x", "remove", show=False, tooltip="Take this rule away; photos it took go on"),
        *Narrowed.NARROW,
        *PanedPage.PANE,
    ]
    DEFAULT_CSS = """
    Watches #middle { height: 1fr; }
    Watches #list { width: 1fr; }
    Watches #state { color: $quiet; }
    Watches #heads { color: $quiet; text-style: bold; }
    Watches #complaint { color: $error; height: auto; max-height: 3; padding: 0 1; }
    Watches #no-rules { padding: 1 1; height: auto; }
    Watches #about { height: auto; max-height: 50%; padding: 0 1; border-top: solid $border; }
    """
    changes = frozenset({"add", "edit", "pause", "allow", "look", "remove"})

    def __init__(self, *, id: str | None = None) -> None:  # noqa: A002 — as Textual
        super().__init__(id=id)
        self.written: RuleFile | None = None
        self.standings: list[RuleStatus] = []
        self.narrowing: Narrowing[RuleStatus] = Narrowing(FIELDS)
        self._is_watching = False
        self._pane: TodayPane | None = None
        self._reading = CoalescedRefresh(self, self._read)

    def compose(self) -> ComposeResult:
        """What is wrong with all of them, the list, and all about the rule under the cursor."""
        yield Static("", id="complaint", markup=False)
        yield Line(id="state")
        yield FilterLine(instead="#state", of="#rules")
        with Horizontal(id="middle"), Vertical(id="list"):
            yield Line(id="heads")
            yield Static("", id="no-rules", markup=False)
            yield RuleRows(id="rules")
        yield Static("", id="about", markup=False)

    def enter(self) -> None:
        """Read the rules anew, as they are written now."""
        self.focus_on(self.query_one(Rows))
        self.run_latest(self._enter, "enter")

    async def _enter(self) -> None:
        self.written = await asyncio.to_thread(written.read, self.host.config)
        self.host.config = self.written.config
        self.read()

    @property
    def entries(self) -> tuple[RuleEntry, ...]:
        """The rules as they are written."""
        return self.written.entries if self.written else ()

    @property
    def current(self) -> RuleStatus | None:
        """The rule under the cursor."""
        chosen = self.query_one(Rows).current
        return next((one for one in self.standings if one.entry.id == chosen), None)

    # ----------------------------------------------------------------------------------------------------- reading

    def read(self) -> None:
        """Read how the rules stand, in the view's thread."""
        self._reading.ask()

    async def _read(self) -> None:
        began = time.monotonic()
        self._is_watching = standing.is_watching(self.host.look.engine)
        entries, settings, is_watching = self.entries, self.host.config, self._is_watching

        def ask(db: Connection) -> list[RuleStatus]:
            found = standing.read(db, entries, settings, watching=is_watching)
            more = standing.strangers(db, entries) if is_watching else []
            return found + standing.read(db, [written.at_work(row) for row in more], settings, watching=True)

        self.standings = await self.host.view.ask(ask)
        if self.is_whole:
            self.draw()
        await asyncio.sleep(max(LEAST_REST, REST * (time.monotonic() - began)))

    def looked(self, look: Look) -> None:
        """Figures change with the journal and with the engine; what is not in sight is read when it comes."""
        is_news = look.wrote or standing.is_watching(look.engine) is not self._is_watching
        if is_news and self.written is not None and self.is_front:
            self.read()

    # ----------------------------------------------------------------------------------------------------- drawing

    def draw(self) -> None:
        """Draw everything anew."""
        if self.pane_cells and self._pane is None and self.standings:
            from artui.tui.watches.today_pane import TodayPane

            self._pane = TodayPane(lambda: self.current)
            self.query_one("#middle").mount(self._pane)
        if self._pane is not None:
            self._pane.open(self.pane_cells)
        cells = self.app.size.width - self.pane_cells
        columns = BESIDE_PANE if self.pane_cells else COLUMNS
        slots, rows = layout(columns, cells - MARGIN, SIGN), self.query_one(Rows)
        has_rules, shown = bool(self.standings), self.narrowing.of(self.standings)
        engine, words = self.host.look.engine, [plural(len(self.standings), "rule"), "not watched: w starts it"]
        if self._is_watching and engine is not None:
            words[1] = f"watched since {clock(engine.row.started_at or 0.0, time.time())} (pid {engine.row.pid})"
        words.append(self.narrowing.said(len(shown), len(self.standings)))
        state = f" {self.host.glyphs.dot} ".join(filter(None, words))
        self.query_one("#state", Line).say(f" {state}" if has_rules else "")
        self.query_one("#heads", Line).say(heads(slots) if has_rules else "")
        rows.put((one.entry.id, self._row(one, slots)) for one in shown)
        complaint = self.query_one("#complaint", Static)
        complaint.update(beginning(self.written.complaint, 400) if self.written else "")
        complaint.display = bool(self.written and self.written.complaint)
        empty = self.query_one("#no-rules", Static)
        file = sanitize(self.host.paths.config_file)
        nothing = NO_RULES_READONLY.format(file=file) if self.host.readonly else NO_RULES
        empty.update(self.narrowing.none(len(self.standings)) if has_rules else nothing)
        empty.display = self.written is not None and not shown
        self.query_one("#about").display = has_rules
        self._draw_about()

    def reshape(self) -> None:
        """The pane was opened, closed or moved."""
        self.draw()

    def _row(self, one: RuleStatus, slots: Sequence[Slot]) -> Content:
        glyphs, entry, figures = self.host.glyphs, one.entry, one.figures
        today = figures.today if figures else None
        spent = f"{one.spent:,}" + ("" if one.cap is None else f"/{one.cap:,}")
        meter, style = ("", "") if one.cap is None else meter_bar(one.spent, one.cap, METER, glyphs)
        texts = (
            home(entry.folder) if str(entry.folder) not in ("", ".") else "no folder",
            home(entry.output),
            entry.account,
            one.workflow or entry.workflow,
            standing.state(one, time.time()),
            amount(one.waits) if figures else "-",
            amount(today.taken) if today else "-",
            amount(one.saved) if today else "-",
            amount(one.bad) if today else "-",
            meter,
            spent if figures else "-" if one.cap is None else f"-/{one.cap:,}",
        )
        signs = {None: (glyphs.unpaid, "$quiet"), True: (glyphs.needs, "$warning"), False: (glyphs.done, "$success")}
        sign, colour = signs[standing.needs_a_look(one)]
        said = Content.assemble((f"{sign} ", colour), line(slots, texts, glyphs.ellipsis))
        place = next((slot for slot in slots if meter and slot.index == texts.index(meter)), None)
        return said.stylize(style, place.start, place.end) if place else said

    def _draw_about(self) -> None:
        """All about the rule under the cursor."""
        one, glyphs, about = self.current, self.host.glyphs, Content("")
        if one and one.entry.complaint:
            complaint = glyphs.plain(beginning(f"{one.entry.complaint}.", 400))
            others = "\nThe other rules are not touched by it; `artui watch` is."
            about = Content.assemble((complaint, "$error"), others)
        elif one:
            # What is to be done comes early: a small terminal cuts the end.
            said = standing.sentence(one, time.time())
            facts = [standing.today_line(one), standing.bad_line(one), standing.now_line(one), standing.terms(one)]
            about = Content.assemble(
                glyphs.plain(standing.way(one.entry, glyphs)),
                (glyphs.plain(f"\n{said}" if said else ""), "$warning"),
                glyphs.plain("".join(f"\n{fact}" for fact in facts if fact)),
            )
        self.query_one("#about", Static).update(about)
        self.refresh_bindings()

    # ---------------------------------------------------------------------------------------------------- handlers

    def on_resize(self) -> None:
        """Other widths."""
        self.call_after_refresh(self.draw)

    def on_option_list_option_highlighted(self) -> None:
        """The cursor is on another rule."""
        self._draw_about()
        if self._pane is not None:
            self._pane.follow()

    async def on_option_list_option_selected(self, event: OptionList.OptionSelected) -> None:
        """``enter``, or a click on the rule under the cursor."""
        event.stop()
        one = self.current
        if one is not None and one.row is not None:
            if one.asks and not self.host.readonly:
                await deciding.agree(self.host, one, one.row, lambda: self._open(one))
            else:
                self._open(one)
        elif one is not None:
            self.notify(
                "No engine has watched this folder yet: there is nothing to show yet. w starts that.", markup=False
            )

    def _open(self, one: RuleStatus) -> None:
        """Show the lists of a rule."""
        self.app.push_screen(RuleScreen(one), lambda _: self.read())

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:
        """What is done to a rule needs one."""
        if self.is_mounted and action in ("edit", "pause", "allow", "look", "remove", "review"):
            one = self.current
            if one is None:
                return False
            if action == "remove" and one.entry.number is None:
                return False
            if action in ("pause", "allow", "look") and one.entry.complaint:
                return False
        return super().check_action(action, parameters)

    # ----------------------------------------------------------------------------------------------------- actions

    def _about_rule(self, act: Callable[[RuleStatus], Awaitable[object]]) -> None:
        """Do something about the rule under the cursor, beside the screen, one thing at a time."""
        if (one := self.current) is not None:
            self.run_worker(act(one), exclusive=True, group="act")

    def action_pause(self) -> None:
        """Pause this rule, or let it go on."""
        if (one := self.current) is not None:
            self.host.soon(deciding.pause(self.host, one))

    def action_allow(self) -> None:
        """More credits until midnight."""
        self._about_rule(lambda one: deciding.allow(self.host, one))

    async def action_review(self) -> None:
        """Look through the saved results of this rule."""
        if (one := self.current) is not None:
            await deciding.review_results(self.host, one)

    def action_look(self) -> None:
        """Look now."""
        self._about_rule(lambda one: deciding.look_now(self.host, one))

    def action_watch(self) -> None:
        """Start watching, or stop it."""
        self.run_worker(deciding.watch(self.host, self.entries, self.standings), exclusive=True, group="act")

    @work(exclusive=True, group="act")
    async def action_add(self) -> None:
        """Watch another folder."""
        if not self.host.config.accounts:
            self.notify(NO_ACCOUNT, markup=False)
            return
        lines = ["What lands in it from now on is sent, once you have said to which workflow and saved."]
        asked = Ask("Which folder is to be watched?", lines, value="~/", suggester=Folders())
        folder = await self.host.ask(asked)
        if folder:
            await self._fill_in(await form.begin(self.host, folder), self.entries)

    def action_edit(self) -> None:
        """Change this rule, or show where it is written."""
        one = self.current
        if one is not None and one.entry.number is None:
            deciding.show_source(self.host, one)
        elif one is not None:
            self.run_worker(self._edit(one), exclusive=True, group="act")

    async def _edit(self, one: RuleStatus) -> None:
        try:
            table = await asyncio.to_thread(written.table, self.host.paths, one.entry)
        except ConfigError as problem:
            self.notify(beginning(str(problem), 200), severity="error", markup=False)
            return
        others = [entry for entry in self.entries if entry != one.entry]
        begun = one.row is not None and one.row.begun
        await self._fill_in(await form.begin_again(self.host, table, begun=begun), others)

    async def _fill_in(self, draft: form.Draft, others: Sequence[RuleEntry]) -> None:
        """Have a rule filled in, save it, and have it watched or say how."""
        table = await self.host.ask(Form(draft, others))
        if table is None or table == draft.before:
            return
        if await deciding.in_file(self.host, lambda: written.save(self.host.paths, draft.before, table)):
            await self._changed("Saved in settings.toml.")

    def action_remove(self) -> None:
        """Take this rule away."""
        self._about_rule(self._remove)

    async def _remove(self, one: RuleStatus) -> None:
        if await deciding.remove(self.host, one):
            await self._changed("The rule is taken away.")

    async def _changed(self, said: str) -> None:
        """The rules are others now: have them read where an engine watches."""
        self.run_latest(self._enter, "enter")
        if standing.is_watching(self.host.look.engine):
            await deciding.read_rules(self.host)
            self.notify(f"{said} `artui watch` reads it now.", markup=False)
        else:
            self.notify(f"{said} No engine watches folders yet: w starts it.", markup=False)
