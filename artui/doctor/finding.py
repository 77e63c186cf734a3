"""One line of what was found."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum


class Level(StrEnum):
    """How much it matters: a warning works for now, a fault does not."""

    OK = "ok"
    WARNING = "warning"
    FAULT = "fault"


class Area(StrEnum):
    """What a fault is of, which is what a script does about it."""

    MACHINE = "machine"
    NETWORK = "network"
    LOGIN = "login"
    SERVICE = "service"


@dataclass(frozen=True, slots=True)
class Finding:
    """What one ``check`` of one ``subject`` (the machine, an account, a rule) found, and what to ``do`` about it."""

    subject: str
    check: str
    level: Level
    said: str
    do: str = ""
    area: Area = Area.MACHINE
