"""The folders artui keeps its files in, and how a private file is written and locked."""

from __future__ import annotations

import errno
import fcntl
import os
import stat
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import NamedTuple

from artui.config.private import NotPrivate, check_folder, open_private
from artui.config.system import sync


class ConfigError(Exception):
    """A setting, or a file it stands in, cannot be used. The message is one line: which, where, what to do."""


class Paths(NamedTuple):
    """The four folders, and every file in them that has a fixed name; ``home`` is the one they share, if they do."""

    config: Path
    state: Path
    cache: Path
    data: Path
    home: Path | None = None

    @property
    def config_file(self) -> Path:
        """The person's settings; artui only reads it."""
        return self.config / "config.toml"

    @property
    def settings_file(self) -> Path:
        """What the screens save."""
        return self.config / "settings.toml"

    @property
    def last_good(self) -> Path:
        """Copies of both as they were when an engine could last read them."""
        return self.state / "last-good"

    @property
    def journal(self) -> Path:
        """The SQLite file that holds everything durable."""
        return self.state / "journal.db"

    @property
    def lock(self) -> Path:
        """Held by the one engine for as long as it lives."""
        return self.state / "engine.lock"

    @property
    def transfers(self) -> Path:
        """Bytes of running transfers, for the screens."""
        return self.state / "transfers.json"

    @property
    def ballast(self) -> Path:
        """Room that is given up when the disk is full."""
        return self.state / "ballast"

    @property
    def log(self) -> Path:
        """The background engine's log."""
        return self.state / "engine.log"

    @property
    def spool(self) -> Path:
        """Paid results whose own folder cannot be written."""
        return self.state / "spool"

    @property
    def credentials(self) -> Path:
        """Tokens of those who agreed to a file, and renewed tokens."""
        return self.state / "credentials"

    @property
    def anchor(self) -> Path:
        """Remembers, apart from the state, that there is a journal."""
        return self.data / "anchor.json"

    def create(self) -> None:
        """Make the four folders, private to this user whatever the umask; those that exist stay as they are.

        Raises ConfigError where that is impossible, or where others could change what lies in one.
        """
        self.check()
        for folder in (self.config, self.state, self.cache, self.data):
            make_private_folder(folder)

    def check(self) -> None:
        """Judge the folders that are there. Raises ConfigError for one of another user, or that others can write."""
        for folder in (self.home, self.config, self.state, self.cache, self.data):
            if folder is not None:
                with suppress(OSError):  # what is not there is made, and what cannot be entered is told by its user
                    _check_folder(folder)


def paths(environ: Mapping[str, str] = os.environ) -> Paths:
    """The XDG folders, on macOS too; or four folders under ``ARTUI_HOME``. ``ARTUI_CONFIG_DIR`` is that of the settings
    in either case."""
    own = environ.get("ARTUI_CONFIG_DIR")
    chosen = Path(own).expanduser().absolute() if own else None
    if home := environ.get("ARTUI_HOME"):
        root = Path(home).expanduser().absolute()
        return Paths(chosen or root / "config", root / "state", root / "cache", root / "data", root)
    from platformdirs.unix import Unix

    xdg = Unix("artui", appauthor=False)
    return Paths(chosen or xdg.user_config_path, xdg.user_state_path, xdg.user_cache_path, xdg.user_data_path)


def make_private_folder(folder: Path, *, forbidden: int = stat.S_IWOTH) -> None:
    """Make a folder and its missing parents with mode 0700 from birth; one that is there must be private too.

    ``forbidden`` are the mode bits it must not have. Raises ConfigError.
    """
    try:
        for place in (*reversed(folder.parents), folder):
            if not place.exists():
                with suppress(FileExistsError):  # made meanwhile by another process, and judged below
                    place.mkdir(mode=0o700)
                    place.chmod(0o700)  # a umask can have taken bits away
        if not folder.is_dir():
            raise NotADirectoryError(errno.ENOTDIR, "a file is in the way")
        _check_folder(folder, forbidden)
    except OSError as error:
        advice = "free that place, or set ARTUI_HOME to a folder you can write"
        raise ConfigError(f"cannot make the folder {folder} ({error.strerror}): {advice}") from None


def _check_folder(folder: Path, forbidden: int = stat.S_IWOTH) -> None:
    try:
        check_folder(folder, forbidden=forbidden)
    except NotPrivate as refusal:
        raise ConfigError(str(refusal)) from None


def write_private(file: Path, content: bytes) -> None:
    """Replace a file by ``content``, mode 0600 from birth: after a crash it holds the old bytes or the new ones.

    Returns when the name is on disk. Raises OSError; then the old file stands as it was.
    """
    # Another name each time: two may write at one moment.
    part = file.with_name(f".{file.name}.{os.urandom(4).hex()}.tmp")
    descriptor = open_private(part, os.O_WRONLY | os.O_CREAT | os.O_EXCL)
    try:
        with os.fdopen(descriptor, "wb") as stream:
            os.fchmod(descriptor, 0o600)  # a umask can have taken bits away
            stream.write(content)
            stream.flush()
            sync(descriptor)
        part.replace(file)
    except BaseException:
        part.unlink(missing_ok=True)
        raise
    sync_folder(file.parent)


def sync_folder(folder: Path) -> None:
    """Make the names in a folder durable. Raises OSError."""
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        sync(descriptor)
    finally:
        os.close(descriptor)


def try_lock(file: Path) -> int | None:
    """Take the kernel's lock on a file without waiting. Returns a descriptor, whose closing is the release; None where
    another holds it. Raises OSError, as NotPrivate for a file that is not ours alone.

    The file is made where it is missing and never removed: removing a lock file lets two in.
    """
    descriptor = open_private(file, os.O_RDWR | os.O_CREAT)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        os.close(descriptor)
        return None
    except BaseException:
        os.close(descriptor)
        raise
    return descriptor


@contextmanager
def locked(file: Path, patience: float = 10) -> Iterator[None]:
    """Hold a lock for a short write, waiting up to ``patience`` seconds for it. Raises ConfigError after them."""
    deadline = time.monotonic() + patience
    while (descriptor := try_lock(file)) is None:
        if time.monotonic() > deadline:
            raise ConfigError(f"another artui has held {file} for {patience:g} s: wake or end that one, then try again")
        time.sleep(0.02)
    try:
        yield
    finally:
        os.close(descriptor)
