"""Photos that are bought anew: which orders they make, each at one account, for one workflow, into one folder; what
they cost as far as it is known here, and what would be sent."""

from __future__ import annotations

import datetime as dt
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace

from artui.config import AccountConfig
from artui.core import actions
from artui.core.plan.collecting import PlanProblem, SourceFile, at_address
from artui.core.plan.order import Order, OrderPlanner, check_order
from artui.core.plan.planner import Planner
from artui.core.plan.target import Offer, Target
from artui.files import Photo
from artui.files.metadata import Keeping
from artui.journal import Connection, Journal, reviews, seen
from artui.journal.prices import together
from artui.model.job import Job, NewJob
from artui.model.states import Twins
from artui.providers import capabilities
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
    orders = []
    for terms, them in groups.items():
        here, elsewhere = [], []
        for job in them:
            if job.address:
                found, photo = at_address(job.address)
                elsewhere.append((_again(found, job, has_name=not workflows), photo))
            else:
                place = journal.read(seen.place_now, job)
                here.append(_again(SourceFile(place, place.parent, is_named=True), job, has_name=not workflows))
        orders.append(RedoOrder(*terms, tuple(here), tuple(elsewhere)))
    return orders


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


def _again(found: SourceFile, job: Job, *, has_name: bool) -> SourceFile:
    name = (job.wanted or job.stem) if has_name else ""
    # What a person gave a photo it keeps, whoever it is billed to; the other labels are of its order.
    others = capabilities(job.provider).taken_labels
    labels = {key: text for key, text in job.labels.items() if not key.startswith(others)}
    return replace(found, name=name, labels=labels, redo_of=job.twin_of or job.id)


@dataclass(frozen=True, slots=True)
class SameAgain:
    """Rejected photos of one account that may be bought anew as they were: for ``most`` at most, in its unit, None
    where that is not known; ``versions``: those of their workflows for which that holds, by their ids."""

    account: str
    jobs: tuple[Job, ...]
    most: int | None
    versions: Mapping[str, str]


def same_again(db: Connection, bought: Collection[int]) -> list[SameAgain]:
    """Which of these bought jobs may be bought anew, by account, at the terms the service was last seen to have."""
    found: dict[str, list[Job]] = {}
    for job in reviews.to_redo(db):
        if job.id in bought:
            found.setdefault(job.account, []).append(job)
    again = []
    for account, them in found.items():
        terms = [actions.terms(db, job) or {"quoted": job.quoted, "version": job.version} for job in them]
        versions = {job.workflow: str(each["version"]) for job, each in zip(them, terms, strict=True)}
        again.append(SameAgain(account, tuple(them), together(each["quoted"] for each in terms), versions))
    return again


def plan_redo(
    journal: Journal, redo: RedoOrder, offer: Offer, account: AccountConfig, batch: str, today: dt.date
) -> tuple[OrderPlanner, Order]:
    """Plan an order for one workflow, whatever was bought before. Reads the photos: for a thread. Raises
    PlanProblem."""
    checked = check_order(redo.found, redo.elsewhere, offer, lambda *_: None, strict=account.strict)
    planner = Planner(journal, offer, redo.target, batch, today, Twins(account.twins))
    orders = OrderPlanner([planner], lambda _: [offer])
    return orders, orders.plan(*checked, again=True)
