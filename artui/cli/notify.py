"""``artui notify``: whether what is to be told reaches people."""

from __future__ import annotations

import os

import click

from artui.cli.exits import CommandError, Exit
from artui.cli.session import Session, run
from artui.cli.terminal import put


@click.group("notify")
def notify_command() -> None:
    """Who is told when something needs a person; `[[notify]]` in config.toml sets it."""


@notify_command.command("test")
@click.pass_obj
def test_command(session: Session) -> Exit:
    """Tell every target a sentence now, and show what came of it."""
    from artui.engine.telling import NoticeMessage, tell

    targets = session.config.notify
    if not targets:
        raise CommandError(
            Exit.USAGE, f"Nobody is to be told: write a [[notify]] table in {session.config.paths.config_file}."
        )
    host = os.uname().nodename
    message = NoticeMessage("test", f"artui on {host}: a test", "This is what being told looks like.", host, 1)
    failures = [run(tell(target, message)) for target in targets]
    for target, failure in zip(targets, failures, strict=True):
        put(f"{target.name}: {failure or 'told'} ({', '.join(target.on)})")
    return Exit.FAILED if any(failures) else Exit.OK
