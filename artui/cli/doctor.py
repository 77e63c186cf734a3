"""``artui doctor`` and ``trial``: what is found of a machine, its settings, an account and one paid photo, in lines."""

from __future__ import annotations

import datetime as dt
import json
import os
import shutil
import sys
import textwrap
from collections.abc import Iterator
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING

import click

from artui import __version__
from artui.cli.exits import CommandError, Exit, first
from artui.cli.options import AS_JSON, DRY_RUN, YES
from artui.cli.session import Session
from artui.cli.terminal import put, put_json, say
from artui.config import AccountConfig, ConfigError
from artui.sanitize import sanitize

if TYPE_CHECKING:
    from artui.doctor import Finding
    from artui.model.job import Job


@click.command("doctor")
@click.argument("account", required=False)
@AS_JSON
@click.pass_obj
def doctor_command(session: Session, account: str | None, *, as_json: bool) -> Exit:
    """Check everything that costs nothing: sign-in, service, clock, folders, limits; and say what to do.

    Shows no secret, so that its output can be mailed. Ends with 0 where nothing is at fault, 4 for a sign-in, 3 for
    the network, 1 for any other fault.
    """
    findings: list[Finding] = []
    for finding in _examine(session, account):
        if not as_json:
            _put(finding, is_new=not findings or findings[-1].subject != finding.subject)
        findings.append(finding)
    if as_json:
        put_json({"findings": [asdict(finding) for finding in findings]})
    return _code(findings)


@click.command("trial")
@click.argument("account")
@click.argument("photo", type=click.Path(path_type=Path))
@click.option("-w", "--workflow", help="Workflow by id or name; without it the account's `workflow`.")
@click.option("-o", "--output", metavar="FOLDER", help="Folder for the result; without it the account's.")
@click.option(
    "--report",
    type=click.Path(path_type=Path, dir_okay=False),
    metavar="FILE",
    help="Write what was learned to a new file, as JSON where it ends in .json; no secret is in it.",
)
@DRY_RUN
@YES
@AS_JSON
@click.pass_context
def trial_command(
    context: click.Context, account: str, photo: Path, workflow: str | None, output: str | None, report: Path | None, *,
    dry_run: bool, yes: bool, as_json: bool,
) -> Exit:  # fmt: skip
    """Send one photo after a yes to its price, follow it, and say what it shows of the service.

    Whether labels come back, how long it takes, what is charged, and what of the picture is kept. A photo that was sent
    through this account before is examined as it is, and costs nothing.
    """
    from artui.cli.jobs import job_command
    from artui.cli.naming import made_of
    from artui.cli.submit import submit_command
    from artui.doctor import examine_job, reach

    session: Session = context.obj
    if report is not None and not dry_run:
        # Before anything is paid.
        if os.path.lexists(report):
            raise CommandError(Exit.USAGE, f"{report} is there already, and is left as it is: name a new file.")
        if not os.access(report.parent, os.W_OK | os.X_OK):
            raise CommandError(Exit.USAGE, f"{report} cannot be written: name a file in a folder that can.")
    session.ask(session.account(account), reach)
    code = context.invoke(
        submit_command, paths=(photo,), account=account, workflows=(workflow,) if workflow else (), output=output,
        name=f"trial {photo.stem}", dry_run=dry_run, yes=yes, wait=True, wait_qa=False, as_json=as_json,
    )  # fmt: skip
    with session.journal() as journal:
        made = [one for one in made_of(journal, photo.absolute()) if one.account == account and one.execution]
        if dry_run or not made:
            return Exit(code)
        job = made[0]
        findings = session.ask(session.account(account), lambda provider: examine_job(provider, journal, job))
    codes = [code, _code(findings)]
    if report is not None:
        codes.append(_write(report, job, findings))
    if as_json:
        put_json({"type": "findings", "job": job.id, "findings": [asdict(finding) for finding in findings]})
    else:
        context.invoke(job_command, number=job.id, as_json=False)
        for number, finding in enumerate(findings):
            _put(finding, is_new=not number)
    return first(codes)


def _write(report: Path, job: Job, findings: list[Finding]) -> Exit:
    """Write down what was learned of a service, so that it can be mailed."""
    from artui.credentials import scrub

    about = {
        "artui": __version__, "service": job.provider, "workflow": job.workflow_name, "photo": job.source.name,
        "at": dt.datetime.now(dt.UTC).isoformat(timespec="seconds"),
    }  # fmt: skip
    if report.suffix.lower() == ".json":
        text = json.dumps(about | {"findings": [asdict(finding) for finding in findings]}, indent=2)
    else:
        heading = ", ".join(f"{name} {sanitize(value)}" for name, value in about.items())
        text = "\n".join([heading, *(line for finding in findings for line in _lines(finding, sys.maxsize))])
    try:
        with report.open("x", encoding="utf-8", errors="backslashreplace") as file:
            file.write(f"{scrub(text)}\n")
    except OSError as problem:
        say(f"{report} cannot be written ({problem.strerror}): what was learned stands in the output alone.")
        return Exit.FAILED
    say(f"What was learned is in {report}.")
    return Exit.OK


def _examine(session: Session, account: str | None) -> Iterator[Finding]:
    from artui.doctor import Finding, Level, examine_machine, examine_rules

    try:
        config = session.config
        chosen = [session.account(account)] if account else list(config.accounts.values())
    except ConfigError as problem:
        yield from examine_machine(session.paths, None)
        yield Finding("settings", "config", Level.FAULT, str(problem))
        return
    yield from examine_machine(session.paths, config)
    number = "no account yet" if not config.accounts else f"accounts: {', '.join(config.accounts)}"
    yield Finding("settings", "config", Level.OK, f"{session.paths.config_file} and settings.toml; {number}")
    yield from examine_rules(config)
    for one in chosen:
        yield from _of_account(session, one)


def _of_account(session: Session, account: AccountConfig) -> Iterator[Finding]:
    """The findings of an account, each as soon as it is there."""
    import asyncio

    from artui.doctor import examine_account

    findings = examine_account(session.config, account, session.vault)

    async def following() -> Finding | None:
        return await anext(findings, None)

    with asyncio.Runner() as runner:
        while (finding := runner.run(following())) is not None:
            yield finding


def _put(finding: Finding, *, is_new: bool) -> None:
    if is_new:
        put(finding.subject)
    # Cells of the terminal; what goes into a file or a pipe keeps each finding in a line.
    for line in _lines(finding, max(60, shutil.get_terminal_size().columns) if sys.stdout.isatty() else sys.maxsize):
        put(line)


def _lines(finding: Finding, width: int) -> Iterator[str]:
    """A finding for a person, and below it what to do."""
    paragraphs = [f"{finding.level:<7}  {finding.check:<13}  {finding.said}"]
    if finding.do:
        paragraphs.append(f"{'':24}do: {finding.do}")
    for paragraph in paragraphs:
        yield from textwrap.wrap(
            sanitize(paragraph), width, initial_indent="  ", subsequent_indent=" " * 26, break_on_hyphens=False
        )


def _code(findings: list[Finding]) -> Exit:
    from artui.doctor import Area, Level

    of = {Area.LOGIN: Exit.LOGIN, Area.NETWORK: Exit.NETWORK}
    return first(of.get(one.area, Exit.FAILED) for one in findings if one.level is Level.FAULT)
