"""The sampling gate: the first results of a batch side by side, then the question what becomes of the rest."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, ClassVar

from textual.app import ComposeResult
from textual.binding import Binding, BindingType

from artui.core import options
from artui.core.actions import Action
from artui.journal import Connection, batches, crowds
from artui.model.job import Batch, Job
from artui.model.states import Status
from artui.sanitize import beginning, sanitize
from artui.tui.dialogs import Choice, No, Question
from artui.tui.preview import Pair, PairScreen
from artui.tui.shell import Line
from artui.tui.view import Look
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


def question(sample: Sample) -> Question[Action]:
    """Ask what becomes of the rest: it is sent, or cancelled."""
    counts = Counter(_STANDING.get(job.status, "on the way") for job in sample.ahead)
    stand = ", ".join(f"{number:,} {said}" for said, number in counts.items())
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


def _standing(job: Job) -> str:
    said = _STANDING.get(job.status, job.reason or str(job.status))
    why = f", {beginning(job.message, 60)}" if job.status in (Status.FAILED, Status.HELD) else ""
    return f"{sanitize(job.source.name, 30)}: {said}{why}"


class SampleScreen(PairScreen[Action], inherit_bindings=False):
    """The first results of a batch, one pair at a time; gives the answer to its question, None for later."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("enter", "decide", "send the rest...", tooltip="Send the rest, or cancel it: shows first its price"),
        Binding("escape,q", "back", "later", tooltip="Decide later: the rest keeps waiting"),
        *PairScreen.PICTURE,
    ]
    CSS = f"""{PairScreen.CSS}
    SampleScreen #question {{ text-style: bold; }}
    SampleScreen #which {{ color: $quiet; }}
    """

    changes = frozenset({"decide"})

    def __init__(self, sample: Sample) -> None:
        super().__init__(Pair.of(sample.ahead[0]))
        self.sample = sample
        self.at = 0

    def compose(self) -> ComposeResult:
        """The question, which pair of how many, the pair."""
        yield Line(id="question")
        yield Line(id="which")
        yield from super().compose()

    def on_mount(self) -> None:
        """Follow those that are still on their way."""
        self.host.looked.subscribe(self, self._looked)

    def read(self) -> None:
        """Read and draw the pair, and say how it stands."""
        super().read()
        number, here = len(self.sample.ahead), self.sample.ahead[self.at]
        come = "" if self.sample.is_finished else f"  {self.sample.come:,} of {number:,} have come."
        step = ", left and right step" if number > 1 and not self.crop else ""
        self.query_one("#question", Line).say(f" {heading(self.sample)}{come}")
        self.query_one("#which", Line).say(f" {self.at + 1:,} of {number:,}{step}  {_standing(here)}")

    def _looked(self, look: Look) -> None:
        if look.wrote and (look.changed is None or any(job.id in look.changed for job in self.sample.ahead)):
            self.run_worker(self._renew())

    async def _renew(self) -> None:
        """Take in what has come meanwhile; where the batch no longer waits there is nothing to ask."""
        found = await _waiting(self.host, self.sample.batch.id)
        if not self.is_current:
            return
        if found is None:
            self.dismiss(None)
        else:
            self.sample = found
            self.turn_to(Pair.of(found.ahead[self.at]))

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:
        """The arrows always move something."""
        return action == "move" or super().check_action(action, parameters)

    def action_move(self, across: int, down: int) -> None:
        """Go to the pair beside this one; a piece moves as it always does."""
        if self.crop:
            super().action_move(across, down)
        elif 0 <= self.at + across < len(self.sample.ahead):
            self.at += across
            self.turn_to(Pair.of(self.sample.ahead[self.at]))

    def action_decide(self) -> None:
        """Ask what becomes of the rest."""

        def answered(agreed: Action | None) -> None:
            if agreed:
                self.dismiss(agreed)

        self.app.push_screen(question(self.sample), answered)


async def _waiting(host: Host, batch: str | None) -> Sample | None:
    samples = await host.view.ask(waiting_samples)
    return next((one for one in samples if batch in (None, one.batch.id)), None)


async def answer(host: Host, batch: str | None = None) -> bool:
    """Ask about a batch's sample (or the oldest one that waits); False where none waits."""
    sample = await _waiting(host, batch)
    if sample is None or not sample.ahead:
        return False

    async def answered(agreed: Action | None) -> None:
        if agreed:
            await host.decide([agreed])

    await host.push_screen(SampleScreen(sample), answered)
    return True
