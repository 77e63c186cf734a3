"""What others ask of the engine: whether one runs, to have one started, to end, to hand over.

One that is started lives in a session of its own, so that it outlives the terminal.

Commands that only look come through here too: nothing an engine needs to run is imported.
"""

from __future__ import annotations

import os
import signal
import sys
import time
from collections.abc import Callable, Sequence
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

from artui.config import Paths
from artui.config.private import NotPrivate, read_private
from artui.core.health import Engine
from artui.engine.lock import AnotherEngine, EngineLock, holder, lock_is_held
from artui.journal import Connection, Journal, JournalProblem, requests
from artui.journal.requests import WATCH, EngineRow
from artui.model.commands import Command

if TYPE_CHECKING:
    import subprocess

START_PATIENCE = 20.0
"""Seconds an engine may take to come up, or, once it has the lock, to say in the journal who it is."""

STOP_PATIENCE = 150.0
"""Seconds an engine may take to end: a paid call under way is awaited up to its read time-out."""

SILENT_PATIENCE = 10.0
"""Seconds in which one that is silent may give a sign of life, and then those it may take to end by a signal."""

STALE_AFTER = 30.0
"""Seconds without a heartbeat after which an engine counts as stopped (suspended, or its disk is stuck)."""

RESTART_AFTER = 5.0
"""Seconds an engine gets to take the lock before another one is started."""

ASK_PATIENCE = 10.0
"""Seconds an engine gets to ask a service for somebody who can ask it as well."""

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


class EngineStatus(NamedTuple):
    """The engine as others see it. ``stale``: it holds the lock but has given no sign of life for a while."""

    row: EngineRow
    stale: bool

    @property
    def health(self) -> Engine:
        """What of it tells whether all is well."""
        return Engine(self.row.mode == WATCH and not self.stale, self.row.heartbeat if self.stale else None)


def find_engine(paths: Paths, journal: Journal) -> EngineStatus | None:
    """The engine that is running, None where there is none."""
    if not lock_is_held(paths):  # the lock, not the row: a killed engine's row still says "running"
        return None
    pid, host = holder(paths)
    row = journal.read(requests.engine)
    if row.pid != pid:
        # It has the lock and has not reached the journal yet: the row is still its predecessor's.
        return EngineStatus(row._replace(pid=pid, host=host, state="starting", heartbeat=None), stale=False)
    return EngineStatus(row, row.heartbeat is not None and time.time() - row.heartbeat > STALE_AFTER)


def told_silent(alive: EngineStatus, paths: Paths) -> str:
    """What is said of an engine that gives no sign of life."""
    pid = alive.row.pid
    return (
        f"The engine (process {pid}) gives no sign of life: it is suspended (`kill -CONT {pid}` wakes it), or cannot"
        f" write the journal (the end of {paths.log} says so)"
    )


def stop_engine(paths: Paths, journal: Journal) -> EngineRow | None:
    """Have the running engine end in order and wait until it has; returns what it was, None where none ran. One that
    gives no sign of life is sent a signal.

    Raises :class:`AnotherEngine` where it does not end: it is suspended, or a paid call of it is still under way.
    """
    alive, deadline = find_engine(paths, journal), time.monotonic() + SILENT_PATIENCE
    while alive is not None and alive.stale and time.monotonic() < deadline:
        time.sleep(0.1)  # a machine that wakes up finds the sign of life old at first
        alive = find_engine(paths, journal)
    if alive is None:
        return None
    if alive.stale:
        try:
            end_by_signal(paths, SILENT_PATIENCE)
        except AnotherEngine:
            said = f"{told_silent(alive, paths)}. It was told to end, and does once it can."
            raise AnotherEngine(said) from None
        return alive.row
    # Named by its process: the one that follows it must not end by this.
    number = journal.write(lambda db: requests.enqueue(db, Command.STOP, pid=alive.row.pid))
    deadline = time.monotonic() + STOP_PATIENCE
    # The lock is let go with the process.
    while (now := find_engine(paths, journal)) is not None and now.row.pid == alive.row.pid:
        if time.monotonic() > deadline:
            raise AnotherEngine(f"The engine (process {alive.row.pid}) still ends; a paid call is under way.")
        time.sleep(0.1)
    journal.write(_withdraw, number)
    return alive.row


def end_by_signal(paths: Paths, patience: float = STOP_PATIENCE) -> int | None:
    """Have the running engine end in order without the journal, and wait until it has, for so many seconds; returns its
    process, None where none ran. Raises :class:`AnotherEngine` where it does not end."""
    pid, _ = holder(paths)
    if pid is None or not lock_is_held(paths):
        return None
    with suppress(ProcessLookupError):
        os.kill(pid, signal.SIGTERM)
    deadline = time.monotonic() + patience
    while lock_is_held(paths):
        if time.monotonic() > deadline:
            raise AnotherEngine(f"The engine (process {pid}) still ends; a paid call is under way.")
        time.sleep(0.1)
    return pid


def _withdraw(db: Connection, number: int) -> None:
    """Take a request back that no engine has answered: the next one must not end by it."""
    for request in requests.pending(db):
        if request.id == number:
            requests.finish(db, request, "the engine had ended by then")


def take_over(paths: Paths, journal: Journal, tell: Callable[[str], object]) -> EngineLock:
    """Take the lock; an engine in the background ends in order first, and its jobs go on here.

    Raises :class:`AnotherEngine` where folders are watched already, or where that engine does not end.
    """
    patience = time.monotonic() + START_PATIENCE
    while True:
        with suppress(AnotherEngine):
            return EngineLock(paths)
        alive = find_engine(paths, journal)
        if alive is None or (alive.row.state == "starting" and time.monotonic() < patience):
            continue  # it has ended by now, or says in a moment who it is
        if alive.row.mode == WATCH:
            raise AnotherEngine(
                f"`artui watch` runs already (process {alive.row.pid} on {alive.row.host}). `artui status` shows it."
            )
        tell(f"The engine in the background (process {alive.row.pid}) hands over.")
        stop_engine(paths, journal)


def ensure_running(paths: Paths, journal: Journal) -> EngineStatus:
    """The running engine, or one started in the background; it has put right what the last one left.

    One that is about to end is waited for: what was added while it ended is another one's work.

    Raises JournalProblem with the end of its log where none comes up.
    """
    deadline = time.monotonic() + START_PATIENCE
    started, child = -RESTART_AFTER, None
    if _ahead and _ahead[1].poll() is None:  # one that has ended says nothing of the next
        started, child = _ahead
    while (now := time.monotonic()) < deadline:
        alive = find_engine(paths, journal)
        if alive is not None and alive.row.state == "running":
            return alive
        if alive is None and child is not None and child.poll():  # 0: another one was faster, which is waited for
            break  # it ended with an error, which its log tells
        if alive is None and now - started > RESTART_AFTER:
            started, child = now, _spawn()
        time.sleep(0.03)
    raise JournalProblem(f"No engine came up. The end of {paths.log} says:\n{_end_of(paths.log)}")


def ask(paths: Paths, journal: Journal, command: Command, **arguments: Any) -> str | None:
    """What the engine that runs answers to a request that is for this process alone; None where none runs, or it
    refuses, or takes longer than ``ASK_PATIENCE``."""
    alive = find_engine(paths, journal)
    if alive is None or alive.stale or alive.row.state != "running":
        return None
    number = journal.write(lambda db: requests.enqueue(db, command, **arguments))
    reply, deadline = None, time.monotonic() + ASK_PATIENCE
    try:
        while reply is None and time.monotonic() < deadline:
            time.sleep(0.01)
            reply = journal.read(requests.outcome, number)
    finally:
        journal.write(requests.forget, number)
    return None if reply is None or reply.refused else reply.message


def start_watching(paths: Paths, journal: Journal) -> EngineStatus:
    """Have `artui watch` work through the rules in the background, and wait until it does; an engine that runs hands
    over to it.

    Raises JournalProblem with what it said where it does not come up.
    """
    from subprocess import PIPE

    child, deadline = _spawn(WATCHER, stderr=PIPE), time.monotonic() + START_PATIENCE
    assert child.stderr  # noqa: S101 — it was asked for
    with child.stderr as stderr:  # what is said later has its log
        while True:
            alive = find_engine(paths, journal)
            if alive is not None and alive.row.mode == WATCH and alive.row.state == "running":
                return alive
            if child.poll():
                said = stderr.read().decode("utf-8", "replace").strip().rpartition("\n")[2]
                raise JournalProblem(f"Watching did not begin. {said or f'The end of {paths.log} may say why.'}")
            if alive is None and time.monotonic() > deadline:
                raise JournalProblem(f"Watching has not begun yet. `artui status` and {paths.log} say why.")
            time.sleep(0.05)


def stop_watching(paths: Paths, journal: Journal) -> None:
    """Have the `artui watch` that runs end in order; an engine in the background goes on with its jobs.

    Raises JournalProblem where it does not end, or no engine comes up.
    """
    try:
        stop_engine(paths, journal)
    except AnotherEngine as problem:
        raise JournalProblem(str(problem)) from None
    ensure_running(paths, journal)


def start_ahead(paths: Paths) -> None:
    """Start an engine where none runs, for work that is about to be added: :func:`ensure_running` waits for it."""
    global _ahead
    if not lock_is_held(paths):
        _ahead = time.monotonic(), _spawn()


_ahead: tuple[float, subprocess.Popen[bytes]] | None = None
"""The engine that was started ahead, and when."""

_children: list[subprocess.Popen[bytes]] = []
"""Engines this process has started: kept so that their end is noticed, never waited for."""


ENGINE, WATCHER = ("artui.engine.process",), ("artui", "watch")
"""The modules that are an engine, with their arguments: one that ends where nothing is to do, and one that watches."""


def _spawn(module: Sequence[str] = ENGINE, *, stderr: int | None = None) -> subprocess.Popen[bytes]:
    """Start an engine in a session of its own, so that closing the terminal does not end it."""
    import subprocess

    _children[:] = [child for child in _children if child.poll() is None]
    null = subprocess.DEVNULL
    # Absolute, for its own folder will be another.
    named = {name: os.path.abspath(os.environ[name]) for name in TRUSTED if os.environ.get(name)}  # noqa: PTH100
    child = subprocess.Popen(  # noqa: S603 — our own interpreter and module
        _engine_command(module), start_new_session=True, cwd="/", env={**os.environ, **named}, stdin=null, stdout=null,
        stderr=null if stderr is None else stderr,
    )  # fmt: skip
    _children.append(child)
    return child


def _engine_command(module: Sequence[str] = ENGINE) -> list[str]:
    """The command that is an engine; where logout kills what a session started, the user's manager starts it."""
    # By this very interpreter: the engine is of the same version as whoever starts it.
    command = [sys.executable, "-m", *module]
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
