"""``artui recover``: says what is the matter with the journal, asks, mends it, and tells what became of the jobs."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterator, Sequence
from typing import TYPE_CHECKING, Any

import click

from artui.cli.exits import Exit, Trouble
from artui.cli.options import DRY_RUN, YES
from artui.cli.session import Session
from artui.cli.streams import go_on
from artui.cli.terminal import agrees, can_ask, say

if TYPE_CHECKING:
    from artui import recover
    from artui.journal.rescue import Salvaged
    from artui.providers.base import Incomplete, Progress, Provider

_MOST_NAMED = 20

_INTENTIONS = {
    "missing": (
        "Putting the newest copy back is better, if there is one. Going on begins an empty journal:",
        "photos that were paid before are not known any more, and would be paid again when they are sent again.",
        "Results that were not fetched lie at the service: its web app shows them.",
    ),
    "older": (
        "Going on keeps it, with a copy beside it. Jobs that may have been paid since are looked for at the service:",
        "what is found there is followed, what cannot be asked about is held for you. Nothing is sent.",
    ),
    "damaged": (
        "Going on copies it aside and carries every row that can be read into a new file. Jobs that may have been",
        "paid since are looked for at the service; what cannot be asked about is held for you. Nothing is sent.",
    ),
}


@click.command("recover")
@click.option("--offline", is_flag=True, help="Ask no service: hold every job that may have been paid.")
@DRY_RUN
@YES
@click.pass_obj
def recover_command(session: Session, *, offline: bool, dry_run: bool, yes: bool) -> Exit:
    """Make a journal that is missing, an older copy or damaged usable again."""
    from artui import recover
    from artui.background import EngineLock

    session.paths.create()
    lock = EngineLock(session.paths)
    try:
        finding = recover.examine(session.paths)
        say(finding.sentence)
        if finding.trouble is recover.Trouble.NONE:
            return Exit.OK
        for line in _INTENTIONS[finding.trouble]:
            say(line)
        if dry_run:
            return Exit.OK
        if not (yes or (can_ask() and agrees("Go on?"))):
            say("Nothing was changed; --yes goes on.")
            return Exit.USAGE
        return _recover(session, finding.trouble, offline=offline)
    finally:
        lock.release()


def _recover(session: Session, trouble: recover.Trouble, *, offline: bool) -> Exit:
    from artui import recover
    from artui.journal import Journal

    aside, salvaged = recover.repair(session.paths, trouble)
    if aside is not None:
        say(f"A copy of what there was is kept as {aside}.")
    for line in _carried_over(salvaged):
        say(line)
    with Journal(session.paths.journal) as journal:
        ask = _nobody if offline else _service(session)
        outcome = recover.settle(journal, ask, session.config.timezone)
        recover.accept(session.paths, journal)
        go_on("The journal is accepted.")
    for line in _told(outcome):
        say(line)
    return Exit.PERSON if outcome.held else Exit.OK


def _service(session: Session) -> recover.Ask:
    def ask(
        name: str, question: Callable[[Provider[Any]], Awaitable[list[Progress] | Incomplete]]
    ) -> list[Progress] | Incomplete:
        from artui.providers.base import Incomplete

        account = session.config.accounts.get(name)
        if account is None:
            return Incomplete(f"the account {name} is not set up")
        try:
            return session.ask(account, question)
        except Trouble as trouble:
            hint = "Nothing was accepted; run it again, or with --offline to hold what cannot be asked about."
            raise Trouble(trouble.code, f"{trouble} {hint}") from None

    return ask


def _nobody(
    name: str, question: Callable[[Provider[Any]], Awaitable[list[Progress] | Incomplete]]
) -> list[Progress] | Incomplete:
    from artui.providers.base import Incomplete

    del name, question
    return Incomplete("no service was asked")


def _carried_over(salvaged: Sequence[Salvaged]) -> Iterator[str]:
    for table in salvaged:
        if table.kept or not table.is_whole:
            yield f"  {table.table}: {table.kept:,} rows{'' if table.is_whole else ', the rest cannot be read'}"


def _told(outcome: recover.Outcome) -> Iterator[str]:
    """What became of the jobs that may have been paid."""
    if outcome.adopted:
        yield f"{len(outcome.adopted):,} were found at the service and are followed, not sent again."
    if outcome.not_sent:
        yield f"{len(outcome.not_sent):,} were not sent and go on."
    for job in outcome.held:
        yield f"! job {job.id} is held: {job.message}"
    for stranger in outcome.strangers[:_MOST_NAMED]:
        spent = "a charge that is not known yet" if stranger.charged is None else f"{stranger.charged:,} credits"
        yield f"! execution {stranger.execution} ({stranger.created_at}) is artui's, cost {spent} and has no job here."
    if outcome.strangers:
        yield (
            f"{len(outcome.strangers):,} executions without a job: their results are in the web app, and their photos"
            " would be paid again."
        )
    yield "The journal is accepted: `artui wait` goes on with what is under way."
