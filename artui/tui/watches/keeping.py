"""Watching as a service of this machine, by ``artui service install``: what that would do, and having it done."""

from __future__ import annotations

import os
import subprocess
import sys

TAKES = 300.0
"""Seconds in which a service is installed; an engine that runs ends in order first."""


class CannotKeep(Exception):
    """No service can be installed, or it went wrong; the text says why."""


def steps() -> list[str]:
    """What an installation does, step by step. Blocks; raises CannotKeep."""
    return _service("--dry-run").splitlines()


def install() -> None:
    """Install the service and start it. Blocks; raises CannotKeep."""
    _service("--yes")


def _service(how: str) -> str:
    """What the command prints: the same is done here and on the command line, whatever keeps services there."""
    command = [sys.executable, "-m", "artui", "service", "install", how]
    try:
        ended = subprocess.run(  # noqa: S603 — our own interpreter and module
            command, capture_output=True, text=True, check=False, timeout=TAKES, stdin=subprocess.DEVNULL,
            env={**os.environ, "NO_COLOR": "1"},
        )  # fmt: skip
    except (OSError, subprocess.TimeoutExpired) as problem:
        raise CannotKeep(f"`artui service install` did not end: {problem}") from None
    if ended.returncode:
        raise CannotKeep(" ".join(ended.stderr.split()) or f"`artui service install` failed ({ended.returncode}).")
    return ended.stdout
