"""Which folder a path really leads to: whether one folder is another, or lies in it, by whatever way it is named.

Folders that are there are compared by what the disk says (device and inode), so that links, mounts, and a disk that
takes ``Shoot`` and ``shoot`` for one name make no difference. What is not there yet is compared by name, composed and
case-folded, for the disk it will be made on may do so. Everything here blocks for as long as the disk does.
"""

from __future__ import annotations

import functools
import os
import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

from artui.config.system import mac_file_system
from artui.files.names import folded

_MOUNTS = Path("/proc/self/mountinfo")

Identity = tuple[int, int]
"""Device and inode of a folder."""


class _Above(NamedTuple):
    """A folder in which a path lies, and the names that lead on from there."""

    folder: Path
    identity: Identity | None
    rest: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class _Mount:
    """A mount: ``root`` is the folder of the file system ``device``, of type ``kind``, that is seen at ``place``."""

    device: str
    root: Path
    place: Path
    kind: str


def inside(path: Path, folder: Path) -> Path | None:
    """Where a path lies in a folder: ``.`` for the folder itself, else the way on from there; None where it does not.

    Either need not exist.
    """
    here, there = _real(path), _real(folder)
    if here.is_relative_to(there):  # by name alone: mostly so, and then never wrong
        return here.relative_to(there)
    mounts = _mounts()
    above = list(_above(here, mounts))
    # The nearest that exists: below it only names can be compared.
    base = next(one for one in _upwards(there) if one.identity is not None or one.folder == one.folder.parent)
    wanted = _folded(base.rest)
    for one in above:
        if one.identity is not None and one.identity == base.identity and _folded(one.rest)[: len(wanted)] == wanted:
            return Path(*one.rest[len(wanted) :])
    if base.rest:  # what is not there yet has nothing mounted below it
        return None
    return _mounted_below(above, there, mounts) or _by_listing(here, there)


def first_shared(folders: Iterable[Path], others: Iterable[Path]) -> Path | None:
    """The first of some folders that is one of the others, whatever it is called there; None where none is."""
    known: dict[object, Path] = {}
    for other in others:
        known |= dict.fromkeys(_keys(other), other)
    for folder in folders:
        for key in _keys(folder):
            if key in known and inside(folder, known[key]) == Path():
                return folder
    return None


def file_system(folder: Path) -> str:
    """The type of the file system a folder lies on, as ``ext4`` or ``nfs4``; empty where this system does not tell."""
    if name := mac_file_system(folder):
        return name
    real = _real(folder)
    above = [mount for mount in _mounts() if real.is_relative_to(mount.place)]
    return max(above, key=lambda mount: len(mount.place.parts)).kind if above else ""


def mount_of(folder: Path) -> Path:
    """Where the disk is mounted that a folder lies on, or would be made on."""
    real = _real(folder)
    return next(one for one in (real, *real.parents) if os.path.ismount(one) or one == one.parent)


def has_left(folder: Path, mount: Path) -> bool:
    """Whether a folder belongs on the disk at ``mount``, and none is mounted there now."""
    return _real(folder).is_relative_to(mount) and not os.path.ismount(mount)


def _keys(folder: Path) -> Iterator[object]:
    yield folded(os.fspath(_real(folder)))
    if (identity := _identity(folder)) is not None:
        yield identity


def _real(path: Path) -> Path:
    return Path(os.path.realpath(path))


def _identity(folder: Path) -> Identity | None:
    try:
        status = folder.stat()
    except OSError:
        return None
    return status.st_dev, status.st_ino


def _folded(names: Iterable[str]) -> list[str]:
    return [folded(name) for name in names]


def _upwards(path: Path, rest: tuple[str, ...] = ()) -> Iterator[_Above]:
    """A path and every folder above it."""
    for folder in (path, *path.parents):
        yield _Above(folder, _identity(folder), rest)
        rest = (folder.name, *rest)


def _above(path: Path, mounts: Iterable[_Mount]) -> Iterator[_Above]:
    """A path and every folder it lies in: those its name goes through, and where one of them is mounted from a folder
    further down in a file system, those that hold it there, as far as they are mounted somewhere too."""
    for one in _upwards(path):
        yield one
        if one.identity is None:
            continue
        for mount in mounts:
            if mount.place == one.folder:
                yield from _beyond(one, mount, mounts)


def _beyond(one: _Above, mount: _Mount, mounts: Iterable[_Mount]) -> Iterator[_Above]:
    """The folders that hold a mounted folder in its file system."""
    for other in mounts:
        if other.device != mount.device or other.root not in mount.root.parents:
            continue
        same = other.place / mount.root.relative_to(other.root)
        if _identity(same) != one.identity:
            continue  # something else is mounted over it
        for above in _upwards(same.parent, (same.name, *one.rest)):
            yield above
            if above.folder == other.place:
                break


def _mounted_below(above: Iterable[_Above], folder: Path, mounts: Iterable[_Mount]) -> Path | None:
    """Where a path lies in something that is mounted below a folder."""
    places = {_identity(mount.place): mount.place for mount in mounts if folder in mount.place.parents}
    places.pop(None, None)  # what cannot be looked at would match all that is not there
    for one in above:
        if one.identity in places:
            return places[one.identity].relative_to(folder).joinpath(*one.rest)
    return None


def _by_listing(path: Path, folder: Path) -> Path | None:
    """As :func:`inside`, for file systems that give one folder a number for each of its spellings (FUSE, some network
    shares): two spellings are one folder unless the folder above lists both."""
    names, goal = path.parts, folder.parts
    if _folded(names[: len(goal)]) != _folded(goal):
        return None
    for place, (name, other) in enumerate(zip(names, goal, strict=False)):
        if name == other:
            continue
        here = Path(*goal[:place])
        if not os.path.lexists(here / name):
            return None  # the disk knows one of them only: it tells them apart
        try:
            listed = set(os.listdir(here))  # noqa: PTH208 — names are all that is asked
        except OSError:
            continue  # not to be told: rather one folder too few than a loop
        if {name, other} <= listed:
            return None
    return Path(*names[len(goal) :])


def _mounts() -> tuple[_Mount, ...]:
    """What is mounted where, as far as this system tells; none where it has no such list (macOS has no mounts of
    folders)."""
    try:
        return _parsed(_MOUNTS.read_bytes())
    except OSError:
        return ()


@functools.lru_cache(maxsize=1)  # a hundred rules ask thirty thousand times, and it hardly ever changes between
def _parsed(listed: bytes) -> tuple[_Mount, ...]:
    found = []
    for line in listed.splitlines():
        here, _, there = line.partition(b" - ")
        _, _, device, root, place, *_ = here.split(b" ")
        kind = there.split(b" ")[0].decode("ascii", "replace")
        found.append(_Mount(device.decode("ascii", "replace"), _unescaped(root), _unescaped(place), kind))
    return tuple(found)


def _unescaped(field: bytes) -> Path:
    """A path as the list of mounts writes it, with blanks and the like in octal."""
    return Path(os.fsdecode(re.sub(rb"\\([0-7]{3})", lambda octal: bytes([int(octal[1], 8)]), field)))
