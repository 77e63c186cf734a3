"""Filestack's JSON: stored files, jobs, the many shapes of their results, and what an answer to a run means.

No call lists or describes a workflow, and the shapes of results are undocumented in part; whatever is no file is kept
as JSON, so that nothing that was paid for is thrown away.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Annotated, Any, Final
from urllib.parse import urlsplit

from pydantic import AfterValidator, BeforeValidator, ConfigDict, Field, StringConstraints

from artui.providers.base import Blocked, Cause, Output, Progress, Rejected, State
from artui.providers.http import Answer
from artui.providers.http.messages import one_line
from artui.providers.said import Amount, Said, Seconds, Text, Time, Word, amount, moment

JSON: Final = "application/json"

EARLIER: Final = 120.0
"""Seconds by which a new job may seem older than its request; one that is older still is another one."""

_FAILED: Final = frozenset({"failed", "error", "cancelled", "canceled", "aborted", "timedout"})
_HINTS: Final = frozenset({"handle", "key", "filename", "mimetype", "type", "size"})
_HANDLE: Final = re.compile(r"[A-Za-z0-9_-]{8,64}")
_LAST_SEGMENT: Final = re.compile(r"[A-Za-z0-9_-]{15,40}")
_TEMPORARY: Final = re.compile(r"[A-Za-z0-9_-]+/[A-Za-z0-9_-]+/[A-Za-z0-9_-]+")
_VENDORS: Final = re.compile(r"https://([a-z0-9-]+\.)*(filestackcontent|filestackapi)\.com/[!-~]+")
_PLAIN: Final = re.compile(r"[^A-Za-z0-9._-]+")
_DEEPEST: Final = 8
_REFUSALS: Final = (400, 404, 413, 422)
_SENTENCE: Final = 1000
"""Most characters of an error that is plain words."""


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


def is_error(said: Mapping[str, Any]) -> bool:
    """Whether a document says what went wrong. A key alone says nothing: ``{"error": null}`` is no error."""
    error = said.get("error")
    return error is not False and has_content(error) and not has_content(said.get("jobid"))


def has_content(value: object) -> bool:
    """Whether anything at all is said by a value, on whatever level of it."""
    if isinstance(value, (dict, list)):
        return any(has_content(inner) for inner in (value.values() if isinstance(value, dict) else value))
    return value is not None and value != ""


def refuses(answer: Answer) -> bool:
    """Whether a run was refused in the service's own form, so that surely nothing was started: as JSON that says why,
    or as plain words with a status of a refusal."""
    if answer.status in (401, 403):
        return not answer.is_web_page
    if answer.status not in (200, *_REFUSALS):
        return False
    said = answer.json_object()
    return is_error(said) if said is not None else answer.status in _REFUSALS and _is_words(answer)


def _is_words(answer: Answer) -> bool:
    """Whether an answer is a sentence, as the service words some errors, and no page of somebody on the way."""
    text = answer.text.strip()
    is_json = text[:1] in ("{", "[", '"')
    return bool(text) and not is_json and not answer.is_web_page and text.isprintable() and len(text) <= _SENTENCE


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


def _sources(said: object) -> tuple[str, ...]:
    """What a job was made from, each a handle or an address; told as a list, or alone."""
    listed = said if isinstance(said, (list, tuple)) else [said]
    return tuple(one for one in listed if isinstance(one, str) and one)


class Job(Said):
    """One file in one workflow, as a run and a look at it show it. The id alone says that it exists; what else is not
    as it should be is left out."""

    jobid: Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9_-]{1,100}$")]
    status: Word = ""
    workflow: Text = ""
    sources: Annotated[tuple[str, ...], BeforeValidator(_sources)] = ()
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

    @property
    def handles(self) -> tuple[str, ...]:
        """What it was made from, by handle where a source is a file of the service; else as it is said."""
        return tuple(_handle_of(None, source) or source for source in self.sources)

    def is_new(self, workflow: str, handle: str, since: float) -> bool:
        """Whether it can be what a request of ``since``, in epoch seconds, started: not an earlier one's answer."""
        made = moment(self.created_at)
        return (
            self.workflow.casefold() in ("", workflow.casefold())
            and (not self.sources or handle in self.handles)
            and (made is None or made.timestamp() > since - EARLIER)
        )

    def progress(self, charge: int, now: float, wanted: Wanted) -> Progress:
        """One look at it; ``charge`` is what it cost once it has ended, ``now`` the service's time."""
        state, found = self.state, Outcome()
        if state is State.DONE:
            found = outputs_of(self.results, replace(wanted, sources=self.handles))
            state = State.DONE if found.is_complete else State.INCOMPLETE
        made = moment(self.created_at)
        return Progress(
            execution=self.jobid,
            state=state,
            word=self.status,
            charged=charge if self.state is not State.RUNNING else None,
            outputs=found.outputs,
            message=found.odd or (_worded(self.error) if self.error else ""),
            created_at=self.created_at,
            finished_at=self.updated_at if self.state is not State.RUNNING else "",
            reference=self.handles[0] if self.handles else "",
            workflow=self.workflow,
            expires_in=None if self.ttl is None or made is None else max(0.0, made.timestamp() + self.ttl - now),
        )


# ------------------------------------------------------------------------------------------------------------ results


def is_address(text: str) -> bool:
    """Whether a text can be an address, as far as its characters tell."""
    return re.fullmatch(r"[!-~]+", text) is not None


def is_vendors(text: str) -> bool:
    """Whether a text is an address on the vendor's own hosts."""
    return _VENDORS.fullmatch(text) is not None


@dataclass(frozen=True, slots=True)
class Wanted:
    """What is to become of a job's results: the tasks that must be there, and whether temporary files are kept too.

    ``is_ours`` tells an address of the service: whatever lies there is a file. ``sources`` are no results.
    """

    tasks: Collection[str] = ()
    all_results: bool = False
    is_ours: Callable[[str], bool] = is_vendors
    sources: Collection[str] = ()


@dataclass(frozen=True, slots=True)
class Outcome:
    """What became of a finished job: its results; what is odd about them, empty where nothing is; and whether all that
    was ordered is among them, as far as anybody can tell."""

    outputs: tuple[Output, ...] = ()
    odd: str = ""
    is_complete: bool = False


def outputs_of(results: object, wanted: Wanted) -> Outcome:
    """The results of a finished job.

    Every stored file, those that live only as long as the job where there is none (or all are wanted), every value that
    is no file as JSON; and where something is odd the whole status answer as JSON, which is never all there is.
    """
    tasks = tasks_of(results)
    there = [task for task, value in tasks.items() if is_there(value) and not _has_error(value)]
    is_complete = bool(there) and all(task in there for task in wanted.tasks)
    odd = _oddity(tasks, wanted.tasks)
    if not any(map(is_there, tasks.values())):
        return Outcome((), odd, is_complete)
    return Outcome(_kept(tasks, wanted, odd), odd, is_complete)


def is_there(value: object) -> bool:
    """Whether a task has left a result: what is empty, or says nothing but null, is none yet."""
    if isinstance(value, dict):
        if value.keys() == {"data"}:
            return is_there(value["data"])
        return any(inner is not None for inner in value.values())
    return value is not None and value != "" and value != []


def tasks_of(results: object) -> Mapping[str, object]:
    """The results by task, however they are told: a map, a list of what has a name or none, or one alone."""
    if isinstance(results, dict) and not _is_file(results):
        return {str(task): value for task, value in results.items()}
    tasks: dict[str, object] = {}
    for value in results if isinstance(results, list) else [results]:
        names = (value.get(word) for word in ("task", "name")) if isinstance(value, dict) else ()
        task = first = next((name for name in names if isinstance(name, str) and name), "result")
        number = 1
        while task in tasks:
            number += 1
            task = f"{first}-{number}"
        tasks[task] = value
    return tasks if is_there(results) else {}


def _kept(tasks: Mapping[str, object], wanted: Wanted, odd: str) -> tuple[Output, ...]:
    """What is kept of the results, each once."""
    files = [
        (task, output) for task, value in tasks.items()
        for output in dict.fromkeys(_file_output(one) for one in _files_in(value, _DEEPEST, wanted))
    ]  # fmt: skip
    lasting = [one for one in files if not _is_temporary(one[1])]
    kept = files if wanted.all_results or not lasting else lasting
    rest = [(task, _json_output(task)) for task in tasks if task not in dict(files)]
    if odd:
        rest.append(("status", _json_output(None)))
    if len(kept) == 1 and not rest:
        return (kept[0][1],)
    return tuple(_named([*kept, *rest]))


def _oddity(tasks: Mapping[str, object], expected: Iterable[str]) -> str:
    """What a person should know of a job that has finished with gaps."""
    if not any(map(is_there, tasks.values())):
        return "finished with gaps: the service names no result at all"
    missing = [task for task in expected if not is_there(tasks.get(task))]
    failed = [task for task, value in tasks.items() if _has_error(value)]
    gaps = [f"no result of {', '.join(missing)}"] if missing else []
    gaps += [f"an error in {one_line(', '.join(failed))}"] if failed else []
    return f"finished with gaps: {'; '.join(gaps)}" if gaps else ""


def _has_error(value: object) -> bool:
    if not isinstance(value, dict):
        return False
    inner = value.get("data")
    return bool(value.get("error")) or (isinstance(inner, dict) and bool(inner.get("error")))


def _files_in(value: object, depth: int, wanted: Wanted) -> Iterator[Mapping[str, Any]]:
    """What describes a file, in a value and so many levels below it: an object, or an address of the service alone."""
    if isinstance(value, str) and wanted.is_ours(value):
        value = {"url": value}
    if isinstance(value, dict) and (_is_file(value) or wanted.is_ours(str(value.get("url", "")))):
        if _handle_of(value.get("handle"), str(value.get("url", ""))) not in wanted.sources:
            yield value
    elif depth and isinstance(value, (dict, list)):
        for inner in value.values() if isinstance(value, dict) else value:
            yield from _files_in(inner, depth - 1, wanted)


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
        path, _, last = urlsplit(url).path.rpartition("/")
    except ValueError:
        return ""
    if "=" in path:  # what is made of a file on the way is not the file
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
        results = tasks_of(said.get("results"))
        if task not in results:
            return None
        value = results[task] if isinstance(results[task], (dict, list)) else {task: results[task]}
    return (json.dumps(value, indent=2, ensure_ascii=False) + "\n").encode("utf-8", "backslashreplace")
