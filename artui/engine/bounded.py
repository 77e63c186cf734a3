"""Running a command of the operator's, never through a shell, in a process that is bounded: in time, in what it may
say, and in what it sees of ours."""

from __future__ import annotations

import asyncio
import os
import signal
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass

from artui.sanitize import sanitize

LAST_WORDS = 1.0
"""Seconds after the kill in which the pipe may end."""

MOST_OUTPUT = 4096
"""Bytes of what it says that are kept, of the end."""

MOST_CELLS = 300
"""Cells of that, made printable in one line."""


@dataclass(frozen=True, slots=True)
class Ended:
    """How a command ended: ``failure`` says why not well, empty where it did; ``said`` is the end of its output."""

    failure: str
    said: str = ""


async def run(
    command: Sequence[str], *, seconds: float, document: bytes = b"", variables: Mapping[str, str] | None = None
) -> Ended:
    """Run a command in ``/`` for so many seconds at most; then it is killed, with all it has started.

    ``document`` is what it can read, ``variables`` what its environment has beside ours. Never raises but by a cancel,
    which kills it too.
    """
    # All that is ours but the keys of accounts, and where a service is handed them.
    ours = {
        name: value
        for name, value in os.environ.items()
        if not (name.startswith("ARTUI_") and "TOKEN" in name) and name != "CREDENTIALS_DIRECTORY"
    }
    try:
        process = await asyncio.create_subprocess_exec(
            *command, stdin=asyncio.subprocess.PIPE, stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.STDOUT,
            # In a session of its own, so that all it has started can be killed with it.
            env=ours | dict(variables or {}), start_new_session=True, cwd="/",
        )  # fmt: skip
    except (OSError, ValueError) as problem:
        return Ended(str(getattr(problem, "strerror", None) or problem))
    try:
        async with asyncio.timeout(seconds):
            _, said = await asyncio.gather(_feed(process, document), _read(process))
            code = await process.wait()
    except TimeoutError:
        if process.returncode is None:
            return Ended(f"it did not end within {seconds:.0f} s")
        said, code = "", process.returncode  # it has ended; a child of its holds the pipe open
    finally:
        with suppress(ProcessLookupError):  # what it left running goes with it
            os.killpg(process.pid, signal.SIGKILL)
        with suppress(TimeoutError):  # wait() lasts until the pipe ends, and a full one that nobody reads never does
            async with asyncio.timeout(LAST_WORDS):
                await _read(process)
                await process.wait()
    if code == 0:
        return Ended("", said)
    return Ended(f"it ended with {code}{f' ({signal.strsignal(-code)})' if code < 0 else ''}", said)


async def _feed(process: asyncio.subprocess.Process, document: bytes) -> None:
    """Hand over the document; a command that does not read it is no failure."""
    assert process.stdin is not None  # noqa: S101 — it was asked for
    with suppress(ConnectionError):
        process.stdin.write(document)
        await process.stdin.drain()
    process.stdin.close()


async def _read(process: asyncio.subprocess.Process) -> str:
    """The end of what it says, in a line; the rest is read and thrown away, so that a flood stops nothing."""
    assert process.stdout is not None  # noqa: S101 — it was asked for
    kept = b""
    while block := await process.stdout.read(65_536):
        kept = (kept + block)[-MOST_OUTPUT:]
    return sanitize(" ".join(kept.decode("utf-8", "replace").split()), MOST_CELLS)
