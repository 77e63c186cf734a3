"""Having an engine started in the background: in a session of its own, so that it outlives the terminal."""

from __future__ import annotations

import os
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING

from artui.config import Paths
from artui.config.private import NotPrivate, read_private
from artui.engine.process import START_PATIENCE, Alive, look
from artui.journal import Journal, JournalProblem

if TYPE_CHECKING:
    import subprocess

RESTART_AFTER = 5.0
"""Seconds an engine gets to take the lock before another one is started."""

TRUSTED = ("SSL_CERT_FILE", "SSL_CERT_DIR")
"""The usual variables that name the authorities to trust."""

PASSED_ON = (
    "HOME",
    "PATH",
    "LANG",
    "TZ",
    "HTTPS_PROXY",
    "https_proxy",
    "ALL_PROXY",
    "all_proxy",
    "NO_PROXY",
    "no_proxy",
    *TRUSTED,
)
"""The variables a started engine is given, beside those of artui, XDG and Python."""


def ensure_engine(paths: Paths, journal: Journal) -> Alive:
    """The running engine, or one started in the background; it has put right what the last one left.

    One that is about to end is waited for: what was added while it ended is another one's work.

    Raises JournalProblem with the end of its log where none comes up.
    """
    deadline = time.monotonic() + START_PATIENCE
    started, child = -RESTART_AFTER, None
    while (now := time.monotonic()) < deadline:
        alive = look(paths, journal)
        if alive is not None and alive.row.state == "running":
            return alive
        if alive is None and child is not None and child.poll():
            break  # it ended with an error, which its log tells
        if alive is None and now - started > RESTART_AFTER:
            started, child = now, _spawn()
        time.sleep(0.03)
    raise JournalProblem(f"No engine came up. The end of {paths.log} says:\n{_end_of(paths.log)}")


_children: list[subprocess.Popen[bytes]] = []
"""Engines this process has started: kept so that their end is noticed, never waited for."""


def _spawn() -> subprocess.Popen[bytes]:
    """Start the engine in a session of its own, so that closing the terminal does not end it."""
    import subprocess

    _children[:] = [child for child in _children if child.poll() is None]
    null = subprocess.DEVNULL
    named = {name: os.path.abspath(os.environ[name]) for name in TRUSTED if os.environ.get(name)}  # noqa: PTH100
    child = subprocess.Popen(  # noqa: S603 — our own interpreter and module
        _engine_command(), start_new_session=True, cwd="/", env={**os.environ, **named}, stdin=null, stdout=null,
        stderr=null,
    )  # fmt: skip
    _children.append(child)
    return child


def _engine_command() -> list[str]:
    """The command that is the engine; where logout kills what a session started, the user's manager starts it."""
    command = [sys.executable, "-m", "artui.engine.process"]
    if not _logout_kills():
        return command
    kept = [name for name in os.environ if name.startswith(("ARTUI_", "XDG_", "PYTHON")) or name in PASSED_ON]
    # The name alone passes a variable on; its value, perhaps a token, stays out of the command line.
    return ["systemd-run", "--user", "--quiet", "--collect", *(f"--setenv={name}" for name in kept), *command]


def _logout_kills() -> bool:
    """Whether this machine ends a user's processes with the session (logind's ``KillUserProcesses``)."""
    import shutil
    import subprocess

    if shutil.which("systemd-run") is None or shutil.which("busctl") is None:
        return False
    login = ("org.freedesktop.login1", "/org/freedesktop/login1", "org.freedesktop.login1.Manager")
    try:
        asked = subprocess.run(  # noqa: S603
            ["busctl", "get-property", *login, "KillUserProcesses"],  # noqa: S607 — found on the path just now
            capture_output=True, text=True, timeout=2, check=False,
        )  # fmt: skip
    except (OSError, subprocess.TimeoutExpired):
        return False
    return asked.stdout.strip() == "b true"


def _end_of(path: Path) -> str:
    try:
        return "\n".join(read_private(path).decode("utf-8", "replace").splitlines()[-5:])
    except NotPrivate as refusal:
        return str(refusal)
    except OSError:
        return "(there is no log)"
