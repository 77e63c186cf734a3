"""A bare service for measuring the client: an asyncio protocol that counts what it gets and answers what it must.

``python -m tests.bench.sink [--rate BYTES] [--latency SECONDS] [--result BYTES] [--lasting SECONDS] [--certificate
PEM]`` prints its address and serves the calls artui makes at AutoRetouch, one workflow, one organization. It keeps
nothing of a photo; it is as little work as a server can do, so that what is measured is who sends.
"""

from __future__ import annotations

import argparse
import asyncio
import base64
import itertools
import json
import socket
import ssl
import tempfile
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import parse_qsl, urlsplit

from artui.sim.photos import noise_jpeg

ORGANIZATION = "00000000-0000-4000-8000-000000000001"
WORKFLOW = "00000000-0000-4000-8000-000000000002"
VERSION = "00000000-0000-4000-8000-000000000003"
LISTED = 50


def _jwt() -> str:
    claims = {"sub": "bench", "exp": time.time() + 86_400}
    return ".".join(base64.urlsafe_b64encode(json.dumps(part).encode()).decode() for part in ({}, claims, {}))


def _iso(moment: float) -> str:
    return time.strftime("%Y-%m-%dT%H:%M:%S", time.gmtime(moment)) + f".{int(moment % 1 * 1000):03}Z"


def _picture(size: int) -> bytes:
    """A whole JPEG of so many bytes: what is not whole is no result."""
    with tempfile.NamedTemporaryFile(suffix=".jpg") as file:
        noise_jpeg(Path(file.name), size, seed=0)
        return file.read()


@dataclass
class Service:
    """What the sink knows, and how fast it is.

    ``rate`` bounds the bytes read per second over all connections; ``latency`` is waited before every answer; an
    execution is done ``lasting`` seconds after its order, and its result has ``result`` bytes.
    """

    rate: float = 0.0
    latency: float = 0.0
    result: int = 20_000
    lasting: float = 0.0
    calls: dict[str, int] = field(default_factory=dict)
    done_at: dict[str, float] = field(default_factory=dict)
    begun_at: list[float] = field(default_factory=list)
    """When each upload began, in epoch seconds."""
    received: int = 0
    _executions: dict[str, dict[str, object]] = field(default_factory=dict)
    _numbers: itertools.count[int] = field(default_factory=lambda: itertools.count(1))
    _budget_at: float = 0.0

    def __post_init__(self) -> None:
        self._picture = _picture(self.result)

    def wait_for(self, count: int) -> float:
        """Seconds to read nothing after ``count`` bytes, so that the rate holds over all connections."""
        self.received += count
        if not self.rate:
            return 0.0
        now = time.monotonic()
        self._budget_at = max(self._budget_at, now - 0.01) + count / self.rate
        return max(0.0, self._budget_at - now)

    def answer(self, method: str, target: str) -> tuple[int, str, bytes]:
        """Status, media type and body of an answer."""
        parts = urlsplit(target)
        path, query = parts.path, dict(parse_qsl(parts.query))
        name = _route(method, path)
        self.calls[name] = self.calls.get(name, 0) + 1
        if name == "image":
            return 200, "image/jpeg", self._picture
        if name == "control":
            return (
                200,
                "application/json",
                json.dumps(self._seen()).encode(),
            )
        if name == "upload":
            return 200, "text/plain", f"bench-reference-{next(self._numbers):012}".encode()
        if name == "create":
            execution = f"00000000-0000-4000-9000-{next(self._numbers):012}"
            now = time.time()
            self.done_at[execution] = now + self.lasting
            self._executions[execution] = {"id": execution, "created_at": _iso(now)}
            return 201, "text/plain", execution.encode()
        if name == "balance":
            return 200, "text/plain", b"100000000"
        if name == "head":
            return 404, "application/json", b""
        said = self._document(name, path, query)
        return 200, "application/json", json.dumps(said).encode()

    def _seen(self) -> dict[str, object]:
        return {"calls": self.calls, "done_at": self.done_at, "begun_at": self.begun_at}

    def _document(self, name: str, path: str, query: dict[str, str]) -> object:
        workflow = {"id": WORKFLOW, "version": VERSION, "name": "Bench", "date": "2026-01-01", "executionPrice": 10}
        if name == "token":
            return {"access_token": _jwt(), "expires_in": 86_400, "token_type": "Bearer", "scope": "offline_access"}
        if name == "organizations":
            return {"entries": [{"id": ORGANIZATION, "name": "Bench"}], "total": 1}
        if name == "workflows":
            return {"entries": [workflow], "total": 1}
        if name == "workflow":
            return workflow
        if name == "details":
            return self._execution(path.rpartition("/")[2])
        offset, limit = int(query.get("offset", 0)), int(query.get("limit", LISTED))
        newest = list(itertools.islice(reversed(self._executions), offset, offset + limit))
        return {"entries": [self._execution(one) for one in newest], "total": len(self._executions)}

    def _execution(self, execution: str) -> dict[str, object]:
        known, done_at = self._executions[execution], self.done_at[execution]
        said = {
            "id": execution, "workflow": WORKFLOW, "workflowVersion": VERSION, "workflowName": "Bench",
            "organizationId": ORGANIZATION, "userId": "bench", "createdAt": known["created_at"],
            "startedAt": known["created_at"], "finishedAt": None, "inputFileName": "photo.jpg", "inputContentHash": "",
            "resultContentHash": None, "resultContentType": None, "resultFileName": None, "resultPath": None,
            "labels": {}, "chargedCredits": 0,
        }  # fmt: skip
        if time.time() < done_at:
            return {**said, "status": "ACTIVE"}
        return {
            **said, "status": "COMPLETED", "finishedAt": _iso(done_at), "chargedCredits": 10,
            "resultContentHash": execution, "resultContentType": "image/jpeg", "resultFileName": "result.jpg",
            "resultPath": f"/image/{execution}/result.jpg",
        }  # fmt: skip


def _route(method: str, path: str) -> str:
    if path.startswith("/v1/image/"):
        return "image"
    if path.endswith("/execution/create"):
        return "create"
    if path.endswith("/execution"):
        return "list"
    if "/execution/" in path:
        return "details"
    if path.startswith("/v1/workflow/"):
        return "workflow"
    plain = {
        "/upload": "head" if method == "HEAD" else "upload", "/oauth/token": "token", "/v1/workflow": "workflows",
        "/v1/organization": "organizations", "/v1/organization/balance": "balance", "/_bench": "control",
    }  # fmt: skip
    return plain.get(path, "upload")


class Connection(asyncio.Protocol):
    """One HTTP/1.1 connection: the head is read, the body counted and thrown away, the answer written."""

    def __init__(self, service: Service) -> None:
        self._service = service
        self._head = b""
        self._left = -1
        self._method = self._target = ""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        self._transport = transport
        transport.get_extra_info("socket").setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)

    def data_received(self, data: bytes) -> None:
        if pause := self._service.wait_for(len(data)):
            self._transport.pause_reading()
            asyncio.get_running_loop().call_later(pause, self._go_on)
        if self._left < 0:
            self._head += data
            head, end, data = self._head.partition(b"\r\n\r\n")
            if not end:
                return
            self._head = b""
            self._begin(head.decode("latin-1"))
        self._left -= len(data)
        if self._left <= 0:
            self._left = -1
            latency = self._service.latency
            if latency:
                asyncio.get_running_loop().call_later(latency, self._answer)
            else:
                self._answer()

    def _begin(self, head: str) -> None:
        first, *lines = head.split("\r\n")
        self._method, self._target, _ = first.split(" ", 2)
        if self._method == "POST" and _route("POST", urlsplit(self._target).path) == "upload":
            self._service.begun_at.append(time.time())
        headers = {name.lower(): value.strip() for name, _, value in (line.partition(":") for line in lines)}
        self._left = int(headers.get("content-length", 0))
        self._closes = headers.get("connection", "").lower() == "close"
        if headers.get("expect", "").lower() == "100-continue":
            self._transport.write(b"HTTP/1.1 100 Continue\r\n\r\n")

    def _answer(self) -> None:
        if self._transport.is_closing():
            return
        status, kind, body = self._service.answer(self._method, self._target)
        date = time.strftime("%a, %d %b %Y %H:%M:%S GMT", time.gmtime())
        head = f"HTTP/1.1 {status} OK\r\ndate: {date}\r\ncontent-type: {kind}\r\ncontent-length: {len(body)}\r\n\r\n"
        self._transport.write(head.encode() + (b"" if self._method == "HEAD" else body))
        if self._closes:
            self._transport.close()

    def _go_on(self) -> None:
        if not self._transport.is_closing():
            self._transport.resume_reading()


async def serve(service: Service, announce: Callable[[str], object], certificate: str = "") -> None:
    """Serve on a free loopback port until cancelled."""
    loop = asyncio.get_running_loop()
    context = None
    if certificate:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(certificate)
    server = await loop.create_server(lambda: Connection(service), "127.0.0.1", 0, backlog=1024, ssl=context)
    announce(f"http{'s' if context else ''}://127.0.0.1:{server.sockets[0].getsockname()[1]}")
    async with server:
        await server.serve_forever()


def main() -> None:
    """Serve until killed; the address goes to stdout."""
    parser = argparse.ArgumentParser(prog="python -m tests.bench.sink", description=__doc__)
    for name, default in (("rate", 0.0), ("latency", 0.0), ("lasting", 0.0)):
        parser.add_argument(f"--{name}", type=float, default=default)
    parser.add_argument("--result", type=int, default=20_000)
    parser.add_argument("--certificate", default="")
    given = vars(parser.parse_args())
    certificate = given.pop("certificate")
    asyncio.run(serve(Service(**given), lambda url: print(url, flush=True), certificate))  # noqa: T201


if __name__ == "__main__":
    main()
