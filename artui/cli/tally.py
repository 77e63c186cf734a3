"""How many jobs stand how, in words; `artui status` says it too, without what following jobs needs."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import TYPE_CHECKING

from artui.model.states import Reason, Status, worded

if TYPE_CHECKING:
    from artui.journal.history import Count

_WORDS = {
    Status.DONE: "saved",
    Status.SKIPPED: "copied from the same photo",
    Status.FAILED: "failed",
    Status.CANCELLED: "cancelled",
    Status.HELD: "held",
    Status.WAITING: "under way",
    Status.RUNNING: "under way",
    Status.READY: "queued",
}


def totals(counts: Iterable[Count]) -> str:
    """How many jobs are saved, failed, held and so on, in one line."""
    sums = dict.fromkeys(_WORDS.values(), 0)
    for count in counts:
        sums[_WORDS[count.status]] += count.number
    return ", ".join(f"{number:,} {word}" for word, number in sums.items() if number) or "no jobs"


def remarks(counts: Iterable[Count]) -> Iterator[str]:
    """What is not well, the most frequent first, and what to do about it."""
    for count in sorted(counts, key=lambda one: -one.number):
        if count.status is Status.HELD:
            yield f"! {count.number:,} held: {worded(count.reason)}. `artui jobs --status held` lists them."
        elif count.status is Status.FAILED:
            lists = "`artui jobs --status failed` lists them; `artui job N` says what can be done"
            yield f"x {count.number:,} failed: {count.reason}. {lists}."
        elif count.reason == Reason.IN_QA:
            yield f"{count.number:,} in QA: a person at the service checks them. `artui wait --wait-qa` waits on."
