"""Sample photos made on the spot: what a product photographer's folder holds, bad files included."""

from __future__ import annotations

import functools
import io
import random
import shutil
from collections.abc import Callable
from itertools import islice
from pathlib import Path

from PIL import Image, ImageDraw, ImageFilter

_SIZE = (1200, 900)  # pixels
_Colour = tuple[int, int, int]


def sample_photos(folder: Path, seed: int, number: int = 7) -> list[Path]:
    """Make ``number`` different sample photos in ``folder``, at most twelve; returns the paths of all files.

    Beside whole JPEG, PNG, TIFF and WebP files are one JPEG cut off in the middle and one exact copy of another.
    """
    folder.mkdir(parents=True, exist_ok=True)
    source = random.Random(seed)  # noqa: S311 - repeatable on purpose
    photos = []
    for name, (draw, colour) in islice(_MOTIFS.items(), number):
        photos.append(folder / name)
        _photograph(draw, colour, source).save(photos[-1])
    copy = folder / "boot brown (copy).jpg"
    shutil.copyfile(photos[0], copy)
    cut = folder / "shirt cut off.jpg"
    whole = photos[1].read_bytes()
    cut.write_bytes(whole[: len(whole) // 2])
    return [*photos, copy, cut]


def noise_jpeg(path: Path, size_bytes: int, seed: int) -> None:
    """Write a whole JPEG of exactly ``size_bytes`` bytes that differs for every seed.

    One small picture is drawn once, and toned for each; what makes a file large are random comments.
    """
    picture = _toned(_noise(), seed)
    filling = size_bytes - len(picture)
    if filling < 16:
        raise ValueError(f"a noise JPEG has at least {len(picture) + 16} bytes")
    source = random.Random(seed)  # noqa: S311 - repeatable on purpose
    parts = [picture[:2]]
    while filling:
        length = min(filling, 65_537)  # marker, length and the largest payload
        if 0 < filling - length < 16:
            length -= 16  # leave room for one more segment
        parts += [b"\xff\xfe", (length - 2).to_bytes(2), source.randbytes(length - 4)]
        filling -= length
    path.write_bytes(b"".join([*parts, picture[2:]]))


@functools.cache
def _noise() -> bytes:
    written = io.BytesIO()
    pixels = random.Random(0).randbytes(96 * 72 * 3)  # noqa: S311 - repeatable on purpose
    Image.frombytes("RGB", (96, 72), pixels).save(written, "JPEG", quality=50)
    return written.getvalue()


def _toned(picture: bytes, seed: int) -> bytes:
    """The picture with its finest detail stronger or weaker, by a table of its own for each seed."""
    end = picture.index(b"\xff\xdb") + 4 + 1 + 64
    tone = bytes(1 + seed // 255**place % 255 for place in range(5))
    return picture[: end - len(tone)] + tone + picture[end:]


def _photograph(
    draw: Callable[[ImageDraw.ImageDraw, _Colour], None], colour: _Colour, source: random.Random
) -> Image.Image:
    """Set one drawn subject before a grey gradient, above its soft shadow."""
    lightest = source.randint(236, 248)
    photo = (
        Image.linear_gradient("L").resize(_SIZE).point([lightest - level // 16 for level in range(256)]).convert("RGB")
    )
    shadow = Image.new("L", (_SIZE[0] // 8, _SIZE[1] // 8))
    ImageDraw.Draw(shadow).ellipse((38, 88, 118, 104), fill=110)
    photo.paste("black", mask=shadow.filter(ImageFilter.GaussianBlur(3)).resize(_SIZE))
    subject = Image.new("RGBA", _SIZE)
    draw(ImageDraw.Draw(subject), _shade(colour, source.uniform(0.9, 1.1)))
    photo.paste(subject, mask=subject)
    return photo


def _shade(colour: _Colour, factor: float) -> _Colour:
    red, green, blue = (min(255, round(channel * factor)) for channel in colour)
    return red, green, blue


def _boot(pen: ImageDraw.ImageDraw, colour: _Colour) -> None:
    pen.polygon([(420, 160), (620, 160), (640, 520), (820, 600), (880, 700), (880, 740), (420, 740)], fill=colour)
    pen.rectangle((410, 740, 890, 780), fill=_shade(colour, 0.4))
    pen.rectangle((410, 780, 520, 820), fill=_shade(colour, 0.4))
    for height in range(220, 520, 60):
        pen.line((560, height, 640, height + 20), fill=_shade(colour, 1.6), width=10)


def _shirt(pen: ImageDraw.ImageDraw, colour: _Colour) -> None:
    pen.polygon(
        [(420, 160), (780, 160), (980, 340), (890, 430), (800, 360), (800, 800), (400, 800), (400, 360)], fill=colour
    )
    pen.polygon([(400, 360), (310, 430), (220, 340), (420, 160)], fill=colour)
    pen.chord((520, 90, 680, 230), 0, 180, fill=_shade(colour, 0.5))
    pen.line((600, 230, 600, 800), fill=_shade(colour, 0.8), width=6)


def _bottle(pen: ImageDraw.ImageDraw, colour: _Colour) -> None:
    pen.rounded_rectangle((470, 320, 730, 820), 50, fill=colour)
    pen.rectangle((550, 180, 650, 340), fill=colour)
    pen.rectangle((535, 130, 665, 200), fill=_shade(colour, 0.4))
    pen.rectangle((470, 480, 730, 680), fill=(244, 240, 228))
    pen.line((500, 370, 500, 780), fill=_shade(colour, 1.7), width=12)


def _face(pen: ImageDraw.ImageDraw, colour: _Colour) -> None:
    pen.pieslice((300, 620, 900, 1300), 180, 360, fill=(70, 80, 110))
    pen.ellipse((430, 150, 770, 640), fill=colour)
    pen.chord((420, 120, 780, 560), 190, 350, fill=_shade(colour, 0.35))
    for left in (510, 640):
        pen.ellipse((left, 380, left + 50, 405), fill=(40, 40, 50))
    pen.arc((530, 440, 670, 560), 30, 150, fill=_shade(colour, 0.6), width=10)


_MOTIFS = {
    "boot brown.jpg": (_boot, (120, 72, 40)),
    "shirt blue.jpg": (_shirt, (50, 90, 160)),
    "bottle green.png": (_bottle, (30, 110, 80)),
    "portrait 01.jpg": (_face, (205, 150, 120)),
    "boot black.tif": (_boot, (52, 52, 58)),
    "shirt red.webp": (_shirt, (170, 40, 50)),
    "bottle amber.jpg": (_bottle, (170, 100, 30)),
    "portrait 02.jpg": (_face, (140, 95, 70)),
    "boot red.jpg": (_boot, (140, 36, 40)),
    "shirt green.png": (_shirt, (60, 130, 80)),
    "bottle blue.jpg": (_bottle, (40, 80, 160)),
    "boot sand.jpg": (_boot, (196, 170, 130)),
}
