"""How many bytes a second an account may move: ``20 MB/s``, and another rate in some hours."""

from __future__ import annotations

import datetime as dt
import re
import time
from collections.abc import Sequence
from dataclasses import dataclass

from artui.config.hours import Hours
from artui.config.hours import read as read_hours

_RATE = re.compile(r"(\d{1,9}(?:\.\d{1,9})?) ?([kMG]?)(B|bit)/s(?:\s+(\S.*))?")
_TIMES = {"": 1, "k": 10**3, "M": 10**6, "G": 10**9}
LEAST = 10_000
"""Bytes a second below which services would give a transfer up."""


@dataclass(frozen=True, slots=True)
class Bandwidth:
    """Rates in bytes a second, each with its hours, None for always; the first that holds counts."""

    rates: tuple[tuple[float, Hours | None], ...]

    def rate(self, zone: dt.tzinfo) -> float | None:
        """The bytes a second that may move now, by the clock of a zone; None where there is no bound."""
        now = time.time()
        return next((rate for rate, hours in self.rates if hours is None or hours.opens(now, zone) is None), None)


def read(written: Sequence[str]) -> Bandwidth:
    """Read rates as they are written. Raises ValueError."""
    rates = []
    for text in written:
        if not (found := _RATE.fullmatch(text.strip())):
            raise ValueError('must be a rate like "20 MB/s" or "160 Mbit/s", or ["5 MB/s mon-fri 07:00-19:00", …]')
        number, times, unit, hours = found.groups()
        rate = float(number) * _TIMES[times] / (8 if unit == "bit" else 1)
        if rate < LEAST:
            raise ValueError(f"must be at least {LEAST // 1000} kB/s")
        rates.append((rate, read_hours(hours) if hours else None))
    return Bandwidth(tuple(rates))
