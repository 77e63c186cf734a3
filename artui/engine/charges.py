"""What executions cost that no job follows: a retry went on under another id, or the service ran a photo twice."""

from __future__ import annotations

from artui.engine.service_calls import ServiceCalls
from artui.journal import Connection, Stale, Unwritable, jobs, purchases
from artui.model.job import Purchase
from artui.providers.base import ExecutionRef, ExecutionStatus, State
from artui.steps import StepContext
from artui.timing import AdaptiveLimiter

LOOKS = 5
"""Answers about one such execution after which its reservation stays: what it costs cannot be known."""


class Charges:
    """Reads them seldom, until each has ended; their reservations end with that."""

    def __init__(self, context: StepContext, service_calls: ServiceCalls) -> None:
        self.context = context
        self._service_calls = service_calls
        self._gate = AdaptiveLimiter(1)
        self._due = 0.0

    async def read(self) -> None:
        """Look at those there are, if it is time."""
        now = self.context.clock.now()
        if now < max(self._due, self._gate.not_before):
            return
        self._due = now + max(1.0, self.context.provider.settings.settle)
        found = await self.context.journal.read_async(purchases.to_read, self.context.account.name, LOOKS)
        if not found:
            return
        sent = [ExecutionRef(one.execution, one.workflow) for one in found]
        doing = "at reading what executions cost that no job follows"
        seen = await self._service_calls.call(self.context.provider.poll(sent), self._gate, doing) or {}
        for one in found:
            if one.execution not in seen:
                continue
            try:
                await self.context.journal.write_async(_close, one, seen[one.execution])
            except Stale:
                pass  # its job moved meanwhile: read again the next time
            except Unwritable:
                raise
            except Exception as defect:  # noqa: BLE001 — it is this purchase's alone
                self.context.defects.tell(f"on what was seen of {one.execution}", defect, repr(seen[one.execution]))


def _close(db: Connection, purchase: Purchase, seen: ExecutionStatus) -> None:
    """Close a purchase with what its execution cost. One that is parked may go on: it is closed by the last look."""
    job, looks, seen = jobs.get(db, purchase.job), purchases.looked(db, purchase.key), seen.of_order(purchase.reserved)
    # Looks are counted here, whatever they show: so even one that never ends is closed.
    over = (State.DONE, State.FAILED) if looks < LOOKS else (State.DONE, State.FAILED, State.UNPAID)
    if job is None or seen.charged is None or seen.state not in over:
        return
    spent = purchases.record_charge(db, job, seen.charged, purchase.execution)
    known = {} if job.charged is None else {"charged": spent}  # before its own execution has ended that is half of it
    jobs.change(db, job, "charged", f"execution {purchase.execution} cost {seen.charged}", word=job.word, **known)
