"""A server on loopback that treats each connection as a test says, byte by byte, and keeps what arrived."""

from __future__ import annotations

import asyncio
import ssl
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field

import pytest


@dataclass
class Link:
    """One connection as the server sees it; ``received`` is all that came."""

    reader: asyncio.StreamReader
    writer: asyncio.StreamWriter
    received: bytearray = field(default_factory=bytearray, repr=False)
    is_over: asyncio.Event = field(default_factory=asyncio.Event)

    async def read(self, most: int = 65_536) -> bytes:
        block = await self.reader.read(most)
        self.received += block
        return block

    async def head(self) -> bytes:
        """The next request's head; raises EOFError where none comes."""
        start = len(self.received)
        while (end := self.received.find(b"\r\n\r\n", start)) < 0:
            if not await self.read():
                raise EOFError
        return bytes(self.received[start:end])

    async def whole(self) -> bytes:
        """The next request, with its body."""
        start = len(self.received)
        head = await self.head()
        length = next(
            (int(line.split(b":")[1]) for line in head.splitlines() if line.lower().startswith(b"content-length")), 0
        )
        while len(self.received) < start + len(head) + 4 + length:
            if not await self.read():
                raise EOFError
        return bytes(self.received[start:])

    async def rest(self) -> None:
        """Read until the other side ends."""
        with suppress(ConnectionError):
            while await self.read():
                pass

    async def say(self, status: int, body: bytes = b"", headers: str = "", *, length: int | None = None) -> None:
        size = len(body) if length is None else length
        self.writer.write(f"HTTP/1.1 {status} X\r\nContent-Length: {size}\r\n{headers}\r\n".encode() + body)
        await self.writer.drain()

    def cut(self) -> None:
        self.writer.transport.abort()


Handler = Callable[[Link], Awaitable[None]]


@dataclass
class Peer:
    """A listening server and the connections it had."""

    url: str
    links: list[Link] = field(default_factory=list)

    @property
    def requests(self) -> list[bytes]:
        """The first line of every request that reached it."""
        verbs = (b"GET ", b"POST ", b"HEAD ", b"DELETE ", b"CONNECT ")
        return [line for link in self.links for line in bytes(link.received).split(b"\r\n") if line.startswith(verbs)]


@asynccontextmanager
async def serving(handle: Handler, *, context: ssl.SSLContext | None = None) -> AsyncIterator[Peer]:
    peer, tasks = Peer(""), []

    async def attend(link: Link) -> None:
        try:
            await handle(link)
        except (EOFError, ConnectionError):
            pass
        finally:
            link.is_over.set()
            link.writer.close()

    def accept(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        link = Link(reader, writer)
        peer.links.append(link)
        tasks.append(asyncio.create_task(attend(link)))

    server = await asyncio.start_server(accept, "127.0.0.1", 0, ssl=context)
    scheme = "https" if context else "http"
    peer.url = f"{scheme}://127.0.0.1:{server.sockets[0].getsockname()[1]}"
    try:
        yield peer
    finally:
        for _ in range(5):  # asyncio loses a connection that is just being accepted when its server closes
            await asyncio.sleep(0)
        server.close()
        for link in peer.links:
            link.cut()
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)


def answering(status: int, body: bytes = b"", headers: str = "") -> Handler:
    async def handle(link: Link) -> None:
        while True:
            await link.whole()
            await link.say(status, body, headers)

    return handle


async def hang_up(link: Link) -> None:
    await link.whole()


class Memory:
    """Where a fetched file goes here."""

    def __init__(self) -> None:
        self.content = b""
        self.is_ended = True
        self.host = ""

    def keep(self, data: bytes) -> bool:
        self.content += data
        return False

    def flush(self) -> None:
        pytest.fail("it said that there is nothing to flush")
