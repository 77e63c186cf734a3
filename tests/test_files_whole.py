"""What bytes say of themselves: types by magic, and every cut of a real file found without decoding it."""

from __future__ import annotations

import io
import json
import struct
import zipfile
from collections.abc import Iterator
from itertools import cycle, islice
from pathlib import Path
from typing import Any
from zlib import crc32

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from artui.files import is_complete, sniff, whole
from artui.files.tiff import pieces


def saved(kind: str, size: tuple[int, int] = (40, 30), **options: Any) -> bytes:
    image = Image.effect_noise(size, 80).convert("RGB")
    out = io.BytesIO()
    image.save(out, kind, **options)
    return out.getvalue()


def jpeg_with_thumbnail() -> bytes:
    """A camera's photo: its Exif segment holds another JPEG, with an end of its own."""
    exif = b"Exif\0\0" + b"MM\0*" + bytes(60) + saved("JPEG", (16, 12))
    photo = saved("JPEG")
    return photo[:2] + b"\xff\xe1" + struct.pack(">H", len(exif) + 2) + exif + photo[2:]


def png_in_chunks() -> bytes:
    """A picture whose data is spread over many chunks, as every large PNG has it."""
    png = saved("PNG")
    start = png.index(b"IDAT") - 4
    length = int.from_bytes(png[start : start + 4])
    data = png[start + 8 : start + 8 + length]
    parts = [data[at : at + 100] for at in range(0, length, 100)]
    return png[:start] + b"".join(chunk(b"IDAT", part) for part in parts) + chunk(b"IEND", b"")


def chunk(kind: bytes, data: bytes) -> bytes:
    return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", crc32(kind + data))


def tiff(
    order: str = "<",
    big: bool = False,
    tags: dict[int, list[int]] | None = None,
    runs: tuple[int, int] = (273, 279),
    pages: int = 1,
    pieces: int = 4,
    directory_first: bool = False,
) -> bytes:
    """A TIFF of 8-bit grey: `pieces` strips (or tiles) a page, its directories after its pixels or before them."""
    word, kind, head, size = ("Q", 16, "Q", 8) if big else ("I", 4, "H", 4)
    piece = bytes(range(1, 101))
    out = (b"II" if order == "<" else b"MM") + (
        struct.pack(order + "HHH", 43, 8, 0) if big else struct.pack(order + "H", 42)
    )
    link_at = len(out)
    out += bytes(size)
    for _ in range(pages):
        fields = {256: [10], 257: [10 * pieces], 262: [1], runs[0]: [], runs[1]: [len(piece)] * pieces, **(tags or {})}
        directory_size = struct.calcsize(order + head) + len(fields) * (4 + 2 * size) + size
        arrays_at = len(out) + (directory_size if directory_first else 0)
        pixels_at = arrays_at + 2 * pieces * size
        fields[runs[0]] = fields[runs[0]] or [pixels_at + index * len(piece) for index in range(pieces)]
        data = b"".join(struct.pack(f"{order}{pieces}{word}", *islice(cycle(fields[run]), pieces)) for run in runs)
        data += piece * pieces
        directory = struct.pack(order + head, len(fields))
        for tag, numbers in sorted(fields.items()):
            value = struct.pack(f"{order}{len(numbers)}{word}", *numbers)
            if len(value) > size:
                value = struct.pack(order + word, arrays_at + (pieces * size if tag == runs[1] else 0))
            directory += struct.pack(f"{order}HH{word}", tag, kind, len(numbers)) + value
        directory += bytes(size)
        directory_at = len(out) if directory_first else len(out) + len(data)
        out = out[:link_at] + struct.pack(order + word, directory_at) + out[link_at + size :]
        out += directory + data if directory_first else data + directory
        link_at = directory_at + directory_size - size
    return out


def archive() -> bytes:
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w") as zipped:
        zipped.writestr("layer.png", saved("PNG"))
        zipped.writestr("result.json", "{}")
    return out.getvalue()


FRAME = Image.new("RGB", (40, 30), "red")
WHOLE = {
    "jpeg": ("image/jpeg", saved("JPEG")),
    "jpeg, progressive": ("image/jpeg", saved("JPEG", progressive=True)),
    "jpeg, restart markers": ("image/jpeg", saved("JPEG", restart_marker_blocks=1)),
    "jpeg, thumbnail": ("image/jpeg", jpeg_with_thumbnail()),
    "jpeg, profile": ("image/jpeg", saved("JPEG", icc_profile=bytes(range(256)) * 10)),
    "png": ("image/png", saved("PNG")),
    "png, many chunks": ("image/png", png_in_chunks()),
    "webp": ("image/webp", saved("WEBP")),
    "webp, lossless": ("image/webp", saved("WEBP", lossless=True)),
    "webp, extended": ("image/webp", saved("WEBP", exif=b"Exif\0\0MM\0*\0\0\0\x08\0\0")),
    "webp, profile": ("image/webp", saved("WEBP", icc_profile=b"odd" * 7)),
    "webp, animated": ("image/webp", saved("WEBP", save_all=True, append_images=[FRAME])),
    "tiff": ("image/tiff", saved("TIFF")),
    "tiff, lzw": ("image/tiff", saved("TIFF", compression="tiff_lzw")),
    "tiff, jpeg": ("image/tiff", saved("TIFF", compression="jpeg")),
    "tiff, pages": ("image/tiff", saved("TIFF", save_all=True, append_images=[FRAME])[:-4]),  # less its padding
    "tiff, big": ("image/tiff", saved("TIFF", big_tiff=True)),
    **{
        f"tiff, {order}, {'big' if big else 'classic'}, {runs}, {'first' if first else 'last'}": (
            "image/tiff",
            tiff(order, big, runs=runs, pages=2, directory_first=first),
        )
        for order in "<>"
        for big in (False, True)
        for runs in ((273, 279), (324, 325))
        for first in (False, True)
    },
    "zip": ("application/zip", archive()),
    "json": ("application/json", json.dumps({"faces": [1, 2, 3], "name": "café"}).encode()),
}
each_file = pytest.mark.parametrize(("media_type", "data"), WHOLE.values(), ids=WHOLE)


def finding(media_type: str, data: bytes) -> str | None:
    try:
        whole.check(io.BytesIO(data), len(data), media_type)
    except whole.Broken as broken:
        return broken.reason
    return None


@each_file
def test_a_whole_file_is_known_by_its_bytes_and_found_whole(media_type: str, data: bytes, tmp_path: Path) -> None:
    assert sniff(data[: whole.HEAD]) == media_type
    assert finding(media_type, data) is None
    path = tmp_path / "whole"
    path.write_bytes(data)
    assert is_complete(path, media_type)
    assert is_complete(io.BytesIO(data), media_type)


@each_file
def test_a_cut_at_any_byte_is_found(media_type: str, data: bytes) -> None:
    missed = [cut for cut in range(len(data)) if finding(media_type, data[:cut]) is None]
    # Right behind the first page of a TIFF, and in its padding, what is left is whole, and is what would be sent.
    assert missed == list(range(missed[0], missed[0] + len(missed)) if missed else ())
    assert len(missed) <= (16 if media_type == "image/tiff" else 0)
    assert finding(media_type, data[: len(data) // 2]) == "truncated"


@pytest.mark.parametrize("kind", [kind for kind in WHOLE if kind.startswith(("jpeg", "png"))])
def test_a_file_whose_end_is_still_zeros_is_found(kind: str) -> None:
    """As a file looks that is copied by a program which makes room first."""
    media_type, data = WHOLE[kind]
    missed = [cut for cut in range(len(data) - 12) if finding(media_type, data[:cut].ljust(len(data), b"\0")) is None]
    assert missed == []


@pytest.mark.parametrize("kind", ["jpeg", "jpeg, progressive", "jpeg, restart markers", "jpeg, thumbnail", "png"])
@pytest.mark.parametrize(
    "tail", [b"\0", b"\0" * 9000, b"\xff" * 9000, b"motion photo" * 90_000, saved("JPEG"), b"\xff"], ids=len
)
def test_anything_may_follow_the_end(kind: str, tail: bytes) -> None:
    media_type, data = WHOLE[kind]
    assert finding(media_type, data + tail) is None


def test_the_thumbnail_of_a_jpeg_without_its_picture_is_not_taken_for_the_end() -> None:
    data = jpeg_with_thumbnail()
    scan = data.index(b"\xff\xda", data.rindex(b"\xff\xc4"))
    for cut in (scan, scan + 20, len(data) - 2):
        assert finding("image/jpeg", data[:cut]) == "truncated"
        assert finding("image/jpeg", data[:cut] + b"\0" * 10_000) == "truncated"


def test_the_end_of_a_jpeg_may_lie_across_two_blocks(monkeypatch: pytest.MonkeyPatch) -> None:
    data = saved("JPEG", progressive=True) + b"trailer" * 700
    for block in range(1, 40):
        monkeypatch.setattr(whole, "BLOCK", block)
        assert finding("image/jpeg", data) is None
        assert finding("image/jpeg", saved("JPEG", progressive=True)[:-2] + b"trailer" * 700) == "truncated"


def test_bytes_before_a_segment_are_forgiven_as_decoders_do() -> None:
    photo = saved("JPEG")
    table = photo.index(b"\xff\xdb")
    for junk in (b"\0", b"\xff\xff\xff", b"junk"):
        assert finding("image/jpeg", photo[:table] + junk + photo[table:]) is None


@pytest.mark.parametrize(
    "data", [b"\xff\xd8\xff\xd9", b"\xff\xd8\xff\xe0\0\x02\xff\xd9", b"\xff\xd8\xff\xda\0\x04\xff\xd9"]
)
def test_a_jpeg_without_a_picture_is_not_whole(data: bytes) -> None:
    assert finding("image/jpeg", data) == "truncated"


def test_a_png_is_refused_for_a_header_that_contradicts_its_checksum() -> None:
    png = saved("PNG")
    assert finding("image/png", png[:16] + b"\x7f" + png[17:]) == "damaged"
    assert finding("image/png", png[:8] + chunk(b"IHDR", png[16:29]) + chunk(b"IEND", b"")) == "damaged"
    assert finding("image/png", png[:33] + chunk(b"\x01\x02\x03\x04", b"") + png[33:]) == "damaged"


def test_a_tiff_is_refused_when_a_part_lies_outside() -> None:
    assert finding("image/tiff", tiff(tags={513: [9_000_000], 514: [1]})) == "truncated"
    assert finding("image/tiff", tiff(tags={273: [0], 279: [0, 0]})) == "damaged"
    assert finding("image/tiff", tiff(tags={330: [9_000_000]})) == "truncated"
    assert finding("image/tiff", b"II*\0\0\0\0\0") == "truncated"
    assert finding("image/tiff", b"II*\0\xff\xff\xff\xff") == "truncated"
    assert finding("image/tiff", b"II+\0\x08\0\0\0" + b"\xff" * 8) == "truncated"


def test_every_one_of_many_strips_is_looked_at() -> None:
    """More than are unpacked at once, and the last one points outside."""
    data = bytearray(tiff(pieces=20_000))
    assert finding("image/tiff", bytes(data)) is None
    last_length = data.index(struct.pack("<II", 100, 100)) + 19_999 * 4
    data[last_length : last_length + 4] = struct.pack("<I", len(data))
    assert finding("image/tiff", bytes(data)) == "truncated"


def test_a_tiff_may_leave_out_the_length_of_its_only_strip() -> None:
    assert finding("image/tiff", tiff(runs=(273, 60000), pieces=1)) is None
    assert finding("image/tiff", tiff(tags={273: [1_000_000]}, runs=(60001, 60000), pieces=1)) == "truncated"


def test_directories_that_point_at_each_other_come_to_an_end() -> None:
    data = bytearray(tiff())
    first = int.from_bytes(data[4:8], "little")
    data[-4:] = first.to_bytes(4, "little")
    assert finding("image/tiff", bytes(data)) is None
    assert finding("image/tiff", tiff(tags={330: [first]})) is None


@pytest.mark.parametrize("tags", [{262: [32803]}, {262: [34892]}, {50706: [1]}])
def test_a_camera_s_raw_file_is_refused(tags: dict[int, list[int]]) -> None:
    """Its first picture is a thumbnail, which a service would retouch at the full price."""
    assert finding("image/tiff", tiff(tags=tags)) == "unsupported"


def test_archives_are_judged_by_their_directory() -> None:
    data = archive()
    assert finding("application/zip", data[100:]) == "truncated"
    assert finding("application/zip", data[:-2] + b"\x05\0hello") is None
    assert finding("application/zip", data[:-2] + b"\x05\0hell") == "truncated"


def test_json_must_be_all_there() -> None:
    assert finding("application/json", b"[1, 2") == "truncated"
    assert finding("application/json", b'{"a": "\xff"}') == "truncated"
    assert finding("application/json", b"[" * 200_000) == "truncated"
    large = b'["' + b"x" * 3_000_000 + b'"]\n'
    assert finding("application/json", large) is None
    assert finding("application/json", large[:-3]) == "truncated"
    assert finding("application/json", b"[1" + b", 1" * 60_000 + b"]") is None


def test_a_type_without_a_rule_is_never_called_complete() -> None:
    assert not whole.can_judge("image/gif")
    assert not is_complete(io.BytesIO(b"GIF89a"), "image/gif")


@pytest.mark.parametrize(
    ("head", "media_type"),
    [
        (b"", None),
        (b"<!DOCTYPE html><html>", None),
        (b"\xff\xd8", None),
        (b"RIFF\0\0\0\0WAVE", None),
        (b"GIF89a", "image/gif"),
        (b"II*\0\x10\0\0\0CR\x02\0", "image/x-canon-cr2"),
        (b"\0\0\0\x18ftypheic", "image/heic"),
        (b"\0\0\0\x18ftypavif", "image/avif"),
        (b"\0\0\0\x18ftypmp42", None),
        (b"PK\x05\x06" + bytes(18), "application/zip"),
        (b' \r\n{"a": 1}', "application/json"),
    ],
)
def test_types_are_known_by_their_first_bytes(head: bytes, media_type: str | None) -> None:
    assert sniff(head) == media_type


@pytest.mark.parametrize("kind", ["jpeg", "png", "webp", "webp, lossless", "webp, extended", "tiff", "tiff, big"])
def test_pixels_are_read_from_the_header(kind: str) -> None:
    assert whole.pixels(io.BytesIO(WHOLE[kind][1])) == (40, 30)


def test_pixels_are_unknown_when_no_header_says_them() -> None:
    for data in (b"", b"\xff\xd8\xff", b"\x89PNG\r\n\x1a\n" + bytes(100), b"II*\0"):
        assert whole.pixels(io.BytesIO(data)) == (0, 0)


class Counting(io.BytesIO):
    """A file that knows how much was read from it."""

    bytes_read = 0
    reads = 0

    def read(self, size: int | None = -1, /) -> bytes:
        data = super().read(size)
        self.bytes_read += len(data)
        self.reads += 1
        return data


@pytest.mark.parametrize("kind", ["JPEG", "PNG", "WEBP", "TIFF"])
def test_little_is_read_of_a_large_photo(kind: str) -> None:
    data = saved(kind, (1200, 900))
    file = Counting(data)
    whole.pixels(file)
    whole.check(file, len(data), f"image/{kind.lower()}")
    assert len(data) > 200_000
    assert file.bytes_read < 10_000


def hostile() -> Iterator[Any]:
    """Files that claim, or hold, more parts than anybody wants to walk over: their type, their bytes, the finding."""
    jpeg, little, big = "image/jpeg", b"II*\0\x08\0\0\0", b"II+\0\x08\0\0\0"
    yield pytest.param(jpeg, b"\xff\xd8" + b"\xff\xe0\0\x02" * 500_000, "damaged", id="segments")
    yield pytest.param(jpeg, b"\xff\xd8" + b"\xff\xda\0\x02" * 500_000, "damaged", id="scans")
    yield pytest.param(jpeg, b"\xff\xd8" + b"\xff" * 3_000_000, "truncated", id="fill bytes")
    yield pytest.param(jpeg, b"\xff\xd8\xff\xe0\0\x02" + b"\x01" * 3_000_000, "truncated", id="junk")
    chunks = chunk(b"teXt", b"") * 1_000_001
    yield pytest.param("image/png", saved("PNG")[:33] + chunks, "damaged", id="chunks")
    riff = b"RIFF" + struct.pack("<I", 4 + 8 * 1_000_001) + b"WEBP" + b"junk\0\0\0\0" * 1_000_001
    yield pytest.param("image/webp", riff, "truncated", id="chunks without a picture")
    entries = b"\xff\xff" + bytes(12 * 65535) + b"\x08\0\0\0"
    yield pytest.param("image/tiff", little + entries, "truncated", id="entries")
    link = struct.pack("<HHHII", 1, 330, 4, 1000, 30) + bytes(8)
    starts = struct.pack("<1000I", *range(4030, 6030, 2))
    overlapping = link + starts + b"\xff" * 2000 + bytes(800_000)
    yield pytest.param("image/tiff", little + overlapping, "damaged", id="overlapping directories")
    runs = struct.pack("<HHHIIHHII", 2, 273, 4, 2_000_000, 40, 279, 4, 2_000_000, 40) + bytes(6)
    yield pytest.param("image/tiff", little + runs + bytes(8_000_000), "damaged", id="strips")
    for count, size in ((100_000, 3_000_000), (2**63, 1000)):
        directory = struct.pack("<QQ", 16, count) + bytes(size)
        yield pytest.param("image/tiff", big + directory, "damaged", id=f"{count} entries")


@pytest.mark.timeout(20)
@pytest.mark.parametrize(("media_type", "data", "reason"), hostile())
def test_files_made_to_keep_us_busy_are_refused_soon(media_type: str, data: bytes, reason: str) -> None:
    file = Counting(data)
    whole.pixels(file)
    assert file.reads <= 100_001
    assert finding(media_type, data) == reason


SEEDS = [data for _, data in WHOLE.values() if len(data) < 6000]


@settings(max_examples=600, deadline=None)
@given(
    media_type=st.sampled_from(sorted(whole._RULES)),
    seed=st.sampled_from(SEEDS) | st.binary(max_size=200),
    changes=st.lists(st.tuples(st.integers(0, 6000), st.binary(min_size=1, max_size=8)), max_size=8),
)
def test_no_bytes_raise_anything_but_broken(media_type: str, seed: bytes, changes: list[tuple[int, bytes]]) -> None:
    data = bytearray(seed)
    for place, new in changes:
        place = place % (len(data) + 1)
        data[place : place + len(new)] = new
    sniff(bytes(data[: whole.HEAD]))
    whole.pixels(io.BytesIO(bytes(data)))
    finding(media_type, bytes(data))


def test_the_entries_of_a_zip_must_lie_inside_it() -> None:
    data = archive()
    at = data.rfind(b"PK\x01\x02")
    assert finding("application/zip", data[: at + 20] + b"\xff\xff\xff\x0f" + data[at + 24 :]) == "truncated"
    assert finding("application/zip", data[:at] + b"XX" + data[at + 2 :]) == "damaged"
    more = data.rfind(b"PK\x05\x06") + 10
    assert finding("application/zip", data[:more] + b"\x09\0" + data[more + 2 :]) == "truncated"


def test_a_zip_of_the_large_kind_is_walked_too(tmp_path: Path) -> None:
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w") as zipped:
        for number in range(3):
            with zipped.open(f"{number}.png", "w", force_zip64=True) as entry:
                entry.write(b"x")
    plain = out.getvalue()
    at = plain.rfind(b"PK\x05\x06")
    entries, length, start = struct.unpack_from("<HII", plain, at + 10)
    record = struct.pack("<4sQHHIIQQQQ", b"PK\x06\x06", 44, 45, 45, 0, 0, entries, entries, length, start)
    locator = struct.pack("<4sIQI", b"PK\x06\x07", 0, at, 1)
    full = b"PK\x05\x06\0\0\0\0" + b"\xff" * 12 + b"\0\0"
    assert finding("application/zip", plain[:at] + record + locator + full) is None
    assert finding("application/zip", plain[:at] + record[:-10] + locator + full) == "truncated"
    (tmp_path / "large.zip").write_bytes(plain[:at] + record + locator + full)
    with zipfile.ZipFile(tmp_path / "large.zip") as opened:
        assert len(opened.infolist()) == 3


@pytest.mark.parametrize("planar", [1, 2])
def test_a_tiff_that_states_no_sample_is_judged_as_one_of_one(planar: int) -> None:
    made = tiff(tags={258: [8], 277: [0], 278: [10], 284: [planar]})
    assert finding("image/tiff", made) is None
    assert [piece.unpacked for piece in pieces(io.BytesIO(made), len(made))] == [100] * 4
