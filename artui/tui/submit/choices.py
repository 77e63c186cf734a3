"""What a person chooses about an order, one dialog after the other: workflow, output, batches, and the yes."""

from __future__ import annotations

import asyncio
import datetime as dt
from collections.abc import Callable
from dataclasses import replace
from typing import TYPE_CHECKING

from textual.content import Content

from artui.config import AccountConfig
from artui.core.plan import PlanProblem, SourceFile
from artui.sanitize import sanitize, width
from artui.tui import catalogue
from artui.tui.dialogs import Ask, Choice, Question
from artui.tui.pages import JOBS
from artui.tui.service import ServiceError
from artui.tui.submit import sending
from artui.tui.submit.batches import LABEL, Batching, Split, label_of
from artui.tui.submit.dialogs import ChoiceDialog, Folders, whole_number
from artui.tui.submit.ordering import NO_ACCOUNT, OrderForm, target_of
from artui.tui.submit.sending import FilesChanged, Proposal, TermsChanged
from artui.tui.words import home, plural

if TYPE_CHECKING:
    from artui.tui.host import Host
    from artui.tui.submit import Submit

NAME, PRICE = 44, 10
MOST_AT_ONCE = 100_000


async def workflow(place: Submit) -> None:
    """Choose the workflow of the order."""
    if place.order.account is None:
        place.tell(NO_ACCOUNT)
    elif (chosen := await workflow_of(place.host, place.order.account, place.tell)) is not None:
        await place.choose(chosen)


async def workflow_of(
    host: Host, account: AccountConfig, tell: Callable[[str], object]
) -> catalogue.CatalogEntry | None:
    """Choose among an account's workflows that the journal knows; the service is asked where it knows none. ``tell``
    hears what is going on, and why nothing can be chosen."""
    known = await host.view.ask(catalogue.read, account.name)
    if not known.offers:
        tell("Asking the service for its workflows ...")
        try:
            if short := await catalogue.renew(host, account):
                host.notify(short, severity="warning", markup=False)
        except ServiceError as trouble:
            tell(str(trouble))
            return None
        known = await host.view.ask(catalogue.read, account.name)
        tell("")
    if not known.offers:
        tell("No saved workflow: they are made and saved in the service's web app.")
        return None
    rows = [_row(offer) for offer in known.offers]
    chosen = await host.ask(
        ChoiceDialog("Which workflow?", rows, lambda at, words: catalogue.matches(known.offers[at], words))
    )
    return None if chosen is None else known.offers[chosen]


def _row(offer: catalogue.CatalogEntry) -> Content:
    name = sanitize(catalogue.name(offer), NAME)
    price = "price ?" if offer.workflow.price is None else f"{offer.workflow.price:,} cr"
    used = f"{offer.past.count:,} done" if offer.past.count else f"of {catalogue.day(offer.workflow)}"
    gap = " " * (NAME + 1 - width(name))
    return Content.assemble(name, gap, (f"{price:>{PRICE}}", "bold"), (f"  {used}", "$quiet"))


async def output(place: Submit) -> None:
    """Choose the output folder and the template below it."""
    target = place.order.target
    said = (
        "{relative} is the folder below the one marked from, {stem} the photo's name; also {batch}, {workflow}, "
        "{date} and {n}. The ending comes from the result itself."
    )
    typed = Ask("Where do results go?", [said], value=f"{home(target.folder)}/{target.template}", suggester=Folders())
    text = await place.host.ask(typed)
    if text:
        place.put_order(replace(place.order, target=target_of(text)))


# --------------------------------------------------------------------------------------------------------- batches


async def batches(place: Submit) -> None:
    """Choose what goes into one batch, the label of each photo, and a sample."""
    before = place.order.batching
    sample = "ask after the first few of each batch" if before.sample is None else "no sample: send all at once"
    answer = await place.host.ask(
        Question(
            "Batches",
            [
                f"Now: {sanitize(before.line(place.chooser.marks.found(), '·'), 60)}",
                f"label {LABEL}={sanitize(before.label, 40)}",
            ],
            (
                Choice("n", "leave as it is"),
                Choice("a", "one batch for all", by_enter=True),
                Choice("f", "one per folder", by_enter=True),
                Choice("e", "every so many photos one", by_enter=True),
                Choice("s", sample, by_enter=True),
                Choice("k", f"the label {LABEL} of each photo", by_enter=True),
            ),
        )
    )
    after = await _batching(place, before, answer)
    if after is not None:
        place.put_order(replace(place.order, batching=after))


async def _batching(place: Submit, before: Batching, answer: str | None) -> Batching | None:
    match answer:
        case "a":
            return replace(before, split=Split.ALL)
        case "f":
            return replace(before, split=Split.FOLDER)
        case "e":
            every = await _number(place, "How many photos in one batch?", before.every)
            return replace(before, split=Split.EVERY, every=every) if every else None
        case "s" if before.sample is not None:
            return replace(before, sample=None)
        case "s":
            sample = await _number(place, "How many of each batch go ahead, before you are asked?", 5)
            return replace(before, sample=sample) if sample else None
        case "k":
            return await _label(place, before)
        case _:
            return None


async def _number(place: Submit, title: str, value: int) -> int | None:
    text = await place.host.ask(Ask(title, value=str(value)))
    if text is None:
        return None
    typed = whole_number(text, MOST_AT_ONCE)
    if not typed:
        place.tell(f"{sanitize(text, 20)} is no number of photos; nothing has changed.")
    return typed


async def _label(place: Submit, before: Batching) -> Batching | None:
    lines = [f"Stored with every photo as {LABEL}. {{folder}}, {{stem}} and {{relative}} are filled in."]
    text = await place.host.ask(Ask("The label of each photo", lines, value=before.label))
    if text is None:
        return None
    try:
        label_of(text, SourceFile(place.order.target.folder / "x.jpg", place.order.target.folder))
    except ValueError as problem:
        place.tell(str(problem))
        return None
    return replace(before, label=text)


# --------------------------------------------------------------------------------------------------------- sending


async def send(place: Submit) -> None:
    """Show what it costs, ask, send; where the terms are others by then, send nothing and say so."""
    if why := _cannot(place):
        place.tell(why)
        return
    place.tell("Asking the service for the price ...")
    try:
        order = await sending.renew(place.host.config, place.vault, place.order)
        place.put_order(order)
        proposal = await _proposed(place, order)
        place.tell("")
        if not await _agreed(place, order, proposal):
            return
        place.tell("Sending ...")
        numbers = await sending.send(place.host.config, place.vault, place.host.journal, order, proposal)
    except (ServiceError, PlanProblem) as problem:
        place.tell(str(problem))
        return
    except TermsChanged as now:
        # Not asked anew at once: the key that has just said yes may still be held.
        place.put_order(now.order)
        place.tell(f"{sending.difference(order, now.order)}. Nothing was sent; s shows what holds now, and asks.")
        return
    except FilesChanged as changed:
        place.chooser.checks.forget(changed.paths)
        place.tell(f"{changed}: looked at anew. Nothing was sent; s asks again.")
        return
    await _sent(place, proposal, numbers)


def _cannot(place: Submit) -> str:
    """Why nothing can be sent now; empty where it can."""
    if place.order.account is None:
        return NO_ACCOUNT
    if not place.chooser.marks:
        return "Nothing is marked: space marks a photo, a all that are shown."
    if place.order.choice is None:
        return "Which workflow? w chooses one and shows its price."
    if place.total.unread:
        return f"Still looking at {plural(place.total.unread, 'photo')}; s again in a moment."
    if place.total.refused == place.total.marked:
        return "None of the marked can be sent."
    return ""


async def _proposed(place: Submit, order: OrderForm) -> Proposal:
    now = dt.datetime.now(place.host.config.timezone)
    return await asyncio.to_thread(
        sending.propose, place.host.config, place.host.journal, order, place.chooser.marks,
        dict(place.chooser.checks.seen), now,
    )  # fmt: skip


async def _agreed(place: Submit, order: OrderForm, proposal: Proposal) -> bool:
    if not proposal.plan.queued:
        refused = proposal.plan.refused
        place.tell(
            refused[0].message
            if refused
            else "All of them were done or queued before: nothing to send, nothing to pay."
        )
        return False
    offer = proposal.plan.offer
    cost = await place.host.view.quote(
        place.host.config.accounts[offer.account], offer.workflow.price, proposal.portions()
    )
    question = sending.question(proposal, order, cost, place.host.glyphs)
    return await place.host.ask(question) == "y"


async def _sent(place: Submit, proposal: Proposal, numbers: list[int]) -> None:
    """Take the marks away, start an engine, and show the jobs."""
    place.tell("")
    place.chooser.put_marks([planned.found.path for planned in proposal.plan.photos], on=False)
    place.chooser.checks.forget([planned.found.path for planned in proposal.plan.photos])
    host = place.host
    host.notify(f"{plural(len(numbers), 'photo')} queued.", markup=False)
    if host.look.engine is None:
        host.soon(host.start_engine())
    await host.open_page(JOBS.key)
