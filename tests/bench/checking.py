"""What it takes to see that a photo is whole, without a decoder and with one: CPU time a photo."""

from __future__ import annotations

import hashlib
import io
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path

from PIL import Image

from artui.files import Accepts, decoding, inspect
from tests.bench.figure import Figure, compared, cpu_seconds

SIDES = (6000, 4000)
"""Pixels of a camera's photo."""

BYTES = 6_000_000


def _photos(folder: Path, number: int) -> list[Path]:
    """Photos of 24 megapixels and about 6 MB: light and shade with a grain, each with another comment."""
    grain = Image.merge("RGB", [Image.effect_noise(SIDES, 17)] * 3)
    image = Image.blend(Image.radial_gradient("L").resize(SIDES).convert("RGB"), grain, 0.5)
    made = [folder / f"IMG_{index:04}.jpg" for index in range(number)]
    least, most = 20, 98
    while most - least > 1:  # the quality that comes closest from below
        quality = (least + most) // 2
        image.save(out := io.BytesIO(), "JPEG", quality=quality)
        least, most = (quality, most) if out.tell() <= BYTES else (least, quality)
    for index, path in enumerate(made):
        image.save(path, "JPEG", quality=least, comment=str(index).encode())
    return made


def _cpu(photos: list[Path], act: Callable[[Path], object]) -> float:
    """Milliseconds of CPU a photo, the decoder's process included."""

    def used() -> float:
        process = decoding._THE_ONE._process
        return time.process_time() + (cpu_seconds(process.pid) if process else 0.0)

    act(photos[0])  # what is loaded once is no photo's
    before = used()
    for photo in photos:
        act(photo)
    return (used() - before) / len(photos) * 1000


def checks(number: int, rounds: int) -> Iterator[Figure]:
    """Judging and hashing photos as the engine does, against their bare SHA-256; decoding them too, against the bare
    decoder."""
    import simplejpeg  # type: ignore[import-not-found,import-untyped,unused-ignore]

    plain = Accepts(frozenset({"image/jpeg"}))
    strict = Accepts(frozenset({"image/jpeg"}), strict=True)
    with tempfile.TemporaryDirectory() as folder:
        photos = _photos(Path(folder), number)
        size = photos[0].stat().st_size / 1e6
        note = f"{number} photos of {size:.1f} MB and 24 megapixels; for 1,000 take 1,000 times as much"
        yield compared(
            "check", lambda: _cpu(photos, lambda path: inspect(path, plain, hashed=True)),
            lambda: _cpu(photos, lambda path: hashlib.sha256(path.read_bytes())),
            "ms of CPU a photo", side="most", bar=4, rounds=rounds, note=note,
        )  # fmt: skip
        yield compared(
            "check-decoded", lambda: _cpu(photos, lambda path: inspect(path, strict, hashed=True)),
            lambda: _cpu(photos, lambda path: simplejpeg.decode_jpeg(path.read_bytes(), strict=True)),
            "ms of CPU a photo", side="most", bar=1.3, rounds=rounds, note=note,
        )  # fmt: skip
