"""The states a job, a purchase and a file of a watched folder can be in, and the moves that are legal. Pure data.

They stand apart from the records in ``job`` because commands that only count need nothing else.
"""

from __future__ import annotations

from collections.abc import Mapping
from enum import StrEnum


class Stage(StrEnum):
    """How far a job has come; only forward within one purchase."""

    NEW = "new"
    CHECKED = "checked"
    UPLOADED = "uploaded"
    SUBMITTING = "submitting"
    SUBMITTED = "submitted"
    PROCESSED = "processed"
    SAVED = "saved"

    @property
    def rank(self) -> int:
        """Position on the way, 0 for NEW."""
        return _RANKS[self]


_RANKS = {stage: rank for rank, stage in enumerate(Stage)}

BEFORE_PAYING = (Stage.NEW, Stage.CHECKED, Stage.UPLOADED, Stage.SUBMITTING)
"""The stages worked on up to and including the paid call."""


class Status(StrEnum):
    """What may happen to a job now."""

    READY = "ready"
    RUNNING = "running"
    WAITING = "waiting"
    HELD = "held"
    DONE = "done"
    SKIPPED = "skipped"
    FAILED = "failed"
    CANCELLED = "cancelled"

    @property
    def final(self) -> bool:
        """Whether nothing more happens without a person's decision."""
        return self in FINAL


FINAL = frozenset({Status.DONE, Status.SKIPPED, Status.FAILED, Status.CANCELLED})


class Reason(StrEnum):
    """Why a job waits or is held. A FAILED job's reason is free: the file's or the service's own code."""

    AT_SERVICE = "at the service"
    IN_QA = "in QA"
    TRY_AGAIN = "try again"
    LOOKING = "looking it up"
    TWIN = "same photo as another job"
    DISK_FULL = "disk full"
    HOURS = "outside its hours"

    IN_DOUBT = "in doubt"
    CAP = "cap"
    CREDITS = "credits"
    PAYMENT = "payment required"
    LOGIN = "login"
    QUOTA = "quota"
    PLACES = "places taken"
    PRICE = "price changed"
    PAUSED = "paused"
    SAMPLE = "sample"
    OVERDUE = "overdue"
    GONE = "gone"
    OUTPUT = "output folder"
    METADATA = "metadata"
    ACCOUNT = "account changed"
    DAMAGED = "result damaged"
    TROUBLE = "trouble at the service"
    ERROR = "unexpected error"
    RECOVERED = "journal recovered"

    FAILED = "failed at the service"
    REJECTED = "refused by the service"
    GIVEN_UP = "given up"


class Delivery(StrEnum):
    """How far what is run once a job's results are saved has come."""

    PENDING = "pending"
    RUNNING = "running"
    DONE = "done"
    FAILED = "failed"


def worded(reason: str) -> str:
    """A reason as a person reads it: a stored word that would tell less, or something else, than is meant has another
    one here."""
    return "may have been paid before" if reason == Reason.RECOVERED else reason


BOUGHT_BEFORE = "bought before"
"""The event that holds a job whose photo may have been bought under another key of the same customer."""

NEXT: Mapping[Status, frozenset[Status]] = {
    Status.READY: frozenset({Status.READY, Status.RUNNING, Status.WAITING, Status.HELD, Status.CANCELLED}),
    Status.RUNNING: frozenset(Status),
    Status.WAITING: frozenset(Status),
    Status.HELD: frozenset(Status) - {Status.RUNNING},
    Status.DONE: frozenset({Status.READY}),
    Status.SKIPPED: frozenset({Status.READY}),
    Status.FAILED: frozenset({Status.READY, Status.WAITING}),
    Status.CANCELLED: frozenset({Status.READY}),
}
"""The statuses that may follow each status. Out of a final one leads only a person's decision."""


def legal(before: tuple[Stage, Status], after: tuple[Stage, Status], *, new_try: bool = False) -> bool:
    """Whether a job may move so. ``new_try``: the purchase under way surely cost nothing or a decision opened a new
    one, so that the stage may fall back."""
    forward = after[0].rank >= before[0].rank
    return (forward or new_try) and after[1] in NEXT[before[1]]


class PurchaseState(StrEnum):
    """What is known about one paid request."""

    INTENDED = "intended"
    REFUSED = "refused"
    KNOWN = "known"
    PRESUMED_SPENT = "presumed spent"


class Seen(StrEnum):
    """What became of a file in a watched folder: not taken (the first two), or a job's, from taking it to its end."""

    EXISTING = "existing"
    REFUSED = "refused"
    TAKEN = "taken"
    LEAVING = "leaving"
    KEPT = "kept"
    MOVED = "moved"


class Review(StrEnum):
    """What a person has decided about a saved result; the last one ends what was decided before."""

    KEPT = "kept"
    REJECTED = "rejected"
    TAKEN_BACK = "taken back"


class Twins(StrEnum):
    """What becomes of a photo that was bought before, or whose picture was.

    ``once``: each gets its result once, a copy under another name too. ``deliver``: also one gets another copy that has
    its result already and of which only the metadata has changed. ``refuse``: none gets a copy.
    """

    ONCE = "once"
    DELIVER = "deliver"
    REFUSE = "refuse"


REPEATS = 2
"""How often one purchase is sent by itself beyond its first time, after refusals and without an answer together."""

TROUBLES = 5
"""Failures of one photo, since others got past where it fails, after which it is set aside."""


class Kind(StrEnum):
    """Which paid request a purchase makes."""

    CREATE = "create"
    RETRY = "retry"
