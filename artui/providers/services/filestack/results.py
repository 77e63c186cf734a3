"""Filestack's results: told in many shapes, undocumented in part. Whatever is no file is kept as JSON, so that nothing
that was paid for is thrown away.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Any, Final
from urllib.parse import urlsplit

from artui.providers.base import Output
from artui.providers.base.wire import amount
from artui.providers.http.messages import one_line

JSON: Final = "application/json"

_HINTS: Final = frozenset({"handle", "key", "filename", "mimetype", "type", "size"})
_HANDLE: Final = re.compile(r"[A-Za-z0-9_-]{8,64}")
_LAST_SEGMENT: Final = re.compile(r"[A-Za-z0-9_-]{15,40}")
_TEMPORARY: Final = re.compile(r"[A-Za-z0-9_-]+/[A-Za-z0-9_-]+/[A-Za-z0-9_-]+")
_VENDORS: Final = re.compile(r"(?i:https?://([a-z0-9-]+\.)*(filestackcontent|filestackapi)\.com(:[0-9]+)?/)\S+")
_PLAIN: Final = re.compile(r"[^A-Za-z0-9._-]+")


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
    if not any(map(is_there, tasks.values())):
        return Outcome((), "finished with gaps: the service names no result at all", False)
    there = [task for task, value in tasks.items() if is_there(value) and not _has_error(value)]
    is_complete = bool(there) and all(task in there for task in wanted.tasks)
    missing = [task for task in wanted.tasks if not is_there(tasks.get(task))]
    failed = [task for task, value in tasks.items() if _has_error(value)]
    gaps = [f"no result of {', '.join(missing)}"] if missing else []
    gaps += [f"an error in {one_line(', '.join(failed))}"] if failed else []
    odd = f"finished with gaps: {'; '.join(gaps)}" if gaps else ""
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
    """What is kept of the results, each file of a task once."""
    files: list[tuple[str, Output]] = []
    for task, value in tasks.items():
        found: dict[str, Output] = {}
        for one in _files_in(value, wanted):
            output, identity = _file_output(one)
            found.setdefault(identity, output)  # one file may be told twice, by handle and by address
        files += [(task, output) for output in found.values()]
    lasting = [(task, output) for task, output in files if "wf" not in json.loads(output.locator)]
    # Temporary files are steps on the way where a stored one is the end.
    kept = files if wanted.all_results or not lasting else lasting
    rest = [(task, _json_output(task)) for task in tasks if task not in dict(files)]
    if odd:
        rest.append(("status", _json_output(None)))
    if len(kept) == 1 and not rest:
        return (kept[0][1],)
    return tuple(_named([*kept, *rest]))


def _has_error(value: object) -> bool:
    if not isinstance(value, dict):
        return False
    inner = value.get("data")
    return bool(value.get("error")) or (isinstance(inner, dict) and bool(inner.get("error")))


def _files_in(value: object, wanted: Wanted) -> Iterator[Mapping[str, Any]]:
    """What describes a file, anywhere in a value: an object, or an address of the service alone."""
    if isinstance(value, str):
        address = value.strip()
        value = {"url": address} if wanted.is_ours(address) or _is_temporary_address(address) else ""
    if isinstance(value, dict):
        url = str(value.get("url", "")).strip()
        is_file = _is_file(value) or wanted.is_ours(url)
        if is_file and handle_of(value.get("handle"), url) not in wanted.sources:
            yield value
        value = [*value, *(inner for name, inner in value.items() if not (is_file and name in ("url", "handle")))]
    if isinstance(value, list):
        for inner in value:
            yield from _files_in(inner, wanted)


def _is_file(value: Mapping[str, Any]) -> bool:
    url, handle = value.get("url"), value.get("handle")
    if isinstance(handle, str) and _HANDLE.fullmatch(handle):
        return True
    if not isinstance(url, str):
        return False
    is_address = url.startswith(("https://", "http://"))
    return _is_temporary_address(url) or (is_address and ("/wf://" in url or bool(_HINTS & value.keys())))


def _is_temporary_address(text: str) -> bool:
    return text.startswith("wf://") and _TEMPORARY.fullmatch(text[5:]) is not None


def _file_output(value: Mapping[str, Any]) -> tuple[Output, str]:
    """A file as a result, and what tells it from others: its handle, its place in the job, or its address."""
    url = value["url"].strip() if isinstance(value.get("url"), str) else ""
    kind = next((value[name] for name in ("mimetype", "type") if isinstance(value.get(name), str)), "")[:200]
    temporary = url.partition("wf://")[2].partition("?")[0]
    place = {}
    if handle := handle_of(value.get("handle"), url):
        place["handle"] = handle
    elif _TEMPORARY.fullmatch(temporary):
        place["wf"] = temporary
    identity = next(iter(place.values()), url)
    if "://" in url and not url.startswith("wf://"):
        place["url"] = url
    size = amount(value.get("size")) or None
    # Each store makes a new handle, and a temporary file lies below its job's own place.
    return Output(json.dumps(place), media_type=kind, size=size, file=next(iter(place.values()), "")), identity


def _json_output(task: str | None) -> Output:
    return Output(json.dumps({"json": task}), media_type=JSON)


def handle_of(handle: object, url: str) -> str:
    """The handle of a file by its own word, or as the end of its address; empty where there is none."""
    if isinstance(handle, str) and _HANDLE.fullmatch(handle):
        return handle
    if "wf://" in url:
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
        yield replace(output, task=plain)


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
