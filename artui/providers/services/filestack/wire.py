"""Filestack's JSON: stored files, jobs, and what an answer to a run means."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Annotated, Any, Final
from urllib.parse import unquote, urlsplit

from pydantic import AfterValidator, BeforeValidator, ConfigDict, Field, StringConstraints

from artui.providers.base import Blocked, Cause, ExecutionStatus, Rejected, State
from artui.providers.base.wire import Amount, Text, Time, WireModel, Word, duration, moment, text
from artui.providers.http import Answer
from artui.providers.http.answers import is_problem
from artui.providers.http.messages import one_line
from artui.providers.services.filestack.results import Outcome, Wanted, handle_of, is_vendors, outputs_of

EARLIER: Final = 120.0
"""Seconds by which a new job may seem older than its request; one that is older still is another one."""

NOT_TAKEN: Final = (400, 413, 415)
"""Statuses by which a file is refused for good, whoever on the way says so: an upload costs nothing."""

NO_APP: Final = "Invalid Application"
"""What is said, with status 200, to a key that is missing or unknown."""

_FAILED: Final = frozenset({"failed", "error", "cancelled", "canceled", "aborted", "timedout"})
_LATER: Final = (408, 409, 425, 429)
"""Statuses of 4xx that do not say that a run was refused for good."""

_SENTENCE: Final = 1000
"""Most characters of an error that is plain words."""


# ---------------------------------------------------------------------------------------------------------- refusals


def words(answer: Answer) -> str:
    """What the service says, whether as text or as JSON, in one line without secrets of ours; empty where nothing."""
    said = answer.json_object()
    if said is None:
        return "" if answer.is_web_page else one_line(plain_words(answer) or answer.text)
    error = said.get("error")
    return _worded(error) if isinstance(error, (dict, list)) else answer.sentence


def _worded(error: object) -> str:
    """An error in words: its own, as the older form has them beside a code, or all of it."""
    if isinstance(error, dict):
        error = next((error[name] for name in ("msg", "message") if has_content(error.get(name))), error)
    return one_line(error if isinstance(error, str) else json.dumps(error))


def refusal(answer: Answer) -> Rejected | Blocked:
    """The error of a request that was refused for good; 401, 403 and an unknown app stop the whole account."""
    said = words(answer)
    if answer.status == 401 or said == NO_APP:
        return Blocked(f"{answer.about}: {said or 'refused'}: check api_key", cause=Cause.LOGIN)
    if answer.status == 403:
        advice = "check the app secret and api_key, and sign in again"
        return Blocked(f"{answer.about}: {said or 'forbidden'}: {advice}", cause=Cause.LOGIN)
    return rejected(answer)


def rejected(answer: Answer) -> Rejected:
    """The error of a request that was refused for itself alone."""
    said, plain = words(answer), answer.refusal()
    return Rejected(f"{answer.about}: {said}" if said else str(plain), reason=plain.reason, status=plain.status)


def is_error(said: Mapping[str, Any]) -> bool:
    """Whether a document says what went wrong. A key alone says nothing: ``{"error": null}`` is no error."""
    error = said.get("error")
    is_so = (error is not False and has_content(error)) or said.get("result") == "error"
    return is_so and not has_content(said.get("jobid"))  # what has a job was started, whatever else it says


def has_content(value: object) -> bool:
    """Whether anything at all is said by a value, on whatever level of it."""
    if isinstance(value, (dict, list)):
        return any(has_content(inner) for inner in (value.values() if isinstance(value, dict) else value))
    return value is not None and value != ""


def refuses(answer: Answer) -> bool:
    """Whether a run was refused in the service's own form, so that surely nothing was started: as JSON that says why,
    or with a status of a refusal as plain words or ``problem+json``."""
    if answer.status in (401, 403):  # who may not ask has started nothing; a page may be a proxy's
        return not answer.is_web_page
    said = answer.json_object()
    if answer.status == 200:  # some refusals come in a 200
        return said is not None and is_error(said)
    if not 400 <= answer.status < 500 or answer.status in _LATER:
        return False
    if said is None:
        return bool(plain_words(answer))
    return is_error(said) or (is_problem(answer) and not has_content(said.get("jobid")))


def plain_words(answer: Answer) -> str:
    """The answer where it is a sentence, as the service words some errors, and no page of somebody on the way; bare or
    as JSON has texts."""
    text = answer.text.strip()
    if text[:1] == '"':
        try:
            text = str(json.loads(text))
        except ValueError:
            return ""
    line = " ".join(text.split())
    is_words = line[:1] not in ("{", "[", "<") and line.isprintable() and len(line) <= _SENTENCE
    return line if is_words and not answer.is_web_page else ""


# -------------------------------------------------------------------------------------------------------- what it has


def _address(text: str) -> str:
    urlsplit(text)  # raises ValueError where nobody could take it apart
    return text


Address = Annotated[str, StringConstraints(pattern=r"^[!-~]+$"), AfterValidator(_address)]
HeaderName = Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9-]+$")]
HeaderValue = Annotated[str, BeforeValidator(text), StringConstraints(pattern=r"^[ -~]*$")]
Id = Annotated[str, BeforeValidator(text), StringConstraints(min_length=1)]
"""What a call must name; a number is as good as its digits."""


class Stored(WireModel):
    """A file as the calls that store one describe it."""

    handle: Text = ""
    url: Text = ""
    status: Word = ""
    size: Amount = None

    @property
    def reference(self) -> str:
        """The file's handle, which single uploads name only as the end of its address; empty where there is none."""
        return handle_of(self.handle, self.url)


class Start(WireModel):
    """Where the parts of an upload go; ``location_url`` is a host, with or without a scheme."""

    uri: Id
    region: Text = ""
    upload_id: Id
    location_url: Address

    model_config = ConfigDict(alias_generator=None)


class PartPlace(WireModel):
    """Where the bytes of one part go, with exactly these headers."""

    url: Address
    headers: dict[HeaderName, HeaderValue] = Field(default_factory=dict)


class Metadata(WireModel):
    """What the service knows of a stored file."""

    sha256: Text = ""
    size: Amount = None


def _sources(said: object) -> tuple[str, ...]:
    """What a job was made from, each a handle or an address; told as a list, or alone."""
    listed = said if isinstance(said, (list, tuple)) else [said]
    return tuple(one.strip() for one in listed if isinstance(one, str) and one.strip())


def _lasting(said: object) -> float | None:
    """Seconds, with their unit behind them or not; None where it cannot be."""
    return duration(re.sub(r"\s*s(ec(onds?)?)?$", "", said.strip()) if isinstance(said, str) else said)


class Job(WireModel):
    """One file in one workflow, as a run and a look at it show it. The id alone says that it exists; what else is not
    as it should be is left out."""

    jobid: Annotated[str, BeforeValidator(text), StringConstraints(pattern=r"^[A-Za-z0-9_-]{1,100}$")]
    status: Word = ""
    workflow: Text = ""
    sources: Annotated[tuple[str, ...], BeforeValidator(_sources)] = ()
    created_at: Time = ""
    updated_at: Time = ""
    results: Any = None
    ttl: Annotated[float | None, BeforeValidator(_lasting)] = None
    error: Any = None

    @property
    def state(self) -> State:
        """What it is doing; only one word is known to mean success, and one that nobody knows means it goes on."""
        word = self.status.casefold()
        # `Finished` alone is documented as an end; the words of failure are likely ones.
        return State.DONE if word == "finished" else State.FAILED if word in _FAILED else State.RUNNING

    def made_from(self, is_ours: Callable[[str], bool] = is_vendors) -> tuple[str, ...]:
        """What it was made from: by handle where a source is a file of the service, else by its address."""
        return tuple(_known_as(source, is_ours) for source in self.sources)

    def is_new(self, workflow: str, source: str, since: float, is_ours: Callable[[str], bool] = is_vendors) -> bool:
        """Whether it can be what a request of ``since``, in epoch seconds, started with this handle or address: not an
        earlier one's answer."""
        made, shown = moment(self.created_at), self.made_from(is_ours)
        # One told in another way says nothing: an address in place of a handle, a handle in place of an address.
        may_be = not shown or any(
            ("://" in one) != ("://" in source) or unquote(one).casefold() == unquote(source).casefold()
            for one in shown
        )
        return (
            self.workflow.casefold() in ("", workflow.casefold())
            and may_be
            and (made is None or made.timestamp() > since - EARLIER)
        )

    def progress(self, charge: int, now: float, wanted: Wanted) -> ExecutionStatus:
        """One look at it; ``charge`` is what it cost once it has ended, ``now`` the service's time."""
        state, found, sources = self.state, Outcome(), self.made_from(wanted.is_ours)
        if state is State.DONE:
            found = outputs_of(self.results, replace(wanted, sources=sources))
            state = State.DONE if found.is_complete else State.INCOMPLETE
        made = moment(self.created_at)
        return ExecutionStatus(
            execution=self.jobid,
            state=state,
            word=self.status,
            charged=charge if self.state is not State.RUNNING else None,
            as_quoted=True,
            outputs=found.outputs,
            message=found.odd or (_worded(self.error) if self.error else ""),
            created_at=self.created_at,
            finished_at=self.updated_at if self.state is not State.RUNNING else "",
            reference=sources[0] if sources else "",
            workflow=self.workflow,
            # From when the `ttl` counts is not documented: from the earliest it can be.
            expires_in=None if self.ttl is None or made is None else max(0.0, made.timestamp() + self.ttl - now),
        )


def _known_as(source: str, is_ours: Callable[[str], bool]) -> str:
    """A source as the journal has it: the handle of a file of the service, else an address with its scheme."""
    if is_ours(source):
        return handle_of(None, source) or source.partition("?")[0].rpartition("/")[2] or source
    return source if "://" in source or "/" not in source else f"src://{source}"
