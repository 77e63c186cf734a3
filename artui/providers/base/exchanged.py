"""What a provider and the journey give each other: orders, looks, results, and what a reading proves."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from enum import StrEnum

from pydantic import BaseModel, ConfigDict

from artui.files import Photo


def canonical(value: object) -> str:
    """A value as JSON, the same text each time: what is stored before it is sent, and what has a digest."""
    return json.dumps(value, sort_keys=True, separators=(",", ":"))


@dataclass(frozen=True, slots=True)
class Uploaded:
    """A photo that lies at the service; ``reference`` is the service's word and opaque to us."""

    reference: str


@dataclass(frozen=True, slots=True)
class PaidRequest:
    """All that goes into one paid request.

    ``key`` names the purchase and travels with it where the service allows; ``labels`` are shown at the service.
    ``webhook_part`` follows the account's public address in the one that the service is to call.
    """

    key: str
    workflow: str
    version: str
    photo: Photo
    uploaded: Uploaded
    labels: Mapping[str, str] = field(default_factory=dict)
    parameters: str = ""
    webhook_part: str = ""


@dataclass(frozen=True, slots=True)
class Call:
    """A webhook's call as it came, from whomever: what stands behind the secret part of its path, its headers with
    names in small letters, its body."""

    tail: str
    headers: Mapping[str, str]
    body: bytes

    def json_object(self) -> Mapping[str, object]:
        """The body as a JSON object; an empty one where it is none."""
        try:
            said = json.loads(self.body)
        except (ValueError, RecursionError):  # anybody may have sent it, nested as deep as they like
            return {}
        return said if isinstance(said, dict) else {}


@dataclass(frozen=True, slots=True)
class Output:
    """One result file at the service. ``task`` tells several results of one job apart, empty for a single one.

    ``digest`` is the hex SHA-256 the service states, ``size`` its bytes; None where it does not say. ``unpack``: an
    archive whose layers are wanted beside it. ``file``: what the service calls it, where no other execution's result
    and no upload can be called so; empty where they can.
    """

    locator: str
    task: str = ""
    media_type: str = ""
    digest: str | None = None
    size: int | None = None
    unpack: bool = False
    file: str = ""


class State(StrEnum):
    """What an execution is doing, as far as the journey must know. INCOMPLETE: the service calls it finished, and not
    all of what was ordered is there."""

    RUNNING = "running"
    IN_QA = "in QA"
    UNPAID = "unpaid"
    DONE = "done"
    INCOMPLETE = "incomplete"
    FAILED = "failed"
    GONE = "gone"
    PUZZLING = "not understood"


@dataclass(frozen=True, slots=True)
class ExecutionStatus:
    """One look at an execution.

    ``word`` is the service's own spelling of the state; ``key`` our purchase key as the service gave it back; ``name``
    what the photo is called there;
    times are the service's, ISO 8601 in UTC. ``expires_in``: seconds until the results are thrown away, None where the
    service does not say. ``remark``: what of it cannot be, for a person;
    ``aside``: what else it shows of itself, for a person. ``as_quoted``: no answer tells a charge; ``charged`` is by
    the settings as they are now, and for an order of ours what it was ordered at counts.
    """

    execution: str
    state: State
    word: str
    charged: int | None = None
    outputs: tuple[Output, ...] = ()
    message: str = ""
    key: str | None = None
    created_at: str = ""
    started_at: str = ""
    finished_at: str = ""
    reference: str = ""
    workflow: str = ""
    version: str = ""
    name: str = ""
    expires_in: float | None = None
    remark: str = ""
    aside: str = ""
    as_quoted: bool = False

    def of_order(self, reserved: int) -> ExecutionStatus:
        """The same for an order of ours for which so much was reserved."""
        return replace(self, charged=reserved) if self.as_quoted and self.charged is not None else self


class Puzzles(dict[str, str]):
    """By execution, what of the last look at it could not be understood; ``failed``: what the service answered in place
    of a look, and whether it will not answer at all (for good) rather than not now."""

    def __init__(self) -> None:
        super().__init__()
        self.failed: dict[str, tuple[str, bool]] = {}


@dataclass(frozen=True, slots=True)
class ExecutionRef:
    """An execution to look at: where it was ordered and what for."""

    execution: str
    workflow: str


@dataclass(frozen=True, slots=True)
class PurchaseQuery:
    """A purchase whose fate is unknown.

    ``keys`` are all keys this job ever sent; ``mark`` is the service's own creation time of an entry known before the
    intent, empty where none is known.
    """

    key: str
    keys: frozenset[str]
    workflow: str
    version: str
    reference: str
    mark: str = ""


@dataclass(frozen=True, slots=True)
class Found:
    """The service has these executions for the purchase, earliest first."""

    executions: tuple[ExecutionStatus, ...]


@dataclass(frozen=True, slots=True)
class Absent:
    """A complete reading showed none. ``lookalikes``: executions of the same photo and workflow without a label of its
    job, newer than the mark; ``labels``: the key that each execution showed as our label, empty where it had none."""

    lookalikes: tuple[str, ...] = ()
    labels: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Incomplete:
    """The reading could not be finished: nothing may be concluded. ``answered``: pages of the list that came."""

    message: str
    answered: int = 0


Look = Found | Absent | Incomplete


class DevicePrompt(BaseModel):
    """What a person needs to confirm a sign-in elsewhere; ``expires_in`` in seconds."""

    model_config = ConfigDict(frozen=True)

    user_code: str
    url: str
    url_with_code: str
    expires_in: float
