"""Reading AutoRetouch's lists: page by page, the newest first, while others go on ordering."""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable, Collection
from datetime import datetime
from typing import Final

from artui.providers.autoretouch.places import Places
from artui.providers.base import Progress, Transient
from artui.providers.said import autoretouch as said
from artui.providers.said import tell

ENTRIES: Final = 50
"""Entries asked for per page, the service's own default."""

OVERLAP: Final = 5
"""Entries of a page that the next one shows again, so that a shift of the list does not go unseen."""

MOST_PAGES: Final = 400

MOST_IN_VAIN: Final = 20
"""Pages in a row without anything new after which a list counts as one that does not end."""

Read = Callable[[int], Awaitable[said.Page[said.Entry]]]
"""Reads the page of a list that begins at this offset."""


async def whole(read: Read[said.Entry], about: str) -> list[said.Entry]:
    """The entries of every page that can be read, each once; ``about`` begins the sentence that counts the others."""
    found: dict[str, said.Entry] = {}
    offset = unread = 0
    for _ in range(MOST_PAGES):
        page = await read(offset)
        found |= {entry.id: entry for entry in page.entries}
        offset += page.size
        unread += len(page.unread)
        if not page.size or offset >= page.total:
            break
    if unread:
        tell(f"{about}: {unread} entries cannot be read and are left out")
    return list(found.values())


async def look_for(due: Collection[str], read: Read[said.Execution], places: Places, seen: dict[str, Progress]) -> None:
    """Add to ``seen`` the executions due that pages of the list show, for as long as a page saves requests.

    Pages read in vain cost at most half of what asking about the executions one by one would.
    """
    left = set(due)
    offset = in_vain = 0
    while len(left) >= 3 + 2 * in_vain:
        offset = max(offset, places.first(left))
        page = await read(offset)
        places.learn(offset, [entry.id for entry in page.entries], left)
        found = {entry.id: entry.progress() for entry in page.entries if entry.id in left}
        seen |= found
        left -= found.keys()
        in_vain = 0 if len(found) > 1 else in_vain + 1
        offset += page.size
        if not page.size or offset >= page.total:
            break


async def pages(read: Read[said.Execution], about: str) -> AsyncIterator[list[said.Execution]]:
    """All executions of a list, page by page, each once; ``about`` begins every sentence.

    What is ordered meanwhile comes in above and moves the others down, so that pages repeat entries and miss none.
    Raises :class:`Transient` where the list cannot be read to its end.
    """
    seen: set[str] = set()
    offset = in_vain = 0
    while in_vain < MOST_IN_VAIN:
        page = await read(offset)
        fresh = [entry for entry in page.entries if entry.id not in seen]
        seen |= {entry.id for entry in fresh}
        in_vain = 0 if fresh else in_vain + 1
        yield fresh
        if not page.size or offset + page.size >= page.total:
            return
        offset += max(page.size - OVERLAP, 1)
    raise Transient(f"{about}: the list cannot be read to its end")


async def as_far_back_as(when: datetime | None, read: Read[said.Execution], about: str) -> list[said.Execution]:
    """All executions since ``when``, or all there are, newest first; ``about`` begins every sentence.

    Raises :class:`Transient` where it cannot be told that none is missing.
    """
    seen: dict[str, said.Execution] = {}
    offset, total = 0, None
    for _ in range(MOST_PAGES):
        page = await read(offset)
        if page.unread or any(entry.has_odd_labels for entry in page.entries):
            raise Transient(f"{about}: the list has entries that cannot be read")
        fresh = [entry for entry in page.entries if entry.id not in seen]
        if total not in (None, page.total) or (offset and len(fresh) == len(page.entries)):
            raise Transient(f"{about}: the list changed while it was read")
        total = page.total
        seen |= {entry.id: entry for entry in fresh}
        if len(seen) >= total or said.is_past(page.entries, seen.values(), when):
            return list(seen.values())
        if not fresh:
            break
        offset += max(page.size - OVERLAP, 1)
    raise Transient(f"{about}: the list cannot be read to its end")
