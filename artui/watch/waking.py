"""The notice that something changed in a watched folder. It only hastens the next scan, and is never relied on.

The system's notices get lost when there are too many, watchfiles dies on a name that is no UTF-8, and it goes deaf when
the folder itself is replaced. It is started again, and everything is scanned after any such doubt.
"""

from __future__ import annotations

import asyncio
import errno
import os
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from watchfiles import awatch

from artui.config.system import is_mac

FIRST_REST, LONGEST_REST = 0.5, 300.0
"""Seconds before it is started again after it died."""

BEGIN = 0.1
"""Seconds after which it has surely begun to listen."""

DEBOUNCE, STEP = 400, 50
"""Milliseconds in which changes are taken together, and within which a single one is told."""

_LIMITS = {
    errno.ENOSPC: "fs.inotify.max_user_watches",
    errno.EMFILE: "fs.inotify.max_user_instances",
}


@dataclass(frozen=True, slots=True)
class Ear:
    """A folder that is listened to, by the name under which the system tells of it. ``identity`` (device, inode) tells
    it from another under the same name."""

    rule: str
    folder: Path
    identity: tuple[int, int]


def is_text(folder: Path) -> bool:
    """Whether a folder's path is UTF-8: no other can be listened to."""
    try:
        str(folder).encode()
    except UnicodeEncodeError:
        return False
    return True


class Waker:
    """Calls ``wake`` with a rule's id when something changes in its folder, or may have.

    ``tell`` hears, with a rule's id, why its folder is only scanned; empty where it is listened to again. One waker
    serves all folders that are listened to with their sub-folders, another those without.
    """

    def __init__(self, *, recursive: bool, wake: Callable[[str], None], tell: Callable[[str, str], None]) -> None:
        self._recursive = recursive
        self._wake = wake
        self._tell = tell
        self._ears: dict[str, Ear] = {}
        self._changed = asyncio.Event()

    def listen(self, ear: Ear) -> None:
        """Listen to a rule's folder."""
        if self._ears.get(ear.rule) != ear:
            self._ears[ear.rule] = ear
            self._changed.set()

    def leave(self, rule: str) -> None:
        """Listen to a rule's folder no more."""
        if self._ears.pop(rule, None):
            self._changed.set()

    async def run(self) -> None:
        """Listen until cancelled."""
        rest = FIRST_REST
        while True:
            self._changed.clear()  # before the list is read: who comes meanwhile rings again
            ears = list(self._ears.values())
            if not ears:
                await self._changed.wait()
                continue
            try:
                await self._listen(ears)
                rest = FIRST_REST
            except (asyncio.CancelledError, KeyboardInterrupt, SystemExit):
                raise
            except BaseException as death:  # noqa: BLE001 — also what Rust calls a panic
                why = _limit(death)
                for ear in ears:
                    self._tell(ear.rule, why)
                    # What was missed while it was deaf is found by a scan.
                    self._wake(ear.rule)
                with suppress(TimeoutError):
                    async with asyncio.timeout(LONGEST_REST if why else rest):
                        await self._changed.wait()
                rest = min(2 * rest, LONGEST_REST)

    async def _listen(self, ears: list[Ear]) -> None:
        """Listen to these folders until others are wanted."""
        stop = asyncio.Event()
        changing = asyncio.create_task(self._stop_on_change(stop))
        # It listens a moment after it was begun; what happened before is seen by a scan.
        listening = asyncio.get_running_loop().call_later(BEGIN, self._begun, ears)
        try:
            changes = awatch(
                # Unfiltered: the scan alone decides what is a photo.
                *(ear.folder for ear in ears), watch_filter=None, debounce=DEBOUNCE, step=STEP, stop_event=stop,
                recursive=self._recursive, ignore_permission_denied=True,
            )  # fmt: skip
            async for found in changes:
                # Our own marker and parts are no news.
                paths = [path for _, path in found if not os.path.basename(path).startswith(".artui-")]  # noqa: PTH119
                for rule in {
                    ear.rule
                    for ear in ears
                    for path in paths
                    if path == str(ear.folder) or path.startswith(f"{ear.folder}/")
                }:
                    self._wake(rule)
        finally:
            listening.cancel()
            changing.cancel()

    def _begun(self, ears: list[Ear]) -> None:
        for ear in ears:
            self._tell(ear.rule, "")
            self._wake(ear.rule)

    async def _stop_on_change(self, stop: asyncio.Event) -> None:
        await self._changed.wait()
        stop.set()


def limit_reached(folder: Path, *, recursive: bool) -> str:
    """Which of the system's limits keeps this user from listening to a folder now; empty where none does."""
    from watchfiles._rust_notify import RustNotify

    try:
        RustNotify([str(folder)], False, False, 300, recursive, True)
    except (KeyboardInterrupt, SystemExit):
        raise
    except BaseException as death:  # noqa: BLE001 — also what Rust calls a panic
        return _limit(death)
    return ""


def _limit(death: BaseException) -> str:
    """Which of the system's limits stands in the way of listening; empty where it is none."""
    for one in _flat(death) if not is_mac() else ():
        number = getattr(one, "errno", None)
        name = _LIMITS.get(number or 0) or ("fs.inotify.max_user_watches" if "limit reached" in str(one) else "")
        if name:
            return f"only scanned: the system's limit {name} is reached; `sysctl {name}` shows it"
    return ""


def _flat(death: BaseException) -> list[BaseException]:
    if isinstance(death, BaseExceptionGroup):
        return [one for inner in death.exceptions for one in _flat(inner)]
    return [death]
