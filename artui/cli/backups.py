"""``artui backup`` and ``artui restore``: the journal and the settings in one file, and back."""

from __future__ import annotations

import time
from pathlib import Path
from typing import TYPE_CHECKING

import click

from artui.cli.exits import CommandError, Exit
from artui.cli.options import AS_JSON, DRY_RUN, YES
from artui.cli.session import Session
from artui.cli.terminal import agrees, can_ask, counted, put, put_json, say
from artui.config.system import iso

if TYPE_CHECKING:
    from artui.engine.backups import OpenedBackup

FILE = click.argument("file", type=click.Path(path_type=Path))


@click.command("backup")
@FILE
@AS_JSON
@click.pass_obj
def backup_command(session: Session, file: Path, *, as_json: bool) -> Exit:
    """Write the journal and the settings to FILE, while everything goes on. Never a secret.

    FILE is replaced once the new backup is whole; in a folder each gets a name of its own.
    """
    from artui.engine import backups

    if not file.absolute().parent.is_dir():
        raise CommandError(Exit.USAGE, f"{file.parent} is no folder. No backup was made.")
    try:
        with session.journal() as journal:
            made = str(backups.make(session.paths, journal, file))
    except backups.BackupProblem as problem:
        raise CommandError(Exit.FAILED, str(problem)) from problem
    if as_json:
        put_json({"backup": made})
    else:
        put(made)
    say("Sign-ins are not in it: `artui login` after it was put back on another machine.")
    return Exit.OK


@click.command("restore")
@FILE
@click.option("--offline", is_flag=True, help="Ask no service: send nothing more before you say so.")
@DRY_RUN
@YES
@AS_JSON
@click.pass_obj
def restore_command(session: Session, file: Path, *, offline: bool, dry_run: bool, yes: bool, as_json: bool) -> Exit:
    """Put a backup back, then see what was bought since it was made, as `artui recover` does."""
    from artui.engine import backups
    from artui.engine.lock import EngineLock

    session.paths.create()
    Session(session.paths).name_fault()  # for the zone of times; what is put back may be other settings
    lock = EngineLock(session.paths)
    try:
        try:
            opened = backups.open_backup(session.paths, file)
        except backups.BackupProblem as problem:
            raise CommandError(Exit.USAGE, str(problem)) from problem
        try:
            from artui.cli.recovering import unlisted

            tell = put if dry_run and not as_json else say
            about = opened.about
            made = time.strftime("%Y-%m-%d %H:%M", time.localtime(about.made_at))
            holds = f"{counted(about.jobs, 'job')}, {counted(about.intents, 'paid request')}"
            tell(f"A backup of {made} from {about.host}: {holds}.")
            if session.paths.journal.exists():
                tell(f"It takes the place of the journal {session.paths.journal}, of which a copy is kept beside it.")
            where = f"where there is none{unlisted()}"
            tell(f"What was bought since is looked for at every service that has a list; {where},")
            tell("nothing is sent before you say so. Nothing is sent now.")
            if dry_run:
                if as_json:
                    there = session.paths.journal
                    put_json(
                        {
                            "version": about.version, "host": about.host,
                            "made_at": about.made_at, "made_at_iso": iso(about.made_at),
                            "jobs": about.jobs, "intents": about.intents,
                            "replaces": str(there) if there.exists() else None,
                        }
                    )  # fmt: skip
                return Exit.OK
            if not (yes or (can_ask() and agrees("Put it back?"))):
                say("Nothing was changed; --yes puts it back.")
                return Exit.USAGE
            return _put_back(session, opened, offline=offline, as_json=as_json)
        finally:
            backups.discard(opened.journal)
    finally:
        lock.release()


def _put_back(session: Session, opened: OpenedBackup, *, offline: bool, as_json: bool) -> Exit:
    from artui.cli.recovering import outcome_document, settle
    from artui.engine import backups, recovery
    from artui.engine.anchor import Damage as Wrong
    from artui.journal import rescue

    paths = session.paths
    if paths.journal.exists():
        say(f"A copy of what there was is kept as {rescue.copy_aside(paths.journal)}.")
    recovery.put_in_place(paths, opened.journal)
    for file in backups.restore_settings(opened):
        say(f"{file} is left as it is; the backup has another one.")
    finding = recovery.examine(paths)
    if finding.trouble is Wrong.NONE:
        if as_json:
            put_json(outcome_document(finding.trouble))
        say("Nothing was bought since: `artui wait` goes on with what is under way.")
        return Exit.OK
    try:
        return settle(session, finding.trouble, offline=offline, as_json=as_json)
    except CommandError as trouble:
        raise CommandError(trouble.code, f"The journal is put back, and not accepted yet: {trouble}") from trouble
