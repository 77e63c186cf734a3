"""The sampling gate: the first results of a batch, which Review shows, then the question what becomes of the rest."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from artui.core import options
from artui.core.actions import Action
from artui.journal import Connection, batches, crowds
from artui.journal.reviews import Entry
from artui.model.job import Batch, Job
from artui.model.states import Status
from artui.sanitize import sanitize
from artui.tui.dialogs import Choice, No, Question
from artui.tui.words import plural

if TYPE_CHECKING:
    from artui.tui.host import Host


@dataclass(frozen=True, slots=True)
class Sample:
    """A batch that waits: the jobs that went ahead, and the yes to all that wait."""

    batch: Batch
    ahead: tuple[Job, ...]
    rest: Action

    @property
    def come(self) -> int:
        """How many of those that went ahead have come to an end."""
        return sum(job.status.final for job in self.ahead)

    @property
    def is_finished(self) -> bool:
        """Whether all of them have."""
        return self.come == len(self.ahead)


def waiting_samples(db: Connection) -> list[Sample]:
    """The batches that wait for a yes, the oldest first."""
    samples = [
        Sample(found, tuple(batches.ahead_of_sample(db, batch)), options.approval(db, batch, yes=True))
        for batch in crowds.behind_samples(db)
        for found in batches.find(db, batch)[:1]
    ]
    return sorted(samples, key=lambda sample: (sample.batch.created_at, [job.id for job in sample.ahead[:1]]))


def line(samples: Sequence[Sample]) -> str:
    """One sentence about what waits for a yes; empty where nothing does."""
    if not samples:
        return ""
    first = samples[0]
    if len(first.ahead) == 1:
        ready = "the first one has come" if first.is_finished else "the first one is on its way"
    else:
        ready = f"the first {len(first.ahead):,} " + ("have come" if first.is_finished else "are on their way")
    more = f" (and {plural(len(samples) - 1, 'more batch', 'more batches')})" if len(samples) > 1 else ""
    wait = f"{first.rest.photos:,} wait{'s' if first.rest.photos == 1 else ''}"
    return f"{sanitize(first.batch.name, 24)}: {ready}, {wait}: y{more}"


def heading(sample: Sample) -> str:
    """What is asked, with its price."""
    cost = "The price is not known." if sample.rest.price is None else f"At most {sample.rest.price:,} cr."
    return f"Send the other {plural(sample.rest.photos, 'photo')} of {sanitize(sample.batch.name, 30)}? {cost}"


def question(sample: Sample, looked_at: Sequence[Entry] = ()) -> Question[Action]:
    """Ask what becomes of the rest: it is sent, or cancelled. ``looked_at``: how the first ones were found."""
    found = {one.job: one for one in looked_at if one.review}
    counts = Counter(
        found[job.id].review if job.id in found else _STANDING.get(job.status, "on the way") for job in sample.ahead
    )
    why = sorted({sanitize(one.reason, 30) for one in found.values() if one.reason})
    stand = ", ".join(f"{number:,} {said}" for said, number in counts.items())
    stand += f" ({', '.join(why)})" if why else ""
    rest = "it" if sample.rest.photos == 1 else f"the {sample.rest.photos:,}"
    cancelled = replace(sample.rest, arguments={**sample.rest.arguments, "yes": False})
    return Question(
        heading(sample),
        [f"Of the first {len(sample.ahead):,}: {stand}."],
        (
            No("later"),
            Choice("y", "send it" if sample.rest.photos == 1 else "send them", sample.rest),
            Choice("x", f"cancel {rest}, nothing is paid", cancelled, by_enter=True),
        ),
    )


_STANDING: Mapping[Status, str] = {Status.DONE: "saved", Status.SKIPPED: "saved", Status.FAILED: "failed"}


def come(sample: Sample) -> str:
    """How many of the first have come, while more are on their way."""
    return "" if sample.is_finished else f"{sample.come:,} of {len(sample.ahead):,} have come"


async def waiting(host: Host, batch: str | None) -> Sample | None:
    """The sample of a batch, or with None the oldest one that waits; None where none does."""
    samples = await host.view.ask(waiting_samples)
    return next((one for one in samples if batch in (None, one.batch.id)), None)
