"""Deciding about jobs: the questions, what they name, and what their answers leave in the journal.

Every question names a fixed set of jobs, how many they are and what it may cost; ``n`` changes nothing, ``y`` does it.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING

from artui.core import options, order
from artui.core.actions import LATE, Action
from artui.core.options import ActionSet
from artui.journal import window
from artui.journal.groups import group
from artui.journal.prices import together
from artui.model.commands import Command
from artui.model.holds import Group
from artui.model.job import Batch, Job
from artui.model.states import Reason
from artui.sanitize import sanitize
from artui.tui.acting import heading, left_alone, lines, says
from artui.tui.advice import price, sentence
from artui.tui.dialogs import Ask, Choice, No, Question
from artui.tui.phrases import SKIPPED
from artui.tui.words import brief, plural, whole_number

if TYPE_CHECKING:
    from artui.tui.host import Host

MOST_ALLOWED = 1_000_000_000

Done = Callable[[Sequence[Action]], object]
"""Told which acts were agreed to."""


async def retry(host: Host, jobs: Sequence[Job], done: Done | None = None) -> None:
    """Ask whether these are to be tried again; where all wait for a yes to new prices, that is the question,
    workflow by workflow."""
    found = await asyncio.to_thread(options.stamped, await host.view.ask(options.retrials, jobs))
    them = ActionSet.of(found)
    if not them.actions or any(job.reason != Reason.PRICE for job in them.jobs):
        _propose(host, "Retry", them, done)
        return
    no = ActionSet.of(await host.view.ask(options.cancellations, them.jobs))
    number = len(them.actions)
    kinds = list(dict.fromkeys(map(says, them.actions)))
    title = f"{kinds[0]}." if len(kinds) == 1 else f"{len(kinds)} workflows cost something else now."
    who = sanitize(them.jobs[0].source.name, 60) if number == 1 else plural(number, "photo")
    waits = f"{who} {'waits' if number == 1 else 'wait'}, not sent at the new price."
    cost = "at a price that is not known" if them.price is None else f"{them.price:,} cr"
    choices = (
        No("keep waiting"),
        Choice("y", f"accept {cost}", them),
        Choice("x", f"cancel {_them(number)}: nothing is paid", no, by_enter=True),
    )
    said = [waits, *(lines(them) if len(kinds) > 1 or them.refused else ())]
    _ask(host, Question(title, said, choices), done)


def _them(number: int) -> str:
    return "it" if number == 1 else f"the {number:,}"


async def cancel(host: Host, jobs: Sequence[Job], done: Done | None = None) -> None:
    """Ask whether these are to be cancelled, and what is to become of results that cannot be stopped any more."""
    keeping = ActionSet.of(await host.view.ask(options.cancellations, jobs))
    leaving = ActionSet.of(await host.view.ask(options.cancellations, jobs, keep=False))
    sent = [one.job for one in keeping.actions if one.job and one.effect in LATE]
    if not sent:
        _propose(host, "Cancel", keeping, done)
        return
    there, unsent = len(sent), len(keeping.actions) - len(sent)
    cost = together(job.quoted if job.charged is None else job.charged for job in sent)
    spent = "what it costs stays spent" if cost is None else f"{cost:,} cr stay spent"
    if unsent:
        title, said = heading("Cancel", keeping), lines(keeping)
        choices: list[Choice[ActionSet] | No] = [
            No("leave them"),
            Choice("y", f"cancel the {unsent:,}, save the {there:,}", keeping, by_enter=True),
            Choice("d", f"cancel the {unsent:,}, do not save the {there:,} ({spent})", leaving),
        ]
    else:
        who = sanitize(sent[0].source.name, 40) if there == 1 else plural(there, "photo")
        title = f"{who} {'is' if there == 1 else 'are'} already sent, the service cannot stop it."
        said = left_alone(keeping)
        # Keeping is what happens anyway: it needs a request only where something else was wished before.
        wished = tuple(one for one in keeping.actions if one.job and not one.job.keep)
        keeping = replace(keeping, actions=wished)
        saved = "leave it: its result is saved" if there == 1 else "leave them: their results are saved"
        choices = [No("leave as it is" if wished else saved)]
        if wished:
            choices.append(Choice("y", f"save {_them(len(wished))} after all", keeping, by_enter=True))
        if there > len(wished):
            choices.append(Choice("d", f"do not save {_them(there)} ({spent})", leaving))
    _ask(host, Question(title, said, choices), done)


def _propose(host: Host, verb: str, them: ActionSet, done: Done | None) -> None:
    if not them.actions:
        why = "; ".join(f"{number:,} {SKIPPED[reason]}" for reason, number in them.refused.items())
        host.notify(f"Nothing to {verb.lower()}: {why or 'no job is chosen'}.", markup=False)
        return
    number = len(them.actions)
    # A retry that costs nothing may let a photo go on that was agreed to before, and is paid then.
    yes = Choice("y", f"{verb.lower()} {_them(number)}", them, by_enter=verb == "Cancel")
    no = No("leave it" if number == 1 else "leave them")
    _ask(host, Question(heading(verb, them), lines(them), (no, yes)), done)


def _ask(host: Host, question: Question[ActionSet], done: Done | None = None) -> None:
    """Put a question; what its answer gives is carried out."""

    async def answered(chosen: ActionSet | None) -> None:
        if chosen and chosen.actions:
            await host.decide(chosen.actions)
        if chosen and done:
            done(chosen.actions)

    host.push_screen(question, answered)


async def look_at_balance(host: Host, account: str) -> None:
    """Have the engine look at an account's balance now."""
    await host.decide([options.of_account(Command.REFRESH, account)])
    host.notify(f"Looking at the balance of {sanitize(account, 30)}.", markup=False)


async def put_aside(host: Host, jobs: Sequence[Job]) -> list[int]:
    """Put what needs a person aside until it moves, or take it back where all of it lies aside; returns which."""
    numbers = [job.id for job in jobs if group(job.status, job.reason, job.hold_scope) is Group.NEEDS]
    if not numbers:
        host.notify("Only what needs you can be put aside.", markup=False)
        return []
    known = await host.view.ask(window.asides)
    back = all(number in known for number in numbers)
    await host.journal.write_async(window.put_aside, numbers, back=back)
    return numbers


async def put_first(host: Host, chosen: Sequence[Job]) -> None:
    """Put these before all that wait for their turn, or back where all of them are there."""
    waiting = [job for job in chosen if order.waits_for_its_turn(job)]
    if not waiting:
        host.notify("Only what waits for its turn can be put first.", markup=False)
        return
    back = all(job.ahead for job in waiting)
    await host.journal.write_async(order.put_first, waiting, undo=back)
    them = sanitize(waiting[0].source.name, 50) if len(waiting) == 1 else plural(len(waiting), "photo")
    host.notify(f"{them}: {'in the usual turn again' if back else 'next in turn'}.", markup=False)


def decide(host: Host, job: Job) -> bool:
    """Ask what only a person can decide about this job; False where there is no such thing."""
    if job.reason in (Reason.PRICE, Reason.RECOVERED, Reason.REJECTED):
        host.soon(retry(host, [job]))
        return True
    if job.reason == Reason.DAMAGED:
        host.soon(_of_damaged(host, job))
        return True
    if job.reason == Reason.SAMPLE:
        from artui.tui.reviewing import review_sample

        host.soon(review_sample(host, job.batch))
        return True
    if job.reason != Reason.IN_DOUBT:
        return False
    host.soon(_of_doubt(host, job))
    return True


async def _of_doubt(host: Host, job: Job) -> None:
    """Ask what became of a paid call that nobody knows of."""
    fits = await host.view.ask(options.fitting, job)
    found = await host.view.ask(options.adoptions, job)
    another = "another id" if found else "it is there: give the execution's id (free)"
    offered = [
        Choice("o", another, fits.get(Command.ADOPT), by_enter=True),
        Choice("a", f"send again ({price(job.quoted)} more at worst)", fits.get(Command.AGAIN)),
        Choice("g", f"give up: it counts as spent ({price(job.quoted)})", fits.get(Command.GIVE_UP)),
    ]

    async def answered(act: Action | None) -> None:
        if act is not None and act.command is Command.ADOPT and not act.arguments:
            _adopt(host, act)
        elif act is not None:
            await host.decide([act])

    fitting = [one for one in offered if one.gives is not None]
    choices: list[Choice[Action | None] | No] = [No("leave it in doubt"), *fitting]
    if found:
        identity = brief(str(found[0].arguments["execution"]))
        choices.insert(0, Choice("i", f"it is {identity}: take it (free)", found[0], by_enter=True))
    title = f"{sanitize(job.source.name, 60)}: paid or not?"
    host.push_screen(Question(title, [host.glyphs.plain(sentence(job))], choices), answered)


async def ask_credits(host: Host, title: str, lines: Sequence[str], offered: int) -> int | None:
    """Ask for a number of credits above 0, with one filled in where it is ``offered``; None where nothing, or no such
    number, was typed."""
    typed = await host.ask(Ask(title, lines, value=str(offered) if offered else ""))
    number = whole_number(typed, MOST_ALLOWED) if typed else None
    if typed and not number:
        host.notify(f"{sanitize(typed, 20)} is no number of credits; nothing has changed.", markup=False)
    return number or None


async def allow(host: Host, batch: Batch | None) -> None:
    """Ask how many credits more this batch may spend, then whether that is meant."""
    room = await host.view.ask(options.batch_room, batch) if batch else None
    if room is None:
        host.notify("This batch has no cap of its own. The day's is the account's: 5 shows it.", markup=False)
        return
    name = sanitize(room.batch.name, 40)
    lines = [f"It has spent {room.spent:,} of {room.cap:,} cr."]
    if room.photos:
        lines.append(f"{plural(room.photos, 'photo waits', 'photos wait')} for room: {room.need:,} cr.")
    short = max(0, room.need - (room.cap - room.spent))
    more = await ask_credits(host, f"How many credits more may {name} spend?", lines, short)
    if more is None:
        return
    question = Question(
        f"Allow {name} {more:,} cr more?",
        [f"It may then spend {room.cap + more:,} cr in all. The caps of the account stay."],
        (No("leave the cap"), Choice("y", f"allow {more:,} cr", room.raised(more))),
    )
    if (act := await host.ask(question)) is not None:
        await host.decide([act])
        host.notify(f"{name} may spend {room.cap + more:,} cr in all.", markup=False)


async def _of_damaged(host: Host, job: Job) -> None:
    """Ask what is to become of a result that came damaged."""
    fits = await host.view.ask(options.fitting, job)
    spent = price(job.quoted if job.charged is None else job.charged)
    offered = (
        Choice("f", "fetch it again (free)", Command.RETRY, by_enter=True),
        Choice("t", "take it as it is, whole or not (free)", Command.TAKE),
        Choice("l", f"take all of {sanitize(job.account, 20)} as they are (free)", Command.TAKE_ALL),
        Choice("g", f"give up: not saved, what it cost stays spent ({spent})", Command.GIVE_UP),
    )

    async def answered(command: Command | None) -> None:
        if command is not None:
            await host.decide([fits[command]])

    choices: list[Choice[Command] | No] = [No("leave it"), *(one for one in offered if one.gives in fits)]
    title = f"{sanitize(job.source.name, 60)}: what about its result?"
    host.push_screen(Question(title, [host.glyphs.plain(sentence(job))], choices), answered)


def _adopt(host: Host, action: Action) -> None:
    async def typed(execution: str | None) -> None:
        if execution:
            await host.decide([replace(action, arguments={"execution": execution})])

    lines = ["artui compares it with the photo and the workflow, and follows it if they fit."]
    host.push_screen(Ask("Which execution is it?", lines, placeholder="its id in the web app"), typed)
