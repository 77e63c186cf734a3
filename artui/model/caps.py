"""The kinds of caps. Pure data."""

from __future__ import annotations

from enum import StrEnum


class CapKind(StrEnum):
    """Which cap it is; the values are the scopes of what was spent, as the journal's sums have them."""

    RUN = "run"
    DAY = "day"
    MONTH = "month"
    BATCH = "batch"
    RULE = "rule"
    RULE_DAY = "rule day"
    RULE_MONTH = "rule month"
