"""What a person may call a job: its number, or the file it was made from."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING

from artui.cli.exits import Exit, Trouble

if TYPE_CHECKING:
    from artui.job import Batch, Job
    from artui.journal import Journal


def job_numbered(journal: Journal, number: int) -> Job:
    """The job of this number; Trouble where there is none."""
    from artui.journal import jobs

    job = journal.read(jobs.get, number)
    if job is None:
        raise Trouble(Exit.USAGE, f"There is no job {number}: `artui jobs` lists all.")
    return job


def job_or_file(journal: Journal, word: str) -> Job | Path:
    """The job a number means, or the path of a file; a file that is called like a number is ``./7``."""
    if word.isascii() and word.isdigit():
        return job_numbered(journal, int(word))
    return absolute(word)


def absolute(path: str | Path) -> Path:
    """The path as jobs remember it: absolute, and by the names the person knows."""
    return Path(os.path.abspath(path))  # noqa: PTH100 — links stay as they are


def batch_called(journal: Journal, word: str) -> Batch:
    """The batch with this id or name; Trouble where there is none, or several."""
    from artui.journal import batches

    found = journal.read(batches.find, word)
    if not found:
        raise Trouble(Exit.USAGE, f"There is no batch {word!r}.")
    if len(found) > 1:
        ids = ", ".join(batch.id for batch in found[:5])
        raise Trouble(Exit.USAGE, f"{len(found)} batches are called {word!r}: say the id of one: {ids}")
    return found[0]
