"""Telling one target one message: by a command of the operator's, or through Apprise, in a process that is bounded."""

from __future__ import annotations

import asyncio
import json
import logging
import os
import signal
import sys
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import asdict, dataclass
from typing import Any

from artui.config import NotifyTarget
from artui.sanitize import sanitize

log = logging.getLogger(__name__)

TIME_LIMIT = 30.0
"""Seconds a command may take; then it is killed with all it has started."""

LAST_WORDS = 1.0
"""Seconds after the kill in which the pipe may end."""

MOST_OUTPUT = 4096
"""Bytes of what it says that go into the log."""


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
    try:
        process = await asyncio.create_subprocess_exec(
            *command, stdin=asyncio.subprocess.PIPE, stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.STDOUT,
            # In a session of its own, so that all it has started can be killed with it.
            env=_environment() | variables, start_new_session=True, cwd="/",
        )  # fmt: skip
    except (OSError, ValueError) as problem:
        return str(getattr(problem, "strerror", None) or problem)
    try:
        async with asyncio.timeout(TIME_LIMIT):
            _, said = await asyncio.gather(_feed(process, json.dumps(document).encode()), _read(process))
            code = await process.wait()
    except TimeoutError:
        if process.returncode is None:
            return f"it did not end within {TIME_LIMIT:.0f} s"
        said, code = "", process.returncode  # it has ended; a child of its holds the pipe open
    finally:
        with suppress(ProcessLookupError):  # what it left running goes with it
            os.killpg(process.pid, signal.SIGKILL)
        with suppress(TimeoutError):  # wait() lasts until the pipe ends, and a full one that nobody reads never does
            async with asyncio.timeout(LAST_WORDS):
                await _read(process)
                await process.wait()
    if said:
        log.info("%s says: %s", target.name, said)
    return "" if code == 0 else f"it ended with {code}{f': {said}' if said else ''}"


def _environment() -> dict[str, str]:
    """What a command sees of ours: everything but the keys of accounts, and where a service is handed them."""
    return {
        name: value
        for name, value in os.environ.items()
        if not (name.startswith("ARTUI_") and "TOKEN" in name) and name != "CREDENTIALS_DIRECTORY"
    }


async def _feed(process: asyncio.subprocess.Process, document: bytes) -> None:
    """Hand over the message; a command that does not read it is no failure."""
    assert process.stdin is not None  # noqa: S101 — it was asked for
    with suppress(ConnectionError):
        process.stdin.write(document)
        await process.stdin.drain()
    process.stdin.close()


async def _read(process: asyncio.subprocess.Process) -> str:
    """The beginning of what it says, in a line; the rest is read and thrown away, so that a flood stops nothing."""
    assert process.stdout is not None  # noqa: S101 — it was asked for
    kept = b""
    while block := await process.stdout.read(65_536):
        kept += block[: max(0, MOST_OUTPUT - len(kept))]
    return sanitize(" ".join(kept.decode("utf-8", "replace").split()), 300)
