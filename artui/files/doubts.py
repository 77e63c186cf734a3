"""What speaks against a picture whose structure is whole: holes, zeros and damage in the middle of its data.

The whole file is read, nothing is decoded. What only a decoder could tell for sure is a `Doubt`; what no decoder reads
is Broken.
"""

from __future__ import annotations

import io
import zlib
from collections.abc import Callable
from typing import BinaryIO

from artui.files import jpeg, lzw, png, tiff
from artui.files.walks import BLOCK, Broken, Doubt, at, blocks
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


# TIFF: what each way of packing makes of zeros, and whether each piece unpacks to as many bytes as it must.


_MOST_FOLLOWED = 64 * 1024  # bytes that are followed code by code: some hundredths of a second
_SHORT = "some of its rows are missing"


def _tiff(file: BinaryIO, size: int) -> Doubt | None:
    weak, followed = None, 0
    for piece in tiff.pieces(file, size):
        followed += piece.length
        look = _PACKINGS.get(piece.packing)
        said = look(file, piece, followed <= _MOST_FOLLOWED) if look else None
        if said is not None and said.is_likely:
            return said
        weak = weak or said
    rare = tiff.rarity(file, size)
    return Doubt(rare) if rare else weak


def _has_zeros(file: BinaryIO, piece: tiff.Piece) -> bool:
    return next(zero_runs(file, piece.start, piece.start + piece.length), None) is not None


def _of_lzw(file: BinaryIO, piece: tiff.Piece, follow: bool) -> Doubt | None:
    if _has_zeros(file, piece):
        raise Broken("damaged", _ZEROS)
    if not piece.unpacked:
        return None
    data = at(file, piece.start, piece.length if follow else min(2, piece.length))
    return None if lzw.can_begin(data) and (not follow or lzw.comes_out(data, piece.unpacked)) else Doubt(_DAMAGED)


def _of_packbits(file: BinaryIO, piece: tiff.Piece, _follow: bool) -> Doubt | None:
    if _has_zeros(file, piece):
        return Doubt(_ZEROS)
    packed = at(file, piece.start, piece.length)
    place, made = 0, 0
    while made < piece.unpacked and place < len(packed):
        head = packed[place]
        if head < 128:
            made += min(head + 1, len(packed) - place - 1)
            place += head + 2
        else:
            made += 257 - head if head > 128 else 0
            place += 2 if head > 128 else 1  # 128 stands alone and means nothing
    return None if made >= piece.unpacked else Doubt(_SHORT)


def _of_jpeg(file: BinaryIO, piece: tiff.Piece, follow: bool) -> Doubt | None:
    """What speaks against a piece that is a JPEG, together with the tables that all pieces share."""
    if _has_zeros(file, piece):
        return Doubt(_ZEROS)
    tables = at(file, piece.tables.offset, piece.tables.count)[:-2] if piece.tables else b"\xff\xd8"
    # One JPEG: the tables without their end, the piece without its beginning.
    whole = tables + at(file, piece.start, piece.length)[2:]
    return jpeg.doubt(io.BytesIO(whole), len(whole), follow=follow)


def _of_deflate(file: BinaryIO, piece: tiff.Piece, _follow: bool) -> Doubt | None:
    """Unpack a piece that has a check sum of its own."""
    packed, made = zlib.decompressobj(), 0
    try:
        for block in blocks(file, piece.start, piece.length):
            while block and not packed.eof:
                made += len(packed.decompress(block, BLOCK))
                block = packed.unconsumed_tail
                if made > _MOST_INFLATED:  # a bomb, or beyond any photo: nothing is said of it
                    return None
            if packed.eof:
                break
    except zlib.error as error:
        if piece.unpacked and made >= piece.unpacked:  # all rows came: what is wrong stands behind them
            return Doubt(_DAMAGED, is_likely=False)
        raise Broken("damaged", _DAMAGED) from error
    if made < piece.unpacked:
        return Doubt(_SHORT)
    return None if packed.eof or piece.unpacked else Doubt(_DAMAGED)


_PACKINGS: dict[int, Callable[[BinaryIO, tiff.Piece, bool], Doubt | None]] = {
    1: lambda _file, piece, _follow: Doubt(_SHORT) if piece.length < piece.unpacked else None,
    5: _of_lzw, 7: _of_jpeg, 8: _of_deflate, 32946: _of_deflate, 32773: _of_packbits,
}  # fmt: skip


# WebP: the frame's own header, and zeros in what is never left plain.


def _webp(file: BinaryIO, size: int) -> Doubt | None:
    offset, end = 12, min(size, 8 + int.from_bytes(at(file, 4, 4), "little"))
    while end - offset >= 8:
        head, start = at(file, offset, 8), offset + 8
        kind, length = head[:4], int.from_bytes(head[4:], "little")
        offset += 24 if kind == b"ANMF" else 8 + length + length % 2  # a frame holds chunks behind 16 bytes
        if kind == b"VP8 ":
            head = at(file, start, min(10, length)).ljust(10, b"\0")
            frame = int.from_bytes(head[:3], "little")
            if frame & 1 or head[3:6] != b"\x9d\x01\x2a" or frame >> 5 > length - 10:
                raise Broken("damaged", _DAMAGED)
        elif kind != b"VP8L":
            continue
        elif at(file, start, min(1, length)) != b"\x2f":
            raise Broken("damaged", _DAMAGED)
        if next(zero_runs(file, start, start + length), None) is not None:
            return Doubt(_ZEROS)
    return None


_LOOKS: dict[str, Callable[[BinaryIO, int], Doubt | None]] = {
    "image/jpeg": jpeg.doubt,
    "image/png": png.doubt,
    "image/webp": _webp,
    "image/tiff": _tiff,
}
