"""One loopback port with every imitated service on it, and the control paths below ``/_sim``.

``GET /_sim/ledger``      every charge
``GET /_sim/history``     every request: time, method, path, query, form or JSON without file bytes and
                          secrets, length of the body, the fault it met, the answer's status (null: none)
``/_sim/faults``          POST a list of faults to add, GET what is left of them, DELETE them all
``POST /_sim/credits``    ``{"provider": NAME, "set": N}`` or ``"add": N``, with ``"owner": ID`` for one only
``POST /_sim/options``    ``rotate_refresh_tokens``, ``token_lifetime`` (seconds; counts for the tokens out,
                          too), ``device_lifetime`` (seconds), ``price`` (workflow id to credits, as a new
                          version), ``unknown_status`` (a word instead of ACTIVE, "" for none),
                          ``result_gone``, ``labels`` (keep, drop), ``charge`` (start, end), ``qa`` (seconds);
                          ``clock``: seconds by which the ``Date`` of every answer is ahead, and
                          ``clock_for``: for how many seconds from now (null: for good);
                          ``retouch4me.NAME``: see ``Options`` of ``artui.sim.retouch4me.laboratory``;
                          ``webhooks.NAME``: see ``Options`` of ``artui.sim.webhooks``;
                          ``filestack.NAME``: see ``Options`` of ``artui.sim.filestack.darkroom``
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import math
import re
import signal
import socket
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import asdict
from email.utils import formatdate
from typing import Any
from urllib.parse import parse_qsl

import uvicorn
from starlette.applications import Starlette
from starlette.requests import ClientDisconnect, Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Mount, Route
from starlette.types import ASGIApp, Message, Receive, Scope, Send
from uvicorn.protocols.http.h11_impl import H11Protocol

from artui.sim import Books, Service
from artui.sim.autoretouch import AutoRetouch
from artui.sim.faults import Faults
from artui.sim.filestack import Filestack
from artui.sim.retouch4me import Retouch4me
from artui.sim.webhooks import Courier

PLAIN: tuple[Callable[..., Service], ...] = (Retouch4me, Filestack)
"""The services that are made of what all share."""

_SECRET = {"token", "refresh_token", "device_code", "retouchtoken", "policy", "signature"}
_SECRET_TASK = re.compile(r"security=[^/]*")
_READABLE = 100_000  # bytes of a body that is read for the history


class Simulator:
    """The services behind one ASGI application, ``app``; executions run ``speed`` times as fast.

    The same ``seed`` gives the same ids and durations. Each account begins with ``credits``. A device login
    is to be polled every ``device_interval`` seconds. ``url`` is known while it is served.
    """

    def __init__(
        self,
        speed: float = 1.0,
        seed: int = 0,
        credits: int = 5000,  # noqa: A002 - the services' own word
        *,
        device_interval: float = 1.0,
        extra_workflows: int = 0,
    ) -> None:
        self.url = ""
        self.books = Books()
        self.faults = Faults()
        self.courier = Courier(seed)
        autoretouch = AutoRetouch(
            self.books,
            self.faults,
            speed=speed,
            seed=seed,
            credits=credits,
            device_interval=device_interval,
            extra_workflows=extra_workflows,
            courier=self.courier,
        )
        plain: dict[str, Any] = {"speed": speed, "seed": seed, "credits": credits, "courier": self.courier}
        self._services: list[Service] = [autoretouch, *(kind(self.books, self.faults, **plain) for kind in PLAIN)]
        routes = [Route("/{what}", self._show), Route("/{what}", self._change, methods=["POST", "DELETE"])]
        control = Mount("/_sim", routes=routes)
        mounts = [mount for service in self._services for mount in service.mounts]
        self.clock = 0.0
        self._clock_until = math.inf
        self.app: ASGIApp = _Dated(_Historian(Starlette(routes=[control, *mounts]), self.books), self._date)

    @property
    def ledger(self) -> list[dict[str, Any]]:
        """Every charge so far, as the control path shows it."""
        for service in self._services:
            service.settle()
        return [asdict(charge) for charge in self.books.ledger]

    @property
    def history(self) -> list[dict[str, Any]]:
        """Every request so far, as the control path shows it; one under way has no answer yet."""
        return self.books.history

    def announcement(self) -> dict[str, Any]:
        """What a client needs to reach the services, each time with new sign-ins."""
        return {"url": self.url} | {service.name: service.announce(self.url) for service in self._services}

    def switch(self, options: dict[str, Any]) -> None:
        """Change options while it runs; an unknown name or a bad value is a ``ValueError``."""
        clock = {name: options[name] for name in ("clock", "clock_for") if name in options}
        options = {name: value for name, value in options.items() if name not in clock}
        if clock:
            lasts = clock.get("clock_for")
            self.clock, self._clock_until = float(clock["clock"]), math.inf if lasts is None else time.time() + lasts
        taken = self.courier.switch(options)
        taken += [name for service in self._services for name in service.switch(options)]
        if unknown := options.keys() - taken:
            raise ValueError(f"no such option: {', '.join(sorted(unknown))}")

    def _date(self) -> str:
        now = time.time()
        return formatdate(now + (self.clock if now < self._clock_until else 0.0), usegmt=True)

    async def _show(self, request: Request) -> Response:
        match request.path_params["what"]:
            case "ledger":
                return JSONResponse(self.ledger)
            case "history":
                return JSONResponse(self.history)
            case "faults":
                return JSONResponse(self.faults.left())
        return Response(status_code=404)

    async def _change(self, request: Request) -> Response:
        """Do what is asked; what cannot be done is answered with its reason."""
        wanted: Any = await request.json() if request.method == "POST" else None
        try:
            match request.method, request.path_params["what"]:
                case "POST", "faults":
                    self.faults.add(wanted)
                case "DELETE", "faults":
                    self.faults.clear()
                case "POST", "credits":
                    sums = {"set_to": wanted.get("set"), "add": wanted.get("add", 0)}
                    self.books.change_credits(wanted["provider"], owner=wanted.get("owner"), **sums)
                case "POST", "options":
                    self.switch(wanted)
                case _:
                    return Response(status_code=404)
        except (ValueError, KeyError, TypeError, AttributeError) as error:
            return JSONResponse({"error": str(error)}, 400)
        return Response(status_code=204)


def serve(simulator: Simulator, port: int, announce: Callable[[str], None]) -> None:
    """Serve on 127.0.0.1 until SIGTERM or SIGINT; port 0 takes a free one.

    ``announce`` gets one line of JSON once requests are answered. A taken port is an ``OSError``.
    """
    with _listen(port) as listener:
        server = _prepare(simulator, listener, lambda: announce(json.dumps(simulator.announcement())))
        server.run(sockets=[listener])


@contextlib.contextmanager
def running(simulator: Simulator, port: int = 0) -> Iterator[Simulator]:
    """Serve from a thread of this process for as long as the block runs; ``url`` is set inside it."""
    listening = threading.Event()
    with _listen(port) as listener:
        server = _prepare(simulator, listener, listening.set)
        thread = threading.Thread(target=server.run, args=([listener],), name="artui-sim")
        thread.start()
        try:
            if not listening.wait(10):
                raise TimeoutError("the stand-in does not start")
            yield simulator
        finally:
            server.should_exit = True
            thread.join()


def _listen(port: int) -> socket.socket:
    # asyncio turns Nagle's delay off only where the protocol is named, which ``create_server`` does not do;
    # with it each answer takes 40 ms.
    listener = socket.socket(socket.AF_INET, socket.SOCK_STREAM, socket.IPPROTO_TCP)
    try:
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listener.bind(("127.0.0.1", port))
        listener.listen(1024)
    except OSError:
        listener.close()
        raise
    return listener


def _prepare(simulator: Simulator, listener: socket.socket, listening: Callable[[], None]) -> _Server:
    simulator.url = f"http://127.0.0.1:{listener.getsockname()[1]}"
    config = uvicorn.Config(
        simulator.app,
        loop="asyncio",
        http=_Connection,
        ws="none",
        lifespan="off",
        log_level="error",
        access_log=False,
        date_header=False,  # the application has a clock of its own
        timeout_keep_alive=30,
        timeout_graceful_shutdown=1,
    )
    return _Server(config, listening)


class _Connection(H11Protocol):
    """HTTP/1.1 on a connection the application can end, by ``scope["state"]["cut"]()`` or ``["close"]()``."""

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        super().connection_made(transport)
        self.app_state = {**self.app_state, "cut": transport.abort, "close": transport.close}


class _Server(uvicorn.Server):
    """Says when it listens, and returns after a signal instead of dying of it."""

    def __init__(self, config: uvicorn.Config, listening: Callable[[], None]) -> None:
        super().__init__(config)
        self._listening = listening

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        await super().startup(sockets)
        self._listening()

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        for connection in [*self.server_state.connections]:
            connection.transport.abort()
        await super().shutdown(sockets)

    @contextlib.contextmanager
    def capture_signals(self) -> Iterator[None]:
        if threading.current_thread() is not threading.main_thread():
            yield
            return
        before = {number: signal.signal(number, self.handle_exit) for number in (signal.SIGINT, signal.SIGTERM)}
        try:
            yield
        finally:
            for number, handler in before.items():
                signal.signal(number, handler)


class _Dated:
    """Puts a ``Date`` on every answer; an ASGI application in front of the others."""

    def __init__(self, app: ASGIApp, date: Callable[[], str]) -> None:
        self._app = app
        self._date = date

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        async def dated(message: Message) -> None:
            if message["type"] == "http.response.start":
                message = {**message, "headers": [*message.get("headers", ()), (b"date", self._date().encode())]}
            await send(message)

        await self._app(scope, receive, dated)


class _Historian:
    """Writes down every request to a service; an ASGI application in front of the others."""

    def __init__(self, app: ASGIApp, books: Books) -> None:
        self._app = app
        self._books = books

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["path"].startswith("/_sim/"):
            await self._app(scope, receive, send)
            return
        entry: dict[str, Any] = {
            "time": time.time(),
            "method": scope["method"],
            "path": _SECRET_TASK.sub("security=***", scope["path"]),
            "query": _masked(dict(parse_qsl(scope["query_string"].decode("latin-1")))),
            "form": None,
            "length": 0,
            "fault": None,
            "answer": None,
        }
        self._books.history.append(entry)
        state = scope.setdefault("state", {})
        body = bytearray()

        async def listen() -> Message:
            message = await receive()
            part = message.get("body", b"")
            entry["length"] += len(part)
            if entry["length"] <= _READABLE:
                body.extend(part)
            return message

        def note() -> None:
            entry["fault"] = state.get("fault")
            entry["form"] = state.get("form") or _read(scope, bytes(body), entry["length"])

        async def tell(message: Message) -> None:
            if message["type"] == "http.response.start":
                note()  # before the client has its answer, and may ask what was noted
                entry["answer"] = message["status"]  # last: who reads in another thread takes it for the whole
            await send(message)

        try:
            await self._app(scope, listen, tell)
        except (ClientDisconnect, asyncio.CancelledError):
            pass  # nobody waits for the answer any more
        finally:
            note()


def _read(scope: Scope, body: bytes, length: int) -> object:
    """Return what a small body says, without its secrets; None if it is neither JSON nor a plain form."""
    kind = dict(scope["headers"]).get(b"content-type", b"")
    if not body or length > _READABLE:
        return None
    if b"x-www-form-urlencoded" in kind:
        said: object = dict(parse_qsl(body.decode("latin-1")))
    elif b"json" in kind:
        try:
            said = json.loads(body)
        except ValueError:
            return None
    else:
        return None
    return _masked(said)


def _masked(said: object) -> object:
    """What was said, with secrets at any depth made unreadable."""
    if isinstance(said, dict):
        return {name: "***" if name in _SECRET else _masked(value) for name, value in said.items()}
    return [_masked(value) for value in said] if isinstance(said, list) else said
