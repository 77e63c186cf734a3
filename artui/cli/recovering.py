"""``artui recover``: says what is the matter with the journal, asks, mends it, and tells what became of the photos."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from artui.cli.exits import CommandError, Exit
from artui.cli.options import AS_JSON, DRY_RUN, YES
from artui.cli.session import Session
from artui.cli.streams import go_on
from artui.cli.terminal import agrees, can_ask, counted, put, put_json, say

if TYPE_CHECKING:
    from artui.engine import recovery
    from artui.journal import Journal
    from artui.journal.rescue import Salvaged
    from artui.providers.base import Provider

_MOST_NAMED = 20

_MISSING = (
    "Putting the newest copy back is better, if there is one. Going on begins an empty journal. What was bought",
    "through the lost one is taken in from every service that has a list; where there is none{unlisted},",
    "artui cannot know what was bought, and sends nothing there before you say so. Nothing is sent now.",
)
_COPY = (
    "Going on keeps it, with a copy beside it. What was bought since is taken in from every service that has a list;",
    "where there is none{unlisted}, photos may have been paid that this copy does not know of, and",
    "nothing is sent there before you say so. Nothing is sent now.",
)
_DAMAGED = (
    "Going on copies it aside and carries every row that can be read into a new file. What was bought is looked for at",
    "every service that has a list; where rows are lost and there is no list{unlisted}, nothing is sent",
    "before you say so. Nothing is sent now.",
)


@click.command("recover")
@click.option("--offline", is_flag=True, help="Ask no service: send nothing more before you say so.")
@click.option(
    "--fetch", type=click.Path(file_okay=False, path_type=Path), metavar="FOLDER",
    help="Fetch the results of all photos that are not known here into this folder.",
)  # fmt: skip
@DRY_RUN
@YES
@AS_JSON
@click.pass_obj
def recover_command(
    session: Session, *, offline: bool, fetch: Path | None, dry_run: bool, yes: bool, as_json: bool
) -> Exit:  # fmt: skip
    """Make a journal that is missing, a copy or damaged usable again."""
    from artui.engine import recovery
    from artui.engine.anchor import Damage as Wrong
    from artui.engine.lock import EngineLock

    session.paths.create()
    lock = EngineLock(session.paths)
    try:
        finding = recovery.examine(session.paths)
        tell = put if dry_run and not as_json else say
        tell(finding.sentence)
        code = Exit.OK
        if finding.trouble is not Wrong.NONE:
            said = {Wrong.MISSING: _MISSING, Wrong.DAMAGED: _DAMAGED}.get(finding.trouble, _COPY)
            for line in said:
                tell(line.format(unlisted=unlisted()))
            if dry_run and as_json:
                put_json(outcome_document(finding.trouble))
            if dry_run:
                return Exit.OK
            if not (yes or (can_ask() and agrees("Go on?"))):
                say("Nothing was changed; --yes goes on.")
                return Exit.USAGE
            salvaged = _repaired(session, finding.trouble)
            code = settle(session, finding.trouble, salvaged, offline=offline, as_json=as_json)
        elif as_json:
            put_json(outcome_document(finding.trouble))
        if fetch is None or dry_run:
            return code
        fetch.mkdir(parents=True, exist_ok=True)
        with session.journal() as journal:
            placed = recovery.fetch_into(journal, fetch.absolute())
        if placed:
            are = "is" if len(placed) == 1 else "are"
            say(f"{counted(len(placed), 'result')} {are} fetched into {fetch}; `artui wait` follows.")
        else:
            say("There is no result to fetch: every photo that was bought is known here.")
    finally:
        lock.release()
    if placed:
        from artui.engine.client import ensure_running

        with session.journal() as journal:
            ensure_running(session.paths, journal)
    return code


def unlisted() -> str:
    """The services that have no list of what was bought, in brackets, for the middle of a sentence."""
    from artui.providers import capabilities, names

    titles = [one.title for one in map(capabilities, names()) if not one.limits.can_find]
    return f" ({', '.join(titles)})" if titles else ""


def _repaired(session: Session, trouble: Any) -> Sequence[Salvaged]:
    """Make a sound file, with a copy beside it of what there was."""
    from artui.engine import recovery

    aside, salvaged = recovery.repair(session.paths, trouble)
    if aside is not None:
        say(f"A copy of what there was is kept as {aside}.")
    for table in salvaged:
        if table.kept or not table.is_whole:
            say(f"  {table.table}: {table.kept:,} rows{'' if table.is_whole else ', the rest cannot be read'}")
    return salvaged


def settle(
    session: Session, trouble: Any, salvaged: Sequence[Salvaged] = (), *, offline: bool, as_json: bool
) -> Exit:  # fmt: skip
    """Take in what was bought since, and accept the journal, which is sound; the engine's lock is held."""
    from artui.engine import recovery
    from artui.engine.anchor import Damage as Wrong
    from artui.journal import Journal

    with Journal(session.paths.journal) as journal:
        lacks = not recovery.is_whole(session.paths, journal, salvaged)
        providers = {name: account.provider for name, account in session.config.accounts.items()}
        outcome = recovery.settle(
            session.paths, journal, _listings(session, journal, offline=offline), providers,
            session.config.timezone, lacks=lacks, anew=trouble is not Wrong.UNREAD,
        )  # fmt: skip
        recovery.accept(session.paths, journal)
        go_on("The journal is accepted.")
    if as_json:
        put_json(outcome_document(trouble, outcome))
    if outcome.adopted:
        say(f"{len(outcome.adopted):,} were found at the service and are followed, not sent again.")
    for job in outcome.found[:_MOST_NAMED]:
        cost = "" if job.quoted is None else f", {job.quoted:,}"
        say(f"  execution {job.execution} of {job.source.name} was bought{cost}: job {job.id}")
    if outcome.found:
        say(
            f"{len(outcome.found):,} were bought whose photos are not known here. They count as spent, and are not paid"
            " again: each result is fetched when its photo is sent or turns up in a watched folder, all of them by"
            " `artui recover --fetch FOLDER`."
        )
    for job in outcome.held[:_MOST_NAMED]:
        say(f"! job {job.id} ({job.source.name}) is held: {job.message}")
    if len(outcome.held) > _MOST_NAMED:
        say(f"! and {len(outcome.held) - _MOST_NAMED:,} more")
    for account in outcome.suspended:
        say(
            f"! {account}: nothing is sent before you say so, for it cannot be looked up what was bought. `artui retry"
            f" JOB` sends one photo, `artui resume -a {account} --recovered` all; both say the price first."
        )
    say("The journal is accepted: `artui wait` goes on with what is under way.")
    return Exit.PERSON if outcome.held or outcome.suspended else Exit.OK


def outcome_document(trouble: Any, outcome: recovery.RecoveryResult | None = None) -> dict[str, Any]:
    """What was the matter with the journal and what became of the photos, as JSON: jobs by their numbers."""
    lists = ("adopted", "found", "held")
    return {
        "trouble": trouble.value,
        **{name: [job.id for job in getattr(outcome, name)] if outcome else [] for name in lists},
        "suspended": outcome.suspended if outcome else [],
    }


def _listings(session: Session, journal: Journal, *, offline: bool) -> dict[str, recovery.ServiceListing | None]:
    """What the services of all accounts list, of those in the journal too; None for those that are not asked."""
    from artui.engine import recovery
    from artui.journal import accounts, purchases

    listings: dict[str, recovery.ServiceListing | None] = dict.fromkeys(journal.read(accounts.with_jobs))
    for name, account in session.config.accounts.items():
        known = journal.read(accounts.ordered_workflows, name)

        last = journal.read(purchases.last_intent, name)

        async def read(
            provider: Provider[Any], known: Sequence[str] = known, last: float | None = last
        ) -> recovery.ServiceListing:
            return await recovery.read_lists(provider, known, last, say)

        try:
            listings[name] = None if offline else session.ask(account, read)
        except CommandError as trouble:
            hint = "Nothing was accepted; run it again, or with --offline to have nothing sent without your word."
            raise CommandError(trouble.code, f"{trouble} {hint}") from None
    return listings
