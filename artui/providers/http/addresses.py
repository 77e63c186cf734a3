"""Addresses of services: which may be asked in clear text, and how one is spelled wherever payers are compared."""

from __future__ import annotations

import ipaddress
import re
from functools import lru_cache
from typing import Annotated, Final
from urllib.parse import quote

import httpx
from pydantic import AfterValidator

LOOPBACK: Final = "localhost"
"""How this machine is spelled where addresses are compared, whatever name it was given."""

_PORTS: Final = {"http": 80, "https": 443}
_IN_PATHS: Final = "/:@!$&'()*+,;=~"
_NAME: Final = re.compile(r"[a-z0-9_-]+(\.[a-z0-9_-]+)*")
_NUMBER: Final = re.compile(r"[0-9]+|0x[0-9a-f]*")
_NEAR: Final = frozenset(
    {"localhost", "localdomain", "local", "internal", "intranet", "private", "corp", "home", "lan", "arpa"}
)
"""Ends of names that are looked up nearby, or at this machine."""

_UNICAST: Final = ipaddress.IPv6Network("2000::/3")
_TRANSLATED: Final = ipaddress.IPv6Network("64:ff9b::/96")


def is_this_machine(host: str) -> bool:
    """Whether ``host`` is this machine itself, which no proxy and no eavesdropper stands before.

    Only the name ``localhost`` and what is an address of the loopback network as a whole: a name may begin like one.
    """
    host = host.lower().removesuffix(".")
    address = _ip(host)
    return host == LOOPBACK or (address is not None and address.is_loopback)


def _ip(host: str) -> ipaddress.IPv4Address | ipaddress.IPv6Address | None:
    """The IP address that a host is; None for a name, and for what only some programs take for an address."""
    try:
        address = ipaddress.ip_address(host)
    except ValueError:
        return None
    if isinstance(address, ipaddress.IPv6Address):
        # With a scope it means another interface on each machine.
        return None if address.scope_id else address.ipv4_mapped or address
    return address


def is_public(address: str) -> bool:
    """Whether an IP address is one of the public internet, and so is the IPv4 address that it may stand for."""
    try:
        ip = ipaddress.ip_address(address)
    except ValueError:
        return False
    if isinstance(ip, ipaddress.IPv4Address):
        return ip.is_global and not ip.is_multicast
    if ip.scope_id:
        return False
    # Each may carry a private IPv4 address past a check of the IPv6 one.
    inner = ip.ipv4_mapped or ip.sixtofour or (ip.teredo[1] if ip.teredo else None)
    if ip in _TRANSLATED:
        inner = ipaddress.IPv4Address(int(ip) & 0xFFFFFFFF)
    return is_public(str(inner)) if inner else ip in _UNICAST and ip.is_global


def may_be_public(host: str) -> bool:
    """Whether a host may be one of the public internet by how it is written: a public address in its usual form, or a
    name that is looked up there. Where the name leads, only looking it up tells."""
    host = host.lower().removesuffix(".")
    _, dot, last = host.rpartition(".")
    if ":" in host or _NUMBER.fullmatch(last):  # resolvers take 0x7f.1 and 2130706433 for addresses
        return is_public(host)
    return bool(dot and last) and last not in _NEAR


def is_private_way(address: str) -> bool:
    """Whether nobody on the way can read what is sent to an address: it is https, or at this machine."""
    try:
        url = httpx.URL(address)
    except (httpx.InvalidURL, ValueError):
        return False
    return url.scheme == "https" or (url.scheme == "http" and is_this_machine(url.raw_host.decode("ascii")))


@lru_cache(maxsize=64)
def canonical_address(address: str) -> str:
    """One spelling for all that lead to the same service: host in lower case and as it is looked up, no port that goes
    without saying, no slash at the end, and one name for this machine. For comparing, not for asking."""
    url = httpx.URL(address)
    host = _host(url)
    if is_this_machine(host):
        host = LOOPBACK
    return f"{_origin(url, host)}{quote(url.path.rstrip('/'), safe=_IN_PATHS)}"


def _service_url(text: str) -> str:
    try:
        url = httpx.URL(text.strip())
        host = _host(url)
    except (httpx.InvalidURL, ValueError, TypeError):
        raise ValueError("must be an address like https://api.example.com") from None
    if not host or not text.isprintable():
        raise ValueError("must be an address like https://api.example.com")
    # In the text as well: an empty query or fragment is none to httpx.
    if url.query or url.fragment or "@" in text or "\\" in text or "?" in text or "#" in text:
        raise ValueError("must be an address like https://api.example.com, without more")
    if not is_private_way(f"{_origin(url, host)}/"):
        raise ValueError("must start with https://")
    return f"{_origin(url, host)}{url.raw_path.decode('ascii').rstrip('/')}"


ServiceUrl = Annotated[str, AfterValidator(_service_url)]
"""The address of a service, always spelled the same: https unless it is this machine, no slash at the end."""


def _host(url: httpx.URL) -> str:
    """The host as it is looked up, empty where it can be none."""
    host = url.raw_host.decode("ascii").lower().removesuffix(".")
    if address := _ip(host):
        return str(address)
    return host if _NAME.fullmatch(host) else ""


def _origin(url: httpx.URL, host: str) -> str:
    port = "" if url.port in (None, _PORTS.get(url.scheme)) else f":{url.port}"
    return f"{url.scheme}://{f'[{host}]' if ':' in host else host}{port}"
