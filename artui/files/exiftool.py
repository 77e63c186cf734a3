"""Writing a photo's metadata into its result, by ``exiftool``.

The program never writes a file itself: what it makes comes through a pipe, is measured, and replaces the part file only
as a whole and with the very same picture. No name of a person's reaches it: it is shown links in a private folder.
"""

from __future__ import annotations

import hashlib
import io
import os
import re
import shutil
import subprocess
import tempfile
from collections.abc import Callable, Collection, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from functools import lru_cache, partial
from pathlib import Path
from typing import BinaryIO

from artui.files import header, tiff, traits, whole, xmp
from artui.files.metadata import ORIENTATION, Keeping
from artui.files.permissions import AS_USUAL, Permissions
from artui.files.photo import Photo, open_photo
from artui.files.photo_faults import PhotoProblem
from artui.files.publishing import OutputProblem, Part, Written, discard
from artui.files.regular import open_regular
from artui.files.walks import Broken, blocks
from artui.files.writer import NotWritten, Writer

PROGRAM = "exiftool"
_LEAST = (12, 24)  # older ones run code that a hostile picture carries
_MORE = 64 * 1024 * 1024  # bytes that metadata may add


INSTALL = "Install exiftool (Debian, Ubuntu: apt install libimage-exiftool-perl; macOS: brew install exiftool)"


def fault() -> str:
    """Why no metadata can be written here, with what to do; empty where it can."""
    program = shutil.which(PROGRAM)
    if program is None:
        return f"exiftool is not there, which writes metadata into results. {INSTALL}"
    version = _version(program, Path(program).stat().st_mtime_ns)
    if version is None:
        return f"{program} does not run, which writes metadata into results. {INSTALL} anew"
    if version < _LEAST:  # before it is given a picture of anybody's
        return f"{program} is version {version[0]}.{version[1]}, whose flaws hostile pictures use. {INSTALL} anew"
    return ""


@lru_cache(maxsize=4)
def _version(program: str, _changed: int) -> tuple[int, int] | None:
    with suppress(OSError, subprocess.SubprocessError):
        answer = subprocess.run(  # noqa: S603 — found on the PATH, as wished
            [program, "-config", "", "-ver"], capture_output=True, stdin=subprocess.DEVNULL, timeout=10, check=True
        ).stdout
        if found := re.match(rb"(\d{1,3})\.(\d{1,3})\s", answer):
            return int(found[1]), int(found[2])
    return None


@dataclass(frozen=True, slots=True)
class Given:
    """What a part holds that got a photo's metadata; ``notes`` are sentences on what a person should know of it."""

    written: Written
    notes: tuple[str, ...]


def give_back(
    part: Path, new: Path, media_type: str, photo: Photo, keeping: Keeping, permissions: Permissions = AS_USUAL, *,
    anew: bool = False,
) -> Given | None:  # fmt: skip
    """Write a photo's metadata into the part file of its result, by way of ``new`` beside it, durably.

    None where there is nothing to write. ``anew``: what it has of another photo's goes. Raises NotWritten, with the
    part as it was. Blocks.
    """
    if media_type not in _PICTURES:
        raise NotWritten(f"a result of the type {media_type or 'unknown'} takes none")
    try:
        with open_photo(photo.path, photo.stamp) as raw, io.BufferedReader(raw) as file:
            carried = header.read(file, photo.stamp.size, photo.media_type)
            with _links(part, photo.path) as (folder, result, source), _opened(part) as served:
                before = header.read(served, served.seek(0, os.SEEK_END), media_type)
                wanted = _wanted(media_type, carried, before, keeping, folder, source)
                if not (wanted or anew):
                    return None
                arguments = ["-q", "-m", "-o", "-", *(_CLEARED if anew else ()), *wanted, str(result)]
                written = _written(new, arguments, served, media_type, permissions)
            with _opened(new) as made:
                there = header.read(made, made.seek(0, os.SEEK_END), media_type)
                notes = tuple(_notes(photo, carried, there, whole.pixels(made), keeping))
        open_photo(photo.path, photo.stamp).close()  # the path may have led elsewhere meanwhile
        new.replace(part)  # in one step: the part holds the result as it was served, or with all of it
    except (OSError, PhotoProblem, OutputProblem, Broken) as problem:
        _drop(new)
        raise NotWritten(str(problem)) from problem
    except BaseException:
        _drop(new)
        raise
    return Given(written, notes)


def _notes(
    photo: Photo, carried: header.PhotoHeader, there: header.PhotoHeader, pixels: tuple[int, int], keeping: Keeping
) -> Iterator[str]:
    """What of the photo found no place in its result, and what is another way round or in other colours there."""
    before, now = traits.profile_name(carried), traits.profile_name(there)
    is_lying = carried.metadata.number(ORIENTATION, 1) >= _LYING and there.metadata.number(ORIENTATION, 1) == 1
    if keeping is Keeping.ALL:
        for name in ("exif", "iptc", "xmp"):
            if getattr(carried, name) and not getattr(there, name):
                yield f"the result has no place for {name.upper()}"
    if before != now:
        yield f"the colours of the result are {now or 'without a profile'}, the photo's {before or 'without one'}"
    if is_lying and (pixels[0] - pixels[1]) * (photo.width - photo.height) > 0:
        yield "the photo is shown turned by a quarter, and the result is not"


_LYING = 5  # from this orientation on width and height change places


def _drop(new: Path) -> None:
    with suppress(OutputProblem):  # the next attempt removes it
        discard(new)


@contextmanager
def _links(part: Path, photo: Path) -> Iterator[tuple[Path, Path, Path]]:
    """A private folder, and the ways to the part and the photo in it: names that no program could misread."""
    with tempfile.TemporaryDirectory(prefix="artui-") as made:
        folder = Path(made).absolute()
        if not str(folder).isprintable():
            raise NotWritten("the folder for temporary files has a name that exiftool cannot be given")
        (folder / "results").symlink_to(part.parent)
        (folder / "photo").symlink_to(photo)
        yield folder, folder / "results" / part.name, folder / "photo"


@contextmanager
def _opened(path: Path) -> Iterator[BinaryIO]:
    with open_regular(path) as raw, io.BufferedReader(raw) as file:
        yield file


def _written(new: Path, arguments: list[str], served: BinaryIO, media_type: str, permissions: Permissions) -> Written:
    """Have the new file made, and look whether it has the same picture as the one served."""
    picture, size = _picture(served, media_type), served.seek(0, os.SEEK_END)
    with Part(new, permissions) as made:
        said = _WRITER.ask(arguments, made.write, most=size + _MORE)
        if not made.size:
            raise NotWritten(f"exiftool made nothing of it ({said})")
        written = made.finish()
    with _opened(new) as file:
        # Read back from what was written, by readers of ours.
        if _picture(file, media_type) != picture or whole.what_is_missing(new, media_type):
            raise NotWritten("exiftool would have changed more than metadata")
    return written


def _picture(file: BinaryIO, media_type: str) -> tuple[object, ...]:
    """All of a file that is picture and no metadata."""
    size = file.seek(0, os.SEEK_END)
    digest = hashlib.sha256()
    for start, length in _PICTURES[media_type](file, size):
        for block in blocks(file, start, length):
            digest.update(block)
    said = header.read(file, size, media_type)
    turned = said.metadata.number(ORIENTATION, 1)
    return digest.digest(), said.icc, turned, said.bits, said.frames, said.is_cmyk, said.has_alpha, whole.pixels(file)


def _of_jpeg(file: BinaryIO, size: int) -> Iterator[tuple[int, int]]:
    for marker, start, length in header.jpeg_parts(file, size):
        if marker == 0xDA:
            yield start, size - start
        # 0xEE is Adobe's word on the colours; ICC (0xE2) is compared by itself.
        elif not 0xE0 <= marker <= 0xED and marker not in (0xEF, 0xFE):
            yield start, length


def _of_chunks(
    chunks: Callable[[BinaryIO, int], Iterator[tuple[bytes, int, int]]], metadata: Collection[bytes],
    file: BinaryIO, size: int,
) -> Iterator[tuple[int, int]]:  # fmt: skip
    for kind, start, length in chunks(file, size):
        if kind not in metadata:
            yield start, length


def _of_tiff(file: BinaryIO, size: int) -> Iterator[tuple[int, int]]:
    for piece in tiff.pieces(file, size):
        yield piece.start, piece.length


_PICTURES: dict[str, Callable[[BinaryIO, int], Iterator[tuple[int, int]]]] = {
    "image/jpeg": _of_jpeg,
    "image/png": partial(_of_chunks, header.png_parts, (b"tEXt", b"zTXt", b"iTXt", b"eXIf", b"tIME", b"pHYs")),
    "image/webp": partial(_of_chunks, header.webp_parts, (b"VP8X", b"EXIF", b"XMP ")),
    "image/tiff": _of_tiff,
}

# What is copied. Nothing that says how pixels are to be read or turned, and no picture of the photo as it was.

_CLEARED = (
    "-EXIF:all=", "-IPTC:all=", "-XMP:all=", "-tagsFromFile", "@", "-IFD0:Orientation", "-ExifIFD:ColorSpace",
)  # fmt: skip
_EXIF = (
    "-IFD0:all", "-ExifIFD:all", "-GPS:all", "--MakerNotes", "--MakerNotes:all", "--IFD0:Orientation",
    "--IFD0:YCbCrPositioning", "--IFD0:YCbCrCoefficients", "--IFD0:ReferenceBlackWhite", "--IFD0:WhitePoint",
    "--IFD0:PrimaryChromaticities", "--IFD0:TransferFunction", "--IFD0:ImageSourceData", "--IFD0:PrintIM",
    "--ExifIFD:ColorSpace", "--ExifIFD:Gamma", "--ExifIFD:ExifImageWidth", "--ExifIFD:ExifImageHeight",
    "--ExifIFD:ComponentsConfiguration", "--ExifIFD:CompressedBitsPerPixel",
)  # fmt: skip
_XMP = (
    "-XMP:all", "--XMP-crs:all", "--XMP-tiff:Orientation", "--XMP-tiff:ImageWidth", "--XMP-tiff:ImageHeight",
    "--XMP-exif:ExifImageWidth", "--XMP-exif:ExifImageHeight", "--XMP-exif:ColorSpace", "--XMP-xmp:Thumbnails",
    "--XMP-xmp:ThumbnailImage", "--XMP-photoshop:ICCProfileName", "--XMP-photoshop:ColorMode", "--XMP-dc:Format",
    "--XMP-photoshop:DocumentAncestors", "--XMP-GDepth:all", "--XMP-GImage:all", "--XMP-GAudio:all",
    "--XMP-GCamera:all", "--XMP-GContainer:all", "--XMP-HDRGainMap:all", "--XMP-hdrgm:all",
)  # fmt: skip
_RIGHTS = (
    "-IFD0:Copyright", "-IFD0:Artist", "-IPTC:CopyrightNotice", "-IPTC:By-line", "-IPTC:By-lineTitle", "-IPTC:Credit",
    "-IPTC:Source", "-IPTC:Contact", "-XMP-dc:Rights", "-XMP-dc:Creator", "-XMP-xmpRights:all", "-XMP-plus:all",
    "-XMP-cc:all", "-XMP-photoshop:Credit", "-XMP-photoshop:Source", "-XMP-photoshop:AuthorsPosition",
    "-XMP-iptcCore:CreatorContactInfo", "-XMP-tiff:Copyright", "-XMP-tiff:Artist",
)  # fmt: skip
_IPTC_AS_XMP = (
    "-XMP-dc:Rights<IPTC:CopyrightNotice", "-XMP-dc:Creator<IPTC:By-line", "-XMP-photoshop:Credit<IPTC:Credit",
    "-XMP-photoshop:Source<IPTC:Source",
)  # fmt: skip
_MORE_IPTC_AS_XMP = (
    "-XMP-dc:Title<IPTC:ObjectName", "-XMP-dc:Description<IPTC:Caption-Abstract", "-XMP-dc:Subject<IPTC:Keywords",
    "-XMP-photoshop:Headline<IPTC:Headline", "-XMP-photoshop:Instructions<IPTC:SpecialInstructions",
)  # fmt: skip


def _wanted(
    media_type: str, photo: header.PhotoHeader, result: header.PhotoHeader, keeping: Keeping, folder: Path, source: Path
) -> list[str]:
    """The arguments that copy what is wanted; empty where the photo has nothing of it."""
    if keeping is Keeping.NONE:
        return []
    everything = keeping is Keeping.ALL
    wanted = ["-tagsFromFile", str(source)] if photo.metadata else []
    if photo.iptc:
        wanted = ["-charset", "iptc=UTF8", *wanted] if photo.metadata.iptc_is_utf8 else wanted
        if media_type == "image/webp" and not photo.xmp:  # which has no place for IPTC
            wanted += [*_IPTC_AS_XMP, *(_MORE_IPTC_AS_XMP if everything else ())]
    if photo.metadata and not everything:
        wanted += _RIGHTS
    elif photo.metadata:
        wanted += [*_EXIF, "-IPTC:all"]
        packet = xmp.edited(photo.xmp)
        if packet is None:
            wanted += _XMP if photo.xmp else ()
        else:
            (folder / "xmp").write_bytes(packet)
            wanted.append(f"-XMP<={folder / 'xmp'}")
        if photo.exif and traits.profile_name(result) == traits.SRGB:
            wanted.append("-ExifIFD:ColorSpace#=1")
    if photo.iptc and media_type != "image/webp":
        wanted.append("-IPTC:CodedCharacterSet=UTF8")
    return wanted + (_resolution(media_type, result, *photo.dpi) if everything and photo.dpi else [])


def _resolution(media_type: str, result: header.PhotoHeader, across: float, down: float) -> list[str]:
    if media_type == "image/png":
        metric = [round(value / 0.0254) for value in (across, down)]
        return [
            "-PNG-pHYs:PixelUnits#=1",
            *(f"-PNG-pHYs:PixelsPerUnit{axis}={v}" for axis, v in zip("XY", metric, strict=True)),
        ]
    # A JFIF header is never made: decoders would take the colours for others.
    group, unit = ("JFIF", 1) if result.has_jfif else ("IFD0", 2)
    values = [min(65535, max(1, round(value))) for value in (across, down)]
    return [
        f"-{group}:ResolutionUnit#={unit}",
        *(f"-{group}:{axis}Resolution={v}" for axis, v in zip("XY", values, strict=True)),
    ]


_WRITER = Writer(PROGRAM)
