"""Opening artui's own files: regular ones that nobody else can write, never through a link, never waiting for a FIFO.

Whose they are and who may write them is judged as ssh and git do it: they must belong to this user or to root; root may
also use those of the user who called ``sudo``.
"""

from __future__ import annotations

import errno
import os
import shlex
import stat
from contextlib import suppress
from pathlib import Path

from artui.config.system import user_name

SECRET = stat.S_IRWXG | stat.S_IRWXO
"""What no one but the owner may have of a file that holds a secret."""

OTHERS_WRITE = stat.S_IWGRP | stat.S_IWOTH
"""What no one but the owner may have of a folder in which secrets lie."""


class NotPrivate(OSError):
    """A file or folder of artui's own is not used: somebody else could have made or changed it, or it is a link or no
    regular file. As text it is the whole sentence: which, why, and what to do."""

    def __str__(self) -> str:
        return f"{self.filename} {self.strerror}"


def open_private(
    file: Path, flags: int = os.O_RDONLY, *, forbidden: int = stat.S_IWOTH, through_link: bool = False
) -> int:
    """Open one of artui's own files, 0600 from birth where ``flags`` make it; returns the descriptor.

    ``forbidden`` are the mode bits it must not have. ``through_link`` is for what a person may keep elsewhere: then the
    file that the link leads to is judged, and the folders on the way to it. Raises NotPrivate, or another OSError.
    """
    flags |= os.O_NONBLOCK | os.O_NOCTTY | os.O_CLOEXEC | (0 if through_link else os.O_NOFOLLOW)
    try:
        descriptor = os.open(file, flags, 0o600)
    except OSError as error:
        if error.errno == errno.ELOOP:
            raise _refusal(file, "is a link and is not used: remove it") from None
        if error.errno == errno.ENXIO:  # a FIFO nobody reads, a socket, a device that is not there
            raise _refusal(file, _IRREGULAR) from None
        raise
    try:
        _judge_file(file, os.fstat(descriptor), forbidden, writes=flags & os.O_ACCMODE != os.O_RDONLY)
        if through_link:
            _judge_way(file)
    except BaseException:
        os.close(descriptor)
        raise
    return descriptor


def read_private(file: Path, *, forbidden: int = stat.S_IWOTH, through_link: bool = False) -> bytes:
    """All that one of artui's own files holds. Raises what `open_private` does."""
    with os.fdopen(open_private(file, forbidden=forbidden, through_link=through_link), "rb") as stream:
        return stream.read()


def check_private(file: Path) -> None:
    """Judge a file that something else is going to open and write; one that is missing is good. Raises NotPrivate.

    Without opening it: closing a file of SQLite's would let its locks go.
    """
    with suppress(FileNotFoundError):
        _judge_file(file, os.lstat(file), stat.S_IWOTH, writes=True)


def check_folder(folder: Path, *, forbidden: int = stat.S_IWOTH) -> None:
    """Judge a folder of artui's own, its link resolved, and those above it. Raises NotPrivate, OSError."""
    status = folder.stat()
    # As /tmp is, or another's: to change its mode is no advice.
    if status.st_mode & stat.S_IWOTH and (status.st_mode & stat.S_ISVTX or status.st_uid != os.geteuid()):
        raise _refusal(folder, f"can be written by everybody and is not used: {_ELSEWHERE}")
    _judge(folder, status, forbidden, f"{{}}, or {_ELSEWHERE}")
    _judge_way(folder)


def concerns() -> list[str]:
    """What is not good and no reason to refuse, in sentences; each is told once in a run of the program."""
    new = {place: group for place, group in _worrying.items() if place not in _told}
    _told.update(new)
    told = []
    for group in dict.fromkeys(new.values()):
        places = " ".join(shlex.quote(str(place)) for place in new if new[place] == group)
        told.append(f"Your group {group} can write what only you should: run chmod g-w {places}")
    return told


def has_concerns() -> bool:
    """Whether there are any that were not told yet."""
    return bool(_worrying.keys() - _told.keys())


_worrying: dict[Path, str] = {}
_told: dict[Path, str] = {}
_IRREGULAR = "is no regular file and is not used: remove it"
_ELSEWHERE = "set ARTUI_HOME to a folder that only you can write"


def _refusal(file: Path, complaint: str) -> NotPrivate:
    return NotPrivate(errno.EPERM, complaint, os.fspath(file))


def _judge_file(file: Path, status: os.stat_result, forbidden: int, *, writes: bool) -> None:
    if stat.S_ISLNK(status.st_mode):
        raise _refusal(file, "is a link and is not used: remove it")
    if not stat.S_ISREG(status.st_mode):
        raise _refusal(file, _IRREGULAR)
    if writes and status.st_nlink > 1:  # what is written here would change it under its other name, too
        own = shlex.quote(f"{file}.own")
        way = f"end artui, then run cp {shlex.quote(str(file))} {own} && mv {own} {shlex.quote(str(file))}"
        raise _refusal(file, f"has a second name elsewhere (a hard link) and is not used: {way}")
    _judge(file, status, forbidden, "{}")


def _judge(place: Path, status: os.stat_result, forbidden: int, advice: str) -> None:
    """Refuse what belongs to somebody else, or lets others do what they must not."""
    quoted, mode = shlex.quote(str(place)), status.st_mode
    if status.st_uid not in (0, *_us()):
        way = advice.format(f"where it is yours, run chown {os.geteuid()} {quoted}")
        raise _refusal(place, f"belongs to another user ({user_name(status.st_uid)}) and is not used: {way}")
    if forbidden & mode & ~stat.S_IWOTH:  # what everybody can write is told below
        way = advice.format(f"run chmod {'go-w' if stat.S_ISDIR(mode) else '600'} {quoted}")
        raise _refusal(place, f"is open to others and is not used: {way}")
    if mode & stat.S_IWOTH:
        way = advice.format(f"run chmod o-w {quoted}")
        raise _refusal(place, f"can be written by everybody and is not used: {way}")
    if mode & stat.S_IWGRP:
        group, is_ours = _group(status.st_gid)
        if not is_ours:
            way = advice.format(f"run chmod g-w {quoted}")
            raise _refusal(place, f"can be written by the group {group} and is not used: {way}")
        _worrying[place] = group


def _judge_way(place: Path) -> None:
    """Refuse a place of which everybody could take away a folder above it and put another in its stead."""
    # By its name, and by where that leads: either could be exchanged.
    for above in {*place.absolute().parents, *Path(os.path.realpath(place)).parents}:
        mode = above.stat().st_mode
        if mode & stat.S_IWOTH and not mode & stat.S_ISVTX:
            way = f"run chmod o-w {shlex.quote(str(above))}"
            raise _refusal(place, f"lies in {above}, which everybody can write, and is not used: {way}")


def _us() -> tuple[int, ...]:
    """The user this process runs as; for root also the one who called ``sudo``."""
    caller = os.environ.get("SUDO_UID", "")
    return (0, int(caller)) if os.geteuid() == 0 and caller.isascii() and caller.isdigit() else (os.geteuid(),)


def _group(number: int) -> tuple[str, bool]:
    """A group's name, and whether it is ours alone: the primary one of its only member, and named as that is."""
    import grp
    import pwd

    try:
        group = grp.getgrgid(number)
    except KeyError:
        return str(number), False
    ours = [user for user in pwd.getpwall() if user.pw_gid == number]
    alone = all(user.pw_uid in _us() for user in ours) and any(user.pw_name == group.gr_name for user in ours)
    return group.gr_name, alone and set(group.gr_mem) <= {group.gr_name}
