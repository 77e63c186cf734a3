"""Filestack's addresses: ``[/APIKEY] /TASK[/TASK...] [/SOURCE]``, read as they came, before anything is decoded."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from urllib.parse import unquote

_WITHOUT_PARAMETERS = frozenset({"store", "tags", "sfw", "ocr"})
_TASK = re.compile(r"([a-z_]+)=(.*)", re.DOTALL)
_COMMA = re.compile(r",(?![^\[]*\])")  # none of those inside a list in brackets


@dataclass(slots=True)
class Address:
    """One processing address: the key that came first, the tasks by name, and what they are for."""

    key: str = ""
    tasks: dict[str, Mapping[str, str]] = field(default_factory=dict)
    source: str = ""

    @property
    def call(self) -> str:
        """What it asks for, as the fault switches name it."""
        for task, call in (("run_workflow", "run"), ("workflow_status", "status"), ("store", "restore")):
            if task in self.tasks:
                return call
        if {"tags", "sfw", "ocr"} & self.tasks.keys():
            return "describe"
        return "metadata" if self.source.endswith("/metadata") else "download"


def read(path: str) -> Address:
    """Take an address apart; ``path`` begins with a slash."""
    found = Address()
    segments = path.removeprefix("/").split("/")
    for place, segment in enumerate(segments):
        further = len(segments) - place - 1
        task = _TASK.fullmatch(segment)
        if task:
            text = task[2]
            pairs = (part.partition(":") for part in _COMMA.split(unquote(text)))
            found.tasks[task[1]] = {name: value for name, _, value in pairs}
        elif segment in _WITHOUT_PARAMETERS and further:
            found.tasks[segment] = {}
        elif place == 0 and further and not segment.endswith(":") and segments[1] != "metadata":
            found.key = segment
        else:
            found.source = unquote("/".join(segments[place:])).strip('"')
            break
    return found
