"""How requests leave this machine: httpx over aiohttp, errors by their cause, and a truthful word on what left.

httpx's own pool breaks when many requests are cancelled and is slow with many small ones; over aiohttp it is neither.
No other file knows aiohttp.
"""

from __future__ import annotations

import base64
import os
import socket
import ssl
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from functools import lru_cache
from typing import TYPE_CHECKING, Final, cast
from urllib.parse import unquote
from urllib.request import proxy_bypass

import aiohttp
import httpx
from yarl import URL

from artui.providers.base import Rejected
from artui.providers.http.addresses import is_public, is_this_machine

if TYPE_CHECKING:
    from aiohttp.abc import ResolveResult
    from aiohttp.connector import Connection

BLOCK: Final = 256 * 1024
"""Bytes an answer may run ahead of its reader; measured, smaller is slower."""


BACKLOG: Final = 64 * 1024
"""Bytes the system may hold back unsent; without a bound they are megabytes, and no rule could see them stand still."""


class UnknownHost(httpx.ConnectError):
    """The name of the service leads nowhere."""


class NotPublic(httpx.ConnectError):
    """A name, or an address, that is not of the public internet, where nothing else may be asked."""


class Unsafe(httpx.ConnectError):
    """No TLS connection, or none with a certificate that is valid here."""


Leave = Callable[[], Awaitable[None]]
"""Awaited just before the first byte of a paid request; raises what stops it."""


class SendGuard:
    """Asks the permit just before a request's first byte leaves, and notes that it left."""

    __slots__ = ("_may_send", "left")

    def __init__(self, may_send: Leave | None = None) -> None:
        self._may_send = may_send
        self.left = False

    async def leave(self) -> None:
        """Let one sending of the request go. A paid one goes once: aiohttp would send a GET again after a hang-up."""
        if self._may_send is not None:
            if self.left:  # aiohttp makes a second request of a GET whose kept connection drops
                raise httpx.RemoteProtocolError("the service hung up; a paid request is not sent a second time")
            await self._may_send()
        self.left = True


class Transport(httpx.AsyncBaseTransport):
    """One aiohttp session that speaks httpx's requests and answers: exact addresses, no redirects,
    errors by their cause.

    Each request names its :class:`SendGuard` as an extension. ``once`` opens a connection for each request and closes
    it after: for what must not meet a kept one that has died. ``abroad``: connects to the public internet alone, by the
    very addresses that a name was found to have (:class:`NotPublic`), and knows no proxy.
    """

    def __init__(
        self, context: ssl.SSLContext, proxy: str | None = None, *, once: bool = False, abroad: bool = False
    ) -> None:
        self._context = context
        self._setting = proxy
        self._once = once
        self._abroad = abroad
        self._session: aiohttp.ClientSession | None = None

    def _opened(self) -> aiohttp.ClientSession:
        connector = aiohttp.TCPConnector(
            ssl=self._context,
            limit=0,  # how many at once is the account's pace to say
            force_close=self._once,
            resolver=_PublicNames() if self._abroad else None,
            socket_factory=_public_socket if self._abroad else _socket,
        )
        return aiohttp.ClientSession(
            connector=connector,
            cookie_jar=aiohttp.DummyCookieJar(),  # what a request says is decided here, not by earlier answers
            read_bufsize=BLOCK,
            request_class=_Departing,
        )

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        """Send one request. Every failure on the way is an :class:`httpx.TransportError` without secrets in it."""
        if self._session is None:
            self._session = self._opened()  # here, because it belongs to the loop it is made on
        proxy, proxy_headers = _split(proxy_for(request.url, self._setting))
        limits, content = request.extensions["timeout"], request.stream
        try:
            response = await self._session.request(
                request.method,
                URL(str(request.url), encoded=True),  # else yarl decodes what must stay encoded (%3A, %2C)
                headers=request.headers,
                data=(b"".join(content) or None) if isinstance(content, httpx.ByteStream) else content,
                # A signed address of a storage takes no header that was not signed.
                skip_auto_headers=None if "content-type" in request.headers else ["Content-Type"],
                allow_redirects=False,
                auto_decompress=False,  # `codings` does it piece by piece: a small answer may swell to gigabytes
                timeout=aiohttp.ClientTimeout(connect=limits["connect"], sock_read=limits["read"]),
                proxy=proxy,
                proxy_headers=proxy_headers,
                middlewares=[_with(request.extensions["departure"])],
            )
        except (aiohttp.ClientError, OSError, ValueError) as error:
            if proxy is not None and isinstance(error, aiohttp.ClientConnectorDNSError):  # no other name is looked up
                raise httpx.ProxyError("the name of the proxy cannot be found") from None
            raise _named(error) from None
        return httpx.Response(response.status, headers=response.raw_headers, stream=_Stream(response))

    async def aclose(self) -> None:
        """Close every connection."""
        if self._session is not None:
            await self._session.close()


class _Departing(aiohttp.ClientRequest):
    """A request that asks its departure whenever it is sent: on an open connection, before the first byte."""

    departure: SendGuard

    async def send(self, conn: Connection) -> aiohttp.ClientResponse:
        await self.departure.leave()
        return await super().send(conn)


def _with(departure: SendGuard) -> aiohttp.ClientMiddlewareType:
    """What tells each sending of a request its departure, for aiohttp makes a request anew to send it again."""

    async def send(request: aiohttp.ClientRequest, handler: aiohttp.ClientHandlerType) -> aiohttp.ClientResponse:
        cast("_Departing", request).departure = departure
        return await handler(request)

    return send


def _socket(address: aiohttp.AddrInfoType) -> socket.socket:
    """A socket that takes little more than what is on its way, so that bytes counted as sent nearly are."""
    family, kind, protocol, *_ = address
    made = socket.socket(family, kind, protocol)
    if hasattr(socket, "TCP_NOTSENT_LOWAT"):
        made.setsockopt(socket.IPPROTO_TCP, socket.TCP_NOTSENT_LOWAT, BACKLOG)
    return made


class _PublicNames(aiohttp.ThreadedResolver):
    """Looks names up, and refuses one with any address that is not public: which of them is connected to is chance."""

    async def resolve(
        self, host: str, port: int = 0, family: socket.AddressFamily = socket.AF_INET
    ) -> list[ResolveResult]:
        found = await super().resolve(host, port, family)
        if not (found and all(is_public(one["host"]) for one in found)):
            raise NotPublic("it leads to an address that is not public")
        return found


def _public_socket(address: aiohttp.AddrInfoType) -> socket.socket:
    """A socket for what was not looked up, too."""
    if not is_public(str(address[4][0])):
        raise NotPublic("it leads to an address that is not public")
    return _socket(address)


class _Stream(httpx.AsyncByteStream):
    """An answer's body in blocks as large as they arrive."""

    def __init__(self, response: aiohttp.ClientResponse) -> None:
        self._response = response

    async def __aiter__(self) -> AsyncIterator[bytes]:
        try:
            while block := await self._response.content.readany():
                yield block
        except (aiohttp.ClientError, OSError) as error:
            raise _named(error) from None

    async def aclose(self) -> None:
        """Let the connection go; one on which something is unfinished is cut, for its peer may never read the rest."""
        connection = self._response.connection
        if connection is not None and connection.transport is not None:
            connection.transport.abort()  # not close(), which would first send what waits
        self._response.release()
        await self._response.wait_for_close()


# The narrow before the wide: the first that fits names it.
_NAMES: Final[tuple[tuple[type[Exception], type[httpx.TransportError], str], ...]] = (
    (aiohttp.ClientConnectorDNSError, UnknownHost, "the name of the service cannot be found: is this machine online?"),
    (aiohttp.ClientProxyConnectionError, httpx.ProxyError, "the proxy cannot be reached"),
    (aiohttp.ClientHttpProxyError, httpx.ProxyError, "the proxy refuses the connection"),
    (aiohttp.ConnectionTimeoutError, httpx.ConnectTimeout, "no connection in time"),
    (aiohttp.ClientConnectorError, httpx.ConnectError, "no connection: the service refuses it or cannot be reached"),
    (TimeoutError, httpx.ReadTimeout, "no answer in time"),
    (aiohttp.ServerDisconnectedError, httpx.RemoteProtocolError, "the service hung up without an answer"),
    (aiohttp.ClientPayloadError, httpx.ReadError, "the answer broke off"),
    (aiohttp.ClientResponseError, httpx.RemoteProtocolError, "the answer is not HTTP"),
    (ValueError, httpx.LocalProtocolError, "the address or a header cannot be sent"),
)


def _named(error: Exception) -> httpx.TransportError:
    """What an error of aiohttp is, as httpx would say it, in words without addresses or headers."""
    if isinstance(error, aiohttp.ClientConnectorCertificateError):  # before ClientSSLError, which it is, too
        certificate = error.certificate_error
        fault = str(getattr(certificate, "verify_message", None) or "it cannot be verified")
        unknown = "where the service or a proxy has an authority of its own, set ca_file to its certificates (PEM)"
        way = _WAYS.get(getattr(certificate, "verify_code", 0), unknown)
        return Unsafe(f"the certificate of the service is not trusted here ({fault}): {way}")
    if isinstance(error, aiohttp.ClientSSLError):
        reason = str(getattr(error.os_error, "reason", None) or "no handshake").replace("_", " ").lower()
        return Unsafe(f"what answers there speaks no TLS that is known here ({reason}): check the address and its port")
    for kind, name, words in _NAMES:
        if isinstance(error, kind):
            return name(words)
    return httpx.NetworkError("the connection broke")


_WAYS: Final[Mapping[int, str]] = {
    9: "is the clock of this machine right?",
    10: "is the clock of this machine right? If it is, only the service can renew it, and no ca_file helps",
    62: "check the address; no ca_file helps where it is right",
    64: "check the address; no ca_file helps where it is right",
}
"""What to do about a certificate, by OpenSSL's code of its fault (``X509_V_ERR_…``): not valid yet, over, of another
host name or address. Every other one has an authority that is not known here."""


def trust(ca_file: str | None) -> ssl.SSLContext:
    """Whom to trust: the usual authorities, or those that ``SSL_CERT_FILE`` or ``SSL_CERT_DIR`` name instead, and those
    in ``ca_file``.

    Raises :class:`Rejected` where one of them cannot be used.
    """
    return _trust(ca_file, os.environ.get("SSL_CERT_FILE", ""), os.environ.get("SSL_CERT_DIR", ""))


@lru_cache(maxsize=4)
def _trust(ca_file: str | None, usual_file: str, usual_folder: str) -> ssl.SSLContext:
    """As :func:`trust`; made once, for it takes long."""
    where, name = (usual_file, "SSL_CERT_FILE") if usual_file else (usual_folder, "SSL_CERT_DIR")
    if where and not os.path.exists(where):  # noqa: PTH110 — a folder that is not there would count as an empty one
        raise Rejected(f"{name} names {where}, which is not there: set it right, or take it away", reason="ca file")
    try:
        context = httpx.create_ssl_context()
        where, name = ca_file or "", "ca_file"
        if ca_file is not None:
            context.load_verify_locations(ca_file)
    except OSError as error:
        why = error.strerror or type(error).__name__
        raise Rejected(f"the certificates in {where} cannot be used ({why}): check {name}", reason="ca file") from None
    return context


def proxy_for(url: httpx.URL, proxy: str | None) -> str | None:
    """The proxy to reach ``url`` by: the one that is set, but none to this machine or to what ``no_proxy`` names."""
    if not proxy or is_this_machine(url.raw_host.decode("ascii")):
        return None
    # The system's word: no_proxy, or what macOS has set.
    return None if proxy_bypass(url.netloc.decode("ascii")) else proxy


def _split(proxy: str | None) -> tuple[str | None, dict[str, str] | None]:
    """A proxy's address, and its name and password as a header, where errors do not show them."""
    if proxy is None:
        return None, None
    address = httpx.URL(proxy if "://" in proxy else f"http://{proxy}")
    if address.scheme not in {"http", "https"}:
        raise Rejected(f"a proxy of type {address.scheme} cannot be used: name an HTTP proxy", reason="proxy")
    if not address.userinfo:
        return str(address), None
    login = base64.b64encode(unquote(address.userinfo.decode("ascii")).encode()).decode("ascii")
    return str(address.copy_with(username=None, password=None)), {"Proxy-Authorization": f"Basic {login}"}
