"""The command line: every command is found here by name and loaded when it is asked for.

One file per family of commands. ``exits`` owns how they end, ``terminal`` what they print and ask, ``session`` what
they stand on. Whatever a service or a provider needs is imported inside the commands that talk to one, so that the
others start at once.
"""

from __future__ import annotations

import io
import os
import resource
import signal
import sys
from collections.abc import Callable, Sequence
from importlib import import_module
from typing import Any, NamedTuple, NoReturn

import click

import artui
from artui.cli import streams
from artui.cli.examples import EXAMPLES
from artui.cli.exits import CommandError, Exit, LoggedDefect, Onward
from artui.cli.terminal import complain, put, put_json
from artui.config import ConfigError
from artui.config.private import NotPrivate, concerns, has_concerns
from artui.config.system import raise_open_files

COMMANDS = {
    "login": "signing",
    "logout": "signing",
    "accounts": "accounts",
    "balance": "accounts",
    "workflows": "accounts",
    "executions": "executions",
    "rate": "executions",
    "submit": "submit",
    "redo": "submit",
    "jobs": "jobs",
    "job": "jobs",
    "first": "jobs",
    "why": "jobs",
    "wait": "jobs",
    "costs": "costs",
    "audit": "audit",
    "verify": "verify",
    "reject": "review",
    "keep": "review",
    "rejected": "review",
    "sheet": "sheet",
    "retry": "act",
    "fetch": "act",
    "cancel": "act",
    "deliver": "act",
    "resolve": "act",
    "approve": "act",
    "pause": "act",
    "resume": "act",
    "allow": "act",
    "watch": "watch",
    "status": "engine",
    "stop": "engine",
    "backup": "backups",
    "restore": "backups",
    "recover": "recovering",
    "config": "settings",
    "notify": "notify",
    "metrics": "metrics",
    "doctor": "doctor",
    "trial": "doctor",
    "service": "service",
    "systemd-unit": "unit",
    "completion": "completing",
    "help": "help",
    "demo": "demo",
    "sim": "demo",
}
"""Every command and the file of this folder that holds it, in the order of the help."""

LOOKING_ON = frozenset(
    {
        "jobs",
        "job",
        "first",
        "why",
        "wait",
        "costs",
        "verify",
        "reject",
        "keep",
        "rejected",
        "sheet",
        "metrics",
        "retry",
        "fetch",
        "cancel",
        "deliver",
        "resolve",
        "approve",
        "pause",
        "resume",
        "allow",
        "status",
        "stop",
    }
)
"""Commands about what is under way: a fault in the settings must not stand in their way."""

NAMES_FAULT = LOOKING_ON - {"stop", "wait"}
"""Of these those that name the fault first, whether they need the settings or not."""


class Commands(click.Group):
    """The commands of ``COMMANDS``, each imported when it is wanted."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        """All names, in the order of the help."""
        del ctx
        return list(COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """One command; None where there is none of this name."""
        del ctx
        if cmd_name not in COMMANDS:
            return None
        module = import_module(f"{__name__}.{COMMANDS[cmd_name]}")
        command: click.Command = getattr(module, f"{cmd_name.replace('-', '_')}_command")
        _finish(command, cmd_name)
        if "_ARTUI_COMPLETE" in os.environ:
            from artui.cli.completing import offer_names

            offer_names(command)
        return command

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """As click does, which would load every command for its first sentence."""
        del ctx
        from artui.cli.summaries import SUMMARIES

        room = formatter.width - 6 - max(map(len, SUMMARIES))  # as click reckons
        with formatter.section("Commands"):
            formatter.write_dl(
                [(name, click.Command(name, help=said).get_short_help_str(room)) for name, said in SUMMARIES.items()]
            )

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        """As click does, with the nearest name where there is none."""
        from artui.config.known import nearest

        if args and not args[0].startswith("-") and args[0] not in COMMANDS:
            hint = nearest(args[0], COMMANDS) or "; `artui --help` lists all"
            raise click.UsageError(f"there is no command {args[0]!r}{hint}")
        return super().resolve_command(ctx, args)

    def invoke(self, ctx: click.Context) -> Any:
        """As click does, which would print at an interrupt, and take every broken pipe for stdout's."""
        try:
            return super().invoke(ctx)
        except (KeyboardInterrupt, EOFError):
            raise click.Abort from None
        except BrokenPipeError as problem:
            streams.blame(problem)
            raise CommandError(Exit.FAILED, f"artui lost a connection ({problem.strerror}).") from problem


_VOLUME = (
    click.Option(
        ["-q", "--quiet"], is_flag=True, expose_value=False, help="Say only what went wrong, and ask nothing.",
        callback=lambda _, __, wanted: streams.set_volume(-1) if wanted else None,
    ),
    click.Option(
        ["-v", "--verbose"], is_flag=True, expose_value=False, help="Say every step; show the traceback of a defect.",
        callback=lambda _, __, wanted: streams.set_volume(1) if wanted else None,
    ),
)  # fmt: skip
"""What every command takes."""


_FIELDS = click.Option(
    ["--fields"], expose_value=False, metavar="NAME,...", help="With --json: only these fields of each document.",
    callback=lambda _, __, wanted: streams.set_fields(wanted.split(",")) if wanted else None,
)  # fmt: skip

SHOWS = frozenset(
    {
        "accounts",
        "balance",
        "workflows",
        "executions",
        "jobs",
        "job",
        "why",
        "costs",
        "audit",
        "verify",
        "rejected",
        "status",
        "doctor",
    }
)
"""Commands that only show: of their documents a script may take some fields alone."""


def _finish(command: click.Command, name: str) -> None:
    """Give a command, or each of a group, what all have: the options that say how much it tells, one way to name what
    an option takes (what it is, or N for a number), and its examples; and to those that only show a choice of fields.
    """
    if isinstance(command, click.Group):
        for inner_name, inner in command.commands.items():
            _finish(inner, f"{name} {inner_name}")
    elif _VOLUME[0] not in command.params:
        for param in command.params:
            if param.metavar is None and isinstance(param, click.Option):
                if isinstance(param.type, (click.types.IntParamType, click.types.FloatParamType)):
                    param.metavar = "N"
                elif isinstance(param.type, click.types.StringParamType):  # a choice and a flag are written by click
                    param.metavar = max(param.opts, key=len).strip("-").upper()
        command.params += (_FIELDS, *_VOLUME) if name in SHOWS else _VOLUME
        command.epilog = "\n".join(("\b", "Examples:", *(f"  {one}" for one in EXAMPLES[name])))


@click.group(
    cls=Commands,
    invoke_without_command=True,
    context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100},
)
@click.version_option(artui.__version__, prog_name="artui", message="%(prog)s %(version)s")
@click.option("--ascii", is_flag=True, help="Draw the console with plain signs.")
@click.option("--readonly", is_flag=True, help="A console that shows everything and changes nothing.")
@click.option("--low-bandwidth", is_flag=True, help="A console for slow lines: two frames a second, no pictures.")
@click.option(
    "--color", type=click.Choice(["auto", "always", "never"]), default="auto", show_default=True,
    help="Whether to use colours; NO_COLOR and CLICOLOR_FORCE say so for every command.",
)  # fmt: skip
@click.option(
    "--spec",
    is_flag=True,
    expose_value=False,
    is_eager=True,
    help="Print all commands as one JSON document.",
    callback=lambda ctx, _, wanted: _print_spec(ctx) if wanted else None,
)
@click.pass_context
def root(
    ctx: click.Context,
    *,
    ascii: bool,  # noqa: A002 — as the flag is
    readonly: bool,
    low_bandwidth: bool,
    color: str,
) -> int:
    """Send photos through paid cloud workflows: each is paid for once, and every result lands on disk.

    Without a command it opens the console, where there is a terminal.
    """
    from artui.cli.console import has_terminal, open_console
    from artui.cli.session import Session

    if color != "auto":
        os.environ |= {"NO_COLOR": "1" if color == "never" else "", "CLICOLOR_FORCE": "1" if color == "always" else ""}
    ctx.obj = Session.here(needs_sound=ctx.invoked_subcommand not in LOOKING_ON)
    if ctx.invoked_subcommand is not None:
        if ascii or readonly or low_bandwidth:
            flags = "--ascii, --readonly and --low-bandwidth"
            raise click.UsageError(f"{flags} are for the console, which opens without a command", ctx)
        if ctx.invoked_subcommand in NAMES_FAULT:
            ctx.obj.name_fault()
        return Exit.OK
    if has_terminal():
        return open_console(ctx.obj, ascii=ascii, readonly=readonly, low_bandwidth=low_bandwidth)
    for line in ctx.get_help().splitlines():
        put(line)
    return Exit.OK


def _print_spec(ctx: click.Context) -> NoReturn:
    from artui.cli.spec import spec

    put_json(spec(ctx.command))
    ctx.exit()


def main() -> int:
    """The program ``artui``: run the command of this process and return its exit code."""
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))  # a core would hold every key this process has seen
    raise_open_files()
    streams.open_missing()
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="backslashreplace")  # a terminal that knows no é is no error
    for number in (signal.SIGTERM, signal.SIGHUP):
        if signal.getsignal(number) is not signal.SIG_IGN:  # nohup means it
            signal.signal(number, signal.default_int_handler)
    return run(sys.argv[1:], become=_become)


def _become(arguments: Sequence[str]) -> None:
    """Be another command from here on, in this process; where the system does not let it, return."""
    given, started = sys.argv[1:], sys.orig_argv
    if not sys.executable or started[len(started) - len(given) :] != given:
        return
    # Until its handlers stand, what would end it waits.
    signal.pthread_sigmask(signal.SIG_BLOCK, streams.ENDING)
    try:
        os.execv(sys.executable, [*started[: len(started) - len(given)], *arguments])  # noqa: S606 — ourselves
    except OSError:  # too many jobs to name
        signal.pthread_sigmask(signal.SIG_UNBLOCK, streams.ENDING)


def run(arguments: Sequence[str], *, become: Callable[[Sequence[str]], None] = lambda _: None) -> int:
    """Run one command; whatever happens ends in an exit code and, where it went wrong, one sentence on stderr: with
    ``--json`` as a document on stdout too. ``become`` makes this process the command that another one goes on as; what
    returns from it goes on here."""
    with streams.one_run():
        failed: Failure | None = None
        try:
            code, sentence = Exit(_main(arguments, become)), ""
        except SystemExit:  # what click makes of a reader of the help that has gone
            code, sentence = Exit.OK, ""
        except (click.Abort, KeyboardInterrupt):
            code, sentence = Exit.INTERRUPTED, "\n" if sys.stderr.isatty() else ""  # the line that shows ^C is ended
        except streams.Untold as untold:
            code, sentence = Exit.OK if untold.reader_left else Exit.USAGE, ""
        except Exception as failure:  # noqa: BLE001 — no traceback reaches a person who did not ask for it
            failed = _failure(failure)
            code, sentence = failed.code, failed.message + (f" ({failed.hint})" if failed.hint else "")
        if not sentence and code is not Exit.OK and streams.volume() < 0:
            sentence = streams.said_last()
        code, lines = streams.ending(code, sentence)
        for line in (*concerns(), *lines):
            complain(line)
        if failed is None and code is Exit.USAGE:  # a command that says itself why it did nothing
            failed = Failure(code, streams.said_last())
        if failed is not None and "--json" in arguments and not streams.has_data():
            put_json({"error": {"code": int(code), "message": failed.message, "hint": failed.hint}})
        return int(code)


def _main(arguments: Sequence[str], become: Callable[[Sequence[str]], None]) -> int:
    try:
        return root.main(list(arguments), prog_name="artui", standalone_mode=False) or 0
    except Onward as onward:
        if streams.are_whole() and not has_concerns():  # else only this process knows what to say in the end
            become(onward.arguments)
        return _main(onward.arguments, become)
    except OSError as problem:
        raise streams.blame(problem) from None


class Failure(NamedTuple):
    """How a command ends that went wrong: the exit code, the sentence for it, and what helps, where that is known."""

    code: Exit
    message: str
    hint: str = ""


def _failure(failure: Exception) -> Failure:
    """What is said of what went wrong. With ``ARTUI_DEBUG`` a defect is raised as it is."""
    from artui.credentials import CredentialProblem, scrub
    from artui.engine.lock import AnotherEngine
    from artui.journal import JournalProblem, UnusableFile

    where = "ARTUI_DEBUG=1 shows where it happened"
    if isinstance(failure, LoggedDefect):
        where, failure = f"{failure.log} says where it happened", failure.defect
    match failure:
        case CommandError():
            return Failure(failure.code, str(failure))
        case click.UsageError():
            hint = f"`{failure.ctx.command_path} --help` shows how" if failure.ctx else ""
            return Failure(Exit.USAGE, failure.format_message().rstrip("."), hint)
        case click.ClickException():
            return Failure(Exit.USAGE, failure.format_message())
        case AnotherEngine():
            return Failure(Exit.LOCKED, str(failure))
        case ConfigError() | JournalProblem() | CredentialProblem() | NotPrivate():
            return Failure(Exit.USAGE, str(failure))
        case _ if isinstance(failure, UnusableFile):
            hint = "where this stays so, `artui recover` mends it"
            return Failure(Exit.USAGE, f"The journal cannot be read: {failure}", hint)
        case OSError():
            name = f"{failure.filename}: " if failure.filename else ""
            return Failure(Exit.USAGE, f"{name}{failure.strerror or failure}")
    if os.environ.get("ARTUI_DEBUG") or streams.volume() > 0:
        raise failure
    what = scrub(f"{type(failure).__name__}: {failure}" if str(failure) else type(failure).__name__)
    sentence = f"artui itself failed ({what}). What was sent is safe"
    return Failure(Exit.FAILED, sentence, where)
