"""What differs between Linux and macOS: nothing else asks which system this is, or calls the C library.

Names that only one of them has are looked up when they are needed: what is missing is done another way.
"""

from __future__ import annotations

import errno
import fcntl
import os
import signal
import sys
import time
from contextlib import suppress
from datetime import datetime, tzinfo
from pathlib import Path
from typing import TYPE_CHECKING, Final, overload

if TYPE_CHECKING:
    import ctypes

UNSUPPORTED: Final = frozenset({errno.EINVAL, errno.ENOSYS, errno.EOPNOTSUPP, errno.ENOTSUP, errno.ENOTTY})
"""What says a file system, or a system, that does not know a call."""

MOST_PATH: Final = 1023 if sys.platform == "darwin" else 4095
"""The most bytes of a path."""

_MAGIC: Final = {
    0x6969: "NFS", 0xFF534D42: "SMB", 0xFE534D42: "SMB", 0x517B: "SMB", 0x65735546: "FUSE", 0x01021997: "9P",
    0x5346414F: "AFS", 0x00C36400: "Ceph", 0x0BD00BD0: "Lustre", 0x01161970: "GFS2",
}  # fmt: skip
"""``statfs`` magic numbers (linux/magic.h) of file systems on which SQLite's locks cannot be trusted."""

_DISKS: Final = frozenset({"btrfs", "ext2", "ext3", "ext4", "f2fs", "overlay", "tmpfs", "xfs", "zfs"})
"""File systems of this machine, as ``/proc/self/mountinfo`` names them."""

_MAC_NAMES: Final = {"nfs": "NFS", "smbfs": "SMB", "afpfs": "AFP", "webdav": "WebDAV", "ftp": "FTP"}

_BLOCK: Final = 1 << 20


def outlive_signals() -> None:
    """Go on when a signal comes that means nothing here, and would end a program by itself: whoever sends SIGUSR1 to
    learn how far a copy is means another program. What is started from here has its own way again."""
    for name in ("SIGUSR1", "SIGUSR2", "SIGVTALRM", "SIGPROF", "SIGIO", "SIGPWR", "SIGSTKFLT"):
        number = getattr(signal, name, None)
        if number is not None and signal.getsignal(number) is signal.SIG_DFL:
            signal.signal(number, lambda *_: None)


def is_mac() -> bool:
    """Whether this is macOS: for what is a program there (``launchctl``, ``caffeinate``, ``pbcopy``, ``open``)."""
    return sys.platform == "darwin"


# ------------------------------------------------------------------------------------------------------------ files


def sync(descriptor: int) -> None:
    """Have a file's bytes, or a folder's names, on the medium. Raises OSError.

    On macOS ``fsync`` only hands them to the drive, which may keep and reorder them: ``F_FULLFSYNC`` waits for it.
    """
    full = getattr(fcntl, "F_FULLFSYNC", None)
    if full is not None:
        try:
            fcntl.fcntl(descriptor, full)
        except OSError as error:
            if error.errno not in UNSUPPORTED:
                raise
        else:
            return
    os.fsync(descriptor)


def reserve(descriptor: int, size: int) -> None:
    """Have an open file take so many bytes of the disk; one that has them already is left as it is. Raises OSError.

    A file system that stores what is empty in no room at all must be given bytes.
    """
    allocate = getattr(os, "posix_fallocate", None)
    if allocate is not None:
        allocate(descriptor, 0, size)
        return
    there = os.fstat(descriptor).st_size
    while there < size:
        there += os.pwrite(descriptor, os.urandom(min(_BLOCK, size - there)), there)
    sync(descriptor)


def rename_exclusive(source: Path, target: Path) -> None:
    """Give a file or folder another name in one step, replacing nothing. Raises FileExistsError, another OSError; one
    of ``UNSUPPORTED`` where the system or the file system cannot."""
    libc, here, there = _libc(), os.fsencode(source), os.fsencode(target)
    if hasattr(libc, "renameat2"):
        failed = libc.renameat2(-100, here, -100, there, 1)  # AT_FDCWD, RENAME_NOREPLACE
    elif hasattr(libc, "renamex_np"):
        failed = libc.renamex_np(here, there, 4)  # RENAME_EXCL
    else:
        raise OSError(errno.ENOSYS, os.strerror(errno.ENOSYS))
    if failed:
        import ctypes

        code = ctypes.get_errno()
        raise OSError(code, os.strerror(code), os.fspath(target))


def true_path(folder: Path) -> Path:
    """A folder as the system's notices name it: on macOS by its canonical path, whatever link or spelling led there."""
    wanted = getattr(fcntl, "F_GETPATH", None)
    if wanted is None:
        return folder
    try:
        descriptor = os.open(folder, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)
    except OSError:
        return folder
    try:
        return Path(os.fsdecode(fcntl.fcntl(descriptor, wanted, bytes(1024)).rstrip(b"\0")))
    except OSError:
        return folder
    finally:
        os.close(descriptor)


def is_in_cloud(status: os.stat_result) -> bool:
    """Whether a file's bytes are not on this Mac but with iCloud or another such service, and reading would wait for
    them (``SF_DATALESS``)."""
    return bool(getattr(status, "st_flags", 0) & 0x40000000)


def privacy(error: OSError) -> str:
    """What to do where macOS itself keeps a program out of a folder that its user may read; empty for other errors."""
    if error.errno != errno.EPERM or not is_mac():
        return ""
    program = os.environ.get("TERM_PROGRAM", "")
    program = {"Apple_Terminal": "Terminal", "iTerm.app": "iTerm"}.get(program, program) or sys.executable
    return (
        f"macOS keeps artui out: allow {program} in System Settings, Privacy & Security, Files and Folders (or Full"
        " Disk Access), then start it again"
    )


# ----------------------------------------------------------------------------------------------------- file systems


def network_file_system(folder: Path) -> str | None:
    """What kind of network file system a folder is on; None for a disk of this machine, or where it cannot be told."""
    if is_mac():
        name, is_local = _mac_file_system(folder)
        return None if is_local else _MAC_NAMES.get(name, name)
    return None if _is_on_disk(folder) else _MAGIC.get(_magic(folder))


def mac_file_system(folder: Path) -> str:
    """The type of the file system a folder lies on, as ``apfs`` or ``smbfs``; empty where this is no Mac."""
    return _mac_file_system(folder)[0] if is_mac() else ""


def _mac_file_system(folder: Path, libc: object = None) -> tuple[str, bool]:
    """The type of a file system on macOS, and whether it is a disk of this machine."""
    import ctypes

    class Statfs(ctypes.Structure):
        """``struct statfs`` of sys/mount.h in its only form on arm64, which on x86_64 is that of 64-bit inodes."""

        _fields_ = (
            ("f_bsize", ctypes.c_uint32), ("f_iosize", ctypes.c_int32), ("f_blocks", ctypes.c_uint64),
            ("f_bfree", ctypes.c_uint64), ("f_bavail", ctypes.c_uint64), ("f_files", ctypes.c_uint64),
            ("f_ffree", ctypes.c_uint64), ("f_fsid", ctypes.c_int32 * 2), ("f_owner", ctypes.c_uint32),
            ("f_type", ctypes.c_uint32), ("f_flags", ctypes.c_uint32), ("f_fssubtype", ctypes.c_uint32),
            ("f_fstypename", ctypes.c_char * 16), ("f_mntonname", ctypes.c_char * 1024),
            ("f_mntfromname", ctypes.c_char * 1024), ("f_flags_ext", ctypes.c_uint32),
            ("f_reserved", ctypes.c_uint32 * 7),
        )  # fmt: skip

    said, libc = Statfs(), libc or _libc()
    # The plain name is that of another, shorter structure on x86_64.
    ask = getattr(libc, "statfs$INODE64", None) or getattr(libc, "statfs", None)
    if ask is None or ask(os.fsencode(folder), ctypes.byref(said)) != 0:
        return "", True
    return said.f_fstypename.decode("ascii", "replace"), bool(said.f_flags & 0x1000)  # MNT_LOCAL


def _is_on_disk(folder: Path) -> bool:
    """Whether Linux lists a folder's device as a disk: asked first, for ``ctypes`` is slow to load."""
    with suppress(OSError, ValueError):
        device = folder.stat().st_dev
        mounts = Path("/proc/self/mountinfo").read_text("utf-8", "replace").splitlines()
        fields = next((one for one in map(str.split, mounts) if one[2] == f"{os.major(device)}:{os.minor(device)}"), [])
        return fields[fields.index("-") + 1] in _DISKS  # ValueError where the device has no line of its own
    return False


def _magic(folder: Path) -> int:
    """The number Linux's ``statfs`` gives for a folder's file system, 0 where it cannot be asked."""
    import ctypes

    buffer = (ctypes.c_long * 32)()
    ask = getattr(_libc(), "statfs", None)
    if ask is None or ask(os.fsencode(folder), buffer) != 0:
        return 0
    return buffer[0] & 0xFFFFFFFF  # f_type comes first, negative where a long has 32 bits


# ------------------------------------------------------------------------------------------------------ the machine


def boot_time() -> float:
    """Seconds that nobody can set and that also pass while the machine sleeps."""
    return time.clock_gettime(_COUNTS_SLEEP)


# On macOS CLOCK_MONOTONIC counts sleep too, but is made of the wall clock and moves with it; the raw one does not. On
# Linux neither counts sleep.
_COUNTS_SLEEP: Final = next(
    getattr(time, name)
    for name in ("CLOCK_BOOTTIME", "CLOCK_MONOTONIC_RAW", "CLOCK_MONOTONIC")
    if hasattr(time, name)
)  # fmt: skip


def use_zone(zone: tzinfo) -> None:
    """Have this process, and what it starts, tell local times in a zone; without effect where the machine does not know
    it by its name."""
    name = getattr(zone, "key", "")
    places = (os.environ.get("TZDIR", ""), "/usr/share/zoneinfo", "/var/db/timezone/zoneinfo")
    if any(place and Path(place, name).is_file() for place in places):  # else the C library would silently take UTC
        os.environ["TZ"] = name
        time.tzset()


@overload
def iso(at: float) -> str: ...
@overload
def iso(at: float | None) -> str | None: ...
def iso(at: float | None) -> str | None:
    """A time in ISO 8601 to the second, as this process tells local times; None stays None."""
    return None if at is None else datetime.fromtimestamp(at).astimezone().isoformat(timespec="seconds")


def unit_of(pid: int) -> str:
    """The unit of systemd that a process of this machine belongs to; empty where nothing tells."""
    try:
        group = Path(f"/proc/{pid}/cgroup").read_text("utf-8")
    except (OSError, ValueError):
        return ""
    return group.strip().rpartition("/")[2]


def machine_id() -> str:
    """What tells this machine from others; empty where it has nothing that lasts (most containers)."""
    for file in ("/etc/machine-id", "/var/lib/dbus/machine-id"):
        with suppress(OSError):
            if found := Path(file).read_text("ascii", "replace").strip():
                return found
    return _hardware_uuid() if is_mac() else ""


def _hardware_uuid() -> str:
    """The hardware's UUID on macOS, as ``gethostuuid(3)`` says it; empty elsewhere."""
    import ctypes

    ask = getattr(_libc(), "gethostuuid", None)
    if ask is None:
        return ""
    found, patience = (ctypes.c_ubyte * 16)(), (ctypes.c_long * 2)(1, 0)
    return bytes(found).hex() if ask(found, patience) == 0 else ""


def raise_open_files(least: int = 1024, wanted: int = 4096) -> None:
    """Let this process open ``wanted`` files where it may open fewer than ``least``: a Mac's usual limit is 256."""
    import resource

    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    most = wanted if hard == resource.RLIM_INFINITY else min(wanted, hard)
    if soft != resource.RLIM_INFINITY and soft < min(least, most):
        with suppress(ValueError, OSError):
            resource.setrlimit(resource.RLIMIT_NOFILE, (most, hard))


# ---------------------------------------------------------------------------------------------------- the C library


def _libc() -> ctypes.CDLL:
    import ctypes  # needed seldom, and slow to load

    return ctypes.CDLL(None, use_errno=True)


def user_name(number: int) -> str:
    """The name of a user of this machine; the number where it knows none."""
    import pwd

    with suppress(KeyError):
        return pwd.getpwuid(number).pw_name
    return str(number)
