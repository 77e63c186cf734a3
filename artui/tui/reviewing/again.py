"""Ordering rejected photos again, at what a person has agreed to and for nothing else."""

from __future__ import annotations

import asyncio
import datetime as dt
import time
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import chain
from typing import TYPE_CHECKING
from uuid import uuid4

from artui.core.plan import (
    Order,
    OrderPlanner,
    PlanProblem,
    RedoOrder,
    SameAgain,
    fetch_offer,
    plan_redo,
    redo_orders,
    refuse_ordered,
)
from artui.core.plan.order import add
from artui.core.submit import submit
from artui.credentials import Vault
from artui.files import OutputProblem, Permissions, exiftool, probe_folder
from artui.files.metadata import Keeping
from artui.journal import Connection, accounts
from artui.journal.prices import together
from artui.model.job import Batch
from artui.sanitize import beginning, sanitize
from artui.tui.service import ServiceError, at_service
from artui.tui.words import plural

if TYPE_CHECKING:
    from collections.abc import Mapping

    from artui.tui.host import Host


@dataclass(frozen=True, slots=True)
class _Planned:
    redo: RedoOrder
    planner: OrderPlanner
    order: Order
    batch: Batch
    labels: Mapping[str, str]


async def order_again(host: Host, agreed: Sequence[SameAgain]) -> str:
    """Order these photos again; returns what was done, in a sentence. Nothing is sent where the service now has another
    price, version or payer than was agreed to: then, and for whatever else goes wrong, raises ``ServiceError``."""
    planned: list[_Planned] = []
    try:
        for same in agreed:
            planned += await _plan(host, same)
        for one in planned:
            account = host.config.accounts[one.redo.account]
            permissions = Permissions.of(account.mode, account.group)
            await asyncio.to_thread(probe_folder, one.redo.target.folder, permissions)
        number, late = 0, ""
        for one in planned:
            if one.order.queued:
                try:
                    number += await asyncio.to_thread(_write, host, one)
                except PlanProblem:
                    if not number:
                        raise
                    late = " The others are not sent: somebody else has ordered them, or taken their names, meanwhile."
                    break
    except (PlanProblem, OutputProblem) as problem:
        raise ServiceError(beginning(f"Nothing was sent: {problem}", 300)) from None
    if number:
        host.soon(host.start_engine())
    left = [refused.message for one in planned for refused in one.order.refused]
    also = f" {plural(len(left), 'is', 'are')} not sent: {beginning(left[0], 120)}" if left else ""
    return f"{plural(number, 'photo')} queued again.{late}{also}"


async def _plan(host: Host, same: SameAgain) -> list[_Planned]:
    """Plan what is agreed to at one account, at the terms the service has now."""
    account = host.config.accounts.get(same.account)
    if account is None:
        raise ServiceError(f"{sanitize(same.account, 30)} is no longer an account of these settings.")
    now = dt.datetime.now(host.config.timezone)
    planned = []
    async with at_service(host.config, account, Vault(host.paths)) as provider:
        for redo in await asyncio.to_thread(redo_orders, host.journal, same.jobs):
            if redo.target.metadata != Keeping.NONE and (why := await asyncio.to_thread(exiftool.fault)):
                raise ServiceError(beginning(f"Nothing was sent: {why}.", 300))
            offer = await fetch_offer(provider, account.name, redo.workflows[0])
            flow = offer.workflow
            await host.journal.write_async(accounts.keep_workflow, account.name, flow.id, flow.document())
            if {job.payer for job in same.jobs} != {offer.identity.payer}:
                raise ServiceError(f"Another organization pays for {sanitize(account.name, 30)} now. Nothing was sent.")
            if flow.version != same.versions.get(redo.workflows[0]):
                name = sanitize(flow.name, 40)
                raise ServiceError(f"{name} was changed at the service. Nothing was sent; enter shows what holds now.")
            made = len(redo.found) + len(redo.elsewhere)
            batch = Batch(str(uuid4()), f"redo {made:,} rejected", account.name, time.time())
            orders = await asyncio.to_thread(plan_redo, host.journal, redo, offer, account, batch.name, now.date())
            labels = provider.batch_labels(batch.id, batch.name, batch.created_at)
            planned.append(_Planned(redo, *orders, batch, labels))
    most = together(one.order.most for one in planned if one.order.queued)
    if most is not None if same.most is None else most is None or most > same.most:
        price = "is not known now" if most is None else f"is {most:,} cr now"
        raise ServiceError(f"The price {price}. Nothing was sent; enter shows it, and asks.")
    return planned


def _write(host: Host, one: _Planned) -> int:
    """Add the jobs of one order; returns how many. It blocks: for a thread."""

    def added(db: Connection, order: Order) -> dict[str, list[int]]:
        made = order.new_jobs(lambda _: one.batch, {one.batch.id: one.labels}, one.redo.delivery)
        refuse_ordered(db, chain.from_iterable(new for _, new in made.values()))
        return add(db, made)

    _, numbers = submit(host.journal, one.planner, one.order, added)
    return sum(map(len, numbers.values()))
