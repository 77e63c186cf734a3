"""Looks at picked files in threads of its own: what is in sight first, then what is marked.

A file goes through three looks: its header and end (type, pixels, whole or cut off), its digest, and what the journal
says about it. Nothing of that runs on the event loop; the screen is told at most a few times a second.
"""

from __future__ import annotations

import threading
import time
from collections import deque
from collections.abc import Callable, Iterable, Sequence
from contextlib import suppress
from dataclasses import replace
from pathlib import Path

from artui.config.ignoring import USUAL
from artui.core.plan import HASHING, OrderPlanner, RefusedFile, SourceFile, hashed, inspected, promises_photo
from artui.files import Accepts, Photo, PhotoFault
from artui.sanitize import sanitize
from artui.tui.submit.marks import NOTHING, FileCheck, Holds, Item, LineKind, holds

SETTLED_AFTER = 10.0
"""Seconds after its last change in which a file that is not whole counts as still being written."""
WRITTEN = "being-written"
AGAIN_AFTER = 2.0
TELL_EVERY = 0.2

_UNFINISHED = frozenset(
    {PhotoFault.TRUNCATED, PhotoFault.DAMAGED, PhotoFault.EMPTY, PhotoFault.CHANGED, PhotoFault.NOT_A_PHOTO}
)
"""What is said of a file that is not all there yet."""

Task = Callable[[], None]


class Checks:
    """What is known of files, and the threads that find out more, once :meth:`judge_by` has said what is taken.

    ``tell`` is called in a thread when there is news.
    """

    def __init__(self, tell: Callable[[], object]) -> None:
        self.accepts: Accepts | None = None
        self.seen: dict[Path, FileCheck] = {}
        self.folders: dict[Path, Holds] = {}
        self.ignoring = USUAL
        self._tell = tell
        self._told_at = 0.0
        self.planner: OrderPlanner | None = None
        self._sight: Sequence[Item] = ()
        self._marked: deque[SourceFile] = deque()
        self._later: deque[SourceFile] = deque()
        self._again: dict[Path, float] = {}
        self._busy: set[Path] = set()
        self._tops: dict[Path, Path] = {}
        self._news = False
        self._ended = False
        self._wake = threading.Condition()
        self._threads = [threading.Thread(target=self._run, name="check", daemon=True) for _ in range(HASHING)]
        for thread in self._threads:
            thread.start()

    def stop(self) -> None:
        """End the threads, without waiting for the file under each hand."""
        with self._wake:
            self._ended = True
            self._wake.notify_all()

    def look_at(self, sight: Sequence[Item]) -> None:
        """These lines are in sight now; a file that is another one since it was looked at is looked at anew."""
        with self._wake:
            self._sight = sight
            for item in sight:
                known = self.seen.get(item.path, NOTHING)
                stamp = known.photo.stamp if known.photo else None
                if stamp and item.mtime_ns and (stamp.size, stamp.mtime_ns) != (item.size, item.mtime_ns):
                    del self.seen[item.path]
            self._wake.notify_all()

    def work_through(self, marked: Iterable[SourceFile]) -> None:
        """These files are marked: look at all, then hash all, then ask the journal."""
        with self._wake:
            self._marked = deque(marked)
            self._later.clear()
            self._tops = {file.path: file.top for file in self._marked}
            self._wake.notify_all()

    def judge_by(self, planner: OrderPlanner | None, accepts: Accepts) -> None:
        """Ask the journal by another planner: other workflows, another account or output folder."""
        with self._wake:
            self.planner = planner
            if accepts != self.accepts:
                self.accepts = accepts
                self.seen.clear()
        self.work_through([SourceFile(path, top) for path, top in self._tops.items()])

    def forget(self, paths: Iterable[Path]) -> None:
        """Look at these anew."""
        with self._wake:
            for path in paths:
                self.seen.pop(path, None)
            self.folders.clear()
        self.work_through([SourceFile(path, top) for path, top in self._tops.items()])

    # --------------------------------------------------------------------------------------------- in the threads

    def _run(self) -> None:
        while True:
            with self._wake:
                task = self._next()
                while task is None and not self._ended:
                    self._say_so(at_once=True)
                    self._wake.wait(AGAIN_AFTER if self._again else None)
                    self._try_unfinished_again()
                    task = self._next()
                if task is None or self._ended:
                    return
            task()
            self._say_so(at_once=False)

    def _next(self) -> Task | None:
        """The most urgent thing to do, by the lock: sight before marks, a quick look before a long one."""
        if self.accepts is None:
            return None
        accepts = self.accepts
        for item in self._sight:
            if item.kind is LineKind.FILE and self._stage(item.path) == 0:
                return self._task(SourceFile(item.path, item.path.parent), accepts)
        while self._marked:
            file = self._marked.popleft()
            self._later.append(file)
            if self._stage(file.path) == 0:
                return self._task(file, accepts)
        while self._later:
            file = self._later.popleft()
            if self._stage(file.path) in (1, 2):
                return self._task(file, accepts)
        return self._next_in_sight(accepts)

    def _next_in_sight(self, accepts: Accepts) -> Task | None:
        for item in self._sight:
            if item.kind is LineKind.FOLDER and item.path not in self.folders and item.path not in self._busy:
                return self._counting(item.path)
            if item.kind is LineKind.FILE and self._stage(item.path) in (1, 2):
                return self._task(SourceFile(item.path, item.path.parent), accepts)
        return None

    def _stage(self, path: Path) -> int | None:
        """What a file needs next: 0 a look, 1 its digest, 2 the journal; None where nothing."""
        known = self.seen.get(path, NOTHING)
        if path in self._busy or known.refused is not None:
            return None
        if known.photo is None:
            return 0
        if not known.photo.digest:
            return 1
        return 2 if self.planner is not None and known.planner is not self.planner else None

    def _task(self, file: SourceFile, accepts: Accepts) -> Task:
        self._busy.add(file.path)
        known, planner = self.seen.get(file.path, NOTHING), self.planner

        def work() -> None:
            try:
                if known.photo is None:
                    found = _seen(inspected(file.path, accepts))
                elif not known.photo.digest:
                    found = _seen(hashed(known.photo, accepts))
                elif planner is not None:
                    found = replace(known, judged=planner.judged(file, known.photo), planner=planner)
                else:
                    found = known
            except Exception as problem:  # noqa: BLE001 — a thread must outlive one odd file
                sentence = f"{sanitize(file.path.name)} cannot be checked: {problem}"
                found = FileCheck(refused=RefusedFile(file.path, PhotoFault.UNREADABLE, sentence))
            with self._wake:
                self._busy.discard(file.path)
                self._news = True
                if accepts is self.accepts:
                    self.seen[file.path] = found
                if found.refused is not None and found.refused.reason == WRITTEN:
                    self._again[file.path] = time.monotonic() + AGAIN_AFTER
                if file.path in self._tops:
                    self._later.append(file)
                self._wake.notify()

        return work

    def _counting(self, folder: Path) -> Task:
        self._busy.add(folder)

        def work() -> None:
            found = holds(folder, self.ignoring)
            with self._wake:
                self._busy.discard(folder)
                self._news = True
                self.folders[folder] = found

        return work

    def _try_unfinished_again(self) -> None:
        now = time.monotonic()
        due = [path for path, at in self._again.items() if at <= now]
        for path in due:
            del self._again[path]
            self.seen.pop(path, None)
            if path in self._tops:
                self._marked.append(SourceFile(path, self._tops[path]))

    def _say_so(self, *, at_once: bool) -> None:
        now = time.monotonic()
        if self._news and (at_once or now - self._told_at >= TELL_EVERY):
            self._news = False
            self._told_at = now
            self._tell()


def _seen(found: Photo | RefusedFile) -> FileCheck:
    if isinstance(found, Photo):
        return FileCheck(photo=found)
    if found.reason in _UNFINISHED and promises_photo(found.path):
        with suppress(OSError):  # gone meanwhile
            if time.time() - found.path.lstat().st_mtime < SETTLED_AFTER:
                sentence = f"{sanitize(found.path.name)} is still being written. It is looked at again by itself."
                return FileCheck(refused=RefusedFile(found.path, WRITTEN, sentence))
    return FileCheck(refused=found)
