"""The Workflows screen: what an account can buy, what each does and costs, and how it went here so far."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Mapping, Sequence
from dataclasses import replace
from functools import partial
from typing import TYPE_CHECKING, Any, ClassVar, cast

from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Horizontal, Vertical, VerticalScroll
from textual.content import Content
from textual.widgets import OptionList, Static

from artui.config import AccountConfig, Config, ConfigError, load, save_setting
from artui.core import own_workflows
from artui.core.finding import Fields, SortKey
from artui.credentials import Vault
from artui.journal import Connection, accounts, offers
from artui.model.states import FINAL
from artui.providers import capabilities
from artui.sanitize import beginning, sanitize
from artui.tui import catalogue, desktop, own, workflow_words
from artui.tui.catalogue import CatalogEntry, Catalogue
from artui.tui.columns import Column, Slot, heads, layout, line
from artui.tui.dialogs import Choice, No, Question, TextDialog
from artui.tui.filter_line import FilterLine
from artui.tui.look import Width
from artui.tui.narrowing import Narrowed, Narrowing
from artui.tui.pages import SUBMIT
from artui.tui.panes import PanedPage
from artui.tui.rows import SIGN, Rows
from artui.tui.service import ServiceError, at_service
from artui.tui.shell import Line
from artui.tui.view import Look
from artui.tui.words import about, amount, clock, plural

if TYPE_CHECKING:
    from artui.tui.submit import Submit

STALE_AFTER = 600.0
"""Seconds after which coming here looks at the service again by itself."""

EXECUTIONS = 50
"""The most past executions that are listed."""

COLUMNS = (
    Column("Name"),
    Column("Steps", 26, wanted_from=76),
    Column("Credits", 8, right=True),
    Column("Usual", 8, right=True),
    Column("Saved", 7, right=True),
    Column("Rejected", 9, right=True, wanted_from=Width.WIDE),
    Column("Charged", 9, right=True, wanted_from=Width.WIDE),
    Column("Last use", 13, right=True, wanted_from=Width.WIDE),
    Column("Author", 22, gap=2, wanted_from=Width.FULL),
)

FIELDS: Fields[CatalogEntry] = Fields(
    workflow_words.found_by,
    named={
        "step": lambda one: " ".join(workflow_words.steps(one.workflow)),
        "author": lambda one: one.workflow.author,
    },
    numbers={"price": lambda one: one.workflow.price},
    orders=(
        SortKey("name", "from Z", lambda one: one.workflow.name.casefold()),
        SortKey("price", "dearest first", lambda one: one.workflow.price or 0),
        SortKey("last use", "latest first", lambda one: one.past.last_used),
        SortKey("cost so far", "most first", lambda one: one.past.charged),
    ),
    ranked=True,
)


class OfferRows(Rows):
    """The list of workflows."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("enter", "select", "steps", tooltip="Its steps with all their settings"),
    ]


class Workflows(Narrowed, PanedPage):
    """The workflows of the account in use."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("a", "add", "add our own", tooltip="Make a workflow of our own, where the service keeps none"),
        Binding("e", "edit", "edit", tooltip="Change this workflow of our own, or show where it is written"),
        Binding(
            "c",
            "compare",
            "compare",
            tooltip="Two that are marked side by side; or what has changed since its last use",
        ),
        Binding("s", "submit", "submit", tooltip="Pick photos for this workflow"),
        Binding("f", "favourite", "favourite", tooltip="Keep this workflow on top, or no longer"),
        Binding("space", "mark", "mark", tooltip="Mark this workflow; two marked are compared"),
        Binding("D", "default", "default", tooltip="What new orders and rules of this account begin with"),
        Binding("h", "executions", "executions", tooltip="What was bought of this workflow, at the service"),
        Binding("R", "fetch", "look again", tooltip="Look at the service for workflows and prices"),
        *Narrowed.NARROW,
        Binding("x", "remove", show=False, tooltip="Take this workflow of our own away"),
        Binding("y", "copy", show=False, tooltip="Copy the id of this workflow"),
        *PanedPage.PANE,
    ]
    DEFAULT_CSS = """
    Workflows #state { color: $quiet; }
    Workflows #heads { color: $quiet; text-style: bold; }
    Workflows #middle { height: 1fr; }
    Workflows #list { width: 1fr; }
    Workflows #none { padding: 1 1; }
    Workflows #side { display: none; border-left: solid $border; padding: 0 1; scrollbar-size: 0 0; }
    Workflows #below { height: 7; padding: 0 1; border-top: solid $border; }
    Workflows.-paned #side { display: block; }
    Workflows.-paned #below { display: none; }
    /* Where a toast comes: it covers no row. */
    Workflows.-paned #list { padding: 0 0 2 0; }
    """
    changes = frozenset({"favourite", "fetch", "default", "add", "edit", "remove"})

    def __init__(self, *, id: str | None = None) -> None:  # noqa: A002 — as Textual
        super().__init__(id=id)
        self.catalogue = Catalogue()
        self.shown_offers: list[CatalogEntry] = []
        self.organization = ""
        self._account = ""
        self._trouble = ""
        self._asking = False
        self._marked: set[str] = set()
        self.narrowing: Narrowing[CatalogEntry] = Narrowing(FIELDS)

    def compose(self) -> ComposeResult:
        """What is known since when, the list, and all about the workflow under the cursor."""
        yield Line(id="state")
        yield FilterLine(instead="#state", of="#offers")
        yield Line(id="heads")
        with Horizontal(id="middle"):
            with Vertical(id="list"):
                yield Static("", id="none", markup=False)
                yield OfferRows(id="offers")
            with VerticalScroll(id="side", can_focus=False):
                yield Static("", id="beside", markup=False)
        yield Static("", id="below", markup=False)

    def enter(self) -> None:
        """Show the account in use as the journal knows it; look at the service where that is old."""
        self.focus_on(self.query_one("#offers", Rows))
        self.run_latest(self._enter, "enter")

    async def _enter(self) -> None:
        if self._account != (self.host.account or ""):
            self._account, self._trouble, self.catalogue = self.host.account or "", "", Catalogue()
            self._marked.clear()
        await self._read()
        known_since = self.catalogue.fetched_at or 0.0
        if self.account and not self.host.readonly and time.time() - known_since > STALE_AFTER:
            self.action_fetch()

    @property
    def account(self) -> AccountConfig | None:
        """The account whose workflows these are."""
        return self.host.config.accounts.get(self._account)

    @property
    def offer(self) -> CatalogEntry | None:
        """The workflow under the cursor."""
        current = self.query_one("#offers", Rows).current
        return next((one for one in self.shown_offers if one.workflow.id == current), None)

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:
        """Only what can be done now: there is something to compare, there is a place to pick photos in."""
        if action in ("favourite", "copy") and self.is_mounted and self.offer is None:
            return False
        if action == "compare":
            return (
                self.is_mounted
                and self.offer is not None
                and (len(self._pair) == 2 or bool(self.offer.pinned) or self.offer.is_changed)
            )
        if action in ("add", "edit", "remove"):
            has_own = self.account is not None and capabilities(self.account.provider).own_workflows
            if not has_own or (action != "add" and (not self.is_mounted or self.offer is None)):
                return False
        if action in ("submit", "executions", "mark", "default"):
            return self.is_mounted and self.offer is not None
        return super().check_action(action, parameters)

    # ----------------------------------------------------------------------------------------------------- reading

    async def _read(self) -> None:
        """Read what the journal knows, in the view's thread."""
        account = self.account

        def ask(db: Connection) -> tuple[Catalogue, str]:
            organization = str(account.settings.get("organization", "")) if account else ""
            return catalogue.read(db, self._account), offers.organization_name(db, organization)

        self.catalogue, self.organization = await self.host.view.ask(ask)
        if self.is_whole:
            self.draw()

    def looked(self, look: Look) -> None:
        """Jobs that came to an end change our history; what is not in sight is read when it comes."""
        ended = look.changed is None or any(event.status in FINAL for event in look.events)
        if ended and self.is_front:
            self.run_latest(self._read, "read")

    async def _fetch(self, wanted: str = "") -> None:
        """Ask the service; what it says replaces what the journal knows."""
        account = self.account
        if account is None or self._asking:
            return
        self._asking = True
        if self.is_whole:
            self.draw()
        try:
            short = await catalogue.renew(self.host, account, wanted)
            if short and short != self._trouble:
                self.host.notify(short, severity="warning", markup=False)
            self._trouble = short
        except ServiceError as trouble:
            self._trouble = str(trouble)
        finally:
            self._asking = False
        await self._read()

    # ----------------------------------------------------------------------------------------------------- drawing

    def draw(self) -> None:
        """Draw everything anew."""
        cells = self.app.size.width
        pane = self.pane_cells
        self.set_class(pane > 0, "-paned")
        self.query_one("#side").styles.width = max(1, pane)
        self.shown_offers = self.narrowing.of(self.catalogue.offers)
        self.query_one("#state", Line).say(f" {self._state(cells - 2)}")
        slots = layout(self._columns(cells - pane), cells - pane, SIGN, 1)
        self.query_one("#heads", Line).say(heads(slots))
        rows = self.query_one("#offers", Rows)
        rows.put((one.workflow.id, self._row(one, slots)) for one in self.shown_offers)
        none = self.query_one("#none", Static)
        none.update(self._emptiness())
        none.display = not self.shown_offers
        self._draw_offer()

    def _state(self, cells: int) -> str:
        glyphs, at, now, since = self.host.glyphs, self.catalogue.fetched_at, time.time(), ""
        if self._asking:
            since = "looking ..."
        elif at is not None:
            old = f", {about(now - at)} old" if self._trouble and now - at < 86400 else ""
            since = f"as of {clock(at, now)}{old}"
        words = [sanitize(self._account, 20) or "no account", since]
        number = len(self.catalogue.offers)
        if number and not self.narrowing.typed.strip():
            words.insert(1, plural(number, "workflow"))
        words.append(self.narrowing.said(len(self.shown_offers), number))
        said = f" {glyphs.dot} ".join(word for word in words if word)
        return beginning(f"{said} {glyphs.dot} {self._trouble}" if self._trouble else said, cells, glyphs.ellipsis)

    def _columns(self, cells: int) -> list[Column]:
        """The columns of a list so wide, the steps with a part of what the others leave; without
        those of which this service knows nothing."""
        flows = [one.workflow for one in self.catalogue.offers]
        unpriced, unsigned = all(flow.price is None for flow in flows), not any(flow.author for flow in flows)
        unseen = not any(one.past.reviewed for one in self.catalogue.offers)
        empty = {"Credits": unpriced, "Charged": unpriced, "Author": unsigned, "Rejected": unseen}
        nowhere = 10_000
        found = [replace(one, wanted_from=nowhere) if empty.get(one.title) else one for one in COLUMNS]
        fixed = sum(one.cells for one in found if one.cells and one.title != "Steps" and cells >= one.wanted_from)
        most = (cells - SIGN - 1 - fixed) * 2 // 5
        return [replace(one, cells=most) if one.title == "Steps" else one for one in found]

    def _row(self, offer: CatalogEntry, slots: Sequence[Slot]) -> Content:
        past, glyphs = offer.past, self.host.glyphs
        texts = (
            workflow_words.name_in(offer, slots[0].room, glyphs.ellipsis),
            workflow_words.steps_line(offer.workflow, glyphs) or "-",
            amount(offer.workflow.price),
            about(past.usual) if past.usual else "-",
            amount(past.saved) if past.count else "-",
            workflow_words.rejected(past),
            amount(past.charged) if past.count else "-",
            catalogue.day_of(past.last_used) if past.count else "-",
            offer.workflow.author,
        )
        is_marked, is_default = offer.workflow.id in self._marked, self._is_default(offer)
        sign = glyphs.needs if offer.pinned else "D" if is_default else "f" if offer.is_favourite else " "
        said = line(slots, texts, glyphs.ellipsis)
        mark = glyphs.marked if is_marked else " "
        return Content.assemble((sign, "$warning" if offer.pinned else "$accent"), (mark, "$accent"), said)

    def _is_default(self, offer: CatalogEntry) -> bool:
        return bool(self.account and self.account.workflow in (offer.workflow.id, catalogue.name(offer)))

    def _emptiness(self) -> str:
        if self.catalogue.offers:
            return self.narrowing.none(len(self.catalogue.offers))
        if self.account is None:
            return "Workflows are kept at the service; seeing them needs an account: 5."
        if self._trouble:
            return f"{self._trouble}\nNothing is known of these workflows yet; R looks again, 5 shows the account."
        if capabilities(self.account.provider).own_workflows and not self._asking:
            who = sanitize(self._account, 30)
            return f"{who} has no workflow yet: the service keeps none." + (
                "" if self.host.readonly else " a makes one."
            )
        if self.catalogue.fetched_at is None and not self._asking:
            return "Nothing is known of these workflows yet." + ("" if self.host.readonly else " R looks.")
        if self._asking:
            return ""
        who = sanitize(self.organization or self._account, 40)
        web_app = capabilities(self.account.provider).web_app
        where = f"made and saved in the web app\n({web_app})" if web_app else "set up in config.toml"
        return f"{who} has no saved workflow. Workflows are {where}; R looks again. Wrong organization? 5."

    def _draw_offer(self) -> None:
        """What is known of the workflow under the cursor."""
        offer = self.offer
        beside = self.pane_cells > 0
        text = workflow_words.summary(offer, self.host.glyphs, with_settings=beside) if offer else Content("")
        self.query_one("#beside" if beside else "#below", Static).update(text)
        self.refresh_bindings()

    # ---------------------------------------------------------------------------------------------------- handlers

    def on_resize(self) -> None:
        """Other widths."""
        self.call_after_refresh(self.draw)

    def on_option_list_option_highlighted(self) -> None:
        """The cursor is on another workflow."""
        self._draw_offer()

    def on_option_list_option_selected(self, event: OptionList.OptionSelected) -> None:
        """``enter``, or a click on the workflow under the cursor."""
        event.stop()
        if self.offer is not None:
            self.run_latest(partial(self._open, self.offer), "open")

    # ----------------------------------------------------------------------------------------------------- actions

    def reshape(self) -> None:
        """The pane was opened, closed or moved."""
        self.draw()

    @property
    def _pair(self) -> list[CatalogEntry]:
        """The marked workflows that are shown, in their order."""
        return [one for one in self.shown_offers if one.workflow.id in self._marked]

    def action_mark(self) -> None:
        """Mark this workflow, or no longer; go on to the next."""
        if (offer := self.offer) is not None:
            self._marked ^= {offer.workflow.id}
            self.draw()
            self.query_one("#offers", Rows).action_cursor_down()

    def action_default(self) -> None:
        """Ask whether new orders of this account begin with this workflow."""
        if self.offer is not None and self.account is not None:
            self.run_latest(partial(self._make_default, self.account, self.offer), "default")

    async def _make_default(self, account: AccountConfig, offer: CatalogEntry) -> None:
        name, whose = sanitize(catalogue.name(offer), 50), sanitize(account.name, 30)
        if self._is_default(offer):
            self.notify(f"{name} is the default of {whose} already.", markup=False)
            return
        lines = ["New orders and rules begin with it; what waits stays as it is. Nothing is sent by that."]
        choices = (No("leave it as it is"), Choice("y", "make it the default", True))
        if not await self.host.ask(Question(f"Make {name} the default of {whose}?", lines, choices)):
            return

        def save() -> Config:
            save_setting(self.host.paths, f"accounts.{account.name}.workflow", offer.workflow.id)
            return load(self.host.paths)

        try:
            self.host.config = await asyncio.to_thread(save)
        except ConfigError as problem:
            self.notify(beginning(str(problem), 300), severity="error", markup=False)
            return
        self.notify(f"{name} is the default of {whose} now; saved in settings.toml.", markup=False)
        self.draw()

    def action_add(self) -> None:
        """Make a workflow of our own."""
        if self.account is not None:
            self.run_latest(partial(self._build, self.account, None), "own")

    def action_edit(self) -> None:
        """Change this workflow of our own, or show where it is written."""
        if self.offer is not None and self.account is not None:
            self.run_latest(partial(self._build, self.account, self.offer), "own")

    async def _build(self, account: AccountConfig, offer: CatalogEntry | None) -> None:
        """Have a workflow of our own filled in, and save it."""
        built = await own.build(self.host, account, offer)
        if built is not None and await self._kept(account, built.key, built.table):
            self.notify("Saved in settings.toml; commands find it too.", markup=False)

    def action_remove(self) -> None:
        """Take this workflow of our own away."""
        if self.offer is not None and self.account is not None:
            self.run_latest(partial(self._remove, self.account, self.offer), "own")

    async def _remove(self, account: AccountConfig, offer: CatalogEntry) -> None:
        if await own.may_remove(self.host, account, offer) and await self._kept(account, own.key_of(offer), None):
            self.notify("It is taken away; what was bought of it stays known.", markup=False)

    async def _kept(self, account: AccountConfig, key: str, table: Mapping[str, Any] | None) -> bool:
        """Save a workflow of our own, or its end, and look at all of them anew; whether that went well."""
        try:
            self.host.config = await asyncio.to_thread(own_workflows.save, self.host.paths, account.name, key, table)
        except ConfigError as problem:
            self.notify(beginning(str(problem), 300), severity="error", markup=False)
            return False
        await self._fetch()
        return True

    def action_fetch(self) -> None:
        """Look at the service again."""
        self.run_worker(self._fetch(), group="fetch")

    async def _open(self, offer: CatalogEntry) -> None:
        if not offer.has_settings and not self.host.readonly:
            await self._fetch(offer.workflow.id)
            offer = next((one for one in self.catalogue.offers if one.workflow.id == offer.workflow.id), offer)
        lines = workflow_words.setting_lines(offer.workflow)
        if not offer.has_settings:
            lines += ["", "Settings not fetched yet." + (f" {self._trouble}" if self._trouble else "")]
        text = Content.assemble(workflow_words.head(offer, self.host.glyphs), "\n\n", "\n".join(lines))
        self.app.push_screen(TextDialog(sanitize(offer.workflow.name, 60), text))

    async def action_favourite(self) -> None:
        """Keep this workflow on top, or no longer."""
        if (offer := self.offer) is not None:
            await self.host.journal.write_async(
                offers.set_favourite, self._account, offer.workflow.id, on=not offer.is_favourite
            )
            await self._read()

    async def action_compare(self) -> None:
        """Show two marked ones side by side, or what the newer version changes."""
        offer = self.offer
        if len(self._pair) == 2:
            self.run_latest(partial(self._compare, [one.workflow.id for one in self._pair]), "open")
            return
        if offer is None:
            return

        def ask(db: Connection) -> dict[str, str]:
            flow, last = offer.workflow.id, offer.past.last
            versions = {one.version for one in offer.pinned} | ({last.version} if last else set())
            return {version: accounts.older_workflow(db, self._account, flow, version) for version in versions}

        texts = await self.host.view.ask(ask)
        known = {version: catalogue.parse(text) if text else None for version, text in texts.items()}
        known[offer.workflow.version] = offer.workflow
        lines = "\n".join(workflow_words.compared(offer, known))
        self.app.push_screen(TextDialog(f"{sanitize(offer.workflow.name, 40)}: what is new", Content(lines)))

    async def _compare(self, pair: Sequence[str]) -> None:
        for one in self.catalogue.offers:
            if one.workflow.id in pair and not one.has_settings and not self.host.readonly:
                await self._fetch(one.workflow.id)
        them = [one for one in self.catalogue.offers if one.workflow.id in pair]
        if len(them) != len(pair):  # the service has one of them no more
            return
        first, second = sorted(them, key=lambda one: pair.index(one.workflow.id))
        text = workflow_words.side_by_side(first, second, self.app.size.width - 2, self.host.glyphs)
        self.app.push_screen(TextDialog("A and B: what differs is marked !", text, plain=True))

    def action_executions(self) -> None:
        """Show the newest executions of this workflow, as the service lists them."""
        if (offer := self.offer) is not None and self.account is not None:
            self.run_latest(partial(self._list_executions, self.account, offer), "executions")

    async def _list_executions(self, account: AccountConfig, offer: CatalogEntry) -> None:
        from artui.core import executions
        from artui.tui.runs import RunsScreen

        try:
            async with at_service(self.host.config, account, Vault(self.host.paths)) as provider:
                payer = (await provider.who_pays()).payer
                found = await executions.newest(provider, [offer.workflow], None, EXECUTIONS)
        except ServiceError as trouble:
            self.host.notify(str(trouble), severity="warning")
            return
        past = await self.host.view.ask(executions.marked, payer, found)
        zone = self.host.config.timezone
        self.app.push_screen(RunsScreen(offer.workflow.name, past, zone))

    async def action_submit(self) -> None:
        """Go where photos are picked, with this workflow."""
        if (offer := self.offer) is not None:
            submit = cast("Submit", await self.host.open_page(SUBMIT.key))
            submit.take_workflow(self._account, offer.workflow.id)

    def action_copy(self) -> None:
        """Send the id of this workflow to the terminal's clipboard."""
        if (offer := self.offer) is not None:
            desktop.copy(self.app, sanitize(offer.workflow.id))
