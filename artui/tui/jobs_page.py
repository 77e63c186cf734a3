"""What the Jobs screen reads in one go, and the lines it draws from it."""

from __future__ import annotations

import time
from array import array
from collections.abc import Mapping
from dataclasses import dataclass

from textual.content import Content

from artui.core.finding import JOB_WORDS, hint
from artui.journal import Connection, crowds, window
from artui.journal.crowds import Crowds, HoldCount
from artui.journal.groups import group
from artui.journal.window import Filter, Overview, SortOrder, Totals
from artui.model.commands import Command
from artui.model.holds import Group
from artui.model.job import Batch, Job
from artui.model.states import Status
from artui.sanitize import sanitize, width
from artui.tui.advice import sentence
from artui.tui.look import Glyphs
from artui.tui.narrowing import Wanted
from artui.tui.words import RowContext, brief, clock, home, plural

CHIPS: tuple[tuple[Group | None, str, str], ...] = (
    (None, "All", "All"),
    (Group.NEEDS, "Needs you", "You"),
    (Group.ACTIVE, "Active", "Act"),
    (Group.QUEUED, "Queued", "Que"),
    (Group.QA, "In QA", "QA"),
    (Group.SAVED, "Saved", "Save"),
    (Group.ENDED, "Ended", "End"),
)
"""Each group with the word of its chip, and a short one for narrow screens."""

HINT = hint(JOB_WORDS, ["price"])
"""The words that narrow a list of jobs."""
ORDERS = {
    SortOrder.FILE: "from the end",
    SortOrder.NEWEST: "oldest first",
    SortOrder.STAGE: "from the end",
    SortOrder.COST: "lowest first",
}
"""The orders of a list of jobs, and what each is called the other way round."""


class JobsWanted(Wanted):
    """What is typed to narrow a list of jobs, and by what it is sorted; by itself it is by ``own``."""

    def __init__(self, own: SortOrder) -> None:
        self.own = own
        self.orders_beside = [one for one in ORDERS if one is not own]
        super().__init__(HINT, [(one, ORDERS[one]) for one in self.orders_beside])

    @property
    def by(self) -> SortOrder:
        """How it is sorted."""
        return self.own if self.place < 0 else self.orders_beside[self.place]


_OF_JOBS = {"retry": Command.RETRY, "cancel": Command.CANCEL}
"""The keys that are about jobs, by what they ask for."""


def may_fit(action: str, job: Job | None) -> bool:
    """Whether a key may do something about a job, or is about none."""
    if job is None:
        return action != "fetch"
    if action in ("retry", "fetch") and job.is_saved is (action == "retry"):
        return False  # of a saved one the key fetches its result again
    from artui.core.actions import out_of_place  # here: the first picture needs it for nothing

    if action == "first":
        from artui.core.order import waits_for_its_turn

        return waits_for_its_turn(job)
    return _OF_JOBS.get(action) not in out_of_place(job)


NO_PHOTOS = (
    "No photos yet. 2 picks photos and shows the price before anything is sent.\n"
    "`artui demo` shows it all without an account."
)
"""What stands in the place of an empty table."""


@dataclass(frozen=True, slots=True)
class Wish:
    """What is to be read: under which filter, in which order or ``turned`` around, which rows.

    ``pinned`` are the jobs shown on top, which change only with ``repin``; ``first``: so many rows of a new order.
    """

    wanted: Filter
    by: SortOrder
    turned: bool
    rows: tuple[int, ...]
    pinned: array[int]
    reorder: bool
    repin: bool
    first: int


@dataclass(frozen=True, slots=True)
class JobsRead:
    """What one reading gives; ``order`` is None where it was not asked for, ``seconds`` is what sorting took.

    ``crowds`` counts who shares a hold; ``samples`` are the batches that wait for a yes.
    """

    order: array[int] | None
    pinned: array[int]
    overview: Overview
    jobs: dict[int, Job]
    around: RowContext
    batches: dict[str, Batch]
    crowds: Crowds
    samples: frozenset[str]
    seconds: float


def read_page(db: Connection, wish: Wish) -> JobsRead:
    """Read what the screen shows, in the view's thread."""
    order, pinned, numbers, seconds = None, wish.pinned, wish.rows, 0.0
    if wish.reorder:
        began = time.monotonic()
        if wish.repin:
            top = wish.wanted.group is None and wish.by is SortOrder.FILE
            pinned = window.needing(db, wish.wanted) if top else array("q")
        order = window.order(db, wish.wanted, wish.by, turned=wish.turned, pinned=pinned)
        seconds = time.monotonic() - began
        numbers = (*numbers, *order[: wish.first])
    found = window.some(db, numbers)
    figures = window.overview(db, wish.wanted)
    around = RowContext(
        usual=window.usual_times(db, found.values()),
        next=window.next_in_line(db),
        queued=figures.counts[Group.QUEUED],
        aside=window.asides(db),
    )
    batches = {batch.id: batch for batch in window.batches(db)}
    samples = frozenset(crowds.behind_samples(db))
    return JobsRead(order, pinned, figures, found, around, batches, crowds.crowds(db), samples, seconds)


def chips_line(
    overview: Overview, chosen: Group | None, filtered: str, cells: int
) -> tuple[Content, list[tuple[int, int, Group | None]]]:
    """The chips with their counts and, at the right, what narrows them; with where each chip stands."""
    some = [each for each in CHIPS if overview.count(each[0]) or each[0] in (None, chosen)]
    beside = width(filtered) + 2 if filtered else 0
    for words, those in ((1, CHIPS), (2, CHIPS), (1, some), (2, some)):
        labels = [(each[0], f"{each[words]} {overview.count(each[0]):,}") for each in those]
        if sum(len(label) + 2 for _, label in labels) + beside <= cells:
            break
    parts: list[str | tuple[str, str]] = []
    spans: list[tuple[int, int, Group | None]] = []
    at = 0
    for chip, label in labels:
        text = f"[{label}]" if chip is chosen else f" {label} "
        number = overview.count(chip)
        style = "bold $primary" if chip is chosen else "$foreground" if number else ""
        if number and chip is Group.NEEDS and chip is not chosen:
            style = "$error"
        parts.append((text, style) if style else text)
        spans.append((at, at + len(text), chip))
        at += len(text)
    room = cells - at - 2
    if filtered and room > 6:
        filtered = sanitize(filtered, room)
        parts += [" " * (cells - at - width(filtered) - 1), (filtered, "bold"), " "]
    return Content.assemble(*parts), spans


def sum_line(totals: Mapping[str, Totals], marked: int, cells: int) -> str:
    """The money of what is shown, in one line that adds up; each account by itself where there are several. Of ever
    shorter lines it is the first that has room."""
    chosen = f"{marked:,} marked | " if marked else ""
    if len(totals) > 1:
        counted = f"{chosen}{sum(one.jobs for one in totals.values()):,} jobs: "
        told = []
        for account, one in totals.items():
            charged, moving = f"{account} {one.charged:,} charged", one.sent + one.to_come
            told.append(
                (
                    f"{charged} + {one.sent:,} sent + {one.to_come:,} to come",
                    f"{charged} + {moving:,} moving",
                    f"{account} {one.charged:,} + {moving:,}",
                )
            )
        lines = [counted + " | ".join(words) for words in zip(*told, strict=True)]
    else:
        one = next(iter(totals.values()), Totals())
        over = f"- over {-one.unspent:,}" if one.unspent < 0 else f"+ unspent {one.unspent:,}"
        counted, sent, to_come = f"{chosen}{one.jobs:,}", f"{one.sent:,}", f"{one.to_come:,}"
        whole = f"{chosen}{plural(one.jobs, 'job')}: quoted {one.quoted:,} = charged {one.charged:,}"
        lines = [
            f"{whole} + sent {sent} + to come {to_come} {over}",
            f"{counted}: quoted {one.quoted:,} = {one.charged:,} + {sent} sent + {to_come} to come {over}",
            f"{counted}: {one.charged:,} charged, {sent} sent, {to_come} to come",
        ]
    return f" {next((line for line in lines if len(line) + 2 <= cells), lines[-1])}"


def here_line(job: Job, cells: int, glyphs: Glyphs) -> str:
    """The line about the job under the cursor: its workflow, its result's place, its execution."""
    results = [result.path for result in job.results if result.path]
    target = home(results[0] if results else f"{job.folder}/{job.stem}")
    right = f"execution {brief(job.execution)}" if job.execution else f"job {job.id}"
    left = f"{sanitize(job.workflow_name, 34, glyphs.ellipsis)} {glyphs.arrow} "
    place = sanitize(target, max(8, cells - width(left) - width(right) - 4), glyphs.ellipsis)
    return left + place + " " * max(2, cells - 2 - width(left) - width(place) - width(right)) + right


def todo_line(job: Job, crowd: HoldCount | None, waits_for_yes: bool, now: float) -> str:
    """What a person is to do about the job under the cursor; empty where there is nothing. ``now``: epoch seconds."""
    if job.status is Status.HELD or group(job.status, job.reason, job.hold_scope) is Group.NEEDS:
        return f"{clock(job.finished_at if job.finished_at is not None else job.stage_at, now)} {sentence(job, crowd)}"
    if waits_for_yes:
        return "The rest of this batch waits for your yes: b shows what has come, and asks."
    return ""
