"""What speaks against a picture whose structure is whole: holes, zeros and damage in the middle of its data.

The whole file is read, nothing is decoded. What only a decoder could tell for sure is a `Doubt`; what no decoder reads
is Broken.
"""

from __future__ import annotations

import zlib
from collections.abc import Callable, Iterator
from typing import BinaryIO

from artui.files import jpeg, png, tiff
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
    "image/png": png.doubt,
    "image/webp": _webp,
    "image/tiff": _tiff,
}
