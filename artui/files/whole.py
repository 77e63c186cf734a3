"""What the bytes of a file say: its type, its pixels, and whether anything is missing from it.

Nothing is decoded and nothing is believed: each walk over a file is bounded in steps and in memory, whatever the file
claims. A photo cut in half passes every header check and costs as much as a whole one, hence the walks.
"""

from __future__ import annotations

import json
import re
import struct
from collections.abc import Callable
from pathlib import Path
from typing import BinaryIO
from zlib import crc32

from artui.files import tiff, zips
from artui.files.walks import BLOCK, MOST_PARTS, Broken, at, garbled

__all__ = [
    "BLOCK", "HEAD", "Broken", "can_judge", "can_tell", "check", "is_complete", "is_swollen",
    "is_web_page", "pixels", "sniff", "what_is_missing",
]  # fmt: skip

HEAD = 64
"""How many first bytes `sniff` needs."""

_MOST_SEGMENTS = 10_000  # of a JPEG, where a step may read a whole block
_READ_JSON = 1024 * 1024  # bytes of JSON that is read to see whether it is whole
_MOST_VALUES = 50_000  # of JSON that is read: far above real answers, and a few megabytes of memory

_MAGIC = (
    (b"\xff\xd8\xff", "image/jpeg"),
    (b"\x89PNG\r\n\x1a\n", "image/png"),
    (b"GIF8", "image/gif"),
    (b"8BPS", "image/vnd.adobe.photoshop"),
    (b"%PDF-", "application/pdf"),
    (b"PK\x03\x04", zips.MEDIA_TYPE),
    (b"PK\x05\x06", zips.MEDIA_TYPE),
    (b"II*\0", "image/tiff"),
    (b"MM\0*", "image/tiff"),
    (b"II+\0", "image/tiff"),
    (b"MM\0+", "image/tiff"),
    (b"\xff\x0a", "image/jxl"),
    (b"\0\0\0\x0cJXL \r\n\x87\n", "image/jxl"),
    (b"\0\0\0\x0cjP  \r\n\x87\n", "image/jp2"),
    (b"\xff\x4f\xff\x51", "image/jp2"),
    (b"II\xbc", "image/vnd.ms-photo"),
    (b"FUJIFILMCCD-RAW", "image/x-fuji-raf"),
    (b"IIU\0", "image/x-panasonic-rw2"),
    (b"IIRO", "image/x-olympus-orf"),
    (b"IIRS", "image/x-olympus-orf"),
    (b"MMOR", "image/x-olympus-orf"),
    (b"FOVb", "image/x-sigma-x3f"),
    (b"\0MRM", "image/x-minolta-mrw"),
    (b"II\x1a\0\0\0HEAPCCDR", "image/x-canon-crw"),
    (b"v/1\x01", "image/x-exr"),
    (b"#?RADIANCE", "image/vnd.radiance"),
    (b"qoif", "image/qoi"),
    (b"gimp xcf", "image/x-xcf"),
)
_BRANDS = {
    **dict.fromkeys((b"heic", b"heix", b"heim", b"heis", b"hevc", b"hevx", b"mif1", b"msf1"), "image/heic"),
    b"avif": "image/avif",
    b"avis": "image/avif",
    b"crx ": "image/x-canon-cr3",
}
_BITMAP_HEADERS = {
    12,
    40,
    52,
    56,
    64,
    108,
    124,
}  # bytes of a BMP's second header: its two letters say little
_TOLD = {*dict(_MAGIC).values(), *_BRANDS.values(), "image/bmp", "image/webp", "image/x-canon-cr2", "application/json"}


def sniff(head: bytes) -> str | None:
    """Tell the media type from a file's first bytes (`HEAD` of them are enough), or None when they are unknown.

    Knows more types than any service takes, so that a refusal can name what the file is.
    """
    for magic, media_type in _MAGIC:
        if head.startswith(magic):
            return "image/x-canon-cr2" if head[8:10] == b"CR" and media_type == "image/tiff" else media_type
    if head.startswith(b"RIFF") and head[8:12] == b"WEBP":
        return "image/webp"
    if head[4:8] == b"ftyp":
        brands = (head[at : at + 4] for at in (8, *range(16, min(len(head), int.from_bytes(head[:4])), 4)))
        return next((_BRANDS[brand] for brand in brands if brand in _BRANDS), None)
    if head.startswith(b"BM") and int.from_bytes(head[14:18], "little") in _BITMAP_HEADERS:
        return "image/bmp"
    if head.lstrip()[:1] in (b"{", b"["):
        return "application/json"
    return None


def is_web_page(head: bytes) -> bool:
    """Tell whether a file begins as a web page does: what a service says instead of a result."""
    return head.lstrip().lower().startswith((b"<!doctype html", b"<html"))


def can_tell(media_type: str) -> bool:
    """Tell whether `sniff` would know a file of this type by its content."""
    return media_type in _TOLD


def can_judge(media_type: str) -> bool:
    """Tell whether `check` has a rule for this type."""
    return media_type in _RULES


def check(file: BinaryIO, size: int, media_type: str) -> None:
    """Walk a file of `size` bytes to its end by the rules of its type, reading as little as that takes.

    Raises Broken when something is missing, KeyError for a type without a rule, OSError when reading fails.
    """
    _RULES[media_type](file, size)


def is_complete(source: Path | BinaryIO, media_type: str) -> bool:
    """Tell whether a file is whole by the rules of its type; False too where there is no rule to prove it.

    For results that came without a length and without a digest. Raises OSError when reading fails.
    """
    if isinstance(source, Path):
        with source.open("rb", buffering=0) as file:
            return is_complete(file, media_type)
    if not can_judge(media_type):
        return False
    try:
        check(source, source.seek(0, 2), media_type)
    except Broken:
        return False
    return True


def what_is_missing(path: Path, media_type: str) -> str:
    """Say why a result is not whole by the rules of its type; empty where it is, or where there is no rule.

    That a type is not one to be sent is no fault of a result. Raises OSError when reading fails.
    """
    if not can_judge(media_type):
        return ""
    with path.open("rb", buffering=0) as file:
        try:
            check(file, file.seek(0, 2), media_type)
        except Broken as broken:
            return "" if broken.reason == "unsupported" else str(broken)
    return ""


class _Bounded:
    """A file for `imagesize`, which reads byte by byte through junk: a bounded number of small reads, then an end."""

    def __init__(self, file: BinaryIO) -> None:
        self._file = file
        self._left = 100_000

    def read(self, count: int = -1) -> bytes:
        self._left -= 1
        if self._left < 0 or not 0 <= count <= BLOCK:
            raise ValueError("this header is no photo's")
        return self._file.read(count)

    def seek(self, offset: int, whence: int = 0) -> int:
        return self._file.seek(offset, whence)


def pixels(file: BinaryIO) -> tuple[int, int]:
    """Width and height as the header states them, stored orientation; (0, 0) when it does not say."""
    import imagesize  # type: ignore[import-untyped]  # loads urllib, which takes 0.1 s: only who looks at photos pays

    width, height = imagesize.get(_Bounded(file), exif_rotation=False)
    file.seek(0)
    head = file.read(16)
    if head[:4] == b"RIFF" and head[12:] == b"VP8 ":
        width, height = width & 0x3FFF, height & 0x3FFF  # above them stand two bits that tell how to show it
    return (width, height) if width > 0 and height > 0 else (0, 0)


def pixels_of(path: Path) -> tuple[int, int]:
    """Width and height of a picture on disk; (0, 0) where it does not say, or cannot be read."""
    try:
        with path.open("rb", buffering=0) as file:
            return pixels(file)
    except (OSError, ValueError):
        return 0, 0


# JPEG: segments up to the first scan, then an EOI. Thumbnails have one of their own, inside segments that are skipped.

_NO_EOI = "the end of the JPEG is missing"
_MARKER = re.compile(rb"\xff[^\x00\xd0-\xd7\xff]")  # no stuffed zero, no restart, no fill byte: the end of a scan
_SOI, _EOI, _SOS = 0xD8, 0xD9, 0xDA
_BARE = (0x01, _SOI, _EOI)  # markers without a length


def _check_jpeg(file: BinaryIO, size: int) -> None:
    offset, in_scan = 2, False
    for _ in range(_MOST_SEGMENTS):
        offset = _next_marker(file, offset)
        marker = at(file, offset, 2)[1]
        if marker == _EOI and in_scan:  # before a scan it ends nothing: no picture has come yet
            return
        offset += 2 if marker in _BARE else 2 + int.from_bytes(at(file, offset + 2, 2))
        if offset > size:
            raise Broken("truncated", _NO_EOI)
        if marker == _SOS and not in_scan:
            if offset + 2 <= size and at(file, size - 2, 2) == b"\xff\xd9":
                return  # almost every photo ends right there, and its scans need not be read
            in_scan = True
    raise Broken("damaged", "it has more segments than any photo")


def _next_marker(file: BinaryIO, offset: int) -> int:
    """Where the next marker is: right here before the first scan, or a few bytes late; else wherever the scan ends."""
    file.seek(offset)
    last, count = b"", 16
    while block := file.read(count):
        window = last + block
        if found := _MARKER.search(window):
            return offset - len(last) + found.start()
        offset += len(block)
        last, count = window[-1:], BLOCK
    raise Broken("truncated", _NO_EOI)


# PNG: chunks by their lengths up to IEND.


def _check_png(file: BinaryIO, size: int) -> None:
    header = at(file, 8, 25)
    if header[:8] != b"\0\0\0\x0dIHDR" or crc32(header[4:21]) != int.from_bytes(header[21:]):
        raise garbled(header)
    offset, picture = 33, False
    for _ in range(MOST_PARTS):
        length, kind = struct.unpack(">I4s", at(file, offset, 8))
        offset += 12 + length
        if offset > size:
            raise Broken("truncated", "the end of the PNG is missing")
        if kind == b"IEND" and picture:
            return
        if not kind.isalpha() or kind == b"IEND":
            raise garbled(kind)
        picture = picture or kind == b"IDAT"
    raise Broken("damaged", "it has more chunks than any photo")


# WebP: the RIFF length fits the file, the chunks fit the RIFF, and one of them is a picture.


def _check_webp(file: BinaryIO, size: int) -> None:
    end = 8 + int.from_bytes(at(file, 4, 4), "little")
    offset, picture = 12, False
    for _ in range(MOST_PARTS):
        if end > size or offset > end + 1:  # one byte of padding may be missing at the very end
            raise Broken("truncated", "the end of the WebP is missing")
        if end - offset < 8:
            break
        kind, length = struct.unpack("<4sI", at(file, offset, 8))
        picture = picture or kind in (b"VP8 ", b"VP8L", b"ANMF")
        offset += 8 + length + length % 2
    if not picture:
        raise Broken("truncated", "there is no picture in the WebP")


# Results only: JSON.


def is_swollen(text: bytes) -> bool:
    """Whether JSON may hold so many values that reading it would take a hundred times its bytes."""
    return sum(map(text.count, (b",", b"[", b"{"))) > _MOST_VALUES


def _check_json(file: BinaryIO, size: int) -> None:
    """Read what is small; what is large, or would swell, is judged by its first and last bracket."""
    text = at(file, 0, min(size, _READ_JSON))
    if size > _READ_JSON or is_swollen(text):
        last = max(0, size - HEAD)
        if text.lstrip()[:1] + at(file, last, size - last).rstrip()[-1:] not in (b"{}", b"[]"):
            raise Broken("truncated", "it is not whole JSON")
        return
    try:
        json.loads(text)
    except (ValueError, RecursionError) as error:
        raise Broken("truncated", "it is not whole JSON") from error


_RULES: dict[str, Callable[[BinaryIO, int], None]] = {
    "image/jpeg": _check_jpeg,
    "image/png": _check_png,
    "image/webp": _check_webp,
    "image/tiff": tiff.check,
    zips.MEDIA_TYPE: zips.check,
    "application/json": _check_json,
}
