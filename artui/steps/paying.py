"""The paid call: reserve, write the intent, send exactly one request, and write what came of it, whatever that is."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Awaitable, Callable
from functools import partial

from artui import budget, files
from artui.job import Job, Purchase
from artui.journal import Connection, accounts, holds, jobs, payers, purchases
from artui.pace import boot_time, replay_gap
from artui.providers.base import (
    Blocked,
    Counted,
    NotPermitted,
    Order,
    Permit,
    Rejected,
    Transient,
    Uploaded,
)
from artui.states import Kind, PurchaseState, Reason, Stage, Status
from artui.steps.copies import Copies
from artui.steps.desk import Desk, Hold, NotYet, photo_of
from artui.steps.output import check_output
from artui.steps.prices import Prices

FRESH_INTENT = 5.0
"""Seconds an intent may be old when the first byte of its paid call leaves."""

LONGEST_FIRST = 3600.0
"""Seconds until the first look at what was sent, at the most."""

UPLOADS = 3
"""Failures after which an order the service knows nothing about is refused, not explained by a lost upload."""


class Paying:
    """The paid calls of one account. ``under_way`` outlive whoever waits for them: they are never cancelled."""

    def __init__(self, desk: Desk) -> None:
        self.desk = desk
        self.under_way: set[asyncio.Future[Job]] = set()
        self.prices = Prices(desk)
        self.copies = Copies(desk)

    async def submit(self, job: Job) -> Job:
        """Reserve, write the intent, send exactly one paid request, write what came of it."""
        last = self._last(job)
        if last is not None and last.state is PurchaseState.KNOWN:
            return await self.accept(job, last.key, last.execution)  # the answer came in after the job was put down
        await self.check_payer(job)
        await check_output(self.desk, job)
        await self.copies.check(job)
        await self.prices.check(job)  # last: a folder may take long to answer, and a price must not grow old meanwhile
        key = self._key(job, Kind.CREATE)
        order = Order(
            key, job.workflow, job.version, photo_of(job), Uploaded(job.reference), job.labels, job.parameters
        )
        draft = self.desk.provider.draft(order)
        return await self._pay(job, Kind.CREATE, key, draft, partial(self.desk.provider.submit, draft, order.photo))

    async def retry(self, job: Job) -> Job:
        """Ask the service to run the job's execution again: a purchase like any other."""
        await self.check_payer(job)
        await self.copies.check(job)
        key = self._key(job, Kind.RETRY)
        draft = json.dumps({"retry": job.execution, "word": job.word})
        return await self._pay(job, Kind.RETRY, key, draft, partial(self.desk.provider.retry, job.execution))

    async def check_payer(self, job: Job) -> None:
        """Let a job pass that was made for whoever would pay now: of nothing else is a word to reach its service."""
        self.desk.journal.read(budget.check_payer, job, await self.desk.who_pays())

    def _key(self, job: Job, kind: Kind) -> str:
        """The key of the last purchase where that surely was not carried out, else a new one."""
        last = self._last(job)
        if last is not None and last.kind is kind and last.state is PurchaseState.REFUSED:
            return last.key
        return self.desk.journal.read(purchases.new_key)

    def _last(self, job: Job) -> Purchase | None:
        """The purchase under way, or the last one; None for a job that never came as far."""
        return self.desk.journal.read(purchases.current, job) if job.purchase else None

    async def _pay(
        self, job: Job, kind: Kind, key: str, draft: str, send: Callable[[Permit, Counted], Awaitable[str]]
    ) -> Job:
        decided, now = boot_time(), await self.desk.who_pays()
        job, purchase = await self.desk.journal.do(budget.intend, job, kind, key, draft, self.desk.terms(), now)
        permit = self._permit(purchase, decided)
        with self.desk.transfers.counting(job.id, "up", job.size) as counted:
            return await self._to_its_end(self._settle(job, purchase, send(permit, counted)))

    async def replay(self, job: Job) -> Job:
        """Send a purchase in doubt once more, where the service carries a key out once: the same key, the same stored
        request, the same photo."""
        decided, now = boot_time(), await self.desk.who_pays()
        purchase = self.desk.journal.read(purchases.current, job)
        if purchase is None or purchase.state is not PurchaseState.INTENDED:
            raise NotYet("the purchase is settled meanwhile")
        if why := self.desk.journal.read(holds.stranger, job, now):
            raise Hold(Reason.ACCOUNT, why)
        permit = self._permit(purchase, decided)
        with self.desk.transfers.counting(job.id, "up", job.size) as counted:
            call = self.desk.provider.submit(purchase.draft, photo_of(job), permit, counted)
            return await self._to_its_end(self._settle_replay(job, purchase, call))

    def _permit(self, purchase: Purchase, decided: float) -> Permit:
        """What is awaited just before the first byte: refuses it once the decision has grown old, and where the request
        itself names another payer than the purchase, or the account is set otherwise by now."""

        async def permit(payer: str) -> None:
            if boot_time() - decided > FRESH_INTENT:
                raise NotPermitted("the intent grew old before it could be sent")
            if why := self.desk.outdated():
                raise NotPermitted(why)
            if self.desk.journal.read(payers.current, payer) != purchase.payer:
                raise NotPermitted(f"the account {purchase.account} has got another key meanwhile")
            await self.desk.may_pay()

        return permit

    async def _to_its_end(self, settling: Awaitable[Job]) -> Job:
        """Await a paid call and what is written of it; both outlive whoever waits."""
        call = asyncio.ensure_future(settling)
        self.under_way.add(call)
        call.add_done_callback(self.under_way.discard)
        return await asyncio.shield(call)

    async def _settle(self, job: Job, purchase: Purchase, call: Awaitable[str]) -> Job:
        """Write down what came of a paid call, whatever it was; never cancelled."""
        key = purchase.key
        try:
            execution = await call
        except (Rejected, Blocked, NotPermitted, files.PhotoProblem) as refusal:
            return await self._refused(job, purchase, refusal)
        except Transient as failure:
            if failure.reached:
                return await self._in_doubt(job, str(failure))
            return await self._refused(job, purchase, failure)
        except Exception as doubt:  # noqa: BLE001 — whatever broke, the request may have been carried out
            return await self._in_doubt(job, str(doubt) or type(doubt).__name__)
        return await self.accept(job, key, execution)

    async def _settle_replay(self, job: Job, purchase: Purchase, call: Awaitable[str]) -> Job:
        """Write down what came of sending a purchase again. A refusal says nothing about the first time."""
        try:
            execution = await call
        except (Blocked, NotPermitted):
            raise  # the account's trouble, or nothing was sent: it stays in doubt and has its turn again
        except Rejected as refusal:
            return await self._ask(job, f"the service refuses to take it again ({refusal})")
        except files.PhotoProblem as problem:
            return await self._ask(job, f"it cannot be sent again under the same key ({problem})")
        except Exception as doubt:  # noqa: BLE001 — the first time is as unknown as before
            return await self._replay_later(job, purchase, doubt)
        return await self.accept(job, purchase.key, execution, "sent again under the same key")

    async def _replay_later(self, job: Job, purchase: Purchase, failure: Exception) -> Job:
        settle, now = self.desk.provider.settings.settle, self.desk.clock.now()
        asked_for = getattr(failure, "retry_after", None) or 0.0

        def write(db: Connection) -> Job:
            gap = replay_gap(settle, purchases.looked(db, purchase.key))
            return jobs.follow(
                db, job, Stage.SUBMITTING, Status.WAITING, "still unclear", reason=Reason.LOOKING,
                message=str(failure) or type(failure).__name__, due=now + max(gap, asked_for),
            )  # fmt: skip

        waiting: Job = await self.desk.keep(write)
        return waiting

    async def _ask(self, job: Job, why: str) -> Job:
        """Only a person can tell what became of the paid call."""

        def write(db: Connection) -> Job:
            return jobs.follow(db, job, Stage.SUBMITTING, Status.HELD, "in doubt", reason=Reason.IN_DOUBT, message=why)

        held: Job = await self.desk.keep(write)
        return held

    async def accept(self, job: Job, key: str, execution: str, message: str = "") -> Job:
        """Write that the service runs ``execution`` for this purchase, then move the job on."""

        def write(db: Connection) -> Job:
            usual = accounts.usual(db, job.payer, job.workflow)
            wait = min(usual[0], LONGEST_FIRST) if usual else self.desk.provider.settings.first_look
            purchases.record_execution(db, key, execution)
            return jobs.follow(
                db, job, Stage.SUBMITTED, Status.WAITING, "sent", reason=Reason.AT_SERVICE, message=message,
                due=self.desk.clock.now() + wait, execution=execution, attempts=0, word="",
            )  # fmt: skip

        accepted: Job = await self.desk.keep(write)
        return accepted

    async def _refused(self, job: Job, purchase: Purchase, refusal: Exception) -> Job:
        """Write that the paid call surely was not carried out, then let the failure take its way."""
        if purchase.kind is Kind.RETRY and isinstance(refusal, Rejected):
            return await self._follow_on(job, purchase, str(refusal))
        gone = isinstance(refusal, Rejected) and refusal.status == 404 and await self._upload_is_gone(job)

        def write(db: Connection) -> Job:
            purchases.record_refusal(db, purchase.key)
            if gone:
                message = "the service no longer has the photo: it is uploaded again"
                return jobs.follow(
                    db, job, Stage.CHECKED, Status.READY, "upload gone", message=message, new_try=True,
                    reference="", attempts=job.attempts + 1,
                )  # fmt: skip
            return job

        written: Job = await self.desk.keep(write)
        if gone:
            return written
        if isinstance(refusal, Rejected) and refusal.reason == "token expired":
            raise NotYet("the sign-in was renewed") from refusal
        raise refusal

    async def _follow_on(self, job: Job, purchase: Purchase, said: str) -> Job:
        """A retry the service refuses leaves the execution as it is: only its own word about that ends the job."""

        def write(db: Connection) -> Job:
            purchases.record_refusal(db, purchase.key)
            return jobs.follow(
                db, job, Stage.SUBMITTED, Status.WAITING, "retry refused", reason=Reason.AT_SERVICE, message=said,
                due=self.desk.clock.now(),
            )  # fmt: skip

        followed: Job = await self.desk.keep(write)
        return followed

    async def _upload_is_gone(self, job: Job) -> bool:
        """Whether a refused order is explained by the photo being gone; unsure counts as no."""
        if job.attempts >= UPLOADS:
            return False
        try:
            return await self.desk.provider.uploaded(photo_of(job)) is None
        except (Transient, Rejected, Blocked):
            return False

    async def _in_doubt(self, job: Job, message: str) -> Job:
        """The paid call may have been carried out: look it up after the settling time, before anything else."""
        due = self.desk.clock.now() + self.desk.provider.settings.settle

        def write(db: Connection) -> Job:
            return jobs.follow(
                db, job, Stage.SUBMITTING, Status.WAITING, "unclear", reason=Reason.LOOKING, message=message, due=due
            )

        waiting: Job = await self.desk.keep(write)
        return waiting
