"""The way back: what was bought gets its name on disk, archives their layers beside them, and twins their copy."""

from __future__ import annotations

import asyncio
import logging
import os
from collections.abc import Sequence
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

from artui import files
from artui.journal import Connection, deliveries, jobs, published, uploads
from artui.model.job import Job, Result
from artui.model.states import Reason, Stage, Status
from artui.model.watching import Skip
from artui.providers.base import ExecutionRef, Rejected, State, Transient
from artui.steps import evidence
from artui.steps.context import Hold, NotYet, StepContext
from artui.steps.evidence import Ownership
from artui.steps.fetching import ZIP, Fetching
from artui.steps.looking import results_of
from artui.steps.metadata import as_served, change_owner, discard_parts, give_back, lacks, parts
from artui.steps.output import check_output, forget, refuse_unmounted

log = logging.getLogger(__name__)


class Saving:
    """Brings results of one account to their place on disk."""

    def __init__(self, context: StepContext) -> None:
        self.context = context
        self.fetching = Fetching(context)
        self._lacking = set[str]()

    async def save(self, job: Job) -> Job:
        """Fetch every result and give it its name on disk: PROCESSED to DONE. A restart goes on where it stopped."""
        if job.twin_of is not None:
            return await self.deliver(job)
        if not job.keep:
            return await self._leave(job)
        try:
            await refuse_unmounted(self.context, job)
            saved = await self._bring_home(job)
        except Rejected as gone:
            if not _is_fetched_again(job):
                raise
            return await self._stays_lost(job, gone)
        except files.OutputProblem as problem:
            # First: keeping may take long, and nothing is to be bought for the folder meanwhile.
            forget(self.context, job.folder)
            if problem.reason == "full":
                self.context.roomless.add(job.id)
            await self.fetching.keep_safe(job, problem)
            raise
        self.context.roomless.discard(job.id)
        return saved

    async def _bring_home(self, job: Job) -> Job:
        if job.stage is Stage.SAVED and await asyncio.to_thread(_all_published, job):
            return await self._finish(job)
        results = job.results or await self._results_again(job)
        if not results:
            raise Hold(Reason.DAMAGED, "the service calls it done and gives no result")
        if _is_fetched_again(job) and await asyncio.to_thread(_is_name_taken, results):
            # They get another name together, so that what lies in its place is needed once more, too.
            return await self._publish(job, [await self._fetched(job, result) for result in results])
        return await self._publish(job, [await self._brought(job, result) for result in results])

    async def _brought(self, job: Job, result: Result) -> Result:
        """One result in its part file, with the metadata it is to have; or under its name already."""
        if result.path is not None and await asyncio.to_thread(files.published, Path(result.path), result.digest or ""):
            return result
        return await self._fetched(job, result)

    async def _fetched(self, job: Job, result: Result) -> Result:
        return await give_back(self.context, job, await self.fetching.fetch(job, as_served(result)))

    async def _stays_lost(self, job: Job, gone: Exception) -> Job:
        """End a job again whose saved result was to be fetched once more, and cannot be."""
        for result in job.results:
            await asyncio.to_thread(discard_parts, job, result)
        message = f"{gone}: it stays as it was; `artui redo {job.id}` buys it anew"
        status = Status.DONE if job.twin_of is None else Status.SKIPPED
        return await self.context.journal.write_async(
            jobs.move, job, Stage.SAVED, status, "not fetched", message=message
        )

    async def _leave(self, job: Job) -> Job:
        """End a job whose result nobody wants any more; the service keeps it for as long as it does."""
        for result in job.results:
            await asyncio.to_thread(discard_parts, job, result)
        await self.fetching.forget(job)
        message = f"not saved, as wished; charged {'an unknown price' if job.charged is None else job.charged}"
        return await self.context.journal.write_async(
            jobs.move, job, job.stage, Status.CANCELLED, "cancelled", message=message
        )

    async def _publish(self, job: Job, fetched: list[Result]) -> Job:
        """Commit where each result goes, then put it there; a name taken meanwhile gives way to the next one."""
        stem, key = job.stem, job.stem_key
        if await self.context.journal.read_async(_lies_there, job, fetched):  # in a thread: it reads what is there
            stem, key = job.wanted, files.stem_key(job.folder, job.wanted)
        while True:
            results = _named(job.folder, stem, fetched)
            # Durable before the names exist: after a kill a name that holds its digest is known to be ours, and done.
            wanted = await self.context.journal.write_async(_commit, job, results=results, stem=stem, stem_key=key)
            if wanted is None:
                # With what was fetched, so that its parts go, too.
                return await self._leave(replace(job, results=tuple(fetched)))
            job = wanted
            try:
                await refuse_unmounted(self.context, job)  # its disk may have gone while it came
            except files.OutputProblem:
                for result in job.results:
                    await asyncio.to_thread(discard_parts, job, result)
                raise
            try:
                await asyncio.to_thread(_put_in_place, job)
                return await self._finish(job)
            except FileExistsError:
                stem = await self.context.journal.read_async(_free_stem, job)  # in a thread: it looks at the disk
                key = files.stem_key(job.folder, stem)

    async def _finish(self, job: Job) -> Job:
        saved = [await self._told(job, result, Path(result.path)) for result in job.results if result.path]
        layered = [result for result in job.results if result.unpack and not job.is_archive]
        message = ", ".join(saved + [await self._lay_out(job, result) for result in layered])
        await self.fetching.forget(job)
        delivery = self.context.delivery(job)
        if job.twin_of is not None:
            first, reason = self.context.journal.read(jobs.get, job.twin_of), ""
            message = f"{message}: a copy of job {job.twin_of}'s result, not paid"
            if first is not None and first.digest != job.digest:
                reason, message = Skip.ONLY_METADATA, f"{message}, for only the metadata of its photo differs"
            if first is not None and first.version != job.version:
                message = f"{message}; {job.workflow_name} was another version then: `artui redo {job.id}` buys it anew"

            def give(db: Connection) -> Job:
                deliveries.expect(db, job, *delivery)
                return jobs.move(db, job, Stage.SAVED, Status.SKIPPED, "delivered", reason=reason, message=message)

            return await self.context.journal.write_async(give)
        if job.cancel:
            message = f"cancelled too late, charged {job.charged}; saved as {message}"

        def end(db: Connection) -> Job:
            uploads.release(db, job)  # with DONE: a kill between the two would leave the upload there for good
            deliveries.expect(db, job, *delivery)
            return jobs.move(db, job, Stage.SAVED, Status.DONE, "saved", message=message)

        return await self.context.journal.write_async(end)

    async def _told(self, job: Job, result: Result, path: Path) -> str:
        """A saved result by its name, and by what it should have and has not: metadata, permissions, or its size."""
        name = f"{path.name} without the photo's metadata" if lacks(job, result) else path.name
        permissions = self.context.permissions(job)
        if permissions != files.AS_USUAL and (lacking := await asyncio.to_thread(permissions.lacking, path)):
            name = f"{name}, whose permissions are not as set ({lacking})"
            said = f"results in {job.folder} have not the permissions that are set: {lacking}"
            if said not in self._lacking:
                self._lacking.add(said)
                log.warning("%s", said)
        if not (job.width and self.context.provider.keeps_size(job.parameters)):
            return name
        width, height = await asyncio.to_thread(files.pixels_of, path)
        if not 0 < width * height < job.width * job.height:  # 0: its header does not say
            return name
        sizes = f"{width:,} x {height:,} instead of {job.width:,} x {job.height:,}"
        return f"{name}, which has fewer pixels than the photo: {sizes}"

    async def _lay_out(self, job: Job, result: Result) -> str:
        """Lay the layers of a saved archive beside it; says where, or why not. The archive is safe either way."""
        if result.media_type != ZIP:
            return "no layers: it is no archive"
        try:
            folder = await asyncio.to_thread(
                files.unpack_layers, Path(result.path or ""), result.digest or "", lambda laid: self._enter(job, laid),
                self.context.permissions(job),
            )  # fmt: skip
        except (files.LayersProblem, files.OutputProblem, OSError) as problem:
            return f"layers not unpacked: {problem}"
        return f"layers in {folder.name}"

    def _enter(self, job: Job, saved: list[tuple[str, int]]) -> None:
        """Write down what is saved beside a job's results, before it is there; for a thread."""
        self.context.journal.write(published.note, job.id, saved)

    async def deliver(self, job: Job) -> Job:
        """Give a twin the result of the job with the same photo, under the twin's own name. Costs nothing."""
        first = self.context.journal.read(jobs.get, job.twin_of or 0)
        if first is None or first.status is not Status.DONE:
            raise NotYet("the first job with this photo is not done")
        try:
            return await self._delivered(job, first)
        except (Rejected, Hold) as gone:
            if not _is_fetched_again(job) or (isinstance(gone, Hold) and gone.reason is not Reason.GONE):
                raise
            return await self._stays_lost(job, gone)

    async def _delivered(self, job: Job, first: Job) -> Job:
        await check_output(self.context, job)
        # A kill came between the last name and the end of the job.
        if job.stage is Stage.SAVED and await asyncio.to_thread(_all_published, job):
            return await self._finish(job)
        try:
            fetched = [await self._copied(first, job, result) for result in first.results]
        except (FileNotFoundError, files.BadResult):
            # Somebody moved or changed the first result on disk: what was bought is fetched once more.
            again = await self._results_again(first)
            theirs = replace(job, execution=first.execution)  # the first one's result, into the twin's own part file
            fetched = [
                await give_back(self.context, job, await self.fetching.fetch(theirs, result)) for result in again
            ]
        return await self._publish(job, fetched)

    async def _copied(self, first: Job, twin: Job, result: Result) -> Result:
        """A copy of the first job's result in the twin's part file, with the metadata of the twin's own photo."""
        part, _ = parts(twin, result)
        await asyncio.to_thread(
            files.copy_to_part, Path(result.path or ""), part, result.digest or "", self.context.permissions(twin)
        )
        if result.served in (None, result.digest):  # nothing of the first photo's metadata stands in it
            return await give_back(self.context, twin, replace(result, path=None, served=None))
        if (first.digest, first.metadata) == (twin.digest, twin.metadata):
            return replace(result, path=None)
        # Only the picture is the same: a caption or a place of the other photo must not come along.
        changed = await change_owner(self.context, twin, replace(result, path=None, served=None))
        return replace(changed, served=result.served)

    async def _results_again(self, first: Job) -> tuple[Result, ...]:
        seen = await self.context.provider.poll([ExecutionRef(first.execution, first.workflow)])
        progress = seen.get(first.execution)
        if progress is None:
            raise Transient(f"the service did not answer about execution {first.execution}")
        shown = self.context.journal.read(evidence.weigh, first, progress, self.context.provider.limits.accepts)
        if shown.verdict is Ownership.DISPROVED:
            raise Hold(Reason.GONE, f"{shown.why}: nothing of it is saved")
        if progress.state not in (State.DONE, State.INCOMPLETE) or not progress.outputs:
            raise Hold(Reason.GONE, f"job {first.id}'s result is neither on disk nor at the service any more")
        return results_of(progress)


def _commit(db: Connection, /, job: Job, **place: Any) -> Job | None:
    """Write down where the results go; None where somebody has said meanwhile that they are not wanted."""
    fresh = jobs.get(db, job.id)
    # From SAVED on a file may have its name: it is kept then.
    if job.stage is Stage.PROCESSED and fresh is not None and not fresh.keep:
        return None
    return jobs.move(db, job, Stage.SAVED, Status.RUNNING, "fetched", **place)


def _is_fetched_again(job: Job) -> bool:
    """Whether its results were saved before, and are wanted once more."""
    return job.stage is not Stage.SAVED and any(result.path for result in job.results)


def _is_name_taken(results: Sequence[Result]) -> bool:
    """Whether another file has the name of one of these results."""
    known = [(Path(result.path), result.digest or "") for result in results if result.path]
    return any(os.path.lexists(path) and not files.published(path, digest) for path, digest in known)


def _named(folder: Path, stem: str, fetched: Sequence[Result]) -> tuple[Result, ...]:
    """Results under the names that they get by this stem."""
    names = files.result_names(stem, [(result.media_type, result.task) for result in fetched])
    return tuple(replace(result, path=str(folder / name)) for result, name in zip(fetched, names, strict=True))


def _lies_there(db: Connection, job: Job, fetched: Sequence[Result]) -> bool:
    """Whether exactly these results lie under the name that was taken when the job was named, and no job of the journal
    has it: they were saved there before the journal was put back, and need no second copy."""
    if not job.wanted or jobs.stem_taken(db, files.stem_key(job.folder, job.wanted)):
        return False
    there = _named(job.folder, job.wanted, fetched)
    return all(files.published(Path(result.path or ""), result.digest or "") for result in there)


def _free_stem(db: Connection, job: Job) -> str:
    """The next free name where a file that is not ours has taken the reserved one."""
    return files.free_stem(job.folder, job.stem, partial(jobs.stem_taken, db))


def _put_in_place(job: Job) -> None:
    """Give every result its name, or none: where one is taken, all get another together. Raises FileExistsError."""
    placed: list[tuple[Path, Path]] = []
    try:
        for result in job.results:
            target, (part, _) = Path(result.path or ""), parts(job, result)
            if not files.published(target, result.digest or ""):  # done before a kill, or in an earlier try
                files.publish(part, target)
                placed.append((part, target))
    except FileExistsError:
        for part, target in placed:
            files.publish(target, part)
        raise
    for result in job.results:
        discard_parts(job, result)


def _all_published(job: Job) -> bool:
    """Whether every result stands under its final name already; what is left of the parts goes."""
    if not job.results:
        return False
    for result in job.results:
        if not result.path or not files.published(Path(result.path), result.digest or ""):
            return False
        discard_parts(job, result)
    return True
