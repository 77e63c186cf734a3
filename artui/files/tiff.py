"""TIFF: every directory, and every value, strip and tile they point at, lies inside the file."""

from __future__ import annotations

import struct
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import repeat
from operator import add
from typing import BinaryIO

from artui.files.walks import MOST_PARTS, Broken, at

_SIZES = {1: 1, 2: 1, 3: 2, 4: 4, 5: 8, 6: 1, 7: 1, 8: 2, 9: 4, 10: 8, 11: 4, 12: 8, 13: 4, 16: 8, 17: 8, 18: 8}
_NUMBERS = {1: "B", 3: "H", 4: "I", 13: "I", 16: "Q", 18: "Q"}
_RUNS = ((273, 279), (324, 325), (513, 514))  # where strips, tiles, an embedded JPEG start, and their lengths
_FILL_ORDER, _JPEG_TABLES, _THINNED_OUT = 266, 347, 530
_TILES = (322, 323)  # width and height of a tile
_WIDTH, _HEIGHT, _BITS, _COMPRESSION, _SAMPLES, _ROWS, _PLANAR = 256, 257, 258, 259, 277, 278, 284
_PICTURE = {*range(256, 260), 262, 273, *range(277, 280), 284, 320, *range(322, 326), 330, 347, 513, 514, 34675, 50706}
_MOST_FIELDS = 1000  # of a directory behind the first: what has more is none
_APART, _YCBCR = 2, 6  # planes one after the other; colours that may be thinned out
_SUB_DIRECTORIES, _PHOTOMETRIC, _DNG_VERSION = 330, 262, 50706
_SENSOR_DATA = {32803, 34892}  # photometric: colour filter array, linear raw
_EXTRA = 338  # samples that are no colours
_COLOURS = {0: 1, 1: 1, 2: 3, 3: 1}  # how many there are: grey, RGB, palette
_SHORT_OR_LONG = (3, 4, 16)
_PACKINGS = {1, 2, 3, 4, 5, 6, 7, 8, 32773, 32946, 34661, 34676, 34677, 34887, 34925, 50000, 50001}
_JPEGS = (6, 7)
_COMMON_BITS, _COLOUR_BITS = {1, 2, 4, 8, 16, 32}, {8, 16, 32}
_OUTSIDE = "a part of the TIFF lies beyond its end"


@dataclass(frozen=True, slots=True)
class TiffField:
    """One value of a directory: an array of `count` numbers that starts at `offset`."""

    kind: int
    count: int
    offset: int


class Tiff:
    """One walk over a TIFF or BigTIFF of either byte order."""

    def __init__(self, file: BinaryIO, size: int) -> None:
        self.file, self.size = file, size
        head = at(file, 0, 16 if size >= 16 else 8)
        self.order = "<" if head[:2] == b"II" else ">"
        self.big = 43 in head[2:4]  # 42 is TIFF, 43 BigTIFF; the order of bytes is left open
        self.offset_code, self.count_code = ("Q", "Q") if self.big else ("I", "H")
        if self.big and len(head) < 16:
            raise Broken("truncated", _OUTSIDE)
        (self.first,) = struct.unpack_from(self.order + self.offset_code, head, 8 if self.big else 4)
        self.left = MOST_PARTS
        self.end = 0

    def inside(self, offset: int, length: int) -> None:
        """Note a part of the file. Raises Broken where it is not all there."""
        self.end = max(self.end, offset + length)
        if self.end > self.size:
            raise Broken("truncated", _OUTSIDE)

    def is_stray(self, offset: int) -> bool:
        """Whether what should lead to a further directory leads nowhere: some programs leave any number there.

        A pointer behind the file counts only where the file ends with its last part, so that nothing was cut off.
        """
        if offset >= self.size:
            return self.end + 1 >= self.size
        head = struct.Struct(self.order + self.count_code)
        entry = struct.Struct(f"{self.order}HH{self.offset_code}{self.offset_code}")
        if offset + head.size > self.size:
            return False
        count = int(head.unpack(at(self.file, offset, head.size))[0])
        if count > _MOST_FIELDS:
            return True
        if offset + head.size + count * entry.size > self.size:
            return False
        entries = list(entry.iter_unpack(at(self.file, offset + head.size, count * entry.size)))
        tags = [tag for tag, *_ in entries]
        return tags != sorted(tags) or any(kind not in _SIZES for _, kind, *_ in entries)

    def number(self, fields: dict[int, TiffField], tag: int, otherwise: int) -> int:
        """The first number of a field; `otherwise` where there is none."""
        field = fields.get(tag)
        return next(self.numbers(field))[0] if field and field.count and field.kind in _NUMBERS else otherwise

    def spend(self, parts: int) -> None:
        """Count parts that are looked at. Raises Broken beyond all measure."""
        self.left -= parts
        if self.left < 0:
            raise Broken("damaged", "it has more parts than any photo")

    def directory(self, offset: int) -> tuple[dict[int, TiffField], int]:
        """The fields of one directory, and where the next one starts (0: nowhere)."""
        head = struct.Struct(self.order + self.count_code)
        entry = struct.Struct(f"{self.order}HH{self.offset_code}{self.offset_code}")
        link = struct.Struct(self.order + self.offset_code)
        self.inside(offset, head.size)
        (count,) = head.unpack(at(self.file, offset, head.size))
        if count > 0xFFFF:  # BigTIFF has eight bytes for it
            raise Broken("damaged", "its structure is broken")
        self.spend(count)
        offset += head.size
        fields = {}
        for tag, kind, number, value in entry.iter_unpack(at(self.file, offset, count * entry.size)):
            offset += entry.size
            length = number * _SIZES.get(kind, 0)
            if length > link.size:
                if tag not in _PICTURE and value > 2 * self.size:  # nearer to the end it may have been cut off
                    continue  # a number that leads nowhere, in a field that the picture does without
                self.inside(value, length)
                fields[tag] = TiffField(kind, number, value)
            else:  # so short that it stands in the entry itself
                fields[tag] = TiffField(kind, number, offset - link.size)
        self.inside(offset, link.size)
        (following,) = link.unpack(at(self.file, offset, link.size))
        return fields, following

    def bytes_of(self, field: TiffField) -> int:
        """How many bytes a field has."""
        return field.count * _SIZES.get(field.kind, 0)

    def numbers(self, field: TiffField) -> Iterator[tuple[int, ...]]:
        """The numbers of a field, a block at a time."""
        code = _NUMBERS.get(field.kind)
        if code is None:
            raise Broken("damaged", "its structure is broken")
        self.spend(field.count)
        width = struct.calcsize("<" + code)
        for start in range(0, field.count, 8192):
            count = min(8192, field.count - start)
            yield struct.unpack(
                f"{self.order}{count}{code}", at(self.file, field.offset + start * width, count * width)
            )


def check(file: BinaryIO, size: int) -> None:
    """Walk a TIFF of `size` bytes. Raises Broken."""
    tiff, picture = Tiff(file, size), False
    for fields in _directories(tiff):
        # A camera's raw file is a TIFF whose first picture is a thumbnail: a service would retouch that, and charge.
        photometric = fields.get(_PHOTOMETRIC)
        values = {value for numbers in tiff.numbers(photometric) for value in numbers} if photometric else set()
        if _DNG_VERSION in fields or values & _SENSOR_DATA:
            raise Broken("unsupported", "it is a camera's raw file")
        picture = _check_runs(tiff, fields) or picture
    if not picture:
        raise Broken("truncated", "there is no picture in the TIFF")


@dataclass(frozen=True, slots=True)
class Piece:
    """A strip or tile: how it is packed, where it starts and its bytes, the bytes it must have at least when unpacked
    (0: not known), and where the tables of a JPEG in pieces stand."""

    packing: int
    start: int
    length: int
    unpacked: int
    tables: TiffField | None


def pieces(file: BinaryIO, size: int) -> Iterator[Piece]:
    """The strips and tiles of all pictures. Raises Broken where one of them is missing."""
    tiff = Tiff(file, size)
    for fields in _directories(tiff):
        packing = tiff.number(fields, _COMPRESSION, 1)
        _refuse_missing_rows(tiff, fields, packing)
        for starts, lengths in _RUNS[:2]:
            if starts in fields and lengths in fields:
                unpacked = _unpacked(tiff, fields, tiled=starts == _RUNS[1][0])
                for pair in zip(tiff.numbers(fields[starts]), tiff.numbers(fields[lengths]), strict=True):
                    for start, length in zip(*pair, strict=True):
                        tiff.inside(start, length)
                        yield Piece(packing, start, length, next(unpacked), fields.get(_JPEG_TABLES))


def _planes(tiff: Tiff, fields: dict[int, TiffField]) -> tuple[int, int]:
    """In how many planes a picture stands, and the bits of a pixel in each; one that states no sample has one."""
    samples = max(1, tiff.number(fields, _SAMPLES, 1))
    planes = samples if tiff.number(fields, _PLANAR, 1) == _APART else 1
    return planes, tiff.number(fields, _BITS, 1) * samples // planes


def _unpacked(tiff: Tiff, fields: dict[int, TiffField], *, tiled: bool) -> Iterator[int]:
    """How many bytes each strip or tile has when it is unpacked."""
    if tiff.number(fields, _PHOTOMETRIC, 0) == _YCBCR or tiff.number(fields, _FILL_ORDER, 1) != 1:
        # Without end, like each `repeat` here: nothing below is reached.
        yield from repeat(0)  # its colours may be thinned out; its bits stand the other way round
    planes, bits = _planes(tiff, fields)
    if tiled:
        width, height = (tiff.number(fields, tag, 0) for tag in _TILES)
        yield from repeat(-(-width * bits // 8) * height)
    row = -(-tiff.number(fields, _WIDTH, 0) * bits // 8)
    height = tiff.number(fields, _HEIGHT, 0)
    rows = max(1, min(tiff.number(fields, _ROWS, height), height))
    for _ in range(planes):
        yield from (row * min(rows, height - top) for top in range(0, height, rows))
    yield from repeat(0)


def rarity(file: BinaryIO, size: int) -> str:
    """What common programs do not read in the first picture of a TIFF; empty where there is nothing."""
    tiff = Tiff(file, size)
    fields, _ = tiff.directory(tiff.first)
    if not any(starts in fields for starts, _ in _RUNS):
        return "its first picture is missing"
    for tag in (_WIDTH, _HEIGHT):
        if tag in fields and (fields[tag].count != 1 or fields[tag].kind not in _SHORT_OR_LONG):
            return "its header says in an odd way how large it is"
    if _PHOTOMETRIC not in fields:
        return "its header does not say what its colours are"
    packing = tiff.number(fields, _COMPRESSION, 1)
    if packing not in _PACKINGS:
        return "it is packed in a way that few programs unpack"
    return _odd_colours(tiff, fields, packing)


def _odd_colours(tiff: Tiff, fields: dict[int, TiffField], packing: int) -> str:
    bits = {one for numbers in tiff.numbers(fields[_BITS]) for one in numbers} if _BITS in fields else {1}
    samples, colours = tiff.number(fields, _SAMPLES, 1), tiff.number(fields, _PHOTOMETRIC, 0)
    if len(bits) > 1 or not bits <= (_COMMON_BITS if samples == 1 else _COLOUR_BITS):
        return f"it has {'/'.join(map(str, sorted(bits)))} bits a colour, which few programs read"
    extra = [one for numbers in tiff.numbers(fields[_EXTRA]) for one in numbers] if _EXTRA in fields else []
    if tiff.number(fields, _FILL_ORDER, 1) not in (1, 2) or not set(extra) <= {0, 1, 2}:
        return "its header says what few programs understand"
    if _BITS in fields and fields[_BITS].count not in (1, samples):
        return "its header says in an odd way what its colours are"
    if samples - len(extra) != _COLOURS.get(colours, samples - len(extra)):
        return "it has another number of colours than its kind has"
    is_apart = tiff.number(fields, _PLANAR, 1) == _APART
    if colours == _YCBCR and packing not in _JPEGS and is_apart and tiff.number(fields, _THINNED_OUT, 2) > 1:
        return "its colours are stored in a way that few programs read"
    return ""


def _directories(tiff: Tiff) -> Iterator[dict[int, TiffField]]:
    waiting, seen = [tiff.first], {0}  # 0 leads nowhere; and a ring of directories must end
    while waiting:
        offset = waiting.pop()
        if offset in seen:
            continue
        seen.add(offset)
        fields, following = tiff.directory(offset)
        yield fields
        if following and not tiff.is_stray(following):
            waiting.append(following)
        if field := fields.get(_SUB_DIRECTORIES):
            for numbers in tiff.numbers(field):
                waiting.extend(numbers)


def _refuse_missing_rows(tiff: Tiff, fields: dict[int, TiffField], packing: int) -> None:
    """Refuse a picture with fewer strips, or where nothing is packed fewer bytes, than its rows need."""
    if _RUNS[0][0] not in fields or _RUNS[0][1] not in fields:
        return
    width, height = tiff.number(fields, _WIDTH, 0), tiff.number(fields, _HEIGHT, 0)
    planes, bits = _planes(tiff, fields)
    rows = min(tiff.number(fields, _ROWS, height), height)
    if rows and fields[_RUNS[0][0]].count < -(-height // rows) * planes:
        raise Broken("truncated", "some of its rows are missing")
    if packing == 1 and tiff.number(fields, _PHOTOMETRIC, 0) != _YCBCR:  # colours thinned out take fewer bytes
        needed = -(-width * bits // 8) * height * planes
        if sum(map(sum, tiff.numbers(fields[_RUNS[0][1]]))) < needed:
            raise Broken("truncated", "some of its rows are missing")


def _check_runs(tiff: Tiff, fields: dict[int, TiffField]) -> bool:
    """Check the strips and tiles of one directory; tell whether it has any."""
    found = False
    for starts, lengths in _RUNS:
        if starts not in fields:
            continue
        found = True
        if lengths not in fields:  # old programs leave out the length of a single strip
            for numbers in tiff.numbers(fields[starts]):
                tiff.inside(max(numbers), 1)
        elif fields[starts].count != fields[lengths].count:
            raise Broken("damaged", "its structure is broken")
        else:
            for pair in zip(tiff.numbers(fields[starts]), tiff.numbers(fields[lengths]), strict=True):
                tiff.inside(max(map(add, *pair)), 0)
    return found
