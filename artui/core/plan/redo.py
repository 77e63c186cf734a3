"""Photos that are bought anew: which orders they make, each at one account, for one workflow, into one folder."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace

from artui.core.plan.collecting import PlanProblem, SourceFile, at_address
from artui.core.plan.target import Target
from artui.files import Photo
from artui.files.metadata import Keeping
from artui.journal import Connection, Journal, reviews, seen
from artui.model.job import Job, NewJob
from artui.sanitize import sanitize


@dataclass(frozen=True, slots=True)
class RedoOrder:
    """Photos of one order: files that are still to be looked at, and what lies elsewhere as it is. ``delivery``: what
    was said for them alone of what is run with their results, and when."""

    account: str
    workflows: tuple[str, ...]
    target: Target
    delivery: tuple[str, str]
    found: tuple[SourceFile, ...]
    elsewhere: tuple[tuple[SourceFile, Photo], ...]


def redo_orders(
    journal: Journal, made: Sequence[Job], *, workflows: Sequence[str] = (), output: str | None = None,
    metadata: str | None = None, is_one_of_several: bool = False,
) -> list[RedoOrder]:  # fmt: skip
    """The orders by which the photos of these jobs are bought anew: as they were, or through other ``workflows``, into
    another folder, with other metadata.

    The result gets the name the first one had, where that is free; of another workflow the photo's own, with the
    workflow in it where the photo has, or gets, results of several.
    """
    has_workflow = workflows and (is_one_of_several or len(workflows) > 1) and "{workflow}" not in (output or "")
    template = "{stem}-{workflow}" if has_workflow else "{stem}"
    groups: dict[tuple[str, tuple[str, ...], Target, tuple[str, str]], list[Job]] = {}
    for job in made:
        keeping = Keeping(metadata or job.metadata)
        target = Target.of(output, template, keeping) if output else Target(job.folder, template, keeping)
        through = tuple(workflows) or (job.workflow,)
        groups.setdefault((job.account, through, target, (job.after_saved, job.deliver)), []).append(job)
    return [
        RedoOrder(
            *terms,
            tuple(_file(journal, job, has_name=not workflows) for job in them if not job.address),
            tuple(_elsewhere(job, has_name=not workflows) for job in them if job.address),
        )
        for terms, them in groups.items()
    ]


class OrderedMeanwhile(PlanProblem):
    """Somebody else has ordered a rejected photo again since it was offered; nothing was added."""


def refuse_ordered(db: Connection, made: Iterable[NewJob]) -> None:
    """Raise :class:`OrderedMeanwhile` where one of these was ordered again since it was offered as rejected; in the
    transaction that adds them, so that of two who order at the same moment one does."""
    offered = {job.id for job in reviews.to_redo(db)}
    if late := next((one for one in made if one.redo_of not in offered), None):
        raise OrderedMeanwhile(
            f"{sanitize(late.source.name)} was ordered again by somebody else meanwhile. Nothing was sent; run it again"
            " for the others."
        )


def _file(journal: Journal, job: Job, *, has_name: bool) -> SourceFile:
    photo = journal.read(seen.place_now, job)
    return _again(SourceFile(photo, photo.parent, is_named=True), job, has_name=has_name)


def _elsewhere(job: Job, *, has_name: bool) -> tuple[SourceFile, Photo]:
    found, photo = at_address(job.address)
    return _again(found, job, has_name=has_name), photo


def _again(found: SourceFile, job: Job, *, has_name: bool) -> SourceFile:
    return replace(found, name=(job.wanted or job.stem) if has_name else "", redo_of=job.twin_of or job.id)
