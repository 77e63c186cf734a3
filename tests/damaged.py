"""A photo whose middle is missing, as a download in parts or a copy that makes room first leaves it."""

from __future__ import annotations

import io
import os
import random
from pathlib import Path

from PIL import Image

HOLE = (20_000, 16_384)
"""Where the zeros stand, and how many."""


def whole_photo(seed: int = 1) -> bytes:
    """A real JPEG of more than 64 kB, which only a decoder follows; the picture differs for every seed."""
    out = io.BytesIO()
    pixels = random.Random(seed).randbytes(260 * 260 * 3)
    Image.frombytes("RGB", (260, 260), pixels).save(out, "JPEG", quality=95)
    return out.getvalue()


def holey_photo(path: Path, seed: int = 1) -> Path:
    """Put a photo with zeros in its middle at a path, long ago."""
    data, (at, length) = whole_photo(seed), HOLE
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(data[:at] + bytes(length) + data[at + length :])
    os.utime(path, (1_700_000_000,) * 2)
    return path
