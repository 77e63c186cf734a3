"""From picked photos to jobs: the plan as a proposal, its one question, and what happens after a yes.

A proposal is fixed when it is asked about. The service is asked once more before anything is written; where price,
version or payer are others by then, nothing is written.
"""

from __future__ import annotations

import asyncio
import datetime as dt
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TypeVar

from artui import files
from artui.config import Config
from artui.core.plan import (
    OF_ARCHIVES,
    Offer,
    Order,
    OrderPlanner,
    PlanProblem,
    Verdict,
    fetch_offer,
    hashed,
)
from artui.core.quote import Quote, order_portions
from artui.core.submit import submit
from artui.credentials import Vault
from artui.files import OutputProblem, Permissions, Photo, PhotoProblem, exiftool, probe_folder
from artui.files.metadata import Keeping
from artui.journal import Connection, Journal, jobs
from artui.journal.before import TOLD
from artui.journal.caps import Portion
from artui.model.job import Batch
from artui.sanitize import beginning, sanitize
from artui.tui.dialogs import Choice, No, Question
from artui.tui.look import Glyphs
from artui.tui.service import ServiceError, at_service
from artui.tui.submit.batches import LABEL, Batching, batches, label_of, parts
from artui.tui.submit.marks import NOTHING, FileCheck, Marks
from artui.tui.submit.ordering import AccountSnapshot, OrderForm, titled
from artui.tui.words import plural
from artui.watch.outputs import refuse_watched

Known = TypeVar("Known")

REMARKS = 4
"""How many kinds of remarks stand in the question."""


class FilesChanged(Exception):
    """Some files are no longer those that were checked; ``paths`` says which."""

    def __init__(self, paths: Sequence[Path]) -> None:
        super().__init__(f"{plural(len(paths), 'photo')} changed meanwhile")
        self.paths = paths


class TermsChanged(Exception):
    """The service has another price, version or payer by now than was agreed to: ``order`` is what holds now."""

    def __init__(self, agreed: OrderForm, order: OrderForm) -> None:
        super().__init__(_difference(agreed, order))
        self.order = order


@dataclass(frozen=True)
class Proposal:
    """What would be sent, and in which batches."""

    order: Order
    planner: OrderPlanner
    batching: Batching
    names: Mapping[Path, str]
    made: Mapping[str, Batch]
    refused: int = 0

    def portions(self) -> list[Portion]:
        """What is paid for, as the caps see it."""
        made, names = self.made, self.names
        return list(order_portions(self.order, lambda one: made[names[one.found.path]]))

    @property
    def price(self) -> int | None:
        """What each result costs; None where several workflows have several prices, or one is not known."""
        prices = {plan.offer.workflow.price for plan in self.order.plans}
        return prices.pop() if len(prices) == 1 else None

    @property
    def samples(self) -> int:
        """How many photos are held back until a person has seen the first ones."""
        sample = self.batching.sample
        if sample is None:
            return 0
        sizes = Counter(self.names[path] for path in {planned.found.path for _, planned in self.order.queued})
        return sum(max(0, size - sample) for size in sizes.values())


def propose(
    config: Config, journal: Journal, order: OrderForm, marks: Marks, seen: Mapping[Path, FileCheck], now: dt.datetime
) -> Proposal:
    """Plan the marked files as they are now; for a thread.

    Raises :class:`FilesChanged`, and PlanProblem for a template that cannot be used, or an output folder among the
    photos or that is watched.
    """
    target, batching, found = order.named_target, order.batching, marks.found()
    offer = _chosen(order)[0]
    known = [(file, photo) for file in found if (photo := seen.get(file.path, NOTHING).photo) is not None]
    changed = [file.path for file, photo in known if not _is_still(file.path, photo.stamp)]
    if changed:
        raise FilesChanged(changed)
    strict = order.account is not None and order.account.strict
    accepts = replace(offer.limits.accepts, strict=strict)
    read = [(file, photo if photo.digest else hashed(photo, accepts)) for file, photo in known]
    photos = [
        (replace(file, labels={LABEL: sku}) if (sku := order.sku_in(file.path.name)) else file, photo)
        for file, photo in read
        if isinstance(photo, Photo) and (file.is_named or not (photo.suspect or photo.is_archive))
    ]
    target.refuse_loop({file.top for file, _ in photos}, recursive=False)
    refuse_watched(target.folder, config, journal)
    try:
        for file, _ in photos:
            label_of(batching.label, file)
    except ValueError as problem:
        raise PlanProblem(str(problem)) from None
    names = batching.names([file for file, _ in photos], now.timestamp())
    planner = _complete(order.planner(journal, now.date(), lambda file: names[file.path]))
    planned = planner.plan(photos, by_hand={file.path for file in found if file.is_named})
    made = batches(names, offer.account, batching.sample, now.timestamp())
    return Proposal(planned, planner, batching, names, made, len(found) - len(photos))


def _complete(part: Known | None) -> Known:
    """A part of the order that must be chosen by now."""
    if part is None:
        raise ServiceError("The order is not complete: w chooses a workflow.")
    return part


def _chosen(order: OrderForm) -> list[Offer]:
    """The workflows of an order, which must be chosen by now."""
    if not (offers := order.offers()):
        raise ServiceError("The order is not complete: w chooses a workflow.")
    return offers


def _is_still(path: Path, stamp: files.Stamp) -> bool:
    try:
        return files.stamp(path).is_content_of(stamp)
    except PhotoProblem:
        return False


# -------------------------------------------------------------------------------------------------------- the question


def question(proposal: Proposal, order: OrderForm, cost: Quote, glyphs: Glyphs) -> Question[bool]:
    """The one question before anything is sent; gives True for a yes."""
    number = len({one.found.path for _, one in proposal.order.having(Verdict.SEND)})
    most = proposal.order.most
    price = "The price is not known." if most is None else f"At most {order.money(most).replace(' EUR', ' EUR net')}."
    name = sanitize(titled(order.choices), 70 if len(order.choices) > 1 else 50)
    payer = f", paid by {order.account.called}" if order.account and order.account.production else ""
    title = f"Send {plural(number, 'photo')} to {name}{payer}? {price}"
    if not number:
        title = f"Copy {plural(len(proposal.order.queued), 'result')}? Nothing to pay."
    choices = (No("not now"), Choice("y", "send" if number else "copy the results", True))
    return Question(title, [glyphs.plain(line) for line in _lines(proposal, order, cost)], choices)


def _lines(proposal: Proposal, form: OrderForm, cost: Quote) -> Sequence[str]:
    order, offer = proposal.order, proposal.order.plans[0].offer
    payer = offer.identity.organization.name or offer.identity.organization.id
    called = form.account.called if form.account else offer.account
    says = [f"Account {sanitize(called, 50)}, {sanitize(payer, 40)}"]
    if cost.balance is not None and order.archives:
        says.append(f"balance {cost.balance:,}")
    elif (left := cost.balance_after) is not None:
        says.append(f"balance after {left:,}" + (": top up, the rest waits unsent" if left < 0 else ""))
    elif cost.unknown:
        says.append(f"balance unknown: {beginning(cost.unknown, 80)}")
    for one in cost.telling:
        beyond = f": room for {plural(one.room, 'photo')}, the rest waits unsent" if one.is_short else ""
        says.append(f"{sanitize(one.span, 40)} {one.after:,} of {one.cap.limit:,}{beyond}")
    of_each = [
        f"{sanitize(plan.offer.workflow.name, 40)} {len(plan.having(Verdict.SEND)):,}: "
        f"{'price not known' if plan.most is None else f'{plan.most:,} cr'}"
        for plan in order.plans
    ]
    return [
        " · ".join(says) + ".",
        *([", ".join(of_each) + "."] if len(of_each) > 1 else []),
        f"Results: {sanitize(order.plans[0].target.folder, 66)}",
        *([OF_ARCHIVES] if order.archives else []),
        *_exceptions(proposal),
    ]


def _exceptions(proposal: Proposal) -> list[str]:
    """What does not simply go from here to there."""
    order, lines = proposal.order, []
    if held := proposal.samples:
        lines.append(f"The first {proposal.batching.sample:,} of each batch go ahead; {held:,} wait for your yes.")
    if len(proposal.made) > 1:
        lines.append(f"{len(proposal.made):,} batches.")
    remarks = [f"{beginning(str(remark), 100)}." for remark in order.remarks]
    lines += remarks if len(remarks) <= REMARKS else [*remarks[:REMARKS], f"{len(remarks) - REMARKS} more remarks."]
    if suspect := list(dict.fromkeys(one.found.path for _, one in order.having(Verdict.SEND) if one.photo.suspect)):
        number = plural(len(suspect), "photo", "photos")
        lines.append(f"{number} may not be whole, and sent by your word: {sanitize(suspect[0].name, 24)}.")
    lines += _bought_before(order)
    lines += [f"{number:,} {TOLD[how]}." for how, number in order.before.items()]
    if renamed := [planned for _, planned in order.queued if planned.is_renamed]:
        first = f"{sanitize(renamed[0].found.path.name, 24)} as {sanitize(renamed[0].stem, 24)}"
        lines.append(f"{plural(len(renamed), 'result name is', 'result names are')} taken: {first}.")
    if order.refused:  # by now only what artui has saved itself
        number = plural(len(order.refused), "is a result", "are results")
        lines.append(
            f"{number} of artui, not sent: {sanitize(order.refused[0].path.name, 24)}. Mark one by itself to send it."
        )
    if proposal.refused:
        lines.append(f"{proposal.refused:,} refused and left out.")
    return lines


def _bought_before(order: Order) -> list[str]:
    """What becomes of the photos that were bought before, or whose picture was."""
    lines = []
    if known := len(order.having(Verdict.KNOWN)):
        lines.append(f"{known:,} {'was' if known == 1 else 'were'} done or queued before, not paid again.")
    if edited := len(order.having(Verdict.METADATA)):
        was, its = ("was", "its") if edited == 1 else ("were", "their")
        lines.append(
            f"{edited:,} {was} bought before, only {its} metadata changed: not sent. Mark one by itself to buy it anew."
        )
    if anew := [planned for _, planned in order.having(Verdict.SEND) if planned.copy]:
        number, name = plural(len(anew), "photo"), sanitize(anew[0].found.path.name, 24)
        lines.append(f"{number} with new metadata bought anew, by your word: {name}.")
    if twins := len({one.found.path for _, one in order.having(Verdict.TWIN)}):
        lines.append(f"{twins:,} {'is' if twins == 1 else 'are'} the same photo as another, not paid.")
    return lines


# ----------------------------------------------------------------------------------------------------- after a yes


def _difference(agreed: OrderForm, now: OrderForm) -> str:
    """What is no longer as it was agreed to, in words."""
    pairs = list(zip(_chosen(agreed), _chosen(now), strict=True))
    if any(before.identity.payer != after.identity.payer for before, after in pairs):
        return f"Another organization pays for {sanitize(pairs[0][1].account, 30)} now"
    before, after = next((pair for pair in pairs if _terms(pair[0]) != _terms(pair[1])), pairs[0])
    name = sanitize(after.workflow.name, 40)
    if before.workflow.price == after.workflow.price:
        return f"{name} was changed at the service a moment ago"
    if after.workflow.price is None or before.workflow.price is None:
        return f"The price of {name} is another now"
    return f"{name} now costs {after.workflow.price:,}, not {before.workflow.price:,}"


async def renew(config: Config, vault: Vault, order: OrderForm) -> OrderForm:
    """The order with workflows, payer and balance as the service has them now. Raises ``ServiceError``."""
    account = _complete(order.account)
    if not order.choices:
        raise ServiceError("The order is not complete: w chooses a workflow.")
    if account.metadata != Keeping.NONE and (why := await asyncio.to_thread(exiftool.fault)):
        raise ServiceError(beginning(f"Nothing was sent: {why}.", 300))
    async with at_service(config, account, vault) as provider:
        ids = [one.workflow.id for one in order.choices]
        first = await fetch_offer(provider, account.name, ids[0])
        others = await asyncio.gather(*map(provider.workflow, ids[1:]))
    now = [first, *(replace(first, workflow=workflow) for workflow in others)]
    standing = AccountSnapshot(first.identity, _complete(first.balance))
    choices = (replace(one, workflow=offer.workflow) for one, offer in zip(order.choices, now, strict=True))
    return replace(order, choices=tuple(choices), standing=standing)


async def send(config: Config, vault: Vault, journal: Journal, order: OrderForm, proposal: Proposal) -> list[int]:
    """Write the jobs of a proposal that was agreed to; returns their numbers.

    Raises :class:`TermsChanged` where something else would be paid for by now, ``ServiceError`` where the service or
    the output folder fails. Then nothing is written.
    """
    agreed = [plan.offer for plan in proposal.order.plans]
    fresh = await renew(config, vault, order)
    if [_terms(offer.as_expected(journal)) for offer in _chosen(fresh)] != list(map(_terms, agreed)):
        raise TermsChanged(order, fresh)
    account = _complete(order.account)
    async with at_service(config, account, vault) as provider:
        labels = {
            name: provider.batch_labels(batch.id, batch.name, batch.created_at) for name, batch in proposal.made.items()
        }
    try:
        permissions = Permissions.of(account.mode, account.group)
        await asyncio.to_thread(probe_folder, order.target.folder, permissions)
    except OutputProblem as problem:
        raise ServiceError(beginning(f"Nothing was sent: {problem}", 300)) from None

    def add(db: Connection, order: Order) -> list[int]:
        divided = parts(order, proposal.names, proposal.made, proposal.batching, labels)
        return [number for part in divided for number in jobs.add(db, part.batch, part.jobs)]

    # All batches at once; where another program takes one of their names at this moment, under other names.
    _, numbers = await asyncio.to_thread(submit, journal, proposal.planner, proposal.order, add)
    return numbers


def _terms(offer: Offer) -> tuple[object, ...]:
    return offer.workflow.id, offer.workflow.version, offer.workflow.price, offer.identity.payer
