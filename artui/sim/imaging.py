"""What a workflow does to a picture: cheap, visible steps with Pillow, and the input's digest stamped in."""

from __future__ import annotations

import hashlib
import io
import zipfile
import zlib
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from PIL import Image, ImageChops, ImageEnhance, ImageFilter, ImageOps, PngImagePlugin

STAMP = "artui-input-sha256"
FORMATS = {"PNG": "image/png", "JPEG": "image/jpeg", "WEBP": "image/webp", "TIFF": "image/tiff"}
ARCHIVE = "application/zip"
SUFFIXES = {"PNG": ".png", "JPEG": ".jpg", "WEBP": ".webp", "TIFF": ".tif"}
_IMAGE_DESCRIPTION = 270  # the EXIF and TIFF tag of that name
_ORIENTATION = 274  # likewise; from 5 on the picture lies on its side
_LARGEST_SIDE = 10_000  # pixels, the service's limit
_WORKING_SIDE = 800  # pixels; what the stand-in does to a picture must not cost what the real thing does


class NotAPicture(Exception):
    """The bytes cannot be processed: no picture, a broken one, one of another format or too large."""


def check(content: bytes) -> None:
    """Raise ``NotAPicture`` unless the service could work on this image."""
    _load(content)


def content_type(content: bytes) -> str:
    """Return the media type of an image that passed ``check``, or was made here."""
    with Image.open(io.BytesIO(content)) as image:
        return FORMATS[image.format or ""]


def render(content: bytes, components: Sequence[Mapping[str, Any]], *, full_size: bool = False) -> tuple[bytes, str]:
    """Run a recipe's components over a picture; return the result and its Pillow format.

    The same input and components give the same bytes, with the input's digest in them: ``input_digest``. The result is
    as large as the picture where ``full_size``, else as large as it was worked on.
    """
    image = _load(content)
    target = "PNG"
    for component in components:
        if component["type"] == "export":
            target = component["settings"]["targetFormat"]
            image = image.convert(component["settings"]["targetMode"])
        else:
            image = STEPS.get(component["type"], _unchanged)(image)
    if full_size:
        image = image.resize(_size(content))
    return _encode(image, target, hashlib.sha256(content).hexdigest()), target


def input_digest(result: bytes) -> str | None:
    """Return the SHA-256 in hex of the input a picture or archive was made from, or None if it carries no stamp."""
    try:
        if zipfile.is_zipfile(io.BytesIO(result)):
            with zipfile.ZipFile(io.BytesIO(result)) as archive:
                written: object = archive.comment
        else:
            with Image.open(io.BytesIO(result)) as image:
                written = image.info.get(STAMP) or image.info.get("comment") or image.getexif().get(_IMAGE_DESCRIPTION)
    except (OSError, SyntaxError, zipfile.BadZipFile):
        return None
    text = written.decode("ascii", "replace") if isinstance(written, bytes) else str(written or "")
    digest = text.removeprefix(STAMP + "=")
    return digest if len(digest) == 64 else None


def _load(content: bytes) -> Image.Image:
    try:
        file = Image.open(io.BytesIO(content), formats=tuple(FORMATS))
        is_too_large = max(file.size) > _LARGEST_SIDE
        if not is_too_large:
            file.draft("RGB", (_WORKING_SIDE, _WORKING_SIDE))
            file.load()
    except (OSError, SyntaxError, ValueError, Image.DecompressionBombError) as error:
        raise NotAPicture(f"the image cannot be read: {error}") from error
    if is_too_large:
        raise NotAPicture(f"{file.width} x {file.height} pixels are more than {_LARGEST_SIDE} a side")
    image = ImageOps.exif_transpose(file)
    image.thumbnail((_WORKING_SIDE, _WORKING_SIDE), Image.Resampling.BILINEAR)
    return image if image.mode in {"RGB", "RGBA"} else image.convert("RGBA" if "A" in image.mode else "RGB")


def _size(content: bytes) -> tuple[int, int]:
    """Return width and height as a picture is to be seen."""
    with Image.open(io.BytesIO(content)) as image:
        width, height = image.size
        is_turned = image.getexif().get(_ORIENTATION, 1) >= 5
    return (height, width) if is_turned else (width, height)


def unpacked(content: bytes) -> dict[str, bytes]:
    """Return the pictures of an archive by their names. Raises ``NotAPicture`` where it is none, or holds anything
    else."""
    try:
        with zipfile.ZipFile(io.BytesIO(content)) as packed:
            found = {entry.filename: packed.read(entry) for entry in packed.infolist()}
    except (zipfile.BadZipFile, RuntimeError, NotImplementedError, zlib.error) as error:
        raise NotAPicture(f"the archive cannot be read: {error}") from error
    for photo in found.values():
        check(photo)
    return found


def archive(entries: Mapping[str, bytes], digest: str) -> bytes:
    """Pack files under their names, with the input's digest as the archive's comment; the same each time."""
    written = io.BytesIO()
    with zipfile.ZipFile(written, "w", zipfile.ZIP_DEFLATED) as packed:
        packed.comment = f"{STAMP}={digest}".encode()
        for name, content in entries.items():
            packed.writestr(zipfile.ZipInfo(name), content)
    return written.getvalue()


def _encode(image: Image.Image, target: str, digest: str) -> bytes:
    written = io.BytesIO()
    stamp = f"{STAMP}={digest}"
    if target == "PNG":
        text = PngImagePlugin.PngInfo()
        text.add_text(STAMP, digest)
        image.save(written, target, pnginfo=text, compress_level=1)
    elif target == "JPEG":
        image.save(written, target, comment=stamp.encode(), quality=85)
    else:
        exif = Image.Exif()
        exif[_IMAGE_DESCRIPTION] = stamp
        image.save(written, target, exif=exif, **({"method": 0} if target == "WEBP" else {}))
    return written.getvalue()


def _unchanged(image: Image.Image) -> Image.Image:
    return image


def _subject(image: Image.Image) -> Image.Image:
    """Return a mask, the whiter the more the picture differs from its border."""
    plain = image.convert("RGB")
    border = [plain.getpixel(at) for at in ((0, 0), (plain.width - 1, 0), (0, plain.height // 2))]
    colour = tuple(sorted(channel)[1] for channel in zip(*border, strict=True))
    difference = ImageChops.difference(plain, Image.new("RGB", plain.size, colour)).convert("L")
    return difference.point([min(255, max(0, level - 24) * 4) for level in range(256)])


def _cut_out(image: Image.Image) -> Image.Image:
    result = image.convert("RGB")
    result.putalpha(_subject(image))
    return result


def _on_white(image: Image.Image) -> Image.Image:
    white = Image.new("RGB", image.size, "white")
    white.paste(image, mask=image.getchannel("A") if image.mode == "RGBA" else _subject(image))
    return white


def _mannequin(image: Image.Image) -> Image.Image:
    """Take the neck out of the top of the subject."""
    result = _cut_out(image)
    width, height = result.size
    neck = Image.new("RGBA", (max(1, width // 5), max(1, height // 6)))
    result.paste(neck, ((width - neck.width) // 2, 0))
    return result


def _shadow(image: Image.Image) -> Image.Image:
    """Stand the subject on a white floor, with its reflection and a soft shadow."""
    subject = _cut_out(image)
    width, height = subject.size
    floor = Image.new("RGB", (width, height + height // 4), "white")
    reflection = ImageOps.flip(subject).crop((0, 0, width, height // 4))
    floor.paste(reflection, (0, height), reflection.getchannel("A").point([value // 4 for value in range(256)]))
    shade = subject.getchannel("A").reduce(8).filter(ImageFilter.GaussianBlur(2)).resize((width, height))
    floor.paste("grey", (width // 40, height // 40), shade.point([value // 3 for value in range(256)]))
    floor.paste(subject, mask=subject)
    return floor


def _skin(image: Image.Image) -> Image.Image:
    soft = image.convert("RGB").filter(ImageFilter.BoxBlur(2))
    return ImageEnhance.Color(soft).enhance(1.1)


def _square(image: Image.Image) -> Image.Image:
    return ImageOps.pad(_on_white(image), (800, 800), color="white")


def _contrast(image: Image.Image) -> Image.Image:
    return ImageOps.autocontrast(image.convert("RGB"), cutoff=1)


def _sharpen(image: Image.Image) -> Image.Image:
    return image.convert("RGB").filter(ImageFilter.SHARPEN)


def _half(image: Image.Image) -> Image.Image:
    return image.convert("RGB").reduce(2)


def _mirror(image: Image.Image) -> Image.Image:
    return ImageOps.mirror(image)


STEPS: dict[str, Callable[[Image.Image], Image.Image]] = {
    "background_removal": _cut_out,
    "background": _on_white,
    "ghost_mannequin": _mannequin,
    "shadow": _shadow,
    "skin_retouch": _skin,
    "crop_resize": _square,
    "contrast": _contrast,
    "sharpen": _sharpen,
    "mirror": _mirror,
    "half": _half,
}


def _step(kind: str, label: str, **settings: object) -> dict[str, Any]:
    return {"type": kind, "label": label, "settings": settings}


def _export(target: str, mode: str = "RGB") -> dict[str, Any]:
    return _step("export", "Export", targetFormat=target, targetMode=mode)


_REMOVE = _step("background_removal", "Remove Background", edgeRefinement=True)
_WHITE = _step("background", "Background", color="#FFFFFF")
_MANNEQUIN = _step("ghost_mannequin", "Ghost Mannequin", neck="auto")
_SQUARE = _step("crop_resize", "Crop & Resize", width=800, height=800)
_CONTRAST = _step("contrast", "Auto Contrast", cutoff=1)
_SHARPEN = _step("sharpen", "Sharpen", amount=0.5)

RECIPES: dict[str, list[dict[str, Any]]] = {
    "cut out": [_REMOVE, _export("PNG", "RGBA")],
    "on white": [_REMOVE, _WHITE, _export("JPEG")],
    "mannequin": [_REMOVE, _MANNEQUIN, _export("PNG", "RGBA")],
    "shadow": [_REMOVE, _step("shadow", "Shadow", reflection=0.25), _export("PNG")],
    "skin": [_step("skin_retouch", "Skin Retouch", strength=40), _SHARPEN, _export("JPEG")],
    "square": [_SQUARE, _export("WEBP")],
    "print": [_CONTRAST, _SHARPEN, _export("TIFF")],
    "mirror": [_REMOVE, _WHITE, _step("mirror", "Mirror"), _export("PNG")],
    "contrast": [_CONTRAST, _export("JPEG")],
    "export": [_export("PNG")],
}
"""The components of the workflows on offer, by what they do; the service adds its own ``input``."""
