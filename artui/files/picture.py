"""The picture alone: a digest of all that a decoder makes the picture of, whatever else is written into its file.

A rating, a caption or a place changes the bytes of a file and not its picture; another colour profile or rotation is
another picture. Nothing is decoded: a picture that was packed anew has another digest.
"""

from __future__ import annotations

import hashlib
import re
import struct
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import BinaryIO

from artui.files.jpeg import FRAMES
from artui.files.metadata import ORIENTATION
from artui.files.tiff import Tiff, TiffField
from artui.files.walks import BLOCK, Broken, at

_FORM = b"artui picture 1"  # digests made by other rules are never equal
_MOST_PARTS = 200_000  # segments, chunks, strips, tags: far above photos, and a part of a second of walking
_MOST_SEGMENTS = 10_000  # of a JPEG, where a step may read a whole block
_AT_FIRST = 4096  # bytes of a scan that are read before a whole block is
_PLAIN = 1  # the orientation of what has none


def digest(file: BinaryIO, size: int, media_type: str) -> str:
    """The hex SHA-256 of the picture in a file; empty for a type without a rule, and where the file cannot be parsed.

    The time it takes is bounded by the size of the file, whatever stands in it. Raises OSError when reading fails.
    """
    walk = _WALKS.get(media_type)
    if walk is None:
        return ""
    parts = _Parts(file, size)
    try:
        walk(parts)
    except (Broken, struct.error, ValueError, OverflowError):
        return ""
    return parts.digest(media_type)


class _Parts:
    """The parts of a picture by name. Where two parts stand in their file does not matter, only the order in each."""

    def __init__(self, file: BinaryIO, size: int) -> None:
        self.file, self.size = file, size
        self._left = size  # no part of a picture lies in its file twice
        self._sums: dict[str, hashlib._Hash] = {}

    def add(self, name: str, data: bytes | memoryview) -> None:
        """Take in some bytes."""
        if name not in self._sums:
            self._sums[name] = hashlib.sha256()
        self._sums[name].update(data)

    def add_part(self, name: str, start: int, length: int, kind: bytes = b"") -> None:
        """Take in a part of the file, told apart from what stands before and behind it."""
        self.add(name, kind + length.to_bytes(8))
        self.add_bytes(name, start, length)

    def add_bytes(self, name: str, start: int, length: int) -> None:
        """Take in a part of the file as if it went on with what was taken in before."""
        self._left -= length
        if start + length > self.size or self._left < 0:
            raise _damaged()
        self.file.seek(start)
        while length:
            block = self.file.read(min(BLOCK, length))
            if not block:
                raise _damaged()
            self.add(name, block)
            length -= len(block)

    def close(self, name: str, into: str) -> None:
        """End a part; what is taken in under its name from now on is another one."""
        ended = self._sums.pop(name, None)
        self.add(into, ended.digest() if ended else b"\0")

    def digest(self, media_type: str) -> str:
        """The digest of all parts."""
        total = hashlib.sha256(_FORM + b"\n" + media_type.encode())
        for name, one in sorted(self._sums.items()):
            total.update(f"\n{name} {one.hexdigest()}".encode())
        return total.hexdigest()


def _damaged() -> Broken:
    return Broken("damaged", "its structure is broken")


def _orientation(file: BinaryIO, start: int, length: int) -> int:
    """How EXIF data has the picture turned: 1 to 8, 1 where it does not say."""
    try:
        if at(file, start, min(6, length)) == b"Exif\0\0":
            start, length = start + 6, length - 6
        head = at(file, start, 8)
        order = {b"II*\0": "<", b"MM\0*": ">"}[head[:4]]
        (place,) = struct.unpack(order + "I", head[4:])
        if place + 2 > length:
            return _PLAIN
        (count,) = struct.unpack(order + "H", at(file, start + place, 2))
        count = min(count, (length - place - 2) // 12)
        for tag, kind, number, value in struct.iter_unpack(order + "HHIH2x", at(file, start + place + 2, 12 * count)):
            if (tag, kind, number) == (ORIENTATION, 3, 1):
                return value if 1 <= value <= 8 else _PLAIN
    except (Broken, KeyError, struct.error):
        pass
    return _PLAIN


# JPEG: all segments and scans but APPn and COM; of these the colour profile, what Adobe says of the colours, and how it
# is turned.

_MARKER = re.compile(rb"\xff[^\x00\xff]")
_BUT_RESTARTS = re.compile(rb"\xff[^\x00\xd0-\xd7\xff]")  # half as fast
_SOI, _EOI, _SOS, _COM = 0xD8, 0xD9, 0xDA, 0xFE
_BARE = {0x01, *range(0xD0, 0xD8)}
_APP0, _APP1, _APP2, _APP14, _APP15 = 0xE0, 0xE1, 0xE2, 0xEE, 0xEF
_PROFILE = b"ICC_PROFILE\0"


def _jpeg(parts: _Parts) -> None:
    offset, scanned, in_scan, segments = 2, False, False, _Segments(parts)
    for _ in range(_MOST_SEGMENTS):
        offset = _next_marker(parts, offset, hashing=in_scan)
        marker = at(parts.file, offset, 2)[1]
        if marker in _BARE:
            offset += 2
            continue
        # Not the file's end: what stands behind (a video, another picture) is not this one.
        if marker == _EOI and scanned:
            segments.close()
            return
        if marker in (_SOI, _EOI):
            raise _damaged()
        length = int.from_bytes(at(parts.file, offset + 2, 2))
        if length < 2 or offset + 2 + length > parts.size:
            raise _damaged()
        if _APP0 <= marker <= _APP15:
            segments.look_at(marker, offset + 4, length - 2)
        elif marker != _COM:
            segments.take(marker, offset + 4, length - 2)
        offset, in_scan = offset + 2 + length, marker == _SOS
        scanned = scanned or in_scan
    raise _damaged()


@dataclass
class _Segments:
    """What the segments of a JPEG say of its picture."""

    parts: _Parts
    turned: int = 0
    has_jfif: bool = False
    adobe: bytes = b""
    components: bytes = b""
    profile: list[tuple[int, int, bytes]] = field(default_factory=list)

    def take(self, marker: int, start: int, length: int) -> None:
        """Take in a segment that makes the picture."""
        self.parts.add_part("data", start, length, bytes((marker,)))
        if marker in FRAMES:
            self.components = at(self.parts.file, start, length)[6::3]

    def look_at(self, marker: int, start: int, length: int) -> None:
        """Look for what a segment that belongs to some program may say of the picture."""
        head = at(self.parts.file, start, min(14, length))
        if marker == _APP0 and head.startswith(b"JFIF\0"):
            self.has_jfif = True
        elif marker == _APP1 and head.startswith(b"Exif\0") and not self.turned:
            self.turned = _orientation(self.parts.file, start, length)
        elif marker == _APP2 and head.startswith(_PROFILE) and len(head) == 14:
            self.profile.append((head[12], head[13], at(self.parts.file, start + 14, length - 14)))
            if len(self.profile) > 255:
                raise _damaged()
        elif marker == _APP14 and head.startswith(b"Adobe") and len(head) >= 12:
            self.adobe = head[:12]

    def close(self) -> None:
        """Take in what was said."""
        self.parts.add("turned", bytes((self.turned or _PLAIN,)))
        self.parts.add("adobe", self.adobe)
        if self.adobe[11:] == b"\0" or self.components == b"RGB":
            self.parts.add("colours", bytes((self.has_jfif,)))  # only then JFIF says something of them
        if self.profile:
            # As one, however it was divided; with its numbers where they do not make one.
            self.profile.sort(key=lambda chunk: chunk[0])
            whole = [(number, len(self.profile)) for number in range(1, len(self.profile) + 1)]
            numbers = [(number, count) for number, count, _ in self.profile]
            joined = b"".join(data for *_, data in self.profile)
            self.parts.add("profile", joined + (b"" if numbers == whole else repr(numbers).encode()))


def _next_marker(parts: _Parts, offset: int, *, hashing: bool) -> int:
    """Where the next marker is that is no restart; what stands before it is taken in where it is a scan's data."""
    parts.file.seek(offset)
    last, count = b"", _AT_FIRST if hashing else 16  # mostly right here, or after a long scan
    while block := parts.file.read(count):
        window = last + block
        found = _MARKER.search(window)
        if found and 0xD0 <= window[found.start() + 1] <= 0xD7:
            found = _BUT_RESTARTS.search(window, found.start())
        last = b"\xff" if not found and window[-1] == 0xFF else b""
        end = found.start() if found else len(window) - len(last)
        if hashing:
            parts.add("data", memoryview(window)[:end])
        if found:
            return offset + end
        offset, count = offset + end, BLOCK
    raise _damaged()


# PNG: the chunks that make the picture, the data of each frame as if it stood in one.

_PNG_KEPT = {b"tRNS", b"iCCP", b"sRGB", b"gAMA", b"cHRM", b"cICP", b"acTL"}  # beside what is critical


def _png(parts: _Parts) -> None:
    file, offset, turned, data = parts.file, 8, _PLAIN, False
    for _ in range(_MOST_PARTS):
        length, kind = struct.unpack(">I4s", at(file, offset, 8))
        start = offset + 8
        offset = start + length + 4
        if offset > parts.size or not kind.isalpha():
            raise _damaged()
        if kind == b"IEND" and data:
            parts.add("turned", bytes((turned,)))
            parts.close("frame", "frames")
            return
        data = data or kind == b"IDAT"
        if kind == b"IDAT":
            parts.add_bytes("IDAT", start, length)
        elif kind in (b"fcTL", b"fdAT"):
            if length < 4:
                raise _damaged()
            if kind == b"fcTL":
                parts.close("frame", "frames")
                parts.add_part("frames", start + 4, length - 4, bytes((not data,)))  # behind a number that only counts
            else:
                parts.add_bytes("frame", start + 4, length - 4)
        elif kind == b"eXIf":
            turned = _orientation(file, start, length)
        elif kind in _PNG_KEPT or not kind[0] & 0x20:
            parts.add_part(kind.decode("ascii"), start, length)
    raise _damaged()


# WebP: the bitstreams, transparency, colour profile and frames.

_WEBP_KEPT = {b"VP8 ", b"VP8L", b"ALPH", b"ICCP", b"ANIM", b"ANMF"}


def _webp(parts: _Parts) -> None:
    file, offset, turned, canvas, picture = parts.file, 12, _PLAIN, b"", False
    end = min(parts.size, 8 + int.from_bytes(at(file, 4, 4), "little"))
    for _ in range(_MOST_PARTS):
        if end - offset < 8:
            break
        kind, length = struct.unpack("<4sI", at(file, offset, 8))
        start = offset + 8
        offset = start + length + length % 2
        if start + length > end:
            raise _damaged()
        if kind in _WEBP_KEPT:
            parts.add_part("data", start, length, kind)
            picture = picture or kind in (b"VP8 ", b"VP8L", b"ANMF")
            if kind == b"ANIM":
                parts.add("canvas", canvas)  # that of a single picture is the picture's own
        elif kind == b"VP8X":
            canvas = at(file, start, length)[4:10] if length <= 64 else b""
        elif kind == b"EXIF":
            turned = _orientation(file, start, length)
    else:
        raise _damaged()
    if not picture:
        raise _damaged()
    parts.add("turned", bytes((turned,)))


# TIFF: strips and tiles of each page in their order, with the tags by which a decoder reads them.

_STRIPS, _TILES = (273, 279), (324, 325)
_COMPRESSION, _SUBFILE, _OLD_JPEG = 259, 254, 6
_TIFF_KEPT = sorted({
    *range(256, 260), 262, 263, 266, 277, 278, 280, 281, 284, 290, 291, 292, 293, 301, 317, 318, 319, 320, 322, 323,
    332, 333, 334, 336, 338, 339, 340, 341, 347, 529, 530, 531, 532, 34675,
})  # fmt: skip
_WHOLE = {1, 3, 4, 13, 16, 18}  # numbers are the same whatever their width


def _tiff(parts: _Parts) -> None:
    tiff = Tiff(parts.file, parts.size)
    tiff.left = _MOST_PARTS
    parts.add("order", tiff.order.encode())
    for number, fields in enumerate(_pages(tiff)):
        if number and tiff.number(fields, _SUBFILE, 0) & 1:
            continue  # a thumbnail of another one
        if tiff.number(fields, _COMPRESSION, 1) == _OLD_JPEG:
            raise _damaged()  # its tables stand wherever they like
        parts.add("data", b"page" + bytes((tiff.number(fields, ORIENTATION, _PLAIN) % 256,)))
        for tag in _TIFF_KEPT:
            if tag in fields:
                _add_field(parts, tiff, tag, fields[tag])
        runs = [run for run in (_STRIPS, _TILES) if run[0] in fields]
        if len(runs) != 1 or runs[0][1] not in fields:
            raise _damaged()
        _add_run(parts, tiff, fields, *runs[0])


def _pages(tiff: Tiff) -> Iterator[dict[int, TiffField]]:
    offset, seen = tiff.first, {0}
    while offset not in seen:
        seen.add(offset)
        tiff.spend(1)
        fields, following = tiff.directory(offset)
        yield fields
        offset = 0 if following and tiff.is_stray(following) else following


def _add_field(parts: _Parts, tiff: Tiff, tag: int, one: TiffField) -> None:
    parts.add("data", struct.pack(">HQ", tag, one.count))
    if one.kind in _WHOLE:
        for numbers in tiff.numbers(one):
            parts.add("data", struct.pack(f">{len(numbers)}Q", *numbers))
    else:
        parts.add_bytes("data", one.offset, tiff.bytes_of(one))


def _add_run(parts: _Parts, tiff: Tiff, fields: dict[int, TiffField], starts: int, lengths: int) -> None:
    """The strips or tiles of a page; those that lie one behind the other are read together."""
    _add_field(parts, tiff, lengths, fields[lengths])
    begin = end = 0
    for pair in zip(tiff.numbers(fields[starts]), tiff.numbers(fields[lengths]), strict=True):
        for start, length in zip(*pair, strict=True):
            if start != end:
                parts.add_bytes("data", begin, end - begin)
                begin = start
            end = start + length
    parts.add_bytes("data", begin, end - begin)


_WALKS: dict[str, Callable[[_Parts], None]] = {
    "image/jpeg": _jpeg,
    "image/png": _png,
    "image/webp": _webp,
    "image/tiff": _tiff,
}
