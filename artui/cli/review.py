"""``artui reject``, ``keep`` and ``rejected``: what a person thinks of saved results. Nothing is paid by any of it."""

from __future__ import annotations

import datetime as dt
import os
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, BinaryIO

import click

from artui.cli.exits import CommandError, Exit
from artui.cli.options import AS_JSON, DRY_RUN, SINCE, in_zone
from artui.cli.session import Session
from artui.cli.terminal import put, put_json, put_table, say
from artui.core.follow import decision_document
from artui.model.states import Review
from artui.sanitize import sanitize

if TYPE_CHECKING:
    from artui.cli.documents import OutcomeDocument, RejectedDocument
    from artui.core.review import Outcome
    from artui.journal import Journal
    from artui.model.job import Job
    from artui.providers.base import Provider

_MOST_BYTES = 64 * 2**20


@dataclass(frozen=True, slots=True)
class _Named:
    """A result that is decided about, and what its line of a list gives as the reason."""

    job: Job
    reason: str = ""


@click.command("reject")
@click.argument("results", nargs=-1, metavar="[JOB|FILE]...")
@click.option("--reason", "-r", metavar="TEXT|N", help="Why; a number is one of the `reasons` in [review].")
@click.option("--files-from", "listed", type=click.File("rb"), metavar="FILE", help="A list of them, - for stdin.")
@click.option("--undo", is_flag=True, help="Take back what was decided about them; the files move back.")
@DRY_RUN
@AS_JSON
@click.pass_obj
def reject_command(
    session: Session, results: tuple[str, ...], reason: str | None, listed: BinaryIO | None, *, undo: bool,
    dry_run: bool, as_json: bool,
) -> Exit:  # fmt: skip
    """Reject saved results, with a reason: their files move to rejected/ beside them. Nothing is paid by that."""
    if undo and reason:
        raise CommandError(Exit.USAGE, "--undo takes back: it needs no --reason.")
    decision = Review.TAKEN_BACK if undo else Review.REJECTED
    return _decide(session, decision, results, listed, reason or "", dry_run=dry_run, as_json=as_json)


@click.command("keep")
@click.argument("results", nargs=-1, metavar="[JOB|FILE]...")
@click.option("--files-from", "listed", type=click.File("rb"), metavar="FILE", help="A list of them, - for stdin.")
@DRY_RUN
@AS_JSON
@click.pass_obj
def keep_command(
    session: Session, results: tuple[str, ...], listed: BinaryIO | None, *, dry_run: bool, as_json: bool
) -> Exit:
    """Say that saved results are good; one that was rejected moves back."""
    return _decide(session, Review.KEPT, results, listed, "", dry_run=dry_run, as_json=as_json)


@click.command("rejected")
@SINCE
@AS_JSON
@click.pass_obj
def rejected_command(session: Session, since: dt.datetime | None, *, as_json: bool) -> Exit:
    """List the rejected results: why, by whom, when, and where they lie now."""
    from artui.core import review

    zone = session.config.timezone
    after = in_zone(since, zone).timestamp() if since else 0.0
    with session.journal() as journal:
        review.finish_moves(journal)
        found = review.rejected(journal, after)
        again = {job.id for job in review.to_redo(journal)}
    if as_json:
        documents: list[RejectedDocument] = [
            {
                **decision_document(made), "source": str(job.source), "account": job.account,
                "workflow_name": job.workflow_name, "batch": job.batch, "charged": job.charged,
                "twin_of": job.twin_of, "outputs": _files(job), "redo": job.id in again,
            }
            for job, made in found
        ]  # fmt: skip
        put_json(documents)
    elif not found:
        put("No result is rejected.")
    else:
        rows = [
            (str(job.id), sanitize(made.reason, 40), sanitize(made.who, 20),
             dt.datetime.fromtimestamp(made.at, zone).strftime("%Y-%m-%d %H:%M"),
             ", ".join(map(sanitize, _files(job))) or "no longer there")
            for job, made in found
        ]  # fmt: skip
        put_table([("job", "why", "by", "when", "result"), *rows], right=[0])
        if again:
            say(f"{len(again):,} were not ordered again: `artui redo --rejected` shows what that costs, and asks.")
    return Exit.OK


def _decide(
    session: Session, decision: Review, results: Sequence[str], listed: BinaryIO | None, given: str, *,
    dry_run: bool, as_json: bool,
) -> Exit:  # fmt: skip
    from artui.core import review

    if not (results or listed):
        raise CommandError(Exit.USAGE, "Which results? Name jobs or files, or --files-from a list.")
    settings = session.config.review
    try:
        reason = review.reason_of(given, settings.reasons) if given else ""
    except ValueError as problem:
        raise CommandError(Exit.USAGE, f"{sanitize(str(problem))}.") from None
    with session.journal() as journal:
        named = [_Named(_meant(journal, word), reason) for word in results]
        named += _in_list(journal, listed, reason, settings.reasons) if listed else []
        if decision is Review.REJECTED and (without := next((one for one in named if not one.reason), None)):
            told = ", ".join(f"{number} {text}" for number, text in enumerate(settings.reasons, 1))
            raise CommandError(Exit.USAGE, f"Why is job {without.job.id} rejected? --reason in words, or {told}.")
        who = review.reviewer(session.config)
        outcomes: list[Outcome] = []
        for why in dict.fromkeys(one.reason for one in named):
            jobs = [one.job for one in named if one.reason == why]
            outcomes += review.decide(
                journal, jobs, decision, who=who, reason=why if decision is Review.REJECTED else "", dry_run=dry_run
            )
        if not dry_run:
            _tell_services(session, journal, outcomes)
    if as_json:
        put_json([outcome_document(one) for one in outcomes])
    for one in () if as_json else outcomes:
        for line in told_of(one, dry_run=dry_run):
            (say if one.refused else put)(line)
    return Exit.FAILED if any(one.refused for one in outcomes) else Exit.OK


def _tell_services(session: Session, journal: Journal, outcomes: Sequence[Outcome]) -> None:
    """Tell the services that want to know what is liked; where that fails, the decision stands all the same."""
    from artui.core import executions, review

    for name, told in review.thumbs(session.config, outcomes).items():

        async def rate(provider: Provider[Any], told: Sequence[tuple[Job, bool]] = told) -> None:
            for job, good in told:
                await executions.rate(provider, journal, job, good=good)

        try:
            session.ask(session.account(name), rate)
        except CommandError as problem:
            say(f"The service of {name} was not told: {problem}")


def _meant(journal: Journal, word: str) -> Job:
    """The job a person means by its number, by its result, or by its photo."""
    from artui.cli.naming import job_or_file
    from artui.core import review

    named = job_or_file(journal, word)
    try:
        found = review.of_file(journal, named) if isinstance(named, Path) else named
    except review.SeveralResults as problem:
        raise CommandError(Exit.USAGE, f"{problem}.") from None
    if found is None:
        raise CommandError(Exit.USAGE, f"{sanitize(word)} is no result of a job, nor a photo that has one.")
    return found


def _in_list(journal: Journal, listed: BinaryIO, reason: str, reasons: Sequence[str]) -> list[_Named]:
    """What a list names, all of it looked up before anything is decided."""
    from artui.cli.naming import job_numbered
    from artui.core import review

    base = Path(listed.name).parent if listed is not sys.stdin.buffer else Path()
    content = listed.read(_MOST_BYTES + 1)
    if len(content) > _MOST_BYTES:
        raise CommandError(Exit.USAGE, f"{listed.name} has more than {_MOST_BYTES // 2**20} MB: is it a list?")
    named, wrong = [], []
    try:
        for line in review.read_decisions(content, base.absolute()):
            found = job_numbered(journal, line.job) if line.job else review.of_file(journal, line.file or Path())
            if found and line.job and line.file and not review.is_about(found, line.file):
                # The list may be of before a restore, or of another journal.
                other = sanitize(line.file.name)
                wrong.append(f"{line.place}: job {found.id} is of {sanitize(found.source.name)}, not of {other}")
            elif found is None:
                wrong.append(
                    f"{line.place}: {sanitize(line.file or '')} is no result of a job, nor a photo that has one"
                )
            else:
                named.append(_Named(found, review.reason_of(line.reason, reasons) if line.reason else reason))
    except (review.ListProblem, ValueError) as problem:
        raise CommandError(Exit.USAGE, f"{listed.name}: {problem}. Nothing was decided.") from None
    if wrong:
        more = f"\nand {len(wrong) - 5:,} more" if len(wrong) > 5 else ""
        raise CommandError(Exit.USAGE, f"{listed.name}: {chr(10).join(wrong[:5])}{more}. Nothing was decided.")
    return named


def told_of(outcome: Outcome, *, dry_run: bool = False) -> list[str]:
    """What became of a decision, or would with a ``dry_run``, in lines for a person."""
    job = outcome.job
    if outcome.refused:
        return [f"{outcome.why[:1].upper()}{outcome.why[1:]}."]
    said = {
        Review.KEPT: "kept",
        Review.REJECTED: f"rejected ({sanitize(job.review_reason)})",
        Review.TAKEN_BACK: "taken back, nobody has decided about it now",
    }[outcome.decision]
    copies = len(outcome.copies)
    also = f", and {copies:,} {'copy' if copies == 1 else 'copies'} of it" if copies else ""
    said, lie = (f"would be {said}", "would lie") if dry_run else (said, "lies")
    lies = "".join(f"; {sanitize(path.name)} {lie} in {sanitize(path.parent)}" for path in outcome.moved[:3])
    return [f"{sanitize(job.source.name)}: {said}{also}{lies}", *(sanitize(note) for note in outcome.notes)]


def outcome_document(outcome: Outcome) -> OutcomeDocument:
    """What became of a decision, as JSON has it."""
    job = outcome.job
    return {
        "job": job.id, "decision": outcome.decision, "reason": job.review_reason, "refused": bool(outcome.refused),
        "message": outcome.why or "; ".join(outcome.notes), "outputs": _files(job),
        "copies": [one.id for one in outcome.copies],
    }  # fmt: skip


def _files(job: Job) -> list[str]:
    return [result.path for result in job.results if result.path and os.path.lexists(result.path)]
