"""Past executions as a service lists them: whose each is, and its result, which costs nothing to fetch again."""

from __future__ import annotations

import asyncio
import datetime as dt
from collections.abc import Sequence
from contextlib import aclosing
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from uuid import uuid4

from artui import files
from artui.journal import Connection, Journal, jobs, purchases
from artui.model.job import Job, Result
from artui.model.states import Status
from artui.providers.base import ExecutionRef, ExecutionStatus, Output, Provider, Rejected, State, Workflow
from artui.steps.fetching import finished
from artui.steps.looking import results_of


@dataclass(frozen=True, slots=True)
class PastExecution:
    """An execution at the service. ``job`` is the job of this journal that bought it, None where none did."""

    progress: ExecutionStatus
    workflow: str
    job: int | None

    @property
    def whose(self) -> str:
        """Who bought it, in a word: a job of this journal, another artui, or somebody else."""
        if self.job is not None:
            return f"job {self.job}"
        return "another artui" if self.progress.key else "not artui"


def began(progress: ExecutionStatus, zone: dt.tzinfo) -> str:
    """When an execution began, in a zone, to the second; as the service says it where that is no time."""
    try:
        at = dt.datetime.fromisoformat(progress.created_at)
    except ValueError:
        return progress.created_at[:19]
    return f"{(at if at.tzinfo else at.replace(tzinfo=dt.UTC)).astimezone(zone):%Y-%m-%d %H:%M:%S}"


async def newest(
    provider: Provider[Any], workflows: Sequence[Workflow], since: dt.datetime | None, limit: int
) -> list[tuple[Workflow, ExecutionStatus]]:
    """The newest executions of some workflows, those created before ``since`` left out, ``limit`` at most in all.

    Raises :class:`Rejected` where the service has no list.
    """
    earliest = "" if since is None else since.astimezone(dt.UTC).strftime("%Y-%m-%dT%H:%M:%S")
    found: list[tuple[Workflow, ExecutionStatus]] = []
    for workflow in workflows:
        number = 0
        async with aclosing(provider.listed(workflow.id)) as pages:  # type: ignore[type-var]
            async for page in pages:
                # As text: times of the services are kept in one spelling, in which they sort.
                fresh = [one for one in page if not one.created_at or one.created_at >= earliest]
                found += [(workflow, one) for one in fresh]
                number += len(fresh)
                if number >= limit or (page and not fresh):  # the list shows the newest first
                    break
    found.sort(key=lambda pair: pair[1].created_at, reverse=True)
    return found[:limit]


def marked(db: Connection, payer: str, found: Sequence[tuple[Workflow, ExecutionStatus]]) -> list[PastExecution]:
    """Executions with the job of this journal that bought each."""
    return [
        PastExecution(progress, workflow.name, purchases.job_of(db, payer, progress.execution))
        for workflow, progress in found
    ]


async def fetch(
    provider: Provider[Any], execution: str, workflow: str, folder: Path,
    permissions: files.Permissions = files.AS_USUAL,
) -> list[Path]:  # fmt: skip
    """Save the results of a finished execution in a folder under free names; nothing is replaced.

    Raises :class:`Rejected` where there is none, ``BadResult`` for one that is not whole, ``OutputProblem``, and what
    the service raises.
    """
    progress = (await provider.poll([ExecutionRef(execution, workflow)])).get(execution)
    if progress is None or progress.state is not State.DONE or not progress.outputs:
        word = "not there" if progress is None or progress.state is State.GONE else progress.word
        raise Rejected(f"execution {execution} has no result to fetch: it is {word}", reason="no result")
    stem = files.tame(Path(progress.name).stem) or files.tame(execution)
    return [await _save(provider, execution, result, folder, stem, permissions) for result in results_of(progress)]


async def rate(provider: Provider[Any], journal: Journal, job: Job, *, good: bool) -> None:
    """Tell the service whether the result of a job is liked, and note that it was told. Costs nothing.

    Raises :class:`Rejected` where there is no result yet, or the service takes no ratings.
    """
    if job.status is not Status.DONE:
        raise Rejected(f"job {job.id} has no result yet: it is {job.status}", reason="no result")
    await provider.rate(job.execution, good=good)
    await journal.write_async(jobs.note, job, "rated", "up" if good else "down")


async def _save(
    provider: Provider[Any], execution: str, result: Result, folder: Path, stem: str, permissions: files.Permissions
) -> Path:
    output = Output(result.locator, result.task, result.media_type, result.digest, result.size)
    # No job's: an engine that fetches the same must not meet it.
    place = files.part_path(folder, f"fetch-{uuid4().hex[:8]}", result.task)
    with files.Part(place, permissions) as part:
        await provider.download(output, execution, part, lambda _: None)
        written = await asyncio.to_thread(finished, part, result)
    try:
        if result.digest not in (None, written.digest):
            raise files.BadResult("digest", f"execution {execution}'s result has another digest than is stated")
        while True:
            [name] = files.result_names(stem, [(written.media_type or "", result.task)])
            try:
                await asyncio.to_thread(files.publish, place, folder / name)
            except FileExistsError:
                stem = await asyncio.to_thread(files.free_stem, folder, stem, lambda _: False)
            else:
                return folder / name
    finally:
        await asyncio.to_thread(files.discard, place)
