"""What each service says, as its JSON has it, and what it means in the program's words; nothing here asks anybody.

Whatever a service sends, a value that cannot be what it should be is no value: each type here says what it takes.
"""

from __future__ import annotations

import json
import logging
import math
import re
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from functools import lru_cache
from typing import Annotated, Any, Final, TypeVar

from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, StringConstraints, model_validator
from pydantic.alias_generators import to_camel

from artui.providers.base.misfits import excerpt, keep, misfit, value
from artui.sanitize import sanitize

log = logging.getLogger(__name__)

MOST: Final = 10**9
"""The most that anything costs, or that a balance holds, in an account's unit; more is a mistake of somebody."""

LONGEST: Final = 10_000
"""Characters of a text, longer ones are cut."""

_EPOCH: Final = re.compile(r"[0-9]{9,19}(\.[0-9]*)?")
_ORDINAL: Final = re.compile(r"([0-9]{4})-?([0-9]{3})(?![0-9-])(.*)", re.DOTALL)
_END_OF_MINUTE: Final = re.compile(r"(T[0-9]{2}:?[0-9]{2}:?)60")
_END_OF_DAY: Final = re.compile(r"T24(:?00)?(:?00)?(?![0-9])")
_EARLIEST, _LATEST = datetime(2000, 1, 1, tzinfo=UTC), datetime(2100, 1, 1, tzinfo=UTC)


class WireModel(BaseModel):
    """Something a service says in JSON, its keys in camelCase. Null is the same as nothing."""

    model_config = ConfigDict(alias_generator=to_camel)

    @model_validator(mode="before")
    @classmethod
    def _without_nulls(cls, said: object) -> object:
        if isinstance(said, dict):
            # So that the default stands where a service says null, as for a key that is not there.
            return {key: value for key, value in said.items() if value is not None}
        return said


Shape = TypeVar("Shape", bound=WireModel)


def readable(entries: Sequence[object], shape: type[Shape]) -> tuple[list[Shape], list[object]]:
    """The entries of a list in the given shape, and those that cannot be read, as they came."""
    found: list[Shape] = []
    odd: list[object] = []
    for entry in entries:
        try:
            found.append(shape.model_validate(entry))
        except Exception as why:  # noqa: BLE001 — it is told, and hides no other entry
            tell_odd(entry, why)
            odd.append(entry)
    return found, odd


def tell_odd(entry: object, why: Exception) -> str:
    """Have the log keep an entry of a list that cannot be read; returns what of it does not fit."""
    said, text = misfit(entry, why), json.dumps(entry, ensure_ascii=False, default=str)
    if not isinstance(why, ValueError):
        log.error("an entry of a list cannot be read: %s", excerpt(text), exc_info=why)
    named = f" {value(entry['id'])}" if isinstance(entry, dict) and "id" in entry else ""
    keep(f"the entry{named} of a list cannot be read: {said}", text)
    return said


@lru_cache(maxsize=256)
def tell(sentence: str) -> None:
    """Tell of what a service says that cannot be, once each."""
    log.warning("%s", sanitize(sentence))


# ------------------------------------------------------------------------------------------------------------- numbers


def number(said: object) -> float | None:
    """A finite number, also one that came as text; None for anything else."""
    if isinstance(said, str):
        try:
            # What Python alone takes for a number (1_000, other scripts' digits) no service means as one.
            said = float(said.strip()) if len(said) < 100 and said.strip().isascii() and "_" not in said else None
        except ValueError:
            return None
    if isinstance(said, bool) or not isinstance(said, (int, float)):  # True is an int
        return None
    try:
        return said if math.isfinite(said) else None
    except OverflowError:  # an integer that no float holds
        return None


def cost(said: object) -> int | None:
    """What something costs, in whole units, a fraction rounded up; None for what no price can be."""
    found = number(said)
    # Up: a cap must not be passed by fractions.
    return math.ceil(found) if found is not None and 0 <= found <= MOST else None


def _price(said: object) -> int:
    found = cost(said)
    if found is None:
        raise ValueError("no price can be this")
    return found


def balance(said: object) -> int | None:
    """What is left, in whole units, a fraction rounded down; None for what no balance can be."""
    found = number(said)
    # Down: half a credit pays for nothing.
    return math.floor(found) if found is not None and -MOST <= found <= MOST else None


def amount(said: object) -> int | None:
    """A number of bytes and the like; None for what cannot be one."""
    found = number(said)
    return int(found) if found is not None and 0 <= found < 2**50 else None


def duration(said: object) -> float | None:
    """Seconds; None for what no span of time can be."""
    found = number(said)
    return float(found) if found is not None and 0 <= found <= 1e9 else None


Cost = Annotated[int | None, BeforeValidator(cost)]
"""A price or a charge, None where it is none."""

Price = Annotated[int, BeforeValidator(_price)]
"""What an order costs, in whole units; it must have been said, for nothing is ordered blindly."""

Amount = Annotated[int | None, BeforeValidator(amount)]
"""A number of bytes and the like, None where it is none."""

Seconds = Annotated[float | None, BeforeValidator(duration)]
"""How long something lasts, None where that cannot be."""


# --------------------------------------------------------------------------------------------------------------- times


def moment(said: object) -> datetime | None:
    """A time of a service, in UTC, as text, as epoch seconds or milliseconds, or as ``[year, month, day, …]``.

    One without a zone is UTC. None where it is no time, or none of this century, for nothing can be compared with it.
    """
    try:
        found = _moment(said)
    except (ValueError, OverflowError, TypeError, OSError):
        return None
    return found if found is not None and _EARLIEST <= found < _LATEST else None


def _moment(said: object) -> datetime | None:
    if isinstance(said, str) and not _EPOCH.fullmatch(said.strip()):
        try:
            found = datetime.fromisoformat(said)  # as nearly all are; thousands come in one list
        except ValueError:
            found = _of_iso(said.strip())
        return (found if found.tzinfo else found.replace(tzinfo=UTC)).astimezone(UTC)
    if isinstance(said, (list, tuple)):
        year, month, day, *clock = (int(part) for part in said)
        hour, minute, second, nanoseconds = [*clock, 0, 0, 0, 0][:4]
        found = datetime(year, month, day, hour, minute, second, tzinfo=UTC)
        return found + timedelta(microseconds=nanoseconds // 1000)
    epoch = number(said)
    if epoch is None or epoch > 1e20:  # finer than nanoseconds: no time
        return None
    while epoch > 1e11:  # milliseconds, or finer
        epoch /= 1000
    return datetime.fromtimestamp(epoch, UTC)


def _of_iso(said: str) -> datetime:
    """A time in those forms of ISO 8601 that Python's own reader does not take."""
    said = said.upper().replace("\u2212", "-").partition("[")[0]  # Java names the zone after it, in brackets
    said = re.sub(r"\s+(?=(Z|[+-][0-9:]+)$)", "", said).strip()
    late = timedelta()
    if ordinal := _ORDINAL.fullmatch(said):
        year, day, rest = ordinal.groups()
        said, late = f"{year}-01-01{rest}", timedelta(days=int(day) - 1)
    if _END_OF_DAY.search(said):
        said, late = _END_OF_DAY.sub("T00:00:00", said), late + timedelta(days=1)
    if _END_OF_MINUTE.search(said):
        said, late = _END_OF_MINUTE.sub(r"\g<1>59", said), late + timedelta(seconds=1)
    return datetime.fromisoformat(said) + late


def _time(said: object) -> str:
    found = moment(said)
    return "" if found is None else found.isoformat(timespec="microseconds").replace("+00:00", "Z")


Time = Annotated[str, BeforeValidator(_time)]
"""A time in one spelling, ISO 8601 in UTC; empty where it is none."""


# --------------------------------------------------------------------------------------------------------------- texts


def text(said: object) -> str:
    """Text, not too long; numbers as they are written; empty for anything else."""
    if isinstance(said, bool) or not isinstance(said, (str, int, float)):
        return ""
    return str(said)[:LONGEST]  # what decides nothing must not fill the journal


def bare(said: str) -> str:
    """A word that is all a service says, such as an id: without white space around it, and without its JSON quotes."""
    said = said.strip()
    return said[1:-1].strip() if len(said) > 1 and said[0] == said[-1] == '"' else said


def _word(said: object) -> str:
    return " ".join(text(said).split())[:200]


def _words(said: object) -> object:
    found = (said,) if isinstance(said, str) else said if isinstance(said, (list, tuple)) else ()
    return tuple(filter(None, map(_word, found)))


Text = Annotated[str, BeforeValidator(text)]
"""Text that decides nothing."""

Word = Annotated[str, BeforeValidator(_word)]
"""A short text on one line, such as a state."""

Status = Annotated[str, StringConstraints(min_length=1), AfterValidator(_word)]
"""What something is doing, in the service's word; it must have said so."""

Object = Annotated[dict[str, Any], BeforeValidator(lambda said: said if isinstance(said, dict) else {})]
"""An object, empty where something else came."""

Words = Annotated[tuple[str, ...], BeforeValidator(_words)]
"""Short texts, also where there is but one without a list around it."""

List = Annotated[tuple[Any, ...], BeforeValidator(lambda said: said if isinstance(said, (list, tuple)) else ())]
"""A list, empty where something else came."""
