"""The story of one job in words: what it is, what was paid, what happened to it, and what to do now."""

from __future__ import annotations

import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from textual.content import Content

from artui.core.deliveries import standing
from artui.journal import Connection, crowds, deliveries, history, jobs, purchases
from artui.journal.crowds import HoldCount
from artui.journal.deliveries import DeliveryRow
from artui.model.holds import Group
from artui.model.job import Event, Job, Purchase
from artui.model.states import PurchaseState
from artui.sanitize import sanitize, width
from artui.tui.advice import what_now
from artui.tui.words import RowContext, amount, home, lasting, say, size

if TYPE_CHECKING:
    from artui.tui.host import Host

MOST_EVENTS = 200
"""The newest events that are shown; a job seldom has more than twenty."""


@dataclass(frozen=True, slots=True)
class Story:
    """Everything the journal knows of one job."""

    job: Job
    events: tuple[Event, ...]
    purchases: tuple[Purchase, ...]
    crowd: HoldCount | None
    delivery: DeliveryRow | None = None


def read_story(db: Connection, number: int) -> Story | None:
    """Read it, in the view's thread."""
    job = jobs.get(db, number)
    if job is None:
        return None
    crowd = crowds.crowds(db).get(crowds.of(job))
    events, bought = tuple(history.of_job(db, number)), tuple(purchases.of_job(db, number))
    return Story(job, events, bought, crowd, deliveries.of_job(db, number))


NAMES = 13
"""Cells of the column that names the facts."""

COLOURS = {Group.NEEDS: "$error", Group.SAVED: "$success", Group.ENDED: "$quiet", Group.QA: "$accent"}


def told(story: Story, host: Host, cells: int) -> Content:
    """The whole story as text, ``cells`` wide."""
    now = time.time()
    job = story.job
    row = say(job, RowContext(moving=host.look.moving), host.glyphs, now)
    parts: list[str | tuple[str, str]] = [(f"{sanitize(job.source.name)}\n", "bold")]
    parts.append((f"{row.sign} {row.stage}\n", f"bold {COLOURS.get(row.group, '$primary')}"))
    parts += [
        "\n",
        (f"{host.glyphs.plain(what_now(job, story.crowd))}\n", "bold" if row.group == "needs you" else ""),
        "\n",
    ]
    for name, value in _facts(job, story.purchases):
        parts += [(f"{name:<{NAMES}}", "$quiet"), f"{_hanging(value, cells)}\n"]
    if story.delivery:
        said = sanitize(standing(story.delivery, host.config.timezone))
        parts += [(f"{'delivery':<{NAMES}}", "$quiet"), f"{_hanging(said, cells)}\n"]
    parts += ["\n", ("What happened\n", "bold underline")]
    parts += list(_timeline(story.events, now))
    return Content.assemble(*parts)


def _facts(job: Job, bought: Sequence[Purchase]) -> Iterator[tuple[str, str]]:
    yield "file", sanitize(home(job.source))
    pixels = f", {job.width:,} x {job.height:,}" if job.width else ""
    yield "size", f"{size(job.size)}{pixels}{', ' + sanitize(job.media_type) if job.media_type else ''}"
    yield "workflow", f"{sanitize(job.workflow_name)} (version {sanitize(job.version, 16)})"
    yield "account", f"{sanitize(job.account)}, {sanitize(job.organization, 24)}"
    charged = amount(job.charged) if job.charged is not None else "not yet"
    yield "cost", f"quoted {amount(job.quoted)}, charged {charged}"
    for purchase in bought:
        yield f"paid call {purchase.number}", _purchase(purchase)
    if job.execution:
        yield "execution", sanitize(job.execution)
    if job.word:
        yield "it says", sanitize(job.word)
    if job.message:
        yield "message", sanitize(job.message)
    if job.twin_of is not None:
        yield "same as", f"job {job.twin_of}"
    for result in job.results:
        kind = f" ({size(result.size)})" if result.size else ""
        yield "result", f"{sanitize(home(result.path))}{kind}" if result.path else "at the service"
    for label, value in job.labels.items():
        yield "label", f"{sanitize(label)} = {sanitize(value)}"


def _hanging(text: str, cells: int) -> str:
    """Text in lines that stay right of the column of names."""
    room, lines, line = max(16, cells - NAMES), [], ""
    for letter in text:
        if width(line) + width(letter) > room:
            head, blank, tail = line.rpartition(" ")
            lines.append(head if blank else line)
            line = tail if blank else ""
        line += letter
    return f"\n{' ' * NAMES}".join([*lines, line])


def _purchase(purchase: Purchase) -> str:
    at = time.strftime("%d %b %H:%M:%S", time.localtime(purchase.intended_at))
    said = {
        PurchaseState.INTENDED: "fate unknown",
        PurchaseState.REFUSED: "surely not carried out, free",
        PurchaseState.KNOWN: "accepted",
        PurchaseState.PRESUMED_SPENT: "given up, counted as spent",
    }[purchase.state]
    cost = f"charged {purchase.charged:,}" if purchase.charged is not None else f"{purchase.reserved:,} reserved"
    if purchase.state is PurchaseState.REFUSED:
        cost = "nothing reserved"
    return f"{at}, {said}, {cost}"


def _timeline(events: Sequence[Event], now: float) -> Iterator[str | tuple[str, str]]:
    if len(events) > MOST_EVENTS:
        yield f"({len(events) - MOST_EVENTS:,} older ones are left out)\n"
    before = None
    for event in events[-MOST_EVENTS:]:
        at = time.strftime("%d %b %H:%M:%S" if now - event.at > 80_000 else "%H:%M:%S", time.localtime(event.at))
        since = f"+{lasting(event.at - before)}" if before is not None and event.at - before >= 1 else ""
        before = event.at
        yield (f"{at} {since:>7} ", "$quiet")
        yield f"{sanitize(event.what)}{': ' + sanitize(event.message) if event.message else ''}\n"
