"""``artui config``: where the settings are, what they say, and who says so."""

from __future__ import annotations

import re

import click

from artui.cli.exits import Exit
from artui.cli.options import AS_JSON
from artui.cli.session import Session
from artui.cli.streams import go_on
from artui.cli.terminal import put, put_json, put_table, say


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
    from artui.files import group_fault
    from artui.watch.rules import load_rules

    for account in session.config.accounts.values():
        providers.settings(providers.load(account.provider), account)
    rules = load_rules(session.config)
    for key, source in session.config.sources.items():
        name = session.config.values.get(key) if re.fullmatch(r"(accounts|watch)\.[^.]+\.group", key) else None
        if name and (fault := group_fault(str(name))):
            raise ConfigError(f"{source}: {key} cannot be given: {fault}. Until then results are saved without it")
    if as_json:
        put_json({"accounts": list(session.config.accounts), "rules": [rule.name for rule in rules]})
        return Exit.OK
    number = len(session.config.accounts)
    watched = f", {len(rules)} watched folder{'' if len(rules) == 1 else 's'}" if rules else ""
    say(f"The settings are right: {number} account{'' if number == 1 else 's'}{watched}.")
    return Exit.OK


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
