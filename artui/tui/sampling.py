"""The sampling gate: the first results of a batch wait for a yes; what it costs, and what a no leaves unpaid."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from artui.job import Batch, Job, Reason, Status
from artui.journal import Connection, batches, jobs
from artui.shown import shown
from artui.tui.acts import Act
from artui.tui.dialogs import Choice, Question
from artui.tui.words import plural

if TYPE_CHECKING:
    from artui.tui.app import Console

NAMED = 5


@dataclass(frozen=True, slots=True)
class Sample:
    """A batch that waits: the jobs that went ahead, and those that wait for a yes."""

    batch: Batch
    ahead: tuple[Job, ...]
    waiting: tuple[Job, ...]

    @property
    def is_finished(self) -> bool:
        """Whether all that went ahead has come to an end."""
        return all(job.status.final for job in self.ahead)

    @property
    def most(self) -> int | None:
        """What the rest costs at most; None where a price is not known."""
        prices = [job.quoted for job in self.waiting]
        return None if None in prices else sum(price or 0 for price in prices)


def waiting_samples(db: Connection) -> list[Sample]:
    """The batches that wait for a yes, the oldest first."""
    held = jobs.select(db, "status = ? AND reason = ? ORDER BY id", (Status.HELD, Reason.SAMPLE))
    by_batch: dict[str, list[Job]] = {}
    for job in held:
        by_batch.setdefault(job.batch or "", []).append(job)
    return [sample for batch, waiting in by_batch.items() for sample in _sample(db, batch, waiting)]


def _sample(db: Connection, batch: str, waiting: Sequence[Job]) -> list[Sample]:
    found = batches.find(db, batch)
    ahead = jobs.select(db, "batch = ? AND NOT (status = ? AND reason = ?)", (batch, Status.HELD, Reason.SAMPLE))
    return [Sample(found[0], tuple(ahead), tuple(waiting))] if found else []


def line(samples: Sequence[Sample]) -> str:
    """One sentence about what waits for a yes; empty where nothing does."""
    if not samples:
        return ""
    first = samples[0]
    ready = "have come" if first.is_finished else "are on their way"
    more = f" (and {len(samples) - 1:,} more batches)" if len(samples) > 1 else ""
    return (
        f"{shown(first.batch.name, 24)}: the first {len(first.ahead):,} {ready}, {len(first.waiting):,} wait: y{more}"
    )


def question(sample: Sample) -> Question:
    """Ask about the rest of a batch; the first choice leaves it waiting."""
    number, most = len(sample.waiting), sample.most
    cost = "The price is not known." if most is None else f"At most {most:,} cr."
    title = f"Send the other {plural(number, 'photo')} of {shown(sample.batch.name, 30)}? {cost}"
    lines = [_standing(job) for job in sample.ahead[:NAMED]]
    if len(sample.ahead) > NAMED:
        lines.append(f"and {len(sample.ahead) - NAMED:,} more")
    return Question(
        title,
        lines,
        (
            Choice("l", "look at them first: the rest keeps waiting"),
            Choice("y", "yes, send the rest", spends=True),
            Choice("n", f"no, cancel the {number:,}: nothing more is paid"),
        ),
    )


_STANDING: Mapping[Status, str] = {Status.DONE: "saved", Status.SKIPPED: "saved", Status.FAILED: "failed"}


def _standing(job: Job) -> str:
    results = [result.path for result in job.results if result.path]
    said = _STANDING.get(job.status, str(job.status))
    return f"{shown(job.source.name, 30)}: {said}{' as ' + shown(results[0], 34) if results else ''}"


async def answer(console: Console, batch: str | None = None) -> bool:
    """Ask about a batch's sample (or the oldest one that waits); False where none waits."""
    samples = await console.view.ask(waiting_samples)
    sample = next((one for one in samples if batch in (None, one.batch.id)), None)
    if sample is None:
        return False

    async def answered(key: str | None) -> None:
        if key in ("y", "n"):
            await console.leave_requests([Act("approve", arguments={"batch": sample.batch.id, "yes": key == "y"})])

    await console.push_screen(question(sample), answered)
    return True
