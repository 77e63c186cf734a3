"""``artui systemd-unit``: a unit that runs ``artui watch`` as a service, and lets it do what its rules need."""

from __future__ import annotations

import getpass
import os
import pwd
import shutil
import sys
from collections.abc import Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path

import click

from artui.cli.exits import CommandError, Exit
from artui.cli.options import AS_JSON, HOST_PORT
from artui.cli.session import Session
from artui.cli.terminal import put, put_json, say
from artui.engine.client import TRUSTED
from artui.watch.systemd import FAILED_UNIT, UNIT

PASSED_ON = ("ARTUI_HOME", "ARTUI_CONFIG_DIR", "XDG_CONFIG_HOME", "XDG_STATE_HOME", "XDG_CACHE_HOME", "XDG_DATA_HOME")
"""Variables that say where artui's own files are; a service sees none of a login's variables."""

RETRY = 300
"""Seconds after which a service that has failed for good is started again."""

_PROXIES = ("https_proxy", "HTTPS_PROXY", "all_proxy", "ALL_PROXY")

_HARDENED = """\
NoNewPrivileges=yes
ProtectSystem=full
ProtectKernelTunables=yes
RestrictAddressFamilies=AF_UNIX AF_INET AF_INET6 AF_NETLINK
RestrictNamespaces=yes
RestrictRealtime=yes
RestrictSUIDSGID=yes
LockPersonality=yes
SystemCallArchitectures=native
SystemCallFilter=@system-service
SystemCallErrorNumber=EPERM
LimitCORE=0
MemoryMax=1G"""
"""What holds for both managers. The system is read-only, and nothing is said of single folders: each that is named
(``ReadWritePaths``) would be a mount of its own in the service, which keeps looking at the old disk when a share is
unmounted and mounted again."""

_USER_ONLY = "PrivateUsers=yes"
"""Without it a user's own manager may not make anything read-only, and says so nowhere (systemd.exec(5))."""

_NO_SETGID = "RestrictSUIDSGID=yes"
"""It also forbids a new folder whose mode is set to keep the group that a share hands down."""

_SYSTEM_ONLY = """\
CapabilityBoundingSet=
PrivateDevices=yes
ProtectClock=yes
ProtectControlGroups=yes
ProtectHostname=yes
ProtectKernelLogs=yes
ProtectKernelModules=yes
ProtectProc=invisible
RemoveIPC=yes"""
"""What takes a privilege to give up, which a user's own manager does not have."""


@click.command("systemd-unit")
@click.option("--system", "for_system", is_flag=True, help="A unit of the system, not of your own service manager.")
@click.option("--user", "name", metavar="NAME", help="With --system: who it runs as; without it you.")
@click.option("--failed", "for_failure", is_flag=True, help="The unit beside it, for when it has failed for good.")
@click.option("--webhook", type=HOST_PORT, help="Have it hear the services' webhooks here, as `artui watch` does.")
@click.option("--renew", is_flag=True, help="Write the installed unit anew, as after a sign-in or for other folders.")
@AS_JSON
@click.pass_obj
def systemd_unit_command(
    session: Session, name: str | None, webhook: str | None, *, for_system: bool, for_failure: bool, renew: bool,
    as_json: bool,
) -> Exit:  # fmt: skip
    """Print a systemd unit that runs `artui watch`, shaped after the rules there are now."""
    place = unit_file(of_system=for_system)
    if renew and not webhook:
        with suppress(OSError):
            words = place.read_text("utf-8", "replace").split()
            webhook = next((after for word, after in pairwise(words) if word == "--webhook"), None)
    unit = make_unit(session, name, webhook, for_system=for_system)
    if renew:
        return _renew(unit, place)
    lines = unit.failed_lines() if for_failure else unit.lines()
    if as_json:
        put_json({"place": str(place), "unit": "\n".join(lines)})
    for line in () if as_json else lines:
        put(line)
    if for_failure:
        return Exit.OK
    for folder in unit.folders:
        if not folder.is_dir():
            say(f"{folder} is not there: its rule is offline until it is.")
    if proxy := next((word for word in _PROXIES if os.environ.get(word)), None):
        say(f"{proxy} is set here, and a service does not see it: set `proxy` in {session.paths.config_file}.")
    if usual := next((word for word in TRUSTED if os.environ.get(word)), None):
        say(f"{usual} is set here, and a service does not see it: set `ca_file` in {session.paths.config_file}.")
    return Exit.OK


def _renew(unit: Unit, place: Path) -> Exit:
    """Write what is installed anew. Raises CommandError where nothing is, or it cannot be written."""
    if not place.is_file():
        raise CommandError(Exit.USAGE, f"{place} is not there: without --renew the unit is printed, to be put there.")
    try:
        for file, text in unit.files():
            file.write_text(text)
    except OSError as problem:
        raise CommandError(
            Exit.USAGE, f"{place} cannot be written ({problem.strerror}): put there what is printed without --renew."
        ) from None
    manager = "sudo systemctl" if unit.of_system else "systemctl --user"
    say(f"{place} was written anew: {manager} daemon-reload && {manager} restart {UNIT}")
    return Exit.OK


def make_unit(session: Session, name: str | None, webhook: str | None, *, for_system: bool) -> Unit:
    """The unit for the rules there are now, to run as ``name``. Raises CommandError, ConfigError."""
    from artui.credentials import KeyStore, of_webhook
    from artui.providers import capabilities
    from artui.watch.rules import load_rules

    session.paths.create()
    rules = load_rules(session.config)
    given = [(rule.mode, rule.group) for rule in rules]
    given += [(account.mode, account.group) for account in session.config.accounts.values()]
    # A rule's folder is written for its marker, done/ and failed/.
    folders = sorted({folder for rule in rules for folder in (rule.folder, rule.target.folder)})
    # The sign-ins that the rules need, with the secrets of webhook calls.
    accounts = [session.config.accounts[rule.account] for rule in rules]
    names = {account.login for account in accounts}
    if webhook:
        names |= {of_webhook(account.login) for account in accounts if capabilities(account.provider).signs_webhooks}
    kept = {name: session.vault.find(name) for name in sorted(names)}
    return Unit(
        user=_runs_as(name, for_system=for_system),
        of_system=for_system,
        command=this_artui(),
        options=("--webhook", webhook) if webhook else (),
        folders=(session.paths.state, *folders),
        environment=tuple((word, os.environ[word]) for word in PASSED_ON if os.environ.get(word)),
        logins=tuple(Login(name, one is not None and one.place is KeyStore.FILE) for name, one in kept.items()),
        groups=tuple(sorted({group for _, group in given if group})),
        gives_modes=any(mode for mode, _ in given),
    )


def unit_file(*, of_system: bool, name: str = UNIT) -> Path:
    """Where a unit is installed: for this user's own manager, or for the system's."""
    if of_system:
        return Path("/etc/systemd/system") / f"{name}.service"
    home = os.environ.get("XDG_CONFIG_HOME") or Path.home() / ".config"
    return Path(home) / "systemd" / "user" / f"{name}.service"


def hands_over(login: str) -> Path | None:
    """The installed unit that hands its service a token of this sign-in, which goes before a kept one; or None."""
    for place in (unit_file(of_system=False), unit_file(of_system=True)):
        with suppress(OSError):
            if any(line.startswith(f"LoadCredential={login}.token:") for line in place.read_text().splitlines()):
                return place
    return None


def _runs_as(name: str | None, *, for_system: bool) -> str:
    """Who the service runs as. The rules and the token are this user's, so nobody else's unit can be shaped here."""
    me = getpass.getuser()
    if name and not for_system:
        raise CommandError(
            Exit.USAGE, "--user NAME goes with --system: a unit of your own service manager runs as you."
        )
    if for_system and not name and os.geteuid() == 0:
        raise CommandError(
            Exit.USAGE, "artui needs no root: say --user NAME, and run this as NAME (`sudo -u NAME artui …`)."
        )
    if name and name != me and not os.environ.get("ARTUI_HOME"):
        raise CommandError(
            Exit.USAGE, f"The rules of {name} are meant: run `sudo -u {name} artui systemd-unit --system`."
        )
    try:
        return pwd.getpwnam(name or me).pw_name
    except KeyError:
        raise CommandError(Exit.USAGE, f"There is no user {name or me!r} here: `useradd --system` makes one.") from None


def this_artui() -> tuple[str, ...]:
    """The command that starts this very artui, by absolute path."""
    script = Path(sys.argv[0])
    if script.name == "artui" and (found := shutil.which(script)):
        return (os.path.abspath(found),)  # noqa: PTH100 — a link that an update moves on stays a link
    return (sys.executable, "-m", "artui")


@dataclass(frozen=True, slots=True)
class Login:
    """A sign-in the service needs, or the secret of its webhook; ``in_file``: its token lies in artui's own folder."""

    name: str
    in_file: bool

    @property
    def signs_in(self) -> str:
        """The command that keeps it."""
        account, _, webhook = self.name.partition(".")
        return f"artui login {account}{' --webhook-secret' * bool(webhook)}"


@dataclass(frozen=True, slots=True)
class Unit:
    """What a unit is made of; ``options`` are those of ``artui watch``, ``folders`` artui's own and its rules'.
    ``groups`` and ``gives_modes``: what results are given."""

    user: str
    of_system: bool
    command: Sequence[str]
    folders: Sequence[Path]
    environment: Sequence[tuple[str, str]] = ()
    options: Sequence[str] = ()
    logins: Sequence[Login] = ()
    groups: Sequence[str] = ()
    gives_modes: bool = False

    def files(self) -> Iterator[tuple[Path, str]]:
        """What is installed, and where: the unit, and the one for when it has failed."""
        for name, lines in ((UNIT, self.lines()), (FAILED_UNIT, self.failed_lines())):
            yield unit_file(of_system=self.of_system, name=name), "\n".join(lines) + "\n"

    def failed_lines(self) -> Iterator[str]:
        """The unit that is called where the service has failed for good: people are told, and it is tried again.

        Who stops the service stops this too. That a signal ends it must count as a failure: as a success it would lead
        to the next command, which starts what is being stopped.
        """
        manager, privileged = ("systemctl", "+") if self.of_system else ("systemctl --user", "")
        yield f"# For when {UNIT} has failed for good. Made by `artui systemd-unit --failed`."
        yield ""
        yield "[Unit]"
        yield "Description=artui: tells that watching does not start, and tries it again"
        yield f"PartOf={UNIT}.service"
        yield ""
        yield "[Service]"
        yield "Type=oneshot"
        yield from self._runs_as()
        yield f"ExecStart=-{self._started('notify', 'ended')}"
        yield f"ExecStart=sleep {RETRY}"
        yield f"ExecStart={privileged}{manager} reset-failed {UNIT}.service"
        yield f"ExecStart={privileged}{manager} --no-block start {UNIT}.service"

    def lines(self) -> Iterator[str]:
        """The unit, with the commands that install it on top."""
        manager, place = ("systemctl", "/etc/systemd/system") if self.of_system else (
            "systemctl --user", "~/.config/systemd/user",
        )  # fmt: skip
        yield "# artui watch as a service. Made by `artui systemd-unit`."
        yield "#"
        whose = ("--system", "--user", self.user) if self.of_system else ()
        made_by = " ".join(("artui systemd-unit", *whose))
        sudo = "sudo " * self.of_system
        for label, options, name in (("install", self.options, UNIT), ("       ", ("--failed",), FAILED_UNIT)):
            write = f"| sudo tee {place}/{name}.service >/dev/null" if self.of_system else f"> {place}/{name}.service"
            yield f"#   {label}   {' '.join((made_by, *options))} {write}"
        yield f"#             {sudo}{manager} daemon-reload && {sudo}{manager} enable --now {UNIT}"
        if not self.of_system:
            yield f"#   and       loginctl enable-linger {self.user}    (else it ends when you log out)"
        yield f"#   follow    journalctl {'' if self.of_system else '--user '}-u {UNIT} -f"
        yield f"#   rules     {sudo}{manager} reload {UNIT}    (reads config.toml again)"
        yield ""
        yield "[Unit]"
        yield "Description=artui: watched folders to paid photo workflows"
        yield f"OnFailure={FAILED_UNIT}.service"
        yield "StartLimitIntervalSec=3600"
        yield "StartLimitBurst=5"
        if self.of_system:
            yield "Wants=network-online.target"
            # Ordered, not required: a share that is absent makes its own rule offline, and nothing else.
            yield "After=network-online.target remote-fs.target"
        yield ""
        yield from self._service()
        yield ""
        yield from ("[Install]", f"WantedBy={'multi-user' if self.of_system else 'default'}.target")

    def _service(self) -> Iterator[str]:
        yield "[Service]"
        yield "Type=notify"
        yield from self._runs_as()
        yield f"ExecStart={self._started('watch', *self.options)}"
        yield "ExecReload=/bin/kill -HUP $MAINPID"
        yield "Restart=on-failure"
        yield "RestartSec=30"
        yield "WatchdogSec=120"
        yield "TimeoutStartSec=300"
        yield "TimeoutStopSec=180"
        yield "KillMode=mixed"
        yield ""
        # Where tokens come from: a keyring is locked, and a variable unset, where nobody has logged in.
        folder = "/etc/artui" if self.of_system else "%h/.config/artui"
        for login in self.logins:
            line = f"LoadCredential={login.name}.token:{folder}/{login.name}.token"
            if login.in_file:
                yield f"# {login.name}'s key lies in a file of artui's that only {self.user} can read. Instead of it:"
            else:
                yield f"# {login.name}'s key must lie in this file, mode 0600, before the service starts. Or sign in"
                yield f"# with `{login.signs_in} --store file` and make this unit anew."
            yield f"# {line}" if login.in_file else line
        yield from (line for line in _HARDENED.splitlines() if not (self.gives_modes and line == _NO_SETGID))
        if not any(folder.is_relative_to(temporary) for folder in self.folders for temporary in _SHARED):
            yield "PrivateTmp=yes"
        if self.of_system:
            yield from _SYSTEM_ONLY.splitlines()
        elif self.groups:
            groups = " or ".join(self.groups)
            yield f"# {_USER_ONLY} is left out, for in it no file can be given to {groups}. Without it the manager of a"
            yield "# user cannot make the system read-only; that of the system can (`artui systemd-unit --system`)."
        else:
            yield _USER_ONLY

    def _runs_as(self) -> Iterator[str]:
        if self.of_system:
            yield f"User={self.user}"
        for name, value in self.environment:
            yield f"Environment={quoted(f'{name}={value}')}"

    def _started(self, *words: str) -> str:
        return " ".join(quoted(word).replace("$", "$$") for word in (*self.command, *words))


_SHARED = (Path("/tmp"), Path("/var/tmp"))  # noqa: S108 — a service of its own sees other folders there


def quoted(value: str | Path) -> str:
    """A word for a unit, in quotes where it needs them. Raises CommandError for what cannot stand in one."""
    text = os.fspath(value)
    if not text.isprintable() or any("\ud800" <= sign <= "\udfff" for sign in text):
        raise CommandError(Exit.USAGE, f"{text}: this name cannot stand in a unit, rename it.")
    text = text.replace("%", "%%")
    if any(sign in text for sign in " \"'\\;#"):
        escaped = text.replace("\\", "\\\\").replace('"', '\\"')
        return f'"{escaped}"'
    return text
