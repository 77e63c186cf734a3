"""What is no photo to send although it may look like one: names and folders that are left alone wherever files are
gathered. A file that a person names is sent whatever it is called.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from fnmatch import translate
from functools import cached_property

KINDS: Mapping[str, tuple[str, ...]] = {
    "in iCloud, not on this Mac": (".*.icloud",),
    "hidden": (".*", ".*/"),
    "temporary": (
        "*~", "~$*", "*~lock", "*~lock.*", "*.part", "*.partial", "*.filepart", "*.tmp", "*.temp", "*.crdownload",
        "*.download", "*.download/", "*.opdownload", "*.aria2", "*.!ut", "*.!qb", "*.bc!", "~syncthing~*", "@tmp/",
        "*.sb-????????-??????", "*.sb-????????-??????/", "(a document being saved by *)/",
    ),
    "deleted or an older version": (
        "*.*_original", "#recycle/", "@recycle/", "$recycle.bin/", "recycler/", "recycled/", "network trash folder/",
        "@recently-snapshot/", "#snapshot/", "lost+found/",
    ),
    "a system's own": (
        "thumbs.db", "ehthumbs.db", "desktop.ini", "@eadir/", "#eadir/", "system volume information/", "__macosx/",
        "temporary items/", "icon\r",
    ),
    "a program's previews": ("captureone/", "*.lrdata/", "*.lrcat-data/", "*.cocatalog/", "*.lrprev", "*.cot", "*.cop"),
    "a library of another program": ("*.photoslibrary/", "*.aplibrary/", "*.migratedphotolibrary/", "*.photolibrary/"),
}  # fmt: skip
"""The list: patterns for names, and for folders where they end with a slash, by why they are left alone."""

LISTED = "your ignore list"


@dataclass(frozen=True)
class Ignoring:
    """The list as it holds: ``kinds`` as in ``KINDS``. Case makes no difference."""

    kinds: tuple[tuple[str, tuple[str, ...]], ...] = tuple(KINDS.items())

    def with_more(self, patterns: Sequence[str] | None) -> Ignoring:
        """The list with what a setting adds; an empty one empties it, None leaves it as it is."""
        if patterns is None:
            return self
        return Ignoring((*self.kinds, (LISTED, tuple(patterns)))) if patterns else Ignoring(())

    @property
    def patterns(self) -> list[tuple[str, str]]:
        """Every pattern with why it is there."""
        return [(pattern, kind) for kind, patterns in self.kinds for pattern in patterns]

    def why(self, name: str, *, is_folder: bool) -> str:
        """Why a name is left alone; empty where it is not."""
        folded = name.casefold()
        found = (kind for kind, file, folder in self._matchers if (folder if is_folder else file).match(folded))
        return next(found, "")

    @cached_property
    def _matchers(self) -> list[tuple[str, re.Pattern[str], re.Pattern[str]]]:
        """Each kind with what matches the names of its files, and those of its folders."""
        return [
            (
                kind,
                _any_of(one for one in patterns if not one.endswith("/")),
                _any_of(one.rstrip("/") for one in patterns if one.endswith("/")),
            )
            for kind, patterns in self.kinds
        ]


def _any_of(patterns: Iterable[str]) -> re.Pattern[str]:
    return re.compile("|".join(translate(pattern.casefold()) for pattern in patterns) or r"(?!)")


USUAL = Ignoring()
"""The list where no setting says otherwise."""
