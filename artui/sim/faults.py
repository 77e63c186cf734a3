"""Faults on request: which route goes wrong, when, how often, and what that does to the connection.

==================  =====================================================================================
``status:N[:S]``    answer N with the service's error body, without acting; S is sent as ``Retry-After``
``drop_before``     cut the connection without acting, without a byte of answer
``drop_after``      act (and charge), then cut the connection without a byte of answer
``act:N[:S]``       act (and charge), then answer N all the same, as ``status`` does
``delay:S``         wait S seconds with the request in hand, then act, even if the client has gone
``truncate``        act, promise the whole answer, cut the connection in the middle of its body
``slow:N``          act, but move the bodies of request and answer at N bytes a second
``drip``            act, then send the body one byte each half second
``html``            answer 200 with a web page, without acting: a captive portal
``early:N``         answer N as soon as the head is in, read no more of the body, then cut
``lie``             act, then answer with one byte of the body changed
``cut``             act, then answer with the first half of the body as if that were all, each time the same
``old``             act, then answer as the first request was answered that met it: with another's id
``swap``            two requests that meet it act, and each gets the other's answer
``mislabel``        on ``list`` and ``details``: show the labels of the oldest execution
``misinput``        on ``list`` and ``details``: show another photo, and no label
``hide``            on ``list`` and ``batches``: leave out what was created after the fault was set
==================  =====================================================================================
"""

from __future__ import annotations

import asyncio
import re
import time
from collections.abc import Awaitable, Callable, Iterable, Mapping
from dataclasses import dataclass, field
from fnmatch import fnmatchcase
from functools import partial
from typing import Any

from starlette.requests import ClientDisconnect
from starlette.responses import HTMLResponse, Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

_PAIRED = 3.0  # seconds the first of a pair waits for the second; then it gets its own answer
_LINGER = 1.0  # seconds an early answer stays readable before the connection goes
_PORTAL = "<!doctype html><title>Welcome</title><h1>Please sign in to this network</h1>"
_WORDS = re.compile(
    r"drop_before|drop_after|truncate|drip|html|lie|hide|cut|old|swap|mislabel|misinput"
    r"|(status|act):[2-5]\d\d(:\d+)?|early:[2-5]\d\d|delay:\d+(\.\d+)?|slow:[1-9]\d*"
)


@dataclass(slots=True)
class Fault:
    """Something to go wrong on ``route`` (``*`` matches any part): lets ``after`` requests through first,
    then acts on ``times`` requests, or on all if negative."""

    route: str
    do: str
    after: int = 0
    times: int = 1
    at: float = field(default_factory=time.time)
    kept: list[Any] = field(default_factory=list, repr=False)
    """What it remembers from one request to the next."""


class Faults:
    """The faults in force, in the order they were set; the first that applies to a request is the one."""

    def __init__(self) -> None:
        self.routes: set[str] = set()
        self._faults: list[Fault] = []

    def add(self, wanted: Iterable[Mapping[str, Any]]) -> None:
        """Set more faults, all or none; anything malformed or unknown is a ``ValueError``."""
        faults = []
        for item in wanted:
            try:
                fault = Fault(**item)
            except TypeError as error:
                raise ValueError(f"not a fault: {item}") from error
            if not any(fnmatchcase(route, fault.route) for route in self.routes):
                raise ValueError(f"no such route: {fault.route}")
            if not _WORDS.fullmatch(fault.do):
                raise ValueError(f"no such fault: {fault.do}")
            faults.append(fault)
        self._faults += faults

    def clear(self) -> None:
        """Let everything go well again."""
        self._faults.clear()

    def left(self) -> list[dict[str, Any]]:
        """Return the faults in force, with the counts they have left."""
        shown = [name for name in Fault.__dataclass_fields__ if name != "kept"]
        return [{name: getattr(fault, name) for name in shown} for fault in self._faults if fault.times]

    def take(self, route: str) -> Fault | None:
        """Count one request to ``route`` and return the fault it meets."""
        for fault in self._faults:
            if not fault.times or not fnmatchcase(route, fault.route):
                continue
            if fault.after:
                fault.after -= 1
            else:
                fault.times -= fault.times > 0
                return fault
        return None


Refuse = Callable[[Scope, int], Response]
"""Makes a service's own error answer for a status."""


@dataclass(frozen=True, slots=True)
class _Call:
    """One request that meets a fault."""

    app: ASGIApp
    scope: Scope
    receive: Receive
    send: Send
    refuse: Refuse
    arguments: list[str]
    fault: Fault

    async def act(self) -> list[Message]:
        """Let the service act; return the answer it would have sent."""
        answer: list[Message] = []

        async def collect(message: Message) -> None:
            answer.append(message)

        await self.app(self.scope, self.receive, collect)
        return answer

    async def reply(self, response: Response) -> None:
        """Answer in the service's place, after the body has been read."""
        await _read_body(self.receive)
        await response(self.scope, self.receive, self.send)

    async def hang_up(self, how: str) -> None:
        """End the connection: ``cut`` at once, or ``close`` after what was already sent.

        Returning only once it is gone keeps the server from answering in the application's place.
        """
        self.scope["state"][how]()
        await _wait_for_hang_up(self.receive, seconds=10)


class Guarded:
    """A route of a service with its fault switch in front; an ASGI application."""

    def __init__(self, route: str, app: ASGIApp, faults: Faults, refuse: Refuse) -> None:
        self._route = route
        self._app = app
        self._faults = faults
        self._refuse = refuse
        faults.routes.add(route)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass the request on, or let it meet its fault."""
        fault = self._faults.take(self._route)
        if fault is None:
            await self._app(scope, receive, send)
            return
        scope["state"]["fault"] = fault.do
        kind, *arguments = fault.do.split(":")
        await _ACTIONS[kind](_Call(self._app, scope, receive, send, self._refuse, arguments, fault))


async def _status(call: _Call, *, acts: bool = False) -> None:
    if acts:
        await call.act()
    response = call.refuse(call.scope, int(call.arguments[0]))
    if len(call.arguments) > 1:
        response.headers["Retry-After"] = call.arguments[1]
    if acts:  # its body is read by then
        await response(call.scope, call.receive, call.send)
    else:
        await call.reply(response)


async def _drop_after(call: _Call) -> None:
    await call.act()
    await call.hang_up("cut")


async def _delay(call: _Call) -> None:
    body = await _read_body(call.receive)
    await asyncio.sleep(float(call.arguments[0]))
    unread = [body]

    async def replay() -> Message:
        if unread:
            return {"type": "http.request", "body": unread.pop(), "more_body": False}
        return await call.receive()

    await call.app(call.scope, replay, call.send)


async def _truncate(call: _Call) -> None:
    start, body = _parts(await call.act())
    await call.send(start)
    await call.send({"type": "http.response.body", "body": body[: len(body) // 2], "more_body": True})
    await call.hang_up("close")


async def _slow(call: _Call) -> None:
    rate = int(call.arguments[0])

    async def receive() -> Message:
        message = await call.receive()
        await asyncio.sleep(len(message.get("body", b"")) / rate)
        return message

    async def send(message: Message) -> None:
        body, piece = message.get("body", b""), max(1, rate // 10)
        while len(body) > piece:
            await call.send({**message, "body": body[:piece], "more_body": True})
            await asyncio.sleep(piece / rate)
            body = body[piece:]
        await call.send({**message, "body": body} if body else message)

    await call.app(call.scope, receive, send)


async def _drip(call: _Call) -> None:
    start, body = _parts(await call.act())
    await call.send(start)
    for at in range(len(body)):
        await call.send({"type": "http.response.body", "body": body[at : at + 1], "more_body": True})
        if await _wait_for_hang_up(call.receive, seconds=0.5):
            return
    await call.send({"type": "http.response.body", "body": b""})


async def _early(call: _Call) -> None:
    response = call.refuse(call.scope, int(call.arguments[0]))
    headers = [*response.raw_headers, (b"connection", b"close")]
    await call.send({"type": "http.response.start", "status": response.status_code, "headers": headers})
    await call.send({"type": "http.response.body", "body": response.body, "more_body": True})
    await asyncio.sleep(_LINGER)  # at once, the reset for the unread body could overtake the answer
    await call.hang_up("cut")


async def _lie(call: _Call) -> None:
    start, body = _parts(await call.act())
    middle = len(body) // 2
    changed = body[:middle] + bytes([body[middle] ^ 1]) + body[middle + 1 :] if body else body
    await call.send(start)
    await call.send({"type": "http.response.body", "body": changed})


async def _cut(call: _Call) -> None:
    start, body = _parts(await call.act())
    await _answer(call, start, body[: len(body) // 2])


async def _old(call: _Call) -> None:
    kept = call.fault.kept
    answer = _parts(await call.act())
    kept.append(answer)
    await _answer(call, *kept[0])


async def _swap(call: _Call) -> None:
    answer, kept = _parts(await call.act()), call.fault.kept
    if kept:
        first, theirs = kept.pop()
        first.set_result(answer)
        await _answer(call, *theirs)
        return
    waiting: asyncio.Future[tuple[Message, bytes]] = asyncio.get_running_loop().create_future()
    kept.append((waiting, answer))
    try:
        async with asyncio.timeout(_PAIRED):
            answer = await waiting
    except TimeoutError:
        kept.clear()
    await _answer(call, *answer)


async def _answer(call: _Call, start: Message, body: bytes) -> None:
    """Send a whole answer of exactly this body."""
    headers = [(name, value) for name, value in start["headers"] if name != b"content-length"]
    headers.append((b"content-length", str(len(body)).encode()))
    await call.send({**start, "headers": headers})
    await call.send({"type": "http.response.body", "body": body})


async def _mislead(call: _Call) -> None:
    call.scope["state"]["misleads"] = call.fault.do
    await call.app(call.scope, call.receive, call.send)


async def _hide(call: _Call) -> None:
    call.scope["state"]["hidden_after"] = call.fault.at
    await call.app(call.scope, call.receive, call.send)


_ACTIONS: dict[str, Callable[[_Call], Awaitable[None]]] = {
    "status": _status,
    "act": partial(_status, acts=True),
    "html": lambda call: call.reply(HTMLResponse(_PORTAL)),
    "drop_before": lambda call: call.hang_up("cut"),
    "drop_after": _drop_after,
    "delay": _delay,
    "truncate": _truncate,
    "slow": _slow,
    "drip": _drip,
    "early": _early,
    "lie": _lie,
    "hide": _hide,
    "cut": _cut,
    "old": _old,
    "swap": _swap,
    "mislabel": _mislead,
    "misinput": _mislead,
}


def _parts(answer: list[Message]) -> tuple[Message, bytes]:
    start, *bodies = answer
    return start, b"".join(message.get("body", b"") for message in bodies)


async def _read_body(receive: Receive) -> bytes:
    body = bytearray()
    while True:
        message = await receive()
        if message["type"] == "http.disconnect":
            raise ClientDisconnect
        body += message.get("body", b"")
        if not message.get("more_body"):
            return bytes(body)


async def _wait_for_hang_up(receive: Receive, seconds: float) -> bool:
    """Wait until the client has gone (True), but no longer than ``seconds``; what it still sends is lost."""
    try:
        async with asyncio.timeout(seconds):
            while (await receive())["type"] != "http.disconnect":
                pass
    except TimeoutError:
        return False
    return True
