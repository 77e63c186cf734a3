"""The way back: fetch what was bought, give it its name on disk, and give twins their copy."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from functools import partial
from pathlib import Path

from artui import files
from artui.job import Job, Reason, Result, Stage, Status
from artui.journal import Connection, jobs
from artui.providers.base import Output, Sent, State, Transient
from artui.steps.desk import Desk, Hold, NotYet
from artui.steps.looking import results_of
from artui.steps.output import check_output

JSON = "application/json"


class Saving:
    """Brings results of one account to their place on disk."""

    def __init__(self, desk: Desk) -> None:
        self.desk = desk

    async def save(self, job: Job) -> Job:
        """Fetch every result and give it its name on disk: PROCESSED to DONE. A restart goes on where it stopped."""
        if job.twin_of is not None:
            return await self.deliver(job)
        if job.stage is Stage.SAVED and await asyncio.to_thread(_all_published, job):
            return await self._finish(job)
        fetched = [await self._fetch(job, result) for result in job.results]
        return await self._publish(job, fetched)

    async def _fetch(self, job: Job, result: Result) -> Result:
        """Bring one result into its part file, whole and of the right bytes."""
        written = await self._download(job, result)
        if result.digest not in (None, written.digest):
            again = await self._download(job, result)
            if again.digest not in (result.digest, written.digest):
                raise Transient(f"the result of {job.source.name} arrives damaged, each time in another way")
            if again.digest != result.digest:
                # The same bytes twice, whole: the service's digest is wrong, not the result.
                message = "the service states another digest than its bytes have; they came twice the same"
                await self.desk.journal.do(jobs.note, job, "digest differs", message)
            written = again
        return replace(result, digest=written.digest, size=written.size, media_type=written.media_type or "")

    async def _download(self, job: Job, result: Result) -> files.Written:
        output = Output(result.locator, result.task, result.media_type, result.digest, result.size)
        with files.Part(files.part_path(job.folder, job.id, result.task)) as part:
            with self.desk.transfers.counting(job.id, "down", result.size) as counted:
                await self.desk.provider.download(output, job.execution, part, counted)
            written = await asyncio.to_thread(part.finish, result.size)
            if written.media_type is None or (written.media_type == JSON and result.media_type != JSON):
                part.abort()
                raise Transient(f"what the service sent for {job.source.name} is no picture")
            return written

    async def _publish(self, job: Job, fetched: list[Result]) -> Job:
        """Commit where each result goes, then put it there; a name taken meanwhile gives way to the next one."""
        stem, key = job.stem, job.stem_key
        while True:
            results = tuple(
                replace(result, path=str(job.folder / files.result_name(stem, result.media_type, result.task)))
                for result in fetched
            )
            job = await self.desk.journal.do(
                jobs.move, job, Stage.SAVED, Status.RUNNING, "fetched", results=results, stem=stem, stem_key=key
            )
            try:
                await asyncio.to_thread(_put_in_place, job)
                return await self._finish(job)
            except FileExistsError:
                stem = await self.desk.journal.ask(_free_stem, job)
                key = files.stem_key(job.folder, stem)

    async def _finish(self, job: Job) -> Job:
        message = ", ".join(Path(result.path).name for result in job.results if result.path)
        if job.twin_of is not None:
            message = f"{message}: a copy of job {job.twin_of}'s result, not paid"
            return await self.desk.journal.do(jobs.move, job, Stage.SAVED, Status.SKIPPED, "delivered", message=message)
        if job.cancel:
            message = f"cancelled too late, charged {job.charged}; saved as {message}"
        return await self.desk.journal.do(jobs.move, job, Stage.SAVED, Status.DONE, "saved", message=message)

    async def deliver(self, job: Job) -> Job:
        """Give a twin the result of the job with the same photo, under the twin's own name. Costs nothing."""
        first = await self.desk.journal.ask(jobs.get, job.twin_of or 0)
        if first is None or first.status is not Status.DONE:
            raise NotYet("the first job with this photo is not done")
        await check_output(self.desk, job)
        if job.stage is Stage.SAVED and await asyncio.to_thread(_all_published, job):
            return await self._finish(job)
        try:
            await asyncio.to_thread(_copy_results, first, job)
            fetched = [replace(result, path=None) for result in first.results]
        except (FileNotFoundError, files.BadResult):
            # Somebody moved or changed the first result on disk: what was bought is fetched once more.
            again = await self._results_again(first)
            fetched = [await self._fetch(replace(job, execution=first.execution), result) for result in again]
        return await self._publish(job, fetched)

    async def _results_again(self, first: Job) -> tuple[Result, ...]:
        seen = await self.desk.provider.poll([Sent(first.execution, first.workflow)])
        progress = seen.get(first.execution)
        if progress is None:
            raise Transient(f"the service did not answer about execution {first.execution}")
        if progress.state is not State.DONE:
            raise Hold(Reason.GONE, f"job {first.id}'s result is neither on disk nor at the service any more")
        return results_of(progress)


def _free_stem(db: Connection, job: Job) -> str:
    """The next free name where a file that is not ours has taken the reserved one."""
    return files.free_stem(job.folder, job.stem, partial(jobs.stem_taken, db))


def _put_in_place(job: Job) -> None:
    for result in job.results:
        target, part = Path(result.path or ""), files.part_path(job.folder, job.id, result.task)
        if not files.published(target, result.digest or ""):
            files.publish(part, target)
        part.unlink(missing_ok=True)


def _all_published(job: Job) -> bool:
    """Whether every result stands under its final name already; what is left of the parts goes."""
    if not job.results:
        return False
    for result in job.results:
        if not result.path or not files.published(Path(result.path), result.digest or ""):
            return False
        files.part_path(job.folder, job.id, result.task).unlink(missing_ok=True)
    return True


def _copy_results(first: Job, twin: Job) -> None:
    for result in first.results:
        part = files.part_path(twin.folder, twin.id, result.task)
        files.copy_to_part(Path(result.path or ""), part, result.digest or "")
