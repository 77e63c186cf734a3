"""The bytes of one exchange: read in threads, sent and taken block by block, held to the speed rule."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Callable, Generator
from contextlib import suppress
from dataclasses import dataclass
from itertools import chain
from typing import Final, TypeVar, cast

import httpx

from artui.providers.base import Counted
from artui.providers.http.codings import Decoding, NotDecoded
from artui.providers.http.throttle import SLICE, Throttle

READ_AT_ONCE: Final = 512 * 1024
"""Bytes of a file that a thread reads in one call: a call costs as much as hashing 100 kB."""
SENT_AT_ONCE: Final = SLICE
"""Bytes handed over at once: the speed rule sees no smaller steps, and smaller ones are slower."""
SWOLLEN: Final = 1024 * 1024 * 1024
"""Most bytes of a file that came compressed: pictures and archives hardly shrink, so that more is none."""

Result = TypeVar("Result")


class Crawling(httpx.TimeoutException):
    """Fewer bytes moved than the speed rule asks for."""


class Unreadable(httpx.DecodingError):
    """The answer cannot be what was asked for: too long, a web page, empty, or not all there."""


class Empty(Unreadable):
    """Not one byte came of the file that was asked for."""


class Undecodable(Unreadable):
    """The answer came compressed, and cannot be decoded, or to no end."""


async def in_thread(call: Callable[..., Result], *arguments: object) -> Result:
    """Run what blocks in a thread. A cancel waits for it, so that nothing works on a file that is closed meanwhile."""
    work = asyncio.get_running_loop().run_in_executor(None, call, *arguments)
    try:
        return await asyncio.shield(work)
    except asyncio.CancelledError:
        while not work.done():  # a second cancel comes through here as well
            with suppress(asyncio.CancelledError):
                await asyncio.wait([work])
        work.exception()  # seen: the cancel is what is raised
        raise


@dataclass(frozen=True, slots=True)
class MinSpeed:
    """The least a transfer must move: ``amount`` bytes within each ``seconds``."""

    amount: int = 30_000
    seconds: float = 30.0


class Flow:
    """The bytes of one exchange, held to the pace while they should be moving, in either direction; no faster than
    ``throttle`` lets them."""

    def __init__(
        self, limit: asyncio.Timeout, pace: MinSpeed, counted: Counted | None, throttle: Throttle | None
    ) -> None:
        self._limit = limit
        self._pace = pace
        self._counted = counted
        self._throttle = throttle
        self._loop = asyncio.get_running_loop()
        self._moved = 0
        self._due: float | None = None
        self._timer: asyncio.TimerHandle | None = None
        self._is_answered = False
        self.broken: Exception | None = None
        """What reading the request's own body raised."""

    def start(self) -> None:
        """Bytes should move from now on."""
        self._moved = 0
        self._due = self._loop.time() + self._pace.seconds
        if self._timer is None:
            self._timer = self._loop.call_at(self._due, self._look)

    def moved(self, count: int) -> None:
        """Count bytes; a stretch in which enough moved is followed by a new one."""
        self._moved += count
        if self._moved >= self._pace.amount:
            self.start()

    def stop(self) -> None:
        """Nothing should move now: silence is held to the time-outs instead."""
        self._due = None

    def end(self) -> None:
        """The exchange is over."""
        self.stop()
        if self._timer is not None:
            self._timer.cancel()

    def _look(self) -> None:
        """Break the exchange off where too little moved, or look again later: a timer for each stretch costs more."""
        self._timer = None
        if self._due is None:
            return
        if self._due <= self._loop.time():
            self._limit.reschedule(self._due)  # in the past: the time-out of the exchange falls at once
        else:
            self._timer = self._loop.call_at(self._due, self._look)

    async def _turn(self, count: int) -> None:
        """Wait until so many bytes may move."""
        if self._throttle is None:
            return
        for start in range(0, count, SLICE):
            if wait := self._throttle.turn(min(SLICE, count - start)):
                due, self._due = self._due, None  # waiting for a turn is no standing still
                await asyncio.sleep(wait)
                if due is not None:
                    self._due = due + wait
                    self._timer = self._timer or self._loop.call_at(self._due, self._look)

    async def outgoing(self, length: int, content: Generator[bytes]) -> AsyncGenerator[bytes, None]:
        """A body's bytes: exactly ``length`` of them, or an error that cuts the connection before the end."""
        sent = 0
        self.start()
        try:
            while sent < length and (piece := await in_thread(_piece, content)):
                if sent + len(piece) > length:  # the file has grown: not a byte beyond what was announced
                    break
                for start in range(0, len(piece), SENT_AT_ONCE):
                    block = piece[start : start + SENT_AT_ONCE]
                    sent += len(block)
                    await self._turn(len(block))
                    yield block
                    self.moved(len(block))
                    if self._counted is not None:
                        self._counted(sent)
        except Exception as error:
            self.broken = error
            raise
        finally:
            content.close()
        if sent != length:
            self.broken = httpx.LocalProtocolError("the file no longer has the length it had")
            raise self.broken
        if not self._is_answered:  # some answer before the body is all sent; then it is their bytes that should move
            self.stop()

    async def incoming(self, response: httpx.Response, most: int | None = None) -> AsyncGenerator[bytes, None]:
        """The answer's blocks, ``most`` bytes in all; what came compressed is decoded, and counts as it is then."""
        self._is_answered = True
        self.start()
        came = received = 0
        try:
            decoding = Decoding(response.headers.get("content-encoding", ""))
            most = SWOLLEN if decoding and most is None else most  # a file as it is has no bound but the disk
            async for block in cast("httpx.AsyncByteStream", response.stream):
                self.moved(len(block))
                await self._turn(len(block))
                came += len(block)
                # The empty one has what came counted even where nothing can be decoded of it yet.
                for piece in chain((b"",), decoding.decoded(block) if decoding else (block,)):
                    received += len(piece)
                    if most is not None and max(came, received) > most:
                        raise (Undecodable if decoding else Unreadable)(f"the answer is longer than {most:,} bytes")
                    if piece:
                        yield piece
            decoding.finish()
        except NotDecoded as problem:
            raise Undecodable(str(problem)) from None
        self.stop()

    async def read(self, response: httpx.Response, most: int) -> bytes:
        """The whole body of an answer."""
        return b"".join([block async for block in self.incoming(response, most)])


def _piece(content: Generator[bytes]) -> bytes:
    """The next blocks of a body in one, read in a thread; empty at its end."""
    blocks, size = [], 0
    while size < READ_AT_ONCE and (block := next(content, None)) is not None:
        blocks.append(block)
        size += len(block)
    return b"".join(blocks)
