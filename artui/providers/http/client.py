"""The three ways to ask a service: send, pay once, fetch a file; with time-outs and the speed rule on every byte.

Whether a request can have been carried out is not guessed from the kind of error: it is noted when its first byte
leaves.
"""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import AsyncGenerator, AsyncIterator, Awaitable, Callable, Sequence
from contextlib import aclosing
from dataclasses import replace
from functools import lru_cache, partial
from types import AsyncGeneratorType
from typing import Final, Protocol, cast

import httpx

from artui import __version__
from artui.config.system import boot_time
from artui.credentials import Secret
from artui.files.whole import sniff
from artui.providers.base import Blocked, Cause, Counted, Insecure, Puzzling, Transient, Unknown, hear
from artui.providers.http.addresses import is_this_machine
from artui.providers.http.flow import Crawling, Empty, Flow, MinSpeed, Undecodable, Unreadable, in_thread
from artui.providers.http.messages import NOT_NOW, OBJECT, TEXT, Answer, HttpRequest, moment, whole_of
from artui.providers.http.redirects import HOPS, Misdirected, Origin, follow, is_redirect, origin, stated
from artui.providers.http.throttle import Throttle
from artui.providers.http.transport import Leave, NotPublic, SendGuard, Transport, Unsafe, proxy_for, trust

CONNECT: Final = 10.0
"""Seconds for name, connection and TLS together."""
READ: Final = 60.0
"""Seconds a service may be silent once it was asked."""

for _name in ("httpx", "httpcore", "aiohttp"):  # below this they log addresses
    logging.getLogger(_name).setLevel(logging.WARNING)

_FAILURES = (httpx.HTTPError, httpx.InvalidURL)


Take = Callable[[Flow, httpx.Response], Awaitable[bytes]]
"""What takes an answer's body as it comes, and returns what of it is the answer."""


class DownloadTarget(Protocol):
    """Where a file goes, such as a :class:`artui.files.Part`.

    ``is_ended`` is made False where the answer did not say where it ends: only the content can then tell whether all
    of it came. ``host`` is set to the host that gives the file where that is not the service's own.
    """

    is_ended: bool
    host: str

    def keep(self, data: bytes) -> bool:
        """Take some bytes, at once; tell whether so many are there that they should be flushed."""

    def flush(self) -> None:
        """Write what is there; called in a thread."""


class _Outgoing(httpx.AsyncByteStream):
    """A body that is read while it is sent."""

    def __init__(self, blocks: AsyncGenerator[bytes, None]) -> None:
        self._blocks = blocks

    def __aiter__(self) -> AsyncIterator[bytes]:
        return self._blocks

    async def aclose(self) -> None:
        """Close a body that rests where it was cut off; one that is being read just now ends by the same cancel."""
        if not cast("AsyncGeneratorType[bytes, None]", self._blocks).ag_running:
            await self._blocks.aclose()


class Client:
    """One account's way to its service. ``title`` names it in every error, ``read`` and ``pace`` are limits;
    ``wait_headers``: those by which this service says, in epoch seconds, until when to wait; ``throttle``: what holds
    photos and results back, and nothing else that is asked."""

    def __init__(
        self,
        title: str,
        *,
        proxy: str | None = None,
        ca_file: str | None = None,
        read: float = READ,
        pace: MinSpeed | None = None,
        wait_headers: Sequence[str] = (),
        throttle: Throttle | None = None,
    ) -> None:
        self._throttle = throttle
        self._title = title
        self._wait_headers = wait_headers
        self._pace = pace or MinSpeed()
        self._proxy = proxy
        self._limits = httpx.Timeout(read, connect=CONNECT).as_dict()
        # Without httpx.AsyncClient, which would have its own word on cookies, redirects and what the environment says.
        self._ordinary = Transport(trust(ca_file), proxy)
        # A kept connection may have died unnoticed, and then nobody can tell whether a request that costs went out on
        # it.
        self._paid = Transport(trust(ca_file), proxy, once=True)
        self._abroad = Transport(trust(ca_file), abroad=True)
        self._clock: tuple[float, float] | None = None

    async def close(self) -> None:
        """Close every connection."""
        await self._ordinary.aclose()
        await self._paid.aclose()
        await self._abroad.aclose()

    @property
    def service_time(self) -> float | None:
        """The service's clock now, in epoch seconds, from the last ``Date`` it sent; None before its first answer."""
        if self._clock is None:
            return None
        said, then = self._clock
        return said + boot_time() - then

    @property
    def now(self) -> float:
        """The service's clock, ours before its first answer; epoch seconds."""
        return self.service_time or time.time()

    async def send(
        self, request: HttpRequest, *, most: int = OBJECT, counted: Counted | None = None, any_status: bool = False
    ) -> Answer:
        """One ordinary request; the answer has at most ``most`` bytes, and a status of 2xx or 4xx unless any will do.

        With ``counted`` it uploads a photo, and a refusal of that is one in whatever form it comes.

        Raises :class:`Transient` for every failure on the way and for an answer that is not final, and what the body
        raised where it broke.
        """
        departure = SendGuard()
        try:
            answer = await self._exchange(self._ordinary, request, departure, counted, partial(Flow.read, most=most))
        except _FAILURES as error:
            raise self._failure(request, departure, error) from None
        if not any_status:
            answer.raise_unless_final(is_upload=counted is not None)
        return answer

    async def pay(self, request: HttpRequest, may_send: Leave, *, counted: Counted | None = None) -> Answer:
        """One paid request, sent once over a connection of its own; every readable answer is returned.

        Awaits ``may_send`` just before the first byte and passes on what it raises. Raises :class:`Transient` with
        ``reached=False`` where no byte left, what the body raised where it broke, else :class:`Unknown`.
        """
        departure = SendGuard(may_send)
        try:
            return await self._exchange(self._paid, request, departure, counted, partial(Flow.read, most=TEXT))
        except _FAILURES as error:
            failure = self._failure(request, departure, error)
            is_answer = isinstance(error, Unreadable)
        raise Unknown(str(failure), answered=is_answer) if departure.left else failure

    async def fetch(
        self, request: HttpRequest, target: DownloadTarget, *, named_by: str = "", counted: Counted | None = None
    ) -> Answer:
        """Read one file into ``target``. A status of 4xx gives it nothing; the answer says why.

        Redirects are followed as ``redirects`` says. Where an answer of the service at ``named_by`` named the address,
        that is held to the same. Raises as :meth:`send`, and :class:`Puzzling` for what points nowhere of use.
        """
        departure, take = SendGuard(), partial(_file, target=target, counted=counted)
        try:
            home: Origin | None = origin(request.url)
            # Named by an answer: held to what a redirect may point to.
            if named_by and home != origin(named_by):
                request, home = stated(request, named_by), None
            for _ in range(HOPS + 1):
                way = self._ordinary if home else self._way_abroad(request)
                answer = await self._exchange(
                    way, request, departure, None, take, is_home=home is not None, is_file=True
                )
                if not is_redirect(answer.status, answer.headers):
                    break
                request = follow(request, answer.headers["location"])
                # Who has left the service is abroad for good, even where it points back.
                home = home if home == origin(request.url) else None
            else:
                raise Misdirected(f"the service points from address to address, more than {HOPS} times")
        except _FAILURES as error:
            raise self._failure(request, departure, error) from None
        target.host = "" if home else origin(request.url)[1]
        return self._fetched(answer, is_home=home is not None)

    def _way_abroad(self, request: HttpRequest) -> Transport:
        """How to reach an address that an answer named. A proxy looks names up itself, and says what may be reached."""
        url = httpx.URL(request.url)
        direct = not is_this_machine(url.raw_host.decode("ascii")) and proxy_for(url, self._proxy) is None
        return self._abroad if direct else self._ordinary

    def _fetched(self, answer: Answer, *, is_home: bool) -> Answer:
        """What the last answer to a fetch means. The word of another host counts for nothing but its file."""
        if not is_home and 400 <= answer.status < 500 and answer.status not in NOT_NOW:
            if answer.status not in (404, 410):  # a signed address may only have expired: that is not gone
                said = f"the address that the service points to refuses it (status {answer.status})"
                raise Puzzling(f"{answer.about}: {said}")
            # Without its body, which would be told as the service's words.
            answer = Answer(answer.about, answer.status, {})
        answer.raise_unless_final()
        if whole_of(answer.status, answer.headers):
            return replace(answer, status=200)
        if 200 < answer.status < 300:  # a part, or nothing: no whole file
            raise answer.unreadable()
        return answer

    # How it is done.

    async def _exchange(
        self, way: Transport, request: HttpRequest, departure: SendGuard, counted: Counted | None,
        take: Take, *, is_home: bool = True, is_file: bool = False,
    ) -> Answer:  # fmt: skip
        """Send a request and take what comes back, all of it held to the pace; ``is_home``: from the service itself;
        ``is_file``: a file comes, as one goes where it is ``counted``."""
        try:
            async with asyncio.timeout(None) as limit:
                throttle = self._throttle if is_file or counted is not None else None
                flow = Flow(limit, self._pace, counted, throttle)
                return await self._answered(way, request, departure, flow, take, is_home=is_home)
        except TimeoutError:
            if not limit.expired():  # it is another time-out, of httpx or of who calls
                raise
            rule = f"fewer than {self._pace.amount:,} bytes moved within {self._pace.seconds:g} s"
            raise Crawling(f"the connection is too slow: {rule}") from None

    async def _answered(
        self, way: Transport, request: HttpRequest, departure: SendGuard, flow: Flow, take: Take, *,
        is_home: bool,
    ) -> Answer:  # fmt: skip
        asked = self._built(way, request, departure, flow)
        try:
            response = await way.handle_async_request(asked)
            try:
                if is_home:  # another host's clock says nothing of the service's
                    self._note_time(response)
                taken = await take(flow, response)
            finally:
                await response.aclose()
        except httpx.HTTPError:
            # What broke the body is the cause: the connection was cut for it.
            if flow.broken is not None:
                raise flow.broken from None
            raise
        finally:
            flow.end()
            if isinstance(asked.stream, _Outgoing):
                await asked.stream.aclose()
        hear(f"{request.doing} (status {response.status_code})", taken)
        about = f"{self._title}: {request.doing}"
        return Answer(about, response.status_code, response.headers, taken, self._wait_headers)

    def _built(self, way: Transport, request: HttpRequest, departure: SendGuard, flow: Flow) -> httpx.Request:
        # Said as well as done: a service must not keep a connection open that is used once.
        headers = {**_HEADERS, "Connection": "close" if way is self._paid else "keep-alive", **request.headers}
        # Nowhere before: whatever is logged or raised tells a request as it was asked for.
        headers |= {name: self._plain(secret) for name, secret in request.secrets.items()}
        stream: httpx.ByteStream | _Outgoing = _NOTHING
        if (body := request.body) is not None:
            headers["Content-Length"] = str(body.length)
            if body.media_type:
                headers["Content-Type"] = body.media_type
            if isinstance(body.content, bytes):
                stream = httpx.ByteStream(body.content)
            else:
                stream = _Outgoing(flow.outgoing(body.length, body.content()))
        url = request.url
        for word, secret in request.hidden.items():
            url = url.replace(f"{{{word}}}", self._plain(secret))
        parse = _parsed.__wrapped__ if request.hidden else _parsed  # what has a secret in it is not kept
        address = parse(url, tuple(request.params.items()))
        extensions = {"departure": departure, "timeout": self._limits}
        return httpx.Request(request.method, address, headers=headers, stream=stream, extensions=extensions)

    def _plain(self, secret: Secret) -> str:
        """A secret as a header or an address takes it: the words of an encoding error would show it."""
        if not (secret.reveal().isascii() and secret.reveal().isprintable()):
            raise Blocked(f"{self._title}: the stored key has characters no key has: sign in again", cause=Cause.LOGIN)
        return secret.reveal()

    def _failure(self, request: HttpRequest, departure: SendGuard, error: Exception) -> Transient:
        why = f"{self._title}: {request.doing}: {str(error) or type(error).__name__}"
        if isinstance(error, Unsafe) and not departure.left:
            return Insecure(why)
        is_puzzling = isinstance(error, (Misdirected, NotPublic, Undecodable, Empty))
        return (Puzzling if is_puzzling else Transient)(why, reached=departure.left)

    def _note_time(self, response: httpx.Response) -> None:
        said = moment(response.headers.get("date", ""))
        # Nor a page of something on the way, which is no answer of the service.
        if said is None and self._clock is None and "html" not in response.headers.get("content-type", "").lower():
            said = time.time()  # a service without a clock has answered all the same
        if said is not None:
            self._clock = (said, boot_time())


async def _file(flow: Flow, response: httpx.Response, target: DownloadTarget, counted: Counted | None) -> bytes:
    """Take the file that came whole, and return no body; or return the body that came with another status."""
    status, headers = response.status_code, response.headers
    whole = whole_of(status, headers)
    if is_redirect(status, headers) or (200 < status < 300 and not whole):
        return b""
    if status != 200 and not whole:
        return await flow.read(response, TEXT)
    is_page = "html" in headers.get("content-type", "").lower()
    is_told = "content-length" in headers or "chunked" in headers.get("transfer-encoding", "").lower()
    target.is_ended = is_told or whole > 0
    received = 0
    async with aclosing(flow.incoming(response)) as blocks:
        async for block in blocks:
            # A page of who stands before the service, with 200, is no result; a picture that is called one is.
            if is_page and not received and sniff(block) in (None, "application/json"):
                raise Unreadable("the answer is a web page, not a file")
            if target.keep(block):
                await in_thread(target.flush)
            received += len(block)
            if counted is not None:
                counted(received)
    if not received:
        raise Empty("the file is empty")
    if whole and whole != received and not headers.get("content-encoding"):  # the range counts bytes as they travel
        raise Unreadable(f"the file has {received:,} bytes where {whole:,} were announced")
    return b""


_NOTHING: Final = httpx.ByteStream(b"")
_HEADERS: Final = {"Accept": "*/*", "Accept-Encoding": "identity", "User-Agent": f"artui/{__version__}"}


@lru_cache(maxsize=64)
def _parsed(url: str, params: tuple[tuple[str, str], ...]) -> httpx.URL:
    """An address taken apart; most requests go to a few of them, and this is the dearest part of a request of httpx."""
    return httpx.URL(url, params=dict(params)) if params else httpx.URL(url)
