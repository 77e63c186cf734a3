"""What a person chooses about an order, one dialog after the other: workflow, output, batches."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from enum import Enum, auto
from pathlib import Path
from typing import TYPE_CHECKING

from textual.content import Content

from artui.config import AccountConfig
from artui.core.plan import SourceFile, Target
from artui.sanitize import sanitize, width
from artui.tui import catalogue, workflow_words
from artui.tui.choosing import SeveralDialog
from artui.tui.dialogs import Ask, Choice, No, Question
from artui.tui.service import ServiceError
from artui.tui.submit.batches import LABEL, Batching, Split, label_of
from artui.tui.submit.dialogs import Folders
from artui.tui.submit.ordering import target_of
from artui.tui.words import home, whole_number

if TYPE_CHECKING:
    from artui.tui.host import Host

NAME, PRICE = 44, 10
MOST_AT_ONCE = 100_000


async def workflows_of(
    host: Host, account: AccountConfig, tell: Callable[[str], object]
) -> tuple[catalogue.CatalogEntry, ...]:
    """Choose one or several of an account's workflows that the journal knows; the service is asked where it knows none.
    ``tell`` hears what is going on, and why nothing can be chosen."""
    known = await host.view.ask(catalogue.read, account.name)
    if not known.offers:
        tell("Asking the service for its workflows ...")
        try:
            if short := await catalogue.renew(host, account):
                host.notify(short, severity="warning", markup=False)
        except ServiceError as trouble:
            tell(str(trouble))
            return ()
        known = await host.view.ask(catalogue.read, account.name)
        tell("")
    if not known.offers:
        tell("No saved workflow: they are made and saved in the service's web app.")
        return ()
    rows = []
    for offer in known.offers:
        name = sanitize(catalogue.name(offer), NAME)
        price = "price ?" if offer.workflow.price is None else f"{offer.workflow.price:,} cr"
        used = f"{offer.past.saved:,} saved" if offer.past.saved else f"of {catalogue.day(offer.workflow)}"
        gap = " " * (NAME + 1 - width(name))
        rows.append((offer, Content.assemble(name, gap, (f"{price:>{PRICE}}", "bold"), (f"  {used}", "$quiet"))))
    return await host.ask(SeveralDialog("Which workflow?", rows, workflow_words.found_by)) or ()


async def output(host: Host, target: Target) -> Target | None:
    """Choose the output folder and the template below it; None where the person went back."""
    said = (
        "{relative} is the folder below the deepest one that all marked lie in, {stem} the photo's name; also {batch}, "
        "{workflow}, {date} and {n}. The ending comes from the result itself."
    )
    typed = Ask("Where do results go?", [said], value=f"{home(target.folder)}/{target.template}", suggester=Folders())
    text = await host.ask(typed)
    return target_of(text) if text else None


# --------------------------------------------------------------------------------------------------------- batches


class Also(Enum):
    """What is chosen about batches beside how photos are divided."""

    SAMPLE = auto()
    LABEL = auto()


async def batching(
    host: Host, before: Batching, found: Sequence[SourceFile], tell: Callable[[str], object]
) -> Batching | None:
    """Choose what of the ``found`` photos goes into one batch, the label of each, and a sample; None where nothing is
    to change. ``tell`` hears what cannot be."""
    of_sample = "ask after the first few of each batch" if before.sample is None else "no sample: send all at once"
    choices: Sequence[Choice[Split | Also] | No] = (
        No("leave as it is"),
        Choice("a", "one batch for all", Split.ALL, by_enter=True),
        Choice("f", "one per folder", Split.FOLDER, by_enter=True),
        Choice("e", "every so many photos one", Split.EVERY, by_enter=True),
        Choice("s", of_sample, Also.SAMPLE, by_enter=True),
        Choice("k", f"the label {LABEL} of each photo", Also.LABEL, by_enter=True),
    )
    lines = [f"Now: {sanitize(before.line(found, '·'), 60)}", f"label {LABEL}={sanitize(before.label, 40)}"]
    answer = await host.ask(Question("Batches", lines, choices))
    match answer:
        case Split.ALL | Split.FOLDER:
            return replace(before, split=answer)
        case Split.EVERY:
            every = await _number(host, "How many photos in one batch?", before.every, tell)
            return replace(before, split=Split.EVERY, every=every) if every else None
        case Also.SAMPLE if before.sample is not None:
            return replace(before, sample=None)
        case Also.SAMPLE:
            sample = await _number(host, "How many of each batch go ahead, before you are asked?", 5, tell)
            return replace(before, sample=sample) if sample else None
        case Also.LABEL:
            lines = [f"Stored with every photo as {LABEL}. {{folder}}, {{stem}} and {{relative}} are filled in."]
            label = await host.ask(Ask("The label of each photo", lines, value=before.label))
            if label is None:
                return None
            try:
                label_of(label, SourceFile(Path("/folder/photo.jpg"), Path("/folder")))
            except ValueError as problem:
                tell(str(problem))
                return None
            return replace(before, label=label)
        case None:
            return None


async def _number(host: Host, title: str, value: int, tell: Callable[[str], object]) -> int | None:
    text = await host.ask(Ask(title, value=str(value)))
    if text is None:
        return None
    typed = whole_number(text, MOST_AT_ONCE)
    if not typed:
        tell(f"{sanitize(text, 20)} is no number of photos; nothing has changed.")
    return typed
