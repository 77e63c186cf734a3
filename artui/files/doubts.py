"""What speaks against a picture whose structure is whole: holes, zeros and damage in the middle of its data.

The whole file is read, nothing is decoded. What only a decoder could tell for sure is a `Doubt`; what no decoder reads
is Broken.
"""

from __future__ import annotations

import zlib
from collections.abc import Callable, Iterator
from typing import BinaryIO

from artui.files import jpeg, tiff
from artui.files.walks import BLOCK, Broken, Doubt, at
from artui.files.zeros import zero_runs

_ZEROS = "zeros stand in the middle of its picture data"
_DAMAGED = "its picture data is damaged"
_MOST_INFLATED = 1024**3  # bytes of one strip: a second or two, and no photo has more


def doubt(file: BinaryIO, size: int, media_type: str) -> Doubt | None:
    """What speaks against a picture that `whole.check` found whole; None where nothing does, or nothing is known.

    Raises Broken for what is damaged for sure, OSError when reading fails.
    """
    look = _LOOKS.get(media_type)
    return look(file, size) if look else None


# PNG: the check sums of all that makes the picture.

_DEPTHS = {0: {1, 2, 4, 8, 16}, 2: {8, 16}, 3: {1, 2, 4, 8}, 4: {8, 16}, 6: {8, 16}}


def _png(file: BinaryIO, size: int) -> Doubt | None:
    offset, data = 8, False
    while offset < size:
        head = at(file, offset, 8)
        length, kind = int.from_bytes(head[:4]), head[4:]
        is_critical = not kind[0] & 0x20
        if is_critical and _checksum(file, offset + 4, 4 + length) != at(file, offset + 8 + length, 4):
            raise Broken("damaged", _DAMAGED)
        if kind == b"IEND":
            return None
        if is_critical and kind not in (b"IHDR", b"PLTE", b"IDAT"):
            return Doubt("it has a part that decoders do not know")
        begin = at(file, offset + 8, min(length, 13))
        if kind == b"IHDR":
            _refuse_header(begin)
        elif kind == b"IDAT" and length > 1 and not data:
            data = True
            _refuse_packing(int.from_bytes(begin[:2]))
        offset += 12 + length
    return None


def _refuse_header(header: bytes) -> None:
    depth, colours, packing, filtering, interlace = header[8:13]
    if depth not in _DEPTHS.get(colours, ()) or packing or filtering or interlace > 1:
        raise Broken("damaged", "its header says what no picture has")


def _refuse_packing(begin: int) -> None:
    """Refuse picture data that does not begin as Deflate does in a PNG."""
    if begin % 31 or begin >> 12 > 7 or begin >> 8 & 15 != 8 or begin & 0x20:
        raise Broken("damaged", _DAMAGED)


def _checksum(file: BinaryIO, offset: int, length: int) -> bytes:
    total = 0
    file.seek(offset)
    while length and (block := file.read(min(BLOCK, length))):
        total = zlib.crc32(block, total)
        length -= len(block)
    return total.to_bytes(4)


# TIFF: what each way of packing makes of zeros.

_LZW, _JPEG, _DEFLATE, _OLD_DEFLATE, _PACKBITS = 5, 7, 8, 32946, 32773


def _tiff(file: BinaryIO, size: int) -> Doubt | None:
    weak = None
    for compression, start, length in tiff.pieces(file, size):
        if compression not in (_LZW, _JPEG, _DEFLATE, _OLD_DEFLATE, _PACKBITS):
            continue
        if next(zero_runs(file, start, start + length), None) is None:
            continue
        if compression in (_DEFLATE, _OLD_DEFLATE):
            weak = weak or _inflated(file, start, length)
        elif compression == _LZW:
            raise Broken("damaged", _ZEROS)
        else:
            return Doubt(_ZEROS)
    return weak


def _inflated(file: BinaryIO, start: int, length: int) -> Doubt | None:
    """Unpack a piece that holds zeros, which a flat ground may have too: it has a check sum of its own."""
    packed, left = zlib.decompressobj(), _MOST_INFLATED
    file.seek(start)
    try:
        while not packed.eof and length and (block := file.read(min(BLOCK, length))):
            length -= len(block)
            while block and not packed.eof:
                left -= len(packed.decompress(block, BLOCK))
                block = packed.unconsumed_tail
                if left < 0:
                    return Doubt(_ZEROS)
    except zlib.error as error:
        raise Broken("damaged", _ZEROS) from error
    return None if packed.eof else Doubt(_ZEROS)


# WebP: the frame's own header, and zeros in what is never left plain.


def _webp(file: BinaryIO, size: int) -> Doubt | None:
    for kind, start, length in _webp_pictures(file, size):
        if kind == b"VP8 ":
            head = at(file, start, min(10, length)).ljust(10, b"\0")
            frame = int.from_bytes(head[:3], "little")
            if frame & 1 or head[3:6] != b"\x9d\x01\x2a" or frame >> 5 > length - 10:
                raise Broken("damaged", _DAMAGED)
        elif at(file, start, min(1, length)) != b"\x2f":
            raise Broken("damaged", _DAMAGED)
        if next(zero_runs(file, start, start + length), None) is not None:
            return Doubt(_ZEROS)
    return None


def _webp_pictures(file: BinaryIO, size: int) -> Iterator[tuple[bytes, int, int]]:
    """The pictures of a WebP, those of its frames too: kind, start and length."""
    offset, end = 12, min(size, 8 + int.from_bytes(at(file, 4, 4), "little"))
    while end - offset >= 8:
        head = at(file, offset, 8)
        length = int.from_bytes(head[4:], "little")
        if head[:4] in (b"VP8 ", b"VP8L"):
            yield head[:4], offset + 8, length
        offset += 24 if head[:4] == b"ANMF" else 8 + length + length % 2  # a frame holds chunks behind 16 bytes


_LOOKS: dict[str, Callable[[BinaryIO, int], Doubt | None]] = {
    "image/jpeg": jpeg.doubt,
    "image/png": _png,
    "image/webp": _webp,
    "image/tiff": _tiff,
}
