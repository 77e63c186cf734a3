"""``artui doctor``: one free pass over this machine, the settings and every account, each finding in a line."""

from __future__ import annotations

import shutil
import sys
import textwrap
from collections.abc import Iterator
from dataclasses import asdict
from typing import TYPE_CHECKING

import click

from artui.cli.exits import Exit, first
from artui.cli.options import AS_JSON
from artui.cli.session import Session
from artui.cli.terminal import put, put_json
from artui.config import AccountConfig, ConfigError
from artui.shown import shown

if TYPE_CHECKING:
    from artui.doctor import Finding


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
    paragraphs = [f"{finding.level:<7}  {finding.check:<13}  {finding.said}"]
    if finding.do:
        paragraphs.append(f"{'':24}do: {finding.do}")
    for paragraph in paragraphs:
        for line in textwrap.wrap(
            shown(paragraph), _width(), initial_indent="  ", subsequent_indent=" " * 26, break_on_hyphens=False
        ):
            put(line)


def _width() -> int:
    """Cells of the terminal; what goes into a file or a pipe keeps each finding in a line."""
    return max(60, shutil.get_terminal_size().columns) if sys.stdout.isatty() else sys.maxsize


def _code(findings: list[Finding]) -> Exit:
    from artui.doctor import Area, Level

    of = {Area.LOGIN: Exit.LOGIN, Area.NETWORK: Exit.NETWORK}
    return first(of.get(one.area, Exit.FAILED) for one in findings if one.level is Level.FAULT)
