"""Running what is to be run with results once they are saved: a few at a time, in bounds, tried again, never undone.

A photo is over before, and stays so whatever becomes of this. A kill in between runs a command once more rather than
never.
"""

from __future__ import annotations

import asyncio
import logging
import random
from collections.abc import Awaitable, Callable, Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from string import Formatter

from artui import files
from artui.config import Config
from artui.config.known import placeholders
from artui.engine import bounded
from artui.journal import Connection, Journal, Unwritable, batches, deliveries, jobs, requests, rules
from artui.journal.deliveries import DeliveryRow
from artui.journal.requests import Request
from artui.model.job import Job
from artui.timing import Clock, retry_delay

log = logging.getLogger(__name__)

AT_ONCE = 4
"""Commands that run at the same time."""

TIME_LIMIT = 1800.0
"""Seconds one command may take; then it is killed with all it has started."""

TRIES = 8
"""Vain tries after which nothing more is tried by itself."""

GRACE = 5.0
"""Seconds running commands get to end by themselves when the engine stops."""

REST, IDLE = 0.2, 5.0
"""Seconds between two looks at what is due, at the least and at the most."""


class Unfit(Exception):
    """A command can never be filled for a photo as both are; the text says why."""


class NotThere(Exception):
    """A result is not where it was saved, and may come back; the text says which."""


@dataclass
class Deliveries:
    """Carries out the deliveries of one journal, in the engine's process."""

    journal: Journal
    config: Callable[[], Config]
    clock: Clock
    write_until_durable: Callable[[Callable[[Connection], None]], Awaitable[None]]
    _bell: asyncio.Event = field(default_factory=asyncio.Event)
    _running: set[asyncio.Task[None]] = field(default_factory=set)

    def wake(self) -> None:
        """Look soon whether something is due."""
        self._bell.set()

    async def run(self) -> None:
        """Take up what an engine left that is gone, then run what is due, until cancelled."""
        begun = False
        while True:
            try:
                if not begun:
                    await self.journal.write_async(deliveries.put_back)
                    begun = True
                await self._take()
            except Unwritable as problem:
                log.warning("%s Waiting for it.", problem)
            except Exception:
                log.exception("artui itself failed at delivering what is saved")
            await asyncio.sleep(REST)
            due = self.journal.read(deliveries.next_due)
            is_full = len(self._running) >= AT_ONCE
            rest = IDLE if is_full or due is None else min(IDLE, max(0.0, due - self.clock.now()))
            with suppress(TimeoutError):
                async with asyncio.timeout(rest):
                    await self._bell.wait()
            self._bell.clear()

    async def _take(self) -> None:
        now, free = self.clock.now(), AT_ONCE - len(self._running)
        due = self.journal.read(deliveries.next_due)
        if free <= 0 or due is None or due > now:
            return
        for row in await self.journal.write_async(deliveries.claim, now, free):
            task = asyncio.create_task(self._carry(row))
            self._running.add(task)
            task.add_done_callback(self._ended)

    def _ended(self, task: asyncio.Task[None]) -> None:
        self._running.discard(task)
        self.wake()

    async def close(self) -> None:
        """Give what runs a moment to end, then break it off: it is begun anew by the next engine."""
        if self._running:
            await asyncio.wait(self._running, timeout=GRACE)
        for task in self._running:
            task.cancel()
        await asyncio.gather(*self._running, return_exceptions=True)

    async def _carry(self, row: DeliveryRow) -> None:
        """Run what one job needs; whatever happens it is put down in a place the journal names."""
        heals = True
        try:
            failure, said = await self._deliver(row)
            if not failure:
                await self.write_until_durable(lambda db: deliveries.ended(db, row, said))
                return
        except asyncio.CancelledError:
            await asyncio.shield(self.write_until_durable(lambda db: deliveries.put_back(db, row)))
            return
        except (Unfit, NotThere) as why:
            failure, heals = str(why), isinstance(why, NotThere)
        except Exception as defect:
            log.exception("artui itself failed at delivering job %d", row.job)
            failure = f"artui itself failed ({type(defect).__name__})"
        tries = row.attempts + 1
        wait = retry_delay(row.attempts, random.random()) if heals and tries < TRIES else None  # noqa: S311
        due = None if wait is None else self.clock.now() + wait
        told = "not tried again by itself" if wait is None else f"tried again in {wait:.0f} s"
        log.warning("job %d could not be delivered (%s); %s", row.job, failure, told)
        await self.write_until_durable(lambda db: deliveries.failed_try(db, row, failure, due))

    async def _deliver(self, row: DeliveryRow) -> tuple[str, str]:
        """Run a job's command for what was not handed over yet; returns why that failed, and what it said.

        Raises :class:`Unfit` or :class:`NotThere`.
        """
        job = self.journal.read(jobs.get, row.job)
        if job is None:
            return "the job is gone", ""
        batch = self.journal.read(batches.get, job.batch) if job.batch else None
        rule = self.journal.read(rules.get, job.rule) if job.rule else None
        facts, said = {"batch": batch.name if batch else "", "rule": rule.name if rule else ""}, ""
        for number, command in enumerate(commands(row.command, job, facts)):
            if number < row.delivered:
                continue
            ended = await bounded.run(command, seconds=TIME_LIMIT)
            said = ended.said
            if ended.failure:
                return f"{Path(command[0]).name}: {ended.failure}{f': {said}' if said else ''}", said
            await self.write_until_durable(lambda db, done=number + 1: deliveries.handed_over(db, row, done))  # type: ignore[misc]
        return "", said

    async def again(self, request: Request) -> None:
        """Deliver a job's results (once more), by the command that is set now."""

        def write(db: Connection) -> None:
            job = jobs.get(db, request.job or 0)
            if job is None:
                requests.finish(db, request, f"there is no job {request.job}", refused=True)
                return
            account = self.config().accounts.get(job.account)
            command, wanted = (account.after_saved, account.deliver) if account else ((), "saved")
            why = deliveries.again(db, job, *deliveries.set_for(db, job, command, wanted))
            requests.finish(db, request, why or f"{job.source.name} is delivered", refused=bool(why))

        await self.journal.write_async(write)
        self.wake()


def commands(command: Sequence[str], job: Job, facts: Mapping[str, str]) -> Iterator[list[str]]:
    """The commands to be run for a job, filled: one for each result where ``{result}`` stands in it, else one for all.

    ``facts`` are the names of its batch and rule. Raises :class:`Unfit` or :class:`NotThere`.
    """
    results = [result.path for result in job.results if result.path]
    if not results:
        raise Unfit("the job has no saved result")
    if lost := next((path for path in results if not Path(path).is_file()), None):
        raise NotThere(f"its result is not at {lost} any more")
    words = {
        **{name: files.tame(fact) for name, fact in facts.items()},
        "account": job.account,
        "workflow": files.tame(job.workflow_name),
        "photo": "" if job.address else str(job.source),
        "job": str(job.id),
    }
    each = any(name == "result" for argument in command for name, _ in placeholders(argument))
    for path in results if each else results[:1]:
        filled: list[str] = []
        for argument in command:
            if argument == "{results}":
                filled += results
            else:
                filled.append(_filled(argument, {**words, "result": path}, job.labels))
        yield filled


def _filled(argument: str, words: Mapping[str, str], labels: Mapping[str, str]) -> str:
    """An argument with its placeholders filled; what a photo lacks, or what would become an option, is no argument."""
    fillings = {}
    for name, label in placeholders(argument):
        value = files.tame(labels.get(label or "sku", "")) if name in ("sku", "label") else words[name]
        if not value:
            raise Unfit(f"the photo has nothing for {{{name}{f':{label}' if label else ''}}}")
        fillings[name, label] = value
    filled = "".join(
        text + (fillings[name, label or ""] if name is not None else "")
        for text, name, label, _ in Formatter().parse(argument)
    )
    if filled.startswith("-") and not argument.startswith("-"):
        raise Unfit(f"{argument} would be {filled}, which its program would take for an option")
    return filled
