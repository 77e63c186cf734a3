"""Whether results can be saved, asked before anything is paid for."""

from __future__ import annotations

import asyncio
import errno
import math
import os
from functools import partial
from pathlib import Path

from artui import files
from artui.files import exiftool
from artui.files.metadata import Keeping
from artui.journal import Connection, rules, unsaved
from artui.model.job import Job
from artui.model.states import Reason
from artui.steps.context import Hold, StepContext

ROOM = 32 * 1024 * 1024
"""Bytes free in the state directory under which no intent is written."""

OUTPUT_AGAIN = 30.0
"""Seconds after which an output folder that could not be written to is looked at again."""

FOLDER_AGE = 5.0
"""Seconds for which an output folder that could be written to counts as writable."""

GROWTH = 2
"""How many times the bytes of its photo a result is taken to need."""


async def check_metadata(job: Job) -> None:
    """Raise Hold where a job's results are to get its photo's metadata, and nothing is here to write it with."""
    if job.metadata != Keeping.NONE and (why := await asyncio.to_thread(exiftool.fault)):
        raise Hold(Reason.METADATA, f"{why}; nothing is sent before", due=OUTPUT_AGAIN)


async def refuse_unmounted(context: StepContext, job: Job) -> None:
    """Raise ``files.OutputProblem`` where the disk is not mounted to which results of the job's rule go: what is
    written below its mount point would be hidden once it is."""
    mount = context.journal.read(rules.output_mount, job.rule) if job.rule else None
    if mount is not None and await asyncio.to_thread(files.has_left, job.folder, mount):
        raise files.OutputProblem(job.folder, FileNotFoundError(errno.ENOENT, os.strerror(errno.ENOENT)))


async def check_output(context: StepContext, job: Job) -> None:
    """Probe the job's output folder and the room beside the journal; raises Hold or ``files.OutputProblem``."""
    room = context.room()
    if room is not None and room < ROOM:
        raise Hold(
            Reason.DISK_FULL,
            f"only {room // 1_000_000} MB are left where the journal is; nothing new is sent",
            due=OUTPUT_AGAIN,
        )
    await refuse_unmounted(context, job)
    folder = str(job.folder)
    # One probe serves all photos of the moment: it writes, links and syncs, which a slow disk feels.
    if context.clock.now() - context.writable.get(folder, -FOLDER_AGE) >= FOLDER_AGE:
        await context.probes.join(folder, partial(_probe, context, job.folder, context.permissions(job)))


def forget(context: StepContext, folder: Path) -> None:
    """Have a folder probed again before anything is bought for it: something could not be written there."""
    if str(folder) in context.writable:  # one that never was probed must still be tidied the first time
        context.writable[str(folder)] = -math.inf


def check_room(db: Connection, context: StepContext, job: Job) -> None:
    """Raise Hold where what is bought and not saved yet, or cannot be, leaves no room for one more result; in the
    transaction that buys one."""
    waits, free = unsaved.in_folder(db, job.folder, context.roomless), context.free.get(str(job.folder))
    if waits.unwritable:
        raise Hold(
            Reason.DISK_FULL,
            f"no room in {job.folder} for what is bought ({waits.unwritable:,}): nothing more is bought for it until"
            " there is",
            due=OUTPUT_AGAIN,
        )
    # What is under way has not taken its room yet, so the file system does not count it.
    needed = GROWTH * (waits.size + job.size)
    if free is not None and free < needed:
        raise Hold(
            Reason.DISK_FULL,
            f"{free // 1000:,} kB are free in {job.folder}, and what is bought may need {needed // 1000:,} kB:"
            " nothing more is bought for it",
            due=OUTPUT_AGAIN,
        )


async def _probe(context: StepContext, folder: Path, permissions: files.Permissions) -> None:
    """Look whether a folder can be written to; the first time also for what killed processes left there."""
    await asyncio.to_thread(files.probe_folder, folder, permissions, tidy=str(folder) not in context.writable)
    context.free[str(folder)] = await asyncio.to_thread(files.free_bytes, folder)
    context.writable[str(folder)] = context.clock.now()
