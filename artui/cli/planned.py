"""How a plan is told: its lines for a person, its one question, and its JSON."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING

from artui.cli.terminal import money
from artui.core.plan import OF_ARCHIVES, Plan, Planned, Verdict
from artui.core.quote import Quote
from artui.journal.before import TOLD, How
from artui.model.job import Batch

if TYPE_CHECKING:
    from artui.cli.documents import PlanDocument, PlannedFile, QueuedDocument, RefusedDocument

NAMED = 20
"""The most files of one kind that are named."""


@dataclass(frozen=True)
class Telling:
    """Tells a plan and what it costs."""

    plan: Plan
    quote: Quote

    @cached_property
    def _to_send(self) -> list[Planned]:
        return self.plan.having(Verdict.SEND)

    @property
    def _workflow(self) -> str:
        workflow = self.plan.offer.workflow
        return f"{workflow.name} ({workflow.changed_at[:10]})" if workflow.changed_at else workflow.name

    def lines(self) -> Iterator[str]:
        """The plan for a person: what goes where, what does not and why, what it costs."""
        plan, offer = self.plan, self.plan.offer
        payer = offer.identity.organization.name or offer.identity.organization.id
        yield f"{self._workflow} at {offer.account} ({payer}), results in {plan.target.folder}"
        yield from _listed(f"{one.found.path.name}: saved as {one.stem}" for one in plan.queued if one.is_renamed)
        yield from _listed(
            f"{one.found.path.name}: {one.note}" for one in plan.photos if one.note and one.before is not How.UNKNOWN
        )
        yield from _listed((f"{refused.path.parent}: {refused.message}" for refused in plan.refused), "not sent")
        suspect = [one.photo for one in self._to_send if one.photo.suspect]
        yield from _listed(
            f"{photo.path.name}: may not be whole ({photo.suspect}), sent all the same" for photo in suspect
        )
        if plan.archives:
            yield OF_ARCHIVES
        yield from (f"{remark}." for remark in plan.remarks)
        if plan.passed_over:
            others = "1 other file" if plan.passed_over == 1 else f"{plan.passed_over:,} other files"
            yield f"Passed over, no photos: {others}."
        if told := [f"{number:,} {kind}" for kind, number in plan.ignored.items() if kind != "hidden"]:
            yield f"Left alone by name: {', '.join(told)}; `artui config show ignore` lists the names."
        yield f"{', '.join(self._counts())}: {self._sum()}"
        for how, number in plan.before.items():
            yield f"{number:,} {TOLD[how]}"
        yield from self._bounds()

    def _counts(self) -> Iterator[str]:
        """How many go, and how many do not for which reason."""
        plan = self.plan
        yield f"{len(self._to_send):,} to send"
        for verdict, words in ((Verdict.TWIN, "copied, not paid"), (Verdict.KNOWN, "done or queued before, not paid")):
            if number := len(plan.having(verdict)):
                yield f"{number:,} {words}"
        if plan.refused:
            yield f"{len(plan.refused):,} refused"
        if number := len(plan.having(Verdict.METADATA)):
            changed = "its metadata" if number == 1 else "their metadata"
            yield f"{number:,} bought before, only {changed} changed, not sent (`artui redo FILE` buys one anew)"
        if number := len(plan.having(Verdict.BOUGHT)):
            yield f"{number:,} bought before, not paid again"

    def _sum(self) -> str:
        price = self.plan.offer.workflow.price
        if not self._to_send:
            return "nothing to pay"
        if self.plan.most is None:
            return "the price is not known" if self.plan.archives else "the service names no price"
        return f"{len(self._to_send):,} x {price:,} = at most {self._money(self.plan.most)}"

    def _money(self, amount: int) -> str:
        euro = self.plan.offer.limits.euro_per_credit
        return money(amount) + (f" (~{amount * euro:,.2f} EUR net)" if euro else "")

    def _bounds(self) -> Iterator[str]:
        """What the balance and the caps say to the sum."""
        quote = self.quote
        if not quote.count:
            return
        if quote.balance is not None and self.plan.archives:
            yield f"balance {quote.balance:,}; in caps an archive counts as one photo"
        elif quote.balance is not None and quote.balance_after is not None:
            lacking = ": top up, the rest waits unsent" if quote.balance_after < 0 else ""
            yield f"balance {quote.balance:,}, after it {quote.balance_after:,}{lacking}"
        elif quote.unknown:
            yield f"balance unknown: {quote.unknown}"
        for one in quote.telling:
            beyond = f": room for {one.room:,}, the rest waits unsent" if one.is_short else ""
            yield f"{one.span} {one.after:,} of {one.cap.limit:,} (cap){beyond}"

    def question(self) -> str:
        """The one question before anything is sent."""
        number = len(self._to_send)
        if not number:
            return f"Copy {len(self.plan.queued):,} results, nothing to pay?"
        photos = "1 photo" if number == 1 else f"{number:,} photos"
        cost = " The price is not known." if self.plan.most is None else f" At most {self._money(self.plan.most)}."
        twice = " What was sent before may be charged too." if any(one.may_cost for one in self._to_send) else ""
        return f"Send {photos} to {self._workflow}?{cost}{twice}"


def _listed(entries: Iterator[str], more: str = "more") -> Iterator[str]:
    """The first of some lines, and how many there are beyond them."""
    beyond = 0
    for number, entry in enumerate(entries):
        if number < NAMED:
            yield f"  {entry}"
        else:
            beyond += 1
    if beyond:
        yield f"  and {beyond:,} {more}"


def plan_document(plan: Plan, batch: Batch, quote: Quote) -> PlanDocument:
    """A plan as JSON: what would be sent, what not and why, what it costs at most, and how much of it fits now."""
    offer = plan.offer
    return {
        "account": offer.account,
        "organization": offer.identity.organization.id,
        "workflow": {"id": offer.workflow.id, "name": offer.workflow.name, "version": offer.workflow.version},
        "price": offer.workflow.price,
        "most": plan.most,
        "balance": quote.balance,
        "balance_reason": quote.unknown,
        "fits": quote.fits,
        "caps": quote.cap_documents(),
        "batch": {"name": batch.name, "cap": batch.cap},
        "output": str(plan.target.folder),
        "files": [
            {**_file_document(planned), "remarks": [told.trait for told in plan.worth.told(planned.photo)]}
            for planned in plan.photos
        ],
        "refused": refused_documents(plan),
        "passed_over": plan.passed_over,
        "before": {how.value: number for how, number in plan.before.items()},
        "metadata": plan.target.metadata,
        "remarks": [{"code": remark.trait, "detail": remark.detail, "count": remark.count} for remark in plan.remarks],
        "ignored": dict(plan.ignored),
    }


def queued_document(plan: Plan, batch: Batch, numbers: Sequence[int]) -> QueuedDocument:
    """What was queued, as JSON: the batch, its jobs, and what was not taken."""
    pairs = zip(numbers, plan.queued, strict=True)
    return {
        "batch": batch.id if numbers else None,
        "name": batch.name,
        "account": plan.offer.account,
        "workflow": plan.offer.workflow.id,
        "quoted": plan.most,
        "jobs": [{"id": number, **_file_document(planned)} for number, planned in pairs],
        "known": [
            _file_document(planned) for verdict in (Verdict.KNOWN, Verdict.METADATA) for planned in plan.having(verdict)
        ],
        "refused": refused_documents(plan),
    }


def refused_documents(plan: Plan) -> list[RefusedDocument]:
    """The files that are not sent, as JSON."""
    return [
        {"source": str(refused.path), "reason": refused.reason, "message": refused.message} for refused in plan.refused
    ]


def _file_document(planned: Planned) -> PlannedFile:
    return {
        "source": str(planned.found.path),
        "verdict": planned.verdict,
        "output": None if planned.verdict in (Verdict.KNOWN, Verdict.METADATA) else str(planned.folder / planned.stem),
        "renamed": planned.is_renamed,
        "same_as": None if planned.twin_of is None else str(planned.twin_of),
        "job": planned.job,
        "before": planned.before,
        "note": planned.note,
        "may_be_charged_too": planned.may_cost,
        "suspect": planned.photo.suspect,
    }
