"""``artui retry``, ``fetch``, ``cancel``, ``resolve``, ``approve``, ``pause``, ``resume``, ``allow``: for the engine.

A decision names what its author saw. Where the job has moved on since, the engine refuses it and says so.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

import click

from artui.cli.acts import Act, act_of, at_most
from artui.cli.exits import CommandError, Exit
from artui.cli.options import ACCOUNT, AS_JSON, DRY_RUN, YES
from artui.cli.session import Session
from artui.cli.streams import go_on
from artui.cli.terminal import agrees, can_ask, counted, money, put, put_json, say
from artui.config import ConfigError
from artui.model.commands import Command
from artui.model.states import FINAL, Status, worded

if TYPE_CHECKING:
    from artui.core.actions import Action
    from artui.journal import Journal
    from artui.journal.requests import Reply
    from artui.journal.rules import RuleRow

ANSWER_PATIENCE = 30.0
"""Seconds an engine gets to answer a request."""


# ----------------------------------------------------------------------------------------------------------- retry


@click.command("retry")
@click.argument("numbers", nargs=-1, type=int, metavar="[JOB]...")
@click.option("--failed", is_flag=True, help="All jobs that have failed.")
@DRY_RUN
@YES
@AS_JSON
@click.pass_obj
def retry_command(
    session: Session, numbers: tuple[int, ...], *, failed: bool, dry_run: bool, yes: bool, as_json: bool
) -> Exit:
    """Try again what failed or is held; shows first what that may cost."""
    from artui.cli.naming import job_numbered
    from artui.core import options
    from artui.journal.following import Scope

    if failed == bool(numbers):
        raise CommandError(Exit.USAGE, "Say which: the numbers of jobs, or --failed for all that have failed.")
    with session.journal() as journal:
        all_failed = journal.read(Scope().jobs, status=Status.FAILED) if failed else ()
        found = list(all_failed) or [job_numbered(journal, number) for number in numbers]
        if not found:
            say("No job has failed.")
            if as_json:
                put_json([])
            return Exit.OK
        acts = [act_of(one) for one in options.stamped(journal.read(options.retrials, found))]
        for act in acts:
            if act.refused and not failed:
                raise CommandError(Exit.USAGE, f"{act.refused}.")
            if act.refused:
                say(f"Left alone: {act.refused}.")
        fitting = [act for act in acts if not act.refused]
        ended = _carry_out(session, journal, fitting, dry_run=dry_run, yes=yes, as_json=as_json)
        return Exit.FAILED if ended is Exit.OK and len(fitting) < len(acts) and not dry_run else ended


@click.command("fetch")
@click.argument("numbers", nargs=-1, type=int, required=True, metavar="JOB...")
@DRY_RUN
@AS_JSON
@click.pass_obj
def fetch_command(session: Session, numbers: tuple[int, ...], *, dry_run: bool, as_json: bool) -> Exit:
    """Get results again that were deleted, moved or changed, for nothing, while the service has them. Replaces no
    file."""
    from artui.cli.naming import job_numbered
    from artui.core import options

    with session.journal() as journal:
        found = [job_numbered(journal, number) for number in dict.fromkeys(numbers)]
        acts = [act_of(one) for one in options.stamped(journal.read(options.fetches, found))]
        return _carry_out(session, journal, acts, dry_run=dry_run, as_json=as_json)


# ---------------------------------------------------------------------------------------------- cancel and resolve


@click.command("cancel")
@click.argument("numbers", nargs=-1, type=int, metavar="[JOB]...")
@click.option("--batch", help="All jobs of this batch that are not finished, by its id or name.")
@click.option("--do-not-save", is_flag=True, help="Leave results of what is sent at the service; it stays paid.")
@DRY_RUN
@AS_JSON
@click.pass_obj
def cancel_command(
    session: Session, numbers: tuple[int, ...], batch: str | None, *, do_not_save: bool, dry_run: bool, as_json: bool
) -> Exit:
    """Cancel jobs: what is not sent yet is never paid; what is sent is saved all the same, unless you say otherwise."""
    from artui.cli.naming import batch_called, job_numbered
    from artui.core import options
    from artui.journal.following import Scope

    if bool(batch) == bool(numbers):
        raise CommandError(Exit.USAGE, "Say which: the numbers of jobs, or --batch with a batch.")
    with session.journal() as journal:
        if batch:
            scope = Scope(batch_called(journal, batch).id)
            found = [job for job in journal.read(scope.jobs) if job.status not in FINAL]
        else:
            found = [job_numbered(journal, number) for number in numbers]
        acts = [act_of(one) for one in journal.read(options.cancellations, found, keep=not do_not_save)]
        return _carry_out(session, journal, acts, dry_run=dry_run, as_json=as_json)


@click.command("deliver")
@click.argument("numbers", nargs=-1, type=int, metavar="[JOB]...")
@click.option("--failed", is_flag=True, help="All whose delivery has failed.")
@DRY_RUN
@AS_JSON
@click.pass_obj
def deliver_command(
    session: Session, numbers: tuple[int, ...], *, failed: bool, dry_run: bool, as_json: bool
) -> Exit:  # fmt: skip
    """Run after_saved with saved results, again where it was run before; costs nothing."""
    from artui.cli.naming import job_numbered
    from artui.core.actions import Action
    from artui.journal import deliveries
    from artui.model.states import Delivery

    if failed == bool(numbers):
        raise CommandError(Exit.USAGE, "Say which: the numbers of jobs, or --failed for all whose delivery has failed.")
    with session.journal() as journal:
        if failed:
            stands = journal.read(deliveries.states)
            numbers = tuple(number for number, state in stands.items() if state is Delivery.FAILED)
        if not numbers:
            say("No delivery has failed.")
            return Exit.OK
        found = [job_numbered(journal, number) for number in numbers]
        acts = [Act(Action(Command.DELIVER, job), f"{job.source.name}: is delivered") for job in found]
        return _carry_out(session, journal, acts, dry_run=dry_run, as_json=as_json)


@click.command("resolve")
@click.argument("number", type=int, metavar="JOB")
@click.option("--adopt", metavar="ID", help="It was carried out: this is its execution at the service.")
@click.option("--again", is_flag=True, help="Send it again; the first time may have been charged too.")
@click.option("--give-up", is_flag=True, help="Let it fail; it counts as spent. Or leave a damaged result.")
@click.option("--take", is_flag=True, help="Its result came damaged: save it as it comes.")
@click.option("--take-all", is_flag=True, help="Save all results of its account whatever digest the service states.")
@DRY_RUN
@YES
@AS_JSON
@click.pass_obj
def resolve_command(
    session: Session, number: int, adopt: str | None, *, again: bool, give_up: bool, take: bool, take_all: bool,
    dry_run: bool, yes: bool, as_json: bool,
) -> Exit:  # fmt: skip
    """Decide about a job that may have been paid, after a look in the service's web app, or about a result that came
    damaged: `artui retry` fetches it again."""
    from artui.cli.naming import job_numbered
    from artui.core import actions

    ways = {
        Command.ADOPT: bool(adopt), Command.AGAIN: again, Command.GIVE_UP: give_up, Command.TAKE: take,
        Command.TAKE_ALL: take_all,
    }  # fmt: skip
    chosen = [way for way, is_wanted in ways.items() if is_wanted]
    if len(chosen) != 1:
        raise CommandError(Exit.USAGE, "Say one of --adopt ID, --again, --give-up, --take or --take-all.")
    with session.journal() as journal:
        job = job_numbered(journal, number)
        given = {"execution": adopt} if adopt else {}
        act = act_of(journal.read(actions.resolve, job, chosen[0], **given))
        return _carry_out(session, journal, [act], dry_run=dry_run, yes=yes, as_json=as_json)


# ------------------------------------------------------------------------------------------------------- approve


@click.command("approve")
@click.argument("batch")
@click.option("--no", "refuses", is_flag=True, help="Cancel the rest; nothing more is paid.")
@DRY_RUN
@YES
@AS_JSON
@click.pass_obj
def approve_command(session: Session, batch: str, *, refuses: bool, dry_run: bool, yes: bool, as_json: bool) -> Exit:
    """Send the rest of a batch whose first results were waited for, or with --no cancel it."""
    from artui.cli.naming import batch_called
    from artui.core import options
    from artui.journal import jobs
    from artui.journal.following import Scope

    with session.journal() as journal:
        found = batch_called(journal, batch)
        action = journal.read(options.approval, found.id, yes=not refuses)
        if action.refused:
            shows = f"`artui jobs --batch {found.id}` shows it"
            raise CommandError(Exit.USAGE, f"Nothing of batch {found.name} waits for a yes: {shows}.")
        held = {job.id for job in journal.read(jobs.behind_sample, found.id)}
        for job in journal.read(Scope(found.id).jobs):
            if job.id not in held:
                results = ", ".join(result.path for result in job.results if result.path)
                stands = f"{job.status} ({worded(job.reason)})" if job.reason else job.status
                say(f"{job.source.name}: {results or stands}")
        verb = "cancelled, nothing more is paid" if refuses else "sent"
        are = "is" if action.photos == 1 else "are"
        act = Act(action, f"{found.name}: {counted(action.photos, 'photo')} {are} {verb}")
        return _carry_out(session, journal, [act], dry_run=dry_run, yes=yes, as_json=as_json)


# ----------------------------------------------------------------------------------------- pause, resume and allow

RULE = click.option("--rule", metavar="RULE", help="Only this rule of a watched folder, by its name or folder.")


@click.command("pause")
@ACCOUNT
@RULE
@AS_JSON
@click.pass_obj
def pause_command(session: Session, account: str | None, rule: str | None, *, as_json: bool) -> Exit:
    """Send nothing new of any account, or of the one named, until resumed; what is bought is fetched all the same."""
    if rule:
        return _for_rule(session, rule, account, _paused, as_json=as_json)
    return _for_accounts(session, Command.PAUSE, account, as_json=as_json)


@click.command("resume")
@ACCOUNT
@RULE
@click.option("--recovered", is_flag=True, help="Send what may have been paid before `artui recover`, all of it.")
@DRY_RUN
@YES
@AS_JSON
@click.pass_obj
def resume_command(
    session: Session, account: str | None, rule: str | None, *, recovered: bool, dry_run: bool, yes: bool,
    as_json: bool,
) -> Exit:  # fmt: skip
    """Go on after a pause with all accounts, or the one named; look again at what holds them, or say yes to what holds
    a rule."""
    if recovered:
        from artui.core import options

        if rule:
            raise CommandError(Exit.USAGE, "--recovered is about an account: say -a, not --rule.")
        name = session.account(account).name
        with session.journal() as journal:
            action = journal.read(options.recovery, name)
            said = (
                f"{name}: sent {at_most(action.price)}: {counted(action.photos, 'photo')} that may have been paid"
                " before, and every other photo from now on"
            )
            return _carry_out(session, journal, [Act(action, said)], dry_run=dry_run, yes=yes, as_json=as_json)
    if rule:
        return _for_rule(session, rule, account, _resumed, dry_run=dry_run, yes=yes, as_json=as_json)
    return _for_accounts(session, Command.RESUME, account, dry_run=dry_run, as_json=as_json)


@click.command("allow")
@click.argument("rule", metavar="RULE|BATCH")
@click.argument("amount", type=click.IntRange(min=1), metavar="N")
@click.option("--batch", "is_batch", is_flag=True, help="A batch is meant: its own cap rises by N, for good.")
@DRY_RUN
@YES
@AS_JSON
@click.pass_obj
def allow_command(
    session: Session, rule: str, amount: int, *, is_batch: bool, dry_run: bool, yes: bool, as_json: bool
) -> Exit:
    """Let a rule spend N more than its caps until midnight, or a batch N more than its own cap."""
    from artui.cli.naming import batch_called
    from artui.core import options

    if is_batch:
        with session.journal() as journal:
            room = journal.read(options.batch_room, batch_called(journal, rule))
            if room is None:
                raise CommandError(Exit.USAGE, f"The batch {rule} has no cap of its own: there is nothing to allow.")
            said = f"{room.batch.name}: may spend {money(room.cap + amount)} in all, {money(room.spent)} are spent"
            acts = [Act(room.raised(amount), said)]
            return _carry_out(session, journal, acts, dry_run=dry_run, yes=yes, as_json=as_json)

    def act(journal: Journal, row: RuleRow) -> Act:
        del journal
        return Act(options.allowance(row.id, amount), f"{row.name}: may spend {money(amount)} more until midnight")

    return _for_rule(session, rule, None, act, dry_run=dry_run, yes=yes, as_json=as_json)


def _for_accounts(
    session: Session, command: Command, account: str | None, *, dry_run: bool = False, as_json: bool = False
) -> Exit:
    from artui.core import options
    from artui.journal import accounts

    with session.journal() as journal:
        try:
            names = [session.account(account).name] if account else list(session.config.accounts)
            names = names or [session.account(None).name]
        except ConfigError as problem:  # a pause must not need settings that can be read
            known = journal.read(accounts.with_jobs)
            if command is not Command.PAUSE or not known or (account and account not in known):
                raise
            say(f"{problem}.")
            names = [account] if account else known
        if not account and len(names) > 1:
            say(f"All {len(names):,} accounts are meant; -a names one.")
        acts = []
        for name in names:
            if command is Command.RESUME:
                action, goes_on = journal.read(options.resumption, name), ""
                if action.photos:
                    photos = f"{counted(action.photos, 'photo')} {'goes' if action.photos == 1 else 'go'} on"
                    goes_on = f"; {photos}, {at_most(action.amount)}, as agreed when they were queued"
                acts.append(Act(action, f"{name}: resumed{goes_on}"))
            else:
                acts.append(Act(options.of_account(command, name), f"{name}: {command}d"))
        return _carry_out(session, journal, acts, dry_run=dry_run, as_json=as_json)


def _for_rule(
    session: Session, word: str, account: str | None, act: Callable[[Journal, RuleRow], Act], *, dry_run: bool = False,
    yes: bool = False, as_json: bool = False,
) -> Exit:  # fmt: skip
    from artui.cli.naming import rule_called

    if account:
        raise CommandError(Exit.USAGE, "Say --account or --rule, not both.")
    with session.journal() as journal:
        acts = [act(journal, rule_called(journal, word))]
        return _carry_out(session, journal, acts, dry_run=dry_run, yes=yes, as_json=as_json)


def _paused(journal: Journal, row: RuleRow) -> Act:
    from artui.core import options

    del journal
    return Act(options.of_rule(Command.PAUSE_RULE, row.id), f"{row.name}: paused")


def _resumed(journal: Journal, row: RuleRow) -> Act:
    """The end of a pause, or a yes to what holds the rule, with what either may cost."""
    from artui.core import options
    from artui.journal import rules
    from artui.journal.rules import RuleState

    found = journal.read(options.going_on, row)
    if why := rules.nothing_to_resume(row):
        return Act(found.action, "", f"{why[:1].upper()}{why[1:]}.")
    said = [f"{row.name}: goes on" + (" as soon as `artui watch` runs" if row.state is RuleState.ENDED else "")]
    if row.state in rules.HOLDS and not row.paused:
        said = [f"{row.name}: goes on, although {row.message}"]
    if found.files:
        are = "is" if found.files == 1 else "are"
        said.append(f"{counted(found.files, 'file')} in its folder {are} taken")
    if found.photos:
        said.append(f"{counted(found.photos, 'photo')} {'is' if found.photos == 1 else 'are'} sent")
    said += [f"{number:,} behind its sample wait for `artui approve {batch}`" for batch, number in found.behind.items()]
    return Act(found.action, "; ".join(said))


# ------------------------------------------------------------------------------------------------------ carrying out


def _carry_out(
    session: Session,
    journal: Journal,
    acts: Sequence[Act],
    *,
    dry_run: bool = False,
    yes: bool = False,
    as_json: bool = False,
) -> Exit:
    """Show what it may cost and ask, leave the requests, and tell what became of them."""
    from artui.core.options import decide
    from artui.engine.client import ensure_running
    from artui.journal import JournalProblem
    from artui.journal.requests import Reply

    costly = [act.action for act in acts if act.action.asks and not act.refused]
    if dry_run and as_json:
        put_json([act.proposal() for act in acts])
    elif dry_run or costly:
        for act in acts:
            (put if dry_run else say)(act.told if dry_run or act.action.job else act.said)
    if dry_run:
        return Exit.OK
    if costly and not (yes or _agreed(costly)):
        return Exit.USAGE
    fitting = [act.action for act in acts if not act.refused]
    numbers = journal.write(decide, fitting)
    if fitting:
        go_on("The engine was asked; `artui jobs` and `artui status` show what comes of it.")
        try:
            ensure_running(session.paths, journal)
        except JournalProblem as problem:
            raise CommandError(
                Exit.PERSON, f"What was asked is kept for the next engine that starts. {problem}"
            ) from None
    answers = iter(_outcomes(session, journal, numbers))
    outcomes = [Reply(refused=True, message=act.refused) if act.refused else next(answers) for act in acts]
    if as_json:
        pairs = zip(acts, outcomes, strict=True)
        put_json([act.document() | {"refused": one.refused, "message": one.message} for act, one in pairs])
    else:
        for one in outcomes:
            (say if one.refused else put)(one.message)
    return Exit.FAILED if any(one.refused for one in outcomes) else Exit.OK


def _agreed(costly: Sequence[Action]) -> bool:
    from artui.journal.prices import together

    most = together(action.price for action in costly)
    cost = "an amount that is not known" if most is None else f"at most {money(most)}"
    if can_ask():
        return agrees(f"Go on, for {cost}?")
    say(f"Nothing was done: it would cost {cost}; without a terminal to ask on, --yes agrees to it.")
    return False


def _outcomes(session: Session, journal: Journal, numbers: Sequence[int]) -> list[Reply]:
    """What became of the requests, in their order; CommandError where the engine answers no more."""
    from artui.engine.client import find_engine, told_silent
    from artui.journal import requests

    found: list[Reply] = []
    deadline = time.monotonic() + ANSWER_PATIENCE
    while len(found) < len(numbers):
        outcome = journal.read(requests.outcome, numbers[len(found)])
        if outcome is not None:
            found.append(outcome)
            deadline = time.monotonic() + ANSWER_PATIENCE
        elif time.monotonic() > deadline:
            alive = find_engine(session.paths, journal)
            if alive is not None and alive.stale:
                raise CommandError(Exit.LOCKED, f"{told_silent(alive, session.paths)}. What was asked stays with it.")
            raise CommandError(
                Exit.PERSON, "The engine has not answered yet; what was asked stays with it. `artui status` shows it."
            )
        else:
            time.sleep(0.05)
    return found
