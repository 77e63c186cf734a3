"""Results that somebody has moved into a rule's folder for rejected ones: each is a rejection. It never buys."""

from __future__ import annotations

import os
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

from artui import files
from artui.core import review
from artui.core.review import decide
from artui.files.regular import digest_of, status_of
from artui.journal import Connection, Journal, jobs, published, reviews
from artui.model.job import Job
from artui.model.states import Review
from artui.watch.rules import Rule

BY_HAND = "hand"
"""Who has decided where a file was moved: nobody has said, so it stands as *by hand*."""


@dataclass
class Rejections:
    """Looks through the folder for rejected results of one rule. It blocks: for a thread."""

    journal: Journal
    rule: Rule
    _judged: dict[Path, tuple[int, int, int]] = field(default_factory=dict)

    def look(self) -> list[str]:
        """Write down as rejected what was moved there since the last look; returns the names of the photos.

        A file is a result by its bytes, or where those are others by now (notes drawn into it) by its name; where the
        result lies in its place still, it is a copy that means nothing. The folder is made where it is not there.
        """
        if self.rule.rejected is not None:
            self.rule.rejected.mkdir(exist_ok=True)  # not those above it: a disk may not be mounted
        before, self._judged = self._judged, {}
        names: list[str] = []
        for path, signs in _files(self.rule.rejected):
            self._judged[path] = signs
            if before.get(path) == signs:
                continue
            job, was = self._moved(path, signs[0])
            if job is not None and job.review != Review.REJECTED:
                reason = f"moved to {path.parent.name}"
                told = decide(
                    self.journal, [job], Review.REJECTED, who=BY_HAND, reason=reason, moved={was: os.fspath(path)}
                )
                names += [one.job.source.name for one in told if not one.refused]
        return names

    def _moved(self, path: Path, size: int) -> tuple[Job | None, str]:
        """The job whose result was moved to a path, and where that lay before."""
        stems = [path.name[:dot] for dot, sign in enumerate(path.name) if sign == "."]
        keys = [files.stem_key(self.rule.target.folder, stem) for stem in stems]
        found = self._by_bytes(path, size)
        found += [
            job
            for job in self.journal.read(reviews.named, keys)
            if job.rule == self.rule.id and any(Path(one.path or "").name == path.name for one in job.results)
        ]
        for job in found:
            for result in job.results if job.is_saved else ():
                lay = result.path or ""
                is_it = Path(lay).name == path.name or len(job.results) == 1
                if is_it and lay and lay != os.fspath(path) and not os.path.lexists(lay):
                    return job, lay
        return None, ""

    def _by_bytes(self, path: Path, size: int) -> list[Job]:
        def same(db: Connection, digest: str) -> list[Job]:
            number = published.job_of(db, digest)
            made = jobs.get(db, number) if number is not None else None
            return reviews.copies(db, made) if made else []

        if not self.journal.read(published.has_size, size):
            return []
        try:
            return self.journal.read(same, digest_of(path))
        except OSError:
            return []


def _files(folder: Path | None) -> Iterator[tuple[Path, tuple[int, int, int]]]:
    """The files in a folder and below, with what tells whether one has changed: bytes, time and inode."""
    for place, _, names in os.walk(folder) if folder else ():
        for name in sorted(names):
            path = Path(place, name)
            found = status_of(path)
            if found is not None and not (name.startswith(".") or name.endswith(review.REASON)):
                yield path, (found.st_size, found.st_mtime_ns, found.st_ino)
