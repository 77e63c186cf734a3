"""Answers around what a service documents, and a line without a network on which the stand-in's answers become such."""

from __future__ import annotations

import asyncio
import gzip
import json
import re
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

import httpx
import pytest
from hypothesis import strategies as st

from artui.providers.http import client
from artui.sim.server import Simulator

Headers = list[tuple[bytes, bytes]]


@dataclass(frozen=True)
class Answer:
    """What comes back: a status, headers and a body."""

    status: int
    headers: Headers = field(default_factory=list)
    body: bytes = b""

    def with_header(self, name: bytes, value: bytes | None) -> Answer:
        kept = [(key, one) for key, one in self.headers if key.lower() != name]
        return Answer(self.status, kept if value is None else [*kept, (name, value)], self.body)

    def with_body(self, body: bytes) -> Answer:
        return Answer(self.status, self.headers, body)


Change = Callable[[Answer], Answer]

# --------------------------------------------------------------------------------------------------------- odd values

NUMBERS = (
    0, -1, 1, 1.5, 0.1, -0.5, 10**9, 10**9 + 1, 10**30, 2**31, 2**62, 2**63, 2**64, -(2**63) - 1, 1e308, -1e308, 1e-308,
    float("nan"), float("inf"), float("-inf"), 1_700_000_000, 1_700_000_000_000, 253_402_300_799,
)  # fmt: skip
TEXTS = (
    "", " ", "x", "0", "12", "-3", "1e9", "true", "null", "COMPLETED", "completed", "FAILED", "Finished", "failed",
    "active", "PAYMENT_REQUIRED", "IN_QA", "waiting", "error", "ok", "\ud800", "a\udfffb", "\x00", "\x1b[2J\x07",
    "\u202e", "\n\r\t", "é", "🙂", "../..", "/etc/passwd", "a/b", "..", "%2e%2e", "https://evil.example/x",
    "http://[", "//", "?", "#", "' OR 1=1 --", "x" * 300, "y" * 20_000, "9" * 4_400, "2026-11-29T12:00:00",
    "2026-11-29T12:00:00Z", "not a date",
    "9999-12-31T23:59:59Z", "9999-12-31T23:59:59-14:00", "0001-01-01T00:00:00+14:00", "2026-11-29T12:00:00.123456789Z",
    "2026-02-30T00:00:00Z", "1970-01-01T00:00:00Z", "2126-01-01T00:00:00+00:00", "20261129", "1700000000",
    "QUEUED", "CANCELLED", "Paused", "delayed", "DELETED", "ÀCTÏVE", "COMPLETED\n", "Sun, 29 Nov 2026 12:00:00 GMT",
)  # fmt: skip
LITERALS = (
    "1" + "0" * 5_000, "-1" + "0" * 5_000, "0." + "1" * 5_000, "1e999", "-1e999", "1E-400", "-0", "-0.0", "1.0e+2",
    "01", "+1", "0x10", ".5", "'x'", "undefined", "True", "Infinity", '"\\ud800"', '"\\u0000"', '"\x01"', '"\\x"',
    '{"id": 1, "id": 2}', "[1, 2", "[1,]", "//", "[" * 3_000 + "]" * 3_000, '{"a":' * 3_000 + "1" + "}" * 3_000,
)  # fmt: skip
"""Values as they stand in the text, which no writer of JSON makes of anything, or not so."""


def _nested(depth: int, *, objects: bool) -> Any:
    value: Any = 1
    for _ in range(depth):
        value = {"a": value} if objects else [value]
    return value


OTHERS = (
    None, True, False, [], {}, [[]], [None], [{}], {"": ""}, {"a": 1}, [1, 2], ["x"], {"id": "x"}, {"error": None},
    [2026, 11, 29], [2026, 11, 29, 12, 0, 0, 10**9], {"artui_job": "x"}, {"code": 5, "msg": "no"},
    _nested(50, objects=True), _nested(70, objects=False), _nested(400, objects=True), list(range(2_000)),
)  # fmt: skip

odd_values = st.one_of(
    st.sampled_from(OTHERS), st.sampled_from(NUMBERS), st.sampled_from(TEXTS), st.integers(), st.floats(),
    st.text(max_size=30),
)  # fmt: skip

DATES = (
    b"Fri, 31 Dec 9999 23:59:59 GMT", b"Fri, 31 Dec 9999 23:59:59 -1400", b"Thu, 01 Jan 1970 00:00:00 GMT", b"", b"0",
    b"Mon, 01 Jan 0001 00:00:00 +1400", b"yesterday", b"Wed, 09 Jan 2097 00:00:00 GMT", b"\xff\xfe", b"," * 300,
    b"Mon, 99 Foo 99999999999999999999 99:99:99 GMT", b"Sun, 06 Nov 1994 08:49:37", b"2026-11-29T12:00:00Z",
)  # fmt: skip
HEADERS: dict[bytes, tuple[bytes | None, ...]] = {
    b"date": (None, *DATES),
    b"retry-after": (b"", b"0", b"-1", b"1.5", b"9" * 300, b"1e9", b"nan", b"soon", *DATES),
    b"filestack-reset": (b"", b"0", b"9" * 19, b"-1", b"x"),
    b"content-type": (
        None,
        b"",
        b"text/html",
        b"text/plain; charset=utf-16",
        b"application/problem+json",
        b"\xff",
        b"x",
    ),
    b"content-encoding": (b"", b"gzip", b"identity", b"br, gzip"),
    b"content-length": (b"0", b"-1", b"99999999999999999999", b"x"),
    b"location": (b"", b"/", b"http://[", b"https://evil.example/", b"\xff"),
    b"etag": (None, b"", b"\xff\xfe", b'"x"'),
    b"transfer-encoding": (b"chunked", b"x"),
    b"set-cookie": (b"a=b; Path=/", b"x" * 8_000),
    b"link": (b"<https://evil.example/>; rel=next",),
    b"x-" + b"y" * 500: (b"z" * 8_000, b"\x80\xff"),
}
STATUSES = (
    200, 201, 202, 204, 206, 301, 302, 304, 307, 400, 401, 402, 403, 404, 405, 408, 409, 410, 413, 418, 422, 425, 429,
    460, 461, 462, 499, 500, 502, 503, 504, 599, 600, 999,
)  # fmt: skip
ENCODINGS = ("utf-8-sig", "utf-16", "utf-16-le", "utf-16-be", "utf-32", "latin-1", "cp1252")


# ------------------------------------------------------------------------------------------------------------ changes


def _places(value: Any, here: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:
    """Where something stands in a JSON value."""
    yield here
    inner = value.items() if isinstance(value, dict) else enumerate(value[:3]) if isinstance(value, list) else ()
    for key, one in inner:
        yield from _places(one, (*here, key))


def _put(value: Any, place: tuple[Any, ...], new: Any) -> Any:
    """A copy of a value with something else at a place; with nothing there where that is ``...``."""
    if not place:
        return {} if new is ... else new
    key, *rest = place
    copy = dict(value) if isinstance(value, dict) else list(value)
    if rest or new is not ...:
        copy[key] = _put(copy[key], tuple(rest), new)
    else:
        del copy[key]
    return copy


def _at(value: Any, place: tuple[Any, ...]) -> Any:
    """What stands at a place."""
    for key in place:
        value = value[key]
    return value


@dataclass(frozen=True)
class Moved:
    """The value of another place, by its number."""

    number: int


@dataclass(frozen=True)
class Repeated:
    """What stands there, so many times."""

    times: int


@dataclass(frozen=True)
class Literal:
    """Something that is no value, as it stands in the text."""

    text: str

    @property
    def place(self) -> str:
        """What stands for it until the text is made."""
        return f"literal {LITERALS.index(self.text)}"


edits = st.one_of(
    odd_values, odd_values, st.just(...), st.sampled_from(LITERALS).map(Literal), st.integers(0, 500).map(Moved),
    st.sampled_from((2, 60, 700)).map(Repeated),
)  # fmt: skip


LARGE = 20_000
"""Characters of a text that is not repeated any more."""


def _edited(value: Any, number: int, new: Any) -> Any:
    if isinstance(new, Repeated) and len(json.dumps(value)) > LARGE:
        return value
    places = list(_places(value))
    place = places[number % len(places)]
    if isinstance(new, Moved):
        new = _at(value, places[new.number % len(places)])
    elif isinstance(new, Repeated):
        new = [_at(value, place)] * new.times
        if place and isinstance(place[-1], int):  # the entry of a list, which has so many more of it
            return _put(value, place[:-1], [*_at(value, place[:-1]), *new])
    return _put(value, place, new.place if isinstance(new, Literal) else new)


@st.composite
def json_changes(draw: st.DrawFn) -> Change:
    """Put odd values into a JSON answer, take some out, put some elsewhere, repeat some, or say a name twice."""
    wanted = draw(st.lists(st.tuples(st.integers(0, 500), edits), min_size=1, max_size=4))
    twice = draw(st.one_of(st.none(), odd_values))

    def change(answer: Answer) -> Answer:
        try:
            value = json.loads(answer.body)
        except ValueError:
            value = answer.body.decode("latin-1")[:200]
        for number, new in wanted:
            value = _edited(value, number, new)
        text = json.dumps(value)
        for _, new in wanted:
            if isinstance(new, Literal):
                text = text.replace(json.dumps(new.place), new.text)
        if twice is not None and isinstance(value, dict) and value:
            name = sorted(value)[wanted[0][0] % len(value)]
            text = f"{text[:-1]}, {json.dumps(name)}: {json.dumps(twice)}}}"
        return answer.with_body(text.encode(errors="surrogatepass"))

    return change


@st.composite
def body_changes(draw: st.DrawFn) -> Change:
    """Another body: in another encoding, cut, long, random, or a web page."""
    kind = draw(st.sampled_from(["encoding", "zipped", "cut", "twice", "huge", "random", "page", "value", "empty"]))
    encoding, share = draw(st.sampled_from(ENCODINGS)), draw(st.floats(0, 1))
    content, value = draw(st.binary(max_size=60)), draw(odd_values)

    def change(answer: Answer) -> Answer:
        match kind:
            case "encoding":
                body = answer.body.decode("latin-1").encode(encoding, "replace")
            case "zipped":
                return answer.with_header(b"content-encoding", b"gzip").with_body(gzip.compress(answer.body))
            case "twice":
                body = answer.body * 2
            case "cut":
                body = answer.body[: int(len(answer.body) * share)]
            case "huge":
                body = answer.body + b" " * 70_000 if share < 0.5 else b'{"x": "' + b"x" * 5_000_000 + b'"}'
            case "random":
                body = content
            case "page":
                body = b"<!doctype html><title>hello</title>"
            case "value":
                body = json.dumps(value).encode()
            case _:
                body = b""
        return answer.with_body(body)

    return change


@st.composite
def head_changes(draw: st.DrawFn) -> Change:
    """Another status, or other headers."""
    status, again = draw(st.one_of(st.none(), st.sampled_from(STATUSES))), draw(st.booleans())
    names = draw(st.lists(st.sampled_from(sorted(HEADERS)), max_size=2))
    values = [(name, draw(st.sampled_from(HEADERS[name]))) for name in names]

    def change(answer: Answer) -> Answer:
        for name, value in values:
            answer = answer.with_header(name, value)
        said_again = [(name, value) for name, value in values if again and value is not None]
        return Answer(status or answer.status, [*answer.headers, *said_again], answer.body)

    return change


@st.composite
def changes(draw: st.DrawFn) -> Change:
    """Any change of an answer, mostly one of what it says."""
    kinds = draw(st.sampled_from(["json"] * 6 + ["body", "head", "both"]))
    made = {
        "json": [json_changes()], "body": [body_changes()], "head": [head_changes()],
        "both": [json_changes(), head_changes()],
    }[kinds]  # fmt: skip
    parts = [draw(one) for one in made]

    def change(answer: Answer) -> Answer:
        for part in parts:
            answer = part(answer)
        return answer

    return change


# ----------------------------------------------------------------------------------------------------------- the line


@dataclass
class Oddity:
    """A route some of whose answers come back changed, ``times`` more of them."""

    route: re.Pattern[str]
    change: Change
    times: int


class OddLine:
    """Carries requests to a stand-in within this process; ``changed`` counts the answers that came back changed by the
    pattern of their route, ``asked`` are the requests."""

    def __init__(self, simulator: Simulator) -> None:
        simulator.url = "http://127.0.0.1:1"
        self._service = httpx.ASGITransport(simulator.app)
        self.changed = Counter[str]()
        self.mend()

    def mend(self) -> None:
        """Carry everything as it is."""
        self._oddities: list[Oddity] = []
        self.asked: list[str] = []

    def arm(self, route: str, change: Change, times: int = 10**9) -> None:
        """Change the answers to requests that match, so many times."""
        self._oddities.append(Oddity(re.compile(route), change, times))

    async def carry(self, request: httpx.Request) -> httpx.Response:
        request.headers["host"] = "127.0.0.1:1"
        try:
            response = await self._service.handle_async_request(request)
        except AssertionError:  # the service lets go of what nobody waits for any more
            if (task := asyncio.current_task()) and task.cancelling():
                raise asyncio.CancelledError from None
            raise
        answer = Answer(response.status_code, list(response.headers.raw), await response.aread())
        self.asked.append(f"{request.method} {request.url.raw_path.decode()}")
        for odd in self._oddities:
            if odd.times > 0 and odd.route.search(self.asked[-1]):
                odd.times -= 1
                self.changed[odd.route.pattern] += 1
                answer = odd.change(answer)
                break
        return httpx.Response(answer.status, headers=answer.headers, stream=httpx.ByteStream(answer.body))


@contextmanager
def odd_line(simulator: Simulator) -> Iterator[OddLine]:
    """Have every client of this process speak over a line to this stand-in."""
    line = OddLine(simulator)

    class Wire(httpx.AsyncBaseTransport):
        def __init__(self, *_: object, **__: object) -> None:
            pass

        async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
            await request.extensions["departure"].leave()
            return await line.carry(request)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(client, "Transport", Wire)
        yield line
