"""``artui retry``, ``cancel``, ``resolve``, ``approve``, ``pause``, ``resume``, ``allow``: decisions for the engine.

A decision names what its author saw. Where the job has moved on since, the engine refuses it and says so.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import click

from artui.cli.advice import advice
from artui.cli.exits import Exit, Trouble
from artui.cli.options import ACCOUNT, AS_JSON, DRY_RUN, YES
from artui.cli.session import Session
from artui.cli.streams import go_on
from artui.cli.terminal import agrees, can_ask, money, put, put_json, say
from artui.job import Job
from artui.states import FINAL, Reason, Stage, Status

if TYPE_CHECKING:
    from artui.job import Batch
    from artui.journal import Connection, Journal
    from artui.journal.requests import Outcome
    from artui.journal.rules import RuleRow

ANSWER_PATIENCE = 30.0
"""Seconds an engine gets to answer a request."""


@dataclass(frozen=True, slots=True)
class Act:
    """One decision to be left: what, about which job (None: about an account), and what it may cost, in ``price``.

    ``asks`` tells whether it spends what nobody has agreed to yet.
    """

    what: str
    job: Job | None
    said: str
    price: int | None = 0
    asks: bool = False
    arguments: Mapping[str, Any] = field(default_factory=dict)

    def leave(self, db: Connection) -> int:
        """Leave the request; returns its number."""
        from artui.journal import requests

        return requests.leave(db, self.what, self.job, **self.arguments)

    def document(self) -> dict[str, Any]:
        """The request as JSON has it."""
        return {"job": self.job.id if self.job else None, "request": self.what, **self.arguments}


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
        raise Trouble(Exit.USAGE, "Say which: the numbers of jobs, or --failed for all that have failed.")
    with session.journal() as journal:
        found = _failed(journal) if failed else [job_numbered(journal, number) for number in numbers]
        if not found:
            say("No job has failed.")
            return Exit.OK
        acts = [_retrial(journal, job) for job in found]
        return _carry_out(session, journal, acts, dry_run=dry_run, yes=yes, as_json=as_json)


def _failed(journal: Journal) -> list[Job]:
    from artui.journal.following import Scope

    given_up = "given up"  # a person has decided about these
    return [job for job in journal.read(Scope().jobs, status=Status.FAILED) if job.reason != given_up]


def _retrial(journal: Journal, job: Job) -> Act:
    """What trying this job again does, and may cost."""
    from artui.decisions import why_no_retry

    name = job.source.name
    if journal.read(why_no_retry, job):
        raise Trouble(Exit.USAGE, f"Job {job.id} is {job.status}: {advice(job)}.")
    if job.status is Status.HELD and job.reason == Reason.PRICE:
        return _anew(journal, job, f"{name}: sent at the new price")
    if job.status is Status.HELD and job.reason != Reason.PAYMENT:
        return Act("retry", job, f"{name}: goes on where it stopped")
    if job.status is Status.CANCELLED and job.stage is Stage.PROCESSED:
        return Act("retry", job, f"{name}: its result is fetched after all")
    if job.execution:
        return Act("retry", job, f"{name}: the service is asked again", job.quoted, asks=True)
    return _anew(journal, job, f"{name}: checked and sent again")


def _anew(journal: Journal, job: Job, said: str) -> Act:
    """Send it from the start, on the terms as they were last seen at the service."""
    from artui.decisions import terms

    now = journal.read(terms, job)
    if not now and job.reason == Reason.PRICE:
        raise Trouble(Exit.USAGE, f"Job {job.id}: the new price is not known here; `artui submit` sends it anew.")
    price = now.get("quoted", job.quoted)
    if price != job.quoted:
        said = f"{said}, which costs {money(price)}, not {money(job.quoted)}"
    return Act("retry", job, said, price, asks=True, arguments={**_stamp(job), **now})


def _stamp(job: Job) -> dict[str, int]:
    """The file as it is now, for a job whose file was repaired since; nothing where it is gone."""
    from dataclasses import asdict

    from artui.files import PhotoProblem, stamp

    try:
        return asdict(stamp(job.source))
    except PhotoProblem:
        return {}


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
    from artui.journal.following import Scope

    if bool(batch) == bool(numbers):
        raise Trouble(Exit.USAGE, "Say which: the numbers of jobs, or --batch with a batch.")
    with session.journal() as journal:
        if batch:
            scope = Scope(batch_called(journal, batch).id)
            found = [job for job in journal.read(scope.jobs) if job.status not in FINAL]
        else:
            found = [job_numbered(journal, number) for number in numbers]
        wish = {"keep": False} if do_not_save else {}
        acts = [Act("cancel", job, f"{job.source.name}: cancelled", arguments=wish) for job in found]
        return _carry_out(session, journal, acts, dry_run=dry_run, as_json=as_json)


@click.command("resolve")
@click.argument("number", type=int, metavar="JOB")
@click.option("--adopt", metavar="ID", help="It was carried out: this is its execution at the service.")
@click.option("--again", is_flag=True, help="Send it again; the first time may have been charged too.")
@click.option("--give-up", is_flag=True, help="Let it fail; it counts as spent.")
@DRY_RUN
@YES
@AS_JSON
@click.pass_obj
def resolve_command(
    session: Session, number: int, adopt: str | None, *, again: bool, give_up: bool, dry_run: bool, yes: bool,
    as_json: bool,
) -> Exit:  # fmt: skip
    """Decide about a job that may have been paid, after a look in the service's web app."""
    from artui.cli.naming import job_numbered

    if [bool(adopt), again, give_up].count(True) != 1:
        raise Trouble(Exit.USAGE, "Say one of --adopt ID, --again or --give-up.")
    with session.journal() as journal:
        job = job_numbered(journal, number)
        name = job.source.name
        if adopt:
            act = Act("adopt", job, f"{name}: followed as execution {adopt}", arguments={"execution": adopt})
        elif again:
            act = Act("again", job, f"{name}: sent again; the first time may have been charged too", job.quoted, True)
        else:
            act = Act("give up", job, f"{name}: given up, counted as spent")
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
            raise Trouble(Exit.USAGE, f"Nothing of batch {found.name} waits for a yes: {shows}.")
        held = {job.id for job in waiting}
        for job in journal.read(Scope(found.id).jobs):
            if job.id not in held:
                say(f"{job.source.name}: {_standing(job)}")
        act = _verdict(found, waiting, refuses=refuses)
        return _carry_out(session, journal, [act], dry_run=dry_run, yes=yes, as_json=as_json)


def _verdict(batch: Batch, waiting: Sequence[Job], *, refuses: bool) -> Act:
    """The yes or no to a sample; a yes may charge for all that waits."""
    arguments = {"batch": batch.id, "yes": not refuses}
    if refuses:
        said = f"{batch.name}: {len(waiting):,} photos are cancelled, nothing more is paid"
        return Act("approve", None, said, arguments=arguments)
    known = [job.quoted for job in waiting if job.quoted is not None]
    price = sum(known) if len(known) == len(waiting) else None
    said = f"{batch.name}: {len(waiting):,} photos are sent"
    return Act("approve", None, said, price, asks=True, arguments=arguments)


def _standing(job: Job) -> str:
    """How a job of the sample stands, with its results to look at."""
    results = [result.path for result in job.results if result.path]
    return ", ".join(results) if results else f"{job.status}{f' ({job.reason})' if job.reason else ''}"


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
        return _for_rule(session, rule, account, lambda row: _about(row, "pause rule", "paused"), as_json=as_json)
    return _for_accounts(session, "pause", account, as_json=as_json)


@click.command("resume")
@ACCOUNT
@RULE
@DRY_RUN
@YES
@AS_JSON
@click.pass_obj
def resume_command(
    session: Session, account: str | None, rule: str | None, *, dry_run: bool, yes: bool, as_json: bool
) -> Exit:
    """Go on after a pause, look again at what holds an account, or say yes to what holds a rule."""
    if rule:
        return _for_rule(session, rule, account, _resumed, dry_run=dry_run, yes=yes, as_json=as_json)
    return _for_accounts(session, "resume", account, dry_run=dry_run, as_json=as_json)


@click.command("allow")
@click.argument("rule")
@click.argument("amount", type=click.IntRange(min=1), metavar="N")
@DRY_RUN
@AS_JSON
@click.pass_obj
def allow_command(session: Session, rule: str, amount: int, *, dry_run: bool, as_json: bool) -> Exit:
    """Let a rule spend N more than its caps until midnight."""

    def act(row: RuleRow) -> Act:
        return _about(row, "allow", f"may spend {money(amount)} more until midnight", amount=amount)

    return _for_rule(session, rule, None, act, dry_run=dry_run, as_json=as_json)


def _for_accounts(
    session: Session, what: str, account: str | None, *, dry_run: bool = False, as_json: bool = False
) -> Exit:
    names = [session.account(account).name] if account else list(session.config.accounts)
    if not names:
        session.account(None)
    acts = [Act(what, None, f"{name}: {what}d", arguments={"account": name}) for name in names]
    with session.journal() as journal:
        return _carry_out(session, journal, acts, dry_run=dry_run, as_json=as_json)


def _for_rule(
    session: Session, word: str, account: str | None, act: Callable[[RuleRow], Act], *, dry_run: bool = False,
    yes: bool = False, as_json: bool = False,
) -> Exit:  # fmt: skip
    from artui.cli.naming import rule_called

    if account:
        raise Trouble(Exit.USAGE, "Say --account or --rule, not both.")
    with session.journal() as journal:
        acts = [act(rule_called(journal, word))]
        return _carry_out(session, journal, acts, dry_run=dry_run, yes=yes, as_json=as_json)


def _about(row: RuleRow, what: str, said: str, *, asks: bool = False, **arguments: Any) -> Act:
    price = None if asks else 0
    return Act(what, None, f"{row.name}: {said}", price, asks, {"rule": row.id, **arguments})


def _resumed(row: RuleRow) -> Act:
    """The end of a pause, or a yes to what holds the rule, which may cost."""
    from artui.journal.rules import RuleState

    if row.state in (RuleState.HELD, RuleState.OFFLINE, RuleState.FOREIGN) and not row.paused:
        return _about(row, "resume rule", f"goes on, although {row.message}", asks=True)
    return _about(row, "resume rule", "goes on")


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
    from artui.starting import ensure_engine

    costly = [act for act in acts if act.asks]
    if dry_run and as_json:
        put_json([act.document() | {"most": act.price, "message": act.said} for act in acts])
    elif dry_run or costly:
        for act in acts:
            say(f"job {act.job.id}, {act.said}{_at_most(act)}" if act.job else act.said)
    if dry_run:
        return Exit.OK
    if costly and not (yes or _agreed(costly)):
        return Exit.USAGE
    numbers = journal.write(lambda db: [act.leave(db) for act in acts])
    go_on("The engine was asked; `artui jobs` and `artui status` show what comes of it.")
    ensure_engine(session.paths, journal)
    outcomes = _outcomes(journal, numbers)
    if as_json:
        pairs = zip(acts, outcomes, strict=True)
        put_json([act.document() | {"refused": one.refused, "message": one.message} for act, one in pairs])
    else:
        for one in outcomes:
            (say if one.refused else put)(one.message)
    return Exit.FAILED if any(one.refused for one in outcomes) else Exit.OK


def _at_most(act: Act) -> str:
    if not act.asks:
        return " (free)"
    return " (the price is not known)" if act.price is None else f" (at most {money(act.price)})"


def _agreed(costly: Sequence[Act]) -> bool:
    known = [act.price for act in costly if act.price is not None]
    cost = f"at most {money(sum(known))}" if len(known) == len(costly) else "an amount that is not known"
    if can_ask():
        return agrees(f"Go on, for {cost}?")
    say(f"Nothing was done: it would cost {cost}; without a terminal to ask on, --yes agrees to it.")
    return False


def _outcomes(journal: Journal, numbers: Sequence[int]) -> list[Outcome]:
    """What became of the requests, in their order; Trouble where the engine answers no more."""
    from artui.journal import requests

    found: list[Outcome] = []
    deadline = time.monotonic() + ANSWER_PATIENCE
    while len(found) < len(numbers):
        outcome = journal.read(requests.outcome, numbers[len(found)])
        if outcome is not None:
            found.append(outcome)
            deadline = time.monotonic() + ANSWER_PATIENCE
        elif time.monotonic() > deadline:
            raise Trouble(
                Exit.PERSON, "The engine has not answered yet; what was asked stays with it. `artui status` shows it."
            )
        else:
            time.sleep(0.05)
    return found
