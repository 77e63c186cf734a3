"""Whether a watched folder is there, is the one that was watched, and is watched by this rule alone.

A small file in the folder says whose it is. A mount point without its disk, or another folder under the same name,
has none: that is a folder that is offline, never one whose photos are gone.
"""

from __future__ import annotations

import errno
import hashlib
import json
import os
import socket
from collections.abc import Callable
from contextlib import suppress
from dataclasses import asdict, dataclass, fields
from pathlib import Path
from typing import Self

from artui import files
from artui.config.system import machine_id, privacy
from artui.model.watching import RuleCause

NAME = ".artui-folder"
_MOST = 4096  # bytes of a marker; a longer file is none of ours


class _Unusable(Exception):
    def __init__(self, cause: RuleCause, sentence: str) -> None:
        super().__init__(sentence)
        self.cause = cause


class Offline(_Unusable):
    """The folder is not there, or it is not the one that was watched. The text says which, ``cause`` why."""


class Foreign(_Unusable):
    """The folder belongs to another artui, or to another rule. The text names it, ``cause`` says how it is known."""


@dataclass(frozen=True, slots=True)
class Marker:
    """Whose folder it is: the rule's id and name, the journal's UUID, and the machine.

    ``machine`` tells machines apart for as long as they last; ``host`` is for a person, for a Mac takes another name
    with each network. It decides only where ``machine`` is not known: in most containers, and in a marker of before.
    """

    rule: str
    name: str
    journal: str
    host: str
    machine: str = ""

    @classmethod
    def of(cls, rule: str, name: str, journal: str) -> Self:
        """The marker of a rule of this journal on this machine."""
        own = machine_id()  # is not to be shown to others as it is: machine-id(5)
        machine = hashlib.sha256(f"artui folder {own}".encode()).hexdigest()[:32] if own else ""
        return cls(rule, name.encode("utf-8", "replace").decode(), journal, socket.gethostname(), machine)

    @classmethod
    def read(cls, folder: Path) -> Self | None:
        """The marker in a folder; None where there is none. Raises :class:`Foreign` for one that cannot be read."""
        place = folder / NAME
        try:
            descriptor = os.open(place, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC)
        except FileNotFoundError:
            return None
        except OSError as error:
            sentence = f"{place} cannot be read ({error.strerror}): another user may be watching it"
            raise Foreign(RuleCause.MARKER_UNREADABLE, sentence) from error
        try:
            said = json.loads(os.read(descriptor, _MOST))
            return cls(**{field.name: said[field.name] for field in fields(cls) if field.name in said})
        except (ValueError, TypeError, OSError) as error:
            sentence = f"{place} says nothing that artui understands"
            raise Foreign(RuleCause.MARKER_UNREADABLE, sentence) from error
        finally:
            os.close(descriptor)

    def is_of(self, other: Marker) -> bool:
        """Whether both say the same, whatever the rule is called."""
        return self.rule == other.rule and self.is_of_artui(other)

    def is_of_artui(self, other: Marker) -> bool:
        """Whether both are of one journal on one machine."""
        return self.journal == other.journal and self.is_of_machine(other)

    def is_of_machine(self, other: Marker) -> bool:
        """Whether both are of one machine."""
        if self.machine and other.machine:
            return self.machine == other.machine
        return self.host == other.host


def identity(folder: Path) -> tuple[int, int]:
    """Device and inode of a watched folder. Raises :class:`Offline` where it cannot be listed."""
    try:
        with os.scandir(folder):  # a folder that lets itself be looked at but not listed would seem empty
            status = folder.stat()
    except FileNotFoundError as error:
        what = f"{folder} is not there (not mounted, renamed or deleted)"
        raise Offline(RuleCause.MISSING, what) from error
    except NotADirectoryError as error:
        raise Offline(RuleCause.NOT_A_FOLDER, f"{folder} is not a folder") from error
    except OSError as error:
        what = f"{folder} cannot be read ({privacy(error) or error.strerror})"
        raise Offline(RuleCause.UNREADABLE, what) from error
    return status.st_dev, status.st_ino


def check(
    folder: Path, ours: Marker, marked: Path | None, *, begun: bool, agreed: bool,
    lock: Callable[[Path], object] = lambda _: None,
) -> bool:  # fmt: skip
    """Whether the folder holds our marker, leaving one where that is due; False where it holds none.

    A folder that is ours, or is to be, is taken with ``lock`` first, which raises where another watcher has it.

    ``marked`` is the folder in which one was left before: it must still be there. A folder that was watched without
    one (``begun``) stays so: a mount point without its disk would only now be writable. ``agreed``: a person says that
    the folder is the right one, whatever marks it. Raises :class:`Offline`, :class:`Foreign`.
    """
    try:
        is_ours = _shows(folder, ours)
    except Foreign:
        if not agreed:
            raise
        is_ours = False
    if is_ours:
        lock(folder)
        # A marker of before says in one step which machine's it is; where it cannot be written it stays as it is.
        found = Marker.read(folder)
        if found is not None and ours.machine and not found.machine:
            with suppress(files.OutputProblem, OSError):
                _written(folder, ours).replace(folder / NAME)
        return True
    if marked == folder and not agreed:  # it held ours: now it is another folder, or its disk is not mounted
        raise _bare(folder)
    if begun and marked is None and not agreed:
        return False
    # Before our marker replaces anybody's: whoever watches there still has the lock.
    lock(folder)
    return _leave(folder, ours)


def refuse_others(folder: Path, ours: Marker) -> None:
    """Raise :class:`Offline` where a folder that held our marker does not show it, :class:`Foreign` where another's."""
    identity(folder)
    if not _shows(folder, ours):
        raise _bare(folder)


def _bare(folder: Path) -> Offline:
    sentence = f"{folder} is there without its {NAME}: not mounted, or another folder in its place"
    return Offline(RuleCause.NO_MARKER, sentence)


def _shows(folder: Path, ours: Marker) -> bool:
    """Whether a folder shows our marker; False where it has none. Raises :class:`Foreign` where it shows another's."""
    found = Marker.read(folder)
    if found is None or found.is_of(ours):
        return found is not None
    if not found.is_of_machine(ours):
        sentence = f"{folder} is watched by the artui of {found.host} (rule {found.name})"
        raise Foreign(RuleCause.OTHER_HOST, sentence)
    if found.journal != ours.journal:
        sentence = f"{folder} is watched by another artui of this machine (rule {found.name})"
        raise Foreign(RuleCause.OTHER_JOURNAL, sentence)
    sentence = (
        f"{folder} belongs to another rule of this artui, {found.name}: one of that name knows what was sent from it"
    )
    raise Foreign(RuleCause.OTHER_RULE, sentence)


def _written(folder: Path, ours: Marker) -> Path:
    """Our marker, whole and durable, under a name of its own."""
    with files.Part(files.part_path(folder, "folder", ours.rule)) as part:
        part.write(json.dumps(asdict(ours), indent=1).encode() + b"\n")
        part.finish()
    return part.path


def _leave(folder: Path, ours: Marker) -> bool:
    """Leave our marker, in place of whatever a person agreed to replace."""
    try:
        part = _written(folder, ours)
        with suppress(FileNotFoundError):
            (folder / NAME).unlink()
        files.publish(part, folder / NAME)  # never replaces: of two that mark the folder at one moment one fails
    except FileExistsError:
        sentence = f"{folder} was taken by another artui at this very moment"
        raise Foreign(RuleCause.MARKER_TAKEN, sentence) from None
    except (files.OutputProblem, OSError) as problem:
        cause = problem.__cause__ if isinstance(problem, files.OutputProblem) else problem
        if isinstance(cause, OSError) and cause.errno in (errno.EROFS, errno.EACCES, errno.EPERM, errno.ENOSPC):
            return False
        raise Offline(RuleCause.NOT_WRITABLE, str(problem)) from problem
    return True
