"""Why files were not taken: each reason in a few words, and what to do about it."""

from __future__ import annotations

from dataclasses import dataclass

from artui.config.ignoring import KINDS, LISTED
from artui.journal.watching import BEFORE_THE_RULE, Group
from artui.model.states import Reason, Status
from artui.sanitize import shown
from artui.tui.watches.standing import GROWING, NOT_WHOLE, RULE_WAITS
from artui.watch.rules import OURS

_BAD = "Put a good copy into the folder; artui takes it by itself."


@dataclass(frozen=True, slots=True)
class Why:
    """A reason in a few cells, and what to do about it."""

    word: str
    advice: str


_KNOWN = {
    GROWING: Why("still growing", "Nothing to do: each is taken once it is whole and has not changed for a while."),
    NOT_WHOLE: Why("not whole yet", "Nothing to do: each is taken once it is whole. `artui why FILE` tells of any."),
    RULE_WAITS: Why("wait for the rule", "Nothing is lost: they are taken as soon as the rule goes on."),
    "pattern": Why("pattern", "The patterns of the rule leave them out; e shows them. `artui why FILE` tells of any."),
    BEFORE_THE_RULE: Why(
        "here before the rule", "They are left alone, as the rule says. 2 sends such photos: mark them there."
    ),
    **{
        kind: Why(kind, "Left alone by their names: `artui config show ignore` lists them.")
        for kind in (*KINDS, LISTED)
    },
    OURS: Why(OURS, "What lies in done/ and failed/ was dealt with, and is never taken."),
    "not a regular file": Why(
        "no regular file", "Links, pipes and devices are never taken: put the photo itself here."
    ),
    "not readable by this user": Why(
        "not readable by this user", "Give the user that runs artui the right to read them; they are then taken."
    ),
    "its result would land in the watched folder": Why(
        "result would come back", "The output lies in the watched folder: change the output of the rule."
    ),
    "not-a-photo": Why("no photo", "Not a photo, whatever the name says. Take it out, or leave it: it costs nothing."),
    "unsupported": Why("kind not taken", "The service takes other kinds. Convert it, then put it here."),
    "empty": Why("empty", _BAD),
    "truncated": Why("cut off", _BAD),
    "damaged": Why("damaged", _BAD),
    "suspect": Why(
        "suspect", "They may not be whole. Look at them; `artui submit --suspect FILE` sends one all the same."
    ),
    "too-large": Why("too large", "Make it smaller, then put it here again."),
    "too-many-pixels": Why("too many pixels", "Make it smaller, then put it here again."),
    "name-too-long": Why("path too long", "Move the folder further up, or give a shorter name."),
}


def why(group: Group) -> Why:
    """The words for a group."""
    if group.status == Status.SKIPPED:
        if group.reason == Reason.TWIN:
            return Why("same content, no copy wanted", "Bought before under another name; not paid, no copy made.")
        return Why("same content, copied", "Bought before under another name: got a copy of that result, not paid.")
    if group.status == Status.FAILED and group.reason not in _KNOWN:
        return Why(shown(group.reason or "failed", 40), "enter shows them; in a job's details r tries again.")
    return _KNOWN.get(group.reason) or Why(shown(group.reason, 40), _BAD)


def offline(message: str) -> Why:
    """The words for a folder that is not there."""
    return Why("folder offline", f"{message} Nothing counts as deleted.")
