"""Which of several things is meant by what a person types: the best fit first."""

from __future__ import annotations

import operator
import re
from collections.abc import Callable, Iterable, Sequence

from artui.journal.window import Filter
from artui.model.holds import Group
from artui.model.job import Batch
from artui.model.states import Status


def fit(typed: str, name: str, *beside: str) -> int | None:
    """How well typed words fit a name and what else is said of it, 0 the best; None where a word is in none of them.

    The name itself comes before one that begins so, then come names with words that begin so, names that have them
    anywhere, and each text ``beside`` in its order.
    """
    typed, name = " ".join(typed.casefold().split()), " ".join(name.casefold().split())
    words = typed.split()
    if typed == name:
        return 0
    if name.startswith(typed):
        return 1
    if all(any(part.startswith(word) for part in name.split()) for word in words):
        return 2
    text = name
    for place, more in enumerate(("", *beside), 3):
        text = f"{text} {more.casefold()}"
        if all(word in text for word in words):
            return place
    return None


def best_first(typed: str, things: Sequence[tuple[str, ...]]) -> list[int]:
    """The places of the things that fit, each given as its name and what is said beside it; equal ones as they were."""
    fits = [(how, place) for place, thing in enumerate(things) if (how := fit(typed, *thing)) is not None]
    return [place for _, place in sorted(fits)]


_PRICED = re.compile(r"price(<=|>=|<|>|=)(\d+)")
_COMPARED: dict[str, Callable[[int, int], bool]] = {
    "<": operator.lt, ">": operator.gt, "<=": operator.le, ">=": operator.ge, "=": operator.eq,
}  # fmt: skip


def priced(typed: str) -> tuple[str, Callable[[int | None], bool]]:
    """What is typed without its words about a price (``price<20``), and whether a price meets those; one that is not
    known meets none."""
    found = [(word, _PRICED.fullmatch(word.casefold())) for word in typed.split()]
    wanted = [(_COMPARED[match[1]], int(match[2])) for _, match in found if match]
    rest = " ".join(word for word, match in found if not match)
    return rest, lambda price: all(price is not None and holds(price, limit) for holds, limit in wanted)


def filter_from(text: str, group: Group | None, batches: Iterable[Batch]) -> Filter:
    """A filter as it is typed: words, ``!words``, ``sku:``, ``batch:``, ``workflow:``, ``account:``, ``status:``."""
    named: dict[str, str] = {}
    words, without = [], []
    for piece in text.lower().split():
        key, colon, value = piece.partition(":")
        if colon and key in ("batch", "account", "status", "sku", "workflow"):
            named[key] = value
        elif piece.startswith("!"):
            without.append(piece[1:])
        else:
            words.append(piece)
    batch = named.get("batch")
    if batch:
        batch = next((one.id for one in batches if one.name.lower().startswith(batch) or one.id == batch), "none")
    status = next((one for one in Status if named.get("status") and one.startswith(named["status"])), None)
    return Filter(
        group,
        batch or None,
        named.get("account") or None,
        status,
        tuple(words),
        tuple(word for word in without if word),
        named.get("sku", ""),
        named.get("workflow", ""),
    )
