"""What fills ``{exif:…}``, ``{iptc:…}`` and ``{xmp:…}`` in the templates of names and labels."""

from __future__ import annotations

import io
from collections.abc import Callable
from contextlib import suppress
from functools import cache
from pathlib import Path

from artui.files import header, whole
from artui.files.metadata import PhotoMetadata
from artui.files.regular import open_regular

KINDS = ("exif", "iptc", "xmp")

Value = Callable[[str, str], str]
"""Takes a kind and a name; returns the value, empty where the photo has none. Raises ValueError for a name that means
nothing."""

NOTHING: Value = PhotoMetadata().value
"""The values of a photo that says nothing."""


def of(photo: Path) -> Value:
    """The values of one photo, read when they are asked for; a file that cannot be read says nothing."""

    @cache
    def value(kind: str, name: str) -> str:
        found = NOTHING(kind, name)  # first: a name that means nothing is refused, whatever the file says
        with suppress(OSError), open_regular(photo) as raw, io.BufferedReader(raw) as file:
            media_type = whole.sniff(file.read(whole.HEAD)) or ""
            found = header.read(file, file.seek(0, io.SEEK_END), media_type).metadata.value(kind, name)
        return found

    return value


class Filling:
    """All of one kind, for ``str.format``: ``{exif:date}`` asks it for the date."""

    def __init__(self, kind: str, value: Value) -> None:
        self._kind = kind
        self._value = value

    def __format__(self, name: str) -> str:
        return self._value(self._kind, name)
