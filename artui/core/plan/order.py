"""Several workflows in one order: a plan for each, made, named and added together."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Container, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

from artui.core.plan.collecting import PlanProblem, RefusedFile, SourceFile, check
from artui.core.plan.planner import Plan, Planned, Planner, Verdict, new_job
from artui.core.plan.remarks import Remark
from artui.core.plan.target import Offer
from artui.files import Photo, names
from artui.journal import Connection, jobs
from artui.journal.before import How
from artui.journal.prices import together
from artui.model.job import Batch, NewJob


@dataclass(frozen=True, slots=True)
class Order:
    """What would be sent through one or several workflows of an account: a plan for each, in the order they were named.

    ``places``: where each photo stands among all; ``names``: what each workflow is called by its id, so that no two are
    called alike; ``unmatched``: the photos without a SKU in their name, None where none is looked for; ``refused``,
    ``passed_over`` and ``ignored`` are what none of the workflows gets.
    """

    plans: tuple[Plan, ...]
    places: Mapping[Path, int]
    names: Mapping[str, str]
    unmatched: Sequence[Path] | None = None
    refused: tuple[RefusedFile, ...] = ()
    passed_over: int = 0
    ignored: Mapping[str, int] = field(default_factory=dict)

    @property
    def photos(self) -> list[tuple[Plan, Planned]]:
        """All photos of all plans: photo by photo, each through its workflows."""
        return self._sorted((plan, one) for plan in self.plans for one in plan.photos)

    @property
    def queued(self) -> list[tuple[Plan, Planned]]:
        """Those that become jobs, in the order in which they do."""
        return self._sorted((plan, one) for plan in self.plans for one in plan.queued)

    def having(self, verdict: Verdict) -> list[tuple[Plan, Planned]]:
        """Those with this verdict."""
        return [(plan, one) for plan, one in self.photos if one.verdict is verdict]

    @property
    def most(self) -> int | None:
        """What all of it costs at most, in the account's unit; None where some price is not known."""
        return together(plan.most for plan in self.plans if plan.having(Verdict.SEND))

    @property
    def archives(self) -> int:
        """How many archives are sent, each as one photo, at a price that nobody knows."""
        return sum(plan.archives for plan in self.plans)

    @property
    def remarks(self) -> list[Remark]:
        """What is worth telling of the photos that are to be sent, once for all workflows."""
        return list(dict.fromkeys(remark for plan in self.plans for remark in plan.remarks))

    @property
    def before(self) -> dict[How, int]:
        """How many may have been paid before, by the way in which."""
        return dict(sum((Counter(plan.before) for plan in self.plans), Counter[How]()))

    def _sorted(self, found: Iterator[tuple[Plan, Planned]]) -> list[tuple[Plan, Planned]]:
        return sorted(found, key=lambda one: self.places[one[1].found.path])

    def new_jobs(
        self, batch_of: Callable[[SourceFile], Batch], labels: Mapping[str, Mapping[str, str]],
        delivery: tuple[str, str] = ("", ""),
    ) -> dict[str, tuple[Batch, list[NewJob]]]:  # fmt: skip
        """The jobs by their batch's id, each batch with its ``labels``; ``delivery`` is what was said for them alone of
        what is run with their results, and when."""
        command, wanted = delivery
        made: dict[str, tuple[Batch, list[NewJob]]] = {}
        for plan, planned in self.queued:
            batch = batch_of(planned.found)
            new = new_job(plan.offer, planned, batch, labels[batch.id], metadata=plan.target.metadata)
            made.setdefault(batch.id, (batch, []))[1].append(replace(new, after_saved=command, deliver=wanted))
        return made


def add(db: Connection, made: Mapping[str, tuple[Batch, list[NewJob]]]) -> dict[str, list[int]]:
    """Add the jobs of an order; returns their numbers by their batch's id."""
    return {number: jobs.add(db, batch, new) for number, (batch, new) in made.items()}


@dataclass
class OrderPlanner:
    """Plans an order: a planner for each workflow, all with the same targets. ``offers_of`` gives the workflows that a
    file goes through."""

    planners: Sequence[Planner]
    offers_of: Callable[[SourceFile], Sequence[Offer]]

    def __post_init__(self) -> None:
        self._names = _names([planner.offer for planner in self.planners])
        for planner in self.planners:
            planner.called = self._names[planner.offer.workflow.id]

    def plan(
        self, photos: Sequence[tuple[SourceFile, Photo]], refused: Sequence[RefusedFile] = (), passed_over: int = 0,
        *, again: bool = False, by_hand: Container[Path] = (),
    ) -> Order:  # fmt: skip
        """Plan each photo for its workflows; as :meth:`Planner.plan` does for one."""
        by_workflow: dict[str, list[tuple[SourceFile, Photo]]] = {}
        for found, photo in photos:
            for offer in self.offers_of(found):
                by_workflow.setdefault(offer.workflow.id, []).append((found, photo))
        plans = [
            planner.plan(by_workflow.get(planner.offer.workflow.id, []), again=again, by_hand=by_hand)
            for planner in self.planners
        ]
        not_sent = {one.path: one for one in (*refused, *(one for plan in plans for one in plan.refused))}
        places = {found.path: place for place, (found, _) in reversed(list(enumerate(photos)))}
        order = Order(tuple(plans), places, self._names, None, tuple(not_sent.values()), passed_over)
        return self.renamed(order) if len(plans) > 1 else order

    def judged(self, found: SourceFile, photo: Photo) -> tuple[Planned, ...]:
        """What the journal means for one photo, for each of the workflows."""
        return tuple(planner.judged(found, photo) for planner in self.planners)

    def renamed(self, order: Order) -> Order:
        """The order with result names that are free now, and that differ among its workflows."""
        stems = self.planners[0].stems()
        plans = (
            planner.renamed(replace(plan, refused=()), stems)
            for planner, plan in zip(self.planners, order.plans, strict=True)
        )
        return replace(order, plans=tuple(plans))


def _names(offers: Sequence[Offer]) -> dict[str, str]:
    """What to call each workflow in the names of results: by its name, and where several would be called alike, with
    the beginning of its id."""
    called = Counter(_folded(offer) for offer in offers)
    found = {}
    for offer in offers:
        flow = offer.workflow
        beginning = next(
            length for length in range(8, max(9, len(flow.id)) + 1)
            if sum(other.workflow.id.startswith(flow.id[:length]) for other in offers) == 1 or length >= len(flow.id)
        )  # fmt: skip
        found[flow.id] = flow.name if called[_folded(offer)] == 1 else f"{flow.name} {flow.id[:beginning]}"
    return found


def _folded(offer: Offer) -> str:
    return names.folded(names.tame(offer.workflow.name))


def check_order(
    found: Sequence[SourceFile], elsewhere: Sequence[tuple[SourceFile, Photo]], offer: Offer,
    counted: Callable[[int, int], None], *, strict: bool, suspect: bool = False,
) -> tuple[list[tuple[SourceFile, Photo]], list[RefusedFile], int]:  # fmt: skip
    """The files of an order after a look at each, and what lies ``elsewhere`` as it is; otherwise as :func:`check`.
    Raises :class:`PlanProblem` where the service fetches nothing from there."""
    if elsewhere and not offer.limits.takes_addresses:
        raise PlanProblem(f"The service of {offer.account} takes files only, and fetches nothing from an address.")
    each: dict[Path, SourceFile] = {}  # once, for however many workflows it stands in a list
    for one in found:
        each.setdefault(one.path, one)
    accepts = replace(offer.limits.accepts, strict=strict)
    photos, refused, passed_over = check(list(each.values()), accepts, counted, suspect=suspect)
    seen = {one.path: photo for one, photo in photos}
    return [*((one, seen[one.path]) for one in found if one.path in seen), *elsewhere], refused, passed_over
