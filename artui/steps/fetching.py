"""One result from the service into a part file: whole, of the right bytes, of a kind that can be named.

Where the output folder cannot be written while the service is about to throw results away, they are kept in the spool,
a private folder beside the journal, and come from there later without the network.
"""

from __future__ import annotations

import asyncio
from dataclasses import replace
from pathlib import Path

from artui import files
from artui.config import ConfigError, make_private_folder
from artui.job import Job, Result
from artui.journal import jobs
from artui.providers.base import Output, Transient
from artui.states import Reason
from artui.steps.desk import Desk, Hold
from artui.steps.output import OUTPUT_AGAIN, ROOM

JSON, ZIP = "application/json", "application/zip"

LAST_HOURS = 6 * 3600.0
"""Seconds before a result expires from which on it is kept in the spool rather than waited with."""

_NOT_SAID = ("", "application/octet-stream", "binary/octet-stream", "text/html")
"""Media types by which a service says nothing, or that what it sends is no result."""


class Fetching:
    """Brings results of one account into part files."""

    def __init__(self, desk: Desk) -> None:
        self.desk = desk

    async def fetch(self, job: Job, result: Result) -> Result:
        """Bring one result into its part file: from the spool where it is kept there, else from the service."""
        part, kept = files.part_path(job.folder, job.id, result.task), self._kept(job, result)
        if result.digest and job.expires_at is not None:
            try:
                await asyncio.to_thread(files.copy_to_part, kept, part, result.digest)
            except (FileNotFoundError, files.BadResult):
                pass  # not kept, or not whole any more
            else:
                return result
        return await self._bring(job, result, part)

    async def keep_safe(self, job: Job, problem: files.OutputProblem) -> None:
        """Keep the results of a job whose folder cannot be written, if they expire soon.

        Raises Hold where they are safe in the spool, else ``problem``.
        """
        if job.expires_at is None or job.expires_at - self.desk.clock.now() > LAST_HOURS:
            raise problem
        room, needed = self.desk.room(), sum(result.size or 0 for result in job.results)
        if room is not None and room < ROOM + needed:
            raise problem
        try:
            make_private_folder(self.desk.spool)
            results = [await self._keep(job, result) for result in job.results]
        except (ConfigError, files.OutputProblem):
            raise problem from None  # nor can it be kept here
        message = f"{problem} Until then its result is kept at {self.desk.spool}"
        if tuple(results) != job.results:
            await self.desk.journal.do(jobs.change, job, "kept in the spool", message, results=tuple(results))
        reason = Reason.DISK_FULL if problem.reason == "full" else Reason.OUTPUT
        raise Hold(reason, message, due=OUTPUT_AGAIN)

    async def forget(self, job: Job) -> None:
        """Remove what the spool has of a job that needs it no more."""
        for result in job.results if job.expires_at is not None else ():
            await asyncio.to_thread(self._kept(job, result).unlink, missing_ok=True)

    async def _keep(self, job: Job, result: Result) -> Result:
        kept = self._kept(job, result)
        if result.digest and kept.exists():
            return result
        part = files.part_path(self.desk.spool, job.id, result.task)
        brought = await self._bring(job, result, part, mode=0o600)
        await asyncio.to_thread(kept.unlink, missing_ok=True)  # an earlier one that nobody wrote down
        await asyncio.to_thread(files.publish, part, kept)
        return brought

    def _kept(self, job: Job, result: Result) -> Path:
        return files.part_path(self.desk.spool, job.id, result.task).with_suffix(".result")

    async def _bring(self, job: Job, result: Result, part: Path, mode: int = 0o666) -> Result:
        """Download a result; twice where the service states another digest than the bytes have."""
        written = await self._download(job, result, part, mode)
        if result.digest not in (None, written.digest):
            again = await self._download(job, result, part, mode)
            if again.digest not in (result.digest, written.digest):
                raise Transient(f"the result of {job.source.name} arrives damaged, each time in another way")
            if again.digest != result.digest:
                # The same bytes twice, whole: the service's digest is wrong, not the result.
                message = "the service states another digest than its bytes have; they came twice the same"
                await self.desk.journal.do(jobs.note, job, "digest differs", message)
            written = again
        return replace(result, digest=written.digest, size=written.size, media_type=written.media_type or "")

    async def _download(self, job: Job, result: Result, path: Path, mode: int) -> files.Written:
        output = Output(result.locator, result.task, result.media_type, result.digest, result.size, result.unpack)
        with files.Part(path, mode) as part:
            with self.desk.transfers.counting(job.id, "down", result.size) as counted:
                await self.desk.provider.download(output, job.execution, part, counted)
            return await asyncio.to_thread(_finished, part, result)


def _finished(part: files.Part, result: Result) -> files.Written:
    """Finish a part and look at what kind of thing it is; where that is no result, nothing is left of it."""
    written = part.finish(result.size)
    try:
        return _looked_at(written, part.path, result.media_type)
    except (Transient, files.BadResult):
        part.abort()
        raise


def _looked_at(written: files.Written, path: Path, stated: str) -> files.Written:
    """A finished part with the kind of thing it is. Raises BadResult where that is not whole, Transient as kind_of."""
    kind = kind_of(written.media_type, stated)
    if kind in (JSON, ZIP) and not files.is_complete(path, kind):
        raise files.BadResult("damaged", f"the result is no whole {'JSON' if kind == JSON else 'ZIP archive'}")
    return written._replace(media_type=kind)


def kind_of(content: str | None, stated: str) -> str:
    """The media type of a result: what its content says, or the service's word where that names a kind which no content
    tells (a video, a drawing). Raises Transient for what is no result, such as a page of an error."""
    stated = files.plain_type(stated)
    if stated == JSON:
        return JSON  # a bare number is JSON, too
    if content is None and "/" in stated and stated not in _NOT_SAID and not files.can_tell(stated):
        return stated
    if content in (None, JSON, "text/html"):
        raise Transient(f"what the service sent is no picture, nor the {stated or 'file'} it speaks of")
    return content
