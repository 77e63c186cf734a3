"""The digest of the picture alone: the same whatever else is written into the file, another for another picture."""

from __future__ import annotations

import io
import random
import time
from collections.abc import Callable
from typing import Any

import pytest
from PIL import Image, ImageCms

from artui.files import picture
from tests import retagged

SIZE = (61, 47)
PROFILE = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()
OTHER_PROFILE = PROFILE[:-1] + bytes((PROFILE[-1] ^ 1,))
TYPES = ("image/jpeg", "image/png", "image/webp", "image/tiff")


def drawn(seed: int = 0, mode: str = "RGB") -> Image.Image:
    pixels = random.Random(seed).randbytes(SIZE[0] * SIZE[1] * len(mode))
    return Image.frombytes(mode, SIZE, pixels)


def saved(kind: str, image: Image.Image | None = None, **how: Any) -> bytes:
    written = io.BytesIO()
    (image or drawn()).save(written, kind, **how)
    return written.getvalue()


def digest(data: bytes, media_type: str) -> str:
    return picture.digest(io.BytesIO(data), len(data), media_type)


def jpeg(data: bytes) -> str:
    return digest(data, "image/jpeg")


def png(data: bytes) -> str:
    return digest(data, "image/png")


def webp(data: bytes) -> str:
    return digest(data, "image/webp")


def tiff(data: bytes) -> str:
    return digest(data, "image/tiff")


# ------------------------------------------------------------------------------------------------------------- JPEG


@pytest.mark.parametrize("how", [{}, {"progressive": True}, {"restart_marker_blocks": 1}, {"icc_profile": PROFILE}])
def test_what_is_written_into_a_jpeg_is_not_its_picture(how: dict[str, Any]) -> None:
    plain = saved("JPEG", **how)
    alone = jpeg(plain)
    assert len(alone) == 64
    assert jpeg(retagged.rated(plain)) == alone
    assert jpeg(retagged.rated(plain, 3)) == alone
    assert jpeg(retagged.jpeg(plain, (0xE1, retagged.exif(Orientation=1)))) == alone, "said, and the same as unsaid"
    assert jpeg(plain + b"a motion photo's film") == alone
    without_jfif = plain[:2] + plain[20:]
    assert plain[6:10] == b"JFIF"
    assert jpeg(without_jfif) == alone
    behind_tables = plain.index(b"\xff\xda")
    assert jpeg(plain[:behind_tables] + b"\xff\xfe\0\x04hi" + plain[behind_tables:]) == alone


def test_what_a_decoder_sees_of_a_jpeg_is_its_picture() -> None:
    plain = saved("JPEG")
    others = [
        plain,
        saved("JPEG", quality=90),
        saved("JPEG", progressive=True),
        saved("JPEG", drawn(1)),
        saved("JPEG", icc_profile=PROFILE),
        saved("JPEG", icc_profile=OTHER_PROFILE),
        *(retagged.jpeg(plain, (0xE1, retagged.exif(Orientation=turn))) for turn in range(2, 9)),
        retagged.jpeg(plain, (0xEE, b"Adobe\0d\0\0\0\0\1")),
        retagged.jpeg(plain, (0xEE, b"Adobe\0d\0\0\0\0\0")),
        saved("JPEG", drawn(0, "CMYK")),
    ]
    assert len({jpeg(one) for one in others}) == len(others)


def test_every_byte_of_a_scan_counts() -> None:
    plain = saved("JPEG")
    first = plain.index(b"\xff\xda") + 14
    flipped = {
        jpeg(plain[:place] + bytes((plain[place] ^ 4,)) + plain[place + 1 :]) for place in range(first, len(plain) - 2)
    }
    assert jpeg(plain) not in flipped


def test_a_colour_profile_counts_however_it_is_divided() -> None:
    plain = saved("JPEG")

    def divided(*parts: bytes, numbers: tuple[int, ...] = ()) -> str:
        order = numbers or tuple(range(1, len(parts) + 1))
        segments = [
            (0xE2, b"ICC_PROFILE\0" + bytes((number, len(parts))) + part)
            for number, part in zip(order, parts, strict=True)
        ]
        return jpeg(retagged.jpeg(plain, *segments))

    whole = divided(PROFILE)
    assert whole != jpeg(plain)
    assert divided(PROFILE[:100], PROFILE[100:]) == whole
    assert divided(PROFILE[100:], PROFILE[:100], numbers=(2, 1)) == whole
    assert divided(PROFILE[:100], PROFILE[100:], numbers=(1, 3)) != whole, "no decoder takes that for a profile"


def test_a_jpeg_goes_over_the_ends_of_blocks(monkeypatch: pytest.MonkeyPatch) -> None:
    plain = retagged.rated(saved("JPEG", restart_marker_blocks=3))
    alone = jpeg(plain)
    for block in range(1, 40):
        for bytes_at_once in ("BLOCK", "_AT_FIRST"):
            monkeypatch.setattr(picture, bytes_at_once, block)
        assert jpeg(plain) == alone


# -------------------------------------------------------------------------------------------------------------- PNG


@pytest.mark.parametrize("mode", ["RGB", "RGBA", "L"])
def test_what_is_written_into_a_png_is_not_its_picture(mode: str) -> None:
    plain = saved("PNG", drawn(0, mode))
    texts = ((b"tEXt", b"Rating\0005"), (b"iTXt", b"XML:com.adobe.xmp\0\0\0\0\0" + retagged.XMP), (b"tIME", bytes(7)))
    alone = png(plain)
    assert len(alone) == 64
    assert png(retagged.png(plain, *texts)) == alone
    assert png(retagged.png(plain, (b"eXIf", retagged.exif(Rating=5)[6:]), (b"pHYs", bytes(9)))) == alone
    assert png(retagged.png(plain, divided=100)) == alone
    assert png(plain + b"behind its end") == alone


def test_what_a_decoder_sees_of_a_png_is_its_picture() -> None:
    plain, animated = saved("PNG"), [drawn(1), drawn(2)]
    others = [
        plain,
        saved("PNG", drawn(1)),
        saved("PNG", compress_level=1),
        saved("PNG", icc_profile=PROFILE),
        saved("PNG", icc_profile=OTHER_PROFILE),
        *(retagged.png(plain, (kind, bytes(6))) for kind in (b"tRNS", b"gAMA", b"cHRM", b"sRGB", b"cICP")),
        *(retagged.png(plain, (b"eXIf", retagged.exif(Orientation=turn)[6:])) for turn in range(2, 9)),
        saved("PNG", drawn().quantize(16)),
        saved("PNG", save_all=True, append_images=animated),
        saved("PNG", save_all=True, append_images=animated[:1]),
        saved("PNG", save_all=True, append_images=animated, duration=200),
    ]
    assert len({png(one) for one in others}) == len(others)
    palette = bytearray(saved("PNG", drawn().quantize(16)))
    before = png(bytes(palette))
    palette[palette.index(b"PLTE") + 4] ^= 1
    assert png(bytes(palette)) != before


# ------------------------------------------------------------------------------------------------------------- WebP


@pytest.mark.parametrize("lossless", [False, True])
def test_what_is_written_into_a_webp_is_not_its_picture(lossless: bool) -> None:
    plain = saved("WEBP", lossless=lossless)
    alone = webp(plain)
    assert len(alone) == 64
    tagged = retagged.webp(plain, SIZE, (b"EXIF", retagged.exif(Rating=5)), (b"XMP ", retagged.XMP))
    assert webp(tagged) == alone
    assert webp(retagged.webp(plain, SIZE, (b"EXIF", retagged.exif(Orientation=1)[6:]))) == alone


def test_what_a_decoder_sees_of_a_webp_is_its_picture() -> None:
    plain = saved("WEBP")
    others = [
        plain,
        saved("WEBP", drawn(1)),
        saved("WEBP", quality=50),
        saved("WEBP", lossless=True),
        saved("WEBP", icc_profile=PROFILE),
        saved("WEBP", icc_profile=OTHER_PROFILE),
        saved("WEBP", drawn(0, "RGBA")),
        *(retagged.webp(plain, SIZE, (b"EXIF", retagged.exif(Orientation=turn))) for turn in range(2, 9)),
        saved("WEBP", save_all=True, append_images=[drawn(1)], duration=100),
        saved("WEBP", save_all=True, append_images=[drawn(1)], duration=200),
    ]
    assert len({webp(one) for one in others}) == len(others)


# ------------------------------------------------------------------------------------------------------------- TIFF

PACKED = [None, "tiff_lzw", "tiff_deflate", "packbits", "jpeg"]


@pytest.mark.parametrize("packing", PACKED)
def test_what_is_written_into_a_tiff_is_not_its_picture(packing: str | None) -> None:
    plain = saved("TIFF", compression=packing)
    alone = tiff(plain)
    assert len(alone) == 64
    assert tiff(retagged.tiff(plain)) == alone
    assert tiff(retagged.tiff(plain, orientation=1)) == alone
    assert tiff(plain + b"behind its end") == alone


def test_what_a_decoder_sees_of_a_tiff_is_its_picture() -> None:
    plain = saved("TIFF")
    others = [
        *(saved("TIFF", compression=packing) for packing in PACKED),
        saved("TIFF", drawn(1)),
        saved("TIFF", drawn(0, "CMYK")),
        saved("TIFF", icc_profile=PROFILE),
        saved("TIFF", icc_profile=OTHER_PROFILE),
        *(retagged.tiff(plain, orientation=turn) for turn in range(2, 9)),
        saved("TIFF", save_all=True, append_images=[drawn(1)]),
        saved("TIFF", save_all=True, append_images=[drawn(2)]),
    ]
    assert len({tiff(one) for one in others}) == len(others)


# ----------------------------------------------------------------------------------------------- what cannot be read

_WHOLE: dict[str, Callable[[], bytes]] = {
    "image/jpeg": lambda: retagged.rated(saved("JPEG", icc_profile=PROFILE, progressive=True)),
    "image/png": lambda: retagged.png(saved("PNG", icc_profile=PROFILE), (b"eXIf", retagged.exif(Orientation=6))),
    "image/webp": lambda: retagged.webp(saved("WEBP"), SIZE, (b"EXIF", retagged.exif(Orientation=6))),
    "image/tiff": lambda: retagged.tiff(saved("TIFF", compression="tiff_lzw"), orientation=6),
}


@pytest.mark.parametrize("media_type", TYPES)
def test_what_is_cut_or_garbled_has_no_digest_and_is_no_error(media_type: str) -> None:
    chance, whole = random.Random(17), _WHOLE[media_type]()
    assert digest(whole, media_type)
    assert digest(whole[: len(whole) // 2], media_type) == ""
    assert digest(b"", media_type) == ""
    for _ in range(300):
        data = bytearray(whole[: chance.randrange(len(whole) + 1)] if chance.random() < 0.5 else whole)
        for _ in range(chance.randrange(4)):
            place = chance.randrange(len(data) + 1)
            data[place : place + chance.randrange(9)] = chance.choice(
                [b"\xff\xff\xff\xff", b"\0\0\0\0", chance.randbytes(4), b""]
            )
        assert len(digest(bytes(data), media_type)) in (0, 64)


def test_another_type_has_none_and_equal_bytes_of_two_types_are_two_pictures() -> None:
    plain = saved("JPEG")
    assert digest(plain, "image/gif") == ""
    assert digest(plain, "image/png") == ""


_STRIP = 1_000_000


def _strips_all_alike() -> bytes:
    """A TIFF whose many strips are all the same large part of the file."""
    number = 50_000
    head = 8 + 2 + 12 * 3 + 4
    fields = [(259, 3, 1, 1), (273, 4, number, head), (279, 4, number, head + 4 * number)]
    made = b"II*\0\x08\0\0\0\3\0" + b"".join(
        tag.to_bytes(2, "little")
        + kind.to_bytes(2, "little")
        + count.to_bytes(4, "little")
        + value.to_bytes(4, "little")
        for tag, kind, count, value in fields
    )
    arrays = (head + 8 * number).to_bytes(4, "little") * number + _STRIP.to_bytes(4, "little") * number
    return made + bytes(4) + arrays + bytes(_STRIP)


_HOSTILE = {
    "restarts without end": ("image/jpeg", lambda: saved("JPEG")[:-2] + b"\xff\xd0" * 1_000_000),
    "fill bytes without end": ("image/jpeg", lambda: saved("JPEG")[:-2] + b"\xff" * 4_000_000),
    "segments without end": ("image/jpeg", lambda: b"\xff\xd8" + b"\xff\xfe\0\2" * 1_000_000),
    "chunks without end": ("image/png", lambda: saved("PNG")[:33] + (bytes(4) + b"tEXt" + bytes(4)) * 500_000),
    "frames without end": ("image/png", lambda: saved("PNG")[:33] + (b"\0\0\0\4fcTL" + bytes(8)) * 300_000),
    "chunks of nothing": ("image/webp", lambda: b"RIFF\xff\xff\xff\xffWEBP" + (b"XXXX" + bytes(4)) * 500_000),
    "strips that are one": ("image/tiff", _strips_all_alike),
    "pages in a circle": ("image/tiff", lambda: b"II*\0\x08\0\0\0\0\0\x0e\0\0\0\0\0\x08\0\0\0"),
}


@pytest.mark.parametrize("case", _HOSTILE)
def test_no_file_is_slow(case: str) -> None:
    media_type, make = _HOSTILE[case]
    data, began = make(), time.thread_time()
    assert digest(data, media_type) == ""
    assert time.thread_time() - began < 5, "of this thread's own time, whatever else the machine does"
