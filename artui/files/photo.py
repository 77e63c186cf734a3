"""A photo on disk: which file it is, whether a service would take it, and its bytes on the way out.

A path is only a way to a file, and what it leads to can change at any moment. A photo is therefore known by its
`Stamp`, and every look at its bytes opens the path afresh and compares.
"""

from __future__ import annotations

import hashlib
import io
import os
import stat
import tempfile
from collections.abc import Generator, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import BinaryIO
from urllib.parse import unquote, urlsplit

from artui.config.system import is_in_cloud
from artui.files import archives, decoding, doubts, picture, traits, whole, zips
from artui.files.photo_faults import (
    LACKING,
    BadPhoto,
    Changed,
    PhotoFault,
    PhotoProblem,
    refused_type,
    told_of,
    unsound,
)
from artui.files.regular import open_regular
from artui.files.walks import Doubt
from artui.model.capabilities import Accepts

LOOKED_AT_ONCE = 32 * 1024
"""Bytes read at once where a header is looked at: its fields are a few bytes each, and each read is a wait for its turn
among threads."""


@dataclass(frozen=True, slots=True)
class Stamp:
    """Which file, and which content, at one moment: bytes, nanoseconds, and where it lies."""

    size: int
    mtime_ns: int
    inode: int
    device: int

    @classmethod
    def of(cls, status: os.stat_result) -> Stamp:
        """Take the stamp from what `stat` said."""
        return cls(status.st_size, status.st_mtime_ns, status.st_ino, status.st_dev)

    def is_content_of(self, other: Stamp) -> bool:
        """Compare size and time. Inode and device say nothing of content, for they are dealt anew at a mount: where a
        digest is known, that is what decides."""
        return (self.size, self.mtime_ns) == (other.size, other.mtime_ns)


@dataclass(frozen=True, slots=True)
class Photo:
    """A photo as `inspect` found it: pixels as stored, 0 when unknown; `digest` is hex SHA-256, "" until hashed.

    `suspect` says what speaks against it where it may not be whole, and no decoder was there to tell; else it is "".
    `picture` is the digest of the picture alone, "" until hashed and where none can be made. `traits` is what is worth
    telling of it before it is paid for. An archive of photos, where such are taken, is one photo too: without pixels.
    """

    path: Path
    stamp: Stamp
    media_type: str
    width: int
    height: int
    digest: str = ""
    suspect: str = ""
    picture: str = ""
    traits: tuple[traits.Told, ...] = ()

    @property
    def is_archive(self) -> bool:
        """Whether it is an archive of photos, sent as one."""
        return self.media_type == zips.MEDIA_TYPE


def stamp(path: Path) -> Stamp:
    """Stamp a file by `lstat`, without opening it.

    Raises Gone, or BadPhoto (not-regular, unreadable, name-too-long).
    """
    with told_of(path):
        status = path.lstat()
    if not stat.S_ISREG(status.st_mode):
        raise BadPhoto(
            path, PhotoFault.NOT_REGULAR, "is not a regular file (a folder, link or device) and is left alone."
        )
    return Stamp.of(status)


def addressed(address: str) -> Photo:
    """A photo that is no file here: a service fetches it from a URL or ``src://ALIAS/PATH``.

    Nothing is looked at: its path only names it, and its digest is the address's, so that the same address is the same
    photo. Raises ValueError where the address names no photo.
    """
    parts = urlsplit(address)
    name = unquote(parts.path).rpartition("/")[2]
    if parts.scheme not in ("http", "https", "src") or not parts.netloc or name in ("", ".", ".."):
        raise ValueError(f"{address} names no photo: write https://HOST/PATH or src://ALIAS/PATH")
    digest = hashlib.sha256(address.encode("utf-8", "surrogateescape")).hexdigest()
    return Photo(Path(parts.hostname or parts.netloc, name.replace("\0", "-")), Stamp(0, 0, 0, 0), "", 0, 0, digest)


def inspect(path: Path, accepts: Accepts, *, hashed: bool = False) -> Photo:
    """Find out whether a service would take a file: by its content, nothing decoded, read no further than needed.

    Returns the photo; `hashed`: with its digest, for which the whole file is read, and judged. One with holes is read
    to its end anyway. Raises BadPhoto, Gone, or Changed when it was written to meanwhile.
    """
    with _judged(path, accepts, through=hashed) as (photo, raw):
        return _hashed(photo, raw) if hashed else photo


@contextmanager
def _judged(path: Path, accepts: Accepts, *, through: bool) -> Iterator[tuple[Photo, io.FileIO]]:
    """A photo and its open file, once it is found to be taken; ``through``: by all its bytes. Raises as `inspect`."""
    first = stamp(path)
    if first.size == 0:
        raise BadPhoto(path, PhotoFault.EMPTY, "is empty. Nothing was sent or paid; copy it here again.")
    if accepts.max_bytes is not None and first.size > accepts.max_bytes:
        limit = f"{first.size / 1e6:,.1f} MB; the service takes {accepts.max_bytes / 1e6:,.1f} MB at most"
        raise BadPhoto(path, PhotoFault.TOO_LARGE, f"has {limit}. Nothing was sent or paid; make it smaller.")
    with open_photo(path, first) as raw, io.BufferedReader(raw, LOOKED_AT_ONCE) as file, told_of(path):
        try:
            photo = _look(path, first, file, accepts)
            if through or _has_holes(raw, first.size):  # a hole is what was never copied: worth reading all of it
                photo = _doubted(photo, file, raw, accepts)
        except whole.Broken as broken:
            # What is broken because it is still being written is not damaged.
            _refuse_changed(path, first, file)
            raise unsound(path, broken) from broken
        yield photo, raw


def read_through(photo: Photo, accepts: Accepts) -> Photo:
    """Judge a photo by all its bytes and hash it: what `inspect` leaves out where it need not read them. Blocks.

    Raises as `inspect` does.
    """
    with open_photo(photo.path, photo.stamp) as raw, io.BufferedReader(raw, LOOKED_AT_ONCE) as file:
        try:
            with told_of(photo.path):
                photo = _doubted(photo, file, raw, accepts)
        except whole.Broken as broken:
            _refuse_changed(photo.path, photo.stamp, file)
            raise unsound(photo.path, broken) from broken
        return _hashed(photo, raw)


def sha256(photo: Photo) -> Photo:
    """Hash a photo and return it with its digest. Blocks for as long as reading takes: for a thread.

    Raises Gone, Changed, or BadPhoto (unreadable). As everywhere here, running out of descriptors stays an OSError.
    """
    with open_photo(photo.path, photo.stamp) as file:
        return _hashed(photo, file)


def open_photo(path: Path, stamp: Stamp) -> io.FileIO:
    """Open exactly the file that was stamped, unbuffered; never through a link, never waiting for a FIFO.

    Raises Gone, Changed, or BadPhoto (unreadable, in-icloud, name-too-long).
    """
    with told_of(path):
        file = open_regular(path)
    try:
        _refuse_in_cloud(path, file)
        _refuse_changed(path, stamp, file)
    except BaseException:
        file.close()
        raise
    return file


class Sending:
    """The bytes of a hashed photo, for the body of a request: `size` of them, or an exception in their place.

    Each iteration opens the file afresh. The last block is given out only after file and digest proved to be those
    that were checked, so that a service can never have received the whole of anything else. Raises as `sha256` does.
    """

    def __init__(self, photo: Photo, block: int = whole.BLOCK) -> None:
        if not photo.digest:
            raise ValueError(f"{photo.path.name!r} must be hashed before it is sent")
        self.photo = photo
        self.size = photo.stamp.size
        self._block = block

    def __iter__(self) -> Generator[bytes]:
        digest, left = hashlib.sha256(), self.size
        with open_photo(self.photo.path, self.photo.stamp) as file:
            for block in _blocks(self.photo, file, self._block):
                digest.update(block)
                left -= len(block)
                # Size and time may be the same with other bytes.
                if not left and digest.hexdigest() != self.photo.digest:
                    raise Changed(self.photo.path)
                yield block


def _doubted(photo: Photo, file: BinaryIO, raw: io.FileIO, accepts: Accepts) -> Photo:
    """The photo with what speaks against it, by all its bytes; where anything does, or by wish, it is decoded."""
    if photo.is_archive:
        return _looked_into(photo, file, accepts)
    strict, doubt = accepts.strict, doubts.doubt(file, photo.stamp.size, photo.media_type)
    if (strict or doubt is not None) and decoding.concerns(photo.media_type):
        if decoding.can_decode(photo.media_type):
            doubt = decoding.decode(raw, photo.media_type, doubt, strict=strict)
        elif strict:
            doubt = Doubt(f"nothing is installed here to decode it with: {decoding.INSTALL}")
    _refuse_changed(photo.path, photo.stamp, file)
    return replace(photo, suspect=doubt.what) if doubt is not None and doubt.is_likely else photo


def _looked_into(archive: Photo, file: BinaryIO, accepts: Accepts) -> Photo:
    """The archive, each of whose photos was inspected as one that is sent by itself."""
    suspect = ""
    try:
        # One at a time, each removed before the next: the largest bounds the room.
        with tempfile.TemporaryDirectory(prefix="artui-") as folder:
            for entry in archives.photos(file, archive.stamp.size, accepts.max_bytes):
                place = Path(folder, entry.name)
                with place.open("xb") as out:  # "x": no name in an archive opens what is there
                    for block in zips.unpacked(file, entry):
                        out.write(block)
                with _judged(place, replace(accepts, archives=False), through=True) as (photo, _):
                    suspect = suspect or (photo.suspect and f"{entry.name} in it: {photo.suspect}")
                place.unlink()
    except PhotoProblem as problem:
        raise whole.Broken(archives.BAD, f"in it {problem}") from problem
    except OSError as error:
        if error.errno in LACKING:
            raise
        what = f"cannot be unpacked to be checked: {error.strerror}. Make room for temporary files, then add it again."
        raise BadPhoto(archive.path, PhotoFault.UNREADABLE, what) from error
    _refuse_changed(archive.path, archive.stamp, file)
    return replace(archive, suspect=suspect)


def _has_holes(file: io.FileIO, size: int) -> bool:
    """Whether a part of a file was never written, as far as its file system tells."""
    place = file.tell()
    try:
        return os.lseek(file.fileno(), 0, os.SEEK_HOLE) < size
    except (OSError, AttributeError):
        return False
    finally:
        file.seek(place)  # lseek has moved it


def _hashed(photo: Photo, file: io.FileIO) -> Photo:
    digest, reader = hashlib.sha256(), io.BufferedReader(file, LOOKED_AT_ONCE)
    try:
        with told_of(photo.path):
            alone = picture.digest(reader, photo.stamp.size, photo.media_type)
    finally:
        reader.detach()  # else it would close with itself the file that is read on
    file.seek(0)
    for block in _blocks(photo, file, whole.BLOCK):
        digest.update(block)
    return replace(photo, digest=digest.hexdigest(), picture=alone)


def _blocks(photo: Photo, file: io.FileIO, size: int) -> Iterator[bytes]:
    """Exactly as many bytes as were stamped; the last of them only when the file is still the same."""
    left = photo.stamp.size
    while left:
        with told_of(photo.path):
            # Never beyond the stamp: what is appended meanwhile is not of this photo.
            block = file.read(min(size, left))
        if not block:
            raise Changed(photo.path)
        left -= len(block)
        if not left:
            _refuse_changed(photo.path, photo.stamp, file)
        yield block


def _look(path: Path, first: Stamp, file: BinaryIO, accepts: Accepts) -> Photo:
    media_type = whole.sniff(file.read(whole.HEAD))
    if media_type == zips.MEDIA_TYPE and accepts.archives:
        archives.photos(file, first.size, accepts.max_bytes)
        _refuse_changed(path, first, file)
        return Photo(path, first, media_type, 0, 0)
    if media_type not in accepts.media_types:
        raise refused_type(path, media_type, accepts)
    width, height = whole.pixels(file)
    limits = []
    if accepts.max_side is not None and max(width, height) > accepts.max_side:
        limits.append(f"{accepts.max_side:,} pixels a side")
    if accepts.max_pixels is not None and width * height > accepts.max_pixels:
        limits.append(f"{accepts.max_pixels / 1e6:,.0f} megapixels")
    if limits:
        sentence = f"is {width} x {height} pixels; the service takes at most {' and '.join(limits)}. Make it smaller."
        raise BadPhoto(path, PhotoFault.TOO_MANY_PIXELS, sentence)
    if whole.can_judge(media_type):
        whole.check(file, first.size, media_type)
        if not width:  # what a walk finds whole and nobody can size is none a service would take
            raise whole.Broken("damaged", "its header does not say how large the picture is")
    told = traits.of(file, first.size, media_type)
    _refuse_changed(path, first, file)
    return Photo(path, first, media_type, width, height, traits=told)


def suspicion(photo: Photo) -> BadPhoto:
    """Why a suspect photo is not sent before a person says so."""
    sentence = (
        f"is suspect: {photo.suspect}. It is sent only by your word: mark it by itself, or submit it with --suspect."
    )
    return BadPhoto(photo.path, PhotoFault.SUSPECT, sentence)


def _refuse_in_cloud(path: Path, file: io.FileIO) -> None:
    """To read it would have iCloud fetch it, for as long as that takes: never in the midst of a request that costs."""
    if is_in_cloud(os.fstat(file.fileno())):
        what = "is in iCloud, not on this Mac. Have the Finder download it; then artui can send it."
        raise BadPhoto(path, PhotoFault.IN_CLOUD, what)


def _refuse_changed(path: Path, stamp: Stamp, file: BinaryIO) -> None:
    if not stamp.is_content_of(Stamp.of(os.fstat(file.fileno()))):
        raise Changed(path)
