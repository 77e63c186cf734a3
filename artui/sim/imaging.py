"""What a workflow does to a picture: cheap, visible steps with Pillow, and the input's digest stamped in."""

from __future__ import annotations

import functools
import hashlib
import io
import zipfile
import zlib
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from PIL import Image, ImageChops, ImageDraw, ImageEnhance, ImageFilter, ImageOps, PngImagePlugin

from artui.sim import developing
from artui.sim.developing import NotAPicture

__all__ = [
    "FORMATS", "RECIPES", "STAMP", "STEPS", "SUFFIXES", "NotAPicture", "archive", "check", "content_type",
    "input_digest", "render",
]  # fmt: skip

STAMP = "artui-input-sha256"
FORMATS = {"PNG": "image/png", "JPEG": "image/jpeg", "WEBP": "image/webp", "TIFF": "image/tiff"}
ARCHIVE = "application/zip"
SUFFIXES = {"PNG": ".png", "JPEG": ".jpg", "WEBP": ".webp", "TIFF": ".tif"}
_MASK_SIDE = 400  # pixels; where the subject is shows in a smaller picture as well
_IMAGE_DESCRIPTION = 270  # the EXIF and TIFF tag of that name


def check(content: bytes) -> None:
    """Raise ``NotAPicture`` unless the service could work on this image."""
    developing.load(content)


def content_type(content: bytes) -> str:
    """Return the media type of an image that passed ``check``, or was made here."""
    return FORMATS[developing.kind(content)]


def render(content: bytes, components: Sequence[Mapping[str, Any]], *, full_size: bool = False) -> tuple[bytes, str]:
    """Run a recipe's components over a picture; return the result and its Pillow format.

    The same input and components give the same bytes, with the input's digest in them: ``input_digest``. The result is
    as large as the picture where ``full_size``, else as large as it was worked on.
    """
    image, size = developing.load(content)
    target = "PNG"
    for component in components:
        if component["type"] == "export":
            target = component["settings"]["targetFormat"]
            image = image.convert(component["settings"]["targetMode"])
        elif step := STEPS.get(component["type"]):
            image = step(image)
    if full_size:
        image = image.resize(size)
    digest = hashlib.sha256(content).hexdigest()
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
    return written.getvalue(), target


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


def unpacked(content: bytes) -> dict[str, bytes]:
    """Return the pictures of an archive by their names. Raises ``NotAPicture`` where it is none, or holds anything
    else."""
    try:
        with zipfile.ZipFile(io.BytesIO(content)) as packed:
            found = {entry.filename: packed.read(entry) for entry in packed.infolist()}
    # ValueError, EOFError, OSError: a place that is not in the file. RuntimeError: encrypted, or packed in another way.
    except (zipfile.BadZipFile, zlib.error, ValueError, EOFError, OSError, RuntimeError) as error:
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


def _backdrop(plain: Image.Image) -> Image.Image:
    """Return what stands behind everything: the light between the four corners."""
    wide, high = max(1, plain.width // 12), max(1, plain.height // 12)
    right, low = plain.width - wide, plain.height - high
    corners = Image.new("RGB", (2, 2))
    for place, (left, top) in {(0, 0): (0, 0), (1, 0): (right, 0), (0, 1): (0, low), (1, 1): (right, low)}.items():
        corner = plain.crop((left, top, left + wide, top + high)).resize((1, 1), Image.Resampling.BOX)
        corners.paste(corner, place)
    return corners.resize(plain.size, Image.Resampling.BILINEAR)


def _most(*channels: Image.Image) -> Image.Image:
    return functools.reduce(ImageChops.lighter, channels)


def _above(levels: Image.Image, least: int, steepness: int) -> Image.Image:
    return levels.point([min(255, max(0, level - least) * steepness) for level in range(256)])


def _scaled(levels: Image.Image, factor: float) -> Image.Image:
    return levels.point([round(level * factor) for level in range(256)])


def _cut_out(image: Image.Image) -> Image.Image:
    """Take the background away: nothing of it is left, not even under the transparency.

    The more a place differs from the backdrop and its shadows, the more of it stays. A shadow only takes light away,
    and not all of it; what has another colour, shines, or is darker is the subject.
    """
    if image.mode == "RGBA":
        return image
    plain = image.convert("RGB")
    plain.thumbnail((_MASK_SIDE, _MASK_SIDE), Image.Resampling.BILINEAR)
    plain = plain.filter(ImageFilter.BoxBlur(0.5))
    backdrop = _backdrop(plain)
    brighter = ImageChops.subtract(plain, backdrop)
    red, green, blue = ImageChops.subtract(backdrop, plain).split()
    tint = ImageChops.subtract(_most(red, green, blue), ImageChops.darker(ImageChops.darker(red, green), blue))
    mask = ImageChops.lighter(_above(tint, 11, 12), _above(_most(*brighter.split()), 24, 12))
    level = plain.convert("L")
    mask = ImageChops.lighter(mask, _above(ImageChops.subtract(_scaled(backdrop.convert("L"), 0.68), level), 1, 8))
    mask = mask.filter(ImageFilter.MaxFilter(3)).filter(ImageFilter.MinFilter(3))
    mask = _above(mask.resize(image.size, Image.Resampling.BICUBIC), 64, 2)
    result = Image.new("RGBA", image.size)
    result.paste(image.convert("RGB"), mask=mask.point([255 * (level > 0) for level in range(256)]))
    result.putalpha(mask)
    return result


def _on_white(image: Image.Image) -> Image.Image:
    white = Image.new("RGB", image.size, "white")
    subject = _cut_out(image)
    white.paste(subject, mask=subject)
    return white


def _mannequin(image: Image.Image) -> Image.Image:
    """Take the neck of the dummy out of the collar, where there is one, and show the back of the collar."""
    subject = _cut_out(image)
    left, top, right, bottom = subject.getbbox() or (0, 0, *subject.size)
    neck = subject.getchannel("A").crop((left, top, right, top + max(1, (bottom - top) // 20))).getbbox()
    if neck is None or neck[2] - neck[0] > 0.3 * (right - left):
        return subject
    middle, wide = left + (neck[0] + neck[2]) / 2, 0.115 * (right - left)
    collar = top + 0.205 * (bottom - top)
    inside = Image.new("L", subject.size)
    pen = ImageDraw.Draw(inside)
    pen.rectangle((middle - wide, top, middle + wide, collar), fill=255)
    pen.ellipse((middle - wide, collar - 0.5 * wide, middle + wide, collar + 0.55 * wide), fill=255)
    back = Image.new("L", subject.size)
    ImageDraw.Draw(back).ellipse((middle - wide, collar - 0.55 * wide, middle + wide, collar + 0.55 * wide), fill=255)
    cloth = subject.convert("RGB").getpixel((int(middle), min(subject.height - 1, int(collar + wide))))
    dark = tuple(round(channel * 0.4) for channel in cloth) if isinstance(cloth, tuple) else 0
    subject.paste((0, 0, 0, 0), mask=inside)
    subject.paste(dark, mask=ImageChops.darker(back, inside).filter(ImageFilter.BoxBlur(1)))
    return subject


def _shadow(image: Image.Image) -> Image.Image:
    """Stand the subject on a white floor, with its reflection and a soft shadow."""
    subject = _cut_out(image)
    subject = subject.crop(_margined(subject.getbbox(), subject.size, 0.12))
    width, height = subject.size
    foot = (subject.getbbox() or (0, 0, width, height))[3]
    floor = Image.new("RGB", (width, height + height // 6), "white")
    reflection = ImageOps.flip(subject.crop((0, 0, width, max(1, foot))))
    fading = Image.linear_gradient("L").resize(reflection.size).point([max(0, 80 - 2 * level) for level in range(256)])
    floor.paste(reflection, (0, foot), ImageChops.multiply(reflection.getchannel("A"), fading))
    shade = Image.new("L", (max(1, floor.width // 4), max(1, floor.height // 4)))
    flat = max(2, height // 48)
    shade.paste(subject.getchannel("A").resize((shade.width, flat)), (1, foot // 4 - flat // 2))
    for blur, strength in ((2, 0.55), (7, 0.5)):
        soft = shade.filter(ImageFilter.GaussianBlur(blur)).resize(floor.size, Image.Resampling.BILINEAR)
        floor.paste((30, 28, 32), mask=_scaled(soft, strength))
    floor.paste(subject, mask=subject)
    return floor


def _margined(box: tuple[int, int, int, int] | None, size: tuple[int, int], margin: float) -> tuple[int, int, int, int]:
    """A subject's box with room around it: a share of its longer side."""
    left, top, right, bottom = box or (0, 0, *size)
    room = round(margin * max(right - left, bottom - top))
    return left - room, top - room, right + room, bottom + room


def _skin(image: Image.Image) -> Image.Image:
    """Smooth what differs little from around it, and leave edges as they are."""
    plain = image.convert("RGB")
    soft = plain.filter(ImageFilter.GaussianBlur(5))
    difference = _most(*ImageChops.difference(plain.filter(ImageFilter.BoxBlur(2)), soft).split())
    flat = difference.point([max(0, min(255, 255 - (level - 9) * 24)) for level in range(256)])
    smooth = Image.composite(soft, plain, flat.filter(ImageFilter.BoxBlur(3)))
    return ImageEnhance.Color(ImageEnhance.Brightness(smooth).enhance(1.05)).enhance(1.08)


def _square(image: Image.Image) -> Image.Image:
    """Put the subject, cut out and as large as it can be, in the middle of a white square."""
    subject = _cut_out(image)
    subject = subject.crop(_margined(subject.getbbox(), subject.size, 0.06))
    subject = ImageOps.contain(subject, (800, 800), Image.Resampling.BILINEAR)
    white = Image.new("RGB", (800, 800), "white")
    white.paste(subject, ((800 - subject.width) // 2, (800 - subject.height) // 2), subject)
    return white


STEPS: dict[str, Callable[[Image.Image], Image.Image]] = {
    "background_removal": _cut_out,
    "background": _on_white,
    "ghost_mannequin": _mannequin,
    "shadow": _shadow,
    "skin_retouch": _skin,
    "crop_resize": _square,
    "contrast": lambda image: ImageOps.autocontrast(image.convert("RGB"), cutoff=1),
    "sharpen": lambda image: image.convert("RGB").filter(ImageFilter.SHARPEN),
    "mirror": ImageOps.mirror,
    "half": lambda image: image.convert("RGB").reduce(2),
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
