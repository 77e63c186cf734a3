"""Picture data that is unpacked or followed code by code: what only that shows, and whole pictures of every make."""

from __future__ import annotations

import io
import os
import struct
import zlib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from PIL import Image, ImageDraw

from artui.files import decoder, huffman, inspect
from tests.test_files_doubts import ALL, PHOTO, STRICT, field, saved, verdict

JPEG, PNG, TIFF = "image/jpeg", "image/png", "image/tiff"


def drawn(width: int = 150, height: int = 110) -> Image.Image:
    """A little photo: light that falls off, an edge, some grain."""
    image = Image.radial_gradient("L").resize((width, height)).convert("RGB")
    ImageDraw.Draw(image).ellipse((width // 4, height // 4, width // 2, height - 1), fill="navy")
    return Image.blend(image, PHOTO.resize((width, height)), 0.2)


WAYS: list[dict[str, Any]] = [
    {}, {"quality": 95, "subsampling": 0}, {"optimize": True}, {"subsampling": 1}, {"progressive": True},
    {"progressive": True, "subsampling": 0, "quality": 95}, {"restart_marker_blocks": 3}, {"restart_marker_rows": 1},
    {"progressive": True, "restart_marker_blocks": 5},
]  # fmt: skip
each_way = pytest.mark.parametrize("options", WAYS, ids=str)


# ------------------------------------------------------------------------------------------------------------- JPEG


@each_way
@pytest.mark.parametrize("mode", ["RGB", "L", "CMYK"])
def test_a_whole_jpeg_comes_out_whatever_its_size_and_make(options: dict[str, Any], mode: str) -> None:
    for size in ((1, 1), (7, 9), (16, 16), (17, 33), (150, 110)):
        assert verdict(JPEG, saved(drawn(*size).convert(mode), "JPEG", **options)) == "fine", size
    assert verdict(JPEG, saved(Image.new(mode, (300, 200)), "JPEG", **options)) == "fine"


def scan_of(data: bytes) -> int:
    """Where the data of the last scan begins, which is the longest but in progressive pictures."""
    start = data.rindex(b"\xff\xda")
    return start + 2 + int.from_bytes(data[start + 2 : start + 4])


def changed(data: bytes, at: int, value: int) -> bytes:
    return data[:at] + bytes([value]) + data[at + 1 :]


def damaged(data: bytes, other: bytes) -> Iterator[bytes]:
    """A JPEG with bits flipped, bytes gone, its end gone, and the end of another one behind its beginning."""
    scan = scan_of(data)
    places = range(scan, len(data) - 50, max(1, (len(data) - scan) // 17))
    for at in places:
        yield changed(data, at, data[at] ^ 16)
        yield data[:at] + data[at + 40 :]
        yield data[:at] + b"\xff\xd9"
        yield data[:at] + other[at + 60 :]


@each_way
def test_a_small_jpeg_is_judged_as_a_decoder_does_that_takes_warnings_for_errors(options: dict[str, Any]) -> None:
    simplejpeg = pytest.importorskip("simplejpeg")
    broken, missed, blamed = 0, [], []
    for number, data in enumerate(damaged(*(saved(drawn(150, high), "JPEG", **options) for high in (110, 111)))):
        is_taken = verdict(JPEG, data) == "fine"
        try:
            simplejpeg.decode_jpeg(data, strict=True)
        except ValueError:
            broken += 1
            missed += [number] * is_taken
        else:
            blamed += [number] * (not is_taken)
    assert broken > 20
    assert not missed
    assert len(blamed) <= 1  # bits that are flipped at its very end: it makes up what is missing


def test_a_large_jpeg_is_not_followed(monkeypatch: pytest.MonkeyPatch) -> None:
    def follow(*_: object) -> None:
        raise AssertionError("it takes too long")

    large = saved(PHOTO, "JPEG", quality=95)
    flat = saved(Image.new("RGB", (4000, 3000), "white"), "JPEG", progressive=True)
    assert len(large) > huffman.MOST_BYTES
    monkeypatch.setattr(huffman._Reader, "block", follow)
    monkeypatch.setattr(huffman._Reader, "symbol", follow)
    assert verdict(JPEG, large) == "fine"
    assert verdict(JPEG, flat) in ("fine", "weak")


def test_a_picture_that_has_fewer_bits_than_any_has_is_seen_without() -> None:
    data = saved(PHOTO, "JPEG", quality=95)
    frame = data.index(b"\xff\xc0") + 5
    assert verdict(JPEG, data[:frame] + b"\xff\x00" + data[frame + 2 :]) == "suspect"


def jpegs_that_cannot_be() -> Iterator[tuple[str, bytes]]:
    data = saved(PHOTO, "JPEG", quality=95)
    tables, scan = data.index(b"\xff\xc4"), data.index(b"\xff\xda")
    yield "a scan that ends before its last coefficient", changed(data, scan + 12, 40)
    yield "a scan that refines what was never told", changed(data, scan + 13, 0x10)
    yield "a table of Huffman codes that nobody defined", changed(data, scan + 6, 0x33)
    yield "more codes of one bit than there are", changed(data, tables + 5, 3)
    yield "a table for quantization that nobody defined", changed(data, data.index(b"\xff\xc0") + 12, 3)
    yield "samples of twelve bits", changed(data, data.index(b"\xff\xc0") + 4, 12)
    yield "a lossless kind that hardly anybody reads", changed(data, data.index(b"\xff\xc0") + 1, 0xC7)
    progressive = saved(PHOTO, "JPEG", progressive=True, quality=95)
    first = progressive.index(b"\xff\xda")
    second = progressive.index(b"\xff\xda", first + 2)
    while progressive[second - 1] == 0xFF or progressive[second + 2] != 0:
        second = progressive.index(b"\xff\xda", second + 2)
    yield "a progressive picture whose first scan is missing", progressive[:first] + progressive[second:]
    yield "a progressive picture that says the same twice", progressive[:second] + progressive[first:]


@pytest.mark.parametrize(("which", "data"), jpegs_that_cannot_be(), ids=lambda one: one if type(one) is str else "")
def test_a_jpeg_whose_segments_cannot_be_is_not_taken(which: str, data: bytes) -> None:
    assert verdict(JPEG, data) in ("suspect", "damaged"), which


def test_codes_are_those_of_the_standard() -> None:
    """The table of K.3: symbols of 00, 010, 011, 100, 101, 110, 1110 and so on."""
    made = huffman.table(bytes([0, 1, 5, 1, 1, 1, 1, 1, 1] + [0] * 7), bytes(range(12)))
    assert made is not None
    codes = ("00", "010", "011", "100", "101", "110", "1110", "11110", "111110", "1111110", "11111110", "111111110")
    for symbol, code in enumerate(codes):
        window = int(code.ljust(16, "1"), 2) if symbol < 11 else int(code.ljust(16, "0"), 2)
        assert (made.symbols[window], made.bits[window]) == (symbol, len(code))
    assert made.bits[0xFFFF] == 0
    assert huffman.table(bytes([1, 1] + [0] * 14), b"\0\1") is not None
    assert huffman.table(bytes([2] + [0] * 15), b"\0\1") is None  # one of its codes is all ones


# -------------------------------------------------------------------------------------------------------------- PNG


def chunk(name: bytes, body: bytes) -> bytes:
    return len(body).to_bytes(4) + name + body + zlib.crc32(name + body).to_bytes(4)


def png(data: bytes, *, colours: int = 2, between: bytes = b"", side: int = 9) -> bytes:
    header = struct.pack(">IIBBBBB", side, side, 8, colours, 0, 0, 0)
    half = len(data) // 2
    return b"".join([
        b"\x89PNG\r\n\x1a\n", chunk(b"IHDR", header), chunk(b"IDAT", data[:half]), between, chunk(b"IDAT", data[half:]),
        chunk(b"IEND", b""),
    ])  # fmt: skip


ROWS = (b"\0" + b"abc" * 9) * 9


def test_a_png_is_unpacked_to_its_last_row() -> None:
    assert verdict(PNG, png(zlib.compress(ROWS))) == "fine"
    assert verdict(PNG, png(zlib.compress(ROWS + b"more"))) == "fine"
    assert verdict(PNG, png(zlib.compress(ROWS[:-1]))) == "truncated"
    assert verdict(PNG, png(zlib.compress(ROWS)[:-12])) == "truncated"
    assert verdict(PNG, png(zlib.compress(ROWS[:-28] + b"\5" + ROWS[-27:]))) == "damaged"
    assert verdict(PNG, png(zlib.compress(ROWS)[:-1] + b"\0")) == "damaged"
    assert verdict(PNG, png(zlib.compress(ROWS), between=chunk(b"tEXt", b"a\0b"))) == "damaged"
    assert verdict(PNG, png(zlib.compress(ROWS), between=chunk(b"IDAT", b""))) == "fine"
    assert verdict(PNG, png(zlib.compress((b"\0" + bytes(9)) * 9), colours=3)) == "damaged"


def interlaced(side: int, fill: bytes) -> bytes:
    """An RGB picture in seven passes."""
    passes = ((0, 8, 0, 8), (4, 8, 0, 8), (0, 4, 4, 8), (2, 4, 0, 4), (0, 2, 2, 4), (1, 2, 0, 2), (0, 1, 1, 2))
    rows = b""
    for x, dx, y, dy in passes:
        wide, high = len(range(x, side, dx)), len(range(y, side, dy))
        rows += (fill + bytes(3 * wide)) * high if wide else b""
    header = struct.pack(">IIBBBBB", side, side, 8, 2, 0, 0, 1)
    parts = (chunk(b"IHDR", header), chunk(b"IDAT", zlib.compress(rows)), chunk(b"IEND", b""))
    return b"\x89PNG\r\n\x1a\n" + b"".join(parts)


@pytest.mark.parametrize("side", [1, 3, 5, 8, 13])
def test_an_interlaced_png_is_unpacked_pass_by_pass(side: int) -> None:
    Image.open(io.BytesIO(interlaced(side, b"\1"))).load()
    assert verdict(PNG, interlaced(side, b"\1")) == "fine"
    assert verdict(PNG, interlaced(side, b"\7")) == "damaged"


@pytest.mark.parametrize("mode", ["1", "L", "LA", "P", "RGB", "RGBA", "I;16"])
def test_a_whole_png_of_every_kind_of_pixels_is_fine(mode: str) -> None:
    image = drawn(133, 77)
    image = image.convert("I").convert(mode) if mode == "I;16" else image.convert(mode)
    assert verdict(PNG, saved(image, "PNG")) == "fine"


# ------------------------------------------------------------------------------------------------------------- TIFF


@pytest.mark.parametrize("packing", ["raw", "tiff_lzw", "tiff_adobe_deflate", "packbits", "jpeg", "group4"])
@pytest.mark.parametrize("mode", ["1", "L", "RGB", "RGBA", "CMYK", "I;16"])
def test_a_whole_tiff_of_every_kind_is_fine(packing: str, mode: str) -> None:
    if (packing == "group4") != (mode == "1") or (packing == "jpeg" and mode in ("RGBA", "I;16", "1")):
        return
    image = drawn(133, 77).convert("I").convert(mode) if mode == "I;16" else drawn(133, 77).convert(mode)
    assert verdict(TIFF, saved(image, "TIFF", compression=packing)) == "fine"


@pytest.mark.parametrize("packing", ["tiff_lzw", "tiff_adobe_deflate", "jpeg"])
def test_damage_in_a_small_packed_tiff_is_seen(packing: str) -> None:
    data = saved(drawn(), "TIFF", compression=packing)
    places = range(200, min(len(data) // 2, 4000), 293)
    found = [verdict(TIFF, data[:at] + bytes(b ^ 0x5A for b in data[at : at + 24]) + data[at + 24 :]) for at in places]
    assert len(found) > 4
    assert found.count("fine") <= (0 if packing == "tiff_adobe_deflate" else len(found) // 3), found


def test_a_strip_that_unpacks_to_too_little_is_seen() -> None:
    for packing in ("tiff_lzw", "tiff_adobe_deflate", "packbits"):
        data = saved(drawn(), "TIFF", compression=packing)
        width = field(data, 256)
        assert verdict(TIFF, data[:width] + (600).to_bytes(2, "little") + data[width + 2 :]) == "suspect", packing


@pytest.mark.parametrize("bits", [12, 24, 64])
def test_bits_that_few_programs_read_are_asked_about(bits: int) -> None:
    data = saved(drawn().convert("L"), "TIFF")
    at = field(data, 258)
    grown = data[:at] + bits.to_bytes(2, "little") + data[at + 2 :]
    lengths, rows = field(data, 279), 150 * 110 * bits // 8
    grown = grown[:lengths] + rows.to_bytes(4, "little") + grown[lengths + 4 :] + bytes(rows)
    assert verdict(TIFF, grown) == "suspect"


@pytest.mark.parametrize(("tag", "value"), [(266, 3), (277, 4), (262, 0), (259, 50013), (258, 5)], ids=str)
def test_a_tiff_whose_header_few_programs_understand_is_asked_about(tag: int, value: int) -> None:
    """An RGB picture whose header says FillOrder 3, a sample too many, that it is grey and so on."""
    tags = {256: 8, 257: 8, 258: 8, 259: 1, 262: 2, 266: 1, 273: 200, 277: 3, 278: 8, 279: 256, 339: 1}

    def made(tags: dict[int, int]) -> bytes:
        entries = b"".join(struct.pack("<HHII", tag, 4, 1, value) for tag, value in tags.items())
        return (b"II*\0\x08\0\0\0" + len(tags).to_bytes(2, "little") + entries + bytes(4)).ljust(200, b"\0") + bytes(
            256
        )

    assert verdict(TIFF, made(tags)) == "fine"
    assert verdict(TIFF, made(tags | {tag: value})) == "suspect"


def test_strictly_what_no_decoder_here_knows_is_sent_by_a_persons_word_only(tmp_path: Path) -> None:
    pytest.importorskip("simplejpeg")
    data = bytes(16 * 16 * 3 * 4)
    tags = [(256, 16), (257, 16), (258, 32), (259, 1), (262, 2), (273, 200), (277, 3), (278, 16), (279, len(data))]
    entries = b"".join(struct.pack("<HHII", tag, 4, 1, value) for tag, value in tags)
    path = tmp_path / "deep.tif"
    path.write_bytes((b"II*\0\x08\0\0\0\x09\0" + entries + bytes(4)).ljust(200, b"\0") + data)
    assert not inspect(path, ALL, hashed=True).suspect
    assert "beyond the decoder" in inspect(path, STRICT, hashed=True).suspect
    path.write_bytes(saved(drawn(), "TIFF"))
    assert not inspect(path, STRICT, hashed=True).suspect


def test_the_decoder_outlives_whatever_stands_in_the_place_of_a_jpeg(tmp_path: Path) -> None:
    pytest.importorskip("simplejpeg")
    data, path = saved(drawn(), "JPEG"), tmp_path / "cut.jpg"
    for end in (*range(4, scan_of(data) + 40, 7), len(data)):
        path.write_bytes(data[:end])
        verdict, _ = decoder.judge(os.open(path, os.O_RDONLY), JPEG)
        assert verdict == (decoder.WHOLE if end == len(data) else decoder.BROKEN), end
