"""Filestack's JSON: stored files, jobs, the many shapes of their results, and what an answer to a run means.

No call lists or describes a workflow, and the shapes of results are undocumented in part; whatever is no file is kept
as JSON, so that nothing that was paid for is thrown away.
"""

from __future__ import annotations

import json
import re
from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Annotated, Any, Final
from urllib.parse import urlsplit

from pydantic import AfterValidator, BeforeValidator, ConfigDict, Field, StringConstraints

from artui.providers.base import Blocked, Cause, Output, Progress, Rejected, State
from artui.providers.http import Answer
from artui.providers.http.messages import one_line
from artui.providers.said import Amount, Said, Seconds, Text, Time, Word, amount, moment, text

JSON: Final = "application/json"

EARLIER: Final = 120.0
"""Seconds by which a new job may seem older than its request; one that is older still is another one."""

_FAILED: Final = frozenset({"failed", "error", "cancelled", "canceled", "aborted", "timedout"})
_HINTS: Final = frozenset({"handle", "key", "filename", "mimetype", "type", "size"})
_HANDLE: Final = re.compile(r"[A-Za-z0-9_-]{8,64}")
_LAST_SEGMENT: Final = re.compile(r"[A-Za-z0-9_-]{15,40}")
_TEMPORARY: Final = re.compile(r"[A-Za-z0-9_-]+/[A-Za-z0-9_-]+/[A-Za-z0-9_-]+")
_PLAIN: Final = re.compile(r"[^A-Za-z0-9._-]+")
_DEEPEST: Final = 2


# ---------------------------------------------------------------------------------------------------------- refusals


def words(answer: Answer) -> str:
    """What the service says, whether as text or as JSON, in one line without secrets of ours; empty where nothing."""
    said = answer.json_object()
    if said is None:
        return "" if answer.is_web_page else one_line(answer.text)
    error = said.get("error")
    return _worded(error) if isinstance(error, (dict, list)) else answer.sentence


def _worded(error: object) -> str:
    return one_line(error if isinstance(error, str) else json.dumps(error))


def refusal(answer: Answer) -> Rejected | Blocked:
    """The error of a request that was refused for good; 401, 403 and an unknown app stop the whole account."""
    said = words(answer)
    if answer.status == 401 or said == "Invalid Application":
        return Blocked(f"{answer.about}: {said or 'refused'}: check api_key", cause=Cause.LOGIN)
    if answer.status == 403:
        advice = "check the app secret and api_key, and sign in again"
        return Blocked(f"{answer.about}: {said or 'forbidden'}: {advice}", cause=Cause.LOGIN)
    return rejected(answer)


def rejected(answer: Answer) -> Rejected:
    """The error of a request that was refused for itself alone."""
    said, plain = words(answer), answer.refusal()
    return Rejected(f"{answer.about}: {said}" if said else str(plain), reason=plain.reason, status=plain.status)


def refuses(answer: Answer) -> bool:
    """Whether a run was refused in the service's own form, so that surely nothing was started."""
    said = answer.json_object() or {}
    if answer.status in (401, 403):
        return not answer.is_web_page
    return "error" in said and "jobid" not in said and answer.status in (200, 400, 404, 413, 422)


# -------------------------------------------------------------------------------------------------------- what it has


def _address(text: str) -> str:
    urlsplit(text)  # raises ValueError where nobody could take it apart
    return text


Address = Annotated[str, StringConstraints(pattern=r"^[!-~]+$"), AfterValidator(_address)]
HeaderName = Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9-]+$")]
HeaderValue = Annotated[str, StringConstraints(pattern=r"^[ -~]*$")]


class Stored(Said):
    """A file as the calls that store one describe it."""

    handle: Text = ""
    url: Text = ""
    status: Word = ""

    @property
    def reference(self) -> str:
        """The file's handle, which single uploads name only as the end of its address; empty where there is none."""
        return _handle_of(self.handle, self.url)


class Start(Said):
    """Where the parts of an upload go; ``location_url`` is a host, with or without a scheme."""

    uri: str
    region: str
    upload_id: str
    location_url: Address

    model_config = ConfigDict(alias_generator=None)


class PartPlace(Said):
    """Where the bytes of one part go, with exactly these headers."""

    url: Address
    headers: dict[HeaderName, HeaderValue] = Field(default_factory=dict)


class Metadata(Said):
    """What the service knows of a stored file."""

    sha256: Text = ""
    size: Amount = None


def _listed(said: object) -> object:
    return said if isinstance(said, (list, tuple)) else (said,)


class Job(Said):
    """One file in one workflow, as a run and a look at it show it."""

    jobid: Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9_-]{1,100}$")]
    status: Word = ""
    workflow: Text = ""
    sources: Annotated[tuple[Any, ...], BeforeValidator(_listed)] = ()
    created_at: Time = ""
    updated_at: Time = ""
    results: Any = None
    ttl: Seconds = None
    error: Any = None

    @property
    def state(self) -> State:
        """What it is doing; only one word is known to mean success, and one that nobody knows means it goes on."""
        word = self.status.casefold()
        return State.DONE if word == "finished" else State.FAILED if word in _FAILED else State.RUNNING

    def is_new(self, workflow: str, handle: str, since: float) -> bool:
        """Whether it can be what a request of ``since``, in epoch seconds, started: not an earlier one's answer."""
        made = moment(self.created_at)
        return (
            self.workflow.casefold() in ("", workflow.casefold())
            and (not self.sources or handle in self.sources)
            and (made is None or made.timestamp() > since - EARLIER)
        )

    def progress(self, charge: int, now: float, wanted: Wanted) -> Progress:
        """One look at it; ``charge`` is what it cost once it has ended, ``now`` the service's time."""
        state = self.state
        outputs, odd = outputs_of(self.results, wanted) if state is State.DONE else ((), "")
        made = moment(self.created_at)
        return Progress(
            execution=self.jobid,
            state=state,
            word=self.status,
            charged=charge if state in (State.DONE, State.FAILED) else None,
            outputs=outputs,
            message=odd or (_worded(self.error) if self.error else ""),
            created_at=self.created_at,
            finished_at=self.updated_at if state in (State.DONE, State.FAILED) else "",
            reference=text(self.sources[0]) if self.sources else "",
            workflow=self.workflow,
            expires_in=None if self.ttl is None or made is None else max(0.0, made.timestamp() + self.ttl - now),
        )


# ------------------------------------------------------------------------------------------------------------ results


@dataclass(frozen=True, slots=True)
class Wanted:
    """What is to become of a job's results: the tasks that must be there, and whether temporary files are kept too."""

    tasks: Collection[str] = ()
    all_results: bool = False


def outputs_of(results: object, wanted: Wanted) -> tuple[tuple[Output, ...], str]:
    """The results of a finished job, and what is odd about them, empty where nothing is.

    Every stored file, those that live only as long as the job where there is none (or all are wanted), every value that
    is no file as JSON; and where something is odd the whole status answer as JSON.
    """
    tasks: Mapping[str, object] = results if isinstance(results, dict) else {}
    files = [(task, _file_output(one)) for task, value in tasks.items() for one in _files_in(value, _DEEPEST)]
    lasting = [one for one in files if not _is_temporary(one[1])]
    kept = files if wanted.all_results or not lasting else lasting
    rest = [(task, _json_output(task)) for task in tasks if task not in dict(files)]
    if odd := _oddity(tasks, wanted.tasks):
        rest.append(("status", _json_output(None)))
    if len(kept) == 1 and not rest:
        return (kept[0][1],), odd
    return tuple(_named([*kept, *rest])), odd


def _oddity(tasks: Mapping[str, object], expected: Iterable[str]) -> str:
    """What a person should know of a job that has finished with gaps."""
    if not tasks:
        return "finished with gaps: the service names no result at all"
    missing = [task for task in expected if task not in tasks]
    failed = [task for task, value in tasks.items() if _has_error(value)]
    gaps = [f"no result of {', '.join(missing)}"] if missing else []
    gaps += [f"an error in {one_line(', '.join(failed))}"] if failed else []
    return f"finished with gaps: {'; '.join(gaps)}" if gaps else ""


def _has_error(value: object) -> bool:
    if not isinstance(value, dict):
        return False
    inner = value.get("data")
    return bool(value.get("error")) or (isinstance(inner, dict) and bool(inner.get("error")))


def _files_in(value: object, depth: int) -> Iterator[dict[str, Any]]:
    """The objects that describe a file, in a value and so many levels below it."""
    if isinstance(value, dict) and _is_file(value):
        yield value
    elif depth and isinstance(value, (dict, list)):
        for inner in value.values() if isinstance(value, dict) else value:
            yield from _files_in(inner, depth - 1)


def _is_file(value: Mapping[str, Any]) -> bool:
    url, handle = value.get("url"), value.get("handle")
    if isinstance(handle, str) and _HANDLE.fullmatch(handle):
        return True
    is_address = isinstance(url, str) and url.startswith(("https://", "http://"))
    return is_address and ("/wf://" in str(url) or bool(_HINTS & value.keys()))


def _file_output(value: Mapping[str, Any]) -> Output:
    url = value["url"] if isinstance(value.get("url"), str) else ""
    kind = next((value[name] for name in ("mimetype", "type") if isinstance(value.get(name), str)), "")[:200]
    size = amount(value.get("size"))
    temporary = url.partition("/wf://")[2].partition("?")[0]
    if handle := _handle_of(value.get("handle"), url):
        place = {"handle": handle}
    elif _TEMPORARY.fullmatch(temporary):
        place = {"wf": temporary}
    else:
        place = {"url": url}
    return Output(json.dumps(place), media_type=kind, size=size or None)


def _json_output(task: str | None) -> Output:
    return Output(json.dumps({"json": task}), media_type=JSON)


def _is_temporary(output: Output) -> bool:
    return "wf" in json.loads(output.locator)


def _handle_of(handle: object, url: str) -> str:
    if isinstance(handle, str) and _HANDLE.fullmatch(handle):
        return handle
    if "/wf://" in url:
        return ""
    try:
        last = urlsplit(url).path.rpartition("/")[2]
    except ValueError:
        return ""
    return last if _LAST_SEGMENT.fullmatch(last) else ""


def _named(outputs: Iterable[tuple[str, Output]]) -> Iterator[Output]:
    """Each output with a plain task name that no other one has, whatever the service calls it."""
    taken: set[str] = set()
    for task, output in outputs:
        plain = first = _PLAIN.sub("-", task).strip("-.")[:60] or "result"
        number = 1
        while plain.casefold() in taken:
            number += 1
            plain = f"{first}-{number}"
        taken.add(plain.casefold())
        yield Output(output.locator, plain, output.media_type, output.digest, output.size)


def json_of(said: Mapping[str, Any], task: str | None) -> bytes | None:
    """One task's value, or the whole status answer, as a JSON file; None where the answer does not have it."""
    if task is None:
        value: object = said
    else:
        results = said.get("results")
        if not isinstance(results, dict) or task not in results:
            return None
        value = results[task] if isinstance(results[task], (dict, list)) else {task: results[task]}
    return (json.dumps(value, indent=2, ensure_ascii=False) + "\n").encode("utf-8", "backslashreplace")
