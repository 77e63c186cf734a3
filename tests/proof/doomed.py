"""The real engine in a hurry, which ends itself with SIGKILL at its n-th point.

Points are found by counting, so that a new step is swept by itself: before and after every commit that changes
anything, before every request and after the head of its answer, and before every step by which a file comes, goes or is
made durable. The product knows nothing of this.
"""

from __future__ import annotations

import os
import signal
import sys
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

import apsw
import httpx

from artui import cli
from artui.engine import process
from artui.providers.http.transport import Transport
from tests.proof.hurried import hurry

NEVER = 10**9
"""A point that no run reaches: the engine lives, and its points are counted."""

CHECKPOINT = 1000
"""Pages of the write-ahead log after which SQLite brings them into the journal's file."""

PASSED_OVER = (".transfers", "transfers", "engine.", "journal.", ".artui-probe-")
"""How files are named that hold nothing a later run reads, or whose commits are points already."""

Reach = Callable[[str], None]
"""Called at each point with what it is."""


def engine(point: int, told: str) -> int:
    """Be the engine until its point; a line for each one it passes goes to the file ``told``."""
    hurry()
    reach = _countdown(point, Path(told))
    watch_commits(reach)
    watch_requests(reach)
    watch_files(reach)
    return process.main()


def _countdown(point: int, told: Path) -> Reach:
    turn, passed = threading.Lock(), 0
    lines = os.open(told, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC, 0o600)

    def reach(what: str) -> None:
        nonlocal passed
        with turn:  # the writer of the journal and the event loop both come by
            passed += 1
            os.write(lines, f"{passed} {what}\n".encode())
            if passed == point:
                os.kill(os.getpid(), signal.SIGKILL)

    return reach


def watch_commits(reach: Reach) -> None:
    """A point before and after each commit that changes anything."""

    def opened(db: apsw.Connection) -> None:
        counted = db.total_changes()

        def before() -> bool:
            nonlocal counted
            if (now := db.total_changes()) != counted:
                counted = now
                reach("before a commit")
            return False

        def after(_db: apsw.Connection, _name: str, pages: int) -> int:
            reach("after a commit")
            if pages >= CHECKPOINT:  # this hook stands where SQLite's own would do it
                db.wal_checkpoint(mode=apsw.SQLITE_CHECKPOINT_PASSIVE)
            return apsw.SQLITE_OK

        db.set_commit_hook(before)
        db.set_wal_hook(after)

    apsw.connection_hooks.append(opened)


def watch_requests(reach: Reach) -> None:
    """A point before each request leaves, and one as its answer begins."""
    send = Transport.handle_async_request

    async def watched(self: Transport, request: httpx.Request) -> httpx.Response:
        what = f"{request.method} {request.url.path}"
        reach(f"before {what}")
        answer = await send(self, request)
        reach(f"after {what}")
        return answer

    Transport.handle_async_request = watched  # type: ignore[method-assign]


def watch_files(reach: Reach) -> None:
    """A point before each step that changes a folder or makes a file durable; the next point is the one after it."""

    def heard(event: str, arguments: tuple[Any, ...]) -> None:
        creates = event == "open" and isinstance(arguments[0], str | bytes) and arguments[2] & os.O_CREAT
        if creates or event in ("os.link", "os.remove", "os.rename", "os.mkdir", "os.rmdir"):
            name = os.path.basename(os.fsdecode(arguments[0]))  # noqa: PTH119 — bytes, too
            if not name.startswith(PASSED_OVER):
                reach(f"{event} {name}")

    sync = os.fsync

    def watched(descriptor: int) -> None:
        reach("fsync")
        sync(descriptor)

    sys.addaudithook(heard)
    os.fsync = watched


def watcher(point: int, told: str) -> int:
    """Be a service that watches the folders of the settings, until its point."""
    hurry()
    reach = _countdown(point, Path(told))
    watch_commits(reach)
    watch_requests(reach)
    watch_files(reach)
    return cli.run(["watch"])
