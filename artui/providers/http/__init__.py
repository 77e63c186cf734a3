"""HTTP for every provider: the only place that knows httpx and aiohttp.

httpx is how it is said: its requests, answers, time-outs and errors, over a transport of our own. aiohttp carries them,
for httpx's own pool does not survive bursts of cancelled requests.

``addresses`` is where requests may go, ``transport`` how they leave this machine, ``messages`` what is asked and
answered, ``flow`` the bytes as they move, with the speed rule, ``client`` the three ways to ask: send, pay, fetch,
``provider`` what every account over HTTP has. ``device`` signs people in, ``signed_in`` asks in their name, ``looks``
makes a round of looks. Every failure comes out as a class of ``providers.base``.
"""

import sys

# httpx brings a command along, which it loads at once where it can, with three libraries: 50 ms and 6 MB of an engine.
sys.modules.setdefault("httpx._main", None)  # type: ignore[arg-type]  # None: it cannot be imported

from artui.providers.http.addresses import ServiceUrl, canonical_address
from artui.providers.http.client import Client
from artui.providers.http.flow import MinSpeed
from artui.providers.http.messages import (
    OBJECT,
    PAGE,
    TEXT,
    Answer,
    Body,
    FilePart,
    HttpRequest,
    file_body,
    form_body,
    json_body,
    multipart_body,
    segment,
)
from artui.providers.http.provider import HttpProvider

__all__ = [
    "OBJECT",
    "PAGE",
    "TEXT",
    "Answer",
    "Body",
    "Client",
    "FilePart",
    "HttpProvider",
    "HttpRequest",
    "MinSpeed",
    "ServiceUrl",
    "canonical_address",
    "file_body",
    "form_body",
    "json_body",
    "multipart_body",
    "segment",
]
