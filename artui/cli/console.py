"""The way into the console: whether this terminal can show it, how pictures are drawn there, and its orderly end."""

from __future__ import annotations

import os
import signal
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType
from typing import TYPE_CHECKING

from artui.cli.exits import CommandError, Exit, LoggedDefect
from artui.cli.session import Session
from artui.config.system import outlive_signals

if TYPE_CHECKING:
    from artui.tui.app import Console


SLOWLY = {"TEXTUAL_FPS": "2", "TEXTUAL_ANIMATIONS": "none"}
"""How Textual is told to draw for a slow line."""

DRAWN_ON = 2
"""The file that Textual draws on: stderr."""


def has_terminal() -> bool:
    """Whether a person sits at a terminal with all three ends of this process."""
    return all(stream is not None and stream.isatty() for stream in (sys.stdin, sys.stdout, sys.stderr))


def open_console(
    session: Session,
    *,
    ascii: bool = False,  # noqa: A002 — the flag
    readonly: bool = False,
    demo: bool = False,
    low_bandwidth: bool = False,
) -> Exit:
    """Show the console until the person leaves; raises CommandError where this terminal cannot show it, and the
    defect by which the console ended, as a LoggedDefect where the log keeps it. With ``low_bandwidth`` it is drawn at
    most twice a second, without pictures.

    What it looks at runs elsewhere and goes on, however the console ends; ``demo`` tells that it does not this time.
    """
    if os.environ.get("TERM", "dumb") in ("", "dumb"):
        raise CommandError(
            Exit.USAGE, "This terminal cannot move its cursor (TERM is dumb): `artui --help` lists the commands."
        )
    import asyncio

    if low_bandwidth:
        os.environ |= SLOWLY  # before Textual is loaded, which reads them once
    from artui.config import Origin
    from artui.tui.app import Console
    from artui.tui.drawing import choose_drawing

    config = session.config
    images = "off" if low_bandwidth else config.images
    choose_drawing(images, is_set=config.sources["images"].origin is not Origin.DEFAULT)
    return asyncio.run(_show(Console(session.paths, session.config, ascii=ascii, readonly=readonly, demo=demo)))


async def _show(console: Console) -> Exit:
    with _told_to_end(console) as told:
        await console.run_async()
    if (failure := console.failure) is not None:
        from artui.engine.log import log_defect_beside

        # Not of a demo, whose folders go with it.
        log, as_json = console.paths.log, console.config.log == "json"
        if not console.demo and log_defect_beside(log, "the console ended", failure, as_json=as_json):
            raise LoggedDefect(failure, log)
        raise failure
    return Exit.INTERRUPTED if told else Exit.OK


@contextmanager
def _told_to_end(console: Console) -> Iterator[list[int]]:
    """End the console as if the person had left, where a signal says so; gives the signals that did."""
    import asyncio

    loop = asyncio.get_running_loop()
    told: list[int] = []

    def end(number: int, frame: FrameType | None) -> None:
        del frame
        told.append(number)
        if not os.isatty(DRAWN_ON):
            # Let everything still to be said to a terminal that is gone go nowhere: a failed write would stop the
            # end. The system follows a hang-up with SIGCONT, at which Textual would take the terminal anew.
            signal.signal(signal.SIGCONT, lambda *_: None)
            nowhere = os.open(os.devnull, os.O_RDWR)
            for stream in (0, 1, 2):
                os.dup2(nowhere, stream)
            os.close(nowhere)
        loop.call_soon_threadsafe(console.exit)

    outlive_signals()
    before = {number: signal.getsignal(number) for number in (signal.SIGTERM, signal.SIGHUP, signal.SIGCONT)}
    for number in (signal.SIGTERM, signal.SIGHUP):
        if before[number] is not signal.SIG_IGN:
            signal.signal(number, end)
    try:
        yield told
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def every_key() -> list[tuple[str, list[tuple[str, str]]]]:
    """The keys of the console with what they do, those that hold everywhere first, then page by page."""
    from artui.tui import key_list
    from artui.tui.app import Console

    return [("everywhere", key_list.of(Console)), *key_list.of_pages()]
