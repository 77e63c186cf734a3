"""What is asked and what is answered: bodies, requests, answers, and what the status of an answer means."""

from __future__ import annotations

import html
import json
import re
import secrets
import time
from collections.abc import Callable, Generator, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC
from email.utils import parsedate_to_datetime
from functools import lru_cache
from typing import Any, Final, TypeVar
from urllib.parse import quote, urlencode

from pydantic import TypeAdapter

from artui.credentials import Secret, scrub
from artui.files import is_swollen
from artui.providers.base import Puzzling, Rejected, Transient, Unknown
from artui.providers.base.misfits import keep, misfit, value

TEXT: Final = 64 * 1024
"""Most bytes of an answer that is a word or an error."""
OBJECT: Final = 1024 * 1024
"""Most bytes of an answer that is one object."""
PAGE: Final = 4 * 1024 * 1024
"""Most bytes of an answer that is a page of objects."""

DEEPEST: Final = 60
"""Levels of objects and lists in an answer; one that is nested deeper counts as none."""

_LATEST: Final = 4_102_444_800.0  # the year 2100, in epoch seconds
_HALF: Final = re.compile(rb"\\u[dD][89a-fA-F]|\xed[\xa0-\xbf]|[\x00\xff\xfe]")
"""What bytes have in them that may hold half a character: an escape, or another encoding."""

Shape = TypeVar("Shape")


def segment(text: str) -> str:
    """Text as one part of an address, whatever is in it."""
    return quote(text, safe="", errors="replace")


# ------------------------------------------------------------------------------------------------------------- asked


@dataclass(frozen=True, slots=True)
class Body:
    """What a request carries: ``length`` bytes, as they are or as blocks made anew for each sending.

    Without a ``media_type`` none is sent, as a signed address of somebody else's may want it.
    """

    media_type: str
    length: int
    content: bytes | Callable[[], Generator[bytes]] = field(repr=False)


def json_body(text: str) -> Body:
    """JSON text as it is."""
    content = text.encode()
    return Body("application/json", len(content), content)


def form_body(fields: Mapping[str, str]) -> Body:
    """Fields as a form."""
    content = urlencode(fields).encode()
    return Body("application/x-www-form-urlencoded", len(content), content)


@dataclass(frozen=True, slots=True)
class FilePart:
    """The file of a multipart form: its field, the name it has there, its type, and its ``size`` bytes."""

    field: str
    name: str
    media_type: str
    size: int
    blocks: Iterable[bytes]


def multipart_body(fields: Mapping[str, str], file: FilePart) -> Body:
    """A multipart form, fields first; the file is read while it is sent."""
    boundary = secrets.token_hex(16)
    part = f'--{boundary}\r\nContent-Disposition: form-data; name="'
    head = "".join(f'{part}{name}"\r\n\r\n{value}\r\n' for name, value in fields.items())
    # As browsers do (HTML's form encoding): no name ends the header.
    quoted = file.name.replace('"', "%22").replace("\r", "%0D").replace("\n", "%0A")
    head += f'{part}{file.field}"; filename="{quoted}"\r\nContent-Type: {file.media_type}\r\n\r\n'
    first, last = head.encode(), f"\r\n--{boundary}--\r\n".encode()

    def blocks() -> Generator[bytes]:
        yield first
        yield from file.blocks
        yield last

    return Body(f"multipart/form-data; boundary={boundary}", len(first) + file.size + len(last), blocks)


def file_body(media_type: str, size: int, blocks: Iterable[bytes]) -> Body:
    """A file as it is; read while it is sent."""

    def content() -> Generator[bytes]:
        yield from blocks

    return Body(media_type, size, content)


@dataclass(frozen=True, slots=True)
class HttpRequest:
    """One request. ``doing`` says for a person what it is for; ``secrets`` are headers that nobody may see.

    ``hidden`` is what nobody may see in the address: each word stands there in braces until the request leaves.
    """

    method: str
    url: str
    doing: str
    params: Mapping[str, str] = field(default_factory=dict)
    headers: Mapping[str, str] = field(default_factory=dict)
    secrets: Mapping[str, Secret] = field(default_factory=dict, repr=False)
    hidden: Mapping[str, Secret] = field(default_factory=dict, repr=False)
    body: Body | None = None


# ---------------------------------------------------------------------------------------------------------- answered

NOT_NOW: Final = frozenset({408, 425, 429})
"""Statuses beside 5xx by which a service says that it cannot answer now."""

OF_THE_PHOTO: Final = frozenset({400, 413, 415, 422})
"""Statuses by which an upload is refused for good whoever says so: the service, or what stands before it."""

_REASONS = {
    400: "bad request",
    401: "not signed in",
    403: "forbidden",
    404: "not found",
    409: "conflict",
    413: "too large",
    415: "unsupported",
    422: "unprocessable",
}


@dataclass(frozen=True, slots=True)
class Answer:
    """What came back; header names are in small letters. ``about`` begins every sentence: who was asked for what.

    ``wait_headers`` are the service's own by which it says, in epoch seconds, until when to wait.
    """

    about: str
    status: int
    headers: Mapping[str, str]
    body: bytes = field(default=b"", repr=False)
    wait_headers: Sequence[str] = ()

    @property
    def asked_to_wait(self) -> float | None:
        """The seconds the service asks to wait; None where it does not ask."""
        return asked_to_wait(self.headers, self.wait_headers)

    @property
    def is_web_page(self) -> bool:
        """Whether something on the way seems to have answered in the service's place."""
        return "html" in self.headers.get("content-type", "").lower() or _text(self.body[:64]).lstrip()[:1] == "<"

    @property
    def is_not_now(self) -> bool:
        """Whether the service says that it cannot answer now."""
        return self.status in NOT_NOW or self.status >= 500

    @property
    def text(self) -> str:
        """The body as text."""
        return _text(self.body)

    def read_as(self, shape: type[Shape]) -> Shape:
        """The JSON body in the given shape; :class:`Transient` where it has another."""
        try:
            found = self.json()
        except (ValueError, RecursionError):
            raise self.unreadable(f"it is no JSON that can be read: {value(self.text[:200])}") from None
        try:
            read: Shape = _adapter(shape).validate_python(found)  # type: ignore[arg-type]
        except (ValueError, RecursionError) as problem:
            raise self.unreadable(misfit(found, problem)) from None
        return read

    def json(self) -> object:
        """What the body says as JSON. Raises ValueError or RecursionError where it is none, or too much to be read."""
        if is_swollen(self.body):  # asked before it is parsed: a small text can hold more values than memory bears
            raise ValueError("too many values")
        return decoded(self.body)

    def json_object(self) -> dict[str, Any] | None:
        """The body where it is a JSON object, the form in which services word a refusal."""
        try:
            found = self.json()
        except (ValueError, RecursionError):
            return None
        return found if isinstance(found, dict) else None

    @property
    def sentence(self) -> str:
        """What the service says about a failure, in one line of at most 300 characters; empty where it is silent.

        In whatever form: its own JSON, problem+json, a page, an error of a storage, text. Some repeat what they refuse:
        no secret of ours is in it.
        """
        try:
            said = self.json()
        except (ValueError, RecursionError):
            text = self.text
            if self.is_web_page:
                return one_line(_of_page(text))
            return one_line("" if "\0" in text else text)
        return one_line(_worded(said))

    def refusal(self, reason: str = "") -> Rejected:
        """The error of a request that the service refused for good."""
        reason = reason or _REASONS.get(self.status, f"status {self.status}")
        return Rejected(f"{self.about}: {self.sentence or reason}", reason=reason, status=self.status)

    def unreadable(self, why: str = "") -> Transient:
        """The error of an answer that nobody can make sense of: :class:`Puzzling` where the service gave it itself.

        ``why`` names what does not fit, and what stands there. The log keeps the beginning of the answer.
        """
        # Not the service: something on the way, which may be gone the next time.
        if self.is_web_page:
            failure = Transient(f"{self.about}: the answer (status {self.status}) is a web page")
        else:
            what = f"{self.about}: the answer (status {self.status}) is not what the service documents"
            failure = Puzzling(f"{what}: {why}" if why else what)
        keep(str(failure), self.body)
        return failure

    def in_doubt(self, code: int | None = None, *, names_job: bool = False) -> Unknown:
        """The error of a paid request whose answer is neither an acceptance nor a documented refusal.

        ``code``: the status that counts, where that is not HTTP's. One that says *not now* may be asked again, unless
        the answer ``names_job``; any other answer is shown as it came.
        """
        status = self.status if code is None else code
        # An answer with a job's id was accepted, whatever its status.
        if not names_job and (status in NOT_NOW or 500 <= status < 600):
            message = f"{self.about}: not now (status {status}), and nobody can tell what became of it"
            keep(message, self.body)
            return Unknown(message, retry_after=self.asked_to_wait)
        said = one_line("".join(c for c in self.text if c.isprintable() or c.isspace())) or "nothing more"
        message = f"{self.about}: nobody can tell what became of it from the answer (status {status}): {said}"
        keep(message, self.body)
        return Unknown(message, answered=True)

    def raise_unless_final(self, *, is_upload: bool = False) -> None:
        """Raise :class:`Transient` where the service cannot answer now, points elsewhere, or did not answer itself;
        a photo that ``is_upload`` may be refused by whoever stands before it."""
        if self.is_not_now:
            said = f": {self.sentence}" if self.sentence else ""
            wait = self.asked_to_wait
            raise Transient(f"{self.about}: not now (status {self.status}){said}", retry_after=wait)
        if self.status < 200 or 300 <= self.status < 400:
            raise Transient(f"{self.about}: the service points to another address (status {self.status})")
        # A proxy's page is no refusal, but for a photo it will never let through.
        if self.status >= 400 and self.is_web_page and not (is_upload and self.status in OF_THE_PHOTO):
            raise self.unreadable()


_WORDED: Final = ("message", "msg", "detail", "error_description", "error", "errors", "title")
"""Where services word a refusal in JSON, what says most first."""
_OF_PAGE: Final = tuple(
    re.compile(rf"<{tag}(?:\s[^>]*)?>(.*?)</{tag}>", re.IGNORECASE | re.DOTALL) for tag in ("message", "h1", "title")
)


def _worded(said: object, deepest: int = 3) -> str:
    """The words in an error's JSON; empty where there are none."""
    if isinstance(said, str):
        return said.strip()
    if not deepest:
        return ""
    if isinstance(said, list):
        return "; ".join(filter(None, (_worded(one, deepest - 1) for one in said[:3])))
    values = (said.get(name) for name in _WORDED) if isinstance(said, dict) else ()
    return next(filter(None, (_worded(value, deepest - 1) for value in values)), "")


def _of_page(text: str) -> str:
    """What a page, or a storage's XML, says first of an error."""
    for pattern in _OF_PAGE:
        found = pattern.search(text[:4_096])
        words = html.unescape(re.sub(r"<[^>]*>", " ", found[1])).strip() if found else ""
        if words:
            return words
    return ""


def whole_of(status: int, headers: Mapping[str, str]) -> int:
    """The bytes of a file that came as a part which is the whole of it (206); 0 for any other answer."""
    said = re.fullmatch(r"bytes\s+0-([0-9]{1,15})/([0-9]{1,15})", headers.get("content-range", "").strip().lower())
    if status != 206 or said is None or int(said[1]) + 1 != int(said[2]):
        return 0
    return int(said[2])


def decoded(body: bytes) -> object:
    """JSON in whatever encoding it came; ValueError where it is none, or nested deeper than anything of use.

    Half characters become question marks, for nothing that is stored or shown can hold them; a whole number of more
    digits than anybody counts is a rounded one, or infinite.
    """
    text = _text(body, "surrogatepass")
    found = json.loads(text, parse_int=lambda digits: int(digits) if len(digits) <= 40 else float(digits))
    level = [found]
    for _ in range(DEEPEST):
        inner = [one.values() if isinstance(one, dict) else one for one in level if isinstance(one, (dict, list))]
        if not inner:
            break
        level = [value for values in inner for value in values]
    else:
        raise ValueError("nested too deep")
    return _whole_text(found) if _HALF.search(body) else found


def _text(body: bytes, errors: str = "strict") -> str:
    """A body as text: by its first bytes UTF-8, UTF-16 or UTF-32, with or without a mark, else Latin-1."""
    try:
        return body.decode(json.detect_encoding(body), errors).removeprefix("\ufeff")
    except UnicodeDecodeError:
        return body.decode("latin-1")


def _whole_text(found: Any) -> Any:
    """The same value without half characters in any text."""
    if isinstance(found, str):
        return found.encode("utf-16", "surrogatepass").decode("utf-16", "replace")
    if isinstance(found, dict):
        return {_whole_text(name): _whole_text(value) for name, value in found.items()}
    return [_whole_text(value) for value in found] if isinstance(found, list) else found


@lru_cache(maxsize=32)
def _adapter(shape: Any) -> TypeAdapter[Any]:
    return TypeAdapter(shape)


def one_line(text: str) -> str:
    """What a service said, in one line of at most 300 printable characters, without secrets of ours."""
    return " ".join("".join(c if c.isprintable() else " " for c in scrub(text)).split())[:300]


def asked_to_wait(headers: Mapping[str, str], own: Sequence[str] = ()) -> float | None:
    """The seconds a service asks to wait, kept within 1 s and 15 min; None where it does not ask, or not readably.

    It says how long or until when in ``Retry-After``, or until when, in epoch seconds, in a header of its ``own``.
    """
    asked = headers.get("retry-after", "").strip()
    if re.fullmatch(r"-?[0-9]{1,300}(\.[0-9]{1,300})?", asked):
        wait = float(asked)
    else:
        told = (headers.get(name, "").strip() for name in own)
        reset = next((one for one in told if re.fullmatch(r"[0-9]{1,20}", one)), "")
        until = float(reset) if reset else moment(asked)
        if until is None:
            return None
        now = moment(headers.get("date", ""))  # by its own clock, which "until when" is said by
        wait = until - (time.time() if now is None else now)
    return min(max(wait, 1.0), 900.0)


@lru_cache(maxsize=8)  # answers come many a second
def moment(date: str) -> float | None:
    """An HTTP date in epoch seconds; None where it is none, or far off."""
    try:
        found = parsedate_to_datetime(date)
        said = (found if found.tzinfo else found.replace(tzinfo=UTC)).timestamp()
    except (ValueError, OverflowError, TypeError, IndexError):
        return None
    return said if 0 <= said < _LATEST else None
