"""Why files were not taken: each reason in a few words, and what to do about it."""

from __future__ import annotations

from dataclasses import dataclass

from artui.config.ignoring import KINDS, LISTED
from artui.journal.watching import BEFORE_THE_RULE, FileGroup
from artui.model.states import ONLY_METADATA, Reason, Status
from artui.sanitize import sanitize
from artui.tui.watches.standing import GROWING, NOT_WHOLE, RULE_WAITS
from artui.watch.rules import OURS

_BAD = "Put a good copy into the folder; artui takes it by itself."


@dataclass(frozen=True, slots=True)
class SkipPhrase:
    """A reason in a few cells, and what to do about it."""

    word: str
    advice: str


_KNOWN = {
    GROWING: SkipPhrase(
        "still growing", "Nothing to do: each is taken once it is whole and has not changed for a while."
    ),
    NOT_WHOLE: SkipPhrase(
        "not whole yet", "Nothing to do: each is taken once it is whole. `artui why FILE` tells of any."
    ),
    RULE_WAITS: SkipPhrase("wait for the rule", "Nothing is lost: they are taken as soon as the rule goes on."),
    "pattern": SkipPhrase(
        "pattern", "The patterns of the rule leave them out; e shows them. `artui why FILE` tells of any."
    ),
    BEFORE_THE_RULE: SkipPhrase(
        "here before the rule", "They are left alone, as the rule says. 2 sends such photos: mark them there."
    ),
    **{
        kind: SkipPhrase(kind, "Left alone by their names: `artui config show ignore` lists them.")
        for kind in (*KINDS, LISTED)
    },
    OURS: SkipPhrase(OURS, "What lies in done/ and failed/ was dealt with, and is never taken."),
    "not a regular file": SkipPhrase(
        "no regular file", "Links, pipes and devices are never taken: put the photo itself here."
    ),
    "not readable by this user": SkipPhrase(
        "not readable by this user", "Give the user that runs artui the right to read them; they are then taken."
    ),
    "its result would land in the watched folder": SkipPhrase(
        "result would come back", "The output lies in the watched folder: change the output of the rule."
    ),
    "not-a-photo": SkipPhrase(
        "no photo", "Not a photo, whatever the name says. Take it out, or leave it: it costs nothing."
    ),
    "unsupported": SkipPhrase("kind not taken", "The service takes other kinds. Convert it, then put it here."),
    "empty": SkipPhrase("empty", _BAD),
    "truncated": SkipPhrase("cut off", _BAD),
    "damaged": SkipPhrase("damaged", _BAD),
    "suspect": SkipPhrase(
        "suspect", "They may not be whole. Look at them; `artui submit --suspect FILE` sends one all the same."
    ),
    ONLY_METADATA: SkipPhrase(
        ONLY_METADATA, "Bought before, and not paid again; they have their results. `artui redo FILE` buys one anew."
    ),
    "archive": SkipPhrase(
        "archive, left alone", "Unpack it here; `artui why FILE` tells whether the service takes such whole."
    ),
    "bad-archive": SkipPhrase("archive not as needed", "Pack it anew: photos alone, without folders and passwords."),
    "too-large": SkipPhrase("too large", "Make it smaller, then put it here again."),
    "too-many-pixels": SkipPhrase("too many pixels", "Make it smaller, then put it here again."),
    "name-too-long": SkipPhrase("path too long", "Move the folder further up, or give a shorter name."),
}


def why(group: FileGroup) -> SkipPhrase:
    """The words for a group."""
    if group.status == Status.SKIPPED:
        if group.reason == Reason.TWIN:
            return SkipPhrase(
                "same content, no copy wanted", "Bought before under another name; not paid, no copy made."
            )
        if group.reason == ONLY_METADATA:
            return SkipPhrase(
                "same picture, other metadata", "Bought before under another name or with other metadata; not paid."
            )
        return SkipPhrase(
            "same content, copied", "Bought before under another name: got a copy of that result, not paid."
        )
    if group.status == Status.FAILED and group.reason not in _KNOWN:
        return SkipPhrase(sanitize(group.reason or "failed", 40), "enter shows them; in a job's details r tries again.")
    return _KNOWN.get(group.reason) or SkipPhrase(sanitize(group.reason, 40), _BAD)


def offline(message: str) -> SkipPhrase:
    """The words for a folder that is not there."""
    return SkipPhrase("folder offline", f"{message} Nothing counts as deleted.")
