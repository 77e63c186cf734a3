"""AutoRetouch's JSON: organizations, workflows, executions, and what a list of them proves about a lost purchase.

Most keys may be missing and unknown ones may come; a status that nobody knows means that work goes on.
"""

from __future__ import annotations

import base64
import json
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from itertools import accumulate, product
from typing import Annotated, Any, Final, Generic, Self, TypeVar
from urllib.parse import quote, unquote

from pydantic import (
    BeforeValidator,
    Field,
    InstanceOf,
    PrivateAttr,
    StringConstraints,
    ValidatorFunctionWrapHandler,
    WrapValidator,
    model_validator,
)

from artui.providers import base
from artui.providers.base import Absent, ExecutionStatus, Found, Incomplete, Look, Output, PurchaseQuery, State
from artui.providers.base.misfits import value
from artui.providers.base.wire import (
    Amount,
    List,
    Object,
    Price,
    Status,
    Text,
    Time,
    WireModel,
    Word,
    Words,
    balance,
    cost,
    moment,
    readable,
    tell_odd,
    text,
)
from artui.providers.http import Answer, segment
from artui.providers.http.messages import one_line
from artui.providers.services.autoretouch import aside

LABEL: Final = "artui_job"
"""The label that holds a purchase's key."""

SELECTED: Final = "https://autoretouch.com/selectedOrganization"
"""The claim of an access token that names the organization its owner works for."""

_STATES: Final = {
    "CREATED": State.RUNNING,
    "ACTIVE": State.RUNNING,
    "IN_QA": State.IN_QA,
    "PAYMENT_REQUIRED": State.UNPAID,
    "COMPLETED": State.DONE,
    "FAILED": State.FAILED,
}
DISORDER: Final = timedelta(minutes=10)
"""How much newer than the one above it an entry may be, in a list that counts as newest first: orders are placed side
by side. It is little beside the hour before the mark that is read too."""

_WHOLE: Final = re.compile(r"https?://(?P<host>[^/?#@]*?)(?::80|:443)?(?=[/?#]|$)", re.IGNORECASE)
_AS_IT_IS: Final = "%/:?#[]@!$&'()*+,;=~"
"""What stands in an address that is encoded already."""

_SHA256: Final = re.compile(r"[0-9a-fA-F]{64}")

Id = Annotated[
    str,
    BeforeValidator(lambda said: text(said) if isinstance(said, int) else said),
    StringConstraints(pattern=r"^[A-Za-z0-9][A-Za-z0-9_.:~|-]{0,199}$"),
]
"""An id of the service, text or a number: opaque, but nothing that could lead elsewhere in an address."""


class Member(WireModel):
    """A person of an organization."""

    id: Text = ""
    roles: Words = ()
    givenName: Word = ""  # noqa: N815 — the service's
    familyName: Word = ""  # noqa: N815
    email: Word = ""


class Organization(WireModel):
    """Who can pay."""

    id: Id
    name: Word = ""
    members: List = ()

    def roles_of(self, person: object) -> str:
        """What a person is there, as a list of words; empty where it does not say."""
        members, _ = readable(self.members, Member)
        return ", ".join(sorted({role for one in members if one.id == person for role in one.roles}))

    def named(self, person: object) -> str:
        """A member as people know them, ``Ada Muster <ada@example.com>``; empty where there is none of this id."""
        members, _ = readable(self.members, Member)
        found = next((one for one in members if one.id == person), Member())
        return " ".join(filter(None, (found.givenName, found.familyName, found.email and f"<{found.email}>")))


class Component(WireModel):
    """One step of a workflow."""

    type: Word = ""
    label: Word = ""
    settings: Object = Field(default_factory=dict)


class Author(WireModel):
    """Who saved a workflow."""

    first_name: Word = ""
    last_name: Word = ""
    email: Word = ""


class Workflow(WireModel):
    """A saved workflow; the list leaves out the components' settings."""

    id: Id
    version: Id
    name: Word = ""
    date: Time = ""
    author: Object = Field(default_factory=dict)
    workflow_components: List = ()
    execution_price: Price

    def known(self) -> base.Workflow:
        """The workflow in the program's words."""
        author = Author.model_validate(self.author)
        components, _ = readable(self.workflow_components, Component)
        return base.Workflow(
            id=self.id,
            version=self.version,
            name=self.name,
            price=self.execution_price,
            components=tuple(base.Component(one.type, one.label, one.settings) for one in components),
            changed_at=self.date,
            author=f"{author.first_name} {author.last_name}".strip() or author.email,
        )


class Execution(WireModel):
    """One image in one workflow, as list and details show it."""

    id: Id
    status: Status
    workflow: Text = ""
    # A number is no UUID: compared, it would disprove what is ours.
    workflow_version: Annotated[str, BeforeValidator(lambda said: said if isinstance(said, str) else "")] = ""
    created_at: Time = ""
    started_at: Time = ""
    finished_at: Time = ""
    input_content_hash: Text = ""
    input_file_name: Text = ""
    result_content_hash: Text = ""
    result_content_type: Word = ""
    result_file_name: Text = ""
    result_path: Text = ""
    labels: Any = None  # judged apart (`has_odd_labels`): a key decides too much to be read from what is odd
    charged_credits: Any = None
    intermediate_result: Any = None
    result_preview_content_hash: Any = None
    fastlane: Any = None
    _progress: ExecutionStatus = PrivateAttr()

    @model_validator(mode="after")
    def _means_something(self) -> Self:
        # An entry that breaks this is left out of its list, and hides no other. More states may come (IN_QA came after
        # older clients): one that nobody knows is waited for.
        state, word = _STATES.get(self.status.upper(), State.RUNNING), self.status
        digest = self.result_content_hash
        outputs: tuple[Output, ...] = ()
        if self.result_path or (digest and self.result_file_name):  # either way leads there: see `routes`
            place = {"hash": digest, "name": self.result_file_name, "path": self.result_path}
            stated = digest.lower() if _SHA256.fullmatch(digest) else None  # in another form it may be another digest
            outputs = (Output(json.dumps(place), media_type=self.result_content_type, digest=stated),)
        charged, remark = cost(self.charged_credits), ""
        if charged is None and self.charged_credits is not None:
            remark = f"the service states a charge that cannot be ({self.charged_credits!s:.40}): its price is counted"
        message = ""
        if state is State.DONE and not outputs:
            state, message = State.INCOMPLETE, "the service gives no result"
        self._progress = ExecutionStatus(
            execution=self.id,
            state=state,
            word=word,
            charged=charged,
            outputs=outputs if state is State.DONE else (),  # what lies there during QA is not the result
            message=message,
            key=self.key,
            created_at=self.created_at,
            started_at=self.started_at,
            finished_at=self.finished_at,
            reference=self.input_content_hash,
            workflow=self.workflow,
            version=self.workflow_version,
            name=self.input_file_name,
            remark=remark,
            aside=self._aside(state),
        )
        return self

    @property
    def key(self) -> str | None:
        """Our purchase's key, where its label came back."""
        key = self.labels.get(LABEL) if isinstance(self.labels, dict) else None
        return key if isinstance(key, str) else None

    @property
    def has_odd_labels(self) -> bool:
        """Whether its labels, or our own, came in a form that nobody can read a key from."""
        labels = {} if self.labels is None else self.labels
        return not (isinstance(labels, dict) and isinstance(labels.get(LABEL, ""), str))

    @property
    def created(self) -> datetime | None:
        """When the service made it; None where it does not say so readably."""
        return moment(self.created_at)

    def progress(self) -> ExecutionStatus:
        """One look at it. Without a result it is not done, whatever it says."""
        return self._progress

    def _aside(self, state: State) -> str:
        """What else it shows, for a person: where a first result lies while it is checked, and the fast lane."""
        told = [aside.fast_lane(self.fastlane)]
        if state is State.IN_QA:
            preview = aside.image(self.result_preview_content_hash, self.result_file_name)
            first = self.intermediate_result, self.result_path, preview
            place = next(filter(None, map(aside.place_of, first)), "")
            told.append(f"a first result is at {place}" if place else "")
        return "; ".join(filter(None, told))


class Batch(WireModel):
    """Executions with equal batch labels, counted."""

    id: Id
    executions: Amount = None


Entry = TypeVar("Entry", Organization, Workflow, Execution, Batch)


@dataclass(frozen=True, slots=True)
class Unread:
    """An entry of a list that cannot be read: its id, name and labels as far as it has any, all it says, and why."""

    id: str
    name: str
    labels: Mapping[str, Any]
    text: str
    why: str

    @classmethod
    def of(cls, entry: object, why: str) -> Self:
        """What little can be told of an entry."""
        told = entry if isinstance(entry, dict) else {}
        labels = told.get("labels")
        return cls(
            text(told.get("id")),
            text(told.get("name")),
            labels if isinstance(labels, dict) else {},
            json.dumps(entry, ensure_ascii=False).casefold(),
            why,
        )

    def may_be(self, sought: PurchaseQuery) -> bool:
        """Whether it could be a lost purchase: it names one of its keys, or nobody's and its photo, or nothing."""
        is_named = any(key.casefold() in self.text for key in sought.keys)
        is_alike = LABEL not in self.labels and bool(sought.reference) and sought.reference.casefold() in self.text
        return is_named or is_alike or not (self.id or self.labels)  # one that shows nothing may be anything


def _or_unread(entry: object, read: ValidatorFunctionWrapHandler) -> object:
    """An entry in its shape; one that has another is no reason to read none. Nor is a key read from odd labels."""
    try:
        found = read(entry)
    except Exception as why:  # noqa: BLE001 — it is told, and hides no other entry
        return Unread.of(entry, tell_odd(entry, why))
    if isinstance(found, Execution) and found.has_odd_labels:
        return Unread.of(entry, f"`labels` {value(found.labels)}")
    return found


class Page(WireModel, Generic[Entry]):
    """Some entries of a list that has ``total``, None where it does not say; those that cannot be read are in their
    places."""

    entries: list[Annotated[Entry | InstanceOf[Unread], WrapValidator(_or_unread)]]
    total: Amount = None

    @property
    def readable(self) -> list[Entry]:
        """The entries that can be read."""
        return [entry for entry in self.entries if not isinstance(entry, Unread)]

    @property
    def unread(self) -> list[Unread]:
        """The entries that cannot be read."""
        return [entry for entry in self.entries if isinstance(entry, Unread)]

    def ends_at(self, offset: int) -> bool:
        """Whether the list ends at this place, by the service's own ``total``."""
        # A short page proves nothing: the service may give fewer than were asked for.
        return self.total is not None and offset >= self.total


def counted(page: Page[Batch], batch: str) -> int | None:
    """How many executions a page of batches counts for one; None where it does not show that one, or no number."""
    # A filter that is not heeded shows others' batches, too.
    counts = [entry.executions for entry in page.readable if entry.id.casefold() == batch.casefold()]
    told = [count for count in counts if count is not None]
    return sum(told) if told else None


def routes(locator: str, api_url: str) -> list[str]:
    """The addresses a result may lie at: by hash and name, then by the path the service stated, however it did that.

    It may be a whole address, lack its slash, have ``/v1`` or a query, and be encoded or not, as a name with a ``?``
    shows. At the service's own host only what is an image's is followed.
    """
    place: dict[str, str] = json.loads(locator)
    found = []
    if place["hash"] and place["name"]:
        found.append(f"{api_url}/v1/image/{segment(place['hash'])}/{segment(place['name'])}")
    stated = place["path"].strip()
    if whole := _WHOLE.match(stated):
        here = _WHOLE.match(api_url)
        if here is None or whole["host"].lower() != here["host"].lower():
            return [*found, quote(stated, safe=_AS_IT_IS, errors="replace")]
        stated = stated[whole.end() :].removeprefix(api_url[here.end() :])  # a proxy may have it say http
    path, mark, query = stated.partition("?")
    ways = [(path, mark + quote(query, safe=_AS_IT_IS, errors="replace")), (stated, "")]
    for path, rest in ways:
        image = path.lstrip("/").removeprefix("v1/")
        # It gets our token: nothing but a picture is asked for with it.
        if not image.startswith("image/") or {"..", "."} & set(unquote(image).split("/")):
            continue
        # The documents do not say whether the path is encoded, nor with which prefix: official clients do either.
        for safe, version in product(("/", "/%"), ("/v1", "")):
            found.append(f"{api_url}{version}/{quote(image, safe=safe, errors='replace')}{rest}")
    return list(dict.fromkeys(found))


def written(at: float) -> str:
    """A time, in epoch seconds, as the service writes its own: ISO 8601 in UTC with milliseconds and ``Z``."""
    return datetime.fromtimestamp(at, UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


def balance_in(answer: Answer) -> tuple[int | None, str]:
    """The credits left by an answer: a number, bare, as text, or as ``balance`` of an object; or why none is told."""
    if not 200 <= answer.status < 300:
        return None, f"the service refuses to tell it ({answer.status})"
    try:
        said = answer.json()
    except (ValueError, RecursionError):
        said = None
    left = balance(said.get("balance") if isinstance(said, dict) else said)
    return left, "" if left is not None else f"the service's answer is no balance ({one_line(answer.text)[:60]!r})"


def claims(token: str) -> dict[str, Any]:
    """What an access token says of its owner, unchecked; empty where it is not a JWT."""
    try:
        middle = token.split(".")[1]  # unchecked: what follows from it is compared with what the service lists
        found = json.loads(base64.urlsafe_b64decode(middle + "=" * (-len(middle) % 4)))
    except (ValueError, IndexError, RecursionError):
        return {}
    return found if isinstance(found, dict) else {}


# ------------------------------------------------------------------------------------------- what a list proves


def how_far_back(marks: Sequence[str]) -> datetime | None:
    """How far back a list must be read: an hour before the earliest mark; None where it must be read to its end."""
    moments = [moment(mark) for mark in marks]
    known = [found for found in moments if found is not None]
    # Without its mark an order may stand anywhere.
    return min(known) - timedelta(hours=1) if known and len(known) == len(moments) else None


def is_past(page: Sequence[Execution | Unread], seen: Iterable[Execution | Unread], when: datetime | None) -> bool:
    """Whether a whole page is older than ``when``, in a list that came newest first so far."""
    times = [time for entry in seen if (time := _created(entry))]
    oldest_yet = accumulate(times, min)
    if when is None or any(time - oldest > DISORDER for time, oldest in zip(times, oldest_yet, strict=True)):
        return False
    dated = [_created(entry) for entry in page]
    # A whole page: entries placed side by side may be listed the other way round.
    return bool(page) and all(made is not None and made < when for made in dated)


def _created(entry: Execution | Unread) -> datetime | None:
    return entry.created if isinstance(entry, Execution) else None


def has_all(group: Iterable[PurchaseQuery], listed: Iterable[Execution | Unread]) -> bool:
    """Whether each of these lost purchases is listed."""
    keys = {entry.key for entry in listed if isinstance(entry, Execution)}
    return all(one.keys & keys for one in group)


def conclude(sought: PurchaseQuery, listed: Iterable[Execution | Unread], trouble: str = "", answered: int = 0) -> Look:
    """What a reading says of one purchase: ``trouble`` is why it is not complete, ``answered`` how many pages came."""
    listed = list(listed)
    entries = [entry for entry in listed if isinstance(entry, Execution)]
    # The earliest is adopted; without a time it is last.
    entries.sort(key=lambda entry: entry.created or datetime.max.replace(tzinfo=UTC))
    ours = [entry.progress() for entry in entries if entry.key in sought.keys]
    # Before all trouble: what is found is found, however little else of the list came.
    if ours:
        return Found(tuple(ours))
    may_be = [entry for entry in listed if isinstance(entry, Unread) and entry.may_be(sought)]
    if may_be and not trouble:
        trouble = f"an entry of the service's list cannot be read, and may be this photo's: {may_be[0].why}"
    if trouble:
        return Incomplete(trouble, answered)
    alike = tuple(entry.id for entry in entries if _is_alike(entry, sought))
    return Absent(alike, {entry.id: entry.key or "" for entry in entries})


def _is_alike(entry: Execution, sought: PurchaseQuery) -> bool:
    """Whether it could be the lost purchase without its label, or under a wrong one: the same photo and recipe, newer
    than the mark."""
    mark = moment(sought.mark)
    return (
        entry.input_content_hash.lower() == sought.reference.lower()
        and entry.workflow in ("", sought.workflow)  # '': it does not say
        and entry.workflow_version in ("", sought.version)
        and not (mark is not None and entry.created is not None and entry.created <= mark)
    )
