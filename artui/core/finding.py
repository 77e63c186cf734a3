"""Which of several things is meant by what a person types: the best fit first."""

from __future__ import annotations

import operator
import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from typing import Any, Generic, TypeVar

from artui.journal.window import Filter
from artui.model.holds import Group
from artui.model.job import Batch

T = TypeVar("T")


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


_NUMBERED = re.compile(r"([a-z]+)(<=|>=|<|>|=)(\d+)")
_COMPARED: dict[str, Callable[[int, int], bool]] = {
    "<": operator.lt, ">": operator.gt, "<=": operator.le, ">=": operator.ge, "=": operator.eq,
}  # fmt: skip
OUT = "!"
"""What stands before a word that leaves out what it fits."""


@dataclass(frozen=True, slots=True)
class SortKey(Generic[T]):
    """One way to sort a list: what it is called, the other way round too, and by what of a thing."""

    name: str
    turned: str
    key: Callable[[T], Any]


@dataclass(frozen=True, slots=True)
class Fields(Generic[T]):
    """By what the things of one list are found and sorted.

    ``words`` gives what a plain word is looked for in, the name first; ``named`` the text behind a word and a colon,
    ``numbers`` what is compared (``price<20``). ``orders`` are those beside the list's own; ``ranked``: the best fit
    comes first, as it does where one thing is looked for by its name.
    """

    words: Callable[[T], tuple[str, ...]]
    named: Mapping[str, Callable[[T], str]] = field(default_factory=dict)
    numbers: Mapping[str, Callable[[T], int | None]] = field(default_factory=dict)
    orders: tuple[SortKey[T], ...] = ()
    ranked: bool = False

    @property
    def hint(self) -> str:
        """The words of this list, as the line says in which they are typed."""
        return hint(self.named, self.numbers)

    def narrowed(self, typed: str, things: Sequence[T]) -> list[T]:
        """The things that fit all that is typed, in their order, or the best first. A word with a colon that this list
        does not know is looked for like any other."""
        plain: list[str] = []
        fits: list[tuple[Callable[[T], bool], bool]] = []
        for word in typed.casefold().split():
            without, word = word.startswith(OUT), word.removeprefix(OUT)
            test = self._test(word)
            if without and word:
                fits.append((test or partial(self._holds, word), False))
            elif test is not None:
                fits.append((test, True))
            else:
                plain.append(word)
        left = [thing for thing in things if all(test(thing) is wanted for test, wanted in fits)]
        if not plain:
            return left
        places = best_first(" ".join(plain), [self.words(thing) for thing in left])
        return [left[place] for place in (places if self.ranked else sorted(places))]

    def _test(self, word: str) -> Callable[[T], bool] | None:
        """What a word asks of a thing, where it names a field; None where it does not."""
        name, colon, part = word.partition(":")
        if colon and (text := self.named.get(name)):
            return lambda thing: part in text(thing).casefold()
        match = _NUMBERED.fullmatch(word)
        if match is None or (number := self.numbers.get(match[1])) is None:
            return None
        compared, limit = _COMPARED[match[2]], int(match[3])
        return lambda thing: (found := number(thing)) is not None and compared(found, limit)

    def _holds(self, word: str, thing: T) -> bool:
        return any(word in text.casefold() for text in self.words(thing))


def hint(named: Iterable[str], numbers: Iterable[str]) -> str:
    """What may be typed for a list with these words: ``words sku: price<9 !word``."""
    return " ".join(["words", *(f"{name}:" for name in named), *(f"{name}<9" for name in numbers), f"{OUT}word"])


JOB_WORDS = ("sku", "batch", "rule", "workflow", "account", "status", "is")
"""What may stand before a colon in a filter of jobs."""


def filter_from(text: str, group: Group | None, batches: Iterable[Batch]) -> Filter:
    """A filter of jobs as it is typed: words, ``!words``, those of ``JOB_WORDS`` with a colon, ``price<20``."""
    named: dict[str, str] = {}
    words, without, traits, prices = [], [], set[str](), []
    for piece in text.lower().split():
        key, colon, value = piece.partition(":")
        priced = _NUMBERED.fullmatch(piece)
        if colon and key == "is":
            traits.add(value)
        elif colon and key in JOB_WORDS:
            named[key] = value
        elif priced and priced[1] == "price":
            prices.append((priced[2], int(priced[3])))
        elif piece.startswith(OUT):
            without.append(piece[1:])
        else:
            words.append(piece)
    batch = named.get("batch")
    if batch:
        batch = next((one.id for one in batches if one.name.lower().startswith(batch) or one.id == batch), "none")
    return Filter(
        group,
        batch or None,
        named.get("account") or None,
        tuple(words),
        tuple(word for word in without if word),
        sku=named.get("sku", ""),
        workflow=named.get("workflow", ""),
        status=named.get("status", ""),
        rule_name=named.get("rule", ""),
        traits=frozenset(traits - {""}),
        prices=tuple(prices),
    )
