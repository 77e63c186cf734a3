"""What a photo says of itself: EXIF, IPTC and XMP, read leniently and in bounds.

What cannot be read is left out: metadata never makes a photo a bad one.
"""

from __future__ import annotations

import re
import struct
import unicodedata
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from enum import StrEnum
from functools import cached_property
from typing import TYPE_CHECKING, BinaryIO

if TYPE_CHECKING:
    from xml.etree.ElementTree import Element

MOST_BYTES = 1024 * 1024
"""Of one block of metadata; what lies beyond is not read."""

_MOST_VALUE = 64 * 1024
_MOST_FIELDS = 1000


class Keeping(StrEnum):
    """What of a photo's metadata its result gets."""

    NONE = "none"
    RIGHTS = "keep-rights"
    ALL = "keep"


# EXIF: a TIFF without a picture.

ORIENTATION, COLOR_SPACE = 274, 40961
_X_RESOLUTION, _Y_RESOLUTION, _RESOLUTION_UNIT = 282, 283, 296
_EXIF_DIRECTORY, _INTEROP_DIRECTORY, _INTEROP_INDEX = 34665, 40965, 1
_SIZES = {1: 1, 2: 1, 3: 2, 4: 4, 5: 8, 6: 1, 7: 1, 8: 2, 9: 4, 10: 8, 11: 4, 12: 8, 13: 4, 16: 8, 17: 8, 18: 8, 129: 1}
_NUMBERS = {1: "B", 3: "H", 4: "I", 8: "h", 9: "i", 13: "I", 16: "Q"}
_EXIF_NAMES = {
    "description": 270, "make": 271, "model": 272, "software": 305, "artist": 315, "copyright": 33432,
    "iso": 34855, "imageid": 42016, "owner": 42032, "serial": 42033, "lens": 42036, "lensserial": 42037,
}  # fmt: skip
_TAKEN, _DIGITIZED, _CHANGED = 36867, 36868, 306


@dataclass(frozen=True, slots=True)
class MetadataEntry:
    """A field of a directory: `count` values of a `kind` at `place`."""

    kind: int
    count: int
    place: int


class Directories:
    """The directories of a TIFF. A field that leads nowhere has no value."""

    def __init__(self, file: BinaryIO) -> None:
        self._file = file
        head = self._at(0, 16)
        self._order = "<" if head[:2] == b"II" else ">"
        is_big = 43 in head[2:4]
        self._counter, self._word = ("Q", "Q") if is_big else ("H", "I")
        self.first = self._number(self._word, 8 if is_big else 4) if head[:2] in (b"II", b"MM") else 0

    def directory(self, offset: int) -> tuple[dict[int, MetadataEntry], int]:
        """The fields of one directory, and where the next one starts (0: nowhere)."""
        count = self._number(self._counter, offset) if offset else 0
        if not 0 < count <= _MOST_FIELDS:
            return {}, 0
        entry = struct.Struct(f"{self._order}HH{self._word}{self._word}")
        word, start = struct.calcsize("<" + self._word), offset + struct.calcsize("<" + self._counter)
        raw, fields = self._at(start, count * entry.size), dict[int, MetadataEntry]()
        for place in range(0, len(raw) - entry.size + 1, entry.size):
            tag, kind, number, value = entry.unpack_from(raw, place)
            inside = number * _SIZES.get(kind, 1) <= word
            fields.setdefault(tag, MetadataEntry(kind, number, start + place + entry.size - word if inside else value))
        return fields, self._number(self._word, start + count * entry.size)

    def raw(self, entry: MetadataEntry | None, most: int = _MOST_VALUE) -> bytes:
        """The bytes of a field, so many at most."""
        return self._at(entry.place, min(most, entry.count * _SIZES.get(entry.kind, 1))) if entry else b""

    def numbers(self, entry: MetadataEntry | None) -> Sequence[float]:
        """The numbers of a field; fractions as they are."""
        raw = self.raw(entry)
        if entry is None or entry.kind not in (*_NUMBERS, 5):
            return ()
        if entry.kind == 5:
            pairs = struct.iter_unpack(self._order + "II", raw[: len(raw) // 8 * 8])
            return tuple(above / below if below else 0.0 for above, below in pairs)
        size = _SIZES[entry.kind]
        return struct.unpack(f"{self._order}{len(raw) // size}{_NUMBERS[entry.kind]}", raw[: len(raw) // size * size])

    def number(self, entry: MetadataEntry | None, otherwise: int = 0) -> int:
        """The first number of a field."""
        return int(next(iter(self.numbers(entry)), otherwise))

    def _number(self, code: str, offset: int) -> int:
        raw = self._at(offset, struct.calcsize("<" + code))
        return int(struct.unpack(self._order + code, raw)[0]) if len(raw) == struct.calcsize("<" + code) else 0

    def _at(self, offset: int, count: int) -> bytes:
        if not 0 <= offset < 1 << 62:  # beyond what a seek takes
            return b""
        self._file.seek(offset)
        return self._file.read(count)


# IPTC: datasets one after the other.

_IPTC_NAMES = {
    "objectname": 5, "urgency": 10, "category": 15, "fixtureid": 22, "keywords": 25, "instructions": 40,
    "datecreated": 55, "byline": 80, "bylinetitle": 85, "city": 90, "sublocation": 92, "state": 95, "country": 101,
    "jobid": 103, "headline": 105, "credit": 110, "source": 115, "copyright": 116, "contact": 118, "caption": 120,
}  # fmt: skip
_CHARSET, _RESOURCE = (1, 90), 0x0404


def iptc_of(resources: bytes) -> bytes:
    """The IPTC block among Photoshop's image resources; empty where there is none."""
    place = 0
    while resources[place : place + 4] in (b"8BIM", b"MeSa", b"PHUT", b"AgHg", b"DCSR"):
        number = int.from_bytes(resources[place + 4 : place + 6])
        begin = place + 6 + (resources[place + 6 : place + 7] + b"\0")[0] // 2 * 2 + 2
        length = int.from_bytes(resources[begin : begin + 4])
        if number == _RESOURCE:
            return resources[begin + 4 : begin + 4 + length]
        place = begin + 4 + length + length % 2
    return b""


def _datasets(block: bytes) -> Iterator[tuple[tuple[int, int], bytes]]:
    place = 0
    while block[place : place + 1] == b"\x1c" and place + 5 <= len(block):
        length = int.from_bytes(block[place + 3 : place + 5])
        begin = place + 5
        if length & 0x8000:
            begin, length = begin + (length & 0x7FFF), int.from_bytes(block[begin : begin + (length & 0x7FFF)][:8])
        yield (block[place + 1], block[place + 2]), block[begin : begin + length]
        place = begin + length


# XMP: properties of a namespace each.

RDF, XML = "http://www.w3.org/1999/02/22-rdf-syntax-ns#", "http://www.w3.org/XML/1998/namespace"
_PREFIXES = {
    "dc": "http://purl.org/dc/elements/1.1/", "xmp": "http://ns.adobe.com/xap/1.0/",
    "xmprights": "http://ns.adobe.com/xap/1.0/rights/", "photoshop": "http://ns.adobe.com/photoshop/1.0/",
    "iptc4xmpcore": "http://iptc.org/std/Iptc4xmpCore/1.0/xmlns/",
    "iptc4xmpext": "http://iptc.org/std/Iptc4xmpExt/2008-02-29/", "tiff": "http://ns.adobe.com/tiff/1.0/",
    "exif": "http://ns.adobe.com/exif/1.0/", "plus": "http://ns.useplus.org/ldf/xmp/1.0/",
}  # fmt: skip


def xmp_tree(packet: bytes) -> Element | None:
    """The tree of an XMP packet; None where it is no XML, or defines entities."""
    from xml.etree import ElementTree as ET

    begin, end = packet.find(b"<"), packet.rfind(b">") + 1
    # A definition of entities may unfold into gigabytes.
    if begin < 0 or b"<!" in packet.replace(b"<!--", b"").replace(b"<![CDATA[", b""):
        return None
    try:
        return ET.fromstring(packet[begin:end])  # noqa: S314 — without any definition of an entity
    except (ET.ParseError, ValueError, RecursionError, LookupError):
        return None


def properties(tree: Element) -> Iterator[tuple[str, str, str]]:
    """Every property of an XMP tree, those within others too: namespace, name, and the text of each of its items."""
    for element in tree.iter():
        for name, text in element.attrib.items():
            yield (*split_name(name), text)
        space, name = split_name(element.tag)
        if space in (RDF, "adobe:ns:meta/"):
            continue
        items = [item for array in element for item in array if item.tag == f"{{{RDF}}}li"] or [element]
        for item in items:
            if item.text and item.text.strip():
                yield space, name, item.text.strip()


def split_name(name: str) -> tuple[str, str]:
    """Namespace and name of an element or attribute."""
    space, _, local = name.removeprefix("{").rpartition("}")
    return space, local


# What is asked of them.

_GTIN = re.compile(r"(?<!\d)\d{12,14}(?!\d)|^\d{8}$")
_NOT_CAPTIONS = ("olympus digital camera", "sony dsc", "digital camera", "dcim", "untitled", "default")
_MACHINES_OWN = (
    "http://ns.adobe.com/xap/",
    "http://ns.adobe.com/exif/",
    "http://ns.adobe.com/camera-raw",
    "http://ns.google",
)
_MOST_READ = 200  # characters of one value in a name


@dataclass(frozen=True)
class PhotoMetadata:
    """The blocks of one photo. `exif` is a TIFF (the photo itself where it is one), `iptc` the datasets, `xmp` XML."""

    exif: BinaryIO | None = None
    iptc: bytes = b""
    xmp: bytes = b""

    def __bool__(self) -> bool:
        return bool(self.exif or self.iptc or self.xmp)

    @cached_property
    def _directories(self) -> Directories | None:
        return Directories(self.exif) if self.exif is not None else None

    @cached_property
    def _fields(self) -> dict[int, MetadataEntry]:
        if self._directories is None:
            return {}
        main, _ = self._directories.directory(self._directories.first)
        inner, _ = self._directories.directory(self._directories.number(main.get(_EXIF_DIRECTORY)))
        return {**inner, **main}

    @cached_property
    def _datasets(self) -> list[tuple[tuple[int, int], bytes]]:
        return list(_datasets(self.iptc))

    @cached_property
    def xmp_properties(self) -> list[tuple[str, str, str]]:
        """Every property of the XMP: namespace, name and text."""
        tree = xmp_tree(self.xmp) if self.xmp else None
        return [] if tree is None else list(properties(tree))

    def number(self, tag: int, otherwise: int = 0) -> int:
        """A number of the EXIF."""
        return self._directories.number(self._fields.get(tag), otherwise) if self._directories else otherwise

    @cached_property
    def is_adobe_rgb(self) -> bool:
        """Whether the EXIF says that the colours are Adobe RGB's, as cameras do without a profile."""
        if self._directories is None or self.number(COLOR_SPACE) == 1:
            return False
        inner, _ = self._directories.directory(self.number(_INTEROP_DIRECTORY))
        return self._directories.raw(inner.get(_INTEROP_INDEX))[:3] == b"R03" or self.number(COLOR_SPACE) == 2

    @cached_property
    def dpi(self) -> tuple[float, float] | None:
        """Dots per inch across and down by the EXIF; None where it does not say."""
        if self._directories is None or self.number(_RESOLUTION_UNIT, 2) not in (2, 3):
            return None
        scale = 2.54 if self.number(_RESOLUTION_UNIT, 2) == 3 else 1.0
        across, down = (
            next(iter(self._directories.numbers(self._fields.get(tag))), 0.0) for tag in (_X_RESOLUTION, _Y_RESOLUTION)
        )
        return (across * scale, down * scale) if across > 0 and down > 0 else None

    def value(self, kind: str, name: str) -> str:
        """A value by its kind (exif, iptc, xmp) and name, several joined; empty where there is none.

        Raises ValueError for a name that means nothing, so that a template can be checked without a photo.
        """
        folded = name.casefold()
        if kind == "exif":
            found = self._exif(folded)
        elif kind == "iptc":
            if folded not in _IPTC_NAMES:
                raise ValueError(f"{{iptc:{name}}} is not known; known are {', '.join(sorted(_IPTC_NAMES))}")
            found = self._iptc(_IPTC_NAMES[folded])
        else:
            if not re.fullmatch(r"[a-z0-9_.-]+(?::[a-z0-9_.-]+)?", folded):
                raise ValueError(f"{{xmp:{name}}} must be written as {{xmp:name}} or {{xmp:prefix:name}}")
            found = self._xmp(folded)
        return "-".join(dict.fromkeys(found))[:_MOST_READ]

    def _exif(self, name: str) -> list[str]:
        if name in ("date", "time"):
            taken = next(filter(None, map(self._text, (_TAKEN, _DIGITIZED, _CHANGED))), "")
            found = re.match(r"(\d{4})[:.-](\d\d)[:.-](\d\d)(?:[ T](\d\d):(\d\d):(\d\d))?", taken)
            if not found or found[1] == "0000":
                return []
            parts = found.groups()[:3] if name == "date" else found.groups()[3:]
            return ["-".join(parts)] if all(parts) else []
        if name not in _EXIF_NAMES:
            raise ValueError(
                f"{{exif:{name}}} is not known; known are {', '.join(sorted(['date', 'time', *_EXIF_NAMES]))}"
            )
        return [text] if (text := self._text(_EXIF_NAMES[name])) else []

    def _text(self, tag: int) -> str:
        entry = self._fields.get(tag)
        if self._directories is None or entry is None:
            return ""
        if entry.kind in _NUMBERS and entry.kind != 1:
            return str(self._directories.number(entry))
        return _decoded(self._directories.raw(entry).split(b"\0")[0])

    def _iptc(self, number: int) -> list[str]:
        is_utf8 = any(place == _CHARSET and raw == b"\x1b%G" for place, raw in self._datasets)
        found = (raw for place, raw in self._datasets if place == (2, number))
        return [text for raw in found if (text := _decoded(raw, "utf-8" if is_utf8 else "cp1252"))]

    def _xmp(self, name: str) -> list[str]:
        prefix, _, local = name.rpartition(":")
        space = _PREFIXES.get(prefix, "")
        return [
            text for where, what, text in self.xmp_properties
            if what.casefold() == local and (not prefix or where == space or (not space and prefix in where.casefold()))
        ]  # fmt: skip

    # What a person would miss in a result.

    @property
    def iptc_is_utf8(self) -> bool:
        """Whether the texts of the IPTC are UTF-8, stated or not."""
        return all(_is_utf8(raw) for place, raw in self._datasets if place[0] == 2)

    @property
    def has_copyright(self) -> bool:
        """Whether it names rights, by any of the three."""
        return bool(
            self._text(_EXIF_NAMES["copyright"])
            or self._iptc(_IPTC_NAMES["copyright"])
            or self._xmp("dc:rights")
            or self._xmp("xmprights:usageterms")
            or self._xmp("xmprights:webstatement")
        )

    @property
    def has_caption(self) -> bool:
        """Whether a person described it; what cameras write by themselves is no description."""
        said = (
            self._text(_EXIF_NAMES["description"]),
            *self._iptc(_IPTC_NAMES["caption"]),
            *self._xmp("dc:description"),
        )
        return any(text and not text.casefold().startswith(_NOT_CAPTIONS) for text in said)

    @property
    def has_barcode(self) -> bool:
        """Whether any of its texts is a trade item's number (GTIN, EAN, UPC), by the check digit."""
        words = [_decoded(raw) for place, raw in self._datasets if place[0] == 2]
        words += [self._text(tag) for tag in _EXIF_NAMES.values()]
        words += [text for space, _, text in self.xmp_properties if not space.startswith(_MACHINES_OWN)]
        named = any(what.casefold() in ("barcode", "gtin", "productgtin", "ean") for _, what, _ in self.xmp_properties)
        return named or any(_is_gtin(found) for word in words if len(word) < 1000 for found in _GTIN.findall(word))


def _is_gtin(digits: str) -> bool:
    if not digits.strip("0") or re.fullmatch(r"(?:19|20)\d{6}|(?:19|20)\d{10,12}", digits):
        return False  # a date, or one with a time
    total = sum(int(digit) * (3 if place % 2 else 1) for place, digit in enumerate(reversed(digits)))
    return total % 10 == 0


def _is_utf8(raw: bytes) -> bool:
    try:
        raw.decode()
    except UnicodeDecodeError:
        return False
    return True


def _decoded(raw: bytes, otherwise: str = "cp1252") -> str:
    """Text as it was meant: UTF-8 where it is that, whatever is stated."""
    text = raw.decode("utf-8" if _is_utf8(raw) else otherwise, "replace")
    return unicodedata.normalize("NFC", text).strip("\0 \r\n\t")
