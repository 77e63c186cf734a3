"""ZIP archives: their table of contents, and the bytes of each entry with length and check sum compared.

An archive is what a stranger made. Nothing is written under a name from it, and every step is bounded, whatever it
claims.
"""

from __future__ import annotations

import struct
import zlib
from collections.abc import Iterator
from dataclasses import dataclass
from typing import BinaryIO, Final

from artui.files.walks import BLOCK, MOST_PARTS, Broken, at

MEDIA_TYPE: Final = "application/zip"

MOST_UNPACKED: Final = 16 * 1024**3
"""Bytes that all entries of an archive together may hold."""

MOST_ENTRIES: Final = 500
"""Pictures in one archive, far above what a service packs together."""

MOST_DIRECTORY: Final = 1024 * 1024
"""Bytes of its table of contents."""

RATIO: Final = 20
FLOOR: Final = 64 * 1024**2
"""Bytes of pictures may be unpacked: ``RATIO`` times the archive, but ``FLOOR`` at least (an empty layer packs well).
They are compressed already."""

_STORED, _DEFLATED = 0, 8
_ENCRYPTED, _UTF8 = 0x1, 0x800
_LARGE: Final = 0xFFFFFFFF
"""What stands in a field of four bytes whose true value is in the entry's further field."""

_BROKEN = "its structure is broken"
_CUT = "a part of the ZIP is missing"


@dataclass(frozen=True, slots=True)
class Directory:
    """Where the table of contents lies: how many entries it states, its first byte, and its bytes."""

    entries: int
    start: int
    length: int


@dataclass(frozen=True, slots=True)
class ZipEntry:
    """One entry as the table of contents states it: its ``packed`` bytes, and those it has unpacked; ``start`` is where
    its own header lies."""

    name: str
    flags: int
    method: int
    checksum: int
    packed: int
    size: int
    start: int

    @property
    def is_encrypted(self) -> bool:
        """Whether a password is needed to read it."""
        return bool(self.flags & _ENCRYPTED)

    @property
    def can_be_read(self) -> bool:
        """Whether it is packed in a way that is unpacked here, in bounded steps."""
        return not self.is_encrypted and self.method in (_STORED, _DEFLATED)


def directory(file: BinaryIO, size: int) -> Directory:
    """Find the table of contents of a ZIP of `size` bytes by its end record, the large form too. Raises Broken."""
    length = min(size, 22 + 65535)  # the end record, and the longest comment behind it
    tail = at(file, size - length, length)
    end = tail.rfind(b"PK\x05\x06")
    if end < 0 or len(tail) - end < 22:
        raise Broken("truncated", "the end of the ZIP is missing")
    entries, span, start, comment = struct.unpack_from("<HIIH", tail, end + 10)
    place = size - length + end
    # The locator of the large form (ZIP64) stands right before it.
    if place >= 20 and at(file, place - 20, 4) == b"PK\x06\x07":
        (record,) = struct.unpack("<8xQ4x", at(file, place - 20, 20))
        if record + 56 > place:
            raise Broken("damaged", _BROKEN)
        mark, entries, span, start = struct.unpack("<4s28xQQQ", at(file, record, 56))
        if mark != b"PK\x06\x06":
            raise Broken("damaged", _BROKEN)
        place = record
    if end + 22 + comment > len(tail) or start + span > place:
        raise Broken("truncated", _CUT)
    return Directory(entries, start, span)


def entries(file: BinaryIO, table: Directory) -> Iterator[ZipEntry]:
    """The entries that a table of contents lists, each of which lies before it. Raises Broken."""
    if table.entries > MOST_PARTS:
        raise Broken("damaged", "it has more entries than any result")
    offset = table.start
    for _ in range(table.entries):
        mark, flags, method, checksum, *sizes, named, further, comment, start = struct.unpack(
            "<4s4xHH4xIIIHHH8xI", at(file, offset, 46)
        )
        if mark != b"PK\x01\x02":
            raise Broken("damaged", _BROKEN)
        words = at(file, offset + 46, named + further)
        # Without the flag the standard says cp437.
        name = words[:named].decode("utf-8" if flags & _UTF8 else "cp437", "replace")
        size, packed, start = _true_values(words[named:], [sizes[1], sizes[0], start])  # in the order ZIP64 has them
        if start + 30 + packed > table.start:  # 30: the least an entry's own header has
            raise Broken("truncated", _CUT)
        offset += 46 + named + further + comment
        yield ZipEntry(name, flags, method, checksum, packed, size, start)
    if offset > table.start + table.length:
        raise Broken("damaged", _BROKEN)


def _true_values(further: bytes, values: list[int]) -> list[int]:
    """The fields of an entry, those that do not fit into four bytes out of its ``further`` field."""
    place, larger = 0, b""
    while place + 4 <= len(further):
        kind, length = struct.unpack_from("<HH", further, place)
        if kind == 1:
            larger = further[place + 4 : place + 4 + length]
            break
        place += 4 + length
    found = iter(struct.unpack_from(f"<{len(larger) // 8}Q", larger))
    return [next(found, value) if value == _LARGE else value for value in values]


def unpacked(file: BinaryIO, entry: ZipEntry) -> Iterator[bytes]:
    """The bytes of an entry that `can_be_read`, in blocks. Raises Broken where they have not the length and the check
    sum that are stated, or are more than is stated."""
    mark, named, further = struct.unpack("<4s22xHH", at(file, entry.start, 30))
    if mark != b"PK\x03\x04":
        raise Broken("damaged", _BROKEN)
    packed = _packed(file, entry.start + 30 + named + further, entry.packed)
    size, checksum = 0, 0
    try:
        for block in _inflated(packed) if entry.method == _DEFLATED else packed:
            size, checksum = size + len(block), zlib.crc32(block, checksum)
            if size > entry.size:  # more than it states: unpacked no further, and the length then differs
                break
            yield block
    except zlib.error as error:
        raise Broken("damaged", f"{entry.name} in it is damaged") from error
    if (size, checksum) != (entry.size, entry.checksum):
        raise Broken("damaged", f"{entry.name} in it is damaged")


def _packed(file: BinaryIO, place: int, left: int) -> Iterator[bytes]:
    while left:
        block = at(file, place, min(BLOCK, left))
        place, left = place + len(block), left - len(block)
        yield block


def _inflated(packed: Iterator[bytes]) -> Iterator[bytes]:
    """What is packed by Deflate, at most a block of it in memory. Raises zlib.error."""
    inflating = zlib.decompressobj(-zlib.MAX_WBITS)
    for data in packed:
        while data and not inflating.eof:
            yield inflating.decompress(data, BLOCK)
            data = inflating.unconsumed_tail
    yield inflating.flush()


def check(file: BinaryIO, size: int) -> None:
    """Read a ZIP of `size` bytes whole: its table of contents, and the check sum of each entry. Raises Broken.

    Of an entry that is encrypted or packed in a rare way only the place is checked.
    """
    total = 0
    for entry in entries(file, directory(file, size)):
        if not entry.can_be_read:
            continue
        total += entry.size
        if total > MOST_UNPACKED:
            raise Broken("damaged", "it would unpack to far more than any result has")
        for _ in unpacked(file, entry):
            pass
