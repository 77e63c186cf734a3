"""The paid call: reserve, write the intent, send exactly one request, and write what came of it, whatever that is."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Awaitable, Callable
from functools import partial

from artui import budget, files
from artui.config.system import boot_time
from artui.journal import Connection, Stale, Unwritable, accounts, customers, holds, jobs, purchases, requests
from artui.model.job import Job, Purchase
from artui.model.states import REPEATS, Kind, PurchaseState, Reason, Stage, Status
from artui.providers.base import (
    Blocked,
    Counted,
    ExecutionRef,
    ExecutionStatus,
    NoRoom,
    NotPermitted,
    PaidRequest,
    Permit,
    Rejected,
    State,
    Transient,
    Unknown,
    Uploaded,
)
from artui.steps import evidence
from artui.steps.context import Hold, NotYet, StepContext, photo_of
from artui.steps.copies import Copies
from artui.steps.output import check_metadata, check_output, check_room
from artui.steps.prices import Prices
from artui.timing import replay_gap

FRESH_INTENT = 5.0
"""Seconds an intent may be old when the first byte of its paid call leaves."""

LONGEST_FIRST = 3600.0
"""Seconds until the first look at what was sent, at the most."""

UPLOADS = REPEATS
"""Failures after which an order the service knows nothing about is refused, not explained by a lost upload."""


class Leave:
    """A may_send that remembers whether it was given: from then on the service may have seen the request."""

    def __init__(self, may_send: Permit, count: Callable[[], Awaitable[object]] | None = None) -> None:
        self.given = False
        self._may_send = may_send
        self._count = count

    async def __call__(self, payer: str) -> None:
        """Give it, or raise what withholds it; a request that counts is counted before its first byte."""
        # Asked before as well: what is not sent must not be counted as sent.
        await self._may_send(payer)
        if self._count is not None:
            await self._count()
            await self._may_send(payer)  # the disk may have been slow
        self.given = True


class Paying:
    """The paid calls of one account. ``under_way`` outlive whoever waits for them: they are never cancelled."""

    def __init__(self, context: StepContext) -> None:
        self.context = context
        self.under_way: set[asyncio.Future[Job]] = set()
        self.prices = Prices(context)
        self.copies = Copies(context)

    async def submit(self, job: Job) -> Job:
        """Reserve, write the intent, send exactly one paid request, write what came of it."""
        last = self._last(job)
        if last is not None and last.state is PurchaseState.KNOWN:
            return await self.accept(job, last.key, last.execution)  # the answer came in after the job was put down
        await self.check_payer(job)
        await check_output(self.context, job)
        await check_metadata(job)
        await self.copies.check(job)
        await self.prices.check(job)  # last: a folder may take long to answer, and a price must not grow old meanwhile
        self.check_repeats(job)
        # Into the draft, which is stored with the intent: so a replay is the same to the byte.
        key = self._key(job, Kind.CREATE)
        order = PaidRequest(
            key, job.workflow, job.version, photo_of(job), Uploaded(job.reference), job.labels, job.parameters,
            self.context.journal.read(requests.webhook_part),
        )  # fmt: skip
        draft = self.context.provider.draft(order)
        return await self._pay(job, Kind.CREATE, key, draft, partial(self.context.provider.submit, draft, order.photo))

    async def retry(self, job: Job) -> Job:
        """Ask the service to run the job's execution again: a purchase like any other. What has gone on meanwhile is
        followed as it is."""
        await self.check_payer(job)
        await check_output(self.context, job)
        await check_metadata(job)
        await self.copies.check(job)
        stands = await self._as_it_stands(job)  # last before the intent: the snapshot must be of no older moment
        if stands.state not in (State.UNPAID, State.FAILED):
            why = "it has gone on by itself: nothing is asked of the service again"
            return await self.context.journal.write_async(self._take_back, job, why)
        key = self._key(job, Kind.RETRY)
        draft = json.dumps({
            "retry": job.execution, "word": stands.word, "started": stands.started_at, "finished": stands.finished_at,
            "charged": stands.charged,
        })  # fmt: skip
        try:
            return await self._pay(job, Kind.RETRY, key, draft, partial(self.context.provider.retry, job.execution))
        except budget.CancelledFirst:  # what was sent before may have cost: the job does not end as unpaid
            return await self.context.journal.write_async(self._take_back, job, "cancelled before it was asked for")

    async def _as_it_stands(self, job: Job) -> ExecutionStatus:
        """The execution just before it is asked to run again: by that a lost answer is told from one that never came.

        Raises Transient where the service does not say; its no to a question ends no job.
        """
        try:
            seen = await self.context.provider.poll([ExecutionRef(job.execution, job.workflow)])
        except Rejected as refusal:
            raise Transient(str(refusal)) from refusal
        if job.execution not in seen:
            raise Transient(f"the service did not answer about execution {job.execution}")
        return seen[job.execution]

    def _take_back(self, db: Connection, job: Job, message: str) -> Job:
        return jobs.move(
            db, job, Stage.SUBMITTED, Status.WAITING, "retry taken back", reason=Reason.AT_SERVICE, message=message,
            due=self.context.clock.now(), new_try=True, word="",
        )  # fmt: skip

    async def check_payer(self, job: Job) -> None:
        """Let a job pass that was made for whoever would pay now: of nothing else is a word to reach its service."""
        self.context.journal.read(budget.check_payer, job, await self.context.who_pays())

    def check_repeats(self, job: Job) -> None:
        """Let a job pass that was not turned away so often that only a person sends it once more; raises Hold."""
        last = self._last(job)
        # `>`, for the refusal of the first sending was counted, too.
        if last is not None and _may_use_again(last, job, Kind.CREATE) and last.repeats > REPEATS:
            raise _asked_for()

    def _key(self, job: Job, kind: Kind) -> str:
        """The key of the last purchase where that surely was not carried out, and was of this very content; else a new
        one."""
        last = self._last(job)
        if last is not None and _may_use_again(last, job, kind):
            return last.key
        return self.context.journal.read(purchases.new_key)

    def _last(self, job: Job) -> Purchase | None:
        """The purchase under way, or the last one; None for a job that never came as far."""
        return self.context.journal.read(purchases.current, job) if job.purchase else None

    async def _pay(
        self, job: Job, kind: Kind, key: str, draft: str, send: Callable[[Permit, Counted], Awaitable[str]]
    ) -> Job:
        # The age counts from before the intent's commit, which a slow disk may draw out, and through sleep.
        decided, now = boot_time(), await self.context.who_pays()

        def intend(db: Connection) -> tuple[Job, Purchase]:
            check_room(db, self.context, job)  # with the intent: what others buy at this moment counts
            return budget.intend(db, job, kind, key, draft, self.context.terms(), now)

        async def paid_call() -> Job:
            intended, purchase = await self.context.journal.write_async(intend)
            leave = Leave(self._may_send(purchase, decided))
            with self.context.transfers.track(job.id, "up", job.size) as counted:
                return await self._settle(intended, purchase, leave, send(leave, counted))

        # Once it is intended it is sent: nobody else can tell that it was not.
        return await self._to_its_end(paid_call())

    async def replay(self, job: Job) -> Job:
        """Send a purchase in doubt once more, where the service carries a key out once: the same key, the same stored
        request, the same photo."""
        decided, now = boot_time(), await self.context.who_pays()
        purchase = self.context.journal.read(purchases.current, job)
        if purchase is None or purchase.state is not PurchaseState.INTENDED:
            raise NotYet("the purchase is settled meanwhile")
        if why := self.context.journal.read(holds.stranger, job, now):
            raise Hold(Reason.ACCOUNT, why)
        leave = Leave(self._may_send(purchase, decided), partial(self._count_repeat, purchase.key))
        with self.context.transfers.track(job.id, "up", job.size) as counted:
            call = self.context.provider.submit(purchase.draft, photo_of(job), leave, counted)
            return await self._to_its_end(self._settle_replay(job, purchase, leave, call))

    async def _count_repeat(self, key: str) -> None:
        """Count a replay where that can be written; else nothing is sent."""
        try:
            await self.context.journal.write_async(purchases.count_repeat, key)
        except Unwritable as problem:
            raise NoRoom(str(problem)) from problem
        except Stale as settled:
            raise NotPermitted(str(settled)) from settled

    def _may_send(self, purchase: Purchase, decided: float) -> Permit:
        """What is awaited just before the first byte: refuses it once the decision has grown old, and where the request
        itself names another payer than the purchase, or the account is set otherwise by now."""

        async def may_send(payer: str) -> None:
            if boot_time() - decided > FRESH_INTENT:
                raise NotPermitted("the intent grew old before it could be sent")
            if why := self.context.outdated():
                raise NotPermitted(why)
            # By the journal's name: a renewed key that a person called the same customer's is the same payer.
            if self.context.journal.read(customers.current, payer) != purchase.payer:
                raise NotPermitted(f"the account {purchase.account} has got another key meanwhile")
            await self.context.assert_leader()  # last, for it writes the anchor, which counts this very intent

        return may_send

    async def _to_its_end(self, settling: Awaitable[Job]) -> Job:
        """Await a paid call and what is written of it; both outlive whoever waits."""
        call = asyncio.ensure_future(settling)
        self.under_way.add(call)  # the engine waits for these before it ends

        def over(ended: asyncio.Future[Job]) -> None:
            self.under_way.discard(ended)
            if not ended.cancelled():
                ended.exception()  # is no defect where nobody waits for it any more

        call.add_done_callback(over)
        return await asyncio.shield(call)

    async def _settle(self, job: Job, purchase: Purchase, leave: Leave, call: Awaitable[str]) -> Job:
        """Write down what came of a paid call, whatever it was; never cancelled."""
        key = purchase.key
        try:
            execution = await call
        # A photo that changed under way cuts its own request short: the service never had it whole.
        except (Rejected, Blocked, NotPermitted, files.PhotoProblem) as refusal:
            return await self._refused(job, purchase, refusal, turned_away=leave.given)
        except Transient as failure:
            if failure.reached:  # "in passing" promises nothing of a request that costs, unless it never left
                return await self._in_doubt(job, failure)
            return await self._refused(job, purchase, failure, turned_away=leave.given)
        except Exception as doubt:  # noqa: BLE001 — whatever broke, the request may have been carried out
            return await self._in_doubt(job, doubt)
        return await self.accept(job, key, execution)

    async def _settle_replay(self, job: Job, purchase: Purchase, leave: Leave, call: Awaitable[str]) -> Job:
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
            if is_of_no_use(doubt):
                return await self._ask(job, str(doubt))
            if leave.given and purchase.repeats + 1 >= REPEATS:  # `purchase` was read before this sending was counted
                # The first, those counted before, and this one.
                return await self._ask(job, sent_often(purchase.repeats + 2, doubt))
            return await self._replay_later(job, purchase, doubt)
        return await self.accept(job, purchase.key, execution, "sent again under the same key")

    async def _replay_later(self, job: Job, purchase: Purchase, failure: Exception) -> Job:
        settle, now = self.context.provider.settings.settle, self.context.clock.now()

        def write(db: Connection) -> Job:
            # Its looks count replays: what is sent again is never searched for.
            gap = replay_gap(settle, purchases.looked(db, purchase.key))
            return jobs.move_if_current(
                db, job, Stage.SUBMITTING, Status.WAITING, "still unclear", reason=Reason.LOOKING,
                message=_said(failure), due=now + max(gap, _asked_to_wait(failure)),
            )  # fmt: skip

        waiting: Job = await self.context.write_until_durable(write)
        return waiting

    async def _ask(self, job: Job, why: str) -> Job:
        """Only a person can tell what became of the paid call."""

        def write(db: Connection) -> Job:
            return jobs.move_if_current(
                db, job, Stage.SUBMITTING, Status.HELD, "in doubt", reason=Reason.IN_DOUBT, message=why
            )

        held: Job = await self.context.write_until_durable(write)
        return held

    async def accept(self, job: Job, key: str, execution: str, message: str = "", *, is_proven: bool = False) -> Job:
        """Write that the service runs ``execution`` for this purchase, then move the job on; ``is_proven``: its label
        says so. An answer that names what another job has leaves both in doubt."""

        def write(db: Connection) -> Job:
            theirs = evidence.contested(db, job, execution)
            if theirs is None or (is_proven and not theirs.is_proven):  # a label outweighs what an answer merely named
                if theirs is not None:
                    self._give_way(db, theirs, execution)
                return self._accepted(db, job, key, execution, message, is_proven=is_proven)
            if purchases.by_key(db, key).kind is Kind.RETRY:  # it was taken: what it was asked for is followed on
                return self._accepted(db, job, key, job.execution, message)
            purchases.note_answer(db, key, execution)
            if not theirs.is_proven:
                self._give_way(db, theirs, execution)
            return jobs.move_if_current(
                db, job, job.stage, Status.HELD, "in doubt", reason=Reason.IN_DOUBT, attempts=0,
                # What was held before has been looked for already: no second round.
                due=None if job.status is Status.HELD else self.context.find_due(),
                message=f"the service answered with execution {execution}, which {_whose(theirs)}: which one is this"
                " photo's is not known",
            )  # fmt: skip

        accepted: Job = await self.context.write_until_durable(write)
        return accepted

    def _accepted(
        self, db: Connection, job: Job, key: str, execution: str, message: str, *, is_proven: bool = False
    ) -> Job:
        usual = accounts.usual(db, job.payer, job.workflow)  # an earlier look would mostly show that it still runs
        wait = min(usual[0], LONGEST_FIRST) if usual else self.context.provider.settings.first_look
        # The fact first, and whatever the job has become: the move may be refused, the fact never.
        purchases.record_execution(db, key, execution, instead=is_proven)
        return jobs.move_if_current(
            db, job, Stage.SUBMITTED, Status.WAITING, "sent", reason=Reason.AT_SERVICE, message=message,
            due=self.context.clock.now() + wait, execution=execution, attempts=0, word="",
        )  # fmt: skip

    def _give_way(self, db: Connection, claim: purchases.Claim, execution: str) -> None:
        """Hold the job in doubt that has an execution which may be another's; what is over stays, and is told."""
        other = jobs.get(db, claim.job or 0)
        if other is None:
            return
        why = f"the service has named execution {execution} for another photo too: whose it is is not known"
        if evidence.take_back(db, other, why, self.context.find_due()) is other:
            jobs.note(db, other, "in doubt", f"{why}; its result may be that of the other photo")

    async def _refused(self, job: Job, purchase: Purchase, refusal: Exception, *, turned_away: bool) -> Job:
        """Write that the paid call surely was not carried out, then let the failure take its way.

        ``turned_away``: the service said so. That is believed, but the photo is not sent without end on its word.
        """
        # A no to running it again is not a no to the photo, which is at the service and may have cost.
        if purchase.kind is Kind.RETRY and isinstance(refusal, Rejected) and not _is_of_old_token(refusal):
            return await self._follow_on(job, purchase, str(refusal))
        # 404 may mean the workflow as well.
        gone = isinstance(refusal, Rejected) and refusal.status == 404 and await self._upload_is_gone(job)

        def write(db: Connection) -> Job:
            purchases.record_refusal(db, purchase.key, turned_away=turned_away)
            if gone:
                message = "the service no longer has the photo: it is uploaded again"
                return jobs.move_if_current(
                    db, job, Stage.CHECKED, Status.READY, "upload gone", message=message, new_try=True,
                    reference="", attempts=job.attempts + 1,  # bounded by UPLOADS
                )  # fmt: skip
            return job

        written: Job = await self.context.write_until_durable(write)
        if gone:
            return written
        # Any other refusal holds or ends the job by itself.
        comes_again = isinstance(refusal, Transient) or _is_of_old_token(refusal)
        if comes_again and turned_away and purchase.repeats + 1 > REPEATS:
            raise _asked_for(refusal) from refusal
        if _is_of_old_token(refusal):
            raise NotYet("the sign-in was renewed") from refusal
        raise refusal

    async def _follow_on(self, job: Job, purchase: Purchase, said: str) -> Job:
        """A retry the service refuses leaves the execution as it is: only its own word about that ends the job."""

        def write(db: Connection) -> Job:
            purchases.record_refusal(db, purchase.key)
            return jobs.move_if_current(
                db, job, Stage.SUBMITTED, Status.WAITING, "retry refused", reason=Reason.AT_SERVICE, message=said,
                due=self.context.clock.now(), word="",
            )  # fmt: skip

        followed: Job = await self.context.write_until_durable(write)
        return followed

    async def _upload_is_gone(self, job: Job) -> bool:
        """Whether a refused order is explained by the photo being gone; unsure counts as no."""
        if job.attempts >= UPLOADS:  # uploaded often enough: then that does not explain it
            return False
        try:
            return await self.context.provider.uploaded(photo_of(job)) is None
        except (Transient, Rejected, Blocked):
            return False

    async def _in_doubt(self, job: Job, doubt: Exception) -> Job:
        """The paid call may have been carried out: find that out after the settling time, before anything else. Where
        nobody but a person can, ask at once, as where only sending it again would tell and nobody understands the
        answer."""
        limits = self.context.provider.limits
        if not (limits.can_find or limits.idempotent_submit):
            return await self._ask(job, f"{_said(doubt).rstrip('.')}; this service cannot be searched for it")
        if is_of_no_use(doubt) and not limits.can_find:
            return await self._ask(job, _said(doubt))
        # Not before the settling time: an execution may be listed only a while after it was taken.
        due = max(self.context.settle_due, self.context.clock.now() + _asked_to_wait(doubt))

        def write(db: Connection) -> Job:
            return jobs.move_if_current(
                db, job, Stage.SUBMITTING, Status.WAITING, "unclear", reason=Reason.LOOKING, message=_said(doubt),
                due=due,
            )  # fmt: skip

        waiting: Job = await self.context.write_until_durable(write)
        return waiting


# -------------------------------------------------------------------------------------------------- small conclusions


def _may_use_again(last: Purchase, job: Job, kind: Kind) -> bool:
    """Whether a job's purchase goes on under the last one's key: that was not carried out, and was of this content."""
    return last.kind is kind and last.state is PurchaseState.REFUSED and last.digest == job.digest


def _asked_for(refusal: Exception | None = None) -> Hold:
    """The hold of a photo that the service keeps turning away."""
    said = f" ({refusal})" if refusal is not None else ""
    times = f"turned away by the service {REPEATS + 1} times{said}"
    return Hold(
        Reason.REJECTED, f"{times}: not sent again without your yes, for it cannot be seen whether anything was charged"
    )


def is_of_no_use(doubt: Exception) -> bool:
    """Whether an answer came that nobody understands: the same request again would only meet the same."""
    return isinstance(doubt, Unknown) and doubt.answered


def sent_often(times: int, doubt: Exception) -> str:
    """What a person is asked about a purchase that got no answer to all its sendings."""
    return f"sent {times} times under one key, and no answer says what became of it ({_said(doubt)})"


def _is_of_old_token(refusal: Exception) -> bool:
    # The next one may be taken: the provider renews it.
    return isinstance(refusal, Rejected) and refusal.reason == "token expired"


def _said(failure: Exception) -> str:
    return str(failure) or type(failure).__name__


def _asked_to_wait(failure: Exception) -> float:
    """The seconds a service asked to be left in peace, 0 where it did not."""
    return getattr(failure, "retry_after", None) or 0.0


def _whose(claim: purchases.Claim) -> str:
    return f"job {claim.job} has" if claim.job is not None else "was there before"
