"""One photo's journey, read from top to bottom: check, upload, submit, look, save.

Each step ends in a durable move. A step that fails raises, and ``artui.lane`` decides what the failure means; only what
follows from the paid call itself is settled here, because it must be written whatever happens next.
"""

from __future__ import annotations

import asyncio
import json
import time
from collections.abc import Awaitable, Callable
from concurrent.futures import Executor
from dataclasses import dataclass, field, replace
from datetime import datetime, tzinfo
from functools import partial
from pathlib import Path
from typing import Any

from artui import budget, files
from artui.config import AccountConfig
from artui.job import Job, Kind, Purchase, PurchaseState, Reason, Result, Stage, Status
from artui.journal import Connection, Journal, accounts, jobs, purchases
from artui.pace import Clock, boot_time
from artui.providers.base import (
    Blocked,
    Counted,
    NotPermitted,
    Order,
    Output,
    Permit,
    Progress,
    Provider,
    Rejected,
    Sent,
    State,
    Transient,
    Uploaded,
    Workflow,
)
from artui.transfers import Transfers

FRESH_INTENT = 5.0
"""Seconds an intent may be old when the first byte of its paid call leaves."""

PRICE_AGE = 60.0
"""Seconds a price may be old when it is relied on."""

ROOM = 32 * 1024 * 1024
"""Bytes free in the state directory under which no intent is written."""

JSON = "application/json"

FOLDER_AGE = 60.0
"""Seconds for which an output folder that could be written to counts as writable."""


class Hold(Exception):
    """The job must wait for a person or for something to change. ``due`` seconds from now it is looked at again."""

    def __init__(self, reason: Reason, message: str, *, due: float | None = None) -> None:
        super().__init__(message)
        self.reason = reason
        self.due = due


class NotYet(Exception):
    """The job cannot go on now for a reason that is nobody's failure; tried again soon, at no cost."""


@dataclass
class Journey:
    """The steps for the jobs of one account.

    ``may_pay`` is awaited just before a paid call's first byte and raises :class:`NotPermitted` where this engine is no
    longer the one; ``keep`` repeats a write until it is durable, however long the disk is full; ``room`` says how many
    bytes are free beside the journal. ``paying`` holds the paid calls under way, which outlive whoever waits for them.
    """

    journal: Journal
    provider: Provider[Any]
    account: AccountConfig
    zone: tzinfo
    clock: Clock
    hashing: Executor
    transfers: Transfers
    may_pay: Callable[[], Awaitable[None]]
    keep: Callable[[Callable[[Connection], Any]], Awaitable[Any]]
    room: Callable[[], int | None]
    paying: set[asyncio.Future[Job]] = field(default_factory=set)
    _prices: dict[str, tuple[float, Workflow]] = field(default_factory=dict)
    _folders: dict[str, float] = field(default_factory=dict)

    # ------------------------------------------------------------------------------------------------- the way there

    async def prepare(self, job: Job) -> Job:
        """From a file on disk to an accepted execution: NEW to SUBMITTED, or a twin to its delivered result."""
        if job.stage is Stage.NEW:
            job = await self.check(job)
        if job.status is Status.RUNNING and job.twin_of is not None:
            return await self.deliver(job)
        if job.status is Status.RUNNING and job.stage is Stage.CHECKED:
            job = await self.upload(job)
        if job.status is Status.RUNNING and job.stage in (Stage.UPLOADED, Stage.SUBMITTING):
            job = await (self.retry(job) if job.execution else self.submit(job))
        return job

    async def check(self, job: Job) -> Job:
        """Is it a whole photo of a kind the service takes, and has it been bought already? Costs nothing."""
        loop = asyncio.get_running_loop()
        photo = await loop.run_in_executor(self.hashing, self._inspect, job)
        return await self.journal.do(
            jobs.check_in, job, digest=photo.digest, media_type=photo.media_type, width=photo.width, height=photo.height
        )

    def _inspect(self, job: Job) -> files.Photo:
        photo = files.inspect(job.source, self.provider.limits.accepts)
        if not photo.stamp.is_content_of(_photo(job).stamp):
            raise files.Changed(job.source)
        return files.sha256(photo)

    async def upload(self, job: Job) -> Job:
        """Bring the photo to the service, unless it lies there already. Costs nothing."""
        await self.journal.ask(budget.check, job, self.terms())
        photo = _photo(job)
        if job.attempts:
            known = await self.provider.uploaded(photo)
        else:
            reference = await self.journal.ask(jobs.reference_of, job.payer, job.digest)
            known = Uploaded(reference) if reference else None
        if known is None:
            name = files.ascii_name(job.source.name, job.media_type)
            with self.transfers.counting(job.id, "up", job.size) as counted:
                known = await self.provider.upload(photo, name, counted)
        return await self.journal.do(
            jobs.move, job, Stage.UPLOADED, Status.RUNNING, "uploaded", reference=known.reference
        )

    # --------------------------------------------------------------------------------------------------- the paid call

    async def submit(self, job: Job) -> Job:
        """Reserve, write the intent, send exactly one paid request, write what came of it."""
        last = await self.journal.ask(purchases.current, job)
        if last is not None and last.state is PurchaseState.KNOWN:
            return await self.accept(job, last.key, last.execution)  # the answer came in after the job was put down
        await self._check_price(job)
        await self._check_output(job)
        key = await self._key(job, Kind.CREATE)
        order = Order(key, job.workflow, job.version, _photo(job), Uploaded(job.reference), job.labels, job.parameters)
        draft = self.provider.draft(order)
        return await self._pay(job, Kind.CREATE, key, draft, partial(self.provider.submit, draft, order.photo))

    async def retry(self, job: Job) -> Job:
        """Ask the service to run the job's execution again: a purchase like any other."""
        key = await self._key(job, Kind.RETRY)
        draft = json.dumps({"retry": job.execution, "word": job.word})
        return await self._pay(job, Kind.RETRY, key, draft, partial(self.provider.retry, job.execution))

    async def _key(self, job: Job, kind: Kind) -> str:
        """The key of the last purchase where that surely was not carried out, else a new one."""
        last = await self.journal.ask(purchases.current, job)
        if last is not None and last.kind is kind and last.state is PurchaseState.REFUSED:
            return last.key
        return purchases.new_key()

    async def _pay(
        self, job: Job, kind: Kind, key: str, draft: str, send: Callable[[Permit, Counted], Awaitable[str]]
    ) -> Job:
        started = boot_time()
        job, purchase = await self.journal.do(budget.intend, job, kind, key, draft, self.terms())

        async def permit() -> None:
            if boot_time() - started > FRESH_INTENT:
                raise NotPermitted("the intent grew old before it could be sent")
            await self.may_pay()

        with self.transfers.counting(job.id, "up", job.size) as counted:
            call = asyncio.ensure_future(self._settle(job, purchase, send(permit, counted)))
            self.paying.add(call)
            call.add_done_callback(self.paying.discard)
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

    async def accept(self, job: Job, key: str, execution: str, message: str = "") -> Job:
        """Write that the service runs ``execution`` for this purchase, then move the job on."""
        usual = await self.journal.ask(accounts.usual, job.payer, job.workflow)
        wait = usual[0] if usual else self.provider.settings.first_look

        def write(db: Connection) -> Job:
            purchases.record_execution(db, key, execution)
            return jobs.follow(
                db, job, Stage.SUBMITTED, Status.WAITING, "sent", reason=Reason.AT_SERVICE, message=message,
                due=self.clock.now() + wait, execution=execution, attempts=0, word="",
            )  # fmt: skip

        accepted: Job = await self.keep(write)
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

        written: Job = await self.keep(write)
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
                due=self.clock.now(),
            )  # fmt: skip

        followed: Job = await self.keep(write)
        return followed

    async def _upload_is_gone(self, job: Job) -> bool:
        """Whether a refused order is explained by the photo being gone; unsure counts as no."""
        try:
            return await self.provider.uploaded(_photo(job)) is None
        except (Transient, Rejected, Blocked):
            return False

    async def _in_doubt(self, job: Job, message: str) -> Job:
        """The paid call may have been carried out: look it up after the settling time, before anything else."""
        due = self.clock.now() + self.provider.settings.settle

        def write(db: Connection) -> Job:
            return jobs.follow(
                db, job, Stage.SUBMITTING, Status.WAITING, "unclear", reason=Reason.LOOKING, message=message, due=due
            )

        waiting: Job = await self.keep(write)
        return waiting

    async def _check_price(self, job: Job) -> None:
        now = self.clock.now()
        known = self._prices.get(job.workflow)
        if known is None or now - known[0] > PRICE_AGE:
            known = self._prices[job.workflow] = (now, await self.provider.workflow(job.workflow))
        workflow = known[1]
        if workflow.price != job.quoted:
            raise Hold(
                Reason.PRICE, f"{workflow.name} now costs {_money(workflow.price)}, not {_money(job.quoted)}; not sent"
            )
        if workflow.version != job.version:
            raise Hold(
                Reason.PRICE, f"{workflow.name} was changed at the service since this photo was queued; not sent"
            )

    async def _check_output(self, job: Job) -> None:
        room = self.room()
        if room is not None and room < ROOM:
            raise Hold(
                Reason.DISK_FULL,
                f"only {room // 1_000_000} MB are left where the journal is; nothing new is sent",
                due=30,
            )
        folder = str(job.folder)
        if self.clock.now() - self._folders.get(folder, -FOLDER_AGE) < FOLDER_AGE:
            return
        await asyncio.to_thread(files.probe_folder, job.folder)
        self._folders[folder] = self.clock.now()

    def terms(self) -> budget.Terms:
        """What bounds a paid call of this account now."""
        return budget.Terms(self.account.caps, budget.day_of(self.service_time(), self.zone))

    def service_time(self) -> float:
        """The service's clock, ours until its first answer; epoch seconds."""
        return self.provider.service_time or time.time()

    # ------------------------------------------------------------------------------------------------------- looking

    async def note(self, job: Job, progress: Progress) -> Job:
        """Write down what one look at an execution showed."""

        def write(db: Connection) -> Job:
            accounts.set_mark(db, job.payer, job.workflow, progress.created_at)
            if progress.key in {purchase.key for purchase in purchases.of_job(db, job.id)}:
                accounts.prove_labels(db, job.account)
            spent = job.charged
            if progress.state in (State.DONE, State.FAILED) and progress.charged is not None:
                spent = purchases.record_charge(db, job, progress.charged)
            return _PLACES[progress.state](db, job, progress, spent, self.clock.now())

        if _is_news(job, progress):
            return await self.journal.do(write)
        return job

    # ------------------------------------------------------------------------------------------------ the way back

    async def save(self, job: Job) -> Job:
        """Fetch every result and give it its name on disk: PROCESSED to DONE. A restart goes on where it stopped."""
        if job.twin_of is not None:
            return await self.deliver(job)
        if job.stage is Stage.SAVED and await asyncio.to_thread(_all_published, job):
            return await self._finish(job)
        fetched = [await self._fetch(job, result) for result in job.results]
        return await self._publish(job, fetched)

    async def _fetch(self, job: Job, result: Result) -> Result:
        """Bring one result into its part file, whole and of the right bytes."""
        written = await self._download(job, result)
        if result.digest not in (None, written.digest):
            again = await self._download(job, result)
            if again.digest not in (result.digest, written.digest):
                raise Transient(f"the result of {job.source.name} arrives damaged, each time in another way")
            if again.digest != result.digest:
                # The same bytes twice, whole: the service's digest is wrong, not the result.
                message = "the service states another digest than its bytes have; they came twice the same"
                await self.journal.do(jobs.note, job, "digest differs", message)
            written = again
        return replace(result, digest=written.digest, size=written.size, media_type=written.media_type or "")

    async def _download(self, job: Job, result: Result) -> files.Written:
        output = Output(result.locator, result.task, result.media_type, result.digest, result.size)
        with files.Part(files.part_path(job.folder, job.id, result.task)) as part:
            with self.transfers.counting(job.id, "down", result.size) as counted:
                await self.provider.download(output, job.execution, part, counted)
            written = await asyncio.to_thread(part.finish, result.size)
            if written.media_type is None or (written.media_type == JSON and result.media_type != JSON):
                part.abort()
                raise Transient(f"what the service sent for {job.source.name} is no picture")
            return written

    async def _publish(self, job: Job, fetched: list[Result]) -> Job:
        """Commit where each result goes, then put it there; a name taken meanwhile gives way to the next one."""
        stem, key = job.stem, job.stem_key
        while True:
            results = tuple(
                replace(result, path=str(job.folder / files.result_name(stem, result.media_type, result.task)))
                for result in fetched
            )
            job = await self.journal.do(
                jobs.move, job, Stage.SAVED, Status.RUNNING, "fetched", results=results, stem=stem, stem_key=key
            )
            try:
                await asyncio.to_thread(_put_in_place, job)
                return await self._finish(job)
            except FileExistsError:
                stem = await self.journal.ask(_free_stem, job)
                key = files.stem_key(job.folder, stem)

    async def _finish(self, job: Job) -> Job:
        message = ", ".join(Path(result.path).name for result in job.results if result.path)
        if job.twin_of is not None:
            message = f"{message}: a copy of job {job.twin_of}'s result, not paid"
            return await self.journal.do(jobs.move, job, Stage.SAVED, Status.SKIPPED, "delivered", message=message)
        if job.cancel:
            message = f"cancelled too late, charged {job.charged}; saved as {message}"
        return await self.journal.do(jobs.move, job, Stage.SAVED, Status.DONE, "saved", message=message)

    async def deliver(self, job: Job) -> Job:
        """Give a twin the result of the job with the same photo, under the twin's own name. Costs nothing."""
        first = await self.journal.ask(jobs.get, job.twin_of or 0)
        if first is None or first.status is not Status.DONE:
            raise NotYet("the first job with this photo is not done")
        await self._check_output(job)
        if job.stage is Stage.SAVED and await asyncio.to_thread(_all_published, job):
            return await self._finish(job)
        try:
            await asyncio.to_thread(_copy_results, first, job)
            fetched = [replace(result, path=None) for result in first.results]
        except (FileNotFoundError, files.BadResult):
            # Somebody moved or changed the first result on disk: what was bought is fetched once more.
            again = await self._results_again(first)
            fetched = [await self._fetch(replace(job, execution=first.execution), result) for result in again]
        return await self._publish(job, fetched)

    async def _results_again(self, first: Job) -> tuple[Result, ...]:
        seen = await self.provider.poll([Sent(first.execution, first.workflow)])
        progress = seen.get(first.execution)
        if progress is None:
            raise Transient(f"the service did not answer about execution {first.execution}")
        if progress.state is not State.DONE:
            raise Hold(Reason.GONE, f"job {first.id}'s result is neither on disk nor at the service any more")
        return results_of(progress)


# ---------------------------------------------------------------------------------------- what a look leads to


def _finished(db: Connection, job: Job, progress: Progress, spent: int | None, now: float) -> Job:
    del now
    seconds = _seconds(progress)
    if seconds is not None:
        accounts.add_duration(db, job.payer, job.workflow, seconds)
    return jobs.move(
        db, job, Stage.PROCESSED, Status.READY, "processed", word=progress.word, results=results_of(progress),
        charged=spent,
    )  # fmt: skip


def _failed(db: Connection, job: Job, progress: Progress, spent: int | None, now: float) -> Job:
    del now
    said = f': "{progress.message}"' if progress.message else ""
    message = f"The service failed on {job.source.name}{said} (charged {_money(spent)}). Retry asks it again."
    return jobs.move(
        db, job, Stage.SUBMITTED, Status.FAILED, "failed", reason=Reason.FAILED, message=message, word=progress.word,
        charged=spent,
    )  # fmt: skip


def _parked(db: Connection, job: Job, progress: Progress, spent: int | None, now: float) -> Job:
    message = "The service waits for credits before it goes on. Top up there; artui goes on by itself."
    return jobs.move(
        db, job, Stage.SUBMITTED, Status.HELD, "payment required", reason=Reason.PAYMENT, message=message,
        word=progress.word, due=now, charged=spent,
    )  # fmt: skip


def _gone(db: Connection, job: Job, progress: Progress, spent: int | None, now: float) -> Job:
    message = f"The service no longer knows execution {job.execution}. It was paid or reserved; look in the web app."
    return jobs.move(
        db, job, Stage.SUBMITTED, Status.HELD, "gone", reason=Reason.GONE, message=message, word=progress.word,
        due=now, charged=spent,
    )  # fmt: skip


def _going_on(db: Connection, job: Job, progress: Progress, spent: int | None, now: float) -> Job:
    reason = Reason.IN_QA if progress.state is State.IN_QA else Reason.AT_SERVICE
    return jobs.move(
        db, job, Stage.SUBMITTED, Status.WAITING, "at the service", reason=reason, message=progress.word,
        word=progress.word, due=now, charged=spent,
    )  # fmt: skip


_PLACES = {
    State.DONE: _finished,
    State.FAILED: _failed,
    State.UNPAID: _parked,
    State.GONE: _gone,
    State.RUNNING: _going_on,
    State.IN_QA: _going_on,
}


_STANDING = {
    State.UNPAID: (Status.HELD, Reason.PAYMENT),
    State.GONE: (Status.HELD, Reason.GONE),
    State.RUNNING: (Status.WAITING, Reason.AT_SERVICE),
    State.IN_QA: (Status.WAITING, Reason.IN_QA),
}


def _is_news(job: Job, progress: Progress) -> bool:
    if progress.state not in _STANDING or job.word != progress.word:
        return True
    overdue = job.reason == Reason.OVERDUE and progress.state is State.RUNNING
    return not overdue and (job.status, job.reason) != _STANDING[progress.state]


def results_of(progress: Progress) -> tuple[Result, ...]:
    """The results of a finished execution, still at the service."""
    return tuple(
        Result(output.locator, output.task, output.media_type, output.digest, output.size)
        for output in progress.outputs
    )


def _seconds(progress: Progress) -> float | None:
    """How long an execution took by the service's own times; None where it does not say."""
    try:
        began, ended = (datetime.fromisoformat(text) for text in (progress.created_at, progress.finished_at))
    except ValueError:
        return None
    return max(0.0, (ended - began).total_seconds())


def _money(amount: int | None) -> str:
    return "an unknown price" if amount is None else str(amount)


# ------------------------------------------------------------------------------------------------------ on disk


def _photo(job: Job) -> files.Photo:
    stamp = files.Stamp(job.size, job.mtime_ns, job.inode, job.device)
    return files.Photo(job.source, stamp, job.media_type, job.width, job.height, job.digest)


def _free_stem(db: Connection, job: Job) -> str:
    """The next free name where a file that is not ours has taken the reserved one."""
    return files.free_stem(job.folder, job.stem, partial(jobs.stem_taken, db))


def _put_in_place(job: Job) -> None:
    for result in job.results:
        target, part = Path(result.path or ""), files.part_path(job.folder, job.id, result.task)
        if not files.published(target, result.digest or ""):
            files.publish(part, target)
        part.unlink(missing_ok=True)


def _all_published(job: Job) -> bool:
    """Whether every result stands under its final name already; what is left of the parts goes."""
    if not job.results:
        return False
    for result in job.results:
        if not result.path or not files.published(Path(result.path), result.digest or ""):
            return False
        files.part_path(job.folder, job.id, result.task).unlink(missing_ok=True)
    return True


def _copy_results(first: Job, twin: Job) -> None:
    for result in first.results:
        part = files.part_path(twin.folder, twin.id, result.task)
        files.copy_to_part(Path(result.path or ""), part, result.digest or "")
