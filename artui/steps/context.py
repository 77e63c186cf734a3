"""What the steps of one account share: its journal, provider and limits, and how a step says that a job must wait."""

from __future__ import annotations

import time
from collections.abc import Awaitable, Callable, Mapping
from concurrent.futures import Executor
from dataclasses import dataclass, field
from datetime import datetime, tzinfo
from pathlib import Path
from typing import Any

from artui import budget, files
from artui.config import AccountConfig, hours
from artui.journal import Connection, Journal, deliveries, rules
from artui.journal.progress import ProgressBoard
from artui.model.capabilities import Clears
from artui.model.job import Job, Payer
from artui.model.states import Reason
from artui.providers.base import Provider, Rejected
from artui.providers.defects import Defects
from artui.single_flight import SingleFlight
from artui.timing import Clock

_LOST: Mapping[Clears, str] = {
    Clears.BY_SENDING: "sent again under the same key, which the service carries out once",
    Clears.BY_LOOKING: "looked up at the service before anything is sent again",
    Clears.BY_ASKING: "only a person can tell whether it was carried out",
}


class Hold(Exception):
    """The job must wait for a person or for something to change. ``due`` seconds from now it is looked at again."""

    def __init__(self, reason: Reason, message: str, *, due: float | None = None) -> None:
        super().__init__(message)
        self.reason = reason
        self.due = due


class NotYet(Exception):
    """The job cannot go on now for a reason that is nobody's failure; tried again soon, at no cost, or where it may
    ``last`` at growing intervals."""

    def __init__(self, why: str, *, last: bool = False) -> None:
        super().__init__(why)
        self.last = last


class OutsideHours(NotYet):
    """Nothing new is sent now by the ``hours`` that are set; they begin at ``opens``, in epoch seconds."""

    def __init__(self, written: str, opens: float, zone: tzinfo) -> None:
        begins = datetime.fromtimestamp(opens, zone)
        super().__init__(f"outside its hours ({written}): sent from {begins:%a %d %b %H:%M} on")
        self.opens = opens


@dataclass
class StepContext:
    """What all steps for the jobs of one account work with.

    ``assert_leader`` is awaited just before a paid call's first byte and raises :class:`NotPermitted` where this engine
    is no longer the one; ``write_until_durable`` repeats a write until it is durable, however long the disk is full;
    ``room`` says how many bytes are free beside the journal; ``outdated`` why the account is no longer set as it is
    here, empty while it is. ``spool``: where results are kept whose own folder cannot be written.
    """

    journal: Journal
    provider: Provider[Any]
    account: AccountConfig
    zone: tzinfo
    clock: Clock
    hashing: Executor
    transfers: ProgressBoard
    assert_leader: Callable[[], Awaitable[None]]
    write_until_durable: Callable[[Callable[[Connection], Any]], Awaitable[Any]]
    room: Callable[[], int | None]
    outdated: Callable[[], str]
    spool: Path
    defects: Defects = field(init=False)
    writable: dict[str, float] = field(default_factory=dict)
    """When each output folder was last written to, by the clock."""
    free: dict[str, int | None] = field(default_factory=dict)
    """How many bytes were free there then; None where the file system does not say."""
    roomless: set[int] = field(default_factory=set)
    """The jobs whose results found no room when they were tried last."""
    probes: SingleFlight[None] = field(default_factory=SingleFlight)
    """The output folders that are being probed: once for all jobs that need to know."""

    def __post_init__(self) -> None:
        self.defects = Defects(self.account.name)

    @property
    def settle_due(self) -> float:
        """When to look into a paid call whose answer is lost, a settling time from now; at once where that can only be
        to ask a person."""
        is_asked = self.provider.limits.clears_doubt is Clears.BY_ASKING
        settle: float = 0.0 if is_asked else self.provider.settings.settle
        return self.clock.now() + settle

    @property
    def lost(self) -> str:
        """What becomes of a paid call whose answer is lost, in half a sentence."""
        return _LOST[self.provider.limits.clears_doubt]

    def permissions(self, job: Job) -> files.Permissions:
        """What the results of a job get: as its rule says, else as the account does."""
        said = self.journal.read(rules.permissions, job.rule) if job.rule else None
        return files.Permissions.of(*(said or (self.account.mode, self.account.group)))

    def delivery(self, job: Job) -> tuple[tuple[str, ...], str]:
        """The command that is run with a job's results, empty where none is, and when."""
        return self.journal.read(deliveries.set_for, job, self.account.after_saved, self.account.deliver)

    def refuse_outside_hours(self, job: Job) -> None:
        """Raise :class:`OutsideHours` where nothing new is sent now, by the hours of the job's rule or account."""
        said = self.journal.read(rules.hours, job.rule) if job.rule else None
        written = self.account.hours if said is None else said
        opens = hours.opening(written, time.time(), self.zone)
        if written and opens is not None:
            raise OutsideHours(written, opens, self.zone)

    def terms(self) -> budget.Terms:
        """What bounds a paid call of this account now."""
        return budget.terms(self.account.caps, self.zone, time.time(), self.provider.service_time)

    async def who_pays(self) -> Payer:
        """Who would pay now, by the settings and the key as they are at this moment.

        Raises NotYet where the account is set otherwise by now, Hold where the settings leave open who pays, and what
        the provider raises.
        """
        self.refuse_outdated()
        try:
            now = await self.provider.who_pays()
        except Rejected as unclear:
            raise Hold(Reason.ACCOUNT, str(unclear)) from unclear
        # The provider's name for it: only the journal knows which earlier key is the same customer's.
        return Payer(now.payer, now.endpoint, now.organization.id, self.provider.capabilities.known_by_key)

    def refuse_outdated(self) -> None:
        """Raise NotYet where the account is set otherwise by now than it is here."""
        if why := self.outdated():
            raise NotYet(why, last=True)  # a fault in the settings stays until a person mends it

    def find_due(self) -> float | None:
        """When what is in doubt is looked for in the service's list; None where it has none."""
        if not self.provider.limits.can_find:
            return None
        settle: float = self.provider.settings.settle
        return self.clock.now() + settle

    def service_time(self) -> float:
        """The service's clock, ours until its first answer; epoch seconds."""
        return self.provider.service_time or time.time()

    def day_time(self) -> float:
        """The clock by which days turn, in epoch seconds: the service's or ours, whichever is behind."""
        return min(self.service_time(), time.time())

    def clocks_apart(self) -> float:
        """Seconds by which the service's clock and ours differ."""
        return abs(self.service_time() - time.time())


def photo_of(job: Job) -> files.Photo:
    """The photo a job was made for, as it was found on disk."""
    stamp = files.Stamp(job.size, job.mtime_ns, job.inode, job.device)
    return files.Photo(job.source, stamp, job.media_type, job.width, job.height, job.digest)
