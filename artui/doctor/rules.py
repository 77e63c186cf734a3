"""The watched folders: whether each is there, can be read and written, and on what kind of disk it lies."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path
from typing import Final

from artui import files
from artui.config import Config, ConfigError
from artui.doctor.finding import Finding, Level
from artui.doctor.machine import room
from artui.watch.rules import Rule, load_rules
from artui.watch.waking import is_text, limit_reached

NETWORK: Final = frozenset(
    {"9p", "afs", "ceph", "cifs", "fuse.sshfs", "lustre", "ncpfs", "nfs", "nfs4", "smb3", "smbfs"}
)
"""File systems of other machines: they send no notice of what another machine puts there."""


def examine_rules(config: Config) -> Iterator[Finding]:
    """Look at the folder and the output of every rule."""
    try:
        rules = load_rules(config)
    except ConfigError as problem:
        yield Finding("watched folders", "rules", Level.FAULT, str(problem))
        return
    for rule in rules:
        yield _folder(rule)
        if rule.folder.is_dir() and is_text(rule.folder):
            yield _notices(rule)
        folder = rule.target.folder
        place = next(one for one in (folder, *folder.parents) if one.is_dir())
        said = _on_its_disk(folder, place) + ("" if place == folder else ", made with the first result")
        do = "let artui write there: nothing is bought that could not be saved"
        yield room(Finding(f"rule {rule.name}", "output", Level.OK, said), place, do)


def _folder(rule: Rule) -> Finding:
    subject, folder = f"rule {rule.name}", rule.folder
    try:
        with os.scandir(folder):
            pass
    except FileNotFoundError:
        do = "mount it or make it: until then the rule is offline, and goes on by itself"
        return Finding(subject, "folder", Level.FAULT, f"{folder} is not there", do)
    except OSError as problem:
        return Finding(subject, "folder", Level.FAULT, f"{folder} cannot be read ({problem.strerror})")
    return room(
        Finding(subject, "folder", Level.OK, _on_its_disk(folder, folder)),
        folder,
        "let artui write there: its marker, done/ and failed/ lie in the folder",
    )


def _notices(rule: Rule) -> Finding:
    """Whether the system tells of what lands in the folder; without that it is scanned every 30 seconds."""
    if why := limit_reached(rule.folder, recursive=rule.recursive):
        do = "raise it in /etc/sysctl.d, or end what listens to many folders; photos are found all the same, later"
        return Finding(f"rule {rule.name}", "notices", Level.WARNING, why, do)
    most = [Path(f"/proc/sys/fs/inotify/{word}") for word in ("max_user_watches", "max_user_instances")]
    limits = ", ".join(f"{file.name} {file.read_text().strip()}" for file in most if file.exists())
    return Finding(f"rule {rule.name}", "notices", Level.OK, f"the system tells of changes ({limits or 'no limits'})")


def _on_its_disk(folder: Path, place: Path) -> str:
    kind = files.file_system(place)
    told = ", where what other machines put is found by looking" if kind in NETWORK else ""
    return f"{folder} ({kind}{told})" if kind else str(folder)
