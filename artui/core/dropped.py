"""The files a person means by a text that was pasted, as terminals make it of what is dropped on them."""

from __future__ import annotations

import os
import shlex
from contextlib import suppress
from pathlib import Path
from urllib.parse import unquote_to_bytes, urlsplit

MOST = 1 << 20
"""Letters of a text that is looked at; a longer one was not dropped."""


def dropped(text: str) -> list[Path] | None:
    """The paths a pasted text consists of, each once: whole lines, or words quoted or escaped as a shell has them, or
    ``file://`` addresses. None where it is anything else, or one of them is not there. Blocks."""
    if not text.strip() or len(text) > MOST or "\0" in text:
        return None
    lines = [line.strip() for line in text.splitlines() if line.strip()]
    for pieces in (lines, _words(lines), _words([text])):
        found = [_path(piece) for piece in pieces]
        if found and all(path is not None and os.path.lexists(path) for path in found):
            return list(dict.fromkeys(path for path in found if path is not None))
    return None


def _words(lines: list[str]) -> list[str]:
    """The words of each line as a shell reads them; those of one that it could not read, as they stand."""
    words: list[str] = []
    for line in lines:
        with suppress(ValueError):
            words += shlex.split(line)
            continue
        return []
    return words


def _path(piece: str) -> Path | None:
    """The path that is meant; None where it is not one from the root or from somebody's home."""
    with suppress(ValueError, RuntimeError):
        if piece.startswith("file://"):
            address = urlsplit(piece)
            return Path(os.fsdecode(unquote_to_bytes(address.path))) if address.netloc in ("", "localhost") else None
        if piece.startswith(("/", "~")):
            return Path(os.path.abspath(os.path.expanduser(piece)))  # noqa: PTH100, PTH111 — a link stays one
    return None
