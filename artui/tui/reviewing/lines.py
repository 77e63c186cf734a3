"""What Review says around its pictures: how far one is, whose photo it is, what was decided; the strip of photos."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Sequence
from itertools import groupby

from textual.content import Content

from artui.journal.reviews import Decision, Entry
from artui.model.job import Job
from artui.model.states import Review
from artui.sanitize import beginning, sanitize, width
from artui.tui.look import Glyphs
from artui.tui.words import amount, clock, home

LONGEST_LABEL = 12
"""Cells of what stands before the photos of one SKU in the strip."""


LEAST_RIGHT = 16
"""The cells that what stands at the right has at least."""


def ends(left: str, right: str, cells: int, ellipsis: str) -> str:
    """Two texts at the two ends of a line with a free cell at each; the right one loses its middle where it has to, and
    is left out where hardly anything of it would be left."""
    left = beginning(left, cells - 2, ellipsis)
    room = cells - 4 - width(left)
    right = sanitize(right, room, ellipsis) if room >= LEAST_RIGHT else ""
    return f" {left}{' ' * max(0, cells - 2 - width(left) - width(right))}{right}"


def counted(entries: Sequence[Entry], at: int) -> str:
    """How far it is: ``37 of 150 | kept 31 | rejected 5 | to see 114``."""
    stand = Counter(one.review for one in entries)
    parts = [f"{at + 1:,} of {len(entries):,}"]
    named = (("kept", Review.KEPT), ("rejected", Review.REJECTED), ("to see", ""))
    return " | ".join([*parts, *(f"{word} {stand[review]:,}" for word, review in named)])


def about(job: Job, entries: Sequence[Entry], at: int, now: float) -> tuple[str, str]:
    """The photo in front, and where its result lies."""
    entry = entries[at]
    parts = [sanitize(job.source.name, 40)]
    if entry.sku:
        same = [one for one in entries if one.sku == entry.sku]
        parts.append(f"sku {sanitize(entry.sku, 24)}, photo {same.index(entry) + 1} of {len(same)}")
    saved = f"saved {clock(job.finished_at, now)}, " if job.finished_at is not None else ""
    parts.append(f"{saved}charged {amount(job.charged)}")
    path = next((result.path for result in job.results if result.path), "")
    return "   ".join(parts), home(path)


def standing(review: str, reason: str, made: Decision | None, now: float) -> str:
    """How a result stands: by whom, when, why."""
    if not review:
        return "not decided"
    # The journal may be a moment behind a decision of this very screen.
    known = made if made and made.decision == review else None
    who = f" by {sanitize(known.who, 24)}, {clock(known.at, now)}" if known else ""
    return f"{review}{who}" + (f": {sanitize(reason)}" if review == Review.REJECTED and reason else "")


def reasons_of(entries: Sequence[Entry]) -> str:
    """Why how many were rejected: ``6 mask or edges, 3 colour``."""
    found = Counter(sanitize(one.reason) or "no reason given" for one in entries if one.review == Review.REJECTED)
    return ", ".join(f"{number:,} {reason}" for reason, number in found.most_common())


def strip(entries: Sequence[Entry], at: int, cells: int, glyphs: Glyphs) -> Content:
    """One sign for each photo, by SKU, or by folder where it has none: those around the one in front."""
    near = range(max(0, at - cells), min(len(entries), at + cells))
    labels = {place: entries[place].sku or f"{entries[place].photo.parent.name}/" for place in near}
    groups = [(label, list(them)) for label, them in groupby(near, labels.__getitem__)]
    # What all labels begin with, up to a sign between words, is left out; nothing where there is but one label.
    least, most = min(labels.values()), max(labels.values())
    same = next((place for place, (one, other) in enumerate(zip(least, most, strict=False)) if one != other), 0)
    cut = max(least[:same].rfind(sign) for sign in "-_ /.") + 1
    drawn = [
        _group(sanitize(label[cut:], LONGEST_LABEL, glyphs.ellipsis), them, entries, at, glyphs)
        for label, them in groups
    ]
    here = next(place for place, (_, them) in enumerate(groups) if at in them)
    first = last = here
    room = cells - 4
    used = len(drawn[here].plain)
    while True:
        grown = False
        for side in (last + 1, first - 1):
            if 0 <= side < len(drawn) and used + 2 + width(drawn[side].plain) <= room:
                used += 2 + width(drawn[side].plain)
                first, last, grown = min(first, side), max(last, side), True
        if not grown:
            break
    if used > room:  # one SKU with more photos than there are cells
        whole = drawn[here]
        place = whole.plain.index("[")
        begin = max(0, min(place - room // 2, len(whole.plain) - room))
        drawn[here] = whole[begin : begin + room]
    before, after = "< " if first or near.start else "  ", " >" if last < len(drawn) - 1 else ""
    return Content.assemble(before, Content("  ").join(drawn[first : last + 1]), after)


def _group(label: str, places: Sequence[int], entries: Sequence[Entry], at: int, glyphs: Glyphs) -> Content:
    signs = {
        Review.KEPT: (glyphs.done, "$success"),
        Review.REJECTED: (glyphs.failed, "$error"),
        "": (glyphs.queued, "$quiet"),
    }
    parts: list[str | tuple[str, str]] = [f"{label} "]
    for place in places:
        sign, colour = signs[entries[place].review]
        parts.append((f"[{sign}]", f"bold {colour} reverse") if place == at else (sign, colour))
    return Content.assemble(*parts)


def moment(text: str) -> str:
    """A message with its time."""
    return f"{time.strftime('%H:%M')} {text}"
