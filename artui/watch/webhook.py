"""Hearing webhooks: a small listener behind the operator's own proxy. A call is a hint to look at an execution now."""

from __future__ import annotations

import asyncio
import contextlib
import hmac
import logging
import socket
from collections.abc import Awaitable, Callable, Iterator

import uvicorn
from starlette.requests import ClientDisconnect, Request
from starlette.responses import Response
from starlette.types import Receive, Scope, Send

from artui.providers.base import Call

log = logging.getLogger(__name__)

MOST_BYTES = 262_144
"""Bytes of a call's body; a longer one is turned away unread."""

MOST_AT_ONCE = MOST_WAITING = 100
"""Connections at one time, and calls that are answered and not looked into yet."""

PATIENCE = 5.0
"""Seconds for a call's body to come, and until a listener that broke is begun anew."""


class Listener:
    """Hears calls at an address of this machine, which is taken at once; OSError where it cannot be."""

    def __init__(self, host: str, port: int) -> None:
        family, kind, protocol, _, address = socket.getaddrinfo(host, port, proto=socket.IPPROTO_TCP)[0]
        self._socket = socket.socket(family, kind, protocol)
        try:
            self._socket.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            self._socket.bind(address)
            self._socket.listen(MOST_AT_ONCE)
        except OSError:
            self._socket.close()
            raise
        self._calls: asyncio.Queue[Call] = asyncio.Queue(MOST_WAITING)
        self._part = b""

    @property
    def place(self) -> str:
        """The address that is listened at, as ``HOST:PORT``."""
        host, port, *_ = self._socket.getsockname()
        return f"[{host}]:{port}" if ":" in host else f"{host}:{port}"

    def close(self) -> None:
        """Give the address back."""
        self._socket.close()

    async def run(self, part: str, hear: Callable[[Call], Awaitable[None]], stopping: asyncio.Event) -> None:
        """Answer calls and have each heard, until ``stopping``; ``part`` is what the path of each must have.

        One that breaks is begun anew: what is not heard meanwhile is found by looking.
        """
        self._part = part.encode()
        passing_on = asyncio.create_task(self._pass_on(hear))
        try:
            while not stopping.is_set():
                try:
                    await self._serve(stopping)
                except Exception:
                    log.exception("the listener for webhooks broke; it begins anew, and looks go on meanwhile")
                    with contextlib.suppress(TimeoutError):
                        async with asyncio.timeout(PATIENCE):
                            await stopping.wait()
        finally:
            passing_on.cancel()
            self.close()

    async def _pass_on(self, hear: Callable[[Call], Awaitable[None]]) -> None:
        while True:
            await hear(await self._calls.get())

    async def _serve(self, stopping: asyncio.Event) -> None:
        server = _Server(
            uvicorn.Config(
                self.answer,
                interface="asgi3",
                http="h11",
                ws="none",
                lifespan="off",
                log_config=None,  # uvicorn's own would set up its loggers anew
                log_level="error",  # what strangers send wrongly is no news
                access_log=False,
                server_header=False,
                proxy_headers=False,  # nothing is decided by who calls: only the path counts
                limit_concurrency=MOST_AT_ONCE,
                timeout_keep_alive=5,
                timeout_graceful_shutdown=1,
            )
        )
        # A duplicate: uvicorn closes what it is given.
        serving = asyncio.create_task(server.serve([self._socket.dup()]))
        stop = asyncio.create_task(stopping.wait())
        try:
            await asyncio.wait((serving, stop), return_when=asyncio.FIRST_COMPLETED)
        finally:
            stop.cancel()
            server.should_exit = True
            await serving

    async def answer(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one call, before anything is done about it; an ASGI application."""
        response = Response(status_code=await self._taken(scope, receive))
        await response(scope, receive, send)

    async def _taken(self, scope: Scope, receive: Receive) -> int:
        """Take a call and return the status of its answer."""
        # One word or nothing may follow the part; what stands before it is the proxy's affair.
        words = ["", *scope["path"].strip("/").split("/")]
        ends = ((words[-1], ""), (words[-2], words[-1]))
        # In constant time: the part is a secret.
        told = (rest for word, rest in ends if hmac.compare_digest(word.encode("utf-8", "replace"), self._part))
        tail = next(told, None)
        if tail is None or scope["method"] not in ("POST", "GET"):
            return 404
        body = bytearray()
        try:
            async with asyncio.timeout(PATIENCE):
                async for chunk in Request(scope, receive).stream():
                    body += chunk
                    if len(body) > MOST_BYTES:
                        return 413
        except (TimeoutError, ClientDisconnect):
            return 408
        headers = {name.decode("latin-1").lower(): value.decode("latin-1") for name, value in scope["headers"]}
        try:
            # Answered at once: services call again, or give up, where that takes long.
            self._calls.put_nowait(Call(tail, headers, bytes(body)))
        except asyncio.QueueFull:
            return 503
        return 204


class _Server(uvicorn.Server):
    """Leaves the signals to the engine."""

    @contextlib.contextmanager
    def capture_signals(self) -> Iterator[None]:
        yield
