"""JPEG, read to its end: segments and scans as a decoder wants them, and what no encoder writes into a scan.

A small picture's scans are followed code by code; of a large one's, what can be told without that is looked at.
"""

from __future__ import annotations

import re
import struct
import sys
from dataclasses import dataclass, field
from typing import BinaryIO

from artui.files.huffman import MOST_BYTES, Astray, Band, Block, CodeFollower, table
from artui.files.walks import BLOCK, Broken, Doubt, at
from artui.files.zeros import zero_runs

_SOI, _EOI, _SOS, _DHT, _DQT, _DRI, _DNL, _COM = 0xD8, 0xD9, 0xDA, 0xC4, 0xDB, 0xDD, 0xDC, 0xFE
FRAMES = frozenset(range(0xC0, 0xD0)) - {_DHT, 0xC8, 0xCC}
_HUFFMAN = {0xC0, 0xC1, 0xC2}  # baseline, extended, progressive: what cameras and programs write
_KNOWN_TO_SOME = {0xC3, 0xC9, 0xCA}  # lossless, and coded by arithmetic
_PROGRESSIVE = 0xC2
_LAST = 63  # coefficient of a block
_MOST_BITS = 15  # of a number in it
_STANDARD_TABLES = 2  # Huffman tables that decoders put in where a camera's film has left them out
_READ = (_DHT, _DQT, _DRI, _SOS)  # besides frames
_SEGMENTS = {_DHT, _DQT, _DRI, _DNL, _COM, 0xCC, *range(0xE0, 0xF0)}

_MARKER = re.compile(rb"\xff[^\x00\xff]")  # begins with one plain byte: searched sixteen times as fast as with a class
_MOST_SEGMENTS = 10_000
_SAMPLE = 1024 * 1024  # bytes of a scan in which line ends are counted
_LIKE_LINE_ENDS = (8, 9, 11, 12, 14, 15)  # bytes that no such program changes
_EXPECTED = 16.0  # that many by chance, and none: one in ten million

_BROKEN = "its structure is broken"
_RARE = "it is a kind of JPEG that few programs read"
_ASTRAY = "its picture data is damaged, or breaks off in the middle"


@dataclass(slots=True)
class _Component:
    """One colour of the frame: how many blocks across and down in a unit of the picture, its quantization table, and
    the bit to which each coefficient of a progressive picture has been told (None: not at all)."""

    across: int
    down: int
    quantization: int
    told: list[int | None] = field(default_factory=lambda: [None] * (_LAST + 1))


@dataclass(slots=True)
class _Picture:
    """What the segments have said so far; of Huffman tables, by class and number, their counts and symbols."""

    frame: int = 0
    bits: int = 0
    width: int = 0
    height: int = 0
    components: dict[int, _Component] = field(default_factory=dict)
    tables: dict[tuple[int, int], tuple[bytes, bytes]] = field(default_factory=dict)
    quantizations: set[int] = field(default_factory=set)
    interval: int = 0
    follower: CodeFollower | None = None

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
    """One scan: its components with their tables, its coefficients, and where its data lies."""

    tables: list[tuple[int, int, int]]
    band: Band
    start: int
    end: int = 0
    restarts: bytearray = field(default_factory=bytearray)


def doubt(file: BinaryIO, size: int, *, follow: bool = True) -> Doubt | None:
    """What speaks against a JPEG whose beginning and end are there. Raises Broken for what no decoder reads.

    `follow`: where it is small, its scans too.
    """
    size = size if follow else sys.maxsize  # as large as no scan that is followed
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
            weak, scan = weak or said, None  # a likely doubt of a later scan outweighs it
        if marker == _EOI:
            return Doubt("bytes that do not belong there stand between its parts") if junk else weak
        if not (marker in _SEGMENTS or marker in FRAMES or marker == _SOS):
            return Doubt("its picture data breaks off in the middle")
        length = int.from_bytes(at(file, found + 2, 2))
        if length < 2:
            raise Broken("damaged", _BROKEN)
        body = at(file, found + 4, length - 2) if marker in _READ or marker in FRAMES else b""
        offset = found + 2 + length
        if marker == _SOS:
            scan, said = _begun(picture, body, offset, size)
            if scan is None:
                return said or weak
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
    elif marker == _DQT:
        while body:
            picture.quantizations.add(body[0] & 15)
            body = body[1 + (128 if body[0] >> 4 else 64) :]
    elif marker == _DRI and len(body) >= 2:
        picture.interval = int.from_bytes(body[:2])
    elif marker in FRAMES:
        if picture.frame or scans or len(body) < 6 or len(body) < 6 + 3 * body[5]:
            raise Broken("damaged", _BROKEN)
        picture.frame, picture.bits = marker, body[0]
        picture.height, picture.width = struct.unpack(">HH", body[1:5])
        for number, sampling, quantization in struct.iter_unpack("BBB", body[6 : 6 + 3 * body[5]]):
            picture.components[number] = _Component(sampling >> 4, sampling & 15, quantization)
        if not all(1 <= one.across <= 4 and 1 <= one.down <= 4 for one in picture.components.values()):
            raise Broken("damaged", _BROKEN)


def _huffman(picture: _Picture, body: bytes) -> None:
    while body:
        counts = body[1:17]
        symbols = body[17 : 17 + sum(counts)]
        # 0xEC: all bits but those of the class (0, 1) and the number (0 to 3).
        if len(counts) < 16 or len(symbols) < sum(counts) or not 0 < sum(counts) <= 256 or body[0] & 0xEC:
            raise Broken("damaged", _BROKEN)
        picture.tables[body[0] >> 4, body[0] & 15] = counts, symbols
        body = body[17 + sum(counts) :]


def _begun(picture: _Picture, body: bytes, start: int, size: int) -> tuple[_Scan | None, Doubt | None]:
    """The scan that begins, if it is worth looking into, and what there is to doubt by its header."""
    scan = _scan(picture, body, start)
    if scan is None:  # of a kind of which nothing is known here
        return None, None if picture.bits == 8 and picture.frame in _KNOWN_TO_SOME else Doubt(_RARE)
    if said := _out_of_order(picture, scan, body[-1]):
        return None, said
    if picture.follower is None:
        is_progressive = picture.frame == _PROGRESSIVE
        small = MOST_BYTES // 2 if is_progressive else MOST_BYTES  # its scans take twice as long
        picture.follower = CodeFollower(is_progressive, can=size - start <= small)
    return scan, None


def _scan(picture: _Picture, body: bytes, start: int) -> _Scan | None:
    """The scan that begins; None where it is of a kind nothing is known of."""
    number = body[0] if body else 0
    if not picture.frame or len(body) < 4 + 2 * number or not 1 <= number <= 4:
        raise Broken("damaged", _BROKEN)
    if picture.frame not in _HUFFMAN or picture.bits != 8 or not picture.height:  # height 0: told behind the scan (DNL)
        return None
    parts = struct.iter_unpack("BB", body[1 : 1 + 2 * number])
    tables = [(part, table >> 4, table & 15) for part, table in parts]
    first, last, bits = body[1 + 2 * number : 4 + 2 * number]
    if any(part not in picture.components for part, _, _ in tables):
        raise Broken("damaged", _BROKEN)
    if any(picture.components[part].quantization not in picture.quantizations for part, _, _ in tables):
        raise Broken("damaged", _BROKEN)
    band = Band(first, last, bits >> 4)
    for _, dc, ac in tables:
        _refuse_table(picture, 0, dc, is_used=first == 0 and not bits >> 4)  # a refining scan of DC has no codes
        _refuse_table(picture, 1, ac, is_used=first > 0 or picture.frame != _PROGRESSIVE)
    before, now = bits >> 4, bits & 15
    is_spectrum = last == 0 if first == 0 else first <= last < 64 and number == 1
    is_progression = is_spectrum and now <= 13 and (before == 0 or before == now + 1)
    if picture.frame == _PROGRESSIVE and not is_progression:
        raise Broken("damaged", _BROKEN)
    return _Scan(tables, band, start)


def _refuse_table(picture: _Picture, kind: int, number: int, *, is_used: bool) -> None:
    """Refuse a Huffman table that is used and not there, or none."""
    if not is_used:
        return
    if (kind, number) not in picture.tables:
        if number < _STANDARD_TABLES:
            return
        raise Broken("damaged", _BROKEN)
    counts, symbols = picture.tables[kind, number]
    if table(counts, symbols) is None or (kind == 0 and max(symbols) > _MOST_BITS):
        raise Broken("damaged", _BROKEN)


def _out_of_order(picture: _Picture, scan: _Scan, bits: int) -> Doubt | None:
    """Whether a scan tells what no scan can tell at its place."""
    band, now = scan.band, bits & 15
    if picture.frame != _PROGRESSIVE:
        return None if (band.first, band.last, bits) == (0, _LAST, 0) else Doubt(_BROKEN)
    for part, _, _ in scan.tables:
        told = picture.components[part].told
        if band.first and told[0] is None:
            return Doubt(_BROKEN)
        for coefficient in range(band.first, band.last + 1):
            if (told[coefficient] or 0) != band.before:
                return Doubt(_BROKEN)
            told[coefficient] = now
    return None


def _of_scan(file: BinaryIO, picture: _Picture, scan: _Scan) -> Doubt | None:
    parts = [part for part, _, _ in scan.tables]
    units = picture.units(parts)
    if not _restarts_fit(scan.restarts, picture.interval, units):
        return Doubt("parts of its picture data are missing or out of order")
    if _is_converted(at(file, scan.start, min(_SAMPLE, scan.end - scan.start))):
        return Doubt("its line ends were changed, as a transfer in ASCII mode does")
    if _is_astray(file, picture, scan, units):
        return Doubt(_ASTRAY)
    run = next(zero_runs(file, scan.start, scan.end), None)
    if run is None:
        return None
    is_likely = scan.band.first > 0
    if picture.frame != _PROGRESSIVE:  # its tables may make zeros of a flat ground
        flat = _bits_of_flat(picture, scan)
        is_likely = not flat or 8 * run[1] // flat > min(units, picture.interval or units)
    return Doubt("zeros stand in the middle of its picture data", is_likely=is_likely)


def _is_astray(file: BinaryIO, picture: _Picture, scan: _Scan, units: int) -> bool:
    """Whether a scan does not come out: by all its codes where it is small, else by the fewest bits it must have."""
    is_dc = picture.frame == _PROGRESSIVE and not scan.band.first
    fewest, blocks = 0, []
    for part, dc, ac in scan.tables:
        tables = [picture.tables.get((kind, number)) for kind, number in ((0, dc), (1, ac))]
        count = picture.components[part].across * picture.components[part].down if len(scan.tables) > 1 else 1
        if not scan.band.first and not (is_dc and scan.band.before):
            fewest += count * sum(_shortest(one) for one in (tables[:1] if is_dc else tables))
        blocks += [Block(part, *(table(*one) if one else None for one in tables))] * count
    if units * fewest > 8 * (scan.end - scan.start):
        return True
    if picture.follower is not None and picture.follower.can:
        try:
            data = at(file, scan.start, scan.end - scan.start)
            picture.follower.follow(data, picture.interval, units, blocks, scan.band)
        except Astray:
            return True
    return False


def _shortest(codes: tuple[bytes, bytes] | None) -> int:
    """Bits of the shortest code; 0 where it is not known."""
    return next((bits for bits, count in enumerate(codes[0], 1) if count), 0) if codes else 0


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


def _bits_of_flat(picture: _Picture, scan: _Scan) -> int:
    """How many bits, all of them zeros, a unit of flat ground has in this scan; 0 where it has others."""
    bits = 0
    for part, dc, ac in scan.tables:
        same, first = _all_zeros(picture.tables.get((0, dc)))
        end, further = _all_zeros(picture.tables.get((1, ac)))
        if same or end:
            return 0
        one = picture.components[part]
        bits += (first + further) * (one.across * one.down if len(scan.tables) > 1 else 1)
    return bits


def _all_zeros(codes: tuple[bytes, bytes] | None) -> tuple[int, int]:
    """The symbol whose code is all zeros, and the bits of that; one that is none where the table is not known."""
    return (codes[1][0], _shortest(codes)) if codes else (1, 0)
