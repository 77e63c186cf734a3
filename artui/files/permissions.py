"""Mode and group of results: given to what is ours, under a hidden name, before it gets the one it is to have."""

from __future__ import annotations

import grp
import os
import stat
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Self

_MAP = Path("/proc/self/gid_map")


@dataclass(frozen=True, slots=True)
class Permissions:
    """Who may read and write results: permission bits, None as the umask has it; a group by name, empty as it comes."""

    mode: int | None = None
    group: str = ""

    @classmethod
    def of(cls, mode: str | None, group: str | None) -> Self:
        """As settings have them: octal digits, a name; None or empty where nothing is set."""
        return cls(int(mode, 8) if mode else None, group or "")

    @property
    def at_birth(self) -> int:
        """The mode to make a file with that grows: never wider than it will be."""
        return 0o666 if self.mode is None else 0o600

    def give(self, descriptor: int) -> None:
        """Give an open file or folder of ours its group, then its mode, as far as the system lets us.

        What was meant for a group that cannot be had is given to no other: that gets what everybody gets.
        """
        found = os.fstat(descriptor)
        is_folder = stat.S_ISDIR(found.st_mode)
        has_group = True
        if self.group:
            try:
                os.fchown(descriptor, -1, grp.getgrnam(self.group).gr_gid)
            except (OSError, KeyError):
                has_group = False
        if self.mode is None:
            return
        mode = self.mode if has_group else self.mode & ~stat.S_IRWXG | (self.mode & stat.S_IRWXO) << 3
        if not is_folder:
            with suppress(OSError):
                os.fchmod(descriptor, mode)
            return
        mode |= stat.S_IRWXU | (mode & 0o444) >> 2  # who may read may enter
        for bits in (mode | found.st_mode & stat.S_ISGID, mode):  # inherited; a service may be forbidden to keep it
            with suppress(OSError):
                os.fchmod(descriptor, bits)
                break

    def lacking(self, file: Path) -> str:
        """What a saved file has not of all this, and why, for the end of a sentence; empty where nothing is amiss."""
        try:
            found = file.stat(follow_symlinks=False)
            group = grp.getgrnam(self.group).gr_gid if self.group else found.st_gid
        except KeyError:
            return group_fault(self.group)
        except OSError:
            return ""  # somebody has taken it meanwhile
        if found.st_gid != group:
            return group_fault(self.group) or f"its disk does not take the group {self.group}"
        mode = stat.S_IMODE(found.st_mode)
        if self.mode is not None and mode != self.mode:
            return f"its disk does not take the mode {self.mode:04o}, it has {mode:04o}"
        return ""


AS_USUAL = Permissions()
"""What the umask and the folder say."""


def group_fault(name: str) -> str:
    """Why files cannot be given to a group by this process; empty where they can, as far as that can be known."""
    try:
        group = grp.getgrnam(name).gr_gid
    except KeyError:
        return f"there is no group {name} here"
    if os.geteuid() == 0 or group in (os.getegid(), *os.getgroups()):
        return ""
    if not _is_mapped(group):
        return f"its unit hides the group {name} (PrivateUsers=yes): `artui service install` makes the unit anew"
    return f"artui is not in the group {name}"


def _is_mapped(group: int) -> bool:
    """Whether a group is known in the user namespace of this process; in it files can be given to no other."""
    try:
        spans = [tuple(map(int, line.split())) for line in _MAP.read_text().splitlines()]
    except (OSError, ValueError):
        return True  # a system without such
    return any(first <= group < first + count for first, _, count in spans)
