"""Photos that are bought anew: which orders they make, each at one account, for one workflow, into one folder."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

from artui.core.plan.collecting import SourceFile, at_address
from artui.core.plan.target import Target
from artui.files import Photo
from artui.files.metadata import Keeping
from artui.journal import Journal, seen
from artui.model.job import Job


@dataclass(frozen=True, slots=True)
class RedoOrder:
    """Photos of one order: files that are still to be looked at, and what lies elsewhere as it is."""

    account: str
    workflow: str
    target: Target
    found: tuple[SourceFile, ...]
    elsewhere: tuple[tuple[SourceFile, Photo], ...]


def redo_orders(
    journal: Journal, made: Sequence[Job], *, workflow: str | None = None, output: str | None = None,
    metadata: str | None = None,
) -> list[RedoOrder]:  # fmt: skip
    """The orders by which the photos of these jobs are bought anew: as they were, or through another workflow, into
    another folder, with other metadata. The result gets the name the first one had, where that is free."""
    groups: dict[tuple[str, str, Target], list[Job]] = {}
    for job in made:
        keeping = Keeping(metadata or job.metadata)
        target = Target.of(output, "{stem}", keeping) if output else Target(job.folder, "{stem}", keeping)
        groups.setdefault((job.account, workflow or job.workflow, target), []).append(job)
    return [
        RedoOrder(
            *terms,
            tuple(_file(journal, job) for job in them if not job.address),
            tuple(_elsewhere(job) for job in them if job.address),
        )
        for terms, them in groups.items()
    ]


def _file(journal: Journal, job: Job) -> SourceFile:
    photo = journal.read(seen.place_now, job)
    return _again(SourceFile(photo, photo.parent, is_named=True), job)


def _elsewhere(job: Job) -> tuple[SourceFile, Photo]:
    found, photo = at_address(job.address)
    return _again(found, job), photo


def _again(found: SourceFile, job: Job) -> SourceFile:
    return replace(found, name=job.wanted or job.stem, redo_of=job.twin_of or job.id)
