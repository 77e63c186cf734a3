"""Which files are meant, and whether they are photos that can be sent."""

from __future__ import annotations

import os
import time
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field, replace
from pathlib import Path

from artui import files
from artui.config.ignoring import USUAL, Ignoring
from artui.files import Accepts, Photo, PhotoProblem

HASHING = 2
"""Threads that check and hash: more would only make a disk seek."""

_PICTURES = frozenset({
    ".jpg", ".jpeg", ".jpe", ".png", ".tif", ".tiff", ".webp", ".heic", ".heif", ".avif", ".gif", ".bmp", ".psd",
    ".psb", ".dng", ".cr2", ".cr3", ".nef", ".arw", ".raf", ".orf", ".rw2",
})  # fmt: skip
"""Suffixes that promise a photo: such a file is named where it cannot be sent, others in a folder are passed over."""


OF_ARCHIVES = "A ZIP is sent as it is, as one photo. What it costs, and what becomes of its photos, is not documented."
"""What a person should know before an archive is sent."""


class PlanProblem(Exception):
    """No plan can be made of what was given; the text says why and what to do."""


@dataclass(frozen=True, slots=True)
class SourceFile:
    """A file to look at. ``top`` is the folder given, or the one a named file lies in.

    ``address`` is set where it is no file here and the service fetches it itself; ``path`` then only names it.
    ``name``: what it is called where a template says ``{stem}``, if not by its own stem. ``labels``: of its job alone.
    ``base``: the folder that its result keeps the ones below of, where that is not ``top``. ``workflow``, ``batch`` and
    ``output`` are what a list says of it alone, empty where it goes with the others; ``place`` is where it says so.
    ``redo_of``: the job whose photo it is, where it is bought anew.
    """

    path: Path
    top: Path
    is_named: bool = False
    address: str = ""
    name: str = ""
    labels: Mapping[str, str] = field(default_factory=dict, hash=False)
    base: Path | None = None
    workflow: str = ""
    batch: str = ""
    output: str = ""
    place: str = ""
    redo_of: int | None = None

    @property
    def relative(self) -> Path:
        """Its folder under ``base``, or the one that was given."""
        return self.path.parent.relative_to(self.base or self.top)


@dataclass(frozen=True, slots=True)
class RefusedFile:
    """A file that is not sent. ``reason`` is a short stable code, ``message`` a sentence."""

    path: Path
    reason: str
    message: str


def collect(
    paths: Sequence[Path], *, recursive: bool = False, ignoring: Ignoring = USUAL, left: Counter[str] | None = None
) -> list[SourceFile]:
    """The files meant by some paths, each once, in order: named ones, and those of folders without what is ignored.

    ``left`` counts names and whole folders that are ignored, by why. Raises :class:`PlanProblem` where a path leads
    nowhere.
    """
    left = Counter() if left is None else left
    found: dict[Path, SourceFile] = {}
    for given in paths:
        path = Path(os.path.abspath(given))  # noqa: PTH100 — a link stays the name the person knows
        if os.path.isdir(path):  # noqa: PTH112 — a name that is too long is a path that leads nowhere
            # By bytes: names that are no text must sort as well.
            for file in sorted(_within(path, ignoring, left, recursive=recursive), key=os.fsencode):
                found.setdefault(file, SourceFile(file, path))
        elif os.path.lexists(path):
            # Over what its folder gave: a named file is meant, whatever it is.
            found[path] = SourceFile(path, path.parent, is_named=True)
        else:
            raise PlanProblem(f"{given} is not there: check the path")
    return list(found.values())


def _within(folder: Path, ignoring: Ignoring, left: Counter[str], *, recursive: bool) -> Iterator[Path]:
    try:
        entries = list(os.scandir(folder))
    except OSError as error:
        raise PlanProblem(f"the folder {folder} cannot be read ({error.strerror})") from None
    for entry in entries:
        is_folder = entry.is_dir(follow_symlinks=False)  # a link may lead back above
        if why := ignoring.why(entry.name, is_folder=is_folder):
            left[why] += recursive or not is_folder  # without it nobody expects what is in folders
        elif not is_folder:
            yield folder / entry.name
        elif recursive:
            yield from _within(folder / entry.name, ignoring, left, recursive=True)


def at_address(address: str) -> tuple[SourceFile, Photo]:
    """What the service fetches itself from a URL or ``src://ALIAS/PATH``, ready to be planned. Raises
    :class:`PlanProblem`.
    """
    try:
        photo = files.addressed(address)
    except ValueError as problem:
        raise PlanProblem(str(problem)) from None
    return SourceFile(photo.path, photo.path.parent, is_named=True, address=address), photo


def promises_photo(path: Path) -> bool:
    """Whether a file is called like a photo."""
    return path.suffix.lower() in _PICTURES


def named_after(found: Sequence[SourceFile]) -> str:
    """A name for a batch of these: the folder's, and the time to tell two of one day apart."""
    return f"{folders_named(found)} {time.strftime('%Y-%m-%d %H:%M:%S')}"


def folders_named(found: Sequence[SourceFile]) -> str:
    """What to call the folders these were chosen in: the first by its name, and how many more there are."""
    tops = {file.top for file in found}
    first = min(tops, default=Path("photos")).name or "/"
    return first if len(tops) <= 1 else f"{first} and {len(tops) - 1} more"


def check(
    found: Sequence[SourceFile], accepts: Accepts, counted: Callable[[int, int], None], *, suspect: bool = False
) -> tuple[list[tuple[SourceFile, Photo]], list[RefusedFile], int]:
    """Inspect and hash files in threads: the photos, those refused, and how many were passed over as no photos.

    ``suspect``: those that may not be whole are photos too, by a person's word.
    """
    photos, refused, passed_over = [], [], 0
    # An archive counts only where a person has named it, for nobody knows what it costs.
    unnamed = replace(accepts, archives=False)
    with ThreadPoolExecutor(HASHING, "check") as pool:
        looks = [
            pool.submit(inspected, file.path, accepts if file.is_named else unnamed, with_digest=True) for file in found
        ]
        try:
            for number, (file, look) in enumerate(zip(found, looks, strict=True), 1):
                seen = look.result()
                counted(number, len(found))
                if isinstance(seen, Photo) and seen.suspect and not suspect:
                    seen = refused_as_suspect(seen)
                if isinstance(seen, Photo):
                    photos.append((file, seen))
                elif file.is_named or promises_photo(file.path):
                    refused.append(seen)
                else:
                    passed_over += 1
        except BaseException:
            pool.shutdown(wait=False, cancel_futures=True)  # what nobody waits for need not be hashed
            raise
    return photos, refused, passed_over


def inspected(path: Path, accepts: Accepts, *, with_digest: bool = False) -> Photo | RefusedFile:
    """A photo by its header and its end, and with its digest where that is wanted; or why it is not sent."""
    try:
        return files.inspect(path, accepts, hashed=with_digest)
    except PhotoProblem as problem:
        return RefusedFile(path, problem.reason, str(problem))


def refused_as_suspect(photo: Photo) -> RefusedFile:
    """What is said of a photo that may not be whole where nobody has said that it is sent all the same."""
    problem = files.suspicion(photo)
    return RefusedFile(photo.path, problem.reason, str(problem))


def hashed(photo: Photo, accepts: Accepts) -> Photo | RefusedFile:
    """The photo judged by all its bytes, with its digest; or why it is not sent after all."""
    try:
        return files.read_through(photo, accepts)
    except PhotoProblem as problem:
        return RefusedFile(photo.path, problem.reason, str(problem))
