"""The picture data of a JPEG, followed code by code, to see whether it comes out at the last block.

No picture is made of it. A megabyte takes half a second or more, which is why only small pictures are looked at so.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import lru_cache

MOST_BYTES = 64 * 1024
"""Of all scans of a picture that is followed: some hundredths of a second."""

MOST_BLOCKS = 60_000
"""Of all its scans, likewise: a flat block takes two bits, or none."""

_RESTART = re.compile(rb"\xff+[\xd0-\xd7]")
_LONGEST = 16  # bits of a code
_AHEAD = 264  # bytes: more than any block takes, 64 of the longest codes with the bits that follow them
_LONG_RUN = 15


class Astray(Exception):
    """The data does not come out: a code that is none, an end too early, or bytes left over."""


@dataclass(frozen=True, slots=True)
class Table:
    """A Huffman table by the next 16 bits: the symbol that they begin with, and the bits of its code (0: none)."""

    bits: bytes
    symbols: bytes


@lru_cache(16)
def table(counts: bytes, symbols: bytes) -> Table | None:
    """The table of a DHT segment; None where its codes do not fit, or the one that is all ones is used."""
    bits, values, code, at = bytearray(), bytearray(), 0, 0
    for length, count in enumerate(counts, 1):
        code = 2 * code + count
        if count and code >= 1 << length:
            return None
        span = 1 << _LONGEST - length
        bits += bytes([length]) * (span * count)
        for symbol in symbols[at : at + count]:
            values += bytes([symbol]) * span
        at += count
    return Table(bytes(bits.ljust(1 << _LONGEST, b"\0")), bytes(values.ljust(1 << _LONGEST, b"\0")))


@dataclass(frozen=True, slots=True)
class Block:
    """One block of each unit of a scan: its component, and the tables it is coded with."""

    component: int
    dc: Table | None
    ac: Table | None


@dataclass(frozen=True, slots=True)
class Band:
    """What a scan holds of each block: its first and last coefficient, and the bit before which they are told, from
    one known before (0: none)."""

    first: int
    last: int
    before: int


@dataclass(slots=True)
class CodeFollower:
    """One picture's scans, in their order. ``can``: whether those so far could be followed at all."""

    is_progressive: bool
    can: bool = True
    _blocks: int = 0
    _known: dict[int, list[int]] = field(default_factory=dict)
    """Of a progressive picture: for each block of a component, which coefficients are not zero."""
    _ended: int = 0
    """Blocks to come that are told to have nothing more in this band."""

    def follow(self, data: bytes, interval: int, units: int, blocks: Sequence[Block], band: Band) -> None:
        """Follow one scan of so many units; ``interval`` of them stand between two restarts. Raises Astray."""
        self._blocks += units * len(blocks)
        is_dc = self.is_progressive and not band.first
        missing = any(
            (one.dc is None and not (band.first or (is_dc and band.before))) or (one.ac is None and not is_dc)
            for one in blocks
        )
        self.can = self.can and not missing and self._blocks <= MOST_BLOCKS
        if not self.can:
            return
        if band.first:
            self._known.setdefault(blocks[0].component, [0] * units)
        done = 0
        for part in _RESTART.split(data):
            reader, until = _Reader(part), min(units, done + interval) if interval else units
            # A restart ends a run of blocks that have nothing more.
            self._ended = 0
            for unit in range(done, until):
                for block in blocks:
                    self._block(reader, block, band, unit)
            reader.finish()
            done = until
        if done < units:
            raise Astray

    def _block(self, reader: _Reader, block: Block, band: Band, unit: int) -> None:
        if not self.is_progressive:
            reader.block(block)
        elif band.first:
            known = self._known[block.component]
            if unit < len(known):
                refine = self._refined if band.before else self._first
                known[unit] = refine(reader, block, band, known[unit])
        elif band.before:  # a refining scan of DC: single bits, without a table
            reader.skip(1)
        else:
            reader.skip(reader.symbol(block.dc))

    def _first(self, reader: _Reader, block: Block, band: Band, known: int) -> int:
        """Coefficients that are told for the first time."""
        if self._ended:
            self._ended -= 1
            return known
        at = band.first
        while at <= band.last:
            symbol = reader.symbol(block.ac)
            run, size = symbol >> 4, symbol & 15
            if size:
                at += run
                known |= 1 << at
                reader.skip(size)
            elif run < _LONG_RUN:
                self._ended = (1 << run) + reader.take(run) - 1
                break
            else:
                at += _LONG_RUN
            at += 1
        return known

    def _refined(self, reader: _Reader, block: Block, band: Band, known: int) -> int:
        """One more bit of those that are known, and those that are new at this bit."""
        at, new = band.first, 0
        while at <= band.last and not self._ended:
            symbol = reader.symbol(block.ac)
            run, size = symbol >> 4, symbol & 15
            if size:
                reader.skip(1)
            elif run < _LONG_RUN:
                self._ended = (1 << run) + reader.take(run)
                break
            while at <= band.last:  # those already known lie between, a bit for each
                if known >> at & 1:
                    reader.skip(1)
                elif run:
                    run -= 1
                else:
                    break
                at += 1
            new |= 1 << at if size and at <= band.last else 0
            at += 1
        if self._ended:
            self._ended -= 1
            reader.skip((known >> at & (1 << max(0, band.last + 1 - at)) - 1).bit_count())
        return known | new


class _Reader:
    """The bits between two restarts. Raises Astray for what cannot be."""

    def __init__(self, data: bytes) -> None:
        # Fill bytes before a marker; and a zero stuffed behind each 0xFF.
        self._data = data.rstrip(b"\xff").replace(b"\xff\x00", b"\xff")
        self._end = 8 * len(self._data)
        self._at = 0
        self._begin, self._number = -1, 0

    def _ahead(self) -> int:
        """The next 16 bits; zeros behind the end."""
        begin = self._at >> 3
        if not self._begin <= begin < self._begin + _AHEAD - 4 or self._begin < 0:
            self._begin = begin
            self._number = int.from_bytes(self._data[begin : begin + _AHEAD].ljust(_AHEAD, b"\0"))
        return self._number >> 8 * (_AHEAD + self._begin) - _LONGEST - self._at & 0xFFFF

    def symbol(self, codes: Table | None) -> int:
        """The next symbol."""
        window = self._ahead()
        if codes is None or not (length := codes.bits[window]):
            raise Astray
        self.skip(length)
        return codes.symbols[window]

    def skip(self, bits: int) -> None:
        """Leave out some bits."""
        self._at += bits
        if self._at > self._end:
            raise Astray

    def take(self, bits: int) -> int:
        """The next bits as a number; at most 16."""
        number = self._ahead() >> _LONGEST - bits
        self.skip(bits)
        return number

    def block(self, block: Block) -> None:
        """A whole block at once: what nearly all pictures consist of."""
        dc, ac = block.dc, block.ac
        begin, at = self._at >> 3, self._at & 7
        number = int.from_bytes(self._data[begin : begin + _AHEAD].ljust(_AHEAD, b"\0"))
        top = 8 * _AHEAD - _LONGEST
        window = number >> top - at & 0xFFFF
        if dc is None or ac is None or not (length := dc.bits[window]):
            raise Astray
        at += length + dc.symbols[window]
        bits, symbols, coefficient = ac.bits, ac.symbols, 1
        while coefficient < 64:
            window = number >> top - at & 0xFFFF
            if not (length := bits[window]):
                raise Astray
            at += length
            symbol = symbols[window]
            if size := symbol & 15:
                at += size
            elif symbol >> 4 < _LONG_RUN:
                break
            coefficient += (symbol >> 4) + 1
        self._at = 8 * begin
        self.skip(at)

    def finish(self) -> None:
        """Raises Astray where more is left than what fills the last byte."""
        if self._end - self._at >= 8:
            raise Astray
