"""Hours in which something new is sent: ``mon-fri 07:00-19:00, sat 09:00-13:00``, over midnight too."""

from __future__ import annotations

import datetime as dt
import re
from dataclasses import dataclass

DAYS = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")
_SPAN = re.compile(r"(?:(\w{3})(?:-(\w{3}))?\s+)?(\d\d):(\d\d)-(\d\d):(\d\d)")
_DAY = 24 * 60


@dataclass(frozen=True, slots=True)
class Hours:
    """Spans of the week: the days on which each begins (Monday is 0), its begin and its end in minutes of that day; an
    end beyond 24 hours lies on the next."""

    spans: tuple[tuple[frozenset[int], int, int], ...]

    def opens(self, now: float, zone: dt.tzinfo) -> float | None:
        """When the hours begin next in a zone, in epoch seconds; None within them. A clock that is put on or back moves
        them with it."""
        today = dt.datetime.fromtimestamp(now, zone).date()
        begins = []
        for offset in range(-1, 9):
            day = today + dt.timedelta(days=offset)
            for days, begin, end in self.spans:
                if day.weekday() not in days:
                    continue
                first, last = _moment(day, begin, zone), _moment(day, end, zone)
                if first <= now < last:
                    return None
                begins.append(first)
        return min(one for one in begins if one > now)


def _moment(day: dt.date, minutes: int, zone: dt.tzinfo) -> float:
    """A time of the clock on a day, in epoch seconds."""
    later, rest = divmod(minutes, _DAY)
    at = dt.time(rest // 60, rest % 60)
    return dt.datetime.combine(day + dt.timedelta(days=later), at, zone).timestamp()


def opening(written: str | None, now: float, zone: dt.tzinfo) -> float | None:
    """When hours as they are written begin next, in epoch seconds; None within them, and where none are set."""
    return read(written).opens(now, zone) if written else None


def read(text: str) -> Hours:
    """Read hours as they are written. Raises ValueError."""
    spans = []
    for part in text.lower().split(","):
        found = _SPAN.fullmatch(part.strip())
        if not found:
            raise ValueError('must be hours like "mon-fri 07:00-19:00", several with a comma between')
        first, last, *clock = found.groups()
        days = frozenset(range(7))
        if first is not None:
            if not {first, last or first} <= {*DAYS}:
                raise ValueError(f"holds a day that is none of {', '.join(DAYS)}")
            since, until = DAYS.index(first), DAYS.index(last or first)
            days = frozenset((since + number) % 7 for number in range((until - since) % 7 + 1))
        begin, end = (60 * int(hour) + int(minute) for hour, minute in (clock[:2], clock[2:]))
        if int(clock[1]) > 59 or int(clock[3]) > 59 or begin >= _DAY or end > _DAY or begin == end:
            raise ValueError(f"holds {part.strip()!r}, which is no span of a day: 00:00-24:00 is a whole one")
        spans.append((days, begin, end if end > begin else end + _DAY))
    return Hours(tuple(spans))
