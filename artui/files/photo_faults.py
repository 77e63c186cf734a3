"""Why a photo is not sent, and the sentence in which a person is told."""

from __future__ import annotations

import errno
import stat
from collections.abc import Iterator
from contextlib import contextmanager
from enum import StrEnum
from pathlib import Path

from artui.config.system import privacy, user_name
from artui.files import archives, whole, zips
from artui.files.regular import Irregular, status_of
from artui.model.capabilities import Accepts

LACKING = (errno.EMFILE, errno.ENFILE, errno.ENOMEM)
"""What this process has run out of, which is no photo's fault."""

_NAMES = {
    "image/jpeg": "JPEG", "image/png": "PNG", "image/tiff": "TIFF", "image/webp": "WebP", "image/gif": "GIF",
    "image/heic": "HEIC", "image/avif": "AVIF", "image/jxl": "JPEG XL", "image/jp2": "JPEG 2000", "image/bmp": "BMP",
    "image/vnd.ms-photo": "JPEG XR", "image/vnd.adobe.photoshop": "Photoshop", "image/x-exr": "OpenEXR",
    "image/vnd.radiance": "Radiance HDR", "image/qoi": "QOI", "image/x-xcf": "GIMP",
}  # fmt: skip
_RAWS = {
    "image/x-canon-cr2": "Canon CR2", "image/x-canon-cr3": "Canon CR3", "image/x-canon-crw": "Canon CRW",
    "image/x-fuji-raf": "Fujifilm RAF", "image/x-panasonic-rw2": "Panasonic RW2", "image/x-olympus-orf": "Olympus ORF",
    "image/x-sigma-x3f": "Sigma X3F", "image/x-minolta-mrw": "Minolta MRW",
}  # fmt: skip


class PhotoFault(StrEnum):
    """What is wrong with a photo."""

    EMPTY = "empty"
    TRUNCATED = "truncated"
    DAMAGED = "damaged"
    SUSPECT = "suspect"
    NOT_A_PHOTO = "not-a-photo"
    UNSUPPORTED = "unsupported"
    TOO_LARGE = "too-large"
    TOO_MANY_PIXELS = "too-many-pixels"
    NOT_REGULAR = "not-regular"
    UNREADABLE = "unreadable"
    IN_CLOUD = "in-icloud"
    NAME_TOO_LONG = "name-too-long"
    ARCHIVE = "archive"
    BAD_ARCHIVE = "bad-archive"
    GONE = "gone"
    CHANGED = "changed"


class PhotoProblem(Exception):
    """Something is wrong with one photo. `reason` is what, `path` the file, the text a sentence."""

    def __init__(self, path: Path, reason: PhotoFault, sentence: str) -> None:
        name = path.name if path.name.isprintable() else repr(path.name)
        super().__init__(f"{name} {sentence}")
        self.path = path
        self.reason = reason


class BadPhoto(PhotoProblem):
    """A file that cannot be sent."""


class Gone(PhotoProblem):
    """The file is no longer there."""

    def __init__(self, path: Path) -> None:
        super().__init__(path, PhotoFault.GONE, "is no longer there. Put it back to have it sent.")


class Changed(PhotoProblem):
    """The file is not the one that was stamped, or is being written right now."""

    def __init__(self, path: Path) -> None:
        super().__init__(
            path, PhotoFault.CHANGED, "has changed since it was checked. Add it again once it is finished."
        )


def refused_type(path: Path, media_type: str | None, accepts: Accepts) -> BadPhoto:
    """Why a file of a kind that a service does not take is refused; ``None``: it is no photo at all."""
    taken = ", ".join(sorted(_NAMES.get(known, known) for known in accepts.media_types))
    if media_type is None:
        return BadPhoto(
            path, PhotoFault.NOT_A_PHOTO, f"is not a photo, whatever its name says. The service takes {taken}."
        )
    if media_type == zips.MEDIA_TYPE:
        what = f"is a ZIP archive; {taken} are taken here. Unpack it, then add its photos."
        return BadPhoto(path, PhotoFault.ARCHIVE, what)
    kind = _NAMES.get(media_type, "")
    is_what = (kind and f"a {kind} picture") or _RAWS.get(media_type, "") or media_type
    is_what = f"a camera's raw file ({is_what})" if media_type in _RAWS else is_what
    return BadPhoto(
        path, PhotoFault.UNSUPPORTED, f"is {is_what}; the service takes {taken}. Convert it, then add it again."
    )


def unsound(path: Path, broken: whole.Broken) -> BadPhoto:
    """Why a photo is refused of which something is broken."""
    if broken.reason == "unsupported":
        return BadPhoto(path, PhotoFault.UNSUPPORTED, f"cannot be sent: {broken}. Export it as a photo, then add that.")
    if broken.reason == archives.BAD:
        return BadPhoto(
            path,
            PhotoFault.BAD_ARCHIVE,
            f"cannot be sent: {str(broken).rstrip('.')}. Pack it anew, then add it again.",
        )
    found = "cut off" if broken.reason == "truncated" else "damaged"
    return BadPhoto(
        path, PhotoFault(broken.reason), f"is {found}: {broken}. Nothing was sent or paid; copy it here again."
    )


@contextmanager
def told_of(path: Path) -> Iterator[None]:
    """What the system refuses is told of the photo; what this process has run out of is not its fault."""
    try:
        yield
    except OSError as error:
        if error.errno in LACKING:
            raise
        # What lies above may have gone: it counts as gone as well.
        if error.errno in (errno.ENOENT, errno.ENOTDIR):
            raise Gone(path) from error
        if isinstance(error, Irregular):
            raise Changed(path) from error
        if error.errno == errno.ENAMETOOLONG:
            sentence = "has a path that is too long to open. Move it further up."
            raise BadPhoto(path, PhotoFault.NAME_TOO_LONG, sentence) from error
        way = privacy(error) or "Make it readable for artui, then add it again"
        whose = f" ({_whose(path)})" if error.errno in (errno.EACCES, errno.EPERM) else ""
        sentence = f"cannot be read: {error.strerror}{whose}. {way}."
        raise BadPhoto(path, PhotoFault.UNREADABLE, sentence) from error


def _whose(path: Path) -> str:
    """Owner and mode of what cannot be read: the file, or the first folder on the way to it that lets nobody in."""
    place, status = path, None
    for ahead in (*reversed(path.parents), path):  # from the top: what lets nobody in hides all below
        if (found := status_of(ahead)) is None:
            break
        place, status = ahead, found
    if status is None:
        return "nor can its folder"
    what = "it" if place == path else f"its folder {place}"
    return f"{what} belongs to {user_name(status.st_uid)}, mode {stat.S_IMODE(status.st_mode):04o}"
