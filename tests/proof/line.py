"""The line between an engine and the services, which can be cut in the middle of a call, in either direction.

A request is taken in whole, then handed on; so is its answer. So it is known which call it is, and how much of it has
come through.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from urllib.parse import urlsplit

END = b"\r\n\r\n"

ANSWERLESS = {204, 304}
"""Statuses whose answers have no body."""


@dataclass(frozen=True)
class Cut:
    """The ``call``-th request from now on gets no further than ``share`` of its bytes, or its answer no further.

    ``share`` 0 of the request: the service never sees it. 0 of the answer: it acted, and nobody hears of it. The body
    counts where there is one, else the head. ``softly``: the connection is closed, not reset.
    """

    call: int
    of_answer: bool
    share: float
    softly: bool = False

    def __str__(self) -> str:
        how = "closed" if self.softly else "reset"
        return f"call {self.call} {how} at {self.share:.0%} of its {'answer' if self.of_answer else 'request'}"


@dataclass
class Line:
    """A line to the stand-in at ``behind``; ``calls`` are those it carried since it was armed."""

    behind: str
    url: str = ""
    calls: list[str] = field(default_factory=list)
    cut: Cut | None = None

    def arm(self, cut: Cut | None) -> None:
        """Count calls from one again, and cut one of them."""
        self.calls, self.cut = [], cut

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Carry the calls of one connection."""
        host, port = urlsplit(self.behind).netloc.split(":")
        theirs, ours = await asyncio.open_connection(host, int(port))
        try:
            with suppress(asyncio.IncompleteReadError, ConnectionError):
                while await self._carry(reader, writer, theirs, ours):
                    pass
        finally:
            writer.close()
            ours.transport.abort()  # what was not asked whole is never taken for more

    async def _carry(
        self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, theirs: asyncio.StreamReader,
        ours: asyncio.StreamWriter,
    ) -> bool:  # fmt: skip
        """Carry one call; whether the connection lives on."""
        head, body = await _message(reader, lambda head: True)
        method, target, _ = head.decode("latin-1").split(" ", 2)
        cut = None
        if not target.startswith("/_sim/"):
            self.calls.append(f"{method} {urlsplit(target).path}")
            cut = self.cut if self.cut and self.cut.call == len(self.calls) else None
        if cut and not cut.of_answer:
            ours.write(_part(head, body, cut.share))
            await ours.drain()
            return _hang_up(writer, cut)
        ours.write(head + body)
        status_head, answer = await _message(theirs, lambda head: method != "HEAD" and _status(head) not in ANSWERLESS)
        if cut:
            writer.write(_part(status_head, answer, cut.share))
            await writer.drain()
            return _hang_up(writer, cut)
        writer.write(status_head + answer)
        await writer.drain()
        return True


@asynccontextmanager
async def line_to(behind: str) -> AsyncIterator[Line]:
    """A line to what listens at ``behind``, on a port of its own."""
    line = Line(behind)
    server = await asyncio.start_server(line.serve, "127.0.0.1", 0)
    line.url = f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}"
    async with server:
        yield line


def _hang_up(writer: asyncio.StreamWriter, cut: Cut) -> bool:
    if cut.softly:
        writer.close()
    else:
        writer.transport.abort()
    return False


def _part(head: bytes, body: bytes, share: float) -> bytes:
    """So much of a message as is to come through: never the whole of it."""
    if not share:
        return b""
    if not body:
        return head[: int(len(head) * share)]
    return head + body[: min(len(body) - 1, int(len(body) * share))]


def _status(head: bytes) -> int:
    return int(head.split(b" ", 2)[1])


async def _message(reader: asyncio.StreamReader, has_body: Callable[[bytes], bool]) -> tuple[bytes, bytes]:
    """The head of a request or an answer, and its body as it is written on the line."""
    head = await reader.readuntil(END)
    fields = dict(line.split(b":", 1) for line in head.lower().split(b"\r\n")[1:] if b":" in line)
    if not has_body(head):
        return head, b""
    if b"chunked" in fields.get(b"transfer-encoding", b""):
        return head, await _chunks(reader)
    if b"content-length" in fields:
        return head, await reader.readexactly(int(fields[b"content-length"]))
    return head, b"" if not head.startswith(b"HTTP/") else await reader.read()


async def _chunks(reader: asyncio.StreamReader) -> bytes:
    taken = b""
    while True:
        size = await reader.readuntil(b"\r\n")
        taken += size
        number = int(size.split(b";")[0], 16)
        taken += await reader.readexactly(number + 2) if number else await reader.readuntil(b"\r\n")
        if not number:
            return taken
