"""The Workflows screen: what an account can buy, what each does and costs, and how it went here so far."""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import replace
from functools import partial
from typing import TYPE_CHECKING, ClassVar, cast

from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Horizontal, Vertical, VerticalScroll
from textual.content import Content
from textual.widgets import OptionList, Static

from artui.config import AccountConfig
from artui.core.finding import best_first
from artui.credentials import Vault
from artui.journal import Connection, offers
from artui.model.states import FINAL
from artui.providers import capabilities
from artui.sanitize import beginning, sanitize
from artui.tui import catalogue, desktop, workflow_words
from artui.tui.catalogue import CatalogEntry, Catalogue
from artui.tui.columns import Column, Slot, heads, layout, line
from artui.tui.dialogs import TextDialog
from artui.tui.filter_line import FilterLine
from artui.tui.look import Width, room
from artui.tui.page import Page
from artui.tui.pages import SUBMIT
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
    Column("Credits", 9, right=True),
    Column("Usual", 8, right=True),
    Column("Saved", 8, right=True),
    Column("Rejected", 9, right=True, wanted_from=Width.WIDE),
    Column("Median", 8, right=True, wanted_from=Width.NORMAL),
    Column("Last use", 13, right=True, wanted_from=Width.NORMAL),
    Column("Author", 22, gap=2, wanted_from=Width.WIDE),
)


class OfferRows(Rows):
    """The list of workflows."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("enter", "select", "steps", tooltip="Its steps with all their settings"),
    ]


class Workflows(Page):
    """The workflows of the account in use."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("s", "submit", "submit", tooltip="Pick photos for this workflow"),
        Binding("f", "favourite", "favourite", tooltip="Keep this workflow on top, or no longer"),
        Binding("c", "compare", "compare", tooltip="What a newer version changes for the jobs that wait"),
        Binding("h", "executions", "executions", tooltip="What was bought of this workflow, at the service"),
        Binding("u", "fetch", "look again", tooltip="Look at the service for workflows and prices"),
        Binding("slash", "filter", "filter", tooltip="Filter by name, price, steps, export format, author, date or id"),
        Binding("y", "copy", show=False, tooltip="Copy the id of this workflow"),
    ]
    DEFAULT_CSS = """
    Workflows #state { color: $quiet; }
    Workflows #heads { color: $quiet; text-style: bold; }
    Workflows #middle { height: 1fr; }
    Workflows #list { width: 1fr; }
    Workflows #none { padding: 1 1; }
    Workflows #side { width: 56; display: none; border-left: solid $border; padding: 0 1; scrollbar-size: 0 0; }
    Workflows #below { height: 7; padding: 0 1; border-top: solid $border; }
    Workflows.-full #side { display: block; }
    Workflows.-full #below { display: none; }
    """
    changes = frozenset({"favourite", "fetch"})

    def __init__(self, *, id: str | None = None) -> None:  # noqa: A002 — as Textual
        super().__init__(id=id)
        self.catalogue = Catalogue()
        self.shown_offers: list[CatalogEntry] = []
        self.organization = ""
        self._account = ""
        self._trouble = ""
        self._asking = False

    def compose(self) -> ComposeResult:
        """What is known since when, the list, and all about the workflow under the cursor."""
        yield Line(id="state")
        yield FilterLine("name, price, step, format, author, date or id: ghost png", instead="#state", of="#offers")
        yield Line(id="heads")
        with Horizontal(id="middle"):
            with Vertical(id="list"):
                yield Static("", id="none", markup=False)
                yield OfferRows(id="offers")
            with VerticalScroll(id="side", can_focus=False):
                yield Static("", id="beside", markup=False)
        yield Static("", id="below", markup=False)

    def on_mount(self) -> None:
        """Follow what is new, and begin."""
        self.host.looked.subscribe(self, self._looked)
        self.enter()

    def enter(self) -> None:
        """Show the account in use as the journal knows it; look at the service where that is old."""
        self.focus_on(self.query_one("#offers", Rows))
        self.run_latest(self._enter, "enter")

    async def _enter(self) -> None:
        if self._account != (self.host.account or ""):
            self._account, self._trouble, self.catalogue = self.host.account or "", "", Catalogue()
        await self._read()
        known_since = self.catalogue.fetched_at or 0.0
        if self.account and not self.host.readonly and time.time() - known_since > STALE_AFTER:
            self.action_fetch()

    def back(self) -> bool:
        """Take the filter away."""
        typed = self.query_one(FilterLine)
        if not typed.value:
            return False
        typed.value = ""
        return True

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
            return self.is_mounted and self.offer is not None and bool(self.offer.pinned)
        if action in ("submit", "executions"):
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
        self.draw()

    def _looked(self, look: Look) -> None:
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
        self.set_class(room(self.app.size) >= Width.FULL, "-full")
        typed = self.query_one(FilterLine).value
        offers = self.catalogue.offers
        self.shown_offers = [offers[place] for place in best_first(typed, list(map(workflow_words.found_by, offers)))]
        self.query_one("#state", Line).say(f" {self._state(cells - 2)}")
        slots = layout(self._columns(), cells - 57 if self.has_class("-full") else cells, SIGN)
        self.query_one("#heads", Line).say(heads(slots))
        rows = self.query_one("#offers", Rows)
        rows.put((one.workflow.id, self._row(one, slots)) for one in self.shown_offers)
        none = self.query_one("#none", Static)
        none.update(self._emptiness())
        none.display = not self.shown_offers
        self._draw_offer()

    def _state(self, cells: int) -> str:
        glyphs, found = self.host.glyphs, self.catalogue
        words = [sanitize(self._account, 20) or "no account", self._since()]
        if typed := self.query_one(FilterLine).value.strip():
            words.insert(1, f"{len(self.shown_offers)} of {len(found.offers)} match '{sanitize(typed, 24)}'")
        elif found.offers:
            words.insert(1, plural(len(found.offers), "workflow"))
        said = f" {glyphs.dot} ".join(word for word in words if word)
        return beginning(f"{said} {glyphs.dot} {self._trouble}" if self._trouble else said, cells, glyphs.ellipsis)

    def _since(self) -> str:
        """From when this is, and whether it is being renewed."""
        if self._asking:
            return "looking ..."
        at = self.catalogue.fetched_at
        if at is None:
            return ""
        now = time.time()
        return f"as of {clock(at, now)}" + (f", {about(now - at)} old" if self._trouble and now - at < 86400 else "")

    def _columns(self) -> list[Column]:
        """The columns, without those of which this service knows nothing."""
        flows = [one.workflow for one in self.catalogue.offers]
        unpriced, unsigned = all(flow.price is None for flow in flows), not any(flow.author for flow in flows)
        empty = {"Credits": unpriced, "Median": unpriced, "Author": unsigned}
        nowhere = 10_000
        return [replace(one, wanted_from=nowhere) if empty.get(one.title) else one for one in COLUMNS]

    def _row(self, offer: CatalogEntry, slots: Sequence[Slot]) -> Content:
        past, glyphs = offer.past, self.host.glyphs
        texts = (
            workflow_words.name_in(offer, slots[0].room, glyphs.ellipsis),
            amount(offer.workflow.price),
            about(past.usual) if past.usual else "-",
            amount(past.saved) if past.count else "-",
            workflow_words.share_rejected(past),
            amount(past.median),
            catalogue.day_of(past.last_used) if past.count else "-",
            offer.workflow.author,
        )
        sign = glyphs.needs if offer.pinned else glyphs.marked if offer.is_favourite else " "
        said = line(slots, texts, glyphs.ellipsis)
        return Content.assemble((f"{sign} ", "$warning" if offer.pinned else "$accent"), said)

    def _emptiness(self) -> str:
        if self.catalogue.offers:
            return f"None of {len(self.catalogue.offers)} match. esc clears the filter."
        if self.account is None:
            return "Workflows are kept at the service; seeing them needs an account: 5."
        if self._trouble:
            return f"{self._trouble}\nNothing is known of these workflows yet; u looks again, 5 shows the account."
        if self.catalogue.fetched_at is None and not self._asking:
            return "Nothing is known of these workflows yet." + ("" if self.host.readonly else " u looks.")
        if self._asking:
            return ""
        who = sanitize(self.organization or self._account, 40)
        web_app = capabilities(self.account.provider).web_app
        where = f"made and saved in the web app\n({web_app})" if web_app else "set up in config.toml"
        return f"{who} has no saved workflow. Workflows are {where}; u looks again. Wrong organization? 5."

    def _draw_offer(self) -> None:
        """What is known of the workflow under the cursor."""
        offer = self.offer
        is_full = self.has_class("-full")
        text = workflow_words.summary(offer, self.host.glyphs, with_settings=is_full) if offer else Content("")
        self.query_one("#beside" if is_full else "#below", Static).update(text)
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

    def on_input_changed(self) -> None:
        """Another filter is typed."""
        self.draw()

    # ----------------------------------------------------------------------------------------------------- actions

    def action_filter(self) -> None:
        """Type a filter."""
        self.query_one(FilterLine).begin()

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
        """Show what the newer version changes."""
        offer = self.offer
        if offer is None:
            return

        def ask(db: Connection) -> dict[str, str]:
            flow, versions = offer.workflow.id, {one.version for one in offer.pinned}
            return {version: offers.older(db, self._account, flow, version) for version in versions}

        texts = await self.host.view.ask(ask)
        known = {version: catalogue.parse(text) if text else None for version, text in texts.items()}
        lines = "\n".join(workflow_words.compared(offer, known))
        self.app.push_screen(TextDialog(f"{sanitize(offer.workflow.name, 40)}: what is new", Content(lines)))

    def action_executions(self) -> None:
        """Show the newest executions of this workflow, as the service lists them."""
        if (offer := self.offer) is not None and self.account is not None:
            self.run_latest(partial(self._list_executions, self.account, offer), "executions")

    async def _list_executions(self, account: AccountConfig, offer: CatalogEntry) -> None:
        from artui.core import executions

        try:
            async with at_service(self.host.config, account, Vault(self.host.paths)) as provider:
                payer = (await provider.who_pays()).payer
                found = await executions.newest(provider, [offer.workflow], None, EXECUTIONS)
        except ServiceError as trouble:
            self.host.notify(str(trouble), severity="warning")
            return
        past = await self.host.view.ask(executions.marked, payer, found)
        lines = [
            f"{one.progress.created_at[:16].replace('T', ' '):<16} {one.progress.state:<14}"
            f" {amount(one.progress.charged):>6}  {sanitize(one.whose, 13):<13}  {sanitize(one.progress.name, 20)}"
            for one in past
        ]
        text = "\n".join(lines) or "The service has no execution of it."
        self.app.push_screen(
            TextDialog(f"{sanitize(offer.workflow.name, 40)}: the newest executions (UTC)", Content(text))
        )

    async def action_submit(self) -> None:
        """Go where photos are picked, with this workflow."""
        if (offer := self.offer) is not None:
            submit = cast("Submit", await self.host.open_page(SUBMIT.key))
            submit.take_workflow(self._account, offer.workflow.id)

    def action_copy(self) -> None:
        """Send the id of this workflow to the terminal's clipboard."""
        if (offer := self.offer) is not None:
            desktop.copy(self.app, sanitize(offer.workflow.id))
