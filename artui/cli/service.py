"""``artui service``: watching as a service of this user, kept by what keeps services on this machine."""

from __future__ import annotations

import getpass
import os
import shutil
import subprocess
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Protocol

import click

from artui.cli.exits import CommandError, Exit
from artui.cli.options import AS_JSON, DRY_RUN, HOST_PORT, YES
from artui.cli.session import Session
from artui.cli.streams import go_on
from artui.cli.terminal import agrees, can_ask, counted, put, put_json, say
from artui.config.system import is_mac
from artui.watch.systemd import FAILED_UNIT, UNIT

if TYPE_CHECKING:
    from artui.cli.documents import ServiceDocument, ServiceStep

LINGERING = Path("/var/lib/systemd/linger")
"""Has a file for each user whose services run while nobody is logged in."""

TIME_LIMIT = 240.0
"""Seconds a command of the service manager may take: an orderly end awaits what is being paid."""


@dataclass(frozen=True, slots=True)
class Step:
    """One thing that is done to install or remove a service: a ``file`` is written, or removed where ``content`` is
    None; or a ``command`` is run, which may fail where it ``may_fail``. ``advice``: what to do where it failed."""

    file: Path | None = None
    content: str | None = None
    command: Sequence[str] = ()
    may_fail: bool = False
    advice: str = ""

    @property
    def said(self) -> str:
        """What it does, for a person."""
        if self.file is None:
            return f"run     {' '.join(self.command)}"
        return f"{'remove' if self.content is None else 'write '}  {self.file}"

    def document(self) -> ServiceStep:
        """The same as JSON."""
        return {
            "file": None if self.file is None else str(self.file), "content": self.content,
            "command": list(self.command),
        }  # fmt: skip

    def carry_out(self) -> None:
        """Do it. Raises CommandError."""
        try:
            if self.file is None:
                ended = subprocess.run(  # noqa: S603 — a command of the backend
                    self.command, capture_output=True, text=True, check=False, timeout=TIME_LIMIT, env=_environment(),
                )  # fmt: skip
                if ended.returncode and not self.may_fail:
                    said = " ".join((ended.stderr or ended.stdout).split())
                    said = f"`{' '.join(self.command)}` failed: {said or ended.returncode}{self.advice}"
                    raise CommandError(Exit.FAILED, said)
            elif self.content is None:
                self.file.unlink(missing_ok=True)
            else:
                self.file.parent.mkdir(parents=True, exist_ok=True)
                self.file.write_text(self.content)
        except subprocess.TimeoutExpired:
            raise CommandError(Exit.FAILED, f"`{' '.join(self.command)}` has not ended.") from None
        except OSError as problem:
            raise CommandError(Exit.FAILED, f"{self.said}: {problem.strerror}.") from None


class ServiceManager(Protocol):
    """What keeps services: how one is installed, removed and looked at."""

    def install(self, session: Session, webhook: str | None) -> list[Step]:
        """What installs the service, or brings an installed one up to date, and starts it. Raises CommandError."""

    def remove(self) -> list[Step]:
        """What ends and removes it."""

    def status(self) -> Mapping[str, str]:
        """How it stands: ``active``, ``enabled``, ``said`` and so on; ``active`` is ``active`` where it runs."""

    def logs(self, lines: int, *, follow: bool) -> Sequence[str]:
        """The command that shows its log."""


class Systemd:
    """The user's own service manager of systemd."""

    def install(self, session: Session, webhook: str | None) -> list[Step]:
        """What installs it; the user's manager is kept running when nobody is logged in."""
        from artui.cli.unit import make_unit

        unit = make_unit(session, None, webhook, for_system=False)
        _refuse_idle(session)
        folder = Path.home() / ".config" / "artui"
        for login in unit.logins:
            if not login.in_file and not (folder / f"{login.name}.token").exists():
                raise CommandError(
                    Exit.USAGE,
                    f"A service would not find the key of {login.name}: run `{login.signs_in} --store file` first.",
                )
        user = getpass.getuser()
        linger = ("loginctl", "enable-linger", user)
        advice = f". An administrator may: `sudo {' '.join(linger)}`, then this again."
        return [
            *([] if (LINGERING / user).exists() else [Step(command=linger, advice=advice)]),
            *(Step(file, text) for file, text in unit.files()),
            Step(command=("systemctl", "--user", "daemon-reload")),
            Step(command=("systemctl", "--user", "enable", UNIT)),
            Step(command=("systemctl", "--user", "reset-failed", UNIT, FAILED_UNIT), may_fail=True),
            Step(command=("systemctl", "--user", "restart", UNIT)),
        ]

    def remove(self) -> list[Step]:
        """What removes it; the journal, the settings and the sign-ins stay."""
        from artui.cli.unit import unit_file

        return [
            Step(command=("systemctl", "--user", "disable", "--now", UNIT), may_fail=True),
            *(Step(unit_file(of_system=False, name=name)) for name in (UNIT, FAILED_UNIT)),
            Step(command=("systemctl", "--user", "daemon-reload")),
            Step(command=("systemctl", "--user", "reset-failed", UNIT, FAILED_UNIT), may_fail=True),
        ]

    def status(self) -> Mapping[str, str]:
        """How it stands, as its manager says."""
        words = {"ActiveState": "active", "SubState": "state", "UnitFileState": "enabled", "StatusText": "said",
                 "MainPID": "pid", "NRestarts": "restarts", "ActiveEnterTimestamp": "since"}  # fmt: skip
        asked = subprocess.run(  # noqa: S603
            ["systemctl", "--user", "show", UNIT, f"--property={','.join(words)}"],  # noqa: S607 — found on the path
            capture_output=True, text=True, check=False, timeout=30, env=_environment(),
        )  # fmt: skip
        if asked.returncode:
            raise CommandError(Exit.FAILED, f"systemd does not answer: {' '.join(asked.stderr.split())}")
        found = dict(line.split("=", 1) for line in asked.stdout.splitlines() if "=" in line)
        return {ours: found.get(theirs, "") for theirs, ours in words.items()}

    def logs(self, lines: int, *, follow: bool) -> Sequence[str]:
        """The command that shows what journald has of it."""
        return ("journalctl", "--user", "-u", UNIT, "-n", str(lines), *(["-f"] if follow else ["--no-pager"]))


class Launchd:
    """The user's own agents of macOS."""

    def __init__(self) -> None:
        from artui.cli.launchd import Agent
        from artui.cli.unit import PASSED_ON, this_artui

        environment = [(word, os.environ[word]) for word in (*PASSED_ON, "PATH") if os.environ.get(word)]
        self._agent = Agent(this_artui(), environment=environment)

    def install(self, session: Session, webhook: str | None) -> list[Step]:
        """What installs it; it starts at each login, for only then is there a keychain."""
        _refuse_idle(session)
        agent = replace(self._agent, options=("--webhook", webhook) if webhook else ())
        stop, *start = agent.install()
        return [
            Step(agent.place, agent.text().decode()),
            Step(command=stop, may_fail=True),
            *(Step(command=command) for command in start),
        ]

    def remove(self) -> list[Step]:
        """What removes it; the journal, the settings and the sign-ins stay."""
        return [*(Step(command=command, may_fail=True) for command in self._agent.stop()), Step(self._agent.place)]

    def status(self) -> Mapping[str, str]:
        """How it stands, as launchd says."""
        asked = subprocess.run(  # noqa: S603
            self._agent.status(), capture_output=True, text=True, check=False, timeout=30, env=_environment()
        )
        found = dict(line.strip().split(" = ", 1) for line in asked.stdout.splitlines() if " = " in line)
        state = found.get("state", "")
        return {
            "active": "active" if state == "running" else "inactive", "state": state, "pid": found.get("pid", ""),
            "enabled": "enabled" if self._agent.place.exists() else "", "since": "", "said": "",
            "restarts": str(max(0, int(found.get("runs", "1")) - 1)),
        }  # fmt: skip

    def logs(self, lines: int, *, follow: bool) -> Sequence[str]:
        """The command that shows its log file."""
        return self._agent.logs(lines, follow=follow)


def _refuse_idle(session: Session) -> None:
    """Raise CommandError where the service would have nothing to do."""
    if not session.config.watch:
        raise CommandError(
            Exit.USAGE, f"No folder is watched: write a [[watch]] table in {session.paths.config_file} first."
        )


def _environment() -> dict[str, str]:
    """The variables of this process, with the way to the user's manager, which a login by ``su`` does not bring."""
    runtime = f"/run/user/{os.getuid()}"
    return {"XDG_RUNTIME_DIR": runtime, **os.environ, "LC_ALL": "C.UTF-8"}


def this_manager() -> ServiceManager:
    """What keeps services here. Raises CommandError where artui knows of nothing."""
    if is_mac():
        return Launchd()
    if shutil.which("systemctl") and shutil.which("loginctl"):
        return Systemd()
    raise CommandError(
        Exit.USAGE, "No systemd is here to keep a service: run `artui watch` in tmux, or in the background."
    )


@click.group("service")
def service_command() -> None:
    """Watch the folders of the settings as a service, which starts with the machine and needs nobody logged in."""


@service_command.command("install")
@click.option("--webhook", type=HOST_PORT, help="Have it hear the services' webhooks here, as `artui watch` does.")
@DRY_RUN
@YES
@AS_JSON
@click.pass_obj
def install_command(session: Session, webhook: str | None, *, dry_run: bool, yes: bool, as_json: bool) -> Exit:
    """Install the service and start it; or bring it up to date with the rules and with artui."""
    steps = this_manager().install(session, webhook)
    return _carry_out(steps, "installed and started", dry_run=dry_run, yes=yes, as_json=as_json)


@service_command.command("remove")
@DRY_RUN
@YES
@AS_JSON
@click.pass_obj
def remove_command(session: Session, *, dry_run: bool, yes: bool, as_json: bool) -> Exit:
    """End the service in order and remove it; journal, settings and sign-ins stay."""
    del session
    return _carry_out(this_manager().remove(), "ended and removed", dry_run=dry_run, yes=yes, as_json=as_json)


@service_command.command("status")
@AS_JSON
@click.pass_obj
def service_status_command(session: Session, *, as_json: bool) -> Exit:
    """Show whether the service runs, as its manager sees it; `artui status` shows the work itself."""
    del session
    found = this_manager().status()
    if as_json:
        put_json(found)
    else:
        put(f"{UNIT}: {found['active']} ({found['state']}), {found['enabled'] or 'not installed'}")
        if found["active"] == "active":
            since = f", since {found['since']}" if found["since"] else ""
            put(f"process {found['pid']}{since}, restarted {counted(int(found['restarts'] or 0), 'time')}")
            if found["said"]:
                put(found["said"])
    return Exit.OK if found["active"] == "active" else Exit.FAILED


@service_command.command("logs")
@click.option("-n", "--lines", type=click.IntRange(min=1), default=100, show_default=True, help="How many lines.")
@click.option("-f", "--follow", is_flag=True, help="Go on with what comes.")
@click.pass_obj
def logs_command(session: Session, lines: int, *, follow: bool) -> Exit:
    """Show what the service has said."""
    del session
    command = this_manager().logs(lines, follow=follow)
    ended = subprocess.run(command, check=False, env=_environment())  # noqa: S603 — the command of the backend
    return Exit.FAILED if ended.returncode else Exit.OK


def _carry_out(steps: Sequence[Step], done: str, *, dry_run: bool, yes: bool, as_json: bool) -> Exit:
    """Say what will be done, ask, and do it."""
    document: ServiceDocument = {"steps": [one.document() for one in steps], "done": not dry_run}
    for step in () if dry_run and as_json else steps:
        (put if dry_run else say)(step.said)
    if dry_run:
        if as_json:
            put_json(document)
        return Exit.OK
    if not yes:
        if not can_ask():
            say("Nothing was done: without a terminal to ask on, --yes agrees to it.")
            return Exit.USAGE
        if not agrees("Do this?"):
            return Exit.USAGE
    for step in steps:
        step.carry_out()
    said = f"The service is {done}."
    go_on(said)
    if as_json:
        put_json(document)
    say(said)
    return Exit.OK
