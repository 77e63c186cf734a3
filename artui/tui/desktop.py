"""The desktop around the terminal: its clipboard, and the program it opens a picture with."""

from __future__ import annotations

import getpass
import os
import shlex
import shutil
import subprocess
from collections.abc import Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any

from textual.app import App
from textual.content import Content

from artui.config.system import is_mac
from artui.model.job import Job
from artui.sanitize import sanitize
from artui.tui.dialogs import TextDialog


def copy(app: App[Any], text: str, shown: str = "") -> None:
    """Send a text to the terminal's clipboard, and show it, or what is ``shown`` for it, where it can be selected.

    macOS's own Terminal takes nothing for the clipboard from a program: there ``pbcopy`` gets it too.
    """
    app.copy_to_clipboard(text)
    if is_mac():
        with suppress(OSError, subprocess.TimeoutExpired):
            subprocess.run(
                ["pbcopy"],  # noqa: S607 — as the person's own shell would find it
                input=text.encode(), env={**os.environ, "LC_CTYPE": "UTF-8"}, timeout=2, check=False,
            )  # fmt: skip
    title = "Sent to your terminal; if nothing arrives, select it here"
    app.push_screen(TextDialog(title, Content(shown or text), plain=True))


def whereabouts(job: Job) -> str:
    """Path and execution in one line, as they are copied."""
    paths = [result.path for result in job.results if result.path] or [str(job.source)]
    return "  ".join([*map(sanitize, paths), sanitize(job.execution)]).strip()


def show(app: App[Any], files: Sequence[Path]) -> None:
    """Open files with the desktop's programs for them. Over SSH, where that desktop is another machine's, show their
    paths and a line that fetches them from there."""
    there = [file for file in files if file.is_file()]
    connection = os.environ.get("SSH_CONNECTION", "").split()
    if there and len(connection) == 4 and not opener():
        text = Content(fetching(there, connection))
        app.push_screen(TextDialog("To have them where you are, type there:", text, plain=True))
    elif said := open_files(files):
        app.notify(said, markup=False)


def fetching(files: Sequence[Path], connection: Sequence[str]) -> str:
    """The line that copies files from here by scp, and their paths; ``connection`` as in ``SSH_CONNECTION``."""
    _, _, host, port = connection
    where = f"{getpass.getuser()}@{f'[{host}]' if ':' in host else host}"
    sources = [shlex.quote(f"{where}:{path}") for path in files]
    told = "\n".join(sanitize(path) for path in files)
    return f"scp {f'-P {port} ' if port != '22' else ''}{' '.join(map(sanitize, sources))} .\n\n{told}"


def opener(environ: Mapping[str, str] = os.environ) -> str:
    """The program that opens a file as a double click does; empty where this session has no desktop."""
    if is_mac():
        return "" if environ.get("SSH_CONNECTION") else "open"
    has_desktop = environ.get("DISPLAY") or environ.get("WAYLAND_DISPLAY")
    return (has_desktop and shutil.which("xdg-open")) or ""


_children: list[subprocess.Popen[bytes]] = []
"""What was started: kept so that its end is noticed, never waited for."""


def open_files(files: Sequence[Path]) -> str:
    """Open files with the desktop's programs for them; returns what is said where that cannot be, else nothing."""
    program, there = opener(), [file for file in files if file.is_file()]
    if not there:
        return "There is no result on this disk yet."
    if not program:
        return "This session has no desktop to open it with; y copies the path."
    null = subprocess.DEVNULL
    _children[:] = [child for child in _children if child.poll() is None]
    try:
        for file in there:
            child = subprocess.Popen(  # noqa: S603 — the path of a result, an absolute one
                [program, os.fspath(file)], stdin=null, stdout=null, stderr=null, start_new_session=True
            )
            _children.append(child)
    except OSError as problem:
        return f"{program} cannot be started: {problem.strerror}"
    return ""
