"""Cheap processes for sweeps: one clean process has imported the engine and forks a child for every run.

A child costs some 20 ms where a new interpreter costs 500, and shares nothing with the tests: no thread, no socket, no
connection to the journal. ``python -m tests.proof.zygote`` is that process; :class:`Zygote` is who talks to it.
"""

from __future__ import annotations

import gc
import importlib
import json
import os
import select
import signal
import subprocess
import sys
import threading
import traceback
from collections.abc import Callable, Iterable
from contextlib import suppress
from dataclasses import dataclass
from itertools import count
from pathlib import Path
from typing import Any, Self

PATIENCE = 100.0


@dataclass(frozen=True)
class Child:
    """A process the zygote has forked. ``number``: which one of them; another may get its ``pid`` once it has ended."""

    zygote: Zygote
    number: int
    pid: int

    def poll(self) -> int | None:
        """Its exit code once it has ended, negative for the signal that ended it; None while it lives."""
        return self.zygote.code_of(self.number)

    def send(self, number: int) -> None:
        """Send it a signal, if it lives."""
        with suppress(ProcessLookupError):  # it has ended, and its end is not told yet
            if self.poll() is None:
                os.kill(self.pid, number)

    def wait(self, patience: float = PATIENCE) -> int:
        """Wait for its end, which blocks; an event loop asks :meth:`poll`."""
        return self.zygote.wait_for(lambda: self.poll(), patience)


class Zygote:
    """A zygote of our own, for as long as the block runs; children that live at its end are killed."""

    def __init__(self) -> None:
        self._codes: dict[int, int] = {}
        self._started: dict[int, int] = {}
        self._living: dict[int, int] = {}
        self._numbers = count()
        self._unread = b""

    def __enter__(self) -> Self:
        root = Path(__file__).parents[2]
        # The system shows what it was started with as what each child was, which must not be the keys of some test.
        bare = {name: text for name, text in os.environ.items() if not name.startswith("ARTUI_")}
        self._process = subprocess.Popen(
            [sys.executable, "-m", "tests.proof.zygote"],
            cwd=root, env=bare, stdin=subprocess.PIPE, stdout=subprocess.PIPE,
        )  # fmt: skip
        return self

    def __exit__(self, *_: object) -> None:
        self._process.communicate(timeout=PATIENCE)

    def spawn(self, entry: str, *arguments: Any, environment: dict[str, str] | None = None) -> Child:
        """Call ``module:function`` in a child, with arguments that are JSON, and end it with what that returns.

        It gets this process's environment as it is now, or the one given.
        """
        order = {"entry": entry, "arguments": arguments, "environment": environment or dict(os.environ)}
        assert self._process.stdin
        self._process.stdin.write(json.dumps(order).encode() + b"\n")
        self._process.stdin.flush()
        number = next(self._numbers)
        return Child(self, number, self.wait_for(lambda: self._started.get(number), PATIENCE))

    def wait_for(self, asked: Callable[[], int | None], patience: float) -> int:
        """Read what the zygote tells until something is known."""
        while (found := asked()) is None:
            assert self._listen(patience), "the zygote says nothing"
        return found

    def code_of(self, number: int) -> int | None:
        while self._listen(0):
            pass
        return self._codes.get(number)

    def _listen(self, patience: float) -> bool:
        """Take in what the zygote tells; whether it told anything."""
        assert self._process.stdout
        if not select.select([self._process.stdout], [], [], patience)[0]:
            return False
        said = os.read(self._process.stdout.fileno(), 65536)
        assert said, "the zygote has ended"
        *lines, self._unread = (self._unread + said).split(b"\n")
        for line in lines:
            word, *numbers = line.split()
            if word == b"started":
                self._living[int(numbers[0])] = len(self._started)
                self._started[len(self._started)] = int(numbers[0])
            else:
                self._codes[self._living.pop(int(numbers[0]))] = int(numbers[1])
        return True


# ------------------------------------------------------------------------------------------------- the zygote itself


def main() -> None:
    """Fork a child for every line that comes in, and tell when each starts and ends."""
    _import_everything()
    living: dict[int, int] = {}  # what tells of a child's end, with its number: a signal could come just before a read
    unread = b""
    while True:
        ready = select.select([0, *living], [], [])[0]
        for end in living.keys() & ready:
            pid = living.pop(end)
            os.close(end)
            _tell("ended", pid, os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]))
        if 0 not in ready:
            continue
        said = os.read(0, 65536)
        if not said:
            break
        *orders, unread = (unread + said).split(b"\n")
        for order in orders:
            pid = os.fork()
            if pid == 0:
                _be_born(living)
                _live(**json.loads(order))
            living[os.pidfd_open(pid)] = pid
            _tell("started", pid)
    for pid in living.values():
        os.kill(pid, signal.SIGKILL)


def _import_everything() -> None:
    """Have all that an engine needs, so that no child imports it anew; none of it may start a thread."""
    from artui import providers
    from artui.engine import process, supervisor
    from artui.providers.http.transport import trust

    for name in providers.names():
        providers.load(name)
    trust(None)  # reading the authorities takes as long as everything else a child does
    assert process
    assert supervisor
    assert threading.active_count() == 1, "a thread would be missing in every child"
    gc.collect()
    gc.freeze()


def _tell(*words: object) -> None:
    os.write(1, " ".join(map(str, words)).encode() + b"\n")


def _be_born(inherited: Iterable[int]) -> None:
    """Let go of what belongs to the zygote."""
    for descriptor in inherited:
        os.close(descriptor)
    null = os.open(os.devnull, os.O_RDWR)
    os.dup2(null, 0)
    os.dup2(null, 1)


def _live(entry: str, arguments: list[Any], environment: dict[str, str]) -> None:
    code = 70
    try:
        os.environ.clear()
        os.environ.update(environment)
        module, function = entry.split(":")
        code = getattr(importlib.import_module(module), function)(*arguments) or 0
    except SystemExit as ending:
        code = ending.code if isinstance(ending.code, int) else 1
    except BaseException:  # noqa: BLE001 — it must not go on as a second zygote
        traceback.print_exc()
    finally:
        sys.stderr.flush()
        os._exit(code)


if __name__ == "__main__":
    main()
