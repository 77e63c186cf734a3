"""What the engine does for each command that is left for it, and which of them have to ask a service first."""

from __future__ import annotations

import asyncio
import datetime as dt
import json
import time
from collections.abc import Awaitable, Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass, replace
from functools import partial
from typing import Protocol

from artui import budget, files, providers
from artui.core import decisions
from artui.core.actions import Refusal, explained
from artui.core.options import is_in_place
from artui.credentials import CredentialProblem
from artui.engine.account_worker import AccountWorker
from artui.engine.deliveries import Deliveries
from artui.journal import Connection, Journal, accounts, batches, holds, jobs, requests, rules
from artui.journal.requests import Request
from artui.journal.rules import RuleRow
from artui.model.commands import Command
from artui.model.job import Job, Result
from artui.model.states import FINAL, Reason, Stage, Status
from artui.providers.base import Blocked, ExecutionRef, ProviderError, Rejected, State, Transient
from artui.steps import evidence
from artui.steps.evidence import Ownership
from artui.steps.looking import results_of
from artui.steps.output import refuse_unmounted
from artui.timing import Clock

PATIENCE = 10.0
"""Seconds in which it must be told who pays, where somebody waits for that."""

ASK_EVERY = 0.25
"""Seconds between two questions to an account that is just being set otherwise."""


class Commanded(Protocol):
    """The engine, as far as commands reach into it."""

    journal: Journal
    clock: Clock
    deliveries: Deliveries

    @property
    def zone(self) -> dt.tzinfo:
        """The operator's zone, in which a day turns."""

    @property
    def accounts(self) -> list[str]:
        """The accounts that have anything to do."""

    async def open_worker(self, name: str) -> AccountWorker | None:
        """The worker of an account; None where the account cannot be used."""

    async def answered(self, command: Command) -> None:
        """Wait for what asks a service for this command now."""

    def wake(self) -> None:
        """Have every account look for work."""

    def stop(self) -> None:
        """End in order."""


Run = Callable[[Commanded, Request], Awaitable[None]]
"""Carries a request out, and marks it done or refused in the transaction of its effect."""


def never(db: Connection, request: Request) -> bool:
    """Nothing is asked of a service."""
    del db, request
    return False


def always(db: Connection, request: Request) -> bool:
    """A service is asked whatever the request is about."""
    del db, request
    return True


@dataclass(frozen=True, slots=True)
class Handler:
    """How one command is carried out. ``asks_service`` tells whether that takes asking a service, which may hang: such
    a request must not keep the others waiting."""

    run: Run
    asks_service: Callable[[Connection, Request], bool] = never


# --------------------------------------------------------------------------------------------------- about one job


def _about_job(decide: decisions.Decide) -> Run:
    async def run(engine: Commanded, request: Request) -> None:
        await _decide(engine, request, decide)

    return run


async def _decide(engine: Commanded, request: Request, decide: decisions.Decide) -> None:
    seen = engine.journal.read(jobs.get, request.job or 0)
    worker = await engine.open_worker(seen.account) if seen else None
    if worker:
        can_retry, due = worker.context.provider.limits.can_retry, worker.context.settle_due
    else:
        can_retry = seen is not None and providers.capabilities(seen.provider).limits.can_retry
        due = engine.clock.now()
    job = await engine.journal.write_async(decisions.carry_out, request, decide, can_retry=can_retry, settle_due=due)
    if job is None or worker is None:
        return
    if job.stage is Stage.SUBMITTED and job.status not in FINAL:
        worker.follow(job)
    else:
        worker.forget(job)


async def _retry(engine: Commanded, request: Request) -> None:
    if engine.journal.read(_asks_who_pays, request) and (why := await _still_strange(engine, request)):
        await _finish(engine, request, why, refused=True)
    else:
        await _decide(engine, request, decisions.retry)


def _asks_who_pays(db: Connection, request: Request) -> bool:
    """Whether a job is wanted to go on that is held because its account was another one's."""
    job = jobs.get(db, request.job or 0)
    return job is not None and job.status is Status.HELD and job.reason == Reason.ACCOUNT


async def _still_strange(engine: Commanded, request: Request) -> str:
    """Why a job that is held for its account stays so after a look at who would pay now; empty where it goes on."""
    job = engine.journal.read(jobs.get, request.job or 0)
    if job is None:
        return ""
    worker = await engine.open_worker(job.account)
    deadline = time.monotonic() + PATIENCE
    while worker is None or await worker.sort_strangers() is None:
        if worker is None or time.monotonic() > deadline:
            return f"job {job.id} stays held: who would pay for it cannot be told now ({job.message})"
        await asyncio.sleep(ASK_EVERY)  # its account was just set otherwise: another worker takes its place
        worker = await engine.open_worker(job.account)
    now = engine.journal.read(jobs.get, job.id) or job
    if now.status is not Status.HELD or now.reason != Reason.ACCOUNT:
        return ""
    return f"job {job.id} stays held: {now.message}; or `artui cancel {job.id}`"


async def _adopt(engine: Commanded, request: Request) -> None:
    job = engine.journal.read(jobs.get, request.job or 0)
    worker = await engine.open_worker(job.account) if job else None
    if job is None or worker is None:
        await _finish(engine, request, f"there is no open job {request.job}", refused=True)
    elif why := await _unfit(worker, job, str(request.arguments.get("execution", ""))):
        await _finish(engine, request, why, refused=True)
    else:
        await _decide(engine, request, decisions.adopt)


async def _unfit(worker: AccountWorker, job: Job, execution: str) -> str:
    """Why an execution a person names is not taken for this job's; empty where it is."""
    provider = worker.context.provider
    try:
        seen = (await provider.poll([ExecutionRef(execution, job.workflow)])).get(execution)
    except (Transient, Rejected, Blocked) as failure:
        return f"the service cannot be asked about execution {execution} now: {failure}"
    if seen is None or seen.state is State.GONE:
        return f"the service does not know execution {execution}"
    shown = worker.context.journal.read(evidence.weigh, job, seen, provider.limits.accepts, by_a_person=True)
    if shown.verdict is Ownership.SILENT and provider.limits.names_photo and not seen.reference:
        return f"the service does not say what execution {execution} was made from: nobody can tell whose it is"
    return shown.why


async def _fetch(engine: Commanded, request: Request) -> None:
    """Fetch a saved result again, once its service has said that it still has it."""
    job = engine.journal.read(jobs.get, request.job or 0)
    try:
        results = await _had_again(engine, job) if job else ()
    except _NotThere as why:
        await _finish(engine, request, str(why), refused=True)
    else:
        await _decide(engine, request, partial(decisions.fetch, results=results))


async def _had_again(engine: Commanded, job: Job) -> tuple[Result, ...]:
    """What is fetched for a job whose result is not in its place; of a copy nothing, it is made anew. Raises
    _NotThere."""
    bought = engine.journal.read(jobs.get, job.twin_of) if job.twin_of else job
    if await asyncio.to_thread(is_in_place, job):
        raise _NotThere(explained(Refusal.ON_DISK, job))
    worker = await engine.open_worker(job.account)
    if worker is None or bought is None:
        raise _NotThere(f"job {job.id}: the account {job.account} cannot be used now, so its service cannot be asked")
    there: tuple[Result, ...] = ()
    # A copy needs the service only where what it was made of is not there either.
    if job is bought or not (bought.is_saved and await asyncio.to_thread(is_in_place, bought)):
        there = await _still_there(worker, bought)
    try:
        await refuse_unmounted(worker.context, job)
        # It makes the folder, too, where that was removed.
        await asyncio.to_thread(files.probe_folder, job.folder, worker.context.permissions(job), tidy=False)
    except files.OutputProblem as problem:
        raise _NotThere(f"job {job.id}: {problem}") from problem
    known = {result.task: result for result in job.results}
    if known.keys() != {result.task for result in there}:
        return there
    # As they were saved, by the digest they had, but from where the service has them now.
    return tuple(replace(known[result.task], locator=result.locator) for result in there)


class _NotThere(Exception):
    """A result cannot be had again now, or need not be; the text says why."""


async def _still_there(worker: AccountWorker, job: Job) -> tuple[Result, ...]:
    """The results of a job as its service has them now; it is only asked, nothing is begun. Raises _NotThere."""
    provider = worker.context.provider
    try:
        seen = (await provider.poll([ExecutionRef(job.execution, job.workflow)])).get(job.execution)
    except (Transient, Rejected, Blocked) as failure:
        raise _NotThere(f"job {job.id}: the service cannot be asked now: {failure}") from failure
    if seen is None or seen.state not in (State.DONE, State.INCOMPLETE) or not seen.outputs:
        raise _NotThere(f"job {job.id}: the service no longer has its result; `artui redo {job.id}` buys it anew")
    shown = worker.context.journal.read(evidence.weigh, job, seen, provider.limits.accepts)
    if shown.verdict is Ownership.DISPROVED:
        raise _NotThere(f"job {job.id}: {shown.why}, so nothing of it is fetched")
    return results_of(seen)


# --------------------------------------------------------------------------------- about accounts, and the engine


async def _pause(engine: Commanded, request: Request) -> None:
    await engine.answered(Command.RESUME)  # what is being resumed was asked for before
    names = await _for_each(engine, request, lambda one: one.hold(Reason.PAUSED, f"{one.name} is paused by a person"))
    await _finish(engine, request, f"paused: {', '.join(names) or 'no account has anything to do'}")


async def _resume(engine: Commanded, request: Request) -> None:
    account = request.arguments.get("account")
    if account and request.arguments.get("recovered"):
        await engine.journal.write_async(holds.release_recovered, account)
    names = await _for_each(engine, request, AccountWorker.release)
    await _finish(engine, request, f"resumed: {', '.join(names) or 'no account has anything to do'}")


async def _refresh(engine: Commanded, request: Request) -> None:
    names = await _for_each(engine, request, AccountWorker.refresh)
    await _finish(engine, request, f"looked at the balance of {', '.join(names)}")


async def _offer(engine: Commanded, request: Request) -> None:
    """Ask for a command, which would have to load what is here already and to sign in anew. Whatever stands against
    that refuses it: then the command asks for itself, and says what is wrong."""
    from artui.core.plan import PlanProblem, fetch_order, offer_documents

    name, words, answer = str(request.arguments["account"]), list(request.arguments["workflows"]), ""
    worker = await engine.open_worker(name)
    if worker is not None and not worker.context.outdated():
        provider = worker.context.provider
        with suppress(ProviderError, CredentialProblem, PlanProblem, TimeoutError):
            async with asyncio.timeout(PATIENCE):
                found, labels = await fetch_order(provider, name, words, request.arguments["batches"])
            # It may have learnt of narrower ones, which the command cannot know of.
            if provider.limits == provider.capabilities.limits:
                answer = json.dumps({"offers": offer_documents(found), "labels": labels})
    await _finish(engine, request, answer or "ask the service", refused=not answer)


async def _stop(engine: Commanded, request: Request) -> None:
    engine.stop()
    await _finish(engine, request, "the engine ends")


async def _for_each(
    engine: Commanded, request: Request, act: Callable[[AccountWorker], Awaitable[object]]
) -> list[str]:
    """Act on the account a request names, else on all that have anything to do; returns their names."""
    account = request.arguments.get("account")
    names = [account] if account else engine.accounts
    for name in names:
        if worker := await engine.open_worker(name):
            await act(worker)
    return names


async def _finish(engine: Commanded, request: Request, message: str, *, refused: bool = False) -> None:
    await engine.journal.write_async(requests.finish, request, message, refused=refused)


# ---------------------------------------------------------------------------------------------------- about a rule


def _about_rule(decide: rules.Decide) -> Run:
    async def run(engine: Commanded, request: Request) -> None:
        today = accounts.day_of(time.time(), engine.zone)
        await engine.journal.write_async(rules.carry_out, request, decide, today)
        engine.wake()

    return run


async def _allow(engine: Commanded, request: Request) -> None:
    """Let a rule or a batch spend more; what that lets go on does so in the same transaction."""
    if "batch" in request.arguments:
        await _allow_batch(engine, request)
        return
    row: RuleRow | None = engine.journal.read(rules.get, str(request.arguments.get("rule", "")))
    worker = await engine.open_worker(row.account) if row else None
    # The day its caps are checked by.
    today = worker.context.terms().today if worker else accounts.day_of(time.time(), engine.zone)

    def write(db: Connection) -> None:
        rules.carry_out(db, request, rules.allow, today)
        if worker:
            budget.release_capped(db, worker.name, worker.context.terms())

    await engine.journal.write_async(write)
    engine.wake()


async def _allow_batch(engine: Commanded, request: Request) -> None:
    batch = engine.journal.read(batches.get, str(request.arguments["batch"]))
    worker = await engine.open_worker(batch.account) if batch else None

    def write(db: Connection) -> None:
        if batches.allow(db, request) and worker:
            budget.release_capped(db, worker.name, worker.context.terms())

    await engine.journal.write_async(write)
    engine.wake()


HANDLERS: Mapping[Command, Handler] = {
    Command.RETRY: Handler(_retry, asks_service=_asks_who_pays),
    Command.FETCH: Handler(_fetch, asks_service=always),
    Command.CANCEL: Handler(_about_job(decisions.cancel)),
    Command.ADOPT: Handler(_adopt, asks_service=always),
    Command.AGAIN: Handler(_about_job(decisions.again)),
    Command.GIVE_UP: Handler(_about_job(decisions.give_up)),
    Command.TAKE: Handler(_about_job(decisions.take)),
    Command.TAKE_ALL: Handler(_about_job(decisions.take_all)),
    Command.APPROVE: Handler(lambda engine, request: engine.journal.write_async(decisions.approve, request)),
    Command.PAUSE: Handler(_pause),
    Command.RESUME: Handler(_resume, asks_service=always),
    Command.REFRESH: Handler(_refresh, asks_service=always),
    Command.OFFER: Handler(_offer, asks_service=always),
    Command.STOP: Handler(_stop),
    Command.DELIVER: Handler(lambda engine, request: engine.deliveries.again(request)),
    Command.PAUSE_RULE: Handler(_about_rule(rules.pause)),
    Command.RESUME_RULE: Handler(_about_rule(rules.resume)),
    Command.ALLOW: Handler(_allow),
}
"""What any engine carries out; the watching service adds what is about its folders."""
