"""The process that decodes pictures for `decoding`: what a file does to a decoder ends here.

Run as ``python -m artui.files.decoder DESCRIPTOR``: over that socket come open files with their media types, and a
verdict goes back for each.
"""

from __future__ import annotations

import json
import mmap
import resource
import socket
import sys
import warnings
from contextlib import suppress
from typing import BinaryIO

MOST_PIXELS = 400_000_000
MOST_MEMORY = 3 * 1024**3

WHOLE, BROKEN, UNKNOWN, UNDECODED = "whole", "broken", "unknown", "undecoded"
"""Unknown: it can be decoded, by one that says nothing of damage. Undecoded: nothing here can, for its kind or size."""


def judge(descriptor: int, media_type: str) -> tuple[str, str]:
    """Decode a file to its last pixel, and close it: one of the four verdicts, and what the decoder says."""
    try:
        with open(descriptor, "rb") as file, mmap.mmap(descriptor, 0, access=mmap.ACCESS_READ) as data:
            return _jpeg(data, file) if media_type == "image/jpeg" else _by_pillow(file, media_type)
    except MemoryError:
        return UNDECODED, "it is too large to be decoded here"


def _jpeg(data: mmap.mmap, file: BinaryIO) -> tuple[str, str]:
    import simplejpeg  # type: ignore[import-not-found,import-untyped,unused-ignore]

    try:
        height, width, colours, _ = simplejpeg.decode_jpeg_header(data, strict=False)
    except (ValueError, KeyError):
        # Some kinds of sampling and depth are beyond it: whether there is a picture at all another one says.
        verdict, said = _by_pillow(file, "image/jpeg")
        return (UNKNOWN, said) if verdict == WHOLE else (verdict, said)
    if height * width > MOST_PIXELS:
        return UNDECODED, "it is too large to be decoded here"
    wanted = {"Gray": "GRAY", "CMYK": "CMYK", "YCCK": "CMYK"}.get(colours, "RGB")
    try:
        # Strict: warnings are errors; otherwise missing data comes out grey, and nothing is said.
        simplejpeg.decode_jpeg(data, colorspace=wanted, strict=True)
    except ValueError as error:
        return BROKEN, str(error)
    return WHOLE, ""


def _by_pillow(file: BinaryIO, media_type: str) -> tuple[str, str]:
    from PIL import Image, UnidentifiedImageError

    # Pillow warns above it, and refuses twice as many: both count as too large here.
    Image.MAX_IMAGE_PIXELS = MOST_PIXELS
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # of metadata
            warnings.simplefilter("error", Image.DecompressionBombWarning)
            with Image.open(file) as picture:
                picture.load()
    except (Image.DecompressionBombError, Image.DecompressionBombWarning):
        return UNDECODED, "it is too large to be decoded here"
    except UnidentifiedImageError:  # many kinds of TIFF are unknown to it
        return UNDECODED if media_type == "image/tiff" else BROKEN, "there is no picture in it"
    except (OSError, SyntaxError, ValueError, EOFError, IndexError, TypeError) as error:
        return BROKEN, str(error)
    return WHOLE, ""


def main() -> None:
    """Serve until the other end is closed."""
    with suppress(ValueError, OSError):  # macOS has no such bound
        resource.setrlimit(resource.RLIMIT_AS, (MOST_MEMORY, MOST_MEMORY))
    with socket.socket(fileno=int(sys.argv[1])) as line:
        while True:
            asked, descriptors, _, _ = socket.recv_fds(line, 256, 1)
            if not asked:
                return
            verdict, said = judge(descriptors[0], asked.decode())
            line.sendall(json.dumps([verdict, said[:200]]).encode() + b"\n")


if __name__ == "__main__":
    main()
