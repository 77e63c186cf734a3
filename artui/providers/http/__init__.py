"""HTTP for every provider: the only place that knows httpx and aiohttp.

``transport`` is how a request leaves this machine, ``messages`` what is asked and answered, ``client`` the three ways to
ask: send, pay, fetch. ``device`` signs people in. Every failure comes out as one of the classes of ``providers.base``.
"""

from artui.providers.http.client import Client, Pace
from artui.providers.http.messages import (
    OBJECT,
    PAGE,
    TEXT,
    Answer,
    Body,
    FilePart,
    Request,
    ServiceUrl,
    form_body,
    json_body,
    multipart_body,
)

__all__ = [
    "OBJECT",
    "PAGE",
    "TEXT",
    "Answer",
    "Body",
    "Client",
    "FilePart",
    "Pace",
    "Request",
    "ServiceUrl",
    "form_body",
    "json_body",
    "multipart_body",
]
