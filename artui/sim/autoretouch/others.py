"""What others of an organization have ordered: entries of the list that nobody here asked for and that cost nothing."""

from __future__ import annotations

import time
import uuid
from collections import defaultdict
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

_APART = 60.0  # seconds between two of those that were there before


class Others:
    """The entries of others, by workflow, as many as the switches say."""

    def __init__(self) -> None:
        self._begun = time.time()
        self._came: defaultdict[str, list[float]] = defaultdict(list)

    def come(self, workflow: str, number: int) -> None:
        """Let others order so many now."""
        self._came[workflow] += [time.time()] * number

    def times(self, workflow: str, before: int) -> list[float]:
        """When each was made, the newest first; ``before`` were there from the beginning."""
        return [*reversed(self._came[workflow]), *(self._begun - _APART * (n + 1) for n in range(before))]

    def document(self, workflow: str, place: int, made: float, odd: Mapping[str, Any]) -> dict[str, Any]:
        """What the list says of one of them, the newest being at ``place`` 0; that one says ``odd`` things as well."""
        number = len(self._came[workflow]) - place
        content = uuid.uuid5(uuid.NAMESPACE_OID, f"{workflow} {number}")
        stamp = datetime.fromtimestamp(made, UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
        document: dict[str, Any] = {
            "id": str(content), "workflow": workflow, "workflowVersion": "theirs", "status": "COMPLETED",
            "createdAt": stamp, "startedAt": stamp, "finishedAt": stamp, "inputFileName": "theirs.jpg",
            "inputContentHash": content.hex * 2, "labels": {"sku": str(number)}, "chargedCredits": 10,
        }  # fmt: skip
        return {**document, **(odd if place == 0 else {})}
