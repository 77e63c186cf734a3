"""The story of one job in words: what it is, what was paid, what happened to it, and what to do now."""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from textual.content import Content

from artui.core.deliveries import standing
from artui.journal import Connection, accounts, crowds, deliveries, history, jobs, purchases, reviews
from artui.journal.crowds import HoldCount
from artui.journal.deliveries import DeliveryRow
from artui.journal.reviews import Decision
from artui.model.holds import Group
from artui.model.job import Event, Job, Purchase
from artui.model.states import PurchaseState, Review, Stage, Status
from artui.sanitize import beginning, sanitize, width
from artui.tui.advice import what_now
from artui.tui.words import RowContext, about, amount, clock, home, lasting, say, size

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
    usual: float | None = None
    """How long its workflow usually takes, in seconds."""
    steps: tuple[str, ...] = ()
    """The steps of its workflow in its version, where those are still known."""
    decision: Decision | None = None
    """The last one about its result."""
    of_sku: tuple[int, int] = (0, 0)
    """Which photo of its SKU it is, and of how many; noughts where it has none."""


def read_story(db: Connection, number: int) -> Story | None:
    """Read it, in the view's thread."""
    job = jobs.get(db, number)
    if job is None:
        return None
    crowd = crowds.crowds(db).get(crowds.of(job))
    events, bought = tuple(history.of_job(db, number)), tuple(purchases.of_job(db, number))
    made = reviews.of_job(db, number)
    return Story(job, events, bought, crowd, deliveries.of_job(db, number), decision=made[-1] if made else None)


def read_beside(db: Connection, number: int) -> Story | None:
    """As :func:`read_story`, with what is known of its workflow."""
    if (story := read_story(db, number)) is None:
        return None
    job = story.job
    from artui.tui import catalogue, workflow_words

    usual = accounts.usual(db, job.payer, job.workflow)
    text = accounts.cached_workflow(db, job.account, job.workflow)
    found = catalogue.parse(text) if text else None
    steps = workflow_words.steps(found) if found and found.version == job.version else []
    return replace(
        story, usual=usual and usual[0], steps=tuple(step for step in steps if step != "in"),
        of_sku=reviews.of_sku(db, job),
    )  # fmt: skip


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
    if job.is_saved:
        parts += [(f"{'review':<{NAMES}}", "$quiet"), f"{_hanging(_reviewed(story, now), cells)}\n"]
    if story.delivery:
        said = sanitize(standing(story.delivery, host.config.timezone))
        parts += [(f"{'delivery':<{NAMES}}", "$quiet"), f"{_hanging(said, cells)}\n"]
    parts += ["\n", ("What happened\n", "bold underline")]
    if len(story.events) > MOST_EVENTS:
        parts.append(f"({len(story.events) - MOST_EVENTS:,} older ones are left out)\n")
    before = None
    for event in story.events[-MOST_EVENTS:]:
        at = time.strftime("%d %b %H:%M:%S" if now - event.at > 80_000 else "%H:%M:%S", time.localtime(event.at))
        since = f"+{lasting(event.at - before)}" if before is not None and event.at - before >= 1 else ""
        before = event.at
        said = f"{sanitize(event.what)}{': ' + sanitize(event.message) if event.message else ''}\n"
        parts += [(f"{at} {since:>7} ", "$quiet"), said]
    return Content.assemble(*parts)


def beside(story: Story, host: Host, cells: int, *, is_wide: bool) -> Content:
    """What a pane beside the list tells of a job, ``cells`` wide: how it stands, what it cost, when it came how far;
    with all its facts where the screen ``is_wide``."""
    now, job = time.time(), story.job
    row = say(job, RowContext(), host.glyphs, now)
    lines: list[str | Content | tuple[str, str]] = []
    if job.status is Status.DONE and job.finished_at is not None:
        began = next((event.at for event in story.events if event.status is Status.RUNNING), None)
        usually = f" (usually {lasting(story.usual)})" if story.usual else ""
        took = "" if began is None else f", took {lasting(job.finished_at - began)}{usually}"
        lines.append(f"saved {clock(job.finished_at, now)}{took}")
    else:
        lines.append((f"{row.sign} {row.stage}", f"bold {COLOURS.get(row.group, '$primary')}"))
        lines.append(host.glyphs.plain(what_now(job, story.crowd)))
    sku = f"   sku {sanitize(job.labels['sku'])}" if job.labels.get("sku") else ""
    lines.append(sanitize(f"quoted {amount(job.quoted)}, charged {_charged(job)}{sku}", cells, host.glyphs.ellipsis))
    if job.word and not job.status.final:
        lines.append(beginning(f"service: {job.word}", cells, host.glyphs.ellipsis))
    if is_wide:
        lines.append("")
        for name, value in _facts(job, story.purchases):
            if name in ("workflow", "account", "execution", "result"):
                lines.append(Content.assemble((f"{name:<{NAMES}}", "$quiet"), _hanging(value, cells)))
    lines += ["", *_milestones(story, now)]
    if job.is_saved:
        lines += ["", f"review: {_reviewed(story, now)}"]
    return Content("\n").join(Content.styled(*one) if isinstance(one, tuple) else Content("") + one for one in lines)


def _reviewed(story: Story, now: float) -> str:
    """How a saved result was found, by whom and when."""
    made = story.decision
    if made is None or made.decision is Review.TAKEN_BACK:
        return "not looked at yet"
    why = f": {sanitize(made.reason)}" if made.reason else ""
    return f"{made.decision} by {sanitize(made.who, 24)}, {clock(made.at, now)}{why}"


MILESTONES: Mapping[Stage, tuple[str, Stage | None, Stage | None]] = {
    Stage.UPLOADED: ("uploaded", Stage.CHECKED, Stage.UPLOADED),
    Stage.SUBMITTED: ("at the service", Stage.SUBMITTED, Stage.PROCESSED),
    Stage.SAVED: ("saved", Stage.PROCESSED, Stage.SAVED),
}
"""The stages that a pane tells of, each with its word and the two between which it lasted."""


def _milestones(story: Story, now: float) -> Iterator[Content]:
    """When a job came how far and how long that took, the steps of its workflow, and how it ended where not well."""
    came: dict[Stage, float] = {}
    for event in story.events:
        came.setdefault(event.stage, event.at)
    for stage, (word, first, last) in MILESTONES.items():
        if stage not in came:
            continue
        lasted = f"  {about(came[last] - came[first])}" if first in came and last in came else ""
        yield _at(came[stage], now, f"{word}{lasted}")
        if stage is Stage.SUBMITTED:
            yield from (Content.styled(f"{'':{STAMP}}{step}", "$quiet") for step in story.steps)
    if story.events and story.job.status in (Status.FAILED, Status.HELD, Status.CANCELLED):
        yield _at(story.events[-1].at, now, sanitize(story.events[-1].what))


STAMP = 10
"""Cells of a moment and what is free behind it."""


def _at(at: float, now: float, what: str) -> Content:
    form = "%d %b" if now - at > 80_000 else "%H:%M:%S"
    return Content.assemble((f"{time.strftime(form, time.localtime(at)):<{STAMP}}", "$quiet"), what)


def _charged(job: Job) -> str:
    """What a job was charged; a copy costs nothing, and what is at the service may still."""
    if job.charged is None and job.status is Status.SKIPPED:
        return "nothing"
    return amount(job.charged) if job.charged is not None else "not yet"


FATES = {
    PurchaseState.INTENDED: "fate unknown",
    PurchaseState.REFUSED: "surely not carried out, free",
    PurchaseState.KNOWN: "accepted",
    PurchaseState.PRESUMED_SPENT: "given up, counted as spent",
}
"""What became of a paid call."""


def _facts(job: Job, bought: Sequence[Purchase]) -> Iterator[tuple[str, str]]:
    yield "file", sanitize(home(job.source))
    pixels = f", {job.width:,} x {job.height:,}" if job.width else ""
    yield "size", f"{size(job.size)}{pixels}{', ' + sanitize(job.media_type) if job.media_type else ''}"
    yield "workflow", f"{sanitize(job.workflow_name)} (version {sanitize(job.version, 16)})"
    yield "account", f"{sanitize(job.account)}, {sanitize(job.organization, 24)}"
    yield "cost", f"quoted {amount(job.quoted)}, charged {_charged(job)}"
    for purchase in bought:
        at = time.strftime("%d %b %H:%M:%S", time.localtime(purchase.intended_at))
        cost = f"charged {purchase.charged:,}" if purchase.charged is not None else f"{purchase.reserved:,} reserved"
        if purchase.state is PurchaseState.REFUSED:
            cost = "nothing reserved"
        yield f"paid call {purchase.number}", f"{at}, {FATES[purchase.state]}, {cost}"
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
