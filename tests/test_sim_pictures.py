"""The stand-in's darkroom: every kind of picture that a real decoder takes comes back, and what is broken does not."""

from __future__ import annotations

import io
import struct
import zlib
from pathlib import Path
from typing import Any

import pytest
from PIL import Image, ImageCms, ImageDraw, PngImagePlugin

from artui.sim import developing, imaging
from artui.sim.photos import sample_photos


def saved(image: Image.Image, kind: str, **options: Any) -> bytes:
    out = io.BytesIO()
    image.save(out, kind, **options)
    return out.getvalue()


def chunk(name: bytes, body: bytes) -> bytes:
    return len(body).to_bytes(4) + name + body + zlib.crc32(name + body).to_bytes(4)


def png(depth: int, colours: int, row: bytes, *chunks: bytes) -> bytes:
    header = struct.pack(">IIBBBBB", 4, 4, depth, colours, 0, 0, 0)
    data = zlib.compress((b"\0" + row) * 4)
    return b"\x89PNG\r\n\x1a\n" + b"".join([chunk(b"IHDR", header), *chunks, chunk(b"IDAT", data), chunk(b"IEND", b"")])


def with_segment(jpeg: bytes, marker: int, body: bytes) -> bytes:
    return jpeg[:2] + bytes([0xFF, marker]) + (len(body) + 2).to_bytes(2) + body + jpeg[2:]


def tiff(bits: int, *, samples: int = 1) -> bytes:
    """An uncompressed TIFF of 16 x 16 with so many bits, as Pillow does not read them."""
    data = bytes(16 * 16 * samples * bits // 8)
    tags = [(256, 16), (257, 16), (258, bits), (259, 1), (262, 1), (273, 200), (277, samples), (278, 16)]
    entries = b"".join(struct.pack("<HHII", tag, 4, 1, value) for tag, value in [*tags, (279, len(data))])
    return (b"II*\0\x08\0\0\0\x09\0" + entries + bytes(4)).ljust(200, b"\0") + data


RED = Image.new("RGB", (40, 30), "red")
JPEG = saved(RED, "JPEG")
TEXT = PngImagePlugin.PngInfo()
TEXT.add_text("Comment", "x" * 3_000_000)
KINDS = {
    "1 bit, black transparent": (png(1, 0, b"\x50", chunk(b"tRNS", b"\0\0")), (4, 4)),
    "1 bit": (png(1, 0, b"\x50"), (4, 4)),
    "2 bits, transparent": (png(2, 0, b"\x1b", chunk(b"tRNS", b"\0\1")), (4, 4)),
    "16 bit grey, transparent": (png(16, 0, b"\1\2" * 4, chunk(b"tRNS", b"\1\2")), (4, 4)),
    "16 bit colour, transparent": (png(16, 2, b"\1\2" * 12, chunk(b"tRNS", b"\1\2" * 3)), (4, 4)),
    "16 bit grey and alpha": (png(16, 4, b"\1\2" * 8), (4, 4)),
    "palette, transparent": (saved(RED.convert("P"), "PNG", transparency=bytes([0, 128])), (40, 30)),
    "text of 3 MB": (saved(RED, "PNG", pnginfo=TEXT), (40, 30)),
    "a chunk that is too short": (png(8, 2, b"abc" * 4, chunk(b"cHRM", b"\0\0")), (4, 4)),
    "text packed in no known way": (png(8, 2, b"abc" * 4, chunk(b"zTXt", b"a\0\x78junk")), (4, 4)),
    "a profile of 3 MB": (saved(RED, "JPEG", icc_profile=bytes(3_000_000)), (40, 30)),
    "junk for EXIF": (with_segment(JPEG, 0xE1, b"Exif\0\0" + b"II*\0\xff\xff\xff\xff" * 40), (40, 30)),
    "EXIF that is cut off": (with_segment(JPEG, 0xE1, b"Exif\0\0MM\0*\0\0\0\x08\0\x09\x01\x12"), (40, 30)),
    "a JFIF segment with nothing in it": (with_segment(JPEG[:2] + JPEG[20:], 0xE0, b"JFIF\0\1"), (40, 30)),
    "CMYK": (saved(RED.convert("CMYK"), "JPEG"), (40, 30)),
    "float TIFF": (saved(Image.linear_gradient("L").convert("F"), "TIFF"), (256, 256)),
    "float TIFF, not a number": (saved(Image.new("F", (8, 8), float("nan")), "TIFF"), (8, 8)),
    "32 bit TIFF": (saved(Image.linear_gradient("L").convert("I"), "TIFF"), (256, 256)),
    "LA TIFF": (saved(Image.new("LA", (8, 8), (9, 99)), "TIFF"), (8, 8)),
    "La TIFF": (saved(Image.new("LA", (8, 8), (9, 99)), "TIFF").replace(
        struct.pack("<HHII", 338, 3, 1, 2), struct.pack("<HHII", 338, 3, 1, 1)), (8, 8)),
    "Lab TIFF": (saved(ImageCms.profileToProfile(RED, ImageCms.createProfile("sRGB"), ImageCms.createProfile("LAB"),
                                                 outputMode="LAB"), "TIFF"), (40, 30)),
    "24 bit TIFF": (tiff(24), (16, 16)),
    "64 bit TIFF": (tiff(64, samples=3), (16, 16)),
}  # fmt: skip


@pytest.mark.parametrize("which", KINDS)
@pytest.mark.parametrize("recipe", ["cut out", "shadow", "square"])
def test_every_kind_of_picture_comes_back(which: str, recipe: str) -> None:
    content, size = KINDS[which]
    imaging.check(content)
    result, _ = imaging.render(content, imaging.RECIPES[recipe])
    assert imaging.input_digest(result)
    full, target = imaging.render(content, [], full_size=True)
    assert imaging.content_type(full) == imaging.FORMATS[target]
    assert Image.open(io.BytesIO(full)).size == size


def alphas(content: bytes) -> list[bool]:
    image, _ = developing.load(content)
    return [alpha > 0 for alpha in image.getchannel("A").crop((0, 0, 4, 1)).tobytes()]


def test_what_is_transparent_stays_so() -> None:
    assert alphas(KINDS["1 bit, black transparent"][0]) == [False, True, False, True]
    assert developing.load(KINDS["La TIFF"][0])[0].getpixel((0, 0)) == (23, 23, 23, 99)
    assert developing.load(KINDS["LA TIFF"][0])[0].getpixel((0, 0)) == (9, 9, 9, 99)


def test_a_picture_that_is_plain_grey_is_one_that_pillow_does_not_know() -> None:
    greys = {name for name, (content, _) in KINDS.items() if developing.load(content)[0].getpixel((0, 0)) == (128,) * 3}
    assert greys == {"24 bit TIFF", "64 bit TIFF", "float TIFF, not a number"}


def test_what_is_transparent_in_16_bits_stays_so_and_nothing_else() -> None:
    content = png(16, 0, b"\1\2\1\3\1\1\xff\xff", chunk(b"tRNS", b"\1\2"))
    assert alphas(content) == [False, True, True, True]


@pytest.mark.parametrize(
    "content",
    [b"", b"nothing", b"\xff\xd8\xff\xd9", JPEG[:300], saved(RED, "PNG")[:60], tiff(24)[:60]],
    ids=["empty", "text", "no picture", "half a JPEG", "half a PNG", "half a TIFF"],
)  # fmt: skip
def test_what_is_broken_is_refused(content: bytes) -> None:
    with pytest.raises(imaging.NotAPicture):
        imaging.check(content)


def test_an_archive_whose_beginning_is_lost_is_refused() -> None:
    whole = imaging.archive({"red.jpg": JPEG}, "0" * 64)
    assert imaging.unpacked(whole) == {"red.jpg": JPEG}
    with pytest.raises(imaging.NotAPicture):
        imaging.unpacked(whole[5:])


def test_a_turned_picture_comes_back_upright() -> None:
    exif = Image.Exif()
    exif[274] = 6
    result, _ = imaging.render(saved(RED, "JPEG", exif=exif), [], full_size=True)
    assert Image.open(io.BytesIO(result)).size == (30, 40)


@pytest.fixture(scope="module")
def shirt(tmp_path_factory: pytest.TempPathFactory) -> bytes:
    return sample_photos(tmp_path_factory.mktemp("samples"), 1, 2)[1].read_bytes()


def alpha_at(result: bytes, x: float, y: float) -> int:
    image = Image.open(io.BytesIO(result)).convert("RGBA")
    alpha = image.getchannel("A").getpixel((round(x * image.width), round(y * image.height)))
    assert isinstance(alpha, int)
    return alpha


def test_a_background_goes_with_its_shadow_and_the_thing_stays(shirt: bytes) -> None:
    result, _ = imaging.render(shirt, imaging.RECIPES["cut out"])
    assert alpha_at(result, 0.5, 0.5) == 255
    assert alpha_at(result, 0.5, 0.12) == 255  # the neck of the dummy
    assert alpha_at(result, 0.72, 0.72) == 0  # the shadow on the floor
    assert alpha_at(result, 0.05, 0.5) == 0


def test_a_dummy_goes_out_of_its_shirt(shirt: bytes) -> None:
    result, _ = imaging.render(shirt, imaging.RECIPES["mannequin"])
    assert alpha_at(result, 0.5, 0.12) == 0
    assert alpha_at(result, 0.5, 0.5) == 255


def test_a_square_is_filled_by_the_thing_from_edge_to_edge(shirt: bytes) -> None:
    result, _ = imaging.render(shirt, imaging.RECIPES["square"])
    image = Image.open(io.BytesIO(result)).convert("L").point([255 * (level < 250) for level in range(256)])
    left, top, right, bottom = image.getbbox() or (0, 0, 0, 0)
    assert image.size == (800, 800)
    assert max(right - left, bottom - top) > 650
    assert abs((left + right) / 2 - 400) < 30
    assert abs((top + bottom) / 2 - 400) < 30


def test_a_picture_without_a_thing_in_it_is_processed_as_well() -> None:
    flat = saved(Image.new("RGB", (300, 200), "white"), "PNG")
    striped = Image.new("RGB", (300, 200), "white")
    ImageDraw.Draw(striped).rectangle((0, 90, 300, 110), fill="navy")
    for content in (flat, saved(striped, "PNG"), saved(Image.new("RGB", (1, 1)), "PNG")):
        for recipe in imaging.RECIPES.values():
            imaging.render(content, recipe)


def test_sample_photos_differ_from_folder_to_folder_and_are_the_same_each_time(tmp_path: Path) -> None:
    once, again, other = (
        [path.read_bytes() for path in sample_photos(tmp_path / name, seed, 3)]
        for name, seed in (("a", 1), ("b", 1), ("c", 2))
    )
    assert once == again
    assert len(once) == len(other) == 5
    assert not set(once) & set(other)
