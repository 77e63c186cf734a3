"""Damage in the middle: holes, zeros, joined halves and bytes changed on the way, in files whose ends are all right."""

from __future__ import annotations

import io
import os
import random
import re
import signal
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from PIL import Image, ImageDraw

from artui.files import Accepts, BadPhoto, decoding, doubts, inspect, read_through, walks, whole, zeros
from artui.files.walks import Broken

ALL = Accepts(frozenset({"image/jpeg", "image/png", "image/tiff", "image/webp"}))
MEDIA = {"JPEG": "image/jpeg", "PNG": "image/png", "TIFF": "image/tiff", "WEBP": "image/webp"}


def noise(side: int = 400) -> Image.Image:
    return Image.merge("RGB", [Image.effect_noise((side, side), 90) for _ in range(3)])


def packshot(side: int = 2400) -> Image.Image:
    """A thing on a flat white ground: most of the picture is the same colour."""
    image = Image.new("RGB", (side, side), "white")
    image.paste(noise(300), (side // 2, side // 2))
    ImageDraw.Draw(image).ellipse((100, 100, 500, 400), fill="navy")
    return image


def saved(image: Image.Image, kind: str, **options: Any) -> bytes:
    out = io.BytesIO()
    image.save(out, kind, **options)
    return out.getvalue()


PHOTO = noise()
WAYS: dict[str, tuple[str, dict[str, Any]]] = {
    "jpeg": ("JPEG", {"quality": 95}),
    "jpeg, optimized": ("JPEG", {"quality": 95, "optimize": True}),
    "jpeg, restarts": ("JPEG", {"quality": 95, "restart_marker_blocks": 3}),
    "png": ("PNG", {}),
    "tiff, lzw": ("TIFF", {"compression": "tiff_lzw"}),
    "tiff, deflate": ("TIFF", {"compression": "tiff_adobe_deflate"}),
    "tiff, packbits": ("TIFF", {"compression": "packbits"}),
    "tiff, jpeg": ("TIFF", {"compression": "jpeg", "quality": 95}),
    "webp": ("WEBP", {"quality": 95}),
    "webp, lossless": ("WEBP", {"lossless": True}),
}
WHOLE = {name: (MEDIA[kind], saved(PHOTO, kind, **options)) for name, (kind, options) in WAYS.items()}
each_way = pytest.mark.parametrize("way", WHOLE)


def verdict(media_type: str, data: bytes) -> str:
    """`fine`, `weak` (only a reason to decode), `suspect`, or why it is refused."""
    file = io.BytesIO(data)
    try:
        whole.check(file, len(data), media_type)
        doubt = doubts.doubt(file, len(data), media_type)
    except Broken as broken:
        return broken.reason
    return "fine" if doubt is None else "suspect" if doubt.is_likely else "weak"


def with_hole(data: bytes, at: int, length: int) -> bytes:
    return data[:at] + bytes(length) + data[at + length :]


@each_way
def test_a_whole_picture_is_fine(way: str) -> None:
    assert verdict(*WHOLE[way]) == "fine"


@each_way
def test_a_hole_of_three_pages_anywhere_in_the_middle_is_seen(way: str) -> None:
    media_type, data = WHOLE[way]
    for at in range(len(data) // 5, len(data) * 3 // 5, len(data) // 17):
        assert verdict(media_type, with_hole(data, at, 12_288)) not in ("fine", "weak"), at


@each_way
def test_only_the_first_and_the_last_part_of_a_download_is_not_a_picture(way: str) -> None:
    media_type, data = WHOLE[way]
    assert verdict(media_type, with_hole(data, len(data) // 8, len(data) * 3 // 4)) not in ("fine", "weak")


@pytest.mark.parametrize("kind", ["JPEG", "PNG", "TIFF", "WEBP"])
@pytest.mark.parametrize(
    "options",
    [{}, {"optimize": True}, {"progressive": True}, {"restart_marker_blocks": 8}, {"compression": "tiff_lzw"},
     {"compression": "tiff_adobe_deflate"}, {"compression": "packbits"}, {"lossless": True}],
    ids=str,
)  # fmt: skip
def test_a_flat_ground_is_no_damage(kind: str, options: dict[str, Any]) -> None:
    """Even where an encoder makes thousands of zeros of it."""
    assert verdict(MEDIA[kind], saved(packshot(), kind, **options)) in ("fine", "weak")


def test_a_flat_ground_makes_zeros_that_are_no_reason_to_refuse() -> None:
    data = saved(packshot(4800), "JPEG", optimize=True)
    assert list(zeros.zero_runs(io.BytesIO(data), 0, len(data)))
    assert verdict("image/jpeg", data) == "weak"
    black = saved(Image.new("RGB", (400, 400)), "TIFF")
    assert list(zeros.zero_runs(io.BytesIO(black), 0, len(black)))
    assert verdict("image/tiff", black) == "fine"


def test_more_zeros_than_a_flat_picture_could_have_are_damage() -> None:
    small = saved(packshot(), "JPEG", optimize=True)
    scan = small.index(b"\xff\xda") + 14
    assert verdict("image/jpeg", small[:scan] + bytes(10_000) + small[scan:]) == "weak"
    assert verdict("image/jpeg", small[:scan] + bytes(200_000) + small[scan:]) == "suspect"


def test_a_flipped_bit_in_a_png_is_damage() -> None:
    media_type, data = WHOLE["png"]
    for at in range(60, len(data) - 20, len(data) // 13):
        assert verdict(media_type, data[:at] + bytes([data[at] ^ 4]) + data[at + 1 :]) == "damaged"


def test_line_ends_changed_by_a_transfer_are_seen() -> None:
    _, data = WHOLE["jpeg"]
    scan = data.index(b"\xff\xda") + 14
    assert len(data) - scan > 60_000
    converted = data[:scan] + re.sub(rb"(?<!\r)\n", b"\r\n", data[scan:])
    assert verdict("image/jpeg", converted) == "suspect"
    assert verdict("image/jpeg", data[:scan] + data[scan:].replace(b"\n", b"\r")) == "suspect"


def test_two_jpegs_in_one_are_seen() -> None:
    _, data = WHOLE["jpeg"]
    assert verdict("image/jpeg", data[: len(data) // 2] + data) == "suspect"
    _, numbered = WHOLE["jpeg, restarts"]
    assert verdict("image/jpeg", numbered[: len(numbered) // 2] + numbered[len(numbered) * 5 // 8 :]) == "suspect"


def test_random_bytes_in_a_jpeg_are_seen() -> None:
    _, data = WHOLE["jpeg"]
    noise = random.Random(1).randbytes(8192)
    assert verdict("image/jpeg", data[:40_000] + noise + data[48_192:]) in ("suspect", "damaged")


def test_bytes_between_the_segments_of_a_jpeg_are_suspect_and_fill_bytes_are_not() -> None:
    _, data = WHOLE["jpeg"]
    table = data.index(b"\xff\xdb")
    assert verdict("image/jpeg", data[:table] + b"junk" + data[table:]) == "suspect"
    assert verdict("image/jpeg", data[:table] + b"\xff\xff" + data[table:]) == "fine"


def field(data: bytes, tag: int) -> int:
    """Where the value of a field of a little-endian TIFF's first directory stands; 0 is where the next one is told."""
    first = int.from_bytes(data[4:8], "little")
    count = int.from_bytes(data[first : first + 2], "little")
    tags = [int.from_bytes(data[first + 2 + 12 * n : first + 4 + 12 * n], "little") for n in range(count)]
    return first + 2 + 12 * (tags.index(tag) if tag else count) + (8 if tag else 0)


@pytest.mark.parametrize("packing", ["raw", "tiff_lzw"])
def test_a_tiff_with_fewer_rows_than_it_states_is_cut_off(packing: str) -> None:
    data = saved(PHOTO, "TIFF", compression=packing)
    height = field(data, 257)
    assert verdict("image/tiff", data) == "fine"
    assert verdict("image/tiff", data[:height] + b"\x90\x0f" + data[height + 2 :]) == "truncated"


def test_a_pointer_that_leads_nowhere_behind_a_tiff_s_last_directory_is_forgiven() -> None:
    data = saved(PHOTO, "TIFF")
    link = field(data, 0)
    for stray in (b"\xef\xbe\xad\xde", (len(data) + 1000).to_bytes(4, "little"), b"\x40\x40\0\0"):
        assert verdict("image/tiff", data[:link] + stray + data[link + 4 :]) == "fine"
    assert verdict("image/tiff", data[:link] + b"\xef\xbe\xad\xde" + data[link + 4 : -500]) == "truncated"


def test_the_scale_bits_of_a_webp_are_no_pixels() -> None:
    data = bytearray(WHOLE["webp"][1])
    frame = data.index(b"\x9d\x01\x2a")
    data[frame + 4] |= 0xC0
    data[frame + 6] |= 0x40
    assert whole.pixels(io.BytesIO(data)) == (400, 400)
    Image.open(io.BytesIO(data)).load()


@pytest.mark.parametrize("block", [1024, 2048, 8192])
def test_zero_runs_are_found_where_they_are(block: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(walks, "BLOCK", block)
    rng = random.Random(7)
    for _ in range(60):
        at, length = rng.randrange(1, 9000), rng.choice([4095, 4096, 4097, 5000, 20_000])
        data = b"\x01" * at + bytes(length) + b"\x01" * rng.randrange(0, 9000)
        start = rng.randrange(0, at)
        found = list(zeros.zero_runs(io.BytesIO(data), start, len(data)))
        assert found == ([(at, length)] if length >= zeros.LEAST else [])


# ------------------------------------------------------------------------------------------------------ as a photo


@pytest.fixture
def no_decoder(monkeypatch: pytest.MonkeyPatch) -> None:
    """As where the extra `strict` is not installed."""
    monkeypatch.setattr(decoding, "can_decode", lambda _: False)


@pytest.fixture
def holey(tmp_path: Path) -> Path:
    """A photo whose middle was never written, as a download in parts leaves it."""
    _, data = WHOLE["jpeg"]
    path = tmp_path / "boot.jpg"
    with path.open("wb") as file:
        file.write(data[:16_384])
        file.seek(65_536)
        file.write(data[65_536:])
    return path


@pytest.mark.usefixtures("no_decoder")
def test_a_hole_is_seen_without_hashing(holey: Path) -> None:
    with holey.open("rb") as file:
        if os.lseek(file.fileno(), 0, os.SEEK_HOLE) == holey.stat().st_size:
            pytest.skip("this file system tells no holes")
    assert "zeros" in inspect(holey, ALL).suspect


@pytest.mark.usefixtures("no_decoder")
def test_what_is_read_anyway_is_judged(holey: Path) -> None:
    holey.write_bytes(holey.read_bytes())  # no hole any more, but zeros
    plain = inspect(holey, ALL)
    assert inspect(holey, ALL, hashed=True).suspect
    assert read_through(plain, ALL).suspect
    assert read_through(plain, ALL).digest


def test_a_sparse_copy_of_a_whole_picture_is_taken(tmp_path: Path) -> None:
    black = saved(Image.new("RGB", (400, 400)), "TIFF")
    path = tmp_path / "black.tif"
    with path.open("wb") as file:
        at = black.index(bytes(8192)) // 4096 * 4096 + 4096
        file.write(black[:at])
        file.seek(at + 4096 * 20)
        file.write(black[at + 4096 * 20 :])
    assert path.read_bytes() == black
    assert not inspect(path, ALL, hashed=True).suspect


def test_damage_for_sure_is_refused_by_all_its_bytes(tmp_path: Path) -> None:
    _, data = WHOLE["png"]
    path = tmp_path / "boot.png"
    path.write_bytes(with_hole(data, 50_000, 8192))
    photo = inspect(path, ALL)
    with pytest.raises(BadPhoto, match=r"boot\.png is damaged"):
        inspect(path, ALL, hashed=True)
    with pytest.raises(BadPhoto, match=r"boot\.png is damaged"):
        read_through(photo, ALL)


# ------------------------------------------------------------------------------------------------------- decoded

STRICT = replace(ALL, strict=True)


@pytest.fixture(scope="module")
def decoder() -> None:
    """Skips where the extra `strict` is not installed."""
    pytest.importorskip("simplejpeg")


@pytest.mark.usefixtures("decoder")
def test_a_decoder_has_the_last_word_on_what_is_suspect(holey: Path, tmp_path: Path) -> None:
    with pytest.raises(BadPhoto, match="cannot be decoded") as refused:
        inspect(holey, ALL, hashed=True)
    assert refused.value.reason == "damaged"
    flat = tmp_path / "flat.jpg"
    flat.write_bytes(saved(packshot(4800), "JPEG", optimize=True))
    assert not inspect(flat, ALL, hashed=True).suspect
    flat.write_bytes(with_hole(flat.read_bytes(), 6000, 8192))
    with pytest.raises(BadPhoto, match="cannot be decoded"):
        inspect(flat, ALL, hashed=True)


@pytest.mark.usefixtures("decoder")
@pytest.mark.parametrize(
    "way", ["jpeg", "jpeg, optimized", "jpeg, restarts", "png", "tiff, lzw", "tiff, deflate", "tiff, packbits"]
)
def test_strict_takes_what_is_whole(way: str, tmp_path: Path) -> None:
    photo = tmp_path / "boot"
    photo.write_bytes(WHOLE[way][1])
    assert inspect(photo, STRICT, hashed=True).digest
    assert not read_through(inspect(photo, ALL), replace(ALL, strict=True)).suspect


@pytest.mark.usefixtures("decoder")
@pytest.mark.parametrize("damage", ["joined", "cut and ended", "bytes gone"])
def test_strict_refuses_what_only_a_decoder_sees(damage: str, tmp_path: Path) -> None:
    data, other = WHOLE["jpeg"][1], saved(noise(), "JPEG", quality=95)
    half = len(data) // 2
    photo = tmp_path / "boot.jpg"
    photo.write_bytes({
        "joined": data[:half] + other[half:], "cut and ended": data[:half] + b"\xff\xd9",
        "bytes gone": data[:half] + data[half + 5000 :],
    }[damage])  # fmt: skip
    assert not inspect(photo, ALL, hashed=True).suspect
    with pytest.raises(BadPhoto, match="cannot be decoded"):
        inspect(photo, STRICT, hashed=True)
    with pytest.raises(BadPhoto, match="cannot be decoded"):
        read_through(inspect(photo, ALL), replace(ALL, strict=True))


@pytest.mark.usefixtures("no_decoder")
def test_strict_without_a_decoder_takes_nothing_by_itself(tmp_path: Path) -> None:
    photo = tmp_path / "boot.jpg"
    photo.write_bytes(WHOLE["jpeg"][1])
    assert "artui[strict]" in inspect(photo, STRICT, hashed=True).suspect


@pytest.mark.usefixtures("decoder")
def test_a_decoder_that_dies_or_hangs_leaves_the_photo_suspect_and_the_next_one_is_decoded(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    photo = tmp_path / "boot.jpg"
    photo.write_bytes(WHOLE["jpeg"][1])
    assert not inspect(photo, STRICT, hashed=True).suspect
    running = decoding._THE_ONE._process
    assert running is not None
    running.send_signal(signal.SIGSTOP)
    line = decoding._THE_ONE._line
    assert line is not None
    line.settimeout(0.2)
    assert "no end" in inspect(photo, STRICT, hashed=True).suspect
    assert not inspect(photo, STRICT, hashed=True).suspect
    decoding._THE_ONE._process.kill()
    assert "no end" in inspect(photo, STRICT, hashed=True).suspect
    assert not inspect(photo, STRICT, hashed=True).suspect


@pytest.mark.parametrize(
    ("head", "words"),
    [
        (b"\0\0\0\x18ftypheic\0\0\0\0mif1heic", "a HEIC picture"),
        (b"\0\0\0\x18ftypxxxx\0\0\0\0mif1heic", "a HEIC picture"),
        (b"\xff\x0a\xfa\x7f", "a JPEG XL picture"),
        (b"\0\0\0\x0cJXL \r\n\x87\n", "a JPEG XL picture"),
        (b"\0\0\0\x0cjP  \r\n\x87\n", "a JPEG 2000 picture"),
        (b"\xff\x4f\xff\x51\0\x29", "a JPEG 2000 picture"),
        (b"BM\x36\0\x0c\0\0\0\0\0\x36\0\0\0\x28\0\0\0", "a BMP picture"),
        (b"FUJIFILMCCD-RAW 0201FF383501", "a camera's raw file (Fujifilm RAF)"),
        (b"IIU\0\x18\0\0\0", "a camera's raw file (Panasonic RW2)"),
        (b"IIRO\x08\0\0\0", "a camera's raw file (Olympus ORF)"),
        (b"II*\0\x10\0\0\0CR\x02\0", "a camera's raw file (Canon CR2)"),
        (b"\0\0\0\x18ftypcrx \0\0\0\x01crx isom", "a camera's raw file (Canon CR3)"),
        (b"8BPS\0\x01", "a Photoshop picture"),
    ],
)
def test_a_picture_that_is_not_taken_is_called_by_its_name(head: bytes, words: str, tmp_path: Path) -> None:
    path = tmp_path / "a.jpg"
    path.write_bytes(head + bytes(100))
    with pytest.raises(BadPhoto) as refused:
        inspect(path, ALL)
    assert refused.value.reason == "unsupported"
    assert f"is {words}; the service takes JPEG, PNG, TIFF, WebP" in str(refused.value)
