"""What the workflows of an account cost now: asked once for all photos, while the first of them goes up."""

from __future__ import annotations

from functools import partial

from artui.flights import Flights
from artui.job import Job
from artui.journal import accounts
from artui.providers.base import Workflow
from artui.states import Reason
from artui.steps.desk import Desk, Hold

PRICE_AGE = 60.0
"""Seconds a price may be old when it is relied on."""


class Prices:
    """The workflows of one account as the service described them last."""

    def __init__(self, desk: Desk) -> None:
        self.desk = desk
        self._known: dict[str, tuple[float, Workflow]] = {}
        self._questions: Flights[Workflow] = Flights()

    def ask_ahead(self, job: Job) -> None:
        """Have the price asked that this job needs soon, where it is not known; :meth:`check` tells what came."""
        if self._fresh(job) is None:
            self._questions.begin(job.workflow, partial(self._ask, job))

    async def check(self, job: Job) -> None:
        """Let a job pass whose workflow still is what it was queued for, at that price; raises Hold."""
        workflow = self._fresh(job)
        if workflow is None:
            workflow = await self._questions.join(job.workflow, partial(self._ask, job))
        if workflow.price != job.quoted:
            raise Hold(
                Reason.PRICE, f"{workflow.name} now costs {_money(workflow.price)}, not {_money(job.quoted)}; not sent"
            )
        if workflow.version != job.version and not job.parameters:  # a recipe of ours goes with the job as it was
            raise Hold(
                Reason.PRICE, f"{workflow.name} was changed at the service since this photo was queued; not sent"
            )

    async def close(self) -> None:
        """Break off what is being asked."""
        await self._questions.close()

    def _fresh(self, job: Job) -> Workflow | None:
        known = self._known.get(job.workflow)
        return None if known is None or self.desk.clock.now() - known[0] > PRICE_AGE else known[1]

    async def _ask(self, job: Job) -> Workflow:
        asked_at = self.desk.clock.now()
        workflow = await self.desk.provider.workflow(job.workflow)
        await self.desk.journal.do(accounts.keep_workflow, job.account, job.workflow, workflow.document())
        self._known[job.workflow] = (asked_at, workflow)
        return workflow


def _money(amount: int | None) -> str:
    return "an unknown price" if amount is None else str(amount)
