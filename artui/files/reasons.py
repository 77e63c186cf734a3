"""A few lines beside a file that was put aside, in which a person reads why."""

from __future__ import annotations

import os
from contextlib import suppress
from pathlib import Path

from artui.files.publishing import Part, part_path, publish

_LONGEST = 200  # bytes of a name that gets ".reason.txt" behind it


def leave_reason(target: Path, text: str) -> None:
    """Lay the reason beside a file, unless something lies there already. Raises OutputProblem."""
    place = _place_of_reason(target)
    with Part(part_path(target.parent, f"reason-{target.name}")) as part:
        part.write(_encoded(text))
        part.finish()
    with suppress(FileExistsError):
        publish(part.path, place)
    part.path.unlink(missing_ok=True)


def forget_reason(target: Path, text: str) -> None:
    """Take away the reason that was laid beside a file, unless somebody has written something else there."""
    place = _place_of_reason(target)
    with suppress(OSError):
        if place.read_bytes() == _encoded(text):
            place.unlink()


def _place_of_reason(target: Path) -> Path:
    name = target.name
    while len(os.fsencode(name)) > _LONGEST:
        name = name[:-1]
    return target.with_name(f"{name}.reason.txt")


def _encoded(text: str) -> bytes:
    return text.encode("utf-8", "backslashreplace")
