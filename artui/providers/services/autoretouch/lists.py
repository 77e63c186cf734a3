"""Reading AutoRetouch's lists: page by page, the newest first, while others go on ordering."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Collection, Sequence
from dataclasses import dataclass, field
from typing import Final

from artui.providers.base import ExecutionStatus, Look, PurchaseQuery, Puzzling, Rejected, Transient
from artui.providers.base.misfits import counted
from artui.providers.services.autoretouch import wire
from artui.providers.services.autoretouch.places import Places

ENTRIES: Final = 50
"""Entries asked for per page, the service's own default."""

OVERLAP: Final = 5
"""Entries of a page that the next one shows again, so that a shift of the list does not go unseen."""

MOST_PAGES: Final = 400

MOST_SEARCHED: Final = 5_000
"""Entries that are read for one look-up; where more has come since the order was sent, a person has to look."""

LONGEST_SEARCH: Final = 600.0
"""Seconds that one reading for a look-up may take."""

MOST_IN_VAIN: Final = 3
"""Pages in a row without anything new after which a list counts as one that does not end."""

Read = Callable[[int], Awaitable[wire.Page[wire.Entry]]]
"""Reads the page of a list that begins at this offset."""

Listed = wire.Execution | wire.Unread


async def whole(
    read: Read[wire.Entry], what: str, told: Callable[[str], object]
) -> tuple[list[wire.Entry], list[wire.Unread]]:
    """The readable entries of every page, each once, and the others. What is missing is ``told`` in half a sentence;
    ``what`` the entries are called."""
    found: dict[str, wire.Entry] = {}
    unread: dict[str, wire.Unread] = {}
    offset = 0
    for _ in range(MOST_PAGES):
        page, known = await read(offset), len(found) + len(unread)
        found |= {entry.id: entry for entry in page.readable}
        unread |= {entry.text: entry for entry in page.unread}
        offset += len(page.entries)
        # Without a total a page that shows nothing new is the end: where `offset` is not heeded none other comes.
        is_over = page.ends_at(offset) or (page.total is None and len(found) + len(unread) == known)
        if not page.entries or is_over:
            break
    else:
        told(f"only the first {offset:,}{'' if page.total is None else f' of {page.total:,}'} {what} were read")
    if unread:
        told(counted(len(unread), len(found) + len(unread), what, [entry.why for entry in unread.values()]))
    return list(found.values()), list(unread.values())


async def look_for(
    due: Collection[str], read: Read[wire.Execution], places: Places, seen: dict[str, ExecutionStatus]
) -> None:
    """Add to ``seen`` the executions due that pages of the list show, for as long as a page saves requests.

    Pages read in vain cost at most half of what asking about the executions one by one would.
    """
    left = set(due)
    offset = in_vain = 0
    while len(left) >= 3 + 2 * in_vain:
        offset = max(offset, places.first(left))
        page = await read(offset)
        places.learn(offset, [entry.id for entry in page.entries], left)
        found = {entry.id: entry.progress() for entry in page.readable if entry.id in left}
        seen |= found
        left -= found.keys()
        in_vain = 0 if len(found) > 1 else in_vain + 1  # one found by a page saved nothing
        offset += len(page.entries)
        if not page.entries or page.ends_at(offset):
            break


@dataclass(slots=True)
class Reading:
    """One reading of a list of executions from its top downwards; ``about`` begins every sentence.

    What is ordered meanwhile comes in above and moves the others down, so that pages repeat entries and miss none: each
    page must begin with an entry that an earlier one showed.
    """

    read: Read[wire.Execution]
    about: str
    answered: int = 0
    """Pages the service has answered."""
    listed: list[Listed] = field(default_factory=list)
    """All entries so far, each once, in the list's order; what came in above since is not among them."""
    page: Sequence[Listed] = ()
    """The page read last."""
    moved: bool = False
    """Whether entries came in above, or moved there, while the rest was read."""
    ended: bool = False
    """Whether a page has reached the end of the list, by the service's own ``total``."""
    _seen: set[str] = field(default_factory=set)

    async def pages(self) -> AsyncIterator[list[Listed]]:
        """What each page shows for the first time, to the end of the list or to a page without entries.

        Raises :class:`Transient` where it cannot be told that none is missing.
        """
        offset = in_vain = 0
        while not self.ended and in_vain < MOST_IN_VAIN:
            page = await self._next(offset)
            # A page must begin with what an earlier one showed, as far as its entries have a name.
            if offset and self.page and next((entry.id for entry in self.page if entry.id), "") not in self._seen:
                raise Transient(f"{self.about}: the list changed while it was read")
            fresh = self._take()
            # More than the overlap came again: something pushed it down.
            self.moved |= bool(offset) and len(self.page) - len(fresh) > OVERLAP
            self.ended = page.ends_at(offset + len(self.page))
            in_vain = 0 if fresh else in_vain + 1
            yield fresh
            if not self.page:
                return
            # Without a total only a page without entries can be the end: what shows nothing new is passed over whole.
            overlap = OVERLAP if fresh or page.total is not None else 0
            offset += max(len(self.page) - overlap, 1)
        if not self.ended:
            raise Transient(f"{self.about}: the list cannot be read to its end")

    async def pages_above(self) -> AsyncIterator[list[Listed]]:
        """What stands now above what was read: read from the top again, down to what is known."""
        offset = 0
        while True:
            await self._next(offset)
            offset += len(self.page)
            is_joined = not self.page or self.page[-1].id in self._seen
            yield self._take()
            if is_joined:
                return

    async def _next(self, offset: int) -> wire.Page[wire.Execution]:
        try:
            page = await self.read(offset)
        except (Rejected, Puzzling):
            # An answer all the same: the bound of a look-up counts what the service answered.
            self.answered += 1
            raise
        self.answered += 1
        self.page = page.entries
        return page

    def _take(self) -> list[Listed]:
        fresh = [entry for entry in self.page if entry.id not in self._seen]
        # What cannot be read may have no id: each time it counts as new.
        self._seen |= {entry.id for entry in fresh if entry.id}
        self.listed += fresh
        return fresh


async def search(group: Sequence[PurchaseQuery], read: Read[wire.Execution], about: str) -> dict[str, Look]:
    """Look for lost purchases of one workflow in one reading of its list, which ends as soon as all are found.

    ``about`` begins every sentence. Whatever breaks the reading off, what it found is found.
    """
    reading, trouble = Reading(read, about), ""
    try:
        async with asyncio.timeout(LONGEST_SEARCH):
            await _read_for(group, reading)
    except TimeoutError:
        trouble = f"{about}: the list could not be read within {LONGEST_SEARCH / 60:.0f} minutes"
    except (Transient, Rejected) as failure:
        trouble = str(failure)
    return {one.key: wire.conclude(one, reading.listed, trouble, reading.answered) for one in group}


async def _read_for(group: Sequence[PurchaseQuery], reading: Reading) -> None:
    """Read until all are found, or until none of them can be further down, nor have moved up meanwhile."""
    when = wire.how_far_back([one.mark for one in group])
    async for _ in reading.pages():
        # Found ends it, however much is below or comes in above.
        if wire.has_all(group, reading.listed):
            return
        if wire.is_past(reading.page, reading.listed, when):
            break
        if not reading.ended and (len(reading.listed) >= MOST_SEARCHED or reading.answered >= MOST_PAGES):
            raise Transient(
                f"{reading.about}: it is not among the newest {len(reading.listed):,} entries, and there are more"
            )
    else:
        if not reading.ended:
            raise Transient(f"{reading.about}: the list ends without its `total`, or too early")
    if reading.moved:  # an order that was listed late stands above what was read
        async for _ in reading.pages_above():
            if wire.has_all(group, reading.listed):
                return
            if reading.answered >= MOST_PAGES:
                raise Transient(f"{reading.about}: the list grows faster than it can be read")
