"""What every walk over a file's bytes needs: bounded reads, and how it says that something is missing."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import BinaryIO

BLOCK = 256 * 1024
"""Bytes read at once: from 128 KiB on, reading and hashing runs at the speed of the hash alone."""

MOST_PARTS = 1_000_000
"""Chunks, directories, strips: far above real photos, and still a second of walking."""


class Broken(Exception):
    """A file is not whole. `reason` is `truncated`, `damaged`, `unsupported` or `bad-archive`; the text says what is
    missing."""

    def __init__(self, reason: str, what: str) -> None:
        super().__init__(what)
        self.reason = reason


@dataclass(frozen=True, slots=True)
class Doubt:
    """What speaks against a file that is whole by its structure. `is_likely`: enough not to send it before somebody has
    looked; else only a reason to decode it where that can be done."""

    what: str
    is_likely: bool = True


def at(file: BinaryIO, offset: int, count: int) -> bytes:
    """So many bytes from there on. Raises Broken where the file ends before."""
    file.seek(offset)
    data = file.read(count)
    if len(data) < count:
        raise Broken("truncated", "it ends too early")
    return data


def blocks(file: BinaryIO, offset: int, length: int) -> Iterator[bytes]:
    """A part of a file, block by block; less of it where the file ends before."""
    file.seek(offset)
    while length > 0 and (block := file.read(min(BLOCK, length))):
        length -= len(block)
        yield block


def garbled(data: bytes) -> Broken:
    """What is wrong where these bytes stand in the place of a structure."""
    if any(data):
        return Broken("damaged", "its structure is broken")
    return Broken("truncated", "zeros stand where the picture should be")
