"""Why files were not taken: each reason in a few words, and what to do about it."""

from __future__ import annotations

from dataclasses import dataclass

from artui.config.ignoring import KINDS, LISTED
from artui.journal.watching import FileGroup
from artui.model.states import Reason, Status
from artui.model.watching import Skip
from artui.sanitize import sanitize
from artui.tui.phrases import GOOD_COPY, SKIPPED_FILES, TRY_AGAIN


@dataclass(frozen=True, slots=True)
class SkipPhrase:
    """A reason in a few cells, and what to do about it."""

    word: str
    advice: str


_NAMED = (*KINDS, LISTED)
"""Why names are left alone."""


def why(group: FileGroup) -> SkipPhrase:
    """The words for a group."""
    if group.status == Status.SKIPPED and group.reason == Skip.ONLY_METADATA:
        return SkipPhrase(
            "same picture, other metadata", "Bought before under another name or with other metadata; not paid."
        )
    if group.reason in SKIPPED_FILES:
        return SkipPhrase(*SKIPPED_FILES[group.reason])
    if group.status == Status.SKIPPED:
        if group.reason == Reason.TWIN:
            return SkipPhrase(
                "same content, no copy wanted", "Bought before under another name; not paid, no copy made."
            )
        return SkipPhrase(
            "same content, copied", "Bought before under another name: got a copy of that result, not paid."
        )
    if group.reason in _NAMED:
        return SkipPhrase(group.reason, "Left alone by their names: `artui config show ignore` lists them.")
    if group.status == Status.FAILED:
        return SkipPhrase(sanitize(group.reason or "failed", 40), TRY_AGAIN)
    return SkipPhrase(sanitize(group.reason, 40), GOOD_COPY)


def offline(message: str) -> SkipPhrase:
    """The words for a folder that is not there."""
    return SkipPhrase("folder offline", f"{message} Nothing counts as deleted.")
