"""JPEG, read to its end: segments and scans as a decoder wants them, and what no encoder writes into a scan."""

from __future__ import annotations

import re
import struct
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import BinaryIO

from artui.files.walks import BLOCK, Broken, Doubt, at
from artui.files.zeros import zero_runs

_SOI, _EOI, _SOS, _DHT, _DQT, _DRI, _DNL, _COM = 0xD8, 0xD9, 0xDA, 0xC4, 0xDB, 0xDD, 0xDC, 0xFE
_FRAMES = frozenset(range(0xC0, 0xD0)) - {_DHT, 0xC8, 0xCC}
_HUFFMAN = {0xC0, 0xC1, 0xC2}  # baseline, extended, progressive: what cameras and programs write
_PROGRESSIVE = 0xC2
_SEGMENTS = {_DHT, _DQT, _DRI, _DNL, _COM, 0xCC, *range(0xE0, 0xF0)}

_MARKER = re.compile(rb"\xff[^\x00\xff]")  # begins with one plain byte: searched sixteen times as fast as with a class
_MOST_SEGMENTS = 10_000
_SAMPLE = 1024 * 1024  # bytes of a scan in which line ends are counted
_LIKE_LINE_ENDS = (8, 9, 11, 12, 14, 15)  # bytes that no such program changes
_EXPECTED = 16.0  # that many by chance, and none: one in ten million

_BROKEN = "its structure is broken"


@dataclass(slots=True)
class _Component:
    """One colour of the frame: how many blocks across and down in a unit of the picture."""

    across: int
    down: int


@dataclass(slots=True)
class _Picture:
    """What the segments have said so far. `zeros` maps class and number of a Huffman table to the code that is all
    zeros: its symbol and its bits."""

    frame: int = 0
    width: int = 0
    height: int = 0
    components: dict[int, _Component] = field(default_factory=dict)
    zeros: dict[tuple[int, int], tuple[int, int]] = field(default_factory=dict)
    interval: int = 0

    def units(self, parts: list[int]) -> int:
        """How many units a scan of these components has."""
        most_across = max(one.across for one in self.components.values())
        most_down = max(one.down for one in self.components.values())
        one = self.components[parts[0]]
        across, down = (one.across, one.down) if len(parts) == 1 else (1, 1)
        wide, high = 8 * most_across, 8 * most_down
        return -(-self.width * across // wide) * -(-self.height * down // high)


@dataclass(slots=True)
class _Scan:
    """One scan: its components with their tables, its first coefficient, and where its data lies."""

    tables: list[tuple[int, int, int]]
    first: int
    start: int
    end: int = 0
    restarts: bytearray = field(default_factory=bytearray)


def doubt(file: BinaryIO, _size: int) -> Doubt | None:
    """What speaks against a JPEG whose beginning and end are there. Raises Broken for what no decoder reads."""
    picture, weak, junk = _Picture(), None, False
    offset, scan, scans = 2, None, 0
    for _ in range(_MOST_SEGMENTS):
        found, begun, marker = _next(file, offset, scan)
        junk = junk or (scan is None and begun != offset)
        if scan is not None:
            scan.end, scans = found, scans + 1
            said = _of_scan(file, picture, scan)
            if said is not None and said.is_likely:
                return said
            weak, scan = weak or said, None
        if marker == _EOI:
            return Doubt("bytes that do not belong there stand between its parts") if junk else weak
        if not (marker in _SEGMENTS or marker in _FRAMES or marker == _SOS):
            return Doubt("its picture data breaks off in the middle")
        length = int.from_bytes(at(file, found + 2, 2))
        if length < 2:
            raise Broken("damaged", _BROKEN)
        body = at(file, found + 4, length - 2) if marker in (_DHT, _DRI, _SOS) or marker in _FRAMES else b""
        offset = found + 2 + length
        if marker == _SOS:
            scan = _scan(picture, body, offset)
            if scan is None:
                return weak  # a kind of JPEG nothing is known of
        else:
            _segment(picture, marker, body, scans)
    raise Broken("damaged", "it has more segments than any photo")


def _next(file: BinaryIO, offset: int, scan: _Scan | None) -> tuple[int, int, int]:
    """Where the next marker is, where its fill bytes begin, and which it is; restarts of a scan are noted."""
    file.seek(offset)
    last = b""
    while block := file.read(BLOCK):
        window = last + block
        for found in _MARKER.finditer(window):
            place, marker = found.start(), window[found.start() + 1]
            if scan is None or not 0xD0 <= marker <= 0xD7:
                filled = len(window[:place]) - len(window[:place].rstrip(b"\xff"))
                return offset - len(last) + place, offset - len(last) + place - filled, marker
            scan.restarts.append(marker)
        offset += len(block)
        last = window[-1:] if window[-1] == 0xFF else b""
    raise Broken("truncated", "the end of the JPEG is missing")


def _segment(picture: _Picture, marker: int, body: bytes, scans: int) -> None:
    if marker == _DHT:
        _huffman(picture, body)
    elif marker == _DRI and len(body) >= 2:
        picture.interval = int.from_bytes(body[:2])
    elif marker in _FRAMES:
        if picture.frame or scans or len(body) < 6 or len(body) < 6 + 3 * body[5]:
            raise Broken("damaged", _BROKEN)
        picture.frame = marker
        picture.height, picture.width = struct.unpack(">HH", body[1:5])
        for number, sampling, _ in struct.iter_unpack("BBB", body[6 : 6 + 3 * body[5]]):
            picture.components[number] = _Component(sampling >> 4, sampling & 15)
        if not all(1 <= one.across <= 4 and 1 <= one.down <= 4 for one in picture.components.values()):
            raise Broken("damaged", _BROKEN)


def _huffman(picture: _Picture, body: bytes) -> None:
    while body:
        counts = body[1:17]
        symbols = body[17 : 17 + sum(counts)]
        if len(counts) < 16 or len(symbols) < sum(counts) or not 0 < sum(counts) <= 256 or body[0] & 0xEC:
            raise Broken("damaged", _BROKEN)
        shortest = next(bits for bits, count in enumerate(counts, 1) if count)
        picture.zeros[body[0] >> 4, body[0] & 15] = symbols[0], shortest
        body = body[17 + sum(counts) :]


def _scan(picture: _Picture, body: bytes, start: int) -> _Scan | None:
    """The scan that begins; None where it is of a kind nothing is known of."""
    number = body[0] if body else 0
    if not picture.frame or len(body) < 4 + 2 * number or not 1 <= number <= 4:
        raise Broken("damaged", _BROKEN)
    if picture.frame not in _HUFFMAN or not picture.height:
        return None
    parts = struct.iter_unpack("BB", body[1 : 1 + 2 * number])
    tables = [(part, table >> 4, table & 15) for part, table in parts]
    first, last, bits = body[1 + 2 * number : 4 + 2 * number]
    if any(part not in picture.components for part, _, _ in tables):
        raise Broken("damaged", _BROKEN)
    if picture.frame == _PROGRESSIVE and not _is_progression(number, first, last, bits >> 4, bits & 15):
        raise Broken("damaged", _BROKEN)
    return _Scan(tables, first, start)


def _is_progression(number: int, first: int, last: int, before: int, now: int) -> bool:
    spectrum = last == 0 if first == 0 else first <= last < 64 and number == 1
    return spectrum and now <= 13 and (before == 0 or before == now + 1)


def _of_scan(file: BinaryIO, picture: _Picture, scan: _Scan) -> Doubt | None:
    parts = [part for part, _, _ in scan.tables]
    units = picture.units(parts)
    if not _restarts_fit(scan.restarts, picture.interval, units):
        return Doubt("parts of its picture data are missing or out of order")
    if _is_converted(at(file, scan.start, min(_SAMPLE, scan.end - scan.start))):
        return Doubt("its line ends were changed, as a transfer in ASCII mode does")
    return next(_runs_that_mean_damage(file, picture, scan, min(units, picture.interval or units)), None)


def _restarts_fit(restarts: bytearray, interval: int, units: int) -> bool:
    """Whether the restart markers of a scan are numbered in turn, and as many as it must have."""
    if not interval:
        return not restarts
    due = -(-units // interval) - 1
    numbered = bytes(range(0xD0, 0xD8)) * (len(restarts) // 8 + 1)
    return len(restarts) in (due, due + 1) and restarts == numbered[: len(restarts)]


def _is_converted(data: bytes) -> bool:
    """Whether a program has taken picture data for text: where each byte should be there as often as any other."""
    expected = len(data) / 256
    if expected < 4 * _EXPECTED or not all(expected / 2 < data.count(byte) < 2 * expected for byte in _LIKE_LINE_ENDS):
        return False  # too little of it, or a flat ground, whose data repeats itself
    feeds, returns, both = data.count(b"\n"), data.count(b"\r"), data.count(b"\r\n")
    if not (feeds and returns):
        return True
    return feeds == both or (not both and feeds * returns / len(data) > _EXPECTED)


def _runs_that_mean_damage(file: BinaryIO, picture: _Picture, scan: _Scan, most: int) -> Iterator[Doubt]:
    """Runs of zeros in a scan's data: damage, unless its tables make zeros of a flat ground."""
    what = "zeros stand in the middle of its picture data"
    for _, length in zero_runs(file, scan.start, scan.end):
        if picture.frame == _PROGRESSIVE:
            yield Doubt(what, is_likely=scan.first > 0)
            continue
        flat = _bits_of_flat(picture, scan)
        yield Doubt(what, is_likely=not flat or 8 * length // flat > most)


def _bits_of_flat(picture: _Picture, scan: _Scan) -> int:
    """How many bits, all of them zeros, a unit of flat ground has in this scan; 0 where it has others."""
    bits = 0
    for part, dc, ac in scan.tables:
        same, first = picture.zeros.get((0, dc), (1, 0))
        end, further = picture.zeros.get((1, ac), (1, 0))
        if same or end:
            return 0
        one = picture.components[part]
        bits += (first + further) * (one.across * one.down if len(scan.tables) > 1 else 1)
    return bits
