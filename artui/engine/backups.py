"""Backups: one file that holds the journal as it is now and the settings, and how it is put back. Never a secret.

The journal is copied by SQLite itself, so that a backup is right while everything runs. What is put back is a copy that
does not know what was bought since: :mod:`artui.engine.recovery` goes on from there.
"""

from __future__ import annotations

import json
import os
import re
import time
import zipfile
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import BinaryIO

import artui
from artui.config import Paths, sync_folder
from artui.config.private import open_private
from artui.config.system import sync
from artui.files import zips
from artui.files.walks import Broken
from artui.journal import Journal, JournalProblem, history, requests, rescue

JOURNAL, ABOUT = "journal.db", "about.json"

_SIGN_IN = re.compile(rb"(?<=://)[^/@\s\"']+@")
"""Who signs in at a proxy, as an address may say it."""


class BackupProblem(Exception):
    """A backup cannot be made or put back; the text says why and what to do now."""


@dataclass(frozen=True, slots=True)
class About:
    """What a backup says of itself; ``made_at`` in epoch seconds."""

    version: str
    host: str
    made_at: float
    jobs: int
    intents: int


def make(paths: Paths, journal: Journal, target: Path) -> Path:
    """Write a backup to ``target``, or under a name of its own into that folder; returns where it is.

    One that is there is replaced once the new one is whole and on disk. Raises :class:`BackupProblem`.
    """
    if target.is_dir():
        target = target / f"artui-{time.strftime('%Y%m%d-%H%M%S')}.zip"
    part = target.with_name(f".{target.name}.{os.urandom(4).hex()}.tmp")
    copy = part.with_suffix(".db")
    try:
        journal.back_up(copy)
        if found := rescue.complaints(copy):  # of the copy: that is what would be put back
            raise BackupProblem(f"The journal is damaged ({found[0]}): run `artui recover`. No backup was made.")
        jobs, intents = sum(count.number for count in journal.read(history.counts)), journal.read(requests.intents)
        about = About(artui.__version__, os.uname().nodename, time.time(), jobs, intents)
        _pack(part, copy, paths, about)
        part.replace(target)  # whole and synced by now
        sync_folder(target.parent)
    except OSError as problem:
        raise BackupProblem(f"{target} cannot be written ({problem.strerror}). No backup was made.") from problem
    finally:
        for made in (part, *(copy.with_name(copy.name + ending) for ending in rescue.PARTS)):
            with suppress(OSError):
                made.unlink(missing_ok=True)
    return target


def _pack(part: Path, journal: Path, paths: Paths, about: About) -> None:
    descriptor = open_private(part, os.O_RDWR | os.O_CREAT | os.O_EXCL)
    with os.fdopen(descriptor, "w+b") as stream:
        with zipfile.ZipFile(stream, "w", zipfile.ZIP_DEFLATED) as archive:
            archive.writestr(ABOUT, json.dumps(asdict(about)))
            for file in _settings(paths):
                with suppress(FileNotFoundError):  # who never wrote settings has none
                    archive.writestr(file.name, _SIGN_IN.sub(b"", file.read_bytes()))
            archive.write(journal, JOURNAL)
        stream.flush()
        sync(stream.fileno())


def _settings(paths: Paths) -> tuple[Path, Path]:
    return paths.config_file, paths.settings_file


# ------------------------------------------------------------------------------------------------------ putting it back


@dataclass(frozen=True, slots=True)
class OpenedBackup:
    """A backup that was looked through: its journal, sound and up to date, stands beside the one it would replace."""

    about: About
    journal: Path
    settings: dict[Path, bytes]


def open_backup(paths: Paths, file: Path) -> OpenedBackup:
    """Look a backup through and lay its journal beside the one in use; changes nothing that is in use.

    Raises :class:`BackupProblem` and JournalProblem.
    """
    fresh = paths.journal.with_name(f"{paths.journal.name}.restored")
    # Of an earlier try that was killed.
    discard(fresh)
    try:
        with file.open("rb") as stream:
            packed = _Packed(stream)
            about = About(**json.loads(b"".join(packed.blocks(ABOUT))))
            kept = [place for place in _settings(paths) if place.name in packed.entries]
            settings = {place: b"".join(packed.blocks(place.name)) for place in kept}
            content = packed.blocks(JOURNAL)
            with os.fdopen(open_private(fresh, os.O_WRONLY | os.O_CREAT | os.O_EXCL), "wb") as laid:
                laid.writelines(content)
                laid.flush()
                sync(laid.fileno())
    except OSError as problem:
        discard(fresh)
        name = problem.filename or file
        raise BackupProblem(f"{name} cannot be read or written ({problem.strerror}). Nothing was changed.") from problem
    except (Broken, KeyError, ValueError, TypeError) as problem:
        discard(fresh)
        raise BackupProblem(
            f"{file} is no whole backup of artui ({problem}). Nothing was changed; take one made by `artui backup`."
        ) from problem
    if found := rescue.complaints(fresh):
        discard(fresh)
        raise BackupProblem(f"The journal in {file} is damaged ({found[0]}). Nothing was changed; take another one.")
    try:
        Journal(fresh).close()  # migrates it: what is put in place must not fail to open
    except JournalProblem:
        discard(fresh)
        raise
    return OpenedBackup(about, fresh, settings)


class _Packed:
    """A backup as a ZIP: what is in it by name. Raises Broken for what is none, or damaged."""

    def __init__(self, stream: BinaryIO) -> None:
        self._stream = stream
        table = zips.directory(stream, stream.seek(0, os.SEEK_END))
        self.entries = {entry.name: entry for entry in zips.entries(stream, table)}

    def blocks(self, name: str) -> Iterator[bytes]:
        """The bytes of one file in it, block by block. Raises KeyError where it is not there."""
        entry = self.entries[name]
        if not entry.can_be_read:
            raise Broken("damaged", f"{name} in it is packed in a way that artui does not pack")
        return zips.unpacked(self._stream, entry)


def discard(journal: Path) -> None:
    """Remove a journal that was laid aside, with what SQLite keeps beside it."""
    for ending in rescue.PARTS:
        journal.with_name(journal.name + ending).unlink(missing_ok=True)


def restore_settings(opened: OpenedBackup) -> list[Path]:
    """Put the settings back that are not there; returns those that were left as they are."""
    left = []
    for place, content in opened.settings.items():
        try:
            descriptor = open_private(place, os.O_WRONLY | os.O_CREAT | os.O_EXCL)
        except FileExistsError:
            if _SIGN_IN.sub(b"", place.read_bytes()) != content:
                left.append(place)
            continue
        with os.fdopen(descriptor, "wb") as stream:
            stream.write(content)
            stream.flush()
            sync(stream.fileno())
    return left
