"""Any photo as pixels to work on: what a real decoder takes is taken, whatever else the file carries.

Pillow stumbles over metadata that makes no sense, and does not know some kinds of pixels. Such metadata is left out;
for such pixels a plain grey picture of the right size stands, so that what is sent through the stand-in comes back.
"""

from __future__ import annotations

import contextlib
import io
import math
import struct
import warnings
from collections.abc import Iterator

from PIL import Image, ImageChops, ImageOps, PngImagePlugin, TiffImagePlugin, UnidentifiedImageError

LARGEST_SIDE = 10_000
"""Pixels: the service's limit."""

WORKING_SIDE = 800
"""Pixels: what the stand-in does to a picture must not cost what the real thing does."""

_KINDS = {
    b"\xff\xd8\xff": "JPEG", b"\x89PNG": "PNG", b"RIFF": "WEBP", b"II*\0": "TIFF", b"MM\0*": "TIFF", b"II+\0": "TIFF",
    b"MM\0+": "TIFF",
}  # fmt: skip
_DAMAGE = (
    OSError, SyntaxError, ValueError, TypeError, KeyError, IndexError, StopIteration, OverflowError, EOFError,
    struct.error, Image.DecompressionBombError,
)  # fmt: skip
_SIZE_TAGS = (256, 257)  # of a TIFF: width and height
_DATA_TAGS = ((273, 279), (324, 325))  # likewise: where strips or tiles start, and their lengths
_PICTURE_CHUNKS = {b"IHDR", b"PLTE", b"tRNS", b"IDAT", b"IEND"}  # of a PNG
_ADOBE = 0xEE  # the one segment of metadata that tells a JPEG's colours
_NO_FRAMES = (0xC4, 0xC8, 0xCC)  # markers between those of frames that are none

# Pillow refuses texts above a megabyte as an attack; the stand-in is sent what its user chooses.
PngImagePlugin.MAX_TEXT_CHUNK = PngImagePlugin.MAX_TEXT_MEMORY = 64 * 1024 * 1024


class NotAPicture(Exception):
    """The bytes cannot be processed: no picture, a broken one, one of another format or too large."""


def kind(content: bytes) -> str:
    """Return Pillow's name of a picture's format, by its first bytes. Raises NotAPicture."""
    found = next((name for magic, name in _KINDS.items() if content.startswith(magic)), None)
    if found is None:
        raise NotAPicture("the image cannot be read: it is none of the formats that are taken")
    return found


def load(content: bytes) -> tuple[Image.Image, tuple[int, int]]:
    """Return a picture as RGB or RGBA, upright and no larger than it is worked on, and its own width and height.

    Raises NotAPicture.
    """
    form = kind(content)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of metadata
        try:
            image, size = _read(content, form)
        except _DAMAGE as error:
            try:
                image, size = _read(_bare(content, form), form)
            except _DAMAGE:
                image, size = _blank(content, form, error)
    image.thumbnail((WORKING_SIDE, WORKING_SIDE), Image.Resampling.BILINEAR)
    return image, size


def _read(content: bytes, form: str) -> tuple[Image.Image, tuple[int, int]]:
    image = Image.open(io.BytesIO(content), formats=(form,))
    size = _allowed(*image.size)
    image.draft("RGB", (WORKING_SIDE, WORKING_SIDE))
    image.load()
    upright: Image.Image = image
    with contextlib.suppress(Exception):  # of metadata, which may hold anything: the picture is there
        upright = ImageOps.exif_transpose(image)
    is_turned = upright.size != image.size
    return _plain(upright), size[::-1] if is_turned else size


def _allowed(width: int, height: int) -> tuple[int, int]:
    if max(width, height) > LARGEST_SIDE:
        raise NotAPicture(f"{width} x {height} pixels are more than {LARGEST_SIDE} a side")
    return width, height


def _plain(image: Image.Image) -> Image.Image:
    """Return a picture of any kind of pixels as RGB or RGBA; grey all over where Pillow has no way to."""
    try:
        if image.mode in {"I", "F"} or image.mode.startswith("I;16"):
            image = _in_eight_bits(image)
        elif image.mode in {"La", "RGBa"}:
            image = image.convert(image.mode.upper())  # the only way that leads out of these
        has_alpha = image.mode in {"RGBA", "LA", "PA"} or image.info.get("transparency") is not None
        return image.convert("RGBA" if has_alpha else "RGB")
    except _DAMAGE:
        image.info.pop("transparency", None)
        try:
            return image.convert("RGB")
        except _DAMAGE:
            return Image.new("RGB", image.size, "grey")


def _in_eight_bits(image: Image.Image) -> Image.Image:
    """Return grey of more than eight bits in eight: 16 bits by their range, others from their darkest to their
    brightest."""
    wide = image if image.mode in {"I", "F"} else image.convert("I")  # the only ones that Pillow calculates with
    low, high = map(float, wide.getextrema())  # type: ignore[arg-type]
    if not (math.isfinite(low) and math.isfinite(high)):
        return Image.new("L", image.size, "grey")
    if wide.mode == "I" and low >= 0 and high <= 65535:
        low, high = 0, 65535
    scale = 255 / ((high - low) or 1)
    grey = wide.point(lambda level: level * scale - low * scale).convert("L")
    clear = image.info.get("transparency")
    if wide.mode == "I" and isinstance(clear, int):
        # One level in 65,536 is one no longer among 256: where it stands is told by the picture as it was.
        above, below = (
            wide.point(lambda level, way=way: level * way - clear * way).convert("L") for way in (255, -255)
        )
        grey.putalpha(ImageChops.lighter(above, below))
    return grey


def _bare(content: bytes, form: str) -> bytes:
    """Return a PNG or JPEG without the metadata that Pillow may have stumbled over."""
    if form == "PNG":
        return content[:8] + b"".join(part for name, part in _chunks(content) if name in _PICTURE_CHUNKS)
    if form == "JPEG":
        kept = (part for marker, part in _segments(content) if not 0xE0 <= marker <= 0xEF or marker == _ADOBE)
        return content[:2] + b"".join(kept)
    return content


def _chunks(content: bytes) -> Iterator[tuple[bytes, bytes]]:
    offset = 8
    while offset + 12 <= len(content):
        end = offset + 12 + int.from_bytes(content[offset : offset + 4])
        yield content[offset + 4 : offset + 8], content[offset:end]
        offset = end


def _segments(content: bytes) -> Iterator[tuple[int, bytes]]:
    """The segments of a JPEG before its picture data, and then all the rest."""
    offset = 2
    while offset + 4 <= len(content) and content[offset] == 0xFF and content[offset + 1] != 0xDA:
        end = offset + 2 + int.from_bytes(content[offset + 2 : offset + 4])
        yield content[offset + 1], content[offset:end]
        offset = end
    yield 0, content[offset:]


def _blank(content: bytes, form: str, error: Exception) -> tuple[Image.Image, tuple[int, int]]:
    """A grey picture for one that Pillow does not know the kind of, as it does where a header is all that is wrong.

    Raises NotAPicture for what Pillow knows and finds damaged.
    """
    refusal = NotAPicture(f"the image cannot be read: {error}")
    if not isinstance(error, (UnidentifiedImageError, ValueError)):
        raise refusal from error
    try:
        width, height = _stated(content, form)
    except _DAMAGE:
        raise refusal from error
    if min(width, height) < 1:
        raise refusal from error
    size = _allowed(width, height)
    return Image.new("RGB", size, "grey"), size


def _stated(content: bytes, form: str) -> tuple[int, int]:
    """The width and height that a header tells. Raises what may be wrong with it."""
    if form == "JPEG" and content.rstrip(b"\0").endswith(b"\xff\xd9"):
        for marker, part in _segments(content):
            if 0xC0 <= marker <= 0xCF and marker not in _NO_FRAMES:
                height, width = struct.unpack_from(">HH", part, 5)
                return width, height
    if form == "TIFF":
        tags = TiffImagePlugin.ImageFileDirectory_v2(content[: 16 if 43 in content[2:4] else 8])
        file = io.BytesIO(content)
        file.seek(tags.next)
        tags.load(file)
        starts, lengths = next((tags[start], tags[length]) for start, length in _DATA_TAGS if start in tags)
        if max(map(sum, zip(starts, lengths, strict=True))) <= len(content):
            width, height = (int(tags[tag]) for tag in _SIZE_TAGS)
            return width, height
    raise ValueError("it does not tell")
