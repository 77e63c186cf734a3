"""PNG, read to its end: the check sums of all that makes the picture, and its data unpacked to the last row."""

from __future__ import annotations

import zlib
from collections.abc import Iterator
from dataclasses import dataclass
from typing import BinaryIO

from artui.files.walks import BLOCK, Broken, Doubt, at, blocks

_CHANNELS = {0: 1, 2: 3, 3: 1, 4: 2, 6: 4}
_DEPTHS = {0: {1, 2, 4, 8, 16}, 2: {8, 16}, 3: {1, 2, 4, 8}, 4: {8, 16}, 6: {8, 16}}
_PALETTE = 3
_PASSES = ((0, 8, 0, 8), (4, 8, 0, 8), (0, 4, 4, 8), (2, 4, 0, 4), (0, 2, 2, 4), (1, 2, 0, 2), (0, 1, 1, 2))
"""Of an interlaced picture: the first column and row of each pass, and the steps between them."""

_MOST_UNPACKED = 1024**3  # bytes: a few seconds; beyond any photo
_LAST_FILTER = 4
_DAMAGED = "its picture data is damaged"


def doubt(file: BinaryIO, size: int) -> Doubt | None:
    """What speaks against a PNG whose chunks are there. Raises Broken for what no decoder reads."""
    offset, rows, palette, ended = 8, None, False, False
    while offset < size:
        head = at(file, offset, 8)
        length, kind = int.from_bytes(head[:4]), head[4:]
        is_critical = not kind[0] & 0x20  # a small first letter: decoders may pass it over
        if is_critical and _checksum(file, offset + 4, 4 + length) != at(file, offset + 8 + length, 4):
            raise Broken("damaged", _DAMAGED)
        if kind == b"IEND":
            if rows is not None:
                rows.end()
            return None
        if is_critical and kind not in (b"IHDR", b"PLTE", b"IDAT"):
            return Doubt("it has a part that decoders do not know")
        if kind == b"IHDR" and rows is None:
            rows = _Rows(at(file, offset + 8, 13))
        elif kind == b"IDAT" and rows is not None:
            if ended or (rows.needs_palette and not palette):  # the standard: all IDAT in a row, a palette before them
                raise Broken("damaged", _DAMAGED)
            rows.add(blocks(file, offset + 8, length))
        ended = ended or (kind != b"IDAT" and rows is not None and rows.begun)
        palette = palette or kind == b"PLTE"
        offset += 12 + length
    return None


def _checksum(file: BinaryIO, offset: int, length: int) -> bytes:
    total = 0
    for block in blocks(file, offset, length):
        total = zlib.crc32(block, total)
    return total.to_bytes(4)


@dataclass(slots=True)
class _Pass:
    """Rows of one length, their filter's byte included, and how many bytes of them are still to come."""

    stride: int
    left: int


class _Rows:
    """The picture data as it is unpacked: whether all rows are there, each filtered in a way that there is."""

    def __init__(self, header: bytes) -> None:
        width, height = int.from_bytes(header[:4]), int.from_bytes(header[4:8])
        depth, colours, packing, filtering, interlace = header[8:13]
        if depth not in _DEPTHS.get(colours, ()) or packing or filtering or interlace > 1 or not width or not height:
            raise Broken("damaged", "its header says what no picture has")
        self.needs_palette = colours == _PALETTE
        self.begun = False
        bits = depth * _CHANNELS[colours]
        shapes = (
            [(-(-(width - x) // dx), -(-(height - y) // dy)) for x, dx, y, dy in _PASSES]
            if interlace
            else [(width, height)]
        )
        self._passes = [
            _Pass(stride := 1 + -(-wide * bits // 8), stride * high) for wide, high in shapes if wide > 0 and high > 0
        ]
        self._passes.reverse()  # the first at the end, where it is popped
        self._is_judged = sum(one.left for one in self._passes) <= _MOST_UNPACKED
        self._packed = zlib.decompressobj()

    def add(self, blocks: Iterator[bytes]) -> None:
        """Unpack some more. Raises Broken where it is damaged."""
        for block in blocks:
            self.begun = True
            if not self._is_judged:
                return
            rest = block
            while rest and not self._packed.eof:
                try:
                    self._take(self._packed.decompress(rest, BLOCK))
                except zlib.error as error:
                    raise Broken("damaged", _DAMAGED) from error
                rest = self._packed.unconsumed_tail

    def _take(self, data: bytes) -> None:
        start = 0
        while start < len(data) and self._passes:
            one = self._passes[-1]
            part = data[start : start + one.left]
            # A row begins where a multiple of its length is left.
            if max(part[one.left % one.stride :: one.stride], default=0) > _LAST_FILTER:
                raise Broken("damaged", _DAMAGED)
            one.left -= len(part)
            start += len(part)
            if not one.left:
                self._passes.pop()

    def end(self) -> None:
        """Raises Broken where rows are missing once all data was there."""
        if self._is_judged and self._passes:
            raise Broken("truncated", "some of its rows are missing")
