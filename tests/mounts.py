"""Mounts for tests, where one may be made: a folder seen at another place, and a disk that ignores case."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest


def _mount(*command: str) -> None:
    if sys.platform != "linux" or os.geteuid() != 0 or not shutil.which(command[0]):
        pytest.skip("needs a system on which this may be mounted")
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode:
        pytest.skip(f"cannot be mounted here: {done.stderr}")


@contextmanager
def bound(folder: Path, place: Path) -> Iterator[Path]:
    """A folder that is seen at another place too."""
    folder.mkdir(parents=True, exist_ok=True)
    place.mkdir(parents=True, exist_ok=True)
    _mount("mount", "--bind", str(folder), str(place))
    try:
        yield place
    finally:
        subprocess.run(["umount", "--lazy", str(place)], check=True)


class Disk:
    """A disk of its own, in memory, which is seen at ``place`` while it is mounted and keeps what is on it."""

    def __init__(self, store: Path, place: Path) -> None:
        self.store, self.place = store, place

    def mount(self) -> None:
        _mount("mount", "--bind", str(self.store), str(self.place))

    def unmount(self) -> None:
        subprocess.run(["umount", "--lazy", str(self.place)], check=True)


@contextmanager
def disk(place: Path) -> Iterator[Disk]:
    """A disk that is not mounted yet, and its bare mount point."""
    made = Disk(place.with_name(f"{place.name}-store"), place)
    for folder in (made.store, place):
        folder.mkdir(parents=True, exist_ok=True)
    _mount("mount", "-t", "tmpfs", "tmpfs", str(made.store))
    try:
        yield made
    finally:
        if os.path.ismount(place):
            made.unmount()
        subprocess.run(["umount", "--lazy", str(made.store)], check=True)


@contextmanager
def overlaid(lower: Path, upper: Path, place: Path) -> Iterator[Path]:
    """A folder that shows another one's files, on a file system of its own: what is written to one is in both."""
    work = upper.with_name(f"{upper.name}-work")
    for folder in (lower, upper, work, place):
        folder.mkdir(parents=True, exist_ok=True)
    options = f"lowerdir={lower},upperdir={upper},workdir={work}"
    _mount("mount", "-t", "overlay", "overlay", "-o", options, str(place))
    try:
        yield place
    finally:
        subprocess.run(["umount", "--lazy", str(place)], check=True)


@contextmanager
def ignoring_case(place: Path) -> Iterator[Path]:
    """A disk that takes ``Shoot`` and ``shoot`` for one name: by the kernel where it can, else over FUSE."""
    place.mkdir(parents=True, exist_ok=True)
    if sys.platform == "darwin":
        yield place
        return
    image, device = place.with_name("disk.img"), ""
    folding = subprocess.run(
        ["mount", "-t", "tmpfs", "-o", "casefold", "none", str(place)], capture_output=True, check=False
    )
    if folding.returncode:
        if not shutil.which("mkfs.exfat") or os.geteuid() != 0:
            pytest.skip("no disk that ignores case can be made here")
        with image.open("wb") as file:
            file.truncate(32_000_000)
        _mount("mkfs.exfat", str(image))
        loop = subprocess.run(["losetup", "-f", "--show", str(image)], capture_output=True, text=True, check=False)
        if loop.returncode:
            pytest.skip("no loop device can be had here")
        device = loop.stdout.strip()
    try:
        if device:
            _mount("mount.exfat-fuse", device, str(place))
        try:
            yield place
        finally:
            subprocess.run(["umount", str(place)], check=False)
    finally:
        if device:
            subprocess.run(["losetup", "-d", device], check=False)
