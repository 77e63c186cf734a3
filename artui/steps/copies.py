"""Whether a copy of this journal pays too: what a service lists shows keys that only such a copy can have sent."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Iterable, Sequence
from functools import partial

from artui.config.system import boot_time
from artui.journal import Connection, Unwritable, accounts, origins, purchases, suspended
from artui.journal.suspended import SuspensionCause
from artui.model.job import Job
from artui.providers.base import Blocked, ExecutionStatus, ProviderError, Rejected, Transient
from artui.providers.base.wire import moment
from artui.single_flight import SingleFlight
from artui.steps.context import StepContext

log = logging.getLogger(__name__)

CHECK_AGE = 3600.0
"""Seconds for which a reading of a workflow's list is relied on, time asleep included."""

MARGIN = 3600.0
"""Seconds before the journal's last intent that are read too: two clocks may differ."""

MOST_PAGES = 20
"""Pages of one list that are read back for this at the most: beyond them it is said in the log, and paying goes on."""

MOST_FAILURES = 3
"""Readings that fail in a row after which paying goes on without one."""


class Copies:
    """What the lists of one account's service say of copies. Every page that is read for whatever purpose is looked
    through; :meth:`check` has one read before the first paid call and each hour."""

    def __init__(self, context: StepContext) -> None:
        self.context = context
        self._checked: dict[str, float] = {}
        self._failures: dict[str, int] = {}
        self._readings: SingleFlight[None] = SingleFlight()
        self._proven: set[str] = set()
        self._proving: set[asyncio.Future[None]] = set()
        self._alarm: asyncio.Future[None] | None = None
        context.provider.on_listed = self._look_through  # pages read for look-ups and by people count as readings, too

    def ask_ahead(self, job: Job) -> None:
        """Have the list read that this job needs soon, where that was not done lately."""
        if self._is_due(job):
            self._readings.begin(job.workflow, partial(self._read, job))

    async def check(self, job: Job) -> None:
        """Have the list read where that was not done lately, and written down what it shows: the intent heeds that.

        Raises what reading the list raises, the first few times.
        """
        if self._is_due(job):
            await self._readings.join(job.workflow, partial(self._read, job))
        if self._alarm is not None:
            # The intent finds the suspension in the journal, so it must be there first.
            await asyncio.shield(self._alarm)

    async def close(self) -> None:
        """Break off what is being read, and have written what was seen."""
        await self._readings.close()
        await asyncio.gather(*self._proving)

    def _is_due(self, job: Job) -> bool:
        checked = self._checked.get(job.workflow)
        return self.context.provider.limits.can_find and (checked is None or boot_time() - checked > CHECK_AGE)

    async def _read(self, job: Job) -> None:
        """Read a workflow's list back to what the journal knows, or to before its last intent."""
        started = boot_time()  # the age counts from here: what is ordered while pages come in may be on none of them
        try:
            await self._read_back(job)
        # Neither speaks of the list: the account's hold, or the disk, is waited for.
        except (Blocked, Unwritable):
            raise
        except Exception as failure:
            if not isinstance(failure, ProviderError):
                self.context.defects.tell("at reading a list of executions", failure)
            failures = self._failures[job.workflow] = self._failures.get(job.workflow, 0) + 1
            # A service may have no list for this key or role: a refusal stands however often it is asked.
            if failures < MOST_FAILURES and not isinstance(failure, Rejected):
                raise Transient(f"the list of executions cannot be read now: {failure}") from failure
            log.warning("%s: its list of executions cannot be read: %s Sending goes on.", job.workflow_name, failure)
        self._failures.pop(job.workflow, None)
        self._checked[job.workflow] = started

    async def _read_back(self, job: Job) -> None:
        journal = self.context.journal
        # What a journal that was put back does not know is newer than its last intent.
        last = journal.read(purchases.last_intent, job.account) or journal.read(origins.since)
        newest: list[str] = []
        page_number = 0
        async for page in self.context.provider.listed(job.workflow):
            newest = newest or [entry.created_at for entry in page]  # of the first page: the newest come first
            known = journal.read(purchases.known_executions, job.payer, [entry.execution for entry in page])
            page_number += 1
            # The page was looked through (on_listed) before it came out here: so the last one counts as well.
            if known or _is_before(page, last - MARGIN):
                break
            if page_number == MOST_PAGES:
                log.warning(
                    "%s: the %d newest pages show nothing this journal knows; it is not read further",
                    job.workflow_name, page_number,
                )  # fmt: skip
                break
        await journal.write_async(accounts.set_mark, job.payer, job.workflow, newest, self.context.service_time())

    def _look_through(self, executions: Sequence[ExecutionStatus]) -> None:
        """Note that labels come back from this list; suspend the payer as soon as a page shows a key that is ours and
        that this journal did not send."""
        keys = {entry.key: entry.execution for entry in executions if entry.key}
        if not keys:
            return
        self._prove_labels(keys)
        strange = self.context.journal.read(purchases.strange, keys)
        # One that is being written says all there is to say; a later page, after a person's yes, may raise the next.
        if not strange or (self._alarm is not None and not self._alarm.done()):
            return
        account = self.context.account.name
        ids = ", ".join(sorted(keys[key] for key in strange)[:3])
        message = (
            f"a copy of this journal has paid for photos that this one does not know of ({ids}):"
            " end that copy, then `artui recover`"
        )
        # The whole account: a copy pays with whatever key and organization this journal ever had.
        payers = self.context.journal.read(suspended.payers_of, account)
        log.error("%s: %s", account, message)
        self._alarm = asyncio.ensure_future(
            self.context.write_until_durable(lambda db: suspended.suspend(db, payers, SuspensionCause.TWIN, message))
        )

    def _prove_labels(self, keys: Iterable[str]) -> None:
        """Remember whose list shows a label of ours: no other sight of one is a proof that it would."""
        # What is written once need not be written for every page.
        news = self.context.journal.read(purchases.payers_of, keys) - self._proven
        if not news:
            return
        self._proven |= news

        def write(db: Connection) -> None:
            for payer in news:
                accounts.prove_labels(db, payer)

        proving = asyncio.ensure_future(self.context.write_until_durable(write))
        self._proving.add(proving)  # a task that nobody holds may be collected before it ends
        proving.add_done_callback(self._proving.discard)


def _is_before(page: Sequence[ExecutionStatus], when: float) -> bool:
    """Whether a page reaches back to before ``when``, in epoch seconds."""
    times = [made.timestamp() for entry in page if (made := moment(entry.created_at))]
    return bool(times) and min(times) < when
