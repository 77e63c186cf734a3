"""How a plan is told: its lines for a person, its one question, and its JSON."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING

from artui.cli.terminal import counted, money
from artui.config import AccountConfig
from artui.config.system import iso
from artui.core.plan import OF_ARCHIVES, Order, Plan, Planned, RefusedFile, SourceFile, Verdict
from artui.core.quote import Quote
from artui.journal.before import TOLD, How
from artui.model.job import Batch

if TYPE_CHECKING:
    from artui.cli.documents import PlanDocument, PlannedFile, PlannedWorkflow, QueuedDocument, RefusedDocument

NAMED = 20
"""The most files of one kind that are named."""


@dataclass(frozen=True)
class Telling:
    """Tells an order and what it costs; ``opens``: when it is sent at the earliest, where that is not now."""

    order: Order
    quote: Quote
    account: AccountConfig
    opens: str = ""

    @cached_property
    def _to_send(self) -> list[tuple[Plan, Planned]]:
        return self.order.having(Verdict.SEND)

    @property
    def _is_one(self) -> bool:
        return len(self.order.plans) == 1

    def _workflow(self, plan: Plan) -> str:
        workflow = plan.offer.workflow
        name = self.order.names[workflow.id]
        return f"{name} ({workflow.changed_at[:10]})" if workflow.changed_at else name

    def _photo(self, plan: Plan, planned: Planned) -> str:
        """A photo by its name, and by its workflow where there are several."""
        name = planned.found.path.name
        return name if self._is_one else f"{name} for {self.order.names[plan.offer.workflow.id]}"

    def lines(self) -> Iterator[str]:
        """The order for a person: what goes where, what does not and why, what it costs."""
        order, offer = self.order, self.order.plans[0].offer
        payer = offer.identity.organization.name or offer.identity.organization.id
        for plan in order.plans:
            yield f"{self._workflow(plan)} at {self.account.called} ({payer}), results in {plan.target.folder}"
        yield from _listed(
            f"{self._photo(plan, one)}: saved as {one.stem}" for plan, one in order.queued if one.is_renamed
        )
        yield from _listed(
            f"{self._photo(plan, one)}: {one.note}"
            for plan, one in order.photos
            if one.note and one.before is not How.UNKNOWN
        )
        yield from _listed((f"{refused.path.parent}: {refused.message}" for refused in order.refused), "not sent")
        suspect = dict.fromkeys(one.photo for _, one in self._to_send if one.photo.suspect)
        yield from _listed(
            f"{photo.path.name}: may not be whole ({photo.suspect}), sent all the same" for photo in suspect
        )
        if order.archives:
            yield OF_ARCHIVES
        yield from dict.fromkeys(f"{remark}." for remark in order.remarks)
        if order.passed_over:
            others = "1 other file" if order.passed_over == 1 else f"{order.passed_over:,} other files"
            yield f"Passed over, no photos: {others}."
        if told := [f"{number:,} {kind}" for kind, number in order.ignored.items() if kind != "hidden"]:
            yield f"Left alone by name: {', '.join(told)}; `artui config show ignore` lists the names."
        if order.unmatched is not None:  # a pattern looks for a SKU in each name
            found = {one.found.path: one.found for _, one in order.photos}
            missing = found.keys() & set(order.unmatched)
            by_name = [one for path, one in found.items() if path not in missing]
            skus = len({one.labels.get("sku") for one in by_name})
            yield f"SKU by name: {len(by_name):,} of {len(found):,} names fit, {skus:,} different"
            yield from _listed(f"{one.path.name}: {one.labels.get('sku')}" for one in by_name)
            unfit = (f"{path.name}: does not fit the pattern" for path in found if path in missing)
            yield from _listed(unfit, "do not fit")
        refused = [f"{len(order.refused):,} refused"] if order.refused else []
        if self._is_one:
            [plan] = order.plans
            yield f"{', '.join(_counts(plan, refused))}: {self._sum(plan)}"
        else:
            for plan in order.plans:
                yield f"{order.names[plan.offer.workflow.id]}: {', '.join(_counts(plan, []))}: {self._sum(plan)}"
            cost = "the price is not known" if order.most is None else f"at most {self._money(order.most)}"
            yield f"Together {', '.join([f'{len(self._to_send):,} to send', *refused])}: {cost}"
        for how, number in order.before.items():
            yield f"{number:,} {TOLD[how]}"
        yield from self._bounds()

    def _sum(self, plan: Plan) -> str:
        number, price = len(plan.having(Verdict.SEND)), plan.offer.workflow.price
        if not number:
            return "nothing to pay"
        if price is None or plan.most is None:
            return "the price is not known" if plan.archives else "the service names no price"
        return f"{number:,} x {price:,} = at most {self._money(plan.most)}"

    def _money(self, amount: int) -> str:
        euro = self.order.plans[0].offer.limits.euro_per_credit
        return money(amount) + (f" (~{amount * euro:,.2f} EUR net)" if euro else "")

    def _bounds(self) -> Iterator[str]:
        """What the balance and the caps say to the sum."""
        quote = self.quote
        if not quote.count:
            return
        if quote.balance is not None and self.order.archives:
            yield f"balance {quote.balance:,}; in caps an archive counts as one photo"
        elif quote.balance is not None and quote.balance_after is not None:
            lacking = ": top up, the rest waits unsent" if quote.balance_after < 0 else ""
            yield f"balance {quote.balance:,}, after it {quote.balance_after:,}{lacking}"
        elif quote.unknown:
            yield f"balance unknown: {quote.unknown}"
        for one in quote.telling:
            beyond = f": room for {one.room:,}, the rest waits unsent" if one.is_short else ""
            yield f"{one.span} {one.after:,} of {one.cap.limit:,} (cap){beyond}"
        if self.opens:
            yield f"outside the account's hours: sent from {self.opens} on"

    def question(self) -> str:
        """The one question before anything is sent."""
        if not self._to_send:
            return f"Copy {counted(len(self.order.queued), 'result')}, nothing to pay?"
        number = len({one.found.path for _, one in self._to_send})
        photos = "1 photo" if number == 1 else f"{number:,} photos"
        most, parts = self.order.most, ""
        if not self._is_one:
            names = self.order.names
            parts = ": " + ", ".join(f"{names[one.offer.workflow.id]} {one.most or 0:,}" for one in self.order.plans)
        cost = " The price is not known." if most is None else f" At most {self._money(most)}{parts}."
        twice = " What was sent before may be charged too." if any(one.may_cost for _, one in self._to_send) else ""
        workflows = " and ".join(self._workflow(plan) for plan in self.order.plans if plan.having(Verdict.SEND))
        payer = f", paid by {self.account.called}" if self.account.production else ""
        return f"Send {photos} to {workflows}{payer}?{cost}{twice}"


def _counts(plan: Plan, refused: Sequence[str]) -> Iterator[str]:
    """How many go, and how many do not for which reason."""
    yield f"{len(plan.having(Verdict.SEND)):,} to send"
    for verdict, words in ((Verdict.TWIN, "copied, not paid"), (Verdict.KNOWN, "done or queued before, not paid")):
        if number := len(plan.having(verdict)):
            yield f"{number:,} {words}"
    yield from refused
    if number := len(plan.having(Verdict.METADATA)):
        changed = "its metadata" if number == 1 else "their metadata"
        yield f"{number:,} bought before, only {changed} changed, not sent (`artui redo FILE` buys one anew)"
    if number := len(plan.having(Verdict.BOUGHT)):
        yield f"{number:,} bought before, not paid again"


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


BatchOf = Callable[[SourceFile], Batch]
"""Gives the batch that a photo belongs to."""


def plan_document(
    order: Order, account: AccountConfig, batch: Batch, batch_of: BatchOf, quote: Quote, opens: float | None
) -> PlanDocument:
    """An order as JSON: what would be sent, what not and why, what it costs at most, how much of it fits now, and when
    the account's hours begin, in epoch seconds.

    ``workflow`` and ``price`` are null where there are several; ``workflows`` has each.
    """
    first = order.plans[0]
    documents = [_workflow_document(plan) for plan in order.plans]
    only = documents[0] if len(documents) == 1 else None
    remarks = {(one.trait, one.detail): one for plan in order.plans for one in plan.remarks}
    return {
        "account": account.name,
        "production": account.production,
        "organization": first.offer.identity.organization.id,
        "workflow": only and {"id": only["id"], "name": only["name"], "version": only["version"]},
        "workflows": documents,
        "price": only and only["price"],
        "most": order.most,
        "balance": quote.balance,
        "balance_reason": quote.unknown,
        "fits": quote.fits,
        "caps": quote.cap_documents(),
        "hours_begin": opens,
        "hours_begin_iso": iso(opens),
        "batch": {"name": batch.name, "cap": batch.cap},
        "output": str(first.target.folder),
        "sku_unmatched": None if order.unmatched is None else [str(path) for path in order.unmatched],
        "files": [
            {
                **_file_document(plan, planned),
                "labels": {**plan.offer.labels, **planned.found.labels},
                "batch": batch_of(planned.found).name,
                "remarks": [told.trait for told in plan.worth.told(planned.photo)],
            }
            for plan, planned in order.photos
        ],
        "refused": refused_documents(order.refused),
        "passed_over": order.passed_over,
        "before": {how.value: number for how, number in order.before.items()},
        "metadata": first.target.metadata,
        "remarks": [{"code": one.trait, "detail": one.detail, "count": one.count} for one in remarks.values()],
        "ignored": dict(order.ignored),
    }


def _workflow_document(plan: Plan) -> PlannedWorkflow:
    workflow = plan.offer.workflow
    return {
        "id": workflow.id,
        "name": workflow.name,
        "version": workflow.version,
        "price": workflow.price,
        "photos": len(plan.having(Verdict.SEND)),
        "most": plan.most,
    }


def queued_document(
    order: Order, main: Batch, added: Sequence[tuple[int, Batch, Plan, Planned]]
) -> QueuedDocument:  # fmt: skip
    """What was queued, as JSON: the batches, their jobs, and what was not taken."""
    batches = list({batch.id: batch for _, batch, _, _ in added}.values())
    offer = order.plans[0].offer
    known = (Verdict.KNOWN, Verdict.METADATA)
    return {
        "batch": batches[0].id if len(batches) == 1 else None,
        "name": batches[0].name if len(batches) == 1 else main.name,
        "batches": [{"id": batch.id, "name": batch.name} for batch in batches],
        "account": offer.account,
        "workflow": offer.workflow.id if len(order.plans) == 1 else None,
        "workflows": [_workflow_document(plan) for plan in order.plans],
        "quoted": order.most,
        "jobs": [
            {"id": number, **_file_document(plan, planned), "batch": batch.id} for number, batch, plan, planned in added
        ],
        "known": [_file_document(plan, one) for verdict in known for plan, one in order.having(verdict)],
        "refused": refused_documents(order.refused),
    }


def refused_documents(refused: Sequence[RefusedFile]) -> list[RefusedDocument]:
    """The files that are not sent, as JSON."""
    return [{"source": str(one.path), "reason": one.reason, "message": one.message} for one in refused]


def _file_document(plan: Plan, planned: Planned) -> PlannedFile:
    return {
        "source": str(planned.found.path),
        "workflow": plan.offer.workflow.id,
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
