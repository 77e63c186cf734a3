"""One photo's journey, read from top to bottom: check, upload, pay, look, save.

Each step ends in a durable move. A step that fails raises, and ``artui.failures`` says what the failure means; only
what follows from a paid call is settled by the call itself (``paying``), because it must be written whatever happens.
"""

from __future__ import annotations

import asyncio

from artui import budget, files
from artui.job import Job, Stage, Status
from artui.journal import jobs
from artui.providers.base import Progress, Uploaded
from artui.steps import looking
from artui.steps.desk import Desk, Hold, NotYet, photo_of
from artui.steps.paying import Paying
from artui.steps.saving import Saving

__all__ = ["Desk", "Hold", "Journey", "NotYet"]


class Journey:
    """The steps for the jobs of one account."""

    def __init__(self, desk: Desk) -> None:
        self.desk = desk
        self.paying = Paying(desk)
        self.saving = Saving(desk)

    async def prepare(self, job: Job) -> Job:
        """From a file on disk to an accepted execution: NEW to SUBMITTED, or a twin to its delivered result."""
        if job.stage is Stage.NEW:
            job = await self.check(job)
        if job.status is Status.RUNNING and job.twin_of is not None:
            return await self.saving.deliver(job)
        if job.status is Status.RUNNING and job.stage is Stage.CHECKED:
            job = await self.upload(job)
        if job.status is Status.RUNNING and job.stage in (Stage.UPLOADED, Stage.SUBMITTING):
            job = await (self.paying.retry(job) if job.execution else self.paying.submit(job))
        return job

    async def check(self, job: Job) -> Job:
        """Is it a whole photo of a kind the service takes, and has it been bought already? Costs nothing."""
        loop = asyncio.get_running_loop()
        photo = await loop.run_in_executor(self.desk.hashing, self._inspect, job)
        return await self.desk.journal.do(
            jobs.check_in, job, digest=photo.digest, media_type=photo.media_type, width=photo.width, height=photo.height
        )

    def _inspect(self, job: Job) -> files.Photo:
        photo = files.inspect(job.source, self.desk.provider.limits.accepts)
        if not photo.stamp.is_content_of(photo_of(job).stamp):
            raise files.Changed(job.source)
        return files.sha256(photo)

    async def upload(self, job: Job) -> Job:
        """Bring the photo to the service, unless it lies there already. Costs nothing."""
        await self.desk.journal.ask(budget.check, job, self.desk.terms())
        photo = photo_of(job)
        if job.attempts:
            known = await self.desk.provider.uploaded(photo)
        else:
            reference = await self.desk.journal.ask(jobs.reference_of, job.payer, job.digest)
            known = Uploaded(reference) if reference else None
        if known is None:
            name = files.ascii_name(job.source.name, job.media_type)
            with self.desk.transfers.counting(job.id, "up", job.size) as counted:
                known = await self.desk.provider.upload(photo, name, counted)
        return await self.desk.journal.do(
            jobs.move, job, Stage.UPLOADED, Status.RUNNING, "uploaded", reference=known.reference
        )

    async def note(self, job: Job, progress: Progress) -> Job:
        """Write down what one look at the job's execution showed: SUBMITTED, or on to PROCESSED."""
        return await looking.note(self.desk, job, progress)

    async def save(self, job: Job) -> Job:
        """Fetch every result and give it its name on disk: PROCESSED to DONE. A restart goes on where it stopped."""
        return await self.saving.save(job)
