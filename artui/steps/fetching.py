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
from artui.journal import accounts, jobs
from artui.journal.accounts import Digests
from artui.model.job import Job, Result
from artui.model.states import Reason
from artui.providers.base import Output, Transient
from artui.steps.context import Hold, StepContext
from artui.steps.metadata import as_served
from artui.steps.output import OUTPUT_AGAIN, ROOM

JSON, ZIP = "application/json", "application/zip"

TIMES = 3
"""Downloads of one result after which a person is asked: each came with another digest than is stated."""

REST = 1.0
"""Seconds between two of them."""

LAST_HOURS = 6 * 3600.0
"""Seconds before a result expires from which on it is kept in the spool rather than waited with."""

_NOT_SAID = ("", "application/octet-stream", "binary/octet-stream", "text/html")
"""Media types by which a service says nothing, or that what it sends is no result."""


class Fetching:
    """Brings results of one account into part files."""

    def __init__(self, context: StepContext) -> None:
        self.context = context

    async def fetch(self, job: Job, result: Result) -> Result:
        """Bring one result into its part file: from the spool where it is kept there, else from the service."""
        part, kept = files.part_path(job.folder, job.id, result.task), self._kept(job, result)
        permissions = self.context.permissions(job)
        if result.digest and job.expires_at is not None:  # nothing else is ever kept in the spool
            try:
                await asyncio.to_thread(files.copy_to_part, kept, part, result.digest, permissions)
            except (FileNotFoundError, files.BadResult):
                pass  # not kept, or not whole any more
            else:
                return result
        return await self._bring(job, result, part, permissions)

    async def keep_safe(self, job: Job, problem: files.OutputProblem) -> None:
        """Keep the results of a job whose folder cannot be written, if they expire soon.

        Raises Hold where they are safe in the spool, else ``problem``.
        """
        if job.expires_at is None or job.expires_at - self.context.clock.now() > LAST_HOURS:
            raise problem
        room, needed = self.context.room(), sum(result.size or 0 for result in job.results)
        # The journal's own room comes first: without it no fact can be written.
        if room is not None and room < ROOM + needed:
            raise problem
        try:
            make_private_folder(self.context.spool)
            results = [await self._keep(job, result) for result in job.results]
        except (ConfigError, files.OutputProblem):
            raise problem from None  # nor can it be kept here
        message = f"{problem} Until then its result is kept at {self.context.spool}"
        # The digests of what is kept, so that the copy from the spool can be proved.
        if tuple(results) != job.results:
            await self.context.journal.write_async(
                jobs.change, job, "kept in the spool", message, results=tuple(results)
            )
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
        part = files.part_path(self.context.spool, job.id, result.task)
        # The spool is nobody else's to read.
        brought = await self._bring(job, as_served(result), part, files.Permissions(0o600))
        await asyncio.to_thread(kept.unlink, missing_ok=True)  # an earlier one that nobody wrote down
        await asyncio.to_thread(files.publish, part, kept)
        # Metadata was to be written into it: that is done at home, from what was served.
        return brought if result.served is None else result

    def _kept(self, job: Job, result: Result) -> Path:
        return files.part_path(self.context.spool, job.id, result.task).with_suffix(".result")

    async def _bring(self, job: Job, result: Result, part: Path, permissions: files.Permissions) -> Result:
        """Download a result. Raises Hold where the service states another digest than its bytes have, each time."""
        came: list[str] = []
        while True:
            written = await self._download(job, result, part, permissions)
            came.append(written.digest)
            if result.digest in (None, written.digest) or await self._is_taken(job, result, written, part):
                break
            await asyncio.to_thread(files.discard, part)
            if len(came) == TIMES:
                # Alike each time: it is the stated digest that is wrong, not the line.
                raise await self._damaged(job, same=len(set(came)) == 1)
            await asyncio.sleep(REST)
        # With a path the digest is our own, and says nothing of the service's.
        if result.digest == written.digest and not result.path:
            await self._matched(job)
        kind = written.media_type or ""
        return replace(result, digest=written.digest, size=written.size, media_type=kind, host=written.host)

    async def _is_taken(self, job: Job, result: Result, written: files.Written, part: Path) -> bool:
        """Whether a person has said that a result is taken although its digest is another one."""
        known = self.context.journal.read(accounts.digests, job.account)
        # A general yes covers what a service states, not what we measured.
        if not (job.as_is or (known is Digests.IGNORED and not result.path)):
            return False
        if not job.as_is:  # a yes to all results is none to broken ones
            await asyncio.to_thread(_check_whole, part, written.media_type or "")
        message = "the service states another digest than its bytes have; taken as it is, by a person's decision"
        await self.context.journal.write_async(jobs.note, job, "digest differs", message)
        return True

    async def _matched(self, job: Job) -> None:
        """Remember that the account states true digests: from now on each that differs is asked about."""
        if self.context.journal.read(accounts.digests, job.account) is not Digests.MATCHED:
            await self.context.journal.write_async(accounts.set_digests, job.account, Digests.MATCHED)

    async def _damaged(self, job: Job, *, same: bool) -> Hold:
        """What holds a job whose result never had the digest its service states; ``same``: it came alike each time."""
        message = f"its result came {TIMES} times, and never with the digest that the service states"
        known = self.context.journal.read(accounts.digests, job.account)
        if same and known is Digests.UNKNOWN:
            await self.context.journal.write_async(accounts.set_digests, job.account, Digests.ASKED)
            known = Digests.ASKED
        if same and known is Digests.ASKED:
            message += f"; it came alike each time, and no result of {job.account} ever had its digest"
        return Hold(Reason.DAMAGED, message)

    async def _download(self, job: Job, result: Result, path: Path, permissions: files.Permissions) -> files.Written:
        output = Output(result.locator, result.task, result.media_type, result.digest, result.size, result.unpack)
        with files.Part(path, permissions) as part:
            with self.context.transfers.track(job.id, "down", result.size) as counted:
                await self.context.provider.download(output, job.execution, part, counted)
            # Syncs, and reads the whole again where no digest proves it.
            return await asyncio.to_thread(finished, part, result, as_is=job.as_is)


def finished(part: files.Part, result: Result, *, as_is: bool = False) -> files.Written:
    """Finish a part and look at what kind of thing it is; where that is no result, nothing is left of it.

    Without a digest the content itself must show that it is whole, unless it is taken ``as_is``; what also came
    without an end and without a size must be of a kind that can show it.
    """
    written = part.finish(None if as_is else result.size)
    try:
        written = written._replace(media_type=kind_of(written.media_type, result.media_type))
        if not (result.digest or as_is):
            is_told = part.is_ended or result.size is not None
            _check_whole(part.path, written.media_type or "", is_ended=is_told)
    except (Transient, files.BadResult):
        part.abort()
        raise
    return written


def _check_whole(path: Path, kind: str, *, is_ended: bool = True) -> None:
    """Raise BadResult where a file is not whole by the rules of its kind; one without rules must have come to an end
    that was told."""
    if not (is_ended or files.can_judge(kind)):
        raise files.BadResult("damaged", "the answer did not say where the result ends, and its content cannot show it")
    if why := files.what_is_missing(path, kind):
        raise files.BadResult("damaged", f"the result is not whole: {why}")


def kind_of(content: str | None, stated: str) -> str:
    """The media type of a result: what its content says, or the service's word where that names a kind which no content
    tells (a video, a drawing). Raises Transient for what is no result, such as a page of an error."""
    stated = files.plain_type(stated)
    if stated == JSON:
        return JSON  # a bare number is JSON, too
    # A kind that its first bytes would show, and do not, is not what is stated.
    if content is None and "/" in stated and stated not in _NOT_SAID and not files.can_tell(stated):
        return stated
    if content in (None, JSON, "text/html"):
        raise Transient(f"what the service sent is no picture, nor the {stated or 'file'} it speaks of")
    return content
