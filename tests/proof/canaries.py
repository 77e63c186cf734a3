"""Canaries: every secret a run has used, as the services heard it, and whether one sits where it does not belong."""

from __future__ import annotations

import base64
import re
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import parse_qsl, quote

import apsw
from starlette.types import ASGIApp, Receive, Scope, Send

_SIGNED = re.compile(r"security=policy:([^,/]+),signature:([^,/]+)")
_HEADERS = (b"authorization", b"x-retouch-token")
_FIELDS = ("policy", "signature", "token")
_SHORT = 12
"""Letters below which a value is too common a word to be looked for."""


@dataclass
class Canaries:
    """An ASGI application in front of another: it notes the secrets of every request. ``known`` are told beforehand."""

    app: ASGIApp
    known: set[str] = field(default_factory=set)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "http":
            self._note(scope)
        await self.app(scope, receive, send)

    def _note(self, scope: Scope) -> None:
        heard = [value.decode("latin-1").rpartition(" ")[2] for name, value in scope["headers"] if name in _HEADERS]
        for found in _SIGNED.finditer(scope["path"]):
            heard += found.groups()
        heard += [value for name, value in parse_qsl(scope["query_string"].decode("latin-1")) if name in _FIELDS]
        self.known |= {value for value in heard if len(value) >= _SHORT}

    def found_in(self, content: bytes) -> list[str]:
        """The secrets that some bytes hold, plain or as they are written in an address or a header."""
        return sorted(one for one in self.known if any(form in content for form in _forms(one)))


def _forms(secret: str) -> set[bytes]:
    return {secret.encode(), quote(secret, safe="").encode(), base64.b64encode(secret.encode())}


def said_by(journal: Path) -> bytes:
    """Every value of every row of a journal, one to a line: a page boundary hides nothing here."""
    db = apsw.Connection(str(journal), flags=apsw.SQLITE_OPEN_READONLY)
    try:
        tables = [name for (name,) in db.execute("SELECT name FROM sqlite_schema WHERE type = 'table'")]
        values = (value for table in tables for row in db.execute(f'SELECT * FROM "{table}"') for value in row)
        return b"\n".join(value if isinstance(value, bytes) else str(value).encode() for value in values)
    finally:
        db.close()


def files_below(folder: Path) -> dict[Path, bytes]:
    """Every regular file below a folder, with its bytes."""
    return {path: path.read_bytes() for path in folder.rglob("*") if path.is_file() and not path.is_symlink()}
