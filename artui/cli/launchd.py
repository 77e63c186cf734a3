"""``artui watch`` as a launchd agent of this user, on macOS: its property list, and the commands that work with it.

An agent and no daemon: a daemon has no login keychain, and would run before anybody has unlocked the disk.
"""

from __future__ import annotations

import os
import plistlib
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from artui.cli.exits import CommandError, Exit

LABEL = "artui.watch"

Command = tuple[str, ...]

_AWAKE = 'caffeinate -i -w $$ & exec "$0" "$@"'
"""Keeps the Mac from falling asleep for as long as the process lives. It runs beside artui, not around it: launchd's
signal to end must reach artui itself, which then lets a paid call come to its end."""

ENDING = 180
"""Seconds an engine may take to end. launchd's own 20 would kill a paid call under way."""


@dataclass(frozen=True, slots=True)
class Agent:
    """What an agent is made of: the command that starts this artui, the ``options`` of ``artui watch``, the variables
    it is to see, and whose it is. ``library`` is the user's ``~/Library``."""

    command: Sequence[str]
    options: Sequence[str] = ()
    environment: Sequence[tuple[str, str]] = ()
    library: Path = Path("~/Library")
    user: int = os.getuid()

    @property
    def place(self) -> Path:
        """Where launchd looks for it at each login."""
        return self.library.expanduser() / "LaunchAgents" / f"{LABEL}.plist"

    @property
    def log(self) -> Path:
        """Where its lines go."""
        return self.library.expanduser() / "Logs" / f"{LABEL}.log"

    @property
    def _domain(self) -> str:
        return f"gui/{self.user}"

    def text(self) -> bytes:
        """The property list. Raises CommandError for a word that cannot stand in one."""
        asked = {
            "Label": LABEL,
            "ProgramArguments": ["/bin/sh", "-c", _AWAKE, *self.command, "watch", *self.options],
            "EnvironmentVariables": dict(self.environment),
            "RunAtLoad": True,
            "KeepAlive": {"SuccessfulExit": False},
            "ThrottleInterval": 10,
            "ExitTimeOut": ENDING,
            "SoftResourceLimits": {"NumberOfFiles": 4096},
            "HardResourceLimits": {"NumberOfFiles": 4096},
            "StandardOutPath": os.fspath(self.log),
            "StandardErrorPath": os.fspath(self.log),
        }
        try:
            return plistlib.dumps(asked, sort_keys=False)
        except (ValueError, UnicodeEncodeError) as odd:
            raise CommandError(Exit.USAGE, f"a path or variable cannot stand in a property list: {odd}.") from odd

    def install(self) -> list[Command]:
        """What starts it now and at each login, once :meth:`text` lies at its place; one that runs is ended first."""
        return [*self.stop(), ("launchctl", "enable", f"{self._domain}/{LABEL}"),
                ("launchctl", "bootstrap", self._domain, os.fspath(self.place))]  # fmt: skip

    def stop(self) -> list[Command]:
        """What ends it, in order; it fails where none runs. Its file goes afterwards."""
        return [("launchctl", "bootout", f"{self._domain}/{LABEL}")]

    def status(self) -> Command:
        """What tells of it; it fails where it is not installed."""
        return ("launchctl", "print", f"{self._domain}/{LABEL}")

    def logs(self, lines: int, *, follow: bool) -> Command:
        """What shows its last lines, and those to come where these are followed."""
        return ("tail", "-n", str(lines), *(["-F"] if follow else []), os.fspath(self.log))
