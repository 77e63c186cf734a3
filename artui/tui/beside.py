"""What the pane beside a list of jobs shows of one: its photo, its result, its story."""

from __future__ import annotations

from typing import TYPE_CHECKING

from artui.tui.look import Width
from artui.tui.photo_pane import NOTHING, Shown
from artui.tui.picture_view import Pair
from artui.tui.story import beside, read_beside

if TYPE_CHECKING:
    from artui.tui.host import Host


async def shown_of(host: Host, number: int | None, cells: int) -> Shown:
    """What a pane of so many cells shows of a job."""
    story = await host.view.ask(read_beside, number) if number is not None else None
    if story is None:
        return NOTHING
    job, pair = story.job, Pair.of(story.job)
    # What lies at an address, or was found at the service, is no file here.
    before = None if job.address or job.found else pair.before
    told = beside(story, host, cells, is_wide=host.size.width >= Width.FULL)
    which, number = story.of_sku
    notes = [f"{which} of {number} of its sku"] * (number > 1) + [f"and {pair.others} more"] * bool(pair.others)
    return Shown(job.source.name, ", ".join(notes), before, pair.after, told)
