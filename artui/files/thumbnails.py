"""Thumbnails: pictures made small, upright and sRGB, in bounded memory, whatever stands in their files.

Needs Pillow, which comes with the extra ``sheet``.
"""

from __future__ import annotations

import io
import os
import threading
import warnings
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import nullcontext, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, TypeVar

from artui.files.metadata import ORIENTATION
from artui.files.regular import Irregular, open_regular

if TYPE_CHECKING:
    from PIL.Image import Image

T = TypeVar("T")
R = TypeVar("R")

MOST_PIXELS = 120_000_000
"""The largest picture that is decoded, about 480 MB; a JPEG is decoded at an eighth of its size if need be."""

LARGE_PIXELS = 16_000_000
"""Above it pictures are decoded one at a time."""

QUALITY = 76

_FORMATS = ("JPEG", "PNG", "TIFF", "WEBP", "GIF")  # no others: one of Pillow's readers starts a program
_TURNS = {2: 0, 3: 3, 4: 1, 5: 5, 6: 4, 7: 6, 8: 2}
"""How EXIF has a picture turned, and Pillow's transposition that makes it upright."""

_one_large = threading.Lock()


class NoThumbnail(Exception):
    """A file cannot be shown; the text says why, for the end of a sentence; not printable yet."""


@dataclass(frozen=True, slots=True)
class Thumbnail:
    """A small picture as WebP, with its width and height, and those of the whole in pixels; whether it lets through
    what is behind it."""

    data: bytes
    size: tuple[int, int]
    whole: tuple[int, int]
    is_transparent: bool


def thumbnail(path: Path, edge: int) -> Thumbnail:
    """A picture whose longer side is at most ``edge`` pixels. Blocks; raises NoThumbnail."""
    small, whole = _read(path, edge)
    return Thumbnail(_encoded(small), small.size, whole, small.mode == "RGBA")


def thumbnails(paths: Iterable[Path | None], edge: int) -> Iterator[Thumbnail | NoThumbnail | None]:
    """A thumbnail for each path, in their order, or why there is none; None stays None. Few are held at a time."""

    def made(path: Path | None) -> Thumbnail | NoThumbnail | None:
        try:
            return None if path is None else thumbnail(path, edge)
        except NoThumbnail as none:
            return none

    return _in_order(made, paths)


def weights(paths: Iterable[Path], edges: Sequence[int]) -> list[int]:
    """How many bytes the thumbnails of these pictures take together at each of these edges, the largest first. Blocks;
    what cannot be shown takes none."""

    def weighed(path: Path) -> list[int]:
        sizes = [0] * len(edges)
        with suppress(NoThumbnail):
            small, _ = _read(path, edges[0])
            for place, edge in enumerate(edges):
                small.thumbnail((edge, edge))
                sizes[place] = len(_encoded(small))
        return sizes

    return [sum(column) for column in zip(*_in_order(weighed, paths), strict=True)] or [0] * len(edges)


def _in_order(make: Callable[[T], R], given: Iterable[T]) -> Iterator[R]:
    """What is made of each, by all processors, without running far ahead of whoever reads it."""
    workers = os.cpu_count() or 1
    waiting: deque[Future[R]] = deque()
    with warnings.catch_warnings(), ThreadPoolExecutor(workers) as pool:
        warnings.simplefilter("ignore")  # of metadata; here, for it is one filter for all threads
        try:
            for one in given:
                waiting.append(pool.submit(make, one))
                if len(waiting) > 2 * workers:
                    yield waiting.popleft().result()
            while waiting:
                yield waiting.popleft().result()
        finally:
            pool.shutdown(wait=False, cancel_futures=True)  # whoever reads no further waits for none


def _encoded(picture: Image) -> bytes:
    written = io.BytesIO()
    picture.save(written, "WEBP", quality=QUALITY, method=4)
    return written.getvalue()


def _read(path: Path, edge: int) -> tuple[Image, tuple[int, int]]:
    """A picture made small, RGB or RGBA, and the size of the whole as it is seen."""
    from PIL import Image, UnidentifiedImageError

    Image.MAX_IMAGE_PIXELS = None  # the limit here counts what a smaller reading takes
    try:
        with (
            open_regular(path) as file,
            io.BufferedReader(file) as stream,
            Image.open(stream, formats=_FORMATS) as opened,
        ):
            return _made_small(opened, edge)
    except FileNotFoundError:
        raise NoThumbnail("the file is no longer there") from None
    except Irregular:
        raise NoThumbnail("a link or folder stands in its place") from None
    except UnidentifiedImageError:
        raise NoThumbnail("it is no picture that can be shown here") from None
    except OSError as problem:
        why = problem.strerror if problem.errno else "it is damaged"
        raise NoThumbnail(why or str(problem)) from problem
    except NoThumbnail:
        raise
    except Exception as broken:
        raise NoThumbnail(f"it cannot be decoded ({str(broken)[:80]})") from broken


def _made_small(opened: Image, edge: int) -> tuple[Image, tuple[int, int]]:
    from PIL.Image import Transpose

    whole = opened.size
    opened.draft(None, (2 * edge, 2 * edge))
    pixels = opened.width * opened.height
    if pixels > MOST_PIXELS:
        raise NoThumbnail(f"{whole[0]:,} x {whole[1]:,} pixels are too many for a thumbnail of this kind of file")
    with _one_large if pixels > LARGE_PIXELS else nullcontext():
        opened.load()  # may turn the picture itself, as it does a TIFF
        whole = whole[::-1] if opened.size == whole[::-1] else whole
        small = _in_eight_bits(opened)
        small.thumbnail((edge, edge))
    small = _in_srgb(small, opened.info.get("icc_profile"))
    turn = _TURNS.get(opened.getexif().get(ORIENTATION, 1))
    if turn is None:
        return small, whole
    turned = small.transpose(Transpose(turn))
    return turned, whole[::-1] if turn in (2, 4, 5, 6) else whole


def _in_eight_bits(picture: Image) -> Image:
    """What counts in another way, or in a palette, in a form that can be made smaller."""
    if picture.mode.startswith("I"):
        return picture.convert("I").point(lambda level: level * (1 / 257)).convert("L")
    if picture.mode == "F":
        return picture.point(lambda level: level * 255.0).convert("L")
    return picture.convert("RGBA") if picture.mode in ("1", "P", "PA") else picture


def _in_srgb(picture: Image, profile: bytes | None) -> Image:
    """The picture in the colours of a screen, RGB or RGBA; one whose profile cannot be used as if it had none."""
    from PIL import ImageCms

    alpha = picture.convert("RGBA").getchannel("A") if picture.has_transparency_data else None
    colours = picture.convert("L" if picture.mode == "LA" else "RGB") if alpha else picture
    if profile and colours.mode in ("RGB", "CMYK", "L"):
        with suppress(ImageCms.PyCMSError, OSError, ValueError, TypeError):
            own, screen = ImageCms.ImageCmsProfile(io.BytesIO(profile)), ImageCms.createProfile("sRGB")
            colours = ImageCms.profileToProfile(colours, own, screen, outputMode="RGB") or colours
    colours = colours.convert("RGB")
    if alpha and alpha.getextrema() != (255, 255):
        colours.putalpha(alpha)
    return colours
