"""A photo's metadata, written into the part files of its results before where they go is committed.

What is bought is never held back for it: a result into which nothing can be written is saved as it was served, and the
job's history says so.
"""

from __future__ import annotations

import asyncio
import logging
import struct
from dataclasses import replace
from pathlib import Path

from artui import files
from artui.files import exiftool
from artui.files.metadata import Keeping
from artui.files.writer import NotWritten
from artui.journal import jobs, published, seen
from artui.model.job import Job, Result
from artui.steps.context import StepContext, photo_of

log = logging.getLogger(__name__)

_FAILURES = (NotWritten, OSError, ValueError, ArithmeticError, LookupError, RecursionError, struct.error)
"""What reading odd metadata may end in."""


def as_served(result: Result) -> Result:
    """A result as the service has it, for who fetches it: without what was written into it here."""
    return result if result.served is None else replace(result, digest=result.served, size=None, served=None)


def lacks(job: Job, result: Result) -> bool:
    """Whether a result was saved without the metadata that was wanted."""
    return job.metadata != Keeping.NONE and result.served is None


def parts(job: Job, result: Result) -> tuple[Path, Path]:
    """The part file of a result, and the one in which it gets its metadata."""
    return files.part_path(job.folder, job.id, result.task), files.part_path(job.folder, job.id, f"{result.task}/new")


def discard_parts(job: Job, result: Result) -> None:
    """Remove what is left of a result's part files. Blocks; raises ``files.OutputProblem``."""
    for part in parts(job, result):
        files.discard(part)


async def give_back(context: StepContext, job: Job, result: Result) -> Result:
    """Write the metadata of the job's photo into the part file of one result, as far as that is wanted and possible."""
    if job.metadata == Keeping.NONE:
        return result
    try:
        return await _given(context, job, result)
    except _FAILURES as why:
        # NotWritten says itself why; anything else is a defect of a reader, for the log.
        if not isinstance(why, NotWritten):
            log.exception("metadata for job %s", job.id)
        message = f"saved without the photo's metadata, as the service sent it: {why}"
        await context.journal.write_async(jobs.note, job, "no metadata", message)
        return result


async def change_owner(context: StepContext, job: Job, result: Result) -> Result:
    """As :func:`give_back`, for a copy of another job's result that has that one's metadata.

    Raises ``files.BadResult`` where that cannot be taken out of it.
    """
    try:
        return await _given(context, job, result, anew=True)
    except _FAILURES as why:
        raise files.BadResult("digest", f"the other photo's metadata cannot be taken out of the copy: {why}") from why


async def _given(context: StepContext, job: Job, result: Result, *, anew: bool = False) -> Result:
    if job.address or job.found:
        raise NotWritten("there is no photo here that it could come from")
    path = context.journal.read(seen.place_now, job)  # its rule may have moved it out of the folder by now
    photo = await asyncio.to_thread(_as_sent, replace(photo_of(job), path=path))
    part, new = parts(job, result)
    permissions = context.permissions(job)
    given = await asyncio.to_thread(
        exiftool.give_back, part, new, result.media_type, photo, Keeping(job.metadata), permissions, anew=anew
    )
    if given is None:
        return replace(result, served=result.digest)
    if told := "; ".join(given.notes):
        await context.journal.write_async(jobs.note, job, "metadata", told)
    # The bytes as served are a result as well: a rule that meets them must not buy them as a photo.
    await context.journal.write_async(published.note, job.id, [(result.digest or "", result.size or -1)])
    return replace(result, digest=given.written.digest, size=given.written.size, served=result.digest)


def _as_sent(photo: files.Photo) -> files.Photo:
    """The photo where it lies now, if it is still the one that was sent: by size and time, else by its digest."""
    try:
        stamp = files.stamp(photo.path)
        if stamp.is_content_of(photo.stamp):  # spares reading it whole again
            return photo
        now = files.sha256(replace(photo, stamp=stamp))
    except (files.PhotoProblem, OSError) as problem:
        raise NotWritten(str(problem)) from problem
    if now.digest != photo.digest:
        raise NotWritten(f"{photo.path.name} has changed since it was sent")
    return now
