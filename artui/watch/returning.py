"""Photos in failed/ that somebody has completed since: taken back into the watched folder by themselves."""

from __future__ import annotations

import math
import time
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path

from artui import files
from artui.journal import Journal, seen
from artui.journal.seen import SeenFile
from artui.watch.postprocess import forget_reason, refuse_links
from artui.watch.rules import Rule
from artui.watch.scanning import Candidate, Signs
from artui.watch.taking import UNFINISHED, Ingester

MOST = 500
"""How many of the newest files in failed/ are looked at again."""


@dataclass(slots=True)
class _Aside:
    """A file in failed/: since when (monotonic) it is seen as it is, and whether it was judged so."""

    signs: Signs
    first: float
    judged: bool = False


@dataclass
class Returning:
    """Looks after the files that one rule moved to failed/ as not whole. It blocks: for a thread."""

    journal: Journal
    rule: Rule
    taker: Ingester
    _aside: dict[Path, _Aside] = field(default_factory=dict)

    def take_back(self) -> tuple[list[str], float | None]:
        """Move what is whole by now back to where it came from; returns the names, and when (monotonic) to look again.

        A file is judged once after each change, and once after a start. Raises ``files.OutputProblem`` where the folder
        cannot be written, :class:`artui.watch.postprocess.Linked` where a link stands in the way.
        """
        before, self._aside = self._aside, {}
        returned, again, now = [], math.inf, time.monotonic()
        # Only what may have been unfinished: a refusal for its kind stays one.
        for file, target in self.journal.read(seen.put_aside, self.rule.id, UNFINISHED, MOST):
            try:
                signs = Signs.of(target.lstat())
            except OSError:
                continue
            aside = before.get(target)
            if aside is None or aside.signs != signs:
                aside = _Aside(signs, now)
            self._aside[target] = aside
            if aside.judged:
                continue
            if now - aside.first < self.rule.quiet:
                again = min(again, aside.first + self.rule.quiet)
            elif not self._is_whole(target, signs):
                aside.judged = True
            elif not files.is_open(target, is_remote=self.taker.is_remote) and self._return(file, target):
                returned.append(file.name)
            elif self.taker.is_patient:
                again = min(again, now + self.rule.refused_after)
        return returned, None if math.isinf(again) else again

    def _is_whole(self, target: Path, signs: Signs) -> bool:
        try:
            candidate = Candidate(str(target.relative_to(self.rule.folder)), files.stamp(target), signs, math.inf)
        except (files.PhotoProblem, ValueError):
            return False
        return isinstance(self.taker.open(candidate), files.Photo)

    def _return(self, file: SeenFile, target: Path) -> bool:
        """Move a file back; killed in between it is a new one there, which is taken as well."""
        place = self.rule.folder / file.name
        refuse_links(self.rule, Path(file.name))
        with suppress(FileExistsError, FileNotFoundError):
            files.move(target, place)
            self.journal.write(seen.take_back, self.rule.id, file.name)
            forget_reason(target, file)
            return True
        return False
