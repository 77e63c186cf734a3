"""What an AutoRetouch execution shows beside its state, for a person: a first result while it is checked, fast lane.

None of these fields is described. Each is told only where it looks like what its name says; nothing follows from it.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Final

from artui.providers.base.wire import number
from artui.sanitize import sanitize

_PLACE: Final = re.compile(r"\s*((https://[^/?#@\s]+)?/?(v1/)?image/[^?#\s][^?#]*)", re.IGNORECASE)
_DIGEST: Final = re.compile(r"[0-9a-fA-F]{64}")
_LONGEST: Final = 300
_NO: Final = {"", "false", "no", "none", "null", "n", "off"}


def place_of(said: object) -> str:
    """Where a picture lies, by a path or address, an object that has one or a hash and a name, or a list of these;
    without the query, which may be signed. Empty where it looks like none of them."""
    for one in said[:10] if isinstance(said, list) else [said]:
        for text in _texts(one):
            found = _PLACE.match(text) if len(text) <= _LONGEST else None
            if found:
                return sanitize(found[1].strip())
    return ""


def _texts(said: object) -> Iterator[str]:
    if isinstance(said, str):
        yield said
    if isinstance(said, Mapping):
        yield from (said[name] for name in ("resultPath", "path", "url") if isinstance(said.get(name), str))
        for digest, name in (("resultContentHash", "resultFileName"), ("contentHash", "fileName"), ("hash", "name")):
            yield image(said.get(digest), said.get(name))


def image(digest: object, name: object) -> str:
    """The path of an image by its hash and name; empty where either is none."""
    is_one = isinstance(digest, str) and isinstance(name, str) and _DIGEST.fullmatch(digest) and name.strip()
    return f"/image/{digest}/{name}" if is_one else ""


def fast_lane(said: object) -> str:
    """Whether an execution is in the fast lane, in words; empty where it is not, or where nobody can tell."""
    if said is True:
        return "in the fast lane"
    told = " ".join(said.split()) if isinstance(said, str) else ""
    if told.casefold() in _NO or number(told) == 0:
        told = f"{said}" if number(said) and not isinstance(said, str) else ""
    return f"in the fast lane: {sanitize(told, 40)}" if told else ""
