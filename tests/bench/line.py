"""A line people have, between a client and the bare service: so many bytes a second each way, and a long way.

``python -m tests.bench.line PORT [--rate BYTES] [--delay SECONDS]`` prints the port it listens on. Bytes are carried as
they are, TLS included; opening a connection takes a round trip, as the handshake of TCP does.
"""

from __future__ import annotations

import argparse
import asyncio
import socket
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass

PIECE = 16_384
AHEAD = 0.05
"""Seconds of bytes that a direction takes in beyond what it has carried: the queue of a router at home."""


@dataclass
class Direction:
    """One direction of the line, shared by all connections: ``rate`` in bytes a second, ``delay`` in seconds."""

    rate: float
    delay: float
    free_at: float = 0.0

    def departs(self, size: int, now: float) -> float:
        """When the last of so many bytes has left."""
        self.free_at = max(self.free_at, now) + size / self.rate
        return self.free_at


async def _carry(reader: asyncio.StreamReader, writer: asyncio.StreamWriter, way: Direction) -> None:
    """Carry bytes one way until they end."""
    loop = asyncio.get_running_loop()
    arriving: asyncio.Queue[tuple[float, bytes]] = asyncio.Queue()

    async def deliver() -> None:
        while True:
            at, piece = await arriving.get()
            await asyncio.sleep(at - loop.time())
            if not piece:
                writer.close()
                return
            writer.write(piece)
            await writer.drain()

    delivering = asyncio.create_task(deliver())
    with suppress(ConnectionError):
        while piece := await reader.read(PIECE):
            arriving.put_nowait((way.departs(len(piece), loop.time()) + way.delay, piece))
            await asyncio.sleep(way.free_at - loop.time() - AHEAD)
    arriving.put_nowait((loop.time() + way.delay, b""))
    with suppress(ConnectionError):
        await delivering


async def serve(port: int, rate: float, delay: float) -> None:
    """Carry connections to a port of this machine until killed; ``delay`` is that of one way."""
    up, down = Direction(rate, delay), Direction(rate, delay)

    async def connected(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await asyncio.sleep(2 * delay)
        theirs, ours = await asyncio.open_connection("127.0.0.1", port, limit=PIECE)
        for one in (writer, ours):
            one.get_extra_info("socket").setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        await asyncio.gather(_carry(reader, ours, up), _carry(theirs, writer, down))

    server = await asyncio.start_server(connected, "127.0.0.1", 0, limit=PIECE, backlog=1024)
    print(server.sockets[0].getsockname()[1], flush=True)  # noqa: T201
    async with server:
        await server.serve_forever()


@contextmanager
def line(url: str, rate: float, delay: float) -> Iterator[str]:
    """A line to the service at ``url`` in a process of its own; gives its address at this end."""
    begin, _, port = url.rpartition(":")
    command = [sys.executable, "-m", "tests.bench.line", port, f"--rate={rate:g}", f"--delay={delay:g}"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as child:
        assert child.stdout
        try:
            yield f"{begin}:{child.stdout.readline().strip()}"
        finally:
            child.kill()


def main() -> None:
    """Carry until killed."""
    parser = argparse.ArgumentParser(prog="python -m tests.bench.line", description=__doc__)
    parser.add_argument("port", type=int)
    parser.add_argument("--rate", type=float, required=True)
    parser.add_argument("--delay", type=float, required=True)
    asyncio.run(serve(**vars(parser.parse_args())))


if __name__ == "__main__":
    main()
