"""What a person decides about a rule: pause, go on, a yes to what holds it, more for today; the questions and requests.

A question names the rule, how many photos it is about and what they cost; ``n`` changes nothing, ``y`` does it.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Sequence
from enum import Enum, auto
from typing import TYPE_CHECKING

from textual.content import Content

from artui.config import ConfigError, Origin, Paths
from artui.config.system import unit_of
from artui.core import options, review
from artui.core.actions import Action
from artui.core.options import ActionSet
from artui.engine.client import start_watching, stop_watching
from artui.journal import Journal, JournalProblem, jobs, rules, watching
from artui.journal.requests import EngineRow
from artui.journal.rules import RuleRow, RuleState
from artui.model.commands import Command
from artui.model.states import Reason, Review
from artui.sanitize import beginning, sanitize
from artui.tui import catalogue
from artui.tui.deciding import ask_credits
from artui.tui.dialogs import Choice, No, Question, TextDialog
from artui.tui.watches import keeping, written
from artui.tui.watches.form import photos_in
from artui.tui.watches.standing import RuleStatus, is_watching
from artui.tui.words import clock, home, plural
from artui.watch.systemd import UNIT

if TYPE_CHECKING:
    from artui.tui.host import Host


class Agreeing(Enum):
    """The answers to a rule that waits for a yes."""

    YES = auto()
    LOOK = auto()
    """To its lists first."""


_LOOK = Choice("l", "look at its lists first", Agreeing.LOOK, by_enter=True)


async def _ask_for(host: Host, command: Command, standing: RuleStatus) -> None:
    await host.decide([options.of_rule(command, standing.entry.id)])


async def pause(host: Host, standing: RuleStatus) -> None:
    """Pause this rule, at once; or ask whether it is to go on."""
    row, name = standing.row, standing.entry.title
    if row is None:
        host.notify(f"{name} was never watched: there is nothing to pause.", markup=False)
    elif not row.paused:
        await _ask_for(host, Command.PAUSE_RULE, standing)
        host.notify(f"Pausing {name}: nothing new is taken or sent; what is bought is fetched.", markup=False)
    else:
        question = Question(
            f"Let {name} go on?",
            await _goes_on(host, standing, row),
            (No("leave it paused"), Choice("y", "go on", True)),
        )

        async def answered(yes: bool | None) -> None:
            if yes:
                await _ask_for(host, Command.RESUME_RULE, standing)

        host.push_screen(question, answered)


async def agree(host: Host, standing: RuleStatus, row: RuleRow, lists: Callable[[], object]) -> None:
    """Ask for the yes that this rule waits for; ``lists`` shows its lists, for who wants to look there first."""
    name = standing.entry.title
    if row.state in (RuleState.FOREIGN, RuleState.OFFLINE):
        title, lines = f"Is this the folder of {name}?", [beginning(row.message, 200)]
        lines.append("With a yes it is marked as this rule's, and what lies there is judged as new.")
        yes = "it is the right folder"
    elif row.state is RuleState.HELD:
        title, lines = (
            f"{name} waits for your yes.",
            [beginning(row.message, 300), *await _goes_on(host, standing, row)],
        )
        yes = "go on so"
    else:
        await _approve(host, standing, lists)
        return
    question = Question(title, lines, (No("keep waiting"), Choice("y", yes, Agreeing.YES), _LOOK))

    async def answered(answer: Agreeing | None) -> None:
        if answer is Agreeing.LOOK:
            lists()
        elif answer is Agreeing.YES:
            await _ask_for(host, Command.RESUME_RULE, standing)

    host.push_screen(question, answered)


async def _approve(host: Host, standing: RuleStatus, lists: Callable[[], object]) -> None:
    """Ask for the yes to a rule's first results; it is for those photos that wait now."""
    waiting = await host.view.ask(rules.waiting, standing.entry.id, Reason.SAMPLE)
    if not waiting:
        host.notify("Nothing here waits for a yes.", markup=False)
        return
    batches = dict.fromkeys(job.batch or "" for job in waiting)
    rest = ActionSet.of(await host.view.ask(lambda db: [options.approval(db, one, yes=True) for one in batches]))
    cost = "the price is not known" if rest.price is None else f"at most {rest.price:,} cr"
    name = standing.entry.title
    title = f"Send the other {plural(len(waiting), 'photo')} of {name}? {cost.capitalize()}."
    lines = ["The first results are in its list Taken: enter, then b there shows before and after."]

    async def answered(answer: Agreeing | None) -> None:
        if answer is Agreeing.LOOK:
            lists()
        elif answer is Agreeing.YES:
            await host.decide(rest.actions)

    yes = Choice("y", f"send {'it' if len(waiting) == 1 else 'them'}: {cost}", Agreeing.YES)
    host.push_screen(Question(title, lines, (No("keep waiting"), yes, _LOOK)), answered)


async def _goes_on(host: Host, standing: RuleStatus, row: RuleRow) -> list[str]:
    """What follows when a rule goes on: how many photos that is about, and their price where it is known."""
    found = await host.view.ask(options.going_on, row)
    lines = []
    if found.photos:
        cost = "at a price that is not known" if found.photos_cost is None else f"at most {found.photos_cost:,} cr"
        lines.append(f"{_waiting(found.photos, 'photo')}, taken already: {cost}.")
    if found.files:
        each = "" if standing.price is None else f" at {standing.price:,} each"
        cost = "" if found.files_cost is None else f": at most {found.files_cost:,} cr{each}"
        lines.append(f"{_waiting(found.files, 'file')} in the folder{cost}.")
    limit = "no cap of its own" if standing.cap is None else f"a cap of {standing.cap:,} cr today"
    return [*lines, f"It has {limit}."]


def _waiting(number: int, word: str) -> str:
    return f"{plural(number, word)} {'waits' if number == 1 else 'wait'}"


async def allow(host: Host, standing: RuleStatus) -> None:
    """Ask how many credits more this rule may spend until midnight, then whether that is meant."""
    row, name = standing.row, standing.entry.title
    if row is None or standing.figures is None:
        host.notify(f"{name} was never watched: it has spent nothing.", markup=False)
        return
    if row.day is None and row.month is None and row.run is None:
        host.notify(f"{name} has no cap of its own: there is nothing to allow.", markup=False)
        return
    capped = standing.figures.held.get(Reason.CAP)
    lines = [f"Today {standing.spent:,} of {'no day cap' if standing.cap is None else f'{standing.cap:,} cr'}."]
    if capped:
        lines.append(f"{_waiting(capped.jobs, 'photo')} for room: {capped.needs:,} cr.")
    needs = capped.needs if capped else 0
    most = await ask_credits(host, f"How many credits more for {name}, until midnight?", lines, needs)
    if most is None:
        return
    photos = f", {plural(most // standing.price, 'photo')} at {standing.price:,}" if standing.price else ""
    question = Question(
        f"Allow {name} {most:,} cr more until midnight?",
        [f"That is at most {most:,} cr{photos}, beyond the caps of this rule; the caps of the account stay."],
        (No("leave the caps as they are"), Choice("y", f"allow {most:,} cr", True)),
    )
    if await host.ask(question):
        await host.decide([options.allowance(standing.entry.id, most)])
        host.notify(f"{name} may spend {most:,} cr more until midnight.", markup=False)


async def look_now(host: Host, standing: RuleStatus) -> None:
    """Have the folder looked at now, or the rules read where the engine does not know this one."""
    if not standing.watching:
        host.notify("No engine watches folders: w starts it.", markup=False)
    elif standing.is_watched:
        await _ask_for(host, Command.LOOK_NOW, standing)
        host.notify(f"Looking at {standing.entry.title}.", markup=False)
    else:
        await read_rules(host)
        host.notify("The rules are read again.", markup=False)


async def take_back(host: Host, number: int) -> None:
    """Take the rejection of a job's result back, which costs nothing; its file goes back to where it was saved."""

    def undo() -> list[str]:
        job = host.journal.read(jobs.get, number)
        made = review.decide(host.journal, [job], Review.TAKEN_BACK, who=review.reviewer(host.config)) if job else []
        told = []
        for one in made:
            where = f"; its file is in {sanitize(home(one.moved[0].parent), 60)} again" if one.moved else ""
            back = f"Taken back: {sanitize(one.job.source.name, 40)} is not rejected{where}."
            told += [one.why] if one.refused else [back, *one.notes]
        return told

    host.notify(" ".join(await asyncio.to_thread(undo)), markup=False)


async def read_rules(host: Host) -> None:
    """Have the engine that watches read the rules as they are written now."""
    await host.decide([Action(Command.READ_RULES)])


# ---------------------------------------------------------------------------------------------------- beside a rule


def show_source(host: Host, standing: RuleStatus) -> None:
    """Show the file and the line where this rule is written."""
    source = standing.entry.source
    text = "\n".join(sanitize(line, 200) for line in written.excerpt(source))
    change = "Change it there; artui never writes to config.toml. R has `artui watch` read it again."
    if source.origin is Origin.FLAG:
        change = "`artui watch` was started with it; it ends with that."
    host.push_screen(TextDialog(sanitize(str(source)), Content(f"{text}\n\n{change}".strip())))


async def remove(host: Host, standing: RuleStatus) -> bool:
    """Ask whether a rule of settings.toml is to be taken away; whether it was."""
    entry, said = standing.entry, standing.figures
    under_way = said.counted.on_the_way + said.counted.held if said else 0
    lines = ["The photos stay where they are. A rule for the same folder would know what this one has sent."]
    if under_way:
        go = "goes" if under_way == 1 else "go"
        lines.append(f"{plural(under_way, 'photo')} it has taken {go} on; x on Jobs cancels what is not sent.")
    question = Question(
        f"Watch {sanitize(str(entry.folder), 50)} no more?",
        lines,
        (No("keep the rule"), Choice("y", "take it away", True)),
    )
    if entry.number is None or not await host.ask(question):
        return False
    return await in_file(host, lambda: written.save(host.paths, written.table(host.paths, entry), None))


async def in_file(host: Host, save: Callable[[], None]) -> bool:
    """Save a change of the rules; whether that went well. What went wrong is said."""
    try:
        await asyncio.to_thread(save)
    except ConfigError as problem:
        host.notify(beginning(str(problem), 300), severity="error", markup=False)
        return False
    return True


# ------------------------------------------------------------------------------------------------- starting and ending


BY_HAND = """\
Only `artui watch` works through the rules. It goes on
when this console is closed, and its jobs show here.

artui watch
    in a terminal that stays open, or in tmux
artui watch --dry-run
    says what it would take now, and its price
artui service install
    makes it a service that starts with the machine and
    outlives your login"""
"""What watches the folders: a command in a terminal of its own, or a service."""

NOTHING_WATCHED = "No folder is watched yet: a adds one."


async def watch(host: Host, entries: Sequence[written.RuleEntry], found: Sequence[RuleStatus]) -> None:
    """Ask whether to begin watching now, or where that is done to end it; then do so. A console that only reads says
    how it is done."""
    engine = host.look.engine
    if host.readonly or not any(entry.rule for entry in entries):
        pays = f"It sends and pays what lands. {most_a_day(entries)}" if entries else NOTHING_WATCHED
        host.push_screen(TextDialog("Who watches the folders", Content(f"{BY_HAND}\n\n{pays}")))
    elif engine is not None and is_watching(engine):
        await _stop(host, engine.row, found)
    else:
        await _start(host, entries)


def most_a_day(entries: Sequence[written.RuleEntry]) -> str:
    """The most that these rules may spend in a day, in words."""
    watched = [entry.rule for entry in entries if entry.rule]
    capped, free = sum(rule.caps.day or 0 for rule in watched), sum(rule.caps.day is None for rule in watched)
    if not free:
        return f"At most {capped:,} cr a day by {'its cap' if len(watched) == 1 else 'their caps'}."
    if not capped:
        return "WITHOUT a daily cap."
    return f"{plural(free, 'rule')} without a daily cap, at most {capped:,} cr a day by the others."


class Starting(Enum):
    """The answers to whether watching begins."""

    NOW = auto()
    KEPT = auto()
    """By a service, at every login too."""


async def _start(host: Host, entries: Sequence[written.RuleEntry]) -> None:
    watched = [entry for entry in entries if entry.rule]
    lines = [
        f"What lands in {plural(len(watched), 'folder')} is sent and paid by itself; so is what landed before.",
        "`artui watch --dry-run` lists that.",
        await _there_already(host, watched),
        _production(host, watched),
        "It ends with the demo." if host.demo else "It goes on when the console is closed.",
    ]
    lines += ["A rule that cannot be used keeps all from being watched."] * (len(watched) < len(entries))
    choices: list[Choice[Starting] | No] = [No("not now"), Choice("y", "start", Starting.NOW)]
    if not host.demo:
        choices.append(Choice("i", "at every login too (`artui service install`) ...", Starting.KEPT))
    most = most_a_day(watched)
    answer = await host.ask(Question(f"Start watching now? {most}", [line for line in lines if line], choices))
    if answer is Starting.KEPT:
        await _install(host, [_production(host, watched)], most)
    elif answer is Starting.NOW:
        host.notify("Watching begins ...", markup=False)
        if await _carried_out(host, start_watching):
            host.notify(f"{plural(len(watched), 'folder')} watched from now on. w stops it.", markup=False)


async def _install(host: Host, payers: Sequence[str], most: str) -> None:
    """Ask once more, with all that will be done, and have it done."""
    try:
        steps = [*filter(None, payers), *await asyncio.to_thread(keeping.steps)]
        title = f"Install the service and start it? {most}"
        if await host.ask(Question(title, steps, (No("install nothing"), Choice("y", "do all this", True)))):
            host.notify("The service is being installed ...", markup=False)
            await asyncio.to_thread(keeping.install)
            host.notify("The service is installed and started; it starts at every login too. w stops it.", markup=False)
    except keeping.CannotKeep as why:
        host.news.tell(time.time(), beginning(str(why), 300))
        host.notify(beginning(str(why), 300), severity="error", markup=False)


def _production(host: Host, watched: Sequence[written.RuleEntry]) -> str:
    """Which production accounts pay; empty where none does."""
    paying = {entry.rule.account for entry in watched if entry.rule}
    names = [account.called for name, account in host.config.accounts.items() if account.production and name in paying]
    return f"{' and '.join(names)} {'pays' if len(names) == 1 else 'pay'}." if names else ""


async def _there_already(host: Host, watched: Sequence[written.RuleEntry]) -> str:
    """How many photos lie in folders that were never watched and whose rule takes them too; empty where none do."""
    number = cost = 0
    for entry in watched:
        rule = entry.rule
        row = await host.view.ask(rules.get, entry.id)
        if rule is None or (row and row.begun) or str(rule.existing) != "process":
            continue
        there = await asyncio.to_thread(photos_in, str(entry.folder), rule.ignoring, recursive=rule.recursive) or 0
        known = await host.view.ask(catalogue.read, entry.account)
        prices = [offer.workflow.price or 0 for word in entry.workflows if (offer := known.meant(word))]
        number, cost = number + there, cost + there * sum(prices)
    if not number:
        return ""
    return f"{plural(number, 'photo lies', 'photos lie')} there already" + (f": at most {cost:,} cr." if cost else ".")


async def _stop(host: Host, row: EngineRow, found: Sequence[RuleStatus]) -> None:
    number = sum(one.figures.counted.on_the_way for one in found if one.figures)
    under_way = f"{plural(number, 'photo')} under way" if number else "What is under way"
    unit = f"{UNIT}.service"
    by_unit = unit_of(row.pid or 0) == unit
    since = f" since {clock(row.started_at, time.time())}" if row.started_at else ""
    how = f"as {unit}: it starts again with the machine" if by_unit else f"process {row.pid} on {row.host}"
    lines = [
        f"Watching{since}, {how}.",
        f"{under_way} {'go' if number > 1 else 'goes'} on to the end.",
        "What lands from now on waits in its folder, unsent.",
    ]
    lines += ["`artui service remove` ends the service for good."] * by_unit
    if await host.ask(Question("Stop watching?", lines, (No("go on"), Choice("y", "stop", True)))):
        host.notify("Watching ends ...", markup=False)
        if await _carried_out(host, stop_watching):
            host.notify("No folder is watched any more. w starts it again.", markup=False)


async def _carried_out(host: Host, act: Callable[[Paths, Journal], object]) -> bool:
    """Start or end an engine beside the screen; whether that went well. What went wrong is said."""
    try:
        await asyncio.to_thread(act, host.paths, host.journal)
    except JournalProblem as problem:
        said = beginning(str(problem), 300)
        host.news.tell(time.time(), said)
        host.notify(said, severity="error", markup=False)
        return False
    return True


async def review_results(host: Host, one: RuleStatus) -> None:
    """Look through the saved results of a rule, the photos with the oldest SKU or name first."""
    from artui.tui.reviewing import open_review

    order = await host.view.ask(watching.order, one.entry.id)
    await open_review(host, order, one.entry.folder.name)
