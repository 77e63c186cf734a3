"""``artui executions`` and ``rate``: what the service has of past executions, a result of one again, and a thumb."""

from __future__ import annotations

import datetime as dt
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from artui.cli.exits import CommandError, Exit
from artui.cli.options import ACCOUNT, AS_JSON, SINCE, in_zone
from artui.cli.session import Session
from artui.cli.submit import DEFAULT_OUTPUT
from artui.cli.terminal import money, put, put_json, put_table, say
from artui.config import AccountConfig

if TYPE_CHECKING:
    from artui.providers.base import ExecutionStatus, Provider, Workflow


@click.command("executions")
@ACCOUNT
@click.option("-w", "--workflow", help="Those of one workflow, by id or name; without it of all.")
@SINCE
@click.option("--limit", type=click.IntRange(1, 10_000), default=50, show_default=True, help="The most to list.")
@click.option("--fetch", "wanted", metavar="ID", help="Save the result of this execution; costs nothing.")
@click.option(
    "-o",
    "--output",
    type=click.Path(path_type=Path),
    metavar="FOLDER",
    help="With --fetch: the folder; without it the account's, else ./retouched.",
)
@AS_JSON
@click.pass_obj
def executions_command(
    session: Session, account: str | None, workflow: str | None, since: dt.datetime | None, limit: int,
    wanted: str | None, output: Path | None, *, as_json: bool,
) -> Exit:  # fmt: skip
    """List past executions at the service, those of artui marked, or fetch the result of one. Costs nothing."""
    chosen = session.account(account)
    if wanted:
        return _fetch(session, chosen, wanted, workflow, output, as_json=as_json)
    from artui.cli.workflow import choose
    from artui.core import executions

    if output:
        raise CommandError(Exit.USAGE, "--output goes with --fetch ID.")
    if since is not None:
        since = in_zone(since, session.config.timezone)

    async def question(provider: Provider[Any]) -> tuple[str, list[tuple[Workflow, ExecutionStatus]]]:
        workflows = await provider.workflows()
        asked = [choose(workflows, workflow)] if workflow else workflows
        payer = (await provider.who_pays()).payer
        return payer, await executions.newest(provider, asked, since, limit)

    payer, listed = session.ask(chosen, question)
    with session.journal() as journal:
        found = journal.read(executions.marked, payer, listed)
    if as_json:
        kept = ("execution", "state", "word", "charged", "created_at", "finished_at", "name", "reference", "version")
        put_json(
            [
                {
                    **{name: getattr(one.progress, name) for name in kept}, "workflow": one.workflow, "job": one.job,
                    "results": len(one.progress.outputs),
                    "by_artui": one.job is not None or one.progress.key is not None,
                }
                for one in found
            ]
        )  # fmt: skip
    elif not found:
        put("The service has no such execution.")
    else:
        rows = [
            (
                executions.began(one.progress, session.config.timezone), one.progress.word,
                money(one.progress.charged, ""), one.whose, one.workflow, one.progress.name, one.progress.execution,
            )
            for one in found
        ]  # fmt: skip
        put_table([("created", "state", "charged", "bought by", "workflow", "photo", "execution"), *rows], right=[2])
        if len(found) == limit:
            say(f"{'The newest one' if limit == 1 else f'The newest {limit:,}'}; --limit lists more.")
    return Exit.OK


def _fetch(
    session: Session, account: AccountConfig, execution: str, workflow: str | None, output: Path | None, *,
    as_json: bool,
) -> Exit:  # fmt: skip
    from artui.core import executions
    from artui.core.plan import PlanProblem
    from artui.files import BadResult, OutputProblem, Permissions, probe_folder
    from artui.watch.outputs import refuse_watched

    folder = (output or Path(account.output or DEFAULT_OUTPUT)).absolute()
    permissions = Permissions.of(account.mode, account.group)
    try:
        with session.journal() as journal:
            refuse_watched(folder, session.config, journal)
        probe_folder(folder, permissions)
        saved = session.ask(
            account, lambda provider: executions.fetch(provider, execution, workflow or "", folder, permissions)
        )
    except (PlanProblem, OutputProblem) as problem:
        raise CommandError(Exit.USAGE, f"Nothing was fetched: {problem}") from None
    except BadResult as problem:
        raise CommandError(Exit.NETWORK, f"Nothing was saved: {problem}. Try again.") from None
    if as_json:
        put_json({"execution": execution, "saved": [str(path) for path in saved]})
    for path in () if as_json else saved:
        put(str(path))
    return Exit.OK


@click.command("rate")
@click.argument("number", type=int, metavar="JOB")
@click.argument("thumb", type=click.Choice(["up", "down"]))
@AS_JSON
@click.pass_obj
def rate_command(session: Session, number: int, thumb: str, *, as_json: bool) -> Exit:
    """Tell the service whether the result of a job is liked, where it takes that. Costs nothing."""
    from artui.cli.naming import job_numbered
    from artui.core import executions

    with session.journal() as journal:
        job = job_numbered(journal, number)
        account, good = session.account(job.account), thumb == "up"
        session.ask(account, lambda provider: executions.rate(provider, journal, job, good=good))
    if as_json:
        put_json({"job": number, "execution": job.execution, "thumb": thumb})
    else:
        say(f"Sent: thumb {thumb} for {job.source.name}.")
    return Exit.OK
