"""Long runs of zeros: what stands where a download, a copy or a disk left something out."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import BinaryIO

from artui.files.walks import blocks

LEAST = 4096
"""Zeros in a row that mean something: a page of memory, and the least a hole in a file has."""

_STEP = 1024  # one byte of so many is looked at first: a run of LEAST shows at three of them at least
_SHOWN = re.compile(rb"\0{3,}")
_RUN = re.compile(rb"\0+")


def zero_runs(file: BinaryIO, start: int, end: int) -> Iterator[tuple[int, int]]:
    """The runs of at least `LEAST` zeros between two offsets, each by where it starts and how long it is."""
    sample = bytearray()
    for block in blocks(file, start, end - start):
        sample += block[::_STEP]  # a block is a multiple of the step
    for shown in _SHOWN.finditer(sample):
        first = max(start, start + (shown.start() - 1) * _STEP)  # it may begin anywhere between two samples
        yield from _exactly(file, first, min(end, start + shown.end() * _STEP))


def _exactly(file: BinaryIO, start: int, end: int) -> Iterator[tuple[int, int]]:
    offset, begun = start, None
    for block in blocks(file, start, end - start):
        for run in _RUN.finditer(block):
            first = offset + run.start() if run.start() or begun is None else begun
            begun = first if run.end() == len(block) else None
            if begun is None and offset + run.end() - first >= LEAST:
                yield first, offset + run.end() - first
        if begun is not None and block[-1]:
            begun = None
        offset += len(block)
    if begun is not None and offset - begun >= LEAST:
        yield begun, offset - begun
