"""What the service manager is told about this process: systemd's notification protocol, one datagram at a time."""

from __future__ import annotations

import os
import socket
import time
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass

UNIT = "artui-watch"
"""What the service is called."""

FAILED_UNIT = "artui-failed"
"""What is called where it has failed for good."""


@dataclass(frozen=True, slots=True)
class Manager:
    """The service manager that started this process; without one, telling it anything does nothing.

    ``address`` is its socket, a path or ``@`` and an abstract name. ``patience`` are the seconds without a sign of life
    after which it kills this process, None where it does not. Source: sd_notify(3), sd_watchdog_enabled(3).
    """

    address: str = ""
    patience: float | None = None

    @classmethod
    def of(cls, environ: Mapping[str, str] = os.environ) -> Manager:
        """The manager that the environment of this process names."""
        span, pid = environ.get("WATCHDOG_USEC", ""), environ.get("WATCHDOG_PID", str(os.getpid()))
        # The variables may be inherited, and meant for a parent.
        guards = span.isdigit() and int(span) > 0 and pid == str(os.getpid())
        return cls(environ.get("NOTIFY_SOCKET", ""), int(span) / 1e6 if guards else None)

    def ready(self) -> None:
        """The service works, for the first time or again after :meth:`reloading`."""
        self._tell("READY=1")

    def status(self, line: str) -> None:
        """How things stand, in one line that ``systemctl status`` shows."""
        self._tell(f"STATUS={' '.join(line.split())}")

    def alive(self) -> None:
        """A sign of life for the watchdog."""
        self._tell("WATCHDOG=1")

    def reloading(self) -> None:
        """The settings are read again; :meth:`ready` follows."""
        # Type=notify-reload wants the time with it.
        self._tell(f"RELOADING=1\nMONOTONIC_USEC={time.monotonic_ns() // 1000}")

    def stopping(self) -> None:
        """The service ends in order."""
        self._tell("STOPPING=1")

    def _tell(self, message: str) -> None:
        if not self.address:
            return
        address = f"\0{self.address[1:]}" if self.address.startswith("@") else self.address
        # A manager that is gone or busy must never hold up or end the service.
        with suppress(OSError), socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as sender:
            sender.setblocking(False)
            sender.sendto(message.encode(errors="backslashreplace"), address)
