"""What is worth telling of a photo before it is paid for: codes, for each face to say in its own words.

Never a reason to refuse a photo. From its header alone.
"""

from __future__ import annotations

import struct
from dataclasses import dataclass
from enum import StrEnum
from typing import BinaryIO

from artui.files import header
from artui.files.metadata import COLOR_SPACE, ORIENTATION


class Trait(StrEnum):
    """One thing worth telling."""

    FRAMES = "several-frames"
    CMYK = "cmyk"
    DEEP = "deep-colour"
    PROFILE = "profile"
    NO_PROFILE = "no-profile"
    TURNED = "orientation"
    MOTION = header.MOTION
    GAIN_MAP = header.GAIN_MAP
    DEPTH_MAP = header.DEPTH_MAP
    AUDIO = header.AUDIO
    LAYERS = "layers"
    ALPHA = "transparency"
    SCALED = "scaled-down"
    COPYRIGHT = "copyright"
    CAPTION = "caption"
    BARCODE = "barcode"


@dataclass(frozen=True, slots=True)
class Told:
    """A trait of one photo; `detail` names its profile."""

    trait: Trait
    detail: str = ""


def of(file: BinaryIO, size: int, media_type: str) -> tuple[Told, ...]:
    """What is worth telling of an open picture, whatever becomes of it; nothing where its metadata is beyond reading.

    Raises OSError when reading fails.
    """
    try:
        read = header.read(file, size, media_type)
        metadata, profile = read.metadata, profile_name(read)
        found = {
            Trait.FRAMES: read.frames > 1,
            Trait.CMYK: read.is_cmyk,
            Trait.DEEP: read.bits > 8,
            Trait.NO_PROFILE: profile == "",
            Trait.TURNED: metadata.number(ORIENTATION, 1) in range(2, 9),
            Trait.LAYERS: read.has_layers,
            Trait.ALPHA: read.has_alpha,
            Trait.COPYRIGHT: metadata.has_copyright,
            Trait.CAPTION: metadata.has_caption,
            Trait.BARCODE: metadata.has_barcode,
            **{Trait(kind): True for kind in read.behind},
        }
    # Only told: what cannot be read must not keep a photo from being sent.
    except (ValueError, ArithmeticError, LookupError, RecursionError, struct.error):
        return ()
    told = [Told(trait) for trait in Trait if found.get(trait)]
    return (*told, Told(Trait.PROFILE, profile)) if profile not in ("", SRGB) else tuple(told)


@dataclass(frozen=True, slots=True)
class Looks:
    """What a picture's header says of how it looks: `profile` by name, empty where nothing says; `bits` a channel."""

    profile: str = ""
    bits: int = 8
    frames: int = 1
    has_alpha: bool = False
    is_turned: bool = False
    has_copyright: bool = False


def looks_of(file: BinaryIO, size: int, media_type: str) -> Looks | None:
    """How an open picture looks; None where its metadata is beyond reading. Raises OSError when reading fails."""
    try:
        read = header.read(file, size, media_type)
        turned = read.metadata.number(ORIENTATION, 1) in range(2, 9)
        profile, has_copyright = profile_name(read), read.metadata.has_copyright
    except (ValueError, ArithmeticError, LookupError, RecursionError, struct.error):
        return None
    return Looks(profile, read.bits, read.frames, read.has_alpha, turned, has_copyright)


# Profiles

SRGB = "sRGB"
_SRGB_RED, _NEAR = (0.4361, 0.2225, 0.0139), 0.002
_MOST_NAME = 60


def profile_name(read: header.PhotoHeader) -> str:
    """The colours of a picture by name: ``sRGB``, or the profile's own description; empty where nothing says."""
    icc = read.icc
    if not icc:
        if read.is_srgb or read.metadata.number(COLOR_SPACE) == 1:
            return SRGB
        return "Adobe RGB (1998)" if read.metadata.is_adobe_rgb else ""
    count = min(int.from_bytes(icc[128:132]), 200)
    entries = (icc[132 + 12 * place : 144 + 12 * place] for place in range(count))
    tags = {one[:4]: (int.from_bytes(one[4:8]), int.from_bytes(one[8:12])) for one in entries if len(one) == 12}
    offset, length = tags.get(b"desc", (0, 0))
    data = icc[offset : offset + min(length, 4096)]
    if data[:4] == b"mluc" and len(data) >= 28:  # the second edition of profiles
        length, offset = int.from_bytes(data[20:24]), int.from_bytes(data[24:28])
        text = data[offset : offset + length].decode("utf-16-be", "replace")
    else:
        text = data[12 : 12 + int.from_bytes(data[8:12])].decode("latin-1")
    text = "".join(character for character in text.partition("\0")[0] if character.isprintable())
    name = text.strip()[:_MOST_NAME]
    if "srgb" in name.casefold().replace(" ", "") or (not name and _is_red_of_srgb(icc, tags.get(b"rXYZ"))):
        return SRGB
    return name or "unnamed profile"


def _is_red_of_srgb(icc: bytes, place: tuple[int, int] | None) -> bool:
    if place is None:
        return False
    raw = icc[place[0] + 8 : place[0] + 20]
    values = [int.from_bytes(raw[at : at + 4], signed=True) / 65536 for at in (0, 4, 8)] if len(raw) == 12 else []
    return len(values) == 3 and all(abs(a - b) < _NEAR for a, b in zip(values, _SRGB_RED, strict=True))
