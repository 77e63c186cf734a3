"""What a result is otherwise than its photo, as far as both say so themselves."""

from __future__ import annotations

from enum import StrEnum

from artui.files.traits import Looks


class Change(StrEnum):
    """One thing that a result has lost or turned into another."""

    PROFILE = "profile"
    DEPTH = "depth"
    COPYRIGHT = "copyright"


def changes(photo: Looks, result: Looks) -> list[Change]:
    """What a person should know of a result beside what it shows."""
    found = {
        Change.PROFILE: bool(photo.profile) and photo.profile != (result.profile or photo.profile),
        Change.DEPTH: photo.bits > result.bits,
        Change.COPYRIGHT: photo.has_copyright and not result.has_copyright,
    }
    return [change for change, is_so in found.items() if is_so]
