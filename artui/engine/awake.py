"""Keeping a Mac awake while photos are under way, where it runs on mains power."""

from __future__ import annotations

import os
import subprocess
from contextlib import suppress

from artui.config.system import boot_time

LOOK_AGAIN = 60.0
"""Seconds between two looks at where the power comes from."""


class Awake:
    """Has ``caffeinate`` keep this Mac awake, which ends with this process, however that ends. It blocks for a moment:
    for a thread."""

    def __init__(self) -> None:
        self._child: subprocess.Popen[bytes] | None = None
        self._looked_at = -LOOK_AGAIN

    def mind(self, *, is_busy: bool) -> None:
        """Keep awake while there is something to do and power for it, else no longer."""
        if not is_busy:
            self.end()
        elif boot_time() - self._looked_at >= LOOK_AGAIN:  # time asleep counts: after a sleep the power may be another
            self._looked_at = boot_time()
            if not _is_on_mains():
                self.end()
            elif self._child is None or self._child.poll() is not None:
                with suppress(OSError):
                    self._child = subprocess.Popen(["caffeinate", "-i", "-w", str(os.getpid())])  # noqa: S603, S607

    def end(self) -> None:
        """Let it sleep."""
        self._looked_at = -LOOK_AGAIN
        if self._child is not None:
            self._child.kill()
            self._child.wait()
            self._child = None


def _is_on_mains() -> bool:
    """Whether the power comes from the wall, as ``pmset`` says it."""
    try:
        said = subprocess.run(["pmset", "-g", "batt"], capture_output=True, timeout=2, check=False)  # noqa: S607
    except (OSError, subprocess.TimeoutExpired):
        return False
    return b"'AC Power'" in said.stdout
