"""What is picked: the folder that is looked into, the marks, and what is known of each file so far.

Marks outlive every folder and filter. A mark remembers the folder it was set from: a run is counted by it.
"""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from enum import Enum
from pathlib import Path

from artui.config.ignoring import USUAL, Ignoring
from artui.core.plan import OrderPlanner, Planned, RefusedFile, SourceFile, Verdict, promises_photo
from artui.files import Photo

MOST_COUNTED = 20_000
"""The most entries that are looked through to tell what a folder holds."""


class LineKind(Enum):
    """What a line of the list is."""

    UP = "up"
    FOLDER = "folder"
    FILE = "file"


@dataclass(frozen=True, slots=True)
class Item:
    """One line of the list. ``size`` in bytes, ``mtime_ns`` as the disk says; both 0 for a folder."""

    path: Path
    kind: LineKind
    size: int = 0
    mtime_ns: int = 0

    @classmethod
    def of_file(cls, path: Path, status: os.stat_result | None) -> Item:
        """The line of a file, with what the system tells of it where it does."""
        return cls(path, LineKind.FILE, *((status.st_size, status.st_mtime_ns) if status else ()))


@dataclass(frozen=True, slots=True)
class Listing:
    """A folder as it was read; ``problem`` says why it could not be."""

    folder: Path
    items: tuple[Item, ...]
    problem: str = ""


def listing(folder: Path, ignoring: Ignoring = USUAL) -> Listing:
    """Read a folder: the way up, folders, files; without what is ignored. Blocks."""
    up = (Item(folder.parent, LineKind.UP),) if folder.parent != folder else ()
    try:
        with os.scandir(folder) as entries:
            items = [_item(entry) for entry in entries]
    except OSError as error:
        return Listing(folder, up, f"{folder} cannot be read ({error.strerror}).")
    found = [one for one in items if not ignoring.why(one.path.name, is_folder=one.kind is LineKind.FOLDER)]
    found.sort(key=lambda item: (item.kind is LineKind.FILE, item.path.name.casefold(), os.fsencode(item.path)))
    return Listing(folder, (*up, *found))


def _item(entry: os.DirEntry[str]) -> Item:
    path = Path(entry.path)
    try:
        if entry.is_dir():
            return Item(path, LineKind.FOLDER)
        status = entry.stat(follow_symlinks=False)
    except OSError:
        status = None
    return Item.of_file(path, status)


@dataclass(frozen=True, slots=True)
class Holds:
    """What a folder and those below it hold; ``is_all`` where nothing was left uncounted."""

    photos: int
    others: int
    is_all: bool = True


def holds(folder: Path, ignoring: Ignoring = USUAL) -> Holds:
    """Count what a folder holds, up to a limit. Blocks."""
    photos = others = looked = 0
    for _, folders, names in os.walk(folder):
        folders[:] = [name for name in folders if not ignoring.why(name, is_folder=True)]
        wanted = [name for name in names if not ignoring.why(name, is_folder=False)]
        promised = sum(promises_photo(Path(name)) for name in wanted)
        photos, others, looked = photos + promised, others + len(wanted) - promised, looked + len(names) + 1
        if looked > MOST_COUNTED:
            return Holds(photos, others, is_all=False)
    return Holds(photos, others)


@dataclass(frozen=True, slots=True)
class FileCheck:
    """What is known of one file: the photo it is (with a digest once hashed) or why it is refused, and what ``planner``
    found the journal to say about it, for each workflow."""

    photo: Photo | None = None
    refused: RefusedFile | None = None
    judged: tuple[Planned, ...] = ()
    planner: OrderPlanner | None = None

    @property
    def planned(self) -> Planned | None:
        """What matters most of that: of several workflows one that it is still to be sent through."""
        waits = (one for verdict in (Verdict.SEND, Verdict.METADATA) for one in self.judged if one.verdict is verdict)
        return next(waits, self.judged[0] if self.judged else None)

    @property
    def is_by_choice(self) -> bool:
        """Whether it is sent only where a person has chosen it by itself: it may not be whole, or is an archive."""
        return self.photo is not None and (bool(self.photo.suspect) or self.photo.is_archive)


NOTHING = FileCheck()


@dataclass(frozen=True, slots=True)
class Sum:
    """What the marked files come to. ``open``: not hashed or not judged yet, counted as to be sent; ``unread``: not
    even looked at; ``archives``: of those to be sent, at a price that nobody knows; ``sends``: how many go through each
    workflow, by its id, from each folder that was marked from."""

    marked: int = 0
    to_send: int = 0
    done: int = 0
    twins: int = 0
    refused: int = 0
    open: int = 0
    unread: int = 0
    archives: int = 0
    sends: Mapping[tuple[str, Path], int] = field(default_factory=dict)

    @property
    def sendings(self) -> int:
        """How many results are bought of those that are to be sent: one for each of their workflows."""
        return sum(self.sends.values())

    @property
    def checked(self) -> int:
        """How many are judged for good."""
        return self.marked - self.open


@dataclass
class Marks:
    """The marked files, each with the folder it was marked from, in the order of marking."""

    tops: dict[Path, Path] = field(default_factory=dict)
    _alone: set[Path] = field(default_factory=set)
    _below: Counter[Path] = field(default_factory=Counter)
    _found: list[SourceFile] | None = None
    _folders: int | None = None

    def __contains__(self, path: object) -> bool:
        return path in self.tops

    def __len__(self) -> int:
        return len(self.tops)

    def __iter__(self) -> Iterator[Path]:
        return iter(self.tops)

    def is_alone(self, path: Path) -> bool:
        """Whether a file was chosen by itself."""
        return path in self._alone

    def below(self, folder: Path) -> int:
        """How many lie in a folder or further down."""
        return self._below[folder]

    @property
    def folders(self) -> int:
        """In how many folders they lie."""
        if self._folders is None:
            self._folders = len({path.parent for path in self.tops})
        return self._folders

    def put(self, paths: Iterable[Path], top: Path, *, alone: bool = False) -> None:
        """Mark files that lie under ``top``; those marked already stay as they are. ``alone``: each was chosen by
        itself, and not with whatever else is there."""
        fresh = [path for path in paths if path not in self.tops]
        self.tops.update(dict.fromkeys(fresh, top))
        self._alone.update(fresh if alone else ())
        self._count(fresh, 1)

    def take(self, paths: Iterable[Path]) -> None:
        """Take marks away."""
        taken = [path for path in list(paths) if self.tops.pop(path, None) is not None]
        self._alone.difference_update(taken)
        self._count(taken, -1)

    def _count(self, paths: Iterable[Path], sign: int) -> None:
        self._found = self._folders = None
        for folder, number in Counter(path.parent for path in paths).items():
            for above in (folder, *folder.parents):
                self._below[above] += sign * number

    def copy(self) -> Marks:
        """The marks as they are now."""
        return Marks(dict(self.tops), set(self._alone), Counter(self._below))

    def found(self) -> list[SourceFile]:
        """The marked files as a plan takes them, in the order of their paths."""
        if self._found is None:
            paths = sorted(self.tops, key=os.fsencode)
            # Results keep the folders below the deepest one that all of these lie in, however they came to be marked.
            base = Path(os.path.commonpath({path.parent for path in paths})) if paths else None
            self._found = [SourceFile(path, self.tops[path], path in self._alone, base=base) for path in paths]
        return self._found


def add_up(
    marks: Marks, seen: Mapping[Path, FileCheck], planner: OrderPlanner | None, workflows: Sequence[str] = ("",)
) -> Sum:  # fmt: skip
    """What the marked files come to as far as they are known, by the ids of the ``workflows`` they go through.

    A file counts as to be sent until its digest and the journal say otherwise, so that the number can only fall.
    """
    to_send = done = twins = refused = open_ = unread = archives = 0
    contents = {workflow: set[str]() for workflow in workflows}
    sends: Counter[tuple[str, Path]] = Counter()

    def is_sent(workflow: str, planned: Planned) -> bool:
        if planned.verdict is Verdict.METADATA:
            return marks.is_alone(planned.found.path)
        content = {planned.photo.digest, planned.photo.picture} - {""}
        if planned.verdict is not Verdict.SEND or contents[workflow] & content:
            return False
        contents[workflow] |= content
        return True

    for path, top in marks.tops.items():
        known = seen.get(path, NOTHING)
        if known.refused is not None or (known.is_by_choice and not marks.is_alone(path)):
            refused += 1
            continue
        is_judged = bool(known.photo and known.photo.digest and known.judged) and known.planner is planner
        if not is_judged:
            open_ += 1
            unread += known.photo is None
            through = list(workflows)
        else:
            through = [one for one, planned in zip(workflows, known.judged, strict=True) if is_sent(one, planned)]
        if through:
            to_send += 1
            archives += is_judged and known.photo is not None and known.photo.is_archive
            sends.update((workflow, top) for workflow in through)
        elif all(planned.verdict in (Verdict.SEND, Verdict.TWIN) for planned in known.judged):
            twins += 1
        else:
            done += 1
    return Sum(len(marks), to_send, done, twins, refused, open_, unread, archives, sends)
