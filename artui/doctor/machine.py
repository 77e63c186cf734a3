"""The machine as far as artui depends on it: versions, folders, journal, engine, keyring, terminal, limits, unit."""

from __future__ import annotations

import getpass
import locale
import os
import platform
import shutil
import subprocess
import sys
from collections.abc import Iterator, Mapping
from importlib import metadata
from pathlib import Path
from typing import Final

from artui import __version__, files
from artui.config import Config, ConfigError, Paths
from artui.credentials.ring import DeafKeyring, NoKeyring, Ring
from artui.doctor.finding import Finding, Level
from artui.engine.anchor import open_journal
from artui.engine.client import find_engine
from artui.files import exiftool
from artui.files.metadata import Keeping
from artui.journal import JournalProblem
from artui.watch.systemd import UNIT

LIBRARIES: Final = ("textual", "httpx", "pydantic", "watchfiles", "apsw", "keyring")
"""What a fault report needs the versions of."""

ROOM: Final = 1_000_000_000
"""Bytes below which a disk counts as nearly full."""

WATCHES: Final = 65_536
"""Folders that all programs of a user should be able to watch at once; a recursive rule takes one for each folder."""

INSTANCES: Final = 64
"""Programs of a user that should be able to watch folders at once."""


def examine_machine(paths: Paths, config: Config | None, environ: Mapping[str, str] = os.environ) -> Iterator[Finding]:
    """Look at this machine; ``config`` is None where the settings cannot be read."""
    libraries = []
    for name in LIBRARIES:
        try:
            libraries.append(f"{name} {metadata.version(name)}")
        except metadata.PackageNotFoundError:
            libraries.append(f"no {name}")
    python = f"artui {__version__}, Python {platform.python_version()} on {platform.system()} {platform.release()}"
    yield _found("versions", Level.OK, f"{python}; {', '.join(libraries)}")
    yield from _folders(paths)
    yield from _journal(paths)
    yield _keyring()
    yield _terminal(environ)
    if config is not None:
        yield from _network(config)
        yield from _exiftool(config)
        yield from _groups(config)
    yield from inotify()
    yield from _unit()


def _found(check: str, level: Level, said: str, do: str = "") -> Finding:
    return Finding("this machine", check, level, said, do)


def _folders(paths: Paths) -> Iterator[Finding]:
    try:
        paths.check()
    except ConfigError as problem:
        yield _found("config", Level.FAULT, str(problem))
        return
    for name, folder in (("config", paths.config), ("state", paths.state), ("data", paths.data)):
        place = next(one for one in (folder, *folder.parents) if one.is_dir())
        yield room(_found(name, Level.OK, str(folder)), place, "set ARTUI_HOME to a folder you can write")


def room(finding: Finding, folder: Path, do: str) -> Finding:
    """The finding of a folder, with whether it can be written and what room its disk has."""
    subject, check, said = finding.subject, finding.check, finding.said
    if not os.access(folder, os.W_OK | os.X_OK):
        return Finding(subject, check, Level.FAULT, f"{said} cannot be written", do)
    free = files.free_bytes(folder)
    if free is not None and free < ROOM:
        return Finding(
            subject, check, Level.WARNING, f"{said}: only {free / 1e6:,.0f} MB free", "make room on that disk"
        )
    said = f"{said}: " + ("free room unknown" if free is None else f"{free / 1e9:,.0f} GB free")
    return Finding(subject, check, finding.level, said, finding.do)


def _journal(paths: Paths) -> Iterator[Finding]:
    if not paths.journal.exists() and not paths.anchor.exists():
        yield _found("journal", Level.OK, "none yet: it begins with the first photo")
        return
    try:
        with open_journal(paths) as journal:
            yield _found("journal", Level.OK, str(paths.journal))
            alive = find_engine(paths, journal)
    except JournalProblem as problem:
        yield _found("journal", Level.FAULT, str(problem))
        return
    if alive is None:
        yield _found("engine", Level.OK, "none runs: one starts with the next photo")
    elif alive.stale:
        yield _found("engine", Level.FAULT, f"process {alive.row.pid} gives no sign of life", "`artui stop`")
    else:
        yield _found("engine", Level.OK, f"process {alive.row.pid} works ({alive.row.mode})")


def _keyring() -> Finding:
    """Whether a keyring answers, by asking it for what it cannot have."""
    try:
        Ring().get("artui", "doctor")
    except DeafKeyring as problem:
        return _found("keyring", Level.WARNING, str(problem), "unlock it, or `artui login --store file`")
    except NoKeyring as lack:
        return _found("keyring", Level.OK, f"{lack}: keys are kept in a file after a yes, or set from outside")
    return _found("keyring", Level.OK, "it answers")


def _terminal(environ: Mapping[str, str]) -> Finding:
    term = environ.get("TERM", "")
    encoding = locale.getpreferredencoding(False)
    size = shutil.get_terminal_size((0, 0))
    colours = "true colour" if environ.get("COLORTERM") in ("truecolor", "24bit") else "colours as TERM says"
    around = ", inside tmux" if environ.get("TMUX") else ", over SSH" if environ.get("SSH_CONNECTION") else ""
    said = f"{term or 'no TERM'}, {colours}, {encoding}, {size.columns}x{size.lines}{around}"
    if not sys.stdout.isatty():
        return _found("terminal", Level.OK, f"none: the output goes elsewhere ({encoding})")
    if term in ("", "dumb"):
        return _found("terminal", Level.WARNING, said, "the console needs a terminal: set TERM, as xterm-256color")
    if encoding.lower().replace("-", "") != "utf8":
        return _found("terminal", Level.WARNING, said, "plain signs are drawn: set LANG to a UTF-8 locale")
    if size.columns < 80 or size.lines < 24:
        return _found("terminal", Level.WARNING, said, "the console is made for 80x24 and more")
    return _found("terminal", Level.OK, said)


def _network(config: Config) -> Iterator[Finding]:
    if config.proxy is None:
        yield _found("proxy", Level.OK, "none")
    else:
        yield _found("proxy", Level.OK, f"{config.values['proxy']} ({config.sources['proxy']})")
    if config.ca_file is not None:
        said = f"certificates are checked against {config.ca_file}"
        if os.access(config.ca_file, os.R_OK):
            yield _found("certificates", Level.OK, said)
        else:
            do = "correct ca_file in config.toml"
            yield _found("certificates", Level.FAULT, f"{config.ca_file} cannot be read", do)


def _exiftool(config: Config) -> Iterator[Finding]:
    """Whether metadata can be written where an account or a rule wants it in its results."""
    wanted = [name for name, account in config.accounts.items() if account.metadata != Keeping.NONE]
    rules = [rule for rule in config.watch if rule.get("metadata", Keeping.NONE) != Keeping.NONE]
    wanted += [str(rule.get("name", rule.get("folder"))) for rule in rules]
    if wanted and (why := exiftool.fault()):
        fault, _, do = why.partition(". ")
        yield _found("exiftool", Level.FAULT, f"{fault}; wanted by {', '.join(wanted)}", do)
    elif wanted:
        yield _found("exiftool", Level.OK, f"writes metadata into results of {', '.join(wanted)}")


def _groups(config: Config) -> Iterator[Finding]:
    """Whether results can be given to the groups that accounts and rules name."""
    named = (*(account.group for account in config.accounts.values()), *(rule.get("group") for rule in config.watch))
    for name in sorted({str(group) for group in named if group}):
        fault = files.group_fault(name)
        if fault:
            do = f"correct `group` in config.toml, or `sudo usermod -aG {name} {getpass.getuser()}` and log in anew"
            yield _found("group", Level.WARNING, f"{fault}: results are saved without it", do)
        else:
            yield _found("group", Level.OK, f"results can be given to {name}")


def inotify(folder: Path = Path("/proc/sys/fs/inotify")) -> Iterator[Finding]:
    """Whether the kernel lets folders be watched, by its limits in ``folder``; nothing where there are none."""
    for name, least in (("max_user_watches", WATCHES), ("max_user_instances", INSTANCES)):
        try:
            most = int((folder / name).read_text())
        except (OSError, ValueError):
            continue  # not Linux
        if most < least:
            do = f"`sysctl fs.inotify.{name}={8 * least}`: without it photos are found by looking, seconds later"
            yield _found("inotify", Level.WARNING, f"{name} is {most:,}", do)
        else:
            yield _found("inotify", Level.OK, f"{name} is {most:,}")


def _unit() -> Iterator[Finding]:
    """How the service stands, in both service managers."""
    if (systemctl := shutil.which("systemctl")) is None:
        return
    for manager in ((), ("--user",)):
        command = [systemctl, *manager, "show", "--property=LoadState,ActiveState,UnitFileState", UNIT]
        try:
            answer = subprocess.run(command, capture_output=True, text=True, timeout=3, check=False)  # noqa: S603
        except (OSError, subprocess.TimeoutExpired):
            continue
        state = dict(line.split("=", 1) for line in answer.stdout.splitlines() if "=" in line)
        if state.get("LoadState") != "loaded":
            continue
        name = " ".join(("systemctl", *manager))
        said = f"{UNIT} ({name}): {state.get('ActiveState')}, {state.get('UnitFileState') or 'not enabled'}"
        if state.get("ActiveState") == "failed":
            do = f"`{name.replace('systemctl', 'journalctl')} -u {UNIT}` tells why"
            yield _found("service", Level.FAULT, said, do)
        elif state.get("UnitFileState") != "enabled":
            yield _found("service", Level.WARNING, said, f"`{name} enable {UNIT}` starts it after a reboot")
        else:
            yield _found("service", Level.OK, said)
