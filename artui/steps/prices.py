"""What the workflows of an account cost now: one question serves all photos, and is asked while the first goes up."""

from __future__ import annotations

from functools import partial

from artui.config.system import boot_time
from artui.journal import accounts, prices
from artui.model.job import Job
from artui.model.states import Reason
from artui.providers.base import Puzzling, Workflow
from artui.single_flight import SingleFlight
from artui.steps.context import Hold, NotYet, StepContext

PRICE_AGE = 60.0
"""Seconds a price may be old when it is relied on, time asleep included."""

PATIENCE = 2
"""Times a photo is tried again whose price came in a form that cannot be read; then a person is told."""

NEWS_AGE = 1.0
"""Seconds an answer may be old that holds a photo: the photo may have been queued after it, at the new price."""


class Prices:
    """The workflows of one account as the service described them last."""

    def __init__(self, context: StepContext) -> None:
        self.context = context
        self._answers: dict[str, tuple[float, Workflow | None]] = {}
        self._questions: SingleFlight[Workflow] = SingleFlight()

    def ask_ahead(self, job: Job) -> None:
        """Have the price asked that this job needs soon, where it is not known; :meth:`check` tells what came."""
        if self._known_for(job, PRICE_AGE) is None:
            self._questions.begin(job.workflow, partial(self._ask, job))

    async def check(self, job: Job) -> None:
        """Let a job pass whose workflow still is what it was queued for, at that price.

        Raises Hold, NotYet where the service took too long to say, and what asking it raises.
        """
        workflow = self._known_for(job, PRICE_AGE)
        if workflow is None or self._difference(workflow, job):  # a difference is never held on an old answer
            try:
                workflow = self._known_for(job, NEWS_AGE) or await self._questions.join(
                    job.workflow, partial(self._ask, job)
                )
            except Puzzling as puzzle:
                if job.attempts < PATIENCE:
                    raise
                raise Hold(Reason.PRICE, f"what it costs cannot be read, so it is not sent: {puzzle}") from puzzle
            # Its age counts from the question, and the answer took longer than that.
            if self._known_for(job, PRICE_AGE) is None:
                raise NotYet("the price was old before the service had said it")
        if difference := self._difference(workflow, job):
            raise Hold(Reason.PRICE, difference)

    def _difference(self, workflow: Workflow, job: Job) -> str:
        """How a workflow differs from what a job was queued for; empty where it does not."""
        price = self.context.journal.read(prices.expected, job.payer, workflow.id, workflow.version, workflow.price)
        if price != job.quoted and not job.is_archive:  # what that costs nobody knows
            return f"{workflow.name} now costs {_money(price)}, not {_money(job.quoted)}; not sent"
        if workflow.version != job.version and not job.parameters:  # a recipe of ours goes with the job as it was
            return f"{workflow.name} was changed at the service since this photo was queued; not sent"
        return ""

    async def close(self) -> None:
        """Break off what is being asked."""
        await self._questions.close()

    def _known_for(self, job: Job, age: float) -> Workflow | None:
        """The job's workflow as the service described it at most ``age`` seconds ago."""
        asked_at, workflow = self._answers.get(job.workflow, (0.0, None))
        return workflow if boot_time() - asked_at <= age else None

    async def _ask(self, job: Job) -> Workflow:
        asked_at = boot_time()  # before it is asked: the price may change while the answer travels
        workflow = await self.context.provider.workflow(job.workflow)
        await self.context.journal.write_async(accounts.keep_workflow, job.account, job.workflow, workflow.document())
        self._answers[job.workflow] = (asked_at, workflow)
        return workflow


def _money(amount: int | None) -> str:
    return "an unknown price" if amount is None else str(amount)
