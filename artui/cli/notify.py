"""``artui notify``: whether what is to be told reaches people."""

from __future__ import annotations

import os
import time
from contextlib import suppress
from typing import TYPE_CHECKING

import click

from artui.cli.exits import CommandError, Exit
from artui.cli.options import AS_JSON
from artui.cli.session import Session, run
from artui.cli.terminal import put, put_json
from artui.config import write_private

if TYPE_CHECKING:
    from artui.journal import Journal

DAY = 86_400.0


@click.group("notify")
def notify_command() -> None:
    """Who is told when something needs a person; `[[notify]]` in config.toml sets it."""


@notify_command.command("test")
@AS_JSON
@click.pass_obj
def test_command(session: Session, *, as_json: bool) -> Exit:
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
    if as_json:
        told = [
            {"target": target.name, "on": list(target.on), "failure": failure or None}
            for target, failure in zip(targets, failures, strict=True)
        ]
        put_json({"targets": told})
        return Exit.FAILED if any(failures) else Exit.OK
    for target, failure in zip(targets, failures, strict=True):
        put(f"{target.name}: {failure or 'told'} ({', '.join(target.on)})")
    return Exit.FAILED if any(failures) else Exit.OK


@notify_command.command("ended")
@click.pass_obj
def ended_command(session: Session) -> Exit:
    """Tell that watching has ended, where no engine is left to: for the service manager, once for each time."""
    from artui.config import usable
    from artui.core.health import Code, Topic
    from artui.engine.client import find_engine
    from artui.engine.notices import Notices
    from artui.engine.telling import NoticeMessage, tell
    from artui.journal import JournalProblem, Unwritable

    config, host = usable(session.paths), os.uname().nodename
    if not config.notify:
        put(f"Nobody is to be told: there is no [[notify]] table in {session.paths.config_file}.")
        return Exit.OK

    async def look_and_tell(journal: Journal) -> None:
        notices = Notices(journal, lambda: config, None, host)
        await notices.look()
        await notices.tell()

    try:
        with session.journal() as journal:
            if find_engine(session.paths, journal):
                put("An engine runs, and tells what is wrong itself.")
                return Exit.OK
            run(look_and_tell(journal))
            return Exit.OK
    except (JournalProblem, Unwritable) as problem:
        why = str(problem)
    # It is told once a day, and anew where an engine started since: a file says so, without a journal.
    place, told, started = session.paths.state / "ended.told", "", 0.0
    with suppress(OSError):
        started = session.paths.anchor.stat().st_mtime
    with suppress(OSError):
        if place.stat().st_mtime > max(started, time.time() - DAY):
            told = place.read_text("utf-8", "replace")
    if told == why:
        return Exit.OK
    with suppress(OSError):
        write_private(place, why.encode("utf-8", "replace"))
    text = f"Watching has ended and cannot go on: {why}"
    facts = {"code": Code.WATCH_ENDED, "subject": "", "at": time.time(), "over": False, "count": 1, "message": why}
    message = NoticeMessage(Topic.TROUBLE, f"artui on {host}: {text}", text, host, 1, [facts])
    failures = [run(tell(target, message)) for target in config.notify if Topic.TROUBLE in target.topics]
    return Exit.FAILED if any(failures) else Exit.OK
