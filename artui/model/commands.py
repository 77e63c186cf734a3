"""What any process can have an engine do. Pure data."""

from __future__ import annotations

from enum import StrEnum


class Command(StrEnum):
    """One kind of request, by the word the journal keeps; the last two only an engine that watches folders knows."""

    RETRY = "retry"
    FETCH = "fetch"
    CANCEL = "cancel"
    ADOPT = "adopt"
    AGAIN = "again"
    GIVE_UP = "give up"
    TAKE = "take"
    TAKE_ALL = "take all"
    APPROVE = "approve"

    PAUSE = "pause"
    RESUME = "resume"
    REFRESH = "refresh"
    OFFER = "offer"
    DELIVER = "deliver"
    STOP = "stop"

    PAUSE_RULE = "pause rule"
    RESUME_RULE = "resume rule"
    ALLOW = "allow"

    LOOK_NOW = "look now"
    READ_RULES = "read rules"
