"""``artui config``: where the settings are, what they say, and who says so."""

from __future__ import annotations

import os
import re
from collections.abc import Iterator, Sequence
from shutil import which
from typing import TYPE_CHECKING

import click

from artui.cli.exits import Exit
from artui.cli.options import AS_JSON
from artui.cli.session import Session
from artui.cli.streams import go_on
from artui.cli.terminal import put, put_json, put_table, say
from artui.config import Config, dotted, variable
from artui.config.known import TOP, nearest

if TYPE_CHECKING:
    from artui.cli.documents import ConfigCheckDocument, ConfigPathsDocument
    from artui.watch.rules import Rule


@click.group("config")
def config_command() -> None:
    """Show, check or begin the settings."""


@config_command.command("path")
@AS_JSON
@click.pass_obj
def _path(session: Session, *, as_json: bool) -> Exit:
    """Print where config.toml is, or would be; says where settings.toml is too."""
    if as_json:
        paths = session.paths
        put_json({"config": str(paths.config_file), "settings": str(paths.settings_file)})
        return Exit.OK
    put(str(session.paths.config_file))
    say(f"What you choose on artui's screens is in {session.paths.settings_file}.")
    return Exit.OK


@config_command.command("paths")
@AS_JSON
@click.pass_obj
def _paths(session: Session, *, as_json: bool) -> Exit:
    """Print where everything is that artui keeps, whether it is there yet or not."""
    paths = session.paths
    document: ConfigPathsDocument = {
        "config": str(paths.config_file), "settings": str(paths.settings_file), "journal": str(paths.journal),
        "log": str(paths.log), "credentials": str(paths.credentials), "spool": str(paths.spool),
        "anchor": str(paths.anchor), "cache": str(paths.cache),
    }  # fmt: skip
    if as_json:
        put_json(document)
    else:
        put_table([(name, str(place)) for name, place in document.items()])
    return Exit.OK


@config_command.command("init")
@AS_JSON
@click.pass_obj
def _init(session: Session, *, as_json: bool) -> Exit:
    """Begin config.toml with the commented example; one that exists is left alone."""
    from artui.config import write_example

    file = write_example(session.paths)
    go_on(f"{file} was made.")
    if as_json:
        put_json({"config": str(file)})
    else:
        put(str(file))
    return Exit.OK


@config_command.command("check")
@AS_JSON
@click.pass_obj
def _check(session: Session, *, as_json: bool) -> Exit:
    """Read every setting and say what is wrong, with its line."""
    from artui import providers
    from artui.config import ConfigError
    from artui.config.described import OWN_VARIABLES
    from artui.watch.rules import load_rules

    config = session.config
    for account in config.accounts.values():
        providers.settings(providers.load(account.provider), account)
        if account.login not in config.accounts:
            known = nearest(account.login, config.accounts) or f"; known: {', '.join(config.accounts)}"
            source = config.sources[dotted(("accounts", account.name, "login"))]
            raise ConfigError(f"{source}: accounts.{account.name}.login: there is no account {account.login}{known}")
    if config.ca_file and not os.access(config.ca_file, os.R_OK):
        raise ConfigError(f"{config.sources['ca_file']}: ca_file: {config.ca_file} is no file that can be read")
    rules = load_rules(config)
    _check_against_this_machine(config)
    warnings: list[str] = []
    used = {source.name for source in config.sources.values()} | OWN_VARIABLES
    used |= {variable(one.login, key) for one in config.accounts.values() for key in ("token", "webhook_token")}
    known_names = [*(f"ARTUI_{word.upper()}" for word in TOP), *used]
    for name in sorted(os.environ):
        if name.startswith("ARTUI_") and os.environ[name] and name not in used:
            advice = nearest(name, known_names) or "; `artui help environment` lists what does"
            warnings.append(f"The variable {name} sets nothing{advice}")
    warnings += _workflows_unknown(session, rules)
    warnings += [
        f"{rule.source}: rejected: {rule.rejected} is not there, nor is {rule.rejected.parent}: no rejection is seen"
        " until that is; `artui watch` then makes the folder"
        for rule in rules
        if rule.rejected and not rule.rejected.is_dir() and not rule.rejected.parent.is_dir()
    ]
    for warning in warnings:
        say(warning)
    if as_json:
        document: ConfigCheckDocument = {
            "accounts": list(config.accounts), "rules": [rule.name for rule in rules], "warnings": warnings,
        }  # fmt: skip
        put_json(document)
        return Exit.OK
    number = len(session.config.accounts)
    watched = f", {len(rules)} watched folder{'' if len(rules) == 1 else 's'}" if rules else ""
    say(f"The settings are right: {number} account{'' if number == 1 else 's'}{watched}.")
    return Exit.OK


def _check_against_this_machine(config: Config) -> None:
    """Raise ConfigError where an account or rule names a group or program that this machine does not have for us."""
    from artui.config import ConfigError
    from artui.files import group_fault

    for key, value in config.values.items():
        found = re.fullmatch(r"(?:accounts|watch)\.[^.]+\.(group|after_saved)", key)
        if not found or not value:
            continue
        if found[1] == "group" and (fault := group_fault(str(value))):
            raise ConfigError(
                f"{config.sources[key]}: {key} cannot be given: {fault}. Until then results are saved without it"
            )
        if isinstance(value, tuple) and not which(value[0]):
            raise ConfigError(
                f"{config.sources[key]}: {key} cannot be run: there is no program {value[0]}. Until there is, results"
                " are saved and not delivered"
            )


def _workflows_unknown(session: Session, rules: Sequence[Rule]) -> Iterator[str]:
    """A sentence for each workflow that is set and was not among those of its account when these were fetched last."""
    from artui.core.plan import match_workflow
    from artui.journal import accounts
    from artui.providers.base import Workflow

    wanted = {(one.name, one.workflow): f"accounts.{one.name}.workflow" for one in session.config.accounts.values()}
    wanted |= {(rule.account, word): f"the rule {rule.name}" for rule in rules for word in rule.workflows}
    if not session.paths.journal.exists():
        return
    with session.journal() as journal:
        for (account, workflow), where in wanted.items():
            texts, _ = journal.read(accounts.cached_workflows, account)
            if workflow and texts and not match_workflow([Workflow.from_document(text) for text in texts], workflow):
                yield (
                    f"{where}: {account} had no workflow {workflow} when they were fetched last:"
                    f" `artui workflows -a {account}` lists them anew."
                )


@config_command.command("show")
@click.argument("what", required=False, type=click.Choice(["ignore"]))
@AS_JSON
@click.pass_obj
def _show(session: Session, what: str | None, *, as_json: bool) -> Exit:
    """Show every setting and who set it; with `ignore` the names and folders that are never taken from a folder."""
    config = session.config
    if what:
        listed = config.ignoring.patterns
        if as_json:
            put_json([{"pattern": pattern, "reason": kind} for pattern, kind in listed])
        else:
            put_table([("pattern", "why"), *listed])
            say("A / at the end means folders. A file that you name yourself is sent whatever it is called.")
        return Exit.OK
    if as_json:
        put_json({key: {"value": value, "source": str(config.sources[key])} for key, value in config.values.items()})
        return Exit.OK
    rows = [
        (key, "-" if value is None else str(value), str(config.sources[key])) for key, value in config.values.items()
    ]
    put_table([("setting", "value", "set by"), *rows])
    return Exit.OK
