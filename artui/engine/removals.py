"""Uploads of ours that are removed at the service once their job's result is saved, where the account wants that."""

from __future__ import annotations

import asyncio
import logging
from pathlib import Path

from artui.engine.service_calls import ServiceCalls
from artui.journal import uploads
from artui.model.job import Job
from artui.providers.base import ProviderError, Rejected, Transient
from artui.steps import StepContext
from artui.steps.fetching import JSON

log = logging.getLogger(__name__)

AT_ONCE = 10
"""Uploads removed in one turn."""

TRIES = 10
"""Tries without an answer after which an upload is left where it is."""

REST = 60.0
"""Seconds until the next try where the service did not answer, or there is no secret to ask with."""


class Removals:
    """Removes them, a few a turn. That one cannot be removed is noted with its job, and means nothing else."""

    def __init__(self, context: StepContext, service_calls: ServiceCalls) -> None:
        self.context = context
        self._service_calls = service_calls
        self._not_before = 0.0

    async def go_on(self) -> None:
        """Remove some of those there are, if it is time."""
        provider, journal = self.context.provider, self.context.journal
        if not provider.removes_uploads or self.context.clock.now() < self._not_before:
            return
        try:
            payer = (await provider.who_pays()).payer  # what another key stored, this one cannot remove
            for job in await journal.read_async(uploads.due, payer, AT_ONCE):
                # Where a service gives one place to one content, others may need it still.
                is_used = await journal.read_async(uploads.is_in_use, job)
                if is_used or await asyncio.to_thread(_is_named_by_results, job):
                    await journal.write_async(uploads.left, job, "it is in use elsewhere, or a result")
                else:
                    await self._remove(job)
        except ProviderError as failure:
            log.info("%s: %s", self.context.account.name, failure)
            self._not_before = self.context.clock.now() + REST

    async def _remove(self, job: Job) -> None:
        try:
            await self._service_calls.until_stopped(self.context.provider.remove_upload(job.reference))
        except Rejected as refusal:
            await self.context.journal.write_async(uploads.left, job, str(refusal))
        except Transient as failure:
            if await self.context.journal.write_async(uploads.tried, job) >= TRIES:
                await self.context.journal.write_async(uploads.left, job, f"after {TRIES} tries: {failure}")
            raise  # the service is away: the others of this turn would only wait as well
        else:
            await self.context.journal.write_async(uploads.removed, job)


def _is_named_by_results(job: Job) -> bool:
    """Whether a saved result that is words of the service's names the upload: then it may be the picture itself."""
    words = [Path(one.path) for one in job.results if one.path and one.media_type == JSON]
    try:
        return any(job.reference.encode() in path.read_bytes() for path in words)
    except OSError:  # moved on meanwhile: nobody can tell
        return True
