"""What the independent servers share: a thread that serves, a log of requests, a ledger of charges."""

from __future__ import annotations

import json
import re
import threading
import time
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cache
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, unquote, urlsplit


@cache
def sample(name: str) -> str:
    """A sample of the documents, as it stands there."""
    return Path(__file__).with_name("samples").joinpath(name).read_text("utf-8")


@dataclass(frozen=True)
class Charge:
    """One thing somebody paid for."""

    photo: str
    """Digest of the bytes that were uploaded."""
    amount: int
    token: str
    key: str
    """What the client gave to know it again: a label or a key; empty where there is none."""
    run: str
    workflow: str
    payer: str = ""
    kind: str = "create"
    name: str = ""


@dataclass(frozen=True)
class Request:
    at: float
    method: str
    path: str
    query: dict[str, str]
    headers: dict[str, str]
    body: bytes

    def json(self) -> Any:
        return json.loads(self.body)

    def form(self) -> dict[str, str]:
        return {key: values[0] for key, values in parse_qs(self.body.decode(), keep_blank_values=True).items()}

    def parts(self) -> dict[str, tuple[str, bytes]]:
        """The parts of a multipart form: name -> (file name, content)."""
        found = re.search(r'boundary="?([^";]+)', self.headers.get("content-type", ""))
        if not found:
            return {}
        told = {}
        for piece in self.body.split(b"--" + found[1].encode())[1:-1]:
            head, _, content = piece.removeprefix(b"\r\n").partition(b"\r\n\r\n")
            text = head.decode("utf-8", "replace")
            name = re.search(r'[; ]name="?([^";\r]+)', text)
            file = re.search(r'filename="([^"]*)"', text)
            if name:
                told[name[1]] = (file[1] if file else "", content.removesuffix(b"\r\n"))
        return told

    @property
    def bearer(self) -> str:
        return self.headers.get("authorization", "").removeprefix("Bearer ")


@dataclass
class Answer:
    status: int = 200
    body: bytes = b""
    kind: str = "application/json"
    headers: dict[str, str] = field(default_factory=dict)
    cut: bool = False
    """The connection ends before a word is said."""
    unmeasured: bool = False
    """Its end is that of the connection, no length is told."""

    def json(self) -> Any:
        return json.loads(self.body)


def said(value: Any, status: int = 200) -> Answer:
    return Answer(status, json.dumps(value).encode())


def text(value: str, status: int = 200, kind: str = "text/plain;charset=UTF-8") -> Answer:
    return Answer(status, value.encode(), kind)


Change = Callable[[Request, Callable[[], Answer]], Answer]
"""What is answered to a request instead of what the service answers: calling the second has the service act."""


@dataclass(frozen=True)
class At:
    """An odd form of the answers of one route: ``METHOD /path``, a pattern, without ``/v1`` or ``/api/v1``."""

    route: str
    change: Change
    times: float = float("inf")
    photo: str = ""
    """The digest of the photo that a request must be about; empty for any."""
    shared: bool = False
    """It is met whatever photo it is about, for nothing in the request tells."""

    def meets(self, request: Request) -> bool:
        path = re.sub(r"^(/api)?/v1(?=/)", "", request.path)
        return re.fullmatch(self.route, f"{request.method} {path}") is not None


GONE = object()
"""A field that is not there."""


def changed(told: Mapping[str, Any], fields: Mapping[str, Any]) -> dict[str, Any]:
    """An object with other values of its fields."""
    return {key: value for key, value in {**told, **fields}.items() if value is not GONE}


LOST = Answer(cut=True)
"""The answer never comes."""


def html(status: int) -> Answer:
    page = f"<html><head><title>{status}</title></head><body><center><h1>{status}</h1></center></body></html>"
    return text(page, status, "text/html")


class Service:
    """A server in a thread. ``script`` is what becomes of the next paid calls, one for each; after it all goes well."""

    host = "127.0.0.1"
    name = ""

    def __init__(self) -> None:  # noqa: C901 - the handler stands in it
        self.ledger: list[Charge] = []
        self.requests: list[Request] = []
        self.script: list[str] = []
        self.always = "ok"
        self.lock = threading.RLock()
        self.date: Callable[[], float] = time.time
        self.odd_at: Sequence[At] = ()
        self.met: Counter[int] = Counter()
        self.shows: dict[str, Mapping[str, Any]] = {}
        """What the jobs of a photo, by its digest, show instead of what they should."""
        service = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"
            timeout = 30

            def log_message(self, *given: object) -> None:
                pass

            def date_time_string(self, timestamp: float | None = None) -> str:
                return super().date_time_string(service.date() if timestamp is None else timestamp)

            def _serve(self) -> None:
                parts = urlsplit(self.path)
                headers = {name.lower(): value for name, value in self.headers.items()}
                if "chunked" in headers.get("transfer-encoding", ""):
                    body = self._chunks()
                else:
                    length = int(headers.get("content-length", 0))
                    body = self.rfile.read(length)
                    if len(body) < length:  # cut by the client: it was never whole
                        self.close_connection = True
                        return
                query = {key: values[-1] for key, values in parse_qs(parts.query, keep_blank_values=True).items()}
                request = Request(time.time(), self.command, unquote(parts.path), query, headers, body)
                with service.lock:
                    service.requests.append(request)
                    answer = service.changed(request)
                if answer.cut:
                    self.close_connection = True
                    return
                self.send_response(answer.status)
                self.send_header("Content-Type", answer.kind)
                if answer.unmeasured:
                    self.close_connection = True
                    self.send_header("Connection", "close")
                else:
                    self.send_header("Content-Length", str(len(answer.body)))
                for name, value in answer.headers.items():
                    self.send_header(name, value)
                self.end_headers()
                if self.command != "HEAD":
                    self.wfile.write(answer.body)

            def _chunks(self) -> bytes:
                body = b""
                while size := int(self.rfile.readline().split(b";")[0] or b"0", 16):
                    body += self.rfile.read(size)
                    self.rfile.readline()
                self.rfile.readline()
                return body

            do_GET = do_POST = do_PUT = do_HEAD = do_DELETE = _serve  # noqa: N815 - the library's names

        class Server(ThreadingHTTPServer):
            daemon_threads = True
            request_queue_size = 256

            def handle_error(self, *given: object) -> None:
                """A client that left is nobody's fault; a defect of ours shows as a missing answer."""

        self._server = Server(("127.0.0.1", 0), Handler)
        self.port = self._server.server_address[1]
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.02,), daemon=True)

    def __enter__(self) -> Any:
        self._thread.start()
        return self

    def __exit__(self, *given: object) -> None:
        self._server.shutdown()
        self._server.server_close()

    @property
    def url(self) -> str:
        return f"http://{self.host}:{self.port}"

    def answer(self, request: Request) -> Answer:
        raise NotImplementedError

    def photo_of(self, request: Request) -> str:
        """The digest of the photo a request is about; empty where it is about none."""
        return ""

    def changed(self, request: Request, number: int = 0) -> Answer:
        """The answer as all oddities from this one on leave it."""
        if number == len(self.odd_at):
            return self.answer(request)
        odd = self.odd_at[number]
        if odd.meets(request) and (not odd.photo or odd.photo == self.photo_of(request)):
            self.met[number] += 1
            if self.met[number] <= odd.times:
                return odd.change(request, lambda: self.changed(request, number + 1))
        return self.changed(request, number + 1)

    def asked(self, route: str) -> list[Request]:
        """The requests of one route."""
        return [request for request in self.requests if At(route, lambda _, go: go()).meets(request)]

    def next_fate(self) -> str:
        return self.script.pop(0) if self.script else self.always

    # What the ledger says.

    def charges(self, photo: str) -> list[Charge]:
        return [charge for charge in self.ledger if charge.photo == photo]

    def per_photo(self) -> Counter[str]:
        """How often each photo was charged."""
        return Counter(charge.photo for charge in self.ledger)

    def most(self) -> int:
        """How often the photo that was charged most often was charged."""
        return max(self.per_photo().values(), default=0)

    @property
    def spent(self) -> int:
        return sum(charge.amount for charge in self.ledger)
