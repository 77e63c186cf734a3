"""What a job is, with the purchases made for it: the records of the journal. Pure data, no input or output."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import NamedTuple

from artui.model.states import Kind, PurchaseState, Stage, Status


@dataclass(frozen=True, slots=True)
class Result:
    """One result of a job: where it lies at the service and, once saved, on disk.

    ``digest`` is the hex SHA-256 of the bytes: the service's claim until ``path`` is set, then the measured one, of the
    file as it is saved. ``served``: that of the bytes as the service sent them, where the photo's metadata was to be
    written into them; None where it was not wanted, or could not be written. ``host``: who gave the bytes, empty where
    the service did so itself. ``unpack``: an archive whose layers are to be laid beside it.
    """

    locator: str
    task: str = ""
    media_type: str = ""
    digest: str | None = None
    size: int | None = None
    path: str | None = None
    unpack: bool = False
    host: str = ""
    served: str | None = None


class Batch(NamedTuple):
    """Jobs submitted together. ``cap`` in the account's unit; only the first ``sample`` photos go before a yes."""

    id: str
    name: str
    account: str
    created_at: float
    cap: int | None = None
    sample: int | None = None


class Payer(NamedTuple):
    """Who would pay for a paid request now, and where: an account's name for it, its address, its organization.

    ``by_key``: nothing but the key tells the payer, so that a renewed key looks like another one.
    """

    name: str
    endpoint: str
    organization: str
    by_key: bool = False


@dataclass(frozen=True, slots=True)
class NewJob:
    """A job to be added: one file for one workflow, with everything fixed that its price depends on.

    ``source`` and ``folder`` may hold undecodable bytes as surrogates; ``stem_key`` reserves the result's name.
    ``address`` is set where the photo is no file here: a URL, or ``src://ALIAS/PATH``, that the service fetches itself;
    ``source`` then only names it. ``parameters`` is the exact recipe where that is ours, and ``version`` its digest.
    ``rule`` is the id of the watched folder's rule, empty where a person sent the photo. ``metadata`` says what of the
    photo's its results get: none, keep-rights or keep. ``known_copy``: its photo was known to be bought
    already when it was added, so that it is expected to cost nothing. ``after_saved`` (JSON) and ``deliver`` say what
    is run with its results, and when, where that is not what its rule or account says. ``wanted``: the stem it would
    have had were that name free, empty where it has it. ``redo_of``: the job whose result it is to replace, by a
    person's order.
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
    metadata: str = "none"
    known_copy: bool = False
    after_saved: str = ""
    deliver: str = ""
    wanted: str = ""
    redo_of: int | None = None


@dataclass(frozen=True, slots=True)
class Job(NewJob):
    """A job as the journal holds it; times are epoch seconds, money in the account's unit.

    ``expires_at``: when the service throws the result away, None where it does not say. ``agreed``: a person said to
    send it although its photo may have been paid before. ``found``: it stands for an execution that was found at the
    service and whose photo is not known here; ``source`` is then only the name the service has. ``partial``: a person
    takes what there is of its results, although some are missing; ``as_is``: a person said to take its result however
    it comes. ``picture`` is the digest of the picture alone, empty where there is none. ``hold_scope``: which cap holds
    it (:class:`artui.model.holds.CapKind`), or what is paused (:class:`artui.model.holds.PauseOf`). ``ahead``: of those
    that wait for their turn the highest comes first. ``review``: kept or rejected (:class:`artui.model.states.Review`),
    empty where nobody has decided; ``review_reason``: why it was rejected.
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
    agreed: bool = False
    found: bool = False
    partial: bool = False
    as_is: bool = False
    picture: str = ""
    hold_scope: str = ""
    ahead: int = 0
    review: str = ""
    review_reason: str = ""

    @property
    def may_have_cost(self) -> bool:
        """Whether something was sent for it that is not known to have cost nothing."""
        return self.purchase > 0 and self.charged != 0

    @property
    def is_saved(self) -> bool:
        """Whether it has ended with results of its own, bought or copied, that were given their names."""
        has_ended = self.status in (Status.DONE, Status.SKIPPED) and self.stage is Stage.SAVED
        return has_ended and any(result.path for result in self.results)

    @property
    def is_left(self) -> bool:
        """Whether its result was bought, and then left at the service by a person's wish."""
        return self.status is Status.CANCELLED and self.stage is Stage.PROCESSED

    @property
    def next_try(self) -> float | None:
        """When it goes on by itself, in epoch seconds; None where nothing says so, or it is only looked at."""
        waits = self.status in (Status.WAITING, Status.HELD) and self.stage is not Stage.SUBMITTED
        return self.due if waits else None

    @property
    def is_archive(self) -> bool:
        """Whether it is an archive of photos, whose price nobody knows: by its content once that was looked at, until
        then by its name."""
        return self.media_type == "application/zip" if self.media_type else self.source.suffix.lower() == ".zip"

    @property
    def place(self) -> tuple[Stage, Status]:
        """Stage and status together: what every move is guarded by."""
        return self.stage, self.status


class Purchase(NamedTuple):
    """One paid request: its key, what was sent, and what came of it.

    ``repeats``: how often the service turned it away, and how often it was sent again while nobody knew what became of
    it. ``digest``: the content of the photo it was made for. ``lookalikes``: executions that the last look-up found for
    its photo, without its label: perhaps this very order.
    """

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
    repeats: int = 0
    digest: str = ""
    lookalikes: tuple[str, ...] = ()

    @property
    def surely_unpaid(self) -> bool:
        """Whether it is known to have cost nothing."""
        return self.state is PurchaseState.REFUSED or (self.state is PurchaseState.KNOWN and self.charged == 0)


class Event(NamedTuple):
    """One line of a job's history."""

    seq: int
    job: int
    at: float
    what: str
    stage: Stage
    status: Status
    message: str
