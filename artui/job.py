"""What a job is: its stages, statuses and legal moves, and the purchases made for it. Pure data, no input or output."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from pathlib import Path


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

    IN_DOUBT = "in doubt"
    CAP = "cap"
    CREDITS = "credits"
    PAYMENT = "payment required"
    LOGIN = "login"
    QUOTA = "quota"
    PRICE = "price changed"
    PAUSED = "paused"
    SAMPLE = "sample"
    OVERDUE = "overdue"
    GONE = "gone"
    OUTPUT = "output folder"
    ACCOUNT = "account changed"
    DAMAGED = "result damaged"
    ERROR = "unexpected error"
    RECOVERED = "journal recovered"

    FAILED = "failed at the service"
    REJECTED = "refused by the service"


ACCOUNT_WIDE = frozenset({Reason.LOGIN, Reason.CREDITS, Reason.QUOTA, Reason.PAUSED})
"""Holds that belong to an account: they end for all its jobs at once."""

NEXT: Mapping[Status, frozenset[Status]] = {
    Status.READY: frozenset({Status.READY, Status.RUNNING, Status.WAITING, Status.HELD, Status.CANCELLED}),
    Status.RUNNING: frozenset(Status),
    Status.WAITING: frozenset(Status),
    Status.HELD: frozenset(Status) - {Status.RUNNING},
    Status.DONE: frozenset(),
    Status.SKIPPED: frozenset(),
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


class Kind(StrEnum):
    """Which paid request a purchase makes."""

    CREATE = "create"
    RETRY = "retry"


@dataclass(frozen=True, slots=True)
class Result:
    """One result of a job: where it lies at the service and, once saved, on disk.

    ``digest`` is the hex SHA-256 of the bytes: the service's claim until ``path`` is set, then the measured one.
    ``unpack``: an archive whose layers are to be laid beside it.
    """

    locator: str
    task: str = ""
    media_type: str = ""
    digest: str | None = None
    size: int | None = None
    path: str | None = None
    unpack: bool = False


@dataclass(frozen=True, slots=True)
class Batch:
    """Jobs submitted together. ``cap`` in the account's unit; only the first ``sample`` jobs are sent before a yes."""

    id: str
    name: str
    account: str
    created_at: float
    cap: int | None = None
    sample: int | None = None


@dataclass(frozen=True, slots=True)
class NewJob:
    """A job to be added: one file for one workflow, with everything fixed that its price depends on.

    ``source`` and ``folder`` may hold undecodable bytes as surrogates; ``stem_key`` reserves the result's name.
    ``address`` is set where the photo is no file here: a URL, or ``src://ALIAS/PATH``, that the service fetches itself;
    ``source`` then only names it. ``parameters`` is the exact recipe where that is ours, and ``version`` its digest.
    ``rule`` is the id of the watched folder's rule, empty where a person sent the photo.
    """

    account: str
    provider: str
    endpoint: str
    organization: str
    payer: str
    workflow: str
    workflow_name: str
    version: str
    quoted: int | None
    source: Path
    size: int
    mtime_ns: int
    inode: int
    device: int
    folder: Path
    stem: str
    stem_key: str
    run: str
    parameters: str = ""
    address: str = ""
    rule: str = ""
    batch: str | None = None
    labels: Mapping[str, str] = field(default_factory=dict)
    copy: int = 0


@dataclass(frozen=True, slots=True)
class Job(NewJob):
    """A job as the journal holds it; times are epoch seconds, money in the account's unit.

    ``expires_at``: when the service throws the result away, None where it does not say.
    """

    id: int = 0
    stage: Stage = Stage.NEW
    status: Status = Status.READY
    reason: str = ""
    message: str = ""
    due: float | None = None
    attempts: int = 0
    media_type: str = ""
    width: int = 0
    height: int = 0
    digest: str = ""
    buys: bool = False
    twin_of: int | None = None
    reference: str = ""
    purchase: int = 0
    execution: str = ""
    word: str = ""
    results: tuple[Result, ...] = ()
    charged: int | None = None
    expires_at: float | None = None
    cancel: bool = False
    keep: bool = True
    created_at: float = 0.0
    stage_at: float = 0.0
    finished_at: float | None = None

    @property
    def place(self) -> tuple[Stage, Status]:
        """Stage and status together: what every move is guarded by."""
        return self.stage, self.status


@dataclass(frozen=True, slots=True)
class Purchase:
    """One paid request: its key, what was sent, and what came of it."""

    key: str
    job: int
    number: int
    kind: Kind
    account: str
    payer: str
    endpoint: str
    organization: str
    workflow: str
    version: str
    reference: str
    draft: str
    mark: str
    reserved: int
    charged: int | None
    state: PurchaseState
    execution: str
    looks: int
    day: str
    month: str
    intended_at: float

    @property
    def surely_unpaid(self) -> bool:
        """Whether it is known to have cost nothing."""
        return self.state is PurchaseState.REFUSED or (self.state is PurchaseState.KNOWN and self.charged == 0)


@dataclass(frozen=True, slots=True)
class Event:
    """One line of a job's history."""

    seq: int
    job: int
    at: float
    what: str
    stage: Stage
    status: Status
    message: str
