"""One photo's journey, read from top to bottom: check, upload, pay, look, save.

Each step ends in a durable move. A step that fails raises, and ``artui.engine.failures`` says what the failure means;
only what follows from a paid call is settled by the call itself (``paying``), because it must be written whatever
happens.
"""

from __future__ import annotations

import asyncio
from contextlib import nullcontext
from weakref import WeakValueDictionary

from artui import budget, files
from artui.journal import Connection, found, jobs, origins, purchases, result_files
from artui.model.job import Job
from artui.model.states import PurchaseState, Stage, Status
from artui.providers.base import ExecutionStatus, Puzzling, Uploaded
from artui.steps import looking
from artui.steps.context import Hold, NotYet, OutsideHours, StepContext, photo_of
from artui.steps.paying import Paying
from artui.steps.saving import Saving

__all__ = ["Hold", "NotYet", "OutsideHours", "Pipeline", "StepContext"]


class Pipeline:
    """The steps for the jobs of one account."""

    def __init__(self, context: StepContext) -> None:
        self.context = context
        self.paying = Paying(context)
        self.saving = Saving(context)
        self._uploading: WeakValueDictionary[str, asyncio.Lock] = WeakValueDictionary()

    async def prepare(self, job: Job) -> Job:
        """From a file on disk to an accepted execution: NEW to SUBMITTED, or a twin to its delivered result."""
        job = await self.bring(job)
        return await self.order(job) if job.status is Status.RUNNING else job

    async def bring(self, job: Job) -> Job:
        """From a file on disk to a photo at the service: NEW to UPLOADED, or a twin to its delivered result. Costs
        nothing."""
        if job.stage is Stage.NEW:
            job = await self.check(job)
        if job.status is Status.RUNNING and job.twin_of is not None:
            return await self.saving.deliver(job)
        if job.status is Status.RUNNING and job.stage is not Stage.NEW and not job.execution:
            self.paying.check_repeats(job)  # before the upload: a photo that needs a person's yes need not go up first
            self.context.refuse_outside_hours(job)
            job = await self._freshen(job)
        if job.status is Status.RUNNING and job.stage is Stage.CHECKED:
            job = await self.upload(job)
        return job

    async def order(self, job: Job) -> Job:
        """From a photo at the service to an accepted execution: UPLOADED to SUBMITTED."""
        self.context.refuse_outside_hours(job)  # they may have ended while it went up
        # Only a retry has an execution before it is submitted: a create gets one with its answer.
        return await (self.paying.retry(job) if job.execution else self.paying.submit(job))

    async def check(self, job: Job) -> Job:
        """Is it a whole photo of a kind the service takes, and has it been bought already? Costs nothing.

        What the service fetches itself from an address is known by that address alone.
        """
        if job.address:
            photo = files.addressed(job.address)
        else:
            # In threads of its own, so that reading whole photos keeps no small write or probe waiting.
            photo = await asyncio.get_running_loop().run_in_executor(self.context.hashing, self._inspect, job)
        return await self.context.journal.write_async(
            found.check_in,
            job,
            digest=photo.digest,
            picture=photo.picture,
            media_type=photo.media_type,
            width=photo.width,
            height=photo.height,
        )

    def _inspect(self, job: Job) -> files.Photo:
        photo = files.inspect(job.source, self.context.provider.limits.accepts, hashed=True)
        if not photo.stamp.is_content_of(photo_of(job).stamp):
            raise files.Changed(job.source)
        if photo.suspect and job.rule:  # what a person sends is judged before it becomes a job
            raise files.suspicion(photo)
        return photo

    async def _freshen(self, job: Job) -> Job:
        """Where each purchase needs an upload of its own, give up the one that an earlier purchase may have used."""
        if not self.context.provider.limits.fresh_upload or not job.reference:
            return job
        last = self.context.journal.read(purchases.current, job)
        if last is None or last.reference != job.reference:
            return job
        # A refusal without repeats was none of the service's: nothing reached it, so that the upload is as good as new.
        if not (last.state is PurchaseState.PRESUMED_SPENT or (last.state is PurchaseState.REFUSED and last.repeats)):
            return job
        message = "the service may have used the last upload: it is uploaded again"
        return await self.context.journal.write_async(
            jobs.move, job, Stage.CHECKED, Status.RUNNING, "upload used", message=message, new_try=True, reference=""
        )

    async def upload(self, job: Job) -> Job:
        """Bring the photo to the service, unless it lies there already. Costs nothing."""
        # One at a time for one content: a photo that goes through several workflows is uploaded once.
        is_shared = not self.context.provider.limits.fresh_upload and not job.address
        turn = self._uploading.setdefault(f"{job.payer} {job.digest}", asyncio.Lock()) if is_shared else nullcontext()
        async with turn:
            return await self._upload(job)

    async def _upload(self, job: Job) -> Job:
        now = await self.context.who_pays()

        def ask(db: Connection) -> tuple[str, str]:
            budget.check_payer(db, job, now)
            budget.check(db, job, self.context.terms())
            return jobs.reference_of(db, job.payer, job.digest), f"{origins.current(db)}.{job.id}"

        reference, tag = self.context.journal.read(ask)
        self.paying.prices.ask_ahead(job)  # begun now, so that it is known when the photo is there
        self.paying.copies.ask_ahead(job)
        uploaded = await self._known(job, reference)
        what = "uploaded" if uploaded is None else "there already"
        if uploaded is None and job.address:
            uploaded = await self.context.provider.fetch_address(job.address)
        elif uploaded is None:
            name = files.ascii_name(job.source.name, job.media_type)
            with self.context.transfers.track(job.id, "up", job.size) as counted:
                uploaded = await self.context.provider.upload(photo_of(job), name, counted, tag)
        reference = uploaded.reference
        # What an address names was there before us, and others may use it.
        is_ours = what == "uploaded" and reference not in job.address and self.context.provider.removes_uploads

        def note_upload(db: Connection) -> Job:
            # Paid for, it would bring the other photo's result. What an address names may be anybody's file.
            if reference not in job.address:
                if other := jobs.of_other_photo(db, job, reference):
                    raise Puzzling(f"not ordered: the service names the upload of another photo, job {other}'s, for it")
                if given_by := result_files.execution_of(db, job.payer, reference):
                    raise Puzzling(f"not ordered: the service names the result of execution {given_by} for it")
            return found.uploaded(db, job, reference, what, to_remove=is_ours)

        return await self.context.journal.write_async(note_upload)

    async def _known(self, job: Job, reference: str) -> Uploaded | None:
        """Where the photo lies at the service already: by our journal, which has this ``reference``; by the service
        after a failure, for a photo that is bought anew, and for one from before ``artui recover``."""
        if self.context.provider.limits.fresh_upload:
            return None
        # A failure may come from the upload being gone; a journal that was put back may note what is no longer there.
        is_unsure = job.attempts or job.copy or job.created_at < self.context.journal.read(origins.since)
        if is_unsure and not job.address:
            return await self.context.provider.uploaded(photo_of(job))
        return Uploaded(reference) if reference else None

    async def replay(self, job: Job) -> Job:
        """Send a purchase in doubt once more under its own key: SUBMITTING to SUBMITTED, or it stays in doubt."""
        return await self.paying.replay(job)

    async def note(self, job: Job, progress: ExecutionStatus, *, taken: bool = False) -> Job:
        """Write down what one look at the job's execution showed: SUBMITTED, or on to PROCESSED.

        ``taken``: a job that is done is taken in the same move, by whoever saves it now.
        """
        if progress.as_quoted and (bought := self.context.journal.read(purchases.current, job)):
            progress = progress.of_order(bought.reserved)
        return await looking.note(self.context, job, progress, taken=taken)

    async def close(self) -> None:
        """Break off what no step waits for any more."""
        await self.paying.prices.close()
        await self.paying.copies.close()
        await self.context.probes.close()

    async def save(self, job: Job) -> Job:
        """Fetch every result and give it its name on disk: PROCESSED to DONE. A restart goes on where it stopped."""
        return await self.saving.save(job)
