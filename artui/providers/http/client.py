"""The three ways to ask a service: send, pay once, fetch a file; with time-outs and the speed rule on every byte.

Whether a request can have been carried out is not guessed from the kind of error: it is noted when its first byte
leaves.
"""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import AsyncGenerator, Callable, Generator
from contextlib import aclosing, asynccontextmanager, suppress
from dataclasses import dataclass, replace
from http.cookiejar import CookieJar, DefaultCookiePolicy
from types import AsyncGeneratorType
from typing import Final, TypeVar

import httpx

from artui import __version__
from artui.credentials import Secret
from artui.credentials.tokens import since_boot
from artui.providers.base import Blocked, Cause, Counted, Permit, Transient, Unknown
from artui.providers.http.messages import OBJECT, TEXT, Answer, Request, moment
from artui.providers.http.transport import Departure, Transport, trust

CONNECT: Final = 10.0
"""Seconds for name, connection and TLS together."""
READ: Final = 60.0
"""Seconds a service may be silent once it was asked."""

for _name in ("httpx", "httpcore", "aiohttp"):  # below this they log addresses
    logging.getLogger(_name).setLevel(logging.WARNING)

Result = TypeVar("Result")

_FAILURES = (httpx.HTTPError, httpx.InvalidURL)


class Crawling(httpx.TimeoutException):
    """Fewer bytes moved than the speed rule asks for."""


class Unreadable(httpx.DecodingError):
    """The answer cannot be what was asked for: compressed, too long, a web page, empty, or without an end."""


async def in_thread(call: Callable[..., Result], *arguments: object) -> Result:
    """Run what blocks in a thread. A cancel waits for it, so that nothing works on a file that is closed meanwhile."""
    work = asyncio.get_running_loop().run_in_executor(None, call, *arguments)
    try:
        return await asyncio.shield(work)
    except asyncio.CancelledError:
        while not work.done():
            with suppress(asyncio.CancelledError):
                await asyncio.wait([work])
        work.exception()
        raise


# ----------------------------------------------------------------------------------------------------- the speed rule


@dataclass(frozen=True, slots=True)
class Pace:
    """The least a transfer must move: ``amount`` bytes within each ``seconds``."""

    amount: int = 30_000
    seconds: float = 30.0


class Flow:
    """The bytes of one exchange, held to the pace while they should be moving, in either direction."""

    def __init__(self, limit: asyncio.Timeout, pace: Pace, counted: Counted | None) -> None:
        self._limit = limit
        self._pace = pace
        self._counted = counted
        self._moved = 0
        self._is_answered = False
        self.broken: Exception | None = None
        """What reading the request's own body raised."""

    def start(self) -> None:
        """Bytes should move from now on."""
        self._moved = 0
        self._expect(asyncio.get_running_loop().time() + self._pace.seconds)

    def moved(self, count: int) -> None:
        """Count bytes; a stretch in which enough moved is followed by a new one."""
        self._moved += count
        if self._moved >= self._pace.amount:
            self.start()

    def stop(self) -> None:
        """Nothing should move now: silence is held to the time-outs instead."""
        self._expect(None)

    def _expect(self, when: float | None) -> None:
        if not self._limit.expired():
            self._limit.reschedule(when)

    async def outgoing(self, length: int, content: Generator[bytes]) -> AsyncGenerator[bytes, None]:
        """The body's blocks: exactly ``length`` bytes, or an error that cuts the connection before the end."""
        sent = 0
        self.start()
        try:
            while sent < length and (block := await in_thread(next, content, None)) is not None:
                sent += len(block)
                if sent > length:
                    break
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
        if not self._is_answered:
            self.stop()

    async def incoming(self, response: httpx.Response, most: int | None = None) -> AsyncGenerator[bytes, None]:
        """The answer's blocks as sent, never decompressed, ``most`` bytes in all."""
        if response.headers.get("content-encoding", "identity").lower() != "identity":
            raise Unreadable("the answer is compressed, which was not asked for")
        received = 0
        self._is_answered = True
        self.start()
        async for block in response.aiter_raw():
            received += len(block)
            if most is not None and received > most:
                raise Unreadable(f"the answer is longer than {most:,} bytes")
            self.moved(len(block))
            yield block
        self.stop()

    async def read(self, response: httpx.Response, most: int) -> bytes:
        """The whole body of an answer."""
        async with aclosing(self.incoming(response, most)) as blocks:
            return b"".join([block async for block in blocks])


# ---------------------------------------------------------------------------------------------------------- the client


class Client:
    """One account's way to its service. ``title`` names it in every error, ``read`` and ``pace`` are limits."""

    def __init__(
        self,
        title: str,
        *,
        proxy: str | None = None,
        ca_file: str | None = None,
        read: float = READ,
        pace: Pace | None = None,
    ) -> None:
        self._title = title
        self._pace = pace or Pace()
        self._ordinary = _over(Transport(trust(ca_file), proxy), "keep-alive", read)
        self._paid = _over(Transport(trust(ca_file), proxy, once=True), "close", read)
        self._clock: tuple[float, float] | None = None

    async def close(self) -> None:
        """Close every connection."""
        await self._ordinary.aclose()
        await self._paid.aclose()

    @property
    def service_time(self) -> float | None:
        """The service's clock now, in epoch seconds, from the last ``Date`` it sent; None before."""
        if self._clock is None:
            return None
        said, then = self._clock
        return said + since_boot() - then

    @property
    def now(self) -> float:
        """The service's clock, ours before its first answer; epoch seconds."""
        return self.service_time or time.time()

    async def send(
        self, request: Request, *, most: int = OBJECT, counted: Counted | None = None, any_status: bool = False
    ) -> Answer:
        """One ordinary request; the answer has at most ``most`` bytes, and a status of 2xx or 4xx unless any will do.

        Raises :class:`Transient` for every failure on the way and for an answer that is not final, and what the body
        raised where it broke.
        """
        departure = Departure()
        try:
            async with self._exchange(self._ordinary, request, departure, counted) as (response, flow):
                answer = self._answer(request, response, await flow.read(response, most))
        except _FAILURES as error:
            raise self._failure(request, departure, error) from None
        if not any_status:
            answer.raise_unless_final()
        return answer

    async def pay(self, request: Request, permit: Permit, *, counted: Counted | None = None) -> Answer:
        """One paid request, sent once over a connection of its own; every readable answer is returned.

        Awaits ``permit`` just before the first byte and passes on what it raises. Raises :class:`Transient` with
        ``reached=False`` where no byte left, what the body raised where it broke, else :class:`Unknown`.
        """
        departure = Departure(permit)
        try:
            async with self._exchange(self._paid, request, departure, counted) as (response, flow):
                return self._answer(request, response, await flow.read(response, TEXT))
        except _FAILURES as error:
            failure = self._failure(request, departure, error)
        raise Unknown(str(failure)) if departure.left else failure

    async def fetch(
        self,
        request: Request,
        write: Callable[[bytes], None],
        *,
        hosts: frozenset[str] = frozenset(),
        is_proven: bool = False,
        counted: Counted | None = None,
    ) -> Answer:
        """Read one file into ``write``, called in a thread. A status of 4xx writes nothing; the answer says why.

        Redirects are followed to ``hosts``, over https and without secrets. An answer that does not say where it ends
        is an error unless the content ``is_proven`` otherwise. Raises as :meth:`send`.
        """
        departure = Departure()
        for _ in range(4):
            try:
                async with self._exchange(self._ordinary, request, departure, None) as (response, flow):
                    if not response.has_redirect_location:
                        body = await self._take(response, flow, write, is_proven, counted)
                        answer = self._answer(request, response, body)
                        break
                    request = _elsewhere(request, response, hosts)
            except _FAILURES as error:
                raise self._failure(request, departure, error) from None
        else:
            raise Transient(f"{self._title}: {request.doing}: the service points from address to address")
        answer.raise_unless_final()
        if 200 < answer.status < 300:
            raise answer.unreadable()
        return answer

    # How it is done.

    @asynccontextmanager
    async def _exchange(
        self, client: httpx.AsyncClient, request: Request, departure: Departure, counted: Counted | None
    ) -> AsyncGenerator[tuple[httpx.Response, Flow], None]:
        try:
            async with asyncio.timeout(None) as limit:
                flow = Flow(limit, self._pace, counted)
                async with self._answered(client, request, departure, flow) as response:
                    yield response, flow
        except TimeoutError:
            if not limit.expired():
                raise
            rule = f"fewer than {self._pace.amount:,} bytes moved within {self._pace.seconds:g} s"
            raise Crawling(f"the connection is too slow: {rule}") from None

    @asynccontextmanager
    async def _answered(
        self, client: httpx.AsyncClient, request: Request, departure: Departure, flow: Flow
    ) -> AsyncGenerator[httpx.Response, None]:
        body, content = request.body, None
        if body is not None:
            content = body.content if isinstance(body.content, bytes) else flow.outgoing(body.length, body.content())
        try:
            response = await client.send(self._built(client, request, content, departure), stream=True)
            try:
                self._note_time(response)
                yield response
            finally:
                await response.aclose()
        except httpx.HTTPError:
            if flow.broken is not None:
                raise flow.broken from None
            raise
        finally:
            flow.stop()
            # A cut-off body rests where it was; one that is being read just now ends by the same cancel.
            if isinstance(content, AsyncGeneratorType) and not content.ag_running:
                await content.aclose()

    def _built(
        self,
        client: httpx.AsyncClient,
        request: Request,
        content: bytes | AsyncGenerator[bytes, None] | None,
        departure: Departure,
    ) -> httpx.Request:
        headers = dict(request.headers)
        if request.body is not None:
            headers["Content-Length"] = str(request.body.length)
            if request.body.media_type:
                headers["Content-Type"] = request.body.media_type
        for name, secret in request.secrets.items():
            headers[name] = self._plain(secret)
        url = request.url
        for word, secret in request.hidden.items():
            url = url.replace(f"{{{word}}}", self._plain(secret))
        return client.build_request(
            request.method,
            url,
            params=request.params or None,
            headers=headers,
            content=content,
            extensions={"departure": departure},
        )

    def _plain(self, secret: Secret) -> str:
        """A secret as a header or an address takes it: the words of an encoding error would show it."""
        if not (secret.reveal().isascii() and secret.reveal().isprintable()):
            raise Blocked(f"{self._title}: the stored key has characters no key has: sign in again", cause=Cause.LOGIN)
        return secret.reveal()

    def _answer(self, request: Request, response: httpx.Response, body: bytes) -> Answer:
        return Answer(f"{self._title}: {request.doing}", response.status_code, response.headers, body)

    def _failure(self, request: Request, departure: Departure, error: Exception) -> Transient:
        why = str(error) or type(error).__name__
        return Transient(f"{self._title}: {request.doing}: {why}", reached=departure.left)

    def _note_time(self, response: httpx.Response) -> None:
        said = moment(response.headers.get("date", ""))
        if said is not None:
            self._clock = (said, since_boot())

    async def _take(
        self,
        response: httpx.Response,
        flow: Flow,
        write: Callable[[bytes], None],
        is_proven: bool,
        counted: Counted | None,
    ) -> bytes:
        """Write the file that came with status 200, and return no body; or return the body that came with another."""
        if response.status_code != 200:
            return await flow.read(response, TEXT)
        if "html" in response.headers.get("content-type", "").lower():
            raise Unreadable("the answer is a web page, not a file")
        length = response.headers.get("content-length")
        if length is None and not is_proven and "chunked" not in response.headers.get("transfer-encoding", ""):
            raise Unreadable("the answer does not say where it ends")
        received = 0
        async with aclosing(flow.incoming(response)) as blocks:
            async for block in blocks:
                await in_thread(write, block)
                received += len(block)
                if counted is not None:
                    counted(received)
        if not received:
            raise Unreadable("the file is empty")
        return b""


def _over(transport: Transport, connection: str, read: float) -> httpx.AsyncClient:
    headers = {"Accept-Encoding": "identity", "Connection": connection, "User-Agent": f"artui/{__version__}"}
    return httpx.AsyncClient(
        transport=transport,
        headers=headers,
        cookies=CookieJar(DefaultCookiePolicy(allowed_domains=[])),
        timeout=httpx.Timeout(read, connect=CONNECT),
        trust_env=False,
    )


def _elsewhere(request: Request, response: httpx.Response, hosts: frozenset[str]) -> Request:
    """The request for the address an answer points to; without secrets unless it is the same host."""
    here = httpx.URL(request.url)
    try:
        there = here.join(response.headers["location"])
    except (httpx.InvalidURL, ValueError):
        raise httpx.RemoteProtocolError("the service points to something that is no address") from None
    is_same = (here.scheme, here.host, here.port) == (there.scheme, there.host, there.port)
    if not is_same and (there.scheme != "https" or there.host not in hosts | {here.host}):
        raise httpx.RemoteProtocolError("the service points to a host that is not its own")
    return replace(request, url=str(there), params={}, secrets=request.secrets if is_same else {}, hidden={})
