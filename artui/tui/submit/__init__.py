"""The Submit screen: a folder to pick photos from, the order they make, and the question before they are sent.

``picker`` is the list, ``marks`` and ``checks`` what is known of files, ``ordering`` and ``pane`` the order and its
lines; here they are put together and get their keys.
"""

from __future__ import annotations

import asyncio
import datetime as dt
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, ClassVar

from textual import events, work
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Horizontal

from artui.config import AccountConfig
from artui.core.pace import usual_gap
from artui.core.plan import OF_ARCHIVES, OrderPlanner, PlanProblem, Verdict
from artui.core.quote import Quote
from artui.credentials import Vault
from artui.files import suspicion
from artui.tui import catalogue, sampling
from artui.tui.coalesced_refresh import CoalescedRefresh
from artui.tui.pages import JOBS
from artui.tui.panes import PanedPage
from artui.tui.service import ServiceError, at_service
from artui.tui.submit import choices, ordering, sending
from artui.tui.submit.chooser import Chooser
from artui.tui.submit.marks import Sum, add_up
from artui.tui.submit.ordering import AccountSnapshot, OrderForm
from artui.tui.submit.pane import OrderPane
from artui.tui.submit.sending import FilesChanged, TermsChanged
from artui.tui.view import Look
from artui.tui.words import plural

if TYPE_CHECKING:
    from artui.tui.photo_pane import PhotoPane, Shown


class Submit(PanedPage):
    """Picks photos, says what they cost, and sends them after a yes."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("s", "send", "send...", tooltip="Send the marked: shows first what it costs, and asks"),
        Binding("w", "workflow", show=False, tooltip="Choose the workflow, or several"),
        Binding("o", "output", show=False, tooltip="Choose where results go, and what they are called"),
        Binding("b", "batch", show=False, tooltip="One batch or several, the label, a sample first"),
        Binding("y", "sample", show=False, tooltip="Answer for a batch whose first results have come"),
        *PanedPage.PANE,
    ]
    DEFAULT_CSS = """
    Submit #upper { height: 1fr; }
    Submit Chooser { width: 1fr; }
    """
    changes = frozenset({"send", "sample"})

    def __init__(self, *, id: str | None = None) -> None:  # noqa: A002 — as Textual
        super().__init__(id=id)
        self.total = Sum()
        self.cost: Quote | None = None
        self.order = OrderForm(ordering.folder_target(ordering.DEFAULT_OUTPUT))
        self.planner: OrderPlanner | None = None
        self.said = ""
        """What went wrong last; shown until something is done about it."""
        self._wanted = ""
        self._handed: tuple[Path, ...] = ()
        self._samples = ""
        self._sending = False
        self._costing = CoalescedRefresh(self, self._read_cost)
        self._pane: PhotoPane | None = None

    def compose(self) -> ComposeResult:
        """What to pick from, and the order it makes."""
        with Horizontal(id="upper"):
            yield Chooser(id="chooser")
        yield OrderPane(id="order")

    def on_mount(self) -> None:
        """Have what finds the keys of accounts."""
        self.vault = Vault(self.host.paths)

    @property
    def chooser(self) -> Chooser:
        """What to pick from."""
        return self.query_one(Chooser)

    def enter(self) -> None:
        """Read the folder anew, and give the list the focus."""
        self.focus_on(self.chooser.files)
        self.run_latest(self._enter, "enter")

    async def _enter(self) -> None:
        await self.chooser.begin()
        handed, self._handed = self._handed, ()
        if handed:
            self.chooser.mark_alone(handed)
        account = self.host.config.accounts.get(self.host.account or "")
        if account != self.order.account or self.order.limits is None:
            limits = ordering.limits_of(account)
            output = account.output if account and account.output else ordering.DEFAULT_OUTPUT
            self.put_order(OrderForm(ordering.folder_target(output), account, limits, batching=self.order.batching))
        if handed:
            self.put_order(replace(self.order, target=ordering.apart(self.order.target, self.chooser.marks.found())))
            self.run_worker(self._choose_workflow())
        if account is not None and self.order.standing is None:
            await self._ask_service(account)
        elif account is not None and self._wanted:
            await self._choose_default(await self.host.view.ask(catalogue.read, account.name))
        await self._look_for_samples()

    async def _ask_service(self, account: AccountConfig) -> None:
        """Find out who pays, what is left, and which workflows there are."""
        known = await self.host.view.ask(catalogue.read, account.name)
        await self._choose_default(known)
        try:
            async with at_service(self.host.config, account, self.vault) as provider:
                standing = AccountSnapshot(await provider.identify(), await provider.told_balance())
            if not known.offers:
                if short := await catalogue.renew(self.host, account):
                    self.host.notify(short, severity="warning", markup=False)
                await self._choose_default(await self.host.view.ask(catalogue.read, account.name))
        except ServiceError as trouble:
            self.tell(str(trouble))
            return
        if account == self.order.account:
            self.put_order(replace(self.order, standing=standing))

    def take_workflow(self, account: str, workflow_id: str) -> None:
        """Begin an order for this workflow, chosen elsewhere."""
        if account == self.host.account:
            self._wanted = workflow_id
            self.run_latest(self._enter, "enter")

    def take_files(self, paths: Sequence[Path]) -> None:
        """Begin an order with these files, chosen elsewhere: they alone are marked, and the workflow is asked for."""
        self._handed = tuple(paths)
        self.run_latest(self._enter, "enter")

    async def _choose_default(self, known: catalogue.Catalogue) -> None:
        """Take the workflow chosen elsewhere; else the account's own, where none is chosen yet."""
        default = self.order.account.workflow if self.order.account else None
        choice = known.meant(self._wanted or default or "")
        if choice is not None and (self._wanted or not self.order.choices):
            self._wanted = ""
            await self.choose((choice,))

    async def choose(self, choices: tuple[catalogue.CatalogEntry, ...]) -> None:
        """Take these workflows."""
        gap = await self.host.view.ask(usual_gap, *(one.workflow.id for one in choices))
        self.said = ""
        self.put_order(replace(self.order, choices=choices, gap=gap))

    def put_order(self, order: OrderForm) -> None:
        """Take another order, and have everything judged by it."""
        self.order = order
        if order.account and order.standing:
            self.host.view.hear(order.account.name, order.standing.balance)
        today = dt.datetime.now(self.host.config.timezone).date()
        self.planner = order.planner(self.host.journal, today)
        self.chooser.results, self.chooser.judging = order.target.folder, self.planner is not None
        self.chooser.sku_of = order.sku_of
        if order.limits:
            strict = order.account is not None and order.account.strict
            self.chooser.checks.judge_by(self.planner, replace(order.limits.accepts, strict=strict))
        self.chooser.restate()

    def tell(self, sentence: str) -> None:
        """Say what went wrong, under the order."""
        self.said = sentence
        self._draw_state()

    # ----------------------------------------------------------------------------------------------------- drawing

    def draw(self) -> None:
        """Draw the order."""
        found, glyphs = self.chooser.marks.found(), self.host.glyphs
        self.query_one(OrderPane).draw(self.order, self.total, found, self.cost, glyphs)
        self._draw_state()
        self.reshape()

    def reshape(self) -> None:
        """Give the list the room that the pane leaves."""
        if self.pane_cells and self._pane is None and self.chooser.files.items:
            from artui.tui.photo_pane import PhotoPane

            self._pane = PhotoPane(self._beside, plain=bool(self.host.glyphs.brackets[0]))
            self.query_one("#upper").mount(self._pane)
        if self._pane is not None:
            self._pane.open(self.pane_cells)
            self.chooser.pane_cells = self.pane_cells
            self.chooser.draw()

    async def _beside(self) -> Shown:
        """What the pane shows of the file under the cursor."""
        return self.chooser.shown(self._pane.size.width if self._pane else 0)

    def _draw_state(self) -> None:
        self.query_one(OrderPane).say_state(self._state(), self.host.glyphs)

    async def _read_cost(self) -> None:
        """Ask the journal what the caps and the balance say to what is marked."""
        order = self.order
        if order.account is None or not order.choices:
            self.cost = None
        else:
            price = order.each if len(order.choices) == 1 else None
            self.cost = await self.host.view.quote(order.account, price, order.portions(self.total))
        if self.is_whole:
            self.draw()

    def _state(self) -> str:
        """What is going on, or what the person should know about the line under the cursor."""
        if self.said:
            return self.said
        item = self.chooser.files.current
        known = self.chooser.checks.seen.get(item.path) if item else None
        if known and known.refused:
            return known.refused.message
        if known and known.photo and known.photo.suspect:
            return str(suspicion(known.photo))
        if known and known.planned and known.planned.verdict is Verdict.METADATA:
            return f"Bought as job {known.planned.job}, only its metadata changed. A mark buys it anew."
        if known and known.photo and known.photo.is_archive:
            return OF_ARCHIVES
        if self._samples and not self.chooser.marks:
            return self._samples
        total, lasts = self.total, self.order.lasts(self.total.to_send)
        if total.open and self.planner is None and self.order.account:
            if not self.order.choices:
                return "w chooses the workflow: then its price is known, and what was done before."
            return "Asking the service who pays: what was done before is not known yet."
        if total.open:
            return f"Checking {total.open:,} more; the sum can only fall. {lasts}"
        return lasts

    # ---------------------------------------------------------------------------------------------------- handlers

    async def looked(self, look: Look) -> None:
        """The journal has news: money, or samples that wait."""
        if look.wrote:
            await self._look_for_samples()
            self._costing.ask()
        self.draw()

    async def _look_for_samples(self) -> None:
        self._samples = sampling.line(await self.host.view.ask(sampling.waiting_samples))

    def on_chooser_changed(self) -> None:
        """Other files are marked, or more is known of them: add up anew."""
        self._follow()
        workflows = self.order.workflows or [""]
        self.total = add_up(self.chooser.marks, self.chooser.checks.seen, self.planner, workflows)
        self._costing.ask()
        self.draw()

    def on_chooser_moved(self) -> None:
        """The cursor is on another file."""
        self._draw_state()
        self._follow()

    def _follow(self) -> None:
        if self._pane is not None:
            self._pane.follow()

    def on_chooser_told(self, message: Chooser.Told) -> None:
        """Something a person should read."""
        self.tell(message.sentence)

    def on_paste(self, event: events.Paste) -> None:
        """Something was pasted while nothing is typed: where it names files, they are marked."""
        event.stop()
        self.run_worker(self.chooser.take_dropped(event.text))

    def on_resize(self) -> None:
        """Other widths."""
        self.call_after_refresh(self.draw)

    def back(self) -> bool:
        """Undo one step in the list, then take the last message away."""
        if self.chooser.back():
            return True
        was, self.said = self.said, ""
        self._draw_state()
        return bool(was)

    # ------------------------------------------------------------------------------------- actions: the order

    def action_workflow(self) -> None:
        """Choose the workflow."""
        self.run_worker(self._choose_workflow())

    async def _choose_workflow(self) -> None:
        if self.order.account is None:
            self.tell(ordering.NO_ACCOUNT)
        elif chosen := await choices.workflows_of(self.host, self.order.account, self.tell):
            await self.choose(chosen)

    @work
    async def action_output(self) -> None:
        """Choose where results go."""
        if target := await choices.output(self.host, self.order.target):
            self.put_order(replace(self.order, target=target))

    @work
    async def action_batch(self) -> None:
        """Choose how batches are made."""
        found = self.chooser.marks.found()
        if batching := await choices.batching(self.host, self.order.batching, found, self.tell):
            self.put_order(replace(self.order, batching=batching))

    # ------------------------------------------------------------------------------------------- actions: sending

    @work
    async def action_send(self) -> None:
        """Show what it costs, ask, send."""
        if self._sending:
            return
        self._sending = True
        try:
            if why := self._why_not():
                self.tell(why)
            else:
                await self._propose_and_send()
        except (ServiceError, PlanProblem) as problem:
            self.tell(str(problem))
        except TermsChanged as now:
            # Not asked anew at once: the key that has just said yes may still be held.
            self.put_order(now.order)
            self.tell(f"{now}. Nothing was sent; s shows what holds now, and asks.")
        except FilesChanged as changed:
            self.chooser.checks.forget(changed.paths)
            self.tell(f"{changed}: looked at anew. Nothing was sent; s asks again.")
        finally:
            self._sending = False

    def _why_not(self) -> str:
        """Why nothing can be sent now; empty where it can."""
        if self.order.account is None:
            return ordering.NO_ACCOUNT
        if not self.chooser.marks:
            return "Nothing is marked: space marks a photo, a all that are shown."
        if not self.order.choices:
            return "Which workflow? w chooses one and shows its price."
        if self.total.unread:
            return f"Still looking at {plural(self.total.unread, 'photo')}; s again in a moment."
        if self.total.refused == self.total.marked:
            return "None of the marked can be sent."
        return ""

    async def _propose_and_send(self) -> None:
        """Show what it costs, ask, send. Raises ServiceError, PlanProblem, TermsChanged, FilesChanged: where the terms
        or files are others by then, nothing is sent."""
        host = self.host
        self.tell("Asking the service for the price ...")
        order = await sending.renew(host.config, self.vault, self.order)
        self.put_order(order)
        now = dt.datetime.now(host.config.timezone)
        marks, seen = self.chooser.marks, dict(self.chooser.checks.seen)
        proposal = await asyncio.to_thread(sending.propose, host.config, host.journal, order, marks, seen, now)
        planned = proposal.order
        self.tell("")
        if not planned.queued:
            nothing = "All of them were done or queued before: nothing to send, nothing to pay."
            self.tell(planned.refused[0].message if planned.refused else nothing)
            return
        payer = host.config.accounts[planned.plans[0].offer.account]
        cost = await host.view.quote(payer, proposal.price, proposal.portions())
        if not await host.ask(sending.question(proposal, order, cost, host.glyphs)):
            return
        self.tell("Sending ...")
        numbers = await sending.send(host.config, self.vault, host.journal, order, proposal)
        self.tell("")
        sent = list(dict.fromkeys(one.found.path for _, one in planned.photos))
        self.chooser.forget(sent)
        results = f", {len(numbers):,} results to come" if len(numbers) > len(sent) else ""
        host.notify(f"{plural(len(sent) if results else len(numbers), 'photo')} queued{results}.", markup=False)
        if host.look.engine is None:
            host.soon(host.start_engine())
        await host.open_page(JOBS.key)

    # ------------------------------------------------------------------------------------------- actions: samples

    async def action_sample(self) -> None:
        """Answer for a batch whose first results have come."""
        from artui.tui.reviewing import review_sample

        if not await review_sample(self.host):
            self.notify("No batch waits for a yes.", markup=False)
