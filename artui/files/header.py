"""What the header of a picture says beside its size: colours, frames, metadata, and what stands behind the picture.

One walk over the parts of the file, bounded in steps and in bytes; nothing is decoded. A header that is odd says less,
and never anything wrong of the picture itself.
"""

from __future__ import annotations

import io
import re
import struct
import zlib
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import dataclass, field
from functools import cached_property
from typing import BinaryIO

from artui.files.jpeg import FRAMES
from artui.files.metadata import MOST_BYTES, Directories, PhotoMetadata, iptc_of
from artui.files.walks import Broken, at

MOTION, GAIN_MAP, DEPTH_MAP, AUDIO = "motion-photo", "gain-map", "depth-map", "audio"

_MOST_PARTS = 20_000
_MOST_PROFILE = 256 * 1024  # bytes of an ICC profile, whose description stands in its beginning


@dataclass
class PhotoHeader:
    """What is said. `bits` per channel; `is_srgb` where the file says so without a profile; `dpi` across and down.

    `behind`: what stands behind the picture and is no part of it. `exif` is the file itself where that is a TIFF.
    """

    frames: int = 1
    bits: int = 8
    is_cmyk: bool = False
    has_alpha: bool = False
    has_layers: bool = False
    is_srgb: bool = False
    has_jfif: bool = False
    dpi: tuple[float, float] | None = None
    behind: set[str] = field(default_factory=set)
    exif: BinaryIO | None = None
    icc: bytes = b""
    iptc: bytes = b""
    xmp: bytes = b""

    @cached_property
    def metadata(self) -> PhotoMetadata:
        """The blocks of metadata, to be asked for once all are there, and while the file is open."""
        return PhotoMetadata(self.exif, self.iptc, self.xmp)


def read(file: BinaryIO, size: int, media_type: str) -> PhotoHeader:
    """Read the header of an open picture. Raises OSError when reading fails."""
    header = PhotoHeader()
    with suppress(Broken, struct.error, zlib.error, ValueError, IndexError):
        if walk := _WALKS.get(media_type):
            walk(file, size, header)
    if header.xmp:
        header.behind |= {kind for kind, signs in _SIGNS.items() if signs.search(header.xmp)}
    return header


_SIGNS = {
    MOTION: re.compile(rb"""(?:MotionPhoto|MicroVideo)(?:\s*=\s*["']|>)\s*1|Semantic(?:\s*=\s*["']|>)\s*MotionPhoto"""),
    GAIN_MAP: re.compile(rb"""Semantic(?:\s*=\s*["']|>)\s*GainMap|/hdr-gain-map/|aux:hdrgainmap|/HDRGainMap/"""),
    DEPTH_MAP: re.compile(rb"""Semantic(?:\s*=\s*["']|>)\s*Depth\b|/photos/1\.0/depthmap/|aux:(?:depth|disparity)"""),
    AUDIO: re.compile(rb"/photos/1\.0/audio/"),
}
"""How XMP tells of what stands behind the picture."""

# JPEG

_EXIF, _XMP, _ICC, _MPF, _PHOTOSHOP = (
    b"Exif\0", b"http://ns.adobe.com/xap/1.0/\0", b"ICC_PROFILE\0", b"MPF\0", b"Photoshop 3.0\0",
)  # fmt: skip
_SEVERAL = {0x020001, 0x020002, 0x020003}  # kinds of pictures in a JPEG of several: panorama, disparity, multi-angle
_BESIDE = 16 * 1024  # bytes of a further picture in which it says what it is
_TRAILED = {0x0A30: MOTION, 0x0100: AUDIO, 0x0101: AUDIO, 0x0AB1: DEPTH_MAP, 0x0AB3: DEPTH_MAP}  # by Samsung


def jpeg_parts(file: BinaryIO, size: int) -> Iterator[tuple[int, int, int]]:
    """The segments of a JPEG up to its first scan: marker, start and length of what it holds. Raises Broken."""
    offset = 2
    for _ in range(_MOST_PARTS):
        mark, marker = at(file, offset, 2)
        if mark != 0xFF:
            raise Broken("damaged", "its structure is broken")
        if marker in (0xFF, 0x01, *range(0xD0, 0xD9)):
            offset += 1 if marker == 0xFF else 2
            continue
        length = int.from_bytes(at(file, offset + 2, 2))
        yield marker, offset + 4, length - 2
        if marker in (0xD9, 0xDA) or offset + 2 + length > size:
            return
        offset += 2 + length


def _jpeg(file: BinaryIO, size: int, header: PhotoHeader) -> None:
    resources, pictures = b"", 0
    for marker, start, length in jpeg_parts(file, size):
        if marker in FRAMES:
            header.bits, _, _, components = struct.unpack(">BHHB", at(file, start, 6))
            header.is_cmyk = components == 4
        elif marker in (0xE0, 0xE1, 0xE2, 0xED):
            data = at(file, start, length)
            if data.startswith(b"JFIF\0"):
                header.has_jfif = True
                unit, across, down = struct.unpack_from(">BHH", data, 7)
                header.dpi = {1: (across, down), 2: (across * 2.54, down * 2.54)}.get(unit)
            elif data.startswith(_EXIF) and header.exif is None:
                header.exif = io.BytesIO(data[6:])
            elif data.startswith(_XMP) and not header.xmp:
                header.xmp = data[len(_XMP) :]
            elif data.startswith(_ICC) and len(header.icc) < _MOST_PROFILE:
                header.icc += data[len(_ICC) + 2 :]
            resources += data[len(_PHOTOSHOP) :] if data.startswith(_PHOTOSHOP) and len(resources) < MOST_BYTES else b""
            pictures = pictures or (start + len(_MPF) if data.startswith(_MPF) else 0)
    header.iptc = iptc_of(resources)
    header.dpi = header.metadata.dpi or header.dpi
    if pictures:
        _pictures(file, size, pictures, header)
    _trailer(file, size, header)


def _pictures(file: BinaryIO, size: int, start: int, header: PhotoHeader) -> None:
    """The further pictures of a JPEG that says it has several: views of the same kind, or what belongs to the first."""
    index = Directories(io.BytesIO(at(file, start, min(64 * 1024, size - start))))
    fields, _ = index.directory(index.first)
    order = "<" if at(file, start, 2) == b"II" else ">"
    raw = index.raw(fields.get(0xB002))
    for kind, _, offset, _ in struct.iter_unpack(order + "IIII", raw[16 : len(raw) // 16 * 16]):
        if kind & 0xFFFFFF in _SEVERAL:
            header.frames += 1
        elif offset and start + offset < size:
            said = at(file, start + offset, min(_BESIDE, size - start - offset))
            header.behind |= {what for what, signs in _SIGNS.items() if signs.search(said)}


def _trailer(file: BinaryIO, size: int, header: PhotoHeader) -> None:
    """What Samsung's cameras add behind the picture, by the directory at the very end."""
    if size < 32 or at(file, size - 4, 4) != b"SEFT":
        return
    length = int.from_bytes(at(file, size - 8, 4), "little")
    directory = at(file, size - 8 - length, min(length, 64 * 1024))
    for place in range(12, len(directory) - 11, 12):
        kind = int.from_bytes(directory[place + 2 : place + 4], "little")
        header.behind |= {_TRAILED[kind]} if kind in _TRAILED else set()


# PNG


def png_parts(file: BinaryIO, size: int) -> Iterator[tuple[bytes, int, int]]:
    """The chunks of a PNG: kind, start and length of what it holds. Raises Broken."""
    offset = 8
    for _ in range(_MOST_PARTS):
        if offset + 8 > size:
            return
        length, kind = struct.unpack(">I4s", at(file, offset, 8))
        yield kind, offset + 8, length
        offset += 12 + length


def _png(file: BinaryIO, size: int, header: PhotoHeader) -> None:
    raw: dict[bytes, bytes] = {}
    for kind, start, length in png_parts(file, size):
        with suppress(zlib.error, struct.error, IndexError, ValueError):
            if kind in _PNG_COLOURS:
                _colours(kind, at(file, start, min(length, MOST_BYTES)), header)
            elif kind in _PNG_BLOCKS:
                _texts(kind, at(file, start, min(length, MOST_BYTES)), header, raw)
    iptc = raw.get(b"iptc", b"")
    header.iptc = iptc_of(iptc) or (iptc if iptc[:1] == b"\x1c" else b"")
    exif = next((block[6:] for block in (raw.get(b"exif", b""), raw.get(b"APP1", b"")) if block.startswith(_EXIF)), b"")
    if exif and header.exif is None:
        header.exif = io.BytesIO(exif)
    header.dpi = header.dpi or header.metadata.dpi


_PNG_COLOURS = frozenset({b"IHDR", b"acTL", b"tRNS", b"iCCP", b"sRGB", b"cICP", b"pHYs"})
_PNG_BLOCKS = frozenset({b"eXIf", b"iTXt", b"tEXt", b"zTXt"})


def _colours(kind: bytes, data: bytes, header: PhotoHeader) -> None:
    if kind == b"IHDR":
        header.bits, header.has_alpha = data[8], data[9] in (4, 6)
    elif kind == b"acTL":
        header.frames = int.from_bytes(data[:4])
    elif kind == b"tRNS":
        header.has_alpha = True
    elif kind == b"iCCP":
        header.icc = _inflated(data.partition(b"\0")[2][1:], _MOST_PROFILE)
    elif kind == b"pHYs":
        across, down, unit = struct.unpack(">IIB", data)
        header.dpi = (across * 0.0254, down * 0.0254) if unit == 1 else None
    else:
        header.is_srgb = header.is_srgb or kind == b"sRGB" or data[:2] == b"\x01\x0d"


def _texts(kind: bytes, data: bytes, header: PhotoHeader, raw: dict[bytes, bytes]) -> None:
    if kind == b"eXIf":
        header.exif = io.BytesIO(data)
    elif kind == b"iTXt" and data.startswith(b"XML:com.adobe.xmp\0"):
        text = data[20:].split(b"\0", 2)[-1]  # behind the keyword: a flag, a method, a language, and the keyword in it
        header.xmp = _inflated(text, MOST_BYTES) if data[18] else text
    elif kind != b"iTXt" and data.startswith(b"Raw profile type "):
        name, _, text = data[17:].partition(b"\0")
        text = _inflated(text[1:], MOST_BYTES) if kind == b"zTXt" else text
        # A block that a program wrote as text: its name, its length, and hex digits.
        found = re.match(rb"\s*[\w ]+?(?: profile)?\s+\d+\s+([0-9a-fA-F\s]*)", text)
        raw[name] = bytes.fromhex(found[1].decode()) if found else b""


def _inflated(data: bytes, most: int) -> bytes:
    return zlib.decompressobj().decompress(data, most)


# WebP


def webp_parts(file: BinaryIO, size: int) -> Iterator[tuple[bytes, int, int]]:
    """The chunks of a WebP: kind, start and length of what it holds. Raises Broken."""
    offset = 12
    for _ in range(_MOST_PARTS):
        if offset + 8 > size:
            return
        kind, length = struct.unpack("<4sI", at(file, offset, 8))
        yield kind, offset + 8, length
        offset += 8 + length + length % 2


def _webp(file: BinaryIO, size: int, header: PhotoHeader) -> None:
    frames = 0
    for kind, start, length in webp_parts(file, size):
        most = min(length, MOST_BYTES)
        if kind == b"VP8X":
            header.has_alpha = bool(at(file, start, 1)[0] & 0x10)
        elif kind == b"VP8L":
            header.has_alpha = header.has_alpha or bool(at(file, start, 5)[4] & 0x10)
        elif kind == b"ANMF":
            frames += 1
        elif kind == b"ICCP":
            header.icc = at(file, start, min(length, _MOST_PROFILE))
        elif kind == b"EXIF":
            data = at(file, start, most)
            header.exif = io.BytesIO(data[6:] if data.startswith(_EXIF) else data)
        elif kind == b"XMP ":
            header.xmp = at(file, start, most)
    header.frames = max(1, frames)
    header.dpi = header.metadata.dpi


# TIFF

_REDUCED, _SUBFILE, _BITS, _PHOTOMETRIC, _EXTRA = 1, 254, 258, 262, 338
_TIFF_XMP, _TIFF_IPTC, _TIFF_RESOURCES, _TIFF_ICC, _TIFF_LAYERS = 700, 33723, 34377, 34675, 37724
_SEPARATED, _ALPHAS = 5, {1, 2}
_LAYERS = re.compile(b"8BIML(?:ayr|r16|r32)|MIB8(?:ryaL|61rL|23rL)")


def _tiff(file: BinaryIO, _size: int, header: PhotoHeader) -> None:
    tiff, pages, seen = Directories(file), 0, {0}
    offset = tiff.first
    while offset not in seen and len(seen) < 10_000:
        seen.add(offset)
        fields, following = tiff.directory(offset)
        if offset == tiff.first:
            header.exif = file
            header.bits = int(max(tiff.numbers(fields.get(_BITS)), default=1))
            header.is_cmyk = tiff.number(fields.get(_PHOTOMETRIC)) == _SEPARATED
            header.has_alpha = bool(_ALPHAS & set(tiff.numbers(fields.get(_EXTRA))))
            header.has_layers = _LAYERS.search(tiff.raw(fields.get(_TIFF_LAYERS))) is not None
            header.icc = tiff.raw(fields.get(_TIFF_ICC), _MOST_PROFILE)
            header.xmp = tiff.raw(fields.get(_TIFF_XMP), MOST_BYTES)
            header.iptc = tiff.raw(fields.get(_TIFF_IPTC), MOST_BYTES) or iptc_of(
                tiff.raw(fields.get(_TIFF_RESOURCES), MOST_BYTES)
            )
        pages += bool(fields) and not tiff.number(fields.get(_SUBFILE)) & _REDUCED
        offset = following
    header.frames = max(1, pages)
    header.dpi = header.metadata.dpi


# GIF


def _gif(file: BinaryIO, size: int, header: PhotoHeader) -> None:
    offset, frames = 13, 0
    flags = at(file, 10, 1)[0]
    offset += 3 * (2 << (flags & 7)) if flags & 0x80 else 0
    for _ in range(200_000):
        introducer = at(file, offset, 1)[0]
        if introducer == 0x21:
            if at(file, offset + 1, 1) == b"\xf9":
                header.has_alpha = header.has_alpha or bool(at(file, offset + 3, 1)[0] & 1)
            offset += 2
        elif introducer == 0x2C:
            frames += 1
            flags = at(file, offset + 9, 1)[0]
            offset += 11 + (3 * (2 << (flags & 7)) if flags & 0x80 else 0)
        else:
            break
        if frames > 1:
            break
        while offset < size and (length := at(file, offset, 1)[0]):
            offset += 1 + length
        offset += 1
    header.frames = max(1, frames)


_WALKS: dict[str, Callable[[BinaryIO, int, PhotoHeader], None]] = {
    "image/jpeg": _jpeg, "image/png": _png, "image/webp": _webp, "image/tiff": _tiff, "image/gif": _gif,
}  # fmt: skip
