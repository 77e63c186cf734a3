"""What artui itself has saved, by its content: whether a file that turns up as a photo is one of its own results.

Results are entered by triggers of the schema as soon as a job says where they go, before they are there. Every function
runs inside one transaction of :class:`artui.journal.store.Journal`.
"""

from __future__ import annotations

import json
from collections.abc import Iterable
from pathlib import Path
from typing import NamedTuple

from artui.journal.store import Connection, first, rows


class SavedResult(NamedTuple):
    """A result as a job saved it: where, the hex SHA-256 of its bytes, and how many; -1 where that was not kept."""

    job: int
    path: Path
    digest: str
    size: int


def job_of(db: Connection, digest: str) -> int | None:
    """The job whose result has this content; None where no result has."""
    found = first(db, "SELECT job FROM published WHERE digest = ?", (digest,))
    return found[0] if found else None


def is_let_in(db: Connection, rule: str, made_by: int) -> bool:
    """Whether a rule takes a result of this job for a photo: one of the rule that it follows, a copy that rule
    delivered included."""
    found = first(
        db,
        "SELECT 1 FROM rules JOIN jobs ON jobs.rule = rules.follows"
        " WHERE rules.id = ?1 AND rules.follows <> '' AND (jobs.id = ?2 OR jobs.twin_of = ?2)",
        (rule, made_by),
    )
    return found is not None


def has_size(db: Connection, size: int) -> bool:
    """Whether any result has so many bytes: only then a file of that size is worth reading to compare."""
    return first(db, "SELECT 1 FROM published WHERE size = ? LIMIT 1", (size,)) is not None


def note(db: Connection, job: int, saved: Iterable[tuple[str, int]]) -> None:
    """Enter what a job saves beside its results: digest and bytes of each file."""
    for digest, size in saved:
        db.execute("INSERT OR IGNORE INTO published VALUES (?, ?, ?)", (digest, size, job))


def sentence(job: int) -> str:
    """What is said of such a file, after its name."""
    return f"is a result of job {job}; not sent. Name the file itself to send it: `artui submit FILE`."


def results(db: Connection, since: float = 0.0) -> list[SavedResult]:
    """Every result on disk, of photos and of copies, that was saved at or after ``since`` in epoch seconds."""
    found = rows(
        db,
        # The path as JSON, in which a name that is no text stands escaped.
        "SELECT jobs.id, result.value -> 'path', result.value ->> 'digest', COALESCE(result.value ->> 'size', -1)"
        " FROM jobs, json_each(jobs.results) AS result"
        " WHERE jobs.status IN ('done', 'skipped') AND jobs.stage = 'saved' AND jobs.finished_at >= ?"
        " AND result.value -> 'path' <> 'null' AND result.value -> 'digest' <> 'null' ORDER BY jobs.id",
        (since,),
    )
    return [SavedResult(job, Path(json.loads(path)), digest, size) for job, path, digest, size in found]
