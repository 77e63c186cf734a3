"""What a person may call a job, a batch or a rule: a number, a name, or a file or folder."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING

from artui.cli.exits import CommandError, Exit

if TYPE_CHECKING:
    from artui.journal import Journal
    from artui.journal.rules import RuleRow
    from artui.model.job import Batch, Job


MOST_NUMBER = 2**63 - 1
"""The highest number a journal can hold."""


def job_numbered(journal: Journal, number: int) -> Job:
    """The job of this number; CommandError where there is none."""
    from artui.journal import jobs

    job = journal.read(jobs.get, number) if number <= MOST_NUMBER else None
    if job is None:
        raise CommandError(Exit.USAGE, f"There is no job {number}: `artui jobs` lists all.")
    return job


def job_or_file(journal: Journal, word: str) -> Job | Path:
    """The job a number means, or the path of a file; a file that is called like a number is ``./7``."""
    if word.isascii() and word.isdigit():
        return job_numbered(journal, int(word))
    return absolute(word)


def absolute(path: str | Path) -> Path:
    """The path as jobs remember it: absolute, and by the names the person knows."""
    return Path(os.path.abspath(path))  # noqa: PTH100 — links stay as they are


def made_of(journal: Journal, path: Path) -> list[Job]:
    """All jobs ever made from a file, newest first; a rule may have moved it since."""
    from artui.journal import history, seen

    return journal.read(history.by_source, path) or journal.read(seen.made_of, path)


def batch_called(journal: Journal, word: str) -> Batch:
    """The batch with this id or name; CommandError where there is none, or several."""
    from artui.journal import batches

    found = journal.read(batches.find, word)
    if not found:
        raise CommandError(Exit.USAGE, f"There is no batch {word!r}.")
    if len(found) > 1:
        ids = ", ".join(batch.id for batch in found[:5])
        raise CommandError(Exit.USAGE, f"{len(found)} batches are called {word!r}: say the id of one: {ids}")
    return found[0]


def rule_called(journal: Journal, word: str) -> RuleRow:
    """The rule with this name or folder, or whose folder is called so; CommandError for none or several."""
    from artui.journal import rules

    every = journal.read(rules.every)
    path = absolute(word)
    found = [row for row in every if row.name == word or row.folder == path]
    found = found or [row for row in every if row.folder.name == word]
    if len(found) == 1:
        return found[0]
    known = ", ".join(row.name for row in found or every)
    if found:
        raise CommandError(Exit.USAGE, f"{len(found)} rules are called {word!r}: say which of {known}.")
    hint = f"; there are {known}" if known else ": `artui watch` begins with what stands in config.toml"
    raise CommandError(Exit.USAGE, f"No rule {word!r} has been watched yet{hint}.")
