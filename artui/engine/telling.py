"""Telling one target one message: by a command of the operator's, or through Apprise, in a process that is bounded."""

from __future__ import annotations

import json
import logging
import sys
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

from artui.config import NotifyTarget
from artui.engine.bounded import run

log = logging.getLogger(__name__)

TIME_LIMIT = 30.0
"""Seconds a command may take; then it is killed with all it has started."""


@dataclass(frozen=True, slots=True)
class NoticeMessage:
    """What is told: the ``count`` of notices may be more than those that stand in ``notices``."""

    topic: str
    title: str
    text: str
    host: str
    count: int
    notices: Sequence[Mapping[str, Any]] = ()


async def tell(target: NotifyTarget, message: NoticeMessage) -> str:
    """Tell a target; returns why it could not be told, empty where it was. Never raises but by a cancel."""
    document = {"schema": 1, **asdict(message)}
    command = target.command
    if target.url:
        command, document = (sys.executable, "-m", "artui.engine.by_url"), {**document, "url": target.url}
    variables = {f"ARTUI_{word.upper()}": str(getattr(message, word)) for word in ("topic", "title", "text", "count")}
    ended = await run(command, seconds=TIME_LIMIT, document=json.dumps(document).encode(), variables=variables)
    if not ended.failure:
        if ended.said:
            log.info("%s says: %s", target.name, ended.said)
        return ""
    return f"{ended.failure}{f': {ended.said}' if ended.said else ''}"
