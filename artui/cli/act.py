"""``artui retry``, ``cancel``, ``resolve``, ``approve``, ``pause``, ``resume``, ``allow``: decisions for the engine.

A decision names what its author saw. Where the job has moved on since, the engine refuses it and says so.
"""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

import click

from artui.cli.acts import Act, act_of, proposed, stamped, total
from artui.cli.exits import CommandError, Exit
from artui.cli.options import ACCOUNT, AS_JSON, DRY_RUN, YES
from artui.cli.session import Session
from artui.cli.streams import go_on
from artui.cli.terminal import agrees, can_ask, money, put, put_json, say
from artui.model.job import Job
from artui.model.states import BEFORE_PAYING, FINAL, Reason, Status, worded

if TYPE_CHECKING:
    from artui.core.actions import Action
    from artui.journal import Connection, Journal
    from artui.journal.following import Scope
    from artui.journal.requests import Reply
    from artui.journal.rules import RuleRow
    from artui.model.job import Batch

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

    if failed == bool(numbers):
        raise CommandError(Exit.USAGE, "Say which: the numbers of jobs, or --failed for all that have failed.")
    with session.journal() as journal:
        found = _failed(journal) if failed else [job_numbered(journal, number) for number in numbers]
        if not found:
            say("No job has failed.")
            return Exit.OK
        acts = [act_of(stamped(journal.read(_retrial, job))) for job in found]
        for act in acts:
            if act.refused and not failed:
                raise CommandError(Exit.USAGE, f"{act.refused}.")
            if act.refused:
                say(f"Left alone: {act.refused}.")
        acts = [act for act in acts if not act.refused]
        return _carry_out(session, journal, acts, dry_run=dry_run, yes=yes, as_json=as_json)


def _failed(journal: Journal) -> list[Job]:
    return list(journal.read(lambda db: list(_scope().jobs(db, status=Status.FAILED))))


def _scope() -> Scope:
    from artui.journal.following import Scope

    return Scope()


def _retrial(db: Connection, job: Job) -> Action:
    """What trying this job again does, and may cost."""
    from artui.core import actions
    from artui.providers import capabilities

    return actions.retry(db, job, can_retry=capabilities(job.provider).limits.can_retry)


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
    from artui.core import actions
    from artui.journal.following import Scope

    if bool(batch) == bool(numbers):
        raise CommandError(Exit.USAGE, "Say which: the numbers of jobs, or --batch with a batch.")
    with session.journal() as journal:
        if batch:
            scope = Scope(batch_called(journal, batch).id)
            found = [job for job in journal.read(scope.jobs) if job.status not in FINAL]
        else:
            found = [job_numbered(journal, number) for number in numbers]
        acts = [act_of(journal.read(actions.cancel, job, keep=not do_not_save)) for job in found]
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

    ways = {"adopt": bool(adopt), "again": again, "give up": give_up, "take": take, "take all": take_all}
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
    from artui.journal import jobs
    from artui.journal.following import Scope

    with session.journal() as journal:
        found = batch_called(journal, batch)
        waiting = journal.read(jobs.behind_sample, found.id)
        if not waiting:
            shows = f"`artui jobs --batch {found.id}` shows it"
            raise CommandError(Exit.USAGE, f"Nothing of batch {found.name} waits for a yes: {shows}.")
        held = {job.id for job in waiting}
        for job in journal.read(Scope(found.id).jobs):
            if job.id not in held:
                say(f"{job.source.name}: {_standing(job)}")
        act = _verdict(found, waiting, refuses=refuses)
        return _carry_out(session, journal, [act], dry_run=dry_run, yes=yes, as_json=as_json)


def _verdict(batch: Batch, waiting: Sequence[Job], *, refuses: bool) -> Act:
    """The yes or no to a sample; a yes may charge for all that waits."""
    arguments = {"batch": batch.id, "yes": not refuses, "until": waiting[-1].id}
    if refuses:
        said = f"{batch.name}: {len(waiting):,} photos are cancelled, nothing more is paid"
        return Act("approve", None, said, arguments=arguments)
    said = f"{batch.name}: {len(waiting):,} photos are sent"
    return Act("approve", None, said, total(waiting), asks=True, arguments=arguments)


def _standing(job: Job) -> str:
    """How a job of the sample stands, with its results to look at."""
    results = [result.path for result in job.results if result.path]
    return ", ".join(results) if results else f"{job.status}{f' ({worded(job.reason)})' if job.reason else ''}"


# ----------------------------------------------------------------------------------------- pause, resume and allow

RULE = click.option("--rule", metavar="RULE", help="Only this rule of a watched folder, by its name or folder.")


@click.command("pause")
@ACCOUNT
@RULE
@AS_JSON
@click.pass_obj
def pause_command(session: Session, account: str | None, rule: str | None, *, as_json: bool) -> Exit:
    """Send nothing new until resumed; what is bought is fetched all the same."""
    if rule:
        return _for_rule(session, rule, account, _paused, as_json=as_json)
    return _for_accounts(session, "pause", account, as_json=as_json)


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
    """Go on after a pause, look again at what holds an account, or say yes to what holds a rule."""
    if recovered:
        return _for_recovered(session, rule, account, dry_run=dry_run, yes=yes, as_json=as_json)
    if rule:
        return _for_rule(session, rule, account, _resumed, dry_run=dry_run, yes=yes, as_json=as_json)
    return _for_accounts(session, "resume", account, dry_run=dry_run, as_json=as_json)


@click.command("allow")
@click.argument("rule")
@click.argument("amount", type=click.IntRange(min=1), metavar="N")
@DRY_RUN
@YES
@AS_JSON
@click.pass_obj
def allow_command(session: Session, rule: str, amount: int, *, dry_run: bool, yes: bool, as_json: bool) -> Exit:
    """Let a rule spend N more than its caps until midnight."""

    def act(journal: Journal, row: RuleRow) -> Act:
        del journal
        said = f"{row.name}: may spend {money(amount)} more until midnight"
        return Act("allow", None, said, amount, asks=True, arguments={"rule": row.id, "amount": amount})

    return _for_rule(session, rule, None, act, dry_run=dry_run, yes=yes, as_json=as_json)


def _for_accounts(
    session: Session, what: str, account: str | None, *, dry_run: bool = False, as_json: bool = False
) -> Exit:
    names = [session.account(account).name] if account else list(session.config.accounts)
    if not names:
        session.account(None)
    with session.journal() as journal:
        acts = [
            Act(what, None, f"{name}: {what}d{_goes_on(journal, name, what)}", arguments={"account": name})
            for name in names
        ]
        return _carry_out(session, journal, acts, dry_run=dry_run, as_json=as_json)


def _goes_on(journal: Journal, account: str, what: str) -> str:
    """What goes on with an account, which was agreed to when it was queued."""
    from artui.journal import holds

    found = journal.read(holds.of_account, account) if what == "resume" else []
    held = [job for job in found if job.stage in BEFORE_PAYING]
    if not held:
        return ""
    cost, photos = total(held), "1 photo goes on" if len(held) == 1 else f"{len(held):,} photos go on"
    agreed = "at prices that are not known" if cost is None else f"for at most {money(cost)}"
    return f"; {photos}, {agreed}, as agreed when they were queued"


def _for_recovered(
    session: Session, rule: str | None, account: str | None, *, dry_run: bool, yes: bool, as_json: bool
) -> Exit:
    """Let an account send again what may have been paid before the journal was recovered."""
    from artui.journal import holds

    if rule:
        raise CommandError(Exit.USAGE, "--recovered is about an account: say -a, not --rule.")
    name = session.account(account).name
    with session.journal() as journal:
        held = journal.read(holds.recovered, name)
        cost = total(held)
        for_what = "at prices that are not known" if cost is None else f"for at most {money(cost)}"
        said = (
            f"{name}: {len(held):,} photos that may have been paid before are sent {for_what}, and so is every other"
            " photo from now on"
        )
        act = Act("resume", None, said, cost, asks=True, arguments={"account": name, "recovered": True})
        return _carry_out(session, journal, [act], dry_run=dry_run, yes=yes, as_json=as_json)


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
    del journal
    return Act("pause rule", None, f"{row.name}: paused", arguments={"rule": row.id})


def _resumed(journal: Journal, row: RuleRow) -> Act:
    """The end of a pause, or a yes to what holds the rule, with what either may cost."""
    from artui.journal import rules
    from artui.journal.rules import RuleState

    if why := rules.nothing_to_resume(row):
        return Act("resume rule", None, "", arguments={"rule": row.id}, refused=f"{why[:1].upper()}{why[1:]}.")
    paused, behind = (journal.read(rules.waiting, row.id, reason) for reason in (Reason.PAUSED, Reason.SAMPLE))
    there = row.not_taken.get("the rule waits")
    each = json.loads(row.offer)["definition"]["price"] if row.offer else None
    said = [f"{row.name}: goes on" + (" as soon as `artui watch` runs" if row.state is RuleState.ENDED else "")]
    price: int | None = 0
    if row.state in rules.HOLDS and not row.paused:
        said, price = [f"{row.name}: goes on, although {row.message}"], None
    if there:
        said.append(f"{there.count:,} files in its folder are taken")
        price = None if price is None or each is None else price + there.count * each
    if paused:
        cost = total(paused)
        said.append(f"{len(paused):,} photos are sent")
        price = None if price is None or cost is None else price + cost
    for batch in dict.fromkeys(job.batch for job in behind):
        number = sum(job.batch == batch for job in behind)
        said.append(f"{number:,} behind its sample wait for `artui approve {batch}`")
    return Act("resume rule", None, "; ".join(said), price, price != 0, {"rule": row.id})


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
    from artui.engine.client import ensure_running

    costly = [act for act in acts if act.asks]
    if dry_run and as_json:
        put_json([proposed(act) for act in acts])
    elif dry_run or costly:
        for act in acts:
            say(act.told if dry_run or act.job else act.said)
    if dry_run:
        return Exit.OK
    if costly and not (yes or _agreed(costly)):
        return Exit.USAGE
    fitting = [act for act in acts if not act.refused]
    numbers = journal.write(lambda db: [act.leave(db) for act in fitting])
    if fitting:
        go_on("The engine was asked; `artui jobs` and `artui status` show what comes of it.")
        ensure_running(session.paths, journal)
    answers = iter(_outcomes(journal, numbers))
    outcomes = [_refusal(act) if act.refused else next(answers) for act in acts]
    if as_json:
        pairs = zip(acts, outcomes, strict=True)
        put_json([act.document() | {"refused": one.refused, "message": one.message} for act, one in pairs])
    else:
        for one in outcomes:
            (say if one.refused else put)(one.message)
    return Exit.FAILED if any(one.refused for one in outcomes) else Exit.OK


def _refusal(act: Act) -> Reply:
    from artui.journal.requests import Reply

    return Reply(refused=True, message=act.refused)


def _agreed(costly: Sequence[Act]) -> bool:
    known = [act.price for act in costly if act.price is not None]
    cost = f"at most {money(sum(known))}" if len(known) == len(costly) else "an amount that is not known"
    if can_ask():
        return agrees(f"Go on, for {cost}?")
    say(f"Nothing was done: it would cost {cost}; without a terminal to ask on, --yes agrees to it.")
    return False


def _outcomes(journal: Journal, numbers: Sequence[int]) -> list[Reply]:
    """What became of the requests, in their order; Trouble where the engine answers no more."""
    from artui.journal import requests

    found: list[Reply] = []
    deadline = time.monotonic() + ANSWER_PATIENCE
    while len(found) < len(numbers):
        outcome = journal.read(requests.outcome, numbers[len(found)])
        if outcome is not None:
            found.append(outcome)
            deadline = time.monotonic() + ANSWER_PATIENCE
        elif time.monotonic() > deadline:
            raise CommandError(
                Exit.PERSON, "The engine has not answered yet; what was asked stays with it. `artui status` shows it."
            )
        else:
            time.sleep(0.05)
    return found
