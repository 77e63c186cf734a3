"""From bytes to a file under its final name: hidden while it grows, whole and durable when it shows, replacing nothing.

Every failure to write is an `OutputProblem`: it holds downloads, it never fails a photo.
"""

from __future__ import annotations

import errno
import hashlib
import io
import os
import secrets
import shutil
import socket
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from functools import cache
from pathlib import Path
from typing import NamedTuple, Self

from artui.config.system import machine_id, privacy, rename_exclusive, sync
from artui.files import whole
from artui.files.permissions import AS_USUAL, Permissions
from artui.files.regular import Irregular, digest_of, open_regular

_PROBE = "probe-"
_UNKNOWN_CALL = {errno.EINVAL, errno.ENOSYS, errno.EOPNOTSUPP, errno.ENOTSUP}  # says a file system that cannot do it

_REASONS = {
    errno.ENOSPC: ("full", "the disk is full. Free some space; artui goes on by itself"),
    errno.EDQUOT: ("full", "the disk quota is used up. Free some space; artui goes on by itself"),
    errno.EFBIG: ("too-large", "the file system takes no file that large. Choose another output folder"),
    errno.EROFS: ("read-only", "the file system is read-only. Mount it for writing, or choose another folder"),
    errno.EACCES: ("not-allowed", "artui may not write there. Change the folder's permissions, or choose another"),
    errno.EPERM: ("not-allowed", "artui may not write there. Change the folder's permissions, or choose another"),
    errno.ENOENT: ("missing", "the folder is missing. Mount it or make it again; artui goes on by itself"),
    errno.ENOTDIR: ("not-a-folder", "a file or link stands where a folder should be. Choose another output folder"),
    errno.ELOOP: ("not-a-folder", "a file or link stands where a folder should be. Choose another output folder"),
    errno.EINVAL: ("bad-name", "the file system does not take this name. Change the output template or folder"),
    errno.EILSEQ: ("bad-name", "the file system does not take this name. Change the output template or folder"),
    errno.ENAMETOOLONG: ("name-too-long", "the name is too long for this file system. Shorten the output template"),
}


class OutputProblem(Exception):
    """Nothing can be written in `folder`.

    `reason`: full, too-large, read-only, not-allowed, missing, not-a-folder, name-too-long, bad-name, failing.
    `free_bytes` is what the disk has left, None when it does not say.
    """

    def __init__(self, folder: Path, error: OSError) -> None:
        self.reason, why = _REASONS.get(
            error.errno or 0, ("failing", f"{error.strerror or error}. Check the disk; artui tries again by itself")
        )
        why = privacy(error) or why
        self.folder = folder
        self.free_bytes = free_bytes(folder)
        name = os.fspath(folder)
        super().__init__(f"cannot write in {name if name.isprintable() else repr(name)}: {why}.")


class BadResult(Exception):
    """What was downloaded is not what was announced. `reason`: empty, short, long, digest, damaged."""

    def __init__(self, reason: str, sentence: str) -> None:
        super().__init__(sentence)
        self.reason = reason


class Written(NamedTuple):
    """What a part file holds: hex SHA-256, bytes, the type by its first bytes (None: unknown), and from which host."""

    digest: str
    size: int
    media_type: str | None
    host: str = ""


def free_bytes(folder: Path) -> int | None:
    """Bytes an ordinary user can still write to the folder's file system; None when it does not say."""
    try:
        room = os.statvfs(folder)
    except OSError:
        return None
    return room.f_bavail * room.f_frsize


def part_path(folder: Path, job_id: str | int, task: str = "") -> Path:
    """Where a job's result grows: hidden, in the output folder so that publishing never copies, the same each time."""
    mark = hashlib.sha256(f"{job_id}/{task}".encode("utf-8", "backslashreplace")).hexdigest()[:8]
    return folder / f".artui-{job_id}-{mark}.part"


class Part:
    """A part file being written. `with` removes it unless `finish` was reached.

    What a killed process left under its name is thrown away. It has its `permissions` once it is finished. Bytes are
    kept in memory until there are enough to hash and write; `size` counts them all. `is_ended` is False where nothing
    but the bytes tells whether all have come; `host` is another one than the service's own that they came from.
    Raises OutputProblem from every method but `keep`.
    """

    def __init__(self, path: Path, permissions: Permissions = AS_USUAL) -> None:
        self.path = path
        self.permissions = permissions
        self.size = 0
        self.is_ended = True
        self.host = ""
        self._digest = hashlib.sha256()
        self._head = b""
        self._kept: list[bytes] = []
        self._written = 0
        self._finished = False
        with _told_of(path.parent):
            path.unlink(missing_ok=True)
            self._file = _create(path, permissions.at_birth)

    def keep(self, data: bytes) -> bool:
        """Append some bytes, in memory; tell whether so many are there that `flush` should be called, in a thread."""
        if len(self._head) < whole.HEAD:
            self._head += data[: whole.HEAD - len(self._head)]
        self._kept.append(data)
        self.size += len(data)
        return self.size - self._written >= whole.BLOCK

    def flush(self) -> None:
        """Write what is in memory, all of it."""
        data, self._kept = b"".join(self._kept), []
        self._digest.update(data)
        with _told_of(self.path.parent):
            _write_all(self._file, data)
        self._written = self.size

    def write(self, data: bytes) -> None:
        """Append some bytes, all of them."""
        if self.keep(data):
            self.flush()

    def finish(self, expected_size: int | None = None) -> Written:
        """Make the bytes durable and close the file. Raises BadResult when it is empty or not of the size expected."""
        if self.size == 0:
            raise BadResult("empty", "the service sent an empty result; it must be fetched again")
        if expected_size is not None and self.size != expected_size:
            reason = "short" if self.size < expected_size else "long"
            raise BadResult(reason, f"the result has {self.size:,} bytes where {expected_size:,} were announced")
        self.flush()
        with _told_of(self.path.parent):
            self.permissions.give(self._file.fileno())
            sync(self._file.fileno())  # before it has its name: a name that shows leads to bytes that are there
            self._file.close()
        self._finished = True
        media_type = "text/html" if whole.is_web_page(self._head) else whole.sniff(self._head)
        return Written(self._digest.hexdigest(), self.size, media_type, self.host)

    def abort(self) -> None:
        """Close and remove the part file, in whatever state it is."""
        with suppress(OSError):  # the bytes are not wanted
            self._file.close()
        _remove(self.path)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        if not self._finished:
            self.abort()


def copy_to_part(source: Path, part: Path, digest: str, permissions: Permissions = AS_USUAL) -> Written:
    """Copy a published result to a twin's part file, hashing what is written.

    Raises FileNotFoundError when the source is gone, BadResult (digest, empty) when it no longer holds what was
    published, OSError when it cannot be read, OutputProblem when the copy cannot be written.
    """
    other = BadResult("digest", f"{source.name!r} is no longer the result that was saved there")
    try:
        # A link put in its place is none of ours: what was published is a file.
        file = open_regular(source)
    except Irregular as error:
        raise other from error
    with file, Part(part, permissions) as copy:
        while block := file.read(whole.BLOCK):
            copy.write(block)
        written = copy.finish()
        if written.digest != digest:
            copy.abort()
            raise other
    return written


def publish(part: Path, target: Path) -> None:
    """Give a finished part file its final name, durably, in the same file system.

    Nothing is ever replaced, nor a link followed. Raises FileExistsError when the name is taken, FileNotFoundError when
    the part file is gone, OutputProblem.
    """
    try:
        with _told_of(target.parent):
            _move(part, target)
            _sync_folder(target.parent)  # a name is in the folder's own blocks: without this a power cut may forget it
    except OutputProblem as problem:
        # ENOENT is said of either: here it is the part that is missing.
        if problem.reason == "missing" and target.parent.is_dir():
            raise FileNotFoundError(errno.ENOENT, os.strerror(errno.ENOENT), os.fspath(part)) from problem
        raise


def discard(part: Path) -> None:
    """Remove a part file that nobody needs any more, if there is one. Raises OutputProblem."""
    with _told_of(part.parent):
        part.unlink(missing_ok=True)


def begin_folder(build: Path) -> None:
    """Make the hidden folder in which files are laid until it is published; what a killed process left there goes.

    Raises OutputProblem.
    """
    with _told_of(build.parent):
        with suppress(FileNotFoundError):
            shutil.rmtree(build)
        build.mkdir()


def publish_folder(build: Path, target: Path, permissions: Permissions = AS_USUAL) -> None:
    """Give a folder of finished files its permissions, then its final name, durably, beside where it is.

    Nothing is ever replaced. Raises FileExistsError when the name is taken, OutputProblem.
    """
    with _told_of(target.parent):
        _sync_folder(build, permissions)  # the names in it before its own
        try:
            rename_exclusive(build, target)
        except OSError as error:
            if error.errno not in _UNKNOWN_CALL:
                raise
            # rename() alone would replace it: not in one step, but all that such a file system has.
            if os.path.lexists(target):
                raise FileExistsError(errno.EEXIST, os.strerror(errno.EEXIST), os.fspath(target)) from error
            build.rename(target)  # at worst an empty folder made this moment gives way
        _sync_folder(target.parent)


def move(source: Path, target: Path) -> None:
    """Give a file another name in the same file system, in one step, durably; missing folders are made.

    Whatever lies at the source at that moment moves. Nothing is ever replaced. Raises FileExistsError when the name is
    taken, FileNotFoundError when there is no source, OutputProblem.
    """
    with _told_of(target.parent):
        _make_folder(target.parent)
        try:
            _rename_to_new(source, target)
        except FileNotFoundError:
            if not target.parent.is_dir():
                raise
            missing = FileNotFoundError(errno.ENOENT, os.strerror(errno.ENOENT), os.fspath(source))
        else:
            _sync_folder(target.parent)
            _sync_folder(source.parent)  # else a power cut may bring the old name back beside the new one
            return
    raise missing


def published(target: Path, digest: str) -> bool:
    """Tell whether the final path holds exactly these bytes, as a regular file.

    Raises OutputProblem when that cannot be told: the folder is missing, or the disk does not answer.
    """
    with _told_of(target.parent):
        try:
            return digest_of(target) == digest
        except Irregular:
            return False
        except FileNotFoundError:
            if not target.parent.is_dir():
                raise
            return False


def probe_folder(folder: Path, permissions: Permissions = AS_USUAL, *, tidy: bool = True) -> None:
    """Make the output folder if it is missing, with these permissions, and publish a small file in it, which goes away
    again.

    `tidy`: also look through the whole folder for what killed processes left of theirs. Raises OutputProblem.
    """
    with _told_of(folder):
        _make_folder(folder, permissions)
        if tidy:
            _remove_dead_probes(folder)
    name = _probe_name()
    target = folder / f".artui-{name}"
    try:
        with Part(part_path(folder, name)) as part:
            # Almost 4 kB: a full disk may still take an empty file.
            part.write(b"artui looks whether it can write here\n" * 100)
            part.finish()
        publish(part.path, target)
    finally:
        _remove(part_path(folder, name))
        _remove(target)


def _probe_name() -> str:
    """A name that tells whose it is, by which what a dead process left is known."""
    return f"{_PROBE}{_machine()}-{os.getpid()}-{secrets.token_hex(8)}"


@cache
def _machine() -> str:
    """What tells this machine from others that write into the same folder; its own mark is not for others to read."""
    return hashlib.sha256(f"artui probe {machine_id() or socket.gethostname()}".encode()).hexdigest()[:12]


def _remove_dead_probes(folder: Path) -> None:
    """Remove what a process of this machine left that was killed while it probed."""
    # One at a time, for the folder may hold a hundred thousand results; one that cannot be listed may still be written.
    with suppress(PermissionError), os.scandir(folder) as entries:
        for entry in entries:
            start, probe, rest = entry.name.partition(f".artui-{_PROBE}{_machine()}-")
            if start or not probe:
                continue
            try:
                os.kill(int(rest.partition("-")[0]), 0)  # signal 0 only asks whether it lives
            except ProcessLookupError:
                _remove(folder / entry.name)
                with suppress(OSError):
                    (folder / entry.name).rmdir()
            except (ValueError, OverflowError, PermissionError):
                pass  # not ours to judge


@contextmanager
def _told_of(folder: Path) -> Iterator[None]:
    """What the system refuses is told of the folder. That a name is taken is no trouble, and stays FileExistsError."""
    try:
        yield
    except FileExistsError:
        raise
    except OSError as error:
        raise OutputProblem(folder, error) from error


def _move(part: Path, target: Path) -> None:
    try:
        # Fails where the name is taken, in one step on every file system that has links.
        os.link(part, target, follow_symlinks=False)
    except OSError as error:
        if error.errno not in {errno.EPERM, *_UNKNOWN_CALL}:
            raise
        _rename_to_new(part, target)
    else:
        # Both names lead to the same bytes until then: a kill in between loses nothing.
        part.unlink(missing_ok=True)


def _rename_to_new(part: Path, target: Path) -> None:
    """For file systems without links (FAT, some network shares)."""
    try:
        rename_exclusive(part, target)
    except OSError as error:
        if error.errno not in _UNKNOWN_CALL:
            raise
        _rename_to_placeholder(part, target)


def _rename_to_placeholder(part: Path, target: Path) -> None:
    """Take the name with a file that says whose it is, then replace that file.

    Killed in between, the next attempt recognises the file as its own.
    """
    note = b"artui saves a result here: " + os.fsencode(part.name) + b"\n"
    try:
        file = _create(target)  # O_EXCL: of two that want the name one gets it
    except FileExistsError:
        if not _holds(target, note):
            raise
    else:
        with file:
            try:
                _write_all(file, note)
            except OSError:
                _remove(target)
                raise
    part.replace(target)  # over a file that is known to be ours


def _holds(path: Path, content: bytes) -> bool:
    try:
        with open_regular(path) as file:
            return file.read(len(content) + 1) == content
    except OSError:
        return False


def _make_folder(folder: Path, permissions: Permissions = AS_USUAL) -> None:
    """Make a folder and those above it, each durably: a result must not vanish with the folder it lies in."""
    if not folder.is_dir():
        _make_folder(folder.parent, permissions)  # from the top: each is synced into one that is on disk
        try:
            if permissions == AS_USUAL:
                folder.mkdir()
            else:
                _make_permitted(folder, permissions)
        except FileExistsError as error:
            if not folder.is_dir():  # nor has anybody else just made it
                raise NotADirectoryError(errno.ENOTDIR, os.strerror(errno.ENOTDIR), os.fspath(folder)) from error
        _sync_folder(folder.parent)


def _make_permitted(folder: Path, permissions: Permissions) -> None:
    """Make a folder under a hidden name; it gets its own once it has its permissions, whoever is killed meanwhile."""
    build = folder.with_name(f".artui-{_probe_name()}")
    build.mkdir(0o700)
    try:
        publish_folder(build, folder, permissions)
    except BaseException:
        with suppress(OSError):
            build.rmdir()
        raise


def _create(path: Path, mode: int = 0o666) -> io.FileIO:
    # A link put at a guessed name is refused, not followed.
    flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC
    return io.FileIO(os.open(path, flags, mode), "w")


def _write_all(file: io.FileIO, data: bytes) -> None:
    view = memoryview(data)
    while view:
        view = view[file.write(view) :]  # a raw write may take less than it is given


def _remove(path: Path) -> None:
    with suppress(OSError):  # a hidden leftover harms nobody, and the next attempt removes it
        path.unlink()


def _sync_folder(folder: Path, permissions: Permissions = AS_USUAL) -> None:
    only_itself = 0 if permissions == AS_USUAL else os.O_NOFOLLOW
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC | only_itself)
    try:
        permissions.give(descriptor)
        sync(descriptor)
    except OSError as error:
        if error.errno not in _UNKNOWN_CALL:  # some network shares cannot, and need not
            raise
    finally:
        os.close(descriptor)
