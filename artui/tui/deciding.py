"""Deciding about jobs: the questions, what they name, and what their answers leave in the journal.

Every question names a fixed set of jobs, how many they are and what it may cost; its first choice changes nothing.
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import Awaitable, Callable, Sequence
from typing import TYPE_CHECKING

from textual.content import Content

from artui.job import Job, Reason
from artui.journal import accounts, window
from artui.journal.window import Group
from artui.shown import shown
from artui.tui import acts, sampling
from artui.tui.acts import Act, Plan
from artui.tui.advice import price, sentence
from artui.tui.dialogs import Ask, Choice, Question, Reading

if TYPE_CHECKING:
    from artui.tui.app import Console

Done = Callable[[Sequence[Act]], object]
"""Told which acts were agreed to."""


async def retry(console: Console, jobs: Sequence[Job], done: Done | None = None) -> None:
    """Ask whether these are to be tried again."""
    plan = await asyncio.to_thread(acts.retry, jobs)
    _propose(console, "Retry", plan, done)


def cancel(console: Console, jobs: Sequence[Job], done: Done | None = None) -> None:
    """Ask whether these are to be cancelled."""
    _propose(console, "Cancel", acts.cancel(jobs), done)


def _propose(console: Console, verb: str, plan: Plan, done: Done | None) -> None:
    if not plan.acts:
        why = "; ".join(f"{number:,} {reason}" for reason, number in plan.skipped.items())
        console.notify(f"Nothing to {verb.lower()}: {why or 'no job is chosen'}.", markup=False)
        return
    key = "r" if verb == "Retry" else "x"

    async def answered(answer: str | None) -> None:
        if answer == key:
            await console.leave_requests(plan.acts)
            if done:
                done(plan.acts)

    choices = (Choice("s", "leave as it is"), Choice(key, verb.lower(), spends=plan.most != 0))
    console.push_screen(Question(acts.heading(verb, plan), plan.lines(), choices), answered)


async def put_aside(console: Console, jobs: Sequence[Job]) -> list[int]:
    """Put what needs a person aside until it moves, or take it back where all of it lies aside; returns which."""
    numbers = [job.id for job in jobs if window.group(job.status, job.reason) is Group.NEEDS]
    if not numbers:
        console.notify("Only what needs you can be put aside.", markup=False)
        return []
    known = await console.view.ask(window.asides)
    back = all(number in known for number in numbers)
    await console.journal.do(window.put_aside, numbers, back=back)
    return numbers


def copy(console: Console, job: Job) -> None:
    """Send path and execution to the terminal's clipboard, and show them where they can be selected."""
    paths = [result.path for result in job.results if result.path] or [str(job.source)]
    text = "  ".join([*map(shown, paths), shown(job.execution)]).strip()
    console.copy_to_clipboard(text)
    console.push_screen(Reading("Sent to your terminal; if nothing arrives, select it here", Content(text), plain=True))


def decide(console: Console, job: Job) -> bool:
    """Ask what only a person can decide about this job; False where there is no such thing."""
    if job.reason == Reason.PRICE:
        console.soon(_accept_price(console, job))
        return True
    if job.reason == Reason.SAMPLE:
        console.soon(sampling.answer(console, job.batch))
        return True
    if job.reason != Reason.IN_DOUBT:
        return False
    execute: dict[str, Callable[[], Awaitable[object]]] = {
        "i": lambda: _adopt(console, job),
        "a": lambda: console.leave_requests([Act("again", job)]),
        "g": lambda: console.leave_requests([Act("give up", job)]),
    }

    async def answered(answer: str | None) -> None:
        if answer in execute:
            await execute[answer]()

    choices = (
        Choice("s", "leave it in doubt"),
        Choice("i", "it is there: give the execution's id (free)"),
        Choice("a", f"send again ({price(job.quoted)} more at worst)", spends=True),
        Choice("g", f"give up: it counts as spent ({price(job.quoted)})", spends=True),
    )
    console.push_screen(
        Question(f"{shown(job.source.name, 60)}: paid or not?", [console.glyphs.plain(sentence(job))], choices),
        answered,
    )
    return True


async def _accept_price(console: Console, job: Job) -> None:
    """Ask whether the photo is to be sent at the price the engine found."""
    definition = await console.view.ask(accounts.cached_workflow, job.account, job.workflow)
    if definition is None:
        console.notify("The new price is not known here yet: r asks again.", markup=False)
        return
    now = json.loads(definition)
    terms = {"quoted": now["price"], "version": now["version"]}

    async def answered(answer: str | None) -> None:
        if answer == "a":
            await console.leave_requests([Act("retry", job, arguments=terms)])

    title = f"{shown(now['name'], 40)} now costs {price(now['price'])}, not {price(job.quoted)}."
    lines = [f"{shown(job.source.name, 60)} waits, not sent at the new price."]
    accept = Choice("a", f"send it for {price(now['price'])}", spends=True)
    console.push_screen(Question(title, lines, (Choice("s", "keep waiting"), accept)), answered)


async def _adopt(console: Console, job: Job) -> None:
    async def typed(execution: str | None) -> None:
        if execution:
            await console.leave_requests([Act("adopt", job, arguments={"execution": execution})])

    lines = ["artui compares it with the photo and the workflow, and follows it if they fit."]
    console.push_screen(Ask("Which execution is it?", lines, placeholder="its id in the web app"), typed)
