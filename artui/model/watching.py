"""Why a rule of a watched folder does not take what is in it. Pure data."""

from __future__ import annotations

from enum import StrEnum


class RuleCause(StrEnum):
    """Why a rule is offline (the first eleven), another's, or held for a yes; the last: why it is only scanned."""

    MISSING = "missing"
    NOT_A_FOLDER = "not a folder"
    UNREADABLE = "unreadable"
    NO_MARKER = "no marker"
    NO_ANSWER = "no answer"
    NOT_WRITABLE = "not writable"
    ANOTHER_FOLDER = "another folder"
    BUSY = "busy"
    LOCK_UNUSABLE = "lock unusable"
    OUTPUT_INSIDE = "output inside"
    OUTPUT_UNMOUNTED = "output unmounted"

    OTHER_HOST = "other host"
    OTHER_JOURNAL = "other journal"
    OTHER_RULE = "other rule"
    MARKER_UNREADABLE = "marker unreadable"
    MARKER_TAKEN = "marker taken"

    DEARER = "dearer"
    MANY_AT_ONCE = "many at once"

    DEAF = "deaf"


OF_OFFLINE = frozenset(list(RuleCause)[: list(RuleCause).index(RuleCause.OTHER_HOST)])
"""The causes of a folder that is offline."""


class Skip(StrEnum):
    """Why a file in a watched folder is not taken, beside what is wrong with a photo and the lists of ignored names."""

    GROWING = "still growing"
    NOT_WHOLE = "not whole yet"
    UNREADABLE = "not readable by this user"
    IN_CLOUD = "in iCloud, not on this Mac"
    RULE_WAITS = "the rule waits"
    BEFORE_THE_RULE = "here before the rule"
    PATTERN = "pattern"
    NOT_REGULAR = "not a regular file"
    OURS = "done or failed"
    LOOP = "its result would land in the watched folder"
    RESULT = "result"
    ONLY_METADATA = "only its metadata changed"


WILL_BE_TAKEN = (Skip.GROWING, Skip.NOT_WHOLE, Skip.RULE_WAITS)
"""Why files only wait to be taken."""
