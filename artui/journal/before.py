"""What became before of a photo that would be sent: bought or queued under another key or payer, or not known for sure.

A plan asks it of jobs that are not added yet; the engine decides by the same rules when their turn comes. Every
function runs inside one transaction of :class:`artui.journal.store.Journal`.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum

from artui.journal import found, payers, suspended
from artui.journal.store import Connection
from artui.model.job import Job
from artui.model.states import Reason, Stage, Status


class How(StrEnum):
    """In which way a photo may have been paid before."""

    FOUND = "found at the service"
    OTHER_KEY = "under another key"
    WITHOUT_KEY = "ordered without a key"
    UNKNOWN = "not known"
    OTHER_PAYER = "at the earlier payer"


TOLD: Mapping[How, str] = {
    How.FOUND: "bought before, as the service shows: fetched, not paid again",
    How.OTHER_KEY: "bought before under another key: held, not sent, until somebody says whose it is",
    How.WITHOUT_KEY: "ordered before, by whom the service does not show: held, not sent, until somebody has looked",
    How.UNKNOWN: "may have been paid before: held, not sent, until somebody has looked",
    How.OTHER_PAYER: "queued, bought or in doubt at the payer of this account before: paid by this one too",
}
"""What is said of some photos of a plan."""


@dataclass(frozen=True, slots=True)
class Before:
    """What became of a photo before, in a sentence; ``job`` is the one that has to do with it."""

    how: How
    message: str
    job: int | None = None


def of_photo(db: Connection, job: Job, *, by_key: bool) -> Before | None:
    """What became before of the photo of ``job``, which is not added yet and would be sent; None where it is new.

    ``by_key``: nothing but its key tells who pays.
    """
    if theirs := found.of_photo(db, job):
        return Before(How.FOUND, f"bought before (job {theirs.id}): its result is fetched, not paid again", theirs.id)
    if by_key and (bought := payers.bought_under_another(db, job)):
        said = f"bought before under another key (job {bought.id}): held, not sent, until somebody says whose it is"
        return Before(How.OTHER_KEY, said, bought.id)
    if execution := found.elsewhere(db, job):
        said = f"the service has execution {execution} for it, without a key of artui: held, not sent"
        return Before(How.WITHOUT_KEY, said)
    if why := suspended.of_job(db, job):
        return Before(How.UNKNOWN, f"held, not sent: {why}")
    if other := payers.at_another(db, job):
        said = f"{_standing(other)} at the payer of {job.account} before (job {other.id}), and paid by this one too"
        return Before(How.OTHER_PAYER, said, other.id)
    return None


def _standing(job: Job) -> str:
    """How a job stands at its payer, as far as that means money."""
    if job.stage is Stage.SUBMITTING and job.reason in (Reason.IN_DOUBT, Reason.LOOKING):
        return "in doubt"
    if job.status is Status.DONE or job.execution:
        return "bought"
    return "may be bought" if job.may_have_cost else "queued"
