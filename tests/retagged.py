"""Other metadata for a picture, as programs write it: the bytes of a file, without a change of its pixels."""

from __future__ import annotations

import struct
import zlib

from PIL import Image

XMP = b"http://ns.adobe.com/xap/1.0/\0<x:xmpmeta><xmp:Rating>5</xmp:Rating></x:xmpmeta>"
IPTC = b"Photoshop 3.0\x008BIM\x04\x04\0\0\0\0\0\x10\x1c\x02\x78\0\x0ba red boot!"


def exif(**said: int | str) -> bytes:
    """EXIF data that says this, by the names of its tags, with a place and a thumbnail's worth of bytes."""
    tags = {"Rating": 18246, "Orientation": 274, "ImageDescription": 270, "Artist": 315}
    made = Image.Exif()
    for name, value in said.items():
        made[tags[name]] = value
    made.get_ifd(34853)[1] = "N"
    return made.tobytes()


def jpeg(picture: bytes, *segments: tuple[int, bytes]) -> bytes:
    """A JPEG with further segments right behind its beginning."""
    parts = [bytes((0xFF, marker)) + (len(data) + 2).to_bytes(2) + data for marker, data in segments]
    return picture[:2] + b"".join(parts) + picture[2:]


def rated(picture: bytes, rating: int = 5) -> bytes:
    """A JPEG with a rating, a caption, a place, XMP, IPTC and a comment."""
    said = exif(Rating=rating, ImageDescription="a red boot")
    return jpeg(picture, (0xE1, said), (0xE1, XMP), (0xED, IPTC), (0xFE, b"of %d stars" % rating))


def png(picture: bytes, *chunks: tuple[bytes, bytes], divided: int = 0) -> bytes:
    """A PNG with further chunks before its data, which is divided anew into chunks of so many bytes where that is
    wanted."""
    made, offset, data = [picture[:8]], 8, b""
    while offset < len(picture):
        length, kind = struct.unpack(">I4s", picture[offset : offset + 8])
        body = picture[offset + 8 : offset + 8 + length]
        offset += 12 + length
        if kind == b"IDAT":
            data += body
            continue
        if kind == b"IEND":
            step = divided or len(data)
            made += [_chunk(*chunk) for chunk in chunks]
            made += [_chunk(b"IDAT", data[begin : begin + step]) for begin in range(0, len(data), step)]
        made.append(_chunk(kind, body))
    return b"".join(made)


def _chunk(kind: bytes, body: bytes) -> bytes:
    return struct.pack(">I", len(body)) + kind + body + zlib.crc32(kind + body).to_bytes(4)


def webp(picture: bytes, size: tuple[int, int], *chunks: tuple[bytes, bytes]) -> bytes:
    """A plain WebP in the extended form, with these chunks behind its picture."""
    canvas = bytes((0x0C, 0, 0, 0)) + b"".join((side - 1).to_bytes(3, "little") for side in size)
    parts = [_riff(b"VP8X", canvas), picture[12:], *(_riff(*chunk) for chunk in chunks)]
    body = b"WEBP" + b"".join(parts)
    return b"RIFF" + len(body).to_bytes(4, "little") + body


def _riff(kind: bytes, body: bytes) -> bytes:
    return kind + len(body).to_bytes(4, "little") + body + b"\0" * (len(body) % 2)


def tiff(picture: bytes, *, orientation: int = 0) -> bytes:
    """A little-endian TIFF whose directory was written anew behind it with an artist, a rating and XMP."""
    start = int.from_bytes(picture[4:8], "little")
    count = int.from_bytes(picture[start : start + 2], "little")
    entries = dict[int, bytes]()
    for number in range(count):
        entry = picture[start + 2 + 12 * number : start + 14 + 12 * number]
        entries[int.from_bytes(entry[:2], "little")] = entry
    texts = picture + b"\0" * (len(picture) % 2)
    entries[315] = struct.pack("<HHII", 315, 2, len(IPTC), len(texts))
    entries[700] = struct.pack("<HHII", 700, 1, len(XMP), len(texts) + len(IPTC))
    entries[18246] = struct.pack("<HHIHxx", 18246, 3, 1, 5)
    if orientation:
        entries[274] = struct.pack("<HHIHxx", 274, 3, 1, orientation)
    texts += IPTC + XMP
    texts += b"\0" * (len(texts) % 2)
    directory = len(entries).to_bytes(2, "little") + b"".join(entry for _, entry in sorted(entries.items())) + bytes(4)
    return texts[:4] + len(texts).to_bytes(4, "little") + texts[8:] + directory
