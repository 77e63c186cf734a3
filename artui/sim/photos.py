"""Sample photos made on the spot: what a product photographer's folder holds, bad files included."""

from __future__ import annotations

import functools
import io
import random
import shutil
from itertools import islice
from pathlib import Path
from typing import Any

from PIL import Image, ImageChops, ImageDraw, ImageFilter, ImageOps

from artui.sim import motifs
from artui.sim.motifs import FLOOR, SIZE, Colour, Motif

_PIXELS = (960, 720)
_SMALL = 8  # the shadow and the backdrop are soft: they are drawn smaller by so much
_WAYS: dict[str, dict[str, Any]] = {
    ".jpg": {"quality": 88}, ".png": {"compress_level": 1}, ".tif": {}, ".webp": {"quality": 88, "method": 0},
}  # fmt: skip


def sample_photos(folder: Path, seed: int, number: int = 7) -> list[Path]:
    """Make ``number`` different sample photos in ``folder``, at most twelve; returns the paths of all files.

    Beside whole JPEG, PNG, TIFF and WebP files are one JPEG cut off in the middle and one exact copy of another.
    """
    folder.mkdir(parents=True, exist_ok=True)
    source = random.Random(seed)  # noqa: S311 - repeatable on purpose
    photos = []
    for name, (motif, colour) in islice(_MOTIFS.items(), number):
        photos.append(folder / name)
        _photograph(_posed(motif, colour), source).save(photos[-1], **_WAYS[photos[-1].suffix])
    copy = folder / f"{photos[0].stem} (copy).jpg"
    shutil.copyfile(photos[0], copy)
    cut = folder / f"{photos[1].stem} cut off.jpg"
    whole = photos[1].read_bytes()
    cut.write_bytes(whole[: len(whole) // 2])
    return [*photos, copy, cut]


def noise_jpeg(path: Path, size_bytes: int, seed: int) -> None:
    """Write a whole JPEG of exactly ``size_bytes`` bytes that differs for every seed.

    One small picture is drawn once, and toned for each; what makes a file large are random comments.
    """
    picture = _noise()
    # Its finest detail is stronger or weaker, by a table of its own for each seed.
    end = picture.index(b"\xff\xdb") + 4 + 1 + 64
    tone = bytes(1 + seed // 255**place % 255 for place in range(5))
    picture = picture[: end - len(tone)] + tone + picture[end:]
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
    Image.frombytes("RGB", (96, 72), pixels).save(written, "JPEG", quality=10)
    return written.getvalue()


@functools.cache
def _posed(motif: Motif, colour: Colour) -> Image.Image:
    """A thing on the seamless paper of a studio, with its shadow: drawn once for all photos of it."""
    subject = motif(colour)
    mask = subject.mask.resize(_PIXELS, Image.Resampling.BILINEAR)
    scene = _backdrop().copy()
    scene.paste((24, 22, 26), mask=_shadow(subject.mask))
    scene.paste(subject.colours.resize(_PIXELS, Image.Resampling.BILINEAR), mask=mask)
    return scene


def _photograph(scene: Image.Image, source: random.Random) -> Image.Image:
    """Take a picture of it: in the light of that day, and with the camera's grain."""
    exposure, warmth = source.uniform(0.95, 1.04), source.uniform(0.98, 1.03)
    factors = (exposure * warmth, exposure, exposure / warmth)
    photo = scene.point([min(255, round(level * factor)) for factor in factors for level in range(256)])
    grain = ImageChops.offset(_grain(), source.randrange(_PIXELS[0]), source.randrange(_PIXELS[1]))
    return ImageChops.add(photo, grain, 1, -128)


@functools.cache
def _backdrop() -> Image.Image:
    """Grey paper that runs from the wall to the floor, lit in its middle and darker towards its corners."""
    wide, high = SIZE[0] // _SMALL, SIZE[1] // _SMALL
    paper = Image.new("L", (wide, high), 214)
    ImageDraw.Draw(paper).rectangle((0, high * 0.72, wide, high), fill=226)
    paper = paper.filter(ImageFilter.GaussianBlur(9))
    corners = Image.radial_gradient("L").resize((wide, high)).point([level // 9 for level in range(256)])
    paper = ImageChops.subtract(paper, corners).resize(_PIXELS, Image.Resampling.BILINEAR)
    return ImageOps.colorize(paper, (0, 0, 4), (255, 254, 252))


def _shadow(mask: Image.Image) -> Image.Image:
    """What a subject takes from the light around it: wide and faint on the floor, narrow and dark where it stands."""
    small = mask.reduce(_SMALL // 2)
    wide = small.width
    floor = FLOOR // _SMALL
    lying = small.transform(small.size, Image.Transform.AFFINE, (1, 0.9, -0.9 * floor - 4, 0, 3.6, -2.6 * floor))
    lying = ImageChops.multiply(lying, Image.new("L", small.size, 66)).filter(ImageFilter.GaussianBlur(5))
    foot = small.crop((0, floor - 6, wide, floor)).resize((wide, 6))
    contact = Image.new("L", small.size)
    contact.paste(foot, (1, floor - 3))
    contact = contact.filter(ImageFilter.GaussianBlur(1.6)).point([level // 3 for level in range(256)])
    return ImageChops.lighter(lying, contact).resize(_PIXELS, Image.Resampling.BILINEAR)


@functools.cache
def _grain() -> Image.Image:
    return Image.merge("RGB", [Image.effect_noise(_PIXELS, 6)] * 3)


_MOTIFS: dict[str, tuple[Motif, Colour]] = {
    "10482 boot cognac.jpg": (motifs.boot, (142, 78, 38)),
    "10517 shirt navy.jpg": (motifs.shirt, (44, 66, 116)),
    "20931 bottle pine.png": (motifs.bottle, (34, 104, 76)),
    "portrait 0127.jpg": (motifs.portrait, (214, 160, 132)),
    "10486 boot black.tif": (motifs.boot, (52, 50, 54)),
    "10519 shirt rust.webp": (motifs.shirt, (158, 62, 40)),
    "20934 bottle amber.jpg": (motifs.bottle, (176, 96, 24)),
    "30210 bag oxblood.jpg": (motifs.bag, (112, 30, 34)),
    "20417 mug cobalt.jpg": (motifs.mug, (40, 76, 138)),
    "10524 shirt olive.png": (motifs.shirt, (92, 98, 58)),
    "portrait 0131.jpg": (motifs.portrait, (150, 100, 72)),
    "30213 bag tan.jpg": (motifs.bag, (178, 122, 70)),
}
