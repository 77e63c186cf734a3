"""Patterns that take a photo's SKU out of its file name, and that end on any name."""

from __future__ import annotations

import re
from collections.abc import Iterable
from functools import cache
from importlib import import_module
from typing import Any

GROUP = "sku"

LONGEST = 255
"""Characters a name has at most."""

MOST_WAYS = 4 * LONGEST**3
"""Ways to divide a name that a pattern may have to try: three parts of open length, at about a second for the worst."""


@cache
def compiled(pattern: str) -> re.Pattern[str]:
    """The pattern, ready to match whole names. Raises ValueError with what is wrong with it."""
    try:
        found = re.compile(pattern, re.DOTALL)
        tree = import_module("re._parser").parse(pattern, re.DOTALL)
    except (re.error, OverflowError, RecursionError) as fault:
        raise ValueError(f"is no regular expression ({fault})") from None
    if GROUP not in found.groupindex:
        raise ValueError(f"has no group called {GROUP}: write (?P<{GROUP}>…) around that part of the name")
    if _ways(tree, is_end=True) > MOST_WAYS:
        raise ValueError(
            "could take for ever on a long name: use at most three parts of open length (* or +) before the last,"
            " none inside another, or make some possessive, as in [A-Z]++"
        )
    return found


def sku_of(pattern: str, name: str) -> str:
    """The SKU in a file's name; empty where the pattern does not fit all of it, or leaves it empty."""
    found = compiled(pattern).fullmatch(name)
    return (found[GROUP] or "").strip() if found else ""


def _ways(items: Iterable[tuple[Any, Any]], *, is_end: bool = False) -> int:
    """In how many ways a part of a pattern may match, at the most; ``is_end``: nothing follows it."""
    items, ways = list(items), 1
    for place, (kind, given) in enumerate(items):
        is_last = is_end and place == len(items) - 1
        match str(kind):
            case "MAX_REPEAT" | "MIN_REPEAT" | "POSSESSIVE_REPEAT" as repeat:
                low, high, inner = given
                often, each = min(int(high), LONGEST), _ways(inner)
                takes_rest = is_last and repeat == "MAX_REPEAT" and str(inner[0][0]) == "ANY" and often == LONGEST
                if each > 1:  # a choice inside what is repeated: each time anew
                    ways *= min(each ** min(often, LONGEST), MOST_WAYS + 1)
                if repeat != "POSSESSIVE_REPEAT" and not takes_rest:
                    ways *= max(1, often - int(low) + 1)
            case "SUBPATTERN":
                ways *= _ways(given[-1], is_end=is_last)
            case "BRANCH":
                ways *= sum(_ways(one) for one in given[1])
            case "ATOMIC_GROUP":
                ways *= _ways(given)
            case "ASSERT" | "ASSERT_NOT":
                ways *= _ways(given[1])
            case "GROUPREF_EXISTS":
                ways *= _ways(given[1]) + _ways(given[2] or ())
        ways = min(ways, MOST_WAYS + 1)  # else a number without end itself
    return ways
