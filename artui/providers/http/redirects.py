"""Where a service sends whoever fetches a result: anywhere on the public internet, over https and without our secrets.

Whose the bytes are, their digest and their wholeness tell, not the host they come from.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Final

import httpx

from artui.providers.http.addresses import is_this_machine, may_be_public
from artui.providers.http.messages import HttpRequest, one_line

HOPS: Final = 5
"""Redirects that are followed, one after the other."""


class Misdirected(httpx.RemoteProtocolError):
    """The service points to where nothing of ours is sent."""


def is_redirect(status: int, headers: Mapping[str, str]) -> bool:
    """Whether an answer points to another address."""
    return status in {301, 302, 303, 307, 308} and "location" in headers


Origin = tuple[str, str, int | None]
"""What tells one server from another: scheme, host, port."""


def origin(address: str) -> Origin:
    """Whose address it is. Raises :class:`Misdirected` for none."""
    url = _url(address)
    return url.scheme, _host(url), url.port


def follow(request: HttpRequest, location: str) -> HttpRequest:
    """The request for the address that the answer to this one points to: with its secrets at the same host alone, else
    with nothing but the address. Raises as :func:`stated`."""
    there = str(_url(location, request.url))
    if origin(there) != origin(request.url):
        return stated(HttpRequest("GET", there, request.doing), request.url)
    _refuse_login(there)  # at home, too: httpx would make a header of it
    # The new address says all itself: our query may not fit it.
    return replace(request, url=there, params={}, hidden={})


def stated(request: HttpRequest, named_by: str) -> HttpRequest:
    """A request for an address that the server at another one has named.

    Raises :class:`Misdirected` for what is neither public and https nor goes from this machine to itself.
    """
    here, there = _url(named_by), _url(request.url)
    _refuse_login(request.url)
    host = _host(there)
    is_within = is_this_machine(_host(here)) and is_this_machine(host) and there.scheme in ("http", "https")
    if not is_within and (there.scheme != "https" or not may_be_public(host)):
        where = one_line(f"{there.scheme}://{host}")[:100]
        raise Misdirected(f"the service points to {where}, which is no public address over https")
    return request


def _url(address: str, base: str = "") -> httpx.URL:
    try:
        return httpx.URL(base).join(address.strip()) if base else httpx.URL(address)
    except (httpx.InvalidURL, ValueError):
        raise Misdirected("the service points to something that is no address") from None


def _refuse_login(address: str) -> None:
    if _url(address).userinfo:
        raise Misdirected("the service points to an address with a name and password in it")


def _host(url: httpx.URL) -> str:
    return url.raw_host.decode("ascii").lower()
