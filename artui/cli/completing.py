"""``artui completion``, and what a shell offers behind an option: names from the settings and the journal, without a
request to any service."""

from __future__ import annotations

import os
import re
from collections.abc import Callable, Iterator, Mapping
from contextlib import suppress
from functools import partial

import click
from click.shell_completion import CompletionItem, get_completion_class

from artui.cli.exits import Exit
from artui.cli.terminal import put
from artui.config import Config, paths, usable
from artui.model.states import FINAL, Reason, Status
from artui.sanitize import sanitize

VARIABLE = "_ARTUI_COMPLETE"
MOST = 200
"""The most that is offered."""


@click.command("completion")
@click.argument("shell", type=click.Choice(["bash", "zsh", "fish"]))
@click.pass_context
def completion_command(context: click.Context, shell: str) -> Exit:
    """Print what has a shell complete commands, options, accounts, workflows, batches and rules.

    bash: eval "$(artui completion bash)" in ~/.bashrc. zsh: eval "$(artui completion zsh)" in ~/.zshrc, after compinit.
    fish: artui completion fish > ~/.config/fish/completions/artui.fish
    """
    kind = get_completion_class(shell)
    assert kind is not None  # noqa: S101 — click knows all three
    made = kind(context.find_root().command, {}, "artui", VARIABLE)
    script = made.source_template % made.source_vars()
    for line in script.replace("read type value", "read -r type value").splitlines():  # else it eats our backslashes
        put(line)
    return Exit.OK


def offer_names(command: click.Command) -> None:
    """Have a command, or each of a group, offer names wherever a parameter takes one."""
    for inner in command.commands.values() if isinstance(command, click.Group) else (command,):
        for param in inner.params:
            kind = _OF_COMMAND.get((inner.name, param.name), param.name or "")
            if kind in _KINDS and not getattr(param, "is_flag", False):
                param.shell_complete = partial(_offered, kind)  # type: ignore[method-assign]


def _offered(kind: str, context: click.Context, incomplete: str) -> list[CompletionItem]:
    """What begins so; nothing where settings or journal cannot be read, for a shell waits for it."""
    found: list[tuple[str, str]] = []
    with suppress(Exception):
        found = [one for one in _KINDS[kind](context) if one[0].casefold().startswith(incomplete.casefold())]
    for_bash = os.environ.get(VARIABLE, "").startswith("bash")
    return [
        CompletionItem(
            # as bash must find it on its line
            re.sub(r"([^\w./:@%+=,-])", r"\\\1", value) if for_bash else value,
            help=sanitize(said, 60) or None,
        )
        for value, said in dict(found[:MOST]).items()
        if value == sanitize(value)
    ]


def _accounts(_: click.Context) -> Iterator[tuple[str, str]]:
    for name, account in _config().accounts.items():
        yield name, account.provider


def _workflows(context: click.Context) -> Iterator[tuple[str, str]]:
    from artui.engine.anchor import open_journal
    from artui.journal import accounts
    from artui.providers.base import Workflow

    config = _config()
    name = context.params.get("account") or config.default_account
    with open_journal(paths()) as journal:
        for account in (name,) if name else config.accounts:
            texts, _ = journal.read(accounts.cached_workflows, account)
            yield from ((one.name, one.id) for one in map(Workflow.from_document, texts))


def _batches(_: click.Context) -> Iterator[tuple[str, str]]:
    from artui.engine.anchor import open_journal
    from artui.journal import batches

    with open_journal(paths()) as journal:
        yield from ((one.name, one.id) for one in journal.read(batches.newest, MOST))


def _rules(_: click.Context) -> Iterator[tuple[str, str]]:
    from artui.engine.anchor import open_journal
    from artui.journal import rules

    with open_journal(paths()) as journal:
        yield from ((row.name, str(row.folder)) for row in journal.read(rules.every))


def _reasons(_: click.Context) -> Iterator[tuple[str, str]]:
    yield from ((reason.value, "") for reason in Reason)


def _jobs(context: click.Context) -> Iterator[tuple[str, str]]:
    """The newest jobs that stand as the command wants them."""
    from artui.engine.anchor import open_journal
    from artui.journal.listing import JobFilter

    wanted = JobFilter(statuses=tuple(_ABOUT.get(context.info_name or "", ())))
    with open_journal(paths()) as journal:
        for job in journal.read(wanted.jobs, downwards=True, limit=MOST):
            yield str(job.id), f"{job.source.name}: {job.reason or job.status}"


_UNFINISHED = frozenset(Status) - FINAL
_ABOUT: Mapping[str, frozenset[Status]] = {
    "retry": frozenset({Status.HELD, Status.FAILED, Status.CANCELLED}),
    "resolve": frozenset({Status.HELD}),
    "cancel": _UNFINISHED,
    "first": _UNFINISHED,
    "fetch": frozenset({Status.DONE, Status.SKIPPED}),
    "deliver": frozenset({Status.DONE, Status.SKIPPED}),
    "rate": frozenset({Status.DONE}),
    "reject": frozenset({Status.DONE, Status.SKIPPED}),
    "keep": frozenset({Status.DONE, Status.SKIPPED}),
}
"""How the jobs stand that a command takes; others take any."""

_OF_COMMAND: Mapping[tuple[str | None, str | None], str] = {
    ("login", "name"): "account",
    ("logout", "name"): "account",
    ("reject", "results"): "numbers",
    ("keep", "results"): "numbers",
    ("sheet", "words"): "batch",
}
"""What is meant by a parameter that is called otherwise."""

_KINDS: Mapping[str, Callable[[click.Context], Iterator[tuple[str, str]]]] = {
    "account": _accounts,
    "workflow": _workflows,
    "workflows": _workflows,
    "numbers": _jobs,
    "number": _jobs,
    "batch": _batches,
    "rule": _rules,
    "reasons": _reasons,
}


def _config() -> Config:
    return usable(paths())
